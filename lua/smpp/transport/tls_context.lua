--- Options of TLS become contexts: certificates, keys and authorities are read and checked, once for many connections.
local options = require "smpp.transport.tls_options"
local pins = require "smpp.transport.pin"

local contexts = {}

local STORES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
  "/usr/local/share/certs/ca-root-nss.crt", "/usr/local/etc/ssl/cert.pem", "/opt/homebrew/etc/openssl@3/cert.pem",
}
local STORE_DIRECTORY = "/etc/openssl/certs"

--- The C module; nil, message, code where it is not built.
---@return table? openssl
---@return string? message
---@return string? code  "tls"
function contexts.openssl()
  local ok, openssl = pcall(require, "smpp.openssl")
  if ok then return openssl end
  return nil, "TLS support is not installed (rock smpp-tls)", "tls"
end

local function is_pem(text) return text:find("-----BEGIN", 1, true) == 1 end

--- PEM text of an option that names a file or is the text.
---@param what string   for the message
---@param given string
---@return string? pem
---@return string? message
function contexts.read_pem(what, given)
  if is_pem(given) then return given end
  local file, message = io.open(given, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  if not text then return nil, ("%s: cannot read %s"):format(what, message or given .. " (a directory)") end
  if text:byte() == 0x30 then
    return nil, ("%s %s is not PEM: convert DER with `openssl x509 -inform der -in %s`, PKCS#12 with `openssl pkcs12 -in %s`"):format(what,
      given, given, given)
  end
  return text
end

--- The name of an option's file in messages.
local function shown(given) return is_pem(given) and "(given as text)" or given end

--- Loads a certificate and its key.
---@return boolean? ok
---@return string? message
local function use_certificate(context, o, warnings, openssl)
  local key_given = o.key or o.cert
  local cert, message = contexts.read_pem("certificate", o.cert)
  if not cert then return nil, message end
  local key
  key, message = contexts.read_pem("key", key_given)
  if not key then return nil, message end
  local password = o.key_password
  if type(password) == "function" then
    password, message = password()
    if not password then return nil, message or "no password for key " .. shown(key_given) end
  end
  local ok, reason, word = context:certificate(cert, key, password)
  if ok then
    if not is_pem(key_given) and openssl.is_readable_by_others(key_given) then
      warnings[#warnings + 1] = ("key %s is readable by others: chmod 600"):format(key_given)
    end
    return true
  end
  local key_name, cert_name = shown(key_given), shown(o.cert)
  if word == "mismatch" then return nil, ("key %s does not belong to certificate %s"):format(key_name, cert_name) end
  if word == "encrypted" then return nil, ("key %s is encrypted: give key_password"):format(key_name) end
  if word == "password" then return nil, ("key %s: wrong key_password"):format(key_name) end
  if word == "key" then return nil, ("key %s: %s"):format(key_name, reason) end
  return nil, ("certificate %s: %s"):format(cert_name, reason)
end

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- Adds the system's trust store.
local function trust_system(context, openssl)
  local file, directory = os.getenv "SSL_CERT_FILE", os.getenv "SSL_CERT_DIR"
  if file or directory then return context:trust_path(file, directory) end
  local own_file, own_directory = openssl.default_paths()
  local looked = { own_file }
  for _, path in ipairs(STORES) do looked[#looked + 1] = path end
  for _, path in ipairs(looked) do
    if exists(path) and context:trust_path(path) then return true end
  end
  for _, path in ipairs { own_directory, STORE_DIRECTORY } do
    looked[#looked + 1] = path
    if exists(path) and context:trust_path(nil, path) then return true end
  end
  return nil, ("no CA store on this system (looked in %s): give ca = FILE"):format(table.concat(looked, ", "))
end

--- Adds trusted authorities: "system", PEM text, a file or a directory.
local function trust_one(context, given, openssl)
  if given == "system" then return trust_system(context, openssl) end
  if is_pem(given) then return context:trust(given) end
  local text, message = contexts.read_pem("ca", given)
  if text then
    local ok, reason = context:trust(text)
    return ok, not ok and ("ca %s: %s"):format(given, reason) or nil
  end
  if exists(given) and context:trust_path(nil, given) then return true end -- a directory opens and does not read
  return nil, message
end

local function trust(context, given, openssl)
  for _, one in ipairs(type(given) == "table" and given or { given }) do
    local ok, message = trust_one(context, one, openssl)
    if not ok then return nil, message end
  end
  return true
end

local function set_versions(context, o)
  local old, recent = {}, {}
  for name in (o.ciphers or ""):gmatch "[^:, ]+" do
    local list = name:find "^TLS_" and recent or old
    list[#list + 1] = name
  end
  local function joined(list) return #list > 0 and table.concat(list, ":") or nil end
  local ok, message = context:versions(o.min, o.max)
  if ok then ok, message = context:ciphers(joined(old), joined(recent)) end
  return ok, message
end

local function new_context(openssl, role, o, warnings)
  local context, message = openssl.context(role)
  if not context then return nil, message end
  local ok
  ok, message = set_versions(context, o)
  if not ok then return nil, message end
  if o.keylog then
    context:keylog()
    warnings[#warnings + 1] = ("keys of TLS are written to %s: who has it can decrypt the traffic"):format(o.keylog)
  end
  return context
end

---@class smpp.TlsContext
---@field context userdata
---@field options table
---@field warnings string[]       for the log
---@field pins table<string, boolean>?  the accepted public keys
---@field verifies boolean        the chain and the name are checked
---@field versions string         "1.2 to 1.3", for messages

local function versions_of(o) return o.min == (o.max or "1.3") and o.min or ("%s to %s"):format(o.min, o.max or "1.3") end

--- Makes the context of a client.
---@param given table|true
---@return smpp.TlsContext?
---@return string? message
---@return string? code  "tls"
function contexts.client(given)
  local openssl, missing, code = contexts.openssl()
  if not openssl then return nil, missing, code end
  local o = options.client:fill(given ~= true and given or nil)
  local self = { options = o, warnings = {}, pins = nil, verifies = o.verify and (not o.pin or o.ca ~= nil), versions = versions_of(o) }
  local message
  self.context, message = new_context(openssl, "client", o, self.warnings)
  if not self.context then return nil, message, "tls" end
  if o.pin then
    self.pins = {}
    for _, text in ipairs(type(o.pin) == "table" and o.pin or { o.pin }) do self.pins[pins.read(text)] = true end
  end
  if self.verifies then
    local ok
    ok, message = trust(self.context, o.ca or "system", openssl)
    if not ok then return nil, message, "tls" end
  end
  self.context:verify(self.verifies and "required" or "none")
  if o.cert then
    local ok
    ok, message = use_certificate(self.context, o, self.warnings, openssl)
    if not ok then return nil, message, "tls" end
  end
  return self
end

---@class smpp.TlsServerContexts
---@field default userdata        the context for names without a certificate
---@field by_name table<string, userdata>  in lower case; "*.example" for wildcards
---@field options table
---@field warnings string[]
---@field certificates table[]    the leaves, for metrics
---@field versions string
---@field authorities string     of client certificates, as text

--- One context of a server, for one certificate.
local function server_context(openssl, o, one, number, warnings)
  local context, message = new_context(openssl, "server", o, warnings)
  if not context then return nil, message end
  local ok
  ok, message = use_certificate(context, one, warnings, openssl)
  if not ok then return nil, message end
  context:tickets(o.tickets)
  context:session_context(("smpp %d"):format(number)) -- a ticket of one name opens no other
  if o.client_ca then
    ok, message = trust(context, o.client_ca, openssl)
    if not ok then return nil, message end
    context:verify(o.client_cert == "optional" and "peer" or "required")
  end
  return context
end

--- The authorities of client certificates as one text, to see whether they have changed.
local function authorities_text(o)
  local list = {}
  for _, one in ipairs(type(o.client_ca) == "table" and o.client_ca or { o.client_ca }) do
    list[#list + 1] = contexts.read_pem("client_ca", one) or one
  end
  return table.concat(list, "\n")
end

--- Makes the contexts of a server: one for each certificate; RSA and ECDSA of the same names share one.
---@param given table|true
---@return smpp.TlsServerContexts?
---@return string? message
---@return string? code  "tls"
function contexts.server(given)
  local openssl, missing, code = contexts.openssl()
  if not openssl then return nil, missing, code end
  local o = options.server:fill(given ~= true and given or nil)
  if o.client_cert == false then o.client_ca = nil end
  local self = { default = nil, by_name = {}, options = o, warnings = {}, certificates = {}, versions = versions_of(o) }
  local list = {}
  if o.cert then list[1] = { cert = o.cert, key = o.key, key_password = o.key_password } end
  for _, one in ipairs(o.certs or {}) do
    list[#list + 1] = { cert = one.cert or one[1], key = one.key or one[2], key_password = one.key_password }
    if not list[#list].cert then return nil, "certs: each needs a certificate: { cert = FILE, key = FILE }", "tls" end
  end
  if #list == 0 then return nil, "a TLS server needs a certificate: give cert and key", "tls" end
  self.authorities = authorities_text(o)
  for number, one in ipairs(list) do
    local text, message = contexts.read_pem("certificate", one.cert)
    if not text then return nil, message, "tls" end
    local leaf = (openssl.certificates(text) or {})[1]
    local names, context = leaf and leaf.names.dns or {}, nil
    for _, name in ipairs(names) do context = context or self.by_name[name:lower()] end
    if context then
      local ok
      ok, message = use_certificate(context, one, self.warnings, openssl)
      if not ok then return nil, message, "tls" end
    else
      context, message = server_context(openssl, o, one, number, self.warnings)
      if not context then return nil, message, "tls" end
    end
    for _, name in ipairs(names) do self.by_name[name:lower()] = self.by_name[name:lower()] or context end
    self.default = self.default or context
    self.certificates[number] = leaf
  end
  return self
end

--- Appends lines to a key log.
---@param path string
---@param lines string
function contexts.append(path, lines) require("smpp.openssl").append(path, lines) end

--- Tickets that were given under contexts from before a reload go on, unless other client certificates are asked for.
---@param self smpp.TlsServerContexts
---@param previous smpp.TlsServerContexts
function contexts.take_tickets(self, previous)
  if self.authorities ~= previous.authorities then return end
  self.default:ticket_keys(previous.default:ticket_keys())
end

--- The context for the name that a client asks for: exact, wildcard of one label, else the first.
---@param self smpp.TlsServerContexts
---@param name string?
---@return userdata
function contexts.choose(self, name)
  if not name then return self.default end
  name = name:lower():gsub("%.$", "")
  return self.by_name[name] or self.by_name[(name:gsub("^[^.]+", "*"))] or self.default
end

return contexts
