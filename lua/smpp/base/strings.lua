--- Trimming in one pass, numbers, and words for them.  Patterns like "^%s*(.-)%s*$" and "%s+$" test the end again at each
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

--- A whole number as people write it, decimal or hex (0x58); nil: none.  Lua 5.3 and later take a hex number of any length,
--- modulo 2^64.
---@param word string
---@return number?
function strings.integer(word)
  local hex = word:match "^0[xX]0*(%x+)$"
  if hex then return #hex <= 13 and tonumber(hex, 16) or nil end
  return word:find "^%d+$" and tonumber(word) or nil
end

--- "1 part", "2 parts".
---@param n integer
---@param word string
---@return string
function strings.plural(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

return strings
