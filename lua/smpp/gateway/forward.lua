--- Messages of customers: rules decide, carriers take them, and the customer gets the carrier's answer.
local commands = require "smpp.codec.commands"
local codec = require("smpp.codec").codec
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local figures = require "smpp.gateway.figures"
local gateway_ids = require "smpp.gateway.ids"
local route = require "smpp.route"
local message = require "smpp.route.message"
local task = require "smpp.base.task"
local through = require "smpp.gateway.through"

local forward = {}

---@class smpp.Forward
local Forward = {}
local mt = { __index = Forward, __name = "smpp.Forward" }

local ids = commands.ids
local spend = codec.spend
local BIND = { BOUND_TRX = "trx", BOUND_TX = "tx", BOUND_RX = "rx" }

---@param gateway smpp.Gateway
---@return smpp.Forward
function forward.new(gateway)
  local self = setmetatable({ gateway = gateway, sink = nil }, mt)
  self.sink = function(trace) gateway:log("error", "failed", { reason = trace }) end
  return self
end

--- Handlers of smpp.server.
---@return table<string, function>
function Forward:handlers()
  local function one(session, pdu) return self:message(session, pdu) end
  return { submit_sm = one, data_sm = one, submit_multi = function(session, pdu) return self:multi(session, pdu) end }
end

--- The status for the customer after the last failure.
local function status_of(code)
  return code and explain.class(code) and code or "ESME_RSYSERR"
end

local function handle_of(self, msg, id, wants)
  if not wants then return nil end
  local pdu = msg.pdu
  local handle = not msg.destination and core.relay.handle(pdu, id, msg.account, self.gateway.loop:time())
  if handle then return handle end
  local source, source_ton, source_npi, ton, npi, delivery = pdu:values("source_addr", "source_addr_ton", "source_addr_npi", "dest_addr_ton",
    "dest_addr_npi", "registered_delivery")
  local destination = msg.destination
  if destination then ton, npi = destination.dest_addr_ton, destination.dest_addr_npi end
  return gateway_ids.handle(id, msg.account, source, source_ton, source_npi, destination and destination.destination_addr or pdu.destination_addr,
    ton or 0, npi or 0, delivery, self.gateway.loop:time())
end

--- Remembers an accepted message, and delivers receipts that came before the response.
local function remember(self, carrier, msg, id, response, part, handle, parts)
  local gateway, now, changes = self.gateway, self.gateway.loop:now(), msg.changes
  if (part or 1) == 1 then gateway.ids:remember(id, carrier.name, response, msg.account, msg.pdu, changes and changes.source_addr or nil, now) end
  if not (handle or gateway.through or msg.http) then return end
  local carrier_id = response.message_id or ""
  if msg.http and (part or 1) == 1 then msg.carrier, msg.carrier_id = carrier.name, carrier_id end
  if gateway.through then
    return gateway.through:taken(carrier, carrier_id, {
      key = through.key(id, msg.destination), handle = handle or handle_of(self, msg, id, true), wants = handle ~= nil, part = part, parts = parts,
      sent_source = changes and changes.source_addr, http_id = msg.http and msg.http.id,
    })
  end
  if not handle then return end
  gateway.receiving:outcomes(carrier, carrier.tracker:accepted(handle, part or 1, carrier_id, now, msg.to))
  gateway:arm(carrier)
end

--- Sends a message in pieces: all to one carrier.  A piece that fails ends it; what was taken before stays taken.
---@async
local function send_pieces(self, carrier, command_id, msg, list, id, handle)
  local first
  local tracked = handle and not self.gateway.through
  if tracked then carrier.tracker:open(handle, #list, self.gateway.loop:now()) end
  for i, piece in ipairs(list) do
    local response, words, code = carrier:submit(command_id, piece, self.gateway.settings.queue_s)
    if not response then
      for rest = i, tracked and #list or 0 do carrier.tracker:refused(handle, rest, code, self.gateway.loop:now()) end
      if not first then return nil, words, code end
      if handle and self.gateway.through then self.gateway.through:failed(through.key(id, msg.destination)) end
      return nil, words, carrier:class(code) == "unknown" and code or "ESME_RSUBMITFAIL" -- not to another carrier: this one has a part
    end
    first = first or response
    remember(self, carrier, msg, id, response, i, handle, #list)
  end
  return first
end

--- Tries the carriers of a decision.
---@async
---@return string? id
---@return string? status
---@return string? carrier  that took it
local function via(self, session, msg, decision, customer)
  local gateway = self.gateway
  local pdu, settings = msg.pdu, gateway.settings
  local command_id, changes, id, last, view = pdu.command_id, msg.changes, nil, nil, nil
  if msg.destination then command_id = ids.submit_sm end
  local delivery = pdu.registered_delivery or 0
  local list = decision.carriers
  for i = 1, #list do
    local carrier = gateway.by_name[list[i]]
    if carrier and (not customer or not customer.carriers or customer.carriers[carrier.name]) and carrier:available() then
      local message_text
      id = id or msg.id or gateway.ids:next(session.version)
      local asks = carrier.own.receipts == "always" and delivery % 4 == 0
      if not view then
        view = pdu
        if msg.destination then view, message_text = self:single(msg, changes) elseif changes then view, message_text = pdu:with(changes) end
        if not view then
          gateway:log("error", "not_sent", { account = msg.account, reason = message_text })
          return nil, "ESME_RSYSERR"
        end
      end
      local out = asks and assert(view:with { registered_delivery = delivery + 1 }) or view
      local wants = delivery % 32 ~= 0 or asks
      local handle = handle_of(self, msg, id, wants)
      local pieces, why, status = carrier:views(msg, out)
      if pieces == false then
        gateway:log("warn", "not_converted", { account = msg.account, carrier = carrier.name, reason = why })
        return nil, status
      end
      local response, words, code
      if pieces and pieces[2] then
        response, words, code = send_pieces(self, carrier, command_id, msg, pieces, id, handle)
      else
        response, words, code = carrier:submit(command_id, pieces and pieces[1] or out, settings.queue_s)
      end
      if response then
        if not (pieces and pieces[2]) then
          remember(self, carrier, msg, id, response, nil, handle)
          spend(response) -- what this was called by has only asked whether there is one
          msg.is_spent = not last
        end
        return id, nil, carrier.name
      end
      local class = carrier:class(code)
      if class == "permanent" then
        msg.refused_by = carrier.name
        return nil, code
      end
      if class == "unknown" then
        msg.reason = "outcome_unknown"
        gateway:log("warn", "outcome_unknown", { account = msg.account, carrier = carrier.name, to = gateway.show(msg.to), reason = words })
        if carrier.own.on_unknown ~= "resend" then return nil, "ESME_RSUBMITFAIL" end
      end
      last = code
    end
  end
  if not last then msg.reason = "no_carrier" end
  return nil, status_of(last)
end

--- Sends the copies of a message (`copy`) to their carriers; their outcomes are ignored.
local function copy(self, msg)
  for _, name in ipairs(msg.copies) do
    local carrier = self.gateway.by_name[name]
    if carrier and carrier:available() then
      local view = msg.destination and self:single(msg, msg.changes) or msg.changes and msg.pdu:with(msg.changes) or msg.pdu
      local out = view and view:with { registered_delivery = 0 }
      if out then task.start(self.sink, function() carrier:submit(out.command_id, out, self.gateway.settings.queue_s) end) end
    end
  end
end

--- A message for an account becomes a deliver_sm.
local function deliver(self, session, msg, decision)
  local gateway, fields = self.gateway, {}
  local refusal = gateway.books and gateway.books:no_room()
  if refusal then return nil, refusal end
  local view = msg.destination and self:single(msg, msg.changes) or msg.changes and msg.pdu:with(msg.changes) or msg.pdu
  for _, name in ipairs { "service_type", "source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi", "destination_addr",
    "protocol_id", "priority_flag", "data_coding", "short_message" } do
    fields[name] = view[name]
  end
  fields.esm_class = math.floor((view.esm_class or 0) / 64) * 64
  fields.tlvs = {}
  for i, tlv in ipairs(view:tlvs()) do fields.tlvs[i] = { tlv.tag, tlv.octets } end
  local ok, _, code = gateway:deliver_stored(decision.deliver, fields)
  if ok then return msg.id or gateway.ids:next(session.version) end
  return nil, code == "queue_full" and "ESME_RMSGQFUL" or "ESME_RSYSERR"
end

local RESULTS = { via = "forwarded", stored = "stored", drop = "dropped", deliver = "delivered" } -- of the metric

--- Does what a decision says.
---@async
---@return string? id
---@return string? status
local function perform(self, session, msg)
  local gateway = self.gateway
  local customer = gateway.customers[msg.account]
  local detector, place, mark = gateway.loops, nil, nil
  local status, charged
  if gateway:is_loop(detector, msg, "account") then
    status = "ESME_RSUBMITFAIL"
  elseif customer and customer.has_limits then
    if gateway.books and customer.is_kept and not customer.in_books then customer = gateway.books.counters:ready(msg.account) end
    if customer then status, charged = customer:admit(msg, gateway.loop:time(), message.set) else status = "ESME_RSYSERR" end
  end
  if status then
    gateway:count("refused", msg.account)
    figures.messages:add(1, msg.account, "refused")
    return nil, status
  end
  local books, admitted = gateway.books, nil
  if books and msg.changes then
    admitted = {}
    for name, value in pairs(msg.changes) do admitted[name] = value end
  end
  local decision = gateway.route:decide(msg, gateway:route_state())
  local action, id, taken_by = decision.action, nil, nil
  if gateway.limits and msg.is_uncounted then action, status, charged = "refused", "ESME_RSYSERR", nil end
  local is_passing = action ~= "reject" and action ~= "refused" and (action ~= "via" or decision.through)
  if books and books.is_shared and customer and customer.is_kept and is_passing then
    status = books.counters:take(msg, charged)
    if status then action, charged = "refused", nil end
  elseif action == "reject" and customer and customer.is_shared then
    charged = nil
  end
  if msg.copies and action ~= "refused" then copy(self, msg) end
  if detector and action == "via" then place, mark = detector:pass(msg, msg.account, not books or decision.through) end
  if action == "via" and books and not decision.through then
    id, status = books:accept(session, msg, decision, admitted, charged)
    action = "stored"
  elseif action == "via" then
    if not gateway.through or gateway.through:is_open() then
      id, status, taken_by = via(self, session, msg, decision, customer)
    else
      status = "ESME_RSYSERR"
    end
    if place then detector:answered(place, mark) end
  elseif action == "drop" then
    id = msg.id or gateway.ids:next(session.version)
  elseif action == "deliver" then
    id, status = deliver(self, session, msg, decision)
  elseif action ~= "refused" then
    status = decision.reject
    if not decision.line then
      msg.is_unmatched = true
      gateway:log("info", "unmatched", { account = msg.account, to = gateway.show(msg.to) })
    end
  end
  if books and (action ~= "stored" or not id) and customer and customer.is_kept then books.counters:charged(msg.account) end
  if not id then
    local payer = charged and gateway.customers[msg.account] -- another one if the file was loaded again meanwhile
    if payer and payer.balance then
      if not books then payer:refund(charged) elseif action ~= "stored" or not books.is_shared then books.counters:give_back(msg.account, charged) end
    end
    gateway:count("refused", msg.account)
    figures.messages:add(1, msg.account, "refused")
    return nil, tonumber(status) or status -- a vendor's is "0x00000401"
  end
  gateway:count(action == "via" and "forwarded" or action, taken_by or msg.account)
  figures.messages:add(1, msg.account, RESULTS[action])
  if msg.http then msg.result = RESULTS[action] end -- others have no space for more
  return id
end

--- Takes a message of an account, whatever way it came: limits, rules, then what they decide.
---@async
---@param session { version: integer }
---@param msg smpp.RouteMessage  gets `reason` when it is refused for another reason than a status says, `refused_by` a
---  carrier; else, with `http`, `result`, and `carrier` and `carrier_id` when one has taken it at once
---@return string? id
---@return string|integer|nil status
function Forward:take(session, msg) return perform(self, session, msg) end

local SPARE_MAX = 1024
local spare, spare_count = {}, 0 -- messages that have passed through, for those to come

--- The message of a PDU.  From the start it has all fields that nearly all have; those that are false nothing has to look for.
local function message_of(session, pdu)
  if spare_count == 0 then
    return route.message {
      account = session.system_id, bind = BIND[session.state], pdu = pdu, peer_text = session.peer_text,
      from = nil, from_ton = nil, to = nil, to_ton = nil, mark = nil, place = nil,
      changes = false, destination = false, id = false, copies = false, is_spent = false, is_extended = false,
    }
  end
  local msg = spare[spare_count]
  spare_count = spare_count - 1
  msg.account, msg.bind, msg.pdu, msg.peer_text, msg.to = session.system_id, BIND[session.state], pdu, session.peer_text, false
  msg.changes, msg.id, msg.is_spent = false, false, false
  return route.message(msg)
end

--- A submit_sm or data_sm.
---@async
---@param session smpp.Session
---@param pdu smpp.Pdu
function Forward:message(session, pdu)
  local msg = message_of(session, pdu)
  local id, status = perform(self, session, msg)
  -- Taken at the first attempt, the PDU is kept by nobody: the carrier's session has forgotten it with the response, records are of texts.
  if msg.is_spent and not msg.is_shown and not msg.copies then
    spend(pdu)
    if not msg.is_extended and not self.gateway.books and spare_count < SPARE_MAX then
      spare_count = spare_count + 1
      spare[spare_count] = msg
    end
  end
  return id, status
end

local MULTI = {
  "service_type", "source_addr_ton", "source_addr_npi", "source_addr", "esm_class", "protocol_id", "priority_flag", "schedule_delivery_time",
  "validity_period", "registered_delivery", "replace_if_present_flag", "data_coding", "sm_default_msg_id", "short_message",
}

--- One destination of a submit_multi as a submit_sm.
---@param msg smpp.RouteMessage
---@param changes table?
---@return smpp.Pdu? view
---@return string? message
function Forward:single(msg, changes)
  local pdu, codec = msg.pdu, self.gateway.codec
  local fields = { command = "submit_sm", tlvs = {} }
  for _, name in ipairs(MULTI) do fields[name] = pdu[name] end
  for name, value in pairs(msg.destination) do fields[name] = value end
  for i, tlv in ipairs(pdu:tlvs()) do fields.tlvs[i] = { tlv.tag, tlv.octets } end
  fields.dest_flag = nil
  local octets, words = codec.encode(fields)
  if not octets then return nil, words end
  local view = codec.decode(octets)
  if changes then return view:with(changes) end
  return view
end

--- A submit_multi: each destination is decided by itself; the response lists those that were refused.
---@async
---@param session smpp.Session
---@param pdu smpp.Pdu
function Forward:multi(session, pdu)
  local gateway, list, refused, pending = self.gateway, pdu.dest_address, {}, 0
  for _, entry in ipairs(list) do
    if entry.dl_name then return nil, "ESME_RINVDLNAME" end -- distribution lists are defined at a message centre; the gateway has none
  end
  local id, token, results = gateway.ids:next(session.version), task.need(), {}
  for i, entry in ipairs(list) do
    local msg = route.message {
      account = session.system_id, bind = BIND[session.state], pdu = pdu, peer_text = session.peer_text, id = id, destination = entry,
      to = entry.destination_addr, to_ton = entry.dest_addr_ton,
    }
    pending = pending + 1
    task.start(function(trace)
      results[i] = "ESME_RSYSERR"
      self.sink(trace)
      pending = pending - 1
      if pending == 0 then task.wake_for(token, results) end
    end, function()
      local ok, status = perform(self, session, msg)
      results[i] = not ok and status or nil
      pending = pending - 1
      if pending == 0 then task.wake_for(token, results) end
    end)
  end
  if pending > 0 then task.wait(results) end
  for i, entry in ipairs(list) do
    if results[i] then
      refused[#refused + 1] = {
        dest_addr_ton = entry.dest_addr_ton, dest_addr_npi = entry.dest_addr_npi, destination_addr = entry.destination_addr,
        error_status_code = explain.status(results[i]).code,
      }
    end
  end
  if #list == 0 then return nil, "ESME_RINVNUMDESTS" end
  return { message_id = id, unsuccess_sme = refused }
end

return forward
