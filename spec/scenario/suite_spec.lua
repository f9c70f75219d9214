local suite = require "smpp.scenario.suite"

local folder

local function write(name, text)
  local path = folder .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  return path
end

local HEAD = 'local scenario = require "smpp.scenario"\n'

describe("smpp.scenario.suite", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir -p " .. folder .. "/sub")
  end)
  after_each(function() os.execute("rm -r " .. folder) end)

  it("loads a file: names, lines, tags; its folder is first for modules", function()
    write("helper.lua", "return { name = 'from a helper' }")
    local path = write("a.lua", HEAD .. 'local helper = require "helper"\nscenario("one", { tags = { "x" } }, function(t)\nend)\nscenario(helper.name, function() end)')
    local cases = assert(suite.load(path))
    assert.same({ "one", 3, 4, "x" }, { cases[1].name, cases[1].line, cases[1].last_line, cases[1].options.tags[1] })
    assert.equal("from a helper", cases[2].name)
    assert.same({ path, folder }, { cases[2].file, cases[2].folder })
    assert.is_nil(package.path:find(folder, 1, true))
  end)

  it("refuses files that do not load, without scenarios, and with a name twice", function()
    local function message(text) return select(2, suite.load(write("b.lua", text))) end
    assert.truthy(message("x = = 1"):find "b.lua:1")
    assert.truthy(message("error 'no'"):find "no")
    assert.truthy(message("local x"):find "no scenario in it")
    assert.truthy(message(HEAD .. 'scenario("a", print) scenario("a", print)'):find "two scenarios are called 'a'")
    assert.truthy(message(HEAD .. 'scenario("a", { tag = {} }, print)'):find "unknown option 'tag'; did you mean 'tags'")
    assert.truthy(message(HEAD .. 'scenario("a", { limit_s = "x" }, print)'):find "limit_s")
    assert.truthy(message(HEAD .. 'scenario("a")'):find "expected a function")
    assert.has_error(function() require("smpp.scenario")("outside", function() end) end)
  end)

  it("makes a scenario of each row", function()
    write("users.csv", "id,password\na,x\nb,y\n")
    local cases = assert(suite.load(write("c.lua", HEAD .. 'scenario("bind", { each = "users.csv" }, function(t, row) end)')))
    assert.same({ "bind [1]", "bind [2]", "y" }, { cases[1].name, cases[2].name, cases[2].row.password })
    assert.truthy(select(2, suite.load(write("c.lua", HEAD .. 'scenario("bind", { each = "none.csv" }, print)'))):find "none.csv: cannot be read")
  end)

  it("finds all *.lua below a folder, sorted", function()
    write("b.lua", "")
    write("sub/c.lua", "")
    write("a.lua", "")
    write("a.txt", "")
    assert.same({ folder .. "/a.lua", folder .. "/b.lua", folder .. "/sub/c.lua" }, suite.files { folder })
    assert.same({ folder .. "/b.lua" }, suite.files { folder .. "/b.lua" })
    assert.truthy(select(2, suite.files { folder .. "/none.lua" }):find "no such file")
    os.remove(folder .. "/sub/c.lua")
    assert.truthy(select(2, suite.files { folder .. "/sub" }):find "no %*%.lua in it")
  end)

  it("selects by a part of \"file: name\" and by tags", function()
    local cases = {
      { file = "a.lua", name = "one (x)", options = { tags = { "slow" } } }, { file = "a.lua", name = "two", options = {} },
    }
    local function names(o)
      local list = {}
      for i, case in ipairs(suite.select(cases, o)) do list[i] = case.name end
      return table.concat(list, ",")
    end
    assert.equal("one (x),two", names {})
    assert.equal("one (x)", names { filter = "(x)" })
    assert.equal("two", names { filter = "a.lua: t" })
    assert.equal("one (x)", names { tags = { "slow", "other" } })
    assert.equal("", names { tags = { "fast" } })
  end)
end)
