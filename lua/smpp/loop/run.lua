--- smpp.run: a main task, its loop, and an orderly shutdown; smpp.spawn, smpp.sleep, smpp.each.
local task = require "smpp.base.task"
local loops = require "smpp.loop"
local schema = require "smpp.base.schema"

local run = {}

local unpack = table.unpack or unpack -- luacheck: compat

local active -- the state of the smpp.run that runs

local function check_function(fn, position)
  if type(fn) ~= "function" then
    error(("argument %d: expected a function, got %s"):format(position, type(fn)), 3)
  end
end

--- The error to re-raise: with its traceback, or, if it is an object, that object.
local function raisable(trace, err) return type(err) == "string" and trace or err end

--- Registers an object that must be closed before the program ends; called by its constructor.
--- When the main task returns, `smpp.run` closes those it opened whose `has_handlers` is false; on an error or a
--- signal, all.  Does nothing outside smpp.run.
---@param object { close: fun(self), has_handlers: boolean? }
---@param stays? boolean  opened callback-style: the main task's return does not close it
function run.opened(object, stays)
  local state = active
  if not state then return end
  local token = task.current()
  state.serial = state.serial + 1
  state.open[object] = { serial = state.serial, of_main = not stays and token ~= nil and state.family[token] == true }
  if state.closing then
    state.loop:defer(function()
      if state.open[object] then state.close(object) end
    end)
  end
end

--- Removes a closed object.  May be called twice.
---@param object table
function run.closed(object)
  if active then active.open[object] = nil end
end

--- The objects that were opened and are not closed, oldest first.
---@return table[]
function run.open()
  local list, open = {}, active and active.open or {}
  for object in pairs(open) do list[#list + 1] = object end
  table.sort(list, function(a, b) return open[a].serial < open[b].serial end)
  return list
end

-- Closes what `wanted` picks, youngest first, each in a task of its own.
local function close_open(state, wanted)
  local list = {}
  for object, entry in pairs(state.open) do
    if wanted(object, entry) then list[#list + 1] = object end
  end
  table.sort(list, function(a, b) return state.open[a].serial > state.open[b].serial end)
  for _, object in ipairs(list) do
    if state.open[object] then state.close(object) end
  end
end

local function state_of(loop)
  local state = {
    loop = loop,
    open = {}, serial = 0,                          -- object -> { serial, of_main }
    family = setmetatable({}, { __mode = "k" }),    -- the main task and the tasks of its smpp.each
    sleepers = {},                                  -- timers of tasks that sleep
    main = nil, results = nil, failure = nil,       -- the main task; how it ended
    interrupted = nil, interrupted_at = nil,        -- name of the signal, when it came
    closing = false, closers = 0,                   -- shutdown is running; number of its tasks
  }
  local function closer_left()
    state.closers = state.closers - 1
    if state.closing and state.closers == 0 then loop:defer(function() loop:stop() end) end
  end
  local function closer_failed(trace, err)
    closer_left()
    task.on_error(trace, err)
  end
  function state.close(object)
    state.closers = state.closers + 1
    task.start(closer_failed, function()
      object:close()
      run.closed(object)
      closer_left()
    end)
  end
  return state
end

-- Closes everything, then stops the loop even if tasks sleep.
local function shut_down(state)
  if state.closing then return end
  state.closing = true
  state.closers = state.closers + 1
  close_open(state, function() return true end)
  state.closers = state.closers - 1
  if state.closers == 0 then state.loop:defer(function() state.loop:stop() end) end
end

local function fail(state, trace, err)
  state.failure = state.failure or { value = raisable(trace, err) }
  shut_down(state)
end

local function main(state, fn)
  state.main = task.current()
  state.family[state.main] = true
  local function finished(...)
    state.results = { n = select("#", ...), ... }
    if state.closing then return end
    close_open(state, function(object, entry) return entry.of_main and not object.has_handlers end)
  end
  finished(fn())
end

local SAME_S = 0.1 -- `timeout -s INT` signals the process and then its group: that is one interruption

local function on_signal(state, name)
  local now = state.loop:now()
  if state.interrupted then
    if name == state.interrupted and now - state.interrupted_at < SAME_S then return end
    return state.loop:stop()
  end
  state.interrupted, state.interrupted_at = name, now
  shut_down(state)
end

-- The loop has ended with a task unfinished: it was stopped, or no event can wake the task.
local function deadlock_of(state)
  local loop = state.loop
  if state.failure or state.interrupted then return nil end
  if not state.results then
    local why = loop.stopped and "the loop was stopped while the main task waits"
      or "deadlock: the main task waits, and no event is left that could wake it"
    return task.traceback(state.main, why)
  end
  if not loop.stopped and loop.is_alive and loop:is_alive() then
    return "deadlock: no event is left, but these keep the loop alive: " .. loop:describe(true)
  end
end

local function run_loop(state)
  local ok, err = pcall(state.loop.run, state.loop)
  local trouble = not ok and err or deadlock_of(state)
  if not trouble then return end
  fail(state, trouble, trouble)
  pcall(state.loop.run, state.loop) -- until everything is closed
end

local OPTIONS = schema.new {
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one" },
  { "signals", "boolean", true, "SIGINT and SIGTERM close everything", "signals = false" },
}

--- Runs `fn` as the main task, and the loop, until fn has returned and nothing keeps the loop alive; returns what fn
--- returned.  When fn returns, what it opened and gave no handlers is closed.  An error in fn closes everything and
--- is raised again, with its traceback (an error object as itself).  SIGINT and SIGTERM close everything too, a
--- second one ends at once (the same within 0.1 s counts as one); then the result is nil, a message, "interrupted", what fn raised, if it did,
--- and the name of the signal.
--- A main task that nothing can wake any more raises "deadlock: …" with its traceback.
---@param fn fun(): ...
---@param o? { loop?: smpp.Loop, signals?: boolean }  default: the current loop; signals = false leaves them alone
---@return any ...
function run.run(fn, o)
  check_function(fn, 1)
  o = OPTIONS:check(o)
  if active then error("smpp.run is already running: use smpp.spawn", 2) end
  local loop = o.loop or loops.current()
  if loop:is_running() then error("the loop is already running: use smpp.spawn", 2) end
  local state = state_of(loop)
  active = state
  local previous = loops.set(loop)
  local handles = {}
  for i, name in ipairs(o.signals == false and {} or { "SIGINT", "SIGTERM" }) do
    handles[i] = loop:signal(name, function() on_signal(state, name) end)
  end
  task.start(function(trace, err) fail(state, trace, err) end, main, state, fn)
  run_loop(state)
  for timer in pairs(state.sleepers) do timer:close() end
  for _, handle in ipairs(handles) do handle:close() end
  loop:close()
  loops.set(previous)
  active = nil
  task.trim()
  local failure = state.failure and state.failure.value
  -- An error after a signal is caused by the objects that the signal closed.
  if state.interrupted then return nil, "interrupted by " .. state.interrupted, "interrupted", failure, state.interrupted end
  if state.failure then error(failure, 0) end
  return unpack(state.results, 1, state.results.n)
end

--- Runs `fn(...)` as a task, at once, until it first waits.  Joins the loop that runs or will run, and never runs
--- one.  An error in it goes to `task.on_error` (stderr).
---@param fn function
---@param ... any  its arguments
function run.spawn(fn, ...)
  check_function(fn, 1)
  task.spawn(fn, ...)
end

--- Waits `seconds`; keeps the script alive meanwhile.
---@async
---@param seconds number
---@param callback? fun()  run as a task, instead of waiting
function run.sleep(seconds, callback)
  if type(seconds) ~= "number" or seconds ~= seconds then error("argument 1: expected a number of seconds", 2) end
  if callback ~= nil then check_function(callback, 2) end
  local token = not callback and task.need()
  local sleepers = active and active.sleepers or {}
  local timer
  timer = loops.current():timer(function()
    sleepers[timer] = nil
    timer:close()
    if callback then return task.spawn(callback) end
    task.wake_for(token, timer)
  end, true)
  sleepers[timer] = true
  timer:start(seconds)
  if token then task.wait(timer) end
end

local function items_of(array)
  local i = 0
  return function()
    i = i + 1
    return array[i]
  end
end

--- Calls `fn` for each item, in up to `n` tasks at a time; returns when all are done.  After the first error
--- no more items are taken, and it is re-raised when the running calls have ended.
---@async
---@generic T
---@param items T[]|fun(): T?, ...  an array, or a function that returns the next item (and more), at the end nil
---@param n integer
---@param fn fun(item: T, ...)
---@return integer done  how many items there were
function run.each(items, n, fn)
  if type(items) ~= "table" and type(items) ~= "function" then
    error("argument 1: expected an array or an iterator, got " .. type(items), 2)
  end
  if type(n) ~= "number" or n < 1 or n % 1 ~= 0 then error("argument 2: expected a number of tasks", 2) end
  check_function(fn, 3)
  local caller = task.need()
  local state = active
  local of_main = state and state.family[caller]
  local next_item = type(items) == "table" and items_of(items) or items
  local working, done, exhausted, failure = 0, 0, false, nil

  local function work(item, ...)
    if item == nil then exhausted = true end
    if exhausted or failure then return end
    fn(item, ...)
    done = done + 1
  end
  local function left()
    working = working - 1
    if working == 0 then task.wake_for(caller, work) end
  end
  local function worker()
    local token = task.current()
    if of_main then state.family[token] = true end
    while not (exhausted or failure) do work(next_item()) end
    if of_main then state.family[token] = nil end
    left()
  end
  local function failed(trace, err)
    failure = failure or { value = raisable(trace, err) }
    left()
  end

  for _ = 1, n do
    if exhausted or failure then break end
    working = working + 1
    task.start(failed, worker)
  end
  if working > 0 then task.wait(work) end
  if failure then error(failure.value, 0) end
  return done
end

--- pcall through which a task can wait, on every Lua.
run.pcall = task.pcall

return run
