--- Decides the outcome of a message: by directives in its text, rules, its destination, or at random, in this order.
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local faults = require "smpp.simulator.faults"
local kind = require "smpp.base.kind"
local latency = require "smpp.simulator.latency"
local lifecycle = require "smpp.service.lifecycle"
local message_state = require "smpp.codec.message_state"
local mistake = require "smpp.base.mistake"
local directives = require "smpp.simulator.directives"
local schema = require "smpp.base.schema"

local unpack = table.unpack or unpack -- luacheck: compat

local outcome = {}

-- SMPPSim's deterministic life cycle: the destination's first digit.
local DIGITS = { ["1"] = "EXPIRED", ["2"] = "DELETED", ["3"] = "UNDELIVERABLE", ["4"] = "ACCEPTED", ["5"] = "REJECTED" }

local ORDER = { unpack(message_state.finals) } -- order of drawing by weights
ORDER[#ORDER + 1] = "ENROUTE"

--- The kind of a final state; ENROUTE: no final state.
outcome.state_kind = kind.one_of(unpack(ORDER))

local weights = kind.map(outcome.state_kind, kind.real(0), "a table of states and their weights")

--- The kind of weights by final state.
outcome.weights_kind = kind.checked(weights.expected, function(value)
  local wrong = kind.problem(weights, value)
  if wrong then return wrong end
  local sum = 0
  for _, weight in pairs(value) do sum = sum + weight end
  return sum <= 0 and "expected a weight above 0" or nil
end)

local is_status = kind.integer(1, 0xFFFFFFFF)

--- The kind of a command_status: a name or a number.
outcome.status_kind = kind.checked("the name or number of a command_status", function(value)
  if type(value) ~= "string" then return kind.problem(is_status, value) end
  if core.protocol.status(value) then return nil end
  return select(2, explain.status(value)) or mistake.wrong("the name or number of a command_status", value)
end, function(word)
  for _, name in ipairs { word, "ESME_" .. word:upper(), "ESME_R" .. word:upper() } do
    local row = explain.status(tonumber(name) or name)
    if row then return row.name end
  end
  return word
end)

--- The kind of a Lua pattern; string.find reports some malformed patterns only for certain subjects.
outcome.pattern_kind = kind.checked("a Lua pattern", function(value)
  if type(value) ~= "string" then return mistake.wrong("a Lua pattern", value) end
  local rest = value:gsub("%%b..", "a"):gsub("%%.", "a"):gsub("%[%^?%]?[^%]]*%]", "a")
  local _, opened = rest:gsub("%(", "")
  local _, closed = rest:gsub("%)", "")
  if rest:find "[%[%%]" or opened ~= closed then return "invalid Lua pattern " .. mistake.show(value) end
end, kind.string.read)

--- Options of a rule.
outcome.rule = schema.new {
  { "destination", outcome.pattern_kind, nil, "pattern of the destination address", 'destination = "^4999"' },
  { "source", outcome.pattern_kind, nil, "pattern of the source address", 'source = "^Shop$"' },
  { "text", outcome.pattern_kind, nil, "pattern of the text", 'text = "STOP"' },
  { "system_id", "string", nil, "account that submitted the message", 'system_id = "me"' },
  { "percent", kind.percent, 100, "percentage of matching messages that the rule applies to", "percent = 5" },
  { "state", kind.either(outcome.state_kind, "boolean"), nil, "final state; false: none, stays ENROUTE", 'state = "EXPIRED"' },
  { "error", "number", nil, "network error code: err of the receipt", "error = 13" },
  { "after_s", latency.kind, nil, "time from submit to final state", "after_s = 5", default_text = "deliver_after_s" },
  { "status", outcome.status_kind, nil, "refuse the submit with this command_status", 'status = "ESME_RINVDSTADR"' },
  { "receipt", kind.either("boolean", "table"), nil, "false: no receipt; a table: its options", "receipt = false" },
  { "fault", kind.one_of(unpack(faults.names)), nil, "fault of the response", 'fault = "drop"' },
  { "answer_s", latency.kind, nil, "time from submit to response", "answer_s = 3", default_text = "latency_s" },
}
outcome.rules_kind = kind.list(kind.either(outcome.rule, "function"), "rules")

--- Tests whether an address is in a list of numbers and Lua patterns (those that begin with ^).
local function is_listed(list, address)
  for _, entry in ipairs(list) do
    if entry == address or (entry:sub(1, 1) == "^" and address:find(entry)) then return true end
  end
  return false
end

local function fits(rule, message, random, peer)
  local function matches(pattern, value) return not pattern or value:find(pattern) ~= nil end
  return matches(rule.destination, message.destination_addr) and matches(rule.source, message.source_addr)
    and (not rule.system_id or rule.system_id == message.system_id)
    and (not rule.text or lifecycle.text(message, peer):find(rule.text) ~= nil)
    and (not rule.percent or random() * 100 < rule.percent)
end

local function weighted(weights, random)
  local only, weight = next(weights)
  if next(weights, only) == nil and weight > 0 then
    random() -- a seed gives the same whatever the weights
    return only
  end
  local sum = 0
  for _, state in ipairs(ORDER) do sum = sum + (weights[state] or 0) end
  local at = random() * sum
  for _, state in ipairs(ORDER) do
    at = at - (weights[state] or 0)
    if at < 0 then return state end
  end
  return "DELIVERED"
end

---@class smpp.MessageOutcome  decided when a message is submitted
---@field state string|false|nil
---@field after_s any
---@field error integer?
---@field status string|integer|nil
---@field receipt table|false|nil
---@field answer_s any
---@field fault string?
---@field reply string?

-- Of a message that nothing is said of.
local NO_FATE = {}

--- Tests whether octets may be a text with directives: "sim:" in any alphabet.
---@param octets string
---@return boolean
function outcome.has_directive(octets)
  if not octets:find(":", 1, true) then return false end
  if #octets > 400 then octets = octets:sub(1, 400) end
  return octets:find "[Ss]%z?[Ii]%z?[Mm]%z?:" ~= nil
end

--- Decides the outcome.  Called once for each message, before it is accepted.
---@param o table  the simulator's settings
---@param message smpp.Message
---@param random fun(): number
---@param peer table?  session.peer_text of its sender
---@return smpp.MessageOutcome  read-only
function outcome.decide(o, message, random, peer)
  if o.orders then
    local text = outcome.has_directive(message.octets) and lifecycle.text(message, peer)
    local given = text and directives.read(text)
    if given then
      if given.no_receipt then given.receipt = false end
      return given
    end
  end
  for i, rule in ipairs(o.rules) do
    local result = rule
    if type(rule) == "function" then
      result = rule(message)
      local wrong = result and kind.problem(outcome.rule, result)
      if wrong then error(mistake.inside(mistake.inside(wrong, i), "rules").message, 0) end
    elseif not fits(rule, message, random, peer) then
      result = nil
    end
    if result then return result end
  end
  if is_listed(o.undeliverable, message.destination_addr) then return { state = "UNDELIVERABLE" } end
  if o.by_digit then
    local digit = message.destination_addr:match "^%+?(%d)"
    return { state = DIGITS[digit] or "DELIVERED" }
  end
  return NO_FATE
end

--- The plan of an outcome for the lifecycle of a message.
---@param o table
---@param result smpp.MessageOutcome
---@param random fun(): number
---@param out? table  to be used for it
---@return smpp.Plan
function outcome.plan(o, result, random, out)
  local state = result.state
  if state == nil then state = weighted(o.outcomes, random) end
  if state == "ENROUTE" then state = false end
  out = out or {}
  out.state, out.error = state or nil, result.error or o.error_codes[state] or 0
  out.after_s = latency.draw(result.after_s or o.deliver_after_s, random)
  out.receipt = type(result.receipt) == "table" and result.receipt or nil
  return out
end

return outcome
