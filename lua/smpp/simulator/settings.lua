--- What a simulator can be told: one row per key.  The check, `smpp sim --help`, docs/simulator.md and the table of
--- SMPPSim's keys come from these rows.
local behaviours = require "smpp.simulator.behaviours"
local faults = require "smpp.simulator.faults"
local latency = require "smpp.simulator.latency"
local options = require "smpp.base.options"
local outcome = require "smpp.simulator.outcome"

local settings = {}

local percent, whole = options.number(0, 100), options.number(1, 1e9, true)

--- A check for a list.
local function list_of(what, wrong_item)
  return function(value)
    if type(value) ~= "table" then return ("a list of %s expected"):format(what) end
    for i, item in ipairs(value) do
      local wrong = wrong_item(item)
      if wrong then return ("item %d: %s"):format(i, wrong) end
    end
  end
end

--- A check for a table whose keys are of a kind, too.
local function map_of(wrong_key, wrong_value)
  return function(value)
    if type(value) ~= "table" then return "a table expected" end
    local message
    for name, item in pairs(value) do
      local wrong = wrong_key(name) or wrong_value(item)
      wrong = wrong and ("%s: %s"):format(tostring(name), wrong)
      if wrong and (not message or wrong < message) then message = wrong end -- of several always the same
    end
    return message
  end
end

--- A check for a table of options, some of which must be there.
local function table_of(known, ...)
  local needed = { ... }
  return function(value)
    local wrong = options.wrong(value, known)
    for _, name in ipairs(needed) do
      wrong = wrong or value[name] == nil and name .. " is missing" or nil
    end
    return wrong
  end
end

local function is_string(value) return type(value) ~= "string" and "a string expected" or nil end

local function is_table(value) return type(value) ~= "table" and "a table expected" or nil end

local function wrong_number(value)
  if type(value) ~= "string" or value:sub(1, 1) == "^" then return outcome.wrong_pattern(value) end
end

local function wrong_tlv(value)
  if type(value) ~= "table" or type(value[1]) ~= "number" or type(value[2]) ~= "string" then return "{ tag, octets } expected" end
end

local function wrong_message(value) return type(value) ~= "string" and type(value) ~= "table" and "a text or a table expected" or nil end

local FAULTS = { delay_s = latency.wrong }
for _, name in ipairs(faults.names) do FAULTS[name] = percent end
local MO = {
  file = "string", messages = list_of("messages", wrong_message), per_minute = options.number(0, 1e9), random = "boolean",
  system_id = "string", source = "string", destination = "string",
}
local THROTTLE = {
  rate_per_s = options.number(1e-6, 1e9), burst = whole, status = outcome.wrong_status, on_s = options.seconds, off_s = options.seconds,
}
local OUTBIND = {
  host = "string", port = options.number(1, 65535, true), system_id = "string", password = "string", account = "string",
  when = options.one_of("start", "waiting"), every_s = options.seconds,
}

---@class smpp.SettingRow
---@field [1] string  name
---@field [2] string|function  type or check, as in smpp.options
---@field [3] any  default
---@field [4] string  what it is
---@field [5] string?  an example
---@field smppsim string?  keys of SMPPSim it stands for

---@type smpp.SettingRow[]
settings.rows = {
  -- the fate of messages
  { "deliver_after_s", latency.wrong, 1, "from the submit to the final state", "deliver_after_s = { uniform = { 0.5, 3 } }",
    smppsim = "MESSAGE_STATE_CHECK_FREQUENCY, MAX_TIME_ENROUTE, PERCENTAGE_THAT_TRANSITION" },
  { "receipt_after_s", latency.wrong, 0, "from the final state to its receipt", "receipt_after_s = 2", smppsim = "DELAY_DELIVERY_RECEIPTS_BY" },
  { "outcomes", outcome.wrong_weights, { DELIVERED = 100 }, "weights of the final states; ENROUTE: none is ever reached",
    "outcomes = { DELIVERED = 90, UNDELIVERABLE = 8, REJECTED = 2 }",
    smppsim = "PERCENTAGE_DELIVERED, PERCENTAGE_UNDELIVERABLE, PERCENTAGE_ACCEPTED, PERCENTAGE_REJECTED" },
  { "rules", outcome.wrong_rules, {}, "what fits (Lua patterns) decides; also functions (message) -> rule",
    'rules = { { destination = "^4999", state = "EXPIRED", after_s = 5, error = 13 }, { text = "STOP", status = "ESME_RINVDSTADR" } }',
    smppsim = "LIFE_CYCLE_MANAGER" },
  { "by_digit", "boolean", false, "the destination's first digit decides: 1 EXPIRED, 2 DELETED, 3 UNDELIVERABLE, 4 ACCEPTED, 5 REJECTED",
    "by_digit = true", smppsim = "LIFE_CYCLE_MANAGER=DeterministicLifeCycleManager" },
  { "undeliverable", list_of("strings", wrong_number), {}, "numbers, and patterns that begin with ^, that are never reached",
    'undeliverable = { "491700000000", "^4998" }', smppsim = "UNDELIVERABLE_PHONE_NUMBERS" },
  { "error_codes", map_of(outcome.wrong_state, options.number(0, 0xFFFF, true)), {}, "the err of receipts, by state",
    "error_codes = { UNDELIVERABLE = 27 }" },
  { "orders", "boolean", true, 'texts such as "sim: undelivered after 3s" script their own fate', "orders = false" },
  { "discard_after_s", options.seconds, 86400, "how long final messages can still be asked for", "discard_after_s = 60",
    smppsim = "DISCARD_FROM_QUEUE_AFTER" },
  { "validity_s", options.seconds, nil, "of messages that name no validity_period", "validity_s = 86400" },
  { "queue_size", whole, 100000, "messages that may wait for their final state; beyond: ESME_RMSGQFUL", "queue_size = 1000",
    smppsim = "OUTBOUND_QUEUE_MAX_SIZE" },
  { "queue_octets", options.number(1, 2 ^ 53, true), 268435456, "octets of all messages and receipts that are kept; beyond: ESME_RMSGQFUL",
    "queue_octets = 1e6" },
  { "store", "table", nil, "keeps the messages, and has limits of its own; see docs/store.md",
    'store = require("smpp.store").memory { limit = 10 }' },
  { "message_id_prefix", "string", "", "before the counter of message ids", 'message_id_prefix = "SIM-"', smppsim = "MESSAGE_ID_PREFIX" },
  { "first_message_id", options.number(0, 1e15, true), 1, "where the counter begins", "first_message_id = 1000", smppsim = "START_MESSAGE_ID_AT" },
  { "message_id", "function", nil, "makes the ids instead: (version) -> string", "message_id = function() return uuid() end" },
  { "lists", map_of(is_string, is_table), {}, "distribution lists and their members", 'lists = { friends = { "491761234567" } }' },
  { "params", "table", {}, "what param_retrieve (3.3) finds", 'params = { version = "1" }' },
  -- receipts
  { "receipt_tlvs", "boolean", true, "receipts carry receipted_message_id and message_state", "receipt_tlvs = false",
    smppsim = "DELIVERY_RECEIPT_OPTIONAL_PARAMS" },
  { "receipt_extra", list_of("{ tag, octets }", wrong_tlv), {}, "vendor TLVs of receipts",
    'receipt_extra = { { 0x1400, "abc" } }', smppsim = "DELIVERY_RECEIPT_TLV" },
  { "receipt", "function", nil, "changes a receipt: (message, deliver_sm) -> deliver_sm or nil for none",
    "receipt = function(message, pdu) pdu.ussd_service_op = message.ussd_service_op return pdu end",
    smppsim = "DELIVER_SM_INCLUDES_USSD_SERVICE_OP" },
  { "zone_s", "number", 0, "time zone of the dates in receipts, seconds ahead of UTC", "zone_s = 7200" },
  -- messages for ESMEs
  { "mo", table_of(MO), {}, "messages from phones: `messages` or a CSV `file` of source,destination,text, at a rate",
    'mo = { file = "mo.csv", per_minute = 60 }', smppsim = "DELIVERY_MESSAGES_PER_MINUTE, DELIVER_MESSAGES_FILE" },
  { "loopback", "boolean", false, "every message comes back from its destination", "loopback = true", smppsim = "LOOPBACK" },
  { "esme_to_esme", "boolean", false, "a message whose destination is in the address_range of a bound receiver goes there", "esme_to_esme = true",
    smppsim = "ESME_TO_ESME" },
  { "ussd_echo", "boolean", false, "a message with ussd_service_op is answered with its own text", "ussd_echo = true", smppsim = "USSD echo" },
  { "outbind", table_of(OUTBIND, "host", "port"), nil, "calls an ESME so that it binds, at the start or when something waits for it",
    'outbind = { host = "127.0.0.1", port = 2776, system_id = "smsc", password = "x", account = "esme1", when = "waiting" }',
    smppsim = "OUTBIND_ENABLED, OUTBIND_ESME_IP_ADDRESS, OUTBIND_ESME_PORT, OUTBIND_ESME_SYSTEMID, OUTBIND_ESME_PASSWORD" },
  -- how it behaves
  { "behaviour", behaviours.wrong, nil, "a set of the options below: healthy, slow, flaky, throttling, dead, gatewayapi", 'behaviour = "flaky"' },
  { "latency_s", latency.wrong, 0, "from a submit to its answer", "latency_s = { spikes = { 0.02, 3, 1 } }",
    smppsim = "SIMULATE_VARIABLE_SUBMIT_SM_RESPONSE_TIMES" },
  { "throttle", table_of(THROTTLE, "rate_per_s"), nil, "above rate_per_s: ESME_RTHROTTLED (`status`); for on_s seconds, then off_s not",
    "throttle = { rate_per_s = 50, on_s = 10, off_s = 20 }" },
  { "refusals", map_of(outcome.wrong_status, percent), {}, "percent of submits that are refused, by status",
    "refusals = { ESME_RSYSERR = 2, ESME_RMSGQFUL = 5 }" },
  { "bind_status", outcome.wrong_status, nil, "binds are refused with it", 'bind_status = "ESME_RSYSERR"' },
  { "faults", table_of(FAULTS), {}, "percent of answers that go wrong", "faults = { drop = 1, duplicate = 2, reset = 0.1 }",
    smppsim = "PROTOCOL_HANDLER_CLASS" },
  { "seed", options.number(-1e15, 1e15), nil, "makes every run the same", "seed = 42" },
  -- the tool
  { "file", "string", nil, "a Lua file that returns these options; read again when it changes", 'file = "sim.lua"' },
  { "capture", "string", nil, "a pcapng file of all PDUs", 'capture = "sim.pcapng"',
    smppsim = "CAPTURE_SME_BINARY, CAPTURE_SMPPSIM_BINARY, CAPTURE_SME_DECODED, CAPTURE_SMPPSIM_DECODED, CAPTURE_SME_BINARY_TO_FILE, "
      .. "CAPTURE_SMPPSIM_BINARY_TO_FILE, CAPTURE_SME_DECODED_TO_FILE, CAPTURE_SMPPSIM_DECODED_TO_FILE" },
}

--- name -> check, for smpp.options.
settings.known = {}
settings.defaults = {}
for _, row in ipairs(settings.rows) do
  settings.known[row[1]] = row[2]
  settings.defaults[row[1]] = row[3]
end

return settings
