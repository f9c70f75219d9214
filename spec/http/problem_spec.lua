local json = require "smpp.codec.json"
local problem = require "smpp.http.problem"

describe("smpp.http.problem", function()
  it("writes documents in which status and code agree with the answer", function()
    local response = problem.new("bad_value", "expected a number", { field = "to/3", retry_after_s = 0.2, headers = { "Allow", "GET" } })
    assert.equal(400, response.status)
    assert.equal("application/problem+json", response.type)
    assert.same({ "Allow", "GET", "Retry-After", "1" }, response.headers)
    assert.same({
      type = "urn:smpp:bad_value", title = "Invalid value", status = 400, detail = "expected a number", code = "bad_value", field = "to/3",
    }, json.decode(response.body))
  end)

  it("takes a command_status as a code of 422, and further members", function()
    local response = problem.new("ESME_RINVDSTADR", "invalid destination", { more = { "id", "7" } })
    local document = json.decode(response.body)
    assert.same({ 422, "urn:smpp:ESME_RINVDSTADR", "7" }, { response.status, document.type, document.id })
  end)

  it("has a status and a title for each code", function()
    for code, row in pairs(problem.codes) do
      assert.is_true(row[1] >= 400 and row[1] <= 599, code)
      assert.is_true(#row[2] > 0, code)
    end
  end)
end)
