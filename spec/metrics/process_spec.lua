local metrics = require "smpp.metrics"
local process = require "smpp.metrics.process"

describe("smpp.metrics.process", function()
  it("tells what Prometheus' own clients tell", function()
    local registry = metrics.new()
    process.declare(registry)
    assert.is_true(registry:get "process_cpu_seconds" > 0)
    assert.is_true(registry:get "process_resident_memory_bytes" > 1e6)
    assert.is_true(registry:get "process_max_fds" > registry:get "process_open_fds")
    local before = registry:get "process_open_fds"
    local file = assert(io.open "/dev/null")
    assert.equal(before + 1, registry:get "process_open_fds")
    file:close()
    local age = os.time() - registry:get "process_start_time_seconds"
    assert.is_true(age >= -2 and age < 86400, age)
  end)

  it("knows the versions of what runs", function()
    local version, lua = process.versions()
    assert.equal(require("smpp")._VERSION, version)
    assert.matches("^Lua", lua)
  end)
end)
