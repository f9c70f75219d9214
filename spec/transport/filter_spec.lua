local filter = require "smpp.transport.filter"
local filters = require "spec.support.filters"

local METHODS = { "write", "pending", "pause", "resume", "shutdown", "close", "reset", "close_after_flush" }

--- A transport that notes what is called.
local function noted()
  local calls = {}
  local inner = { loop = {}, peer = { host = "h", port = 1 }, local_port = 2, calls = calls }
  for _, name in ipairs { "start", "write", "pending", "pause", "resume", "shutdown", "close", "reset", "close_after_flush" } do
    inner[name] = function(self, ...)
      calls[#calls + 1] = { name, self == inner, ... }
      return name
    end
  end
  return setmetatable(inner, { __tostring = function() return "inner" end })
end

describe("smpp.transport.filter", function()
  it("hands on every method of a transport that the class does not have", function()
    local inner = noted()
    local top = filter.class("plain", {})(inner)
    for _, name in ipairs(METHODS) do top[name](top, "x") end
    for i, name in ipairs(METHODS) do
      assert.same({ name, true }, { inner.calls[i][1], inner.calls[i][2] })
    end
    assert.same({ "pending", "x", "x" }, { top:pending(), inner.calls[1][3], inner.calls[8][3] })
    local data, close = function() end, function() end
    top:start(data, close)
    local start = inner.calls[#inner.calls - 1]
    assert.is_true(start[1] == "start" and start[3] == data and start[4] == close)
    assert.equal("resume", inner.calls[#inner.calls][1])
    assert.same({ "h", 1, 2, "plain over inner" }, { top.peer.host, top.peer.port, top.local_port, tostring(top) })
    top:abandon()
    assert.equal("reset", inner.calls[#inner.calls][1])
  end)

  it("is overridden method by method, and has fields of its own", function()
    local inner, class = noted(), {}
    function class:write(octets) self.inner:write(octets .. self.mark) end
    local new = filter.class("marked", class)
    local one, two = new(inner, { mark = "1" }), new(noted(), { mark = "2" })
    one:write "a"
    two:write "b"
    assert.same({ { "write", true, "a1" } }, inner.calls)
    assert.same({ { "write", true, "b2" } }, two.inner.calls)
  end)

  it("tells its owner that octets went out", function()
    local inner = noted()
    local top = filter.class("outer", {})(filter.class("middle", {})(inner))
    inner.on_drain() -- nobody listens yet
    local drained = 0
    top.on_drain = function() drained = drained + 1 end
    inner.on_drain()
    assert.equal(1, drained)
  end)

  local new = filter.class("plain", {})
  filters.carries(it, { new = function() return new end })
end)
