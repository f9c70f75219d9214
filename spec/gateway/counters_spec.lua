local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit = support.submit

local FILE = [[
store "x.db"
listen { port = 2775, accounts = { acme = { password = "secret", %s } } }
carrier "a" { "smpp://me:x@localhost:2001", window = 50 }
route { to = "2", via = "a", through = true }
route { via = "a" }
]]

local function world(account, fn, o)
  o = o or {}
  o.count = 1
  support.both(FILE:format(account), fn, o)
end

local function counter(w, name) return (stores.get(w.store, "counter", name .. "/acme") or {}).state end

local function again(w, o)
  w:start(support.reborn(w, w:kill(), o))
  return w:customer { window = 50 }
end

describe("smpp.gateway.counters", function()
  it("keep a quota of a day over a crash, to the message, however many come at once", function()
    world("quota = { n = 30 }", function(w)
      local acme, taken, throttled = w:customer { window = 50 }, 0, 0
      local function burst(n)
        for _ = 1, n do
          smpp.spawn(function()
            local id, code = submit(acme)
            if id then taken = taken + 1 else throttled = throttled + (code == "ESME_RTHROTTLED" and 1 or 0) end
          end)
        end
        smpp.sleep(2)
      end
      burst(20)
      acme = again(w)
      burst(20)
      assert.same({ 30, 10 }, { taken, throttled })
      assert.equal("86400 19675 30", counter(w, "quota"))
      acme = again(w)
      assert.equal("ESME_RTHROTTLED", select(2, submit(acme)))
      smpp.sleep(86400)
      acme = w:customer()
      assert.truthy(submit(acme))
    end, { quiet = true })
  end)

  it("are written within seconds for what passes through, and what was given back", function()
    world("credit = 10", function(w)
      local acme = w:customer()
      w.carriers[1].answer = function(_, _, n)
        if n > 2 then return nil, "ESME_RINVDSTADR" end
        return "id" .. n
      end
      for _ = 1, 5 do submit(acme, { destination_addr = "2" }) end
      smpp.sleep(2)
      assert.equal("8000000", counter(w, "credit"))
    end)
  end)

  it("are right when the store fails now and then", function()
    local n = 0
    world("credit = 100, quota = { n = 1000 }", function(w)
      local acme, taken = w:customer { window = 50 }, 0
      for i = 1, 60 do
        smpp.spawn(function()
          if submit(acme, { destination_addr = i % 2 == 0 and "2" or "1" }) then taken = taken + 1 end
        end)
        smpp.sleep(0.003)
      end
      smpp.sleep(10)
      assert.is_true(taken > 20 and taken < 60, taken .. " were taken")
      local credit = ("%d"):format((100 - taken) * 1000000)
      assert.equal(credit, ("%.0f"):format(w.gateway.customers.acme.balance))
      assert.equal(credit, counter(w, "credit"))
    end, { store = function(loop)
      return late.new(loop, { fails = function(method)
        n = n + 1
        return method == "commit" and n > 5 and n < 80 and n % 3 == 0
      end })
    end })
  end)

  it("are waited for after a start: a message is charged to what is left", function()
    world("credit = 3", function(w)
      local acme = w:customer()
      for _ = 1, 2 do assert.truthy(submit(acme)) end
      smpp.sleep(1)
      local failing = true
      acme = again(w, { fails = function(method) return failing and method == "get" end })
      local results = {}
      for i = 1, 2 do smpp.spawn(function() results[i] = submit(acme) or "refused" end) end
      smpp.sleep(3)
      assert.same({}, results)
      failing = false
      smpp.sleep(3)
      assert.same({ 1, 0 }, { (results[1] == "refused" or results[2] == "refused") and 1, support.credit(w) })
      failing = true
      acme = again(w, { fails = function(method) return failing and method == "get" end })
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
    end)
  end)

  it("begin with their options where the file gives an account new ones", function()
    world("credit = 3", function(w)
      local acme = w:customer()
      assert.truthy(submit(acme))
      w.gateway.options.text = FILE:format "credit = 3, quota = { n = 2 }"
      assert.is_true(w.gateway:reload())
      smpp.sleep(1)
      assert.truthy(submit(acme))
      local used = w.gateway.books.is_shared and 1 or 2 -- shared: it is counted from then on
      assert.same({ "1000000", "86400 19675 " .. used }, { counter(w, "credit"), counter(w, "quota") })
      w.gateway.options.text = FILE:format "quota = { n = 2, per_s = 5 }"
      assert.is_true(w.gateway:reload())
      for _ = 1, 2 do assert.truthy(submit(acme)) end
      assert.equal("ESME_RTHROTTLED", select(2, submit(acme)))
      smpp.sleep(6)
      assert.truthy(submit(acme))
    end)
  end)
end)
