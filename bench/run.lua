-- make bench: codec, server and client on each Lua, beside node-smpp on the same work in the same run.
-- Rounds are interleaved and medians shown; CPU is that of the side being measured.  Options:
--   --rounds N (3)  --luas "lua5.4 luajit"  --windows "1 10 100"  --tools DIR (refload and refsink)  --json FILE
local options = { rounds = "3", luas = "lua5.4 luajit", windows = "1 10 100", tools = "", json = "", build = "build" }
for i = 1, #arg, 2 do
  local name = arg[i]:match "^%-%-(%w+)$"
  if not options[name] then error("no option " .. arg[i]) end
  options[name] = arg[i + 1]
end

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

local function capture(command)
  local pipe = assert(io.popen(command))
  local out = pipe:read "*a"
  pipe:close()
  return out
end

local function have(command) return capture("command -v " .. command .. " 2>/dev/null") ~= "" end

local function lua_command(lua)
  local id = lua == "luajit" and "jit" or lua:gsub("^lua", "")
  return ("env LUA_PATH='lua/?.lua;lua/?/init.lua;;' LUA_CPATH='%s/%s/?.so;;' %s"):format(options.build, id, lua)
end

local node = have "node" and io.open "spec/interop/node/node_modules/smpp/package.json"
local subjects = {}
for _, lua in ipairs(words(options.luas)) do
  if have(lua) then
    subjects[#subjects + 1] = { name = "smpp, " .. lua, server = lua_command(lua) .. " bench/server.lua", client = lua_command(lua) .. " bench/client.lua" }
  end
end
if node then
  local run = "env NODE_PATH=spec/interop/node/node_modules node bench/"
  subjects[#subjects + 1] = { name = "node-smpp", server = run .. "node_server.js", client = run .. "node_client.js", slow = true }
else
  print "node-smpp is absent (apt-get install nodejs npm; make deps): no comparison"
end
local helper = have "luajit" and "luajit" or words(options.luas)[1]
local tools = options.tools ~= "" and io.open(options.tools .. "/refload") and options.tools or nil

--- Starts a server in the background; returns its pid and port.
local function start(command)
  local file = os.tmpname()
  local pid = capture(command .. " >" .. file .. " 2>&1 & echo $!"):match "%d+"
  for _ = 1, 2000 do
    local port = io.open(file):read "*a":match "(%d+)\n"
    if port then
      os.remove(file)
      return pid, port
    end
    os.execute "sleep 0.01"
  end
  error(command .. " does not start: " .. io.open(file):read "*a")
end

local function stop(pid) os.execute("kill " .. pid .. " 2>/dev/null; wait " .. pid .. " 2>/dev/null") end

--- CPU seconds a process has used, its children's not counted.
local function cpu_of(pid)
  local stat = assert(io.open("/proc/" .. pid .. "/stat")):read "*a":match "%) (.*)"
  local fields = words(stat)
  return (tonumber(fields[12]) + tonumber(fields[13])) / 100
end

local function median(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[(n + 1) / 2] or (list[n / 2] + list[n / 2 + 1]) / 2
end

--- What the load generator says: seconds and CPU seconds.
local function load_server(port, count, window)
  if tools then
    local out = capture(("%s/refload --port %s -n %d -c 1 -w %d --warmup %d"):format(tools, port, count, window, math.floor(count / 10)))
    return count / assert(tonumber(out:match '"msgs_per_s":([%d.]+)'), out)
  end
  local out = capture(("%s bench/client.lua %s %d %d"):format(lua_command(helper), port, count, window))
  return assert(tonumber(out:match "^([%d.]+)"), out)
end

local COUNTS = { [1] = { 20000, 8000 }, [10] = { 100000, 20000 }, [100] = { 300000, 40000 } }
local function count_for(window, subject) return (COUNTS[window] or { 200000, 30000 })[subject.slow and 2 or 1] end

local results = {} -- side -> window -> subject -> { rates, cpus }
local function note(side, window, subject, rate, cpu)
  local key = ("%s %d %s"):format(side, window, subject.name)
  results[key] = results[key] or { side = side, window = window, subject = subject.name, rate = {}, cpu = {} }
  table.insert(results[key].rate, rate)
  table.insert(results[key].cpu, cpu)
end

for round = 1, tonumber(options.rounds) do
  io.stderr:write(("round %d of %s\n"):format(round, options.rounds))
  for _, window in ipairs(words(options.windows)) do
    window = tonumber(window)
    for _, subject in ipairs(subjects) do
      local count = count_for(window, subject)
      local pid, port = start(subject.server)
      load_server(port, math.max(1000, math.floor(count / 5)), window) -- warm
      local before = cpu_of(pid)
      local seconds = load_server(port, count, window)
      -- Either load generator warms up with a tenth of its own.
      note("server", window, subject, count / seconds, (cpu_of(pid) - before) / (count * 1.1) * 1e6)
      stop(pid)

      local sink_pid, sink_port
      if tools then
        sink_port = tostring(20000 + math.random(20000))
        sink_pid = capture(("%s/refsink --port %s >/dev/null 2>&1 & echo $!"):format(tools, sink_port)):match "%d+"
        os.execute "sleep 0.1"
      else
        sink_pid, sink_port = start(lua_command(helper) .. " bench/server.lua")
      end
      local out = capture(("%s %s %d %d"):format(subject.client, sink_port, count, window))
      local wall, cpu = out:match "([%d.]+) ([%d.]+)"
      assert(wall, out)
      note("client", window, subject, count / tonumber(wall), tonumber(cpu) / count * 1e6)
      stop(sink_pid)
    end
  end
end

print(("\n%-8s %6s  %-16s %12s %12s %10s"):format("", "window", "", "messages/s", "CPU us/msg", "x node"))
local json = {}
for _, side in ipairs { "server", "client" } do
  for _, window in ipairs(words(options.windows)) do
    local base = results[("%s %s node-smpp"):format(side, window)]
    for _, subject in ipairs(subjects) do
      local row = results[("%s %s %s"):format(side, window, subject.name)]
      local rate, cpu = median(row.rate), median(row.cpu)
      print(("%-8s %6s  %-16s %12.0f %12.2f %10s"):format(side, window, subject.name, rate, cpu,
        base and ("%.1f"):format(rate / median(base.rate)) or "-"))
      json[#json + 1] = ('{"side":"%s","window":%s,"subject":"%s","rate_per_s":%.0f,"cpu_us":%.3f}'):format(side, window, subject.name, rate, cpu)
    end
  end
end
print(("\nother end: %s"):format(tools and "refload and refsink (C)" or "bench/client.lua and bench/server.lua on " .. helper))

for _, lua in ipairs(words(options.luas)) do
  if have(lua) then
    print("\ncodec, " .. lua .. ", ns")
    for line in capture(lua_command(lua) .. " bench/codec.lua"):gmatch "[^\n]+" do
      print(("  %-40s %8s"):format(line:match "^(.*) (%d+)$"))
      json[#json + 1] = ('{"side":"codec","subject":"%s","what":"%s","ns":%s}'):format(lua, line:match "^(.*) (%d+)$")
    end
  end
end
if options.json ~= "" then
  local file = assert(io.open(options.json, "w"))
  file:write("[\n", table.concat(json, ",\n"), "\n]\n")
  file:close()
end
