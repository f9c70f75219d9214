--- Counts of PDUs by command and command_status, for the summary of `smpp decode`.
local json = require "smpp.codec.json"

---@class smpp.Tally
---@field pdus integer
---@field shown integer
---@field commands table<string, integer>
---@field statuses table<string, table<string, integer>>  response -> status -> how many
local Tally = {}
local mt = { __index = Tally, __name = "smpp.Tally" }

local tally = {}

local MOST = 200 -- distinct names: a peer may send any number of statuses

---@return smpp.Tally
function tally.new() return setmetatable({ pdus = 0, shown = 0, commands = {}, statuses = {}, names = 0 }, mt) end

local function count(self, counts, name)
  if not counts[name] then
    if self.names >= MOST then name = "other" end
    self.names = self.names + 1
  end
  counts[name] = (counts[name] or 0) + 1
end

--- Counts a PDU.
---@param pdu smpp.Pdu
---@param is_shown boolean
function Tally:add(pdu, is_shown)
  self.pdus, self.shown = self.pdus + 1, self.shown + (is_shown and 1 or 0)
  count(self, self.commands, pdu.command)
  if pdu.command_id < 0x80000000 then return end
  local name = self.commands[pdu.command] and pdu.command or "other"
  self.statuses[name] = self.statuses[name] or {}
  count(self, self.statuses[name], pdu.status)
end

local function sorted(map, before)
  local names = {}
  for name in pairs(map) do names[#names + 1] = name end
  table.sort(names, before)
  return names
end

--- The refusals: "submit_sm_resp: 6 of 60 ESME_RTHROTTLED", one line per response with a status but ESME_ROK.
---@return string[]
function Tally:lines()
  local lines = {}
  for _, command in ipairs(sorted(self.statuses)) do
    local counts, words = self.statuses[command], {}
    local names = sorted(counts, function(a, b)
      if counts[a] ~= counts[b] then return counts[a] > counts[b] end
      return a < b
    end)
    for _, name in ipairs(names) do
      if name ~= "ESME_ROK" then words[#words + 1] = ("%d of %d %s"):format(counts[name], self.commands[command], name) end
    end
    if #words > 0 then lines[#lines + 1] = command .. ": " .. table.concat(words, ", ") end
  end
  return lines
end

local function object_of(map, value_of)
  local object = json.object {}
  for _, name in ipairs(sorted(map)) do json.add(object, name, value_of and value_of(map[name]) or map[name]) end
  return object
end

--- Adds pdus, shown, commands, statuses to the last object of --json.
---@param object table
function Tally:add_json(object)
  json.add(object, "pdus", self.pdus)
  json.add(object, "shown", self.shown)
  json.add(object, "commands", object_of(self.commands))
  json.add(object, "statuses", object_of(self.statuses, object_of))
end

tally.object_of = object_of

return tally
