local fields = require "smpp.http.fields"
local json = require "smpp.codec.json"
local openapi = require "smpp.http.openapi"

local ROWS = { { "name", fields.string(10, 1), "a name", required = true }, { "count", fields.number(1, 5, true), "how many" }, { "how", fields.one_of { "a", "b" }, "the way" } }

describe("smpp.http.openapi", function()
  it("makes the schema of a body from its rows", function()
    assert.equal('{"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":10,"description":"a name"},'
      .. '"count":{"type":"integer","minimum":1,"maximum":5,"description":"how many"},"how":{"enum":["a","b"],"description":"the way"}},'
      .. '"required":["name"],"additionalProperties":false}', json.encode(openapi.body(ROWS)))
  end)

  it("makes parameters from the rows of a query", function()
    assert.equal('{"name":"count","in":"query","description":"how many","schema":{"type":"integer","minimum":1,"maximum":5}}',
      json.encode(openapi.parameters(ROWS)[2]))
  end)
end)
