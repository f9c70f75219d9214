--- Text <-> octets of a short message: picks the coding, tells what a message costs, cuts it into parts.
--- The guide is docs/text.md.
local core = require "smpp.core".text
local coding = require "smpp.text.coding"
local plan = require "smpp.text.plan"

local text = {}

local NONE = {}
local UDHI = 0x40
local LONG = { concat_8bit = true, concat_16bit = true, sar = true, payload = true, none = true }
local UNMAPPABLE = { error = true, ["?"] = true, transliterate = true }

---@class smpp.TextPeer  what the peer means by data_coding
---@field default_alphabet? string  the encoding behind data_coding 0 (default gsm7)
---@field data_codings? table<integer, string>  data_coding -> encoding, where the peer differs from the book

---@class smpp.TextOptions : smpp.TextPeer
---@field encoding? string         this one only; else the one of `allow` with the fewest parts
---@field allow? string[]          codings to choose from, preferred first (default: the peer's default alphabet, ucs2)
---@field language? string|integer|(string|integer)[]  national languages whose tables may be used
---@field locking? string|integer  this locking shift table
---@field single? string|integer   this single shift table
---@field class? integer           message class: 0 flash, 1 ME, 2 SIM, 3 TE
---@field on_unmappable? "error"|"?"|"transliterate"  what no coding can write (default error)
---@field udh? "concat_8bit"|"concat_16bit"|"sar"|"payload"|"none"  how several parts are marked (default concat_8bit)
---@field reference? integer|fun(): integer  of the parts; default: a counter of this module
---@field elements? string|smpp.UdhElement[]  other UDH elements for every part: raw octets, or as smpp.udh takes them
---@field graphemes? boolean       keep what a reader sees as one character in one part (default true)
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
---@field text string          what is sent: the text, with its replacements where some were asked for
---@field udh? string          header of a single message that needs one
---@field reference? integer   of the parts (`split`)
---@field culprits smpp.TextCulprit[]  characters that the cheapest allowed coding lacks

---@class smpp.TextCulprit
---@field character string
---@field codepoint integer
---@field position integer  which character of the text, from 1
---@field octet integer     where its UTF-8 begins, from 1
---@field units integer     what it takes in the coding chosen

local OPTIONS = {
  encoding = "string", allow = "table", language = true, locking = true, single = true, class = "number",
  on_unmappable = "string", udh = "string", reference = true, elements = true, graphemes = "boolean",
  max_parts = "number", fill = "number", default_alphabet = "string", data_codings = "table",
}
local DECODE_OPTIONS = {
  locking = true, single = true, fill = "number", septets = "number", default_alphabet = "string", data_codings = "table",
}

-- The checks return what is wrong, so that the public function can blame its caller.

local function bad_encoding(name)
  return not coding.encodings[name] and ("unknown encoding '%s'"):format(tostring(name)) or nil
end

local function bad_language(language, kind)
  local row = core.languages[coding.language(language)]
  if not row then return ("unknown language '%s'"):format(tostring(language)) end
  return not row[kind] and ("%s has no %s shift table"):format(row.name, kind) or nil
end

--- Options that are unknown or of the wrong type, and the peer's habits.
local function bad_known(o, known)
  if type(o) ~= "table" then return "options must be a table" end
  for name, value in pairs(o) do
    local want = known[name]
    if not want then
      local names = {}
      for option in pairs(known) do names[#names + 1] = option end
      table.sort(names)
      return ("unknown option '%s' (known: %s)"):format(tostring(name), table.concat(names, ", "))
    elseif want ~= true and type(value) ~= want then
      return ("option '%s' must be a %s"):format(name, want)
    end
  end
  local wrong = o.default_alphabet and bad_encoding(o.default_alphabet)
  for _, name in pairs(o.data_codings or NONE) do wrong = wrong or bad_encoding(name) end
  return wrong
end

local function bad_options(message, o)
  if type(message) ~= "string" then return "text must be a string" end
  if o == nil then return nil end
  local wrong = bad_known(o, OPTIONS) or o.encoding and bad_encoding(o.encoding)
  for _, name in ipairs(wrong and NONE or o.allow or NONE) do wrong = wrong or bad_encoding(name) end
  wrong = wrong or bad_language(o.locking, "locking") or bad_language(o.single, "single")
  for _, language in ipairs(type(o.language) == "table" and o.language or { o.language }) do
    wrong = wrong or bad_language(language, "single")
  end
  if wrong then return wrong end
  if o.udh and not LONG[o.udh] then return ("unknown udh '%s'"):format(o.udh) end
  if o.on_unmappable and not UNMAPPABLE[o.on_unmappable] then
    return ("on_unmappable must be error, ? or transliterate, not '%s'"):format(o.on_unmappable)
  end
  if o.class and (o.class % 1 ~= 0 or o.class < 0 or o.class > 3) then return "class must be 0 to 3" end
  return nil
end

--- `culprits`, found when asked for: only people want them.
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

--- Encodes a text without cutting it.
---@param message string  UTF-8
---@param o? smpp.TextOptions
---@return string? octets
---@return smpp.TextInfo|string info  or the error for people
---@return string? code  "unmappable", "bad_value" (ill-formed UTF-8; a peer without this coding), "too_long"
function text.encode(message, o)
  local wrong = bad_options(message, o)
  if wrong then error(wrong, 2) end
  local best, err, code = plan.choose(message, o or NONE)
  if not best then return nil, err, code end
  return best.octets, describe(best)
end

--- What a text costs.
---@param message string
---@param o? smpp.TextOptions
---@return smpp.TextInfo? info
---@return string? err
---@return string? code  as `encode`
function text.measure(message, o)
  local wrong = bad_options(message, o)
  if wrong then error(wrong, 2) end
  local best, err, code = plan.choose(message, o or NONE)
  if not best then return nil, err, code end
  local info = describe(best)
  info.culprits = info.culprits
  return info
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

---@class smpp.TextPart
---@field octets string  UDH and payload, as in short_message
---@field udh? string    the UDH alone
---@field text string    the text of this part

--- Cuts a text into parts.  With `udh = "sar"` the parts carry no number: give them the sar_* TLVs.
---@param message string
---@param o? smpp.TextOptions
---@return smpp.TextPart[]? parts
---@return smpp.TextInfo|string info
---@return string? code  as `encode`
function text.split(message, o)
  local wrong = bad_options(message, o)
  if wrong then error(wrong, 2) end
  o = o or NONE
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
  local wrong = o ~= nil and bad_known(o, DECODE_OPTIONS) or type(what) ~= "number" and bad_encoding(what)
  if wrong then error(wrong, 2) end
  o = o or NONE
  local encoding = what
  if type(what) == "number" then
    if coding.is_compressed(what) then
      return octets, { { code = "compressed", offset = 1, message = "compressed text is handed on as it is" }, total = 1 }
    end
    encoding = coding.meaning(what, o)
  end
  -- A language out of a received UDH may be one that nobody knows: the core reads it with the default table.
  local c = { encoding = encoding, locking = coding.language(o.locking), single = coding.language(o.single) }
  return coding.decode(octets, c, o.fill, o.septets)
end

---@class smpp.DataCoding
---@field data_coding integer
---@field encoding string       what the octets are in, at this peer
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
  local wrong = o ~= nil and bad_known(o, DECODE_OPTIONS)
  if wrong then error(wrong, 2) end
  return coding.describe(octet, o or NONE)
end

return text
