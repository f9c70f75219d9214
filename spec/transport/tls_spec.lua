local has_openssl = pcall(require, "smpp.openssl")
if not has_openssl then
  describe("smpp.transport.tls", function() pending "smpp.openssl is not built: OpenSSL's headers are missing" end)
  return
end

local async = require "spec.support.async"
local openssl = require "smpp.openssl"
local pki = require "spec.support.pki"
local schema = require "smpp.base.schema"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local CERT, KEY = openssl.self_signed("mc", "DNS:localhost,IP:127.0.0.1", 30)
local PIN = openssl.certificates(CERT)[1].pin

--- A server with TLS; its errors are collected in `errors` of the returned table.
local function serve(o)
  local errors = {}
  local given = { port = 0, host = "127.0.0.1", accounts = { me = "secret" }, submit_sm = function() return "1" end }
  for name, value in pairs(o or {}) do given[name] = value end
  if given.authenticate then given.accounts = nil end
  if given.tls == nil then given.tls = { cert = CERT, key = KEY } end
  local server = assert(smpp.server(given))
  server:on("error", function(message) errors[#errors + 1] = message end)
  return server, errors
end

local function connect(server, tls, o)
  local given = { ("smpps://me:secret@localhost:%d"):format(server.port), tls = tls, reconnect = false }
  for name, value in pairs(o or {}) do given[name] = value end
  return smpp.connect(given)
end

--- Connects, submits and closes; or nil, message, code.
local function try(server, tls, o)
  local esme, message, code = connect(server, tls, o)
  if not esme then return nil, message, code end
  assert.equal("1", assert(esme:submit_sm { destination_addr = "491", short_message = "x" }).message_id)
  esme:close()
  return true
end

local function refused(server, words, tls, o)
  local esme, message, code = try(server, tls, o)
  assert.is_nil(esme)
  assert.equal("tls", code, message)
  for _, word in ipairs(words) do assert.is_truthy(message:find(word, 1, true), message) end
end

describe("smpp.transport.tls: client and server", function()
  it("takes a peer whose certificate or key is known, and nobody else", async.virtual(function()
    local server = serve()
    assert(try(server, { ca = CERT }))
    assert(try(server, { pin = PIN }))
    assert(try(server, { pin = { "sha256/" .. ("A"):rep(43) .. "=", PIN } }))
    assert(try(server, { ca = CERT, pin = PIN }))
    assert(try(server, { verify = false }))
    refused(server, { "public key of localhost is " .. PIN, "pin" }, { pin = "sha256/" .. ("A"):rep(43) .. "=" })
    refused(server, { "public key of localhost is", "pin" }, { ca = CERT, pin = "sha256/" .. ("A"):rep(43) .. "=" })
    refused(server, { "public key of localhost is", "pin" }, { verify = false, pin = "sha256/" .. ("A"):rep(43) .. "=" })
    refused(server, { "certificate of localhost is self-signed", "give ca =", "pin =" }, true)
    refused(server, { "is for localhost, 127.0.0.1, not other.example" }, { ca = CERT, server_name = "other.example" })
    server:close()
  end))

  it("runs on sockets, in both versions, and resumes", async.luv(function()
    local server = serve()
    for _, version in ipairs { "1.2", "1.3" } do
      local tls = { ca = CERT, min = version, max = version }
      local esme = assert(connect(server, tls, { reconnect = { min_s = 0.01, max_s = 0.01 } }))
      local first = server.sessions[1].tls
      assert.equal(version, first.version)
      assert.is_false(first.resumed)
      assert.equal("localhost", first.server_name)
      assert(esme:submit_sm { destination_addr = "491", short_message = "x" })
      server.sessions[1]:close()
      repeat smpp.sleep(0.01) until esme.state == "bound" and server.sessions[1] and server.sessions[1].tls ~= first
      assert.is_true(server.sessions[1].tls.resumed, version)
      esme:close()
    end
    server:close()
  end))

  it("tells a plain client and a plain server", async.virtual(function()
    local server, errors = serve()
    local esme, message, code = smpp.connect(("smpp://me:secret@localhost:%d"):format(server.port))
    assert.is_nil(esme)
    assert.is_truthy(message:find("speaks TLS: use smpps://", 1, true), message)
    assert.equal("tls", code)
    assert.is_truthy(errors[1]:find "plain SMPP on the TLS port")
    server:close()
    server, errors = serve { tls = false }
    refused(server, { ("localhost:%d speaks no TLS (is 2775 the plain port?)"):format(server.port) }, { ca = CERT })
    assert.is_truthy(errors[1]:find "TLS ClientHello on the plain port", errors[1])
    server:close()
  end))

  it("has a limit for time and octets of a handshake", async.virtual(function(loop)
    local server, errors = serve { tls = { cert = CERT, key = KEY, handshake_octets = 100 }, bind_timeout_s = 5 }
    refused(server, { "speaks no TLS" }, { ca = CERT }) -- what a peer that closes on a ClientHello looks like
    assert.is_truthy(errors[1]:find("more than 100 octets", 1, true), errors[1])
    smpp.sleep(11) -- failures are reported once in ten seconds
    local closed
    loop:connect({ host = "127.0.0.1", port = server.port }, function(transport)
      transport:start(function() end, function()
        closed = loop:now()
        transport:close()
      end)
    end)
    local start = loop:now()
    smpp.sleep(20)
    assert.is_true(closed - start <= 5.1, tostring(closed))
    assert.is_truthy(errors[2]:find "TLS handshake")
    server:close()
  end))

  it("takes its options from a URL, too", async.virtual(function()
    local files = pki.new()
    local path = files.folder .. "/ca.pem"
    shell.write(path, CERT)
    local server = serve()
    local function try_url(query, o)
      return try(server, nil, schema.merge({ ("smpps://me:secret@localhost:%d?%s"):format(server.port, query) }, o))
    end
    for _, query in ipairs { "tls_ca=" .. path, "ca=" .. path, "pin=" .. PIN, "tls_pin=" .. PIN, "insecure=1", "tls_verify=false" } do
      assert(try_url(query), query)
    end
    assert(try_url("ca=" .. path, { tls = { min = "1.3" } }))
    local _, message = try_url("ca=" .. path .. "&tls_server_name=other.example")
    assert.is_truthy(message:find("not other.example", 1, true), message)
    for query, words in pairs { ["tls_cipers=x"] = "did you mean 'tls.ciphers'", ["pin=x"] = "tls.pin: expected", ["tls_min=1.0"] = 'one of "1.2", "1.3"' } do
      local ok, err = pcall(try_url, query)
      assert.is_false(ok)
      assert.is_truthy(tostring(err):find(words, 1, true), tostring(err))
    end
    assert.error_matches(function() connect(server, false) end, "smpps://")
    server:close()
    files.remove()
  end))

  it("holds a handshake to its own limit, and a slow one delays nobody", async.virtual(function(loop)
    local server, errors = serve { tls = { cert = CERT, key = KEY, handshake_timeout_s = 3 }, max_connections = 2 }
    local silent, start, closed = nil, loop:now(), nil
    loop:connect({ host = "127.0.0.1", port = server.port }, function(transport)
      silent = transport
      transport:start(function() end, function() closed = loop:now() end)
    end)
    smpp.sleep(0.1)
    local before = loop:now()
    assert(try(server, { pin = PIN }))
    assert.is_true(loop:now() - before < 1)
    local esme = assert(connect(server, { pin = PIN }))
    local ok = connect(server, { pin = PIN }) -- the unfinished one counts
    assert.is_nil(ok)
    esme:close()
    smpp.sleep(5)
    assert.near(3, closed - start, 0.01)
    assert.is_truthy(table.concat(errors, "\n"):find("no TLS handshake within 3 s", 1, true))
    silent:close()
    server:close()
  end))

  it("gives up at the first connection as at a refused bind, and backs off later", async.virtual(function()
    local files = pki.new()
    local good, bad = files:issue { cn = "good", names = "DNS:localhost" }, files:issue { cn = "bad", names = "DNS:localhost" }
    local cert, key = files.folder .. "/cert", files.folder .. "/key"
    local function install(one) shell.must(("cp %s %s; cp %s %s"):format(one.cert, cert, one.key, key)) end
    install(good)
    local server = serve { tls = { cert = cert, key = key, tickets = false } }
    local other = serve { tls = { cert = bad.cert, key = bad.key } }
    refused(other, { "self-signed" }, { ca = good.cert }, { wait = true, reconnect = true })
    local esme = assert(smpp.connect { hosts = { "localhost:" .. other.port, "localhost:" .. server.port }, system_id = "me",
      password = "secret", tls = { ca = good.cert }, reconnect = { fixed_s = 1 } }) -- the other host is tried
    install(bad)
    assert(server:reload())
    server.sessions[1]:close()
    smpp.sleep(5)
    assert.equal("waiting", esme.state)
    install(good)
    assert(server:reload())
    smpp.sleep(3)
    assert.equal("bound", esme.state)
    esme:close()
    server:close()
    other:close()
    files.remove()
  end))

  it("logs a certificate that is not checked, once", async.virtual(function()
    local server, records = serve(), {}
    assert(try(server, { verify = false }, { ("smpps://me:secret@127.0.0.1:%d"):format(server.port) })) -- without a log nobody is told
    for _ = 1, 2 do
      assert(try(server, { verify = false }, {
        ("smpps://me:secret@127.0.0.1:%d"):format(server.port), log = function(record)
          if record.event == "tls_warning" then records[#records + 1] = record end
        end }))
    end
    assert.same({ "warn", ("certificate of 127.0.0.1:%d not verified (verify = false)"):format(server.port) }, { records[1].level, records[1].reason })
    assert.is_nil(records[2])
    server:close()
  end))

  it("tells what is doubtful about a server's files, once", async.virtual(function()
    local files = pki.new()
    local one = files:issue { cn = "one", names = "DNS:localhost" }
    shell.must("chmod 644 " .. one.key)
    local keylog = files.folder .. "/keys.log"
    for n = 1, 2 do
      local server, errors = serve { tls = { cert = one.cert, key = one.key, keylog = keylog } }
      assert(try(server, { ca = one.cert }))
      assert.same(n == 1 and { ("warning: keys of TLS are written to %s: who has it can decrypt the traffic"):format(keylog),
        ("warning: key %s is readable by others: chmod 600"):format(one.key) } or {}, errors)
      server:close()
    end
    assert.equal("rw-------", shell.must("stat -c %A " .. keylog):match "^%-(%S+)")
    files.remove()
  end))

  it("carries outbind: the ESME that listens is a server of TLS", async.virtual(function()
    local bound
    local listener = assert(smpp.listen_outbind { port = 0, system_id = "me", password = "secret", tls = { cert = CERT, key = KEY },
      outbind = function() return true end, bound = function(esme) bound = esme end })
    local server = serve { tls = false }
    assert(server:outbind { host = "localhost", port = listener.port, tls = { ca = CERT } })
    smpp.sleep(1)
    assert.equal("1.3", bound.session.tls.version)
    local ok, message, code = server:outbind { host = "localhost", port = listener.port, tls = true }
    assert.is_nil(ok)
    assert.equal("tls", code)
    assert.is_truthy(message:find("self-signed", 1, true), message)
    listener:close()
    server:close()
  end))

  it("carries a pool", async.virtual(function()
    local server = serve()
    local esme = assert(smpp.pool { ("smpps://me:secret@localhost:%d?pin=%s"):format(server.port, PIN), binds = 3 })
    assert.equal(3, #server.sessions)
    esme:close()
    server:close()
  end))

  it("binds an account only with its certificate", async.virtual(function()
    local files = pki.new()
    local ca = files:issue { cn = "Customers", ca = true }
    local mine = files:issue { cn = "acme", issuer = ca, names = "DNS:Acme.example" }
    local leaf = openssl.certificates(mine.cert_pem)[1]
    local reasons = {}
    local server = serve { tls = { cert = CERT, key = KEY, client_ca = ca.cert, client_cert = "optional" },
      accounts = { me = { password = "secret", certificate = "cn:acme" } } }
    server:on("refused", function(_, _, status, reason) reasons[#reasons + 1] = status .. " " .. reason end)
    local tls = { ca = CERT, cert = mine.cert, key = mine.key }
    for _, demand in ipairs { "cn:acme", "dns:acme.example", "sha256:" .. leaf.fingerprint:upper(), "pin:" .. leaf.pin } do
      server:set_accounts { me = { password = "secret", certificate = { "cn:x", demand } } }
      assert(try(server, tls))
    end
    for _, demand in ipairs { "cn:acm", "cn:Acme", "dns:example", "sha256:" .. ("0"):rep(64) } do
      server:set_accounts { me = { password = "secret", certificate = demand } }
      local esme, _, code = try(server, tls)
      assert.is_nil(esme)
      assert.equal("ESME_RINVPASWD", code)
    end
    local _, _, code = try(server, { ca = CERT })
    assert.equal("ESME_RINVPASWD", code)
    assert.equal("ESME_RINVPASWD client certificate mismatch: got CN=acme, expected cn:acm", reasons[1])
    assert.equal("ESME_RINVPASWD no client certificate", reasons[#reasons])
    server:close()
    files.remove()
  end))

  it("reads its certificates again and keeps its sessions", async.virtual(function()
    local files = pki.new()
    local one, two = files:issue { cn = "one", names = "DNS:localhost" }, files:issue { cn = "two", names = "DNS:localhost" }
    local cert, key = files.folder .. "/cert", files.folder .. "/key"
    os.execute(("cp %s %s; cp %s %s"):format(one.cert, cert, one.key, key))
    local server = serve { tls = { cert = cert, key = key } }
    local esme = assert(connect(server, { ca = one.cert }))
    os.execute(("cp %s %s"):format(two.cert, cert))
    local ok, message = server:reload()
    assert.is_nil(ok)
    assert.is_truthy(message:find("does not belong to certificate", 1, true), message)
    assert(try(server, { ca = one.cert }))
    os.execute(("cp %s %s"):format(two.key, key))
    assert(server:reload())
    assert(try(server, { ca = two.cert }))
    assert(esme:submit_sm { destination_addr = "491", short_message = "x" })
    esme:close()
    server:close()
    files.remove()
  end))

  it("asks for certificates of clients, and says whose they are", async.virtual(function()
    local files = pki.new()
    local ca = files:issue { cn = "Customers", ca = true }
    local mine = files:issue { cn = "acme", issuer = ca, names = "DNS:acme.example" }
    local others = files:issue { cn = "evil" }
    local seen
    local server = serve { tls = { cert = CERT, key = KEY, client_ca = ca.cert },
      authenticate = function(session) seen = session.tls.client return true end }
    assert(try(server, { ca = CERT, cert = mine.cert, key = mine.key }))
    assert.same({ "CN=acme", "acme", "CN=Customers", { "acme.example" } }, { seen.subject, seen.cn, seen.issuer, seen.names.dns })
    refused(server, { "localhost asks for a client certificate: give cert and key" }, { ca = CERT })
    refused(server, { "localhost asks for a client certificate: give cert and key" }, { ca = CERT, max = "1.2" })
    refused(server, { "localhost refused our certificate: unknown" }, { ca = CERT, cert = others.cert, key = others.key })
    server:close()
    server = serve { tls = { cert = CERT, key = KEY, client_ca = ca.cert, client_cert = "optional" },
      authenticate = function(session) seen = session.tls.client return true end }
    assert(try(server, { ca = CERT }))
    assert.is_nil(seen)
    server:close()
    files.remove()
  end))

  it("chooses a certificate by the name that is asked for", async.virtual(function()
    local files = pki.new()
    local a, b = files:issue { cn = "a", names = "DNS:a.example" }, files:issue { cn = "b", names = "DNS:*.b.example" }
    local server = serve { tls = { cert = CERT, key = KEY, certs = { { cert = a.cert, key = a.key }, { b.cert, b.key } } } }
    assert(try(server, { ca = CERT }))
    assert(try(server, { ca = a.cert, server_name = "A.example" }))
    assert(try(server, { ca = b.cert, server_name = "x.b.example" }))
    refused(server, { "self-signed" }, { ca = a.cert, server_name = "x.y.b.example" })
    server:close()
    files.remove()
  end))
end)

describe("smpp.transport.tls: a certificate that is refused", function()
  local files, ca
  setup(function()
    files = pki.new()
    ca = files:issue { cn = "Root", ca = true }
  end)
  teardown(function() files.remove() end)

  local function says(issue, words, tls)
    async.virtual(function()
      local made = files:issue(issue)
      local server = serve { tls = { cert = made.cert, key = made.key } }
      refused(server, words, tls or { ca = ca.cert })
      server:close()
    end)()
  end

  it("is expired, or not valid yet", function()
    says({ cn = "x", names = "DNS:localhost", issuer = ca, not_before = "200101000000Z", not_after = "210203000000Z" },
      { "certificate of localhost expired on 2021-02-03" })
    says({ cn = "x", names = "DNS:localhost", issuer = ca, not_before = "400102000000Z", not_after = "410101000000Z" },
      { "certificate of localhost is not valid before 2040-01-02 (is the clock right?)" })
  end)

  it("is for another name, or for none", function()
    says({ cn = "localhost", names = "DNS:a.example,DNS:b.example,DNS:c.example,DNS:d.example", issuer = ca },
      { "is for a.example, b.example, c.example and 1 more, not localhost" })
    says({ cn = "localhost", issuer = ca }, { "names no host" })
  end)

  it("is issued by an authority that is not known", function()
    local other = files:issue { cn = "Other", ca = true }
    says({ cn = "x", names = "DNS:localhost", issuer = other }, { "issued by 'Other'", "does not know", "give ca =" })
    says({ cn = "x", names = "DNS:localhost", issuer = other, extra = "authorityInfoAccess=caIssuers;URI:http://x.example/ca\n" },
      { "issued by 'Other'", "the peer sent no intermediate certificate" })
  end)

  it("is too weak", function()
    async.virtual(function()
      local weak = files:issue { cn = "x", names = "DNS:localhost", issuer = ca, key = "rsa:1024" }
      local server, message, code = smpp.server { port = 0, tls = { cert = weak.cert, key = weak.key } }
      assert.is_nil(server)
      assert.equal("tls", code)
      assert.is_truthy(message:find("too small", 1, true), message)
    end)()
  end)
end)
