local cli = require "spec.support.cli"
local exit = require "smpp.cli.exit"
local shell = require "spec.support.shell"

local lua = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

--- Words of the command line -> what a shell offers there, in a folder with the files a.lua and b.csv, with a target acme.
local CASES = {
  { "smpp se", { "send" } },
  { "smpp --v", { "--version" } },
  { "smpp help cou", { "count" } },
  { "smpp send @", { "@acme", "@beta" } },
  { "smpp send @a", { "@acme" } },
  { "smpp listen @b", { "@beta" } },
  { "smpp send @acme --bind t", { "trx", "tx", "tx+rx" } },
  { "smpp send @acme --password-f", { "--password-file" } },
  { "smpp send @acme --file b", { "b.csv" } },
  { "smpp send @acme --from x", {} },
  { "smpp sim a", { "a.lua" } },
  { "smpp decode --status ESME_RTHR", { "ESME_RTHROTTLED" } },
  { "smpp explain ESME_RTHR", { "ESME_RTHROTTLED" } },
  { "smpp completion ", { "bash", "fish", "zsh" } },
}

--- Runs a shell's answers to the cases, one a line; `ask` is its script, which reads lines from the file cases.
local function answers(name, ask)
  shell.need(name)
  local code, script = cli.run { "completion", name }
  assert.equal(exit.DONE, code)
  local folder, remove = shell.folder()
  local lines = {}
  for i, case in ipairs(CASES) do lines[i] = case[1] end
  shell.write(folder .. "/script", script)
  shell.write(folder .. "/cases", table.concat(lines, "\n") .. "\n")
  shell.write(folder .. "/config.lua", "return { targets = { acme = { url = 'smpp://a' }, beta = { url = 'smpp://b' } } }")
  shell.write(folder .. "/ask", ask)
  shell.must(("mkdir %s/files; touch %s/files/a.lua %s/files/b.csv"):format(folder, folder, folder))
  local build = os.getenv "SMPP_BUILD" or "build"
  if build:sub(1, 1) ~= "/" then build = shell.must("pwd"):match "%S+" .. "/" .. build end
  local output = shell.must(([[
    HOME=%s PATH="$PWD/bin:$PATH" SMPP_CONFIG=%s/config.lua SMPP_BUILD=%s LUA=%s; export HOME PATH SMPP_CONFIG SMPP_BUILD LUA
    unset LUA_PATH LUA_CPATH; cd %s/files && %s %s/ask %s
  ]]):format(folder, folder, build, lua, folder, name, folder, folder))
  remove()
  local list = {}
  for line in output:gmatch "[^\n]+" do
    local found = {}
    for word in line:match "^=(.*)$":gmatch "%S+" do found[#found + 1] = word end
    table.sort(found)
    list[#list + 1] = found
  end
  return list
end

local function check(name, ask)
  local list = answers(name, ask)
  for i, case in ipairs(CASES) do
    assert.same({ case[1], case[2] }, { case[1], list[i] })
  end
end

describe("smpp completion", function()
  it("completes in bash", function()
    check("bash", [[
      source $1/script
      while IFS= read -r line; do
        COMP_LINE=$line COMP_POINT=${#line} COMP_WORDBREAKS=${COMP_WORDBREAKS//@}
        _smpp
        echo "=${COMPREPLY[*]}"
      done <$1/cases
    ]])
  end)

  it("leaves out of a word what bash took off as one of its own", function()
    local _, script = cli.run { "completion", "bash" }
    shell.need "bash"
    local path = cli.file(script)
    local output = shell.must(("bash -c 'source %s; smpp() { echo \"acme  smpp://a\"; }; COMP_WORDBREAKS=\" @:\"; COMP_LINE=\"smpp send @a\"; COMP_POINT=12; "
      .. "_smpp; echo \"${COMPREPLY[*]}\"'"):format(path))
    os.remove(path)
    assert.equal("acme\n", output)
  end)

  it("completes in fish", function()
    check("fish", [[
      source $argv[1]/script
      while read -l line
        set found (complete -C $line | string replace -r '\t.*' "")
        echo "=$found"
      end <$argv[1]/cases
    ]])
  end)

  it("is valid in zsh", function()
    shell.need "zsh"
    local code, script = cli.run { "completion", "zsh" }
    assert.equal(exit.DONE, code)
    local path = cli.file(script)
    shell.must("zsh -n " .. path)
    assert.matches("_smpp", shell.must(("zsh -fc 'autoload -U compinit; compinit -D -u; source %s; echo $_comps[smpp]'"):format(path)))
    os.remove(path)
    assert.matches("^#compdef smpp\n", script)
    for _, part in ipairs { "'send:Send a message, or a file of messages'", "(trx tx rx tx+rx)", ":FILE:_files'", ":_smpp_targets", "'*--to[" } do cli.has(script, part) end
  end)

  it("takes bash, zsh or fish: 2", function()
    for part, words in pairs { ["missing argument 'shell'"] = { "completion" }, ["'bash', 'zsh', 'fish'"] = { "completion", "tcsh" } } do
      local code, out, err = cli.run(words)
      assert.same({ exit.USAGE, "" }, { code, out })
      cli.has(err, part)
    end
  end)
end)
