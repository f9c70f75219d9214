local body = require "smpp.http.body"
local fields = require "smpp.http.fields"

local ROWS = { { "name", fields.string(3), "a name", required = true }, { "count", fields.number(1, 9), "a number" } }

local function read(octets, o)
  o = o or {}
  local values, refused = body.read({ body = octets, headers = { ["content-type"] = o.type or "application/json" } }, ROWS, o.optional)
  if values then return values end
  return refused.status, refused.body:match '"code":"([^"]*)"', refused.body:match '"field":"([^"]*)"'
end

describe("smpp.http.body", function()
  it("is one object of JSON, read by its rows", function()
    assert.same({ name = "a", count = 2 }, read '{"name":"a","count":2}')
    assert.same({ name = "a" }, read('{"name":"a"}', { type = "Application/JSON; charset=utf-8" }))
    assert.same({ 415, "unsupported_media_type" }, { read('{"name":"a"}', { type = "text/plain" }) })
    assert.same({ 400, "malformed_json" }, { read '{"name":' })
    assert.same({ 400, "malformed_json" }, { read '["name"]' })
    assert.same({ 400, "malformed_json" }, { read "" })
    assert.same({ 400, "missing", "name" }, { read("", { optional = true }) })
    assert.same({ 400, "bad_value", "name" }, { read '{"name":"abcd"}' })
    assert.same({ 400, "unknown_field", "nmae" }, { read '{"name":"a","nmae":1}' })
    local _, refused = body.read({ body = '{"count":0}', headers = { ["content-type"] = "application/json" } }, ROWS)
    assert.matches('"errors":%[{"field":"name".*"field":"count"', refused.body)
  end)

  it("says which type came instead of JSON, as much of it as is shown", function()
    local function words(type) return (body.not_json { headers = { ["content-type"] = type } }).body:match '"detail":"(.-)","code"' end
    assert.equal('expected Content-Type: application/json, got \\"text/plain\\"', words "text/plain")
    assert.equal("expected Content-Type: application/json, got none", words(nil))
    assert.is_true(#words(("x"):rep(5000)) < 200)
  end)
end)
