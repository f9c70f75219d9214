local respawn = require "smpp.cli.respawn"
local shell = require "spec.support.shell"

describe("smpp.cli.respawn", function()
  it("is a command line with this Lua and these modules", function()
    local words = respawn.command { "explain", "data_coding", "8" }
    for i, word in ipairs(words) do words[i] = "'" .. word:gsub("'", "'\\''") .. "'" end
    assert.truthy(shell.must(table.concat(words, " ")):find "ucs2")
  end)
end)
