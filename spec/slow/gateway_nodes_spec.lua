-- Two nodes of a gateway as processes on a real engine, Valkey: nodes and the engine are killed amid traffic.
-- spec/slow/nodes_process_spec.lua restarts nodes one after another.
local loops = require "smpp.loop"
local peers = require "spec.support.peers"
local process = require "spec.support.gateway_process"
local real = require "spec.support.real_engines"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local KILLS = tonumber(os.getenv "NODE_KILLS") or 4

--- Runs fn(world, engine) beside two nodes; engine.kill() is kill -9 and another start.
local function with(fn)
  local folder, remove = shell.folder()
  local port = peers.lasting_ports(1)
  local function start() return real.start(real.VALKEY, { port = port, folder = folder, keeps = true }) end
  local engine = { one = start() }
  function engine.kill()
    engine.one:stop()
    engine.one = start()
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
  setup(function() real.need(real.VALKEY) end)

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
end)
