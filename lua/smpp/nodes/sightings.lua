--- What another has been seen to write, and since when, on this process's own monotonic clock: who writes the same for long enough is dead.
--- No clock is compared with another's.
---@class smpp.Sightings
---@field after_s number  unchanged for so long: dead
local Sightings = {}
local mt = { __index = Sightings, __name = "smpp.Sightings" }

local sightings = {}

---@param after_s number
---@return smpp.Sightings
function sightings.new(after_s) return setmetatable({ after_s = after_s, values = {}, since = {} }, mt) end

--- Notes what is there.
---@param key string
---@param value string?  nil: nothing
---@param now number      when it was read, or later
function Sightings:note(key, value, now)
  if self.values[key] == value then return end
  self.values[key], self.since[key] = value, value and now or nil
end

--- Has it been the same for long enough?
---@param key string
---@param now number
---@return boolean
function Sightings:is_dead(key, now)
  local since = self.since[key]
  return since ~= nil and now - since >= self.after_s
end

--- Since how long it is the same.
---@param key string
---@param now number
---@return number? seconds
function Sightings:age_s(key, now) return self.since[key] and now - self.since[key] end

--- Begins anew: what is there may be older than what was seen.
function Sightings:forget() self.values, self.since = {}, {} end

return sightings
