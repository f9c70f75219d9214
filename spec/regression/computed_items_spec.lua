-- Strings that a metamethod made for an item of a list were gone before they were written.
local smpp = require "smpp"

local function computed(make) return setmetatable({}, { __index = function(_, key) return make(key) end }) end

describe("items of lists", function()
  it("are plain tables, as all that is sent: nothing is computed", function()
    local called = false
    local item = computed(function(key)
      called = true
      return key .. tostring({}) .. ("x"):rep(100)
    end)
    for _, name in ipairs { "dest_address", "unsuccess_sme", "tlvs" } do
      local octets, message, code = smpp.encode {
        command = name == "unsuccess_sme" and "submit_multi_resp" or "submit_multi", [name] = { item },
      }
      assert.is_nil(octets)
      assert.equal("bad_value", code)
      assert.truthy(message:find(name, 1, true))
    end
    assert.is_false(called)
  end)

  it("name an address or a list", function()
    for _, item in ipairs { {}, { dest_addr_ton = 1 } } do
      assert.equal("bad_value", (select(3, smpp.encode { command = "submit_multi", dest_address = { item } })))
    end
    assert(smpp.encode { command = "submit_multi", dest_address = { { destination_addr = "" }, { dl_name = "" } } })
  end)
end)
