local matchers = require "smpp.route.matchers"
local routes = require "spec.support.routes"

local matches = routes.matches
local w = routes.words()

describe("smpp.route.matchers", function()
  it("compare what each of them names", function()
    for _, case in ipairs {
      { { account = "acme" }, { account = "acme" }, { account = "bank" } },
      { { account = { "acme", "bank" } }, { account = "bank" }, {} },
      { { bind = { "tx", "trx" } }, { bind = "tx" }, { bind = "rx" } },
      { { bind = "http" }, { bind = "http" }, { bind = "trx" } },
      { { carrier = "a" }, { carrier = "a", command = "deliver_sm" }, { carrier = "b", command = "deliver_sm" } },
      { { to = w.prefix "49" }, { destination_addr = "+4915" }, { destination_addr = "44" } },
      { { from = w.alphanumeric() }, { source_addr = "Shop", source_addr_ton = 5 }, { source_addr = "12345" } },
      { { from = "Shop", to = "49" }, { source_addr = "Shop", destination_addr = "49" }, { source_addr = "Shop", destination_addr = "44" } },
      { { service_type = { "WAP", "CMT" } }, { service_type = "CMT" }, {} },
      { { esm_class = 64 }, { esm_class = 64, short_message = "\0a" }, {} },
      { { protocol_id = { 1, 2 } }, { protocol_id = 2 }, { protocol_id = 3 } },
      { { tlv = { user_message_reference = true } }, { user_message_reference = 0 }, {} },
      { { tlv = { user_message_reference = false } }, {}, { user_message_reference = 7 } },
      { { tlv = { user_message_reference = 7, sar_total_segments = false } }, { user_message_reference = 7 }, { user_message_reference = 8 } },
      { { tlv = { [0x1400] = "abc" } }, { tlvs = { { 0x1400, "abc" } } }, { tlvs = { { 0x1400, "abd" } } } },
      { { coding = "ucs2" }, { data_coding = 8, short_message = "\0a" }, {} },
      { { coding = { 8, "latin1" } }, { data_coding = 3 }, { data_coding = 0 } },
      { { text = "^PRO%u+" }, { short_message = "PROMO" }, { short_message = "a PROMO" } },
      { { text = { "x", w.keyword "STOP" } }, { short_message = " stop it" }, { short_message = "do not stop" } },
      { { text = "ä" }, { short_message = "\0\228", data_coding = 8 }, { short_message = "a" } },
      { { parts = { 2, 3 } }, { message_payload = ("a"):rep(161) }, {} },
      { { length = { max = 2 } }, { short_message = "ab" }, { short_message = "abc" } },
      { { length = 3 }, { short_message = "abc" }, { short_message = "ab" } },
      { { all = { from = "1", to = "2" } }, { source_addr = "1", destination_addr = "2" }, { source_addr = "1", destination_addr = "3" } },
      { { all = { { from = "1" }, { to = "2" } } }, { source_addr = "1", destination_addr = "2" }, { source_addr = "3", destination_addr = "2" } },
      { { any = { from = "1", to = "2" } }, { source_addr = "1" }, { source_addr = "3" } },
      { { any = { { from = "1", to = "2" }, { from = "3" } } }, { source_addr = "3" }, { source_addr = "1", destination_addr = "3" } },
      { { any = { account = "a", { from = "1", to = "2" } } }, { account = "a" }, { source_addr = "1" } },
      { { ["unless"] = { from = "1", to = "2" } }, { source_addr = "1", destination_addr = "3" }, { source_addr = "1", destination_addr = "2" } },
      { { ["unless"] = { any = { from = "1", to = "2" } } }, { source_addr = "3", destination_addr = "3" }, { source_addr = "1", destination_addr = "3" } },
      { { when = function(msg) return msg.text == "Hi" and msg.to == "491" end }, {}, { short_message = "Ho" } },
    } do
      local message = matches(case[1], case[2])
      assert.is_true(message, require("smpp.route.words").of(case[1]) or next(case[1]))
      assert.is_false(matches(case[1], case[3]), next(case[1]))
    end
  end)

  it("know the time of the day and the day of the week, in a zone", function()
    local evening = routes.state { time = 21 * 3600 }
    assert.is_true(matches({ between = "20:00-08:00", zone = "UTC" }, {}, evening))
    assert.is_false(matches({ between = "20:00-08:00", zone = "UTC" }, {}))
    assert.is_true(matches({ between = { "01:00-02:00", "11:00-13:00" }, zone = "UTC" }, {}))
    assert.is_false(matches({ between = "20:00-22:00", zone = "+05:00" }, {}, evening))
    assert.is_true(matches({ days = "thu", zone = "UTC" }, {}, evening))
    assert.is_true(matches({ days = { "fri", "sat" }, zone = "+05:00" }, {}, evening))
    assert.is_false(matches({ days = { "fri", "sat" }, zone = "UTC" }, {}, evening))
    assert.is_true(matches({ all = { between = "20:00-22:00", zone = "UTC" } }, {}, evening))
  end)

  it("see tags of earlier rules", function()
    local rules = routes.compile { { to = "1", tag = { "a", "b" } }, { tagged = { "c", "b" }, drop = true } }
    assert.equal("drop", rules:decide(routes.message { destination_addr = "1" }, routes.state()).action)
    assert.equal("reject", rules:decide(routes.message { destination_addr = "2" }, routes.state()).action)
  end)

  it("match what is beyond a rate, for each account, number or carrier", function()
    local state = routes.state()
    local rules = routes.compile { { rate = { n = 2, per_s = 10, by = "to" }, reject = "ESME_RTHROTTLED" }, { drop = true } }
    local function go(to) return rules:decide(routes.message { destination_addr = to }, state).action end
    assert.same({ "drop", "drop", "reject", "drop" }, { go "1", go "1", go "1", go "2" })
    state.now = 5
    assert.same({ "drop", "reject" }, { go "1", go "1" })
  end)

  it("count for a rate only what the rest of the rule matches", function()
    local state = routes.state()
    local rules = routes.compile { { to = "1", text = "x", rate = { n = 1, per_s = 10 }, reject = "ESME_RTHROTTLED" }, { drop = true } }
    local function go(text) return rules:decide(routes.message { destination_addr = "1", short_message = text }, state).action end
    assert.same({ "drop", "drop", "drop", "reject" }, { go "y", go "y", go "x", go "x" })
  end)

  it("count a message once for a rate, also when it is routed again", function()
    local state = routes.state()
    local rules = routes.compile { { rate = { n = 1, per_s = 10 }, reject = "ESME_RTHROTTLED" }, { drop = true } }
    local function action(is_counted)
      local msg = routes.message {}
      msg.is_counted = is_counted
      return rules:decide(msg, state).action
    end
    assert.same({ "drop", "drop", "reject", "drop" }, { action(true), action(false), action(false), action(true) })
  end)

  it("forget keys of a rate that are full again, so that numbers do not fill the memory", function()
    local state = routes.state()
    local rules = routes.compile { { rate = { n = 1, per_s = 1, by = "to" }, reject = "ESME_RTHROTTLED" }, { drop = true } }
    local msg = routes.message {}
    local function go(to)
      msg.to = to
      return rules:decide(msg, state).action
    end
    for i = 1, 100000 do go(tostring(i)) end
    state.now = 10
    go "x"
    local slot = state.counters["route rate 1"]
    assert.equal(1, slot.count)
    local count = 0
    for _ in pairs(slot.keys) do count = count + 1 end
    assert.equal(1, count)
    assert.equal("reject", go "x")
  end)

  it("share messages by number, always in the same way, and one rule's share says nothing about another's", function()
    local first, both = 0, 0
    for i = 1, 2000 do
      local to = ("49176%05d"):format(i * 7)
      local a = matchers.percent_of(to, 1) < 30
      first = first + (a and 1 or 0)
      both = both + (a and matchers.percent_of(to, 2) < 50 and 1 or 0)
    end
    assert.is_true(first > 500 and first < 700, first)
    assert.is_true(both > 220 and both < 380, both)
    local rules = routes.compile { { share = { 30, by = "from" }, drop = true } }
    for _, from in ipairs { "1", "2", "3", "4", "5" } do
      local expected = matchers.percent_of(from, 1) < 30 and "drop" or "reject"
      for _ = 1, 2 do assert.equal(expected, rules:decide(routes.message { source_addr = from }, routes.state()).action) end
    end
  end)

  it("do not match where a function of the file fails, and report it", function()
    local errors = {}
    local state = routes.state { on_error = function(message) table.insert(errors, message) end }
    local rules = routes.compile { { when = function() error("oops", 0) end, drop = true } }
    assert.equal("reject", rules:decide(routes.message {}, state).action)
    assert.same({ "when: oops" }, errors)
  end)

  it("refuse other values, with a suggestion", function()
    for _, case in ipairs {
      { { account = 5 }, "account: expected a string or a list of names, got 5" },
      { { bind = "tr" }, 'bind: expected one of "trx", "tx", "rx", "http" or a list of bind types, got \'tr\'' },
      { { to = 49 }, "to: expected a number, a list, or prefix, prefixes, pattern, range, listed, alphanumeric …, got a number" },
      { { tlv = { user_mesage_reference = true } }, "tlv: unknown TLV 'user_mesage_reference'; did you mean 'user_message_reference'?" },
      { { tlv = {} }, "tlv: expected a table { name = value or true }, got a table" },
      { { text = "[" }, "text: invalid pattern: malformed pattern (missing ']')" },
      { { text = {} }, "text: expected a Lua pattern, keyword, or a list of these, got a table" },
      { { coding = "ucs" }, "coding: expected an integer from 0 to 255 or the name of an encoding or a list of encodings, got 'ucs'" },
      { { length = { 5, 2 } }, "length: expected a number or { min, max }" },
      { { between = "8-9" }, "between: expected HH:MM-HH:MM or a list of times, got '8-9'" },
      { { between = "08:00-09:00", zone = "x" }, "zone: expected a zone, as +01:00, got 'x'" },
      { { ["unless"] = { acount = "1" } }, "unknown option 'unless.acount'; did you mean 'unless.account'?" },
      { { any = {} }, "any: expected a table of matchers, or a list of these, got a table" },
      { { share = 101 }, true }, { { rate = { n = 0 } }, "rate.n: expected an integer >= 1, got 0" }, { { rate = {} }, "rate.n: missing" },
      { { carrier = "a" }, "unknown option 'carrier'" },
    } do
      case[1].drop = true
      local found = routes.mistakes { case[1] }
      if case[2] == true then assert.equal(1, #found) else assert.same({ "1: " .. case[2] }, found) end
    end
  end)
end)
