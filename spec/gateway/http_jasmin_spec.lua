local async = require "spec.support.async"
local http = require "smpp.http"
local hooks = require "spec.support.hook"
local json = require "smpp.codec.json"
local smpp = require "smpp"
local support = require "spec.support.gateway_http"
local text = require "smpp.text"

local function escape(value) return (tostring(value):gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end)) end

local function form_of(params)
  local list = {}
  for name, value in pairs(params) do
    if value ~= false then list[#list + 1] = escape(name) .. "=" .. escape(value) end
  end
  table.sort(list)
  return table.concat(list, "&")
end

--- Calls a path: status, words, the answer.
local function call(w, path, params, o)
  local all = { username = "acme", password = "secret" }
  if path ~= "/balance" then all.to, all.from, all.content = "+491761", "Shop", "Hello" end
  for name, value in pairs(params or {}) do all[name] = value end
  local answer
  if o and o.body then
    answer = assert(http.request { url = w.url .. path, method = "POST", body = o.body, headers = { "Content-Type: " .. o.type } })
  elseif o and o.method == "POST" then
    answer = assert(http.request {
      url = w.url .. path, method = "POST", body = form_of(all), headers = { "Content-Type: application/x-www-form-urlencoded" },
    })
  else
    answer = assert(http.request { url = w.url .. path .. "?" .. form_of(all), method = o and o.method })
  end
  return answer.status, answer.body, answer
end

local function said(w, path, params, o) return ("%d %s"):format(call(w, path, params, o)) end

local function id_of(words) return words:match '^Success "([%w.-]+)"$' end

local function world(o, fn)
  local given = {}
  for name, value in pairs(o) do given[name] = value end
  given.http = ", jasmin = true, allow_private = true, retry = { first_s = 0.02, max_s = 0.1, for_s = 60 } " .. (o.http or "")
  return support.world(given, fn)
end

local ACK = "ACK/Jasmin"

for _, store in ipairs { false, true } do
  describe("smpp.gateway.http_jasmin, " .. (store and "stored" or "through") .. ":", function()
    it("takes a message, by GET, as a form, and as JSON", world({ store = store }, function(w)
      local status, words, answer = call(w, "/send", { content = "Größe" })
      assert.same({ 200, "text/plain" }, { status, answer.headers["content-type"] })
      local message = w:wait(id_of(words), "sent")
      assert.same({ "Shop", "+491761", "Größe" }, { message.from, message.to, message.text })
      assert.equal(200, (call(w, "/send", { content = "form" }, { method = "POST" })))
      local body = json.encode { username = "acme", password = "secret", to = "491762", content = "JSON", coding = 0, priority = "2" }
      assert.equal(200, (call(w, "/send", nil, { body = body, type = "application/json" })))
      async.wait_until(function() return #w.got == 3 end)
      local by = {}
      for _, pdu in ipairs(w.got) do by[(text.read(pdu))] = pdu end
      assert.same({ 0, 2, "Shop", "" }, { by.form.registered_delivery, by.JSON.priority_flag, by.form.source_addr, by.JSON.source_addr })
    end))

    for level, wanted in pairs { [1] = { "1" }, [2] = { "2" }, [3] = { "1", "2" } } do
      it("calls the dlr-url: level " .. level, world({ store = store }, function(w)
        local hook = hooks.receiver(nil, " ACK/Jasmin\n")
        local _, words = call(w, "/send", { ["dlr-url"] = hook.url, ["dlr-level"] = level })
        local id = id_of(words)
        w:wait(id, "sent")
        if level ~= 2 then hook.wait(1) end
        w:receipt "c-1"
        hook.wait(#wanted)
        w:wait(id, "delivered")
        smpp.sleep(0.05)
        assert.equal(#wanted, #hook.got)
        local by = hook:by "level"
        if level ~= 2 then assert.same({ id = id, level = "1", message_status = "ESME_ROK", connector = "a" }, by["1"]) end
        if level ~= 1 then
          assert.same({
            id = id, level = "2", message_status = "DELIVRD", connector = "a", id_smsc = "c-1", subdate = "2611291200", donedate = "2611291200",
            sub = "001", dlvrd = "001", err = "000", text = "Hello",
          }, by["2"])
        end
        assert.same({ "POST", "application/x-www-form-urlencoded" }, { hook.got[1].method, hook.got[1].headers["content-type"] })
        async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
        hook.server:close(0)
      end))
    end

    it("calls by GET, if asked", world({ store = store }, function(w)
      local hook = hooks.receiver(nil, ACK)
      call(w, "/send", { ["dlr-url"] = hook.url .. "?mine=1", ["dlr-method"] = "GET", ["dlr-level"] = 1 })
      hook.wait(1)
      assert.same({ "GET", "1", "1", "" }, { hook.got[1].method, hook.got[1].query.mine, hook.got[1].query.level, hook.got[1].body })
      hook.server:close(0)
    end))

    it("tells what a carrier refused", world({ store = store, answer = function() return nil, "ESME_RINVDSTADR" end }, function(w)
      local hook = hooks.receiver(nil, ACK)
      for level = 1, 3 do
        local _, words = call(w, "/send", { ["dlr-url"] = hook.url, ["dlr-level"] = level })
        hook.wait(level)
        local form = hook.got[level].form
        local status = level == 2 and { "2", "REJECTD" } or { "1", "ESME_RINVDSTADR" }
        assert.same({ id_of(words), status[1], status[2], "a" }, { form.id, form.level, form.message_status, form.connector })
      end
      smpp.sleep(0.05)
      assert.equal(3, #hook.got)
      hook.server:close(0)
    end))

    it("tells how a message has failed", world({ store = store }, function(w)
      local hook = hooks.receiver(nil, ACK)
      local _, words = call(w, "/send", { ["dlr-url"] = hook.url, ["dlr-level"] = 2 })
      w:wait(id_of(words), "sent")
      w:receipt("c-1", "UNDELIV", "027")
      hook.wait(1)
      assert.same({ "UNDELIV", "027" }, { hook.got[1].form.message_status, hook.got[1].form.err })
      hook.server:close(0)
    end))

    it("is answered in words, or calls again", world({ store = store }, function(w)
      local hook = hooks.receiver({ { status = 200, body = "OK" }, { status = 204 }, { status = 200, body = "\n ACK/Jasmin " } })
      call(w, "/send", { ["dlr-url"] = hook.url, ["dlr-level"] = 1 })
      hook.wait(3)
      async.wait_until(function() return w.gateway.http.webhooks.count == 0 end)
      smpp.sleep(0.05)
      assert.equal(3, #hook.got)
      hook.server:close(0)
    end))

    it("shows why an event waits, and is dead after 404", world({ store = store, http = ", max_connections = 99" }, function(w)
      local hook = hooks.receiver({ { status = 404 } }, "fine")
      call(w, "/send", { ["dlr-url"] = hook.url, ["dlr-level"] = 1 })
      local event
      async.wait_until(function()
        event = select(2, w:call("GET", "/v1/events?state=dead")).events[1]
        return event
      end)
      assert.same({ "status 404", 1, 404 }, { event.last_error, event.attempts, event.last_status })
      call(w, "/send", { ["dlr-url"] = hook.url, ["dlr-level"] = 1 })
      async.wait_until(function()
        event = select(2, w:call("GET", "/v1/events?state=pending")).events[1]
        return event and event.last_error ~= json.null
      end)
      assert.equal("200, but the body is not ACK/Jasmin", event.last_error)
      hook.server:close(0)
    end))

    it("gives rules its tags", world({ store = store, rules = 'route { tagged = "fast", set = { service_type = "F" } }\nroute { via = "a" }' }, function(w)
      call(w, "/send", { tags = "a-1,fast" })
      async.wait_until(function() return #w.got == 1 end)
      assert.equal("F", w.got[1].service_type)
    end))
  end)
end

describe("smpp.gateway.http_jasmin", function()
  it("is off unless it is asked for, and a reload switches it", support.world({}, function(w)
    assert.equal(404, (call(w, "/send")))
    assert.equal(404, (call(w, "/ping")))
    w.gateway.options.text = w.text:gsub("max_to = 4", "max_to = 4, jasmin = true")
    assert(w.gateway:reload())
    assert.same({ 200, 200 }, { (call(w, "/send")), (call(w, "/ping")) })
    w.gateway.options.text = w.text
    assert(w.gateway:reload())
    assert.equal(404, (call(w, "/rate")))
  end))

  it("refuses as Jasmin does", world({ rules = 'route { to = "491761", via = "a" }' }, function(w)
    for _, case in ipairs {
      { { to = false }, '400 Error "Mandatory argument [to] is not found."' },
      { { username = false }, '400 Error "Mandatory argument [username] is not found."' },
      { { password = false }, '400 Error "Mandatory argument [password] is not found."' },
      { { nosuch = 1 }, '400 Error "Argument [nosuch] is unknown."' },
      { { to = "abc" }, '400 Error "Argument [to] has an invalid value: [abc]."' },
      { { coding = 99 }, '400 Error "Argument [coding] has an invalid value: [99]."' },
      { { coding = 11 }, '400 Error "Argument [coding] has an invalid value: [11]."' },
      { { priority = 4 }, '400 Error "Argument [priority] has an invalid value: [4]."' },
      { { sdt = "soon" }, '400 Error "Argument [sdt] has an invalid value: [soon]."' },
      { { ["validity-period"] = "x" }, '400 Error "Argument [validity-period] has an invalid value: [x]."' },
      { { dlr = "maybe" }, '400 Error "Argument [dlr] has an invalid value: [maybe]."' },
      { { ["dlr-level"] = 4 }, '400 Error "Argument [dlr-level] has an invalid value: [4]."' },
      { { ["dlr-method"] = "PUT" }, '400 Error "Argument [dlr-method] has an invalid value: [PUT]."' },
      { { ["dlr-url"] = "nonsense" }, '400 Error "Argument [dlr-url] has an invalid value: [nonsense]."' },
      { { tags = "a b" }, '400 Error "Argument [tags] has an invalid value: [a b]."' },
      { { content = false, ["hex-content"] = "4" }, '400 Error "Argument [hex-content] has an invalid value: [4]."' },
      { { custom_tlvs = "[[1]]" }, '400 Error "Argument [custom_tlvs] has an invalid value: [[[1]]]."' },
      { { content = "gr\252n" }, '400 Error "Argument [content] has an invalid value: [gr\\xfcn]."' },
      { { content = false }, '400 Error "content or hex-content not present."' },
      { { ["hex-content"] = "41" }, '400 Error "content and hex-content cannot be used both in same request."' },
      { { password = "wrong" }, '403 Error "Authentication failure for username:acme"' },
      { { username = "nobody" }, '403 Error "Authentication failure for username:nobody"' },
      { { to = "491762" }, '412 Error "No route found"' },
      { { to = ("1"):rep(30) }, '400 Error "Argument [to] has an invalid value: [' .. ("1"):rep(30) .. ']."' },
    } do
      assert.equal(case[2], said(w, "/send", case[1]))
    end
    assert.equal('400 Error "Argument [to] has an invalid value: [a boolean]."', said(w, "/send", nil, { body = '{"to":true}', type = "application/json" }))
    assert.equal(400, (call(w, "/send", nil, { body = "{", type = "application/json" })))
    assert.equal(400, (call(w, "/send", nil, { body = "[]", type = "application/json" })))
    assert.equal(405, (call(w, "/send", nil, { method = "HEAD" })))
    assert.equal(0, #w.got)
  end))

  it("calls no private address, and refuses one at once", support.world({ http = ", jasmin = true" }, function(w)
    assert.equal('400 Error "Argument [dlr-url] has an invalid value: [http://127.0.0.1/]."', said(w, "/send", { ["dlr-url"] = "http://127.0.0.1/" }))
  end))

  it("has the limits of the account", world({ account = ", credit = 1, quota = { n = 5 }" }, function(w)
    assert.equal('200 {"balance":1,"sms_count":5}', said(w, "/balance"))
    assert.equal(200, (call(w, "/send")))
    assert.equal('200 {"balance":0,"sms_count":4}', said(w, "/balance"))
    assert.equal('403 Error "Cannot charge submit_sm, check RouterPB log file for details"', said(w, "/send"))
  end))

  it("says that the quota is used up", world({ account = ", quota = { n = 1 }" }, function(w)
    assert.equal(200, (call(w, "/send")))
    assert.equal('403 Error "User throughput exceeded"', said(w, "/send"))
  end))

  it("says that no carrier is there", world({ down = true }, function(w)
    assert.equal('500 Error "Cannot send submit_sm, no carrier is available"', said(w, "/send"))
  end))

  it("tells what a message costs", world({ account = ", credit = 10, price = 0.05", rules = 'route { to = prefix "491", via = "a" }' }, function(w)
    assert.equal('200 {"unit_rate":0.05,"submit_sm_count":1}', said(w, "/rate"))
    assert.equal('200 {"unit_rate":0.05,"submit_sm_count":2}', said(w, "/rate", { content = ("x"):rep(200) }))
    assert.equal('200 {"unit_rate":0.05,"submit_sm_count":1}', said(w, "/rate", { content = false, from = false }))
    local status, words, answer = call(w, "/rate", { to = "331" })
    assert.same({ 412, '"No route found"', "application/json" }, { status, words, answer.headers["content-type"] })
    assert.equal('400 "Argument [coding] has an invalid value: [99]."', said(w, "/rate", { coding = 99 }))
    assert.equal('403 "Authentication failure for username:acme"', said(w, "/balance", { password = "wrong" }))
    assert.equal('200 "Jasmin/PONG"', ('200 "%s"'):format(select(2, call(w, "/ping"))))
    assert.equal(0, #w.got)
  end))

  it("shows no balance where there is no limit", world({}, function(w)
    assert.equal('200 {"balance":"ND","sms_count":"ND"}', said(w, "/balance"))
    assert.equal('200 {"unit_rate":0,"submit_sm_count":1}', said(w, "/rate"))
  end))

  it("sends what the arguments say", world({ store = true }, function(w)
    local cases = {
      { { content = "П €" }, { 0, nil, "? €" } },
      { { content = "\4\31\0a", coding = 8 }, { 8, "\4\31\0a", "Пa" } },
      { { content = "\4\31\0", coding = 8 }, { 8, "\4\31\0" } },
      { { content = "gr\252n", coding = 3 }, { 3, "gr\252n", "grün" } },
      { { content = "\1\2", coding = 4 }, { 4, "\1\2" } },
      { { content = "\1\2", coding = 13 }, { 13, "\1\2" } },
      { { content = false, ["hex-content"] = "00410A" }, { 0, "\0A\10", "@A\n" } },
      { { content = false, ["hex-content"] = "ff00", coding = 2 }, { 2, "\255\0" } },
      { { content = "" }, { 0, "" } },
      { { priority = 3, ["validity-period"] = 60, sdt = "000000001000000R" }, { 0, "Hello" } },
      { { custom_tlvs = '[[5122, null, "COctetString", "abc"], ["0x1403", null, "Int4", 65538], [5124, 2, "OctetString", "xy"], [5125, null, "Int1", 7]]' },
        { 0, "Hello" } },
    }
    for i, case in ipairs(cases) do
      local status, words = call(w, "/send", case[1])
      assert.equal(200, status, words)
      if not case[1].sdt then async.wait_until(function() return #w.got == i - (i > 10 and 1 or 0) end) end
      local pdu = w.got[#w.got]
      if case[1].sdt then
        assert.equal("scheduled", select(2, w:call("GET", "/v1/messages/" .. id_of(words))).state)
      else
        assert.equal(case[2][1], pdu.data_coding, "case " .. i)
        if case[2][2] then assert.equal(case[2][2], pdu.short_message, "case " .. i) end
        if case[2][3] then assert.equal(case[2][3], (text.read(pdu)), "case " .. i) end
      end
    end
    local last, octets = w.got[#w.got], {}
    for i, tag in ipairs { 0x1402, 0x1403, 0x1404, 0x1405 } do octets[i] = last:tlv(tag) end
    assert.same({ "abc\0", "\0\1\0\2", "xy", "\7" }, octets)
  end))

  it("reads any form without failing", world({ down = true }, function(w)
    local random = require("spec.support.util").random(19)
    local names = { "username", "password", "to", "from", "content", "hex-content", "coding", "sdt", "dlr-url", "dlr-level", "tags", "custom_tlvs" }
    local likely = { "acme", "secret", "+491", "Shop", "0", "8", "3", "000000001000000R", "http://127.0.0.1/", "4142", "[[1,null,\"Int1\",1]]", "[[]]" }
    for _ = 1, 300 do
      local params = {}
      for _ = 1, random(8) do
        local value = likely[random(#likely)]
        if random(2) == 1 then
          local list = {}
          for i = 1, random(20) do list[i] = string.char(random(256) - 1) end
          value = table.concat(list)
        end
        params[names[random(#names)]] = value
      end
      local status = call(w, "/send", params)
      assert.is_true(status == 400 or status == 403 or status == 500, form_of(params))
    end
  end))
end)
