local cli = require "spec.support.cli"
local input = require "smpp.cli.input"
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

local has = cli.has

describe("smpp.cli.input: hex as tools print it", function()
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
