local few = require "spec.support.few"
local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local FILE = support.STORED_FILE
local submit, world, kept = support.submit, support.both, support.kept

describe("smpp.gateway.parked", function()
  local TWO = [[
    store "x.db"
    listen { port = 2775, accounts = { acme = "secret" } }
    carrier "a" { "smpp://me:x@localhost:2001" }
    carrier "b" { "smpp://me:x@localhost:2002", window = 50 }
    route { to = prefix "1", via = "a" }
    route { via = "b" }
  ]]

  local function fast(loop) return late.new(loop, { delay = function() return 0.001 end }) end

  --- Submits `n` messages, and waits until all are answered.
  local function many(acme, n, fields)
    local done = 0
    for i = 1, n do
      local o = { source_addr = "1", destination_addr = fields.to .. i, short_message = "x", schedule_delivery_time = fields.at,
        validity_period = fields.validity }
      acme:submit_sm(o, function(response) done = done + (response and 1 or 0) end)
    end
    while done < n do smpp.sleep(1) end
  end

  --- How many different numbers a carrier got; an error when one came twice.
  local function numbers(carrier)
    local seen, count = {}, 0
    for _, pdu in ipairs(carrier.got) do
      assert.is_nil(seen[pdu.destination_addr])
      seen[pdu.destination_addr], count = true, count + 1
    end
    return count
  end

  it("sends what is accepted while the messages of an earlier run are read", function()
    world(nil, function(w)
      local acme = w:customer()
      for i = 1, 20 do assert.truthy(submit(acme, { destination_addr = tostring(i) })) end
      local inner = w:kill()
      w.carriers[1].answer = nil
      w:start(support.reborn(w, inner, { delay = function() return 0.1 end }))
      acme = w:customer()
      for i = 21, 25 do assert.truthy(submit(acme, { destination_addr = tostring(i) })) end
      smpp.sleep(30)
      local seen, count = {}, 0
      for _, pdu in ipairs(w.carriers[1].got) do
        if not seen[pdu.destination_addr] then count = count + 1 end
        seen[pdu.destination_addr] = true
      end
      assert.equal(25, count)
      assert.equal(0, w.gateway.books.waiting.count)
    end, { carriers = { function() smpp.sleep(1000) end } })
  end)

  it("keeps what was on its way when it was killed, where after_crash says so", function()
    world(FILE:gsub("2001\"", "2001\", after_crash = 'hold'"), function(w)
      local id = submit(w:customer(), { registered_delivery = 1 })
      smpp.sleep(1)
      local inner = w:kill()
      w:start(support.reborn(w, inner))
      local acme = w:customer()
      smpp.sleep(100)
      assert.equal(1, #w.carriers[1].got)
      w:receipt(1, "unheard-of")
      smpp.sleep(1)
      assert.same({ "DELIVERED", true, 1 }, { kept(w, id).state, kept(w, id).maybe_twice, #acme.got })
    end, { carriers = { function() smpp.sleep(1000) end } })
  end)

  it("keeps or sends again as the carrier that had it says, though other carriers say otherwise", function()
    local refuse, stall = function() return nil, "ESME_RMSGQFUL" end, function() smpp.sleep(1000) end
    local options = { hold = ", after_crash = 'hold'", resend = "" }
    for _, case in ipairs {
      { a = "hold", b = "resend", answers = { stall, stall }, again = { 0, 1 } }, -- one message for each
      { a = "hold", b = "resend", answers = { refuse, stall }, via = { "a", "b" }, again = { 1, 0 } },
      { a = "resend", b = "hold", answers = { refuse, stall }, via = { "a", "b" }, again = { 0, 0 } },
      { a = "hold", b = "resend", answers = { refuse, stall }, via = { "a", "b" }, again = { 1, 0 }, at = "000000000001000R" },
    } do
      local text = TWO:gsub('2001"', '2001"' .. options[case.a]):gsub("window = 50", "breaker = false" .. options[case.b])
      if case.via then text = text:gsub('via = "a"', 'via = failover { "a", "b" }') end
      world(text, function(w)
        local acme = w:customer()
        assert.truthy(submit(acme, { destination_addr = "1", schedule_delivery_time = case.at }))
        if not case.via then assert.truthy(submit(acme, { destination_addr = "2" })) end
        smpp.sleep(5)
        local got = { #w.carriers[1].got, #w.carriers[2].got }
        assert.equal(1, got[2])
        local inner = w:kill()
        w.carriers[1].answer, w.carriers[2].answer = nil, nil
        w:start(support.reborn(w, inner))
        smpp.sleep(60)
        assert.same(case.again, { #w.carriers[1].got - got[1], #w.carriers[2].got - got[2] }, case.a .. " " .. case.b)
      end, { carriers = case.answers, count = 2 })
    end
  end)

  it("holds few messages in memory, however many wait", function()
    world([[
      store "x.db"
      listen { port = 2775, accounts = { acme = "secret" } }
      carrier "a" { "smpp://me:x@localhost:2001", window = 50 }
      route { via = "a" }
    ]], function(w)
      local acme, done = w:customer { window = 500 }, 0
      for i = 1, 1500 do
        acme:submit_sm({ source_addr = "1", destination_addr = tostring(i), short_message = "x" }, function(response)
          if response then done = done + 1 end
        end)
        if i % 200 == 0 then smpp.sleep(10) end
      end
      smpp.sleep(60)
      assert.equal(1500, done)
      assert.is_true(w.gateway.books.waiting.count <= 2000)
      w:carrier(1)
      smpp.sleep(300)
      local seen, count = {}, 0
      for _, pdu in ipairs(w.carriers[1].got) do
        assert.is_nil(seen[pdu.destination_addr])
        seen[pdu.destination_addr], count = true, count + 1
      end
      assert.equal(1500, count)
      assert.equal(0, w.gateway.books.waiting.count)
    end, { carriers = { false }, count = 1, store = function(loop) return late.new(loop, { delay = function() return 0.001 end }) end })
  end)

  it("lets what waits for one carrier, or for its time, stop nothing else", function()
    world(TWO, function(w)
      local acme = w:customer { window = 500, queue_limit = 10000 }
      many(acme, 1200, { to = "1" })
      many(acme, 1200, { to = "2", at = "000000010000000R" })
      assert.is_true(w.gateway.books.waiting.count <= 2000)
      local at = w.loop:now()
      assert.truthy(submit(acme, { destination_addr = "3" }))
      smpp.sleep(1)
      assert.same({ 1, true }, { #w.carriers[2].got, w.loop:now() - at < 2 })
      w:carrier(1)
      smpp.sleep(300)
      assert.equal(1200, numbers(w.carriers[1]))
      smpp.sleep(3300)
      assert.equal(1201, numbers(w.carriers[2]))
      assert.equal(0, w.gateway.books.waiting.count)
    end, { carriers = { false }, store = fast })
  end)

  it("lets a slow carrier stop no fast one", function()
    world(TWO, function(w)
      local acme = w:customer { window = 500, queue_limit = 10000 }
      many(acme, 1500, { to = "1" })
      many(acme, 500, { to = "2" })
      smpp.sleep(10)
      assert.equal(500, numbers(w.carriers[2]))
      assert.is_true(#w.carriers[1].got < 100)
    end, { carriers = { function() smpp.sleep(5) return "slow" end }, store = fast })
  end)

  it("keeps a carrier busy that takes less than is accepted", function()
    local COUNT, WINDOW = 3000, 500
    for answer_s, most_s in pairs(few({ [0.05] = 1.5, [0.2] = 2.5 }, { [0.2] = 2.5 })) do
      world(TWO:gsub("window = 50", "window = " .. WINDOW), function(w)
        local acme = w:customer { window = 1000, queue_limit = 10000 }
        for burst = 1, 3 do
          local at = w.loop:now()
          many(acme, COUNT, { to = "2" .. burst })
          while #w.carriers[2].got < burst * COUNT do smpp.sleep(0.1) end
          assert.is_true(w.loop:now() - at <= most_s, ("burst %d: %.1f s"):format(burst, w.loop:now() - at))
        end
        assert.equal(3 * COUNT, numbers(w.carriers[2]))
      end, { carriers = { false, function()
        smpp.sleep(answer_s)
        return "slow"
      end }, store = function(loop) return late.new(loop, { delay = function() return 0.05 end }) end })
    end
  end)

  it("ends those that wait in the store when their validity is over", function()
    world(TWO, function(w)
      local acme = w:customer { window = 500, queue_limit = 10000 }
      many(acme, 1100, { to = "1", validity = "000000000200000R" })
      smpp.sleep(1500)
      local list = stores.find(w.store, { kind = "message", open = true, limit = 1 })
      assert.same({}, list)
      w:carrier(1)
      smpp.sleep(100)
      assert.equal(0, #w.carriers[1].got)
    end, { carriers = { false }, store = fast })
  end)

  it("routes those that wait in the store anew, now and then", function()
    local by_day = TWO:gsub('route { to = prefix "1", via = "a" }', 'route { to = prefix "1", between = "22:00-23:00", zone = "+00:00", via = "a" }')
    world(by_day, function(w)
      local acme = w:customer { window = 500, queue_limit = 10000 }
      many(acme, 1100, { to = "1" })
      assert.equal(0, #w.carriers[2].got)
      smpp.sleep(2 * 3600)
      assert.equal(1100, numbers(w.carriers[2]))
    end, { carriers = { false }, store = fast })
  end)

  it("reads in vain now and then only, where an account may not use the carrier that is there", function()
    world([[
      store "x.db"
      listen { port = 2775, accounts = { acme = { password = "secret", carriers = { "a" } } } }
      carrier "a" { "smpp://me:x@localhost:2001" }
      carrier "b" { "smpp://me:x@localhost:2002" }
      route { via = failover { "a", "b" } }
    ]], function(w)
      local acme = w:customer { window = 500, queue_limit = 10000 }
      many(acme, 20, { to = "1" })
      local before = w.store.calls
      smpp.sleep(100)
      assert.is_true(w.store.calls - before < 40)
      w:carrier(1)
      smpp.sleep(70)
      assert.equal(20, numbers(w.carriers[1]))
    end, { carriers = { false }, store = fast })
  end)

  --- A gateway that starts where so many messages wait; fn(world, times of its searches for messages).
  local function with_waiting(count, fn)
    local inner, changes = stores.memory(), {}
    for i = 1, count do
      changes[i] = { op = "add", kind = "message", record = {
        key = tostring(i), id = tostring(i), state = "ENROUTE", system_id = "acme", source_addr = "1", destination_addr = "1" .. i, submitted = 0,
        expires = 4e9, registered_delivery = 0, octets = require("smpp.codec").codec.encode {
          command = "submit_sm", source_addr = "1", destination_addr = "1" .. i, short_message = "x",
        },
      } }
    end
    inner:commit(changes, function(ok, message) assert(ok, message) end)
    world(TWO, function(w)
      local found, find = {}, w.store.find
      function w.store:find(query, ...)
        if query.kind == "message" then found[#found + 1] = w.loop:now() end
        return find(self, query, ...)
      end
      fn(w, found)
    end, { carriers = { false }, store = function(loop) return late.new(loop, { inner = inner, delay = function() return 0.01 end }) end })
  end

  it("asks the rules of no message at the start, which may have millions that wait", function()
    with_waiting(3000, function(w)
      local decided, decide = 0, w.gateway.route.decide
      function w.gateway.route:decide(...)
        decided = decided + 1
        return decide(self, ...)
      end
      w.gateway.books.waiting.parked:start()
      assert.equal(0, decided)
      w:carrier(1)
      smpp.sleep(300)
      assert.equal(3000, numbers(w.carriers[1]))
    end)
  end)

  it("reads gently while messages come", function()
    with_waiting(10, function(w, found)
      local parked, is_busy = w.gateway.books.waiting.parked, true
      smpp.sleep(5)
      local inner = w.store.inner
      for i = 1, 3000 do -- in the store, as by another process
        inner:commit({ { op = "add", kind = "message", record = {
          key = "x" .. i, id = "x" .. i, state = "ENROUTE", system_id = "acme", source_addr = "1", destination_addr = "1", submitted = 0,
          expires = 4e9, carrier_id = "y", octets = "",
        } } }, function() end)
      end
      local acme = w:customer { window = 500, queue_limit = 10000 }
      for _ = 1, 200 do
        smpp.spawn(function()
          while is_busy do
            submit(acme, { destination_addr = "3" })
            smpp.sleep(0.001)
          end
        end)
      end
      smpp.sleep(0.1)
      local function pass_s()
        local from = #found
        parked:start()
        return found[#found] - found[from + 1], #found - from
      end
      local busy_s, pages = pass_s()
      assert.is_true(pages >= 7)
      is_busy = false
      smpp.sleep(1)
      local idle_s, more = pass_s()
      busy_s, idle_s = busy_s / (pages - 1), idle_s / (more - 1)
      assert.is_true(busy_s > 1.4 * idle_s, ("%.4f and %.4f s for a page"):format(busy_s, idle_s))
      assert.is_true(busy_s < idle_s + 0.03, ("%.4f and %.4f s for a page"):format(busy_s, idle_s)) -- or it would never end
    end)
  end)

  it("is not stopped by a record that cannot be read", function()
    local inner = stores.memory()
    inner:commit({ { op = "add", kind = "message", record = {
      key = "1", id = "1", state = "ENROUTE", system_id = "acme", source_addr = "1", destination_addr = "2", submitted = 0, expires = 4e9, octets = "x",
    } } }, function() end)
    world(TWO, function(w)
      local acme = w:customer()
      assert.truthy(submit(acme, { destination_addr = "2" }))
      smpp.sleep(1)
      assert.same({ 1, 1 }, { #w.carriers[2].got, #w:logged "failed" })
      assert.is_true(w.gateway.books.restored)
    end, { store = function(loop) return late.new(loop, { inner = inner }) end })
  end)
end)
