local codec = require("smpp.codec").codec
local core = require "smpp.core"

describe("bind_tally: core.tally", function()
  it("reads what sessions count in it", function()
    local tally = core.tally()
    local esme = codec.session { role = "esme", now = 0, tally = tally, number = 0xABCDEF01 }
    assert.equal(1, tally:read().sessions.OPEN)
    assert.equal(1, esme:request(0x00000009, { system_id = "a", password = "b" }, 1, 0))
    esme:output()
    esme:receive("\0\0\0\18\128\0\0\9\0\0\0\0\0\0\0\1a\0", 0.5, {})
    local read = tally:read()
    assert.equal(1, read.sessions.BOUND_TRX)
    assert.equal(18, read.octets_in)
    assert.equal(1, #read.rows)
    local row = read.rows[1]
    assert.same({ 9, "out", 1, 0.5, { [0] = 1 } }, { row.command_id, row.direction, row.requests, row.seconds, row.statuses })
    assert.equal(#core.tally_bounds + 1, #row.buckets)
    assert.same({ 1, 0.5, 0xABCDEF01 }, { row.buckets[9], row.latest[9], row.session[9] })
    assert.equal(0.5, core.tally_bounds[9])
  end)

  it("outlives neither its sessions nor is outlived by them", function()
    local tally = core.tally()
    local esme = codec.session { role = "esme", now = 0, tally = tally }
    esme:set_tally(nil)
    assert.equal(0, tally:read().sessions.OPEN)
    esme:set_tally(tally)
    tally = nil -- luacheck: ignore
    collectgarbage()
    esme:close()
    esme:poll {}
    esme = nil -- luacheck: ignore
    collectgarbage()
  end)

  it("is nothing else", function()
    for _, wrong in ipairs { {}, "x", io.stdout } do
      assert.matches("tally: expected one of core.tally", select(2, pcall(codec.session, { role = "esme", now = 0, tally = wrong })))
    end
    assert.is_false(pcall(core.tally().read, {}))
    assert.is_false(pcall(core.tally().read, io.stdout))
  end)
end)
