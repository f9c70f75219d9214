local core = require "smpp.core"
local keystore = require "smpp.receipt.keystore"
local tracker = require "smpp.receipt.tracker"

describe("smpp.receipt.keystore", function()
  it("is what the C map is, and a table with its methods", function()
    assert.is_nil(keystore.wrong(core.map.new()))
    local store = {}
    for _, method in ipairs { "get", "put", "delete", "expire", "next_expiry", "count" } do
      assert.equal(("a key store needs the method '%s'"):format(method), keystore.wrong(store))
      store[method] = function() end
    end
    assert.is_nil(keystore.wrong(store))
    assert.equal("a key store expected, got number", keystore.wrong(1))
  end)

  it("is checked by a tracker", function()
    assert.error_matches(function() tracker.new { store = {} } end, "a key store needs the method 'get'")
  end)
end)
