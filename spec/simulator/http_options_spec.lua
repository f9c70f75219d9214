local options = require "smpp.simulator.http_options"

describe("smpp.simulator.http_options", function()
  it("are a port, or a table with a port", function()
    for _, good in ipairs { 0, 8080, { port = 8080 }, { port = 0, host = "0.0.0.0", token = "x", names = { "a" }, max_body_octets = 100 } } do
      assert.is_truthy(options.kind.fits(good))
    end
    for _, bad in ipairs { -1, 70000, "8080", {}, { host = "h" }, { port = 1, tokens = "x" }, { port = 1, names = "x" } } do
      assert.is_falsy(options.kind.fits(bad))
    end
  end)
end)
