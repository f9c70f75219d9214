local json = require "smpp.codec.json"
local output = require "smpp.cli.conformance_output"

local function report()
  local pdu = { command = "submit_sm_resp", command_status = 8, hex = "00" }
  return {
    peer = { url = "smpp://a<b@c" }, summary = { pass = 1, fail = 1, warn = 1, skip = 1 },
    cases = {
      { id = "a.pass", section = "3.4 1", level = "MUST", outcome = "pass", why = "W.", pdus = {}, seconds = 1 },
      { id = "a.fail", section = "3.4 1", level = "MUST", outcome = "fail", why = "W & Y.", detail = "<no>\27", pdus = { { t_s = 0.5, from = "a", to = "b", pdu = pdu } }, seconds = 0 },
      { id = "a.warn", section = "3.4 1", level = "SHOULD", outcome = "warn", why = "W.", detail = "odd", pdus = {}, seconds = 0 },
      { id = "a.skip", section = "3.4 1", level = "MUST", outcome = "skip", why = "W.", detail = "needs --submit-to", pdus = json.list {}, seconds = 0 },
    },
  }
end

describe("smpp.cli.conformance_output", function()
  it("writes XML and a page, with what others said escaped", function()
    local xml, html = output.junit(report()), output.html(report())
    assert.truthy(xml:find('tests="4" failures="1" skipped="1" time="1"', 1, true))
    assert.truthy(xml:find('<system-out>warning: odd</system-out>', 1, true))
    for _, text in ipairs { xml, html } do
      assert.truthy(text:find("&lt;no&gt;", 1, true))
      assert.truthy(text:find("W &amp; Y.", 1, true))
      assert.is_nil(text:find("\27", 1, true))
    end
    assert.truthy(html:find("smpp://a&lt;b@c", 1, true))
    assert.truthy(html:find("submit_sm_resp status 0x08", 1, true))
  end)
end)
