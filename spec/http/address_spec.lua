local address = require "smpp.http.address"

describe("smpp.http.address", function()
  it("knows what is only reachable from here", function()
    for _, text in ipairs {
      "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.168.1.1",
      "198.18.0.1", "198.19.255.255", "224.0.0.1", "255.255.255.255", "::", "::1", "fc00::1", "fd12::1", "fe80::1", "ff02::1", "::ffff:127.0.0.1",
      "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::192.168.0.1", "::127.0.0.1", "not an address", "",
    } do
      assert.is_true(address.is_private(text), text)
    end
    for _, text in ipairs { "1.1.1.1", "100.128.0.1", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255", "2001:db8::1", "2606:4700::1", "::ffff:8.8.8.8",
      "64:ff9b::808:808" } do
      assert.is_false(address.is_private(text), text)
    end
  end)

  it("reads addresses as they are spelt", function()
    for host, literal in pairs {
      ["127.0.0.1"] = "127.0.0.1", ["127.1"] = "127.0.0.1", ["0x7f000001"] = "127.0.0.1", ["2130706433"] = "127.0.0.1", ["017700000001"] = "127.0.0.1",
      ["0x7f.1"] = "127.0.0.1", ["127.0.0.1."] = "127.0.0.1", ["10.1.65535"] = "10.1.255.255", ["[::1]"] = "::1", ["[fe80::1%eth0]"] = "fe80::1", ["0"] = "0.0.0.0",
    } do
      assert.equal(literal, address.literal(host), host)
    end
    for _, host in ipairs { "example.org", "127.0.0.1.example", "256.1.1.1", "1.2.3.4.5", "08.1", "0x", "", "a" } do assert.is_nil(address.literal(host), host) end
  end)

  it("finds the host of a URL", function()
    for url, host in pairs {
      ["http://example.org"] = "example.org", ["HTTPS://Example.org:8443/a?b#c"] = "example.org", ["http://a:b@127.0.0.1/x"] = "127.0.0.1",
      ["http://[::1]:80/"] = "[::1]", ["http://a@b@c/"] = "c", ["http://x?@127.0.0.1/"] = "x",
    } do
      assert.equal(host, address.host(url), url)
    end
    for _, url in ipairs { "", "ftp://x", "file:///etc/passwd", "http://", "http:///x", "http://a b/", "http://x\n", "//x", "gopher://x", "javascript:1" } do
      assert.is_nil((address.host(url)), url)
    end
  end)

  it("makes rules", function()
    local closed = address.rule(false)
    for _, url in ipairs { "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://localhost:80/", "http://x.localhost/", "http://[::1]/", "http://a@10.0.0.1/",
      "ftp://example.org/" } do
      assert.is_string(closed.wrong(url), url)
    end
    assert.is_nil(closed.wrong "https://example.org/hook")
    assert.is_false(closed.allow_of "http://example.org/" "127.0.0.1")
    assert.is_true(closed.allow_of "http://example.org/" "93.184.216.34")
    local some = address.rule { "127.0.0.0/8", "hook.lan" }
    assert.is_nil(some.wrong "http://127.0.0.1/")
    assert.is_nil(some.wrong "http://localhost/")
    assert.is_string(some.wrong "http://10.0.0.1/")
    assert.is_true(some.allow_of "http://hook.lan/" "10.0.0.1")
    assert.is_false(some.allow_of "http://other.lan/" "10.0.0.1")
    assert.equal(some.allow_of "http://a.example/", some.allow_of "http://b.example/") -- they share connections
    assert.is_nil(address.rule(true).wrong "http://localhost/")
  end)
end)
