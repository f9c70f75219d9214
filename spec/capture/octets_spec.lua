local octets = require "smpp.capture.octets"

describe("smpp.capture.octets", function()
  it("reads numbers of either byte order at a position", function()
    local s = "\255\1\2\254\128\0"
    assert.equal(0x0102, octets.be16(s, 2))
    assert.equal(0x0201, octets.le16(s, 2))
    assert.equal(0xFF0102FE, octets.be32(s, 1))
    assert.equal(0xFE0201FF, octets.le32(s, 1))
    assert.equal(0x80FE0201, octets.le32(s, 2))
  end)

  it("hands out a string piece by piece, nil at the end", function()
    local read = octets.source "abcdef"
    assert.same({ "ab", "cde", "f" }, { read(2), read(3), read(4) })
    assert.is_nil(read(1))
    assert.is_nil(octets.source ""(1))
  end)

  it("hands out what was read from a file already, then the file", function()
    local function file_of(text)
      local at = 1
      return { read = function(_, n)
        if at > #text then return nil end
        local piece = text:sub(at, at + n - 1)
        at = at + n
        return piece
      end }
    end
    local read = octets.source(file_of "defgh", "abc")
    assert.same({ "ab", "cde", "fgh" }, { read(2), read(3), read(9) })
    assert.is_nil(read(1))
    read = octets.source(file_of "", "abc")
    assert.equal("abc", read(9)) -- fewer than asked for: the end is behind them
    assert.is_nil(read(1))
    assert.equal("xy", octets.source(file_of "xyz")(2))
  end)
end)
