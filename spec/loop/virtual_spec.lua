local async = require "spec.support.async"
local run = require "smpp.loop.run"
local virtual = require "smpp.loop.virtual"


describe("smpp.loop.virtual: time", function()
  it("raises for an option that it does not have", function()
    assert.has_error(function() virtual.new { sed = 1 } end, "unknown option 'sed'; did you mean 'seed'?")
    assert.has_error(function() virtual.new { seed = "1" } end, "seed: expected a number, got '1'")
  end)

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
    for i = 1, 3 do assert.matches("the loop is already running", problems[i]) end
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

  it("asks its owner for an event when none is left", function()
    local loop, asked, ran = virtual.new(), 0, 0
    function loop.idle()
      asked = asked + 1
      if asked == 1 then loop:defer(function() ran = ran + 1 end) end
      return asked == 1
    end
    loop:hold()
    loop:run()
    assert.same({ 2, 1 }, { asked, ran })
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

  it("leaps: what the network has brought comes before the timers that are late", function()
    local loop, order = virtual.new(), {}
    local theirs
    loop:listen({ host = "127.0.0.1", port = 2775 }, function(transport)
      theirs = transport
      transport:start(function() end, function() end)
    end)
    loop:connect({ host = "127.0.0.1", port = 2775 }, function(transport)
      transport:start(function(octets) order[#order + 1] = octets end, function() end)
    end)
    loop:advance(1)
    local first = loop:timer(function() order[#order + 1] = "first" end)
    local second = loop:timer(function() order[#order + 1] = "second" end)
    local stopped = loop:timer(function() order[#order + 1] = "stopped" end)
    first:start(5)
    second:start(6)
    stopped:start(4)
    theirs:write "answer"
    loop:leap(60)
    assert.same({ "answer" }, order)
    assert.equal(61, loop:now())
    stopped:stop()
    loop:advance(1)
    assert.same({ "answer", "first", "second" }, order)
  end)

  it("runs commands that it was told the results of", async.virtual(function(loop)
    loop.commands.known = { output = "x\n", code = 3, after_s = 2 }
    local function run(command, timeout_s) return async.await(function(done) loop:run_command(command, timeout_s, done) end) end
    assert.same({ "x\n", 3 }, { run("known", 5) })
    assert.equal(2, loop:now())
    assert.same({ nil, "timeout" }, { run("known", 1) })
    assert.equal(3, loop:now())
    assert.same({ "", 127 }, { run("unknown", 1) })
  end))
end)
