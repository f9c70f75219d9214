--- The body of POST /v1/messages: its fields, and the submit_sm that it becomes.
local address = require "smpp.codec.address"
local codecs = require "smpp.codec"
local composers = require "smpp.client.composer"
local core = require "smpp.core"
local fields = require "smpp.http.fields"
local http_json = require "smpp.http.json"
local schema = require "smpp.base.schema"
local text = require "smpp.text"

local message = {}

local PAST_S = 60         -- `at` may be so long ago: clocks differ
local DATA_MAX = 140      -- octets that fit into one message

local encodings = text.schema.by_name.encoding[2].values

-- ---- fields of its own kind ----

local TO_MAX = 40

local function is_number(value)
  if type(value) ~= "string" then return false end
  if #value >= 5 and #value <= 16 and value:find "^%+?[1-9]%d+$" then return true end -- the usual ones
  if #value > TO_MAX or not value:find "^[%d+ .-]+$" then return false end
  return value:find "%d" ~= nil and address.destination(value) ~= nil
end

local EXPECTED_TO = "a number of digits, with +, blanks, dashes or dots"

local to = {
  schema = { "oneOf", {
    { "type", "string" },
    { "type", "array", "items", { "type", "string" }, "minItems", 1 },
  } },
  read = function(value)
    if http_json.is_array(value) then
      if #value == 0 then return nil, "expected at least one number", "bad_value" end
      return value
    end
    if not is_number(value) then return fields.wrong(EXPECTED_TO, value) end
    return value
  end,
}

local SOURCE_MAX = 20
local source = fields.string(SOURCE_MAX, 1)
local known_source = address.remembering(address.source) -- there are few

local from = {
  schema = { "type", "string", "maxLength", 20 },
  read = function(value)
    if type(value) == "string" and #value > 0 and #value <= SOURCE_MAX and known_source(value) then return value end
    local read, detail, code = source.read(value)
    if not read then return nil, detail, code end
    local found, words = address.source(value)
    if not found then return nil, words, "bad_value" end
    return value
  end,
}

--- The octets or number of a TLV's value.
local function tlv_value(value)
  if type(value) ~= "table" then return value end
  local hex = not http_json.is_array(value) and value.hex
  if type(hex) ~= "string" or #hex % 2 ~= 0 or not hex:find "^%x*$" then return nil end
  for name in pairs(value) do
    if name ~= "hex" then return nil end
  end
  return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local PARAMETERS = { tlvs = true, padding = true, trailing = true }
for _, command in ipairs(core.protocol.commands()) do
  if command.name == "submit_sm" then
    for _, param in ipairs(command.params) do PARAMETERS[param.name or param] = true end
  end
end

local tlvs = {
  schema = { "type", "object", "additionalProperties", { "oneOf", {
    { "type", "string" }, { "type", "number" },
    { "type", "object", "properties", { "hex", { "type", "string" } }, "required", { "hex" } },
  } } },
  read = function(value)
    if type(value) ~= "table" or http_json.is_array(value) then return fields.wrong("an object", value) end
    local names, out = {}, { named = {}, list = {} }
    for name in pairs(value) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      local tag = name:match "^0[xX](%x%x?%x?%x?)$"
      local octets = tlv_value(value[name])
      if octets == nil then return nil, ('expected a string, a number or { "hex" } as value of %s'):format(name:sub(1, TO_MAX)), "bad_value", name end
      if tag then
        if type(octets) ~= "string" then return nil, "a TLV by its tag has octets: a string or { \"hex\" }", "bad_value", name end
        out.list[#out.list + 1] = { tonumber(tag, 16), octets }
      elseif PARAMETERS[name] or not codecs.codec.field("submit_sm", name) then
        return nil, "unknown TLV", "bad_value", name
      else
        out.named[name] = octets
      end
    end
    return out
  end,
}

--- The fields of a message, without its recipient.
local CONTENT = {
  { "from", from, "source address; left out: the account's" },
  { "text", fields.string(), "text; the encoding with the fewest parts is chosen" },
  { "data", fields.data, "octets instead of a text" },
  { "receipt", fields.one_of { true, false, "failure", "intermediate" }, "receipts that are wanted; true is the default" },
  { "reference", fields.string(100), "kept, and shown wherever the message is" },
  { "validity_s", fields.number(1, 63072000), "seconds after which it is not delivered any more" },
  { "at", fields.time, "when it is to be sent" },
  { "priority", fields.number(0, 3, true), "priority_flag" },
  { "flash", fields.boolean, "shown at once, and not kept" },
  { "encoding", fields.one_of(encodings), "this encoding only" },
  { "callback", fields.string(2000, 1), "a URL that is told of its receipts, instead of the account's webhooks" },
  { "tlvs", tlvs, 'TLVs by name or tag ("0x1400")' },
}

--- Fields of POST /v1/messages.
---@type smpp.HttpFieldRow[]
message.rows = { { "to", to, "the recipient, or a list of recipients", required = true } }
for i, row in ipairs(CONTENT) do message.rows[i + 1] = row end

--- Of a line of JSON lines.
message.line_rows = { { "idempotency_key", fields.string(255, 1), "as the header Idempotency-Key" } }
for i, row in ipairs(message.rows) do message.line_rows[i + 1] = row end

local function fault(faults, field, code, detail) faults[#faults + 1] = { field = field, code = code, detail = detail } end

--- Checks a body: its values; faults as of smpp.http.fields.
---@param rows smpp.HttpFieldRow[]
---@param body table
---@param now number
---@param rule table  of smpp.http.address, for the callback
---@return table values
---@return smpp.HttpFault[] faults
function message.check(rows, body, now, rule)
  local values, faults = fields.check(rows, body)
  local wrong = values.callback and rule.wrong(values.callback)
  if wrong then fault(faults, "callback", "url_not_allowed", wrong) end
  if body.text ~= nil and body.data ~= nil then
    fault(faults, "data", "bad_value", "expected text or data, got both")
  elseif body.text == nil and body.data == nil then
    fault(faults, "text", "missing", "expected text or data")
  end
  if values.data and #values.data > DATA_MAX then
    fault(faults, "data", "bad_value", ("expected at most %d octets, got %d"):format(DATA_MAX, #values.data))
  end
  if values.at and values.at < now - PAST_S then fault(faults, "at", "bad_value", "expected a time that is not past") end
  if values.at and values.validity_s and now + values.validity_s <= values.at then
    fault(faults, "validity_s", "bad_value", "the validity ends before the message is sent")
  end
  for i = 1, #faults do
    if faults[i].field == "tlvs" and type(body.tlvs) == "table" then
      local _, _, _, name = tlvs.read(body.tlvs)
      if name then faults[i].field = "tlvs/" .. name:sub(1, TO_MAX) end
    end
  end
  return values, faults
end

--- What is wrong with an entry of a list of recipients; nil: nothing.
---@param value any
---@return string?
function message.recipient_wrong(value)
  if is_number(value) then return nil end
  return (select(2, fields.wrong(EXPECTED_TO, value)))
end

local USUAL = { [0] = { encoding = "gsm7" }, [8] = { encoding = "ucs2" } } -- by data_coding, of the messages that need no more than their text

local FIELD_OF = { from = "from", to = "to", validity_s = "validity_s", at = "at" } -- what the composer's messages begin with

--- The PDUs of a message to one recipient.
---@param composer smpp.Composer
---@param values table  checked; `fixed`: the encoding of a short_message that stands in `tlvs.named`
---@param recipient string
---@param now number
---@return smpp.Pdu[]? pdus
---@return smpp.TextInfo|smpp.HttpFault info
function message.compose(composer, values, recipient, now)
  local given = {
    from = values.from, to = recipient, text = values.text, data = values.data, validity_s = values.validity_s, priority = values.priority,
    flash = values.flash, encoding = values.encoding,
    elements = values.elements, on_unmappable = values.on_unmappable, -- of Kannel's and Jasmin's interfaces
  }
  if values.fixed then given.text, given.data = nil, nil end -- `tlvs.named` has short_message
  if values.receipt == nil then given.receipt = true else given.receipt = values.receipt end
  if values.at and values.at > now then given.at = values.at end
  if values.tlvs then
    given = schema.merge(values.tlvs.named, given)
    given.tlvs = values.tlvs.list[1] and values.tlvs.list or nil
  end
  local submits, info, code
  local first, others = composer:usual(given)
  local usual = first and not others and USUAL[first.data_coding or 0]
  if usual then submits, info = { first }, usual else submits, info, code = composer:build(given) end
  if values.fixed then info = { encoding = values.fixed } end
  if not submits then
    local field = FIELD_OF[info:match "^(%l+[_%l]*): " or ""]
    if field then return nil, { field = field, code = "bad_value", detail = info } end
    if code == "unmappable" or code == "too_long" then return nil, { code = code, detail = info, field = "text" } end
    return nil, { code = "bad_value", detail = info, field = values.data and "data" or "text" }
  end
  local pdus = {}
  for i, one in ipairs(submits) do
    one.command = "submit_sm"
    local octets, words = codecs.encode(one)
    if not octets then return nil, { code = "bad_value", detail = words, field = values.tlvs and "tlvs" or nil } end
    pdus[i] = codecs.decode(octets)
  end
  return pdus, info
end

--- Makes the composer of all messages by HTTP.
---@param loop smpp.Loop
---@return smpp.Composer
function message.composer(loop) return composers.new({}, loop) end

return message
