--- A store that completes later, in order, on a virtual loop; it can fail, and be killed as by a crash: pending operations
--- are lost, and no callback follows.
local stores = require "smpp.store"

local late = {}

local Late = {}
local mt = { __index = Late, __name = "a late store" }

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = copy(item) end
  return out
end

---@param loop smpp.Loop
---@param o? { inner: smpp.Store?, delay: (fun(): number)?, fails: (fun(method: string): boolean)? }
function late.new(loop, o)
  o = o or {}
  return setmetatable({
    loop = loop, inner = o.inner or stores.memory(), delay = o.delay or function() return 0.01 end, fails = o.fails or function() return false end,
    free_at = 0, killed = false, calls = 0, timers = {},
  }, mt)
end

local function later(self, method, done, context, ...)
  if self.killed then return end
  self.calls = self.calls + 1
  local at = math.max(self.free_at, self.loop:now() + self.delay()) -- in order
  self.free_at = at
  local arguments, timer = { ... }, nil
  timer = self.loop:timer(function()
    timer:close()
    self.timers[timer] = nil
    if self.killed then return end
    if self.fails(method) then return done and done(nil, "the disk failed", "store_failed", context) end
    local a, b, c
    local function take(...) a, b, c = ... end
    arguments[#arguments + 1] = take
    self.inner[method](self.inner, (table.unpack or unpack)(arguments)) -- luacheck: compat
    if done then done(a, b, c, context) end
  end)
  self.timers[timer] = true
  timer:start(math.max(0, at - self.loop:now()))
end

function Late:commit(changes, done, context) later(self, "commit", done, context, copy(changes)) end

function Late:get(kind, key, done, context) later(self, "get", done, context, kind, key) end

function Late:find(query, done, context) later(self, "find", done, context, copy(query)) end

function Late:discard(kind, before, done, context) later(self, "discard", done, context, kind, before) end

function Late:close(done, context) later(self, "close", done, context) end

--- The process ends; returns the store with what was committed.
function Late:kill()
  self.killed = true
  for timer in pairs(self.timers) do timer:close() end
  return self.inner
end

return late
