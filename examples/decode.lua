-- Decodes a PDU and lists its problems (here the last TLV is longer than the PDU).  Needs no connection.
local smpp = require "smpp"

local hex = arg[1] or [[
  00000045 00000004 00000000 00000007  00 05 00 54657374417070 00  01 01 343931373631323334353637 00
  00 00 00 00 00 01 00 00 00 05 48656C6C6F  1400 0003 C3A92A  0204 0002 00 ]]
local octets = hex:gsub("%s", ""):gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)

local pdu, message, code = smpp.decode(octets)
if not pdu then error(code .. ": " .. message) end

print(pdu)        -- one line
print(pdu:dump()) -- every octet

print(pdu.destination_addr, pdu.data_coding, smpp.explain("dest_addr_ton", pdu.dest_addr_ton))
for _, tlv in ipairs(pdu:tlvs()) do print(("TLV 0x%04X: %d octets"):format(tlv.tag, #tlv.octets)) end
for _, problem in ipairs(pdu:problems()) do print(problem.severity, problem.message) end

-- A decoded PDU is read-only; this makes a changed copy.  Unknown TLVs are kept unchanged.
local copy = assert(pdu:with { destination_addr = "4915112345678" })
assert(copy:tlv(0x1400) == pdu:tlv(0x1400))
