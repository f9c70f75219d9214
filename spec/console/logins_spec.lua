local logins = require "smpp.console.logins"

--- Logins, and a clock that is set by hand.
local function new(is_secure)
  local clock = { now = 1000 }
  return logins.new({ now = function() return clock.now end }, "right", is_secure or false), clock
end

local function id_of(cookie) return cookie:match "^smpp_console=([^;]*)" end
local function sent(cookie) return "other=1; smpp_console=" .. id_of(cookie) end

describe("smpp.console.logins", function()
  it("ends a session after twelve hours", function()
    local all, clock = new()
    local session, cookie = all:enter("a", "right")
    assert.equal(session, all:find(sent(cookie)))
    clock.now = clock.now + 12 * 3600 - 1
    assert.equal(session, all:find(sent(cookie)))
    clock.now = clock.now + 1
    assert.is_nil(all:find(sent(cookie)))
    assert.equal(0, all.count)
  end)

  it("keeps 64 sessions: the one used the longest ago ends", function()
    local all, clock = new()
    local cookies = {}
    for i = 1, 64 do
      clock.now = clock.now + 1
      cookies[i] = select(2, all:enter("a", "right"))
    end
    clock.now = clock.now + 1
    assert.is_table(all:find(sent(cookies[1])))
    all:enter("a", "right")
    assert.equal(64, all.count)
    assert.is_table(all:find(sent(cookies[1])))
    assert.is_nil(all:find(sent(cookies[2])))
  end)

  it("lets an address wait after five wrong tokens, for the rest of the minute, and only that one", function()
    local all, clock = new()
    for _ = 1, 5 do
      assert.same({ nil, nil }, { all:enter("a", "wrong") })
      clock.now = clock.now + 10
    end
    assert.same({ nil, 10 }, { all:enter("a", "right") })
    assert.is_table((all:enter("b", "right")))
    clock.now = clock.now + 10
    assert.is_table((all:enter("a", "right")))
  end)

  it("remembers a bounded number of addresses", function()
    local all = new()
    for i = 1, 2500 do all:enter("10.0.0." .. i, "wrong") end
    assert.is_true(all.wrong_count <= 1000)
  end)

  it("shares its cookie with other consoles of the host, as browsers send it to all ports", function()
    local one, other = new(), new(true)
    local _, cookie = one:enter("a", "right")
    local session, both = other:enter("a", "right", sent(cookie))
    assert.matches("; Secure;", both)
    assert.is_table(one:find(sent(both)))
    assert.equal(session, other:find(sent(both)))
    local rest = other:leave(session, sent(both))
    assert.equal(id_of(cookie), id_of(rest))
    for _ = 1, 20 do both = select(2, new():enter("a", "right", sent(both))) end
    assert.equal(8 * 44 - 1, #id_of(both))
    assert.is_table(one:find(sent(cookie)))
  end)

  it("leaves who logs in again the session, and with it other pages of the browser", function()
    local all, clock = new()
    local session, cookie = all:enter("a", "right")
    clock.now = clock.now + 10 * 3600
    local again, same = all:enter("a", "right", sent(cookie))
    assert.equal(session, again)
    assert.equal(cookie, same)
    clock.now = clock.now + 10 * 3600
    assert.equal(session, all:find(sent(cookie)))
    assert.equal(1, all.count)
  end)

  it("finds none in malformed cookies, in time", function()
    local all = new()
    for _, header in ipairs { "", "smpp_console", "smpp_console=", "smpp_console==;", ("="):rep(65536), ("smpp_console=a.;"):rep(4096), ("a"):rep(65536) } do
      assert.is_nil(all:find(header))
    end
    assert.is_nil(all:find(nil))
  end)
end)
