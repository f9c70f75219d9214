local version = require "smpp.codec.version"

describe("smpp.codec.version", function()
  it("knows a version in any of its forms", function()
    for octet, forms in pairs { [0x33] = { "3.3", 3.3, 0x33 }, [0x34] = { "3.4", 3.4, 0x34 }, [0x50] = { "5.0", 5, 5.0, 0x50 } } do
      for _, form in ipairs(forms) do
        assert.equal(octet, version.of(form))
        assert.is_true(version.kind.fits(form))
      end
    end
  end)

  it("refuses what is none", function()
    for _, form in ipairs { "3.5", 4, "5", true, {}, 0x35 } do
      assert.is_nil(version.of(form))
      assert.matches("^expected 3.3, 3.4 or 5.0, got ", version.kind.explain(form).message)
    end
  end)
end)
