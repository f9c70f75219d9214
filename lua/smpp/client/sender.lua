--- `esme:send`: sends the parts of a message (smpp.client.composer makes them), and tracks their receipts.
local commands = require "smpp.codec.commands"
local composers = require "smpp.client.composer"
local deadlines = require "smpp.base.deadlines"
local lates = require "smpp.client.late"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local sents = require "smpp.client.sent"
local task = require "smpp.base.task"
local trackers = require "smpp.receipt.tracker"

---@class smpp.Sender
local Sender = {
  -- Fields that an idle client does not need are made later: there may be a hundred thousand clients.
  tracker = nil,                -- from the first message with a receipt, or the first unusual receipt, on; one that is shared at once
  book = nil,                   -- of the tracker: handle -> sent
  late = nil,                   -- messages that many others have followed, which are not in the book
  waits = nil,                  -- waits for receipts that have a timeout
  due = 0,                      -- messages with a requested receipt whose responses are pending
  timer = nil, timer_at = nil,  -- next expiry of the tracker
  young = 4000,                 -- so many messages that follow make one late
}
local mt = { __index = Sender, __name = "smpp.Sender" }

local sender = { class = Sender }

local NONE = {}

local reply = sents.reply

local SUBMIT_SM = commands.ids.submit_sm

-- Clients that share a tracker share its handles.
local books = setmetatable({}, { __mode = "k" })

--- Makes the tracker, which clients that ask for no receipts never need.
local function open_tracker(self)
  local o = self.client.options
  local tracker = o.tracker or trackers.new { ttl_s = o.receipt_ttl_s, id_base = o.id_base, seed = self.client.map_seed }
  books[tracker] = books[tracker] or { last = 0 }
  self.tracker, self.book = tracker, books[tracker]
  return tracker
end

---@param client smpp.Client
---@return smpp.Sender
function sender.new(client)
  local self = setmetatable({ client = client, loop = client.loop, composer = composers.new(client.options, client.loop) }, mt)
  if client.options.tracker then open_tracker(self) end
  return self
end

local function stop_timer(self)
  if self.timer then self.timer:close() end
  self.timer = nil
end

--- The client is closed: ends the waits for receipts, unless another client shares the tracker.
function Sender:close()
  stop_timer(self)
  if self.waits then self.waits:close() end
  if self.client.options.tracker or not self.book then return end
  local overdue = self.late and self.late:handles() or {}
  for handle in pairs(self.book) do
    if handle ~= "last" then overdue[#overdue + 1] = handle end
  end
  for _, handle in ipairs(overdue) do self:settle { kind = "expired", handle = handle } end
  if self.late then self.late:clear() end
end

-- ---- late messages ----

--- Keeps a message of the book as octets, if that can be; else it stays there.
local function make_late(self, handle, sent)
  if self.client.options.tracker then return end -- the book is also another client's
  self.late = self.late or lates.new(self.client)
  if self.late:put(handle, sent) then self.book[handle] = nil end
end

--- Puts a late message back into the book; nil: it is not late.
local function from_late(self, handle)
  local sent = self.late and self.late:take(handle)
  if sent then self.book[handle] = sent end
  return sent
end

--- A late message is waited for, or has got a field of the program's.
---@param sent smpp.Sent
function Sender:hold(sent) from_late(self, sent.handle) end

--- A message is no longer waited for.
---@param sent smpp.Sent
function Sender:not_awaited(sent)
  local handle, book = sent.handle, self.book
  if book[handle] == sent and handle <= book.last - self.young then make_late(self, handle, sent) end
end

-- ---- sending ----

--- Sends the parts in order; stops at the first that is refused.
---@async
---@param self table
---@param sent smpp.Sent  gets the message_ids and codes
---@param submits (table|string)[]?  the submit_sm of each part, or the short_message in which it differs from sent.first; nil: one part
---@param handle? integer  of the tracker; nil: no receipt
local function submit(self, sent, submits, lane, handle)
  local outbox, loop, tracker = self.client.outbox, self.loop, self.tracker
  local first, wants_receipt = sent.first, handle ~= nil
  local count = submits and #submits or 1
  local entry = count > 1 and { id = SUBMIT_SM, lane = lane } or nil
  for i = 1, count do
    local fields = submits and submits[i] or first
    if type(fields) == "string" then -- the part before has its response: nobody needs its fields any more
      first.short_message = fields
      fields = first
    end
    local response, message, code = outbox:submit(fields, lane, entry, i < count)
    if not response then
      if count == 1 then sent.message_ids, sent.parts = {}, {} end
      sent.parts[i] = { code = code, message = message } -- behind those of the ids, which are made now
      if wants_receipt then self:settle(tracker:refused(handle, i, code, loop:now())) end
      return nil, count > 1 and ("part %d of %d: %s"):format(i, count, message) or message, code, sent
    end
    local id = response.message_id or ""
    if count > 1 then
      local parts = rawget(sent, "parts")
      sent.message_ids[i] = id
      if parts then parts[i] = { message_id = id } end
    end
    if i == 1 then sent.message_id = id end
    if wants_receipt then
      local outcomes = tracker:accepted(handle, i, id, loop:now(), fields.destination_addr)
      for _, outcome in ipairs(outcomes or NONE) do self:settle(outcome) end
      if not self.timer or not tracker.is_own or tracker:has_outcomes() then self:arm() end -- else what expires next has not changed
      local before = handle - self.young
      local older = self.book[before]
      if older then make_late(self, before, older) end
    end
  end
  return sent
end

local function end_due(self, ...)
  self.due = self.due - 1
  return ...
end

--- Registers the message with the tracker, if a receipt is requested, and submits it.
---@async
function Sender:submit(sent, submits, lane)
  if not sents.asks_for_receipt(sent.first) then return submit(self, sent, submits, lane) end
  local tracker = self.tracker or open_tracker(self)
  local book = self.book
  local handle = book.last + 1
  book.last, book[handle], sent.handle = handle, sent, handle
  sent.waiter = false
  tracker:open(handle, submits and #submits or 1, self.loop:now())
  self.due = self.due + 1
  return end_due(self, submit(self, sent, submits, lane, handle))
end

local function call_back(self, callback, ...) callback(self:submit(...)) end

--- Checks, composes and sends a message; with a callback returns false if the queue is full.
function Sender:send(message, callback, level)
  local client, composer = self.client, self.composer
  local sent
  local first, submits, reference = composer:usual(message)
  if first then
    sent = sents.new(client, first, nil, message.text, reference)
  else
    local info, code
    local wrong = composers.problem(message, composer.messages)
    if wrong then mistake.raise(wrong, level) end
    submits, info, code = composer:build(message)
    if not submits then
      if not callback then return nil, info, code end
      task.start(client.sink, callback, nil, info, code)
      return true
    end
    sent = sents.new(client, submits[1], info)
  end
  if submits and #submits > 1 then sent.message_ids = {} end
  if (callback or message.no_wait) and client.outbox:is_full() then
    if not callback then return client.outbox:refuse() end
    task.start(client.sink, callback, client.outbox:refuse())
    return false
  end
  if not callback then
    task.need(level)
    return self:submit(sent, submits, message.lane)
  end
  task.start(client.sink, call_back, self, callback, sent, submits, message.lane)
  return true
end

--- Sends a text to the sender of a deliver_sm, from where that was sent to: a fast path with the same results as `send`; false: nothing was
--- sent, use that.
---@async
---@param pdu smpp.Pdu
---@param text string
---@param token smpp.Task  the running one
function Sender:reply(pdu, text, token)
  if self.composer.is_shaped then return false end
  local client = self.client
  local response, message, code = client.outbox:reply(pdu, text, token)
  if response then return reply(client, pdu, text, response) end
  if response == false then return false end
  local sent = reply(client, pdu, text)
  sent.message_ids, sent.parts = {}, { { code = code, message = message } }
  return nil, message, code, sent
end

-- ---- receipts ----

--- A receipt was received: ends the waits for its message if it decides the message.
---@param receipt smpp.Receipt
---@return smpp.Outcome? outcome  nil: no message matches, or its submit_sm_resp has not been received yet
function Sender:receipt(receipt)
  local tracker = self.tracker or open_tracker(self)
  local outcome = tracker:receipt(receipt, self.loop:now(), self.due == 0 and not self.client.options.tracker)
  if not outcome then
    self:arm()
    return nil
  end
  local handle = outcome.handle
  local late = not self.book[handle] and from_late(self, handle)
  receipt.sent, receipt.part = self.book[handle], outcome.part
  if outcome.learned then self.client:log("ids_learned", { rule = outcome.learned, id = receipt.id }) end
  self:settle(outcome)
  if late and self.book[handle] then make_late(self, handle, late) end
  return outcome
end

--- A receipt of the usual form was received: a fast path with the same effect as `receipt`.
---@param id string
---@param final boolean
---@return integer|false|nil handle  of the message of one part that has its result; false: no message can match; nil: use `receipt`
function Sender:match(id, final)
  local tracker = self.tracker
  if not tracker then return false end -- no message has asked for a receipt
  local handle = final and tracker:finished(id, self.loop:now())
  if handle then return handle end
  if self.due == 0 and not self.client.options.tracker and tracker:is_empty() then return false end
end

--- The receipt of a message of one part, found by `match`.
---@param handle integer
---@param receipt smpp.Receipt
function Sender:finish(handle, receipt)
  local sent, state = self.book[handle], receipt.state
  local delivered = state == "DELIVERED" or state == "ACCEPTED"
  receipt.part = 1
  if not sent and self.late then
    local octets = self.late:take_octets(handle, receipt.id)
    if octets then
      receipt.delivered, receipt.handle, receipt.late = delivered, handle, octets
      return
    end
    sent = from_late(self, handle)
  end
  receipt.sent = sent
  if sent and receipt.id ~= sent.message_id then -- spelled with zeros or in other letters
    receipt:read_all()
    return self:settle {
      kind = "result", handle = handle, part = 1, parts = 1, state = state, delivered = delivered, err = receipt.err, receipt = receipt,
    }
  end
  self.book[handle] = nil
  if not sent then return end
  receipt.delivered, sent.last_state, sent.done = delivered, state, receipt
  sent:settled()
end

--- An outcome of the tracker; a result ends the waits for it.
function Sender:settle(outcome)
  local handle, is_expired = outcome.handle, outcome.kind == "expired"
  local sent, late = self.book[handle], nil
  if not sent and self.late then
    if is_expired then sent = self.late:drop(handle) else late = from_late(self, handle) end
  end
  sent = sent or late
  if sent and outcome.state then sent.last_state = outcome.state end
  if outcome.kind ~= "result" and not is_expired then
    if late then make_late(self, handle, late) end
    return
  end
  self.book[handle] = nil
  if not sent then return end
  if is_expired then
    sent.overdue = true
  else
    local receipt = outcome.receipt
    if receipt and outcome.parts == 1 and receipt.id == sent.message_id then -- one part: the receipt is the result
      receipt.ids, receipt.delivered, receipt.sent, receipt.part = sent.message_ids, outcome.delivered, sent, 1
      sent.done = receipt
    else
      sent.done = schema.merge(receipt, {
        id = sent.message_id, ids = sent.message_ids, state = outcome.state, delivered = outcome.delivered, code = outcome.code,
        final = true, err = outcome.err, sent = sent, part = outcome.part, -- nil if the receipt preceded the response
      })
    end
  end
  sent:settled()
end

--- Gives a wait for a receipt a timeout.
---@param wait table
---@param timeout_s number
function Sender:limit(wait, timeout_s)
  self.waits = self.waits or deadlines.new(self.loop, sents.give_up)
  self.waits:add(wait, timeout_s)
end

--- Expires messages without a receipt.
function Sender:arm()
  local at = self.tracker and self.tracker:next_expiry()
  if not at or self.timer and self.timer_at <= at then return end
  stop_timer(self)
  self.timer_at = at
  self.timer = self.loop:timer(function()
    stop_timer(self)
    for _, outcome in ipairs(self.tracker:expire(self.loop:now())) do self:settle(outcome) end
    self:arm()
  end)
  self.timer:start(math.max(0, at - self.loop:now() + 0.001)) -- rounding must not make it earlier
end

return sender
