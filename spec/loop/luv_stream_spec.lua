local async = require "spec.support.async"
local shell = require "spec.support.shell"
local streams = require "smpp.loop.luv_stream"
local uv = require "smpp.loop.uv"

--- A FIFO that somebody has open for writing: its path, a function that writes into it, one that closes it, and one
--- that removes it.
local function fifo()
  local folder, remove = shell.folder()
  local path = folder .. "/fifo"
  shell.must("mkfifo " .. path)
  local fd = assert(uv.fs_open(path, "r+", 0)) -- for both, so that no open blocks
  return path, function(octets) assert(uv.fs_write(fd, octets, -1)) end, function() uv.fs_close(fd) end, remove
end

describe("smpp.loop.luv_stream", function()
  it("opens pipes, and says what is neither pipe nor terminal", function()
    assert.is_nil((streams.open "README.md"))
    assert.is_nil((streams.open "/nonexistent"))
    assert.is_nil((streams.open "/"))
    local path, _, close, remove = fifo()
    local stream = assert(streams.open(path))
    stream:close()
    close()
    remove()
  end)

  it("reads now, and blocks for it", function()
    local path, write, close, remove = fifo()
    local stream = assert(streams.open(path))
    write "to\n491\n"
    assert.equal("to\n491\n", stream:read_now())
    close()
    assert.equal("", stream:read_now())
    stream:close()
    remove()
  end)

  it("reads when there is something, while the loop goes on; nil is the end", async.luv(function(loop)
    local path, write, close, remove = fifo()
    local stream = assert(streams.open(path))
    local function following()
      return async.await(function(done) stream:read(done) end)
    end
    local timer = loop:timer(function() write "late" end, true)
    timer:start(0.005)
    assert.equal("late", following())
    write "more"
    assert.equal("more", following())
    close()
    assert.is_nil(following())
    stream:close()
    timer:close()
    remove()
  end))

  it("tells no terminal from a file", function()
    local fd = assert(uv.fs_open("README.md", "r", 0))
    assert.is_false(streams.is_terminal(fd))
    uv.fs_close(fd)
  end)
end)
