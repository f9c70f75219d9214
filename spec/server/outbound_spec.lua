local mc = require "spec.support.mc"

--- A server with the account a, and a function that makes receivers which note the texts they get.
local function with(account, fn)
  mc.world(function(w)
    account.password = "secret"
    local server = w:server { accounts = { a = account, b = {} } }
    local function receiver(o)
      local got, fields = {}, { system_id = "a", type = "receiver" }
      fields.deliver_sm = function(_, pdu)
        got[#got + 1] = pdu.short_message
        if o and o.answer then return o.answer(pdu, #got) end
      end
      for name, value in pairs(o or {}) do fields[name] = value end
      fields.answer = nil
      return got, assert(w:bind(fields))
    end
    local function put(...)
      for _, text in ipairs { ... } do assert(server:deliver("a", { short_message = text })) end
    end
    fn(w, server, receiver, put)
    server:close()
  end)
end

describe("smpp.server.outbound: a message", function()
  it("waits for a receiver, and a transmitter is none", function()
    with({}, function(w, server, receiver, put)
      local silent = receiver { type = "transmitter" }
      put("1", "2", "3")
      w:sleep(3600)
      assert.equal(3, server.delivery.waiting)
      local got = receiver()
      w:sleep(0.1)
      assert.same({ "1", "2", "3" }, got)
      put "4"
      w:sleep(0.1)
      assert.same({ "1", "2", "3", "4" }, got)
      assert.same({}, silent)
      assert.equal(0, server.delivery.waiting)
    end)
  end)

  it("is kept for 48 hours, at most 25000 of an account", function()
    with({}, function(w, server, receiver)
      local gone = {}
      for i = 1, 25000 do
        local function done(ok, code) gone[#gone + 1] = { ok, code } end
        assert(server:deliver("a", { short_message = tostring(i) }, { done = i <= 2 and done or nil }))
      end
      local ok, message, code = server:deliver("a", { short_message = "one too many" })
      assert.is_nil(ok)
      assert.equal("25000 messages wait for a already", message)
      assert.equal("queue_full", code)
      assert.is_true(server:deliver("b", { short_message = "another account" }))
      w:sleep(48 * 3600 - 1)
      assert.equal(25001, server.delivery.waiting)
      assert.same({}, gone)
      w:sleep(3)
      assert.equal(0, server.delivery.waiting)
      assert.same({ { false, "timeout" }, { false, "timeout" } }, gone)
      local got = receiver()
      w:sleep(1)
      assert.same({}, got)
    end)
  end)

  it("is kept up to a limit for all accounts together, whoever they are", function()
    mc.world(function(w)
      local server = w:server { max_waiting = 5 }
      for i = 1, 5 do assert(server:deliver("account " .. i, { short_message = "x" })) end
      local ok, message, code = server:deliver("account 6", { short_message = "x" })
      assert.same({ nil, "5 messages wait already", "queue_full" }, { ok, message, code })
      assert.is_nil(server.accounts["account 6"])
      local esme = w:bind { system_id = "account 3", deliver_sm = function() end }
      w:sleep(1)
      assert.is_true(server:deliver("account 6", { short_message = "x" }))
      esme:unbind()
      w:sleep(1)
      assert.is_nil(server.accounts["account 3"])
      server:close()
      assert.same({}, server.accounts)
    end)
    with({ queue_limit = 2 }, function(w, server, receiver, put)
      local got = receiver()
      for _ = 1, 5 do
        put("x", "y") -- what was taken counts no longer
        w:sleep(1)
      end
      assert.same({ 10, 0 }, { #got, server.delivery.waiting })
    end)
  end)

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
      assert.equal(0, server.delivery.waiting)
    end)
  end)

  it("goes behind the answer of the handler that handed it over, also of one that had waited", function()
    mc.world(function(w)
      local server
      server = w:server { submit_sm = function(session, pdu)
        if pdu.short_message == "waits" then w:sleep(1) end
        assert(server:deliver(session.system_id, { short_message = "the receipt of " .. pdu.short_message }))
        return "id of " .. pdu.short_message
      end }
      local order, smpp = {}, require "smpp"
      local function bind(kind)
        local transport = w:transport()
        transport:start(function(octets)
          local at = 1
          while at <= #octets do
            local pdu
            pdu, at = assert(smpp.decode(octets, at))
            if pdu.command == "submit_sm_resp" then order[#order + 1] = pdu.message_id end
            if pdu.command == "deliver_sm" then order[#order + 1] = pdu.short_message end
          end
        end, function() end)
        transport:write(smpp.encode { command = kind, sequence_number = 1, system_id = "a", interface_version = 0x34 })
        w:sleep(0.1)
        return transport
      end
      local both, sender, receiver = bind "bind_transceiver", nil, nil
      local function submit(transport, ...)
        local octets = ""
        for _, text in ipairs { ... } do
          octets = octets .. smpp.encode { command = "submit_sm", sequence_number = 2, destination_addr = "1", short_message = text }
        end
        transport:write(octets)
        w:sleep(2)
      end
      submit(both, "1", "2")
      submit(both, "waits")
      both:close()
      w:sleep(0.1)
      assert.same({ "id of 1", "id of 2", "the receipt of 1", "the receipt of 2", "id of waits", "the receipt of waits" }, order)
      order = {}
      receiver, sender = bind "bind_receiver", bind "bind_transmitter"
      w:sleep(0.1)
      order = {} -- what was not acknowledged before
      submit(sender, "3")
      assert.same({ "id of 3", "the receipt of 3" }, order)
      sender:close()
      receiver:close()
      server:close(0)
    end)
  end)

  it("goes out still when the server is closed in the same turn", function()
    with({}, function(_, server, receiver, put)
      local got = receiver()
      put "last"
      assert.equal(0, server:close().waiting)
      assert.same({ "last" }, got)
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

  it("is sent again, in order, when a session was lost", function()
    with({}, function(w, server, receiver, put)
      local first, esme = receiver { answer = function() w:sleep(60) end }
      put("1", "2", "3")
      w:sleep(1)
      put "4"
      assert.equal(4, server.delivery.waiting)
      w:sleep(1)
      assert.same({ "1", "2", "3", "4" }, first)
      esme:close()
      w:sleep(1)
      assert.equal(4, server.delivery.waiting)
      put "5"
      local got = receiver()
      w:sleep(1)
      assert.same({ "1", "2", "3", "4", "5" }, got)
    end)
  end)

  it("is sent again when no answer came in time", function()
    with({}, function(w, server, receiver, put)
      local got = receiver { answer_timeout_s = 100, answer = function(_, n)
        if n == 1 then w:sleep(100) end
      end }
      put "1"
      w:sleep(60.5)
      assert.equal(1, #got) -- one that answers nothing gets nothing for a second
      w:sleep(1)
      assert.same({ "1", "1" }, got)
      assert.equal(0, server.delivery.waiting)
    end)
  end)

  it("moves on when its receiver unbinds", function()
    with({}, function(w, server, receiver, put)
      local one, first = receiver()
      local two = receiver()
      first:unbind()
      w:sleep(0.1)
      assert.equal(1, #server.accounts.a.receivers)
      put("1", "2")
      w:sleep(1)
      assert.same({ {}, { "1", "2" } }, { one, two })
    end)
  end)

  it("is tried again after a temporary refusal, so often and no more", function()
    with({ retry_s = 20, max_attempts = 3 }, function(w, server, receiver)
      local results = {}
      local got = receiver { answer = function(_, n)
        if n < 3 then return nil, "ESME_RX_T_APPN" end
      end }
      server:deliver("a", { short_message = "x" }, { done = function(...) results[#results + 1] = { ... } end })
      w:sleep(19)
      assert.equal(1, #got)
      w:sleep(2)
      assert.equal(2, #got)
      server:deliver("a", { short_message = "y" }) -- it is the message that was refused, not its receiver that is busy
      w:sleep(0.1)
      assert.equal("y", got[3])
      w:sleep(20)
      server:close()
      assert.same({ { true } }, results)
    end)
    with({ retry_s = 20, max_attempts = 3 }, function(w, server, receiver)
      local results = {}
      local got = receiver { answer = function() return nil, "ESME_RX_T_APPN" end }
      server:deliver("a", { short_message = "x" }, { done = function(...) results[#results + 1] = { ... } end })
      w:sleep(600)
      assert.equal(3, #got)
      assert.same({ { false, "ESME_RX_T_APPN" } }, results)
    end)
  end)

  it("is sent no more often to a receiver that never answers in time", function()
    with({ max_attempts = 3 }, function(w, server, receiver)
      local results = {}
      local got = receiver { answer_timeout_s = 5000, answer = function() w:sleep(2400) end }
      server:deliver("a", { short_message = "x" }, { done = function(...) results[#results + 1] = { ... } end })
      w:sleep(600)
      assert.equal(3, #got)
      assert.same({ { false, "timeout" } }, results)
    end)
  end)

  it("is given up when it is refused for good", function()
    with({}, function(w, server, receiver)
      local results = {}
      local got = receiver { answer = function() return nil, "ESME_RX_R_APPN" end }
      server:deliver("a", { short_message = "x" }, { done = function(...) results[#results + 1] = { ... } end })
      w:sleep(600)
      assert.equal(1, #got)
      assert.same({ { false, "ESME_RX_R_APPN" } }, results)
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

  it("is given up when it got too old on its way", function()
    for _, window in ipairs { 1, 10 } do -- the young one waits, or is on its way, too
      with({ keep_s = 100, deliver_window = window }, function(w, server, receiver)
        local results = {}
        local _, esme = receiver { answer_timeout_s = 1000, answer = function() w:sleep(100) end }
        w:sleep(1)
        server:deliver("a", { short_message = "x" }, { done = function(...) results[#results + 1] = { ... } end })
        w:sleep(98)
        assert.equal(1, server.delivery.waiting)
        server:deliver("a", { short_message = "young" })
        w:sleep(3)
        assert.same({}, results) -- under way: its answer or its loss decides
        esme:close()
        w:sleep(1)
        assert.same({ { false, "timeout" } }, results)
        assert.equal(1, server.delivery.waiting)
        w:sleep(98)
        assert.equal(0, server.delivery.waiting)
      end)
    end
  end)

  it("leaves nothing behind when it was acknowledged", function()
    with({}, function(w, server, receiver)
      receiver { answer = function() end }
      local function send(n)
        for i = 1, n do
          assert(server:deliver("a", { short_message = "x" }))
          if i % 100 == 0 then w:sleep(0.1) end
        end
        w:sleep(1)
        collectgarbage()
        collectgarbage()
        return collectgarbage "count"
      end
      local before = send(1000)
      assert.is_true(send(4000) - before < 300)
    end)
  end)

  it("may be a data_sm, and 3.3 receivers get no TLVs", function()
    with({}, function(w, server, receiver)
      local tlvs
      receiver { interface_version = 0x33, answer = function(pdu) tlvs = #pdu:tlvs() end }
      assert(server:deliver("a", { short_message = "x", receipted_message_id = "1", message_state = 2 }))
      w:sleep(1)
      assert.equal(0, tlvs)
      local payload
      w:bind { system_id = "b", data_sm = function(_, pdu)
        payload = pdu.message_payload
        return ""
      end }
      assert(server:deliver("b", { command = "data_sm", message_payload = "long" }))
      w:sleep(1)
      assert.equal("long", payload)
    end)
  end)

  it("follows new settings of its account at once", function()
    with({ queue_limit = 2, keep_s = 1000, deliver_window = 1 }, function(w, server, receiver, put)
      local results = {}
      local function set(o)
        o.password = "secret"
        server:set_accounts { a = o, b = {} }
      end
      put("1", "2")
      assert.equal("queue_full", select(3, server:deliver("a", { short_message = "3" })))
      set { queue_limit = 20, deliver_window = 3, keep_s = 500, max_attempts = 2, retry_s = 2 }
      put("3", "4", "5", "6")
      local first, slow = receiver { answer = function() w:sleep(10) end }
      w:sleep(1)
      assert.same({ "1", "2", "3" }, first)
      set { deliver_window = 5 }
      w:sleep(1)
      assert.same({ "1", "2", "3", "4", "5" }, first)
      w:sleep(20)
      slow:unbind()
      local function done(...) results[#results + 1] = { ... } end
      server:deliver("a", { short_message = "7" }, { done = done })
      set { keep_s = 100 }
      w:sleep(101)
      assert.same({ { false, "timeout" } }, results)
      local second = receiver { answer = function() return nil, "ESME_RX_T_APPN" end }
      server:deliver("a", { short_message = "8" }, { done = done })
      set { max_attempts = 2, retry_s = 2 }
      w:sleep(1)
      assert.same({ "8" }, second)
      w:sleep(2)
      assert.same({ { false, "timeout" }, { false, "ESME_RX_T_APPN" } }, results)
    end)
  end)

  it("is reported when it cannot be sent at all", function()
    with({}, function(w, server, receiver, put)
      local results = {}
      local got = receiver()
      server:deliver("a", { short_message = ("x"):rep(300) }, { done = function(...) results[#results + 1] = { ... } end })
      put "next"
      w:sleep(1)
      assert.same({ "next" }, got)
      assert.same({ { false, "too_long" } }, results)
      assert.matches("a message for a cannot be sent: .*short_message", w.errors[1])
    end)
  end)

  it("needs an account, and a server that is not closing", function()
    with({}, function(_, server)
      local ok, message, code = server:deliver("nobody", { short_message = "x" })
      assert.same({ nil, "no such account: nobody", "bad_value" }, { ok, message, code })
      assert.has_error(function() server:deliver "a" end)
      server:close()
      assert.equal("closed", select(3, server:deliver("a", { short_message = "x" })))
    end)
  end)

  it("goes on when `done` fails or waits", function()
    with({ deliver_window = 1, keep_s = 1000 }, function(w, server, receiver)
      local function hand(...)
        for _, text in ipairs { ... } do
          assert(server:deliver("a", { short_message = text }, { done = function()
            w:sleep(text == "2" and 5 or 0)
            error "in done"
          end }))
        end
      end
      local got, esme = receiver()
      hand("1", "2", "3")
      w:sleep(1)
      assert.same({ "1", "2", "3" }, got)
      assert.equal(2, #w.errors)
      assert.matches("in done", w.errors[1])
      esme:close()
      hand("4", "5")
      w:sleep(1100)
      assert.same({ 0, 5 }, { server.delivery.waiting, #w.errors })
    end)
  end)

  --- Messages that wait, are put off, and are on their way; `over` are those that are over, as "text code".
  local function three_kinds(server, receiver, w)
    local over = {}
    local function hand(...)
      for _, text in ipairs { ... } do
        server:deliver("a", { short_message = text }, { done = function(ok, code)
          over[#over + 1] = text .. " " .. (ok and "ok" or code)
        end })
      end
    end
    receiver { answer = function(pdu)
      if pdu.short_message == "later" then return nil, "ESME_RX_T_APPN" end
      w:sleep(pdu.short_message == "slow" and 3 or 1000)
    end, answer_timeout_s = 1000 }
    hand("never", "later", "slow")
    w:sleep(1)
    hand("a", "b", "c")
    w:sleep(1)
    return over
  end

  it("is counted, and given up, when the server closes", function()
    with({ deliver_window = 2, retry_s = 500 }, function(w, server, receiver)
      local over = three_kinds(server, receiver, w)
      assert.same({}, over)
      assert.equal(5, server:close(4).waiting)
      assert.same({ "slow ok", "never closed", "later closed", "a closed", "b closed", "c closed" }, over)
      assert.equal(5, server:close().waiting)
      w:sleep(1000)
      assert.equal(6, #over)
    end)
  end)

  it("is given up when its account is removed", function()
    with({ deliver_window = 2, retry_s = 500 }, function(w, server, receiver)
      local over = three_kinds(server, receiver, w)
      server:set_accounts { b = {} }
      w:sleep(0.1)
      assert.same({ "later closed", "a closed", "b closed", "c closed" }, over)
      assert.equal("bad_value", select(3, server:deliver("a", { short_message = "x" })))
      w:sleep(600)
      assert.same({ "later closed", "a closed", "b closed", "c closed", "slow ok", "never closed" }, over)
      assert.equal(0, server.delivery.waiting)
    end)
  end)
end)
