--- Which addresses a call on behalf of others may connect to: none that is only reachable from here (SSRF).
local cidr = require "smpp.base.cidr"

local address = {}

local V4 = {
  "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15",
  "224.0.0.0/3",
}
local V6 = { "::/128", "::1/128", "fc00::/7", "fe80::/10", "ff00::/8" }

local nets = {}
for _, net in ipairs(V4) do
  local base, bits = net:match "^(.*)/(%d+)$"
  nets[#nets + 1] = net -- and mapped into IPv6, which smpp.base.cidr takes for the same
  nets[#nets + 1] = ("64:ff9b::%s/%d"):format(base, 96 + bits)
  nets[#nets + 1] = ("::%s/%d"):format(base, 96 + bits)
end
for _, net in ipairs(V6) do nets[#nets + 1] = net end

local is_private = assert(cidr.set(nets))
local is_any = assert(cidr.set { "0.0.0.0/0", "::/0" })

--- Is an address only reachable from here?
---@param text string
---@return boolean
function address.is_private(text) return not is_any(text) or is_private(text) end

--- One number of an IPv4 address as inet_aton reads it: decimal, 0x hex, 0 octal.
local function number_of(word)
  if word:find "^0[xX]%x+$" then return tonumber(word:sub(3), 16) end
  if word:find "^0[0-7]*$" then return tonumber(word, 8) end
  return word:find "^[1-9]%d*$" and tonumber(word) or nil
end

--- The address that a host of a URL is, however it is spelt (127.1, 0x7f000001, 2130706433, [::1]); nil: a name.
---@param host string
---@return string?
function address.literal(host)
  local six = host:match "^%[(.*)%]$"
  if six then return (six:gsub("%%.*$", "")) end
  local words = {}
  for word in (host:gsub("%.$", "") .. "."):gmatch "([^.]*)%." do words[#words + 1] = word end
  if #words > 4 then return nil end
  local value = 0
  for i, word in ipairs(words) do
    local number = #word <= 14 and number_of(word)
    local rest = i == #words and 256 ^ (5 - i) or 256
    if not number or number >= rest then return nil end
    value = value * rest + number
  end
  return ("%d.%d.%d.%d"):format(math.floor(value / 16777216), math.floor(value / 65536) % 256, math.floor(value / 256) % 256, value % 256)
end

--- The host of an http or https URL; nil, message: another URL.
---@param url string
---@return string? host
---@return string? message
function address.host(url)
  if #url > 2000 or url:find "[^\33-\126]" then return nil, "expected a URL of visible ASCII characters" end
  local rest = url:match "^[Hh][Tt][Tt][Pp][Ss]?://(.+)$"
  if not rest then return nil, "expected an http or https URL" end
  local authority = rest:match "^([^/?#]*)"
  local host = authority:match "^.*@(.*)$" or authority
  host = host:match "^(%[[%x:.%%]+%])" or host:match "^([^:%[%]\\]+)"
  if not host or host == "" then return nil, "expected a URL with a host" end
  return host:lower()
end

--- Makes the rule of a setting: which URLs may be called, and which addresses connected to.
---@param allow_private boolean|string[]|nil  true: all; a list of networks and host names
---@return { wrong: (fun(url: string): string?), allow_of: (fun(url: string): (fun(address: string): boolean)) }
function address.rule(allow_private)
  local names, listed = {}, {}
  for _, one in ipairs(type(allow_private) == "table" and allow_private or {}) do
    if cidr.set { one } then listed[#listed + 1] = one else names[one:lower()] = true end
  end
  local is_listed = listed[1] and assert(cidr.set(listed))
  local function any() return true end
  local function public(text) return not address.is_private(text) or is_listed ~= nil and is_listed(text) end
  local rule = {}

  --- What is wrong with a URL by itself; names are only known when they are resolved.
  function rule.wrong(url)
    local host, message = address.host(url)
    if not host then return message end
    if allow_private == true or names[host] then return nil end
    if host == "localhost" or host:sub(-10) == ".localhost" then
      return not (is_listed and is_listed "127.0.0.1") and "a URL of this host is not allowed" or nil
    end
    local literal = address.literal(host)
    if literal and not public(literal) then return "a URL of a private address is not allowed" end
  end

  --- The check of addresses for a call.
  function rule.allow_of(url)
    return (allow_private == true or names[address.host(url) or ""]) and any or public
  end

  return rule
end

return address
