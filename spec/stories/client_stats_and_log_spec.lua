local logs = require "smpp.base.log"
local queues = require "smpp.base.queue"
local smpp = require "smpp"
local world = require "spec.support.esme"

local run, server, connect, submit = world.run, world.server, world.connect, world.submit

describe("client: stats()", function()
  it("count requests, answers, refusals by status, unknowns, latencies; of all and of each bind", function()
    run(function()
      local n = 0
      local s = server { submit_sm = function(session)
        n = n + 1
        if n % 4 == 0 then return nil, "ESME_RINVDSTADR" end
        if n == 10 then return session:close() end
        smpp.sleep(n % 2 == 0 and 0.3 or 0.03)
        return "x"
      end }
      local esme = assert(connect { reconnect = { min_s = 1, jitter = 0 }, bind = "tx+rx" })
      for _ = 1, 10 do submit(esme) end
      smpp.sleep(2)
      submit(esme)
      s.sessions[#s.sessions - 1]:deliver_sm({ destination_addr = "1", short_message = "x" }, function() end)
      smpp.sleep(0.1)
      local all = esme:stats()
      assert.same({ 11, 8, 2, 1, 0, 3 }, { all.requests, all.answered, all.refused, all.unknown, all.not_sent, all.binds })
      assert.same({ ESME_RINVDSTADR = 2 }, all.statuses)
      assert.equal(10, all.latency.count)
      assert.is_true(all.latency.p50_s <= 0.05 and all.latency.p99_s >= 0.29 and all.latency.max_s >= 0.29)
      local counted = 0
      for _, bucket in ipairs(all.latency.buckets) do counted = counted + bucket end
      assert.equal(10, counted)
      assert.same({ "bound", 2, 0, 0 }, { all.state, all.bound, all.queued, all.in_flight })
      assert.same({ "tx", "rx" }, { all.links[1].bind, all.links[2].bind })
      assert.same({ 11, 0 }, { all.links[1].requests, all.links[2].requests })
      assert.same({ 2, 1 }, { all.links[1].binds, all.links[2].binds })
      assert.equal("127.0.0.1:2775", all.links[1].host)
      esme:close()
      assert.equal("closed", esme:stats().state)
      s:close()
    end)
  end)
end)

describe("client: log", function()
  local function session(log)
    local s = server { submit_sm = function(_, pdu) return pdu.destination_addr ~= "491761234567" and "x" or nil, "ESME_RINVDSTADR" end }
    local esme = assert(connect { log = log, reconnect = { min_s = 1, jitter = 0 } })
    assert.is_nil(esme:send { from = "A", to = "+491761234567", text = "a secret text" })
    s.sessions[1]:close()
    smpp.sleep(2)
    esme:close()
    s:close()
  end

  it("has a record per change, with its reason", function()
    run(function()
      local records = {}
      session(function(record) table.insert(records, record) end)
      local lines = {}
      for i, record in ipairs(records) do lines[i] = record.level .. " " .. record.event end
      assert.same({ "info bind_up", "info bound", "debug not_taken", "warn bind_down", "warn waiting", "info connecting", "info bind_up",
        "info bound", "info closing", "info bind_closed", "info closed" }, lines)
      for _, record in ipairs(records) do
        assert.equal("me", record.system_id)
        assert.is_true(record.time >= 1700000000)
        assert.is_truthy(record.reason or record.event == "bind_up" or record.event == "not_taken", record.event)
      end
    end)
  end)

  it("shows no text and no password, and masks numbers if it is asked to", function()
    for _, show in ipairs { false, true } do
      run(function()
        local text = {}
        session { level = "debug", mask = show and "texts" or "all", write = function(record) table.insert(text, logs.line(record)) end }
        text = table.concat(text, "\n")
        assert.equal(show, text:find("491761234567", 1, true) ~= nil)
        assert.equal(not show, text:find('to="4917******67"', 1, true) ~= nil)
        assert.is_nil(text:find "secret")
      end)
    end
  end)

  it("has levels", function()
    run(function()
      local levels = {}
      session { level = "warn", write = function(record) levels[record.level] = (levels[record.level] or 0) + 1 end }
      assert.same({ warn = 2 }, levels)
      assert.has_error(function() connect { log = "loud" } end, [[log: expected true or false, one of "error", "warn", "info", "debug", "trace", a function or a table of options, got 'loud']])
      assert.has_error(function() connect { log = 7 } end)
    end)
  end)

  it("is one line per record, whatever is in it", function()
    assert.equal([[time=2023-11-14T22:13:20.000Z level=warn event=waiting a="b=c" reason="two words\n\"x\""]],
      logs.line { time = 1700000000, level = "warn", event = "waiting", reason = "two words\n\"x\"", a = "b=c" })
  end)

  it("that fails harms nobody", function()
    run(function()
      local kept, io_stderr = {}, io.stderr
      io.stderr = { write = function(_, ...) table.insert(kept, table.concat { ... }) end } -- luacheck: ignore
      local esme, _, code = connect { log = function() error "boo" end, [1] = "smpp://me@127.0.0.1:1" }
      io.stderr = io_stderr -- luacheck: ignore
      assert.same({ nil, "connect_failed" }, { esme, code })
      assert.truthy(table.concat(kept):find("the log function failed: .*boo"))
    end)
  end)
end)

describe("client: a queue", function()
  it("gives back by lane, then in order; what comes back takes its old place; anything can be taken out", function()
    local queue = queues.new()
    local entries = {}
    for i = 1, 8 do entries[i] = queue:put { n = i, lane = i % 3 == 0 and 5 or nil } end
    assert.equal(8, queue.count)
    local first = queue:take()
    assert.equal(3, first.n)
    local second = queue:take()
    assert.equal(6, second.n)
    queue:put { n = 9, lane = 5 }
    queue:put { n = 10, lane = 5 }
    local ninth = queue:take()
    queue:put(second)
    queue:put(ninth)
    queue:put(first)
    queue:remove(second)
    queue:remove(entries[4])
    assert.is_nil(entries[4].queue)
    queue:remove(entries[8])
    local order = {}
    local entry = queue:take()
    while entry do
      order[#order + 1] = entry.n
      entry = queue:take()
    end
    assert.same({ 3, 9, 10, 1, 2, 5, 7 }, order)
    assert.equal(0, queue.count)
    assert.is_nil(queue:peek())
  end)
end)
