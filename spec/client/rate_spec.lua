local esme = require "spec.support.esme"
local few = require "spec.support.few"
local rates = require "smpp.client.rate"
local smpp = require "smpp"

local run, URL = esme.run, esme.URL

--- A client of these options sends to an MC with this limit as fast as it can, at first for `settle_s`, then for
--- `measure_s`.  Of the latter: what was taken, in parts of what the MC allows; the share that was refused; failures.
local function against(limit_per_s, burst, options, settle_s, measure_s, latency_s)
  return run(function()
    local mc = assert(smpp.simulator {
      throttle = { rate_per_s = limit_per_s, burst = burst }, seed = 1, deliver_after_s = 0.1, discard_after_s = 1,
      latency_s = latency_s,
    })
    options[1] = URL
    local client = assert(smpp.connect(options))
    local stop, taken, refused
    smpp.spawn(function()
      smpp.sleep(settle_s)
      local before = client:stats()
      smpp.sleep(measure_s)
      local after = client:stats()
      refused = after.refused - before.refused
      taken = after.answered - before.answered - refused
      stop = true
    end)
    local counts = client:send_all(function()
      return not stop and { to = "+491761234567", text = "x" } or nil
    end)
    client:close()
    mc:close()
    return taken / measure_s / limit_per_s, refused / (taken + refused), counts.failed
  end)
end

local function settles(limit_per_s, burst, options, settle_s, measure_s, latency_s)
  local share, refused, failed = against(limit_per_s, burst, options, settle_s, measure_s, latency_s)
  local what = (" at %g/s, burst %g: %.1f %% of the rate, %.2f %% refused"):format(limit_per_s, burst, share * 100, refused * 100)
  assert.is_true(share >= 0.895, "too slow" .. what) -- 0.9, less what is in flight when it is measured
  assert.is_true(refused <= 0.02, "too fast" .. what)
  assert.equal(0, failed)
end

describe("smpp.client.rate", function()
  it("paces: below the MC's limit nothing is refused, however small a burst that allows", function()
    for _, burst in ipairs { 1, 5, 10, 25, 50 } do
      for _, window in ipairs { 10, 50 } do settles(50, burst, { rate_per_s = 45, window = window }, 0, 10) end
    end
  end)

  it("paces what was refused, too", function()
    run(function(loop)
      local at, refuse = {}, 5
      local s = esme.server { submit_sm = function()
        at[#at + 1] = loop:now()
        refuse = refuse - 1
        if refuse >= 0 then return nil, "ESME_RTHROTTLED" end
        return "x"
      end }
      local client = assert(smpp.connect { URL, rate_per_s = 10, burst = 5 })
      local list = {}
      for i = 1, 20 do list[i] = { to = "+491761234567", text = "x" } end
      assert.equal(20, client:send_all(list).sent)
      assert.is_true(at[6] - at[5] >= 1) -- the pause, after which the bucket is empty
      for i = 6, #at - 1 do assert.near(0.1, at[i + 1] - at[i], 1e-6) end
      client:close()
      s:close()
    end)
  end)

  for _, limit_per_s in ipairs(few({ 2, 10, 50 }, { 10 })) do
    it(("learns a limit of %d per second, whatever its burst"):format(limit_per_s), function()
      for _, burst in ipairs { 1, 5, 2 * limit_per_s } do
        settles(limit_per_s, burst, { rate_per_s = "adaptive" }, 60, limit_per_s < 50 and 300 or 90)
      end
    end)
  end

  it("learns where refusals come after the pause, since answers take longer than that", function()
    settles(50, 5, { rate_per_s = "adaptive", window = 200 }, 90, 120, 1.5)
  end)

  it("learns with a line that takes its time, and several binds", function()
    run(function()
      local mc = assert(smpp.simulator { throttle = { rate_per_s = 20, burst = 5 }, latency_s = 0.2, seed = 1 })
      local pool = assert(smpp.pool { URL, binds = 3, window = 20, rate_per_s = "adaptive" })
      local n = 0
      local counts = pool:send_all(function()
        n = n + 1
        return n <= 2000 and { to = "+491761234567", text = "x" } or nil
      end)
      assert.same({ 2000, 0 }, { counts.sent, counts.failed })
      local stats = pool:stats()
      assert.is_true(stats.rate_per_s > 17 and stats.rate_per_s < 23, stats.rate_per_s)
      assert.is_true(stats.refused < 150, stats.refused)
      pool:close()
      mc:close()
    end)
  end)

  local function send_for(rate, from, to, limit_per_s)
    local now, bucket = from, limit_per_s and require("smpp.base.bucket").new(limit_per_s, 1, from)
    while now < to do
      local wait_s = rate:take(now)
      if wait_s > 0 then
        now = now + wait_s
      elseif bucket and bucket:take(now) > 0 then
        rate:note_refused()
        rate:pause()
        now = now + 1
        rate:resume(now)
      end
    end
  end

  it("finds a higher limit again, and a lower one", function()
    local rate = rates.new({ min = 0.1, start = 50 }, nil, 0)
    send_for(rate, 0, 100, 50)
    assert.is_true(rate.rate_per_s > 45 and rate.rate_per_s < 55, rate.rate_per_s)
    send_for(rate, 100, 130, 5)
    assert.is_true(rate.rate_per_s < 7, rate.rate_per_s)
    send_for(rate, 130, 1000, 200)
    assert.is_true(rate.rate_per_s > 170 and rate.rate_per_s < 220, rate.rate_per_s)
  end)

  it("does not climb while it is not needed, and stays within its limits", function()
    local rate = rates.new({ start = 50, min = 40, max = 60 }, nil, 0)
    for second = 0, 1000 do rate:take(second) end
    assert.equal(50, rate.rate_per_s)
    send_for(rate, 1001, 1100)
    assert.equal(60, rate.rate_per_s)
    send_for(rate, 1100, 1200, 5)
    assert.equal(40, rate.rate_per_s)
  end)

  it("is shown in stats: as it is, and not before there is one", function()
    run(function()
      local s = esme.server()
      for given, shown in pairs { [45] = 45, adaptive = false } do
        local client = assert(smpp.connect { URL, rate_per_s = given })
        assert.equal(shown, client:stats().rate_per_s or false)
        client:close()
      end
      s:close()
    end)
  end)

  it("can be changed while the client runs, and is fixed from then on", function()
    run(function()
      local s = esme.server()
      for _, given in ipairs { 45, "adaptive", false } do
        local client = assert(smpp.connect { URL, rate_per_s = given or nil })
        client:set_rate(5)
        assert.equal(5, client:stats().rate_per_s)
        local start = client.loop:now()
        for _ = 1, 11 do assert(client:send { to = "+491761234567", text = "x" }) end
        local took = client.loop:now() - start
        if not (took > 1.99 and took < 2.2) then error("took " .. took) end
        for _, wrong in ipairs { 0, -1, 0 / 0, math.huge, "5" } do
          assert.has_error(function() client:set_rate(wrong) end)
        end
        client:close()
      end
      s:close()
    end)
  end)

  it("that is wrong says what is right", function()
    for given, words in pairs { fast = "adaptive", [0] = "0", [{ mim = 1 }] = "min", [{ max = "x" }] = "max" } do
      local ok, message = pcall(smpp.connect, { URL, rate_per_s = given })
      assert.is_false(ok)
      assert.truthy(message:find(words, 1, true), message)
    end
  end)
end)
