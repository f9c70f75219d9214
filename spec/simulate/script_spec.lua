local cli = require "spec.support.cli"
local script = require "smpp.simulate.script"

describe("smpp.simulate.script", function()
  it("is a scenario that passes where nothing is broken, and holds the plan itself", function()
    local lua = script.scenario({
      seconds = 2.5, clients = { { window = 1, order = true } }, messages = { { at = 0.25, client = 1, to = 1, length = 10, receipt = true } }, replies = {},
      faults = { { at = 1, what = "cut", link = 1, for_s = 0.5 } },
    }, "receipt_lost", "a message\nof two lines")
    cli.has(lua, "{ at = 0.25, client = 1, length = 10, receipt = true, to = 1 },")
    cli.has(lua, "replies = {},")
    cli.has(lua, "gateways = {},")
    local path = cli.file(lua)
    assert.equal(0, (cli.run { "test", "--virtual", path }))
    assert.equal(0, (cli.run { "test", path })) -- skipped: it needs the virtual clock
    os.remove(path)
  end)
end)
