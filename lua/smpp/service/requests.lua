--- Handlers for all requests of ESMEs to a message centre, on the messages in its store.
local checks = require "smpp.server.checks"
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local kind = require "smpp.base.kind"
local pdus = require "smpp.codec"
local schema = require "smpp.base.schema"
local stores = require "smpp.store"
local text = require "smpp.text"
local timestamp = require "smpp.codec.timestamp"

local requests = {}

local state_number = {}
for _, row in ipairs(core.protocol.values().message_state) do state_number[row.name:upper()] = row.low end

local usual = core.submit.usual

local REFERENCE = 0x0204
local SUBMIT_SM = commands.ids.submit_sm

---@class smpp.Requests
---@field lifecycle smpp.Lifecycle
---@field lists table<string, (string|table)[]>  members of distribution lists
---@field params table<string, string>  values for param_retrieve
---@field validity_s number?  validity period of messages without one
local Requests = {}
local mt = { __index = Requests, __name = "smpp.Requests" }

local brief_fields = pdus.codec.selector("command_id", "replace_if_present_flag", "esm_class", "data_coding", "registered_delivery", "priority_flag",
  "message_payload", "short_message", "user_message_reference", "schedule_delivery_time", "validity_period", "qos_time_to_live")

--- Creates the message of a submit_sm for the store, which takes the other parameters from the PDU; nil, status, or nothing: there
--- is more to it.  The table is reused: `submit_sm` returns it to `spare`.
local function brief_of(self, session, pdu)
  local command_id, replaces, esm_class, data_coding, delivery, priority, payload, short, reference, from, till, left_s = brief_fields(pdu)
  if command_id ~= SUBMIT_SM or replaces == 1 or esm_class % 4 == 2 then return nil end
  local status, schedule, expires
  if from ~= "" or till ~= "" or left_s then
    status, schedule, expires = checks.times(pdu, self.loop:time())
    if status then return nil, status end
  end
  local message = self.spare or {
    key = nil, id = nil, state = nil, submitted = nil, error = nil, planned = nil, planned_at = nil, planned_error = nil,
    command = "submit_sm", system_id = nil, version = nil, bind = nil,
    octets = nil, esm_class = nil, data_coding = nil, registered_delivery = nil, priority_flag = nil,
  }
  self.spare = nil
  message.esm_class, message.data_coding, message.registered_delivery, message.priority_flag = esm_class, data_coding, delivery, priority
  message.octets = payload or short
  message.user_message_reference = reference and #pdu:tlv(REFERENCE) == 2 and reference or nil -- other lengths are not an integer
  message.system_id, message.version, message.bind = session.system_id, session.version, session.owner.serial
  message.schedule = schedule
  message.expires = expires or (self.validity_s and (schedule or self.loop:time()) + self.validity_s) or nil
  return message
end

--- Creates the message of a submit_sm, data_sm or broadcast_sm; nil, status.
local function message_of(self, session, pdu)
  local status, schedule, expires = checks.times(pdu, self.loop:time())
  if status then return nil, status end
  local reference = pdu:tlv(REFERENCE)
  -- One table of the right size.  Parameters that data_sm and broadcast_sm do not have are 0 or empty.
  return {
    key = nil, id = nil, state = nil, submitted = nil, error = nil, planned = nil, planned_at = nil, planned_error = nil,
    service_type = pdu.service_type or "", source_addr_ton = pdu.source_addr_ton or 0, source_addr_npi = pdu.source_addr_npi or 0,
    source_addr = pdu.source_addr or "", dest_addr_ton = pdu.dest_addr_ton or 0, dest_addr_npi = pdu.dest_addr_npi or 0,
    destination_addr = pdu.destination_addr or "", esm_class = pdu.esm_class or 0, protocol_id = pdu.protocol_id or 0,
    priority_flag = pdu.priority_flag or 0, registered_delivery = pdu.registered_delivery or 0, data_coding = pdu.data_coding or 0,
    user_message_reference = reference and #reference == 2 and pdu.user_message_reference or nil, -- other lengths are not an integer
    octets = text.octets(pdu),
    command = pdu.command,
    system_id = session.system_id, version = session.version, bind = session.owner.serial,
    schedule = schedule,
    expires = expires or (self.validity_s and (schedule or self.loop:time()) + self.validity_s) or nil,
  }
end

local MOST_KEYS = 10 -- keys to try if the store has a message with each

--- The command_status of a failure of the store or the lifecycle.
local function status_of(code) return code == "queue_full" and "ESME_RMSGQFUL" or "ESME_RSYSERR" end

--- Adds a message: returns its id, or nil, status.  Without `id` it gets the next one; of two messages with one id the later
--- has another key, and query_sm finds the first.  `rest`: the PDU has the parameters that `message` lacks.
local function take(self, message, session, pdu, id, key, rest)
  local message_id, _, code = id, nil, nil
  if not id then message_id, _, code = self.next_id(session.version) end
  if not message_id then return nil, status_of(code) end
  local status = self.admit and self.admit(message, session, pdu)
  if status then return nil, status end
  for _ = 1, MOST_KEYS do
    message.id, message.key = message_id, key or message_id
    local ok
    ok, _, code = self.lifecycle:add(message, rest)
    if ok then
      if self.accepted then self.accepted(message, session, pdu, message_id) end
      return message_id
    end
    if code ~= "duplicate" then return nil, status_of(code) end
    local again = id or self.next_id(session.version)
    if again == message_id then
      self.repeated = self.repeated + 1
      key = ("%s#%d"):format(again, self.repeated)
    end
    message_id = again or message_id
  end
  return nil, "ESME_RSYSERR"
end

--- Calls fn(message) for an account's open messages between two addresses, oldest first.
local function between(self, system_id, source, destination, fn)
  return stores.walk(self.store, {
    kind = "message", open = true, system_id = system_id, source_addr = source, destination_addr = destination,
  }, fn)
end

--- replace_if_present_flag (3.4, 5.2.18): deletes older messages of the same addresses and service_type.
local function replace_if_present(self, message, pdu)
  if pdu.replace_if_present_flag ~= 1 then return end
  between(self, message.system_id, message.source_addr, message.destination_addr, function(old)
    if old.key ~= message.key and old.service_type == message.service_type and not old.is_broadcast then
      self.lifecycle:finish(old, "DELETED", 0, true)
    end
  end)
end

--- Handles a submit_sm whose message neither `admit` nor `accepted` keeps (`is_watched` is false).
local function submit_brief(self, session, pdu, message)
  local id, status = take(self, message, session, pdu, nil, nil, pdu)
  message.schedule, message.expires, message.planned_at, message.planned_error, message.notify_at = nil, nil, nil, nil, nil
  message.receipt, message.outcome, message.ussd_service_op, message.its_session_info = nil, nil, nil, nil
  self.spare = message
  return id, status
end

--- Handles a submit_sm of which only its text decides, with the same effect as the ways below; nothing: it is another.
local function submit_usual(self, session, pdu)
  local octets, priority = usual(pdu)
  if not octets then return nil end
  local state, after_s, error_code = self.usual(octets)
  if state == nil then return nil end
  local id, _, code = self.next_id(session.version)
  if not id then return nil, status_of(code) end
  local ok
  ok, _, code = self.lifecycle:add_due(pdu, id, session, state, after_s, error_code, self.validity_s, priority)
  if ok then
    if self.accepted then self.accepted(nil, session, pdu, id) end
    return id
  end
  return nil, code ~= "duplicate" and status_of(code) or nil
end

function Requests:submit_sm(session, pdu)
  if self.store.takes_pdus and self.is_watched and not self.is_watched() then
    local message, status
    if self.usual then
      message, status = submit_usual(self, session, pdu)
      if message or status then return message, status end
    end
    message, status = brief_of(self, session, pdu)
    if message then return submit_brief(self, session, pdu, message) end
    if status then return nil, status end
  end
  local message, status = message_of(self, session, pdu)
  if not message then return nil, status end
  local id
  id, status = take(self, message, session, pdu)
  if not id then return nil, status end
  replace_if_present(self, message, pdu)
  if message.esm_class % 4 == 2 then -- transaction mode: the response has the outcome
    if self.lifecycle:await(message.key) ~= "DELIVERED" then return nil, "ESME_RDELIVERYFAILURE" end
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

--- The destinations of a submit_multi with its distribution lists expanded, and invalid ones as unsuccess_sme; nil, status.
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
  local id, taken = nil, 0
  for _, entry in ipairs(list) do
    local message, status = message_of(self, session, pdu)
    if not message then return nil, status end
    message.dest_addr_ton, message.dest_addr_npi = entry.dest_addr_ton, entry.dest_addr_npi
    message.destination_addr = entry.destination_addr
    local ok
    ok, status = take(self, message, session, pdu, id, id and ("%s/%d"):format(id, taken + 1))
    if ok then
      replace_if_present(self, message, pdu)
      id, taken = ok, taken + 1
    else
      unsuccess[#unsuccess + 1] = refused_address(entry, status)
    end
  end
  if taken > 1 then
    stores.commit(self.store, { { op = "change", kind = "message", key = id, set = { siblings = taken } } })
  end
  return { message_id = id or self.next_id(session.version) or "", unsuccess_sme = unsuccess }
end

--- All messages of a message_id, of this account with this source address; nil, status.
local function find(self, session, pdu, failure)
  local id = pdu.message_id
  local message, _, code = stores.get(self.store, "message", id)
  if not message and code ~= "missing" then return nil, "ESME_RSYSERR" end
  if not message or message.system_id ~= session.system_id then return nil, "ESME_RINVMSGID" end
  if pdu.source_addr ~= message.source_addr then return nil, failure end
  local list = { message }
  for i = 2, message.siblings or 1 do list[#list + 1] = stores.get(self.store, "message", ("%s/%d"):format(id, i)) end
  return list
end

function Requests:query_sm(session, pdu)
  local list, status = find(self, session, pdu, "ESME_RQUERYFAIL")
  if not list or list[1].is_broadcast then return nil, status or "ESME_RQUERYFAIL" end
  local message = list[1]
  for _, other in ipairs(list) do -- submit_multi: the least advanced state
    if not stores.is_final(other.state) then message = other end
  end
  return {
    message_id = message.id, final_date = message.done and timestamp.absolute(message.done) or "",
    message_state = state_number[message.state], error_code = message.error % 256,
  }
end

--- Cancels a message, unless it is final; retries if its state changes meanwhile.
local function cancel(self, message)
  while message and not stores.is_final(message.state) do
    local ok, _, code = self.lifecycle:finish(message, "DELETED", 0)
    if ok then return true end
    if code ~= "conflict" then return nil, status_of(code) end
    message = stores.get(self.store, "message", message.key)
  end
end

--- Cancels the matching messages of a list.
local function cancel_list(self, list, refusal, fits)
  local count, failure = 0, nil
  for _, message in ipairs(list) do
    if fits(message) then
      local ok, status = cancel(self, message)
      if ok then count = count + 1 end
      failure = failure or status
    end
  end
  if count == 0 then return nil, failure or refusal end
  return true
end

--- Cancels the matching messages between two addresses.
local function cancel_between(self, session, source, destination, refusal, fits)
  local count, failure = 0, nil
  local ok = between(self, session.system_id, source, destination, function(message)
    if fits(message) then
      local done, status = cancel(self, message)
      if done then count = count + 1 end
      failure = failure or status
    end
  end)
  if count == 0 then return nil, failure or (ok and refusal or "ESME_RSYSERR") end
  return true
end

function Requests:cancel_sm(session, pdu)
  local destination, service_type = pdu.destination_addr, pdu.service_type
  if pdu.message_id == "" then
    return cancel_between(self, session, pdu.source_addr, destination, "ESME_RCANCELFAIL", function(message)
      return not message.is_broadcast and (service_type == "" or service_type == message.service_type)
    end)
  end
  local list, status = find(self, session, pdu, "ESME_RCANCELFAIL")
  if not list then return nil, status end
  return cancel_list(self, list, "ESME_RCANCELFAIL", function(message)
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
  local replaced, failure = 0, nil
  for _, other in ipairs(list) do
    if not stores.is_final(other.state) then
      local ok, _, code = self.lifecycle:replan(other, {
        octets = text.octets(pdu), registered_delivery = pdu.registered_delivery,
        schedule = schedule, expires = expires, -- nil: unchanged
      })
      if ok then replaced = replaced + 1 elseif code ~= "conflict" then failure = status_of(code) end
    end
  end
  if replaced == 0 then return nil, failure or "ESME_RREPLACEFAIL" end
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
    local old = stores.get(self.store, "message", pdu.message_id)
    if not old or old.system_id ~= session.system_id or not old.is_broadcast then return nil, "ESME_RINVMSGID" end
    if not stores.is_final(old.state) then replaced = old end
  end
  local id
  id, status = take(self, message, session, pdu)
  if id and replaced then self.lifecycle:finish(replaced, "DELETED", 0, true) end
  return id, status
end

--- The broadcast of a query or cancellation: by message_id, or by user_message_reference.
local function find_broadcast(self, session, pdu, failure)
  local message = stores.get(self.store, "message", pdu.message_id)
  local reference = pdu.user_message_reference
  if pdu.message_id == "" and reference then
    between(self, session.system_id, pdu.source_addr, "", function(candidate)
      if candidate.is_broadcast and candidate.user_message_reference == reference then message = candidate end
    end)
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

--- Without message_id: all broadcasts of a source, optionally of a service_type and a content type.
function Requests:cancel_broadcast_sm(session, pdu)
  if pdu.message_id == "" and not pdu.user_message_reference then
    local service_type, content_type = pdu.service_type, pdu.broadcast_content_type
    return cancel_between(self, session, pdu.source_addr, "", "ESME_RBCASTCANCELFAIL", function(message)
      return message.is_broadcast and (service_type == "" or service_type == message.service_type)
        and (content_type == nil or content_type == message.content_type)
    end)
  end
  local message, status = find_broadcast(self, session, pdu, "ESME_RBCASTCANCELFAIL")
  if not message then return nil, status end
  return cancel_list(self, { message }, "ESME_RBCASTCANCELFAIL", function() return true end)
end

-- ---- 3.3 ----

function Requests:param_retrieve(_, pdu)
  local value = self.params[pdu.param_name]
  if value == nil then return nil, 0x31 end -- 3.3: ESME_RCNTRETRPARAM
  return { param_value = tostring(value) }
end

function Requests:query_last_msgs(session, pdu)
  local count, found = pdu.num_messages, {}
  if count < 1 or count > 100 then return nil, "ESME_RINVNUMMSGS" end
  local ok = stores.walk(self.store, {
    kind = "message", system_id = session.system_id, source_addr = pdu.source_addr, newest = true, limit = count,
  }, function(message)
    if message.key == message.id then found[#found + 1] = message.id end
    return #found < count
  end)
  if not ok then return nil, "ESME_RSYSERR" end
  return { message_id = found }
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

local handled = {} -- the methods above
for name, method in pairs(Requests) do handled[name] = method end

---@class smpp.RequestsOptions
---@field lifecycle smpp.Lifecycle
---@field loop smpp.Loop?  that of the lifecycle
---@field next_id fun(version: integer): string?, string?, string?  may wait; nil, message, code of the store
---@field admit (fun(message: smpp.StoredMessage, session: smpp.Session, pdu: smpp.Pdu): string?)?  returns a status to refuse a message
---@field accepted (fun(message: smpp.StoredMessage?, session: smpp.Session, pdu: smpp.Pdu, id: string))?  called for each accepted message
---@field is_watched (fun(): boolean)?  false: `admit` and `accepted` read only octets, esm_class, data_coding, system_id, version and
---  bind of a submit_sm's message, and do not keep it; absent: they read all fields
---@field usual (fun(octets: string): string|false|nil, number?, integer?)?  with `is_watched`: the outcome of a submit_sm of which nothing but its
---  text decides: final state (false: none), seconds until then, error.  nil: it is another, for `admit` and the plan of the lifecycle.
---  `accepted` is then called without a message
---@field lists table<string, (string|table)[]>?
---@field params table<string, string>?
---@field validity_s number?

--- Options of `new`.
requests.schema = schema.new {
  { "lifecycle", "table", nil, "of the messages, and with it their store", "lifecycle = lifecycle", required = true, program = true },
  { "next_id", "function", nil, "the message_id of the next message: (version) -> id; may wait; nil, message, code: it is refused",
    "next_id = function() return tostring(ids:take()) end", required = true, program = true },
  { "admit", "function", nil, "called for each message before it is stored: (message, session, pdu) -> a status that refuses it, or nil",
    'admit = function() return "ESME_RSYSERR" end', program = true },
  { "accepted", "function", nil, "called for each stored message: (message, session, pdu, id)", "accepted = print", program = true },
  { "is_watched", "function", nil,
    "false: admit and accepted read only octets, esm_class, data_coding, system_id, version and bind of a submit_sm's message, and do not keep it",
    "is_watched = function() return false end", default_text = "true", program = true },
  { "usual", "function", nil,
    "with is_watched: the outcome of a submit_sm of which nothing but its text decides: (octets) -> final state or false, seconds until then, error; "
      .. "nil: admit and the plan decide. accepted is then called without a message",
    'usual = function() return "DELIVERED", 1, 0 end', program = true },
  { "lists", kind.map("string", kind.list(kind.either("string", "table"), "addresses"), "a table of lists of addresses by name"), nil,
    "distribution lists for submit_multi", 'lists = { team = { "491", "492" } }', default_text = "none" },
  { "params", kind.map("string", "string", "a table of strings by name"), nil, "values for param_retrieve", 'params = { SMSC = "1" }',
    default_text = "none" },
  { "validity_s", kind.seconds, nil, "validity period of messages without one", "validity_s = 86400", default_text = "no limit" },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "that of the lifecycle", program = true },
}

---@param o smpp.RequestsOptions
---@return smpp.Requests
function requests.new(o)
  o = requests.schema:check(o)
  return setmetatable({
    lifecycle = o.lifecycle, store = o.lifecycle.store, loop = o.loop or o.lifecycle.loop, next_id = o.next_id,
    admit = o.admit, accepted = o.accepted,
    lists = o.lists or {}, params = o.params or {}, validity_s = o.validity_s,
    is_watched = o.is_watched,
    usual = o.lifecycle.store.add_due and o.usual or nil,
    spare = nil,   -- a reusable table for a message
    repeated = 0,  -- duplicate message_ids
  }, mt)
end

--- The handlers by name, for smpp.server.
---@return table<string, fun(session: smpp.Session, pdu: smpp.Pdu, refused: table?)>
function Requests:handlers()
  local list = {}
  for name, method in pairs(handled) do
    list[name] = function(session, pdu, refused) return method(self, session, pdu, refused) end
  end
  return list
end

return requests
