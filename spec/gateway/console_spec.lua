local consoles = require "smpp.gateway.console"
local fields = require "smpp.http.fields"
local smpp = require "smpp"
local support = require "spec.support.gateways"

describe("smpp.gateway.console", function()
  it("has actions whose parameters are checked", function()
    support.world(nil, function(w)
      local console = consoles.new(w.gateway)
      for name, action in pairs(console:actions()) do
        for _, row in ipairs(action[1]) do assert.is_function(row[2].read, name .. " " .. row[1]) end
      end
      local _, faults = fields.check(console:actions().carrier[1], { name = "a", off = "yes", how = 1 })
      assert.same({ "bad_value", "unknown_field" }, { faults[1].code, faults[2].code })
      console:close()
    end)
  end)

  it("explains without counting: rates and turns stay as they were", function()
    local text = support.FILE:gsub("route", 'route { rate = { n = 1, per_s = 60, by = "account" }, reject = "ESME_RTHROTTLED" }\nroute', 1)
      :gsub("failover", "balance"):gsub('{ "a", "b" }', "{ a = 1, b = 1 }")
    support.world(text, function(w)
      local console, acme = consoles.new(w.gateway), w:customer()
      for _ = 1, 5 do
        assert.equal("via", console:actions().explain[2]({ account = "acme", to = "491", text = "Hi" }).decision.action)
      end
      assert.is_string(support.submit(acme))
      assert.same({ 0, 1 }, { w.gateway.state.matched.route[1] or 0, w.gateway.state.matched.route[2] })
      console:close()
    end)
  end)

  it("reads its figures no more often than pages are shown, and anew after an action", function()
    support.world(nil, function(w)
      local console = consoles.new(w.gateway)
      smpp.sleep(1)
      local first = console:state()
      assert.equal(first, console:state())
      console:actions().carrier[2] { name = "a", off = true }
      assert.equal("off", console:state().carriers[1].state)
      smpp.sleep(0.5)
      assert.not_equal(first, console:state())
      console:close()
    end)
  end)

  it("costs little when there is much: a state of 200 carriers and 2000 accounts", function()
    local lines, accounts = {}, {}
    for i = 1, 2000 do accounts[i] = ('c%d = "x"'):format(i) end
    for i = 1, 200 do lines[i] = ('carrier "t%d" { "smpp://me:x@localhost:2001" }'):format(i) end
    support.world(("listen { port = 2775, accounts = { %s } }\n%s\nroute { via = \"t1\" }\n"):format(table.concat(accounts, ", "), table.concat(lines, "\n")),
      function(w)
        local console = consoles.new(w.gateway)
        smpp.sleep(2)
        local steps = 0
        debug.sethook(function() steps = steps + 1 end, "", 1000)
        console.samples:take()
        local state = console:state()
        debug.sethook()
        assert.same({ 200, 2000 }, { #state.carriers, state.accounts })
        assert.is_true(steps < 1000, steps .. " thousand instructions")
        assert.equal(200, #console:actions().accounts[2]({}).accounts)
        console:close()
      end, { count = 1 })
  end)
end)
