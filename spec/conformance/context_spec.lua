local context = require "smpp.conformance.context"

describe("smpp.conformance.context", function()
  it("writes PDUs and messages", function()
    local c = context.new({}, { parsed = { system_id = "me" }, shared = {}, submit_to = "+491761234567" })
    assert.equal("\0\0\0\18\0\0\0\4\0\0\0\0\0\0\0\9ab", c:pdu(4, 9, "ab"))
    assert.same({ "491761234567", "x" }, { c:message({ short_message = "x" }).destination_addr, c:message({ short_message = "x" }).short_message })
    assert.same({ "me", "", 0x34 }, { c:bind_fields().system_id, c:bind_fields().password, c:bind_fields().interface_version })
  end)

  it("is a scenario of a function", function()
    local function fn() end
    local case = context.case("x", fn, 5, 2)
    assert.same({ "x", 5, 2, fn }, { case.name, case.options.limit_s, case.options.within_s, case.fn })
  end)
end)
