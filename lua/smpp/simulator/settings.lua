--- Options of the simulator, one row each.  Checks, `smpp sim --help`, docs/simulator.md and the table of SMPPSim keys are
--- generated from these rows.
local behaviours = require "smpp.simulator.behaviours"
local checks = require "smpp.server.checks"
local faults = require "smpp.simulator.faults"
local http = require "smpp.simulator.http_options"
local kind = require "smpp.base.kind"
local latency = require "smpp.simulator.latency"
local memory = require "smpp.store.memory"
local mistake = require "smpp.base.mistake"
local outcome = require "smpp.simulator.outcome"
local schema = require "smpp.base.schema"
local servers = require "smpp.server"

local settings = {}

local whole = kind.integer(1, 1e9)

local number_or_pattern = kind.checked("a number or a Lua pattern that begins with ^", function(value)
  if type(value) ~= "string" or value:sub(1, 1) == "^" then return kind.problem(outcome.pattern_kind, value) end
end, kind.string.read)

local tlv = {
  expected = "{ tag, octets }",
  fits = function(value) return type(value) == "table" and type(value[1]) == "number" and type(value[2]) == "string" end,
}

local fault_rows = { { "delay_s", latency.kind, nil, "delay of delayed responses", "delay_s = 3" } }
for _, name in ipairs(faults.names) do fault_rows[#fault_rows + 1] = { name, kind.percent, 0, "percentage of responses", name .. " = 1" } end

settings.faults = schema.new(fault_rows)
settings.mo = schema.new {
  { "file", "string", nil, "CSV file of source,destination,text", 'file = "mo.csv"' },
  { "messages", kind.list(kind.either("string", "table"), "texts and messages"), nil, "texts, or tables of message fields", 'messages = { "STOP" }' },
  { "per_minute", kind.real(0, 1e9), 0, "messages per minute; 0: none", "per_minute = 60" },
  { "random", "boolean", false, "in random order", "random = true" },
  { "system_id", "string", nil, "account that receives them", 'system_id = "me"' },
  { "source", "string", nil, "source of messages without one", 'source = "491761234567"' },
  { "destination", "string", nil, "destination of messages without one", 'destination = "12345"' },
}
settings.throttle = schema.new {
  { "rate_per_s", kind.rate, nil, "messages per second; above: refused with `status`", "rate_per_s = 50", required = true },
  { "burst", whole, nil, "messages at once after a pause", "burst = 5", default_text = "the messages of one second" },
  { "status", outcome.status_kind, "ESME_RTHROTTLED", "command_status of the refusals", 'status = "ESME_RMSGQFUL"', implied = true },
  { "on_s", kind.seconds, nil, "duration of throttling", "on_s = 10", default_text = "always" },
  { "off_s", kind.seconds, 0, "pause of throttling after on_s", "off_s = 20", implied = true },
}
settings.outbind = schema.new {
  { "host", "string", nil, "host name or IP address of the ESME", 'host = "127.0.0.1"', required = true },
  { "port", kind.integer(1, 65535), nil, "TCP port of the ESME", "port = 2776", required = true },
  { "system_id", "string", nil, "system_id of the outbind", 'system_id = "smsc"' },
  { "password", "string", nil, "password of the outbind", 'password = "x"', secret = true },
  { "account", "string", nil, "account whose queue is checked with when = \"waiting\"", 'account = "esme1"' },
  { "when", kind.one_of("start", "waiting"), "start", "at the start, or while messages are queued", 'when = "waiting"', implied = true },
  { "every_s", kind.seconds, 30, "pause between attempts", "every_s = 5", implied = true },
}

---@type smpp.OptionRow[]
local rows = {
  -- outcome of messages
  { "deliver_after_s", latency.kind, 1, "time from submit to final state", "deliver_after_s = { uniform = { 0.5, 3 } }",
    smppsim = "MESSAGE_STATE_CHECK_FREQUENCY, MAX_TIME_ENROUTE, PERCENTAGE_THAT_TRANSITION" },
  { "receipt_after_s", latency.kind, 0, "time from final state to receipt", "receipt_after_s = 2", smppsim = "DELAY_DELIVERY_RECEIPTS_BY" },
  { "outcomes", outcome.weights_kind, { DELIVERED = 100 }, "weights of the final states; ENROUTE: no final state",
    "outcomes = { DELIVERED = 90, UNDELIVERABLE = 8, REJECTED = 2 }",
    smppsim = "PERCENTAGE_DELIVERED, PERCENTAGE_UNDELIVERABLE, PERCENTAGE_ACCEPTED, PERCENTAGE_REJECTED" },
  { "rules", outcome.rules_kind, {}, "outcomes by destination, source, text (Lua patterns) or account; or functions (message) -> rule",
    'rules = { { destination = "^4999", state = "EXPIRED", after_s = 5, error = 13 }, { text = "STOP", status = "ESME_RINVDSTADR" } }',
    smppsim = "LIFE_CYCLE_MANAGER" },
  { "by_digit", "boolean", false, "the destination's first digit decides: 1 EXPIRED, 2 DELETED, 3 UNDELIVERABLE, 4 ACCEPTED, 5 REJECTED",
    "by_digit = true", smppsim = "LIFE_CYCLE_MANAGER=DeterministicLifeCycleManager" },
  { "undeliverable", kind.list(number_or_pattern, "numbers and patterns"), {}, "numbers, or patterns that begin with ^, that are UNDELIVERABLE",
    'undeliverable = { "491700000000", "^4998" }', smppsim = "UNDELIVERABLE_PHONE_NUMBERS" },
  { "error_codes", kind.map(outcome.state_kind, kind.integer(0, 0xFFFF), "a table of numbers by state"), {}, "err of receipts, by state",
    "error_codes = { UNDELIVERABLE = 27 }" },
  { "orders", "boolean", true, 'directives in texts, such as "sim: undelivered after 3s", set the outcome of their message', "orders = false" },
  { "discard_after_s", kind.seconds, 86400, "time that final messages are kept for queries", "discard_after_s = 60",
    smppsim = "DISCARD_FROM_QUEUE_AFTER" },
  { "validity_s", kind.seconds, nil, "validity period of messages without one", "validity_s = 86400" },
  { "queue_size", whole, memory.schema.defaults.limit, "messages without a final state; above: ESME_RMSGQFUL", "queue_size = 1000",
    smppsim = "OUTBOUND_QUEUE_MAX_SIZE" },
  { "queue_octets", kind.with_unit("octets", kind.integer(1, 2 ^ 53)), memory.schema.defaults.max_octets,
    "total size of stored messages and receipts; above: ESME_RMSGQFUL",
    "queue_octets = 1e6" },
  { "store", kind.either("string", "table"), nil, "where the messages are kept, with its own limits: a file of SQLite, or a store; see docs/store.md",
    'store = "messages.db"', default_text = "in memory" },
  { "message_id_prefix", "string", "", "prefix of counted message_ids", 'message_id_prefix = "SIM-"', smppsim = "MESSAGE_ID_PREFIX" },
  { "first_message_id", kind.integer(0, 1e15), 1, "first counted message_id", "first_message_id = 1000", smppsim = "START_MESSAGE_ID_AT" },
  { "message_id", "function", nil, "generates message_ids: (version) -> string", "message_id = function() return uuid() end" },
  { "lists", kind.map("string", "table", "a table of lists by name"), {}, "distribution lists and their members",
    'lists = { friends = { "491761234567" } }' },
  { "params", "table", {}, "values for param_retrieve (3.3)", 'params = { version = "1" }' },
  -- receipts
  { "receipt_tlvs", "boolean", true, "receipts have the TLVs receipted_message_id and message_state", "receipt_tlvs = false",
    smppsim = "DELIVERY_RECEIPT_OPTIONAL_PARAMS" },
  { "receipt_extra", kind.list(tlv, "{ tag, octets }"), {}, "vendor TLVs of receipts",
    'receipt_extra = { { 0x1400, "abc" } }', smppsim = "DELIVERY_RECEIPT_TLV" },
  { "receipt", "function", nil, "changes a receipt: (message, deliver_sm) -> deliver_sm or nil for none",
    "receipt = function(message, pdu) pdu.ussd_service_op = message.ussd_service_op return pdu end",
    smppsim = "DELIVER_SM_INCLUDES_USSD_SERVICE_OP" },
  { "zone_s", kind.with_unit("s", kind.number), 0, "time zone of the dates in receipts, seconds ahead of UTC", "zone_s = 7200" },
  -- MO messages for ESMEs
  { "mo", settings.mo, {}, "MO messages, sent at a rate: `messages`, or a CSV `file` of source,destination,text",
    'mo = { file = "mo.csv", per_minute = 60 }', smppsim = "DELIVERY_MESSAGES_PER_MINUTE, DELIVER_MESSAGES_FILE" },
  { "loopback", "boolean", false, "every message is sent back from its destination", "loopback = true", smppsim = "LOOPBACK" },
  { "esme_to_esme", "boolean", false, "messages to a number in the address_range of a bound receiver are sent there", "esme_to_esme = true",
    smppsim = "ESME_TO_ESME" },
  { "ussd_echo", "boolean", false, "messages with ussd_service_op are echoed", "ussd_echo = true", smppsim = "USSD echo" },
  { "outbind", settings.outbind, nil, "connect to an ESME and send outbind, at the start or while messages are queued for it",
    'outbind = { host = "127.0.0.1", port = 2776, system_id = "smsc", password = "x", account = "esme1", when = "waiting" }',
    smppsim = "OUTBIND_ENABLED, OUTBIND_ESME_IP_ADDRESS, OUTBIND_ESME_PORT, OUTBIND_ESME_SYSTEMID, OUTBIND_ESME_PASSWORD" },
  -- behaviour
  { "behaviour", behaviours.kind, nil, "set of the options below: healthy, slow, flaky, throttling, dead, gatewayapi", 'behaviour = "flaky"' },
  { "latency_s", latency.kind, 0, "time from submit to response", "latency_s = { spikes = { 0.02, 3, 1 } }",
    smppsim = "SIMULATE_VARIABLE_SUBMIT_SM_RESPONSE_TIMES" },
  { "throttle", settings.throttle, nil, "refuse messages above rate_per_s with ESME_RTHROTTLED (`status`); for on_s seconds, then not for off_s",
    "throttle = { rate_per_s = 50, on_s = 10, off_s = 20 }" },
  { "refusals", kind.map(outcome.status_kind, kind.percent, "a table of percentages by status"), {},
    "percentage of submits that are refused, by status",
    "refusals = { ESME_RSYSERR = 2, ESME_RMSGQFUL = 5 }" },
  { "bind_status", outcome.status_kind, nil, "refuse binds with this command_status", 'bind_status = "ESME_RSYSERR"' },
  { "faults", settings.faults, {}, "percentage of responses with each fault", "faults = { drop = 1, duplicate = 2, reset = 0.1 }",
    smppsim = "PROTOCOL_HANDLER_CLASS" },
  { "seed", kind.real(-1e15, 1e15), nil, "seed of the random numbers, for reproducible runs", "seed = 42" },
  { "http", http.kind, nil, "serve the HTTP API for tests on this port, or with these options", "http = 8080" },
  -- files
  { "file", "string", nil, "Lua file that returns these options; reloaded when it changes", 'file = "sim.lua"' },
  { "capture", "string", nil, "pcapng file to write all PDUs to", 'capture = "sim.pcapng"',
    smppsim = "CAPTURE_SME_BINARY, CAPTURE_SMPPSIM_BINARY, CAPTURE_SME_DECODED, CAPTURE_SMPPSIM_DECODED, CAPTURE_SME_BINARY_TO_FILE, "
      .. "CAPTURE_SMPPSIM_BINARY_TO_FILE, CAPTURE_SME_DECODED_TO_FILE, CAPTURE_SMPPSIM_DECODED_TO_FILE" },
}

--- Options of the simulator only.
settings.own = schema.new(rows)

--- Defaults of a simulator's server that differ from smpp.server's.
settings.server_defaults = { system_id = "smppsim", queue_limit = 1000000, max_waiting = 1000000, window = 100, answer_timeout_s = 3600 }

--- All options of a simulator: its own, and those of its server.
settings.schema = schema.new(servers.schema:with_defaults(settings.server_defaults), {
  { "checks", kind.either(checks.schema, "boolean"), true, "requests to refuse before anything else; false: none",
    "checks = { ton = { 0, 1 }, data_coding = { 0, 8 } }" },
}, settings.own)

--- Options of the server, for help and docs; one handler stands for all.
settings.of_server = settings.schema:select(function(row)
  local is_handler = row[4] == servers.schema.by_name.submit_sm[4]
  return not settings.own.by_name[row[1]] and not row.program and (not is_handler or row[1] == "submit_sm")
end)

--- Reads and checks the options of a user; an invalid option is returned, not raised.
---@param given table?
---@return table? given
---@return smpp.Mistake?
function settings.read(given)
  given = given or {}
  local wrong = settings.schema:problem(given)
  if wrong then return nil, wrong end
  if given.accounts and given.authenticate then return nil, mistake.new "accounts or authenticate, not both" end
  return given
end

return settings
