--- `t`: what the function of a scenario is given.  Actors, tasks, checks.
local csv = require "smpp.base.csv"
local esmes = require "smpp.scenario.esme"
local external = require "smpp.scenario.external"
local luafile = require "smpp.base.luafile"
local match = require "smpp.scenario.match"
local network = require "smpp.scenario.network"
local shown = require "smpp.base.shown"
local sims = require "smpp.scenario.sim"
local smscs = require "smpp.scenario.smsc"
local task = require "smpp.base.task"

local steps = {}

---@class smpp.ScenarioSteps
---@field seed integer
---@field clock "real"|"virtual"
---@field vars table<string, string>
local Steps = {}
local mt = { __index = Steps, __name = "smpp.ScenarioSteps" }

---@param world smpp.ScenarioWorld
---@return smpp.ScenarioSteps
function steps.new(world)
  world.step_methods = Steps
  return setmetatable({ world = world, seed = world.seed, clock = world.clock, vars = world.vars }, mt)
end

local function table_of(world, given, what)
  world:check_alive()
  if given == nil then return {} end
  if type(given) == "string" then return { given } end
  if type(given) ~= "table" then world:misuse(what .. ": expected a table of options, got " .. type(given)) end
  return getmetatable(given) and { given } or given
end

-- ---- actors ----

--- A scripted message centre.
---@param o? table
---@return smpp.ScenarioSmsc
function Steps:smsc(o) return smscs.new(self.world, table_of(self.world, o, "smsc")) end

--- Our client; with `scripted`, an ESME that says what the script says.
---@param o table
---@return smpp.ScenarioEsme|smpp.ScenarioSpeaker
function Steps:esme(o)
  o = table_of(self.world, o, "esme")
  if o.scripted then return esmes.scripted(self.world, o, "esme") end
  return esmes.new(self.world, o)
end

--- A connection to a real SMSC, on which the script says everything.
---@param o string|table  URL
---@return smpp.ScenarioSpeaker
function Steps:connect(o)
  o = table_of(self.world, o, "connect")
  self.world:need_real "connect"
  local speaker = esmes.scripted(self.world, o, "connect")
  if speaker.password == "" then speaker.password = os.getenv "SMPP_PASSWORD" or "" end
  return speaker
end

--- A connection of raw octets.
---@param o table
function Steps:peer(o) return esmes.peer(self.world, table_of(self.world, o, "peer")) end

--- Our simulator.
---@param o? table
---@return smpp.ScenarioSim
function Steps:sim(o) return sims.new(self.world, table_of(self.world, o, "sim")) end

--- A program.
---@async
---@param o string|table
---@return smpp.ScenarioExternal
function Steps:external(o) return external.new(self.world, table_of(self.world, o, "external"), self.world.case.folder) end

-- ---- tasks ----

---@class smpp.ScenarioTask
local Task = {}
local TASK = { __index = Task, __name = "smpp.ScenarioTask" }

local unpack = table.unpack or unpack -- luacheck: compat

local function check_function(world, fn, what)
  if type(fn) ~= "function" then world:misuse(("%s: expected a function, got %s"):format(what, type(fn))) end
end

--- Runs a function beside the script.
---@param fn function
---@param ... any  its arguments
---@return smpp.ScenarioTask
function Steps:go(fn, ...)
  local world = self.world
  world:check_alive()
  check_function(world, fn, "go")
  return setmetatable({ world = world, entry = world:start(world:here(), fn, ...) }, TASK)
end

--- Waits for its end.
---@async
---@param seconds? number
---@return any ...  what the function returned
function Task:result(seconds)
  local world, entry = self.world, self.entry
  world:check_alive()
  local limit, current = seconds or math.huge, task.current()
  local other = entry
  while other and not other.done do -- whom that one waits for
    if other.token == current then world:abort { kind = "limit", message = "a deadlock: tasks wait for each other's results" } end
    other = world.waits_for[other.token]
  end
  world.waits_for[current] = entry
  local done = world:await(limit, entry.changes, function() return entry.done end)
  world.waits_for[current] = nil
  if not done then
    world:abort { kind = "limit", message = world:with_reason(("the task of line %d has not ended within %g s"):format(entry.line, limit)) }
  end
  world:check_alive()
  return unpack(entry.results, 1, entry.results.n)
end

--- Runs functions beside each other, and waits for all.
---@async
---@param ... function
function Steps:parallel(...)
  local world, list = self.world, {}
  world:check_alive()
  for i = 1, select("#", ...) do check_function(world, (select(i, ...)), "parallel") end
  for i = 1, select("#", ...) do list[i] = self:go((select(i, ...))) end
  for _, one in ipairs(list) do one:result() end
end

--- Calls a function n times, with 1 to n.
---@async
---@param n integer
---@param fn fun(i: integer)
function Steps:times(n, fn)
  check_function(self.world, fn, "times")
  for i = 1, n do
    self.world:check_alive()
    fn(i)
  end
end

--- Calls a function, which has to be done in so many seconds.
---@async
---@param seconds number
---@param fn fun(): ...
---@return any ...  what it returned
function Steps:within(seconds, fn)
  local world = self.world
  world:check_alive()
  check_function(world, fn, "within")
  local token, timer = task.need(), nil
  timer = world.loop:timer(function()
    world.timers[timer] = nil
    timer:close()
    local line, via = world:place_of(token)
    world:fail { kind = "limit", message = world:with_reason(("not finished within %g s"):format(seconds)), line = line, via = via }
  end, true)
  world.timers[timer] = true
  timer:start(seconds)
  local function finish(...)
    world.timers[timer] = nil
    timer:close()
    return ...
  end
  return finish(fn())
end

--- Waits.
---@async
---@param seconds number
function Steps:pause(seconds)
  if type(seconds) ~= "number" then self.world:misuse "pause: expected a number of seconds" end
  self.world:suspend(math.max(0, seconds), {})
end

--- The path of a file beside the script.
local function path_of(world, path)
  return path:find "^/" and path or world.case.folder .. "/" .. path
end

--- Iterates over the rows of a CSV file: values by the names in its first line, as strings.
---@param path string
---@return fun(): table<string, string>?
function Steps:inject(path)
  local world = self.world
  world:check_alive()
  local octets = luafile.octets(path_of(world, path))
  if not octets then world:misuse(("inject: cannot read %s"):format(path)) end
  local rows, message = csv.rows(octets)
  if not rows then world:misuse(("inject: %s: %s"):format(path, message)) end
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end
end

-- ---- checks ----

--- Fails unless a value is true.
---@param value any
---@param message? string
---@return any value
function Steps:check(value, message)
  self.world:check_alive()
  if value then return value end
  self.world:abort { kind = "check", message = message and tostring(message) or ("check failed: the value is %s"):format(tostring(value)) }
end

local function show(value)
  if type(value) == "string" then return shown.quote(value) end
  if type(value) == "number" then return ("%.14g"):format(value) end
  return type(value) == "table" and "a table" or tostring(value):gsub("0x%x+", "…")
end

--- The first difference between two values: its path, and both.
local function difference(got, wanted, path, seen)
  if got == wanted then return nil end
  if match.is(wanted) then
    if wanted.fits(got) then return nil end
    return path, show(got), wanted.words
  end
  if type(got) ~= "table" or type(wanted) ~= "table" or seen[got] == wanted then return path, show(got), show(wanted) end
  seen[got] = wanted
  local keys = {}
  for key in pairs(got) do keys[key] = true end
  for key in pairs(wanted) do keys[key] = true end
  local sorted = {}
  for key in pairs(keys) do sorted[#sorted + 1] = key end
  table.sort(sorted, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  for _, key in ipairs(sorted) do
    local part = type(key) == "string" and key:find "^[%a_][%w_]*$" and "." .. key or ("[%s]"):format(show(key))
    local at, a, b = difference(got[key], wanted[key], path .. part, seen)
    if at then return at, a, b end
  end
end

--- Fails unless two values are equal, tables by what they hold; matchers may stand in `wanted`.
---@param got any
---@param wanted any
---@param message? string
function Steps:equal(got, wanted, message)
  self.world:check_alive()
  local at, a, b = difference(got, wanted, "", {})
  if not at then return end
  local where = at ~= "" and at:gsub("^%.", "") .. ": " or ""
  self.world:abort { kind = "check", message = ("%s%sgot %s, expected %s"):format(message and message .. ": " or "", where, a, b) }
end

--- Fails.
---@param message string
function Steps:fail(message)
  self.world:check_alive()
  self.world:abort { kind = "check", message = tostring(message) }
end

--- Ends the scenario as skipped.
---@param reason string
function Steps:skip(reason)
  self.world:check_alive()
  self.world:skip(tostring(reason or "skipped"))
  self.world:check_alive()
end

-- ---- the rest ----

--- Seconds since the scenario began.
---@return number
function Steps:now() return self.world:now() end

--- A random number from the seed, as math.random gives it.
---@param m? integer
---@param n? integer
---@return number
function Steps:random(m, n)
  local x = self.world.random()
  if not m then return x end
  if not n then m, n = 1, m end
  return m + math.floor(x * (n - m + 1))
end

--- Calls a function at the end of the scenario, also after a failure; the youngest first.
---@param fn function
function Steps:defer(fn)
  self.world:check_alive()
  check_function(self.world, fn, "defer")
  table.insert(self.world.defers, fn)
end

--- Writes a line into the ladder.
---@param ... any
function Steps:log(...)
  local words = {}
  for i = 1, select("#", ...) do words[i] = tostring((select(i, ...))) end
  self.world:note(table.concat(words, " "))
end

--- Changes the network, in virtual time: latency_s, jitter_s, bandwidth_octets_per_s, cut, partition; what is absent is off.
---@param o table
function Steps:network(o)
  self.world:check_alive()
  self.world:need_virtual "network"
  network.set(self.world, o)
end

return steps
