--- A rate over all nodes: each takes grants from the engine, a little ahead of their use.  What is not used soon lapses, so that no node saves up.
local scripts = require "smpp.nodes.scripts"
local task = require "smpp.base.task"

local grants = {}

---@class smpp.Grants
---@field rate_per_s number
local Grants = {}
local mt = { __index = Grants, __name = "smpp.Grants" }

local AHEAD_S = 0.05   -- worth of one grant
local LAPSE_S = 0.1    -- after it was asked for
local BURST_S = 0.1    -- worth of the burst
local AGAIN_S = 0.1    -- where the engine does not answer
local LEAST_S = 0.01   -- between two calls, where it had less than was wanted

---@param nodes smpp.Nodes
---@param key string
---@param rate_per_s number
---@param part string?  of configurations, as of smpp.Nodes.least
---@param burst? number  default: a tenth of a second's worth
---@param learner? smpp.RateLearner  of a rate that adapts
---@return smpp.Grants
function grants.new(nodes, key, rate_per_s, part, burst, learner)
  local self = setmetatable({
    nodes = nodes, loop = nodes.loop, key = key,
    rate_per_s = nil, step_us = nil, burst = nil, own_burst = burst, portion = nil,
    left = 0, lapses_at = -math.huge,
    asking = false, next_at = -math.huge, -- when asking makes sense again
    has_failed = false,                   -- the last call: the engine is away
    waiting = nil, timer = nil, closed = false,
    tasks = {},                           -- that wait for the reply
    learner = learner,
    part = part, given = rate_per_s,      -- of the configuration: the smallest of the live nodes counts
  }, mt)
  self:set_rate(self:least())
  return self
end

--- Another rate in this node's file.
---@param rate_per_s number
function Grants:change(rate_per_s) self.given = rate_per_s end

---@private
function Grants:least() return self.part and self.nodes:least(self.part, self.given) or self.given end

--- From the next grant on.
---@private
---@param rate_per_s number
function Grants:set_rate(rate_per_s)
  if rate_per_s == self.rate_per_s then return end
  self.rate_per_s, self.step_us = rate_per_s, 1e6 / rate_per_s
  self.burst, self.portion = self.own_burst or math.max(1, rate_per_s * BURST_S), math.max(1, math.floor(rate_per_s * AHEAD_S))
end

--- Takes one; where there is none, the engine is asked for more.
---@return boolean taken  false: see `wait`
function Grants:take()
  local now = self.loop:now()
  local learner = self.learner
  if learner and learner:is_held() then
    self:ask(now)
    return false
  end
  if self.rate_per_s == math.huge then return true end
  if now >= self.lapses_at then self.left = 0 end
  local has = self.left > 0
  if has then self.left = self.left - 1 end
  if self.left * 2 < self.portion and (not has or self.portion > 1) then self:ask(now) end
  return has
end

--- Gives one back that was not used.
function Grants:give_back() self.left = self.left + 1 end

--- Takes one; where there may be one in the engine, waits for it.
---@async
---@return boolean? taken  nil: the engine is away
function Grants:admit()
  while not self:take() do
    if not self.asking then -- the engine had none, or is away
      if self.has_failed then return nil end
      return false
    end
    self.tasks[#self.tasks + 1] = task.need()
    task.wait(self)
  end
  return true
end

--- Is it of no use to keep it: the engine knows all of it?
---@return boolean
function Grants:is_idle()
  return not self.asking and not self.tasks[1] and not self.waiting and (self.left <= 0 or self.loop:now() >= self.lapses_at)
end

--- Calls fn once, when `take` may succeed again.
---@param fn fun()
function Grants:wait(fn)
  self.waiting, self.timer = fn, self.timer or self.loop:timer(function() self:wake() end)
  local now = self.loop:now()
  if self:has_some(now) then return self.timer:start(0) end
  self:ask(now)
end

---@private
function Grants:wake()
  local fn = self.waiting
  if self.closed or not fn then return end
  local now = self.loop:now()
  if self:has_some(now) then
    self.waiting = nil
    return fn()
  end
  self:ask(now)
end

---@private
function Grants:has_some(now)
  local learner = self.learner
  if learner and (learner:is_held() or self.rate_per_s == math.huge) then return not learner:is_held() end
  return self.left > 0 and now < self.lapses_at
end

--- Asks the engine, unless it is being asked, or it would have none.
---@private
---@param now number
---@param wanted integer?  default: what a node takes at once; 0: only what is learned is of interest
function Grants:ask(now, wanted)
  if self.asking or self.closed then return end
  local learner = self.learner
  if now < self.next_at and wanted ~= 0 and not (learner and learner:is_held()) then
    if self.waiting then self.timer:start(self.next_at - now) end
    return
  end
  local nodes = self.nodes
  if not nodes:can_ask() then
    self.next_at, self.has_failed = now + AGAIN_S, true
    if self.waiting then self.timer:start(AGAIN_S) end
    return
  end
  self.asking = true
  if not learner then self:set_rate(self:least()) end
  local words, n = { 1, nodes.place }, 6
  if learner then
    wanted = wanted or self.rate_per_s < math.huge and self.portion or 0
    n = learner:put(words, 2, self.key, wanted)
  else
    wanted = self.portion
    words[3], words[4], words[5], words[6] = self.key, ("%.17g"):format(self.step_us), ("%.17g"):format(self.burst), wanted
  end
  nodes.engine:run(learner and learner.script or scripts.grant, words, n, function(reply)
    self.asking, self.has_failed = false, reply == nil
    if self.closed then return end
    if learner then self:learned(learner:read(reply)) end
    local at = self.loop:now()
    if not reply then
      self.next_at = at + AGAIN_S
    else
      if reply[1] > 0 then
        self.left = (at < self.lapses_at and self.left or 0) + reply[1]
        self.lapses_at = math.max(now + LAPSE_S, at + 1e-3) -- a slow reply is of some use, too
      end
      if reply[1] < wanted then self.next_at = at + math.max(LEAST_S, reply[2] / 1e6) end
    end
    if self.waiting then self:wake() end
    self:wake_tasks()
  end)
end

--- The engine has said the rate.
---@private
function Grants:learned(rate_per_s, stepped)
  if not rate_per_s then return end
  if stepped then self.left = 0 end
  self:set_rate(rate_per_s)
end

---@private
function Grants:wake_tasks()
  local list = self.tasks
  self.tasks = {}
  for i = 1, #list do task.wake_for(list[i], self) end
end

--- Ends it.
function Grants:close()
  if self.closed then return end
  self.closed = true
  if self.timer then self.timer:close() end
  self:wake_tasks()
end

return grants
