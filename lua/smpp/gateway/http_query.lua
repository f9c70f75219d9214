--- Reading, cancelling and asking: GET and DELETE of messages, the account, the lookup.
local codec = require "smpp.codec"
local bodies = require "smpp.http.body"
local books_of = require "smpp.gateway.http_book"
local events = require "smpp.gateway.http_events"
local fields = require "smpp.http.fields"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local http_json = require "smpp.http.json"
local messages = require "smpp.gateway.http_message"
local problem = require "smpp.http.problem"
local route = require "smpp.route"
local send = require "smpp.gateway.http_send"
local stores = require "smpp.store"

local query = {}

local PAGE, LIMIT, LIMIT_MAX = 100, 100, 1000

local function respond(status, object) return { status = status, type = "application/json", body = http_json.write(object) } end

local function missing(code)
  if code ~= "missing" then return problem.new("store", "the store cannot be read", { retry_after_s = 1 }) end
  return problem.new("not_found", "there is no such message")
end

--- GET /v1/messages/ID.
function query.get(self, request)
  local record, _, code = self.book:get(request.account, request.params.id or "", stores.settled)
  if not record then return missing(code) end
  return respond(200, (self.book:view(record, stores.settled)))
end

-- ---- lists ----

local STATES = {}
for _, state in ipairs(books_of.states) do STATES[state] = true end

local states = {
  schema = { "type", "string", "description", "states, separated by commas" },
  read = function(value)
    local set = {}
    for state in (value .. ","):gmatch "([^,]*)," do
      if not STATES[state] then return fields.wrong("states: " .. table.concat(books_of.states, ", "), state) end
      set[state] = true
    end
    return set
  end,
}

local limit = {
  schema = { "type", "integer", "minimum", 1, "maximum", LIMIT_MAX, "default", LIMIT },
  read = function(value)
    local number = value:find "^%d+$" and tonumber(value)
    if not number or number < 1 or number > LIMIT_MAX then return fields.wrong(("an integer from 1 to %d"):format(LIMIT_MAX), value) end
    return number
  end,
}

--- Parameters of GET /v1/messages.
---@type smpp.HttpFieldRow[]
query.rows = {
  { "state", states, "only these states, separated by commas" },
  { "to", fields.string(), "only this recipient, as it was written" },
  { "from", fields.string(), "only this source" },
  { "reference", fields.string(), "only this reference" },
  { "since", fields.time, "created then or later" },
  { "until", fields.time, "created before" },
  { "limit", limit, "how many" },
  { "cursor", fields.string(), "`next` of the page before" },
}

--- What a cursor is bound to: account and filter.
local function mark_of(self, account, given)
  local list = { account }
  for _, row in ipairs(query.rows) do
    local name = row[1]
    if name ~= "cursor" and name ~= "limit" then list[#list + 1] = given[name] or "" end
  end
  return self.library.hmac(self.key, table.concat(list, "\0")):sub(1, 16)
end

local function fits(record, object, state, values)
  if values.state and not values.state[state] then return false end
  return not ((values.to and record.to ~= values.to) or (values.from and object.from ~= values.from)
    or (values.reference and record.reference ~= values.reference))
end

--- GET /v1/messages.
function query.list(self, request)
  local given, words = http.form(request.query)
  if not given then return problem.new("bad_value", words) end
  local values, faults = fields.check(query.rows, given)
  local after
  if values.cursor then
    local serial, mark = values.cursor:match "^([%w]+)%-(%x+)$"
    after = serial and tonumber(serial)
    if not after or mark ~= mark_of(self, request.account, given) then
      faults[#faults + 1] = { field = "cursor", code = "bad_value", detail = "expected `next` of a page with the same parameters" }
    end
  end
  if faults[1] then return bodies.faulty(faults) end
  if values.to then values.to = values.to:gsub("^ ", "+") end -- a + that was not encoded
  local wanted, list, last, more = values.limit or LIMIT, {}, after, true
  while more and #list < wanted do
    local page, message = self.book:page(request.account, last, PAGE)
    if not page then
      self.gateway:log("error", "store_failed", { account = request.account, reason = message })
      return problem.new("store", "the store cannot be read", { retry_after_s = 1 })
    end
    more = #page == PAGE
    for i, record in ipairs(page) do
      local is_old = values.since and record.created < values.since
      if is_old then
        more = false
        break
      end
      last = record.serial
      if not (values["until"] and record.created >= values["until"]) then
        local object, state = self.book:view(record)
        if fits(record, object, state, values) then list[#list + 1] = object end
      end
      if #list == wanted then
        more = more or i < #page
        break
      end
    end
  end
  local next_page = json.null
  if more and last then next_page = ("%.0f-%s"):format(last, mark_of(self, request.account, given)) end
  return respond(200, json.object { "messages", json.list(list), "next", next_page })
end

-- ---- cancelling ----

--- Cancels a part: true; nil when it cannot be.
local function cancel_part(self, account, record, part)
  local gateway, books = self.gateway, self.gateway.books
  local kept = books and stores.get(books.store, "message", part.id)
  local place = gateway.ids:get(part.id) or not kept and gateway.through and gateway.through:place(part.id)
  local source = kept and kept.source_addr or place and place.source
  if not source then return nil end
  local octets = assert(codec.encode {
    command = "cancel_sm", message_id = part.id, source_addr = source, destination_addr = kept and kept.destination_addr or "",
  })
  local ok = gateway.passing:pass({ system_id = account, version = 0x34 }, codec.decode(octets))
  if not ok then return nil end
  kept = books and stores.get(books.store, "message", part.id)
  if kept and not stores.is_final(kept.state) then books:finish(part.id, kept, "DELETED", { from = kept.state, receipt = false }) end
  if not kept then part.state, part.done = "DELETED", self.loop:time() end
  if not kept and gateway.through then self.book:shared_receipt(record.id, part.id, { final = true, state = "DELETED", err = "" }) end
  return true
end

--- DELETE /v1/messages/ID.
function query.cancel(self, request)
  local record, _, code = self.book:get(request.account, request.params.id or "")
  if not record then return missing(code) end
  local object, state = self.book:view(record)
  if state == "cancelled" then return respond(200, object) end
  if object.final or (state == "sent" and record.receipt == false and self.gateway.books) then
    return problem.new("already_final", "the message is " .. state)
  end
  local live = self.book:live(record.id, record)
  record = live or record
  local failed
  for i, part in ipairs(record.part_list) do
    local its = object.parts[i].state
    if its ~= "cancelled" and not cancel_part(self, request.account, record, part) then failed = true end
  end
  if not self.gateway.books or live then
    record.is_kept = true
    self.book:update(record)
  end
  if failed then return problem.new("not_cancellable", "the message cannot be cancelled any more") end
  return respond(200, (self.book:view(record)))
end

-- ---- the account, and the lookup ----

local function or_null(value)
  if value == nil then return json.null end
  return value
end

local COUNTED_PAGES, COUNTED_PAGE = 10, 1000

--- Messages of an account that no carrier has yet, among the oldest 10,000 that are open.
---@async
local function waiting_of(store, account)
  local count, last = 0, nil
  for _ = 1, COUNTED_PAGES do
    local list = stores.find(store, { kind = "message", open = true, after = last, limit = COUNTED_PAGE }) or {}
    for _, record in ipairs(list) do
      last = record.serial
      if record.system_id == account and not record.carrier_id then count = count + 1 end
    end
    if #list < COUNTED_PAGE then break end
  end
  return count
end

--- GET /v1/account.
function query.account(self, request)
  local gateway, name = self.gateway, request.account
  local customer, rate, binds, waiting = gateway.customers[name], nil, 0, 0
  for _, server in ipairs(gateway.servers) do
    local account = server.accounts[name]
    if account then
      binds = binds + #account.binds
      rate = rate or account.given.rate_per_s
    end
  end
  if gateway.books then waiting = waiting_of(gateway.books.store, name) end
  if gateway.nodes then binds = gateway.nodes:bound(name) or binds end
  local credit = customer and customer.balance
  if credit and gateway.books and gateway.books.is_shared then credit = gateway.books.counters:credit(name) end
  local quota = customer and customer.quota
  return respond(200, json.object {
    "account", name, "credit", or_null(credit and credit / 1e6), "currency", json.null,
    "rate_per_s", or_null(rate or self.rates[name] and self.rates[name].rate_per_s),
    "quota", quota and json.object { "n", quota.n, "per_s", quota.per_s } or json.null, "binds", binds, "waiting", waiting,
    "webhooks", json.list(events.summary(self, name)),
  })
end

--- POST /v1/lookup: how a text would be sent, and where to; nothing is sent, charged or counted.
function query.lookup(self, request)
  local values, response = send.read(self, request)
  if not values then return response end
  local pdus, info = messages.compose(self.composer, values, values.to, self.loop:time())
  if not pdus then return problem.new(info.code, info.detail, { field = info.field }) end
  local gateway = self.gateway
  local state = gateway:route_state()
  local msg = route.message {
    account = request.account, bind = "http", pdu = pdus[1], from = nil, from_ton = nil, to = nil, to_ton = nil, is_counted = true,
  }
  local decision = gateway.route:explain(msg, {
    time = self.loop:time(), now = self.loop:now(), counters = {}, matched = { route = {}, incoming = {} },
    available = state.available, outstanding = state.outstanding,
  })
  local culprits = {}
  for i, culprit in ipairs(info.culprits or {}) do
    culprits[i] = json.object { "char", culprit.character, "position", culprit.position }
  end
  local carriers = {}
  for i, name in ipairs(decision.carriers or {}) do carriers[i] = name end
  local status = decision.reject and tostring(decision.reject) or decision.action == "via" and not carriers[1] and "ESME_RSYSERR" or nil
  return respond(200, json.object {
    "encoding", values.data and "binary" or info.encoding, "data_coding", pdus[1].data_coding, "parts", #pdus, "units", or_null(info.units),
    "units_left", or_null(info.units_left), "culprits", json.list(culprits),
    "route", json.object { "decision", decision.action, "carriers", json.list(carriers), "status", or_null(status), "line", or_null(decision.line) },
  })
end

return query
