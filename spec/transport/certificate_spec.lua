if not pcall(require, "smpp.openssl") then
  describe("smpp.transport.certificate", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local certificates = require "smpp.transport.certificate"
local smpp = require "smpp"

describe("smpp.transport.certificate", function()
  it("makes one that is for this machine and the names given", function()
    local made = assert(certificates.self_signed { names = { "Mc.example", "[2001:db8::1]", "192.0.2.1", "localhost" }, days = 5 })
    local list = assert(certificates.read(made.cert))
    assert.equal(1, #list)
    local names = list[1].names
    assert.same({ "localhost", "Mc.example" }, { names.dns[1], names.dns[#names.dns] })
    assert.same({ "127.0.0.1", "::1", "2001:db8::1", "192.0.2.1" }, names.ip)
    assert.equal(made.pin, list[1].pin)
    assert.near(5 * 86400, list[1].not_after - os.time(), 2 * 86400)
    assert.equal(certificates, smpp.tls)
  end)

  it("says what is wrong", function()
    local list, message, code = certificates.read "/nonexistent.pem"
    assert.is_nil(list)
    assert.same({ "certificate: cannot read /nonexistent.pem: No such file or directory", "tls" }, { message, code })
    list, message, code = certificates.self_signed { names = { "a,b" } }
    assert.is_nil(list)
    assert.equal("bad_value", code, message)
  end)
end)
