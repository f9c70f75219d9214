local cli = require "spec.support.cli"
local dkjson = require "dkjson"

local has, run = cli.has, cli.run
local URL = "smpp://me:pw@127.0.0.1:1"

describe("smpp.cli.dry_run", function()
  local function file(content, ...)
    local path = cli.file(content)
    local code, out, err = run { "send", URL, "--file", path, "--dry-run", ... }
    assert.is_nil(io.open(path .. ".result.jsonl"))
    os.remove(path)
    return code, out, err
  end

  it("counts messages and parts, and says what is wrong with which row", function()
    local code, out, err = file("to,text\n+491511111111,Hello\n+491511111112," .. ("a"):rep(200) .. "\n+49,x\n,y\nAlice,z\n"
      .. "+491511111113,\240\159\145\139\n+491511111114\n", "--from", "Shop")
    assert.equal(1, code)
    has(out, "3 messages, 4 parts")
    has(out, "parts: 2 of 1 part, 1 of 2 parts")
    has(out, "encodings: 2 in gsm7, 1 in ucs2")
    has(out, "line 4: to: invalid destination '+49'")
    has(out, "line 5: no recipient")
    has(out, "line 6: to: ")
    has(out, "line 8: no text")
    has(out, "4 rows invalid")
    has(err, "dry run: nothing was sent")
  end)

  it("checks fields as a session would", function()
    local code, out = file("to\n+491511111111\n", "--text", "x", "--set", "service_type=TOOLONG")
    assert.equal(1, code)
    has(out, "line 2: submit_sm: service_type: 7 octets, at most 5")
    assert.equal(0, (file("to\n+491511111111\n", "--text", "x", "--from", "Shop", "--long", "sar")))
  end)

  it("as JSON", function()
    local _, out = file("to,text\n+491511111111,a\n,b\n", "--json")
    local first, last = out:match "^([^\n]+)\n([^\n]+)\n$"
    assert.same({ event = "invalid", line = 3, to = "", message = "no recipient" }, dkjson.decode(first))
    last = dkjson.decode(last)
    assert.same({ "dry_run", 1, 1, 1 }, { last.event, last.messages, last.parts, last.invalid })
  end)

  it("leaves out what an earlier run sent, and writes nothing", function()
    local path = cli.file "to,text\n+491511111111,a\n+491511111112,b\n+491511111113,c\n"
    local result = path .. ".result.jsonl"
    local lines = '{"line":2,"to":"+491511111111","status":"accepted"}\n{"line":3,"to":"+491511111112","status":"sending"}\n'
    local earlier = assert(io.open(result, "w"))
    earlier:write(lines)
    earlier:close()
    local code, out = run { "send", URL, "--file", path, "--dry-run", "--resume" }
    assert.equal(0, code)
    has(out, "1 message, 1 part")
    has(out, "1 accepted by an earlier run, left out")
    has(out, "1 unknown, 0 refused by an earlier run, left out")
    local json_out = select(2, run { "send", URL, "--file", path, "--dry-run", "--resume", "--json" })
    assert.equal(1, cli.objects(json_out)[1].held_unknown)
    local shorter = cli.file "to,text\n+491511111111,a\n"
    local code_changed, _, err = run { "send", URL, "--file", shorter, "--result", result, "--dry-run", "--resume" }
    assert.equal(1, code_changed)
    has(err, "line 3 is missing")
    os.remove(shorter)
    local after = assert(io.open(result))
    assert.equal(lines, after:read "*a")
    after:close()
    os.remove(result)
    assert.equal(2, (run { "send", URL, "--file", path, "--dry-run", "--resume" }))
    os.remove(path)
  end)

  it("of one text", function()
    local code, out = run { "send", URL, "--to", "+491511111111", "--dry-run", ("a"):rep(161) }
    assert.equal(0, code)
    has(out, "1 message, 2 parts")
    code, out = run { "send", URL, "--to", "+49", "--dry-run", "x" }
    assert.equal(1, code)
    has(out, "invalid destination")
  end)
end)
