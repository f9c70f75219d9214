local rules = require "smpp.simulate.rules"

--- A record in which everything is right.
local function record()
  return {
    plan = {
      clients = { { window = 1, order = true, rate_per_s = 1 } },
      messages = { { at = 0, client = 1, to = 1, receipt = true }, { at = 1, client = 1, to = 1 }, { at = 2, client = 1, to = 1 } },
    },
    carriers = {}, centres = { {} }, errors = {}, unsettled = nil, left = nil, states = { a = "DELIVERED", b = "EXPIRED" },
    results = { { done = true, accepted = true, ids = { "a" } }, { done = true, accepted = true, ids = { "b" } }, { done = true, code = "not_sent", ids = {} } },
    taken = { { number = 1, part = 1, id = "a", client = "esme1" }, { number = 2, part = 1, id = "b", client = "esme1" } },
    replied = { { client = 1, text = "hi" } },
    clients = { {
      id = "esme1", o = { window = 1, rate_per_s = 1 }, most = 1, submit_times = { 0, 1 }, texts = { "hi" }, receipts = { { id = "a", state = "DELIVERED" } },
      stats = { queued = 0, queued_octets = 0, in_flight = 0 },
    } },
  }
end

--- What a bot has said to two phones, once each.
local function talks(o)
  local counts = { { 1, 1 }, { 1, 1 } }
  return {
    resend = o.resend, begun = { true, true }, said = { {}, {} }, repeats = { 0, 0 }, wrong = nil, counts = counts,
    count = function(_, index) return counts[index][1], counts[index][2] end,
  }
end

--- The same behind a gateway, whose carriers count ids by themselves.
local function relayed(o)
  local r = record()
  r.relay = { stored = o.stored or false, resend = false, unknown = 0, kept = { a = "DELIVERED", b = "EXPIRED" }, stats = { { queued = 0, queued_octets = 0, in_flight = 0 } } }
  r.carriers = { { id = "c1", o = { window = 2 }, most = 2 } }
  r.taken[1].id, r.taken[2].id = "1", "1"
  r.clients[1].receipts[1].number = 1
  for _, message in ipairs(r.plan.messages) do message.state = "DELIVERED" end
  return r
end

-- kind -> what breaks it
local BREAKS = {
  raised = function(r) r.errors[1] = "broken\nstack" end,
  unfinished = function(r) r.results[2].done = false end,
  unsettled = function(r) r.unsettled = "calls have not returned" end,
  accepted_not_taken = function(r) r.results[1].ids[1] = "x" end,
  not_sent_taken = function(r) r.taken[3] = { number = 3, part = 1, id = "c", client = "esme1" } end,
  taken_twice = function(r) r.taken[3] = { number = 2, part = 1, id = "c", client = "esme1" } end,
  unknown_message = function(r) r.taken[1].client = "esme2" r.clients[1].receipts = {} r.plan.messages[1].receipt = nil end,
  window = function(r) r.clients[1].most = 2 end,
  order = function(r) r.taken[1], r.taken[2] = r.taken[2], r.taken[1] end,
  rate = function(r) r.clients[1].submit_times = { 0, 0.1, 0.2, 0.3, 0.4 } end,
  receipt_lost = function(r) r.clients[1].receipts = {} end,
  receipt_wrong = function(r) r.clients[1].receipts[1].state = "EXPIRED" end,
  reply_lost = function(r) r.clients[1].texts = {} end,
  parts_mixed = function(r) r.clients[1].texts[2] = "hi ho" end,
  bot_silent = function(r)
    r.talks = talks { resend = true }
    r.talks.counts[2][2] = 0
  end,
  bot_twice = function(r)
    r.talks = talks {}
    r.talks.counts[2][1] = 2
  end,
  bot_mixed = function(r)
    r.talks = talks {}
    r.talks.wrong = "the phone 491 got the text 'x'"
  end,
  books = function(r) r.clients[1].stats.queued_octets = 5 end,
  left_open = function(r) r.left = "timer" end,
}

describe("smpp.simulate.rules", function()
  it("find nothing where all is right", function() assert.is_nil((rules.check(record()))) end)

  for _, rule in ipairs(rules.list) do
    it("find a violation of " .. rule.kind, function()
      local broken = record()
      BREAKS[rule.kind](broken)
      local kind, message = rules.check(broken, { [rule.kind] = true })
      assert.equal(rule.kind, kind)
      assert.equal("string", type(message))
      assert.is_nil(message:find "\n")
      assert.is_nil((rules.check(broken, {})))
    end)
  end

  it("know that a message of unknown outcome holds up no other, and may be taken late", function()
    local r = record()
    BREAKS.order(r)
    r.results[1].accepted, r.results[1].code = false, "not_sent"
    assert.equal("order", (rules.check(r, { order = true })))
    for _, code in ipairs { "timeout", "connection_lost" } do
      r.results[1].code = code
      assert.is_nil((rules.check(r, { order = true })))
    end
  end)

  it("know what a gateway may do with a message that it has accepted", function()
    for _, stored in ipairs { false, true } do
      local r = relayed { stored = stored }
      assert.is_nil((rules.check(r)))
      r.taken[1] = { number = 2, part = 1, id = "2", client = "esme1" }
      r.plan.clients[1].resend = true
      assert.equal("accepted_not_taken", (rules.check(r)))
      r.relay.kept.a, r.states.a, r.clients[1].receipts[1].state = "UNKNOWN", stored and "UNKNOWN" or nil, stored and "UNKNOWN" or "DELIVERED"
      assert.equal(not stored and "accepted_not_taken" or nil, (rules.check(r))) -- held until its validity ended
    end
    local r = relayed { stored = true }
    r.clients[1].receipts[1].number = 9
    assert.equal("receipt_wrong", (rules.check(r)))
    r = relayed { stored = true }
    r.carriers[1].most = 3
    assert.equal("window", (rules.check(r)))
    r = relayed {}
    r.relay.stats[1].in_flight = 1
    assert.equal("books", (rules.check(r)))
  end)

  it("let a bot repeat itself when a message came again that it could not recognize, or when it was told to", function()
    local r = record()
    r.talks = talks {}
    r.talks.counts[1], r.talks.repeats[1] = { 2, 1 }, 1
    assert.is_nil((rules.check(r)))
    r.talks = talks { resend = true }
    r.talks.counts[1] = { 3, 2 }
    assert.is_nil((rules.check(r)))
  end)
end)
