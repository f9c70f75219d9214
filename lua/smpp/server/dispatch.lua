--- Sends the queued items of an account to its receivers: chooses a receiver with room in its window, handles the responses,
--- and backs off from congested receivers.
local commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local metrics = require("smpp.metrics").standard
local receipts = require "smpp.receipt"

local dispatch = {}

---@class smpp.Dispatch
---@field outbound smpp.Outbound  the queues; gets the outcome of each item
local Dispatch = {}
local mt = { __index = Dispatch, __name = "smpp.Dispatch" }

local DELIVER_SM = commands.ids.deliver_sm

local SKIPPED_MAX = 100 -- items that one pump skips because their bind has no room

---@param server smpp.Server
---@param outbound smpp.Outbound
---@return smpp.Dispatch
function dispatch.new(server, outbound) return setmetatable({ server = server, loop = server.loop, outbound = outbound }, mt) end

local PARAMS = {}
for id, row in pairs(commands.rows) do
  PARAMS[id] = {}
  for i, param in ipairs(row.params) do PARAMS[id][i] = param.name end
end

--- Removes TLVs for a session of version 3.3.
local function without_tlvs(view)
  local fields = {}
  for _, name in ipairs(PARAMS[view.command_id]) do fields[name] = view[name] end
  return fields
end

local function has_room(session, now)
  return not session.owner:is_backing_off(now) and session:in_flight() < session.window
end

--- Chooses the receiver for an item; nil: none has room; true: its own bind (same_bind) has no room.
local function choose(account, item, now)
  local receivers, queue = account.receivers, account.outbox
  local n = #receivers
  if n == 1 then
    local only = receivers[1]
    return has_room(only, now) and only or (account.spread == "same_bind" and item.bind == only.owner.serial or nil)
  end
  if account.spread == "same_bind" and item.bind then
    for i = 1, n do
      if receivers[i].owner.serial == item.bind then return has_room(receivers[i], now) and receivers[i] or true end
    end
  end
  local best
  for step = 1, n do
    local at = (queue.turn + step - 1) % n + 1
    local session = receivers[at]
    if has_room(session, now) then
      if account.spread ~= "least_outstanding" then
        queue.turn = at
        return session
      end
      if not best or session:in_flight() < best:in_flight() then best = session end
    end
  end
  return best
end

--- Sends queued items, as far as the account's receivers have room.
---@param account smpp.Account
function Dispatch:pump(account)
  local queue, receivers = account.outbox, account.receivers
  if not queue or self.outbound.is_closing or self.outbound.is_paused then return end
  local skipped, count, now = nil, 0, self.loop:now() -- items whose own bind has no room
  while #receivers > 0 and count < SKIPPED_MAX do
    local item = queue:head()
    if not item then break end
    local is_drafted = type(item.key) == "number"
    if not item.octets and not item.is_missing and not is_drafted then
      self.outbound:load(account)
      if not item.octets and not item.is_missing then break end
    end
    local session = choose(account, item, now)
    if not session then break end
    queue:shift()
    local octets = is_drafted and session ~= true and self.outbound:drafted_octets(item) or item.octets
    if session == true then
      skipped, count = skipped or {}, count + 1
      skipped[count] = item
    elseif item.is_missing then
      self.outbound:finish(item, false, "missing")
    else
      self:send(session, item, octets)
    end
  end
  for i = count, 1, -1 do queue:insert(skipped[i]) end
end

--- Sends the octets of an item as they are; those of version 3.3 without TLVs.  Returns what session:send does, and the state that a
--- receipt reports.
local function send_octets(self, session, item, octets)
  if item.reports and session.version >= 0x34 then return item.reports, session:send(DELIVER_SM, octets, item) end
  local view, message, code = self.server.codec.decode(octets)
  if not view then return nil, nil, message, code end
  return receipts.state_of(view), session:send(view.command_id, session.version >= 0x34 and view or without_tlvs(view), item)
end

---@private
function Dispatch:send(session, item, octets)
  item.session = session
  local state, cookie, message, code = send_octets(self, session, item, octets)
  if cookie then
    item.attempts = item.attempts + 1
    if state then metrics.count_receipt("server", "out", state) end
  elseif code == "not_sent" or code == "closed" then -- the session is unbinding
    self:leave(session)
    self.outbound:requeue(item)
  else
    self.server:emit("error", ("cannot send a message to %s: %s"):format(item.account.system_id, message), session)
    self.outbound:finish(item, false, code)
  end
end

--- A session is bound as a receiver.
function Dispatch:join(session)
  local account = session.owner.account
  account.receivers[#account.receivers + 1] = session
  self:pump(account)
end

--- A session is no longer a receiver.
function Dispatch:leave(session)
  local receivers = session.owner.account.receivers
  for i = #receivers, 1, -1 do
    if receivers[i] == session then table.remove(receivers, i) end
  end
end

---@private
function Dispatch:answered(session, item, response, status)
  local account = item.account
  if response then
    session.owner:recovered()
    self.outbound:finish(item, true)
  elseif status == "connection_lost" or status == "not_sent" or status == "closed" then
    self.outbound:unanswered(item, session)
  elseif status == "timeout" then
    self:back_off(session)
    if item.attempts >= account.max_attempts then
      self.outbound:finish(item, false, status)
    else
      self.outbound:requeue(item)
    end
  else
    local class = explain.class(status)
    if class == "throttle" then -- the receiver throttles: not caused by this message
      self:back_off(session)
      item.attempts = item.attempts - 1
    end
    if class == "permanent" or class == "session" or item.attempts >= account.max_attempts then
      self.outbound:finish(item, false, status)
    elseif class == "throttle" then
      self.outbound:requeue(item)
    else
      self.outbound:delay(item, self.loop:now() + account.retry_s)
    end
  end
  if account.outbox then self.outbound:refresh(account) end -- once for all responses of this turn
end

--- A receiver is congested: backs off from it.
---@private
function Dispatch:back_off(session)
  local at = session.owner:back_off(self.loop:now())
  if at then self.outbound:pump_at(at, session.owner.account) end
end

return dispatch
