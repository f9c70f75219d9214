--- Hosts and ports, as people write them and as a loop takes them.
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

return net
