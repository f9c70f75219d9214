local lease_rows = require "smpp.nodes.lease_rows"

--- Rows of a node r1 among live ones.
local function new(live)
  local now, fences = 100, {}
  local nodes = {
    lease_s = 10, run = "r1", loop = { now = function() return now end },
    others = { name_of = function(_, run) return "name of " .. run end },
    is_run_live = function(_, run) return live[run] ~= nil end,
    saw_fence = function(_, fence) fences[#fences + 1] = fence end,
  }
  return lease_rows.new(nodes), function(at) now = at end, fences
end

describe("smpp.nodes.lease_rows", function()
  it("has what the engine had, and since when it is so", function()
    local rows, set_time, fences = new { r1 = 1, r2 = 1 }
    rows:note { "1", "r1 5 1", "3", "r2 6 1" }
    assert.same({ "r1", 5, 1 }, { rows:of(1) })
    assert.is_nil((rows:of(2)))
    table.sort(fences)
    assert.same({ 5, 6 }, fences)
    assert.is_false(rows.is_complete)
    set_time(105)
    rows:read({ "1", "r1 5 2", "3", "r2 6 1" }, { "r1", "4 4", "r2", "3 1" })
    assert.is_true(rows.is_complete)
    set_time(111)
    assert.is_true(rows.seen:is_dead(3, 111))
    assert.is_false(rows.seen:is_dead(1, 111))
    rows:note { "1", "r1 5 2" }
    assert.is_nil(rows.seen:age_s(3, 111))
    rows:forget()
    assert.is_false(rows.is_complete)
  end)

  it("has the smallest number of slots, and the shares, of live nodes", function()
    local rows = new { r1 = 1, r2 = 1 }
    rows:read({ "1", "r1 5 1", "2", "r2 6 1", "4", "r3 7 1" }, { "r1", "4 4", "r2", "3 1", "r3", "1 1" })
    assert.equal(3, rows:slots(4))
    assert.equal(2, rows:slots(2))
    assert.same({ { name = "name of r2", held = 1, most = 1 } }, rows:others())
    assert.is_false(rows:others_may())
    rows:read({ "1", "r1 5 1" }, { "r1", "4 4", "r2", "3 1" })
    assert.is_true(rows:others_may())
  end)
end)
