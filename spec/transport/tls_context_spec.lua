if not pcall(require, "smpp.openssl") then
  describe("smpp.transport.tls_context", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local contexts = require "smpp.transport.tls_context"
local pki = require "spec.support.pki"

describe("smpp.transport.tls_context: files that cannot be used", function()
  it("are named, with what is wrong", function()
    local files = pki.new()
    local one, two = files:issue { cn = "one" }, files:issue { cn = "two" }
    os.execute(("openssl x509 -in %s -outform der -out %s/der; openssl pkey -in %s -aes256 -passout pass:secret -out %s/enc"):format(one.cert,
      files.folder, one.key, files.folder))
    for _, case in ipairs {
      { { cert = "/nonexistent" }, "certificate: cannot read /nonexistent" },
      { { cert = files.folder .. "/der", key = one.key }, "openssl x509 -inform der" },
      { { cert = one.cert, key = two.key }, ("key %s does not belong to certificate %s"):format(two.key, one.cert) },
      { { cert = one.cert, key = files.folder .. "/enc" }, ("key %s/enc is encrypted: give key_password"):format(files.folder) },
      { { cert = one.cert, key = files.folder .. "/enc", key_password = "wrong" }, "wrong key_password" },
      { { cert = one.cert }, "no private key" },
      { { client_ca = one.cert }, "a TLS server needs a certificate" },
      { { cert = one.cert, key = one.key, ciphers = "NOTHING" }, "NOTHING" },
      { { cert = one.cert, key = one.key, min = "1.3", max = "1.2" }, "no TLS version" },
    } do
      local made, message, code = contexts.server(case[1])
      assert.is_nil(made)
      assert.equal("tls", code)
      assert.is_truthy(message:find(case[2], 1, true), message)
    end
    assert(contexts.server { cert = one.cert, key = files.folder .. "/enc", key_password = function() return "secret" end })
    os.execute("chmod 644 " .. one.key)
    assert.is_truthy(contexts.server({ cert = one.cert, key = one.key }).warnings[1]:find "readable by others")
    files.remove()
  end)
end)

describe("smpp.transport.tls_context: authorities", function()
  it("are files, folders, PEM text, the system's, or a list of these", function()
    local files = pki.new()
    local ca = files:issue { cn = "Root", ca = true }
    os.execute(("cp %s %s/ca.pem; openssl rehash %s"):format(ca.cert, files.folder, files.folder))
    for _, given in ipairs { ca.cert, ca.cert_pem, files.folder, { "system", ca.cert } } do
      assert(contexts.client { ca = given })
    end
    local made, message, code = contexts.client { ca = "/nonexistent.pem" }
    assert.is_nil(made)
    assert.equal("tls", code)
    assert.is_truthy(message:find("ca: cannot read /nonexistent.pem", 1, true), message)
    files.remove()
  end)

  it("are not looked at where a pin stands for the whole check", function()
    local pin = "sha256/" .. ("A"):rep(43) .. "="
    assert.is_false(contexts.client({ pin = pin }).verifies)
    assert.is_true(contexts.client({ pin = pin, ca = "system" }).verifies)
    assert.is_true(contexts.client(true).verifies)
    assert.is_false(contexts.client({ verify = false }).verifies)
    assert.same({ [pin] = true }, contexts.client({ pin = { pin } }).pins)
  end)
end)

describe("smpp.transport.tls_context: the certificate for a name", function()
  it("is that of the exact name, of a wildcard, else the first", function()
    local self = { default = "first", by_name = { ["a.example"] = "a", ["*.example"] = "wild" } }
    for name, expected in pairs { ["A.example"] = "a", ["a.example."] = "a", ["b.example"] = "wild", ["x.b.example"] = "first", example = "first" } do
      assert.equal(expected, contexts.choose(self, name), name)
    end
    assert.equal("first", contexts.choose(self, nil))
  end)
end)
