local blocks = require "smpp.capture.blocks"

local function hex(octets) return (octets:gsub(".", function(octet) return ("%02x"):format(octet:byte()) end)) end

describe("smpp.capture.blocks", function()
  it("writes blocks whose length stands on both ends, a multiple of four", function()
    for _, block in ipairs {
      blocks.section(), blocks.interface(101), blocks.tls_keys "CLIENT_RANDOM x y\n",
      blocks.packet("12345", 1.5, {}), blocks.packet("123456", 1.5, { comment = "a", direction = "in" }),
    } do
      assert.equal(0, #block % 4)
      assert.equal(hex(block:sub(5, 8)), hex(block:sub(-4)))
      assert.equal(("%08x"):format(#block), hex(block:sub(-4)))
    end
  end)

  it("has times in microseconds, comments and directions", function()
    local block = blocks.packet("1234", 4294.967296 + 7, { comment = "abc", direction = "out" })
    assert.equal("00000006" .. "00000038" .. "00000000" .. "00000001" .. "006acfc0" .. "00000004" .. "00000004" .. hex "1234"
      .. "00010003" .. hex "abc" .. "00" .. "0002000400000002" .. "00000000" .. "00000038", hex(block))
  end)

  it("reads addresses of both families, and no names", function()
    assert.equal("7f000001", hex(blocks.address "127.0.0.1"))
    assert.equal(("00"):rep(15) .. "01", hex(blocks.address "::1"))
    assert.equal("20010db8" .. ("00"):rep(10) .. "0001", hex(blocks.address "2001:db8::1"))
    for _, host in ipairs { "256.1.1.1", "mc.example", "12345::" } do assert.is_nil(blocks.address(host), host) end
  end)
end)
