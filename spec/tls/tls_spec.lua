local has_openssl, openssl = pcall(require, "smpp.openssl")

if not has_openssl then
  describe("tls", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

describe("tls", function()
  it("says which OpenSSL runs", function() assert.is_truthy(openssl.version():find "^OpenSSL 3%.") end)
end)
