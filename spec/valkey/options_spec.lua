local options = require "smpp.valkey.options"

local function read(url)
  local o, wrong = options.of_url(url)
  return o, wrong and wrong.message
end

describe("smpp.valkey.options", function()
  it("reads URLs", function()
    local function host(name, port) return { host = name, port = port or 6379 } end
    for url, wanted in pairs {
      ["valkey://localhost"] = { hosts = { host "localhost" } },
      ["redis://localhost:7000/3"] = { hosts = { host("localhost", 7000) }, db = 3 },
      ["VALKEY://a,b:7000,[::1]:7001,[fe80::1]/"] = { hosts = { host "a", host("b", 7000), host("::1", 7001), host "fe80::1" } },
      ["valkey://:secret@a"] = { hosts = { host "a" }, password = "secret" },
      ["valkey://secret@a"] = { hosts = { host "a" }, password = "secret" },
      ["valkey://me:p%40ss@a"] = { hosts = { host "a" }, user = "me", password = "p@ss" },
      ["valkey://me:@a?password_file=f"] = { hosts = { host "a" }, user = "me", password_file = "f" },
      ["valkey://me:a:b@c@a"] = { hosts = { host "a" }, user = "me", password = "a:b@c" },
      ["valkeys://a"] = { hosts = { host "a" }, tls = true },
      ["rediss://a?ca=ca.pem&tls_min=1.3"] = { hosts = { host "a" }, tls = { ca = "ca.pem", min = "1.3" } },
      ["valkey://a?timeout_s=5&reconnect.max_s=60"] = { hosts = { host "a" }, timeout_s = 5, reconnect = { max_s = 60 } },
      ["valkey+sentinel://a,b?name=mymaster&sentinel_password=x"] = { hosts = { host("a", 26379), host("b", 26379) }, sentinel = "mymaster",
        sentinel_password = "x" },
      ["valkey+cluster://:x@a,b:7000"] = { hosts = { host "a", host("b", 7000) }, cluster = true, password = "x" },
      ["rediss+cluster://a/0?tag=bot"] = { hosts = { host "a" }, cluster = true, tls = true, tag = "bot", db = 0 },
    } do
      assert.same({ wanted }, { read(url) }, url)
    end
  end)

  it("says what is wrong with a URL, without its password", function()
    for url, wanted in pairs {
      ["http://me:secret@a"] = "invalid URL 'http://me:***@a': expected valkey://user:password@host:6379/db",
      ["valkey:me:secret@a"] = "invalid URL", ["valkey+other://a"] = "invalid URL", ["valkey://a/x"] = "invalid URL",
      ["valkey+cluster://a/1"] = "db: expected 0 in a cluster, which has no other, got 1", ["valkey://"] = "invalid host ''", ["valkey://a:99999"] = "port 99999 out of range",
      ["valkey://a?timout_s=5"] = "unknown option 'timout_s'; did you mean 'timeout_s'?", ["valkey://a?timeout_s=x"] = "timeout_s: expected a number",
      ["valkey://secret@a/x"] = "invalid URL 'valkey://***@a/x'", ["valkey://a/x?password=secret&db=1"] = "invalid URL 'valkey://a/x?password=***&db=1'",
      ["valkey://a/x?sentinel_password=secret"] = "invalid URL 'valkey://a/x?sentinel_password=***'",
      ["valkey+sentinel://a"] = "name: missing: the sentinels' name of the primary", ["valkey://a?name=x"] = "name: expected the scheme valkey+sentinel",
      ["valkey://::1"] = "invalid host", ["valkey+cluster://a?name=x"] = "name: expected the scheme valkey+sentinel",
      ["valkey://a?cluster=true"] = "unknown option 'cluster'",
    } do
      local o, message = read(url)
      assert.is_nil(o, url)
      assert.is_truthy(message:find(wanted, 1, true), ("%s: %s"):format(url, message))
      assert.is_nil(message:find("secret", 1, true))
    end
  end)

  it("checks what a program gives, at its line; the table wins over the URL", function()
    local o = options.read({ "valkey://a?timeout_s=5&db=1", timeout_s = 9, reconnect = { min_s = 1 } }, 1)
    assert.same({ 9, 1, { min_s = 1, max_s = 5 }, 3 }, { o.timeout_s, o.db, o.reconnect, o.protocol })
    assert.same({ { host = "h", port = 6379 } }, options.read({ hosts = { { host = "h" } } }, 1).hosts)
    assert.equal("bot", options.read({ "valkey+cluster://a", tag = "bot" }, 1).tag)
    for _, given in ipairs { { "valkey+cluster://a" }, { "valkey+cluster://a", tag = "bot", db = 1 }, { "valkey+cluster://a", tag = "bot", sentinel = "x" },
      { hosts = { { host = "h" } }, cluster = true }, {}, { "valkey://a", timout_s = 1 }, { hosts = {} }, { "nothing" }, { "valkey://a", protocol = 4 } } do
      local ok, message = pcall(function() options.read(given, 1) end)
      assert.is_false(ok)
      assert.is_truthy(message:find "^spec/valkey/options_spec.lua:", message)
    end
  end)

  it("take a password of its own, of a file, or of the environment", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write "of file\r\nmore\n"
    file:close()
    assert.equal("own", (options.password { password = "own", password_file = path, password_env = "HOME" }))
    assert.equal("of file", (options.password { password_file = path, password_env = "HOME" }))
    assert.equal(os.getenv "HOME", (options.password { password_env = "HOME" }))
    assert.is_nil((options.password { password_env = "SMPP_NO_SUCH_NAME" }))
    assert(io.open(path, "w")):close()
    local password, message = options.password { password_file = path }
    assert.is_nil(password)
    assert.truthy(message:find("password_file: " .. path .. ": empty file", 1, true))
    os.remove(path)
    assert.truthy(select(2, options.password { password_file = path }):find "No such file")
  end)
end)
