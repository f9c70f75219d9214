--- Start-up time: from the start of a program to the first bind_resp, seen by the peer of a server or by the client.
local load = require "load"
local uv = require "luv"

local REPEATS = 5
local BIND = "\0\0\0\46\0\0\0\9\0\0\0\0\0\0\0\1bench\0bench\0\0\0\52\0\0\0\0" -- its length is set below
BIND = ("\0\0\0%s"):format(string.char(#BIND)) .. BIND:sub(5)
local RESPONSE = "\0\0\0\17\128\0\0\9\0\0\0\0"

local function ms_since(start) return (uv.hrtime() - start) / 1e6 end

--- Runs a command; its output goes to `on_output`.  Returns a function that stops it.
local function spawn(command, on_output)
  local out, handle = uv.new_pipe(false), nil
  handle = uv.spawn("/bin/sh", { args = { "-c", "exec " .. command }, stdio = { nil, out, 2 } }, function() uv.close(handle) end)
  uv.read_start(out, function(_, chunk)
    if chunk then on_output(chunk) else uv.close(out) end
  end)
  return function() uv.process_kill(handle, "sigkill") end
end

local function server(subject)
  local start, took, socket, output = uv.hrtime(), nil, uv.new_tcp(), ""
  local kill
  kill = spawn(subject.command "server", function(chunk)
    output = output .. chunk
    local port = output:match "(%d+)\n"
    if not port then return end
    uv.tcp_connect(socket, "127.0.0.1", tonumber(port), function()
      uv.write(socket, BIND)
      uv.read_start(socket, function()
        took = took or ms_since(start)
        if not uv.is_closing(socket) then uv.close(socket) end
        kill()
      end)
    end)
  end)
  uv.run()
  return assert(took, "the server did not answer")
end

local function client(subject)
  local listener, took = uv.new_tcp(), nil
  uv.tcp_bind(listener, "127.0.0.1", 0)
  uv.listen(listener, 1, function()
    local socket = uv.new_tcp()
    uv.accept(listener, socket)
    uv.read_start(socket, function(_, chunk)
      if chunk then uv.write(socket, RESPONSE .. chunk:sub(13, 16) .. "\0") else uv.close(socket) end
    end)
  end)
  local start, kill = uv.hrtime(), nil
  kill = spawn(("%s %d"):format(subject.command "bind", uv.tcp_getsockname(listener).port), function()
    took = took or ms_since(start)
    kill()
    if not uv.is_closing(listener) then uv.close(listener) end
  end)
  uv.run()
  return assert(took, "the client did not bind")
end

return function(bench)
  local readings = load.readings()

  local function round()
    for _ = 1, REPEATS do
      for _, subject in ipairs(bench.subjects) do readings.note(subject.name, server(subject), client(subject)) end
    end
  end

  local function result()
    local rows = {}
    for i, subject in ipairs(bench.subjects) do
      local of_server, of_client = readings.medians(subject.name)
      rows[i] = { subject = subject.name, server_ms = of_server, client_ms = of_client }
    end
    return {
      title = "From the start of the program to bind_resp, ms",
      columns = { { "subject", "", "%s" }, { "server_ms", "server", "%.1f" }, { "client_ms", "client", "%.1f" } },
      rows = rows,
    }
  end

  return { round = round, result = result }
end
