--- Counted message_ids that continue after a restart: the store has the counter.
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"
local stores = require "smpp.store"

local ids = {}

---@class smpp.Ids
local Ids = {}
local mt = { __index = Ids, __name = "smpp.Ids" }

local BLOCK = 1000 -- ids reserved in the store at once; a restart skips at most so many
local KEY = "message_id"

---@class smpp.IdsOptions
---@field store smpp.Store
---@field first integer?  the first id, unless the store has a later one (1)

--- Options of `new`.
ids.schema = schema.new {
  { "store", "table", nil, "has the counter", "store = store", required = true, program = true },
  { "first", kind.integer(0, 2 ^ 53), 1, "the first id, unless the store has a later one", "first = 1000" },
}

---@param o smpp.IdsOptions
---@return smpp.Ids
function ids.new(o)
  o = ids.schema:fill(ids.schema:check(o))
  return setmetatable({ store = o.store, next = o.first, last = nil }, mt)
end

--- Reserves a block in the store; retries if another process or task has changed the counter.
---@async
local function reserve(self)
  while true do
    local counter, message, code = stores.get(self.store, "counter", KEY)
    if not counter and code ~= "missing" then return nil, message, code end
    local first = math.max(counter and tonumber(counter.state) or self.next, self.next)
    local after = ("%.0f"):format(first + BLOCK)
    local change = counter and { op = "change", kind = "counter", key = KEY, from = counter.state, set = { state = after } }
      or { op = "add", kind = "counter", record = { key = KEY, state = after } }
    local ok
    ok, message, code = stores.commit(self.store, { change })
    if ok then return first end
    if code ~= "conflict" and code ~= "duplicate" then return nil, message, code end
  end
end

--- The next id.
---@async
---@return integer? number
---@return string? message
---@return string? code  of the store
function Ids:take()
  while not self.last or self.next > self.last do
    local first, message, code = reserve(self)
    if not first then return nil, message, code end
    self.next, self.last = first, first + BLOCK - 1
  end
  local number = self.next
  self.next = number + 1
  return number
end

return ids
