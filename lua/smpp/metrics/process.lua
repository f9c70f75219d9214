--- Metrics of the process, by the names that Prometheus' own clients use; those that the system does not tell are absent.
local process = {}

local function read(path)
  local file = io.open(path, "rb")
  local content = file and file:read "*a"
  if file then file:close() end
  return content
end

local CLOCK_TICKS = 100 -- USER_HZ of /proc, on every Linux

--- The fields of /proc/self/stat behind the name of the program, which may hold blanks: the third is the first.
local function stat(index)
  local at, rest = 2, (read "/proc/self/stat" or ""):match "^.*%)(.*)$"
  for field in (rest or ""):gmatch "%S+" do
    at = at + 1
    if at == index then return tonumber(field) end
  end
end

local function resident_octets()
  local rss = (read "/proc/self/status" or ""):match "VmRSS:%s*(%d+) kB"
  return rss and tonumber(rss) * 1024
end

local function started_at()
  local booted = (read "/proc/stat" or ""):match "btime (%d+)"
  local ticks = stat(22)
  return booted and ticks and tonumber(booted) + ticks / CLOCK_TICKS
end

local function open_fds()
  local ok, uv = pcall(require, "smpp.loop.uv")
  local list = ok and uv.fs_scandir "/proc/self/fd"
  if not list then return nil end
  local count = 0
  while uv.fs_scandir_next(list) do count = count + 1 end
  return count
end

local function max_fds() return tonumber((read "/proc/self/limits" or ""):match "Max open files%s+(%d+)") end

--- Versions of the library, of Lua and of OpenSSL, "" without it.
---@return string version
---@return string lua
---@return string openssl
function process.versions()
  local ok, openssl = pcall(require, "smpp.openssl")
  local jit = rawget(_G, "jit")
  return require("smpp")._VERSION, jit and jit.version or _VERSION, ok and openssl.version() or ""
end

--- Declares them.
---@param registry smpp.MetricsRegistry
function process.declare(registry)
  local function add(kind, name, help, compute, unit)
    registry:computed(kind, name, help, {}, function(put)
      local value = compute()
      if value then put(value) end
    end, { unit = unit })
  end
  add("counter", "process_cpu_seconds", "CPU time of the process, user and system.", os.clock, "seconds")
  add("gauge", "process_resident_memory_bytes", "Resident memory of the process.", resident_octets, "bytes")
  add("gauge", "process_open_fds", "Open file descriptors.", open_fds)
  add("gauge", "process_max_fds", "Limit of open file descriptors.", max_fds)
  add("gauge", "process_start_time_seconds", "Start of the process, Unix time.", started_at, "seconds")
end

return process
