-- A time and a span added and taken off again need not give the span: 31.038 + 10 - 31.038 is less than 10.  What a timer was set for is due
-- when the timer fires, even where the clock is a rounding error before it.
local backoff = require "smpp.base.backoff"
local turns = require "smpp.bot.turns"

local AT, SPAN = 31.038, 10

describe("a time that was rounded", function()
  it("is one: the numbers of this spec", function() assert.is_true(AT + SPAN - AT < SPAN) end)

  it("ends a pause: a queue of a server waited for ever", function()
    local pause = backoff.new()
    pause:start(AT)
    assert.is_true(pause:is_active(AT + 0.999))
    assert.is_false(pause:is_active(AT + 1 - 1e-9))
  end)

  it("makes a late answer of a bot late: the repeat of its message was handled again", function()
    local now = AT
    local list = turns.new { now = function() return now end }
    local session = { closed = false }
    local turn = list:open(session, "key", SPAN)
    now = AT + SPAN
    turn:settle(true)
    assert.same({ nil, "ESME_RX_T_APPN" }, { turn:answer() })
    now = now + 1
    local again, repeated = list:open(session, "key", SPAN)
    assert.is_true(repeated)
    assert.is_true(again:answer())
  end)
end)
