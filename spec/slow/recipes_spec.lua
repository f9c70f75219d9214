-- The recipes of CONTRIBUTING.md, each followed in a copy of the tree.  The words behind a block's language say what becomes
-- of it:
--   ```lua FILE                 the file
--   ```tsv FILE more            lines at the end of the file
--   ```lua FILE after "TEXT"    lines behind the first line with this text
--   ```sh                       commands, which must not fail
--   ```lua check                a program that must not fail, with the modules of the copy
local shell = require "spec.support.shell"

local TREE_SPECS = "spec/tree/annotations_spec.lua spec/tree/generated_spec.lua spec/tree/layers_spec.lua spec/tree/mirror_spec.lua"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- The recipes of a page: { name, blocks = { { language, info, text } … } }.
local function recipes(page)
  local list, block = {}, nil
  local section = assert(page:match "\n## Recipes\n(.-)\n## ", "no chapter 'Recipes'")
  for line in (section .. "\n"):gmatch "([^\n]*)\n" do
    local language, info = line:match "^```(%l+)%s*(.*)$"
    if block then
      if line == "```" then
        block.text = table.concat(block, "\n") .. "\n"
        block = nil
      else
        block[#block + 1] = line
      end
    elseif language then
      block = { language = language, info = info }
      table.insert(list[#list].blocks, block)
    elseif line:find "^### " then
      list[#list + 1] = { name = line:sub(5), blocks = {} }
    end
  end
  return list
end

--- The text with lines behind the first of its lines that has a text.
local function with_lines_after(text, mark, lines)
  local at = assert(text:find(mark, 1, true), "no line with: " .. mark)
  local stop = assert(text:find("\n", at, true))
  return text:sub(1, stop) .. lines .. text:sub(stop + 1)
end

local function apply(folder, block)
  local info, text = block.info, block.text
  local function sh(commands) shell.must(("(cd %s && unset MAKEFLAGS LUA B SMPP_BUILD SMPP_NO_BUILD\nset -e\n%s\n)"):format(folder, commands)) end
  if block.language == "sh" then return sh(text) end
  if info == "check" then
    shell.write(folder .. "/check.lua", text)
    return sh 'eval "$(make -s env LUA=lua5.4)"; lua5.4 check.lua; rm check.lua'
  end
  local path, mark = info:match '^(%S+) after "(.*)"$'
  if path then return shell.write(folder .. "/" .. path, with_lines_after(read(folder .. "/" .. path), mark, text)) end
  path = info:match "^(%S+) more$"
  if path then return shell.write(folder .. "/" .. path, read(folder .. "/" .. path) .. text) end
  path = assert(info:match "^(%S+)$", "what is to be done with a block of: " .. info)
  assert(not io.open(folder .. "/" .. path), path .. " is there already")
  shell.write(folder .. "/" .. path, text)
end

--- A copy of what git knows or would add, with the objects that are built already.
local function copy()
  local folder, remove = shell.folder()
  shell.must(("git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ -e \"$f\" ] && printf \"%%s\\0\" \"$f\"; done' - "
    .. "| tar --null -T - -cf - | tar -C %s -xf -"):format(folder))
  shell.must(("mkdir -p %s/build && for d in core 5.4 flags; do if [ -e build/$d ]; then cp -a build/$d %s/build/; fi; done"):format(folder, folder))
  shell.must(("cd %s && git init -q . && git add -A"):format(folder))
  return folder, remove
end

describe("CONTRIBUTING.md", function()
  for _, recipe in ipairs(recipes(read "CONTRIBUTING.md")) do
    it("is right about " .. recipe.name, function()
      local folder, remove = copy()
      local ok, failure = pcall(function()
        assert(#recipe.blocks > 1, "a recipe without blocks")
        for _, block in ipairs(recipe.blocks) do apply(folder, block) end
        shell.must(("cd %s && git add -A && make -s tables build LUA=lua5.4 && SMPP_NO_BUILD=1 lua5.4 spec/run.lua %s"):format(folder, TREE_SPECS))
      end)
      remove()
      assert(ok, failure)
    end)
  end

  it("is followed by one that sees a wrong recipe", function()
    local list = recipes "\n## Recipes\n### A\n```lua a.lua\nx\ny\n```\ntext\n```sh\nls\n```\n### B\n\n## Else\n```lua\n```\n"
    assert.same({ { "A", 2 }, { "B", 0 } }, { { list[1].name, #list[1].blocks }, { list[2].name, #list[2].blocks } })
    assert.same({ "lua", "a.lua", "x\ny\n" }, { list[1].blocks[1].language, list[1].blocks[1].info, list[1].blocks[1].text })
    assert.equal("a\nb\nnew\nc\n", with_lines_after("a\nb\nc\n", "b", "new\n"))
    assert.has_error(function() with_lines_after("a\n", "x", "") end)
    local folder, remove = shell.folder()
    assert.has_error(function() apply(folder, { language = "sh", info = "", text = "false" }) end)
    remove()
  end)
end)
