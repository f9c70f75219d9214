local codec = require("smpp.codec").codec
local ids = require "smpp.gateway.ids"
local virtual = require "smpp.loop.virtual"

describe("smpp.gateway.ids", function()
  it("are new each time, also those of the next process", function()
    local loop = virtual.new { seed = 1 }
    local one, seen = ids.new(loop, 10, 60), {}
    for _ = 1, 1000 do
      local id = one:next(0x34)
      assert.is_nil(seen[id])
      seen[id] = true
    end
    assert.not_equal(one:next(0x33), one:next(0x33))
    assert.equal(8, #one:next(0x33))
  end)

  it("say where a message is, until they are too old or too many", function()
    local loop = virtual.new { seed = 1 }
    local one = ids.new(loop, 2, 60)
    local function remember(id, carrier_id, source, sent_source)
      local function view(fields) return (assert(codec.decode((assert(codec.encode(fields)))))) end
      one:remember(id, "telco", view { command = "submit_sm_resp", message_id = carrier_id }, "acme",
        view { command = "submit_sm", source_addr = source, destination_addr = "1" }, sent_source, loop:now())
    end
    remember("1", "x-1", "Shop", "777")
    assert.same({ carrier = "telco", carrier_id = "x-1", account = "acme", source = "Shop", sent_source = "777" }, one:get "1")
    assert.is_nil(one:get "2")
    remember("2", "", "")
    assert.same({ carrier = "telco", carrier_id = "", account = "acme", source = "", sent_source = "" }, one:get "2")
    remember("3", "3", "12")
    assert.equal("12", one:get("3").sent_source)
    assert.is_nil(one:get "1")
    local timer = loop:timer(function() end, true)
    timer:start(61)
    loop:run()
    assert.is_nil(one:get "3")
    timer:close()
  end)

  it("ask again for numbers that could not be lent", function()
    local loop, asked = virtual.new { seed = 1 }, 0
    local one = ids.new(loop, 2, 60)
    one:share(function() asked = asked + 1 end)
    one:lend(nil)
    assert.equal("z", one:next(0x34):sub(1, 1))
    assert.equal(2, asked)
    one:lend(nil)
    one:next(0x34)
    assert.equal(3, asked)
    one:lend(1, 1000)
    assert.equal("000000000000001", one:next(0x34):sub(1, 15))
  end)

  it("have the digits of their number, which is no other's, and random ones", function()
    local one = ids.new(virtual.new { seed = 1 }, 2, 60)
    one:share(function() end)
    for _, first in ipairs { 1, 1290, 46650, 2 ^ 53 - 5 } do
      one:lend(first, first + 9)
      for n = first, first + (first < 2 ^ 53 - 5 and 9 or 4) do
        local number = 0
        local id = one:next(0x34)
        for digit in id:sub(1, 15):gmatch "." do number = number * 36 + tonumber(digit, 36) end
        assert.equal(n, number)
        assert.matches("^[0-9a-z]+$", id)
        assert.equal(20, #id)
      end
      one.first, one.last, one.spare = 1, 0, nil
    end
  end)

  it("write and read handles", function()
    local handle = ids.handle("id", "acme", "Shop", 5, 0, "491", 1, 1, 17, 1700000000)
    assert.same({
      id = "id", account = "acme", source_addr = "Shop", source_addr_ton = 5, source_addr_npi = 0, destination_addr = "491", dest_addr_ton = 1,
      dest_addr_npi = 1, registered_delivery = 17, submitted = 1700000000, books = "",
    }, ids.read_handle(handle))
    assert.equal("", ids.read_handle(ids.handle("", "", "", 0, 0, "", 0, 0, 0, 0)).source_addr)
  end)
end)
