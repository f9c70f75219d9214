--- Persistent data: the interface of stores, the kinds of records, and the registry of stores by name.
--- The contract is docs/store.md; smpp.store.conformance checks a store against it.
local backoffs = require "smpp.base.backoff"
local kinds = require "smpp.store.kinds"
local registry = require "smpp.base.registry"
local task = require "smpp.base.task"

local stores = { kinds = kinds.kinds, names = kinds.names, over = kinds.over, is_final = kinds.is_final }

-- ---- the contract ----

---@class smpp.Store
---@field commit fun(self, changes: smpp.Change[], done: fun(ok: boolean?, message: string?, code: string?, context: any), context: any)
---  all of them, or none.  code: "duplicate" (an added key exists), "conflict" (a record is missing, or its state is
---  not `from`), "taken_over" (other nodes have what this run of a shared store had), "queue_full", "store_failed".  The
---  caller may reuse the tables when the call returns
---@field get fun(self, kind: string, key: string, done: smpp.StoreGot, context: any, names: string[]?)
---  names: fields that are enough, a list that does not change.  code: "missing", "store_failed"
---@field takes_pdus boolean?  it knows `pdu` of an addition
---@field finish_due (fun(self, key: string, now: number, latest: number): string?)?  gives a message its `planned` state, with `done` and
---  `error`, and without the fields of `smpp.store.kinds.over`, if that is all there is to do: it is ENROUTE, its `planned_at` is not after
---  `latest`, and it has no `notify_at`, no `outcome` and asks for no receipt.  Returns the state, at once; nil: nothing has changed
---@field draft_due (fun(self, key: string, now: number, latest: number, has_tlvs: boolean): string?, string?, number?)?  beside `finish_due`,
---  for messages that may ask for a receipt: the state, whom the receipt goes to, and `bind`; nothing changes before `commit_due`
---@field commit_due (fun(self, key: string, kind: string, run: string, number: integer, since: number): integer?, string?, string?)?  beside
---  `draft_due`, at once: commits what that has just drafted, and a record of the receipt with the key run .. number, system_id, octets,
---  since and bind; returns its serial.  nil, message, code: as `commit`
---@field octets_at (fun(self, kind: string, serial: integer): string?)?  beside `commit_due`: the octets of such a record, at once
---@field remove_at fun(self, kind: string, serials: integer[], count: integer)?  beside `commit_due`: removes such records, at once
---@field add_due (fun(self, pdu: smpp.Pdu, id: string, system_id: string, version: integer, bind: integer?, now: number, planned: string|false,
---  planned_at: number?, planned_error: integer?, expires: number?): boolean?, string?, string?)?  adds the message of a submit_sm that is usual
---  (core.submit) as ENROUTE, at once: as `commit` does with `pdu`
---@field find fun(self, query: smpp.Query, done: fun(list: table[]?, message: string?, code: string?, context: any), context: any)
---@field discard fun(self, kind: string, before: number, done: fun(ok: boolean?, message: string?, code: string?, context: any), context: any)
---  removes records older than `before`: final messages, ids
---@field settled (fun(self, kind: string, key: string, done: smpp.StoreGot, context: any))?  as `get`, of what is as safe as a commit that has
---  ended, where a commit waits for more than the engine
---@field shared boolean?  nodes share it: records have places, it has `queues` (smpp.StoreQueues), `run` and `time()`
---@field close fun(self, done: fun(ok: boolean?, message: string?, code: string?, context: any)?, context: any)

---@alias smpp.StoreGot fun(record: table?, message: string?, code: string?, context: any)

---@class smpp.Change
---@field op "add"|"change"|"remove"|"count"  count: of a shared store, see docs/store.md
---@field kind string
---@field record table?   add: plain data with a `key`
---@field pdu smpp.Pdu?    add, to a store with `takes_pdus`: its parameters are fields of the record, too, where that has no such
---  field, and those whose names `smpp.store.kinds` has
---@field key string?     change, remove
---@field from string?    change, remove: the state that the record must have
---@field place smpp.Place? add, change: where the record is, in a shared store (others ignore this, `guard` and `replaces`)
---@field guard "mine"|"idle"|nil  change, remove: it must be this node's work; or no other node's; else "conflict"
---@field replaces boolean? add: in the place of one that is there
---@field set table?      change: fields and their new values
---@field clear string[]? change: names of fields to remove

---@class smpp.Place  in a store that nodes share
---@field [1] "work"|"queue"|"none"  this node's work; a queue, from which any node takes it; neither
---@field home string     name of the queue, to which it goes back when the node is no more
---@field due number      Unix time when it is taken, at the earliest
---@field over number?    Unix time when it is taken in any case
---@field most integer?   an addition to a longer queue fails as "queue_full"

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
  file = "smpp.store.file",
  sqlite = "smpp.store.sqlite",
  valkey = "smpp.store.valkey",
})

local ENGINES = { valkey = true, redis = true, valkeys = true, rediss = true } -- schemes of URLs

--- Tests whether the name of a store is the URL of an engine.
---@param name string
---@return boolean
function stores.is_url(name) return ENGINES[name:match "^(%l+)%+?%l*://"] or false end

--- Opens a store by its name: "memory", "file:FILE", "sqlite:FILE", the URL of an engine ("valkey://HOST"), or one added with
--- `registry:add`.
---@param name string
---@param o? table  its options
---@return smpp.Store? store
---@return string? message
---@return string? code
function stores.open(name, o)
  local kind, path = name:match "^(%l+):(.+)$" -- "sqlite:FILE", "file:FILE"
  local is_url = stores.is_url(name)
  if not kind and not is_url then return stores.registry:get(name, 2).open(o) end
  local with = {}
  for key, value in pairs(o or {}) do with[key] = value end
  with[is_url and "url" or "path"] = is_url and name or path
  return stores.registry:get(is_url and "valkey" or kind, 2).open(with)
end

--- The store that an option names: a store as it is; "FILE" is one in SQLite, "file:FILE", "sqlite:FILE" and URLs say what they are.
---@param value smpp.Store|string
---@param o? table  options of the one that is opened
---@return smpp.Store? store
---@return string? message
---@return string? code
function stores.of(value, o)
  if type(value) ~= "string" then return value end
  return stores.open((value:find "^%l+:." or stores.is_url(value)) and value or "sqlite:" .. value, o)
end

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

--- Tests whether a commit with this code will never be made: what it changes is gone, has another state, or is another node's.
---@param code string?
---@return boolean
function stores.is_lost(code) return code == "conflict" or code == "taken_over" end

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

--- A record that is as safe as a commit that has ended: for answers that say that something was done before.
---@async
---@param store smpp.Store
---@param kind string
---@param key string
---@return table? record
---@return string? message
---@return string? code
function stores.settled(store, kind, key)
  if not store.settled then return stores.get(store, kind, key) end
  local token, outer = task.need(2), calling
  calling = token
  store:settled(kind, key, complete, token)
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

local RETRY_MAX_S = 60 -- longest delay before a retry after a store failure

--- Calls fn(record) for all records of a query, as a task of its own, for recovery after a restart: when the store
--- fails, the query is retried from the same position.
---@param store smpp.Store
---@param query smpp.Query
---@param fn fun(record: table): boolean?  false: stop
---@param o { loop: smpp.Loop, on_error: fun(message: string) }  on_error: called for each failure
---@return fun() stop
function stores.recover(store, query, fn, o)
  local page, timer, is_over, failures = { limit = 100 }, nil, false, 0
  for name, value in pairs(query) do page[name] = value end
  local function stop()
    is_over = true
    if timer then timer:close() end
    timer = nil
  end
  local function take(record)
    page.after, failures = record.serial, 0
    if is_over or fn(record) == false then return false end
  end
  local function run()
    local ok, message = stores.walk(store, page, take)
    if ok or is_over then return stop() end
    o.on_error(message)
    failures = failures + 1
    timer:start(backoffs.delay_s(failures, nil, RETRY_MAX_S))
  end
  timer = o.loop:timer(function() task.start(o.on_error, run) end, true)
  task.start(o.on_error, run)
  return stop
end

return stores
