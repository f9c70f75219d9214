local has_openssl, openssl = pcall(require, "smpp.openssl")

if not has_openssl then
  describe("bind_context", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local CERT, KEY = openssl.self_signed("mc", "DNS:mc.example,DNS:*.wild.example,IP:127.0.0.1", 30)

describe("bind_context: a context", function()
  it("says what is wrong with a certificate or key", function()
    local context = openssl.context "server"
    local _, other_key = openssl.self_signed("x", "DNS:x", 1)
    local function word(...) return (select(3, context:certificate(...))) end
    assert.equal("cert", word("junk", KEY))
    assert.equal("cert", word(CERT .. "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", KEY))
    assert.equal("key", word(CERT, "junk"))
    assert.equal("mismatch", word(CERT, other_key))
  end)

  it("refuses versions the wrong way round, and ciphers that do not exist", function()
    local context = openssl.context "client"
    assert.equal("bad_value", (select(3, context:versions("1.3", "1.2"))))
    assert.equal("bad_value", (select(3, context:ciphers("NOTHING"))))
    assert.is_true(context:ciphers("ECDHE+AESGCM", "TLS_AES_128_GCM_SHA256"))
  end)
end)
