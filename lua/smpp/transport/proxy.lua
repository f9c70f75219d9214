--- The PROXY protocol, versions 1 and 2: the header that a load balancer sends first, with the client's address.
local cidr = require "smpp.base.cidr"
local kind = require "smpp.base.kind"
local filter = require "smpp.transport.filter"

local proxy = {}

local SIGNATURE = "\r\n\r\n\0\r\nQUIT\n" -- of version 2
local MAX_V1, MAX_V2 = 107, 536 -- octets of a header; version 2: addresses and some TLVs

local function port_of(text)
  local port = text and text:match "^%d+$" and tonumber(text)
  return port and port <= 65535 and port or nil
end

--- PROXY TCP4 192.0.2.1 192.0.2.2 56324 2775\r\n
local function read_v1(octets)
  local line = octets:sub(1, MAX_V1):match "^([ -~]*)\r\n"
  if not line then
    if #octets < MAX_V1 and octets:match "^[ -~]*\r?$" then return nil end
    return false, "unterminated PROXY header"
  end
  local rest = octets:sub(#line + 3)
  if line:match "^PROXY UNKNOWN" then return rest end
  local kind, host, _, port = line:match "^PROXY (TCP[46]) (%S+) (%S+) (%S+) %S+$"
  port = port_of(port)
  local is_address = port and (host:find(":", 1, true) ~= nil) == (kind == "TCP6") and not host:find("/", 1, true) and cidr.set { host }
  if not is_address then return false, "malformed PROXY header: " .. line end
  return rest, host, port
end

local function ipv6(octets)
  local groups = {}
  for i = 1, 15, 2 do groups[#groups + 1] = ("%x"):format(octets:byte(i) * 256 + octets:byte(i + 1)) end
  return table.concat(groups, ":")
end

local function read_v2(octets)
  if #octets < 16 then return nil end
  local command, family, high, low = octets:byte(13, 16)
  local length = high * 256 + low
  if math.floor(command / 16) ~= 2 or command % 16 > 1 or length > MAX_V2 then return false, "malformed PROXY header (version 2)" end
  if #octets < 16 + length then return nil end
  local body, rest = octets:sub(17, 16 + length), octets:sub(17 + length)
  if command % 16 == 0 then return rest end -- LOCAL: a health check of the balancer itself
  if family == 0x11 and length >= 12 then
    local a, b, c, d = body:byte(1, 4)
    return rest, ("%d.%d.%d.%d"):format(a, b, c, d), body:byte(9) * 256 + body:byte(10)
  elseif family == 0x21 and length >= 36 then
    return rest, ipv6(body), body:byte(33) * 256 + body:byte(34)
  elseif family == 0 then
    return rest
  end
  return false, "unsupported PROXY address family (TCP over IPv4 or IPv6 only)"
end

--- Reads the header at the start of a connection.
---@param octets string  what has come so far
---@return string|false|nil rest  what follows the header; nil: more is needed; false: malformed or missing
---@return string? host  the client's address (or the message when `rest` is false); nil: not in the header
---@return integer? port
function proxy.read(octets)
  local n = math.min(#octets, #SIGNATURE)
  if octets:sub(1, n) == SIGNATURE:sub(1, n) then return read_v2(octets) end
  n = math.min(#octets, 6)
  if octets:sub(1, n) == ("PROXY "):sub(1, n) then return read_v1(octets) end
  return false, "missing PROXY header"
end

--- Returns a function that tests if a host is a trusted proxy.
---@param value true|string[]  the option: true for all, or a list of addresses and networks
---@return fun(host: string): boolean
function proxy.matcher(value)
  if value == true then return function() return true end end
  return (cidr.set(value))
end

local TRUSTED = kind.either("boolean", cidr.kind)

--- Validates the option `proxy_protocol`: the error, nil: valid.
---@param value any
---@return smpp.Mistake?
function proxy.wrong(_, value) return kind.problem(TRUSTED, value) end

--- The settings that `new` takes.
---@param value true|string[]
function proxy.prepare(_, value) return proxy.matcher(value) end

local Proxy = { awaits = "PROXY header" }

function Proxy:establish(done)
  local got = ""
  self.inner:start(function(chunk)
    got = got .. chunk
    local rest, host, port = proxy.read(got)
    if rest == false then return done(nil, host, "proxy_protocol") end
    if not rest then return end
    if host then self.peer = { host = host, port = port } end
    self.rest = rest
    done(true)
  end, function() done(nil, "closed before the PROXY header was complete", "connection_lost") end)
end

function Proxy:start(on_data, on_close)
  local rest = self.rest
  self.rest = nil
  filter.Filter.start(self, on_data, on_close)
  if rest and rest ~= "" then self.loop.guard(on_data, rest) end
end

local new = filter.class("proxy", Proxy)

--- Strips the header from a new connection; the peer's address comes from the header.
---@param inner smpp.Transport
---@param is_proxy fun(host: string): boolean
---@return smpp.Transport  inner itself if the connection does not come from a proxy
function proxy.new(inner, is_proxy)
  if not is_proxy(inner.peer.host) then return inner end
  return new(inner, { rest = nil }) -- rest: octets received after the header
end

return proxy
