local async = require "spec.support.async"
local cli = require "spec.support.cli"
local pki = require "spec.support.pki"
local schema = require "smpp.base.schema"
local smpp = require "smpp"

local has_openssl = pcall(require, "smpp.openssl")
local it_needs = has_openssl and it or function(name) pending(name, function() end) end

--- A simulator with TLS beside the command; what the command gave.
local function send(arguments, o)
  local code, _, err
  cli.with_simulator({ tls = true, accounts = { me = "secret" } }, function(mc)
    local words = { "send" }
    for i, word in ipairs(arguments) do words[i + 1] = word:gsub("PIN", function() return mc.pin end) end
    code, _, err = cli.run(words, schema.merge({ run = cli.inside }, o))
  end)()
  return code, err
end

local TO = { "--to", "491", "Hello" }

local function with(...)
  local words = { ... }
  for _, word in ipairs(TO) do words[#words + 1] = word end
  return words
end

describe("smpp.cli.tls_flags: a client", function()
  it_needs("checks the peer's certificate, or is told not to", function()
    assert.equal(0, (send(with("smpps://me:secret@127.0.0.1", "--pin", "PIN"))))
    local code, err = send(with("smpps://me:secret@127.0.0.1"))
    assert.equal(3, code)
    cli.has(err, "is self-signed: give ca = FILE or pin =")
    code, err = send(with("smpp://me:secret@127.0.0.1:8775"))
    assert.equal(3, code)
    cli.has(err, "speaks TLS: use smpps://")
    code, err = send(with("smpps://me:secret@127.0.0.1", "--insecure"))
    assert.equal(0, code)
    cli.has(err, "certificate of 127.0.0.1:8775 not verified (verify = false)")
  end)

  it_needs("ends with 3 where a file cannot be used, with 2 where the command line is wrong", function()
    local url = "smpps://me:secret@127.0.0.1"
    for _, words in ipairs { { "--ca", "/nonexistent" }, { "--cert", "/nonexistent", "--key", "/nonexistent" } } do
      local code, err = send(with(url, words[1], words[2], words[3], words[4]))
      assert.equal(3, code)
      cli.has(err, "/nonexistent")
    end
    local path = cli.file "nothing"
    local code, err = send(with(url, "--ca", path))
    assert.equal(3, code)
    cli.has(err, "no certificate in PEM form")
    os.remove(path)
    for _, words in ipairs { { "--pin", "x" }, { "--tls-min", "1.1" }, { "--keylog", "--insecure" } } do
      assert.equal(2, (send(with(url, words[1], words[2]))), words[1])
    end
  end)

  it_needs("writes the keys where SSLKEYLOGFILE says, when asked to", function()
    local path = cli.file ""
    local code = send(with("smpps://me:secret@127.0.0.1", "--pin", "PIN", "--keylog", "--tls-min", "1.3"), { env = { SSLKEYLOGFILE = path } })
    assert.equal(0, code)
    local file = assert(io.open(path))
    local text = file:read "*a"
    file:close()
    os.remove(path)
    cli.has(text, "CLIENT_TRAFFIC_SECRET_0 ")
  end)
end)

describe("smpp.cli.tls_flags: a server", function()
  it_needs("makes a certificate, and prints its pin and the line for the client", function()
    local pin
    local code, out = cli.sim({ "--tls", "--for", "2", "--account", "me:secret" }, function()
      smpp.sleep(0.1)
    end)
    assert.equal(0, code)
    local lines = cli.lines(out)
    assert.equal("listening on 127.0.0.1:8775", lines[1])
    pin = lines[2]:match "^certificate (sha256/.+)$"
    assert.equal(("smpp send smpps://me:PASSWORD@localhost:8775 --pin %s --to 12345 Hello"):format(pin), lines[3])
    code, out = cli.sim({ "--tls", "--for", "2", "--json", "--port", "1234" }, function() end)
    assert.equal(0, code)
    assert.matches('^{"event":"listening","host":"127.0.0.1","port":1234,"tls":true,"pin":"sha256\\?/', out)
  end)

  it_needs("takes pairs of files, a port of its own, and reads them again on SIGHUP", function()
    local files = pki.new()
    local one, two = files:issue { cn = "one", names = "DNS:one.example,IP:127.0.0.1" }, files:issue { cn = "two", names = "DNS:two.example" }
    local code, out, err = cli.sim({ "--tls-cert", one.cert, "--tls-key", one.key, "--tls-cert", two.cert, "--tls-key", two.key, "--tls-port", "9000",
      "--for", "5" }, function()
      smpp.sleep(0.1)
      local plain = assert(smpp.connect "smpp://me:secret@127.0.0.1")
      plain:close()
      for name, ca in pairs { ["one.example"] = one.cert, ["two.example"] = two.cert } do
        local esme = assert(smpp.connect { "smpps://me:secret@127.0.0.1:9000", tls = { ca = ca, server_name = name } })
        esme:close()
      end
    end)
    assert.equal(0, code, err)
    assert.same({ "listening on 127.0.0.1:2775", "listening on 127.0.0.1:9000 (TLS)" }, { cli.lines(out)[1], cli.lines(out)[2] })
    files.remove()
  end)

  it_needs("cannot listen with files that it cannot use: 3; and knows a wrong command line: 2", function()
    for _, case in ipairs {
      { 3, "--tls-cert", "/nonexistent", "--tls-key", "/nonexistent" }, { 3, "--tls", "--client-ca", "/nonexistent" },
      { 2, "--tls-cert", "a", "--tls-cert", "b", "--tls-key", "a" }, { 2, "--tls", "--client-cert", "optional" }, { 2, "--tls-port", "x" },
      { 2, "--tls", "--keylog" },
    } do
      local words = { "sim" }
      for i = 2, #case do words[i] = case[i] end
      local code, _, err
      async.virtual(function() code, _, err = cli.run(words, { run = cli.inside }) end)()
      assert.equal(case[1], code, err)
    end
  end)
end)
