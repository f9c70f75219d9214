--- What becomes of a message: orders in its text, rules, its destination, and chance, in this order.
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local faults = require "smpp.simulator.faults"
local latency = require "smpp.simulator.latency"
local lifecycle = require "smpp.service.lifecycle"
local options = require "smpp.base.options"
local orders = require "smpp.simulator.directives"

local unpack = table.unpack or unpack -- luacheck: compat

local outcome = {}

-- SMPPSim's deterministic life cycle: the destination's first digit.
local DIGITS = { ["1"] = "EXPIRED", ["2"] = "DELETED", ["3"] = "UNDELIVERABLE", ["4"] = "ACCEPTED", ["5"] = "REJECTED" }

local ORDER = { "DELIVERED", "UNDELIVERABLE", "EXPIRED", "DELETED", "ACCEPTED", "UNKNOWN", "REJECTED", "SKIPPED", "ENROUTE" }
local IS_STATE = {}
for _, state in ipairs(ORDER) do IS_STATE[state] = true end

--- A check for `outcomes`: weights of final states (ENROUTE: it never gets one).
function outcome.wrong_weights(value)
  if type(value) ~= "table" then return "a table of states and their weights expected" end
  local sum, unknown = 0, nil
  for state, weight in pairs(value) do
    if not IS_STATE[state] then
      unknown = tostring(state)
    elseif type(weight) ~= "number" or weight ~= weight or weight < 0 then
      return state .. ": a weight of 0 or more expected"
    else
      sum = sum + weight
    end
  end
  if unknown then return ("no final state is called '%s'; there are %s"):format(unknown, table.concat(ORDER, ", ")) end
  if sum <= 0 then return "one weight must be above 0" end
end

local is_status = options.number(1, 0xFFFFFFFF, true)

--- A check for a status that refuses: a name of the tables, or a number.
function outcome.wrong_status(value)
  if type(value) ~= "string" then return is_status(value) end
  if not core.protocol.status(value) then return select(2, explain.status(value)) or "a name or a number expected" end
end

--- A check for a state that a message can end in.
function outcome.wrong_state(value)
  if not IS_STATE[value] then return ("no final state is called '%s'"):format(tostring(value)) end
end

--- A check for a Lua pattern; Lua itself would complain only of what it reaches in a match.
function outcome.wrong_pattern(value)
  if type(value) ~= "string" then return "a Lua pattern expected" end
  local rest = value:gsub("%%b..", "a"):gsub("%%.", "a"):gsub("%[%^?%]?[^%]]*%]", "a")
  local _, opened = rest:gsub("%(", "")
  local _, closed = rest:gsub("%)", "")
  if rest:find "[%[%%]" or opened ~= closed then return ("'%s' is no Lua pattern"):format(value) end
end

local RULE = {
  destination = outcome.wrong_pattern, source = outcome.wrong_pattern, text = outcome.wrong_pattern, system_id = "string",
  percent = options.number(0, 100), state = function(value) return value and outcome.wrong_state(value) end, error = "number",
  after_s = latency.wrong, status = outcome.wrong_status, receipt = "table|boolean", fault = options.one_of(unpack(faults.names)),
  answer_s = latency.wrong,
}

local function wrong_rule(rule, i)
  local wrong = type(rule) ~= "table" and "a table or a function expected" or options.wrong(rule, RULE)
  return wrong and ("rule %d: %s"):format(i, wrong)
end

--- A check for `rules`.
function outcome.wrong_rules(value)
  if type(value) ~= "table" then return "a list of rules expected" end
  for i, rule in ipairs(value) do
    local wrong = type(rule) ~= "function" and wrong_rule(rule, i)
    if wrong then return wrong end
  end
end

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

--- Decides.  Called once for each message, before it is taken.
---@param o table  the simulator's settings
---@param message smpp.Message
---@param random fun(): number
---@param peer table?  session.peer_text of its sender
---@return smpp.Fate
function outcome.decide(o, message, random, peer)
  if o.orders then
    local text = message.octets:sub(1, 400):find "[Ss]%z?[Ii]%z?[Mm]%z?:" and lifecycle.text(message, peer)
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
      local wrong = fate and wrong_rule(fate, i)
      if wrong then error(wrong, 0) end
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
  return {}
end

--- The plan that a fate makes for a message on its way.
---@param o table
---@param fate smpp.Fate
---@param random fun(): number
---@return smpp.Plan
function outcome.plan(o, fate, random)
  local state = fate.state
  if state == nil then state = weighted(o.outcomes, random) end
  if state == "ENROUTE" then state = false end
  return {
    state = state or nil, error = fate.error or o.error_codes[state] or 0,
    after_s = latency.draw(fate.after_s or o.deliver_after_s, random),
    receipt = type(fate.receipt) == "table" and fate.receipt or nil,
  }
end

return outcome
