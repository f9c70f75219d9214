-- Memory of idle bound sessions.  Arguments: server COUNT [tls] | client COUNT PORT [tls].
-- Once all are bound it prints octets per session: of RSS, of Lua's heap, of the C core.  Ends when killed.
local smpp = require "smpp"

local side, count, port = arg[1], tonumber(arg[2]), tonumber(arg[3])
local secure = arg[#arg] == "tls"

local function memory()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open "/proc/self/status")
  local rss = tonumber(file:read("*a"):match "VmRSS:%s*(%d+)") * 1024
  file:close()
  return rss, collectgarbage "count" * 1024
end

local function tell(rss, lua, connections)
  local rss_now, lua_now = memory()
  local core = 0
  for _, connection in ipairs(connections) do core = core + connection:info().memory_octets end
  print(("idle %.0f %.0f %.0f"):format((rss_now - rss) / count, (lua_now - lua) / count, core / count))
  io.stdout:flush()
end

local function serve()
  local made = secure and assert(smpp.tls.self_signed())
  local server = assert(smpp.server { port = 0, tls = made and { cert = made.cert, key = made.key } or nil,
    max_connections = count + 10, submit_sm = function() return "1" end })
  local rss, lua = memory()
  server:on("session", function()
    if #server.sessions == count then tell(rss, lua, server.sessions) end
  end)
  print("port " .. server.port)
  io.stdout:flush()
end

local function bind()
  local rss, lua = memory()
  local left, connections = count, {}
  local function items()
    left = left - 1
    return left >= 0 or nil
  end
  smpp.each(items, 50, function()
    local esme = assert(smpp.connect { host = "127.0.0.1", port = port, system_id = "bench", password = "bench",
      tls = secure and { verify = false } or nil })
    connections[#connections + 1] = esme.session
  end)
  tell(rss, lua, connections)
  smpp.sleep(3600)
end

smpp.run(side == "server" and serve or bind)
