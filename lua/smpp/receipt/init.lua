--- Delivery receipts, text and TLVs: parsed leniently, as message centres write them; written in the format of the standard (3.4, appendix B).
--- The guide is docs/receipts.md.
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local message_state = require "smpp.codec.message_state"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local smpp_text = require "smpp.text"

local decode, scan, known_state, write_text = core.text.decode, core.receipt.scan, core.receipt.state, core.receipt.write

local receipt = {}

local UDHI = 0x40
local KINDS = { "receipt", "delivery_ack", nil, "manual_ack", nil, nil, nil, "intermediate" } -- by message type / 4
local LATIN1 = 3
local MAX_ID_OCTETS = 64 -- of a message_id; a longer TLV is invalid
local NONE = {}

--- Options of `parse`, and of the option `receipts` of clients.
receipt.schema = schema.new {
  { "esm_class", "number", nil, "esm_class of a text given without its PDU", "esm_class = 4" },
  { "data_coding", "number", nil, "data_coding of a text given without its PDU", "data_coding = 8" },
  { "encoding", kind.one_of("octets", "gsm7", "latin1", "ucs2", "ucs2_le"), nil, "encoding of the text",
    'encoding = "latin1"', default_text = "by data_coding and looks" },
  { "zone_s", kind.with_unit("s", kind.number), 0, "the MC's local time, ahead of UTC: the text never says which it is", "zone_s = 7200" },
  { "first_year", "number", 2000, "two-digit years lie in the hundred from here on", "first_year = 1990" },
  { "states", "table", nil, "the peer's words in stat, in capitals, and the states they mean", 'states = { OK = "DELIVERED" }' },
  { "final", "table", nil, "states that are final with this peer, or are not", "final = { ACCEPTED = true }" },
  { "err_rule", "function", nil, "makes err_code of err", "err_rule = function(err) end", default_text = "receipt.err_number" },
  { "untyped", "boolean", false,
    "this peer's receipts have esm_class 0: take what begins with id: and has a stat:, or has both TLVs", "untyped = true" },
  { "default_alphabet", "string", nil, "the encoding behind data_coding 0, where the text does not look like UCS-2", 'default_alphabet = "latin1"',
    default_text = "the client's" },
  { "read", "function", nil, "parser for a format of the peer's own: (text, pdu) -> fields, or nil for the usual form", "read = function(text) end" },
}
local PARSE = receipt.schema

local checked = setmetatable({}, { __mode = "k" }) -- options of parse that are already validated

local function has_bit(n, bit) return math.floor(n / bit) % 2 == 1 end

--- The kind of PDU by its esm_class (3.4, 5.2.12): nil is an ordinary message.  Message mode, UDHI and reply path are ignored.
local function kind_of(esm_class) return KINDS[math.floor(esm_class % 0x40 / 4)] end

local octets_of = smpp_text.octets

local function starts_with_id(octets) return octets:find "^%s*%z?[Ii]%z?[Dd]%z?:" ~= nil end

local function has_form(octets) return starts_with_id(octets) and octets:lower():find "[%s%z]s%z?t%z?a%z?t%z?:" ~= nil end

--- The receipt converted so that its keys are ASCII, and the encoding of the original text in it.
local function readable(octets, data_coding, encoding, default_alphabet)
  if not encoding then
    local first, second = octets:byte(1, 2)
    if first and first ~= 0 and second ~= 0 and first < 254 then -- as nearly always
      if data_coding == LATIN1 then encoding = "latin1"
      elseif (data_coding or 0) == 0 and default_alphabet ~= "gsm7_packed" then encoding = default_alphabet end
    elseif octets:find "^%z[ -~]%z" or octets:find "^\254\255" then encoding = "ucs2"
    elseif octets:find "^[ -~]%z[ -~]%z" or octets:find "^\255\254" then encoding = "ucs2_le"
    elseif data_coding == LATIN1 then encoding = "latin1"
    elseif (data_coding or 0) == 0 and default_alphabet ~= "gsm7_packed" then encoding = default_alphabet end
  end
  if encoding == "gsm7" then return octets, encoding end
  if not encoding or encoding == "octets" then return octets end
  return (decode(octets, encoding))
end

--- The octets after a user data header; all of them without a header (some peers set UDHI without one).
local function behind_header(octets, esm_class)
  if not has_bit(esm_class or 0, UDHI) or starts_with_id(octets) then return octets end
  local header = octets:byte()
  return header and header < #octets and octets:sub(header + 2) or octets
end

--- The text of a receipt, and the encoding of the original text in it.
local function text_of(pdu, octets, o)
  return readable(behind_header(octets, pdu.esm_class), pdu.data_coding, o.encoding, o.default_alphabet)
end

--- Returns true if a PDU with the esm_class of an ordinary message looks like a receipt.  Some message centres put
--- receipted_message_id alone
--- on mobile originated messages, so that TLV is not enough.
local function looks_like_receipt(pdu, o)
  local octets = octets_of(pdu)
  if has_form(octets) or pdu.message_state and pdu.receipted_message_id then return true end
  return o.read ~= nil and o.read((text_of(pdu, octets, o)), pdu) ~= nil
end

--- Returns true if a deliver_sm or data_sm is a delivery receipt or an intermediate notification.
---@param pdu table  a received view, or a table with the same fields
---@param o? smpp.ReceiptOptions  untyped: also with esm_class 0, if its text or TLVs are those of a receipt
---@return boolean
---@return string? kind  "receipt", "intermediate", "delivery_ack", "manual_ack"; nil for an ordinary message
function receipt.is(pdu, o)
  local esm_class = pdu.esm_class or 0
  local kind = kind_of(esm_class)
  if not kind and o and o.untyped and esm_class % 0x40 < 4 and looks_like_receipt(pdu, o) then kind = "receipt" end
  return kind == "receipt" or kind == "intermediate", kind
end

--- A message_id of a TLV without NUL and trailing blanks; nil: none, or longer than an id can be.
local function id_of(octets)
  if not octets then return nil end
  local last = (octets:find("%z") or #octets + 1) - 1
  if last > MAX_ID_OCTETS then return nil end
  while last > 0 and octets:byte(last) == 32 do last = last - 1 end
  return octets:sub(1, last)
end

--- The number of a word of digits.
local function whole(word) return word and word:find "^%d+$" and #word <= 9 and tonumber(word, 10) or nil end

--- An err as a number: decimal when all digits, else hex.
---@param err string
---@return integer? number  nil: neither, or of more than 8 digits
---@return "dec"|"hex"|nil base
function receipt.err_number(err)
  if #err > 8 then return nil end
  if err:find "^%d+$" then return tonumber(err, 10), "dec" end
  if err:find "^%x+$" then return tonumber(err, 16), "hex" end
  return nil
end

--- GatewayAPI's err, both ways: it is the low 12 bits of their SMS error code 0x1NNN, in base 10 ("126" for 0x107E).
---@param value string|integer  an err, or an SMS error code
---@return integer|string|nil other  the code of an err, the err of a code; nil: not decimal, or out of range
---@return string? name  of an err's code, as their list has it: "0x107E"
function receipt.gatewayapi_err(value)
  if type(value) == "number" then
    if value % 1 ~= 0 or value < 0x1000 or value > 0x1FFF then return nil end
    return ("%03d"):format(value - 0x1000)
  end
  local low = whole(value)
  if not low or low > 0xFFF then return nil end
  return 0x1000 + low, ("0x%04X"):format(0x1000 + low)
end

--- The TLVs of a receipt that are present.
local function read_tlvs(pdu)
  local tlvs = {
    receipted_message_id = id_of(pdu.receipted_message_id), message_state = pdu.message_state,
    network_error_code = pdu.network_error_code, user_message_reference = pdu.user_message_reference,
  }
  local octets = tlvs.network_error_code
  if octets and #octets == 3 then
    local kind, high, low = octets:byte(1, 3)
    return tlvs, { type = kind, code = high * 256 + low }
  end
  return tlvs, nil
end

--- A state of the standard (5.0, 4.7.15).
---@param state string|integer  a name (DELIVERED), the word of a receipt (DELIVRD), or the number of message_state
---@return string? name  nil: not a state of the standard
---@return boolean? final
---@return integer? number
function receipt.known_state(state) return known_state(state) end

--- Name, final and number of a state, given as the number of message_state or as a word: the caller's mapping first,
--- then the standard's, then the peer's own word.  nil: unknown number.
local function state_of(value, o)
  if type(value) == "string" then
    value = value:upper()
    value = o.states and o.states[value] or value
  end
  local name, final, number = known_state(value)
  if not name and type(value) == "string" then name, final = value, false end
  if name and o.final and o.final[name] ~= nil then final = o.final[name] end
  return name, final, number
end

--- State, final, message_state.  The TLV takes precedence, unless it is 0 (not a state in 3.4) or less final than the text.
local function read_state(number, stat, o)
  local name, final, state_number
  if number then name, final, state_number = state_of(number, o) end
  if stat and stat ~= "" and (not name or not final) then
    local text_name, text_final, text_number = state_of(stat, o)
    if not name or text_final or number == 0 and text_number then return text_name, text_final, text_number end
  end
  if not name and number then return "UNKNOWN", false, number end
  return name, final, state_number
end

--- The state that a receipt reports, without reading the rest of it; nil: no receipt, or without a state.
---@param pdu smpp.Pdu
---@return string?
function receipt.state_of(pdu)
  local kind = kind_of(pdu.esm_class)
  if kind ~= "receipt" and kind ~= "intermediate" then return nil end
  local number, stat = pdu.message_state, nil
  if not number then stat = scan(text_of(pdu, octets_of(pdu), NONE)).stat end
  return (read_state(number, stat, NONE))
end

---@class smpp.Receipt
---@field kind "receipt"|"intermediate"|"delivery_ack"|"manual_ack"
---@field id string?           message_id in the spelling of this receipt; nil only in acknowledgements
---@field state string?        DELIVERED, EXPIRED, …; an unknown word unchanged, in capitals; nil in acknowledgements
---@field final boolean?       no other state will follow
---@field message_state integer?  the state's number
---@field stat string?         the word after stat: in the text
---@field err string           "" when there is none; from network_error_code, three decimal digits
---@field err_code integer?    err as a number, by `err_rule`
---@field network_error { type: integer, code: integer }?
---@field submitted integer?   Unix time
---@field done integer?
---@field sub integer?
---@field dlvrd integer?
---@field text string?         first characters of the original text: UTF-8 if the encoding is known, else unchanged octets
---@field raw string           the octets of the PDU
---@field source_addr string?  of the PDU: the address the original message went to
---@field destination_addr string?
---@field fields table<string, string>  fields of the text by key: id, sub, dlvrd, submit_date, done_date, stat, err, text, and
---  keys of the peer's own in lower case (mcc, mnc, price)
---@field tlvs table<string, string|integer>  fields from TLVs: receipted_message_id, message_state, network_error_code, user_message_reference

---@class smpp.ReceiptOptions
---@field zone_s number?       the MC's local time, seconds ahead of UTC (default 0)
---@field first_year integer?  of the hundred that two-digit years mean (default 2000)
---@field encoding "octets"|"gsm7"|"latin1"|"ucs2"|"ucs2_le"|nil  of the receipt; default: Latin-1 if data_coding is 3, UCS-2 if it
---  looks like that, else octets (most message centres mean ASCII)
---@field default_alphabet string?  of the peer: encoding of data_coding 0 (default: octets, as above)
---@field states table<string, string>?   the peer's own words in capitals -> names of message_state: { DND_REJECTED = "REJECTED" }
---@field final table<string, boolean>?   states that are (not) final with this peer: { ACCEPTED = true, UNKNOWN = true }
---@field err_rule (fun(err: string): integer?)?  default `receipt.err_number`
---@field untyped boolean?     also accept a receipt with esm_class 0, recognised by its text, or by the TLVs
---  receipted_message_id and message_state
---@field read (fun(text: string, pdu: table): table?)?  for a peer's own format: returns fields as `smpp.Receipt.fields` has
---  them (`id`, `stat` …; `submitted` and `done` may be Unix times), nil: not in this format, parse it as usual
---@field esm_class integer?   of a text given without its PDU
---@field data_coding integer?

--- The fields of the text by key, and its dates as Unix times.
local function read_fields(text, pdu, o)
  local own = o.read and o.read(text, pdu)
  if not own then return scan(text, o.zone_s, o.first_year) end
  local fields = {}
  for key, value in pairs(own) do
    if type(value) == "string" then fields[key] = value end
  end
  local dates = ("submit date:%s done date:%s"):format(fields.submit_date or "", fields.done_date or "")
  local _, submitted, done = scan(dates, o.zone_s, o.first_year)
  return fields, tonumber(own.submitted) or submitted, tonumber(own.done) or done
end

--- Reads a receipt.  TLVs take precedence over the text, except that a final state of the text overrides a TLV state that is not
--- final; `fields` and
--- `tlvs` keep both.
---@param pdu table|string  deliver_sm or data_sm (a view, or a table with its fields), or the octets of a receipt's text
---@param o? smpp.ReceiptOptions
---@return smpp.Receipt? receipt
---@return string? err
---@return string? code  "missing" (no id or no state), "bad_value" (by its esm_class an ordinary message)
function receipt.parse(pdu, o)
  if o == nil then o = NONE
  elseif not checked[o] then checked[PARSE:check(o)] = true end
  if type(pdu) == "string" then
    pdu = { short_message = pdu, esm_class = o.esm_class, data_coding = o.data_coding }
  elseif type(pdu) ~= "table" and type(pdu) ~= "userdata" then
    error("pdu: expected a PDU or the text of a receipt, got " .. type(pdu), 2)
  end
  local esm_class, raw = pdu.esm_class, octets_of(pdu)
  local kind = "receipt"
  if esm_class then
    local _
    _, kind = receipt.is(pdu, o)
    if not kind then return nil, "not a delivery receipt: esm_class of an ordinary message", "bad_value" end
  end
  local tlvs, network_error = read_tlvs(pdu)
  local text, inner = text_of(pdu, raw, o)
  local id, source_addr, destination_addr = tlvs.receipted_message_id, pdu.source_addr, pdu.destination_addr
  if kind == "delivery_ack" or kind == "manual_ack" then
    return {
      kind = kind, id = id, text = text, raw = raw, err = "", tlvs = tlvs, fields = {}, network_error = network_error,
      source_addr = source_addr, destination_addr = destination_addr,
    }
  end
  local fields, submitted, done = read_fields(text, pdu, o)
  local stat, words, err = fields.stat, fields.text, network_error and ("%03d"):format(network_error.code) or fields.err or ""
  if not id or id == "" then id = fields.id end
  if not id or id == "" then return nil, "missing message id: neither in the text nor in receipted_message_id", "missing" end
  local state, final, message_state = read_state(tlvs.message_state, stat, o)
  if not state then return nil, "missing state: neither in the text nor in message_state", "missing" end
  if kind == "intermediate" then final = false end
  return {
    kind = kind, id = id, state = state, final = final, message_state = message_state, stat = stat, err = err,
    err_code = (o.err_rule or receipt.err_number)(err), network_error = network_error, submitted = submitted, done = done,
    sub = whole(fields.sub), dlvrd = whole(fields.dlvrd), text = inner and words and decode(words, inner) or words, raw = raw,
    source_addr = source_addr, destination_addr = destination_addr, fields = fields, tlvs = tlvs,
    from = nil, to = nil, pdu = nil, esme = nil, sent = nil, part = nil, -- a client's, later
  }
end

--- Returns true if registered_delivery requests a receipt for this final state.
---@param registered_delivery integer  of the message
---@param state string  name of message_state
---@return boolean
function receipt.wanted(registered_delivery, state)
  local which = registered_delivery % 4
  return which == 1 or (which == 2 and state ~= "DELIVERED") or (which == 3 and state == "DELIVERED")
end

--- The first characters of a text of UTF-8, or of octets that are not UTF-8.
local function first_characters(text, count)
  if #text <= count then return text end
  local position = 1
  for _ = 1, count do
    local _, last = text:find("^[%z\1-\127\194-\244][\128-\191]*", position)
    if not last then return position > #text and text or text:sub(1, count) end
    position = last + 1
  end
  return text:sub(1, position - 1)
end

--- Options of `format`.
receipt.format_schema = schema.new {
  { "id", "string", nil, "as in the submit_sm_resp", 'id = "7f3a"' },
  { "state", "string", nil, "name of message_state, or a word of your own together with stat", 'state = "DELIVERED"' },
  { "stat", "string", nil, "the word in the text", 'stat = "DELIVRD"', default_text = "the standard's for the state" },
  { "err", kind.either("string", "number"), 0, "err of the text", "err = 8" },
  { "submitted", "number", nil, "Unix time", "submitted = 1795262400", default_text = "zeros" },
  { "done", "number", nil, "Unix time", "done = 1795262460", default_text = "zeros" },
  { "zone_s", kind.with_unit("s", kind.number), 0, "time zone to write them in, ahead of UTC", "zone_s = 7200" },
  { "sub", "number", 1, "sub of the text", "sub = 1" },
  { "dlvrd", "number", nil, "dlvrd of the text", "dlvrd = 0", default_text = "1 when delivered, else 0" },
  { "text", "string", nil, "text of the message in UTF-8, of which 20 characters are taken", 'text = "Hello World"' },
  { "default_alphabet", "string", "gsm7", "encoding of the text; characters that it lacks become ?", 'default_alphabet = "latin1"' },
  { "submit", kind.either("table", "userdata"), nil, "the submit_sm, whose addresses are swapped", "submit = {}" },
  { "version", "number", 0x34, "of the peer: below 0x34 there are no TLVs", "version = 0x33", default_text = "0x34" },
  { "intermediate", "boolean", false, "an intermediate notification", "intermediate = true" },
  { "network_error", "table", nil, "of the TLV network_error_code", "network_error = { type = 3, code = 27 }" },
}
local FORMAT = receipt.format_schema

---@class smpp.ReceiptFields
---@field id string           as in the submit_sm_resp
---@field state string        name of message_state, or an own word together with `stat`
---@field stat string?        the word of the text; default: the standard's for the state
---@field err string|integer|nil  default 0
---@field submitted number?   Unix time; absent: zeros
---@field done number?
---@field zone_s number?      to write them in, seconds ahead of UTC
---@field sub integer?        default 1
---@field dlvrd integer?      default 1 when delivered, else 0
---@field text string?        of the original message, UTF-8: 20 characters are taken, characters that the alphabet lacks as "?"
---@field default_alphabet string?  of the peer: encoding of the text (default gsm7)
---@field submit table?       the original submit_sm (view or table), whose addresses are swapped; without it no PDU is made
---@field version integer?    of the peer: TLVs from 0x34 on (default)
---@field intermediate boolean?  an intermediate notification
---@field network_error { type: integer, code: integer }?  for the TLV network_error_code

-- Those of message_state, in the order of their values.
local STATES = table.concat(message_state.names, ", ")

--- The part of the message text that the receipt contains, in the peer's alphabet.
local function excerpt_of(o)
  local original = first_characters(o.text or "", 20)
  local alphabet = o.default_alphabet
  if not alphabet or alphabet == "gsm7_packed" then alphabet = "gsm7" end -- the rest of the text is ASCII, which is never packed
  return smpp_text.encode(original, { encoding = alphabet, on_unmappable = "?" }) or original
end

-- Error messages for invalid values, by field.
local WRONG = {
  id = function(o) return "invalid message id " .. mistake.show(o.id) .. ": expected 1 to 64 characters, no white space" end,
  stat = function(_, stat) return ("invalid stat %s: expected a word"):format(mistake.show(stat)) end,
  submit_date = function() return "date out of range for YYMMDDhhmm" end,
  err = function(o) return ("invalid err %s: expected no white space"):format(mistake.show(o.err)) end,
  text = function() return "receipt too long: at most 254 octets in short_message" end,
}
WRONG.done_date = WRONG.submit_date

local FAR_S = 1e12 -- no year of four digits

--- Local time of a peer, whole seconds.
local function second(unix, zone_s) return unix and math.floor(math.max(-FAR_S, math.min(FAR_S, unix + (zone_s or 0)))) end

--- The text; and the number of its state, nil for the caller's own word.
local function write(o)
  if not (o.id and o.state) then error("id and state are required", 3) end
  local _, _, number, stat = known_state(o.state)
  stat = o.stat or stat
  if not stat then
    return nil, ("state: expected one of %s, or a stat beside it, got %s"):format(STATES, mistake.show(o.state)), "bad_value"
  end
  local err = o.err
  if type(err) ~= "string" then err = err and err ~= 0 and ("%03d"):format(err) or "000" end
  local text, wrong = write_text(o.id, o.sub and ("%03d"):format(o.sub) or "001",
    o.dlvrd and ("%03d"):format(o.dlvrd) or number == 2 and "001" or "000",
    second(o.submitted, o.zone_s), second(o.done, o.zone_s), stat, err, o.excerpt or excerpt_of(o))
  if not text then return nil, WRONG[wrong](o, stat), "bad_value" end
  return text, number
end

--- The deliver_sm with the text for the sender of `submit`: its addresses, swapped.
local function carry(text, number, submit, o, pdu)
  pdu.command, pdu.esm_class, pdu.data_coding, pdu.registered_delivery = "deliver_sm", o.intermediate and 0x20 or 0x04, 0, 0
  pdu.short_message = text
  pdu.source_addr_ton, pdu.source_addr_npi, pdu.source_addr = submit.dest_addr_ton, submit.dest_addr_npi, submit.destination_addr
  pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr = submit.source_addr_ton, submit.source_addr_npi, submit.source_addr
  pdu.receipted_message_id, pdu.message_state, pdu.user_message_reference, pdu.network_error_code = nil, nil, nil, nil
  if (o.version or 0x34) >= 0x34 then
    pdu.receipted_message_id, pdu.message_state = o.id, number
    pdu.user_message_reference = submit.user_message_reference
    local network = o.network_error
    if network then
      pdu.network_error_code = string.char(network.type, math.floor(network.code / 256) % 256, network.code % 256)
    end
  end
  return pdu
end

--- As `format`, for programs whose own table `o` is: nothing in it is checked.  It may have `excerpt`, octets in the default
--- alphabet, instead of `text`.
---@param o table
---@param pdu? table  to be used for the deliver_sm
---@return string? text
---@return table|string|nil deliver_sm
---@return string? code
function receipt.write(o, pdu)
  local text, number, code = write(o)
  if not text then return nil, number, code end
  return text, o.submit and carry(text, number, o.submit, o, pdu or {})
end

--- Writes a receipt in the standard's format, and the deliver_sm that carries it.
---@param o smpp.ReceiptFields
---@return string? text  octets of short_message
---@return table|string|nil deliver_sm  to be sent, nil without `submit`; or the error for people
---@return string? code  "bad_value": an id with white space or over 64 octets, an unknown state without `stat`, an err
---  with white space, a year that two digits cannot name, more than 254 octets in all
function receipt.format(o)
  return receipt.write(FORMAT:check(o))
end

---@class smpp.ReceiptDelivery : smpp.ReceiptFields  instead of `submit` it may name the original message's addresses
---@field source { addr: string, ton?: integer, npi?: integer }|nil  of the original message: the receipt goes there
---@field destination { addr: string, ton?: integer, npi?: integer }|nil
---@field user_message_reference integer?  of the original message

--- Options of `deliver_sm`.
receipt.deliver_schema = schema.new(FORMAT, {
  { "source", "table", nil, "source of the original message, instead of submit", 'source = { addr = "TestApp", ton = 5, npi = 0 }' },
  { "destination", "table", nil, "destination of the original message", 'destination = { addr = "491761234567", ton = 1, npi = 1 }' },
  { "user_message_reference", "number", nil, "of the original message", "user_message_reference = 7" },
})
local DELIVER = receipt.deliver_schema

local function addresses(o)
  local from, to = o.source, o.destination
  if not (from and to) then error("submit, or source and destination, are required", 3) end
  return {
    source_addr = from.addr, source_addr_ton = from.ton, source_addr_npi = from.npi,
    destination_addr = to.addr, dest_addr_ton = to.ton, dest_addr_npi = to.npi,
    user_message_reference = o.user_message_reference,
  }
end

--- Makes the deliver_sm of a receipt, to be handed to `session:deliver_sm`.
---@param o smpp.ReceiptDelivery
---@return table? deliver_sm
---@return string? err
---@return string? code  as `format`
function receipt.deliver_sm(o)
  o = DELIVER:check(o)
  local submit = o.submit or addresses(o)
  local text, number, code = write(o)
  if not text then return nil, number, code end
  return carry(text, number, submit, o, {})
end

return receipt
