local url = require "smpp.client.url"

describe("smpp.client.url", function()
  it("reads all there can be", function()
    assert.same({
      system_id = "a b", password = "p:w@/", tls = true,
      hosts = { { host = "one", port = 1 }, { host = "::1", port = 8775 }, { host = "10.0.0.1", port = 3 } },
      options = { window = "50", wait = "true", bind = "t x", flag = "true" },
    }, url.parse "smpps://a%20b:p%3Aw%40%2F@one:1,[::1],10.0.0.1:3?window=50&wait=true&bind=t%20x&flag")
  end)

  it("has ports for smpp and smpps", function()
    assert.equal(2775, url.parse("smpp://h").hosts[1].port)
    assert.equal(8775, url.parse("SMPPS://h").hosts[1].port)
    assert.equal(2775, url.parse("smpp://[::1]").hosts[1].port)
    assert.same({ { host = "h", port = 2775 } }, url.parse("smpp://me@h/").hosts)
    assert.equal("me", url.parse("smpp://me@h/").system_id)
    assert.is_nil(url.parse("smpp://me@h/").password)
    assert.equal("", url.parse("smpp://me:@h/").password)
  end)

  it("refuses what is none, without telling passwords", function()
    for _, text in ipairs { "", "h", "http://h", "smpp:/h", "smpp://", "smpp://h:0", "smpp://h:65536", "smpp://h:99999999999999999999", "smpp://::1", "smpp://h:x", "smpp://[", "smpp://[]", "smpp://[::1",
      "smpp://a:b@ho st", "smpp://a:b@ho%20st", "smpp://h%00", "smpp://one,t\27wo" } do
      local parsed, message, code = url.parse(text)
      assert.is_nil(parsed, text)
      assert.equal("bad_value", code)
      assert.is_string(message)
    end
    for _, text in ipairs {
      "http://me:secret@h", "http://me:s/secret@h", "me:secret@h", "smpp://me:secret", "smpp://me:secret?x@h", "smpp://me:secret:x?x@h",
    } do
      assert.is_nil((select(2, url.parse(text))):find("secret", 1, true), text)
    end
  end)
end)
