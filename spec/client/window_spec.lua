local smpp = require "smpp"
local windows = require "smpp.client.window"
local world = require "spec.support.esme"

local run, server, connect, submit = world.run, world.server, world.connect, world.submit

describe("smpp.client.window: adaptive", function()
  it("grows while latency is flat, and halves once per congestion", function()
    local w = windows.new { min = 2, max = 16, start = 4 }
    local now = 0
    for _ = 1, 4 do w:answered_in(0.1, now) end
    assert.equal(5, w.size)
    for _ = 1, 300 do w:answered_in(0.1, now) end
    assert.equal(16, w.size)
    assert.equal(8, w:congested(now))
    assert.is_nil(w:congested(now)) -- what was in flight at the first
    now = 1.5
    assert.equal(4, w:congested(now))
    now = 3
    w:congested(now)
    now = 5
    assert.is_nil(w:congested(now))
    assert.equal(2, w.size)
    for _ = 1, 300 do w:answered_in(0.9, 100) end
    assert.is_true(w.size < 4, "grows although latency is nine times what it was")
    for _ = 1, 2000 do w:answered_in(0.9, 100) end
    assert.equal(16, w.size) -- the way is longer now
  end)

  for _, status in ipairs { "ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RSYSERR" } do
    it(("%s %s"):format(status == "ESME_RSYSERR" and "stays as it is at" or "halves at", status), function()
      run(function()
        local s = server { submit_sm = function() return nil, status end }
        local esme = assert(connect { adaptive = { start = 8 } })
        assert.equal(status, (select(3, submit(esme))))
        assert.equal(status == "ESME_RSYSERR" and 8 or 4, esme:stats().window)
        esme:close()
        s:close()
      end)
    end)
  end

  it("finds its size on a live session", function()
    run(function()
      local busy = 0
      local s = server { window = 1000, submit_sm = function()
        busy = busy + 1
        if busy > 20 then
          busy = busy - 1
          return nil, "ESME_RTHROTTLED"
        end
        smpp.sleep(0.1)
        busy = busy - 1
        return "x"
      end }
      local esme = assert(connect { adaptive = { start = 2, max = 100 } })
      local counts = esme:send_all((function()
        local i = 0
        return function()
          i = i + 1
          return i <= 3000 and { to = "+491", text = "x" } or nil
        end
      end)())
      assert.equal(3000, counts.sent)
      local stats = esme:stats()
      assert.is_true(stats.window >= 5 and stats.window <= 25, tostring(stats.window))
      assert.is_true(stats.retried < 300, stats.retried .. " retries")
      esme:close()
      s:close()
    end)
  end)
end)
