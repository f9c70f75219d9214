--- Persistent data: the interface of stores, the kinds of records, and the registry of stores by name.
--- The contract is docs/store.md; smpp.store.conformance checks a store against it.
local kinds = require "smpp.store.kinds"
local registry = require "smpp.base.registry"
local task = require "smpp.base.task"

local stores = { kinds = kinds.kinds, names = kinds.names, is_final = kinds.is_final }

-- ---- the contract ----

---@class smpp.Store
---@field commit fun(self, changes: smpp.Change[], done: fun(ok: boolean?, message: string?, code: string?, context: any), context: any)
---  all of them, or none.  code: "duplicate" (an added key exists), "conflict" (a record is missing, or its state is
---  not `from`), "queue_full", "store_failed".  The caller may reuse the tables when the call returns
---@field get fun(self, kind: string, key: string, done: smpp.StoreGot, context: any, names: string[]?)
---  names: fields that are enough, a list that does not change.  code: "missing", "store_failed"
---@field takes_pdus boolean?  it knows `pdu` of an addition
---@field find fun(self, query: smpp.Query, done: fun(list: table[]?, message: string?, code: string?, context: any), context: any)
---@field discard fun(self, kind: string, before: number, done: fun(ok: boolean?, message: string?, code: string?, context: any), context: any)
---  removes records older than `before`: final messages, ids
---@field close fun(self, done: fun(ok: boolean?, message: string?, code: string?, context: any)?, context: any)

---@alias smpp.StoreGot fun(record: table?, message: string?, code: string?, context: any)

---@class smpp.Change
---@field op "add"|"change"|"remove"
---@field kind string
---@field record table?   add: plain data with a `key`
---@field pdu smpp.Pdu?    add, to a store with `takes_pdus`: its parameters are fields of the record, too, where that has no such
---  field, and those whose names `smpp.store.kinds` has
---@field key string?     change, remove
---@field from string?    change, remove: the state that the record must have
---@field set table?      change: fields and their new values
---@field clear string[]? change: names of fields to remove

---@class smpp.Query
---@field kind string
---@field open boolean?     only records that are not final
---@field newest boolean?   the newest first, default the oldest
---@field after integer?    the `serial` of the last record of the page before
---@field limit integer?    of records, default 100
---  and the fields of one of the kind's groups with the values to find

-- ---- stores by name ----

stores.registry = registry.new("store", {
  memory = "smpp.store.memory",
})

--- Opens a store by its name: "memory", or one added with `registry:add`.
---@param name string
---@param o? table  its options
---@return smpp.Store? store
---@return string? message
---@return string? code
function stores.open(name, o) return stores.registry:get(name, 2).open(o) end

--- Makes a store in memory.
---@param o? smpp.MemoryOptions
---@return smpp.Store
function stores.memory(o) return stores.open("memory", o) end

-- ---- for tasks ----

local WAITS = {} -- the key for waits on a store

-- The task whose call is running, and its results: stores in memory usually complete before a call returns.
local calling, first, second, third = nil, nil, nil, nil

local function complete(a, b, c, token)
  if calling == token then
    calling, first, second, third = nil, a, b, c
  else
    task.wake_for(token, WAITS, a, b, c)
  end
end

--- Returns the results of the current call, waiting for them if needed.
local function result(token, outer)
  local is_complete = calling ~= token
  calling = outer
  if not is_complete then return task.wait(WAITS) end
  local a, b, c = first, second, third
  first = nil
  return a, b, c
end

--- store:commit, waiting for the result.
---@async
---@param store smpp.Store
---@param changes smpp.Change[]
---@return boolean? ok
---@return string? message
---@return string? code
function stores.commit(store, changes)
  local token, outer = task.need(2), calling
  calling = token
  store:commit(changes, complete, token)
  return result(token, outer)
end

--- store:get, waiting for the result.
---@async
---@param store smpp.Store
---@param kind string
---@param key string
---@param names? string[]  fields that are enough
---@return table? record
---@return string? message
---@return string? code
function stores.get(store, kind, key, names)
  local token, outer = task.need(2), calling
  calling = token
  store:get(kind, key, complete, token, names)
  return result(token, outer)
end

--- store:find, waiting for the result.
---@async
---@param store smpp.Store
---@param query smpp.Query
---@return table[]? list
---@return string? message
---@return string? code
function stores.find(store, query)
  local token, outer = task.need(2), calling
  calling = token
  store:find(query, complete, token)
  return result(token, outer)
end

--- Calls fn(record) for all records of a query, page by page; fn may wait, and returns false to stop.
---@async
---@param store smpp.Store
---@param query smpp.Query  `limit`: of a page
---@param fn fun(record: table): boolean?
---@return boolean? ok
---@return string? message
---@return string? code
function stores.walk(store, query, fn)
  local page = {}
  for name, value in pairs(query) do page[name] = value end
  page.limit = page.limit or 100
  while true do
    local list, message, code = stores.find(store, page)
    if not list then return nil, message, code end
    for _, record in ipairs(list) do
      if fn(record) == false then return true end
    end
    if #list < page.limit then return true end
    page.after = list[#list].serial
  end
end

local RETRY_S, RETRY_MOST_S = 1, 60 -- delay before a retry after a store failure, doubling

--- Calls fn(record) for all records of a query, as a task of its own, for recovery after a restart: when the store
--- fails, the query is retried from the same position.
---@param store smpp.Store
---@param query smpp.Query
---@param fn fun(record: table): boolean?  false: stop
---@param o { loop: smpp.Loop, on_error: fun(message: string) }  on_error: called for each failure
---@return fun() stop
function stores.recover(store, query, fn, o)
  local page, timer, is_over, retry_s = { limit = 100 }, nil, false, RETRY_S
  for name, value in pairs(query) do page[name] = value end
  local function stop()
    is_over = true
    if timer then timer:close() end
    timer = nil
  end
  local function take(record)
    page.after, retry_s = record.serial, RETRY_S
    if is_over or fn(record) == false then return false end
  end
  local function run()
    local ok, message = stores.walk(store, page, take)
    if ok or is_over then return stop() end
    o.on_error(message)
    timer:start(retry_s)
    retry_s = math.min(retry_s * 2, RETRY_MOST_S)
  end
  timer = o.loop:timer(function() task.start(o.on_error, run) end, true)
  task.start(o.on_error, run)
  return stop
end

return stores
