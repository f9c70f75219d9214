local cli = require "spec.support.cli"
local smpp = require "smpp"

local HEAD = 'listen { port = 2775, accounts = { acme = "secret", bank = "x" } }\ncarrier "a" { "smpp://x@y" }\ncarrier "b" { "smpp://x@z" }\n'

--- A capture of messages of two accounts.
local function capture()
  local octets = {}
  local trace = smpp.trace.new { write = function(_, ...) octets[#octets + 1] = table.concat { ... } end }
  local function say(port, fields)
    fields.sequence_number = #octets + 1
    trace:pdu(assert(smpp.encode(fields)), { from = { host = "127.0.0.1", port = port }, to = { host = "127.0.0.1", port = 2775 }, time = 1700000000 + #octets })
  end
  for i, account in ipairs { "acme", "bank" } do
    say(50000 + i, { command = "bind_transceiver", system_id = account, password = "x" })
    for k = 1, 3 do say(50000 + i, { command = "submit_sm", destination_addr = k == 3 and "44" or "49", short_message = "Hi" }) end
  end
  return cli.file(table.concat(octets))
end

describe("smpp.cli.gateway_replay", function()
  it("counts what goes where, and what another file changes", function()
    local traffic = capture()
    local one = cli.file(HEAD .. 'route { account = "acme", to = prefix "49", via = "a" }\nroute { to = prefix "49", via = "b" }\n')
    local two = cli.file(HEAD .. '\n\nroute { to = prefix "49", via = "b" }\nroute { drop = true }\n')
    local code, out = cli.run { "gateway", one, "--replay", traffic }
    assert.equal(0, code)
    assert.equal("6 messages\n       2  line 4: via a\n       2  line 5: via b\n       2  no rule matches: reject ESME_RINVDSTADR\n", out)
    code, out = cli.run { "gateway", one, "--replay", traffic, "--against", two }
    assert.equal(0, code)
    cli.has(out, "changes with " .. two .. ":\n       2  line 4: via a  =>  line 6: via b\n       2  no rule matches: reject ESME_RINVDSTADR  =>  line 7: drop\n")
    code, out = cli.run { "gateway", one, "--replay", traffic, "--against", one }
    assert.equal(0, code)
    cli.has(out, "changes with " .. one .. ": none")
    local object = cli.objects(select(2, cli.run { "gateway", one, "--replay", traffic, "--against", two, "--json" }))[1]
    assert.same({ 6, 2, "line 4: via a", 2 }, { object.messages, object.decisions[1].count, object.decisions[1].what, #object.changes })
    for _, path in ipairs { traffic, one, two } do os.remove(path) end
  end)

  it("says what is no capture, and what no file", function()
    local one, text = cli.file(HEAD .. "route { drop = true }"), cli.file "no capture at all, but text"
    local code, _, err = cli.run { "gateway", one, "--replay", text }
    assert.equal(2, code)
    cli.has(err, text)
    assert.same({ 2, "", "smpp: /nonexistent: No such file or directory\n" }, { cli.run { "gateway", one, "--replay", "/nonexistent" } })
    assert.equal(2, (cli.run { "gateway", one, "--replay", text, "--against", "/nonexistent" }))
    os.remove(one)
    os.remove(text)
  end)
end)
