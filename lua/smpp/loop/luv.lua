--- The loop of luv: clock, timers, deferred calls at the end of a turn, signals.  Sockets are in smpp.loop.luv_tcp.
local guards = require "smpp.loop.guard"
local process = require "smpp.loop.luv_process"
local random = require "smpp.base.random"
local uv = require "smpp.loop.uv"
local programs = require "smpp.loop.luv_program"
local streams = require "smpp.loop.luv_stream"
local tcp = require "smpp.loop.luv_tcp"
local terminals = require "smpp.loop.luv_terminal"

---@class smpp.LuvLoop: smpp.Loop
-- A function that makes closures is never compiled by LuaJIT.
local function nothing() end

local Loop = {}
local LOOP = { __index = Loop, __name = "smpp.LuvLoop", __tostring = function() return "luv loop" end }

local Timer = {}
local TIMER = { __index = Timer, __name = "smpp.Timer" }

local Signal = {}
local SIGNAL = { __index = Signal, __name = "smpp.Signal" }

local luv = {}
local default

--- The luv loop of this Lua state, always the same object.
---@return smpp.LuvLoop
function luv.default()
  if default then return default end
  local self = setmetatable({
    name = "luv",
    on_error = guards.on_error,
    fns = {}, args = {}, deferred = 0, -- calls deferred to the end of this turn
    spare_fns = {}, spare_args = {},   -- the arrays of the turn before
    prepare = nil,                     -- runs the deferred calls before the loop blocks; never keeps it alive
    idle = nil, idling = false,        -- active: the loop does not block, since deferred calls deferred more
    holds = 0, keeper = nil,           -- an async handle that keeps the loop alive while holds > 0
    sigpipe = nil,                     -- the handle that takes SIGPIPE
    unread_at_ms = -1,                 -- when a transport last left octets to the next turn
    lingering = { count = 0 },         -- transports that were closed and wait for the peer's end
    stopped = false,
  }, LOOP)
  self.guard = guards.guard(self)
  local seconds, microseconds = uv.gettimeofday()
  self.random_number = random.generator(seconds * 1000003 + microseconds + uv.hrtime() % 1000000)
  self.run_deferred = function() self:flush() end
  default = self
  return self
end

function Loop:now() return uv.now() / 1000 end -- luacheck: no self
function Loop:precise() return uv.hrtime() / 1e9 end -- luacheck: no self
function Loop:random() return self.random_number() end

function Loop:random_octets(count) -- luacheck: no self
  local ok, octets = pcall(uv.random, count) -- missing in old versions of luv
  return ok and type(octets) == "string" and #octets == count and octets or random.octets(count)
end

function Loop:time() -- luacheck: no self
  local seconds, microseconds = uv.gettimeofday()
  return seconds + microseconds / 1e6
end

-- Timers run before the sockets are read.  A timer this late shows that the process did not run: stopped (SIGSTOP), suspended with
-- its machine, or busy.  It fires when the sockets have been read, so that nobody takes for missing what is there; but not
-- much later, whatever comes.
local LATE_MS, MOST_READING_MS = 100, 1000

function Loop:timer(fn, keep)
  local handle, guard = uv.new_timer(), self.guard
  if not keep then uv.unref(handle) end
  local timer = setmetatable({ handle = handle, due_ms = 0, fire = nil, late = nil }, TIMER)
  function timer.fire()
    local now = uv.now()
    local late = timer.late
    if now - timer.due_ms > LATE_MS and (not late or (self.unread_at_ms >= late.looked_ms and now - late.since_ms < MOST_READING_MS)) then
      timer.late = { since_ms = late and late.since_ms or now, looked_ms = now }
      uv.timer_start(handle, 1, 0, timer.fire) -- behind the poll of this turn, which 0 would not be
    else
      guard(fn)
    end
  end
  return timer
end

function Timer:start(delay_s)
  if not self.handle then error("the timer is closed", 2) end
  if delay_s ~= delay_s then error("delay_s is not a number", 2) end
  uv.update_time() -- else the delay would count from the start of this turn
  local ms = delay_s * 1000 - 1e-6 -- 0.057 * 1000 is 57.000000000000007
  ms = ms <= 0 and 0 or math.ceil(math.min(ms, 4e12))
  self.due_ms, self.late = uv.now() + ms, nil
  uv.timer_start(self.handle, ms, 0, self.fire)
end

function Timer:stop()
  if self.handle then uv.timer_stop(self.handle) end
end

function Timer:close()
  if not self.handle then return end
  uv.close(self.handle)
  self.handle = nil
end

function Loop:defer(fn, arg)
  local n = self.deferred + 1
  self.fns[n], self.args[n], self.deferred = fn, arg, n
  if not self.prepare then
    self.prepare = uv.new_prepare()
    uv.prepare_start(self.prepare, self.run_deferred)
    uv.unref(self.prepare)
  end
end

--- Runs the deferred calls; calls that these defer run in the next turn, which then does not block.
---@private
function Loop:flush()
  local fns, args, n, guard = self.fns, self.args, self.deferred, self.guard
  self.fns, self.args, self.deferred = self.spare_fns, self.spare_args, 0
  self.spare_fns, self.spare_args = fns, args
  for i = 1, n do
    local fn, arg = fns[i], args[i]
    fns[i], args[i] = false, false
    guard(fn, arg)
  end
  if (self.deferred > 0) ~= self.idling then
    self.idling = not self.idling
    self.idle = self.idle or uv.new_idle()
    if self.idling then uv.idle_start(self.idle, nothing) else uv.idle_stop(self.idle) end
  end
end

function Loop:hold()
  self.holds = self.holds + 1
  if self.holds > 1 then return end
  if self.keeper then uv.ref(self.keeper) else self.keeper = uv.new_async(nothing) end
end

function Loop:release()
  if self.holds == 0 then error("release without hold", 2) end
  self.holds = self.holds - 1
  if self.holds == 0 then uv.unref(self.keeper) end
end

function Loop:file_mark(path) -- luacheck: no self
  local stat = uv.fs_stat(path)
  return stat and ("%d.%d %d %d"):format(stat.mtime.sec, stat.mtime.nsec, stat.size, stat.ino) or ""
end

function Loop:signal(name, fn)
  local handle, guard = uv.new_signal(), self.guard
  local known, started, err = pcall(uv.signal_start, handle, name:lower(), function() guard(fn) end)
  if not (known and started) then
    uv.close(handle)
    error(("signal %s: %s"):format(name, tostring(known and err or started)), 2)
  end
  uv.unref(handle)
  return setmetatable({ loop = self, handle = handle }, SIGNAL)
end

function Signal:close()
  if not self.handle then return end
  uv.close(self.handle)
  self.handle = nil
  self.loop:poll() -- after the run nothing else would end the closing, which must be over when the Lua state ends
end

-- Neovim runs the loop from C, which luv.loop_mode does not report.
function Loop:is_running() return uv.loop_mode() ~= nil or rawget(_G, "vim") ~= nil end -- luacheck: no self

--- A write to a connection that the peer has reset raises SIGPIPE, which ends a process without a handler for it.
---@private
function Loop:survive_sigpipe()
  if self.sigpipe then return end
  self.sigpipe = uv.new_signal()
  uv.signal_start(self.sigpipe, "sigpipe", nothing)
  uv.unref(self.sigpipe)
end

function Loop:run()
  if self:is_running() then error("the loop is already running: use smpp.spawn", 2) end
  self.stopped = false
  uv.update_time()
  repeat
    self:flush() -- nothing else might keep the loop alive for a turn
    uv.run()
  until self.stopped or self.deferred == 0
end

function Loop:stop()
  self.stopped = true
  uv.stop()
end

function Loop:close()
  for i = self.lingering.count, 1, -1 do self.lingering[i]:close() end
  if self.holds == 0 and self.deferred == 0 then
    for _, name in ipairs { "prepare", "idle", "keeper", "sigpipe" } do
      if self[name] then uv.close(self[name]) end
      self[name] = nil
    end
    self.idling = false
  end
  -- A handle whose closing is not over when the Lua state ends makes luv 1.44 read freed memory.
  if not self:is_running() then uv.run "nowait" end
end

Loop.connect, Loop.listen = tcp.connect, tcp.listen

local Poll = {}
local POLL = { __index = Poll, __name = "smpp.Poll" }

--- Calls fn when a file descriptor is readable; does not keep the loop running.
---@param fd integer
---@param fn fun()
---@return { close: fun(self) }
function Loop:watch(fd, fn)
  local handle, guard = assert(uv.new_poll(fd)), self.guard
  uv.poll_start(handle, "r", function() guard(fn) end)
  uv.unref(handle)
  return setmetatable({ handle = handle }, POLL)
end

function Poll:close()
  if not self.handle then return end
  uv.close(self.handle)
  self.handle = nil
end

function Loop:open_stream(path) return streams.open(path) end -- luacheck: no self

Loop.run_command, Loop.open_terminal = process.run, terminals.open

--- Writes to a descriptor without blocking the loop; nil: another kind of file than a pipe or a terminal.
---@param fd integer
---@return smpp.LuvWriter?
function Loop:open_writer(fd) return streams.writer(fd) end -- luacheck: no self

--- Starts a program; see smpp.loop.luv_program.
---@param o smpp.ProcessOptions
---@return smpp.Process? process
---@return string? message
---@return string? code  "not_found", "not_started"
function Loop:spawn(o) return programs.spawn(self, o) end

--- Takes a port without listening on it: connections are refused, and nobody else gets it.
---@param o { host: string, port: integer }  port 0: a free one
---@return { host: string, port: integer, close: fun(self) }? taken
---@return string? message
---@return string? code  "connect_failed"
function Loop:reserve(o) return tcp.reserve(self, o) end

--- The number of processors.
---@return integer
function Loop:processors() return math.max(1, #(uv.cpu_info() or {})) end -- luacheck: no self

--- Handles what has happened meanwhile, without waiting, for programs that compute for long outside of `run`.
function Loop:poll()
  if not self:is_running() then uv.run "nowait" end
end

return luv
