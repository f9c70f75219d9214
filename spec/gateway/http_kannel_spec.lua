local async = require "spec.support.async"
local http = require "smpp.http"
local hooks = require "spec.support.hook"
local kannel = require "smpp.gateway.http_kannel"
local smpp = require "smpp"
local support = require "spec.support.gateway_http"
local text = require "smpp.text"

local function escape(value) return (tostring(value):gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)) end

--- A query of parameters; those that are false are left out.
local function query_of(params)
  local list = {}
  for name, value in pairs(params) do
    if value ~= false then list[#list + 1] = escape(name) .. "=" .. escape(value) end
  end
  table.sort(list)
  return table.concat(list, "&")
end

--- Sends: status, words, the answer.
local function sendsms(w, params, o)
  local all = { username = "acme", password = "secret", to = "+491761", from = "Shop", text = "Hello" }
  for name, value in pairs(params or {}) do all[name] = value end
  local answer = assert(http.request { url = w.url .. "/cgi-bin/sendsms?" .. query_of(all), method = o and o.method })
  return answer.status, answer.body, answer
end

local function said(w, params) return ("%d %s"):format(sendsms(w, params)) end

local function world(o, fn)
  local given = {}
  for name, value in pairs(o) do given[name] = value end
  local retry = (o.http or ""):find "retry" and "" or ", retry = { first_s = 0.02, max_s = 0.1, for_s = 60 }"
  given.http = ", kannel = true, allow_private = true" .. retry .. (o.http or "")
  return support.world(given, fn)
end

for _, store in ipairs { false, true } do
  describe("smpp.gateway.http_kannel, " .. (store and "stored" or "through") .. ":", function()
    it("takes a message, and answers as Kannel does", world({ store = store }, function(w)
      local status, words, answer = sendsms(w, { text = "Größe", account = "job 7" })
      assert.same({ 202, "0: Accepted for delivery", "text/html" }, { status, words, answer.headers["content-type"] })
      local id = answer.headers["smpp-message-id"]
      local message = w:wait(id, "sent")
      assert.same({ "Shop", "+491761", "Größe", "job 7", false }, { message.from, message.to, message.text, message.reference, message.receipt })
      assert.same({ "491761", "Shop", 0, 0 }, { w.got[1].destination_addr, w.got[1].source_addr, w.got[1].registered_delivery, w.got[1].data_coding })
    end))

    it("sends to several receivers, with one answer", world({ store = store }, function(w)
      local status, words, answer = sendsms(w, { to = "+491761 abc +491762" })
      assert.same({ 202, "0: Accepted for delivery" }, { status, words })
      assert.matches("^[%w.-]+, %-, [%w.-]+$", answer.headers["smpp-message-id"])
      async.wait_until(function() return #w.got == 2 end)
      assert.equal("400 Number(s) has/have been denied by white- and/or black-lists.", said(w, { to = "abc" }))
    end))

    it("calls the dlr-url once for each bit that is asked for", world({ store = store }, function(w)
      local hook = hooks.receiver()
      local url = hook.url .. "?d=%d&a=%A&f=%F&i=%I&p=%p&from=%P&smsc=%i&n=%n&x=%%20"
      local _, _, answer = sendsms(w, { ["dlr-mask"] = 31, ["dlr-url"] = url, to = "+491761234567" })
      local id = answer.headers["smpp-message-id"]
      w:wait(id, "sent")
      hook.wait(1)
      w:receipt "c-1"
      hook.wait(2)
      smpp.sleep(0.05)
      assert.equal(2, #hook.got)
      local by = hook:by "d"
      assert.same({ d = "8", a = "ACK/", f = "c-1", i = id, p = "+491761234567", from = "Shop", smsc = "a", n = "acme", x = " " }, by["8"])
      assert.equal("id:c-1 sub:001 dlvrd:001 submit date:2611291200 done date:2611291200 stat:DELIVRD err:000 text:Hello", by["1"].a)
      assert.same({ "GET", "" }, { hook.got[1].method, hook.got[1].body })
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
      assert.equal(0, #select(2, w:call("GET", "/v1/events")).events)
      hook.server:close(0)
    end))

    it("tells of failures, of what is buffered, and of nothing that is not asked for", world({ store = store }, function(w)
      local hook = hooks.receiver()
      local function send(mask)
        local _, _, answer = sendsms(w, { ["dlr-mask"] = mask, ["dlr-url"] = hook.url .. "?d=%d&n=" .. mask })
        w:wait(answer.headers["smpp-message-id"], "sent")
      end
      send(2)
      send(1)
      send(4)
      send(8)
      send(0)
      hook.wait(1)
      assert.same({ 2, 1, 0x11, 0, 0 }, {
        w.got[1].registered_delivery, w.got[2].registered_delivery, w.got[3].registered_delivery, w.got[4].registered_delivery,
        w.got[5].registered_delivery,
      })
      w:receipt("c-1", "UNDELIV", "027")
      w:receipt("c-2", "EXPIRED")
      assert(w.carrier:deliver("me", {
        source_addr = "491761", destination_addr = "Shop", esm_class = 0x20,
        short_message = "id:c-3 sub:001 dlvrd:000 submit date:2611291200 done date:2611291200 stat:ENROUTE err:000 text:Hello",
      }))
      hook.wait(3)
      smpp.sleep(0.05)
      local by, list = hook:by "n", {}
      for n, values in pairs(by) do list[#list + 1] = n .. " " .. values.d end
      table.sort(list)
      assert.same({ "2 2", "4 4", "8 8" }, list)
      assert.equal(3, #hook.got)
      hook.server:close(0)
    end))

    it("tells that a carrier refused it", world({ store = store, answer = function() return nil, "ESME_RINVDSTADR" end }, function(w)
      local hook = hooks.receiver()
      local status, words = sendsms(w, { ["dlr-mask"] = 31, ["dlr-url"] = hook.url .. "?d=%d&a=%A&f=%F&i=%i&s=%p" })
      assert.same({ 202, "0: Accepted for delivery" }, { status, words })
      hook.wait(1)
      smpp.sleep(0.05)
      assert.equal(1, #hook.got)
      assert.same({ d = "16", a = "NACK/0x0000000b/Invalid Destination Address", f = "", i = "a", s = "+491761" }, hook.got[1].query)
      hook.server:close(0)
    end))

    it("calls again until it is taken, and shows what waits", world({ store = store }, function(w)
      local hook = hooks.receiver { 500, 302, 404 }
      local _, _, answer = sendsms(w, { ["dlr-mask"] = 8, ["dlr-url"] = hook.url .. "?d=%d" })
      hook.wait(4)
      assert.equal("8", hook.got[4].query.d)
      assert.equal(hook.got[1].headers["smpp-event"], hook.got[4].headers["smpp-event"])
      assert.is_string(answer.headers["smpp-message-id"])
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
      hook.server:close(0)
    end))

    it("tells of a message of several parts once", world({ store = store }, function(w)
      local hook = hooks.receiver()
      local _, _, answer = sendsms(w, { text = ("long "):rep(50), ["dlr-mask"] = 31, ["dlr-url"] = hook.url .. "?d=%d" })
      w:wait(answer.headers["smpp-message-id"], "sent")
      hook.wait(1)
      assert.equal(2, #w.got)
      w:receipt "c-1"
      w:receipt "c-2"
      hook.wait(2)
      smpp.sleep(0.05)
      assert.same({ 2, "8", "1" }, { #hook.got, hook.got[1].query.d, hook.got[2].query.d })
      hook.server:close(0)
    end))

    it("gives rules the tag smsc:NAME", world({ store = store, rules = [[
      route { tagged = "smsc:telco", set = { service_type = "T" } }
      route { via = "a" }]] }, function(w)
      sendsms(w, { smsc = "telco" })
      sendsms(w, { smsc = "other" })
      async.wait_until(function() return #w.got == 2 end)
      local types = { w.got[1].service_type, w.got[2].service_type }
      table.sort(types)
      assert.same({ "", "T" }, types)
    end))
  end)
end

describe("smpp.gateway.http_kannel", function()
  it("is off unless it is asked for, and a reload switches it", support.world({}, function(w)
    local function status() return (sendsms(w)) end
    assert.equal(404, status())
    w.gateway.options.text = w.text:gsub("max_to = 4", "max_to = 4, kannel = true")
    assert(w.gateway:reload())
    assert.equal(202, status())
    w.gateway.options.text = w.text
    assert(w.gateway:reload())
    assert.equal(404, status())
  end))

  it("refuses as Kannel does", world({}, function(w)
    for _, case in ipairs {
      { { password = "wrong" }, "403 Authorization failed for sendsms" },
      { { username = "nobody" }, "403 Authorization failed for sendsms" },
      { { username = false, password = false }, "403 Authorization failed for sendsms" },
      { { to = false }, "400 Missing receiver number, rejected" },
      { { to = " " }, "400 Empty receiver number not allowed, rejected" },
      { { from = false }, "400 Sender missing and no global set, rejected" },
      { { coding = 3 }, "400 Coding field misformed, rejected" },
      { { coding = "x" }, "400 Coding field misformed, rejected" },
      { { mclass = 4 }, "400 MClass field misformed, rejected" },
      { { mwi = 8 }, "400 MWI field misformed, rejected" },
      { { pid = 256 }, "400 PID field misformed, rejected" },
      { { priority = 4 }, "400 Priority field misformed, rejected" },
      { { validity = -3 }, "400 Validity field misformed, rejected" },
      { { deferred = "x" }, "400 Deferred field misformed, rejected" },
      { { ["dlr-mask"] = "x" }, "400 DLR-Mask field misformed, rejected" },
      { { dlrmask = 256 }, "400 DLR-Mask field misformed, rejected" },
      { { ["dlr-mask"] = 1, ["dlr-url"] = "nonsense" }, "400 DLR-URL field misformed, rejected" },
      { { udh = "\5\4\21" }, "400 UDH field misformed, rejected" },
      { { udh = "\3\4\21\138" }, "400 UDH field misformed, rejected" },
      { { account = ("a"):rep(65) }, "400 Account field misformed or too long, rejected" },
      { { charset = "nosuch" }, "400 Charset or body misformed, rejected" },
      { { text = "gr\252n" }, "400 Charset or body misformed, rejected" },
      { { binfo = "toolong" }, "400 Binfo field misformed, rejected" },
      { { from = ("f"):rep(21) }, "400 From field misformed, rejected" },
      { { to = "+1 +2 +3 +4 +5" }, "400 Too many receivers, at most 4, rejected" },
      { { udh = "\5\0\3\1\2\1", coding = 0, text = ("x"):rep(154) }, "400 Text is too long for its UDH, rejected" },
    } do
      assert.equal(case[2], said(w, case[1]))
    end
    assert.equal(405, (sendsms(w, {}, { method = "HEAD" })))
    assert.equal(405, (sendsms(w, {}, { method = "PUT" })))
    assert.equal(0, #w.got)
  end))

  it("takes a dlr-url that is not encoded, as Kannel does", world({}, function(w)
    local hook = hooks.receiver()
    local answer = assert(http.request {
      url = w.url .. "/cgi-bin/sendsms?username=acme&password=secret&to=4917611&from=Shop&text=100%zz+%&text=b&dlr-mask=31&dlr-url=" .. hook.url .. "?d=%d",
    })
    assert.equal(202, answer.status, answer.body)
    hook.wait(1)
    assert.same({ "8", "100%zz %" }, { hook.got[1].query.d, (text.read(w.got[1])) })
    hook.server:close(0)
  end))

  it("sends what the parameters say", world({ store = true }, function(w)
    local cases = {
      { {}, { dc = 0, words = "Hello" } },
      { { text = false }, { dc = 0, words = "" } },
      { { text = "П €" }, { dc = 8, words = "П €" } },
      { { text = "П €", coding = 0 }, { dc = 0, words = "? €" } },
      { { text = "П €", coding = 2, charset = "UTF-8" }, { dc = 8, words = "П €" } },
      { { text = "\4\31\0a", coding = 2 }, { dc = 8, words = "Пa" } },
      { { text = "\4\31\0", coding = 2 }, { dc = 8, octets = "\4\31\0" } },
      { { text = "\1\2\255", coding = 1 }, { dc = 4, octets = "\1\2\255" } },
      { { text = "\1\2", coding = 1, mclass = 1 }, { dc = 0xF5, octets = "\1\2" } },
      { { mclass = 0, coding = 0 }, { dc = 0xF0, words = "Hello" } },
      { { mclass = 0 }, { dc = 0xF0, words = "Hello" } },
      { { mclass = 1, text = "П" }, { dc = 0x19, words = "П" } },
      { { mwi = 0 }, { dc = 0xD8, words = "Hello" } },
      { { mwi = 4 }, { dc = 0xC0, words = "Hello" } },
      { { mwi = 2, coding = 2, charset = "utf-8" }, { dc = 0xEA, words = "Hello" } },
      { { text = "gr\252n", charset = "ISO-8859-1" }, { dc = 0, words = "grün" } },
      { { text = "\1\2\3", udh = "\6\5\4\21\138\0\0" }, { dc = 4, octets = "\6\5\4\21\138\0\0\1\2\3", esm = 0x40 } },
      { { text = "abc", udh = "\6\5\4\21\138\0\0", coding = 0 }, { dc = 0, octets = "\6\5\4\21\138\0\0abc", esm = 0x40 } },
      { { text = "abc", udh = "\5\0\3\7\2\1", coding = 0 }, { dc = 0, octets = "\5\0\3\7\2\1abc", esm = 0x40 } },
      { { text = "\0a", udh = "\5\0\3\7\2\1", coding = 2 }, { dc = 8, octets = "\5\0\3\7\2\1\0a", esm = 0x40 } },
      { { coding = "", mclass = "", udh = "", smsc = "", account = "", binfo = "", ["dlr-url"] = "" }, { dc = 0, words = "Hello" } },
      { { compress = 1, ["alt-dcs"] = 1, rpi = 1, nosuch = "x" }, { dc = 0, words = "Hello" } },
      { { pid = 5, binfo = "svc", priority = 2 }, { dc = 0, words = "Hello", pid = 5, service = "svc", priority = 2 } },
      { { user = "acme", pass = "secret", username = false, password = false }, { dc = 0, words = "Hello" } },
    }
    for i, case in ipairs(cases) do
      assert.equal("202 0: Accepted for delivery", said(w, case[1]), "case " .. i)
      async.wait_until(function() return #w.got == i end)
      local pdu, wanted = w.got[i], case[2]
      assert.same({ wanted.dc, wanted.esm or 0 }, { pdu.data_coding, pdu.esm_class }, "case " .. i)
      if wanted.words then assert.equal(wanted.words, (text.read(pdu)), "case " .. i) else assert.equal(wanted.octets, pdu.short_message, "case " .. i) end
      assert.same({ wanted.pid or 0, wanted.service or "", wanted.priority or 0 }, { pdu.protocol_id, pdu.service_type, pdu.priority_flag })
    end
  end))

  it("keeps the tag of a message that waits", world({ store = true, rules = 'route { tagged = "smsc:telco", via = "a" }', answer = function(_, _, n)
    if n == 1 then return nil, "ESME_RMSGQFUL" end
    return "c-" .. n
  end }, function(w)
    assert.equal("400 destination address invalid, rejected", said(w))
    local _, _, answer = sendsms(w, { smsc = "telco" })
    w:wait(answer.headers["smpp-message-id"], "sent")
    assert.equal(2, #w.got)
  end))

  it("tells each bit once, though the gateway is started anew", world({ store = true }, function(w)
    local hook = hooks.receiver()
    local _, _, answer = sendsms(w, { ["dlr-mask"] = 31, ["dlr-url"] = hook.url .. "?d=%d" })
    w:wait(answer.headers["smpp-message-id"], "sent")
    hook.wait(1)
    async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
    w.gateway:close(0)
    w.gateway = assert(require("smpp.gateway").new { path = "gateway.lua", text = w.text, watch_s = 0, store = w.store })
    async.wait_until(function() return w.gateway.carriers[1].client:is_ready() and w.gateway.books.restored end)
    w:receipt "c-1"
    hook.wait(2)
    smpp.sleep(0.05)
    assert.same({ 2, "8", "1" }, { #hook.got, hook.got[1].query.d, hook.got[2].query.d })
    hook.server:close(0)
  end))

  it("calls a server no more than `parallel` times at once, whatever the URLs, and forgets them", world({ store = true, http = ", parallel = 2" },
    function(w)
      local hook = hooks.receiver(setmetatable({}, { __index = function()
        return function()
          smpp.sleep(0.02)
          return 200
        end
      end }))
      for i = 1, 8 do sendsms(w, { ["dlr-mask"] = 8, ["dlr-url"] = hook.url .. "?d=%d&n=" .. i }) end
      hook.wait(8)
      assert.equal(2, hook.most)
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 and w.gateway.http.webhooks.running == 0 end)
      async.wait_until(function() return next(w.gateway.http.webhooks.hooks) == nil end)
      hook.server:close(0)
    end))

  it("tells a message's bits in their order, unless a call fails", world({ store = true, http = ", retry = { first_s = 0.3 }" }, function(w)
    local first = true
    local hook = hooks.receiver(setmetatable({}, { __index = function(_, n)
      return function(request)
        if not request.query:find "d=8" then return 200 end
        smpp.sleep(0.1)
        local answer = n > 2 and first and 500 or 200
        first = first and answer == 200
        return answer
      end
    end }))
    local function send(n)
      local _, _, answer = sendsms(w, { ["dlr-mask"] = 31, ["dlr-url"] = hook.url .. "?d=%d" })
      w:wait(answer.headers["smpp-message-id"], "sent")
      w:receipt("c-" .. n)
    end
    send(1)
    hook.wait(2)
    assert.same({ "8", "1" }, { hook.got[1].query.d, hook.got[2].query.d })
    send(2)
    hook.wait(5) -- 8 failed, 1 does not wait for it
    assert.same({ "8", "1", "8" }, { hook.got[3].query.d, hook.got[4].query.d, hook.got[5].query.d })
    async.wait_until(function() return next(w.gateway.http.webhooks.hooks) == nil end)
    hook.server:close(0)
  end))

  it("holds what is deferred, and says so", world({ store = true }, function(w)
    local status, words, answer = sendsms(w, { deferred = 10, validity = 60 })
    assert.same({ 202, "3: Queued for later delivery" }, { status, words })
    local _, message = w:call("GET", "/v1/messages/" .. answer.headers["smpp-message-id"])
    assert.equal("scheduled", message.state)
    assert.equal(0, #w.got)
  end))

  it("queues what no carrier takes now, with a store", world({ store = true, down = true }, function(w)
    assert.equal("202 3: Queued for later delivery", said(w))
  end))

  it("says what rules, limits and carriers refuse", world({
    rules = 'route { to = "4910", reject = "ESME_RINVDSTADR" }\nroute { to = "4911", via = "a" }',
    account = ', to = prefix "491", credit = 1', answer = function(_, pdu)
      if pdu.destination_addr == "49111" then return nil, "ESME_RINVSRCADR" end
      return nil, "ESME_RTHROTTLED"
    end,
  }, function(w)
    assert.equal("403 the account may not send to this destination, rejected", said(w, { to = "+4920" }))
    assert.matches("^400 .*, rejected$", said(w, { to = "+4910" }))
    assert.equal("503 Temporal failure, try again later.", said(w, { to = "+4911" }))
    assert.matches("^400 .*, rejected$", said(w, { to = "+4912" }))
  end))

  it("has the limits of the account", world({ account = ", credit = 1" }, function(w)
    assert.equal("202 0: Accepted for delivery", said(w))
    assert.equal("403 the account has no credit left, rejected", said(w))
  end))

  it("takes passwords only from where the account may come from", world({ account = ', addresses = { "192.0.2.0/24" }' }, function(w)
    assert.equal("403 Authorization failed for sendsms", said(w))
  end))

  it("takes forms, and texts whose parameters are headers", world({}, function(w)
    local function post(media, body, headers)
      local list = { media and "Content-Type: " .. media or "Content-Type:" }
      for name, value in pairs(headers or {}) do list[#list + 1] = ("X-Kannel-%s: %s"):format(name, value) end
      local answer = assert(http.request { url = w.url .. "/cgi-bin/sendsms", method = "POST", body = body, headers = list })
      return ("%d %s"):format(answer.status, answer.body)
    end
    local FORM = "application/x-www-form-urlencoded"
    assert.equal("202 0: Accepted for delivery", post(FORM, "username=acme&password=secret&to=%2B491761&from=Shop&text=a+b%26c"))
    assert.equal("a b&c", (text.read(w.got[1])))
    local head = { Username = "acme", Password = "secret", To = "+491761 +491762", From = "Shop", Account = "job", ["DLR-Mask"] = "0", Priority = "1" }
    assert.equal("202 0: Accepted for delivery", post("text/plain; charset=ISO-8859-1", "gr\252n & x=y", head))
    assert.same({ 3, "grün & x=y", 1 }, { #w.got, (text.read(w.got[2])), w.got[2].priority_flag })
    head.UDH, head.To = "060504158A0000", "+491761"
    assert.equal("202 0: Accepted for delivery", post("application/octet-stream", "\1\2", head))
    assert.same({ "\6\5\4\21\138\0\0\1\2", 4 }, { w.got[4].short_message, w.got[4].data_coding })
    head.UDH = "0"
    assert.equal("400 UDH field misformed, rejected", post("text/plain", "x", head))
    head.Password = "wrong"
    assert.equal("403 Authorization failed for sendsms", post("text/plain", "x", head))
    assert.equal("400 Invalid content-type", post("application/json", "{}", head))
    assert.equal("400 Invalid content-type", post("multipart/form-data; boundary=x", "x"))
    assert.equal(4, #w.got)
  end))

  it("calls no private address, and refuses one at once", support.world({ http = ", kannel = true" }, function(w)
    for _, url in ipairs { "http://127.0.0.1/", "http://localhost:80/", "http://2130706433/", "http://[::1]/%d" } do
      local status, words = sendsms(w, { ["dlr-mask"] = 1, ["dlr-url"] = url })
      assert.same({ 400, true }, { status, words:find("^DLR%-URL field misformed, rejected") ~= nil }, url)
    end
    assert.equal(0, #w.got)
  end))

  it("reads any form without failing", world({ down = true }, function(w)
    local random = require("spec.support.util").random(17)
    local names = { "username", "password", "to", "from", "text", "udh", "coding", "mclass", "charset", "dlr-mask", "dlr-url", "validity", "binfo" }
    local likely = { "acme", "secret", "+491", "Shop", "utf-8", "0", "1", "2", "\5\0\3\1\2\1", "http://127.0.0.1/", "ISO-8859-1", "UTF-16BE" }
    for _ = 1, 300 do
      local params = { username = "acme", password = "secret", to = "+491" }
      for _ = 1, random(8) do
        local value = likely[random(#likely)]
        if random(2) == 1 then
          local octets = {}
          for i = 1, random(20) do octets[i] = string.char(random(256) - 1) end
          value = table.concat(octets)
        end
        params[names[random(#names)]] = value
      end
      local status = sendsms(w, params)
      assert.is_true(status == 400 or status == 403 or status == 503, query_of(params))
    end
  end))

  it("reads parameters in time that grows with their length", function()
    local self = { loop = { time = function() return 0 end }, rule = require("smpp.http.address").rule(true) }
    local function cost(n, octet)
      local count = 0
      debug.sethook(function() count = count + 1 end, "", 100)
      kannel.values(self, { text = octet:rep(n), from = octet:rep(n), udh = octet:rep(n), charset = octet:rep(n), account = octet:rep(n) })
      debug.sethook()
      return count
    end
    for _, octet in ipairs { " ", "a", "%", "\255", "\0" } do
      assert.is_true(cost(65536, octet) <= 20 * cost(8192, octet) + 100, ("%q"):format(octet))
    end
  end)
end)
