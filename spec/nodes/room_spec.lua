local async = require "spec.support.async"
local models = require "spec.support.valkey_model"
local rooms = require "smpp.nodes.room"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local META = "smpp:{gw}:meta"

--- A body with an engine, a room, and what that has told.
local function with(max_octets, fn)
  return async.virtual(function(loop)
    local engine, told = models.new(loop, {}), {}
    engine.data[META] = { kind = "hash", fields = { open = "0", waiting = "0" }, count = 0 }
    local client = assert(valkey.connect { "valkey://127.0.0.1", wait = true, loop = loop })
    local room = rooms.new(client, loop, "smpp:{gw}:", max_octets, function(what, why) told[#told + 1] = what .. ": " .. why end)
    smpp.sleep(2)
    fn(room, engine, told)
    room:close()
    client:close()
    engine.close()
  end)
end

local function memory(engine, used, most)
  engine.info.used_memory, engine.info.maxmemory = tostring(used), tostring(most)
  smpp.sleep(1.5)
end

describe("smpp.nodes.room", function()
  it("is none from 90 % of the engine's memory on, and again below 85 %", with(0, function(room, engine, told)
    for _, step in ipairs { { 899 }, { 900, "ESME_RMSGQFUL" }, { 850, "ESME_RMSGQFUL" }, { 849 }, { 899 }, { 990, "ESME_RMSGQFUL" } } do
      memory(engine, step[1], 1000)
      assert.equal(step[2], room:refusal())
    end
    assert.same({ "full: 90 % of the engine's memory is used", "free: 85 % of the engine's memory is used", "full: 99 % of the engine's memory is used" }, told)
    memory(engine, 990, 0) -- no limit
    assert.is_nil(room:refusal())
  end))

  it("counts no memory that the engine does not count", with(0, function(room, engine)
    table.insert(engine.info_names, "mem_not_counted_for_evict")
    engine.info.mem_not_counted_for_evict = "100"
    memory(engine, 950, 1000)
    assert.is_nil(room:refusal())
  end))

  it("is none from 90 % of max_waiting_octets on, with what this node has added since the last look", with(1000, function(room, engine, told)
    engine.data[META].fields = { open = "7", waiting = "500" }
    smpp.sleep(1.5)
    assert.same({ 7, 500 }, { room.waiting, room.octets })
    room:add(399)
    assert.is_nil(room:refusal())
    room:add(1)
    assert.equal("ESME_RMSGQFUL", room:refusal())
    engine.data[META].fields.waiting = "850" -- others have finished some
    smpp.sleep(1.5)
    assert.equal("ESME_RMSGQFUL", room:refusal())
    engine.data[META].fields.waiting = "849"
    smpp.sleep(1.5)
    assert.is_nil(room:refusal())
    assert.same({ "full: 900 octets wait, of 1000 (max_waiting_octets)", "free: 849 octets wait, of 1000 (max_waiting_octets)" }, told)
  end))

  it("counts what this node has added once, when the engine answers late", with(1000, function(room, engine)
    engine.data[META].fields.waiting = "500"
    smpp.sleep(1)
    room:add(300)
    engine.stand_still(true)
    smpp.sleep(1.8)
    assert.is_nil(room:refusal())
    engine.data[META].fields.waiting = "900"
    engine.stand_still(false)
    smpp.sleep(0.1)
    assert.equal("ESME_RMSGQFUL", room:refusal())
  end))

  it("takes nothing while the engine would drop messages, and says so each minute", with(0, function(room, engine, told)
    engine.info.maxmemory_policy = "allkeys-lru"
    memory(engine, 1, 1000)
    assert.equal("ESME_RSYSERR", room:refusal())
    smpp.sleep(60)
    assert.equal(2, #told)
    assert.truthy(told[2]:find "^unsafe: maxmemory%-policy is allkeys%-lru: expected noeviction")
    engine.info.maxmemory_policy = "noeviction"
    smpp.sleep(1.5)
    assert.is_nil(room:refusal())
  end))

  it("stays what it was while the engine is away", with(0, function(room, engine)
    memory(engine, 950, 1000)
    engine.close()
    smpp.sleep(10)
    assert.equal("ESME_RMSGQFUL", room:refusal())
  end))
end)
