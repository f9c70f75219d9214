local cli = require "spec.support.cli"
local mo = require "smpp.simulator.mo"

local function reference() return 7 end

describe("smpp.simulator.mo", function()
  it("knows which addresses are in an address_range", function()
    for _, row in ipairs {
      { "", "491", false }, { "^4915", "491511", true }, { "^4915", "141511", false }, { "491$", "00491", true }, { "4915\\d+", "491511", true },
      { "^(1|2)", "2", true }, { "^1|^2", "3", false }, { "^49[0-5]", "496", false }, { "a-b", "a-b", true }, { "[", "[", false }, { "\\.", "a.b", true },
    } do assert.equal(row[3], mo.is_in_range(row[1], row[2]), row[1] .. " " .. row[2]) end
  end)

  it("finds whose an address is: by range, else any receiver", function()
    local server = { sessions = {
      { state = "BOUND_TX", system_id = "tx", address_range = "^49" }, { state = "BOUND_RX", system_id = "any", address_range = "" },
      { state = "BOUND_TRX", system_id = "range", address_range = "^49" },
    } }
    assert.equal("range", mo.owner(server, "491"))
    assert.equal("any", mo.owner(server, "331"))
    assert.is_nil(mo.owner(server, "331", true))
    assert.is_nil(mo.owner({ sessions = { server.sessions[1] } }, "491"))
  end)

  it("makes one PDU of a short text, and parts of a long one", function()
    local list = assert(mo.pdus({ from = "491", to = "12345", text = "Grüße", registered_delivery = 1 }, "concat_8bit", reference))
    assert.equal(1, #list)
    assert.same({ "491", "12345", 1, 0 }, { list[1].source_addr, list[1].destination_addr, list[1].registered_delivery, list[1].data_coding })
    list = assert(mo.pdus({ from = "491", to = "12345", text = ("x"):rep(200) }, "concat_8bit", reference))
    assert.same({ 2, 0x40, "\5\0\3\7\2\1" }, { #list, list[1].esm_class, list[1].short_message:sub(1, 6) })
    list = assert(mo.pdus({ from = "491", to = "12345", text = ("x"):rep(200) }, "sar", reference))
    assert.same({ 7, 2, 2 }, { list[2].sar_msg_ref_num, list[2].sar_total_segments, list[2].sar_segment_seqnum })
    list = assert(mo.pdus({ from = "491", to = "12345", text = ("x"):rep(300), long = "payload" }, "sar", reference))
    assert.equal(300, #list[1].message_payload)
    assert.equal("unmappable", (select(3, mo.pdus({ text = "你", encoding = "gsm7" }, "sar", reference))))
  end)

  it("takes no option for a field of the PDU", function()
    local pdu = mo.pdus({ from = "1", to = "2", data = "x", long = "sar", encoding = "gsm7", system_id = "me", session = {}, text = nil }, "sar", reference)[1]
    for _, name in ipairs { "from", "to", "data", "long", "encoding", "system_id", "session" } do assert.is_nil(pdu[name], name) end
    local named = mo.pdus({ source_addr = "1", destination_addr = "2", short_message = "x" }, "sar", reference)[1]
    assert.same({ "1", "2", "x" }, { named.source_addr, named.destination_addr, named.short_message })
    assert.is_nil(mo.pdus({ text = ("x"):rep(200) }, "concat_8bit", reference)[1].sar_msg_ref_num)
  end)

  it("sends data as it is", function()
    local list = mo.pdus({ from = "491", to = "1", data = ("\1"):rep(255), data_coding = 4 }, "sar", reference)
    assert.same({ 1, 4, 255 }, { #list, list[1].data_coding, #list[1].message_payload })
  end)

  it("turns a message round, or sends it on", function()
    local message = { source_addr = "1", source_addr_ton = 1, destination_addr = "2", dest_addr_ton = 2, esm_class = 0x43, octets = "x", data_coding = 8 }
    local back, on = mo.forwarded(message, true), mo.forwarded(message, false)
    assert.same({ "2", 2, "1", 1 }, { back.source_addr, back.source_addr_ton, back.destination_addr, back.dest_addr_ton })
    assert.same({ "1", "2", 0x40, 8, "x" }, { on.source_addr, on.destination_addr, on.esm_class, on.data_coding, on.short_message })
  end)

  it("reads CSV files of messages, and says where one is wrong", function()
    local path = cli.file '# source,destination,text\n491,12345,Hello, you\r\n\n"492" , 12345,"say ""hi"""\n493,12345,0x0102\n494,12345,0x1\n'
    local list = assert(mo.read_csv(path))
    os.remove(path)
    assert.same({
      { from = "491", to = "12345", text = "Hello, you" }, { from = "492", to = "12345", text = 'say "hi"' },
      { from = "493", to = "12345", data = "\1\2", data_coding = 4 }, { from = "494", to = "12345", text = "0x1" },
    }, list)
    for _, text in ipairs { "491,12345", "491,12345,\255" } do
      path = cli.file("# x\n" .. text .. "\n")
      local none, message = mo.read_csv(path)
      os.remove(path)
      assert.is_nil(none)
      assert.matches("line 2: ", message)
    end
    assert.is_nil((mo.read_csv "/nonexistent"))
  end)
end)
