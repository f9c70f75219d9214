local fields = require "smpp.store.valkey_fields"

describe("smpp.store.valkey_fields", function()
  it("writes each type of value, and reads it back", function()
    local record = { key = "k", text = "s\0\r\n", number = 0.1, whole = 2 ^ 53, yes = true, no = false, list = { 1, { a = "b" } } }
    local words = { "before" }
    local n = fields.put(words, 1, record)
    assert.equal(7, words[2])
    assert.equal(2 + 2 * 7, n)
    local list = {}
    for i = 3, n do list[#list + 1] = words[i] end
    assert.same(record, fields.record(list))
    assert.equal(2, fields.put({}, 1, nil))
  end)

  it("shows the serial, and neither size nor place", function()
    assert.same({ serial = 7, key = "k" }, fields.record { "#", "7", "%", "300", "@", "work:r", "@home", "m:a 1", "key", "sk" })
  end)
end)
