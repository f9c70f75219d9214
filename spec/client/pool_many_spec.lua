local smpp = require "smpp"
local world = require "spec.support.esme"

local run, server, submit = world.run, world.server, world.submit

local QUICK = { min_s = 1, max_s = 5, jitter = 0 }
local HOSTS = { "127.0.0.1:2776", "127.0.0.1:2777", "127.0.0.1:2778" }

--- One server per host; `n` counts what each took.
local function servers(o)
  local list, seen = {}, {}
  for i = 1, #HOSTS do
    local options = { port = 2775 + i }
    for name, value in pairs(o or {}) do options[name] = value end
    list[i], seen[i] = server(options)
  end
  return list, seen
end

local function pool(o)
  o.hosts, o.system_id, o.reconnect = o.hosts or HOSTS, "me", o.reconnect or QUICK
  return world.watch(assert(smpp.pool(o)))
end

local function spread(esme, n)
  local done = { ok = 0 }
  for i = 1, n do
    smpp.spawn(function()
      local response, _, code = submit(esme, { destination_addr = tostring(i) })
      local key = response and "ok" or code
      done[key] = (done[key] or 0) + 1
    end)
  end
  return done
end

local function close_all(list)
  for _, s in ipairs(list) do s:close() end
end

describe("smpp.client.pool: a pool", function()
  it("has a bind per host, or as many as you say, and closes them all", function()
    run(function()
      local list = servers()
      for _, case in ipairs { { nil, { 1, 1, 1 } }, { 2, { 1, 1, 0 } }, { 6, { 2, 2, 2 } } } do
        local esme = pool { binds = case[1] }
        assert.same(case[2], { #list[1].sessions, #list[2].sessions, #list[3].sessions })
        esme:close()
        assert.same({ 0, 0, 0 }, { #list[1].sessions, #list[2].sessions, #list[3].sessions })
      end
      close_all(list)
    end)
  end)

  it("sends to the bind with the least outstanding: the slow one gets less", function()
    run(function()
      local counts = { 0, 0, 0 }
      local list = {}
      for i = 1, 3 do
        list[i] = server { port = 2775 + i, submit_sm = function()
          counts[i] = counts[i] + 1
          smpp.sleep(i == 3 and 1 or 0.1)
          return "x"
        end }
      end
      local esme = pool { window = 10 }
      local done = spread(esme, 600)
      smpp.sleep(10)
      assert.equal(600, done.ok)
      assert.is_true(counts[1] > 3 * counts[3] and counts[2] > 3 * counts[3], table.concat(counts, " "))
      assert.is_true(math.abs(counts[1] - counts[2]) < 30, table.concat(counts, " "))
      esme:close()
      close_all(list)
    end)
  end)

  it("takes turns where all are idle, and leaves alone what does not answer", function()
    run(function()
      local counts, list = { 0, 0, 0 }, {}
      for i = 1, 3 do
        list[i] = server { port = 2775 + i, answer_timeout_s = 1000, submit_sm = function()
          counts[i] = counts[i] + 1
          if counts[3] == 4 and i == 3 then smpp.sleep(500) end
          return "x"
        end }
      end
      local esme = pool { enquire_link_s = 0, response_timeout_s = 0 }
      for _ = 1, 9 do assert.truthy(submit(esme)) end
      assert.same({ 3, 3, 3 }, counts)
      for _ = 1, 30 do submit(esme, nil, 1) end
      assert.equal(4, counts[3])
      esme:close(0)
      close_all(list)
    end)
  end)

  it("sends past a bind that is being unbound", function()
    run(function(loop)
      local going = world.peer(loop, { port = 2776 })
      local list = { (server { port = 2777 }) }
      local esme = pool { hosts = { HOSTS[1], HOSTS[2] } }
      going.sessions[1]:send { command = "unbind", sequence_number = 1 } -- and leaves the connection open
      smpp.sleep(0.1)
      local done = spread(esme, 20)
      smpp.sleep(0.5)
      assert.equal(20, done.ok)
      assert.equal(0, going:count "submit_sm")
      esme:close()
      going:close()
      close_all(list)
    end)
  end)

  it("keeps every window full, also when all were", function()
    run(function(loop)
      local list, most, now = {}, { 0, 0, 0 }, { 0, 0, 0 }
      for i = 1, 3 do
        list[i] = server { port = 2775 + i, submit_sm = function()
          now[i] = now[i] + 1
          most[i] = math.max(most[i], now[i])
          smpp.sleep(0.1 + loop:random() / 10)
          now[i] = now[i] - 1
          return "x"
        end }
      end
      local esme = pool { window = 5 }
      local started, done = loop:now(), spread(esme, 300)
      while done.ok < 300 do smpp.sleep(0.01) end
      assert.same({ 5, 5, 5 }, most)
      assert.is_true(loop:now() - started < 300 / 15 * 0.15 * 1.15, "idle windows: " .. loop:now() - started)
      esme:close()
      close_all(list)
    end)
  end)

  it("keeps serving while a host is down, and takes it back", function()
    run(function(loop)
      local list = servers()
      local esme = pool {}
      local binds = {}
      esme:on("bind", function(what, _, host, reason) table.insert(binds, what .. " " .. host .. (reason and " " .. reason or "")) end)
      list[2]:close()
      smpp.sleep(0.1)
      assert.equal("bound", esme.state)
      assert.equal(2, esme:stats().bound)
      local done, started = spread(esme, 100), loop:now()
      while done.ok < 100 do smpp.sleep(0.01) end
      assert.is_true(loop:now() - started < 1)
      smpp.sleep(200)
      list[2] = server { port = 2777 }
      smpp.sleep(6)
      assert.equal(3, esme:stats().bound)
      assert.same({ "down 127.0.0.1:2777 unbound by the peer", "up 127.0.0.1:2777" }, binds)
      assert.equal(0, #esme.changes)
      esme:close()
      close_all(list)
    end)
  end)

  it("waits when all hosts are down, and goes on with the first that is back", function()
    run(function()
      local list = servers()
      local esme = pool {}
      for _, s in ipairs(list) do s:close() end
      smpp.sleep(0.1)
      assert.is_true(esme.state ~= "bound")
      local done = spread(esme, 20)
      smpp.sleep(20)
      assert.equal(0, done.ok)
      list = { (server { port = 2778 }) }
      smpp.sleep(6)
      assert.equal(20, done.ok)
      esme:close()
      close_all(list)
    end)
  end)

  it("begins with the hosts that are there, as soon as all were tried", function()
    run(function(loop)
      loop:blackhole("127.0.0.1", 2776)
      loop:blackhole("127.0.0.1", 2777)
      local list = { (server { port = 2778 }) }
      local started = loop:now()
      local esme = pool { bind_timeout_s = 8 }
      assert.equal(8, loop:now() - started)
      assert.equal(1, esme:stats().bound)
      esme:close()
      assert.same({ nil, "connect_failed" }, { (function()
        local none, _, code = smpp.pool { hosts = { HOSTS[1] }, bind_timeout_s = 1 }
        return none, code
      end)() })
      close_all(list)
    end)
  end)

  it("goes on without a host that will never take it", function()
    for _, bind in ipairs { "trx", "tx+rx" } do
      run(function()
        local list = { (server { port = 2776 }), (server { port = 2777, accounts = { other = "x" } }) }
        local esme = pool { hosts = { HOSTS[1], HOSTS[2] }, bind = bind }
        smpp.sleep(30)
        assert.equal("bound", esme.state)
        assert.equal(bind == "trx" and 1 or 2, esme:stats().bound)
        assert.truthy(esme.esme_errors[1]:find("ESME_RINVSYSID", 1, true))
        assert.truthy(submit(esme))
        list[1].sessions[1]:close()
        smpp.sleep(3)
        assert.equal("bound", esme.state)
        esme:close()
        close_all(list)
      end)
    end
  end)

  it("pauses the bind that is throttled, not the others", function()
    run(function()
      local counts, list = { 0, 0 }, {}
      for i = 1, 2 do
        list[i] = server { port = 2775 + i, submit_sm = function()
          counts[i] = counts[i] + 1
          if i == 1 then return nil, "ESME_RTHROTTLED" end
          smpp.sleep(0.01)
          return "x"
        end }
      end
      local esme = pool { hosts = { HOSTS[1], HOSTS[2] }, window = 5 }
      local ok = 0
      for i = 1, 100 do smpp.spawn(function() if esme:send { to = "+49" .. i, text = "x" } then ok = ok + 1 end end) end
      smpp.sleep(0.9)
      assert.equal(100, ok)
      assert.is_true(counts[1] <= 6, counts[1] .. " to the one that throttles")
      esme:close()
      close_all(list)
    end)
  end)

  it("finds the message of a receipt, whichever bind it comes on", function()
    run(function()
      local last = 0
      local list = servers { submit_sm = function()
        last = last + 1
        return "id" .. last
      end }
      local esme = pool {}
      local heard = {}
      esme:on("receipt", function(receipt) table.insert(heard, receipt) end)
      local sent = {}
      for i = 1, 9 do sent[i] = assert(esme:send { from = "A", to = "+49176" .. i, text = "x", receipt = true }) end
      for i = 1, 9 do
        local host = list[i % 3 + 1]
        assert(host.sessions[1]:deliver_sm {
          source_addr = "49176" .. i, source_addr_ton = 1, destination_addr = "A", esm_class = 4,
          short_message = ("id:%s sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:"):format(sent[i].message_id),
        })
      end
      smpp.sleep(1)
      assert.equal(9, #heard)
      for i = 1, 9 do assert.equal("DELIVERED", assert(sent[i]:receipt(1)).state) end
      esme:close()
      close_all(list)
    end)
  end)
end)
