local core = require "smpp.core"
local pdus = require "smpp.codec"
local smpp = require "smpp"

local read = core.reply.read

local function view(fields)
  local all = {
    command = "deliver_sm", source_addr_ton = 1, source_addr_npi = 1, source_addr = "491761234567", dest_addr_ton = 3, destination_addr = "12345",
    short_message = "Hello, there",
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return (assert(pdus.codec.decode(assert(pdus.codec.encode(all)))))
end

describe("bind_reply: core.reply.read", function()
  it("gives sender, destination, text and its first word", function()
    assert.same({ "491761234567", "\3\0" .. "12345", "Hello, there", "hello" }, { read(view(), true) })
    for text, word in pairs { ["  (Order) 5"] = "order", ["..."] = false, ["7up"] = "7up", ["don't"] = "don", [("x"):rep(40)] = false, ["x é"] = false } do
      local octets = smpp.text.encode(text)
      local _, _, found, first = read(view { short_message = octets }, false)
      assert.same({ text, word }, { found, first or false })
    end
    local _, _, text, first = read(view { data_coding = 8, short_message = "\4\23" .. "\4\20" }, false)
    assert.same({ "ЗД", "nil" }, { text, tostring(first) })
  end)

  it("gives nothing of a message that is another", function()
    for _, fields in ipairs {
      { esm_class = 0x40 }, { esm_class = 4 }, { data_coding = 4 }, { short_message = "" }, { source_addr_ton = 5, source_addr = "Shop" },
      { ussd_service_op = 1 }, { message_payload = "x" }, { sar_msg_ref_num = 1 }, { service_type = "USSD" }, { command = "submit_sm" },
    } do
      assert.equal(0, select("#", read(view(fields), false)))
    end
    assert.equal(0, select("#", read(view { source_addr_ton = 2 }, true)))
    assert.equal(4, select("#", read(view { source_addr_ton = 2 }, false)))
    assert.error(function() read({}, false) end)
  end)
end)

describe("bind_reply: core.reply.echoes", function()
  it("counts what a sender writes, and the same answers to the same text", function()
    local all = core.reply.echoes(3600, "12345678")
    assert.is_false(all:said("49", "ok"))
    for i = 1, 3 do
      assert.is_true(all:heard("49", "ping", i, 20, 60, 3))
      assert.is_true(all:said("49", "pong"))
    end
    assert.is_false(all:heard("49", "ping", 4, 20, 60, 3))
    assert.is_true(all:heard("49", "other", 4, 20, 60, 3))
    assert.is_false(all:heard("49", "other", 4, 4, 60, 3))
    assert.is_true(all:heard("49", "other", 61, 4, 60, 3)) -- another window
    assert.same({ 61, 1, 0, all:mark "other", all:mark "pong" }, { all:take "49" })
    assert.equal(0, (all:count()))
    assert.equal(0, select("#", all:take "49"))
  end)

  it("takes back what it gave, and forgets it after its time", function()
    local all = core.reply.echoes(100, "12345678")
    assert.is_true(all:put("49", 5, 4, 70, 2, nil, 9))
    assert.same({ 4, 70, 2, nil, 9 }, { all:take "49" })
    for i = 1, 1000 do assert.is_true(all:put(tostring(i), i, i, 1, 0, i)) end
    local count, octets = all:count()
    assert.is_true(count < 400 and octets < 40000, count)
    all:drop(1050)
    assert.equal(50, (all:count()))
    assert.same({ 1000, 1, 0, 1000 }, { all:take "1000" })
    all:drop(2000)
    assert.same({ 0, 0 }, { all:count() })
  end)

  it("raises for what it cannot keep", function()
    local all = core.reply.echoes(100, "12345678")
    assert.error(function() all:put("49", 0, 0, 65536, 0) end)
    assert.error(function() all:put("49", 0, 0, 1, -1) end)
    assert.error(function() all:heard("49", "x", 0 / 0, 1, 1, 1) end)
    assert.error(function() core.reply.echoes(100, "123") end)
    assert.error(function() all.heard({}, "49", "x", 1, 1, 1, 1) end)
  end)
end)

describe("bind_reply: session:reply", function()
  local function bound()
    local session = pdus.codec.session { role = "esme", now = 0, unchecked = true }
    return session
  end

  it("sends the text to the sender of a message, from where that was sent to", function()
    for text, coding in pairs { ["Hi €"] = 0, ["Привет"] = 8 } do
      local session, waiter = bound(), {}
      local sequence, cookie = session:reply(view(), text, waiter, 1)
      assert.equal("number", type(sequence))
      assert.equal("number", type(cookie))
      local octets = session:output()
      local sent = assert(pdus.codec.decode(octets))
      assert.same({ "submit_sm", "12345", 3, 0, "491761234567", 1, 1, coding, 0, 0 }, {
        sent.command, sent.source_addr, sent.source_addr_ton, sent.source_addr_npi, sent.destination_addr, sent.dest_addr_ton, sent.dest_addr_npi,
        sent.data_coding, sent.registered_delivery, sent.esm_class,
      })
      assert.equal(text, smpp.text.decode(sent.short_message, coding))
      local events, sizes, at, lost = {}, {}, 1, nil
      for name, event in pairs(core.session_events) do sizes[event.kind] = { name = name, size = #event + 1 } end
      session:lost()
      local n = session:poll(events)
      while at <= n do
        if sizes[events[at]].name == "lost" then lost = { events[at + 1], events[at + 4] } end
        at = at + sizes[events[at]].size
      end
      assert.same({ waiter, octets }, lost)
    end
  end)

  it("sends nothing for a text of several parts, none, or one that cannot be sent", function()
    local session = bound()
    for _, text in ipairs { "", ("x"):rep(161), ("я"):rep(71), ("x"):rep(5000), "\255" } do
      assert.equal(0, select("#", session:reply(view(), text, false, 1)))
    end
    assert.is_nil(session:output())
    assert.is_true(session:reply(view(), ("x"):rep(160), false, 1) ~= nil)
    assert.is_true(session:reply(view(), ("я"):rep(70), false, 1) ~= nil)
  end)

  it("fails as a request does", function()
    local session = pdus.codec.session { role = "esme", now = 0 }
    assert.same({ "not_sent" }, { select(3, session:reply(view(), "Hi", false, 1)) })
    assert.error(function() session:reply({}, "Hi", false, 1) end)
    assert.error(function() session:reply(view(), nil, false, 1) end)
  end)
end)
