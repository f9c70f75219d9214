local mc = require "spec.support.mc"
local reporters = require "smpp.server.reporter"
local virtual = require "smpp.loop.virtual"

describe("smpp.server.reporter", function()
  it("reports one error of each kind in ten seconds, with their number", function()
    local loop, told = virtual.new(), {}
    local reporter = reporters.new { loop = loop, emit_logged = function(_, message, session) told[#told + 1] = { "error", message, session } end }
    local session = {}
    for i = 1, 100 do
      reporter:report("malformed", "a" .. i, session)
      reporter:report("failed", "b" .. i)
    end
    assert.same({ { "error", "a1", session }, { "error", "b1" } }, told)
    loop:advance(9.9)
    reporter:report("failed", "b")
    assert.equal(2, #told)
    loop:advance(0.2)
    reporter:report("failed", "b")
    assert.same({ "error", "b; 102 connections that failed so far" }, told[3])
    reporter:report("refused", "c")
    assert.same({ "error", "c" }, told[4])
  end)

  it("limits what strangers send, and not what one who is bound does", function()
    mc.world(function(w)
      local server = w:server {}
      for _ = 1, 500 do
        local transport = w:transport()
        transport:start(function() end, function() transport:close() end)
        transport:write "GET / HTTP/1.1\r\n\r\n"
      end
      w:sleep(2)
      assert.equal(1, #w.errors)
      assert.matches("malformed SMPP data", w.errors[1])
      for i = 1, 3 do
        local esme = w:bind {}
        esme.transport:write(("\255"):rep(32))
        w:sleep(0.1)
        assert.is_true(esme.closed)
        assert.equal(1 + i, #w.errors)
      end
      w:sleep(10)
      w:talk(("\255"):rep(32))
      assert.matches("501 connections with malformed data so far$", w.errors[5])
      server:close()
    end)
  end)
end)
