local core = require "smpp.core"
local fields = require "smpp.store.valkey_fields"
local kinds = require "smpp.store.kinds"

local codec = core.record(kinds.names)

describe("smpp.store.valkey_fields", function()
  it("reads what the head of a record says: key, state, serial, and an id that is the key", function()
    local function read(text) return fields.read("k", text) end
    assert.same({ key = "k", id = "k", state = "ENROUTE", serial = 7, at = 1 }, read("ENROUTE\ni7\n\n\n\n\n" .. codec.write { at = 1 }))
    assert.same({ key = "k", id = "o", state = "two\nlines", serial = 7 }, read("\n7\n5\nwrun\nhome\n9\n" .. codec.write { id = "o", state = "two\nlines" }))
    assert.same({ key = "k" }, read "\n\n\n\n\n\n")
  end)

  it("writes what is left of a message when it is final", function()
    local record = { key = "k", id = "k", state = "ENROUTE", octets = "x", sending = "a", held = true, schedule = 1, admitted = true, error = "1", done = 2, to = "49" }
    assert.same({ to = "49" }, codec.read(fields.write_rest(record)))
  end)

  it("writes commits with the ages of kinds", function()
    local octets, words = fields.committer(true) { { op = "add", kind = "id", record = { key = "k", since = 5.5 } } }
    assert.equal(5, words)
    assert.truthy(octets:find("\r\n$1\r\nk\r\n$1\r\n5\r\n", 1, true))
  end)

  it("raises for what is no record", function()
    assert.error_matches(function() fields.read("k", "text") end, "malformed record 'k'")
    assert.error_matches(function() fields.read("k", "\n\n\n\n\n\n\1") end, "malformed record 'k'")
  end)
end)
