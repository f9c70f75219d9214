local task = require "smpp.base.task"

local unpack = table.unpack or unpack -- luacheck: compat

--- Runs fn with the default sink's errors collected.
local function with_sink(fn)
  local saved, errors = task.on_error, {}
  task.on_error = function(trace, err) errors[#errors + 1] = { trace, err } end
  local ok, err = pcall(fn, errors)
  task.on_error = saved
  if not ok then error(err, 0) end
end

describe("smpp.base.task", function()
  it("runs at once, with its arguments", function()
    local got
    task.spawn(function(...) got = { n = select("#", ...), ... } end, 1, nil, "three", nil)
    assert.same({ n = 4, 1, nil, "three", nil }, got)
  end)

  it("waits, and gets exactly the values it is woken with", function()
    for _, values in ipairs { { n = 0 }, { n = 1, false }, { n = 3, nil, nil, nil }, { n = 4, 1, nil, "x", nil } } do
      local got
      local token = task.spawn(function() got = (function(...) return { n = select("#", ...), ... } end)(task.wait()) end)
      assert.is_nil(got)
      assert.is_true(task.wake(token, unpack(values, 1, values.n)))
      assert.same(values, got)
    end
  end)

  it("is current while it runs, and only then", function()
    assert.is_nil(task.current())
    local inside, again
    local token = task.spawn(function()
      inside = task.current()
      task.wait()
      again = task.current()
    end)
    assert.is_nil(task.current())
    assert.equal(token, inside)
    task.wake(token)
    assert.equal(token, again)
    assert.is_nil(task.current())
  end)

  it("is current again after a task it spawned has run or waits", function()
    local before, after, inner
    task.spawn(function()
      before = task.current()
      inner = task.spawn(function() task.wait() end)
      after = task.current()
    end)
    assert.equal(before, after)
    assert.are_not.equal(before, inner)
    task.wake(inner)
  end)

  it("uses its coroutine again when it has ended", function()
    local first = task.spawn(function() end)
    assert.equal(first, (task.spawn(function() end)))
    local waiting = task.spawn(function() task.wait() end)
    assert.are_not.equal(waiting, (task.spawn(function() end)))
    task.wake(waiting)
  end)

  it("keeps a burst of ended tasks from holding memory for ever", function()
    local tokens = {}
    for i = 1, 3000 do tokens[i] = task.spawn(task.wait) end
    for i = 1, 3000 do task.wake(tokens[i]) end
    local weak, kept = setmetatable({}, { __mode = "k" }), 0
    for i = 1, 3000 do weak[tokens[i]] = true end
    tokens = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    for _ in pairs(weak) do kept = kept + 1 end
    assert.is_true(kept > 0 and kept <= 1024, kept)
  end)
end)

describe("smpp.base.task: waking", function()
  it("does nothing to a task that does not wait", function()
    local count = 0
    local token = task.spawn(function()
      task.wait()
      count = count + 1
    end)
    assert.is_true(task.is_waiting(token))
    assert.is_true(task.wake(token))
    assert.is_false(task.is_waiting(token))
    assert.is_false(task.wake(token))
    assert.equal(1, count)
    local itself
    task.spawn(function() itself = task.wake(task.current()) end)
    assert.is_false(itself)
  end)

  it("ends a wait with a key only with that key", function()
    local key, got = {}, {}
    local token = task.spawn(function()
      got[1] = task.wait(7)
      got[2] = task.wait(key)
      got[3] = task.wait()
    end)
    assert.is_false(task.wake(token, "no"))
    assert.is_false(task.wake_for(token, 8, "no"))
    assert.is_false(task.wake_for(token, nil, "no"))
    assert.is_true(task.wake_for(token, 7, "seven"))
    assert.is_false(task.wake_for(token, 7, "the late answer to seven"))
    assert.is_true(task.wake_for(token, key, "key"))
    assert.is_false(task.wake_for(token, key, "late"))
    assert.is_true(task.wake(token, "plain"))
    assert.same({ "seven", "key", "plain" }, got)
    assert.is_false(task.wake_for(token, false, "ended"))
  end)

  it("by another task comes when that one waits or ends", function()
    local log = {}
    local sleeper = task.spawn(function()
      local value = task.wait()
      log[#log + 1] = "woken with " .. value
    end)
    task.spawn(function()
      assert.is_true(task.wake(sleeper, "x"))
      assert.is_false(task.wake(sleeper, "y"))
      log[#log + 1] = "waker goes on"
    end)
    assert.same({ "waker goes on", "woken with x" }, log)
  end)

  it("passes along a chain of any length without depth", function()
    local tokens, n = {}, 5000
    for i = 1, n do
      tokens[i] = task.spawn(function()
        local count = task.wait()
        if i > 1 then task.wake(tokens[i - 1], count + 1) else tokens.count = count end
      end)
    end
    task.wake(tokens[n], 1)
    assert.equal(n, tokens.count)
  end)

  it("keeps the order it was asked in", function()
    local log, tokens = {}, {}
    for i = 1, 5 do
      tokens[i] = task.spawn(function()
        local value = task.wait()
        log[#log + 1] = value
      end)
    end
    task.spawn(function() for i = 5, 1, -1 do task.wake(tokens[i], i) end end)
    assert.same({ 5, 4, 3, 2, 1 }, log)
  end)
end)

describe("smpp.base.task: an error in a task", function()
  it("goes to task.on_error with its traceback, never to who resumed it", function()
    with_sink(function(errors)
      local function culprit() error("at once") end
      task.spawn(function() culprit() end)
      local token = task.spawn(function()
        task.wait()
        error "later"
      end)
      assert.is_true(task.wake(token))
      assert.equal(2, #errors)
      assert.matches("task_spec.lua:%d+: at once\nstack traceback:", errors[1][1])
      assert.matches("culprit", errors[1][1])
      assert.matches("^spec/base/task_spec.lua:%d+: at once$", errors[1][2])
      assert.matches("later", errors[2][1])
      assert.is_nil(task.current())
    end)
  end)

  it("goes to the sink given to start, also after it waited", function()
    with_sink(function(errors)
      local first, second = {}, {}
      task.start(function(trace, err) first = { trace, err } end, error, "one", 0)
      local token = task.start(function(trace, err) second = { trace, err } end, function()
        task.wait()
        task.spawn(error, "inner")
        error({ code = 2 })
      end)
      assert.matches("^one\n", first[1])
      task.wake(token)
      assert.same({ code = 2 }, second[2])
      assert.is_string(second[1])
      assert.equal(1, #errors)
      assert.matches("inner", errors[1][1])
    end)
  end)

  it("of a task does not go to the sink of the one that had the coroutine before", function()
    with_sink(function(errors)
      local wrong = 0
      local token = task.start(function() wrong = wrong + 1 end, task.wait)
      task.wake(token)
      local reused = task.spawn(function()
        task.wait()
        error "mine"
      end)
      assert.equal(token, reused)
      task.wake(reused)
      assert.equal(0, wrong)
      assert.equal(1, #errors)
    end)
  end)

  it("in the sink is written to stderr, and goes no further", function()
    local stderr, written = io.stderr, {}
    io.stderr = { write = function(_, ...) written[#written + 1] = table.concat { ... } end } -- luacheck: ignore
    task.start(function() error "sink" end, error, "first")
    io.stderr = stderr -- luacheck: ignore
    assert.matches("first.*in its error handler: .*sink", table.concat(written))
  end)

  it("may be an object that cannot be shown", function()
    local bad = setmetatable({}, { __tostring = function() error "no" end })
    local got
    task.start(function(_, err) got = err end, error, bad)
    assert.equal(bad, rawequal(got, bad) and bad or nil)
  end)
end)

describe("smpp.base.task: outside a task", function()
  local message = "call it inside smpp.run, or pass a callback"

  it("waiting raises, blaming the caller", function()
    local ok, err = pcall(function() task.wait() end)
    assert.is_false(ok)
    assert.matches("^spec/base/task_spec.lua:%d+: " .. message .. "$", err)
    ok, err = pcall(function() task.need(1) end)
    assert.is_false(ok)
    assert.matches("^spec/base/task_spec.lua:%d+: " .. message .. "$", err)
  end)

  it("is also any coroutine that is not ours, inside a task or not", function()
    local foreign = coroutine.wrap(function() return pcall(task.wait) end)
    assert.is_false((foreign()))
    local result, current = nil, true
    task.spawn(function()
      local inner = coroutine.wrap(function()
        current = task.current()
        result = { pcall(task.wait) }
      end)
      inner()
    end)
    assert.is_nil(current)
    assert.is_false(result[1])
    assert.matches(message, result[2], 1, true)
  end)
end)

describe("smpp.base.task.pcall", function()
  it("lets a task wait inside, at any depth", function()
    local log = {}
    local token = task.spawn(function()
      local own = task.current()
      log[1] = { task.pcall(function(a)
        assert(task.current() == own)
        assert(task.need() == own)
        local b = task.wait("b")
        local inner = { task.pcall(function(x)
          assert(task.current() == own)
          return x, task.wait()
        end, "x") }
        return a, b, unpack(inner, 1, 3)
      end, "a") }
      log[2] = task.current() == own
      log[3] = task.wait()
    end)
    assert.is_true(task.wake_for(token, "b", "b"))
    assert.is_true(task.wake(token, "y"))
    assert.is_true(task.wake(token, "end"))
    assert.same({ { true, "a", "b", true, "x", "y" }, true, "end" }, log)
  end)

  it("catches errors before and after a wait, as they are", function()
    local object, got = {}, {}
    local token = task.spawn(function()
      got[1] = { task.pcall(error, object) }
      got[2] = { task.pcall(function()
        task.wait()
        error(object)
      end) }
      got[3] = { task.pcall(nil) }
      task.wait()
    end)
    task.wake(token)
    assert.is_false(got[1][1])
    assert.equal(object, got[1][2])
    assert.equal(object, got[2][2])
    assert.is_false(got[3][1])
    task.wake(token)
  end)

  it("takes C functions, callable tables and nils, and works outside tasks", function()
    local function check()
      assert.same({ true, 3 }, { task.pcall(math.max, 1, 3, 2) })
      assert.equal(4, select("#", task.pcall(function(...) return ... end, nil, nil, nil)))
      assert.same({ true, "called" }, { task.pcall(setmetatable({}, { __call = function() return "called" end })) })
    end
    check()
    local done
    task.spawn(function()
      check()
      done = true
    end)
    assert.is_true(done)
  end)

  it("does not make a coroutine that is not ours one of ours", function()
    local result
    task.spawn(function()
      coroutine.wrap(function() result = { task.pcall(task.wait) } end)()
    end)
    assert.is_false(result[1])
  end)
end)

describe("smpp.base.task: an idle coroutine", function()
  it("keeps nothing of its last task alive", function()
    local weak = setmetatable({}, { __mode = "v" })
    local function one()
      local argument = {}
      weak[1], weak[2] = argument, function() task.wait(argument) end
      local token = task.spawn(weak[2], argument)
      task.wake_for(token, argument, argument)
    end
    one()
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
    assert.is_nil(weak[2])
  end)

  it("keeps nothing of where its errors would have gone, nor does one that the pool has no room for", function()
    local weak, tokens = setmetatable({}, { __mode = "v" }), {}
    local function many()
      for i = 1, 1500 do -- more than the pool keeps
        local owner = {}
        weak[i] = owner
        tokens[i] = task.start(function() return owner end, function()
          owner.token = task.current()
          task.wait(i)
        end)
      end
      for i = 1, 1500 do task.wake_for(tokens[i], i) end
    end
    many()
    collectgarbage()
    collectgarbage()
    local left = 0
    for _ in pairs(weak) do left = left + 1 end
    assert.is_true(left <= 10, left) -- a slot of the stack may still hold one or two; a leak would keep 1024 or 476
  end)

  it("waits for the next task, until smpp.run ends", function()
    local function coroutine_of_a_task() return (task.spawn(function() end)) end
    local weak = setmetatable({ coroutine_of_a_task() }, { __mode = "v" })
    assert.equal(weak[1], coroutine_of_a_task())
    require("smpp").run(function() end, { loop = require("smpp.loop.virtual").new() })
    collectgarbage()
    collectgarbage()
    assert.is_nil(weak[1])
  end)
end)

describe("smpp.base.task: waiting", function()
  it("costs no memory", function()
    local token = task.spawn(function() for i = 1, 1e6 do task.wait(i) end end)
    for i = 1, 1000 do task.wake_for(token, i) end
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    for i = 1001, 11000 do task.wake_for(token, i) end
    local grown = collectgarbage "count" - before
    collectgarbage "restart"
    assert.is_true(grown < 10, grown .. " KB for 10,000 waits")
  end)

  it("for ever is no leak: what nobody can wake is collected", function()
    local weak = setmetatable({}, { __mode = "k" })
    for _ = 1, 100 do weak[task.start(print, function() task.wait("never") end)] = true end
    collectgarbage()
    collectgarbage()
    local left = 0
    for _ in pairs(weak) do left = left + 1 end
    assert.is_true(left <= 1, left) -- the last may still lie on the stack
  end)
end)

describe("smpp.base.task: cancel", function()
  it("ends a waiting task where it stands, unseen by pcall, and nothing wakes it", function()
    local seen = {}
    local token = task.spawn(function()
      seen[#seen + 1] = tostring(task.pcall(function() task.wait "key" end))
      seen[#seen + 1] = "went on"
    end)
    assert.is_true(task.cancel(token))
    assert.is_false(task.wake_for(token, "key"))
    assert.is_false(task.wake(token))
    assert.is_false(task.cancel(token))
    assert.is_false(task.is_waiting(token))
    assert.same({}, seen)
  end)

  it("ends nothing that runs or has ended", function()
    local result
    local token = task.spawn(function() result = task.cancel(task.current()) end)
    assert.is_false(result)
    assert.is_false(task.cancel(token))
  end)
end)

describe("smpp.base.task: wake_with and wait_as", function()
  local property = require "spec.support.property"

  --- What happens to some tasks that wait, fail, end and wake one another, in an order that is the same in both runs.
  local function life(choices, wake, wait)
    local log, tokens = {}, {}
    local function note(...) log[#log + 1] = table.concat({ ... }, " ") end
    for i = 1, 4 do
      task.start(function(_, err) note(i, "failed", tostring(err)) end, function()
        tokens[i] = task.current()
        while true do
          local value = wait(tokens[i])
          note(i, "got", tostring(value))
          if value == "end" then return end
          if value == "fail" then error("asked to", 0) end
          if type(value) == "number" then note(i, "wakes", value, tostring(wake(tokens[value], "more")), tostring(wake(tokens[i], "itself"))) end
        end
      end)
    end
    for at = 1, #choices, 2 do
      local value = ({ "go on", "end", "fail", 1, 2, 3, 4 })[choices[at + 1]]
      note("main", choices[at], tostring(wake(tokens[choices[at]], value)), tostring(task.current()))
    end
    for i = 1, 4 do note(i, tostring(task.is_waiting(tokens[i]))) end
    return log
  end

  it("do what wake and wait do", function()
    property.holds(500, function(random, case)
      for i = 1, 2 * random(12) do case[i] = random(i % 2 == 1 and 4 or 7) end
      assert.same(life(case, task.wake, function() return task.wait() end), life(case, task.wake_with, task.wait_as))
    end)
  end)

  it("do what will_wait and a yield do", function()
    property.holds(200, function(random, case)
      for i = 1, 2 * random(12) do case[i] = random(i % 2 == 1 and 4 or 7) end
      local function wait(token)
        assert.equal(token, task.will_wait())
        return coroutine.yield()
      end
      assert.same(life(case, task.wake, function() return task.wait() end), life(case, task.wake, wait))
    end)
  end)

  it("wake no task that stays after will_wait; there is none outside a task", function()
    assert.is_nil(task.will_wait())
    local woken
    local token = task.spawn(function()
      local own = task.will_wait()
      assert.is_true(task.is_waiting(own))
      task.stay(own)
      woken = task.wake(own)
      task.wait()
    end)
    assert.is_false(woken)
    assert.is_true(task.wake(token))
  end)

  it("wake no task that waits with a key, and nothing that is no task", function()
    local token = task.spawn(function() task.wait "key" end)
    assert.is_false(task.wake_with(token, 1))
    assert.is_false(task.wake_with(print, 1))
    assert.is_false(task.wake_with(false, 1))
    assert.is_true(task.wake_for(token, "key"))
    assert.is_false(task.wake_with(token, 1))
  end)
end)
