local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer, connect, submit = world.run, world.peer, world.connect, world.submit

local QUICK = { min_s = 1, max_s = 1, jitter = 0 }

--- When the client first left `bound`, and why.
local function lost(esme)
  for _, change in ipairs(esme.changes) do
    if change.from == "bound" then return change.at, change.reason end
  end
end

describe("dead connection", function()
  it("is noticed by an enquire_link without an answer, and replaced", function()
    run(function(loop)
      local answers = 2
      local mc = peer(loop, { enquire_link = function(session, pdu)
        answers = answers - 1
        if answers >= 0 or #session.rest > 0 then session:answer(pdu) end
      end })
      local esme = assert(connect { enquire_link_s = 20, enquire_link_response_s = 5, reconnect = QUICK })
      smpp.sleep(70)
      local at, reason = lost(esme)
      assert.equal(65, at) -- answered at 20 and 40, not at 60
      assert.equal("no enquire_link_resp in time", reason)
      assert.equal("bound", esme.state)
      assert.equal(2, #mc.attempts)
      esme:close()
      mc:close()
    end)
  end)

  it("is noticed when TCP is half open: nothing comes, nothing fails", function()
    run(function(loop)
      local links = {}
      loop:on_link(function(link) table.insert(links, link) end)
      local mc = peer(loop)
      local esme = assert(connect { enquire_link_s = 30, enquire_link_response_s = 10, reconnect = QUICK })
      links[1].a_to_b:stall()
      links[1].b_to_a:stall()
      local _, _, code = submit(esme) -- goes into the void, and is told of
      assert.equal("connection_lost", code)
      smpp.sleep(2)
      assert.equal(40, (lost(esme)))
      assert.equal("bound", esme.state)
      assert.truthy(submit(esme))
      esme:close()
      links[1]:cut()
      mc:close()
    end)
  end)

  it("is kept awake by enquire_link while nothing else happens", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { enquire_link_s = 30 })
      smpp.sleep(3600)
      assert.equal(119, mc:count "enquire_link")
      assert.equal(1, #mc.attempts)
      esme:close()
      mc:close()
    end)
  end)

  it("is noticed when the peer stalls inside a PDU", function()
    run(function(loop)
      local mc = peer(loop, { bind_transceiver = function(session, pdu)
        session:answer(pdu)
        session:write(("\0"):rep(3) .. "\32\0\0\0\5\0\0")
      end, enquire_link = false })
      local esme = assert(connect { pdu_read_s = 7, reconnect = QUICK })
      smpp.sleep(7.5)
      local at, reason = lost(esme)
      assert.equal(7, at)
      assert.equal("incomplete PDU: no more octets in time", reason)
      esme:close()
      mc:close()
    end)
  end)
end)

describe("timeouts", function()
  it("of responses end the request, not the session; a late response is no one else's", function()
    run(function(loop)
      local held = {}
      local mc = peer(loop, { submit_sm = function(_, pdu) table.insert(held, pdu) end })
      local esme = assert(connect { response_timeout_s = 8 })
      local started = loop:now()
      local _, message, code = submit(esme)
      assert.same({ 8, "timeout" }, { loop:now() - started, code })
      assert.truthy(message:find("outcome unknown", 1, true))
      assert.equal("bound", esme.state)
      local response
      smpp.spawn(function() response = submit(esme) end)
      smpp.sleep(1)
      mc.sessions[1]:answer(held[1], { message_id = "late" })
      smpp.sleep(1)
      assert.is_nil(response)
      mc.sessions[1]:answer(held[2], { message_id = "second" })
      smpp.sleep(1)
      assert.equal("second", response.message_id)
      assert.equal(1, #mc.attempts)
      esme:close()
      mc:close()
    end)
  end)

  it("of a wait leave the response to nobody, not to the next request of the same task", function()
    run(function(loop)
      local held = {}
      local mc = peer(loop, { submit_sm = function(_, pdu) table.insert(held, pdu) end })
      local esme = assert(connect())
      assert.equal("timeout", (select(3, submit(esme, nil, 1))))
      smpp.spawn(function()
        smpp.sleep(1)
        mc.sessions[1]:answer(held[1], { message_id = "first" })
        smpp.sleep(1)
        mc.sessions[1]:answer(held[2], { message_id = "second" })
      end)
      assert.equal("second", submit(esme).message_id)
      esme:close()
      mc:close()
    end)
  end)

  it("of binds end the attempt", function()
    run(function(loop)
      local answering = true
      local mc = peer(loop, { bind_transceiver = function(session, pdu)
        if answering then session:answer(pdu) end
      end })
      local esme = assert(connect { bind_timeout_s = 4, reconnect = QUICK })
      answering = false
      mc.sessions[1].close()
      smpp.sleep(21) -- an attempt every five seconds
      assert.equal(5, #mc.attempts)
      assert.equal(1, mc.most_open)
      assert.truthy(esme.changes[3].reason:find("no response to the bind", 1, true))
      esme:close()
      mc:close()
    end)
  end)

  it("of connecting end the attempt, too", function()
    run(function(loop)
      loop:blackhole("127.0.0.1", 2775)
      local started = loop:now()
      local esme, message, code = connect { connect_timeout_s = 3, bind_timeout_s = 20 }
      assert.same({ nil, "connect_failed", 3 }, { esme, code, loop:now() - started })
      assert.truthy(message:find("connection timed out", 1, true))
    end)
  end)

  it("of inactivity unbind, where they are asked for", function()
    run(function(loop)
      local mc = peer(loop)
      local esme = assert(connect { inactivity_s = 100, enquire_link_s = 30, reconnect = { min_s = 20, jitter = 0 } })
      smpp.sleep(50)
      assert(submit(esme))
      smpp.sleep(101)
      assert.equal("inactivity", (select(2, lost(esme))))
      assert.equal(150, (lost(esme)))
      assert.equal(1, mc:count "unbind")
      esme:close()
      mc:close()
    end)
  end)

  it("of a wait count from the call, through queue and window", function()
    run(function(loop)
      local mc = peer(loop, { submit_sm = false })
      local esme = assert(connect { window = 1 })
      local codes = {}
      for i = 1, 2 do
        smpp.spawn(function()
          local _, _, code = submit(esme, { destination_addr = tostring(i) }, 3)
          codes[i] = code .. " after " .. loop:now()
        end)
      end
      local called
      assert.is_true(submit(esme, { destination_addr = "3" }, 4, function(_, _, code) called = code .. " after " .. loop:now() end))
      smpp.sleep(5)
      assert.same({ "timeout after 3", "not_sent after 3" }, codes)
      assert.equal("not_sent after 4", called)
      assert.equal(1, mc:count "submit_sm")
      assert.equal(0, esme:stats().queued)
      esme:close(0)
      mc:close()
    end)
  end)
end)
