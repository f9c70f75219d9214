local output = require "smpp.cli.output"

describe("smpp.cli.output", function()
  it("knows the process's own streams, with and without luv", function()
    local out = output.new { stdin = io.tmpfile() }
    assert.is_false(out.is_terminal(out.stdin))
    assert.is_boolean(out.is_terminal(io.stdout))
    local streams = "smpp.loop.luv_stream"
    local loaded, preload = package.loaded[streams], package.preload[streams]
    package.loaded[streams], package.preload[streams] = nil, function() error "no luv here" end
    local ok, answer = pcall(out.is_terminal, io.stdin)
    package.loaded[streams], package.preload[streams] = loaded, preload
    assert.is_true(ok)
    assert.is_boolean(answer)
  end)

  it("keeps the progress line out of other lines, and off what is no terminal", function()
    local pieces = {}
    local file = { write = function(_, ...) pieces[#pieces + 1] = table.concat({ ... }) return true end }
    local out = output.new { stdout = file, stderr = file, is_terminal = function() return true end }
    out:show_progress "half"
    out:print "line"
    out:show_progress "more"
    out:note("note %d", 1)
    assert.equal("\rhalf\27[K\r\27[Kline\n\rmore\27[K\r\27[Knote 1\n", table.concat(pieces))
    pieces = {}
    out = output.new { stderr = file, is_terminal = function() return false end }
    out:show_progress "half"
    assert.same({}, pieces)
  end)
end)
