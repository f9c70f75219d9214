--- What only real sockets do: resets, descriptors, fairness.
local async = require "spec.support.async"
local other_lua = require "spec.support.other_lua"
local run = require "smpp.loop.run"
local uv = require "smpp.loop.uv"

local await, pair, wait_until = async.await, async.pair, async.wait_until

local function descriptors()
  local count = 0
  local request = uv.fs_scandir "/proc/self/fd"
  if not request then return nil end
  while uv.fs_scandir_next(request) do count = count + 1 end
  return count
end

describe("smpp.loop.luv_tcp", function()
  it("leaves no descriptor behind, however a connection ends", async.luv(function(loop)
    local function round()
      for _, ending in ipairs { "close", "reset", "close_after_flush" } do
        local a, b = pair(loop)
        local done = false
        b:start(function() end, function()
          b:close()
          done = true
        end)
        a:start(function() end, function() end)
        a[ending](a)
        wait_until(function() return done end)
      end
      loop:connect({ host = "127.0.0.1", port = 1 }, function() end):cancel()
      await(function(answer) loop:connect({ host = "127.0.0.1", port = 1 }, answer) end)
    end
    round()
    run.sleep(0.005)
    local before = descriptors()
    for _ = 1, 20 do round() end
    run.sleep(0.005)
    assert.is_true(descriptors() <= before) -- fewer: what other specs left was collected
  end))

  it("reads from everybody before it reads on from one who sends much", async.luv(function(loop)
    local greedy, from_greedy = pair(loop)
    local modest, from_modest = pair(loop)
    local order, octets = {}, 0
    greedy:write(("x"):rep(1000000))
    modest:write "y"
    run.sleep(0.05)
    for _, transport in ipairs { from_greedy, from_modest } do
      transport:start(function(chunk)
        order[#order + 1] = chunk:sub(1, 1)
        octets = octets + #chunk
      end, function() end)
    end
    wait_until(function() return octets == 1000001 end)
    assert.is_true(#order > 5)
    assert.is_true(order[1] == "y" or order[2] == "y")
    from_greedy:pause() -- in the turn in which it rests
    greedy:write(("x"):rep(200000))
    run.sleep(0.05)
    assert.equal(1000001, octets)
    from_greedy:resume()
    wait_until(function() return octets == 1200001 end)
    for _, transport in ipairs { greedy, modest, from_greedy, from_modest } do transport:close() end
  end))

  it("is kept alive, also somebody else's, by a connection that rests", function()
    local output = other_lua [[
      local loop, octets = require("smpp.loop").current(), 0
      local listener
      listener = loop:listen({ host = "127.0.0.1", port = 0 }, function(transport)
        listener:close()
        transport:start(function(chunk) octets = octets + #chunk end, function()
          print(octets)
          transport:close()
        end)
      end)
      loop:connect({ host = "127.0.0.1", port = listener.port }, function(transport)
        transport:write(("x"):rep(2000000))
        transport:close_after_flush()
      end)
      require("luv").run()
    ]]
    assert.equal("2000000\n", output)
  end)

  it("ends a failed write and a read in one close", async.luv(function(loop)
    local a, b = pair(loop)
    local ends = {}
    a:start(function() end, function(message, code) ends[#ends + 1] = { message, code } end)
    b:reset()
    uv.sleep(2) -- the reset is here before we write
    a:write "x"
    a:write "y"
    wait_until(function() return #ends > 0 end)
    run.sleep(0.002)
    assert.equal(1, #ends)
    assert.equal("connection_lost", ends[1][2])
  end))

  it("hands over what the peer sent before it broke, though we wrote first", async.luv(function(loop)
    local a, b = pair(loop)
    local got = ""
    b:write "the last response"
    b:reset()
    uv.sleep(2)
    a:write "x"
    a:write "y"
    local ended
    a:start(function(chunk) got = got .. chunk end, function(_, code) ended = code end)
    wait_until(function() return ended end)
    assert.equal("connection_lost", ended)
    assert.is_true(got == "the last response" or got == "") -- a reset may take it along, we may not
  end))

  it("tells an end after a failed write as a loss", async.luv(function()
    local a, b = pair(require("smpp.loop").current())
    b:close()
    for _ = 1, 3 do
      uv.sleep(2)
      a:write "answered with a reset"
    end
    local ended
    a:start(function() end, function(message, code) ended = { message, code } end)
    wait_until(function() return ended end)
    assert.equal("connection_lost", ended[2])
    assert.is_string(ended[1])
  end))

  it("tries all addresses of a name, IPv6 or not, and asks for them anew each time", function()
    local output = other_lua [[
      local uv = require "luv"
      local loop = require("smpp.loop").current()
      local asked = 0
      uv.getaddrinfo = function(_, _, _, callback)
        asked = asked + 1
        local list = { { addr = "::1" }, { addr = "127.0.0.2" }, { addr = asked == 1 and "127.0.0.1" or "127.0.0.3" } }
        loop:defer(function() callback(nil, list) end)
        return {}
      end
      local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(transport) transport:close() end))
      local function dial(done) loop:connect({ host = "mc.example", port = listener.port, timeout_s = 5 }, done) end
      dial(function(transport, why)
        print(transport and transport.peer.host or why)
        if transport then transport:close() end
        dial(function(_, message)
          print(message)
          listener:close()
        end)
      end)
      loop:run()]]
    assert.matches("^127%.0%.0%.1\n.*::1: .*127%.0%.0%.2: .*127%.0%.0%.3: ", output)
  end)

  it("keeps a port that nobody listens on", async.luv(function(loop)
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function() end))
    local port = listener.port
    listener:close()
    local taken = assert(loop:reserve { host = "127.0.0.1", port = port })
    local _, message = async.await(function(done) loop:connect({ host = "127.0.0.1", port = port }, done) end)
    assert.truthy(message:find "refused")
    taken:close()
    listener = assert(loop:listen({ host = "127.0.0.1", port = port }, function() end))
    listener:close()
    assert.is_nil((loop:reserve { host = "192.0.2.1", port = 0 }))
  end))
end)
