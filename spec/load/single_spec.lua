local async = require "spec.support.async"
local load = require "smpp.load"
local run = require "smpp.loop.run"
local singles = require "smpp.load.single"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"

describe("smpp.load.single", function()
  it("reuses its flights", async.virtual(function()
    local server = assert(smpp.server { port = 2775, submit_sm = function()
      run.sleep(0.05)
      return "1"
    end })
    local made = {}
    local new = singles.new
    singles.new = function(...)
      made[1] = new(...)
      return made[1]
    end
    local r = assert(load.run { URL, rate = 100, for_s = 5, length = "10-20" })
    singles.new = new
    assert.equal(500, r.ok)
    assert.is_true(#made[1].flights <= 6, #made[1].flights)
    server:close()
  end))

  it("sends the parts of a text one after the other, also through a window of one", async.virtual(function()
    local parts = {}
    local server = assert(smpp.server { port = 2775, submit_sm = function(_, pdu)
      parts[#parts + 1] = pdu.short_message:byte(6)
      run.sleep(0.01)
      return "1"
    end })
    local r = assert(load.run { URL, closed = true, window = 1, count = 4, text = ("x"):rep(400) })
    assert.same({ 12, 4 }, { r.sent, r.messages })
    assert.same({ 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3 }, parts)
    server:close()
  end))
end)
