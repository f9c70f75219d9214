local dkjson = require "dkjson"
local records = require "smpp.gateway.records"

describe("smpp.gateway.records", function()
  it("write one object of JSON per line, whatever the texts have", function()
    local line = records.line {
      id = "1", account = "a\"b\\c\n", from = "Sh\1\228p", to = "+49", submitted = 1.5, done = 2, state = "DELIVERED", charged = 0.05, maybe_twice = true, other = "x",
    }
    assert.equal("\n", line:sub(-1))
    local object = assert(dkjson.decode(line))
    assert.same({ "1", "a\"b\\c\n", "+49", 1.5, "DELIVERED", 0.05, true }, {
      object.id, object.account, object.to, object.submitted, object.state, object.charged, object.maybe_twice,
    })
    assert.is_nil(object.other)
    assert.truthy(line:find('^{"id":"1","account":'))
  end)

  it("go into a file whose name has the date, another each day", function()
    local path = os.tmpname()
    local one = records.new(path .. "-%Y%m%d")
    local record = { id = "1", system_id = "acme", source_addr = "1", destination_addr = "2", submitted = 0, charged = 2000000 }
    one:write(86400, record, "DELIVERED", {})
    one:write(86401, record, "REJECTED", { refund = true, err = "011", set = { carrier = "a" } })
    one:write(3 * 86400, record, "DELIVERED", {})
    one:close()
    local lines, names = 0, 0
    for _, day in ipairs { 86400, 3 * 86400 } do
      local name = os.date(path .. "-%Y%m%d", day)
      local file = assert(io.open(name))
      names = names + 1
      for line in file:lines() do
        lines = lines + 1
        local object = assert(dkjson.decode(line))
        assert.equal(object.state == "DELIVERED" and 2 or nil, object.charged)
        assert.equal("acme", object.account)
      end
      file:close()
      os.remove(name)
    end
    os.remove(path)
    assert.same({ 3, 2 }, { lines, names })
  end)

  it("are dropped where they cannot be written", function()
    local one = records.new "/nonexistent/folder/cdr"
    one:write(1, { id = "1" }, "DELIVERED", {})
    one:close()
  end)
end)
