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

local read, sub, find, match = codec.read, string.sub, string.find, string.match

-- What is left out: the state and the id where the head says them.
local with_all, with_state = codec.writer { "key" }, codec.writer { "key", "id" }
local with_id, with_none = codec.writer { "key", "state" }, codec.writer { "key", "state", "id" }
local without_over = codec.writer { "key", "state", "id", "sending", "held", "octets", "schedule", "admitted", "done", "error" }
local change_all, change_some = codec.writer {}, codec.writer { "state" }

--- Can the head say it?
local function is_plain(state) return type(state) == "string" and state ~= "" and not find(state, "\n", 1, true) end

--- The octets of a record; raises for what is not plain data.
---@param record table
---@return string state   for the head
---@return string same    "i": its id is its key
---@return string octets
function fields.write(record)
  local is_same, state = record.id ~= nil and record.id == record.key, record.state
  local same = is_same and "i" or ""
  if state == nil or is_plain(state) then return state or "", same, (is_same and with_none or with_id)(record) end
  return "", same, (is_same and with_state or with_all)(record)
end

--- The octets of a message that is to be final, without what its end adds: state, done and error.
---@param record table  with an id that is its key
---@return string octets
function fields.write_rest(record) return without_over(record) end

--- The octets of a change; raises for what is not plain data.
---@param set table?
---@return string state   for the head: "=STATE", or "": it stays
---@return string octets
function fields.write_change(set)
  if not set then return "", "" end
  local state = set.state
  if state == nil then return "", change_all(set) end
  if is_plain(state) then return "=" .. state, change_some(set) end
  return "=", change_all(set)
end

--- The octets of a changed record that is known: `whole` of the change, or `rest` and what it sets.
---@param change smpp.Change
---@return string state  as of write_change
---@return string octets
function fields.write_whole(change)
  if change.whole then
    local state, _, octets = fields.write(change.whole)
    return "=" .. state, octets
  end
  local state, octets = fields.write_change(change.set)
  return state, change.rest .. octets
end

local cleared, count, MOST = {}, 0, 100 -- lists that were written before

--- The names of a list as the octets of a record.
---@param names string[]?
---@return string octets
function fields.write_names(names)
  if not names or not names[1] then return "" end
  local of = table.concat(names, "\n")
  local octets = cleared[of]
  if not octets then
    local record = {}
    for _, name in ipairs(names) do record[name] = true end
    octets = change_all(record)
    if count == MOST then cleared, count = {}, 0 end
    cleared[of], count = octets, count + 1
  end
  return octets
end

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
