local alarms = require "smpp.session.alarms"
local property = require "spec.support.property"
local virtual = require "smpp.loop.virtual"

describe("smpp.session.alarms", function()
  local loop, rung

  before_each(function()
    loop, rung = virtual.new { seed = 1 }, {}
  end)

  --- What a session has that alarms need; `on_alarm` notes name and time, and does what the test wants.
  local function session_of(name, then_do)
    return { loop = loop, serial = 0, on_alarm = function(self)
      rung[#rung + 1] = ("%s %g"):format(name, loop:now() - self.origin)
      if then_do then then_do(self) end
    end, origin = loop:now() }
  end

  local function set(session, delay_s) alarms.set(session, loop:now() + delay_s) end

  local function timers_open()
    local count = 0
    for _, one in ipairs(loop:handles()) do
      if one.kind == "timer" then count = count + 1 end
    end
    return count
  end

  it("rings each session at its time, with one timer for all, which closes behind the last", function()
    local a, b, c = session_of "a", session_of "b", session_of "c"
    set(a, 3)
    set(b, 1)
    set(c, 2)
    assert.equal(1, timers_open())
    loop:advance(1.5)
    assert.same({ "b 1" }, rung)
    assert.is_nil(b.at)
    loop:advance(5)
    assert.same({ "b 1", "c 2", "a 3" }, rung)
    assert.equal(0, timers_open())
  end)

  it("moves an alarm forwards and back, and rings it once", function()
    local a, b = session_of "a", session_of "b"
    set(a, 3)
    set(b, 2)
    set(a, 1)
    set(b, 4)
    loop:advance(10)
    assert.same({ "a 1", "b 4" }, rung)
  end)

  it("removes an alarm; without any there is no timer", function()
    local a, b = session_of "a", session_of "b"
    alarms.clear(a)
    set(a, 1)
    set(b, 2)
    alarms.clear(a)
    alarms.clear(a)
    loop:advance(1.5)
    assert.same({}, rung)
    alarms.clear(b)
    assert.equal(0, timers_open())
    loop:advance(10)
    assert.same({}, rung)
  end)

  it("takes new alarms, and the end of other sessions, from a session that rings", function()
    local b = session_of "b"
    local a
    a = session_of("a", function()
      alarms.clear(b)
      if #rung < 3 then set(a, 1) end
    end)
    set(a, 1)
    set(b, 1)
    loop:advance(1)
    assert.same({ "a 1" }, rung)
    loop:advance(10)
    assert.same({ "a 1", "a 2", "a 3" }, rung)
    assert.equal(0, timers_open())
  end)

  it("rings once in a turn, even one that is set for the same moment again, and lets the sockets have theirs", function()
    local a, others = nil, 0
    a = session_of("a", function()
      if #rung < 4 then set(a, 0) end
      loop:defer(function() others = others + 1 end)
    end)
    set(a, 1)
    loop:step()
    assert.same({ { "a 1" }, 1 }, { rung, others })
    loop:advance(0.001)
    assert.equal(4, #rung)
  end)

  it("rings no session that is set anew, or ends, after its time and before its turn", function()
    local b, c = session_of "b", session_of "c"
    local a = session_of("a", function()
      set(b, 1)
      set(c, 1)
      alarms.clear(c)
    end)
    set(a, 1)
    set(b, 1 + 1e-9)
    set(c, 1 + 1e-9)
    loop:advance(1.5)
    assert.same({ "a 1" }, rung)
    loop:advance(5)
    assert.same({ "a 1", "b 2" }, rung)
  end)

  it("rings the others after one that fails", function()
    local traces = {}
    loop.on_error = function(trace) traces[#traces + 1] = trace:match "[^\n]*: ([^\n]*)" end
    local a, b = session_of("a", function() error "broken" end), session_of "b"
    set(a, 1)
    set(b, 1)
    loop:advance(1)
    table.sort(rung)
    assert.same({ "a 1", "b 1" }, rung)
    assert.same({ "broken" }, traces)
  end)

  it("keeps the sessions of two loops apart", function()
    local a = session_of "a"
    local first = loop
    loop = virtual.new { seed = 2 }
    local b = session_of "b"
    alarms.set(a, first:now() + 1)
    set(b, 1)
    alarms.clear(b)
    first:advance(2)
    assert.equal(1, #rung)
  end)

  it("rings as a model does, whatever is set and removed", function()
    property.holds(50, function(random)
      loop = virtual.new()
      loop.on_error = function(trace) error(trace, 0) end
      local sessions, due = {}, {} -- due: session -> when it must ring
      local function set_both(session, delay_s)
        due[session] = loop:now() + delay_s
        alarms.set(session, due[session])
      end
      for i = 1, 20 do
        sessions[i] = { loop = loop, serial = 0, on_alarm = function(session)
          assert(due[session] and math.abs(loop:now() - due[session]) < 0.0011, "rung at another time")
          due[session] = nil
          if random(3) == 1 then set_both(session, 0.5) end
        end }
      end
      for _ = 1, 100 do
        local session, what = sessions[random(20)], random(8)
        if what < 5 then
          set_both(session, random(3000) / 1000)
        elseif what == 5 then
          due[session] = nil
          alarms.clear(session)
        else
          loop:advance(random(250) / 1000)
        end
        for _, at in pairs(due) do assert(at > loop:now() - 0.0011, "a session did not ring") end
      end
      for _, session in ipairs(sessions) do alarms.clear(session) end
      assert.equal(0, timers_open())
    end)
  end)
end)
