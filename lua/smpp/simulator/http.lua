--- The HTTP API of a simulator: everything that a script can do, for testers in any language (option `http`; `smpp sim --http`).
local http = require "smpp.http"
local http_console = require "smpp.simulator.http_console"
local options = require "smpp.simulator.http_options"
local logs = require "smpp.simulator.http_log"
local random = require "smpp.base.random"
local routes = require "smpp.simulator.http_routes"
local schema = require "smpp.base.schema"
local site = require "smpp.http.site"

local api = {}

---@class smpp.SimulatorHttp
---@field url string
---@field token string?  that requests need
---@field is_token_made boolean  nobody has given it
---@field console smpp.Console?
local Api = {}
local mt = { __index = Api, __name = "smpp.SimulatorHttp" }

--- Refuses what a page of elsewhere makes a browser ask, and requests without the token.
local function guard_of(self, names)
  return function(request)
    local path = request.path
    if self.console and (path == "/" and request.query ~= "stats" or path:find "^/console%f[/%z]") then return nil end -- guards itself
    local refused = site.misdirected(request, names)
    if refused then return refused end
    local origin, from = request.headers.origin, request.headers["sec-fetch-site"]
    if origin and site.host_of(origin) ~= site.host_of(request.host) or from == "cross-site" then
      return http.problem("cross_site", "the request comes from a page of another site")
    end
    if not self.token or path == "/health" then return nil end
    local token = (request.headers.authorization or ""):match "^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S+)$"
    if not token or not site.is_equal(token, self.token) then
      return http.problem("unauthorized", "a token is needed: Authorization: Bearer TOKEN", {
        headers = { "WWW-Authenticate", 'Bearer realm="smpp"' },
      })
    end
  end
end

local function made_token()
  return (random.octets(24):gsub(".", function(octet) return ("%02x"):format(octet:byte()) end))
end

--- Serves the API.
---@param sim smpp.Simulator
---@param given integer|table  port, or options
---@return smpp.SimulatorHttp? api
---@return string? message
---@return string? code  of smpp.http.serve
function api.open(sim, given)
  local o = options.schema:fill(type(given) == "number" and { port = given } or given)
  local self = setmetatable({
    sim = sim, log = logs.new(sim), given = schema.merge(sim.given), server = nil, url = nil, feed = nil, console = nil,
    token = o.token or not site.is_loopback(o.host) and made_token() or nil, is_token_made = not o.token and not site.is_loopback(o.host),
  }, mt)
  local list = routes.of(self)
  local is_shown = o.console
  if is_shown == nil then is_shown = site.is_loopback(o.host) end
  if is_shown then
    local wrong, kind
    self.console, wrong, kind = http_console.new(self, o, list)
    if not self.console then return nil, wrong, kind end
    local all = self.console:routes()
    for _, route in ipairs(list) do all[#all + 1] = route end
    list = all
  end
  local settings = { host = o.host, port = o.port, routes = list, guard = guard_of(self, site.names(o.host, o.names)), loop = sim.loop,
    headers = { "Cache-Control", "no-store" }, on_error = function(trace) sim:emit("error", trace) end }
  for _, row in ipairs(http.limits.rows) do settings[row[1]] = o[row[1]] end
  local message, code
  self.server, message, code = http.serve(settings)
  if not self.server then
    if self.console then self.console:close() end
    return nil, message, code
  end
  self.url = self.server.url
  return self
end

--- Closes it.
---@async
function Api:close()
  if self.console then self.console:close() end
  self.server:close(0)
end

return api
