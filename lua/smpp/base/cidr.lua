--- Sets of addresses: "10.0.0.0/8", "192.0.2.7", "2001:db8::/32".
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"

local cidr = {}

local MOST_OCTETS = 45 -- 39 of IPv6; an IPv4 address at its end makes them 45

--- An address as eight 16-bit groups, IPv4 as ::ffff:a.b.c.d; nil: not an address.
local function groups(text)
  if #text > MOST_OCTETS then return nil end
  local head, a, b, c, d = text:match("^(.-)(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if head then
    a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
    if a > 255 or b > 255 or c > 255 or d > 255 then return nil end
    if head == "" then head = "::ffff:" end
    text = ("%s%x:%x"):format(head, a * 256 + b, c * 256 + d)
  end
  if not text:find(":", 1, true) or text:find("::.*::") or text:find(":::", 1, true) then return nil end
  local before, after = text:match("^(.-)::(.-)$")
  local function read(part, list)
    if part == "" then return list end
    for piece in (part .. ":"):gmatch("([^:]*):") do
      if not piece:match("^%x%x?%x?%x?$") then return nil end
      list[#list + 1] = tonumber(piece, 16)
    end
    return list
  end
  local left, right = read(before or text, {}), read(after or "", {})
  if not left or not right or #left + #right > (before and 7 or 8) then return nil end
  if not before and #left ~= 8 then return nil end
  for _ = 1, 8 - #left - #right do left[#left + 1] = 0 end
  for _, group in ipairs(right) do left[#left + 1] = group end
  return left
end

local function matches(net, address)
  local bits = net.bits
  for i = 1, 8 do
    if bits <= 0 then return true end
    local unit = bits >= 16 and 1 or 2 ^ (16 - bits)
    if math.floor(net[i] / unit) ~= math.floor(address[i] / unit) then return false end
    bits = bits - 16
  end
  return true
end

--- Reads a list of addresses and networks.
---@param list string[]
---@return (fun(host: string): boolean)? is_member
---@return string? message
function cidr.set(list)
  local nets = {}
  for i, text in ipairs(list) do
    local address, prefix = tostring(text):match("^([^/]+)(.*)$")
    local net = address and groups(address)
    local most = net and (address:find(":", 1, true) and 128 or 32)
    local bits = net and (prefix == "" and most or tonumber(prefix:match "^/(%d+)$"))
    if not bits or bits > most then
      return nil, ("invalid address or network '%s': expected an IP address, or a network like 192.0.2.0/24"):format(tostring(text))
    end
    net.bits = bits + 128 - most
    nets[i] = net
  end
  return function(host)
    local address = groups((host:gsub("%%.*$", ""))) -- fe80::1%eth0
    if not address then return false end
    for _, net in ipairs(nets) do
      if matches(net, address) then return true end
    end
    return false
  end
end

--- The key under which connections of a host are counted: an IPv4 address itself, an IPv6 address by its /64 network.
---@param host string
---@return string
function cidr.owner(host)
  local address = host:find(":", 1, true) and groups((host:gsub("%%.*$", "")))
  if not address then return host end
  local high = ("%x:%x:%x:%x"):format(address[1], address[2], address[3], address[4])
  if high ~= "0:0:0:0" then return high .. "::/64" end
  if address[5] ~= 0 or address[6] ~= 0xFFFF then return host end
  return ("%d.%d.%d.%d"):format(math.floor(address[7] / 256), address[7] % 256, math.floor(address[8] / 256), address[8] % 256)
end

--- A list of addresses and networks, as an option.
cidr.kind = kind.checked("a list of addresses and networks", function(value)
  if type(value) ~= "table" then return mistake.wrong("a list of addresses and networks", value) end
  return (select(2, cidr.set(value)))
end)

return cidr
