--- smpp simulate: clients, gateways, bots and message centres of this toolkit against each other, under random faults.
local convert = require "smpp.cli.convert"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local luafile = require "smpp.base.luafile"
local luv = require "smpp.loop.luv"
local respawn = require "smpp.cli.respawn"
local run = require "smpp.loop.run"
local simulation = require "smpp.simulate"
local task = require "smpp.base.task"

local simulate = {
  description = [[
Simulates this toolkit: clients, a gateway, a bot and message centres in memory
and virtual time under random faults, with invariants. A seed that violates one
is shrunk to the shortest list of messages and faults that still does, written
as a scenario.]],
  epilog = [[
Examples:
   smpp simulate
   smpp simulate --seeds 1..100000
   smpp simulate --seed 42 --trace
   smpp simulate --list

Exit codes: 0 no violation; 1 violations; 2 usage; 130 interrupted.]],
}

local function range(word)
  local a, b = word:match "^(%d+)%.%.(%d+)$"
  a, b = tonumber(a), tonumber(b)
  if not a or a > b then return nil, "expected A..B" end
  return { a, b }
end

--- The command's arguments and options.
---@param command table  of argparse
function simulate.define(command)
  command:option("--seed", "Run this seed."):convert(convert.number(0, 2 ^ 31, true)):argname "N"
  command:option("--seeds", "Run these seeds (1..500)."):convert(range):argname "A..B"
  command:option("--jobs", "Number of processes (one per processor)."):convert(convert.number(1, 1024, true)):argname "N"
  command:option("--for", "Duration of the faults, in virtual seconds (by the seed)."):target "duration":convert(convert.number(1, 1e6)):argname "S"
  command:flag("--no-shrink", "Do not shrink."):target "no_shrink"
  command:option("--shrink-for", "Time limit for shrinking, in seconds.", "60"):target "shrink_for":convert(convert.seconds):argname "S"
  command:option("--out", "File for the shrunk scenario (simulate-SEED.lua)."):argname "FILE"
  command:flag("--trace", "Print the hash of each run.")
  command:flag("--list", "List the invariants.")
  command:option("--only", "Look for these kinds of violations only."):argname "KIND,…"
  command:option("--plant", "Run a copy with a known bug of spec/plants."):argname "NAME"
end

local function kinds_of(word)
  if not word then return nil end
  local known, only = { nondeterministic = true, memory = true }, {}
  for _, rule in ipairs(simulation.rules) do known[rule.kind] = true end
  for kind in (word .. ","):gmatch "([^,]*)," do
    if not known[kind] then return nil, ("unknown kind '%s': see --list"):format(kind) end
    only[kind] = true
  end
  return only
end

local function list(out)
  local rules = {
    { kind = "nondeterministic", words = "two runs of a seed are the same" },
    { kind = "memory", words = "a run leaves nothing in memory (looked at every 50 seeds)" },
  }
  for _, rule in ipairs(simulation.rules) do rules[#rules + 1] = rule end
  for _, rule in ipairs(rules) do
    if out.json then
      out:object(json.object { "event", "rule", "kind", rule.kind, "words", rule.words })
    else
      out:print(("%-20s %s"):format(rule.kind, rule.words))
    end
  end
end

-- ---- results ----

local function micro(value) return math.floor(value * 1e6 + 0.5) / 1e6 end

local function seed_json(seed, result)
  return json.object({ "event", "seed", "seed", seed, "outcome", result.outcome, "kind", result.kind, "message", result.message,
    "virtual_s", result.virtual_s % 1 == 0 and math.floor(result.virtual_s) or micro(result.virtual_s), "trace", result.trace }, 14)
end

local function say_seed(out, options, seed, result)
  if out.json then return out:object(seed_json(seed, result)) end
  if result.outcome == "violation" then
    out:print(("%s  seed %d  %s: %s"):format(out:paint("bold_red", "violation"), seed, result.kind, result.message))
    out:print(("  again: smpp simulate --seed %d%s%s"):format(seed, options.duration and " --for " .. options.duration or "",
      options.plant and " --plant " .. options.plant or ""))
  elseif options.trace then
    out:print(("ok  seed %d  %s  (%.6g s)"):format(seed, result.trace, result.virtual_s))
  end
end

--- Shrinks a violation, and writes the scenario.
local function shrink(out, options, seed, kind, number)
  if kind == "nondeterministic" or kind == "memory" then return end -- no rule of one run
  local loop = luv.default()
  local deadline = loop:precise() + options.shrink_for
  local plan = simulation.plan(seed, { seconds = options.duration })
  local smaller, runs = simulation.shrink(plan, kind, function() return loop:precise() < deadline end)
  local message = simulation.play(smaller, { [kind] = true }).message
  local path = options.out or ("simulate-%d.lua"):format(seed)
  if options.out and number > 1 then path = path:gsub("%.lua$", "") .. ("-%d.lua"):format(number) end
  local file, wrong = io.open(path, "wb")
  if not file then return out:fail("%s", wrong) end
  file:write(simulation.script(smaller, kind, message or kind))
  file:close()
  local again = ("smpp test %s --virtual"):format(path)
  if out.json then
    return out:object(json.object { "event", "shrunk", "seed", seed, "kind", kind, "faults", #smaller.faults,
      "messages", #smaller.messages + #smaller.replies, "runs", runs, "file", path, "again", again })
  end
  out:print(("  shrunk to %d faults and %d messages in %d runs: %s"):format(#smaller.faults, #smaller.messages + #smaller.replies, runs, again))
end

-- ---- processes ----

local CHUNK = 10 -- seeds that a process gets at a time

local function words_of(options)
  local words = { "simulate", "--jobs", "1", "--no-shrink", "--json" }
  local function add(...) for _, word in ipairs { ... } do words[#words + 1] = tostring(word) end end
  if options.duration then add("--for", options.duration) end
  if options.only then add("--only", options.only) end
  return words
end

--- Runs seeds in processes, and hands over their results in order.
local function in_processes(options, first, last, folder, take)
  local jobs, count = {}, options.jobs
  local size = math.max(1, math.min(CHUNK, math.ceil((last - first + 1) / count)))
  for at = first, last, size do jobs[#jobs + 1] = { first = at, last = math.min(last, at + size - 1), output = {}, errors = {} } end
  local _, _, code = run.run(function()
    local token, next_job, shown, running = task.need(), 1, 1, 0
    while shown <= #jobs do
      while running < count and next_job <= #jobs do
        local job = jobs[next_job]
        next_job, running = next_job + 1, running + 1
        local words = words_of(options)
        words[#words + 1], words[#words + 2] = "--seeds", ("%d..%d"):format(job.first, job.last)
        local message
        job.process, message = luv.default():spawn {
          command = respawn.command(words, folder),
          output = function(octets, stream) table.insert(stream == "stdout" and job.output or job.errors, octets) end,
          ended = function(status)
            job.code, running = status, running - 1
            task.wake_for(token, jobs)
          end,
        }
        if not job.process then error(message, 0) end
      end
      local job = jobs[shown]
      if job.code then
        shown = shown + 1
        if job.code > 1 then error(("the process of seeds %d to %d failed: %s"):format(job.first, job.last, table.concat(job.errors)), 0) end
        for line in table.concat(job.output):gmatch "[^\n]+" do
          local value = json.decode(line)
          if value and value.event == "seed" then take(value.seed, value) end
        end
      else
        luv.default():hold()
        task.wait(jobs)
        luv.default():release()
      end
    end
  end, { loop = luv.default() })
  for _, job in ipairs(jobs) do
    if job.process and not job.code then job.process:signal "TERM" end
  end
  return code == "interrupted"
end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

--- A copy of the modules with a patch of spec/plants; nil and a message.
local function plant(name)
  if not name:find "^[%w_-]+$" then return nil, ("invalid name '%s'"):format(name) end
  local patch = "spec/plants/" .. name .. ".patch"
  if not luafile.octets(patch) then return nil, patch .. ": no such file; run this in a checkout" end
  local pipe = io.popen(("d=$(mktemp -d) && cp -r lua $d/ && patch -s -p1 -d $d < %s >&2 && echo $d"):format(quoted(patch)))
  local folder = pipe and pipe:read "*l"
  if pipe then pipe:close() end
  if not folder then return nil, patch .. " does not apply" end
  return folder
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function simulate.run(options, out)
  if options.list then
    list(out)
    return exit.DONE
  end
  local only, wrong = kinds_of(options.only)
  if wrong or options.seed and options.seeds then
    out:fail("%s", wrong or "--seed or --seeds, not both")
    return exit.USAGE
  end
  local first, last = 1, 500
  if options.seed then first, last = options.seed, options.seed elseif options.seeds then first, last = options.seeds[1], options.seeds[2] end
  local folder
  if options.plant then
    folder, wrong = plant(options.plant)
    if not folder then
      out:fail("%s", wrong)
      return exit.USAGE
    end
  end
  local clock, violations, count, shrunk = luv.default(), 0, 0, {}
  local began, interrupted = clock:precise(), false
  out.live = true
  options.jobs = options.jobs or clock:processors()
  local function take(seed, result)
    count = count + 1
    if result.outcome == "violation" then violations = violations + 1 end
    say_seed(out, options, seed, result)
    if result.outcome == "violation" and not options.no_shrink and not folder and not shrunk[result.kind] then
      shrunk[result.kind] = true
      shrink(out, options, seed, result.kind, violations)
    end
  end
  if folder or options.jobs > 1 and last > first then
    interrupted = in_processes(options, first, last, folder and folder .. "/lua", take)
  else
    local hit = false
    local handle = clock:signal("SIGINT", function() hit = true end)
    for seed = first, last do
      take(seed, (simulation.seed(seed, { seconds = options.duration, only = only })))
      clock:poll()
      interrupted = hit
      if hit then break end
    end
    handle:close()
    clock:poll()
  end
  if folder then os.execute("rm -r " .. quoted(folder)) end
  local wall_s = micro(clock:precise() - began)
  if out.json then
    out:object(json.object { "event", "summary", "seeds", count, "violations", violations, "wall_s", wall_s })
  else
    out:print(("%d seeds, %d violations"):format(count, violations))
  end
  return interrupted and exit.INTERRUPTED or violations > 0 and exit.FAILED or exit.DONE
end

return simulate
