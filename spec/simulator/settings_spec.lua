local options = require "smpp.options"
local settings = require "smpp.simulator.settings"

local page = assert(io.open("docs/simulator.md")):read "*a"
local compile = loadstring or load -- luacheck: compat

describe("a setting of the simulator", function()
  for _, row in ipairs(settings.rows) do
    local name, kind, default, text, example, smppsim = row[1], row[2], row[3], row[4], row[5], row.smppsim

    it(name .. " is in the guide with what it is and an example", function()
      local line = page:match("\n(| `" .. name .. "` |[^\n]*)")
      assert.is_string(line)
      assert.is_truthy(line:find(text:gsub("|", "\\|"), 1, true))
      assert.is_truthy(line:find("`" .. example .. "`", 1, true))
      for key in (smppsim and smppsim .. ", " or ""):gmatch "(.-), " do
        assert.is_truthy(page:find(("| %s | `%s` |"):format(key, name), 1, true), key)
      end
    end)

    it(name .. " takes its example and its default", function()
      local given = assert(compile("return { " .. example .. " }"))()
      assert.is_not_nil(given[name])
      assert.equal(given, options.check(given, { [name] = kind }))
      if default ~= nil then options.check({ [name] = default }, { [name] = kind }) end
    end)
  end

  it("is there once", function()
    local seen = {}
    for _, row in ipairs(settings.rows) do
      assert.is_nil(seen[row[1]])
      seen[row[1]] = true
    end
  end)
end)
