-- What clients, servers and their sessions count.  The registry is one for all specs: they look at what is added.
local mc = require "spec.support.mc"
local metrics = require "smpp.metrics"
local smpp = require "smpp"
local task = require "smpp.base.task"

local get = metrics.get

--- What fn adds to metrics: { name or { name, labels } ... } -> numbers.
local function added(wanted, fn)
  local before = {}
  for i, one in ipairs(wanted) do before[i] = get(one[1], one[2]) end
  fn()
  local list = {}
  for i, one in ipairs(wanted) do list[i] = get(one[1], one[2]) - before[i] end
  return list
end

local function count(name, labels) return get(name, labels).count end

--- A simulator and a client of it.
local function world(fn, client, server)
  mc.world(function(w)
    local o = { accounts = nil }
    for name, value in pairs(server or {}) do o[name] = value end
    local sim = w:server(o, smpp.simulator)
    local options = { "smpp://me:secret@localhost", loop = w.loop }
    for name, value in pairs(client or {}) do options[name] = value end
    local esme, message = smpp.connect(options)
    fn(w, esme, sim, message)
    if esme then esme:close() end
    sim:close(1)
  end)
end

describe("smpp.metrics.standard", function()
  it("counts requests and responses once on each side, by direction and command", function()
    local out, into = { role = "client", direction = "out", command = "submit_sm" }, { role = "client", direction = "in", command = "submit_sm" }
    local s_in, s_out = { role = "server", direction = "in", command = "submit_sm" }, { role = "server", direction = "out", command = "submit_sm" }
    assert.same({ 3, 3, 3, 3 }, added({ { "smpp_requests", out }, { "smpp_responses", into }, { "smpp_requests", s_in }, { "smpp_responses", s_out } }, function()
      world(function(_, esme)
        for _ = 1, 3 do assert(esme:submit_sm { destination_addr = "491761234567", short_message = "x" }) end
      end)
    end))
  end)

  it("adds up: requests are responses, in the window or unknown; a latency for each response", function()
    local function sums()
      local left = {}
      for _, role in ipairs { "client", "server" } do
        left[#left + 1] = get("smpp_requests", { role = role, direction = "out" }) - get("smpp_responses", { role = role, direction = "in" })
          - get("smpp_window_used", { role = role }) - get("smpp_outcome_unknown", { role = role })
        left[#left + 1] = get("smpp_responses", { role = role }) - count("smpp_response_seconds", { role = role })
      end
      return left
    end
    local before = sums()
    world(function(w, esme, sim)
      for i = 1, 20 do
        task.spawn(function() esme:send { to = "49176123456" .. i, text = "x", receipt = true } end)
      end
      w:sleep(0.001)
      assert.same(before, sums()) -- while requests are in flight, too
      w:sleep(100)
      assert.same(before, sums())
      for _, session in ipairs(sim.server.sessions) do session:reset "cut" end
      w:sleep(10)
    end, { enquire_link_s = 5 }, { faults = { silence = 20 }, latency_s = 0.5 })
    assert.same(before, sums())
    assert.is_true(get("smpp_outcome_unknown", { role = "client" }) > 0)
  end)

  it("counts the outcomes of binds, on both sides, and disconnections by their reason", function()
    local refused = { bind = "trx", status = "ESME_RINVPASWD" }
    assert.same({ 2, 1, 1 }, added({
      { "smpp_binds", refused }, { "smpp_disconnections", { role = "server" } }, { "smpp_connections", { role = "server", result = "ok" } },
    }, function()
      world(function(_, esme) assert.is_nil(esme) end, nil, { accounts = { me = "other" } })
    end))
    assert.same({ 1, 1 }, added({
      { "smpp_disconnections", { role = "client", reason = "no_enquire_link_resp" } }, { "smpp_reconnections", { role = "client" } },
    }, function()
      world(function(w, esme, sim)
        local transport = sim.server.sessions[1].transport
        transport.write = function() end -- says no more
        w:sleep(60)
        assert.equal("bound", esme.state)
      end, { enquire_link_s = 5, enquire_link_response_s = 5 }, { enquire_link_s = 0 })
    end))
  end)

  it("shows sessions, their windows and what waits", function()
    local before = { get("smpp_sessions", { state = "bound_trx" }), get("smpp_window_limit", { role = "client" }) }
    world(function(w, esme)
      assert.equal(before[1] + 2, get("smpp_sessions", { state = "bound_trx" }))
      assert.equal(before[2] + 2, get("smpp_window_limit", { role = "client" }))
      for i = 1, 10 do
        task.spawn(function() esme:send { to = "49176123456" .. i, text = "x" } end)
      end
      w:sleep(3)
      assert.equal(2, get("smpp_window_used", { role = "client" }))
      assert.equal(8, get("smpp_queue_messages", { role = "client" }))
      assert.equal(3, get("smpp_queue_oldest_seconds", { role = "client" }))
      assert.is_true(get("smpp_queue_bytes", { role = "client" }) > 8)
      w:sleep(100)
      assert.equal(0, get("smpp_queue_messages", { role = "client" }))
      assert.equal(0, get("smpp_queue_oldest_seconds", { role = "client" }))
    end, { window = 2 }, { latency_s = 10 })
    assert.same(before, { get("smpp_sessions", { state = "bound_trx" }), get("smpp_window_limit", { role = "client" }) })
    assert.equal(0, get("smpp_queue_messages", { role = "client" }))
  end)

  it("shows the delivery queues of a server", function()
    mc.world(function(w)
      local server = w:server { accounts = { a = "secret" } }
      assert(server:deliver("a", { from = "1", to = "2", text = "x" }))
      w:sleep(7)
      assert.equal(1, get("smpp_queue_messages", { role = "server" }))
      assert.equal(7, get("smpp_queue_oldest_seconds", { role = "server" }))
      assert.is_true(get("smpp_queue_bytes", { role = "server" }) > 20)
      local esme = assert(w:bind { system_id = "a", deliver_sm = function() return true end })
      w:sleep(1)
      assert.equal(0, get("smpp_queue_messages", { role = "server" }))
      assert.equal(0, get("smpp_queue_bytes", { role = "server" }))
      esme:close()
      server:close()
    end)
  end)

  it("counts receipts by their state, and throttling", function()
    assert.same({ 1, 1 }, added({
      { "smpp_receipts", { role = "client", direction = "in", state = "delivered" } },
      { "smpp_receipts", { role = "server", direction = "out", state = "delivered" } },
    }, function()
      world(function(_, esme) assert(assert(esme:send { to = "491761234567", text = "x", receipt = true }):receipt(100)) end)
    end))
    assert.same({ 1, 1 }, added({
      { "smpp_throttled", { role = "client", direction = "in" } }, { "smpp_throttled", { role = "server", direction = "out" } },
    }, function()
      world(function(_, esme)
        for _ = 1, 2 do esme:submit_sm { destination_addr = "491761234567" } end
      end, { retry = false }, { accounts = { me = { password = "secret", rate_per_s = 1 } } })
    end))
  end)

  it("labels configured accounts and named clients, and nobody else", function()
    local wanted = {
      { "smpp_requests", { account = "me", command = "submit_sm" } }, { "smpp_requests", { target = "acme", command = "submit_sm" } },
    }
    local function submit(_, esme) assert(esme:submit_sm { destination_addr = "491761234567" }) end
    assert.same({ 1, 1 }, added(wanted, function() world(submit, { name = "acme" }, { accounts = { me = "secret" } }) end))
    assert.same({ 0, 0 }, added(wanted, function() world(submit) end))
    assert.truthy(metrics.text():find('smpp_response_seconds_bucket{role="client",direction="in",command="submit_sm",target="acme",le="0.001"}', 1, true))
  end)

  it("never makes a label of what a peer says", function()
    local series = metrics.registry.series
    mc.world(function(w)
      local server = w:server { submit_sm = function() return nil, 0x4A1 end }
      local esme = assert(w:bind { unchecked = true })
      for _ = 1, 3 do esme:submit_sm { destination_addr = "491761234567" } end
      w:talk("\0\0\0\16\18\52\86\120\0\0\0\0\0\0\0\1" .. ("\0\0\0\16\128\0\0\4\0\0\0\0\0\0\0\1"):rep(3))
      esme:close()
      server:close()
    end)
    assert.equal(series, metrics.registry.series)
    local text = metrics.text()
    assert.is_nil(text:find("0x", 1, true))
    assert.truthy(text:find('smpp_responses_total{role="client",direction="in",command="submit_sm",status="other"}', 1, true))
    assert.truthy(text:find('smpp_responses_total{role="server",direction="out",command="unknown",status="ESME_RINVCMDID"}', 1, true))
    assert.is_true(get("smpp_invalid_pdus", { role = "server", problem = "unknown_command" }) > 0)
    assert.is_true(get("smpp_invalid_pdus", { role = "server", problem = "unmatched_response" }) >= 3)
  end)

  it("counts accounts beyond max_series as other", function()
    local registry = metrics.new { max_series = 120 }
    local standard = require("smpp.metrics.standard").declare(registry)
    local one = standard.tally("server", "first")
    assert.equal(one, standard.tally("server", "first"))
    for i = 1, 10 do standard.tally("server", "a" .. i) end
    assert.equal(standard.tally("server", "other"), standard.tally("server", "a10"))
    assert.is_true(registry:get "smpp_metrics_overflow" > 0)
  end)

  it("ties a latency to the session that had it", function()
    world(function(_, esme)
      assert(esme:submit_sm { destination_addr = "491761234567" })
      assert.matches("^%x%x%x%x%x%x%x%x$", esme.session.id)
      assert.truthy(metrics.text():find(('command="submit_sm",target="exemplar",le="0.001"} 1 # {session="%s"} '):format(esme.session.id), 1, true))
    end, { name = "exemplar" })
  end)

  it("shows 0 from the start where the labels are known", function()
    local registry = metrics.new()
    require("smpp.metrics.standard").declare(registry)
    local text = metrics.text("openmetrics", registry)
    for _, line in ipairs {
      'smpp_sessions{role="client",state="bound_tx"} 0', 'smpp_requests_total{role="server",direction="in",command="submit_sm"} 0',
      'smpp_throttled_total{role="client",direction="in"} 0', 'smpp_receipts_total{role="client",direction="in",state="delivered"} 0',
      'smpp_disconnections_total{role="server",reason="no_bind"} 0', 'smpp_outcome_unknown_total{role="client"} 0',
      'smpp_tls_handshakes_total{role="server",result="ok",version="1.3",resumed="false"} 0', 'smpp_window_used{role="client"} 0',
      'smpp_responses_total{role="client",direction="in",command="submit_sm",status="ESME_ROK"} 0',
      'smpp_response_seconds_count{role="server",direction="out",command="submit_sm"} 0',
      'smpp_connections_total{role="client",result="refused"} 0', 'smpp_metrics_overflow_total 0', "smpp_loop_lag_seconds_count 0",
    } do
      assert.truthy(text:find("\n" .. line .. "\n", 1, true), line)
    end
    for _, metric in ipairs(registry.metrics) do assert.truthy(text:find("# TYPE " .. metric.name, 1, true)) end
  end)
end)
