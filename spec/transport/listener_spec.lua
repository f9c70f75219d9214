local async = require "spec.support.async"
local filter = require "smpp.transport.filter"
local listeners = require "smpp.transport.listener"
local transports = require "smpp.transport"

--- A filter that is established by the first octet: "+" does, anything else is refused.
local function gate()
  local new = filter.class("gate", {
    awaits = "first octet",
    establish = function(self, done)
      self.inner:start(function(octets)
        if octets:sub(1, 1) == "+" then return done(true) end
        done(nil, "wrong first octet", "refused")
      end, function() done(nil, "closed too early", "connection_lost") end)
    end,
  })
  return function(inner) return new(inner) end
end

--- A listener whose owner notes all it is told.
local function listening(loop, list, timeout_s, admit)
  local log, accepted = {}, {}
  local listener = assert(listeners.new(loop, {
    host = "127.0.0.1", port = 0, timeout_s = timeout_s, chain = assert(transports.chain("accept", {}, list)),
  }, {
    admit = admit,
    released = function(admitted) log[#log + 1] = "released " .. tostring(admitted) end,
    accepted = function(transport)
      log[#log + 1] = "accepted"
      accepted[#accepted + 1] = transport
    end,
    failed = function(inner, message, code) log[#log + 1] = ("failed %s: %s %s"):format(inner.peer.host, message, code) end,
  }))
  return listener, log, accepted
end

local function connect(loop, listener)
  local transport = assert(async.await(function(done) loop:connect({ host = "127.0.0.1", port = listener.port }, done) end))
  return transport, async.collect(transport)
end

for _, name in ipairs { "virtual", "luv" } do
  local on = async[name]
  describe("smpp.transport.listener (" .. name .. ")", function()
    it("hands over connections when their filters are established, and says why others ended", on(function(loop)
      local number = 0
      local listener, log, accepted = listening(loop, { gate() }, 0.05, function()
        number = number + 1
        return number
      end)
      assert.is_true(listener.port > 0)
      local one = connect(loop, listener)
      async.wait_until(function() return listener.pending_count == 1 end)
      one:write "+"
      async.wait_until(function() return #log == 2 end)
      local two, at_two = connect(loop, listener)
      two:write "-"
      async.wait_until(function() return at_two.closed == 1 end)
      local three, at_three = connect(loop, listener)
      async.wait_until(function() return at_three.closed == 1 end)
      assert.same({
        "released 1", "accepted", "released 2", "failed 127.0.0.1: wrong first octet refused",
        "released 3", "failed 127.0.0.1: no first octet within 0.05 s timeout",
      }, log)
      assert.same({ 0, 1 }, { listener.pending_count, #accepted })
      listener:close()
      for _, transport in ipairs { one, two, three, accepted[1] } do transport:close() end
    end))

    it("resets a connection that is not admitted", on(function(loop)
      local listener, log = listening(loop, {}, nil, function() return nil end)
      local one, message = async.await(function(done) loop:connect({ host = "127.0.0.1", port = listener.port }, done) end)
      if one then -- it may come before the connection is made
        local at_one = async.collect(one)
        async.wait_until(function() return at_one.closed == 1 end)
        message = at_one.message
        one:close()
      end
      assert.matches("reset", message)
      assert.same({}, log)
      listener:close()
    end))

    it("needs no owner but one that accepts, and no filter", on(function(loop)
      local got
      local listener = assert(listeners.new(loop, { host = "127.0.0.1", port = 0, chain = assert(transports.chain("accept", {})) }, {
        accepted = function(transport) got = async.collect(transport); got.transport = transport end,
      }))
      local one = connect(loop, listener)
      one:write "x"
      async.wait_until(function() return got and got.octets == "x" end)
      listener:close()
      got.transport:close()
      one:close()
    end))

    it("ends pending connections when it closes, and tells nobody why", on(function(loop)
      local listener, log = listening(loop, { gate() }, 0, function() return true end)
      local one, at_one = connect(loop, listener)
      async.wait_until(function() return listener.pending_count == 1 end)
      listener:close()
      listener:close()
      async.wait_until(function() return at_one.closed == 1 end)
      one:close()
      assert.same({ { "released true" }, 0 }, { log, listener.pending_count })
    end))

    it("says that it cannot listen", on(function(loop)
      local listener = listening(loop, {})
      local second, message, code = listeners.new(loop, { host = "127.0.0.1", port = listener.port, chain = listener.chain }, {})
      assert.is_nil(second)
      assert.matches("address already in use", message)
      assert.equal("connect_failed", code)
      listener:close()
    end))
  end)
end
