--- Sends the messages of a load test many at a time, made and counted in C: what the engine uses where the messages need no Lua each.
local codecs = require "smpp.codec"
local core = require "smpp.core"
local schema = require "smpp.base.schema"

local batch = {}

---@class smpp.LoadBatch
---@field stamps smpp.CoreBatch
local Batch = {}
local mt = { __index = Batch, __name = "smpp.LoadBatch" }

local MOST = 64 -- messages sent with one call
local LOOK = 16 -- messages sent between two readings of the clock, or all of a call

--- Makes the batch of a source; nil: its messages need Lua.
---@param source smpp.LoadSource
---@param o { seed: number, command: string, codec: table? }  seed: of the source's random numbers
---@return smpp.LoadBatch? self
function batch.of(source, o)
  local numbers, templates
  if source.parts then numbers, templates = source:parts() end
  if not numbers then return nil end
  local self = setmetatable({
    stamps = core.batch(o.seed % 2147483646), templates = templates, command = o.command,
    codec = o.codec or codecs.codec,
    first_of = {},                          -- interface_version -> number of the first template
    dues = {}, from = 1, pending = 0, is_counted = true, is_over = false, -- messages that are due and have not left
  }, mt)
  for _, number in ipairs(numbers) do
    local digits = number[2]
    self.stamps:number(number[1], digits.at, digits.kind, digits.width, digits.low, digits.count)
  end
  self.stamps:pick(source.in_order and "in_order" or "at_random")
  return self
end

--- The number of the first template for a session of a version.
local function first_for(self, version)
  local first = self.first_of[version]
  if first then return first end
  for i, fields in ipairs(self.templates) do
    local octets, message = self.codec.encode(schema.merge(fields, { command = self.command }), version)
    if not octets then error(message, 0) end
    local number = assert(self.stamps:template(octets))
    if i == 1 then first = number end
  end
  self.first_of[version] = first
  return first
end

--- Sends up to `messages` over a session, with the rest of the arguments of core's send_batch.
---@return integer sent
---@return integer late
---@return integer waited
---@return string? message
---@return string? code
function Batch:send(session, now, is_counted, messages, ...)
  return session:send_batch(self.stamps, self.ended, first_for(self, session.version), #self.templates, now, is_counted, messages, ...)
end

--- Outcomes may have come: counts them.
---@param engine smpp.LoadEngine
---@param link smpp.LoadLink
---@param session smpp.Session
local function settle(self, engine, link, session)
  if self.is_over then return end -- the figures are made
  local ended = engine.recorder:settle(self.stamps, session.read_at or engine.loop:precise())
  if ended == 0 then return end
  link.open = link.open - ended
  engine:freed(ended)
end

--- Prepares a link: the outcomes of its session are those of its messages.
---@param engine smpp.LoadEngine
---@param link smpp.LoadLink
function Batch:join(engine, link)
  link.ended = function(session) settle(self, engine, link, session) end
end

--- Takes messages that are due by now, all of the warm-up or none; false: there are none.
local function gather(self, engine, now)
  local dues, count, started = self.dues, 0, engine.recorder.started
  self.from = 1
  repeat
    local due = engine:next(now, count > 0)
    if not due then break end
    count = count + 1
    dues[count], self.pending = due, count
    self.is_counted = due >= started
  until count == MOST or not self.is_counted -- of the warm-up one by one, so that none is with others
  return self.pending > 0
end

--- Sends messages over a link, in the open model those that wait.  Returns whether some left.
local function send(self, engine, link, session, now, most)
  local recorder, dues = engine.recorder, nil
  local sent, message, code, _
  local is_counted = now >= recorder.started
  if engine.schedule then dues, is_counted = self.dues, self.is_counted end
  self.ended = link.ended
  if is_counted then
    sent, message, code = recorder:send_batch(self, session, now, most, dues, self.from, engine.blocked_until)
  else
    sent, _, _, message, code = self:send(session, now, false, most)
    recorder.warm = recorder.warm + sent
  end
  link.open, engine.open, engine.n = link.open + sent, engine.open + sent, engine.n + sent
  if dues then self.from, self.pending = self.from + sent, self.pending - sent end
  if code and code ~= "window_full" then
    if code ~= "closed" and code ~= "not_sent" then error(message, 0) end
    link.session = nil
  end
end

--- Sends all that is due and has room.
---@param engine smpp.LoadEngine
function Batch:pump(engine)
  local loop, recorder = engine.loop, engine.recorder
  local now, look = loop:precise(), LOOK
  while not engine.stopping do
    if engine.schedule and self.pending == 0 and not gather(self, engine, now) then
      if engine.stopping or not engine.next_due then break end
      now = loop:precise()
      if engine.next_due > now then break end
    else
      local link, session = engine:room(now)
      if not link then
        engine:block(self.pending > 0 and now - self.dues[self.from] or 0)
        break
      end
      if engine.is_blocked then
        now = loop:precise()
        engine:unblock(now)
      end
      local most = math.min(link.limit - link.open, MOST)
      if engine.schedule then
        -- Messages go round in turn; a single link takes all.
        most = engine.links[2] and 1 or math.min(most, self.pending)
      else
        most = math.min(most, engine:left(now))
        if most == 0 then
          engine:stop "done"
          break
        end
      end
      send(self, engine, link, session, now, most)
      look = look - most
      if look <= 0 then
        recorder:note_window(engine.open)
        now, look = loop:precise(), LOOK
      end
    end
  end
end

--- When the oldest message was due that waits to be sent; nil: none does.
---@return number?
function Batch:oldest() return self.pending > 0 and self.dues[self.from] or nil end

--- How many messages wait to be sent, when the sending ends; they never will be.
---@return integer count
---@return boolean is_counted  whether the latest message counts
function Batch:drop()
  local count = self.pending
  self.pending = 0
  return count, self.is_counted
end

--- Forgets what is in flight.  Returns how many of them count.
---@return integer
function Batch:abandon()
  self.is_over = true
  return self.stamps:abandon()
end

return batch
