--- Trimming in one pass.  Patterns like "^%s*(.-)%s*$" and "%s+$" test the end again at each
--- character, so 64 KiB of blanks before another character take minutes.
local strings = {}

--- Without the NULs at its end.
---@param octets string
---@return string
function strings.cut_nul(octets) return octets:match "^.*[^%z]" or "" end

--- Without the blanks at its end.
---@param text string
---@return string
function strings.trim_end(text) return text:match "^.*%S" or "" end

--- Without the blanks around it.
---@param text string
---@return string
function strings.trim(text)
  local from = text:find "%S"
  return from and text:match("^.*%S", from) or ""
end

return strings
