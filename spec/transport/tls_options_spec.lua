local options = require "smpp.transport.tls_options"

describe("smpp.transport.tls_options", function()
  it("are named in a URL by tls_, and some also without", function()
    for _, case in ipairs {
      { "tls_ca", "x", "tls.ca", "x" }, { "ca", "x", "tls.ca", "x" }, { "pin", "x", "tls.pin", "x" }, { "tls_min", "1.3", "tls.min", "1.3" },
      { "insecure", "1", "tls.verify", "false" }, { "insecure", "0", "tls.verify", "true" }, { "insecure", "perhaps", "tls.verify", "perhaps" },
      { "window", "5", "window", "5" }, { "tls", "true", "tls", "true" },
    } do
      assert.same({ case[3], case[4] }, { options.of_url(case[1], case[2]) })
    end
  end)

  it("take pins and lists of pins", function()
    local pin = "sha256/" .. ("A"):rep(43) .. "="
    assert.is_nil(options.client:problem { pin = { pin, pin } })
    assert.equal("pin: expected \"sha256/BASE64\" of a public key, got 'x'", options.client:problem({ pin = "x" }).message)
  end)
end)
