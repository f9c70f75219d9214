--- What waits in a gateway and why, for its console: messages that no carrier has yet, receipts and MO for customers.
local books_of = require "smpp.gateway.http_book"
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local run = require "smpp.loop.run"
local states = require "smpp.gateway.console_state"
local stores = require "smpp.store"
local strings = require "smpp.base.strings"

local waiting = {}

local PAGE = 100      -- read at once: other tasks run between two pages
local SCAN = 10000    -- open messages that are looked at, the oldest first
local SCAN_S = 5
local SHOWN = 100     -- messages, and accounts
local DECIDED = 100   -- messages for which the rules are asked

waiting.SCAN = SCAN

local function or_null(value)
  if value == nil then return json.null end
  return value
end

--- Why each carrier of a rule takes nothing now, in words.
local function carriers_words(self, names, allowed)
  local list = {}
  for _, name in ipairs(names or {}) do
    local carrier = self.gateway.by_name[name]
    local words
    if allowed and not allowed[name] then
      words = "not one of the account's"
    elseif carrier then
      words = select(2, states.of_carrier(carrier, self.samples.carriers[carrier]))
    end
    list[#list + 1] = ("%s: %s"):format(name, words or "not in the file")
  end
  return table.concat(list, "; ")
end

--- Why an open message waits: the group it belongs to, and a function that says it in words; nil: it does not wait.
local function reason_of(self, record)
  local entry = self.gateway.books.waiting.entries[record.key]
  local state = books_of.state_of(record, true)
  if state == "scheduled" then return "scheduled", function() return "held until its time" end end
  if state == "held" then
    return "held", function() return ("%s did not answer: it may have the message; a receipt settles it"):format(record.carrier or "a carrier") end
  end
  if record.carrier_id or record.joined then return nil end
  if record.join then return "parts", function() return "the other parts of its long message are missing" end end
  if entry and entry.busy then
    return "sending", function() return "a carrier has it now, and has not answered yet; or it waits for room in its window" end
  end
  if not entry and self.gateway.books.is_shared and record.sending then return "sending", function() return "another node works on it" end end
  local is_again = entry or (self.gateway.books.is_shared and (record.attempts or 0) > 0)
  return is_again and "again" or "parked", function(decide)
    local decision = decide(record)
    local customer = self.gateway.customers[record.system_id]
    local words
    if not decision then
      words = "more of these wait; their rules were not asked"
    elseif decision.action == "via" then
      words = carriers_words(self, decision.names or decision.carriers, customer and customer.carriers)
    else
      words = "the rules end it: " .. decision.action
    end
    local attempts = entry and entry.attempts or record.attempts or 0
    return attempts > 0 and ("%s; %s without success"):format(words, strings.plural(attempts, "attempt")) or words
  end
end

local function row_of(record, group, words)
  return json.object({
    "key", record.key, "id", record.id, "account", record.system_id, "from", record.source_addr or "", "to", record.destination_addr or "",
    "submitted", fields.time_text(record.submitted), "expires", or_null(fields.time_text(record.expires)), "group", group, "why", words,
    "due", group == "scheduled" and fields.time_text(record.schedule) or json.null,
  }, 20)
end

--- Receipts and MO that customers have not acknowledged: accounts with the most first.
local function outbound(self)
  local list = {}
  for _, server in ipairs(self.gateway.servers) do
    for name, account in pairs(server.accounts) do
      local count = account.outbox and account.outbox.count or 0
      if count > 0 then
        list[#list + 1] = { count = count, object = json.object {
          "account", name, "count", count, "why", #account.receivers == 0 and "no bind that receives" or "not acknowledged yet, or refused for now",
        } }
      end
    end
  end
  table.sort(list, function(a, b)
    if a.count ~= b.count then return a.count > b.count end
    return a.object.account < b.object.account
  end)
  local shown, more = {}, 0
  for i, one in ipairs(list) do
    if i <= SHOWN then shown[i] = one.object else more = more + one.count end
  end
  return json.list(shown), more
end

--- What waits: groups with counts, the oldest messages, and what waits for customers.
---@async
---@param self smpp.GatewayConsole
---@return table? object
---@return string? message
---@return string? code
function waiting.read(self)
  local books, groups, order, list, looked, last, more = self.gateway.books, {}, {}, {}, 0, nil, true
  local decided, till = 0, self.loop:now() + SCAN_S
  local function decide(record)
    decided = decided + 1
    if decided > DECIDED then return nil end
    return (self:explain_record(record))
  end
  while books and more and looked < SCAN and self.loop:now() < till do
    local page, message = stores.find(books.store, { kind = "message", open = true, after = last, limit = PAGE })
    if not page then return nil, message, "store" end
    more = #page == PAGE
    for _, record in ipairs(page) do
      last, looked = record.serial, looked + 1
      local group, why = reason_of(self, record)
      if group then
        if not groups[group] then groups[group], order[#order + 1] = 0, group end
        groups[group] = groups[group] + 1
        if #list < SHOWN then list[#list + 1] = row_of(record, group, why(decide)) end
      end
    end
    run.sleep(0)
  end
  table.sort(order)
  for i, group in ipairs(order) do order[i] = json.object { "group", group, "count", groups[group] } end
  local accounts, rest = outbound(self)
  local count = books and books.waiting.count or 0
  return json.object {
    "groups", json.list(order), "messages", json.list(list), "looked", looked, "all", not more, "in_memory", count,
    "outbound", accounts, "outbound_more", rest, "is_stored", books ~= nil,
  }
end

return waiting
