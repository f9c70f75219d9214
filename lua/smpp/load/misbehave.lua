--- Clients that misbehave on purpose, to see what a message centre makes of them.
local clients = require "smpp.client"
local codec = require "smpp.codec"
local kind = require "smpp.base.kind"
local run = require "smpp.loop.run"
local task = require "smpp.base.task"

---@class smpp.LoadMisbehaviour
---@field options (fun(given: table))?  changes the options of a bind
---@field start (fun(self: smpp.LoadRun, ended: (fun(): boolean), options: fun(n: integer): table))?  runs beside the test
---@field close (fun(esme: smpp.Client))?  before a client is closed

local misbehave = {}

misbehave.kind = kind.one_of("slow-reader", "never-ack", "bind-storm", "half-pdu", "no-unbind", "wrong-sequence")

local FOREVER_S = 1e9

local ways = {}

--- Reads for 50 ms in five seconds.
ways["slow-reader"] = { start = function(self, ended)
  for _, esme in ipairs(self.esmes) do
    run.spawn(function()
      while not ended() do
        local session = esme.session
        if session then session:pause() end
        run.sleep(4.95)
        if session then session:resume() end
        run.sleep(0.05)
      end
    end)
  end
end }

--- Never answers deliver_sm.
ways["never-ack"] = { options = function(given)
  given.deliver_sm = function() task.wait(ways) end -- never woken
  given.answer_timeout_s = FOREVER_S
end }

--- Binds and goes without unbind, over and over.
ways["bind-storm"] = { start = function(self, ended, options)
  run.spawn(function()
    local n = 0
    while not ended() do
      n = n + 1
      local given = options(n)
      given.reconnect = false
      run.spawn(function()
        local session = clients.open(given)
        if not session then return end
        session:bind_transceiver({ system_id = given.system_id or session.system_id or self.o.client.system_id,
          password = given.password or self.o.client.password, interface_version = 0x34 }, 5)
        session:close()
      end)
      run.sleep(1 / self.o.bind_rate)
    end
  end)
end }

--- A connection of its own that writes octets of the way.
local function raw(self, ended, write)
  run.spawn(function()
    while not ended() do
      local host, closed = self.o.client.hosts[1], false
      self.loop:connect({ host = host.host, port = host.port }, function(transport)
        if not transport then
          closed = true
          return
        end
        write(transport)
        transport:start(function(octets) write(transport, octets) end, function() closed = true end)
        run.spawn(function()
          while not ended() and not closed do run.sleep(0.2) end
          transport:close()
          closed = true
        end)
      end)
      while not closed do run.sleep(0.2) end
      if not ended() then run.sleep(1) end
    end
  end)
end

local function bind_octets(self)
  local client = self.o.client
  return assert(codec.encode { command = "bind_transceiver", sequence_number = 1, system_id = client.system_id, password = client.password,
    interface_version = 0x34 })
end

--- Begins a PDU on a connection of its own and never ends it.
ways["half-pdu"] = { start = function(self, ended)
  raw(self, ended, function(transport, received)
    if not received then transport:write(bind_octets(self):sub(1, 20)) end
  end)
end }

--- Answers on a connection of its own with numbers that were never asked for.
ways["wrong-sequence"] = { start = function(self, ended)
  raw(self, ended, function(transport, received)
    if not received then return transport:write(bind_octets(self)) end
    for n = 1, 10 do
      transport:write(assert(codec.encode { command = "deliver_sm_resp", sequence_number = 1000000 + n }))
    end
  end)
end }

--- Ends without unbind.
ways["no-unbind"] = { close = function(esme)
  if esme.session then esme.session:close() end
end }

--- What a client does, by the name of its way.
---@param name string
---@return smpp.LoadMisbehaviour
function misbehave.of(name) return ways[name] end

return misbehave
