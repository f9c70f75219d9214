--- The form of a message for its carrier: the alphabet of its text, and how the parts of a long one are marked.  Octets are copied as they are
--- where they mean the same to the carrier and neither it nor a rule asks for another form.
local core = require "smpp.core"
local codec = require "smpp.codec"
local coding = require "smpp.text.coding"
local commands = require "smpp.codec.commands"
local plan = require "smpp.text.plan"
local schema = require "smpp.base.schema"
local text = require "smpp.text"

local form = {}

local UDHI = 0x40
local WIDTH = { concat_8bit = 8, concat_16bit = 16, sar = "sar" } -- how parts are marked: what smpp.text.part says of them
local CONCAT = { [0x00] = true, [0x08] = true }                   -- UDH elements: the number of a part
local SHIFT = { [0x24] = true, [0x25] = true }                    -- national languages
local SHORT_MESSAGE_MAX = 254
local DATA_SM = commands.ids.data_sm

---@class smpp.FormOptions : smpp.TextPeer  how a carrier wants its messages
---@field long "concat_8bit"|"concat_16bit"|"sar"|nil  how texts are cut, and parts marked; nil: texts are not cut, parts stay
---@field allow string[]?           encodings of texts that are converted, the preferred first
---@field encoding string?          this one, also where the octets would mean the same
---@field language string|integer|table|nil  national languages whose tables may be used
---@field on_unmappable string?     as of smpp.text

--- UDH elements beside the numbers of parts, and beside national languages if the text is encoded anew.
local function other_elements(header, is_encoded)
  local list = {}
  for _, element in ipairs(header and header.elements or {}) do
    if not CONCAT[element.iei] and not (is_encoded and SHIFT[element.iei]) then
      list[#list + 1] = string.char(element.iei, #element.octets) .. element.octets
    end
  end
  return table.concat(list)
end

--- The UDH element of a part; "" for sar.
local function concat_element(kind, reference, total, seq)
  if kind == "concat_8bit" then return string.char(0x00, 3, reference % 256, total, seq) end
  if kind == "concat_16bit" then return string.char(0x08, 4, math.floor(reference / 256) % 256, reference % 256, total, seq) end
  return ""
end

--- The encodings of a text that is converted, as options of smpp.text.
local function target(o, data_coding, message_class)
  return {
    default_alphabet = o.default_alphabet, data_codings = o.data_codings, language = o.language, on_unmappable = o.on_unmappable,
    encoding = o.encoding, allow = not o.encoding and (o.allow or { o.default_alphabet or "gsm7", "ucs2" }) or nil,
    class = message_class and coding.describe(data_coding, o).class or nil,
  }
end

--- Calls split with the message class of a data_coding, or without where the encoding has none.
local function split(words, o, data_coding, more)
  for _, message_class in ipairs { true, false } do
    local options = target(o, data_coding, message_class)
    for name, value in pairs(more) do options[name] = value end
    local parts, info, code = text.split(words, options, true)
    if parts or code ~= "bad_value" or not options.class then return parts, info, code end
  end
end

local STATUS = { too_long = "ESME_RINVMSGLEN" }

local function refused(words, code) return false, words, STATUS[code] or "ESME_RSUBMITFAIL" end

--- Fields that hold these octets: short_message, or message_payload, where the text was in it, or is too long.
local function holding(view, octets, fields, is_part)
  local payload, is_data = view.message_payload, view.command_id == DATA_SM
  local is_payload = is_data or #octets > SHORT_MESSAGE_MAX or (payload and payload ~= "" and not is_part)
  fields.message_payload = is_payload and octets or payload and codec.none or nil
  if not is_data then fields.short_message = is_payload and "" or octets end
end

--- esm_class with the bit for a header, or without.
local function with_header(view, has_header)
  local esm_class = view.esm_class or 0
  local has = math.floor(esm_class / UDHI) % 2 == 1
  return esm_class + (has_header and not has and UDHI or not has_header and has and -UDHI or 0)
end

--- A part of a long text in the form of the carrier: it stays one part, with the same number.
local function part_view(view, peer, o, part, header, converts)
  local kind = o.long
  local octets, info
  if not WIDTH[kind] then kind = part.width == 8 and "concat_8bit" or part.width == 16 and "concat_16bit" or "sar" end
  local elements = concat_element(kind, part.reference, part.total, part.seq)
  local fields = {}
  if converts then
    local words = text.read(view, peer)
    local parts, made, code = split(words, o, view.data_coding or 0, { udh = "payload", elements = nil })
    if not parts then return refused(made, code) end
    octets, info = parts[1].octets:sub(#(parts[1].udh or "") + 1), made
    elements = elements .. other_elements(header, true) .. (parts[1].udh or ""):sub(2)
    if made.encoding == "gsm7_packed" then -- the bits before the first septet depend on the header
      octets = coding.encode(made.text, made, plan.fill_bits(elements == "" and 0 or 1 + #elements))
    end
    fields.data_coding = info.data_coding
  else
    elements = elements .. other_elements(header, false)
    octets = text.body(view, peer)
  end
  local room = elements == "" and 0 or 1 + #elements
  if kind == "sar" then room = room + (room == 0 and 6 or 5) end -- the message centre makes the header
  local encoding = info and info.encoding or coding.of_text(view.data_coding or 0, peer, octets)
  local units = info and info.units or #octets
  if encoding:find "^ucs2" and not info then units = units / 2 end
  if units > core.text.capacity(encoding, room) then
    if converts then return refused(("the part does not fit in %s"):format(encoding), "too_long") end
    return nil -- as it came: it would be longer than a short message
  end
  if elements ~= "" then octets = string.char(#elements) .. elements .. octets end
  holding(view, octets, fields)
  fields.esm_class = with_header(view, elements ~= "")
  local is_sar, was_sar = kind == "sar", part.width == "sar"
  if is_sar then
    fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = part.reference, part.total, part.seq
  elseif was_sar then
    fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = codec.none, codec.none, codec.none
  end
  local made, message = view:with(fields)
  if not made then return refused(message, nil) end
  return { made }
end

--- A whole text in the form of the carrier, in one part or several.
local function whole_views(view, peer, o, header, from, converts, reference)
  local words = text.read(view, peer)
  local data_coding, parts, info, code = view.data_coding or 0 -- luacheck: ignore 221
  local elements = other_elements(header, true) -- smpp.text makes those of national languages
  local more = { udh = WIDTH[o.long] and o.long or "payload", reference = reference, elements = elements ~= "" and elements or nil }
  if converts then
    parts, info, code = split(words, o, data_coding, more)
  else
    more.encoding, more.default_alphabet = from, from
    more.locking, more.single = header and header.locking, header and header.single
    parts, info, code = text.split(from == "binary" and text.body(view, peer) or words, more, true)
  end
  if not parts then
    if not converts then return nil end
    return refused(info, code)
  end
  if #parts == 1 and not converts then return nil end
  local list = {}
  for i = 1, #parts do
    local fields = { data_coding = converts and info.data_coding or data_coding }
    holding(view, parts[i].octets, fields, #parts > 1)
    fields.esm_class = with_header(view, info.esm_class ~= 0)
    if #parts > 1 and more.udh == "sar" then
      fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = info.reference, #parts, i
    end
    local made, message = view:with(fields)
    if not made then return refused(message, nil) end
    list[i] = made
  end
  return list
end

--- A message in the form of its carrier.
---@param view smpp.Pdu  a submit_sm, data_sm or deliver_sm, as the rules have changed it
---@param peer smpp.TextPeer?  what data_coding means to who sent it
---@param o smpp.FormOptions
---@param reference integer|(fun(): integer)|nil  of the parts
---@return smpp.Pdu[]|nil|false views  nil: as it is; false: the carrier cannot have it
---@return string? message
---@return string? status
function form.views(view, peer, o, reference)
  peer = peer or {}
  local data_coding = view.data_coding or 0
  local octets, header = text.body(view, peer)
  if octets == "" or coding.is_compressed(data_coding) then return nil end
  local from, to = (coding.of_text(data_coding, peer, octets)), (coding.of_text(data_coding, o, octets))
  local converts = from ~= "binary" and (o.encoding and o.encoding ~= from or to ~= "binary" and to ~= from)
  local part = text.part(view, header)
  if part then
    if not converts and (not WIDTH[o.long] or WIDTH[o.long] == part.width) then return nil end
    if not converts and from == "gsm7_packed" then converts, o = true, schema.merge(o, { encoding = from, default_alphabet = from }) end
    return part_view(view, peer, o, part, header, converts)
  end
  local payload = view.message_payload
  if not converts and not (WIDTH[o.long] and payload and payload ~= "") then return nil end
  return whole_views(view, peer, o, header, from, converts, reference)
end

--- What a carrier's options say of the form of its messages; nil: nothing, octets are copied.
---@param own table   options of the gateway's
---@param read table  options of the client, as its profile completes them
---@return smpp.FormOptions?
function form.of_carrier(own, read)
  local differs = (read.default_alphabet and read.default_alphabet ~= "gsm7") or read.data_codings or read.allow
  if not (own.long or differs) then return nil end
  return {
    long = own.long, default_alphabet = read.default_alphabet, data_codings = read.data_codings, allow = read.allow, language = read.language,
    on_unmappable = read.on_unmappable,
  }
end

-- ---- references ----

---@class smpp.FormReferences
local References = {}
local mt = { __index = References, __name = "smpp.FormReferences" }

local MOST_DESTINATIONS = 10000

--- References of parts: counted for each destination, so that two texts to one phone never have the same soon after one another.
---@param time number  Unix time: where they begin, so that those before a restart are not taken again at once
---@return smpp.FormReferences
function form.references(time) return setmetatable({ last = {}, count = 0, start = math.floor(time * 16) % 0x10000 }, mt) end

--- The next one.
---@param destination string
---@return integer  0 to 65535
function References:next(destination)
  local last = self.last[destination]
  if not last then
    if self.count >= MOST_DESTINATIONS then self.last, self.count, self.start = {}, 0, self.start + 128 end
    self.count, last = self.count + 1, self.start
  end
  last = (last + 1) % 0x10000
  self.last[destination] = last
  return last
end

return form
