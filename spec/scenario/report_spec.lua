local json = require "smpp.codec.json"
local report = require "smpp.scenario.report"
local scenarios = require "spec.support.scenarios"

local function failing()
  return scenarios.run(function(t)
    local smsc = t:smsc { bind = true }
    local esme = t:esme { smsc, "me:secret", scripted = true, unexpected = "ignore" }
    esme:bind()
    esme:send("submit_sm", { destination_addr = "491", short_message = "\27[31m" })
    t:pause(0.25)
    smsc:expect("submit_sm", { destination_addr = "492" })
  end)
end

describe("smpp.scenario.report", function()
  it("has the keys of the JSON in their order, whole numbers without a fraction", function()
    local result = failing()
    result.wall_s = 0
    local line = json.encode(result)
    assert.truthy(line:find('^{"event":"scenario","file":"spec/scenario/report_spec.lua","name":"a scenario","line":6,"outcome":"fail",'
      .. '"clock":"virtual","seed":1,"run":1,"tags":%[%],"duration_s":0.25,"wall_s":0,"trace":"%x+","failure":{"kind":"expect","file":'), line)
    assert.truthy(line:find('"waiting":[],"pdus":[{"t_s":0,"from":"esme","to":"smsc","pdu":{', 1, true), line)
    assert.truthy(line:find('"differs":[{"field":"destination_addr","expected":"\\"492\\"","got":"\\"491\\""}]', 1, true), line)
    assert.is_nil(line:find("736563726574", 1, true)) -- the password
    assert.is_nil(line:find('"secret"', 1, true))
    assert.is_nil(line:find "%d%.0[,}]")
    assert.is_nil(line:find "0x%x%x%x%x%x")
  end)

  it("writes short times without an exponent", function()
    for seconds, expected in pairs { [0.000015] = 0, [0.00007] = 0.0001, [0.000123] = 0.000123 } do
      local result = scenarios.run(function(t) t:pause(seconds) end)
      assert.equal(expected, result.duration_s)
      assert.is_nil(json.encode(result):find '_s":[%d.]*e')
    end
  end)

  it("says it in words: line, expected fields, the nearest PDU, a ladder, the command", function()
    local text = report.text_of(failing())
    local lines = {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.equal('spec/scenario/report_spec.lua:12: expected submit_sm with destination_addr "492", got "491"', lines[1])
    assert.equal("  expected by smsc: submit_sm", lines[2])
    assert.truthy(text:find('destination_addr       expected "492"  came "491"', 1, true))
    assert.truthy(text:find("          s  smsc          esme\n      0.000  |<------------|  bind_transceiver", 1, true), text)
    assert.truthy(text:find("\n  again: smpp test spec/scenario/report_spec.lua --filter 'a scenario' --virtual --seed 1", 1, true))
    assert.is_nil(text:find("\27", 1, true))
  end)

  it("quotes what a shell would read", function()
    assert.equal("smpp test 'a b.lua' --filter 'it'\\''s' --seed 3", report.again({ file = "a b.lua", name = "it's" }, false, 3))
  end)
end)
