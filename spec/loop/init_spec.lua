--- What both loops promise, asked of both.
local async = require "spec.support.async"
local loops = require "smpp.loop"
local run = require "smpp.loop.run"

local await, collect, pair, wait_until = async.await, async.collect, async.pair, async.wait_until

for _, name in ipairs { "luv", "virtual" } do
  local on = async[name]
  describe("smpp.loop (" .. name .. "): time", function()
    it("has a mark of a file that changes with the file", on(function(loop)
      local path = os.tmpname()
      local function mark(octets)
        local file = assert(io.open(path, "wb"))
        file:write(octets)
        file:close()
        return loop:file_mark(path)
      end
      local first = mark "a"
      assert.equal(first, loop:file_mark(path))
      assert.is_true(first ~= mark "ab" and first ~= "")
      os.remove(path)
      assert.equal("", loop:file_mark(path))
    end))

    it("runs, and timers fire in order of their times, then of their starts", on(function(loop)
      local log, before, fired = {}, loop:now(), {}
      for i, delay_s in ipairs { 0.004, 0.002, 0.002, 0 } do
        local timer
        timer = loop:timer(function()
          log[#log + 1] = i
          fired[i] = loop:now() - before
          timer:close()
        end, true)
        timer:start(delay_s)
      end
      wait_until(function() return #log == 4 end)
      assert.same({ 4, 2, 3, 1 }, log)
      assert.is_true(fired[1] >= 0.0039 and fired[2] >= 0.0019, fired[1] .. " " .. fired[2])
    end))

    it("timers start again, stop, and close harmlessly twice", on(function(loop)
      local count, timer = 0, nil
      timer = loop:timer(function()
        count = count + 1
        if count < 3 then timer:start(0.001) end
      end, true)
      timer:start(10)
      timer:start(0)
      wait_until(function() return count == 3 end)
      timer:start(0)
      timer:stop()
      timer:stop()
      run.sleep(0.003)
      assert.equal(3, count)
      timer:start(0)
      timer:close()
      timer:close()
      timer:stop()
      run.sleep(0.003)
      assert.equal(3, count)
      assert.has_error(function() timer:start(1) end, "the timer is closed")
    end))

    it("a timer takes any delay, but not a NaN", on(function(loop)
      local timer = loop:timer(function() end)
      for _, delay_s in ipairs { -1, 0, 1e-9, 1e300, math.huge } do timer:start(delay_s) end
      assert.has_error(function() timer:start(0 / 0) end)
      timer:close()
    end))

    it("a delay counts from when it is asked for, not from the start of the turn", on(function(loop)
      run.sleep(0)
      local before = loop:precise()
      while name == "luv" and loop:precise() - before < 0.005 do end -- luacheck: ignore
      before = loop:precise()
      run.sleep(0.004)
      assert.is_true(loop:precise() - before >= 0.003)
    end))

    it("tells Unix time and random numbers", on(function(loop)
      assert.is_true(loop:time() >= 1700000000)
      local sum = 0
      for _ = 1, 1000 do
        local number = loop:random()
        assert.is_true(number >= 0 and number < 1)
        sum = sum + number
      end
      assert.is_true(sum > 400 and sum < 600, sum)
    end))
  end)

  describe("smpp.loop (" .. name .. "): staying alive", function()
    local function runs_past(start)
      return function()
        local late, loop = false, nil
        on(function(l)
          loop = l
          start(l, function() late = true end)
        end)()
        return late, loop
      end
    end

    it("for a kept timer, and not for another", function()
      local handle
      assert.is_true(runs_past(function(loop, fire)
        handle = loop:timer(function()
          fire()
          handle:close()
        end, true)
        handle:start(0.003)
      end)())
      local late, timers = false, {}
      local loop = name == "luv" and require("smpp.loop.luv").default() or require("smpp.loop.virtual").new()
      run.run(function()
        timers[1] = loop:timer(function() late = true end)
        timers[1]:start(0.1)
        timers[2] = loop:timer(function() end, true)
        timers[2]:start(0) -- fires, and keeps nothing alive then, although it is open
      end, { loop = loop })
      assert.is_false(late)
      for _, timer in ipairs(timers) do timer:close() end
      loop:close()
    end)

    it("for a hold until it is released", function()
      assert.is_true(runs_past(function(loop, fire)
        loop:hold()
        loop:hold()
        loop:release()
        local timer
        timer = loop:timer(function()
          fire()
          loop:release()
          timer:close()
        end)
        timer:start(0.003)
      end)())
      assert.has_error(runs_past(function(loop) loop:release() end))
    end)

    it("for a listener, and for a transport that was not started or is paused", function()
      assert.is_true(runs_past(function(loop, fire)
        local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function() end))
        local timer
        timer = loop:timer(function()
          fire()
          listener:close()
          timer:close()
        end)
        timer:start(0.003)
      end)())
      for _, started in ipairs { true, false } do
        assert.is_true(runs_past(function(loop, fire)
          local a, b = pair(loop)
          if started then
            a:start(function() end, function() end)
            a:pause()
          end
          b:close() -- which an end that does not read does not see
          local timer
          timer = loop:timer(function()
            fire()
            a:close()
            timer:close()
          end)
          timer:start(0.003)
        end)())
      end
    end)
  end)

  describe("smpp.loop (" .. name .. "): work put off", function()
    it("runs once, in order, with its argument, before the loop blocks", on(function(loop)
      local log = {}
      local function note(what) log[#log + 1] = what end
      loop:defer(note, "a")
      loop:defer(note, "b")
      loop:defer(function(x)
        log[#log + 1] = tostring(x)
        loop:defer(note, "put off by put-off work")
      end)
      assert.same({}, log)
      local timer
      await(function(done)
        timer = loop:timer(function()
          note "timer"
          done()
        end, true)
        timer:start(0.02)
      end)
      timer:close()
      assert.same({ "a", "b", "nil", "put off by put-off work", "timer" }, log)
      log = {}
      local before = loop:now()
      timer = loop:timer(function() end, true)
      timer:start(2)
      await(function(done)
        loop:defer(function() loop:defer(function() loop:defer(done) end) end)
      end)
      assert.is_true(loop:now() - before < 1)
      timer:close()
    end))

    it("runs though nothing keeps the loop alive", function()
      local log = {}
      on(function(loop)
        loop:defer(function()
          log[1] = "first"
          loop:defer(function() log[2] = "second" end)
        end)
      end)()
      assert.same({ "first", "second" }, log)
    end)

    it("runs though the last event put it off", function()
      local done = false
      on(function(loop)
        local a, b = pair(loop)
        a:start(function() end, function()
          a:close()
          loop:defer(function() done = true end)
        end)
        b:close()
      end)()
      assert.is_true(done)
    end)

    it("does not starve the rest by putting off more", on(function(loop)
      local turns, stop = 0, false
      local function again()
        turns = turns + 1
        if not stop then loop:defer(again) end
      end
      loop:defer(again)
      for _ = 1, 3 do run.sleep(0) end
      stop = true
      assert.is_true(turns > 0 and turns < 10, turns)
    end))
  end)

  describe("smpp.loop (" .. name .. "): connections", function()
    it("carry octets both ways, and know their ends", on(function(loop)
      local a, b = pair(loop)
      local at_a, at_b = collect(a), collect(b)
      assert.equal("127.0.0.1", a.peer.host)
      assert.equal(a.peer.port, b.local_port)
      assert.equal(b.peer.port, a.local_port)
      a:write("hello ")
      a:write("")
      a:write("b\0\255")
      b:write("hello a")
      wait_until(function() return #at_a.octets == 7 and #at_b.octets == 9 end)
      assert.equal("hello a", at_a.octets)
      assert.equal("hello b\0\255", at_b.octets)
      a:close()
      wait_until(function() return at_b.closed > 0 end)
      assert.same({ 1, 0 }, { at_b.closed, at_a.closed })
      assert.is_nil(at_b.message)
      assert.is_nil(at_b.code)
      b:close()
      b:close()
      b:write("into the void")
      assert.equal(0, b:pending())
      run.sleep(0.002)
      assert.same({ 1, 0 }, { at_b.closed, at_a.closed })
    end))

    it("what is written in one turn is not read in it", on(function(loop)
      local a, b = pair(loop)
      local got = collect(b)
      a:write("x")
      assert.equal("", got.octets)
      a:close()
      wait_until(function() return got.closed > 0 end)
      assert.equal("x", got.octets)
      b:close()
    end))

    it("hold back what the peer does not read, and tell when it is gone", on(function(loop)
      local a, b = pair(loop)
      local block, drained, at_a = ("0123456789abcdef"):rep(65536), 0, collect(a)
      a.on_drain = function() drained = drained + 1 end
      local got = collect(b)
      b:pause()
      for _ = 1, 16 do a:write(block) end
      for _ = 1, 16 do a:write("0123456789abcdef") end
      run.sleep(0.003)
      local total = 16 * (#block + 16)
      local pending = a:pending()
      assert.is_true(pending > 0 and pending <= total, pending)
      assert.equal(0, drained)
      assert.equal("", got.octets)
      local octets = 0
      b:start(function(chunk) octets = octets + #chunk end, function() got.closed = got.closed + 1 end)
      b:resume()
      wait_until(function() return octets == total end)
      wait_until(function() return drained > 0 end)
      assert.equal(0, a:pending())
      run.sleep(0.002)
      assert.equal(1, drained)
      a:close()
      wait_until(function() return got.closed == 1 end)
      b:close()
      assert.equal(0, at_a.closed)
    end))

    it("pause at once, within a callback too", on(function(loop)
      local a, b = pair(loop)
      local chunks = 0
      b:start(function()
        chunks = chunks + 1
        b:pause()
      end, function() end)
      a:write("one")
      wait_until(function() return chunks == 1 end)
      a:write("two")
      run.sleep(0.003)
      assert.equal(1, chunks)
      b:resume()
      wait_until(function() return chunks == 2 end)
      b:resume()
      a:write("three")
      b:pause()
      run.sleep(0.003)
      assert.equal(2, chunks)
      a:close()
      b:close()
    end))

    it("can be closed by half", on(function(loop)
      local a, b = pair(loop)
      local at_a, at_b = collect(a), collect(b)
      a:write("last words")
      a:shutdown()
      a:write("too late")
      wait_until(function() return at_b.closed == 1 end)
      assert.equal("last words", at_b.octets)
      assert.is_nil(at_b.message)
      b:write("still heard")
      wait_until(function() return at_a.octets == "still heard" end)
      b:close()
      wait_until(function() return at_a.closed == 1 end)
      assert.is_nil(at_a.message)
      a:close()
    end))

    it("tell a reset from an orderly end", on(function(loop)
      local a, b = pair(loop)
      local at_a, at_b = collect(a), collect(b)
      a:reset()
      a:reset()
      wait_until(function() return at_b.closed > 0 end)
      assert.same({ 1, "connection reset by peer", "connection_lost" }, { at_b.closed, at_b.message, at_b.code })
      assert.equal(0, at_a.closed)
      b:write("ignored")
      b:close()
    end))

    it("never throw when written to after the peer has gone, and tell it once", on(function(loop)
      local a, b = pair(loop)
      local at_a = collect(a)
      b:reset()
      for _ = 1, 5 do
        a:write(("x"):rep(1000))
        run.sleep(0.001)
      end
      wait_until(function() return at_a.closed > 0 end)
      a:write("more")
      assert.equal(1, at_a.closed)
      assert.equal("connection_lost", at_a.code)
      a:close()
    end))

    it("close after a flush: all octets arrive, and an unread one takes none away", on(function(loop)
      local a, b = pair(loop)
      local octets, ended, at_a = 0, nil, collect(a)
      local block = ("x"):rep(4 * 1024 * 1024)
      b:write("never read by a's owner")
      b:start(function(chunk) octets = octets + #chunk end, function(message) ended = message or "orderly" end)
      a:write(block)
      a:close_after_flush(5)
      a:close_after_flush(5)
      a:write("too late")
      wait_until(function() return ended end)
      assert.equal("orderly", ended)
      assert.equal(#block, octets)
      assert.equal(0, at_a.closed)
      b:close()
      run.sleep(0.002)
      assert.equal("", at_a.octets)
    end))

    it("close after a flush, but wait no longer than told for a peer that does not read", on(function(loop)
      local a, b = pair(loop)
      local at_b = collect(b)
      b:pause()
      for _ = 1, 8 do a:write(("x"):rep(1024 * 1024)) end
      a:close_after_flush(0.004)
      local before = loop:now()
      wait_until(function() return a.closed end)
      assert.is_true(loop:now() - before < 2)
      b:resume()
      wait_until(function() return at_b.closed == 1 end)
      assert.is_true(#at_b.octets < 8 * 1024 * 1024)
      b:close()
    end))

    it("closed after a flush, keep no script alive while the peer does not close", function()
      local a, b, ended
      local loop = name == "luv" and require("smpp.loop.luv").default() or require("smpp.loop.virtual").new()
      local before = loop:now()
      run.run(function()
        a, b = pair(loop)
        a:write("bye")
        a:close_after_flush(30)
        b:start(function() end, function() ended = true end)
      end, { loop = loop })
      assert.is_true(ended)
      assert.is_true(loop:now() - before < 25)
      assert.is_true(a.closed)
      b:close()
      loop:close()
    end)
  end)

  describe("smpp.loop (" .. name .. "): connecting", function()
    it("fails with why", on(function(loop)
      local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function() end))
      local port = listener.port
      listener:close()
      local transport, message, code = await(function(done) loop:connect({ host = "127.0.0.1", port = port }, done) end)
      assert.is_nil(transport)
      assert.equal(("cannot connect to 127.0.0.1:%d: connection refused"):format(port), message)
      assert.equal("connect_failed", code)
      transport, message, code = await(function(done) loop:connect({ host = "nowhere.invalid", port = 1, timeout_s = 5 }, done) end)
      assert.is_nil(transport)
      assert.matches("^cannot connect to nowhere%.invalid:1: %l", message)
      assert.equal("connect_failed", code)
    end))

    it("never calls back before connect has returned, nor after cancel", on(function(loop)
      local early, calls = true, 0
      local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(transport) transport:close() end))
      for _, host in ipairs { "127.0.0.1", "localhost", "nowhere.invalid" } do
        local connect = loop:connect({ host = host, port = listener.port }, function() calls = calls + 1 end)
        connect:cancel()
        connect:cancel()
      end
      loop:connect({ host = "127.0.0.1", port = listener.port }, function(transport)
        assert.is_false(early)
        calls = calls + 10
        transport:close()
      end)
      early = false
      wait_until(function() return calls >= 10 end)
      run.sleep(0.005)
      assert.equal(10, calls)
      listener:close()
    end))

    it("goes by name", on(function(loop)
      local listener = assert(loop:listen({ host = "localhost", port = 0 }, function(transport) transport:close() end))
      local transport = assert(await(function(done) loop:connect({ host = "localhost", port = listener.port }, done) end))
      transport:close()
      listener:close()
    end))

    it("checks what it is given, blaming the caller", on(function(loop)
      for _, bad in ipairs { {}, { host = "x" }, { host = 1, port = 1 }, { host = "x", port = -1 }, { host = "x", port = 65536 },
        { host = "x", port = 1.5 }, { host = "x", port = "1" } } do
        for _, method in ipairs { "connect", "listen" } do
          local ok, err = pcall(function() loop[method](loop, bad, function() end) end)
          assert.is_false(ok)
          assert.matches("^spec/loop/init_spec.lua:%d+: [hp]o[sr]t:", err)
        end
      end
    end))

    it("a port in use, an address that is none of ours, a name nobody knows", on(function(loop)
      local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function() end))
      local second, message, code = loop:listen({ host = "127.0.0.1", port = listener.port }, function() end)
      assert.is_nil(second)
      assert.equal(("cannot listen on 127.0.0.1:%d: address already in use"):format(listener.port), message)
      assert.equal("connect_failed", code)
      listener:close()
      listener:close()
      second, message, code = loop:listen({ host = "nowhere.invalid", port = 0 }, function() end)
      assert.is_nil(second)
      assert.matches("^cannot listen on nowhere%.invalid:0: ", message)
      assert.equal("connect_failed", code)
    end))

    it("over IPv6", on(function(loop)
      local listener, message = loop:listen({ host = "::1", port = 0 }, function(transport) transport:close() end)
      if not listener then return pending("no IPv6 here: " .. message) end -- luacheck: ignore
      local transport = assert(await(function(done) loop:connect({ host = "::1", port = listener.port }, done) end))
      assert.equal("::1", transport.peer.host)
      transport:close()
      listener:close()
    end))
  end)

  describe("smpp.loop (" .. name .. "): an error in a callback", function()
    local function taken(errors, pattern)
      wait_until(function() return #errors > 0 end)
      assert.matches(pattern .. ".*stack traceback", table.remove(errors, 1))
    end

    it("of a timer or put-off work goes to on_error, and the loop goes on", on(function(loop, errors)
      local timer = loop:timer(function() error "in timer" end, true)
      timer:start(0)
      taken(errors, "in timer")
      timer:close()
      loop:defer(function() error "put off" end)
      local after
      loop:defer(function() after = true end)
      taken(errors, "put off")
      wait_until(function() return after end)
    end))

    it("of a transport goes to on_error, and the transport goes on", on(function(loop, errors)
      local a, b = pair(loop)
      local count = 0
      b:start(function()
        count = count + 1
        error "in data"
      end, function() error "in close" end)
      a:write("x")
      taken(errors, "in data")
      a:write("y")
      taken(errors, "in data")
      assert.equal(2, count)
      a:close()
      taken(errors, "in close")
      b:close()
    end))

    it("of on_drain too", on(function(loop, errors)
      local a, b = pair(loop)
      a.on_drain = function()
        a.on_drain = nil
        error "in drain"
      end
      for _ = 1, 16 do a:write(("x"):rep(1024 * 1024)) end
      b:start(function() end, function() b:close() end)
      taken(errors, "in drain")
      a:close()
    end))

    it("of a new connection closes it", on(function(loop, errors)
      local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function() error "in accept" end))
      local a = await(function(done) loop:connect({ host = "127.0.0.1", port = listener.port }, done) end)
      taken(errors, "in accept")
      if a then -- else the reset was faster
        local at_a = collect(a)
        wait_until(function() return at_a.closed == 1 end)
        a:close()
      end
      listener:close()
      local at_b
      listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(transport)
        at_b = collect(transport)
        at_b.transport = transport
      end))
      loop:connect({ host = "127.0.0.1", port = listener.port }, function() error "in connect" end)
      taken(errors, "in connect")
      wait_until(function() return at_b and at_b.closed == 1 end)
      at_b.transport:close()
      listener:close()
      loop:connect({ host = "127.0.0.1", port = listener.port }, function(transport)
        assert(not transport)
        error "in failed connect"
      end)
      taken(errors, "in failed connect")
    end))

    it("in on_error itself goes to stderr", on(function(loop)
      local stderr, written, saved = io.stderr, {}, loop.on_error
      io.stderr = { write = function(_, ...) written[#written + 1] = table.concat { ... } end } -- luacheck: ignore
      loop.on_error = function() error "the handler" end
      loop:defer(function() error "the first" end)
      wait_until(function() return #written > 0 end)
      io.stderr, loop.on_error = stderr, saved -- luacheck: ignore
      assert.matches("the first.*the handler", table.concat(written))
    end))
  end)

  it("smpp.loop (" .. name .. "): is the current one while smpp.run runs it", on(function(loop)
    assert.equal(loop, loops.current())
    run.sleep(0)
    assert.is_true(loop:is_running())
    assert.has_error(function() loop:run() end, "the loop is already running: use smpp.spawn")
  end))
end

describe("smpp.loop", function()
  it("loads no luv before somebody asks for its loop", function()
    local saved, luv = package.loaded["smpp.loop.luv"], package.loaded.luv
    local uv = package.loaded["smpp.loop.uv"]
    package.loaded["smpp.loop"], package.loaded["smpp.loop.luv"], package.loaded["smpp.loop.uv"], package.loaded.luv = nil, nil, nil, nil
    package.loaded["smpp.loop.virtual"] = nil
    require "smpp.loop"
    require "smpp.loop.virtual"
    assert.is_nil(package.loaded.luv)
    package.loaded["smpp.loop"], package.loaded["smpp.loop.luv"], package.loaded["smpp.loop.uv"], package.loaded.luv = loops, saved, uv, luv
  end)
end)
