--- Makes a store from a blocking implementation: its methods run in a task, one after another, and return their results.
local kinds = require "smpp.store.kinds"
local task = require "smpp.base.task"

local waiting = {}

local Waiting = {}
local mt = { __index = Waiting, __name = "smpp.store.waiting" }

---@class smpp.WaitingStore  the wrapped implementation; every method may wait
---@field commit fun(self, changes: smpp.Change[]): boolean?, string?, string?
---@field get fun(self, kind: string, key: string): table?, string?, string?
---@field find fun(self, query: smpp.Query): table[]?, string?, string?
---@field discard fun(self, kind: string, before: number): boolean?, string?, string?
---@field close fun(self): boolean?, string?, string?

--- Wraps it.
---@param inner smpp.WaitingStore
---@return smpp.Store
function waiting.new(inner)
  local self = setmetatable({ inner = inner, queue = {}, first = 1, last = 0, is_running = false }, mt)
  self.worker = function() self:work() end
  return self
end

--- A deep copy: the caller may reuse its tables when the call returns, before they are read here.
local function copy(value)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" then return value end
  if kind ~= "table" then error(("invalid value in a record: expected a string, number, boolean or table of these, got a %s"):format(kind), 0) end
  local out = {}
  for key, item in pairs(value) do out[key] = copy(item) end
  return out
end

local function perform(inner, call)
  local ok, a, b, c = task.pcall(inner[call.method], inner, call.first, call.second)
  if ok then return a, b, c end
  return nil, tostring(a), "store_failed"
end

function Waiting:work()
  while self.first <= self.last do
    local call = self.queue[self.first]
    self.queue[self.first], self.first = nil, self.first + 1
    local a, b, c = perform(self.inner, call)
    if call.done then call.done(a, b, c, call.context) end
  end
  self.first, self.last, self.is_running = 1, 0, false
end

local function put(self, method, first, second, done, context)
  self.last = self.last + 1
  self.queue[self.last] = { method = method, first = first, second = second, done = done, context = context }
  if self.is_running then return end
  self.is_running = true
  task.start(nil, self.worker)
end

function Waiting:commit(changes, done, context)
  for _, change in ipairs(changes) do
    if not kinds.kinds[change.kind] then error(("unknown kind of records '%s'"):format(tostring(change.kind)), 2) end
  end
  put(self, "commit", copy(changes), nil, done, context)
end

function Waiting:get(kind, key, done, context) put(self, "get", kind, key, done, context) end

function Waiting:find(query, done, context) put(self, "find", copy(query), nil, done, context) end

function Waiting:discard(kind, before, done, context) put(self, "discard", kind, before, done, context) end

function Waiting:close(done, context) put(self, "close", nil, nil, done, context) end

return waiting
