--- Serves metrics and health over HTTP: GET and HEAD of /metrics and /health, one request per connection.
local health_of = require "smpp.metrics.health"
local kind = require "smpp.base.kind"
local loops = require "smpp.loop"
local net = require "smpp.base.net"
local schema = require "smpp.base.schema"
local strings = require "smpp.base.strings"
local text = require "smpp.metrics.text"

local endpoint = {}

---@class smpp.MetricsEndpoint
---@field host string
---@field port integer
---@field url string
---@field health smpp.Health
local Endpoint = {}
local mt = { __index = Endpoint, __name = "smpp.MetricsEndpoint" }

local MOST_CONNECTIONS = 32
local MOST_OCTETS = 8192  -- of a request
local REQUEST_S = 5       -- until it is complete
local WRITE_S = 10        -- until the peer has read the answer
local LAG_S = 1           -- the loop's lag is measured this often

local REASONS = {
  [200] = "OK", [400] = "Bad Request", [404] = "Not Found", [405] = "Method Not Allowed", [408] = "Request Timeout",
  [431] = "Request Header Fields Too Large", [503] = "Service Unavailable", [505] = "HTTP Version Not Supported",
}
local METHODS = { GET = true, HEAD = true }

-- ---- answers ----

local function json(health)
  return ('{"status":"%s","role":"%s","bound":%d,"since_s":%.3f}\n'):format(
    health.is_ok and "ok" or "unavailable", health.role, health.bound, health.since_s)
end

--- The resources: path -> fn(endpoint, headers) -> status, content type, body.
local resources = {}

resources["/metrics"] = function(self, headers)
  local format = (headers.accept or ""):find("application/openmetrics-text", 1, true) and "openmetrics" or "prometheus"
  return 200, text.types[format], text.of(self.registry, format)
end

resources["/health"] = function(self, headers)
  local health = self.health:read()
  local status = health.is_ok and 200 or 503
  if (headers.accept or ""):find("application/json", 1, true) then return status, "application/json", json(health) end
  return status, "text/plain; charset=utf-8", health.is_ok and "ok\n" or "unavailable\n"
end

--- Reads the head of a request: the method, the path and the headers by their names in lower case; nil and a status: malformed.
local function parse(head)
  local method, target, version = head:match "^(%S+) (%S+) HTTP/(%d%.%d)\r?\n"
  if not method then return nil, 400 end
  if version:sub(1, 1) ~= "1" then return nil, 505 end
  local headers = {}
  for line in head:match "^[^\n]*\n(.*)$":gmatch "([^\n]*)\n" do
    if line:sub(-1) == "\r" then line = line:sub(1, -2) end
    if line == "" then break end
    local name, value = line:match "^([!#$%%&'*+%-.^_`|~%w]+):(.*)$"
    if not name then return nil, 400 end
    name, value = name:lower(), strings.trim(value)
    headers[name] = headers[name] and headers[name] .. ", " .. value or value
  end
  if version ~= "1.0" and not headers.host then return nil, 400 end
  local path = target:gsub("^https?://[^/?#]*", ""):gsub("[?#].*$", "")
  return method, path, headers
end

-- ---- connections ----

---@class smpp.MetricsConnection
local Connection = {}
Connection.__index = Connection

local function release(self)
  if self.released then return end
  self.released = true
  self.timer:close()
  local owner = self.endpoint
  owner.connections[self], owner.count = nil, owner.count - 1
end

--- Writes the answer; the connection stays counted until the peer has read it, or has taken too long.
function Connection:answer(status, content_type, body, is_head)
  self.answered = true
  local lines = {
    ("HTTP/1.1 %d %s"):format(status, REASONS[status]),
    "Content-Type: " .. content_type,
    "Content-Length: " .. #body,
    "Cache-Control: no-store",
    "Connection: close",
  }
  if status == 405 then lines[#lines + 1] = "Allow: GET, HEAD" end
  self.timer:start(WRITE_S)
  self.transport.on_drain = function()
    if self.transport:pending() == 0 then self:finish() end
  end
  self.transport:write(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (is_head and "" or body))
  if self.transport:pending() == 0 then self:finish() end
end

--- All is written: the connection ends.
function Connection:finish()
  if self.released then return end
  release(self)
  self.transport:close_after_flush(1)
end

function Connection:refuse(status) self:answer(status, "text/plain; charset=utf-8", REASONS[status] .. "\n") end

function Connection:receive(octets)
  if self.answered then return end
  self.buffer = self.buffer .. octets
  local _, at = self.buffer:find "\r?\n\r?\n"
  if not at and #self.buffer <= MOST_OCTETS then return end
  if (at or #self.buffer) > MOST_OCTETS then return self:refuse(431) end
  local method, path, headers = parse(self.buffer:sub(1, at))
  if not method then return self:refuse(path) end
  local resource = resources[path]
  if not resource then return self:refuse(404) end
  if not METHODS[method] then return self:refuse(405) end
  local status, content_type, body = resource(self.endpoint, headers)
  self:answer(status, content_type, body, method == "HEAD")
end

local function accept(self, transport)
  if self.count >= MOST_CONNECTIONS or self.closed then return transport:reset() end
  local connection = setmetatable({
    endpoint = self, transport = transport, buffer = "", answered = false, released = false, timer = nil,
  }, Connection)
  connection.timer = self.loop:timer(function()
    if not connection.answered then return connection:refuse(408) end
    release(connection)
    transport:reset()
  end)
  connection.timer:start(REQUEST_S)
  self.connections[connection], self.count = true, self.count + 1
  transport:start(function(octets) connection:receive(octets) end, function()
    release(connection)
    transport:close()
  end)
end

-- ---- the endpoint ----

local OPTIONS = schema.new {
  { "host", "string", "127.0.0.1", "address to listen on", 'host = "0.0.0.0"' },
  { "port", kind.port, nil, "port to listen on; 0 picks a free one", "port = 9464", required = true },
  { "registry", "table", nil, "what is served", "registry = registry", default_text = "that of this Lua state" },
  { "role", kind.one_of("client", "server"), "client", "role that /health names", 'role = "server"' },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one" },
}

--- Measures how late the loop's timers are.
local function measure_lag(self, lag)
  local due
  self.lag_timer = self.loop:timer(function()
    lag:observe(math.max(0, self.loop:precise() - due))
    due = self.loop:precise() + LAG_S
    self.lag_timer:start(LAG_S)
  end)
  due = self.loop:precise() + LAG_S
  self.lag_timer:start(LAG_S)
end

--- Listens.
---@param given { host: string?, port: integer, registry: smpp.MetricsRegistry?, role: "client"|"server"?, loop: smpp.Loop? }
---@param registry smpp.MetricsRegistry  default of the option
---@param lag smpp.Metric  gets the lag of the loop
---@param level integer
---@return smpp.MetricsEndpoint? endpoint
---@return string? message
---@return string? code  "connect_failed"
function endpoint.new(given, registry, lag, level)
  local o = OPTIONS:fill(OPTIONS:check(given, level + 1))
  local loop = o.loop or loops.current()
  local self = setmetatable({
    loop = loop, registry = o.registry or registry, health = health_of.new(o.role, loop),
    connections = {}, count = 0, closed = false,
    listener = nil, lag_timer = nil, host = nil, port = nil, url = nil,
  }, mt)
  local message, code
  self.listener, message, code = loop:listen({ host = o.host, port = o.port }, function(transport) accept(self, transport) end)
  if not self.listener then return nil, message, code end
  self.host, self.port = self.listener.host, self.listener.port
  self.url = ("http://%s/metrics"):format(net.address(self.host, self.port))
  measure_lag(self, lag)
  return self
end

--- Shows the health of a client, pool, server or simulator from now on.
---@param object smpp.Client|smpp.Server|smpp.Simulator
function Endpoint:follow(object) self.health:follow(object) end

--- Stops listening, and ends the connections.
function Endpoint:close()
  if self.closed then return end
  self.closed = true
  self.listener:close()
  self.lag_timer:close()
  for connection in pairs(self.connections) do
    connection.timer:close()
    connection.transport:close()
  end
  self.connections, self.count = {}, 0
end

return endpoint
