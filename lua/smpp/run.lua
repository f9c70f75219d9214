--- Running: smpp.run owns the loop for as long as there is something to do; spawn, sleep and each are made of tasks.
local loops = require "smpp.loop"
local task = require "smpp.task"

local run = {}

local pack = table.pack or function(...) return { n = select("#", ...), ... } end -- luacheck: compat
local unpack = table.unpack or unpack -- luacheck: compat

local scope -- of the smpp.run that runs: what it opened

--- An object that keeps the loop alive was opened; it is closed with the program, and when main ends if main opened it
--- and gave it no handlers.
---@param object { close: fun(self, timeout_s: number?), has_handlers: boolean? }
function run.opened(object)
  if not scope then return end
  scope.count = scope.count + 1
  scope.objects[object] = { number = scope.count, by_main = task.current() == scope.main or scope.main == nil }
end

--- It was closed.
function run.closed(object)
  if scope then scope.objects[object] = nil end
end

--- What is open, in the order of opening.
local function open_objects(which)
  local list = {}
  for object, entry in pairs(which.objects) do list[#list + 1] = { object, entry } end
  table.sort(list, function(a, b) return a[2].number < b[2].number end)
  return list
end

local CLOSE_S = 5

--- Closes, newest first; waits for each.
local function close_all(which, wanted)
  local list = open_objects(which)
  for i = #list, 1, -1 do
    local object, entry = list[i][1], list[i][2]
    if which.objects[object] and wanted(object, entry) then
      task.pcall(object.close, object, CLOSE_S)
      which.objects[object] = nil
    end
  end
end

local function everything() return true end
local function left_by_main(object, entry) return entry.by_main and not object.has_handlers end

--- Runs fn as a task, and the loop until fn has returned and nothing keeps the loop alive.  Closes what fn opened and
--- gave no handlers.  SIGINT and SIGTERM close everything gracefully, a second one at once.
---@param fn fun(): ...
---@param options? { loop: smpp.Loop? }
---@return ... results of fn; nil, message, "interrupted" after a signal
function run.run(fn, options)
  if type(fn) ~= "function" then error("smpp.run(function) expected", 2) end
  if scope then error("smpp.run runs already: use smpp.spawn", 2) end
  local loop = options and options.loop or loops.current()
  local previous = loops.set(loop)
  local mine = { objects = {}, count = 0, main = nil }
  scope = mine
  local results, failure, interrupted

  local function stop_after_closing()
    task.spawn(function()
      close_all(mine, everything)
      loop:stop()
    end)
  end
  local signals = {}
  for i, name in ipairs { "SIGINT", "SIGTERM" } do
    signals[i] = loop:signal(name, function()
      if interrupted then return loop:stop() end
      interrupted = name
      stop_after_closing()
    end)
  end

  local function main()
    mine.main = task.current()
    local got = pack(fn())
    close_all(mine, left_by_main)
    results = got
  end
  mine.main = task.start(function(trace)
    failure = trace
    stop_after_closing()
  end, main)
  local ok, err = pcall(loop.run, loop)
  for _, signal in ipairs(signals) do signal:close() end
  scope = nil
  loops.set(previous)
  if loop.close then loop:close() end
  if not ok then error(err, 0) end
  if failure then error(failure, 0) end
  if interrupted then return nil, "interrupted by " .. interrupted, "interrupted" end
  if not results then
    error(task.traceback(mine.main, "deadlock: the main task waits for something that nothing can bring about"), 0)
  end
  return unpack(results, 1, results.n)
end

--- Runs fn(...) as a task in a loop that runs already, or in smpp.run's.
---@param fn function
---@return smpp.Task
function run.spawn(fn, ...)
  if type(fn) ~= "function" then error("smpp.spawn(function) expected", 2) end
  return task.spawn(fn, ...)
end

--- Waits.
---@async
---@param seconds number
---@param callback? function
function run.sleep(seconds, callback)
  if type(seconds) ~= "number" or seconds ~= seconds then error("sleep(seconds) expected", 2) end
  local token = not callback and task.need(2)
  local timer
  timer = loops.current():timer(function()
    timer:close()
    if callback then return task.spawn(callback) end
    task.wake_for(token, timer)
  end, true)
  timer:start(math.max(0, seconds))
  if token then task.wait(timer) end
end

--- Calls fn for every item, in n tasks at once; returns when all are done.  An error in one is raised here, once the
--- others have ended what they were at.
---@async
---@param items table|fun(): any, any  a list, or an iterator; it may wait
---@param n integer
---@param fn fun(item: any, more: any)
function run.each(items, n, fn)
  if type(n) ~= "number" or n < 1 then error("each(items, n, fn): n is at least 1", 2) end
  local token = task.need(2)
  local following, i = items, 0
  if type(items) == "table" then
    following = function()
      i = i + 1
      return items[i]
    end
  end
  local running, failure, done = 0, nil, false
  local function work()
    while not failure and not done do
      local item, more = following()
      if item == nil then
        done = true
        break
      end
      fn(item, more)
    end
    running = running - 1
    if running == 0 then task.wake_for(token, work) end
  end
  local function failed(trace)
    failure = failure or trace
    running = running - 1
    if running == 0 then task.wake_for(token, work) end
  end
  running = 1 -- nobody wakes us while we still start
  for _ = 1, n do
    if done or failure then break end
    running = running + 1
    task.start(failed, work)
  end
  running = running - 1
  if running > 0 then task.wait(work) end
  if failure then error(failure, 0) end
end

--- pcall through which a task can wait, on every Lua.
run.pcall = task.pcall

return run
