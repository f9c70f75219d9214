-- Blocks of docs/cli.md that are files of their own.
local cli = require "spec.support.cli"

describe("docs/cli.md", function()
  it("has a configuration that smpp targets lists as the page says", function()
    local file = assert(io.open "docs/cli.md")
    local page = file:read "*a"
    file:close()
    local path = cli.file(assert(page:match "```lua\n(return {\n  targets = .-)\n```"))
    local expected = assert(page:match "\n    %$ smpp targets\n(.-)\n\n"):gsub("    (%w+  )", "%1") .. "\n"
    local code, out, err = cli.run({ "targets" }, { env = { SMPP_CONFIG = path } })
    os.remove(path)
    assert.same({ 0, expected, "" }, { code, out, err })
  end)
end)
