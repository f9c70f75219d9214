--- What a bot remembers, by name, in a store: memories, who opted out, running dialogues, held messages, turns of schedules.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local vault = {}

---@class smpp.BotVault
local Vault = {}
local VAULT = { __index = Vault }

local KIND = "value"

local codec = core.record(kinds.names)

--- The octets of a value, to see whether it has changed; raises for what is not plain data.
function vault.octets(value) return codec.write { value = value } end

--- A copy of a value.
function vault.copy(octets) return codec.read(octets).value end

local PLAIN = { string = true, number = true, boolean = true }
local DEPTH_MAX = 14

--- The place of what is not plain data in a value: path and what it is; nil: all of it is.
---@param value any
---@param path string
---@return string? path
---@return string? what
function vault.problem(value, path, depth)
  local of = type(value)
  if of == "number" and (value ~= value or value == math.huge or value == -math.huge) then return path, "a number that is not finite" end
  if PLAIN[of] then return nil end
  if of ~= "table" then return path, "a " .. of end
  if getmetatable(value) ~= nil then return path, "a table with a metatable" end
  depth = (depth or 0) + 1
  if depth > DEPTH_MAX then return path, ("tables more than %d deep"):format(DEPTH_MAX) end
  for key, item in pairs(value) do
    local name = type(key) == "string" and key:find "^[%a_][%w_]*$" and path .. "." .. key
      or ("%s[%s]"):format(path, type(key) == "string" and ("%q"):format(key) or tostring(key))
    if type(key) ~= "string" and type(key) ~= "number" then return name, ("a %s as key"):format(type(key)) end
    local at, what = vault.problem(item, name, depth)
    if at then return at, what end
  end
end

--- Opens the store of a bot: a path, a store, or nil for one in memory.
---@param given string|table|nil
---@return smpp.BotVault? vault
---@return string? message
---@return string? code
function vault.open(given)
  local store, message, code
  if type(given) == "table" then
    store = given
  elseif given and stores.is_url(given) then
    store, message, code = stores.open(given)
    if not store then return nil, message, code end
  elseif given then
    local path, of = given:match "^sqlite:(.*)$", "sqlite"
    path = path and path:gsub("^//", "") or given:match "^.*%.db$"
    if not path then path, of = given:gsub("^file:", ""), "file" end
    store, message, code = stores.open(of, { path = path })
    if not store then return nil, message, code end
  else
    store = stores.memory()
  end
  return setmetatable({
    store = store,
    is_durable = given ~= nil,
    is_own = type(given) ~= "table",
    has_waited = false,          -- a call of the store did not complete at once
    is_immediate = false,        -- every call so far completed at once: set by Bot:start
  }, VAULT)
end

--- Calls the store, and waits only if it has to: outside a task, too, where the store completes at once.
local function complete(self, begin)
  local token, is_done, first, second, third
  local key = {}
  begin(function(a, b, c)
    if token then
      task.wake_for(token, key, a, b, c)
    else
      is_done, first, second, third = true, a, b, c
    end
  end)
  if is_done then return first, second, third end
  self.has_waited = true
  token = task.need(3)
  return task.wait(key)
end

--- The value of a name.
---@async
---@param key string
---@return any value  nil: there is none
---@return string? message
---@return string? code  "missing", "store_failed"
function Vault:get(key)
  local record, message, code = complete(self, function(done) self.store:get(KIND, key, done) end)
  if not record then return nil, message, code end
  return record.value
end

---@class smpp.BotItem
---@field key string
---@field value any       nil: it is removed
---@field group string    for `each`
---@field exists boolean? nil: unknown

local function change_of(item)
  if item.value == nil then return item.exists and { op = "remove", kind = KIND, key = item.key } or nil end
  if item.exists then return { op = "change", kind = KIND, key = item.key, set = { value = item.value } } end
  return { op = "add", kind = KIND, record = { key = item.key, group = item.group, value = item.value } }
end

--- Writes or removes some values, all or none; afterwards their `exists` is known.
---@async
---@param items smpp.BotItem[]
---@return boolean? ok
---@return string? message
---@return string? code
function Vault:write(items)
  local ok, message, code
  for attempt = 1, 2 do
    local changes, n = {}, 0
    for _, item in ipairs(items) do
      if item.exists == nil or attempt > 1 then
        local value, why, failure = self:get(item.key)
        if value == nil and failure ~= "missing" then return nil, why, failure end
        item.exists = value ~= nil
      end
      local change = change_of(item)
      if change then
        n = n + 1
        changes[n] = change
      end
    end
    if n == 0 then return true end
    ok, message, code = complete(self, function(done) self.store:commit(changes, done) end)
    if ok then
      for _, item in ipairs(items) do item.exists = item.value ~= nil end
      return true
    end
    if code ~= "duplicate" and code ~= "conflict" then break end -- another writer was first: tried again
  end
  return ok, message, code
end

--- Writes one value; nil removes it.
---@async
---@param key string
---@param value any
---@param group string
---@return boolean? ok
---@return string? message
---@return string? code
function Vault:put(key, value, group) return self:write { { key = key, value = value, group = group } } end

--- Calls fn(key, value) for all values of a group, in the order in which they were first written.
---@async
---@param group string
---@param fn fun(key: string, value: any)
---@return boolean? ok
---@return string? message
---@return string? code
function Vault:each(group, fn)
  local query = { kind = KIND, group = group, limit = 100 }
  while true do
    local list, message, code = complete(self, function(done) self.store:find(query, done) end)
    if not list then return nil, message, code end
    for _, record in ipairs(list) do fn(record.key, record.value) end
    if #list < query.limit then return true end
    query.after = list[#list].serial
  end
end

--- Closes a store that was opened here.
---@async
function Vault:close()
  if self.is_own then complete(self, function(done) self.store:close(done) end) end
end

return vault
