-- Writes csrc/smpp/protocol_data.h from the tables in this folder:
--   lua csrc/tables/gen_protocol.lua csrc/tables > csrc/smpp/protocol_data.h
-- The output is committed; `make check` runs this again and compares.
local dir = arg[1] or "csrc/tables"
local tsv = dofile(dir .. "/tsv.lua")(dir)

local function out(...) io.write(string.format(...), "\n") end
local function quote(text) return '"' .. text:gsub('[\\"]', "\\%0") .. '"' end
local function has(list, item) return ("," .. list .. ","):find("," .. item .. ",", 1, true) ~= nil end

local function versions(text)
  local names = {}
  for _, pair in ipairs { { "3.3", "SMPP_V33" }, { "3.4", "SMPP_V34" }, { "5.0", "SMPP_V50" } } do
    if has(text, pair[1]) then names[#names + 1] = pair[2] end
  end
  return #names > 0 and table.concat(names, " | ") or "0"
end

local function states(text)
  local names = {}
  for _, name in ipairs { "OPEN", "OUTBOUND", "BOUND_TX", "BOUND_RX", "BOUND_TRX", "UNBOUND" } do
    if has(text, name) then names[#names + 1] = "SMPP_IN_" .. name end
  end
  return #names > 0 and table.concat(names, " | ") or "0"
end

-- A count or length parameter is part of the parameter after it.
local count_of = {
  sm_length = "short_message", number_of_dests = "dest_address",
  no_unsuccess = "unsuccess_sme", number_msgs = "message_id",
}
local list_kind = { dest_address = "DESTS", unsuccess_sme = "UNSUCCESS", message_id = "IDS" }
local kinds = { int1 = "U8", int2 = "U16", int4 = "U32", cstring = "CSTRING", cstring_fixed = "TIME", octets = "TEXT" }
local tlv_kinds = {
  int1 = "U8", int2 = "U16", int4 = "U32", bitmask1 = "U8", cstring = "CSTRING", octets = "OCTETS",
  int1_or_empty = "FLAG",
}
-- The status for a parameter that is too long or unterminated (5.0, 2.8.2).
local field_status = {
  service_type = 0x15, source_addr = 0x0A, destination_addr = 0x0B, system_id = 0x0F, password = 0x0E,
  system_type = 0x53, message_id = 0x0C, schedule_delivery_time = 0x61, validity_period = 0x62,
  dl_name = 0x34, dest_address = 0x0B, short_message = 0x01,
}

local commands, params, tlvs = tsv "commands.tsv", tsv "params.tsv", tsv "tlvs.tsv"
local function number(text) return assert(tonumber(text), text) end
table.sort(commands, function(a, b) return number(a.command_id) < number(b.command_id) end) -- smpp_command_by_id searches
for i = 2, #commands do
  if commands[i].command_id == commands[i - 1].command_id then error("commands.tsv: two commands have the id " .. commands[i].command_id) end
end

local ROLES = { "bind", "session", "submit", "text", "message_id", "ordered", "limited", "defaults" }
local is_role = {}
for _, name in ipairs(ROLES) do is_role[name] = true end
local function roles(text)
  local names = {}
  for name in text:gmatch "[%w_]+" do
    names[#names + 1] = "SMPP_ROLE_" .. (is_role[name] and name:upper() or error("commands.tsv: unknown role '" .. name .. "'"))
  end
  return #names > 0 and table.concat(names, " | ") or "0"
end
local by_command = {}
for _, row in ipairs(params) do
  by_command[row.command] = by_command[row.command] or {}
  table.insert(by_command[row.command], row)
end

-- Fields: every parameter name once, in order of first appearance.
local fields, field_index = {}, {}
local function field(name)
  if not field_index[name] then
    fields[#fields + 1] = name
    field_index[name] = #fields
  end
  return "SMPP_F_" .. name:upper()
end
for _, row in ipairs(params) do field(row.name) end

local enums, enum_sets, enum_index = tsv "enums.tsv", {}, {}
for _, row in ipairs(enums) do
  local base, sub = row.field:match("^([^.]+)%.?(.*)$")
  if row.mask ~= "text" then
    if not enum_index[base] then
      enum_sets[#enum_sets + 1] = { name = base }
      enum_index[base] = #enum_sets
    end
    local set = enum_sets[enum_index[base]]
    for piece in row.value:gmatch("[^,]+") do
      local low, high = piece:match("^(.-)%-(.+)$")
      set[#set + 1] = {
        sub = sub, mask = row.mask == "dec" and "0xFF" or row.mask, low = low or piece, high = high or piece,
        name = row.name:lower(),
      }
    end
  end
end
local enum_alias = {
  sc_interface_version = "interface_version", source_addr_subunit = "addr_subunit",
  dest_addr_subunit = "addr_subunit", source_network_type = "network_type", dest_network_type = "network_type",
  source_bearer_type = "bearer_type", dest_bearer_type = "bearer_type",
}
local function enum_of(name)
  local set = enum_index[name] or enum_index[enum_alias[name] or ""] or (name:match("_ton$") and enum_index.ton) or
    (name:match("_npi$") and enum_index.npi)
  return set or 0
end

out "/* Written by csrc/tables/gen_protocol.lua: change the tables there, not this file. */"
out "/* clang-format off */"
out ""
out "#define SMPP_FIELDS(F) /* name, enum set */ \\"
for i, name in ipairs(fields) do
  out("  F(%s, %s, %d)%s", name:upper(), name, enum_of(name), i < #fields and " \\" or "")
end

out ""
out "/* command_id */"
for _, command in ipairs(commands) do out("#define SMPP_%s %su", command.name:upper(), command.command_id) end
out ""
out "/* command_status */"
local statuses = tsv "statuses.tsv"
for _, row in ipairs(statuses) do
  local name = row.name ~= "-" and row.name or row.alias:match "^ESME_[%w_]+"
  out("#define SMPP_%s %su", name:match "^ESME_(.*)", row.code)
end
out ""
out "/* tags */"
for _, tlv in ipairs(tlvs) do out("#define SMPP_TLV_%s %su", tlv.name:upper(), tlv.tag) end
out ""
out "#define SMPP_ROLES(R) /* what a command is for the layers above: commands.tsv */ \\"
for i, name in ipairs(ROLES) do out("  R(%s, %s)%s", name:upper(), name, i < #ROLES and " \\" or "") end
out ""
out "#ifdef SMPP_PROTOCOL_DATA"
out ""
out "/* name, field, kind, most octets (a string's NUL included) in 3.3, 3.4, 5.0 (0: not in that version), enum set,"
out " * status of a bad one */"
out "static const struct smpp_param params[] = {"
local first, index = {}, 0
for _, command in ipairs(commands) do
  local rows = by_command[command.name] or {}
  first[command.name] = { index, 0 }
  for i, row in ipairs(rows) do
    local target = count_of[row.name]
    local counts = target and rows[i + 1] and rows[i + 1].name == target
    if not row.pos:find(".", 1, true) and not counts then
      local kind = row.type == "list" and list_kind[row.name] or kinds[row.type]
      local function size(text) return (text:match("^%d+") or "0") end
      local m33, m34, m50 = size(row["max_3.3"]), size(row["max_3.4"]), size(row["max_5.0"])
      if row.type == "list" then m33, m34, m50 = "255", m34 ~= "0" and "255" or "0", m50 ~= "0" and "255" or "0" end
      if command.name == "submit_multi" and row.name == "dest_address" then m34 = "254" end
      out("  {\"%s\", SMPP_F_%s, SMPP_%s, {%s, %s, %s}, %d, 0x%02X}, /* %s */", row.name, row.name:upper(), kind, m33, m34, m50,
        enum_of(row.name), field_status[row.name] or 0x02, command.name)
      first[command.name][2] = first[command.name][2] + 1
      index = index + 1
    end
  end
end
out "};"

out ""
out "/* [command][field] -> place among the command's parameters plus 1 */"
out("static const uint8_t positions[][%d] = {", #fields)
for _, command in ipairs(commands) do
  local cells, position = {}, 0
  for i = 1, #fields do cells[i] = 0 end
  for i, row in ipairs(by_command[command.name] or {}) do
    local target, following = count_of[row.name], by_command[command.name][i + 1]
    if not row.pos:find(".", 1, true) and not (target and following and following.name == target) then
      position = position + 1
      cells[field_index[row.name]] = position
    end
  end
  out("  {%s}, /* %s */", table.concat(cells, ", "), command.name)
end
out "};"

out ""
out "/* id, name, versions, versions with TLVs, ESME sends in, MC sends in, roles, id of the response, params, positions */"
out "static const struct smpp_command commands[] = {"
local response_id = {}
for _, command in ipairs(commands) do response_id[command.name] = command.command_id end
for i, command in ipairs(commands) do
  out("  {%su, \"%s\", %s, %s, %s, %s, %s, %su, params + %d, %d, positions[%d], SMPP_FIELD_COUNT},", command.command_id, command.name,
    versions(command.versions), command.tlvs == "no" and "0" or versions(command.tlvs), states(command.esme_sends_in),
    states(command.mc_sends_in), roles(command.roles), response_id[command.response] or "0", first[command.name][1],
    first[command.name][2], i - 1)
end
out "};"

local command_tlvs = tsv "command_tlvs.tsv"
local repeats = {}
for _, row in ipairs(command_tlvs) do
  if row.multiple == "yes" then repeats[row.tlv:gsub("^failed_", "")] = true end
end
out ""
out "/* tag, kind, repeats by design, least and most octets, versions, enum set, name, other name */"
out "static const struct smpp_tlv_row tlvs[] = {"
for _, tlv in ipairs(tlvs) do
  local alias = tlv.alias:match("^[%w_]+")
  out("  {%s, SMPP_%s, %s, %s, %s, %s, %d, \"%s\", %s},", tlv.tag, tlv_kinds[tlv.type], tostring(repeats[tlv.name] or false),
    tlv.min_len, tlv.max_len, versions(tlv.versions), enum_of(tlv.name), tlv.name, alias and quote(alias) or "NULL")
end
out "};"

local tag_of = {}
for _, tlv in ipairs(tlvs) do tag_of[tlv.name] = tlv.tag end
tag_of.failed_broadcast_area_identifier = tag_of.broadcast_area_identifier
out ""
out "/* TLVs that a version's table makes part of a command */"
out "static const struct smpp_required_tlv required_tlvs[] = {"
for _, row in ipairs(command_tlvs) do
  if row.presence == "required" then
    out("  {%su, %s}, /* %s, %s */", response_id[row.command], tag_of[row.tlv], row.command, row.tlv)
  end
end
out "};"

local advice = {}
for _, row in ipairs(tsv "status_advice.tsv") do advice[row.code] = row.advice end
out ""
out "/* code, name, alias, note, class, bind, meaning, advice */"
out "static const struct smpp_status_row statuses[] = {"
for _, row in ipairs(statuses) do
  local alias = row.alias:match("^ESME_[%w_]+")
  local name = row.name ~= "-" and row.name or alias
  local note = row.alias:match("%((.*)%)$")
  out("  {%s, %s, %s, %s, %s, %s,\n   %s,\n   %s},", row.code, quote(name), row.name ~= "-" and alias and quote(alias) or "NULL",
    note and quote(note) or "NULL", quote(row.class), row.bind == "-" and "NULL" or quote(row.bind), quote(row.description),
    quote(assert(advice[row.code], "no advice for " .. row.code)))
end
out "};"

out ""
out "/* sub-field, mask, least and most value, name */"
out "static const struct smpp_enum enums[] = {"
local enum_first, n = {}, 0
for i, set in ipairs(enum_sets) do
  enum_first[i] = n
  for _, row in ipairs(set) do
    out("  {%s, %s, %s, %s, %s}, /* %s */", quote(row.sub), row.mask, row.low, row.high, quote(row.name), set.name)
    n = n + 1
  end
end
out "};"
out ""
out "/* place 0 is for fields without names for their values */"
out "static const struct smpp_enum_set enum_sets[] = {"
out "  {\"\", 0, 0},"
for i, set in ipairs(enum_sets) do out("  {%s, %d, %d},", quote(set.name), enum_first[i], #set) end
out "};"
out ""
out "#endif"
