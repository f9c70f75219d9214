--- Runs one scenario on one clock, from its first line to the end of all that it opened.
local clients = require "smpp.client"
local esmes = require "smpp.scenario.esme"
local loops = require "smpp.loop"
local network = require "smpp.scenario.network"
local report = require "smpp.scenario.report"
local run = require "smpp.loop.run"
local steps = require "smpp.scenario.steps"
local task = require "smpp.base.task"
local trace = require "smpp.capture.writer"
local virtual = require "smpp.loop.virtual"
local worlds = require "smpp.scenario.world"

local runner = {}

local START = 1704067200 -- 2024-01-01T00:00:00Z
local DAY_S = 86400
local LIMIT_S = { real = 30, virtual = 7 * DAY_S }
local WALL_S = 60
local LOOK_TURNS = 1024 -- turns of the loop between readings of the wall clock
local TASKS_S, CLOSE_S, KILL_S = 1, 1, 2

-- ---- the end ----

--- Runs what closes something, at most so long; it cannot hide a failure, and a failure in it counts.
local function bounded(world, seconds, fn)
  local state = { done = false, changes = {} }
  local function finish()
    state.done = true
    world:changed(state.changes)
  end
  task.start(function(_, err, co)
    if err ~= worlds.ABORT and not world.over then world:task_failed(nil, err, co) end
    finish()
  end, function()
    fn()
    finish()
  end)
  world:rest(seconds, state.changes, function() return state.done end)
  return state.done
end

local function run_defers(world)
  while #world.defers > 0 do
    local fn = table.remove(world.defers)
    local was_over = world.over
    world.over = false -- what is deferred may use actors, also after a failure
    bounded(world, KILL_S, fn)
    world.over = was_over or world.over
  end
end

--- What the scenario opened itself and is not closed: on the virtual loop all handles, else what smpp.run knows.
local function left_open(world, before)
  local names = {}
  for _, object in ipairs(run.open()) do
    if not before[object] then names[#names + 1] = tostring(object) end
  end
  if #names == 0 and world.clock == "virtual" then
    for _, handle in ipairs(world.loop:handles()) do
      if not world.handles_before[handle] then names[#names + 1] = handle.kind .. (handle.address and " " .. handle.address or "") end
    end
  end
  return names
end

local function close_timers(world)
  for timer in pairs(world.timers) do timer:close() end
  world.timers = {}
end

--- The orderly end of a scenario whose function returned.
local function finish(world, before)
  local function running()
    for _, entry in ipairs(world.tasks) do
      if not entry.done then return entry end
    end
  end
  local serials = {}
  for _, actor in ipairs(world.actors) do
    local inbox = rawget(actor, "inbox")
    if inbox then serials[actor] = inbox.serial end
  end
  if running() then
    local deadline = world.loop:now() + TASKS_S
    while running() and not world.over and world.loop:now() < deadline do
      local entry = running()
      world:rest(deadline - world.loop:now(), entry.changes, function() return entry.done end)
    end
  end
  if world.over then return end
  local entry = running()
  if entry then
    local message = world:with_reason(("the task of line %d has not ended"):format(entry.line))
    return world:fail { kind = "left_running", message = message, line = entry.line, via = {} }
  end
  for _, actor in ipairs(world.actors) do
    local failure = serials[actor] and actor.inbox:leftover(serials[actor])
    if failure then
      failure.line = failure.line or world.case.last_line
      return world:fail(failure)
    end
  end
  world.ending = true
  for _, actor in ipairs(world.actors) do
    if getmetatable(actor) == esmes.metatable then
      bounded(world, CLOSE_S, function() actor:finish(CLOSE_S) end)
      actor:kill()
    end
  end
  run_defers(world)
  for _, actor in ipairs(world.actors) do
    if getmetatable(actor) ~= esmes.metatable and not rawget(actor, "process") then bounded(world, KILL_S, function() actor:close() end) end
  end
  for _, actor in ipairs(world.actors) do
    if rawget(actor, "process") then bounded(world, 2 * KILL_S + 1, function() actor:close() end) end
  end
  close_timers(world)
  if world.over then return end
  local names = left_open(world, before)
  local waits = 0
  while #names > 0 and waits < 20 do -- ends that are under way
    waits = waits + 1
    world:suspend(0.1, { quiet = true })
    names = left_open(world, before)
  end
  if #names > 0 then
    world:fail { kind = "left_open", message = "left open: " .. table.concat(names, ", "), line = world.case.last_line, via = {} }
  end
end

--- The end after a failure: everything is reset.
local function break_off(world, before)
  close_timers(world)
  run_defers(world)
  world.over = true
  for _, actor in ipairs(world.actors) do
    if not rawget(actor, "process") then bounded(world, KILL_S, function() actor:kill() end) end
  end
  for _, actor in ipairs(world.actors) do
    if rawget(actor, "process") then bounded(world, KILL_S, function() actor:kill() end) end
  end
  for _, object in ipairs(run.open()) do
    if not before[object] then
      if (getmetatable(object) or {}).__index == clients.class then
        esmes.drop(object)
      else
        task.start(function() end, function() object:close(0) end)
      end
    end
  end
  local waits = 0
  while waits < 20 and #left_open(world, before) > 0 do
    waits = waits + 1
    world:suspend(0.1, { quiet = true })
  end
end

-- ---- the run ----

local function perform(world, case, row)
  world.driver = task.current()
  local before = {}
  for _, object in ipairs(run.open()) do before[object] = true end
  world.handles_before = {}
  if world.clock == "virtual" then
    for _, handle in ipairs(world.loop:handles()) do world.handles_before[handle] = true end
    network.watch(world)
  end
  local limit_s = case.options.limit_s or world.limit_s or LIMIT_S[world.clock]
  local function too_late()
    world:fail { kind = "limit", message = world:with_reason(("not finished within %g s"):format(limit_s)), line = world:waiting_line(), via = {} }
  end
  local limit
  if world.clock == "virtual" then -- no timer: when no event is left, nothing can end a wait
    world.limit_at, world.too_late = world.loop:now() + limit_s, too_late
    world.loop:hold()
  else
    limit = world.loop:timer(too_late, true)
    limit:start(limit_s)
  end
  local ended = false
  task.start(function(text, err, co)
    ended = true
    world:task_failed(text, err, co)
  end, function()
    world.main = task.current()
    case.fn(steps.new(world), row)
    ended, world.returned = true, true
    world.main = nil
    world:settle()
  end)
  while not ended and not world.over do
    task.wait(world)
  end
  if limit then limit:close() else world.loop:release() end
  world.limit_at = nil
  world.took_s = world:now()
  if not world.over then finish(world, before) end
  if world.over then break_off(world, before) end
end

--- The virtual loop of a scenario: each turn is part of its trace, and the wall clock is looked at from time to time.
local function virtual_loop(o, state)
  local turns = 0
  local loop = virtual.new { seed = o.seed, start = START, limit_s = 3650 * DAY_S }
  function loop.watch()
    turns = turns + 1
    local world = state.world
    if world and world.limit_at and loop.clock > world.limit_at then
      loop.clock = world.limit_at
      world.too_late()
    end
    if world and not world.over then world.trace:add(("%.6f %d"):format(loop.clock, loop.serial)) end
    if turns % LOOK_TURNS ~= 0 then return end
    if o.poll and o.poll() then
      state.interrupted = true
      if world then world:skip "interrupted" end
    end
    if o.wall() > state.wall_end and world and not world.over then
      local message = world:with_reason(("not finished within %g s of real time"):format(WALL_S))
      world:fail { kind = "limit", message = message, line = world:waiting_line(), via = {} }
    end
  end
  function loop.idle()
    local world = state.world
    if not world or world.over then return false end
    world:fail {
      kind = "limit", message = world:with_reason "a deadlock: no event is left that could end this wait", line = world:waiting_line(), via = {},
    }
    return true
  end
  return loop
end

local function wall() return require("smpp.loop.luv").default():precise() end

---@class smpp.ScenarioCase
---@field name string
---@field options table
---@field fn fun(t: smpp.ScenarioSteps, row: table?)
---@field file string       as it was given
---@field folder string
---@field source string     "@path"
---@field line integer
---@field last_line integer of the function's `end`

---@class smpp.ScenarioRun
---@field virtual boolean?
---@field seed integer?
---@field run integer?       which of --repeat
---@field vars table<string, string>?
---@field limit_s number?
---@field pcap string?       path of a file to write
---@field poll (fun(): boolean)?  on the virtual clock: has the user interrupted it?
---@field signals boolean?   the real clock: SIGINT ends it

--- Runs a case.
---@param case smpp.ScenarioCase
---@param o? smpp.ScenarioRun
---@return table result  with the keys of `smpp test --json`
---@return boolean? interrupted
---@return smpp.ScenarioWorld? world
function runner.run(case, o)
  o = o or {}
  local clock, seed = o.virtual and "virtual" or "real", o.seed or 1
  local state = { world = nil, interrupted = false, wall_end = 0 }
  o.wall = o.wall or wall
  local began = o.wall()
  state.wall_end = began + WALL_S
  local function result_of(world, outcome)
    return report.result(case, world, {
      clock = clock, seed = seed, run = o.run, wall_s = o.wall() - began, outcome = outcome, virtual = o.virtual,
    })
  end
  local needs = case.options.clock
  local reason = case.options.skip or needs and needs ~= clock and ("needs the %s clock"):format(needs)
  if reason then return result_of({ skipped = reason }) end
  local function main()
    local world = worlds.new(case, { loop = loops.current(), clock = clock, seed = seed, vars = o.vars })
    state.world, world.limit_s = world, o.limit_s
    if o.pcap then world.capture = assert(trace.new(o.pcap)) end
    perform(world, case, case.row)
    if world.capture then world.capture:close() end
  end
  local ok, err = true, nil
  if task.current() and not o.virtual then
    main()
  else
    local loop = o.virtual and virtual_loop(o, state) or require("smpp.loop.luv").default()
    ok, err = pcall(function()
      local _, message, code = run.run(main, { loop = loop, signals = not o.virtual and o.signals or false })
      if code == "interrupted" then
        state.interrupted = true
        if state.world then
          state.world:skip(message)
          for _, actor in ipairs(state.world.actors) do pcall(actor.kill, actor) end
        end
      end
    end)
  end
  local world = state.world or { skipped = nil, failure = { kind = "raised", message = tostring(err), line = case.line, via = {} } }
  if not ok and not world.failure and not world.skipped then
    world.failure = {
      kind = "limit", message = tostring(err):match "^[^\n]*", line = world.main and world:waiting_line() or case.line, via = {},
      waiting = {}, pdus = {},
    }
  end
  return result_of(world), state.interrupted, world
end

return runner
