--- POST /v1/messages: one message, a list of recipients, or JSON lines; each goes the way of a message by SMPP.
local http = require "smpp.http"
local json = require "smpp.codec.json"
local library = require "smpp.http.json"
local messages = require "smpp.gateway.http_message"
local problem = require "smpp.http.problem"
local route = require "smpp.route"
local stores = require "smpp.store"
local styles = require "smpp.gateway.http_styles"

local send = {}

local VALID_S = 48 * 3600
local LINE_MAX = 65536
local RETRY_S = 1
local NONE = {}
local SESSION = { version = 0x34 }

local BUSY = { ESME_RTHROTTLED = 429, ESME_RMSGQFUL = 503, ESME_RSYSERR = 503, ESME_RX_T_APPN = 503 }

local REASONS = {
  no_credit = "the account has no credit left", source_not_allowed = "the account may not send from this source",
  destination_not_allowed = "the account may not send to this destination", quota = "the account's quota is used up",
  rate_limited = "the account's rate is exceeded", too_long = "the message has more parts than the account may send",
  store = "the store is full, or cannot be written",
  no_carrier = "no carrier is available", outcome_unknown = "the carrier did not answer: it may have taken the message",
}

--- A refusal as a problem: code, detail and the rest.
local function refusal(status, msg, id)
  local reason = msg.reason
  if reason then
    local again = reason == "no_carrier" or reason == "store" or reason == "quota" or reason == "rate_limited"
    local more = reason == "outcome_unknown" and { "id", id } or nil
    return { code = reason, detail = REASONS[reason], o = { retry_after_s = again and RETRY_S or nil, more = more } }
  end
  local name = type(status) == "string" and status or ("0x%08X"):format(status or 8)
  local row = require("smpp.codec.explain").status(status)
  name = row and row.name or name
  return {
    code = name, is_unmatched = msg.is_unmatched, detail = row and row.meaning or "refused",
    o = { status = BUSY[name] or 422, retry_after_s = BUSY[name] and RETRY_S or nil },
  }
end

local function fault_response(faults)
  local first = faults[1]
  return problem.new(first.code, ("%s: %s"):format(first.field, first.detail), {
    field = first.field, errors = #faults > 1 and faults or nil,
    headers = nil,
  })
end

--- Cancels parts that wait when a later one was refused.
local function take_back(self, record)
  local books = self.gateway.books
  for _, part in ipairs(record.part_list) do
    local kept = books and stores.get(books.store, "message", part.id)
    if kept then books:cancel(kept) end
  end
end

--- A carrier has refused a part, and the sender is told of that by its DLR URL: the rest has the same end.
local function refused_from(record, first, carrier, status, now)
  for i = first, #record.part_list do
    local part = record.part_list[i]
    part.state, part.carrier, part.status, part.done = "REJECTED", carrier, status, now
  end
end

--- Takes a message to one recipient: the item of the answer; nil, a refusal.
---@async
---@param self smpp.HttpApi
---@param account string
---@param values table
---@param recipient string
---@param keep (fun(item: table): smpp.Change[])?  changes that belong to the first part's commit
---@return table? item
---@return table refusal  or the record of the message
local function take(self, account, values, recipient, keep)
  local gateway, now = self.gateway, self.loop:time()
  local customer = gateway.customers[account]
  local default_from = customer and customer.default_from
  if not values.from and not default_from and not values.is_anonymous then
    return nil, { code = "missing", detail = "from: this field is required, since the account has no default source", o = { field = "from" } }
  end
  local pdus, info = messages.compose(self.composer, values, recipient, now)
  if not pdus then return nil, { code = info.code, detail = info.detail, o = { field = info.field } } end
  local record = {
    id = gateway.ids:next(SESSION.version), account = account, from = values.from, to = recipient, text = values.text, data = values.data,
    encoding = values.data and "binary" or info.encoding, reference = values.reference, created = now, at = values.at,
    receipt = values.receipt == nil or values.receipt, valid_until = math.max(now, values.at or 0) + (values.validity_s or VALID_S), part_list = nil,
    callback = values.callback, dlr = values.dlr, source = not values.from and default_from and default_from.addr or nil,
  }
  record.part_list = { { id = record.id } }
  for i = 2, #pdus do record.part_list[i] = { id = gateway.ids:next(SESSION.version) } end
  local is_later = values.at and values.at > now
  local item = {
    id = record.id, to = recipient, parts = #pdus, encoding = record.encoding, state = is_later and "scheduled" or "queued",
    reference = record.reference,
  }
  local passed
  for i = 1, #pdus do
    local pdu, part = pdus[i], record.part_list[i]
    local changes
    if i == 1 and gateway.books then
      changes = { self.book:addition(record) }
      for _, change in ipairs(keep and keep(item) or NONE) do changes[#changes + 1] = change end
    end
    if self:over_rate(account) then
      if i > 1 then take_back(self, record) end
      return nil, refusal(nil, { reason = "rate_limited" })
    end
    local msg = route.message {
      account = account, bind = "http", pdu = pdu, id = part.id, http = { id = record.id, changes = changes, has_dlr = values.dlr and true },
      tags = values.tags and route.tags(values.tags), given_tags = values.tags,
      from = nil, from_ton = nil, to = nil, to_ton = nil, changes = nil, reason = nil, result = nil, -- space for what rules set
      carrier = nil, carrier_id = nil, -- and for who took it
    }
    self.book:expect(record, part.id)
    local id, status = gateway.forward:take(SESSION, msg)
    if not id and msg.refused_by and styles.wants_refusal(values.dlr) then
      refused_from(record, i, msg.refused_by, status, self.loop:time())
      passed = true
      break
    end
    if not id then
      if i > 1 then take_back(self, record) end
      for _, one in ipairs(record.part_list) do self.book.parts[one.id] = nil end
      return nil, refusal(status, msg, record.id)
    end
    if msg.result == "stored" then
      self.book.parts[part.id] = nil
      record.is_kept, record.waits = true, record.waits or not msg.is_sending
    else
      passed = true
      part.state = part.state or (msg.result == "forwarded" and "ENROUTE" or "ACCEPTED")
      part.sent = self.loop:time()
      part.carrier, part.carrier_id = msg.carrier, msg.carrier_id
    end
  end
  if passed then
    item.state = "sent"
    local changes, notice = keep and not record.is_kept and keep(item) or nil, nil
    if record.dlr then changes, notice = self.notices:passed(record, changes or {}) end
    if record.is_kept then self.book:update(record, changes) else self.book:keep(record, changes) end
    if notice then self.notices:passed_on(notice) end
    for _, part in ipairs(gateway.through and record.part_list or NONE) do self.book.parts[part.id] = nil end -- the store has it for all nodes
  end
  return item, record
end

send.one = take

local function response_of(status, body, location)
  return { status = status, type = "application/json", body = body, location = location, headers = location and { "Location", location } or nil }
end

--- The text of an item: as of library.write, which takes four times as long.
local function item_text(item)
  local reference = item.reference
  return ('{"id":"%s","to":%s,"parts":%d,"encoding":"%s","state":"%s"%s}'):format(item.id, library.quote(item.to), item.parts, item.encoding,
    item.state, reference and ',"reference":' .. library.quote(reference) or "")
end

local function refused(refusal_) return problem.new(refusal_.code, refusal_.detail, refusal_.o) end

local function location_of(item) return "/v1/messages/" .. item.id end

--- A message to one recipient.
local function one(self, account, values, keep)
  local item, why = take(self, account, values, values.to, keep and function(item)
    return keep(response_of(202, item_text(item), location_of(item)))
  end)
  if not item then return refused(why) end
  return response_of(202, item_text(item), location_of(item))
end

--- A list of recipients: each is accepted or refused by itself.
local function many(self, account, values, keep)
  local list, texts, accepted = {}, {}, 0
  local function answer()
    return ('{"messages":[%s],"accepted":%d,"refused":%d}'):format(table.concat(texts, ","), accepted, #texts - accepted)
  end
  for i, recipient in ipairs(values.to) do
    local wrong = messages.recipient_wrong(recipient)
    local item, why
    if wrong then
      why = { code = "bad_value", detail = wrong, o = { field = "to/" .. i } }
    else
      local is_last = keep and i == #values.to
      item, why = take(self, account, values, recipient, is_last and function(last)
        texts[i], accepted = item_text(last), accepted + 1
        local changes = keep(response_of(202, answer()))
        texts[i], accepted = nil, accepted - 1
        return changes
      end)
    end
    if item then
      texts[i], accepted = item_text(item), accepted + 1
    else
      local refused_one = json.object {
        "to", type(recipient) == "string" and recipient or tostring(recipient), "error", (problem.document(why.code, why.detail, why.o)),
      }
      texts[i], list[#list + 1] = library.write(refused_one), refused_one
    end
  end
  if accepted > 0 then return response_of(202, answer()) end
  return problem.new("none_accepted", "no message was accepted", { more = { "messages", json.list(list), "accepted", 0, "refused", #list } })
end

--- What the object of a body asks for: its answer.
---@async
---@param keep (fun(response: table): smpp.Change[])?
local function answer_of(self, account, object, rows, keep)
  local values, faults = messages.check(rows, object, self.loop:time(), self.rule)
  if faults[1] then return fault_response(faults) end
  if type(values.to) ~= "table" then return one(self, account, values, keep) end
  if #values.to > self.max_to then
    return problem.new("too_many", ("to: %d recipients, at most %d"):format(#values.to, self.max_to), { field = "to" })
  end
  return many(self, account, values, keep)
end

--- The answer to a line, as a line.
local function line_answer(self, account, line, number)
  local function failed(document) return ('{"line":%d,"error":%s}'):format(number, document) end
  local function fault(code, detail, o) return failed(problem.new(code, detail, o).body) end
  if #line > LINE_MAX then return fault("too_large", ("a line may have %d octets"):format(LINE_MAX)) end
  local object, words = library.read(line)
  if object == nil then return fault("malformed_json", words) end
  if type(object) ~= "table" or library.is_array(object) then return fault("bad_value", "expected an object") end
  if library.is_array(object.to) then return fault("bad_value", "to: expected one number", { field = "to" }) end
  local key = object.idempotency_key
  local function run(keep) return answer_of(self, account, object, messages.line_rows, keep) end
  local is_key = type(key) == "string" and key:find "^[\33-\126]+$" and #key <= 255
  local response = is_key and self.once:run(account, key, line, run) or run()
  if response.status ~= 202 then return failed(response.body) end
  return ('{"line":%d,'):format(number) .. response.body:sub(2) -- that of a message is an object
end

local ANSWER_OCTETS = 4194304 -- kept for a client that reads no answers while it sends

--- JSON lines: each is taken and answered as it comes; when the client has gone, the rest is not taken.
local function lines(self, request)
  local function stream(out)
    local rest, number, is_open = "", 0, true
    local function take_line(line)
      number = number + 1
      if is_open and line:find "[^ \t\r]" then is_open = out:write(line_answer(self, request.account, line, number) .. "\n") end
    end
    while is_open do
      local piece, _, code = request:read()
      if code then return end
      rest = rest .. (piece or "")
      local from = 1
      while is_open do
        local stop = rest:find("\n", from, true)
        if not stop then break end
        take_line(rest:sub(from, stop - 1))
        from = stop + 1
      end
      rest = rest:sub(from)
      if #rest > LINE_MAX then rest = rest:sub(1, LINE_MAX + 1) end -- too long: the end is enough
      if not piece then break end
    end
    if rest ~= "" then take_line(rest) end
  end
  return { status = 202, type = "application/x-ndjson", stream = stream, max_queued_octets = ANSWER_OCTETS }
end

--- POST /v1/messages.
---@async
---@param self smpp.HttpApi
---@param request smpp.HttpRequest
---@return smpp.HttpResponse
function send.post(self, request)
  if request.media == "application/x-ndjson" then return lines(self, request) end
  local body, key = request.body, request.headers["idempotency-key"]
  local function run(keep)
    local object, words = library.read(body)
    if object == nil then return problem.new("malformed_json", words) end
    if type(object) ~= "table" or library.is_array(object) then
      return problem.new("bad_value", "expected an object, got " .. library.type_of(object))
    end
    return answer_of(self, request.account, object, messages.rows, keep)
  end
  if not key then return run() end
  if #key > 255 or not key:find "^[\33-\126]+$" then
    return http.problem("bad_value", "Idempotency-Key: expected 1 to 255 visible ASCII characters", { field = "Idempotency-Key" })
  end
  return self.once:run(request.account, key, body, run)
end

--- Reads a body of POST /v1/lookup: values, or the response to a wrong one.
---@async
function send.read(self, request)
  local object, words = library.read(request.body)
  if object == nil then return nil, problem.new("malformed_json", words) end
  if type(object) ~= "table" or library.is_array(object) then return nil, problem.new("bad_value", "expected an object") end
  local values, faults = messages.check(messages.rows, object, self.loop:time(), self.rule)
  if type(values.to) == "table" then faults[#faults + 1] = { field = "to", code = "bad_value", detail = "expected one number" } end
  if faults[1] then return nil, fault_response(faults) end
  return values
end

return send
