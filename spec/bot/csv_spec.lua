local csv = require "smpp.bot.csv"

local function file_of(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

describe("smpp.bot.csv", function()
  it("reads cells, quoted ones too, with any of three separators", function()
    assert.same({ { "a", "b" }, { "1", "x, \"y\"\nz" }, { "", "2" } }, csv.parse 'a,b\r\n1,"x, ""y""\nz"\r\n\r\n,2')
    assert.same({ { "a", "b" }, { "1", "2,5" } }, csv.parse "\239\187\191a;b\n1;2,5\n")
    assert.same({ { "a", "b" }, { "1", "" } }, csv.parse "a\tb\n1\t")
    assert.same({}, csv.parse "")
    assert.same({ { "open" } }, csv.parse '"open')
  end)

  it("finds the column of numbers", function()
    for text, expected in pairs {
      ["name,number\nA,49"] = "49", ["to,name\n49,A"] = "49", ["Name,Phone\nA,49"] = "49", ["x,MSISDN\nA,49"] = "49", ["who,name\n49,A"] = "49",
    } do
      local path = file_of(text)
      local rows, names = csv.read(path)
      os.remove(path)
      assert.equal(expected, rows[1].number, text)
      assert.equal("number", names[#names])
    end
    assert.is_nil((csv.read "/nonexistent"))
    local path = file_of ""
    assert.matches("empty", select(2, csv.read(path)))
    os.remove(path)
  end)

  it("makes rows of numbers and tables", function()
    assert.same({ number = "491761234567" }, csv.row "491761234567")
    assert.equal("491761234567", csv.row(491761234567).number)
    assert.same({ to = "49", name = "A", number = "49" }, csv.row { to = "49", name = "A" })
    assert.is_nil(csv.row(true))
  end)

  it("fills in columns", function()
    local template = csv.template "Hi {name}, {{not} { number }!"
    assert.same({ "name", "number" }, template.columns)
    assert.equal("Hi A, {not} 49!", template.fill { name = "A", number = "49" })
    assert.has_error(function() csv.template "Hi {name" end)
  end)

  it("takes long foreign files", function()
    for _, text in ipairs { ("\""):rep(65536), (" "):rep(65536), (","):rep(65536), ("\n"):rep(65536) } do csv.parse(text) end
    csv.template(("{{"):rep(30000))
  end)
end)
