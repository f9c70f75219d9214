local async = require "spec.support.async"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local smpp = require "smpp"
local receiver = require("spec.support.hook").receiver
local support = require "spec.support.gateway_http"

local PRIVATE = ', allow_private = true, retry = { first_s = 0.02, max_s = 0.1, for_s = 60 }, timeout_s = 2 '

--- A world whose account has the webhook of a receiver.
local function world(o, answers, fn)
  return function()
    local given = {}
    for name, value in pairs(o) do given[name] = value end
    given.http = (o.http or "") .. PRIVATE
    given.account = ', webhook = "http://127.0.0.1:1/" , secret = "whsec-1"'
    support.world(given, function(w, loop, errors)
      local hook = receiver(answers)
      local text = w.text:gsub('"http://127.0.0.1:1/"', o.webhook and o.webhook:format(hook.url) or '"' .. hook.url .. '"')
      w.gateway.options.text = text
      assert(w.gateway:reload())
      fn(w, hook, loop, errors)
      hook.server:close(0)
    end)()
  end
end

for _, store in ipairs { false, true } do
  describe("smpp.gateway.webhooks, " .. (store and "stored" or "through") .. ":", function()
    it("tells of a receipt, signed", world({ store = store }, nil, function(w, hook)
      local _, body = w:send { reference = "order 7" }
      w:wait(body.id, "sent")
      assert.equal(0, #hook.got)
      w:receipt "c-1"
      hook.wait(1)
      local call = hook.got[1]
      assert.same({ "receipt", body.id, "acme", "Shop", "+491761234567", "order 7", "delivered", true, "a" }, {
        call.event.type, call.event.id, call.event.account, call.event.from, call.event.to, call.event.reference, call.event.state, call.event.final,
        call.event.carrier,
      })
      assert.equal(json.null, call.event.error)
      assert.equal(call.event.event, call.headers["smpp-event"])
      assert.same({ "1", "application/json" }, { call.headers["smpp-attempt"], call.headers["content-type"] })
      assert.matches("^smpp%-gateway/%d", call.headers["user-agent"])
      local time, signature = call.headers["smpp-signature"]:match "^t=(%d+),v1=(%x+)$"
      assert.equal(require("smpp.libhttp").hmac("whsec-1", time .. "." .. call.body), signature)
      assert.is_true(math.abs(tonumber(time) - w.loop:time()) < 60)
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
      local _, list = w:call("GET", "/v1/events")
      assert.equal(0, #list.events)
    end))

    it("tells of a failure, and of a message of several parts once", world({ store = store }, nil, function(w, hook)
      local _, body = w:send { text = ("long "):rep(50) }
      async.wait_until(function() return #w.got == 2 end)
      w:wait(body.id, "sent")
      w:receipt("c-1", "UNDELIV", "027")
      w:receipt "c-2"
      hook.wait(1)
      smpp.sleep(0.05)
      assert.equal(1, #hook.got)
      assert.same({ "undelivered", true, "027" }, { hook.got[1].event.state, hook.got[1].event.final, hook.got[1].event.error.code })
    end))

    it("tells only what was asked for", world({ store = store }, nil, function(w, hook)
      local ids = {}
      for i, receipt in ipairs { false, "failure", "failure" } do
        local _, body = w:send { receipt = receipt }
        ids[i] = body.id
        w:wait(body.id, "sent")
      end
      w:receipt "c-2"
      w:receipt("c-3", "UNDELIV", "001")
      hook.wait(1)
      smpp.sleep(0.05)
      assert.equal(1, #hook.got)
      assert.equal(ids[3], hook.got[1].event.id)
    end))

    it("tries again until it is taken: the same event, counted and signed anew", world({ store = store }, { 500, 302, 404 }, function(w, hook)
      local _, body = w:send()
      w:wait(body.id, "sent")
      w:receipt "c-1"
      hook.wait(4)
      local seen = {}
      for i, call in ipairs(hook.got) do
        seen[call.headers["smpp-event"]] = true
        assert.equal(tostring(i), call.headers["smpp-attempt"])
        assert.equal(hook.got[1].body, call.body)
      end
      assert.is_nil(next(seen, next(seen)))
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
    end))

    it("gives up after 410, shows it, and sends it again by hand", world({ store = store }, { 410, 410 }, function(w, hook)
      local _, body = w:send()
      w:wait(body.id, "sent")
      w:receipt "c-1"
      hook.wait(1)
      local event
      async.wait_until(function()
        local _, list = w:call("GET", "/v1/events?state=dead")
        event = list.events[1]
        return event
      end)
      assert.same({ "dead", 1, 410, "status 410", body.id }, { event.state, event.attempts, event.last_status, event.last_error, event.message })
      local _, account = w:call("GET", "/v1/account")
      assert.same({ hook.url, 0, 1 }, { account.webhooks[1].url, account.webhooks[1].pending, account.webhooks[1].dead })
      assert.equal(202, (w:call("POST", "/v1/events/" .. event.id .. "/retry")))
      hook.wait(2)
      async.wait_until(function() return select(2, w:call("GET", "/v1/events?state=dead")).events[1] end)
      local _, answer = w:call("POST", "/v1/events/retry")
      assert.equal(1, answer.count)
      hook.wait(3)
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
      assert.equal(404, (w:call("POST", "/v1/events/nosuch/retry")))
      assert.equal(404, (w:call("POST", "/v1/events/" .. event.id .. "/retry")))
    end))

    it("calls a message's own callback instead", world({ store = store }, nil, function(w, hook)
      local other = receiver()
      local _, body = w:send { callback = other.url }
      w:wait(body.id, "sent")
      w:receipt "c-1"
      other.wait(1)
      assert.matches("^t=%d+,v1=%x+$", other.got[1].headers["smpp-signature"])
      smpp.sleep(0.03)
      assert.equal(0, #hook.got)
      other.server:close(0)
    end))
  end)
end

describe("smpp.gateway.webhooks", function()
  it("calls a webhook several times at once, never more than `parallel`", world({ http = ", parallel = 2" }, setmetatable({}, { __index = function()
    return function()
      smpp.sleep(0.02)
      return 200
    end
  end }), function(w, hook)
    for i = 1, 6 do
      local _, body = w:send()
      w:wait(body.id, "sent")
      w:receipt("c-" .. i)
    end
    hook.wait(6)
    assert.equal(2, hook.most)
  end))

  it("sends the events of a number one after the other, where that is asked for", world({ webhook = '{ url = %q, ordered = true }' }, { 500, 500 },
    function(w, hook)
      local ids = {}
      for i = 1, 3 do
        local _, body = w:send()
        ids[i] = body.id
        w:wait(body.id, "sent")
      end
      for i = 1, 3 do
        w:receipt("c-" .. i)
        w:wait(ids[i], "delivered")
      end
      hook.wait(5)
      local order = {}
      for i, call in ipairs(hook.got) do order[i] = call.event.id end
      assert.same({ ids[1], ids[1], ids[1], ids[2], ids[3] }, order)
    end))

  it("signs with each of several secrets", world({ webhook = '{ url = %q, secret = { "new", "old" } }' }, nil, function(w, hook)
    local _, body = w:send()
    w:wait(body.id, "sent")
    w:receipt "c-1"
    hook.wait(1)
    local time, new, old = hook.got[1].headers["smpp-signature"]:match "^t=(%d+),v1=(%x+),v1=(%x+)$"
    local hmac = require("smpp.libhttp").hmac
    assert.same({ hmac("new", time .. "." .. hook.got[1].body), hmac("old", time .. "." .. hook.got[1].body) }, { new, old })
  end))

  it("waits as long as a server asks for", world({}, { { status = 503, headers = { "Retry-After", "1" } } }, function(w, hook)
    local _, body = w:send()
    w:wait(body.id, "sent")
    w:receipt "c-1"
    hook.wait(1)
    local since = w.loop:now()
    hook.wait(2)
    assert.is_true(w.loop:now() - since >= 0.9)
  end))

  it("tells of states on the way, if asked", world({ store = true }, nil, function(w, hook)
    local _, body = w:send { receipt = "intermediate" }
    w:wait(body.id, "sent")
    assert(w.carrier:deliver("me", {
      source_addr = "491761234567", destination_addr = "Shop", esm_class = 0x20,
      short_message = "id:c-1 sub:001 dlvrd:000 submit date:2611291200 done date:2611291200 stat:ACCEPTD err:000 text:Hello",
    }))
    hook.wait(2)
    assert.same({ "sent", false }, { hook.got[1].event.state, hook.got[1].event.final })
    assert.same({ "accepted", false }, { hook.got[2].event.state, hook.got[2].event.final })
    w:receipt "c-1"
    hook.wait(3)
    assert.equal("delivered", hook.got[3].event.state)
  end))

  it("tells once that a message of several parts is sent, if asked", world({ store = true }, nil, function(w, hook)
    local _, body = w:send { receipt = "intermediate", text = ("long "):rep(50) }
    w:wait(body.id, "sent")
    hook.wait(1)
    smpp.sleep(0.05)
    assert.same({ 1, "sent" }, { #hook.got, hook.got[1].event.state })
  end))

  it("tells what the gateway itself ends", world({ store = true, answer = function() return nil, "ESME_RINVDSTADR" end }, nil, function(w, hook)
    w:send()
    hook.wait(1)
    assert.same({ "refused", "ESME_RINVDSTADR" }, { hook.got[1].event.state, hook.got[1].event.error.code })
  end))

  it("connects to no private address, unless that is allowed", support.world({ account = ', webhook = "https://hook.example/", secret = "whsec-1"' }, function(w)
    local hook = receiver()
    for _, url in ipairs { hook.url, "http://localhost:80/", "http://2130706433/", "ftp://x/", "http://[::1]/" } do
      local status, body = w:send { callback = url }
      assert.same({ 400, "url_not_allowed", "callback" }, { status, body.code, body.field }, url)
    end
    -- a name that resolves to one: the check is at the connection
    local answer, _, code = http.request { url = hook.url, allow = w.gateway.http.rule.allow_of(hook.url), body = "x" }
    assert.same({ nil, "not_allowed" }, { answer, code })
    assert.equal(0, #hook.got)
    hook.server:close(0)
  end))

  it("tells of a message of several parts once, though they end at the same time", world({ store = function(loop)
    return require("spec.support.late_store").new(loop)
  end }, nil, function(w, hook)
    for i = 0, 9 do -- the second part ends at each moment of the first's end, which takes four accesses of 10 ms
      local _, body = w:send { text = ("long "):rep(50) }
      w:wait(body.id, "sent")
      w:receipt("c-" .. 2 * i + 1)
      smpp.sleep(i * 0.005)
      w:receipt("c-" .. 2 * i + 2)
      w:wait(body.id, "delivered")
    end
    hook.wait(10)
    smpp.sleep(0.1)
    local seen = {}
    for _, call in ipairs(hook.got) do
      assert.is_nil(seen[call.event.id])
      seen[call.event.id] = true
    end
  end))

  it("goes on with the events of an earlier run", world({ store = true }, { function()
    smpp.sleep(0.5)
    return 500
  end }, function(w, hook)
    local gateways = require "smpp.gateway"
    local _, body = w:send()
    w:wait(body.id, "sent")
    w:receipt "c-1"
    hook.wait(1)
    local text = w.gateway.options.text
    w.gateway:close(0)
    w.gateway = assert(gateways.new { path = "gateway.lua", text = text, watch_s = 0, store = w.store })
    hook.wait(2)
    assert.equal(hook.got[1].headers["smpp-event"], hook.got[2].headers["smpp-event"])
    async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
  end))
end)
