local cli = require "spec.support.cli"
local core = require "smpp.core"
local dkjson = require "dkjson"
local explains = require "smpp.codec.explain"
local run = cli.run

local has = cli.has

describe("smpp explain", function()
  it("knows every status by name, by what is left of it, by number", function()
    for _, name in ipairs(core.protocol.statuses()) do
      local row = explains.status(name)
      for _, word in ipairs {
        name, name:lower(), (name:gsub("^ESME_", "")), (name:gsub("^ESME_R", "")), ("0x%X"):format(row.code), ("%.0f"):format(row.code),
      } do
        local code, out, err = run { "explain", word }
        assert.equal(0, code, word .. err)
        has(out, ("%s (0x%08X, %.0f)"):format(name, row.code, row.code))
        has(out, row.meaning)
        has(out, row.advice)
      end
    end
  end)

  it("says which version has another name, and where its number is inferred", function()
    local function explained(word) return select(2, run { "explain", word }) end
    has(explained "ESME_RBINDFAIL", "also called         ESME_RINVPASWD in SMPP 3.3 (number inferred)\n")
    has(explained "0xC0", "ESME_RINVOPTPARSTREAM in SMPP 3.4\n")
    has(explained "0x46", "name                only in SMPP 3.3\n")
  end)

  it("takes no number that is too large", function()
    for _, words in ipairs { { "0x" .. ("a"):rep(65536) }, { "status", "0x10000000000000058" }, { "99999999999" } } do
      table.insert(words, 1, "explain")
      assert.equal(1, (run(words)))
    end
    has(select(2, run { "explain", "its_session_info", "0xFFFFF" }), "out of range")
  end)

  it("wraps at the width of the terminal; elsewhere a line stays one", function()
    local _, wrapped = run({ "explain", "ESME_RBINDFAIL" }, { env = { COLUMNS = "60" } })
    local _, long = run { "explain", "ESME_RBINDFAIL" }
    local longest = 0
    for line in wrapped:gmatch "[^\n]+" do longest = math.max(longest, #line) end
    assert.is_true(longest <= 60 and longest > 48, longest)
    assert.equal((long:gsub("%s+", " ")), (wrapped:gsub("%s+", " ")))
    assert.is_true(#long:match "meaning[^\n]+" > 100)
  end)

  it("knows every command, parameter and TLV", function()
    for _, command in ipairs(core.protocol.commands()) do
      for _, words in ipairs { { command.name }, { ("0x%08X"):format(command.id) }, { "command_id", ("%.0f"):format(command.id) } } do
        table.insert(words, 1, "explain")
        local code, out = run(words)
        assert.equal(0, code)
        has(out, ("%s (0x%08X)"):format(command.name, command.id))
        for _, param in ipairs(command.params) do has(out, param.name) end
      end
      for _, param in ipairs(command.params) do
        local code, out = run { "explain", param.name }
        assert.equal(0, code)
        has(out, command.name)
      end
    end
    for _, tlv in ipairs(core.protocol.tlvs()) do
      for _, word in ipairs { tlv.name, ("0x%04X"):format(tlv.tag) } do
        local code, out = run { "explain", word }
        assert.equal(0, code)
        has(out, ("%s (0x%04X)"):format(tlv.name, tlv.tag))
      end
    end
  end)

  it("puts every value of every field in words", function()
    for name, rows in pairs(core.protocol.values()) do
      for _, row in ipairs(rows) do
        local code, out = run { "explain", name, ("0x%02X"):format(row.low) }
        assert.equal(0, code)
        has(out, explains.value(name, row.low))
      end
    end
    for _, case in ipairs {
      { "data_coding 0xF5", "the text is in      binary" }, { "data_coding 0xF0", "flash" }, { "data_coding 200", "voicemail waiting, on" },
      { "data_coding=8", "ucs2" }, { "data_coding 0x84", "reserved" }, { "esm_class 0x43", "mode: store_and_forward" },
      { "registered_delivery 0x11", "intermediate: requested" }, { "message_state 2", "delivered" }, { "source_addr_ton 5", "alphanumeric" },
      { "command_status 13", "ESME_RBINDFAIL" }, { "status RBINDFAIL", "trailing space" }, { "error_status_code 0x58", "THROTTLED" },
      { "user_message_reference 7", "no names" }, { "sequence_number", "octets 13 to 16" },
    } do
      local words = { "explain" }
      for word in case[1]:gmatch "%S+" do words[#words + 1] = word end
      local code, out, err = run(words)
      assert.equal(0, code, err)
      has(out, case[2])
    end
  end)

  it("numbers outside the tables are statuses of the carrier's own or nobody's", function()
    local code, out = run { "explain", "0x410" }
    assert.equal(0, code)
    has(out, "carrier's own")
    code, out = run { "explain", "0x7777" }
    assert.equal(0, code)
    has(out, "not in the tables")
  end)

  it("suggests names for misspelt ones, and fails", function()
    for word, like in pairs {
      ESME_RTROTTLED = "ESME_RTHROTTLED", RINVDSTADDR = "ESME_RINVDSTADR", sumbit_sm = "submit_sm", dest_adr_ton = "dest_addr_ton",
      mesage_payload = "message_payload", Sequence_Numbr = "sequence_number",
    } do
      local code, out, err = run { "explain", word }
      assert.equal(1, code)
      assert.equal("", out)
      has(err, "did you mean " .. like .. "?")
    end
    for _, words in ipairs { { "foo" }, { "esm_class", "x" }, { "foo", "3" }, { "0x1FFFFFFFF" }, { "command_id", "77" }, { "status", "NOPE" } } do
      table.insert(words, 1, "explain")
      local code, _, err = run(words)
      assert.equal(1, code)
      assert.is_nil(err:find("stack traceback", 1, true))
    end
    assert.equal(2, (run { "explain" }))
    assert.equal(2, (run { "explain", "a", "b", "c" }))
  end)

  it("knows the words of receipts", function()
    for words, answers in pairs {
      DELIVRD = { "DELIVERED (2)", "yes: no other state follows" }, ["stat:UNDELIV"] = { "UNDELIVERABLE (5)" }, undeliv = { "cannot be delivered" },
      ["stat ACCEPTD"] = { "ACCEPTED (6)" }, EXPIRED = { "validity period" }, BUFFERD = { "not the standard's" }, stat = { "DELIVRD, EXPIRED" },
      ["stat:"] = { "DELIVRD, EXPIRED" }, ["stat:FOO"] = { 'states = { FOO = "UNDELIVERABLE" }' }, err = { "SMPP defines no values" },
      ["err:000"] = { "no error" }, ["err 126"] = { "GatewayAPI       SMS error code 0x107E" }, done_date = { "YYMMDDhhmm" }, dlvrd = { "delivered" },
    } do
      local arguments = { "explain" }
      for word in words:gmatch "%S+" do arguments[#arguments + 1] = word end
      local code, out, err = run(arguments)
      assert.equal(0, code, words .. err)
      for _, answer in ipairs(answers) do has(out, answer) end
    end
    has(select(3, run { "explain", "DELIVERD" }), "did you mean DELIVERED?")
  end)

  it("reads its_session_info by its parts", function()
    local out = select(2, run { "explain", "its_session_info", "0x0503" })
    has(out, "session number      5")
    has(out, "sequence number     1")
    has(out, "end of session      yes")
    has(out, "--set its_session_info=5,1,end")
    has(select(2, run { "explain", "its_session_info" }), "bits 7 to 1")
  end)

  it("tells vendors' ranges from reserved ones", function()
    has(select(2, run { "explain", "ussd_service_op", "32" }), "vendor_specific")
    has(select(2, run { "explain", "ussd_service_op", "255" }), "vendor_specific")
    has(select(2, run { "explain", "ussd_service_op", "31" }), "reserved")
    has(select(2, run { "explain", "0x1400" }), "TLV                 0x1400: specific to a vendor")
    has(select(2, run { "explain", "0x3FFF" }), "specific to a vendor")
    has(select(2, run { "explain", "0x80010200" }), "command             0x80010200: specific to a vendor")
  end)

  it("says which value of a known name is unknown", function()
    for _, words in ipairs { { "command_id", "77" }, { "submit_sm", "x" }, { "esm_class", "x" } } do
      has(select(3, run { "explain", words[1], words[2] }), ("%s: unknown value '%s'"):format(words[1], words[2]))
    end
  end)

  it("as JSON", function()
    local code, out = run { "explain", "--json", "0x58" }
    assert.equal(0, code)
    assert.equal("ESME_RTHROTTLED (0x00000058, 88)", dkjson.decode(out).status)
    out = select(2, run { "explain", "--json", "submit_sm" })
    assert.equal(17, #dkjson.decode(out).parameters)
  end)
end)
