--- A store in a model of an engine, on a virtual loop, as a gateway's node has it; it can be killed as by a crash.
local models = require "spec.support.valkey_model"
local stores = require "smpp.store"
local valkey = require "smpp.valkey"

local engine_store = {}

local P = "smpp:{gw}:"

--- Says that a run lives, or that it is over.
local function mark(engine, run, lives)
  local runs = engine.data[P .. "runs"] or { kind = "hash", fields = {}, count = 0 }
  engine.data[P .. "runs"] = runs
  runs.fields[run] = lives and run or nil
end

--- A store of a new node.
---@param loop smpp.Loop
---@param o? { engine: table?, before: string?, fails: (fun(method: string): boolean)?, waits: table?,
---  url: string? }  the engine; the run of this node's earlier life,
---  whose work is taken over; smpp.StoreWaitsOptions without clients; default: of one engine
---@return table store  with `engine`, `kill()`, `reborn()`
function engine_store.new(loop, o)
  o = o or {}
  local engine = o.engine or models.new(loop, {})
  local function connect(timeout_s)
    return assert(valkey.connect { o.url or "valkey://127.0.0.1", wait = true, loop = loop, tag = P, timeout_s = timeout_s })
  end
  local client = connect()
  local waits = o.waits
  if waits then
    local clients = {}
    for i = 1, 2 do clients[i] = connect(2 + waits.wait_ms / 1000) end
    waits = { clients = clients, disk = waits.disk or false, replicas = waits.replicas or 1, wait_ms = waits.wait_ms }
  end
  local store = assert(stores.open("valkey", { client = client, shared = true, loop = loop, timeout_s = 2, waits = waits }))
  engine.count = (engine.count or 0) + 1
  local run = "run" .. engine.count
  mark(engine, run, true)
  store:joined(run)
  store.engine, store.idle_poll_s = engine, 30
  if o.fails then
    local commit, get = store.commit, store.get
    function store.commit(self, changes, done, context)
      if o.fails "commit" then return loop:defer(function() done(nil, "the disk failed", "store_failed", context) end) end
      return commit(self, changes, done, context)
    end
    function store.get(self, kind, key, done, context, names)
      if o.fails "get" then return loop:defer(function() done(nil, "the disk failed", "store_failed", context) end) end
      return get(self, kind, key, done, context, names)
    end
  end
  if o.before then store.queues:bury(o.before, function(ok, message) assert(ok, message) end) end
  function store.kill()
    mark(engine, run, false)
    store.closed = true
    if store.waits then store.waits:close() end
    client:close()
    return { run = run, engine = engine }
  end
  return store
end

--- The store of the next life, after `kill` has returned `kept`.
function engine_store.reborn(loop, kept, fails) return engine_store.new(loop, { engine = kept.engine, before = kept.run, fails = fails }) end

return engine_store
