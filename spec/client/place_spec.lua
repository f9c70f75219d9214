local clients = require "smpp.client"
local world = require "spec.support.esme"

local smpp = require "smpp"

local run, server = world.run, world.server

--- A client without binds, and an owner of places whose rights are switches.
local function leased(o)
  o = o or {}
  o[1] = o[1] or world.URL
  o.reconnect = o.reconnect or { min_s = 1, max_s = 1, jitter = 0 }
  local client = world.watch(assert(clients.leased(o)))
  local owner = { binds = true, writes = true, told = {} }
  for _, name in ipairs { "up", "down", "failed" } do
    owner[name] = function(code) owner.told[#owner.told + 1] = code and name .. " " .. code or name end
  end
  function owner.may_bind() return owner.binds end
  function owner.may_write() return owner.writes end
  return client, owner
end

describe("smpp.client.place", function()
  it("binds nothing by itself", function()
    run(function()
      local s = server()
      local client = leased()
      smpp.sleep(5)
      assert.equal(0, #s.sessions)
      assert.is_false(client:is_ready())
      assert.equal("waiting", client.state)
      assert.equal("not_sent", (select(3, client:submit_sm({ destination_addr = "1" }, 1))))
      client:close()
      s:close()
    end)
  end)

  it("is bound, sends, and closes when all is answered", function()
    run(function()
      local s, seen = server { submit_sm = function()
        smpp.sleep(2)
        return "1"
      end }
      local client, owner = leased()
      local place, done = client:open_place(1, owner), nil
      smpp.sleep(0.1)
      assert.same({ "up" }, owner.told)
      assert.equal("bound", client.state)
      local answer
      smpp.spawn(function() answer = client:submit_sm { destination_addr = "1" } end)
      smpp.sleep(0.5)
      place:drain(5, function() done = true end)
      assert.is_false(client:is_ready())
      smpp.sleep(0.1)
      assert.is_nil(done)
      smpp.sleep(2)
      assert.is_true(done)
      assert.equal("1", answer.message_id)
      assert.equal(0, #s.sessions)
      assert.equal(0, #client.pool.binds)
      assert.is_truthy(seen)
      client:close()
      s:close()
    end)
  end)

  it("is closed on purpose, or lost, in the log, and says why", function()
    run(function()
      local s, lines, stuck = server { answer_timeout_s = 60, submit_sm = function()
        smpp.sleep(30)
        return "1"
      end }, {}, nil
      local client, owner = leased { log = function(record)
        if record.event:find "^bind_[dc]" then lines[#lines + 1] = ("%s %s %s"):format(record.level, record.event, record.reason) end
      end }
      client:open_place(1, owner)
      smpp.sleep(0.1)
      client.pool.binds[1].place:drain(5, function() end, "given back")
      smpp.sleep(0.1)
      client:open_place(2, owner)
      smpp.sleep(0.1)
      client.pool.binds[1].place:drop(1, "not renewed")
      smpp.sleep(0.1)
      client:open_place(3, owner)
      smpp.sleep(0.1)
      smpp.spawn(function() stuck = select(3, client:submit_sm { destination_addr = "1" }) end)
      smpp.sleep(0.1)
      client.pool.binds[1].place:drain(5, function() end, "given back")
      s.sessions[1]:reset "broken"
      smpp.sleep(0.1)
      client:open_place(4, owner)
      smpp.sleep(0.1)
      client:close()
      assert.same({ "info bind_closed given back", "warn bind_down not renewed", "warn bind_down given back; connection reset by peer",
        "info bind_closed unbound" }, lines)
      assert.equal("connection_lost", stuck)
      s:close()
    end)
  end)

  it("drains no longer than it may", function()
    run(function()
      local s = server { answer_timeout_s = 60, submit_sm = function()
        smpp.sleep(30)
        return "1"
      end }
      local client, owner = leased()
      local place, done = client:open_place(1, owner), nil
      smpp.sleep(0.1)
      local code
      smpp.spawn(function() code = select(3, client:submit_sm { destination_addr = "1" }) end)
      smpp.sleep(0.1)
      place:drain(5, function() done = true end)
      smpp.sleep(8.5)
      assert.is_true(done)
      assert.equal("connection_lost", code)
      client:close()
      s:close()
    end)
  end)

  it("is gone within the time that is left, with unbind", function()
    run(function()
      local unbinds = 0
      local s = server()
      local client, owner = leased()
      local place = client:open_place(1, owner)
      smpp.sleep(0.1)
      s.sessions[1]:on("pdu", function(pdu) if pdu.command == "unbind" then unbinds = unbinds + 1 end end)
      place:drop(1)
      assert.equal("not_sent", (select(3, client:submit_sm({ destination_addr = "1" }, 0.1))))
      smpp.sleep(0.2)
      assert.equal(1, unbinds)
      assert.equal(0, #s.sessions)
      assert.equal(0, #client.pool.binds)
      client:close()
      s:close()
    end)
  end)

  it("is reset after that time where the MC does not answer unbind", function()
    run(function(loop)
      local wires = {}
      loop:on_link(function(wire) wires[#wires + 1] = wire end)
      local s = server()
      local client, owner = leased()
      local place = client:open_place(1, owner)
      smpp.sleep(0.1)
      wires[1].b_to_a:stall()
      place:drop(1)
      smpp.sleep(0.9)
      assert.equal(1, #client.pool.binds)
      smpp.sleep(0.2)
      assert.equal(0, #client.pool.binds)
      client:close()
      s:close()
    end)
  end)

  it("is reset at once where no time is left: nothing more goes out", function()
    run(function()
      local s, got = server(), {}
      local client, owner = leased()
      local place = client:open_place(1, owner)
      smpp.sleep(0.1)
      s.sessions[1]:on("pdu", function(pdu) got[#got + 1] = pdu.command end)
      place:drop(0)
      smpp.sleep(0.2)
      assert.same({}, got)
      assert.equal(0, #client.pool.binds)
      assert.equal(0, #s.sessions)
      client:close()
      s:close()
    end)
  end)

  it("writes nothing without the right to it, not even what was waiting", function()
    run(function()
      local s, seen = server()
      local client, owner = leased()
      client:open_place(1, owner)
      smpp.sleep(0.1)
      owner.writes = false
      local codes = {}
      for i = 1, 3 do
        smpp.spawn(function() codes[i] = select(3, client:submit_sm({ destination_addr = "1" }, 0.1)) end)
      end
      smpp.sleep(0.2)
      assert.equal(0, #seen.submits)
      assert.equal(0, #s.sessions)
      assert.same({ "up", "down" }, owner.told)
      assert.same({ "not_sent", "not_sent", "not_sent" }, codes)
      client:close()
      s:close()
    end)
  end)

  it("sends by another bind what was refused without the right, and by the next one what had no other", function()
    run(function()
      local s, seen = server()
      local client, owner = leased()
      local other = setmetatable({ may_write = function() return true end }, { __index = owner })
      client:open_place(1, owner)
      smpp.sleep(0.1)
      client:open_place(2, other)
      smpp.sleep(0.1)
      owner.writes, owner.binds = false, false
      local ids = {}
      for i = 1, 4 do
        smpp.spawn(function() ids[i] = client:submit_sm { destination_addr = "1" }.message_id end)
      end
      smpp.sleep(0.1)
      table.sort(ids)
      assert.same({ "1", "2", "3", "4" }, ids)
      assert.equal(4, #seen.submits)
      client.pool.binds[2].place:drop(0)
      local late
      owner.told = {}
      smpp.spawn(function() late = client:submit_sm { destination_addr = "1" }.message_id end)
      smpp.sleep(0.1)
      assert.is_nil(late)
      owner.writes, owner.binds = true, true
      smpp.sleep(2)
      assert.equal("5", late)
      client:close()
      s:close()
    end)
  end)

  it("leaves the outcome unknown of what was written before", function()
    run(function()
      local s, seen = server { submit_sm = function()
        smpp.sleep(1)
        return "1"
      end }
      local client, owner = leased()
      client:open_place(1, owner)
      smpp.sleep(0.1)
      local codes = {}
      smpp.spawn(function() codes[1] = select(3, client:submit_sm({ destination_addr = "1" }, 0.5)) end)
      smpp.sleep(0.1)
      owner.writes = false
      smpp.spawn(function() codes[2] = select(3, client:submit_sm({ destination_addr = "2" }, 0.5)) end)
      smpp.sleep(0.6)
      assert.same({ "connection_lost", "not_sent" }, codes)
      assert.is_truthy(seen)
      client:close()
      s:close()
    end)
  end)

  it("does not use a bind that was answered after its right had ended", function()
    run(function()
      local s = server { authenticate = function()
        smpp.sleep(2)
        return true
      end }
      local client, owner = leased()
      client:open_place(1, owner)
      smpp.sleep(1)
      owner.binds = false
      smpp.sleep(1.5)
      assert.same({ "failed closed" }, owner.told)
      assert.is_false(client:is_ready())
      client:close()
      s:close()
    end)
  end)

  it("tells of each attempt, and tries again; also after a bind that was refused for good", function()
    run(function(loop)
      local client, owner = leased()
      local place = client:open_place(1, owner)
      smpp.sleep(1.5)
      assert.same({ "failed connect_failed", "failed connect_failed" }, owner.told)
      owner.told = {}
      local s = server { accounts = { other = "x" } }
      smpp.sleep(2)
      assert.equal("failed ESME_RINVSYSID", owner.told[#owner.told])
      local count, at = #owner.told, loop:now()
      smpp.sleep(50)
      assert.equal(count, #owner.told)
      smpp.sleep(15)
      assert.equal(count + 1, #owner.told)
      assert.is_true(loop:now() - at < 70)
      assert.is_true(client.state ~= "closed")
      place:drop(0)
      client:close()
      s:close()
    end)
  end)

  it("connects again after the end of a session, until it is closed", function()
    run(function()
      local s = server()
      local client, owner = leased()
      local place = client:open_place(1, owner)
      smpp.sleep(0.1)
      s.sessions[1]:reset "x"
      smpp.sleep(1.2)
      assert.same({ "up", "down", "up" }, owner.told)
      place:drop(0)
      smpp.sleep(10)
      assert.equal(0, #s.sessions)
      client:close()
      s:close()
    end)
  end)

  it("may be a pair", function()
    run(function()
      local s = server()
      local client, owner = leased { bind = "tx+rx" }
      local place, done = client:open_place(1, owner), nil
      smpp.sleep(0.5)
      assert.equal(2, #s.sessions)
      assert.same({ "up" }, owner.told)
      assert.equal("1", client:submit_sm({ destination_addr = "1" }).message_id)
      s.sessions[1]:reset "x"
      smpp.sleep(2)
      assert.same({ "up", "down", "up" }, owner.told)
      place:drain(5, function() done = true end)
      smpp.sleep(0.5)
      assert.is_true(done)
      assert.equal(0, #s.sessions)
      client:close()
      s:close()
    end)
  end)

  it("becomes a pair where the MC has no transceivers, if it may", function()
    run(function(loop)
      local mc = world.peer(loop, { bind_transceiver = function(session, pdu) session:answer(pdu, { status = "ESME_RINVCMDID" }) end })
      local client, owner = leased { fallback = true }
      local first = client:open_place(1, owner)
      smpp.sleep(0.5)
      local second = client:open_place(2, owner)
      smpp.sleep(0.5)
      assert.same({ 1, 2, 2 }, { mc:count "bind_transceiver", mc:count "bind_transmitter", mc:count "bind_receiver" })
      assert.same({ "up", "up" }, owner.told)
      first:drop(0)
      second:drop(0)
      smpp.sleep(0.1)
      assert.equal(0, #client.pool.binds)
      client:close()
      mc:close()
    end)
  end)

  it("has several beside each other, each with a host of its own first", function()
    run(function()
      local one, two = server { port = 2775 }, server { port = 2776 }
      local client, owner = leased { "smpp://me:secret@127.0.0.1:2775,127.0.0.1:2776" }
      local first, second = client:open_place(1, owner), client:open_place(2, owner)
      smpp.sleep(0.2)
      assert.same({ 1, 1 }, { #one.sessions, #two.sessions })
      first:drop(0)
      smpp.sleep(0.2)
      assert.same({ 0, 1 }, { #one.sessions, #two.sessions })
      assert.is_true(client:is_ready())
      assert.equal("bound", client.state)
      second:drop(0)
      smpp.sleep(0.2)
      assert.is_false(client:is_ready())
      client:close()
      one:close()
      two:close()
    end)
  end)
end)
