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

--- What a session still holds of requests, and the size of the list it is in.
local function kept(session)
  local list, n = pair.kept(session), 0
  for _, value in pairs(list) do
    if value then n = n + 1 end
  end
  return n, #list
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
      local left, size = kept(w.esme)
      assert.equal(0, left)
      assert.equal(0, w.esme.machine:waiting())
      assert.is_true(size <= 2 * 51)
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

  it("gives the outcome to an object, as a task or, if it is prompt, without one; its errors are reported", function()
    with(function() return "id" end, function(w, esme)
      local seen = {}
      for i, is_prompt in ipairs { false, true } do
        local waiter = { is_prompt = is_prompt, outcome = function(self, pdu)
          seen[i] = { self.is_prompt, pdu.command, task.current() ~= nil }
          error("broken " .. i, 0)
        end }
        assert(w.esme:send(0x04, MESSAGE, waiter))
        w.sleep(1)
      end
      assert.same({ { false, "submit_sm_resp", true }, { true, "submit_sm_resp", false } }, seen)
      local errors = {}
      for i, call in ipairs(esme:all "on_error") do errors[i] = tostring(call[2]):match "broken %d" end
      assert.same({ "broken 1", "broken 2" }, errors)
    end)
  end)

  it("says what was not sent at once, and blames the line that waits outside a task", function()
    with(function() return "id" end, function(w)
      assert.same({ "not_sent" }, { select(3, w.esme:bind_transceiver { system_id = "again" }) })
      local ok, message = coroutine.resume(coroutine.create(function() w.esme:submit_sm(MESSAGE) end))
      assert.is_false(ok)
      assert.matches("outgoing_spec.lua:%d+: call it inside smpp.run", message)
      ok, message = coroutine.resume(coroutine.create(function() w.esme:request(0x04, MESSAGE) end))
      assert.is_false(ok)
      assert.matches("outgoing_spec.lua:%d+: call it inside smpp.run", message)
    end)
  end)

  it("asks as it sends and waits: the same results, in a chunk and outside, with usual fields and others; false where nothing was sent", function()
    local ask = require("smpp.session").ask
    local refused = { false, true, false }
    local function sent_by(send)
      local n, results = 0, {}
      with(function(_, _, pdu)
        n = n + 1
        if pdu.short_message == "silence" then task.wait() end
        if refused[n] then return nil, "ESME_RSYSERR" end
        return "id " .. n
      end, function(w)
        for _, fields in ipairs { MESSAGE, MESSAGE, { short_message = "x", user_message_reference = 7 }, { short_message = "silence" }, { short_message = 7 } } do
          local pdu, message, code, refusing = send(w.esme, 0x04, fields)
          if pdu == false then
            assert.is_false(task.is_waiting(task.current()))
            pdu, message, code, refusing = w.esme:request(0x04, fields)
          end
          results[#results + 1] = { pdu and pdu.message_id or "none", message or "", code or "", refusing and refusing.command_status or "" }
        end
        w.esme:close()
        assert.is_false(ask(w.esme, 0x04, MESSAGE))
      end, { response_s = 2 })
      return results
    end
    local expected = sent_by(function(session, ...) return session:request(...) end)
    assert.same({ "id 1", "", "", "" }, expected[1])
    assert.equal("ESME_RSYSERR", expected[2][3])
    assert.equal("timeout", expected[4][3])
    assert.same(expected, sent_by(ask))
  end)

  it("asks for no coroutine that a task has made: false", function()
    local ask = require("smpp.session").ask
    with(function() return "id" end, function(w)
      local co = coroutine.wrap(function() return ask(w.esme, 0x04, MESSAGE) end)
      assert.is_false(co())
      assert.is_false(task.is_waiting(task.current()))
      assert.equal(0, w.esme:in_flight())
    end)
  end)

  it("raises on a field that the command does not have, at the line of the program, and sends nothing", function()
    local of_forward
    with(function(_, session, pdu)
      of_forward = select(2, pcall(function() session:forward(pdu, { source_adr = "1" }) end))
      return "id"
    end, function(w)
      local function error_of(fn)
        local ok, message = pcall(fn)
        assert.is_false(ok)
        return message
      end
      local line = "^spec/session/outgoing_spec.lua:%d+: destination_adr: no such parameter or TLV in submit_sm; did you mean destination_addr%?"
      local wrong = { destination_adr = "1" }
      local called = false
      local function callback() called = true end
      assert.matches(line, error_of(function() w.esme:submit_sm(wrong) end))
      assert.matches(line, error_of(function() w.esme:submit_sm(wrong, 5) end))
      assert.matches(line, error_of(function() w.esme:submit_sm(wrong, callback) end))
      assert.matches(line, error_of(function() w.esme:request(0x04, wrong, 5, callback) end))
      assert.matches("outgoing_spec.lua:%d+: nosuch: no such parameter or TLV in submit_sm$", error_of(function()
        w.esme:submit_sm { tlvs = { { "nosuch", "x" } } }
      end))
      assert.matches("outgoing_spec.lua:%d+: source_adr: no such parameter or TLV in alert_notification; did you mean source_addr",
        error_of(function() w.mc:alert_notification { source_adr = "1" } end))
      assert.equal(0, w.esme:in_flight())
      assert.is_false(called)
      assert.equal(0, (kept(w.esme)))
      assert.equal("id", w.esme:submit_sm(MESSAGE).message_id)
      assert.matches("^spec/session/outgoing_spec.lua:%d+: source_adr: no such parameter or TLV in submit_sm; did you mean source_addr", of_forward)
      -- A value that does not fit may come from anywhere: it is returned.
      assert.same({ "bad_value" }, { select(3, w.esme:submit_sm { esm_class = "x" }) })
    end)
  end)
end)
