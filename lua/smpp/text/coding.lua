--- One coding at a time: text <-> octets, and which data_coding stands for which encoding at this peer.
---
--- A coding is { encoding, locking, single }: the name of an encoding and the ids of its national language tables.
local core = require "smpp.core"
local text, iconv = core.text, core.iconv

local coding = {}

--- Name -> { data_coding (nil: SMPP has none), unit = "septet" | "octet" | "unit16", foreign }.
coding.encodings = text.encodings

local language_ids = {}
for id = 0, #text.languages do language_ids[text.languages[id].name] = id end

--- The id of a national language given by name or number; a number is passed on as it is.
function coding.language(language) return language_ids[language] or language or 0 end

---@param fill? integer  gsm7_packed: zero bits before the first septet
---@return string? octets
---@return integer|string units  or the error
---@return string? code  "unmappable", "bad_value"
function coding.encode(message, c, fill)
  if not coding.encodings[c.encoding].foreign then
    return text.encode(message, c.encoding, c.locking, c.single, fill)
  end
  local octets, err, code = iconv.encode(message, c.encoding)
  if not octets then return nil, err, code end
  return octets, #octets
end

--- Where the parts of at most `capacity` units end.
---@param octets string  the message encoded
---@return integer[]? ends
---@return integer|string units  of the last part; or the error
---@return string? code  "too_long"
function coding.cut(message, octets, c, capacity, graphemes)
  if c.encoding == "iso-2022-jp" then return nil, "iso-2022-jp cannot be split: its shift states would be lost", "too_long" end
  local foreign = coding.encodings[c.encoding].foreign and octets or nil
  return text.cut(message, c.encoding, c.locking, c.single, capacity, graphemes, foreign)
end

--- The characters of a well-formed text that `c` lacks, with the units they take in `other`.
---@return smpp.TextCulprit[]
function coding.unmappable(message, c, other)
  local list = text.unmappable(message, c.encoding, c.locking, c.single, other.encoding, other.locking, other.single)
  local encodings = coding.encodings
  if encodings[c.encoding].foreign then -- the core cannot tell and lists them all
    local lacking = {}
    for _, item in ipairs(list) do
      if not coding.encode(item.character, c) then lacking[#lacking + 1] = item end
    end
    list = lacking
  end
  if encodings[other.encoding].foreign then
    for _, item in ipairs(list) do item.units = #(coding.encode(item.character, other) or "") end
  end
  return list
end

--- Decodes; never fails.
---@param c { encoding: string, locking: integer, single: integer }
---@return string text
---@return smpp.TextProblem[]? problems
function coding.decode(octets, c, fill, septets)
  if not coding.encodings[c.encoding].foreign then
    return text.decode(octets, c.encoding, c.locking, c.single, fill, septets)
  end
  local message, bad = iconv.decode(octets, c.encoding)
  if message and not bad then return message end
  local problem = { code = "ill_formed", offset = bad, message = "malformed " .. c.encoding }
  if not message then
    message = text.decode(octets, "ascii")
    problem = { code = "no_converter", offset = 1, message = "libc's iconv does not support " .. c.encoding }
  end
  return message, { problem, total = 1 }
end

local described = {}

--- The meaning of the octet in the standard (TS 23.038, section 4; SMPP 3.4, 5.2.19).
---@param octet integer
local function describe(octet)
  local row = described[octet]
  if not row then
    row = text.data_coding(octet)
    described[octet] = row
  end
  return row
end

--- The encoding that a data_coding stands for at this peer.
---@param octet integer
---@param peer { default_alphabet: string?, data_codings: table<integer, string>? }
---@return string encoding
function coding.meaning(octet, peer)
  local map = peer.data_codings
  if map and map[octet] then return map[octet] end
  local row = describe(octet)
  if row.default and peer.default_alphabet then return peer.default_alphabet end
  -- The GSM coding groups name the alphabet; the peer's options say whether its septets are packed.
  if row.encoding == "gsm7" and peer.default_alphabet == "gsm7_packed" then return "gsm7_packed" end
  if row.encoding == "ucs2" and map and map[8] and map[8]:find "^ucs2" then return map[8] end
  return row.encoding
end

-- Control octets that ASCII text does not contain and GSM 03.38 uses for letters: some peers send it under data_coding 1.
local GSM_SIGNS, ASCII = "[%z\1-\8\11\12\14-\31]", "^[%z\1-\127]*$"

--- The encoding that a text with this data_coding is in, and the text without its byte order mark.
---@param octet integer
---@param peer { default_alphabet: string?, data_codings: table<integer, string>? }
---@param octets string
---@return string encoding
---@return string octets
function coding.of_text(octet, peer, octets)
  local encoding = coding.meaning(octet, peer)
  if encoding == "ascii" and octets:find(GSM_SIGNS) and octets:find(ASCII) and not (peer.data_codings and peer.data_codings[octet]) then
    return "gsm7", octets
  elseif encoding == "ucs2" and octets:find "^\255\254" then
    return "ucs2_le", octets:sub(3)
  end
  return encoding, octets
end

--- A copy of the octet's row, with the encoding that it means to this peer.
function coding.describe(octet, peer)
  local copy = {}
  for key, value in pairs(describe(octet)) do copy[key] = value end
  if copy.mwi then copy.mwi = { type = copy.mwi.type, active = copy.mwi.active, store = copy.mwi.store } end
  copy.encoding = coding.meaning(octet, peer)
  return copy
end

--- Returns true if text with this data_coding is compressed (TS 23.042).
function coding.is_compressed(octet) return describe(octet).compressed end

--- The data_coding to send an encoding with.
---@param encoding string
---@param peer { default_alphabet: string?, data_codings: table<integer, string>? }
---@param class? integer  message class, 0 flash
---@return integer? octet
---@return string? err
---@return string? code  "bad_value": this peer has no value for it
function coding.data_coding(encoding, peer, class)
  if class then
    local octet = text.with_class(encoding, class)
    if octet then return octet end
    return nil, encoding .. " has no message classes", "bad_value"
  end
  local own
  for octet, name in pairs(peer.data_codings or {}) do
    if name == encoding and (own == nil or octet < own) then own = octet end
  end
  if own then return own end
  if encoding == peer.default_alphabet then return 0 end
  local octet = coding.encodings[encoding].data_coding
  if not octet then
    return nil, ("SMPP has no data_coding for %s: give the peer's, data_codings = { [n] = \"%s\" }"):format(encoding, encoding), "bad_value"
  end
  local other = octet == 0 and peer.default_alphabet or peer.data_codings and peer.data_codings[octet]
  if other then
    return nil, ("data_coding %d means %s to this peer: no data_coding for %s"):format(octet, other, encoding), "bad_value"
  end
  return octet
end

--- "gsm7" and "ucs2" in the variant that this peer uses.
function coding.adapt(encoding, peer)
  if encoding == "gsm7" and coding.meaning(0, peer) == "gsm7_packed" then return "gsm7_packed" end
  if encoding == "ucs2" and coding.meaning(8, peer):find "^ucs2" then return coding.meaning(8, peer) end
  return encoding
end

return coding
