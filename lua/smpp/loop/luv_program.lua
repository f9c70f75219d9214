--- Programs that the luv loop runs: each in a process group of its own, its output as it comes, or by lines.
local uv = require "smpp.loop.uv"

local process = {}

---@class smpp.Process
---@field pid integer
---@field ended { code: integer, signal: integer }?  once it has ended and all its output was read
local Process = {}
local mt = { __index = Process, __name = "smpp.Process" }

---@class smpp.ProcessOptions
---@field command string[]           program and arguments, without a shell
---@field cwd string?
---@field env table<string, string>? added to the environment
---@field output fun(octets: string, stream: "stdout"|"stderr")?
---@field line fun(line: string)?   instead of output, for a program that is talked to: gets the lines of its stdout; its stderr is
---  ours, and it does not keep the loop running
---@field ended fun(code: integer, signal: integer)  after the last output

local function environment(more)
  if not more or next(more) == nil then return nil end
  local list = {}
  for name, value in pairs(uv.os_environ()) do
    if more[name] == nil then list[#list + 1] = name .. "=" .. value end
  end
  for name, value in pairs(more) do list[#list + 1] = name .. "=" .. tostring(value) end
  return list
end

--- Its exit was seen and its outputs are closed.
local function settle(self)
  if not self.exit or self.reading > 0 then return end
  self.ended = self.exit
  if not uv.is_closing(self.handle) then uv.close(self.handle) end
  if not uv.is_closing(self.stdin) then uv.close(self.stdin) end
  self.loop.guard(self.on_ended, self.exit.code, self.exit.signal)
end

--- A function that takes octets as they come, and gives them on by lines; what follows the last newline is not one.
local function by_lines(fn)
  local rest = ""
  return function(octets)
    local text, at = rest .. octets, 1
    for line, following in text:gmatch "([^\n]*)\n()" do
      at = following
      fn(line)
    end
    rest = text:sub(at)
  end
end

--- Starts a program.
---@param loop smpp.Loop
---@param o smpp.ProcessOptions
---@return smpp.Process? process
---@return string? message
---@return string? code  "not_found", "not_started"
function process.spawn(loop, o)
  local self = setmetatable({
    loop = loop, on_ended = o.ended, handle = nil, pid = nil, stdin = uv.new_pipe(false),
    exit = nil,   -- { code, signal }, once it has ended
    ended = nil,
    reading = 0,  -- outputs that are open
  }, mt)
  local output, args = o.line and by_lines(o.line) or o.output, {}
  local pipes = { stdout = uv.new_pipe(false), stderr = not o.line and uv.new_pipe(false) or nil }
  for i = 2, #o.command do args[i - 1] = o.command[i] end
  local function exited(code, signal)
    self.exit = { code = code, signal = signal }
    settle(self)
  end
  local handle, pid, name = uv.spawn(o.command[1], {
    args = args, cwd = o.cwd, env = environment(o.env), detached = true, stdio = { self.stdin, pipes.stdout, pipes.stderr or 2 },
  }, exited)
  if not handle then
    uv.close(self.stdin)
    for _, pipe in pairs(pipes) do uv.close(pipe) end
    return nil, ("%s: %s"):format(o.command[1], tostring(pid):gsub("^%u+: ", "")), name == "ENOENT" and "not_found" or "not_started"
  end
  self.handle, self.pid = handle, pid
  for stream, pipe in pairs(pipes) do
    self.reading = self.reading + 1
    if o.line then uv.unref(pipe) end
    pipe:read_start(function(_, chunk)
      if chunk then return loop.guard(output, chunk, stream) end
      uv.close(pipe)
      self.reading = self.reading - 1
      settle(self)
    end)
  end
  if o.line then
    uv.unref(handle)
    uv.unref(self.stdin)
  end
  return self
end

--- Writes to its stdin.
---@param octets string
function Process:write(octets)
  if not uv.is_closing(self.stdin) then uv.write(self.stdin, octets) end
end

--- Ends its stdin.
function Process:eof()
  if not uv.is_closing(self.stdin) then uv.close(self.stdin) end
end

--- Sends it, and all processes of its group, a signal.
---@param name string  "SIGTERM" or "TERM"
function Process:signal(name)
  if self.exit then return end
  local full = (name:find "^SIG" and name or "SIG" .. name):lower()
  if uv.kill(-self.pid, full) ~= 0 then self.handle:kill(full) end
end

--- Whether a program can be found.
---@param name string  a name for PATH, or a path
---@return boolean
function process.exists(name)
  local function runs(path) return uv.fs_access(path, "X") == true end
  if name:find("/", 1, true) then return runs(name) end
  for folder in (os.getenv "PATH" or ""):gmatch "[^:]+" do
    if runs(folder .. "/" .. name) then return true end
  end
  return false
end

--- Runs the real loop until something is so, or a time has passed: for loops whose time is not the real one.
---@param is_so fun(): any
---@param most_s number
---@return boolean
function process.wait(is_so, most_s)
  local timer = uv.new_timer()
  local is_over = false
  uv.update_time() -- the real loop may not have run for long; the limit counts from now
  uv.timer_start(timer, math.ceil(most_s * 1000), 0, function() is_over = true end)
  while not is_so() and not is_over do uv.run "once" end
  uv.close(timer)
  uv.run "nowait"
  return is_so() and true or false
end

return process
