-- 24 hours of a gateway with a store, in virtual time: carriers that refuse, throttle, stall and are away for an hour, a full
-- disk, a customer that acknowledges nothing, reloads, kill -9; afterwards the books balance to the message.
local few = require "spec.support.few"
local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local HOUR_S = 3600
local CREDIT = 800
local BURST = 10 -- messages on their way at each kill

local FILE = [[
store "x.db"
gateway { queue_s = 5, remember_s = 10800 }
listen { port = 2775, accounts = { acme = { password = "secret", max_validity_s = 7200 }, bank = { password = "hidden", credit = 800, max_validity_s = 7200 } } }
carrier "a" { "smpp://me:x@localhost:2001", window = 5, response_timeout_s = 10, breaker = { failures = 3, within_s = 600, open_s = 60 } }
carrier "b" { "smpp://me:x@localhost:2002", window = 5, response_timeout_s = 10 }
route { to = prefix "1", via = failover { "a", "b" } }
route { to = prefix "2", via = balance { "a", "b" } }
route { via = least { "a", "b" } }
incoming { to = "1", deliver = "acme" }
incoming { deliver = "bank" }
]]

local PERMANENT, PASSING = { "ESME_RINVDSTADR", "ESME_RSUBMITFAIL" }, { "ESME_RTHROTTLED", "ESME_RSYSERR", "ESME_RMSGQFUL" }

-- What happens, from and until which second.
local function during(...)
  local spans = { ... }
  return function(now)
    for _, span in ipairs(spans) do
      if now >= span[1] * HOUR_S and now < span[2] * HOUR_S then return true end
    end
    return false
  end
end
local stalls, is_full, is_deaf = during { 5, 5.2 }, during({ 8, 8.1 }, { 16, 16.02 }), during { 11, 12 }

local function day(seed)
  local state = seed * 7919 % 2147483647
  local function random(most)
    state = state * 16807 % 2147483647
    return state % most + 1
  end
  local began, now
  local answered, unanswered, taken, order, mo, got, acked = {}, {}, {}, {}, {}, {}, {}
  local kills = 0

  local function carrier(k)
    return function(session, pdu)
      local dice, key = random(40), pdu.short_message
      if dice == 1 then return nil, PERMANENT[random(2)] end
      if dice <= 4 then return nil, PASSING[random(3)] end
      if dice == 5 then
        session:reset "cut"
        return
      end
      if dice <= 12 then smpp.sleep(random(40) / 10) end
      if not session:is_answerable(pdu) then return end
      taken[key] = (taken[key] or 0) + 1
      local id = ("%d-%d"):format(k, #order + 1)
      order[#order + 1] = { id = id, key = key, carrier = k, to = pdu.destination_addr, stat = random(10) == 1 and "UNDELIV" or "DELIVRD" }
      if dice == 40 or k == 2 and stalls(now()) then smpp.sleep(60) end -- it has it, and does not say so
      return id
    end
  end

  support.world(FILE, function(w)
    function now() return w.loop:now() - began end

    local function collect(account)
      return function(pdu)
        if account == "bank" and is_deaf(now()) then
          smpp.sleep(120)
          return nil, "ESME_RX_T_APPN"
        end
        local id = pdu.short_message:match "id:(%S+)"
        if id then
          local stat = pdu.short_message:match "stat:(%S+)"
          got[id] = got[id] or { count = 0, account = account, stat = stat }
          got[id].count = got[id].count + 1
          assert(got[id].account == account and got[id].stat == stat, "two states, or two customers, of " .. id)
        else
          local one = mo[pdu.short_message]
          one.got = one.got + 1
          assert(one.account == account, "an MO for another customer")
        end
        return true
      end
    end
    local customers
    local function bind()
      customers = {
        w:customer { window = 20, deliver_sm = collect "acme" },
        w:customer { url = "smpp://bank:hidden@localhost:2775", window = 20, deliver_sm = collect "bank" },
      }
    end
    --- A carrier brings something until it is acknowledged.
    local function bring(k, fields, done)
      smpp.spawn(function()
        for _ = 1, 400 do
          local session = w.carriers[k].server.sessions[1]
          if session and session:deliver_sm(fields) then return done and done() end
          smpp.sleep(30 + random(60))
        end
        error "it was never acknowledged"
      end)
    end
    local told = 0
    local function receipts()
      while order[told + 1] do
        told = told + 1
        local one = order[told]
        if random(50) > 1 then -- else it never comes
          for _ = 1, random(20) == 1 and 2 or 1 do -- now and then twice
            bring(one.carrier, {
              source_addr = one.to, destination_addr = "12345", esm_class = 4,
              short_message = ("id:%s stat:%s err:000"):format(one.id, one.stat),
            }, function() acked[one.key] = true end)
          end
        end
      end
    end

    began = w.loop:now()
    bind()
    local sent, incoming, next_kill, is_away, is_off = 0, 0, 1.5 * HOUR_S, false, false
    local function submit()
      sent = sent + 1
      local key, account = "m" .. sent, random(2)
      customers[account]:submit_sm({
        source_addr = "12345", destination_addr = random(3) .. ("%05d"):format(sent), short_message = key, registered_delivery = 1,
      }, function(response, _, code)
        if response then answered[key] = { id = response.message_id, account = account } else unanswered[key] = code end
      end)
    end
    while now() < 24 * HOUR_S do
      submit()
      if sent % 5 == 0 then
        incoming = incoming + 1
        local words = "mo " .. incoming
        local one = { got = 0, account = incoming % 2 == 1 and "acme" or "bank" }
        mo[words] = one
        bring(random(2), { source_addr = "49", destination_addr = tostring(incoming % 2 == 1 and 1 or 2), short_message = words }, function() one.acked = true end)
      end
      receipts()
      smpp.sleep(random(80))
      local away, off = now() > 3 * HOUR_S and now() < 4 * HOUR_S, now() > 13 * HOUR_S and now() < 14 * HOUR_S
      if away ~= is_away then
        is_away = away
        if away then w.carriers[1].server:close(0) else w:carrier(1, w.carriers[1].answer) end
      end
      if off ~= is_off then -- one carrier is taken out while messages come
        is_off = off
        w.text = off and FILE:gsub('2002"', '2002", off = true') or FILE
        w.gateway.options.text = w.text
        assert(w.gateway:reload())
      end
      if now() > next_kill then
        next_kill, kills = next_kill + 3 * HOUR_S, kills + 1
        for _ = 1, BURST do submit() end -- amid traffic
        smpp.sleep(random(20) / 10)
        local inner, options = w:kill(), w.store
        w:start(late.new(w.loop, { inner = inner, delay = options.delay, fails = options.fails }))
        bind()
      end
    end
    for _ = 1, 48 do
      smpp.sleep(300)
      receipts()
    end

    local records, spent, by_id, in_doubt = {}, 0, {}, 0
    assert(stores.walk(w.store, { kind = "message" }, function(record)
      local key = assert(smpp.decode(record.octets)).short_message
      assert(not records[key], key .. " is twice in the books")
      records[key], by_id[record.key] = record, key
      assert(stores.is_final(record.state), ("%s is %s"):format(key, record.state))
      if record.maybe_twice then in_doubt = in_doubt + 1 end
      if record.system_id == "bank" and record.state ~= "REJECTED" then spent = spent + 1 end
    end))
    local count, doubles = 0, 0
    for key, one in pairs(answered) do
      count = count + 1
      local record = assert(records[key], key .. " was answered, and is not in the books")
      assert(record.key == one.id and record.system_id == (one.account == 1 and "acme" or "bank"))
      local its = got[one.id]
      local is_silent = record.state == "UNKNOWN" and record.carrier_id and not acked[key] -- its carrier never said anything
      assert(its or is_silent, ("%s ended as %s, and its customer does not know"):format(key, record.state))
      assert(not its or its.stat:sub(1, 5) == ({ UNDELIVERABLE = "UNDELIV", DELIVERED = "DELIVRD", REJECTED = "REJECTD" })[record.state] or record.state)
      doubles = doubles + (its and its.count - 1 or 0)
      if record.carrier_id then assert(taken[key], key .. " has a carrier's id, and none took it") end
      if record.state == "DELIVERED" then assert(taken[key]) end
    end
    for id in pairs(got) do assert(by_id[id], "a receipt of a message that is not in the books: " .. id) end
    for key in pairs(records) do assert(answered[key] or unanswered[key], key) end
    for key, times in pairs(taken) do
      assert(records[key], key .. " was sent, and is not in the books")
      assert(times == 1 or records[key].maybe_twice, ("%s was sent %d times, and the books do not say so"):format(key, times))
    end
    for words, one in pairs(mo) do
      assert(one.acked and one.got >= 1, words .. " was acknowledged, and did not reach its customer")
      doubles = doubles + one.got - 1
    end
    assert(in_doubt > 0 and in_doubt <= (BURST + 2) * kills, in_doubt .. " may have been sent twice") -- only what was on its way
    assert(doubles <= 4 * kills, doubles .. " doubles") -- those whose acknowledgement was on its way
    local credit = tonumber((stores.get(w.store, "counter", "credit/bank")).state) / 1000000
    assert(credit == CREDIT - spent, ("%g left, and %d spent of %d"):format(credit, spent, CREDIT))
    assert(count > 1500 and kills == 8 and w.gateway.books.waiting.count == 0, count .. " were answered")
    assert.same({}, w:logged "rule_failed")
  end, {
    carriers = { carrier(1), carrier(2) },
    store = function(loop)
      return late.new(loop, {
        delay = function() return random(10) / 200 end,
        fails = function(method) return method == "commit" and began ~= nil and is_full(loop:now() - began) end,
      })
    end,
  })
end

describe("a gateway with a store", function()
  for seed = 1, few(2, 1) do
    it("has books that balance after 24 hours of faults, seed " .. seed, function() day(seed) end)
  end
end)
