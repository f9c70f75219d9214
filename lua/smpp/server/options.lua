--- Options of smpp.server.
local account_of = require "smpp.server.account"
local accounts = require "smpp.server.accounts"
local checks = require "smpp.server.checks"
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local kind = require "smpp.base.kind"
local listeners = require "smpp.transport.listener"
local loops = require "smpp.loop"
local mistake = require "smpp.base.mistake"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local schema = require "smpp.base.schema"
local version = require "smpp.codec.version"

local D = core.defaults -- the session's, in C

local settings = {}

local function row_of(command)
  return { command.name, "function", nil, "handler: (session, pdu) -> result", ("%s = function(session, pdu) end"):format(command.name) }
end

local rows = {
  { "filters", kind.list("function", "functions"), nil, "further transports over every connection: (inner, context) -> transport",
    "filters = { function(inner) return inner end }", program = true },
  { "system_id", kind.text(15), "smpp", "the name it answers binds with", 'system_id = "SMSC"' },
  { "version", version.kind, "5.0", "the highest version of SMPP to speak", 'version = "3.4"' },
  { "accounts", kind.either(accounts.kind, "string"), nil, "who may bind: passwords, tables of limits, or a Lua file with them",
    'accounts = { me = "secret", you = { password = "x", rate_per_s = 10 } }', default_text = "everybody" },
  { "authenticate", "function", nil, "decides about binds instead: (session, bind) -> true, or nil and a status",
    "authenticate = function(session, bind) return bind.password == os.date '%H' end" },
  { "refuse_bind", "function", nil, "asked before the account is looked up: (session, bind) -> a status that refuses",
    'refuse_bind = function(session, bind) if bind.system_id == "x" then return "ESME_RBINDFAIL" end end' },
  { "max_binds", kind.count, nil, "binds of one account at once", "max_binds = 2", default_text = "1000; where any bind is welcome no limit" },
  { "max_failed_binds", kind.count, 3, "failed binds of one connection; then it is closed", "max_failed_binds = 1" },
  -- requests
  { "checks", checks.schema, nil, "what is refused before a handler sees it", "checks = { ton = { 0, 1 }, data_coding = { 0, 8 } }" },
  { "message_id", "function", nil, "makes ids for handlers that give none: (session, pdu) -> string", 'message_id = function() return "1" end',
    default_text = "eight hexadecimal digits" },
  { "profile", profiles.kind, nil, "what data_coding and the like mean to its peers", 'profile = "gatewayapi"' },
  { "tolerate", profiles.tolerate, nil, "protocol violations of the peer that are tolerated",
    "tolerate = { stray_octets = true }", default_text = "the profile's" },
  { "window", kind.window, D.window, "requests of its own that may be unanswered on one bind", "window = 1" },
  { "max_waiting", kind.count, 250000, "messages and receipts that wait for ESMEs, of all accounts", "max_waiting = 10000" },
  { "max_unanswered", kind.count, D.max_unanswered, "pending requests of one session; above: ESME_RTHROTTLED", "max_unanswered = 10" },
  { "max_unanswered_in_all", kind.count, 100000, "pending requests of all sessions; above: ESME_RTHROTTLED", "max_unanswered_in_all = 100" },
  -- limits
  { "max_connections", kind.count, 20000, "bound or not", "max_connections = 10" },
  { "max_connections_per_address", kind.count, nil, "of one IPv4 address, or IPv6 network of 64 bits", "max_connections_per_address = 2",
    default_text = "1000; from this machine no limit" },
  { "max_pdu_octets", kind.with_unit("octets", kind.integer(16, 0x7FFFFFFF)), nil, "larger: generic_nack, and the connection is closed",
    "max_pdu_octets = 4096", default_text = D.max_pdu_octets .. ", before a bind 4096" },
  { "bind_timeout_s", kind.seconds, D.bind_timeout_s, "from connecting to a bind", "bind_timeout_s = 5" },
  { "pdu_read_s", kind.seconds, D.pdu_read_s, "from the first octet of a PDU to its last", "pdu_read_s = 2" },
  { "enquire_link_s", kind.seconds, D.enquire_link_s, "idle time before an enquire_link; 0: never", "enquire_link_s = 5" },
  { "enquire_link_response_s", kind.seconds, D.enquire_link_response_s, "for the response to an enquire_link; then the session ends",
    "enquire_link_response_s = 2" },
  { "inactivity_s", kind.seconds, D.inactivity_s, "without a request other than enquire_link: unbind; 0: never", "inactivity_s = 60" },
  { "response_timeout_s", kind.seconds, D.response_timeout_s, "for responses to requests of its own", "response_timeout_s = 5" },
  { "answer_timeout_s", kind.seconds, 10, "for its handlers", "answer_timeout_s = 30" },
  { "store", "table", nil, "keeps the receipts and messages that wait, see docs/store.md", "store = require('smpp.store').memory()",
    default_text = "in memory" },
  { "loop", "table", nil, "the event loop", "loop = loop", default_text = "the current one", program = true },
}

--- Commands that have a handler among the options, in the order of their ids.
---@type { id: integer, name: string }[]
settings.handlers = {}

-- Those that the server does not answer by itself, and that an ESME may send.
for _, command in ipairs(commands.requests) do
  if not command.roles.session and command.esme_sends_in > 0 then table.insert(settings.handlers, command) end
end
table.sort(settings.handlers, function(a, b) return a.id < b.id end)

for _, command in ipairs(settings.handlers) do rows[#rows + 1] = row_of(command) end

settings.schema = schema.new(listeners.options, rows, account_of.waiting)

--- Reads what a user gave; a mistake is a value.
---@param given table
---@param level? integer  as of `error`: vendor TLVs and commands that cannot be declared raise
---@return table? o  with defaults
---@return smpp.Mistake|table profile  the options of its profile
function settings.read(given, level)
  level = (level or 1) + 1
  local codec, handlers = pdus.codec, {}
  if type(given) == "table" then -- handlers of vendor commands stand among the options
    codec = pdus.codec_of(profiles.read(given.profile) or {}, level)
    given, handlers = codec.commands:take_handlers(given, level)
  end
  local wrong = settings.schema:problem(given)
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
