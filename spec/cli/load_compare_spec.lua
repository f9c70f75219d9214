local cli = require "spec.support.cli"
local dkjson = require "dkjson"

local has = cli.has

--- A result of `smpp load --json` against a message centre of this latency.
local function result(latency_s)
  local path
  cli.with_simulator({ latency_s = latency_s }, function()
    local _, out = cli.run({ "load", "smpp://me:secret@127.0.0.1:2775", "--rate", "20", "--for", "10s", "--json", "-q" }, { run = cli.inside })
    path = cli.file(out)
  end)()
  return path
end

describe("smpp.cli.load_compare", function()
  it("sets two results beside each other", function()
    local paths = { result(0.05), result(0.2) }
    local code, out, err = cli.run { "load", "compare", paths[1], paths[2] }
    assert.equal(0, code, err)
    assert.truthy(out:find "p99%s+50 ms%s+200 ms%s+%+300%.0 %%%s+worse", out)
    assert.truthy(out:find "rate%s+20/s%s+20/s%s+%+0%.0 %%%s+same", out)
    assert.equal(99, (cli.run { "load", "compare", paths[1], paths[2], "--fail-on-worse" }))
    assert.equal(0, (cli.run { "load", "compare", paths[1], paths[1], "--fail-on-worse" }))
    code, out = cli.run { "load", "compare", paths[2], paths[1], "--json" }
    assert.equal(0, code)
    assert.equal("better", dkjson.decode(out).verdict)
    for _, path in ipairs(paths) do os.remove(path) end
  end)

  it("refuses other files", function()
    assert.equal(2, (cli.run { "load", "compare", "/nonexistent", "/nonexistent" }))
    assert.equal(2, (cli.run { "load", "compare" }))
    local path = cli.file '{"event":"x"}'
    local code, _, err = cli.run { "load", "compare", path, path }
    os.remove(path)
    assert.equal(2, code)
    has(err, "expected a result")
  end)
end)
