-- The files of the console's page, which are not Lua, are where they are looked for.
local shell = require "spec.support.shell"

local WORKS = [[
  local consoles = require "smpp.console"
  local o = { title = "x", host = "127.0.0.1", loop = { now = function() return 0 end }, views = {}, files = {}, state = function() end }
  for _, route in ipairs(assert(consoles.new(o)):routes()) do
    if route[2] == "/console/console.js" then print(#route[3]({ host = "localhost" }).body > 1000) end
  end
]]

--- Runs it with the modules below a folder and nothing of the checkout.
local function works_below(share, lib)
  local script = ([[package.path = "%s/?.lua;%s/?/init.lua;" .. package.path package.cpath = "%s/?.so;" .. package.cpath %s]])
    :format(share, share, lib, WORKS)
  assert.equal("true\n", shell.must("cd / && env -u LUA_PATH -u LUA_CPATH lua5.4 -e " .. shell.quote(script)))
  for path in shell.must("cd lua && find . -name '*.js' -o -name '*.css' -o -name '*.html' -o -name '*.svg'"):gmatch "%S+" do
    assert.equal("", (shell.run(("cmp lua/%s %s/%s 2>&1"):format(path, share, path))))
  end
end

describe("the page of the console", function()
  local top, remove
  setup(function() top, remove = shell.folder() end)
  teardown(function() remove() end)

  it("is in what make install copies", function()
    shell.must(("env -u LUA -u B -u SMPP_BUILD make -s install LUA=lua5.4 DESTDIR=%s PREFIX=/opt/x"):format(top))
    works_below(top .. "/opt/x/share/lua/5.4", top .. "/opt/x/lib/lua/5.4")
  end)

  it("is in the rock", function()
    shell.need("luarocks")
    shell.must(("mkdir %s/source && tar -cf - bin lua rockspec | tar -xf - -C %s/source"):format(top, top))
    local rockspec = shell.must("cat rockspec/smpp-scm-1.rockspec"):gsub('    %["smpp.core"%] = {.-\n    },\n', "") -- luarocks_spec builds it
    shell.write(top .. "/source/rockspec/smpp-scm-1.rockspec", rockspec)
    shell.write(top .. "/config", 'rocks_servers = {}\nrocks_provided = { luv = "1.44.2-0", argparse = "0.7.1-1", dkjson = "2.6-1" }\n')
    shell.must(("cd %s/source && env -u LUA -u LUA_PATH -u LUA_CPATH -u SMPP_BUILD -u SMPP_NO_BUILD HOME=%s LUAROCKS_CONFIG=%s/config "
      .. "luarocks --lua-version 5.4 --tree %s/tree make rockspec/smpp-scm-1.rockspec"):format(top, top, top, top))
    works_below(top .. "/tree/share/lua/5.4", shell.must(("cd %s/5.4 && pwd"):format(os.getenv "SMPP_BUILD" or "build")):match "%S+")
  end)
end)
