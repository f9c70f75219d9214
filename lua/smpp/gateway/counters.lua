--- Credit and quota of accounts, in the store: each message writes them with itself, so that they are exact after any crash.
local stores = require "smpp.store"
local task = require "smpp.base.task"

local counters = {}

---@class smpp.AccountCounters
local Counters = {}
local mt = { __index = Counters, __name = "smpp.AccountCounters" }

local WRITE_S = 1 -- before what was charged for a message that passes through is written
local RETRY_S = 1 -- before reading is tried again
local READY_S = 10 -- how long a message waits for the counters of its account, after a start
local COUNTERS = { "credit", "quota" }

---@param books smpp.Books
---@return smpp.AccountCounters
function counters.new(books)
  return setmetatable({ books = books, gateway = books.gateway, store = books.store, changed = {}, is_writing = false }, mt)
end

--- Adds the changes that keep the counters of an account.
---@param account string
---@param changes smpp.Change[]
function Counters:keep(account, changes)
  local customer = self.gateway.customers[account]
  if not customer or not customer.is_kept or not customer.in_books then return end
  local values = customer:counters()
  for _, name in ipairs(COUNTERS) do
    if values[name] then changes[#changes + 1] = { op = "change", kind = "counter", key = name .. "/" .. account, set = { state = values[name] } } end
  end
end

--- Adds the changes that charge an account for a message; in a shared store they fail as "exceeded" where it may not have it.
---@param account string
---@param charged integer?  in millionths
---@param changes smpp.Change[]
function Counters:charge(account, charged, changes)
  if not self.books.is_shared then return self:keep(account, changes) end
  local customer = self.gateway.customers[account]
  if not customer or not customer.is_kept then return end
  if customer.balance and charged then
    changes[#changes + 1] = { op = "count", kind = "counter", key = "credit/" .. account, set = { by = -charged, least = 0 } }
  end
  local quota = customer.quota
  if quota then
    changes[#changes + 1] = { op = "count", kind = "counter", key = "quota/" .. account, set = { by = 1, most = quota.n, per_s = quota.per_s } }
  end
end

--- The status of a message that an account may not have.
---@param msg smpp.RouteMessage  gets `reason`
---@param key string  of the counter
---@return string status
function Counters:refusal(msg, key) -- luacheck: no self
  if key:find "^credit/" then
    msg.reason = "no_credit"
    return "ESME_RSUBMITFAIL"
  end
  msg.reason = "quota"
  return "ESME_RTHROTTLED"
end

--- Charges an account of a shared store for a message that does not go through the books.
---@async
---@param msg smpp.RouteMessage
---@param charged integer?
---@return string? status  refused
function Counters:take(msg, charged)
  local changes = {}
  self:charge(msg.account, charged, changes)
  if not changes[1] then return nil end
  local ok, words, code = stores.commit(self.store, changes)
  if ok then return nil end
  return code == "exceeded" and self:refusal(msg, words) or "ESME_RSYSERR"
end

--- Adds the changes that give an account back what it was charged.
---@param account string
---@param charged integer
---@param changes smpp.Change[]
function Counters:refund(account, charged, changes)
  if self.books.is_shared then
    changes[#changes + 1] = { op = "count", kind = "counter", key = "credit/" .. account, set = { by = charged } }
    return
  end
  self.gateway.customers[account]:refund(charged)
  self:keep(account, changes)
end

--- The commit of `refund` has failed.
function Counters:unrefund(account, charged)
  if not self.books.is_shared then self.gateway.customers[account]:refund(-charged) end
end

--- A message that was charged, and not for the books, was refused.
---@param account string
---@param charged integer
function Counters:give_back(account, charged)
  if self.books.is_shared then
    local changes = {}
    self:refund(account, charged, changes)
    return task.start(self.books.sink, self.books.commit, self.books, changes)
  end
  self.gateway.customers[account]:refund(charged)
end

--- The credit of an account of a shared store, as the store has it; nil: it is away.
---@async
---@param account string
---@return number?
function Counters:credit(account)
  local counter = stores.get(self.store, "counter", "credit/" .. account)
  return counter and tonumber(counter.state) or nil
end

--- What an account has used of its quota, of a shared store; nil: it is away.
---@async
---@param account string
---@param per_s number  of the quota
---@return integer?
function Counters:used(account, per_s)
  local counter, _, code = stores.get(self.store, "counter", "quota/" .. account)
  if not counter then return code == "missing" and 0 or nil end
  local its_s, window, used = counter.state:match "^(%S+) (%S+) (%S+)$"
  return tonumber(its_s) == per_s and tonumber(window) == math.floor(self.books:time() / per_s) and tonumber(used) or 0
end

--- A counter of the store, or a new one with a value.
---@async
local function load_counter(self, key, value)
  while not self.books.closed do
    local counter, words, code = stores.get(self.store, "counter", key)
    if counter then return counter.state end
    if code == "missing" then
      local ok, _, why = self.books:commit { { op = "add", kind = "counter", record = { key = key, state = value } } }
      if not ok and why ~= "duplicate" then return nil end -- duplicate: another node was faster
    else
      self.gateway:log("error", "store_failed", { reason = words })
      self.books:sleep(RETRY_S)
    end
  end
end

--- Reads the counters of all accounts from the store; those of a new account begin with its options.
---@async
function Counters:load()
  local names = {}
  for name, customer in pairs(self.gateway.customers) do
    if customer.is_kept and not customer.in_books then names[#names + 1] = name end
  end
  table.sort(names)
  for _, account in ipairs(names) do
    local customer = self.gateway.customers[account]
    local found = {}
    for name, value in pairs(customer:counters()) do
      found[name] = load_counter(self, name .. "/" .. account, value)
      if not found[name] then return end
    end
    if not customer.in_books then -- else another load was faster
      for name, value in pairs(found) do customer:set_counter(name, value) end
      customer.in_books = true
    end
  end
end

--- Waits until the counters of an account are known: what it may still send is not known before.
---@async
---@param account string
---@return smpp.Customer? customer  nil: they cannot be read
function Counters:ready(account)
  local till = self.books.loop:now() + READY_S
  while true do
    local customer = self.gateway.customers[account] -- another, when the file was loaded again
    if not customer or not customer.is_kept or customer.in_books then return customer end
    if self.books.closed or self.books.loop:now() >= till then return nil end
    self.books:sleep(0.05)
  end
end

--- A message that does not go through the books was charged: its account's counters are written, soon.
---@param account string
function Counters:charged(account)
  if self.books.is_shared then return end
  self.changed[account] = true
  if self.is_writing then return end
  self.is_writing = true
  task.start(self.books.sink, function()
    repeat
      self.books:sleep(WRITE_S)
      local changes, accounts = {}, self.changed
      self.changed = {}
      for name in pairs(accounts) do self:keep(name, changes) end -- the values of now, at each attempt
      local ok, words = true, nil
      if changes[1] then ok, words = stores.commit(self.store, changes) end
      if not ok then
        self.gateway:log("error", "store_failed", { reason = words })
        for name in pairs(accounts) do self.changed[name] = true end
      end
    until next(self.changed) == nil or self.books.closed
    self.is_writing = false
  end)
end

return counters
