-- A gateway as a process, with its books in SQLite, is killed amid requests by HTTP: what it has answered reaches the carrier and is told
-- of by the webhook, and an Idempotency-Key gets the same answer before and after; of messages by Kannel's interface by their dlr-url.
local async = require "spec.support.async"
local client = require "smpp.http.client"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local KILLS = tonumber(os.getenv "KILLS") or 3
local TASKS, EACH, WINDOW = 10, 20, 20

local has_sqlite = pcall(require, "smpp.sqlite")

local FILE = [[
store { "gateway.db" }
listen { port = 0, accounts = { acme = { password = "secret", token = "acme-token-1", webhook = %q, secret = "whsec-1" } } }
http { port = %d, kannel = true, allow_private = true, retry = { first_s = 0.1, max_s = 1 } }
carrier "a" { "smpp://me:x@127.0.0.1:%d", window = 20, reconnect = { fixed_s = 0.1 } }
route { via = "a" }
]]

describe("a gateway with an HTTP API that is killed with kill -9", function()
  it(("loses nothing that it answered, and answers a key as before, %d times"):format(KILLS), async.luv(function()
    if not has_sqlite or not http.is_available() then return end
    local folder, remove = shell.folder()
    local taken, told, answers, count = {}, {}, {}, 0
    local ids, reports = {}, {} -- of messages by sendsms: their ids, and "id bit" of what was reported
    local carrier
    carrier = assert(smpp.server { port = 0, accounts = { me = "x" }, retry_s = 0.2, submit_sm = function(_, pdu)
      count = count + 1
      local id = "c-" .. count
      taken[pdu.short_message] = (taken[pdu.short_message] or 0) + 1
      smpp.spawn(function()
        smpp.sleep(0.02)
        assert(carrier:deliver("me", { source_addr = pdu.destination_addr, destination_addr = pdu.source_addr, esm_class = 4,
          short_message = "id:" .. id .. " stat:DELIVRD err:000" }))
      end)
      return id
    end })
    carrier:on("error", function() end)
    local hook = assert(http.serve { port = 0, routes = { { "POST", "/", function(request)
      local event = json.decode(request.body)
      told[event.id] = event.state
      return { status = 200 }
    end }, { "GET", "/dlr", function(request)
      local query = http.form(request.query)
      reports[query.i .. " " .. query.d] = true
      return { status = 200 }
    end } } })
    local probe = assert(http.serve { port = 0, routes = {} })
    local port = probe.port
    probe:close(0)
    shell.write(folder .. "/gateway.lua", FILE:format(hook.url .. "/", port, carrier.port))
    local pid
    local function start()
      pid = shell.must(("LUA_PATH=%s LUA_CPATH=%s LUA=%s %s bin/smpp gateway %s/gateway.lua >>%s/log 2>&1 & echo $!"):format(shell.quote(package.path),
        shell.quote(package.cpath), jit and "luajit" or "lua" .. _VERSION:match "%d%.%d", jit and "luajit" or "lua" .. _VERSION:match "%d%.%d",
        folder, folder)):match "%d+"
    end
    local function send(key)
      return http.request {
        url = ("http://127.0.0.1:%d/v1/messages"):format(port), timeout_s = 5, headers = {
          "Authorization: Bearer acme-token-1", "Content-Type: application/json", "Idempotency-Key: " .. key,
        }, body = ('{"from":"Shop","to":"+491761234567","text":"%s"}'):format(key),
      }
    end
    local function sendsms(key)
      return http.request { timeout_s = 5, url = ("http://127.0.0.1:%d/cgi-bin/sendsms?username=acme&password=secret&from=Shop&to=491761234567&text=%s"
        .. "&dlr-mask=31&dlr-url=%s"):format(port, key, hook.url .. "/dlr?d=%d%26i=%I") }
    end
    start()
    local running = TASKS
    for t = 1, TASKS do
      smpp.spawn(function()
        for i = 1, EACH do
          local key, answer = ("t%d-%d"):format(t, i), nil
          repeat
            answer = (t % 2 == 0 and sendsms or send)(key)
            if not answer or answer.status ~= 202 then smpp.sleep(0.05) end
          until answer and answer.status == 202
          if t % 2 == 0 then ids[key] = answer.headers["smpp-message-id"] else answers[key] = answer.body end
        end
        running = running - 1
      end)
    end
    for _ = 1, KILLS do
      local done = 0
      for _ in pairs(answers) do done = done + 1 end
      local before = done
      async.wait_until(function()
        done = 0
        for _ in pairs(answers) do done = done + 1 end
        return done >= before + 10 or running == 0
      end)
      shell.kill(pid)
      start()
    end
    async.wait_until(function() return running == 0 end)
    local log = shell.must(("cat %s/log"):format(folder))
    assert.matches(("\nhttp on http://127.0.0.1:%d\n"):format(port), log)
    for key, body in pairs(answers) do
      local again = send(key)
      assert.same({ 202, body, "true" }, { again.status, again.body, again.headers["idempotency-replayed"] }, key)
    end
    async.wait_until(function()
      for key, body in pairs(answers) do
        if not taken[key] or told[json.decode(body).id] ~= "delivered" then return false end
      end
      for key, id in pairs(ids) do
        if not (taken[key] and reports[id .. " 8"] and reports[id .. " 1"]) then return false end
      end
      return true
    end)
    local twice = 0
    for _, times in pairs(taken) do twice = twice + (times > 1 and 1 or 0) end
    assert.is_true(twice <= KILLS * (WINDOW + TASKS), twice) -- what was on its way when it was killed, and requests without an answer
    shell.must("kill " .. pid)
    hook:close(0)
    carrier:close(0)
    client.shut()
    remove()
  end, 120))
end)
