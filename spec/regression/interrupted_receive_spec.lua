-- An error that crosses session:receive (no memory, or on some Luas a finalizer that raises) left the session with a
-- pointer into the chunk; a finalizer that called the session again freed what the event under way showed.
local collector = require "spec.support.collector"
local core = require "smpp.core"

local codec = core.codec({}, nil)

local function bound_mc()
  local mc, slots = codec.session { role = "mc", now = 0, max_unanswered = 100000 }, {}
  mc:receive(assert(codec.encode { command = "bind_transceiver", system_id = "esme", interface_version = 0x34, sequence_number = 1 }), 0, slots)
  assert(mc:answer(slots[2], nil, "mc", 0))
  mc:output()
  mc:poll(slots)
  return mc
end

--- Requests so large that a collection happens while views of them are made.
local function chunk_of(first)
  local pdus = {}
  for i = first, first + 59 do
    pdus[#pdus + 1] = assert(codec.encode { command = "submit_sm", message_payload = ("x"):rep(60000), sequence_number = i })
  end
  return table.concat(pdus)
end

describe("session:receive", function()
  it("keeps what it has not handed over, whatever becomes of the chunk", function()
    local mc, pdus, slots = bound_mc(), {}, {}
    for i = 1, 1000 do pdus[i] = assert(codec.encode { command = "query_sm", sequence_number = i }) end
    local n, more = mc:receive(table.concat(pdus):sub(1, -2), 1, slots)
    local seen = 0
    while n > 0 do
      for i = 1, n, 3 do
        seen = seen + 1
        assert.equal(seen, slots[i + 1].sequence_number)
        assert(mc:answer(slots[i + 1], "ESME_RQUERYFAIL", nil, 1))
      end
      slots = {}
      collectgarbage()
      if not more then break end
      n, more = mc:poll(slots)
    end
    assert.equal(999, seen)
    mc:receive(pdus[1000]:sub(-1), 2, slots)
    assert.equal(1000, slots[2].sequence_number)
  end)

  for _, what in ipairs { "receive", "tick", "poll" } do
    it("called again by a finalizer (" .. what .. ") ends the session, and reads nothing that is gone", function()
      local mc, chunk, calls, slots = bound_mc(), chunk_of(1), 0, {}
      local arguments = { receive = { chunk, 1, {} }, tick = { 1, {} }, poll = { {} } }
      local a = arguments[what]
      local parts = { chunk:sub(1, 100), chunk:sub(101) }
      mc:receive(parts[1], 1, {}) -- the first PDU is completed in a buffer of the session's own
      assert.is_true(collector.with_finalizer(function()
        calls = calls + 1
        for _ = 1, 3 do mc[what](mc, a[1], a[2], a[3]) end
        return mc:state() ~= "CLOSED" -- it came before receive had begun
      end, function() mc:receive(parts[2], 1, slots) end))
      assert.is_true(calls >= 1)
      assert.equal("CLOSED", mc:state())
      assert.equal("closed", (select(3, mc:unbind(0, 1))))
    end)
  end

  it("interrupted by an error, ends the session at the next call", function()
    local mc, first, again, slots, raised = bound_mc(), chunk_of(1), chunk_of(61), {}, false
    local ok = collector.with_finalizer(function()
      raised = true
      error "a finalizer's"
    end, function() mc:receive(first, 1, slots) end)
    first = nil
    collectgarbage()
    assert.is_true(raised)
    assert.equal(_VERSION == "Lua 5.4", ok) -- there errors of finalizers are warnings
    local n = mc:receive(again, 1, slots)
    if ok then return end
    assert.equal("CLOSED", slots[n - 1])
    assert.equal("interrupted by an error", slots[n])
    assert.equal("CLOSED", mc:state())
  end)
end)

describe("session:output", function()
  it("gives what there was when a finalizer answers meanwhile, which comes next", function()
    local mc, slots, pdus, ran = bound_mc(), {}, {}, false
    for i = 1, 60 do pdus[i] = assert(codec.encode { command = "submit_sm", sequence_number = i }) end
    mc:receive(table.concat(pdus), 1, slots)
    local function answer(from, to)
      for i = from, to do assert(mc:answer(slots[3 * i - 1], nil, ("i"):rep(60), 1)) end
    end
    local function sequences(octets)
      local first = codec.decode(octets)
      local last = codec.decode(octets, #octets - first.command_length + 1)
      return { first.sequence_number, last.sequence_number }
    end
    answer(1, 30)
    local octets
    assert.is_true(collector.with_finalizer(function()
      ran = true
      answer(31, 60)
    end, function() octets = mc:output() end))
    assert.is_true(ran)
    assert.same({ 1, 30 }, sequences(octets))
    assert.same({ 31, 60 }, sequences(mc:output()))
    assert.is_nil(mc:output())
  end)
end)
