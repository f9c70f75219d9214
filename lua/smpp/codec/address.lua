--- Numbers and names <-> addresses with TON and NPI.
local address = {}

local INTERNATIONAL, NATIONAL_SPECIFIC, ALPHANUMERIC = 1, 3, 5
local NAME_MAX = 11 -- what GSM can show
local ADDRESS_MAX = 20

local TONS = { unknown = 0, international = 1, national = 2, network_specific = 3, subscriber_number = 4, alphanumeric = 5, abbreviated = 6 }
local NPIS = { unknown = 0, isdn = 1, data = 3, telex = 4, land_mobile = 6, national = 8, private = 9, ermes = 10, internet = 14, wap_client_id = 18 }

local function result(addr, ton, npi) return { addr = addr, ton = ton, npi = npi } end

--- Reads what people write as an address.
--- `+digits` (blanks, dashes, dots dropped): international; 3 to 8 digits: a short code; 9 to 15 digits that do not begin
--- with 0: international; other digits: unknown TON; anything else: a name of up to 11 ASCII characters.
---@param value string|{ addr: string, ton: integer|string|nil, npi: integer|string|nil }
---@param o? { short_code_ton: integer?, short_code_npi: integer? }  of the profile
---@return { addr: string, ton: integer, npi: integer }? address
---@return string? message
---@return string? code  "too_long", "unmappable"
function address.parse(value, o)
  if type(value) == "table" then
    local addr = value.addr or value[1] or ""
    local ton, npi = value.ton or 0, value.npi or 0
    return result(addr, TONS[ton] or ton, NPIS[npi] or npi)
  end
  if type(value) == "number" then value = ("%.0f"):format(value) end
  if value == nil or value == "" then return result("", 0, 0) end
  if type(value) ~= "string" then error("an address is a string or { addr =, ton =, npi = }, got " .. type(value), 3) end
  local international = value:match("^%s*%+([%d%s%.%-]+)$")
  if international then
    local digits = international:gsub("%D", "")
    if #digits > ADDRESS_MAX then
      return nil, ("address '%s': %d digits, at most %d"):format(value, #digits, ADDRESS_MAX), "too_long"
    end
    if #digits > 0 then return result(digits, INTERNATIONAL, 1) end
  end
  if value:match("^%d+$") then
    if #value >= 3 and #value <= 8 then
      return result(value, o and o.short_code_ton or NATIONAL_SPECIFIC, o and o.short_code_npi or 0)
    end
    if #value >= 9 and #value <= 15 and value:sub(1, 1) ~= "0" then return result(value, INTERNATIONAL, 1) end
    if #value > ADDRESS_MAX then
      return nil, ("address '%s': %d digits, at most %d"):format(value, #value, ADDRESS_MAX), "too_long"
    end
    return result(value, 0, 1)
  end
  local odd = value:match("[%z\1-\31\127-\255]")
  if odd then
    return nil, ("address '%s': a name is ASCII, octet 0x%02X is not"):format(value, odd:byte()), "unmappable"
  end
  if #value > NAME_MAX then
    return nil, ("address '%s': a name has at most %d characters, this has %d"):format(value, NAME_MAX, #value), "too_long"
  end
  return result(value, ALPHANUMERIC, 0)
end

--- An address as people write it: + before international numbers.
---@param addr string
---@param ton integer
---@return string
function address.format(addr, ton)
  if ton == INTERNATIONAL and addr:match("^%d+$") then return "+" .. addr end
  return addr
end

return address
