local connection = require "smpp.session"
local mc = require "spec.support.mc"
local mo = require "smpp.simulator.mo"
local simulator = require "smpp.simulator"
local pcap = require "smpp.capture"

local with = mc.simulated

local function send(esme, more)
  local fields = { source_addr = "1234", destination_addr = "491761234567", short_message = "hello", registered_delivery = 1 }
  for name, value in pairs(more or {}) do fields[name] = value end
  return esme:submit_sm(fields)
end

local function write(path, text)
  local handle = assert(io.open(path, "wb"))
  handle:write(text)
  handle:close()
end

describe("smpp.simulator.control: an address_range", function()
  it("takes what its regular expression says", function()
    for _, case in ipairs {
      { "", "49", false }, { "49", "149", true }, { "^49", "149", false }, { "^49", "491", true }, { "^49.*$", "491", true },
      { "^49[1-3]", "492", true }, { "^49[1-3]", "494", false }, { "^(49|43)", "431", true }, { "^49|^43", "431", true },
      { "^49|^43", "441", false }, { "^\\d\\d$", "12", true }, { "^\\d\\d$", "1a", false }, { "4-9", "4-9", true }, { "[", "1", false },
      { "1234", "1234", true }, { "\\.", "1.2", true },
    } do assert.equal(case[3], mo.is_in_range(case[1], case[2]), case[1] .. " " .. case[2]) end
  end)
end)

describe("smpp.simulator.control: messages for ESMEs", function()
  it("are drawn when they are to be random", function()
    with({ mo = { messages = { "a", "b", "c" }, per_minute = 60, random = true }, seed = 1 }, function(w, _, _, got)
      w:sleep(60.5)
      local counts, order = { a = 0, b = 0, c = 0 }, {}
      for i, pdu in ipairs(got) do
        counts[pdu.short_message], order[i] = counts[pdu.short_message] + 1, pdu.short_message
      end
      assert.is_true(counts.a > 8 and counts.b > 8 and counts.c > 8)
      assert.equal(60, counts.a + counts.b + counts.c)
      assert.are_not.equal("abcabcabcabc", table.concat(order, "", 1, 12))
    end)
  end)

  it("are sent by hand, in parts when they are long", function()
    with({}, function(w, sim, _, got)
      assert.is_true(sim:deliver { from = "49176", to = "1234", text = "Hello 👋" })
      assert.is_true(sim:deliver { from = "49176", to = "1234", text = ("long "):rep(50) })
      assert.is_true(sim:deliver { from = "49176", to = "1234", data = "\1\2", data_coding = 4, source_addr_ton = 2 })
      w:sleep(1)
      assert.equal(4, #got)
      assert.same({ 8, "49176", "1234" }, { got[1].data_coding, got[1].source_addr, got[1].destination_addr })
      assert.same({ 1, 1, 1, 1 }, { got[1].source_addr_ton, got[1].source_addr_npi, got[1].dest_addr_ton, got[1].dest_addr_npi })
      assert.equal(0x40, got[2].esm_class)
      assert.same({ "\1\2", 4, 2 }, { got[4].short_message, got[4].data_coding, got[4].source_addr_ton })
      assert.equal(4, sim.counts.mo)
      local heard
      sim:on("mo", function(system_id, fields) heard = system_id .. fields.short_message end)
      sim:deliver { to = "1", text = "x" }
      assert.equal("esme1x", heard)
      assert.is_true(sim:deliver { to = "1", text = ("long "):rep(50), long = "sar" })
      w:sleep(1)
      for i = 1, 2 do
        local part = got[5 + i]
        assert.same({ 2, 2, i, 0 }, { part.sar_msg_ref_num, part.sar_total_segments, part.sar_segment_seqnum, part.esm_class })
      end
      local ok, _, code = sim:deliver { to = "1", text = "\255" }
      assert.is_nil(ok)
      assert.equal("bad_value", code)
      sim:deliver { session = w:bind { system_id = "b", deliver_sm = function() end } and sim.server.sessions[2], text = "y" }
      assert.equal("by", heard)
      sim:deliver { source_addr = "7", destination_addr = "8", short_message = "raw", system_id = "esme1" }
      w:sleep(1)
      local last = got[#got]
      assert.same({ "7", "8", "raw" }, { last.source_addr, last.destination_addr, last.short_message })
      assert.has_error(function() sim:deliver "x" end, "deliver: expected { from =, to =, text = }")
    end)
    with({ queue_limit = 1 }, function(_, sim)
      assert.is_true(sim:deliver { system_id = "x", text = "1" })
      assert.equal("queue_full", select(3, sim:deliver { system_id = "x", text = "2" }))
      assert.equal(1, sim.counts.mo)
    end)
    mc.world(function(w)
      local sim = w:server({}, simulator.new)
      assert.equal("bad_value", select(3, sim:deliver { to = "1", text = "x" }))
      assert.is_true(sim:deliver { to = "1", text = "x", system_id = "later" })
      local got
      w:bind { system_id = "later", deliver_sm = function(_, pdu) got = pdu.short_message end }
      w:sleep(1)
      assert.equal("x", got)
      sim:close()
    end)
  end)

  it("go to whose address_range has them", function()
    with({}, function(w, sim, _, got)
      local other = {}
      w:bind { system_id = "b", address_range = "^4922", deliver_sm = function(_, pdu) table.insert(other, pdu.destination_addr) end }
      sim:deliver { to = "49221", text = "x" }
      sim:deliver { to = "49331", text = "x" }
      w:sleep(1)
      assert.same({ { "49221" }, 1 }, { other, #got })
    end, { address_range = "^4911" })
  end)

  it("come from a file or a list, at a rate", function()
    local path = os.tmpname()
    write(path, '# numbers\n4911,1234,one, with a comma\r\n4922,1234,"two ""quoted"""\n\n4933,1234,three')
    with({ mo = { file = path, per_minute = 30, system_id = "esme1" } }, function(w, sim, _, got)
      w:sleep(7)
      assert.equal(3, #got)
      assert.same({ "4911", "one, with a comma" }, { got[1].source_addr, got[1].short_message })
      assert.equal('two "quoted"', got[2].short_message)
      w:sleep(2)
      assert.equal("4911", got[4].source_addr)
      sim:set { mo = { messages = { "a", { text = "b", from = "7" } }, per_minute = 60, source = "5", destination = "6" } }
      w:sleep(2.5)
      assert.same({ "a", "5", "6" }, { got[5].short_message, got[5].source_addr, got[5].destination_addr })
      assert.same({ "b", "7", "6" }, { got[6].short_message, got[6].source_addr, got[6].destination_addr })
      sim:set { mo = sim.default }
      w:sleep(60)
      assert.equal(6, #got)
      sim:set { mo = { messages = { "a", "b", "c" }, per_minute = 60 } }
      for i = 1, 31 do -- other changes do not set it back
        sim:set { deliver_after_s = i }
        w:sleep(0.1)
      end
      local texts = {}
      for i = 7, #got do texts[#texts + 1] = got[i].short_message end
      assert.same({ "a", "b", "c" }, texts)
      assert.same({ nil, "cannot read /no/such", "bad_value" }, { sim:set { mo = { file = "/no/such", per_minute = 1 }, seed = 5 } })
      assert.same({ nil, "mo: expected messages or a file", "bad_value" }, { sim:set { mo = { per_minute = 1 } } })
      assert.same({ 60, nil }, { sim.settings.mo.per_minute, sim.settings.seed })
      assert.is_true(sim:set { mo = { messages = {}, per_minute = 60 } })
      w:sleep(10)
      assert.equal(9, #got)
      sim:set { mo = { messages = { "\255" }, per_minute = 60 } }
      w:sleep(1.1)
      assert.matches("mo: malformed UTF%-8", w.errors[1])
    end)
    os.remove(path)
    mc.world(function(w)
      local sim, message, code = simulator.new { loop = w.loop, mo = { file = path, per_minute = 1 } }
      assert.is_nil(sim)
      assert.matches("cannot read", message)
      assert.equal("bad_value", code)
      w:sleep(1)
    end)
    write(path, "only one cell\n")
    assert.matches("line 1: expected source,destination,text", select(2, mo.read_csv(path)))
    write(path, "1,2,x\n1,2,Gr\252n\n")
    assert.matches("line 2: malformed UTF%-8", select(2, mo.read_csv(path)))
    write(path, "1,2,0x00fF\n1,2,0x123\n1,2,0xmas\n") -- SMPPSim's octets; what is none is a text
    assert.same({
      { from = "1", to = "2", data = "\0\255", data_coding = 4 }, { from = "1", to = "2", text = "0x123" }, { from = "1", to = "2", text = "0xmas" },
    }, mo.read_csv(path))
    os.remove(path)
  end)

  it("come back from their destination, or go on to another ESME", function()
    with({ loopback = true }, function(w, _, esme, got)
      send(esme, { registered_delivery = 0, data_coding = 8, short_message = "\0h\0i" })
      w:sleep(2)
      assert.same({ "491761234567", "1234", 8, "\0h\0i" },
        { got[1].source_addr, got[1].destination_addr, got[1].data_coding, got[1].short_message })
      send(esme, { registered_delivery = 0, short_message = "", message_payload = ("x"):rep(300) })
      w:sleep(2)
      assert.equal(300, #got[2].message_payload)
      send(esme, {
        registered_delivery = 0, source_addr_ton = 5, dest_addr_ton = 2, dest_addr_npi = 1, service_type = "CMT", esm_class = 0x42,
        protocol_id = 9, user_message_reference = 77, short_message = "\5\0\3\1\2\1hi",
      })
      w:sleep(2)
      local back = got[3]
      assert.same({ 2, 1, 5, 0, "CMT", 0x40, 9, 77, "\5\0\3\1\2\1hi" }, {
        back.source_addr_ton, back.source_addr_npi, back.dest_addr_ton, back.dest_addr_npi, back.service_type, back.esm_class, back.protocol_id,
        back.user_message_reference, back.short_message,
      })
      send(esme, { registered_delivery = 0, short_message = "sim: undelivered" }) -- it was never there
      send(esme, { registered_delivery = 0, schedule_delivery_time = "000000000010000R" })
      w:sleep(5)
      assert.equal(3, #got)
      w:sleep(10)
      assert.equal(4, #got)
    end)
    with({ esme_to_esme = true }, function(w, _, esme, got)
      local other = {}
      w:bind { system_id = "b", address_range = "^4917", deliver_sm = function(_, pdu) table.insert(other, pdu) end }
      send(esme)
      send(esme, { destination_addr = "4400" })
      w:sleep(2)
      assert.same({ 1, "1234", "491761234567", "hello" }, { #other, other[1].source_addr, other[1].destination_addr, other[1].short_message })
      assert.equal(2, #got) -- the receipts
    end)
  end)

  it("echo USSD", function()
    with({ ussd_echo = true }, function(w, _, esme, got)
      send(esme, { registered_delivery = 0, service_type = "USSD", ussd_service_op = 2, its_session_info = "\1\2" })
      w:sleep(2)
      assert.same({ 2, "\1\2", "hello" }, { got[1].ussd_service_op, got[1].its_session_info, got[1].short_message })
      send(esme, { registered_delivery = 0 })
      w:sleep(2)
      assert.equal(1, #got)
    end)
  end)
end)

describe("smpp.simulator.control: receipts", function()
  it("carry ussd_service_op when a function says so", function()
    with({ receipt = function(message, pdu)
      pdu.ussd_service_op = message.ussd_service_op
      return pdu
    end }, function(w, _, esme, got)
      send(esme, { ussd_service_op = 2 })
      w:sleep(2)
      assert.equal(2, got[1].ussd_service_op)
    end)
  end)

  it("come later, without TLVs, with vendors', in another time zone, or as a function says", function()
    with({ receipt_after_s = 4, spread = "same_bind" }, function(w, sim, esme, got)
      local told = {}
      sim:on("receipt", function(message, _, state) told[#told + 1] = message.id .. " " .. state end)
      assert(w:bind {})
      send(esme, { registered_delivery = 0x11 })
      w:sleep(4.4)
      assert.same({ 0, 0, 0 }, { #got, #told, sim.counts.receipts })
      w:sleep(0.2)
      assert.same({ { "1 ENROUTE" }, "DELIVERED" }, { told, sim:messages()[1].state })
      w:sleep(0.3)
      assert.equal(1, #got)
      w:sleep(0.2)
      assert.same({ 2, "1 DELIVERED", 2 }, { #got, told[2], sim.counts.receipts }) -- to the bind that asked
    end)
    with({ receipt_tlvs = false, receipt_extra = { { 0x1400, "abc" } }, zone_s = 7200 }, function(w, _, esme, got)
      send(esme)
      w:sleep(2)
      local tlvs = got[1]:tlvs()
      assert.same({ 1, 0x1400, "abc" }, { #tlvs, tlvs[1].tag, tlvs[1].octets })
      assert.matches("done date:2311150013 ", got[1].short_message)
    end)
    with({ receipt = function(message, pdu)
      if message.id == "1" then return nil end
      pdu.short_message = "custom " .. message.state
      return pdu
    end }, function(w, sim, esme, got)
      send(esme)
      send(esme)
      w:sleep(2)
      assert.same({ 1, "custom DELIVERED", 1 }, { #got, got[1].short_message, sim.counts.receipts })
    end)
  end)
end)

describe("smpp.simulator.control: an outbind", function()
  --- An ESME that listens, and binds as a receiver when it is called.
  local function esme_that_listens(w, got)
    return assert(w.loop:listen({ host = "127.0.0.1", port = 9000 }, function(transport)
      local esme
      esme = connection.new {
        role = "esme", loop = w.loop, transport = transport, machine = {},
        owner = connection.handlers {
          [0x0B] = function(_, pdu)
            got[#got + 1] = "outbind " .. pdu.system_id .. " " .. pdu.password
            esme:bind_receiver({ system_id = "esme9", password = "secret" }, function() end)
          end,
          [0x05] = function(_, pdu) got[#got + 1] = pdu.short_message end,
        },
      }
      esme:start()
      got.esme = esme
    end))
  end

  it("calls an ESME at the start", function()
    mc.world(function(w)
      local got = {}
      local listener = esme_that_listens(w, got)
      local sim = w:server({
        accounts = { esme9 = "secret" },
        outbind = { host = "127.0.0.1", port = 9000, system_id = "smsc", password = "pw", account = "esme9" },
      }, simulator.new)
      w:sleep(1)
      assert.same({ "outbind smsc pw" }, { got[1] })
      assert.equal("BOUND_RX", sim.server.sessions[1].state)
      sim:deliver { to = "1", text = "hi" }
      w:sleep(100)
      assert.same({ "outbind smsc pw", "hi" }, { got[1], got[2] })
      assert.is_nil(got[3])
      listener:close()
      sim:close()
    end)
  end)

  it("does not call an ESME that is still there, whatever it bound as", function()
    mc.world(function(w)
      local got = {}
      local listener = esme_that_listens(w, got)
      local sim = w:server({ outbind = { host = "127.0.0.1", port = 9000, every_s = 5 } }, simulator.new)
      w:sleep(60)
      assert.same({ "outbind smppsim " }, { got[1], got[2] })
      got.esme:close()
      w:sleep(7)
      assert.equal("outbind smppsim ", got[2])
      listener:close()
      sim:close()
    end)
  end)

  it("may be told to begin, and to end, while it runs", function()
    mc.world(function(w)
      local got = {}
      local listener = esme_that_listens(w, got)
      local sim = w:server({}, simulator.new)
      w:sleep(60)
      assert.is_nil(got[1])
      sim:set { outbind = { host = "127.0.0.1", port = 9000, every_s = 5 } }
      w:sleep(1)
      assert.equal("outbind smppsim ", got[1])
      got.esme:close()
      for i = 1, 4 do -- other changes do not hurry it
        sim:set { deliver_after_s = i }
        w:sleep(0.5)
      end
      assert.is_nil(got[2])
      sim:set { outbind = sim.default }
      w:sleep(60)
      assert.is_nil(got[2])
      local esme = assert(w:bind { system_id = "esme9", type = "receiver" })
      sim:set { outbind = { host = "127.0.0.1", port = 9000, account = "esme9", every_s = 5 } }
      w:sleep(20)
      assert.is_nil(got[2]) -- it is there already
      esme:close()
      w:sleep(6)
      assert.equal("outbind smppsim ", got[2])
      listener:close()
      sim:close()
    end)
  end)

  it("calls an ESME when something waits for it, and tries again", function()
    mc.world(function(w)
      local got = {}
      local sim = w:server({
        outbind = { host = "127.0.0.1", port = 9000, account = "esme9", when = "waiting", every_s = 20 },
      }, simulator.new)
      w:sleep(50)
      assert.equal(0, #w.errors)
      sim:deliver { system_id = "esme9", text = "news" }
      w:sleep(1)
      assert.matches("outbind: cannot connect", w.errors[1])
      local listener = esme_that_listens(w, got)
      w:sleep(25)
      assert.same({ "outbind smppsim ", "news" }, { got[1], got[2] })
      listener:close()
      sim:close()
    end)
  end)
end)

describe("smpp.simulator.control", function()
  it("changes options and takes them back", function()
    with({ deliver_after_s = 5 }, function(w, sim, esme, got)
      sim:set { deliver_after_s = 0.1, refusals = {} }
      send(esme)
      w:sleep(0.2)
      assert.equal(1, #got)
      sim:set { deliver_after_s = sim.default }
      send(esme)
      w:sleep(1.1)
      assert.equal(2, #got) -- the default, a second: what was given at the start is gone, too
      assert.has_error(function() sim:set { delivr_after_s = 1 } end, "unknown option 'delivr_after_s'; did you mean 'deliver_after_s'?")
      assert.has_error(function() sim:set { nosuch = sim.default } end)
      assert.has_error(function() sim:set { outcomes = {} } end)
      assert.equal(1, sim.settings.deliver_after_s)
    end)
  end)

  it("ends sessions", function()
    with({}, function(w, sim, esme)
      local other = w:bind { system_id = "b" }
      assert.equal(1, sim:drop("b", "reset"))
      w:sleep(0.1)
      assert.same({ false, true, "connection reset by peer" }, { esme.closed, other.closed, other.end_reason })
      assert.equal(1, sim:drop(sim.server.sessions[1], "unbind"))
      w:sleep(0.1)
      assert.is_true(esme.closed)
      w:bind {}
      w:bind {}
      assert.equal(2, sim:drop())
      w:sleep(0.1)
      assert.equal(0, #sim.server.sessions)
      assert.equal(0, sim:drop())
      assert.equal(4, sim.counts.faults)
      assert.has_error(function() sim:drop(nil, "gently") end)
    end)
  end)

  it("shows messages", function()
    with({}, function(w, sim, esme)
      send(esme)
      send(esme, { destination_addr = "7", data_coding = 8, short_message = "\32\172" })
      w:sleep(2)
      local list = sim:messages()
      assert.same({ "1", "esme1", "DELIVERED", "hello", "1234" }, { list[1].id, list[1].system_id, list[1].state, list[1].text, list[1].source_addr })
      assert.equal("€", list[2].text)
      assert.equal(1, #sim:messages { destination_addr = "7" })
      assert.equal(0, #sim:messages { state = "EXPIRED" })
      list[1].state = "GONE"
      assert.equal("DELIVERED", sim:messages()[1].state)
      send(esme)
      for _, inner in ipairs { "session", "outcome", "plan", "stages", "wake", "waiter" } do assert.is_nil(sim:messages()[3][inner], inner) end
    end)
  end)

  it("tells of messages, final states and receipts", function()
    with({}, function(w, sim, esme)
      local told = {}
      for _, name in ipairs { "message", "final", "receipt" } do
        sim:on(name, function(message) told[#told + 1] = name .. " " .. message.id .. " " .. message.state end)
      end
      send(esme)
      w:sleep(2)
      assert.same({ "message 1 ENROUTE", "final 1 DELIVERED", "receipt 1 DELIVERED" }, told)
      send(esme, { schedule_delivery_time = "000000000010000R" })
      w:sleep(12)
      assert.same({ "message 2 SCHEDULED", "final 2 DELIVERED", "receipt 2 DELIVERED" }, { told[4], told[5], told[6] })
    end)
  end)

  it("has several centres in one process", function()
    mc.world(function(w)
      local one = w:server({ port = 3001, first_message_id = 100 }, simulator.new)
      local two = w:server({ port = 3002, message_id = function() return "two" end, bind_status = nil }, simulator.new)
      assert.equal("100", send(w:bind { port = 3001 }).message_id)
      assert.equal("two", send(w:bind { port = 3002 }).message_id)
      two:set { message_id = function() return 5 end }
      assert.equal("ESME_RSYSERR", select(3, send(w:bind { port = 3002 })))
      assert.matches("message_id: expected a string, got 5", w.errors[1])
      one:close()
      two:close()
    end)
  end)
end)

describe("smpp.simulator.control: a Lua file of options", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it("is read at the start, and again when it changes; a broken one changes nothing and says why", function()
    write(path, 'return { deliver_after_s = 3, accounts = { a = "1" }, system_id = "filed" }')
    mc.world(function(w)
      local sim = w:server({ file = path }, simulator.new)
      local esme = w:bind { system_id = "a", password = "1" }
      assert.equal("filed", esme.bind_resp.system_id)
      assert.equal(3, sim.settings.deliver_after_s)
      for i, broken in ipairs {
        "return {", "return { deliver_after_s = 'x' }", "return { outcomes = { X = 1 } }", "return { accounts = { a = 5 } }",
        "return { outcome = {} }", "return { window = 'x' }", "return { mo = { file = '/no/such', per_minute = 1 } }",
      } do
        write(path, broken)
        w:sleep(2)
        assert.equal(3, sim.settings.deliver_after_s)
        assert.equal(i, #w.errors)
        assert.matches("nothing changed: ", w.errors[i])
      end
      assert.matches("deliver_after_s: expected seconds", w.errors[2])
      write(path, 'return { deliver_after_s = 0.5, rules = { function() return { state = "EXPIRED" } end }, accounts = { b = "2" } }')
      w:sleep(2)
      assert.is_true(esme.closed)
      esme = w:bind { system_id = "b", password = "2" }
      send(esme)
      w:sleep(1)
      assert.equal("EXPIRED", sim:messages()[1].state)
      write(path, 'return { accounts = { b = "2" }, mo = { messages = { "news" }, per_minute = 60, system_id = "b" } }')
      w:sleep(2)
      assert.same({ 1, 0 }, { sim.settings.deliver_after_s, #sim.settings.rules }) -- what it says no more holds no more
      w:sleep(1)
      assert.is_true(sim.counts.mo > 0)
      assert.equal(7, #w.errors)
      assert.matches("did you mean 'outcomes'", w.errors[5])
      sim:close()
    end)
  end)

  it("is read on SIGHUP, changed or not; accounts that were given stay", function()
    write(path, 'runs = (runs or 0) + 1 return { first_message_id = runs, accounts = { a = "1" } }')
    mc.world(function(w)
      local sim = w:server({ file = path, accounts = { b = "2" } }, simulator.new)
      local esme, heard = w:bind { system_id = "b", password = "2" }, {}
      sim:on("reloaded", function(which) heard[#heard + 1] = which end)
      w:sleep(3)
      assert.equal(1, sim.settings.first_message_id)
      w.loop:raise "SIGHUP"
      w:sleep(0.1)
      assert.equal(2, sim.settings.first_message_id)
      assert.is_true(sim:reload())
      assert.same({ path, path }, heard)
      assert.is_falsy(esme.closed)
      write(path, "return {")
      local ok, message, code = sim:reload()
      assert.same({ nil, "bad_value" }, { ok, code })
      assert.matches("tmp", message)
      sim:close()
    end)
    runs = nil -- luacheck: ignore 111
    mc.world(function(w)
      local sim = w:server({ accounts = {} }, simulator.new)
      assert.has_error(function() sim:reload() end, "reload: the option `file` is not set")
      sim:close()
    end)
  end)

  it("may bring the first accounts", function()
    write(path, "return {}")
    mc.world(function(w)
      local sim = w:server({ file = path }, simulator.new)
      w:bind { system_id = "anybody" }
      write(path, 'return { accounts = { a = "1" } }')
      w:sleep(2)
      assert.equal(0, #sim.server.sessions)
      assert.is_nil((w:bind { system_id = "anybody" }))
      sim:close()
    end)
  end)

  it("must be right at the start, and what is given beside it wins", function()
    write(path, "return { deliver_after_s = 3, seed = 1, checks = false }")
    mc.world(function(w)
      local sim = w:server({ file = path, deliver_after_s = 9 }, simulator.new)
      assert.same({ 9, 1 }, { sim.settings.deliver_after_s, sim.settings.seed })
      sim:close()
      write(path, "return 5")
      local none, message, code = simulator.new { loop = w.loop, file = path }
      assert.same({ nil, "bad_value" }, { none, code })
      assert.matches("expected the file to return a table", message)
    end)
  end)
end)

describe("smpp.simulator.control: a capture", function()
  it("holds all PDUs of a run", function()
    local path = os.tmpname()
    with({ capture = path }, function(w, _, esme)
      send(esme)
      w:sleep(2)
      esme:unbind()
      w:sleep(1)
    end)
    local commands = {}
    local handle = assert(io.open(path, "rb"))
    local octets = handle:read "*a"
    handle:close()
    os.remove(path)
    assert(pcap.read(octets, function(item) commands[#commands + 1] = item.pdu.command end))
    assert.same({
      "bind_transceiver", "bind_transceiver_resp", "submit_sm", "submit_sm_resp", "deliver_sm", "deliver_sm_resp", "unbind", "unbind_resp",
    }, commands)
    mc.world(function(w)
      local sim, message, code = simulator.new { loop = w.loop, capture = "/no/such/folder/x" }
      assert.same({ nil, "bad_value" }, { sim, code })
      assert.matches("No such file", message)
      w:sleep(1)
    end)
  end)
end)
