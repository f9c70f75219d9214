local configuration = require "smpp.nodes.configuration"
local util = require "spec.support.util"

local function of(sections, source) return configuration.of(sections, source) end
local function differences(a, b) return configuration.differences(of(a).parts, of(b).parts) end

describe("smpp.nodes.configuration", function()
  it("has the same hash, whatever the order", function()
    local a, b = { x = 1, y = 2, z = { p = 1, q = "s" } }, {}
    for _, key in ipairs { "z", "y", "x" } do b[key] = a[key] end
    assert.equal(of({ ["carrier a"] = a, ["account c"] = {} }).hash, of({ ["account c"] = {}, ["carrier a"] = b }).hash)
    assert.is_truthy(of({ a = a }).hash:find "^%x+$")
    assert.equal(16, #of({ a = a }).hash)
  end)

  it("has another for each change", function()
    local seen = {}
    for _, sections in ipairs { {}, { a = {} }, { a = { x = 1 } }, { a = { x = 2 } }, { a = { x = "1" .. " " } }, { a = { x = { 1 } } }, { a = { x = true } },
      { b = { x = 1 } }, { a = { x = { y = 1 } } }, { a = { x = { y = { 1, 2 } } } }, { a = { x = { y = { 2, 1 } } } }, { a = { x = 0.1 } } } do
      local hash = of(sections).hash
      assert.is_nil(seen[hash])
      seen[hash] = true
    end
  end)

  it("names what differs", function()
    assert.same({}, differences({ ["carrier a"] = { binds = 2 } }, { ["carrier a"] = { binds = 2 } }))
    assert.same({ "carrier a: binds 2, there 3" }, differences({ ["carrier a"] = { binds = 2 } }, { ["carrier a"] = { binds = 3 } }))
    assert.same({ "carrier a: rate_per_s nothing, there 3" }, differences({ ["carrier a"] = {} }, { ["carrier a"] = { rate_per_s = 3 } }))
    assert.same({ "account c: only here", "carrier b: only there" }, differences({ ["account c"] = { x = 1 } }, { ["carrier b"] = { y = 1, z = 2 } }))
    assert.same({ "route 1: text differs" }, differences({ ["route 1"] = { text = ("x"):rep(100) } }, { ["route 1"] = { text = ("y"):rep(100) } }))
  end)

  it("names twenty at most", function()
    local a, b = {}, {}
    for i = 1, 30 do a["o" .. i], b["o" .. i] = i, i + 1 end
    local list = differences({ s = a }, { s = b })
    assert.equal(21, #list)
    assert.equal("and 10 more", list[21])
  end)

  it("compares secrets, and shows none", function()
    local a = { ["account c"] = { password = "hunter2" }, ["carrier a"] = { url = "smpps://me:geheim@host", tokens = { "t0ken" } } }
    local b = { ["account c"] = { password = "hunter3" }, ["carrier a"] = { url = "smpps://me:geheim2@host", tokens = { "t0ken2" } } }
    local list = differences(a, b)
    assert.equal(3, #list)
    assert.equal("account c: password differs", list[1])
    local text = configuration.write(of(a).parts) .. table.concat(list, "\n")
    for _, secret in ipairs { "hunter", "geheim", "t0ken" } do assert.is_nil(text:find(secret, 1, true)) end
    assert.is_true(of(a).hash ~= of(b).hash)
  end)

  it("keeps digests of what is long", function()
    local a, b = { s = { x = ("x"):rep(1000000) } }, { s = { x = ("x"):rep(999999) .. "y" } }
    assert.is_true(#configuration.write(of(a).parts) < 100)
    assert.same({ "s: x differs" }, differences(a, b))
  end)

  it("takes the text of a function from the caller", function()
    local function source(text) return function() return text end end
    local fn = function() end
    assert.is_true(of({ r = { from = fn } }, source "a").hash ~= of({ r = { from = fn } }, source "b").hash)
  end)

  it("writes parts, and reads them", function()
    local parts = { ["a: b"] = "x\ty\nz\\n\\", ["\t"] = "", ["carrier a: "] = "yes" }
    assert.same(parts, configuration.read(configuration.write(parts)))
    local random = util.random(3)
    for _ = 1, 200 do
      local octets = {}
      for i = 1, random(40) do octets[i] = string.char(random(256) - 1) end
      configuration.read(table.concat(octets))
    end
  end)

  it("does not follow a table into itself", function()
    local loop = {}
    loop.loop = loop
    assert.is_string(of({ a = { x = loop } }).hash)
  end)
end)
