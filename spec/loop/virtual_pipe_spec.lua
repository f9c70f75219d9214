local async = require "spec.support.async"
local run = require "smpp.loop.run"
local virtual = require "smpp.loop.virtual"

describe("smpp.loop.virtual_pipe", function()
  it("hands over what is written, piece by piece, whoever comes first", async.virtual(function(loop)
    local pipe = loop:pipe "rows"
    pipe:write "a"
    local stream = assert(loop:open_stream "rows")
    assert.is_nil(loop:open_stream "rows")
    local function following() return async.await(function(done) stream:read(done) end) end
    assert.equal("a", following())
    run.spawn(function()
      run.sleep(5)
      pipe:write "b"
      pipe:write "c"
      pipe:eof()
    end)
    assert.equal("b", following())
    assert.equal(5, loop:now())
    assert.equal("c", following())
    assert.is_nil(following())
    assert.is_nil(following())
    stream:close()
    stream:close()
  end))

  it("does not call back when it was closed meanwhile", async.virtual(function(loop)
    local pipe, called = loop:pipe "rows", false
    local stream = loop:open_stream "rows"
    stream:read(function() called = true end)
    pipe:write "late"
    stream:close()
    run.sleep(1)
    assert.is_false(called)
  end))

  it("is open, and keeps the loop alive while somebody waits for it", function()
    local loop = virtual.new()
    loop:pipe "rows"
    local stream = loop:open_stream "rows"
    assert.equal("pipe rows", loop:describe())
    assert.is_false(loop:is_alive())
    stream:read(print)
    assert.is_true(loop:is_alive())
    stream:close()
    assert.equal("nothing", loop:describe())
  end)

  it("reads now what is there, and raises where nobody could write", function()
    local pipe = virtual.new():pipe "x"
    pipe:write "a"
    assert.equal("a", pipe:read_now())
    assert.has_error(function() pipe:read_now() end)
    pipe:eof()
    assert.is_nil(pipe:read_now())
  end)
end)
