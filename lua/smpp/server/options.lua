--- Options of smpp.server.
local account_of = require "smpp.server.account"
local accounts = require "smpp.server.accounts"
local checks = require "smpp.server.checks"
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local listeners = require "smpp.transport.listener"
local logs = require "smpp.base.log"
local loops = require "smpp.loop"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local rings = require "smpp.capture.ring"
local schema = require "smpp.base.schema"
local version = require "smpp.codec.version"

local D = core.defaults -- the session's, in C

local settings = {}

local function row_of(command)
  return { command.name, "function", nil, "handler: (session, pdu) -> result", ("%s = function(session, pdu) end"):format(command.name) }
end

local rows = {
  { "filters", kind.list("function", "functions"), nil, "further transport filters of every connection: (inner, context) -> transport",
    "filters = { function(inner) return inner end }", program = true },
  { "system_id", kind.text(15), "smpp", "system_id of bind responses", 'system_id = "SMSC"' },
  { "version", version.kind, "5.0", "highest SMPP version to negotiate", 'version = "3.4"' },
  { "accounts", kind.either(accounts.kind, "string"), nil, "accounts that may bind, by system_id: passwords or tables of options; or a Lua file",
    'accounts = { me = "secret", you = { password = "x", rate_per_s = 10 } }', default_text = "everybody" },
  { "authenticate", "function", nil, "authenticates binds, instead of accounts: (session, bind) -> true or options, or nil and a status",
    "authenticate = function(session, bind) return bind.password == os.date '%H' end" },
  { "refuse_bind", "function", nil, "called before authentication: (session, bind) -> a status to refuse the bind",
    'refuse_bind = function(session, bind) if bind.system_id == "x" then return "ESME_RBINDFAIL" end end' },
  { "max_binds", kind.count, nil, "maximum number of binds of one account", "max_binds = 2", default_text = "1000; without accounts no limit" },
  { "max_failed_binds", kind.count, 3, "failed binds of one connection before it is closed", "max_failed_binds = 1" },
  -- requests
  { "checks", checks.schema, nil, "requests to refuse before any handler", "checks = { ton = { 0, 1 }, data_coding = { 0, 8 } }" },
  { "message_id", "function", nil, "generates message_ids for handlers that return none: (session, pdu) -> string",
    'message_id = function() return "1" end', default_text = "eight hexadecimal digits" },
  { "profile", profiles.kind, nil, "deviations of its peers: the name of a profile, or a table", 'profile = "gatewayapi"' },
  { "tolerate", profiles.tolerate, nil, "protocol violations of the peer that are tolerated",
    "tolerate = { stray_octets = true }", default_text = "the profile's" },
  { "window", kind.window, D.window, "unanswered requests of the server on one bind", "window = 1" },
  { "max_waiting", kind.count, 250000, "queued messages and receipts of all accounts", "max_waiting = 10000" },
  { "max_unanswered", kind.count, D.max_unanswered, "pending requests of one session; above: ESME_RTHROTTLED", "max_unanswered = 10" },
  { "max_unanswered_in_all", kind.count, 100000, "pending requests of all sessions; above: ESME_RTHROTTLED", "max_unanswered_in_all = 100" },
  -- limits
  { "max_connections", kind.count, 20000, "connections, bound or not", "max_connections = 10" },
  { "max_connections_per_address", kind.count, nil, "connections of one IPv4 address, or one IPv6 /64 network", "max_connections_per_address = 2",
    default_text = "1000; from localhost no limit" },
  { "max_pdu_octets", kind.with_unit("octets", kind.integer(16, 0x7FFFFFFF)), nil, "largest PDU; larger: generic_nack, then the connection is closed",
    "max_pdu_octets = 4096", default_text = D.max_pdu_octets .. ", before a bind 4096" },
  { "bind_timeout_s", kind.seconds, D.bind_timeout_s, "from connecting to the bind request", "bind_timeout_s = 5" },
  { "pdu_read_s", kind.seconds, D.pdu_read_s, "from the first octet of a PDU to its last", "pdu_read_s = 2" },
  { "enquire_link_s", kind.seconds, D.enquire_link_s, "idle time before an enquire_link; 0: never", "enquire_link_s = 5" },
  { "enquire_link_response_s", kind.seconds, D.enquire_link_response_s, "for the response to an enquire_link; then the session ends",
    "enquire_link_response_s = 2" },
  { "inactivity_s", kind.seconds, D.inactivity_s, "unbind after this time without a request other than enquire_link; 0: never", "inactivity_s = 60" },
  { "response_timeout_s", kind.seconds, D.response_timeout_s, "timeout of responses to requests of the server", "response_timeout_s = 5" },
  { "answer_timeout_s", kind.seconds, profiles.habits.defaults.answer_timeout_s,
    "timeout of handlers; then the server answers ESME_RSYSERR", "answer_timeout_s = 30" },
  { "store", "table", nil, "store of queued receipts and messages, see docs/store.md", "store = require('smpp.store').memory()",
    default_text = "in memory" },
  { "trace", rings.kind, nil, "write all PDUs to a pcapng file for Wireshark: a path, or options (docs/pcap.md)", 'trace = "smpp.pcapng"' },
  { "log", logs.kind, nil, "true: log to stderr; a level; a function that receives records; or options (docs/logging.md)", 'log = "warn"' },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
  { "limits", "table", nil, "limits of accounts that are counted elsewhere, too: smpp.SharedLimits", "limits = limits", program = true },
}

---@class smpp.SharedLimits  max_binds and rate_per_s of accounts where several servers are one
---@field bind fun(self, account: string, count: integer, most: integer): boolean  may this server have so many binds?  It may wait
---@field count fun(self, account: string, count: integer)  it has so many: of an account without a limit, or fewer than before
---@field rate fun(self, account: string, rate_per_s: number): { admit: fun(self): boolean }  `admit` takes a message; it may wait

--- Commands whose handlers are options, in the order of their ids.
---@type { id: integer, name: string }[]
settings.handlers = {}

-- Requests that an ESME may send and the server does not answer itself.
for _, command in ipairs(commands.requests) do
  if not command.roles.session and command.esme_sends_in > 0 then table.insert(settings.handlers, command) end
end
table.sort(settings.handlers, function(a, b) return a.id < b.id end)

for _, command in ipairs(settings.handlers) do rows[#rows + 1] = row_of(command) end

settings.schema = schema.new(listeners.options, rows, account_of.waiting)

--- Reads and checks the options of a user; an invalid option is returned, not raised.
---@param given table
---@return table? o  with defaults
---@return smpp.Mistake|table profile  the options of its profile
function settings.read(given)
  local codec, handlers = pdus.codec, {}
  local wrong
  if type(given) == "table" then -- handlers of vendor commands are options, too
    codec, wrong = pdus.codec_of(profiles.read(given.profile) or {})
    if not codec then return nil, mistake.inside(wrong, "profile") end
    given, handlers = codec.commands:take_handlers(given)
    if not given then return nil, handlers end
  end
  wrong = settings.schema:problem(given)
  if wrong then return nil, wrong end
  if given.accounts and given.authenticate then return nil, mistake.new "accounts or authenticate, not both" end
  local o = settings.schema:fill(given)
  o.codec, o.vendor_handlers = codec, handlers
  o.addresses, wrong = listeners.addresses(given)
  if wrong then return nil, wrong end
  local profile = profiles.read(o.profile)
  o.version = version.of(o.version)
  o.loop = o.loop or loops.current()
  o.tolerate = o.tolerate or profile.tolerate
  return o, profile
end

return settings
