--- A simulator with its HTTP API, and an ESME beside it.
local async = require "spec.support.async"
local dkjson = require "dkjson"
local http = require "smpp.http"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local task = require "smpp.base.task"

--- A body with a simulator that has an HTTP API, and a bound ESME; ask(method, path, body) returns status and object.
return function(o, fn)
  return function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    async.luv(function()
      local given = { port = 0, http = 0, accounts = { me = "secret" }, deliver_after_s = 0.02, seed = 1 }
      for name, value in pairs(o) do given[name] = value end
      local sim = assert(smpp.simulator(given))
      local got = {}
      local esme = assert(smpp.connect { ("smpp://me:secret@127.0.0.1:%d"):format(sim.port), reconnect = false, deliver_sm = function(pdu)
        got[#got + 1] = pdu
        return true
      end })
      esme:on("error", function() end)
      local function ask(method, path, body, headers)
        local lines = body and { "Content-Type: application/json" } or {}
        for _, line in ipairs(headers or {}) do lines[#lines + 1] = line end
        local answer = assert(http.request { method = method, url = sim.http.url .. path, headers = lines,
          body = type(body) == "table" and dkjson.encode(body) or body })
        return answer.status, (answer.headers["content-type"] or ""):find "json" and dkjson.decode(answer.body) or answer.body
      end
      local ok, failure = task.pcall(fn, ask, esme, sim, got)
      esme:close(0)
      sim:close(0)
      require("smpp.http.client").shut()
      if not ok then error(failure, 0) end
    end)()
  end
end
