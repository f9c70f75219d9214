local late = require "spec.support.late_store"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

local FILE = support.FILE:gsub("2001\"", "2001\", response_timeout_s = 2, breaker = { failures = 2, within_s = 60, open_s = 30 }")

describe("smpp.gateway.carrier", function()
  it("gets nothing for a time after failures, then one message as a probe", function()
    world(FILE, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function() return nil, "ESME_RSYSERR" end
      for _ = 1, 4 do assert.truthy(submit(acme)) end
      assert.same({ 2, 4 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.same({ "a" }, w:logged("breaker_open", "carrier"))
      assert.equal("circuit breaker open", w.gateway:stats().carriers[1].reason)
      smpp.sleep(31)
      w.carriers[1].answer = function()
        smpp.sleep(1)
        return "ok"
      end
      for _ = 1, 3 do smpp.spawn(function() submit(acme) end) end
      smpp.sleep(0.5)
      assert.same({ 3, 6 }, { #w.carriers[1].got, #w.carriers[2].got })
      smpp.sleep(1)
      assert.same({ "a" }, w:logged("breaker_closed", "carrier"))
      assert.truthy(submit(acme))
      assert.equal(4, #w.carriers[1].got)
    end)
  end)

  it("is not broken by throttling and permanent refusals", function()
    world(FILE, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function() return nil, "ESME_RINVDSTADR" end
      for _ = 1, 5 do submit(acme) end
      assert.equal(5, #w.carriers[1].got)
      assert.same({}, w:logged "breaker_open")
    end)
  end)

  it("is broken by messages without an answer", function()
    world(FILE, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function() smpp.sleep(9) end
      for _ = 1, 3 do submit(acme) end
      assert.same({ 2, 1 }, { #w.carriers[1].got, #w.carriers[2].got })
    end)
  end)

  for _, kind in ipairs { "through", "stored" } do
    it("may mean something else by a status: the next carrier, or the customer's answer, " .. kind, function()
      local text = (kind == "stored" and 'store "x.db"\n' or "")
        .. FILE:gsub('2001"', '2001", statuses = { ESME_RINVDSTADR = "temporary", [8] = "permanent", [0x401] = "throttle" }')
      local answer
      world(text, function(w)
        local acme = w:customer()
        local function sent(status)
          answer = status
          local before, id, code = #w.carriers[2].got, submit(acme, { registered_delivery = 1 })
          smpp.sleep(1)
          local receipt = acme.got[#acme.got]
          acme.got[#acme.got] = nil
          return #w.carriers[2].got - before, code or receipt and receipt.short_message:match "stat:(%S+)" or id ~= nil
        end
        assert.same({ 1, true }, { sent "ESME_RINVDSTADR" })
        assert.same({ 1, true }, { sent(0x401) })
        assert.same({ 0, kind == "stored" and "REJECTD" or "ESME_RSYSERR" }, { sent "ESME_RSYSERR" })
        assert.same({ 0, kind == "stored" and "REJECTD" or "ESME_RINVSRCADR" }, { sent "ESME_RINVSRCADR" })
        for _ = 1, 5 do sent "ESME_RINVDSTADR" end
        assert.same({}, w:logged "breaker_open")
      end, {
        carriers = { function() return nil, answer end }, store = kind == "stored" and function(loop) return late.new(loop) end or nil,
      })
    end)
  end

  it("is broken by slow answers, where the breaker says what is slow", function()
    world(FILE:gsub("failures = 2", "failures = 2, slow_s = 0.5"), function(w)
      local acme = w:customer()
      w.carriers[1].answer = function()
        smpp.sleep(1)
        return "slow"
      end
      for _ = 1, 3 do assert.truthy(submit(acme)) end
      assert.same({ 2, 1 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.same({ "a" }, w:logged("breaker_open", "carrier"))
    end)
  end)

  it("logs an answer that comes too late", function()
    world(FILE, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function()
        smpp.sleep(3)
        return "late-1"
      end
      submit(acme)
      smpp.sleep(5)
      assert.same({ "late-1" }, w:logged("late_response", "id"))
    end)
  end)

  it("counts what it did", function()
    world(nil, function(w)
      local acme = w:customer()
      submit(acme)
      w.carriers[1].answer = function() return nil, "ESME_RINVDSTADR" end
      submit(acme)
      local stats = w.gateway:stats().carriers[1]
      assert.same({ "a", true, 0, 2, 1, 1, 0, "closed" },
        { stats.name, stats.available, stats.outstanding, stats.sent, stats.accepted, stats.refused, stats.unknown, stats.breaker })
      assert.equal("carrier a", tostring(w.gateway.carriers[1]))
    end)
  end)

  it("keeps to the rate and the order of its options", function()
    world(support.FILE:gsub("2001\"", "2001\", rate_per_s = 2, order = 'destination'"), function(w)
      local acme, at = w:customer(), w.loop:now()
      local done = 0
      for _ = 1, 5 do
        smpp.spawn(function()
          assert.truthy(submit(acme))
          done = done + 1
        end)
      end
      smpp.sleep(5)
      assert.equal(5, done)
      assert.is_true(w.loop:now() - at >= 2)
      assert.equal(5, #w.carriers[1].got)
    end)
  end)

  it("may be opened without being there, and is there later", function()
    world(nil, function(w)
      local acme = w:customer()
      assert.same({ "down" }, { w.gateway:stats().carriers[1].reason })
      assert.truthy(submit(acme))
      w:carrier(1)
      smpp.sleep(60)
      assert.truthy(submit(acme))
      assert.equal(1, #w.carriers[1].got)
    end, { carriers = { false } })
  end)

  it("tries again after a minute where its bind is refused for good, and says so", function()
    world(support.FILE:gsub("me:x@localhost:2001", "you:x@localhost:2001"), function(w)
      assert.equal("a", w:logged("carrier_refused", "carrier")[1])
      assert.equal("down", w.gateway:stats().carriers[1].reason)
      w.carriers[1].server:set_accounts { you = "x" }
      smpp.sleep(61)
      assert.is_true(w.gateway:stats().carriers[1].available)
    end)
  end)
end)
