--- The messages that a simulator got, as its HTTP API shows them: each submit by itself, with its PDU.
local address = require "smpp.codec.address"
local codec = require "smpp.codec"
local dkjson = require "dkjson"
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local task = require "smpp.base.task"
local text = require "smpp.text"

local log = {}

local MOST = 10000 -- messages that are kept
local CHANGES = 2000 -- changes that are known: new messages and final states

---@class smpp.HttpLog
local Log = {}
local mt = { __index = Log, __name = "smpp.HttpLog" }

local function key_of(session, pdu) return session.id .. ":" .. pdu.sequence_number end

--- Wakes those who wait for messages.
local function tell(self)
  local waiting = self.waiting
  self.waiting = {}
  for _, token in ipairs(waiting) do task.wake_for(token, self) end
end

--- Notes that an entry is new, or another state of it.
local function touch(self, entry)
  self.change = self.change + 1
  entry.change, self.changes[self.change], self.changes[self.change - CHANGES] = self.change, entry, nil
end

local function add(self, message)
  self.last = self.last + 1
  local octets = text.body { short_message = message.octets, data_coding = message.data_coding, esm_class = message.esm_class }
  local coding = text.data_coding(message.data_coding or 0)
  local entry = {
    number = self.last, id = message.id, from = address.format(message.source_addr or "", message.source_addr_ton),
    to = address.format(message.destination_addr or "", message.dest_addr_ton), text = message.text, data = octets,
    encoding = coding.encoding, data_coding = message.data_coding or 0, state = "ENROUTE", system_id = message.system_id,
    submitted = message.submitted, done = nil, pdu = nil, change = nil,
  }
  self.by_id[entry.id], self.entries[entry.number] = entry, entry
  if self.last - self.first >= MOST then
    self.by_id[self.entries[self.first].id], self.entries[self.first] = nil, nil
    self.first = self.first + 1
  end
  touch(self, entry)
  tell(self)
end

--- Follows a simulator.
---@param sim smpp.Simulator
---@return smpp.HttpLog
function log.new(sim)
  local self = setmetatable({
    sim = sim, entries = {}, first = 1, last = 0, by_id = {},
    changes = {}, change = 0, -- number of a change -> entry; the entry has the number of its last one
    requests = {},  -- session and sequence_number -> PDU of a submit without a response
    waiting = {},
  }, mt)
  sim:on("message", function(message) add(self, message) end)
  sim:on("final", function(message)
    local entry = self.by_id[message.id]
    if not entry then return end
    entry.state, entry.done = message.state, message.done
    touch(self, entry)
    tell(self)
  end)
  sim:on("closed", function(session)
    local prefix = session.id .. ":"
    for key in pairs(self.requests) do
      if key:sub(1, #prefix) == prefix then self.requests[key] = nil end
    end
  end)
  local submits = codec.codec.commands.roles.submit
  sim:on("pdu", function(session, pdu, direction)
    if direction == "in" and submits[pdu.command_id] then
      self.requests[key_of(session, pdu)] = pdu
    elseif direction == "out" and submits[pdu.command_id % 0x80000000] then
      local key = key_of(session, pdu)
      local request, id = self.requests[key], pdu.message_id
      self.requests[key] = nil
      for i = 1, request and id and #id > 0 and math.huge or 0 do -- submit_multi: id, id/2, id/3 …
        local entry = self.by_id[i == 1 and id or id .. "/" .. i]
        if not entry then break end
        entry.pdu = request
      end
    end
  end)
  return self
end

--- The parameters and TLVs of a PDU by their names; octets of TLVs in hexadecimal.
local function parameters(pdu)
  local shown = json.pdu(pdu)
  local all = shown.fields or json.object {}
  for _, tlv in ipairs(shown.tlvs) do
    local number = tlv.name and pdu[tlv.name]
    json.add(all, tlv.name or tlv.tag, type(number) == "number" and number or tlv.value)
  end
  return all
end

--- A message for JSON.
---@param entry table
---@param is_brief boolean?  without its PDU
---@return table
function log.json(entry, is_brief)
  local pdu = entry.pdu
  return json.object({
    "id", entry.id, "from", entry.from, "to", entry.to, "text", entry.text or dkjson.null,
    "data", fields.base64(entry.data), "encoding", entry.encoding,
    "data_coding", entry.data_coding, "state", entry.state, "system_id", entry.system_id, "submitted", fields.time_text(entry.submitted),
    "done", fields.time_text(entry.done) or dkjson.null, "fields", pdu and not is_brief and parameters(pdu) or dkjson.null,
    "octets", pdu and not is_brief and json.hex(pdu:octets()) or dkjson.null,
  }, is_brief and 22 or 26)
end

local function same_number(a, b) return a:gsub("^%+", "") == b:gsub("^%+", "") end

local function fits(entry, o)
  return (not o.from or same_number(entry.from, o.from)) and (not o.to or same_number(entry.to, o.to)) and (not o.state or entry.state == o.state)
    and (not o.system_id or entry.system_id == o.system_id) and (not o.text or entry.text ~= nil and entry.text:find(o.text, 1, true) ~= nil)
end

--- The messages that match, the oldest first.
---@param o table  from, to, text (contained), state, system_id, after (an id), limit
---@return table[]? list
---@return boolean? more   or nil, "after": there is no such message
function Log:find(o)
  local from, list = self.first, {}
  if o.after then
    local entry = self.by_id[o.after]
    if not entry then return nil end
    from = entry.number + 1
  end
  for i = from, self.last do
    local entry = self.entries[i]
    if fits(entry, o) then
      if #list == o.limit then return list, true end
      list[#list + 1] = entry
    end
  end
  return list, false
end

--- The newest messages with words in their text, in a number or as their id, upper or lower case; the oldest of them first.
---@param words string
---@param o table  from, to, state, system_id, as of `find`
---@param most integer
---@return table[]
function Log:search(words, o, most)
  local wanted = words:lower()
  local number = wanted:gsub("^%+", "")
  local newest, list = {}, {}
  for i = self.last, self.first, -1 do
    local entry = self.entries[i]
    if fits(entry, o) and (entry.id == words or (entry.text or ""):lower():find(wanted, 1, true) or entry.from:lower():find(number, 1, true)
      or entry.to:lower():find(number, 1, true)) then
      newest[#newest + 1] = entry
      if #newest == most then break end
    end
  end
  for i = #newest, 1, -1 do list[#list + 1] = newest[i] end
  return list
end

--- Waits until so many messages match.
---@async
---@param o table  as of `find`
---@param count integer
---@param timeout_s number
---@return table[]? list  nil: not within that time; false: `after` is unknown
function Log:wait(o, count, timeout_s)
  local loop, token = self.sim.loop, task.need()
  local deadline, timer = loop:now() + timeout_s, nil
  while true do
    local list = self:find(o)
    if not list then return false end
    if #list >= count then
      if timer then timer:close() end
      return list
    end
    if loop:now() >= deadline then
      if timer then timer:close() end
      return nil
    end
    timer = timer or loop:timer(function() tell(self) end, true)
    timer:start(deadline - loop:now())
    table.insert(self.waiting, token)
    task.wait(self)
  end
end

--- The message of an id.
---@param id string
---@return table?
function Log:get(id) return self.by_id[id] end

--- The messages that are new, or have another state, since a change; the newest ones, in the order of their changes.
---@param after integer  number of a change
---@param most integer
---@return table[] entries
---@return integer last  number of the last change
function Log:changed(after, most)
  local newest, list = {}, {}
  for i = self.change, math.max(after, self.change - CHANGES, 0) + 1, -1 do
    local entry = self.changes[i]
    if #newest == most or not entry then break end
    if entry.change == i then newest[#newest + 1] = entry end
  end
  for i = #newest, 1, -1 do list[#list + 1] = newest[i] end
  return list, self.change
end

--- Forgets all messages.
function Log:clear()
  self.entries, self.by_id, self.first, self.changes = {}, {}, self.last + 1, {}
end

return log
