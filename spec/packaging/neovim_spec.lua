local shell = require "spec.support.shell"

--- Runs a script in Neovim, which has a Lua of its own (LuaJIT) and a luv of its own; what it wrote to stdout.
local function neovim(script)
  local path = os.tmpname()
  local pwd = shell.must("pwd"):match("%S+")
  shell.write(path, ([[
package.path = "%s/lua/?.lua;%s/lua/?/init.lua"
package.cpath = "%s/build/jit/?.so"
local ok, trace = xpcall(function()
%s
end, debug.traceback)
io.stdout:write(ok and "done\n" or trace .. "\n")
]]):format(pwd, pwd, pwd, script))
  local output = shell.must(("env -u LUA_PATH -u LUA_CPATH timeout 20 "
    .. "nvim --headless -u NONE -i NONE -n -c 'luafile %s' -c 'qa!' 2>/dev/null"):format(path))
  os.remove(path)
  return output
end

describe("in Neovim", function()
  setup(function()
    shell.must("env -u B make -s build LUA=luajit")
  end)

  it("client and server run on the editor's own loop", function()
    shell.need("nvim", "neovim")
    assert.equal("id-1 Hello 👋\ndone\n", neovim [[
local uv = vim.uv or vim.loop
assert(require "luv" == uv, "not the editor's luv")
local smpp = require "smpp"
local seen
local finished = false
smpp.spawn(function()
  local server = assert(smpp.server {
    port = 0,
    authenticate = function() return true end,
    submit_sm = function(_, pdu)
      seen = smpp.text.decode(pdu.short_message, pdu.data_coding)
      return "id-1"
    end,
  })
  local esme = assert(smpp.connect("smpp://nvim:secret@127.0.0.1:" .. server.port))
  local sent = assert(esme:send { from = "Neovim", to = "+491761234567", text = "Hello 👋" })
  io.stdout:write(sent.message_id, " ", seen, "\n")
  esme:close()
  server:close()
  finished = true
end)
assert(vim.wait(10000, function() return finished end, 5), "the task did not end")]])
  end)

  it("codec and text work where there is no luv", function()
    shell.need("nvim", "neovim")
    assert.equal("enquire_link 7 Hello 👋\ndone\n", neovim [[
vim.loop, vim.uv = nil, nil
package.loaded.luv, package.preload.luv = nil, function() error "there is no luv" end
local smpp = require "smpp"
local pdu = assert(smpp.decode(assert(smpp.encode { command = "enquire_link", sequence_number = 7 })))
local octets, info = assert(smpp.text.encode("Hello 👋"))
io.stdout:write(pdu.command, " ", pdu.sequence_number, " ", assert(smpp.text.decode(octets, info.encoding)), "\n")
assert(not pcall(require, "luv") and not package.loaded["smpp.loop"])]])
  end)
end)
