--- The picture of a live view: its lines for a size of the terminal.
local columns = require "smpp.base.columns"
local numbers = require "smpp.cli.live_numbers"
local shown = require "smpp.base.shown"

local frame = {}

local UNICODE = { spark = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }, rule = "─", full = "█", rest = "░" }
local ASCII = { spark = { "_", ".", ":", "-", "=", "+", "*", "#" }, rule = "-", full = "#", rest = "." }

local LABEL, MOST_SPARK, BAR = 10, 60, 10
local LEAST_HALF = 33      -- columns of the left of two cells: "latency" and its values
local LEAST_EVENTS = 3 -- else the place is the numbers'

--- The rates of the last minute as a line of so many characters at most; each stands for the highest of its seconds.
---@param rates number[]
---@param width integer
---@param peak number
---@param signs string[]
---@return string
function frame.sparkline(rates, width, peak, signs)
  local per = math.ceil(MOST_SPARK / width)
  local list, last = {}, #rates
  for stop = last, 1, -per do
    local highest = 0
    for i = math.max(1, stop - per + 1), stop do highest = math.max(highest, rates[i]) end
    local level = peak > 0 and highest > 0 and math.ceil(highest / peak * #signs) or 0
    table.insert(list, 1, level == 0 and " " or signs[math.min(level, #signs)])
  end
  return (" "):rep(width - #list) .. table.concat(list)
end

local function bar(share, width, signs)
  local filled = math.floor(math.max(0, math.min(1, share)) * width + 0.5)
  return signs.full:rep(filled) .. signs.rest:rep(width - filled)
end

local function clock(seconds)
  seconds = math.floor(seconds)
  return ("%d:%02d:%02d"):format(math.floor(seconds / 3600), math.floor(seconds / 60) % 60, seconds % 60)
end

local function left(seconds)
  if seconds < 100 then return ("%d s left"):format(math.ceil(seconds)) end
  if seconds < 6000 then return ("%d min left"):format(math.ceil(seconds / 60)) end
  return ("%.1f h left"):format(seconds / 3600)
end

--- Statuses, the most frequent first; errors are red.
local function statuses(r, paint, width)
  local names = {}
  for name in pairs(r.statuses) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if r.statuses[a] ~= r.statuses[b] then return r.statuses[a] > r.statuses[b] end
    return a < b
  end)
  local lines, line, used = {}, "", 0
  for _, name in ipairs(names) do
    local words = ("%s %s"):format(shown.text(name), numbers.count(r.statuses[name]))
    if used > 0 and used + 3 + #words > width - 2 then
      lines[#lines + 1], line, used = line, "", 0
    end
    line = line .. (used > 0 and "   " or " ") .. paint(name == "ESME_ROK" and "green" or "red", words)
    used = used + 3 + #words
  end
  if used > 0 then lines[#lines + 1] = line end
  return lines
end

---@class smpp.LiveState
---@field title string
---@field subject string?
---@field paused boolean
---@field keys string[]     pairs of key and word
---@field help string[]?    lines that stand where the events are
---@field events string[]   the newest last
---@field unicode boolean

--- The lines of a view.
---@param state smpp.LiveState
---@param n smpp.LiveNumbers
---@param width integer
---@param height integer
---@param paint fun(style: string, text: string): string
---@return string[] lines  at most `height`, each at most `width` columns
function frame.lines(state, n, width, height, paint)
  local signs, r = state.unicode and UNICODE or ASCII, n.reading
  local lines = {}
  local function add(text) lines[#lines + 1] = columns.cut(text, width) end
  local function pair(label, value) return paint("dim", columns.fit(" " .. label, LABEL + 1)) .. value end
  local rule = paint("dim", signs.rule:rep(width))

  local head = " " .. paint("bold", state.title) .. (state.subject and "  " .. shown.text(state.subject) or "")
  local right = (state.paused and paint("yellow", "paused") .. "  " or "") .. clock(n.at - n.started) .. " "
  add(columns.fit(head, math.max(0, width - columns.count(right))) .. right)
  add(rule)

  local peak = ("  peak %s/s"):format(numbers.count(n.peak))
  local rate = columns.fit(paint("bold", (n.rate >= 10 and numbers.count(n.rate) or numbers.of_rate(n.rate)) .. "/s"), 11)
  local room = math.min(MOST_SPARK, width - LABEL - 1 - 11 - #peak - 1)
  local highest = 0
  for _, each in ipairs(n.rates) do highest = math.max(highest, each) end
  local spark = room >= 10 and columns.fit(paint("cyan", frame.sparkline(n.rates, room, highest, signs.spark)), room) or ""
  add(pair("rate", rate .. spark .. paint("dim", peak)))

  if r.total and r.total > 0 then
    local share = r.done / r.total
    local words = ("%s of %s  %3d %%  "):format(numbers.count(r.done), numbers.count(r.total), math.floor(share * 100))
    local rest = n.rate > 0 and r.done < r.total and "  " .. left((r.total - r.done) / n.rate) or ""
    add(pair("sent", words .. bar(share, math.max(5, math.min(40, width - LABEL - 2 - #words - #rest)), signs) .. rest))
  end

  local window = r.window_limit and r.window_limit > 0
    and ("%d of %d %s"):format(r.window, r.window_limit, bar(r.window / r.window_limit, BAR, signs)) or numbers.count(r.window)
  local sessions = numbers.count(r.sessions) .. (r.session_words and r.session_words ~= "" and "  " .. r.session_words or "")
  local errors = numbers.count(r.errors)
  if r.errors > 0 then
    errors = paint("bold_red", ("%s  %.2g %%"):format(errors, 100 * r.errors / math.max(1, r.ok + r.errors)))
  end
  local cells = {
    { "latency", ("p50 %s  p99 %s"):format(numbers.time(n.p50_s, " "), numbers.time(n.p99_s, " ")) }, { "window", window },
    { "ok", numbers.count(r.ok) }, { "queue", numbers.count(r.queue) },
    { "errors", errors }, { "sessions", sessions },
  }
  if width >= 56 then
    local half = math.max(LEAST_HALF, math.min(40, math.floor(width / 2)))
    for i = 1, #cells, 2 do add(columns.fit(pair(cells[i][1], cells[i][2]), half) .. pair(cells[i + 1][1], cells[i + 1][2])) end
  else
    for _, cell in ipairs(cells) do add(pair(cell[1], cell[2])) end
  end

  local of_status = statuses(r, paint, width)
  local most = math.max(0, height - #lines - 2 - (height > 16 and LEAST_EVENTS + 1 or 0))
  for i = 1, math.min(#of_status, most) do add(of_status[i]) end

  local keys = {}
  for i = 1, #state.keys, 2 do keys[#keys + 1] = paint("bold", state.keys[i]) .. " " .. paint("dim", state.keys[i + 1]) end
  local space = height - #lines - 2 -- behind the rule and the line of keys
  if space > 0 then
    add(rule)
    local list = state.help or state.events
    local first = state.help and 1 or math.max(1, #list - space + 1)
    for i = first, math.min(#list, first + space - 1) do add(" " .. list[i]) end
  end
  while #lines < height - 1 do add "" end
  if #lines < height then add(" " .. table.concat(keys, "   ")) end
  for i = #lines, height + 1, -1 do lines[i] = nil end
  return lines
end

return frame
