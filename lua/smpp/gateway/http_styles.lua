--- How servers are told of events: in the gateway's own JSON, as Kannel calls URLs (% codes in them), or as Jasmin does (a form, whose
--- receipt is acknowledged in words).
local codes = require "smpp.gateway.kannel_codes"
local explain = require "smpp.codec.explain"
local fields = require "smpp.http.fields"
local http_json = require "smpp.http.json"
local json = require "smpp.codec.json"
local receipts = require "smpp.receipt"
local of_smpp = require("smpp.gateway.http_book").of_smpp
local strings = require "smpp.base.strings"
local text = require "smpp.text"

local styles = {}

---@class smpp.HttpCall  what an event sends
---@field url string
---@field method "GET"|"POST"
---@field value string      the body; of GET empty
---@field media string?     its Content-Type; nil: JSON
---@field lines string[]?   further header lines

local FORM = "application/x-www-form-urlencoded"

local function or_null(value)
  if value == nil then return json.null end
  return value
end

--- Is a bit in a mask?
local function has(mask, bit) return math.floor(mask / bit) % 2 == 1 end
styles.has = has

-- ---- what is due of a message that came by Kannel's or Jasmin's interface ----

--- A DLR of a message: { style, url, method, mask }.  Kannel's mask is its dlr-mask; Jasmin's 1 is the carrier's answer, 2 the end.
---@class smpp.HttpDlr
---@field style "kannel"|"jasmin"
---@field url string
---@field method "GET"|"POST"
---@field mask integer

local DELIVERED, FAILED, BUFFERED, TAKEN, REFUSED = 1, 2, 4, 8, 16
local ANSWER, END = 1, 2

--- The bits that a message has come to, in their order.
---@param dlr smpp.HttpDlr
---@param what table     of Book:outcome
---@param is_over boolean
---@param parts table[]
---@return integer[]
local function reached(dlr, what, is_over, parts)
  local is_taken, is_refused = true, false
  for _, part in ipairs(parts) do
    is_taken = is_taken and part.carrier ~= nil and part.carrier_id ~= nil
    is_refused = is_refused or part.state == "refused"
  end
  local is_end = is_over and not is_refused
  if dlr.style == "jasmin" then
    return { (is_taken or is_refused) and ANSWER, (is_end or is_refused and dlr.mask == END) and END }
  end
  return {
    is_taken and TAKEN, is_refused and REFUSED, what.is_on_its_way and BUFFERED, is_end and what.state == "delivered" and DELIVERED,
    is_end and what.state ~= "delivered" and FAILED,
  }
end

--- The bits that are due: asked for, reached, and not told yet.
---@param dlr smpp.HttpDlr
---@param what table
---@param is_over boolean
---@param parts table[]
---@param told integer  bits
---@return integer[]
function styles.due(dlr, what, is_over, parts, told)
  local list, all = {}, reached(dlr, what, is_over, parts)
  for i = 1, 5 do
    local bit = all[i]
    if bit and has(dlr.mask, bit) and not has(told, bit) then list[#list + 1] = bit end
  end
  return list
end

--- Does a message want to be told that a carrier refused it, rather than be refused itself?
---@param dlr smpp.HttpDlr?
---@return boolean
function styles.wants_refusal(dlr) return dlr ~= nil and (dlr.style == "jasmin" or has(dlr.mask, REFUSED)) end

-- ---- reports ----

--- The receipt that a report tells of: the carrier's own, where it says the same; else one of ours.
---@param record table
---@param what table
---@param now number
---@return string octets
---@return smpp.Receipt receipt
local function receipt_of(record, what, now)
  local state, given = of_smpp[what.state], what.receipt
  if given and given.state == state and given.raw and not given.raw:find "%z" then return (text.decode(given.raw, "latin1")), given end
  local code = what.error and tostring(what.error.code):match "^%d+$"
  local octets = receipts.write {
    id = what.carrier_id and what.carrier_id ~= "" and what.carrier_id or record.id, state = state, submitted = record.created, done = now,
    err = code and ("%03d"):format(tonumber(code) % 1000) or nil, text = record.text,
  }
  octets = octets or ("id:%s stat:%s"):format(record.id, state)
  return octets, (receipts.parse(octets, { esm_class = 4 }))
end

local function json_receipt(target, record, what, id, now)
  return { url = target.url, method = "POST", value = http_json.write(json.object {
    "type", "receipt", "event", id, "id", record.id, "account", record.account, "from", or_null(record.from), "to", record.to,
    "reference", or_null(record.reference), "state", what.state, "final", what.final, "error", or_null(what.error),
    "carrier", or_null(what.carrier), "created", fields.time_text(record.created), "time", fields.time_text(now),
  }) }
end

--- The bit that a state is: of webhooks, which have no mask.
local function bit_of(what)
  if what.bit then return what.bit end
  if not what.final then return what.state == "sent" and TAKEN or BUFFERED end
  return what.state == "delivered" and DELIVERED or what.state == "refused" and REFUSED or FAILED
end

--- A call by GET has its values in the URL; one by POST, for Kannel, the text as its body.
local function kannel_call(target, values, body, media, lines)
  values.url = target.url
  local url = codes.expand(target.url, values)
  if target.method == "GET" then return { url = url, method = "GET", value = "" } end
  return { url = url, method = "POST", value = body, media = media, lines = lines }
end

local function kannel_receipt(target, record, what, _, now)
  local bit = bit_of(what)
  local words = bit == TAKEN and "ACK/" or bit == REFUSED and codes.nack(what.status) or (receipt_of(record, what, now))
  return kannel_call(target, {
    text = words, of = record.to, own = record.from or record.source or "", id = record.id, time = now, account = record.account, bit = bit,
    carrier = what.carrier, carrier_id = bit ~= REFUSED and what.carrier_id or "",
  }, words, "text/plain; charset=\"UTF-8\"")
end

--- name, value … as a form.
local function form(list)
  local out = {}
  for i = 1, #list, 2 do
    if list[i + 1] ~= nil then out[#out + 1] = codes.escape(list[i]) .. "=" .. codes.escape(tostring(list[i + 1])) end
  end
  return table.concat(out, "&")
end

--- A form as Jasmin sends it: the body of POST, or behind the URL.
local function jasmin_call(target, list)
  local content = form(list)
  if target.method == "POST" then return { url = target.url, method = "POST", value = content, media = FORM } end
  local url, rest = target.url:match "^([^#]*)(.*)$"
  return { url = url .. (url:find("?", 1, true) and "&" or "?") .. content .. rest, method = "GET", value = "" }
end

local function jasmin_receipt(target, record, what, _, now)
  local bit = what.bit or (what.final and what.state ~= "refused" and END or ANSWER)
  if bit == ANSWER then
    local row = what.state == "refused" and explain.status(what.status or 8)
    return jasmin_call(target, {
      "id", record.id, "level", 1, "message_status", row and row.name or "ESME_ROK", "connector", what.carrier or "",
    })
  end
  local _, receipt = receipt_of(record, what, now)
  local own = receipt and receipt.fields or {}
  return jasmin_call(target, {
    "id", record.id, "level", 2, "message_status", receipt and receipt.stat or of_smpp[what.state],
    "connector", what.carrier or "", "id_smsc", what.carrier_id or "",
    "subdate", own.submit_date or "", "donedate", own.done_date or "", "sub", own.sub or "", "dlvrd", own.dlvrd or "", "err", own.err or "",
    "text", own.text or "",
  })
end

-- ---- messages from phones ----

local function json_message(target, message, id, now, more)
  local tlvs = json.object {}
  for _, pair in ipairs(message.tlvs) do json.add(tlvs, pair[1], json.object { "hex", json.hex(pair[2]) }) end
  return { url = target.url, method = "POST", value = http_json.write(json.object({
    "type", "message", "event", id, "id", more.id, "account", more.account, "from", message.from, "to", message.to,
    "text", message.text, "data", message.data and fields.base64(message.data), "encoding", message.encoding, "parts", message.parts,
    "missing", message.missing and json.list(message.missing), "carrier", message.carrier, "received", fields.time_text(now), "tlvs", tlvs,
  }, 28)) }
end

local KANNEL_CODING = { binary = 1, ucs2 = 2, ucs2_le = 2, ucs2_bom = 2 }

local function kannel_message(target, message, _, now, more)
  local coding, about = KANNEL_CODING[message.encoding] or 0, text.data_coding(message.data_coding or 0)
  local words = message.text or message.data
  if coding == 2 then words = text.encode(words, { encoding = "ucs2" }) or words end -- as it is said of it: UTF-16BE
  local charset = coding == 2 and "UTF-16BE" or coding == 1 and "8-BIT" or "UTF-8"
  local lines = {
    "X-Kannel-From: " .. message.from, "X-Kannel-To: " .. message.to, "X-Kannel-Time: " .. os.date("!%Y-%m-%d %H:%M:%S", math.floor(now)),
    "X-Kannel-SMSC: " .. message.carrier, ("X-Kannel-PID: %d"):format(message.protocol_id or 0), ("X-Kannel-Coding: %d"):format(coding),
    "X-Kannel-Service: " .. more.account,
  }
  if about.class then lines[#lines + 1] = ("X-Kannel-MClass: %d"):format(about.class) end
  if message.udh then
    lines[#lines + 1] = "X-Kannel-UDH: " .. message.udh:gsub(".", function(c) return ("%%%02X"):format(c:byte()) end)
  end
  for i, line in ipairs(lines) do lines[i] = line:gsub("[^\32-\126]", "?") end
  return kannel_call(target, {
    text = words, of = (message.is_international and "+" or "") .. message.from, own = message.to, id = more.id, time = now, account = more.account,
    carrier = message.carrier, coding = coding, charset = charset, class = about.class, data_coding = message.data_coding, udh = message.udh,
  }, words, coding == 1 and "application/octet-stream" or ('text/plain; charset="%s"'):format(charset), lines)
end

local function jasmin_message(target, message, _, _, more)
  return jasmin_call(target, {
    "id", more.id, "from", message.from, "to", message.to, "origin-connector", message.carrier, "priority", message.priority,
    "coding", message.data_coding or 0, "validity", message.validity, "content", message.text or message.data,
    "binary", json.hex(message.octets or message.data or ""),
  })
end

-- ---- answers ----

local GONE = 410

local function is_plain_success(answer)
  if answer.status >= 200 and answer.status < 300 then return true end
  return false, ("status %d"):format(answer.status), answer.status == GONE
end

--- Jasmin's rule: 200 with the words ACK/Jasmin; 404 ends it.
local function is_acknowledged(answer)
  if answer.status ~= 200 then return false, ("status %d"):format(answer.status), answer.status == 404 or answer.status == GONE end
  if strings.trim(answer.body) == "ACK/Jasmin" then return true end
  return false, "200, but the body is not ACK/Jasmin"
end

local ALL = {
  json = { receipt = json_receipt, message = json_message, verdict = is_plain_success },
  kannel = { receipt = kannel_receipt, message = kannel_message, verdict = is_plain_success },
  jasmin = { receipt = jasmin_receipt, message = jasmin_message, verdict = is_acknowledged },
}

--- A style by its name; nil is JSON.
---@param name string?
---@return { receipt: function, message: function, verdict: fun(answer: smpp.HttpAnswer): boolean, string?, boolean? } style
---  verdict: taken; in words why not; true: it is not to be tried again
function styles.of(name) return ALL[name or "json"] end

return styles
