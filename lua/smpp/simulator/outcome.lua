--- What becomes of a message: orders in its text, rules, its destination, and chance, in this order.
local latency = require "smpp.simulator.latency"
local messages = require "smpp.server.messages"
local orders = require "smpp.simulator.orders"

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

local RULE = {
  destination = "string", source = "string", text = "string", system_id = "string", state = "string|boolean", error = "number",
  after_s = true, status = "string|number", receipt = "table|boolean", fault = "string", answer_s = true, percent = "number",
}

--- A check for `rules`.
function outcome.wrong_rules(value)
  if type(value) ~= "table" then return "a list of rules expected" end
  for i, rule in ipairs(value) do
    if type(rule) ~= "function" then
      if type(rule) ~= "table" then return ("rule %d: a table or a function expected"):format(i) end
      for name, given in pairs(rule) do
        local kind = RULE[name]
        if not kind then return ("rule %d: unknown field '%s'"):format(i, tostring(name)) end
        if kind == true then
          local wrong = latency.wrong(given)
          if wrong then return ("rule %d: %s: %s"):format(i, name, wrong) end
        elseif not kind:find(type(given), 1, true) then
          return ("rule %d: %s: a %s expected"):format(i, name, kind)
        end
      end
      if rule.state and not IS_STATE[rule.state] then return ("rule %d: no final state is called '%s'"):format(i, tostring(rule.state)) end
    end
  end
end

--- Whether an address is one of a list of numbers and Lua patterns (those that begin with ^).
local function is_listed(list, address)
  for _, entry in ipairs(list) do
    if entry == address or (entry:sub(1, 1) == "^" and address:find(entry)) then return true end
  end
  return false
end

local function fits(rule, message, random)
  local function matches(pattern, value) return not pattern or value:find(pattern) ~= nil end
  return matches(rule.destination, message.destination_addr) and matches(rule.source, message.source_addr)
    and (not rule.system_id or rule.system_id == message.system_id)
    and (not rule.text or messages.text(message):find(rule.text) ~= nil)
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
---@return smpp.Fate
function outcome.decide(o, message, random)
  if o.orders then
    local text = message.octets:sub(1, 400):find "[Ss]%z?[Ii]%z?[Mm]%z?:" and messages.text(message)
    local given = text and orders.read(text)
    if given then
      if given.no_receipt then given.receipt = false end
      return given
    end
  end
  for _, rule in ipairs(o.rules) do
    local fate = rule
    if type(rule) == "function" then fate = rule(message) elseif not fits(rule, message, random) then fate = nil end
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
