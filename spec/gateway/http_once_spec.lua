local async = require "spec.support.async"
local engine_store = require "spec.support.engine_store"
local onces = require "smpp.gateway.http_once"
local smpp = require "smpp"
local stores = require "smpp.store"
local task = require "smpp.base.task"

--- What it needs of a gateway.
local function once_of(loop, store)
  local books = {}
  function books.commit(_, changes)
    changes.patient = true
    return stores.commit(store, changes)
  end
  function books.within_call(_, fn) fn() end
  return onces.new({ books = books }, { loop = loop, store = store }, function(octets) return "digest of " .. octets end)
end

local function accepted(body) return { status = 202, body = body, location = "/1" } end

local function short(response) return ("%s %s"):format(response.status, response.body:match '"code":"([%w_]+)"' or response.body) end

local function is_again(response) return response.headers and response.headers[1] == "Idempotency-Replayed" or false end

--- A request: its answer goes with the commit of a message, unless it passes through.
local function request(store, body, o)
  o = o or {}
  return function(keep)
    if o.first then o.first() end
    if o.passes then return accepted(body) end
    local changes = keep(accepted(o.says or body))
    changes[#changes + 1] = { op = "add", kind = "message", record = { key = body, system_id = "acme", state = "ENROUTE" } }
    local ok = stores.commit(store, changes)
    if not ok then return { status = 503, body = "no" } end
    if o.fails then return { status = 422, body = "no" } end
    return accepted(body)
  end
end

local WORLDS = {
  memory = function() return { stores.memory() }, function() end end,
  engine = function(loop)
    local first = engine_store.new(loop)
    return { first, engine_store.new(loop, { engine = first.engine }) }, function() first.engine.close() end
  end,
}

for name, world in pairs(WORLDS) do
  describe("smpp.gateway.http_once, " .. name .. ":", function()
    local function with(fn)
      return async.virtual(function(loop)
        local list, done = world(loop)
        local nodes = {}
        for i, store in ipairs(list) do nodes[i] = { store = store, once = once_of(loop, store) } end
        fn(nodes[1], nodes[2] or nodes[1], loop)
        for _, store in ipairs(list) do
          if store.kill then store.kill() end
        end
        done()
      end)
    end

    for what, o in pairs { ["of a message"] = {}, ["of what has passed through"] = { passes = true }, ["that says more than was kept"] = { says = "part" } } do
      it("gives an answer again " .. what .. ", at any node", with(function(a, b)
        local count = 0
        o.first = function() count = count + 1 end
        assert.equal("202 x", short(a.once:run("acme", "k", "x", request(a.store, "x", o))))
        for _, node in ipairs { a, b } do
          local again = node.once:run("acme", "k", "x", request(node.store, "x", o))
          assert.same({ "202 x", true }, { short(again), is_again(again) })
          assert.equal("422 idempotency_mismatch", short(node.once:run("acme", "k", "y", request(node.store, "y", o))))
        end
        assert.equal(1, count)
      end))
    end

    it("is in progress at all nodes, until it has its answer", with(function(a, b, loop)
      local seen = {}
      local first = a.once:run("acme", "k", "x", request(a.store, "x", { first = function()
        for i, node in ipairs { a, b } do
          local one = node.once:run("acme", "k", "x", error)
          seen[i] = short(one)
        end
      end }))
      assert.same({ "409 in_progress", "409 in_progress", "202 x" }, { seen[1], seen[2], short(first) })
      assert.equal("202 z", short(b.once:run("bank", "k", "z", request(b.store, "z")))) -- another account
      local answers = {}
      for i, node in ipairs { a, b } do
        smpp.spawn(function() answers[i] = node.once:run("acme", "both", "w", request(node.store, "w", { first = function() smpp.sleep(1) end })) end)
      end
      smpp.sleep(3)
      local list = { short(answers[1]), short(answers[2]) }
      table.sort(list)
      assert.same({ "202 w", "409 in_progress" }, list)
      assert.is_number(loop:now())
    end))

    it("keeps no refusal, nor what raised", with(function(a, b)
      for i, o in ipairs { { fails = true }, { first = function() error "boom" end } } do
        local key = "k" .. i
        local ok, response = task.traced_pcall(a.once.run, a.once, "acme", key, "x" .. i, request(a.store, "x" .. i, o))
        assert.equal(i == 1, ok)
        if ok then assert.equal("422 no", short(response)) end
        assert.equal("202 y" .. i, short(b.once:run("acme", key, "y" .. i, request(b.store, "y" .. i))))
      end
    end))

    it("forgets an answer after a day", with(function(a, b)
      a.once:run("acme", "k", "x", request(a.store, "x"))
      smpp.sleep(86400 + 1)
      assert.equal("202 y", short(b.once:run("acme", "k", "y", request(b.store, "y"))))
    end))
  end)
end

describe("smpp.gateway.http_once", function()
  it("is free again when the node that ran it is dead, whose late message is refused", async.virtual(function(loop)
    local store = engine_store.new(loop)
    local other = engine_store.new(loop, { engine = store.engine })
    local a, b = once_of(loop, store), once_of(loop, other)
    local answers = {}
    smpp.spawn(function() answers[1] = a:run("acme", "k", "x", request(store, "x", { first = function() smpp.sleep(2) end })) end)
    smpp.sleep(1)
    assert.equal("409 in_progress", short(b:run("acme", "k", "x", error)))
    store.engine.data["smpp:{gw}:runs"].fields[store.run] = nil
    assert.equal("202 x", short(b:run("acme", "k", "x", request(other, "x"))))
    smpp.sleep(2)
    assert.equal("503 no", short(answers[1]))
    assert.equal("202 x", short(b:run("acme", "k", "x", error)))
    store.kill()
    other.kill()
    store.engine.close()
  end))

  it("gives an answer again when replicas have it, and not before", async.virtual(function(loop)
    local store = engine_store.new(loop, { waits = { wait_ms = 300 } })
    local other = engine_store.new(loop, { engine = store.engine, waits = { wait_ms = 300 } })
    local replica = store.engine.replicate(0.02)
    local a, b = once_of(loop, store), once_of(loop, other)
    assert.equal("202 x", short(a:run("acme", "k", "x", request(store, "x"))))
    replica.is_stopped = true
    assert.equal("503 store", short(b:run("acme", "k", "x", error)))
    replica.is_stopped = false
    local again = b:run("acme", "k", "x", error)
    assert.same({ "202 x", true }, { short(again), is_again(again) })
    store.kill()
    other.kill()
    store.engine.close()
  end))
end)
