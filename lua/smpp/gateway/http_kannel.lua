--- Kannel's sendsms: GET or POST /cgi-bin/sendsms, as Kannel 1.4.5 answers it; the tables of what differs are in docs/http.md.
local address = require "smpp.codec.address"
local codes = require "smpp.gateway.kannel_codes"
local core = require "smpp.core"
local dropin = require "smpp.gateway.http_dropin"
local messages = require "smpp.gateway.http_message"
local problem = require "smpp.http.problem"
local send = require "smpp.gateway.http_send"
local strings = require "smpp.base.strings"
local styles = require "smpp.gateway.http_styles"
local text = require "smpp.text"
local urls = require "smpp.http.address"

local is_utf8 = core.text.is_utf8

local kannel = { path = "/cgi-bin/sendsms" }

local HTML, OCTETS, PLAIN = "text/html", "application/octet-stream", "text/plain"
local MINUTE_S, VALID_MAX_MIN = 60, 1051200
local ACCOUNT_MAX, SERVICE_TYPE_MAX, CONCAT_8, CONCAT_16 = 64, 5, 0, 8
local UDHI = 0x40

--- A parameter: its names, its header, how it is called in an answer, and the range of a number.
local ROWS = {
  { "username", "user", header = "username" }, { "password", "pass", header = "password" }, { "to", header = "to" }, { "from", header = "from" },
  { "text" }, { "charset", header = "charset" }, { "udh", header = "udh" },
  { "mclass", header = "mclass", label = "MClass", 0, 3 }, { "pid", header = "pid", label = "PID", 0, 255 },
  { "mwi", header = "mwi", label = "MWI", 0, 7 }, { "coding", header = "coding", label = "Coding", 0, 2 },
  { "validity", header = "validity", label = "Validity", 0, VALID_MAX_MIN },
  { "deferred", header = "deferred", label = "Deferred", 0, VALID_MAX_MIN },
  { "dlr-mask", "dlrmask", header = "dlr-mask", label = "DLR-Mask", 0, 255 },
  { "priority", header = "priority", label = "Priority", 0, 3 },
  { "dlr-url", "dlrurl", header = "dlr-url" }, { "account", header = "account" }, { "binfo", header = "service" },
  { "smsc", header = "smsc" },
}

local function misformed(label) return label .. " field misformed, rejected" end

--- The parameters by their first names: of the URL and a form, or of the headers and the body.
---@return table params
local function params_of(request)
  local given = dropin.params(request)
  local media, charset = dropin.media(request)
  local by_header = request.method == "POST" and media ~= dropin.FORM
  local params = {}
  for _, row in ipairs(ROWS) do
    local value
    if by_header then
      value = row.header and request.headers["x-kannel-" .. row.header]
    else
      for _, name in ipairs(row) do value = value or (type(name) == "string" and given[name]) or nil end
    end
    params[row[1]] = value
  end
  if by_header then
    params.text, params.charset = request.body, params.charset or charset
    local udh = params.udh and params.udh:gsub("%%", "")
    if udh then
      params.udh = #udh % 2 == 0 and udh:find "^%x*$" and udh:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end) or "\255"
    end
    if media == OCTETS and not params.coding then params.coding = "1" end
  end
  return params
end

--- Is a user data header whole, and has it the number of a part?
local function look_at_udh(udh)
  if udh:byte() ~= #udh - 1 then return false end
  local at, is_part = 2, false
  while at <= #udh do
    local element, length = udh:byte(at, at + 1)
    if not length or at + 1 + length > #udh then return false end
    is_part = is_part or element == CONCAT_8 or element == CONCAT_16
    at = at + 2 + length
  end
  return true, is_part
end

--- The text, or octets, and how they are sent; nil, words: refused.
local function content_of(p, values)
  local named, udh, given = values.tlvs.named, p.udh, p.text or ""
  local charset = p.charset and codes.charset(p.charset)
  local coding = p.coding or udh and 1 or p.mwi and 0 or nil -- nil: what the text needs
  if p.charset and not charset then return nil, "Charset or body misformed, rejected" end
  if coding == 1 then
    values.data = given
  else
    local from = charset or coding == 2 and "ucs2" or "utf-8"
    local words, faults = given, not is_utf8(given)
    if from ~= "utf-8" then words, faults = text.decode(given, from) end
    if faults and (charset or coding ~= 2) then return nil, "Charset or body misformed, rejected" end
    if faults then values.data = given else values.text = words end -- odd UTF-16: octets as they are
    if not coding and p.mclass then coding = text.encode(words, { encoding = "gsm7" }) and 0 or 2 end
    values.encoding = coding == 0 and "gsm7" or coding == 2 and not faults and "ucs2" or nil
    values.on_unmappable = coding == 0 and "?" or nil
  end
  if coding and (p.mclass or p.mwi or values.data) then named.data_coding = codes.data_coding(coding, p.mclass, p.mwi) end
  if not udh then return true end
  local is_whole, is_part = look_at_udh(udh)
  if not is_whole then return nil, misformed "UDH" end
  if not is_part then
    values.elements = udh:sub(2)
    return true
  end
  -- The sender has cut its text itself.
  local octets = values.data
  if not octets then octets = text.encode(values.text, { encoding = values.encoding, on_unmappable = values.on_unmappable }) end
  values.fixed = values.data and "binary" or values.encoding
  local units = #octets / (values.fixed == "ucs2" and 2 or 1)
  if units > core.text.capacity(values.fixed, #udh) then return nil, "Text is too long for its UDH, rejected" end
  named.short_message, named.esm_class, named.data_coding = udh .. octets, UDHI, codes.data_coding(coding, p.mclass, p.mwi)
  return true
end

--- The mask of reports as what is asked of the carrier.
local function receipt_of(mask)
  if styles.has(mask, 4) then return "intermediate" end
  return styles.has(mask, 1) or styles.has(mask, 2) and "failure" or false
end

--- What parameters say of a message: values as of smpp.gateway.http_message; nil, words.
---@param self smpp.HttpApi
---@param p table<string, string>  is changed: numbers are read
---@return table? values
---@return string? words
function kannel.values(self, p)
  for _, row in ipairs(ROWS) do
    local low, high = row[#row - 1], row[#row]
    local word = type(high) == "number" and p[row[1]]
    if word then
      local value = dropin.integer(word, low, high)
      if word ~= "" and not value then return nil, misformed(row.label) end
      p[row[1]] = value
    end
  end
  if p.udh == "" then p.udh = nil end
  local now, from = self.loop:time(), p.from and strings.trim(p.from)
  if from == "" then from = nil end
  if from and (#from > 20 or not is_utf8(from) or not address.source(from)) then return nil, misformed "From" end
  local mask = p["dlr-mask"] or 0
  local values = {
    from = from, receipt = receipt_of(mask), priority = p.priority, tlvs = { named = { protocol_id = p.pid }, list = {} },
    validity_s = (p.validity or 0) > 0 and p.validity * MINUTE_S or nil, at = (p.deferred or 0) > 0 and now + p.deferred * MINUTE_S or nil,
    tags = p.smsc and p.smsc ~= "" and { "smsc:" .. p.smsc } or nil,
  }
  local ok, words = content_of(p, values)
  if not ok then return nil, words end
  local url = p["dlr-url"]
  if url and url ~= "" then
    local wrong = self.rule.wrong(url)
    if wrong then return nil, misformed "DLR-URL" .. (urls.host(url) and ": " .. wrong or "") end
    values.dlr = mask > 0 and { style = "kannel", url = url, method = "GET", mask = mask } or nil
  end
  if p.account and p.account ~= "" then
    if #p.account > ACCOUNT_MAX or not is_utf8(p.account) then return nil, "Account field misformed or too long, rejected" end
    values.reference = p.account
  end
  if p.binfo and p.binfo ~= "" then
    if #p.binfo > SERVICE_TYPE_MAX or p.binfo:find "[^\32-\126]" then return nil, misformed "Binfo" end
    values.tlvs.named.service_type = p.binfo
  end
  if not next(values.tlvs.named) then values.tlvs = nil end
  return values
end

local AGAIN = "Temporal failure, try again later."
local NOT_ALLOWED = { no_credit = true, source_not_allowed = true, destination_not_allowed = true }

--- The status and words of a refusal.
local function refused(why)
  local _, status = problem.document(why.code, why.detail, why.o)
  if NOT_ALLOWED[why.code] then return 403, why.detail .. ", rejected" end
  if status == 504 then return 504, why.detail end
  if status == 503 or status == 429 then return 503, AGAIN end
  if why.code == "missing" then return 400, "Sender missing and no global set, rejected" end
  return 400, why.detail .. ", rejected"
end

local function answer(status, words, headers) return dropin.answer(status, HTML, words, headers) end

local DENIED = "Number(s) has/have been denied by white- and/or black-lists."

--- Sends to each receiver; one answer for all.
---@async
local function send_all(self, account, p, values)
  local ids, accepted, now, status, words = {}, 0, false, 400, DENIED
  for number in p.to:gmatch "%S+" do
    local item, record, why
    if not messages.recipient_wrong(number) then
      item, record = send.one(self, account, values, number)
      why = not item and record
    end
    if item then
      accepted = accepted + 1
      now = now or item.state ~= "scheduled" and not record.waits
    elseif why then
      status, words = refused(why)
    end
    ids[#ids + 1] = item and item.id or "-"
  end
  if accepted == 0 then return answer(status, words) end
  return answer(202, now and "0: Accepted for delivery" or "3: Queued for later delivery", { "Smpp-Message-Id", table.concat(ids, ", ") })
end

local FORBIDDEN = "Authorization failed for sendsms"

--- GET and POST /cgi-bin/sendsms.
---@async
---@param self smpp.HttpApi
---@param request smpp.HttpRequest
---@return smpp.HttpResponse
function kannel.sendsms(self, request)
  local p = params_of(request)
  local account = dropin.account(self, request, p.username, p.password)
  if not account then return answer(403, FORBIDDEN) end
  if not p.to then return answer(400, "Missing receiver number, rejected") end
  if not p.to:find "%S" then return answer(400, "Empty receiver number not allowed, rejected") end
  if select(2, p.to:gsub("%S+", "")) > self.max_to then return answer(400, ("Too many receivers, at most %d, rejected"):format(self.max_to)) end
  local values, words = kannel.values(self, p)
  if not values then return answer(400, words) end
  return send_all(self, account, p, values)
end

local MEDIA = { [dropin.FORM] = true, [PLAIN] = true, [OCTETS] = true, [""] = true }

--- Refuses a body of another type, and one without the right to it, where the headers say so.
---@param self smpp.HttpApi
---@param request smpp.HttpRequest
---@return smpp.HttpResponse?
function kannel.guard(self, request)
  local media = dropin.media(request)
  if not MEDIA[media] then return answer(400, "Invalid content-type") end
  if media == dropin.FORM then return nil end
  local headers = request.headers
  if not dropin.account(self, request, headers["x-kannel-username"], headers["x-kannel-password"]) then return answer(403, FORBIDDEN) end
end

return kannel
