local shell = require "spec.support.shell"

describe("make install", function()
  local top, remove
  setup(function() top, remove = shell.folder() end)
  teardown(function() remove() end)

  for _, lua in ipairs { "lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit" } do
    it("installs for " .. lua .. ", and make uninstall removes it all", function()
      shell.need(lua)
      local root = top .. "/" .. lua
      local make = ("env -u LUA -u B -u SMPP_BUILD make -s %%s LUA=%s DESTDIR=%s PREFIX=/opt/x"):format(lua, root)
      shell.must(make:format("install"))
      -- From another folder, by a link, with nothing of the checkout in reach.
      shell.must(("ln -s ../opt/x/bin/smpp %s/link"):format(shell.must(("mkdir -p %s/usr && echo %s/usr"):format(root, root)):match("%S+")))
      local smpp = ("cd / && env -u LUA -u LUA_PATH -u LUA_CPATH -u SMPP_BUILD %s/usr/link "):format(root)
      assert.matches("^smpp ", shell.must(smpp .. "--version"))
      assert.matches("enquire_link", shell.must(smpp .. "decode 00000010000000150000000000000007"))
      assert.matches("Any field or TLV of submit_sm", shell.must(("cat %s/opt/x/share/man/man1/smpp-send.1 %s/opt/x/share/man/man5/smpp-config.5"):format(root, root)))
      assert.equal("", shell.must(("grep -rlI '%s' %s/opt || true"):format(shell.must("pwd"):match("%S+"), root)))
      shell.must(make:format("uninstall"))
      assert.equal("", shell.must(("find %s/opt ! -type d"):format(root)))
      assert.equal("", shell.must(("find %s/opt -name '*smpp*' -o -name lua"):format(root)))
    end)
  end
end)

describe("bin/smpp in a checkout", function()
  local top, remove
  setup(function()
    top, remove = shell.folder()
    shell.must(("mkdir %s/checkout && cp -R bin lua %s/checkout"):format(top, top))
  end)
  teardown(function() remove() end)

  it("says how to build it", function()
    local output, code = shell.run("cd / && env -u LUA -u SMPP_BUILD " .. top .. "/checkout/bin/smpp --version")
    assert.equal(1, code)
    assert.matches("not built: run 'make build' in " .. top:gsub("%p", "%%%0"), output)
    output = shell.run("LUA=luajit SMPP_BUILD= " .. top .. "/checkout/bin/smpp --version")
    assert.matches("run 'make build LUA=luajit'", output)
  end)

  it("takes the Lua it is told, else one that has a build", function()
    local pwd = shell.must("pwd"):match("%S+")
    shell.must(("mkdir -p %s/checkout/build/5.3 && ln -s %s/build/5.3/smpp %s/checkout/build/5.3/smpp"):format(top, pwd, top))
    assert.matches("^smpp ", shell.must("cd / && env -u LUA -u SMPP_BUILD " .. top .. "/checkout/bin/smpp --version"))
    local _, code = shell.run("LUA=lua5.4 " .. top .. "/checkout/bin/smpp --version")
    assert.equal(1, code)
  end)
end)
