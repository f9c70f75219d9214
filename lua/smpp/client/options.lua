--- What smpp.connect and its kin are given: a URL, or a table with a URL in it, or a table; checked, with defaults.
local dialer = require "smpp.client.dialer"
local inbox = require "smpp.client.inbox"
local logs = require "smpp.base.log"
local loops = require "smpp.loop"
local options = require "smpp.base.options"
local pdus = require "smpp.codec"
local profiles = require "smpp.profile"
local sender = require "smpp.client.sender"
local url = require "smpp.client.url"

local settings = {}

local seconds, whole = options.seconds, options.number(1, math.huge, true)

local function version(value)
  return not dialer.version(value) and ("3.3, 3.4 or 5.0 expected, got %s"):format(tostring(value)) or nil
end

local function on_unknown(value)
  if value == "report" or value == "resend" or type(value) == "function" then return nil end
  return '"report", "resend" or a function expected'
end

local KNOWN = options.merge({
  [1] = "string", url = "string", host = "string", port = options.number(0, 65535, true), hosts = "table", system_id = "string",
  password = "string", system_type = "string", bind = options.one_of("trx", "tx", "rx", "tx+rx"), fallback = "boolean", version = version,
  addr_ton = "number|string", addr_npi = "number|string", address_range = "string",
  window = options.number(1, 65535, true), queue_limit = whole, first_sequence = whole, max_unanswered = whole,
  enquire_link_s = seconds, enquire_link_response_s = seconds, response_timeout_s = seconds, bind_timeout_s = seconds,
  connect_timeout_s = seconds, answer_timeout_s = seconds, inactivity_s = seconds, pdu_read_s = seconds,
  max_pdu_octets = whole, tls = "boolean|table", profile = "string|table", wait = "boolean", unchecked = "boolean",
  require_sc_version = "boolean", reconnect = "boolean|table", tolerate = "table", tlvs = "table", commands = "table", loop = "table",
  binds = whole, order = options.one_of("destination", "none"), rate_per_s = options.number(1e-3, math.huge),
  burst = options.number(1, math.huge), adaptive = "boolean|table", retry = "boolean|table", log = logs.wrong,
  on_unknown = on_unknown, outbind = "function", bound = "function",
  message = "function", receipt = "function", deliver_sm = "function", data_sm = "function",
  pdu = "function",
}, sender.options, inbox.options)

-- Options that are tables of their own.
local INNER = {
  retry = { attempts = whole, age_s = seconds },
  reconnect = { min_s = seconds, max_s = seconds, stable_s = seconds, fixed_s = seconds, jitter = options.number(0, 1) },
  adaptive = { min = whole, max = options.number(1, 65535, true), start = whole },
}

local function check_inner(o, level)
  for _, name in ipairs { "retry", "reconnect", "adaptive" } do
    if type(o[name]) == "table" then options.check(o[name], INNER[name], level + 1) end
  end
end

--- { host, port } of each host, whichever way it was written.
local function hosts_of(o, level)
  if o.host then return { { host = o.host, port = o.port or (o.tls and 8775 or 2775) } } end
  local hosts = {}
  for i, host in ipairs(o.hosts or {}) do
    if type(host) == "string" then
      local parsed, message = url.parse((o.tls and "smpps://" or "smpp://") .. host)
      if not parsed then error(message, level + 1) end
      host = parsed.hosts[1]
    elseif type(host) ~= "table" or type(host.host) ~= "string" then
      error("hosts: strings like \"host:port\", or { host =, port = } expected", level + 1)
    end
    hosts[i] = { host = host.host, port = host.port or (o.tls and 8775 or 2775) }
  end
  if #hosts == 0 then error("no host: give a URL, host = or hosts =", level + 1) end
  return hosts
end

--- Reads what the user gave.
---@param given string|table
---@param level integer  as of `error`
---@return table o
function settings.read(given, level)
  if type(given) == "string" then given = { given } end
  local vendor_handlers
  if type(given) == "table" then
    local vendor = options.merge(profiles.options(given.profile, level + 1), { commands = given.commands })
    given, vendor_handlers = pdus.codec_of({ commands = vendor.commands }, level + 1).commands:take_handlers(given, level + 1)
  end
  options.check(given, KNOWN, level + 1)
  local o = options.merge(given)
  local text = given[1] or given.url
  o[1] = nil
  if text then
    if type(text) ~= "string" then error("a URL expected, got " .. type(text), level + 1) end
    local parsed, message = url.parse(text)
    if not parsed then error(message, level + 1) end
    for name, value in pairs(parsed.options) do
      if KNOWN[name] ~= "string" then parsed.options[name] = url.value(value) end
    end
    options.check(parsed.options, KNOWN, level + 1)
    o = options.merge({ system_id = parsed.system_id, password = parsed.password, hosts = parsed.hosts, tls = parsed.tls },
      parsed.options, o)
  end
  o.hosts = hosts_of(o, level + 1)
  o = options.merge(profiles.options(o.profile, level + 1), o)
  o.version = dialer.version(o.version)
  if o.version < 0x34 and o.bind == "trx" then
    error('bind = "trx": SMPP 3.3 has no transceivers; "tx+rx" is two binds that act as one', level + 1)
  end
  o.bind = o.bind or (o.version < 0x34 and "tx+rx" or "trx")
  o.bind_timeout_s = o.bind_timeout_s or 10
  o.queue_limit = o.queue_limit or 1000
  o.loop = o.loop or loops.current()
  if o.reconnect == nil or o.reconnect == true then o.reconnect = {} end
  if o.retry == nil or o.retry == true then o.retry = {} end
  check_inner(o, level + 1)
  if o.on_unknown == "report" then o.on_unknown = nil end
  if o.order == "none" then o.order = nil end
  o.codec, o.vendor_handlers = pdus.codec_of(o, level + 1), vendor_handlers
  return o
end

return settings
