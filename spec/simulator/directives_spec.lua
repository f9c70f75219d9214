local directives = require "smpp.simulator.directives"

describe("smpp.simulator.directives", function()
  it("leaves ordinary texts alone", function()
    for _, text in ipairs { "", "Hello", "simulate", "my sim: drop" } do assert.is_nil(directives.read(text)) end
  end)

  it("reads each of them, in any case", function()
    for text, expected in pairs {
      ["sim: undelivered"] = { state = "UNDELIVERABLE" }, ["SIM:Delivered after 3s"] = { state = "DELIVERED", after_s = 3 },
      ["sim: expired after 200ms error 12"] = { state = "EXPIRED", after_s = 0.2, error = 12 }, ["sim: rejected after 2m"] = { state = "REJECTED", after_s = 120 },
      ["sim: enroute"] = { state = false }, ["sim: reject RTHROTTLED"] = { status = "ESME_RTHROTTLED" }, ["sim: reject 0x45"] = { status = 0x45 },
      ["sim: reject ESME_RSYSERR"] = { status = "ESME_RSYSERR" }, ["sim: no receipt"] = { no_receipt = true }, ["sim: answer after 5s"] = { answer_s = 5 },
      ["sim: half pdu"] = { fault = "half_pdu" }, ["sim: Wrong Sequence"] = { fault = "wrong_sequence" }, ["sim: "] = {},
    } do assert.same(expected, directives.read(text), text) end
  end)

  it("reads several, and a reply with all that follows it", function()
    assert.same({ state = "DELIVERED", after_s = 1, no_receipt = true, fault = "drop" }, directives.read "sim: delivered after 1s, no receipt , drop")
    assert.same({ state = "EXPIRED", reply = "Yes, please, sim: drop" }, directives.read "sim: expired, reply Yes, please, sim: drop")
    assert.same({ reply = "Hi" }, directives.read "sim: reply Hi")
  end)

  it("names the first that it does not know", function()
    for text, word in pairs {
      ["sim: nonsense, dropp"] = "nonsense", ["sim: delivered soon"] = "delivered soon", ["sim: reject"] = "reject", ["sim: reject RNONSENSE"] = "reject RNONSENSE",
      ["sim: answer after x"] = "answer after x", ["sim: drop, no"] = "no",
    } do
      local found
      for _, value in pairs(directives.read(text)) do found = found or value == word end
      assert.is_true(found, text)
    end
  end)
end)
