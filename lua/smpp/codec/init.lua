--- PDUs: octets <-> views and tables.
--- A received PDU is a view: a userdata that owns its octets and decodes a field on access.
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local explain = require "smpp.codec.explain"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local secret_range = require("smpp.codec.secrets").range
local text = require "smpp.text"
local strings = require "smpp.base.strings"
local shown = require "smpp.base.shown"

local pdu = {}

local hidden = { password = true }

local function escape(c)
  if c == '"' or c == "\\" then return "\\" .. c end
  return ("\\x%02x"):format(c:byte())
end

--- Arbitrary octets as one printable line; for UTF-8 text use shown.quote.
local function quote(value) return '"' .. value:gsub('[%c"\\\127-\255]', escape) .. '"' end

local function show(name, value, secrets)
  if hidden[name] and not secrets then return value == "" and '""' or '"***"' end
  if type(value) == "string" then return quote(value) end
  if type(value) ~= "table" then return tostring(value) end
  local items = {}
  for i, item in ipairs(value) do
    if type(item) == "string" then
      items[i] = quote(item)
    elseif item.dl_name then
      items[i] = "list " .. quote(item.dl_name)
    else
      items[i] = ("%s/%s %s"):format(item.dest_addr_ton, item.dest_addr_npi, quote(item.destination_addr))
        .. (item.error_status_code and " " .. explain.status(item.error_status_code).name or "")
    end
  end
  return "{ " .. table.concat(items, ", ") .. " }"
end

--- The content of a message for people: the text after its header, or octets where it is not text.
local function show_message(view, octets)
  local coding = view.data_coding and text.data_coding(view.data_coding)
  if not coding or coding.compressed or coding.encoding == "binary" then return quote(octets) end
  local words, info = text.read { short_message = octets, data_coding = view.data_coding, esm_class = view.esm_class }
  local line, part = shown.quote(words), text.part(view, info.header)
  if part then line = line .. (" (part %d of %d, reference %d)"):format(part.seq, part.total, part.reference) end
  return line
end

local methods = {}

--- Iterates over the fields of the PDU: parameters, then TLVs, in wire order.
---@return fun(): string?, any  name ("tlv_0x1400" of a TLV that has none), value
function methods:fields()
  local layout, i = self:layout(), 0
  return function()
    i = i + 1
    local place = layout[i]
    if not place then return nil end
    if place.name then return place.name, place.value end
    if place.tag then return ("tlv_0x%04X"):format(place.tag), place.value end
  end
end

--- The PDU on one line, for people: texts decoded, fields that are 0 or empty omitted, passwords hidden.
function methods:__tostring()
  local parts = { self.command }
  parts[#parts + 1] = "#" .. ("%d"):format(self.sequence_number)
  if self.command_status ~= 0 or self.command_id >= 0x80000000 then parts[#parts + 1] = self.status end
  for name, value in self:fields() do
    if name == "short_message" or name == "message_payload" then
      if value ~= "" then parts[#parts + 1] = name .. "=" .. show_message(self, value) end
    elseif value ~= 0 and value ~= "" then
      parts[#parts + 1] = name .. "=" .. show(name, value)
    end
  end
  return table.concat(parts, " ")
end

-- Lua 5.2 and later: for name, value in pairs(pdu)
function methods:__pairs() return self:fields() end

local function hex_lines(octets, from, to)
  local lines = {}
  for start = from, to, 16 do
    local cells, printable = {}, {}
    for i = start, math.min(start + 15, to) do
      local c = octets:byte(i)
      cells[#cells + 1] = ("%02x"):format(c)
      printable[#printable + 1] = (c >= 32 and c < 127) and string.char(c) or "."
    end
    lines[#lines + 1] = { table.concat(cells, " "), table.concat(printable) }
  end
  return lines
end

--- A hex dump of the PDU, field by field, with names and values.
---@param o? { secrets: boolean? }  secrets: show passwords
---@return string  several lines
function methods:dump(o)
  local secrets = o and o.secrets
  local octets, out = self:octets(), {}
  local first, last = secret_range(self)
  local function row(offset, length, name, meaning, mask)
    local lines = hex_lines(octets, offset + 1, offset + length)
    if mask then lines = { { ("** "):rep(math.min(length, 16)):sub(1, -2), "" } } end
    if #lines == 0 then lines[1] = { "", "" } end
    for i, line in ipairs(lines) do
      out[#out + 1] = strings.trim_end(("%04x  %-48s%s"):format(offset + (i - 1) * 16, line[1],
        i == 1 and name .. (meaning ~= "" and "  " .. meaning or "") or "  " .. line[2]))
    end
  end
  row(0, 4, "command_length", ("%d"):format(self.command_length))
  row(4, 4, "command_id", self.command)
  row(8, 4, "command_status", self.status)
  row(12, 4, "sequence_number", ("%d"):format(self.sequence_number))
  for _, place in ipairs(self:layout()) do
    local name = place.name or (place.offset + place.length < self.command_length and "padding" or "trailing")
    if place.tag then name = ("TLV 0x%04X %s"):format(place.tag, place.name or "(not in the tables)") end
    local is_hidden = not secrets and first ~= nil and place.offset < last and place.offset + place.length >= first
    local meaning = is_hidden and '"***"' or show(place.name, place.value, secrets)
    local words = type(place.value) == "number" and place.name and explain.value(place.name, place.value)
    if words then meaning = meaning .. " (" .. words .. ")" end
    row(place.offset, place.length, name, meaning, is_hidden)
  end
  for _, problem in ipairs(self:problems()) do
    out[#out + 1] = ("%04x  %s%s: %s%s"):format(problem.offset, problem.severity, problem.field and " " .. problem.field or "",
      problem.message, problem.status and " (" .. problem.status .. ")" or "")
  end
  return table.concat(out, "\n")
end

--- The value that removes a field: pdu:with{ field = smpp.none }.
pdu.none = setmetatable({}, { __tostring = function() return "smpp.none" end, __newindex = function() error("smpp.none cannot be changed", 2) end })

local DECODE = schema.new {
  { "max_length", kind.integer(16, 0x7FFFFFFF), core.defaults.max_pdu_octets, "octets of a PDU" },
  { "strict", "boolean", false, "a problem is a failure, its code the ESME_ name to answer" },
}
local ENCODE = schema.new { { "version", kind.integer(0, 255), 0x50, "version whose length limits apply: 0x33, 0x34 or 0x50" } }

local function new_codec(set)
  local codec = core.codec(methods, pdu.none)
  codec.commands = set
  return codec
end

--- The codec of this Lua state, used by smpp.decode, smpp.encode and sessions without vendor TLVs and commands.
pdu.codec = new_codec(commands)

local TLV = schema.new {
  { "tag", kind.integer(1, 0xFFFF), nil, "its tag", "tag = 0x1400", required = true },
  { "name", "string", nil, "its name in tables and PDUs", 'name = "campaign"', required = true },
  { "type", kind.one_of("int1", "int2", "int4", "cstring", "octets"), "octets", "type of its value", 'type = "cstring"' },
}

--- Gives a vendor TLV a name in a codec.
---@return smpp.Mistake?  nil: declared
local function declare_tlv(codec, tlv)
  local wrong = TLV:problem(tlv)
  if wrong then return wrong end
  local ok, reason = pcall(codec.declare, tlv.tag, tlv.name, tlv.type)
  return not ok and mistake.new(reason) or nil
end

local function declare_command(codec, command) return codec.commands:declare(codec, command) end

--- Declares each of a list; the path of an error is its place in the list.
local function declare_all(codec, list, declare, name)
  for i, item in ipairs(list or {}) do
    local wrong = declare(codec, item)
    if wrong then
      mistake.inside(wrong, i)
      return name and mistake.inside(wrong, name) or wrong
    end
  end
end

local LISTS = { tlvs = kind.list(kind.table, "TLVs"), commands = kind.list(kind.table, "commands") }

-- What was declared for this Lua state, in order: codecs of profiles have it, too.
local state_wide = { tlvs = {}, commands = {} }

--- The declarations for this Lua state that a profile does not replace.
local function not_replaced(list, by, number)
  local left = {}
  for _, item in ipairs(list) do
    local is_replaced = false
    for _, other in ipairs(by or {}) do is_replaced = is_replaced or item.name == other.name or item[number] == other[number] end
    if not is_replaced then left[#left + 1] = item end
  end
  return left
end

--- The codec of a profile: its vendor TLVs and commands stay inside it.
---@param profile { tlvs: table[]?, commands: table[]? }
---@return smpp.Codec?
---@return smpp.Mistake?
function pdu.codec_of(profile)
  local tlvs, list = profile.tlvs, profile.commands
  if tlvs == nil and list == nil then return pdu.codec end
  for name, one in pairs(LISTS) do
    local wrong = profile[name] ~= nil and kind.problem(one, profile[name])
    if wrong then return nil, mistake.inside(wrong, name) end
  end
  local codec = new_codec(list and commands.new() or commands)
  declare_all(codec, not_replaced(state_wide.tlvs, tlvs, "tag"), declare_tlv)
  declare_all(codec, not_replaced(state_wide.commands, list, "id"), list and declare_command or function(_, o)
    commands.declare_in(codec, o)
  end)
  local wrong = declare_all(codec, tlvs, declare_tlv, "tlvs") or declare_all(codec, list, declare_command, "commands")
  if wrong then return nil, wrong end
  return codec
end

local function list_of(name, declare)
  local list = LISTS[name]
  return kind.checked(list.expected, function(value)
    local wrong = kind.problem(list, value)
    if wrong or not value[1] then return wrong end
    return declare_all(new_codec(commands.new()), value, declare)
  end)
end

--- Vendor TLVs and vendor commands, as values of options.
pdu.tlvs_kind, pdu.commands_kind = list_of("tlvs", declare_tlv), list_of("commands", declare_command)

--- Reads one PDU.  Decodes as far as possible; `pdu:problems()` lists errors and oddities.
---@param octets string
---@param position? integer  of the first octet, default 1
---@param o? { max_length: integer?, strict: boolean? }  max_length: octets, default 131072;
---  strict: a problem is a failure, its code the ESME_ name to answer
---@return smpp.Pdu? view
---@return integer|string next_position  or the message
---@return string? code  "truncated": fewer octets than needed; "bad_length": command_length below 16 or above
---  max_length; with strict also ESME_ names
function pdu.decode(octets, position, o)
  if o == nil then return pdu.codec.decode(octets, position) end
  DECODE:check(o)
  return pdu.codec.decode(octets, position, o.max_length, o.strict)
end

--- Writes one PDU.  A view is written as it came, octet for octet.
---@param value table|smpp.Pdu  `command`, `command_status` (or `status`), `sequence_number`, parameters and TLVs by
---  name, `tlvs = { { tag, octets } ... }`; absent fields are 0 or empty
---@param o? { version: integer? }  0x33, 0x34 or 0x50: the limits that hold; default the widest
---@return string? octets
---@return string? message
---@return string? code  "too_long", "bad_value", "missing", "unknown_field"
function pdu.encode(value, o)
  if o == nil then return pdu.codec.encode(value) end
  return pdu.codec.encode(value, ENCODE:check(o).version)
end

local DECLARE = { tlvs = declare_tlv, commands = declare_command }
local NUMBER = { tlvs = "tag", commands = "id" }

--- Declares a TLV or command for this Lua state: in its codec, and in those that are made for profiles from now on.
local function declare_for_all(what, o)
  local wrong = DECLARE[what](pdu.codec, o)
  if wrong then return wrong end
  state_wide[what] = not_replaced(state_wide[what], { o }, NUMBER[what])
  table.insert(state_wide[what], schema.merge(o))
end

--- Gives a vendor TLV a name, for this Lua state.
---@param tlv { tag: integer, name: string, type: "int1"|"int2"|"int4"|"cstring"|"octets"|nil }  type: default octets
function pdu.declare_tlv(tlv)
  local wrong = declare_for_all("tlvs", tlv)
  if wrong then mistake.raise(wrong, 2) end
end

--- Declares the TLVs and commands of a file for this Lua state; a command that is declared already stays as it is.
---@param o { tlvs: table[]?, commands: table[]? }
---@return smpp.Mistake?
function pdu.declare(o)
  return declare_all(nil, o.tlvs, function(_, tlv) return declare_for_all("tlvs", tlv) end, "tlvs")
    or declare_all(nil, o.commands, function(_, command)
      local same = commands.rows[command.id]
      if not same or same.name ~= command.name then return declare_for_all("commands", command) end
    end, "commands")
end

--- Adds a vendor's command, for this Lua state: its fields are in docs/codec.md.
---@param command { name: string, id: integer, from: "esme"|"mc"|"both"|nil, states: string[]?, parameters: table[]?,
---  response: table[]|boolean|nil, roles: string[]? }
function pdu.declare_command(command)
  local wrong = declare_for_all("commands", command)
  if wrong then mistake.raise(wrong, 2) end
end

return pdu
