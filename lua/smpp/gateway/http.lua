--- The HTTP API of a gateway: one object for all its `http` statements; what comes goes the way of messages by SMPP.
local address = require "smpp.http.address"
local bodies = require "smpp.http.body"
local books = require "smpp.gateway.http_book"
local buckets = require "smpp.base.bucket"
local consoles = require "smpp.gateway.console"
local dropin = require "smpp.gateway.http_dropin"
local http = require "smpp.http"
local incoming = require "smpp.gateway.http_incoming"
local json = require "smpp.codec.json"
local http_json = require "smpp.http.json"
local messages = require "smpp.gateway.http_message"
local metrics = require "smpp.metrics"
local notices = require "smpp.gateway.http_notices"
local onces = require "smpp.gateway.http_once"
local openapi = require "smpp.gateway.http_openapi"
local problem = require "smpp.http.problem"
local http_jasmin = require "smpp.gateway.http_jasmin"
local http_kannel = require "smpp.gateway.http_kannel"
local http_events = require "smpp.gateway.http_events"
local query = require "smpp.gateway.http_query"
local run = require "smpp.loop.run"
local send = require "smpp.gateway.http_send"
local site = require "smpp.http.site"
local strings = require "smpp.base.strings"
local task = require "smpp.base.task"
local webhooks = require "smpp.gateway.webhooks"

local apis = {}

---@class smpp.HttpApi
---@field gateway smpp.Gateway
---@field book smpp.HttpBook
---@field servers smpp.HttpServer[]
---@field pages table<smpp.HttpServer, smpp.Console>
local Api = {}
local mt = { __index = Api, __name = "smpp.HttpApi" }

local WRONG_MAX, WRONG_S = 20, 10 -- wrong tokens of an address, until it has to wait
local WRONG_ADDRESSES = 10000     -- addresses that are remembered for it

-- ---- who it is ----

--- A keyed hash: comparing two tells nothing by its time.
---@param secret string
---@return string
function Api:hash(secret) return self.library.hmac(self.key, secret) end

--- The accounts by a keyed hash of their tokens: looking one up takes the same time for all wrong ones.
local function set_tokens(self)
  self.tokens, self.rates = {}, self.rates or {}
  self.logins = dropin.logins(self.gateway.config, function(password) return self:hash(password) end)
  for name, own in pairs(self.gateway.config.accounts) do
    for _, token in ipairs(type(own.token) == "table" and own.token or { own.token }) do
      self.tokens[self:hash(token)] = name
    end
  end
  local rates, limits = {}, self.gateway.limits
  for _, statement in ipairs(self.gateway.config.https) do
    for name, given in pairs(statement.accounts) do
      if given.rate_per_s and limits then
        limits:rate(name, given.rate_per_s)
      elseif given.rate_per_s then
        local old = self.rates[name]
        rates[name] = old and old.rate_per_s == given.rate_per_s and old or buckets.new(given.rate_per_s, given.burst, self.loop:now())
      end
    end
  end
  self.rates = rates
end

--- Takes a message from the account's rate; true: it is used up.
---@async
---@param account string
---@return boolean
function Api:over_rate(account)
  local limits = self.gateway.limits
  local shared = limits and limits.rates[account]
  if shared then return not shared:admit() end
  local bucket = self.rates[account]
  for _, server in ipairs(self.gateway.servers) do
    local its = server.accounts[account]
    bucket = bucket or its and its.bucket
  end
  return bucket ~= nil and bucket:take(self.loop:now()) > 0
end

local function unauthorized()
  return problem.new("unauthorized", "expected Authorization: Bearer TOKEN with the token of an account", {
    headers = { "WWW-Authenticate", 'Bearer realm="smpp"' },
  })
end

--- Counts a wrong token or password of an address; true, and the seconds it has to wait: too many.
---@param peer string
---@return boolean
---@return number wait_s
function Api:wrong_again(peer)
  local now, seen = self.loop:now(), self.wrong[peer]
  if not seen or now >= seen.till then
    if not seen and self.wrong_count >= WRONG_ADDRESSES then self.wrong, self.wrong_count = {}, 0 end
    if not seen then self.wrong_count = self.wrong_count + 1 end
    seen = { count = 0, till = now + WRONG_S }
    self.wrong[peer] = seen
  end
  seen.count = seen.count + 1
  if seen.count == WRONG_MAX + 1 then
    seen.till = now + WRONG_S
    self.gateway:log("warn", "http_refused", { peer = peer, reason = "too many wrong tokens" })
  end
  return seen.count > WRONG_MAX, seen.till - now
end

--- Refuses a request without the token of an account.
local function guard(self, request)
  local token = (request.headers.authorization or ""):match "^[Bb][Ee][Aa][Rr][Ee][Rr] +([\33-\126]+)$"
  local account = token and self.tokens[self:hash(token)]
  if not account then
    local too_many, wait_s = self:wrong_again(request.peer)
    if too_many then return problem.new("rate_limited", "too many wrong tokens from this address", { retry_after_s = wait_s }) end
    return unauthorized()
  end
  request.account = account
end

local MEDIA = { ["application/json"] = true, ["application/x-ndjson"] = true }

--- Refuses a body of another type.
local function guard_body(self, request, allowed)
  local refused = guard(self, request)
  if refused then return refused end
  local given = request.headers["content-type"] or ""
  if allowed[given] then -- as most write it
    request.media = given
    return nil
  end
  local media, rest = strings.trim(given:lower()):match "^([%w/.+-]+)[ \t]*(.*)$"
  local charset = rest and rest:match '^;[ \t]*charset="?([%w-]+)"?$'
  if not (media and allowed[media]) or rest ~= "" and charset ~= "utf-8" then
    return bodies.unsupported(request)
  end
  request.media = media
end

-- ---- what is served ----

local function reasons(self)
  local list, bound = {}, false
  for _, carrier in ipairs(self.gateway.carriers) do bound = bound or carrier.client ~= nil and carrier.client:is_ready() end
  if not bound then list[1] = "no carrier is bound" end
  if self.gateway.node and self.gateway.node:is_away() then list[#list + 1] = "store" end
  if self.gateway.closing then list[#list + 1] = "draining" end
  return list
end

local function plain(status, object) return { status = status, type = "application/json", body = http_json.write(object) } end

local NO_STORE = { "Cache-Control", "no-store" }

--- JSON lines are taken as they come.
local function is_lines(request) return request.media == "application/x-ndjson" end

local JSON_ONLY = { ["application/json"] = true }

--- The paths of the API: method, path, handler, what the OpenAPI document says of it.
apis.paths = {
  { "POST", "/v1/messages", send.post, body = messages.rows, summary = "Sends a message, or one to each of a list", also = MEDIA },
  { "GET", "/v1/messages", query.list, query = query.rows, summary = "Lists messages, the newest first" },
  { "GET", "/v1/messages/{id}", query.get, summary = "Shows a message" },
  { "DELETE", "/v1/messages/{id}", query.cancel, summary = "Cancels a message" },
  { "GET", "/v1/account", query.account, summary = "Shows the account" },
  { "GET", "/v1/events", http_events.list, query = http_events.rows, summary = "Lists events of webhooks that wait, or were given up" },
  { "POST", "/v1/events/{id}/retry", http_events.again, summary = "Sends an event again" },
  { "POST", "/v1/events/retry", http_events.again_all, summary = "Sends all events again that were given up" },
  { "POST", "/v1/lookup", query.lookup, body = messages.rows, summary = "Says how a message would be sent, and where to", also = JSON_ONLY },
}

local NO_HEAD = { "Allow", "GET, OPTIONS, POST" }

--- Adds the interfaces of Kannel and Jasmin, where they are on.
local function add_dropins(self, o, list)
  local function both(path, handler, guard)
    local function get(request)
      if request.method == "HEAD" then return problem.new("method_not_allowed", "this path takes GET and POST", { headers = NO_HEAD }) end
      return handler(self, request) -- it may send: HEAD would, too
    end
    list[#list + 1] = { "GET", path, get }
    list[#list + 1] = { "POST", path, get, guard = guard and function(request) return guard(self, request) end }
  end
  if o.kannel then both(http_kannel.path, http_kannel.sendsms, http_kannel.guard) end
  if o.jasmin then
    for _, name in ipairs { "send", "rate", "balance" } do both("/" .. name, http_jasmin[name]) end
    list[#list + 1] = { "GET", "/ping", http_jasmin.ping }
  end
end

local function routes_of(self, statement, page)
  local list = {}
  for i, path in ipairs(apis.paths) do
    local media = path.also
    list[i] = {
      path[1], path[2], function(request) return path[3](self, request) end, stream = media and is_lines,
      guard = media and function(request) return guard_body(self, request, media) end or function(request) return guard(self, request) end,
    }
  end
  local function add(path, handler) list[#list + 1] = { "GET", path, handler } end
  add_dropins(self, statement.options, list)
  add("/health", function() return plain(200, json.object { "status", "ok" }) end)
  add("/ready", function()
    local found = reasons(self)
    if not found[1] then return plain(200, json.object { "status", "ready" }) end
    return plain(503, json.object { "status", "not ready", "reasons", json.list(found) })
  end)
  add("/openapi.json", function() return plain(200, self.document) end)
  local shows = statement.options.metrics
  if shows == nil then shows = site.is_loopback(statement.options.host) end
  if shows then
    add("/metrics", function(request)
      local format = (request.headers.accept or ""):find("text/plain", 1, true) and "prometheus" or "openmetrics"
      return { status = 200, type = metrics.types[format], body = metrics.text(format) }
    end)
  end
  for _, route in ipairs(page and page:routes() or {}) do list[#list + 1] = route end
  return list
end

local function limits_of(statement)
  local limits = {}
  for _, row in ipairs(http.limits.rows) do limits[row[1]] = statement.options[row[1]] end
  return limits
end

--- The page of the console for a statement, if it has one; nil, message, code: it cannot be served.
local function page_of(self, statement)
  local o = statement.options
  local shows = o.console
  if shows == nil then shows = site.is_loopback(o.host) end
  if not shows then return nil end
  self.console = self.console or consoles.new(self.gateway)
  local page, message, code = self.console:page {
    host = o.host, names = o.names, is_secure = o.tls ~= nil, token = self.console_token or self.gateway.options.console_token,
  }
  if not page then return nil, message, code end
  self.console_token = page.token
  return page
end

--- Starts what the file's `http` statements say; nil: there are none.
---@param gateway smpp.Gateway
---@return smpp.HttpApi? api
---@return string? message
---@return string? code
function apis.new(gateway)
  local config = gateway.config
  if not config.https[1] then return nil end
  local library = require "smpp.libhttp"
  local self = setmetatable({
    gateway = gateway, loop = gateway.loop, library = library,
    key = library.random(32),            -- of hashes of tokens and of cursors
    tokens = nil, rates = nil,           -- hash -> account; account -> bucket, of those that only use HTTP
    wrong = {}, wrong_count = 0,         -- wrong tokens: address -> { count, till }
    composer = messages.composer(gateway.loop),
    book = nil,
    once = nil,                          -- smpp.HttpOnce: requests with an Idempotency-Key
    max_to = nil,
    document = nil,
    options = nil, rule = nil,           -- of webhooks
    webhooks = nil, incoming = nil, notices = nil,
    console = nil, console_token = nil,  -- smpp.GatewayConsole, the same for all statements
    pages = {},
    servers = {},
  }, mt)
  self.max_to = config.https[1].options.max_to
  self.document = openapi.document(apis.paths)
  set_tokens(self)
  self.options, self.rule = config.https[1].options, address.rule(config.https[1].options.allow_private)
  self.book = books.new(gateway)
  self.once = onces.new(gateway, self.book, library.sha256)
  self.webhooks = webhooks.new(self)
  self.notices = notices.new(self)
  self.incoming = incoming.new(self)
  for _, statement in ipairs(config.https) do
    local page, message, code = page_of(self, statement)
    local o = { routes = routes_of(self, statement, page), headers = NO_STORE, loop = gateway.loop, on_error = function(trace)
      gateway:log("error", "failed", { reason = trace })
    end }
    for name, value in pairs(limits_of(statement)) do o[name] = value end
    o.host, o.port, o.tls = statement.options.host, statement.options.port, statement.options.tls
    local server
    if not message then server, message, code = http.serve(o) end
    if not server then
      self:close(0)
      self:finish(0)
      return nil, message, code
    end
    run.closed(server) -- the gateway closes it
    self.servers[#self.servers + 1], self.pages[server] = server, page
  end
  task.start(gateway.forward.sink, self.webhooks.load, self.webhooks)
  return self
end

--- The file was loaded again.
---@param old smpp.GatewayConfig
function Api:reloaded(old)
  local new = self.gateway.config
  local function mark(config)
    local list = {}
    for i, statement in ipairs(config.https) do
      local o = statement.options
      list[i] = ("%s:%d %s %s %s %s"):format(o.host, o.port, o.tls and o.tls.cert or "", o.tls and o.tls.key or "", tostring(o.console),
        table.concat(o.names or {}, " "))
    end
    return table.concat(list, "\n")
  end
  if mark(old) ~= mark(new) then self.gateway:log("warn", "needs_restart", { reason = "http has changed" }) end
  local first = new.https[1]
  if first then
    self.options, self.rule, self.max_to = first.options, address.rule(first.options.allow_private), first.options.max_to
  end
  set_tokens(self)
  for i, server in ipairs(self.servers) do
    local statement = new.https[i]
    if statement then
      server:set_routes(routes_of(self, statement, self.pages[server]))
      local ok, message = server:set_limits(limits_of(statement))
      if not ok then self.gateway:log("warn", "needs_restart", { reason = "http: " .. message }) end
    end
  end
end

--- Ends: requests that run get their answers.
---@async
---@param timeout_s number
function Api:close(timeout_s)
  for _, page in pairs(self.pages) do page:close() end
  if self.console then self.console:close() end
  for _, server in ipairs(self.servers) do server:close(timeout_s) end
end

--- Ends the webhooks, when nothing more can happen to messages.
---@async
---@param timeout_s number
function Api:finish(timeout_s)
  local lost = self.webhooks:close(timeout_s)
  if lost > 0 then self.gateway:log("warn", "lost", { count = lost, reason = "events for webhooks" }) end
  self.incoming:close()
  self.book:close()
end

return apis
