local esme = require "spec.support.esme"
local shops = require "spec.support.shop"
local smpp = require "smpp"
local turns = require "smpp.bot.turns"
local virtual = require "smpp.loop.virtual"

local FROM = "491761234567"

--- A bot and a message centre that is played by hand: fn(mc) with mc.deliver(text) -> the response's status, after how long.
local function played(o, fill, fn)
  esme.run(function(loop)
    local mc = { submits = {}, taken = true, loop = loop }
    local server = assert(smpp.server { port = 2775, answer_timeout_s = 1000, submit_sm = function(_, pdu)
      table.insert(mc.submits, pdu.short_message)
      if mc.hold_s then smpp.sleep(mc.hold_s) end
      if mc.refuse then return nil, mc.refuse end
      return tostring(#mc.submits)
    end })
    server:on("error", function() end)
    mc.server = server
    local given = { "smpp://me:secret@127.0.0.1:2775", reconnect = { fixed_s = 1 }, loop = loop, retry = false, response_timeout_s = 300 }
    for name, value in pairs(o or {}) do given[name] = value end
    local shop = shops.new(given, fill)
    assert(shop:start())
    smpp.sleep(1)
    function mc.session() return server.sessions[1] end
    function mc.send(text, done)
      mc.session():deliver_sm({
        source_addr = FROM, source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", short_message = text,
      }, 100, function(response, _, code) done(response and "ESME_ROK" or code, loop:now()) end)
    end
    function mc.deliver(text)
      local answer
      mc.send(text, function(status) answer = status end)
      smpp.sleep(0.5)
      return answer
    end
    fn(mc, shop)
    shop:stop(0)
    server:close(0)
  end)
end

describe("smpp.bot.turns: an acknowledgement", function()
  it("is sent when the reply was taken", function()
    played(nil, function(shop) shop:otherwise(function(chat) chat:say "reply" end) end, function(mc)
      mc.hold_s = 5
      local status, at
      local began = mc.loop:now()
      mc.send("x", function(...) status, at = ... end)
      smpp.sleep(4)
      assert.is_nil(status)
      smpp.sleep(2)
      assert.equal("ESME_ROK", status)
      assert.equal(5, at - began)
    end)
  end)

  it("is sent at each question, and at the end", function()
    played(nil, function(shop) shop:otherwise(function(chat) chat:say("got %s", chat:ask "Q?") end) end, function(mc)
      assert.equal("ESME_ROK", mc.deliver "x")
      assert.equal("ESME_ROK", mc.deliver "a")
      assert.same({ "Q?", "got a" }, mc.submits)
    end)
  end)

  it("is refused for the moment after answer_timeout_s, and the repeat gets that of the first, which runs once", function()
    local runs = 0
    played({ answer_timeout_s = 5 }, function(shop) shop:otherwise(function(chat)
      runs = runs + 1
      smpp.sleep(8)
      chat:say "done"
    end) end, function(mc)
      local first, second
      mc.send("x", function(status) first = status end)
      smpp.sleep(6)
      assert.equal("ESME_RX_T_APPN", first)
      mc.send("x", function(status) second = status end)
      smpp.sleep(1)
      assert.is_nil(second)
      smpp.sleep(2)
      assert.equal("ESME_ROK", second)
      assert.same({ 1, { "done" } }, { runs, mc.submits })
      mc.send("x", function() end) -- another, in earnest
      smpp.sleep(20)
      assert.equal(2, runs)
    end)
  end)

  it("of a repeat that comes when the first has ended is at once, within ten minutes", function()
    local runs = 0
    played({ answer_timeout_s = 5 }, function(shop) shop:otherwise(function()
      runs = runs + 1
      smpp.sleep(8)
    end) end, function(mc)
      mc.send("x", function() end)
      smpp.sleep(60)
      assert.same({ "ESME_ROK", 1 }, { mc.deliver "x", runs })
      mc.send("y", function() end)
      smpp.sleep(11 * 60)
      mc.send("y", function() end)
      smpp.sleep(1)
      assert.equal(3, runs)
      smpp.sleep(20)
    end)
  end)

  it("that was lost with its bind is sent again, without handling the message again", function()
    local runs = 0
    played(nil, function(shop) shop:otherwise(function(chat)
      runs = runs + 1
      chat:say "reply"
    end) end, function(mc)
      mc.hold_s = 3
      mc.send("x", function() end)
      smpp.sleep(1)
      mc.session():reset()
      smpp.sleep(5)
      mc.hold_s = nil
      assert.equal("ESME_ROK", mc.deliver "x")
      assert.equal(1, runs)
    end)
  end)

  it("that was on its way when the bind was lost is sent again, too", function()
    local runs = 0
    played(nil, function(shop) shop:otherwise(function() runs = runs + 1 end) end, function(mc)
      assert.equal("ESME_ROK", mc.deliver "x")
      mc.session():reset()
      smpp.sleep(3)
      assert.equal("ESME_ROK", mc.deliver "x")
      assert.equal(1, runs)
      assert.equal("ESME_ROK", mc.deliver "x") -- that was one repeat; this is another message
      assert.equal(2, runs)
    end)
  end)

  it("is given for what was refused for good: the message is handled", function()
    local got
    played(nil, function(shop) shop:otherwise(function(chat) got = { chat:say "reply" } end) end, function(mc)
      mc.refuse = "ESME_RINVDSTADR"
      assert.equal("ESME_ROK", mc.deliver "x")
      assert.same({ nil, "ESME_RINVDSTADR" }, { got[1], got[3] })
    end)
  end)

  it("is given for what has an unknown outcome: it counts as said", function()
    local got
    played({ response_timeout_s = 2 }, function(shop) shop:otherwise(function(chat) got = { chat:say "reply" } end) end, function(mc, shop)
      mc.hold_s = 100
      local status
      mc.send("x", function(s) status = s end)
      smpp.sleep(4)
      assert.equal("ESME_ROK", status)
      assert.same({ true, "timeout" }, { got[1].is_unknown, got[3] })
      assert.truthy(shops.logged(shop, "outcome unknown"))
    end)
  end)

  it("is refused for the moment while memory cannot be written, and the repeat only writes it", function()
    local fails, runs = true, 0
    local stores = require "smpp.store"
    local store = stores.memory()
    local commit = store.commit
    function store:commit(changes, done, context)
      if fails then return done(nil, "disk full", "store_failed", context) end
      return commit(self, changes, done, context)
    end
    played({ store = store }, function(shop) shop:otherwise(function(chat)
      runs = runs + 1
      chat.memory.n = runs
    end) end, function(mc)
      assert.equal("ESME_RX_T_APPN", mc.deliver "x")
      assert.equal("ESME_RX_T_APPN", mc.deliver "x")
      fails = false
      assert.equal("ESME_ROK", mc.deliver "x")
      assert.equal(1, runs)
      local record
      store:get("value", "m/" .. FROM, function(found) record = found end)
      assert.equal(1, record.value.n)
    end)
  end)
end)

describe("smpp.bot.turns", function()
  it("keeps nothing of messages that were answered long ago", function()
    local loop = virtual.new()
    local all = turns.new(loop)
    local session = { closed = false }
    for i = 1, 5000 do all:open(session, "key" .. i, 10):settle(true) end
    assert.is_nil(next(all.by_key))
    assert.is_true(#all.rings[session] <= 1000)
    local late = {}
    for i = 1, 100 do late[i] = all:open(session, "late" .. i, 10) end
    loop:advance(11)
    for i = 1, 100 do late[i]:settle(true) end
    assert.is_true(select(2, all:open(session, "late5", 10)))
    loop:advance(601)
    assert.is_false(select(2, all:open(session, "late6", 10)))
    local n = 0
    for _ in pairs(all.by_key) do n = n + 1 end
    assert.is_true(n <= 2, n)
  end)

  it("knows a repeat of what was handled after an unbind, when it could not be answered any more", function()
    local loop = virtual.new()
    local all, session = turns.new(loop), { closed = false, state = "BOUND_TRX" }
    local turn = all:open(session, "k", 10)
    session.state = "UNBOUND" -- and the connection stays
    turn:settle(true)
    loop:advance(60)
    session.closed = true
    all:lost()
    local again, is_repeated = all:open({ closed = false, state = "BOUND_TRX" }, "k", 10)
    assert.same({ turn, true }, { again, is_repeated })
    assert.is_true(again:answer())
  end)

  it("takes the same text twice for two messages while both binds live", function()
    local all, session = turns.new(virtual.new()), { closed = false }
    local one, is_first = all:open(session, "k", 10)
    local two, is_second = all:open(session, "k", 10)
    assert.same({ false, false }, { is_first, is_second })
    assert.are_not.equal(one, two)
    two:settle(true)
    one:settle(true)
    assert.is_nil(next(all.by_key))
  end)
end)
