local async = require "spec.support.async"

describe("smpp.loop.virtual_terminal", function()
  it("is what open_terminal finds, if the loop was given one", async.virtual(function(loop)
    assert.is_nil(loop:open_terminal {})
    local terminal, seen = loop:terminal(60, 20), {}
    local on = {}
    for _, name in ipairs { "key", "resize", "suspend", "resume" } do
      on[name] = function(key) seen[#seen + 1] = key or name end
    end
    assert.equal(terminal, loop:open_terminal(on))
    assert.equal("terminal", loop:describe())
    terminal:set_raw(true)
    terminal:press "q"
    terminal:resize(80, 24)
    terminal:suspend()
    assert.is_false(terminal.raw)
    terminal:resume()
    assert.same({ "q", "resize", "suspend", "resume" }, seen)
    assert.same({ 80, 24, true }, { terminal.columns, select(2, terminal:size()), terminal:is_foreground() })
    terminal:close()
  end))
end)
