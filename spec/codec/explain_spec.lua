local explain = require "smpp.codec.explain"

describe("smpp.codec.explain", function()
  it("tells of a status by name, alias, code and hex text", function()
    for _, which in ipairs { "ESME_RTHROTTLED", 0x58, "0x00000058", "ESME_RTHROTTLEXCD" } do
      local row = explain.status(which)
      assert.equal("ESME_RTHROTTLED", row.name)
      assert.equal(0x58, row.code)
      assert.equal("throttle", row.class)
      assert.equal("retry_later", row.bind)
      assert.is_string(row.meaning)
      assert.is_string(row.advice)
    end
    assert.equal("ESME_RINVOPTPARSTREAM", explain.status(0xC0).alias)
  end)

  it("tells what it can of a status outside the tables", function()
    local row = explain.status(0x401)
    assert.equal("0x00000401", row.name)
    assert.equal("permanent", row.class)
    assert.equal("retry_later", row.bind)
    assert.truthy(row.meaning:find("carrier", 1, true))
  end)

  it("suggests a name for a misspelt one", function()
    local row, message, code = explain.status "ESME_RTHROTLED"
    assert.is_nil(row)
    assert.equal("bad_value", code)
    assert.truthy(message:find("did you mean ESME_RTHROTTLED?", 1, true))
  end)

  it("knows that a status has 32 bits", function()
    for _, odd in ipairs { "0x1ffffffff", 1.5, -1, 4294967296 } do
      assert.equal("bad_value", (select(3, explain.status(odd))))
    end
  end)

  it("puts values in words", function()
    local cases = {
      { "source_addr_ton", 5, "alphanumeric" }, { "esm_class", 0x43, "store_and_forward, normal, udhi" },
      { "esm_class", 4, "default, mc_delivery_receipt" }, { "registered_delivery", 0x11, "success_or_failure, requested" },
      { "registered_delivery", 0, "none" }, { "data_coding", 8, "ucs2" }, { "message_state", 2, "delivered" },
      { "message_state", 258, "reserved" }, { "source_addr_ton", 99, "reserved" }, { "priority_flag", 0, "non_priority" },
      { "dest_addr_subunit", 1, "ms_display" }, { "interface_version", 0x34, "3.4" }, { "congestion_state", 85, "optimum_load" },
    }
    for _, case in ipairs(cases) do assert.equal(case[3], explain.value(case[1], case[2]), case[1] .. " " .. case[2]) end
    assert.is_nil(explain.value("destination_addr", 1))
    assert.equal("ESME_RTHROTTLED", explain.value("command_status", 0x58))
  end)

  it("names fields that have no names for their values", function()
    local _, message, code = explain.field("sorce_addr_ton", 1)
    assert.equal("unknown_field", code)
    assert.truthy(message:find("source_addr_ton", 1, true))
  end)
end)
