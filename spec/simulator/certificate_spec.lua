local has_openssl = pcall(require, "smpp.openssl")
if not has_openssl then
  describe("smpp.simulator.certificate", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local async = require "spec.support.async"
local certificate = require "smpp.simulator.certificate"
local smpp = require "smpp"

describe("smpp.simulator.certificate", function()
  it("is made wherever TLS has none, and only there", function()
    local given = { tls = { cert = "file" }, listen = { { tls = { certs = { { cert = "file" } } } }, {} } }
    local o, pin = certificate.fill(given)
    assert.same({ given, nil }, { o, pin })
    o, pin = certificate.fill { listen = { { port = 1 }, { port = 2, tls = { min = "1.3" } } } }
    assert.is_nil(o.listen[1].tls)
    assert.equal("1.3", o.listen[2].tls.min)
    assert.equal(pin, smpp.tls.read(o.listen[2].tls.cert)[1].pin)
  end)

  it("serves clients that have its pin", async.virtual(function()
    local mc = assert(smpp.simulator { port = 0, tls = true })
    local esme = assert(smpp.connect { ("smpps://me:secret@localhost:%d"):format(mc.port), tls = { pin = mc.pin } })
    assert(esme:submit_sm { destination_addr = "491", short_message = "x" })
    esme:close()
    mc:close(0)
  end))
end)
