--- Text files as UTF-8: in UTF-16 their octets show it; else they are UTF-8 or, by their lines, Windows-1252, which holds Latin-1.
local is_utf8 = require("smpp.core").text.is_utf8
local text = require "smpp.text"

local charset = {}

-- Name of --charset -> encoding.
local ENCODINGS = {
  ["utf-8"] = "utf-8", latin1 = "latin1", cp1252 = "cp1252", ["iso-8859-15"] = "iso-8859-15",
  ["utf-16"] = "ucs2", ["utf-16le"] = "ucs2_le", ["utf-16be"] = "ucs2",
}

--- Names for --charset.
charset.names = { "auto", "utf-8", "latin1", "cp1252", "iso-8859-15", "utf-16", "utf-16le", "utf-16be" }

--- The encoding that the first octets of a file show; nil: octets of ASCII and more.
local function detect(first)
  local a, b = first:byte(1, 2)
  if a == 0xFF and b == 0xFE then return "ucs2_le", 2 end
  if a == 0xFE and b == 0xFF then return "ucs2", 2 end
  if a and b and a ~= 0 and b == 0 then return "ucs2_le", 0 end -- ASCII, as a line of column names is
  if a == 0 and b and b ~= 0 then return "ucs2", 0 end
  return nil, 0
end

--- Characters of UTF-16 in pieces: an octet or half a pair at the end waits for what follows.
local function utf16(encoding)
  local rest, high_at = "", encoding == "ucs2" and 2 or 1
  return function(piece)
    local octets = rest .. piece
    local whole = #octets - #octets % 2
    local high = whole >= 2 and octets:byte(whole + 1 - high_at)
    if high and high >= 0xD8 and high <= 0xDB then whole = whole - 2 end
    rest = octets:sub(whole + 1)
    return (text.decode(octets:sub(1, whole), encoding))
  end
end

local function same(words) return words end

--- The encoding that a line indicates; nil: ASCII only.
local function shown_by(line)
  if not line:find "[\128-\255]" then return nil end
  return is_utf8(line) and "utf-8" or "cp1252"
end

--- The encoding that most lines of a file show, UTF-8 if its mark is in front; and the number of lines.
---@param lines fun(): string?
---@return "utf-8"|"cp1252"|nil encoding  nil: ASCII only
---@return integer total
function charset.survey(lines)
  local counts, total, has_mark = { ["utf-8"] = 0, cp1252 = 0 }, 0, false
  for line in lines do
    total = total + 1
    local encoding = shown_by(line)
    if encoding then counts[encoding] = counts[encoding] + 1 end
    has_mark = has_mark or total == 1 and line:find "^\239\187\191" ~= nil
  end
  if counts.cp1252 > counts["utf-8"] and not has_mark then return "cp1252", total end
  return counts["utf-8"] > 0 and "utf-8" or nil, total
end

--- Decoders of a file.
---@param name? string  of charset.names; default auto
---@param found? "utf-8"|"cp1252"  by `survey`, for auto; nil: the first line that is not ASCII decides
---@return fun(piece: string?): string decode  of pieces as they are read, line ends included; nil at the end
---@return fun(line: string): string, boolean? decode_line  of lines out of them; the second result: it was not UTF-8
function charset.decoders(name, found)
  local encoding = ENCODINGS[name or "auto"]
  local decode, begun = nil, ""
  local function start()
    local detected, mark = detect(begun)
    if not encoding or name == "utf-16" then encoding = detected or encoding end
    local is_wide = encoding == "ucs2" or encoding == "ucs2_le"
    if is_wide and detected == encoding then begun = begun:sub(mark + 1) end
    return is_wide and utf16(encoding) or same
  end
  local function decode_piece(piece)
    if decode then return piece and decode(piece) or "" end
    begun = begun .. (piece or "")
    if #begun < 2 and piece then return "" end -- two octets tell
    decode = start()
    return decode(begun)
  end
  local function decode_line(line)
    if not encoding then
      local shown = shown_by(line)
      found = found or shown
      if not shown or found == "utf-8" then return line end -- a malformed one is an invalid row
      return text.decode(line, "cp1252"), shown == "cp1252"
    end
    if decode ~= same or encoding == "utf-8" then return line end
    return (text.decode(line, encoding))
  end
  return decode_piece, decode_line
end

return charset
