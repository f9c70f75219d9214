local property = require "spec.support.property"
local receipts = require "smpp.receipt"
local late = require "spec.support.late_store"
local lifecycle = require "smpp.service.lifecycle"
local mc = require "spec.support.mc"
local simulator = require "smpp.simulator"
local stores = require "smpp.store"
local timestamp = require "smpp.codec.timestamp"

local function add(store, record) assert(stores.commit(store, { { op = "add", kind = "message", record = record } })) end

local function collect(got) return function(_, pdu) got[#got + 1] = pdu.receipted_message_id .. pdu.short_message:match " stat:(%u+)" end end

describe("smpp.service.lifecycle", function()
  it("goes through all of it with a store that completes later, and returns copies", function()
    mc.world(function(w)
      local store = late.new(w.loop)
      local sim, got = w:server({ store = store, discard_after_s = 100, deliver_after_s = 2 }, simulator.new), {}
      local esme = w:bind { deliver_sm = collect(got) }
      local function submit(flag)
        return esme:submit_sm {
          source_addr = "1", destination_addr = "4900", registered_delivery = 0x11, short_message = "x", replace_if_present_flag = flag,
        }
      end
      assert.same({ "1", "2" }, { submit(0).message_id, submit(1).message_id })
      assert.is_truthy(esme:submit_multi { source_addr = "1", registered_delivery = 1, dest_address = { { destination_addr = "1" }, { destination_addr = "2" } } })
      assert.equal(2, stores.get(store, "message", "3").siblings)
      assert.is_truthy(esme:replace_sm { message_id = "2", source_addr = "1", registered_delivery = 0x11, short_message = "new" })
      assert.is_truthy(esme:cancel_sm { message_id = "3", source_addr = "1", destination_addr = "2" })
      assert.is_truthy(esme:cancel_sm { source_addr = "1", destination_addr = "1" })
      assert.equal(1, esme:query_sm({ message_id = "2", source_addr = "1" }).message_state)
      w:sleep(3)
      assert.same({ "3DELETED", "3DELETED", "2ENROUTE", "2DELIVRD" }, got)
      assert.equal("new", stores.get(store, "message", "2").octets)
      assert.equal("ESME_RCANCELFAIL", select(3, esme:cancel_sm { message_id = "2", source_addr = "1" }))
      w:sleep(200)
      assert.same({}, stores.find(store, { kind = "message" }))
      assert.same({}, stores.find(store, { kind = "outbound" }))
      sim:close()
      assert.same({}, w.errors)
    end)
  end)

  it("cancels a message whose state changes meanwhile, once", function()
    mc.world(function(w)
      for delay = -0.03, 0.03, 0.005 do
        local store = late.new(w.loop)
        local sim, got, scheduled = w:server({ store = store, deliver_after_s = 2 }, simulator.new), {}, math.ceil(w.loop:time()) + 1
        local esme = w:bind { deliver_sm = collect(got) }
        esme:submit_sm {
          source_addr = "7", destination_addr = "1", registered_delivery = 1, schedule_delivery_time = timestamp.absolute(scheduled),
        }
        w:sleep(scheduled + delay - w.loop:time())
        assert.is_truthy(esme:cancel_sm { message_id = "1", source_addr = "7" })
        w:sleep(10)
        assert.equal("DELETED", stores.get(store, "message", "1").state)
        assert.same({ "1DELETED" }, got)
        sim:close()
      end
      assert.same({}, w.errors)
    end)
  end)

  it("a receipt has the same text from the octets of a message as from its decoded text", function()
    property.holds(300, function(random, case)
      local octets = {}
      for i = 1, random(40) do octets[i] = string.char(random(random(8) == 1 and 256 or 128) - 1) end
      local message = { octets = table.concat(octets), esm_class = 0, data_coding = 0 }
      case.octets = message.octets
      local excerpt = lifecycle.excerpt_of(message, {})
      if excerpt then
        local fields = { id = "1", state = "DELIVERED", text = lifecycle.text(message) }
        assert.equal(receipts.write(fields), receipts.write { id = "1", state = "DELIVERED", excerpt = excerpt })
      end
    end)
    for _, peer in ipairs { { default_alphabet = "latin1" }, { default_alphabet = "gsm7_packed" }, { data_codings = { [0] = "latin1" } } } do
      assert.is_nil(lifecycle.excerpt_of({ octets = "a", esm_class = 0, data_coding = 0 }, peer))
    end
    for _, message in ipairs { { octets = "a", esm_class = 0x40, data_coding = 0 }, { octets = "a", esm_class = 0, data_coding = 8 } } do
      assert.is_nil(lifecycle.excerpt_of(message, {}))
    end
  end)

  it("goes on with what an earlier run has left", function()
    mc.world(function(w)
      local store, got, now = stores.memory(), {}, w.loop:time()
      for i, o in ipairs {
        { state = "SCHEDULED", schedule = now + 5 }, { state = "ENROUTE", planned = "EXPIRED", planned_at = now - 100, planned_error = 0 },
        { state = "SCHEDULED", schedule = now - 5 }, { state = "ENROUTE" }, { state = "DELIVERED", done = now },
        { state = "ENROUTE", planned = "REJECTED", planned_at = now + 4, planned_error = 0 }, { state = "ENROUTE", planned = false },
      } do
        local key = tostring(i)
        o.key, o.id, o.system_id, o.source_addr, o.destination_addr = key, key, "a", "1", "2"
        o.registered_delivery, o.submitted, o.error, o.octets, o.esm_class, o.data_coding = 1, now - 1000, 0, "text", 0, 0
        add(store, o)
      end
      local life = lifecycle.new {
        loop = w.loop, store = store, plan = function() return { state = "DELIVERED", after_s = 2 } end, on_error = error,
      }
      local server = w:server { store = store }
      life:start(server)
      w:bind { system_id = "a", deliver_sm = function(_, pdu)
        got[#got + 1] = ("%s %s %d"):format(pdu.receipted_message_id, pdu.short_message:match " stat:(%u+)", w.loop:time() - now)
      end }
      w:sleep(10)
      assert.same({ "2 EXPIRED 0", "3 DELIVRD 2", "4 DELIVRD 2", "6 REJECTD 4", "1 DELIVRD 7" }, got)
      assert.equal("ENROUTE", stores.get(store, "message", "7").state)
      life:close()
      server:close()
    end)
  end)

  it("tries again what the store could not do, and reports it now and then", function()
    mc.world(function(w)
      local is_broken = false
      local store = late.new(w.loop, { fails = function(method) return is_broken and method == "commit" end })
      local sim, got = w:server({ store = store, deliver_after_s = 2 }, simulator.new), {}
      local esme = w:bind { deliver_sm = collect(got) }
      esme:submit_sm { source_addr = "1", destination_addr = "2", registered_delivery = 0x11 }
      is_broken = true
      assert.equal("ESME_RSYSERR", select(3, esme:submit_sm { source_addr = "1", destination_addr = "2" }))
      assert.equal("ESME_RSYSERR", select(3, esme:cancel_sm { source_addr = "1", destination_addr = "2" }))
      w:sleep(25)
      assert.same({}, got)
      assert.is_true(#w.errors >= 2 and #w.errors <= 4)
      assert.matches("store failure, retrying: the disk failed", w.errors[1])
      is_broken = false
      w:sleep(5)
      assert.same({ "1ENROUTE", "1DELIVRD" }, got)
      sim:close()
    end)
  end)

  it("takes messages alike, ends them alike and sends the same receipts, in one call of the store or step by step", function()
    local function run(hidden, o)
      local said, store = { records = {}, answers = {} }, stores.memory { keep_final = 30, limit = o.queue_size }
      for _, name in ipairs(hidden) do store[name] = false end
      mc.world(function(w)
        o.store, o.deliver_after_s, o.seed = store, o.deliver_after_s or { uniform = { 1, 5 } }, 7
        local sim = w:server(o, simulator.new)
        local esme = w:bind { deliver_sm = function(_, pdu)
          local fields = pdu:totable()
          fields.sequence_number = nil
          said[#said + 1] = fields
        end }
        for i = 1, 90 do
          local response, _, code = esme:submit_sm {
            source_addr = "1", destination_addr = "49", registered_delivery = i > 40 and 1 or i % 7 == 0 and 2 or i % 11 == 0 and 0x11 or 0, esm_class = i % 13 == 0 and 2 or 0,
            data_coding = i % 17 == 0 and 8 or 0, user_message_reference = i % 3 == 0 and i or nil, priority_flag = i % 4,
            short_message = i % 9 == 0 and "sim: undelivered" or i % 10 == 0 and "sim: no directive" or i % 19 == 0 and "" or "xy",
            validity_period = i % 5 == 0 and "000000000002000R" or nil, message_payload = i % 19 == 0 and "payload" or nil,
            replace_if_present_flag = i % 23 == 0 and 1 or 0, its_session_info = i % 29 == 0 and "\1\2" or nil,
          }
          said.answers[i] = response and response.message_id or code
        end
        for _, record in ipairs(assert(stores.find(store, { kind = "message" }))) do said.records[#said.records + 1] = record end
        w:sleep(10)
        for _, record in ipairs(assert(stores.find(store, { kind = "message" }))) do said.records[#said.records + 1] = record end
        said.receipts, said.messages, said.states = sim.counts.receipts, sim.counts.messages, sim.states
        said.open, said.octets = store:load()
        esme:unbind()
        sim:close()
        said.errors, w.errors = w.errors, {}
      end)
      return said
    end
    for _, make in ipairs {
      function() return { outcomes = { DELIVERED = 3, EXPIRED = 1 } } end,
      function() return { outcomes = { DELIVERED = 3, ENROUTE = 1 }, validity_s = 3, receipt_tlvs = false } end,
      function() return { queue_size = 30, first_message_id = 500, deliver_after_s = 0.5 } end,
      function() return { refusals = { ESME_RSYSERR = 10 }, zone_s = 3600, orders = false } end,
    } do
      local long = run({ "add_due", "finish_due", "draft_due", "takes_pdus" }, make())
      assert.is_true(#long > 5 and long.receipts > 5 and long.messages >= 30)
      assert.same(long, run({}, make()))
      assert.same(long, run({ "finish_due" }, make()))
      assert.same(long, run({ "draft_due" }, make()))
    end
  end)

  it("delays a receipt across a restart", function()
    mc.world(function(w)
      local store, got = stores.memory(), {}
      local o = { store = store, deliver_after_s = 1, receipt_after_s = 100 }
      local sim = w:server(o, simulator.new)
      local esme = w:bind { deliver_sm = collect(got) }
      esme:submit_sm { source_addr = "1", destination_addr = "2", registered_delivery = 1 }
      w:sleep(50)
      esme:unbind()
      sim:close(0)
      sim = w:server(o, simulator.new)
      esme = w:bind { deliver_sm = collect(got) }
      w:sleep(45)
      assert.same({}, got)
      w:sleep(10)
      assert.same({ "1DELIVRD" }, got)
      esme:unbind()
      sim:close()
      assert.same({}, w.errors)
    end)
  end)
end)
