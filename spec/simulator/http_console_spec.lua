local async = require "spec.support.async"
local web = require "spec.support.web"
local with = require "spec.support.simulator_http"

--- A console of which somebody is logged in: act(name, body), state(cursor).
local function opened(o, fn)
  return with(o, function(ask, esme, sim, got)
    local _, login = ask("POST", "/console/login", { token = sim.http.console.token })
    local id = next(sim.http.console.logins.sessions)
    local headers = { "Cookie: smpp_console=" .. id, "X-CSRF-Token: " .. login.csrf }
    fn(function(name, body) return ask("POST", "/console/api/" .. name, body, headers) end,
      function(cursor) return select(2, ask("GET", "/console/api/state" .. (cursor and "?after=" .. cursor or ""), nil, headers)) end, esme, sim, got, ask)
  end)
end

describe("smpp.simulator.http_console", function()
  it("is there on loopback, unless it is turned off; elsewhere when it is turned on", function()
    local function has(http)
      local found
      with({ http = http }, function(_, _, sim) found = sim.http.console ~= nil end)()
      return found
    end
    assert.is_true(has(0))
    assert.is_false(has { port = 0, console = false })
    assert.is_false(has { port = 0, host = "0.0.0.0" })
    assert.is_true(has { port = 0, host = "0.0.0.0", console = true })
  end)

  it("stands beside the API and its token", function()
    with({ http = { port = 0, token = "of-the-API", console_token = "of the console" } }, function(ask, _, sim)
      assert.equal(302, (ask("GET", "/")))
      assert.equal(200, (ask("GET", "/console/")))
      assert.equal(401, (ask("GET", "/?stats")))
      assert.equal(200, (ask("GET", "/?stats", nil, { "Authorization: Bearer of-the-API" })))
      assert.equal(401, (ask("GET", "/v1/counts")))
      assert.equal(401, (ask("GET", "/consolex")))
      assert.equal("of the console", sim.http.console.token)
      assert.equal(401, (ask("POST", "/console/login", { token = "of-the-API" })))
      assert.equal(200, (ask("POST", "/console/login", { token = "of the console" })))
    end)()
  end)

  it("sends no header twice, and nothing that a cache may keep, on any path", with({}, function(ask, _, sim)
    local _, login = ask("POST", "/console/login", { token = sim.http.console.token })
    local lines = ("Cookie: smpp_console=%s\r\nX-CSRF-Token: %s\r\n"):format(next(sim.http.console.logins.sessions), login.csrf)
    for _, own in ipairs { "", lines } do
      local answers = web.walk(sim.loop, sim.http.server, own)
      assert.same({}, web.header_faults(answers))
      assert.truthy(answers["GET /v1/counts 200"] and answers["GET /console/ 200"] and answers["GET /none 404"])
      assert.matches("default%-src 'none'", answers["GET /console/ 200"]["content-security-policy"][1])
      assert.equal(own ~= "", answers["GET /console/api/stream 200"] ~= nil)
    end
  end))

  it("shows figures, sessions, messages, and a message again when its state is final", opened({ deliver_after_s = 1 }, function(_, state, esme)
    local first = state()
    assert.equal("Simulator", first.title)
    assert.equal(1, first.state.session_count)
    assert.same({ "me", "BOUND_TRX" }, { first.state.sessions[1].system_id, first.state.sessions[1].bind })
    assert.equal(100, first.state.options.outcomes.DELIVERED)
    assert(esme:send { from = "Anna", to = "+491761234567", text = "Grüße " .. ("x"):rep(900) })
    local new = state(first.cursor)
    assert.equal(new.state.counts.messages, #new.feeds.messages.items)
    assert.same({ "Anna", "+491761234567", "ENROUTE" }, { new.feeds.messages.items[1].from, new.feeds.messages.items[1].to, new.feeds.messages.items[1].state })
    async.wait_until(function() return state().state.states.DELIVERED == new.state.counts.messages end)
    local later = state(new.cursor)
    assert.equal(new.feeds.messages.items[1].id, later.feeds.messages.items[1].id)
    assert.equal("DELIVERED", later.feeds.messages.items[1].state)
  end))

  it("gives all of a message when it is asked for, and cuts long texts in lists", opened({}, function(act, state, esme)
    assert(esme:submit_sm { source_addr = "1", destination_addr = "2", message_payload = ("\233"):rep(3000), data_coding = 3 })
    local item = state().feeds.messages.items[1]
    assert.equal(("é"):rep(200) .. "…", item.text)
    local status, message = act("message", { id = item.id })
    assert.equal(200, status)
    assert.equal("2", message.fields.destination_addr)
    assert.equal(("é"):rep(3000), message.text)
    assert.equal(("e9"):rep(3000), message.fields.message_payload)
    assert.equal(404, (act("message", { id = "none" })))
  end))

  it("drops a session, sends an MO, changes options, orders, resets, explains", opened({}, function(act, state, esme, sim, got)
    assert.equal(202, (act("mo", { from = "49170", to = "123", text = "hi" })))
    async.wait_until(function() return got[1] end)
    assert.equal("hi", got[1].short_message)
    assert.equal(200, (act("options", { outcomes = { EXPIRED = 100 } })))
    assert.same({ EXPIRED = 100 }, state().state.options.outcomes)
    local status, wrong = act("options", { outcomes = { EXPIERD = 1 } })
    assert.same({ 400, "outcomes" }, { status, wrong.field:match "^%w+" })
    assert.equal(202, (act("order", { status = "ESME_RTHROTTLED", count = 1 })))
    assert.equal(1, state().state.orders)
    assert.same({ nil, "ESME_RTHROTTLED" }, { (function() local r, _, code = esme:submit_sm { destination_addr = "1" } return r, code end)() })
    assert.equal("enquire_link", select(2, act("explain", { hex = "00000010 00000015 00000000 00000001" })).pdus[1].command)
    assert.equal(200, (act("reset", "{}")))
    assert.same({ DELIVERED = 100 }, state().state.options.outcomes)
    assert.equal(404, (act("drop", { id = "none", how = "close" })))
    assert.equal(204, (act("drop", { id = state().state.sessions[1].id, how = "reset" })))
    async.wait_until(function() return #sim.server.sessions == 0 end)
  end))
end)
