if not pcall(require, "smpp.openssl") then
  describe("smpp.cli.explain_tls", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local pki = require "spec.support.pki"

local KEYS = { "address", "protocol", "cipher", "certificate", "names", "issuer", "valid", "key", "pin", "chain", "client_certificate",
  "resumption", "verdict" }

--- Explains a simulator with these options of TLS: exit code, lines by name, and all that was written.
local function explain(tls, ...)
  local words, code, out, err = { "explain", "tls://localhost:8775", ... }, nil, nil, nil
  cli.with_simulator({ host = "127.0.0.1", port = 8775, tls = tls }, function(mc)
    mc:on("error", function() end)
    for i, word in ipairs(words) do words[i] = word:gsub("PIN", function() return mc.pin end) end
    code, out, err = cli.run(words, { run = cli.inside })
  end)()
  local by_name, names = {}, {}
  for i, line in ipairs(cli.lines(out)) do
    assert.is_true(#line <= 100 or line:find "^{" ~= nil, line)
    names[i] = line:match "^%S+"
    by_name[names[i]] = line:match "^%S+ (.*)$"
  end
  return code, by_name, names, err .. out
end

describe("smpp.cli.explain_tls", function()
  it("shows what a peer offers, in thirteen lines, and whether it is trusted", function()
    local code, lines, names, text = explain(true, "--pin", "PIN")
    assert.equal(0, code, text)
    assert.same(KEYS, names)
    assert.same({ "TLS 1.3", "CN=smpp", "itself", "not asked for", "yes", "ok" },
      { lines.protocol, lines.certificate, lines.issuer, lines.client_certificate, lines.resumption, lines.verdict })
    assert.matches("^localhost", lines.names)
    assert.matches("%(%d+ days left%)$", lines.valid)
    assert.matches("^EC, 256 bits, ", lines.key)
    code, lines, names = explain(true)
    assert.equal(1, code)
    assert.same(KEYS, names)
    assert.matches("^certificate of localhost is self%-signed", lines.verdict)
  end)

  it("says whether a client certificate is wanted, in both versions", function()
    local files = pki.new()
    local ca = files:issue { cn = "Customers", ca = true }
    local mine = files:issue { cn = "acme", issuer = ca }
    for _, version in ipairs { "1.2", "1.3" } do
      local code, lines, names = explain({ client_ca = ca.cert, max = version }, "--pin", "PIN")
      assert.equal(1, code)
      assert.same(KEYS, names)
      assert.same({ "required", "localhost asks for a client certificate: give cert and key" }, { lines.client_certificate, lines.verdict })
      code, lines = explain({ client_ca = ca.cert, client_cert = "optional", max = version }, "--pin", "PIN")
      assert.same({ 0, "optional", "ok" }, { code, lines.client_certificate, lines.verdict })
      code, lines = explain({ client_ca = ca.cert, max = version }, "--pin", "PIN", "--cert", mine.cert, "--key", mine.key)
      assert.same({ 0, "ok" }, { code, lines.verdict })
    end
    files.remove()
  end)

  it("has an object for --json, and 3 where there is no TLS", function()
    local code, _, _, text = explain(true, "--pin", "PIN", "--json")
    assert.equal(0, code)
    local object = assert(dkjson.decode(text))
    for _, key in ipairs(KEYS) do assert.is_string(object[key], key) end
    local lines
    code, lines = explain(nil)
    assert.equal(3, code)
    assert.equal("localhost:8775 speaks no TLS (is 2775 the plain port?)", lines.verdict)
    assert.equal(2, (explain(true, "--pin", "x")))
  end)
end)
