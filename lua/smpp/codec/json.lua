--- PDUs and results as JSON.  Keys come in an order of their own, never in that of `pairs`.
local dkjson = require "dkjson"
local core = require "smpp.core"
local secrets = require "smpp.codec.secrets"

local json = { null = dkjson.null } -- null: for members that are there without a value

local HAS_BODY = {}
for _, command in ipairs(core.protocol.commands()) do HAS_BODY[command.name] = #command.params > 0 end

--- An object whose keys keep the order in which they are set here: { name, value, name, value … }; nil values are left out.
---@return table
function json.object(list, count)
  local object, order = {}, {}
  for i = 1, count or #list, 2 do
    local name, value = list[i], list[i + 1]
    if value ~= nil then
      object[name] = value
      order[#order + 1] = name
    end
  end
  return setmetatable(object, { __jsontype = "object", __jsonorder = order })
end
local object = json.object

--- Sets a key behind those that an object has.
---@param of table
---@param name string
---@param value any  nil: nothing happens
function json.add(of, name, value)
  if value == nil then return end
  of[name] = value
  table.insert(getmetatable(of).__jsonorder, name)
end

--- A list, also when it is empty.
function json.list(list) return setmetatable(list, { __jsontype = "array" }) end

--- Strings that are not valid UTF-8 become Latin-1 characters: strict parsers refuse anything else.
local function to_valid(value)
  for key, item in pairs(value) do
    if type(item) == "string" then value[key] = json.text(item) elseif type(item) == "table" then to_valid(item) end
  end
  return value
end

---@param value table  its strings may be any octets of others; they are changed to what is written
---@return string line
function json.encode(value) return (dkjson.encode(to_valid(value))) end

--- The value of a line of JSON.
---@param line string
---@param null? any  what null becomes; default: nothing
---@return any? value
---@return string? message
function json.decode(line, null)
  local ok, value, _, message = pcall(dkjson.decode, line, 1, null, nil)
  if not ok then return nil, "nested too deep" end
  if message then return nil, message end
  return value
end

---@param octets string
---@return string
function json.hex(octets)
  return (octets:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end
local hex = json.hex

--- Octets as text of JSON: ASCII as it is, others as the Latin-1 character of their value, so that no octet is lost.
local function text(octets)
  return (octets:gsub("[\128-\255]", function(c)
    local b = c:byte()
    return string.char(b < 192 and 194 or 195, b < 192 and b or b - 64)
  end))
end

--- Text that may be UTF-8 or any octets.
---@param words string
---@return string
function json.text(words)
  return core.text.is_utf8(words) and words or text(words)
end

local function dest_address(item)
  return object({ "dest_flag", item.dest_flag, "dest_addr_ton", item.dest_addr_ton, "dest_addr_npi", item.dest_addr_npi,
    "destination_addr", item.destination_addr and text(item.destination_addr), "dl_name", item.dl_name and text(item.dl_name),
    "error_status_code", item.error_status_code }, 12)
end

local function field(name, value)
  if name == "short_message" then return hex(value) end
  if type(value) == "string" then return text(value) end
  if type(value) ~= "table" then return value end
  local list = {}
  for i, item in ipairs(value) do list[i] = type(item) == "string" and text(item) or dest_address(item) end
  return json.list(list)
end

--- A PDU with the keys of the golden vectors (spec/fixtures/vectors/README.md): hex, command, command_status,
--- sequence_number, fields, tlvs, no_body; and where there is cause: command_id of an unknown one, padding, trailing, problems,
--- and `hidden`, the names of fields that are asterisks.
---@param pdu smpp.Pdu
---@param show_secrets? boolean
---@return table object
function json.pdu(pdu, show_secrets)
  local octets, hidden = pdu:octets(), false
  if not show_secrets then octets, hidden = secrets.mask(pdu) end
  local fields, tlvs, padding, trailing = {}, {}, nil, nil
  for _, place in ipairs(pdu:layout()) do
    if place.tag then
      local from = place.offset + 5 -- behind tag and length
      tlvs[#tlvs + 1] = object({ "tag", ("0x%04X"):format(place.tag), "name", place.name,
        "value", hex(octets:sub(from, place.offset + place.length)) }, 6)
    elseif place.name then
      fields[#fields + 1] = place.name
      local value = place.value
      if hidden and place.name == "password" then value = ("*"):rep(#value) end
      fields[#fields + 1] = field(place.name, value)
    else
      local rest = hex(octets:sub(place.offset + 1, place.offset + place.length))
      if place.offset + place.length < #octets then padding = rest else trailing = rest end
    end
  end
  local problems = {}
  for i, problem in ipairs(pdu:problems()) do
    problems[i] = object({ "code", problem.code, "field", problem.field, "offset", problem.offset, "severity", problem.severity,
      "message", problem.message, "status", problem.status }, 12)
  end
  return object({
    "hex", hex(octets), "command", pdu.command,
    "command_status", pdu.command_status, "sequence_number", pdu.sequence_number, "fields", object(fields),
    "tlvs", json.list(tlvs),
    "no_body", HAS_BODY[pdu.command] and pdu.command_length == 16 or nil, "padding", padding, "trailing", trailing,
    "problems", #problems > 0 and json.list(problems) or nil, "hidden", hidden and json.list { "password" } or nil,
  }, 22)
end

return json
