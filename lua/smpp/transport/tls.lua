--- TLS as a filter, over OpenSSL 3 (the C module smpp.openssl, rock smpp-tls): the handshake and every check of the
--- peer's certificate are done before the session starts, so that no SMPP octet is sent to an unverified peer.
local contexts = require "smpp.transport.tls_context"
local errors = require "smpp.transport.tls_error"
local filter = require "smpp.transport.filter"
local metrics = require("smpp.metrics").standard
local net = require "smpp.base.net"
require "smpp.openssl"

local tls = {}

local ROLES = { accept = "server", connect = "client" } -- labels of metrics

local CLOSE_S = 1 -- for the alert of a failed handshake to reach the peer

---@class smpp.TlsSettings
---@field side "accept"|"connect"
---@field contexts smpp.TlsContext|smpp.TlsServerContexts
---@field tickets table<string, string>  of a client: host, port and name -> the newest ticket
---@field warnings string[]

--- Reads certificates and keys, once for many connections.
---@param side "accept"|"connect"
---@param value true|table
---@param o table  the options it stands among
---@param previous? smpp.TlsSettings  read again: tickets go on while the same client certificates are asked for
---@return smpp.TlsSettings?
---@return string? message
---@return string? code  "tls"
function tls.prepare(side, value, o, previous)
  local read, message, code = contexts[side == "connect" and "client" or "server"](value)
  if not read then return nil, message, code end
  if previous and side == "accept" then contexts.take_tickets(read, previous.contexts) end
  if side == "connect" and not read.options.verify then
    for _, host in ipairs(o.hosts or { o }) do
      table.insert(read.warnings, ("certificate of %s not verified (verify = false)"):format(net.address(host.host, host.port)))
    end
  end
  for _, leaf in ipairs(side == "accept" and read.certificates or {}) do
    metrics.certificates:set(leaf.not_after, "server", leaf.names.dns[1] or leaf.cn or "unnamed")
  end
  return { side = side, contexts = read, tickets = {}, warnings = read.warnings }
end

--- What session.tls is -> its filter, for the secrets of connections with a key log.
local filters = setmetatable({}, { __mode = "kv" })

--- The lines of the key log of a connection, nil: `keylog` is not set.
---@param info table  session.tls
---@return string?
function tls.secrets_of(info)
  local self = filters[info]
  return self and self.secrets
end

local Tls = { awaits = "TLS handshake", late_code = "tls" }

--- Closes a connection: frees OpenSSL's memory at once, not at garbage collection.
local function free(self)
  if self.connection then self.connection:close() end
  self.connection = nil
end

--- Writes what OpenSSL has for the peer.
local function flush(self)
  local octets = self.connection and self.connection:output()
  if octets then self.inner:write(octets) end
end

local function is_address(host) return host:find(":", 1, true) ~= nil or host:find "^%d+%.%d+%.%d+%.%d+$" ~= nil end

local function ticket_key(self) return ("%s %s %s"):format(self.host, self.port or "", self.expected) end

--- A connection as client: the name to ask for and to expect, and the ticket of the last one.
local function connect(self, settings)
  local read = settings.contexts
  local connection = assert(read.context:connection())
  local name = self.expected
  local dns = not is_address(name) and name or nil
  local ok, message = connection:expect(dns, read.verifies and dns or nil, read.verifies and not dns and name or nil)
  if not ok then return nil, message end
  local ticket = settings.tickets[ticket_key(self)]
  if ticket then connection:resume(ticket) end
  return connection
end

--- Where a connection is, for messages.
local function place(self)
  local read = self.settings.contexts
  return {
    host = self.host, expected = self.expected, port = self.port, is_server = self.settings.side == "accept", versions = read.versions,
    has_certificate = read.options.cert ~= nil,
  }
end

--- Handles side outputs of OpenSSL: lines of the key log, session tickets.
local function take_notes(self)
  local connection, settings = self.connection, self.settings
  local keylog = settings.contexts.options.keylog
  if keylog then
    local lines = connection:keylog()
    if lines then
      contexts.append(keylog, lines)
      self.secrets = (self.secrets or "") .. lines
    end
  end
  if settings.side == "connect" then
    local ticket = connection:ticket()
    if ticket then settings.tickets[ticket_key(self)] = ticket end
  end
end

-- Plain SMPP on a TLS port is answered with the alert protocol_version, so that a client can report the cause.
local PLAIN_ALERT = "\21\3\1\0\2\2\70"

--- The handshake failed.
local function fail(self, message, word)
  local done = self.done
  self.done = nil
  if done then metrics.tls_handshakes:add(1, ROLES[self.settings.side], "failed", "none", "false") end
  flush(self) -- the alert
  if word == "plain" and self.settings.side == "accept" then self.inner:write(PLAIN_ALERT) end
  if done then done(nil, message, "tls") end
end

--- The handshake is complete: verify the peer.
local function finish(self)
  local connection, settings = self.connection, self.settings
  local certificate = connection:peer()
  local pins = settings.contexts.pins
  if pins and not (certificate and pins[certificate.pin]) then
    return fail(self, errors.of_pin(self.host, certificate and certificate.pin or "unknown"))
  end
  local info = connection:info()
  self.tls = {
    version = info.version, cipher = info.cipher, resumed = info.resumed, server_name = connection:server_name() or self.expected,
    client = settings.side == "accept" and certificate or nil, server = settings.side == "connect" and certificate or nil,
  }
  filters[self.tls] = self
  metrics.tls_handshakes:add(1, ROLES[settings.side], "ok", info.version, tostring(info.resumed))
  if settings.side == "connect" and certificate and settings.contexts.verifies then
    metrics.certificates:set(certificate.not_after, "client", self.expected)
  end
  local done = self.done
  self.done = nil
  done(true)
end

local function shake_hands(self)
  local connection = self.connection
  local ok, word, reason = connection:handshake()
  if word == "hello" then -- the ClientHello is there: its name chooses the certificate
    connection:use(contexts.choose(self.settings.contexts, connection:server_name()))
    ok, word, reason = connection:handshake()
  end
  take_notes(self)
  flush(self)
  if ok then return finish(self) end
  if word ~= "more" then
    if word == "alert" and connection:alerts() == 0 then word = "closed" end
    return fail(self, errors.of_connection(place(self), connection, word, reason), word)
  end
end

--- Ends an established connection because of a TLS error.
local function lose(self, message)
  free(self)
  self.inner:close_after_flush(CLOSE_S)
  local on_close = self.on_close
  self.on_close = nil
  if on_close then on_close(message, "tls") end
end

--- Passes decrypted octets to the session.
local function deliver(self)
  local connection = self.connection
  local octets, word, reason = connection:read()
  take_notes(self)
  flush(self)
  if octets ~= "" then self.on_data(octets) end
  if not self.connection then return end -- closed by the receiver
  if word == "closed" then
    local on_close = self.on_close
    self.on_close = nil
    if on_close then on_close() end
  elseif word ~= "more" then
    return lose(self, errors.of_connection(place(self), connection, word, reason))
  end
  local records, updates = connection:counts()
  if updates > 1 + records / 10 then return lose(self, self.host .. ": too many TLS key updates") end
end

local function on_octets(self, chunk)
  local connection = self.connection
  if not connection then return end
  connection:feed(chunk)
  if self.on_data then return deliver(self) end
  if not self.done then return end -- established, and not started yet: `start` reads it
  self.received = self.received + #chunk
  if self.received > self.settings.contexts.options.handshake_octets then
    return fail(self, ("%s sent more than %d octets during the TLS handshake"):format(self.host, self.settings.contexts.options.handshake_octets))
  end
  shake_hands(self)
end

local function on_end(self, message, code)
  if not self.done then
    local on_close = self.on_close
    self.on_close = nil
    if on_close then on_close(message, code) end
    return
  end
  local word = self.received == 0 and self.settings.side == "connect" and "plain" or "closed"
  fail(self, errors.of_connection(place(self), self.connection, word))
end

function Tls:establish(done)
  self.done = done
  local message
  if self.settings.side == "connect" then
    self.connection, message = connect(self, self.settings)
    if not self.connection then return fail(self, message) end
  else
    self.connection = assert(self.settings.contexts.default:connection())
  end
  self.inner:start(function(chunk) on_octets(self, chunk) end, function(...) on_end(self, ...) end)
  if self.settings.side == "connect" then shake_hands(self) end
end

function Tls:start(on_data, on_close)
  self.on_data, self.on_close = on_data, on_close
  self.loop.guard(deliver, self) -- what came with the end of the handshake
  self.inner:resume()
end

function Tls:write(octets)
  if not self.connection or not self.connection:write(octets) then return end
  flush(self)
end

--- close_notify goes before the end (RFC 8446, 6.1).
local function send_close_notify(self)
  if not self.connection then return end
  self.connection:shutdown()
  flush(self)
end

function Tls:shutdown()
  send_close_notify(self)
  self.inner:shutdown()
end

function Tls:close_after_flush(timeout_s)
  send_close_notify(self)
  free(self)
  self.inner:close_after_flush(timeout_s)
end

function Tls:close()
  free(self)
  self.inner:close()
end

function Tls:reset()
  free(self)
  self.inner:reset()
end

--- The handshake failed: send only the alert, nothing in plain text.
function Tls:abandon()
  if self.done then metrics.tls_handshakes:add(1, ROLES[self.settings.side], "failed", "none", "false") end -- timed out
  free(self)
  self.inner:close_after_flush(CLOSE_S)
end

local new = filter.class("tls", Tls)

--- TLS over a connection.
---@param inner smpp.Transport
---@param settings smpp.TlsSettings
---@param context smpp.ChainContext
---@return smpp.Transport
function tls.new(inner, settings, context)
  local host = context.host or inner.peer.host
  return new(inner, {
    settings = settings,
    host = host, port = context.port, -- of the peer, for messages
    expected = (settings.contexts.options.server_name or host):gsub("^%[(.*)%]$", "%1"):gsub("%.$", ""),
    connection = nil,      -- of smpp.openssl; nil: over
    limit_s = settings.contexts.options.handshake_timeout_s,
    received = 0,          -- octets of the handshake
    secrets = nil,         -- lines of the key log
    done = nil,            -- of establish
    on_data = nil, on_close = nil,
    tls = nil,             -- version, cipher, resumed, server_name, client or server certificate; once established
  })
end

return tls
