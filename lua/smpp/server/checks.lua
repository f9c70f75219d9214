--- Checks of requests of an ESME: each returns the command_status of the first invalid field.  The only place for these rules.
local core = require "smpp.core"
local ids = require("smpp.codec.commands").ids
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"
local smpp_text = require "smpp.text"
local timestamp = require "smpp.codec.timestamp"
local udh = require "smpp.text.udh"

local checks = {}

local submit_is_plain = core.submit.is_plain

local known_npi = {}
for _, row in ipairs(core.protocol.values().npi) do known_npi[row.low] = true end

local TYPES = { [0] = true, [2] = true, [4] = true } -- esm_class, bits 5-2, that an ESME may send: default, delivery ack, user ack

-- TLVs whose first octet is an enumeration, and the status (5.0) for a value out of range.
local VALUES = {}
for name, row in pairs {
  source_addr_subunit = { "ESME_RINVSRCADDRSUBUNIT", "addr_subunit" },
  dest_addr_subunit = { "ESME_RINVDSTADDRSUBUNIT", "addr_subunit" },
  broadcast_area_identifier = { "ESME_RINVBCASTAREAFMT", "broadcast_area_format" },
  broadcast_content_type = { "ESME_RINVBCASTCNTTYPE", "broadcast_content_network" },
  broadcast_frequency_interval = { "ESME_RINVBCASTFREQINT", "broadcast_frequency_unit" },
  broadcast_message_class = { "ESME_RINVBCASTMSGCLASS", "broadcast_message_class" },
  broadcast_channel_indicator = { "ESME_RINVBCASTCHANIND", "broadcast_channel_indicator" },
} do
  VALUES[name] = { status = row[1] }
  for _, value in ipairs(core.protocol.values()[row[2]]) do VALUES[name][value.low] = true end
end

---@class smpp.Checks
---@field ton integer[]?          allowed dest_addr_ton; default 0 to 6
---@field data_coding integer[]?  allowed; default all
---@field decodable boolean?      the text must decode with its data_coding
---@field max_octets integer?     length of the text, default 65535
---@field max_units integer?      of a message without UDH, in its own coding: refuses messages longer than one SMS
---@field schedule boolean?       false: schedule_delivery_time is not supported
---@field service_types string[]? allowed; default all
---@field digits boolean?         destinations of TON 0 and 1 must be digits; default true
---@field tlv_lengths boolean?    TLVs must have the length that the standard defines; default true
---@field default_messages integer?  highest valid sm_default_msg_id, default 255
checks.schema = schema.new {
  { "ton", kind.list(kind.integer(0, 255), "numbers"), nil, "allowed values of dest_addr_ton", "ton = { 0, 1 }", default_text = "0 to 6" },
  { "data_coding", kind.list(kind.integer(0, 255), "numbers"), nil, "allowed values of data_coding", "data_coding = { 0, 8 }", default_text = "all" },
  { "decodable", "boolean", false, "the text must decode with its data_coding", "decodable = true" },
  { "max_octets", kind.integer(0, 65535), 65535, "maximum length of the text in octets", "max_octets = 140" },
  { "max_units", kind.window, nil, "maximum length of a message without UDH, in characters of its coding", "max_units = 160",
    default_text = "no limit" },
  { "schedule", "boolean", true, "false: schedule_delivery_time is not supported", "schedule = false" },
  { "service_types", kind.list("string", "strings"), nil, "allowed values of service_type", 'service_types = { "", "CMT" }', default_text = "all" },
  { "digits", "boolean", true, "destinations of TON 0 and 1 must be digits", "digits = false" },
  { "tlv_lengths", "boolean", true, "TLVs must have the length that the standard defines", "tlv_lengths = false" },
  { "default_messages", kind.integer(0, 255), 255, "highest valid sm_default_msg_id", "default_messages = 0" },
}

local function set_of(list)
  if not list then return nil end
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

--- The Unix time of a time field; nil: empty; false: malformed, or in the past.
---@param octets string
---@param now number  Unix time
---@return number|false|nil unix
function checks.moment(octets, now)
  if octets == "" then return nil end
  local time = timestamp.parse(octets)
  if not time then return false end
  return timestamp.to_unix(time, now)
end

local function check_address(o, pdu)
  local ton, npi, address = pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr
  if o.ton then
    if not o.ton[ton] then return "ESME_RINVDSTTON" end
  elseif ton > 6 then
    return "ESME_RINVDSTTON"
  end
  if not known_npi[npi] then return "ESME_RINVDSTNPI" end
  if address == "" then return "ESME_RINVDSTADR" end
  if ton <= 1 and npi <= 1 and o.digits and not address:find "^%+?%d+$" then return "ESME_RINVDSTADR" end
end

local function check_source(pdu)
  if pdu.source_addr_ton > 6 then return "ESME_RINVSRCTON" end
  if not known_npi[pdu.source_addr_npi] then return "ESME_RINVSRCNPI" end
end

local function check_flags(pdu, version)
  local esm_class, delivery = pdu.esm_class or 0, pdu.registered_delivery
  if not TYPES[math.floor(esm_class % 64 / 4)] then return "ESME_RINVESMCLASS" end
  if delivery >= 32 or (delivery % 4 == 3 and version < 0x50) then return "ESME_RINVREGDLVFLG" end
end

--- Checks the times of a request; if they are valid returns them as Unix time.
---@param pdu smpp.Pdu
---@param now number  Unix time
---@param o table?  of `new`
---@return string? status
---@return number? schedule
---@return number? expires
function checks.times(pdu, now, o)
  local schedule, expires = checks.moment(pdu.schedule_delivery_time or "", now), checks.moment(pdu.validity_period or "", now)
  if schedule == false or (schedule and (schedule < now - 1 or (o and o.schedule == false))) then return "ESME_RINVSCHED" end
  local left_s = pdu.qos_time_to_live
  if left_s then expires = now + left_s end -- 5.0, 4.8.4.46: qos_time_to_live supersedes validity_period
  if expires == false or (expires and (expires < now or (schedule and expires < schedule))) then return "ESME_RINVEXPIRY" end
  return nil, schedule, expires
end

local function has_header(esm_class) return math.floor(esm_class / 64) % 2 == 1 end

local function text_of(pdu)
  local short, payload = pdu.short_message, pdu.message_payload
  if payload and short and short ~= "" then return nil end
  return payload or short or ""
end

--- Tests whether octets can be decoded with their data_coding.
local function decodes(octets, data_coding, esm_class, peer)
  local _, info = smpp_text.read({ short_message = octets, data_coding = data_coding, esm_class = esm_class }, peer)
  return info.problems == nil and (info.header ~= nil or not has_header(esm_class))
end

local function check_text(o, pdu, peer)
  local octets, data_coding = text_of(pdu), pdu.data_coding
  if not octets or #octets > o.max_octets then return "ESME_RINVMSGLEN" end
  if o.data_coding and data_coding and not o.data_coding[data_coding] then return "ESME_RINVDCS" end
  if pdu.sm_default_msg_id and pdu.sm_default_msg_id > o.default_messages then return "ESME_RINVDFTMSGID" end
  local esm_class = pdu.esm_class or 0
  if o.decodable and data_coding and octets ~= "" and not decodes(octets, data_coding, esm_class, peer) then
    return has_header(esm_class) and not udh.decode(octets) and "ESME_RINVESMCLASS" or "ESME_RINVDCS"
  end
  if o.max_units and not has_header(esm_class) then
    local limit = data_coding == 8 and o.max_units * 2 or o.max_units
    if #octets > limit then return "ESME_RINVMSGLEN" end
  end
end

local function check_tlvs(o, pdu, version)
  if o.tlv_lengths then
    for _, problem in ipairs(pdu:problems()) do
      if problem.status == "ESME_RINVTLVLEN" then return problem.status end
    end
  end
  if version < 0x50 then return nil end
  for _, tlv in ipairs(pdu:tlvs()) do
    local known = VALUES[tlv.name]
    if known and not known[tlv.octets:byte()] then return known.status end
  end
end

local function check_common(o, pdu, version, now, peer)
  if o.service_types and not o.service_types[pdu.service_type] then return "ESME_RINVSERTYP" end
  if (pdu.priority_flag or 0) > (version >= 0x50 and 4 or 3) then return "ESME_RINVPRTFLG" end
  if (pdu.replace_if_present_flag or 0) > 1 then return "ESME_RINVREPFLAG" end
  return checks.times(pdu, now, o) or check_tlvs(o, pdu, version) or check_text(o, pdu, peer)
end

local function check_submit(o, pdu, version, now, peer)
  return check_source(pdu) or check_address(o, pdu) or check_flags(pdu, version) or check_common(o, pdu, version, now, peer)
end

local function check_multi(o, pdu, version, now, peer)
  local list, refused = pdu.dest_address, nil
  if #list == 0 then return "ESME_RINVNUMDESTS" end
  for i, entry in ipairs(list) do
    local status = not entry.dl_name and check_address(o, entry)
    if status then
      refused = refused or {}
      refused[i] = status
    end
  end
  return check_source(pdu) or check_flags(pdu, version) or check_common(o, pdu, version, now, peer), refused
end

local function check_replace(o, pdu, version, now, peer)
  if pdu.registered_delivery >= 32 then return "ESME_RINVREGDLVFLG" end
  return checks.times(pdu, now, o) or check_tlvs(o, pdu, version) or check_text(o, pdu, peer)
end

local function check_broadcast(o, pdu, version, now, peer)
  return check_source(pdu) or check_common(o, pdu, version, now, peer)
end

--- command_id -> check(o, pdu, version, now, peer) -> status or nothing, and of submit_multi: index of a destination -> status
local BY_COMMAND = {
  [ids.submit_sm] = check_submit, [ids.data_sm] = check_submit, [ids.submit_multi] = check_multi, [ids.replace_sm] = check_replace,
  [ids.broadcast_sm] = check_broadcast,
}

--- Creates the check of a server.
---@param given smpp.Checks
---@return fun(pdu: smpp.Pdu, version: integer, now: number, peer: smpp.TextPeer?): string?, table<integer, string>? check
---  status; of a submit_multi that is valid otherwise also the status of each invalid destination, by its index
---@return fun(pdu: smpp.Pdu, version: integer): boolean is_plain  true: an ordinary submit_sm that is valid, found in one call
function checks.new(given)
  local o = checks.schema:fill(given)
  o.ton, o.data_coding, o.service_types = set_of(o.ton), set_of(o.data_coding), set_of(o.service_types)
  o.is_special = o.ton or o.data_coding or o.service_types or o.decodable or o.max_units -- checks that apply to ordinary messages, too
  return function(pdu, version, now, peer)
    local check = BY_COMMAND[pdu.command_id]
    if not check then return nil end
    local status, refused = check(o, pdu, version, now, peer)
    if status == "ESME_RINVDCS" and version < 0x50 then status = "ESME_RSUBMITFAIL" end -- 3.4 has no such status
    return status, refused
  end, function(pdu, version)
    return not o.is_special and submit_is_plain(pdu, version, o.digits, o.default_messages, o.max_octets)
  end
end

--- Wraps the handlers of all checked commands.
---@param handlers table<integer, function>
---@param given smpp.Checks
---@param loop smpp.Loop
function checks.guard(handlers, given, loop)
  local check, is_plain = checks.new(given)
  for id in pairs(BY_COMMAND) do
    local handler = handlers[id]
    if handler then
      handlers[id] = function(session, pdu)
        if is_plain(pdu, session.version) then return handler(session, pdu) end
        local status, refused = check(pdu, session.version, loop:time(), session.peer_text)
        if status then return nil, status end
        return handler(session, pdu, refused)
      end
    end
  end
end

return checks
