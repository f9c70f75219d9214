--- Programs under test: started in the background, measured through /proc.
local uv = require "luv"

local process = {}

local Process = {}
Process.__index = Process

--- The output of a command.
function process.capture(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read "*a"
  pipe:close()
  return out
end
local capture = process.capture

function process.sleep(ms) uv.sleep(ms) end

function process.have(command) return capture("command -v " .. command .. " 2>/dev/null") ~= "" end

local function slurp(path)
  local file = io.open(path)
  if not file then return "" end
  local text = file:read "*a"
  file:close()
  return text
end

--- Starts a command; with a pattern, waits until its output matches and keeps the first capture as `found`.
---@param command string
---@param pattern? string
function process.start(command, pattern)
  local self = setmetatable({ command = command, file = os.tmpname(), pid = nil, found = nil }, Process)
  self.pid = capture(("%s >%s 2>&1 & echo $!"):format(command, self.file)):match "%d+"
  if pattern then self.found = self:expect(pattern) end
  return self
end

--- Waits up to five minutes for a pattern in the output (a million open messages take one); returns its first capture.
function Process:expect(pattern)
  for _ = 1, 30000 do
    local found = slurp(self.file):match(pattern)
    if found then return found end
    uv.sleep(10)
  end
  error(self.command .. " did not print " .. pattern .. ":\n" .. slurp(self.file))
end

--- Resident memory in octets.
function Process:rss() return tonumber(slurp("/proc/" .. self.pid .. "/status"):match "VmRSS:%s*(%d+)") * 1024 end

--- CPU seconds so far, user and system, in steps of 10 ms.
function Process:cpu()
  local user, system = slurp("/proc/" .. self.pid .. "/stat"):match("%) " .. ("%S+ "):rep(11) .. "(%d+) (%d+)")
  return (tonumber(user) + tonumber(system)) / 100
end

--- Stops the program, and waits until it has ended.
function Process:stop()
  os.execute("kill " .. self.pid .. " 2>/dev/null")
  self:join()
end

--- Waits until the program has ended, at most half a minute.
function Process:join()
  for _ = 1, 3000 do
    local state = slurp("/proc/" .. self.pid .. "/stat"):match "%) (%a)"
    if not state or state == "Z" then break end
    uv.sleep(10)
  end
  os.remove(self.file)
end

--- A free port.
function process.free_port()
  local socket = uv.new_tcp()
  uv.tcp_bind(socket, "127.0.0.1", 0)
  local port = uv.tcp_getsockname(socket).port
  uv.close(socket)
  uv.run "nowait"
  return port
end

--- Waits until a program listens on a port.
function process.wait_port(port)
  local state
  for _ = 1, 500 do
    local socket = uv.new_tcp()
    uv.tcp_connect(socket, "127.0.0.1", port, function(err)
      state = not err
      uv.close(socket)
    end)
    uv.run()
    if state then return end
    uv.sleep(10)
  end
  error("timeout: no listener on port " .. port)
end

--- The maximum number of file descriptors of a child process: the hard limit.
function process.descriptors()
  local hard = capture "ulimit -Hn":match "%S+"
  return tonumber(hard) or math.huge
end

--- A command with a raised limit of file descriptors.
function process.with_descriptors(n, command) return ("sh -c 'ulimit -n %d; exec %s'"):format(n, (command:gsub("'", [['\'']]))) end

function process.words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

function process.median(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[(n + 1) / 2] or (list[n / 2] + list[n / 2 + 1]) / 2
end

return process
