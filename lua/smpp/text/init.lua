--- Text <-> octets of a short message: chooses the encoding, counts the parts, splits it.
--- The guide is docs/text.md.
local core = require "smpp.core".text
local coding = require "smpp.text.coding"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local plan = require "smpp.text.plan"
local schema = require "smpp.base.schema"
local udh = require "smpp.text.udh"

local text = {}

local NONE = {}
local UDHI = 0x40
---@class smpp.TextPeer  the peer's interpretation of data_coding
---@field default_alphabet? string  the encoding behind data_coding 0 (default gsm7)
---@field data_codings? table<integer, string>  data_coding -> encoding, where the peer differs from the standard

---@class smpp.TextOptions : smpp.TextPeer
---@field encoding? string         this one only; else the one of `allow` with the fewest parts
---@field allow? string[]          codings to choose from, preferred first (default: the peer's default alphabet, ucs2)
---@field language? string|integer|(string|integer)[]  national languages whose tables may be used
---@field locking? string|integer  this locking shift table
---@field single? string|integer   this single shift table
---@field class? integer           message class: 0 flash, 1 ME, 2 SIM, 3 TE
---@field on_unmappable? "error"|"?"|"transliterate"  characters that no allowed encoding has (default error)
---@field udh? "concat_8bit"|"concat_16bit"|"sar"|"payload"|"none"  how several parts are marked (default concat_8bit)
---@field reference? integer|fun(): integer  of the parts; default: a counter of this module
---@field elements? string|smpp.UdhElement[]  other UDH elements for every part: raw octets, or as smpp.udh takes them
---@field graphemes? boolean       keep grapheme clusters (an emoji with modifiers) in one part (default true)
---@field max_parts? integer       more is `too_long` (default and most: 255)
---@field fill? integer            gsm7_packed: zero bits before the first septet (`encode`; `split` knows)

---@class smpp.TextInfo
---@field encoding string      the coding chosen
---@field data_coding integer  what to put into the PDU
---@field esm_class integer    0x40 when the parts begin with a UDH, else 0
---@field locking integer      national language of the locking shift table, 0 default
---@field single integer       national language of the single shift table, 0 default
---@field parts integer        short messages it takes
---@field units integer        septets, octets or 16-bit units of the whole text
---@field units_left integer   room in the last part
---@field text string          the text that is sent, after replacements
---@field udh? string          header of a single message that needs one
---@field reference? integer   of the parts (`split`)
---@field culprits smpp.TextCulprit[]  characters that the cheapest allowed coding lacks

---@class smpp.TextCulprit
---@field character string
---@field codepoint integer
---@field position integer  which character of the text, from 1
---@field octet integer     where its UTF-8 begins, from 1
---@field units integer     its size in the coding chosen

local encodings = {}
for name in pairs(coding.encodings) do encodings[#encodings + 1] = name end
table.sort(encodings)
local encoding_kind = kind.one_of((table.unpack or unpack)(encodings)) -- luacheck: compat

--- A national language, by name or number, that has a table of this kind.
local function language_kind(shift)
  return kind.checked("a national language", function(language)
    local row = core.languages[coding.language(language)]
    if not row then return "unknown language " .. mistake.show(language) end
    return not row[shift] and ("%s has no %s shift table"):format(row.name, shift) or nil
  end, function(word) return tonumber(word) or word end)
end

local single_kind = language_kind "single"

text.peer_schema = schema.new {
  { "default_alphabet", encoding_kind, "gsm7",
    "the encoding behind data_coding 0, both ways: texts and receipts", 'default_alphabet = "latin1"', implied = true },
  { "data_codings", kind.map(kind.integer(0, 255), encoding_kind, "a table of encodings by data_coding"), nil,
    "encodings behind other values of data_coding", 'data_codings = { [1] = "gsm7", [8] = "ucs2_le" }' },
}

--- Options of `encode`, `split` and `measure`, also for modules that accept and pass on the same options.
text.schema = schema.new({
  { "encoding", encoding_kind, nil, "this encoding only", 'encoding = "ucs2"' },
  { "allow", kind.list(encoding_kind, "encodings"), nil,
    "encodings to choose from, the preferred first; the first that needs the fewest parts is taken",
    'allow = { "gsm7", "ucs2" }', default_text = "default alphabet, ucs2" },
  { "language", kind.either(single_kind, kind.list(single_kind, "national languages")), nil,
    "national languages whose tables may be used: a name, a number, or a list",
    'language = "turkish"' },
  { "locking", language_kind "locking", nil, "this locking shift table", 'locking = "turkish"' },
  { "single", single_kind, nil, "this single shift table", 'single = "spanish"' },
  { "class", kind.integer(0, 3), nil, "message class: 0 flash, 1 ME, 2 SIM, 3 TE; GSM, UCS-2 and binary have them", "class = 0" },
  { "on_unmappable", kind.one_of("error", "?", "transliterate"), "error",
    "characters that no allowed encoding has: an error, a question mark, or the nearest others (before UCS-2 is chosen)",
    'on_unmappable = "transliterate"', implied = true },
  { "udh", kind.one_of("concat_8bit", "concat_16bit", "sar", "payload", "none"), "concat_8bit", "how several parts are marked",
    'udh = "sar"', implied = true },
  { "reference", kind.either("number", "function"), nil, "reference number of the parts", "reference = 7", default_text = "a counter" },
  { "elements", kind.either("string", "table"), nil, "other UDH elements for every part", "elements = { { port = 2948 } }" },
  { "graphemes", "boolean", true, "keep grapheme clusters (an emoji with modifiers) in one part", "graphemes = false", implied = true },
  { "max_parts", kind.integer(1, 255), 255, "a text of more parts is refused (too_long)", "max_parts = 4", implied = true },
  { "fill", kind.integer(0, 6), nil, "gsm7_packed: zero bits between header and text", "fill = 1" },
}, text.peer_schema)
local ENCODE = text.schema

--- Options of `decode`.  The language of a received UDH may be unknown: the core reads it with the default table.
text.decoding = schema.new({
  { "locking", kind.either("number", "string"), nil, "this locking shift table", 'locking = "turkish"' },
  { "single", kind.either("number", "string"), nil, "this single shift table", 'single = "spanish"' },
  { "fill", kind.integer(0, 6), nil, "gsm7_packed: bits between header and text", "fill = 1" },
  { "septets", kind.integer(0), nil, "gsm7_packed: how many there are", "septets = 8",
    default_text = "as many as fit, without a last @ that fills up the octet" },
}, text.peer_schema)
local DECODE = text.decoding

--- The kinds of these options by name.
text.options = ENCODE.kinds

local function a_text(message)
  if type(message) ~= "string" then error("text: expected a string, got a " .. type(message), 3) end
end

--- `culprits`, computed on first access: rarely needed.
local function lazy_culprits(message, cheap, c)
  return {
    __index = function(info, key)
      if key ~= "culprits" then return nil end
      local list = coding.unmappable(message, cheap, c)
      info.culprits = list
      return list
    end,
  }
end

local function describe(best)
  local c = best.coding
  local info = {
    encoding = c.encoding,
    data_coding = best.data_coding,
    esm_class = (best.elements ~= "" or best.ends and best.concat.element) and UDHI or 0,
    locking = c.locking,
    single = c.single,
    parts = best.parts,
    units = best.units,
    units_left = best.units_left,
    text = best.text,
    udh = not best.ends and plan.with_length(best.elements) or nil,
  }
  if c == best.cheapest then
    info.culprits = {}
    return info
  end
  return setmetatable(info, lazy_culprits(best.text, best.cheapest, c))
end

--- Encodes a text without splitting it.
---@param message string  UTF-8
---@param o? smpp.TextOptions
---@return string? octets
---@return smpp.TextInfo|string info  or the error for people
---@return string? code  "unmappable", "bad_value" (ill-formed UTF-8; a peer without this coding), "too_long"
function text.encode(message, o)
  a_text(message)
  local best, err, code = plan.choose(message, o and ENCODE:check(o) or NONE)
  if not best then return nil, err, code end
  return best.octets, describe(best)
end

--- The encoding, number of parts and size of a text.
---@param message string
---@param o? smpp.TextOptions
---@return smpp.TextInfo? info
---@return string? err
---@return string? code  as `encode`
function text.measure(message, o)
  a_text(message)
  local best, err, code = plan.choose(message, o and ENCODE:check(o) or NONE)
  if not best then return nil, err, code end
  local info = describe(best)
  info.culprits = info.culprits
  return setmetatable(info, nil)
end

local last_reference = 0

--- The reference of a text in several parts: given, from a counter function, or counted here.
local function next_reference(reference, concat)
  if type(reference) == "number" then
    if reference < 0 or reference > concat.reference or reference % 1 ~= 0 then
      error(("reference: expected an integer from 0 to %d"):format(concat.reference), 3)
    end
    return reference
  elseif reference ~= nil then
    return reference() % (concat.reference + 1)
  end
  last_reference = (last_reference + 1) % 0x10000
  return last_reference % (concat.reference + 1)
end

---@class smpp.TextPart
---@field octets string  UDH and payload, as in short_message
---@field udh? string    the UDH alone
---@field text string    the text of this part

--- Splits a text into parts.  With `udh = "sar"` the parts carry no number: give them the sar_* TLVs.
---@param message string
---@param o? smpp.TextOptions
---@param checked? boolean  the options have been checked before
---@return smpp.TextPart[]? parts
---@return smpp.TextInfo|string info
---@return string? code  as `encode`
function text.split(message, o, checked)
  a_text(message)
  o = o and (checked and o or ENCODE:check(o)) or NONE
  local best, err, code = plan.choose(message, o, true)
  if not best then return nil, err, code end
  local info = describe(best)
  if not best.ends then
    return { { octets = (info.udh or "") .. best.octets, udh = info.udh, text = best.text } }, info
  end
  local concat = best.concat
  local reference = next_reference(o.reference, concat)
  info.reference = reference
  local parts, from = {}, 1
  for i, to in ipairs(best.ends) do
    local slice = best.text:sub(from, to)
    local header = plan.with_length((concat.element and concat.element(reference, best.parts, i) or "") .. best.elements)
    local octets = assert(coding.encode(slice, best.coding, plan.fill_bits(header and #header or 0)))
    parts[i] = { octets = (header or "") .. octets, udh = header, text = slice }
    from = to + 1
  end
  return parts, info
end

---@class smpp.TextDecodeOptions : smpp.TextPeer
---@field locking? string|integer  as the UDH says
---@field single? string|integer
---@field fill? integer            gsm7_packed: bits between UDH and first septet
---@field septets? integer         gsm7_packed: how many

---@class smpp.TextProblem
---@field code string     "high_bit", "undefined", "lone_escape", "lone_surrogate", "odd_octet" …
---@field offset integer  octet it was found at, from 1
---@field message string  for people

--- Decodes received octets (without UDH); never fails.
---@param octets string
---@param what string|integer  encoding or data_coding
---@param o? smpp.TextDecodeOptions
---@return string text  UTF-8; binary and compressed text as they are
---@return (smpp.TextProblem[]|{ total: integer })? problems  the first 16, if any
function text.decode(octets, what, o)
  o = o and DECODE:check(o) or NONE
  local encoding = what
  if type(what) == "number" then
    if coding.is_compressed(what) then
      return octets, { { code = "compressed", offset = 1, message = "compressed text is not decoded" }, total = 1 }
    end
    encoding, octets = coding.of_text(what, o, octets)
  elseif not coding.encodings[what] then
    mistake.raise(kind.problem(encoding_kind, what), 2)
  end
  local c = { encoding = encoding, locking = coding.language(o.locking), single = coding.language(o.single) }
  return coding.decode(octets, c, o.fill, o.septets)
end

--- The octets of a message: message_payload counts before short_message (5.0, 4.8.4.36).
---@param pdu table  a view, or a table with short_message or message_payload
---@return string
function text.octets(pdu)
  local payload = pdu.message_payload
  if payload and payload ~= "" then return payload end
  return pdu.short_message or ""
end

--- The part number of a PDU, from the concatenation element of its UDH or the sar TLVs; nil: not a part.
---@param pdu table
---@param header? smpp.UdhHeader
---@return { reference: integer, total: integer, seq: integer, width: 8|16|"sar" }?  width: bits of the reference
function text.part(pdu, header)
  local concat = header and header.concat
  if concat then return { reference = concat.ref, total = concat.total, seq = concat.seq, width = concat.bits } end
  local reference, total, seq = pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum
  return reference and total and seq and { reference = reference, total = total, seq = seq, width = "sar" } or nil
end

--- The octets of a message behind its user data header, and that.
---@param pdu table  a view, or a table with short_message or message_payload, esm_class, data_coding
---@param o? smpp.TextPeer
---@return string octets
---@return smpp.UdhHeader? header
---@return integer? fill  bits between the header and the first septet of packed GSM 7-bit
---@return smpp.TextProblem[]|string|nil problems  what is odd about the header; why there is none where esm_class says so
function text.body(pdu, o)
  local octets = text.octets(pdu)
  if math.floor((pdu.esm_class or 0) / UDHI) % 2 == 0 then return octets end
  local header, problems = udh.of_text(octets, coding.meaning(pdu.data_coding or 0, o or NONE):find "^ucs2" ~= nil)
  if not header then return octets, nil, nil, problems end
  return octets:sub(header.length + 1), header, plan.fill_bits(header.length), problems
end

--- The encoding of octets with this data_coding: as the peer defines it, or as detected from the octets.
---@param octets string
---@param data_coding integer
---@param o? smpp.TextPeer
---@return string encoding
function text.encoding_of(octets, data_coding, o)
  return (coding.of_text(data_coding, o and DECODE:check(o) or NONE, octets))
end

---@class smpp.ReadText
---@field header? smpp.UdhHeader  the header before the text
---@field header_problems? smpp.TextProblem[]|string  problems of the header; or why there is no header although UDHI is set
---@field octets string            after the header
---@field encoding string          their encoding
---@field problems? smpp.TextProblem[]

--- Reads the text of one PDU: the user data header is removed, its national tables and fill bits apply.
---@param pdu table  a view, or a table with short_message or message_payload, esm_class, data_coding
---@param o? smpp.TextPeer  of a server: session.peer_text
---@return string text  UTF-8; binary and compressed content as it is
---@return smpp.ReadText info
function text.read(pdu, o)
  o = o and text.peer_schema:check(o) or NONE
  local data_coding, octets, header, fill, header_problems = pdu.data_coding or 0, text.body(pdu, o)
  local words, problems = text.decode(octets, data_coding, {
    default_alphabet = o.default_alphabet, data_codings = o.data_codings, locking = header and header.locking,
    single = header and header.single, fill = fill,
  })
  return words, {
    header = header, header_problems = header_problems, octets = octets, encoding = (coding.of_text(data_coding, o, octets)),
    problems = problems,
  }
end

---@class smpp.DataCoding
---@field data_coding integer
---@field encoding string       the encoding of the octets, at this peer
---@field default boolean       the peer's default alphabet: 0, or a reserved value
---@field reserved boolean      no standard defines this value
---@field class? integer        message class: 0 flash, 1 ME, 2 SIM, 3 TE
---@field flash boolean         class 0
---@field compressed boolean    cannot be read without decompressing
---@field auto_delete boolean   to be deleted once read
---@field mwi? { type: "voicemail"|"fax"|"email"|"other", active: boolean, store: boolean }  a waiting indication

--- Explains a data_coding octet.
---@param octet integer  0 to 255
---@param o? smpp.TextPeer
---@return smpp.DataCoding
function text.data_coding(octet, o)
  return coding.describe(octet, o and DECODE:check(o) or NONE)
end

return text
