local reference = require "smpp.cli.reference"

local function find(list, name)
  for _, each in ipairs(list) do
    for _, other in ipairs(each.names or { each.name }) do
      if other == name then return each end
    end
  end
end

describe("smpp.cli.reference", function()
  it("has every command with what it takes", function()
    local commands, root = reference.read()
    assert.truthy(find(root.options, "--version") and root.description ~= "" and root.epilog ~= "")
    for _, command in ipairs(commands) do
      assert.truthy(command.summary ~= "" and command.description ~= "" and command.usage:find("smpp " .. command.name, 1, true), command.name)
      assert.truthy(find(command.options, "--json") and find(command.options, "--help"), command.name)
      for _, option in ipairs(command.options) do
        assert.truthy(option.about ~= "", command.name .. " " .. option.names[1])
        if option.value then assert.truthy(option.kind, command.name .. " " .. option.names[1]) end
      end
    end
    local send = find(commands, "send")
    assert.same({ "trx", "tx", "rx", "tx+rx" }, find(send.options, "--bind").words)
    assert.same({ "file", "FILE", "A file of recipients" }, { find(send.options, "--file").kind, find(send.options, "--file").value,
      find(send.options, "--file").group })
    assert.same({ true, true, false }, { find(send.options, "--to").repeats, find(send.options, "--keylog").is_optional, find(send.options, "--from").repeats })
    assert.same({ "target", false, true }, { send.arguments[1].kind, send.arguments[1].is_optional, send.arguments[2].is_optional })
    assert.equal("status", find(find(commands, "decode").options, "--status").kind)
    assert.is_nil(find(send.options, "--flash").value)
  end)
end)
