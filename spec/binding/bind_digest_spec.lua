local core = require "smpp.core"

describe("bind_digest: core.sha256", function()
  it("is SHA-256 in hexadecimal digits (FIPS 180-4, appendix B)", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", core.sha256 "abc")
    assert.equal("248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
      core.sha256 "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", core.sha256 "")
    assert.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", core.sha256(("a"):rep(1000000)))
  end)

  it("needs a string", function()
    assert.error_matches(function() core.sha256(nil) end, "string expected")
    assert.equal(core.sha256 "a\0b", core.sha256(("a\0b"):sub(1)))
  end)
end)
