--- Outbound queue of a server: receipts and MO messages for ESMEs, distributed over the receivers of each account.  An item
--- stays until it is acknowledged, and is sent again after a lost session.  Items are in the store (smpp.server.stored); this
--- file has the queue of each account and the state of each item.
---
---     draft ── commit ──> queued ── pump ──> sent ── acknowledged, refused permanently ──> settled: removed from store
---                         ^  ^                │
---                         │  └── requeue ─────┤ session lost, no answer in time, throttled
---                         └── deferred <──────┘ refused temporarily: after retry_s
local core = require "smpp.core"
local dispatch = require "smpp.server.dispatch"
local metrics = require("smpp.metrics").standard
local schema = require "smpp.base.schema"
local queues = require "smpp.server.account_queue"
local scheduler = require "smpp.base.scheduler"
local stored = require "smpp.server.stored"
local strings = require "smpp.base.strings"
local task = require "smpp.base.task"

local outbound = {}

---@class smpp.Outbound
---@field waiting integer  items of all accounts that are not settled
local Outbound = {}
local mt = { __index = Outbound, __name = "smpp.Outbound" }

local AHEAD = 100       -- items of an account to keep in memory, approximately, once those of all take more than
local ROOM_OCTETS = 4 * 2 ^ 20
local AHEAD_OF_MANY = 1000 -- read at a time before that: each reading waits for the store

---@class smpp.OutboundItem  one receipt or MO message; its octets are in the store
---@field key string|integer|nil  in the store, nil: it is not there; integer: its serial there, and its octets are read when it is sent
---@field account smpp.Account
---@field number integer      its place in the queue of the account
---@field since number        loop time when it was queued
---@field attempts integer    number of times it was sent
---@field octets string?      its PDU, while in memory
---@field session smpp.Session?  that was sent it last
---@field reports string?     the state that it reports, as a deliver_sm, where that is known
---@field bind integer?       serial of the session to prefer, for spread = "same_bind"
---@field done (fun(ok: boolean?, code: string?))?  called once: acknowledged, refused or given up
---@field stored (fun(ok: boolean?, message: string?, code: string?))?  called once: stored, or storing failed

--- Creates the outbound queue of a server.
---@param server smpp.Server
---@param store smpp.Store
function outbound.new(server, store)
  local self
  self = setmetatable({
    server = server,
    loop = server.loop,
    stored = stored.new(store, server.loop, function(message) server:emit("error", message) end),
    dispatch = nil,              -- smpp.server.dispatch
    waiting = 0,
    octets = 0,                  -- of the items in memory
    is_own = not server.options.store, -- the store is in memory, and nobody else's: items whose octets are here need no record
    fresh = {}, fresh_count = 0, -- accounts with new items in this turn of the loop
    is_deferred = false,         -- flush runs at the end of this turn
    unclaimed = {},              -- system_id -> true: the store has items, and the account is not configured
    left_number = -2 ^ 40,       -- last number given to an item of an earlier run: these go first
    putting = nil, refusal = nil, refusal_code = nil, -- the item that `put` is committing, and the error of the store
    is_shared = store.shared or false, -- nodes share the store: what has no receiver here is in it alone
    is_paused = false,           -- nothing is sent until it is resumed
    is_closing = false, closed = false,
    lost = 0,                    -- items in flight on sessions that ended while the server was closing
    sink = function(trace) server:emit("error", trace) end,
  }, mt)
  self.flush_deferred = function() self:flush() end
  self.on_stored = function(ok, message, code, item) self:committed(item, ok, message, code) end
  self.on_loaded = function(record, message, code, item) self:loaded(item, record, message, code) end
  self.timers = scheduler.new(server.loop, function(due) self:due(due) end)
  self.dispatch = dispatch.new(server, self)
  metrics.add_queue("server", self)
  return self
end

--- An item waits for the response to it, as a function that is a table (smpp.session.outgoing).
local Item = {
  is_prompt = true,            -- `outcome` never waits
}
local ITEM = { __index = Item }

-- Metatables of receipts that report a state of the standard: `reports` is theirs, so that an item stays small.
local RECEIPTS = {}
for _, row in pairs(core.protocol.values().message_state) do
  local state = row.name:upper()
  RECEIPTS[state] = { __index = setmetatable({ reports = state }, ITEM) }
end

function Item:outcome(response, _, status)
  local server = self.account.server
  server.outbound.dispatch:answered(self.session, self, response, status)
  if response then server.codec.spend(response) end -- nobody else has it
end

local function queue_of(account)
  local queue = account.outbox
  if not queue then
    queue = queues.new()
    account.outbox = queue
  end
  return queue
end

--- Numbers of queued items, for metrics.
---@return integer messages  that are not acknowledged
---@return integer octets  of those in memory
---@return number oldest_s  age of the oldest that is not sent; 0: none
function Outbound:queue_metrics()
  local oldest = math.huge
  for _, account in pairs(self.server.accounts) do
    local item = account.outbox and account.outbox:head()
    if item then oldest = math.min(oldest, item.since) end
  end
  return self.waiting, self.octets, oldest < math.huge and math.max(0, self.loop:now() - oldest) or 0
end

-- ---- in ----

--- Creates an item and counts it.  Next is `stored:change(item, octets)` for the store, then `queue` or `discard`.
---@param account smpp.Account
---@param fields table  of a deliver_sm, or with `command` of another request
---@param bind? integer     serial of the session to prefer
---@param delay_s? number   delay before it is sent
---@return smpp.OutboundItem? item
---@return string octets  its PDU; or the error message
---@return string? code  "queue_full", or an error of codec.encode
function Outbound:draft(account, fields, bind, delay_s)
  local ok, message, code = self:check_room(account)
  if not ok then return nil, message, code end
  if not fields.command then fields = schema.merge(fields, { command = "deliver_sm" }) end
  local octets
  octets, message, code = self.server.codec.encode(fields)
  if not octets then
    self.server:forget(account)
    return nil, message, code
  end
  return self:draft_octets(account, octets, bind, delay_s), octets
end

--- Tests whether there is room for another item.
---@param account smpp.Account
---@return boolean? ok
---@return string? message
---@return string? code  "queue_full"
function Outbound:check_room(account)
  if self.waiting >= self.server.options.max_waiting then
    self.server:forget(account)
    return nil, ("queue full: %s queued (max_waiting)"):format(strings.plural(self.waiting, "message")), "queue_full"
  end
  local count = account.outbox and account.outbox.count or 0
  if count >= account.queue_limit then
    return nil, ("queue full: %s queued for %s (queue_limit)"):format(strings.plural(count, "message"), account.system_id), "queue_full"
  end
  return true
end

--- As `draft`, of a PDU; there is room.
---@param account smpp.Account
---@param octets string
---@param bind? integer
---@param delay_s? number
---@return smpp.OutboundItem item
function Outbound:draft_octets(account, octets, bind, delay_s)
  local queue = queue_of(account)
  queue.number = queue.number + 1
  local now = self.loop:now()
  return self:count(account, queue.number, now, bind, octets, delay_s and delay_s > 0 and now + delay_s or nil)
end

--- As `draft_octets`, of a deliver_sm that reports a state of the standard.
---@param account smpp.Account
---@param octets string
---@param state string
---@return smpp.OutboundItem item
function Outbound:draft_delivery(account, octets, state) return setmetatable(self:draft_octets(account, octets), RECEIPTS[state]) end

--- Stores and queues such a one.
---@param account smpp.Account
---@param octets string
---@param state string
---@return boolean? ok  as `put`
---@return string? message
---@return string? code
function Outbound:put_delivery(account, octets, state) return self:commit(self:draft_delivery(account, octets, state), octets) end

--- As `draft_octets`, of a receipt that reports a state of the standard and that the store drafts: its octets stay there.
---@param account smpp.Account
---@param bind? integer
---@param state string
---@return smpp.OutboundItem item
function Outbound:draft_receipt(account, bind, state)
  local queue = queue_of(account)
  queue.number, queue.count, self.waiting = queue.number + 1, queue.count + 1, self.waiting + 1
  return setmetatable({
    key = nil, account = account, number = queue.number, since = self.loop:now(), attempts = 0, octets = nil, bind = bind, session = nil,
  }, RECEIPTS[state])
end

--- Counts an item.
---@private
function Outbound:count(account, number, since, bind, octets, not_before)
  local queue = queue_of(account)
  queue.count, self.waiting = queue.count + 1, self.waiting + 1
  if queue.in_memory < AHEAD or self.octets < ROOM_OCTETS then
    queue.in_memory, self.octets = queue.in_memory + 1, self.octets + #octets
  else
    octets = nil
  end
  local item = setmetatable({
    key = nil, account = account, number = number, since = since, attempts = 0, octets = octets, bind = bind, session = nil, -- eight at most
  }, ITEM)
  if not_before then item.not_before = not_before end
  if self.is_shared and #account.receivers == 0 then item.is_away = true end
  return item
end

--- Uncounts an item.
---@private
function Outbound:uncount(item)
  local account = item.account
  local queue = account.outbox
  queue.count, self.waiting = queue.count - 1, self.waiting - 1
  if item.octets then queue.in_memory, self.octets = queue.in_memory - 1, self.octets - #item.octets end
  if queue.count == 0 and not self.server.directory.is_fixed then account.outbox = nil end
  self.server:forget(account)
end

--- The store failed to add an item.
---@param item smpp.OutboundItem
function Outbound:discard(item) self:uncount(item) end

--- Queues a stored item.  It is sent at the end of this turn of the loop, so that a receipt follows the response that has its
--- message_id.
---@param item smpp.OutboundItem
function Outbound:queue(item)
  local account = item.account
  if item.is_away then return self:uncount(item) end
  if account.is_gone then return self:finish(item, false, "closed") end
  if item.not_before then return self:delay(item, item.not_before) end
  account.outbox:insert(item)
  self:refresh(account)
end

--- Pumps an account's queue at the end of this turn.
---@private
function Outbound:refresh(account)
  local queue = account.outbox
  if queue.is_fresh then return end
  queue.is_fresh = true
  self.fresh_count = self.fresh_count + 1
  self.fresh[self.fresh_count] = account
  self:defer()
end

---@private
function Outbound:defer()
  if self.is_deferred then return end
  self.is_deferred = true
  self.loop:defer(self.flush_deferred)
end

--- Stores and queues a message for an account.
---@param account smpp.Account
---@param fields table  as of draft
---@param bind? integer
---@param done? fun(ok: boolean?, code: string?)
---@param on_stored? fun(ok: boolean?, message: string?, code: string?)
---@return boolean? ok  it is stored, or being stored
---@return string? message
---@return string? code  "queue_full", "store_failed", or an error of codec.encode
function Outbound:put(account, fields, bind, done, on_stored)
  local item, octets, code = self:draft(account, fields, bind)
  if not item then return nil, octets, code end
  item.done, item.stored = done, on_stored
  return self:commit(item, octets)
end

---@private
function Outbound:commit(item, octets)
  if self.is_own and item.octets then
    self:committed(item, true)
    return true
  end
  self.putting = item
  self.stored:put(item, octets, self.on_stored)
  local is_refused = self.putting == false
  self.putting = nil
  if is_refused then return nil, self.refusal, self.refusal_code end
  return true
end

---@private
function Outbound:committed(item, ok, message, code)
  if ok then
    self:queue(item)
    if item.stored then task.start(self.sink, item.stored, true) end
    return
  end
  self:discard(item)
  if self.putting == item then -- `put` returns the error
    self.putting, self.refusal, self.refusal_code = false, message, code
    return
  end
  if item.stored then task.start(self.sink, item.stored, nil, message, code) end
  if item.done then task.start(self.sink, item.done, false, code) end
end

--- Sends the items queued in this turn, and removes settled ones from the store.
function Outbound:flush()
  self.is_deferred = false
  self.stored:flush()
  local fresh, count = self.fresh, self.fresh_count
  self.fresh, self.fresh_count = {}, 0
  for i = 1, count do
    local account = fresh[i]
    local queue = account.outbox
    if queue then
      queue.is_fresh = false
      self.dispatch:pump(account)
      if queue:head() and not queue.is_swept then self:sweep(account) end
    end
  end
end

--- Stops sending, or goes on.  What is in flight is awaited; new items are queued.
---@param paused boolean
function Outbound:pause(paused)
  self.is_paused = paused
  if paused then return end
  for _, account in pairs(self.server.accounts) do
    if account.outbox then self:refresh(account) end
  end
end

-- ---- items of an earlier run ----

--- Queues the items in the store before new ones; at the end of this turn, when the program has added listeners.
function Outbound:restore()
  if self.is_shared then return end -- the gateway takes them
  self.loop:defer(function() self.stored:walk(nil, function(record) self:take_back(record) end) end)
end

--- An account is now configured: queues its items in the store.
---@param account smpp.Account
function Outbound:claim(account)
  if not self.unclaimed[account.system_id] then return end
  self.unclaimed[account.system_id] = nil
  self.stored:walk(account.system_id, function(record) self:take_back(record) end)
end

--- Another node may have a receiver of an account: gives back what waits for it here, but not what is on its way.
---@param account smpp.Account
function Outbound:give_back(account)
  local items = account.outbox and account.outbox:clear() or {}
  if not items[1] then return end
  self.stored:give_back(items)
  for _, item in ipairs(items) do self:uncount(item) end
end

--- What waits for an account here is another node's now; what is on its way stays until it is answered.
---@param account smpp.Account
function Outbound:forget(account)
  for _, item in ipairs(account.outbox and account.outbox:clear() or {}) do self:uncount(item) end
end

--- Takes an item that the store had.
---@param record table
function Outbound:take_back(record)
  local account = self.server.directory:get(record.system_id)
  if not account then
    if not self.unclaimed[record.system_id] then
      self.server:emit("error", ("the store has messages for unknown account %s"):format(record.system_id))
    end
    self.unclaimed[record.system_id] = true
    return
  end
  self.left_number = self.left_number + 1
  local since = self.loop:now() - math.max(0, self.loop:time() - record.since)
  local delay_s = record.not_before and record.not_before - self.loop:time() or 0
  local item = self:count(account, self.left_number, since, record.bind, record.octets)
  item.key, item.is_away = record.key, nil
  if delay_s > 0 then return self:delay(item, self.loop:now() + delay_s) end
  self:requeue(item)
  if account.outbox then self:refresh(account) end
end

-- ---- out ----

--- Settles an item: removes it from the queue and the store.
---@param item smpp.OutboundItem
---@param ok boolean
---@param code? string
function Outbound:finish(item, ok, code)
  if item.key and self.stored:settle(item.key) then self:defer() end
  self:uncount(item)
  if not ok then self.server:emit("undelivered", item.account.system_id, code) end
  if item.done then task.start(self.sink, item.done, ok, code) end
end

--- The time when an item expires (keep_s).
local function expiry(item) return item.since + item.account.keep_s end

--- A timer: a deferred item is due, or an account's queue is to be pumped.
---@private
function Outbound:due(due)
  if due.pump then return self.dispatch:pump(due.pump) end
  if due.sweep then return self:sweep(due.sweep) end
  local queue = due.account.outbox
  if not queue or queue.deferred[due.number] ~= due then return end -- given up meanwhile
  queue.deferred[due.number] = nil
  if due.not_before then
    due.not_before = nil
    return self:queue(due)
  end
  self:requeue(due)
  self.dispatch:pump(due.account)
end

local SWEEP_S = 60

--- Gives up expired items, and sets the timer for the next.  The head of a queue is the oldest.
---@private
function Outbound:sweep(account)
  local queue, now = account.outbox, self.loop:now()
  if not queue then return end
  local head = queue:head()
  while head and expiry(head) <= now do
    self:finish(queue:shift(), false, "timeout")
    head = queue:head()
  end
  queue.is_swept = head ~= nil
  if head then self.timers:add(math.min(expiry(head), now + SWEEP_S), { sweep = account }) end
end

--- Requeues an item near the head, behind older ones; gives it up if it has expired or its account was removed.
---@param item smpp.OutboundItem
function Outbound:requeue(item)
  if item.account.is_gone then return self:finish(item, false, "closed") end
  if expiry(item) <= self.loop:now() then return self:finish(item, false, "timeout") end
  local queue = item.account.outbox
  queue:insert(item)
  if not queue.is_swept then self:sweep(item.account) end
end

--- The octets of an item that the store has drafted (its key is a serial).
---@param item smpp.OutboundItem
---@return string? octets  nil: they are gone
function Outbound:drafted_octets(item)
  local octets = self.stored:octets(item)
  item.is_missing = not octets or nil
  return octets
end

--- Reads the octets of the next items from the store.
---@param account smpp.Account
function Outbound:load(account)
  local queue = account.outbox
  if queue.loading > 0 then return end
  local list = queue:not_in_memory(self.octets < ROOM_OCTETS and AHEAD_OF_MANY or AHEAD)
  queue.loading = #list
  for i = 1, #list do self.stored:load(list[i], self.on_loaded) end
end

---@private
function Outbound:loaded(item, record, message, code)
  local account = item.account
  local queue = account.outbox
  if not queue or self.closed then return end -- the account was removed meanwhile
  queue.loading = queue.loading - 1
  if record then
    item.octets, queue.in_memory, self.octets = record.octets, queue.in_memory + 1, self.octets + #record.octets
  elseif code == "missing" then
    item.is_missing = true
  else
    self.server:emit("error", ("cannot read a message for %s from the store: %s"):format(account.system_id, message))
    return self:pump_at(self.loop:now() + 1, account)
  end
  if queue.loading == 0 then self:refresh(account) end
end

--- Pumps an account's queue at a loop time.
---@param at number
---@param account smpp.Account
function Outbound:pump_at(at, account) self.timers:add(at, { pump = account }) end

--- Defers an item.
---@param item smpp.OutboundItem
---@param at number  loop time
function Outbound:delay(item, at)
  item.account.outbox.deferred[item.number] = item
  self.timers:add(math.min(at, expiry(item)), item)
end

--- A session ended with an item in flight: outcome unknown.  While the server is closing it is not sent again.
---@param item smpp.OutboundItem
---@param session smpp.Session
function Outbound:unanswered(item, session)
  if not self.is_closing or item.account.is_gone then return self:requeue(item) end
  self.lost = self.lost + 1
  item.account.outbox.lost[item.number] = item
  item.is_lost = true
  self.server.shutdown:lost(session)
end

-- ---- closing ----

--- Gives up the items of a removed account.
---@param account smpp.Account
function Outbound:drop(account)
  account.is_gone = true
  if not account.outbox then return end
  for _, item in ipairs(account.outbox:clear()) do self:finish(item, false, "closed") end
end

--- The server is closing: items not in flight stay in the store.
function Outbound:stop()
  self:flush()
  self.is_closing = true
end

--- Number of items that were not sent.
---@return integer
function Outbound:left() return self.waiting - self.lost end

--- Closes: the store keeps unsettled items; their `done` callbacks are called.
function Outbound:close()
  self.closed = true
  metrics.remove_queue(self)
  self.timers:close()
  self.stored:close()
  local ids = {}
  for id in pairs(self.server.accounts) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local account = self.server.accounts[id]
    for _, item in ipairs(account.outbox and account.outbox:clear() or {}) do
      self:uncount(item)
      local ok, code = false, "closed"
      if item.is_lost then ok, code = nil, "connection_lost" end
      if item.done then task.start(self.sink, item.done, ok, code) end
    end
  end
end

return outbound
