--- For specs with other implementations: a task on the luv loop, and the programs it starts.  They are killed when the spec
--- ends; if this process dies, by the kernel (setpriv --pdeathsig).
local loops = require "smpp.loop"
local run = require "smpp.loop.run"
local shell = require "spec.support.shell"

local peers = {}

local LIMIT_S = 60 -- for a spec; generous, for busy machines

local started, closing = {}, {} -- of the running spec

---@class spec.Process
---@field lines string[]  its output so far
---@field exited string?  how it ended
local Process = {}
local mt = { __index = Process }

local function loop_and_uv() return loops.current(), require "luv" end

--- Starts a program.  Its output on stdout and stderr is kept as lines; on_line gets those of stdout as they arrive.
---@param name string  for messages
---@param command string[]
---@param on_line? fun(line: string)
---@return spec.Process
function peers.start(name, command, on_line)
  local _, uv = loop_and_uv()
  local self = setmetatable({ name = name, lines = {}, exited = nil, handle = nil, stdin = uv.new_pipe(false) }, mt)
  local stdout, stderr = uv.new_pipe(false), uv.new_pipe(false)
  local args = { "--pdeathsig", "KILL", "--" }
  for _, word in ipairs(command) do args[#args + 1] = word end
  local pid
  self.handle, pid = uv.spawn("setpriv", { args = args, stdio = { self.stdin, stdout, stderr } }, function(code, signal)
    self.exited = signal ~= 0 and "ended by signal " .. signal or "exit code " .. code
  end)
  assert(self.handle, name .. ": " .. tostring(pid))
  for _, pipe in ipairs { stdout, stderr } do
    local rest = ""
    pipe:read_start(function(_, chunk)
      if not chunk then return uv.close(pipe) end
      rest = rest .. chunk
      local last = 0
      for line, at in rest:gmatch("([^\n]*)\n()") do
        self.lines[#self.lines + 1], last = line, at - 1
        if on_line and pipe == stdout then on_line(line) end
      end
      rest = rest:sub(last + 1)
    end)
    uv.unref(pipe)
  end
  uv.unref(self.handle) -- the loop does not wait for it
  uv.unref(self.stdin)
  started[#started + 1] = self
  return self
end

--- Writes a line to its stdin.
function Process:write(line) self.stdin:write(line .. "\n") end

--- Kills it and waits for its end.
function Process:stop()
  local _, uv = loop_and_uv()
  if not self.exited then
    uv.ref(self.handle)
    self.handle:kill("sigkill")
  end
  if uv.loop_mode() then
    peers.wait(self.name .. " to end", function() return self.exited end)
  else
    while not self.exited do uv.run "once" end
  end
  for _, handle in ipairs { self.handle, self.stdin } do
    if not uv.is_closing(handle) then uv.close(handle) end
  end
end

--- The last output of the programs of this spec, for messages.
local function last_words()
  local out = {}
  for _, process in ipairs(started) do
    out[#out + 1] = ("---- %s (%s) printed:"):format(process.name, process.exited or "runs")
    for i = math.max(1, #process.lines - 25), #process.lines do out[#out + 1] = process.lines[i] end
  end
  return table.concat(out, "\n")
end

--- Closes an object when the spec ends, unless it is closed already.
function peers.closes(object)
  closing[#closing + 1] = object
  return object
end

--- Runs the body of a spec as a task, with the luv loop; programs it started are killed at the end.
---@param fn fun()
---@param limit_s? number
function peers.run(fn, limit_s)
  limit_s = limit_s or LIMIT_S
  local loop, uv = loop_and_uv()
  local late = 0
  local timer
  timer = loop:timer(function()
    late = late + 1
    if late > 1 then return loop:stop() end
    for _, process in ipairs(started) do
      if not process.exited then process.handle:kill("sigkill") end -- most waits end when the peer does
    end
    timer:start(15)
  end)
  timer:start(limit_s)
  local ok, err = pcall(run.run, function()
    fn()
    while #closing > 0 do table.remove(closing):close() end
  end)
  while #closing > 0 do table.remove(closing):close() end
  timer:close()
  local words = ok and "" or last_words()
  while #started > 0 do table.remove(started):stop() end
  uv.run "nowait" -- closes the pipes of killed programs
  if late > 0 then ok, err = false, ("not done within %d s: %s"):format(limit_s, tostring(err)) end
  if not ok then error(tostring(err) .. "\n" .. words, 0) end
end

--- Waits until fn() returns a value, and returns that.
---@param what string  for the message at the timeout
---@param fn fun(): any
---@param timeout_s? number  default 20
function peers.wait(what, fn, timeout_s)
  local loop = loops.current()
  local deadline = loop:now() + (timeout_s or 20)
  while true do
    local result = fn()
    if result then return result end
    if loop:now() > deadline then error(("waited %g s for %s"):format(timeout_s or 20, what), 2) end
    run.sleep(0.003)
  end
end

--- n different free ports.
---@return integer ...
function peers.free_ports(n)
  local _, uv = loop_and_uv()
  local sockets, ports = {}, {}
  for i = 1, n do
    sockets[i] = uv.new_tcp()
    assert(sockets[i]:bind("127.0.0.1", 0))
    ports[i] = sockets[i]:getsockname().port
  end
  for i = 1, n do sockets[i]:close() end
  return (table.unpack or unpack)(ports) -- luacheck: compat
end

--- n different free ports below those that the system gives to outgoing connections: nobody takes them while a server is started again.
---@return integer ...
function peers.lasting_ports(n)
  local loop, uv = loop_and_uv()
  local file = io.open "/proc/sys/net/ipv4/ip_local_port_range"
  local below = file and file:read "*n" or 32768
  if file then file:close() end
  local sockets, ports = {}, {}
  while #ports < n do
    local high, low = loop:random_octets(2):byte(1, 2)
    local port = 10000 + (high * 256 + low) % (below - 10000)
    local socket = uv.new_tcp()
    sockets[#sockets + 1] = socket
    if socket:bind("127.0.0.1", port) and socket:listen(1, function() end) then ports[#ports + 1] = port end
  end
  for _, socket in ipairs(sockets) do socket:close() end
  return (table.unpack or unpack)(ports) -- luacheck: compat
end

--- Skips the spec when a file is missing.
function peers.need_file(path, advice)
  local file = io.open(path)
  if not file then shell.skip(path .. " is missing: " .. advice) end
  file:close()
end

peers.need = shell.need

return peers
