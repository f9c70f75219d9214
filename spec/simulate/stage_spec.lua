local async = require "spec.support.async"
local stage = require "smpp.simulate.stage"

describe("smpp.simulate.stage", function()
  it("has texts that say in each part which they are", function()
    assert.equal("#0007 ", stage.text_of(7, 1))
    assert.equal(100, #stage.text_of(7, 100))
    assert.equal(7, stage.number_of(stage.text_of(7, 50)))
    for length = 161, 700 do
      local text = stage.text_of(12, length)
      local rest = #text % 153
      assert.is_true(rest == 0 or rest >= 12, length)
    end
    assert.is_nil(stage.number_of "nothing")
  end)

  it("plays messages, replies and faults, and writes down what everybody saw", async.virtual(function()
    local record = stage.play {
      seconds = 20, clients = { { window = 2 }, { window = 1, binds = 2 } },
      messages = {
        { at = 0, client = 1, to = 1, length = 300, receipt = true, state = "DELIVERED", after_s = 1 },
        { at = 1, client = 2, to = 2, length = 10, status = "ESME_RINVDSTADR", refusals = 1 },
        { at = 2, client = 2, to = 2, length = 10, state = "EXPIRED", after_s = 0 },
      },
      replies = { { at = 3, client = 1, from = 1, length = 400 } },
      faults = {
        { at = 4, what = "cut", link = 1, for_s = 1 }, { at = 5, what = "refuse", link = 1, for_s = 3 }, { at = 5, what = "latency", value = 0.5, link = 1, for_s = 2 },
        { at = 6, what = "chunk", value = 3, link = 1, for_s = 2 }, { at = 7, what = "stall", link = 2, for_s = 2 }, { at = 8, what = "throttle", link = 1, for_s = 2 },
        { at = 9, what = "slow", value = 1, link = 1, for_s = 2 }, { at = 10, what = "silence", link = 1, for_s = 2 }, { at = 11, what = "drop", link = 1, for_s = 2 },
        { at = 12, what = "unbind", link = 1, for_s = 2 }, { at = 13, what = "cut_after", octets = 10, link = 1, for_s = 2 },
      },
    }
    assert.same({}, record.errors)
    assert.is_nil(record.unsettled)
    assert.is_nil(record.left)
    assert.is_true(record.results[1].accepted)
    assert.equal(2, #record.results[1].ids)
    assert.equal("ESME_RINVDSTADR", record.results[2].code)
    assert.same({ 1, 1, 3 }, { record.taken[1].number, record.taken[2].number, record.taken[3].number })
    assert.equal(2, #record.clients[1].receipts)
    assert.equal(record.replied[1].text, record.clients[1].texts[1])
  end))

  it("plays them through a gateway and beside a bot", async.virtual(function()
    for _, stored in ipairs { false, true } do
      local record = stage.play {
        seconds = 20, gateways = { { carriers = 2, window = 2, binds = 1, stored = stored or nil } }, bots = { { window = 2 } },
        clients = { { window = 2 }, { window = 1 } }, talks = { { at = 1 } },
        messages = {
          { at = 0, client = 1, to = 1, length = 300, receipt = true, state = "DELIVERED", after_s = 1 },
          { at = 1, client = 2, to = 2, length = 10, receipt = true, status = "ESME_RINVDSTADR", refusals = 1, state = "DELIVERED" },
        },
        replies = { { at = 3, client = 1, from = 1, length = 400 }, { at = 3, client = 2, from = 2, length = 10 } },
        faults = { { at = 0.5, what = "refuse", link = 1, for_s = 1 }, { at = 4, what = "reload", link = 1, for_s = 1 } },
      }
      assert.same({}, record.errors)
      assert.is_nil(record.unsettled)
      assert.is_nil(record.left)
      assert.same({ "esme1", 2 }, { record.taken[1].client, #record.taken })
      assert.equal(stored and "REJECTED" or nil, record.results[2].ids[1] and record.states[record.results[2].ids[1]])
      assert.equal(not stored and "ESME_RINVDSTADR" or nil, record.results[2].code)
      assert.same({ 2, stored and 1 or 0 }, { #record.clients[1].receipts, #record.clients[2].receipts })
      assert.same({ record.replied[1].text, record.replied[2].text }, { record.clients[1].texts[1], record.clients[2].texts[1] })
      assert.is_true(record.carriers[1].most > 0)
      assert.same({ 1, 1 }, { record.talks:count(1) })
      assert.is_nil(record.talks.wrong)
    end
  end))
end)
