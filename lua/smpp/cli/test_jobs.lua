--- `smpp test` as several processes (--jobs), and again and again (--watch).
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local luafile = require "smpp.base.luafile"
local luv = require "smpp.loop.luv"
local respawn = require "smpp.cli.respawn"
local run = require "smpp.loop.run"
local suite = require "smpp.scenario.suite"
local task = require "smpp.base.task"

local test_jobs = {}

--- The options of this command that another process gets, too.
local function words_of(options)
  local words = {}
  local function add(...)
    for i = 1, select("#", ...) do words[#words + 1] = tostring((select(i, ...))) end
  end
  if options.virtual then add "--virtual" end
  if options.no_skip then add "--no-skip" end
  if options.bail then add "--bail" end
  if options.filter then add("--filter", options.filter) end
  for _, tag in ipairs(options.tag or {}) do add("--tag", tag) end
  for _, item in ipairs(options.vars or {}) do add("--set", item[1] .. "=" .. item[2]) end
  if options.limit then add("--limit", options.limit) end
  if options.pcap then add("--pcap", options.pcap) end
  for _ = 1, options.verbose or 0 do add "-v" end
  return words
end

--- Starts the process of a file; `done` is called at its end.
local function start(job, options, done)
  local words = { "test", "--json", "--worker", "--seed", ("%d"):format(job.seed), "--run-number", ("%d"):format(job.run) }
  for _, word in ipairs(words_of(options)) do words[#words + 1] = word end
  words[#words + 1] = job.file.path
  job.output, job.errors = {}, {}
  local process, message = luv.default():spawn {
    command = respawn.command(words),
    output = function(octets, stream) table.insert(stream == "stdout" and job.output or job.errors, octets) end,
    ended = function(code)
      job.code = code
      done()
    end,
  }
  if not process then
    job.code, job.errors = exit.USAGE, { message .. "\n" }
    luv.default():defer(done)
  end
  job.process = process
end

--- Hands over the results of a process.
local function hand_over(job, output)
  local failed, pending = false, nil
  for line in table.concat(job.output):gmatch "[^\n]+" do
    local value = json.decode(line)
    if value and value.event == "scenario" then
      pending = { value, line }
      failed = failed or value.outcome == "fail"
    elseif value and value.event == "report" and pending then
      output:result(pending[1], nil, pending[2], value.text, value.passed)
      pending = nil
    end
  end
  local errors = table.concat(job.errors)
  if errors ~= "" then output.out.stderr:write(errors) end
  return failed
end

--- Runs files, each in a process; results come in the order of one job.
---@param options table
---@param files { path: string, cases: smpp.ScenarioCase[] }[]
---@param output smpp.TestOutput
---@param seed integer
---@param skipped fun(case: smpp.ScenarioCase, seed: integer, run: integer): table
---@return boolean interrupted
function test_jobs.run(options, files, output, seed, skipped)
  local jobs = {}
  for number = 1, options.runs do
    for _, file in ipairs(files) do
      if #file.cases > 0 then jobs[#jobs + 1] = { file = file, seed = seed + number - 1, run = number } end
    end
  end
  local _, _, code = run.run(function()
    local token, next_job, shown, running, failed = task.need(), 1, 1, 0, false
    while shown <= #jobs do
      while running < options.jobs and next_job <= #jobs and not (failed and options.bail) do
        running = running + 1
        start(jobs[next_job], options, function()
          running = running - 1
          task.wake_for(token, jobs)
        end)
        next_job = next_job + 1
      end
      local job = jobs[shown]
      if failed and options.bail then
        for _, case in ipairs(job.file.cases) do output:result(skipped(case, job.seed, job.run), case) end
        shown = shown + 1
      elseif job.code then
        failed = hand_over(job, output) or failed
        if failed and options.bail then
          for _, other in ipairs(jobs) do
            if other.process and not other.code then other.process:signal "TERM" end
          end
        end
        shown = shown + 1
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

-- Files beside the scenarios that they may use, with their times and sizes.
local LIST = "find '%s' -maxdepth 1 -type f \\( -name '*.lua' -o -name '*.csv' \\) -printf '%%p %%T@ %%s\\n' 2>/dev/null | LC_ALL=C sort"

--- What the files hold now.
local function state_of(words)
  local paths = suite.files(words) or {}
  local pieces = {}
  for _, path in ipairs(paths) do
    pieces[#pieces + 1] = path .. "\0" .. (luafile.octets(path) or "")
    local folder = path:match "^(.*)/[^/]*$" or "."
    local listing = io.popen(LIST:format((folder:gsub("'", "'\\''"))))
    if listing then
      pieces[#pieces + 1] = listing:read "*a"
      listing:close()
    end
  end
  return table.concat(pieces, "\0")
end

--- Runs all again whenever a file changes, until it is interrupted.
---@param options table
---@param out smpp.CliOutput
---@return integer exit_code
function test_jobs.watch(options, out)
  local words = { "test", "--seed", tostring(options.seed), "--repeat", ("%d"):format(options.runs), "--jobs", ("%d"):format(options.jobs),
    "--color", out.colors[out.stdout] and "always" or "never" }
  if out.json then words[#words + 1] = "--json" end
  if options.tap then words[#words + 1] = "--tap" end
  if options.junit then words[#words + 1], words[#words + 2] = "--junit", options.junit end
  for _, word in ipairs(words_of(options)) do words[#words + 1] = word end
  for _, word in ipairs(options.files) do words[#words + 1] = word end
  out.run(function()
    local token = task.need()
    while true do
      local state = state_of(options.files)
      local process, message = luv.default():spawn {
        command = respawn.command(words),
        output = function(octets, stream)
          out[stream]:write(octets)
          if out[stream].flush then out[stream]:flush() end
        end,
        ended = function() task.wake_for(token, words) end,
      }
      if not process then error(message, 0) end
      task.wait(words)
      out:note "waiting for a change"
      repeat run.sleep(0.5) until state_of(options.files) ~= state
    end
  end)
  return exit.INTERRUPTED
end

return test_jobs
