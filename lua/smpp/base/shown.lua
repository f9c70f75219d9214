--- Escapes untrusted text for terminals and logs.  A peer's system_id, address, id or text may contain terminal control (escape
--- sequences, C1 controls), bidirectional or invisible characters, or malformed UTF-8: all become visible escapes.
local core = require "smpp.core".text

local convert = core.shown

local shown = {}

--- On one line.
---@param value any
---@return string
function shown.text(value)
  if type(value) ~= "string" then value = tostring(value) end
  if not value:find "[^ -~]" then return value end
  return convert(value, "plain")
end

--- On one line, in quotes.
---@param value string
---@return string
function shown.quote(value) return '"' .. convert(value, "quoted") .. '"' end

--- On several lines, line ends kept: tracebacks, output of commands.
---@param value any
---@param is_styled? boolean  sequences that only change colours stay
---@return string
function shown.lines(value, is_styled)
  if type(value) ~= "string" then value = tostring(value) end
  if not value:find "[^ -~]" then return value end
  return convert(value, is_styled and "styled" or "lines")
end

return shown
