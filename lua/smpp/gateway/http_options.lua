--- The statement `http` of a gateway's file, and what accounts have for it.
local account_of = require "smpp.server.account"
local address = require "smpp.http.address"
local http = require "smpp.http"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local site = require "smpp.http.site"
local tables = require "smpp.gateway.tables"

local options = {}

local TOKEN_MIN = 8

local function is_token(value) return type(value) == "string" and #value >= TOKEN_MIN and not value:find "[^\33-\126]" end

local function tokens_wrong(value)
  if is_token(value) then return nil end
  local list = type(value) == "table" and value or { value }
  for _, one in ipairs(list) do
    if not is_token(one) then return ("expected a token of at least %d visible ASCII characters, or a list of tokens"):format(TOKEN_MIN) end
  end
  return not list[1] and "expected a token" or nil
end

local function secrets_wrong(value)
  local list = type(value) == "table" and value or { value }
  for _, one in ipairs(list) do
    if type(one) ~= "string" or one == "" then return "expected a secret, or a list of secrets" end
  end
  return not list[1] and "expected a secret" or nil
end

local secrets_kind = kind.checked("a secret, or a list of secrets", secrets_wrong)

--- Options of a webhook.
options.webhook = schema.new {
  { "url", "string", nil, "http or https; user:password in it becomes Basic", 'url = "https://shop.example/hook"', required = true },
  { "secret", secrets_kind, nil, "key of the signature; two while one replaces another", 'secret = "whsec-1"', secret = true,
    default_text = "that of the account" },
  { "events", kind.list(kind.one_of("receipt", "message"), "types of events"), nil, "what it is told of: receipts, and messages from phones (MO)",
    'events = { "receipt" }', default_text = "both" },
  { "ordered", "boolean", false, "events of one recipient one after the other", "ordered = true" },
  { "style", kind.one_of("json", "kannel", "jasmin"), "json", "how it is told: in JSON; as Kannel, a URL with % codes; as Jasmin, a form",
    'style = "kannel"' },
  { "method", kind.one_of("POST", "GET"), nil, "GET: all is in the URL; not of json", 'method = "GET"', default_text = "POST; of kannel GET" },
}

local webhook_kind = kind.either("string", options.webhook, kind.list(kind.either("string", options.webhook), "webhooks"))

--- Options of accounts.
options.account = schema.new {
  { "webhook", webhook_kind, nil, "URLs that are told what becomes of messages by HTTP",
    'webhook = { url = "https://shop.example/hook", secret = "whsec-1" }' },
  { "secret", secrets_kind, nil, "key of the signatures of its webhooks and callbacks", 'secret = "whsec-1"', secret = true },
  { "token", kind.checked("a token, or a list of tokens", tokens_wrong), nil,
    "for the HTTP API: Authorization: Bearer TOKEN; several while one replaces another", 'token = "acme-7f3d9c"', secret = true,
    default_text = "none: the API is closed to it" },
}

options.retry = schema.new {
  { "first_s", kind.seconds, 5, "the first pause; each further one is twice as long", "first_s = 1" },
  { "max_s", kind.seconds, 3600, "the longest pause", "max_s = 600" },
  { "for_s", kind.seconds, 172800, "from the event until it is given up", "for_s = 86400" },
}

--- Makes the schema of `http` for a schema of accounts.
---@param accounts smpp.Kind
---@return smpp.Schema
function options.statement(accounts)
  local made = schema.new(http.server_schema:pick("host", "port", "tls"), {
    { "accounts", accounts, nil, "customers that only use HTTP, as in listen", 'accounts = { shop = { token = "shop-55e1a0" } }',
      default_text = "those of listen" },
    { "metrics", "boolean", nil, "serve /metrics", "metrics = true", default_text = "true on a loopback host, else false" },
    { "kannel", "boolean", false, "serve /cgi-bin/sendsms, as Kannel does", "kannel = true" },
    { "jasmin", "boolean", false, "serve /send, /rate, /balance and /ping, as Jasmin does", "jasmin = true" },
    { "console", "boolean", nil, "the console, a page for browsers, below /console/", "console = false",
      default_text = "true on a loopback host, else false" },
    { "names", kind.list("string", "host names"), nil, "further names of this host by which the console may be asked", 'names = { "sms.example" }' },
    { "max_to", kind.count, 1000, "recipients of one request", "max_to = 100" },
    { "allow_private", kind.either("boolean", kind.list("string", "networks and host names")), false,
      "webhooks to private addresses: all, or these networks and hosts", 'allow_private = { "10.1.0.0/16", "hook.lan" }' },
    { "retry", options.retry, nil, "webhooks that fail", "retry = { first_s = 1 }", default_text = "{ first_s = 5, max_s = 3600, for_s = 172800 }" },
    { "timeout_s", kind.with_unit("s", kind.real(0.1, 600)), 10, "for a webhook's answer", "timeout_s = 5" },
    { "parallel", kind.count, 8, "calls of one webhook at a time", "parallel = 2" },
    { "ca", "string", nil, "file of authorities for webhooks, PEM", 'ca = "ca.pem"', default_text = "the system's" },
  }, http.limits)
  made.expected = "a table of options"
  return made
end

local function add_account(self, of, statement, id, account, problem)
  if self.accounts[id] then
    return problem(("accounts.%s: also in line %s"):format(id, tostring(self.accounts[id].line)))
  end
  local own, others = of.split(account_of.settings(account), of.account_own)
  own.line, self.accounts[id], statement.accounts[id] = statement.line, own, others
  own.price_rows = tables.price_rows(self, own, problem)
end

local function list_of(value) return type(value) == "table" and value or { value } end

--- The webhooks of an account, each as a table: `own.webhooks`, and `own.secrets`.
local function check_webhooks(self, id, own, rule)
  own.secrets, own.webhooks = list_of(own.secret), {}
  local given = own.webhook
  if type(given) == "string" or type(given) == "table" and given.url then given = { given } end
  for _, one in ipairs(given or {}) do
    if type(one) == "string" then one = { url = one } end
    local secrets = one.secret and list_of(one.secret) or own.secrets
    local events = {}
    for _, name in ipairs(one.events or { "receipt", "message" }) do events[name] = true end
    local style = one.style ~= "json" and one.style or nil
    own.webhooks[#own.webhooks + 1] = {
      url = one.url, secrets = secrets, ordered = one.ordered, events = events, style = style,
      method = one.method or style == "kannel" and "GET" or "POST",
    }
    local function problem(message, severity) self:problem(own.line, ("accounts.%s.webhook: %s"):format(id, message), severity) end
    local wrong = rule.wrong(one.url)
    if wrong then
      problem(wrong)
    elseif one.method == "GET" and not style then
      problem 'method: "GET" needs the style "kannel" or "jasmin"'
    elseif not style and not secrets[1] then
      problem("no secret: nobody can tell who calls", "warning")
    end
    if not self.store and not wrong then problem("no store: events that wait are lost at the end of the process", "warning") end
  end
  if own.webhooks[1] and not self.https[1] then self:problem(own.line, ("accounts.%s.webhook: missing http { port = … }"):format(id)) end
end

--- Kannel's and Jasmin's interfaces know accounts by their passwords.
local function check_dropins(self)
  local has_password = false
  for _, statements in ipairs { self.listens, self.https } do
    for _, one in ipairs(statements) do
      for _, account in pairs(one.accounts or {}) do has_password = has_password or account.password ~= nil end
    end
  end
  for _, statement in ipairs(self.https) do
    for _, name in ipairs { "kannel", "jasmin" } do
      if statement.options and statement.options[name] and not has_password then
        self:problem(statement.line, ("http: %s: no account has a password: nobody can use it"):format(name), "warning")
      end
    end
  end
end

--- Checks the statements `http`, after those of `listen`.
---@param self table  reader of the gateway's file
---@param of table    smpp.gateway.options
function options.check(self, of)
  for _, statement in ipairs(self.https) do
    local given = statement.given
    local function problem(message, severity) self:problem(statement.line, "http: " .. message, severity) end
    local wrong = of.http:problem(given)
    if wrong then
      problem(type(given) == "table" and wrong.message or mistake.wrong("a table of options", given).message)
    else
      statement.options, statement.accounts = of.http:fill(given), {}
      statement.options.accounts = nil
      statement.options.retry = options.retry:fill(given.retry)
      statement.options.ca = given.ca and self:resolve(given.ca)
      if given.tls then
        statement.options.tls = { cert = self:resolve(given.tls.cert), key = self:resolve(given.tls.key) }
      end
      local names = {}
      for id in pairs(given.accounts or {}) do names[#names + 1] = id end
      table.sort(names)
      for _, id in ipairs(names) do add_account(self, of, statement, id, given.accounts[id], problem) end
      if given.console and not site.is_loopback(statement.options.host) and not given.tls then
        problem("console: no tls: its token and the texts of messages can be read on the way", "warning")
      end
      if not http.is_available() then
        problem "HTTP support is not installed: rock smpp-http, or on Debian apt-get install libmicrohttpd-dev libcurl4-openssl-dev and make"
      end
    end
  end
  local settings = self.https[1] and self.https[1].options
  local rule = address.rule(settings and settings.allow_private)
  local ids, seen = {}, {}
  for id in pairs(self.accounts) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local own = self.accounts[id]
    check_webhooks(self, id, own, rule)
    for _, token in ipairs(type(own.token) == "table" and own.token or { own.token }) do
      if seen[token] then
        self:problem(own.line, ("accounts.%s.token: account '%s' has the same token"):format(id, seen[token]))
      end
      seen[token] = id
    end
  end
  local first = self.https[1]
  if first and first.options and not next(seen) and not (first.options.kannel or first.options.jasmin) then
    self:problem(first.line, "http: no account has a token: nobody can use the API", "warning")
  end
  check_dropins(self)
end

return options
