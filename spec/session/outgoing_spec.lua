local pair = require "spec.support.pair"
local stats = require "smpp.base.stats"
local task = require "smpp.base.task"

local MESSAGE = { destination_addr = "491761234567", short_message = "hello" }

local function with(fn, body, machine)
  local esme = pair.owner()
  pair.run({
    esme = { owner = esme, counters = stats.new(), machine = machine or { window = 50 } },
    mc = { owner = { on_request = pair.take_binds(fn) } },
  }, function(w)
    pair.bind(w)
    body(w, esme)
  end)
end

--- Whatever a session still holds of requests: tables and functions among what is kept by cookie.
local function kept(outgoing)
  local n = 0
  for _, list in pairs { outgoing.waiters, outgoing.started, outgoing.fields, outgoing.commands } do
    for cookie = 1, outgoing.last_cookie do
      if list[cookie] then n = n + 1 end
    end
  end
  return n
end

describe("smpp.session.outgoing", function()
  it("keeps nothing of a request that has ended, however it ended", function()
    local n = 0
    with(function(_, _, pdu)
      n = n + 1
      if pdu.short_message == "silence" then task.wait() end
      if n % 3 == 0 then return nil, "ESME_RSYSERR" end
      return "id"
    end, function(w)
      local ended = 0
      local function send(text) w.esme:submit_sm({ destination_addr = "1", short_message = text }, function() ended = ended + 1 end) end
      for _ = 1, 20 do
        for _ = 1, 50 do send "text" end
        w.sleep(1)
      end
      for _ = 1, 5 do send "silence" end
      w.sleep(5)
      assert.equal(1005, ended)
      assert.equal(0, kept(w.esme.outgoing))
      assert.equal(0, w.esme.outgoing:waiting())
      assert.is_true(w.esme.outgoing.last_cookie <= 51)
    end, { window = 50, response_s = 3 })
  end)

  it("ends a wait at its own timeout; the response is still matched, and nobody is told twice", function()
    with(function(_, session, pdu)
      session.loop:timer(function() end):close()
      local co, timer = task.current(), nil
      timer = session.loop:timer(function()
        timer:close()
        task.wake(co)
      end, true)
      timer:start(5)
      task.wait()
      return pdu.short_message
    end, function(w, esme)
      assert.same({ "timeout" }, { select(3, w.esme:submit_sm(MESSAGE, 1)) })
      local codes = {}
      w.esme:submit_sm(MESSAGE, 1, function(_, _, code) codes[#codes + 1] = code end)
      w.sleep(10)
      assert.same({ "timeout" }, codes)
      assert.same({ 2, 0 }, { #esme:all "on_response", #esme:all "on_outcome_unknown" })
      assert.equal(0, w.esme:in_flight())
    end)
  end)

  it("stops a wait for its waiter alone", function()
    with(function() return "id" end, function(w)
      local called = 0
      local function waiter() called = called + 1 end
      local cookie = assert(w.esme:send(0x04, MESSAGE, waiter))
      assert.is_false(w.esme:stop_waiting(cookie, function() end))
      assert.is_true(w.esme:stop_waiting(cookie, waiter))
      assert.is_false(w.esme:stop_waiting(cookie, waiter))
      w.sleep(1)
      assert.equal(0, called)
    end)
  end)

  it("says what was not sent at once, and blames the line that waits outside a task", function()
    with(function() return "id" end, function(w)
      assert.same({ "not_sent" }, { select(3, w.esme:bind_transceiver { system_id = "again" }) })
      assert.same({ "unknown_field" }, { select(3, w.esme:submit_sm { destination = "1" }) })
      local ok, message = coroutine.resume(coroutine.create(function() w.esme:submit_sm(MESSAGE) end))
      assert.is_false(ok)
      assert.matches("outgoing_spec.lua:%d+: call it inside smpp.run", message)
      ok, message = coroutine.resume(coroutine.create(function() w.esme:request(0x04, MESSAGE) end))
      assert.is_false(ok)
      assert.matches("outgoing_spec.lua:%d+: call it inside smpp.run", message)
    end)
  end)
end)
