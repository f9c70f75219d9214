--- Kannel 1.4.5 (bearerbox and smsbox) as an ESME of our message centre.
local kannel = require "spec.support.kannel"
local loops = require "smpp.loop"
local peers = require "spec.support.peers"
local reassembly = require "smpp.text.reassembly"
local receipts = require "smpp.receipt"
local smpp = require "smpp"
local text = require "smpp.text"
local udh = require "smpp.text.udh"

--- What a message centre of ours saw and did.  answer: may refuse a submit_sm by a status.
local function message_centre(o)
  local mc = { seen = {}, ids = {}, errors = {}, commands = {}, states = {}, answer = nil }
  local function submit(_, pdu)
    mc.seen[#mc.seen + 1] = pdu
    local status = mc.answer and mc.answer(pdu)
    if status then return nil, status end
    mc.ids[#mc.seen] = ("%x"):format(0xAB00 + #mc.seen)
    return mc.ids[#mc.seen]
  end
  local options = { port = 0, accounts = { kannel = { password = "secret" } }, submit_sm = submit, data_sm = submit }
  for name, value in pairs(o or {}) do options[name] = value end
  mc.server = assert(smpp.server(options))
  mc.server:on("error", function(message) table.insert(mc.errors, message) end)
  mc.server:on("state", function(_, to) mc.states[to] = (mc.states[to] or 0) + 1 end)
  mc.server:on("pdu", function(_, pdu, direction)
    local name = direction .. " " .. pdu.command
    mc.commands[name] = (mc.commands[name] or 0) + 1
    for _, problem in ipairs(pdu:problems()) do
      if problem.severity ~= "note" then table.insert(mc.errors, name .. ": " .. problem.message) end
    end
  end)
  return mc
end

--- Sends a receipt for the nth submit_sm.  Kannel 1.4.5 drops one that overtakes the submit_sm_resp, which on two
--- connections, with a thread each, also happens to one that was sent after it: wait until it has told of the response.
local function send_receipt(mc, n, state)
  assert(mc.server:deliver("kannel", assert(receipts.deliver_sm {
    id = mc.ids[n], state = state, submit = mc.seen[n], intermediate = state == "ENROUTE", done = loops.current():time(),
    err = state == "DELIVERED" and 0 or 27,
  })))
end

--- The nth submit_sm.
local function submitted(mc, n)
  return peers.wait("submit_sm " .. n, function() return mc.seen[n] end)
end

--- Runs fn(mc, box): our message centre with Kannel bound to it, which ends as it should.
local function with(bind, fn, o)
  peers.need("bearerbox", "kannel")
  peers.run(function()
    local mc = message_centre(o and o.server)
    local box = kannel.start { port = mc.server.port, bind = bind, smsc = o and o.smsc, head = o and o.head, reply = o and o.reply }
    peers.wait("Kannel to bind", function() return #mc.server.sessions == (bind == "trx" and 1 or 2) end)
    fn(mc, box)
    mc.server:close(2)
    assert.same({}, mc.errors)
  end)
end

local DLR_MASK = 31 -- delivered, failed, buffered, accepted by the MC, refused by it

for _, bind in ipairs { "trx", "tx+rx" } do
  describe("Kannel bound as " .. bind, function()
    it("sends, gets its receipts, receives and replies, and unbinds", function()
      with(bind, function(mc, box)
        local states = {}
        for _, session in ipairs(mc.server.sessions) do
          states[#states + 1] = session.state
          assert.equal(0x34, session.version)
        end
        table.sort(states)
        assert.same(bind == "trx" and { "BOUND_TRX" } or { "BOUND_RX", "BOUND_TX" }, states)

        local status, words = box:sendsms {
          from = "Shop", to = "+491761", text = "Grüße @ £5 ^{}[~]| €", charset = "utf-8", ["dlr-mask"] = DLR_MASK, ["dlr-url"] = box:dlr_url "one",
        }
        assert.equal(202, status, words)
        local pdu = submitted(mc, 1)
        assert.equal("Grüße @ £5 ^{}[~]| €", (text.decode(pdu.short_message, pdu.data_coding)))
        assert.same({ "Shop", 5, "491761", 1 }, { pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr, pdu.dest_addr_ton })
        -- mask 31 asks for intermediate notifications, too; and it writes store and forward mode, the default, explicitly
        assert.same({ 0x11, 0x03 }, { pdu.registered_delivery, pdu.esm_class })
        local accepted = box:visit "/dlr"
        assert.same({ "8", "ab01" }, { accepted.type, accepted.id })
        send_receipt(mc, 1, "DELIVERED")
        local delivered = box:visit "/dlr"
        assert.same({ "1", "one", "ab01" }, { delivered.type, delivered.name, delivered.id })
        assert.truthy(delivered.words:find("stat:DELIVRD", 1, true))

        assert(mc.server:deliver("kannel", {
          source_addr = "491761", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "777", short_message = "hello kannel",
        }))
        local mo = box:visit "/mo"
        assert.same({ "+491761", "777", "hello kannel" }, { mo.from, mo.to, mo.text })
        local reply = submitted(mc, 2)
        assert.same({ "You said: hello kannel", "491761", "777" }, { reply.short_message, reply.destination_addr, reply.source_addr })
        peers.wait("Kannel's enquire_links, and its answers to ours", function()
          return (mc.commands["in enquire_link"] or 0) > 0 and (mc.commands["in enquire_link_resp"] or 0) > 0
        end)
        box:shutdown()
        peers.wait("the ends of its sessions", function() return #mc.server.sessions == 0 end)
        assert.equal(bind == "trx" and 1 or 2, mc.commands["in unbind"])
      end, {
        server = { enquire_link_s = 0.3 },
        reply = function(query) return "You said: " .. query.text end,
      })
    end)
  end)
end

-- TLVs that Kannel is told of, and our server.
local VENDOR = {
  server = { profile = { tlvs = { { tag = 0x1400, name = "entity", type = "cstring" }, { tag = 0x1401, name = "template", type = "int2" } } } },
  head = [[
group = smpp-tlv
name = entity
tag = 0x1400
type = nulterminated
length = 20
smsc-id = mc

group = smpp-tlv
name = template
tag = 0x1401
type = integer
length = 2
smsc-id = mc
]],
}

describe("Kannel", function()
  it("sends each coding both sides know, long texts in parts that we join, times, and vendor TLVs", function()
    with("trx", function(mc, box)
      local n = 0
      local function send(query)
        query.from, query.to = "4912345", "+491761"
        local status, words = box:sendsms(query)
        assert.equal(202, status, words)
        n = n + 1
        return submitted(mc, n)
      end
      local pdu = send { text = "Привет 👋🏽", charset = "utf-8", coding = 2 }
      assert.equal(8, pdu.data_coding)
      assert.equal("Привет 👋🏽", (text.decode(pdu.short_message, 8)))

      pdu = send { text = "flash", mclass = 0 }
      assert.equal("flash", (text.decode(pdu.short_message, pdu.data_coding)))
      local coding = text.data_coding(pdu.data_coding)
      assert.is_true(coding.flash)
      assert.equal("gsm7", coding.encoding)

      pdu = send { text = "\1\2\0\255", coding = 1 }
      assert.equal("binary", text.data_coding(pdu.data_coding).encoding)
      assert.equal("\1\2\0\255", pdu.short_message)

      pdu = send { text = "wap", udh = "\6\5\4\11\132\35\240", coding = 1 }
      assert.equal(0x40, pdu.esm_class - pdu.esm_class % 0x40)
      local header = assert(udh.decode(pdu.short_message))
      assert.equal(7, header.length)
      assert.equal("wap", pdu.short_message:sub(8))

      pdu = send { text = "later", validity = 60, deferred = 10, priority = 3, pid = 64 }
      local now = loops.current():time()
      local schedule = smpp.timestamp.to_unix(assert(smpp.timestamp.parse(pdu.schedule_delivery_time)), now)
      local expiry = smpp.timestamp.to_unix(assert(smpp.timestamp.parse(pdu.validity_period)), now)
      assert.is_true(math.abs(schedule - now - 600) < 30, pdu.schedule_delivery_time)
      assert.is_true(math.abs(expiry - now - 3600) < 30, pdu.validity_period)
      assert.same({ 3, 64 }, { pdu.priority_flag, pdu.protocol_id })

      pdu = send { text = "dlt", ["meta-data"] = "?smpp?entity=1201159&template=7&" }
      assert.equal("1201159", pdu.entity)
      assert.equal(7, pdu.template)

      for _, case in ipairs { { ("Long text. €"):rep(40) }, { ("Эмодзи 👋🏽 "):rep(30), 2 } } do
        local words, coded = case[1], case[2]
        local status = box:sendsms { from = "4912345", to = "+491761", text = words, charset = "utf-8", coding = coded }
        assert.equal(202, status)
        local engine, set = reassembly.new(), nil
        peers.wait("all parts", function()
          while mc.seen[n + 1] do
            n = n + 1
            local part = mc.seen[n]
            local parsed = assert(udh.decode(part.short_message))
            local what, detail = engine:add({
              source = { addr = part.source_addr }, destination = { addr = part.destination_addr }, reference = parsed.concat.ref, width = 8,
              total = parsed.concat.total, seq = parsed.concat.seq, octets = part.short_message:sub(parsed.length + 1), data_coding = part.data_coding,
            }, loops.current():now())
            if what == "complete" then set = detail end
          end
          return set
        end)
        -- Kannel cuts between septets and between 16-bit units: a pair of surrogates may be in two parts.  Joined
        -- octets are whole again.
        local joined = reassembly.join(set)
        assert.equal(1, #joined)
        assert.equal(words, (text.decode(joined[1].octets, joined[1].data_coding)))
      end
    end, VENDOR)
  end)

  it("tells of every outcome: failed, buffered, refused; and sends again what was throttled", function()
    with("trx", function(mc, box)
      local function send(name)
        local status = box:sendsms { from = "1234", to = "+491761", text = name, ["dlr-mask"] = DLR_MASK, ["dlr-url"] = box:dlr_url(name) }
        assert.equal(202, status)
        local function next_type()
          return box:visit("/dlr", function(query) return query.name == name end).type
        end
        return next_type
      end
      local next_type = send "lost"
      assert.equal("8", next_type())
      send_receipt(mc, 1, "ENROUTE")
      assert.equal("4", next_type())
      send_receipt(mc, 1, "UNDELIVERABLE")
      assert.equal("2", next_type())
      -- Our refusals are headers without a body, as the standard has them; Kannel logs that message_id has no NUL.
      mc.answer = function() return "ESME_RINVDSTADR" end
      assert.equal("16", send "refused"())
      -- ESME_RTHROTTLED is no refusal: Kannel keeps the message.
      local throttled = 0
      mc.answer = function()
        throttled = throttled + 1
        return throttled <= 1 and "ESME_RTHROTTLED"
      end
      assert.equal("8", send "again"())
      assert.equal(2, throttled)
      assert.equal("again", mc.seen[#mc.seen].short_message)
    end)
  end)

  it("receives each coding both sides know, parts, payloads, data_sm, and TLVs", function()
    with("trx", function(mc, box)
      local function deliver(fields)
        fields.source_addr, fields.source_addr_ton, fields.source_addr_npi = "491761", 1, 1
        fields.destination_addr = "777"
        local ended
        assert(mc.server:deliver("kannel", fields, { done = function(ok, code) ended = ok and "ok" or code end }))
        return function() return peers.wait("Kannel's answer", function() return ended end) end
      end
      local cases = {
        { "Grüße @ €^{}", "gsm7", 0 }, { "Größe ¼ þ", "latin1", 3 }, { "Привет 👋", "ucs2", 8 },
      }
      for _, case in ipairs(cases) do
        assert.equal("ok", deliver { short_message = assert(text.encode(case[1], { encoding = case[2] })), data_coding = case[3] }())
        local mo = box:visit "/mo"
        local words = mo.text
        if mo.charset:upper():find "UTF%-?16" then words = text.decode(words, 8) end
        assert.equal(case[1], words, case[2])
      end
      deliver { short_message = "\0\1\254\255", data_coding = 4 }
      local mo = box:visit "/mo"
      assert.same({ "\0\1\254\255", "1" }, { mo.text, mo.coding })
      deliver { message_payload = ("payload "):rep(100) }
      assert.equal(("payload "):rep(100), box:visit("/mo").text)
      deliver { command = "data_sm", message_payload = "by data" }
      assert.equal("by data", box:visit("/mo").text)
      deliver { short_message = "with TLVs", tlvs = { { 0x1400, "1201159\0" }, { 0x1401, "\0\7" } } }
      local tlvs = box:visit("/mo").tlvs -- in no particular order
      assert.truthy(tlvs:find("entity=1201159&", 1, true) and tlvs:find("template=7&", 1, true), tlvs)

      local long = ("Long €urope 👋 "):rep(20)
      for _, form in ipairs { "concat_8bit", "concat_16bit" } do
        local parts, info = assert(text.split(long, { udh = form }))
        for i = #parts, 1, -1 do deliver { short_message = parts[i].octets, esm_class = info.esm_class, data_coding = info.data_coding } end
        assert.equal(long, (text.decode(box:visit("/mo").text, 8)), form) -- smsbox joins them
      end
    end, VENDOR)
  end)

  it("binds again when we unbind and when the connection breaks", function()
    with("trx", function(mc, box)
      local function bound_again(n)
        peers.wait("Kannel to bind again", function() return mc.states.BOUND_TRX == n and #mc.server.sessions == 1 end)
      end
      assert(mc.server.sessions[1]:unbind(5))
      assert.equal(1, mc.commands["in unbind_resp"])
      bound_again(2)
      mc.server.sessions[1]:close() -- without unbind
      bound_again(3)
      assert.equal(202, (box:sendsms { from = "1234", to = "+491761", text = "still here" }))
      assert.equal("still here", submitted(mc, 1).short_message)
    end)
  end)
end)
