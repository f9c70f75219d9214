local events = require "smpp.base.events"
local task = require "smpp.base.task"

local Thing = {}
events.mixin(Thing, { "state", "closed", "error" })

local function new() return setmetatable({ listeners = {} }, { __index = Thing }) end

--- What fn writes to stderr.
local function stderr_of(fn)
  local real, pieces = io.stderr, {}
  io.stderr = { write = function(_, ...) pieces[#pieces + 1] = table.concat { ... } end } -- luacheck: ignore 122
  local ok, err = pcall(fn)
  io.stderr = real -- luacheck: ignore 122
  assert(ok, err)
  return table.concat(pieces)
end

describe("smpp.base.events", function()
  it("calls every listener, in order, with what is emitted", function()
    local thing, seen = new(), {}
    local chained = thing:on("state", function(...) seen[#seen + 1] = { 1, ... } end):on("state", function(...) seen[#seen + 1] = { 2, ... } end)
    assert.equal(thing, chained)
    assert.is_true(thing:emit("state", "a", nil, "c"))
    assert.same({ { 1, "a", nil, "c" }, { 2, "a", nil, "c" } }, seen)
    assert.is_false(thing:emit "closed")
    assert.is_true(events.heard(thing, "state"))
    assert.is_false(events.heard(thing, "closed"))
  end)

  it("runs listeners as tasks: one that waits stops nobody", function()
    local thing, seen, waiting = new(), {}, nil
    thing:on("state", function()
      waiting = task.current()
      task.wait "later"
      seen[#seen + 1] = "late"
    end):on("state", function() seen[#seen + 1] = "at once" end)
    thing:emit "state"
    assert.same({ "at once" }, seen)
    task.wake_for(waiting, "later")
    assert.same({ "at once", "late" }, seen)
  end)

  it("hands an error of a listener to the error event, else to stderr; the others run", function()
    local thing, seen = new(), {}
    thing:on("state", function() error "boom" end):on("state", function() seen[#seen + 1] = "second" end)
    assert.matches("smpp: .*boom", stderr_of(function() thing:emit "state" end))
    thing:on("error", function(trace) seen[#seen + 1] = trace:match "boom" end)
    assert.equal("", stderr_of(function() thing:emit "state" end))
    assert.same({ "second", "boom", "second" }, seen)
  end)

  it("does not call an error listener for its own error", function()
    local thing, calls = new(), 0
    thing:on("error", function()
      calls = calls + 1
      error "twice"
    end)
    assert.matches("twice", stderr_of(function() thing:emit("error", "once") end))
    assert.equal(1, calls)
  end)

  it("raises for an unknown event, with the most similar name, and for what is no function", function()
    local thing = new()
    local ok, err = pcall(thing.on, thing, "stat", print)
    assert.is_false(ok)
    assert.matches("'stat'; did you mean 'state'?", err, 1, true)
    assert.has_error(function() thing:on("state", "print") end)
  end)
end)
