-- "A store of your own" in docs/store.md, with the store in memory for one's own.
local program = require "spec.support.program"
local smpp = require "smpp"
local stores = require "smpp.store"
local virtual = require "smpp.loop.virtual"

describe("docs/store.md", function()
  it("adds a store of one's own and runs the cases that it has to pass", function()
    local file = assert(io.open "docs/store.md")
    local text = file:read("*a"):match "<!%-%- run: spec/docs/store_spec%.lua %-%->\n```lua\n(.-)```"
    file:close()
    local cases = {}
    local env = setmetatable({
      my_store = function(options) return stores.open("memory", options) end,
      it = function(name, fn) cases[#cases + 1] = { name, fn } end,
      smpp = { run = function(fn) return smpp.run(fn, { loop = virtual.new() }) end },
    }, { __index = _G })
    assert(program.load(text, "=docs/store.md", env))()
    assert.is_true(#cases > 10)
    for _, case in ipairs(cases) do case[2]() end
    assert.is_table(stores.open "mine")
  end)
end)
