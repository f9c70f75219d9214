--- Whatever a message centre delivers, a client answers it, keeps to its limits and raises nothing: damaged parts, headers,
--- receipts and codings, through header, reassembler, tracker and decoders.  SMPP_FUZZ_S=60 goes on for that many seconds.
local property = require "spec.support.property"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local HEADERS = {
  "\5\0\3\7\2\1", "\5\0\3\7\2\2", "\5\0\3\7\3\3", "\5\0\3\7\0\1", "\5\0\3\7\2\0", "\6\8\4\0\7\2\1", "\6\8\4\0\7\2\2", "\0", "\3\36\1\1",
  "\3\37\1\13", "\3\37\1\99", "\11\0\3\7\2\1\5\4\11\132\35\240", "\200", "\5\0\3\7", "",
}
local BODIES = {
  "Hello", "\27", "\216\61", "\220\75", "\254\255\0a", "id:1 stat:DELIVRD", "id:1 stat:", "\0i\0d\0:\0001\0 \0s\0t\0a\0t\0:\0D", ("x"):rep(254), "", "\0",
}

local function octets(random, most)
  local list = {}
  for i = 1, random(most) do list[i] = string.char(random(256) - 1) end
  return table.concat(list)
end

--- A deliver_sm that has some chance to mean something.
local function noise(random)
  local pdu = {
    source_addr = "49" .. random(3), source_addr_ton = random(3) - 1, destination_addr = "12345",
    esm_class = ({ 0, 0x40, 0x40, 0x40, 0x04, 0x44, 0x20, 0x08, 0x10, 0xFF })[random(10)], data_coding = random(3) == 1 and random(256) - 1 or 0,
    short_message = ((random(4) > 1 and HEADERS[random(#HEADERS)] or octets(random, 12)) .. (random(3) > 1 and BODIES[random(#BODIES)] or octets(random, 60))):sub(1, 254),
  }
  if random(5) == 1 then pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum = random(2), random(4) - 1, random(4) - 1 end
  if random(8) == 1 then pdu.message_payload = octets(random, 300) end
  if random(8) == 1 then pdu.receipted_message_id = octets(random, 10):gsub("%z", "0") end
  if random(8) == 1 then pdu.message_state = random(12) - 1 end
  if random(12) == 1 then pdu.network_error_code = octets(random, 1):rep(3) end
  return pdu
end

local LIMITS = { max_sets = 4, max_sets_per_sender = 2, max_octets = 1200, max_age_s = 20 }
local PEERS = { {}, { default_alphabet = "gsm7_packed" }, { default_alphabet = "ucs2" }, { data_codings = { [0] = "shift_jis", [8] = "ucs2_le" } } }

--- One client's life; `case` gets what was delivered.
local function live(random, case)
  local loop = virtual.new { seed = 1, limit_s = 100000 }
  loop.on_error = function(trace) error(trace, 0) end
  local peer = PEERS[random(#PEERS)]
  case.peer, case.pdus = peer, {}
  smpp.run(function()
    local server = assert(smpp.server { port = 2775, submit_sm = function() return "1" end })
    local whole, parts, stored = 0, 0, 0
    local esme = assert(smpp.connect {
      "smpp://me@127.0.0.1:2775", reassembly = LIMITS, default_alphabet = peer.default_alphabet, data_codings = peer.data_codings,
      message = function(msg)
        whole = whole + 1
        assert((msg.text == nil) ~= (msg.data == nil))
        -- What is handed over as text is UTF-8.
        if msg.text then assert(smpp.text.encode(msg.text, { encoding = "ucs2" })) end
        for i, part in ipairs(msg.parts) do
          if #msg.parts > 1 then assert(part.seq == i) end
          parts = parts + 1
        end
      end,
      receipt = function(r) assert(type(r.err) == "string" and r.raw) end,
    })
    esme:on("error", function(message)
      assert(message:find("^malformed receipt") or message:find "^incomplete message" or message:find "refused", message)
    end)
    esme:on("incomplete", function(set)
      assert(#set.missing > 0 and set.total > #set.missing)
      for _, part in pairs(set.parts) do assert(part.seq >= 1 and part.seq <= set.total) end
    end)
    assert(esme:send { to = "+491", text = "x", receipt = true })
    for i = 1, random(40) do
      local pdu = noise(random)
      case.pdus[i] = pdu
      local response, message, code = server.sessions[1]:deliver_sm(pdu)
      assert(response or code:find "^ESME_RX_", message)
      local engine = esme.inbox.reassembly -- nil: nothing that might be a part came yet
      assert(not engine or engine.sets <= LIMITS.max_sets and engine.octets <= LIMITS.max_octets)
      stored = stored + 1
      if random(10) == 1 then smpp.sleep(random(30)) end
    end
    assert(parts <= stored and whole <= stored)
    local engine = esme.inbox.reassembly
    smpp.sleep(LIMITS.max_age_s + 1)
    assert(not engine or engine.sets == 0 and engine.octets == 0, "sets are left after their age")
    esme:close()
    server:close()
  end, { loop = loop })
  assert(loop:describe() == "nothing", loop:describe())
end

describe("client: malformed input", function()
  it("answers all, keeps to its limits, and raises nothing", function()
    local seconds = tonumber(os.getenv "SMPP_FUZZ_S")
    if not seconds then return property.holds(150, live, 77) end
    local started, seed = os.time(), os.time()
    while os.time() - started < seconds do
      property.holds(200, live, seed)
      seed = seed + 1
    end
  end)
end)
