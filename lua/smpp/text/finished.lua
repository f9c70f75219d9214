--- Completed texts: recognises repeated parts of them, and keeps the result to answer with.  A message centre
--- repeats a part whose response it did not get, because the session was lost or the response was late.
local core = require "smpp.core"

local finished = {}

local Finished = {}
Finished.__index = Finished
Finished.__name = "smpp.text.finished"

local LATE_S = 1 -- an answer that took longer may be too late for the message centre, which then sends the part again
local MAX_KEY_OCTETS = 4096 -- of the index
local MAX_CONTENT_OCTETS, END_OCTETS = 3000, 1400 -- of a part: beyond that its length and its ends
local TEXT_COST = 640 -- octets of a text's tables; the keys of its parts are in the index

local WEAK_KEYS, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }

---@class smpp.FinishedText
---@field set smpp.PartSet?       until it is settled, and as long as its handler may be asked again
---@field result any              true, or the status it was refused with; false: call the handler again; nil: the handler is running
---@field completed number        when its last part came
---@field last_seq integer        the part that came last
---@field late boolean            the answer to it took long
---@field cost integer            octets of the set

---@class smpp.FinishedTexts
---@field octets integer  kept in all

--- Makes a memory of completed texts.
---@param max_age_s number
---@param seed? string  8 unpredictable octets
---@return smpp.FinishedTexts
function finished.new(max_age_s, seed)
  return setmetatable({
    index = core.map.new(0, max_age_s, seed), -- key of a part -> number of its text
    texts = {},
    last = 0,
    count = 0,
    unsettled = 0,  -- texts whose set is still here
    set_octets = 0, -- of these
    references = setmetatable({}, WEAK_KEYS), -- link -> { link } that does not keep it
  }, Finished)
end

--- The key of a part: addresses and reference of its text, part number, content.
local function content_key(key, part)
  local octets = part.octets
  if #octets > MAX_CONTENT_OCTETS then octets = #octets .. octets:sub(1, END_OCTETS) .. octets:sub(-END_OCTETS) end
  key = ("%s/%d/%d/%d/%d/"):format(key, part.seq, part.data_coding or 0, part.locking or 0, part.single or 0) .. octets
  return key:sub(-MAX_KEY_OCTETS)
end

--- A reference that does not keep the link.
local function reference_to(self, link)
  if not link then return false end
  local reference = self.references[link]
  if not reference then
    reference = setmetatable({ link }, WEAK_VALUES)
    self.references[link] = reference
  end
  return reference
end

--- Returns true if the response to a part may have been lost with its connection.
local function is_lost(reference)
  local link = reference and reference[1]
  return not link or link.closed
end

--- Adds a text when its last part was received.
---@param key string  what its parts have in common
---@param set smpp.PartSet
---@param cost integer  octets that the set takes
---@param last_seq integer  the part that came last
---@param now number
---@return smpp.FinishedText
function Finished:add(key, set, cost, last_seq, now)
  local text = {
    set = set, result = nil, completed = now, late = false, last_seq = last_seq, cost = cost,
    reference = reference_to(self, set.parts[1].link), -- the connection of its parts
    references = nil, -- where they came on several connections: by part number
  }
  local id = self.last + 1
  self.last, self.texts[id] = id, text
  for seq, part in ipairs(set.parts) do
    local name = content_key(key, part)
    self.index:delete(name) -- an entry keeps its age
    self.index:put(name, id, now)
    self:came_on(text, seq, part.link)
  end
  self.count, self.unsettled, self.set_octets = self.count + 1, self.unsettled + 1, self.set_octets + cost
  return text
end

--- Records the connection of a part.
---@param text smpp.FinishedText
---@param seq integer
---@param link table?
function Finished:came_on(text, seq, link)
  local reference = reference_to(self, link)
  if reference == text.reference and not text.references then return end
  if not text.references then
    text.references = {}
    for i = 1, #text.set.parts do text.references[i] = text.reference end
  end
  text.references[seq] = reference
end

--- The completed text of which this is a repeated part, or nil.  A part received on a connection that is still up, and
--- answered in time, has its response, so an equal one is a part of a new text.
---@param key string
---@param part smpp.Part
---@return smpp.FinishedText?
function Finished:find(key, part)
  if self.count == 0 then return nil end
  local text = self.texts[self.index:get(content_key(key, part))]
  if not text then return nil end
  local references = text.references
  local lost = is_lost(references and references[part.seq] or not references and text.reference)
  if text.result and not lost and not (text.late and part.seq == text.last_seq) then return nil end
  return text
end

local function let_go(self, text)
  if not text.set then return end
  self.unsettled, self.set_octets = self.unsettled - 1, self.set_octets - text.cost
  text.set = nil
end

--- Sets the result of a text.
---@param text smpp.FinishedText
---@param result any  true, or the status it was refused with; false: call the handler again
---@param now number
function Finished:settle(text, result, now)
  text.result, text.late = result, now - text.completed >= LATE_S
  if result then let_go(self, text) end
end

--- Removes the oldest text when it has expired.
---@param now number  math.huge: regardless of its age
---@return boolean forgot
---@return smpp.PartSet? failed  its handler never accepted it
function Finished:forget(now)
  while true do
    local key, id = self.index:expire(now)
    if not key then return false end
    local text = self.texts[id]
    if text then
      self.texts[id] = nil
      self.count = self.count - 1
      local failed = text.result == false and text.set or nil
      let_go(self, text)
      return true, failed
    end
  end
end

--- Octets that are held, without the sets that may be needed again.
---@return integer
function Finished:settled_octets() return self.count == 0 and 0 or self.count * TEXT_COST + self.index:memory() end

--- Octets that are held.
---@return integer
function Finished:octets() return self.set_octets + self:settled_octets() end

--- When the oldest text has to be forgotten.
---@return number?
function Finished:next_expiry() return self.index:next_expiry() end

return finished
