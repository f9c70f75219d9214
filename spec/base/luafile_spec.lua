local luafile = require "smpp.base.luafile"
local shell = require "spec.support.shell"

local function with(text, fn)
  local path = os.tmpname()
  shell.write(path, text)
  local ok, err = pcall(fn, path)
  os.remove(path)
  assert(ok, err)
end

describe("smpp.base.luafile", function()
  it("loads the table that a file returns", function()
    with("return { me = 'secret' }", function(path) assert.same({ me = "secret" }, luafile.load(path)) end)
  end)

  it("tells every mistake as a message", function()
    for text, expected in pairs {
      ["return {"] = ":1:", ["error 'boom'"] = "boom", ["error {}"] = "raised a table", ["return 5"] = "to return a table, got a number", [""] = "to return a table, got a nil",
    } do
      with(text, function(path)
        local value, message = luafile.load(path)
        assert.is_nil(value)
        assert.matches(expected, message, 1, true)
      end)
    end
    local value, message = luafile.load "/nonexistent/file.lua"
    assert.is_nil(value)
    assert.matches("/nonexistent/file.lua", message)
  end)

  it("shows nothing of the text where the syntax is wrong: it may be a password", function()
    with("return { me = 'geheim' 'x' }", function(path) assert.is_nil(select(2, luafile.load(path)):find "geheim") end)
    with("return { me = geheim geheim }", function(path) assert.is_nil(select(2, luafile.load(path)):find "geheim") end)
  end)

  it("can run one with other globals", function()
    with("#!/usr/bin/env lua\nreturn { a = x, b = os }", function(path) assert.same({ a = 1 }, luafile.load(path, { x = 1 })) end)
    for _, text in ipairs { "return os.time()", "return {", string.dump(function() return {} end) } do
      with(text, function(path)
        local value, message = luafile.load(path, {})
        assert.is_nil(value)
        assert.is_string(message)
       end)
    end
    assert.matches("/nonexistent", select(2, luafile.load("/nonexistent", {})))
  end)

  it("reads the first line of a file", function()
    with("secret\r\nmore", function(path) assert.equal("secret", luafile.first_line(path)) end)
    with("", function(path) assert.same({ nil, path .. ": empty file, expected a password in its first line" }, { luafile.first_line(path) }) end)
    assert.is_nil(luafile.first_line "/nonexistent")
  end)

  it("reads the octets of a file, or nothing", function()
    with("a\r\n\0b", function(path) assert.equal("a\r\n\0b", luafile.octets(path)) end)
    assert.same({ nil, "No such file or directory" }, { luafile.octets "/nonexistent/file-1.lua" })
    assert.same({ nil, "Is a directory" }, { luafile.octets "/tmp" })
  end)
end)
