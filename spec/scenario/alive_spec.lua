local scenarios = require "spec.support.scenarios"
local smpp = require "smpp"
local task = require "smpp.base.task"

local fails, on_both = scenarios.fails, scenarios.passes_on_both

--- Fails in this way on both clocks, long before the wait is over.
local function fails_at_once(kind, pattern, fn, line)
  return function()
    for _, virtual in ipairs { true, false } do fails(kind, pattern, fn, { virtual = virtual, limit_s = 10 }, line) end
  end
end

describe("smpp.scenario.alive: a wait that nothing can end", function()
  it("fails when the only client is refused", fails_at_once("expect", "nothing can come any more: esme is not bound: .*ESME_RINVPASWD", function(t)
    local smsc = t:smsc { accounts = { me = "secret" } }
    t:esme { smsc, "me:wrong" }
    smsc:expect("bind"):answer()
    smsc:expect("submit_sm", {}, { within_s = 20 })
  end, 4))

  it("fails beside a simulator, which connects to nobody", fails_at_once("expect", "nothing can come any more: esme is closed", function(t)
    local smsc = t:smsc { bind = true }
    t:sim {}
    local esme = t:esme { smsc, "me:secret" }
    esme:connected()
    esme:close()
    smsc:expect("submit_sm", {}, { within_s = 20 })
  end, 6))

  it("fails when it is closed", fails_at_once("expect", "nothing can come any more: esme is closed", function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret" }
    esme:connected()
    esme:close()
    smsc:expect_all { { "submit_sm" }, { "query_sm" }, within_s = 20 }
  end, 5))

  it("fails when it closes meanwhile", fails_at_once("expect", "nothing can come any more: the connection of esme has ended %(%l+%)", function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret", scripted = true }
    esme:bind()
    t:go(function()
      t:pause(0.2)
      esme:reset()
    end)
    smsc:expect("submit_sm", {}, { within_s = 20 })
  end, 8))

  it("fails when the connection that is asked has ended", fails_at_once("expect", "nothing can come any more: its connection has ended", function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret" }
    esme:connected()
    local session = smsc:session(1)
    session:reset()
    session:expect("submit_sm", {}, { within_s = 20 })
  end, 6))

  it("fails when a scripted ESME has lost its connection", fails_at_once("expect", "its connection has ended", function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret", scripted = true }
    esme:bind()
    smsc:session(1):reset()
    esme:expect("deliver_sm", {}, { within_s = 20 })
  end, 5))

  it("is no failure of what is optional", on_both(function(t)
    local smsc = t:smsc { accounts = { me = "secret" } }
    t:esme { smsc, "me:wrong" }
    smsc:expect("bind"):answer()
    t:check(smsc:expect("submit_sm", {}, { within_s = 20, optional = true }) == nil)
    t:check(t:now() < 1)
  end))

  it("is not one while another task of the script may do something", on_both(function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret" }
    esme:connected()
    esme:close()
    t:go(function()
      t:pause(0.6)
      t:esme({ smsc, "me:secret", scripted = true }):bind()
    end)
    t:go(function() t:pause(0.5) end):result()
    smsc:expect("bind", {}, { within_s = 5 }):answer()
  end))

  it("is not one while the script has a client of its own", on_both(function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret" }
    esme:connected()
    esme:close()
    local own = assert(smpp.connect(smsc.url()))
    own:submit_sm({ destination_addr = "1" }, function() end)
    smsc:expect("submit_sm"):answer()
    own:close()
  end))

  it("fails when tasks wait for each other", fails_at_once("limit", "a deadlock: tasks wait for each other's results", function(t)
    local one
    local two = t:go(function()
      t:pause(0.1)
      one:result()
    end)
    one = t:go(function() two:result() end)
    two:result()
  end, 4))

  it("says what the script has left undone", function()
    fails("limit", "not finished within 2 s: submit_sm #2 came to smsc, and no expect takes it", function(t)
      local smsc = t:smsc { bind = true }
      t:esme({ smsc, "me:secret" }):send { to = "+491761234567", text = "Hello" }
    end, { limit_s = 2 }, 2)
    fails("limit", "the task of line %d+ has not ended within 1 s: submit_sm #2, which line %d+ took, is not answered", function(t)
      local smsc = t:smsc { bind = true }
      local esme = t:esme { smsc, "me:secret" }
      local sent = t:go(function() return esme:send { to = "+491761234567", text = "Hello" } end)
      smsc:expect("submit_sm")
      sent:result(1)
    end, nil, 5)
  end)

  it("fails in virtual time when no event is left", function()
    local result = scenarios.run(function(t)
      t:pause(3600)
      task.wait {}
    end)
    assert.same({ "limit", "a deadlock: no event is left that could end this wait", 3600 },
      { result.failure.kind, result.failure.message, result.duration_s })
  end)

  it("fails in virtual time at the limit when events go on for ever", function()
    local result = scenarios.run(function(t)
      local smsc = t:smsc { bind = true }
      t:esme { smsc, "me:secret", enquire_link_s = 60 }:connected()
      task.wait {}
    end, { limit_s = 7200 })
    assert.same({ "limit", "not finished within 7200 s", 7200 }, { result.failure.kind, result.failure.message, result.duration_s })
  end)
end)
