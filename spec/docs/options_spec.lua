local options = require "docs.options"

local compile = loadstring or load -- luacheck: compat

describe("docs.options: the tables of options", function()
  local count = 0
  for _, name in ipairs(options.pages) do
    it("of docs/" .. name .. ".md are those of the rows: run `lua docs/options.lua` where they are not", function()
      local page = options.read("docs/" .. name .. ".md")
      local filled, tables = options.fill(page)
      count = count + tables
      assert.is_true(filled == page)
    end)
  end

  it("are there", function() assert.is_true(count >= 8, count) end)

  it("differ where a row does", function()
    local page = options.read "docs/client.md"
    local other = page:gsub("maximum of requests without", "limit of requests without")
    assert.is_true(other ~= page)
    assert.is_true((options.fill(other)) == page)
  end)
end)

describe("docs.options: a row", function()
  local seen = {}

  local function check(schema, where)
    if seen[schema] then return end
    seen[schema] = true
    for _, row in ipairs(schema.rows) do
      local name = row[1]
      local one = schema.kinds[name]
      if type(name) == "string" then
        it(where .. name .. " has a meaning, an example that holds, a default that holds", function()
          assert.is_true(#row[4] > 1)
          local given = assert(compile("local smpp, loop = { tracker = { new = function() return {} end } }, {} return { " .. row[5] .. " }", row[5]))()
          assert.is_not_nil(given[name], row[5])
          assert.is_truthy(one.fits(given[name]), row[5])
          if row[3] ~= nil then assert.is_truthy(one.fits(row[3]), tostring(row[3])) end
        end)
      end
      if one.schema and one.schema ~= schema then check(one.schema, where .. name .. ".") end
    end
  end

  check(require("smpp.client.options").schema, "client: ")
  check(require("smpp.client.sender").schema, "message: ")
  check(require("smpp.simulator.settings").schema, "simulator: ")
  check(require("smpp.text").schema, "text: ")
  check(require("smpp.simulator.outcome").rule, "rule: ")
end)
