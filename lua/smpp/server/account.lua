--- One account: checks its binds, and enforces its limits.
--- An account outlives its binds: they share its rate limit, and its queue of receipts and MO messages.
local buckets = require "smpp.base.bucket"
local certificates = require "smpp.server.certificate"
local cidr = require "smpp.base.cidr"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local profiles = require "smpp.profile"
local schema = require "smpp.base.schema"
local text = require "smpp.text"

---@class smpp.Account
---@field system_id string
---@field given table        settings as the user gave them: session.account
---@field binds smpp.Session[]  its sessions, in order of bind
---@field handlers table     command_id -> handler, wrapped by this account's rate limit
local Account = {}
local mt = { __index = Account, __name = "smpp.Account" }
function mt:__tostring() return "account " .. self.system_id end

local account_of = { class = Account }

local bind_type = kind.one_of("trx", "tx", "rx")

--- Options of the queue for receivers; also options of the server.
account_of.waiting = schema.new {
  { "queue_limit", kind.integer(0, 1e9), 25000, "queued messages and receipts of one account; above: refused (queue_full)",
    "queue_limit = 1000" },
  { "keep_s", kind.seconds, 172800, "how long they are queued", "keep_s = 3600" },
  { "retry_s", kind.seconds, 30, "pause before one that the ESME refused temporarily is sent again", "retry_s = 5" },
  { "max_attempts", kind.count, nil, "total number of attempts", "max_attempts = 3", default_text = "no limit" },
  { "spread", kind.one_of("round_robin", "least_outstanding", "same_bind"), "round_robin", "distribution over the receivers of an account",
    'spread = "same_bind"' },
}

local own_waiting = {}
for i, row in ipairs(account_of.waiting.rows) do
  own_waiting[i] = schema.merge(row, { default_text = "the server's" })
  own_waiting[i][3] = nil
end

--- Options of an account.
account_of.schema = schema.new({
  { "password", "string", nil, "password of the account", 'password = "secret"', secret = true, default_text = "any" },
  { "bind", kind.either(bind_type, kind.list(bind_type, "bind types")), nil, "allowed bind types",
    'bind = { "tx", "rx" }', default_text = "all" },
  { "addresses", cidr.kind, nil, "allowed client addresses", 'addresses = { "192.0.2.0/24", "2001:db8::/32" }', default_text = "anywhere" },
  { "certificate", certificates.kind, nil, "required client certificate: cn:NAME, dns:NAME, sha256:HEX, pin:PIN, or a list of these",
    'certificate = "cn:acme"', default_text = "any" },
  { "max_binds", kind.count, nil, "maximum number of binds", "max_binds = 2", default_text = "1000; without accounts no limit" },
  { "window", kind.window, nil, "pending requests of one bind; above: ESME_RTHROTTLED",
    "window = 10", default_text = "max_unanswered" },
  { "deliver_window", kind.window, nil, "unanswered requests of the server on one bind", "deliver_window = 1",
    default_text = "window of the server" },
  { "rate_per_s", kind.rate, nil, "submissions of all its binds; above: ESME_RTHROTTLED", "rate_per_s = 50", default_text = "no limit" },
  { "burst", kind.count, nil, "submissions at once after a pause", "burst = 5", default_text = "the submissions of one second" },
  { "default_alphabet", text.options.default_alphabet, nil, "encoding of its data_coding 0", 'default_alphabet = "latin1"',
    default_text = "the profile's" },
  { "profile", profiles.kind, nil, "deviations of this ESME: the name of a profile, or a table", 'profile = "gatewayapi"',
    default_text = "the server's" },
  { "data", "any", nil, "any value, for the user", "data = { customer = 5 }" },
}, own_waiting)

--- The kind of an account as given: a table of options, or a password.
account_of.kind = {
  expected = "a password or a table of settings",
  fits = function(value) return type(value) == "string" or account_of.schema.fits(value) end,
  explain = function(value)
    return type(value) == "table" and account_of.schema:problem(value) or mistake.wrong("a password or a table of settings", value, true)
  end,
  schema = account_of.schema,
}

--- The options of an account as a table; a string is its password.
---@param given table|string
---@return table
function account_of.settings(given) return type(given) == "string" and { password = given } or given end

---@param system_id string
---@param given table  checked
---@param server table
---@return smpp.Account
function account_of.new(system_id, given, server)
  local self = setmetatable({
    system_id = system_id,
    server = server,
    given = nil, is_from = nil, types = nil, -- set by configure
    binds = {}, receivers = {},              -- its sessions; those bound as rx or trx
    bucket = nil,                            -- smpp.Bucket of rate_per_s
    reserved = 0,                            -- sessions that are bound, or about to be, which are counted elsewhere, too
    handlers = server.handlers,
    peer_text = nil,                         -- its meaning of data_coding: session.peer_text
    outbox = nil,                            -- smpp.AccountQueue: receipts and MO messages for its receivers
    queue_limit = nil, keep_s = nil, spread = nil, retry_s = nil, max_attempts = nil,
  }, mt)
  self:configure(given)
  return self
end

--- Wraps a handler: refuses requests above the rate limit.
local function limited(bucket, loop, handler)
  return function(session, pdu)
    if bucket:take(loop:now()) > 0 then return nil, "ESME_RTHROTTLED" end
    return handler(session, pdu)
  end
end

--- The same where several servers have one limit.
local function limited_in_all(rate, handler)
  return function(session, pdu)
    if not rate:admit() then return nil, "ESME_RTHROTTLED" end
    return handler(session, pdu)
  end
end

--- Sets or replaces the options.
---@param given table
function Account:configure(given)
  if self.given == given then return end
  local server = self.server
  self.given = given
  self.is_from = given.addresses and cidr.set(given.addresses)
  self.types = given.bind and {}
  for _, name in ipairs(type(given.bind) == "table" and given.bind or { given.bind }) do self.types[name] = true end
  local profile = schema.merge(server.profile, profiles.options(given.profile))
  self.peer_text = { default_alphabet = given.default_alphabet or profile.default_alphabet, data_codings = profile.data_codings }
  self.handlers = server.handlers
  local limits = server.options.limits
  if given.rate_per_s and limits then
    local rate = limits:rate(self.system_id, given.rate_per_s)
    self.handlers = schema.merge(server.handlers)
    for id in pairs(server.codec.commands.roles.limited) do
      if self.handlers[id] then self.handlers[id] = limited_in_all(rate, self.handlers[id]) end
    end
  elseif given.rate_per_s then
    local fresh = buckets.new(given.rate_per_s, given.burst, server.loop:now())
    if self.bucket then fresh.full_at = self.bucket.full_at end -- keep the fill level of the bucket
    self.bucket, self.handlers = fresh, {}
    for id, handler in pairs(server.handlers) do self.handlers[id] = handler end
    for id in pairs(server.codec.commands.roles.limited) do
      if self.handlers[id] then self.handlers[id] = limited(fresh, server.loop, self.handlers[id]) end
    end
  end
  for name in pairs(account_of.waiting.by_name) do self[name] = given[name] or server.options[name] end
  self.max_attempts = self.max_attempts or math.huge
  for _, session in ipairs(self.binds) do self:apply(session) end
  if self.outbox then server.outbound.dispatch:pump(self) end
end

--- Applies this account's limits to a session.
function Account:apply(session)
  local given, server = self.given, self.server
  session:identify { account = given, peer_text = self.peer_text }
  session:set_max_unanswered(given.window or server.options.max_unanswered)
  session:set_window(given.deliver_window or server.options.window)
end

--- Checks a bind: the status that refuses it, nil: accepted.
---@param kind "trx"|"tx"|"rx"
---@param session smpp.Session
---@param password string|false  false: checked already
---@return string? status
---@return string? reason  for logs
function Account:refusal(kind, session, password)
  local given = self.given
  if self.is_from and not self.is_from(session.peer.host) then return "ESME_RBINDFAIL", "client address not allowed" end
  if password and given.password and given.password ~= password then return "ESME_RINVPASWD", "wrong password" end
  local wrong = given.certificate and certificates.mismatch(given.certificate, session.tls and session.tls.client)
  if wrong then return "ESME_RINVPASWD", wrong end
  if self.types and not self.types[kind] then return "ESME_RBINDFAIL", "bind type " .. kind .. " is not allowed" end
  local server = self.server
  local most = given.max_binds or server.options.max_binds or ((server.directory.is_fixed or server.directory.authenticate) and 1000)
  if most and #self.binds >= most then return "ESME_RALYBND", ("too many binds (%d)"):format(#self.binds) end
end

--- Counts a bind in all servers that share the limits of this account; false: it is one too many.
---@async
---@param session smpp.Session
---@return boolean
function Account:reserve(session)
  local limits, most = self.server.options.limits, self.given.max_binds or self.server.options.max_binds
  if not limits then return true end
  self.reserved, session.owner.reserved_in = self.reserved + 1, self
  if not most then
    limits:count(self.system_id, self.reserved)
    return true
  end
  if limits:bind(self.system_id, self.reserved, most) then return true end
  session.owner:release()
  return false
end

--- A session that was counted has ended.
function Account:release()
  self.reserved = self.reserved - 1
  self.server.options.limits:count(self.system_id, self.reserved)
end

return account_of
