--- smpp[s]://id:password@host[:port][,host...][?option=value]
local schemes = require("smpp.transport").schemes

local url = {}

local function decode(text) return (text:gsub("%%(%x%x)", function(pair) return string.char(tonumber(pair, 16)) end)) end

--- A malformed URL as error messages show it, without its password.
local function masked(text)
  local scheme = text:match("^%a*:/+") or ""
  return scheme .. text:sub(#scheme + 1):gsub("^([^:]*):.*@", "%1:***@")
end

local function host_of(text, default_port)
  local host, port = text:match("^%[(.-)%]:?(%d*)$")
  if not host then host, port = text:match("^([^:%[%]]*):(%d*)$") end
  if not host then host, port = text:match("^[^:%[%]]*$"), "" end
  if not host or host == "" then
    -- The text after the colon may be a password whose @ was cut off by a ?.
    return nil, ("invalid host '%s': expected host[:port], IPv6 as [addr]:port"):format((text:gsub(":.*", ":***")))
  end
  local number = port == "" and default_port or tonumber(port)
  if number < 1 or number > 65535 then return nil, ("port %s out of range: expected 1 to 65535"):format(port) end
  return { host = decode(host), port = number }
end

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
    return nil, ("invalid URL '%s': expected smpp://system_id:password@host:2775"):format(masked(text)), "bad_value"
  end
  local main, query = rest:match("^([^?]*)%??(.*)$")
  main = main:match("^.*[^/]") or ""
  local user, hosts = main:match("^(.*)@([^@]*)$")
  hosts = hosts or main
  local parsed = { hosts = {}, options = {} }
  for name, value in pairs(row.options) do parsed[name] = value end
  if user then
    local id, password = user:match("^([^:]*):(.*)$")
    parsed.system_id = decode(id or user)
    if password then parsed.password = decode(password) end
  end
  for piece in (hosts .. ","):gmatch("([^,]*),") do
    local host, message = host_of(piece, row.port)
    if not host then return nil, message, "bad_value" end
    parsed.hosts[#parsed.hosts + 1] = host
  end
  for piece in query:gmatch("[^&]+") do
    local name, value = piece:match("^([^=]+)=(.*)$")
    parsed.options[decode(name or piece)] = name and decode(value) or "true"
  end
  return parsed
end

return url
