local async = require "spec.support.async"
local run = require "smpp.loop.run"

local collect, pair, wait_until = async.collect, async.pair, async.wait_until

--- A body with a connected pair and its link; both ends are closed at the end.
local function linked(fn, o)
  return async.virtual(function(loop, errors)
    local link
    loop:on_link(function(l) link = l end)
    local a, b = pair(loop)
    fn(loop, a, b, link, errors)
    a:close()
    b:close()
    run.sleep(1000) -- whatever is under way arrives
  end, o)
end

describe("smpp.loop.virtual_wire", function()
  it("tells where it goes, and which ends it has", linked(function(_, a, b, link)
    assert.same({ "127.0.0.1", a.peer.port }, { link.host, link.port })
    assert.equal(a, link.a)
    assert.equal(b, link.b)
  end))

  it("delivers in chunks", linked(function(_, a, b, link)
    local chunks = {}
    link.a_to_b.chunk = 3
    b:start(function(chunk) chunks[#chunks + 1] = chunk end, function() end)
    a:write("abcd")
    a:write("efgh")
    wait_until(function() return #table.concat(chunks) == 8 end)
    assert.same({ "abc", "def", "gh" }, chunks)
    assert.equal(8, link.a_to_b.delivered)
  end))

  it("delivers in chunks of random size, the same for a seed", function()
    local function sizes()
      local list = {}
      linked(function(loop, a, b, link)
        link.a_to_b.chunk = function() return 1 + math.floor(loop:random() * 10) end
        b:start(function(chunk) list[#list + 1] = #chunk end, function() end)
        a:write(("x"):rep(100))
        run.sleep(1)
      end, { seed = 5 })()
      return list
    end
    local list, sum = sizes(), 0
    for _, n in ipairs(list) do sum = sum + n end
    assert.equal(100, sum)
    assert.is_true(#list > 10)
    assert.same(list, sizes())
  end)

  it("delays, in order though the delay shrinks", linked(function(loop, a, b, link)
    local log, began = {}, loop:now()
    b:start(function(chunk) log[#log + 1] = ("%s at %g"):format(chunk, loop:now() - began) end, function() end)
    link.a_to_b.latency_s = 2
    a:write("slow")
    run.sleep(1)
    link.a_to_b.latency_s = 0.5
    a:write("fast")
    run.sleep(1.5)
    a:write("last")
    a:shutdown()
    run.sleep(1)
    assert.same({ "slowfast at 2", "last at 3" }, log)
  end))

  it("has a bandwidth", linked(function(loop, a, b, link)
    local got, began = collect(b), loop:now()
    link.a_to_b.octets_per_s = 100
    a:write(("x"):rep(50))
    a:write(("x"):rep(150))
    a:shutdown()
    wait_until(function() return #got.octets == 50 end)
    assert.is_true(math.abs(loop:now() - began - 0.5) < 0.01)
    wait_until(function() return got.closed == 1 end)
    assert.equal(200, #got.octets)
    assert.is_true(math.abs(loop:now() - began - 2) < 0.01)
  end))

  it("with a random delay keeps the order too", linked(function(loop, a, b, link)
    local got = collect(b)
    link.a_to_b.latency_s = function() return loop:random() end
    local sent = {}
    for i = 1, 200 do
      sent[i] = ("%03d"):format(i)
      a:write(sent[i])
      if i % 10 == 0 then run.sleep(loop:random() / 10) end
    end
    a:shutdown()
    wait_until(function() return got.closed == 1 end)
    assert.equal(table.concat(sent), got.octets)
  end))

  it("dies for both ends after exactly so many octets", function()
    for n = 0, 12 do
      linked(function(_, a, b, link)
        link.b_to_a.latency_s = 1
        local at_a, at_b = collect(a), collect(b)
        b:write("lost on the way")
        link.a_to_b:cut_after(n)
        a:write("0123")
        a:write("4567")
        wait_until(function() return n > 8 or at_b.closed > 0 end)
        if n > 8 then
          run.sleep(2)
          assert.same({ 0, "lost on the way" }, { at_b.closed, at_a.octets })
          return
        end
        wait_until(function() return at_a.closed > 0 end)
        assert.equal(("01234567"):sub(1, n), at_b.octets)
        assert.same({ 1, "connection reset by peer", "connection_lost" }, { at_b.closed, at_b.message, at_b.code })
        assert.same({ 1, "connection_lost", "" }, { at_a.closed, at_a.code, at_a.octets })
        a:write("nothing")
        run.sleep(5)
        assert.same({ 1, 1 }, { at_a.closed, at_b.closed })
      end)()
    end
  end)

  it("that has delivered so many already dies at once", linked(function(_, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    a:write("1234")
    wait_until(function() return at_b.octets == "1234" end)
    link.a_to_b:cut_after(3)
    run.sleep(1)
    assert.same({ "connection_lost", "connection_lost" }, { at_a.code, at_b.code })
  end))

  it("cut before octets are due does not wait for them", linked(function(loop, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    link.a_to_b.latency_s = 100
    a:write("late")
    run.sleep(1)
    local began = loop:now()
    link:cut()
    wait_until(function() return at_a.closed == 1 and at_b.closed == 1 end)
    assert.is_true(loop:now() - began < 1)
    assert.equal("", at_b.octets)
  end))

  it("stalls: octets stay in flight, ends are not seen, and all comes when it goes on", linked(function(_, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    link.a_to_b:stall()
    a:write("held")
    a:shutdown()
    b:write("through")
    run.sleep(100)
    assert.same({ "", 0, "through" }, { at_b.octets, at_b.closed, at_a.octets })
    link.a_to_b:resume()
    wait_until(function() return at_b.closed == 1 end)
    assert.equal("held", at_b.octets)
  end))

  it("is half open when an end goes while it stalls", linked(function(_, a, b, link)
    local at_b = collect(b)
    link.a_to_b:stall()
    a:reset()
    b:write("to nobody")
    run.sleep(1000)
    assert.equal(0, at_b.closed)
    link.a_to_b:resume()
    wait_until(function() return at_b.closed == 1 end)
    assert.equal("connection_lost", at_b.code)
  end))

  it("has room for so many octets; the rest is pending", linked(function(_, a, b, link)
    link.a_to_b.capacity = 10
    local got, drained = "", 0
    a.on_drain = function() drained = drained + 1 end
    a:write("0123456789")
    assert.equal(0, a:pending())
    a:write("abc")
    a:write("def")
    assert.equal(6, a:pending())
    b:start(function(chunk) got = got .. chunk end, function() end)
    wait_until(function() return drained == 1 end)
    assert.equal(0, a:pending())
    wait_until(function() return #got == 16 end)
    assert.equal("0123456789abcdef", got)
    run.sleep(1)
    assert.equal(1, drained)
  end))

  it("tells no end that has closed meanwhile that its octets went out", linked(function(_, a, b, link)
    link.a_to_b.capacity = 1
    local drained = false
    a.on_drain = function() drained = true end
    a:write("ab")
    b:start(function() a:close() end, function() end)
    run.sleep(1)
    assert.is_true(a.closed)
    assert.is_false(drained)
  end))

  it("keeps the loop alive for pending octets until they are sent or lost", linked(function(loop, a, b, link)
    link.a_to_b.capacity = 1
    local at_a = collect(a)
    a:write("abc")
    b:shutdown()
    wait_until(function() return at_a.closed == 1 end)
    assert.equal(2, select(2, loop:describe(true):gsub("transport", "")))
    link:cut()
    assert.equal(1, select(2, loop:describe(true):gsub("transport", "")))
  end))

  it("loses what is pending when the sender closes, not what is in flight", linked(function(_, a, b, link)
    link.a_to_b.capacity = 4
    a:write("flightpending")
    a:close()
    local got = collect(b)
    wait_until(function() return got.closed == 1 end)
    assert.equal("flig", got.octets)
    assert.is_nil(got.message)
  end))

  it("corrupts", linked(function(_, a, b, link)
    local got = collect(b)
    link.a_to_b:corrupt(function(octets) return (octets:gsub("o", "0")) end)
    a:write("foo")
    wait_until(function() return #got.octets == 3 end)
    link.a_to_b:corrupt(function() return "" end)
    a:write("swallowed")
    run.sleep(1)
    link.a_to_b:corrupt(nil)
    a:write("foo")
    wait_until(function() return #got.octets == 6 end)
    assert.equal("f00foo", got.octets)
  end))

  it("closes by half on request; what the sender still writes is lost", linked(function(_, a, b, link)
    local at_a, at_b = collect(a), collect(b)
    a:write("under way")
    link.a_to_b:half_close()
    a:write("lost")
    wait_until(function() return at_b.closed == 1 end)
    assert.same({ "under way" }, { at_b.octets, at_b.message })
    b:write("still heard")
    wait_until(function() return at_a.octets == "still heard" end)
    assert.equal(0, at_a.closed)
  end))

  it("reports an error in a watcher of new links, and goes on", async.virtual(function(loop, errors)
    loop:on_link(function() error "in watcher" end)
    local a, b = pair(loop)
    assert.matches("in watcher", table.remove(errors))
    a:close()
    b:close()
  end))
end)
