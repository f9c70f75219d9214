local cidr = require "smpp.base.cidr"

describe("smpp.base.cidr", function()
  it("knows who is in a network", function()
    for _, case in ipairs {
      { "192.0.2.0/24", "192.0.2.255", true }, { "192.0.2.0/24", "192.0.3.0", false }, { "192.0.2.7", "192.0.2.7", true },
      { "192.0.2.7", "192.0.2.8", false }, { "0.0.0.0/0", "8.8.8.8", true }, { "0.0.0.0/0", "2001:db8::1", false },
      { "10.0.0.0/9", "10.127.255.255", true }, { "10.0.0.0/9", "10.128.0.0", false }, { "192.0.2.0/31", "192.0.2.1", true },
      { "192.0.2.0/31", "192.0.2.2", false }, { "2001:db8::/32", "2001:db8:ffff::1", true }, { "2001:db8::/32", "2001:db9::", false },
      { "::/0", "192.0.2.1", true }, { "::1", "::1", true }, { "::1", "0:0:0:0:0:0:0:1", true }, { "fe80::/10", "febf::1%eth0", true },
      { "fe80::/10", "fec0::1", false }, { "192.0.2.0/24", "::ffff:192.0.2.9", true }, { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8", true },
      { "192.0.2.0/24", "?", false }, { "192.0.2.0/24", "", false },
    } do
      local is_member = assert(cidr.set { case[1] })
      assert.equal(case[3], is_member(case[2]), case[1] .. " " .. case[2])
    end
    local two = cidr.set { "10.0.0.0/8", "192.0.2.0/24" }
    assert.is_true(two "192.0.2.1")
    assert.is_false(two "11.0.0.1")
    assert.is_false((cidr.set {})("10.0.0.1"))
  end)

  it("counts the hosts of an IPv6 network as one", function()
    for host, owner in pairs {
      ["192.0.2.1"] = "192.0.2.1", ["2001:db8:1:2:3:4:5:6"] = "2001:db8:1:2::/64", ["2001:db8:1:2::9"] = "2001:db8:1:2::/64",
      ["fe80::1%eth0"] = "fe80:0:0:0::/64", ["::ffff:192.0.2.1"] = "192.0.2.1", ["::1"] = "::1", ["?"] = "?", ["x:y"] = "x:y",
    } do assert.equal(owner, cidr.owner(host)) end
  end)

  it("refuses what is none", function()
    for _, text in ipairs {
      "", "10.0.0", "10.0.0.256", "10.0.0.0/33", "10.0.0.0/", "::/129", "1::2::3", "1:2:3", "1:2:3:4:5:6:7:8:9", "g::", ":::",
      "10.0.0.0/-1", "x/8", "12345::", "1:2:3:4:5:6:7:8::",
    } do
      local set, message = cidr.set { text }
      assert.is_nil(set, text)
      assert.matches("invalid address or network", message)
    end
  end)
end)
