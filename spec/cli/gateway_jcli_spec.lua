local jcli = require "smpp.cli.gateway_jcli"

describe("smpp.cli.gateway_jcli", function()
  it("reads what was typed, and what is shown, with lines", function()
    local config = jcli.read [[
jcli : smppccm -a
Adding a new connector: (ok: save, ko: exit)
> cid Demo
> bind transmitter
> ok
Successfully added connector [Demo]
jcli : smppccm -u Demo
> host 10.10.1.2
> ok
jcli : smppccm -a
> cid forgotten
> ko
jcli : mtrouter -s 20
RandomRoundrobinMTRoute to 2 connectors:
   - smppc(a)
   - smppc(b)
NOT RATED
jcli : user -s foo
username bar
mt_messaging_cred quota balance 4.5
gid g
jcli : user -d foo
jcli : quit
]]
    assert.same({ "transmitter", "10.10.1.2", 8 }, { config.smppccm.Demo.bind, config.smppccm.Demo.host, config.smppccm.Demo.list[3].line })
    assert.is_nil(config.smppccm.forgotten)
    assert.same({ "RandomRoundrobinMTRoute", "smppc(a);smppc(b)" }, { config.mtrouter["20"].type, config.mtrouter["20"].connectors })
    local foo = config.user.foo
    assert.same({ "bar", "4.5", "g", "yes" }, { foo.username, foo["mt_messaging_cred.quota.balance"], foo.gid, foo.disabled })
    assert.same({}, config.others)
  end)

  it("reads scripts without a prompt, and listings without a command", function()
    local config = jcli.read "filter -a\ntype TagFilter\nfid t\ntag 21401\nok\n#Order Type Rate Connector ID(s) Filter(s)\n#5 StaticMTRoute 0.5 smppc(a) <TG (tag=21401)>\nwhat?\n"
    assert.same({ "TagFilter", "21401" }, { config.filter.t.type, config.filter.t.tag })
    assert.same({ "0.5", "smppc(a)", "<TG (tag=21401)>" }, { config.mtrouter["5"].rate, config.mtrouter["5"].connectors, config.mtrouter["5"].shown })
    assert.same({ { line = 8, text = "what?" } }, config.others)
  end)

  it("keeps what was typed where a listing shows less, and takes away what was removed", function()
    local config = jcli.read("mtrouter -a\norder 5\nfilters x;y\nconnector smppc(a)\nok\nmtrouter -l\n#Order Type Rate Connector ID(s) Filter(s)\n"
      .. "#5 StaticMTRoute 0 (!) smppc(a) <T>\nuser -a\nuid u\nok\nuser -r u\n")
    assert.same({ "x;y" }, { config.mtrouter["5"].filters, config.mtrouter["5"].shown })
    assert.same({}, config.user)
  end)
end)
