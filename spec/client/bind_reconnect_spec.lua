local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer, connect, submit = world.run, world.peer, world.connect, world.submit

--- The pauses between the attempts that a peer saw.
local function pauses(mc, first)
  local list = {}
  for i = first or 2, #mc.attempts do list[#list + 1] = mc.attempts[i] - mc.attempts[i - 1] end
  return list
end

--- A peer that takes the first bind and refuses the later ones.
local function refusing(loop, status)
  local binds = 0
  return peer(loop, { bind_transceiver = function(session, pdu)
    binds = binds + 1
    session:answer(pdu, binds > 1 and { status = status } or nil)
  end })
end

--- Loses the only session; the time from then to each later attempt.
local function attempts_after_loss(loop, mc, seconds)
  local lost_at = loop:now()
  mc.sessions[#mc.sessions].close()
  smpp.sleep(seconds)
  local list = {}
  for i = 2, #mc.attempts do list[#list + 1] = mc.attempts[i] - (i == 2 and lost_at or mc.attempts[i - 1]) end
  return list
end

describe("smpp.client.bind: an idle client", function()
  it("has no task, and nothing that only messages and receipts need, before and after it was bound again", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = { min_s = 2, max_s = 30, jitter = 0 } })
      local bind = esme.pool.binds[1]
      local function idle()
        return { bind.keeper, esme.sender.tracker, esme.inbox.reassembly, esme.inbox.make_receipt, bind.counters.latency }
      end
      assert.same({}, idle())
      assert.same({ 2 }, attempts_after_loss(loop, mc, 10))
      assert.equal("bound", esme.state)
      assert.same({}, idle())
      mc.sessions[#mc.sessions].close()
      smpp.sleep(0.1)
      assert.is_truthy(bind.keeper)
      smpp.sleep(10)
      assert.equal("bound", esme.state)
      esme:close()
      assert.is_nil(bind.keeper)
      mc:close()
    end)
  end)

  it("counts attempts anew after a session that lasted, and goes on counting after one that did not", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = { min_s = 2, max_s = 30, jitter = 0, stable_s = 60 } })
      local waits, lost_at = {}, nil
      for _, lasts_s in ipairs { 1, 1, 1, 100, 1 } do
        smpp.sleep(lasts_s)
        lost_at = loop:now()
        mc.sessions[#mc.sessions].close()
        smpp.sleep(50)
        waits[#waits + 1] = mc.attempts[#mc.attempts] - lost_at
      end
      assert.same({ 2, 4, 8, 2, 4 }, waits)
      esme:close()
      mc:close()
    end)
  end)
end)

describe("smpp.client.bind: back-off", function()
  it("doubles from its floor to its ceiling", function()
    run(function(loop)
      local mc = refusing(loop, "ESME_RSYSERR")
      local esme = assert(connect { reconnect = { min_s = 2, max_s = 30, jitter = 0 } })
      local waits = attempts_after_loss(loop, mc, 200)
      assert.same({ 2, 4, 8, 16, 30, 30, 30, 30, 30 }, waits)
      esme:close()
      mc:close()
    end)
  end)

  it("is shorter by chance, never below its share", function()
    run(function(loop)
      local mc = refusing(loop, "ESME_RSYSERR")
      local esme = assert(connect { reconnect = { min_s = 10, max_s = 10, jitter = 0.3 } })
      local waits = attempts_after_loss(loop, mc, 400)
      assert.is_true(#waits >= 40)
      local least, most = math.huge, 0
      for _, wait in ipairs(waits) do least, most = math.min(least, wait), math.max(most, wait) end
      assert.is_true(least >= 7 and most <= 10, least .. " " .. most)
      assert.is_true(most - least > 2, "no jitter to speak of")
      esme:close()
      mc:close()
    end)
  end)

  it("has sane defaults", function()
    run(function(loop)
      local mc = refusing(loop, "ESME_RSYSERR")
      local esme = assert(connect())
      local waits = attempts_after_loss(loop, mc, 1000)
      for i, wait in ipairs(waits) do
        local full = math.min(60, 2 ^ (i - 1))
        assert.is_true(wait >= full / 2 and wait <= full, ("%d: %g s"):format(i, wait))
      end
      assert.is_true(#waits >= 20)
      esme:close()
      mc:close()
    end)
  end)

  it("can be fixed", function()
    run(function(loop)
      local mc = refusing(loop, "ESME_RSYSERR")
      local esme = assert(connect { reconnect = { fixed_s = 30 } })
      assert.same({ 30, 30, 30 }, attempts_after_loss(loop, mc, 100))
      esme:close()
      mc:close()
    end)
  end)

  it("begins anew after a session that was stable, not after one that was not", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = { min_s = 1, max_s = 60, jitter = 0, stable_s = 50 } })
      local waits = {}
      for i = 1, 6 do
        smpp.sleep(i == 5 and 51 or 5)
        local lost_at = loop:now()
        mc.sessions[#mc.sessions].close()
        smpp.sleep(0.01)
        while esme.state ~= "bound" do smpp.sleep(0.01) end
        waits[i] = math.floor(loop:now() - lost_at + 0.5)
      end
      assert.same({ 1, 2, 4, 8, 1, 2 }, waits)
      esme:close()
      mc:close()
    end)
  end)
end)

describe("smpp.client.bind: a refused bind", function()
  for _, case in ipairs {
    { "ESME_RSYSERR", true }, { "ESME_RALYBND", true }, { "ESME_RTHROTTLED", true }, { "ESME_RBINDFAIL", true },
    { "ESME_RINVPASWD", false }, { "ESME_RINVSYSID", false }, { "ESME_RINVSYSTYP", false },
  } do
    local status, again = case[1], case[2]
    it(("with %s is %s"):format(status, again and "tried again" or "the end"), function()
      run(function(loop)
        local mc = refusing(loop, status)
        local esme = assert(connect { reconnect = { min_s = 1, max_s = 1 } })
        mc.sessions[1].close()
        smpp.sleep(100)
        assert.equal(again, #mc.attempts > 3, #mc.attempts .. " attempts")
        assert.equal(again and "waiting" or "closed", esme.state == "connecting" and "waiting" or esme.state)
        local reason = esme.changes[#esme.changes].reason
        assert.truthy(esme.changes[3].reason:find(status, 1, true), reason)
        if not again then
          assert.equal(2, #mc.attempts)
          assert.truthy(esme.esme_errors[#esme.esme_errors]:find(status, 1, true))
          assert.equal("closed", (select(3, submit(esme))))
        end
        esme:close()
        mc:close()
      end)
    end)
  end

  it("that cannot mend itself is the end at once, although it was to wait", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = function(session, pdu) session:answer(pdu, { status = "ESME_RINVPASWD" }) end })
      assert.equal("ESME_RINVPASWD", (select(3, connect { wait = true })))
      assert.equal(1, #mc.attempts)
      mc:close()
    end)
  end)

  it("gets more patience when the MC thinks that we are bound", function()
    run(function(loop)
      local mc = refusing(loop, "ESME_RALYBND")
      local esme = assert(connect { reconnect = { min_s = 1, max_s = 60, jitter = 0 } })
      assert.same({ 1, 15, 15, 15, 16, 32 }, attempts_after_loss(loop, mc, 100))
      esme:close()
      mc:close()
    end)
  end)
end)

describe("smpp.client.bind: without reconnection", function()
  it("there is one attempt, though it was to wait", function()
    run(function()
      assert.equal("connect_failed", (select(3, connect { wait = true, reconnect = false })))
    end)
  end)

  it("the last bind that is lost is the end, wherever others never were", function()
    run(function(loop)
      local mc = peer(loop, { port = 2777 })
      local esme = assert(connect { hosts = { "127.0.0.1:2776", "127.0.0.1:2777" }, binds = 2, reconnect = false })
      mc.sessions[1].close()
      smpp.sleep(1)
      assert.equal("closed", esme.state)
      mc:close()
    end)
  end)
end)

describe("smpp.client.bind: sockets", function()
  it("are one at a time for one bind, whatever happens", function()
    run(function(loop)
      -- Each connection ends in another way, or in none.
      local ends, n = { "close", "silent", "garbage", "unbind", "refuse", "half" }, 0
      local mc
      mc = peer(loop, { bind_transceiver = function(session, pdu)
        n = n + 1
        local how = ends[n % #ends + 1]
        if how == "silent" then return end
        session:answer(pdu, how == "refuse" and { status = "ESME_RSYSERR" } or nil)
        if how == "close" then session.close() end
        if how == "garbage" then session:write "GET / HTTP/1.1\r\n\r\n" end
        if how == "unbind" then session:send { command = "unbind", sequence_number = 1 } end
        if how == "half" then session.transport:shutdown() end
      end })
      local esme = assert(connect { wait = true, bind_timeout_s = 5, reconnect = { min_s = 0, max_s = 0 } })
      smpp.sleep(60)
      assert.is_true(#mc.attempts > 30, #mc.attempts .. " attempts")
      assert.equal(1, mc.most_open)
      esme:close()
      mc:close()
    end)
  end)

  it("of before are gone, even where the peer never closes its end", function()
    run(function(loop)
      local links, open, most = {}, 0, 0
      loop:on_link(function(link)
        table.insert(links, link)
        open = 0
        for _, other in ipairs(links) do open = open + (other.a.closed and 0 or 1) end
        most = math.max(most, open)
      end)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = { min_s = 0, max_s = 0 }, enquire_link_s = 1, enquire_link_response_s = 1 })
      for _ = 1, 5 do
        links[#links].b_to_a:stall()
        smpp.sleep(5)
        assert.equal("bound", esme.state)
      end
      assert.is_true(#links >= 6)
      assert.equal(1, most)
      esme:close()
      mc:close()
      smpp.sleep(1)
      for _, link in ipairs(links) do link:cut() end
    end)
  end)

  it("are none after close(): while it connects, binds, or waits for the next attempt", function()
    for _, moment in ipairs { "connect", "bind", "pause" } do
      run(function(loop)
        local binds = 0
        local mc = peer(loop, { bind_transceiver = function(session, pdu)
          binds = binds + 1
          if binds == 1 or moment == "pause" then session:answer(pdu) end
        end })
        local esme = assert(connect { reconnect = { min_s = 5, max_s = 5, jitter = 0 }, bind_timeout_s = 30 })
        if moment == "connect" then
          loop:on_link(function(link) link.a_to_b.latency_s, link.b_to_a.latency_s = 3, 3 end)
        end
        mc.sessions[1].close()
        smpp.sleep(moment == "pause" and 1 or 6)
        local expected = moment == "pause" and "waiting" or "connecting"
        assert.equal(expected, esme.state)
        assert.equal(moment == "bind" and 1 or 0, mc.open)
        esme:close()
        assert.equal("closed", esme.state)
        smpp.sleep(0.1)
        assert.equal(0, mc.open)
        for _, handle in ipairs(loop:handles()) do assert.are_not.equal("connect", handle.kind) end
        local links = #mc.attempts
        smpp.sleep(200)
        assert.equal(0, mc.open)
        assert.equal(moment == "connect" and links + 1 or links, #mc.attempts) -- one was on its way to the MC
        mc:close()
      end)
    end
  end)

  it("are none after a first connect that failed", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = false })
      local esme, _, code = connect { bind_timeout_s = 2 }
      assert.same({ nil, "timeout" }, { esme, code })
      smpp.sleep(1)
      assert.equal(0, mc.open)
      mc:close()
    end)
  end)
end)

describe("smpp.client.bind: hosts", function()
  it("are tried in turn, beginning with the last that worked", function()
    run(function(loop)
      local a, b = peer(loop, { port = 2776 }), peer(loop, { port = 2777 })
      local esme = assert(connect { "smpp://me:x@127.0.0.1:2776,127.0.0.1:2777", reconnect = { min_s = 1, jitter = 0 } })
      assert.same({ 1, 0 }, { #a.attempts, #b.attempts })
      a:close()
      smpp.sleep(1.5)
      assert.equal("127.0.0.1:2777", esme.session.host)
      a = peer(loop, { port = 2776 })
      b.sessions[1].close()
      smpp.sleep(3)
      assert.equal("127.0.0.1:2777", esme.session.host)
      assert.same({ 0, 2 }, { #a.attempts, #b.attempts })
      esme:close()
      a:close()
      b:close()
    end)
  end)

  it("are looked up anew for each attempt, and all their addresses are tried", function()
    run(function(loop)
      loop:declare("mc.example", { "10.0.0.1", "10.0.0.2" })
      local second = peer(loop, { host = "10.0.0.2" })
      local esme = assert(connect { "smpp://me@mc.example", reconnect = { min_s = 1, jitter = 0 } })
      assert.equal(1, #second.attempts)
      second:close()
      loop:declare("mc.example", { "10.0.0.9" })
      local moved = peer(loop, { host = "10.0.0.9" })
      smpp.sleep(2)
      assert.equal(1, #moved.attempts)
      assert.equal("bound", esme.state)
      moved.sessions[1].close()
      loop:declare("mc.example", nil)
      smpp.sleep(3)
      assert.truthy(esme.changes[#esme.changes].reason:find("mc.example", 1, true))
      loop:declare("mc.example", { "10.0.0.9" })
      smpp.sleep(10)
      assert.equal("bound", esme.state)
      esme:close()
      moved:close()
    end)
  end)

  it("after one that refuses for good are not asked: it may be counting", function()
    run(function(loop)
      local a = peer(loop, { port = 2776, bind_transceiver = function(session, pdu) session:answer(pdu, { status = "ESME_RINVPASWD" }) end })
      local b = peer(loop, { port = 2777 })
      assert.equal("ESME_RINVPASWD", (select(3, connect { "smpp://me:x@127.0.0.1:2776,127.0.0.1:2777" })))
      assert.same({ 1, 0 }, { #a.attempts, #b.attempts })
      a:close()
      b:close()
    end)
  end)

  it("that swallow everything cost no more than the time for an attempt", function()
    run(function(loop)
      loop:declare("mc.example", { "10.0.0.1", "10.0.0.2" })
      loop:blackhole("10.0.0.1", 2775)
      local mc = peer(loop, { host = "10.0.0.2" })
      local started = loop:now()
      local esme = assert(connect { "smpp://me@mc.example", bind_timeout_s = 8 })
      assert.equal(4, loop:now() - started)
      esme:close()
      mc:close()
    end)
  end)
end)

describe("smpp.client.bind: states", function()
  it("have a reason in words each", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { reconnect = { min_s = 1, jitter = 0 } })
      mc.sessions[1].close()
      smpp.sleep(0.5)
      mc:close()
      smpp.sleep(2)
      mc = peer(loop)
      smpp.sleep(20)
      mc.sessions[1]:write "\0\0\0\1"
      smpp.sleep(20)
      esme:close()
      local words = {}
      for i, change in ipairs(esme.changes) do words[i] = change.state .. ": " .. tostring(change.reason) end
      assert.same({
        "waiting: closed by the peer", "connecting: attempt 1 to bind as trx",
        "waiting: cannot connect to 127.0.0.1:2775: connection refused", "connecting: attempt 2 to bind as trx",
        "bound: bound to 127.0.0.1:2775", "waiting: invalid command_length: below 16", "connecting: attempt 3 to bind as trx",
        "bound: bound to 127.0.0.1:2775", "closing: closed by the user", "closed: closed by the user",
      }, words)
      mc:close()
    end)
  end)

  it("come with a pause of its own for each of many clients", function()
    run(function(loop)
      local mc = peer(loop)
      local clients = {}
      for i = 1, 20 do clients[i] = assert(connect()) end
      for _, session in ipairs(mc.sessions) do session.close() end
      smpp.sleep(1.1)
      local seen, distinct = {}, 0
      for _, wait in ipairs(pauses(mc, 21)) do
        if not seen[wait] then distinct = distinct + 1 end
        seen[wait] = true
      end
      assert.equal(40, #mc.attempts)
      assert.is_true(distinct >= 19, distinct .. " different pauses")
      for _, esme in ipairs(clients) do esme:close() end
      mc:close()
    end)
  end)
end)
