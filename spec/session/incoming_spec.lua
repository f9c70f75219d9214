local incoming = require "smpp.session.incoming"
local pair = require "spec.support.pair"
local property = require "spec.support.property"
local task = require "smpp.base.task"

local function submit(w, text, got)
  w.esme:submit_sm({ destination_addr = "1", short_message = text }, function(response, _, code)
    got[#got + 1] = text .. " " .. (response and response.message_id or code)
  end)
end

--- A world whose MC answers a submit_sm with fn(text, session, pdu).
local function with(fn, o, body)
  local mc = pair.owner { on_request = pair.take_binds(function(_, session, pdu) return fn(pdu.short_message, session, pdu) end) }
  local options = { owner = mc }
  for name, value in pairs(o) do options[name] = value end
  pair.run({ mc = options, esme = { machine = { window = 100 } } }, function(w)
    pair.bind(w)
    body(w, mc)
  end)
end

describe("smpp.session.incoming", function()
  it("serves a run of requests in one task as long as handlers return", function()
    local tasks, seen = {}, 0
    with(function(text)
      local co = task.current()
      if not tasks[co] then tasks[co], seen = true, seen + 1 end
      return text
    end, {}, function(w)
      local got = {}
      for i = 1, 20 do submit(w, tostring(i), got) end
      w.sleep(1)
      assert.equal(20, #got)
      assert.equal("20 20", got[20])
      assert.equal(1, seen)
    end)
  end)

  it("goes on in another task behind a handler that waits, and each gets its own answer", function()
    local waiting = {}
    with(function(text)
      if text:find "^wait" then
        waiting[#waiting + 1] = task.current()
        return task.wait()
      end
      if text:find "^fail" then error "on purpose" end
      if text:find "^odd" then return 42 end
      return text
    end, {}, function(w, mc)
      local got = {}
      for _, text in ipairs { "a", "wait 1", "b", "fail", "c", "wait 2", "odd", "d" } do submit(w, text, got) end
      w.sleep(1)
      assert.same({ "a a", "b b", "fail ESME_RSYSERR", "c c", "odd ESME_RSYSERR", "d d" }, got)
      assert.equal(2, w.mc.incoming.pending)
      task.wake(waiting[2], "second")
      task.wake(waiting[1], nil, "ESME_RINVDSTADR")
      w.sleep(1)
      assert.same({ "wait 2 second", "wait 1 ESME_RINVDSTADR" }, { got[7], got[8] })
      assert.equal(0, w.mc.incoming.pending)
      local codes = {}
      for i, call in ipairs(mc:all "on_error") do codes[i] = call[3] end
      assert.same({ "handler_failed", "handler_failed" }, codes)
    end)
  end)

  it("answers for a handler that takes too long, and reports that and its late result", function()
    local co
    with(function()
      co = task.current()
      return task.wait()
    end, { answer_timeout_s = 2 }, function(w, mc)
      local got = {}
      submit(w, "late", got)
      w.sleep(3)
      assert.same({ "late ESME_RSYSERR" }, got)
      local errors = mc:all "on_error"
      assert.same({ 1, "answer_timeout", "submit_sm" }, { #errors, errors[1][3], errors[1][4].command })
      assert.matches("^session .* BOUND_TRX: the handler of submit_sm did not answer within 2 s %(answer_timeout_s%): answered with ESME_RSYSERR$",
        errors[1][2])
      task.wake(co, "an id")
      w.sleep(0) -- it runs when this task waits
      errors = mc:all "on_error"
      assert.same({ 2, "late_result" }, { #errors, errors[2][3] })
      assert.matches("late result of the handler of submit_sm %(after 3 s%): message_id 'an id' was dropped, ESME_RSYSERR had been sent after 2 s %(answer_timeout_s%)$",
        errors[2][2])
    end)
  end)

  it("lets a handler answer later, without a task that waits", function()
    local requests, seen, co = {}, {}, nil
    with(function(text, session, pdu)
      requests[text], seen[task.current()] = { session, pdu }, true
      if text == "waits" then
        co = task.current()
        task.wait()
      end
      return incoming.LATER
    end, { answer_timeout_s = 2 }, function(w, mc)
      local got = {}
      for _, text in ipairs { "a", "b", "c", "waits" } do submit(w, text, got) end
      w.sleep(1)
      local tasks = 0
      for _ in pairs(seen) do tasks = tasks + 1 end
      assert.same({ {}, 4, 1 }, { got, w.mc.incoming.pending, tasks })
      task.wake(co)
      w.sleep(0)
      local function answer(text, ...) return requests[text][1]:answer(requests[text][2], ...) end
      assert.is_true(answer("b", "id of b"))
      assert.is_true(answer("waits", nil, "ESME_RINVDSTADR"))
      w.sleep(0.1)
      assert.same({ { "b id of b", "waits ESME_RINVDSTADR" }, 2 }, { got, w.mc.incoming.pending })
      w.sleep(2)
      assert.same({ "a ESME_RSYSERR", "c ESME_RSYSERR" }, { got[3], got[4] })
      assert.same({ nil, "not_sent" }, { answer("a", "too late"), select(3, answer("c", "too late")) })
      assert.equal(2, #mc:all "on_error") -- answer_timeout, twice
      submit(w, "ended", got)
      w.sleep(0.1)
      assert.equal(1, w.mc.incoming.pending)
      w.mc:close()
      w.sleep(1)
      answer("ended", "gone")
      assert.equal(0, w.mc.incoming.pending)
    end)
  end)

  it("reports nothing late where the answer was given in time, is the same, or the session has ended", function()
    local tasks = {}
    with(function(text, session, pdu)
      tasks[#tasks + 1] = task.current()
      if text == "early" then session:answer(pdu, "taken") end
      return task.wait()
    end, { answer_timeout_s = 2 }, function(w, mc)
      local got = {}
      submit(w, "early", got)
      submit(w, "same", got)
      w.sleep(3)
      assert.same({ "early taken", "same ESME_RSYSERR" }, got)
      task.wake(tasks[1], "ignored")
      task.wake(tasks[2], nil, "ESME_RSYSERR")
      submit(w, "ended", got)
      w.sleep(1)
      w.mc:close()
      w.sleep(1)
      task.wake(tasks[3], "gone")
      w.sleep(0)
      assert.equal(1, #mc:all "on_error") -- that "same" took too long
      assert.equal(0, w.mc.incoming.pending)
    end)
  end)

  it("raises on an answer that the response cannot have, at the line of the program; the request stays unanswered", function()
    with(function(_, session, pdu)
      local function error_of(...)
        local arguments = { n = select("#", ...), ... }
        local ok, message = pcall(function() session:answer(pdu, arguments[1], arguments[2]) end)
        return ok and "answered" or message
      end
      local line = "^spec/session/incoming_spec.lua:%d+: "
      assert.matches(line .. "mesage_id: no such parameter or TLV in submit_sm_resp; did you mean message_id%?", error_of { mesage_id = "1" })
      assert.matches(line .. "unknown command_status 'ESME_RTROTTLED'; did you mean ESME_RTHROTTLED%?", error_of(nil, "ESME_RTROTTLED"))
      assert.matches(line .. "command_status: expected a name or a number, got a table", error_of(nil, {}))
      assert.is_true(session:is_answerable(pdu))
      assert.equal("answered", error_of { message_id = "7" })
      return nil
    end, {}, function(w, mc)
      local got = {}
      submit(w, "a", got)
      w.sleep(1)
      assert.same({ "a 7" }, got)
      assert.same({}, mc:all "on_error")
    end)
  end)

  it("reports a result that the response cannot have as a failure of the handler", function()
    with(function(text)
      if text == "field" then return { mesage_id = "1" } end
      return nil, "ESME_RTROTTLED"
    end, {}, function(w, mc)
      local got = {}
      submit(w, "field", got)
      submit(w, "status", got)
      w.sleep(1)
      assert.same({ "field ESME_RSYSERR", "status ESME_RSYSERR" }, got)
      local errors = mc:all "on_error"
      assert.matches("cannot answer submit_sm: mesage_id: no such parameter or TLV in submit_sm_resp; did you mean message_id%?", errors[1][2])
      assert.matches("cannot answer submit_sm: unknown command_status 'ESME_RTROTTLED'; did you mean ESME_RTHROTTLED%?", errors[2][2])
    end)
  end)

  it("acknowledges the request of a task, of its own session only", function()
    local co
    with(function()
      co = task.current()
      task.wait()
    end, {}, function(w)
      local got = {}
      submit(w, "x", got)
      w.sleep(1)
      w.esme:acknowledge(co) -- a handler of another session
      w.sleep(1)
      assert.same({}, got)
      w.mc:acknowledge(co)
      w.sleep(1)
      assert.same({ "x " }, got)
      task.wake(co)
      w.sleep(0)
    end)
  end)

  it("refuses above the load that all sessions of an owner may have", function()
    local load = { count = 0, limit = 2 }
    with(function() task.wait() end, { load = load, answer_timeout_s = 5 }, function(w)
      local got = {}
      for i = 1, 3 do submit(w, tostring(i), got) end
      w.sleep(1)
      assert.same({ "3 ESME_RTHROTTLED" }, got)
      assert.equal(2, load.count)
      w.sleep(10)
      assert.equal(0, load.count)
    end)
  end)
end)

describe("smpp.session.incoming: a handler that hands its work to another task", function()
  it("and is woken by that at once gets its own answer, as do those behind it, and nothing is left of it", function()
    local worker, jobs = nil, {}
    task.spawn(function()
      worker = task.current()
      while true do
        task.wait()
        while jobs[1] do
          local job = table.remove(jobs, 1)
          task.wake(job.token, "done " .. job.text)
        end
      end
    end)
    with(function(text)
      if text:find "^plain" then return text end
      jobs[#jobs + 1] = { token = task.current(), text = text }
      task.wake(worker)
      return task.wait()
    end, { answer_timeout_s = 5 }, function(w, mc)
      local got = {}
      for _, text in ipairs { "1", "2", "plain 3", "4" } do submit(w, text, got) end
      w.sleep(1)
      table.sort(got)
      assert.same({ "1 done 1", "2 done 2", "4 done 4", "plain 3 plain 3" }, got)
      assert.equal(0, w.mc.incoming.pending)
      w.sleep(10)
      assert.same({}, mc:all "on_error")
    end)
  end)
end)

describe("smpp.session.incoming: the short way of a result", function()
  -- What a handler does with a request, by the first letter of its text.
  local HANDLERS = {
    i = function(text) return text end,
    t = function() return true end,
    n = function() end,
    l = function() return ("x"):rep(70) end, -- too long a message_id
    r = function() return nil, "ESME_RTHROTTLED" end,
    u = function() return nil, "ESME_RNOSUCH" end,
    o = function() return nil, 0 end,
    f = function(text) return { message_id = text } end,
    m = function() return { mesage_id = "1" } end,
    w = function() return 42 end,
    e = function() error "on purpose" end,
    a = function(text, session, pdu)
      session:answer(pdu, "before " .. text)
      return text
    end,
    d = function(text, session, pdu)
      session.loop:defer(function() session:answer(pdu, "after " .. text) end)
      return incoming.LATER
    end,
    s = function(text, session)
      local token = task.current()
      session.loop:defer(function() task.wake(token) end)
      task.wait()
      return text
    end,
  }
  local LETTERS = {}
  for letter in pairs(HANDLERS) do LETTERS[#LETTERS + 1] = letter end
  table.sort(LETTERS)

  --- The responses, and the errors of the owner, of submit_sm with these texts.
  local function outcome(texts)
    local got, errors = {}, nil
    with(function(text, ...) return HANDLERS[text:sub(1, 1)](text, ...) end, {}, function(w, mc)
      for _, text in ipairs(texts) do submit(w, text, got) end
      w.sleep(1)
      errors = mc:all "on_error"
      assert.equal(0, w.mc.incoming.pending)
      assert.equal(0, w.mc:unanswered())
    end)
    for i, call in ipairs(errors) do errors[i] = call[2]:match "[^\n]+" end
    return { got, errors }
  end

  it("ends a request as the long way does", function()
    local methods = debug.getmetatable(require("smpp.codec").codec.session { role = "mc", now = 0 }).__index
    local accept, calls = methods.accept, 0
    local ok, err = pcall(property.holds, 60, function(random, case)
      for i = 1, random(30) do case[i] = LETTERS[random(#LETTERS)] .. i end
      function methods.accept(...)
        calls = calls + 1
        return accept(...)
      end
      local short = outcome(case)
      function methods.accept() return false end
      assert.same(outcome(case), short)
    end)
    methods.accept = accept
    if not ok then error(err, 0) end
    assert.is_true(calls > 60)
  end)
end)
