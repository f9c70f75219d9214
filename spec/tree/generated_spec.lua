local shell = require "spec.support.shell"

describe("a generated file", function()
  -- The head of each generator has its command: -- … gen_x.lua … > file
  for generator in shell.must("ls csrc/tables/gen_*.lua"):gmatch("%S+") do
    local arguments, out
    for line in io.lines(generator) do
      arguments, out = line:match("^%-%-.*gen_%w+%.lua(.*) > (%S+)")
      if out then break end
    end
    it((out or generator) .. " is what its generator writes", function()
      assert.is_string(out, "no '… > file' in the head of " .. generator)
      for _, lua in ipairs { "lua5.1", "lua5.4", "luajit" } do
        local written = shell.must(("%s %s%s"):format(lua, generator, arguments))
        local file = assert(io.open(out))
        local committed = file:read("*a")
        file:close()
        assert.is_true(written == committed, out .. " differs from what " .. lua .. " writes: run make tables")
      end
    end)
  end
end)
