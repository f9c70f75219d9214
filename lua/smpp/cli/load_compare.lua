--- smpp load compare: two results of `smpp load --json` beside each other.
local compare = require "smpp.load.compare"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local luafile = require "smpp.base.luafile"
local report = require "smpp.cli.load_report"

local load_compare = {}

local WORSE = 99

local function read(path)
  local octets, reason = luafile.octets(path)
  if not octets then return nil, ("cannot read %s: %s"):format(path, reason) end
  local value, message = json.decode(octets)
  if type(value) ~= "table" or type(value.latency_s) ~= "table" or type(value.sent) ~= "number" then
    return nil, ("%s: expected a result of smpp load --json%s"):format(path, message and ": " .. message or "")
  end
  return value
end

local function shown(value, unit)
  if type(value) ~= "number" then return "-" end
  if unit == "s" then return report.time(value) end
  if unit == "%" then return ("%.3g %%"):format(value * 100) end
  return report.rate(value)
end

local STYLES = { better = "green", worse = "red", same = "dim" }

--- Compares two files.
---@param files string[]
---@param out smpp.CliOutput
---@param fail_on_worse boolean?
---@return integer exit_code
function load_compare.run(files, out, fail_on_worse)
  if #files ~= 2 then
    out:fail("compare: expected two files, got %d", #files)
    return exit.USAGE
  end
  local a, message = read(files[1])
  local b
  if a then b, message = read(files[2]) end
  if not b then
    out:fail("%s", message)
    return exit.USAGE
  end
  local compared = compare.results(a, b)
  for _, warning in ipairs(compared.warnings) do out:note("%s %s", out:paint_note("yellow", "warning:"), warning) end
  if out.json then
    local list = {}
    for i, figure in ipairs(compared.figures) do
      list[i] = json.object({ "name", figure.name, "a", figure.a, "b", figure.b, "difference", figure.difference, "verdict", figure.verdict }, 10)
    end
    out:object(json.object { "verdict", compared.verdict, "figures", json.list(list), "warnings", json.list(compared.warnings) })
  else
    for _, figure in ipairs(compared.figures) do
      out:print(("%-7s %12s %12s %9s  %s"):format(figure.name, shown(figure.a, figure.unit), shown(figure.b, figure.unit),
        figure.difference and ("%+.1f %%"):format(figure.difference * 100) or "", out:paint(STYLES[figure.verdict], figure.verdict)))
    end
  end
  return fail_on_worse and compared.verdict == "worse" and WORSE or exit.DONE
end

return load_compare
