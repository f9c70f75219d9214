-- Sets of parts stood in tables under keys made of addresses, which peers choose.  Lua hashes long strings by a few of
-- their octets (5.1 to 5.3, LuaJIT): 8,000 sets whose keys differ only elsewhere made each part wait for thousands of
-- comparisons.
local core = require "smpp.core"
local reassembly = require "smpp.text.reassembly"
local virtual = require "smpp.loop.virtual"

local function part(source, seq)
  return {
    account = "me", source = { addr = source, ton = 1, npi = 1 }, destination = { addr = ("1"):rep(20), ton = 1, npi = 1 },
    reference = 1, width = 16, total = 2, seq = seq, octets = "x",
  }
end

describe("keys that a peer chooses", function()
  it("stand in tables as digests of 16 octets", function()
    local r = reassembly.new {}
    for i = 1, 50 do r:add(part(("%020d"):format(i), 1), 0) end
    for _, table_of in ipairs { r.by_key, r.senders } do
      local count = 0
      for key in pairs(table_of) do
        assert.equal(16, #key)
        count = count + 1
      end
      assert.equal(50, count)
    end
    for i = 1, 50 do assert.equal("complete", (r:add(part(("%020d"):format(i), 2), 0))) end
    assert.same({}, r.by_key)
    assert.same({}, r.senders)
  end)

  it("have other digests with another seed, and the same with the same", function()
    local function keys(seed)
      local r = reassembly.new { seed = seed }
      r:add(part("1", 1), 0)
      return (next(r.by_key))
    end
    local seed = ("s"):rep(16)
    assert.equal(keys(seed), keys(seed))
    assert.not_equal(keys(seed), keys(("t"):rep(16)))
    assert.not_equal(keys(nil), keys(nil))
  end)

  it("have the digests of SipHash-2-4 with 128 bits", function()
    local key = ""
    for i = 0, 15 do key = key .. string.char(i) end
    local hex = core.map.digest("\0", key):gsub(".", function(c) return ("%02x"):format(c:byte()) end)
    assert.equal("da87c1d86b99af44347659119b22fc45", hex)
    assert.has_error(function() core.map.digest("x", "short") end)
  end)

  it("have seeds of the system's, or of the virtual loop's own", function()
    local a, b = virtual.new { seed = 3 }, virtual.new { seed = 3 }
    assert.equal(a:random_octets(16), b:random_octets(16))
    local ok, luv = pcall(require, "smpp.loop.luv")
    if not ok then return end
    local loop = luv.default and luv.default() or luv.new and luv.new()
    if not loop then return end
    local first = loop:random_octets(16)
    assert.equal(16, #first)
    assert.not_equal(first, loop:random_octets(16))
  end)
end)
