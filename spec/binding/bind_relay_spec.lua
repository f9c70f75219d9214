local codec = require("smpp.codec").codec
local core = require "smpp.core"
local ids = require "smpp.gateway.ids"
local property = require "spec.support.property"

local relay = core.relay

local function view(o)
  o.sequence_number = 1
  return (assert(codec.decode((assert(codec.encode(o))))))
end

describe("bind_relay", function()
  it("reads the addresses of a message as rules match them", function()
    assert.same({ "49170", 1, "12345", 5 }, { relay.addresses(view { command = "submit_sm", source_addr = "+49 170", source_addr_ton = 1,
      destination_addr = " 1 23+45", dest_addr_ton = 5 }) })
    assert.same({ "", 0, "7", 0 }, { relay.addresses(view { command = "data_sm", destination_addr = "7" }) })
    assert.same({ "x", 0, "", 0 }, { relay.addresses(view { command = "submit_multi", source_addr = "x", dest_address = { { destination_addr = "7" } } }) })
    assert.same({ "", 0, "", 0 }, { relay.addresses(view { command = "enquire_link" }) })
    local body = "\0\1\1" .. ("+9"):rep(300) .. "\0\1\1" .. "7\0" -- longer than addresses may be
    local size = 16 + #body
    local header = "\0\0" .. string.char(math.floor(size / 256), size % 256) .. "\0\0\0\4\0\0\0\0\0\0\0\1"
    local long = assert(codec.decode(header .. body))
    assert.same({ ("9"):rep(300), 1, "7", 1 }, { relay.addresses(long) })
    assert.is_false((pcall(relay.addresses, {})))
  end)

  it("remembers where a message is, for smpp.gateway.ids", function()
    local map = core.map.new(2, 60, "12345678")
    local submit = view { command = "submit_sm", source_addr = "Shop", destination_addr = "1" }
    local response = view { command = "submit_sm_resp", message_id = "x-1" }
    local refusal = view { command = "submit_sm_resp", command_status = 8 } -- without message_id
    assert.is_true(relay.remember(map, "1", "telco", response, "acme", submit, nil, 0))
    assert.equal("telco\0x-1\0acme\0Shop\0Shop", (map:get "1"))
    assert.is_true(relay.remember(map, "2", "telco", refusal, "acme", refusal, "777", 0))
    assert.equal("telco\0\0acme\0\000777", (map:get "2"))
    assert.is_true(relay.remember(map, "3", "", response, "", submit, "", 1)) -- at the limit
    assert.same({ nil, "\0x-1\0\0Shop\0", 2 }, { (map:get "1"), (map:get "3"), map:count() })
    assert.is_true(relay.remember(map, "3", "", response, "", submit, nil, 1)) -- again
    assert.same({ "\0x-1\0\0Shop\0Shop", 2 }, { (map:get "3"), map:count() })
    for length = 4070, 4100 do
      local fits = length + #"\0x-1\0\0Shop\0Shop" <= 4096
      assert.equal(fits, relay.remember(map, "4", ("c"):rep(length), response, "", submit, nil, 1))
      if fits then assert.equal(("c"):rep(length) .. "\0x-1\0\0Shop\0Shop", (map:get "4")) end
    end
    assert.is_false(relay.remember(map, ("i"):rep(5000), "", response, "", submit, nil, 1))
    assert.error_matches(function() relay.remember(map, "1", "telco", "x", "acme", submit, nil, 0) end, "expected a PDU")
    assert.error_matches(function() relay.remember(map, "1", "telco", response, "acme", {}, nil, 0) end, "expected a PDU")
    assert.error_matches(function() relay.remember(map, "1", "telco", response, "acme", submit, nil, 0 / 0) end, "expected seconds")
  end)

  it("writes the handle that the gateway's ids read (seeded)", function()
    property.holds(300, function(random, case)
      local function pick(...) return (select(random(select("#", ...)), ...)) end
      case.o = {
        command = pick("submit_sm", "data_sm"), source_addr = pick("", "Shop", "+49170"), source_addr_ton = pick(0, 5, 255), source_addr_npi = pick(1, 10),
        destination_addr = pick("", "4917"), dest_addr_ton = pick(0, 99, 100), dest_addr_npi = pick(0, 1), registered_delivery = pick(0, 1, 17, 255),
      }
      local submitted, books = pick(0, 1700000000.25, 1700000000.75), pick("", "key/1")
      local pdu = view(case.o)
      local expected = ids.handle("id1", "acme", pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi, pdu.destination_addr, pdu.dest_addr_ton,
        pdu.dest_addr_npi, pdu.registered_delivery, submitted, books)
      assert.equal(expected, relay.handle(pdu, "id1", "acme", submitted, books))
    end)
    assert.is_nil(relay.handle(view { command = "enquire_link" }, "id1", "acme", 1))
    assert.is_nil(relay.handle(view { command = "submit_sm" }, ("x"):rep(2000), "acme", 1))
    assert.is_false((pcall(relay.handle, {}, "id1", "acme", 1)))
  end)

  it("writes a receipt as a changed view has it, or nothing (seeded)", function()
    local written = 0
    property.holds(2000, function(random, case)
      local function pick(...) return (select(random(select("#", ...)), ...)) end
      local function rarely(usual, ...) return random(12) > 1 and usual or pick(...) end
      local own = pick("7", "0a1b2c", "12345678")
      case.receipt = {
        command = rarely("deliver_sm", "data_sm"), esm_class = rarely(4, 0, 0x20, 0x44), data_coding = rarely(0, 3, 8), service_type = pick("", "CMT"),
        source_addr = "4917", destination_addr = "Shop", protocol_id = pick(0, 7), registered_delivery = pick(0, 1),
        short_message = rarely("id:", "ID: ", "xid:", "sub:001 id:", "") .. rarely(own, "", own .. own) .. rarely(" ", "") .. "sub:001 "
          .. pick("stat:DELIVRD", "stat:undeliv", "stat:REJECTD", rarely("stat:EXPIRED", "stat:ENROUTE", "stat:NONE", "")) .. rarely(" err:000 text:id:" .. own, ""),
        receipted_message_id = pick(nil, own), message_state = rarely(nil, 2, 5, 1), user_message_reference = pick(nil, 9),
        tlvs = rarely(nil, { { 0x1400, "\0\1" } }),
      }
      if case.receipt.command == "data_sm" then
        case.receipt.short_message, case.receipt.protocol_id = nil, nil
      end
      local delivery = rarely(1, 0, 2, 3, 16)
      local handle = ids.handle("our-own-id", "acme", "Sender", 5, 0, "+49170", 1, 1, delivery, 1700000000, "key")
      local pdu = view(case.receipt)
      local octets, account, books = relay.receipt(pdu, handle)
      if not octets then return end
      written = written + 1
      assert.same({ "acme", "key" }, { account, books })
      local state = core.receipt.state(select(2, core.receipt.read(pdu)))
      local is_delivered = state == "DELIVERED"
      assert.is_true(delivery == 1 or (delivery == 2 and not is_delivered) or (delivery == 3 and is_delivered))
      local text = pdu.short_message
      local from, to = text:find(core.receipt.scan(text).id, 1, true)
      assert.equal(pdu:with {
        source_addr = "+49170", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "Sender", dest_addr_ton = 5, dest_addr_npi = 0,
        short_message = text:sub(1, from - 1) .. "our-own-id" .. text:sub(to + 1),
        receipted_message_id = pdu.receipted_message_id and "our-own-id" or nil,
      }:octets(), octets)
    end)
    assert.is_true(written > 300)
    assert.is_nil(relay.receipt(view { command = "deliver_sm", esm_class = 4, short_message = "id:7 stat:DELIVRD" }, "no handle"))
  end)
end)
