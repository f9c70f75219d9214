local cli = require "spec.support.cli"
local input = require "smpp.cli.input"
local packets = require "spec.support.packets"
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

  it("reads what languages and tools print of octets", function()
    local function each(format, separator)
      local list = {}
      for i = 1, #BIND do list[i] = format:format(BIND:byte(i)) end
      return table.concat(list, separator)
    end
    local escaped = BIND:gsub("[^%w]", function(c) return ("\\x%02x"):format(c:byte()) end)
    local packet = packets.ip { from = { "10.0.0.1", 7 }, to = { "10.0.0.2", 2775 }, seq = 1, ack = 1, payload = BIND }
    local function dump(octets, offset, gap, width, before_text)
      local out = {}
      for at = 0, #octets - 1, 16 do
        local piece = octets:sub(at + 1, at + 16)
        out[#out + 1] = offset:format(at) .. util.hex(piece):gsub(("%x"):rep(width) .. "?", "%0" .. gap):gsub("%s+$", "") .. (before_text or "  ") .. piece:gsub("[^%w]", ".")
      end
      return table.concat(out, "\n")
    end
    local base64 = shell.must(("printf %%s %s | xxd -r -p | base64 -w 40"):format(util.hex(BIND)))
    for name, text in pairs {
      python = "b'" .. escaped .. "'", ["python, in a log"] = 'sent b"' .. escaped .. '"', ["ruby"] = '"' .. escaped:gsub("\\x", "\\u00") .. '"',
      ["node"] = "<Buffer " .. each("%02x", " ") .. ">", ["\\x"] = each("\\x%02x"), ["0x"] = each("0x%02x", ", "), ["C"] = "{ " .. each("0x%02X", ", ") .. " };",
      ["decimal"] = "[" .. each("%d", ", ") .. "]", ["go"] = "[]byte{" .. each("%d", ", ") .. "}", ["go %v"] = "[" .. each("%d", " ") .. "]",
      ["java"] = "[" .. each("%d", ", "):gsub("%f[%d]1[3-9]%d", function(n) return n > "127" and tostring(n - 256) or n end) .. "]",
      ["erlang"] = "<<" .. each("%d", ",") .. ">>", base64 = base64,
      ["java with casts"] = "new byte[] { " .. each("(byte)0x%02x", ", "):gsub("%(byte%)0x00", "0") .. " }",
      ["a log with blanks"] = "2026-01-01 10:00:00 pid 123 dead: " .. each("%02X", " ") .. "\n",
      ["a log with a time in front"] = "10:00:00 " .. each("%02x", ":") .. " 7 octets sent",
      ["a log"] = "2026-01-01 10:00:00.123 [main] DEBUG PDU " .. util.hex(BIND) .. " sent\n",
      kannel = dump(BIND, "2026-01-01 10:00:00 [1] [6] DEBUG:   data: %.0s", " ", 2, "   "),
      ["tcpdump -X"] = "10:00:00 IP a.7 > b.2775: Flags [P.]\n" .. dump(packet, "\t0x%04x:  ", " ", 4),
      ["Wireshark, whole frame"] = dump(packets.links.ethernet[2](packet), "%04x   ", " ", 2),
    } do
      local octets, message = input.unhex(text)
      assert.equal(util.hex(BIND), octets and util.hex(octets), ("%s: %s\n%s"):format(name, tostring(message), text))
    end
    local octets, message = input.unhex "<Buffer 00 00 00 2f 00 00 ... 41 more bytes>"
    assert.is_nil(octets)
    has(message, "41 are missing")
  end)

  it("reads again what smpp decode writes", function()
    local _, out = run { "decode", "--show-secrets", util.hex(BIND .. SUBMIT .. RECEIPT) }
    assert.equal(util.hex(BIND .. SUBMIT .. RECEIPT), util.hex(input.unhex(out)))
    local octets_, message = input.unhex((select(2, run { "decode", util.hex(BIND) })))
    assert.is_nil(octets_)
    has(message, "--show-secrets")
  end)
end)
