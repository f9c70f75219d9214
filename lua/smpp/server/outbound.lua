--- Receipts and MO messages on their way to an account: they wait for a receiver, are spread over the account's
--- receivers, stay until they are acknowledged, and are sent again when a session was lost.
local agenda = require "smpp.base.scheduler"
local commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local task = require "smpp.base.task"

local delivery = {}

local Delivery = {}
local mt = { __index = Delivery, __name = "smpp.Delivery" }

local SKIPPED_MAX = 100
local ids = commands.ids

---@class smpp.Delivery.Item
---@field fields table       of a deliver_sm (or data_sm: `command`)
---@field session smpp.Session?  the bind it belongs to, for spread = "same_bind"
---@field done (fun(ok: boolean, code: string?))?  called once: acknowledged, refused or given up

--- One for a server.
---@param server smpp.Server
function delivery.new(server)
  local self = setmetatable({
    server = server,
    loop = server.loop,
    waiting = 0,               -- items of all accounts that are not acknowledged
    fresh = {}, fresh_count = 0, -- accounts that got something in this turn of the loop
    sink = function(trace) server:emit("error", trace) end,
  }, mt)
  self.flush_deferred = function() self:flush() end
  self.agenda = agenda.new(server.loop, function(item) self:due(item) end)
  return self
end

local function outbox_of(account)
  if not account.outbox then
    account.outbox = {
      first = 1, last = 0,       -- items that wait, by number; requeued ones go before the first
      count = 0,                 -- waiting, put off and in flight
      put_off = {},              -- number -> item
      number = 0,                -- of the item that came last
      next = 0,                  -- receiver that had the last one
      is_swept = false,          -- the agenda has it down for what gets too old
      is_fresh = false,          -- it got something in this turn
    }
  end
  return account.outbox
end

--- Keeps an item for an account until one of its receivers acknowledged it.  It leaves at the end of this turn of the
--- loop: a handler's receipt goes behind its answer, which names the message that the receipt is about.
---@param account smpp.Account
---@param item smpp.Delivery.Item
---@return boolean? ok
---@return string? message
---@return string? code  "queue_full"
function Delivery:put(account, item)
  if self.waiting >= self.server.options.max_waiting then
    self.server:forget(account)
    return nil, ("%d messages wait already"):format(self.waiting), "queue_full"
  end
  local outbox = outbox_of(account)
  if outbox.count >= account.queue_limit then
    return nil, ("%d messages wait for %s already"):format(outbox.count, account.system_id), "queue_full"
  end
  outbox.count = outbox.count + 1
  self.waiting = self.waiting + 1
  outbox.number = outbox.number + 1
  item.account, item.attempts, item.number = account, 0, outbox.number
  item.command_id = ids[item.fields.command or "deliver_sm"]
  item.since = self.loop:now()
  outbox.last = outbox.last + 1
  outbox[outbox.last] = item
  if not outbox.is_fresh then
    outbox.is_fresh = true
    self.fresh_count = self.fresh_count + 1
    self.fresh[self.fresh_count] = account
    if self.fresh_count == 1 then self.loop:defer(self.flush_deferred) end
  end
  return true
end

--- Sends what this turn has brought.
function Delivery:flush()
  local fresh, count = self.fresh, self.fresh_count
  self.fresh, self.fresh_count = {}, 0
  for i = 1, count do
    local account = fresh[i]
    local outbox = account.outbox
    if outbox then
      outbox.is_fresh = false
      self:pump(account)
      if outbox.first <= outbox.last and not outbox.is_swept then self:sweep(account) end
    end
  end
end

--- An item is over.
function Delivery:finish(item, ok, code)
  local account = item.account
  account.outbox.count = account.outbox.count - 1
  self.waiting = self.waiting - 1
  if account.outbox.count == 0 and not account.server.directory.is_fixed then account.outbox = nil end
  if item.done then task.start(self.sink, item.done, ok, code) end
  self.server:forget(account)
end

--- When an item is too old.
local function expiry(item) return item.since + item.account.keep_s end

--- The agenda's word: an item is to be tried again, or a queue is to be looked through.
function Delivery:due(item)
  if item.pump then return self:pump(item.pump) end
  if item.sweep then return self:sweep(item.sweep) end
  local outbox = item.account.outbox
  if not outbox or outbox.put_off[item.number] ~= item then return end -- given up meanwhile
  outbox.put_off[item.number] = nil
  self:requeue(item)
  self:pump(item.account)
end

local SWEEP_S = 60

--- Looks for what is too old, now and as long as something waits.  The head of a queue is the oldest.
function Delivery:sweep(account)
  local outbox, now = account.outbox, self.loop:now()
  if not outbox then return end
  while outbox.first <= outbox.last and expiry(outbox[outbox.first]) <= now do
    local item = outbox[outbox.first]
    outbox[outbox.first] = nil
    outbox.first = outbox.first + 1
    self:finish(item, false, "timeout")
  end
  local head = outbox[outbox.first]
  outbox.is_swept = head ~= nil
  if head then self.agenda:add(math.min(expiry(head), now + SWEEP_S), { sweep = account }) end
end

--- Back to the head of the queue, behind what is older; one that got too old meanwhile, or lost its account, is given up.
function Delivery:requeue(item)
  if item.account.is_gone then return self:finish(item, false, "closed") end
  if expiry(item) <= self.loop:now() then return self:finish(item, false, "timeout") end
  local outbox = item.account.outbox
  local at = outbox.first - 1
  outbox.first = at
  while at < outbox.last and outbox[at + 1].number < item.number do
    outbox[at] = outbox[at + 1]
    at = at + 1
  end
  outbox[at] = item
  if not outbox.is_swept then self:sweep(item.account) end
end

local PARAMS = {}
for id, row in pairs(commands.rows) do
  PARAMS[id] = {}
  for i, param in ipairs(row.params) do PARAMS[id][i] = param.name end
end

--- A peer of 3.3 gets no TLVs.
local function fields_for(session, item)
  if session.version >= 0x34 then return item.fields end
  local fields = {}
  for _, name in ipairs(PARAMS[item.command_id]) do fields[name] = item.fields[name] end
  return fields
end

local function has_room(session, now)
  return not session.owner:is_backing_off(now) and session:in_flight() < session.window
end

--- The receiver for an item, nil: none has room now.
local function choose(account, item, now)
  local receivers, outbox = account.receivers, account.outbox
  local n = #receivers
  if account.spread == "same_bind" and item.session then
    for i = 1, n do
      if receivers[i] == item.session then return has_room(item.session, now) and item.session or nil end
    end
  end
  local best
  for step = 1, n do
    local at = (outbox.next + step - 1) % n + 1
    local session = receivers[at]
    if has_room(session, now) then
      if account.spread ~= "least_outstanding" then
        outbox.next = at
        return session
      end
      if not best or session:in_flight() < best:in_flight() then best = session end
    end
  end
  return best
end

--- Sends what waits, as far as the account's receivers have room.
---@param account smpp.Account
function Delivery:pump(account)
  local outbox, receivers = account.outbox, account.receivers
  if not outbox then return end
  local skipped = {} -- their own binds have no room; others' may
  while outbox.first <= outbox.last and #receivers > 0 and #skipped < SKIPPED_MAX do
    local item = outbox[outbox.first]
    local session = choose(account, item, self.loop:now())
    if not session and not (account.spread == "same_bind" and item.session) then break end
    outbox[outbox.first] = nil
    outbox.first = outbox.first + 1
    if session then self:send(session, item) else skipped[#skipped + 1] = item end
  end
  for i = #skipped, 1, -1 do
    outbox.first = outbox.first - 1
    outbox[outbox.first] = skipped[i]
  end
  if outbox.first > outbox.last then outbox.first, outbox.last = 1, 0 end
end

function Delivery:send(session, item)
  local cookie, message, code = session:send(item.command_id, fields_for(session, item), function(response, _, status)
    self:answered(session, item, response, status)
  end)
  if cookie then
    item.attempts = item.attempts + 1
  elseif code == "not_sent" or code == "closed" then -- it unbinds
    self:leave(session)
    self:requeue(item)
  else
    self.server:emit("error", ("a message for %s cannot be sent: %s"):format(item.account.system_id, message), session)
    self:finish(item, false, code)
  end
end

--- Puts an item off.
function Delivery:retry(item, seconds)
  item.account.outbox.put_off[item.number] = item
  self.agenda:add(math.min(self.loop:now() + seconds, expiry(item)), item)
end

function Delivery:answered(session, item, response, status)
  local account = item.account
  if response then
    session.owner:recovered()
    self:finish(item, true)
  elseif status == "connection_lost" or status == "timeout" or status == "closed" then
    if status == "timeout" then self:back_off(session) end
    if status == "timeout" and item.attempts >= account.max_attempts then
      self:finish(item, false, status)
    else
      self:requeue(item)
    end
  else
    local class = explain.class(status)
    if class == "throttle" then -- too much for the receiver, whichever message it is
      self:back_off(session)
      item.attempts = item.attempts - 1
    end
    if class == "permanent" or class == "session" or item.attempts >= account.max_attempts then
      self:finish(item, false, status)
    elseif class == "throttle" then
      self:requeue(item)
    else
      self:retry(item, account.retry_s)
    end
  end
  self:pump(account)
end

--- A receiver is congested: it gets nothing for a while.
function Delivery:back_off(session)
  local at = session.owner:back_off(self.loop:now())
  if at then self.agenda:add(at, { pump = session.owner.account }) end
end

--- A session can receive from now on.
function Delivery:join(session)
  local account = session.owner.account
  account.receivers[#account.receivers + 1] = session
  self:pump(account)
end

--- A session can no longer receive.
function Delivery:leave(session)
  local receivers = session.owner.account.receivers
  for i = #receivers, 1, -1 do
    if receivers[i] == session then table.remove(receivers, i) end
  end
end

--- Gives up what waits for an account that is gone.
---@param account smpp.Account
function Delivery:drop(account)
  account.is_gone = true
  local outbox, list = account.outbox, {}
  if not outbox then return end
  for i = outbox.first, outbox.last do list[#list + 1], outbox[i] = outbox[i], nil end
  for _, item in pairs(outbox.put_off) do list[#list + 1] = item end
  outbox.first, outbox.last, outbox.put_off = 1, 0, {}
  table.sort(list, function(a, b) return a.number < b.number end)
  for _, item in ipairs(list) do self:finish(item, false, "closed") end
end

--- Gives up everything.
function Delivery:close()
  self.agenda:close()
  local ids = {}
  for id in pairs(self.server.accounts) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do self:drop(self.server.accounts[id]) end
end

return delivery
