--- The messages that a simulator got, as its HTTP API shows them: each submit by itself, with its PDU.
local address = require "smpp.codec.address"
local dkjson = require "dkjson"
local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local task = require "smpp.base.task"
local text = require "smpp.text"

local log = {}

local MOST = 10000 -- messages that are kept
local MOST_OCTETS = 16777216 -- of their PDUs
local CHANGES = 2000 -- changes that are known: new messages and final states

---@class smpp.HttpLog
local Log = {}
local mt = { __index = Log, __name = "smpp.HttpLog" }

-- ---- a message ----

-- What an entry tells of its PDU is read when it is asked for the first time.
local READ = { from = true, to = true, text = true, data = true, encoding = true, data_coding = true }

local function read(entry)
  local pdu = entry.pdu
  local octets, data_coding = text.octets(pdu), pdu.data_coding or 0
  local message = { short_message = octets, data_coding = data_coding, esm_class = pdu.esm_class or 0 }
  local words, info = text.read(message)
  local coding = text.data_coding(data_coding)
  if info.encoding ~= "binary" and not coding.compressed then entry.text = words end
  entry.from = address.format(pdu.source_addr or "", pdu.source_addr_ton or 0)
  entry.to = entry.to_addr and address.format(entry.to_addr, entry.to_ton) or address.format(pdu.destination_addr or "", pdu.dest_addr_ton or 0)
  entry.data, entry.encoding, entry.data_coding = text.body(message), coding.encoding, data_coding
end

local entry_mt = { __name = "smpp.HttpLogEntry", __index = function(entry, name)
  if not READ[name] or rawget(entry, "data") then return nil end
  read(entry)
  return rawget(entry, name)
end }

-- ---- what happens ----

--- Wakes those who wait for messages.
local function tell(self)
  if not self.waiting[1] then return end
  local waiting = self.waiting
  self.waiting = {}
  for _, token in ipairs(waiting) do task.wake_for(token, self) end
end

--- Notes that an entry is new, or another state of it.
local function touch(self, entry)
  self.change = self.change + 1
  entry.change, self.changes[self.change], self.changes[self.change - CHANGES] = self.change, entry, nil
end

--- Forgets the oldest entry.
local function forget(self)
  local entry = self.entries[self.first]
  self.entries[self.first], self.first, self.octets = nil, self.first + 1, self.octets - entry.pdu.command_length
  self.by_key[entry.key] = nil
  if self.by_id[entry.id] == entry then self.by_id[entry.id] = nil end
end

--- A message was accepted.
---@param message smpp.StoredMessage?  not of each submit_sm
---@param session smpp.Session
---@param pdu smpp.Pdu
---@param id string
function Log:add(message, session, pdu, id)
  local entry = setmetatable({
    number = self.last + 1, id = id, key = message and message.key or id, state = "ENROUTE", system_id = session.system_id,
    submitted = self.sim.loop:time(), done = nil, pdu = pdu, change = nil,
  }, entry_mt)
  if message and message.command == "submit_multi" then entry.to_addr, entry.to_ton = message.destination_addr, message.dest_addr_ton end
  self.last, self.entries[entry.number], self.by_key[entry.key] = entry.number, entry, entry
  if entry.key ~= id then self.by_id[id] = entry end
  self.octets = self.octets + pdu.command_length
  while self.last - self.first >= MOST or self.octets > MOST_OCTETS do forget(self) end
  touch(self, entry)
  tell(self)
end

--- A message has its final state.
---@param key string
---@param state string
---@param done number?
function Log:finished(key, state, done)
  local entry = self.by_key[key]
  if not entry then return end
  entry.state, entry.done = state, done or self.sim.loop:time()
  touch(self, entry)
  tell(self)
end

--- Follows a simulator.
---@param sim smpp.Simulator
---@return smpp.HttpLog
function log.new(sim)
  sim.message_log = setmetatable({
    sim = sim, entries = {}, first = 1, last = 0, octets = 0,
    by_key = {}, by_id = {}, -- by_id: the last one of several with an id
    changes = {}, change = 0, -- number of a change -> entry; the entry has the number of its last one
    waiting = {},
  }, mt)
  return sim.message_log
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

--- With or without +, or what a + that was not encoded in a query becomes.
local function same_number(a, b) return a:gsub("^%+", "") == b:gsub("^[+ ]", "") end

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
    local entry = self:get(o.after)
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
function Log:get(id) return self.by_id[id] or self.by_key[id] end

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
  self.entries, self.by_key, self.by_id, self.first, self.octets, self.changes = {}, {}, {}, self.last + 1, 0, {}
end

return log
