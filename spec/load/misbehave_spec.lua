local async = require "spec.support.async"
local load = require "smpp.load"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"

--- A load test that misbehaves, beside a server; the result and what the server saw.
local function run(how, o)
  o = o or {}
  local seen, result = { binds = 0, closed = {}, refused = 0, errors = {} }, nil
  async.virtual(function()
    local server = assert(smpp.server { port = 2775, submit_sm = o.submit_sm or function() return "x" end, pdu_read_s = 2, bind_timeout_s = 2,
      response_timeout_s = o.response_timeout_s })
    server:on("session", function(session)
      seen.binds = seen.binds + 1
      if o.session then o.session(session, seen) end
    end)
    server:on("error", function(message) table.insert(seen.errors, message) end)
    server:on("closed", function(_, reason) table.insert(seen.closed, reason) end)
    result = assert(load.run { URL, misbehave = how, rate = 10, for_s = o.for_s or 10, bind_rate = 5 })
    smpp.sleep(1)
    server:close(0)
  end, { seed = 1, limit_s = 10000 })()
  return result, seen
end

describe("smpp.load.misbehave", function()
  it("reads slowly: answers are late", function()
    local r = run("slow-reader", { for_s = 30 })
    assert.equal(300, r.ok)
    assert.is_true(r.latency_s.p50 > 1, r.latency_s.p50)
    assert.is_true(r.latency_s.max < 6, r.latency_s.max)
  end)

  it("never answers deliver_sm", function()
    local codes = {}
    run("never-ack", { response_timeout_s = 2, session = function(session)
      smpp.spawn(function() codes[1] = select(3, session:deliver_sm { source_addr = "49", short_message = "x" }) end)
    end })
    assert.same({ "timeout" }, codes)
  end)

  it("binds in storms", function()
    local r, seen = run "bind-storm"
    assert.equal(100, r.ok)
    assert.is_true(seen.binds > 40, seen.binds)
  end)

  it("begins PDUs and does not end them", function()
    local r, seen = run("half-pdu", { for_s = 20 })
    assert.equal(200, r.ok)
    assert.equal(1, seen.binds)
  end)

  it("answers what was not asked", function()
    local r, seen = run "wrong-sequence"
    assert.equal(100, r.ok)
    assert.equal(2, seen.binds)
  end)

  it("goes without unbind", function()
    local r, seen = run "no-unbind"
    assert.equal(100, r.ok)
    assert.same({ "closed by the peer" }, seen.closed)
  end)
end)
