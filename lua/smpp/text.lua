--- Text <-> octets of a short message: picks the coding, tells what a message costs, cuts it into parts.
--- The guide is docs/text.md.
local core = require "smpp.core".text

local text = {}

local OPTIONS = {
  encoding = "string", allow = "table", language = true, locking = true, single = true, fill = "number",
  udh = "string", reference = true, graphemes = "boolean", max_parts = "number", on_unmappable = "string",
  default_alphabet = "string",
}
local DECODE_OPTIONS = {
  locking = true, single = true, fill = "number", septets = "number", default_alphabet = "string",
}
local NONE = {}

local PAYLOAD_OCTETS = 65535 -- what the TLV message_payload can hold
local UDHI = 0x40

--- How parts are numbered: octets of the concatenation element, the most its reference can be, the element.
--- With sar the message centre makes the element, so the parts leave room for it.
local CONCAT = {
  concat_8bit = {
    octets = 5, reference = 0xFF,
    header = function(reference, total, seq) return string.char(0x00, 3, reference, total, seq) end,
  },
  concat_16bit = {
    octets = 6, reference = 0xFFFF,
    header = function(reference, total, seq)
      return string.char(0x08, 4, math.floor(reference / 256), reference % 256, total, seq)
    end,
  },
  sar = { octets = 5, reference = 0xFFFF },
}

local language_ids = {}
for id = 0, #core.languages do language_ids[core.languages[id].name] = id end

--- The id of a national language given by name or number.
local function language_id(language) return language_ids[language] or language or 0 end

--- Raises, blaming the caller of the public function, unless the language has a `kind` table.
---@param language string|integer?
---@param kind "locking"|"single"
local function check_language(language, kind)
  local row = core.languages[language_id(language)]
  if not row then error("unknown language '" .. tostring(language) .. "'", 4) end
  if not row[kind] then error(("%s has no %s shift table"):format(row.name, kind), 4) end
end

---@param o table?
---@return table
local function check_options(o)
  if o == nil then return NONE end
  if type(o) ~= "table" then error("options must be a table", 3) end
  for name, value in pairs(o) do
    local want = OPTIONS[name]
    if not want then
      local known = {}
      for option in pairs(OPTIONS) do known[#known + 1] = option end
      table.sort(known)
      error(("unknown option '%s' (known: %s)"):format(tostring(name), table.concat(known, ", ")), 3)
    elseif want ~= true and type(value) ~= want then
      error(("option '%s' must be a %s"):format(name, want), 3)
    end
  end
  if o.encoding and not core.encodings[o.encoding] then error("unknown encoding '" .. o.encoding .. "'", 3) end
  if o.udh and o.udh ~= "payload" and o.udh ~= "none" and not CONCAT[o.udh] then
    error("unknown udh '" .. o.udh .. "'", 3)
  end
  check_language(o.locking, "locking")
  check_language(o.single, "single")
  for _, language in ipairs(type(o.language) == "table" and o.language or { o.language }) do
    check_language(language, "single")
  end
  return o
end

--- The codings to try, cheapest first.
local function candidates(o)
  local locking, single = language_id(o.locking), language_id(o.single)
  local list = {}
  for _, encoding in ipairs(o.encoding and { o.encoding } or o.allow or { o.default_alphabet or "gsm7", "ucs2" }) do
    list[#list + 1] = { encoding = encoding, locking = locking, single = single }
    if o.language and (encoding == "gsm7" or encoding == "gsm7_packed") then
      local languages = type(o.language) == "table" and o.language or { o.language }
      for _, kind in ipairs { "single", "locking", "both" } do
        for _, name in ipairs(languages) do
          local id = language_id(name)
          if kind == "single" or core.languages[id].locking then
            list[#list + 1] = {
              encoding = encoding, locking = kind ~= "single" and id or 0, single = kind ~= "locking" and id or 0,
            }
          end
        end
      end
    end
  end
  return list
end

--- The elements every part carries: national language tables.
local function shift_elements(coding)
  local elements = ""
  if coding.single ~= 0 then elements = elements .. string.char(0x24, 1, coding.single) end
  if coding.locking ~= 0 then elements = elements .. string.char(0x25, 1, coding.locking) end
  return elements
end

local function with_length(elements)
  if elements == "" then return nil end
  return string.char(#elements) .. elements
end

--- Zero bits between a header and the first packed septet.
local function fill_bits(header_octets) return (7 - header_octets * 8 % 7) % 7 end

--- How many parts a text takes in one coding, and where they end.  `framed`: its octets will follow a header.
---@return table? plan
---@return string? err
---@return string? code  "unmappable", "bad_value", "too_long"
local function plan(message, coding, o, framed)
  local udh = o.udh or "concat_8bit"
  local concat = CONCAT[udh]
  local elements = shift_elements(coding)
  local header = elements == "" and 0 or 1 + #elements
  local fill = framed and fill_bits(header) or o.fill or 0
  local octets, units, code = core.encode(message, coding.encoding, coding.locking, coding.single, fill)
  if not octets then return nil, units, code end
  local capacity = udh == "payload" and PAYLOAD_OCTETS - header or core.capacity(coding.encoding, header)
  local size = udh == "payload" and #octets or units
  local result = { coding = coding, elements = elements, octets = octets, units = units, concat = concat }
  if size <= capacity then
    result.parts, result.units_left = 1, capacity - size
    return result
  end
  if not concat then
    return nil, ("%d %ss, one message holds %d"):format(size, core.encodings[coding.encoding].unit, capacity), "too_long"
  end
  capacity = core.capacity(coding.encoding, 1 + #elements + concat.octets)
  local ends, last, cut_code =
    core.cut(message, coding.encoding, coding.locking, coding.single, capacity, o.graphemes ~= false)
  if not ends then return nil, last, cut_code end
  local most = math.min(o.max_parts or 255, 255)
  if #ends > most then return nil, ("%d parts, at most %d are allowed"):format(#ends, most), "too_long" end
  result.parts, result.ends, result.units_left = #ends, ends, capacity - last
  return result
end

--- The plan with the fewest parts; the earlier coding at equality.
local function choose(message, o, framed)
  local best, err, code
  local list = candidates(o)
  for _, coding in ipairs(list) do
    local found, why, why_code = plan(message, coding, o, framed)
    if found and (not best or found.parts < best.parts) then best = found end
    if not found and (err == nil or code == "unmappable" and why_code ~= code) then err, code = why, why_code end
    if best and best.parts == 1 then break end
  end
  if not best then return nil, err, code end
  best.cheapest = list[1]
  return best
end

--- `culprits`, found when asked for: only people want them.
local function lazy_culprits(message, cheap, coding)
  return {
    __index = function(info, key)
      if key ~= "culprits" then return nil end
      local list = core.unmappable(message, cheap.encoding, cheap.locking, cheap.single,
        coding.encoding, coding.locking, coding.single)
      info.culprits = list
      return list
    end,
  }
end

local function describe(message, best)
  local coding = best.coding
  local info = {
    encoding = coding.encoding,
    data_coding = core.encodings[coding.encoding].data_coding,
    esm_class = (best.elements ~= "" or best.ends and best.concat.header) and UDHI or 0,
    locking = coding.locking,
    single = coding.single,
    parts = best.parts,
    units = best.units,
    units_left = best.units_left,
    udh = not best.ends and with_length(best.elements) or nil,
  }
  if coding == best.cheapest then
    info.culprits = {}
    return info
  end
  return setmetatable(info, lazy_culprits(message, best.cheapest, coding))
end

local last_reference = 0

--- The reference of a text in several parts: given, from a counter function, or counted here.
local function next_reference(reference, concat)
  if type(reference) == "number" then
    if reference < 0 or reference > concat.reference or reference % 1 ~= 0 then
      error(("reference must be a whole number from 0 to %d"):format(concat.reference), 3)
    end
    return reference
  elseif reference ~= nil then
    return reference() % (concat.reference + 1)
  end
  last_reference = (last_reference + 1) % 0x10000
  return last_reference % (concat.reference + 1)
end

---@class smpp.TextInfo
---@field encoding string      the coding chosen
---@field data_coding integer  what to put into the PDU
---@field esm_class integer    0x40 when the parts begin with a UDH, else 0
---@field locking integer      national language of the locking shift table, 0 default
---@field single integer       national language of the single shift table, 0 default
---@field parts integer        short messages it takes
---@field units integer        septets, octets or 16-bit units of the whole text
---@field units_left integer   room in the last part
---@field udh? string          header that goes before the octets of a single message with national tables
---@field reference? integer   of the parts (`split`)
---@field culprits smpp.TextCulprit[]  characters that the cheapest allowed coding lacks

---@class smpp.TextCulprit
---@field character string
---@field codepoint integer
---@field position integer  which character of the text, from 1
---@field octet integer     where its UTF-8 begins, from 1
---@field units integer     what it takes in the coding chosen

---@class smpp.TextOptions
---@field encoding? string         this one only; else the one of `allow` with the fewest parts
---@field allow? string[]          codings to choose from, preferred first (default gsm7, ucs2)
---@field language? string|integer|(string|integer)[]  national languages whose tables may be used
---@field locking? string|integer  this locking shift table
---@field single? string|integer   this single shift table
---@field udh? "concat_8bit"|"concat_16bit"|"sar"|"payload"|"none"  how several parts are marked (default concat_8bit)
---@field reference? integer|fun(): integer  of the parts; default: a counter of this module
---@field graphemes? boolean       keep what a reader sees as one character in one part (default true)
---@field max_parts? integer       more is `too_long` (default and most: 255)
---@field fill? integer            gsm7_packed: zero bits before the first septet (`encode`; `split` knows)

--- Encodes a text without cutting it.
---@param message string  UTF-8
---@param o? smpp.TextOptions
---@return string? octets
---@return smpp.TextInfo|string info  or the error for people
---@return string? code  "unmappable", "bad_value" (ill-formed UTF-8), "too_long"
function text.encode(message, o)
  local best, err, code = choose(message, check_options(o))
  if not best then return nil, err, code end
  return best.octets, describe(message, best)
end

--- What a text costs.
---@param message string
---@param o? smpp.TextOptions
---@return smpp.TextInfo? info
---@return string? err
---@return string? code  as `encode`
function text.measure(message, o)
  local best, err, code = choose(message, check_options(o))
  if not best then return nil, err, code end
  local info = describe(message, best)
  info.culprits = info.culprits
  return info
end

---@class smpp.TextPart
---@field octets string  UDH and payload, as in short_message
---@field udh? string    the UDH alone
---@field text string    the text of this part

--- Cuts a text into parts.  With `udh = "sar"` the parts carry no UDH: number them with the sar_* TLVs.
---@param message string
---@param o? smpp.TextOptions
---@return smpp.TextPart[]? parts
---@return smpp.TextInfo|string info
---@return string? code  as `encode`
function text.split(message, o)
  o = check_options(o)
  local best, err, code = choose(message, o, true)
  if not best then return nil, err, code end
  local info = describe(message, best)
  if not best.ends then
    local udh = info.udh
    return { { octets = (udh or "") .. best.octets, udh = udh, text = message } }, info
  end
  local coding, concat = best.coding, best.concat
  local reference = next_reference(o.reference, concat)
  info.reference = reference
  local parts, from = {}, 1
  for i, to in ipairs(best.ends) do
    local slice = message:sub(from, to)
    local udh = with_length((concat.header and concat.header(reference, best.parts, i) or "") .. best.elements)
    local fill = fill_bits(udh and #udh or 0)
    local octets = assert(core.encode(slice, coding.encoding, coding.locking, coding.single, fill))
    parts[i] = { octets = (udh or "") .. octets, udh = udh, text = slice }
    from = to + 1
  end
  return parts, info
end

--- The encoding that the data_coding values of SMPP stand for.
local meanings = {}
for name, encoding in pairs(core.encodings) do
  if not name:find "_packed" and not name:find "^ucs2_" then meanings[encoding.data_coding] = name end
end

---@class smpp.TextDecodeOptions
---@field locking? string|integer  as the UDH says
---@field single? string|integer
---@field fill? integer            gsm7_packed: bits between UDH and first septet
---@field septets? integer         gsm7_packed: how many
---@field default_alphabet? string what data_coding 0 means to the peer (default gsm7)

---@class smpp.TextProblem
---@field code string     "high_bit", "undefined", "lone_surrogate" …
---@field offset integer  octet it was found at, from 1
---@field message string  for people

--- Decodes received octets (without UDH); never fails.
---@param octets string
---@param coding string|integer  encoding or data_coding
---@param o? smpp.TextDecodeOptions
---@return string text  UTF-8; binary is returned as it is
---@return smpp.TextProblem[]? problems
function text.decode(octets, coding, o)
  if o == nil then o = NONE end
  for name, value in pairs(o) do
    local want = DECODE_OPTIONS[name]
    if not want then error(("unknown option '%s'"):format(tostring(name)), 2) end
    if want ~= true and type(value) ~= want then error(("option '%s' must be a %s"):format(name, want), 2) end
  end
  local encoding = coding
  if type(coding) == "number" then
    encoding = coding == 0 and o.default_alphabet or meanings[coding] or "gsm7"
  elseif not core.encodings[coding] then
    error("unknown encoding '" .. tostring(coding) .. "'", 2)
  end
  -- A language out of a received UDH may be one that nobody knows: the core reads it with the default table.
  return core.decode(octets, encoding, language_id(o.locking), language_id(o.single), o.fill, o.septets)
end

return text
