--- A store in memory.  Its records are octets in memory of the C core's: they are small, their size is counted, the collector has nothing
--- to look at, and callers cannot rely on getting the very table that was added.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local option = require "smpp.base.kind"
local random = require "smpp.base.random"
local schema = require "smpp.base.schema"

local memory = {}

local Memory = {
  takes_pdus = true,               -- `pdu` of an addition: its parameters are written as they lie there
}
local mt = { __index = Memory, __name = "smpp.store.memory" }

local codec = core.record(kinds.names)

local PAGE = 500 -- records that `each` reads at once

local whole = option.integer(1, 2 ^ 53)

--- Its options.
memory.schema = schema.new {
  { "limit", whole, 100000, "maximum of messages that are not final", "limit = 1000" },
  { "max_octets", option.with_unit("octets", whole), 256 * 1024 * 1024, "maximum size of all records", "max_octets = 1048576" },
  { "keep_final", option.integer(0, 2 ^ 53), 10000, "final messages to keep for queries; the oldest is removed first", "keep_final = 0" },
}

---@class smpp.MemoryOptions
---@field limit integer?       maximum of messages that are not final (100000)
---@field max_octets integer?  maximum size of all records (256 MiB)
---@field keep_final integer?  final messages to keep for queries (10000); the oldest is removed first, also at max_octets

--- Makes a store.
---@param o? smpp.MemoryOptions
---@return smpp.Store
function memory.open(o)
  o = memory.schema:fill(memory.schema:check(o))
  local self = setmetatable({
    limit = nil, max_octets = nil, keep_final = nil,
    records = codec.records(kinds.kinds, kinds.over, random.octets(8)),
    wanted = setmetatable({}, { __mode = "k" }), -- list of names -> their places
  }, mt)
  self:configure(o)
  return self
end

--- Changes the limits.
---@param o smpp.MemoryOptions
function Memory:configure(o)
  for name, value in pairs(memory.schema:check(o)) do self[name] = value end
  self.records:configure(self.limit, self.max_octets, self.keep_final)
end

--- Makes all changes, or none.  Each key may be in them once.
function Memory:commit(changes, done, context)
  local ok, message, code = self.records:commit(changes)
  return done(ok, message, code, context)
end

--- Adds the message of a submit_sm that is usual (core.submit) with its plan, in one call.
---@param pdu smpp.Pdu
---@param id string  message_id and key
---@param system_id string
---@param version integer  of the session
---@param bind integer?  serial of the session
---@param now number  Unix time
---@param planned string|false  the final state it is going to get; false: none
---@param planned_at number?
---@param planned_error integer?
---@param expires number?
---@return boolean? ok
---@return string? message
---@return string? code  as of `commit`
function Memory:add_due(pdu, id, system_id, version, bind, now, planned, planned_at, planned_error, expires)
  return self.records:add_due(pdu, id, system_id, version, bind, now, planned, planned_at, planned_error, expires)
end

--- A message that is due gets the final state that is planned for it: the usual change, in one call.  The store shrinks.
---@param key string
---@param now number     Unix time, for `done`
---@param latest number  it is due if its `planned_at` is not later
---@return string? state  nil: nothing has changed; it is not due, or there is more to do than this (a receipt)
function Memory:finish_due(key, now, latest) return self.records:finish_due(key, now, latest) end

--- As `finish_due`, for messages that may ask for a receipt, and changes nothing before `commit_due`.
---@param key string
---@param now number
---@param latest number
---@param has_tlvs boolean  id and state of a receipt are in TLVs, too
---@return string? state  nil: not due, or there is more to do than this
---@return string? system_id  whom its receipt goes to; nil: none is asked for
---@return number? bind
function Memory:draft_due(key, now, latest, has_tlvs) return self.records:draft_due(key, now, latest, has_tlvs) end

--- Commits what `draft_due` has just drafted for a message, with a record of its receipt's deliver_sm.
---@param key string
---@param kind string  of that record; its key is `run` and `number`
---@param run string
---@param number integer
---@param since number
---@return integer? serial  of that record
---@return string? message
---@return string? code  as of `commit`
function Memory:commit_due(key, kind, run, number, since) return self.records:commit_due(key, kind, run, number, since) end

--- The field `octets` of a record, by its serial.
---@param kind string
---@param serial integer
---@return string?
function Memory:octets_at(kind, serial) return self.records:octets_at(kind, serial) end

--- Removes records, by their serials.
---@param kind string
---@param serials integer[]
---@param count integer
function Memory:remove_at(kind, serials, count) return self.records:remove_at(kind, serials, count) end

--- The places of fields that are enough.
local function wanted_of(self, names)
  local wanted = self.wanted[names]
  if not wanted then
    wanted = codec.wanted(names)
    self.wanted[names] = wanted
  end
  return wanted
end

function Memory:get(kind, key, done, context, names)
  local record = self.records:get(kind, key, names and wanted_of(self, names))
  if not record then return done(nil, "unknown key", "missing", context) end
  return done(record, nil, nil, context)
end

function Memory:find(query, done, context) return done(self.records:find(query), nil, nil, context) end

--- Calls fn(kind, record) for all records, those of a kind in the order in which they were added.
---@param fn fun(kind: string, record: table)
function Memory:each(fn)
  local names = {}
  for name in pairs(kinds.kinds) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local query = { kind = name, limit = PAGE }
    repeat
      local list = self.records:find(query)
      query.after = list[1] and list[#list].serial
      for _, record in ipairs(list) do fn(name, record) end
    until #list < PAGE
  end
end

--- Removes final messages, and other records that expire, older than `before`.
function Memory:discard(kind, before, done, context)
  self.records:discard(kind, before)
  return done(true, nil, nil, context)
end

--- The number of messages that are not final, and the octets of all records.
---@return integer open
---@return integer octets
---@return integer memory  octets taken for them, with the indices
function Memory:load() return self.records:load() end

function Memory:close(done, context)
  if done then return done(true, nil, nil, context) end
end

return memory
