--- Commands: ids by name, rows by id, and the role of each for the layers above (the `roles` of csrc/tables/commands.tsv).
--- `commands.roles.submit[id]` costs two table accesses, one where `roles.submit` is a local.
--- The module is the set of this Lua state; a codec with vendor commands has its own set, `codec.commands`.
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"

local unpack = table.unpack or unpack -- luacheck: compat

local RESPONSE = 0x80000000
local STANDARD_LAST = 0x1FF -- 5.0, 4.7.5: requests of the standard have ids up to here

--- The roles of commands.tsv that a vendor's command can have, and all of them; `unanswered`: a request without response.
local VENDOR_ROLES = { "submit", "text", "message_id", "ordered", "limited", "defaults" }
local ROLES = { "bind", "session", "unanswered" }
for _, role in ipairs(VENDOR_ROLES) do ROLES[#ROLES + 1] = role end

---@class smpp.Command
---@field name string
---@field id integer
---@field response_id integer?  nil of a request: it is never answered
---@field versions string[]  "3.3", "3.4", "5.0"
---@field esme_sends_in integer  set of states: 1 OPEN, 2 OUTBOUND, 4 BOUND_TX, 8 BOUND_RX, 16 BOUND_TRX, 32 UNBOUND
---@field mc_sends_in integer
---@field roles table<string, true>
---@field params { name: string, kind: string, values: string, max: integer[] }[]

---@class smpp.Commands
---@field ids table<string, integer>  name -> command_id
---@field rows table<integer, smpp.Command>  command_id -> row
---@field requests smpp.Command[]
---@field declared smpp.Command[]  requests of vendors
---@field roles table<string, table<integer, true>>  role -> command_id -> true
local Commands = {}
local mt = { __index = Commands, __name = "smpp.Commands" }

--- The commands of the standard.
---@return smpp.Commands
function Commands.new()
  local self = setmetatable({ ids = {}, rows = {}, requests = {}, declared = {}, roles = {}, followers = {} }, mt)
  for _, role in ipairs(ROLES) do self.roles[role] = {} end
  for _, row in ipairs(core.protocol.commands()) do self:add(row) end
  return self
end

--- Adds a command.
---@param row smpp.Command
function Commands:add(row)
  self.ids[row.name], self.rows[row.id] = row.id, row
  if row.id >= RESPONSE then return end
  self.requests[#self.requests + 1] = row
  for role in pairs(row.roles) do self.roles[role][row.id] = true end
  if not row.response_id then self.roles.unanswered[row.id] = true end
  for _, fn in ipairs(self.followers) do fn(row) end
end

--- Calls fn with every request, those that are declared later included.
---@param fn fun(command: smpp.Command)
function Commands:each(fn)
  for _, row in ipairs(self.requests) do fn(row) end
  self.followers[#self.followers + 1] = fn
end

local of_state -- the set of this Lua state

-- Classes that have a method for each request; no command may take the name of another method of theirs.
local classes = {}
local IS_METHOD = "invalid command name '%s': sessions have a method of that name"

--- Gives a class a method for each request, those that are declared later included.
---@param class table
---@param make fun(command: smpp.Command): function?  nil: the class has the method already
function Commands:methods(class, make)
  classes[#classes + 1] = class
  for _, command in ipairs(self.declared) do
    if class[command.name] then error(IS_METHOD:format(command.name), 0) end
  end
  self:each(function(command) class[command.name] = make(command) or class[command.name] end)
end

local STATES = { OPEN = 1, OUTBOUND = 2, BOUND_TX = 4, BOUND_RX = 8, BOUND_TRX = 16, UNBOUND = 32 }
local TX, RX = STATES.BOUND_TX + STATES.BOUND_TRX, STATES.BOUND_RX + STATES.BOUND_TRX
local SENDERS = { esme = { TX, 0 }, mc = { 0, RX }, both = { TX, RX } }

local is_name = kind.checked("a name of lower-case letters, digits and _", function(value)
  if type(value) ~= "string" or #value > 60 or not value:match "^%l[%l%d_]*$" or value:match "_resp$" then
    return "expected a name of lower-case letters, digits and _, not ending in _resp"
  end
end)
local is_id = kind.checked("an integer from 0x00000200 to 0x7FFFFFFF", function(value)
  if type(value) ~= "number" or value % 1 ~= 0 or value < 0 or value >= RESPONSE then
    return "expected the command_id of a request: 0x00010200 to 0x000102FF are for vendors"
  end
  if value <= STANDARD_LAST then return "reserved for the standard: 0x00010200 to 0x000102FF are for vendors" end
end)
local parameters = kind.list(schema.new {
  { "name", is_name, required = true },
  { "type", kind.one_of("int1", "int2", "int4", "cstring", "octets", "time", "dest_address", "unsuccess_sme", "message_ids"), required = true },
  { "max", kind.integer(1, 255) },
}, "parameters")

--- Options of `smpp.declare_command`.
Commands.declaration = schema.new {
  { "name", is_name, nil, "of the request, of the method that sends it, and of the option for its handler; its response is probe_sm_resp",
    'name = "probe_sm"', required = true },
  { "id", is_id, nil, "command_id of the request; that of the response has bit 31 set", "id = 0x00010201", required = true },
  { "from", kind.one_of("esme", "mc", "both"), "esme", "who sends it", 'from = "mc"' },
  { "states", kind.list(kind.one_of("OPEN", "OUTBOUND", "BOUND_TX", "BOUND_RX", "BOUND_TRX", "UNBOUND"), "states"), nil,
    "in which it may be sent; elsewhere it is answered ESME_RINVBNDSTS", 'states = { "BOUND_TRX" }',
    default_text = "an ESME's: BOUND_TX, BOUND_TRX; an MC's: BOUND_RX, BOUND_TRX" },
  { "parameters", parameters, nil, "in wire order", 'parameters = { { name = "depth", type = "int1" } }', default_text = "none" },
  { "response", kind.either(kind.boolean, parameters), nil, "parameters of the response; false: it is never answered",
    "response = false", default_text = "a response without parameters" },
  { "roles", kind.list(kind.one_of(unpack(VENDOR_ROLES)), "roles"), nil,
    "message_id: handlers that return nothing give one; limited: counts against rate_per_s; ordered: kept in order per destination; "
      .. "defaults: takes a client's defaults; submit, text", 'roles = { "limited" }', default_text = "none" },
}
local DECLARATION = Commands.declaration

--- Declares a command in a codec alone: its set has it already.
---@param codec smpp.Codec
---@param o table  valid
---@return boolean ok
---@return smpp.Command|string row  or the message
---@return smpp.Command? of_response
function Commands.declare_in(codec, o)
  local from = SENDERS[o.from or DECLARATION.defaults.from]
  local esme, mc = from[1], from[2]
  if o.states then
    local set = 0
    for _, state in ipairs(o.states) do set = set + STATES[state] end
    esme, mc = esme > 0 and set or 0, mc > 0 and set or 0
  end
  local response = o.response
  if response == nil or response == true then response = {} end
  return pcall(codec.declare_command, o.name, o.id, esme, mc, o.parameters or {}, response)
end

--- Adds a vendor's command to a codec whose set this is.
---@param codec smpp.Codec
---@param o table  its fields are in docs/codec.md
---@return smpp.Mistake?  nil: added
function Commands:declare(codec, o)
  local wrong = DECLARATION:problem(o)
  if wrong then return wrong end
  for _, class in ipairs(classes) do
    if class[o.name] and not self.ids[o.name] and not of_state.ids[o.name] then
      return mistake.inside(mistake.new(IS_METHOD:format(o.name)), "name")
    end
  end
  local same = self.rows[o.id] or self.rows[self.ids[o.name]]
  if same then
    return mistake.inside(mistake.new(("duplicate command '%s' (0x%08X): already declared as %s (0x%08X)"):format(o.name, o.id, same.name, same.id)),
      self.rows[o.id] and "id" or "name")
  end
  local ok, row, of_response = Commands.declare_in(codec, o)
  if not ok then return mistake.new(row) end
  for _, role in ipairs(o.roles or {}) do row.roles[role] = true end
  if of_response then self:add(of_response) end
  self.declared[#self.declared + 1] = row
  self:add(row)
end

--- Separates the handlers of declared commands, given by name among other options, from these.
---@param given table
---@return table? rest  given itself where it holds none
---@return table<string, function>|smpp.Mistake handlers  by name
function Commands:take_handlers(given)
  local rest, handlers = given, {}
  for _, command in ipairs(self.declared) do
    local fn = given[command.name]
    if fn ~= nil then
      if type(fn) ~= "function" then return nil, mistake.inside(mistake.wrong(kind.fn.expected, fn), command.name) end
      if rest == given then
        rest = {}
        for name, value in pairs(given) do rest[name] = value end
      end
      handlers[command.name], rest[command.name] = fn, nil
    end
  end
  return rest, handlers
end

of_state = Commands.new()
return of_state
