--- Records as an engine keeps them: one string each, of a head, in lines that scripts read, and the octets of smpp.core.record.
---
---     state \n serial \n age \n place \n home \n over \n octets
---
---   state    where it is a string; it is not in the octets then
---   serial   its number among all of its kind; with an "i" in front the record has an `id` that is its key
---   age      the Unix time that `discard` compares, where the kind has one
---   place    where nodes share a store: "wRUN": with a run; "q": in the queue `home`; or nowhere
---   home     the queue that it goes back to;  over: the Unix time at which it is over there
---
--- The key is in neither.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"

local fields = {}

local codec = core.record(kinds.names)

fields.HEAD = "^([^\n]*)\n(i?)(%d*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n()"

--- Name -> its octet in a record.
fields.places = {}
for i, name in ipairs(kinds.names) do fields.places[name] = i end

local read, sub, match = codec.read, string.sub, string.match

local without_over = codec.writer { "key", "state", "id", "sending", "held", "octets", "schedule", "admitted", "done", "error" }

--- The octets of a message that is to be final, without what its end adds: state, done and error.
---@param record table  with an id that is its key
---@return string octets
function fields.write_rest(record) return without_over(record) end

local ages = {}
for name, kind in pairs(kinds.kinds) do ages[name] = kind.age or false end

--- What writes commits as words of a script.
---@param is_shared boolean  nodes share the store
---@return fun(changes: smpp.Change[]): string, integer  octets, number of words; raises for what is no change, or not plain data
function fields.committer(is_shared) return codec.committer(ages, is_shared) end

--- The record of a key.
---@param key string
---@param text string  as the engine has it
---@return table record
function fields.read(key, text)
  local state, same, serial, _, _, _, _, at = match(text, fields.HEAD)
  local record = at and read(sub(text, at))
  if not record then error(("malformed record '%s' in the engine"):format(key), 0) end
  record.key, record.serial = key, tonumber(serial)
  if state ~= "" then record.state = state end
  if same == "i" then record.id = key end
  return record
end

return fields
