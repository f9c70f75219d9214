local core = require "smpp.core"
local notified = require "spec.support.notified"

describe("bind_notify", function()
  for name, is_abstract in pairs { ["a path"] = false, ["an abstract name"] = true } do
    it("sends a datagram to " .. name, function()
      notified.with(is_abstract, function(address, read)
        assert.is_true(core.notify(address, "READY=1\nSTATUS=x"))
        assert.is_true(core.notify(address, "a\0b"))
        assert.same({ "READY=1\nSTATUS=x", "a\0b" }, read(2))
      end)
    end)
  end

  it("says why it cannot", function()
    local ok, message = core.notify("/nonexistent/notify", "x")
    assert.is_nil(ok)
    assert.matches("^/nonexistent/notify: .+", message)
    ok, message = core.notify("@smpp-nobody-listens-here", "x")
    assert.is_nil(ok)
    assert.matches("refused", message)
    for _, address in ipairs { "", "/", "@", "relative", "vsock:2:3", "/" .. ("x"):rep(200) } do
      assert.has_error(function() core.notify(address, "x") end)
    end
  end)

  it("knows the process", function()
    local file = io.open "/proc/self/stat"
    assert.is_true(core.process_id() > 0)
    if file then
      assert.equal(tonumber(file:read "*a":match "^%d+"), core.process_id())
      file:close()
    end
  end)
end)
