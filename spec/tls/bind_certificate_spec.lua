local has_openssl, openssl = pcall(require, "smpp.openssl")

if not has_openssl then
  describe("bind_certificate", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local CERT = openssl.self_signed("mc", "DNS:mc.example,DNS:*.wild.example,IP:127.0.0.1", 30)

describe("bind_certificate: certificates", function()
  it("describes a certificate", function()
    local list = assert(openssl.certificates(CERT))
    local certificate = list[1]
    assert.equal(1, #list)
    assert.same({ "CN=mc", "CN=mc", "mc", true, "EC", 256 }, { certificate.subject, certificate.issuer, certificate.cn,
      certificate.self_signed, certificate.key_type, certificate.key_bits })
    assert.same({ dns = { "mc.example", "*.wild.example" }, ip = { "127.0.0.1" }, email = {}, uri = {} }, certificate.names)
    assert.equal(30 * 86400 + 300, certificate.not_after - certificate.not_before)
    assert.is_truthy(certificate.pin:find "^sha256/[%w+/]+=$")
    assert.equal(64, #certificate.fingerprint)
  end)

  it("refuses what holds none", function()
    assert.same({ "malformed" }, { (select(3, openssl.certificates "")) })
  end)
end)
