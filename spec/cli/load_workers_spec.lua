local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local smpp = require "smpp"
local workers = require "smpp.cli.load_workers"

--- Runs `smpp load` with workers against a simulator on the luv loop.
local function run(words, body, o)
  local results
  async.luv(function()
    local sim = assert(smpp.simulator { port = 0, accounts = { me = "secret" } })
    if body then smpp.spawn(body) end
    local line = { "load", ("smpp://me:%s@127.0.0.1:%d"):format(o and o.password or "secret", sim.port) }
    for _, word in ipairs(words) do line[#line + 1] = word end
    results = { cli.run(line, { run = cli.inside }) }
    sim:close(0)
  end, 60)()
  return results[1], results[2], results[3]
end

describe("smpp.cli.load_workers", function()
  it("gives each worker its part, the rest to the first", function()
    local totals = { rate = 0, binds = 0, count = 0 }
    for number = 1, 3 do
      local o = { rate = 100, binds = 8, count = 100, seed = 5 }
      assert.is_nil(workers.reduce(o, number, 3))
      for name in pairs(totals) do totals[name] = totals[name] + o[name] end
      assert.equal(number == 1 and 4 or 2, o.binds)
      assert.equal(5000 + number, o.seed)
    end
    assert.near(100, totals.rate, 1e-9)
    assert.same({ 8, 100 }, { totals.binds, totals.count })
    local o = { stages = { { at_s = 0, rate = 30 }, { at_s = 9, rate = 60 } } }
    workers.reduce(o, 2, 3)
    assert.same({ { at_s = 0, rate = 10 }, { at_s = 9, rate = 20 } }, o.stages)
    assert.truthy(workers.reduce({ binds = 2 }, 1, 3):find "%-%-binds")
    assert.truthy(workers.reduce({ count = 2 }, 1, 3):find "%-%-count")
    assert.truthy(workers.reduce({ listen = {} }, 1, 3):find "%-%-listen")
  end)

  it("add up: counts, statuses, seconds and histograms", function()
    local code, out, err = run { "--rate", "200", "--for", "2s", "--workers", "2", "--binds", "3", "--json", "--fail-if", "errors > 0" }
    assert.equal(0, code, err)
    local r = assert(dkjson.decode(out))
    assert.equal(2, r.workers)
    assert.equal(400, r.sent)
    assert.equal(400, r.statuses.ESME_ROK)
    assert.equal(400, r.latency_s.count)
    assert.equal(400, (assert(require("smpp.load.histogram").decode(r.histogram)):count()))
    assert.same({ wanted = 3, up = 3 }, { wanted = r.binds.wanted, up = r.binds.up })
    local sent = 0
    for _, row in ipairs(r.series) do sent = sent + row.sent end
    assert.equal(400, sent)
    assert.equal(200, r.rate_target)
    assert.is_false(r.fail_if[1].holds)
    assert.is_nil(r.histograms)
  end)

  it("end with 3 where none can bind, and say why once", function()
    local code, out, err = run({ "--workers", "2", "--count", "10" }, nil, { password = "wrong" })
    assert.equal(3, code)
    assert.equal("", out)
    cli.has(err, "ESME_RINVPASWD")
  end)

  it("end with 1 when one dies, and name it", function()
    local code, out, err = run({ "--workers", "2", "--rate", "20", "--for", "30s", "--drain", "1s" }, function()
      while not (workers.running and workers.running[1].ready and workers.running[2].ready) do smpp.sleep(0.01) end
      smpp.sleep(0.3)
      workers.running[2].process:signal "SIGKILL"
      smpp.sleep(0.3)
      workers.interrupt()
    end)
    assert.equal(1, code)
    assert.equal("", out)
    cli.has(err, "worker 2 died")
  end)

  it("end with 1 when one ends early, with the figures of all", function()
    local path = cli.file 'return { message = function(n) if n == 4 then error("bang", 0) end return { to = "491", text = "x" } end }'
    local code, out, err = run { "--workers", "2", "--rate", "40", "--for", "1s", "--script", path, "--json", "-q" }
    os.remove(path)
    assert.equal(1, code)
    assert.equal(6, dkjson.decode(out).ok)
    cli.has(err, "bang")
    cli.has(err, "worker 1 ended early")
  end)

  it("refuse what cannot be shared", function()
    local code, _, err = run { "--workers", "3", "--binds", "2" }
    assert.equal(2, code)
    cli.has(err, "--binds")
  end)
end)
