--- What only the luv loop has: signals, and luv's quirks.
local async = require "spec.support.async"
local other_lua = require "spec.support.other_lua"
local uv = require "smpp.loop.uv"

local wait_until = async.wait_until

describe("smpp.loop.luv", function()
  it("is one per Lua state", function()
    local luv = require "smpp.loop.luv"
    assert.equal(luv.default(), luv.default())
  end)

  it("takes signals, which keep no script alive", async.luv(function(loop)
    local count = 0
    local signal = loop:signal("SIGUSR1", function() count = count + 1 end)
    uv.kill(uv.os_getpid(), "sigusr1")
    wait_until(function() return count == 1 end)
    signal:close()
    signal:close()
    local ok, err = pcall(function() loop:signal("SIGNOTHING", function() end) end)
    assert.is_false(ok)
    assert.matches("luv_spec.lua:%d+: signal SIGNOTHING: ", err)
    local alone = loop:signal("SIGHUP", function() end)
    assert.is_false(uv.has_ref(alone.handle))
    alone:close()
  end))

  it("reports an error in a signal's callback", async.luv(function(loop, errors)
    local signal = loop:signal("SIGUSR1", function() error "in signal" end)
    uv.kill(uv.os_getpid(), "sigusr1")
    wait_until(function() return #errors > 0 end)
    assert.matches("in signal", table.remove(errors))
    signal:close()
  end))

  it("reads what has come before a timer that is late, as after a suspension, is taken for one that is due", async.luv(function(loop)
    local order, theirs = {}, nil
    local listener = assert(loop:listen({ host = "127.0.0.1", port = 0 }, function(transport)
      theirs = transport
      transport:start(function() end, function() end)
    end))
    local ours
    loop:connect({ host = "127.0.0.1", port = listener.port }, function(transport)
      ours = transport
      transport:start(function(octets) order[#order + 1] = octets end, function() end)
    end)
    wait_until(function() return ours and theirs end)
    local timer = loop:timer(function() order[#order + 1] = "timer" end)
    timer:start(0.05)
    local answers = ("answer"):rep(50000) -- more than is read in one turn
    theirs:write(answers) -- reaches the kernel at once, or most of it
    uv.sleep(400) -- the process stands still meanwhile
    local function position()
      for i, piece in ipairs(order) do
        if piece == "timer" then return i end
      end
    end
    wait_until(function() return position() and #table.concat(order) == #answers + #"timer" end)
    local at = position()
    assert.is_true(at > 2) -- what did not fit into the kernel may come behind it
    table.remove(order, at)
    assert.equal(answers, table.concat(order))
    order = {}
    timer:start(10)
    timer:start(0.01) -- an earlier start is forgotten
    wait_until(function() return #order == 1 end)
    timer:close()
    ours:close()
    theirs:close()
    listener:close()
  end))

  it("of somebody else's is joined, not run", function()
    local output = other_lua [[
      local uv = require "luv"
      local run = require "smpp.loop.run"
      local timer = uv.new_timer()
      uv.timer_start(timer, 0, 0, function()
        print(pcall(run.run, function() end))
        run.spawn(function()
          run.sleep(0.001)
          print "joined"
          require("smpp.loop").current():defer(function(what) print(what) end, "put off")
        end)
        uv.close(timer)
      end)
      uv.run()]]
    assert.equal("false\tthe loop is already running: use smpp.spawn\njoined\nput off\n", (output:gsub("[^\t\n]*: the loop", "the loop")))
  end)

  it("ends the process for no error in any callback", function()
    local output = other_lua [[
      local loop = require("smpp.loop").current()
      loop.on_error = function(trace) print((trace:match "[^:]*: ([^\n]*)")) end
      local timer = loop:timer(function() error "one" end, true)
      timer:start(0)
      loop:defer(function() error "two" end)
      loop:connect({ host = "127.0.0.1", port = 1 }, function() error "three" end)
      loop:run()
      print "alive"]]
    for _, word in ipairs { "one", "two", "three", "alive" } do assert.matches(word, output) end
  end)

  it("watches a file descriptor, which does not keep it running, until that is closed", function()
    local has, sqlite = pcall(require, "smpp.sqlite")
    if not has then return end
    local async = require "spec.support.async"
    async.luv(function(loop)
      local worker = assert(sqlite.worker "local c = ... while true do local l = c.take() if not l then break end for _, o in ipairs(l) do c.give(o) end end")
      local got = {}
      local poll = loop:watch(worker:fd(), function()
        for _, one in ipairs(worker:receive()) do got[#got + 1] = one end
      end)
      worker:send({ "a" }, 1)
      worker:send({ "b" }, 1)
      async.wait_until(function() return #got == 2 end)
      poll:close()
      poll:close()
      worker:send({ "c" }, 1)
      assert(worker:wait(5000))
      require("smpp").sleep(0.02)
      assert.same({ "a", "b" }, got)
      worker:stop()
    end)()
  end)
end)
