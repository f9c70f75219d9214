local site = require "smpp.http.site"

describe("smpp.http.site", function()
  it("knows the names of a host", function()
    local names = site.names("192.0.2.1", { "SMS.example" })
    for host, is_ours in pairs {
      ["localhost"] = true, ["LOCALHOST:80"] = true, ["127.0.0.1:8080"] = true, ["[::1]"] = true, ["[::1]:8080"] = true, ["192.0.2.1"] = true,
      ["sms.example:1"] = true, ["evil.example"] = false, [""] = false, ["localhost.evil.example"] = false, ["[::2]:1"] = false,
    } do
      local refused = site.misdirected({ host = host }, names)
      assert.equal(is_ours, refused == nil, host)
      if refused then assert.equal(421, refused.status) end
    end
  end)

  it("reads the host of an origin", function()
    assert.equal("a.example", site.host_of "HTTPS://A.example:443")
    assert.equal("::1", site.host_of "http://[::1]:80")
    assert.equal("null", site.host_of "null")
  end)

  it("compares octets", function()
    assert.is_true(site.is_equal("abc", "abc"))
    for _, other in ipairs { "", "ab", "abd", "abcd", "abcabc" } do assert.is_false(site.is_equal(other, "abc")) end
    assert.is_false(site.is_equal("abc", ""))
    assert.is_true(site.is_equal("", ""))
  end)

  it("knows loopback addresses", function()
    assert.is_true(site.is_loopback "127.0.0.1" and site.is_loopback "::1" and site.is_loopback "localhost")
    assert.is_false(site.is_loopback "0.0.0.0")
  end)
end)
