--- Completed texts: recognises repeated parts of them, and keeps the result to answer with.  A message centre
--- repeats a part whose response it did not get, because the session was lost or the response was late.
local core = require "smpp.core"

local find_part, put_parts = core.part.find, core.part.put

local finished = {}

local Finished = {}
Finished.__index = Finished
Finished.__name = "smpp.text.finished"

local LATE_S = 1 -- an answer that took longer may be too late for the message centre, which then sends the part again
local TEXT_COST = 640 -- octets of a text's tables; what its parts are known by is in the index

local WEAK_KEYS, WEAK_VALUES = { __mode = "k" }, { __mode = "v" }

---@class smpp.FinishedText
---@field set smpp.PartSet?       until it is settled, and as long as its handler may be asked again
---@field result any              true, or the status it was refused with; false: call the handler again; nil: the handler is running
---@field completed number        when its last part came
---@field last_seq integer        the part that came last
---@field late boolean            the answer to it took long
---@field cost integer            octets of the set

---@class smpp.FinishedTexts
---@field settled_octets integer  held, without the sets that may be needed again
---@field octets integer          held in all
---@field due number              when the oldest text has to be forgotten; math.huge: there is none

--- Makes a memory of completed texts.
---@param max_age_s number
---@param seed? string  8 unpredictable octets
---@return smpp.FinishedTexts
function finished.new(max_age_s, seed)
  return setmetatable({
    index = core.map.new(0, max_age_s, seed), -- content of a part -> number of the last text that has it
    texts = {}, first = 1, last = 0, -- by number; some from `first` on may be gone
    count = 0,
    settled_octets = 0, octets = 0,
    due = math.huge,
    references = setmetatable({}, WEAK_KEYS), -- link -> { link } that does not keep it
  }, Finished)
end

local function count_octets(self)
  local before = self.settled_octets
  self.settled_octets = self.count == 0 and 0 or self.count * TEXT_COST + self.index:memory()
  self.octets = self.octets + self.settled_octets - before
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
---@param set smpp.PartSet
---@param cost integer  octets that the set takes
---@param last_seq integer  the part that came last
---@param now number
---@return smpp.FinishedText
function Finished:add(set, cost, last_seq, now)
  local parts, total = set.parts, #set.parts
  local link = parts[1].link
  local text = { -- with `result` no more than eight fields
    set = set, completed = now, late = false, last_seq = last_seq, cost = cost,
    reference = reference_to(self, link), -- the connection of its parts; `references`, where they came on several: by part number
  }
  local id = self.last + 1
  self.last, self.texts[id] = id, text
  put_parts(self.index, id, now, parts, total)
  for seq = 2, total do
    if parts[seq].link ~= link then self:came_on(text, seq, parts[seq].link) end
  end
  self.count, self.octets, self.due = self.count + 1, self.octets + cost, self.index:next_expiry()
  count_octets(self)
  return text
end

--- Records the connection of a part.
---@param text smpp.FinishedText
---@param seq integer
---@param link table?
function Finished:came_on(text, seq, link)
  local all = not text.references and text.reference
  if all and link and all[1] == link then return end
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
---@param part smpp.Part
---@param number? number  of the last completed text that has its content, if the caller has looked it up
---@return smpp.FinishedText?
function Finished:find(part, number)
  number = number or find_part(self.index, part.content)
  local text = number and self.texts[number]
  if not text then return nil end
  local references = text.references
  local lost = is_lost(references and references[part.seq] or not references and text.reference)
  if text.result and not lost and not (text.late and part.seq == text.last_seq) then return nil end
  return text
end

local function let_go(self, text)
  if not text.set then return end
  self.octets = self.octets - text.cost
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
    if not key then
      self.due = self.index:next_expiry() or math.huge
      return false
    end
    local text, failed = self.texts[id], nil
    if text then failed = text.result == false and text.set or nil end
    for old = self.first, id do -- those before have no part left that is known
      local gone = self.texts[old]
      if gone then
        self.texts[old] = nil
        self.count = self.count - 1
        let_go(self, gone)
      end
    end
    self.first = id + 1
    if text then
      count_octets(self)
      self.due = self.index:next_expiry() or math.huge
      return true, failed
    end
  end
end

return finished
