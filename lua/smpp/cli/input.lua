--- What people hand to `smpp decode`: binary, or hex in the forms in which tools print it.
local input = {}

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

--- Hex without offsets: blanks, punctuation, 0x and \x between octets do not matter.
local function plain(text)
  text = text:gsub("//[^\n]*", ""):gsub("#[^\n]*", "")
  text = text:gsub("\\[xX]", " "):gsub("%f[%w]0[xX](%x)%f[^%x]", "0%1"):gsub("%f[%w]0[xX]", "")
  text = text:gsub("[%s:;,.%-_'\"%[%]{}()<>|]+", "")
  local odd = text:find("[^%x]")
  if odd then
    return nil, ("not hex: '%s' in '%s'"):format(text:sub(odd, odd), text:sub(math.max(1, odd - 8), odd + 8))
  end
  if #text % 2 == 1 then return nil, ("%d hex digits: a digit is missing or too many"):format(#text) end
  return unhex(text)
end

--- Octets per line of a dump whose lines are alike; ours are not, but end at 16.
local function width_of(text)
  local width, before
  for line in text:gmatch("[^\n]+") do
    local offset = line:match("^%s*(%x%x%x%x+):?[ \t]+%S")
    local value = offset and tonumber(offset, 16)
    if value and before then
      if width and value - before ~= width then return 16 end
      width = value - before
    end
    before = value or before
  end
  return width and width > 4 and width or 16
end

--- The octets of a line of a hex dump, behind its offset: pairs up to a column of text.
local function dump_line(line, width)
  local octets, at = {}, 1
  while #octets < width do
    local gap, digits, after = line:match("^([ \t|-]*)(%x+)()", at)
    if not digits or #digits % 2 == 1 or gap:find("|", 1, true) then break end
    if at > 1 and #gap > 1 and not (#octets == 8 and #gap <= 3) then break end -- hexdump and Wireshark part 8 and 8
    if line:find("^[^%s-]", after) then break end
    for pair in digits:gmatch("%x%x") do octets[#octets + 1] = pair end
    at = after
  end
  return unhex(table.concat(octets))
end

--- The offset that a line begins with, and what stands behind it.  A blank alone parts them only before pairs (od).
local function offset_of(line)
  local offset, rest = line:match("^%s*(%x%x%x%x+):%s+(.*)$")
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x+)[ \t][ \t]+(.*)$") end
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x%x%x+)\t?[ \t](%x%x[ \t].*)$") end
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x+)%s*$"), "" end -- the end of hexdump -C
  if offset then return tonumber(offset, 16), rest end
end

local SEVERITY = { note = true, warning = true, fault = true } -- a problem, below a dump of ours

--- A hex dump of xxd, hexdump -C, od, tshark -x, Wireshark or ours: lines begin with the offset of their first octet;
--- lines that do not are no part of it.
---@return string? octets  nil: it is none
local function dump(text)
  local all, since, last, squeezed, width = {}, nil, "", false, width_of(text)
  for line in text:gmatch("[^\r\n]+") do
    local value, rest = offset_of(line)
    if line:find("^%*%s*$") then
      squeezed = since ~= nil -- lines like the one before
    elseif value and not SEVERITY[rest:match("^%l*")] then
      if value == 0 then
        since = 0 -- perhaps another one
      elseif since == nil then
        return nil
      end
      while squeezed and since < value and last ~= "" do
        all[#all + 1] = last:sub(1, value - since)
        since = since + #all[#all]
      end
      if value ~= since then return nil end
      last, squeezed = dump_line(rest, width), false
      all[#all + 1] = last
      since = since + #last
    end
  end
  return since and table.concat(all) or nil
end

--- Hex as people have it.
---@param text string
---@return string? octets
---@return string? message
function input.unhex(text)
  for line in text:gmatch("[^\n]+") do
    if line:find("^%s*%x+[ \t]+%*%*") then return nil, "octets are hidden by asterisks: print them with --show-secrets" end
  end
  local octets = dump(text)
  if octets and octets ~= "" then return octets end
  return plain(text)
end

--- Whether octets are binary, not somebody's hex: a PDU begins with a NUL.
---@param octets string
---@return boolean
function input.is_binary(octets) return octets:find("%z") ~= nil end

return input
