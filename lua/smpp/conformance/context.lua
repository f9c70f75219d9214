--- What a case of conformance is given: connections to the peer, binds, and what answers must be.
local esmes = require "smpp.scenario.esme"
local explain = require "smpp.codec.explain"
local receipts = require "smpp.receipt"
local schema = require "smpp.base.schema"

local context = {}

---@class smpp.ConformanceContext
---@field t smpp.ScenarioSteps
---@field timeout_s number
---@field receipt_wait_s number
---@field system_id string
---@field password string
local Context = {}
local mt = { __index = Context, __name = "smpp.ConformanceContext" }

local BINDS = { trx = "bind_transceiver", tx = "bind_transmitter", rx = "bind_receiver" }

--- A scenario of a function.
---@param name string
---@param fn fun(t: smpp.ScenarioSteps)
---@param limit_s number
---@param within_s? number
---@return smpp.ScenarioCase
function context.case(name, fn, limit_s, within_s)
  local info = debug.getinfo(fn, "S")
  return {
    name = name, options = { limit_s = limit_s, within_s = within_s }, fn = fn, file = name, folder = ".", source = info.source,
    line = info.linedefined, last_line = info.lastlinedefined,
  }
end

---@param t smpp.ScenarioSteps
---@param o smpp.ConformanceOptions  with `parsed` and `shared`
---@return smpp.ConformanceContext
function context.new(t, o)
  return setmetatable({
    t = t, o = o, shared = o.shared, timeout_s = o.timeout_s, receipt_wait_s = o.receipt_wait_s, case = {},
    system_id = o.parsed.system_id or "", password = o.parsed.password or "",
  }, mt)
end

-- ---- connections ----

--- A connection, not bound.
---@async
---@param second? boolean  of the second account, where there is one
---@return smpp.ScenarioSpeaker
function Context:open(second)
  local o = self.o
  local esme = esmes.scripted(self.t.world, {
    second and o.second or o.url, unexpected = "ignore", tls = o.tls,
    auto = { "enquire_link", "unbind", "deliver_sm", "data_sm", "alert_notification" },
  }, "esme")
  local ok, message = esme:connected()
  if not ok then self.t:fail("no connection: " .. message) end
  return esme
end

--- The fields of a bind.
---@param more? table
---@return table
function Context:bind_fields(more)
  return schema.merge({ system_id = self.system_id, password = self.password, interface_version = self.case.version or 0x34 }, more)
end

--- A bound session.
---@async
---@param how "tx"|"rx"|"trx"
---@param second? boolean  it is not the first of this case
---@return smpp.ScenarioSpeaker
function Context:bind(how, second)
  local esme = self:open(second)
  local fields = self:bind_fields()
  if second then fields.system_id, fields.password = esme.system_id, esme.password end
  local response = self:answer_of(esme, BINDS[how], fields)
  self:offered(response)
  if response.command_status ~= 0 and second then
    self.shared.one_bind = true
    self.t:skip("a second bind is refused with " .. response.status)
  end
  if response.command_status ~= 0 and self.shared.bound > 0 then -- another case may be bound
    self.shared.one_bind = true
    for _ = 1, 20 do
      self.t:pause(0.25)
      esme = self:open()
      response = self:answer_of(esme, BINDS[how], fields)
      if response.command_status == 0 then break end
    end
  end
  if response.command_status ~= 0 then self.t:fail(("%s is refused with %s"):format(BINDS[how], response.status)) end
  self.shared.system_id = self.shared.system_id or response.system_id
  local version = response.sc_interface_version
  self.shared.version = self.shared.version or version and ("%d.%d"):format(math.floor(version / 16), version % 16)
  if self.case.version and (version or 0x34) < self.case.version then self.t:skip "the message centre does not speak SMPP 5.0" end
  self.shared.bound = self.shared.bound + 1
  self.t:defer(function() self.shared.bound = self.shared.bound - 1 end)
  return esme
end

--- The peer still accepts a connection and a bind.
---@async
function Context:lives_on() self:bind "tx" end

-- ---- PDUs ----

local function u32(n)
  return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
end

--- The octets of a PDU.
---@param id integer
---@param sequence integer
---@param body string
---@return string
function Context:pdu(id, sequence, body) -- luacheck: no self
  return u32(16 + #body) .. u32(id) .. u32(0) .. u32(sequence) .. body
end

--- A submit_sm to the number that may be sent to.
---@param more? table
---@return table fields
function Context:message(more)
  local to = (self.o.submit_to or ""):gsub("^%+", "")
  return schema.merge({
    source_addr_ton = 1, source_addr_npi = 1, source_addr = "491700000000", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = to,
    short_message = "conformance",
  }, more)
end

--- Sends a request and waits for its response, whatever it says.
---@async
---@return smpp.Pdu
function Context:answer_of(esme, command, fields, o)
  local response = esme:send(command, fields, o):expect({ command_status = function() return true end })
  if self.case.optional then self:offered(response) end
  return response
end

--- The same, or nil when the connection ends.
---@async
---@return smpp.Pdu?
function Context:answer_or_end(esme, command, fields)
  return esme:send(command, fields):expect({ command_status = function() return true end }, { optional = true })
end

--- A request that was, or will be, written as octets.
function Context:expects(esme, command, sequence) -- luacheck: no self
  local session = esme:session()
  local request = require("smpp.scenario.arrival").request(session, command, sequence, 0)
  session.requests[sequence] = request
  return request
end

--- Writes octets, and waits for the response with a sequence number; nil: none came, or the connection ended.
---@async
---@return smpp.Pdu?
function Context:raw_answer(esme, octets, sequence)
  local request = self:expects(esme, "enquire_link", sequence)
  esme:write(octets)
  local world = self.t.world
  world:await(self.timeout_s, request.changes, function() return request.response or esme:session().ended end)
  return request.response
end

--- Any answer, or the end of the connection; then the peer still has to work.
---@async
function Context:any_answer(esme, command, fields)
  local request = esme:send(command, fields)
  local world = self.t.world
  world:await(self.timeout_s, request.changes, function() return request.response or esme:session().ended end)
  self.t:check(request.response or esme:session().ended, "neither an answer nor an end")
  self:lives_on()
end

--- The same of octets.
---@async
---@param esme smpp.ScenarioSpeaker
---@param octets string
---@param tolerant? boolean  ESME_ROK is an answer, too
function Context:any_answer_to(esme, octets, tolerant)
  local response = self:raw_answer(esme, octets, 1)
  if not tolerant and response and response.command ~= "generic_nack" then self.t:check(response.command_status ~= 0, "the answer is ESME_ROK") end
  self:lives_on()
end

--- Skips the case if the response is ESME_RINVCMDID and the standard does not require the operation.
---@param response smpp.Pdu
function Context:offered(response)
  local absent = response.command_status == 3 and (self.case.optional or response.command == "generic_nack" or response.command_id ~= 0x80000004)
  if absent then self.t:skip "not offered (ESME_RINVCMDID)" end
end

--- The response has a status.
---@param response smpp.Pdu
---@param status string
function Context:expect_status(response, status)
  if self.case.optional then self:offered(response) end
  if explain.status(response.command_status).name ~= status then
    self.t:fail(("%s with %s, expected %s"):format(response.command, response.status, status))
  end
end

--- The response has one of several statuses.
---@param response smpp.Pdu
---@param statuses string[]
function Context:expect_one_of(response, statuses)
  for _, status in ipairs(statuses) do
    if explain.status(response.command_status).name == status then return end
  end
  self.t:fail(("%s with %s, expected %s"):format(response.command, response.status, table.concat(statuses, " or ")))
end

--- Sends a request that has to be refused.
---@async
---@return smpp.Pdu response
function Context:refused(esme, command, fields)
  local response = self:answer_of(esme, command, fields)
  if response.command_status == 0 then self.t:fail(("%s with ESME_ROK, expected a refusal"):format(response.command)) end
  return response
end

--- The same; the end of the connection is a refusal, too.
---@async
---@return smpp.Pdu? response
function Context:refused_or_closed(esme, command, fields)
  local request = esme:send(command, fields)
  local world = self.t.world
  world:await(self.timeout_s, request.changes, function() return request.response or esme:session().ended end)
  local response = request.response
  if response and response.command_status == 0 then self.t:fail(("%s with ESME_ROK, expected a refusal"):format(response.command)) end
  if not response and not esme:session().ended then self.t:fail(("%s is not answered"):format(command)) end
  return response
end

-- ---- receipts ----

local function receipt_among(esme, id, from)
  for i = from, #esme.inbox.recent do
    local pdu = esme.inbox.recent[i]
    if pdu.command == "deliver_sm" or pdu.command == "data_sm" then
      local receipt = receipts.is(pdu, { untyped = true }) and receipts.parse(pdu) or nil
      if pdu.receipted_message_id == id or receipt and receipt.id == id then return pdu, i end
    end
  end
end

--- Waits for the receipt of a message.
---@async
---@return smpp.Pdu
function Context:receipt(esme, id)
  local waited, pdu, at = 0, nil, nil
  local limit = self.shared.no_receipts and 0 or self.receipt_wait_s
  while not pdu and waited <= limit do
    pdu, at = receipt_among(esme, id, 1)
    if not pdu then
      self.t:pause(0.1)
      waited = waited + 0.1
    end
  end
  if pdu then
    self.receipt_at = at
    return pdu
  end
  if self.o.receipts ~= "yes" then
    self.shared.no_receipts = true
    self.t:skip(("no receipt within %g s (--receipts auto)"):format(self.receipt_wait_s))
  end
  return self.t:fail(("no receipt within %g s"):format(self.receipt_wait_s))
end

--- Waits, and fails if a receipt of the message comes.
---@async
function Context:no_receipt(esme, id, seconds)
  self.t:pause(seconds)
  local pdu = receipt_among(esme, id, (self.receipt_at or 0) + 1)
  if pdu then self.t:fail(("a receipt of %s came"):format(id)) end
end

return context
