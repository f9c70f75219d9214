--- tshark 4.0 reads every PDU our encoder writes: it finds SMPP, nothing malformed, and each value in its place.
--- Beyond it (its own limits, not ours): the commands of 3.3 alone, bodies behind a status that is not 0, TLVs of
--- query_sm_resp, whatever follows broadcast_rep_num, ms_validity of four octets, message_state 0 and 9.
local core = require "smpp.core"
local pdml = require "spec.support.pdml"
local pdus = require "smpp.codec"
local timestamp = require "smpp.codec.timestamp"
local util = require "spec.support.util"

local hex = util.hex

-- Its names where they are not the standard's.  Fields of bits are looked up by their first part.
local PARAMETERS = {
  esm_class = "esm.submit.msg_mode", registered_delivery = "regdel.receipt", short_message = "message",
}
local TLVS = {
  dest_port = "destination_port", sc_interface_version = "SC_interface_version", dest_addr_np_information = "dest_addr_np_info",
  alert_on_message_delivery = "alert_on_message_delivery_type", broadcast_content_type_info = "broadcast_content_type.info",
  billing_identification = "billing_id",
}
-- TLVs that it takes apart, or shows as more than a number, a text or octets.
local TAKEN_APART = {
  broadcast_area_identifier = true, broadcast_content_type = true, broadcast_frequency_interval = true, callback_num = true,
  callback_num_pres_ind = true, callback_num_atag = true, ms_msg_wait_facilities = true, its_session_info = true,
  network_error_code = true, broadcast_end_time = true, failed_broadcast_area_identifier = true,
}
local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

local commands, tlv_rows = {}, {}
for _, command in ipairs(core.protocol.commands()) do commands[command.name] = command end
for _, row in ipairs(core.protocol.tlvs()) do tlv_rows[row.name] = row end

-- Of 3.3 alone: it does not know them.
local BEYOND = {}
for _, name in ipairs { "query_last_msgs", "query_msg_details", "param_retrieve" } do BEYOND[name], BEYOND[name .. "_resp"] = true, true end

local SIZES = { int1 = 1, int2 = 2, int4 = 4 }

--- Where each value that was meant must be: a list of { name, offset, size, value, kind }, and where the TLVs begin.
local function places(meant)
  local list, offset = {}, 16
  local function put(name, kind, value, size)
    list[#list + 1] = { name = name, kind = kind, value = value, offset = offset, size = size }
    offset = offset + size
  end
  local function number(name, value, size) put(name, "number", value, size) end
  local function cstring(name, value) put(name, "text", value, #value + 1) end
  for _, param in ipairs(commands[meant.command].params) do
    local name, value = param.name, meant[param.name]
    if name == "dest_address" then
      offset = offset + 1 -- number_of_dests
      for _, dest in ipairs(value or {}) do
        offset = offset + 1 -- dest_flag, which it does not show
        if dest.dl_name then
          cstring("dl_name", dest.dl_name)
        else
          number("dest_addr_ton", dest.dest_addr_ton, 1)
          number("dest_addr_npi", dest.dest_addr_npi, 1)
          cstring("destination_addr", dest.destination_addr)
        end
      end
    elseif name == "unsuccess_sme" then
      offset = offset + 1 -- no_unsuccess
      for _, dest in ipairs(value or {}) do
        number("dest_addr_ton", dest.dest_addr_ton, 1)
        number("dest_addr_npi", dest.dest_addr_npi, 1)
        cstring("destination_addr", dest.destination_addr)
        number("error_status_code", dest.error_status_code, 4)
      end
    elseif name == "short_message" then
      number("sm_length", #(value or ""), 1)
      put(name, "octets", value or "", #(value or ""))
    elseif SIZES[param.kind] then
      number(name, value or 0, SIZES[param.kind])
    else
      put(name, param.kind == "time" and "time" or "text", value or "", #(value or "") + 1)
    end
  end
  return list, offset
end

local function find(fields, name, offset)
  for _, field in ipairs(fields) do
    if field.offset == offset and (field.name == name or field.name == name .. "_r") then return field end
  end
end

--- Seconds since 1970 of "Jan  1, 2025 00:00:00.000000000 UTC", seconds of "86400.000000000".
local function seconds_shown(show)
  local month, day, year, hour, minute, second, tenth = show:match "^(%a+)%s+(%d+), (%d+) (%d+):(%d+):(%d+)%.(%d)"
  if not month then return tonumber(show) end
  return timestamp.parse(("%02d%02d%02d%02d%02d%02d%d00+"):format(year % 100, MONTHS[month], day, hour, minute, second, tenth)).unix
end

local function agrees(place, field)
  if place.kind == "number" then
    return field.hex == ("%0" .. place.size * 2 .. "x"):format(place.value) and (field.is_masked or tonumber(field.show) == place.value)
  elseif place.kind == "text" then
    return field.show == place.value or place.value == "" and field.show == "(Default)"
  elseif place.kind == "octets" then
    return field.hex == hex(place.value)
  end
  local time = assert(timestamp.parse(place.value))
  -- it leaves out the years and months of a period
  return field.hex == hex(place.value) .. "00" and seconds_shown(field.show) == (time.unix or time.rest_s or time.seconds or 0)
end

local function check_parameters(meant, fields, where)
  local list, offset = places(meant)
  for _, place in ipairs(list) do
    local name = PARAMETERS[place.name] or place.name
    local field = find(fields, name, place.offset)
    if not field and meant.command == "submit_multi" and name == "validity_period" then -- it has the wrong label there
      field = find(fields, "schedule_delivery_time", place.offset)
    end
    local what = ("%s: %s"):format(where, place.name)
    if field then
      assert.equal(place.size, field.size, what)
      assert.is_true(agrees(place, field), ("%s is %s (%s), meant %s"):format(what, field.show, field.hex or "", tostring(place.value)))
    else -- it does not show what is empty
      assert.is_true(place.value == "", what .. " is not where it was meant")
    end
  end
  return offset
end

local function check_tlvs(tlvs, fields, offset, where)
  for _, tlv in ipairs(tlvs) do
    if tlv.name == "broadcast_rep_num" then return end
    local row = assert(tlv_rows[tlv.name])
    local what = ("%s: %s"):format(where, tlv.name)
    local parameter = assert(find(fields, "opt_param", offset), what)
    assert.equal(("Optional parameter: %s (0x%04x)"):format(tlv.name, row.tag), parameter.showname)
    assert.equal(#tlv.octets, tonumber(find(fields, "opt_param_len", offset + 2).show), what)
    local at, field = offset + 4, nil
    for _, candidate in ipairs(fields) do
      if candidate.offset == at and candidate.name == (TLVS[tlv.name] or tlv.name) then field = candidate end
    end
    if not TAKEN_APART[tlv.name] and #tlv.octets > 0 then
      assert.is_truthy(field, what)
      assert.equal(hex(tlv.octets), field.hex, what)
      if row.kind:find "^int" then
        assert.equal(tonumber(hex(tlv.octets), 16), tonumber(field.show), what)
      elseif row.kind == "cstring" then
        assert.equal((tlv.octets:gsub("%z$", "")), field.show, what)
      end
    elseif #tlv.octets > 0 then -- its parts cover the value, no more and no less
      local covered = {}
      for _, candidate in ipairs(fields) do
        if candidate.name:find("^" .. tlv.name:gsub("_info$", ""):gsub("_code$", ""):gsub("^ms_", ""):gsub("_facilities$", "")
          :gsub("_pres_ind$", "")) and candidate.offset >= at and candidate.offset < at + #tlv.octets then
          for i = candidate.offset, candidate.offset + candidate.size - 1 do covered[i - at + 1] = true end
        end
      end
      assert.equal(#tlv.octets, #covered, what)
    end
    offset = at + #tlv.octets
  end
end

--- cases: { name, meant = what encode gets, tlvs = { { name, octets } } }.  tshark gets them all at once.
local function check(cases)
  local list = {}
  for i, case in ipairs(cases) do
    case.meant.sequence_number = case.meant.sequence_number or i
    local octets, message = pdus.encode(case.meant)
    list[i] = octets or error(case.name .. ": " .. message)
  end
  local packets = pdml.dissect(list)
  assert.equal(#list, #packets)
  for i, case in ipairs(cases) do
    local fields, meant = packets[i], case.meant
    local beyond = false
    for _, tlv in ipairs(case.tlvs or {}) do beyond = beyond or tlv.name == "broadcast_rep_num" end
    if not beyond and fields.malformed ~= "WSP" then -- it takes what comes with port 2948 for WAP push
      assert.is_nil(fields.malformed, case.name .. " is malformed: " .. hex(list[i]))
    end
    assert.equal("exported_pdu:smpp", fields.protocols:match "^[^:]+:smpp", case.name)
    assert.equal(#list[i], tonumber(find(fields, "command_length", 0).show), case.name)
    assert.equal(commands[meant.command].id, tonumber(find(fields, "command_id", 4).show), case.name)
    assert.equal(meant.sequence_number, tonumber(find(fields, "sequence_number", 12).show), case.name)
    if commands[meant.command].id >= 0x80000000 then
      assert.equal(meant.command_status or 0, tonumber(find(fields, "command_status", 8).show), case.name)
    end
    if (meant.command_status or 0) == 0 then
      local offset = check_parameters(meant, fields, case.name)
      check_tlvs(case.tlvs or {}, fields, offset, case.name)
    end
  end
end

local function filled(param)
  local max = math.max(param.max[1], param.max[2], param.max[3])
  local value = ({ message_state = 8, esm_class = 0x83, data_coding = 4 })[param.name]
  if value then return value end
  if param.kind == "int1" then return param.name == "replace_if_present_flag" and 1 or 0xA5 end
  if param.kind == "int4" then return 0x58 end
  if param.kind == "time" then return param.name == "validity_period" and "000007000000000R" or "261121050600032-" end
  if param.name == "short_message" then return ("short message "):rep(18):sub(1, 250) end
  return ("x1"):rep(40):sub(1, max - 1)
end

local LISTS = {
  dest_address = { { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491761" }, { dl_name = "friends" } },
  unsuccess_sme = {
    { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491761", error_status_code = 0x0B },
    { dest_addr_ton = 5, dest_addr_npi = 0, destination_addr = "Shop", error_status_code = 0x58 },
  },
}

describe("tshark reads what our encoder writes:", function()
  it("every command, empty, full, and as a refusal", function()
    local cases = {}
    for _, command in ipairs(core.protocol.commands()) do
      if not BEYOND[command.name] then
        cases[#cases + 1] = { name = command.name .. ", empty", meant = { command = command.name } }
        local full = { command = command.name, sequence_number = 0x7FFFFF00 + #cases }
        for _, param in ipairs(command.params) do
          if param.name == "dest_address" or param.name == "unsuccess_sme" then
            full[param.name] = LISTS[param.name]
          else
            full[param.name] = filled(param)
          end
        end
        cases[#cases + 1] = { name = command.name .. ", full", meant = full }
        if command.id >= 0x80000000 then
          cases[#cases + 1] = { name = command.name .. ", refused", meant = { command = command.name, command_status = 0x58 } }
        end
      end
    end
    assert.is_true(#cases > 60)
    check(cases)
  end)

  it("every TLV, as short and as long as it may be", function()
    local cases, carriers = {}, {}
    for _, row in ipairs(util.tsv "command_tlvs.tsv") do
      if row.command ~= "query_sm_resp" and not row.command:find("*", 1, true) then carriers[row.tlv] = carriers[row.tlv] or row.command end
    end
    for _, row in ipairs(core.protocol.tlvs()) do
      local sizes = { row.min, math.min(row.max, 300) }
      if row.name == "ms_validity" then sizes = { 1 } end
      if row.name == "broadcast_end_time" then sizes = { 17 } end -- it wants the NUL
      for _, size in ipairs(sizes) do
        local octets = ("\1"):rep(size)
        if row.kind == "cstring" then octets = ("a"):rep(size - 1) .. "\0" end
        if row.name == "broadcast_end_time" then octets = "261121050600000+\0" end
        local meant = { command = carriers[row.name] or "submit_sm", tlvs = { { row.tag, octets } } }
        cases[#cases + 1] = { name = ("%s of %d octets"):format(row.name, size), meant = meant, tlvs = { { name = row.name, octets = octets } } }
      end
    end
    assert.is_true(#cases > 100)
    check(cases)
  end)

  it("the golden vectors", function()
    local cases = {}
    for _, vector in ipairs(util.vectors "pdu.jsonl") do
      local meant, tlvs = { command = vector.command, command_status = vector.command_status, sequence_number = vector.sequence_number, tlvs = {} }, {}
      for name, value in pairs(vector.fields) do meant[name] = name == "short_message" and util.unhex(value) or value end
      for i, tlv in ipairs(vector.tlvs) do
        tlvs[i] = { name = tlv.name, octets = util.unhex(tlv.value) }
        meant.tlvs[i] = { tonumber(tlv.tag), tlvs[i].octets }
      end
      cases[#cases + 1] = { name = vector.name, meant = meant, tlvs = tlvs }
    end
    assert.is_true(#cases > 100)
    check(cases)
  end)
end)
