local late = require "spec.support.late_store"
local mc = require "spec.support.mc"
local stores = require "smpp.store"
local with = require "spec.support.receivers"

describe("smpp.server.outbound: a message", function()
  it("with a misspelt field raises at once, where the call stands", function()
    with({}, function(_, server)
      for text, fields in pairs {
        ["deliver: shrt_message: no such parameter or TLV in deliver_sm; did you mean short_message?"] = { shrt_message = "x" },
        ["deliver: message_id: no such parameter or TLV in deliver_sm"] = { message_id = "1" }, -- of other PDUs
        ["deliver: short_message: no such parameter or TLV in data_sm"] = { command = "data_sm", short_message = "x" },
        ["deliver: unknown option 'txt'; did you mean 'text'?"] = { from = "1", to = "2", txt = "x" },
        ["deliver: unknown option 'shrt_message'; did you mean 'short_message'?"] = { to = "2", shrt_message = "x" },
        ["deliver: expected (system_id, { from =, to =, text = })"] = "x",
      } do
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, err = pcall(function() server:deliver("a", fields) end)
        assert.is_false(ok)
        assert.equal(("outbound_spec.lua:%d: %s"):format(line, text), err:match "[^/]*$")
      end
      assert.equal(0, server.outbound.waiting)
      assert(server:deliver("a", { short_message = "x", tlvs = { { 0x1400, "x" } } }))
    end)
  end)

  it("waits for a receiver, and a transmitter is none", function()
    with({}, function(w, server, receiver, put)
      local silent = receiver { type = "transmitter" }
      put("1", "2", "3")
      w:sleep(3600)
      assert.equal(3, server.outbound.waiting)
      local got = receiver()
      w:sleep(0.1)
      assert.same({ "1", "2", "3" }, got)
      put "4"
      w:sleep(0.1)
      assert.same({ "1", "2", "3", "4" }, got)
      assert.same({}, silent)
      assert.equal(0, server.outbound.waiting)
    end)
  end)

  it("waits while sending is paused, and what was sent is acknowledged", function()
    with({}, function(w, server, receiver, put)
      local got = receiver()
      server:pause_sending(true)
      put("1", "2")
      w:sleep(60)
      assert.same({}, got)
      assert.equal(2, server.outbound.waiting)
      server:pause_sending(false)
      w:sleep(0.1)
      assert.same({ "1", "2" }, got)
      put "3"
      w:sleep(0.1)
      assert.equal(0, server.outbound.waiting)
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
      assert.equal("queue full: 25000 messages queued for a (queue_limit)", message)
      assert.equal("queue_full", code)
      assert.is_true(server:deliver("b", { short_message = "another account" }))
      w:sleep(48 * 3600 - 1)
      assert.equal(25001, server.outbound.waiting)
      assert.same({}, gone)
      w:sleep(3)
      assert.equal(0, server.outbound.waiting)
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
      assert.same({ nil, "queue full: 5 messages queued (max_waiting)", "queue_full" }, { ok, message, code })
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
      assert.same({ 10, 0 }, { #got, server.outbound.waiting })
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

  it("is sent again, in order, when a session was lost", function()
    with({}, function(w, server, receiver, put)
      local first, esme = receiver { answer = function() w:sleep(60) end }
      put("1", "2", "3")
      w:sleep(1)
      put "4"
      assert.equal(4, server.outbound.waiting)
      w:sleep(1)
      assert.same({ "1", "2", "3", "4" }, first)
      esme:close()
      w:sleep(1)
      assert.equal(4, server.outbound.waiting)
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
      assert.equal(0, server.outbound.waiting)
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

  it("is given up when it got too old on its way", function()
    for _, window in ipairs { 1, 10 } do -- the young one waits, or is on its way, too
      with({ keep_s = 100, deliver_window = window }, function(w, server, receiver)
        local results = {}
        local _, esme = receiver { answer_timeout_s = 1000, answer = function() w:sleep(100) end }
        w:sleep(1)
        server:deliver("a", { short_message = "x" }, { done = function(...) results[#results + 1] = { ... } end })
        w:sleep(98)
        assert.equal(1, server.outbound.waiting)
        server:deliver("a", { short_message = "young" })
        w:sleep(3)
        assert.same({}, results) -- under way: its answer or its loss decides
        esme:close()
        w:sleep(1)
        assert.same({ { false, "timeout" } }, results)
        assert.equal(1, server.outbound.waiting)
        w:sleep(98)
        assert.equal(0, server.outbound.waiting)
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
      local function done(...) results[#results + 1] = { ... } end
      local ok, message, code = server:deliver("a", { short_message = ("x"):rep(300) }, { done = done })
      assert.same({ nil, "too_long" }, { ok, code })
      assert.matches("short_message", message)
      put "next"
      w:sleep(1)
      assert.same({ "next" }, got)
      assert.same({}, results)
      assert.equal(0, server.outbound.waiting)
      local raised
      raised, message = pcall(function() server:deliver("a", { short_mesage = "x" }) end)
      assert.is_false(raised)
      assert.matches("outbound_spec.*did you mean short_message", message)
    end)
  end)

  it("needs an account, and a server that is not closing", function()
    with({}, function(_, server)
      local ok, message, code = server:deliver("nobody", { short_message = "x" })
      assert.same({ nil, "unknown account: nobody", "bad_value" }, { ok, message, code })
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
      assert.same({ 0, 5 }, { server.outbound.waiting, #w.errors })
    end)
  end)

  --- Messages that wait, are put off, and are on their way; `over` are those that are over, as "text code".
  local function three_kinds(server, receiver, w)
    local over = {}
    local function hand(...)
      for _, text in ipairs { ... } do
        server:deliver("a", { short_message = text }, { done = function(ok, code)
          over[#over + 1] = text .. " " .. (ok and "ok" or code) .. (ok == nil and " perhaps" or "")
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
      local left = server:close(4) -- "never" is with a receiver, which may have taken it
      assert.same({ 1, 4 }, { left.unacknowledged, left.waiting })
      assert.same({ "slow ok", "never connection_lost perhaps", "later closed", "a closed", "b closed", "c closed" }, over)
      assert.equal(4, server:close().waiting)
      w:sleep(1000)
      assert.equal(6, #over)
    end)
  end)

  it("is counted once when its receiver is lost while the server closes", function()
    with({ deliver_window = 2 }, function(w, server, receiver)
      local over = {}
      receiver { answer = function() w:sleep(1000) end, answer_timeout_s = 1000 }
      for _, text in ipairs { "a", "b", "c" } do
        server:deliver("a", { short_message = text }, { done = function(ok, code) over[#over + 1] = ("%s %s %s"):format(text, tostring(ok), code) end })
      end
      w:sleep(1)
      w.loop:defer(function() server.sessions[1]:reset "the line broke" end)
      local left = server:close(4)
      assert.same({ 2, 1, 0 }, { left.unacknowledged, left.waiting, left.sessions })
      assert.same({ "a nil connection_lost", "b nil connection_lost", "c false closed" }, over)
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
      assert.equal(0, server.outbound.waiting)
    end)
  end)
end)

describe("smpp.server.outbound: what waits in a store", function()
  local ACCOUNTS = { a = "secret", b = "secret" }

  local function stored(store) return #assert(stores.find(store, { kind = "outbound", limit = 100000 })) end

  local function receiver(w, id, got, answer)
    return assert(w:bind { system_id = id, type = "receiver", answer_timeout_s = 1000, deliver_sm = function(_, pdu)
      got[#got + 1] = pdu.short_message
      if answer then return answer(pdu) end
    end })
  end

  it("is there after a restart, in order, before what comes then; what a receiver had when it ended comes again", function()
    mc.world(function(w)
      local store, got, codes = stores.memory(), {}, {}
      local server = w:server { accounts = ACCOUNTS, store = store }
      local esme = receiver(w, "a", got, function() w:sleep(100) end)
      for i = 1, 150 do
        server:deliver("a", { short_message = tostring(i) }, { done = function(_, code) codes[code] = (codes[code] or 0) + 1 end })
      end
      server:deliver("b", { short_message = "b" })
      w:sleep(1)
      assert.equal(10, #got)
      local left = server:close(1)
      assert.same({ 10, 141 }, { left.unacknowledged, left.waiting })
      assert.same({ connection_lost = 10, closed = 140 }, codes)
      assert.equal(151, stored(store))
      esme:close()

      server, got = w:server { accounts = ACCOUNTS, store = store }, {}
      server:deliver("a", { short_message = "new" })
      w:sleep(0.1)
      assert.equal(152, server.outbound.waiting)
      receiver(w, "a", got)
      w:sleep(1)
      assert.same({ 151, "1", "150", "new" }, { #got, got[1], got[150], got[151] })
      assert.equal(1, stored(store))
      receiver(w, "b", got)
      w:sleep(1)
      assert.equal(0, stored(store))
      server:close()
      assert.same({}, w.errors)
    end)
  end)

  it("waits for an account that is not configured, and is given up when it is too old", function()
    mc.world(function(w)
      local store, got = stores.memory(), {}
      local server = w:server { accounts = ACCOUNTS, store = store, keep_s = 1000 }
      server:deliver("a", { short_message = "a" })
      server:deliver("b", { short_message = "b" })
      server:close()
      w:sleep(500)
      server = w:server { accounts = { b = "secret" }, store = store, keep_s = 1000 }
      w:sleep(0.1)
      assert.same({ "the store has messages for unknown account a" }, w.errors)
      assert.same({ 1, 2 }, { server.outbound.waiting, stored(store) })
      server:set_accounts(ACCOUNTS)
      receiver(w, "a", got)
      w:sleep(1)
      assert.same({ { "a" }, 1 }, { got, stored(store) })
      w:sleep(600)
      assert.same({ 0, 0 }, { server.outbound.waiting, stored(store) })
      server:close()
    end)
  end)

  it("may be in a store that completes later", function()
    mc.world(function(w)
      local is_broken, got, results = false, {}, {}
      local store = late.new(w.loop, { fails = function() return is_broken end })
      local server = w:server { accounts = ACCOUNTS, store = store }
      local function deliver(text)
        return server:deliver("a", { short_message = text }, {
          stored = function(ok, _, code) results[#results + 1] = ok and "stored" or code end,
          done = function(ok, code) results[#results + 1] = ok and "done" or code end,
        })
      end
      for i = 1, 300 do assert.is_true(deliver(tostring(i))) end
      assert.same({}, results) -- not safe yet
      w:sleep(10)
      assert.equal(300, #results)
      receiver(w, "a", got)
      w:sleep(10)
      assert.same({ 300, "1", "300" }, { #got, got[1], got[300] })
      assert.same({ 600, 0, 0 }, { #results, server.outbound.waiting, stored(store) })
      is_broken, results = true, {}
      assert.is_true(deliver "lost")
      w:sleep(1)
      assert.same({ "store_failed", "store_failed" }, results)
      assert.equal(0, server.outbound.waiting)
      assert.equal(300, #got)
      server:close()
    end)
  end)

  it("waits for no store again before it is sent, unless very many do", function()
    mc.world(function(w)
      local got, store = {}, late.new(w.loop, { delay = function() return 0.05 end })
      local server = w:server { accounts = ACCOUNTS, store = store }
      for i = 1, 3000 do assert(server:deliver("a", { short_message = tostring(i) })) end
      w:sleep(1)
      receiver(w, "a", got)
      w:sleep(0.2)
      assert.same({ 3000, "1", "3000" }, { #got, got[1], got[3000] })
      server:close()
    end)
  end)

  it("is in no store of the server's own while its octets are in memory", function()
    with({}, function(w, server, receiver, put)
      put("1", "2")
      assert.same({ 2, {} }, { server.outbound.waiting, (stores.find(server.store, { kind = "outbound" })) })
      local got = receiver()
      w:sleep(1)
      assert.same({ { "1", "2" }, 0 }, { got, server.outbound.waiting })
      local large = ("x"):rep(250)
      for _ = 1, 18000 do put(large) end
      local kept = stores.find(server.store, { kind = "outbound", limit = 20000 })
      w:sleep(100)
      assert.same({ 18002, 0, {} }, { #got, server.outbound.waiting, (stores.find(server.store, { kind = "outbound" })) })
      assert.is_true(#kept > 0 and #kept < 18000, tostring(#kept))
    end)
  end)

  it("is refused at once by a store in memory that is full", function()
    mc.world(function(w)
      local server = w:server { accounts = ACCOUNTS, store = stores.memory { max_octets = 3000 } }
      local taken = 0
      while server:deliver("a", { short_message = ("x"):rep(200) }) do taken = taken + 1 end
      assert.is_true(taken >= 5 and taken <= 10)
      local ok, _, code = server:deliver("a", { short_message = ("x"):rep(200) })
      assert.same({ nil, "queue_full", taken }, { ok, code, server.outbound.waiting })
      server:close()
    end)
  end)
end)

describe("smpp.server.outbound: a message for people", function()
  it("is composed, and a wrong key raises", function()
    mc.world(function(w)
      local server, got = w:server { accounts = { a = "secret" } }, {}
      w:bind { system_id = "a", deliver_sm = function(_, pdu) got[#got + 1] = pdu end }
      assert.is_true(server:deliver("a", { from = "+49151", to = "12345", text = "Hi" }))
      w:sleep(1)
      assert.same({ "49151", 1, "12345", "Hi" }, { got[1].source_addr, got[1].source_addr_ton, got[1].destination_addr, got[1].short_message })
      local ok, message = pcall(function() server:deliver("a", { from = "1", to = "2", text = "x", registered_delivry = 1 }) end)
      assert.is_false(ok)
      assert.matches("outbound_spec.*did you mean 'registered_delivery'", message)
      assert.is_false((pcall(function() server:deliver("a", { from = "1", to = "2", text = "x" }, { don = print }) end)))
      assert.equal("too_long", select(3, server:deliver("a", { from = "a name that is too long", to = "2", text = "x" })))
      server:close()
    end)
  end)
end)
