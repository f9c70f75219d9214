local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local pcap = require "smpp.capture"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local has = cli.has
local simulated = cli.with_simulator

local URL = "smpp://me:secret@127.0.0.1:2775"

local function load(words, o)
  o = o or {}
  o.run = cli.inside
  table.insert(words, 1, "load")
  return cli.run(words, o)
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  os.remove(path)
  return text
end

describe("smpp load", function()
  it("sends at a rate and reports", simulated({ latency_s = 0.02 }, function(_, loop)
    local began = loop:now()
    local code, out, err = load { URL, "--rate", "50", "--for", "4s" }
    assert.equal(0, code, err)
    has(out, "smpp://me@127.0.0.1:2775, 1 of 1 binds")
    has(out, "200 of 200 that were due, in 4.0 s: 50/s of 50/s")
    has(out, "ESME_ROK 200")
    has(out, "min 20 ms, mean 20 ms, p50 20 ms")
    assert.equal(5, #cli.lines(err)) -- the last answer comes in the fifth second
    assert.truthy(err:find " rate=49 ok=49 errors=0 p50=20ms p99=20ms window=%d queue=0 sessions=1")
    assert.near(4, loop:now() - began, 0.5)
    cli.lacks(out .. err, "secret")
  end))

  it("sends ten a second for ten seconds where nothing is said", simulated({}, function()
    local code, out = load { URL, "-q" }
    assert.equal(0, code)
    has(out, "100 of 100 that were due, in 10.0 s: 10/s of 10/s")
  end))

  it("gives one object with --json, whose sums hold", simulated({ refusals = { ESME_RSYSERR = 10 }, seed = 4 }, function()
    local code, out = load { URL, "--json", "--rate", "100", "--count", "500", "-q", "--seed", "3" }
    assert.equal(0, code)
    assert.equal(1, #cli.lines(out))
    local r = assert(dkjson.decode(out, 1, false, nil))
    assert.equal(500, r.sent)
    assert.equal(r.sent, r.answered + r.unknown)
    assert.equal(r.answered, r.statuses.ESME_ROK + r.statuses.ESME_RSYSERR)
    assert.equal(r.ok, r.statuses.ESME_ROK)
    assert.equal(r.answered, r.latency_s.count)
    assert.equal(r.errors, r.answered - r.ok)
    local sent = 0
    for _, row in ipairs(r.series) do sent = sent + row.sent end
    assert.equal(500, sent)
    assert.is_false(r.receipt_s)
    for _, key in ipairs { "version", "target", "started", "interrupted", "trustworthy", "messages", "waited", "throttled", "errors", "reconnections", "binds",
      "window", "warm_up", "seed", "options", "histogram", "series", "late", "cpu", "rate", "rate_target", "duration_s" } do
      assert.truthy(out:find('"' .. key .. '":', 1, true), key)
    end
    assert.truthy(out:find('"stages":null', 1, true))
    assert.equal("100", r.options["--rate"]:gsub("%.0$", ""))
    assert.equal(500, (assert(require("smpp.load.histogram").decode(r.histogram)):count()))
  end))

  it("writes CSV and a page, which asks nobody for anything", simulated({}, function()
    local csv, page = os.tmpname(), os.tmpname()
    local code = load { URL, "--rate", "20", "--for", "3s", "-q", "--csv", csv, "--html", page, "--fail-if", "p99 > 1h" }
    assert.equal(0, code)
    local lines = cli.lines(read(csv))
    assert.equal("t_s,target,sent,answered,ok,errors,p50_s,p99_s,max_s,window,late", lines[1])
    assert.equal(4, #lines)
    assert.truthy(lines[2]:find "^0,20,20,20,20,0,", lines[2])
    local html = read(page)
    for _, part in ipairs { "<!doctype html>", "passed", "Latency by percentile", "Messages per second", "Latency over time", "ESME_ROK", "--rate", "p99 &gt; 1h",
      "prefers-color-scheme:dark" } do has(html, part) end
    for _, part in ipairs { "http://", "https://", "<script", "src=", "url(", "@import", "secret" } do cli.lacks(html:gsub("http://www%.w3%.org", ""), part) end
  end))

  it("refuses files that it could not write before it sends, and ends with 1 where they could not be written", simulated({}, function()
    for _, option in ipairs { "--csv", "--html" } do
      local code, out, err = load { URL, "--count", "1", "-q", option, "/nonexistent/a" }
      assert.same({ 2, "", "smpp: /nonexistent/a: No such file or directory\n" }, { code, out, err })
      code, out, err = load { URL, "--rate", "10", "--count", "1", "-q", option, "/dev/full" }
      assert.same({ 1, "smpp: /dev/full: No space left on device\n" }, { code, err })
      has(out, "answered      1")
    end
  end))

  it("ends with 99 where a rule holds, and shows its value", simulated({ latency_s = 0.3 }, function()
    local code, out = load { URL, "--rate", "10", "--count", "10", "-q", "--fail-if", "p99 > 100ms", "--fail-if", "errors > 1%" }
    assert.equal(99, code)
    has(out, "FAILED        p99 > 100ms (0.3")
    has(out, "passed        errors > 1% (0)")
  end))

  it("waits for receipts", simulated({ deliver_after_s = 2 }, function()
    local code, out = load { URL, "--rate", "10", "--count", "20", "-q", "--receipts", "--fail-if", "receipts < 100%" }
    assert.equal(0, code)
    has(out, "20 of 20 (100 %), delivered 20")
  end))

  it("takes messages from a script", simulated({}, function(sim)
    local path = cli.file 'return { message = function(n) return { to = "49" .. n, text = "number " .. n } end, check = function(a) return { ok = a.status == "ESME_ROK" } end }'
    local seen = {}
    sim:on("message", function(message) seen[#seen + 1] = message.text end)
    local code, out, err = load { URL, "--rate", "10", "--count", "3", "-q", "--script", path }
    os.remove(path)
    assert.equal(0, code, err)
    assert.same({ "number 1", "number 2", "number 3" }, seen)
    has(out, "ok: passed 3, failed 0")
  end))

  it("ends with 1 where a script raises, and reports what was done", simulated({}, function()
    local path = cli.file 'return { message = function(n) if n == 8 then error("bang", 0) end return { to = "491", text = "x" } end }'
    local code, out, err = load { URL, "--rate", "10", "--count", "30", "-q", "--script", path }
    os.remove(path)
    assert.equal(1, code, err)
    has(out, "sent          7 of 7")
    has(err, "smpp: bang\n")
  end))

  it("shows and traces PDUs of both roles; stdout is the report", simulated({}, function()
    local folder, remove = shell.folder()
    local path = folder .. "/x.pcapng"
    local code, out, err = load { URL, "--rate", "10", "--count", "3", "-q", "-v", "--json", "--trace", path }
    assert.equal(0, code, err)
    assert.equal(3, dkjson.decode(out).sent)
    has(err, "-> submit_sm")
    local counts = {}
    local file = assert(io.open(path, "rb"))
    pcap.read(pcap.source(file), function(item)
      if item.pdu then counts[item.pdu.command] = (counts[item.pdu.command] or 0) + 1 end
    end)
    file:close()
    assert.same({ 3, 3 }, { counts.submit_sm, counts.submit_sm_resp })
    smpp.spawn(function()
      smpp.sleep(1)
      local esme = assert(smpp.connect "smpp://a:b@127.0.0.1:2776")
      smpp.sleep(5)
      esme:close()
    end)
    code, out, err = load { "--listen", "2776", "--count", "3", "-q", "-v" }
    assert.equal(0, code, err)
    has(err, "-> deliver_sm")
    code, out, err = load { URL, "--trace", "/nonexistent/x.pcapng" }
    assert.equal(2, code)
    has(err, "/nonexistent/x.pcapng")
    code, out, err = load { URL, "--trace", path, "--workers", "2" }
    assert.equal(2, code)
    has(err, "--trace: cannot be combined with --workers")
    assert.equal("", out)
    remove()
  end))

  it("needs a bind that can send", simulated({}, function()
    local code, _, err = load { URL, "--bind", "rx" }
    assert.equal(2, code)
    has(err, "bind: a receiver (rx) cannot send messages")
    assert.equal(0, (load { URL, "--bind", "tx", "--count", "2", "-q" }))
  end))

  it("says where a file of accounts is wrong", simulated({}, function()
    local path = cli.file "system_id,password,share\n\na,x,75%\nb,y,lots\n"
    local code, _, err = load { URL, "--accounts", path }
    os.remove(path)
    assert.equal(2, code)
    has(err, "line 4: invalid share 'lots'")
  end))

  it("binds accounts in turn", simulated({ accounts = { a = "x", b = "y" } }, function(sim)
    local path, seen = cli.file "system_id,password,share\na,x,75%\nb,y,25%\n", {}
    sim:on("message", function(message) seen[message.system_id] = (seen[message.system_id] or 0) + 1 end)
    local code, out, err = load { "smpp://127.0.0.1:2775", "--accounts", path, "--binds", "4", "--rate", "40", "--count", "40", "-q" }
    os.remove(path)
    assert.equal(0, code, err)
    has(out, "4 of 4 binds")
    assert.same({ a = 30, b = 10 }, seen)
  end))

  it("finds the limit", simulated({ throttle = { rate_per_s = 100 } }, function()
    local code, out, err = load { URL, "--find-limit", "--step", "5s" }
    assert.equal(0, code, err)
    local limit = tonumber(out:match "^limit (%d+)/s")
    assert.is_true(limit and limit >= 90 and limit <= 115, out .. err)
    has(err, "holds")
    has(err, "breaks")
    code, out = load { URL, "--find-limit", "20..40", "--step", "5s", "--json", "-q" }
    assert.equal(0, code)
    local found = dkjson.decode(out)
    assert.equal(40, found.limit)
    assert.equal("to", found.stopped_by)
  end))

  it("refuses what it cannot read, before it binds", async.virtual(function()
    for _, case in ipairs {
      { { "--rate", "5q" }, "invalid rate '5q'" }, { { "--rate=-1" }, "rate" }, { { "--for", "0" }, "duration" },
      { { "--fail-if", "p98 > 1s" }, "one of" }, { { "--rate", "5", "--closed" }, "closed" }, { { "--to", "49[x]" }, "invalid pattern" },
      { { "--stages", "5s:1" }, "two points" }, { { "--accounts", "/nonexistent" }, "/nonexistent" }, { { "--script", "/nonexistent" }, "/nonexistent" },
      { { "--stages", "0:1,1:1", "--for", "5s" }, "stages" }, { { "extra" }, "unexpected argument" }, { { "--find-limit", "x" }, "limits" },
    } do
      local words = { URL }
      for _, word in ipairs(case[1]) do words[#words + 1] = word end
      local code, out, err = load(words)
      assert.equal(2, code, case[2])
      assert.equal("", out)
      has(err, case[2])
    end
  end))

  it("ends with 3 where nothing binds, and says why", async.virtual(function()
    local code, out, err = load { URL, "--json" }
    assert.equal(3, code)
    assert.equal("", out)
    has(err, "127.0.0.1:2775")
    local server = assert(smpp.server { port = 2775, accounts = { me = "other" } })
    code, out, err = load { URL }
    assert.equal(3, code)
    assert.equal("", out)
    has(err, "ESME_RINVPASWD")
    server:close(0)
  end))

  it("warns when not all binds are up", simulated({ accounts = { me = { password = "secret", max_binds = 2 } } }, function()
    local code, out, err = load { URL, "--binds", "3", "--count", "5", "-q" }
    assert.equal(0, code)
    has(out, "2 of 3 binds")
    has(err, "2 of 3 binds are up")
  end))

  it("reports what was done when it is interrupted", simulated({ latency_s = 0.1 }, function(_, loop)
    smpp.spawn(function()
      smpp.sleep(3)
      loop:raise "SIGINT"
    end)
    local code, out = load { URL, "--rate", "10", "--for", "1h", "--json", "-q" }
    assert.equal(130, code)
    local r = dkjson.decode(out)
    assert.is_true(r.interrupted)
    assert.near(30, r.sent, 2)
    assert.equal(r.sent, r.answered)
  end))
end)
