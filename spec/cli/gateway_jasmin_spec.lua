local cli = require "spec.support.cli"
local file = require "smpp.gateway.file"
local jasmin = require "smpp.cli.gateway_jasmin"
local routes = require "spec.support.routes"

local CONSOLE = [==[
jcli : group -l
#Group id
#marketing
#!old
Total Groups: 2

jcli : user -a
Adding a new User: (ok: save, ko: exit)
> username foo
> password bar"x
> gid marketing
> uid foo_1
> mt_messaging_cred valuefilter src_addr ^JASMIN$
> mt_messaging_cred valuefilter content ^Hello.*$
> mt_messaging_cred quota balance 44.2
> mt_messaging_cred quota sms_count none
> mt_messaging_cred quota smpps_throughput 2
> smpps_cred quota max_bindings 2
> ok
Successfully added User [foo] to Group [marketing]
jcli : user -s bob
username bob
mt_messaging_cred defaultvalue src_addr 12345
mt_messaging_cred quota http_throughput 5
mt_messaging_cred quota balance ND
mt_messaging_cred quota sms_count 100
mt_messaging_cred valuefilter priority ^[0-1]$
mt_messaging_cred valuefilter content .*
mt_messaging_cred valuefilter src_addr .*
mt_messaging_cred valuefilter dst_addr ^(49|43)\d+$
mt_messaging_cred valuefilter validity_period ^\d+$
mt_messaging_cred authorization http_send True
mt_messaging_cred authorization http_bulk False
mt_messaging_cred authorization http_long_content False
uid bob
smpps_cred quota max_bindings ND
smpps_cred authorization bind True
gid marketing
jcli : user -l
#User id          Group id         Username         Balance MT SMS Throughput
#foo_1            marketing        foo              44.2    ND     ND/2
#bob              marketing        bob              ND      100    5/ND
#!gone            old              gone             ND      ND     ND/ND
Total Users: 3
jcli : smppccm -a
Adding a new connector: (ok: save, ko: exit)
> cid telco_a
> host a.example
> port 2776
> username me
> password secret
> bind transceiver
> submit_throughput 50
> ok
Successfully added connector [telco_a]
jcli : smppccm -s telco-b
ripf 0
con_fail_delay 10
dlr_expiry 86400
coding 0
submit_throughput 0
elink_interval 10
bind_to 30
port 8775
ssl yes
con_fail_retry yes
password password
src_addr None
bind_npi 1
addr_range None
dst_ton 1
res_to 60
def_msg_id 0
priority 2
con_loss_retry yes
username smppclient
dst_npi 1
validity None
requeue_delay 120
host 127.0.0.1
src_npi 1
trx_to 300
logfile /var/log/jasmin/default-Demo.log
systype
cid telco-b
loglevel 20
bind transmitter
proto_id None
con_loss_delay 10
bind_ton 0
pdu_red_to 10
src_ton 2
dlr_msgid 1
jcli : smppccm -l
#Connector id                        Service Session          Starts Stops
#telco_a                             started BOUND_TRX        1      0
#telco-b                             stopped None             0      0
Total connectors: 2
jcli : httpccm -a
Adding a new Httpcc: (ok: save, ko: exit)
> url http://10.10.20.125/receive-sms/mo.php
> method GET
> cid http_1
> ok
jcli : filter -a
Adding a new Filter: (ok: save, ko: exit)
type fid
> type destinationaddrfilter
jasmin.routing.Filters.DestinationAddrFilter arguments:
destination_addr
> destination_addr ^49(15|16)\d+
> fid Germany
> ok
Successfully added Filter [DestinationAddrFilter] with fid:Germany
jcli : filter -l
#Filter id        Type                   Routes Description
#StartWithHello   ShortMessageFilter     MO MT  <ShortMessageFilter (msg=^hello.*$)>
#ExternalPy       EvalPyFilter           MO MT  <EvalPyFilter (pyCode= ..)>
#To85111          DestinationAddrFilter  MO MT  <DestinationAddrFilter (dst_addr=^85111$)>
#September2014    DateIntervalFilter     MO MT  <DateIntervalFilter (2014-09-01,2014-09-30)>
#WorkingHours     TimeIntervalFilter     MO MT  <TimeIntervalFilter (08:00:00,18:00:00)>
#TF               TransparentFilter      MO MT  <TransparentFilter>
#Germany          DestinationAddrFilter  MO MT  <DestinationAddrFilter (dst_addr=^49(15|16)\d+)>
Total Filters: 7
jcli : mtrouter -a
Adding a new MT Route: (ok: save, ko: exit)
> type StaticMTRoute
jasmin.routing.Routes.StaticMTRoute arguments:
filters, connector
> filters Germany;WorkingHours
> order 10
> connector smppc(telco_a)
> rate 0.05
> ok
Successfully added MTRoute [StaticMTRoute] with order:10
jcli : mtrouter -l
#Order Type                    Rate    Connector ID(s)                     Filter(s)
#40    StaticMTRoute           0 (!)   smppc(telco_a)                      <Ev (pyCode=if routabl ..)>
#30    FailoverMTRoute         0 (!)   smppc(telco_a), smppc(telco-b)      <U (uid=bob)>, <DA (dst_addr=^33)>
#20    RandomRoundrobinMTRoute 0 (!)   smppc(telco_a), smppc(telco-b)      <G (gid=marketing)>, <SM (msg=^PROMO)>
#10    StaticMTRoute           0.05000 smppc(telco_a)                      <DA (dst_addr=^49(15|16)\d+)>, <TI (08:00:00,18:00:00)>
#0     DefaultRoute            0 (!)   smppc(telco-b)
Total MT Routes: 5
jcli : morouter -l
#Order Type                    Connector ID(s)                  Filter(s)
#15    StaticMORoute           smpps(foo)                       <DA (dst_addr=^85111$)>
#10    StaticMORoute           http(http_1)                     <C (cid=telco-b)>
#0     DefaultRoute            smpps(bob)
Total MO Routes: 3
jcli : mtinterceptor -a
Adding a new MT Interceptor: (ok: save, ko: exit)
> type StaticMTInterceptor
<class 'jasmin.routing.Interceptors.StaticMTInterceptor'> arguments:
filters, script
> order 10
> filters StartWithHello
> script python3(/opt/jasmin-scripts/interception/mt-interceptor.py)
> ok
jcli : persist
]==]

describe("smpp.cli.gateway_jasmin", function()
  it("makes a file that has no mistakes, and routes as Jasmin would", function()
    local lua = jasmin.convert(CONSOLE, "jasmin.txt")
    local config, problems = file.read("gateway.lua", { text = lua })
    assert.same({}, problems, lua)
    local a, b = config.carriers[1], config.carriers[2]
    assert.same({ "telco_a", "telco-b", "smpp://a.example:2776", "smpps://127.0.0.1:8775", "me", 50, "dec", "tx" },
      { a.name, b.name, a.options[1], b.options[1], a.options.system_id, a.options.rate_per_s, b.options.id_base, b.options.bind })
    local foo, bob = config.accounts.foo, config.accounts.bob
    assert.same({ 44.2, "JASMIN", 100, 1, "12345" }, { foo.credit, foo.from, bob.credit, bob.max_priority, bob.default_from })
    local plain = config.listens[1].accounts
    assert.same({ 'bar"x', 2, 2, "CHANGE_ME" }, { plain.foo.password, plain.foo.rate_per_s, plain.foo.max_binds, plain.bob.password })
    local at = { time = 12 * 3600 }
    local function to(account, number, words)
      local decision = config.route:decide(routes.message { account = account, destination_addr = number, short_message = words or "Hello" }, routes.state(at))
      return decision.carriers and table.concat(decision.carriers, " ") or decision.reject
    end
    assert.equal("telco_a telco-b", to("bob", "331"))
    assert.equal("telco-b", to("foo", "331"))
    assert.equal("ESME_RSUBMITFAIL", to("foo", "331", "Bye"))
    local first, second = to("bob", "1", "PROMO"), to("bob", "1", "PROMO")
    assert.is_true(first:find "telco" == 1 and second:find "telco" == 1)
    local old = os.date("*t", at.time).hour >= 8 and os.date("*t", at.time).hour < 18
    assert.equal(old and "telco_a" or "telco-b", to("foo", "49151"))
    local function mo(number)
      local msg = routes.message { command = "deliver_sm", carrier = "telco_a", destination_addr = number, short_message = "Hi" }
      return config.incoming:decide(msg, routes.state()).deliver
    end
    assert.same({ "foo", "bob" }, { mo "85111", mo "1" })
  end)

  it("has a comment for each thing without a counterpart, with its line", function()
    local lua = jasmin.convert(CONSOLE, "jasmin.txt")
    for _, part in ipairs {
      "line 24, mt_messaging_cred.quota.http_throughput = 5: no counterpart", "-- line 4: group old is disabled", "-- bob: Jasmin does not show passwords",
      "-- may not bind (disabled):", "line 74, priority = 2: no counterpart; see set", "logfile = /var/log/jasmin", "filter evalpyfilter if routabl",
      "order 10 costs 0.05000 a message", "http(http_1) has no counterpart", "mt-interceptor.py", 'HTTP client connector http_1: webhook = { url = "http://10.10.20.125',
    } do cli.has(lua, part) end
    cli.has(jasmin.convert("smppccm -a\ncid x\nnew_setting 5\nok\nsomething else\n", "x"), "line 3, new_setting = 5: no counterpart")
    cli.has(jasmin.convert("smppccm -a\ncid x\nok\nsomething else\n", "x"), "-- line 4, not understood: something else")
  end)

  it("joins several filters of one kind", function()
    local lua = jasmin.convert("mtrouter -l\n#Order Type Rate Connector ID(s) Filter(s)\n#5 StaticMTRoute 0 (!) smppc(a) <DA (dst_addr=^49)>, <DA (dst_addr=^4915)>, "
      .. "<DI (2014-09-01,2014-09-30)>\nsmppccm -a\ncid a\nok\n", "x")
    cli.has(lua, 'route { to = prefix "49", when = function() local day = os.date "%Y-%m-%d"; return day >= "2014-09-01" and day <= "2014-09-30" end, '
      .. 'all = { { to = prefix "4915" } }, via = "a" }')
    assert.same({}, (select(2, file.read("gateway.lua", { text = lua }))))
  end)

  it("makes something to begin with of any text", function()
    local names = { "", "nonsense", ("x"):rep(65536), ("#"):rep(65536), "jcli : smppccm -a\n> cid a b\1\n> host \"x\"\n> password a\\\n> ok\n",
      "user -a\nuid \"]]--\nusername very long name of more than fifteen\npassword x\nok\nuser -a\nuid 2\nusername very long name of more\nok\n",
      "mtrouter -a\norder 1\ntype X\nfilters none\nconnector smppc(none)\nok\n", "morouter -l\n#Order Type\n#1 x smpps(none)\n#x\n",
      "mtrouter -l\n#Order Type Rate\n#1 A 0 (!) smppc(a) " .. ("<DA (dst_addr=^(a|b)*)>, "):rep(2000) .. "\nsmppccm -a\ncid a\nok" }
    for _, text in ipairs(names) do
      local config, problems = file.read("gateway.lua", { text = jasmin.convert(text, "x") })
      local first
      for _, one in ipairs(problems) do first = first or one.severity == "error" and one.message end
      assert.truthy(config, first)
    end
  end)

  it("is what the command prints", function()
    local path = cli.file(CONSOLE)
    local code, out = cli.run { "gateway", "--from-jasmin", path }
    assert.equal(0, code)
    cli.has(out, 'carrier "telco_a" { "smpp://a.example:2776"')
    os.remove(path)
    assert.same({ 2, "", "smpp: cannot read /nonexistent: No such file or directory\n" }, { cli.run { "gateway", "--from-jasmin", "/nonexistent" } })
  end)
end)
