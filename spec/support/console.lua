--- A console of a small program, served in this process.
local consoles = require "smpp.console"
local dkjson = require "dkjson"
local fields = require "smpp.http.fields"
local http = require "smpp.http"
local loops = require "smpp.loop"
local task = require "smpp.base.task"
local web = require "spec.support.web"

--- A body for `it`: fn(ask, program, server).  ask(method, path, { body, headers, as }) returns status, value, headers; `as` is the answer of
--- `program.login()`, whose cookie and token are sent.
return function(o, fn)
  local program = { items = {}, calls = {} }
  local given = {
    title = "Program", host = "127.0.0.1", token = "the right token", views = { "view.js" },
    files = { ["view.js"] = { type = "text/javascript; charset=utf-8", body = "export default {}" } },
    state = function() return { calls = #program.calls } end,
    feeds = { items = function(after, most)
      local list = {}
      for i = math.max(after, #program.items - most) + 1, #program.items do list[#list + 1] = program.items[i] end
      return list, #program.items, math.max(0, #program.items - after - #list)
    end },
    actions = {
      note = { { { "words", fields.string(10), "what is noted", required = true } }, function(values)
        if values.words == "no" then return nil, "this is not noted", "bad_value", "words" end
        program.calls[#program.calls + 1] = values.words
        return { words = values.words }
      end },
      nothing = { {}, function() return true end },
    },
  }
  for name, value in pairs(o) do given[name] = value end
  local routes = {}
  local serve = { routes = routes, guard = nil }
  local body = web.served(serve, function(server, loop, errors)
    local function ask(method, path, with)
      with = with or {}
      local headers = {}
      if with.body then headers[1] = "Content-Type: application/json" end
      if with.as then
        headers[#headers + 1] = "Cookie: " .. with.as.cookie
        headers[#headers + 1] = "X-CSRF-Token: " .. with.as.csrf
      end
      for _, line in ipairs(with.headers or {}) do headers[#headers + 1] = line end
      local answer = assert(http.request { method = method, url = server.url .. path, headers = headers,
        body = type(with.body) == "table" and (next(with.body) and dkjson.encode(with.body) or "{}") or with.body })
      return answer.status, (answer.headers["content-type"] or ""):find "json" and dkjson.decode(answer.body) or answer.body, answer.headers
    end
    function program.login(token)
      local status, value, headers = ask("POST", "/console/login", { body = { token = token or "the right token" } })
      return { status = status, csrf = value.csrf, value = value, headers = headers, cookie = (headers["set-cookie"] or ""):match "^[^;]*" }
    end
    local ok, failure = task.pcall(fn, ask, program, server, loop, errors)
    program.console:close()
    if not ok then error(failure, 0) end
  end)
  return function()
    if http.is_available() then
      given.loop = given.loop or loops.current()
      program.console = assert(consoles.new(given))
      for i, route in ipairs(program.console:routes()) do routes[i] = route end
    end
    body()
  end
end
