local async = require "spec.support.async"

local function run(loop, command, timeout_s)
  return async.await(function(done) loop:run_command(command, timeout_s or 5, done) end)
end

describe("smpp.loop.luv_process", function()
  it("gives output and exit code", async.luv(function(loop)
    assert.same({ "a\nb\n", 0 }, { run(loop, "echo a; echo b") })
    assert.same({ "", 3 }, { run(loop, "exit 3") })
    assert.same({ "x", 128 + 9 }, { run(loop, "printf x; kill -9 $$") })
  end))

  it("ends a command that takes too long", async.luv(function(loop)
    local start = loop:precise()
    assert.same({ nil, "timeout" }, { run(loop, "sleep 60", 0.05) })
    assert.is_true(loop:precise() - start < 5)
  end))

  it("does not wait for what the command left behind, and keeps 64 KiB", async.luv(function(loop)
    local start = loop:precise()
    assert.same({ "first\n", 0 }, { run(loop, "{ sleep 8; } 2>/dev/null & echo first") })
    assert.is_true(loop:precise() - start < 5)
    local output = run(loop, "head -c 1000000 /dev/zero")
    assert.is_true(#output >= 65536 and #output <= 2 * 65536)
  end))
end)
