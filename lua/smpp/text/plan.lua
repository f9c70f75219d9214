--- Chooses the encoding of a text, and where its parts end.
local core = require "smpp.core".text
local coding = require "smpp.text.coding"
local translit = require "smpp.text.translit"
local udh = require "smpp.text.udh"

local PAYLOAD_OCTETS = 65535 -- maximum length of the TLV message_payload

--- Concatenation: octets of its element, maximum reference, the element.
--- With sar the message centre makes the element, so the parts leave room for it.
local CONCAT = {
  concat_8bit = {
    octets = 5, reference = 0xFF,
    element = function(reference, total, seq) return string.char(0x00, 3, reference, total, seq) end,
  },
  concat_16bit = {
    octets = 6, reference = 0xFFFF,
    element = function(reference, total, seq)
      return string.char(0x08, 4, math.floor(reference / 256), reference % 256, total, seq)
    end,
  },
  sar = { octets = 5, reference = 0xFFFF },
}

--- The elements that split() writes itself: the caller's `elements` must not contain them.
local OWN_ELEMENTS = { [0x00] = true, [0x08] = true, [0x24] = true, [0x25] = true }

local USUAL = { { encoding = "gsm7", locking = 0, single = 0 }, { encoding = "ucs2", locking = 0, single = 0 } }

--- The codings to try, cheapest first.
local function candidates(o)
  if not (o.encoding or o.allow or o.language or o.locking or o.single or o.default_alphabet or o.data_codings) then
    return USUAL
  end
  local locking, single = coding.language(o.locking), coding.language(o.single)
  local list = {}
  for _, name in ipairs(o.encoding and { o.encoding } or o.allow or { o.default_alphabet or "gsm7", "ucs2" }) do
    local encoding = coding.adapt(name, o)
    list[#list + 1] = { encoding = encoding, locking = locking, single = single }
    if o.language and coding.encodings[encoding].unit == "septet" then
      local languages = type(o.language) == "table" and o.language or { o.language }
      for _, kind in ipairs { "single", "locking", "both" } do
        for _, language in ipairs(languages) do
          local id = coding.language(language)
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

--- Octets of the elements that every part carries beside its number, without a length octet.
---@return string? elements
---@return string? err
---@return string? code  as smpp.udh
local function common_elements(o)
  if o.elements == nil or o.elements == "" then return "" end
  local octets, err, code
  if type(o.elements) == "string" then
    if #o.elements > 255 then return nil, "UDH elements too long: at most 255 octets", "too_long" end
    octets = string.char(#o.elements) .. o.elements
  else
    octets, err, code = udh.encode(o.elements)
    if not octets then return nil, err, code end
  end
  local header, why, why_code = udh.decode(octets)
  if not header then return nil, why, why_code end
  local kept = {}
  for _, element in ipairs(header.elements) do
    if not OWN_ELEMENTS[element.iei] then
      kept[#kept + 1] = string.char(element.iei, #element.octets) .. element.octets
    end
  end
  return table.concat(kept)
end

local function shift_elements(c)
  local elements = ""
  if c.single ~= 0 then elements = string.char(0x24, 1, c.single) end
  if c.locking ~= 0 then elements = elements .. string.char(0x25, 1, c.locking) end
  return elements
end

--- A header of these elements, nil without any.
local function with_length(elements)
  if elements == "" then return nil end
  return string.char(#elements) .. elements
end

--- Zero bits between a header and the first packed septet.
local function fill_bits(header_octets) return (7 - header_octets * 8 % 7) % 7 end

---@class smpp.TextPlan
---@field text string         the text, replacements made
---@field coding table        { encoding, locking, single }
---@field cheapest table      the first coding that was allowed
---@field data_coding integer
---@field elements string     UDH elements of every part beside its number
---@field octets string       the text encoded in one piece
---@field units integer
---@field units_left integer  in the last part
---@field parts integer
---@field ends? integer[]     octets of the text at which the parts end; nil when there is one
---@field concat? table       how the parts are numbered: a row of CONCAT

--- How many parts a text takes in one coding, and where they end.
---@param elements string  beside the concatenation and the national tables
---@param framed boolean   its octets will follow a header
---@return smpp.TextPlan? plan
---@return string? err
---@return string? code  "unmappable", "bad_value", "too_long"
local function plan(message, c, o, elements, framed)
  local data_coding, err, code = coding.data_coding(c.encoding, o, o.class)
  if not data_coding then return nil, err, code end
  elements = elements .. shift_elements(c)
  local header = elements == "" and 0 or 1 + #elements
  local octets, units
  octets, units, code = coding.encode(message, c, framed and fill_bits(header) or o.fill)
  if not octets then return nil, units, code end
  local payload = o.udh == "payload"
  local size = payload and #octets or units
  local capacity = payload and PAYLOAD_OCTETS - header or core.capacity(c.encoding, header)
  local concat = CONCAT[o.udh or "concat_8bit"]
  local result = {
    text = message, coding = c, data_coding = data_coding, elements = elements, octets = octets, units = units,
    concat = concat, parts = 1, units_left = capacity - size,
  }
  if size <= capacity then return result end
  if not concat then
    local unit = payload and "octet" or coding.encodings[c.encoding].unit
    return nil, ("too long for one message: %d %ss, at most %d"):format(size, unit, capacity), "too_long"
  end
  capacity = core.capacity(c.encoding, 1 + #elements + concat.octets)
  local ends, last
  ends, last, code = coding.cut(message, octets, c, capacity, o.graphemes ~= false)
  if not ends then return nil, last, code end
  local most = math.min(o.max_parts or 255, 255)
  if #ends > most then return nil, ("too long: %d parts, at most %d are allowed"):format(#ends, most), "too_long" end
  result.parts, result.ends, result.units_left = #ends, ends, capacity - last
  return result
end

--- The replacement of a character that the coding has, or nil.
local function replacement(character, c, mode)
  if mode == "?" then return "?" end
  local instead, rounds = translit[character], 0
  while instead and not coding.encode(instead, c) do
    rounds = rounds + 1
    instead = rounds < 4 and translit[instead] or nil
  end
  return instead
end

--- The text with replacements for the characters that the coding lacks; nil if one has no replacement.
local function substitute(message, c, mode)
  local pieces, from = {}, 1
  for _, item in ipairs(coding.unmappable(message, c, c)) do
    local instead = replacement(item.character, c, mode)
    if not instead then return nil end
    pieces[#pieces + 1] = message:sub(from, item.octet - 1)
    pieces[#pieces + 1] = instead
    from = item.octet + #item.character
  end
  pieces[#pieces + 1] = message:sub(from)
  return table.concat(pieces)
end

--- The plan with the fewest parts among these codings, the earlier one at equality.
---@param mode? "?"|"transliterate"  replace characters that a coding lacks
local function best_of(message, list, o, elements, framed, mode)
  local best, err, code
  for _, c in ipairs(list) do
    local found, why, why_code = plan(mode and substitute(message, c, mode) or message, c, o, elements, framed)
    if found and (not best or found.parts < best.parts) then best = found end
    if not found and (err == nil or code == "unmappable" and why_code ~= code) then err, code = why, why_code end
    if best and best.parts == 1 then break end
  end
  return best, err, code
end

--- Tries the codings without replacements; then, with on_unmappable, with replacements, which are preferred to UCS-2 only.
---@param message string
---@param o smpp.TextOptions
---@param framed? boolean  the octets will follow the header
---@return smpp.TextPlan? plan
---@return string? err
---@return string? code
local function choose(message, o, framed)
  local elements, err, code = common_elements(o)
  if not elements then return nil, err, code end
  local list = candidates(o)
  local mode = o.on_unmappable ~= "error" and o.on_unmappable or nil
  local best
  if mode == "transliterate" then
    local narrow = {}
    for _, c in ipairs(list) do
      if coding.encodings[c.encoding].unit ~= "unit16" then narrow[#narrow + 1] = c end
    end
    best = best_of(message, narrow, o, elements, framed) or best_of(message, narrow, o, elements, framed, mode)
  end
  if not best then best, err, code = best_of(message, list, o, elements, framed) end
  if not best and mode == "?" and code == "unmappable" then
    best, err, code = best_of(message, list, o, elements, framed, mode)
  end
  if not best then return nil, err, code end
  best.cheapest = list[1]
  return best
end

return { choose = choose, with_length = with_length, fill_bits = fill_bits }
