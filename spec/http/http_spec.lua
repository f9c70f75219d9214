local shell = require "spec.support.shell"

describe("http", function()
  local has, library = pcall(require, "smpp.libhttp")
  if not has then
    it("is not built", function() shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end)
    return
  end

  it("names the versions of its libraries", function()
    local server, client = library.version()
    assert.matches("^%d+%.%d+", server)
    assert.matches("^%d+%.%d+", client)
  end)

  it("hashes as RFC 4231 and FIPS 180 say", function()
    assert.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", library.hmac("Jefe", "what do ya want for nothing?"))
    assert.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      library.hmac(("\170"):rep(131), "Test Using Larger Than Block-Size Key - Hash Key First"))
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", library.sha256 "abc")
    assert.equal(32, #library.random(32))
    assert.not_equal(library.random(16), library.random(16))
    assert.has_error(function() library.random(65) end)
  end)
end)
