--- The actor `smsc`: a message centre of which every answer is in the script.
local inboxes = require "smpp.scenario.inbox"
local kind = require "smpp.base.kind"
local listening = require "smpp.scenario.listening"
local schema = require "smpp.base.schema"
local version = require "smpp.codec.version"

local smsc = {}

---@class smpp.ScenarioSmsc
local Smsc = {}
local mt = { __index = Smsc, __name = "smpp.ScenarioSmsc" }
function mt:__tostring() return self.name end

for name, method in pairs(listening.methods) do Smsc[name] = method end

smsc.options = schema.new {
  { "name", "string" },
  { "accounts", kind.map("string", kind.either("string", "table"), "passwords by system_id") },
  { "system_id", "string", "smsc" },
  { "version", version.kind, "3.4" },
  { "auto", kind.list("string", "commands"), { "enquire_link", "unbind" } },
  { "bind", "boolean", false },
  { "unexpected", kind.one_of("fail", "ignore"), "fail" },
}

---@param world smpp.ScenarioWorld
---@param given table
---@return smpp.ScenarioSmsc
function smsc.new(world, given)
  world:check_options(smsc.options, given, "smsc")
  local o = smsc.options:fill(given)
  local self = setmetatable({
    accounts = o.accounts, system_id = o.system_id, version = version.of(o.version), takes_binds = o.bind,
    last_message_id = 0,
    bound_lines = {},            -- bound by themselves, for `bound`
    ends = {}, changes = {},     -- connections that ended, in order
  }, mt)
  world:add(self, o.name, "smsc")
  self.inbox = inboxes.new(self, o)
  listening.open(self, world)
  return self
end

function Smsc:accepted(transport, number)
  local line = listening.line(self, self.world, transport, number)
  line:start()
  return line
end

function Smsc:arrived(line, pdu, entry)
  if line:take_response(pdu) then return end
  self.inbox:take(line, pdu, entry)
end

function Smsc:line_ended(line)
  table.insert(self.ends, line)
  self.world:changed(self.changes)
end

function Smsc:note_bound(line) table.insert(self.bound_lines, line) end

--- Hints for a failure: what looks wrong with the connections.
function Smsc:trouble(line)
  for i = 1, self.connection_count do
    local connection = self.connections[i]
    if connection and connection.malformed and (not line or line == connection) then return "what came is malformed: " .. connection.malformed end
  end
  if self.connection_count == 0 then return "nobody has connected" end
end

function Smsc:take_message_id()
  self.last_message_id = self.last_message_id + 1
  return ("%d"):format(self.last_message_id)
end

--- The status with which `accounts` refuse a bind, nil: accepted.
function Smsc:refusal(pdu)
  if not self.accounts then return nil end
  local account = self.accounts[pdu.system_id]
  if not account then return "ESME_RINVSYSID" end
  local password = type(account) == "table" and account.password or account
  if password and password ~= pdu.password then return "ESME_RINVPASWD" end
end

--- Waits for a bind and answers it.
---@async
---@param account? string
---@return smpp.ScenarioLine session
function Smsc:bound(account)
  self.world:check_alive()
  for i, line in ipairs(self.bound_lines) do
    if not account or line.system_id == account then
      table.remove(self.bound_lines, i)
      return line
    end
  end
  local arrival = self.inbox:expect("bind", account and { system_id = account } or {}, {})
  arrival:answer()
  return arrival.session
end

--- The n-th connection; waits for it.
---@async
---@param n? integer
---@param seconds? number
---@return smpp.ScenarioLine
function Smsc:session(n, seconds)
  local world = self.world
  world:check_alive()
  local line = world:await(seconds or world.within_s, self.connection_changes, function() return self.connections[n or 1] end)
  return line or world:abort {
    kind = "expect", actor = self.name, message = ("expected connection %d, there are %d"):format(n or 1, self.connection_count),
  }
end

--- Waits for the end of a connection: of the oldest that no other call has had.
---@async
---@param seconds? number
---@return "unbound"|"closed"|"reset"
function Smsc:expect_closed(seconds)
  local world = self.world
  world:check_alive()
  local function next_end()
    for _, line in ipairs(self.ends) do
      if not line.end_taken then return line end
    end
  end
  local line = world:await(seconds or world.within_s, self.changes, next_end)
  if not line then
    local limit = seconds or world.within_s
    world:abort { kind = "expect", actor = self.name, message = ("expected the end of a connection, none within %g s"):format(limit) }
  end
  line.end_taken = true
  return line.ended
end

function Smsc:expect(command, fields, o) return self.inbox:expect(command, fields, o) end
function Smsc:expect_all(list) return self.inbox:expect_all(list) end
function Smsc:never(command, fields, o) return self.inbox:never(command, fields, o) end
function Smsc:on(command, fields, o) return self.inbox:on(command, fields, o) end

return smsc
