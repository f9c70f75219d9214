--- Hosts and ports, as people write them and as a loop takes them.
local kind = require "smpp.base.kind"

local net = {}

--- Raises at the caller's line for an invalid host or port.
---@param o table
---@param level integer
function net.check_address(o, level)
  if type(o) ~= "table" or type(o.host) ~= "string" then error("host: expected a string", level + 1) end
  local port = o.port
  if type(port) ~= "number" or port < 0 or port > 65535 or port % 1 ~= 0 then
    error("port: expected an integer from 0 to 65535", level + 1)
  end
end

--- host:port as people write it; IPv6 in brackets.
---@param host string
---@param port integer
---@return string
function net.address(host, port)
  return (host:find(":", 1, true) and "[%s]:%d" or "%s:%d"):format(host, port)
end

--- A part of a URL without its percent escapes.
---@param text string
---@return string
function net.decode(text) return (text:gsub("%%(%x%x)", function(pair) return string.char(tonumber(pair, 16)) end)) end

--- A malformed URL as error messages show it, without its password.
---@param text string
---@return string
function net.masked(text)
  local scheme = text:match("^[%a+]*:/+") or ""
  return scheme .. text:sub(#scheme + 1):gsub("^([^:]*):.*@", "%1:***@")
end

--- Reads host[:port] of a URL.
---@param text string
---@param default_port integer
---@return { host: string, port: integer }?
---@return string? message
function net.read_address(text, default_port)
  local host, port = text:match("^%[(.-)%]:?(%d*)$")
  if not host then host, port = text:match("^([^:%[%]]*):(%d*)$") end
  if not host then host, port = text:match("^[^:%[%]]*$"), "" end
  host = host and net.decode(host)
  if not kind.host.fits(host) then
    -- The text after the colon may be a password whose @ was cut off by a ?.
    return nil, ("invalid host '%s': expected host[:port], IPv6 as [addr]:port"):format((text:gsub(":.*", ":***")))
  end
  local number = port == "" and default_port or tonumber(port)
  if number < 1 or number > 65535 then return nil, ("port %s out of range: expected 1 to 65535"):format(port) end
  return { host = host, port = number }
end

return net
