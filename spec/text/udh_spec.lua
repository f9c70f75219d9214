local udh = require "smpp.text.udh"
local property = require "spec.support.property"
local util = require "spec.support.util"

local unhex, hex = util.unhex, util.hex

--- "0x1B-0x1F" -> 27, 31.
local function range(text)
  local first, last = text:match("^0x(%x+)%-?0?x?(%x*)$")
  return tonumber(first, 16), tonumber(last ~= "" and last or first, 16)
end

--- Data of `length` octets that is valid for every element (part 1 of 1 …).
local function data(length) return ("\1"):rep(length) end

describe("smpp.text.udh: every element of the standard", function()
  for _, row in ipairs(util.tsv "udh.tsv") do
    local first, last = range(row.iei)
    local least, most = tonumber(row.min_len), tonumber(row.max_len)
    for iei = first, last do
      it(("0x%02X %s is named, limited and read back"):format(iei, row.name), function()
        local name, min, max, repeatable = udh.element(iei)
        assert.equal(row.name, name)
        if least then
          assert.same({ least, most }, { min, max })
        else
          assert.same({ 0, 255 }, { min, max })
        end
        if row["repeat"] == "no" then assert.is_false(repeatable) end
        if row["repeat"] == "yes" then assert.is_true(repeatable) end
        for _, length in ipairs { least or 0, most or 253 } do
          local octets = assert(udh.encode { { iei = iei, octets = data(length) } })
          assert.equal(string.char(length + 2, iei, length) .. data(length), octets)
          local header, problems = udh.decode(octets .. "text")
          assert.is_nil(problems)
          assert.equal(length + 3, header.length)
          assert.equal(data(length), header.elements[1].octets)
          assert.equal(octets, udh.encode(header.elements))
          -- Fields alone give the same octets.
          local element = header.elements[1]
          element.octets = nil
          local fields = 0
          for key in pairs(element) do
            if key ~= "iei" and key ~= "name" then fields = fields + 1 end
          end
          if fields > 0 then assert.equal(octets, udh.encode { element }) end
        end
        if least and least > 0 then
          assert.equal("bad_length", select(3, udh.encode { { iei = iei, octets = data(least - 1) } }))
        end
        if most and most < 255 then
          assert.equal("bad_length", select(3, udh.encode { { iei = iei, octets = data(most + 1) } }))
        end
      end)
    end
  end
end)

describe("smpp.text.udh.decode", function()
  it("gives the fields by name", function()
    local header = assert(udh.decode(unhex "0b 0003 2a0301 0504 0b84 23f0" .. "text"))
    assert.same({
      length = 12, locking = 0, single = 0,
      concat = { ref = 42, total = 3, seq = 1, bits = 8 },
      ports = { dest = 0x0B84, orig = 0x23F0, bits = 16 },
      elements = {
        { iei = 0, name = "concat_8bit", octets = "\42\3\1", ref = 42, total = 3, seq = 1 },
        { iei = 5, name = "port_16bit", octets = unhex "0b8423f0", dest_port = 0x0B84, orig_port = 0x23F0 },
      },
    }, header)
  end)

  it("takes bits apart", function()
    local element = udh.decode(unhex "04 0102 c50c").elements[1]
    assert.same({ 1, 2, 1, 1, 12 },
      { element.store, element.profile, element.extended_type, element.basic_type, element.count })
  end)

  it("lets the last of several count, of both widths together", function()
    local header, problems = udh.decode(unhex "10 0003 010201 0804 0abc0302 0003 2a0202")
    assert.same({ ref = 42, total = 2, seq = 2, bits = 8 }, header.concat)
    assert.equal(3, #header.elements)
    assert.same({ code = "repeated", offset = 13, iei = 0, message = "concat_8bit: repeated, the last one is used" }, problems[1])
    header = udh.decode(unhex "0b 0003 010201 0804 0abc0302")
    assert.same({ ref = 0x0ABC, total = 3, seq = 2, bits = 16 }, header.concat)
    header = udh.decode(unhex "0a 0402 0102 0504 00030004")
    assert.same({ dest = 3, orig = 4, bits = 16 }, header.ports)
  end)

  it("ignores a concatenation that cannot be", function()
    for _, numbers in ipairs { "0000", "0001", "0200", "0203" } do
      local header, problems = udh.decode(unhex("05 0003 2a" .. numbers))
      assert.is_nil(header.concat)
      assert.equal("bad_value", problems[1].code)
      assert.equal(2, problems[1].offset)
    end
  end)

  it("ignores an element of the wrong length, but shows it", function()
    local header, problems = udh.decode(unhex "06 0004 2a030100")
    assert.is_nil(header.concat)
    assert.equal("bad_length", problems[1].code)
    assert.equal(unhex "2a030100", header.elements[1].octets)
    assert.is_nil(header.elements[1].ref)
  end)

  it("names the national tables", function()
    local header = udh.decode(unhex "06 2401 03 2501 01")
    assert.equal(3, header.single)
    assert.equal(1, header.locking)
  end)

  it("refuses a header that does not fit, cut anywhere", function()
    local octets = unhex "0b 0003 2a0301 0504 0b8423f0"
    for length = 0, #octets - 1 do
      assert.same({ nil, "truncated UDH: longer than the message", "truncated" }, { udh.decode(octets:sub(1, length)) })
    end
    -- The same elements under a shorter length octet: whole only where an element ends.
    for udhl = 0, 0x0B do
      local header, err, code = udh.decode(string.char(udhl) .. octets:sub(2))
      if udhl == 0 or udhl == 5 or udhl == 11 then
        assert.equal(udhl + 1, header.length)
      else
        assert.is_nil(header)
        assert.equal("malformed UDH: an element is longer than the header", err)
        assert.equal("bad_length", code)
      end
    end
  end)

  it("never fails on noise, and writes back what it read", function()
    property.holds(3000, function(random, case)
      local octets = {}
      for i = 1, random(24) do octets[i] = string.char(random(4) == 1 and random(256) - 1 or random(6) - 1) end
      case.octets = table.concat(octets)
      local header, problems = udh.decode(case.octets)
      if header and not problems then
        assert.equal(case.octets:sub(1, header.length), udh.encode(header.elements))
      end
    end, 9)
  end)
end)

describe("smpp.text.udh.encode", function()
  it("takes names and fields", function()
    assert.equal("0b0003ff02010504000523f0", hex(assert(udh.encode {
      { name = "concat_8bit", ref = 255, total = 2, seq = 1 },
      { name = "port_16bit", dest_port = 5, orig_port = 0x23F0 },
    })))
    assert.equal("060b020503c000", hex(assert(udh.encode {
      { name = "predefined_sound", position = 5, number = 3 },
      { iei = 0xC0, octets = "" },
    })))
    assert.equal("00", hex(assert(udh.encode {})))
  end)

  it("says what is wrong", function()
    local cases = {
      { { name = "concat_8bit", ref = 256, total = 2, seq = 1 }, "element 1 (concat_8bit): ref out of range", "bad_value" },
      { { name = "concat_8bit", ref = 0, total = 2, seq = 3 }, "element 1 (concat_8bit): seq out of range: expected 1 to total", "bad_value" },
      { { name = "concat_8bit", total = 2, seq = 1 }, "element 1 (concat_8bit): ref missing", "missing" },
      { { iei = 0, octets = "\1\2\1", ref = 2, total = 2, seq = 1 }, "element 1 (concat_8bit): octets and fields do not match", "bad_value" },
      { { iei = 0xC0, octets = ("x"):rep(256) }, "element 1 (sc_specific): more than 255 octets", "too_long" },
      { { iei = 0xE0, octets = ("x"):rep(254) }, "UDH elements too long: at most 255 octets", "too_long" },
    }
    for _, case in ipairs(cases) do
      assert.same({ nil, case[2], case[3] }, { udh.encode { case[1] } })
    end
  end)

  it("raises on misuse", function()
    assert.has_error(function() udh.encode { { ref = 1 } } end)
    assert.has_error(function() udh.encode { { name = "concat" } } end)
    assert.has_error(function() udh.encode { { name = "reserved", octets = "" } } end)
    assert.has_error(function() udh.encode { 7 } end)
    assert.has_error(function() udh.encode { { iei = 256, octets = "" } } end)
    assert.has_error(function() udh.encode { { iei = 0, ref = "x" } } end)
  end)
end)
