local argparse = require "argparse"
local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local loops = require "smpp.loop"
local settings = require "smpp.simulator.settings"
local sim_options = require "smpp.cli.sim_options"
local smpp = require "smpp"

local has, lacks = cli.has, cli.lacks

local lines, sim = cli.lines, cli.sim

local function talk()
  local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1")
  local sent = assert(esme:send { from = "Shop", to = "+49151", text = "Hello \240\159\145\139", receipt = true })
  assert.equal("DELIVERED", assert(sent:receipt(10)).state)
  assert(esme:send { to = "491", data = "\1\2" })
  esme:close()
end

describe("smpp sim", function()
  it("says where it listens, what happens, what there was", function()
    local code, out, err = sim({ "--for", "10" }, talk)
    assert.equal(0, code)
    assert.equal("", err)
    local list = lines(out)
    assert.equal("listening on 127.0.0.1:2775", list[1])
    assert.truthy(list[2]:find "^22:13:20 bind     me as trx from 127%.0%.0%.1:%d+, SMPP 3%.4$")
    assert.equal('22:13:20 message  1  Shop > +49151  "Hello \240\159\145\139"', list[3])
    assert.equal("22:13:21 receipt  1  DELIVERED", list[4])
    assert.equal("22:13:21 message  2  - > 491  2 octets of data", list[5])
    assert.truthy(list[6]:find "^22:13:21 closed   me from 127%.0%.0%.1:%d+: unbound$")
    assert.equal("states: 2 DELIVERED", list[7])
    assert.equal("1 bind, 0 refused binds, 2 messages, 1 receipt, 0 refused messages, 0 mo, 0 faults", list[8])
    assert.is_nil(list[9])
  end)

  it("as JSON", function()
    local _, out = sim({ "--json", "--for", "10", "-v", "--deliver-after", "0.5" }, talk)
    local list = {}
    for i, line in ipairs(lines(out)) do list[i] = assert(dkjson.decode(line)) end
    assert.same({ event = "listening", host = "127.0.0.1", port = 2775 }, list[1])
    local by = {}
    for _, object in ipairs(list) do by[object.event] = by[object.event] or object end
    assert.equal("Hello \240\159\145\139", by.message.text)
    assert.equal("me", by.bind.system_id)
    assert.equal("DELIVERED", by.receipt.state)
    assert.same({
      event = "summary", binds = 1, refused_binds = 0, messages = 2, receipts = 1, refused_messages = 0, mo = 0, faults = 0,
      states = { DELIVERED = 2 },
    }, by.summary)
    assert.equal("bind_transceiver", by.pdu.command)
    assert.same({ "password" }, by.pdu.hidden)
  end)

  it("tells of messages that are refused, by a rule or by the checks; with -q it counts them", function()
    local function submit()
      local session = assert(smpp.connect "smpp://me@127.0.0.1:2775")
      for _, to in ipairs { "4999", "49a", "49" } do
        session:submit_sm { source_addr = "Shop", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = to, short_message = "Hi" }
      end
      session:submit_sm { source_addr = "Shop", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "49", esm_class = 0x3C }
      session:close()
    end
    local _, out = sim({ "--for", "10", "--set", 'rules={ { destination = "^4999", status = "ESME_RSYSERR" } }' }, submit)
    has(out, 'refused  me  Shop > +4999  "Hi": ESME_RSYSERR\n')
    has(out, 'refused  me  Shop > 49a  "Hi": ESME_RINVDSTADR\n')
    has(out, ": ESME_RINVESMCLASS\n")
    has(out, "1 bind, 0 refused binds, 1 message, 0 receipts, 3 refused messages")
    _, out = sim({ "-q", "--for", "10", "--set", 'rules={ { destination = "^4999", status = "ESME_RSYSERR" } }' }, submit)
    has(out, "3 refused messages")
    lacks(out, "Shop")
  end)

  it("lets in whom it knows, and shows no passwords", function()
    local code, out, err = sim({ "--port", "99", "-a", "me:a:b", "--account", "you:x", "--for", "10", "-v" }, function()
      assert(smpp.connect "smpp://me:a%3Ab@127.0.0.1:99"):close()
      assert(smpp.connect "smpp://you:x@127.0.0.1:99"):close()
      assert.is_nil((smpp.connect "smpp://me:geheim@127.0.0.1:99"))
      assert.is_nil((smpp.connect "smpp://he:x@127.0.0.1:99"))
    end)
    assert.equal(0, code)
    has(out, "listening on 127.0.0.1:99\n")
    assert.truthy(out:find "refused  me from 127%.0%.0%.1:%d+: ESME_R")
    assert.truthy(out:find "refused  he from 127%.0%.0%.1:%d+: ESME_RINVSYSID")
    has(out, "2 binds, 2 refused binds, 0 messages, 0 receipts")
    has(err, "bind_transceiver #1")
    for _, text in ipairs { out, err } do
      lacks(text, "geheim")
      lacks(text, "a:b")
    end
  end)

  it("writes a trace", function()
    local path = os.tmpname()
    sim({ "--for", "10", "--trace", path }, talk)
    local file = io.open(path, "rb")
    local octets = file:read "*a"
    file:close()
    os.remove(path)
    local code, out = cli.run({ "decode" }, { stdin = octets })
    assert.equal(0, code)
    has(out, "bind_transceiver #1")
    has(out, "receipt id 1, DELIVERED")
    lacks(octets, "secret")
  end)

  it("of a port that is taken is 3, of what is no option 2", function()
    async.virtual(function()
      local other = assert(smpp.server {})
      local code, out, err = cli.run({ "sim" }, { run = cli.inside })
      assert.equal(3, code)
      assert.equal("", out)
      has(err, "2775")
      other:close()
    end)()
    for _, words in ipairs { { "--port", "x" }, { "--port", "70000" }, { "--account", "nocolon" }, { "--account", ":x" }, { "--trace", "/no/such/file" },
      { "--account", "muchtoolongasystemid:x" }, { "--for", "soon" }, { "/no/such/file.lua" }, { "--behaviour", "odd" }, { "--mo-rate", "1" },
      { "--set", "accounts={ x = 5 }" }, { "--set", "undeliverable=^[" }, { "--mo-file", "/no/such/file" } } do
      table.insert(words, 1, "sim")
      local code, _, err = cli.run(words, { run = function(fn) return smpp.run(fn, { loop = require("smpp.loop.virtual").new() }) end })
      assert.equal(2, code)
      lacks(err, "traceback")
    end
  end)
end)

describe("smpp sim FILE", function()
  local path
  local function write(text)
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function state_of(esme)
    local sent = assert(esme:send { to = "+491", text = "x", receipt = true })
    return assert(sent:receipt(10)).state
  end

  it("takes all options from there; those of the command line win", function()
    write 'return { port = 99, accounts = { me = "secret" }, outcomes = { EXPIRED = 1 }, deliver_after_s = 5 }'
    local code, out, err = sim({ path, "--for", "20", "--deliver-after", "1" }, function()
      assert.is_nil((smpp.connect "smpp://other:secret@127.0.0.1:99"))
      local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1:99")
      assert.equal("EXPIRED", state_of(esme))
      esme:close()
    end)
    assert.equal(0, code)
    assert.equal("", err)
    has(out, "listening on 127.0.0.1:99\n")
    has(out, "22:13:21 receipt  1  EXPIRED\n")
    has(out, "states: 1 EXPIRED\n")
  end)

  it("reads it again when it changes and on SIGHUP; a broken one changes nothing and says why", function()
    write 'return { outcomes = { EXPIRED = 1 } }'
    local _, out, err = sim({ path, "--for", "40" }, function()
      local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1")
      write "return { outcome = { REJECTED = 1 } }"
      smpp.sleep(2)
      assert.equal("EXPIRED", state_of(esme))
      write "return { outcomes = { REJECTED = 1 } }"
      smpp.sleep(2)
      assert.equal("REJECTED", state_of(esme))
      loops.current():raise "SIGHUP"
      smpp.sleep(0.1)
      esme:close()
    end)
    assert.equal(2, select(2, out:gsub("reloaded " .. path:gsub("%p", "%%%0") .. "\n", "")))
    assert.equal("warning: nothing changed: " .. path .. ": unknown option 'outcome'; did you mean 'outcomes'?\n", err)
  end)

  it("must be right at the start: 2", function()
    for _, case in ipairs {
      { "return {", "expected" }, { "return 5", "expected the file to return a table" }, { "error 'mine'", "mine" },
      { "return { seeed = 1 }", "did you mean 'seed'" }, { "return { behaviour = 'odd' }", "flaky" },
      { "return { accounts = { me = 5 } }", "accounts.me: expected a password or a table" }, { "return { port = 99, bind_status = {} }", "bind_status" }, { "return { checks = { tonn = {} } }", "tonn" },
    } do
      write(case[1])
      async.virtual(function()
        local code, out, err = cli.run({ "sim", path }, { run = cli.inside })
        assert.equal(2, code)
        assert.equal("", out)
        has(err, case[2])
        lacks(err, "traceback")
      end)()
    end
  end)
end)

--- What smpp.simulator gets for a command line; nil and what is wrong with it.
local function given_for(line)
  local parser = argparse "sim"
  sim_options.define(parser)
  local words = {}
  for word in line:gmatch "%S+" do words[#words + 1] = word end
  local ok, result = parser:pparse(words)
  if not ok then return nil, result end
  return sim_options.read(result)
end

describe("smpp sim: an option", function()
  for line, expected in pairs {
    [""] = {},
    ["x.lua"] = { file = "x.lua" },
    ["--host ::1 -p 0"] = { host = "::1", port = 0 },
    ["-a me:a:b --account you:"] = { accounts = { me = { password = "a:b" }, you = { password = "" } } },
    ["--outbind 127.0.0.1:2776"] = { outbind = { host = "127.0.0.1", port = 2776 } },
    ["--outbind mc:p@w@[::1]:5 -a me:x"] = {
      outbind = { host = "::1", port = 5, system_id = "mc", password = "p@w", account = "me" }, accounts = { me = { password = "x" } },
    },
    ["--outbind h:5 -a me:x -a you:x"] = {
      outbind = { host = "h", port = 5 }, accounts = { me = { password = "x" }, you = { password = "x" } },
    },
    ["--state expired"] = { outcomes = { EXPIRED = 100 } },
    ["--state DELIVERED=90,UNDELIVERABLE=8 --state ENROUTE=2"] = { outcomes = { DELIVERED = 90, UNDELIVERABLE = 8, ENROUTE = 2 } },
    ["--deliver-after 0.5-3 --receipt-after 2"] = { deliver_after_s = { uniform = { 0.5, 3 } }, receipt_after_s = 2 },
    ["--latency normal:1,0.2"] = { latency_s = { normal = { 1, 0.2 } } },
    ["--latency spikes:0.02,3,1"] = { latency_s = { spikes = { 0.02, 3, 1 } } },
    ["--latency uniform:1,2"] = { latency_s = { uniform = { 1, 2 } } },
    ["--latency checks:5,75,60"] = { latency_s = { checks = { 5, 75, 60 } } },
    ["--undeliverable 491 --undeliverable ^4998 --by-digit"] = { undeliverable = { "491", "^4998" }, by_digit = true },
    ["-b flaky --seed 42 --throttle 50"] = { behaviour = "flaky", seed = 42, throttle = { rate_per_s = 50 } },
    ["--throttle 50 --throttle-burst 5"] = { throttle = { rate_per_s = 50, burst = 5 } },
    ["--refuse RSYSERR=2,ESME_RMSGQFUL=1 --refuse 0x58=0.5 --refuse rinvdstadr=3"] = {
      refusals = { ESME_RSYSERR = 2, ESME_RMSGQFUL = 1, ESME_RTHROTTLED = 0.5, ESME_RINVDSTADR = 3 },
    },
    ["--fault drop=1,half-pdu=2"] = { faults = { drop = 1, half_pdu = 2 } },
    ["--mo-file m.csv"] = { mo = { file = "m.csv", per_minute = 60 } },
    ["--mo-file m.csv --mo-rate 0.1 --loopback --esme-to-esme"] = {
      mo = { file = "m.csv", per_minute = 6 }, loopback = true, esme_to_esme = true,
    },
    ["--set seed=7 --set version=3.4 --set host=0.0.0.0 --set checks=false --set behaviour=slow"] = {
      seed = 7, version = "3.4", host = "0.0.0.0", checks = false, behaviour = "slow",
    },
    -- The kind of the key decides what a word is.
    ["--set capture=x.pcapng --set message_id_prefix=12 --set deliver_after_s=0.5-3 --set undeliverable=491,492 --set mo.per_minute=5"] = {
      capture = "x.pcapng", message_id_prefix = "12", deliver_after_s = { uniform = { 0.5, 3 } }, undeliverable = { "491", "492" }, mo = { per_minute = 5 },
    },
    ["--set message_id_prefix='a' --set queue_size=2*50"] = { message_id_prefix = "a", queue_size = 100 },
    ["--seed 1 --set seed=2 --set lists={a={'1'}} --set capture=os"] = { seed = 2, lists = { a = { "1" } }, capture = "os" },
  } do
    it(line, function()
      assert.same(expected, (assert(given_for(line))))
    end)
  end

  it("that is wrong says what is right", function()
    for line, message in pairs {
      ["--state DELIVRED"] = "did you mean 'DELIVERED'", ["--state EXPIRED=x"] = "NAME=WEIGHT", ["--state EXPIRED=-1"] = "NAME=WEIGHT",
      ["--fault drp=1"] = "did you mean 'drop'", ["--fault drop"] = "NAME=PERCENT", ["--fault ="] = "NAME=PERCENT",
      ["--refuse RNONSENSE=1"] = "RNONSENSE", ["--latency fast"] = "spikes:USUAL", ["--latency normal:1"] = "seconds",
      ["--latency checks:0,1,1"] = "seconds", ["--latency=-1"] = "seconds", ["--latency odd:1,2"] = "seconds",
      ["--latency uniform:a,b"] = "seconds", ["--throttle 0"] = "above 0", ["--seed x"] = "number", ["--port 65536"] = "from 0 to 65535",
      ["--set seed"] = "KEY=VALUE", ["--set sed=1"] = "did you mean 'seed'", ["--set seed=x"] = "seed: expected a number from",
      ["--set rules={{"] = "rules: ", ["--set seed=nil+1"] = "nil", ["--set loop={}"] = "unknown option", ["--set file=x"] = "unknown option",
      ["--outbind me:geheim@x"] = "me:***@x", ["--outbind x:0"] = "HOST:PORT", ["--outbind x:65536"] = "HOST:PORT",
      ["--mo-rate 1"] = "--mo-file", ["--account x"] = "ID:PASSWORD", ["a b"] = "too many arguments",
    } do
      local given, wrong = given_for(line)
      assert.is_nil(given, line)
      has(wrong, message)
      lacks(wrong, "geheim")
    end
  end)
end)

describe("smpp sim: keys", function()
  local function version_of(number) return (("%x"):format(number):gsub("(.)(.)", "%1.%2")) end

  local _, help = cli.run { "sim", "--help" }
  local flat = help:gsub("%s+", " ")

  for _, list in ipairs { settings.own:without("file"), settings.of_server } do
    for _, row in ipairs(list.rows) do
      it("have " .. row[1] .. " with its example, its unit and its default in --help", function()
        has(flat, " " .. row[5]:gsub("%s+", " ") .. " " .. row[4]:sub(1, 20))
        if row[2].unit then has(flat, "(in " .. row[2].unit) end
        if type(row[3]) == "number" then has(flat, ("default %s)"):format(tostring(row[3]))) end
      end)
    end
  end

  it("tell what holds without them", function()
    async.virtual(function()
      local mc = assert(smpp.simulator {})
      for _, row in ipairs(settings.of_server.rows) do
        local value = mc.server.options[row[1]]
        if row[3] ~= nil and not row.implied and type(value) ~= "table" then
          assert.equal(row[3], row[1] == "version" and version_of(value) or value, row[1])
        end
      end
      for _, row in ipairs(settings.own.rows) do
        if row[3] ~= nil then assert.same(row[3], mc.settings[row[1]]) end
      end
      mc:close()
    end)()
  end)

  it("wrap at the width of the terminal", function()
    for _, columns in ipairs { "60", "80", "100" } do
      local _, narrow = cli.run({ "sim", "--help" }, { env = { COLUMNS = columns } })
      local longest = 0
      for line in narrow:gmatch "[^\n]+" do
        if line:find "^        %l" then longest = math.max(longest, #line) end
      end
      assert.is_true(longest <= tonumber(columns) and longest > tonumber(columns) - 12, longest)
    end
  end)

  it("of the server reach it, given or from a file", function()
    local path = os.tmpname()
    async.virtual(function()
      for _, key in ipairs(settings.of_server.rows) do
        local name = key[1]
        local file = assert(io.open(path, "wb"))
        file:write("return { " .. key[5] .. " }")
        file:close()
        local given = dofile(path)
        if name == "trace" then -- a file that goes with the spec
          given.trace = os.tmpname()
          file = assert(io.open(path, "wb"))
          file:write(("return { trace = %q }"):format(given.trace))
          file:close()
        end
        local needs_files = name == "tls" -- certificates: spec/transport/tls_spec.lua
        for _, o in ipairs(needs_files and {} or { given, { file = path } }) do
          local mc = assert(smpp.simulator(o))
          local value = mc.server.options[name]
          if name == "version" then value = version_of(value) end
          assert.equal(type(given[name]), type(value), name)
          if type(value) ~= "function" then assert.same(given[name], value, name) end
          mc:close()
        end
        if name == "trace" then os.remove(given.trace) end
      end
    end)()
    os.remove(path)
  end)
end)
