local async = require "spec.support.async"
local smpp = require "smpp"

local function submit(esme, fields)
  local response, _, code = esme:submit_sm(fields or { destination_addr = "491", short_message = "x" })
  return response and response.message_id or code
end

--- A body with a simulator and an ESME that is bound to it.
local function with(options, fn)
  return async.virtual(function(loop)
    local sim = assert(smpp.simulator(options))
    local esme = assert(smpp.connect { "smpp://me:secret@127.0.0.1", port = sim.port, retry = false })
    fn(sim, esme, loop)
    esme:close()
    sim:close(0)
  end)
end

describe("smpp.simulator", function()
  it("counts what happens", with({ faults = { duplicate = 100 } }, function(sim, esme)
    assert.equal("1", submit(esme, { destination_addr = "491", short_message = "x", registered_delivery = 1 }))
    smpp.sleep(5)
    local c = sim.counts
    assert.same({ 1, 1, 1, 0 }, { c.sessions, c.messages, c.receipts, c.refused })
    assert.is_true(c.faults >= 1)
  end))

  it("tells of messages and their ends by events", async.virtual(function()
    local sim, seen = assert(smpp.simulator {}), {}
    for _, name in ipairs { "session", "message", "final", "receipt" } do sim:on(name, function() seen[#seen + 1] = name end) end
    local esme = assert(smpp.connect { "smpp://me:secret@127.0.0.1", retry = false })
    submit(esme, { destination_addr = "491", short_message = "x", registered_delivery = 1 })
    smpp.sleep(5)
    assert.same({ "session", "message", "final", "receipt" }, seen)
    esme:close()
    sim:close(0)
  end))

  it("gives listeners the text of a message", with({}, function(sim, esme)
    local texts = {}
    sim:on("message", function(message) texts[#texts + 1] = message.text or "no text" end)
    submit(esme, { destination_addr = "491", data_coding = 8, short_message = "\0h\0\228" })
    submit(esme, { destination_addr = "491", esm_class = 0x40, short_message = "\5\0\3\1\2\1part" })
    submit(esme, { destination_addr = "491", data_coding = 4, short_message = "\1\2" })
    assert.same({ "h\195\164", "part", "no text" }, texts)
  end))

  it("refuses so many percent of messages with the status they are to get", with({ refusals = { ESME_RMSGQFUL = 50 }, seed = 3 }, function(sim, esme)
    local refused = 0
    for _ = 1, 200 do
      if submit(esme) == "ESME_RMSGQFUL" then refused = refused + 1 end
    end
    assert.is_true(refused > 70 and refused < 130, refused)
    assert.equal(refused, sim.counts.refused)
  end))

  it("gives the next messages the outcome that was ordered, with nobody listening", with({}, function(sim, esme)
    sim:order { status = "ESME_RINVDSTADR", count = 2, to = "492" }
    local function to(number) return submit(esme, { destination_addr = number, short_message = "x" }) end
    assert.same({ "1", "ESME_RINVDSTADR", "ESME_RINVDSTADR", "4" }, { to "491", to "492", to "492", to "492" })
  end))

  it("throttles above a rate, in bursts that come and go", with({ throttle = { rate_per_s = 2, on_s = 10, off_s = 10 } }, function(_, esme, loop)
    local codes = {}
    for _ = 1, 3 do codes[#codes + 1] = submit(esme) end
    assert.same({ "1", "2", "ESME_RTHROTTLED" }, codes)
    smpp.sleep(12 - loop:now())
    for _ = 1, 20 do assert.not_equal("ESME_RTHROTTLED", submit(esme)) end
  end))

  it("answers late, without holding others up", with({ latency_s = 2 }, function(_, esme, loop)
    local started, done = loop:now(), 0
    for _ = 1, 3 do
      smpp.spawn(function()
        submit(esme)
        done = done + 1
      end)
    end
    async.wait_until(function() return done == 3 end)
    assert.near(2, loop:now() - started, 0.1)
  end))

  it("says why it cannot listen, and raises for options that are none", async.virtual(function()
    local first = assert(smpp.simulator { port = 2775 })
    local sim, message, code = smpp.simulator { port = 2775 }
    assert.is_nil(sim)
    assert.is_string(message)
    assert.equal("connect_failed", code)
    assert.has_error(function() smpp.simulator { latency = 1 } end)
    first:close(0)
  end))
end)
