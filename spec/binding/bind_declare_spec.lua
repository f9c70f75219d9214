local pdus = require "smpp.codec"

describe("bind_declare.c", function()
  local codec
  before_each(function() codec = pdus.codec_of { tlvs = {} } end)

  it("gives the rows of a command and of its response", function()
    local row, response = codec.declare_command("probe_sm", 0x10201, 20, 0, { { name = "x", type = "cstring", max = 9 } }, {})
    assert.same({ "probe_sm", 0x10201, 0x80010201, 20, 0 }, { row.name, row.id, row.response_id, row.esme_sends_in, row.mc_sends_in })
    assert.same({ { name = "x", kind = "cstring", values = "", max = { 9, 9, 9 } } }, row.params)
    assert.same({ "probe_sm_resp", 0x80010201, 0, 20 }, { response.name, response.id, response.esme_sends_in, response.mc_sends_in })
    assert.is_nil(select(2, codec.declare_command("note_sm", 0x10202, 0, 24, {}, false)))
  end)

  it("refuses what is no command, and stays as it was", function()
    for _, wrong in ipairs {
      {}, { "a" }, { "a", -1 }, { "a", 0x80010201, 1, 1, {} }, { "a", 0x10201, 1, 1 }, { "a", 0x10201, 1, 1, { 5 } },
      { "a", 0x10201, 1, 1, { {} } }, { "a", 0x10201, 1, 1, { { name = 5, type = "int1" } } },
      { "a", 0x10201, 1, 1, { { name = "x" } } }, { "a", 0x10201, 1, 1, { { name = "x", type = {} } } },
      { "a", 0x10201, 1, 1, { { name = "x", type = "cstring", max = 256 } } },
      { "a", 0x10201, 1, 1, { { name = "x", type = "int2", max = 1 } } },
      { "a", 0x10201, 1, 1, { { name = "totable", type = "int1" } } }, { "submit_sm", 0x10201, 1, 1, {} }, { "a", 4, 1, 1, {} },
      { "a", 0x10201, 1, 1, {}, { { name = "x", type = "none" } } },
    } do
      assert.is_false((pcall(codec.declare_command, (table.unpack or unpack)(wrong)))) -- luacheck: ignore
      assert.is_nil((codec.encode { command = "a" }))
    end
    codec.declare_command("a", 0x10201, 20, 0, {}, {})
    assert.equal(16, #codec.encode { command = "a_resp" })
  end)

  it("counts names of parameters", function()
    local made, message = 0, nil
    for i = 1, 20 do
      local params = {}
      for k = 1, 18 do params[k] = { name = ("p%d_%d"):format(i, k), type = "int1" } end
      local ok, err = pcall(codec.declare_command, "c" .. i, 0x10200 + i, 20, 0, params, false)
      if not ok then
        message = err
        break
      end
      made = made + 1
    end
    assert.is_true(made >= 11)
    assert.matches("too many names of parameters", message)
    local octets = assert(codec.encode { command = "c11", p11_18 = 7 })
    assert.equal(7, codec.decode(octets).p11_18)
  end)

  it("names a TLV, and not twice", function()
    codec.declare(0x1400, "pe_id", "cstring")
    assert.has_error(function() codec.declare(0x1401, "pe_id") end)
    assert.has_error(function() codec.declare(0x1401, "submit") codec.declare(0x0424, "x") end)
  end)

  it("knows a name that was used only as long as it means the same", function()
    local long = ("n"):rep(41) -- Lua may have several strings of such a content
    codec.declare(0x1400, "pe_id", "cstring")
    codec.declare(0x1402, long, "int1")
    local function sent(fields)
      fields.command, fields.short_message = "submit_sm", "Hi"
      return codec.encode(fields)
    end
    local pdu = codec.decode(assert(sent { pe_id = "x", [long] = 5 }))
    assert.same({ "x", 5, "Hi" }, { pdu.pe_id, pdu[("n"):rep(41)], pdu.short_message })
    codec.declare(0x1400, "pe_number", "cstring") -- the tag's former name goes
    assert.error_matches(function() return pdu.pe_id end, "a PDU has no field 'pe_id'")
    assert.same({ "x", 5, "Hi" }, { pdu.pe_number, pdu[("n"):rep(41)], pdu.short_message })
    assert.same({ nil, nil, "unknown_field" }, { sent { pe_id = "x" }, nil, select(3, sent { pe_id = "x" }) })
    codec.declare_command("probe_sm", 0x10201, 20, 0, { { name = "pe_number", type = "cstring", max = 9 } }, {})
    assert.equal("y", codec.decode(assert(codec.encode { command = "probe_sm", pe_number = "y" })).pe_number)
    assert.equal("x", pdu.pe_number)
    collectgarbage()
    for i = 1, 300 do assert.is_false((pcall(function() return pdu["no_field_" .. i] end))) end
    assert.equal(codec.decode(assert(sent { pe_number = "z" })).pe_number, "z")
  end)
end)
