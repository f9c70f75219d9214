local kind = require "smpp.base.kind"
local option_help = require "smpp.cli.option_help"

describe("smpp.cli.option_help", function()
  it("is as wide as the terminal, within reason", function()
    for columns, width in pairs { [80] = 80, [10] = 60, [99] = 99, [1000] = 100 } do assert.equal(width, option_help.width(columns)) end
    assert.equal(80, option_help.width(nil))
  end)

  it("wraps texts, and leaves long words whole", function()
    assert.equal("  one two\n    three\n    a-very-long-word\n    x", option_help.wrap("one two three a-very-long-word x", 12, "  ", "    "))
    assert.equal("  äöü ß", option_help.wrap("äöü ß", 7, "  ", "  ")) -- characters, not octets
  end)

  it("tells example, unit and default of a row", function()
    local rows = { { "keep_s", kind.seconds, 60, "how long they wait", "keep_s = 5" }, { "host", "string", nil, "where", 'host = "h"', default_text = "here" } }
    assert.equal([[
   keep_s = 5
        how long they wait (in s, default 60)
   host = "h"
        where (default here)]], option_help.rows(rows, 80))
  end)
end)
