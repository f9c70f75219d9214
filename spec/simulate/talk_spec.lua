local async = require "spec.support.async"
local simulators = require "smpp.simulator"
local smpp = require "smpp"
local talk = require "smpp.simulate.talk"

describe("smpp.simulate.talk", function()
  it("has phones with numbers of their own", function()
    assert.equal(7, talk.index(talk.phone(7)))
    assert.equal(7, talk.index("+" .. talk.phone(7)))
    assert.is_nil(talk.index "4917000001")
  end)

  it("is a bot that asks each phone and thanks it, and counts what it says", async.virtual(function()
    local mc = assert(simulators.new { port = 2775 })
    local talks = talk.open({ window = 2 }, {
      port = 2775, count = 2, timeout_s = 10, deliver = function(fields) return mc:deliver(fields) end, failed = error,
    })
    mc:on("message", function(message) smpp.spawn(function() talks:heard(mc, message.destination_addr, message.octets) end) end)
    assert.equal("the bot is not bound", talks:unsettled())
    smpp.sleep(1)
    assert.is_nil(talks:unsettled())
    talks:begin(1)
    smpp.sleep(5)
    assert.same({ 1, 1 }, { talks:count(1) })
    assert.same({ 0, 0 }, { talks:count(2) })
    talks:heard(mc, talk.phone(2), "size of order 1?")
    assert.truthy(talks.wrong:find "got the text")
    mc:deliver { from = talk.phone(1), to = talk.NUMBER, text = "ORDER 1", system_id = "bot" } -- again, although it was answered
    smpp.sleep(5)
    assert.same({ 2, 1 }, { (talks:count(1)), talks.repeats[1] })
    talks:close()
    mc:close()
  end))
end)
