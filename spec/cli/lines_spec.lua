local async = require "spec.support.async"
local cli = require "spec.support.cli"
local lines = require "smpp.cli.lines"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local uv = require "smpp.loop.uv"

local function all(following)
  local list = {}
  for line in following do list[#list + 1] = line end
  return list
end

describe("smpp.cli.lines", function()
  it("reads the lines of a file, and tells how many there are", function()
    local path = cli.file "to\n491\n\n492"
    local following, close, total = lines.open(path, io.stdin)
    assert.equal(4, total)
    assert.same({ "to", "491", "", "492" }, all(following))
    assert.is_nil(following())
    close()
    close()
    assert.is_nil(following())
    os.remove(path)
  end)

  it("says what cannot be read", function()
    for _, path in ipairs { "/nonexistent", "/" } do
      local following, message = lines.open(path, io.stdin)
      assert.is_nil(following)
      assert.is_string(message)
    end
  end)

  it("reads what somebody gives as stdin", function()
    local list = { "to\n4", "91" }
    local following, close, total = lines.open("-", { read = function() return table.remove(list, 1) end })
    assert.is_nil(total)
    assert.same({ "to", "491" }, all(following))
    close()
  end)

  it("waits for the lines of a pipe, while the loop goes on, and gives the last though it has no end", async.luv(function()
    local folder, remove = shell.folder()
    local path = folder .. "/fifo"
    shell.must("mkfifo " .. path)
    local writer = assert(uv.fs_open(path, "r+", 0))
    local following, close = lines.open(path, io.stdin)
    assert.is_function(following)
    local seen = {}
    smpp.spawn(function()
      local line = following() -- no `for`: Lua 5.1 cannot wait in an iterator
      while line do
        seen[#seen + 1] = line
        line = following()
      end
      seen.ended = true
    end)
    for _, piece in ipairs { "t", "o\n49", "1\n\n49", "2" } do
      uv.fs_write(writer, piece, -1)
      smpp.sleep(0.001)
    end
    async.wait_until(function() return #seen == 3 end)
    assert.same({ "to", "491", "" }, seen)
    uv.fs_close(writer)
    async.wait_until(function() return seen.ended end)
    assert.equal("492", seen[4])
    close()
    remove()
  end))

  it("ends a wait when it is closed", async.luv(function()
    local folder, remove = shell.folder()
    local path = folder .. "/fifo"
    shell.must("mkfifo " .. path)
    local writer = assert(uv.fs_open(path, "r+", 0))
    local following, close = lines.open(path, io.stdin)
    local line, ended = nil, false
    smpp.spawn(function()
      line = following()
      ended = true
    end)
    smpp.sleep(0.002)
    assert.is_false(ended)
    close()
    async.wait_until(function() return ended end)
    assert.is_nil(line)
    uv.fs_close(writer)
    remove()
  end))
end)
