--- Results of scenarios: as data with the keys of `smpp test --json`, and failures in words.
local content = require "smpp.receipt.content"
local json = require "smpp.codec.json"
local strings = require "smpp.base.strings"
local shown = require "smpp.base.shown"

local report = {}

local object, list = json.object, json.list

--- A time with at most six digits behind the point; small ones are rounded so that none is written with an exponent.
local function rounded(seconds)
  local micro = math.floor(seconds * 1e6 + 0.5)
  if micro < 100 then micro = micro < 50 and 0 or 100 end
  return micro % 1000000 == 0 and math.floor(micro / 1000000) or micro / 1e6
end

local function pdu_json(pdu)
  local out = json.pdu(pdu)
  content.add_json(out, content.of(pdu))
  return out
end

local function field_name(name) return type(name) == "number" and ("tlv_0x%04X"):format(name) or name end

local function expected_json(expected)
  if not expected then return nil end
  local fields = {}
  for _, field in ipairs(expected.fields) do
    fields[#fields + 1] = field_name(field.name)
    fields[#fields + 1] = field.words
  end
  return object { "command", expected.command, "fields", object(fields) }
end

local function nearest_json(nearest)
  if not nearest then return nil end
  local differs = {}
  for i, one in ipairs(nearest.differs) do differs[i] = object { "field", one.field, "expected", one.expected, "got", one.got } end
  return object { "pdu", pdu_json(nearest.pdu), "differs", list(differs) }
end

local function failure_json(failure, case, again)
  local waiting, pdus = {}, {}
  for i, one in ipairs(failure.waiting or {}) do waiting[i] = object { "line", one.line, "actor", one.actor, "command", one.command } end
  for _, one in ipairs(failure.pdus or {}) do
    if one.pdu then pdus[#pdus + 1] = object { "t_s", rounded(one.t_s), "from", one.from, "to", one.to, "pdu", pdu_json(one.pdu) } end
  end
  return object({
    "kind", failure.kind, "file", case.file, "line", failure.line, "message", failure.message, "via", list(failure.via or {}),
    "actor", failure.actor, "expected", expected_json(failure.expected), "nearest", nearest_json(failure.nearest),
    "waiting", list(waiting), "pdus", list(pdus), "output", failure.output, "again", again,
  }, 24)
end

--- A word for a shell.
local function quoted(word)
  if word:find "^[%w_./:=@%%+-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- The command that runs a scenario again.
---@param case smpp.ScenarioCase
---@param virtual boolean?
---@param seed integer
---@return string
function report.again(case, virtual, seed)
  local name = "'" .. case.name:gsub("'", "'\\''") .. "'"
  return ("smpp test %s --filter %s%s --seed %d"):format(quoted(case.file), name, virtual and " --virtual" or "", seed)
end

-- ---- words ----


local PAINT = { red = "31", dim = "2", bold = "1", yellow = "33" }

local function painter(colors)
  return function(style, text) return colors and ("\27[%sm%s\27[0m"):format(PAINT[style], text) or text end
end

local COLUMN = 14

--- Who stands where in the ladder: actors in the order in which they were made, then others as they come.
local function columns_of(world, entries)
  local names, at = {}, {}
  local function add(name)
    if name and not at[name] then
      names[#names + 1] = name
      at[name] = #names
    end
  end
  local used = {}
  for _, entry in ipairs(entries) do
    if entry.pdu then used[entry.from], used[entry.to] = true, true end
  end
  for _, actor in ipairs(world.actors or {}) do
    if used[actor.name] then add(actor.name) end
  end
  for _, entry in ipairs(entries) do
    add(entry.from)
    add(entry.to)
  end
  return names, at
end

local function arrow(count, from, to)
  local cells = {}
  local left, right = math.min(from, to), math.max(from, to)
  for i = 1, count do
    local cell
    if i == left or i == right then cell = "|" elseif i > left and i < right then cell = "-" else cell = "|" end
    local fill = (i >= left and i < right) and "-" or " "
    cells[i] = cell .. fill:rep(COLUMN - 1)
  end
  local line = table.concat(cells)
  local first, last = (left - 1) * COLUMN + 1, (right - 1) * COLUMN + 1
  if to > from then
    line = line:sub(1, last - 2) .. ">" .. line:sub(last)
  else
    line = line:sub(1, first) .. "<" .. line:sub(first + 2)
  end
  return strings.trim_end(line)
end

--- The last PDUs of all actors, with times.
local function ladder(world, entries, paint)
  paint = paint or function(_, text) return text end
  local lines, names, at = {}, columns_of(world, entries)
  if #entries == 0 then return { "  no PDU was sent" } end
  local head = {}
  for i, name in ipairs(names) do head[i] = ("%-" .. COLUMN .. "s"):format(name:sub(1, COLUMN - 1)) end
  lines[1] = strings.trim_end(("  %9s  %s"):format("s", table.concat(head)))
  for _, entry in ipairs(entries) do
    local time = ("  %9.3f  "):format(entry.t_s)
    if entry.note then
      lines[#lines + 1] = time .. shown.text(entry.note)
    else
      local line = ("%s%-" .. COLUMN * #names - COLUMN + 1 .. "s  %s"):format(time, arrow(#names, at[entry.from], at[entry.to]), tostring(entry.pdu))
      lines[#lines + 1] = entry.auto and paint("dim", line) or line
    end
  end
  return lines
end

--- The lines of a text, each with blanks before it.
local function indented(text, by)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = by .. line end
  return lines
end

--- A failure in words.
---@param case smpp.ScenarioCase
---@param world smpp.ScenarioWorld
---@param again string
---@param colors? boolean
---@return string
function report.text(case, world, again, colors)
  local failure, paint, lines = world.failure, painter(colors), {}
  local function add(line) lines[#lines + 1] = line end
  local function add_all(more) for _, line in ipairs(more) do add(line) end end
  add(paint("red", ("%s:%d: %s"):format(case.file, failure.line, shown.text(failure.message))))
  for _, place in ipairs(failure.via or {}) do add("  via " .. place) end
  if failure.expected then
    add(("  expected by %s: %s"):format(failure.actor or "?", failure.expected.command))
    for _, field in ipairs(failure.expected.fields) do add(("    %-22s %s"):format(field_name(field.name), field.words)) end
  end
  if failure.nearest then
    add("  " .. (#failure.nearest.differs > 0 and "nearest: " or "came: ") .. tostring(failure.nearest.pdu))
    for _, one in ipairs(failure.nearest.differs) do
      add("    " .. paint("yellow", ("%-22s expected %s  came %s"):format(one.field, one.expected, one.got)))
    end
  end
  for _, one in ipairs(failure.waiting or {}) do
    add(("  also waits: line %d, %s, %s"):format(one.line, one.actor, one.command))
  end
  for _, actor in ipairs(world.actors or {}) do
    if rawget(actor, "process") and actor.output ~= "" then
      add(("  output of %s:"):format(actor.name))
      for _, line in ipairs(indented(shown.lines(actor:tail()), "    ")) do add(line) end
    end
  end
  if #(failure.pdus or {}) > 0 then
    add "  last PDUs:"
    add_all(ladder(world, failure.pdus, paint))
  else
    add "  no PDU was sent"
  end
  add("  again: " .. again)
  return table.concat(lines, "\n")
end

--- The result of a run.
---@param case smpp.ScenarioCase
---@param world smpp.ScenarioWorld|{ skipped: string? }
---@param o { clock: string, seed: integer, run: integer?, wall_s: number, virtual: boolean? }
---@return table
function report.result(case, world, o)
  local failure = world.failure
  local tags = {}
  for i, tag in ipairs(case.options.tags or {}) do tags[i] = tag end
  local again = failure and report.again(case, o.virtual, o.seed)
  local result = object({
    "event", "scenario", "file", case.file, "name", case.name, "line", case.line,
    "outcome", failure and "fail" or world.skipped and "skip" or "pass", "clock", o.clock, "seed", o.seed, "run", o.run or 1,
    "tags", list(tags), "duration_s", rounded(world.took_s or 0), "wall_s", rounded(o.wall_s),
    "trace", world.trace and not world.skipped and world.trace:digest() or nil,
    "reason", not failure and world.skipped or nil, "failure", failure and failure_json(failure, case, again) or nil,
  }, 28)
  local about = getmetatable(result)
  if failure then
    about.text = report.text(case, world, again)
    about.painted = function() return report.text(case, world, again, true) end
  end
  if world.ladder then about.passed = table.concat(ladder(world, world.ladder), "\n") end
  return result
end

--- The text of a result's failure, as `report.text` made it.
---@param result table
---@return string? text
---@return string? passed  the PDUs that passed last
---@return (fun(): string)? painted  the text with colours, auto-answered PDUs dimmed
function report.text_of(result)
  local about = getmetatable(result)
  return about.text, about.passed, about.painted
end

return report
