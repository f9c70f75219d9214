--- MO messages for ESMEs: their receivers, their PDUs, and CSV files of them.
local compose = require "smpp.server.compose"
local files = require "smpp.base.luafile"
local smpp_text = require "smpp.text"
local text_compose = require "smpp.text.compose"
local strings = require "smpp.base.strings"

local mo = {}

--- The alternatives of an address_range (a UNIX regular expression; 3.4, 5.2.7) as Lua patterns.
local function patterns(range)
  local list = {}
  for alternative in (range:gsub("[()]", "") .. "|"):gmatch "([^|]*)|" do
    local pattern = alternative:gsub("\\(.)", function(c) return c == "d" and "[0-9]" or "%" .. c end):gsub("%-", "%%-")
    pattern = pattern:gsub("(%[[^%]]*)%%%-", "%1-") -- keep ranges in sets
    list[#list + 1] = pattern
  end
  return list
end

--- Tests whether a bind's address_range matches an address; an empty one matches none.
---@param range string
---@param address string
---@return boolean
function mo.is_in_range(range, address)
  if range == "" then return false end
  for _, pattern in ipairs(patterns(range)) do
    local ok, found = pcall(string.find, address, pattern)
    if ok and found then return true end
  end
  return false
end

--- The receiver for an address: one whose address_range matches, else any.
---@param server smpp.Server
---@param address string
---@param only_range boolean?
---@return string? system_id
function mo.owner(server, address, only_range)
  local other
  for _, session in ipairs(server.sessions) do
    if session.state ~= "BOUND_TX" then
      if mo.is_in_range(session.address_range or "", address) then return session.system_id end
      other = other or session.system_id
    end
  end
  return not only_range and other or nil
end

local RENAMED = { done = true, from = true, to = true, text = true, data = true, system_id = true, session = true, encoding = true, long = true }

--- The deliver_sm PDUs of { from, to, text | data, … and fields by their names }.
---@param o table
---@param long string  how long texts are sent, unless `o` says
---@param reference fun(): integer  reference number of the parts
---@return table[]? list
---@return string? message
---@return string? code  as smpp.text.split
function mo.pdus(o, long, reference)
  local base = { source_addr_ton = 1, source_addr_npi = 1, dest_addr_ton = 1, dest_addr_npi = 1 }
  for name, value in pairs(o) do
    if not RENAMED[name] then base[name] = value end
  end
  base.source_addr, base.destination_addr = o.from or o.source_addr or "", o.to or o.destination_addr or ""
  base.text, base.encoding, base.long, base.reference = o.text, o.encoding, o.long or long, reference
  if not o.text then
    base.data, base.short_message = o.data or o.short_message or "", nil
    base.data_coding = base.data_coding or 0
  end
  return compose.pdus(base)
end

--- A submitted message as an MO message for an ESME.
---@param message smpp.Message
---@param swapped boolean  swap source and destination
---@return table deliver_sm
function mo.forwarded(message, swapped)
  local from = { message.source_addr_ton, message.source_addr_npi, message.source_addr }
  local to = { message.dest_addr_ton, message.dest_addr_npi, message.destination_addr }
  if swapped then from, to = to, from end
  return text_compose.put({
    service_type = message.service_type, source_addr_ton = from[1], source_addr_npi = from[2], source_addr = from[3],
    dest_addr_ton = to[1], dest_addr_npi = to[2], destination_addr = to[3],
    esm_class = math.floor(message.esm_class / 64) * 64, protocol_id = message.protocol_id, data_coding = message.data_coding,
    user_message_reference = message.user_message_reference,
  }, message.octets)
end

local function unquote(cell)
  cell = strings.trim(cell)
  local inner = cell:match '^"(.*)"$'
  return inner and inner:gsub('""', '"') or cell
end

--- The third column: a text, or octets as 0x and hexadecimal digits (as in SMPPSim).
local function read_content(item, cell)
  local hex = cell:match "^0[xX](%x+)$"
  if not hex or #hex % 2 == 1 then
    item.text = unquote(cell)
  else
    item.data, item.data_coding = hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end), 4
  end
  return item
end

--- Reads messages from a CSV file: source, destination, text; the text may contain commas.  Lines that begin with # are
--- skipped.
---@param path string
---@return table[]? list
---@return string? message
function mo.read_csv(path)
  local octets = files.octets(path)
  if not octets then return nil, "cannot read " .. path end
  local list, number = {}, 0
  for line in (octets .. "\n"):gmatch "(.-)\r?\n" do
    number = number + 1
    if line ~= "" and line:sub(1, 1) ~= "#" then
      local from, to, text = line:match "^([^,]*),([^,]*),(.*)$"
      if not from then return nil, ("%s, line %d: expected source,destination,text"):format(path, number) end
      local item = read_content({ from = unquote(from), to = unquote(to) }, text)
      local ok, message = smpp_text.measure(item.text or "")
      if not ok then return nil, ("%s, line %d: %s"):format(path, number, message) end
      list[#list + 1] = item
    end
  end
  return list
end

return mo
