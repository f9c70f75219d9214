--- Receipts through a client: each finds its message, whatever the message centre makes of id, alphabet and order.
local receipt = require "smpp.receipt"
local smpp = require "smpp"
local text = require "smpp.text"
local virtual = require "smpp.loop.virtual"

--- Runs fn(esme, mc, heard) with a client and a message centre that gives ids by `mc.id(n)`.
---   mc:tell(id, stat, o)  sends a receipt;  mc.submits: what was submitted;  heard: the client's receipt events
local function with(o, fn)
  local loop = virtual.new { seed = 1, limit_s = 1000000 }
  loop.on_error = function(trace) error(trace, 0) end
  smpp.run(function()
    local mc, heard = { submits = {}, id = tostring }, {}
    mc.server = assert(smpp.server { port = 2775, submit_sm = function(session, pdu)
      mc.submits[#mc.submits + 1] = pdu
      local id = mc.id(#mc.submits)
      if mc.before then mc.before(session, id, pdu) end
      return id
    end })
    function mc:tell(id, stat, more)
      local fields = {
        source_addr = "491761234567", source_addr_ton = 1, destination_addr = "1234", esm_class = 4,
        short_message = ("id:%s sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:%s err:000 text:Hello"):format(id, stat or "DELIVRD"),
      }
      for name, value in pairs(more or {}) do fields[name] = value end
      return assert(self.server.sessions[1][fields.command or "deliver_sm"](self.server.sessions[1], fields))
    end
    local given = { "smpp://me@127.0.0.1:2775" }
    for name, value in pairs(o) do given[name] = value end
    local esme = assert(smpp.connect(given))
    esme:on("receipt", function(r) heard[#heard + 1] = r end)
    fn(esme, mc, heard)
    esme:close()
    mc.server:close()
  end, { loop = loop })
  assert.equal("nothing", loop:describe())
end

local function send(esme, message)
  local fields = { from = "1234", to = "+491761234567", text = "Hello", receipt = true }
  for name, value in pairs(message or {}) do fields[name] = value end
  return assert(esme:send(fields))
end

describe("client receipts: ids", function()
  --- How many of n receipts found their message.
  local function found(id_base, in_response, in_receipt, first, n)
    local count, rule = 0, nil
    with({ id_base = id_base, log = function(record) if record.event == "ids_learned" then rule = record.rule end end }, function(esme, mc)
      mc.id = function(i) return in_response:format(first + i) end
      for i = 1, n do
        local sent = send(esme)
        assert.equal(in_response:format(first + i), sent.message_id)
        mc:tell(in_receipt:format(first + i))
        local r = sent:receipt(1)
        if r then
          count = count + 1
          assert.same({ "DELIVERED", sent.message_id }, { r.state, r.id })
        end
      end
    end)
    return count, rule
  end

  it("in hex whose receipts are decimal, and the other way round", function()
    for _, row in ipairs { { "dec", "%x", "%d" }, { "dec", "%08X", "%010d" }, { "hex", "%d", "%x" }, { "hex", "%010d", "%08X" } } do
      assert.equal(20, (found(row[1], row[2], row[3], 0xA0, 20)), table.concat(row, " "))
      assert.equal(20, (found(row[1], row[2], row[3], 0xABCDEF00, 20)))
      assert.same({ 20, row[1] }, { found("auto", row[2], row[3], 0xABCDEF00, 20) }) -- learned, and said so
      assert.equal(20, (found(nil, row[2], row[3], 0xA0, 20))) -- short ids: by the address, too
      assert.equal(0, (found("as-is", row[2], row[3], 0xABCDEF00, 5)))
    end
  end)

  it("that differ in case and zeros", function()
    assert.same({ 5, "as-is" }, { found("auto", "%08x", "%X", 0xABCDEF00, 5) })
    assert.equal(0, (found("as-is", "%x", "%X", 0xABCDEF00, 5)))
    assert.equal(5, (found("as-is", "%x", "%x", 0xABCDEF00, 5)))
  end)

  it("of the TLV count before those of the text", function()
    with({ id_base = "as-is" }, function(esme, mc)
      mc.id = function() return "real-id" end
      local sent = send(esme)
      mc:tell("another", "DELIVRD", { receipted_message_id = "real-id" })
      assert.equal("DELIVERED", sent:receipt(1).state)
    end)
  end)
end)

describe("client receipts: a receipt", function()
  it("in UCS-2, Latin-1 or the peer's default alphabet is read, text and all", function()
    local words = "id:%s sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:0AB text:Grüße"
    local function octets(id, encoding) return assert(text.encode(words:format(id), { encoding = encoding })) end
    local rows = {
      { {}, "ucs2", 8 }, { {}, "ucs2", 0 }, { {}, "latin1", 3 },
      { { default_alphabet = "latin1" }, "latin1", 0 }, { { default_alphabet = "gsm7" }, "gsm7", 0 },
      { { receipts = { encoding = "latin1" } }, "latin1", 0 }, { { receipts = { encoding = "ucs2" } }, "ucs2", 1 },
      { { profile = "gatewayapi" }, "latin1", 0 },
      { { profile = { default_alphabet = "gsm7", receipts = { encoding = "latin1" } } }, "latin1", 0 },
    }
    for i, row in ipairs(rows) do
      with(row[1], function(esme, mc, heard)
        local sent = send(esme)
        mc:tell("", "", { short_message = octets(sent.message_id, row[2]), data_coding = row[3] })
        local r = assert(sent:receipt(1), i)
        assert.same({ "DELIVERED", "0AB", "Grüße" }, { r.state, r.err, r.text }, i)
        assert.equal(sent, heard[1].sent)
      end)
    end
  end)

  it("may come before its response, by data_sm, as message_payload, without text, twice", function()
    local rows = {
      { command = "data_sm", short_message = false, message_payload = "id:%s stat:DELIVRD err:000", data_coding = 0 },
      { short_message = "", message_payload = "id:%s stat:DELIVRD err:000" },
      { short_message = "", message_state = 2 }, {},
    }
    for i, row in ipairs(rows) do
      with({}, function(esme, mc, heard)
        local function tell(id)
          local more = {}
          for name, value in pairs(row) do more[name] = type(value) == "string" and value:gsub("%%s", id) or value end
          if row.message_state then more.receipted_message_id = id end
          if more.short_message == false then
            more.source_addr, more.destination_addr, more.esm_class = "491761234567", "1234", 4
            more.short_message = nil
            more.command = nil
            assert(mc.server.sessions[1]:data_sm(more))
          else
            mc:tell(id, nil, more)
          end
        end
        mc.before = function(_, id) tell(id) end -- acknowledged before the response is written
        local sent = send(esme)
        assert.equal("DELIVERED", assert(sent:receipt(1), i).state)
        tell(sent.message_id)
        assert.equal(2, #heard)
        mc.before = nil
        sent = send(esme)
        tell(sent.message_id)
        assert.equal("DELIVERED", assert(sent:receipt(1), i).state)
      end)
    end
  end)

  it("of yesterday is not that of a new message with the same id", function()
    with({}, function(esme, mc)
      mc.id = function() return "1" end
      mc:tell("1", "UNDELIV")
      smpp.sleep(86400)
      local sent = send(esme)
      assert.same({ nil, "no receipt within 100 s", "timeout" }, { sent:receipt(100) })
      mc:tell("1", "DELIVRD")
      assert.equal("DELIVERED", sent:receipt(1).state)
    end)
  end)

  it("that overtakes its response settles no other message, and knows its own", function()
    with({}, function(esme, mc)
      mc.id = function(n) return ({ "70001", "70002", "70003", "12345", "74565" })[n] end -- 74565 = 0x12345
      for _, id in ipairs { "70001", "70002", "70003" } do
        local sent = send(esme)
        mc:tell(id)
        assert.equal(id, sent:receipt(1).id)
      end
      local old = send(esme) -- a phone that is off
      mc.before = function() mc:tell "74565" end
      local new = send(esme)
      local r = new:receipt(1)
      assert.same({ "DELIVERED", "74565", 1 }, { r.state, r.id, r.part })
      assert.equal(new, r.sent)
      assert.is_nil(old:receipt(1))
    end)
  end)

  it("with UNKNOWN is no result, but what is said when none comes", function()
    with({ receipt_ttl_s = 50 }, function(esme, mc)
      local sent = send(esme)
      mc:tell(sent.message_id, "UNKNOWN")
      assert.same({ nil, "no receipt within 5 s: last state UNKNOWN", "timeout" }, { sent:receipt(5) })
      assert.same({ nil, "no receipt received: last state UNKNOWN", "timeout" }, { sent:receipt(100) })
      assert.same({ nil, "no receipt received: last state UNKNOWN", "timeout" }, { sent:receipt() })
    end)
  end)

  it("that no response claims finds its message when its time as an early one is up", function()
    with({}, function(esme, mc)
      mc.id = function(n) return ("%d"):format(0x12345000 + n) end
      for n = 1, 3 do
        send(esme)
        mc:tell(mc.id(n))
      end
      local sent = send(esme)
      mc:tell(("%x"):format(0x12345004)) -- ids in hex for once
      assert.is_nil(sent:receipt(590))
      assert.equal("DELIVERED", sent:receipt(20).state)
    end)
  end)

  it("of each part makes one result: delivered when all are, the first failure decides", function()
    local long = ("x"):rep(400)
    with({}, function(esme, mc)
      local sent = send(esme, { text = long })
      mc:tell(sent.message_ids[3])
      mc:tell(sent.message_ids[1])
      assert.equal("timeout", (select(3, sent:receipt(1))))
      mc:tell(sent.message_ids[2])
      local r = sent:receipt(1)
      assert.same({ "DELIVERED", true, sent.message_id }, { r.state, r.delivered, r.id })
      sent = send(esme, { text = long })
      mc:tell(sent.message_ids[1])
      mc:tell(sent.message_ids[3], "UNDELIV")
      r = sent:receipt(1)
      assert.same({ "UNDELIVERABLE", false }, { r.state, r.delivered })
      mc:tell(sent.message_ids[2])
      assert.equal("UNDELIVERABLE", sent:receipt(1).state)
    end)
  end)

  it("of a state on the way is an event and no result", function()
    with({}, function(esme, mc, heard)
      local sent = send(esme, { receipt = "intermediate" })
      assert.equal(0x11, mc.submits[1].registered_delivery)
      mc:tell(sent.message_id, "ENROUTE", { esm_class = 0x20 })
      mc:tell(sent.message_id, "ACCEPTD")
      assert.equal("timeout", (select(3, sent:receipt(1))))
      assert.same({ "intermediate", "ENROUTE", false, sent }, { heard[1].kind, heard[1].state, heard[1].final, heard[1].sent })
      assert.same({ "receipt", "ACCEPTED", false, sent }, { heard[2].kind, heard[2].state, heard[2].final, heard[2].sent })
      mc:tell(sent.message_id)
      assert.equal("DELIVERED", sent:receipt(1).state)
    end)
  end)

  it("is waited for as long as receipt_ttl_s, which is 48 hours", function()
    for _, row in ipairs { { {}, 48 * 3600 }, { { receipt_ttl_s = 60 }, 60 } } do
      with(row[1], function(esme)
        local started, sent = esme.loop:now(), send(esme)
        local r, _, code = sent:receipt()
        assert.same({ nil, "timeout" }, { r, code })
        assert.is_true(math.abs(esme.loop:now() - started - row[2]) < 1)
        assert.equal(0, esme.sender.tracker:count())
        assert.same({ nil, "timeout" }, { sent:receipt(1), (select(3, sent:receipt(1))) })
      end)
    end
  end)

  it("is not waited for any longer when the client closes", function()
    with({}, function(esme)
      local codes, sent = {}, { send(esme), send(esme) }
      for i = 1, 2 do smpp.spawn(function() codes[i] = select(3, sent[i]:receipt()) end) end
      esme:close()
      smpp.sleep(0)
      assert.same({ "timeout", "timeout" }, codes)
      assert.equal("timeout", (select(3, sent[1]:receipt())))
    end)
  end)

  it("finds the message of another client that shares the tracker", function()
    with({ tracker = smpp.tracker {} }, function(esme, mc)
      local other = assert(smpp.connect { "smpp://me@127.0.0.1:2775", bind = "tx", tracker = esme.options.tracker })
      local sent = send(other)
      mc:tell(sent.message_id) -- on the first session
      assert.equal("DELIVERED", sent:receipt(1).state)
      sent = send(other)
      local waited
      smpp.spawn(function() waited = sent:receipt(5) end)
      mc:tell(sent.message_id)
      smpp.sleep(0)
      assert.equal("DELIVERED", waited.state)
      sent = send(other)
      other:close() -- which does not end the wait: it is the first one that hears of it
      mc:tell(sent.message_id)
      assert.equal("DELIVERED", sent:receipt(1).state)
    end)
  end)

  it("that cannot be read is answered and told of, and an acknowledgement is no receipt", function()
    with({ message = function() end }, function(esme, mc, heard)
      local errors = {}
      esme:on("error", function(message) errors[#errors + 1] = message end)
      mc:tell("x", nil, { short_message = "nothing of the sort" })
      assert.truthy(errors[1]:find("malformed receipt", 1, true))
      assert.equal(0, #heard)
      mc:tell("x", nil, { esm_class = 0x10, short_message = "yes" })
      assert.equal(0, #heard)
      assert.equal(1, #errors)
    end)
  end)

  it("is written by the message centre as it is read here, by GatewayAPI's rule too", function()
    with({ profile = "gatewayapi" }, function(esme, mc, heard)
      local sent = send(esme, { user_message_reference = 77 })
      assert.equal(77, mc.submits[1].user_message_reference)
      local _, pdu = assert(receipt.format {
        id = sent.message_id, state = "REJECTED", err = receipt.gatewayapi_err(0x107E), submit = mc.submits[1], text = "þ", default_alphabet = "latin1",
      })
      assert(mc.server.sessions[1]:deliver_sm(pdu))
      local r = sent:receipt(1)
      assert.same({ "REJECTED", "126", 0x107E, "þ" }, { r.state, r.err, r.err_code, r.text })
      assert.same({ "+491761234567", "1234" }, { heard[1].from, heard[1].to })
      assert.equal(77, heard[1].tlvs.user_message_reference)
    end)
  end)
end)
