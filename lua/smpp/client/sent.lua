--- The result of `esme:send`: the message_ids of a message and its parts, its receipt, and requests about it.
local strings = require "smpp.base.strings"
local task = require "smpp.base.task"
local text = require "smpp.text"

---@class smpp.Sent
---@field message_id string?  of the first part
---@field message_ids string[]
---@field parts { message_id: string?, code: string? }[]
---@field info smpp.TextInfo?  coding and size of the text
---@field done smpp.Receipt?  the final receipt, once received
---@field last_state string?  the last reported state, final or not
local Sent = {}
local sent_mt = { __name = "smpp.Sent" }
local late_mt = { __name = "smpp.Sent" } -- of one that smpp.client.late has octets of

--- Fields that few programs read are computed on first access, for messages that `usual` composed or that were accepted.
local LATER = {
  info = function(self)
    local words = self.words
    return words and select(2, text.split(words, { reference = self.reference }))
  end,
  message_id = function(self)
    local response = self.response
    return response and (response.message_id or "")
  end,
  message_ids = function(self) return { self.message_id } end,
  first = function(self)
    local request = self.request
    return request and self.esme.sender.composer:reply(request, self.words)
  end,
  parts = function(self)
    local parts = {}
    for i, id in ipairs(self.message_ids) do parts[i] = { message_id = id } end
    return parts
  end,
}

function sent_mt.__index(self, key)
  local make = LATER[key]
  if not make then return Sent[key] end
  local value = make(self)
  rawset(self, key, value)
  return value
end

late_mt.__index = sent_mt.__index

--- What a program sets in a message stays there: it is no longer one that may be made again.
function late_mt:__newindex(key, value)
  self.esme.sender:hold(self)
  rawset(self, key, value)
end

function sent_mt:__tostring() return ("sent %s (%s)"):format(self.message_id or "nothing", strings.plural(#self.parts, "part")) end
late_mt.__tostring = sent_mt.__tostring

local sents = { class = Sent }

--- Tests whether a submit_sm asks for a receipt.
---@param first table
---@return boolean
function sents.asks_for_receipt(first)
  local registered = first.registered_delivery
  return registered ~= nil and registered ~= 0
end

local asks_for_receipt = sents.asks_for_receipt

--- A message that is going to be sent.
---@param client smpp.Client
---@param first table      submit_sm of its first part
---@param info? smpp.TextInfo
---@param words? string    its text, where `info` is computed on demand
---@param reference? integer  of its parts, likewise
---@return smpp.Sent
function sents.new(client, first, info, words, reference)
  if not (info or reference or asks_for_receipt(first)) then -- no receipt: half the size
    return setmetatable({ esme = client, first = first, words = words, message_id = nil }, sent_mt)
  end
  return setmetatable({
    esme = client, first = first, info = info, words = words, reference = reference, message_id = nil, handle = nil, waiter = nil, last_state = nil,
  }, sent_mt)
end

--- The same of an answer to a deliver_sm, which asks for no receipt.
---@param client smpp.Client
---@param request smpp.Pdu
---@param words string
---@param response? smpp.Pdu
---@return smpp.Sent
function sents.reply(client, request, words, response)
  return setmetatable({ esme = client, request = request, words = words, response = response }, sent_mt)
end

--- Notes whether smpp.client.late has octets of a message.
---@param sent smpp.Sent
---@param is_late boolean
function sents.set_late(sent, is_late) setmetatable(sent, is_late and late_mt or sent_mt) end

--- Tests whether the message asks for a receipt.
---@return boolean
function Sent:asks_for_receipt() return asks_for_receipt(self.first) end

--- Ends a wait for a receipt, whose timeout has passed.
---@param wait table
function sents.give_up(wait)
  local sent = wait.sent
  if sent.waiter == wait then
    sent.waiter = wait.later
  else
    local other = sent.waiter
    while other and other.later ~= wait do other = other.later end
    if other then other.later = wait.later end
  end
  task.wake_for(wait.token, sent)
end

--- Its result is known, or will not come: ends the waits for it.
function Sent:settled()
  local wait = self.waiter
  self.waiter = false
  while wait do
    if wait.length then self.esme.sender.waits:remove(wait) end
    task.wake_for(wait.token, self)
    wait = wait.later
  end
end

--- No final receipt: adds the last reported state to the message.
local function without_result(self, message)
  if self.last_state then message = ("%s: last state %s"):format(message, self.last_state) end
  return nil, message, "timeout"
end

--- Waits for the final receipt: of all parts, or the first that failed.
---@async
---@param timeout_s? number  default: no timeout
---@return smpp.Receipt? receipt
---@return string? message
---@return string? code  "timeout"; "missing": none was requested
function Sent:receipt(timeout_s)
  task.check_timeout(timeout_s, 2 + task.TAIL_LEVELS)
  if self.done then return self.done end
  if not self:asks_for_receipt() then return nil, "no receipt requested: send with receipt = true", "missing" end
  if self.overdue then return without_result(self, "no receipt received") end
  local esme = self.esme
  if getmetatable(self) == late_mt then esme.sender:hold(self) end -- who waits is found by the message only
  local wait = { token = task.need(2), sent = self, later = nil, due = 0, length = nil, deadline_next = nil, deadline_prev = nil }
  local last = self.waiter
  while last and last.later do last = last.later end
  if last then last.later = wait else self.waiter = wait end
  if timeout_s then
    esme.sender:limit(wait, timeout_s)
  else
    esme.loop:hold()
  end
  task.wait(self)
  if not timeout_s then esme.loop:release() end
  if self.done then return self.done end
  if not self.waiter then esme.sender:not_awaited(self) end
  return without_result(self, self.overdue and "no receipt received" or ("no receipt within %g s"):format(timeout_s))
end

local function identity(self)
  local fields = self.first
  return {
    message_id = self.message_id, source_addr = fields.source_addr, source_addr_ton = fields.source_addr_ton,
    source_addr_npi = fields.source_addr_npi,
  }
end

--- Sends query_sm for the message, or its first part.
---@async
---@return smpp.Pdu? query_sm_resp
---@return string? message
---@return string? code
function Sent:query() return self.esme:query_sm(identity(self)) end

--- Sends cancel_sm for each part of the message.
---@async
---@return smpp.Pdu? cancel_sm_resp
---@return string? message
---@return string? code
function Sent:cancel()
  local fields = self.first
  local response, message, code
  for _, id in ipairs(self.message_ids) do
    local request = identity(self)
    request.message_id = id
    request.destination_addr, request.dest_addr_ton, request.dest_addr_npi = fields.destination_addr, fields.dest_addr_ton, fields.dest_addr_npi
    response, message, code = self.esme:cancel_sm(request)
    if not response then return nil, message, code end
  end
  return response, message, code
end

--- Sends replace_sm with another text.  replace_sm has no data_coding: the new text is encoded as the old one was.
---@async
---@param words string
---@return smpp.Pdu? replace_sm_resp
---@return string? message
---@return string? code
function Sent:replace(words)
  local request, info = identity(self), self.info
  local parts, wrong, code = text.split(words, { encoding = info and info.encoding, udh = "none" })
  if not parts then return nil, wrong, code end
  request.short_message = parts[1].octets
  request.registered_delivery = self.first.registered_delivery
  return self.esme:replace_sm(request)
end

local function sink_of(self) return self.esme.sink end
for _, name in ipairs { "receipt", "query", "cancel", "replace" } do Sent[name] = task.waits(Sent[name], sink_of) end

return sents
