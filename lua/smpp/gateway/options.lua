--- Options of the statements of a gateway's file: those of servers and clients, and the gateway's own.
local actions = require "smpp.route.actions"
local account_of = require "smpp.server.account"
local client_options = require "smpp.client.options"
local http_options = require "smpp.gateway.http_options"
local kind = require "smpp.base.kind"
local matchers = require "smpp.route.matchers"
local mistake = require "smpp.base.mistake"
local nodes = require "smpp.nodes"
local number = require "smpp.route.number"
local schema = require "smpp.base.schema"
local server = require "smpp.server"
local text_options = require "smpp.text"

local options = {}

local number_kind = kind.checked("a matcher of numbers", function(value)
  local wrong = number.wrong(value)
  return wrong and mistake.new(wrong)
end)

local names = kind.list("string", "names")

options.quota = schema.new {
  { "n", kind.count, nil, "messages", "n = 10000", required = true },
  { "per_s", kind.real(1e-3), 86400, "in so many seconds", "per_s = 3600" },
}

--- What an account has beside what smpp.server gives it.
options.account_own = schema.new({
  { "from", number_kind, nil, "allowed sources; others: ESME_RINVSRCADR", 'from = { "12345", alphanumeric() }', default_text = "all" },
  { "to", number_kind, nil, "allowed destinations; others: ESME_RINVDSTADR", 'to = prefix "49"', default_text = "all" },
  { "default_from", kind.text(20), nil, "source of messages without one", 'default_from = "12345"' },
  { "max_validity_s", kind.seconds, nil, "longest validity_period; longer ones, and none, are cut to it", "max_validity_s = 86400" },
  { "max_priority", kind.integer(0, 255), nil, "highest priority_flag; a higher one is cut to it", "max_priority = 1" },
  { "codings", matchers.schema.by_name.coding[2], nil, "allowed encodings or data_codings; others: ESME_RSUBMITFAIL", 'codings = { "gsm7", "ucs2" }',
    default_text = "all" },
  { "max_parts", kind.count, nil, "parts of a long message; more: ESME_RINVMSGLEN", "max_parts = 4" },
  { "carriers", names, nil, "the only carriers it may use", 'carriers = { "telco_a" }', default_text = "all" },
  { "quota", options.quota, nil, "messages in a time; more: ESME_RTHROTTLED", "quota = { n = 10000, per_s = 86400 }" },
  { "credit", kind.real(0), nil, "prepaid amount; none left: ESME_RSUBMITFAIL", "credit = 100", default_text = "no limit" },
  { "price", kind.real(0), nil, "of one message", "price = 0.05", default_text = "1" },
  { "prices", "string", nil, "prices by prefix, a file with the columns prefix and price", 'prices = "prices.csv"' },
}, http_options.account)

--- All options of an account.
options.account = schema.new(account_of.schema, options.account_own)

local account_kind = {
  expected = account_of.kind.expected,
  fits = function(value) return type(value) == "string" or options.account.fits(value) end,
  explain = function(value)
    return type(value) == "table" and options.account:problem(value) or mistake.wrong(account_of.kind.expected, value, true)
  end,
  schema = options.account,
}

local accounts_kind = kind.map(kind.text(15), account_kind, "a table of accounts by system_id")

local HANDLERS = {}
for _, command in ipairs(require("smpp.server.options").handlers) do HANDLERS[command.name] = true end

--- Options of `listen`: those of smpp.server, without its handlers.
options.listen = schema.new(server.schema:select(function(row)
  return not HANDLERS[row[1]] and not row.program and row[1] ~= "store" and row[1] ~= "message_id" and row[1] ~= "filters"
end), {
  { "accounts", kind.either(accounts_kind, "string"), nil,
    "customers by system_id: passwords or tables of options; or a Lua file", 'accounts = { acme = "secret" }', default_text = "everybody" },
})
options.listen.expected = "a table of options"

--- Options of `http`.
options.http = http_options.statement(accounts_kind)

options.breaker = schema.new {
  { "failures", kind.count, 5, "failures that open it", "failures = 10" },
  { "within_s", kind.real(1e-3), 10, "within so many seconds", "within_s = 30" },
  { "open_s", kind.real(1e-3), 30, "until one message is tried", "open_s = 60" },
  { "slow_s", kind.real(1e-3), nil, "a response that takes longer, with the wait for the window, counts as a failure", "slow_s = 5" },
}

--- What a carrier has beside what smpp.pool gives it.
options.carrier_own = schema.new {
  { "cost", kind.real(0), 1, "for `cheapest`", "cost = 0.8" },
  { "on_unknown", kind.one_of("hold", "fail", "resend"), nil, "a message that was sent and not answered: kept, until a receipt or its validity "
    .. "settles it; refused (ESME_RSUBMITFAIL); or sent again", 'on_unknown = "resend"', default_text = '"hold" with a store, else "fail"' },
  { "after_crash", kind.one_of("resend", "hold"), "resend", "what was on its way when the process was killed: sent again, or kept as above",
    'after_crash = "hold"' },
  { "breaker", kind.either("boolean", options.breaker), nil, "circuit breaker; false: none", "breaker = { failures = 10 }",
    default_text = "{ failures = 5, within_s = 10, open_s = 30 }" },
  { "statuses", kind.map(actions.status_kind, kind.one_of("permanent", "temporary", "throttle"), "a table of classes by command_status"), nil,
    "statuses that mean something else here: permanent, it is the customer's answer; temporary, throttle: the next carrier, or later",
    'statuses = { ESME_RINVDSTADR = "temporary" }', default_text = "the classes of `smpp explain`" },
  { "long", text_options.schema.by_name.udh and kind.one_of("concat_8bit", "concat_16bit", "sar", "payload") or "string", nil,
    "cuts long texts of message_payload into parts of this kind, and marks those that customers have cut in the same way; "
      .. "payload: joins those (with a store)",
    'long = "concat_8bit"', default_text = "nothing is cut" },
  { "off", "boolean", false, "gets no messages; those that wait for its window go elsewhere", "off = true" },
}

local PROGRAM = { message = true, receipt = true, deliver_sm = true, data_sm = true, pdu = true, outbind = true, bound = true, unchecked = true,
  on_unknown = true, long = true, receipts = true, wait = true, log = true, retry = true, fallback = false, tracker = true, loop = true }

--- Options of `carrier`: those of smpp.pool, without its handlers.
options.carrier = schema.new(client_options.schema:select(function(row) return not PROGRAM[row[1]] and not row.program end), options.carrier_own, {
  { "receipts", kind.either(kind.one_of "always", client_options.schema.by_name.receipts[2]), nil,
    '"always": asks for receipts of all messages, requested or not; or how receipts are written', 'receipts = "always"' },
})
options.carrier.expected = "a URL and a table of options"

options.loops = schema.new {
  { "passes", kind.count, 25, "a message that comes back so many times is refused", "passes = 100" },
  { "within_s", kind.real(1e-3), 60, "after it went on for the last time", "within_s = 600" },
}

--- Options of the gateway itself.
options.gateway = schema.new {
  { "drain_s", kind.seconds, 10, "at the end, for messages on the way", "drain_s = 30" },
  { "remember_s", kind.seconds, 48 * 3600, "how long ids are kept for receipts, query_sm, cancel_sm and replace_sm", "remember_s = 86400" },
  { "unknown_receipts", "boolean", true,
    "where no receipt has come within remember_s, the customer that asked for one gets one with the state UNKNOWN", "unknown_receipts = false" },
  { "remember", kind.count, 1000000, "how many ids are kept", "remember = 100000" },
  { "queue_s", kind.seconds, 30, "how long a message may wait for the window of a carrier", "queue_s = 5" },
  { "loops", kind.either("boolean", options.loops), nil,
    "a message that comes back from another account is refused (ESME_RSUBMITFAIL); false: never",
    "loops = { passes = 100 }", default_text = "{ passes = 25, within_s = 60 }" },
}

options.retry = schema.new {
  { "first_s", kind.seconds, 1, "the first pause; each further one is twice as long", "first_s = 5" },
  { "max_s", kind.seconds, 60, "the longest pause", "max_s = 600" },
}

--- Options of `store`.
options.store = schema.new {
  { 1, "string", nil, "the file, or the URL of an engine, without a name", '"gateway.db"' },
  { "path", "string", nil, "the file: a database of SQLite; or the URL of an engine", 'path = "gateway.db"' },
  { "keep_s", kind.seconds, 7 * 86400, "how long final messages are kept", "keep_s = 86400" },
  { "record", "string", nil, "file of one line of JSON for each final message; a pattern of strftime", 'record = "cdr-%Y%m%d.jsonl"' },
  { "retry", options.retry, nil, "pauses of a message that no carrier takes", "retry = { first_s = 5, max_s = 300 }",
    default_text = "{ first_s = 1, max_s = 60 }" },
}

--- Options of `store` in an engine.
options.engine = schema.new(options.store, nodes.schema)

--- Options of a table that a schema has, and the others.
---@param given table
---@param own smpp.Schema
---@return table mine
---@return table others
function options.split(given, own)
  local mine, others = {}, {}
  for name, value in pairs(given) do
    if own.by_name[name] then mine[name] = value else others[name] = value end
  end
  return mine, others
end

return options
