local filter = require "smpp.transport.filter"
local filters = require "spec.support.filters"
local async = require "spec.support.async"
local memory = require "smpp.transport.memory"
local run = require "smpp.loop.run"
local task = require "smpp.base.task"
local transports = require "smpp.transport"

--- A filter whose step takes `seconds`, and notes what happens to it.
local function slow(log, name, seconds, failure)
  local new = filter.class(name, {
    awaits = name,
    establish = function(self, done)
      log[#log + 1] = name .. " begins"
      local timer
      timer = self.loop:timer(function()
        timer:close()
        log[#log + 1] = name .. " ends"
        if failure then done(nil, failure, "refused") else done(true) end
      end, true)
      timer:start(seconds)
    end,
    reset = function(self)
      log[#log + 1] = name .. " is reset"
      self.inner:reset()
    end,
  })
  return function(inner) return new(inner) end
end

describe("smpp.transport: schemes", function()
  it("have a port each, which TLS decides", function()
    assert.same({ 2775, 8775 }, { transports.schemes.smpp.port, transports.schemes.smpps.port })
    assert.same({ 2775, 8775, 8775 }, { transports.default_port {}, transports.default_port { tls = true }, transports.default_port { tls = {} } })
  end)
end)

describe("smpp.transport: chain", function()
  local virtual = async.virtual

  it("of no filters is the transport itself, at once", virtual(function(loop)
    local a, b = memory.pair(loop)
    local got
    local establishing = assert(transports.chain("connect", {})):establish(b, { side = "connect", loop = loop }, function(t) got = t end)
    assert.is_true(got == b and establishing.finished)
    a:reset()
    b:reset()
  end))

  it("establishes filter by filter, from the socket up", virtual(function(loop)
    local a, b = memory.pair(loop)
    local log = {}
    local top = filters.establish(loop, "accept", b, { slow(log, "one", 1), filter.class("plain", {}), slow(log, "two", 1) }, 5)
    assert.same({ "one begins", "one ends", "two begins", "two ends" }, log)
    assert.matches("^two over plain over one over memory", tostring(top))
    top:close()
    a:close()
  end))

  it("reads nothing between the last step and the session", virtual(function(loop)
    local a, b = memory.pair(loop)
    a:write "early"
    local top = filters.establish(loop, "accept", b, { slow({}, "one", 1) })
    a:shutdown()
    run.sleep(10) -- the session comes late
    local got = async.collect(top)
    async.wait_until(function() return got.closed == 1 end)
    assert.equal("early", got.octets)
    top:close()
    a:close()
  end))

  it("has one time for all steps, 0: any", virtual(function(loop)
    local a, b = memory.pair(loop)
    local log, before = {}, loop:now()
    local top, message, code = filters.establish(loop, "accept", b, { slow(log, "header", 2), slow(log, "handshake", 2) }, 3)
    assert.same({ "no handshake within 3 s", "timeout" }, { message, code })
    assert.is_nil(top)
    assert.near(before + 3, loop:now(), 0.01)
    run.sleep(5) -- the step ends, and nobody cares
    assert.same({ "header begins", "header ends", "handshake begins", "handshake is reset", "header is reset", "handshake ends" }, log)
    a:close()
    a, b = memory.pair(loop)
    top = assert(filters.establish(loop, "accept", b, { slow({}, "header", 1000) }, 0))
    top:reset()
    a:close()
  end))

  it("ends the connection when a step fails, and says why", virtual(function(loop)
    local a, b = memory.pair(loop)
    local log = {}
    local top, message, code = filters.establish(loop, "accept", b, { slow(log, "one", 1, "wrong header"), slow(log, "two", 1) }, 5)
    assert.same({ "wrong header", "refused" }, { message, code })
    assert.is_nil(top)
    assert.same({ "one begins", "one ends", "one is reset" }, log)
    local got = async.collect(a)
    async.wait_until(function() return got.closed == 1 end)
    assert.equal("connection_lost", got.code)
  end))

  it("is cancelled without a word", virtual(function(loop)
    local a, b = memory.pair(loop)
    local log, called = {}, 0
    local chain = assert(transports.chain("accept", {}, { slow(log, "one", 1) }))
    local establishing = chain:establish(b, { side = "accept", loop = loop, timeout_s = 5 }, function() called = called + 1 end)
    establishing:cancel()
    establishing:cancel()
    run.sleep(10)
    assert.same({ 0, { "one begins", "one is reset", "one ends" } }, { called, log })
    a:close()
  end))

  it("says that TLS is not installed, with its code", function()
    local found = pcall(require, "smpp.transport.tls")
    if found then return end -- its spec says so
    for _, side in ipairs { "accept", "connect" } do
      local chain, message, code = transports.chain(side, { tls = true })
      assert.is_nil(chain)
      assert.same({ "TLS support is not installed (rock smpp-tls)", "tls" }, { message, code })
    end
  end)

  it("checks the options of its filters", function()
    assert.is_true(transports.kind("proxy_protocol", "accept").fits { "10.0.0.0/8" })
    assert.is_string(transports.kind("proxy_protocol", "accept").explain({ "x" }).message)
    assert.equal("expected true or false or a table of options, got 'yes'", transports.kind("tls", "connect").explain("yes").message)
    assert.has_error(function() transports.kind("nothing", "accept") end)
  end)
end)

describe("smpp.transport: connect", function()
  for _, name in ipairs { "virtual", "luv" } do
    local on = async[name]

    --- A listener that takes connections, and its port.
    local function listening(loop)
      local taken = {}
      local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(inner)
        taken[#taken + 1] = async.collect(inner)
        taken[#taken].transport = inner
      end))
      return listener, taken
    end

    it("establishes the chain on the connection it made (" .. name .. ")", on(function(loop)
      local listener, taken = listening(loop)
      local log, seen = {}, nil
      local chain = assert(transports.chain("connect", {}, { function(inner, context)
        seen = context
        return slow(log, "handshake", 0.002)(inner)
      end }))
      local attempt = {}
      local top = assert(chain:connect(loop, { host = "127.0.0.1", port = listener.port, timeout_s = 5 }, attempt))
      assert.same({ "connect", "127.0.0.1", listener.port, 5 }, { seen.side, seen.host, seen.port, seen.timeout_s })
      assert.is_nil(attempt.cancel)
      local got = async.collect(top)
      async.wait_until(function() return taken[1] end)
      top:write "x"
      taken[1].transport:write "y"
      async.wait_until(function() return got.octets == "y" and taken[1].octets == "x" end)
      top:close()
      taken[1].transport:close()
      listener:close()
    end))

    it("says why it could not, and can be cancelled in either phase (" .. name .. ")", on(function(loop)
      local listener, taken = listening(loop)
      local port, log = listener.port, {}
      local chain = assert(transports.chain("connect", {}, { slow(log, "handshake", 0.05) }))
      for _, after_s in ipairs { 0, 0.02 } do -- while it connects, while it shakes hands
        local attempt = {}
        task.spawn(function()
          run.sleep(after_s)
          attempt.cancel()
        end)
        local top, message, code = chain:connect(loop, { host = "127.0.0.1", port = port, connect_timeout_s = 5, timeout_s = 5 }, attempt)
        assert.is_nil(top)
        assert.same({ "closed", "closed" }, { message, code })
        assert.is_nil(attempt.cancel)
      end
      local top, message, code = chain:connect(loop, { host = "127.0.0.1", port = port, timeout_s = 0.005 })
      assert.is_nil(top)
      assert.same({ "no handshake within 0.005 s", "timeout" }, { message, code })
      listener:close()
      for _, one in ipairs(taken) do one.transport:close() end
      top, message, code = chain:connect(loop, { host = "127.0.0.1", port = port, connect_timeout_s = 5 })
      assert.is_nil(top)
      assert.matches("^cannot connect to 127.0.0.1", message)
      assert.equal("connect_failed", code)
      run.sleep(0.06)
    end))
  end
end)
