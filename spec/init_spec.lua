local other_lua = require "spec.support.other_lua"
local smpp = require "smpp"

describe("smpp", function()
  it("has what the guides call", function()
    for _, name in ipairs {
      "decode", "encode", "declare_tlv", "explain", "status", "tracker", "reassembly", "run", "spawn", "sleep", "each", "pcall", "connect", "open",
      "pool", "listen_outbind", "server", "simulator",
    } do assert.is_function(smpp[name], name) end
    for _, name in ipairs { "none", "text", "udh", "receipt", "timestamp", "address", "profile", "loop", "trace", "capture" } do assert.is_table(smpp[name], name) end
    assert.matches("^%d+%.%d+%.%d+$", smpp._VERSION)
    assert.is_nil(smpp.nonsense)
  end)

  it("gives the same value each time, and that of its module", function()
    assert.equal(smpp.connect, smpp.connect)
    assert.equal(require("smpp.client").connect, smpp.connect)
    assert.equal(require "smpp.text", smpp.text)
  end)

  it("loads luv when a loop is needed, not before", function()
    local output = other_lua [[
      local smpp = require "smpp"
      assert(smpp.encode { command = "enquire_link" })
      assert(smpp.text.split "Hello")
      assert(smpp.receipt.parse "id:1 stat:DELIVRD")
      print(package.loaded.luv, package.loaded["smpp.client"])
      smpp.run(function() end)
      print(type(package.loaded.luv))]]
    assert.equal("nil\tnil\n", (output:match "^[^\n]*\n"))
    assert.matches("\ntable\n$", output)
  end)
end)
