--- URLs with % codes, as Kannel's dlr-url and get-url have them: what each code stands for, and the words of its reports.
local explain = require "smpp.codec.explain"
local strings = require "smpp.base.strings"

local codes = {}

--- Percent-encodes; a blank becomes "+".
---@param text string
---@return string
function codes.escape(text)
  return (text:gsub("[^%w._~-]", function(c) return c == " " and "+" or ("%%%02X"):format(c:byte()) end))
end

local function words_of(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

--- A number whose leading 00 is a +.
local function plus(number) return (number:gsub("^00", "+")) end

---@class smpp.KannelValues
---@field text string        %a its words, %b %A as it is, %k the first word, %s %S the next word, %r those that are left, %e in hex
---@field of string          %p: the other side's number: the destination of a report, the phone of a message
---@field own string         %P
---@field id string          %I
---@field time number        %t %T, Unix time
---@field account string     %n
---@field bit integer?       %d, -1 for messages
---@field carrier string?    %i
---@field carrier_id string? %F
---@field coding integer?    %c, -1 for reports
---@field charset string?    %C
---@field class integer?     %m
---@field mwi integer?       %M
---@field data_coding integer? %O
---@field udh string?        %u
---@field url string?        %R: the URL as it was given

--- The values of the codes, by letter; those of %s, %S and %r are functions: they go through the words from left to right.
local function values_of(v)
  local words, at = words_of(v.text), 2
  local function next_word()
    local word = words[at] or ""
    at = at + 1
    return word
  end
  return {
    a = table.concat(words, " "), b = v.text, A = v.text, k = words[1] or "", s = next_word,
    S = function() return (next_word():gsub("%*", "~")) end,
    r = function() return table.concat(words, " ", math.min(at, #words + 1)) end,
    e = v.text:gsub(".", function(c) return ("%02X"):format(c:byte()) end),
    d = ("%d"):format(v.bit or -1), I = v.id, F = v.carrier_id or "", i = v.carrier or "", n = v.account,
    p = v.of, P = v.own, q = plus(v.of), Q = plus(v.own),
    t = os.date("!%Y-%m-%d %H:%M:%S", math.floor(v.time)), T = ("%d"):format(math.floor(v.time)),
    c = ("%d"):format(v.coding or -1), C = v.charset or "UTF-8", m = ("%d"):format(v.class or -1), M = ("%d"):format(v.mwi or -1),
    O = ("%02d"):format(v.data_coding or 0), u = v.udh or "", R = v.url or "",
    B = "", o = "", D = "", v = "", V = "", f = "", -- what a gateway of ours does not know
  }
end

--- A URL with its codes replaced; unknown ones stay, `%%` is `%`.
---@param url string
---@param given smpp.KannelValues
---@return string
function codes.expand(url, given)
  local values
  return (url:gsub("%%(.)", function(letter)
    if letter == "%" then return "%" end
    values = values or values_of(given)
    local value = values[letter]
    if type(value) == "function" then value = value() end
    return value and codes.escape(value)
  end))
end

-- The words of Kannel 1.4.5 for a command_status.
local STATUS = {
  [0x01] = "Message Length is invalid", [0x02] = "Command Length is invalid", [0x03] = "Invalid Command ID",
  [0x04] = "Incorrect BIND Status for given command", [0x05] = "ESME Already in Bound State", [0x06] = "Invalid Priority Flag",
  [0x07] = "Invalid Registered Delivery Flag", [0x08] = "System Error", [0x0A] = "Invalid Source Address", [0x0B] = "Invalid Destination Address",
  [0x0C] = "Message ID is invalid", [0x0D] = "Bind Failed", [0x0E] = "Invalid Password", [0x0F] = "Invalid System ID", [0x11] = "Cancel SM Failed",
  [0x13] = "Replace SM Failed", [0x14] = "Message Queue Full", [0x15] = "Invalid Service Type", [0x33] = "Invalid number of destinations",
  [0x34] = "Invalid Distribution List Name", [0x40] = "Destination flag is invalid", [0x42] = "Submit w/replace not supported/allowed",
  [0x43] = "Invalid esm_class field data", [0x44] = "Cannot Submit to Distribution List", [0x45] = "Submit failed",
  [0x48] = "Invalid Source address TON", [0x49] = "Invalid Source address NPI", [0x50] = "Invalid Destination address TON",
  [0x51] = "Invalid Destination address NPI", [0x53] = "Invalid system_type field", [0x54] = "Invalid replace_if_present flag",
  [0x55] = "Invalid number of messages", [0x58] = "Throttling error", [0x61] = "Invalid Scheduled Delivery Time",
  [0x62] = "Invalid message validity period", [0x64] = "ESME Receiver Temporary App Error Code", [0x65] = "ESME Receiver Permanent App Error Code",
  [0x66] = "ESME Receiver Reject Message Error Code", [0x67] = "query_sm request failed", [0xC0] = "Error in optional part of the PDU Body",
  [0xC2] = "Invalid Parameter Length", [0xC3] = "Expected TLV missing", [0xC4] = "Invalid TLV value", [0xFF] = "Unknown Error",
  [0x100] = "ESME Not authorized to use specified service_type", [0x101] = "ESME Prohibited from using specified operation",
  [0x104] = "Invalid Data Coding Scheme",
}

--- The text of a report that a carrier has refused a message: NACK/0x0000000b/Invalid Destination Address.
---@param status string|integer|nil  name or code; nil: not known
---@return string
function codes.nack(status)
  local row = explain.status(status or 8)
  local code = row and row.code or 8
  return ("NACK/0x%08x/%s"):format(code, STATUS[code] or row and row.meaning or "Unknown Error")
end

-- ---- data_coding ----

--- The data_coding that Kannel gives a message: of its coding (0 7 bit, 1 8 bit, 2 UCS-2), message class, and waiting indication.
---@param coding integer
---@param class integer?  0 to 3
---@param mwi integer?    0 to 3 voice, fax, e-mail, other; 4 to 7 the same, gone
---@return integer
function codes.data_coding(coding, class, mwi)
  if mwi and mwi >= 4 then return 0xC0 + mwi - 4 end
  if mwi then return (coding == 0 and 0xD0 or 0xE0) + 8 + mwi end
  if class then return coding == 2 and 0x18 + class or 0xF0 + 4 * coding + class end
  return 4 * coding
end

local CHARSETS = {
  ["utf-8"] = "utf-8", utf8 = "utf-8", ["us-ascii"] = "utf-8", ascii = "utf-8",
  ["iso-8859-1"] = "latin1", latin1 = "latin1", ["iso8859-1"] = "latin1",
  ["iso-8859-15"] = "iso-8859-15", ["latin-9"] = "iso-8859-15", ["windows-1252"] = "cp1252", cp1252 = "cp1252",
  ["utf-16be"] = "ucs2", ["utf-16"] = "ucs2", ["ucs-2"] = "ucs2", ["ucs-2be"] = "ucs2", ["utf-16le"] = "ucs2_le", ["ucs-2le"] = "ucs2_le",
  shift_jis = "shift_jis", sjis = "shift_jis", ["euc-jp"] = "euc-jp", ["euc-kr"] = "euc-kr", ["iso-2022-jp"] = "iso-2022-jp",
}
for name in pairs { ["iso-8859-5"] = true, ["iso-8859-8"] = true } do CHARSETS[name] = name end

--- The encoding of smpp.text that a charset of HTTP is; nil: unknown.
---@param name string
---@return string?
function codes.charset(name) return CHARSETS[strings.trim(name):lower()] end

return codes
