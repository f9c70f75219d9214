local async = require "spec.support.async"
local batch = require "smpp.cli.batch"
local smpp = require "smpp"

--- A client whose send answers what `outcome(message)` returns, after a second.
local function client(outcome)
  local esme = { state = "bound", most = 0, now = 0, errors = {} }
  function esme:send(message) -- luacheck: no self
    esme.now = esme.now + 1
    esme.most = math.max(esme.most, esme.now)
    smpp.sleep(1)
    esme.now = esme.now - 1
    return outcome(message)
  end
  function esme:emit(name, trace) table.insert(self.errors, name .. " " .. trace) end
  return esme
end

local function items(n)
  local i = 0
  return function()
    i = i + 1
    return i <= n and { message = i } or nil
  end
end

--- What send returns for an accepted message whose receipt comes after two seconds.
local function sent(state)
  return { parts = { {}, {} }, message_ids = { "a", "b" }, receipt = function()
    smpp.sleep(2)
    if state then return { state = state } end
    return nil, "no receipt in time", "timeout"
  end }
end

describe("smpp.cli.batch", function()
  it("keeps the window full, and no fuller", async.virtual(function(loop)
    local esme = client(function() return sent "DELIVERED" end)
    local counts = batch.run(esme, items(10), { window = 4 })
    assert.equal(4, esme.most)
    assert.equal(3, loop:now())
    assert.same({ 10, 10, 20, 0 }, { counts.done, counts.accepted, counts.parts, counts.in_flight })
  end))

  it("tells each outcome once: accepted, refused, unknown, not sent", async.virtual(function()
    local codes = { nil, "ESME_RINVDSTADR", "0x00000401", "timeout", "connection_lost", "unmappable", "closed" }
    local begun = { message_ids = { "a" } }
    local results = {}
    local esme = client(function(n)
      if n == 1 then return sent "DELIVERED" end
      if n == 8 then return nil, "closed", "closed", begun end -- a part of it was sent
      return nil, "why", codes[n]
    end)
    local counts = batch.run(esme, items(8), { window = 1, on_result = function(item, result) results[item.message] = result.status end })
    assert.same({ "accepted", "refused", "refused", "unknown", "unknown", "not_sent", "not_sent", "unknown" }, results)
    assert.same({ 8, 1, 2, 3, 2 }, { counts.done, counts.accepted, counts.refused, counts.unknown, counts.not_sent })
    assert.same({ ESME_RINVDSTADR = 1, ["0x00000401"] = 1, timeout = 1, connection_lost = 1, unmappable = 1, closed = 2 }, counts.codes)
  end))

  it("waits for receipts where it is asked to, and counts them", async.virtual(function(loop)
    local states, told = { "DELIVERED", "EXPIRED", nil }, {}
    local esme = client(function(n) return sent(states[n]) end)
    local counts = batch.run(esme, items(3), { window = 3, wait_s = 60, on_receipt = function(item, _, receipt, _, code)
      told[item.message] = receipt and receipt.state or code
    end })
    assert.equal(3, loop:now())
    assert.same({ "DELIVERED", "EXPIRED", "timeout" }, told)
    assert.same({ 1, 1, 1 }, { counts.delivered, counts.undelivered, counts.no_receipt })
  end))

  it("sends nothing more when the client is closed, or there is nothing to send", async.virtual(function()
    local esme = client(function() return sent "DELIVERED" end)
    assert.equal(0, batch.run(esme, items(0), { window = 5, wait_s = 1 }).done)
    esme.state = "closing"
    assert.equal(0, batch.run(esme, items(5), { window = 5 }).done)
  end))

  it("names the codes, most frequent first", function()
    local counts = batch.counts()
    assert.equal("", batch.code_words(counts))
    counts.codes = { timeout = 1, ESME_RTHROTTLED = 3, closed = 1 }
    assert.equal("ESME_RTHROTTLED 3, closed 1, timeout 1", batch.code_words(counts))
  end)
end)
