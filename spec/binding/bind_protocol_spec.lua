-- The C tables against the tables of the standard, row by row.
local core = require "smpp.core"
local util = require "spec.support.util"

local function by(list, key)
  local out = {}
  for _, row in ipairs(list) do out[row[key]] = row end
  return out
end

local function has(list, item) return ("," .. list .. ","):find("," .. item .. ",", 1, true) ~= nil end

local STATES = { OPEN = 1, OUTBOUND = 2, BOUND_TX = 4, BOUND_RX = 8, BOUND_TRX = 16, UNBOUND = 32 }
local function states(text)
  local set = 0
  for name, bit in pairs(STATES) do
    if has(text, name) then set = set + bit end
  end
  return set
end

describe("bind_protocol: tables of the standard", function()
  local commands = by(core.protocol.commands(), "name")

  it("hold every command: id, versions, response, who sends it in which states", function()
    local rows = util.tsv "commands.tsv"
    assert.equal(#rows, #core.protocol.commands())
    for _, row in ipairs(rows) do
      local command = commands[row.name]
      assert.equal(tonumber(row.command_id), command.id)
      assert.equal(row.versions, table.concat(command.versions, ","))
      assert.equal(row.response ~= "-" and commands[row.response].id or nil, command.response_id)
      assert.equal(states(row.esme_sends_in), command.esme_sends_in, row.name)
      assert.equal(states(row.mc_sends_in), command.mc_sends_in, row.name)
      local roles = {}
      for role in row.roles:gmatch "[%w_]+" do roles[role] = true end
      assert.same(roles, command.roles, row.name)
    end
  end)

  it("are sorted by command_id, which is searched for", function()
    local last = -1
    for _, command in ipairs(core.protocol.commands()) do
      assert.is_true(command.id > last, command.name)
      last = command.id
    end
  end)

  it("hold every parameter in wire order with its size in each version", function()
    local seen = {}
    for _, row in ipairs(util.tsv "params.tsv") do
      local command = commands[row.command]
      if not row.pos:find(".", 1, true) then
        local position = (seen[row.command] or 0) + 1
        local param = command.params[position]
        local derived = row.name == "number_of_dests" or row.name == "no_unsuccess" or row.name == "number_msgs"
          or row.name == "sm_length" and row.command ~= "query_msg_details"
        if not derived then
          seen[row.command] = position
          assert.equal(row.name, param.name, row.command)
          if row.type ~= "list" then
            local sizes = { row["max_3.3"], row["max_3.4"], row["max_5.0"] }
            for i = 1, 3 do assert.equal(tonumber(sizes[i]) or 0, param.max[i], row.command .. " " .. row.name) end
          end
        end
      end
    end
    for name, command in pairs(commands) do assert.equal(seen[name] or 0, #command.params, name) end
  end)

  it("hold every TLV", function()
    local tlvs = by(core.protocol.tlvs(), "name")
    local rows = util.tsv "tlvs.tsv"
    assert.equal(#rows, #core.protocol.tlvs())
    for _, row in ipairs(rows) do
      local tlv = tlvs[row.name]
      assert.equal(tonumber(row.tag), tlv.tag)
      assert.equal(tonumber(row.min_len), tlv.min)
      assert.equal(tonumber(row.max_len), tlv.max)
      assert.equal(row.versions, table.concat(tlv.versions, ","))
      assert.equal(row.type == "bitmask1" and "int1" or row.type, tlv.kind)
    end
  end)

  it("hold every status, by code, name and alias, with advice", function()
    local rows = util.tsv "statuses.tsv"
    assert.equal(73, #rows)
    for _, row in ipairs(rows) do
      local status = core.protocol.status(tonumber(row.code))
      local alias = row.alias:match("^ESME_[%w_]+")
      assert.equal(row.name ~= "-" and row.name or alias, status.name)
      assert.equal(row.alias:match "%((.*)%)$", status.note)
      assert.equal(row.class, status.class)
      assert.equal(row.bind ~= "-" and row.bind or nil, status.bind)
      assert.equal(row.description, status.meaning)
      assert.is_true(#status.advice > 5)
      assert.equal(status.code, core.protocol.status(status.name).code)
      if alias and row.name ~= "-" then assert.is_number(core.protocol.status(alias).code) end
    end
    assert.is_nil(core.protocol.status(0x94))
    assert.is_nil(core.protocol.status "ESME_RNOTHING")
  end)

  it("hold every named value", function()
    local values = core.protocol.values()
    for _, row in ipairs(util.tsv "enums.tsv") do
      if row.mask ~= "text" then
        local base, sub = row.field:match("^([^.]+)%.?(.*)$")
        for piece in row.value:gmatch("[^,]+") do
          local low = tonumber(piece:match("^[^-]+"))
          local found
          for _, value in ipairs(values[base]) do
            if value.sub == sub and value.low == low and value.name == row.name:lower() then found = value end
          end
          assert.truthy(found, row.field .. " " .. row.value)
        end
      end
    end
  end)
end)
