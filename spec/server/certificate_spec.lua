local certificate = require "smpp.server.certificate"

local PIN = "sha256/" .. ("A"):rep(43) .. "="

describe("smpp.server.certificate", function()
  it("takes demands that are well-formed, one or several", function()
    for _, value in ipairs { "cn:acme", "dns:a.example", "sha256:" .. ("aB"):rep(32), "sha256:" .. ("ab:"):rep(31) .. "ab", "pin:" .. PIN, { "cn:a", "cn:b" } } do
      assert.is_true(certificate.kind.fits(value))
    end
    for _, value in ipairs { "acme", "cn:", "ou:x", "sha256:12", "pin:x", 5, { "cn:a", "b" } } do assert.is_false(certificate.kind.fits(value)) end
  end)

  it("compares whole names, digests and keys", function()
    local client = { cn = "acme", names = { dns = { "A.example", "b.example" } }, fingerprint = ("ab"):rep(32), pin = PIN, subject = "CN=acme,O=x" }
    for _, demand in ipairs { "cn:acme", "dns:a.Example", "dns:b.example", "sha256:" .. ("AB:"):rep(31) .. "AB", "pin:" .. PIN:sub(1, -2) } do
      assert.is_nil(certificate.mismatch(demand, client))
      assert.is_nil(certificate.mismatch({ "cn:other", demand }, client))
    end
    for _, demand in ipairs { "cn:acm", "cn:acmee", "cn:ACME", "dns:example", "dns:acme", "sha256:" .. ("ac"):rep(32), "pin:" .. PIN:gsub("A", "B") } do
      assert.equal("client certificate mismatch: got CN=acme,O=x, expected " .. demand, certificate.mismatch(demand, client))
    end
    assert.equal("no client certificate", certificate.mismatch("cn:acme", nil))
  end)
end)
