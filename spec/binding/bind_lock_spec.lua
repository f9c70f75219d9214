local core = require "smpp.core"

describe("bind_lock", function()
  local path = os.tmpname()
  teardown(function() os.remove(path) end)

  it("gives a file to one at a time, until it is closed", function()
    local first = assert(core.lock(path))
    local second, message, code = core.lock(path)
    assert.same({ nil, "busy" }, { second, code })
    assert.matches(path, message, 1, true)
    first:close()
    first:close()
    second = assert(core.lock(path))
    assert.is_nil((core.lock(path)))
    second:close()
  end)

  it("ends with the object", function()
    core.lock(path)
    collectgarbage()
    collectgarbage()
    assert(core.lock(path)):close()
  end)

  it("says why a file cannot be locked", function()
    local lock, message, code = core.lock "/nonexistent/folder/x"
    assert.same({ nil, "failed" }, { lock, code })
    assert.matches("^/nonexistent/folder/x: .+", message)
    for _, value in ipairs { false, {}, print, io.stdout } do assert.has_error(function() core.lock(value) end) end
    assert.has_error(function() core.lock() end)
    assert.is_nil((core.lock ""))
    local close = core.lock(path).close
    assert.has_error(function() close(io.stdout) end)
  end)
end)
