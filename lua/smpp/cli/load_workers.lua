--- smpp load --workers N: the same test in several processes, which begin together and whose histograms are added up.
local exit = require "smpp.cli.exit"
local histograms = require "smpp.load.histogram"
local json = require "smpp.codec.json"
local load = require "smpp.load"
local loops = require "smpp.loop"
local respawn = require "smpp.cli.respawn"
local task = require "smpp.base.task"

local workers = {}

local unpack = table.unpack or unpack -- luacheck: compat

local READY = "ready\n"

-- Options of the parent alone: how many words each has.
local OWN = { ["--workers"] = 2, ["--html"] = 2, ["--csv"] = 2, ["--json"] = 1, ["-q"] = 1, ["--quiet"] = 1, ["--live"] = 1, ["--no-live"] = 1 }

--- The command line of a worker.
local function words_of(words, number, count)
  local list, i = {}, 1
  while i <= #words do
    local own = OWN[words[i]] or OWN[words[i]:match "^(%-%-[%w-]+)=" or ""] and 1
    if own then
      i = i + own
    else
      list[#list + 1] = words[i]
      i = i + 1
    end
  end
  for _, word in ipairs { "--json", "-q", "--no-live", "--worker", number .. "/" .. count } do list[#list + 1] = word end
  return list
end

--- The share of one worker of a whole number: what is left over is the first one's.
local function share(total, number, count)
  local each = math.floor(total / count)
  return number == 1 and total - each * (count - 1) or each
end

--- Reduces the options of a test to a worker's part.
---@param o table      of smpp.load, changed
---@param number integer  from 1
---@param count integer
---@return string? message  what cannot be shared
function workers.reduce(o, number, count)
  local binds = o.binds or count
  if binds < count then return ("--binds: %d binds cannot be shared by %d workers"):format(binds, count) end
  if o.count and o.count < count then return ("--count: %d messages cannot be shared by %d workers"):format(o.count, count) end
  if o.listen or o.replay then return "--workers: cannot be combined with --listen or --replay" end
  if o.rate then o.rate = o.rate / count elseif not o.stages and not o.closed then o.rate = load.default_rate / count end
  for _, point in ipairs(o.stages or {}) do point.rate = point.rate / count end
  o.binds = share(binds, number, count)
  o.count = o.count and share(o.count, number, count)
  o.seed = (o.seed or 1) * 1000 + number
end

--- A worker is bound: waits until all are.
---@async
---@param out smpp.CliOutput
function workers.wait(out)
  out.stderr:write(READY)
  if out.stderr.flush then out.stderr:flush() end
  local stream = loops.current():open_stream "-"
  if not stream then return end
  local waiter = task.need()
  stream:read(function() task.wake_for(waiter, stream) end)
  task.wait(stream)
  stream:close()
end

local function sum(results, of)
  local total = 0
  for _, result in ipairs(results) do total = total + (of(result) or 0) end
  return total
end

local function most(results, of)
  local best
  for _, result in ipairs(results) do
    local value = of(result)
    if value and (not best or value > best) then best = value end
  end
  return best
end

local function added(results, of)
  local total = {}
  for _, result in ipairs(results) do
    for name, n in pairs(of(result) or {}) do total[name] = (total[name] or 0) + n end
  end
  return total
end

--- One histogram of all, bucket by bucket; the ends and the mean are exact, too.
local function histogram_of(results, of, summary)
  local all, us, least, greatest = histograms.new(), nil, math.huge, 0
  for _, result in ipairs(results) do
    local one, known = assert(histograms.decode(of(result))), summary(result)
    if one:count() > 0 then
      all:add(one)
      us, least, greatest = (us or 0) + known.mean * known.count * 1e6, math.min(least, known.min * 1e6), math.max(greatest, known.max * 1e6)
    end
  end
  if us then all:set_extent(us, math.floor(least + 0.5), math.floor(greatest + 0.5)) end
  return all
end

--- The rows of a second of all: what is counted is added, of percentiles the largest is taken.
local function series_of(results)
  local rows = {}
  for _, result in ipairs(results) do
    for i, row in ipairs(result.series) do
      local all = rows[i] or { t_s = row.t_s, sent = 0, answered = 0, errors = 0, ok = 0, window = 0, late = 0, target = row.target and 0 }
      rows[i] = all
      for _, name in ipairs { "sent", "answered", "errors", "ok", "window", "late", "target" } do
        if row[name] then all[name] = (all[name] or 0) + row[name] end
      end
      for _, name in ipairs { "p50", "p99", "max" } do
        if row[name] then all[name] = math.max(all[name] or 0, row[name]) end
      end
    end
  end
  return rows
end

--- The result of all workers.
---@param results table[]  of their JSON
---@param o table          options of smpp.load
---@return table
function workers.merge(results, o)
  local first = results[1]
  local latency = histogram_of(results, function(r) return r.histogram end, function(r) return r.latency_s end)
  local service = histogram_of(results, function(r) return r.histograms.service end, function(r) return r.service_time_s end)
  local wants = first.receipt_s ~= nil
  local receipt = wants and histogram_of(results, function(r) return r.histograms.receipt end, function(r) return r.receipt_s end)
  local result = {
    version = first.version, role = first.role, model = first.model, target = first.target, started = first.started, workers = #results,
    duration_s = most(results, function(r) return r.duration_s end),
    rate_target = first.rate_target and sum(results, function(r) return r.rate_target end),
    stages = o.stages, seed = o.seed, statuses = added(results, function(r) return r.statuses end), latency_s = latency:summary(),
    service_time_s = service:summary(), receipt_s = receipt and receipt:summary(), histogram = latency:encode(),
    receipts = added(results, function(r) return r.receipts end),
    late = { count = sum(results, function(r) return r.late.count end), max_s = most(results, function(r) return r.late.max_s end),
      p99_s = most(results, function(r) return r.late.p99_s end) },
    waited = { count = sum(results, function(r) return r.waited.count end), max_s = most(results, function(r) return r.waited.max_s end),
      p99_s = most(results, function(r) return r.waited.p99_s end) },
    window = { limit = first.window.limit, max = sum(results, function(r) return r.window.max end),
      mean = sum(results, function(r) return r.window.mean end) },
    binds = { wanted = sum(results, function(r) return r.binds.wanted end), up = sum(results, function(r) return r.binds.up end),
      refused = added(results, function(r) return r.binds.refused end) },
    warm_up = { sent = sum(results, function(r) return r.warm_up.sent end) }, checks = {}, series = series_of(results), interrupted = false,
    script_s = first.script_s and sum(results, function(r) return r.script_s end), fail_if = {}, failed = false,
  }
  for _, name in ipairs { "sent", "messages", "answered", "ok", "unknown", "not_sent", "errors", "throttled", "reconnections", "cpu" } do
    result[name] = sum(results, function(r) return r[name] end)
  end
  result.due = result.sent + result.not_sent
  result.rate = result.duration_s > 0 and result.sent / result.duration_s or 0
  result.trustworthy = not (result.sent > 0 and result.late.count > result.sent * 0.01)
  for _, one in ipairs(results) do
    result.interrupted, result.trustworthy = result.interrupted or one.interrupted, result.trustworthy and one.trustworthy
    for name, check in pairs(one.checks) do
      local all = result.checks[name] or { passed = 0, failed = 0 }
      all.passed, all.failed = all.passed + check.passed, all.failed + check.failed
      result.checks[name] = all
    end
  end
  load.judge(result, o.rules)
  return result
end

--- Runs the workers.
---@async
---@param out smpp.CliOutput
---@param words string[]  of the command line
---@param count integer
---@param o table  options of smpp.load, as read
---@return table? result  nil: a worker died, or none could bind; already reported on stderr
---@return integer? exit_code
function workers.run(out, words, count, o)
  local loop, waiter = loops.current(), task.need()
  local list, ready, over = {}, 0, 0
  local function begin()
    for _, worker in ipairs(list) do worker.process:write "go\n" end
  end
  for number = 1, count do
    local worker = { number = number, pieces = {}, notes = "", code = nil }
    list[number] = worker
    local message
    worker.process, message = loop:spawn {
      command = respawn.command({ "load", unpack(words_of(words, number, count)) }),
      output = function(octets, stream)
        if stream == "stdout" then
          worker.pieces[#worker.pieces + 1] = octets
          return
        end
        worker.notes = worker.notes .. octets
        if not worker.ready and worker.notes:find(READY, 1, true) then
          worker.ready, ready = true, ready + 1
          if ready == count then begin() end
        end
      end,
      ended = function(code)
        worker.code, over = code, over + 1
        if not worker.ready then -- the others would wait for ever
          for _, other in ipairs(list) do
            if other.process and not other.code then other.process:signal "SIGKILL" end
          end
        end
        if over == count then task.wake_for(waiter, workers) end
      end,
    }
    if not worker.process then
      out:fail("worker %d: %s", number, message)
      for _, other in ipairs(list) do
        if other.process then other.process:signal "SIGKILL" end
      end
      return nil, exit.FAILED
    end
  end
  workers.running = list
  while over < count do task.wait(workers) end
  workers.running = nil
  local results = {}
  for _, worker in ipairs(list) do
    local result = json.decode(table.concat(worker.pieces))
    if type(result) == "table" then results[#results + 1] = result end
    for line in worker.notes:gmatch "[^\n]+" do
      if line ~= READY:sub(1, -2) and (worker.number == 1 or worker.code == exit.FAILED or type(result) ~= "table") then out:note("%s", line) end
    end
  end
  if #results == count then
    local result = workers.merge(results, o)
    for _, worker in ipairs(list) do
      if worker.code == exit.FAILED then result.failure = result.failure or ("worker %d ended early"):format(worker.number) end
    end
    return result
  end
  local worst = exit.FAILED
  for _, worker in ipairs(list) do
    if not worker.ready and worker.code == exit.UNREACHABLE then worst = exit.UNREACHABLE end
  end
  if worst == exit.FAILED then
    for _, worker in ipairs(list) do
      if worker.ready and #worker.pieces == 0 then out:fail("worker %d died: what it sent is in no figure", worker.number) end
    end
  end
  return nil, worst
end

--- Ends the workers early; each reports.
function workers.interrupt()
  for _, worker in ipairs(workers.running or {}) do worker.process:signal "SIGINT" end
end

return workers
