local async = require "spec.support.async"
local process = require "smpp.loop.luv_program"

--- Runs a program to its end: output by stream, code, signal.
local function run(loop, command, o, with)
  local got = { stdout = "", stderr = "" }
  local code, signal = async.await(function(done)
    o = o or {}
    o.command, o.ended = command, done
    o.output = function(octets, stream) got[stream] = got[stream] .. octets end
    local started = assert(process.spawn(loop, o))
    if with then with(started, got) end
  end)
  return got, code, signal
end

describe("smpp.loop.luv_program", function()
  it("gives output, exit code, folder and environment", async.luv(function(loop)
    local got, code = run(loop, { "sh", "-c", "pwd; echo $WHO >&2; exit 3" }, { cwd = "/", env = { WHO = "me" } })
    assert.same({ { stdout = "/\n", stderr = "me\n" }, 3 }, { got, code })
  end))

  it("writes to its stdin, and ends it", async.luv(function(loop)
    local got = run(loop, { "cat" }, nil, function(started)
      started:write "hello"
      started:eof()
    end)
    assert.equal("hello", got.stdout)
  end))

  it("signals the whole group", async.luv(function(loop)
    local _, _, signal = run(loop, { "sh", "-c", "sleep 100 & sleep 100" }, nil, function(started)
      local timer
      timer = loop:timer(function()
        timer:close()
        started:signal "TERM"
      end)
      timer:start(0.05)
    end)
    assert.equal(15, signal)
  end))

  it("says what cannot be started", async.luv(function(loop)
    local started, message, code = process.spawn(loop, { command = { "no-such-program-here" }, output = print, ended = print })
    assert.same({ nil, "no-such-program-here: no such file or directory", "not_found" }, { started, message, code })
    assert.is_false(process.exists "no-such-program-here")
    assert.is_true(process.exists "sh" and process.exists "/bin/sh")
  end))

  it("is talked to by lines, however they are cut, and does not keep the loop alive", async.luv(function(loop)
    local lines, code = {}, nil
    local cat = assert(loop:spawn {
      command = { "sh", "-c", "cat; exit 4" }, line = function(line) lines[#lines + 1] = line end, ended = function(c) code = c end,
    })
    cat:write "one\ntw"
    async.wait_until(function() return lines[1] end)
    cat:write "o\nthree\n"
    async.wait_until(function() return lines[3] end)
    assert.same({ "one", "two", "three" }, lines)
    assert.is_false(cat.handle:has_ref() or cat.stdin:has_ref())
    cat:eof()
    async.wait_until(function() return code end)
    assert.equal(4, code)
    cat:write "nobody reads this\n"
    cat:eof()
  end))

  it("is waited for in real time where time is virtual", function()
    local loop = require("smpp.loop.virtual").new()
    local lines, code = {}, nil
    local cat = assert(loop:spawn {
      command = { "cat" }, line = function(line) lines[#lines + 1] = line end, ended = function(c) code = c end,
    })
    cat:write "one\n"
    loop:advance(0)
    assert.same({ "one" }, lines)
    cat:eof()
    loop:advance(0)
    assert.equal(0, code)
    assert.is_false(process.wait(function() return false end, 0.01))
  end)

  it("waits as long as it may, however long the real loop has not run", function()
    local uv = require "luv"
    uv.update_time()
    local function now() return uv.hrtime() / 1e9 end
    local began = now()
    repeat until now() > began + 0.1 -- the loop's own clock stands
    began = now()
    process.wait(function() return false end, 0.05)
    assert.is_true(now() - began >= 0.04, now() - began)
  end)
end)
