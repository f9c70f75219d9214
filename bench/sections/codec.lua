--- Nanoseconds of decoding and encoding one submit_sm of 40 octets of text.
local load = require "load"
local process = require "process"

return function(bench)
  local readings, names, seen = load.readings(), {}, {}

  local function note(what, subject, ns)
    if not seen[what] then
      seen[what] = true
      names[#names + 1] = what
    end
    readings.note(what .. subject, tonumber(ns))
  end

  local function round()
    for _, subject in ipairs(bench.subjects) do
      for what, ns in process.capture(subject.command "codec"):gmatch "([^\n]-) (%d+)\n" do note(what, subject.name, ns) end
    end
    if not bench.tools then return end
    local out = process.capture(bench.tools.codeclimit .. " 500000 40")
    note("decode to a view", "C", out:match '"decode_view_ns":{"median":([%d.]+)')
    note("encode a table", "C", out:match '"encode_ns":{"median":([%d.]+)')
  end

  local function result()
    local columns, rows = { { "what", "", "%s" } }, {}
    for _, subject in ipairs(bench.subjects) do columns[#columns + 1] = { subject.name, subject.name, "%.0f" } end
    if bench.tools then columns[#columns + 1] = { "C", "straight-line C", "%.0f" } end
    for i, what in ipairs(names) do
      rows[i] = { what = what }
      for c = 2, #columns do rows[i][columns[c][1]] = readings.medians(what .. columns[c][1]) end
    end
    return { title = "Codec, one submit_sm of 40 octets, ns", columns = columns, rows = rows }
  end

  return { round = round, result = result }
end
