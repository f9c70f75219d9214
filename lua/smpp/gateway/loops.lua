--- Messages that come back: two gateways whose rules send to one another pass a message on for ever.  Nothing is added to messages, so a
--- returning one is known by its destination and content, and by how it comes: the account that sent it first sends it once, another account
--- sends it again and again.  Equal messages of several customers, as of load tests, come from all of them alike.
local core = require "smpp.core"

local mark_of_pdu = core.map.mark

local loops = {}

---@class smpp.LoopDetector
local Detector = {}
local mt = { __index = Detector, __name = "smpp.LoopDetector" }

local NESTED = 6      -- returns after which a message is refused while none of its passes has been answered: fewer than a window has room for
local PLACES = 4096   -- messages remembered; one takes the place of another, unless that has been seen twice and is not too old

local function zeros()
  local list = {}
  for i = 1, PLACES do list[i] = 0 end
  return list
end

---@param loop smpp.Loop
---@param o { passes: integer, within_s: number }
---@return smpp.LoopDetector
function loops.new(loop, o)
  return setmetatable({
    loop = loop, passes = o.passes, within_s = o.within_s, key = loop:random_octets(16),
    -- What is known of the message in a place: little, and in small arrays, as nearly all are seen once.
    mark = nil,                -- which one it is; nil: no message yet
    at = {}, first = {},       -- when it was last seen; who sent it first
    waits = {},                -- 1: it went on, and is not answered
    more = {},                 -- of one that was seen again: { times, by, returns, sent, open }
  }, mt)
end

--- The mark of a message, a number made of its destination and octets, and its place.
local function mark_of(self, msg)
  local changes = msg.changes
  local octets = changes and (changes.short_message or changes.message_payload)
  local mark, place = mark_of_pdu(msg.pdu, msg.to, type(octets) == "string" and octets or nil, self.key)
  return mark, place % PLACES + 1
end

--- A message has come: has it come back too often?
---@param msg smpp.RouteMessage
---@param from string  the account, or carrier, that it came from
---@return string? first  it has: who sent it first
---@return integer? passes  how often it has come back
function Detector:check(msg, from)
  local mark, place = mark_of(self, msg)
  msg.mark, msg.place = mark, place
  if not self.mark then self.mark, self.at, self.first, self.waits = zeros(), zeros(), zeros(), zeros() end
  if self.mark[place] ~= mark or self.first[place] == from then return nil end
  local now = self.loop:now()
  if now - self.at[place] > self.within_s then return nil end
  local more = self:seen_again(place)
  more.by = more.by or from
  if more.by ~= from then return nil end
  more.returns, self.at[place] = more.returns + 1, now
  local nested = more.open > 0 and more.open == more.sent and more.returns >= NESTED * more.times
  if nested or more.returns >= self.passes * more.times then return self.first[place], more.returns end
end

--- What is known of a message that is seen again.
---@private
function Detector:seen_again(place)
  local more = self.more[place]
  if not more then
    more = { times = 1, by = nil, returns = 0, sent = 1, open = self.waits[place] }
    self.more[place] = more
  end
  return more
end

--- A message goes on, as the rules have changed it; `check` has seen it before.
---@param msg smpp.RouteMessage
---@param from string
---@param waits boolean  its answer waits for the carrier's
---@return integer? place  for `answered`
---@return number? mark
function Detector:pass(msg, from, waits)
  local mark, place, now = msg.mark, msg.place, self.loop:now()
  if msg.changes then mark, place = mark_of(self, msg) end
  local is_recent = now - self.at[place] <= self.within_s
  if self.mark[place] == mark and is_recent then
    local more = self:seen_again(place)
    if self.first[place] == from then more.times = more.times + 1 end
    more.sent = more.sent + 1
    if waits then more.open = more.open + 1 end
  else
    if self.more[place] then
      if is_recent then return nil end -- another one, that goes round
      self.more[place] = nil
    end
    self.mark[place], self.first[place], self.waits[place] = mark, from, waits and 1 or 0
  end
  self.at[place] = now
  return place, mark
end

--- The answer of a message that went on has come.
---@param place integer
---@param mark number
function Detector:answered(place, mark)
  if self.mark[place] ~= mark then return end
  local more = self.more[place]
  if more then more.open = more.open - 1 else self.waits[place] = 0 end
end

return loops
