--- The binds of one carrier as leases: how many of its slots this node holds, until when, and which it takes or gives back.
---
--- A slot is a row in the engine, run, fence and beat, without a time.  Its holder counts from the moment at which its last successful renewal
--- was *sent*; who wants a foreign slot from the moment at which it *saw* the row first, and for longer.  No clock is compared with another's.
local figures = require "smpp.nodes.figures"
local lease = require "smpp.nodes.lease"
local lease_rows = require "smpp.nodes.lease_rows"
local scripts = require "smpp.nodes.scripts"
local share = require "smpp.nodes.share"

local leases = {}

---@class smpp.Leases
---@field carrier string
---@field binds integer      slots over all nodes, as this node's file says
---@field held table<integer, smpp.Lease>  by slot
---@field count integer      how many
local Leases = {}
local mt = { __index = Leases, __name = "smpp.Leases" }

function mt:__tostring() return ("leases of %s: %d"):format(self.carrier, self.count) end

local TRIES = 3      -- failed attempts to bind, after which another node may try
local UNABLE_S = 30  -- until this node tries again
local GIVE_S = 1     -- between two slots that are given back

---@class smpp.LeaseCallbacks
---@field taken fun(lease: smpp.Lease)      bind
---@field lost fun(lease: smpp.Lease, why: string)  close within lease.close_s: it may soon be another's
---@field give_back fun(lease: smpp.Lease, why: string)  send nothing new, wait for what is on the way, close, and call lease:done()

---@param nodes smpp.Nodes
---@param carrier string
---@param o smpp.LeaseCallbacks | { binds: integer }
---@return smpp.Leases
function leases.new(nodes, carrier, o)
  local self = setmetatable({
    nodes = nodes, loop = nodes.loop, carrier = carrier, callbacks = o, binds = o.binds,
    held = {}, count = 0,
    returning = {},             -- slot -> fence, of leases that are over and not known to be free in the engine
    closing = {},               -- slot -> true, of lost ones whose connections may still be open
    there = lease_rows.new(nodes), -- what the engine had at the last reply
    beat = 0,
    most = nil, most_until = nil, -- what this node can hold, where binds fail; and until when that is believed
    gave_at = -math.huge,
    asking = false, ask_again = false,
    stopping = nil,             -- function to call when all is given back
    closed = false,
  }, mt)
  self.timer = self.loop:timer(function() self:expire() end)
  self.giving = self.loop:timer(function() self:ask() end)
  return self
end

-- ---- what is over ----

local function drop(self, one)
  if self.held[one.slot] ~= one then return false end
  self.held[one.slot], self.count = nil, self.count - 1
  return true
end

--- A lease has ended by itself: the carrier has `close_s` left, and only then another may have the slot.
---@private
function Leases:lose(one, why)
  if not drop(self, one) then return end
  local now = self.loop:now()
  local close_s = self.nodes.close_s
  one:ended(now, math.max(0, math.min(close_s, one.deadline + close_s - now)))
  self.closing[one.slot] = true
  local run = self.nodes.run
  self.nodes:later(one.close_s, function()
    self.closing[one.slot] = nil
    if self.closed then return end
    if self.nodes.run == run then self.returning[one.slot] = one.fence end
    self:go_on()
  end)
  figures.lost:add(1, self.nodes.name, self.carrier)
  self.nodes:emit("lease", self.carrier, one.slot, "lost", nil, one.fence)
  self.callbacks.lost(one, why)
end

--- Leases whose deadline has come.
function Leases:expire()
  local now = self.loop:now()
  for slot = 1, self:highest() do
    local one = self.held[slot]
    if one and now >= one.deadline then self:lose(one, "not renewed in time") end
  end
  self:arm()
end

--- All of them are lost: this node's run has ended.
---@param why string
function Leases:lose_all(why)
  for slot = 1, self:highest() do
    if self.held[slot] then self:lose(self.held[slot], why) end
  end
  self.returning = {}
  self.there:forget()
  self:arm()
end

---@private
function Leases:highest()
  local highest = 0
  for slot in pairs(self.held) do highest = math.max(highest, slot) end
  return highest
end

---@private
function Leases:arm()
  if self.closed then return end
  local first
  for _, one in pairs(self.held) do first = math.min(first or math.huge, one.deadline) end
  if first then self.timer:start(math.max(0, first - self.loop:now())) else self.timer:stop() end
end

-- ---- what a lease calls ----

--- The carrier has closed the bind of a lease that it gives back.
---@private
function Leases:done(one)
  if not drop(self, one) then return end
  self.returning[one.slot] = one.fence
  one:ended(self.loop:now(), 0)
  self.nodes:emit("lease", self.carrier, one.slot, "given", nil, one.fence)
  self:go_on()
end

--- Bound leases, and others.
---@private
function Leases:bound_count()
  local count = 0
  for _, one in pairs(self.held) do
    if one.is_bound then count = count + 1 end
  end
  return count
end

--- An attempt to bind has failed, once more: others may be able to, where there are others.
---@private
function Leases:failed(one)
  one.failures = one.failures + 1
  if one.failures < TRIES or one.giving or not self.there:others_may() then return end
  self.most, self.most_until = self:bound_count(), self.loop:now() + UNABLE_S
  self:give(one, "this node cannot bind")
  self:ask()
end

-- ---- shares ----

---@private
function Leases:own_most()
  if self.stopping or self.nodes.state ~= "live" then return 0 end
  if self.most_until and self.loop:now() < self.most_until then return self.most end
  self.most, self.most_until = nil, nil
  return self.binds
end

--- How many this node is to hold; nil: it is not known yet.
---@private
---@return integer?
function Leases:share()
  if not self.there.is_complete then return nil end
  local list = self.there:others()
  list[#list + 1] = { name = self.nodes.name, held = self.count, most = self:own_most() }
  return share.of(self.carrier, self.there:slots(self.binds), list)[self.nodes.name]
end

--- Gives one back: the carrier drains it first.
---@private
function Leases:give(one, why)
  if one.giving then return end
  one.giving = true
  self.callbacks.give_back(one, why)
end

--- Gives back what is beyond the share, one slot each second, the highest first.
---@private
function Leases:give_surplus(target, slots)
  local now, staying = self.loop:now(), 0
  for _, one in pairs(self.held) do
    if not one.giving then staying = staying + 1 end
  end
  for slot = self:highest(), 1, -1 do
    local one = self.held[slot]
    if one and not one.giving and (staying > target or slot > slots) then
      if now - self.gave_at < GIVE_S then
        self.giving:start(self.gave_at + GIVE_S - now)
        return
      end
      self.gave_at, staying = now, staying - 1
      self:give(one, self.nodes.state == "live" and "it is another node's share" or "drained")
    end
  end
end

--- May this slot be taken, and from whom?
---@private
---@return string? value  what has to be there
---@return string? run    whose it was
function Leases:takeable(slot, now)
  if self.held[slot] or self.closing[slot] or self.returning[slot] then return nil end
  local value = self.there.rows[slot]
  if not value then return "" end
  local run = lease.read(value)
  if self.nodes.gone[run] or self.there.seen:is_dead(slot, now) then return value, run end
end

--- Slots to take, as many as the share allows.
---@private
function Leases:wanted(target, slots)
  local now, list = self.loop:now(), {}
  if self.nodes.engine:is_frozen(now) then return list end
  local start = math.floor(self.loop:random() * slots) -- two nodes seldom want the same
  for i = 1, slots do
    if self.count + #list >= target then break end
    local slot = (start + i - 1) % slots + 1
    local value, run = self:takeable(slot, now)
    if value then list[#list + 1] = { slot, value, run } end
  end
  return list
end

-- ---- asking the engine ----

local function number(text) return ("%.0f"):format(text) end

--- Renews, gives back and takes, in one call; once more where something changed meanwhile.
function Leases:ask()
  local nodes = self.nodes
  if self.asking then
    self.ask_again = true
    return
  end
  if self.closed or not nodes:can_ask() then return end
  self:expire()
  local slots, target = self.there:slots(self.binds), self:share()
  if target and not self.stopping then self:give_surplus(target, slots) end
  self.beat = self.beat + 1
  local most = self.stopping and self.count == 0 and "" or self:own_most()
  local words, n = { 1, nodes.place, self.carrier, nodes.run, self.beat, self.binds, most, number(nodes.fence) }, 8
  local function put(...)
    for i = 1, select("#", ...) do words[n + i] = (select(i, ...)) end
    n = n + select("#", ...)
  end
  local renewed, given = {}, {}
  put(self.count)
  for slot, one in pairs(self.held) do
    renewed[slot] = one
    put(slot, number(one.fence))
  end
  local at = n + 1
  put(0)
  for slot, fence in pairs(self.returning) do
    given[slot] = fence
    words[at] = words[at] + 1
    put(slot, number(fence))
  end
  local wanted = target and not self.stopping and self:wanted(target, slots) or {}
  put(#wanted)
  for _, item in ipairs(wanted) do put(item[1], item[2]) end
  self.asking, self.ask_again = true, false
  local sent_at, run = self.loop:now(), nodes.run
  nodes.engine:run(scripts.lease, words, n, function(reply)
    self.asking = false
    if self.closed or nodes.run ~= run then return end
    if not reply then return self:rest() end
    if reply[1] == "dead" then return nodes:died "this run has ended in the engine" end
    local first = not self.there.is_complete
    self.there:read(reply[2], reply[3])
    self:compare(renewed, sent_at)
    for slot, fence in pairs(given) do
      if self.returning[slot] == fence then self.returning[slot] = nil end
    end
    self:take(wanted, sent_at)
    self:find_strays()
    self:arm()
    if self.stopping and self.count == 0 and not next(self.returning) and not next(self.closing) then return self:finish() end
    if first or self.ask_again or next(self.returning) then self:ask() end
  end)
end

--- Looks only: a life that has to wait begins to see who is dead.
function Leases:look()
  self.nodes.engine:run(scripts.rows, { 1, self.nodes.place, self.carrier }, 3, function(list)
    if list and not self.closed then self.there:note(list) end
  end)
end

--- Compares what was renewed with what the engine has: a slot of another's is lost.
---@private
function Leases:compare(renewed, sent_at)
  for slot, one in pairs(renewed) do
    if self.held[slot] == one then
      local run, fence, beat = self.there:of(slot)
      if run == self.nodes.run and fence == one.fence and beat == self.beat then
        one.deadline = sent_at + self.nodes.hold_s
      else
        self:lose(one, "it is another node's")
      end
    end
  end
end

--- Slots that the engine has given to us.
---@private
function Leases:take(wanted, sent_at)
  for _, item in ipairs(wanted) do
    local slot = item[1]
    local run, fence, beat = self.there:of(slot)
    if run == self.nodes.run and beat == self.beat and not self.held[slot] then
      if self.loop:now() >= sent_at + self.nodes.hold_s then
        self.returning[slot] = fence -- the reply came too late
      else
        local one = lease.new(self, slot, fence, sent_at + self.nodes.hold_s)
        self.held[slot], self.count = one, self.count + 1
        self.nodes:emit("lease", self.carrier, slot, item[3] and "from" or "taken", item[3] and self.nodes.others:name_of(item[3]), fence)
        self.callbacks.taken(one)
      end
    elseif run ~= self.nodes.run then
      self.ask_again = true -- another was first; there may be others that are free
    end
  end
end

--- Slots that were taken, and whose replies were lost: given back, to be taken anew.
---@private
function Leases:find_strays()
  for slot in pairs(self.there.rows) do
    local run, fence = self.there:of(slot)
    if run == self.nodes.run and not self.held[slot] and not self.closing[slot] then self.returning[slot] = fence end
  end
end

-- ---- the end ----

--- Gives all back, drained; the carrier is gone, or the node is.
---@param done fun()
function Leases:stop(done)
  if self.closed then return done() end
  self.stopping = done
  for slot = 1, self:highest() do
    if self.held[slot] then self:give(self.held[slot], "closing") end
  end
  if not self.closed then self:go_on() end
end

--- The engine is away: at the end its rows stay, until they are seen dead.
---@private
function Leases:rest()
  if self.stopping and self.count == 0 and not next(self.closing) then self:finish() end
end

---@private
function Leases:go_on()
  if self.nodes:can_ask() then self:ask() else self:rest() end
end

---@private
function Leases:finish()
  local done = self.stopping
  self:close()
  if done then done() end
end

--- Ends without a word to the engine.
function Leases:close()
  if self.closed then return end
  self.closed = true
  self.timer:close()
  self.giving:close()
  self.nodes:forget_leases(self)
end

return leases
