local shell = require "spec.support.shell"

--- luarocks' view of each Lua: the version it is told, and what its configuration must add.
local LUAS = {
  { name = "lua5.1", version = "5.1" },
  { name = "lua5.2", version = "5.2" },
  { name = "lua5.3", version = "5.3" },
  { name = "lua5.4", version = "5.4" },
  { name = "luajit", version = "5.1",
    config = 'lua_interpreter = "luajit"\nvariables = { LUA_INCDIR = "/usr/include/luajit-2.1" }\n' },
}

-- Those that luarocks test, the rocks beside it, and an installation from a server are tried with: both kinds of C API, and LuaJIT.
local FEW = { LUAS[1], LUAS[4], LUAS[5] }

-- apt brings these; LuaRocks is to look for nothing outside.
local CONFIG = [[
rocks_servers = {}
rocks_provided = { luv = "1.44.2-0", argparse = "0.7.1-1", dkjson = "2.6-1" }
]]

local PDU = "00000010800000150000000000000007" -- an enquire_link_resp

describe("the rock", function()
  local top, remove

  --- A copy of the tree: LuaRocks leaves objects and smpp/core.so where it builds.
  local function copy(name)
    local path = top .. "/" .. name
    shell.must(("mkdir -p %s && tar -cf - --exclude=node_modules Makefile LICENSE bin csrc lua rockspec spec | tar -xf - -C %s")
      :format(path, path))
    return path
  end

  --- luarocks for one Lua, into a tree of its own, with nothing of this user's configuration.
  local function luarocks(lua, tree, folder, arguments, flags)
    local config = ("%s/%s.config"):format(top, lua.name)
    -- The usual flags for one installation: with -O2 for all, the compiler takes half of the time. As a variable of LuaRocks and of make.
    flags = flags or " CFLAGS='-O0 -fPIC'"
    if not arguments:find "^test" then arguments = arguments .. flags end
    shell.write(config, CONFIG .. (lua.config or ""))
    return shell.must(("cd %s && env -u LUA -u LUA_PATH -u LUA_CPATH -u SMPP_BUILD -u SMPP_NO_BUILD HOME=%s LUAROCKS_CONFIG=%s%s "
      .. "luarocks --lua-version %s --tree %s %s"):format(folder, top, config, flags, lua.version, tree, arguments))
  end

  local function works_elsewhere(lua, tree)
    assert.matches("^smpp ", shell.must(("cd / && %s/bin/smpp --version"):format(tree)))
    assert.matches("enquire_link_resp", shell.must(("cd / && %s/bin/smpp decode %s"):format(tree, PDU)))
    local script = ([[package.path = "%s/share/lua/%s/?.lua;%s/share/lua/%s/?/init.lua;" .. package.path
      package.cpath = "%s/lib/lua/%s/?.so"
      local smpp = require "smpp"
      local octets = smpp.encode { command = "enquire_link_resp", sequence_number = 7 }
      print((octets:gsub(".", function(c) return ("%%02x"):format(c:byte()) end)))]])
      :format(tree, lua.version, tree, lua.version, tree, lua.version)
    assert.equal(PDU .. "\n", shell.must(("cd / && %s -e %s"):format(lua.name, shell.quote(script))))
  end

  setup(function()
    shell.need("luarocks")
    top, remove = shell.folder()
  end)
  teardown(function() if remove then remove() end end)

  it("lists every module and every C source", function()
    assert.equal(shell.must("lua5.4 rockspec/modules.lua --print"), shell.must("cat rockspec/smpp-scm-1.rockspec"))
    local of_tls = shell.must("cat rockspec/tls/smpp-tls-scm-1.rockspec")
    for path in shell.must("ls csrc/tls/*.c"):gmatch "%S+" do assert(of_tls:find('"' .. path .. '"', 1, true), path) end
    local of_sqlite = shell.must("cat rockspec/sqlite/smpp-sqlite-scm-1.rockspec")
    for path in shell.must("ls csrc/sqlite/*.c"):gmatch "%S+" do assert(of_sqlite:find('"' .. path .. '"', 1, true), path) end
    local of_http = shell.must("cat rockspec/http/smpp-http-scm-1.rockspec")
    for path in shell.must("ls csrc/http/*.c"):gmatch "%S+" do assert(of_http:find('"' .. path .. '"', 1, true), path) end
  end)

  for _, lua in ipairs(LUAS) do
    it("is built and installed by luarocks make with " .. lua.name, function()
      shell.need(lua.name)
      local source, tree = copy("make-" .. lua.name), top .. "/tree-" .. lua.name
      luarocks(lua, tree, source, "make")
      works_elsewhere(lua, tree)
    end)
  end

  for _, lua in ipairs(FEW) do
    it("is tested by luarocks test with " .. lua.name, function()
      shell.need(lua.name)
      local source, tree = top .. "/make-" .. lua.name, top .. "/tree-" .. lua.name
      assert.matches("%d+ successes / 0 failures / 0 errors", luarocks(lua, tree, source, "test -- spec/text/udh_spec.lua"))
    end)
  end

  for _, lua in ipairs(FEW) do
    it("has smpp-tls beside it, built with " .. lua.name, function()
      shell.need(lua.name)
      if select(2, shell.run("echo '#include <openssl/ssl.h>' | cc -E - >/dev/null")) ~= 0 then
        shell.skip "OpenSSL's headers are missing (Debian: apt-get install libssl-dev)"
      end
      local source, tree = copy("tls-" .. lua.name), top .. "/tls-tree-" .. lua.name
      luarocks(lua, tree, source, "make rockspec/tls/smpp-tls-scm-1.rockspec")
      local script = ([[package.cpath = "%s/lib/lua/%s/?.so" print(type(require("smpp.openssl").context("client")))]]):format(tree, lua.version)
      assert.equal("userdata\n", shell.must(("cd / && %s -e %s"):format(lua.name, shell.quote(script))))
    end)
  end

  for _, lua in ipairs(FEW) do
    it("has smpp-sqlite beside it, built with " .. lua.name, function()
      shell.need(lua.name)
      if select(2, shell.run("echo '#include <sqlite3.h>' | cc -E - >/dev/null")) ~= 0 then
        shell.skip "SQLite's headers are missing (Debian: apt-get install libsqlite3-dev)"
      end
      local source, tree = copy("sqlite-" .. lua.name), top .. "/sqlite-tree-" .. lua.name
      luarocks(lua, tree, source, "make rockspec/sqlite/smpp-sqlite-scm-1.rockspec")
      local script = ([[package.cpath = "%s/lib/lua/%s/?.so" print(type(require("smpp.sqlite").open(":memory:")))]]):format(tree, lua.version)
      assert.equal("userdata\n", shell.must(("cd / && %s -e %s"):format(lua.name, shell.quote(script))))
    end)
  end

  for _, lua in ipairs(FEW) do
    it("has smpp-http beside it, built with " .. lua.name, function()
      shell.need(lua.name)
      if select(2, shell.run("printf '#include <microhttpd.h>\\n#include <curl/curl.h>\\n#include <gnutls/crypto.h>\\n' | cc -E - >/dev/null")) ~= 0 then
        shell.skip "the headers are missing (Debian: apt-get install libmicrohttpd-dev libcurl4-openssl-dev)"
      end
      local source, tree = copy("http-" .. lua.name), top .. "/http-tree-" .. lua.name
      luarocks(lua, tree, source, "make rockspec/http/smpp-http-scm-1.rockspec")
      local script = ([[package.cpath = "%s/lib/lua/%s/?.so" print(type(require("smpp.libhttp").multi()))]]):format(tree, lua.version)
      assert.equal("userdata\n", shell.must(("cd / && %s -e %s"):format(lua.name, shell.quote(script))))
    end)
  end

  describe("on a server", function()
    local server

    setup(function()
      shell.need("git")
      shell.need("zip")
      shell.need("unzip")
      -- A release as its author makes it: a tag, a rockspec that names it, a packed source rock, a manifest.
      local source = copy("release")
      server = top .. "/server"
      shell.must(([[cd %s && git init -q . && git add . && git -c user.name=spec -c user.email=spec@localhost commit -qm release &&
        git tag v9.9.9 && mkdir %s &&
        sed -e 's|^version = .*|version = "9.9.9-1"|' -e 's|^source = .*|source = { url = "git+file://%s", tag = "v9.9.9" }|' \
          rockspec/smpp-scm-1.rockspec > %s/smpp-9.9.9-1.rockspec]]):format(source, server, source, server))
      luarocks(LUAS[4], top .. "/none", server, "pack smpp-9.9.9-1.rockspec")
      shell.must(("cd %s && HOME=%s luarocks-admin --lua-version 5.4 make-manifest %s"):format(server, top, server))
    end)

    for _, lua in ipairs(FEW) do
      it("is installed by luarocks install with " .. lua.name, function()
        shell.need(lua.name)
        local tree = top .. "/installed-" .. lua.name
        luarocks(lua, tree, top, "install --server=" .. server .. " smpp", lua == LUAS[4] and "" or nil)
        works_elsewhere(lua, tree)
      end)
    end
  end)

  it("leaves nothing behind when luarocks removes it", function()
    local tree = top .. "/tree-lua5.4"
    luarocks(LUAS[4], tree, top, "remove smpp")
    assert.equal("", shell.must(("find %s -name '*smpp*'"):format(tree)))
  end)
end)
