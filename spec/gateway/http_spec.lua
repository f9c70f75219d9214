local support = require "spec.support.gateway_http"
local web = require "spec.support.web"

local function short(status, body) return ("%d %s"):format(status, type(body) == "table" and body.code or "") end

describe("smpp.gateway.http", function()
  it("asks for a token, and answers a missing and a wrong one alike", support.world({}, function(w)
    local status, _, answer = w:call("GET", "/v1/account", nil, { token = false })
    local wrong_status, _, wrong = w:call("GET", "/v1/account", nil, { token = "nosuch-token" })
    assert.same({ 401, 401, 'Bearer realm="smpp"', wrong.body }, { status, wrong_status, answer.headers["www-authenticate"], answer.body })
    assert.equal("401 unauthorized", short(w:call("GET", "/v1/account", nil, { token = false, headers = { "Authorization: Basic YTpi" } })))
    assert.equal(200, (w:call("GET", "/v1/account", nil, { token = false, headers = { "Authorization: bearer " .. support.TOKEN } })))
    assert.equal("401 unauthorized", short(w:call("GET", "/v1/account?token=" .. support.TOKEN, nil, { token = false })))
  end))

  it("makes an address wait that sends many wrong tokens, but never a right one", support.world({}, function(w)
    for _ = 1, 20 do assert.equal("401 unauthorized", short(w:call("GET", "/v1/account", nil, { token = "nosuch-token" }))) end
    local status, body, answer = w:call("GET", "/v1/account", nil, { token = "nosuch-token" })
    assert.same({ 429, "rate_limited" }, { status, body.code })
    assert.is_true(tonumber(answer.headers["retry-after"]) >= 1)
    assert.equal(200, (w:call("GET", "/v1/account")))
  end))

  it("serves health, readiness, metrics and its description without a token", support.world({}, function(w)
    local status, body = w:call("GET", "/health", nil, { token = false })
    assert.same({ 200, "ok" }, { status, body.status })
    status, body = w:call("GET", "/ready", nil, { token = false })
    assert.same({ 200, "ready" }, { status, body.status })
    w.gateway.node = { is_away = function() return true end }
    status, body = w:call("GET", "/ready", nil, { token = false })
    assert.same({ 503, { "store" } }, { status, body.reasons })
    w.gateway.node = nil
    status, body = w:call("GET", "/metrics", nil, { token = false })
    assert.equal(200, status)
    assert.matches("\n# EOF\n$", body)
    status, body = w:call("GET", "/openapi.json", nil, { token = false })
    assert.same({ 200, "3.1.0" }, { status, body.openapi })
    assert.equal("404 not_found", short(w:call("GET", "/v2")))
  end))

  it("sends no header twice, and nothing that a cache may keep, on any path", support.world({ http = ", kannel = true, jasmin = true" }, function(w, loop)
    local server = w.gateway.http.servers[1]
    for _, own in ipairs { "", ("Authorization: Bearer %s\r\nContent-Type: application/json\r\n"):format(support.TOKEN) } do
      local answers = web.walk(loop, server, own)
      assert.same({}, web.header_faults(answers))
      assert.truthy(answers["GET /health 200"] and answers["GET /console/ 200"] and answers["GET /ping 200"] and answers["GET /none 404"])
      assert.equal(own ~= "", answers["GET /v1/account 200"] ~= nil)
    end
  end))

  it("serves no metrics where they are switched off", support.world({ http = ", metrics = false" }, function(w)
    assert.equal("404 not_found", short(w:call("GET", "/metrics")))
  end))

  it("serves a console on loopback, which its token opens and no token of an account", support.world({}, function(w)
    local server = w.gateway.http.servers[1]
    local token = w.gateway.http.pages[server]:url(server.url):match "^http://127.0.0.1:%d+/console/#token=([%w_-]+)$"
    assert.is_true(#token >= 22)
    local status, body, answer = w:call("GET", "/console/", nil, { token = false })
    assert.same({ 200, "no-store" }, { status, answer.headers["cache-control"] })
    assert.matches("<!doctype html>", body)
    answer = select(3, w:call("GET", "/", nil, { token = false }))
    assert.same({ 302, "/console/" }, { answer.status, answer.headers.location })
    for _, view in ipairs { "overview.js", "parts.js", "gateway.css" } do assert.equal(200, (w:call("GET", "/console/" .. view, nil, { token = false }))) end
    assert.equal("421 misdirected", short(w:call("GET", "/console/", nil, { token = false, headers = { "Host: sms.example" } })))
    assert.equal("401 unauthorized", short(w:call("GET", "/console/api/state")))
    assert.equal("401 unauthorized", short(w:call("POST", "/console/login", { token = support.TOKEN })))
    status, body, answer = w:call("POST", "/console/login", { token = token })
    assert.equal(200, status)
    local cookie = "Cookie: " .. answer.headers["set-cookie"]:match "^[^;]*"
    local function call(path, object, csrf)
      return w:call(object and "POST" or "GET", path, object, { token = false, headers = { cookie, csrf and "X-CSRF-Token: " .. csrf or nil } })
    end
    status, answer = call "/console/api/state"
    assert.same({ 200, "Gateway", "a" }, { status, answer.title, answer.state.carriers[1].name })
    assert.is_table(answer.feeds.history.items)
    assert.equal("403 cross_site", short(call("/console/api/carrier", { name = "a", off = true })))
    assert.equal("400 bad_value", short(call("/console/api/carrier", { name = "a", off = 1 }, body.csrf)))
    assert.equal("404 not_found", short(call("/console/api/carrier", { name = "b", off = true }, body.csrf)))
    assert.equal(200, (call("/console/api/carrier", { name = "a", off = true }, body.csrf)))
    assert.is_true(w.gateway.carriers[1].own.off)
    assert(w.gateway:reload())
    assert.equal(200, (call "/console/api/state"))
  end))

  it("serves no console where it is switched off, and by more names where the file has them", function()
    support.world({ http = ", console = false" }, function(w)
      assert.equal("404 not_found", short(w:call("GET", "/console/")))
      assert.equal("404 not_found", short(w:call("GET", "/")))
      assert.is_nil(w.gateway.http.console)
      w.gateway.options.text = w.text:gsub("console = false", "console = true")
      assert.is_true((w.gateway:reload()))
      assert.equal("404 not_found", short(w:call("GET", "/console/")))
      local reason
      for _, record in ipairs(w.records) do reason = record.event == "needs_restart" and record.reason or reason end
      assert.equal("http has changed", reason)
    end)()
    support.world({ http = ', names = { "sms.example" }' }, function(w)
      assert.equal(200, (w:call("GET", "/console/", nil, { headers = { "Host: SMS.example:8080" } })))
    end)()
  end)

  it("takes JSON only, and says so", support.world({}, function(w)
    local body = '{"from":"Shop","to":"+491","text":"x"}'
    assert.equal("415 unsupported_media_type", short(w:call("POST", "/v1/messages", body, { type = "text/plain" })))
    assert.equal("415 unsupported_media_type", short(w:call("POST", "/v1/messages", body, { type = "application/json; charset=latin1" })))
    assert.equal("202 ", short(w:call("POST", "/v1/messages", body, { type = "application/json; charset=UTF-8" })))
    local _, _, answer = w:call("GET", "/v1/account")
    assert.equal("no-store", answer.headers["cache-control"])
    assert.is_nil(answer.headers["access-control-allow-origin"])
    assert.equal("405 method_not_allowed", short(w:call("PUT", "/v1/account", "{}")))
  end))

  it("checks the token before a body", support.world({ http = ", max_body_octets = 1000" }, function(w)
    local body = '{"text":"' .. ("x"):rep(5000) .. '"}'
    assert.equal("401 unauthorized", short(w:call("POST", "/v1/messages", body, { token = false })))
    assert.equal("413 too_large", short(w:call("POST", "/v1/messages", body)))
  end))

  it("takes tokens of a file that was loaded again", support.world({}, function(w)
    w.gateway.options.text = w.text:gsub("acme%-token%-1", "acme-token-2")
    assert.is_true((w.gateway:reload()))
    assert.equal(401, (w:call("GET", "/v1/account")))
    assert.equal(200, (w:call("GET", "/v1/account", nil, { token = "acme-token-2" })))
  end))

  it("takes limits of a file that was loaded again", support.world({ http = ", max_body_octets = 100" }, function(w)
    local body = ('{"from":"Shop","to":["+491","+492","+493"],"text":"%s"}'):format(("x"):rep(100))
    assert.equal("413 too_large", short(w:call("POST", "/v1/messages", body)))
    w.gateway.options.text = w.text:gsub("max_body_octets = 100", "max_body_octets = 1000"):gsub("max_to = 4", "max_to = 2")
    assert.is_true((w.gateway:reload()))
    assert.equal("413 too_many", short(w:call("POST", "/v1/messages", body)))
    w.gateway.options.text = w.text:gsub("max_body_octets = 100", "max_header_octets = 100000")
    assert.is_true((w.gateway:reload()))
    assert.equal("202 ", short(w:call("POST", "/v1/messages", body)))
    local reason
    for _, record in ipairs(w.records) do reason = record.event == "needs_restart" and record.reason or reason end
    assert.equal("http: max_header_octets has grown", reason)
  end))

  it("answers what runs when it closes", support.world({ answer = function()
    require("smpp").sleep(0.1)
    return "late"
  end }, function(w)
    local status
    require("smpp").spawn(function() status = w:send() end)
    require("spec.support.async").wait_until(function() return #w.got == 1 end)
    w.gateway:close(5)
    require("spec.support.async").wait_until(function() return status end)
    assert.equal(202, status)
  end))
end)
