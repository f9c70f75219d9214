local explain = require "smpp.simulator.http_explain"
local smpp = require "smpp"

local function hex(octets) return (octets:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

describe("smpp.simulator.http_explain", function()
  it("gives every octet of each PDU a line, its content and its status", function()
    local submit = smpp.encode { command = "submit_sm", sequence_number = 7, source_addr = "Test", destination_addr = "491", dest_addr_ton = 1,
      short_message = ("Hello "):rep(20), user_message_reference = 5 }
    local found = assert(explain.pdus { hex = hex(submit .. smpp.encode { command = "submit_sm_resp", sequence_number = 7, command_status = 0x58 }) })
    assert.equal(2, #found.pdus)
    local first, second = found.pdus[1], found.pdus[2]
    local octets, by_name = {}, {}
    for i, line in ipairs(first.lines) do
      assert.equal(#table.concat(octets) / 2, line.offset)
      octets[i], by_name[line.name] = line.octets, line
    end
    assert.equal(hex(submit), table.concat(octets))
    assert.equal("1 (international)", by_name.dest_addr_ton.value)
    assert.equal("5", by_name["TLV 0x0204 user_message_reference"].value)
    assert.same({ "text", '"' .. ("Hello "):rep(20) .. '" (gsm7)' }, { first.content[1].name, first.content[1].value })
    assert.is_nil(first.status)
    assert.same({ "submit_sm_resp", "ESME_RTHROTTLED" }, { second.command, second.status.name })
    assert.is_string(second.status.advice)
  end)

  it("says what is wrong: no hexadecimal, no PDU, what follows", function()
    local ping = hex(smpp.encode { command = "enquire_link", sequence_number = 1 })
    for _, wrong in ipairs { "", "0", "xy", ping:sub(1, 31) } do
      assert.same({ nil, "hex: expected pairs of hexadecimal digits", "bad_value", "hex" }, { explain.pdus { hex = wrong } })
    end
    for _, wrong in ipairs { "00", ping:sub(1, 30), "00000000000000150000000000000001", ("ff"):rep(16) } do
      local found, message, code = explain.pdus { hex = wrong }
      assert.is_nil(found)
      assert.is_string(message)
      assert.equal("bad_value", code)
    end
    local found = explain.pdus { hex = ping .. " " .. ping .. "0000" }
    assert.equal(2, #found.pdus)
    assert.matches("^octet 32: ", found.rest)
    assert.equal(50, #explain.pdus({ hex = ping:rep(60) }).pdus)
  end)

  it("shows what is odd about a PDU", function()
    local found = explain.pdus { hex = "00000012000000150000000000000001ffff" }
    assert.is_true(#found.pdus[1].problems > 0)
    assert.is_number(found.pdus[1].problems[1].offset)
  end)
end)
