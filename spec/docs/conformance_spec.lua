local conformance = require "smpp.conformance"
local page = require "docs.conformance"

describe("docs/conformance.md", function()
  it("is made from the cases: run `lua docs/conformance.lua` where it is not", function()
    local file = assert(io.open "docs/conformance.md")
    local text = file:read "*a"
    file:close()
    assert.is_true(text == page.text())
  end)

  it("has each case", function() assert.is_true(#conformance.cases() >= 200) end)
end)
