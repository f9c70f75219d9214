local scenarios = require "spec.support.scenarios"
local world = require "smpp.scenario.world"

local load_text = rawget(_G, "loadstring") or load

describe("smpp.scenario.world", function()
  it("suggests the method that was meant", function()
    scenarios.fails("raised", "^attempt to call a nil value %(method 'expct'%); did you mean 'expect'%?$", function(t) t:smsc():expct "submit_sm" end)
    scenarios.fails("raised", "pase.*did you mean 'pause'%?", function(t) t:pase(1) end)
    scenarios.fails("raised", "method 'qqqqqqqq'[^;]*$", function(t) t:qqqqqqqq() end)
  end)

  it("finds the innermost line of the script's own file, and helpers elsewhere", function()
    local helper = load_text("return function(t) t:fail 'x' end", "@helper.lua")()
    local failure = scenarios.fails("check", "^x$", function(t)
      local function inner() helper(t) end
      inner()
    end, nil, 1)
    assert.same({ "helper.lua:1" }, failure.via)
    assert.is_nil((world.locate "@nowhere.lua"))
  end)

  it("names the line of the `go` where a tail call has left none", function()
    scenarios.fails("expect", "nothing came", function(t)
      local smsc = t:smsc()
      t:go(function() return smsc:expect("submit_sm", { within_s = 1 }) end)
      t:pause(5)
    end, nil, 2)
  end)

  it("keeps the first failure, and drops what the script does after it", function()
    local after = 0
    scenarios.fails("check", "first", function(t)
      t:go(function()
        t:pause(1)
        t:fail "first"
      end)
      t:go(function()
        t:pause(1)
        t:fail "second"
      end)
      t:pause(10)
      after = after + 1
    end, nil, 3)
    assert.equal(0, after)
  end)

  it("lets nobody go on who catches a failure", function()
    local smpp = require "smpp"
    scenarios.fails("check", "caught", function(t)
      smpp.pcall(function() t:fail "caught" end)
      t:pause(1)
    end, nil, 1)
  end)

  it("shows what other expects wait, and the last PDUs", function()
    local failure = scenarios.fails("expect", "expected query_sm, got submit_sm", function(t)
      local smsc = t:smsc { name = "mc", bind = true, unexpected = "ignore" }
      local other = t:smsc { name = "other" }
      t:go(function() other:expect "data_sm" end)
      local esme = t:esme { smsc, "me:x" }
      esme:connected()
      t:go(function() esme:submit_sm { destination_addr = "491" } end)
      t:pause(1)
      smsc:expect "query_sm"
    end, nil, 8)
    assert.same({ "other", "data_sm" }, { failure.waiting[1].actor, failure.waiting[1].command })
    assert.equal(3, #failure.pdus)
    assert.same({ "esme", "mc", "submit_sm" }, { failure.pdus[3].from, failure.pdus[3].to, failure.pdus[3].pdu.command })
    assert.equal("submit_sm", failure.nearest.pdu.command)
  end)

  it("refuses names that are taken, and those that are none", function()
    scenarios.fails("script", "two actors are called 'smsc'", function(t)
      t:smsc()
      t:smsc { name = "smsc" }
    end)
    scenarios.fails("script", "name: expected", function(t) t:smsc { name = "a b" } end)
    scenarios.passes(function(t) t:equal({ t:smsc().name, t:smsc().name, t:smsc().name }, { "smsc", "smsc2", "smsc3" }) end)()
  end)
end)
