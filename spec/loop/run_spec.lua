local async = require "spec.support.async"
local loops = require "smpp.loop"
local run = require "smpp.loop.run"
local task = require "smpp.base.task"
local virtual = require "smpp.loop.virtual"

local function luv() return require("smpp.loop.luv").default() end

--- Something that has to be closed: closing it waits `close_s`, and it holds the loop meanwhile.
local function thing(loop, log, name, o)
  o = o or {}
  local object = { name = name, has_handlers = o.has_handlers }
  function object:close()
    if self.closed then return end
    self.closed = true
    if o.close_s then run.sleep(o.close_s) end
    if o.fails then error("closing " .. name) end
    log[#log + 1] = name
    loop:release()
    run.closed(self)
  end
  loop:hold()
  run.opened(object, o.stays)
  return object
end

for _, name in ipairs { "luv", "virtual" } do
  local function new_loop() return name == "luv" and luv() or virtual.new() end

  describe("smpp.loop.run: smpp.run on the " .. name .. " loop", function()
    it("returns exactly what the function returned", function()
      local function results(...) return select("#", ...), ... end
      local loop = new_loop()
      assert.same({ 4, 1, nil, "x", nil }, { results(run.run(function() return 1, nil, "x", nil end, { loop = loop })) })
      assert.equal(0, (results(run.run(function() end, { loop = loop }))))
      assert.equal("slept", run.run(function()
        run.sleep(0.001)
        return "slept"
      end, { loop = loop }))
    end)

    it("goes on after the function until nothing keeps the loop alive", function()
      local log, loop = {}, new_loop()
      local result = run.run(function()
        run.spawn(function()
          run.sleep(0.002)
          log[#log + 1] = "spawned"
        end)
        log[#log + 1] = "main"
        return "result"
      end, { loop = loop })
      assert.equal("result", result)
      assert.same({ "main", "spawned" }, log)
    end)

    it("closes what main opened and gave no handlers, the youngest first", function()
      local log, loop = {}, new_loop()
      local served
      run.run(function()
        thing(loop, log, "first")
        served = thing(loop, log, "served", { has_handlers = true })
        thing(loop, log, "second")
        run.spawn(function()
          local own = thing(loop, log, "a spawned task's")
          run.sleep(0.004)
          own:close()
          served:close()
        end)
        thing(loop, log, "callback-style", { stays = true })
        run.sleep(0.001, function() log[#log + 1] = "later" end)
        run.sleep(0, function()
          run.sleep(0.003)
          loop:release() -- what stays is ours to close
        end)
      end, { loop = loop })
      assert.same({ "second", "first", "later", "a spawned task's", "served" }, log)
    end)

    it("counts what tasks of smpp.each open as main's", function()
      local log, loop = {}, new_loop()
      run.run(function()
        run.each({ "a", "b" }, 2, function(item)
          run.sleep(0.001)
          thing(loop, log, item)
        end)
        run.spawn(function() thing(loop, log, "not main's"):close() end)
        assert.same({ "not main's" }, log)
      end, { loop = loop })
      assert.same({ "not main's", "b", "a" }, log)
    end)

    it("does not close again what is closed", function()
      local log, loop = {}, new_loop()
      run.run(function() thing(loop, log, "x"):close() end, { loop = loop })
      assert.same({ "x" }, log)
    end)

    it("waits for closings, which may wait, side by side", function()
      local log, loop = {}, new_loop()
      local before = loop:now()
      run.run(function()
        thing(loop, log, "slow", { close_s = 0.006 })
        thing(loop, log, "quick", { close_s = 0.002 })
      end, { loop = loop })
      assert.same({ "quick", "slow" }, log)
      if name == "virtual" then assert.equal(0.006, loop:now() - before) end
    end)

    it("raises an error of main again, with its traceback, when all is closed", function()
      local log, loop = {}, new_loop()
      for _, wait in ipairs { true, false } do
        local function culprit()
          if wait then run.sleep(0.001) end
          error "boom"
        end
        local ok, err = pcall(run.run, function()
          thing(loop, log, "plain", { close_s = 0.001 })
          thing(loop, log, "served", { has_handlers = true })
          run.spawn(run.sleep, 1e6) -- whoever sleeps does not hold us up
          culprit()
        end, { loop = loop })
        assert.is_false(ok)
        assert.matches("^spec/loop/run_spec.lua:%d+: boom\nstack traceback:.*culprit", err)
        assert.same({ "served", "plain" }, { log[1], log[2] })
        log = {}
      end
      local object = {}
      local _, err = pcall(run.run, function() error(object) end, { loop = loop })
      assert.equal(object, err)
      assert.equal("again", run.run(function() return "again" end, { loop = loop }))
    end)

    it("tells a main task that nothing can wake", function()
      local loop = new_loop()
      local ok, err = pcall(run.run, function()
        local function forgotten() task.wait "the answer" end
        forgotten()
      end, { loop = loop })
      assert.is_false(ok)
      assert.matches("^deadlock: the main task waits, and no event is left that could wake it\nstack traceback:.*forgotten", err)
    end)

    it("tells a main task that waits when the loop is stopped; otherwise a stop is an end", function()
      local loop = new_loop()
      local ok, err = pcall(run.run, function()
        run.sleep(0, function() loop:stop() end)
        run.sleep(1e6)
      end, { loop = loop })
      assert.is_false(ok)
      assert.matches("^the loop was stopped while the main task waits\nstack traceback", err)
      local log = {}
      assert.equal("done", run.run(function()
        loop:hold()
        run.sleep(0.001, function()
          log[1] = "stop"
          loop:stop()
        end)
        return "done"
      end, { loop = loop }))
      loop:release()
      assert.same({ "stop" }, log)
    end)

    it("reports errors of closing and of spawned tasks, and goes on", function()
      local saved, errors, log, loop = task.on_error, {}, {}, new_loop()
      task.on_error = function(trace) errors[#errors + 1] = trace end
      local result = run.run(function()
        local bad = thing(loop, log, "bad", { fails = true })
        thing(loop, log, "good")
        run.spawn(function() error "spawned" end)
        run.sleep(0.001, function() loop:release() assert(bad.closed) end)
        return "result"
      end, { loop = loop })
      task.on_error = saved
      assert.equal("result", result)
      assert.same({ "good" }, log)
      assert.matches("spawned", errors[1])
      assert.matches("closing bad", errors[2])
      assert.equal(2, #errors)
    end)

    it("ends after an error of main though closing fails", function()
      local saved, errors, loop = task.on_error, {}, new_loop()
      task.on_error = function(trace) errors[#errors + 1] = trace end
      local ok, err = pcall(run.run, function()
        thing(loop, {}, "bad", { fails = true, close_s = 0.001 })
        error "of main"
      end, { loop = loop })
      task.on_error = saved
      loop:release()
      assert.is_false(ok)
      assert.matches("of main", err)
      assert.equal(1, #errors)
      assert.matches("closing bad", errors[1])
    end)

    it("closes what is opened while it closes everything", function()
      local log, loop = {}, new_loop()
      pcall(run.run, function()
        thing(loop, log, "old", { close_s = 0.002 })
        run.sleep(0.001, function() thing(loop, log, "new") end)
        error "end"
      end, { loop = loop })
      table.sort(log) -- on a slow machine both are due in one turn
      assert.same({ "new", "old" }, log)
    end)

    it("runs only once at a time, and makes its loop the current one", function()
      local loop = new_loop()
      local before = loops.set(nil)
      loops.set(before)
      run.run(function()
        assert.equal(loop, loops.current())
        local ok, err = pcall(run.run, function() end)
        assert.is_false(ok)
        assert.matches("smpp.run is already running: use smpp.spawn", err)
      end, { loop = loop })
      local after = loops.set(nil)
      loops.set(after)
      assert.equal(before, after)
      assert.has_error(function() run.run("no function") end, "argument 1: expected a function, got string")
      assert.has_error(function() run.run(function() end, { lop = 1 }) end, "unknown option 'lop'; did you mean 'loop'?")
    end)

    local function interrupt(loop, signal)
      if name == "virtual" then return loop:raise(signal) end
      local uv = require "luv"
      uv.kill(uv.os_getpid(), signal:lower())
    end

    it("closes everything on SIGINT and SIGTERM, and says so", function()
      for _, signal in ipairs { "SIGINT", "SIGTERM" } do
        local log, loop = {}, new_loop()
        local result, message, code, failure, by = run.run(function()
          thing(loop, log, "plain", { close_s = 0.001 })
          thing(loop, log, "served", { has_handlers = true })
          run.spawn(function()
            run.sleep(0.001)
            interrupt(loop, signal)
          end)
          run.sleep(1e6)
        end, { loop = loop })
        assert.is_nil(result)
        assert.equal("interrupted by " .. signal, message)
        assert.equal("interrupted", code)
        assert.same({ nil, signal }, { failure, by })
        assert.same({ "served", "plain" }, log)
      end
    end)

    it("gives what main raises after a signal as fourth result", function()
      local log, loop = {}, new_loop()
      local _, _, code, err = run.run(function()
        local served = thing(loop, log, "served", { close_s = 0.002 })
        interrupt(loop, "SIGINT")
        async.wait_until(function() return served.closed end)
        error "closed under my feet"
      end, { loop = loop })
      assert.equal("interrupted", code)
      assert.matches("closed under my feet\nstack traceback", err)
    end)

    it("takes the same signal twice at once, as timeout(1) sends it, for one", function()
      local log, loop = {}, new_loop()
      local _, _, code = run.run(function()
        thing(loop, log, "slow", { close_s = 0.005 })
        run.spawn(function()
          interrupt(loop, "SIGINT")
          run.sleep(0.001)
          interrupt(loop, "SIGINT")
        end)
        run.sleep(1e6)
      end, { loop = loop })
      assert.equal("interrupted", code)
      assert.same({ "slow" }, log)
    end)

    if name == "virtual" then
      it("ends at once on the same signal later", function()
        local log, loop = {}, new_loop()
        run.run(function()
          thing(loop, log, "slow", { close_s = 1e5 })
          run.spawn(function()
            interrupt(loop, "SIGINT")
            run.sleep(0.2)
            interrupt(loop, "SIGINT")
          end)
          run.sleep(1e6)
        end, { loop = loop })
        loop:release()
        assert.same({}, log)
      end)
    end

    it("ends at once on a second signal", function()
      local log, loop = {}, new_loop()
      local _, _, code = run.run(function()
        thing(loop, log, "slow", { close_s = 1e5 })
        run.spawn(function()
          interrupt(loop, "SIGINT")
          run.sleep(0.002)
          interrupt(loop, "SIGTERM")
        end)
        run.sleep(1e6)
      end, { loop = loop })
      loop:release()
      assert.equal("interrupted", code)
      assert.same({}, log)
    end)
  end)

  local on = async[name]

  describe("smpp.loop.run: smpp.sleep on the " .. name .. " loop", function()
    it("waits, and returns nothing", on(function(loop)
      local before = loop:now()
      assert.equal(0, select("#", run.sleep(0.003)))
      assert.is_true(loop:now() - before >= 0.0029)
    end))

    it("calls back once, in a task, and does not wait", on(function()
      local log = {}
      run.sleep(0.002, function()
        log[#log + 1] = task.current() and "a task"
        run.sleep(0.001)
        log[#log + 1] = "that may wait"
      end)
      assert.same({}, log)
      async.wait_until(function() return #log == 2 end)
      assert.same({ "a task", "that may wait" }, log)
    end))
  end)

  describe("smpp.loop.run: smpp.each on the " .. name .. " loop", function()
    it("has at most n calls under way, takes all items in order, and counts them", on(function()
      local under_way, most, taken, items = 0, 0, {}, {}
      for i = 1, 20 do items[i] = i end
      local count = run.each(items, 4, function(item)
        under_way = under_way + 1
        most = math.max(most, under_way)
        taken[#taken + 1] = item
        run.sleep(item % 3 * 0.001)
        under_way = under_way - 1
      end)
      assert.equal(20, count)
      assert.equal(4, most)
      assert.equal(0, under_way)
      assert.same(items, taken)
    end))

    it("takes iterators, which may wait, and never asks one again that has ended", on(function()
      local n, asked_after_end, taken = 0, 0, {}
      local count = run.each(function()
        if n == 5 then
          asked_after_end = asked_after_end + 1
          return nil
        end
        n = n + 1
        local item = n
        run.sleep(0.001)
        return item, item * item
      end, 1, function(item, square) taken[item] = square end)
      assert.equal(5, count)
      assert.equal(1, asked_after_end)
      assert.same({ 1, 4, 9, 16, 25 }, taken)
      local generator = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
      assert.equal(3, run.each(generator, 7, function() run.sleep(0.001) end))
    end))

    it("takes nothing from nothing, and needs no wait", on(function()
      assert.equal(0, run.each({}, 3, error))
      local sum = 0
      assert.equal(3, run.each({ 1, 2, 3 }, 2, function(x) sum = sum + x end))
      assert.equal(6, sum)
    end))

    it("raises the first error when the calls under way have ended", on(function()
      local log = {}
      local ok, err = run.pcall(run.each, { 1, 2, 3, 4, 5 }, 3, function(item)
        run.sleep(item * 0.002)
        log[#log + 1] = item
        if item == 1 then error "first" end
        if item == 2 then error "second" end
      end)
      assert.is_false(ok)
      assert.matches("run_spec.lua:%d+: first\nstack traceback", err)
      assert.same({ 1, 2, 3 }, log)
      local taken, given = 0, {}
      ok = run.pcall(run.each, function() -- which never ends
        taken = taken + 1
        local item = taken
        run.sleep(item * 0.002)
        return item
      end, 2, function(item)
        given[#given + 1] = item
        error "stop"
      end)
      assert.is_false(ok)
      assert.equal(2, taken)
      assert.same({ 1 }, given)
      local object = {}
      ok, err = run.pcall(run.each, { 1, 2 }, 1, function() error(object) end)
      assert.is_false(ok)
      assert.equal(object, err)
      ok, err = run.pcall(run.each, function() error "in the iterator" end, 2, function() end)
      assert.is_false(ok)
      assert.matches("in the iterator", err)
    end))

    it("works within itself", on(function()
      local log = {}
      run.each({ "a", "b" }, 2, function(letter)
        run.each({ 1, 2 }, 2, function(digit)
          run.sleep(0.001)
          log[#log + 1] = letter .. digit
        end)
      end)
      table.sort(log)
      assert.same({ "a1", "a2", "b1", "b2" }, log)
    end))
  end)
end

describe("smpp.loop.run: the virtual loop under smpp.run", function()
  it("tells what is open when nothing can happen any more", function()
    local loop, log = virtual.new(), {}
    local listener
    local ok, err = pcall(run.run, function()
      listener = assert(loop:listen({ host = "127.0.0.1", port = 2775 }, function() end))
      thing(loop, log, "served", { has_handlers = true })
    end, { loop = loop })
    assert.is_false(ok)
    assert.equal("deadlock: no event is left, but these keep the loop alive: listener 127.0.0.1:2775, 1 hold", err)
    assert.same({ "served" }, log)
    listener:close()
    assert.equal("nothing", loop:describe())
  end)

  it("raises when its time runs out, and closes everything", function()
    local loop, log = virtual.new { limit_s = 10 }, {}
    local ok, err = pcall(run.run, function()
      thing(loop, log, "served", { has_handlers = true })
      run.sleep(11)
    end, { loop = loop })
    assert.is_false(ok)
    assert.matches("virtual time ran past limit_s", err)
    assert.same({ "served" }, log)
    assert.equal("nothing", loop:describe())
  end)
end)

describe("smpp.loop.run: outside of it", function()
  it("waiting calls raise, blaming their caller", function()
    for _, call in ipairs { function() run.sleep(1) end, function() run.each({}, 1, print) end } do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.matches("^spec/loop/run_spec.lua:%d+: call it inside smpp.run, or pass a callback$", err)
    end
  end)

  it("wrong arguments raise, blaming the caller", function()
    for _, call in ipairs {
      function() run.run() end, function() run.spawn(1) end, function() run.sleep("1") end, function() run.sleep(0 / 0) end,
      function() run.sleep(1, 2) end, function() run.each(1, 1, print) end, function() run.each({}, 0, print) end,
      function() run.each({}, 1.5, print) end, function() run.each({}, 1) end,
    } do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.matches("^spec/loop/run_spec.lua:%d+: argument %d: expected an? ", err)
    end
  end)

  it("opened and closed do nothing", function()
    run.opened {}
    run.closed {}
  end)

  it("spawn runs at once and needs no loop", function()
    local got
    run.spawn(function(...) got = { ... } end, 1, 2)
    assert.same({ 1, 2 }, got)
  end)
end)
