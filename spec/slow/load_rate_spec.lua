-- smpp load on the real clock, against a server in another process: the rate is what was asked for, and messages leave in time.
local dkjson = require "dkjson"
local peers = require "spec.support.peers"

local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
local SECONDS = 10

--- The result of `smpp load` with these options against bench/server.lua.
local function measured(options)
  local result
  peers.run(function()
    local server = peers.start("the server", { "env", "LUA_PATH=" .. package.path, "LUA_CPATH=" .. package.cpath, interpreter, "bench/server.lua" })
    local port = peers.wait("the server", function() return server.lines[1] and server.lines[1]:match "^%d+$" end)
    local load = peers.start("smpp load", { "sh", "-c", ("LUA=%s exec bin/smpp load smpp://a:b@127.0.0.1:%s --json -q %s 2>&1"):format(interpreter, port, options) })
    peers.wait("the result", function() return load.exited end, SECONDS + 40)
    result = assert(dkjson.decode(load.lines[#load.lines]), table.concat(load.lines, "\n"))
  end, SECONDS + 60)
  return result
end

describe("smpp load on the real clock", function()
  for _, rate in ipairs { 100, 5000, 50000 } do
    it(("sends at %d/s to 1 %%"):format(rate), function()
      local r = measured(("--rate %d --for %d"):format(rate, SECONDS))
      assert.equal(rate * SECONDS, r.sent)
      assert.near(rate, r.rate, 0.01 * rate)
      assert.near(SECONDS, r.duration_s, 0.01 * SECONDS)
      assert.equal(r.sent, r.ok)
    end)
  end

  it("makes 300,000 messages a second or more where the machine lets it: less than 3 us of CPU each", function()
    local r = measured(("--closed --window 1000 --for %d"):format(math.min(SECONDS, 5)))
    assert.is_true(r.cpu / r.rate < 3e-6, ("%.2f us of CPU a message"):format(r.cpu / r.rate * 1e6))
  end)
end)
