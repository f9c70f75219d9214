local fields = require "smpp.store.valkey_fields"

--- A record written and read: with a head as scripts write it.
local function again(key, record)
  record.key = key
  local state, same, octets = fields.write(record)
  return fields.read(key, state .. "\n" .. same .. "7\n\n\n\n\n" .. octets), octets
end

describe("smpp.store.valkey_fields", function()
  it("writes each type of value, and reads it back", function()
    local record = { text = "s\0\r\n", number = 0.1, whole = 2 ^ 53 - 1, yes = true, no = false, list = { 1, { a = "b" } }, serial = 7 }
    assert.same(record, (again("k", record)))
  end)

  it("leaves to the head what it says: key, state, and an id that is the key", function()
    for _, state in ipairs { "ENROUTE", "", "two\nlines", 5, false } do
      for _, id in ipairs { "k", "other", 7 } do
        assert.same({ key = "k", id = id, state = state, serial = 7, at = 1 }, (again("k", { id = id, state = state, at = 1 })))
      end
    end
    assert.same({ key = "k", serial = 7 }, (again("k", {})))
    assert.equal("", select(2, again("k", { id = "k", state = "ENROUTE" })))
  end)

  it("writes what a change sets, with the state apart", function()
    assert.same({ "", "" }, { fields.write_change(nil) })
    assert.same({ "=DELIVERED", "" }, { fields.write_change { state = "DELIVERED" } })
    local state, octets = fields.write_change { state = "\n", n = 1 }
    assert.equal("=", state)
    assert.same({ key = "k", state = "\n", n = 1 }, fields.read("k", "\n\n\n\n\n\n" .. octets))
  end)

  it("writes names", function()
    assert.equal("", fields.write_names {})
    for _ = 1, 2 do
      assert.same({ key = "k", sending = true, own = true }, fields.read("k", "\n\n\n\n\n\n" .. fields.write_names { "sending", "own" }))
    end
    for i = 1, 200 do fields.write_names { "name" .. i } end
    assert.equal("\0\199name200\128", fields.write_names { "name200" })
  end)

  it("raises for what is not plain data, and for what is no record", function()
    assert.error_matches(function() fields.write { key = "k", print = print } end, "invalid value")
    assert.error_matches(function() fields.read("k", "text") end, "malformed record 'k'")
    assert.error_matches(function() fields.read("k", "\n\n\n\n\n\n\1") end, "malformed record 'k'")
  end)
end)
