-- Any userdata whose metatable had a true `smpp_view` was read as a PDU; a number among a codec's methods was taken for the
-- number of a parameter; a request of one session could be answered on another, which bound that one.
local core = require "smpp.core"
local few = require "spec.support.few"
local smpp = require "smpp"

describe("the binding", function()
  it("knows a PDU by nothing that a script can set", function()
    local mt = getmetatable(io.stdout)
    mt.smpp_view = true
    finally(function() mt.smpp_view = nil end)
    assert.is_false(core.is_pdu(io.stdout))
    assert.has_error(function() smpp.encode(io.stdout) end)
    local view = assert(smpp.decode(assert(smpp.encode { command = "enquire_link" })))
    assert.is_true(core.is_pdu(view))
    assert.has_error(function() view.octets(io.stdout) end)
  end)

  it("knows the PDUs of every codec", function()
    local other = core.codec({}, smpp.none)
    local view = other.decode(assert(smpp.encode { command = "enquire_link" }))
    assert.is_true(core.is_pdu(view))
    assert.equal(view:octets(), smpp.encode(view))
  end)

  it("takes functions for methods, nothing else", function()
    for _, value in ipairs { 255, 1e300, true, "text", {} } do
      assert.has_error(function() core.codec({ anything = value }, smpp.none) end)
      assert.has_error(function() core.codec({ __tostring = value }, smpp.none) end)
    end
  end)

  describe("answers a request", function()
    local codec = core.codec({}, smpp.none)
    local function asked(system_id)
      local mc, events = codec.session { role = "mc", now = 0 }, {}
      mc:receive(assert(codec.encode { command = "bind_transceiver", sequence_number = 7, system_id = system_id }), 0, events)
      return mc, events[2]
    end

    for _, how in ipairs { "answer", "respond" } do
      it("only on the session that received it: " .. how, function()
        local a, request = asked "x"
        local b, other = asked "evil"
        local function reply(session, pdu)
          if how == "answer" then return session:answer(pdu, nil, "mc", 0) end
          return session:respond(pdu, { system_id = "mc" }, 0)
        end
        assert.error_matches(function() reply(b, request) end, "not received by this session")
        assert.is_false(b:is_answerable(request))
        assert.same({ "OPEN", "OPEN" }, { a:state(), b:state() })
        assert.is_true(reply(b, other))
        assert.same({ "OPEN", "BOUND_TRX" }, { a:state(), b:state() })
        assert.has_error(function() reply(a, (codec.decode(request:octets()))) end)
        assert.is_true(reply(a, request))
      end)
    end

    it("of no session that came after it, wherever that lies in memory", function()
      for _ = 1, few(50, 10) do
        local request = select(2, asked "x")
        collectgarbage()
        local later = asked "y"
        assert.is_false(later:is_answerable(request))
      end
    end)
  end)
end)
