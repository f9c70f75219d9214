--- Composes the submit_sm of a message for `esme:send`: one for each part of its text.
local address = require "smpp.codec.address"
local compose = require "smpp.text.compose"
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local schema = require "smpp.base.schema"
local text = require "smpp.text"
local timestamp = require "smpp.codec.timestamp"

local usual_text = core.text.usual
local char = string.char

---@class smpp.Composer
local Composer = {
  references = nil,             -- source and destination -> last concatenation reference; from the first on
  reference_count = 0,
  is_shaped = false,            -- an option changes how texts are sent: `usual` is never used
}
local mt = { __index = Composer, __name = "smpp.Composer" }

local composer = { class = Composer }

local UDHI = 0x40 -- esm_class: the octets begin with a user data header
local MAX_REFERENCES = 10000 -- pairs of addresses whose last reference is kept

local LONG = profiles.habits.kinds.long

local an_address = {
  expected = "a string, a number or a table",
  fits = function(value)
    local of = type(value)
    return of == "string" or of == "table" or of == "number"
  end,
}

--- Options of a message, besides the parameters and TLVs of submit_sm.
composer.schema = schema.new({
  { "to", an_address, nil, "destination: see Addresses", 'to = "+491761234567"' },
  { "from", an_address, nil, "source: see Addresses", 'from = "Shop"',
    default_text = "the MC's" },
  { "text", "string", nil, "in UTF-8; the encoding with the fewest parts is chosen, see docs/text.md", 'text = "Hello"' },
  { "data", "string", nil, "octets instead of a text", 'data = "\\1\\2"' },
  { "receipt", kind.either("boolean", kind.one_of("failure", "success", "intermediate")), nil,
    "request a receipt: true: of any final state; intermediate: also of states on the way", "receipt = true" },
  { "flash", "boolean", nil, "class 0: displayed at once, not stored", "flash = true" },
  { "long", LONG, nil, "how parts are marked; payload: one PDU, which the MC splits; refuse: more than one part is too_long",
    'long = "sar"', default_text = '"concat_8bit"' },
  { "concat_reference", kind.either("number", "function"), nil, "reference number of the parts", "concat_reference = 7", default_text = "a counter" },
  { "validity_s", kind.with_unit("s", kind.number), nil, "validity period", "validity_s = 3600" },
  { "at", "number", nil, "scheduled delivery, Unix time", "at = os.time() + 60" },
  { "priority", kind.either("number", "string"), nil, "priority_flag", "priority = 1" },
  { "reference", "number", nil, "user_message_reference", "reference = 4711" },
  { "lane", "number", nil, "what is queued in a higher lane is sent first: a one-time code overtakes the campaign", "lane = 1", default_text = "0" },
  { "no_wait", "boolean", nil, "when the queue is full, fail with queue_full instead of waiting", "no_wait = true" },
}, text.schema:pick("encoding", "allow", "language", "on_unmappable", "graphemes", "max_parts", "elements", "class"))

local OWN = composer.schema.by_name

local schemas = setmetatable({}, { __mode = "k" }) -- codec -> schema of messages with the names of its TLVs

--- The schema of messages of a codec: the parameters and TLVs of submit_sm are options, too.
---@param codec smpp.Codec
---@return smpp.Schema
function composer.schema_of(codec)
  local found = schemas[codec]
  if not found then
    found = composer.schema:with_names(function(name)
      local known, like = codec.field("submit_sm", name)
      return (known or name == "tlvs" or name == "padding" or name == "trailing") and kind.any or nil, like
    end)
    schemas[codec] = found
  end
  return found
end

--- Checks the options of a message, except the contents of text and addresses; nil: valid.
---@param message table
---@param messages smpp.Schema
---@return smpp.Mistake?
function composer.problem(message, messages)
  if not messages.fits(message) then return messages:problem(message) end
  if (message.text ~= nil) == (message.data ~= nil) and message.short_message == nil and message.message_payload == nil then
    return mistake.new "text or data: expected exactly one"
  end
end

-- Options that change how a text is sent; a client without them composes ordinary messages by `usual`.
local SHAPING = {
  "defaults", "encoding", "long", "allow", "language", "graphemes", "on_unmappable", "max_parts", "default_alphabet", "data_codings",
}

local RECEIPT = { [true] = 1, [false] = 0, failure = 2, intermediate = 0x11, success = 3 }

local readers = {} -- shared by clients whose options read addresses alike

local function readers_of(o)
  local key = tostring(o.short_code_ton) .. "/" .. tostring(o.short_code_npi)
  local found = readers[key]
  if not found then
    local short_codes = { short_code_ton = o.short_code_ton, short_code_npi = o.short_code_npi }
    found = { source = address.remembering(address.source, short_codes), destination = address.remembering(address.destination, short_codes) }
    readers[key] = found
  end
  return found
end

---@param o table  options of the client
---@param loop smpp.Loop
---@return smpp.Composer
function composer.new(o, loop)
  local shaped = false
  for _, name in ipairs(SHAPING) do shaped = shaped or o[name] ~= nil end
  local self = setmetatable({
    options = o,
    loop = loop,
    messages = composer.schema_of(o.codec or pdus.codec), -- options of a message
    readers = readers_of(o),    -- of addresses
  }, mt)
  if shaped then self.is_shaped = true end
  return self
end

--- References are counted per pair of addresses, so that a phone never mixes the parts of two texts.
function Composer:next_reference(from, to, limit)
  local key = from.ton .. ":" .. from.addr .. ">" .. to.ton .. ":" .. to.addr
  self.references = self.references or {}
  local reference = self.references[key]
  if not reference then
    if self.reference_count >= MAX_REFERENCES then self.references, self.reference_count = {}, 0 end
    self.reference_count = self.reference_count + 1
    reference = math.floor(self.loop:random() * (limit + 1))
  else
    reference = (reference + 1) % (limit + 1)
  end
  self.references[key] = reference
  return reference
end

--- Composes a message of only from, to, text and receipt: a fast path with the same result as `build`; nil: use `build`.
---@return table? first       submit_sm of the first part
---@return string[]? contents  short_message of each part, if there are several; all else is the same in all
---@return integer? reference  of the parts
function Composer:usual(message)
  if self.is_shaped then return nil end
  local octets, data_coding = usual_text(message)
  if not octets then return nil end
  local from, to, receipt = self.readers.source(message.from), self.readers.destination(message.to), message.receipt
  local registered = RECEIPT[receipt]
  if not (from and to) or receipt ~= nil and not registered then return nil end
  if type(octets) == "string" then
    local first = { -- no more than eight fields in most messages: what is 0 needs none
      source_addr = from.addr, source_addr_ton = from.ton, source_addr_npi = from.npi,
      destination_addr = to.addr, dest_addr_ton = to.ton, dest_addr_npi = to.npi, short_message = octets,
    }
    if data_coding ~= 0 then first.data_coding = data_coding end
    if registered and registered ~= 0 then first.registered_delivery = registered end
    return first
  end
  local reference, total = self:next_reference(from, to, 0xFF), #octets
  for i = 1, total do octets[i] = char(5, 0, 3, reference, total, i) .. octets[i] end
  return {
    source_addr = from.addr, source_addr_ton = from.ton, source_addr_npi = from.npi,
    destination_addr = to.addr, dest_addr_ton = to.ton, dest_addr_npi = to.npi,
    registered_delivery = registered, data_coding = data_coding, esm_class = UDHI, short_message = octets[1],
  }, octets, reference
end

local ends_of = pdus.codec.selector("source_addr", "source_addr_ton", "source_addr_npi", "destination_addr", "dest_addr_ton", "dest_addr_npi")

--- The submit_sm that answers a deliver_sm, with a text that one part holds.
---@param pdu smpp.Pdu
---@param words string
---@return table
function Composer:reply(pdu, words)
  local addr, ton, npi, own, own_ton, own_npi = ends_of(pdu)
  return (self:usual { from = { addr = own, ton = own_ton, npi = own_npi }, to = { addr = addr, ton = ton, npi = npi }, text = words })
end

local function choice(message, o, name)
  if message[name] ~= nil then return message[name] end
  return o[name]
end

--- The submit_sm of each part; nil, message, code if the text or an address is invalid.
function Composer:build(message)
  local o = self.options
  local from, wrong, code = address.source(message.from, o)
  if not from then return nil, "from: " .. wrong, code end
  local to
  if message.to == nil and message.destination_addr ~= nil then
    to = { addr = message.destination_addr, ton = 0, npi = 0 }
  else
    to, wrong, code = address.destination(message.to, o)
    if not to then return nil, "to: " .. wrong, code end
  end
  local base = schema.merge(o.defaults)
  for name, value in pairs(message) do
    if not OWN[name] then base[name] = value end
  end
  base.source_addr, base.destination_addr = from.addr, to.addr
  base.source_addr_ton = message.source_addr_ton or from.ton -- an explicit TON takes precedence over one derived from the address
  base.source_addr_npi = message.source_addr_npi or from.npi
  base.dest_addr_ton, base.dest_addr_npi = message.dest_addr_ton or to.ton, message.dest_addr_npi or to.npi
  if message.receipt ~= nil then base.registered_delivery = RECEIPT[message.receipt] end
  if message.validity_s then
    base.validity_period, wrong, code = timestamp.relative(message.validity_s)
    if not base.validity_period then return nil, "validity_s: " .. wrong, code end
  end
  if message.at then
    base.schedule_delivery_time, wrong, code = timestamp.absolute(message.at)
    if not base.schedule_delivery_time then return nil, "at: " .. wrong, code end
  end
  if message.priority then base.priority_flag = message.priority end
  if message.reference then base.user_message_reference = message.reference end
  if message.text == nil and message.data == nil then return { base } end

  local long = choice(message, o, "long") or "concat_8bit"
  local flash = message.flash
  local by_subunit = flash and o.flash_by == "subunit"
  local split = {
    encoding = message.data and "binary" or message.encoding or message.allow == nil and o.encoding or nil,
    allow = choice(message, o, "allow"),
    language = choice(message, o, "language"), graphemes = choice(message, o, "graphemes"),
    on_unmappable = choice(message, o, "on_unmappable"), max_parts = choice(message, o, "max_parts"),
    elements = message.elements, default_alphabet = o.default_alphabet, data_codings = o.data_codings,
    class = flash and not by_subunit and 0 or message.class,
    udh = long == "refuse" and "none" or long,
    reference = message.concat_reference or function()
      return self:next_reference(from, to, long == "concat_8bit" and 0xFF or 0xFFFF)
    end,
  }
  local parts, info, split_code = text.split(message.data or message.text, split, true)
  if not parts then return nil, info, split_code end
  if by_subunit then base.dest_addr_subunit = 1 end
  local submits = {}
  for i = 1, #parts do
    submits[i] = compose.part(schema.merge(base), parts, info, i, long)
  end
  return submits, info
end

return composer
