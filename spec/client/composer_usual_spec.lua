--- The usual message, of from, to, text and receipt, takes a short way to its submit_sm; the long way makes the same.
local property = require "spec.support.property"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local ADDRESSES = {
  "", "TestApp", "12345", "+491761234567", "+49 176 1234-567", "491761234567", "0176123", "+4", "123456789012345678901", "TwelveOctets",
  "Grüße", { addr = "4917612345", ton = 1, npi = 1 }, { "Name" }, 12345,
}
local PIECES = { "a", "Hello ", "é", "€", "[", "\r", "\n", "ß", "Код ", "ы", "й", "\204\136", "漢", "👋", "👩‍💻", "🇩🇪", "@", "\0", "\255", "\226\130" }
local RECEIPTS = { true, false, "failure", "intermediate", "success" }

local function text_of(random)
  local pieces, length = {}, ({ 0, 1, 10, 40, 70, 153, 160, 200, 700 })[random(9)]
  local few = random(2) == 1 and 6 or #PIECES - 2 * (random(4) - 1 > 0 and 1 or 0)
  for i = 1, length do pieces[i] = PIECES[random(few)] end
  return table.concat(pieces)
end

--- What went out, without what two sendings never share: sequence numbers and references.
local function shown(pdus)
  local list = {}
  for i, pdu in ipairs(pdus) do
    local fields = pdu:totable()
    fields.sequence_number = nil
    if math.floor(pdu.esm_class / 64) % 2 == 1 then
      fields.reference = nil
      fields.short_message = pdu.short_message:sub(1, 3) .. "r" .. pdu.short_message:sub(5)
    end
    list[i] = fields
  end
  return list
end

local function described(sent)
  if not sent then return nil end
  local info = sent.info
  if info then info.reference, info.culprits = info.reference and "some" or nil, info.culprits end
  return { info = info and setmetatable(info, nil), parts = #sent.parts, ids = #sent.message_ids, code = sent.parts[1] and sent.parts[1].code }
end

describe("smpp.client.composer: the usual message", function()
  it("goes out as it does by the long way (seeded)", function()
    local loop = virtual.new { seed = 1, limit_s = 1e6 }
    smpp.run(function()
      local seen = {}
      local server = assert(smpp.server { port = 2775, submit_sm = function(_, pdu)
        seen[#seen + 1] = pdu
        if pdu.destination_addr == "12345" then return nil, "ESME_RINVDSTADR" end
        return "id" .. #pdu.short_message
      end })
      local esme = assert(smpp.connect "smpp://me@127.0.0.1:2775")
      local function outcome(message, lane)
        seen = {}
        message.lane = lane
        local ok, sent, err, code, partial = pcall(esme.send, esme, message)
        if not ok then return { raised = tostring(sent) } end
        return { sent = described(sent or partial), err = err, code = code, pdus = shown(seen) }
      end
      property.holds(400, function(random, case)
        case.from, case.to, case.text = ADDRESSES[random(#ADDRESSES)], ADDRESSES[random(#ADDRESSES)], text_of(random)
        case.receipt = RECEIPTS[random(6)]
        local short = outcome({ from = case.from, to = case.to, text = case.text, receipt = case.receipt }, nil)
        local long = outcome({ from = case.from, to = case.to, text = case.text, receipt = case.receipt }, 0)
        assert.same(long, short)
      end)
      esme:close()
      server:close()
    end, { loop = loop })
  end)

  it("is not one that its metatable says more about", function()
    local loop = virtual.new { seed = 1 }
    smpp.run(function()
      local flash
      local server = assert(smpp.server { port = 2775, submit_sm = function(_, pdu) flash = pdu.data_coding end })
      local esme = assert(smpp.connect "smpp://me@127.0.0.1:2775")
      assert(esme:send(setmetatable({ to = "+491761234567", text = "Hello" }, { __index = { flash = true } })))
      assert.equal(0x10, flash)
      esme:close()
      server:close()
    end, { loop = loop })
  end)

  it("has its own address, however many there are", function()
    local loop = virtual.new { seed = 1 }
    smpp.run(function()
      local last
      local server = assert(smpp.server { port = 2775, submit_sm = function(_, pdu) last = pdu.destination_addr end })
      local esme = assert(smpp.connect "smpp://me@127.0.0.1:2775")
      for i = 1, 2500 do
        assert(esme:send { to = "+49176" .. i, text = "x" })
        assert.equal("49176" .. i, last)
      end
      esme:close()
      server:close()
    end, { loop = loop })
  end)

  it("is sent to its last part by a client that closes", function()
    local loop = virtual.new { seed = 1 }
    smpp.run(function()
      local seen, sent = 0, nil
      local server = assert(smpp.server { port = 2775, submit_sm = function()
        seen = seen + 1
        smpp.sleep(1)
      end })
      local esme = assert(smpp.connect "smpp://me@127.0.0.1:2775")
      smpp.spawn(function() sent = esme:send { to = "+491761234567", text = ("A long one. "):rep(40) } end)
      smpp.sleep(0.5)
      assert.same({}, esme:close())
      assert.equal(4, seen)
      assert.equal(4, #sent.parts)
      server:close()
    end, { loop = loop })
  end)
end)
