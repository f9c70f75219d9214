local finished = require "smpp.text.finished"

local content = require("smpp.core").part.content

local KEY = ("k"):rep(16)

local function part(seq, octets, o)
  local p = { seq = seq, octets = octets }
  for key, value in pairs(o or {}) do p[key] = value end
  p.content = content(KEY, p.key or "key", seq, octets, p.data_coding, p.locking, p.single)
  return p
end

describe("smpp.text.finished", function()
  it("knows a part by what its text had in common, its number, coding and content", function()
    local f = finished.new(100)
    local a = f:add({ parts = { part(1, "x"), part(2, "y", { data_coding = 8 }) } }, 10, 2, 0)
    assert.equal(a, f:find(part(1, "x")))
    assert.equal(a, f:find(part(2, "y", { data_coding = 8 })))
    for _, other in ipairs { part(2, "x"), part(1, "y"), part(2, "y"), part(2, "y", { data_coding = 8, single = 1 }) } do
      assert.is_nil(f:find(other))
    end
    assert.is_nil(f:find(part(1, "x", { key = "other" })))
  end)

  it("knows long parts, too", function()
    local f = finished.new(100)
    local long = ("x"):rep(30000)
    local a = f:add({ parts = { part(1, long), part(2, long .. "y") } }, 10, 2, 0)
    assert.equal(a, f:find(part(1, long)))
    assert.equal(a, f:find(part(2, long .. "y")))
    assert.is_nil(f:find(part(1, long .. "x")))
    assert.is_nil(f:find(part(1, "y" .. long:sub(2))))
  end)

  it("finds the last of equal texts, and forgets each in its time", function()
    local f = finished.new(100)
    f:settle(f:add({ parts = { part(1, "x") } }, 10, 1, 0), true, 0)
    local b = f:add({ parts = { part(1, "x") } }, 10, 1, 50)
    assert.equal(b, f:find(part(1, "x")))
    assert.equal(150, f.due) -- the first is known by nothing any more
    assert.is_false((f:forget(149)))
    assert.is_true((f:forget(150)))
    assert.is_nil(f:find(part(1, "x")))
    assert.same({ math.huge, 0, 0, 0 }, { f.due, f.octets, f.settled_octets, f.count })
    assert.is_nil(next(f.texts))
  end)

  it("keeps a set as long as it may be needed, and hands out the one that was never taken", function()
    local f = finished.new(100)
    local set = { parts = { part(1, "x") } }
    local a = f:add(set, 5000, 1, 0)
    assert.is_true(f.octets > 5000)
    f:settle(a, false, 1)
    assert.equal(set, a.set)
    f:settle(a, "ESME_RX_R_APPN", 2)
    assert.is_nil(a.set)
    assert.is_true(f.octets < 5000)
    a = f:add(set, 5000, 1, 3)
    f:settle(a, false, 4)
    assert.same({ true, set }, { f:forget(math.huge) })
  end)
end)
