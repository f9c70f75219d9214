--- What a gateway's console does: explains a route, turns carriers off and on, sends a message, loads the file again, sends events again.
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local http_messages = require "smpp.gateway.http_message"
local http_send = require "smpp.gateway.http_send"
local question = require "smpp.gateway.question"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local states = require "smpp.gateway.console_state"
local webhook_events = require "smpp.gateway.http_events"

local actions = {}

local PROBLEMS = 200 -- of a file, that are shown
local PAGE, SCAN, SCAN_S, SHOWN = 100, 5000, 5, 200 -- events: read at once; looked at, in so many seconds; shown

local function or_null(value)
  if value == nil then return json.null end
  return value
end

-- ---- why there ----

--- A decision and its steps as the console shows them.
---@param decision smpp.Decision?
---@param steps smpp.RouteStep[]?
---@return table?
function actions.explained(decision, steps)
  if not decision then return nil end
  local list = {}
  for i, step in ipairs(steps) do list[i] = json.object { "line", or_null(step.line), "matched", step.matched, "why", step.why } end
  return json.object {
    "decision", json.object {
      "action", decision.action, "line", or_null(decision.line), "what", question.answer(decision),
      "carriers", json.list(schema.merge(decision.carriers)),
    },
    "steps", json.list(list),
  }
end

--- Rows of the action `explain`.
---@type smpp.HttpFieldRow[]
actions.explain_rows = {
  { "account", fields.string(64), "who sends it" },
  { "carrier", fields.string(64), "whom it comes from: a message from a phone" },
  { "from", fields.string(40), "source" },
  { "to", fields.string(40), "destination" },
  { "text", fields.string(2000), "text" },
}

--- Rule by rule, where a message would go now: nothing is sent or counted, rates count as not used up.
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table? object  { decision, steps }
---@return string? message
---@return string? code
---@return string? field
function actions.explain(self, values)
  local asked = {}
  for name, value in pairs(values) do
    if value ~= "" or name == "text" then asked[name] = value end
  end
  if asked.carrier and asked.account then return nil, "expected an account or a carrier, not both", "bad_value", "carrier" end
  local msg, message = question.of(asked, self.gateway.config)
  if not msg then return nil, message, "bad_value" end
  return actions.explained(self:explain(msg))
end

-- ---- carriers ----

--- Rows of the action `carrier`.
---@type smpp.HttpFieldRow[]
actions.carrier_rows = {
  { "name", fields.string(64, 1), "the carrier", required = true },
  { "off", fields.boolean, "true: it gets no messages, and what waits for its window goes elsewhere", required = true },
}

--- Turns a carrier off or on, until the file says something else of `off` or the process ends.
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table? object  { name, state }
---@return string? message
---@return string? code  "not_found"
---@return string? field
function actions.carrier(self, values)
  local carrier = self.gateway.by_name[values.name]
  if not carrier then return nil, ("there is no carrier '%s'"):format(values.name), "not_found", "name" end
  if (carrier.own.off or false) ~= values.off then
    carrier:switch(values.off)
    self.gateway:log("info", "carrier_changed", { carrier = carrier.name, off = values.off, reason = "console" })
  end
  return json.object { "name", carrier.name, "state", (states.of_carrier(carrier, self.samples.carriers[carrier])) }
end

-- ---- a test message ----

--- Rows of the action `send`.
---@type smpp.HttpFieldRow[]
actions.send_rows = { { "account", fields.string(64, 1), "on whose behalf: its limits, credit and rules apply", required = true } }
for _, row in ipairs(http_messages.rows) do
  local name = row[1]
  if name == "to" or name == "from" or name == "text" or name == "receipt" then table.insert(actions.send_rows, row) end
end

--- Sends a message, the way of those that come by HTTP.
---@async
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table? item   as of POST /v1/messages
---@return string? message
---@return string? code  that of the problem, or the name of a command_status
---@return string? field
function actions.send(self, values)
  local gateway = self.gateway
  if not gateway.customers[values.account] then return nil, ("there is no account '%s'"):format(values.account), "not_found", "account" end
  if type(values.to) ~= "string" then return nil, "expected one number", "bad_value", "to" end
  if not values.text then return nil, "expected a text", "missing", "text" end
  if values.from == "" then values.from = nil end
  local item, refusal = http_send.one(gateway.http, values.account, values, values.to)
  if not item then return nil, refusal.detail, refusal.code, refusal.o and refusal.o.field end
  gateway:log("info", "console_sent", { account = values.account, id = item.id, to = gateway.show(values.to) })
  return item
end

-- ---- the file ----

--- The problems of a file.
local function problems_of(problems)
  local list = {}
  for i, one in ipairs(problems or {}) do
    if i <= PROBLEMS then
      list[i] = json.object({ "file", one.file, "line", or_null(one.line), "severity", one.severity, "message", one.message }, 8)
    end
  end
  return json.list(list)
end

--- Loads the file again; one with mistakes changes nothing, and they are shown.
---@param self smpp.GatewayConsole
---@return table object  { ok, message, problems }
function actions.reload(self)
  local ok, message, _, problems = self.gateway:reload()
  return json.object { "ok", ok == true, "message", or_null(not ok and message or nil), "problems", problems_of(problems) }
end

-- ---- webhooks ----

--- Rows of the action `events`.
---@type smpp.HttpFieldRow[]
actions.event_rows = { { "account", fields.string(64), "only of this account" } }

--- The accounts that may have events.
local function by_http(gateway)
  local list = {}
  for name, own in pairs(gateway.config.accounts) do
    if own.token or own.webhooks and own.webhooks[1] then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

--- Events of webhooks that fail or were given up, and counts for each URL; the newest of each account.
---@async
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table? object  { urls, events, looked, all }
---@return string? message
---@return string? code  "store"
function actions.events(self, values)
  local api, urls, order, list, looked, all = self.gateway.http, {}, {}, {}, 0, true
  local till = self.loop:now() + SCAN_S
  for _, account in ipairs(values.account and values.account ~= "" and { values.account } or by_http(self.gateway)) do
    local last, more = nil, true
    while more and looked < SCAN and self.loop:now() < till do
      run.sleep(0)
      local page, message = api.webhooks:page(account, last, PAGE)
      if not page then return nil, message, "store" end
      more, looked = #page == PAGE, looked + #page
      for _, event in ipairs(page) do
        last = event.serial
        local key = account .. "\0" .. event.url
        local url = urls[key]
        if not url then
          url = { account = account, url = webhook_events.masked(event.url), pending = 0, dead = 0, since = nil, error = nil }
          urls[key], order[#order + 1] = url, url
        end
        url[event.state] = url[event.state] + 1
        url.error = url.error or event.last_error
        if event.failing_since then url.since = math.min(url.since or math.huge, event.failing_since) end
        if event.last_error and #list < SHOWN then
          list[#list + 1] = webhook_events.view(event)
          json.add(list[#list], "account", account)
        end
      end
    end
    all = all and not more
  end
  for i, url in ipairs(order) do
    order[i] = json.object {
      "account", url.account, "url", url.url, "pending", url.pending, "dead", url.dead, "last_error", or_null(url.error),
      "failing_since", or_null(url.since and fields.time_text(url.since)),
    }
  end
  return json.object { "urls", json.list(order), "events", json.list(list), "looked", looked, "all", all }
end

--- Rows of the action `retry`.
---@type smpp.HttpFieldRow[]
actions.retry_rows = {
  { "account", fields.string(64, 1), "whose event", required = true },
  { "id", fields.string(100), "the event; left out: all of the account that were given up" },
}

--- Sends an event again, or all of an account that were given up.
---@async
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table? object  { count }
---@return string? message
---@return string? code  "not_found"
---@return string? field
function actions.retry(self, values)
  local gateway, account = self.gateway, values.account
  local count = 1
  if values.id then
    local event = gateway.http.webhooks:get(account, values.id)
    if not event then return nil, "there is no such event", "not_found", "id" end
    gateway.http.webhooks:again(event)
  else
    if not gateway.customers[account] then return nil, ("there is no account '%s'"):format(account), "not_found", "account" end
    count = webhook_events.retry_dead(gateway.http, account)
  end
  if count > 0 then gateway:log("info", "webhook_again", { account = account, id = values.id, count = count }) end
  return json.object { "count", count }
end

return actions
