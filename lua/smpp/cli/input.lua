--- The input of `smpp decode`: binary, or octets as tools, logs and programming languages print them.
local core = require "smpp.core"
local decap = require "smpp.capture.decap"
local octets_of = require "smpp.capture.octets"

local input = {}

local be32 = octets_of.be32

local HEADER, MAX_LENGTH = 16, core.defaults.max_pdu_octets -- octets of a PDU: the least, and the most that is believed

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

--- May a PDU begin here?
local function is_plausible(octets, at)
  at = at or 1
  if #octets < at + 3 then return false end
  local length = be32(octets, at)
  return length >= HEADER and length <= MAX_LENGTH
end

-- ---- string literals ----

local ESCAPES = { a = "\a", b = "\b", e = "\27", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v" }

--- The octets of a literal of Python, C, Go, Java, JavaScript or Ruby.
local function unescape(text)
  local out, at = {}, 1
  while at <= #text do
    local from = text:find("\\", at, true)
    if not from then break end
    out[#out + 1] = text:sub(at, from - 1)
    local kind = text:sub(from + 1, from + 1)
    local hex = kind == "x" and text:match("^%x%x?", from + 2) or kind == "u" and text:match("^%x%x%x%x", from + 2)
    local octal = text:match("^[0-7][0-7]?[0-7]?", from + 1)
    local code = hex and tonumber(hex, 16) or octal and tonumber(octal, 8)
    if code and code < 256 then
      out[#out + 1] = string.char(code)
      at = from + 1 + (hex and 1 + #hex or #octal)
    else
      out[#out + 1] = ESCAPES[kind] or kind
      at = from + 2
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

--- String literals with escapes: b'…' of Python and its like; nil: not such a literal.
local function literal(text)
  if not text:find "\\[xu0-7]" then return nil end
  local quote = text:match "^[^\\]-([\"'])"
  if not quote then
    local octets = unescape((text:gsub("%s+", "")))
    return is_plausible(octets) and octets or nil
  end
  local pieces, at = {}, 1
  while true do
    local from = text:find(quote, at, true)
    if not from then break end
    local stop = from + 1
    while stop <= #text and text:sub(stop, stop) ~= quote do
      stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
    end
    pieces[#pieces + 1] = unescape(text:sub(from + 1, stop - 1))
    at = stop + 1
  end
  return table.concat(pieces)
end

-- ---- lists of numbers ----

--- Octets as decimal numbers, also signed as Java has them: [0, 0, 0, 16, -128], { 0, (byte) 0x80 }; nil: not such a list.
local function decimals(text)
  text = text:gsub("%(s?byte%)", "")
  local from = text:match "^.*()[%[{(<]" -- the innermost
  local inside = from and text:match("^%s*(%-?%d[%w%s,;+-]*)[%]})>]", from + 1)
  if not inside then return nil end
  local out, is_hex = {}, true
  for word in inside:gmatch "[%w-]+" do
    local value = (word:find "^%-?%d+$" or word:find "^0[xX]%x+$") and tonumber(word)
    if not value or value < -128 or value > 255 then return nil end
    is_hex = is_hex and #word == 2
    out[#out + 1] = string.char(value % 256)
  end
  local octets = table.concat(out)
  return not is_hex and is_plausible(octets) and octets or nil
end

-- ---- base64 ----

local BASE64 = {}
for i = 1, 64 do BASE64[("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(i)] = i - 1 end
BASE64[45], BASE64[95] = 62, 63 -- RFC 4648, section 5

--- Base64 that begins as a PDU does; nil: not base64.
local function base64(text)
  text = text:gsub("%s+", "")
  local body = text:match "^([%w+/_-]+)=?=?$"
  if not body or #body < 22 or #body % 4 == 1 then return nil end
  local out, held, bits = {}, 0, 0
  for i = 1, #body do
    held, bits = held * 64 + BASE64[body:byte(i)], bits + 6
    if bits >= 8 then
      local rest = 2 ^ (bits - 8)
      out[#out + 1] = string.char(math.floor(held / rest))
      held, bits = held % rest, bits - 8
    end
  end
  local octets = table.concat(out)
  return is_plausible(octets) and octets or nil
end

-- ---- hex ----

--- Hex without offsets: blanks, punctuation, 0x and \x between octets do not matter.
local function plain(text)
  text = text:gsub("//[^\n]*", ""):gsub("#[^\n]*", "")
  text = text:gsub("\\[xX]", " "):gsub("%f[%w]0[xX](%x)%f[^%x]", "0%1"):gsub("%f[%w]0[xX]", "")
  text = text:gsub("[%s:;,.%-_'\"%[%]{}()<>|]+", "")
  local odd = text:find("[^%x]")
  if odd then
    return nil, ("invalid hex digit '%s' in '%s'"):format(text:sub(odd, odd), text:sub(math.max(1, odd - 8), odd + 8))
  end
  if #text % 2 == 1 then return nil, ("odd number of hex digits: %d"):format(#text) end
  return unhex(text)
end

--- <Buffer 00 00 …> of Node.js, also where it is cut.
local function buffer(text)
  local inside = text:match "<%a*Buffer%s+([%x%s]*)"
  if not inside then return nil end
  local more = text:match "%.%.%. (%d+) more bytes?"
  local octets = unhex((inside:gsub("%s+", "")))
  if more then return nil, ("Node.js printed only %d octets of this buffer, %s are missing: print it with .toString('hex')"):format(#octets, more) end
  return octets
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
  local offset, rest = line:match("^%s*0x(%x%x%x%x+):%s+(.*)$") -- tcpdump
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x+):%s+(.*)$") end
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x+)[ \t][ \t]+(.*)$") end
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x%x%x+)\t?[ \t](%x%x[ \t].*)$") end
  if not offset then offset, rest = line:match("^%s*(%x%x%x%x+)%s*$"), "" end -- the end of hexdump -C
  if offset then return tonumber(offset, 16), rest end
end

local SEVERITY = { note = true, warning = true, fault = true } -- a problem, below a dump of ours

local RAW_IP, ETHERNET = 101, 1

--- SMPP in a captured packet, as tcpdump -X and Wireshark's "copy as hex dump" print whole ones.
local function of_packet(octets)
  if is_plausible(octets) then return octets end
  for _, link in ipairs { RAW_IP, ETHERNET } do
    local segment = decap.segment { link = link, octets = octets }
    if segment and segment.payload then return segment.payload end
  end
  return octets
end

--- Hex dumps of xxd, hexdump -C, od, tcpdump -x, tshark -x, Wireshark or ours: lines begin with the offset of their first
--- octet; lines that do not are no part of it.  Where the offset is 0 again, another one begins.
---@return string? octets  nil: not a dump
local function dump(text)
  local all, one, since, last, squeezed, width = {}, {}, nil, "", false, width_of(text)
  for line in text:gmatch("[^\r\n]+") do
    local value, rest = offset_of(line)
    if line:find("^%*%s*$") then
      squeezed = since ~= nil -- lines like the one before
    elseif value and not SEVERITY[rest:match("^%l*")] then
      if value == 0 then
        all[#all + 1], one = of_packet(table.concat(one)), {}
        since = 0
      elseif since == nil then
        return nil
      end
      while squeezed and since < value and last ~= "" do
        one[#one + 1] = last:sub(1, value - since)
        since = since + #one[#one]
      end
      if value ~= since then return nil end
      last, squeezed = dump_line(rest, width), false
      one[#one + 1] = last
      since = since + #last
    end
  end
  return since and table.concat(all) .. of_packet(table.concat(one)) or nil
end

-- ---- logs ----

--- The dumps of Kannel's log: "DEBUG: data: 00 00 00 2f …   .../", sixteen octets a line.
local function kannel(text)
  local all = {}
  for line in text:gmatch "[^\r\n]+" do
    local digits = line:match "data: (%x%x[%x ]*)"
    if digits then
      digits = digits:match "^(.-)   " or digits
      all[#all + 1] = unhex((digits:gsub("[^%x]", "")))
    end
  end
  local octets = table.concat(all)
  return is_plausible(octets) and octets or nil
end

--- Adds the whole PDUs among octets, which other hex such as a time may precede, to a list.
local function take_pdus(octets, all)
  local at = 1
  while at + HEADER - 1 <= #octets do
    local length, id, id_range = be32(octets, at), octets:byte(at + 4, at + 5)
    if is_plausible(octets, at) and at + length - 1 <= #octets and id % 0x80 == 0 and id_range <= 1 then
      all[#all + 1] = octets:sub(at, at + length - 1)
      at = at + length
    else
      at = octets:find("%z", at + 1) or #octets
    end
  end
end

--- PDUs in lines of a log: hex, with or without blanks, that has a plausible header and is as long as that says.
local function logged(text)
  local all = {}
  for line in text:gmatch "[^\r\n]+" do
    for run in line:gmatch "%x[%x :]*" do
      local pieces = {}
      for digits in run:gmatch "%x+" do
        if #digits % 2 == 0 then
          pieces[#pieces + 1] = digits
        else -- not octets
          take_pdus(unhex(table.concat(pieces)), all)
          pieces = {}
        end
      end
      take_pdus(unhex(table.concat(pieces)), all)
    end
  end
  return #all > 0 and table.concat(all) or nil
end

--- The octets that a text contains in any of these forms.
---@param text string
---@return string? octets
---@return string? message
function input.unhex(text)
  for line in text:gmatch("[^\n]+") do
    if line:find("^%s*%x+[ \t]+%*%*") then return nil, "octets are hidden by asterisks: print them with --show-secrets" end
  end
  local octets, message = buffer(text)
  if octets or message then return octets, message end
  octets = dump(text)
  if octets and octets ~= "" then return octets end
  octets = literal(text) or decimals(text) or base64(text)
  if octets then return octets end
  octets, message = plain(text)
  if octets and (is_plausible(octets) or #octets < 4) then return octets end
  return kannel(text) or logged(text) or (octets and of_packet(octets)), message
end

--- Are these octets binary rather than text?  A PDU begins with a NUL.
---@param octets string
---@return boolean
function input.is_binary(octets) return octets:find("%z") ~= nil end

return input
