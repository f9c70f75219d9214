-- The library of scenarios in examples/scenarios, on both clocks.
local cli = require "spec.support.cli"

describe("examples/scenarios", function()
  for _, clock in ipairs { "virtual", "real" } do
    it("pass on the " .. clock .. " clock", function()
      local code, out = cli.run { "test", "examples/scenarios", "--json", clock == "virtual" and "--virtual" or nil }
      local objects = cli.objects(out)
      local summary = objects[#objects]
      local failed = {}
      for _, object in ipairs(objects) do
        if object.outcome == "fail" then failed[#failed + 1] = object.name .. ": " .. object.failure.message end
      end
      assert.equal(0, code, table.concat(failed, "\n"))
      assert.is_true(summary.passed >= 20)
      if clock == "virtual" then assert.equal(0, summary.skipped) end
    end)
  end

  it("are short: 40 lines at most", function()
    for _, object in ipairs(cli.objects(select(2, cli.run { "test", "--list", "--json", "examples/scenarios" }))) do
      local number, last = 0, nil
      for line in io.lines(object.file) do
        number = number + 1
        if number > object.line and line:find "^end%)" and not last then last = number end
      end
      assert.is_true(last - object.line < 40, object.name)
    end
  end)
end)
