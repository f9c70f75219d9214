--- The life of a message between its submit_sm and its final state: schedule, validity, what becomes of it and when,
--- the receipts it asked for.  Where messages are kept is the store's business, their fate that of a plan.
local agenda = require "smpp.base.scheduler"
local receipts = require "smpp.receipt"
local smpp_text = require "smpp.text"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local messages = {}

---@class smpp.Messages
---@field store table
local Messages = {}
local mt = { __index = Messages, __name = "smpp.Messages" }

---@class smpp.Plan  what is to become of a message
---@field state string       final state, "DELIVERED" …; nil: it stays ENROUTE until it expires
---@field after_s number     seconds from now to that
---@field error integer?     network's error code, default 0
---@field notify_s number?   intermediate notification after so many seconds, where one was asked for; default half of after_s
---@field receipt table?     what its receipt says differently: fields of smpp.receipt.format

---@class smpp.MessagesOptions
---@field server smpp.Server
---@field store table?  default: smpp.store.memory()
---@field plan fun(message: smpp.Message): smpp.Plan
---@field receipt (fun(message: smpp.Message, fields: table): table?)?  changes a receipt's deliver_sm; nil: none goes
---@field changed (fun(message: smpp.Message, from: string))?  told of every state

---@param o smpp.MessagesOptions
function messages.new(o)
  local self = setmetatable({
    server = o.server,
    loop = o.server.loop,
    store = o.store or stores.memory(),
    plan = o.plan,
    receipt = o.receipt,
    changed = o.changed,
    sink = function(trace) o.server:emit("error", trace) end,
  }, mt)
  self.agenda = agenda.new(self.loop, function(message, at)
    if message.wake == at then task.start(self.sink, self.step, self, message) end
  end, function(message) return message.priority_flag or 0 end)
  return self
end

--- Wakes a message up at a moment of Unix time, and at no other that was asked for before.
local function wake(self, message, unix)
  message.wake = self.agenda:add(self.loop:now() + math.max(0, unix - self.loop:time()), message)
end

--- A scheduled one may get too old before its time comes, when replace_sm put that off.
local function wake_scheduled(self, message) wake(self, message, math.min(message.schedule, message.expires or math.huge)) end

--- Takes a message over.  Its `schedule` and `expires` are set where the submit set them.
---@async
---@param message smpp.Message
---@return boolean? ok
---@return string? err
---@return string? code  as the store's `add`
function Messages:add(message)
  local now = self.loop:time()
  message.submitted, message.error = now, 0
  message.state = message.schedule and message.schedule > now and "SCHEDULED" or "ENROUTE"
  local ok, err, code = self.store:add(message)
  if not ok then return nil, err, code end
  if message.state == "SCHEDULED" then
    wake_scheduled(self, message)
  else
    self:begin(message)
  end
  return true
end

--- It is on its way.
function Messages:begin(message)
  local plan, now = self.plan(message), self.loop:time()
  message.plan, message.stages = plan, {}
  local stages, due = message.stages, plan.state and now + plan.after_s or math.huge
  if message.registered_delivery % 32 >= 16 then
    local notify = now + (plan.notify_s or (plan.state and plan.after_s / 2 or 0))
    if notify < math.min(due, message.expires or math.huge) then stages[1] = { notify, "notify" } end
  end
  if message.expires and message.expires < due then
    stages[#stages + 1] = { message.expires, "EXPIRED", 0 }
  elseif plan.state then
    stages[#stages + 1] = { due, plan.state, plan.error or 0 }
  end
  if stages[1] then wake(self, message, stages[1][1]) end
end

--- The agenda's word: the next stage is due.
function Messages:step(message)
  if stores.is_final(message.state) then return end
  if message.state == "SCHEDULED" then
    if message.expires and message.expires <= message.schedule then return self:finish(message, "EXPIRED", 0) end
    self:set_state(message, "ENROUTE")
    return self:begin(message)
  end
  local stage = table.remove(message.stages, 1)
  if stage[2] == "notify" then
    self:notify(message, "ENROUTE", true)
    if message.stages[1] then wake(self, message, message.stages[1][1]) end
  else
    self:finish(message, stage[2], stage[3])
  end
end

function Messages:set_state(message, state)
  local from = message.state
  message.state = state
  self.store:update(message)
  if self.changed then self.changed(message, from) end
end

--- A message gets its final state, now; what it asked for is sent.
---@param message smpp.Message
---@param state string
---@param error_code integer?
---@param silent boolean?  no receipt
function Messages:finish(message, state, error_code, silent)
  message.done, message.error, message.wake = self.loop:time(), error_code or 0, nil
  self:set_state(message, state)
  if not silent and receipts.wanted(message.registered_delivery, state) then self:notify(message, state) end
  message.plan, message.stages, message.session = nil, nil, nil -- it may be kept for long
  if message.waiter then
    local waiter = message.waiter
    message.waiter = nil
    task.wake_for(waiter, message)
  end
end

--- Waits until a message is final.
---@async
function Messages:await(message)
  if stores.is_final(message.state) then return end
  message.waiter = task.current()
  task.wait(message)
end

--- The text of a message, as far as its data_coding tells.
---@param message smpp.Message
---@return string
function messages.text(message)
  local pdu = { short_message = message.octets, esm_class = message.esm_class, data_coding = message.data_coding }
  return (smpp_text.read(pdu, message.session and message.session.peer_text))
end

--- Sends a receipt, or an intermediate notification.
function Messages:notify(message, state, intermediate)
  local fields = {
    id = message.id, state = state, err = message.error, submitted = message.submitted, done = message.done or self.loop:time(),
    text = messages.text(message), submit = message, version = message.version, intermediate = intermediate,
    default_alphabet = message.session and message.session.peer_text and message.session.peer_text.default_alphabet,
  }
  for name, value in pairs(message.plan and message.plan.receipt or {}) do fields[name] = value end
  local text, pdu = receipts.format(fields)
  if not text then return self.server:emit("error", ("the receipt of %s: %s"):format(message.id, pdu)) end
  if self.receipt then
    pdu = self.receipt(message, pdu)
    if not pdu then return end
  end
  self:send_receipt(message, pdu, message.session)
end

--- Hands a receipt to the account's receivers.
---@param message smpp.Message
---@param pdu table
---@param session smpp.Session?  the bind that submitted the message
function Messages:send_receipt(message, pdu, session)
  local ok, err, code = self.server:deliver(message.system_id, pdu, { session = session })
  if not ok and code ~= "closed" then self.server:emit("error", ("the receipt of %s is lost: %s"):format(message.id, err)) end
end

--- New times or text (replace_sm): what was planned is planned anew.
---@param message smpp.Message
function Messages:replan(message)
  self.store:update(message)
  if message.schedule and message.schedule > self.loop:time() then
    if message.state ~= "SCHEDULED" then self:set_state(message, "SCHEDULED") end
    wake_scheduled(self, message)
  else
    if message.state ~= "ENROUTE" then self:set_state(message, "ENROUTE") end
    self:begin(message)
  end
end

function Messages:close() self.agenda:close() end

return messages
