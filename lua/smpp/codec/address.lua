--- Numbers and names <-> addresses with TON and NPI.
local mistake = require "smpp.base.mistake"

local address = {}

local INTERNATIONAL, NATIONAL_SPECIFIC, ALPHANUMERIC = 1, 3, 5
local NAME_MAX = 11 -- what GSM can show: 3GPP TS 23.040, 9.1.2.5, has room for 10 octets of septets
local ADDRESS_MAX = 20 -- SMPP 3.4, 5.2.8: 21 octets with their NUL
local NUMBER_MIN = 7 -- digits from which "0176/1234567" in `from` is a number, and "24/7" still a name
local READ_MAX = 200 -- octets; longer input is refused without parsing

local TONS = { unknown = 0, international = 1, national = 2, network_specific = 3, subscriber_number = 4, alphanumeric = 5, abbreviated = 6 }
local NPIS = { unknown = 0, isdn = 1, data = 3, telex = 4, land_mobile = 6, national = 8, private = 9, ermes = 10, internet = 14, wap_client_id = 18 }

-- ITU-T E.164: country codes have one digit (1 and 7), two digits (these), or three.
local TWO_DIGITS = {}
local TWO = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98"
for code in TWO:gmatch "%d+" do
  TWO_DIGITS[code] = true
end

--- Returns true if digits follow the country code.
local function is_international(digits)
  local first = digits:byte()
  if #digits > 3 then return first ~= 48 end -- "0"
  local length = (first == 49 or first == 55) and 1 or TWO_DIGITS[digits:sub(1, 2)] and 2 or 3
  return #digits > length and first ~= 48
end

-- Separators between digits in UTF-8, and full-width characters.
local SEPARATORS = {
  "\194\160", -- no-break space
  "\226\128\175", "\226\129\159", "\227\128\128", -- narrow no-break space, mathematical space, ideographic space
  "\226\129\160", "\239\187\191", "\194\173", -- word joiner, byte order mark, soft hyphen
  "\226\136\146", "\239\188\141", "\239\188\142", "\239\188\143", "\239\188\136", "\239\188\137", -- minus; wide - . / ( )
}
local PLAIN = { ["\239\188\139"] = "+", ["\239\188\138"] = "*", ["\239\188\131"] = "#" } -- wide + * #
for digit = 0, 9 do PLAIN["\239\188" .. string.char(0x90 + digit)] = tostring(digit) end
-- Wide parentheses stand for themselves, as an area code's (0) has a meaning.
for _, separator in ipairs(SEPARATORS) do PLAIN[separator] = " " end
PLAIN["\239\188\136"], PLAIN["\239\188\137"] = "(", ")"
for code = 0x80, 0x95 do PLAIN["\226\128" .. string.char(code)] = " " end -- U+2000 to U+2015: spaces, marks of direction, dashes
for code = 0xA8, 0xAE do PLAIN["\226\128" .. string.char(code)] = " " end -- U+2028 to U+202E: separators, marks of direction

local function result(addr, ton, npi) return { addr = addr, ton = ton, npi = npi } end

--- The text in ASCII, as far as it can be a number.
local function plain(text)
  if not text:find "[\128-\255]" then return text end
  return (text:gsub("[\194\226\227\239][\128-\191]+", function(octets)
    local first = octets:byte()
    local length = first < 0xE0 and 2 or 3
    return PLAIN[octets:sub(1, length)] and PLAIN[octets:sub(1, length)] .. octets:sub(length + 1) or nil
  end))
end

--- The digits of a number, with whether it began with +; nil: it is not a number.
local function number_of(text)
  text = plain(text)
  local plus, rest = text:match "^%s*(%+?)([%d%s%-%.%(%)/]+)$"
  if not rest then return nil end
  if plus == "+" then rest = rest:gsub("%(%s*0%s*%)", "") end -- +49 (0)176: the 0 is for calls within the country
  local digits = rest:gsub("%D", "")
  return digits, plus == "+"
end

local function too_long(value, digits)
  return nil, ("address %s too long: %d digits, at most %d"):format(mistake.show(value), #digits, ADDRESS_MAX), "too_long"
end

--- The TON and NPI of a number without +.
local function local_number(digits, o)
  if #digits >= 3 and #digits <= 8 then
    return result(digits, o and o.short_code_ton or NATIONAL_SPECIFIC, o and o.short_code_npi or 0)
  end
  if #digits >= 9 and #digits <= 15 and digits:sub(1, 1) ~= "0" then return result(digits, INTERNATIONAL, 1) end
  return result(digits, 0, 1)
end

local function numeric(value, digits, plus, o)
  if #digits > ADDRESS_MAX then return too_long(value, digits) end
  return plus and result(digits, INTERNATIONAL, 1) or local_number(digits, o)
end

--- An address that says its TON and NPI.
local function exact(value)
  local ton, npi = value.ton or 0, value.npi or 0
  return result(value.addr or value[1] or "", TONS[ton] or ton, NPIS[npi] or npi)
end

local function text_of(value)
  if type(value) == "number" then return ("%.0f"):format(value) end
  if type(value) ~= "string" then error("address: expected a string or { addr =, ton =, npi = }, got " .. type(value), 3) end
  return value
end

---@class smpp.AddressOptions
---@field short_code_ton integer?  of 3 to 8 digits, default 3
---@field short_code_npi integer?  default 0

---@alias smpp.AddressValue string|number|{ addr: string, ton: integer|string|nil, npi: integer|string|nil }

--- Reads what people write as the source of a message.
--- `+digits` (blanks, dashes, dots, slashes and parentheses are dropped): international; 3 to 8 digits: a short code; 9 to
--- 15 digits that do not begin with 0: international; other digits: unknown TON; anything else: a name of up to 11 ASCII
--- characters; nothing: the MC's default.
---@param value smpp.AddressValue?
---@param o? smpp.AddressOptions
---@return { addr: string, ton: integer, npi: integer }? address
---@return string? message
---@return string? code  "too_long", "unmappable"
function address.source(value, o)
  if type(value) == "table" then return exact(value) end
  if value == nil or value == "" then return result("", 0, 0) end
  local text = text_of(value)
  local digits, plus = text:match "^%d+$", false
  if digits then return numeric(text, digits, false, o) end
  if #text <= READ_MAX and text:find "^[%s%+%(%d\128-\255]" then digits, plus = number_of(text) end
  if digits and (plus and #digits > 0 or #digits >= NUMBER_MIN) then return numeric(text, digits, plus, o) end
  local odd = text:match("[%z\1-\31\127-\255]")
  if odd then
    return nil, ("alphanumeric address %s: non-ASCII byte 0x%02X"):format(mistake.show(text), odd:byte()), "unmappable"
  end
  if #text > NAME_MAX then
    return nil, ("alphanumeric address %s too long: at most %d characters, got %d"):format(mistake.show(text), NAME_MAX, #text), "too_long"
  end
  return result(text, ALPHANUMERIC, 0)
end

--- The reason why a destination is invalid.
local function refusal(text, digits, plus)
  if digits and plus and digits:sub(1, 1) == "0" then return "invalid country code: begins with 0" end
  if digits and plus and #digits > 0 then return "truncated: only a country code" end
  if text:find "^%s*%d[%.,]?%d*[eE]%+?%d+%s*$" then
    return "a number in scientific notation, as spreadsheets write it: its last digits are lost; format the column as text"
  end
  local odd = plain(text):match "[^%d%s%+%-%.%(%)/%*#]"
  if odd and odd:find "%a" then return "expected a number; names (alphanumeric addresses) can only be in from" end
  return "expected a number"
end

--- Reads what people write as the destination of a message: as `source`, but a name or nothing is refused, and codes with
--- * and # (`*100#`) are numbers of unknown TON.
---@param value smpp.AddressValue?
---@param o? smpp.AddressOptions
---@return { addr: string, ton: integer, npi: integer }? address
---@return string? message
---@return string? code  "missing", "bad_value", "too_long"
function address.destination(value, o)
  local given = value
  if type(value) == "table" then
    value = exact(value)
    if value.addr ~= "" then return value end
  end
  if value == nil or type(value) == "table" then return nil, "missing destination", "missing" end
  local text = text_of(value)
  local digits, plus = text:match "^%+?(%d+)$", text:byte() == 43 -- "+"
  if digits and (not plus or is_international(digits)) then return numeric(given, digits, plus, o) end -- the common case
  if #text > READ_MAX then
    return nil, ("invalid destination %s: %d octets, expected a number"):format(mistake.show(text), #text), "too_long"
  end
  digits, plus = number_of(text)
  if digits == "" and not plus or not digits and not plain(text):find "%S" then return nil, "missing destination", "missing" end
  if digits and (not plus or is_international(digits)) then return numeric(text, digits, plus, o) end
  local code = plain(text):match "^%s*([%d%*#]+)%s*$"
  if code then
    if #code > ADDRESS_MAX then return too_long(text, code) end
    return result(code, 0, 1)
  end
  return nil, ("invalid destination %s: %s"):format(mistake.show(text), refusal(text, digits, plus)), "bad_value"
end

local REMEMBERED = 1000

--- A reader that remembers what it made of strings: `address.source` or `address.destination`, for those who read the same
--- ones again and again, and change none of what they get.  An address that says all of itself is returned as it is.
---@param read fun(value: string, o: smpp.AddressOptions?): { addr: string, ton: integer, npi: integer }?
---@param o? smpp.AddressOptions
---@return fun(value: any): { addr: string, ton: integer, npi: integer }?  nil: not a string, or an invalid address
function address.remembering(read, o)
  local known, count = {}, 0
  return function(value)
    if type(value) ~= "string" then
      local is_exact = type(value) == "table" and type(value.ton) == "number" and type(value.npi) == "number" and type(value.addr) == "string"
        and value.addr ~= ""
      return is_exact and value or nil
    end
    local found = known[value]
    if found then return found end
    found = read(value, o)
    if not found then return nil end
    if count >= REMEMBERED then known, count = {}, 0 end
    count, known[value] = count + 1, found
    return found
  end
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
