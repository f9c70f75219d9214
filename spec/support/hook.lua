--- A server that a gateway calls; for specs.
local async = require "spec.support.async"
local http = require "smpp.http"
local json = require "smpp.codec.json"

local hook = {}

---@class spec.Hook
---@field url string
---@field got { method: string, query: table<string, string>, headers: table<string, string>, body: string, event: table?, form: table? }[]
local Hook = {}
local mt = { __index = Hook }

--- A server of one path; answers: statuses, responses or functions, in order; then 200 with `body`.
---@param answers table?
---@param body string?
---@return spec.Hook
function hook.receiver(answers, body)
  local self = setmetatable({ got = {}, running = 0, most = 0, server = nil, url = nil }, mt)
  local function handle(request)
    local form = (request.headers["content-type"] or ""):find "urlencoded" and http.form(request.body) or nil
    self.got[#self.got + 1] = {
      method = request.method, query = http.form(request.query) or {}, raw = request.query, headers = request.headers, body = request.body,
      event = json.decode(request.body, json.null), form = form,
    }
    self.running = self.running + 1
    self.most = math.max(self.most, self.running)
    local answer = (answers or {})[#self.got] or 200
    if type(answer) == "function" then answer = answer(request) end
    self.running = self.running - 1
    if type(answer) == "table" then return answer end
    return { status = answer, body = body or "" }
  end
  self.server = assert(http.serve { port = 0, routes = { { "POST", "/hook", handle }, { "GET", "/hook", handle } } })
  self.url = self.server.url .. "/hook"
  function self.wait(n) async.wait_until(function() return #self.got >= n end) end
  return self
end

--- The calls by a parameter of their URL or form: value -> parameters.
---@param name string
---@return table<string, table>
function Hook:by(name)
  local out = {}
  for _, call in ipairs(self.got) do
    local values = call.form or call.query
    out[values[name] or ""] = values
  end
  return out
end

return hook
