-- The trace of a session that takes larger PDUs than the default broke off at the first of them.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"
local pdus = require "smpp.codec"
local stream = require "smpp.codec.stream"

describe("a tracer", function()
  it("goes as far as the session", function()
    local large = assert(pdus.encode { command = "submit_sm", tlvs = { { 0x1400, ("x"):rep(65535) }, { 0x1401, ("x"):rep(65535) }, { 0x1402, "" } } })
    assert.is_true(#large > 131072)
    for _, case in ipairs { { 200000, 2 }, { nil, 0 } } do
      local seen = 0
      local trace = stream.new { pdu = function() seen = seen + 1 end, max_pdu_octets = case[1] }
      trace:feed(large:sub(1, 100))
      trace:feed(large:sub(101) .. large)
      assert.equal(case[2], seen)
    end
  end)

  it("is told by its connection how far that is", function()
    local seen = {}
    smpp.run(function()
      local limits = { port = 2775, max_pdu_octets = 200000, authenticate = function() return true end }
      limits.data_sm = function() return "id" end
      local server = assert(smpp.server(limits))
      server:on("session", function(session)
        session:on("pdu", function(pdu) seen[pdu.command] = true end)
      end)
      local esme = assert(smpp.connect { "smpp://me@127.0.0.1", max_pdu_octets = 200000 })
      assert(esme:data_sm { destination_addr = "1", message_payload = ("x"):rep(65535), tlvs = { { 0x1400, ("x"):rep(65535) }, { 0x1401, "" }, { 0x1402, "" } } })
      esme:close()
      server:close()
    end, { loop = virtual.new() })
    assert.is_true(seen.data_sm)
  end)
end)
