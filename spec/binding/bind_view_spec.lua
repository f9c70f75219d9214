local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"
local util = require "spec.support.util"

local unhex = util.unhex

--- A PDU from its parts, command_length filled in.
local function raw(command_id, status, sequence, body)
  local function u32(n)
    return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
  end
  return u32(16 + #body) .. u32(command_id) .. u32(status) .. u32(sequence) .. body
end

local SUBMIT = "00 0500 5465737400 0101 3400 00 00 00 00 00 01 00 00 00 00"

describe("bind_view", function()
  local octets = raw(4, 0, 77, unhex(SUBMIT):sub(1, -2) .. "\2hi" .. unhex "0204 0002 0007  1400 0001 ff")
  local pdu = pdus.decode(octets)

  it("give several fields in one call", function()
    assert.same({ 5, nil, "hi", 7, "submit_sm", 77 }, {
      pdu:values("source_addr_ton", "message_payload", "short_message", "user_message_reference", "command", "sequence_number"),
    })
    assert.equal(0, select("#", pdu:values()))
    assert.error_matches(function() pdu:values("short_message", "short_massage") end, "no field 'short_massage'")
    assert.error_matches(function() pdu:values("octets") end, "no field 'octets'")
  end)

  it("give them faster to a selector, of any codec", function()
    local select_some = pdus.codec.selector("source_addr_ton", "message_payload", "short_message", "user_message_reference", "command", "sequence_number")
    assert.same({ 5, nil, "hi", 7, "submit_sm", 77 }, { select_some(pdu) })
    assert.same({ 5, nil, "hi", 7, "submit_sm", 77 }, { select_some((assert(core.codec({}, {}).decode(octets)))) })
    assert.equal(0, select("#", pdus.codec.selector()(pdu)))
    assert.error_matches(function() pdus.codec.selector("short_massage") end, "no field 'short_massage'")
    assert.error_matches(function() pdus.codec.selector("octets") end, "no field 'octets'")
    assert.error_matches(function() select_some {} end, "expected a PDU, got table")
    assert.error_matches(function() select_some() end, "expected a PDU, got no value")
  end)

  it("iterate over their fields in wire order", function()
    local names = {}
    for name, value in pdu:fields() do names[#names + 1] = name .. "=" .. tostring(value) end
    assert.equal("service_type=", names[1])
    assert.equal("short_message=hi", names[17])
    assert.equal("user_message_reference=7", names[18])
    assert.equal("tlv_0x1400=\255", names[19])
    assert.equal(19, #names)
  end)

  it("change into copies: fields, TLVs in place, new TLVs behind, none removes", function()
    local changed = pdu:with { sequence_number = 5, destination_addr = "49", user_message_reference = 8, source_port = 1 }
    assert.equal(5, changed.sequence_number)
    assert.equal("49", changed.destination_addr)
    assert.same({ 0x204, 0x1400, 0x20A }, { changed:tlvs()[1].tag, changed:tlvs()[2].tag, changed:tlvs()[3].tag })
    assert.equal(8, changed.user_message_reference)
    assert.equal("4", pdu.destination_addr)
    local less = pdu:with { user_message_reference = pdus.none, short_message = pdus.none, destination_addr = pdus.none }
    assert.is_nil(less.user_message_reference)
    assert.equal("", less.short_message)
    assert.equal("", less.destination_addr)
    assert.equal(1, #pdu:with({ tlvs = { { tag = 0x1401, octets = "x" } } }):tlvs())
    assert.equal(0, #pdu:with({ tlvs = pdus.none }):tlvs())
    assert.same({ nil, "too_long" }, { (pdu:with { destination_addr = ("1"):rep(21) }), (select(3, pdu:with { destination_addr = ("1"):rep(21) })) })
  end)

  it("serve again once they are spent, with nothing of what they were", function()
    local codec = core.codec({}, {})
    local function made(sequence, text, tlvs)
      return (assert(codec.decode(raw(4, 0, sequence, unhex(SUBMIT):sub(1, -2) .. string.char(#text) .. text .. (tlvs or "")))))
    end
    local first = made(1, "before one was spent")
    codec.spend(first)
    assert.equal(1, first.sequence_number) -- it has no size that serves again
    local one, other = made(2, "one", unhex "0204 0002 0007"), made(3, "other")
    codec.spend(one)
    assert.same({ 0, "0x00000000", "", nil, nil, 0 }, {
      one.sequence_number, one.command, one:octets(), one.short_message, one.user_message_reference, #one:tlvs(),
    })
    assert.same({}, { one:totable().tlvs[1], one:layout()[1] })
    assert.equal("other", other.short_message)
    codec.spend(one) -- twice is once
    local again, next_one = made(4, "again"), made(5, "next")
    assert.is_true(rawequal(again, one))
    assert.is_false(rawequal(next_one, one) or rawequal(next_one, other))
    assert.same({ 4, "again", nil, 5, "next", 3, "other" }, {
      again.sequence_number, again.short_message, again.user_message_reference, next_one.sequence_number, next_one.short_message,
      other.sequence_number, other.short_message,
    })
    pdus.codec.spend(again) -- of another codec: nothing happens
    assert.equal("again", again.short_message)
    assert.error_matches(function() codec.spend {} end, "expected a PDU")
  end)

  it("are spent in any order, of any length", function()
    property.holds(50, function(random, case)
      local codec, used = core.codec({}, {}), {}
      for i = 1, random(200) do
        if random(3) == 1 and #used > 0 then
          local at = random(#used)
          codec.spend(used[at][1])
          used[at] = used[#used]
          used[#used] = nil
        else
          local body = random(4) == 1 and raw(0x80000004, 0, i, ("x"):rep(random(20)) .. "\0")
            or raw(4, 0, i, unhex(SUBMIT) .. unhex "0424" .. string.char(math.floor(i * 5 / 256), i * 5 % 256) .. ("y"):rep(i * 5))
          used[#used + 1] = { assert(codec.decode(body)), body }
        end
        case.used = #used
      end
      local seen = {}
      for _, one in ipairs(used) do
        assert.equal(one[2], one[1]:octets())
        assert.is_nil(seen[one[1]])
        seen[one[1]] = true
      end
    end)
  end)

  it("keep their octets when what they came from is gone", function()
    local views = {}
    for i = 1, 200 do views[i] = pdus.decode(raw(4, 0, i, unhex(SUBMIT))) end
    collectgarbage()
    for i = 1, 200 do assert.equal(i, views[i].sequence_number) end
  end)
end)
