local cli = require "spec.support.cli"
local file = require "smpp.gateway.file"
local kannel = require "smpp.cli.gateway_kannel"
local routes = require "spec.support.routes"

local CONF = [[
# Kannel
group = core
admin-port = 13000

group = smsc
smsc = smpp
smsc-id = telco-a
host = a.example
port = 2776
smsc-username = me
smsc-password = "se\"cret"
transceiver-mode = true
throughput = 50
max-pending-submits = 20
preferred-prefix = 4915;4916
denied-prefix = 44
my-number = 12345
msg-id-type = 0x01

group = smsc
smsc = smpp
smsc-id = telco-a
host = b.example
use-ssl = 1
allowed-prefix = 33
system-type = VMA

group = smsc
smsc = http
smsc-id = web

group = opensmppbox
opensmppbox-port = 2345
smpp-logins = /etc/kannel/logins
bearerbox-host = localhost
]]

describe("smpp.cli.gateway_kannel", function()
  it("makes a file that has no mistakes, and routes as Kannel would", function()
    local lua = kannel.convert(CONF, "kannel.conf")
    local config, problems = file.read("gateway.lua", { text = lua })
    assert.same({}, problems, lua)
    local a, b = config.carriers[1], config.carriers[2]
    assert.same({ "telco-a", "telco-a_2", "smpp://a.example:2776", "smpps://b.example", "me", 50, 20, "hex", "VMA" },
      { a.name, b.name, a.options[1], b.options[1], a.options.system_id, a.options.rate_per_s, a.options.window, a.options.id_base, b.options.system_type })
    assert.equal(2345, config.listens[1].options.port)
    local function via(to)
      local decision = config.route:decide(routes.message { destination_addr = to }, routes.state())
      return decision.carriers and decision.carriers[1] or decision.reject
    end
    assert.same({ "telco-a", "telco-a", "telco-a", "ESME_RINVDSTADR" }, { via "4915", via "1", via "33", via "44" })
  end)

  it("says what has no counterpart, with its line", function()
    local lua = kannel.convert(CONF, "kannel.conf")
    for _, part in ipairs {
      "-- line 17, my-number = 12345: no counterpart", "-- line 2: group = core: no counterpart", "bearerbox-host = localhost: no counterpart",
      "-- accounts: those of /etc/kannel/logins", "group = smsc: no counterpart",
    } do cli.has(lua, part) end
  end)

  it("makes accounts of the users of sendsms, which go on as they are", function()
    if not require("smpp.http").is_available() then return end
    local lua = kannel.convert([[
group = smsbox
bearerbox-host = localhost
sendsms-port = 14013

group = sendsms-user
username = tester
password = "se\"cret"
default-sender = Shop
max-messages = 10
user-allow-ip = 127.0.0.1;10.0.0.1
allowed-prefix = 49;+43
faked-sender = 1

group = sendsms-user
username = a-name-that-is-too-long
password = x

group = sms-service
keyword = default
get-url = "http://x.example/mo?from=%p&text=%a"
]], "kannel.conf")
    local config, problems = file.read("gateway.lua", { text = lua })
    local errors = {}
    for _, one in ipairs(problems) do
      if one.severity == "error" then errors[#errors + 1] = one.message end
    end
    assert.same({}, errors, lua)
    local one = config.https[1]
    assert.same({ 14013, true }, { one.options.port, one.options.kannel })
    assert.same({ addresses = { "127.0.0.1", "10.0.0.1" }, password = 'se"cret' }, one.accounts.tester)
    assert.same({ "Shop", 10 }, { config.accounts.tester.default_from, config.accounts.tester.max_parts })
    for _, part in ipairs {
      "-- line 12, faked-sender = 1: no counterpart", "-- line 2, bearerbox-host = localhost: no counterpart",
      "-- line 14: group = sendsms-user: a name of 1 to 15 characters is needed, of its own", 'incoming { deliver = "tester" }',
      '-- line 20, get-url = http://x.example/mo?from=%p&text=%a: webhook = { url = "http://x.example/mo?from=%p&text=%a", style = "kannel", method = "GET" }',
    } do cli.has(lua, part) end
  end)

  it("says regular expressions as patterns, where they can be", function()
    local lua = kannel.convert("group = smsc\nsmsc = smpp\nsmsc-id = a\nallowed-prefix = 33\nallowed-prefix-regex = ^49(15|16)\ndenied-prefix-regex = 44$\n"
      .. "preferred-prefix-regex = ^1[2-4]\n", "x")
    cli.has(lua, 'route { to = pattern { "^1[2-4]" }, via = "a", else_next = true }')
    cli.has(lua, 'route { to = { prefix { "33" }, pattern { "^4915", "^4916" } }, via = "a", else_next = true }')
    cli.has(lua, "-- line 6, denied-prefix-regex = 44$: an expression that has no counterpart")
    assert.same({}, (select(2, file.read("gateway.lua", { text = lua }))))
  end)

  it("makes something to begin with of any text", function()
    for _, text in ipairs { "", "nonsense", "group = smsc\nsmsc = smpp\n", "group = smsc\nsmsc = smpp\nhost = \"a\nb\"\nsmsc-id = a b\1\n", ("x"):rep(65536) } do
      local config, problems = file.read("gateway.lua", { text = kannel.convert(text, "x") })
      assert.truthy(config, problems[1] and problems[1].message)
    end
  end)

  it("is what the command prints", function()
    local path = cli.file(CONF)
    local code, out = cli.run { "gateway", "--from-kannel", path }
    assert.equal(0, code)
    cli.has(out, 'carrier "telco-a" { "smpp://a.example:2776"')
    os.remove(path)
    assert.same({ 2, "", "smpp: cannot read /nonexistent: No such file or directory\n" }, { cli.run { "gateway", "--from-kannel", "/nonexistent" } })
    assert.equal(2, (cli.run { "gateway" }))
  end)
end)
