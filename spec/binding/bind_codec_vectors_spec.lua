local pdus = require "smpp.codec"
local util = require "spec.support.util"

local VERSIONS = { ["3.3"] = 0x33, ["3.4"] = 0x34, ["5.0"] = 0x50 }

--- A vector's fields and TLVs as the table that encode takes.
local function to_send(vector)
  local t = { command = vector.command, command_status = vector.command_status, sequence_number = vector.sequence_number, tlvs = {} }
  for name, value in pairs(vector.fields) do t[name] = name == "short_message" and util.unhex(value) or value end
  for i, tlv in ipairs(vector.tlvs) do t.tlvs[i] = { tag = tonumber(tlv.tag), octets = util.unhex(tlv.value) } end
  return t
end

for _, file in ipairs { "pdu.jsonl", "pdu_extra.jsonl" } do
  describe("bind_codec: golden vectors of " .. file, function()
    for _, vector in ipairs(util.vectors(file)) do
      it(vector.name, function()
        local octets = util.unhex(vector.hex)
        local pdu, following = assert(pdus.decode(octets))
        assert.equal(#octets + 1, following)
        assert.equal(vector.command, pdu.command)
        assert.equal(vector.command_status, pdu.command_status)
        assert.equal(vector.sequence_number, pdu.sequence_number)
        assert.equal(#octets, pdu.command_length)
        local expected = to_send(vector)
        for name in pairs(vector.fields) do assert.same(expected[name], pdu[name], name) end
        local tlvs = pdu:tlvs()
        assert.equal(#vector.tlvs, #tlvs)
        for i, tlv in ipairs(vector.tlvs) do
          assert.equal(tonumber(tlv.tag), tlvs[i].tag)
          assert.equal(tlv.name, tlvs[i].name)
          assert.equal(tlv.value, util.hex(tlvs[i].octets))
        end
        assert.equal(vector.hex, util.hex(pdu:octets()))
        assert.equal(vector.hex, util.hex(assert(pdus.encode(pdu))))
        assert.equal(vector.hex, util.hex(assert(pdus.encode(pdu:totable()))))
        assert.equal(vector.hex, util.hex(assert(pdus.encode(expected))))
        assert.equal(vector.hex, util.hex(assert(pdus.encode(expected, { version = VERSIONS[vector.version] }))))
        assert.equal(vector.hex, util.hex(pdu:with({}):octets()))
        assert.same({}, (pdu:problems()))
        assert.truthy(pdus.decode(octets, 1, { strict = true }))
      end)
    end

    it("are truncated at every octet but the last", function()
      for _, vector in ipairs(util.vectors(file)) do
        local octets = util.unhex(vector.hex)
        for cut = 0, #octets - 1 do
          local pdu, _, code = pdus.decode(octets:sub(1, cut))
          assert.is_nil(pdu)
          assert.equal("truncated", code)
        end
      end
    end)

    it("decode as far as they go when the body is cut and command_length says so", function()
      for _, vector in ipairs(util.vectors(file)) do
        local octets = util.unhex(vector.hex)
        local step = #octets > 400 and 7 or 1 -- the long ones are lists of the same
        for cut = 16, #octets, step do
          local short = ("\0\0" .. string.char(math.floor(cut / 256), cut % 256)) .. octets:sub(5, cut)
          local pdu = assert(pdus.decode(short))
          assert.equal(short, pdu:octets())
          assert.equal(vector.command, pdu.command)
          assert.is_string(pdu:dump())
          assert.is_string(tostring(pdu))
          local problems = pdu:problems()
          for _, problem in ipairs(problems) do
            assert.is_string(problem.code)
            assert.is_true(problem.offset <= cut)
          end
          local again = pdu:with {}
          assert.equal(util.hex(short), util.hex(again:octets()))
        end
      end
    end)
  end)
end
