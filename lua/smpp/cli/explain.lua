--- smpp explain: statuses, field values, commands, parameters and TLVs in words.
local core = require "smpp.core"
local exit = require "smpp.cli.exit"
local explain_tls = require "smpp.cli.explain_tls"
local explains = require "smpp.codec.explain"
local json = require "smpp.codec.json"
local option_help = require "smpp.cli.option_help"
local receipt_terms = require "smpp.cli.receipt_terms"
local registry = require "smpp.codec.commands"
local strings = require "smpp.base.strings"
local text = require "smpp.text"
local tls_flags = require "smpp.cli.tls_flags"
local vendor = require "smpp.cli.vendor"

local explain = {
  description = "Explains a command_status (meaning, what to check), the value of a field, a command, a parameter, a TLV, or a word "
    .. "of a delivery receipt.",
  epilog = [[
Examples:
   smpp explain ESME_RBINDFAIL
   smpp explain 0x58
   smpp explain data_coding 0xF5
   smpp explain esm_class 0x43
   smpp explain submit_sm
   smpp explain 0x0424
   smpp explain stat:UNDELIV
   smpp explain tls://smsc.example:8775]],
}

--- The command's arguments and options.
---@param command table  of argparse
function explain.define(command)
  command:argument("what", "A status, command, parameter or TLV, by name or number; a word of a receipt, as DELIVRD; or tls://HOST:PORT: "
    .. "what a peer offers.")
  command:argument("value", "Value of that field: a number, or a status."):args "?"
  vendor.define(command)
  tls_flags.define(command)
end

local tlvs = core.protocol.tlvs()
local sets = core.protocol.values()

--- All commands, also those that were declared since, in the order of their ids.
local function all_commands()
  local list = {}
  for _, row in pairs(registry.rows) do list[#list + 1] = row end
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

local function by(list, key, value)
  for _, row in ipairs(list) do
    if row[key] == value then return row end
  end
end

local function number(word)
  local n = strings.integer(word)
  return n and n <= 0xFFFFFFFF and n or nil
end

local CLASSES = {
  throttle = "slow down, then send it again", temporary = "may work later", permanent = "will not work again as it is",
  session = "the session is in the wrong state or broken",
}
local BINDS = {
  bound = "the session stays bound", retry_later = "a bind may be tried again later",
  give_up = "do not bind again until the cause is fixed",
}

--- "3.3; number inferred" in words.
local function of_version(note)
  local version, more = note:match "^([%d.]+);? ?(.*)$"
  return ("in SMPP %s%s"):format(version, more ~= "" and " (" .. more .. ")" or "")
end

local function status_lines(add, row)
  local hex = ("0x%08X"):format(row.code)
  add("status", row.name == hex and ("%s (%.0f)"):format(hex, row.code) or ("%s (%s, %.0f)"):format(row.name, hex, row.code))
  if row.alias then add("also called", row.note and row.alias .. " " .. of_version(row.note) or row.alias) end
  if row.note and not row.alias then add("name", "only " .. of_version(row.note)) end
  add("meaning", row.meaning)
  add("to check", row.advice)
  if CLASSES[row.class] then add("as an answer", CLASSES[row.class]) end
  if row.code ~= 0 and BINDS[row.bind] then add("to a bind", BINDS[row.bind]) end
end

local STATES = { [0] = "OPEN", "OUTBOUND", "BOUND_TX", "BOUND_RX", "BOUND_TRX", "UNBOUND" }

local function states(mask)
  local names = {}
  for bit = 0, 5 do
    if math.floor(mask / 2 ^ bit) % 2 == 1 then names[#names + 1] = STATES[bit] end
  end
  return #names > 0 and table.concat(names, ", ") or nil
end

local KINDS = {
  int1 = "1 octet", int2 = "2 octets", int4 = "4 octets", text = "octets, their number before them", dest_address = "list of addresses",
  unsuccess_sme = "list of addresses and statuses", message_ids = "list of ids", octets = "octets", int1_or_empty = "nothing or 1 octet",
  cstring = "text", time = "time",
}

local function size(param)
  if param.kind ~= "cstring" and param.kind ~= "time" and param.kind ~= "text" then return KINDS[param.kind] end
  local most = param.max[3] > 0 and param.max[3] or math.max(param.max[1], param.max[2])
  if param.kind == "text" then return ("%s, at most %d"):format(KINDS.text, most) end
  return ("%s of at most %d octets and a NUL"):format(KINDS[param.kind], most - 1)
end

local HEADER = {
  command_length = "octets 1 to 4 of every PDU: its length in octets, these included; 16 at least",
  command_id = "octets 5 to 8: what the PDU is; a response has the id of its request and bit 31 set",
  command_status = "octets 9 to 12: 0 in requests; in responses the result of the request: smpp explain command_status N",
  sequence_number = "octets 13 to 16: a response has that of its request; 1 to 0x7FFFFFFF, counted up by each side",
}

--- A vendor's TLV that --config names.
local function declared_lines(add, tlv)
  add("TLV", ("%s (0x%04X), of a vendor"):format(tlv.name, tlv.tag))
  add("type", tlv.type or "octets")
end

--- Numbers that the standard leaves to vendors: command_ids (5.0, 4.7.5), here with those of responses, and tags (5.0, 4.8.1).
local function vendor_lines(add, what, n)
  local is_known = false
  if n % 0x80000000 >= 0x00010200 and n % 0x80000000 <= 0x000102FF then
    add("command", ("0x%08X: specific to a vendor (0x00010200 to 0x000102FF)"):format(n))
    is_known = true
  elseif #what == 6 and n >= 0x1400 and n <= 0x3FFF then
    add("TLV", ("0x%04X: specific to a vendor (0x1400 to 0x3FFF)"):format(n))
    is_known = true
  end
  if is_known then add("to check", "ask the carrier what it means; a name given in --config FILE is known here and to decode") end
  return is_known
end

local STANDARD_LAST = 0x1FF -- 5.0, 4.7.5

local function command_lines(add, row)
  add("command", ("%s (0x%08X), %s"):format(row.name, row.id, row.id % 0x80000000 > STANDARD_LAST
    and "a command of a vendor" or "SMPP " .. table.concat(row.versions, ", ")))
  local response = row.response_id and registry.rows[row.response_id]
  if response then add("answered by", ("%s (0x%08X), or generic_nack"):format(response.name, response.id)) end
  add("an ESME sends it in", states(row.esme_sends_in))
  add("an MC sends it in", states(row.mc_sends_in))
  for i, param in ipairs(row.params) do add(i == 1 and "parameters" or "", ("%s  (%s)"):format(param.name, size(param))) end
end

local function set_name(field)
  for _, command in ipairs(all_commands()) do
    local param = by(command.params, "name", field)
    if param then return param.values ~= "" and param.values or nil, true end
  end
  local tlv = by(tlvs, "name", field) or by(tlvs, "alias", field)
  if tlv then return tlv.values ~= "" and tlv.values or nil, true end
  if sets[field] then return field, true end
end

local function field_lines(add, name)
  local users = {}
  for _, command in ipairs(all_commands()) do
    local param = by(command.params, "name", name)
    if param then
      if #users == 0 then add("parameter", ("%s: %s"):format(name, size(param))) end
      users[#users + 1] = command.name
    end
  end
  if #users > 0 then add("in", table.concat(users, ", ")) end
  local tlv = by(tlvs, "name", name) or by(tlvs, "alias", name)
  if tlv then
    add("TLV", ("%s (0x%04X), SMPP %s"):format(tlv.name, tlv.tag, table.concat(tlv.versions, ", ")))
    local lengths = tlv.min == tlv.max and ("%d"):format(tlv.min) or ("%d to %d"):format(tlv.min, tlv.max)
    add("length", lengths .. (lengths == "1" and " octet" or " octets") .. (tlv.repeats and ", may stand more than once" or ""))
  end
  if name == "its_session_info" then
    add("first octet", "the number of the session")
    add("second octet", "bits 7 to 1: the sequence number of the message in the session; bit 0: 1 at the end of the session")
  end
  local set = set_name(name)
  for i, row in ipairs(set and sets[set] or {}) do
    local value = row.low == row.high and ("0x%02X"):format(row.low) or ("0x%02X-0x%02X"):format(row.low, row.high)
    if row.mask ~= 0xFF then value = ("%s of 0x%02X"):format(value, row.mask) end
    add(i == 1 and "values" or "", ("%-14s %s%s"):format(value, row.sub ~= "" and row.sub .. ": " or "", row.name))
  end
end

--- The parts of a field of bits, each with its own name.
local function part_lines(add, name, value)
  local seen = {}
  for _, row in ipairs(sets[set_name(name)]) do
    local part = explains.masked(value, row.mask)
    if row.sub ~= "" and not seen[row.sub] and part >= row.low and part <= row.high then
      seen[row.sub] = true
      add("", ("%s: %s"):format(row.sub, row.name))
    end
  end
end

local function mwi_words(mwi)
  return ("%s waiting, %s, the message is %s"):format(mwi.type, mwi.active and "on" or "off", mwi.store and "stored" or "discarded")
end

--- its_session_info (5.0, 4.8.4.36): the number of the session, then seven bits of sequence number and the end indicator.
local function session_info_lines(add, value)
  local low = value % 256
  add("its_session_info", ("0x%04X"):format(value))
  add("session number", ("%d"):format(math.floor(value / 256)))
  add("sequence number", ("%d"):format(math.floor(low / 2)))
  add("end of session", low % 2 == 1 and "yes: the last message of this session" or "no: the session goes on")
  add("to send it", ("--set its_session_info=%d,%d%s"):format(math.floor(value / 256), math.floor(low / 2), low % 2 == 1 and ",end" or ""))
end

local function value_lines(add, name, value)
  if name == "its_session_info" and value <= 0xFFFF then return session_info_lines(add, value) end
  if name == "data_coding" and value <= 255 then
    local row = text.data_coding(value)
    add("data_coding", ("%d (0x%02X): %s"):format(value, value, explains.value(name, value) or ""))
    add("the text is in", row.encoding .. (row.default and " (the MC's default alphabet, usually)" or ""))
    if row.class then add("message class", ("%d%s"):format(row.class, row.flash and ", flash: shown at once, not stored" or "")) end
    if row.compressed then add("compressed", "yes: it cannot be read without decompressing") end
    if row.reserved then add("reserved", "no standard defines this value") end
    if row.mwi then add("indication", mwi_words(row.mwi)) end
    return
  end
  add(name, ("%.0f (0x%02X): %s"):format(value, value, explains.value(name, value) or "out of range"))
  if value <= 255 then part_lines(add, name, value) end
end

--- A status by its name, its alias, or its name without ESME_ or ESME_R.
local function status_named(word)
  for _, prefix in ipairs { "", "ESME_", "ESME_R" } do
    local row = core.protocol.status(prefix .. word:upper())
    if row then return explains.status(row.code) end
  end
end

--- Finds all that the words may mean.
---@param add fun(name: string, words: string?)
---@return boolean known
---@param declared table[]  vendors' TLVs
local function find(add, what, value, declared)
  local n = number(what)
  local own = not value and (by(declared, "name", what:lower()) or n and #what == 6 and by(declared, "tag", n))
  if own then
    declared_lines(add, own)
    return true
  end
  if receipt_terms.find(add, what, value) then return true end
  if value then
    local m = number(value)
    if not m then
      local row = status_named(value)
      if not row or not (what:find "status" or what:find "error") then return false end
      status_lines(add, row)
    elseif what == "command_status" or what == "status" or what == "error_status_code" then
      status_lines(add, explains.status(m))
    elseif what == "command_id" then
      local row = registry.rows[m]
      if not row then return false end
      command_lines(add, row)
    else
      local set, known = set_name(what)
      if not known then return false end
      if not set and what ~= "its_session_info" then
        add(what, ("%.0f: the standard gives its values no names"):format(m))
      else
        value_lines(add, what, m)
      end
    end
    return true
  end
  local known = false
  if n then
    local command = registry.rows[n]
    local tlv = by(tlvs, "tag", n)
    local row = core.protocol.status(n) and explains.status(n)
    if not row and not command and not tlv and vendor_lines(add, what, n) then return true end
    if not row and not command and not tlv then row = explains.status(n) end
    if row then status_lines(add, row) end
    -- small numbers are statuses, not command_ids
    if command and (what:lower():find "^0x%x%x%x%x%x%x%x%x$" or n > 0xFF) then command_lines(add, command) end
    if tlv and (#what == 6 or not row) then field_lines(add, tlv.name) end
    return row ~= nil or command ~= nil or tlv ~= nil
  end
  if HEADER[what:lower()] then
    add("header", HEADER[what:lower()])
    known = true
  end
  local row = status_named(what)
  if row then
    status_lines(add, row)
    known = true
  end
  local command = registry.rows[registry.ids[what:lower()]]
  if command then
    command_lines(add, command)
    known = true
  end
  local _, is_field = set_name(what:lower())
  if is_field then
    field_lines(add, what:lower())
    known = true
  end
  return known
end

--- All names, for suggestions.
local function all_names()
  local names = {}
  for _, name in ipairs(core.protocol.statuses()) do names[name] = true end
  for _, command in ipairs(all_commands()) do
    names[command.name] = true
    for _, param in ipairs(command.params) do names[param.name] = true end
  end
  for _, tlv in ipairs(tlvs) do names[tlv.name] = true end
  for name in pairs(HEADER) do names[name] = true end
  receipt_terms.add_names(names)
  return names
end

local function suggestion(what)
  local names = all_names()
  return core.suggest(what, names) or core.suggest(what:upper(), names) or core.suggest(what:lower(), names)
    or #what > 4 and (core.suggest("ESME_" .. what:upper(), names) or core.suggest("ESME_R" .. what:upper(), names)) or nil
end

local MARGIN = (" "):rep(20) -- the column of the names

--- The lines as an object; a line without a name continues the one before.
local function to_object(lines)
  local list = {}
  for _, line in ipairs(lines) do
    local name, words = line[1], line[2]
    if name ~= "" then
      list[#list + 1] = (name:gsub("[ -]", "_"))
      list[#list + 1] = words
    elseif type(list[#list]) == "table" then
      table.insert(list[#list], words)
    else
      list[#list] = json.list { list[#list], words }
    end
  end
  return json.object(list)
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function explain.run(options, out)
  local what, value = options.what, options.value
  if explain_tls.is_url(what) then return explain_tls.run(options, out) end
  if not value and what:find "=" then what, value = what:match "^([^=]*)=(.*)$" end
  local lines = {}
  local function add(name, words)
    if words then lines[#lines + 1] = { name, words } end
  end
  local declared, wrong = vendor.load(options.config)
  if not declared then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  if not find(add, what, value, declared) then
    local like = suggestion(what)
    if value and find(function() end, what, nil, declared) then
      out:fail("%s: unknown value '%s'", what, value)
    else
      out:fail("unknown name or number '%s': not a status, command, parameter, TLV or word of a receipt%s", what,
        like and ("; did you mean %s?"):format(like) or "")
    end
    return exit.FAILED
  end
  if out.json then
    out:object(to_object(lines))
    return exit.DONE
  end
  local width = out:width()
  for _, line in ipairs(lines) do
    local words = line[2]
    if width and #MARGIN + #words > width then words = option_help.wrap(words, width, MARGIN, MARGIN):sub(#MARGIN + 1) end
    out:print(out:paint("cyan", ("%-20s"):format(line[1])) .. words)
  end
  return exit.DONE
end

return explain
