local cli = require "spec.support.cli"
local logs = require "smpp.simulator.http_log"
local smpp = require "smpp"

describe("smpp.simulator.http_log", function()
  it("has each message of a submit_multi, with the PDU", cli.with_simulator({}, function(sim)
    local log = logs.new(sim)
    local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1")
    local response = assert(esme:submit_multi { source_addr = "1", short_message = "x", dest_address = {
      { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491" }, { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "492" },
    } })
    local list = assert(log:find { limit = 10 })
    assert.same({ "+491", "+492" }, { list[1].to, list[2].to })
    for _, to in ipairs { "492", "+492", " 492" } do assert.equal(list[2], (log:find { to = to, limit = 10 })[1]) end -- the + of a query is a blank
    assert.equal(response.message_id, list[1].id)
    assert.same({ "submit_multi", "submit_multi" }, { list[1].pdu.command, list[2].pdu.command })
    smpp.sleep(1)
    assert.same({ "DELIVERED", "DELIVERED" }, { list[1].state, list[2].state })
    assert.equal(list[2], log:get(response.message_id))
    assert.same({}, (log:find { after = response.message_id, limit = 10 }))
    local shown = logs.json(list[2])
    assert.equal("x", shown.text)
    assert.is_truthy(shown.octets:find "^%x+$")
    esme:close(0)
  end))

  it("keeps the last 10,000 messages", cli.with_simulator({}, function(sim)
    local log = logs.new(sim)
    local esme = assert(smpp.connect { "smpp://me:secret@127.0.0.1", window = 100 })
    smpp.each(function() return sim.counts.messages < 10050 or nil end, 50, function()
      assert(esme:submit_sm { destination_addr = "491", short_message = "x" })
    end)
    local count = 0
    for _ in pairs(log.entries) do count = count + 1 end
    assert.equal(10000, count)
    assert.is_nil(log:get "1")
    assert.is_nil((log:find { after = "1", limit = 1 }))
    assert.equal(100, #(log:find { limit = 100 }))
    esme:close(0)
  end))

  it("keeps 16 MiB of their PDUs", cli.with_simulator({ deliver_after_s = 1 }, function(sim)
    local log = logs.new(sim)
    local esme = assert(smpp.connect { "smpp://me:secret@127.0.0.1", window = 100 })
    for i = 1, 40 do
      assert(esme:submit_sm { destination_addr = "49" .. i, message_payload = ("x"):rep(i % 3 == 0 and 60000 or 64000) })
      if i % 10 == 0 then smpp.sleep(2) end
      local octets, count = 0, 0
      for _, entry in pairs(log.entries) do octets, count = octets + entry.pdu.command_length, count + 1 end
      assert.same({ octets, log.last - log.first + 1 }, { log.octets, count })
    end
    for i = 1, 300 do
      assert(esme:submit_sm { destination_addr = "2", message_payload = ("x"):rep(64000) })
      if i % 50 == 0 then smpp.sleep(2) end
    end
    assert.is_true(log.octets <= 16777216 and log.octets > 16777216 - 65000, log.octets)
    local known = 0
    for _ in pairs(log.by_key) do known = known + 1 end
    assert.equal(log.last - log.first + 1, known)
    smpp.sleep(3) -- those that are forgotten get their final states, too
    for _, entry in ipairs((log:find { limit = 1e9 })) do assert.equal("DELIVERED", entry.state) end
    assert.is_nil(next(log.by_id))
    esme:close(0)
  end))

  it("needs no event of the simulator, which would need all of each message", cli.with_simulator({}, function(sim)
    logs.new(sim)
    for _, name in ipairs { "message", "final", "receipt", "pdu" } do assert.is_nil(sim.listeners[name]) end
  end))

  it("finds the newest by words in texts and numbers", cli.with_simulator({}, function(sim)
    local log = logs.new(sim)
    local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1")
    for i, text in ipairs { "Alpha", "beta", "ALPHABET", "100%" } do assert(esme:submit_sm { source_addr = "7" .. i, destination_addr = "49" .. i, short_message = text }) end
    local function found(words, o, most)
      local list = {}
      for i, entry in ipairs(log:search(words, o or {}, most or 10)) do list[i] = entry.text end
      return list
    end
    assert.same({ "Alpha", "ALPHABET" }, found "alpha")
    assert.same({ "ALPHABET" }, found("alpha", {}, 1))
    assert.same({ "beta" }, found "+492")
    assert.same({ "ALPHABET" }, found "73")
    assert.same({ "100%" }, found "%")
    assert.same({ "Alpha", "beta", "ALPHABET", "100%" }, found "")
    assert.same({}, found("", { state = "EXPIRED" }))
    assert.same({}, found("", { system_id = "you" }))
    log:clear()
    assert.same({}, found "")
    esme:close(0)
  end))

  it("tells what is new, or has another state, since a change", cli.with_simulator({ deliver_after_s = 1 }, function(sim)
    local log = logs.new(sim)
    local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1")
    local function changed(after, most)
      local list, last = log:changed(after, most)
      local words = {}
      for i, entry in ipairs(list) do words[i] = entry.text .. " " .. entry.state end
      return words, last
    end
    for _, text in ipairs { "a", "b", "c" } do assert(esme:submit_sm { destination_addr = "491", short_message = text }) end
    local words, last = changed(0, 10)
    assert.same({ "a ENROUTE", "b ENROUTE", "c ENROUTE" }, words)
    assert.same({ "b ENROUTE", "c ENROUTE" }, (changed(0, 2)))
    assert.same({}, (changed(last, 10)))
    smpp.sleep(1.5)
    assert.same({ "a DELIVERED", "b DELIVERED", "c DELIVERED" }, (changed(last, 10)))
    assert.same({ "a DELIVERED", "b DELIVERED", "c DELIVERED" }, (changed(0, 10)))
    for _ = 1, 2100 do assert(esme:submit_sm { destination_addr = "491", short_message = "x" }) end
    assert.equal(2000, #(changed(0, 1e9)))
    local kept = 0
    for _ in pairs(log.changes) do kept = kept + 1 end
    assert.equal(2000, kept)
    log:clear()
    assert.same({}, (changed(0, 10)))
    esme:close(0)
  end))
end)
