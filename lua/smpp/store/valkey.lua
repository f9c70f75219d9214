--- A store in Valkey or Redis: records are in the engine, so that a machine may die, and another goes on.  A call is one
--- script; calls are pipelined, and made again where the connection was lost: a commit has a number, and is made once.
local calls = require "smpp.store.valkey_calls"
local fields = require "smpp.store.valkey_fields"
local kinds = require "smpp.store.kinds"
local loops = require "smpp.loop"
local net = require "smpp.base.net"
local option = require "smpp.base.kind"
local resp = require "smpp.valkey.resp"
local schema = require "smpp.base.schema"
local queues = require "smpp.store.valkey_queues"
local scripts = require "smpp.store.valkey_scripts"
local valkey = require "smpp.valkey"
local waits = require "smpp.store.valkey_waits"

local store = {}

local Store = {}
local mt = { __index = Store, __name = "smpp.store.valkey" }

local whole = option.integer(1, 2 ^ 53)

--- Its options.
store.schema = schema.new {
  { "url", "string", nil, "the engine, as smpp.valkey takes it; `?prefix=` sets the prefix", 'url = "valkey://:secret@localhost"' },
  { "prefix", option.text(64), "smpp", "of all keys: two stores in one engine have two", 'prefix = "sim"' },
  { "timeout_s", option.seconds, 3, "limit for a call: then it fails as store_failed", "timeout_s = 10" },
  { "limit", whole, nil, "maximum of messages that are not final", "limit = 1000", default_text = "no limit" },
  { "max_octets", option.with_unit("octets", whole), nil, "maximum size of all records", "max_octets = 1048576", default_text = "no limit" },
  { "keep_final", option.integer(0, 2 ^ 53), nil, "final messages to keep for queries; the oldest is removed first", "keep_final = 0",
    default_text = "all, until `discard`" },
  { "shared", "boolean", false, "nodes share it", "shared = true", program = true },
  { "client", "table", nil, "of smpp.valkey, instead of a URL", "client = client", program = true },
  { "waits", "table", nil, "for replicas, before a commit has ended: smpp.StoreWaitsOptions",
    "waits = { clients = { one, two }, replicas = 1, wait_ms = 500 }", default_text = "a commit has ended when the engine has it", program = true },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}

local function kind_of(name)
  return kinds.kinds[name] or error(("unknown kind of records '%s'"):format(tostring(name)), 3)
end

-- ---- changes ----

local RESULTS = {
  duplicate = { "duplicate key", "duplicate" },
  gone = { "conflict: unknown record", "conflict" },
  conflict = { "conflict: the record has another state", "conflict" },
  limit = { "store full: the limit of messages is reached", "queue_full" },
  full = { "store full: max_octets is reached", "queue_full" },
  dead = { "other nodes have taken over what this one had", "taken_over" },
}

local function ended(commit, result, message, code)
  local done, context = commit.done, commit.context
  if result == "ok" then return done(true, nil, nil, context) end
  if result == nil then return done(nil, message, code, context) end
  local exceeded = result:match "^exceeded:(.*)$"
  if exceeded then return done(nil, exceeded, "exceeded", context) end
  local known = RESULTS[result]
  if known then return done(nil, known[1], known[2], context) end
  done(true, nil, nil, context)
end

--- The results of a group of commits.
local function committed(call, value, message, code)
  local group = call.search
  if value then calls.known(group.numbers, group.number) end
  local each = value and value ~= "dead" and value:gmatch "[^\n]+"
  for i = 1, group.count do ended(group[i], each and each() or value, message, code) end
end

local MOST = 30 -- commits of a group: a script takes less than a millisecond

--- A group of commits, which is made as one call at the end of this turn of the loop.
local function new_group(self, name, script)
  local numbers = self.numbers
  local known, number = numbers.known, numbers.last + 1
  numbers.known, numbers.last = {}, number
  local words = {
    1, self.place, self.run, number, numbers.oldest, self.shared and 1 or 0, self.limit or "", self.max_octets or "", self.keep_final or "", #known,
  }
  local n = #words
  for i = 1, #known do words[n + i] = known[i] end
  n = n + #known
  local group = {
    name = name, script = script, numbers = numbers, number = number, count = 0, waits = false, results = "run:" .. self.run,
    words = n, parts = { [0] = resp.words(words, n) }, -- octets: its head, and each commit
  }
  self[name] = group
  self:defer()
  return group
end

--- Calls `flush` at the end of this turn of the loop.
---@private
function Store:defer()
  if self.is_deferred then return end
  self.is_deferred = true
  self.loop:defer(self.flush_deferred)
end

--- Makes the call of a group.
local function flush_group(self, name)
  local group = self[name]
  if not group then return end
  self[name] = nil
  local octets = table.concat(group.parts, "", 0, group.count)
  calls.make(self, group.script, octets, group.words, committed, nil, nil, group, name == "patient_group")
end

--- Makes the calls of what was committed in this turn of the loop.
---@private
function Store:flush()
  flush_group(self, "patient_group")
  flush_group(self, "group")
  if self.queues then self.queues:flush() end
end

--- What `rest` of a change may be, which makes a message final that is this record.
---@param record table
---@return string octets
function Store:rest(record) return fields.write_rest(record) end -- luacheck: no self

--- Makes all changes, or none.  Each key may be in them once.  Commits of one turn of the loop are one call.
--- `whole` of a change is the record as it is then, `rest` its octets but those of `set`: the engine need not look what it had.
---@param changes smpp.Change[]  `patient`: it is made until the engine has answered; `loose`: replicas need not have it
---@param done fun(ok: boolean?, message: string?, code: string?, context: any)
---@param context any
function Store:commit(changes, done, context)
  if self.shared and not self.run then return done(nil, "the store is away", "store_failed", context) end
  local octets, words = self.write(changes) -- raises for what is no change, or not plain data
  local is_patient = changes.patient and self.shared
  local refusal = self.waits and not (is_patient or changes.loose) and self.waits:refusal()
  if refusal then return done(nil, refusal, "store_failed", context) end
  local name = is_patient and "patient_group" or "group"
  local group = self[name] or new_group(self, name, is_patient and scripts.finish or self.shared and scripts.shared_commit or scripts.commit)
  local n = group.count + 1
  group.count, group.words, group.waits = n, group.words + words, group.waits or not changes.loose
  group[n], group.parts[n] = { done = done, context = context }, octets
  if n >= MOST then flush_group(self, name) end
end

-- ---- reading ----

local function got(call, text, message, code)
  if text == nil then return call.done(nil, message, code, call.context) end
  if not text then return call.done(nil, "unknown key", "missing", call.context) end
  call.done(fields.read(call.words[4], text), nil, nil, call.context)
end

---@param kind string
---@param key string
---@param done smpp.StoreGot
---@param context any
function Store:get(kind, key, done, context)
  kind_of(kind)
  self:flush()
  calls.make(self, scripts.get, { 1, self.place, kind, key }, 4, got, done, context)
end

--- As `get`, of what is as safe as a commit that has ended: where commits wait for replicas, they have what is read.
---@param kind string
---@param key string
---@param done smpp.StoreGot
---@param context any
function Store:settled(kind, key, done, context)
  if not self.waits then return self:get(kind, key, done, context) end
  kind_of(kind)
  self:flush()
  self.waits:read(kind, key, done, context)
end

--- The group of a kind that a query has all fields of: the one with the most.
local function group_of(kind, query)
  local best, name_of_best
  for name, group in pairs(kind.groups) do
    local fits = not group.open or query.open
    for _, field in ipairs(group.fields) do fits = fits and query[field] ~= nil end
    if fits and (not best or #group.fields > #best.fields) then best, name_of_best = group, name end
  end
  return best, name_of_best
end

-- A script reads a page at most; longer lists are put together of several.
local ask

local function found(call, list, message, code)
  if not list then return call.done(nil, message, code, call.context) end
  local search = call.search
  for i = 1, #list, 2 do search.records[#search.records + 1] = fields.read(list[i], list[i + 1]) end
  if #list / 2 < search.page or #search.records == search.limit then return call.done(search.records, nil, nil, call.context) end
  search.after = search.records[#search.records].serial
  ask(call.store, search, call.done, call.context)
end

function ask(self, search, done, context)
  local words = {}
  for i = 1, search.count do words[i] = search.words[i] end
  search.page = math.min(scripts.PAGE, search.limit - #search.records)
  words[search.count + 1], words[search.count + 2] = search.after or "", search.page
  self:flush()
  calls.make(self, self.shared and scripts.shared_find or scripts.find, words, search.count + 2, found, done, context, search)
end

---@param query smpp.Query
---@param done fun(list: table[]?, message: string?, code: string?, context: any)
---@param context any
function Store:find(query, done, context)
  local group, name = group_of(kind_of(query.kind), query)
  local words = { 1, self.place, query.kind, name or "", group and #group.fields or 0 }
  local n = 5
  for _, field in ipairs(group and group.fields or {}) do n, words[n + 1] = n + 1, query[field] end
  words[n + 1], words[n + 2] = query.open and 1 or 0, query.newest and 1 or 0
  ask(self, { words = words, count = n + 2, after = query.after, limit = query.limit or 100, records = {}, page = nil }, done, context)
end

local function discarded(call, count, message, code)
  if not count then return call.done(nil, message, code, call.context) end
  if count < scripts.PAGE then return call.done(true, nil, nil, call.context) end
  calls.make(call.store, call.script, call.words, call.count, discarded, call.done, call.context)
end

--- Removes records older than a time: final messages, ids.
---@param kind string
---@param before number
---@param done fun(ok: boolean?, message: string?, code: string?, context: any)
---@param context any
function Store:discard(kind, before, done, context)
  kind_of(kind)
  self:flush()
  local script = self.shared and scripts.shared_discard or scripts.discard
  calls.make(self, script, { 1, self.place, kind, ("%.17g"):format(before) }, 4, discarded, done, context)
end

-- ---- life ----

-- Codes after which its format is looked at when there is a connection again, beside those of `calls.again`.
local LATER = { closed = true, not_sent = true, queue_full = true, MOVED = true, ASK = true, TRYAGAIN = true, CLUSTERDOWN = true }

--- Looks at the format of what is there.
local function check_format(self)
  self.client:run(scripts.format, { 1, self.place }, 2, function(format, message, code)
    if format == nil then
      if not calls.again[code] and not LATER[code] then self.failed = message end
    elseif format ~= scripts.FORMAT then
      self.failed = ("the store has format %d, this program %d"):format(format, scripts.FORMAT)
    end
  end, nil, 0) -- of this connection: it does not follow its slot
end

--- What all keys begin with: they have one hash tag, so that they are in one slot of a cluster.
local function place_of(prefix) return prefix .. ":{gw}:" end

--- Opens a store.  It connects in the background: calls wait for the engine up to `timeout_s`.
---@param o { url: string?, prefix: string?, timeout_s: number?, limit: integer?, max_octets: integer?, keep_final: integer?, shared: boolean?,
---  client: smpp.ValkeyClient?, waits: smpp.StoreWaitsOptions?, loop: smpp.Loop? }
---@return smpp.Store? store
---@return string? message
---@return string? code
function store.open(o)
  o = store.schema:fill(store.schema:check(o))
  local loop, prefix, client = o.loop or loops.current(), nil, o.client
  if not client then
    if not o.url then error("expected a URL", 2) end
    local url = o.url:gsub("([?&])prefix=([^&]*)&?", function(before, word)
      prefix = net.decode(word)
      return before
    end)
    local message, code
    client, message, code = valkey.connect { url, wait = true, loop = loop, password_env = "SMPP_STORE_PASSWORD",
      tag = place_of(prefix or o.prefix) }
    if not client then return nil, message, code end
  end
  local self = setmetatable({
    client = client, loop = loop, place = place_of(prefix or o.prefix), timeout_s = o.timeout_s,
    limit = o.limit, max_octets = o.max_octets, keep_final = o.keep_final,
    shared = o.shared,          -- smpp.nodes says which runs live
    queues = nil,               -- smpp.StoreQueues, of a shared store
    waits = nil,                -- smpp.StoreWaits: for replicas
    write = fields.committer(o.shared), -- commits as words of a script
    run = nil,                  -- this process; of a shared store: of its node, nil before it has joined
    numbers = calls.numbers(),  -- of its groups of commits
    group = nil, patient_group = nil, -- of this turn of the loop
    is_deferred = false, flush_deferred = nil,
    latest = 0,                 -- what `time` has said
    offset = 0,                 -- the engine's clock is so many seconds before this one
    open_calls = 0, on_idle = nil, failed = nil, closed = false,
  }, mt)
  self.flush_deferred = function()
    self.is_deferred = false
    self:flush()
  end
  if o.shared then self.queues = queues.new(self) end
  if o.waits then self.waits = waits.new(self, o.waits, calls) end
  if not o.shared then self.run = loop:random_octets(16):gsub(".", function(octet) return ("%02x"):format(octet:byte()) end) end
  client:on("ready", function() check_format(self) end)
  client:on("failed", function(why) self.why = why end)
  return self
end

-- ---- what nodes share ----

--- The engine's clock, as far as it is known; it never goes back.
---@return number  Unix time
function Store:time()
  local now = self.loop:time() + self.offset
  if now < self.latest then return self.latest end
  self.latest = now
  return now
end

--- A node has joined: what is committed from now on is of this run.
---@param run string?  nil: it has ended
function Store:joined(run) self.run = run end

-- ---- the end ----

--- Waits for what was committed, and closes.
---@param done? fun(ok: boolean?, message: string?, code: string?, context: any)
---@param context any
function Store:close(done, context)
  self:close_calls(function()
    if self.waits then self.waits:close() end
    self.client:close()
    if done then done(true, nil, nil, context) end
  end)
end

--- Waits for the calls that are under way; the connection stays.
---@param done fun()
function Store:close_calls(done)
  self:flush()
  if self.closed or self.open_calls == 0 then
    self.closed = true
    return done()
  end
  self.closed, self.on_idle = true, done
end

return store
