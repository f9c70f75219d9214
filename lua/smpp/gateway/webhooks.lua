--- Webhooks: what becomes of messages by HTTP is told to the URLs of their accounts.  An event is in the book before it is sent, and
--- stays there until a server has taken it, or it is given up ("dead"): then it is shown, and can be sent again by hand.
local backoffs = require "smpp.base.backoff"
local http = require "smpp.http"
local run = require "smpp.loop.run"
local stores = require "smpp.store"
local styles = require "smpp.gateway.http_styles"
local task = require "smpp.base.task"

local webhooks = {}

---@class smpp.Webhooks
local Webhooks = {}
local mt = { __index = Webhooks, __name = "smpp.Webhooks" }

local IN_MEMORY, LOW = 5000, 2500 -- events in memory; with fewer, more are read
local PAGE = 100
local ANSWER_MAX = 65536          -- octets of an answer that are read
local RETRY_AFTER_MAX_S = 3600
local JITTER = 0.2
local COMMIT_S = 1                -- pause before a failed commit is tried again

---@param api smpp.HttpApi
---@return smpp.Webhooks
function webhooks.new(api)
  return setmetatable({
    api = api, gateway = api.gateway, loop = api.loop, store = api.book.store,
    entries = {}, count = 0,       -- in memory: id of the event -> entry
    has_more = {},                 -- account -> true: its group in the store has events that are not in memory
    hooks = {},                    -- what limits calls -> { running, queue, chains }, while there are any
    running = 0, drained = nil,
    closed = false,
    sink = api.gateway.forward.sink,
  }, mt)
end

local function group_of(account) return "http-events/" .. account end
local function key_of(id) return "http-event/" .. id end

--- The calls of the webhook that an event is for.  URLs of messages are many: those of an account's messages at one server count together.
local function hook_of(self, entry)
  local key = entry.place or entry.hook or entry.url
  local hook = self.hooks[key]
  if not hook then
    hook = { key = key, running = 0, queue = {}, first = 1, last = 0, chains = {} }
    self.hooks[key] = hook
  end
  return hook
end

-- ---- making events ----

--- The webhooks of an account that want a type of events.
local function hooks_for(self, account, kind)
  local own, list = self.gateway.config.accounts[account], {}
  for _, one in ipairs(own and own.webhooks or {}) do
    if one.events[kind] then list[#list + 1] = one end
  end
  return list
end

--- Where an event is that this node sends, in a store that nodes share.
local function place_of(self, entry)
  return self.store.shared and { "work", home = "e", due = entry.next_attempt } or nil
end

--- How many events may be taken into memory.
---@return integer
function Webhooks:room() return math.max(0, LOW - self.count) end

--- An event for each of some URLs: changes that add them to the book, and the entries to queue after the commit.
---@param targets { url: string, style: string?, method: string?, ordered: boolean? }[]
---@param event { type: string, message: string, account: string, number: string?, place: string?, is_loose: boolean? }
---@param call_of fun(target: table, id: string, now: number): smpp.HttpCall
local function draft(self, targets, event, call_of)
  local changes, entries, now = {}, {}, self.loop:time()
  for _, target in ipairs(targets) do
    local id = "e" .. self.gateway.ids:next(0x34)
    local call = call_of(target, id, now)
    local entry = {
      key = key_of(id), group = group_of(event.account), id = id, type = event.type, message = event.message, account = event.account,
      url = call.url, value = call.value, created = now, since = now, attempts = 0, next_attempt = now, state = "pending",
      number = (target.ordered or event.is_loose) and event.number or nil, is_loose = event.is_loose, place = event.place,
      hook = call.url ~= target.url and target.url or nil, style = target.style, -- nil: as the URL; JSON
      method = call.method ~= "POST" and call.method or nil, media = call.media, lines = call.lines,
    }
    changes[#changes + 1] = { op = "add", kind = "value", record = entry, place = place_of(self, entry) }
    entries[#entries + 1] = entry
  end
  return changes, entries
end

--- The events that tell of a state of a message: to its DLR URL, its callback, or the webhooks of its account.
---@param record table   of the message
---@param what { state: string, final: boolean, error: table|nil, carrier: string?, bit: integer? }
---@return smpp.Change[] changes
---@return table[] entries
function Webhooks:draft(record, what)
  local own = record.dlr or record.callback and { url = record.callback }
  local targets = own and { own } or hooks_for(self, record.account, "receipt")
  local event = { type = "receipt", message = record.id, account = record.account, number = record.to }
  if own then event.place = record.account .. " " .. own.url:match "^%a+://([^/?#]*)" end
  if record.dlr then event.number, event.is_loose = record.id, true end -- its bits in their order, unless a call fails
  return draft(self, targets, event, function(target, id, now) return styles.of(target.style).receipt(target, record, what, id, now) end)
end

--- Do messages for an account go to a webhook?
---@param account string
---@return boolean
function Webhooks:takes_messages(account) return hooks_for(self, account, "message")[1] ~= nil end

--- The events that tell of a message from a phone.
---@param account string
---@param message table  from, to, text or data, encoding, parts, missing, carrier, tlvs, and what the styles need
---@return smpp.Change[] changes
---@return table[] entries
function Webhooks:draft_message(account, message)
  local more = { id = "m" .. self.gateway.ids:next(0x34), account = account }
  local event = { type = "message", message = more.id, account = account, number = message.from }
  return draft(self, hooks_for(self, account, "message"), event, function(target, id, now)
    return styles.of(target.style).message(target, message, id, now, more)
  end)
end

--- Events that are in the book now are to be sent.
---@param entries table[]
function Webhooks:put(entries)
  for _, entry in ipairs(entries) do self:enter(entry) end
end

-- ---- sending ----

local pump

--- Takes an event into memory; where there is no room it is read later.
---@private
function Webhooks:enter(entry)
  if self.closed or self.entries[entry.id] then return end
  if self.count >= IN_MEMORY and not self.store.shared then
    self.has_more[entry.account] = true
    return
  end
  self.entries[entry.id], self.count = entry, self.count + 1
  local hook = hook_of(self, entry)
  if entry.number then
    local chain = hook.chains[entry.number]
    if chain then
      chain[#chain + 1] = entry
      return
    end
    hook.chains[entry.number] = { entry }
  end
  self:later(entry, entry.next_attempt - self.loop:time())
end

--- Queues an event after some seconds.
---@private
function Webhooks:later(entry, seconds)
  local function queue()
    local hook = hook_of(self, entry)
    hook.last = hook.last + 1
    hook.queue[hook.last] = entry
    pump(self, hook)
  end
  if seconds <= 0 then return queue() end
  entry.timer = entry.timer or self.loop:timer(queue)
  entry.timer:start(seconds)
end

--- The next event for the number of one that ran may go.
local function unchain(self, entry)
  local hook = hook_of(self, entry)
  local chain = entry.number and hook.chains[entry.number]
  if chain then
    table.remove(chain, 1)
    if chain[1] then self:later(chain[1], chain[1].next_attempt - self.loop:time()) else hook.chains[entry.number] = nil end
  end
  entry.number = nil
end

--- An event is over: the next for its number may go, and others be read.
local function leave(self, entry)
  self.entries[entry.id], self.count = nil, self.count - 1
  if entry.timer then entry.timer:close() end
  unchain(self, entry)
  if self.count < LOW and next(self.has_more) then task.start(self.sink, self.load, self) end
end

--- The secrets of an event, as the file has them now.
local function secrets_of(self, entry)
  local own = self.gateway.config.accounts[entry.account]
  for _, one in ipairs(own and own.webhooks or {}) do
    if one.url == (entry.hook or entry.url) then return one.secrets end
  end
  return own and own.secrets or {}
end

--- The header Smpp-Signature of a body, as a line; nil: no secret.
---@param library table
---@param secrets string[]
---@param time integer
---@param body string
---@return string?
function webhooks.signature_line(library, secrets, time, body)
  if not secrets[1] then return nil end
  local list = { ("t=%d"):format(time) }
  for i, secret in ipairs(secrets) do list[i + 1] = "v1=" .. library.hmac(secret, ("%d.%s"):format(time, body)) end
  return "Smpp-Signature: " .. table.concat(list, ",")
end

--- Calls the URL of an event: true; nil, in words, the status, the seconds that the server asks for, true: not to be tried again.
local function call(self, entry)
  local o, has_body = self.api.options, entry.method ~= "GET"
  local headers = {
    "User-Agent: smpp-gateway/" .. require("smpp")._VERSION, "Expect:", "Smpp-Event: " .. entry.id, ("Smpp-Attempt: %d"):format(entry.attempts),
  }
  for _, line in ipairs(entry.lines or {}) do headers[#headers + 1] = line end
  if has_body then
    headers[#headers + 1] = "Content-Type: " .. (entry.media or "application/json")
    headers[#headers + 1] = webhooks.signature_line(self.api.library, secrets_of(self, entry), math.floor(self.loop:time()), entry.value)
  end
  local answer, message, code = http.request {
    url = entry.url, method = entry.method or "POST", body = has_body and entry.value or nil, headers = headers, timeout_s = o.timeout_s,
    max_octets = ANSWER_MAX, ca = o.ca, loop = self.loop, allow = self.api.rule.allow_of(entry.url),
  }
  if not answer then return nil, code == "not_allowed" and "the address is not allowed" or message end
  local ok, words, is_over = styles.of(entry.style).verdict(answer)
  if ok then return true end
  local after = tonumber(answer.headers["retry-after"] or "")
  return nil, words, answer.status, after and math.min(after, RETRY_AFTER_MAX_S), is_over
end

--- Writes what came of an attempt; tries again while the store fails, so that what was taken is not sent again after a restart.
---@async
local function keep(self, entry, change)
  change.kind, change.key, change.guard = "value", entry.key, "mine"
  if entry.state == "dead" and change.op == "change" then change.place = { "none" } end
  while true do
    local ok, message, code = stores.commit(self.store, { change, patient = true })
    if ok or stores.is_lost(code) or self.closed then return end
    self.gateway:log("error", "store_failed", { account = entry.account, reason = message })
    run.sleep(COMMIT_S)
  end
end

--- Sends an event once, and writes what came of it.
---@async
local function attempt(self, entry)
  entry.attempts = entry.attempts + 1
  local ok, words, status, after_s, is_over = call(self, entry)
  if ok then
    keep(self, entry, { op = "remove" })
    return leave(self, entry)
  end
  local retry, now = self.api.options.retry, self.loop:time()
  local pause_s = backoffs.delay_s(entry.attempts, retry.first_s, retry.max_s) * (1 + JITTER * (2 * self.loop:random() - 1))
  pause_s = math.max(pause_s, after_s or 0)
  entry.next_attempt, entry.last_status, entry.last_error = now + pause_s, status, words
  entry.failing_since = entry.failing_since or now
  local is_dead = is_over or entry.next_attempt > entry.since + retry.for_s
  if is_dead then
    entry.state = "dead"
    self.gateway:count("webhook_dead", entry.account)
    self.gateway:log("warn", "webhook_dead", { account = entry.account, id = entry.message, reason = words })
  end
  keep(self, entry, { op = "change", set = {
    attempts = entry.attempts, next_attempt = entry.next_attempt, last_status = status, last_error = words, state = entry.state,
    failing_since = entry.failing_since,
  } })
  if is_dead then return leave(self, entry) end
  if self.closed then return end
  if entry.is_loose then unchain(self, entry) end
  self:later(entry, pause_s)
end

function pump(self, hook)
  local most = self.api.options.parallel
  while not self.closed and hook.running < most and hook.first <= hook.last do
    local entry = hook.queue[hook.first]
    hook.queue[hook.first], hook.first = nil, hook.first + 1
    hook.running, self.running = hook.running + 1, self.running + 1
    local function done()
      hook.running, self.running = hook.running - 1, self.running - 1
      if self.running == 0 and self.drained then task.wake_for(self.drained, self) end
      self.loop:defer(function() pump(self, hook) end)
    end
    task.start(function(trace)
      self.sink(trace)
      done()
    end, function()
      attempt(self, entry)
      done()
    end)
  end
  if hook.running > 0 or hook.first <= hook.last or next(hook.chains) then return end
  if self.hooks[hook.key] == hook then self.hooks[hook.key] = nil end
end

--- Reads events that wait in the store.
---@async
function Webhooks:load()
  if self.is_loading or self.closed or self.store.shared then return end -- shared: they are taken from a queue
  self.is_loading = true
  for account in pairs(self.gateway.customers) do
    local last
    self.has_more[account] = nil
    while not self.closed do
      local list = stores.find(self.store, { kind = "value", group = group_of(account), after = last, limit = PAGE })
      for _, event in ipairs(list or {}) do
        last = event.serial
        if event.state == "pending" then self:enter(event) end
      end
      if not list or #list < PAGE or self.has_more[account] then break end
    end
  end
  self.is_loading = false
end

-- ---- for the API ----

--- The event of an account; nil: there is none.
---@async
function Webhooks:get(account, id)
  local event = id:find "^%w+$" and stores.get(self.store, "value", key_of(id))
  return event and event.account == account and event or nil
end

--- Events of an account, the newest first.
---@async
function Webhooks:page(account, after, limit)
  return stores.find(self.store, { kind = "value", group = group_of(account), newest = true, after = after, limit = limit })
end

--- Sends an event again, now: a dead one, or one that waits.
---@async
function Webhooks:again(event)
  local now = self.loop:time()
  local entry = self.entries[event.id]
  if entry then
    if entry.timer then self:later(entry, 0.001) end
    return
  end
  event.state, event.since, event.next_attempt = "pending", now, now
  local place = place_of(self, event)
  if place then place[1] = "queue" end -- whoever has it
  stores.commit(self.store, {
    { op = "change", kind = "value", key = event.key, set = { state = "pending", since = now, next_attempt = now }, place = place },
  })
  if not place then self:enter(event) end
end

--- What waits is another node's now.
function Webhooks:forget()
  for id, entry in pairs(self.entries) do
    if entry.timer then entry.timer:close() end
    self.entries[id] = nil
  end
  self.count, self.hooks = 0, {}
end

--- Ends: calls that run have some seconds; what waits stays in the book.
---@async
---@param timeout_s number
---@return integer lost  events that nobody keeps
function Webhooks:close(timeout_s)
  self.closed = true
  for _, entry in pairs(self.entries) do
    if entry.timer then entry.timer:close() end
    entry.timer = nil
  end
  if self.running > 0 and timeout_s > 0 then
    self.drained = task.need()
    local timer = self.loop:timer(function() task.wake_for(self.drained, self) end, true)
    timer:start(timeout_s)
    task.wait(self)
    timer:close()
  end
  return self.api.book.is_stored and 0 or self.count
end

return webhooks
