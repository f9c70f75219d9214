--- PDUs in hexadecimal, explained for a page: every line of their dumps, their content, their status, what is odd about them.
local codec = require "smpp.codec"
local content = require "smpp.receipt.content"
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local statuses = require "smpp.codec.explain"

local explain = {}

local object, list_of = json.object, json.list

local PDUS_MAX = 50
local OCTETS_END = 53 -- column of a dump

explain.rows = { { "hex", fields.string(200000), "PDUs in hexadecimal", required = true } }

--- The lines of a dump: { offset, octets, name, value }.
local function lines_of(pdu)
  local list = {}
  for line in pdu:dump():gmatch "[^\n]+" do
    local octets, words = line:sub(7, OCTETS_END):gsub(" ", ""), line:sub(OCTETS_END + 2)
    local name, value = words:match "^(.-)  (.*)$"
    if words == "" and list[1] then
      list[#list].octets = list[#list].octets .. octets
    else
      list[#list + 1] = object { "offset", tonumber(line:sub(1, 4), 16), "octets", octets, "name", name or words, "value", value or "" }
    end
  end
  return list_of(list)
end

local function explained(pdu)
  local status = pdu.command_status ~= 0 and statuses.status(pdu.command_status) or nil
  local told = object({
    "command", pdu.command, "sequence_number", pdu.sequence_number, "length", #pdu:octets(), "lines", lines_of(pdu),
    "status", status and object({ "name", status.name, "text", status.text, "advice", status.advice }, 6),
  }, 12)
  local found = {}
  local its_content = content.of(pdu)
  for i, line in ipairs(its_content and content.lines(its_content) or {}) do found[i] = object { "name", line[1], "value", line[2] } end
  json.add(told, "content", list_of(found))
  local problems = {}
  for i, one in ipairs(pdu:problems()) do problems[i] = object { "offset", one.offset, "severity", one.severity, "message", one.message } end
  json.add(told, "problems", list_of(problems))
  return told
end

--- PDUs in a row, explained: what a console's action answers.
---@param values { hex: string }
---@return table? answer
---@return string? message
---@return string? code
---@return string? field
function explain.pdus(values)
  local digits = values.hex:gsub("%s", "")
  if digits == "" or #digits % 2 == 1 or digits:find "%X" then return nil, "hex: expected pairs of hexadecimal digits", "bad_value", "hex" end
  local octets = digits:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  local list, at = {}, 1
  while at <= #octets and #list < PDUS_MAX do
    local a, b, c, d = octets:byte(at, at + 3)
    local length = d and ((a * 256 + b) * 256 + c) * 256 + d or 0
    local pdu, message = codec.decode(octets:sub(at, length >= 16 and at + length - 1 or -1))
    if not pdu then
      if not list[1] then return nil, message, "bad_value", "hex" end
      return object { "pdus", list_of(list), "rest", ("octet %d: %s"):format(at - 1, message) }
    end
    list[#list + 1] = explained(pdu)
    at = at + math.max(length, 16)
  end
  return object { "pdus", list_of(list) }
end

return explain
