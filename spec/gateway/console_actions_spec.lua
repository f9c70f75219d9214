local async = require "spec.support.async"
local consoles = require "smpp.gateway.console"
local http_json = require "smpp.http.json"
local smpp = require "smpp"
local support = require "spec.support.gateways"
local support_http = require "spec.support.gateway_http"

local submit, world = support.submit, support.world

--- A function that calls an action: its answer as the page gets it; nil, message, code, field.
local function caller(console)
  return function(name, values)
    local object, message, code, field = console:actions()[name][2](values or {})
    if not object then return nil, message, code, field end
    return http_json.read(http_json.write(object))
  end
end

local function watched(text, fn, o)
  world(text, function(w)
    local console = consoles.new(w.gateway)
    fn(w, caller(console))
    console:close()
  end, o)
end

describe("smpp.gateway.console_actions", function()
  it("explain where a typed message would go, with the carriers that are there now", function()
    watched(support.FILE:gsub("route", 'route { text = "^PROMO", reject = "ESME_RX_R_APPN" }\nroute', 1), function(w, call)
      smpp.sleep(1)
      local one = call("explain", { account = "acme", from = "Shop", to = "+49 151", text = "PROMO now" })
      assert.same({ "reject", "reject ESME_RX_R_APPN", 4, 1 }, { one.decision.action, one.decision.what, one.decision.line, #one.steps })
      one = call("explain", { account = "acme", to = "49151", text = "Hi" })
      assert.same({ "via a, then b", false, true }, { one.decision.what, one.steps[1].matched, one.steps[2].matched })
      w.gateway.by_name.a:switch(true)
      assert.equal("via b", call("explain", { account = "acme", to = "49151", text = "" }).decision.what)
      w.gateway.by_name.b:switch(true)
      one = call("explain", { account = "acme", to = "49151", text = "Hi" })
      assert.equal("no carrier is available: ESME_RSYSERR", one.decision.what)
      assert.same({ 0, 0 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.is_nil(next(w.gateway.counts))
      assert.same({ nil, "unknown carrier 'xyz'", "bad_value" }, { call("explain", { carrier = "xyz", to = "1" }) })
      assert.same({ nil, "expected an account or a carrier, not both", "bad_value", "carrier" }, { call("explain", { carrier = "a", account = "acme", to = "1" }) })
      assert.equal("bad_value", select(3, call("explain", { to = ("1"):rep(30) })))
      assert.equal("reject ESME_RX_P_APPN", call("explain", { carrier = "a", from = "1", to = "2", text = "STOP" }).decision.what)
    end)
  end)

  it("turn carriers off and on: at once, logged once, over reloads that say nothing of it", function()
    watched(nil, function(w, call)
      local acme = w:customer()
      assert.equal("off", call("carrier", { name = "a", off = true }).state)
      call("carrier", { name = "a", off = true })
      submit(acme)
      assert.same({ 0, 1 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.same({ true }, w:logged("carrier_changed", "off"))
      w.gateway.options.text = w.text:gsub('2001"', '2001", cost = 2')
      assert(w.gateway:reload())
      assert.is_true(w.gateway.by_name.a.own.off)
      w.gateway.options.text = w.text:gsub('2001"', '2001", cost = 2, window = 3') -- bound anew
      assert(w.gateway:reload())
      smpp.sleep(1)
      assert.is_true(w.gateway.by_name.a.own.off)
      submit(acme)
      assert.same({ 0, 2 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.equal("up", call("carrier", { name = "a", off = false }).state)
      submit(acme)
      assert.equal(1, #w.carriers[1].got)
      call("carrier", { name = "a", off = true })
      w.gateway.options.text = w.text:gsub('2001"', '2001", off = true') -- now the file says it
      assert(w.gateway:reload())
      assert.is_nil(w.gateway.by_name.a.switched)
      w.gateway.options.text = w.text
      assert(w.gateway:reload())
      assert.is_false(w.gateway.by_name.a.own.off)
      assert.same({ nil, "there is no carrier 'x'", "not_found", "name" }, { call("carrier", { name = "x", off = true }) })
    end)
  end)

  it("sends what waits as soon as its carrier is on again", function()
    support.stored(support.STORED_FILE:gsub('failover { "a", "b" }', '"a"'), function(w)
      local console = consoles.new(w.gateway)
      local call = caller(console)
      call("carrier", { name = "a", off = true })
      local acme = w:customer()
      submit(acme)
      smpp.sleep(5)
      assert.equal(0, #w.carriers[1].got)
      call("carrier", { name = "a", off = false })
      smpp.sleep(0.2)
      assert.equal(1, #w.carriers[1].got)
      console:close()
    end, { count = 1 })
  end)

  it("reload the file, and show the problems of a broken one, which changes nothing", function()
    watched(nil, function(w, call)
      local good = w.text
      w.gateway.options.text = good .. 'route { via = "c" }\nroute { too = "1" }\n'
      local answer = call "reload"
      assert.is_false(answer.ok)
      assert.is_true(#answer.problems >= 2)
      local first = answer.problems[1]
      assert.same({ "gateway.lua", 5, "error" }, { first.file, first.line, first.severity })
      assert.truthy(first.message:find "c")
      assert.equal(#answer.problems, #w:logged "not_loaded")
      w.gateway.options.text = good .. 'carrier "d" { "smpp://me:x@localhost:2009" }\n'
      answer = call "reload"
      assert.same({ true, "warning", "carrier 'd' is used by no rule" }, { answer.ok, answer.problems[1].severity, answer.problems[1].message })
      assert.same({ "loaded" }, w:logged "loaded")
    end)
  end)

  it("send a test message the way of those by HTTP", support_http.world({ account = ", max_parts = 1" }, function(w)
    local console = consoles.new(w.gateway)
    local call = caller(console)
    local item = assert(call("send", { account = "acme", from = "Test", to = "+491761", text = "From the console" }))
    assert.same({ 1, "sent" }, { item.parts, item.state })
    assert.same({ "Test", "From the console" }, { w.got[1].source_addr, w.got[1].short_message })
    assert.equal(item.id, call("message", { id = item.id }).message.id)
    local logged = {}
    for _, record in ipairs(w.records) do
      if record.event == "console_sent" then logged[#logged + 1] = record.id end
    end
    assert.same({ item.id }, logged)
    assert.same({ nil, "too_long" }, { call("send", { account = "acme", from = "T", to = "491", text = ("x"):rep(400) }), (select(3,
      call("send", { account = "acme", from = "T", to = "491", text = ("x"):rep(400) }))) })
    assert.equal("from", select(4, call("send", { account = "acme", to = "491", text = "Hi" })))
    assert.equal("not_found", select(3, call("send", { account = "nosuch", from = "T", to = "491", text = "Hi" })))
    assert.equal("to", select(4, call("send", { account = "acme", from = "T", to = { "491" }, text = "Hi" })))
    assert.equal("text", select(4, call("send", { account = "acme", from = "T", to = "491" })))
    assert.equal(1, #w.got)
    console:close()
  end))

  it("show events that fail, and send them again", support_http.world({
    account = ', webhook = "http://u:p@127.0.0.1:1/hook"', http = ", allow_private = true, retry = { first_s = 0.01, for_s = 0.05 }",
  }, function(w)
    local console = consoles.new(w.gateway)
    local call = caller(console)
    local _, body = w:send()
    w:wait(body.id, "sent")
    w:receipt "c-1"
    local found
    async.wait_until(function()
      found = call "events"
      return found.urls[1] and found.urls[1].dead == 1
    end)
    assert.same({ "acme", "http://***@127.0.0.1:1/hook", 0, 1 }, { found.urls[1].account, found.urls[1].url, found.urls[1].pending, found.urls[1].dead })
    assert.same({ 1, "dead", body.id, "acme" }, { #found.events, found.events[1].state, found.events[1].message, found.events[1].account })
    assert.equal(1, console:state().webhooks.given_up)
    assert.same({ 0 }, { call("retry", { account = "bank" }).count })
    assert.equal(1, call("retry", { account = "acme" }).count)
    assert.equal(1, call("retry", { account = "acme", id = found.events[1].id }).count)
    assert.equal("not_found", select(3, call("retry", { account = "bank", id = found.events[1].id })))
    assert.equal("not_found", select(3, call("retry", { account = "nosuch" })))
    assert.same({ 0, true }, { #call("events", { account = "bank" }).urls, found.all })
    local again = 0
    for _, record in ipairs(w.records) do again = again + (record.event == "webhook_again" and 1 or 0) end
    assert.equal(2, again)
    console:close()
  end))
end)
