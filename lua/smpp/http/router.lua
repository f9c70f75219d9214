--- Finds the handler of a request: by path, whose parts in braces are parameters ("/v1/messages/{id}"), and method.
local problem = require "smpp.http.problem"

local router = {}

local SLASH = ("/"):byte()

---@class smpp.HttpRoute
---@field [1] string                                          method: "GET" answers HEAD as well
---@field [2] string                                          path
---@field [3] fun(request: smpp.HttpRequest): smpp.HttpResponse  runs in a task
---@field guard (fun(request: smpp.HttpRequest): smpp.HttpResponse?)|nil  refuses by the header alone; cannot wait
---@field max_octets integer?                                 of the body, instead of the server's limit
---@field headers string[]?                                  of its answers, instead of the server's: name, value …
---@field stream boolean|fun(request: smpp.HttpRequest): boolean|nil  the handler reads the body in pieces: request:read()

---@class smpp.HttpRouter
local Router = {}
local mt = { __index = Router, __name = "smpp.HttpRouter" }

--- Decodes %XX; nil: malformed.
---@param text string
---@param is_lenient boolean?  what is malformed stays as it is
---@return string?
function router.unescape(text, is_lenient)
  if not text:find("%", 1, true) then return text end
  if not is_lenient and text:gsub("%%%x%x", ""):find("%", 1, true) then return nil end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The parameters of a query string or form, by name and in order; nil: malformed, or a name twice.
---@param query string
---@param repeats boolean|"first"|nil  a name may come twice: the last one counts, or the first
---@param is_lenient boolean?  malformed percent-encoding stays as it is
---@return table<string, string>? values
---@return string? message
function router.form(query, repeats, is_lenient)
  local values = {}
  for pair in query:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    name, value = router.unescape((name:gsub("+", " ")), is_lenient), router.unescape((value:gsub("+", " ")), is_lenient)
    if not name or not value then return nil, "malformed percent-encoding" end
    if values[name] and not repeats then return nil, ("parameter '%s' is given twice"):format(name) end
    if repeats ~= "first" or values[name] == nil then values[name] = value end
  end
  return values
end

---@param routes smpp.HttpRoute[]
---@return smpp.HttpRouter
function router.new(routes)
  local self = setmetatable({ fixed = {}, patterns = {} }, mt)
  for _, route in ipairs(routes) do
    local path, entry = route[2], nil
    if path:find("{", 1, true) then
      for _, one in ipairs(self.patterns) do
        if one.path == path then entry = one end
      end
      if not entry then
        local names = {}
        for name in path:gmatch "{([%w_]+)}" do names[#names + 1] = name end
        local pattern = "^" .. path:gsub("[%-.]", "%%%0"):gsub("{[%w_]+}", "([^/]+)") .. "$"
        entry = { path = path, pattern = pattern, names = names, methods = {} }
        self.patterns[#self.patterns + 1] = entry
      end
    else
      entry = self.fixed[path] or { path = path, methods = {} }
      self.fixed[path] = entry
    end
    entry.methods[route[1]] = route
  end
  return self
end

local function allowed(methods)
  local list = { "OPTIONS" }
  for method in pairs(methods) do list[#list + 1] = method end
  if methods.GET then list[#list + 1] = "HEAD" end
  table.sort(list)
  return table.concat(list, ", ")
end

local NO_PARAMS = {} -- of a path without braces; nobody writes to it

local function find(self, path)
  local entry = self.fixed[path]
  if entry then return entry, NO_PARAMS end
  for _, one in ipairs(self.patterns) do
    local found = { path:match(one.pattern) }
    if found[1] then
      local params = {}
      for i, name in ipairs(one.names) do params[name] = router.unescape(found[i]) end
      return one, params
    end
  end
end

--- The path and the query of a target; the host of an absolute one.  nil: a form that no server of resources takes.
---@param method string
---@param target string
---@return string? path
---@return string? query
---@return string? host
function router.target(method, target)
  if target:byte() == SLASH and not target:find("?", 1, true) then return target, "" end
  local host
  if target:sub(1, 1) ~= "/" then
    if target == "*" and method == "OPTIONS" then return "*", "" end
    local rest
    host, rest = target:match "^[Hh][Tt][Tt][Pp][Ss]?://([^/?]+)(.*)$"
    if not host or host:find("@", 1, true) then return nil end
    target = rest:sub(1, 1) == "/" and rest or "/" .. rest
  end
  local path, query = target:match "^([^?]*)%??(.*)$"
  return path, query, host
end

--- The route of a request, and the parameters of its path; or the response where there is none.
---@param method string
---@param path string
---@return smpp.HttpRoute? route
---@return table|smpp.HttpResponse params_or_response
function Router:find(method, path)
  if path == "*" then return nil, { status = 204, headers = { "Allow", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" } } end
  local entry, params = find(self, path)
  if not entry then return nil, problem.new("not_found", "there is nothing at this path") end
  local route = entry.methods[method] or method == "HEAD" and entry.methods.GET
  if route then return route, params end
  local allow = allowed(entry.methods)
  if method == "OPTIONS" then return nil, { status = 204, headers = { "Allow", allow } } end
  return nil, problem.new("method_not_allowed", "this path takes " .. allow, { headers = { "Allow", allow } })
end

return router
