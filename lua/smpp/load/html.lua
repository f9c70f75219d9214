--- The report of a load test as one self-contained HTML page (no external resources): verdict, options, curves, statuses; values as text, too.
local html = {}

local WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 720, 220, 64, 28, 10

local function escape(value)
  return (tostring(value):gsub("[&<>\"']", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }))
end

local function ms(seconds)
  if not seconds then return "–" end
  if seconds >= 10 then return ("%.1f s"):format(seconds) end
  return ("%.3g ms"):format(seconds * 1000)
end

local function number(value)
  if not value then return "–" end
  return value % 1 == 0 and ("%.0f"):format(value) or ("%.4g"):format(value)
end

--- A round number of at least `value`, for the end of an axis.
local function round_up(value)
  if value <= 0 then return 1 end
  local scale = 10 ^ math.floor(math.log(value) / math.log(10))
  for _, step in ipairs { 1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10 } do
    if value <= step * scale then return step * scale end
  end
  return value
end

--- A chart of lines: { { name, class, points = { { x, y } } } }, with x and y already in units of the axes.
local function chart(o)
  local width, height = WIDTH - LEFT - 8, HEIGHT - TOP - BOTTOM
  local x_max, y_max = o.x_max, o.y_max
  local function x_of(x) return LEFT + (o.x_scale and o.x_scale(x) or x / x_max) * width end
  local function y_of(y) return TOP + height - y / y_max * height end
  local out = { ('<svg viewBox="0 0 %d %d" role="img" aria-label="%s">'):format(WIDTH, HEIGHT, escape(o.title)) }
  local function put(...) out[#out + 1] = (...) end
  for i = 0, 4 do
    local y = y_max * i / 4
    put(('<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>'):format(
      LEFT, WIDTH - 8, y_of(y), y_of(y), LEFT - 6, y_of(y) + 4, escape(o.y_label(y))))
  end
  for _, tick in ipairs(o.x_ticks) do
    local anchor = tick[1] >= x_max and "end" or "middle"
    put(('<text class="tick" x="%.1f" y="%d" text-anchor="%s">%s</text>'):format(x_of(tick[1]), HEIGHT - 8, anchor, escape(tick[2])))
  end
  for _, line in ipairs(o.lines) do
    local points = {}
    for i, point in ipairs(line.points) do points[i] = ("%.1f,%.1f"):format(x_of(point[1]), y_of(math.min(point[2], y_max))) end
    put(('<polyline class="%s" points="%s"><title>%s</title></polyline>'):format(line.class, table.concat(points, " "), escape(line.name)))
  end
  put "</svg>"
  local legend = {}
  for _, line in ipairs(o.lines) do legend[#legend + 1] = ('<span class="key %s">%s</span>'):format(line.class, escape(line.name)) end
  return ("<figure><figcaption>%s</figcaption>%s<p class=\"legend\">%s</p></figure>"):format(escape(o.title), table.concat(out), table.concat(legend))
end

--- Latency by percentile; the axis is logarithmic in 1 / (1 - p).
local function percentile_chart(histogram)
  local points, total, seen, most = {}, (histogram:count()), 0, 0
  if total == 0 then return "" end
  local digits = math.max(2, math.ceil(math.log(total) / math.log(10)))
  for seconds, n in histogram:values() do
    local before = seen / total
    seen = seen + n
    local x = before < 1 and -math.log(1 - before) / math.log(10) or digits
    points[#points + 1] = { math.min(x, digits), seconds * 1000 }
    most = math.max(most, seconds * 1000)
  end
  points[#points + 1] = { digits, most }
  local ticks = { { 0, "0 %" }, { math.log(2) / math.log(10), "50 %" }, { 1, "90 %" }, { 2, "99 %" } }
  for i = 3, digits do ticks[#ticks + 1] = { i, "99." .. ("9"):rep(i - 2) .. " %" } end
  return chart {
    title = "Latency by percentile (ms)", x_max = digits, y_max = round_up(most), x_ticks = ticks,
    y_label = function(y) return ("%.4g"):format(y) end, lines = { { name = "latency", class = "a", points = points } },
  }
end

--- Points of a column of the series; at most as many as the chart has pixels, each the largest of its seconds.
local function points_of(series, of)
  local list, step = {}, math.max(1, math.ceil(#series / 600))
  for i = 1, #series, step do
    local best
    for k = i, math.min(i + step - 1, #series) do
      local value = of(series[k])
      if value and (not best or value > best) then best = value end
    end
    if best then list[#list + 1] = { series[i].t_s + 0.5, best } end
  end
  return list
end

local function time_chart(title, series, lines, label)
  local most, last = 0, (series[#series] or { t_s = 0 }).t_s + 1
  for _, line in ipairs(lines) do
    line.points = points_of(series, line.of)
    for _, point in ipairs(line.points) do most = math.max(most, point[2]) end
  end
  local ticks = {}
  for i = 0, 4 do ticks[#ticks + 1] = { last * i / 4, ("%.4g s"):format(last * i / 4) } end
  return chart { title = title, x_max = last, y_max = round_up(most), x_ticks = ticks, y_label = label, lines = lines }
end

local STYLE = [[
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#5c6670;--page:#fff;--rule:#d8dee4;--a:#0969da;--b:#8250df;--bad:#b3261e;--good:#1a7f37}
@media(prefers-color-scheme:dark){
:root{--ink:#e6edf3;--dim:#9aa4ae;--page:#0d1117;--rule:#30363d;--a:#58a6ff;--b:#bc8cff;--bad:#ff7b72;--good:#3fb950}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:760px;margin:2rem auto;padding:0 1rem}
body{overflow-wrap:anywhere}
h1{font-size:1.4rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
.verdict{font-weight:600}.good{color:var(--good)}.bad{color:var(--bad)}.dim{color:var(--dim)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem .2rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0}figcaption{font-weight:600}svg{width:100%;height:auto}
.grid{stroke:var(--rule)}.tick{fill:var(--dim);font-size:11px}
polyline{fill:none;stroke-width:1.6}polyline.a{stroke:var(--a)}polyline.b{stroke:var(--b);stroke-dasharray:4 3}polyline.c{stroke:var(--bad)}
.legend{margin:0}.key::before{content:"";display:inline-block;width:1.2em;height:.2em;margin:0 .4em 0 1em;vertical-align:middle}
.key.a::before{background:var(--a)}.key.b::before{background:var(--b)}.key.c::before{background:var(--bad)}
]]

local function rows(list)
  local out = {}
  for _, row in ipairs(list) do
    out[#out + 1] = ('<tr><td>%s</td><td class="n">%s</td></tr>'):format(escape(row[1]), escape(row[2]))
  end
  return "<table>" .. table.concat(out) .. "</table>"
end

--- The page.
---@param result table   of smpp.load
---@param options { [1]: string, [2]: string }[]  how it was called, name and value
---@param histogram smpp.LoadHistogram  of the latencies
---@return string
function html.page(result, options, histogram)
  local broken = {}
  for _, rule in ipairs(result.fail_if) do
    if rule.holds then broken[#broken + 1] = rule.rule end
  end
  local verdict, class = "passed", "good"
  if result.failure then
    verdict, class = "ended early: " .. result.failure, "bad"
  elseif result.ended == "lost" or result.ended == "late" then
    verdict, class = result.ended == "lost" and "ended early: all binds were lost" or "ended early: the generator was too far behind", "bad"
  elseif #broken > 0 then
    verdict, class = "failed: " .. table.concat(broken, ", "), "bad"
  elseif not result.trustworthy then
    verdict, class = "the generator was the bottleneck: these figures say little about the target", "bad"
  elseif result.interrupted then
    verdict, class = "interrupted", "bad"
  elseif #result.fail_if == 0 then
    verdict, class = "no rule was given", "dim"
  end
  local latency, series = result.latency_s, result.series
  local out = {
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">",
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
    "<title>Load test of ", escape(result.target), "</title><style>", STYLE, "</style></head><body>",
    "<h1>Load test of ", escape(result.target), "</h1>",
    ('<p class="verdict %s">%s</p>'):format(class, escape(verdict)),
    ('<p class="dim">%s, %s model, %.1f s, smpp %s</p>'):format(escape(result.started), escape(result.model), result.duration_s,
      escape(result.version)),
    #options > 0 and "<h2>Options</h2>" .. rows(options) or "",
    "<h2>Messages</h2>",
    rows {
      { "rate", number(result.rate) .. "/s" .. (result.rate_target and " of " .. number(result.rate_target) .. "/s" or "") },
      { "sent", number(result.sent) }, { "answered", number(result.answered) }, { "accepted", number(result.ok) },
      { "errors", ("%s (%.3g %%)"):format(number(result.errors), result.due > 0 and result.errors / result.due * 100 or 0) },
      { "outcome unknown", number(result.unknown) }, { "not sent", number(result.not_sent) }, { "reconnections", number(result.reconnections) },
      { "left more than 10 ms late", number(result.late.count) },
      { "99 % left within", ms(result.model == "open" and result.late.p99_s or nil) }, { "waited for the target", number(result.waited.count) },
      { "CPU of the generator", ("%.0f %%"):format((result.cpu or 0) * 100) },
    },
    "<h2>Latency</h2>",
    rows {
      { "min", ms(latency.min) }, { "mean", ms(latency.mean) }, { "p50", ms(latency.p50) }, { "p90", ms(latency.p90) }, { "p95", ms(latency.p95) },
      { "p99", ms(latency.p99) }, { "p99.9", ms(latency.p999) }, { "max", ms(latency.max) },
    },
    percentile_chart(histogram),
    time_chart("Messages per second", series, {
      { name = "answered", class = "a", of = function(row) return row.answered end },
      { name = "target", class = "b", of = function(row) return row.target end },
      { name = "errors", class = "c", of = function(row) return row.errors end },
    }, function(y) return ("%.4g"):format(y) end),
    time_chart("Latency over time (ms)", series, {
      { name = "p50", class = "a", of = function(row) return row.p50 and row.p50 * 1000 end },
      { name = "p99", class = "c", of = function(row) return row.p99 and row.p99 * 1000 end },
    }, function(y) return ("%.4g"):format(y) end),
    "<h2>Statuses</h2>",
  }
  local statuses = {}
  for name, n in pairs(result.statuses) do statuses[#statuses + 1] = { name, n } end
  table.sort(statuses, function(a, b) return a[2] > b[2] or a[2] == b[2] and a[1] < b[1] end)
  for _, row in ipairs(statuses) do row[2] = number(row[2]) end
  out[#out + 1] = rows(statuses)
  if #result.fail_if > 0 then
    local list = {}
    for i, rule in ipairs(result.fail_if) do
      list[i] = { rule.rule, (rule.holds and "holds: failed" or "passed") .. (rule.value and (" (%.6g)"):format(rule.value) or "") }
    end
    out[#out + 1] = "<h2>Rules</h2>" .. rows(list)
  end
  out[#out + 1] = "</body></html>\n"
  return table.concat(out)
end

return html
