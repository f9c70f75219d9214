-- A message centre whose store takes its time, fails, and is killed with its process at any moment: in the end the books
-- balance.  What was answered with success is kept; every message has one final state, and its sender the receipt it asked
-- for.  A receipt may come twice only where a process or a session died before the store knew that it was acknowledged.
local late = require "spec.support.late_store"
local mc = require "spec.support.mc"
local property = require "spec.support.property"
local receipts = require "smpp.receipt"
local simulator = require "smpp.simulator"
local stores = require "smpp.store"
local timestamp = require "smpp.codec.timestamp"

--- One story; `random` makes its choices.  Returns how often receipts came twice.
local function run(random, case, is_calm)
  local twice = 0
  mc.world(function(w)
    local disk = stores.memory { keep_final = 1000 }
    local sim, store, esme, failing, slowness = nil, nil, nil, 0, ({ 10, 100, 400 })[random(3)]
    local accepted, cancelled, got = {}, {}, {} -- id -> registered_delivery; id -> true; id -> list of states

    local function note(text)
      case[#case + 1] = ("%.3f %s"):format(w.loop:now(), text)
    end

    local function begin()
      store = late.new(w.loop, {
        inner = disk,
        delay = function() return random(slowness) / 1000 end,
        fails = function() return failing > 0 and random(100) <= failing end,
      })
      sim = w:server({
        port = 0, store = store, deliver_after_s = 1 + random(5), accounts = { a = "secret" }, retry_s = 1, queue_octets = 1e9, keep_s = 1e6,
        outcomes = { DELIVERED = 60, UNDELIVERABLE = 30, ENROUTE = 10 }, validity_s = 60,
      }, simulator.new)
    end

    local function bind()
      esme = w:bind { system_id = "a", answer_timeout_s = 1000, deliver_sm = function(_, pdu)
        local id, what = pdu.receipted_message_id, is_calm and 1 or random(10)
        if what == 2 then return nil, "ESME_RX_T_APPN" end
        if what == 3 then w:sleep(random(3)) end
        got[id] = got[id] or {}
        table.insert(got[id], pdu.esm_class == 0x20 and "notified" or receipts.parse(pdu).state)
      end }
    end

    local function submit()
      local at = random(4) == 1 and timestamp.absolute(math.floor(w.loop:time()) + random(5)) or ""
      local flags = ({ 0, 1, 2, 3, 0x11 })[random(5)]
      local fields = { source_addr = "1", destination_addr = "2", registered_delivery = flags, short_message = "x", schedule_delivery_time = at }
      esme:submit_sm(fields, function(response)
        if not response then return end
        accepted[response.message_id] = flags
        note("accepted " .. response.message_id)
      end)
    end

    local function cancel()
      local ids = {}
      for id in pairs(accepted) do ids[#ids + 1] = id end
      if #ids == 0 then return end
      table.sort(ids)
      local id = ids[random(#ids)]
      esme:cancel_sm({ message_id = id, source_addr = "1" }, function(response)
        if response then
          cancelled[id] = true
          note("cancelled " .. id)
        end
      end)
    end

    begin()
    bind()
    for _ = 1, 10 + random(30) do
      local what = random(is_calm and 8 or 12)
      if what <= 5 then
        submit()
      elseif what <= 7 then
        for _ = 1, random(5) do cancel() end
      elseif what == 8 then
        w:sleep(random(30) / 10)
      elseif what == 9 then
        failing = random(3) == 1 and 0 or random(80)
      elseif what == 10 then
        note "session lost"
        esme:close()
        bind()
      elseif what == 11 then
        note "killed"
        store:kill()
        esme:close()
        sim:close(0)
        begin()
        bind()
      else
        note "restarted"
        esme:unbind()
        sim:close(1)
        store:close() -- the process ends when the store has done what it was told
        w:sleep(30)
        store:kill()
        begin()
        bind()
      end
      w:sleep(random(20) / 100)
    end
    failing = 0
    w:sleep(200)

    local messages, waiting = {}, 0
    disk:find({ kind = "message", limit = 10000 }, function(list)
      for _, message in ipairs(list) do messages[message.id] = message end
    end)
    disk:find({ kind = "outbound", limit = 10000 }, function(list) waiting = #list end)
    assert.equal(0, waiting, "receipts are left in the store")
    for id in pairs(accepted) do assert.is_truthy(messages[id], "message " .. id .. " was accepted, and is lost") end
    for id, message in pairs(messages) do
      assert.is_true(stores.is_final(message.state), ("message %s is %s"):format(id, message.state))
      if cancelled[id] then assert.equal("DELETED", message.state, "message " .. id) end
      local count, flags = 0, message.registered_delivery
      for _, state in ipairs(got[id] or {}) do
        if state == "notified" then
          assert.is_true(flags >= 16)
        else
          assert.equal(message.state, state, "receipt of " .. id)
          count = count + 1
        end
      end
      if receipts.wanted(flags, message.state) then
        assert.is_true(count >= 1, "the receipt of " .. id .. " is lost")
      else
        assert.equal(0, count, "a receipt of " .. id .. " that nobody asked for")
      end
      twice = twice + math.max(0, count - 1)
    end
    esme:close()
    sim:close(1)
  end, { seed = random(1000000), limit_s = 400000 })
  return twice
end

describe("service: books", function()
  it("balance when nothing fails, each receipt once", function()
    property.holds(15, function(random, case) assert.equal(0, run(random, case, true)) end)
  end)

  it("balance when the store fails and processes die", function()
    property.holds(60, function(random, case) run(random, case, false) end)
  end)
end)
