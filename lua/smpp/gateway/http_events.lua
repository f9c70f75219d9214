--- Events of webhooks, as the API shows them: those that wait, those that were given up; and sending them again.
local bodies = require "smpp.http.body"
local fields = require "smpp.http.fields"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local http_json = require "smpp.http.json"
local problem = require "smpp.http.problem"

local events = {}

local PAGE, LIMIT, LIMIT_MAX = 100, 100, 1000

local function respond(status, object) return { status = status, type = "application/json", body = http_json.write(object) } end

local function or_null(value)
  if value == nil then return json.null end
  return value
end

--- A URL without user and password.
local function masked(url) return (url:gsub("^(%a+://)[^/?#]*@", "%1***@")) end

events.masked = masked

--- An event as the API shows it.
---@param event table
---@return table
function events.view(event)
  return json.object {
    "id", event.id, "type", event.type, "message", event.message, "url", masked(event.url), "attempts", event.attempts,
    "created", fields.time_text(event.created), "next_attempt", event.state == "pending" and fields.time_text(event.next_attempt) or json.null,
    "last_status", or_null(event.last_status), "last_error", or_null(event.last_error), "state", event.state,
  }
end

--- Parameters of GET /v1/events.
---@type smpp.HttpFieldRow[]
events.rows = {
  { "state", fields.one_of { "pending", "dead" }, "only those that wait, or were given up" },
  { "limit", {
    schema = { "type", "integer", "minimum", 1, "maximum", LIMIT_MAX, "default", LIMIT },
    read = function(value)
      local number = value:find "^%d+$" and tonumber(value)
      if not number or number < 1 or number > LIMIT_MAX then return fields.wrong(("an integer from 1 to %d"):format(LIMIT_MAX), value) end
      return number
    end,
  }, "how many" },
  { "cursor", {
    schema = { "type", "string" },
    read = function(value)
      local serial = value:match "^(%d+)$"
      if not serial then return fields.wrong("`next` of a page", value) end
      return tonumber(serial)
    end,
  }, "`next` of the page before" },
}

--- GET /v1/events.
function events.list(self, request)
  local given, words = http.form(request.query)
  if not given then return problem.new("bad_value", words) end
  local values, faults = fields.check(events.rows, given)
  if faults[1] then return bodies.faulty(faults) end
  local wanted, list, last, more = values.limit or LIMIT, {}, values.cursor, true
  while more and #list < wanted do
    local page = self.webhooks:page(request.account, last, PAGE)
    if not page then return problem.new("store", "the store cannot be read", { retry_after_s = 1 }) end
    more = #page == PAGE
    for i, event in ipairs(page) do
      last = event.serial
      if not values.state or event.state == values.state then list[#list + 1] = events.view(event) end
      if #list == wanted then
        more = more or i < #page
        break
      end
    end
  end
  return respond(200, json.object { "events", json.list(list), "next", more and last and ("%.0f"):format(last) or json.null })
end

--- POST /v1/events/ID/retry.
function events.again(self, request)
  local event = self.webhooks:get(request.account, request.params.id or "")
  if not event then return problem.new("not_found", "there is no such event") end
  self.webhooks:again(event)
  return respond(202, events.view(event))
end

--- Sends all events of an account again that were given up: how many.
---@async
---@param self smpp.HttpApi
---@param account string
---@return integer
function events.retry_dead(self, account)
  local count, last = 0, nil
  while true do
    local page = self.webhooks:page(account, last, PAGE)
    for _, event in ipairs(page or {}) do
      last = event.serial
      if event.state == "dead" then
        self.webhooks:again(event)
        count = count + 1
      end
    end
    if not page or #page < PAGE then break end
  end
  return count
end

--- POST /v1/events/retry: all that were given up.
function events.again_all(self, request) return respond(202, json.object { "count", events.retry_dead(self, request.account) }) end

--- The webhooks of an account, for GET /v1/account.
---@async
---@return table[]
function events.summary(self, account)
  local own, by_url, list = self.gateway.config.accounts[account], {}, {}
  for i, one in ipairs(own and own.webhooks or {}) do
    local entry = { pending = 0, dead = 0 }
    list[i], by_url[one.url] = entry, entry
    entry.url, entry.events = one.url, {}
    for _, name in ipairs { "receipt", "message" } do
      if one.events[name] then entry.events[#entry.events + 1] = name end
    end
  end
  local last
  while list[1] do
    local page = self.webhooks:page(account, last, PAGE)
    for _, event in ipairs(page or {}) do
      last = event.serial
      local entry = by_url[event.hook or event.url]
      if entry then
        entry[event.state] = entry[event.state] + 1
        entry.last_error = entry.last_error or event.last_error
        if event.failing_since then entry.since = math.min(entry.since or math.huge, event.failing_since) end
      end
    end
    if not page or #page < PAGE then break end
  end
  for i, entry in ipairs(list) do
    list[i] = json.object {
      "url", masked(entry.url), "events", json.list(entry.events), "pending", entry.pending, "dead", entry.dead,
      "last_error", or_null(entry.last_error), "failing_since", or_null(fields.time_text(entry.since)),
    }
  end
  return list
end

return events
