local pins = require "smpp.transport.pin"

describe("smpp.transport.pin", function()
  local hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  local usual = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

  it("reads every way in which a pin is written", function()
    for _, text in ipairs {
      usual, "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha256/47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
      "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", hex, hex:upper(), "sha256/" .. hex, (hex:gsub("%x%x", "%0:"):sub(1, -2)),
    } do
      assert.equal(usual, pins.read(text), text)
    end
  end)

  it("refuses what is not 32 octets", function()
    for _, text in ipairs { "", "sha256/", "sha256/AAAA", hex:sub(3), hex .. "00", "sha1/" .. usual, usual .. "x", "sha256/" .. ("*"):rep(43) } do
      assert.is_nil(pins.read(text), text)
    end
  end)

  it("keeps the slash that a digest begins with", function()
    local pin = "sha256//" .. ("A"):rep(42) .. "="
    assert.equal(pin, pins.read(pin))
    assert.equal(pin, pins.read("sha256///" .. ("A"):rep(42) .. "="))
    assert.equal(pin, pins.read("/" .. ("A"):rep(42)))
  end)
end)
