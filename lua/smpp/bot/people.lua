--- Subscribers: each one's memory, and the state of loop protection and limits.  Idle ones are dropped from memory and loaded again
--- when needed.  Of one who has nothing but the state of loop protection only that is kept, outside of Lua's memory, since there may be
--- many who write once.
local core = require "smpp.core"
local vaults = require "smpp.bot.vault"

local people = {}

local MOST_COUNTED = 0xFFFF
local ROTATE_S = 3600 -- a subscriber is dropped after one to two of these without a message

---@class smpp.BotPeople
local People = {}
local PEOPLE = { __index = People }

---@class smpp.BotPerson
---@field key string        digits of the number
---@field dialogues integer running ones: the person is kept
---@field people smpp.BotPeople  of its class
local Person = { exists = nil, is_loaded = false, touched = false }

---@param loop smpp.Loop
---@param vault smpp.BotVault
---@return smpp.BotPeople
function people.new(loop, vault)
  local class = {}
  for name, value in pairs(Person) do class[name] = value end
  class.people = setmetatable({
    loop = loop,
    vault = vault,
    person_mt = { __index = class },
    young = {}, old = {},      -- key -> person: of this hour, of the one before
    quick = {}, promote = nil, -- key -> chat on the short path, which has no person yet; gives it one (smpp.bot.quick)
    loops = core.reply.echoes(ROTATE_S, loop:random_octets(8)), -- key -> state of loop protection of one who has no person
    rotate_at = loop:now() + ROTATE_S,
  }, PEOPLE)
  return class.people
end

local function rotate(self, now)
  local kept = {}
  for key, person in pairs(self.old) do
    if person.dialogues > 0 or (person.paused_until or 0) > now then kept[key] = person end
  end
  self.old, self.young = self.young, kept
  self.rotate_at = now + ROTATE_S
end

--- Goes on by the clock of another loop.
---@param loop smpp.Loop
function People:move(loop)
  self.loop, self.rotate_at = loop, loop:now() + ROTATE_S
end

--- What a text is known by again.
---@param text string
---@return integer
function People:mark(text) return self.loops:mark(text) end

--- Drops what has not been needed for an hour; to be called from `rotate_at` on.
---@param now number
function People:drop_old(now)
  rotate(self, now)
  self.loops:drop(now)
end

--- Drops a person without dialogues, memory and other state than that of loop protection, which is kept.
---@param person smpp.BotPerson
---@param now number
function People:release(person, now)
  if person.dialogues > 0 or person.is_loaded or person.outs or person.bucket or person.sorry_at or person.paused_until then return end
  local key, since = person.key, person.window_at
  if self.young[key] ~= person then return end
  if since then
    local n, repeats = person.window_n, person.repeats or 0
    if n > MOST_COUNTED or repeats > MOST_COUNTED then return end
    if not self.loops:put(key, now, since, n, repeats, person.last_in, person.last_out) then return end
  end
  self.young[key] = nil
end

--- The person that a number has now: another than before, if that one was released.
---@param person smpp.BotPerson
---@return smpp.BotPerson
function People:current(person) return self.young[person.key] == person and person or self:get(person.key) end

--- The person of a number.
---@param key string  its digits; "*": what is remembered for all
---@param now? number  of the loop
---@return smpp.BotPerson
function People:get(key, now)
  now = now or self.loop:now()
  if now >= self.rotate_at then self:drop_old(now) end
  local chat = self.quick[key]
  if chat then self.promote(chat) end
  local person = self.young[key]
  if person then return person end
  person = self.old[key]
  if person then
    self.old[key] = nil
  else
    person = setmetatable({ -- all that most have, so that the table has one size; the last six are those of loop protection: of texts their marks
      key = key, dialogues = 0, window_at = nil, window_n = nil, repeats = nil, last_in = nil, last_out = nil, is_answered = nil,
    }, self.person_mt)
    local since, n, repeats, last_in, last_out = self.loops:take(key)
    if since then
      person.window_at, person.window_n, person.repeats, person.last_in, person.last_out = since, n, repeats, last_in, last_out
    end
  end
  self.young[key] = person
  return person
end

--- Loads the memory.
---@async
---@return boolean? ok
---@return string? message
---@return string? code
function Person:load()
  if self.is_loaded then return true end
  local value, message, code = self.people.vault:get("m/" .. self.key)
  if value == nil and code ~= "missing" then return nil, message, code end
  if self.is_loaded then return true end -- by another, meanwhile
  self.exists, self.is_loaded = value ~= nil, true
  self.octets = value ~= nil and vaults.octets(value) or nil
  self.data = value
  return true
end

--- The memory, a table of plain data.
---@async
---@return table
function Person:memory()
  if not self.is_loaded then
    local ok, message = self:load()
    if not ok then error("memory: " .. tostring(message), 0) end
  end
  if not self.data then self.data = {} end
  self.touched = true
  return self.data
end

--- Replaces the memory.
function Person:replace(value)
  if type(value) ~= "table" then error(("memory: expected a table, got a %s"):format(type(value)), 3) end
  self:memory()
  self.data = value
end

--- What is to be written, and its octets; nil: nothing has changed.  Raises for what is not plain data.
---@param level integer  as of `error`
---@return smpp.BotItem?
---@return string? octets
function Person:change(level)
  if not self.touched then return nil end
  local path, what = vaults.problem(self.data, "memory")
  if path then error(("%s: expected plain data, got %s"):format(path, what), level + 1) end
  local is_empty = next(self.data) == nil
  local octets = not is_empty and vaults.octets(self.data) or nil
  if octets == self.octets then
    self.touched = false
    return nil
  end
  local value
  if octets then value = vaults.copy(octets) end
  return { key = "m/" .. self.key, group = "memory", value = value, exists = self.exists }, octets
end

--- Notes that a change was written to the store.
function Person:written(item, octets)
  self.exists, self.octets, self.touched = item.exists, octets, false
end

--- Discards changes that were not written (rollback).
function Person:discard()
  if not self.touched then return end
  self.data = self.octets and vaults.copy(self.octets) or nil
  self.touched = false
end

return people
