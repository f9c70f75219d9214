local fields = require "smpp.http.fields"
local json = require "smpp.http.json"

describe("smpp.http.fields", function()
  local ROWS = {
    { "name", fields.string(3, 1), "a name", required = true },
    { "flag", fields.boolean, "a flag" },
    { "count", fields.number(1, 5, true), "how many" },
    { "at", fields.time, "when" },
    { "how", fields.one_of { true, false, "some" }, "how" },
    { "data", fields.data, "octets" },
  }

  it("reads what is valid", function()
    local values, faults = fields.check(ROWS, json.read
      '{"name":"äöü","flag":false,"count":5,"at":"1970-01-01T01:00:00.5+01:00","how":"some","data":"AP8="}')
    assert.same({ name = "äöü", flag = false, count = 5, at = 0.5, how = "some", data = "\0\255" }, values)
    assert.same({}, faults)
  end)

  it("names every fault: field, code, what was expected and what came", function()
    local _, faults = fields.check(ROWS, json.read '{"flag":"true","count":1.5,"at":"yesterday","how":null,"data":"AP9=","namee":1}')
    local list = {}
    for i, fault in ipairs(faults) do list[i] = fault.field .. " " .. fault.code end
    assert.same({ "name missing", "flag bad_value", "count bad_value", "at bad_value", "data bad_value", "namee unknown_field" }, list)
    assert.equal('expected true or false, got "true"', faults[2].detail)
    assert.equal("expected an integer from 1 to 5, got 1.5", faults[3].detail)
    assert.equal("unknown field; did you mean 'name'?", faults[6].detail)
    _, faults = fields.check(ROWS, json.read '{"name":[],"count":{},"how":"none"}')
    assert.equal("expected a string of 1 to 3 characters, got a list", faults[1].detail)
    assert.equal("expected an integer from 1 to 5, got an object", faults[2].detail)
    assert.equal('expected one of true, false, "some", got "none"', faults[3].detail)
  end)

  it("reads and writes times", function()
    for text, unix in pairs {
      ["1970-01-01T00:00:00Z"] = 0, ["2026-02-28T23:59:59.250Z"] = 1772323199.25, ["2024-02-29t00:00:00z"] = 1709164800, ["2000-03-01T00:00:00-00:30"] = 951870600,
      ["1999-12-31T23:59:60Z"] = 946684800,
    } do
      assert.equal(unix, fields.unix(text), text)
    end
    for _, text in ipairs { "", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z",
      "2026-01-01T00:00:00+1", "2026-01-01T00:00:00+24:00", "2026-01-01 00:00:00Z", "2026-1-1T0:0:0Z" } do
      assert.is_nil(fields.unix(text), text)
    end
    assert.equal("2026-02-28T23:59:59.250Z", fields.time_text(1772323199.25))
    assert.equal("1970-01-01T00:00:01.000Z", fields.time_text(0.9999))
    assert.is_nil(fields.time_text(nil))
  end)

  it("reads and writes base64 as RFC 4648 has it", function()
    for octets, text in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==", fooba = "Zm9vYmE=", foobar = "Zm9vYmFy" } do
      assert.equal(text, fields.base64(octets))
      assert.equal(octets, fields.unbase64(text))
    end
    for _, text in ipairs { "Z", "Zg", "Zg=", "Zg===", "Zh==", "Z=g=", "Zm9_", " Zg==", "Zg==\n" } do assert.is_nil(fields.unbase64(text), text) end
  end)
end)
