--- Handlers for all that an ESME may ask a message centre, acting on the messages it keeps.
local checks = require "smpp.server.checks"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local stores = require "smpp.store"
local timestamp = require "smpp.codec.timestamp"

local requests = {}

local state_number = {}
for _, row in ipairs(core.protocol.values().message_state) do state_number[row.name:upper()] = row.low end

local REFERENCE = 0x0204

local COPIED = {
  "service_type", "source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi", "destination_addr",
  "esm_class", "protocol_id", "priority_flag", "registered_delivery", "data_coding",
}
-- Parameters that data_sm and broadcast_sm do not have.
local OTHERWISE = {
  esm_class = 0, protocol_id = 0, priority_flag = 0, registered_delivery = 0, data_coding = 0, dest_addr_ton = 0, dest_addr_npi = 0,
  destination_addr = "",
}
local PARAMS = {}
for _, command in ipairs(core.protocol.commands()) do
  local has = {}
  for _, param in ipairs(command.params) do has[param.name] = true end
  PARAMS[command.id] = has
end

---@class smpp.Requests
---@field messages smpp.Messages
local Requests = {}
local mt = { __index = Requests }

--- The message a submit_sm, data_sm or broadcast_sm makes; nil, status.
local function message_of(self, session, pdu)
  local status, schedule, expires = checks.times(pdu, self.loop:time())
  if status then return nil, status end
  local has, message = PARAMS[pdu.command_id], {}
  for i = 1, #COPIED do
    local name = COPIED[i]
    if has[name] then message[name] = pdu[name] else message[name] = OTHERWISE[name] end
  end
  local reference = pdu:tlv(REFERENCE)
  message.user_message_reference = reference and #reference == 2 and pdu.user_message_reference or nil -- else no number
  local octets = pdu.message_payload
  message.octets = octets or pdu.short_message or ""
  message.command = pdu.command
  message.system_id, message.version, message.session = session.system_id, session.version, session
  message.schedule = schedule
  message.expires = expires or (self.validity_s and (schedule or self.loop:time()) + self.validity_s)
  return message
end

--- Why the store does not take a message.
local REFUSED = { queue_full = "ESME_RMSGQFUL" }

--- Takes a message over: its id, or nil, status.
local function take(self, message, id, session, pdu)
  local status = self.admit and self.admit(message, session, pdu)
  if status then return nil, status end
  message.id, message.key = id, message.key or id
  local ok, _, code = self.messages:add(message)
  if not ok then return nil, REFUSED[code] or "ESME_RSYSERR" end
  if self.accepted then self.accepted(message) end
  return id
end

--- 3.4, 5.2.18: messages of the same addresses and service_type make way for one that was taken.
local function replace_if_present(self, message, pdu)
  if pdu.replace_if_present_flag ~= 1 then return end
  for _, old in ipairs(self.messages.store:between(message.system_id, message.source_addr, message.destination_addr)) do
    if old ~= message and old.service_type == message.service_type and not old.is_broadcast then
      self.messages:finish(old, "DELETED", 0, true)
    end
  end
end

function Requests:submit_sm(session, pdu)
  local message, status = message_of(self, session, pdu)
  if not message then return nil, status end
  local id
  id, status = take(self, message, self.next_id(session.version), session, pdu)
  if not id then return nil, status end
  replace_if_present(self, message, pdu)
  if message.esm_class % 4 == 2 then -- transaction mode: the answer is the outcome
    self.messages:await(message)
    if message.state ~= "DELIVERED" then return nil, "ESME_RDELIVERYFAILURE" end
  end
  return id
end

Requests.data_sm = Requests.submit_sm

local function refused_address(entry, status)
  return {
    dest_addr_ton = entry.dest_addr_ton, dest_addr_npi = entry.dest_addr_npi, destination_addr = entry.destination_addr,
    error_status_code = explain.status(status).code,
  }
end

--- Destinations with the distribution lists among them spread out, and those that are refused for their address, as
--- unsuccess_sme; nil, status.
local function destinations(self, pdu, refused)
  local list, unsuccess = {}, {}
  for i, entry in ipairs(pdu.dest_address) do
    if entry.dl_name then
      local members = self.lists[entry.dl_name]
      if not members then return nil, "ESME_RINVDLNAME" end
      for _, address in ipairs(members) do
        list[#list + 1] = type(address) == "table" and address or { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = address }
      end
    elseif refused and refused[i] then
      unsuccess[#unsuccess + 1] = refused_address(entry, refused[i])
    else
      list[#list + 1] = entry
    end
  end
  return list, unsuccess
end

function Requests:submit_multi(session, pdu, refused)
  local list, unsuccess = destinations(self, pdu, refused)
  if not list then return nil, unsuccess end
  if #list + #unsuccess == 0 then return nil, "ESME_RINVNUMDESTS" end
  local id, taken, first = self.next_id(session.version), 0, nil
  for _, entry in ipairs(list) do
    local message, status
    message, status = message_of(self, session, pdu)
    if not message then return nil, status end
    message.dest_addr_ton, message.dest_addr_npi = entry.dest_addr_ton, entry.dest_addr_npi
    message.destination_addr = entry.destination_addr
    if taken > 0 then message.key = ("%s/%d"):format(id, taken + 1) end
    local ok
    ok, status = take(self, message, id, session, pdu)
    if ok then
      replace_if_present(self, message, pdu)
      taken = taken + 1
      first = first or message
      first.siblings = taken
    else
      unsuccess[#unsuccess + 1] = refused_address(entry, status)
    end
  end
  if taken > 1 then self.messages.store:update(first) end
  return { message_id = id, unsuccess_sme = unsuccess }
end

--- All messages of a message_id, if they are this account's and its source address fits; nil, status.
local function find(self, session, pdu, failure)
  local store, id = self.messages.store, pdu.message_id
  local message = store:get(id)
  if not message or message.system_id ~= session.system_id then return nil, "ESME_RINVMSGID" end
  if pdu.source_addr ~= message.source_addr then return nil, failure end
  local list = { message }
  for i = 2, message.siblings or 1 do list[#list + 1] = store:get(("%s/%d"):format(id, i)) end
  return list
end

function Requests:query_sm(session, pdu)
  local list, status = find(self, session, pdu, "ESME_RQUERYFAIL")
  if not list or list[1].is_broadcast then return nil, status or "ESME_RQUERYFAIL" end
  local message = list[1]
  for _, other in ipairs(list) do -- of a submit_multi the least advanced
    if not stores.is_final(other.state) then message = other end
  end
  return {
    message_id = message.id, final_date = message.done and timestamp.absolute(message.done) or "",
    message_state = state_number[message.state], error_code = message.error % 256,
  }
end

--- Cancels those of a list that are not over and fit.
local function cancel(self, list, refusal, fits)
  local count = 0
  for _, message in ipairs(list) do
    if not stores.is_final(message.state) and fits(message) then
      self.messages:finish(message, "DELETED", 0)
      count = count + 1
    end
  end
  if count == 0 then return nil, refusal end
  return true
end

function Requests:cancel_sm(session, pdu)
  local destination, service_type = pdu.destination_addr, pdu.service_type
  if pdu.message_id == "" then
    local list = self.messages.store:between(session.system_id, pdu.source_addr, destination)
    return cancel(self, list, "ESME_RCANCELFAIL", function(message)
      return not message.is_broadcast and (service_type == "" or service_type == message.service_type)
    end)
  end
  local list, status = find(self, session, pdu, "ESME_RCANCELFAIL")
  if not list then return nil, status end
  return cancel(self, list, "ESME_RCANCELFAIL", function(message)
    return not message.is_broadcast and (destination == "" or destination == message.destination_addr)
  end)
end

function Requests:replace_sm(session, pdu)
  local list, status = find(self, session, pdu, "ESME_RREPLACEFAIL")
  if not list then return nil, status end
  local message = list[1]
  if stores.is_final(message.state) or message.is_broadcast then return nil, "ESME_RREPLACEFAIL" end
  local schedule, expires
  status, schedule, expires = checks.times(pdu, self.loop:time())
  if status then return nil, status end
  for _, other in ipairs(list) do
    if not stores.is_final(other.state) then
      other.octets = pdu.message_payload or pdu.short_message
      other.registered_delivery = pdu.registered_delivery
      other.schedule, other.expires = schedule or other.schedule, expires or other.expires -- empty: keep
      self.messages:replan(other)
    end
  end
  return true
end

-- ---- broadcasts (5.0) ----

local AREA, AREA_SUCCESS, STATE, END_TIME = 0x0606, 0x0608, 0x0427, 0x0609

local function areas(pdu)
  local list = {}
  for _, tlv in ipairs(pdu:tlvs()) do
    if tlv.tag == AREA then list[#list + 1] = tlv.octets end
  end
  return list
end

function Requests:broadcast_sm(session, pdu)
  local message, status = message_of(self, session, pdu)
  if not message then return nil, status end
  message.is_broadcast, message.areas = true, areas(pdu)
  message.content_type = pdu.broadcast_content_type
  local replaced
  if pdu.replace_if_present_flag == 1 and pdu.message_id ~= "" then
    local old = self.messages.store:get(pdu.message_id)
    if not old or old.system_id ~= session.system_id or not old.is_broadcast then return nil, "ESME_RINVMSGID" end
    if not stores.is_final(old.state) then replaced = old end
  end
  local id
  id, status = take(self, message, self.next_id(session.version), session, pdu)
  if id and replaced then self.messages:finish(replaced, "DELETED", 0, true) end
  return id, status
end

--- The broadcast a query or a cancellation means: by message_id, or by the reference its sender gave it.
local function find_broadcast(self, session, pdu, failure)
  local message = self.messages.store:get(pdu.message_id)
  local reference = pdu.user_message_reference
  if pdu.message_id == "" and reference then
    for _, candidate in ipairs(self.messages.store:between(session.system_id, pdu.source_addr, "")) do
      if candidate.is_broadcast and candidate.user_message_reference == reference then message = candidate end
    end
  end
  if not message or not message.is_broadcast or message.system_id ~= session.system_id then return nil, "ESME_RINVMSGID" end
  if pdu.source_addr ~= message.source_addr then return nil, failure end
  return message
end

function Requests:query_broadcast_sm(session, pdu)
  local message, status = find_broadcast(self, session, pdu, "ESME_RBCASTQUERYFAIL")
  if not message then return nil, status end
  local tlvs = { { STATE, string.char(state_number[message.state]) } }
  for _, area in ipairs(message.areas) do
    tlvs[#tlvs + 1] = { AREA, area }
    tlvs[#tlvs + 1] = { AREA_SUCCESS, string.char(message.state == "DELIVERED" and 100 or 0) }
  end
  if message.done then tlvs[#tlvs + 1] = { END_TIME, timestamp.absolute(message.done) .. "\0" } end
  local reference = message.user_message_reference
  if reference then tlvs[#tlvs + 1] = { REFERENCE, string.char(math.floor(reference / 256), reference % 256) } end
  return { message_id = message.id, tlvs = tlvs }
end

--- Without an id all broadcasts of a source, of a service_type and of a content type where they are given.
function Requests:cancel_broadcast_sm(session, pdu)
  if pdu.message_id == "" and not pdu.user_message_reference then
    local service_type, content_type = pdu.service_type, pdu.broadcast_content_type
    local list = self.messages.store:between(session.system_id, pdu.source_addr, "")
    return cancel(self, list, "ESME_RBCASTCANCELFAIL", function(message)
      return message.is_broadcast and (service_type == "" or service_type == message.service_type)
        and (content_type == nil or content_type == message.content_type)
    end)
  end
  local message, status = find_broadcast(self, session, pdu, "ESME_RBCASTCANCELFAIL")
  if not message then return nil, status end
  return cancel(self, { message }, "ESME_RBCASTCANCELFAIL", function() return true end)
end

-- ---- 3.3 ----

function Requests:param_retrieve(_, pdu)
  local value = self.params[pdu.param_name]
  if value == nil then return nil, 0x31 end -- 3.3: ESME_RCNTRETRPARAM
  return { param_value = tostring(value) }
end

--- Messages of an account and a source address, the latest first.
local function latest(self, session, source, count)
  local found, list = {}, self.messages.store:list()
  for i = #list, 1, -1 do
    local message = list[i]
    if message.system_id == session.system_id and message.source_addr == source and message.key == message.id then
      found[#found + 1] = message.id
      if #found == count then break end
    end
  end
  return found
end

function Requests:query_last_msgs(session, pdu)
  if pdu.num_messages < 1 or pdu.num_messages > 100 then return nil, "ESME_RINVNUMMSGS" end
  return { message_id = latest(self, session, pdu.source_addr, pdu.num_messages) }
end

function Requests:query_msg_details(session, pdu)
  local list, status = find(self, session, pdu, "ESME_RQUERYFAIL")
  if not list then return nil, status end
  local message, dests = list[1], {}
  for i, other in ipairs(list) do
    dests[i] = { dest_addr_ton = other.dest_addr_ton, dest_addr_npi = other.dest_addr_npi, destination_addr = other.destination_addr }
  end
  return {
    service_type = message.service_type, source_addr_ton = message.source_addr_ton, source_addr_npi = message.source_addr_npi,
    source_addr = message.source_addr, dest_address = dests, protocol_id = message.protocol_id, priority_flag = message.priority_flag,
    schedule_delivery_time = message.schedule and timestamp.absolute(message.schedule) or "",
    validity_period = message.expires and timestamp.absolute(message.expires) or "",
    registered_delivery = message.registered_delivery, data_coding = message.data_coding,
    short_message = message.octets:sub(1, math.min(pdu.sm_length or 160, 160)), message_id = message.id,
    final_date = message.done and timestamp.absolute(message.done) or "", message_state = state_number[message.state],
    error_code = message.error % 256,
  }
end

requests.names = {
  "submit_sm", "submit_multi", "data_sm", "query_sm", "cancel_sm", "replace_sm", "broadcast_sm", "query_broadcast_sm",
  "cancel_broadcast_sm", "param_retrieve", "query_last_msgs", "query_msg_details",
}

---@class smpp.RequestsOptions
---@field messages smpp.Messages
---@field loop smpp.Loop
---@field next_id fun(version: integer): string
---@field admit (fun(message: smpp.Message, session: smpp.Session, pdu: smpp.Pdu): string?)?  a status refuses a message
---@field accepted (fun(message: smpp.Message))?  told of those that are taken
---@field lists table<string, (string|table)[]>?  members of distribution lists
---@field params table<string, string>?  of param_retrieve
---@field validity_s number?  of messages that name no validity_period

---@param o smpp.RequestsOptions
function requests.new(o)
  return setmetatable({
    messages = o.messages, loop = o.loop, next_id = o.next_id, admit = o.admit, accepted = o.accepted,
    lists = o.lists or {}, params = o.params or {}, validity_s = o.validity_s,
  }, mt)
end

--- The handlers by name, for smpp.server.
---@return table<string, fun(session: smpp.Session, pdu: smpp.Pdu, refused: table?)>
function Requests:handlers()
  local list = {}
  for _, name in ipairs(requests.names) do
    local method = Requests[name]
    list[name] = function(...) return method(self, ...) end
  end
  return list
end

return requests
