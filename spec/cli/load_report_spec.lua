local report = require "smpp.cli.load_report"

describe("smpp.cli.load_report", function()
  it("shows times and rates as people read them", function()
    assert.equal("-", report.time(nil))
    assert.equal("0.25 ms", report.time(0.00025))
    assert.equal("12.3 ms", report.time(0.0123))
    assert.equal("1.50 s", report.time(1.5))
    assert.equal("12.3 s", report.time(12.345))
    assert.equal("0.5/s", report.rate(0.5))
    assert.equal("12345/s", report.rate(12345.2))
  end)

  it("lists the options that were given, without the URL and its password", function()
    local list = report.options_of { url = "smpp://me:secret@h", duration = 5, rate = 100 * 1.0, to = { "1", "2" }, from = {}, closed = false,
      stages = { { at_s = 0, rate = 5 }, { at_s = 9, rate = 7 } } }
    assert.same({ { "--rate", "100" }, { "--for", "5" }, { "--to", "1, 2" }, { "--stages", "0s:5/s, 9s:7/s" } }, list)
  end)
end)
