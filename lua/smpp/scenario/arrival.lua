--- A request that came, which the script answers; and a request of the script, which the peer answers.
local commands = require "smpp.codec.commands"
local kind = require "smpp.base.kind"
local match = require "smpp.scenario.match"
local schema = require "smpp.base.schema"

local arrival = {}

---@class smpp.ScenarioArrival  fields of the PDU, and:
---@field pdu smpp.Pdu
---@field session smpp.ScenarioLine
---@field at_s number
local Arrival = {}
local OWN = { pdu = true, session = true, at_s = true, answers = true, order = true }
local mt = { __name = "smpp.ScenarioArrival" }
function mt:__index(name)
  local method = Arrival[name]
  if method or OWN[name] then return method end
  return match.value(rawget(self, "pdu"), name)
end
function mt:__tostring() return tostring(self.pdu) end

---@param session smpp.ScenarioLine
---@param pdu smpp.Pdu
---@return smpp.ScenarioArrival
function arrival.new(session, pdu)
  return setmetatable({ session = session, pdu = pdu, at_s = session.world:now(), answers = 0, order = 0 }, mt)
end

-- ---- answers ----

local VERSION_3_4 = 0x34

--- The fields of an answer when the script says nothing else.
function Arrival:usual()
  local actor, pdu = self.session.actor, self.pdu
  local row = commands.rows[pdu.command_id]
  if not row then return { command_status = "ESME_RINVCMDID" } end
  if row.roles.bind then
    local status = actor.refusal and actor:refusal(pdu)
    if status then return { command_status = status } end
    local fields = { system_id = actor.system_id }
    if pdu.interface_version >= VERSION_3_4 and actor.version >= VERSION_3_4 then fields.sc_interface_version = actor.version end
    return fields
  end
  if row.roles.message_id and actor.take_message_id then return { message_id = actor:take_message_id() } end
  return {}
end

local function read(self, what)
  local world = self.session.world
  if type(what) == "function" then what = what(self.pdu) end
  if what == nil then return self:usual() end
  if type(what) == "string" or type(what) == "number" then return { command_status = what } end
  if type(what) ~= "table" then world:misuse("answer: expected a status, fields or a function, got " .. type(what)) end
  local fields = schema.merge(what)
  if fields.status ~= nil then fields.command_status, fields.status = fields.status, nil end
  if (fields.command_status or 0) == 0 or fields.command_status == "ESME_ROK" then fields = schema.merge(self:usual(), fields) end
  return fields
end

--- Writes an answer; `auto`: nobody of the script asked for it.
function Arrival:put(fields, o, auto)
  local session, pdu = self.session, self.pdu
  local row = commands.rows[pdu.command_id]
  local response = row and row.response_id and commands.rows[row.response_id].name
  fields = schema.merge({ command = response or "generic_nack", sequence_number = pdu.sequence_number }, fields)
  local octets = session:octets_of(fields, o and o.raw)
  local is_ok = (fields.command_status or 0) == 0 or fields.command_status == "ESME_ROK"
  if row and row.roles.bind and is_ok then session.system_id, session.bound = pdu.system_id, row.name end
  local function done()
    if pdu.command == "unbind" and is_ok then
      session.was_unbound = true
      session.world.loop:defer(function() if not session.ended then session:leave() end end)
    end
  end
  session:put(octets, { split = o and o.split, every_s = o and o.every_s, auto = auto }, done)
end

--- Answers the request: ESME_ROK with defaults, a status, fields, or what a function of the PDU returns.
---@param what? any
---@param o? table  after_s, raw, split, every_s, again
---@return smpp.ScenarioArrival self
function Arrival:answer(what, o)
  local session = self.session
  local world = session.world
  world:check_alive()
  world:check_options(session.answer_options, o, "answer")
  local row = commands.rows[self.pdu.command_id]
  if row and not row.response_id then world:misuse(("answer: %s has no response"):format(row.name)) end
  if self.answers > 0 and not (o and o.again) then
    world:misuse(("answer: %s #%d is answered already ({ again = true } answers it twice)"):format(self.pdu.command, self.pdu.sequence_number))
  end
  self.answers = self.answers + 1
  local fields = read(self, what)
  if o and o.after_s then
    world:later(o.after_s, function() if not world.over then self:put(fields, o) end end)
  else
    self:put(fields, o)
  end
  return self
end

-- ---- requests ----

---@class smpp.ScenarioRequest
---@field response smpp.Pdu?  once it came
local Request = {}
local REQUEST = { __index = Request, __name = "smpp.ScenarioRequest" }

---@param session smpp.ScenarioLine
---@param command string
---@param sequence integer
---@param at integer  line of the script
---@return smpp.ScenarioRequest
function arrival.request(session, command, sequence, at)
  return setmetatable({
    session = session, command = command, sequence_number = sequence, line = at, response = nil, changes = {}, unbinds = false,
  }, REQUEST)
end

function Request:answered(pdu)
  self.response = pdu
  self.session.world:changed(self.changes)
end

local EXPECT = schema.new { { "within_s", kind.seconds }, { "optional", "boolean" }, { "not_before_s", kind.seconds } }

--- Waits for the response.
---@async
---@param what? string|integer|table  status, default ESME_ROK, or fields
---@param o? { within_s: number?, optional: boolean?, not_before_s: number? }  optional: nil when none comes
---@return smpp.Pdu? response
function Request:expect(what, o)
  local session = self.session
  local world, actor = session.world, session.actor
  world:check_alive()
  o = world:check_options(EXPECT, o, "expect")
  if type(what) ~= "table" then what = { command_status = what or "ESME_ROK" } end
  local list, message = match.compile(what)
  if not list then world:misuse(message) end
  local row = commands.rows[commands.ids[self.command]]
  local wanted = row.response_id and commands.rows[row.response_id].name or self.command
  local limit, began = o.within_s or world.within_s, world:now()
  local line, via = world:here()
  local entry = { line = line, actor = actor.name, command = wanted }
  table.insert(world.expecting, entry)
  world:await(limit, self.changes, function() return self.response or session.ended end)
  for i, other in ipairs(world.expecting) do
    if other == entry then table.remove(world.expecting, i) break end
  end
  local pdu = self.response
  local failure = { kind = "expect", actor = actor.name, line = line, via = via, expected = { command = wanted, fields = list } }
  if not pdu then
    if o.optional then return nil end
    failure.message = session.ended and ("expected %s, the connection was %s"):format(wanted, session.ended)
      or ("expected %s, nothing came within %g s"):format(wanted, limit)
    if session.malformed then failure.message = failure.message .. "; what came is malformed: " .. session.malformed end
    return world:abort(failure)
  end
  local differs = match.differences(list, pdu)
  if pdu.command ~= wanted and pdu.command ~= "generic_nack" then
    table.insert(differs, 1, { field = "command", expected = wanted, got = pdu.command })
  end
  if o.not_before_s and world:now() - began < o.not_before_s then
    table.insert(differs, { field = "time", expected = ("not before %g s"):format(o.not_before_s), got = ("%g s"):format(world:now() - began) })
  end
  if #differs == 0 then return pdu end
  failure.message = ("expected %s with %s %s, got %s"):format(wanted, differs[1].field, differs[1].expected, differs[1].got)
  failure.nearest = { pdu = pdu, differs = differs }
  world:abort(failure)
end

return arrival
