local codec = require("smpp.codec").codec
local core = require "smpp.core"
local pdus = require "smpp.codec"

local function bound(counts)
  local esme, slots = codec.session { role = "esme", now = 0, counts = counts, response_s = 10 }, {}
  local function answer(sequence, fields, now)
    fields.sequence_number = sequence
    esme:receive(pdus.encode(fields), now, slots)
  end
  answer(esme:request(0x09, { system_id = "a" }, 1, 0), { command = "bind_transceiver_resp", system_id = "mc" }, 0)
  return esme, answer, slots
end

local function submit(esme, now) return (esme:request(0x04, { destination_addr = "1" }, 1, now)) end

describe("bind_counts: core.counts", function()
  it("gives what bound sessions have counted since the last call, and the bind does not count", function()
    local counts = core.counts()
    local esme, answer, slots = bound(counts)
    assert.is_nil(counts:take())
    answer(submit(esme, 1), { command = "submit_sm_resp", message_id = "x" }, 1.5)
    answer(submit(esme, 2), { command = "submit_sm_resp", status = "ESME_RSYSERR" }, 4)
    answer(submit(esme, 4), { command = "data_sm_resp", message_id = "x" }, 4) -- malformed: not the response to a submit_sm
    submit(esme, 4)
    local taken = counts:take()
    local buckets = taken.buckets
    taken.buckets = nil
    assert.same({ requests = 4, responses = 2, answered = 1, unknown = 1, seconds = 2.5, slowest = 2 }, taken)
    assert.equal(#core.counts_bounds + 1, #buckets)
    assert.same({ 1, 1, 0.5, 2 }, { buckets[9], buckets[11], core.counts_bounds[9], core.counts_bounds[11] })
    assert.is_nil(counts:take())
    esme:tick(14, slots)
    submit(esme, 14)
    esme:lost()
    esme:poll(slots)
    taken = counts:take()
    assert.same({ 1, 0, 2 }, { taken.requests, taken.responses, taken.unknown })
  end)

  it("counts for a session what was sent after it was given, and balances over several", function()
    local one, two = core.counts(), core.counts()
    local esme, answer = bound(nil)
    local before = submit(esme, 1)
    esme:set_counts(one)
    local after = submit(esme, 1)
    esme:set_counts(two)
    answer(before, { command = "submit_sm_resp", message_id = "x" }, 2)
    answer(after, { command = "submit_sm_resp", message_id = "x" }, 2)
    assert.equal(1, one:take().requests)
    assert.same({ 0, 1 }, { two:take().requests, select(2, 0, 1) })
    esme:set_counts(nil)
    answer(submit(esme, 3), { command = "submit_sm_resp", message_id = "x" }, 3)
    assert.is_nil(one:take())
    assert.is_nil(two:take())
  end)

  it("outlives neither its sessions nor is outlived by them", function()
    local counts = core.counts()
    local esme, answer, slots = bound(counts)
    counts = nil -- luacheck: ignore
    collectgarbage()
    answer(submit(esme, 1), { command = "submit_sm_resp", message_id = "x" }, 2)
    esme:close()
    esme:poll(slots)
    esme = nil -- luacheck: ignore
    collectgarbage()
  end)

  it("is nothing else", function()
    for _, wrong in ipairs { {}, "x", io.stdout, core.tally() } do
      assert.matches("counts: expected one of core.counts", select(2, pcall(codec.session, { role = "esme", now = 0, counts = wrong })))
    end
    assert.is_false(pcall(core.counts().take, {}))
    assert.is_false(pcall(core.counts().take, io.stdout))
  end)
end)
