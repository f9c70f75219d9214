local csv = require "smpp.route.csv"

local function values(text, names)
  local list = {}
  csv.values(text, names or { prefix = true }, function(value, line) list[#list + 1] = ("%s@%d"):format(value, line) end)
  return table.concat(list, " ")
end

describe("smpp.route.csv", function()
  it("reads one value per line, with or without a header", function()
    assert.equal("4915@1 4916@2", values "4915\n4916\n")
    assert.equal("4915@2 4916@3", values "Prefix\n4915\n4916")
    assert.equal("Shop@1", values "Shop\n")
    assert.equal("1@3 2@5", values "\n# a comment\n 1 \r\n\n2\r\n")
    assert.equal("1@2", values "\239\187\191prefix\n1")
    assert.equal("", values "")
  end)

  it("takes the named column, else the first", function()
    assert.equal("4915@2 44@3", values "operator;prefix;price\nX;4915;0.1\nY;44;0.2")
    assert.equal("X@2", values "operator,price\nX,0.1")
    assert.equal("49@2", values "a\tprefix\nX\t49")
    assert.equal("49@2", values "prefix,operator\n49,\"X, Y\"")
    assert.equal("49@2", values "prefix,operator\n\"49\",X")
  end)

  it("reads rows by the names of the header, and cells in quotes", function()
    local rows = {}
    assert.same({ "prefix", "name" }, csv.rows('Prefix,Name\n49,"A ""b"", c"\n44,\n', function(row, line) rows[#rows + 1] = { row, line } end))
    assert.same({ { { prefix = "49", name = 'A "b", c' }, 2 }, { { prefix = "44" }, 3 } }, rows)
    assert.same({}, csv.rows("", error))
  end)

  it("takes plus and blanks out of addresses", function()
    assert.equal("4915", csv.plain "+49 15")
    assert.equal("Shop", csv.plain "Shop")
  end)

  it("takes no more time for a long line than it is long", function()
    local line = ("a"):rep(65536)
    assert.equal(line .. "@1", values(line))
    assert.equal(#line, #values('prefix,b\n"' .. line .. '"x', { b = true }) + #line - #values('prefix,b\n"' .. line .. '"x', { b = true }))
  end)
end)
