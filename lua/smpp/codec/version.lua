--- Versions of SMPP: "3.4", 3.4 and 0x34 are the same.
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"

local version = {}

local BY_NAME = { ["3.3"] = 0x33, ["3.4"] = 0x34, ["5.0"] = 0x50 }
local IS_VERSION = { [0x33] = true, [0x34] = true, [0x50] = true }

--- The interface_version of a version given as string or number.
---@param value any
---@return integer? version  0x33, 0x34 or 0x50
function version.of(value)
  if IS_VERSION[value] then return value end
  if type(value) == "number" and value < 10 then value = ("%.1f"):format(value) end
  return BY_NAME[value]
end

--- Options that name a version.
version.kind = kind.checked("3.3, 3.4 or 5.0", function(value)
  return not version.of(value) and mistake.wrong("3.3, 3.4 or 5.0", value) or nil
end, function(word) return word end)

return version
