local cli = require "spec.support.cli"

--- Runs the command beside a simulator, in virtual time.
local function run(words, options)
  local code, out, err
  cli.with_simulator(options or { port = 0, accounts = { me = { password = "secret" } }, deliver_after_s = 0.2 }, function(mc)
    mc:on("error", function() end)
    for i, word in ipairs(words) do words[i] = word:gsub("URL", ("smpp://me:secret@127.0.0.1:%d"):format(mc.port)) end
    table.insert(words, 1, "conformance")
    code, out, err = cli.run(words, { run = cli.inside })
  end)()
  return code, out, err
end

describe("smpp conformance", function()
  it("reports on the terminal, and writes JSON", function()
    local path = os.tmpname()
    local code, out = run { "URL", "--only", "bind.t*", "--only", "message.plain", "--json", path, "--timeout", "2" }
    assert.equal(0, code, out)
    cli.has(out, "ok    bind.transmitter ")
    cli.has(out, "skip  message.plain")
    cli.has(out, "1 cases need --submit-to NUMBER")
    assert.truthy(out:find "%d+ passed, 0 failed, 0 warnings, 1 skipped\n$")
    local file = assert(io.open(path))
    local report = cli.objects(file:read "*a")[1]
    file:close()
    os.remove(path)
    assert.same({ "smsc", 1, 0 }, { report.peer.role, report.summary.skip, report.summary.fail })
    assert.same({ "bind.transmitter", "3.4 4.1.1", "MUST", "pass" }, { report.cases[1].id, report.cases[1].section, report.cases[1].level, report.cases[1].outcome })
    cli.lacks(report.peer.url, "secret")
  end)

  it("ends with 1 for a failure, for a warning only with --strict", function()
    local options = { port = 0, deliver_after_s = 0.2 } -- any password is taken
    local code, out = run({ "URL", "--only", "bind.transmitter_wrong_password" }, options)
    assert.equal(1, code)
    cli.has(out, "FAIL  bind.transmitter_wrong_password")
    cli.has(out, "why: Whoever knows")
    local words = { "URL", "--only", "bind.transmitter_wrong_password_status" }
    assert.equal(0, (run({ words[1], words[2], words[3] }, options)))
    assert.equal(1, (run({ words[1], words[2], words[3], "--strict" }, options)))
  end)

  it("writes JUnit, and a page that explains failures with their PDUs", function()
    local xml, html = os.tmpname(), os.tmpname()
    assert.equal(1, (run({ "URL", "--only", "bind.transmitter*", "--junit", xml, "--html", html }, { port = 0 })))
    local function read(path)
      local file = assert(io.open(path))
      local text = file:read "*a"
      file:close()
      os.remove(path)
      return text
    end
    local text = read(xml)
    cli.has(text, '<testcase classname="conformance" name="bind.transmitter"')
    cli.has(text, '<failure message="bind_transmitter_resp with ESME_ROK, expected a refusal" type="MUST">')
    text = read(html)
    cli.has(text, '<h2 class="fail">bind.transmitter_wrong_password</h2>')
    cli.has(text, "bind_transmitter_resp")
    cli.lacks(text, "secret")
  end)

  it("ends with 3 where nothing can be tested, 2 for usage; lists its cases", function()
    assert.equal(3, (run({ "URL", "--timeout", "1" }, { port = 0, accounts = { other = "x" } })))
    for _, words in ipairs { {}, { "URL", "--only", "nothing" }, { "URL", "--submit-to", "x" }, { "localhost" } } do assert.equal(2, (run(words))) end
    local code, out = run { "--list" }
    assert.equal(0, code)
    assert.is_true(#cli.lines(out) >= 200)
    assert.truthy(out:find "message%.window_10 +MUST +3%.4 2%.8  submits 10\n")
    assert.truthy(out:find "message%.no_destination +MUST +3%.4 5%.2%.9  malformed\n")
  end)

  it("ends with 3 where the program of --client is not installed, not where its cases need another option", function()
    assert.equal(3, (cli.run { "conformance", "--client", "no-such-program {port}", "--only", "esme.binds" }))
    assert.equal(0, (cli.run { "conformance", "--client", "no-such-program {port}", "--only", "esme.many_all" }))
  end)

  it("tests an ESME with --client; unknown placeholders are usage", function()
    local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
    local send = "env LUA=" .. interpreter .. " bin/smpp send smpp://{system_id}:{password}@{host}:{port} --to {to} {text}"
    local code, out = cli.run { "conformance", "--client", send, "--only", "esme.binds", "--only", "esme.many_all", "--patience", "20" }
    assert.equal(0, code, out)
    cli.has(out, "ok    esme.binds")
    cli.has(out, "needs --client-many")
    assert.equal(2, (cli.run { "conformance", "--client", "x {prot}" }))
    assert.equal(2, (cli.run { "conformance", "smpp://x", "--client", "x" }))
  end)
end)
