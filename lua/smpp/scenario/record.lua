--- Writes a scenario from a capture: one side's part becomes the script, what the other side said is expected.
local captures = require "smpp.capture"
local commands = require "smpp.codec.commands"
local explain = require "smpp.codec.explain"
local literals = require "smpp.scenario.literal"
local pdus = require "smpp.codec"
local receipts = require "smpp.receipt"

local record = {}

local COLUMNS = 120
local PAUSE_S = 0.1
local RESPONSE = 0x80000000

local literal, number, value_text, table_text = literals.string, literals.number, literals.of, literals.table

local Writer = {}
Writer.__index = Writer

function Writer:line(text) self.lines[#self.lines + 1] = text end

--- A call `head{ fields }tail`, on one line or with the fields on lines of their own.
function Writer:call(head, fields, tail, pad)
  pad = pad or "  "
  local one = pad .. head .. table_text(fields) .. tail
  if #one <= COLUMNS and not one:find "\n" then return self:line(one) end
  self:line(pad .. head .. "{")
  local row = pad .. " "
  local function flush()
    if #row > #pad + 1 then self:line(row) end
    row = pad .. " "
  end
  for _, field in ipairs(fields) do
    if #row + #field + 2 > COLUMNS or field:find "\n" then flush() end
    row = row .. " " .. field:gsub("\n", "\n" .. pad:sub(3)) .. ","
    if field:find "\n" then flush() end
  end
  flush()
  self:line(pad .. "}" .. tail)
end

-- ---- fields ----

local ABSOLUTE = "^%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d[+-]$"

--- The fields of a PDU that are sent, as a table for the encoder; nil: it cannot be made from fields.
local function sent_fields(pdu)
  local fields = {}
  for _, place in ipairs(pdu:layout()) do
    if place.tag and not place.name then
      fields.tlvs = fields.tlvs or {}
      table.insert(fields.tlvs, { place.tag, place.value })
    elseif place.name then
      if place.value ~= 0 and place.value ~= "" or place.tag then fields[place.name] = place.value end
    else
      return nil
    end
  end
  return fields
end

local function list_of(fields, ids)
  local names, list = {}, {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local id = name == "message_id" and ids and ids[fields[name]]
    list[i] = name .. " = " .. (id and ("id[%d]"):format(id) or value_text(fields[name]))
  end
  return list
end

--- Can the same octets be made of the fields?
local function is_faithful(pdu, fields)
  local copy = {}
  for name, value in pairs(fields) do copy[name] = value end
  copy.command, copy.sequence_number, copy.command_status = pdu.command, pdu.sequence_number, pdu.command_status
  local ok, octets = pcall(pdus.encode, copy)
  return ok and octets == pdu:octets()
end

--- What is expected of a PDU of the other side, as a list of "name = value".
local function expected_fields(self, pdu, is_response)
  local list = {}
  local function add(name, text) list[#list + 1] = ("%s = %s"):format(name, text) end
  if is_response then add("status", literal(explain.status(pdu.command_status).name)) end
  local receipt = not is_response and receipts.is(pdu) and receipts.parse(pdu) or nil
  for _, place in ipairs(pdu:layout()) do
    local name, value = place.name, place.value
    if place.tag and not name then
      add(("[0x%04X]"):format(place.tag), literal(value))
    elseif name == "password" then
      add(name, "scenario.any")
    elseif (name == "message_id" or name == "receipted_message_id") and self.ids[value] then
      add(name, ("id[%d]"):format(self.ids[value]))
    elseif name == "message_id" and is_response then
      add(name, value == "" and '""' or "scenario.any")
    elseif name == "short_message" and receipt and receipt.id then
      local id = self.ids[receipt.id]
      add(name, ("scenario.receipt { id = %s, state = %s }"):format(id and ("id[%d]"):format(id) or "scenario.any", value_text(receipt.state)))
    elseif name == "short_message" and value == "" and pdu.message_payload then
      add(name, '""')
    elseif type(value) == "string" and value:find(ABSOLUTE) then
      add(name, "scenario.any")
    elseif name and type(value) == "table" then
      add(name, "scenario.any")
    elseif name then
      add(name, value_text(value))
    end
  end
  return list
end

-- ---- the script ----

--- Time since the event before; a pause of the scripted side.
local function pause(self, item)
  local gap = self.last and item.time - self.last or 0
  self.last = item.time
  if gap > PAUSE_S and self.pace > 0 then self.out:line(("  t:pause(%s)"):format(number(gap * self.pace))) end
end

--- How long to wait for what the other side sent; nil: the default.
local function limit(self, item)
  local gap = self.last and item.time - self.last or 0
  self.last = item.time
  if gap <= 2 then return nil end
  return math.ceil(gap * 2 + 5)
end

local function is_silent(pdu) return pdu.command == "enquire_link" or pdu.command == "enquire_link_resp" end

--- A PDU of the side that is scripted.
local function say(self, item, actor)
  local pdu, out = item.pdu, self.out
  if pdu.command_id >= RESPONSE and self.arrivals[item.request or item] then
    pause(self, item)
    local fields = sent_fields(pdu) or {}
    if pdu.command_status ~= 0 then fields.status = explain.status(pdu.command_status).name end
    local list = list_of(fields)
    if #list == 0 then return out:line(("  a[%d]:answer()"):format(self.arrivals[item.request])) end
    return out:call(("a[%d]:answer "):format(self.arrivals[item.request]), list, "")
  end
  if is_silent(pdu) and pdu.command_id >= RESPONSE then return end
  pause(self, item)
  local fields = sent_fields(pdu)
  local has_password = fields and fields.password
  if has_password then fields.password = "secret" end
  if fields and pdu.command_id < RESPONSE and (has_password or is_faithful(pdu, fields)) then
    if has_password then out:line "  -- The password of the capture is not written here." end
    self.request_count = self.request_count + 1
    self.requests[item] = self.request_count
    return out:call(("r[%d] = %s:send(%s, "):format(self.request_count, actor, literal(pdu.command)), list_of(fields, self.ids), ")")
  end
  out:line(("  -- %s, as its octets were"):format(pdu.command))
  local octets = pdu:octets()
  for at = 1, #octets, 24 do
    local piece = literal(octets:sub(at, at + 23))
    local is_first, is_last = at == 1, at + 24 > #octets
    out:line((is_first and ("  %s:write("):format(actor) or "    .. ") .. piece .. (is_last and ")" or ""))
  end
end

--- A PDU of the other side.
local function hear(self, item, actor, one)
  local pdu, out = item.pdu, self.out
  if is_silent(pdu) and not self.requests[item.request or item] then return end
  if pdu.command_id >= RESPONSE then
    local request = item.request and self.requests[item.request]
    if not request then return end
    local seconds = limit(self, item)
    local list, id = expected_fields(self, pdu, true), nil
    local message_id = pdu.command_status == 0 and commands.rows[pdu.command_id] and self.has_id[pdu.command] and pdu.message_id
    if message_id and message_id ~= "" then
      self.id_count = self.id_count + 1
      id = self.id_count
      self.ids[message_id] = id
    end
    local head = id and ("id[%d] = r[%d]:expect("):format(id, request) or ("r[%d]:expect("):format(request)
    return out:call(head, list, (seconds and (", { within_s = %d })"):format(seconds) or ")") .. (id and ".message_id" or ""))
  end
  if item.pdu.command == "outbind" or item.pdu.command == "alert_notification" then
    return out:call(("%s:expect(%s, "):format(actor, literal(pdu.command)), expected_fields(self, pdu, false), ")")
  end
  local fields = self.side == "esme" and pdu.command == "deliver_sm" and not receipts.is(pdu) and sent_fields(pdu)
  if fields then -- nobody else makes our simulator send it
    fields.system_id = one.bind and one.bind.system_id
    out:line "  if not t.vars.smsc then"
    out:call("smsc:deliver ", list_of(fields), "", "    ")
    out:line "  end"
  end
  local seconds = limit(self, item)
  self.arrival_count = self.arrival_count + 1
  self.arrivals[item] = self.arrival_count
  out:call(("a[%d] = %s:expect(%s, "):format(self.arrival_count, actor, literal(pdu.command)), expected_fields(self, pdu, false),
    (seconds and (", { within_s = %d }"):format(seconds) or "") .. ")")
end

local HAS_ID = {}
for _, row in pairs(commands.rows) do
  if row.roles.message_id and row.response_id then HAS_ID[commands.rows[row.response_id].name] = true end
end

--- What the capture says of both sides of each connection: the ESME, bind, names.
local function survey(items)
  local list, by_number = {}, {}
  for _, item in ipairs(items) do
    local one = by_number[item.connection]
    if not one then
      one = { number = item.connection, items = {}, first = item, statuses = {} }
      by_number[item.connection] = one
      list[#list + 1] = one
    end
    one.items[#one.items + 1] = item
    local pdu = item.pdu
    if pdu and commands.roles.bind[pdu.command_id] and not one.bind then one.bind, one.esme = pdu, item.from end
    if pdu and pdu.command == "deliver_sm_resp" then
      one.statuses[#one.statuses + 1] = literal(explain.status(pdu.command_status).name)
    end
    if pdu and pdu.command == "outbind" then one.esme = one.esme or item.to end
    if pdu and one.bind and not one.bound and pdu.command == one.bind.command .. "_resp" then one.bound = pdu end
    if pdu and not one.esme and (pdu.command == "submit_sm" or pdu.command == "deliver_sm_resp") then one.guess = item.from end
    if pdu and not one.esme and (pdu.command == "deliver_sm" or pdu.command == "submit_sm_resp") then one.guess = item.to end
  end
  for _, one in ipairs(list) do
    one.esme = one.esme or one.guess
    if not one.esme then -- the higher port is a client's
      local from, to = tonumber(one.first.from:match "(%d+)$"), tonumber(one.first.to:match "(%d+)$")
      one.esme = from >= to and one.first.from or one.first.to
    end
    one.mc = one.first.from == one.esme and one.first.to or one.first.from
  end
  return list
end

local KIND = { bind_transceiver = "trx", bind_transmitter = "tx", bind_receiver = "rx" }

--- The actors of a script for the ESME's part.
local function head_of_esme(self, connections)
  local out, options = self.out, {}
  local bound = connections[1].bound
  if bound and bound.command_status == 0 then
    if bound.system_id and bound.system_id ~= "" then options[1] = "system_id = " .. literal(bound.system_id) end
    local version = bound.sc_interface_version
    options[#options + 1] = ("version = %s"):format(literal(version and version >= 0x50 and "5.0" or "3.4"))
  end
  out:line "  -- The message centre: --set smsc=smpp://… names one, else it is our simulator."
  out:call("local smsc = t.vars.smsc or t:sim ", options, "")
  for i, one in ipairs(connections) do
    one.actor = i == 1 and "esme" or "esme" .. i
    out:line(('  local %s = t[t.vars.smsc and "connect" or "esme"](t, { smsc, scripted = true, auto = { "enquire_link" } })'):format(one.actor))
  end
end

--- The actors of a script for the message centre's part.
local function head_of_smsc(self, connections)
  local out, bound = self.out, connections[1].bound
  local options = { "auto = { \"enquire_link\" }" }
  if bound and bound.command_status == 0 and bound.system_id ~= "" then table.insert(options, 1, "system_id = " .. literal(bound.system_id)) end
  out:call("local smsc = t:smsc ", options, "")
  out:line "  -- The ESME: --set esme=COMMAND runs one, else it is our client, which sends what was recorded."
  out:line "  if t.vars.esme then t:external { smsc, t.vars.esme } end"
  for i, one in ipairs(connections) do
    one.actor, one.client = "smsc", i == 1 and "client" or "client" .. i
    local bind = one.bind
    if bind then
      local fields = {
        "smsc", literal((bind.system_id or "me") .. ":secret"), "bind = " .. literal(KIND[bind.command]), "retry = false", "window = 100",
      }
      for _, name in ipairs { "system_type", "address_range" } do
        if bind[name] ~= "" then fields[#fields + 1] = ("%s = %s"):format(name, literal(bind[name])) end
      end
      for _, name in ipairs { "addr_ton", "addr_npi" } do
        if bind[name] ~= 0 then fields[#fields + 1] = ("%s = %d"):format(name, bind[name]) end
      end
      local version = bind.interface_version
      fields[#fields + 1] = ("version = %s"):format(literal(version >= 0x50 and "5.0" or version < 0x34 and "3.3" or "3.4"))
      fields[#fields + 1] = "enquire_link_s = 0"
      if #one.statuses > 0 then
        out:line(("  local answered%d = 0 -- deliver_sm, of which the ESME answered so:"):format(i))
        out:call(("local answers%d = "):format(i), one.statuses, "")
        fields[#fields + 1] = ("deliver_sm = function() answered%d = answered%d + 1 return nil, answers%d[answered%d] end"):format(i, i, i, i)
      end
      out:call(("local %s = not t.vars.esme and t:esme "):format(one.client), fields, "")
    else
      out:line(("  local %s = false -- the capture has no bind of it"):format(one.client))
    end
  end
end

--- The recorded requests of an ESME that our client sends.
local function let_client_send(self, one, item)
  local pdu, out = item.pdu, self.out
  if pdu.command_id >= RESPONSE or is_silent(pdu) or commands.roles.bind[pdu.command_id] then return end
  if pdu.command == "unbind" then
    return out:line(("  if %s then t:go(function() %s:close() end) end"):format(one.client, one.client))
  end
  local fields = sent_fields(pdu)
  if not fields or not commands.ids[pdu.command] then return end
  out:line(("  if %s then"):format(one.client))
  out:call(("t:go(function() %s:%s "):format(one.client, pdu.command), list_of(fields), " end)", "    ")
  out:line "  end"
end

---@class smpp.RecordOptions
---@field side "esme"|"smsc"
---@field name string            of the scenario
---@field ports table<integer, boolean>?
---@field connection integer?
---@field pace number?           default 1

--- Writes a scenario.
---@param source string|fun(n: integer): string?  octets of a capture
---@param o smpp.RecordOptions
---@return string? lua
---@return string|string[] message_or_warnings
function record.write(source, o)
  local items, warnings, partial = {}, {}, {}
  local summary, message = captures.read(source, function(item)
    if o.connection and item.connection ~= o.connection then return end
    if item.kind == "pdu" then
      items[#items + 1] = item
    else
      partial[item.connection] = true
    end
  end, { ports = o.ports })
  if not summary then return nil, message end
  if #items == 0 then return nil, "no SMPP PDUs found" end
  if summary.problem then warnings[1] = summary.problem end
  local connections = survey(items)
  local self = {
    out = setmetatable({ lines = {} }, Writer), pace = o.pace or 1, last = nil, has_id = HAS_ID,
    side = o.side or "esme", ids = {}, id_count = 0, requests = {}, request_count = 0, arrivals = {}, arrival_count = 0,
  }
  local out = self.out
  out:line(("-- The part of the %s, by `smpp test --from`: fails where the other side differs."):format(
    o.side == "smsc" and "message centre" or "ESME"))
  local by_number = {}
  for i, one in ipairs(connections) do
    by_number[one.number], one.order = one, i
    out:line(("-- Connection %d: ESME %s, message centre %s"):format(one.number, one.esme, one.mc))
    local whole = one.bind and one.items[1].pdu == one.bind
    if partial[one.number] or not whole then
      local words = ("connection %d is cut: only what is whole is written"):format(one.number)
      out:line("-- " .. words)
      warnings[#warnings + 1] = words
    end
  end
  out:line 'local scenario = require "smpp.scenario"'
  out:line ""
  local span = items[#items].time - items[1].time
  local limit_s = math.ceil(span * math.max(1, self.pace) * 2 + 30)
  out:line(("scenario(%s, { limit_s = %d }, function(t)"):format(literal(o.name), limit_s))
  if o.side == "smsc" then head_of_smsc(self, connections) else head_of_esme(self, connections) end
  out:line "  local r, a, id = {}, {}, {} -- requests of the script, arrivals, message ids"
  for _, item in ipairs(items) do
    local one = by_number[item.connection]
    local is_script = (item.from == one.esme) == (o.side ~= "smsc")
    local actor = one.actor
    if o.side == "smsc" then actor = #connections == 1 and "smsc:session()" or ("smsc:session(%d)"):format(one.order) end
    if is_script then
      say(self, item, actor)
    else
      if o.side == "smsc" then let_client_send(self, one, item) end
      hear(self, item, o.side == "smsc" and (#connections == 1 and "smsc" or actor) or actor, one)
    end
  end
  out:line "end)"
  return table.concat(out.lines, "\n") .. "\n", warnings
end

return record
