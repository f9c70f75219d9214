--- What smpp.server is given: names, checks and defaults of its options.
local commands = require "smpp.codec.commands"
local loops = require "smpp.loop"
local options = require "smpp.base.options"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local transports = require "smpp.transport"

local settings = {}

local VERSIONS = { ["3.3"] = 0x33, ["3.4"] = 0x34, ["5.0"] = 0x50 }

--- The interface_version octet of "3.3", "3.4", "5.0", 3.3, 3.4, 5.0 or the octet itself; nil: not a version.
local function version_of(value)
  if type(value) == "number" and value < 10 then value = ("%.1f"):format(value) end
  if value == 0x33 or value == 0x34 or value == 0x50 then return value end
  return VERSIONS[value]
end

local function system_id(value)
  return not (type(value) == "string" and #value < 16) and "at most 15 octets expected" or nil
end

local seconds, whole = options.seconds, options.number(1, 1e9, true)

--- What an address to listen on has.
local ADDRESS = {
  host = "string", port = options.number(0, 65535, true), backlog = whole,
  proxy_protocol = transports.check("proxy_protocol", "accept"), tls = transports.check("tls", "accept"),
}

local function wrong_addresses(value)
  if type(value) ~= "table" or #value == 0 then return "a list of addresses { host =, port = } expected" end
  for i, address in ipairs(value) do
    local wrong = options.wrong(address, ADDRESS)
    if wrong then return ("[%d]: %s"):format(i, wrong) end
  end
end

--- The options' names and checks, for smpp.base.options.
settings.known = options.merge(ADDRESS, {
  listen = wrong_addresses, filters = "table", loop = "table",
  accounts = "table|string", authenticate = "function", refuse_bind = "function", system_id = system_id,
  version = function(value) return not version_of(value) and "3.3, 3.4 or 5.0 expected" or nil end,
  window = options.number(1, 65535, true), max_unanswered = whole, max_unanswered_in_all = whole, max_binds = whole, max_failed_binds = whole,
  max_connections = whole, max_connections_per_address = whole, max_pdu_octets = options.number(16, 0x7FFFFFFF, true),
  enquire_link_s = seconds, enquire_link_response_s = seconds, inactivity_s = seconds, bind_timeout_s = seconds,
  pdu_read_s = seconds, response_timeout_s = seconds, answer_timeout_s = seconds, tolerate = "table", profile = "string|table",
  message_id = "function", checks = "table", store = "table",
  queue_limit = options.number(0, 1e9, true), max_waiting = whole, keep_s = seconds, retry_s = seconds, max_attempts = whole,
  spread = options.one_of("round_robin", "least_outstanding", "same_bind"),
})

--- Commands that have a handler among the options, in the order of their ids.
---@type { id: integer, name: string }[]
settings.handlers = {}

-- Those that the server does not answer by itself, and that an ESME may send.
for _, command in ipairs(commands.requests) do
  if not command.roles.session and command.esme_sends_in > 0 then
    settings.known[command.name] = "function"
    table.insert(settings.handlers, command)
  end
end
table.sort(settings.handlers, function(a, b) return a.id < b.id end)

local DEFAULTS = {
  system_id = "smpp", version = 0x50, max_connections = 20000,
  max_failed_binds = 3, bind_timeout_s = 10, max_waiting = 250000, max_unanswered_in_all = 100000,
}

--- The addresses to listen on, with defaults: those of `listen`, or the one that the options themselves are.
local function addresses_of(given, level)
  local list = {}
  for name in pairs(ADDRESS) do
    if given.listen and given[name] ~= nil then error(("listen or %s, not both"):format(name), level + 1) end
  end
  for i, address in ipairs(given.listen or { given }) do
    list[i] = {}
    for name in pairs(ADDRESS) do list[i][name] = address[name] end
    list[i].host = list[i].host or "127.0.0.1"
    list[i].port = list[i].port or transports.default_port(address)
  end
  return list
end

--- Checks what a user gave; returns it with defaults, and the options of its profile.
---@param given table
---@param level integer  as of `error`, seen from the caller
---@return table o
---@return table profile
function settings.read(given, level)
  level = level + 1
  local profile = profiles.options(given.profile, level)
  local codec = pdus.codec_of(profile, level)
  local rest, handlers = codec.commands:take_handlers(given, level)
  options.check(rest, settings.known, level)
  local o = options.merge(DEFAULTS, rest)
  o.codec, o.vendor_handlers = codec, handlers
  if o.accounts and o.authenticate then error("accounts or authenticate, not both", level) end
  o.addresses = addresses_of(rest, level)
  o.version = version_of(o.version)
  o.loop = o.loop or loops.current()
  o.tolerate = o.tolerate or profile.tolerate
  return o, profile
end

return settings
