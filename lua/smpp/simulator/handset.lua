--- Handsets: the subscribers of a message centre.  They send texts of any length, dial codes of USSD, and hear what an ESME
--- submits to them, parts joined.
local inbox = require "smpp.client.inbox"
local task = require "smpp.base.task"

local handsets = {}

---@class smpp.Handsets
---@field heard fun(message: smpp.HandsetMessage)  called for each message that was accepted
local Handsets = {}
local HANDSETS = { __index = Handsets }

---@class smpp.HandsetMessage
---@field number string    digits of the subscriber
---@field from string
---@field text string?
---@field data string?
---@field pdu smpp.Pdu     the last part
---@field op integer?      ussd_service_op
---@field session string?  octets of its_session_info
---@field time number      loop time

---@class smpp.Handset
local Handset = {}
local HANDSET = { __index = Handset }

local function digits(number) return (number:gsub("%D", "")) end

--- What a phone makes of submit_sm: a reader of messages as of an ESME.
local function reader(self)
  local client = {
    options = { message = function(msg) self:take(msg) end }, loop = self.loop, map_seed = "handsets", system_id = "", state = "bound",
    emit = function() return false end,
  }
  local own = inbox.new(client)
  client.inbox = own
  return own
end

--- The handsets of a simulator or server.
---@param mc smpp.Simulator|smpp.Server
---@return smpp.Handsets
function handsets.new(mc)
  local self = setmetatable({
    mc = mc,
    server = mc.server or mc,
    loop = mc.loop,
    heard = function() end,
    open = {},                   -- submit_sm without a response: session -> sequence_number -> PDU
    sessions = 0,                -- of USSD, so far
    phones = {},                 -- its_session_info's first octet -> handset in a session
  }, HANDSETS)
  self.reader = reader(self)
  self.server:on("stopped", function() self.reader:close() end)
  mc:on("pdu", function(session, pdu, direction) self:watch(session, pdu, direction) end)
  return self
end

--- Follows submit_sm until it is accepted.
function Handsets:watch(session, pdu, direction)
  local command = pdu.command
  if command == "submit_sm" and direction == "in" then
    local open = self.open[session] or {}
    self.open[session] = open
    open[pdu.sequence_number] = pdu
  elseif command == "submit_sm_resp" and direction == "out" then
    local open = self.open[session]
    local submit = open and open[pdu.sequence_number]
    if not submit then return end
    open[pdu.sequence_number] = nil
    if pdu.command_status == 0 then
      local op = submit.ussd_service_op
      if op and submit.short_message == "" then
        self.heard { number = digits(submit.destination_addr), from = submit.source_addr, text = "", pdu = submit, op = op,
          session = submit.its_session_info, time = self.loop:now() }
      else
        task.start(nil, self.reader.message, self.reader, submit, session)
      end
    end
  end
end

function Handsets:take(msg)
  local pdu = msg.pdu
  self.heard {
    number = digits(msg.to), from = msg.from, text = msg.text, data = msg.data, pdu = pdu, op = pdu.ussd_service_op,
    session = pdu.its_session_info, reference = pdu.user_message_reference, time = self.loop:now(),
  }
end

--- A handset.
---@param number string
---@param system_id? string  the account whose receivers get what it sends
---@return smpp.Handset
function Handsets:phone(number, system_id)
  return setmetatable({
    all = self, number = digits(number), is_international = number:find "^%+?%d%d%d%d%d%d%d" ~= nil, system_id = system_id,
    session = nil, sequence = 0,
  }, HANDSET)
end

--- A bound session that receives.
local function receiver(self)
  for _, session in ipairs(self.all.server.sessions) do
    if session.state ~= "BOUND_TX" and (not self.system_id or session.system_id == self.system_id) then return session end
  end
end

--- Sends a text (or octets, with their fields), which the message centre keeps until an ESME has acknowledged it.
---@param o { to: string, text: string?, data: string? }  and parameters of deliver_sm
---@return boolean? ok
---@return string? message
function Handset:send(o)
  local fields = {
    from = self.number, system_id = self.system_id, source_addr_ton = self.is_international and 1 or 0,
    dest_addr_ton = #digits(o.to) > 8 and 1 or 0,
  }
  for name, value in pairs(o) do fields[name] = value end
  fields.to = digits(o.to)
  return self.all.mc:deliver(fields)
end

--- Sends a deliver_sm of USSD: it is not kept, the subscriber waits.
local function ussd(self, fields, done)
  local session = receiver(self)
  if not session then return nil, "no ESME is bound" end
  fields.source_addr, fields.source_addr_ton, fields.source_addr_npi = self.number, 1, 1
  fields.service_type = "USSD"
  session:deliver_sm(fields, done or function() end)
  return true
end

local function info(self, is_over)
  return string.char(self.session, self.sequence % 128 * 2 + (is_over and 1 or 0))
end

--- Dials a code: begins a session.
---@param code string  "*100#"
---@param o? table  parameters of deliver_sm
---@return boolean? ok
---@return string? message
function Handset:dial(code, o)
  local all = self.all
  all.sessions = all.sessions % 255 + 1
  self.session, self.sequence = all.sessions, 0
  local fields = {
    destination_addr = code:match "%d+", short_message = code, ussd_service_op = 1, its_session_info = info(self),
    user_message_reference = self.session,
  }
  for name, value in pairs(o or {}) do fields[name] = value end
  return ussd(self, fields)
end

--- Answers in a session.
---@param text string
---@param o? table
---@return boolean? ok
---@return string? message
function Handset:answer(text, o)
  if not self.session then return nil, "no session" end
  self.sequence = self.sequence + 1
  local fields = {
    text = text, destination_addr = (o and o.to) or "", ussd_service_op = 18, its_session_info = info(self), user_message_reference = self.session,
  }
  for name, value in pairs(o or {}) do
    if name ~= "to" then fields[name] = value end
  end
  local list, message = require("smpp.simulator.mo").pdus(fields, "payload", function() return 1 end)
  if not list then return nil, message end
  list[1].dest_addr_ton = nil
  return ussd(self, list[1])
end

--- Hangs up: the network says so.
---@param o? table
---@return boolean? ok
---@return string? message
function Handset:hang_up(o)
  if not self.session then return nil, "no session" end
  local fields = {
    destination_addr = (o and o.to) or "", short_message = "", ussd_service_op = 18, its_session_info = info(self, true),
    user_message_reference = self.session,
  }
  for name, value in pairs(o or {}) do
    if name ~= "to" then fields[name] = value end
  end
  self.session = nil
  return ussd(self, fields)
end

return handsets
