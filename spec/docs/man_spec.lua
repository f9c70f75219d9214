-- The man pages that docs/man.lua makes.
local man = dofile "docs/man.lua"
local reference = require "smpp.cli.reference"
local schema = require("smpp.cli.targets").schema
local shell = require "spec.support.shell"

--- A page as a reader sees it, without markup.
local function plain(page)
  return (page:gsub("\\f[BIR]", ""):gsub("\\%-", "-"):gsub("\\%(aq", "'"):gsub("\\%(ga", "`"):gsub("\\%(ha", "^"):gsub("\\%(ti", "~"):gsub("\\e", "\\"))
end

describe("docs/man.lua", function()
  local pages = man.pages()

  it("makes a page for each command, with each option", function()
    for _, command in ipairs(reference.read()) do
      local page = plain(assert(pages["smpp-" .. command.name .. ".1"]))
      for _, section in ipairs { "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "SEE ALSO" } do
        assert.truthy(page:find("\n.SH " .. section .. "\n", 1, true), command.name .. ": " .. section)
      end
      for _, option in ipairs(command.options) do
        for _, name in ipairs(option.names) do assert.truthy(page:find(name, 1, true), command.name .. ": " .. name) end
      end
      assert.truthy(plain(pages["smpp.1"]):find("smpp-" .. command.name .. " (1)", 1, true), command.name)
    end
  end)

  it("has every option of a target", function()
    local page = plain(pages["smpp-config.5"])
    for _, row in ipairs(schema.rows) do
      if type(row[1]) == "string" then assert.truthy(page:find("\n" .. row[5] .. "\n", 1, true), row[1]) end
    end
  end)

  it("makes pages that man and mandoc have nothing to say about", function()
    local folder, remove = shell.folder()
    for name, page in pairs(pages) do shell.write(folder .. "/" .. name, page) end
    shell.need("man", "man-db")
    -- The sanitizers that this Lua may run under are not for the programs of others.
    local output = shell.run(("unset LD_PRELOAD; for f in %s/*; do LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z $f 2>&1 >/dev/null; done"):format(folder))
    local lint, code = shell.run(("unset LD_PRELOAD; command -v mandoc >/dev/null || exit 0; mandoc -Tlint -W warning %s/*"):format(folder))
    remove()
    assert.same({ "", "", 0 }, { output, lint, code })
  end)

  it("makes the same pages again", function() assert.same(pages, man.pages()) end)
end)
