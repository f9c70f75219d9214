-- Carriers that lie: they answer with sequence numbers that nobody sent, twice, in another order, with half a PDU or not at all, and
-- their message_ids are no use.  A gateway with a store gives each message one end, sends none twice, and gets over it.
local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local FILE = [[
store "x.db"
gateway { queue_s = 5, remember_s = 7200 }
listen { port = 2775, accounts = { acme = { password = "secret", max_validity_s = 3600 } } }
carrier "a" { "smpp://me:x@localhost:2001", window = 5, response_timeout_s = 5 }
route { via = "a" }
]]

local MESSAGES = 40

--- Submits, waits until all has an end; checks that each message has one.  Returns how often each was taken, and the receipts by text.
local function story(w, taken)
  local acme, ids, texts, receipts = w:customer { window = 20 }, {}, {}, {}
  for i = 1, MESSAGES do
    smpp.spawn(function()
      local key = ("text %d of them"):format(i)
      local id = assert(support.submit(acme, { short_message = key, destination_addr = ("49170000%04d"):format(i), registered_delivery = 1 }))
      ids[id], texts[key] = key, id
    end)
    smpp.sleep(0.2)
  end
  smpp.sleep(2 * 3600)
  for id, key in pairs(ids) do
    local record = assert(stores.get(w.store, "message", id))
    assert(stores.is_final(record.state), key .. " is " .. record.state)
    assert((taken[key] or 0) <= 1 or record.maybe_twice, key .. " was sent twice")
  end
  for _, pdu in ipairs(acme.got) do
    local id = pdu.short_message:match "id:(%S+)"
    assert(ids[id] and not receipts[id], "a receipt that is wrong: " .. pdu.short_message)
    receipts[id] = pdu.short_message:match "stat:(%S+)"
  end
  assert.same({}, w:logged "failed")
  assert.equal(0, w.gateway.books.waiting.count)
  return texts, receipts
end

local function simulator(fault, fn)
  support.world(FILE, function(w)
    local taken = {}
    local sim = assert(smpp.simulator { port = 2001, accounts = { me = "x" }, seed = 7, faults = { [fault] = 30 }, deliver_after_s = 2 })
    sim:on("message", function(message) taken[message.text] = (taken[message.text] or 0) + 1 end)
    sim:on("error", function() end)
    smpp.sleep(3)
    fn(w, taken, story(w, taken))
    sim:close(0)
  end, { count = 0, store = function(loop) return late.new(loop) end })
end

describe("a gateway between a customer and a carrier that lies", function()
  for _, fault in ipairs { "drop", "duplicate", "reorder", "wrong_sequence", "wrong_length", "unknown_command", "half_pdu", "reset", "silence" } do
    it("gives each message one end: " .. fault, function()
      simulator(fault, function(_, taken, texts, receipts)
        local delivered, count = 0, 0
        for key, id in pairs(texts) do
          count = count + 1
          assert(taken[key] == 1, ("%s was taken %d times"):format(key, taken[key] or 0))
          if receipts[id] == "DELIVRD" then delivered = delivered + 1 end
        end
        assert.equal(MESSAGES, count)
        assert.is_true(delivered >= MESSAGES * 0.9, delivered .. " were delivered")
      end)
    end)
  end

  it("gives no message the receipt of another where all have the same message_id", function()
    support.world(FILE, function(w)
      local taken = {}
      w:carrier(1, function(_, pdu)
        taken[pdu.short_message] = (taken[pdu.short_message] or 0) + 1
        smpp.spawn(function()
          smpp.sleep(1)
          w:receipt(1, "7", { from = pdu.destination_addr })
        end)
        return "7"
      end)
      local _, receipts = story(w, taken)
      local count = 0
      for _ in pairs(receipts) do count = count + 1 end
      assert.is_true(count <= MESSAGES)
    end, { count = 0, store = function(loop) return late.new(loop) end })
  end)

  it("takes receipts for messages that nobody sent, and without a sense", function()
    support.world(FILE, function(w)
      local taken, n = {}, 0
      w:carrier(1, function(_, pdu)
        n = n + 1
        taken[pdu.short_message] = (taken[pdu.short_message] or 0) + 1
        local id = "real-" .. n
        smpp.spawn(function()
          w:receipt(1, "", { text = "id: stat: err:" })
          w:receipt(1, "unheard-of-" .. n, { from = "49" })
          w:receipt(1, id, { text = "\0\255id:" .. id })
          w:receipt(1, id, { stat = "SOMEHOW" })
          smpp.sleep(1)
          w:receipt(1, id, { from = pdu.destination_addr })
          w:receipt(1, id, { from = pdu.destination_addr, stat = "UNDELIV" })
        end)
        return id
      end)
      local _, receipts = story(w, taken)
      local delivered = 0
      for _, stat in pairs(receipts) do delivered = delivered + (stat == "DELIVRD" and 1 or 0) end
      assert.equal(MESSAGES, delivered)
    end, { count = 0, store = function(loop) return late.new(loop) end })
  end)
end)
