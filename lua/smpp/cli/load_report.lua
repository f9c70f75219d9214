--- What `smpp load` writes: a line a second, the report as text, JSON, CSV and HTML.
local dkjson = require "dkjson"
local histograms = require "smpp.load.histogram"
local html = require "smpp.load.html"
local json = require "smpp.codec.json"
local shown = require "smpp.base.shown"

local report = {}

local NULL = dkjson.null

--- A time as people read it.
---@param seconds number?
---@return string
function report.time(seconds)
  if not seconds then return "-" end
  if seconds >= 10 then return ("%.1f s"):format(seconds) end
  if seconds >= 1 then return ("%.2f s"):format(seconds) end
  return ("%.3g ms"):format(seconds * 1000)
end
local time = report.time

--- A rate as people read it.
---@param per_s number?
---@return string
function report.rate(per_s)
  if not per_s then return "-" end
  return (per_s >= 100 and "%.0f/s" or "%.3g/s"):format(per_s)
end
local rate = report.rate

local function percent(count, of) return of > 0 and ("%.3g %%"):format(count / of * 100) or "0 %" end

--- Statuses, the most frequent first.
local function by_count(statuses)
  local list = {}
  for name, n in pairs(statuses) do list[#list + 1] = { name, n } end
  table.sort(list, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  return list
end

--- The line of a second, on stderr.
---@param out smpp.CliOutput
---@param row table
---@param run smpp.LoadRun
function report.second(out, row, run)
  local sessions = 0
  for _, link in ipairs(run.links) do
    if link.session then sessions = sessions + 1 end
  end
  local function short(seconds) return seconds and ("%.3gms"):format(seconds * 1000) or "-" end
  out:note("%s rate=%d ok=%d errors=%d p50=%s p99=%s window=%d queue=%d sessions=%d", os.date "%H:%M:%S", row.answered, row.ok, row.errors,
    short(row.p50), short(row.p99), row.window, run.engine:backlog(), sessions)
end

--- Doubts about the figures, on stderr.
---@param out smpp.CliOutput
---@param result table
function report.warn(out, result)
  if result.ended == "late" then
    out:note("%s the generator is more than --max-late behind: %d messages were not sent", out:paint_note("yellow", "warning:"), result.not_sent)
  elseif result.ended == "lost" then
    out:note("%s all binds were lost and did not come back within --give-up", out:paint_note("yellow", "warning:"))
  elseif result.ended == "rule" then
    out:note("%s a rule ended the test", out:paint_note("yellow", "warning:"))
  end
  if result.failure then out:fail("%s", shown.text(result.failure)) end
  if not result.trustworthy then
    out:note("%s the generator was the bottleneck: %d of %d messages left late, up to %s after they were due (CPU %.0f %%)",
      out:paint_note("yellow", "warning:"), result.late.count, result.sent, time(result.late.max_s), (result.cpu or 0) * 100)
  end
  if result.latency_s.count > 0 and result.latency_s.max >= 3600 then
    out:note("%s latencies above an hour count as an hour", out:paint_note("yellow", "warning:"))
  end
end

local function latency_line(summary)
  if summary.count == 0 then return "no answer" end
  return ("min %s, mean %s, p50 %s, p90 %s, p99 %s, p99.9 %s, max %s"):format(time(summary.min), time(summary.mean), time(summary.p50),
    time(summary.p90), time(summary.p99), time(summary.p999), time(summary.max))
end

--- The report on stdout.
---@param out smpp.CliOutput
---@param result table
---@param service_time boolean?
function report.text(out, result, service_time)
  local function line(name, format, ...) out:print(("%-13s "):format(name) .. format:format(...)) end
  local function verdict(style, name, ...) out:print(out:paint(style, ("%-13s "):format(name)) .. ("%s%s"):format(...)) end
  local of = result.rate_target and " of " .. rate(result.rate_target) or result.model == "closed" and ", closed" or ""
  line("target", "%s, %d of %d binds", shown.text(result.target), result.binds.up, result.binds.wanted)
  line("sent", "%d of %d that were due, in %.1f s: %s%s", result.sent, result.due, result.duration_s, rate(result.rate), of)
  if result.messages ~= result.sent then line("messages", "%d texts", result.messages) end
  local words = {}
  for i, status in ipairs(by_count(result.statuses)) do
    words[i] = out:paint(status[1] == "ESME_ROK" and "green" or "red", status[1]) .. " " .. status[2]
  end
  line("answered", "%d%s", result.answered, #words > 0 and ": " .. table.concat(words, ", ") or "")
  local errors = ("%d (%s)"):format(result.errors, percent(result.errors, result.due))
  line("errors", "%s: refused %d, unknown %d, not sent %d", result.errors > 0 and out:paint("red", errors) or errors, result.answered - result.ok,
    result.unknown, result.not_sent)
  line("latency", "%s", latency_line(result.latency_s))
  if service_time then line("service time", "%s", latency_line(result.service_time_s)) end
  if result.receipts.wanted > 0 then
    local receipts = result.receipts
    line("receipts", "%d of %d (%s), delivered %d", receipts.final, receipts.wanted, percent(receipts.final, receipts.wanted), receipts.delivered)
    line("  latency", "%s", latency_line(result.receipt_s))
  end
  if result.reconnections > 0 then line("reconnections", "%d", result.reconnections) end
  local window = result.window
  line("window", "at most %d, on average %.3g%s", window.max, window.mean, window.limit and " of " .. window.limit or "")
  if result.waited.count > 0 then
    line("waited", "%d messages for room in the window or the socket, up to %s", result.waited.count, time(result.waited.max_s))
  end
  if result.skipped and next(result.skipped) then
    local list = {}
    for i, command in ipairs(by_count(result.skipped)) do list[i] = command[1] .. " " .. command[2] end
    line("not replayed", "%s", table.concat(list, ", "))
  end
  local jitter = result.model == "open" and result.sent > 0 and (", 99 %% of the messages left within %s of when they were due, %d later than 10 ms")
    :format(time(result.late.p99_s), result.late.count) or ""
  line("generator", "CPU %.0f %%%s", (result.cpu or 0) * 100, jitter)
  if result.script_s then line("script", "%s of CPU in all", time(result.script_s)) end
  local names = {}
  for name in pairs(result.checks) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local check = result.checks[name]
    line("check", "%s: passed %d, failed %d", shown.text(name), check.passed, check.failed)
  end
  for _, rule in ipairs(result.fail_if) do
    local value = rule.value and (" (%.6g)"):format(rule.value) or " (no data)"
    verdict(rule.holds and "red" or "green", rule.holds and "FAILED" or "passed", rule.rule, value)
  end
end

local function rounded(value, digits)
  if type(value) ~= "number" then return value end
  local scale = 10 ^ digits
  local out = math.floor(value * scale + 0.5) / scale
  return out % 1 == 0 and math.floor(out) or out
end

local SUMMARY = { "min", "mean", "p50", "p90", "p95", "p99", "p999", "max" }

local function summary_json(summary)
  if not summary then return NULL end
  local object = json.object { "count", summary.count }
  for _, name in ipairs(SUMMARY) do json.add(object, name, summary[name] and rounded(summary[name], 6) or NULL) end
  return object
end

local function sorted_object(given, of)
  local names, object = {}, json.object {}
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do json.add(object, name, of and of(given[name]) or given[name]) end
  return object
end

local function some(value)
  if value == nil then return NULL end
  return value
end

--- How the command was called, without passwords: name and value.
---@param options table  as argparse gives them
---@return { [1]: string, [2]: string }[]
function report.options_of(options)
  local list = {}
  local NAMES = { "rate", "duration", "count", "arrival", "closed", "window", "binds", "accounts", "bind_rate", "warm_up", "drain", "receipt_wait",
    "response_timeout", "max_late", "give_up", "from", "to", "text", "text_file", "length", "encoding", "receipts", "set", "script", "fail_if",
    "bind", "listen", "replay", "speed", "misbehave" }
  for _, name in ipairs(NAMES) do
    local value = options[name]
    if type(value) == "table" then value = value[1] and table.concat(value, ", ") or nil end
    if type(value) == "number" then value = ("%.14g"):format(value) end
    if value ~= nil and value ~= false then list[#list + 1] = { "--" .. (name == "duration" and "for" or name:gsub("_", "-")), tostring(value) } end
  end
  if options.stages then
    local points = {}
    for i, point in ipairs(options.stages) do points[i] = ("%gs:%g/s"):format(point.at_s, point.rate) end
    list[#list + 1] = { "--stages", table.concat(points, ", ") }
  end
  return list
end

local function waits_json(figures)
  return json.object { "count", figures.count, "max_s", rounded(figures.max_s, 6), "p99_s", rounded(figures.p99_s, 6) }
end

--- The result as one object.
---@param result table
---@param options { [1]: string, [2]: string }[]
---@param for_parent? boolean  with all that the parent of a worker needs
---@return table
function report.json(result, options, for_parent)
  local series, stages, fail_if, given = {}, nil, {}, json.object {}
  for i, row in ipairs(result.series) do
    series[i] = json.object({ "t_s", row.t_s, "sent", row.sent, "answered", row.answered, "errors", row.errors, "p50", some(rounded(row.p50, 6)),
      "p99", some(rounded(row.p99, 6)), "max", some(rounded(row.max, 6)) }, 14)
    if for_parent then
      for _, name in ipairs { "ok", "window", "late", "target" } do json.add(series[i], name, row[name]) end
    end
  end
  if result.stages then
    stages = {}
    for i, point in ipairs(result.stages) do stages[i] = json.object { "at_s", point.at_s, "rate", point.rate } end
  end
  for i, rule in ipairs(result.fail_if) do
    fail_if[i] = json.object({ "rule", rule.rule, "holds", rule.holds, "value", some(rounded(rule.value, 6)) }, 6)
  end
  for _, option in ipairs(options) do json.add(given, option[1], option[2]) end
  local list = {
    "version", result.version, "role", result.role, "model", result.model, "target", result.target, "started", result.started,
    "duration_s", rounded(result.duration_s, 6), "rate_target", some(rounded(result.rate_target, 6)), "rate", rounded(result.rate, 3),
    "sent", result.sent, "messages", result.messages, "answered", result.answered, "ok", result.ok, "unknown", result.unknown,
    "not_sent", result.not_sent, "errors", result.errors, "throttled", result.throttled, "reconnections", result.reconnections,
    "statuses", sorted_object(result.statuses), "latency_s", summary_json(result.latency_s), "service_time_s", summary_json(result.service_time_s),
    "receipt_s", summary_json(result.receipt_s),
    "receipts", json.object { "wanted", result.receipts.wanted, "final", result.receipts.final, "delivered", result.receipts.delivered },
    "late", waits_json(result.late), "waited", waits_json(result.waited),
    "window", json.object({ "limit", some(result.window.limit), "max", result.window.max, "mean", rounded(result.window.mean, 3) }, 6),
    "binds", json.object { "wanted", result.binds.wanted, "up", result.binds.up, "refused", sorted_object(result.binds.refused) },
    "warm_up", json.object { "sent", result.warm_up.sent }, "cpu", rounded(result.cpu, 4), "script_s", some(rounded(result.script_s, 6)),
    "checks", sorted_object(result.checks, function(check) return json.object { "passed", check.passed, "failed", check.failed } end),
    "fail_if", json.list(fail_if), "stages", stages and json.list(stages) or NULL, "seed", result.seed, "options", given,
    "skipped", result.skipped and sorted_object(result.skipped) or NULL, "interrupted", result.interrupted,
    "trustworthy", result.trustworthy, "histogram", result.histogram, "series", json.list(series),
  }
  local object = json.object(list, #list)
  json.add(object, "workers", result.workers)
  if for_parent then json.add(object, "histograms", json.object { "service", result.histograms.service, "receipt", result.histograms.receipt }) end
  return object
end

--- A row for each second.
---@param result table
---@return string
function report.csv(result)
  local out = { "t_s,target,sent,answered,ok,errors,p50_s,p99_s,max_s,window,late" }
  local function cell(value) return value and ("%.6f"):format(value):gsub("%.?0+$", "") or "" end
  for _, row in ipairs(result.series) do
    out[#out + 1] = ("%d,%s,%d,%d,%d,%d,%s,%s,%s,%d,%d"):format(row.t_s, row.target and ("%.6g"):format(row.target) or "", row.sent, row.answered,
      row.ok, row.errors, cell(row.p50), cell(row.p99), cell(row.max), row.window, row.late)
  end
  return table.concat(out, "\n") .. "\n"
end

--- The report as a page.
---@param result table
---@param options { [1]: string, [2]: string }[]
---@return string
function report.html(result, options) return html.page(result, options, assert(histograms.decode(result.histogram))) end

--- What --find-limit found.
---@param out smpp.CliOutput
---@param found table
function report.limit(out, found)
  if out.json then
    local steps = {}
    for i, step in ipairs(found.steps) do
      steps[i] = json.object({ "rate", rounded(step.rate, 3), "p99", some(rounded(step.p99, 6)), "errors", some(rounded(step.errors, 6)),
        "ok", step.ok, "why", some(step.why) }, 10)
    end
    return out:object(json.object({ "limit", some(rounded(found.limit, 3)), "steps", json.list(steps), "stopped_by", some(found.stopped_by) }, 6))
  end
  local good, bad
  for _, step in ipairs(found.steps) do
    if step.ok and (not good or step.rate > good.rate) then good = step end
    if not step.ok and (not bad or step.rate < bad.rate) then bad = step end
  end
  local last = found.steps[#found.steps]
  if not last then return out:print "limit: no rate was tried to the end" end
  if not good then return out:print(("limit: below %s, where %s"):format(rate(last.rate), last.why or "a rule holds")) end
  local beyond = bad and ("; at %s p99 %s%s"):format(rate(bad.rate), time(bad.p99), bad.why and ", " .. bad.why or "") or ""
  out:print(("limit %s (p99 %s%s)"):format(rate(found.limit), time(good.p99), beyond))
end

return report
