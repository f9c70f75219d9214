local core = require "smpp.core"

describe("bind_shared.c", function()
  it("suggests the name that looks most like it, the first in the alphabet of several", function()
    local names = { window = true, windows = true, port = true, [1] = true, [("w"):rep(60)] = true }
    assert.equal("window", core.suggest("widnow", names))
    assert.equal("window", core.suggest("windo", names))
    assert.is_nil(core.suggest("something_else", names))
    assert.is_nil(core.suggest(("w"):rep(60), names))
    assert.is_nil(core.suggest("x", {}))
  end)

  it("takes whole numbers of 32 bits, and nothing else", function()
    for _, wrong in ipairs { -1, 0.5, 4294967296, math.huge, 0 / 0, "4", true } do
      assert.is_false((pcall(core.protocol.status, wrong == "4" and {} or wrong)), tostring(wrong))
    end
    assert.is_nil(core.protocol.status(4294967295))
    assert.equal("ESME_RTHROTTLED", core.protocol.status(88).name)
  end)

  it("says where a text cannot be encoded, and why", function()
    assert.same({ nil, "character 2 (U+20AC, €) cannot be written in latin1", "unmappable" }, { core.text.encode("5€", "latin1") })
    assert.same({ nil, "malformed UTF-8 at octet 2", "bad_value" }, { core.text.encode("a\255", "gsm7") })
    assert.same({ nil, "unknown national language table for gsm7", "unknown_field" }, { core.text.encode("a", "gsm7", 99) })
    assert.equal("character 1 (U+0001) cannot be written in gsm7", (select(2, core.text.encode("\1", "gsm7"))))
  end)
end)
