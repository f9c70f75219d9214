local cli = require "spec.support.cli"
local content = require "smpp.cli.content"
local dkjson = require "dkjson"
local input = require "smpp.cli.input"
local packets = require "spec.support.packets"
local pdus = require "smpp.codec"
local util = require "spec.support.util"

local run, encode = cli.run, pdus.encode

local BIND = encode { command = "bind_transceiver", sequence_number = 1, system_id = "acme", password = "secret1", interface_version = 0x34 }
local SUBMIT = encode {
  command = "submit_sm", sequence_number = 2, source_addr_ton = 5, source_addr = "Test", dest_addr_ton = 1, dest_addr_npi = 1,
  destination_addr = "4915112345678", esm_class = 0x40, data_coding = 8, registered_delivery = 1,
  short_message = "\5\0\3\12\3\2\0H\0i\216\61\220\75",
}
local RECEIPT = encode {
  command = "deliver_sm", sequence_number = 9, source_addr = "4915112345678", destination_addr = "Test", esm_class = 4,
  short_message = "id:abc123 sub:001 dlvrd:001 submit date:2401011200 done date:2401011201 stat:UNDELIV err:069 text:Hello",
}
local THROTTLED = encode { command = "submit_sm_resp", sequence_number = 2, status = "ESME_RTHROTTLED" }

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

local function has(text, part) assert(text:find(part, 1, true), ("'%s' not in:\n%s"):format(part, text)) end
local function lacks(text, part) assert(not text:find(part, 1, true), ("'%s' in:\n%s"):format(part, text)) end

describe("smpp decode", function()
  it("explains every octet, decodes texts, reads UDH and receipts", function()
    local code, out, err = run { "decode", util.hex(SUBMIT) }
    assert.equal(0, code)
    assert.equal("", err)
    has(out, "0028  40                                              esm_class  64 (default, normal, udhi)")
    has(out, "udh       concat_8bit: ref 12, seq 2, total 3")
    has(out, "part      2 of 3, reference 12")
    has(out, 'text      "Hi\240\159\145\139" (ucs2)')
    code, out = run { "decode", util.hex(RECEIPT) }
    assert.equal(0, code)
    has(out, 'receipt   id abc123, UNDELIVERABLE, err 069, submitted 2024-01-01 12:00:00, done 2024-01-01 12:01:00, text "Hello"')
  end)

  it("reads each golden vector as JSON with the vectors' own keys", function()
    for _, name in ipairs { "pdu.jsonl", "pdu_extra.jsonl" } do
      for _, vector in ipairs(util.vectors(name)) do
        local code, out = run { "decode", "--json", "--show-secrets", vector.hex }
        assert.equal(0, code, vector.name)
        local got = assert(dkjson.decode(out))
        for _, key in ipairs { "hex", "command", "command_status", "sequence_number", "fields", "tlvs", "no_body" } do
          assert.same(vector[key], got[key], vector.name .. " " .. key)
        end
        assert.equal(1, #lines(out))
        assert.truthy(out:find '^{"hex":.-"command":.-"command_status":.-"sequence_number":.-"fields":')
      end
    end
  end)

  it("reads many PDUs, from arguments, files, stdin, hex or binary", function()
    local all = BIND .. SUBMIT .. THROTTLED .. RECEIPT
    local _, expected = run { "decode", util.hex(all) }
    has(expected, "PDU 4, octets")
    local binary, hex = cli.file(all), cli.file(util.hex(all))
    for _, way in ipairs {
      { { "decode", binary } }, { { "decode", hex } }, { { "decode" }, { stdin = all } }, { { "decode", "-" }, { stdin = util.hex(all) } },
      { { "decode", util.hex(all):sub(1, 7), util.hex(all):sub(8) } },
    } do
      local code, out = run(way[1], way[2])
      assert.equal(0, code)
      assert.equal(expected, out)
    end
    os.remove(binary)
    os.remove(hex)
  end)

  it("hides passwords until told to show them", function()
    for _, form in ipairs { { "decode" }, { "decode", "--json" }, { "decode", "--brief" } } do
      form[#form + 1] = util.hex(BIND)
      local _, out = run(form)
      lacks(out, "secret1")
      lacks(out, util.hex "secret1")
      lacks(out, (util.hex("secret1"):gsub("..", "%0 ")))
    end
    local _, out = run { "decode", "--show-secrets", util.hex(BIND) }
    has(out, '"secret1"')
    _, out = run { "decode", "--json", util.hex(BIND) }
    has(out, '"hidden":["password"]')
  end)

  it("one line each, on request", function()
    local code, out = run { "decode", "-b", util.hex(BIND .. SUBMIT .. THROTTLED .. RECEIPT) }
    assert.equal(0, code)
    assert.same({
      "bind_transceiver #1  system_id=acme  interface_version=3.4",
      'submit_sm #2  Test > +4915112345678  "Hi\240\159\145\139" ucs2  part 2/3 of 12  esm_class=0x40  registered_delivery=success_or_failure',
      "submit_sm_resp #2 ESME_RTHROTTLED",
      'deliver_sm #9  4915112345678 > Test  receipt id abc123, UNDELIVERABLE, err 069, submitted 2024-01-01 12:00:00, '
        .. 'done 2024-01-01 12:01:00, text "Hello"',
    }, lines(out))
  end)

  it("shows what there is of a cut PDU and what is missing, at every octet", function()
    for length = 1, #SUBMIT - 1 do
      for _, form in ipairs { { "decode" }, { "decode", "--json" }, { "decode", "-b" } } do
        form[#form + 1] = util.hex(SUBMIT:sub(1, length))
        local code, out, err = run(form)
        assert.equal(1, code)
        if length < 16 then
          has(err, "the PDU ends inside its header: " .. length .. " octets of")
        else
          has(err, ("%d octets are missing"):format(#SUBMIT - length))
          if form[2] == "--json" then
            local got = assert(dkjson.decode(out))
            assert.equal(#SUBMIT - length, got.missing_octets)
            assert.equal(util.hex(SUBMIT:sub(1, length)), got.hex)
          else
            has(out, ("command_length  %d, of which %d are here"):format(#SUBMIT, length))
          end
        end
      end
    end
    local _, _, err = run { "decode", util.hex(SUBMIT:sub(1, 42)) }
    has(err, "with them priority_flag, schedule_delivery_time")
    local _, out = run { "decode", util.hex(THROTTLED .. SUBMIT:sub(1, 42)) }
    has(out, "ESME_RTHROTTLED")
    has(out, '"Test"')
  end)

  it("never crashes on octets of any kind", function()
    local seed = 99
    local random = util.random(seed)
    for round = 1, 400 do
      local octets = ({ BIND, SUBMIT, RECEIPT })[random(3)]
      for _ = 1, random(5) do
        local at = random(#octets)
        octets = octets:sub(1, at - 1) .. string.char(random(256) - 1) .. octets:sub(at + 1)
      end
      local ok, code = pcall(run, { "decode", util.hex(octets) })
      assert.is_true(ok and (code == 0 or code == 1), ("seed %d round %d: %s"):format(seed, round, tostring(code)))
      local _, out = run { "decode", "--json", "--brief", util.hex(octets) }
      for _, line in ipairs(lines(out)) do assert(dkjson.decode(line), ("seed %d round %d"):format(seed, round)) end
    end
  end)

  it("says what is not SMPP", function()
    local code, _, err = run({ "decode" }, { stdin = "\0\0\0\5rest" })
    assert.equal(1, code)
    has(err, "command_length: 5")
    code, _, err = run { "decode", util.hex "GET / HTTP/1.1\r\n\r\n" }
    assert.equal(1, code)
    has(err, 'the octets read "GET ": not SMPP')
  end)

  it("names what is wrong with its input", function()
    for _, case in ipairs {
      { { "decode", "no/such/file.bin" }, "no/such/file.bin: no such file" }, { { "decode", "00000010xx" }, "not hex: 'x'" },
      { { "decode", "000" }, "3 hex digits" }, { { "decode", "-" }, "nothing to decode" }, { { "decode", "/" }, "directory" },
      { { "decode", "0000  ** ** ** **" }, "--show-secrets" },
    } do
      local code, out, err = run(case[1])
      assert.equal(1, code)
      assert.equal("", out)
      has(err, case[2])
    end
    local code, _, err = run({ "decode" }, { terminal = true })
    assert.equal(2, code)
    has(err, "smpp decode --help")
  end)

  it("takes another default alphabet", function()
    local octets = encode { command = "submit_sm", sequence_number = 1, short_message = "a@b" }
    local _, out = run { "decode", util.hex(octets) }
    has(out, 'text      "a\194\161b" (gsm7)')
    _, out = run { "decode", "--alphabet", "latin1", util.hex(octets) }
    has(out, 'text      "a@b" (latin1)')
    assert.equal(2, (run { "decode", "--alphabet", "klingon", "00" }))
  end)
end)

describe("smpp decode: hex as tools print it", function()
  local octets = SUBMIT .. ("\0"):rep(70) .. "5*3 abcdef0123456789@"
  local function hex(separator, prefix)
    return (octets:gsub(".", function(c) return (prefix or "") .. ("%02x"):format(c:byte()) .. (separator or "") end))
  end

  it("without offsets", function()
    for _, text in ipairs {
      hex(), hex():upper(), hex " ", hex ":", hex(", ", "0x"), hex("", "\\x"), "0x" .. hex(), "{ " .. hex(", ", "0X") .. "};",
      hex(" "):gsub(("."):rep(48), "%0\n"), hex():gsub("%x%x%x%x", "%0 "):gsub(("."):rep(40), "%0\r\n"),
      hex():gsub("........", "%0 "):gsub(("."):rep(36), "%0\n"), "# a comment\n" .. hex() .. " // and another",
    } do
      assert.equal(util.hex(octets), util.hex(assert(input.unhex(text))), text)
    end
    assert.equal("\0\1\16", input.unhex "0x0,0x1,0x10")
  end)

  it("with offsets and text", function()
    local function dump(width, form, squeeze)
      local out, before = {}, nil
      for at = 1, #octets, width do
        local piece = octets:sub(at, at + width - 1)
        if squeeze and piece == before then
          if out[#out] ~= "*" then out[#out + 1] = "*" end
        else
          out[#out + 1] = form(at - 1, piece)
        end
        before = piece
      end
      return table.concat(out, "\n") .. "\n"
    end
    local function ascii(piece) return (piece:gsub("[^\32-\126]", ".")) end
    local function pairs_of(piece) return (piece:gsub(".", function(c) return ("%02x "):format(c:byte()) end):sub(1, -2)) end
    local forms = {
      xxd = dump(16, function(at, piece)
        return ("%08x: %-39s  %s"):format(at, util.hex(piece):gsub("%x%x%x?%x?", "%0 "):sub(1, -2), ascii(piece))
      end),
      ["xxd -c 8"] = dump(8, function(at, piece)
        return ("%08x: %-19s  %s"):format(at, util.hex(piece):gsub("%x%x%x?%x?", "%0 "):sub(1, -2), ascii(piece))
      end),
      ["hexdump -C"] = dump(16, function(at, piece)
        return ("%08x  %-23s  %-23s  |%s|"):format(at, pairs_of(piece:sub(1, 8)), pairs_of(piece:sub(9)), ascii(piece))
      end, true) .. ("%08x\n"):format(#octets),
      ["od -A x -t x1"] = dump(16, function(at, piece) return ("%06x %s"):format(at, pairs_of(piece)) end, true),
      tshark = "Frame 1: 200 octets\n\n" .. dump(16, function(at, piece) return ("%04x  %-48s  %s"):format(at, pairs_of(piece), ascii(piece)) end),
    }
    for name, text in pairs(forms) do assert.equal(util.hex(octets), util.hex(assert(input.unhex(text), name)), name) end
  end)

  it("reads again what smpp decode writes", function()
    local _, out = run { "decode", "--show-secrets", util.hex(BIND .. SUBMIT .. RECEIPT) }
    assert.equal(util.hex(BIND .. SUBMIT .. RECEIPT), util.hex(input.unhex(out)))
    local octets_, message = input.unhex((select(2, run { "decode", util.hex(BIND) })))
    assert.is_nil(octets_)
    has(message, "--show-secrets")
  end)
end)

describe("smpp decode of captures", function()
  local function capture()
    local c = packets.conversation():handshake():send("esme", BIND)
      :send("mc", encode { command = "bind_transceiver_resp", sequence_number = 1, system_id = "mc" })
      :send("esme", SUBMIT):send("mc", THROTTLED):finish()
    return packets.pcap(c.packets)
  end

  it("shows PDUs, latencies, a summary", function()
    local path = cli.file(capture())
    local code, out, err = run { "decode", path }
    assert.equal(0, code)
    has(out, "-- 2023-11-14 (UTC)")
    has(out, "-- connection 1: 10.0.0.1:40000 and 10.0.0.2:2775")
    has(out, "1 ->  bind_transceiver #1  system_id=acme")
    has(out, "1 <-  submit_sm_resp #2 ESME_RTHROTTLED  1.00 ms")
    lacks(out, "0028  40")
    has(err, "4 PDUs on 1 connection, in 9 packets")
    has(err, "submit_sm: 1 request answered, median 1.00 ms")
    code, out = run { "decode", "-v", path }
    assert.equal(0, code)
    has(out, "0028  40")
    lacks(out, "secret1")
    os.remove(path)
  end)

  it("as JSON, from stdin", function()
    local code, out = run({ "decode", "--json" }, { stdin = capture() })
    assert.equal(0, code)
    local list = lines(out)
    assert.equal(4, #list)
    local last = assert(dkjson.decode(list[4]))
    assert.equal(88, last.command_status)
    assert.equal("10.0.0.2:2775", last.from)
    assert.equal("submit_sm_resp", last.command)
    assert.near(0.001, last.latency_s, 1e-5)
    assert.equal(6, last.request_packet)
    assert.truthy(last.time:find "^2023%-11%-14T22:13:20%.00%d+Z$")
    lacks(out, util.hex "secret1")
  end)

  it("cut at every octet ends with a word and 1, never with a crash", function()
    local octets = capture()
    for length = 4, #octets - 1 do
      local code, _, err = run({ "decode" }, { stdin = octets:sub(1, length) })
      assert.is_true(code == 0 or code == 1)
      assert.is_true(#err > 0)
    end
  end)

  it("names ports, and says when there is no SMPP", function()
    local code, _, err = run({ "decode", "--port", "99" }, { stdin = capture() })
    assert.equal(1, code)
    has(err, "no SMPP in this capture")
    assert.equal(0, (run({ "decode", "--port", "99", "--port", "2775" }, { stdin = capture() })))
    assert.equal(2, (run({ "decode", "--port", "x" }, { stdin = capture() })))
  end)

  it("tells of holes and of what is not SMPP", function()
    local c = packets.conversation():handshake():send("esme", "GET / HTTP/1.1\r\n\r\n"):send("mc", THROTTLED)
    c.seq.mc = c.seq.mc + 5
    c:send("mc", THROTTLED)
    local code, out, err = run({ "decode" }, { stdin = packets.pcap(c.packets) })
    assert.equal(0, code)
    has(out, "18 octets: HTTP")
    has(out, "5 octets are not in the capture")
    has(err, "2 responses whose request is not in the capture")
    out = select(2, run({ "decode", "--json" }, { stdin = packets.pcap(c.packets) }))
    has(out, '"missing":5')
    has(out, '"reason":"HTTP"')
  end)
end)

describe("smpp decode: text, header and receipt", function()
  local function of(fields)
    fields.sequence_number, fields.command = 1, fields.command or "deliver_sm"
    return content.of((pdus.decode(encode(fields))))
  end

  it("nothing, data, payload, parts by TLV", function()
    assert.is_nil(of { command = "enquire_link" })
    assert.is_nil(of {})
    assert.equal("\1\2", of({ data_coding = 4, short_message = "\1\2" }).data)
    assert.equal("long", of({ message_payload = "long" }).text)
    local both = of { short_message = "a", message_payload = "b" }
    assert.equal("b", both.text)
    assert.equal(1, #both.problems)
    assert.same({ reference = 7, total = 2, seq = 1 },
      of({ short_message = "a", sar_msg_ref_num = 7, sar_total_segments = 2, sar_segment_seqnum = 1 }).part)
    local ports = of { esm_class = 0x40, data_coding = 4, short_message = "\6\5\4\11\132\35\240\1\2" }
    assert.equal("\1\2", ports.data)
    local lies = of { esm_class = 0x40, short_message = "\200abc" }
    assert.truthy(lies.problems[1]:find "UDH")
    assert.truthy(of({ esm_class = 4, short_message = "no receipt" }).problems[1]:find "^receipt: ")
  end)

  it("quotes on one line", function()
    assert.equal([["a\"b\\c\nd\re\x00"]], content.quote('a"b\\c\nd\re\0'):gsub("\r", "\\r"))
  end)
end)
