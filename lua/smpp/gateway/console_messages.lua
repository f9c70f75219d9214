--- What a gateway's console shows of messages: finds them by id, number and text, and tells the life of one.
local books_of = require "smpp.gateway.http_book"
local codec = require "smpp.codec"
local explain = require "smpp.codec.explain"
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local run = require "smpp.loop.run"
local shown = require "smpp.base.shown"
local stores = require "smpp.store"
local strings = require "smpp.base.strings"
local text = require "smpp.text"

local messages = {}

local PAGE = 100          -- read at once: other tasks run between two pages
local SCAN = 50000        -- messages that one search looks at, the newest first
local SCAN_S = 5          -- and no longer than this
local LIMIT, LIMIT_MAX = 50, 200
local TEXT_OCTETS = 400   -- of a text in a list

messages.SCAN = SCAN

local function or_null(value)
  if value == nil then return json.null end
  return value
end

local function time_of(value) return or_null(value and fields.time_text(value)) end

--- A number without what people write between its digits.
local function plain(number) return (number:gsub("[%s+().-]", "")):lower() end

--- What a text begins with, in whole characters.
local function beginning(words)
  if #words <= TEXT_OCTETS then return words end
  local cut = TEXT_OCTETS
  while cut > 0 and words:byte(cut + 1) >= 128 and words:byte(cut + 1) < 192 do cut = cut - 1 end
  return words:sub(1, cut) .. "…"
end

-- ---- records, of the books and of messages by HTTP that passed through, in one form ----

--- The text of a message in the books; its PDU.
local function content_of(self, record)
  local pdu = record.octets and codec.decode(record.octets)
  if not pdu then return "", nil end
  local words, info = text.read(pdu, self.gateway:peer_text(record.system_id))
  if info.encoding == "binary" then words = json.hex(words) end
  return words, pdu, info
end

local function error_text(state, code)
  if not code then return nil end
  local row = state == "refused" and explain.status(tonumber(code) or code) or nil
  local words = books_of.words_of(code)
  return row and ("%s: %s"):format(row.name, words) or words
end

--- A message of the books: what lists show of it.
local function of_books(record, words)
  local state = books_of.state_of(record, (record.registered_delivery or 0) % 32 ~= 0)
  return json.object({
    "key", record.key, "id", record.id, "account", record.system_id, "from", record.source_addr or "", "to", record.destination_addr or "",
    "submitted", fields.time_text(record.submitted), "state", state, "carrier", or_null(record.carrier),
    "error", or_null(error_text(state, record.error)), "text", beginning(words),
  }, 22)
end

--- A message by HTTP that is not in the books.
local function of_http(self, record)
  local object, state = self.gateway.http.book:view(record)
  local part, fault = object.parts[1], object.error
  return json.object({
    "key", record.id, "id", record.id, "account", record.account, "from", record.from or "", "to", record.to,
    "submitted", fields.time_text(record.created), "state", state, "carrier", part.carrier, "error", fault == json.null and json.null or fault.text,
    "text", beginning(record.text or record.data and json.hex(record.data) or ""),
  }, 22), object
end

-- ---- searching ----

--- Rows of the action `messages`.
---@type smpp.HttpFieldRow[]
messages.rows = {
  { "id", fields.string(100), "the message_id, ours or the carrier's" },
  { "number", fields.string(40), "digits of the source or the destination" },
  { "text", fields.string(200), "what the text has, whatever its case" },
  { "account", fields.string(64), "only of this account" },
  { "limit", fields.number(1, LIMIT_MAX, true), "how many" },
  { "after", fields.number(0, 2 ^ 53, true), "`next` of the page before" },
}

local function has(value, wanted) return value ~= nil and plain(value):find(wanted, 1, true) ~= nil end

--- Does a record of the books fit?  Its text, where that was read.
local function book_fits(self, record, wanted)
  if wanted.account and record.system_id ~= wanted.account then return false end
  if wanted.id and record.id ~= wanted.id and record.carrier_id ~= wanted.id and record.http_id ~= wanted.id then return false end
  if wanted.number and not has(record.source_addr, wanted.number) and not has(record.destination_addr, wanted.number) then return false end
  if not wanted.text then return true end
  local words = content_of(self, record)
  return words:lower():find(wanted.text, 1, true) ~= nil, words
end

local function http_fits(record, wanted)
  if not record.part_list or wanted.account and record.account ~= wanted.account then return false end
  if wanted.id and record.id ~= wanted.id then return false end
  if wanted.number and not has(record.from, wanted.number) and not has(record.to, wanted.number) then return false end
  return not wanted.text or (record.text or ""):lower():find(wanted.text, 1, true) ~= nil
end

--- Where messages are searched: a store, its kind, and what makes an entry of a record that fits.
local function source_of(self)
  local books, api = self.gateway.books, self.gateway.http
  if books then
    return books.store, "message", function(record, wanted)
      local ok, words = book_fits(self, record, wanted)
      return ok and of_books(record, words or (content_of(self, record)))
    end
  end
  return api and api.book.store, "value", function(record, wanted) return http_fits(record, wanted) and (of_http(self, record)) end
end

--- Finds messages, the newest first; one that is named by its id without a search.
---@async
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table? object  { messages, looked, next, since }
---@return string? message
---@return string? code
function messages.find(self, values)
  local wanted = {
    id = values.id ~= "" and values.id or nil, number = values.number and plain(values.number) or nil,
    text = values.text and values.text ~= "" and values.text:lower() or nil, account = values.account ~= "" and values.account or nil,
  }
  if wanted.number == "" then wanted.number = nil end
  local list, looked, last, since, more = {}, 0, values.after, nil, true
  if wanted.id and not last and not wanted.number and not wanted.text then
    local found = messages.of_id(self, wanted.id)
    if found and (not wanted.account or found.message.account == wanted.account) then list[1], more = found.message, false end
  end
  local store, kind, entry_of = source_of(self)
  local limit, till = values.limit or LIMIT, self.loop:now() + SCAN_S
  while store and more and #list < limit and looked < SCAN and self.loop:now() < till do
    local page, message = stores.find(store, { kind = kind, newest = true, after = last, limit = PAGE })
    if not page then return nil, message, "store" end
    more = #page == PAGE
    for i, record in ipairs(page) do
      last, looked, since = record.serial, looked + 1, record.submitted or record.created or since
      list[#list + 1] = entry_of(record, wanted) or nil
      if #list == limit then
        more = more or i < #page
        break
      end
    end
    run.sleep(0) -- what else waits comes first
  end
  return json.object {
    "messages", json.list(list), "looked", looked, "next", more and last and store and last or json.null, "since", time_of(since),
    "is_stored", self.gateway.books ~= nil,
  }
end

-- ---- one message ----

local function step(list, time, what, words)
  list[#list + 1] = json.object { "time", time_of(time), "what", what, "words", words }
end

local BINDS = { http = "by HTTP", tx = "over a tx bind", trx = "over a trx bind", rx = "over an rx bind" }

--- The life of a message of the books.
local function life_of_books(record, state)
  local list = {}
  local way = BINDS[record.bound] or "over a bind"
  step(list, record.submitted, "accepted", ("taken from %s, %s; the customer has its message_id"):format(record.system_id, way))
  if record.schedule then step(list, record.schedule, "scheduled", "held until this time, as the customer asked") end
  if record.joined then step(list, nil, "joined", "a part of a long message: it went out with the first part") end
  if (record.attempts or 0) > 0 then
    step(list, nil, "attempts", strings.plural(record.attempts, "attempt") .. " without success: no carrier could take it yet")
  end
  if record.maybe_twice then step(list, nil, "maybe_twice", "was on its way when a process or a connection ended: the phone may have it twice") end
  for i, id in ipairs(record.part_ids or {}) do
    step(list, i == #record.part_ids and record.sent or nil, "part",
      ("part %d of %d taken by %s as %s"):format(i, record.parts or #record.part_ids, record.carrier, shown.quote(id)))
  end
  if record.carrier_id and not record.part_ids then
    step(list, record.sent, "sent", ("taken by %s as %s"):format(record.carrier, shown.quote(record.carrier_id)))
  end
  if record.held then step(list, nil, "held", ("sent to %s, which did not answer: a receipt settles it"):format(record.carrier or "a carrier")) end
  if record.done then
    step(list, record.done, state, ("%s%s"):format(state, record.error and ": " .. error_text(state, record.error) or ""))
  else
    local words = state == "sent" and "ends as unknown or expired unless a receipt comes before" or "given up unless a carrier takes it before"
    step(list, record.expires, "expires", words)
  end
  return list
end

local function life_of_http(record, object)
  local list = {}
  step(list, record.created, "accepted", ("taken from %s, by HTTP"):format(record.account))
  for i, part in ipairs(record.part_list) do
    local its = object.parts[i]
    if part.sent then
      step(list, part.sent, "sent", part.carrier and ("taken by %s as %s"):format(part.carrier, shown.quote(part.carrier_id or "")) or "taken")
    end
    if part.done then
      step(list, part.done, its.state, its.state .. (its.error ~= json.null and ": " .. error_text(its.state, its.error) or ""))
    end
  end
  return list
end

--- The webhook events of a message.
local function events_of(self, account, id)
  local list, api = {}, self.gateway.http
  local page = api and api.webhooks:page(account, nil, PAGE) or {}
  for _, event in ipairs(page) do
    if event.message == id then
      list[#list + 1] = json.object { "id", event.id, "type", event.type, "state", event.state, "attempts", event.attempts,
        "error", or_null(event.last_error) }
    end
  end
  return json.list(list)
end

--- What is known of a message: { message, life, … }; nil: nothing; nil, message: the store cannot be read.
---@async
---@param id string  or its key in the books: of a submit_multi, "ID/DESTINATION"
---@return table?
---@return string? message
function messages.of_id(self, id)
  local gateway, record = self.gateway, nil
  if gateway.books then
    local words, code
    record, words, code = stores.get(gateway.books.store, "message", id)
    if not record and code ~= "missing" then return nil, words end
  end
  if record then
    local words, pdu, info = content_of(self, record)
    local entry = of_books(record, words)
    return {
      message = entry, record = record, pdu = pdu, life = life_of_books(record, entry.state), text = words,
      encoding = info and info.encoding, events = record.http_id and events_of(self, record.system_id, record.http_id) or json.list {},
    }
  end
  record = gateway.http and id:find "^[%w_.-]+$" and gateway.http.book:record(id)
  if record then
    local entry, object = of_http(self, record)
    return {
      message = entry, life = life_of_http(record, object), text = record.text or "", encoding = record.encoding,
      asked = { account = record.account, bind = "http", from = record.from, to = record.to, text = record.text },
      events = events_of(self, record.account, record.id),
    }
  end
  local place = gateway.ids:get(id)
  if not place then return nil end
  local life = {}
  local carrier_id = shown.quote(place.carrier_id)
  step(life, nil, "sent", ("taken by %s as %s; the message itself passed through, and is not kept"):format(place.carrier, carrier_id))
  return {
    message = json.object {
      "key", id, "id", id, "account", place.account, "from", place.source, "to", "", "submitted", json.null, "state", "sent",
      "carrier", place.carrier, "error", json.null, "text", "",
    },
    life = life, text = "", events = json.list {},
  }
end

--- Rows of the action `message`.
---@type smpp.HttpFieldRow[]
messages.one_rows = { { "id", fields.string(100, 1), "the message_id", required = true } }

--- One message with its life, and why it went there: the rules as they are now.
---@async
---@param self smpp.GatewayConsole
---@param values table               checked
---@param why fun(found: table): table?  of what `of_id` has found; nil: it cannot be said
---@return table? object
---@return string? message
---@return string? code
---@return string? field
function messages.one(self, values, why)
  local found, failure = messages.of_id(self, values.id)
  if failure then return nil, failure, "store" end
  if not found then return nil, ("no message '%s': unknown, or no longer kept"):format(shown.text(values.id)), "not_found", "id" end
  local pdu = found.pdu
  return json.object({
    "message", found.message, "text", found.text, "encoding", or_null(found.encoding), "life", json.list(found.life), "events", found.events,
    "octets", pdu and json.hex(pdu:octets()) or json.null, "why", or_null(why(found)),
  }, 14)
end

return messages
