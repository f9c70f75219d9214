local async = require "spec.support.async"
local cli = require "spec.support.cli"
local models = require "spec.support.valkey_model"
local nodes = require "smpp.nodes"
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local has = cli.has

local URL = "valkey://127.0.0.1?prefix=eu"

local function run(...) return cli.run({ "nodes", ... }, { run = cli.inside }) end

--- Runs fn beside two nodes; the second has another file where `differs`.
local function with(fn, differs)
  return async.virtual(function(loop)
    local engine, opened = models.new(loop, {}), {}
    for i, name in ipairs { "a", "b" } do
      local client = assert(valkey.connect { "valkey://127.0.0.1", loop = loop })
      local one = nodes.open(client, {
        name = name, prefix = "eu", loop = loop, address = "10.0.0." .. i .. ":2775", version = "1.0", process = "",
        config = nodes.configuration { s = { x = differs and i or 0 } },
      })
      one:leases("telco_a", {
        binds = 2, taken = function(lease) lease:bound() end, lost = function() end, give_back = function(lease) lease:done() end,
      })
      opened[i] = { one, client }
    end
    smpp.sleep(8)
    fn(engine)
    for _, pair in ipairs(opened) do
      pair[1]:close()
      pair[2]:close()
    end
    engine.close()
  end)
end

describe("smpp nodes", function()
  it("shows who lives, and what each holds", with(function(engine)
    local meta = engine.data["eu:{gw}:meta"].fields
    meta.messages, meta.open = "2000", "3"
    local code, out = run(URL)
    assert.equal(0, code)
    has(out, "engine 127.0.0.1:6379  7.0.15  master, 0 replicas  1.0 MB of no limit, noeviction  fsync always")
    has(out, "\n    2000  messages in the books, 3 of them not final, 500 octets of memory each\n")
    meta.messages = "5"
    has(select(2, run(URL)), "\n       5  messages in the books, 3 of them not final\n")
    has(out, "node a  live  ")
    has(out, "10.0.0.1:2775  1.0  config ")
    assert.is_truthy(out:find "node b [^\n]*1 binds: telco_a %d")
    assert.is_nil(out:find("differs", 1, true))
  end))

  it("says it as JSON", with(function()
    local code, out = run(URL, "--json")
    assert.equal(0, code)
    local object = cli.objects(out)[1]
    assert.equal("7.0.15", object.engine.version)
    assert.same({ "a", "b" }, { object.nodes[1].node, object.nodes[2].node })
    assert.equal("telco_a", object.nodes[1].leases[1].carrier)
    assert.same({ {}, {} }, { object.queues, object.accounts })
    assert.is_truthy(out:find '^{"engine":{"address":"127.0.0.1:6379","version":')
    has(out, '"queues":[]')
  end))

  it("ends with 1 where files differ", with(function()
    local code, out = run(URL)
    assert.equal(1, code)
    has(out, " differs")
  end, true))

  it("asks a node to drain", with(function()
    assert.equal(0, (run(URL, "--drain", "a")))
    smpp.sleep(3)
    local _, out = run(URL)
    has(out, "node a  draining")
    assert.is_truthy(out:find "node b [^\n]*2 binds: telco_a 1 2")
    local code, _, err = run(URL, "--drain", "x")
    assert.equal(1, code)
    has(err, "no node 'x'")
  end))

  it("changes credit", with(function(engine)
    engine.data["eu:{gw}:counter:r:credit/acme"] = { kind = "string", text = "5000000\n1\n\n\n\n\n" }
    local code, out = run(URL, "--credit", "acme=+100")
    assert.same({ 0, "account acme: credit 105\n" }, { code, out })
    assert.equal(1, (run(URL, "--credit", "acme=-106")))
    assert.equal(1, (run(URL, "--credit", "other=1")))
    local wrong, _, err = run(URL, "--credit", "acme=x")
    assert.equal(2, wrong)
    has(err, "expected NAME=+N, NAME=-N or NAME=N, got 'acme=x'")
  end))

  it("ends with 3 where the engine is away, and with 2 where the file has none", with(function()
    local code, _, err = run "valkey://127.0.0.1:9"
    assert.equal(3, code)
    has(err, "127.0.0.1:9")
    assert.equal(2, (run "valkey://127.0.0.1?lease_s=x"))
    assert.same({ 2, "", "smpp: invalid host '': expected host[:port], IPv6 as [addr]:port\n" }, { run "valkey://" })
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write 'listen { port = 2775, accounts = { a = "secret" } }\ncarrier "a" { "smpp://me:x@localhost" }\nroute { via = "a" }\n'
    file:close()
    code, _, err = run(path)
    os.remove(path)
    assert.equal(2, code)
    has(err, "its store is in no engine")
    assert.equal(2, (run "/nonexistent.lua"))
  end))
end)
