local async = require "spec.support.async"
local run = require "smpp.loop.run"
local virtual = require "smpp.loop.virtual"

local await, collect, pair, wait_until = async.await, async.collect, async.pair, async.wait_until

--- A body with a connected pair and its link; both ends are closed at the end.
local function linked(fn, o)
  return async.virtual(function(loop, errors)
    local link
    loop:on_link(function(l) link = l end)
    local a, b = pair(loop)
    fn(loop, a, b, link, errors)
    a:close()
    b:close()
    run.sleep(1000) -- whatever is under way arrives
  end, o)
end

describe("smpp.loop.virtual: time", function()
  it("jumps: two days take no time", async.virtual(function(loop)
    local clock, unix = os.clock(), loop:time()
    run.sleep(2 * 86400)
    assert.equal(2 * 86400, loop:now())
    assert.equal(2 * 86400, loop:precise())
    assert.equal(unix + 2 * 86400, loop:time())
    assert.is_true(os.clock() - clock < 0.5)
  end))

  it("begins where it is told, and says the same every time", function()
    local function story(seed)
      local loop, log = virtual.new { seed = seed, start = 1000 }, {}
      run.run(function()
        log[1] = loop:time()
        run.each({ 1, 2, 3, 4, 5 }, 3, function(i)
          run.sleep(loop:random())
          log[#log + 1] = ("%d at %.9f"):format(i, loop:now())
        end)
      end, { loop = loop })
      return log
    end
    local one = story(1)
    assert.same(one, story(1))
    assert.equal(1000, one[1])
    assert.equal("1 at 0.065534474", one[2])
    assert.are_not.same(one, story(2))
  end)

  it("goes on by step and by advance, from outside", function()
    local loop, log = virtual.new(), {}
    for _, delay_s in ipairs { 3, 1, 2 } do
      local timer
      timer = loop:timer(function()
        log[#log + 1] = delay_s
        loop:defer(function() timer:close() end)
      end)
      timer:start(delay_s)
    end
    loop:advance(0.5)
    assert.same({}, log)
    assert.is_true(loop:step())
    assert.same({ 1 }, log)
    assert.equal(1, loop:now())
    loop:advance(1)
    assert.same({ 1, 2 }, log)
    loop:advance(10)
    assert.same({ 1, 2, 3 }, log)
    assert.equal(12, loop:now())
    assert.is_false(loop:step())
    assert.equal("nothing", loop:describe())
  end)

  it("does not go on within a callback", function()
    local loop, problems = virtual.new(), {}
    loop.on_error = function(trace) problems[#problems + 1] = trace end
    for _, method in ipairs { "step", "advance", "run" } do
      loop:defer(function() loop[method](loop, 1) end)
    end
    loop:step()
    assert.equal(3, #problems)
    for i = 1, 3 do assert.matches("the loop runs already", problems[i]) end
  end)

  it("ends where it was told to", function()
    local loop = virtual.new { limit_s = 100 }
    local timer
    timer = loop:timer(function() timer:start(7) end, true)
    timer:start(7)
    local ok, err = pcall(loop.run, loop)
    assert.is_false(ok)
    assert.matches("virtual time ran past limit_s %(100 s%); open: timer", err)
  end)

  it("keeps many timers in order, whichever are stopped", function()
    local loop, live, log = virtual.new { seed = 7 }, {}, {}
    local random = require("spec.support.util").random(7)
    local timers = {}
    for i = 1, 500 do
      timers[i] = loop:timer(function() log[#log + 1] = live[i] end)
    end
    for age = 1, 3000 do
      local i = random(500)
      if random(3) == 1 then
        timers[i]:stop()
        live[i] = nil
      else
        local delay_s = random(100)
        timers[i]:start(delay_s)
        live[i] = delay_s * 10000 + age -- of two for one time, the one started first
      end
    end
    local expected = {}
    for i = 1, 500 do expected[#expected + 1] = live[i] end
    table.sort(expected)
    loop:advance(1000)
    assert.same(expected, log)
  end)

  it("takes signals like kill's", async.virtual(function(loop)
    local count = 0
    local signal = loop:signal("SIGHUP", function() count = count + 1 end)
    assert.is_true(loop:raise("SIGHUP"))
    assert.is_false(loop:raise("SIGTERM"))
    run.sleep(0)
    run.sleep(0)
    assert.equal(1, count)
    signal:close()
    assert.is_false(loop:raise("SIGHUP"))
  end))

  it("lists what is open", async.virtual(function(loop)
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 2775 }, function() end))
    local timer = loop:timer(function() end)
    loop:hold()
    assert.equal("listener 127.0.0.1:2775, timer, 1 hold", loop:describe())
    assert.equal("listener 127.0.0.1:2775, 1 hold", loop:describe(true))
    assert.equal(listener, loop:handles()[1])
    timer:close()
    listener:close()
    loop:release()
  end))
end)

describe("smpp.loop.virtual: network", function()
  local function dial(loop, o)
    return await(function(done) loop:connect(o, done) end)
  end

  it("tries all addresses of a name, in turn, and anew each time", async.virtual(function(loop)
    local accepted = {}
    local listener = assert(loop:listen({ host = "10.0.0.2", port = 2775 }, function(t)
      accepted[#accepted + 1] = t
      t:close()
    end))
    loop:declare("mc.example", { "10.0.0.1", "10.0.0.2" })
    local transport = assert(dial(loop, { host = "mc.example", port = 2775 }))
    assert.equal("10.0.0.2", transport.peer.host)
    transport:close()
    loop:declare("mc.example", { "10.0.0.3", "10.0.0.4" })
    local _, message = dial(loop, { host = "mc.example", port = 2775 })
    assert.equal("cannot connect to mc.example:2775: 10.0.0.3: connection refused; 10.0.0.4: connection refused", message)
    loop:declare("mc.example", nil)
    _, message = dial(loop, { host = "mc.example", port = 2775 })
    assert.equal("cannot connect to mc.example:2775: unknown node or service", message)
    assert.equal(1, #accepted)
    listener:close()
  end))

  it("refuses on request", async.virtual(function(loop)
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 2775 }, function(t) t:close() end))
    loop:refuse("localhost", 2775)
    local _, message, code = dial(loop, { host = "127.0.0.1", port = 2775 })
    assert.equal("cannot connect to 127.0.0.1:2775: connection refused", message)
    assert.equal("connect_failed", code)
    loop:refuse("localhost", 2775, false)
    assert(dial(loop, { host = "127.0.0.1", port = 2775 })):close()
    listener:close()
  end))

  it("answers never on request; each address gets its share of the time", async.virtual(function(loop)
    loop:declare("mc", { "10.0.0.1", "10.0.0.2", "10.0.0.3" })
    local listener = assert(loop:listen({ host = "10.0.0.3", port = 1 }, function(t) t:close() end))
    loop:blackhole("10.0.0.1", 1)
    loop:blackhole("10.0.0.2", 1)
    local transport = assert(dial(loop, { host = "mc", port = 1, timeout_s = 9 }))
    assert.equal(6, loop:now())
    transport:close()
    loop:blackhole("10.0.0.3", 1)
    local _, message, code = dial(loop, { host = "mc", port = 1, timeout_s = 9 })
    assert.equal(15, loop:now())
    assert.equal("cannot connect to mc:1: 10.0.0.1: no answer; 10.0.0.2: no answer; 10.0.0.3: no answer", message)
    assert.equal("connect_failed", code)
    loop:blackhole("mc", 1, false)
    assert(dial(loop, { host = "mc", port = 1, timeout_s = 9 })):close()
    listener:close()
  end))

  it("lets a wildcard listen everywhere", async.virtual(function(loop)
    local count = 0
    local listener = assert(loop:listen({ host = "0.0.0.0", port = 9 }, function(t)
      count = count + 1
      t:close()
    end))
    for _, host in ipairs { "127.0.0.1", "10.1.2.3" } do assert(dial(loop, { host = host, port = 9 })):close() end
    assert.is_nil((dial(loop, { host = "::1", port = 9 })))
    assert.equal(2, count)
    listener:close()
  end))

  it("takes time for the handshake, during which a listener may go", async.virtual(function(loop)
    loop:on_link(function(link) link.a_to_b.latency_s, link.b_to_a.latency_s = 1, 2 end)
    local seen_at
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 1 }, function(t)
      seen_at = loop:now()
      t:close()
    end))
    assert(dial(loop, { host = "127.0.0.1", port = 1 })):close()
    assert.same({ 1, 3 }, { seen_at, loop:now() })
    local connect_message
    loop:connect({ host = "127.0.0.1", port = 1 }, function(_, message) connect_message = message end)
    run.sleep(0.5)
    listener:close()
    wait_until(function() return connect_message end)
    assert.matches("connection refused", connect_message)
    run.sleep(10)
  end))

  it("takes no late answer of an address for that of the next", async.virtual(function(loop)
    loop:on_link(function(link) link.a_to_b.latency_s = 5 end)
    loop:declare("mc", { "10.0.0.1", "10.0.0.2" })
    local ends = {}
    local listener = assert(loop:listen({ host = "0.0.0.0", port = 1 }, function(t) ends[#ends + 1] = collect(t) end))
    local _, message = dial(loop, { host = "mc", port = 1, timeout_s = 8 })
    assert.equal("cannot connect to mc:1: 10.0.0.1: no answer; 10.0.0.2: no answer", message)
    run.sleep(20)
    assert.same({ "connection_lost", "connection_lost" }, { ends[1].code, ends[2].code })
    listener:close()
  end))

  it("gives up a handshake that takes longer than the time there is, or is cancelled", async.virtual(function(loop)
    loop:on_link(function(link) link.a_to_b.latency_s = 5 end)
    local at_server
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 1 }, function(t) at_server = collect(t) at_server.t = t end))
    local _, message = dial(loop, { host = "127.0.0.1", port = 1, timeout_s = 2 })
    assert.equal("cannot connect to 127.0.0.1:1: no answer", message)
    assert.equal(2, loop:now())
    run.sleep(20)
    assert.equal("connection_lost", at_server.code)
    at_server = nil
    local called = false
    local connect = loop:connect({ host = "127.0.0.1", port = 1 }, function() called = true end)
    run.sleep(1)
    connect:cancel()
    run.sleep(20)
    assert.is_false(called)
    assert.equal("connection_lost", at_server.code)
    listener:close()
  end))
end)

describe("smpp.loop.virtual: a link", function()
  it("tells where it goes, and which ends it has", linked(function(_, a, b, link)
    assert.same({ "127.0.0.1", a.peer.port }, { link.host, link.port })
    assert.equal(a, link.a)
    assert.equal(b, link.b)
  end))

  it("delivers in chunks", linked(function(_, a, b, link)
    local chunks = {}
    link.a_to_b.chunk = 3
    b:start(function(chunk) chunks[#chunks + 1] = chunk end, function() end)
    a:write("abcd")
    a:write("efgh")
    wait_until(function() return #table.concat(chunks) == 8 end)
    assert.same({ "abc", "def", "gh" }, chunks)
    assert.equal(8, link.a_to_b.delivered)
  end))

  it("delivers in chunks of random size, the same for a seed", function()
    local function sizes()
      local list = {}
      linked(function(loop, a, b, link)
        link.a_to_b.chunk = function() return 1 + math.floor(loop:random() * 10) end
        b:start(function(chunk) list[#list + 1] = #chunk end, function() end)
        a:write(("x"):rep(100))
        run.sleep(1)
      end, { seed = 5 })()
      return list
    end
    local list, sum = sizes(), 0
    for _, n in ipairs(list) do sum = sum + n end
    assert.equal(100, sum)
    assert.is_true(#list > 10)
    assert.same(list, sizes())
  end)

  it("delays, in order though the delay shrinks", linked(function(loop, a, b, link)
    local log, began = {}, loop:now()
    b:start(function(chunk) log[#log + 1] = ("%s at %g"):format(chunk, loop:now() - began) end, function() end)
    link.a_to_b.latency_s = 2
    a:write("slow")
    run.sleep(1)
    link.a_to_b.latency_s = 0.5
    a:write("fast")
    run.sleep(1.5)
    a:write("last")
    a:shutdown()
    run.sleep(1)
    assert.same({ "slowfast at 2", "last at 3" }, log)
  end))

  it("with a random delay keeps the order too", linked(function(loop, a, b, link)
    local got = collect(b)
    link.a_to_b.latency_s = function() return loop:random() end
    local sent = {}
    for i = 1, 200 do
      sent[i] = ("%03d"):format(i)
      a:write(sent[i])
      if i % 10 == 0 then run.sleep(loop:random() / 10) end
    end
    a:shutdown()
    wait_until(function() return got.closed == 1 end)
    assert.equal(table.concat(sent), got.octets)
  end))

  it("dies for both ends after exactly so many octets", function()
    for n = 0, 12 do
      linked(function(_, a, b, link)
        link.b_to_a.latency_s = 1
        local at_a, at_b = collect(a), collect(b)
        b:write("lost on the way")
        link.a_to_b:cut_after(n)
        a:write("0123")
        a:write("4567")
        wait_until(function() return n > 8 or at_b.closed > 0 end)
        if n > 8 then
          run.sleep(2)
          assert.same({ 0, "lost on the way" }, { at_b.closed, at_a.octets })
          return
        end
        wait_until(function() return at_a.closed > 0 end)
        assert.equal(("01234567"):sub(1, n), at_b.octets)
        assert.same({ 1, "connection reset by peer", "connection_lost" }, { at_b.closed, at_b.message, at_b.code })
        assert.same({ 1, "connection_lost", "" }, { at_a.closed, at_a.code, at_a.octets })
        a:write("nothing")
        run.sleep(5)
        assert.same({ 1, 1 }, { at_a.closed, at_b.closed })
      end)()
    end
  end)

  it("that has delivered so many already dies at once", linked(function(_, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    a:write("1234")
    wait_until(function() return at_b.octets == "1234" end)
    link.a_to_b:cut_after(3)
    run.sleep(1)
    assert.same({ "connection_lost", "connection_lost" }, { at_a.code, at_b.code })
  end))

  it("cut before octets are due does not wait for them", linked(function(loop, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    link.a_to_b.latency_s = 100
    a:write("late")
    run.sleep(1)
    local began = loop:now()
    link:cut()
    wait_until(function() return at_a.closed == 1 and at_b.closed == 1 end)
    assert.is_true(loop:now() - began < 1)
    assert.equal("", at_b.octets)
  end))

  it("stalls: octets stay in flight, ends are not seen, and all comes when it goes on", linked(function(_, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    link.a_to_b:stall()
    a:write("held")
    a:shutdown()
    b:write("through")
    run.sleep(100)
    assert.same({ "", 0, "through" }, { at_b.octets, at_b.closed, at_a.octets })
    link.a_to_b:resume()
    wait_until(function() return at_b.closed == 1 end)
    assert.equal("held", at_b.octets)
  end))

  it("is half open when an end goes while it stalls", linked(function(_, a, b, link)
    local at_b = collect(b)
    link.a_to_b:stall()
    a:reset()
    b:write("to nobody")
    run.sleep(1000)
    assert.equal(0, at_b.closed)
    link.a_to_b:resume()
    wait_until(function() return at_b.closed == 1 end)
    assert.equal("connection_lost", at_b.code)
  end))

  it("has room for so many octets; the rest is pending", linked(function(_, a, b, link)
    link.a_to_b.capacity = 10
    local got, drained = "", 0
    a.on_drain = function() drained = drained + 1 end
    a:write("0123456789")
    assert.equal(0, a:pending())
    a:write("abc")
    a:write("def")
    assert.equal(6, a:pending())
    b:start(function(chunk) got = got .. chunk end, function() end)
    wait_until(function() return drained == 1 end)
    assert.equal(0, a:pending())
    wait_until(function() return #got == 16 end)
    assert.equal("0123456789abcdef", got)
    run.sleep(1)
    assert.equal(1, drained)
  end))

  it("tells no end that has closed meanwhile that its octets went out", linked(function(_, a, b, link)
    link.a_to_b.capacity = 1
    local drained = false
    a.on_drain = function() drained = true end
    a:write("ab")
    b:start(function() a:close() end, function() end)
    run.sleep(1)
    assert.is_true(a.closed)
    assert.is_false(drained)
  end))

  it("keeps the loop alive for pending octets until they are sent or lost", linked(function(loop, a, b, link)
    link.a_to_b.capacity = 1
    local at_a = collect(a)
    a:write("abc")
    b:shutdown()
    wait_until(function() return at_a.closed == 1 end)
    assert.equal(2, select(2, loop:describe(true):gsub("transport", "")))
    link:cut()
    assert.equal(1, select(2, loop:describe(true):gsub("transport", "")))
  end))

  it("loses what is pending when the sender closes, not what is in flight", linked(function(_, a, b, link)
    link.a_to_b.capacity = 4
    a:write("flightpending")
    a:close()
    local got = collect(b)
    wait_until(function() return got.closed == 1 end)
    assert.equal("flig", got.octets)
    assert.is_nil(got.message)
  end))

  it("corrupts", linked(function(_, a, b, link)
    local got = collect(b)
    link.a_to_b:corrupt(function(octets) return (octets:gsub("o", "0")) end)
    a:write("foo")
    wait_until(function() return #got.octets == 3 end)
    link.a_to_b:corrupt(function() return "" end)
    a:write("swallowed")
    run.sleep(1)
    link.a_to_b:corrupt(nil)
    a:write("foo")
    wait_until(function() return #got.octets == 6 end)
    assert.equal("f00foo", got.octets)
  end))

  it("closes by half on request; what the sender still writes is lost", linked(function(_, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    a:write("under way")
    link.a_to_b:half_close()
    a:write("lost")
    wait_until(function() return at_b.closed == 1 end)
    assert.same({ "under way" }, { at_b.octets, at_b.message })
    b:write("still heard")
    wait_until(function() return at_a.octets == "still heard" end)
    assert.equal(0, at_a.closed)
  end))

  it("reports an error in a watcher of new links, and goes on", async.virtual(function(loop, errors)
    loop:on_link(function() error "in watcher" end)
    local a, b = pair(loop)
    assert.matches("in watcher", table.remove(errors))
    a:close()
    b:close()
  end))
end)
