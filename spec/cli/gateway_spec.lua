local async = require "spec.support.async"
local cli = require "spec.support.cli"
local http = require "smpp.http"
local loops = require "smpp.loop"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local has, objects = cli.has, cli.objects

local FILE = [[
listen { port = 2775, accounts = { acme = "secret" } }
carrier "telco_a" { "smpp://me:x@localhost:2001" }
carrier "telco_b" { "smpp://me:x@localhost:2002" }
route { account = "acme", to = prefix { "4915", "4916" }, via = balance { telco_a = 3, telco_b = 1 } }
route { text = "^PROMO", between = "20:00-08:00", zone = "UTC", reject = "ESME_RX_R_APPN" }
route { to = prefix "49", via = failover { "telco_a", "telco_b" } }
incoming { to = "100", reply = "Thanks" }
]]

local function with(text, fn)
  local path = cli.file(text)
  local ok, err = pcall(fn, path)
  os.remove(path)
  if not ok then error(err, 0) end
end

--- Runs `smpp gateway` beside `fn`, under virtual time.
local function beside(words, fn, o)
  local results
  o = o or {}
  o.run = cli.inside
  async.virtual(function(loop)
    if o.prepare then o.prepare(loop) end
    smpp.spawn(function() results = { cli.run(words, o) } end)
    fn(loop)
    for _ = 1, 100 do
      if not results then smpp.sleep(0.5) end
    end
  end)()
  return (table.unpack or unpack)(results) -- luacheck: compat
end

--- Runs `smpp gateway` on a virtual loop until a signal; returns what `cli.run` does.
local function until_signal(signal)
  local loop = virtual.new { limit_s = 1000 }
  local previous = loops.set(loop)
  loop:timer(function() loop:raise(signal) end):start(2)
  local results
  local ok, failure = pcall(with, FILE, function(path) results = { cli.run { "gateway", path } } end)
  loops.set(previous)
  assert(ok, failure)
  return (table.unpack or unpack)(results) -- luacheck: compat
end

describe("smpp gateway", function()
  it("ends with 0 after SIGTERM and with 130 after Ctrl-C", function()
    assert.equal(0, (until_signal "SIGTERM"))
    assert.equal(130, (until_signal "SIGINT"))
  end)

  it("prints where it listens, then a line per change, and forwards", function()
    with(FILE, function(path)
      local code, out, err = beside({ "gateway", path, "--for", "5" }, function()
        local carrier = assert(smpp.server { port = 2001, submit_sm = function() return "1" end })
        smpp.sleep(2)
        local esme = assert(smpp.connect "smpp://acme:secret@localhost")
        assert(esme:send { to = "+4915123", text = "Hi" })
        esme:close()
        smpp.sleep(5)
        carrier:close(0)
      end)
      assert.same({ 0, "" }, { code, err })
      local lines = cli.lines(out)
      assert.equal("listening on 127.0.0.1:2775", lines[1])
      has(out, "level=info event=bind_up peer=localhost:2001 carrier=telco_a")
      has(out, "level=info event=bound peer=127.0.0.1 account=acme")
      has(out, "event=unbound peer=127.0.0.1 account=acme")
    end)
  end)

  it("does the same as JSON, and with --quiet less", function()
    with(FILE, function(path)
      local code, out = beside({ "gateway", path, "--for", "1", "--json" }, function() smpp.sleep(2) end)
      local list = objects(out)
      assert.same({ 0, "listening", 2775 }, { code, list[1].event, list[1].port })
      assert.same({ "error", "carrier_error" }, { list[2].level, list[2].event })
      code, out = beside({ "gateway", path, "--for", "1", "-q" }, function()
        local carrier = assert(smpp.server { port = 2001 })
        local other = assert(smpp.server { port = 2002 })
        smpp.sleep(2)
        carrier:close(0)
        other:close(0)
      end)
      assert.equal(0, code)
      cli.lacks(out, "bind_up")
    end)
  end)

  it("prints the address of the console, with a token that is given or made, and says when it is for nothing", function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
    local text = 'listen { port = 0, accounts = { acme = { token = "acme-token" } } }\nhttp { port = 0 }\n'
    local function run(file_text, ...)
      local words, code, out, err = { "gateway", nil, "--for", "0.1", ... }, nil, nil, nil
      with(file_text, function(path)
        words[2] = path
        async.luv(function()
          code, out, err = cli.run(words, { run = cli.inside })
          require("smpp.http.client").shut()
        end)()
      end)
      assert.equal(0, code)
      return out, err
    end
    assert.matches("\nhttp on (http://127.0.0.1:%d+)\nconsole on %1/console/#token=[%w_-]+\n", (run(text)))
    assert.truthy(#run(text):match "#token=(%S+)" >= 22) -- 128 bits
    assert.matches("/console/#token=of%-the%-caller\n", (run(text, "--console-token", "of-the-caller")))
    assert.matches('"event":"console","url":"http://127.0.0.1:%d+/console/#token=t"', (run(text, "--json", "--console-token", "t")))
    local out, err = run(text:gsub("port = 0 }\n$", "port = 0, console = false }\n"), "--console-token", "t")
    assert.is_nil(out:find("console on", 1, true))
    has(err, "--console-token: no http{} of the file serves a console")
  end)

  it("has a live view on a terminal, which q ends", function()
    with(FILE, function(path)
      local screen, terminal = require("spec.support.screen").new(), nil
      local code = beside({ "gateway", path, "--for", "60" }, function()
        local carrier = assert(smpp.server { port = 2001, submit_sm = function() return "1" end })
        smpp.sleep(2)
        local esme = assert(smpp.connect "smpp://acme:secret@localhost")
        assert(esme:send { to = "+4915123", text = "Hi" })
        smpp.sleep(2)
        assert.is_true(screen.is_alternate) -- the carrier answers in this process, too: 2
        for _, part in ipairs { "smpp gateway", "ESME_ROK 2", "1  (1 trx)", "event=bound", "q quit" } do has(screen:text(), part) end
        esme:close()
        terminal:press "q"
        smpp.sleep(1)
        carrier:close(0)
      end, { terminal = true, stdout = screen, env = { TERM = "xterm", LANG = "C.UTF-8" }, prepare = function(loop) terminal = loop:terminal(100, 24) end })
      assert.equal(0, code)
      assert.is_true(screen:is_restored())
    end)
  end)

  it("tells a service manager that it listens, and that it stops", function()
    require("spec.support.notified").with(false, function(address, seen)
      with(FILE, function(path)
        beside({ "gateway", path, "--for", "3" }, function() smpp.sleep(4) end, { env = { NOTIFY_SOCKET = address } })
        local list = seen(2)
        assert.same({ "READY=1\nSTATUS=0 sessions, 0 answered, 0 errors, 0 queued", "STOPPING=1" }, { list[1], list[#list] })
      end)
    end)
  end)

  it("does not start with mistakes, and says where they are", function()
    with(FILE .. "route { vai = 1 }\n", function(path)
      local code, out, err = cli.run { "gateway", path }
      assert.same({ 2, "" }, { code, out })
      has(err, path .. ":8: error: route: unknown option 'vai'")
    end)
    assert.equal(2, (cli.run { "gateway", "/nonexistent/gateway.lua" }))
  end)

  it("exits with 3 when it cannot listen, and names the address", function()
    with(FILE, function(path)
      async.virtual(function()
        local server = assert(smpp.server { port = 2775 })
        local code, _, err = cli.run({ "gateway", path }, { run = cli.inside })
        assert.equal(3, code)
        has(err, "2775")
        server:close(0)
      end)()
    end)
  end)

  it("checks", function()
    with(FILE, function(path)
      local code, out, err = cli.run { "gateway", path, "--check" }
      assert.same({ 0, path .. ": no mistakes\n", "" }, { code, out, err })
      code, out = cli.run { "gateway", path, "--check", "--json" }
      local object = objects(out)[1]
      assert.same({ 0, true, 0 }, { code, object.ok, #object.problems })
    end)
    with(FILE .. "route { to = '4917', via = 'telco_a' }\nroute { via = 'telco_c' }\n", function(path)
      local code, out, err = cli.run { "gateway", path, "--check" }
      assert.same({ 2, "" }, { code, out })
      has(err, path .. ":8: error: route: covered by the rule in line 6: it never gets a message")
      has(err, path .. ":9: error: route: via: unknown carrier 'telco_c'; did you mean 'telco_a'?")
      code, out = cli.run { "gateway", path, "--check", "--json" }
      local object = objects(out)[1]
      assert.equal(2, code)
      assert.is_false(object.ok)
      assert.equal(path, object.problems[1].file)
      assert.same({ 9, "error" }, { object.problems[2].line, object.problems[2].severity })
    end)
    with("listen { port = 1 }\ncarrier 'c' 'smpp://x@y'\nroute { drop = true }", function(path)
      local _, out, err = cli.run { "gateway", path, "--check" }
      has(out, "no mistakes, 2 warnings\n")
      has(err, path .. ":2: warning: carrier 'c' is used by no rule")
    end)
    with("listen { port = 1, accounts = {} }\ncarrier 'c' 'smpp://x@y'\nroute { drop = true }", function(path)
      has(select(2, cli.run { "gateway", path, "--check" }), "no mistakes, 1 warning\n")
    end)
  end)

  it("explains", function()
    with(FILE, function(path)
      local question = '{"account":"acme","from":"Test","to":"4915123","text":"Hi"}'
      local code, out = cli.run { "gateway", path, "--explain", question }
      assert.equal(0, code)
      assert.equal("line 4    yes  account is acme, to is prefix 4915 or 4916 -> via balance of telco_a 3, telco_b 1\nline 4: via telco_a, then telco_b\n", out)
      code, out = cli.run { "gateway", path, "--explain", question, "--json" }
      local object = objects(out)[1]
      assert.equal(0, code)
      assert.same({ 4, "telco_a" }, { object.decision.line, object.decision.via })
      assert.same({ line = 4, matched = true, why = "account is acme, to is prefix 4915 or 4916 -> via balance of telco_a 3, telco_b 1" },
        { line = object.steps[1].line, matched = object.steps[1].matched, why = object.steps[1].why })
      code, out = cli.run { "gateway", path, "--explain", '{"to":"33"}', "--json" }
      object = objects(out)[1]
      assert.same({ 0, "ESME_RINVDSTADR", 3 }, { code, object.decision.reject, #object.steps })
      assert.is_nil(object.decision.line)
      has(select(2, cli.run { "gateway", path, "--explain", '{"carrier":"telco_a","to":"100"}' }), "line 7: reply Thanks")
    end)
  end)

  it("asks for one thing at a time", function()
    with(FILE, function(path)
      local code, _, err = cli.run { "gateway", path, "--against", path }
      assert.equal(2, code)
      has(err, "--against needs --replay")
    end)
  end)
end)
