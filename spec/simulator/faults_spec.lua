local mc = require "spec.support.mc"
local pdus = require "smpp.codec"
local simulator = require "smpp.simulator"
local filters = require "spec.support.filters"
local util = require "spec.support.util"

--- A world with a simulator; `esme` notes strays and how it ended.
local function with(options, fn)
  mc.world(function(w)
    local sim = w:server(options, simulator.new)
    local faults = {}
    sim:on("fault", function(_, name) faults[#faults + 1] = name end)
    local esme = assert(w:bind { response_s = 20 })
    local strays = {}
    esme:on("stray", function(pdu, reason) strays[#strays + 1] = { pdu, reason } end)
    fn(w, sim, esme, faults, strays)
    sim:close(1)
  end)
end

local function send(esme, text, callback)
  return esme:submit_sm({ source_addr = "1", destination_addr = "49", short_message = text or "x" }, callback)
end

--- Sends `n` requests at once; the answers in the order they came.
local function burst(w, esme, n, text)
  local order = {}
  for i = 1, n do
    send(esme, i == 1 and text or "x", function(response, _, code) order[#order + 1] = { i, response and "ok" or code } end)
  end
  w:sleep(6)
  return order
end

describe("smpp.simulator.faults: a response", function()
  it("is dropped", function()
    with({}, function(w, _, esme, faults)
      assert.same({ { 2, "ok" } }, burst(w, esme, 2, "sim: drop"))
      assert.same({ "drop" }, faults)
      w:sleep(20)
      assert.is_false(esme.closed)
    end)
  end)

  it("comes late", function()
    with({ faults = { delay = 100, delay_s = 3 } }, function(w, _, esme)
      local before = w.loop:now()
      assert.is_truthy(send(esme))
      assert.near(3, w.loop:now() - before, 0.01)
    end)
    with({ faults = { delay = 100 } }, function(w, sim, esme)
      local before = w.loop:now()
      assert.is_truthy(send(esme))
      assert.near(5, w.loop:now() - before, 0.01)
      send(esme, "x", function() end)
      w:sleep(1)
      esme:close() -- and does not hear of it any more
      w:sleep(10)
      assert.same({ 0, {} }, { #sim.server.sessions, w.errors })
    end)
  end)

  it("comes twice", function()
    with({}, function(w, _, esme, _, strays)
      assert.is_truthy(send(esme, "sim: duplicate"))
      w:sleep(1)
      assert.equal(1, #strays)
      assert.equal("submit_sm_resp", strays[1][1].command)
    end)
  end)

  it("is overtaken by the next", function()
    with({ faults = { reorder = 100 } }, function(w, sim, esme)
      local before, at = w.loop:now(), {}
      for i = 1, 2 do send(esme, "x", function() at[#at + 1] = { i, w.loop:now() - before } end) end
      w:sleep(2)
      assert.same({ { 2, 0 }, { 1, 0 } }, at)
      before = w.loop:now()
      assert.is_truthy(send(esme)) -- nothing overtakes it: a second late
      assert.near(1, w.loop:now() - before, 0.01)
      assert.equal(3, sim.counts.faults)
    end)
    with({}, function(w, sim, esme)
      local before, at = w.loop:now(), {}
      for i = 1, 2 do
        send(esme, i == 1 and "sim: reorder" or "x", function() at[#at + 1] = { i, w.loop:now() - before } end)
      end
      w:sleep(2)
      assert.same({ { 2, 0 }, { 1, 0 } }, at)
      assert.same({}, sim.server.sessions[1].transport.planned)
    end)
  end)

  it("has another sequence_number, length or command", function()
    with({}, function(w, _, esme, _, strays)
      assert.same({ { 2, "ok" } }, burst(w, esme, 2, "sim: wrong sequence"))
      assert.equal(1, #strays)
    end)
    with({}, function(w, _, esme)
      burst(w, esme, 2, "sim: wrong length")
      assert.is_true(esme.closed or esme:info().in_flight > 0) -- out of step
    end)
    with({}, function(w, _, esme, _, strays)
      assert.same({ { 2, "ok" } }, burst(w, esme, 2, "sim: unknown command"))
      assert.equal("unknown response", strays[1][2])
    end)
  end)

  it("ends in the middle, and nothing follows", function()
    with({}, function(w, _, esme)
      assert.same({}, burst(w, esme, 2, "sim: half pdu"))
      w:sleep(10)
      assert.is_true(esme.closed)
      assert.equal("incomplete PDU: no more octets in time", esme.end_reason)
    end)
  end)

  it("is followed by nothing", function()
    with({}, function(w, _, esme)
      assert.same({}, burst(w, esme, 3, "sim: silence"))
    end)
  end)

  it("is a close, a reset or an unbind", function()
    for fault, reason in pairs { close = "closed by the peer", reset = "connection reset by peer", unbind = "unbound by the peer" } do
      with({}, function(w, sim, esme)
        local unbound = false
        esme:on("state", function(to) unbound = unbound or to == "UNBOUND" end)
        send(esme, "sim: " .. fault, function() end)
        w:sleep(1)
        assert.equal(fault == "unbind", unbound)
        assert.is_true(esme.closed, fault)
        assert.equal(reason, esme.end_reason)
        assert.equal(0, #sim.server.sessions)
        assert.is_truthy(w:bind {})
      end)
    end
  end)

  it("is this on the wire, and leaves what stands beside it alone", function()
    local link, second, fourth = "00000010800000150000000000000003", "000000128000000400000000000000023100", "000000128000000400000000000000043200"
    for fault, expected in pairs {
      ["drop"] = link .. fourth, ["duplicate"] = link .. second .. second .. fourth, ["reorder"] = link .. fourth .. second,
      ["wrong sequence"] = link .. "000000128000000400000000000f42423100" .. fourth,
      ["wrong length"] = link .. "00000015" .. second:sub(9) .. fourth, ["unknown command"] = link .. "000000128000badd" .. second:sub(17) .. fourth,
      ["half pdu"] = link .. second:sub(1, 18), ["close"] = link .. fourth, ["reset"] = "",
      ["unbind"] = link .. second .. fourth .. "00000010000000060000000000000001", ["silence"] = link, ["no receipt"] = link .. second .. fourth,
    } do
      mc.world(function(w)
        local sim, transport, got, over = w:server({}, simulator.new), w:transport(), {}, false
        transport:start(function(octets) got[#got + 1] = util.hex(octets) end, function() over = true end)
        transport:write(pdus.encode { command = "bind_transmitter", sequence_number = 1, system_id = "a", interface_version = 0x33 })
        w:sleep(0.1)
        got = {}
        local function submit(n, text)
          return pdus.encode { command = "submit_sm", sequence_number = n, destination_addr = "1", short_message = text }
        end
        transport:write(submit(2, "sim: " .. fault) .. util.unhex "00000010 00000015 00000000 00000003" .. submit(4, "x"))
        w:sleep(5)
        assert.equal(expected, table.concat(got), fault)
        assert.equal(fault == "close" or fault == "reset", over, fault)
        transport:close()
        sim:close(1)
      end)
    end
  end)

  it("may be that to any request about messages", function()
    for version, names in pairs {
      [0x50] = { "submit_sm", "data_sm", "submit_multi", "query_sm", "cancel_sm", "replace_sm", "broadcast_sm", "query_broadcast_sm",
        "cancel_broadcast_sm" },
      [0x33] = { "param_retrieve", "query_last_msgs", "query_msg_details" },
    } do
      mc.world(function(w)
        local sim = w:server({ faults = { drop = 100 }, checks = false }, simulator.new)
        local esme = assert(w:bind { type = "transmitter", version = version, interface_version = version, response_s = 1, unchecked = true })
        for _, name in ipairs(names) do
          assert.equal("timeout", select(3, esme[name](esme, name == "submit_multi" and { dest_address = { { destination_addr = "1" } } } or {})), name)
        end
        assert.equal(#names, sim.counts.faults)
        sim:close(1)
      end)
    end
  end)

  it("is never a request of the centre's own", function()
    mc.world(function(w)
      local sim = w:server({ faults = { drop = 100 } }, simulator.new)
      local got = {}
      local function take(_, pdu)
        got[#got + 1] = pdu.command
        return ""
      end
      w:bind { deliver_sm = take, data_sm = take }
      sim:deliver { to = "1", text = "x" }
      sim.server:deliver("esme1", { command = "data_sm", destination_addr = "1" })
      w:sleep(1)
      assert.same({ "deliver_sm", "data_sm" }, got)
      sim:close(1)
    end)
  end)

  it("happens in so many percent of cases, the same with the same seed", function()
    local function run()
      local result
      with({ faults = { drop = 10, wrong_sequence = 10, duplicate = 5 }, seed = 9 }, function(w, sim, esme, faults)
        for _ = 1, 400 do
          send(esme, nil, function() end)
          w:sleep(0.01)
        end
        local counts = {}
        for _, name in ipairs(faults) do counts[name] = (counts[name] or 0) + 1 end
        assert.near(40, counts.drop, 20)
        assert.near(36, counts.wrong_sequence, 20)
        assert.near(16, counts.duplicate, 12)
        assert.equal(#faults, sim.counts.faults)
        result = table.concat(faults, " ")
      end)
      return result
    end
    assert.equal(run(), run())
  end)

  it("is never the answer to a bind, an enquire_link or an unbind", function()
    with({ faults = { drop = 100 } }, function(_, _, esme)
      assert.is_truthy(esme:enquire_link())
      assert.is_true(esme:unbind())
    end)
  end)
end)

describe("smpp.simulator.faults: a peer that does not read for a while", function()
  it("gets all answers in the end", function()
    mc.world(function(w)
      local sim = w:server({ message_id = function() return ("x"):rep(64) end, max_unanswered = 20000 }, simulator.new)
      local transport, came = w:transport(), 0
      transport:start(function(octets) came = came + #octets end, function() end)
      transport:write(pdus.encode { command = "bind_transmitter", sequence_number = 1, system_id = "a", interface_version = 0x34 })
      w:sleep(0.1)
      transport:pause()
      came = 0
      local submit = pdus.encode { command = "submit_sm", sequence_number = 2, destination_addr = "1", short_message = "x" }
      for _ = 1, 10 do
        transport:write(submit:rep(2000))
        w:sleep(0.1)
      end
      assert.is_true(sim.counts.messages < 20000) -- it is not read from, either
      transport:resume()
      w:sleep(5)
      assert.same({ 20000, 20000 * (16 + 65) }, { sim.counts.messages, came })
      transport:close()
      sim:close(1)
    end)
  end)
end)

describe("smpp.simulator.faults: a behaviour", function()
  it("is one of those that there are", function()
    assert.same({ "dead", "flaky", "gatewayapi", "healthy", "slow", "throttling" }, require("smpp.simulator.behaviours").names())
  end)

  it("healthy answers at once; slow after about 2 s, with final states after 5 to 60 s", function()
    for name, expected in pairs { healthy = { 0, 0, 1, 1 }, slow = { 2, 0.5, 5, 60 } } do
      with({ behaviour = name, seed = 4 }, function(w, sim, esme)
        local sum, squares, count = 0, 0, 200
        for _ = 1, count do
          local before = w.loop:now()
          assert.is_truthy(send(esme))
          local took = w.loop:now() - before
          sum, squares = sum + took, squares + took * took
        end
        local mean = sum / count
        assert.near(expected[1], mean, 0.1)
        assert.near(expected[2], math.sqrt(squares / count - mean * mean), 0.1)
        w:sleep(60)
        local least, most = math.huge, 0
        for _, message in ipairs(sim:messages()) do
          local took = message.done - message.submitted
          least, most = math.min(least, took), math.max(most, took)
        end
        assert.is_true(least >= expected[3] and least < expected[3] + 2 and most <= expected[4] and most > expected[4] - 2, name)
      end)
    end
  end)

  it("flaky answers late, not, twice and damaged, fails a fifth of the messages, and breaks connections", function()
    mc.world(function(w)
      local sim = w:server({ behaviour = "flaky", seed = 2 }, simulator.new)
      local faults, codes, late, esme = {}, {}, 0, nil
      sim:on("fault", function(_, name) faults[name] = (faults[name] or 0) + 1 end)
      for _ = 1, 4000 do
        if not esme or esme.closed then esme = w:bind { response_s = 6 } end
        local began = w.loop:now()
        esme:submit_sm({ destination_addr = "49", short_message = "x" }, function(response, _, code)
          code = response and "ok" or code
          codes[code] = (codes[code] or 0) + 1
          if response and w.loop:now() - began > 2.5 then late = late + 1 end
        end)
        w:sleep(0.05)
      end
      w:sleep(30)
      for name, least in pairs { drop = 20, delay = 40, duplicate = 20, reorder = 40, wrong_sequence = 2, close = 1, reset = 1, unbind = 1 } do
        assert.is_true((faults[name] or 0) >= least, name)
      end
      assert.is_true(codes.timeout > 20 and codes.ESME_RSYSERR > 40 and codes.ESME_RMSGQFUL > 40 and late > 100)
      local states, count = {}, 0
      for _, message in ipairs(sim:messages()) do
        states[message.state], count = (states[message.state] or 0) + 1, count + 1
      end
      assert.near(0.8, states.DELIVERED / count, 0.03)
      assert.is_true(states.UNDELIVERABLE > 200 and states.EXPIRED > 100 and states.REJECTED > 100)
      sim:close(1)
    end)
  end)

  it("gives way to what the user says", function()
    with({ behaviour = "flaky", seed = 2, faults = { drop = 50 } }, function(w, sim, esme, faults)
      for _ = 1, 40 do
        send(esme, nil, function() end)
        w:sleep(0.1)
      end
      assert.is_true(#faults > 5)
      for _, name in ipairs(faults) do assert.equal("drop", name) end
      assert.equal(80, sim.settings.outcomes.DELIVERED)
    end)
  end)

  it("throttling takes 10 messages a second, for 10 s in every 20", function()
    with({ behaviour = "throttling", seed = 1 }, function(w, _, esme)
      for turn = 1, 2 do
        local codes = { ok = 0, ESME_RTHROTTLED = 0, ESME_RMSGQFUL = 0 }
        local function second()
          for _ = 1, 30 do
            local response, _, code = send(esme)
            code = response and "ok" or code
            codes[code] = codes[code] + 1
          end
          w:sleep(1)
        end
        for _ = 1, 10 do second() end
        assert.near(100, codes.ok + codes.ESME_RMSGQFUL, 1, turn)
        assert.near(200, codes.ESME_RTHROTTLED, 1, turn)
        for _ = 1, 10 do second() end
        assert.near(200, codes.ESME_RTHROTTLED, 1, turn)
        assert.is_true(codes.ESME_RMSGQFUL > 0)
      end
    end)
  end)

  it("dead takes connections and says nothing", function()
    mc.world(function(w)
      local sim = w:server({ behaviour = "dead" }, simulator.new)
      local transport = w:transport()
      local came, closed = 0, false
      transport:start(function(chunk) came = came + #chunk end, function() closed = true end)
      transport:write(util.unhex "00000018 00000009 00000000 00000001 61 00 00 00 34 00 00 00" .. util.unhex "00000010 00000015 00000000 00000002")
      w:sleep(3600)
      assert.same({ 0, false }, { came, closed })
      sim:set { behaviour = "healthy" }
      transport:write(util.unhex "00000010 00000015 00000000 00000003")
      w:sleep(1)
      assert.is_true(came > 0)
      transport:close()
      sim:close(1)
    end)
  end)

  it("refuses binds while bind_status says so", function()
    mc.world(function(w)
      local sim = w:server({ bind_status = "ESME_RSYSERR", accounts = { esme1 = "secret" } }, simulator.new)
      assert.equal("ESME_RSYSERR", select(3, w:bind {}))
      sim:set { bind_status = sim.default }
      assert.is_truthy(w:bind {})
      assert.equal("ESME_RINVPASWD", select(3, w:bind { password = "x" }))
      assert.equal(2, sim.counts.refused_binds)
      sim:close()
    end)
  end)
end)

describe("smpp.simulator.faults: filter", function()
  local put = require("smpp.simulator.faults").filter { settings = { faults = {}, silent = false }, next_faults = {} }
  filters.carries(it, { new = function() return put end })
end)
