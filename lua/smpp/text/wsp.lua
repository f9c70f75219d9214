--- WAP push content: WSP (WAP-230) around a service indication (WAP-167) or service loading (WAP-168) in WBXML, or an
--- MMS notification (OMA MMS encapsulation).  Untrusted input: every length is checked, truncated content is read as far as it goes.
local shift = 2 ^ 7

local wsp = {}

-- ---- octets ----

--- A number of seven bits an octet (uintvar of WSP, mb_u_int32 of WBXML); nil: truncated, or above 32 bits.
local function read_uintvar(octets, at)
  local value = 0
  for i = at, at + 4 do
    local octet = octets:byte(i)
    if not octet then return nil end
    value = value * shift + octet % 128
    if octet < 128 then return value <= 0xFFFFFFFF and value or nil, i + 1 end
  end
end

--- A string up to its NUL, or to the end if truncated.
local function read_text(octets, at)
  local stop = octets:find("\0", at, true) or #octets + 1
  return octets:sub(at, stop - 1), stop + 1
end

--- A value of WSP (WAP-230, 8.4.1.2): its kind shows in the first octet.
---@return "octets"|"text"|"short"|nil kind
---@return string|integer value
---@return integer following
local function read_value(octets, at)
  local first = octets:byte(at)
  if not first then return nil, "", at end
  if first >= 128 then return "short", first - 128, at + 1 end
  if first >= 32 or first == 0 then
    if first == 127 or first == 34 then at = at + 1 end -- a quote that is not the text's
    local words, following = read_text(octets, at)
    return "text", words, following
  end
  local length, from = first, at + 1
  if first == 31 then length, from = read_uintvar(octets, from) end
  if not length then return nil, "", at end
  return "octets", octets:sub(from, from + length - 1), from + length
end

local function number_of(octets)
  local value = 0
  for i = 1, math.min(#octets, 6) do value = value * 256 + octets:byte(i) end
  return value
end

-- ---- WBXML ----

local DOMAINS = { [0x85] = ".com/", [0x86] = ".edu/", [0x87] = ".net/", [0x88] = ".org/" }

local function hrefs(from)
  return { [from] = "", [from + 1] = "http://", [from + 2] = "http://www.", [from + 3] = "https://", [from + 4] = "https://www." }
end

-- Attributes that begin a URL.
local SI_HREF, SL_HREF = hrefs(0x0B), hrefs(0x08)

local STR_I, ENTITY, STR_T, OPAQUE, SWITCH_PAGE, END = 0x03, 0x02, 0x83, 0xC3, 0x00, 0x01

local MOST = 4096 -- octets of URL and text

--- The URL and the text of a document.  Tokens without strings do not matter here.
local function read_wbxml(octets, href_of)
  local _, at = read_uintvar(octets, 2) -- behind the version: the public identifier
  local length
  if at and octets:byte(2) == 0 then _, at = read_uintvar(octets, at) end -- or where it stands in the table
  if at then _, at = read_uintvar(octets, at) end -- charset
  if at then length, at = read_uintvar(octets, at) end
  if not length then return nil, nil end
  local strings = octets:sub(at, at + length - 1)
  at = at + length
  local url, words, in_attributes, of_url = nil, nil, false, false
  while true do
    local token = octets:byte(at)
    if not token then break end
    at = at + 1
    local piece
    if token == STR_I then
      piece, at = read_text(octets, at)
    elseif token == STR_T then
      local offset, following = read_uintvar(octets, at)
      if not offset then break end
      piece, at = read_text(strings, offset + 1), following
    elseif token == OPAQUE then
      local count, following = read_uintvar(octets, at)
      if not count then break end
      at = following + count -- a date
    elseif token == SWITCH_PAGE then
      at = at + 1
    elseif token == ENTITY then
      local code, following = read_uintvar(octets, at)
      if not code then break end
      piece, at = code < 128 and string.char(code) or "?", following
    elseif in_attributes then
      if token == END then
        in_attributes, of_url = false, false
      elseif token >= 128 then
        piece = DOMAINS[token]
      else
        of_url = href_of[token] ~= nil
        piece = href_of[token]
      end
    elseif token >= 128 then
      in_attributes = true
    end
    if piece then
      if of_url then url = (url or "") .. piece elseif not in_attributes then words = (words or "") .. piece end
      if #(url or "") + #(words or "") > MOST then break end -- a document can refer to its table again and again
    end
  end
  return url, words
end

-- ---- MMS ----

local MESSAGE_TYPE, NOTIFICATION, FROM, SUBJECT, LOCATION, SIZE = 0x0C, 0x02, 0x09, 0x16, 0x03, 0x0E

--- The words in a value that may be a text, or a charset and a text.
local function words_of(kind, value)
  if kind == "text" then return value end
  if kind ~= "octets" then return nil end
  local _, _, at = read_value(value, 1)
  return (read_text(value, at))
end

--- An m-notification-ind.
local function read_mms(octets)
  local out, at, is_notification = {}, 1, false
  while at <= #octets do
    local field = octets:byte(at)
    if field < 128 then break end
    local kind, value, following = read_value(octets, at + 1)
    if not kind then break end
    field, at = field - 128, following
    if field == MESSAGE_TYPE then
      is_notification = value == NOTIFICATION
    elseif field == LOCATION and kind == "text" then
      out.url = value
    elseif field == SIZE and kind == "octets" then
      out.size = number_of(value)
    elseif field == SUBJECT then
      out.text = words_of(kind, value)
    elseif field == FROM and kind == "octets" and value:byte(1) == 128 then -- 129: the MMSC inserts it
      out.from = words_of(read_value(value, 2))
    end
  end
  return is_notification and out or nil
end

-- ---- push ----

local PUSH, CONFIRMED_PUSH = 0x06, 0x07

local TYPES = {
  [0x2D] = "text/vnd.wap.si", [0x2E] = "application/vnd.wap.sic", [0x2F] = "text/vnd.wap.sl", [0x30] = "application/vnd.wap.slc",
  [0x36] = "application/vnd.wap.connectivity-wbxml", [0x3E] = "application/vnd.wap.mms-message",
  [0x44] = "application/vnd.syncml.notification",
}

local function content_type(headers)
  local kind, value = read_value(headers, 1)
  if kind == "octets" then kind, value = read_value(value, 1) end -- with parameters
  if kind == "text" then return value:lower() end
  if kind == "short" then return TYPES[value] or ("content type 0x%02X"):format(value) end
end

--- The text between two marks, from a position on; plain searches, so that hostile text costs one pass.
local function between(words, first, last, from)
  local _, start = words:find(first, from, true)
  local stop = start and words:find(last, start + 1, true)
  return stop and words:sub(start + 1, stop - 1), stop
end

--- The URL and the text of a document in XML.
local function read_xml(words)
  local _, at = between(words, "<indication", ">", 1)
  return between(words, 'href="', '"', 1) or between(words, "href='", "'", 1), at and between(words, ">", "<", at) or nil
end

---@class smpp.WapPush
---@field kind "si"|"sl"|"mms"|"other"
---@field content_type string?
---@field url string?   as it came
---@field text string?  of a service indication, or the subject of an MMS
---@field from string?  of an MMS
---@field size integer? of an MMS, octets

--- Reads a WSP push.
---@param octets string  behind the user data header
---@return smpp.WapPush? push  nil: not a WAP push
function wsp.push(octets)
  local kind = octets:byte(2)
  if kind ~= PUSH and kind ~= CONFIRMED_PUSH then return nil end
  local length, at = read_uintvar(octets, 3)
  if not length then return nil end
  local what = content_type(octets:sub(at, at + length - 1))
  local body = octets:sub(at + length)
  local out = { kind = "other", content_type = what }
  if what == "application/vnd.wap.sic" then
    out.kind = "si"
    out.url, out.text = read_wbxml(body, SI_HREF)
  elseif what == "application/vnd.wap.slc" then
    out.kind = "sl"
    out.url = read_wbxml(body, SL_HREF)
  elseif what == "text/vnd.wap.si" or what == "text/vnd.wap.sl" then
    out.kind = what:sub(-2)
    out.url, out.text = read_xml(body)
  elseif what == "application/vnd.wap.mms-message" then
    local mms = read_mms(body)
    if mms then
      mms.kind, mms.content_type = "mms", what
      return mms
    end
  end
  return out
end

return wsp
