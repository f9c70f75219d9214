--- Jasmin's HTTP API: /send, /rate, /balance, /ping, with the arguments and errors of Jasmin 0.10; what differs is in docs/http.md.
local core = require "smpp.core"
local dropin = require "smpp.gateway.http_dropin"
local http_json = require "smpp.http.json"
local json = require "smpp.codec.json"
local messages = require "smpp.gateway.http_message"
local problem = require "smpp.http.problem"
local route = require "smpp.route"
local send = require "smpp.gateway.http_send"
local shown = require "smpp.base.shown"
local text = require "smpp.text"
local timestamp = require "smpp.codec.timestamp"

local jasmin = {}

local JSON, PLAIN = "application/json", "text/plain"
local MINUTE_S, VALID_MAX_MIN, SHOWN_MAX = 60, 1051200, 60

local function pattern(words) return function(value) return value:find(words) ~= nil end end

local CODINGS = {}
for _, coding in ipairs { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14 } do CODINGS[tostring(coding)] = true end

--- Is it a time of SMPP, absolute or relative (3.4, 7.1.1)?
local function is_time(value) return value:find "^%d+[-+R]$" ~= nil and #value == 16 and timestamp.parse(value) ~= nil end

--- Arguments of /send, and what each may be.
local ROWS = {
  { "to", pattern "^%+?%d+$", required = true },
  { "username", pattern ".", required = true },
  { "password", pattern ".", required = true },
  { "from" },
  { "coding", function(value) return CODINGS[value] end },
  { "priority", pattern "^[0-3]$" },
  { "sdt", is_time },
  { "validity-period", function(value) return dropin.integer(value, 0, VALID_MAX_MIN) end },
  { "dlr", function(value) return value == "yes" or value == "no" end },
  { "dlr-url", pattern "^[Hh][Tt][Tt][Pp][Ss]?://." },
  { "dlr-level", pattern "^[1-3]$" },
  { "dlr-method", function(value) return value:upper() == "GET" or value:upper() == "POST" end },
  { "tags", pattern "^[-%w,]*$" },
  { "content" },
  { "hex-content", function(value) return #value % 2 == 0 and value:find "^%x*$" ~= nil end },
  { "custom_tlvs" },
}
local LOGIN = { ROWS[2], ROWS[3] }

-- ---- arguments ----

local function octets_of(hex) return (hex:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)) end

--- The arguments of a request: of its URL, a form, or a JSON object, whose numbers are as their digits.
---@return table? args
---@return string? message
local function args_of(request)
  if request.method ~= "POST" or dropin.media(request) ~= JSON then return dropin.params(request) end
  local object, words = http_json.read(request.body)
  if type(object) ~= "table" or http_json.is_array(object) then return nil, words or "expected a JSON object" end
  local args = {}
  for name, value in pairs(object) do
    if type(value) == "number" then value = ("%.14g"):format(value) end
    if type(value) ~= "string" and not (name == "custom_tlvs" and http_json.is_array(value)) then
      return nil, ("Argument [%s] has an invalid value: [%s]."):format(shown.text(name):sub(1, SHOWN_MAX), http_json.type_of(value))
    end
    args[name] = value
  end
  return args
end

local function invalid(name, value)
  if name == "password" then value = "…" end
  return ("Argument [%s] has an invalid value: [%s]."):format(name, shown.text(tostring(value)):sub(1, SHOWN_MAX))
end

--- What is wrong with arguments; nil: nothing.
local function wrong(rows, args)
  local known, unknown = {}, {}
  for _, row in ipairs(rows) do
    local name, value = row[1], args[row[1]]
    known[name] = true
    if value == nil and row.required then return ("Mandatory argument [%s] is not found."):format(name) end
    if value ~= nil and row[2] and not row[2](value) then return invalid(name, value) end
  end
  for name in pairs(args) do
    if not known[name] then unknown[#unknown + 1] = name end
  end
  table.sort(unknown)
  if unknown[1] then return ("Argument [%s] is unknown."):format(shown.text(unknown[1]):sub(1, SHOWN_MAX)) end
end

-- ---- what is sent ----

local READABLE = { [0] = "gsm7", [3] = "latin1", [6] = "iso-8859-5", [7] = "iso-8859-8", [8] = "ucs2" } -- codings whose octets are texts

--- The text, or octets, of a message, and its data_coding.
local function set_content(values, args)
  local coding, hex = tonumber(args.coding or "0"), args["hex-content"]
  local octets = hex and octets_of(hex) or args.content or ""
  values.tlvs.named.data_coding = coding
  if coding == 0 and not hex then
    if not core.text.is_utf8(octets) then return invalid("content", octets) end
    values.text, values.encoding, values.on_unmappable = octets, "gsm7", "?"
    return
  end
  local words, faults
  if READABLE[coding] then words, faults = text.decode(octets, READABLE[coding]) end
  if words and not faults then values.text, values.encoding = words, READABLE[coding] else values.data = octets end
end

local INT_OCTETS = { Int1 = 1, Int2 = 2, Int4 = 4 }

--- A TLV of custom_tlvs, [tag, length, type, value]: { tag, octets }; nil: malformed.
local function tlv_of(one)
  if type(one) ~= "table" then return nil end
  local tag, kind, value = one[1], one[3], one[4]
  if type(tag) == "string" and tag:find "^0[xX]%x+$" then tag = tonumber(tag:sub(3), 16) end
  if type(tag) ~= "number" or tag % 1 ~= 0 or tag < 0 or tag > 0xFFFF then return nil end
  local size = INT_OCTETS[kind]
  if size then
    if type(value) ~= "number" or value % 1 ~= 0 or value < 0 or value >= 256 ^ size then return nil end
    local octets = ""
    for i = size - 1, 0, -1 do octets = octets .. string.char(math.floor(value / 256 ^ i) % 256) end
    return { tag, octets }
  end
  if type(value) ~= "string" then return nil end
  if kind == "COctetString" then return not value:find "%z" and { tag, value .. "\0" } or nil end
  return kind == "OctetString" and { tag, value } or nil
end

--- The TLVs of custom_tlvs; nil: malformed.
local function tlvs_of(given)
  if type(given) == "string" then given = http_json.read(given) end
  if type(given) ~= "table" or not http_json.is_array(given) then return nil end
  local list = {}
  for i, one in ipairs(given) do
    list[i] = tlv_of(one)
    if not list[i] then return nil end
  end
  return list
end

--- What arguments say of a message: values as of smpp.gateway.http_message; nil, words.
---@param self smpp.HttpApi
---@param args table<string, string>
---@return table? values
---@return string? words
function jasmin.values(self, args)
  local now, values = self.loop:time(), { from = args.from ~= "" and args.from or nil, is_anonymous = true, tlvs = { named = {}, list = {} } }
  values.priority = tonumber(args.priority)
  local bad = set_content(values, args)
  if bad then return nil, bad end
  if args.sdt then
    local at = timestamp.to_unix(timestamp.parse(args.sdt), now)
    values.at = at > now and at or nil
  end
  local minutes = tonumber(args["validity-period"] or 0)
  values.validity_s = minutes > 0 and minutes * MINUTE_S or nil
  local url, level = args["dlr-url"], tonumber(args["dlr-level"] or 1)
  values.receipt = args.dlr == "yes" or url ~= nil or args["dlr-level"] ~= nil
  if url then
    if self.rule.wrong(url) then return nil, invalid("dlr-url", url) end
    values.dlr = { style = "jasmin", url = url, method = (args["dlr-method"] or "POST"):upper(), mask = level }
  end
  if (args.tags or "") ~= "" then
    values.tags = {}
    for tag in args.tags:gmatch "[^,]+" do values.tags[#values.tags + 1] = tag end
  end
  if args.custom_tlvs then
    local list = tlvs_of(args.custom_tlvs)
    if not list then return nil, invalid("custom_tlvs", type(args.custom_tlvs) == "string" and args.custom_tlvs or "a list") end
    values.tlvs.list = list
  end
  return values
end

local BOTH, NEITHER = "content and hex-content cannot be used both in same request.", "content or hex-content not present."

--- Reads a request: its account, arguments and values; nil, status, words.
---@param needs_content boolean
local function read(self, request, rows, needs_content)
  local args, words = args_of(request)
  words = words or wrong(rows, args)
  if not words and args.content and args["hex-content"] then words = BOTH end
  if not words and needs_content and not args.content and not args["hex-content"] then words = NEITHER end
  if words then return nil, 400, words end
  local account = dropin.account(self, request, args.username, args.password)
  if not account then return nil, 403, "Authentication failure for username:" .. shown.text(args.username):sub(1, SHOWN_MAX) end
  if rows == LOGIN then return account, args end
  local values
  values, words = jasmin.values(self, args)
  if not values then return nil, 400, words end
  return account, args, values
end

local WORDS = {
  no_credit = { 403, "Cannot charge submit_sm, check RouterPB log file for details" }, rate_limited = { 403, "User throughput exceeded" },
  quota = { 403, "User throughput exceeded" },
}

--- The status and words of a refusal.
local function refused(why, args)
  local words = WORDS[why.code]
  if words then return words[1], words[2] end
  if why.is_unmatched then return 412, "No route found" end
  local _, status = problem.document(why.code, why.detail, why.o)
  if status >= 500 or status == 429 then return 500, ("Cannot send submit_sm, %s"):format(why.detail) end
  local field = why.o and why.o.field
  if (field == "to" or field == "from") and args[field] then return 400, invalid(field, args[field]) end
  return 400, why.detail
end

local function answer(status, words) return dropin.answer(status, PLAIN, words) end

local function failed(status, words) return answer(status, ('Error "%s"'):format(words)) end

--- GET and POST /send.
---@async
---@param self smpp.HttpApi
---@param request smpp.HttpRequest
---@return smpp.HttpResponse
function jasmin.send(self, request)
  local account, args, values = read(self, request, ROWS, true)
  if not account then return failed(args, values) end
  local item, why = send.one(self, account, values, args.to)
  if not item then return failed(refused(why, args)) end
  return answer(200, ('Success "%s"'):format(item.id))
end

--- An answer in JSON; a string is an error.
local function respond(status, value) return dropin.answer(status, JSON, http_json.write(value)) end

--- GET and POST /rate: what a message would cost, and its parts.
---@async
function jasmin.rate(self, request)
  local account, args, values = read(self, request, ROWS, false)
  if not account then return respond(args, values) end
  local pdus, fault = messages.compose(self.composer, values, args.to, self.loop:time())
  if not pdus then return respond(400, args[fault.field] and invalid(fault.field, args[fault.field]) or fault.detail) end
  local gateway, customer = self.gateway, self.gateway.customers[account]
  local state = gateway:route_state()
  local msg = route.message { account = account, bind = "http", pdu = pdus[1], is_counted = true, tags = values.tags and route.tags(values.tags) }
  local decision = gateway.route:explain(msg, {
    time = self.loop:time(), now = self.loop:now(), counters = {}, matched = { route = {}, incoming = {} },
    available = state.available, outstanding = state.outstanding,
  })
  if decision.reject then return respond(412, "No route found") end
  return respond(200, json.object { "unit_rate", customer.balance and customer:price_of(msg.to) / 1e6 or 0, "submit_sm_count", #pdus })
end

local NOT_DEFINED = "ND"

--- GET and POST /balance.
---@async
function jasmin.balance(self, request)
  local account, args, words = read(self, request, LOGIN, false)
  if not account then return respond(args, words) end
  local customer = self.gateway.customers[account]
  local quota = customer.quota
  return respond(200, json.object {
    "balance", customer.balance and customer.balance / 1e6 or NOT_DEFINED,
    "sms_count", quota and customer:quota_left(self.loop:time()) or NOT_DEFINED,
  })
end

--- GET /ping.
function jasmin.ping() return answer(200, "Jasmin/PONG") end

return jasmin
