--- Limits of an account (allowed addresses, parts, quota, credit), and defaults set in its messages before they are routed.
local address = require "smpp.codec.address"
local core = require "smpp.core"
local csv = require "smpp.route.csv"
local matchers = require "smpp.route.matchers"
local number = require "smpp.route.number"
local timestamp = require "smpp.codec.timestamp"

local customers = {}

---@class smpp.Customer
---@field balance integer?  credit left, in millionths
local Customer = {}
local mt = { __index = Customer, __name = "smpp.Customer" }

local DAY_S = 86400
local KEPT_S = 60    -- quotas of so many seconds and more outlive a restart
local UNIT = 1000000 -- amounts are whole numbers of millionths: sums stay exact

local function units(amount) return math.floor(amount * UNIT + 0.5) end

---@param name string
---@param own table  options of the account that are the gateway's
---@param earlier smpp.Customer?  of the same name, before the file was loaded again: its credit and quota go on
---@param is_shared boolean?  its credit and quota are counted in a store that nodes share
---@return smpp.Customer
function customers.new(name, own, earlier, is_shared)
  local self = setmetatable({
    name = name,
    from = own.from and number.compile(own.from), to = own.to and number.compile(own.to),
    default_from = own.default_from and assert(address.source(own.default_from)),
    max_validity_s = own.max_validity_s, max_priority = own.max_priority, max_parts = own.max_parts,
    coding = own.codings and matchers.compile({ coding = own.codings }, {})[1],
    carriers = nil,
    quota = own.quota and { n = own.quota.n, per_s = own.quota.per_s or DAY_S },
    window = earlier and earlier.window, used = earlier and earlier.used or 0,
    is_shared = is_shared or false,
    is_kept = false,            -- it has counters that are kept in the store, where there is one
    in_books = false,           -- they were read from there
    has_limits = nil,           -- `admit` has something to do
    credit = own.credit, balance = own.credit and (earlier and earlier.balance or units(own.credit)),
    price = own.price and units(own.price) or UNIT, prices = nil, amounts = nil,
  }, mt)
  self.has_limits = self.from or self.to or self.default_from or self.max_validity_s or self.max_priority or self.max_parts or self.coding
    or self.quota or self.balance
  self.is_kept = self.balance ~= nil or (self.quota ~= nil and (self.is_shared or self.quota.per_s >= KEPT_S))
  local before, after = earlier and earlier:counters(), self:counters()
  self.in_books = earlier ~= nil and earlier.in_books and not before.credit == not after.credit and not before.quota == not after.quota
  if own.carriers then
    self.carriers = {}
    for _, carrier in ipairs(own.carriers) do self.carriers[carrier] = true end
  end
  if own.price_rows then
    self.prices, self.amounts = core.prefixes.new(), {}
    for i, row in ipairs(own.price_rows) do
      self.prices:add(csv.plain(row.prefix), i)
      self.amounts[i] = units(row.price)
    end
  end
  return self
end

local QUOTA = { n = math.huge, per_s = DAY_S }

--- Counts a message for the quota; false: it is used up.
local function within_quota(self, time)
  local quota = self.quota or QUOTA
  local window = math.floor(time / quota.per_s)
  if window ~= self.window then self.window, self.used = window, 0 end
  if self.used >= quota.n then return false end
  self.used = self.used + 1
  return true
end

--- How many messages the quota still has.
---@param time number  Unix time
---@return integer
function Customer:quota_left(time)
  local quota = self.quota
  return math.floor(time / quota.per_s) == self.window and quota.n - self.used or quota.n
end

--- The price of a message to a number, in millionths.
---@param to string
---@return integer
function Customer:price_of(to)
  local row = self.prices and self.prices:longest(to)
  return row and self.amounts[row] or self.price
end

local function longer(pdu, max_s, time)
  local octets = pdu.validity_period
  if not octets then return false end -- a data_sm
  local parsed = octets ~= "" and timestamp.parse(octets)
  local till = parsed and timestamp.to_unix(parsed, time)
  return not till or till > time + max_s
end

--- A refusal: its status, and on the message its reason, for those who can say more than a status.
local function refused(msg, status, reason)
  msg.reason = reason
  return status
end

--- Checks a message, and sets what it is to have.
---@param msg smpp.RouteMessage  its `changes` may get fields
---@param time number  Unix time
---@param set fun(msg: smpp.RouteMessage, fields: table)
---@return string? status  refused
---@return integer? charged  in millionths, to be given back if it is refused
function Customer:admit(msg, time, set)
  local pdu = msg.pdu
  if self.default_from and msg.from == "" then
    local from = self.default_from
    set(msg, { source_addr = from.addr, source_addr_ton = from.ton, source_addr_npi = from.npi })
  end
  if self.from and not self.from.test(msg.from, msg.from_ton) then return refused(msg, "ESME_RINVSRCADR", "source_not_allowed") end
  if self.to and not self.to.test(msg.to, msg.to_ton) then return refused(msg, "ESME_RINVDSTADR", "destination_not_allowed") end
  if self.coding and not self.coding.test(msg) then return "ESME_RSUBMITFAIL" end
  if self.max_parts and msg.parts > self.max_parts then return refused(msg, "ESME_RINVMSGLEN", "too_long") end
  if self.max_validity_s and longer(pdu, self.max_validity_s, time) then
    set(msg, { validity_period = assert(timestamp.relative(self.max_validity_s, { months = true })) })
  end
  local priority = self.max_priority and pdu.priority_flag
  if priority and priority > self.max_priority then set(msg, { priority_flag = self.max_priority }) end
  if not self.quota and not self.balance then return nil end
  local price = self.balance and self:price_of(msg.to)
  if self.is_shared then return nil, price end
  if price and self.balance < price then return refused(msg, "ESME_RSUBMITFAIL", "no_credit") end
  if not within_quota(self, time) then return refused(msg, "ESME_RTHROTTLED", "quota") end
  if price then self.balance = self.balance - price end
  return nil, price
end

--- Gives back what a message was charged that was refused.
---@param charged integer?
function Customer:refund(charged)
  if charged then self.balance = self.balance + charged end
end

--- Its counters as the store keeps them: name -> value.
---@return table<string, string>
function Customer:counters()
  local quota = self.quota
  return {
    credit = self.balance and ("%.0f"):format(self.balance),
    quota = quota and (self.is_shared or quota.per_s >= KEPT_S) and ("%.14g %.0f %.0f"):format(quota.per_s, self.window or 0, self.used) or nil,
  }
end

--- Sets a counter that was read from the store.
---@param name "credit"|"quota"
---@param value string
function Customer:set_counter(name, value)
  if name == "credit" then
    self.balance = tonumber(value)
    return
  end
  local per_s, window, used = value:match "^(%S+) (%d+) (%d+)$"
  if tonumber(per_s) == self.quota.per_s then self.window, self.used = tonumber(window), tonumber(used) end
end

return customers
