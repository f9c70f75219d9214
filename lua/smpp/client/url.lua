--- smpp[s]://id:password@host[:port][,host...][?option=value]
local net = require "smpp.base.net"

local schemes = require("smpp.transport").schemes

local url = {}

--- Parses a URL.
---@param text string
---@return { system_id: string?, password: string?, hosts: { host: string, port: integer }[], tls: boolean?, options: table<string, string> }? parsed
---  options: their values as text, "true" for `?name`
---@return string? message
---@return string? code  "bad_value"
function url.parse(text)
  local scheme, rest = text:match("^(%a+)://(.*)$")
  local row = scheme and schemes[scheme:lower()]
  if not row then
    return nil, ("invalid URL '%s': expected smpp://system_id:password@host:2775"):format(net.masked(text)), "bad_value"
  end
  local main, query = rest:match("^([^?]*)%??(.*)$")
  main = main:match("^.*[^/]") or ""
  local user, hosts = main:match("^(.*)@([^@]*)$")
  hosts = hosts or main
  local parsed = { hosts = {}, options = {} }
  for name, value in pairs(row.options) do parsed[name] = value end
  if user then
    local id, password = user:match("^([^:]*):(.*)$")
    parsed.system_id = net.decode(id or user)
    if password then parsed.password = net.decode(password) end
  end
  for piece in (hosts .. ","):gmatch("([^,]*),") do
    local host, message = net.read_address(piece, row.port)
    if not host then return nil, message, "bad_value" end
    parsed.hosts[#parsed.hosts + 1] = host
  end
  for piece in query:gmatch("[^&]+") do
    local name, value = piece:match("^([^=]+)=(.*)$")
    parsed.options[net.decode(name or piece)] = name and net.decode(value) or "true"
  end
  return parsed
end

return url
