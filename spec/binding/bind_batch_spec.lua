local codec = require("smpp.codec").codec
local core = require "smpp.core"
local random = require "smpp.base.random"

local SUBMIT = assert(codec.encode { command = "submit_sm", source_addr = "1", destination_addr = "49000", short_message = "x" })

local function be(n) return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256) end

--- A response; status 0 has a message_id.
local function response(id, status, sequence)
  local body = status == 0 and id == 0x80000004 and "id\0" or ""
  return be(16 + #body) .. be(id) .. be(status) .. be(sequence) .. body
end

--- A session of an ESME that is bound.
local function bound(o)
  local esme = codec.session { role = "esme", now = 0, window = o and o.window or 100, response_s = 10, enquire_link_s = 0 }
  assert(esme:request(9, { system_id = "a", password = "b" }, 1, 0))
  esme:output()
  esme:receive("\0\0\0\18\128\0\0\9\0\0\0\0\0\0\0\1a\0", 0, {})
  return esme
end

local function batch_of(...)
  local batch = core.batch(1)
  for _, number in ipairs { ... } do assert(batch:number((table.unpack or unpack)(number))) end
  assert.equal(1, batch:template(SUBMIT))
  return batch
end

local function sent_to(esme)
  local list, octets = {}, esme:output() or ""
  while #octets > 0 do
    local length = octets:byte(3) * 256 + octets:byte(4)
    list[#list + 1] = assert(codec.decode(octets:sub(1, length))).destination_addr
    octets = octets:sub(length + 1)
  end
  return list
end

describe("bind_batch: core.batch", function()
  it("sends until the window is full, and continues with the same message", function()
    local esme, batch = bound { window = 3 }, batch_of { "destination_addr", 2, "counter", 3 }
    assert.same({ 3, 0, 0, "window full: too many pending requests", "window_full" }, { esme:send_batch(batch, 1, 1, 0, 5, true, 10) })
    assert.same({ "49000", "49001", "49002" }, sent_to(esme))
    local slots = {}
    local n = esme:receive(response(0x80000004, 0, 3), 1, slots)
    for i = 1, n do assert.is_true(type(slots[i]) ~= "userdata", "no response crosses into Lua") end
    local latency, service = core.histogram(), core.histogram()
    assert.same({ 1, 1, 1, 0 }, { batch:settle(7, latency, service) })
    assert.equal(2000000, latency:value(1))
    assert.equal(1, (service:count()))
    assert.same({ 0, 0, 0, 0 }, { batch:settle(7, latency) })
    assert.equal(1, (esme:send_batch(batch, 1, 1, 1, 8, true, 10)))
    assert.same({ "49003" }, sent_to(esme))
  end)

  it("draws the numbers that smpp.base.random draws", function()
    local esme, batch, number = bound(), batch_of({ "destination_addr", 2, "digits", 3 }, { "destination_addr", 0, "range", 2, 40, 10 }), random.generator(1)
    assert.equal(50, (esme:send_batch(batch, 1, 1, 0, 0, true, 50)))
    for _, to in ipairs(sent_to(esme)) do
      local digits = ("%03d"):format(math.floor(number() * 1000))
      assert.equal(("%d%s"):format(40 + math.floor(number() * 10), digits), to)
    end
  end)

  it("counts answers, refusals by status, and what has no outcome; a generic_nack is an answer", function()
    local esme, batch = bound(), batch_of()
    esme:send_batch(batch, 1, 1, 0, 0, false, 1) -- warm-up: number 2
    assert.equal(9, (esme:send_batch(batch, 1, 1, 0, 0, true, 9)))
    esme:output()
    for sequence, status in pairs { [2] = 0, [3] = 0, [4] = 0x58, [5] = 0x58, [6] = 0x14 } do
      esme:receive(response(0x80000004, status, sequence), 1, {})
    end
    esme:receive(response(0x80000000, 0, 7), 1, {})       -- generic_nack without a reason
    esme:receive(response(0x80000003, 0, 8), 1, {})       -- of another request: no outcome
    local latency = core.histogram()
    local ended, answered, ok, unknown, refusals = batch:settle(1, latency)
    assert.same({ 7, 5, 1, 1 }, { ended, answered, ok, unknown })
    local by_status = {}
    for i = 1, #refusals, 2 do by_status[refusals[i]] = refusals[i + 1] end
    assert.same({ [0x58] = 2, [0x14] = 1, [0xFF] = 1 }, by_status)
    assert.equal(5, (latency:count()))
    esme:tick(11, {}) -- timeouts
    assert.same({ 3, 0, 0, 3 }, { batch:settle(11, latency) })
    esme:send_batch(batch, 1, 1, 12, 12, true, 2)
    esme:lost()
    esme:poll {}
    assert.same({ 2, 0, 0, 2 }, { batch:settle(12, latency) })
    assert.same({ 0, 0, 0, "session is closed", "closed" }, { esme:send_batch(batch, 1, 1, 12, 12, true, 2) })
  end)

  it("tells who made messages late", function()
    local esme, batch, lateness, waits = bound(), batch_of(), core.histogram(), core.histogram()
    local dues = { 0, 99.995, 99.9, 50, 99.5 }
    -- Room again since 99.6: the last two waited for it; the third was the generator's fault, as are they beyond 99.6.
    assert.same({ 4, 3, 2 }, { esme:send_batch(batch, 1, 1, 100, 100, true, 4, dues, 2, 99.6, 0.01, lateness, waits) })
    assert.equal(4, (lateness:count()))
    assert.equal(2, (waits:count()))
    assert.near(50, waits:value(2) / 1e6, 0.05)
    assert.near(0.4, lateness:value(4) / 1e6, 1e-3)
  end)

  it("forgets what is in flight, and hears nothing of it afterwards", function()
    local esme, batch, latency = bound(), batch_of(), core.histogram()
    esme:send_batch(batch, 1, 1, 0, 0, true, 3)
    assert.equal(3, batch:abandon())
    esme:receive(response(0x80000004, 0, 2), 1, {})
    assert.same({ 0, 0, 0, 0 }, { batch:settle(1, latency) })
  end)

  it("takes one of several templates, and refuses what is none", function()
    local batch = core.batch(3)
    assert.same({ nil, "length out of range", "bad_length" }, { batch:template "abc" })
    assert.is_nil((batch:template(assert(codec.encode { command = "enquire_link" }))))
    for i = 1, 3 do assert.equal(i, batch:template((SUBMIT:gsub("49000", "4900" .. i)))) end
    batch:pick "in_order"
    local esme = bound()
    esme:send_batch(batch, 2, 2, 0, 0, true, 3)
    assert.same({ "49002", "49003", "49002" }, sent_to(esme))
    batch:pick "at_random"
    esme:send_batch(batch, 1, 3, 0, 0, true, 50)
    local seen = {}
    for _, to in ipairs(sent_to(esme)) do seen[to] = true end
    assert.same({ ["49001"] = true, ["49002"] = true, ["49003"] = true }, seen)
    assert.is_false(pcall(esme.send_batch, esme, batch, 2, 3, 0, 0, true, 1))
    assert.is_false(pcall(esme.send_batch, esme, batch, 0, 1, 0, 0, true, 1))
    assert.is_false(pcall(esme.send_batch, esme, {}, 1, 1, 0, 0, true, 1))
    assert.is_false(pcall(batch.pick, batch, "first"))
    assert.is_false(pcall(batch.number, batch, "destination_addr", 0, "digits", 16))
    for _, seed in ipairs { -1, 0 / 0, 1 / 0 } do assert.is_false(pcall(core.batch, seed)) end
  end)

  it("is the only one of its session, and lives as long as that", function()
    local esme, batch, other = bound(), batch_of(), batch_of()
    esme:send_batch(batch, 1, 1, 0, 0, true, 1)
    assert.matches("requests of another batch", select(2, pcall(esme.send_batch, esme, other, 1, 1, 0, 0, true, 1)))
    batch = nil -- luacheck: ignore
    collectgarbage()
    esme:receive(response(0x80000004, 0, 2), 1, {})
    esme = nil -- luacheck: ignore
    collectgarbage()
  end)
end)
