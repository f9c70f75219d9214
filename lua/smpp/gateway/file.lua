--- A gateway's file: Lua in an environment of its own, whose statements are collected and checked.  Every mistake has its line.
local client_options = require "smpp.client.options"
local codec = require "smpp.codec"
local core = require "smpp.core"
local files = require "smpp.base.luafile"
local http_options = require "smpp.gateway.http_options"
local mistake = require "smpp.base.mistake"
local nodes = require "smpp.nodes"
local options = require "smpp.gateway.options"
local route = require "smpp.route"
local schema = require "smpp.base.schema"
local server_options = require "smpp.server.options"
local stores = require "smpp.store"
local tables = require "smpp.gateway.tables"
local valkey_options = require "smpp.valkey.options"
local words = require "smpp.route.words"

local file = {}

---@class smpp.GatewayProblem
---@field file string
---@field line integer?
---@field severity "error"|"warning"
---@field message string

---@class smpp.GatewayConfig
---@field path string
---@field listens { options: table, accounts: table<string, table>?, line: integer }[]
---@field https { options: table, accounts: table<string, table>, line: integer }[]
---@field carriers { name: string, options: table, own: table, line: integer }[]  in the order of the file
---@field accounts table<string, table>  options of the gateway's own, by system_id
---@field is_open boolean  there are others, not known from the file
---@field route smpp.Rules
---@field incoming smpp.Rules
---@field settings table  options of the gateway
---@field store table?  options of the store
---@field files string[]  all that was read
---@field is_table table<string, boolean>  those of them that can be read again alone: prefixes, listed, prices
---@field text string?  instead of what the file has

local STOP, BROKEN = {}, {} -- raised to stop reading; value of a word that failed (already reported)

local function directory_of(path) return path:match "^(.*/)[^/]*$" or "" end

--- Does a value contain BROKEN, the value of a word that failed?
local function is_broken(value, depth)
  if value == BROKEN then return true end
  if type(value) ~= "table" or depth > 8 then return false end
  for _, item in pairs(value) do
    if is_broken(item, depth + 1) then return true end
  end
  return false
end

local Reader = {}
local mt = { __index = Reader }

function Reader:problem(line, message, severity, path)
  self.problems[#self.problems + 1] = { file = path or self.path, line = line, severity = severity or "error", message = message }
end

--- The line of the file that is being run.
function Reader:line()
  for level = 2, 100 do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if info.source == self.source then return info.currentline end
  end
end

function Reader:resolve(path)
  return path:sub(1, 1) == "/" and path or self.directory .. path
end

--- The text of a table named in this file.
function Reader:read(path)
  local resolved = self:resolve(path)
  local text, reason = files.octets(resolved)
  if not text then error(("cannot read %s: %s"):format(path, reason), 0) end
  if not self.is_table[resolved] then self.files[#self.files + 1], self.is_table[resolved] = resolved, true end
  return text
end

--- A function of the file, whose error is a problem of its line.
local function guarded(self, fn)
  return function(...)
    local ok, value = pcall(fn, ...)
    if ok then
      if words.of(value) and value.file then self.tables[#self.tables + 1] = value end
      return value
    end
    self:problem(self:line(), tostring(value))
    return BROKEN
  end
end

local function statement(self, fn)
  return function(given)
    local line = self:line()
    if is_broken(given, 0) then return end
    fn(given, line)
  end
end

--- A store in an engine: its options may be in the URL, too.
local function engine_store(self, given, url, line)
  local function problem(wrong) self:problem(line, "store: " .. wrong.message) end
  local wrong = options.engine:problem(given)
  if wrong then return problem(wrong) end
  local plain, of_url = nodes.of_url(url)
  if not plain then return problem(of_url) end
  local read
  read, wrong = valkey_options.of_url(plain)
  if not read then return problem(wrong) end
  if self.store then return self:problem(line, "store: duplicate, first in line " .. tostring(self.store.line)) end
  self.store = options.engine:fill(of_url, given, {
    path = url, url = plain, record = given.record and self:resolve(given.record), line = line, retry = options.retry:fill(given.retry),
  })
  self.store[1] = nil
  local o = self.store
  if read.password_file then
    o.password_file = self:resolve(read.password_file)
    local line_of_file, message = files.first_line(o.password_file)
    if not line_of_file then self:problem(line, "store: password_file: " .. message) end
  end
  if o.durable == "engine" then
    if read.sentinel or read.cluster or read.hosts[2] then
      self:problem(line, 'store: durable = "engine": a failover may lose what was answered; "replica" does not', "warning")
    end
    for _, name in ipairs { "replicas", "wait_ms" } do
      if given[name] or of_url[name] then self:problem(line, ('store: %s does nothing without durable = "replica"'):format(name), "warning") end
    end
  end
end

local function statements(self)
  local env = {}
  local function rule(list) return statement(self, function(given, line)
    if type(given) ~= "table" then return self:problem(line, mistake.wrong("a rule", given).message) end
    local one = schema.merge(given)
    one.line, one.file = line, self.path
    list[#list + 1] = one
  end) end
  env.route, env.incoming = rule(self.routes), rule(self.incomings)
  env.listen = statement(self, function(given, line) self.listens[#self.listens + 1] = { given = given, line = line } end)
  env.gateway = statement(self, function(given, line)
    local wrong = options.gateway:problem(given)
    if wrong then return self:problem(line, "gateway: " .. wrong.message) end
    self.settings = schema.merge(self.settings, given)
  end)
  env.store = statement(self, function(given, line)
    if type(given) == "string" then given = { given } end
    local url = type(given) == "table" and (given[1] or given.path)
    if type(url) == "string" and stores.is_url(url) then return engine_store(self, given, url, line) end
    local wrong = options.store:problem(given)
    local path = not wrong and (given[1] or given.path)
    if wrong or not path then return self:problem(line, "store: " .. (wrong and wrong.message or "expected a file")) end
    local scheme = path:match "^(%a[%w+]*)://"
    if scheme then
      return self:problem(line, ("store: unknown engine '%s': expected a file, valkey://HOST or redis://HOST, with TLS valkeys:// or rediss://")
        :format(scheme))
    end
    if self.store then return self:problem(line, "store: duplicate, first in line " .. tostring(self.store.line)) end
    local kind, rest = path:match "^(%l+:)(.+)$"
    self.store = options.store:fill(given, {
      path = (kind or "") .. self:resolve(rest or path), record = given.record and self:resolve(given.record), line = line,
      retry = options.retry:fill(given.retry),
    })
    self.store[1] = nil
  end)
  env.http = statement(self, function(given, line) self.https[#self.https + 1] = { given = given, line = line } end)
  env.tlv = statement(self, function(given, line)
    local ok, message = pcall(codec.declare_tlv, given)
    if not ok and not (type(given) == "table" and route.tlvs[given.name]) then
      return self:problem(line, "tlv: " .. tostring(message):gsub("^[^ ]*:%d+: ", ""))
    end
    route.tlvs[given.name] = true
  end)
  function env.carrier(name)
    local line = self:line()
    if type(name) ~= "string" or not name:find "^[%w_.-]+$" then
      self:problem(line, "carrier: expected a name of letters, digits, _ . and -, got " .. mistake.show(name))
      return function() end
    end
    local call = { name = name, line = line }
    self.unfinished[call] = true
    return function(given)
      self.unfinished[call] = nil
      if is_broken(given, 0) then return end
      local first = self.by_name[name]
      if first then return self:problem(line, ("carrier '%s': duplicate, first in line %s"):format(name, tostring(first.line))) end
      if type(given) == "string" then given = { given } end
      self.carriers[#self.carriers + 1] = { name = name, given = given, line = line }
      self.by_name[name] = self.carriers[#self.carriers]
    end
  end
  for name, word in pairs(route.words(function(path) return self:read(path) end)) do env[name] = guarded(self, word) end
  env.none = codec.none
  return env
end

--- The environment: statements, words, Lua's own libraries; an unknown name is a mistake.
local function environment(self)
  local env, known = statements(self), {}
  for name in pairs(env) do known[name] = true end
  return setmetatable(env, { __index = function(_, name)
    local value = _G[name]
    if value ~= nil then return value end
    local like = core.suggest(tostring(name), known)
    self.has_unknown_name = true
    self:problem(self:line(), ("unknown name '%s'%s"):format(tostring(name), like and ("; did you mean '" .. like .. "'?") or ""))
    error(STOP, 0)
  end })
end

--- Runs the file.
local function run(self, text)
  local name = self.source
  local chunk, message
  if setfenv then -- luacheck: compat
    chunk, message = loadstring(text, name) -- luacheck: compat
    if chunk then setfenv(chunk, environment(self)) end -- luacheck: compat
  else
    chunk, message = load(text, name, "t", environment(self))
  end
  if not chunk then
    local line, words = message:match ":(%d+): (.*)$"
    return self:problem(tonumber(line), (words or message):gsub(" near .*", "") .. "") -- the quoted token may be a password
  end
  local ran = xpcall(chunk, function(err)
    if err == STOP then return end
    local line, words = self:line(), tostring(err)
    if line then words = words:gsub("^.-:" .. line .. ": ", "", 1) end
    self:problem(line, words)
  end)
  for call in pairs(ran and self.unfinished or {}) do
    local example = ('carrier "%s" { "smpp://me@host" }'):format(call.name)
    self:problem(call.line, ("carrier '%s': expected its options behind the name, as in %s"):format(call.name, example))
  end
end

-- Options of TLS that name files.
local TLS_FILES = { cert = true, key = true, ca = true, client_ca = true, keylog = true }

--- The options of TLS with paths relative to the file.
local function resolved_tls(self, tls)
  if type(tls) ~= "table" then return tls end
  local out = {}
  local function path(value)
    if type(value) == "table" then
      local list = {}
      for i, item in ipairs(value) do list[i] = path(item) end
      return list
    end
    return type(value) == "string" and value ~= "system" and not value:find "^%-%-%-%-%-BEGIN" and self:resolve(value) or value
  end
  for name, value in pairs(tls) do
    if TLS_FILES[name] then
      out[name] = path(value)
    elseif name == "certs" and type(value) == "table" then
      out.certs = {}
      for i, pair in ipairs(value) do out.certs[i] = resolved_tls(self, pair) end
    else
      out[name] = value
    end
  end
  return out
end

local function check_carriers(self)
  for _, carrier in ipairs(self.carriers) do
    local function problem(message) self:problem(carrier.line, ("carrier '%s': %s"):format(carrier.name, message)) end
    local wrong = options.carrier:problem(carrier.given)
    if wrong then
      problem(wrong.message)
    else
      local own, others = options.split(carrier.given, options.carrier_own)
      if others.receipts == "always" then own.receipts, others.receipts = "always", nil end
      others.tls = resolved_tls(self, others.tls)
      carrier.own = options.carrier_own:fill(own)
      if carrier.own.breaker ~= false then
        carrier.own.breaker = options.breaker:fill(type(own.breaker) == "table" and own.breaker or nil)
      end
      carrier.options = others
      if not self.store and own.on_unknown == "hold" then problem 'on_unknown: "hold" needs a store' end
      if not self.store and own.long == "payload" then problem 'long: "payload" needs a store' end
      local read
      read, wrong = client_options.read(others)
      if not read then problem(wrong.message) end
    end
  end
end

--- The accounts of a `listen`: a table, or what a Lua file returns.
local function accounts_of(self, given, problem)
  if type(given.accounts) ~= "string" then return given.accounts end
  local path = self:resolve(given.accounts)
  local list, message = files.load(path)
  self.files[#self.files + 1] = path
  if not list then
    problem("accounts: " .. message)
    return {}
  end
  return list
end

local function check_listens(self)
  for _, listen in ipairs(self.listens) do
    local function problem(message) self:problem(listen.line, "listen: " .. message) end
    local given = listen.given
    if type(given) ~= "table" then
      problem(mistake.wrong("a table of options", given).message)
    else
      given = schema.merge(given, { accounts = accounts_of(self, given, problem) })
      local wrong = options.listen:problem(given)
      if wrong then
        problem(wrong.message)
      else
        local plain = {}
        for id, account in pairs(given.accounts or {}) do
          if type(account) == "string" then account = { password = account } end
          local own, others = options.split(account, options.account_own)
          plain[id] = others
          if self.store and self.accounts[id] then
            problem(("accounts.%s: also in line %s: with a store an account has one listen"):format(id, tostring(self.accounts[id].line)))
          end
          own.line, self.accounts[id] = listen.line, own
          own.price_rows = tables.price_rows(self, own, problem)
          for _, name in ipairs(own.carriers or {}) do
            if not self.by_name[name] then
              local like = core.suggest(name, self.by_name)
              problem(("accounts.%s.carriers: unknown carrier '%s'%s"):format(id, name, like and ("; did you mean '" .. like .. "'?") or ""))
            end
          end
        end
        given.tls = resolved_tls(self, given.tls)
        if given.listen then
          local list = {}
          for i, address in ipairs(given.listen) do list[i] = schema.merge(address, { tls = resolved_tls(self, address.tls) }) end
          given.listen = list
        end
        listen.options, listen.accounts = given, given.accounts and plain
        given.accounts = listen.accounts
        if not given.accounts and not given.authenticate then
          self.is_open = true
          self:problem(listen.line, "listen: no accounts: everybody may bind", "warning")
        end
        if given.authenticate then self.is_open = true end
        local read
        read, wrong = server_options.read(given)
        if not read then problem(wrong.message) end
      end
    end
  end
end

local function names_in(value, set)
  if type(value) == "string" then set[value] = true end
  for _, item in ipairs(type(value) == "table" and (value.list or value) or {}) do names_in(item, set) end
end

local function compile_rules(self)
  local known = { carriers = {}, accounts = not self.is_open and self.accounts or nil }
  for _, carrier in ipairs(self.carriers) do known.carriers[carrier.name] = { cost = carrier.own and carrier.own.cost } end
  local function compile(list, kind)
    local rules, problems = route.compile(list, { kind = kind, carriers = known.carriers, accounts = known.accounts })
    for _, one in ipairs(problems) do self:problem(one.line, ("%s: %s"):format(kind, one.message), one.severity) end
    return rules
  end
  return compile(self.routes, "route"), compile(self.incomings, "incoming")
end

local function check_rules(self)
  for _, rule in ipairs(self.routes) do
    if rule.through == false and not self.store then self:problem(rule.line, "route: through = false needs a store") end
  end
  self.route, self.incoming = compile_rules(self)
  if #self.listens + #self.https == 0 then self:problem(nil, "missing listen: nobody can connect") end
  for _, one in ipairs(self.problems) do
    if one.severity == "error" then return end -- warnings could be caused by the error
  end
  local used = {}
  for _, rule in ipairs(self.routes) do
    names_in(rule.via, used)
    names_in(rule.copy, used)
  end
  for _, carrier in ipairs(self.carriers) do
    if not used[carrier.name] then self:problem(carrier.line, ("carrier '%s' is used by no rule"):format(carrier.name), "warning") end
  end
  if #self.routes == 0 then self:problem(nil, "no route: all messages are refused with ESME_RINVDSTADR", "warning") end
end

--- Sorts the problems by line; is one of them an error?
function Reader:failed()
  local failed = false
  for i, one in ipairs(self.problems) do
    one.place, failed = i, failed or one.severity == "error"
  end
  table.sort(self.problems, function(a, b)
    if (a.line or 0) ~= (b.line or 0) then return (a.line or 0) < (b.line or 0) end
    return a.place < b.place
  end)
  for _, one in ipairs(self.problems) do one.place = nil end
  return failed
end

--- A problem in a line: "FILE:LINE: …".
---@param one smpp.GatewayProblem
---@return string
function file.words(one) return ("%s:%s %s"):format(one.file, one.line and one.line .. ":" or "", one.message) end

--- Reads and checks a file.
---@param path string
---@param o? { text: string? }  text: instead of what the file has
---@return smpp.GatewayConfig? config  nil: it has errors
---@return smpp.GatewayProblem[] problems  in the order of lines; warnings too
function file.read(path, o)
  local self = setmetatable({
    path = path, source = "@" .. path, directory = directory_of(path),
    problems = {}, files = { path }, is_table = {}, settings = options.gateway:fill(),
    listens = {}, https = {}, carriers = {}, by_name = {}, accounts = {}, routes = {}, incomings = {},
    tables = {},     -- words that have the content of a file: prefixes, listed, cheapest with prices
    is_open = false, -- accounts are not all in the file
    unfinished = {}, -- calls of `carrier` that got a name and no options
    has_unknown_name = false,
    route = nil, incoming = nil, store = nil,
  }, mt)
  local text, reason = o and o.text, nil
  if not text then text, reason = files.octets(path) end
  if not text then
    self:problem(nil, "cannot read the file: " .. reason)
    return nil, self.problems
  end
  run(self, text)
  -- A file that stopped early lacks what its other statements are checked against.
  if #self.problems == 0 or not (self.has_unknown_name or #self.listens + #self.https + #self.routes == 0) then
    check_carriers(self)
    check_listens(self)
    http_options.check(self, options)
    check_rules(self)
  end
  if self:failed() then return nil, self.problems end
  return {
    path = path, listens = self.listens, https = self.https, carriers = self.carriers, accounts = self.accounts, is_open = self.is_open,
    route = self.route, incoming = self.incoming,
    settings = self.settings, files = self.files, is_table = self.is_table, text = o and o.text, store = self.store, reader = self,
  }, self.problems
end

--- Reads tables again, and makes of a configuration another with their new content; the file itself is not run.
---@param config smpp.GatewayConfig
---@param changed table<string, boolean>  paths of tables
---@return smpp.GatewayConfig? config  nil: they have errors
---@return smpp.GatewayProblem[] problems
function file.reread(config, changed) return tables.reread(config.reader, config, changed, compile_rules) end

return file
