--- Routing rules: a message and the state of carriers go in, a decision and its reasons come out.  No I/O, no clock: everything
--- that a rule looks at is handed in.  Rules are tried in their order; only those are tried whose numbers can match.
--- The guide is docs/gateway.md.
local actions = require "smpp.route.actions"
local core = require "smpp.core"
local covered = require "smpp.route.covered"
local matchers = require "smpp.route.matchers"
local messages = require "smpp.route.message"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local words = require "smpp.route.words"

local route = { message = messages.new, tags = messages.tags, words = words.new, tlvs = matchers.tlvs }

---@class smpp.RouteState  everything that is not in the message
---@field time number         Unix time
---@field now number          a time that only grows, for rates
---@field counters table      of rates and choosers; begins empty, changed by decide
---@field is_beyond (fun(msg: smpp.RouteMessage, rate: string, key: string, n: integer, per_s: number): boolean?)?  counts a message for a rate
---  of the rules; it may wait.  nil: the rules count alone
---@field available (fun(carrier: string): boolean)?  absent: all are
---@field outstanding (fun(carrier: string): number)?  requests without a response, for `least`
---@field on_error (fun(message: string))?  a function of the rules has failed
---@field matched table<string, table<integer, integer>>?  counts of matched messages by kind of rules and rule, 0: none decided

---@class smpp.Decision
---@field action "via"|"deliver"|"reply"|"reject"|"drop"
---@field line integer?       of the rule; nil: no rule matched
---@field carriers string[]?  of via: to try in this order; empty: none is available
---@field names string[]?  of via: all carriers of the rule
---@field through boolean?
---@field deliver string?
---@field reply string?
---@field reject string?      a status

---@class smpp.Rules
local Rules = {}
local mt = { __index = Rules, __name = "smpp.Rules" }

--- Keys of a rule for messages of customers, and of one for messages of carriers.
route.route = schema.new(matchers.schema:without "carrier", { matchers.zone_row }, actions.route)
route.incoming = schema.new(matchers.schema:without("account", "bind"), { matchers.zone_row }, actions.incoming)
route.route.expected, route.incoming.expected = "a rule", "a rule"

local UNMATCHED = { route = { action = "reject", reject = "ESME_RINVDSTADR" }, incoming = { action = "reject", reject = "ESME_RX_P_APPN" } }

--- Lists of numbers of rules, by number or account.
local function put(index, key, i)
  local list = index[key]
  if not list then
    list = {}
    index[key] = list
  end
  if list[#list] ~= i then list[#list + 1] = i end
end

local NONE = {}

--- Compiles a rule; nil: it has problems.
---@param source table  the rule of the file
---@param context table  for smpp.route.actions and matchers; its `problem` is set here
local function compile_rule(source, context)
  local failed, line = false, source.line
  function context.problem(message)
    failed = true
    table.insert(context.problems, { line = line, file = source.file, severity = "error", message = message })
  end
  local rule = { line = line, source = source, all_conditions = matchers.compile(source, context) }
  rule.change, rule.change_text = actions.changes(source, messages, context)
  rule.decide, rule.text = actions.decision(source, context, line)
  if failed then return nil end
  local account
  for _, condition in ipairs(rule.all_conditions) do
    if condition.name == "to" or condition.name == "from" then rule[condition.name] = condition.number end
    if condition.name == "account" then account = condition end
  end
  rule.by = rule.to and rule.to.is_indexed and "to" or rule.from and rule.from.is_indexed and "from" or account and "account"
  local conditions
  for _, condition in ipairs(rule.all_conditions) do -- what the index has found is not tested again
    if condition.name ~= rule.by then
      conditions = conditions or {}
      conditions[#conditions + 1] = condition.test
    end
  end
  rule.conditions = conditions or NONE
  rule.count = #rule.conditions
  return rule
end

--- Puts a rule into the index of its destinations, sources or accounts, or among those that every message meets.
local function index(self, rule, i)
  local by = rule.by
  if by == "account" then
    for _, name in ipairs(type(rule.source.account) == "table" and rule.source.account or { rule.source.account }) do put(self.accounts, name, i) end
  elseif by then
    local trie, exact = self[by].trie, self[by].exact
    rule[by].each(function(number) put(exact, number, i) end, function(prefix) trie:add(prefix, i) end)
    self[by].used = true
  else
    self.general[#self.general + 1] = i
  end
end

-- A rule with nothing but these is compiled again, to the same, when the first message meets it: a file may have ten thousand of them, which
-- take three times as much memory compiled, for each collection to look at.
local PLAIN = { to = true, from = true, via = true, through = true, else_next = true, line = true, file = true }

local function is_plain(source)
  for name, value in pairs(source) do
    if not PLAIN[name] then return false end
    if (name == "to" or name == "from") and type(value) ~= "string" and words.of(value) ~= "prefix" then return false end
  end
  return type(source.via) == "string"
end

--- A compiled rule, one that no message has met as well.
local function rule_of(self, i) return self.rules[i] or compile_rule(self.sources[i], self.context) end

--- The first message meets a rule: it stays compiled.
local function meet(self, i)
  self.rules[i] = rule_of(self, i)
  return self.rules[i]
end

---@class smpp.RouteProblem
---@field line integer?
---@field file string?
---@field severity "error"|"warning"
---@field message string

--- Compiles rules.
---@param list table[]  rules, each with its `line`
---@param o { kind: "route"|"incoming"|nil, carriers: table<string, { cost: number? }>?, accounts: table<string, any>? }  carriers,
---  accounts: those there are; nil: any
---@return smpp.Rules rules  without those that have errors
---@return smpp.RouteProblem[] problems
function route.compile(list, o)
  o = o or {}
  local kind, problems = o.kind or "route", {}
  local self = setmetatable({
    kind = kind,
    rules = {}, sources = {},               -- compiled, false: when a message meets it; as the file has them
    context = {                             -- of smpp.route.actions and matchers
      kind = kind, singles = {}, problems = problems, carriers = o.carriers, command = kind == "route" and "submit_sm" or "deliver_sm",
    },
    general = {}, accounts = {},            -- rules that every message meets; by account
    to = { trie = core.prefixes.new(), exact = {}, found = {}, used = false },
    from = { trie = core.prefixes.new(), exact = {}, found = {}, used = false },
    merged = {},                            -- candidates of the message at hand
    is_busy = false,
    unmatched = UNMATCHED[kind],
  }, mt)
  for _, source in ipairs(list) do
    local given = schema.merge(source)
    given.line, given.file = nil, nil
    local wrong = route[kind]:problem(given)
    local message = wrong and wrong.message or actions.wrong(given) or actions.unknown(given, o, kind == "route")
    if message then
      problems[#problems + 1] = { line = source.line, file = source.file, severity = "error", message = message }
    else
      local rule = compile_rule(source, self.context)
      if rule then
        self.rules[#self.rules + 1], self.sources[#self.sources + 1] = rule, source
        index(self, rule, #self.rules)
      end
    end
  end
  covered.find(self.rules, function(message, line)
    problems[#problems + 1] = { line = line, severity = "error", message = message }
  end)
  for i, source in ipairs(self.sources) do
    if is_plain(source) then self.rules[i] = false end
  end
  return self, problems
end

--- Adds the rules that an index has for a number to `merged`.
local function gather(merged, n, side, number)
  local exact = side.exact[number]
  for i = 1, exact and #exact or 0 do
    n = n + 1
    merged[n] = exact[i]
  end
  local found = side.found
  local count = side.trie:find(number, found)
  for i = 1, count do
    n = n + 1
    merged[n] = found[i]
  end
  return n
end

--- The rules behind `last` that may match, in order, without repetition; the general ones are not copied.
local function candidates(self, msg, merged)
  local n = 0
  if self.to.used then n = gather(merged, n, self.to, msg.to) end
  if self.from.used then n = gather(merged, n, self.from, msg.from) end
  local own = msg.account and self.accounts[msg.account] or NONE
  for i = 1, #own do
    n = n + 1
    merged[n] = own[i]
  end
  for i = 2, n do -- few, and nearly in order
    local value, at = merged[i], i - 1
    while at >= 1 and merged[at] > value do
      merged[at + 1] = merged[at]
      at = at - 1
    end
    merged[at + 1] = value
  end
  return n
end

local function matches(rule, msg, state)
  local conditions = rule.conditions
  for i = 1, rule.count do
    if not conditions[i](msg, state) then return false end
  end
  return true
end

local function walk(self, msg, state, merged)
  local rules, general, general_count = self.rules, self.general, #self.general
  local matched, last = state.matched and state.matched[self.kind], 0
  repeat
    local count, a, b = candidates(self, msg, merged), 1, 1
    local moved = false
    while not moved do
      while a <= count and merged[a] <= last do a = a + 1 end
      while b <= general_count and general[b] <= last do b = b + 1 end
      local i = a <= count and merged[a] or nil
      local other = b <= general_count and general[b] or nil
      if other and (not i or other < i) then i = other end
      if not i then
        if matched then matched[0] = (matched[0] or 0) + 1 end
        return self.unmatched
      end
      last = i
      local rule = rules[i] or meet(self, i)
      if matches(rule, msg, state) then
        if matched then matched[i] = (matched[i] or 0) + 1 end
        if rule.change then moved = rule.change(msg, state) end
        local decision = rule.decide and rule.decide(msg, state)
        if decision then return decision end
      end
    end
  until false
end

--- Decides where a message goes.
---@param msg smpp.RouteMessage  rules may change it: its `changes`, `tags` and `copies`
---@param state smpp.RouteState
---@return smpp.Decision decision  to be read only
function Rules:decide(msg, state)
  if self.is_busy then return walk(self, msg, state, {}) end -- a function of a rule asks
  self.is_busy = true
  local decision = walk(self, msg, state, self.merged)
  self.is_busy = false
  return decision
end

--- Calls fn(count, line) for each rule that has matched messages, in order; last with line nil: messages that no rule decided.
---@param matched table<integer, integer>  of smpp.RouteState, for this kind of rules
---@param fn fun(count: integer, line: integer?)
function Rules:each_matched(matched, fn)
  for i, source in ipairs(self.sources) do
    if matched[i] then fn(matched[i], source.line) end
  end
  if matched[0] then fn(matched[0]) end
end

--- What a rule asks for, in words.
local function conditions_of(rule)
  local list = {}
  for _, condition in ipairs(rule.all_conditions) do list[#list + 1] = ("%s is %s"):format(condition.name, condition.words) end
  return list[1] and table.concat(list, ", ") or "no condition"
end

--- What a rule does, in words.
local function does(rule, rest)
  local text = { rule.change_text }
  text[#text + 1] = rule.text and rule.text .. rest
  return table.concat(text, "; ")
end

--- Calls fn(number, line, conditions, does) for the first rules, in order; the last two in words.
---@param most integer
---@param fn fun(number: integer, line: integer?, conditions: string, does: string)
---@return integer more  rules that are left out
function Rules:each(most, fn)
  for i = 1, math.min(most, #self.rules) do
    local rule = rule_of(self, i)
    fn(i, rule.line, conditions_of(rule), does(rule, ""))
  end
  return math.max(0, #self.rules - most)
end

---@class smpp.RouteStep
---@field line integer?
---@field matched boolean
---@field why string

--- Why a rule does not match, nil: it does.
local function refusal(rule, msg, state, is_found)
  for _, condition in ipairs(rule.all_conditions) do
    local ok
    if condition.name == rule.by then ok = is_found else ok = condition.test(msg, state) end
    if not ok then
      local got = condition.got and condition.got(msg, state)
      return ("%s: expected %s%s"):format(condition.name, condition.words, condition.got and ", got " .. mistake.show(got) or "")
    end
  end
end

--- Which indexed rules have the number of a message: without it a set of a million prefixes would be made once more.
local function indexed(self, msg)
  local found, list = {}, {}
  local count = candidates(self, msg, list)
  for i = 1, count do found[list[i]] = true end
  return found
end

--- As `decide`, rule by rule, with the reasons.
---@param msg smpp.RouteMessage
---@param state smpp.RouteState
---@return smpp.Decision decision
---@return smpp.RouteStep[] steps  of the rules up to the one that decides
function Rules:explain(msg, state)
  local steps, found = {}, indexed(self, msg)
  for i = 1, #self.rules do
    local rule = rule_of(self, i)
    local why = refusal(rule, msg, state, found[i])
    if why then
      steps[#steps + 1] = { line = rule.line, matched = false, why = why }
    else
      if rule.change and rule.change(msg, state) then found = indexed(self, msg) end
      local decision = rule.decide and rule.decide(msg, state)
      local rest = decision and decision.carriers and not decision.carriers[1] and ", none of which is available"
        or not decision and rule.decide and ", none of which is available: the next rule" or ""
      steps[#steps + 1] = { line = rule.line, matched = true, why = ("%s -> %s"):format(conditions_of(rule), does(rule, rest)) }
      if decision then return decision, steps end
    end
  end
  return self.unmatched, steps
end

return route
