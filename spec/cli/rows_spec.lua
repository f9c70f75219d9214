local rows = require "smpp.cli.rows"

local function lines_of(text)
  local at = 1
  return function()
    if at > #text then return nil end
    local line, following = text:match("([^\n]*)\n?()", at)
    at = following
    return line
  end
end

--- All rows: { line, row or message } each.
local function read(text)
  local following, message, names = rows.open(lines_of(text))
  if not following then return nil, message end
  local list = {}
  while true do
    local line, row, wrong = following()
    if not line then return list, nil, names end
    list[#list + 1] = { line, row or wrong }
  end
end

describe("smpp.cli.rows: CSV", function()
  it("have the names of the first line, whatever parts the cells", function()
    for _, mark in ipairs { ",", ";", "\t" } do
      local text = ("to|name|city\n+49151|Ann|Ulm\n+49152|Bo|\n"):gsub("|", mark)
      local list, _, names = read(text)
      assert.same({ { 2, { to = "+49151", name = "Ann", city = "Ulm" } }, { 3, { to = "+49152", name = "Bo", city = "" } } }, list)
      assert.same({ to = true, name = true, city = true }, names)
    end
  end)

  it("take quotes, commas and lines in cells, CRLF, BOM, blank lines, blanks", function()
    local list = read('\239\187\191"To", Name ,Note\r\n\r\n"+49 151","A, ""B""","two\r\nlines"\r\n +49152 ,x,y\r\n')
    assert.same({ { 3, { to = "+49 151", name = 'A, "B"', note = "two\nlines" } }, { 5, { to = "+49152", name = "x", note = "y" } } }, list)
  end)

  it("know other words for to, from and text", function()
    local list = read "Phone,Sender,Message\n1,2,3\n"
    assert.same({ { 2, { to = "1", from = "2", text = "3" } } }, list)
    list = read '{"Phone":"1","sender":"2","MESSAGE":"3"}\n'
    assert.same({ { 1, { to = "1", from = "2", text = "3" } } }, list)
  end)

  it("do not mistake an order's number for a phone's", function()
    for _, text in ipairs { "number,to,phone\n7,+491,8\n", '{"number":7,"to":"+491","phone":8}\n' } do
      assert.same({ number = "7", to = "+491", phone = "8" }, read(text)[1][2])
    end
    for _, text in ipairs { "msisdn,number,name\n7,+491,A\n", '{"msisdn":7,"number":"+491","name":"A"}\n' } do
      assert.same({ to = "+491", msisdn = "7", name = "A" }, read(text)[1][2])
    end
  end)

  it("say what is wrong with a row and go on", function()
    local list = read 'to,name\n1,2,3\n"4" x,5\n6\n7,8\n"open'
    assert.equal("row of 3 cells, expected at most 2", list[1][2])
    assert.equal("unexpected ' ' after a quoted cell", list[2][2])
    assert.same({ to = "6", name = "" }, list[3][2])
    assert.same({ to = "7", name = "8" }, list[4][2])
    assert.equal("unterminated quoted cell", list[5][2])
  end)

  it("need a column to", function()
    assert.equal("the file is empty", select(2, read ""))
    assert.equal("the file is empty", select(2, read "\n\n"))
    assert.truthy(select(2, read "name,city\n"):find "found: name, city")
    assert.truthy(select(2, read '"never'):find "unterminated")
  end)
end)

describe("smpp.cli.rows: JSON lines", function()
  it("have the keys of their objects", function()
    local list = read '{"to":"+49151","name":"Ann"}\n\n{"phone":491521234567890,"n":1.5}\n'
    assert.same({ { 1, { to = "+49151", name = "Ann" } }, { 3, { to = "491521234567890", n = "1.5" } } }, list)
  end)

  it("say what is wrong and go on", function()
    local list = read '{"to":1}\n{"to":\n[1]\n"x"\n{"to":{}}\n{"to":"2"}'
    assert.equal(6, #list)
    for i = 2, 5 do assert.is_string(list[i][2], i) end
    assert.same({ to = "2" }, list[6][2])
  end)
end)

describe("smpp.cli.rows: templates", function()
  local function fill(template, row)
    local fn, message = rows.template(template)
    if not fn then return nil, message end
    return fn(row)
  end

  it("put columns into texts", function()
    assert.equal("Hello Ann from Ulm", fill("Hello {name} from { City }", { name = "Ann", city = "Ulm" }))
    assert.equal("{x} and }", fill("{{x}} and }}", {}))
    assert.equal("", fill("", {}))
    local _, _, names = rows.template "{a} {{b}} {c}"
    assert.same({ "a", "c" }, names)
  end)

  it("say what is missing", function()
    assert.same({ nil, "no 'name' in this row" }, { fill("{name}", { to = "1" }) })
    for _, template in ipairs { "{name", "name}", "a { b", "{}" } do assert.truthy(select(2, fill(template, {})):find "unmatched", template) end
  end)
end)
