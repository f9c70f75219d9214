--- Application ports of short messages: names and content (TS 23.040, 9.2.3.24.3 and .4; the TLVs source_port and destination_port).
local wsp = require "smpp.text.wsp"

local ports = {}

-- IANA's list, Nokia's Smart Messaging.
local NAMES = {
  [226] = "vCard", [228] = "vCalendar",
  [2805] = "WTA over secure WSP", [2923] = "WTA over secure connectionless WSP", [2948] = "WAP push", [2949] = "secure WAP push",
  [5503] = "Nokia compact business card", [5505] = "Nokia ringing tone", [5506] = "Nokia operator logo", [5507] = "Nokia CLI icon",
  [5514] = "Nokia multipart message", [7275] = "SUPL (location)",
  [9200] = "WAP connectionless session", [9201] = "WAP session", [9202] = "secure WAP connectionless session", [9203] = "secure WAP session",
  [9204] = "vCard", [9205] = "vCalendar", [9206] = "secure vCard", [9207] = "secure vCalendar",
  [49996] = "OTA settings", [49999] = "OTA settings",
}

--- The name of a port.
---@param port integer
---@return string? name
function ports.name(port) return NAMES[port] end

---@class smpp.PortContent
---@field kind "si"|"sl"|"mms"|"vcard"|"vcalendar"|"other"
---@field name string   of the port
---@field url string?   its link
---@field text string?  its text, subject, name or summary
---@field from string?  of an MMS
---@field size integer? of an MMS, octets
---@field content_type string?  of a WAP push

--- The value of a property of vCard or vCalendar.
local function property(octets, name)
  for line in octets:gmatch "[^\r\n]+" do
    local found = line:match "^[%w%-]+"
    local colon = found and found:upper() == name and line:find(":", #found + 1, true)
    if colon and colon < #line then return line:sub(colon + 1) end
  end
end

--- The name on a card.
local function name_of(octets)
  local name = property(octets, "FN")
  if name then return name end
  local family, given = (property(octets, "N") or ""):match "^([^;]*);?([^;]*)"
  local both = (given or "") .. (given ~= "" and family ~= "" and " " or "") .. (family or "")
  return both ~= "" and both or nil
end

--- Describes the content of a message to a port.
---@param port integer    its destination
---@param octets string   behind the user data header; of a text of several parts those of the first, or all
---@return smpp.PortContent? content  nil: unknown port
function ports.read(port, octets)
  local name = NAMES[port]
  if not name then return nil end
  local out = { kind = "other", name = name }
  if port == 2948 or port == 9200 then
    local push = wsp.push(octets)
    if push then
      push.name = name
      return push
    end
  elseif name:find "vCard$" then
    out.kind, out.text = "vcard", name_of(octets)
  elseif name:find "vCalendar$" then
    out.kind, out.text = "vcalendar", property(octets, "SUMMARY")
  end
  return out
end

return ports
