-- Each script by itself, on the model; spec/interop/nodes_spec.lua runs them in a real engine.
local async = require "spec.support.async"
local models = require "spec.support.valkey_model"
local scripts = require "smpp.nodes.scripts"
local valkey = require "smpp.valkey"

local unpack = table.unpack or unpack -- luacheck: compat

local PLACE = "smpp:{gw}:"

--- A body with a function that runs a script.
local function with(fn)
  return async.virtual(function(loop)
    local engine = models.new(loop, {})
    local client = assert(valkey.connect { "valkey://127.0.0.1", loop = loop })
    fn(function(name, ...) return assert(client:eval(scripts[name], { PLACE }, { ... })) end, engine, loop)
    client:close()
    engine.close()
  end)
end

local function join(run, name, id, past, beat)
  return run("join", name, id, scripts.FORMAT, "gw", 10, "engine", past or "", beat or "", "version", "1", "process", "p-" .. id)
end

--- What a call of `lease` says: rows, wants.
local function lease(run, id, beat, o)
  local words = { "a", id, beat, o.binds or 4, o.most or 4, o.seen or 0 }
  for _, list in ipairs { o.renew or {}, o.give or {}, o.take or {} } do
    words[#words + 1] = #list
    for _, pair in ipairs(list) do words[#words + 1], words[#words + 2] = pair[1], pair[2] end
  end
  local reply = run("lease", unpack(words))
  local rows, wants = {}, {}
  for i = 1, #(reply[2] or {}), 2 do rows[tonumber(reply[2][i])] = reply[2][i + 1] end
  for i = 1, #(reply[3] or {}), 2 do wants[reply[3][i]] = reply[3][i + 1] end
  return rows, wants, reply[1]
end

describe("smpp.nodes.scripts", function()
  it("join: one life of a name at a time", with(function(run, engine)
    assert.same({ "joined" }, join(run, "a", "r1"))
    assert.same({ "other", "r1", "0", "p-r1" }, join(run, "a", "r2"))
    assert.same({ "other", "r1", "0", "p-r1" }, join(run, "a", "r2", "r1", "7"))
    assert.same({ "joined" }, join(run, "a", "r2", "r1", "0"))
    assert.same({ r2 = "a" }, engine.data[PLACE .. "runs"].fields)
    assert.same({ a = "r2" }, engine.data[PLACE .. "nodes"].fields)
    assert.is_true(engine.data[PLACE .. "orphans"].members.r1)
    assert.equal("1", engine.data[PLACE .. "node:a"].fields.version)
  end))

  it("join: refuses a newer format, and settings that differ while others live", with(function(run, engine)
    join(run, "a", "r1")
    assert.same({ "settings", "lease_s", "10" }, run("join", "b", "r2", scripts.FORMAT, "gw", 20, "engine", "", ""))
    assert.same({ "settings", "durable", "engine" }, run("join", "b", "r2", scripts.FORMAT, "gw", 10, "replica", "", ""))
    run("leave", "a", "r1")
    assert.same({ "joined" }, run("join", "b", "r2", scripts.FORMAT, "gw", 20, "engine", "", ""))
    engine.data[PLACE .. "meta"].fields.format = tostring(scripts.FORMAT + 1)
    assert.same({ "format", tostring(scripts.FORMAT + 1) }, join(run, "c", "r3"))
  end))

  it("beat: for a life that goes on; it tells of all", with(function(run)
    join(run, "a", "r1")
    local reply = run("beat", "a", "r1", 5, "live", "c1", "")
    assert.same({ "ok", "" }, { reply[1], reply[2] })
    assert.same({ "a" }, { reply[6][1][1] })
    assert.equal("e1", run("beat", "a", "r1", 6, "live", "c1", "e1")[2])
    assert.equal("e1", run("beat", "a", "r1", 7, "live", "c1", "")[2])
    assert.same({ "dead" }, run("beat", "a", "r0", 1, "live", "c1", ""))
    assert.same({ "dead" }, run("beat", "b", "r1", 1, "live", "c1", ""))
  end))

  it("a configuration that no node has any more is forgotten", with(function(run, engine)
    for _, hash in ipairs { "c1", "c2", "c3" } do engine.data[PLACE .. "config:" .. hash] = { kind = "string", text = "x" } end
    join(run, "a", "r1")
    join(run, "b", "r2")
    run("beat", "a", "r1", 1, "live", "c1", "")
    run("beat", "b", "r2", 1, "live", "c1", "")
    run("beat", "a", "r1", 2, "live", "c2", "")
    assert.is_truthy(engine.data[PLACE .. "config:c1"])
    run("beat", "b", "r2", 2, "live", "c3", "")
    assert.is_nil(engine.data[PLACE .. "config:c1"])
    run("leave", "a", "r1")
    assert.is_nil(engine.data[PLACE .. "config:c2"])
    assert.is_truthy(engine.data[PLACE .. "config:c3"])
  end))

  it("bury: only a record that is still the same", with(function(run, engine)
    join(run, "a", "r1")
    run("beat", "a", "r1", 5, "live", "", "")
    assert.equal(0, run("bury", "a", "r1", 4))
    assert.equal(0, run("bury", "a", "r0", 5))
    assert.equal(1, run("bury", "a", "r1", 5))
    assert.same({ "dead" }, run("beat", "a", "r1", 6, "live", "", ""))
    assert.is_true(engine.data[PLACE .. "orphans"].members.r1)
  end))

  it("leave: no orphan where there is no work", with(function(run, engine)
    join(run, "a", "r1")
    assert.equal(1, run("leave", "a", "r1"))
    assert.equal(0, run("leave", "a", "r1"))
    assert.is_nil(engine.data[PLACE .. "orphans"])
    join(run, "a", "r2")
    engine.data[PLACE .. "work:r2"] = { kind = "set", scores = { x = 1 } }
    run("leave", "a", "r2")
    assert.is_true(engine.data[PLACE .. "orphans"].members.r2)
  end))

  it("lease: takes what is as expected, once, with a fence above all others", with(function(run, engine)
    join(run, "a", "r1")
    join(run, "b", "r2")
    assert.same({ "r1 1 1", "r1 2 1" }, (lease(run, "r1", 1, { take = { { 1, "" }, { 2, "" } } })))
    local rows, wants = lease(run, "r2", 1, { take = { { 1, "" }, { 2, "r1 2 0" }, { 3, "" } } })
    assert.same({ "r1 1 1", "r1 2 1", "r2 3 1" }, rows)
    assert.same({ r1 = "4 4", r2 = "4 4" }, wants)
    assert.equal("r2 4 2", (lease(run, "r2", 2, { take = { { 2, "r1 2 1" } } }))[2])
    assert.equal("r2 100 3", (lease(run, "r2", 3, { seen = 99, take = { { 4, "" } } }))[4])
    assert.equal("100", engine.data[PLACE .. "meta"].fields.fence)
  end))

  it("lease: renews and gives back only what has the same run and fence", with(function(run, engine)
    join(run, "a", "r1")
    join(run, "b", "r2")
    lease(run, "r1", 1, { take = { { 1, "" }, { 2, "" } } })
    assert.same({ "r1 1 2", "r1 2 1" }, (lease(run, "r1", 2, { renew = { { 1, 1 }, { 2, 9 } } })))
    assert.same({ "r1 1 2", "r1 2 1" }, (lease(run, "r2", 1, { renew = { { 1, 1 } }, give = { { 1, 1 } } })))
    assert.same({ [2] = "r1 2 1" }, (lease(run, "r1", 3, { give = { { 1, 1 }, { 2, 22 } } })))
    assert.same({ r2 = "4 4" }, (select(2, lease(run, "r1", 4, { most = "", give = { { 2, 2 } } }))))
    assert.is_true(engine.data[PLACE .. "carriers"].members.a)
    lease(run, "r2", 2, { most = "" })
    assert.is_nil(engine.data[PLACE .. "carriers"])
  end))

  it("lease: tells of what is given back, and drops wishes of the dead", with(function(run, engine)
    local told = {}
    engine.subscribers[{ write = function(_, octets) told[#told + 1] = octets end }] = { [PLACE .. "leases"] = true }
    join(run, "a", "r1")
    join(run, "b", "r2")
    lease(run, "r1", 1, { take = { { 1, "" } } })
    assert.equal(0, #told)
    lease(run, "r1", 2, { give = { { 1, 1 } } })
    assert.equal(1, #told)
    run("bury", "a", "r1", 0)
    assert.same({ r2 = "4 4" }, (select(2, lease(run, "r2", 1, {}))))
    assert.equal("dead", (select(3, lease(run, "r1", 3, { take = { { 1, "" } } }))))
  end))

  it("rows: looks only", with(function(run)
    join(run, "a", "r1")
    lease(run, "r1", 1, { take = { { 1, "" } } })
    assert.same({ "1", "r1 1 1" }, run("rows", "a"))
  end))

  it("binds: refuses one too many, and never one less", with(function(run)
    join(run, "a", "r1")
    join(run, "b", "r2")
    assert.same({ 1, 0 }, run("binds", "acme", "r1", 2, 3))
    assert.same({ 0, 2 }, run("binds", "acme", "r2", 2, 3))
    assert.same({ 1, 2 }, run("binds", "acme", "r2", 1, 3))
    assert.same({ 1, 1 }, run("binds", "acme", "r1", 1, 1))
    assert.same({ 1, 1 }, run("binds", "acme", "r1", 9, ""))
    assert.equal("dead", run("binds", "acme", "r9", 1, 3))
    run("bury", "a", "r1", 0)
    assert.same({ 1, 0 }, run("binds", "acme", "r2", 3, 3))
  end))

  it("grant: a burst, then the rate, by the engine's clock", with(function(run, engine)
    assert.same({ 5, 0 }, run("grant", "k", 100000, 10, 5))
    assert.same({ 5, 100000 }, run("grant", "k", 100000, 10, 50))
    assert.same({ 0, 100000 }, run("grant", "k", 100000, 10, 50))
    engine.clock_ahead_s = 0.25
    assert.same({ 2, 50000 }, run("grant", "k", 100000, 10, 50))
    engine.clock_ahead_s = 3600
    assert.same({ 10, 100000 }, run("grant", "k", 100000, 10, 50))
    engine.clock_ahead_s = 0 -- back
    assert.same({ 0, 100000 }, run("grant", "k", 100000, 10, 50))
    engine.clock_ahead_s = 0.5
    assert.same({ 5, 100000 }, run("grant", "k", 100000, 10, 50))
  end))
end)
