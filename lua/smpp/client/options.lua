--- Options of smpp.connect, pool, open and listen_outbind: a URL, a table, or a table with a URL in it.
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local logs = require "smpp.base.log"
local listeners = require "smpp.transport.listener"
local loops = require "smpp.loop"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local rings = require "smpp.capture.ring"
local reassembly = require "smpp.text.reassembly"
local schema = require "smpp.base.schema"
local text = require "smpp.text"
local tls_options = require "smpp.transport.tls_options"
local transports = require "smpp.transport"
local url = require "smpp.client.url"
local version = require "smpp.codec.version"

local D = core.defaults -- the session's, in C

local settings = {}

local host_kind = kind.either("string", schema.new {
  { "host", kind.host, nil, "host name or IP address", 'host = "192.0.2.1"', required = true },
  { "port", kind.integer(1, 65535), nil, "TCP port", "port = 2775" },
})

--- Retries of refused messages.
settings.retry = schema.new {
  { "attempts", kind.count, 10, "total number of attempts", "attempts = 3" },
  { "age_s", kind.seconds, 60, "no retry later than this after the first refusal", "age_s = 300" },
  { "min_s", kind.seconds, 1, "the first delay; each further one is twice as long", "min_s = 0.2" },
  { "max_s", kind.seconds, 30, "the longest delay", "max_s = 120" },
}

--- Limits of an adaptive window.
settings.adaptive = schema.new {
  { "min", kind.count, 1, "smallest window", "min = 2" },
  { "max", kind.window, 100, "largest window", "max = 500", default_text = "window, or 100" },
  { "start", kind.count, 10, "initial window", "start = 20" },
}

local per_s = kind.with_unit("per s", kind.real(1e-3))

--- Limits of an adaptive rate.
settings.rate = schema.new {
  { "min", per_s, 0.1, "lowest rate", "min = 5" },
  { "max", per_s, nil, "highest rate", "max = 200", default_text = "no limit" },
  { "start", per_s, nil, "initial rate", "start = 20", default_text = "max" },
}

--- All options of a client.
settings.schema = schema.new({
  -- connection and bind
  { 1, "string", nil, "the URL, without a name", '"smpp://me:secret@mc.example"' },
  { "url", "string", nil, "the URL", 'url = "smpp://me:secret@mc.example"' },
  { "host", kind.host, nil, "host name or IP address, instead of a URL", 'host = "mc.example"' },
  { "port", kind.port, nil, "TCP port of host", "port = 2776", default_text = "2775, with TLS 8775" },
  { "hosts", kind.list(host_kind, "hosts"), nil, "several hosts, tried in order", 'hosts = { "one:2775", { host = "two", port = 2775 } }' },
  { "tls", transports.kind("tls", "connect"), nil, "true: TLS, like smpps://; or its options", "tls = true" },
  { "system_id", "string", nil, "system_id of the bind", 'system_id = "me"' },
  { "password", "string", nil, "password of the bind", 'password = "secret"', secret = true },
  { "bind", kind.one_of("trx", "tx", "rx", "tx+rx"), nil, "transceiver, transmitter, receiver, or a transmitter and a receiver that act as one",
    'bind = "rx"',
    default_text = '"trx"; SMPP 3.3: "tx+rx"' },
  { "fallback", "boolean", false, 'use "tx+rx" if the MC does not support bind_transceiver', "fallback = true" },
  { "binds", kind.count, nil, "number of binds", "binds = 4", default_text = "1; of smpp.pool one per host" },
  { "addr_ton", kind.either("number", "string"), nil, "addr_ton of the bind", "addr_ton = 1" },
  { "addr_npi", kind.either("number", "string"), nil, "addr_npi of the bind", "addr_npi = 1" },
  { "address_range", "string", nil, "address_range of the bind: destinations whose messages it receives", 'address_range = "^4917"' },
  -- sending
  { "adaptive", kind.either("boolean", settings.adaptive), nil, "grow the window while latency is flat, halve it when the MC is congested",
    "adaptive = { max = 200 }" },
  { "rate_per_s", kind.either(per_s, kind.one_of "adaptive", settings.rate), nil,
    "submissions per second, evenly spaced, retries included; \"adaptive\": learned from throttling by the MC", "rate_per_s = 50",
    default_text = "no limit" },
  { "burst", kind.real(1), 1, "submissions at once after a pause, with rate_per_s", "burst = 5" },
  { "queue_octets", kind.octets, 268435456, "limit for what waiting requests hold, their texts and 4 KiB each; more are refused (queue_full)",
    "queue_octets = 16777216" },
  { "queue_limit", kind.count, 1000, "requests queued for the window or a bind; above: refused (queue_full)", "queue_limit = 100" },
  { "queue_unbound", "boolean", true, "requests are queued while no bind is up; false: they end with not_sent", "queue_unbound = false" },
  { "order", kind.one_of("destination", "none"), nil, "destination: one request to a destination at a time",
    'order = "destination"', default_text = '"none"' },
  { "retry", kind.either("boolean", settings.retry), nil, "retry messages that the MC throttles or refuses temporarily; false: no retries",
    "retry = { attempts = 3, age_s = 300 }", default_text = "{ attempts = 10, age_s = 60 }" },
  { "on_unknown", kind.either(kind.one_of("report", "resend"), "function"), nil,
    "requests of unknown outcome: report or resend, or a function (fields, code) that returns true to resend", 'on_unknown = "resend"',
    default_text = '"report"' },
  { "encoding", text.options.encoding, nil, "encoding of all texts", 'encoding = "ucs2"' },
  { "graphemes", "boolean", nil, "keep grapheme clusters (an emoji with modifiers) in one part", "graphemes = false", default_text = "true" },
  -- receiving
  { "message", "function", nil, "handler of messages: (msg)", "message = function(msg) print(msg.text) end" },
  { "receipt", "function", nil, "handler of receipts: (receipt)", "receipt = function(receipt) print(receipt.state) end" },
  { "deliver_sm", "function", nil, "handler of deliver_sm, instead of these two: (pdu, esme)", "deliver_sm = function(pdu, esme) end" },
  { "data_sm", "function", nil, "handler of data_sm: (pdu, esme)", "data_sm = function(pdu, esme) end" },
  { "pdu", "function", nil, "called with every PDU: (pdu, direction, session)", "pdu = function(pdu) print(pdu) end" },
  { "reassembly", reassembly.schema, nil, "limits of incomplete concatenated messages", "reassembly = { max_age_s = 3600 }" },
  { "tracker", "table", nil, "receipt tracker, to share with other clients", "tracker = smpp.tracker.new()", program = true },
  { "max_unanswered", kind.count, nil, "pending requests of the MC; above: reading stops", "max_unanswered = 100",
    default_text = tostring(D.max_unanswered) },
  -- the session
  { "name", kind.text(40), nil, "its label `target` in metrics", 'name = "acme"', default_text = "none" },
  { "wait", "boolean", false, "keep trying if the first attempt fails", "wait = true" },
  { "connect_timeout_s", kind.seconds, nil, "timeout of connecting", "connect_timeout_s = 3", default_text = "bind_timeout_s" },
  { "first_sequence", kind.count, nil, "the first sequence_number", "first_sequence = 100", default_text = "1" },
  { "max_pdu_octets", kind.octets, nil, "largest PDU accepted; a larger one ends the session", "max_pdu_octets = 4096",
    default_text = tostring(D.max_pdu_octets) },
  { "unchecked", "boolean", false, "smpp.open: also send requests that the session state forbids", "unchecked = true" },
  { "profile", profiles.kind, nil, "deviations of this MC: the name of a profile, or a table", 'profile = "gatewayapi"' },
  { "log", logs.kind, nil, "true: log to stderr; a level; a function that receives records; or options (docs/logging.md)", 'log = "warn"' },
  { "trace", rings.kind, nil, "write all PDUs to a pcapng file for Wireshark: a path, or options (docs/pcap.md)", 'trace = "smpp.pcapng"' },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
  -- listen_outbind
  { "outbind", "function", nil, "listen_outbind: returns true for a trusted MC: (pdu, session)", "outbind = function(pdu) return true end" },
  { "bound", "function", nil, "listen_outbind: called for each bound client: (esme)", "bound = function(esme) end" },
}, profiles.habits)

--- Options of listen_outbind: those above, with the addresses to listen on.
settings.listening = schema.new(settings.schema, listeners.options)

local S = settings.schema
S.expected = "a URL or a table of options"
settings.listening.expected = S.expected

--- { host, port } of each host.
local function hosts_of(o)
  local default = transports.default_port(o)
  if o.host then return { { host = o.host, port = o.port or default } } end
  local hosts = {}
  for i, host in ipairs(o.hosts or {}) do
    if type(host) == "string" then
      local parsed, message = url.parse((o.tls and "smpps://" or "smpp://") .. host)
      if not parsed then return nil, mistake.inside(mistake.inside(mistake.new(message), i), "hosts") end
      host = parsed.hosts[1]
    end
    hosts[i] = { host = host.host, port = host.port or default }
  end
  if #hosts == 0 then return nil, mistake.new "missing host: give a URL, host = or hosts =" end
  return hosts
end

local function insecure() return mistake.inside(mistake.new "expected true or a table of options beside smpps://, got false", "tls") end

--- Merges `tls` of the options over that of the URL.
local function merged_tls(said, given)
  if given == nil or (given == true and said) then return said end
  return type(said) == "table" and type(given) == "table" and schema.merge(said, given) or given
end

--- Options from their texts, as a URL has them behind the question mark.
---@param words table<string, string>
---@return table? options
---@return smpp.Mistake?
function settings.of_words(words)
  local named = {}
  for name, word in pairs(words) do
    name, word = tls_options.of_url(name, word)
    named[name] = word
  end
  return S:parse_all(named)
end

--- The options that a URL holds.
local function of_url(words)
  if not words then return {} end
  local parsed, message = url.parse(words)
  if not parsed then return nil, mistake.new(message) end
  local o, wrong = settings.of_words(parsed.options)
  if not o then return nil, wrong end
  for _, name in ipairs { "system_id", "password", "hosts", "tls" } do
    if o[name] == nil then o[name] = parsed[name] end
  end
  if parsed.tls and o.tls == false then return nil, insecure() end
  o.secure = parsed.tls
  return o
end

--- Fills in the defaults of nested tables of options.
local function fill_inner(o, window)
  if o.reconnect ~= false then o.reconnect = profiles.reconnect:fill(o.reconnect ~= true and o.reconnect or nil) end
  if o.retry ~= false then o.retry = settings.retry:fill(o.retry ~= true and o.retry or nil) end
  if o.rate_per_s and type(o.rate_per_s) ~= "number" then
    o.rate_per_s = settings.rate:fill(o.rate_per_s ~= "adaptive" and o.rate_per_s or nil)
  end
  if o.adaptive then o.adaptive = settings.adaptive:fill({ max = window }, o.adaptive ~= true and o.adaptive or nil) end
end

--- The error of a name in `defaults` that no submission has; nil: none.
local function unknown_default(o)
  local wrong
  for name in pairs(o.defaults or {}) do
    local known, like = o.codec.field("submit_sm", name)
    if not (known or name == "tlvs" or name == "trailing") and not (wrong and wrong.path < name) then wrong = mistake.unknown(name, {}, like) end
  end
  return wrong and mistake.inside(wrong, "defaults")
end

--- Reads and checks the options of a user; an invalid option is returned, not raised.
---@param given string|table
---@param more? table  defaults of the caller
---@param options? smpp.Schema  default: settings.schema
---@return table? o
---@return smpp.Mistake?
function settings.read(given, more, options)
  if type(given) == "string" then given = { given } end
  local handlers, said, profile, wrong
  if type(given) == "table" then -- handlers of vendor commands are options, too
    local codec
    codec, wrong = pdus.codec_of { commands = given.commands or (profiles.read(given.profile) or {}).commands }
    if not codec then return nil, wrong end
    given, handlers = codec.commands:take_handlers(given)
    if not given then return nil, handlers end
  end
  wrong = (options or S):problem(given)
  if wrong then return nil, wrong end
  local o
  said, wrong = of_url(given[1] or given.url)
  if not said then return nil, wrong end
  profile, wrong = profiles.read(given.profile or said.profile)
  if not profile then return nil, mistake.inside(wrong, "profile") end
  if said.secure and given.tls == false then return nil, insecure() end
  o = S:fill(more, profile, said, given)
  o.tls, o.secure = merged_tls(said.tls, given.tls), nil
  o[1] = nil
  o.hosts, wrong = hosts_of(o)
  if wrong then return nil, wrong end
  if options == settings.listening then
    o.addresses, wrong = listeners.addresses(given, o)
    if wrong then return nil, wrong end
  end
  fill_inner(o, given.window or said.window or profile.window)
  o.version = version.of(o.version)
  if o.version < 0x34 and o.bind == "trx" then
    return nil, mistake.inside(mistake.new 'SMPP 3.3 does not support bind_transceiver: use "tx+rx"', "bind")
  end
  o.bind = o.bind or (o.version < 0x34 and "tx+rx" or "trx")
  o.loop = o.loop or loops.current()
  if o.on_unknown == "report" then o.on_unknown = nil end
  if o.order == "none" then o.order = nil end
  o.vendor_handlers = handlers
  o.codec, wrong = pdus.codec_of(o)
  if not o.codec then return nil, wrong end
  wrong = unknown_default(o)
  if wrong then return nil, wrong end
  return o
end

--- The same, but an invalid option raises.
---@param given string|table
---@param level integer  as of `error`, seen from the caller
---@param more? table
---@param options? smpp.Schema
---@return table o
function settings.demand(given, level, more, options)
  local o, wrong = settings.read(given, more, options)
  if not o then mistake.raise(wrong, level + 1) end
  return o
end

return settings
