--- Tasks: functions that may wait.  A task runs in a pooled coroutine (a fresh one per message costs a quarter of
--- the throughput); an error in it goes, with its traceback, to an error sink and never to the code that resumed it.
--- No table is made per wait.  Independent of any loop: a wait ends when `wake` is called.
local mistake = require "smpp.base.mistake"
local shown = require "smpp.base.shown"

local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local status, yield = coroutine.status, coroutine.yield
local traceback = debug.traceback
local select = select
local unpack = table.unpack or unpack -- luacheck: compat

local task = {}

--- The message of misuse: a call that waits, made where nothing can wait.
task.OUTSIDE = "call it inside smpp.run, or pass a callback"

local POOL_LIMIT = 1024 -- idle coroutines kept after a burst, 1 to 4 KB each

local pool, idle = {}, 0 -- idle coroutines
local current -- the task (its root coroutine) that runs now; nil on the loop's side
local weak = { __mode = "k" }
local waiting = setmetatable({}, weak) -- task -> true, or the key given to `wait`; false: it runs
local sinks = setmetatable({}, weak) -- task that has waited -> its on_error
local nested = setmetatable({}, weak) -- Lua 5.1: coroutine of a task.pcall -> the task it belongs to

-- Wakes asked for by a running task; they happen when it waits or ends.
local queue, queue_first, queue_last = {}, 1, 0

---@class smpp.Task  opaque; the token of a task

--- Where errors go that no other sink takes.  Settable.
---@param trace string  message and traceback
---@param err any  the error value
function task.on_error(trace, err) -- luacheck: ignore err
  io.stderr:write("error in a task: ", shown.lines(trace), "\n")
end

--- The traceback of an error; an error object is shown by its tostring().
local function trace_of(co, err)
  local ok, text = pcall(tostring, err)
  return traceback(co, ok and text or "(an error object that cannot be shown)")
end

local function report(co, err, on_error)
  waiting[co], sinks[co] = nil, nil
  local trace = trace_of(co, err)
  local ok, second = pcall(on_error or task.on_error, trace, err, co)
  if not ok then io.stderr:write("error in a task: ", shown.lines(trace), "\nand in its error handler: ", shown.lines(second), "\n") end
end

-- In a frame of its own, so that an idle coroutine keeps neither function nor arguments alive.
local function perform(fn, ...) fn(...) end

-- What a pooled coroutine runs: a function to its end, then back into the pool until the next.
local function body()
  local own = running()
  while true do
    perform(yield())
    if idle >= POOL_LIMIT then return end
    idle = idle + 1
    pool[idle] = own
  end
end

-- After a resume: a task that has ended releases its sink, so that the sink can be collected.
local function resumed(co, ok, err)
  if not ok then
    report(co, err, sinks[co])
  elseif pool[idle] == co or (idle >= POOL_LIMIT and status(co) == "dead") then
    waiting[co], sinks[co] = nil, nil
  end
end

local function drain()
  while queue_first <= queue_last do
    local item = queue[queue_first]
    queue[queue_first] = nil
    queue_first = queue_first + 1
    local co = item[1]
    current = co
    local ok, err = resume(co, unpack(item, 2, item.n))
    current = nil
    resumed(co, ok, err)
  end
  queue_first, queue_last = 1, 0
end

--- As `start`, but tasks woken by it run only in `run_woken`, which must follow: a waiting task is not resumed
--- before the caller has recorded that it waits.
---@param on_error? fun(trace: string, err: any, token: smpp.Task)
---@param fn function
---@return smpp.Task token
---@return boolean waits
local function begin(on_error, fn, ...)
  local co
  if idle > 0 then
    co = pool[idle]
    pool[idle] = nil
    idle = idle - 1
  else
    co = create(body)
    resume(co) -- to where it takes a function
  end
  local outer = current
  current = co
  local ok, err = resume(co, fn, ...)
  current = outer
  local waits = ok and pool[idle] ~= co and status(co) ~= "dead"
  if waits then
    sinks[co] = on_error
  elseif not ok then
    report(co, err, on_error)
  end
  return co, waits
end
task.begin = begin

--- Runs the tasks that were woken, unless a task runs: then they run when that waits or ends.
local function run_woken()
  if queue_last > 0 and not current then drain() end
end
task.run_woken = run_woken

--- Runs `fn(...)` as a task, at once, until it ends or first waits.  Never raises what fn raises.
---@param on_error? fun(trace: string, err: any, token: smpp.Task)  default: `task.on_error` as it is when the error happens
---@param fn function
---@return smpp.Task token  good until the task ends
---@return boolean waits  it has not ended
local function start(on_error, fn, ...)
  local co, waits = begin(on_error, fn, ...)
  run_woken()
  return co, waits
end
task.start = start

--- Releases the idle coroutines of the pool.
function task.trim() pool, idle = {}, 0 end

--- `task.start` with the default error sink.
---@param fn function
---@return smpp.Task
function task.spawn(fn, ...) return start(nil, fn, ...) end

--- The running task, or nil when this coroutine is not a task (the main program, a loop callback, a coroutine
--- made by the user, even inside a task).
---@return smpp.Task?
function task.current()
  local co = running()
  if co == current then return co end
  return co and nested[co]
end

--- The running task; outside a task it raises at the line of the caller's caller.
---@param level? integer  as of `error`, seen from the caller; default 2
---@return smpp.Task
function task.need(level)
  local co = running()
  if co and co == current then return co end
  return co and nested[co] or error(task.OUTSIDE, (level or 2) + 1)
end

--- Levels that a tail call adds for `need` and `error`: 1 on Lua 5.1, which remembers that there was one, else 0.
---@type integer
task.TAIL_LEVELS = (function()
  local function blame_caller() error("x", 2) end
  local function by_tail_call() return blame_caller() end
  local _, message = pcall(function() by_tail_call() end)
  return message == "x" and 1 or 0
end)()

--- Raises for a timeout that is not a number.
---@param timeout_s any  nil: none
---@param level? integer  as of `error`, seen from the caller
function task.check_timeout(timeout_s, level)
  if timeout_s == nil or type(timeout_s) == "number" and timeout_s == timeout_s then return end
  error("timeout_s: expected a number of seconds, got " .. mistake.show(timeout_s), (level or 1) + 1)
end

--- Suspends the running task until it is woken; returns exactly the values given to `wake`.
--- A wait with a key can only be ended by a `wake_for` with that key, so that an answer which comes after its
--- timeout does not end the next wait.  Any value but nil, true and false is a key: a sequence number, an object.
---@async
---@param key? any
function task.wait(key)
  local co = running()
  if co ~= current or not co then
    co = co and nested[co] or error(task.OUTSIDE, 2)
  end
  waiting[co] = key or true
  return yield()
end

--- Lets the running task wait with a key: as `wait`, which a `coroutine.yield` at once afterwards ends.  One frame less in each of many
--- tasks that sleep.
---@param key any
function task.expect(key)
  local co = running()
  if co ~= current or not co then
    co = co and nested[co] or error(task.OUTSIDE, 2)
  end
  waiting[co] = key
end

--- As `wait` without a key, for the running task as `need` or `current` has just returned it.
---@async
---@param token smpp.Task
function task.wait_as(token)
  waiting[token] = true
  return yield()
end

--- Lets the running task wait as `wait_as` does, in a function of C that yields at once.
---@return smpp.Task? token  the task whose turn it is; inside it a coroutine of the program's own may run, so that function must look, and
---  if it does not yield, `stay` must follow; nil: none has the turn
function task.will_wait()
  local co = current
  if co then waiting[co] = true end
  return co
end

--- The running task does not wait after all.
---@param token smpp.Task  of `will_wait`
function task.stay(token) waiting[token] = false end

local function continue(co, ...)
  waiting[co] = false
  if current then
    queue_last = queue_last + 1
    queue[queue_last] = { co, n = select("#", ...) + 1, ... }
    return true
  end
  current = co
  local ok, err = resume(co, ...)
  current = nil
  resumed(co, ok, err)
  if queue_last > 0 then drain() end
  return true
end

--- Ends a task's `wait()`; the values become its results.  From the loop's side the task runs before this returns;
--- called by another task, it runs as soon as that one waits or ends.  Never raises.
---@param token smpp.Task
---@return boolean woken  false: it does not wait, or waits with a key
function task.wake(token, ...)
  if waiting[token] ~= true then return false end
  return continue(token, ...)
end

--- As `wake` with one value.
---@param token smpp.Task
---@param value any
---@return boolean woken
function task.wake_with(token, value)
  if waiting[token] ~= true then return false end
  if current then return continue(token, value) end
  waiting[token] = false
  current = token
  local ok, err = resume(token, value)
  current = nil
  if not ok or pool[idle] == token or idle >= POOL_LIMIT then resumed(token, ok, err) end
  if queue_last > 0 then drain() end
  return true
end

--- Ends a task's `wait(key)`.
---@param token smpp.Task
---@param key any
---@return boolean woken  false: it does not wait for that (any more)
function task.wake_for(token, key, ...)
  if not key or waiting[token] ~= key then return false end
  return continue(token, ...)
end

local close = coroutine.close -- luacheck: compat

--- Ends a waiting task where it stands: nothing wakes it any more, and no `pcall` in it sees that.  Its to-be-closed
--- variables are closed, where Lua has them.
---@param token smpp.Task
---@return boolean ended  false: it does not wait
function task.cancel(token)
  if not waiting[token] then return false end
  waiting[token], sinks[token] = nil, nil
  if close then close(token) end
  return true
end

--- Returns true if a task waits, with any key.
---@param token smpp.Task
---@return boolean
function task.is_waiting(token) return waiting[token] and true or false end

--- The stack of a task, for messages about tasks that hang.
---@param token smpp.Task
---@param message? string
---@return string
function task.traceback(token, message) return traceback(token, message) end

--- Makes a method that waits callable with a callback: given a function as last argument it does not wait but calls
--- that, once, with exactly the values it would have returned.
---@param method fun(self, ...): ...
---@param sink_of? fun(self): fun(trace: string, err: any)  where errors of the callback go
---@return fun(self, ...): ...  true when it was given a callback
function task.waits(method, sink_of)
  return function(self, ...)
    local n = select("#", ...)
    local callback = n > 0 and select(n, ...) or nil
    if type(callback) ~= "function" then return method(self, ...) end
    local arguments = { ... }
    start(sink_of and sink_of(self), function() callback(method(self, unpack(arguments, 1, n - 1))) end)
    return true
  end
end

-- Lua 5.1 cannot yield through pcall: there the function gets a coroutine of its own, and its waits are handed on.
local function pass(co, on_error, ok, ...)
  if ok and status(co) == "suspended" then return pass(co, on_error, resume(co, yield(...))) end
  nested[co] = nil
  if not ok and on_error then return ok, on_error(co, ...) end
  return ok, ...
end

local function call_in_coroutine(on_error, fn, ...)
  local root = task.current()
  if not root then return pcall(fn, ...) end
  local co = create(function(...) return fn(...) end) -- create takes no C function, no callable table
  nested[co] = root
  return pass(co, on_error, resume(co, ...))
end

local can_yield = coroutine.wrap(function() return (pcall(yield, true)) end)()

--- pcall through which a task can wait, on every Lua.
---@async
---@type fun(fn: function, ...: any): boolean, ...: any
task.pcall = can_yield and pcall or function(...) return call_in_coroutine(nil, ...) end

local function trace_here(err)
  local ok, text = pcall(tostring, err)
  return traceback(ok and text or "(an error object that cannot be shown)", 2)
end

--- `task.pcall` whose error is a message with its traceback.
---@async
---@type fun(fn: function, ...: any): boolean, ...: any
task.traced_pcall = can_yield and function(fn, ...) return xpcall(fn, trace_here, ...) end
  or function(...) return call_in_coroutine(trace_of, ...) end

return task
