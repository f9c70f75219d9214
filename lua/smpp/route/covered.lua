--- Covered (unreachable) rules: an earlier rule decides every message that they match (`--check` reports them).
local core = require "smpp.core"
local words = require "smpp.route.words"

local covered = {}

local function set_of(value)
  if value == nil then return nil end
  local set = {}
  for _, item in ipairs((type(value) ~= "table" or words.of(value)) and { value } or value) do set[item] = true end
  return set
end

local function within(inner, outer)
  if not outer then return true end
  if not inner then return false end
  for name in pairs(inner) do
    if not outer[name] then return false end
  end
  return true
end

--- A rule takes all of what its `account` and `to` name: it has no other condition, and decides in any case.
local function takes_all(rule)
  if not rule.decide or rule.source.else_next then return false end
  for _, condition in ipairs(rule.all_conditions) do
    if condition.name ~= "account" and not (condition.name == "to" and condition.number.is_indexed) then return false end
  end
  return true
end

local MOST = 20 -- most problems reported for one rule

--- Calls problem(message, line) for each covered rule.
---@param rules table[]  compiled
---@param problem fun(message: string, line: integer?)
function covered.find(rules, problem)
  local trie, exact, whole = core.prefixes.new(), {}, {} -- prefix, number -> rules; rules that take every number
  for i, rule in ipairs(rules) do
    if takes_all(rule) then
      rule.accounts = set_of(rule.source.account)
      if rule.to then
        rule.to.each(function(number)
          exact[number] = exact[number] or {}
          table.insert(exact[number], i)
        end, function(prefix) trie:add(prefix, i) end)
      else
        whole[#whole + 1] = i
      end
    end
  end
  local found = {}
  --- The first rule before `i` that takes all of a number or prefix.
  local function taker(i, rule, number, is_exact)
    local accounts = set_of(rule.source.account)
    local function fits(other) return other < i and within(accounts, rules[other].accounts) end
    for _, other in ipairs(whole) do
      if fits(other) then return other end
    end
    if not number then return nil end
    for _, other in ipairs(is_exact and exact[number] or {}) do
      if fits(other) then return other end
    end
    for k = 1, trie:find(number, found) do
      if fits(found[k]) then return found[k] end
    end
  end
  for i, rule in ipairs(rules) do
    local whole_taker = taker(i, rule)
    if whole_taker then
      problem(("covered by the rule in line %s: it never gets a message"):format(tostring(rules[whole_taker].line)), rule.line)
    elseif rule.to and rule.to.is_indexed then
      local count, all, last, messages = 0, 0, nil, {}
      local function check(number, is_exact)
        all = all + 1
        local other = taker(i, rule, number, is_exact)
        if not other then return end
        count, last = count + 1, other
        if #messages < MOST then
          local what = is_exact and "number" or "prefix"
          messages[#messages + 1] = ("%s %s is covered by the rule in line %s"):format(what, number, tostring(rules[other].line))
        end
      end
      rule.to.each(function(number) check(number, true) end, function(prefix) check(prefix, false) end)
      if count == all and all > 0 then
        problem(("covered by the rule in line %s: it never gets a message"):format(tostring(rules[last].line)), rule.line)
      else
        for _, message in ipairs(messages) do problem(message, rule.line) end
      end
    end
  end
end

return covered
