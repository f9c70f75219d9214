local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local few = require "spec.support.few"
local pdus = require "smpp.codec"
local shell = require "spec.support.shell"
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

local has, lacks = cli.has, cli.lacks

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
          has(err, "truncated PDU header: " .. length .. " octets of")
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
    for round = 1, few(400, 100) do
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
    has(err, "invalid command_length 5")
    code, _, err = run { "decode", util.hex "GET / HTTP/1.1\r\n\r\n" }
    assert.equal(1, code)
    has(err, 'the octets read "GET ": not SMPP')
  end)

  it("shows the octets behind a PDU whose command_length leaves its body out, but none that may be a password", function()
    local header = "00000010 %s 00000000 00000001 "
    local code, _, err = run { "decode", header:format "00000004" .. "74657374 0074" }
    assert.equal(1, code)
    has(err, "submit_sm: command_length 16 is too small for its parameters")
    has(err, 'the octets there: "test.t"')
    for _, hex in ipairs { header:format "00000009" .. "74657374 0074",
      header:format "00000004" .. "74657374" .. header:format "00000009" .. "6100736563" } do
      code, _, err = run { "decode", hex }
      assert.equal(1, code)
      has(err, "the octets there are hidden")
      for _, part in ipairs { "test", "a.sec", "1952805748", "1627419493" } do lacks(err, part) end -- "test" and "a\0se" as numbers
    end
  end)

  it("names what is wrong with its input", function()
    for _, case in ipairs {
      { { "decode", "no/such/file.bin" }, "no/such/file.bin: no such file" }, { { "decode", "00000010xx" }, "invalid hex digit 'x'" },
      { { "decode", "000" }, "odd number of hex digits: 3" }, { { "decode", "-" }, "nothing to decode" }, { { "decode", "/" }, "directory" },
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

describe("smpp decode: files", function()
  local function with_files(fn)
    local folder, remove = shell.folder()
    local ok, err = pcall(fn, folder)
    remove()
    if not ok then error(err, 0) end
  end

  it("reads several, and says which is which", function()
    with_files(function(folder)
      shell.write(folder .. "/a", BIND)
      shell.write(folder .. "/b", util.hex(SUBMIT))
      local code, out = run { "decode", "--brief", folder .. "/a", folder .. "/b" }
      assert.equal(0, code)
      for _, words in ipairs { "== " .. folder .. "/a", "bind_transceiver", "== " .. folder .. "/b", "submit_sm" } do has(out, words) end
    end)
  end)

  it("reads what gzip compressed, and refuses what is cut", function()
    with_files(function(folder)
      shell.write(folder .. "/a", BIND)
      shell.must(("gzip %s/a"):format(folder))
      local code, out = run { "decode", "--brief", folder .. "/a.gz" }
      assert.equal(0, code)
      has(out, "bind_transceiver")
      shell.write(folder .. "/b", "\31\139\8\0")
      assert.equal(1, (run { "decode", folder .. "/b" }))
    end)
  end)
end)
