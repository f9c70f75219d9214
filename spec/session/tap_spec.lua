local pair = require "spec.support.pair"

describe("smpp.session.tap", function()
  it("emits the PDUs of both directions to each listener, and is not there without one", function()
    pair.run({ mc = { owner = { on_request = pair.take_binds(function() return "id" end) } } }, function(w)
      pair.bind(w)
      assert.is_false(w.esme.tap)
      local seen, more = {}, 0
      assert.equal(w.esme, w.esme:on("pdu", function(pdu, direction) seen[#seen + 1] = direction .. " " .. pdu.command end))
      local tap = w.esme.tap
      w.esme:on("pdu", function() more = more + 1 end)
      assert.equal(tap, w.esme.tap)
      assert(w.esme:submit_sm { destination_addr = "1" })
      w.sleep(0.1)
      assert.same({ "out submit_sm", "in submit_sm_resp" }, seen)
      assert.equal(2, more)
      assert.is_false(w.mc.tap)
    end)
  end)
end)
