local cli = require "spec.support.cli"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"
local _

local has = cli.has

local objects, send, simulated, with = cli.objects, cli.send, cli.with_simulator, cli.with_server

describe("smpp.cli.bulk: smpp send --file", function()
  local CSV = 'to,name\n+491511,Ann\n+491512,"Bob, jr"\n,nobody\n+491513,Cy\n'

  --- Runs with a file of recipients and its result file.
  local function bulk(content, words, o)
    local path = (o and o.path) or cli.file(content)
    table.insert(words, 1, URL)
    table.insert(words, 2, "--file")
    table.insert(words, 3, path)
    local code, out, err = send(words, o)
    local file = io.open(path .. ".result.jsonl", "rb")
    local results = file and objects(file:read "*a") or nil
    if file then file:close() end
    if not (o and o.path) then
      os.remove(path)
      os.remove(path .. ".result.jsonl")
    end
    return code, out, err, results
  end

  it("sends the rows of a pipe as they come, while the session goes on", with({}, function(seen, _, loop)
    local pipe, result, at = loop:pipe "rows", os.tmpname(), {}
    os.remove(result)
    smpp.spawn(function()
      for _, piece in ipairs { "to,te", "xt\n+491511,one\n+49", "1512,two\n", "+491513,last" } do
        smpp.sleep(100)
        pipe:write(piece)
        at[#at + 1] = #seen
      end
      pipe:eof()
    end)
    local code, out = send { URL, "--file", "rows", "--result", result }
    os.remove(result)
    assert.same({ 0, "3 accepted\n" }, { code, out })
    assert.same({ 0, 0, 1, 2 }, at)
    assert.same({ "one", "two", "last" }, { seen[1].short_message, seen[2].short_message, seen[3].short_message })
  end))

  it("sends a row each, and writes down what became of it", with({}, function(seen)
    local code, out, err, results = bulk(CSV, { "--from", "Shop", "--text", "Hello {name}" })
    assert.equal(1, code)
    assert.equal("3 accepted, 1 not sent (invalid 1)\n", out)
    assert.equal("line 4: no recipient\n", err)
    assert.same({ "Hello Ann", "Hello Bob, jr", "Hello Cy" }, { seen[1].short_message, seen[2].short_message, seen[3].short_message })
    local last = {}
    for _, record in ipairs(results) do last[record.line] = record end
    assert.same({ line = 2, to = "+491511", status = "accepted", message_id = "m1" }, last[2])
    assert.same({ line = 4, to = "", status = "invalid", message = "no recipient" }, last[4])
    assert.equal("accepted", last[5].status)
  end))

  it("takes JSON lines, stdin, from and text of the row, receipts", simulated({}, function(mc)
    local texts = {}
    mc:on("message", function(message) texts[#texts + 1] = message.source_addr .. ":" .. message.octets end)
    local path = os.tmpname()
    os.remove(path)
    local code, out, err = send({ URL, "--file", "-", "--result", path, "--from", "Shop", "--text", "Hi {name}", "--receipt" }, {
      stdin = '{"to":"+491","name":"Ann"}\n{"to":492,"from":"Me","text":"own {to}"}\n',
    })
    assert.equal(0, code, err)
    assert.equal("2 accepted, 2 delivered\n", out)
    assert.same({ "Shop:Hi Ann", "Me:own 492" }, texts)
    local file = io.open(path, "rb")
    has(file:read "*a", '"status":"receipt","message_id":"1","state":"DELIVERED"')
    file:close()
    os.remove(path)
  end))

  it("goes on after an interruption: what was answered is not sent again", function()
    local path = cli.file(CSV)
    local stop_after = 2
    with({ submit_sm = function(session, _, n)
      if n > stop_after then return session:close() end
      return "m" .. n
    end }, function()
      local code, out = bulk(nil, { "--text", "Hello {name}", "--window", "1" }, { path = path })
      assert.equal(1, code) -- the row without a recipient counts before the unknown one
      has(out, "2 accepted, 1 unknown")
    end)()
    with({}, function(seen)
      local code, out, err = bulk(nil, { "--text", "Hello {name}", "--resume" }, { path = path })
      assert.equal(1, code)
      has(out, "0 accepted")
      has(err, "2 accepted by an earlier run")
      has(err, "1 of an earlier run with unknown outcome")
      assert.equal(0, #seen)
      local all = cli.file "to,name\n491,A\n493,Cy\n"
      local results = io.open(all .. ".result.jsonl", "wb")
      results:write('{"line":2,"to":"491","status":"accepted"}\n{"line":3,"to":"493","status":"sending"}\n')
      results:close()
      code, _, err = bulk(nil, { "--text", "Hello {name}", "--resume" }, { path = all })
      assert.equal(4, code)
      has(err, "1 of an earlier run with unknown outcome")
      os.remove(all)
      os.remove(all .. ".result.jsonl")
      _, out = bulk(nil, { "--text", "Hello {name}", "--resume", "--resend", "unknown" }, { path = path })
      has(out, "1 accepted")
      assert.equal(1, #seen)
      assert.equal("Hello Cy", seen[1].short_message)
      bulk(nil, { "--text", "Hello {name}", "--resume", "--resend", "unknown" }, { path = path })
      assert.equal(1, #seen)
    end)()
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end)

  it("does not begin anew with a text of which parts were taken", with({ submit_sm = function(session)
    smpp.spawn(function()
      smpp.sleep(0.1)
      session:close()
    end)
    return "first"
  end }, function(seen, server)
    local path = cli.file("to,text\n491," .. ("x"):rep(200) .. "\n492,y\n")
    smpp.spawn(function()
      smpp.sleep(0.1)
      server:set_accounts { other = { password = "x" } }
    end)
    local _, out, _, results = bulk(nil, { "--rate", "1" }, { path = path })
    has(out, "1 unknown, 1 not sent")
    assert.equal("first", results[3].message_id)
    server:set_accounts { me = { password = "secret" } }
    local _, _, err = bulk(nil, { "--rate", "1", "--resume" }, { path = path })
    has(err, "1 of an earlier run with unknown outcome")
    assert.same({ "491", "492" }, { seen[1].destination_addr, seen[2].destination_addr })
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end))

  it("refused ones are sent again only when asked for", function()
    local path = cli.file "to\n491\n492\n"
    with({ submit_sm = function(_, pdu)
      if pdu.destination_addr == "492" then return nil, "ESME_RINVDSTADR" end
      return "a"
    end }, function()
      local code, out, _, results = bulk(nil, { "--text", "x" }, { path = path })
      assert.equal(1, code)
      has(out, "1 accepted, 1 refused (ESME_RINVDSTADR 1)")
      assert.equal("ESME_RINVDSTADR", results[#results].code)
    end)()
    with({}, function(seen)
      local code, _, err = bulk(nil, { "--text", "x", "--resume" }, { path = path })
      assert.equal(1, code)
      has(err, "1 refused in an earlier run")
      local _, out = bulk(nil, { "--text", "x", "--resume", "--json" }, { path = path })
      assert.equal(1, objects(out)[1].held_refused)
      assert.equal(0, #seen)
      assert.equal(0, (bulk(nil, { "--text", "x", "--resume", "--resend", "refused" }, { path = path })))
      assert.equal(1, #seen)
    end)()
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end)

  it("does not mistake another file for the one it resumes", function()
    local path = cli.file "to\n491\n"
    with({}, function(seen)
      bulk(nil, { "--text", "x" }, { path = path })
      local file = io.open(path, "wb")
      file:write "to\n499\n492\n"
      file:close()
      local code, _, err = bulk(nil, { "--text", "x", "--resume" }, { path = path })
      has(err, "line 2 has another recipient")
      assert.equal(1, code)
      assert.equal(2, #seen)
      local _, out = bulk(nil, { "--text", "x", "--resume", "--json" }, { path = path })
      assert.equal(2, objects(out)[1].changed_line)
    end)()
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end)

  it("shows how far it is, on a terminal", with({ submit_sm = function(_, _, n)
    smpp.sleep(0.5)
    if n == 3 then return nil, "ESME_RINVDSTADR" end
    return "m" .. n
  end }, function()
    local rows = { "to" }
    for i = 1, 40 do rows[i + 1] = "4915" .. i end
    local _, _, err = bulk(table.concat(rows, "\n") .. "\n", { "--text", "x", "--no-live" }, { terminal = true })
    has(err, "\r10 of 40  ")
    has(err, "10 in flight")
    has(err, "ESME_RINVDSTADR 1")
    assert.truthy(err:find "%d s left")
    has(err:match "\r[^\r]*$", "\r\27[Knot delivered: 1 ESME_RINVDSTADR\n   line 4, 49153: ")
  end))

  it("ends with 1 when the file has fewer lines than the earlier run knew", with({}, function(seen)
    local path = cli.file "to\n491\n492\n"
    local results = io.open(path .. ".result.jsonl", "wb")
    for i = 2, 4 do results:write(('{"line":%d,"to":"49%d","status":"accepted"}\n'):format(i, i - 1)) end
    results:close()
    local code, _, err = bulk(nil, { "--text", "x", "--resume" }, { path = path })
    assert.equal(1, code)
    has(err, "input file changed since the earlier run: line 4 is missing")
    assert.equal(0, #seen)
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end))

  it("says how to resume where rows are left", function()
    local function told(plan, options)
      local lines = {}
      plan.journal = { path = "f.result.jsonl" }
      require("smpp.cli.bulk").tell_how_to_resume({ note = function(_, format, ...) lines[#lines + 1] = format:format(...) end }, plan, options)
      return table.concat(lines, "\n")
    end
    local counts = { done = 3, in_flight = 0, unknown = 0 }
    assert.equal("to send the rest: the same command with --resume; what was sent is in f.result.jsonl", told({ counts = counts }, { file = "f" }))
    assert.equal("to send the rest: the same command; what was sent is in f.result.jsonl", told({ counts = counts }, { file = "f", resume = true }))
    has(told({ counts = { done = 0, in_flight = 2, unknown = 0 } }, { file = "f" }), "with --resend unknown also")
    assert.equal("", told({ counts = counts, exhausted = true }, { file = "f" }))
    assert.equal("", told({ counts = counts }, {}))
    assert.equal("", told({ counts = { done = 0, in_flight = 0, unknown = 0 } }, { file = "f" }))
  end)

  it("shows what is left to be sent, not what an earlier run did", with({ submit_sm = function(_, _, n)
    smpp.sleep(0.5)
    return "m" .. n
  end }, function()
    local rows = { "to" }
    for i = 1, 40 do rows[i + 1] = "4915" .. i end
    local path = cli.file(table.concat(rows, "\n") .. "\n")
    local journal = io.open(path .. ".result.jsonl", "wb")
    for i = 2, 31 do journal:write(('{"line":%d,"to":"4915%d","status":"%s"}\n'):format(i, i - 1, i % 2 == 0 and "accepted" or "refused")) end
    journal:close()
    local code, out, err = bulk(nil, { "--text", "x", "--resume", "--window", "5", "--no-live" }, { path = path, terminal = true })
    assert.same({ 1, "10 accepted\n" }, { code, out }) -- 15 are refused
    has(err, "\r5 of 10  ")
    has(err, "1 s left")
    os.remove(path)
    os.remove(path .. ".result.jsonl")
  end))

  it("is told what it was given wrongly: 2", with({}, function(seen)
    for _, case in ipairs {
      { CSV, { "--text", "{nam}" }, "no column 'nam'" }, { CSV, { "--text", "{name" }, "unmatched" }, { CSV, {}, "give --text" },
      { "", { "--text", "x" }, "empty" }, { "name\nx\n", { "--text", "x" }, "missing column 'to'" }, { CSV, { "text" }, "--text" },
      { CSV, { "--text", "x", "--to", "1" }, "cannot be used with --file" }, { CSV, { "--text", "x", "--resume" }, "nothing to resume" },
      { CSV, { "--text", "x", "--data", "00" }, "cannot be combined" }, { CSV, { "--text", "x", "--result", "/no/such/file" }, "/no/such/file" },
    } do
      local code, out, err = bulk(case[1], case[2])
      assert.equal(2, code, err)
      assert.equal("", out)
      has(err, case[3])
    end
    for _, words in ipairs { { "--file", "/no/such/file", "--text", "x" }, { "--file", "-", "--text", "x" }, { "--file", "/", "--text", "x" } } do
      table.insert(words, 1, URL)
      assert.equal(2, (send(words, { stdin = CSV })))
    end
    assert.equal(0, #seen)
  end))

  it("sends nothing that it cannot write down", with({}, function(seen)
    local full = io.open "/dev/full"
    if not full then return end -- a device of Linux
    full:close()
    local path = cli.file "to\n491\n492\n"
    local code, out, err = send { URL, "--file", path, "--result", "/dev/full", "--text", "x" }
    assert.equal(1, code)
    assert.equal("0 accepted\n", out)
    assert.truthy(err:find "/dev/full: .-: stopped")
    assert.equal(0, #seen)
    os.remove(path)
  end))

  it("a row that cannot be sent does not stop the others", with({}, function(seen)
    local rows = 'to,text\n1,a\n2,"{x}"\n+49123456789012345678901,b\n3,\n4,{to} and {{\n5,\255\n6,c\n'
    local code, out, err = bulk(rows, { "--charset", "utf-8" }) -- otherwise \255 is a letter of Windows-1252
    assert.equal(1, code)
    assert.equal(3, #seen)
    has(out, "3 accepted, 4 not sent")
    has(err, "line 3: no 'x' in this row")
    has(err, "line 5: no text")
    assert.equal("4 and \27(", seen[2].short_message) -- { in GSM 03.38
  end))
end)
