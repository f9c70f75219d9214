local errors = require "smpp.transport.tls_error"

local LEAF = {
  cn = "x", subject = "CN=x", issuer = "CN=Root,O=Y", issuer_cn = "Root", names = { dns = { "x.example" }, ip = { "192.0.2.1" } },
  not_before = 1577836800, not_after = 1609459200, pin = "sha256/P", key_type = "RSA", key_bits = 1024, signature = "sha1WithRSAEncryption",
}

--- A connection of smpp.openssl that says this of itself.
local function connection(o)
  return {
    failure = function() return (table.unpack or unpack)(o.failure or {}) end,
    alerts = function() return o.alert, o.alert_name end,
    info = function() return { cert_requested = o.asked } end,
  }
end

describe("smpp.transport.tls_error", function()
  it("says why a chain is refused, and what to do", function()
    for number, expected in pairs {
      [10] = "certificate of h expired on 2021-01-01", [9] = "certificate of h is not valid before 2020-01-01 (is the clock right?)",
      [62] = "certificate of h is for x.example, 192.0.2.1, not h", [64] = "certificate of h is for x.example, 192.0.2.1, not h",
      [18] = 'certificate of h is self-signed: give ca = FILE or pin = "sha256/P"',
      [20] = "certificate of h is issued by 'Root', an authority this system does not know: give ca = FILE",
      [66] = "certificate of h has a key that is too weak: RSA 1024 bits, sha1WithRSAEncryption", [99] = "certificate of h refused: words",
    } do
      assert.equal(expected, errors.of_chain("h", number, "words", 0, LEAF))
    end
    assert.equal("certificate of 'x', in the chain of h, expired on 2021-01-01", errors.of_chain("h", 10, "", 1, LEAF))
    assert.equal("certificate of h refused: words", errors.of_chain("h", 1, "words", 0, nil))
  end)

  it("says what a peer's alert means", function()
    local function of(o, where)
      where = where or {}
      where.host = "h"
      return errors.of_connection(where, connection(o), o.word or "alert", o.reason)
    end
    assert.equal("h asks for a client certificate: give cert and key", of { alert = 116, asked = true })
    assert.equal("h asks for a client certificate: give cert and key", of { alert = 40, asked = true })
    assert.equal("h refused the TLS handshake: handshake failure", of { alert = 40, alert_name = "handshake failure" })
    assert.equal("h refused our certificate: certificate expired", of({ alert = 45, asked = true }, { has_certificate = true }))
    assert.equal("no common TLS version: ours 1.3, refused by h", of({ alert = 70 }, { versions = "1.3" }))
    assert.equal("h:8775 speaks no TLS (is 2775 the plain port?)", of({ word = "plain" }, { port = 8775 }))
    assert.equal("plain SMPP on the TLS port", of({ word = "plain" }, { is_server = true }))
    assert.equal("h closed the connection during the TLS handshake", of { word = "closed" })
    assert.equal("malformed TLS from h: bad record", of { word = "protocol", reason = "bad record" })
    assert.equal("h gave no client certificate", of({ word = "protocol", reason = "peer did not return a certificate" }, { is_server = true }))
    assert.equal("certificate of h expired on 2021-01-01", of { word = "verify", failure = { 10, "", 0, LEAF } })
  end)
end)
