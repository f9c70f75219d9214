--- Columns that text takes on a terminal, and text cut to so many.
local columns = {}

-- Wide characters (East Asian Wide and emoji), and characters without a width: first and last code points.
local WIDE = {
  { 0x1100, 0x115F }, { 0x231A, 0x231B }, { 0x23E9, 0x23EC }, { 0x2614, 0x2615 }, { 0x2648, 0x2653 }, { 0x26AA, 0x26AB }, { 0x26BD, 0x26BE },
  { 0x2705, 0x2705 }, { 0x270A, 0x270B }, { 0x2728, 0x2728 }, { 0x274C, 0x274C }, { 0x2753, 0x2755 }, { 0x2795, 0x2797 }, { 0x2B50, 0x2B50 },
  { 0x2E80, 0x303E }, { 0x3041, 0xA4CF }, { 0xA960, 0xA97C }, { 0xAC00, 0xD7A3 }, { 0xF900, 0xFAFF }, { 0xFE30, 0xFE6F }, { 0xFF00, 0xFF60 },
  { 0xFFE0, 0xFFE6 }, { 0x1F004, 0x1F004 }, { 0x1F18E, 0x1F19A }, { 0x1F200, 0x1F265 }, { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF },
  { 0x1F7E0, 0x1F7EB }, { 0x1F900, 0x1F9FF }, { 0x1FA70, 0x1FAFF }, { 0x20000, 0x3FFFD },
}
local NONE = {
  { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x0610, 0x061A }, { 0x064B, 0x065F }, { 0x0E31, 0x0E31 }, { 0x0E34, 0x0E3A },
  { 0x0E47, 0x0E4E }, { 0x1AB0, 0x1AFF }, { 0x1DC0, 0x1DFF }, { 0x200B, 0x200F }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F },
  { 0x1F3FB, 0x1F3FF }, { 0xE0100, 0xE01EF },
}

local function is_among(ranges, point)
  local low, high = 1, #ranges
  while low <= high do
    local middle = math.floor((low + high) / 2)
    local range = ranges[middle]
    if point < range[1] then high = middle - 1 elseif point > range[2] then low = middle + 1 else return true end
  end
  return false
end

local function width_of(character)
  local first = character:byte()
  if first < 0x80 then return 1 end
  local point = first < 0xE0 and first % 0x20 or first < 0xF0 and first % 0x10 or first % 0x08
  for i = 2, #character do point = point * 64 + character:byte(i) % 64 end
  if is_among(NONE, point) then return 0 end
  return is_among(WIDE, point) and 2 or 1
end

--- Splits a text: a colour's escape sequence, or a character and its width.
local function pieces(text)
  local at = 1
  return function()
    if at > #text then return nil end
    local piece = text:match("^\27%[[%d;]*m", at)
    local width = 0
    if not piece then
      piece = text:match("^[%z\1-\127\192-\255][\128-\191]*", at) or text:sub(at, at)
      width = width_of(piece)
    end
    at = at + #piece
    return piece, width
  end
end

--- The columns that a text takes; its colours take none.
---@param text string  UTF-8 without control characters
---@return integer
function columns.count(text)
  if not text:find "[\27\128-\255]" then return #text end
  local count = 0
  for _, width in pieces(text) do count = count + width end
  return count
end

--- A text cut to so many columns; colours behind the cut are kept, so that one that was begun also ends.
---@param text string
---@param most integer
---@return string
function columns.cut(text, most)
  if #text <= most and not text:find "[\27\128-\255]" then return text end
  local list, count, is_cut = {}, 0, false
  for piece, width in pieces(text) do
    is_cut = is_cut or count + width > most
    if piece:byte() == 27 or not is_cut then
      list[#list + 1] = piece
      count = count + width
    end
  end
  return table.concat(list)
end

--- A text filled with blanks, or cut, to so many columns.
---@param text string
---@param wanted integer
---@return string
function columns.fit(text, wanted)
  local count = columns.count(text)
  if count > wanted then
    text = columns.cut(text, wanted)
    count = columns.count(text)
  end
  return text .. (" "):rep(wanted - count)
end

return columns
