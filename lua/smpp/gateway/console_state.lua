--- What a gateway's console shows of now: the whole, carriers, accounts and rules.
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local samples = require "smpp.gateway.console_samples"

local states = {}

local rounded = samples.rounded

local CARRIERS, ACCOUNTS, RULES = 500, 200, 500 -- shown of each; the console says how many more there are

local function or_null(value)
  if value == nil then return json.null end
  return value
end

local function rate(value) return rounded(value or 0, 0.01) end

local function latency_object(latency)
  if not latency then return json.null end
  return json.object { "p50_s", rounded(latency.p50_s, 1e-5), "p99_s", rounded(latency.p99_s, 1e-5) }
end

-- ---- carriers ----

local WORDS = {
  up = "takes messages", off = "off", closing = "closing",
  open = "circuit breaker open", half_open = "circuit breaker half open: one message is tried",
  backing_off = "backing off", down = "not bound", partly = "takes messages, not all of its binds are up",
}

--- The state of a carrier, and how long it lasts where that is known.
---@param carrier smpp.Carrier
---@param figures table?  of smpp.ConsoleSamples
---@return string state
---@return string words
---@return number? seconds
function states.of_carrier(carrier, figures)
  local state, left
  local now, breaker = carrier.loop:now(), carrier.breaker
  local is_ready = carrier.client and carrier.client:is_ready()
  if carrier.own.off then
    state = "off"
  elseif carrier.closing or not carrier.client then
    state = "closing"
  elseif breaker and breaker.state == "open" and now < breaker.opens_at then
    state, left = "open", breaker.opens_at - now
  elseif not is_ready then
    state = carrier.client.session and "backing_off" or "down"
  elseif breaker and breaker.state ~= "closed" then
    state = "half_open"
  else
    state = figures and figures.binds < figures.wanted and "partly" or "up"
  end
  return state, WORDS[state], left
end

local function carrier_object(self, carrier)
  local figures = self.samples.carriers[carrier]
  local state, words, left = states.of_carrier(carrier, figures)
  figures = figures or { rate = 0, errors = 0, binds = 0, wanted = 0, window_used = 0, window = 0, queued = 0 }
  return json.object({
    "name", carrier.name, "state", state, "words", words, "left_s", rounded(left, 1), "switched", carrier.switched ~= nil,
    "binds", figures.binds, "wanted", figures.wanted, "window_used", figures.window_used, "window", figures.window, "queued", figures.queued,
    "outstanding", carrier.outstanding, "rate", rate(figures.rate), "errors", rounded(figures.errors, 0.0001),
    "latency", latency_object(figures.latency),
    "sent", carrier.sent, "accepted", carrier.accepted, "refused", carrier.refused, "unknown", carrier.unknown, "line", or_null(carrier.config.line),
  }, 38)
end

-- ---- accounts ----

local KINDS = { BOUND_TX = "tx", BOUND_RX = "rx", BOUND_TRX = "trx" }

--- Names of the accounts that there are, in no order.
local function names_of(gateway)
  local set, list, n = {}, {}, 0
  local function add(names)
    for name in pairs(names) do
      if not set[name] then
        n = n + 1
        set[name], list[n] = true, name
      end
    end
  end
  add(gateway.customers)
  for _, server in ipairs(gateway.servers) do add(server.accounts) end -- of an open listener
  return list, n
end

--- Names of the accounts that there are, in order.
---@param gateway smpp.Gateway
---@return string[]
function states.account_names(gateway)
  local list = names_of(gateway)
  table.sort(list)
  return list
end

--- Credit, in millionths, and what is used of the quota: of all nodes, where there are several; nil: neither, or the engine is away.
---@async
local function counted(self, name)
  local customer, books = self.gateway.customers[name], self.gateway.books
  local credit, quota = customer and customer.balance, customer and customer.quota
  if books and books.is_shared then
    return credit and books.counters:credit(name), quota and books.counters:used(name, quota.per_s)
  end
  return credit, quota and math.floor(self.loop:time() / quota.per_s) == customer.window and customer.used or 0
end

---@async
local function account_object(self, name)
  local gateway, kinds, binds, waiting, most = self.gateway, { tx = 0, rx = 0, trx = 0 }, 0, 0, nil
  for _, server in ipairs(gateway.servers) do
    local account = server.accounts[name]
    if account then
      binds, waiting = binds + #account.binds, waiting + (account.outbox and account.outbox.count or 0)
      most = most or account.given.rate_per_s
      for _, session in ipairs(account.binds) do
        local kind = KINDS[session.state]
        if kind then kinds[kind] = kinds[kind] + 1 end
      end
    end
  end
  local http, customer = gateway.http, gateway.customers[name]
  local own, quota = gateway.config.accounts[name], customer and customer.quota
  most = most or http and http.rates[name] and http.rates[name].rate_per_s
  local credit, used = counted(self, name)
  return json.object({
    "name", name, "binds", binds, "tx", kinds.tx, "rx", kinds.rx, "trx", kinds.trx, "rate", rate(self.samples.accounts[name]),
    "rate_per_s", or_null(most), "waiting", waiting, "credit", or_null(credit and credit / 1e6),
    "quota", quota and json.object { "n", quota.n, "per_s", quota.per_s, "used", or_null(used) } or json.null,
    "by_http", own ~= nil and own.token ~= nil, "webhooks", own and #(own.webhooks or {}) or 0, "line", or_null(own and own.line),
  }, 32)
end

--- Rows of the action `accounts`.
---@type smpp.HttpFieldRow[]
states.account_rows = { { "name", fields.string(64), "only accounts whose name has this" } }

--- Accounts by name.
---@async
---@param self smpp.GatewayConsole
---@param values table  checked
---@return table object  { accounts, more }
function states.accounts(self, values)
  local list, more = {}, 0
  for _, name in ipairs(states.account_names(self.gateway)) do
    if not values.name or name:lower():find(values.name:lower(), 1, true) then
      if #list < ACCOUNTS then list[#list + 1] = account_object(self, name) else more = more + 1 end
    end
  end
  return json.object { "accounts", json.list(list), "more", more }
end

-- ---- rules ----

--- Rules in the order of the file, with the messages that they have matched since the file was loaded.
---@param self smpp.GatewayConsole
---@return table object  { rules, more, unmatched }
function states.rules(self)
  local gateway, list, more = self.gateway, {}, 0
  local unmatched = {}
  for _, rules in ipairs { gateway.route, gateway.incoming } do
    local matched = gateway.state.matched[rules.kind]
    more = more + rules:each(RULES - #list, function(i, line, conditions, does)
      list[#list + 1] = json.object {
        "kind", rules.kind, "line", or_null(line), "conditions", conditions, "does", does, "count", matched[i] or 0,
      }
    end)
    unmatched[rules.kind] = matched[0] or 0
  end
  return json.object { "rules", json.list(list), "more", more, "unmatched", json.object { "route", unmatched.route, "incoming", unmatched.incoming } }
end

-- ---- the whole ----

--- Webhooks that fail, of those in memory.
local function failing(api)
  local count = 0
  for _, entry in pairs(api and api.webhooks.entries or {}) do
    if entry.failing_since and entry.state == "pending" then count = count + 1 end
  end
  return count
end

local function count_of(counts)
  local sum = 0
  for _, count in pairs(counts or {}) do sum = sum + count end
  return sum
end

--- What all views show.
---@param self smpp.GatewayConsole
---@return table object
function states.read(self)
  local gateway, now = self.gateway, self.samples.now
  local stored, outbound = self.samples:waiting()
  local carriers, up = {}, 0
  for i, carrier in ipairs(gateway.carriers) do
    if i <= CARRIERS then
      carriers[i] = carrier_object(self, carrier)
      if carriers[i].state == "up" or carriers[i].state == "partly" then up = up + 1 end
    end
  end
  local sessions, held = 0, 0
  for _, server in ipairs(gateway.servers) do sessions = sessions + #server.sessions end
  for _ in pairs(gateway.books and gateway.books.waiting.held or {}) do held = held + 1 end
  local api = gateway.http
  return json.object({
    "file", gateway.path, "time", fields.time_text(self.loop:time()), "started", fields.time_text(self.started), "window_s", samples.WINDOW_S,
    "is_stored", gateway.books ~= nil, "closing", gateway.closing,
    "rate", json.object { "in", rate(now.rate_in), "out", rate(now.rate_out), "refused", rate(now.refused), "errors", rate(now.errors) },
    "latency", json.object { "customers", latency_object(now.customers), "carriers", latency_object(now.carriers) },
    "queue", json.object { "messages", stored, "held", held, "outbound", outbound },
    "webhooks", json.object {
      "waiting", api and api.webhooks.count or 0, "failing", failing(api), "given_up", count_of(gateway.counts.webhook_dead),
    },
    "carriers", json.list(carriers), "more_carriers", math.max(0, #gateway.carriers - CARRIERS), "available", up,
    "accounts", select(2, names_of(gateway)), "sessions", sessions,
  }, 34)
end

return states
