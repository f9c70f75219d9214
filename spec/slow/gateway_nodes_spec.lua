-- Two nodes of a gateway as processes on a real engine, Debian's redis-server: nodes and the engine are killed amid traffic, and nodes are
-- restarted one after another.
local loops = require "smpp.loop"
local peers = require "spec.support.peers"
local process = require "spec.support.gateway_process"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local KILLS = tonumber(os.getenv "NODE_KILLS") or 4

--- An engine that keeps what it has answered.
local function start_engine(port, folder)
  local one = peers.start("redis-server", { "redis-server", "--port", tostring(port), "--bind", "127.0.0.1", "--save", "", "--loglevel", "warning",
    "--dir", folder, "--appendonly", "yes", "--appendfsync", "always" })
  peers.wait("the engine", function()
    local client = valkey.connect(("valkey://127.0.0.1:%d"):format(port))
    if client then client:close() end
    return client
  end)
  return one
end

--- Runs fn(world, engine) beside two nodes; engine.kill() is kill -9 and another start.
local function with(fn)
  local folder, remove = shell.folder()
  local port = peers.free_ports(1)
  local engine = { one = start_engine(port, folder) }
  function engine.kill()
    engine.one:stop()
    engine.one = start_engine(port, folder)
  end
  process.run(loops.current(), { url = ("valkey://127.0.0.1:%d"):format(port), nodes = 2 }, function(w)
    w:start(1)
    w:start(2)
    fn(w, engine)
  end)
  engine.one:stop()
  remove()
end

describe("two nodes on an engine", function()
  setup(function() shell.need "redis-server" end)

  it(("lose nothing that they answered, nodes and engine killed %d times"):format(KILLS), function()
    peers.run(function() with(function(w, engine)
      w:send(20)
      w:wait(20)
      for i = 1, KILLS do
        smpp.sleep(i % 5 * 0.03)
        if i % 3 == 0 then
          engine.kill()
        else
          w:kill(i % 2 + 1)
          w:start(i % 2 + 1)
        end
        w:wait(20)
      end
      local doubles = w:check()
      assert.is_true(doubles < w.answers / 2, ("%d were answered, %d sent twice"):format(w.answers, doubles))
    end) end, 120 + KILLS * 15)
  end)

  it("are restarted one after another without an error answer, and without a double", function()
    peers.run(function() with(function(w)
      w:send(20)
      w:wait(50)
      for i = 1, 2 do
        w:stop(i)
        w:start(i)
        w:wait(100)
      end
      assert.equal(0, w:check())
      for code in pairs(w.refused) do assert.is_nil(code:find "^ESME_", code) end
    end) end, 180)
  end)
end)
