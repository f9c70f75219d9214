local kinds = require "smpp.store.kinds"

describe("smpp.store.kinds", function()
  it("knows which states are the last", function()
    for state, final in pairs {
      SCHEDULED = false, ENROUTE = false, DELIVERED = true, EXPIRED = true, DELETED = true, UNDELIVERABLE = true, ACCEPTED = true,
      UNKNOWN = true, REJECTED = true, SKIPPED = true,
    } do assert.equal(final, kinds.is_final(state)) end
  end)

  it("names each field once, and at most 255", function()
    local seen = {}
    for _, name in ipairs(kinds.names) do
      assert.is_nil(seen[name], name)
      seen[name] = true
    end
    assert.is_true(#kinds.names <= 255)
    for _, kind in pairs(kinds.kinds) do
      for _, group in pairs(kind.groups) do
        for _, field in ipairs(group.fields) do assert.is_true(seen[field], field) end
      end
    end
  end)
end)
