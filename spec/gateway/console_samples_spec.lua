local samples = require "smpp.gateway.console_samples"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

describe("smpp.gateway.console_samples", function()
  it("are rates, errors and latencies of the last seconds", function()
    world(nil, function(w)
      local watch = samples.new(w.gateway)
      local acme = w:customer()
      for _ = 1, 20 do
        submit(acme)
        smpp.sleep(0.25)
      end
      smpp.sleep(1)
      local now, a = watch.now, watch.carriers[w.gateway.by_name.a]
      assert.is_true(now.rate_in > 2 and now.rate_in <= 4, tostring(now.rate_in))
      assert.same({ 0, now.rate_in, now.rate_in }, { now.refused, now.rate_out, a.rate })
      assert.equal(watch.accounts.acme, now.rate_in)
      assert.is_true(now.carriers.p50_s > 0.02 and now.carriers.p99_s <= 0.1)
      assert.is_true(now.customers.p50_s > 0)
      local points = watch:after(0)
      local most, slowest = 0, 0
      for _, point in ipairs(points) do
        most = math.max(most, point[2])
        slowest = math.max(slowest, type(point[6]) == "number" and point[6] or 0)
      end
      assert.is_true(most >= 3 and slowest > 0.02, most .. " " .. slowest)
      assert.same({ 1, 1, 0, 0 }, { a.binds, a.wanted, a.errors, watch.carriers[w.gateway.by_name.b].rate })
      smpp.sleep(11)
      assert.same({ 0, 0, 0 }, { watch.now.rate_in, watch.now.rate_out, watch.carriers[w.gateway.by_name.a].rate })
      assert.is_nil(watch.now.carriers)
      watch:close()
    end, { carriers = { function(_, _, n)
      smpp.sleep(0.05)
      return "a-" .. n
    end } })
  end)

  it("have the share of what a carrier refuses or does not answer", function()
    world(support.FILE:gsub('2001"', '2001", breaker = false'), function(w)
      local watch = samples.new(w.gateway)
      local acme = w:customer()
      for _ = 1, 8 do submit(acme) end
      smpp.sleep(2)
      local a, b = watch.carriers[w.gateway.by_name.a], watch.carriers[w.gateway.by_name.b]
      assert.same({ 0.5, 0 }, { a.errors, b.errors })
      assert.is_true(watch.now.errors > 0)
      watch:close()
    end, { carriers = { function(_, _, n)
      if n % 2 == 0 then return nil, "ESME_RSYSERR" end
      return "a-" .. n
    end } })
  end)

  it("keep five minutes, the oldest first, and no more", function()
    world(nil, function(w)
      local watch = samples.new(w.gateway)
      smpp.sleep(400)
      local points, count = watch:after(0)
      assert.same({ samples.HISTORY, watch.count }, { #points, count })
      for i = 2, #points do assert.is_true(points[i][1] > points[i - 1][1]) end
      assert.is_true(w.loop:time() - points[#points][1] < 2)
      assert.same({ points[#points - 1], points[#points] }, (watch:after(count - 2)))
      assert.same({}, (watch:after(count)))
      assert.is_nil(watch.points[count - samples.HISTORY])
      assert.equal(samples.WINDOW_S, #watch.readings)
      watch:close()
    end)
  end)

  it("follow carriers that are opened anew", function()
    world(nil, function(w)
      local watch = samples.new(w.gateway)
      local acme = w:customer()
      for _ = 1, 4 do submit(acme) end
      smpp.sleep(1)
      w.gateway.options.text = w.text:gsub('2001"', '2001", window = 5')
      assert(w.gateway:reload())
      smpp.sleep(1)
      submit(acme)
      smpp.sleep(2)
      local a = watch.carriers[w.gateway.by_name.a]
      assert.same({ 1, 5 }, { a.binds, a.window })
      assert.is_true(a.rate > 0 and watch.now.rate_out > 0)
      watch:close()
    end)
  end)
end)
