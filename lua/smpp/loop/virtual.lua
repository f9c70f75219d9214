--- A simulated event loop, with virtual time, network and random numbers: the clock jumps to the next
--- timer when nothing else is due, and a seed makes every run the same on every Lua.
--- The network, with its faults, is in smpp.loop.virtual_net, pipes are in smpp.loop.virtual_pipe.
local guards = require "smpp.loop.guard"
local heaps = require "smpp.base.heap"
local network = require "smpp.loop.virtual_net"
local pipes = require "smpp.loop.virtual_pipe"
local random = require "smpp.base.random"
local schema = require "smpp.base.schema"
local terminals = require "smpp.loop.virtual_terminal"

---@class smpp.VirtualLoop: smpp.Loop
local Loop = {}
local LOOP = { __index = Loop, __name = "smpp.VirtualLoop", __tostring = function() return "virtual loop" end }

local Timer = {}
local TIMER = { __index = Timer, __name = "smpp.Timer" }

local Signal = {}
local SIGNAL = { __index = Signal, __name = "smpp.Signal" }

local virtual = {}

local YEAR_S = 366 * 86400
local LATE_S = 0.1

local OPTIONS = schema.new {
  { "seed", "number", 1, "of its random numbers", "seed = 7" },
  { "start", "number", 1700000000, "Unix time at second 0", "start = 0" },
  { "limit_s", "number", YEAR_S, "the clock raises when it gets there", "limit_s = 60" },
}

--- Makes a virtual loop, at second 0 of its clock.
---@param o? { seed?: number, start?: number, limit_s?: number }  `start`: Unix time at second 0, default 1700000000;
---  `limit_s`: the clock raises when it gets there (default a year): two sides that keep each other alive never end
---@return smpp.VirtualLoop
function virtual.new(o)
  o = OPTIONS:fill(OPTIONS:check(o))
  local self = setmetatable({
    name = "virtual",
    on_error = guards.on_error,
    clock = 0,
    start = o.start,
    limit_s = o.limit_s,
    random_number = random.generator(o.seed),
    serial = 0,                      -- counts everything that is scheduled or opened: breaks ties by age
    heap = heaps.new(),              -- future events: smpp.base.heap by time, then age
    posts = {}, post_args = {}, posted = 0,
    spare_posts = {}, spare_post_args = {},
    fns = {}, args = {}, deferred = 0,
    spare_fns = {}, spare_args = {},
    kept = 0,                        -- number of objects that keep the loop alive
    holds = 0,
    open = {},                       -- objects that have to be closed -> serial
    signals = {},                    -- in the order of registration
    pipes = {},                      -- name -> pipe that is not opened yet
    tty = nil,                       -- its smpp.VirtualTerminal, if it was given one
    commands = {},                   -- command -> { output, code, after_s } of run_command
    turning = false, stopped = false,
    idle = nil,                      -- called when no event is left; true: it has made one
  }, LOOP)
  self.guard = guards.guard(self)
  self.net = network.new()
  return self
end

function Loop:now() return self.clock end
function Loop:precise() return self.clock end
function Loop:time() return self.start + self.clock end
function Loop:random() return self.random_number() end
function Loop:random_octets(count) return random.fill(self.random_number, count) end

--- Schedules a call of `item.fire` in `delay_s` seconds.
---@private
function Loop:schedule(item, delay_s)
  self.serial = self.serial + 1
  item.at, item.serial = self.clock + math.max(delay_s, 0), self.serial
  heaps.push(self.heap, item)
end

--- Schedules a call of `fn(arg)` in the next turn.
---@private
function Loop:post(fn, arg)
  local n = self.posted + 1
  self.posts[n], self.post_args[n], self.posted = fn, arg, n
end

--- Schedules a call of `fn()` in `delay_s` seconds; if 0, in the next turn.
---@private
function Loop:after(delay_s, fn)
  if delay_s <= 0 then return self:post(fn) end
  self:schedule({ fire = fn }, delay_s)
end

--- Registers an object that has to be closed.
---@private
function Loop:opened(object)
  self.serial = self.serial + 1
  self.open[object] = self.serial
end

---@private
function Loop:forget(object) self.open[object] = nil end

--- Counts what keeps the loop alive: `object.keeping` follows `wanted`.
---@private
function Loop:keep(object, wanted)
  if (object.keeping or false) == wanted then return end
  object.keeping = wanted
  self.kept = self.kept + (wanted and 1 or -1)
end

function Loop:timer(fn, keep)
  local t = setmetatable({ loop = self, keep = keep or false, kind = "timer" }, TIMER)
  t.fire = function()
    self:keep(t, false)
    fn()
  end
  self:opened(t)
  return t
end

function Timer:start(delay_s)
  if self.closed then error("the timer is closed", 2) end
  if delay_s ~= delay_s then error("invalid delay_s: not a number", 2) end
  if self.index then heaps.remove(self.loop.heap, self) end
  self.loop:schedule(self, delay_s)
  self.loop:keep(self, self.keep)
end

function Timer:stop()
  if self.index then heaps.remove(self.loop.heap, self) end
  self.loop:keep(self, false)
end

function Timer:close()
  self:stop()
  self.closed = true
  self.loop:forget(self)
end

function Loop:defer(fn, arg)
  local n = self.deferred + 1
  self.fns[n], self.args[n], self.deferred = fn, arg, n
end

function Loop:hold()
  self.holds = self.holds + 1
  self.kept = self.kept + 1
end

function Loop:release()
  if self.holds == 0 then error("release without hold", 2) end
  self.holds = self.holds - 1
  self.kept = self.kept - 1
end

function Loop:file_mark(path) -- luacheck: no self
  local file = io.open(path, "rb")
  if not file then return "" end
  local octets = file:read "*a" or ""
  file:close()
  return octets
end

function Loop:signal(name, fn)
  local signal = setmetatable({ loop = self, name = name, fn = fn, kind = "signal" }, SIGNAL)
  table.insert(self.signals, signal)
  self:opened(signal)
  return signal
end

function Signal:close()
  local signals = self.loop.signals
  for i = #signals, 1, -1 do
    if signals[i] == self then table.remove(signals, i) end
  end
  self.loop:forget(self)
end

--- Sends the program a signal, as `kill` would.
---@param name string  "SIGINT", …
---@return boolean taken  the signal has a handler
function Loop:raise(name)
  local taken = false
  for _, signal in ipairs(self.signals) do
    if signal.name == name then
      self:post(signal.fn)
      taken = true
    end
  end
  return taken
end

--- Runs a command of the shell that `commands` knows, which takes `after_s` seconds.
function Loop:run_command(command, timeout_s, callback)
  local known = self.commands[command] or { output = "", code = 127 }
  local late = (known.after_s or 0) > timeout_s
  local timer
  timer = self:timer(function()
    timer:close()
    if late then callback(nil, "timeout") else callback(known.output or "", known.code or 0) end
  end, true)
  timer:start(late and timeout_s or known.after_s or 0)
end

local function run_all(guard, fns, args, n)
  for i = 1, n do
    local fn, arg = fns[i], args[i]
    fns[i], args[i] = false, false
    guard(fn, arg)
  end
end

-- One turn, in libuv's order: timers, posted calls, deferred calls.  What these schedule runs in the next turn.
-- A late timer (only after `leap`) fires after the network events, as in smpp.loop.luv.
local function turn(self)
  local guard, heap, newest = self.guard, self.heap, self.serial
  while heap[1] and heap[1].at <= self.clock and heap[1].serial <= newest do
    local item = heap[1]
    heaps.remove(heap, item)
    if item.kind == "timer" and self.clock - item.at > LATE_S then
      self:schedule(item, 0.001)
    else
      guard(item.fire)
    end
  end
  local fns, args, n = self.posts, self.post_args, self.posted
  self.posts, self.post_args, self.posted = self.spare_posts, self.spare_post_args, 0
  self.spare_posts, self.spare_post_args = fns, args
  run_all(guard, fns, args, n)
  fns, args, n = self.fns, self.args, self.deferred
  self.fns, self.args, self.deferred = self.spare_fns, self.spare_args, 0
  self.spare_fns, self.spare_args = fns, args
  run_all(guard, fns, args, n)
end

local function is_runnable(self) return self.posted > 0 or self.deferred > 0 end

--- Runs one turn; before it the clock jumps if nothing is due now.
---@return boolean happened  false: no events are left
function Loop:step()
  if self.turning then error("the loop is already running: sleep in a task instead", 2) end
  if not is_runnable(self) then
    local item = self.heap[1]
    if not item then return self.idle ~= nil and self:idle() and is_runnable(self) end
    if item.at > self.clock then self.clock = item.at end
    if self.clock > self.limit_s then
      error(("virtual time ran past limit_s (%g s); open: %s"):format(self.limit_s, self:describe()), 2)
    end
  end
  if self.watch then self:watch() end
  self.turning = true
  turn(self) -- never raises: all callbacks are protected
  self.turning = false
  return true
end

--- Advances the clock by `seconds` and runs all events in that time.
---@param seconds number
function Loop:advance(seconds)
  if self.turning then error("the loop is already running: sleep in a task instead", 2) end
  local target = self.clock + seconds
  while is_runnable(self) or (self.heap[1] and self.heap[1].at <= target) do self:step() end
  self.clock = target
end

--- Simulates a stopped process or suspended machine: the clock leaps by `seconds`, nothing of this side
--- runs in that time, and then everything that has become due runs at once.
---@param seconds number
function Loop:leap(seconds)
  self.clock = self.clock + seconds
  if not self.turning then self:advance(0) end
end

--- Runs until nothing keeps the loop alive, `stop` is called, or no events are left.
function Loop:run()
  if self.turning then error("the loop is already running: use smpp.spawn", 2) end
  self.stopped = false
  while not self.stopped and (self.kept > 0 or is_runnable(self)) do
    if not self:step() then break end
  end
end

function Loop:stop() self.stopped = true end

function Loop:is_running() return self.turning end

--- Returns true if something keeps the loop alive.
---@return boolean
function Loop:is_alive() return self.kept > 0 end

--- All that is open, oldest first: timers, signals, transports, listeners, connects under way.  Each has a `kind`.
---@return { kind: string }[]
function Loop:handles()
  local list = {}
  for object in pairs(self.open) do list[#list + 1] = object end
  table.sort(list, function(a, b) return self.open[a] < self.open[b] end)
  return list
end

--- The open objects, as text.
---@param keeping? boolean  only what keeps the loop alive
---@return string
function Loop:describe(keeping)
  local words = {}
  for _, handle in ipairs(self:handles()) do
    if handle.keeping or not keeping then
      words[#words + 1] = handle.kind .. (handle.address and " " .. handle.address or "")
    end
  end
  if self.holds > 0 then words[#words + 1] = self.holds .. (self.holds == 1 and " hold" or " holds") end
  return #words > 0 and table.concat(words, ", ") or "nothing"
end

function Loop:close()
  for _, handle in ipairs(self:handles()) do
    if handle.lingering then handle:close() end
  end
end

local ANSWER_S = 10 -- of real time, in which a program has to answer

--- Calls fn without protection: what it does is posted, and runs in a turn of the virtual loop.
local POSTED = { guard = function(fn, a, b) fn(a, b) end }

--- Starts a real program that is talked to by lines (option `line`; see smpp.loop.luv_program).  Its answers take no virtual time:
--- `write` waits for one line, or its end.
---@param o smpp.ProcessOptions
---@return { write: fun(self, octets: string), eof: fun(self) }? process
---@return string? message
---@return string? code  "not_found", "not_started"
function Loop:spawn(o)
  local programs = require "smpp.loop.luv_program"
  local count = 0
  local function posted(fn)
    return function(value)
      count = count + 1
      self:post(fn, value)
    end
  end
  local inner, message, code = programs.spawn(POSTED, {
    command = o.command, cwd = o.cwd, env = o.env, line = posted(o.line), ended = posted(o.ended),
  })
  if not inner then return nil, message, code end
  return {
    write = function(_, octets)
      local before = count
      inner:write(octets)
      programs.wait(function() return count > before end, ANSWER_S)
    end,
    eof = function()
      inner:eof()
      programs.wait(function() return inner.ended end, ANSWER_S)
    end,
  }
end

for _, part in ipairs { network, pipes, terminals } do
  for name, method in pairs(part.methods) do Loop[name] = method end
end

return virtual
