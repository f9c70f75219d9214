--- Messages of a message centre as tables, for smpp.service.lifecycle until it keeps them in a store of the contract.
local kinds = require "smpp.store.kinds"

local store = {}

local Memory = {}
local mt = { __index = Memory, __name = "smpp.MessageTables" }

---@class smpp.Message  a message and what became of it; also the parameters and TLVs of its submit_sm by their names
---@field key string         unique; the message_id but for the further destinations of a submit_multi
---@field id string          message_id
---@field system_id string   whose it is
---@field state string       name of message_state
---@field submitted number   Unix time
---@field schedule number?   Unix time before which it is not delivered
---@field expires number?    Unix time
---@field done number?       Unix time of the final state
---@field error integer      0 or a network's error code
---@field octets string      short_message or message_payload
---@field serial integer     order of submission, given by the store

local function addresses(system_id, source, destination) return system_id .. "\0" .. source .. "\0" .. destination end

---@param o? { limit: integer?, keep_final: integer? }  limit: messages that are not final (default 100000); keep_final:
---  final ones to keep for queries (default 10000), the oldest goes first
function store.memory(o)
  o = o or {}
  return setmetatable({
    limit = o.limit or 100000,
    keep_final = o.keep_final or 10000,
    by_key = {},
    open = {}, open_count = 0,      -- addresses -> messages that are not final, by serial, and how many (`count`)
    final = {}, final_first = 1, final_last = 0, final_count = 0,
    last_serial = 0,
  }, mt)
end

--- Takes a message over.
---@param message smpp.Message
---@return boolean? ok
---@return string? err
---@return string? code  "queue_full"
function Memory:add(message)
  if self.open_count >= self.limit then return nil, ("%d messages wait already"):format(self.open_count), "queue_full" end
  self.last_serial = self.last_serial + 1
  message.serial = self.last_serial
  self.by_key[message.key] = message
  local key = addresses(message.system_id, message.source_addr, message.destination_addr)
  local set = self.open[key]
  if not set then
    set = { count = 0 }
    self.open[key] = set
  end
  set[message.serial], set.count = message, set.count + 1
  self.open_count = self.open_count + 1
  return true
end

---@param key string
---@return smpp.Message?
function Memory:get(key) return self.by_key[key] end

local function forget_final(self)
  local message = self.final[self.final_first]
  self.final[self.final_first] = nil
  self.final_first = self.final_first + 1
  if message and self.by_key[message.key] == message then self.by_key[message.key] = nil end
end

--- Notes what has changed in a message.  One that is final now counts no longer against the limit.
---@param message smpp.Message
function Memory:update(message)
  if not kinds.is_final(message.state) then return end
  local key = addresses(message.system_id, message.source_addr, message.destination_addr)
  local set = self.open[key]
  if not set or not set[message.serial] then return end
  set[message.serial], set.count = nil, set.count - 1
  if set.count == 0 then self.open[key] = nil end
  self.open_count = self.open_count - 1
  self.final_last = self.final_last + 1
  self.final[self.final_last] = message
  while self.final_last - self.final_first + 1 > self.keep_final do forget_final(self) end
end

--- Forgets final messages that were final before a moment.
---@param before number  Unix time
function Memory:discard(before)
  while self.final_first <= self.final_last and self.final[self.final_first].done < before do forget_final(self) end
end

--- Messages between two addresses that are not final, oldest first.
---@param system_id string
---@param source string
---@param destination string
---@return smpp.Message[]
function Memory:between(system_id, source, destination)
  local list = {}
  for serial, message in pairs(self.open[addresses(system_id, source, destination)] or {}) do
    if serial ~= "count" then list[#list + 1] = message end
  end
  table.sort(list, function(a, b) return a.serial < b.serial end)
  return list
end

--- How many wait for a final state.
---@return integer
function Memory:count() return self.open_count end

--- All messages it still knows, oldest first.
---@return smpp.Message[]
function Memory:list()
  local list = {}
  for _, message in pairs(self.by_key) do list[#list + 1] = message end
  table.sort(list, function(a, b) return a.serial < b.serial end)
  return list
end

return store
