local client_options = require "smpp.client.options"
local options = require "docs.options"
local random = require "smpp.base.random"
local sources = require "smpp.load.source"
local virtual = require "smpp.loop.virtual"

local compile = loadstring or load -- luacheck: compat

local loop = virtual.new { seed = 1 }
local CLIENT = assert(client_options.read { "smpp://me@localhost", loop = loop })

local function source(o) return sources.new(o, CLIENT, loop, random.generator(1)) end

describe("smpp.load.source", function()
  it("says what cannot be sent before anything is", function()
    for _, case in ipairs {
      { { to = "Alice" }, "to: 'Alice'" }, { { from = "far too long a name" }, "from:" }, { { to = "70%:49[" }, "to: invalid pattern" },
      { { to = "170%:49" }, "share" }, { { length = "1-" }, "length" }, { { encoding = "nosuch" }, "nosuch" },
      { { fields = { validty_s = 5 } }, "validity_s" }, { { text = ("x"):rep(50000) }, "parts" },
    } do
      local self, message = source(case[1])
      assert.is_nil(self, case[2])
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end)

  it("strips the plus of international numbers and keeps their TON", function()
    local submits = assert(source { to = "+4917[3]", from = "+49[#4]" }):next()
    assert.truthy(submits[1].destination_addr:find "^4917%d%d%d$")
    assert.equal(1, submits[1].dest_addr_ton)
    assert.equal("490000", submits[1].source_addr)
    assert.equal(1, submits[1].source_addr_ton)
  end)

  it("makes texts of a length in characters", function()
    local self = assert(source { length = "70-75", encoding = "ucs2" })
    for _ = 1, 50 do
      local submits = self:next()
      local octets = 0
      for _, fields in ipairs(submits) do octets = octets + #fields.short_message - (#submits > 1 and 6 or 0) end
      assert.is_true(octets >= 140 and octets <= 150 and octets % 2 == 0, octets)
    end
  end)

  it("keeps no more composed texts than it may", function()
    local texts = {}
    for i = 1, 10050 do texts[i] = "text " .. i end
    local self = assert(source { texts = texts, text_order = true })
    for i = 1, 10050 do assert.equal(texts[i], self:next()[1].short_message) end
    assert.equal(10000, self.kept_count)
  end)

  it("takes what a script makes, the one in docs/load.md too", function()
    local page = options.read "docs/load.md"
    local chunk = assert(compile(assert(page:match "```lua\n(%-%- codes%.lua.-)```")))
    local script = chunk()
    assert.is_nil(sources.problem(script))
    local self = sources.script(script, CLIENT, loop)
    local submits, wants = self:next()
    assert.equal("4917600000001", submits[1].destination_addr)
    assert.equal("Your code is 000001", submits[1].short_message)
    assert.is_true(wants)
    assert.same({ accepted = true }, script.check { status = "ESME_ROK" })
  end)

  it("says which message of a script is wrong", function()
    local self = sources.script({ message = function() return { to = "49", txt = "x" } end }, CLIENT, loop)
    local ok, message = pcall(self.next, self)
    assert.is_false(ok)
    assert.truthy(message:find("message(1): unknown option 'txt'", 1, true), message)
    assert.truthy(sources.problem({ message = 5 }):find "message: expected a function")
    assert.truthy(sources.problem({}):find "missing function")
  end)
end)
