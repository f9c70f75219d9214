local smpp = require "smpp"
local world = require "spec.support.esme"

local run, server, connect, submit = world.run, world.server, world.connect, world.submit

--- Spawns n submits, to "1", "2" …; results by number: "ok" or the code.
local function spread(esme, n, fields)
  local results = {}
  for i = 1, n do
    smpp.spawn(function()
      local response, _, code = submit(esme, fields and fields(i) or { destination_addr = tostring(i) })
      results[i] = response and "ok" or code
    end)
  end
  return results
end

local function all(n, what)
  local list = {}
  for i = 1, n do list[i] = what end
  return list
end

describe("smpp.client.outbox: rate limit", function()
  it("is not used up by what finds the window full", function()
    run(function(loop)
      local s = server { submit_sm = function()
        smpp.sleep(0.01)
        return "x"
      end }
      local esme = assert(connect { rate_per_s = 1, burst = 10, window = 1 })
      local started, results = loop:now(), spread(esme, 10)
      while #results < 10 do smpp.sleep(0.01) end
      assert.is_true(loop:now() - started < 0.2, loop:now() - started)
      esme:close()
      s:close()
    end)
  end)

  it("holds for a client, over all its binds", function()
    for _, binds in ipairs { 1, 3 } do
      run(function(loop)
        local at = {}
        local s = server { submit_sm = function()
          table.insert(at, loop:now())
          return "x"
        end }
        local esme = assert(connect { binds = binds > 1 and binds or nil, rate_per_s = 20, burst = 5, [1] = world.URL })
        local started = loop:now()
        local results = spread(esme, 105)
        smpp.sleep(6)
        assert.same(all(105, "ok"), results)
        assert.is_true(math.abs(at[105] - started - 5) < 0.1, at[105] - started)
        for i = 1, 105 - 25 do assert.is_true(at[i + 25] - at[i] >= 0.99, "more than the rate at " .. i) end
        esme:close()
        s:close()
      end)
    end
  end)
end)

describe("smpp.client.outbox: refusal", function()
  for _, status in ipairs { "ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RLIMITEXCEED" } do
    it(("with %s makes a pause, after which all go in their order"):format(status), function()
      run(function(loop)
        local order, refuse, attempts_at = {}, 3, {}
        local s = server { submit_sm = function(_, pdu)
          if refuse > 0 then
            refuse = refuse - 1
            table.insert(attempts_at, loop:now())
            return nil, status
          end
          table.insert(order, tonumber(pdu.destination_addr))
          return "x"
        end }
        local esme = assert(connect { window = 1 })
        local results = {}
        for i = 1, 5 do
          smpp.spawn(function()
            local sent, _, code = esme:send { to = { addr = tostring(i), ton = 1, npi = 1 }, text = "x" }
            results[i] = sent and "ok" or code
          end)
        end
        smpp.sleep(0.5)
        assert.equal(1, #attempts_at)
        assert.is_true(esme:stats().links[1].paused_s > 0)
        smpp.sleep(30)
        assert.same({ 0, 1, 3 }, attempts_at) -- one second, then two, then four
        assert.same(all(5, "ok"), results)
        assert.same({ 1, 2, 3, 4, 5 }, order)
        assert.equal(3, esme:stats().retried)
        assert.equal(3, esme:stats().statuses[status])
        esme:close()
        s:close()
      end)
    end)
  end

  it("makes the pauses that retry asks for", function()
    run(function(loop)
      local at = {}
      local s = server { submit_sm = function()
        table.insert(at, loop:now())
        if #at == 6 then return "x" end
        return nil, "ESME_RSYSERR"
      end }
      local esme = assert(connect { retry = { min_s = 0.5, max_s = 3 } })
      assert(esme:send { to = "+491", text = "x" })
      assert.same({ 0, 0.5, 1.5, 3.5, 6.5, 9.5 }, at)
      esme:close()
      s:close()
    end)
  end)

  it("makes pauses of thirty seconds at most, and a short one again after a message was taken", function()
    for _, status in ipairs { "ESME_RTHROTTLED", "ESME_RSYSERR" } do
      run(function(loop)
        local at = {}
        local s = server { submit_sm = function()
          table.insert(at, loop:now())
          if #at == 9 or #at == 11 then return "x" end
          return nil, status
        end }
        local esme = assert(connect { retry = { attempts = 100, age_s = 1000 } })
        assert(esme:send { to = "+491", text = "x" })
        assert.same({ 0, 1, 3, 7, 15, 31, 61, 91, 121 }, at)
        assert(esme:send { to = "+491", text = "x" })
        assert.equal(1, at[11] - at[10])
        esme:close()
        s:close()
      end)
    end
  end)

  it("of all that is in flight is one pause, and not one upon the other", function()
    run(function()
      local refusing = true
      local s = server { submit_sm = function()
        if refusing then return nil, "ESME_RTHROTTLED" end
        return "x"
      end }
      local esme = assert(connect { window = 20 })
      local ok = 0
      for i = 1, 20 do smpp.spawn(function() if esme:send { to = "+49" .. i, text = "x" } then ok = ok + 1 end end) end
      smpp.sleep(0.5)
      refusing = false
      smpp.sleep(0.6)
      assert.equal(20, ok)
      assert.truthy(submit(esme))
      esme:close()
      s:close()
    end)
  end)

  it("that may pass is tried again later, while others go on", function()
    run(function()
      local order, refuse = {}, 2
      local s = server { submit_sm = function(_, pdu)
        if pdu.destination_addr == "2" and refuse > 0 then
          refuse = refuse - 1
          return nil, "ESME_RSYSERR"
        end
        table.insert(order, tonumber(pdu.destination_addr))
        return "x"
      end }
      local esme = assert(connect())
      for i = 1, 4 do
        smpp.spawn(function() assert(esme:send { to = { addr = tostring(i), ton = 1, npi = 1 }, text = "x" }) end)
      end
      smpp.sleep(0.5)
      assert.same({ 1, 3, 4 }, order)
      assert.equal(1, esme:stats().queued)
      smpp.sleep(5)
      assert.same({ 1, 3, 4, 2 }, order)
      esme:close()
      s:close()
    end)
  end)

  it("is tried again only so often, and only for so long", function()
    for _, status in ipairs { "ESME_RTHROTTLED", "ESME_RSYSERR" } do
      for _, case in ipairs {
        { { attempts = 3 }, 3, 3 }, { { attempts = 100, age_s = 10 }, 4, 7 }, { false, 1, 0 }, { { attempts = 1 }, 1, 0 },
      } do
        run(function(loop)
          local n = 0
          local s = server { submit_sm = function()
            n = n + 1
            return nil, status
          end }
          local esme = assert(connect { retry = case[1] })
          local started = loop:now()
          local sent, _, code = esme:send { to = "+491", text = "x" }
          assert.same({ nil, status }, { sent, code })
          assert.same({ case[2], case[3] }, { n, loop:now() - started })
          esme:close()
          s:close()
        end)
      end
    end
  end)

  it("is tried again however long the message had waited before", function()
    run(function()
      local s = server()
      local esme = assert(connect { reconnect = { fixed_s = 100 } })
      s:close()
      smpp.sleep(0.1)
      local refused = false
      s = server { submit_sm = function()
        if refused then return "x" end
        refused = true
        return nil, "ESME_RTHROTTLED" -- everybody comes back at the same time
      end }
      assert(esme:send { to = "+491", text = "x" })
      esme:close()
      s:close()
    end)
  end)

  it("for good is returned at once", function()
    run(function()
      local n = 0
      local s = server { submit_sm = function()
        n = n + 1
        return nil, "ESME_RINVDSTADR"
      end }
      local esme = assert(connect())
      assert.equal("ESME_RINVDSTADR", (select(3, esme:send { to = "+491", text = "x" })))
      assert.equal(1, n)
      esme:close()
      s:close()
    end)
  end)
end)

describe("smpp.client.outbox: queue", function()
  it("sends higher lanes first", function()
    run(function()
      local order = {}
      local s = server { submit_sm = function(_, pdu)
        table.insert(order, pdu.short_message)
        smpp.sleep(0.1)
        return "x"
      end }
      local esme = assert(connect { window = 1 })
      for i = 1, 5 do smpp.spawn(function() assert(esme:send { to = "+491", text = "campaign " .. i }) end) end
      for i = 1, 2 do smpp.spawn(function() assert(esme:send { to = "+491", text = "code " .. i, lane = 1 }) end) end
      smpp.sleep(2)
      assert.same({ "campaign 1", "code 1", "code 2", "campaign 2", "campaign 3", "campaign 4", "campaign 5" }, order)
      esme:close()
      s:close()
    end)
  end)

  it("sends higher lanes first although numbers have an order, and with what waits for the same number before them", function()
    run(function()
      local order = {}
      local s = server { submit_sm = function(_, pdu)
        table.insert(order, pdu.short_message)
        smpp.sleep(0.1)
        return "x"
      end }
      local esme = assert(connect { window = 1, order = "destination" })
      for i = 1, 9 do smpp.spawn(function() assert(esme:send { to = "+49" .. (i - 1) % 8, text = tostring(i) }) end) end
      smpp.spawn(function() assert(esme:send { to = "+497", text = "code", lane = 1 }) end)
      smpp.spawn(function() assert(esme:send { to = "+490", text = "code for who is being sent to", lane = 1 }) end)
      smpp.sleep(3)
      assert.same({ "1", "8", "code", "code for who is being sent to", "2", "3", "4", "5", "6", "7", "9" }, order)
      esme:close()
      s:close()
    end)
  end)

  it("waits through a lost session, with its order kept", function()
    run(function()
      local s, seen = server()
      local esme = assert(connect { reconnect = { min_s = 5, jitter = 0 } })
      s.sessions[1]:close()
      smpp.sleep(1)
      local results = spread(esme, 50)
      smpp.sleep(1)
      assert.equal(50, esme:stats().queued)
      smpp.sleep(5)
      assert.same(all(50, "ok"), results)
      for i = 1, 50 do assert.equal(tostring(i), seen.submits[i].destination_addr) end
      esme:close()
      s:close()
    end)
  end)

  it("forgets what nobody waits for any more, and says that it has drained", function()
    for _, order in ipairs { "none", "destination" } do
      run(function()
        local s = server()
        local esme = assert(connect { reconnect = { fixed_s = 1000 }, queue_limit = 10, order = order })
        s.sessions[1]:close()
        smpp.sleep(0.1)
        local drained = 0
        esme:on("drain", function() drained = drained + 1 end)
        for round = 1, 5 do
          for i = 1, 10 do assert.is_true(submit(esme, nil, 5 - i / 10, function() end), "round " .. round) end
          assert.is_false(submit(esme, nil, 5, function() end))
          smpp.sleep(6)
          assert.same({ 0, round }, { esme:stats().queued, drained })
        end
        assert.equal(50, esme:stats().not_sent)
        esme:close()
        s:close()
      end)
    end
  end)

  it("keeps to one message at a time per destination, on request, whatever is refused, lost and sent again", function()
    for _, binds in ipairs { 1, 4 } do
      run(function(loop)
        local order, count = {}, 0
        local s = server { submit_sm = function(session, pdu)
          count = count + 1
          local to = pdu.destination_addr
          if count % 19 == 0 then return session:close() end
          if count % 7 == 0 then return nil, count % 14 == 0 and "ESME_RTHROTTLED" or "ESME_RSYSERR" end
          smpp.sleep(loop:random())
          local list, n = order[to] or {}, tonumber(pdu.short_message)
          order[to] = list
          if list[#list] ~= n then table.insert(list, n) end -- sent again, for the session was lost meanwhile
          return "x"
        end }
        local esme = assert(connect { world.URL, binds = binds > 1 and binds or nil, order = "destination", on_unknown = "resend" })
        local done = 0
        for i = 1, 100 do
          smpp.spawn(function()
            assert(esme:send { to = { addr = tostring(i % 10), ton = 1, npi = 1 }, text = tostring(i) })
            done = done + 1
          end)
        end
        smpp.sleep(300)
        assert.equal(100, done)
        for to = 0, 9 do
          for i = 1, 10 do assert.equal(i * 10 - 10 + (to == 0 and 10 or to), order[tostring(to)][i]) end
        end
        assert.is_nil(next(esme.outbox.deferred))
        esme:close()
        s:close()
      end)
    end
  end)

  it("lets the parts of a text go together, before what was to be sent later", function()
    for _, order in ipairs { "none", "destination" } do
      run(function()
        local went, refused, status = {}, false, "ESME_RTHROTTLED"
        local s = server { submit_sm = function(_, pdu)
          local part = pdu.esm_class == 0x40 and pdu.short_message:byte(6)
          if part == 2 and not refused then
            refused = true
            return nil, status
          end
          table.insert(went, part and "part " .. part or pdu.short_message)
          smpp.sleep(0.1)
          return "x"
        end }
        local esme = assert(connect { order = order, window = 1 })
        for _, text in ipairs { ("x"):rep(400), "second", "third" } do
          smpp.spawn(function() assert(esme:send { to = "+491", text = text }) end)
        end
        smpp.sleep(5)
        assert.same({ "part 1", "part 2", "part 3", "second", "third" }, went)
        refused, status, went = false, "ESME_RINVDSTADR", {}
        for _, text in ipairs { ("x"):rep(400), "second" } do
          smpp.spawn(function() esme:send { to = "+491", text = text } end)
        end
        smpp.sleep(5)
        assert.same({ "part 1", "second" }, went)
        assert.is_nil(next(esme.outbox.deferred))
        esme:close()
        s:close()
      end)
    end
  end)

  it("raises for what is no request, and stays whole", function()
    run(function()
      local s = server()
      local esme = assert(connect { window = 1 })
      spread(esme, 3)
      assert.has_error(function() esme:submit_sm "x" end)
      assert.equal("bad_value", (select(3, submit(esme, { destination_addr = {} }))))
      assert.truthy(submit(esme))
      esme:close()
      s:close()
    end)
  end)
end)

describe("smpp.client.outbox: memory", function()
  it("is bounded when the MC does not read", function()
    run(function(loop)
      local link
      loop:on_link(function(new) link = link or new end)
      local s = server()
      local esme = assert(connect { window = 50, queue_limit = 200, enquire_link_s = 0, response_timeout_s = 0 })
      link.a_to_b.capacity = 4096
      link.a_to_b:stall()
      local accepted, refused = 0, 0
      for _ = 1, 5000 do
        if submit(esme, { destination_addr = "1", short_message = ("x"):rep(160) }, function() end) then
          accepted = accepted + 1
        else
          refused = refused + 1
        end
      end
      assert.same({ 250, 4750 }, { accepted, refused })
      smpp.sleep(10)
      assert.equal(50, esme:stats().in_flight)
      assert.is_true(link.a:pending() < 50 * 300, link.a:pending() .. " octets pending")
      local drained
      esme:on("drain", function() drained = true end)
      link.a_to_b:resume()
      smpp.sleep(1)
      assert.is_true(drained)
      assert.equal(0, esme:stats().queued)
      esme:close()
      s:close()
    end)
  end)

  it("is bounded on the other side by a word: an MC goes on reading, and answers ESME_RTHROTTLED", function()
    run(function()
      local s = server { max_unanswered = 4, submit_sm = function()
        smpp.sleep(5)
        return "x"
      end }
      local esme = assert(connect())
      local codes = {}
      for i = 1, 5 do
        smpp.spawn(function() codes[i] = select(3, submit(esme)) or "ok" end)
        smpp.sleep(0.1)
      end
      assert.equal("ESME_RTHROTTLED", codes[5])
      smpp.sleep(6)
      assert.same({ "ok", "ok", "ok", "ok", "ESME_RTHROTTLED" }, codes)
      esme:close()
      s:close()
    end)
  end)

  it("is bounded when the application does not keep up: reading stops, nothing is refused", function()
    run(function(loop)
      local link, most, handled = nil, 0, 0
      loop:on_link(function(new)
        link = link or new
        new.b_to_a.chunk = 500
      end)
      local s = server { window = 5000 }
      local release = {}
      local esme = assert(connect { max_unanswered = 40, message = function()
        local gate = { }
        table.insert(release, gate)
        while not gate.open do smpp.sleep(0.1) end
        handled = handled + 1
      end })
      local taken, refused = 0, 0
      for i = 1, 400 do
        s.sessions[1]:deliver_sm({ source_addr = "1", destination_addr = "2", short_message = "number " .. i }, function(response)
          if response then taken = taken + 1 else refused = refused + 1 end
        end)
      end
      smpp.sleep(1)
      assert.is_true(#release > 20 and #release < 40, #release .. " handlers run")
      assert.is_true(link.a.paused)
      local before = #release
      for i = 1, 3 do release[i].open = true end -- not enough to begin again
      smpp.sleep(5)
      assert.equal(before, #release)
      for _ = 1, 400 do
        smpp.sleep(0.2)
        most = math.max(most, esme.session:unanswered())
        for _, gate in ipairs(release) do gate.open = true end
      end
      assert.same({ 400, 0, 400 }, { taken, refused, handled })
      assert.is_true(most < 40, most .. " unanswered")
      assert.is_false(link.a.paused)
      esme:close()
      s:close()
    end)
  end)
end)

describe("smpp.client.outbox: queue_unbound = false", function()
  it("ends requests with not_sent while no bind is up, also those that wait for the window when it is lost", function()
    run(function(loop)
      local peer = world.peer(loop, { submit_sm = false })
      local client = world.connect { window = 1, queue_unbound = false }
      assert.is_true(client:is_ready())
      local codes = {}
      for i = 1, 3 do smpp.spawn(function() codes[i] = select(3, world.submit(client)) end) end
      smpp.sleep(1)
      assert.same({}, codes)
      peer:close()
      smpp.sleep(0.5)
      assert.same({ "connection_lost", "not_sent", "not_sent" }, codes)
      assert.is_false(client:is_ready())
      local _, message, code = world.submit(client)
      assert.same({ "no bind is up", "not_sent" }, { message, code })
      client:close(0)
    end)
  end)

  it("leaves what is queued where another bind is up", function()
    run(function(loop)
      local peer = world.peer(loop)
      local client = world.connect { binds = 2, window = 1, queue_unbound = false, rate_per_s = 1 }
      local done = 0
      for _ = 1, 4 do
        smpp.spawn(function()
          if world.submit(client) then done = done + 1 end
        end)
      end
      smpp.sleep(0.5)
      peer.sessions[1].close()
      smpp.sleep(10)
      assert.equal(4, done)
      client:close(0)
      peer:close()
    end)
  end)
end)

describe("smpp.client.outbox: request_queued", function()
  it("limits the time in the queue, not that of the response", function()
    run(function(loop)
      local peer = world.peer(loop, { submit_sm = function(session, pdu)
        smpp.spawn(function()
          smpp.sleep(5)
          session:answer(pdu, { message_id = "1" })
        end)
      end })
      local client, results = world.connect { window = 1 }, {}
      for i = 1, 2 do
        smpp.spawn(function()
          local response, _, code = client:request_queued(4, { destination_addr = "491" }, 2)
          results[i] = { response and response.message_id or code, loop:now() }
        end)
      end
      local start = loop:now()
      smpp.sleep(10)
      assert.same({ "1", 5, "not_sent", 2 }, { results[1][1], results[1][2] - start, results[2][1], results[2][2] - start })
      client:close(0)
      peer:close()
    end)
  end)
end)

describe("smpp.client.outbox: is_ready", function()
  it("is false while all binds back off", function()
    run(function()
      local server = world.server { submit_sm = function() return nil, "ESME_RTHROTTLED" end }
      local client = world.connect { retry = false }
      assert.is_true(client:is_ready())
      world.submit(client)
      assert.is_false(client:is_ready())
      smpp.sleep(2)
      assert.is_true(client:is_ready())
      client:close(0)
      server:close(0)
    end)
  end)
end)
