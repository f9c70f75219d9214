--- Whose requests are answered: those that name this host, and that no page of elsewhere makes a browser send.
local problem = require "smpp.http.problem"

local site = {}

local LOOPBACK = { ["127.0.0.1"] = true, ["::1"] = true, ["localhost"] = true }

--- Is this address, or this name, of the machine itself?
---@param host string
---@return boolean
function site.is_loopback(host) return LOOPBACK[host] == true end

--- The set of names that a Host header may have: loopback ones, the address that is listened on, and further ones.
---@param host string
---@param more string[]?
---@return table<string, boolean>
function site.names(host, more)
  local names = { [host:lower()] = true }
  for name in pairs(LOOPBACK) do names[name] = true end
  for _, name in ipairs(more or {}) do names[name:lower()] = true end
  return names
end

--- The host of a Host header or an origin, in lower case, without its port.
---@param text string
---@return string?
function site.host_of(text)
  text = text:lower():gsub("^%a+://", "")
  return text:match "^%[([^%]]*)%]" or text:match "^[^:]*"
end

--- Refuses a request for another host.
---@param request smpp.HttpRequest
---@param names table<string, boolean>  of `site.names`
---@return smpp.HttpResponse?
function site.misdirected(request, names)
  if names[site.host_of(request.host or "")] then return nil end
  return problem.new("misdirected", "unknown host name in the Host header: list it in `names`")
end

--- Octets are equal; the time does not tell where they differ.
---@param a string
---@param b string
---@return boolean
function site.is_equal(a, b)
  local difference = #a == #b and 0 or 1
  for i = 1, #a do difference = difference + (a:byte(i) == b:byte((i - 1) % math.max(#b, 1) + 1) and 0 or 1) end
  return difference == 0
end

return site
