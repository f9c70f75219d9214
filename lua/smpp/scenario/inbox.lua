--- The inbox of a scripted actor: requests wait in order of arrival until the script expects them.  Also its standing rules
--- and its watches for what must never come.
local alive = require "smpp.scenario.alive"
local arrivals = require "smpp.scenario.arrival"
local commands = require "smpp.codec.commands"
local kind = require "smpp.base.kind"
local match = require "smpp.scenario.match"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"

---@class smpp.ScenarioInbox
local Inbox = {}
local mt = { __index = Inbox, __name = "smpp.ScenarioInbox" }

local inbox = {}

local RECENT = 100 -- PDUs among which the nearest is looked for
local TAKEN = 20   -- requests that the script took last, of which it is known whether they were answered

local RESPONSE = 0x80000000

local times = kind.either(kind.integer(0), kind.list(kind.integer(0), "numbers"))
local answer = kind.either("string", "number", "table", "function", "boolean")

local EXPECT = schema.new {
  { "within_s", kind.seconds }, { "not_before_s", kind.seconds }, { "any", "boolean" }, { "optional", "boolean" },
  { "times", times }, { "answer", answer }, { "session", "table" },
}
local NEVER = schema.new { { "for_s", kind.seconds }, { "session", "table" } }
local RULE = schema.new { { "times", times } }

---@param actor table  a scripted actor
---@param o { auto: string[], unexpected: string }
---@return smpp.ScenarioInbox
function inbox.new(actor, o)
  local self = setmetatable({
    actor = actor, world = actor.world,
    auto = {}, ignores = o.unexpected == "ignore",
    items = {},     -- arrivals that nobody took, oldest first
    waiting = {},   -- expects that wait, oldest first
    rules = {},     -- latest first
    watches = {},   -- of `never`
    recent = {},    -- the last PDUs that came, newest last
    taken = {},     -- the last requests that an expect took, newest last: { item, line }
    serial = 0,     -- counts arrivals
  }, mt)
  for _, name in ipairs(o.auto) do
    if not commands.ids[name] then self.world:unknown("command", name, commands.ids) end
    self.auto[name] = true
  end
  return self
end

-- ---- what is wanted ----

--- The options may stand in the place of the fields.
local function fields_and_options(fields, o)
  if type(fields) == "table" and o == nil and getmetatable(fields) == nil then
    for name in pairs(fields) do
      if EXPECT.by_name[name] or NEVER.by_name[name] then return {}, fields end
    end
  end
  return fields or {}, o
end

local BINDS = { bind_transceiver = true, bind_transmitter = true, bind_receiver = true }

--- What an expect, a never or a rule waits for.
local function wanted_of(self, command, fields, session)
  local world = self.world
  if command ~= "bind" and not (type(command) == "string" and commands.ids[command]) then world:unknown("command", command, commands.ids) end
  if type(fields) ~= "table" then world:misuse("fields: expected a table, got " .. type(fields)) end
  local list, message = match.compile(fields, command ~= "bind" and command or "bind_transceiver")
  if not list then world:misuse(message) end
  return { command = command, fields = list, session = session }
end

local function is_command(wanted, pdu)
  if wanted.command == "bind" then return BINDS[pdu.command] or false end
  return pdu.command == wanted.command
end

--- The differences between what is wanted and a PDU; none: it matches.
local function differences(wanted, pdu)
  local differs = match.differences(wanted.fields, pdu)
  if not is_command(wanted, pdu) then table.insert(differs, 1, { field = "command", expected = wanted.command, got = pdu.command }) end
  return differs
end

local function fits(wanted, item)
  return (not wanted.session or wanted.session == item.session) and is_command(wanted, item.pdu)
    and #match.differences(wanted.fields, item.pdu) == 0
end

--- The PDU that came last of those with the fewest differing fields; one of the right command before all others.
local function nearest(self, wanted)
  local best, best_differs, best_rank
  for i = #self.recent, 1, -1 do
    local pdu = self.recent[i]
    local differs = differences(wanted, pdu)
    local rank = #differs + (is_command(wanted, pdu) and 0 or 1000)
    if not best or rank < best_rank then best, best_differs, best_rank = pdu, differs, rank end
  end
  return best and { pdu = best, differs = best_differs } or nil
end

local function failure_of(self, wanted, message, place)
  return {
    kind = "expect", message = message, actor = self.actor.name, line = place.line, via = place.via,
    expected = { command = wanted.command, fields = wanted.fields }, nearest = nearest(self, wanted), entry = place.entry,
  }
end

--- The first item that a wait for this session may take.
local function oldest_of(self, wanted)
  for i, item in ipairs(self.items) do
    if not wanted.session or wanted.session == item.session then return item, i end
  end
end

local function words_of(wanted) return wanted.command end

--- Does a wait take an item?  It waits for one of a list.
local function takes(wait, item)
  for i, wanted in ipairs(wait.list) do
    if fits(wanted, item) then return i end
  end
end

-- ---- arrivals ----

local function is_expected(self, command)
  for _, wait in ipairs(self.waiting) do
    for _, wanted in ipairs(wait.list) do
      if wanted.command == command or wanted.command == "bind" and BINDS[command] then return true end
    end
  end
  return false
end

local function forbidden(self, item)
  for _, watch in ipairs(self.watches) do
    if fits(watch.wanted, item) then
      watch.broken = true
      self.world:fail {
        kind = "never", actor = self.actor.name, line = watch.line, via = watch.via,
        message = ("%s came, which must never come"):format(words_of(watch.wanted)),
        expected = { command = watch.wanted.command, fields = watch.wanted.fields }, nearest = { pdu = item.pdu, differs = {} },
      }
      return true
    end
  end
  return false
end

local function apply_rule(self, item)
  for _, rule in ipairs(self.rules) do
    if (not rule.most or rule.used < rule.most) and fits(rule.wanted, item) then
      rule.used = rule.used + 1
      local ok, err = pcall(item.answer, item, rule.what, rule.options)
      if not ok and not self.world.over then
        self.world:fail { kind = "raised", line = rule.line, via = {}, message = "the answer of this rule: " .. tostring(err) }
      end
      return true
    end
  end
  return false
end

local function fail_waiting(self, wait, item)
  local wanted = wait.list[1]
  wait.failure = failure_of(self, wanted, nil, wait)
  local first = differences(wanted, item.pdu)[1] or { field = "command" }
  wait.failure.message = first.field == "command" and ("expected %s, got %s"):format(words_of(wanted), item.pdu.command)
    or ("expected %s with %s %s, got %s"):format(words_of(wanted), first.field, first.expected, first.got)
  self.world:wake(wait)
end

--- A request came, or a response that nobody asked for.
---@param session smpp.ScenarioLine
---@param pdu smpp.Pdu
---@param entry table?  of the ladder
function Inbox:take(session, pdu, entry)
  local world = self.world
  table.insert(self.recent, pdu)
  if #self.recent > RECENT then table.remove(self.recent, 1) end
  local item = arrivals.new(session, pdu)
  self.serial = self.serial + 1
  item.order = self.serial
  if world.ending then
    if pdu.command_id < RESPONSE then item:put(item:usual(), nil, true) end
    return
  end
  if forbidden(self, item) then return end
  for i, wait in ipairs(self.waiting) do
    wait.at = takes(wait, item)
    if wait.at then
      table.remove(self.waiting, i)
      wait.got = item
      return world:wake(wait)
    end
  end
  local expected = is_expected(self, pdu.command)
  if pdu.command_id < RESPONSE then
    if apply_rule(self, item) then return end
    local answers_itself = self.auto[pdu.command] and not expected
    if not answers_itself and self.actor.takes_binds and commands.roles.bind[pdu.command_id] and not expected then
      answers_itself = true
      self.actor:note_bound(session)
    end
    if answers_itself then
      if entry then entry.auto = true end
      if commands.rows[pdu.command_id].response_id then item:put(item:usual(), nil, true) end
      return
    end
  end
  table.insert(self.items, item)
  for _, wait in ipairs(self.waiting) do -- those that take only the oldest
    if not wait.any and not wait.got and not wait.failure and oldest_of(self, wait.list[1]) == item then
      if wait.optional then
        wait.passed_by = true
        world:wake(wait)
      else
        fail_waiting(self, wait, item)
      end
    end
  end
end

-- ---- expect ----

local function remove(list, item)
  for i, other in ipairs(list) do
    if other == item then return table.remove(list, i) end
  end
end

--- Waits for an arrival, until the deadline, or until nothing can come any more: then `wait.silent` says why.
---@async
local function await(self, wait, session, deadline)
  local world, current, silent_at = self.world, task.current(), nil
  table.insert(self.waiting, wait)
  while not (wait.got or wait.failure or wait.passed_by) do
    local now = world.loop:now()
    local why = alive.why_silent(world, self.actor, session, current)
    silent_at = why and (silent_at or now + alive.GRACE_S) or nil
    if why and now >= silent_at then
      wait.silent = why
      break
    end
    local left = math.min(deadline, silent_at or deadline) - now
    if left <= 0 then break end
    world:listen(world.ends, wait, left)
  end
  remove(self.waiting, wait)
end

local function missing(self, wanted, o, wait)
  local message
  if wait.silent then
    message = ("expected %s, nothing can come any more: %s"):format(words_of(wanted), wait.silent)
  else
    local limit = ("%g"):format(math.floor((o.within_s or self.world.within_s) * 1e6 + 0.5) / 1e6)
    message = ("expected %s, nothing came within %s s"):format(words_of(wanted), limit)
  end
  local trouble = self.actor:trouble(wanted.session)
  return trouble and message .. "; " .. trouble or message
end

--- One arrival, or nil where it may be missing.
---@async
local function take_one(self, wanted, o, place, deadline)
  local world = self.world
  local item, at = oldest_of(self, wanted)
  if item and o.any then
    for i, other in ipairs(self.items) do
      if fits(wanted, other) then return table.remove(self.items, i) end
    end
  elseif item then
    if fits(wanted, item) then return table.remove(self.items, at) end
    if o.optional then return nil end
    local wait = { list = { wanted }, line = place.line, via = place.via, entry = place.entry }
    fail_waiting(self, wait, item)
    return world:abort(wait.failure)
  end
  local wait = { list = { wanted }, any = o.any, optional = o.optional, line = place.line, via = place.via, entry = place.entry }
  await(self, wait, wanted.session, deadline)
  if wait.got then return wait.got end
  if wait.failure then return world:abort(wait.failure) end
  if o.optional then return nil end
  world:abort(failure_of(self, wanted, missing(self, wanted, o, wait), place))
end

local function check_early(self, item, wanted, o, began, place)
  if not o.not_before_s or item.at_s - began >= o.not_before_s then return end
  local failure = failure_of(self, wanted, ("%s came after %.6g s, expected not before %g s"):format(item.pdu.command,
    math.max(0, item.at_s - began), o.not_before_s), place)
  failure.nearest = { pdu = item.pdu, differs = { { field = "time", expected = ("not before %g s"):format(o.not_before_s),
    got = ("%.6g s"):format(math.max(0, item.at_s - began)) } } }
  self.world:abort(failure)
end

--- Remembers where the script took a request.
local function note_taken(self, item, line)
  if item.pdu.command_id >= RESPONSE or not commands.rows[item.pdu.command_id].response_id then return end
  table.insert(self.taken, { item = item, line = line })
  if #self.taken > TAKEN then table.remove(self.taken, 1) end
end

--- What the script has left undone, in words; nil: nothing.
---@return string?
function Inbox:undone()
  local item = not self.ignores and self.items[1]
  if item then return ("%s #%d came to %s, and no expect takes it"):format(item.pdu.command, item.pdu.sequence_number, self.actor.name) end
  for _, one in ipairs(self.taken) do
    local pdu, session = one.item.pdu, one.item.session
    if one.item.answers == 0 and not session.ended then
      return ("%s #%d, which line %d took, is not answered"):format(pdu.command, pdu.sequence_number, one.line)
    end
  end
end

local function answer_with(item, how)
  if how == nil then return end
  if how == true then how = nil end
  item:answer(how)
end

--- The oldest request of the inbox, which has to be this one; waits for it.
---@async
---@param command string  "bind": any of the three
---@param fields? table
---@param o? table  within_s, not_before_s, any, optional, times, answer, session
---@param session? smpp.ScenarioLine
---@return smpp.ScenarioArrival|smpp.ScenarioArrival[]|nil
function Inbox:expect(command, fields, o, session)
  local world = self.world
  world:check_alive()
  fields, o = fields_and_options(fields, o)
  o = world:check_options(EXPECT, o, "expect")
  local wanted = wanted_of(self, command, fields, session or o.session)
  local line, via = world:here()
  local place = { line = line, via = via, entry = { line = line, actor = self.actor.name, command = command } }
  local began, deadline = world:now(), world.loop:now() + (o.within_s or world.within_s)
  local function one(optional)
    table.insert(world.expecting, place.entry)
    local item = take_one(self, wanted, optional and schema.merge(o, { optional = true }) or o, place, deadline)
    remove(world.expecting, place.entry)
    if item then
      note_taken(self, item, line)
      check_early(self, item, wanted, o, began, place)
      answer_with(item, o.answer)
    end
    return item
  end
  if not o.times then return one() end
  local least = type(o.times) == "table" and o.times[1] or o.times
  local most = type(o.times) == "table" and o.times[2] or least
  local list = {}
  for i = 1, most do
    local item = one(i > least)
    if not item then break end
    list[i] = item
  end
  return list
end

--- Each of several requests once, in any order; the list is in the order of the script.
---@async
---@param list table  { { command, fields }, …, within_s =, answer = }
---@return smpp.ScenarioArrival[]
function Inbox:expect_all(list)
  local world = self.world
  world:check_alive()
  local o, wanted, got = {}, {}, {}
  for name, value in pairs(list) do
    if type(name) ~= "number" then o[name] = value end
  end
  world:check_options(EXPECT:pick("within_s", "answer", "session"), o, "expect_all")
  for i, item in ipairs(list) do wanted[i] = wanted_of(self, item[1], item[2] or {}, o.session) end
  local line, via = world:here()
  local deadline = world.loop:now() + (o.within_s or world.within_s)
  for _ = 1, #wanted do
    local rest, places = {}, {}
    for i, one in ipairs(wanted) do
      if not got[i] then rest[#rest + 1], places[#places + 1] = one, i end
    end
    local first = rest[1]
    local entry = { line = line, actor = self.actor.name, command = first.command }
    local wait = { list = rest, line = line, via = via, entry = entry }
    local item, at = oldest_of(self, first)
    if item then
      wait.at = takes(wait, item)
      if not wait.at then fail_waiting(self, wait, item) else table.remove(self.items, at) end
    else
      table.insert(world.expecting, entry)
      await(self, wait, o.session, deadline)
      remove(world.expecting, entry)
      item = wait.got
    end
    if wait.failure then world:abort(wait.failure) end
    if not item then
      world:abort(failure_of(self, first, missing(self, first, o, wait), wait))
    end
    got[places[wait.at]] = item
    note_taken(self, item, line)
    answer_with(item, o.answer)
  end
  return got
end

-- ---- never, on ----

--- Fails if such a request is in the inbox or comes: within `for_s`, for which it waits; or until the actor stops.
---@async
---@param command string
---@param fields? table
---@param o? { for_s: number }
function Inbox:never(command, fields, o)
  local world = self.world
  world:check_alive()
  fields, o = fields_and_options(fields, o)
  o = world:check_options(NEVER, o, "never")
  local line, via = world:here()
  local watch = { wanted = wanted_of(self, command, fields, o.session), line = line, via = via, broken = false }
  table.insert(self.watches, 1, watch)
  for _, item in ipairs(self.items) do forbidden(self, item) end
  world:check_alive()
  if not o.for_s then return end
  world:suspend(o.for_s, watch)
  remove(self.watches, watch)
end

--- Ends the watches of `never`, when the actor stops.
function Inbox:stop_watching() self.watches = {} end

---@class smpp.ScenarioRule
local Rule = {}
local RULE_MT = { __index = Rule, __name = "smpp.ScenarioRule" }

--- A rule for requests that no expect takes.
---@param command string
---@param fields? table
---@param o? { times: integer|integer[] }
---@return smpp.ScenarioRule
function Inbox:on(command, fields, o)
  local world = self.world
  world:check_alive()
  if o == nil and type(fields) == "table" and fields.times ~= nil then fields, o = nil, fields end
  o = world:check_options(RULE, o, "on")
  local line = world:here()
  return setmetatable({
    inbox = self, wanted = wanted_of(self, command, fields or {}), line = line, used = 0, what = nil, options = nil,
    least = type(o.times) == "table" and o.times[1] or o.times, most = type(o.times) == "table" and o.times[2] or o.times,
  }, RULE_MT)
end

--- How its requests are answered, as of an arrival.
---@param what? any
---@param options? table
function Rule:answer(what, options)
  local world = self.inbox.world
  world:check_alive()
  self.what, self.options = what, options
  table.insert(self.inbox.rules, 1, self)
end

--- What is left at the end, nil: nothing.
---@param serial integer  of the last arrival that counts
---@return table? failure
function Inbox:leftover(serial)
  for _, rule in ipairs(self.rules) do
    if rule.least and rule.used < rule.least then
      return {
        kind = "rule", actor = self.actor.name, line = rule.line, via = {},
        message = ("the rule for %s was used %d times, expected %d"):format(words_of(rule.wanted), rule.used, rule.least),
      }
    end
  end
  if self.ignores then return nil end
  for _, item in ipairs(self.items) do
    if item.order <= serial then
      return {
        kind = "unexpected", actor = self.actor.name, via = {},
        message = ("%s came, which the script did not expect"):format(item.pdu.command), nearest = { pdu = item.pdu, differs = {} },
      }
    end
  end
end

return inbox
