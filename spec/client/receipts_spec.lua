--- The usual receipt is read in one call; the long way reads the same.
local property = require "spec.support.property"
local receipts = require "smpp.client.receipts"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local EAGER = { "kind", "id", "state", "final", "message_state", "err" }
local PIECES = {
  "id:", "id:4711 ", "ID:0A", " stat:", "stat:DELIVRD ", "stat:undeliv ", "stat:ENROUTE ", "stat:OK ", "err:", "err:000 ", "err:1f ", "text:", "Hello ",
  "submit date:2611290100 ", "done date:2611290101 ", "sub:001 ", "mcc:262 ", "\0", " ", "\255", "7", "é",
}
local IDS = { "4711", "0A  ", "4711\0", "\0", "", "  ", ("x"):rep(64), ("x"):rep(65), "4711\0 x" }
local STATES = { "\0", "\1", "\2", "\5", "\7", "\9", "\10", "\255", "", "\0\2" }
local ERRORS = { "\3\0\0", "\3\0\7", "\3\4\1", "\3\255\255", "\3\1", "" }
local TYPES = { 4, 4, 4, 0, 0x44, 0x20, 0x08, 0x84, 0x05 }
local CODINGS = { 0, 0, 0, 3, 8, 1, 0xF0 }
local OPTIONS = {
  {}, {}, { default_alphabet = "gsm7" }, { zone_s = 3600, untyped = true }, { states = { OK = "DELIVERED" } }, { final = { ENROUTE = true } },
  { encoding = "latin1" }, { default_alphabet = "latin1" }, { err_rule = function() return 7 end }, { read = function() return nil end },
}

--- The fields of a table, also of one that reads some when they are asked for.
local function plain(receipt, names)
  local copy = {}
  for _, name in ipairs(names) do copy[name] = receipt[name] end
  return copy
end

local function pdu_of(random, case)
  local pieces = {}
  for i = 1, random(9) - 1 do pieces[i] = PIECES[random(#PIECES)] end
  case.text = table.concat(pieces)
  case.tlvs = {}
  local function add(tag, values)
    if random(2) == 1 then case.tlvs[#case.tlvs + 1] = { tag = tag, octets = values[random(#values)] } end
  end
  for _ = 1, random(2) do
    add(0x001E, IDS)
    add(0x0427, STATES)
    add(0x0423, ERRORS)
  end
  if random(10) == 1 then add(0x0424, { "", "id:1 stat:EXPIRED" }) end
  case.esm_class, case.data_coding = TYPES[random(#TYPES)], CODINGS[random(#CODINGS)]
  return assert(smpp.decode(assert(smpp.encode {
    command = "deliver_sm", sequence_number = 1, source_addr = "491761234567", source_addr_ton = 1, destination_addr = "12345",
    esm_class = case.esm_class, data_coding = case.data_coding, short_message = case.text, tlvs = case.tlvs,
  })))
end

describe("smpp.client.receipts", function()
  it("reads of a usual receipt what the long way reads (seeded)", function()
    local seen = 0
    property.holds(3000, function(random, case)
      local pdu, o = pdu_of(random, case), OPTIONS[random(#OPTIONS)]
      local read, make = receipts.reader({}, o)
      local found = read and { read(pdu) } or {}
      if found[1] == nil then return end
      seen = seen + 1
      local long = assert(receipts.parse(pdu, o))
      local short = make(pdu, found[1], found[2], found[3], found[4], found[5])
      assert.same(plain(long, EAGER), plain(short, EAGER))
      local names = {}
      for name in pairs(long) do names[#names + 1] = name end
      if random(2) == 1 then short:read_all() end
      assert.same(long, plain(short, names))
    end)
    assert.is_true(os.getenv "SMPP_SEED" ~= nil or seen > 100)
  end)

  it("takes the long way where an option names something unusual", function()
    for i, o in ipairs(OPTIONS) do assert.equal(i <= 4, receipts.reader({}, o) ~= nil, i) end
  end)

  it("leaves what the program has put into a receipt, and what is not there is nil", function()
    local pdu = assert(smpp.decode(assert(smpp.encode {
      command = "deliver_sm", sequence_number = 1, esm_class = 4, short_message = "id:1 stat:DELIVRD err:000 text:Hello",
    })))
    local _, make = receipts.reader({}, {})
    local receipt = make(pdu, "1", "DELIVERED", true, 2, "000")
    receipt.text = "mine"
    assert.is_nil(receipt.order)
    assert.is_nil(receipt.network_error)
    assert.equal("mine", receipt.text)
    assert.equal("1", receipt.fields.id)
    assert.is_nil(receipt.read_all)
  end)

  it("finds the message of a receipt, however its id is spelled, and wakes who waits", function()
    local loop = virtual.new { seed = 1 }
    smpp.run(function()
      local n, form, seen = 0, "%x", {}
      local server
      server = assert(smpp.server { submit_sm = function(session, pdu)
        n = n + 1
        local id = form:format(0xA000 + n)
        smpp.spawn(function()
          smpp.sleep(0.1)
          assert(session:deliver_sm {
            source_addr = pdu.destination_addr, destination_addr = pdu.source_addr, esm_class = 4,
            short_message = ("id:%s done date:7001010001 stat:DELIVRD err:000"):format(id),
          })
        end)
        return ("%x"):format(0xA000 + n)
      end })
      local esme = assert(smpp.connect { "smpp://me@localhost", receipt = function(receipt) seen[#seen + 1] = receipt end })
      local function send() return assert(esme:send { to = "+491761234567", text = "Hello", receipt = true }) end
      for i = 1, 40 do
        form = i % 4 == 0 and "00%X" or "%x"
        local sent = send()
        local first, second = nil, nil
        smpp.spawn(function() first = sent:receipt(5) end)
        smpp.spawn(function() second = sent:receipt() end)
        local receipt = assert(sent:receipt(10))
        smpp.sleep(0)
        assert.is_true(first == receipt and second == receipt and sent.done == receipt)
        assert.same({ sent.message_id, true, "DELIVERED", 1, "000" },
          { receipt.id, receipt.delivered, receipt.state, receipt.part, receipt.err })
        assert.equal(sent, receipt.sent)
        assert.same(sent.message_ids, receipt.ids)
        assert.equal(3155760060, receipt.done)
        assert.equal(form:format(0xA000 + i), seen[i].id)
        assert.same({ sent, 1, esme, "DELIVERED" }, { seen[i].sent, seen[i].part, seen[i].esme, sent.last_state })
      end
      assert.is_true(esme.sender.tracker.ids.is_sure)
      esme:close()
      server:close()
    end, { loop = loop })
  end)
end)
