local csv = require "smpp.base.csv"

describe("smpp.base.csv", function()
  it("reads rows by the names of the first line, with any of three separators", function()
    assert.same({ { to = "491", text = "a" }, { to = "492", text = "" } }, csv.rows "to,text\r\n491,a\r\n\r\n492\r\n")
    assert.same({ { to = "491", text = "a,b" } }, csv.rows "\239\187\191to;text\n491;a,b\n")
    assert.same({ { to = "491", text = "a\nb \"c\"" } }, csv.rows 'to\ttext\n491\t"a\nb ""c"""\n')
  end)

  it("says what is wrong, and where", function()
    assert.same({ nil, "the file is empty" }, { csv.rows "\n \n" })
    assert.same({ nil, "line 3: row of 3 cells, expected at most 2" }, { csv.rows "a,b\n1,2\n1,2,3\n" })
    assert.same({ nil, "line 2: unterminated quoted cell" }, { csv.rows 'a\n"x\n' })
    assert.same({ nil, "line 2: unexpected 'y' after a quoted cell" }, { csv.rows 'a\n"x"y\n' })
  end)
end)
