-- Random faults of the servers that are called, and of the store: each message that ends is told of at least once, twice only where an
-- answer was lost, and nothing is left behind.
local async = require "spec.support.async"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local late_store = require "spec.support.late_store"
local run = require "smpp.loop.run"
local stores = require "smpp.store"
local support = require "spec.support.gateway_http"
local util = require "spec.support.util"

local MESSAGES = 12

describe("smpp.gateway.webhooks: under random faults", function()
  it("each bit of a DLR is told of, once, and the book is empty in the end", function()
    local random = util.random(29)
    local failing = false
    support.world({
      limit_s = 30,
      store = function(loop)
        return late_store.new(loop, { inner = stores.memory(), delay = function() return random(3) / 1000 end, fails = function(method)
          return failing and method == "commit" and random(8) == 1
        end })
      end,
      http = ', kannel = true, allow_private = true, retry = { first_s = 0.005, max_s = 0.02, for_s = 600 }, timeout_s = 0.5, parallel = 3 ',
      answer = function(_, pdu, n)
        if pdu.destination_addr:find "0$" then return nil, "ESME_RINVDSTADR" end
        if random(4) == 1 then run.sleep(random(10) / 1000) end
        return "c-" .. n
      end,
    }, function(w)
      local told, events = {}, {}
      local hook = assert(http.serve { port = 0, routes = { { "GET", "/dlr", function(request)
        local fault = random(6)
        if fault == 1 then run.sleep(0.02) end
        if fault <= 3 then return { status = ({ 500, 429, 302 })[fault] } end
        local query, event = http.form(request.query), request.headers["smpp-event"]
        local what = query.i .. " " .. query.d
        if not events[event] then told[what] = (told[what] or 0) + 1 end
        events[event] = true
        return { status = 200 }
      end } } })
      failing = true -- the store fails now and then
      local wanted, count = {}, 0
      for i = 1, MESSAGES do
        local answer
        repeat -- a message that the store did not take is sent again
          answer = assert(http.request { url = ("%s/cgi-bin/sendsms?username=acme&password=secret&from=Shop&text=x&to=49176%d&dlr-mask=31&dlr-url=%s"):format(
            w.url, i, (hook.url .. "/dlr?d=%d&i=%I"):gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)) })
        until answer.status == 202
        local id = answer.headers["smpp-message-id"]
        if i % 10 == 0 then
          wanted[id .. " 16"] = true
        else
          local n = #w.got
          async.wait_until(function()
            for k = math.max(1, n), #w.got do
              if w.got[k].destination_addr == "49176" .. i then n = k end
            end
            return w.got[n] and w.got[n].destination_addr == "49176" .. i
          end)
          w:wait(id, "sent")
          local is_ok = random(2) == 1
          w:receipt("c-" .. n, is_ok and "DELIVRD" or "UNDELIV")
          wanted[id .. " 8"], wanted[id .. (is_ok and " 1" or " 2")] = true, true
        end
      end
      for _ in pairs(wanted) do count = count + 1 end
      async.wait_until(function()
        for what in pairs(wanted) do
          if not told[what] then return false end
        end
        return true
      end)
      failing = false
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 and w.gateway.http.webhooks.running == 0 end)
      for what, times in pairs(told) do
        assert.is_true(wanted[what] == true, what)
        assert.equal(1, times, what)
        count = count - 1
      end
      assert.equal(0, count)
      local _, left = w:call("GET", "/v1/events")
      assert.equal(0, #left.events)
      hook:close(0)
    end)()
  end)

  it("every end is told of, and the book is empty in the end", function()
    local random = util.random(13)
    local failing = false
    support.world({
      limit_s = 30,
      store = function(loop)
        return late_store.new(loop, { inner = stores.memory(), delay = function() return random(3) / 1000 end, fails = function(method)
          return failing and method == "commit" and random(8) == 1
        end })
      end,
      http = ', allow_private = true, retry = { first_s = 0.005, max_s = 0.02, for_s = 600 }, timeout_s = 0.5, parallel = 3 ',
      account = ', webhook = "http://127.0.0.1:1/", secret = "whsec-1"',
    }, function(w)
      local taken, events, attempts = {}, {}, 0
      local hook = assert(http.serve { port = 0, routes = { { "POST", "/", function(request)
        attempts = attempts + 1
        local event = json.decode(request.body)
        local fault = random(6)
        if fault == 1 then run.sleep(0.02) end
        if fault <= 3 then return { status = ({ 500, 429, 302 })[fault] } end
        taken[event.id] = (taken[event.id] or 0) + 1
        assert(not events[event.id] or events[event.id] == event.event, "another event of the same message")
        events[event.id] = event.event
        return { status = 200 }
      end } } })
      w.gateway.options.text = w.text:gsub("http://127.0.0.1:1/", hook.url .. "/")
      assert(w.gateway:reload())
      local ids = {}
      for i = 1, MESSAGES do
        local status, body = w:send { to = "+49176" .. i }
        assert.equal(202, status)
        ids[i] = body.id
        w:wait(body.id, "sent")
      end
      failing = true -- the store fails now and then while they end
      for i = 1, MESSAGES do w:receipt("c-" .. i, random(2) == 1 and "DELIVRD" or "UNDELIV") end
      async.wait_until(function()
        for _, id in ipairs(ids) do
          if not taken[id] then return false end
        end
        return true
      end)
      failing = false
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 and w.gateway.http.webhooks.running == 0 end)
      for _, id in ipairs(ids) do assert.equal(1, taken[id]) end
      assert.is_true(attempts > MESSAGES)
      local _, left = w:call("GET", "/v1/events")
      assert.equal(0, #left.events)
      hook:close(0)
    end)()
  end)
end)
