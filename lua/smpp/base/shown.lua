--- Escapes untrusted text for terminals and logs.  A peer's system_id, address, id or text may contain terminal control (escape
--- sequences, C1 controls), bidirectional or invisible characters, or malformed UTF-8: all become visible escapes.
require "smpp.base.iterate"
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

--- UTF-8 with each malformed octet replaced by U+FFFD.
---@param value string
---@return string
function shown.repaired(value)
  local out, at = {}, 1
  while at <= #value do
    local one = value:match("^[%z\1-\127]+", at) or value:match("^[\194-\223][\128-\191]", at)
      or value:match("^\224[\160-\191][\128-\191]", at) or value:match("^[\225-\236\238\239][\128-\191][\128-\191]", at)
      or value:match("^\237[\128-\159][\128-\191]", at) or value:match("^\240[\144-\191][\128-\191][\128-\191]", at)
      or value:match("^[\241-\243][\128-\191][\128-\191][\128-\191]", at) or value:match("^\244[\128-\143][\128-\191][\128-\191]", at)
    out[#out + 1] = one or "\239\191\189"
    at = at + (one and #one or 1)
  end
  return table.concat(out)
end

return shown
