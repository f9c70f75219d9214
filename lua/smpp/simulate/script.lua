--- Writes a plan as a scenario: explicit clients, messages and faults, so that it stays what it is when plans are made differently.
local literal = require "smpp.scenario.literal"

local script = {}

local COLUMNS = 120

local function entry(one)
  local names, parts = {}, {}
  for name in pairs(one) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do parts[i] = name .. " = " .. literal.of(one[name]) end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

--- The text of a scenario.
---@param plan smpp.SimulatePlan
---@param kind string
---@param message string
---@return string lua
function script.scenario(plan, kind, message)
  local lines = {
    "-- Written by `smpp simulate`, shrunk: " .. kind .. ".",
    'local scenario = require "smpp.scenario"',
    ('local simulate = require "%s.simulate"'):format "smpp",
    "",
    ("scenario(%s, { clock = \"virtual\" }, function(t)"):format(literal.of(kind)),
    "  -- " .. message:gsub("%c", " "):sub(1, COLUMNS - 5),
    "  simulate.scenario(t, {",
    ("    seconds = %s,"):format(literal.of(plan.seconds)),
  }
  for _, name in ipairs { "gateways", "bots", "clients", "messages", "replies", "talks", "faults" } do
    local list = plan[name] or {}
    if #list == 0 then
      lines[#lines + 1] = ("    %s = {},"):format(name)
    else
      lines[#lines + 1] = ("    %s = {"):format(name)
      for _, one in ipairs(list) do lines[#lines + 1] = "      " .. entry(one) .. "," end
      lines[#lines + 1] = "    },"
    end
  end
  lines[#lines + 1] = ("  }, %s)"):format(literal.of(kind))
  lines[#lines + 1] = "end)"
  return table.concat(lines, "\n") .. "\n"
end

return script
