local engine_store = require "spec.support.engine_store"
local late = require "spec.support.late_store"
local property = require "spec.support.property"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

local MO = support.FILE .. "incoming { to = '100', reply = 'Thanks.' }\nincoming { to = '200', reject = 'ESME_RX_R_APPN' }\n"
  .. "incoming { to = '300', drop = true }\nincoming { to = '400', deliver = 'acme', set = { protocol_id = 5 }, copy = 'bank' }\nincoming { to = '500', deliver = 'bank' }"

--- The answer of the gateway to a deliver_sm of a carrier: its status.
local function mo(w, fields, i)
  local result
  local o = { source_addr = "49170", destination_addr = "400", short_message = "Hi" }
  for name, value in pairs(fields or {}) do o[name] = value end
  if o.message_payload then o.short_message = nil end
  local session = w.carriers[i or 1].server.sessions[1]
  local response, _, code = session[o.command or "deliver_sm"](session, o)
  result = response and "ESME_ROK" or code
  smpp.sleep(0.1)
  return result
end

local function state_of(pdu) return pdu.short_message:match "stat:(%S+)" end

describe("smpp.gateway.receiving", function()
  it("gives receipts back under the gateway's id, addressed as the customer addressed its message", function()
    world(support.FILE:gsub("route.*", "route { set = { source_addr = '777', destination_addr = '4999' } }\nroute { via = 'a' }"), function(w)
      local acme = w:customer()
      local id = submit(acme, { source_addr = "Shop", source_addr_ton = 5, destination_addr = "0999", dest_addr_ton = 2, dest_addr_npi = 1, registered_delivery = 1 })
      w:receipt(1, "a-1", { from = "4999", to = "777", tlvs = { { 0x001E, "a-1\0" }, { 0x0427, "\2" }, { 0x1400, "vendor" } } })
      smpp.sleep(0.5)
      assert.equal(1, #acme.got)
      local got = acme.got[1]
      assert.same({ "0999", 2, 1, "Shop", 5, id, 2, "vendor", 4 }, {
        got.source_addr, got.source_addr_ton, got.source_addr_npi, got.destination_addr, got.dest_addr_ton, got.receipted_message_id, got.message_state,
        got:tlv(0x1400), got.esm_class,
      })
      assert.equal(("id:%s sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:Hi"):format(id), got.short_message)
    end)
  end)

  it("finds the message in whatever base and form the carrier writes its ids", function()
    for _, case in ipairs {
      { "1234567890", "id:499602D2 stat:DELIVRD err:000" },
      { "499602d2", "id:1234567890 stat:DELIVRD err:000" },
      { "000abc12", "id:ABC12 stat:DELIVRD err:000" },
      { "77", "\0i\0d\0:\0" .. "7\0" .. "7\0 \0s\0t\0a\0t\0:\0D\0E\0L\0I\0V\0R\0D\0 \0e\0r\0r\0:\0" .. "0\0" .. "0\0" .. "0", data_coding = 8 },
    } do
      world(nil, function(w)
        local acme = w:customer()
        w.carriers[1].answer = function() return case[1] end
        local id = submit(acme, { registered_delivery = 1, destination_addr = "4917612345" })
        assert.equal("ESME_ROK", mo(w, {
          esm_class = 4, source_addr = "4917612345", destination_addr = "12345", short_message = case[2], data_coding = case.data_coding,
        }))
        smpp.sleep(0.5)
        assert.equal(1, #acme.got, case[1])
        assert.truthy(acme.got[1].short_message:find("id:" .. id, 1, true))
        assert.equal("DELIVRD", state_of(acme.got[1]))
      end)
    end
  end)

  it("takes a receipt that has its id in TLVs alone", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1 })
      mo(w, { esm_class = 4, source_addr = "491", short_message = "", receipted_message_id = "a-1", message_state = 5 })
      assert.same({ "", id, 5 }, { acme.got[1].short_message, acme.got[1].receipted_message_id, acme.got[1].message_state })
    end)
  end)

  it("finds the message of a receipt that comes before the response, and delivers it after the response", function()
    world(nil, function(w)
      local order, acme = {}, nil
      acme = w:customer { deliver_sm = function(pdu)
        table.insert(order, pdu.short_message:match "id:(%S+)")
        return true
      end }
      w.carriers[1].answer = function()
        w:receipt(1, "early")
        smpp.sleep(1)
        return "early"
      end
      local id = submit(acme, { registered_delivery = 1 })
      table.insert(order, "response")
      smpp.sleep(1)
      assert.same({ "response", id }, order)
    end)
  end)

  it("takes a receipt on another bind, and twice, and gives each state once", function()
    world(support.FILE:gsub("2001\"", "2001\", binds = 2"), function(w)
      local acme = w:customer()
      submit(acme, { registered_delivery = 0x11 })
      assert.equal(2, #w.carriers[1].server.sessions)
      for _, session in ipairs(w.carriers[1].server.sessions) do
        for _, stat in ipairs { "ENROUTE", "ENROUTE" } do
          assert(session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 4, short_message = "id:a-1 stat:" .. stat .. " err:000" })
        end
      end
      for _, session in ipairs(w.carriers[1].server.sessions) do
        assert(session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 4, short_message = "id:a-1 stat:DELIVRD err:000" })
      end
      smpp.sleep(1)
      local states = {}
      for i, pdu in ipairs(acme.got) do states[i] = state_of(pdu) end
      assert.same({ "ENROUTE", "DELIVRD" }, states)
    end)
  end)

  it("gives a customer the states that it asked for", function()
    for delivery, expected in pairs { [0] = "", [1] = "DELIVRD UNDELIV", [2] = "UNDELIV", [0x10] = "ENROUTE ENROUTE", [0x12] = "ENROUTE ENROUTE UNDELIV" } do
      world(nil, function(w)
        local acme = w:customer()
        for i, stat in ipairs { "DELIVRD", "UNDELIV" } do
          submit(acme, { registered_delivery = delivery })
          w:receipt(1, "a-" .. i, { stat = "ENROUTE" })
          smpp.sleep(0.2)
          w:receipt(1, "a-" .. i, { stat = stat })
          smpp.sleep(0.2)
        end
        local states = {}
        for i, pdu in ipairs(acme.got) do states[i] = state_of(pdu) end
        table.sort(states)
        local wanted = {}
        for word in expected:gmatch "%S+" do wanted[#wanted + 1] = word end
        table.sort(wanted)
        assert.same(wanted, states)
      end)
    end
  end)

  it("keeps a receipt of an unknown id for ten minutes, then logs and drops it", function()
    world(nil, function(w)
      w:customer()
      submit(w.customers[1], { registered_delivery = 1 })
      assert.equal("ESME_ROK", mo(w, { esm_class = 4, source_addr = "491", short_message = "id:nobody stat:DELIVRD err:000" }))
      smpp.sleep(500)
      assert.same({}, w:logged "unknown_receipt")
      smpp.sleep(200)
      assert.same({ "nobody" }, w:logged("unknown_receipt", "id"))
      assert.equal(0, #w.customers[1].got)
    end)
  end)

  it("logs what it cannot read, and lets the carrier go on", function()
    world(nil, function(w)
      assert.equal("ESME_ROK", mo(w, { esm_class = 4, short_message = "stat:DELIVRD" }))
      assert.equal(1, #w:logged "malformed_receipt")
    end)
  end)

  it("finds messages of a carrier that the file has changed meanwhile", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1 })
      w.gateway.options.text = support.FILE:gsub("localhost:2001", "localhost:2001?window=5")
      assert.is_true(w.gateway:reload())
      smpp.sleep(1)
      w:receipt(1, "a-1")
      smpp.sleep(0.5)
      assert.truthy(acme.got[1].short_message:find("id:" .. id, 1, true))
    end)
  end)

  it("keeps receipts for a customer that is not bound", function()
    world(nil, function(w)
      local acme = w:customer()
      submit(acme, { registered_delivery = 1 })
      acme:close()
      w:receipt(1, "a-1")
      smpp.sleep(3600)
      local again = w:customer()
      smpp.sleep(1)
      assert.equal("DELIVRD", state_of(again.got[1]))
    end)
  end)

  it("delivers to the server where the customer is bound", function()
    world("listen { port = 2774, accounts = { acme = 'secret' } }\n" .. MO, function(w)
      local acme = w:customer()
      mo(w)
      assert.equal(1, #acme.got)
    end)
  end)

  it("treats messages as the rules for incoming ones say", function()
    world(MO, function(w)
      local acme, bank = w:customer(), w:customer { url = "smpp://bank:hidden@localhost:2775" }
      assert.equal("ESME_ROK", mo(w, { destination_addr = "100" }))
      local reply = w.carriers[1].got[1]
      assert.same({ "submit_sm", "100", "49170", "Thanks." }, { reply.command, reply.source_addr, reply.destination_addr, reply.short_message })
      assert.equal("ESME_RX_R_APPN", mo(w, { destination_addr = "200" }))
      assert.equal("ESME_ROK", mo(w, { destination_addr = "300" }))
      assert.equal("ESME_RX_P_APPN", mo(w, { destination_addr = "600" }))
      assert.same({ "a" }, w:logged("unmatched", "carrier"))
      assert.equal(0, #acme.got + #bank.got)
      assert.equal("ESME_ROK", mo(w, { destination_addr = "400" }))
      assert.same({ 1, 1, 5 }, { #acme.got, #bank.got, acme.got[1].protocol_id })
      assert.equal("ESME_ROK", mo(w, { destination_addr = "500", command = "data_sm", message_payload = "long" }, 2))
      assert.same({ "data_sm", "long" }, { bank.got[2].command, bank.got[2].message_payload })
    end)
  end)

  it("copies messages octet by octet", function()
    world(MO, function(w)
      local bank = w:customer { url = "smpp://bank:hidden@localhost:2775", version = "5.0" }
      local octets = {}
      for i = 0, 253 do octets[i + 1] = string.char(i) end
      local pdu = assert(smpp.decode(assert(smpp.encode {
        command = "deliver_sm", source_addr = "49170", source_addr_ton = 1, destination_addr = "500", esm_class = 0x40, data_coding = 4, protocol_id = 3,
        short_message = table.concat(octets), tlvs = { { 0x1401, "b" }, { 0x1400, "\0" }, { 0x1401, "b" } },
      })))
      assert(w.carriers[1].server.sessions[1]:deliver_sm(pdu))
      smpp.sleep(0.1)
      assert.equal(pdu:octets():sub(17), bank.got[1]:octets():sub(17))
    end, { server = { version = "5.0" } })
  end)

  it("acknowledges a message when it is in the customer's queue, and refuses it temporarily when that is full", function()
    world((MO:gsub('"hidden"', '{ password = "hidden", queue_limit = 2 }')), function(w)
      local function send() return mo(w, { destination_addr = "500" }) end
      assert.same({ "ESME_ROK", "ESME_ROK", "ESME_RX_T_APPN" }, { send(), send(), send() })
      local bank = w:customer { url = "smpp://bank:hidden@localhost:2775" }
      smpp.sleep(1)
      assert.equal(2, #bank.got)
      assert.equal("ESME_ROK", send())
    end)
  end)

  it("ends a message that the customer refuses for good, and brings one again that it refuses for now", function()
    world(MO, function(w)
      local answers, got = { "ESME_RX_T_APPN", "ESME_RX_P_APPN" }, 0
      w:customer { url = "smpp://bank:hidden@localhost:2775", deliver_sm = function()
        got = got + 1
        return nil, answers[got]
      end }
      mo(w, { destination_addr = "500" })
      smpp.sleep(3600)
      assert.equal(2, got)
    end)
  end)

  it("writes MO anew for an account with another alphabet, or where a rule says so", function()
    local text = support.FILE:gsub('acme = "secret"', 'acme = { password = "secret", default_alphabet = "latin1" }')
      .. "incoming { to = '400', deliver = 'acme' }\nincoming { to = '500', deliver = 'bank', encoding = 'ucs2' }"
    world(text, function(w)
      local acme, bank = w:customer(), w:customer { url = "smpp://bank:hidden@localhost:2775" }
      for _, to in ipairs { "400", "500" } do mo(w, { destination_addr = to, short_message = "\123\0" }) end -- GSM 7-bit: ä@
      smpp.sleep(0.5)
      assert.same({ "\228@", 0 }, { acme.got[1].short_message, acme.got[1].data_coding })
      assert.same({ "\0\228\0@", 8 }, { bank.got[1].short_message, bank.got[1].data_coding })
    end)
  end)

  it("logs what a customer refuses for good", function()
    world(MO, function(w)
      w:customer { deliver_sm = function() return nil, "ESME_RX_P_APPN" end }
      mo(w)
      smpp.sleep(1)
      assert.same({ "ESME_RX_P_APPN" }, w:logged("undelivered", "code"))
    end)
  end)

  local function states(customer)
    local list = {}
    for i, pdu in ipairs(customer.got) do list[i] = pdu.short_message:match "stat:(%S+)" .. " " .. pdu.source_addr .. ">" .. pdu.destination_addr end
    return list
  end

  local STORES = { stored = function(loop) return late.new(loop) end, engine = function(loop) return engine_store.new(loop) end }
  for _, kind in ipairs { "through", "stored", "engine" } do
    it("end a message of which no receipt comes with one of the state UNKNOWN, " .. kind, function()
      local o = { count = 1, store = STORES[kind] }
      local text = (kind ~= "through" and 'store "x.db"\n' or "") .. "gateway { remember_s = 600 }\n" .. support.FILE
      world(text, function(w)
        local acme = w:customer()
        local wanted = submit(acme, { registered_delivery = 1 })
        submit(acme, { registered_delivery = 2, destination_addr = "492" }) -- of failures only: this is one
        submit(acme, { registered_delivery = 3, destination_addr = "493" }) -- of successes only
        submit(acme)
        smpp.sleep(500)
        assert.same({}, acme.got)
        smpp.sleep(200)
        assert.same({ "UNKNOWN 491>12345", "UNKNOWN 492>12345" }, states(acme))
        assert.truthy(acme.got[1].short_message:find("id:" .. wanted, 1, true))
        assert.is_true(#w:logged "no_receipt" >= 3)
        w:receipt(1, "a-1") -- too late: the customer has its final state
        smpp.sleep(700)
        assert.equal(2, #acme.got)
        if w.store then assert.equal("UNKNOWN", (stores.get(w.store, "message", wanted)).state) end
      end, o)
      o.store = STORES[kind]
      world(text:gsub("600", "600, unknown_receipts = false"), function(w)
        local acme = w:customer()
        submit(acme, { registered_delivery = 1 })
        smpp.sleep(700)
        assert.same({}, acme.got)
      end, o)
    end)
  end

  it("end messages without receipts in an engine as fast as they come, however many", function()
    world('store "x.db"\ngateway { remember_s = 600 }\n' .. support.FILE, function(w)
      local acme, ids = w:customer(), {}
      for i = 1, 600 do ids[i] = submit(acme, { registered_delivery = 1 }) end
      smpp.sleep(700)
      for i, id in ipairs(ids) do assert.equal("UNKNOWN", stores.get(w.store, "message", id).state, i) end
      assert.equal(600, #w:logged "no_receipt")
    end, { count = 1, store = STORES.engine })
  end)

  it("write the end of a message without a receipt later, when the store fails or the customer's queue is full", function()
    local failing = true
    local o = { count = 1, store = function(loop)
      return late.new(loop, { fails = function(method) return failing and method == "commit" and loop:now() > 550 and loop:now() < 800 end })
    end }
    world('store "x.db"\ngateway { remember_s = 600 }\n' .. support.FILE, function(w)
      local acme = w:customer()
      submit(acme, { registered_delivery = 1 })
      smpp.sleep(750)
      assert.same({}, acme.got)
      smpp.sleep(100)
      assert.same({ "UNKNOWN 491>12345" }, states(acme))
      failing = false
    end, o)
    world("gateway { remember_s = 600 }\n" .. support.FILE:gsub('"secret"', '{ password = "secret", queue_limit = 1 }'), function(w)
      local acme = w:customer()
      submit(acme, { registered_delivery = 1 })
      submit(acme, { registered_delivery = 1, destination_addr = "492" })
      acme:close()
      smpp.sleep(700)
      acme = w:customer()
      smpp.sleep(100)
      assert.same({ "UNKNOWN 491>12345", "UNKNOWN 492>12345" }, states(acme))
    end, { count = 1 })
  end)

  it("give each message one final receipt, whatever carriers send of them and when", function()
    property.holds(6, function(random, case)
      local stored = random(2) == 1
      local failing, o = false, { count = 1 }
      if stored then
        o.store = function(loop) return late.new(loop, { fails = function(method) return failing and method == "commit" end }) end
      end
      case.stored, case.fates = stored, {}
      world((stored and 'store "x.db"\n' or "") .. "gateway { remember_s = 300 }\n" .. support.FILE, function(w)
        local acme, ids = w:customer(), {}
        for n = 1, random(20) do
          local fate = ({ "DELIVRD", "UNDELIV", "twice", "none", "late" })[random(5)]
          case.fates[n] = fate
          local id = assert(submit(acme, { registered_delivery = 1, destination_addr = "49" .. n }))
          ids[id] = fate
          smpp.spawn(function()
            smpp.sleep(random(100) + (fate == "late" and 400 or 0))
            for _ = 1, fate == "twice" and 2 or fate == "none" and 0 or 1 do
              w:receipt(1, "a-" .. n, { from = "49" .. n, stat = #fate == 7 and fate or "DELIVRD" })
            end
          end)
          smpp.sleep(random(20))
          failing = stored and random(4) == 1
          smpp.sleep(0.5)
          failing = false
        end
        smpp.sleep(1000)
        local got = {}
        for _, pdu in ipairs(acme.got) do
          local id, stat = pdu.short_message:match "id:(%S+).*stat:(%S+)"
          assert.is_nil(got[id], "twice")
          got[id] = stat
        end
        for id, fate in pairs(ids) do
          assert.equal((fate == "none" or fate == "late") and "UNKNOWN" or fate == "twice" and "DELIVRD" or fate, got[id])
        end
      end, o)
    end)
  end)
end)
