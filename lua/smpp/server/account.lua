--- One account: who may bind as it, how, and what its binds may do.
--- An account outlives its binds: they share its rate, and what waits for them waits here.
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
---@field given table        what the user gave: session.account
---@field binds smpp.Session[]  its sessions, in order of bind
---@field handlers table     command_id -> function, with this account's limits before the user's
local Account = {}
local mt = { __index = Account, __name = "smpp.Account" }
function mt:__tostring() return "account " .. self.system_id end

local account_of = { class = Account }

local bind_type = kind.one_of("trx", "tx", "rx")

--- How receipts and MO messages wait for a receiver; the server's own options, too.
account_of.waiting = schema.new {
  { "queue_limit", kind.integer(0, 1e9), 25000, "messages and receipts of one account that wait; more are refused (queue_full)",
    "queue_limit = 1000" },
  { "keep_s", kind.seconds, 172800, "how long they wait", "keep_s = 3600" },
  { "retry_s", kind.seconds, 30, "until one that the ESME refused for now is sent again", "retry_s = 5" },
  { "max_attempts", kind.count, nil, "how often it is sent", "max_attempts = 3", default_text = "no limit" },
  { "spread", kind.one_of("round_robin", "least_outstanding", "same_bind"), "round_robin", "over the receivers of an account",
    'spread = "same_bind"' },
}

local own_waiting = {}
for i, row in ipairs(account_of.waiting.rows) do
  own_waiting[i] = schema.merge(row, { default_text = "the server's" })
  own_waiting[i][3] = nil
end

--- Settings of an account.
account_of.schema = schema.new({
  { "password", "string", nil, "its password", 'password = "secret"', secret = true, default_text = "any" },
  { "bind", kind.either(bind_type, kind.list(bind_type, "bind types")), nil, "the binds it may make",
    'bind = { "tx", "rx" }', default_text = "all" },
  { "addresses", cidr.kind, nil, "where it may come from", 'addresses = { "192.0.2.0/24", "2001:db8::/32" }', default_text = "anywhere" },
  { "certificate", certificates.kind, nil, "the client certificate it must have: cn:NAME, dns:NAME, sha256:HEX, pin:PIN, or a list of these",
    'certificate = "cn:acme"', default_text = "any" },
  { "max_binds", kind.count, nil, "binds at once", "max_binds = 2", default_text = "1000; where any bind is welcome no limit" },
  { "window", kind.window, nil, "its requests that may be unanswered on one bind; beyond: ESME_RTHROTTLED",
    "window = 10", default_text = "max_unanswered" },
  { "deliver_window", kind.window, nil, "unanswered requests of ours on one bind", "deliver_window = 1", default_text = "window of the server" },
  { "rate_per_s", kind.rate, nil, "submits of all its binds; beyond: ESME_RTHROTTLED", "rate_per_s = 50", default_text = "no limit" },
  { "burst", kind.count, nil, "so many of them at once", "burst = 5", default_text = "those of one second" },
  { "default_alphabet", text.options.default_alphabet, nil, "the encoding behind its data_coding 0", 'default_alphabet = "latin1"',
    default_text = "the profile's" },
  { "profile", profiles.kind, nil, "what its data_coding and the like mean", 'profile = "gatewayapi"', default_text = "the server's" },
  { "data", "any", nil, "yours", "data = { customer = 5 }" },
}, own_waiting)

--- An account as it is given: settings, or a password.
account_of.kind = {
  expected = "a password or a table of settings",
  fits = function(value) return type(value) == "string" or account_of.schema.fits(value) end,
  explain = function(value)
    return type(value) == "table" and account_of.schema:problem(value) or mistake.wrong("a password or a table of settings", value, true)
  end,
  schema = account_of.schema,
}

--- The settings of an account; a string is its password.
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
    binds = {}, receivers = {},              -- sessions; those that can receive
    bucket = nil,                            -- smpp.Bucket of its rate
    handlers = server.handlers,
    peer_text = nil,                         -- what data_coding means to it: session.peer_text
    outbox = nil,                            -- smpp.AccountQueue: what waits for a receiver
    queue_limit = nil, keep_s = nil, spread = nil, retry_s = nil, max_attempts = nil,
  }, mt)
  self:configure(given)
  return self
end

--- A handler that refuses what comes too fast.
local function limited(bucket, loop, handler)
  return function(session, pdu)
    if bucket:take(loop:now()) > 0 then return nil, "ESME_RTHROTTLED" end
    return handler(session, pdu)
  end
end

--- Takes (new) settings.
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
  if given.rate_per_s then
    local fresh = buckets.new(given.rate_per_s, given.burst, server.loop:now())
    if self.bucket then fresh.full_at = self.bucket.full_at end -- new settings bring no tokens
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

--- Puts a session under this account's limits.
function Account:apply(session)
  local given, server = self.given, self.server
  session:identify { account = given, peer_text = self.peer_text }
  session:set_max_unanswered(given.window or server.options.max_unanswered)
  session:set_window(given.deliver_window or server.options.window)
end

--- Why a bind is refused, nil: it is welcome.
---@param kind "trx"|"tx"|"rx"
---@param session smpp.Session
---@param password string|false  false: it was checked already
---@return string? status
---@return string? reason  for logs
function Account:refusal(kind, session, password)
  local given = self.given
  if self.is_from and not self.is_from(session.peer.host) then return "ESME_RBINDFAIL", "not from this address" end
  if password and given.password and given.password ~= password then return "ESME_RINVPASWD", "wrong password" end
  local wrong = given.certificate and certificates.mismatch(given.certificate, session.tls and session.tls.client)
  if wrong then return "ESME_RINVPASWD", wrong end
  if self.types and not self.types[kind] then return "ESME_RBINDFAIL", "bind type " .. kind .. " is not allowed" end
  local server = self.server
  local most = given.max_binds or server.options.max_binds or ((server.directory.is_fixed or server.directory.authenticate) and 1000)
  if most and #self.binds >= most then return "ESME_RALYBND", ("%d binds already"):format(#self.binds) end
end

return account_of
