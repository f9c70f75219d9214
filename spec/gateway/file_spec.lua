local cli = require "spec.support.cli"
local file = require "smpp.gateway.file"
local support = require "spec.support.gateways"

--- The mistakes and doubts of a text, one string each.
local function problems(text)
  local config, list = file.read("gateway.lua", { text = text })
  local out = {}
  for i, one in ipairs(list) do out[i] = ("%s %s: %s"):format(one.severity, tostring(one.line), one.message) end
  return out, config
end

local HEAD = 'listen { port = 2775, accounts = { acme = "secret" } }\ncarrier "telco_a" { "smpp://me@a.example" }\n'

describe("smpp.gateway.file", function()
  it("reads the statements", function()
    local list, config = problems [[
      listen { port = 2775, accounts = { acme = "secret", bank = { password = "hidden", window = 50, rate_per_s = 100, credit = 5, from = alphanumeric() } } }
      listen { host = "0.0.0.0", port = 2776, accounts = { acme = "secret" } }
      gateway { drain_s = 30 }
      carrier "telco_a" { "smpp://me@a.example,b.example", window = 50, rate_per_s = 200, binds = 2 }
      carrier "telco_b" { "smpps://me@smpp.example", cost = 0.8, profile = "gatewayapi", breaker = false, receipts = "always", long = "sar" }
      carrier "telco_c" { "smpp://me@c.example", off = true, breaker = { failures = 9 }, receipts = { zone_s = 3600 } }
      route { account = "acme", to = prefix { "4915", "4916" }, via = balance { telco_a = 3, telco_b = 1 } }
      route { via = cheapest { "telco_a", "telco_b", "telco_c" } }
      incoming { to = "4915112345", text = keyword "STOP", reply = "You will get no more messages." }
      incoming { deliver = "acme" }
    ]]
    assert.same({}, list)
    assert.same({ 2775, 2776 }, { config.listens[1].options.port, config.listens[2].options.port })
    assert.same({ password = "hidden", window = 50, rate_per_s = 100 }, config.listens[1].accounts.bank)
    assert.equal(5, config.accounts.bank.credit)
    assert.equal(30, config.settings.drain_s)
    local a, b, c = config.carriers[1], config.carriers[2], config.carriers[3]
    assert.same({ "telco_a", 1, 5, 2, 50 }, { a.name, a.own.cost, a.own.breaker.failures, a.options.binds, a.options.window })
    assert.same({ 0.8, false, "always", "sar" }, { b.own.cost, b.own.breaker, b.own.receipts, b.own.long })
    assert.is_nil(b.options.receipts)
    assert.same({ true, 9, 10, 3600 }, { c.own.off, c.own.breaker.failures, c.own.breaker.within_s, c.options.receipts.zone_s })
  end)

  it("names the line of each mistake, with a suggestion", function()
    for _, case in ipairs {
      { HEAD .. 'rout { via = "telco_a" }', "error 3: unknown name 'rout'; did you mean 'route'?" },
      { HEAD .. 'route { via = "telco_b" }', "error 3: route: via: unknown carrier 'telco_b'; did you mean 'telco_a'?" },
      { HEAD .. 'route {\n to = "1",\n viaa = "telco_a" }', "error 3: route: unknown option 'viaa'; did you mean 'via'?" },
      { HEAD .. 'route { account = "acm", via = "telco_a" }', "error 3: route: account: unknown account 'acm'; did you mean 'acme'?" },
      { HEAD .. 'route { to = prefix { "49", 5 }, via = "telco_a" }', "error 3: prefix: expected strings, got 5" },
      { HEAD .. 'route { to = { "1", prefixes "none.csv" }, via = "telco_a" }', "error 3: cannot read none.csv: No such file or directory" },
      { HEAD .. 'route { via = "telco_a" }\nroute { to = "1", via = "telco_a" }', "error 4: route: covered by the rule in line 3: it never gets a message" },
      { HEAD .. 'route { via = "telco_a" }\nincoming { deliver = "bank" }', "error 4: incoming: deliver: unknown account 'bank'" },
      { HEAD .. 'carrier "telco_a" "smpp://x@y"\nroute { via = "telco_a" }', "error 3: carrier 'telco_a': duplicate, first in line 2" },
      { HEAD .. 'carrier "a b" { "smpp://x@y" }\nroute { via = "telco_a" }', "error 3: carrier: expected a name of letters, digits, _ . and -, got 'a b'" },
      { HEAD .. 'carrier { "smpp://x@y" }\nroute { via = "telco_a" }', "error 3: carrier: expected a name of letters, digits, _ . and -, got a table" },
      { HEAD .. 'carrier "b"\nroute { via = "telco_a" }', "error 3: carrier 'b': expected its options behind the name, as in carrier \"b\" { \"smpp://me@host\" }" },
      { HEAD .. 'carrier "b" { nothing }\nroute { via = "telco_a" }', "error 3: unknown name 'nothing'" },
      { HEAD .. 'carrier "b" { "smpp://x@y", costs = 1 }\nroute { via = failover { "telco_a", "b" } }', "error 3: carrier 'b': unknown option 'costs'; did you mean 'cost'?" },
      { HEAD .. 'carrier "b" { "smpp://x@y:99999" }\nroute { via = failover { "telco_a", "b" } }', true },
      { HEAD .. 'carrier "b" {}\nroute { via = failover { "telco_a", "b" } }', "error 3: carrier 'b': missing host: give a URL, host = or hosts =" },
      { HEAD .. 'gateway { drain_ss = 3 }\nroute { via = "telco_a" }', "error 3: gateway: unknown option 'drain_ss'; did you mean 'drain_s'?" },
      { HEAD .. 'store { "x.db", keep_ss = 5 }\nroute { via = "telco_a" }', "error 3: store: unknown option 'keep_ss'; did you mean 'keep_s'?" },
      { HEAD .. 'store {}\nroute { via = "telco_a" }', "error 3: store: expected a file" },
      { HEAD .. 'store "valky://me:secret@x"\nroute { via = "telco_a" }',
        "error 3: store: unknown engine 'valky': expected a file, valkey://HOST or redis://HOST, with TLS valkeys:// or rediss://" },
      { HEAD .. 'store "x.db"\nstore "y.db"\nroute { via = "telco_a" }', "error 4: store: duplicate, first in line 3" },
      { HEAD .. 'store "x.db"\nlisten { port = 1, accounts = { acme = "x" } }\nroute { via = "telco_a" }',
        "error 4: listen: accounts.acme: also in line 1: with a store an account has one listen" },
      { HEAD .. 'carrier "b" { "smpp://x@y", long = "payload" }\nroute { via = "telco_a" }', "error 3: carrier 'b': long: \"payload\" needs a store" },
      { HEAD .. 'carrier "b" { "smpp://x@y", on_unknown = "hold" }\nroute { via = "telco_a" }', "error 3: carrier 'b': on_unknown: \"hold\" needs a store" },
      { HEAD .. 'route { via = "telco_a", through = false }', "error 3: route: through = false needs a store" },
      { HEAD .. "http { }\nroute { via = 'telco_a' }", "error 3: http: port: missing" },
      { HEAD .. "local x = nil + 1\nroute { via = 'telco_a' }", "error 3: attempt to perform arithmetic on a nil value" },
      { HEAD .. "route { = }", "error 3: unexpected symbol" },
      { HEAD .. 'tlv { tag = 0x1499, name = "pe", type = "strin" }\nroute { via = "telco_a" }', true },
      { 'listen { prt = 1 }\nroute { drop = true }', "error 1: listen: unknown option 'prt'; did you mean 'port'?" },
      { 'listen { accounts = { acme = { pasword = "x" } } }\nroute { drop = true }', "error 1: listen: unknown option 'accounts.acme.pasword'; did you mean 'accounts.acme.password'?" },
      { 'listen { accounts = { acme = { carriers = { "x" } } } }\nroute { drop = true }', "error 1: listen: accounts.acme.carriers: unknown carrier 'x'" },
      { 'listen { accounts = { acme = { prices = "none.csv" } } }\nroute { drop = true }', "error 1: listen: prices: cannot read none.csv: No such file or directory" },
      { 'listen { accounts = "none.lua" }\nroute { drop = true }', true },
      { 'listen "x"\nroute { drop = true }', "error 1: listen: expected a table of options, got 'x'" },
      { 'route "x"', "error 1: expected a rule, got 'x'" },
      { "route { drop = true }", "error nil: missing listen: nobody can connect" },
    } do
      local found, config = problems(case[1])
      for i = 2, #case do
        if case[i] ~= true then assert.equal(case[i], found[i - 1]) end
      end
      assert.equal(#case - 1, #found, table.concat(found, "\n"))
      assert.is_nil(config)
    end
  end)

  it("reports several at once", function()
    assert.equal(3, #problems(HEAD .. 'route { to = prefix "", via = "telco_a" }\nroute { to = "1", via = "x" }\nincoming { reply = 1 }\nroute { via = "telco_a" }'))
  end)

  it("has doubts that do not keep it from starting", function()
    local found, config = problems 'listen { port = 0 }\ncarrier "a" "smpp://x@y"'
    assert.same({
      "warning nil: no route: all messages are refused with ESME_RINVDSTADR", "warning 1: listen: no accounts: everybody may bind",
      "warning 2: carrier 'a' is used by no rule",
    }, found)
    assert.truthy(config)
  end)

  it("takes any account where not all of them are in the file", function()
    assert.same({}, problems('listen { authenticate = function() return true end }\nroute { account = "anybody", drop = true }'))
  end)

  it("reads files beside it, prices and accounts too, and names them", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    local function write(name, text)
      local handle = assert(io.open(folder .. "/" .. name, "wb"))
      handle:write(text)
      handle:close()
    end
    write("numbers.csv", "prefix\n49\n")
    write("accounts.lua", 'return { acme = { password = "x", prices = "prices.csv" } }')
    write("prices.csv", "prefix,price\n49,0.05\n4915,0.1\n")
    write("gateway.lua", 'listen { accounts = "accounts.lua", tls = { cert = "c.pem", key = "k.pem" }, port = 1 }\nroute { to = prefixes "numbers.csv", drop = true }')
    local config, list = file.read(folder .. "/gateway.lua")
    assert.same({}, list)
    assert.same({ folder .. "/gateway.lua", folder .. "/numbers.csv", folder .. "/accounts.lua", folder .. "/prices.csv" }, config.files)
    assert.same({ { prefix = "49", price = 0.05 }, { prefix = "4915", price = 0.1 } }, config.accounts.acme.price_rows)
    assert.same({ cert = folder .. "/c.pem", key = folder .. "/k.pem" }, config.listens[1].options.tls)
    write("prices.csv", "prefix,price\n49,cheap\n")
    config, list = file.read(folder .. "/gateway.lua")
    assert.is_nil(config)
    assert.same({ file = "prices.csv", line = 2, severity = "error", message = "expected a prefix and a price" }, list[1])
    os.execute("rm -r " .. folder)
    config, list = file.read(folder .. "/gateway.lua")
    assert.is_nil(config)
    assert.equal("cannot read the file: No such file or directory", list[1].message)
    assert.equal(folder .. "/gateway.lua: cannot read the file: No such file or directory", file.words(list[1]))
    assert.equal("a.lua:3: unknown", file.words { file = "a.lua", line = 3, message = "unknown" })
    assert.equal("cannot read the file: Is a directory", select(2, file.read "/tmp")[1].message)
  end)

  it("gives vendors' TLVs names, also when it is read again", function()
    local text = HEAD .. 'tlv { tag = 0x1477, name = "pe_test_id", type = "cstring" }\nroute { tlv = { pe_test_id = "1" }, via = "telco_a" }'
    assert.same({}, problems(text))
    assert.same({}, problems(text))
  end)

  it("is Lua with its libraries, and names of its own", function()
    local list, config = problems(HEAD .. 'home = "49"\nfor i = 1, 3 do route { to = prefix(home .. i), via = "telco_a" } end\nroute { text = string.upper "x", via = "telco_a" }')
    assert.same({}, list)
    assert.equal(4, #config.route.rules)
    assert.is_nil(rawget(_G, "home"))
  end)

  it("finds the file with an engine's password beside it, or says that it cannot be read", function()
    local path = os.tmpname()
    local text = ('%s store "valkey://h?password_file=%s"\nroute { via = "telco_a" }'):format(HEAD, path:match "[^/]*$")
    local config, list = file.read(path:match "^.*/" .. "gateway.lua", { text = text })
    assert.is_nil(config)
    assert.equal(("store: password_file: %s: empty file, expected a password in its first line"):format(path), list[1].message)
    local handle = assert(io.open(path, "w"))
    handle:write "secret\n"
    handle:close()
    config = file.read(path:match "^.*/" .. "gateway.lua", { text = text })
    assert.equal(path, config.store.password_file)
    os.remove(path)
  end)

  it("warns of a store in an engine that may lose what was answered", function()
    local function of(url) return problems(('%s store "valkey://%s"\nroute { via = "telco_a" }'):format(HEAD, url)) end
    for _, url in ipairs { "h", "h?durable=engine", "h?durable=replica&replicas=2&wait_ms=50", "h,i?durable=disk" } do assert.same({}, of(url)) end
    local function word(list) return #list == 1 and list[1]:match "^warning 3: store: (%S+)" end
    assert.same({ "durable", "replicas", "wait_ms" }, { word(of "h,i"), word(of "h?replicas=2"), word(of "h?wait_ms=9") })
  end)

  it("reads the file of the spec's own worlds", function() assert.same({}, problems(support.FILE)) end)

  it("hides the token of a syntax error: it may be a password", function()
    local path = cli.file 'listen { accounts = { a = "secret" "other" } }'
    local _, list = file.read(path)
    assert.is_nil(list[1].message:find("other", 1, true))
    os.remove(path)
  end)
end)
