--- One running scenario: its clock, actors, tasks and waits, the PDUs that passed, and its first failure.
local fingerprint = require "smpp.scenario.fingerprint"
local mistake = require "smpp.base.mistake"
local network = require "smpp.scenario.network"
local random = require "smpp.base.random"
local task = require "smpp.base.task"

---@class smpp.ScenarioWorld
---@field loop smpp.Loop
---@field clock "real"|"virtual"
---@field within_s number  default limit of waits
---@field failure table?   the first
---@field skipped string?  the reason
---@field over boolean     failed, skipped or ended: what the script still does is dropped
local World = {}
local mt = { __index = World, __name = "smpp.ScenarioWorld" }

local world = {}

local LADDER = 30 -- PDUs of a failure

--- Raised to leave a script whose scenario is over.
local ABORT = setmetatable({}, { __tostring = function() return "the scenario is over" end })
world.ABORT = ABORT

local LIBRARY = debug.getinfo(1, "S").source:match "^(.*)scenario/world%.lua$" -- "@lua/smpp/"

--- The innermost line of the scenario's own file in a stack; and the lines of helpers elsewhere that lead from there.
---@param source string  "@path" of the file
---@param co? thread     default: the running one
---@return integer? line
---@return string[] via
function world.locate(source, co)
  local via, level = {}, co and 0 or 2
  while true do
    local info = co and debug.getinfo(co, level, "Sl") or not co and debug.getinfo(level, "Sl")
    if not info then return nil, {} end
    if info.source == source then return info.currentline, via end
    if info.what ~= "C" and info.currentline > 0 and info.source:sub(1, #LIBRARY) ~= LIBRARY and info.source:sub(1, 1) == "@" then
      via[#via + 1] = ("%s:%d"):format(info.source:sub(2), info.currentline)
    end
    level = level + 1
  end
end

---@param case smpp.ScenarioCase
---@param o { loop: smpp.Loop, clock: string, seed: integer, vars: table?, within_s: number? }
---@return smpp.ScenarioWorld
function world.new(case, o)
  local self = setmetatable({
    case = case, loop = o.loop, clock = o.clock, seed = o.seed, vars = o.vars or {},
    within_s = case.options.within_s or o.within_s or 5,
    random = random.generator(o.seed),
    started = o.loop:now(),
    actors = {}, names = {},     -- in the order in which they were made; by name
    ports = {},                  -- local port of a connection -> name of the actor that made it
    wires = nil, wire_changes = nil, net = nil, -- of the virtual network (smpp.scenario.network)
    tasks = {},                  -- of t:go: { token, line, done }
    lines_of = setmetatable({}, { __mode = "k" }), -- task -> line of the `go` that began it
    waiters = {}, waiter_count = 0, -- suspended tasks
    waits_for = {},              -- task -> entry of the task whose result it waits for
    ends = {},                   -- who waits for the end of a connection or an actor
    expecting = {},              -- expects that wait: { line, actor, command }
    timers = {},                 -- of answers that come later -> true
    defers = {},
    ladder = {}, ladder_count = 0, -- the last PDUs
    trace = o.clock == "virtual" and fingerprint.new() or nil,
    capture = nil,               -- smpp.Trace
    driver = nil, main = nil, returned = false, -- the task that runs it, that of its function; fn has returned
    failure = nil, skipped = nil, over = false, ending = false,
  }, mt)
  self.sink = function(trace, err, co) self:task_failed(trace, err, co) end
  return self
end

--- Seconds since the scenario began.
---@return number
function World:now() return self.loop:now() - self.started end

-- ---- failures ----

--- Where the running task is in the script; of a tail call the line where its task began.
---@return integer line
---@return string[] via
function World:here()
  local line, via = world.locate(self.case.source)
  return line or self.lines_of[task.current() or 0] or self.case.line, via
end

--- Where a waiting or failed task is.
---@param co thread
---@return integer line
---@return string[] via
function World:place_of(co)
  local line, via = world.locate(self.case.source, co)
  return line or self.lines_of[co] or self.case.line, via
end

--- Where the function of the scenario is.
---@return integer line
function World:waiting_line()
  local main = self.main
  return not main and self.case.line or main == task.current() and (self:here()) or (self:place_of(main))
end

--- Ends the scenario with a failure, unless it has one; whoever waits is woken to leave the script.
---@param failure table  kind, message; line and via, default: here; actor, expected, nearest, output
function World:fail(failure)
  if self.over then return end
  if not failure.line then failure.line, failure.via = self:here() end
  failure.waiting, failure.pdus = {}, {}
  for _, entry in ipairs(self.expecting) do
    if entry ~= failure.entry then table.insert(failure.waiting, { line = entry.line, actor = entry.actor, command = entry.command }) end
  end
  failure.entry = nil
  for i = math.max(1, self.ladder_count - LADDER + 1), self.ladder_count do table.insert(failure.pdus, self.ladder[i]) end
  self.failure = failure
  self:stop()
end

--- A message, and what the script has left undone, which may be the reason.
---@param message string
---@return string
function World:with_reason(message)
  for _, actor in ipairs(self.actors) do
    local inbox = rawget(actor, "inbox")
    local undone = inbox and inbox:undone()
    if undone then return message .. ": " .. undone end
  end
  return message
end

--- Ends the scenario as skipped.
---@param reason string
function World:skip(reason)
  if self.over then return end
  self.skipped = reason
  self:stop()
end

--- The script goes no further.
function World:stop()
  self.over = true
  local list, count = {}, self.waiter_count
  for i = 1, count do list[i] = self.waiters[i] end
  for i = 1, count do task.wake_for(list[i].token, list[i], ABORT) end
  self:settle()
end

--- Leaves the script.
---@param failure table  as of `fail`
function World:abort(failure)
  self:fail(failure)
  error(ABORT, 0)
end

--- Leaves the script: it uses the language in a wrong way.
---@param message string
function World:misuse(message) self:abort { kind = "script", message = message } end

--- Leaves the script if the scenario is over.
function World:check_alive()
  if self.over then error(ABORT, 0) end
end

--- Checks options of a script.
---@param schema smpp.Schema
---@param given table?
---@param what string
---@return table
function World:check_options(schema, given, what)
  if given == nil then return {} end
  local wrong = schema:problem(given)
  if wrong then self:misuse(what .. ": " .. wrong.message) end
  return given
end

--- A misspelt name, with a suggestion.
---@param what string
---@param name any
---@param names table<string, any>
function World:unknown(what, name, names)
  local like = type(name) == "string" and mistake.similar(name, names)
  self:misuse(("unknown %s '%s'%s"):format(what, tostring(name), like and ("; did you mean '%s'?"):format(like) or ""))
end

--- An error of the script, in the words of Lua 5.4 on all Luas; a misspelt method with a suggestion.
local function words_of(self, err)
  local words = tostring(err):gsub("^[^\n:]+:%d+: ", "")
  words = words:gsub("^attempt to ([%a ]+) (%a+) ('[^']*') %((an? %a+ value)%)$", "attempt to %1 %4 (%2 %3)")
  local name, names = words:match "method '([%w_]+)'", {}
  for method in pairs(name and self.step_methods or names) do names[method] = true end
  for _, actor in ipairs(name and self.actors or names) do
    local index = getmetatable(actor).__index
    for method in pairs(type(index) == "table" and index or {}) do names[method] = true end
  end
  local like = name and not names[name] and mistake.similar(name, names)
  return like and ("%s; did you mean '%s'?"):format(words, like) or words
end

--- A task of the script has ended with an error.
function World:task_failed(_, err, co)
  if err == ABORT or self.over then return self:settle() end
  local line, via = self:place_of(co)
  local path, number = tostring(err):match "^([^\n:]+):(%d+): "
  if number and "@" .. path == self.case.source then line = tonumber(number) end -- LuaJIT does not know the line of a failed call
  local message = words_of(self, err)
  if type(err) == "table" and not (getmetatable(err) or {}).__tostring then message = "an error object" end
  self:fail { kind = "raised", message = message, line = line, via = via }
end

--- Wakes the task that runs the scenario: something has ended.
function World:settle()
  if self.driver then task.wake_for(self.driver, self) end
end

-- ---- waits ----

local function remove(list, count, item)
  for i = 1, count do
    if list[i] == item then
      for j = i, count do list[j] = list[j + 1] end
      return count - 1
    end
  end
  return count
end

local TIMEOUT = {}

--- Suspends the running task until `wake` is called for the waiter, or for so many seconds.
---@async
---@param seconds number
---@param waiter table  anything; with `quiet` it waits also when the scenario is over
---@return boolean woken  false: the time is over
---@return any value  what it was woken with
function World:suspend(seconds, waiter)
  if not waiter.quiet then
    self:check_alive()
    self.waiter_count = self.waiter_count + 1
    self.waiters[self.waiter_count] = waiter
  end
  waiter.token = task.need()
  local timer
  if seconds < math.huge then
    timer = self.loop:timer(function() task.wake_for(waiter.token, waiter, TIMEOUT) end, true)
    timer:start(seconds)
  end
  local what, value = task.wait(waiter)
  if timer then timer:close() end
  if not waiter.quiet then self.waiter_count = remove(self.waiters, self.waiter_count, waiter) end
  if what == ABORT then error(ABORT, 0) end
  return what ~= TIMEOUT, value
end

--- Ends a wait.
---@param waiter table
---@param value any
---@return boolean woken  false: it does not wait
function World:wake(waiter, value) -- luacheck: no self
  return waiter.token ~= nil and task.wake_for(waiter.token, waiter, true, value)
end

--- Waits until `ready()` gives a value, which `changed(list)` makes it look at.
---@async
---@param seconds number
---@param list table  waiters
---@param ready fun(): any
---@param quiet? boolean
---@return any value  nil: the time is over
function World:await(seconds, list, ready, quiet)
  local deadline = self.loop:now() + seconds
  while true do
    local value = ready()
    if value then return value end
    local left = deadline - self.loop:now()
    if left <= 0 then return nil end
    self:listen(list, { quiet = quiet }, left)
  end
end

--- Suspends the running task until the next change, or for so many seconds.
---@async
---@param list table  waiters
---@param waiter table  as of `suspend`
---@param seconds number
function World:listen(list, waiter, seconds)
  list.n = (list.n or 0) + 1 -- not #list: smpp.base.heap
  list[list.n] = waiter
  self:suspend(seconds, waiter)
  list.n = remove(list, list.n, waiter)
end

--- `await` that goes on when the scenario is over: for its end.
---@async
function World:rest(seconds, list, ready) return self:await(seconds, list, ready, true) end

--- Wakes those who wait for a change.
---@param list table
function World:changed(list)
  local waiting, count = {}, list.n or 0
  for i = 1, count do waiting[i] = list[i] end
  for i = 1, count do self:wake(waiting[i]) end
end

--- Calls a function later, unless the scenario ends before.
---@param seconds number
---@param fn fun()
function World:later(seconds, fn)
  if seconds <= 0 then return self.loop:defer(fn) end
  local timer
  timer = self.loop:timer(function()
    self.timers[timer] = nil
    timer:close()
    fn()
  end, true)
  self.timers[timer] = true
  timer:start(seconds)
end

--- Starts a task of the script.
---@param line integer  of the `go`
---@param fn function
---@return table entry  { token, line, done, results }
function World:start(line, fn, ...)
  local entry = { token = nil, line = line, done = false, results = nil, changes = {} }
  self.tasks[#self.tasks + 1] = entry
  local function finish(...)
    entry.done, entry.results = true, { n = select("#", ...), ... }
    self:changed(entry.changes)
    self:settle()
  end
  local function failed(trace, err, co)
    entry.done = true
    self:task_failed(trace, err, co)
  end
  local function run(...)
    entry.token = task.current()
    self.lines_of[entry.token] = line
    finish(fn(...))
  end
  task.start(failed, run, ...)
  return entry
end

-- ---- what passed ----

--- A PDU passed between two actors.
---@param from string
---@param to string
---@param pdu smpp.Pdu
---@param about { auto: boolean?, from: table, to: table }  addresses of both ends
---@return table entry
function World:record(from, to, pdu, about)
  local entry = { t_s = self:now(), from = from, to = to, pdu = pdu, auto = about.auto }
  local n = self.ladder_count + 1
  self.ladder_count, self.ladder[n] = n, entry
  if n > 4 * LADDER then -- keeps the last ones
    for i = 1, LADDER do self.ladder[i] = self.ladder[n - LADDER + i] end
    for i = LADDER + 1, n do self.ladder[i] = nil end
    self.ladder_count = LADDER
  end
  if self.trace then self.trace:add(("%.6f %s %s "):format(entry.t_s, from, to), pdu:octets()) end
  if self.capture then
    self.capture:pdu(pdu, { time = self.loop:time(), from = about.from, to = about.to })
  end
  return entry
end

--- A line of the script, or of the log of a client, in the ladder.
---@param words string
function World:note(words)
  local n = self.ladder_count + 1
  self.ladder_count, self.ladder[n] = n, { t_s = self:now(), note = words }
  if self.trace then self.trace:add(("%.6f %s"):format(self:now(), words)) end
end

--- An actor has made a connection.
---@param port integer  the local one
---@param name string
function World:own_port(port, name)
  if not port or self.ports[port] then return end
  self.ports[port] = name
  network.resolved(self)
end

--- Skips the scenario on the real clock.
---@param what string
function World:need_virtual(what)
  if self.clock == "virtual" then return end
  self:skip(("t:%s needs --virtual"):format(what))
  error(ABORT, 0)
end

--- Skips the scenario on the virtual clock.
---@param what string
function World:need_real(what)
  if self.clock == "real" then return end
  self:skip(("%s needs the real clock"):format(what))
  error(ABORT, 0)
end

--- The actor that made a connection, by its local port; an external program where there is one.
---@param actor table  that was connected to
---@param peer { host: string, port: integer }
---@return string
function World:name_of_peer(actor, peer)
  local name = self.ports[peer.port]
  if name then return name end
  for _, other in ipairs(self.actors) do
    if rawget(other, "target") == actor then return other.name end
  end
  return ("%s:%d"):format(peer.host, peer.port)
end

--- Gives a new actor its name.
---@param actor table
---@param wanted string?  `name` of its options
---@param kind string
function World:add(actor, wanted, kind)
  local name = wanted
  if name and not (type(name) == "string" and name:find "^[%a_][%w_]*$") then
    self:misuse(("name: expected a name like those of variables, got '%s'"):format(tostring(name)))
  end
  if name and self.names[name] then self:misuse(("two actors are called '%s'"):format(name)) end
  local n = 1
  while not name or self.names[name] do
    name = n == 1 and kind or kind .. n
    n = n + 1
    if not self.names[name] then break end
  end
  actor.name, actor.world = name, self
  self.names[name] = actor
  self.actors[#self.actors + 1] = actor
end

return world
