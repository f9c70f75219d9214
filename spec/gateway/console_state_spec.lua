local cluster = require "spec.support.cluster"
local consoles = require "smpp.gateway.console"
local http_json = require "smpp.http.json"
local smpp = require "smpp"
local states = require "smpp.gateway.console_state"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

--- `world` with a console: fn(w, console).
local function watched(text, fn, o)
  world(text, function(w)
    local console = consoles.new(w.gateway)
    smpp.sleep(1)
    fn(w, console)
    console:close()
  end, o)
end

--- The state of a carrier, as the page gets it.
local function carrier(console, name)
  console.read_at = -math.huge
  for _, one in ipairs(http_json.read(http_json.write(console:state())).carriers) do
    if one.name == name then return one end
  end
end

describe("smpp.gateway.console_state", function()
  it("says how each carrier is", function()
    local failing
    watched(support.FILE:gsub('2001"', '2001", binds = 2, window = 7, breaker = { failures = 2, within_s = 10, open_s = 30 }'), function(w, console)
      local a = carrier(console, "a")
      assert.same({ "up", 2, 2, 0, 14, false }, { a.state, a.binds, a.wanted, a.window_used, a.window, a.switched })
      assert.equal("down", carrier(console, "b").state)
      local acme = w:customer()
      for _ = 1, 3 do submit(acme) end
      smpp.sleep(1)
      assert.same({ 3, 3, 0 }, { carrier(console, "a").sent, carrier(console, "a").accepted, carrier(console, "a").errors })
      failing = true
      for _ = 1, 2 do submit(acme) end
      a = carrier(console, "a")
      assert.same({ "open", 30, 2 }, { a.state, a.left_s, a.refused })
      smpp.sleep(31)
      assert.equal("half_open", carrier(console, "a").state)
      failing = false
      submit(acme)
      assert.equal("up", carrier(console, "a").state)
      w.carriers[1].server.sessions[1]:reset "gone"
      smpp.sleep(0.3)
      console.samples:take()
      assert.same({ "partly", 1 }, { carrier(console, "a").state, carrier(console, "a").binds })
      w.gateway.by_name.a:switch(true)
      assert.same({ "off", true }, { carrier(console, "a").state, carrier(console, "a").switched })
    end, { carriers = { function(_, _, n)
      if failing then return nil, "ESME_RSYSERR" end
      return "a-" .. n
    end, false } })
  end)

  it("counts what goes on", function()
    watched(nil, function(w, console)
      local acme = w:customer()
      for _ = 1, 10 do submit(acme) end
      smpp.sleep(2)
      local state = http_json.read(http_json.write(console:state()))
      assert.is_true(state.rate["in"] > 0 and state.rate.out == state.rate["in"])
      assert.same({ 2, 1, 2, 0, 0 }, { state.available, state.sessions, state.accounts, state.queue.messages, state.queue.outbound })
      assert.is_false(state.is_stored)
    end)
  end)

  it("counts what waits for customers", function()
    watched(support.FILE .. 'incoming { deliver = "acme" }\n', function(w, console)
      for _ = 1, 3 do assert(w.carriers[1].server:deliver("me", { source_addr = "491", destination_addr = "1", short_message = "Hi" })) end
      smpp.sleep(2)
      assert.equal(3, console:state().queue.outbound)
      local list = console:actions().accounts[2]({ name = "ACM" })
      assert.same({ 1, "acme", 3, 0 }, { #list.accounts, list.accounts[1].name, list.accounts[1].waiting, list.accounts[1].binds })
    end)
  end)

  it("shows accounts with what they may", function()
    local text = support.FILE:gsub('acme = "secret"', 'acme = { password = "secret", rate_per_s = 50, credit = 10, price = 0.25, quota = { n = 100, per_s = 3600 } }')
    watched(text, function(w, console)
      local acme = w:customer()
      for _ = 1, 4 do submit(acme) end
      local list = http_json.read(http_json.write(console:actions().accounts[2] {}))
      assert.same({ 2, 0, "acme", "bank" }, { #list.accounts, list.more, list.accounts[1].name, list.accounts[2].name })
      local one = list.accounts[1]
      assert.same({ 1, 1, 50, 9, 100, 3600, 4 }, { one.binds, one.trx, one.rate_per_s, one.credit, one.quota.n, one.quota.per_s, one.quota.used })
      assert.is_nil(list.accounts[2].credit)
    end)
  end)

  it("shows rules in words, with what they have matched", function()
    local rules = 'route { to = prefix "44", reject = "ESME_RINVDSTADR" }\nroute { account = "bank", tag = "x" }\nroute'
    watched(support.FILE:gsub("route", rules, 1), function(w, console)
      local acme = w:customer()
      submit(acme)
      submit(acme, { destination_addr = "441" })
      submit(acme, { destination_addr = "442" })
      local list = http_json.read(http_json.write(console:actions().rules[2] {})).rules
      assert.same({ 2, 0, 1 }, { list[1].count, list[2].count, list[3].count })
      assert.same({ 4, 5, 6 }, { list[1].line, list[2].line, list[3].line })
      assert.equal("to is prefix 44", list[1].conditions)
      assert.same({ "reject 'ESME_RINVDSTADR'", "no condition", "via failover of a, b" }, { list[1].does, list[3].conditions, list[3].does })
    end)
  end)

  it("names accounts of open listeners, once each", function()
    watched(support.FILE:gsub("accounts = %b{}", ""), function(w, console)
      w:customer { url = "smpp://zoe:x@localhost:2775" }
      assert.same({ "zoe" }, states.account_names(w.gateway))
      assert.equal("zoe", console:actions().accounts[2]({}).accounts[1].name)
    end)
  end)

  it("have credit and quota of all nodes", function()
    local text = cluster.FILE:gsub('"secret"', '{ password = "secret", credit = 10, price = 0.25, quota = { n = 100, per_s = 3600 } }')
    cluster.run(text, function(w)
      local acme, other = w:customer_of "a", w:customer_of "b"
      for i = 1, 4 do submit(i == 4 and other or acme) end
      for _, name in ipairs { "a", "b" } do
        local console = consoles.new(w.gateways[name])
        local one = http_json.read(http_json.write((console:actions().accounts[2] {}))).accounts[1]
        assert.same({ "acme", 9, 100, 4, 1 }, { one.name, one.credit, one.quota.n, one.quota.used, one.binds })
        console:close()
      end
      w.engine.close()
      smpp.sleep(3)
      local console = consoles.new(w.gateways.a)
      local one = http_json.read(http_json.write((console:actions().accounts[2] {}))).accounts[1]
      assert.same({ "acme", 100 }, { one.name, one.quota.n })
      assert.is_nil(one.credit)
      console:close()
    end)
  end)
end)
