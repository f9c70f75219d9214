local async = require "spec.support.async"
local load = require "smpp.load"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"

--- An ESME whose message centre may go.
local function connect(o)
  o[1], o.reconnect = URL, false
  local esme = smpp.connect(o)
  if esme then esme:on("error", function() end) end
  return esme
end

--- A load test of ESMEs, beside `body`, which binds; the result.
local function listen(o, body)
  local result
  async.virtual(function(loop)
    o.listen = { port = 2775 }
    smpp.spawn(function()
      smpp.sleep(1)
      body(loop)
    end)
    result = { load.run(o) }
  end, { seed = 1, limit_s = 10000 })()
  return result[1], result[2], result[3]
end

describe("smpp.load.mc", function()
  it("pushes messages to whoever binds, at the rate, from the first bind on", function()
    local texts, first, last = {}, nil, nil
    local r = listen({ rate = 20, for_s = 5, text = "MO" }, function(loop)
      assert(connect { message = function(msg)
        first, last = first or loop:now(), loop:now()
        texts[#texts + 1] = msg.text
      end })
    end)
    assert.equal("mc", r.role)
    assert.equal(100, r.sent)
    assert.equal(100, r.ok)
    assert.equal(100, #texts)
    assert.equal("MO", texts[1])
    assert.near(4.95, last - first, 0.01)
    assert.equal("127.0.0.1:2775", r.target)
  end)

  it("shares the rate among all, in turn; transmitters get nothing", function()
    local counts = { 0, 0, 0 }
    local r = listen({ rate = 30, for_s = 5 }, function()
      for i, bind in ipairs { "trx", "rx", "tx" } do
        smpp.spawn(function()
          assert(connect { bind = bind, message = bind ~= "tx" and function() counts[i] = counts[i] + 1 end or nil })
        end)
      end
    end)
    assert.equal(150, r.ok)
    assert.equal(0, counts[3])
    assert.near(75, counts[1], 3)
    assert.near(75, counts[2], 3)
  end)

  it("makes a share of them receipts", function()
    local messages, receipts = 0, 0
    local r = listen({ rate = 50, count = 400, receipts = 0.25 }, function()
      assert(connect { message = function() messages = messages + 1 end, receipt = function(receipt)
        receipts = receipts + 1
        assert.equal("DELIVERED", receipt.state)
      end })
    end)
    assert.equal(400, r.ok)
    assert.equal(400, messages + receipts)
    assert.near(100, receipts, 30)
  end)

  it("goes on when an ESME comes back, and counts what was in flight as unknown", function()
    local r = listen({ rate = 10, for_s = 20, response_timeout_s = 3 }, function()
      local esme = assert(smpp.connect { URL, message = function() smpp.sleep(1) end })
      smpp.sleep(5)
      esme.session:close()
      smpp.sleep(30)
      esme:close()
    end)
    assert.equal(200, r.due)
    assert.is_true(r.unknown > 5 and r.unknown <= 11, r.unknown)
    assert.equal(1, r.reconnections)
    assert.equal(200 - r.unknown, r.ok)
  end)

  it("gives up where nobody binds, and where nobody comes back", function()
    local r, message, code = listen({ rate = 10, for_s = 5, wait_bind_s = 3 }, function() end)
    assert.is_nil(r)
    assert.equal("timeout", code)
    assert.truthy(message:find "within 3 s")
    r = listen({ rate = 10, for_s = 100, give_up_s = 4 }, function()
      local esme = assert(connect {})
      smpp.sleep(2)
      esme:close()
    end)
    assert.equal("lost", r.ended)
    assert.is_true(r.not_sent >= 39 and r.not_sent <= 41, r.not_sent)
  end)
end)
