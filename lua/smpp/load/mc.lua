--- The load test of ESMEs: a message centre that pushes MO and receipts to whoever binds.
local receipts = require "smpp.receipt"
local servers = require "smpp.server"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"

local mc = {}

local RECEIVES = { BOUND_RX = true, BOUND_TRX = true }

--- Listens, and waits for the first bind that receives.
---@async
---@param self smpp.LoadRun
---@return boolean? ok
---@return string? message
---@return string? code  "connect_failed", "timeout"
function mc.listen(self)
  local o, links, waiter = self.o, {}, nil
  local server, message, code = servers.new(schema.merge({ host = "127.0.0.1", port = 2775 }, o.listen, {
    loop = o.loop, window = o.window, response_timeout_s = o.response_timeout_s, submit_sm = o.listen.submit_sm or function() return true end,
  }))
  if not server then return nil, message, code end
  self.server = server
  server:on("error", function(why) self.last_error = why end)
  if self.watch then server:on("pdu", function(session, pdu, direction) self.watch(pdu, direction, session) end) end
  server:on("session", function(session)
    if not RECEIVES[session.state] then return end
    local link = { session = session, open = 0, limit = o.window }
    links[session], self.links[#self.links + 1] = link, link
    self.up = self.up + 1
    if self.up > 1 and self.engine.began_at then self.recorder.reconnections = self.recorder.reconnections + 1 end
    self.engine:add(link)
    self.changed()
    if waiter then task.wake_for(waiter, mc) end
  end)
  server:on("closed", function(session)
    local link = links[session]
    if not link then return end
    links[session], link.session = nil, nil
    for i, known in ipairs(self.links) do
      if known == link then
        table.remove(self.links, i)
        break
      end
    end
    self.engine:remove(link)
    self.changed()
  end)
  if o.on_listening then o.on_listening(server.host, server.port) end
  local timed_out = false
  local timer = o.loop:timer(function()
    timed_out = true
    if waiter then task.wake_for(waiter, mc) end
  end, true)
  timer:start(o.wait_bind_s)
  waiter = task.current()
  self.binder = waiter
  while self.up == 0 and not timed_out and not self.interrupted do task.wait(mc) end
  waiter, self.binder = nil, nil
  timer:close()
  if self.up > 0 then return true end
  return nil, ("no ESME bound as receiver or transceiver within %g s"):format(o.wait_bind_s), "timeout"
end

local Source = {}
local SOURCE = { __index = Source, __name = "smpp.LoadSource" }

--- Messages of which a share are receipts of messages that were never sent.
---@param source smpp.LoadSource  of MO
---@param share number
---@param loop smpp.Loop
---@param random fun(): number
---@return smpp.LoadSource
function mc.with_receipts(source, share, loop, random)
  return setmetatable({ source = source, share = share, loop = loop, random = random, n = 0 }, SOURCE)
end

function Source:next()
  local submits = self.source:next()
  if self.random() >= self.share then return submits, false end
  self.n = self.n + 1
  local submit = submits[1]
  local now = math.floor(self.loop:time())
  local text = assert(receipts.format { id = ("%08x"):format(self.n), state = "DELIVERED", submitted = now - 1, done = now })
  return { {
    source_addr = submit.destination_addr, source_addr_ton = submit.dest_addr_ton, source_addr_npi = submit.dest_addr_npi,
    destination_addr = submit.source_addr or "", dest_addr_ton = submit.source_addr_ton, dest_addr_npi = submit.source_addr_npi,
    esm_class = 4, short_message = text,
  } }, false
end

return mc
