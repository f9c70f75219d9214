--- smpp test: runs scenarios.
local exit = require "smpp.cli.exit"
local convert = require "smpp.cli.convert"
local json = require "smpp.codec.json"
local luv = require "smpp.loop.luv"
local report = require "smpp.scenario.report"
local runner = require "smpp.scenario.runner"
local suite = require "smpp.scenario.suite"
local test_jobs = require "smpp.cli.test_jobs"
local test_output = require "smpp.cli.test_output"
local test_record = require "smpp.cli.test_record"

local test = {
  description = [[
Runs scenarios: scripts of what an ESME or a message centre says and has to
hear. docs/testing.md is the guide.]],
  epilog = [[
Examples:
   smpp test examples/scenarios
   smpp test --virtual examples/scenarios --filter throttled
   smpp test --virtual --seed random --repeat 100 --bail examples/scenarios
   smpp test --from session.pcap -o replay.lua
   smpp test --junit results.xml --pcap captures examples/scenarios

Exit codes: 0 all passed or were skipped; 1 something failed; 2 usage, no
scenario, a file that does not load; 130 interrupted.]],
}

local function pair(word)
  local name, value = word:match "^([%w_.-]+)=(.*)$"
  if not name then return nil, "expected NAME=VALUE" end
  return { name, value }
end

local function seed_of(word)
  if word == "random" then return word end
  local n = tonumber(word)
  if not n or n % 1 ~= 0 or n < 0 or n > 2 ^ 31 then return nil, "expected a whole number, or random" end
  return n
end

local function count_of(word)
  local n = tonumber(word)
  if not n or n % 1 ~= 0 or n < 1 then return nil, "expected a whole number >= 1" end
  return n
end

--- The command's arguments and options.
---@param command table  of argparse
function test.define(command)
  command:argument("files", "Files of scenarios, or folders of them."):args "*"
  command:flag("--virtual", "Run in memory and in virtual time: days take milliseconds.")
  command:option("--seed", "Seed of the random numbers; \"random\" draws one.", "1"):convert(seed_of):argname "N"
  command:option("--repeat", "Number of runs, with the seed, the seed + 1, …", "1"):target "runs":convert(count_of):argname "N"
  command:flag("--bail", "Stop after the first failure.")
  command:option("--jobs", "Number of processes that run files.", "1"):convert(count_of):argname "N"
  command:option("--filter", "Only scenarios with this in \"FILE: NAME\"."):argname "P"
  command:option("--tag", "Only scenarios with this tag."):count "*":argname "T"
  command:flag("--watch", "Run again when a file changes.")
  command:flag("--list", "List the scenarios, and run none.")
  command:option("--set", "Set a value of t.vars."):count "*":convert(pair):target "vars":argname "K=V"
  command:flag("--no-skip", "A skipped scenario is a failure."):target "no_skip"
  command:option("--limit", "Time limit of a scenario, in seconds."):convert(convert.seconds):argname "S"
  command:flag("--tap", "Results as TAP, version 13.")
  command:option("--junit", "Write results as JUnit's XML."):argname "FILE"
  command:option("--pcap", "Write the PDUs of each scenario to a capture in this folder."):argname "DIR"
  command:flag("-v --verbose", "Show the PDUs of all scenarios."):count "*"
  command:option("--from", "Write a scenario from a capture, instead of running one."):argname "CAPTURE"
  command:option("--side", "With --from: whose part is scripted (esme)."):choices { "esme", "smsc" }
  command:option("--port", "With --from: only connections with this port."):count "*":convert(convert.number(0, 65535, true)):argname "N"
  command:option("--connection", "With --from: only this connection."):convert(tonumber):argname "N"
  command:option("--pace", "With --from: factor for pauses (1)."):convert(convert.number(0)):argname "P"
  command:option("-o --output", "With --from: the file to write, else stdout."):argname "FILE"
  command:flag("--force", "With -o: replace the file.")
  command:flag("--worker"):target "worker":hidden(true)
  command:option("--run-number"):target "run_number":convert(tonumber):hidden(true)
end

--- The cases of all files, as they were given.
---@return { path: string, cases: smpp.ScenarioCase[] }[]? files
---@return string? message
local function load(options)
  local paths, message = suite.files(options.files)
  if not paths then return nil, message end
  local files, count = {}, 0
  for _, path in ipairs(paths) do
    local cases
    cases, message = suite.load(path)
    if not cases then return nil, message end
    cases = suite.select(cases, { filter = options.filter, tags = options.tag })
    count = count + #cases
    files[#files + 1] = { path = path, cases = cases }
  end
  if count == 0 then return nil, "no scenario matches" end
  return files
end

local function list(files, out)
  for _, file in ipairs(files) do
    for _, case in ipairs(file.cases) do
      if out.json then
        local tags = {}
        for i, tag in ipairs(case.options.tags or {}) do tags[i] = tag end
        out:object(json.object { "event", "listed", "file", case.file, "name", case.name, "line", case.line, "tags", json.list(tags) })
      else
        out:print(("%s:%d  %s"):format(case.file, case.line, case.name))
      end
    end
  end
end

--- A file name for the capture of a scenario.
local function capture_path(folder, case, used)
  local stem = ((case.file:match "([^/]+)$"):gsub("%.lua$", "") .. "-" .. case.name):gsub("[^%w._-]+", "-")
  local name, n = stem, 1
  while used[name] do
    n = n + 1
    name = stem .. "-" .. n
  end
  used[name] = true
  return folder .. "/" .. name .. ".pcapng"
end

--- With --no-skip a skipped scenario has failed.
local function judged(options, case, result)
  if result.outcome ~= "skip" or not options.no_skip or result.reason == "--bail" then return result end
  local world = { failure = { kind = "check", message = "skipped: " .. result.reason, line = case.line, via = {}, waiting = {}, pdus = {} } }
  return report.result(case, world, { clock = result.clock, seed = result.seed, run = result.run, wall_s = result.wall_s, virtual = options.virtual })
end

--- Watches for SIGINT while virtual time runs: the loop that knows signals does not.
local function watch_signals()
  local loop, hit = luv.default(), false
  local handles = {}
  for i, name in ipairs { "SIGINT", "SIGTERM" } do
    handles[i] = loop:signal(name, function() hit = true end)
  end
  return function()
    loop:poll()
    return hit
  end, function()
    for _, handle in ipairs(handles) do handle:close() end
    loop:poll()
  end
end

local function skipped(options, case, seed, run)
  return report.result(case, { skipped = "--bail" }, { clock = options.virtual and "virtual" or "real", seed = seed, run = run, wall_s = 0 })
end

--- Runs all cases in this process.
local function run_here(options, files, output, seed)
  local vars, used, failed, interrupted = {}, {}, false, false
  for _, item in ipairs(options.vars or {}) do vars[item[1]] = item[2] end
  local poll, done
  if options.virtual then poll, done = watch_signals() end
  for run = 1, options.runs do
    for _, file in ipairs(files) do
      for _, case in ipairs(file.cases) do
        local number = options.run_number or run
        if interrupted then break end
        if failed and options.bail then
          output:result(skipped(options, case, seed + run - 1, number), case)
        else
          local result, stopped = suite.beside(case.folder, runner.run, case, {
            virtual = options.virtual, seed = seed + run - 1, run = number, vars = vars, limit_s = options.limit, signals = true, poll = poll,
            pcap = options.pcap and capture_path(options.pcap, case, used) or nil,
          })
          interrupted = stopped or poll and poll() or false
          if not stopped then
            result = judged(options, case, result)
            failed = failed or result.outcome == "fail"
            output:result(result, case)
          end
        end
      end
    end
  end
  if done then done() end
  return interrupted
end

local function check(options, out)
  if out.json and options.tap then return "--json or --tap, not both" end
  if #options.files == 0 then return "missing file: smpp test FILE" end
end

local function draw_seed(options, out)
  if options.seed ~= "random" then return options.seed end
  local seed = math.floor(luv.default():random() * 1000000000)
  out:note("seed %d", seed)
  return seed
end

local function make_folder(path)
  local ok = os.execute(("mkdir -p '%s'"):format((path:gsub("'", "'\\''"))))
  return ok == true or ok == 0
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function test.run(options, out)
  if options.from then return test_record.run(options, out) end
  local wrong = check(options, out)
  if wrong then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  if options.watch then return test_jobs.watch(options, out) end
  local files, message = load(options)
  if not files then
    out:fail("%s", message)
    return exit.USAGE
  end
  if options.list then
    list(files, out)
    return exit.DONE
  end
  if options.pcap and not make_folder(options.pcap) then
    out:fail("%s: cannot make this folder", options.pcap)
    return exit.USAGE
  end
  local output
  output, message = test_output.new(out, options, files, luv.default())
  if not output then
    out:fail("%s", message)
    return exit.USAGE
  end
  local seed = draw_seed(options, out)
  local interrupted
  if options.jobs > 1 and #files * options.runs > 1 and not options.worker then
    interrupted = test_jobs.run(options, files, output, seed, function(case, case_seed, run) return skipped(options, case, case_seed, run) end)
  else
    interrupted = run_here(options, files, output, seed)
  end
  output:finish(interrupted)
  return interrupted and exit.INTERRUPTED or output.failed > 0 and exit.FAILED or exit.DONE
end

return test
