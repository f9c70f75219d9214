--- Profiles of peers: a profile is a named table of options that are defaults for those that a client or an account
--- is given.  docs/profiles.md describes each option.
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local message_id = require "smpp.receipt.message_id"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local receipt = require "smpp.receipt"
local schema = require "smpp.base.schema"
local text = require "smpp.text"
local trackers = require "smpp.receipt.tracker"
local version = require "smpp.codec.version"

local D = core.defaults -- the session's, in C

local profile = {}

local number = kind.either("number", "string") -- a value of an enumeration, or its name

--- Protocol violations of a peer that are tolerated.
profile.tolerate = schema.new {
  { "overlong", "boolean", nil, "strings longer than the standard allows", "overlong = true", default_text = "true of an MC, else false" },
  { "unterminated", "boolean", false, "strings without their NUL", "unterminated = true" },
  { "stray_octets", "boolean", false,
    "trailing octets after the last parameter that are not TLVs, or a TLV longer than the PDU; refused where TLVs would be lost",
    "stray_octets = true" },
  { "long_password", "boolean", true, "passwords of more than 8 octets", "long_password = false" },
}

local ops = kind.list(kind.integer(0, 255), "values of ussd_service_op")

--- How a message centre speaks USSD.
profile.ussd = schema.new {
  { "begin", ops, { 1 }, "ussd_service_op of a session's begin", "begin = { 0, 1 }", implied = true },
  { "answer", ops, { 18 }, "of an answer", "answer = { 18, 16 }", implied = true },
  { "ask", kind.integer(0, 255), 2, "of a question", "ask = 2", implied = true },
  { "release", kind.integer(0, 255), 17, "of a text that ends the session", "release = 3", implied = true },
  { "abort", ops, {}, "of an end by the network or the subscriber", "abort = { 32 }", implied = true },
  { "session", kind.one_of("its_session_info", "its_session_info_15", "user_message_reference"), "its_session_info",
    "where the session is named: octet 1 of its_session_info, its first 15 bits, or user_message_reference",
    'session = "user_message_reference"', implied = true },
  { "sequence", kind.one_of("echo", "count"), "echo", "octet 2 of its_session_info: as it came, or one more with each message",
    'sequence = "count"', implied = true },
}

--- Delays before a lost bind is re-established.
profile.reconnect = schema.new {
  { "min_s", kind.seconds, 1, "the first delay; each further one is twice as long", "min_s = 5" },
  { "max_s", kind.seconds, 60, "the longest delay", "max_s = 300" },
  { "stable_s", kind.seconds, 60, "after a bind that lasted this long the delay starts at min_s again", "stable_s = 10" },
  { "fixed_s", kind.seconds, nil, "the same delay every time", "fixed_s = 30" },
  { "jitter", kind.real(0, 1), 0.5, "the random part of a delay", "jitter = 0" },
}

--- Options of a profile; each is also an option of smpp.connect.
profile.habits = schema.new(text.peer_schema, text.schema:pick("allow", "language", "max_parts", "on_unmappable"), {
  { "long", kind.one_of("concat_8bit", "concat_16bit", "sar", "payload", "refuse"), "concat_8bit",
    "how parts are marked; payload: one PDU, which the MC splits; refuse: more than one part is too_long",
    'long = "sar"', implied = true },
  { "flash_by", kind.one_of("class", "subunit"), "class", "flash is message class 0 of data_coding, or dest_addr_subunit = 1",
    'flash_by = "subunit"', implied = true },
  { "short_code_ton", number, 3, "TON of destinations and sources of 3 to 8 digits", "short_code_ton = 0", implied = true },
  { "short_code_npi", number, 0, "NPI of destinations and sources of 3 to 8 digits", "short_code_npi = 1", implied = true },
  { "id_base", message_id.kind, "auto",
    "how ids in receipts are written, where responses have the other base; as-is: alike; auto: as is observed", 'id_base = "hex"', implied = true },
  { "receipts", receipt.schema, nil, "how the peer writes receipts, see docs/receipts.md", "receipts = { zone_s = 7200 }" },
  { "receipt_ttl_s", kind.seconds, trackers.schema.defaults.ttl_s, "how long to wait for a receipt", "receipt_ttl_s = 86400", implied = true },
  { "tolerate", profile.tolerate, nil, "protocol violations of the peer that are tolerated", "tolerate = { stray_octets = true }" },
  { "tlvs", pdus.tlvs_kind, nil, "vendor TLVs, as for smpp.declare_tlv: names to send and to read them by",
    'tlvs = { { tag = 0x1400, name = "campaign", type = "cstring" } }' },
  { "commands", pdus.commands_kind, nil,
    "vendor commands, as for smpp.declare_command: see docs/codec.md", 'commands = { { name = "probe_sm", id = 0x00010201 } }' },
  { "version", version.kind, "3.4", "SMPP version to use; the MC's sc_interface_version may lower it", 'version = "5.0"' },
  { "require_sc_version", "boolean", false, "treat an MC that sends no sc_interface_version as 3.3", "require_sc_version = true" },
  { "system_type", kind.text(12), nil, "system_type of the bind", 'system_type = "VMA"' },
  { "window", kind.window, D.window, "maximum of requests without a response", "window = 50" },
  { "enquire_link_s", kind.seconds, D.enquire_link_s, "idle time before an enquire_link; 0: never", "enquire_link_s = 10" },
  { "enquire_link_response_s", kind.seconds, D.enquire_link_response_s, "for the response to an enquire_link; then the session ends",
    "enquire_link_response_s = 5" },
  { "response_timeout_s", kind.seconds, D.response_timeout_s, "for the response to a request", "response_timeout_s = 10" },
  { "bind_timeout_s", kind.seconds, D.bind_timeout_s, "for the response to the bind", "bind_timeout_s = 5" },
  { "answer_timeout_s", kind.seconds, 10, "for the answer of a handler", "answer_timeout_s = 30" },
  { "inactivity_s", kind.seconds, D.inactivity_s, "without a transaction: unbind; 0: never", "inactivity_s = 300" },
  { "pdu_read_s", kind.seconds, D.pdu_read_s, "from the first octet of a PDU to its last", "pdu_read_s = 5" },
  { "reconnect", kind.either("boolean", profile.reconnect), nil, "delays before a lost bind is re-established; false: the client closes instead",
    "reconnect = { fixed_s = 30 }", default_text = "{ min_s = 1, max_s = 60 }" },
  { "ussd", profile.ussd, nil, "how the MC speaks USSD, for smpp.bot", "ussd = { release = 3 }" },
  { "defaults", kind.map("string", kind.any, "a table of fields by name"), nil,
    "fields that every submission has", 'defaults = { service_type = "CMT" }' },
})

--- A profile: options of a peer, and the profile that it extends.
profile.schema = schema.new(profile.habits, {
  { "base", "string", nil, "the profile that this one extends", 'base = "gatewayapi"' },
  { "name", "string", nil, "for people", 'name = "my carrier"' },
})

--- The profiles that ship.
---@type table<string, table>
profile.shipped = {
  default = {},
  -- Strict: no violation is tolerated, an MC that sends no sc_interface_version is treated as 3.3 (3.4, 4.1.4).
  strict = {
    tolerate = { overlong = false, unterminated = false, stray_octets = false, long_password = false },
    require_sc_version = true, id_base = "as-is",
  },
  -- The service gatewayapi.com, from its documentation.
  gatewayapi = {
    allow = { "gsm7", "latin1", "ucs2" }, long = "payload", flash_by = "subunit",
    short_code_ton = 0, short_code_npi = 1, -- only TON 0 and 1 are accepted for destinations
    enquire_link_s = 30, reconnect = { fixed_s = 30 }, id_base = "as-is",
    receipts = { encoding = "latin1", err_rule = receipt.gatewayapi_err },
    tlvs = { { tag = 0x2900, name = "message_class", type = "octets" } },
  },
}

-- Programs on node-smpp, whose "ASCII" (data_coding 1, its default) is GSM 03.38.
profile.shipped["node-smpp"] = { data_codings = { [1] = "gsm7" } }

--- Names of the profiles that ship, in order.
---@return string[]
function profile.names()
  local names = {}
  for name in pairs(profile.shipped) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function copy(o)
  local out = {}
  for name, value in pairs(o) do out[name] = value end
  return out
end

--- The options of a profile: of one that ships, by its name, or of a table, which may name one as its `base`.
---@param value string|table|nil
---@return table? options
---@return smpp.Mistake?
function profile.read(value)
  if value == nil then return {} end
  if type(value) == "string" then
    local found = profile.shipped[value]
    if found then return copy(found) end
    local like = mistake.similar(value, profile.shipped)
    return nil, mistake.new(("unknown profile '%s'%s; there are %s"):format(value, like and (", did you mean '%s'?"):format(like) or "",
      table.concat(profile.names(), ", ")))
  end
  local wrong = profile.schema:problem(value)
  if wrong then return nil, wrong end
  local base
  base, wrong = profile.read(value.base)
  if not base then return nil, mistake.inside(wrong, "base") end
  for name, habit in pairs(value) do base[name] = habit end
  base.base, base.name = nil, nil
  return base
end

--- A profile as the value of an option: the name of one that ships, or a table.
profile.kind = kind.checked("the name of a profile or a table", function(value)
  if type(value) ~= "string" and type(value) ~= "table" then return mistake.wrong("the name of a profile or a table", value) end
  return (select(2, profile.read(value)))
end, function(word) return word end)

--- The same; raises on an invalid profile.
---@param value string|table|nil
---@param level? integer  as of `error`
---@return table options
function profile.options(value, level)
  local found, wrong = profile.read(value)
  if not found then mistake.raise(wrong, (level or 1) + 1) end
  return found
end

return profile
