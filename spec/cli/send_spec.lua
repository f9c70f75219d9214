local async = require "spec.support.async"
local cli = require "spec.support.cli"
local pcap = require "smpp.capture"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"
local _

local has, lacks = cli.has, cli.lacks

local objects, send, simulated, with = cli.objects, cli.send, cli.with_simulator, cli.with_server

describe("smpp send", function()
  it("sends and says what became of it", simulated({}, function()
    local code, out, err = send { URL, "--from", "Test", "--to", "+4915112345678", "--receipt", "Hello \240\159\145\139" }
    assert.equal(0, code, err)
    assert.equal("accepted 1 +4915112345678\nDELIVERED 1 +4915112345678 after 1.0 s\n", out)
    assert.equal("", err)
  end))

  it("as JSON", simulated({}, function()
    local _, out = send { "--json", URL, "--to", "12345", "--receipt", ("x"):rep(400) }
    local list = objects(out)
    assert.equal("accepted", list[1].event)
    assert.equal("12345", list[1].to)
    assert.equal(3, #list[1].message_ids)
    assert.equal("gsm7", list[1].encoding)
    assert.equal("receipt", list[2].event)
    assert.equal("DELIVERED", list[2].state)
    assert.truthy(out:find '^{"event":"accepted","to":"12345","message_id":')
  end))

  it("puts every option into the PDU", with({}, function(seen)
    local function sent(words, o)
      table.insert(words, 1, URL)
      local code, _, err = send(words, o)
      assert.equal(0, code, err)
      return seen[#seen]
    end
    local pdu = sent { "--from", "Shop", "--to", "+49 151 123", "--flash", "--validity", "3600", "Hi" }
    assert.equal("Shop", pdu.source_addr)
    assert.equal(5, pdu.source_addr_ton)
    assert.equal("49151123", pdu.destination_addr)
    assert.equal(0x10, pdu.data_coding)
    assert.equal("000000010000000R", pdu.validity_period)
    assert.equal(3, sent({ "--to", "491", "--encoding", "latin1", "Hi" }).data_coding)
    assert.equal("Hello", sent({ "--to", "491", "-" }, { stdin = "Hello\n" }).short_message)
    assert.equal("\1\2\255", sent({ "--to", "491", "--data", "01:02:ff" }).short_message)
    -- The kind of the field decides what a value is.
    pdu = sent { "--to", "491", "--set", "service_type=1234", "--set", "its_session_info=5,2,end", "--set", "ms_validity=hex:00", "--set", "source_port=5000",
      "--set", "dest_addr_ton=national", "--tlv", "0x1400=abc", "--tlv", "0x1401=hex:616263", "--tlv", "0x1400=again", "--tlv", "user_response_code=7", "x" }
    assert.same({ "1234", "\5\5", "\0", 5000, 2, 7 },
      { pdu.service_type, pdu.its_session_info, pdu.ms_validity, pdu.source_port, pdu.dest_addr_ton, pdu.user_response_code })
    assert.same({ { 0x1400, "abc" }, { 0x1401, "abc" }, { 0x1400, "again" } }, { { pdu:tlvs()[1].tag, pdu:tlvs()[1].octets },
      { pdu:tlvs()[2].tag, pdu:tlvs()[2].octets }, { pdu:tlvs()[3].tag, pdu:tlvs()[3].octets } })
    -- Vendor TLVs by the names that a file or a profile gives them.
    local config = cli.file 'return { tlvs = { { tag = 0x1402, name = "campaign", type = "cstring" }, { tag = 0x1403, name = "cost", type = "int2" } } }'
    pdu = sent { "--config", config, "--to", "491", "--set", "campaign=12", "--tlv", "cost=513", "x" }
    os.remove(config)
    assert.same({ "12\0", "\2\1" }, { pdu:tlv(0x1402), pdu:tlv(0x1403) })
    pdu = sent { "--to", "491", "--set", "protocol_id=0x40", "--set", "service_type=WAP", "--set", "user_message_reference=7", "x" }
    assert.equal(0x40, pdu.protocol_id)
    assert.equal("WAP", pdu.service_type)
    assert.equal(7, pdu.user_message_reference)
    assert.equal(300, #sent({ "--to", "491", "--long", "payload", ("x"):rep(300) }).message_payload)
    assert.equal("dash", sent({ "--to", "491", "--text", "dash" }).short_message)
    assert.equal(1, sent({ "--to", "491", "--set", "registered_delivery=1", "x" }).registered_delivery)
  end))

  it("reads the password from URL, file and environment, in this order", with({}, function()
    local file = cli.file "secret\r\n"
    assert.equal(0, (send { "smpp://me@127.0.0.1", "--password-file", file, "--to", "491", "x" }))
    assert.equal(0, (send({ "smpp://me@127.0.0.1", "--to", "491", "x" }, { env = { SMPP_PASSWORD = "secret" } })))
    assert.equal(0, (send({ URL, "--password-file", file, "--to", "491", "x" }, { env = { SMPP_PASSWORD = "no" } })))
    assert.equal(3, (send({ "smpp://me@127.0.0.1", "--to", "491", "x" }, { env = { SMPP_PASSWORD = "no" } })))
    os.remove(file)
    assert.equal(2, (send { "smpp://me@127.0.0.1", "--password-file", file, "--to", "491", "x" }))
    local empty = cli.file ""
    assert.equal(2, (send { "smpp://me@127.0.0.1", "--password-file", empty, "--to", "491", "x" }))
    os.remove(empty)
  end))

  it("explains a refused bind", with({}, function()
    local code, out, err = send { "smpp://me:geheim1@127.0.0.1", "--to", "491", "x" }
    assert.equal(3, code)
    assert.equal("", out)
    has(err, "127.0.0.1:2775 refused the bind with ESME_R")
    has(err, "advice: check")
    lacks(err, "geheim1")
    code, _, err = send { "smpp://me:secret%20@127.0.0.1", "--to", "491", "x" }
    assert.equal(3, code)
    has(err, "warning: the password begins or ends with a blank")
    _, _, err = send { "smpp://me:muchtoolong@127.0.0.1", "--to", "491", "x" }
    assert.truthy(err:find "at most 8" or err:find "8 octets")
    lacks(err, "muchtoolong")
    _, _, err = send { "smpp://me%20:x@127.0.0.1", "--to", "491", "x" }
    has(err, "the system_id has leading or trailing white space")
  end))

  it("of nobody there, or nobody who answers, is 3", async.virtual(function(loop)
    local code, _, err = send { "smpp://me:x@127.0.0.1:1", "--to", "491", "x" }
    assert.equal(3, code)
    has(err, "127.0.0.1:1")
    local mute = {}
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 99 }, function(transport)
      mute[#mute + 1] = transport
      transport:start(function() end, function() end)
    end))
    code, _, err = send { "smpp://me:x@127.0.0.1:99?bind_timeout_s=3", "--to", "491", "x" }
    assert.equal(3, code)
    has(err, "127.0.0.1:99")
    for _, transport in ipairs(mute) do transport:close() end
    listener:close()
  end))

  it("says what a refusal means: 1", with({ submit_sm = function(_, _, n) return nil, n % 2 == 1 and "ESME_RINVDSTADR" or 0x410 end },
    function()
      local code, out, err = send { URL, "--to", "491", "x" }
      assert.equal(1, code)
      assert.equal("", out)
      has(err, "491: ESME_RINVDSTADR")
      has(err, "international format")
      code, out = send { "--json", URL, "--to", "491", "x" }
      assert.equal(1, code)
      assert.same({ event = "refused", to = "491", code = "0x00000410", message = objects(out)[1].message }, objects(out)[1])
    end))

  it("says which parts went before a refused one", with({ submit_sm = function(_, _, n)
    if n == 3 then return nil, "ESME_RMSGQFUL" end
    return "m" .. n
  end }, function()
    local code, _, err = send { URL .. "?retry=false", "--to", "491", ("x"):rep(400) }
    assert.equal(1, code)
    has(err, "part 3 of 3")
    has(err, "2 of its parts were accepted before: m1 m2")
  end))

  it("does not know the outcome of what is not answered: 4", with({ answer_timeout_s = 1000, submit_sm = function(session, _, n)
    if n > 1 then return session:close() end
    smpp.sleep(1000)
  end }, function()
    local code, _, err = send { URL .. "?response_timeout_s=2", "--to", "491", "x" }
    assert.equal(4, code)
    has(err, "outcome unknown")
    code, _, err = send { URL, "--to", "491", "x" }
    assert.equal(4, code)
    has(err, "connection lost")
  end))

  it("a receipt that does not come is 4, one that says no is 1", simulated({ deliver_after_s = 100 }, function()
    local code, out, err = send { URL, "--to", "491", "--receipt", "--wait", "5", "x" }
    assert.equal(4, code)
    has(out, "accepted 1 491")
    has(err, "no receipt within 5 s")
    code, out = send { "--json", URL, "--to", "491", "--receipt", "--wait", "5", "x" }
    assert.equal(4, code)
    assert.equal("no_receipt", objects(out)[2].event)
  end))

  it("an undelivered one is 1", with({}, function(_, server)
    server:on("session", function(session)
      smpp.sleep(1)
      session:deliver_sm { source_addr = "491", esm_class = 4, short_message = "id:m1 stat:UNDELIV err:069" }
    end)
    local code, out = send { URL, "--to", "491", "--receipt", "x" }
    assert.equal(1, code)
    has(out, "UNDELIVERABLE m1 491 after 1.0 s, err 069")
  end))

  it("shows the PDUs going by, and traces them, without passwords", with({}, function()
    local path = os.tmpname()
    local code, out, err = send { "-v", "--trace", path, URL, "--to", "+491", "Hi" }
    assert.equal(0, code)
    assert.equal("accepted m1 +491\n", out)
    local lines = {}
    for line in err:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal("-> bind_transceiver #1  system_id=me  interface_version=3.4", lines[1])
    assert.truthy(lines[2]:find "^<%- bind_transceiver_resp #1")
    assert.equal('-> submit_sm #2  - > +491  "Hi" gsm7', lines[3])
    assert.equal("<- submit_sm_resp #2  message_id=m1", lines[4])
    local file = io.open(path, "rb")
    local octets = file:read "*a"
    file:close()
    lacks(octets, "secret")
    assert.equal(6, pcap.read(octets, function() end).pdus)
    _, out, err = send { "-v", "--color", "always", URL, "--to", "+491", "Hi" }
    assert.equal("\27[36maccepted\27[0m m2 +491\n", out)
    has(err, "\27[33m->\27[0m \27[36msubmit_sm\27[0m\27[2m #2")
    _, out = send { "-v", "--json", URL, "--to", "+491", "Hi" }
    lacks(out, "secret")
    local list = objects(out)
    assert.same({ "pdu", "out", "bind_transceiver" }, { list[1].event, list[1].direction, list[1].command })
    assert.equal("Hi", list[3].text)
    _, _, err = send { "-v", "smpp://me:wrong@127.0.0.1", "--to", "+491", "Hi" }
    has(err, "-> bind_transceiver")
    has(err, "<- bind_transceiver_resp #1 ESME_")
    os.remove(path)
  end))

  it("keeps a window full and a rate", with({ submit_sm = function(_, _, n)
    smpp.sleep(0.1)
    return "m" .. n
  end }, function(seen, _, loop)
    local start = loop:now()
    local code, out = send { URL, "--to", "491", "--to", "492", "--count", "50", "--window", "20", "x" }
    assert.equal(0, code)
    assert.equal("100 accepted\n", out)
    assert.equal(100, #seen)
    assert.near(0.5, loop:now() - start, 0.1)
    start = loop:now()
    code = send { URL, "--to", "491", "--count", "50", "--rate", "10", "x" }
    assert.equal(0, code)
    assert.near(5, loop:now() - start, 1.1)
  end))

  it("counts what came of many", with({ submit_sm = function(_, _, n)
    if n % 10 == 0 then return nil, "ESME_RINVDSTADR" end
    return "m" .. n
  end }, function()
    local code, out, err = send { URL, "--to", "491", "--count", "50", ("x"):rep(161) }
    assert.equal(1, code)
    has(out, "accepted (")
    has(out, "refused (ESME_RINVDSTADR ")
    has(err, "not delivered: 9 ESME_RINVDSTADR\n   491: part 1 of 2: ESME_RINVDSTADR: destination")
    _, out = send { "--json", URL, "--to", "491", "--count", "10", "x" }
    local list = objects(out)
    assert.equal(11, #list)
    assert.equal("summary", list[11].event)
    assert.equal(10, list[11].done)
    assert.equal(10, list[11].accepted + list[11].refused)
  end))

  it("waits out throttling", with({ submit_sm = function(_, _, n)
    if n % 3 == 0 then return nil, "ESME_RTHROTTLED" end
    return "m" .. n
  end }, function()
    local code, out = send { URL, "--to", "491", "--count", "20", "x" }
    assert.equal(0, code)
    assert.equal("20 accepted\n", out)
  end))

  it("is told what it was given wrongly: 2", async.virtual(function()
    for _, case in ipairs {
      { { "nonsense", "--to", "1", "x" }, "invalid URL" }, { { "smpp://a:b@h?windw=1", "--to", "1", "x" }, "did you mean 'window'?" },
      { { "smpp://a:b@h:0", "--to", "1", "x" }, "port" }, { { URL, "x" }, "missing --to" }, { { URL, "--to", "1" }, "missing text" },
      { { URL, "--to", "1", "--data", "00", "x" }, "cannot be combined" }, { { URL, "--to", "1", "--data", "xy" }, "invalid hex digit" },
      { { URL, "--to", "1", "--set", "nonsense", "x" }, "NAME=VALUE" }, { { URL, "--to", "1", "--set", "recipt=true", "x" }, "did you mean 'receipt'?" },
      { { URL, "--to", "1", "--set", "servce_type=1", "x" }, "did you mean 'service_type'?" }, { { URL, "--to", "1", "--set", "flash=often", "x" }, "--set flash: expected true or false, got 'often'" },
      { { URL, "--to", "1", "--set", "its_session_info=1", "x" }, "SESSION,SEQUENCE" }, { { URL, "--to", "1", "--tlv", "0x1400", "x" }, "TAG=VALUE" },
      { { URL, "--to", "1", "--tlv", "campain=1", "x" }, "expected a tag such as 0x1400" }, { { URL, "--to", "1", "--tlv", "0x14000=1", "x" }, "0 to 0xFFFF" },
      { { URL, "--to", "1", "--tlv", "0x1400=hex:0", "x" }, "--tlv 0x1400: " }, { { URL, "--to", "1", "--tlv", "message_payloa=x", "x" }, "did you mean 'message_payload'?" },
      { { URL, "--to", "1", "--config", "/nowhere.lua", "x" }, "/nowhere.lua" }, { { URL, "--to", "1", "--wait", "x", "y" }, "expected a number from 0" },
      { { URL, "--to", "1", "--count", "0", "y" }, "expected an integer" }, { { URL, "--to", "1", "--encoding", "klingon", "y" }, "encoding" },
      { { URL, "--to", "1", "--trace", "/no/such/file", "y" }, "/no/such/file" }, { {}, "url" }, { { URL, "--bind", "both", "y" }, "bind" },
      { { URL, "--to", "1", "--to", "", "y" }, "empty --to" }, { { URL .. "?bind=rx", "--to", "1", "y" }, "cannot send" }, { { URL, "--bind", "rx", "--to", "1", "y" }, "cannot send" },
      { { URL, "--window", "-1", "--to", "1", "y" }, "" }, { { "smpp://a:geheim@h:x", "--to", "1", "x" }, "" },
    } do
      local code, out, err = send(case[1])
      assert.equal(2, code, err)
      assert.equal("", out)
      has(err, case[2])
      lacks(err, "traceback")
      lacks(err, "geheim")
    end
  end))

  it("what the text or an address cannot be is 1", with({}, function()
    for _, case in ipairs {
      { { "--from", "MuchTooLongAName", "--to", "491", "x" }, "at most 11 characters" },
      { { "--to", "491", "--encoding", "latin1", "\226\130\172" }, "latin1" },
      { { "--to", "491", "--long", "refuse", ("x"):rep(200) }, "" }, { { "--to", "491", "\255\254" }, "" },
    } do
      table.insert(case[1], 1, URL)
      local code, out, err = send(case[1])
      assert.equal(1, code, err)
      assert.equal("", out)
      has(err, case[2])
      lacks(err, "traceback")
    end
  end))
end)
