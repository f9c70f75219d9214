local mc = require "spec.support.mc"
local simulator = require "smpp.simulator"
local stores = require "smpp.store"
local with = require "spec.support.receivers"

--- What receivers get of 40 receipts: the first is slow, loses its session and leaves some in flight; the second refuses some for a
--- time; the third is of version 3.3.  `forget`: numbers of receipts that vanish from the store meanwhile.
local function receipts_of(has_drafts, forget)
  local got, left = {}, nil
  mc.world(function(w)
    local store = stores.memory()
    if not has_drafts then store.draft_due = false end
    local sim = w:server({ store = store, accounts = { esme1 = { password = "secret", deliver_window = 5, retry_s = 3 } } }, simulator.new)
    local refused = {}
    local function receiver(o)
      o.deliver_sm = function(_, pdu)
        got[#got + 1] = ("%s %s %s"):format(pdu.short_message:match "^id:(%d+)", pdu.short_message:match " stat:(%u+)", tostring(pdu.receipted_message_id))
        return o.answer(pdu)
      end
      return w:bind(o)
    end
    local first = receiver { answer = function() w:sleep(0.3) end }
    for i = 1, 40 do
      first:submit_sm { source_addr = "1", destination_addr = "2", registered_delivery = 1, short_message = "x", priority_flag = i % 2 }
    end
    w:sleep(2)
    first:close()
    for _, record in ipairs(stores.find(store, { kind = "outbound" })) do
      if forget[tonumber(record.octets:match "id:(%d+)")] then
        stores.commit(store, { { op = "remove", kind = "outbound", key = record.key } })
      end
    end
    local second = receiver { answer = function(pdu)
      local id = pdu.receipted_message_id
      if id % 5 == 0 and not refused[id] then
        refused[id] = true
        return nil, "ESME_RX_T_APPN"
      end
      w:sleep(0.1)
    end }
    w:sleep(0.35)
    second:close()
    local third = receiver { type = "receiver", interface_version = 0x33, answer = function() end }
    w:sleep(20)
    left = #stores.find(store, { kind = "outbound" })
    third:unbind()
    sim:close()
  end)
  return got, left
end

describe("smpp.server.dispatch: a message", function()
  it("goes round the receivers", function()
    with({}, function(w, _, receiver, put)
      local one, two, three = receiver(), receiver(), receiver { type = "transceiver" }
      put("1", "2", "3", "4", "5", "6")
      w:sleep(1)
      assert.same({ { "1", "4" }, { "2", "5" }, { "3", "6" } }, { one, two, three })
    end)
  end)

  it("goes round them whoever it belongs to, and whether they are slow", function()
    with({}, function(w, server, receiver)
      local slow, fast = receiver { answer = function() w:sleep(5) end }, receiver()
      for i = 1, 6 do
        server:deliver("a", { short_message = tostring(i) }, { session = server.sessions[1] })
        w:sleep(0.1)
      end
      assert.same({ { "1", "3", "5" }, { "2", "4", "6" } }, { slow, fast })
    end)
  end)

  it("goes to whom owes the fewest answers", function()
    with({ spread = "least_outstanding", deliver_window = 5 }, function(w, _, receiver, put)
      local slow, fast = receiver { answer = function() w:sleep(5) end }, receiver()
      for i = 1, 8 do
        put(tostring(i))
        w:sleep(0.1)
      end
      assert.same({ { "1" }, { "2", "3", "4", "5", "6", "7", "8" } }, { slow, fast })
    end)
  end)

  it("goes to its own bind while that lasts", function()
    with({ spread = "same_bind", deliver_window = 1 }, function(w, server, receiver)
      local one, first = receiver { answer = function() w:sleep(1) end }
      local two = receiver()
      local session = server.sessions[1]
      for i = 1, 3 do server:deliver("a", { short_message = "own" .. i }, { session = session }) end
      server:deliver("a", { short_message = "any" })
      w:sleep(0.5)
      assert.same({ { "own1" }, { "any" } }, { one, two })
      w:sleep(0.8)
      assert.same({ "own1", "own2" }, one)
      first:close()
      w:sleep(1)
      assert.same({ "any", "own2", "own3" }, two)
    end)
  end)

  it("stops flowing when too many are unanswered", function()
    with({ deliver_window = 3 }, function(w, server, receiver, put)
      local answers = {}
      local got = receiver { answer = function(_, n)
        while not answers[n] do w:sleep(0.1) end
      end }
      put("1", "2", "3", "4", "5")
      w:sleep(2)
      assert.equal(3, #got)
      answers[2] = true
      w:sleep(1)
      assert.same({ "1", "2", "3", "4" }, got)
      for i = 1, 5 do answers[i] = true end
      w:sleep(1)
      assert.equal(5, #got)
      assert.equal(0, server.outbound.waiting)
    end)
  end)

  it("goes on when what filled the window were requests of the session's own", function()
    with({ deliver_window = 2 }, function(w, server, receiver, put)
      local got = receiver { answer = function() w:sleep(5) end }
      for i = 1, 2 do server.sessions[1]:deliver_sm({ short_message = "own " .. i }, function() end) end
      put "kept"
      w:sleep(4)
      assert.same({ "own 1", "own 2" }, got)
      w:sleep(2)
      assert.same({ "own 1", "own 2", "kept" }, got)
    end)
  end)

  it("halts before a receiver whose queue is full: a second, then two", function()
    with({ retry_s = 0.1 }, function(w, _, receiver, put)
      local times = {}
      local got = receiver { answer = function(_, n)
        times[n] = w.loop:now()
        if n < 5 then return nil, n < 3 and "ESME_RMSGQFUL" or "ESME_RTHROTTLED" end
      end }
      put("1", "2")
      w:sleep(60)
      assert.equal(6, #got)
      assert.equal("2", got[6])
      local at = {}
      for i, time in ipairs(times) do at[i] = math.floor((time - times[1]) * 10 + 0.5) / 10 end
      assert.same({ 0, 0, 1, 1, 3, 3 }, at) -- two under way each time
    end)
  end)

  it("keeps its place before a receiver that is full, or goes to one that is not", function()
    for _, status in ipairs { "ESME_RMSGQFUL", "ESME_RTHROTTLED" } do
      with({ max_attempts = status == "ESME_RTHROTTLED" and 1 or nil }, function(w, _, receiver, put)
        local taken, is_full = {}, true
        local function answer(pdu)
          if is_full then return nil, status end
          taken[#taken + 1] = pdu.short_message
        end
        receiver { answer = answer }
        for i = 1, 15 do put(tostring(i)) end
        w:sleep(2)
        is_full = false
        w:sleep(2)
        assert.equal("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", table.concat(taken, " "))
        is_full = true
        put("16", "17")
        w:sleep(0.1)
        local other = receiver()
        w:sleep(0.1)
        assert.same({ "16", "17" }, other)
      end)
    end
  end)

  it("begins with a second again when the receiver has taken something", function()
    with({ retry_s = 0.1 }, function(w, _, receiver, put)
      local times = {}
      receiver { answer = function(_, n)
        times[n] = w.loop:now()
        if n ~= 3 then return nil, "ESME_RTHROTTLED" end
      end }
      put "1"
      w:sleep(5)
      put "2"
      w:sleep(1.5)
      assert.near(1, times[2] - times[1], 0.01)
      assert.near(2, times[3] - times[2], 0.01)
      assert.near(1, times[5] - times[4], 0.01)
    end)
  end)

  it("that is a receipt which the store has drafted goes as any other does, whatever happens to the receivers", function()
    local other, other_left = receipts_of(false, {})
    local got, left = receipts_of(true, {})
    assert.is_true(#got >= 40 and got[#got]:find " nil$" ~= nil)
    assert.same({ other, other_left, 0 }, { got, left, left })
    local gone = 0
    got, left = receipts_of(true, { [30] = true, [40] = true })
    for _, line in ipairs(got) do gone = gone + (line:find "^[34]0 " and 1 or 0) end
    assert.same({ 0, 0 }, { gone, left })
  end)
end)
