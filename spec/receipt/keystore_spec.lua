local core = require "smpp.core"
local keystore = require "smpp.receipt.keystore"
local tracker = require "smpp.receipt.tracker"

describe("smpp.receipt.keystore", function()
  it("is what the C map is, and a table with its methods", function()
    assert.is_nil(keystore.wrong(core.map.new()))
    local store = {}
    for _, method in ipairs { "get", "put", "delete", "expire", "next_expiry", "count" } do
      assert.equal(("invalid key store: missing method '%s'"):format(method), keystore.wrong(store))
      store[method] = function() end
    end
    assert.is_nil(keystore.wrong(store))
    assert.equal("expected a key store, got a number", keystore.wrong(1))
  end)

  it("is checked by a tracker", function()
    assert.error_matches(function() tracker.new { store = {} } end, "invalid key store: missing method 'get'")
  end)
end)
