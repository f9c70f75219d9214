--- One account: who may bind as it, how, and what its binds may do.
--- An account outlives its binds: they share its rate, and what waits for them waits here.
local cidr = require "smpp.base.cidr"
local options = require "smpp.base.options"
local profiles = require "smpp.profile"
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

local BIND_TYPES = { trx = true, tx = true, rx = true }

local function bind_types(value)
  for _, name in ipairs(type(value) == "table" and value or { value }) do
    if not BIND_TYPES[name] then return ('"trx", "tx", "rx" or a list of them expected, got %s'):format(tostring(name)) end
  end
end

local function networks(value)
  if type(value) ~= "table" then return "a list of addresses and networks expected" end
  return select(2, cidr.set(value))
end

local whole = options.number(1, 1e9, true)

account_of.options = {
  password = "string",                   -- absent: any
  bind = bind_types,                     -- "trx", "tx", "rx" or a list; absent: all
  addresses = networks,                  -- { "192.0.2.0/24", ... } it may come from
  max_binds = whole,                     -- default 1000; of a server that lets anybody bind none
  window = options.number(1, 65535, true),         -- its requests that may be unanswered, per bind
  deliver_window = options.number(1, 65535, true), -- ours, per bind
  rate_per_s = options.number(1e-6, 1e9), burst = whole,
  default_alphabet = text.options.default_alphabet, -- what data_coding 0 means
  profile = "string|table",
  -- receipts and MO that wait for a receiver
  queue_limit = options.number(0, 1e9, true), keep_s = options.seconds, retry_s = options.seconds, max_attempts = whole,
  spread = options.one_of("round_robin", "least_outstanding", "same_bind"),
  data = function() end,                 -- the user's own
}

--- Checks what is given for an account; a string is its password.
---@param system_id string
---@param given table|string
---@param level integer
---@return table
function account_of.check(system_id, given, level)
  if type(given) == "string" then given = { password = given } end
  local wrong = options.wrong(given, account_of.options)
  if wrong then error(("account %s: %s"):format(system_id, wrong), level + 1) end
  if given.profile then profiles.options(given.profile, level + 1) end
  return given
end

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
    next_free = 0,                           -- when the rate's bucket is full again
    handlers = server.handlers,
    peer_text = nil,                         -- what data_coding means to it: session.peer_text
    outbox = nil,                            -- smpp.AccountQueue: what waits for a receiver
    queue_limit = nil, keep_s = nil, spread = nil, retry_s = nil, max_attempts = nil,
  }, mt)
  self:configure(given)
  return self
end

--- A handler that refuses what comes too fast: one comparison per message, no table.
local function limited(self, loop, handler)
  return function(session, pdu)
    local now, step = loop:now(), self.step_s
    local free = self.next_free
    if free < now then free = now end
    if free + step - now > self.burst_s then return nil, "ESME_RTHROTTLED" end
    self.next_free = free + step
    return handler(session, pdu)
  end
end

local DELIVERY = { queue_limit = 25000, keep_s = 172800, spread = "round_robin", retry_s = 30, max_attempts = math.huge }

--- Takes (new) settings.
---@param given table
function Account:configure(given)
  if self.given == given then return end
  local server = self.server
  self.given = given
  self.is_from = given.addresses and cidr.set(given.addresses)
  self.types = given.bind and {}
  for _, name in ipairs(type(given.bind) == "table" and given.bind or { given.bind }) do self.types[name] = true end
  local profile = options.merge(server.profile, profiles.options(given.profile))
  self.peer_text = { default_alphabet = given.default_alphabet or profile.default_alphabet, data_codings = profile.data_codings }
  self.handlers = server.handlers
  if given.rate_per_s then
    self.step_s = 1 / given.rate_per_s
    self.burst_s = self.step_s * (given.burst or math.max(1, math.ceil(given.rate_per_s))) + 1e-9
    self.handlers = {}
    for id, handler in pairs(server.handlers) do self.handlers[id] = handler end
    for id in pairs(server.codec.commands.roles.limited) do
      if self.handlers[id] then self.handlers[id] = limited(self, server.loop, self.handlers[id]) end
    end
  end
  for name, default in pairs(DELIVERY) do self[name] = given[name] or server.options[name] or default end
  for _, session in ipairs(self.binds) do self:apply(session) end
  if self.outbox then server.outbound.dispatch:pump(self) end
end

--- Puts a session under this account's limits.
function Account:apply(session)
  local given, server = self.given, self.server
  session:identify { account = given, peer_text = self.peer_text }
  session:set_max_unanswered(given.window or server.options.max_unanswered or 1000)
  session:set_window(given.deliver_window or server.options.window or 10)
end

--- Why a bind is refused, nil: it is welcome.
---@param kind "trx"|"tx"|"rx"
---@param host string  where it comes from
---@param password string|false  false: it was checked already
---@return string? status
---@return string? reason  for logs
function Account:refusal(kind, host, password)
  local given = self.given
  if self.is_from and not self.is_from(host) then return "ESME_RBINDFAIL", "not from this address" end
  if password and given.password and given.password ~= password then return "ESME_RINVPASWD", "wrong password" end
  if self.types and not self.types[kind] then return "ESME_RBINDFAIL", "bind type " .. kind .. " is not allowed" end
  local server = self.server
  local most = given.max_binds or server.options.max_binds or ((server.directory.is_fixed or server.directory.authenticate) and 1000)
  if most and #self.binds >= most then return "ESME_RALYBND", ("%d binds already"):format(#self.binds) end
end

return account_of
