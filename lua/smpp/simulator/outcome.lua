--- What becomes of a message: orders in its text, rules, its destination, and chance, in this order.
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local faults = require "smpp.simulator.faults"
local kind = require "smpp.base.kind"
local latency = require "smpp.simulator.latency"
local lifecycle = require "smpp.service.lifecycle"
local message_state = require "smpp.codec.message_state"
local mistake = require "smpp.base.mistake"
local orders = require "smpp.simulator.directives"
local schema = require "smpp.base.schema"

local unpack = table.unpack or unpack -- luacheck: compat

local outcome = {}

-- SMPPSim's deterministic life cycle: the destination's first digit.
local DIGITS = { ["1"] = "EXPIRED", ["2"] = "DELETED", ["3"] = "UNDELIVERABLE", ["4"] = "ACCEPTED", ["5"] = "REJECTED" }

local ORDER = { unpack(message_state.finals) } -- in which chance goes through their weights
ORDER[#ORDER + 1] = "ENROUTE"

--- A state that a message can end in; ENROUTE: it never gets one.
outcome.state_kind = kind.one_of(unpack(ORDER))

local weights = kind.map(outcome.state_kind, kind.real(0), "a table of states and their weights")

--- Weights of final states.
outcome.weights_kind = kind.checked(weights.expected, function(value)
  local wrong = kind.problem(weights, value)
  if wrong then return wrong end
  local sum = 0
  for _, weight in pairs(value) do sum = sum + weight end
  return sum <= 0 and "expected a weight above 0" or nil
end)

local is_status = kind.integer(1, 0xFFFFFFFF)

--- A status that refuses: a name of the tables, or a number.
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

--- A Lua pattern; Lua itself would complain only of what it reaches in a match.
outcome.pattern_kind = kind.checked("a Lua pattern", function(value)
  if type(value) ~= "string" then return mistake.wrong("a Lua pattern", value) end
  local rest = value:gsub("%%b..", "a"):gsub("%%.", "a"):gsub("%[%^?%]?[^%]]*%]", "a")
  local _, opened = rest:gsub("%(", "")
  local _, closed = rest:gsub("%)", "")
  if rest:find "[%[%%]" or opened ~= closed then return "invalid Lua pattern " .. mistake.show(value) end
end, kind.string.read)

--- Rules, and functions (message) -> rule.
outcome.rule = schema.new {
  { "destination", outcome.pattern_kind, nil, "of the message", 'destination = "^4999"' },
  { "source", outcome.pattern_kind, nil, "of the message", 'source = "^Shop$"' },
  { "text", outcome.pattern_kind, nil, "of the message", 'text = "STOP"' },
  { "system_id", "string", nil, "whose message it is", 'system_id = "me"' },
  { "percent", kind.percent, 100, "of these messages", "percent = 5" },
  { "state", kind.either(outcome.state_kind, "boolean"), nil, "the final state; false: none", 'state = "EXPIRED"' },
  { "error", "number", nil, "err of the receipt", "error = 13" },
  { "after_s", latency.kind, nil, "from the submit to the final state", "after_s = 5", default_text = "deliver_after_s" },
  { "status", outcome.status_kind, nil, "refuses the submit", 'status = "ESME_RINVDSTADR"' },
  { "receipt", kind.either("boolean", "table"), nil, "false: no receipt; a table: its options", "receipt = false" },
  { "fault", kind.one_of(unpack(faults.names)), nil, "what goes wrong with the answer", 'fault = "drop"' },
  { "answer_s", latency.kind, nil, "from the submit to its answer", "answer_s = 3", default_text = "latency_s" },
}
outcome.rules_kind = kind.list(kind.either(outcome.rule, "function"), "rules")

--- Whether an address is one of a list of numbers and Lua patterns (those that begin with ^).
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

---@class smpp.Fate  of a message, decided when it is submitted
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

--- Whether octets look like a text with orders: "sim:", in whatever alphabet.
local function has_order(octets)
  if #octets > 400 then octets = octets:sub(1, 400) end
  return octets:find "[Ss]%z?[Ii]%z?[Mm]%z?:" ~= nil
end

--- Decides.  Called once for each message, before it is taken.
---@param o table  the simulator's settings
---@param message smpp.Message
---@param random fun(): number
---@param peer table?  session.peer_text of its sender
---@return smpp.Fate  to be read only
function outcome.decide(o, message, random, peer)
  if o.orders then
    local text = has_order(message.octets) and lifecycle.text(message, peer)
    local given = text and orders.read(text)
    if given then
      if given.no_receipt then given.receipt = false end
      return given
    end
  end
  for i, rule in ipairs(o.rules) do
    local fate = rule
    if type(rule) == "function" then
      fate = rule(message)
      local wrong = fate and kind.problem(outcome.rule, fate)
      if wrong then error(mistake.inside(mistake.inside(wrong, i), "rules").message, 0) end
    elseif not fits(rule, message, random, peer) then
      fate = nil
    end
    if fate then return fate end
  end
  if is_listed(o.undeliverable, message.destination_addr) then return { state = "UNDELIVERABLE" } end
  if o.by_digit then
    local digit = message.destination_addr:match "^%+?(%d)"
    return { state = DIGITS[digit] or "DELIVERED" }
  end
  return NO_FATE
end

--- The plan that a fate makes for a message on its way.
---@param o table
---@param fate smpp.Fate
---@param random fun(): number
---@param out? table  to be used for it
---@return smpp.Plan
function outcome.plan(o, fate, random, out)
  local state = fate.state
  if state == nil then state = weighted(o.outcomes, random) end
  if state == "ENROUTE" then state = false end
  out = out or {}
  out.state, out.error = state or nil, fate.error or o.error_codes[state] or 0
  out.after_s = latency.draw(fate.after_s or o.deliver_after_s, random)
  out.receipt = type(fate.receipt) == "table" and fate.receipt or nil
  return out
end

return outcome
