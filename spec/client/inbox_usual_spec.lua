--- A message in one PDU, in one of the usual codings, takes a short way to its text; the long way finds the same.
local few = require "spec.support.few"
local property = require "spec.support.property"
local reassembly = require "smpp.text.reassembly"
local smpp = require "smpp"
local text = require "smpp.text"
local virtual = require "smpp.loop.virtual"

local PEERS = {
  {}, { default_alphabet = "latin1" }, { default_alphabet = "gsm7_packed" }, { data_codings = { [8] = "ucs2_le" } },
  { data_codings = { [0] = "utf-8", [1] = "gsm7" } },
}
local HEADERS = { "\5\0\3\7\3\1", "\5\0\3\7\3\3", "\5\0\3\7\3\4", "\5\0\3\7\3\0", "\5\0\3\7\3", "\6\8\4\0\7\3\1", "\8\0\3\7\3\2\36\1\1" }
local CODINGS = { 0, 8, 1, 3, 4, 0xF0, 0x10, 0x18, 0x20, 0xC8 }
local OCTETS = { "a", "\0", "\27", "\27e", "\128", "\255", "\254", "\254\255", "\255\254", "\216\0", "\4\26", "\0H", "@", "\13" }
local ESM_CLASSES = { 0, 0x40, 0x80, 0xC0 }

local function described(client, pdu, how)
  local words, encoding, _
  if how == "short" then
    if pdu.esm_class % 0x80 < 0x40 then words, encoding = client.inbox:usual_text(pdu) end
  else
    words, _, encoding = client.inbox:decode { total = 1, parts = { client.inbox:part(pdu) } }
  end
  return words, encoding
end

describe("smpp.client.inbox: the usual message", function()
  it("has the text and the parts that it has by the long way (seeded)", function()
    local loop = virtual.new { seed = 1, limit_s = 1e6 }
    smpp.run(function()
      local server = assert(smpp.server { port = 2775 })
      local clients, seen, joins = {}, 0, 0
      for i, peer in ipairs(PEERS) do
        clients[i] = assert(smpp.connect { "smpp://me@127.0.0.1:2775", default_alphabet = peer.default_alphabet, data_codings = peer.data_codings })
      end
      property.holds(2000, function(random, case)
        local list = {}
        for i = 1, random(12) - 1 do list[i] = OCTETS[random(#OCTETS)] end
        if random(2) == 1 then table.insert(list, 1, HEADERS[random(#HEADERS)]) end
        case.octets, case.data_coding = table.concat(list), CODINGS[random(#CODINGS)]
        case.esm_class, case.peer = ESM_CLASSES[random(#ESM_CLASSES)], random(#PEERS)
        local pdu = assert(smpp.decode(assert(smpp.encode {
          command = "deliver_sm", sequence_number = 1, source_addr = "1", destination_addr = "2", data_coding = case.data_coding,
          esm_class = case.esm_class, [random(4) == 1 and "message_payload" or "short_message"] = case.octets,
          sar_msg_ref_num = random(8) == 1 and 7 or nil,
        })))
        -- What it says of its header.
        local octets, header, fill = text.body(pdu, PEERS[case.peer])
        local place, part = text.part(pdu, header) or {}, clients[case.peer].inbox:part(pdu)
        assert.same({ octets, fill, header and header.locking or 0, place.reference, place.width, place.total, place.seq },
          { part.octets, part.fill, part.locking, part.reference, part.width, part.total, part.seq })
        assert.same(header, part.udh)
        -- Parts of a longer text.
        local inbox, parts = clients[case.peer].inbox, {}
        for i = 1, random(3) do
          parts[i] = {
            octets = random(3) == 1 and case.octets or OCTETS[random(#OCTETS)], data_coding = random(6) == 1 and 8 or case.data_coding, locking = random(6) == 1 and 1 or 0, single = 0,
            packed = false,
          }
        end
        local joined, _, joined_encoding = inbox:usual_join { total = #parts, parts = parts }
        if joined then
          local long, data, long_encoding = inbox:decode { total = #parts, parts = parts }
          assert.same({ long, data, long_encoding }, { joined, nil, joined_encoding })
          joins = joins + 1
        end
        local words, encoding = described(clients[case.peer], pdu, "short")
        if not words then return end
        seen = seen + 1
        local long, long_encoding = described(clients[case.peer], pdu, "long")
        assert.equal(long, words)
        assert.equal(long_encoding, encoding)
      end)
      assert.is_true(os.getenv "SMPP_SEED" ~= nil or seen > 20 and joins > 20)
      for _, client in ipairs(clients) do client:close() end
      server:close()
    end, { loop = loop })
  end)

  it("joins its parts as it does by the long way, also where some take one and some the other (seeded)", function()
    local loop = virtual.new { seed = 1, limit_s = 1e6 }
    smpp.run(function()
      local server = assert(smpp.server { port = 2775 })
      local esme = assert(smpp.connect "smpp://me@127.0.0.1:2775")
      local inbox, seen, joins = esme.inbox, 0, 0
      local links = { {}, {} }
      --- What came of a part, in words.
      local function shown(what, detail)
        if type(detail) ~= "table" then return { what, detail } end
        local set = detail.set or detail
        local list = {}
        for seq, part in pairs(set.parts) do list[seq] = part.octets end
        return { what, set.source.addr, set.destination.ton, set.account, set.reference, set.total, list, set.octets, set.gap_s, set.suspicious, detail.result }
      end
      property.holds(few(400, 100), function(random, case)
        local o = { seed = "12345678", max_sets = random(6), max_octets = 3000 * random(20), max_sets_per_sender = random(3) }
        local short, long = reassembly.new(o), reassembly.new(o)
        local read, now = short:reader "me", 0
        inbox.read_part = read
        for step = 1, random(30) do
          local total = random(3)
          local pdu = assert(smpp.decode(assert(smpp.encode {
            command = "deliver_sm", sequence_number = 1, source_addr = ("4"):rep(random(2)), source_addr_ton = random(2), destination_addr = ("1"):rep(random(12)),
            data_coding = ({ 0, 8, 4 })[random(3)], esm_class = random(12) == 1 and 0 or 0x40, message_payload = random(12) == 1 and "" or nil,
            short_message = ("\5\0\3%s%s%s%s"):format(string.char(random(2)), string.char(total), string.char(random(4) - 1), random(3) > 1 and ("x"):rep(random(3)) or OCTETS[random(#OCTETS)] .. "x"),
          })))
          local link, way, settles = links[random(2)], random(3), random(3)
          case[step] = { total, way, tostring(pdu) }
          if random(8) == 1 then now = now + ({ 1, 150, 4000, 90000 })[random(4)] end
          local what, detail, _
          inbox.reassembly = short
          if way > 1 then _, what, detail = inbox:usual_part(pdu, link, now) end
          if what then seen = seen + 1 else what, detail = short:add(inbox:part(pdu, link), now) end
          local long_what, long_detail = long:add(inbox:part(pdu, link), now)
          assert.same(shown(long_what, long_detail), shown(what, detail))
          if what == "complete" then
            local joined, data, encoding = inbox:usual_join(detail)
            if joined then assert.same({ inbox:decode(long_detail) }, { joined, data, encoding }) end
            joins = joins + (joined and 1 or 0)
          end
          if what == "complete" and settles > 1 then
            short:settle(detail, settles == 2, now)
            long:settle(long_detail, settles == 2, now)
          end
          assert.same({ long.sets, long.octets, long:next_expiry() }, { short.sets, short.octets, short:next_expiry() })
          if random(10) == 1 then assert.equal(#long:expire(now), #short:expire(now)) end
        end
      end)
      assert.is_true(os.getenv "SMPP_SEED" ~= nil or seen > 200 and joins > 50)
      inbox.reassembly = nil
      esme:close()
      server:close()
    end, { loop = loop })
  end)

  it("has its addresses and its part when they are asked for", function()
    local loop = virtual.new { seed = 1 }
    smpp.run(function()
      local got
      local server = assert(smpp.server { port = 2775 })
      local esme = assert(smpp.connect { "smpp://me@127.0.0.1:2775", message = function(msg) got = msg end })
      assert(server.sessions[1]:deliver_sm { source_addr = "491761234567", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "123", short_message = "Hi" })
      assert.same({ "+491761234567", "123", "Hi", "gsm7" }, { got.from, got.to, got.text, got.encoding })
      assert.same({ addr = "491761234567", ton = 1, npi = 1 }, got.source)
      assert.same({ addr = "123", ton = 0, npi = 0 }, got.destination)
      assert.equal(1, #got.parts)
      assert.equal("Hi", got.parts[1].octets)
      assert.equal(got.pdu, got.parts[1].pdu)
      assert.is_nil(got.data)
      esme:close()
      server:close()
    end, { loop = loop })
  end)
end)
