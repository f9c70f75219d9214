local dkjson = require "dkjson"
local log = require "smpp.base.log"
local mc = require "spec.support.mc"

local LOOP = { time = function() return 1700000000.9 end, now = function() return 0 end }

local function records(o)
  local list = {}
  local given = o
  if type(o) == "table" then o.write = function(record) list[#list + 1] = record end end
  if o == nil then given = function(record) list[#list + 1] = record end end
  return list, (log.writer(given, LOOP))
end

local function line(record, format)
  record.time, record.level, record.event = record.time or 0, record.level or "info", record.event or "bound"
  return log.line(record, format)
end

--- What fn writes to stderr.
local function to_stderr(fn)
  local real, text = io.stderr, ""
  io.stderr = { write = function(_, ...) text = text .. table.concat { ... } end } -- luacheck: ignore 122
  local ok, err = pcall(fn)
  io.stderr = real -- luacheck: ignore 122
  assert(ok, err)
  return text
end

describe("smpp.base.log", function()
  it("writes a record as one line of logfmt: its keys in their order, then its own by the alphabet, message last", function()
    assert.equal("time=2023-11-14T22:13:20.900Z level=warn event=waiting session=0a1b2c3d role=client peer=mc:2775 system_id=me b=2 previous=bound message=m",
      line { time = 1700000000.9, level = "warn", event = "waiting", previous = "bound", b = 2, session = "0a1b2c3d", role = "client", peer = "mc:2775",
        system_id = "me", message = "m" })
    assert.equal("time=1970-01-01T00:00:01.000Z level=info event=bound", line { time = 0.9996 })
  end)

  it("writes JSON, with numbers and booleans as such", function()
    local text = line({ time = 1700000000.9, level = "error", event = "x", a = 1.5, b = true, c = 'say "hi"\n\27[31m', message = "m", peer = "p", nan = 0 / 0 }, "json")
    assert.matches('^{"time":"2023%-11%-14T22:13:20.900Z","level":"error","event":"x","peer":"p","a":1.5,"b":true,"c":"say', text)
    assert.matches(',"message":"m"}$', text)
    local object = assert(dkjson.decode(text))
    assert.same({ 1.5, true, 'say "hi"\n\27[31m' }, { object.a, object.b, object.c })
  end)

  it("writes for journald: the priority first, no time", function()
    for level, priority in pairs { error = 3, warn = 4, info = 6, debug = 7, trace = 7 } do
      assert.equal(("<%d>level=%s event=x a=1"):format(priority, level), line({ level = level, event = "x", a = 1 }, "journal"))
    end
  end)

  it("quotes values that are not of letters, digits and ._:+/-", function()
    local head = "time=1970-01-01T00:00:00.000Z level=info event=bound "
    for value, written in pairs {
      ["two words"] = '"two words"', ['say "hi"'] = [["say \"hi\""]], ["k=v"] = '"k=v"', ["\\"] = [["\\"]], [""] = '""', ["a\27[2Jb"] = [["a\u001B[2Jb"]],
      ["\n\r\t"] = [["\n\r\t"]], ["\127"] = [["\u007F"]], ["a._:+/-Z9"] = "a._:+/-Z9", ["Grüße"] = '"Grüße"', ["\255x"] = '"\239\191\189x"',
      ["\194\155x"] = [["\u009Bx"]], ["\226\128\174x"] = [["\u202Ex"]], ["a,b"] = '"a,b"',
    } do
      assert.equal(head .. "a=" .. written, line { a = value })
      assert.equal(value:find "[\255]" and "\239\191\189x" or value, dkjson.decode(line({ a = value }, "json")).a)
    end
  end)

  it("cuts values at 1 KiB, not inside a character", function()
    local text = line { a = ("ä"):rep(1000) }
    local value = text:match 'a="(.*)"$'
    assert.is_true(#value <= 1024 and #value > 1015)
    assert.equal(("ä"):rep(510) .. "…", value)
    assert.equal(("x"):rep(1024), (line { a = ("x"):rep(1024) }):match "a=(x*)$")
    assert.equal('"' .. ("x"):rep(1021) .. '…"', (line { a = ("x"):rep(1025) }):match "a=(.*)$")
  end)

  it("drops what is below its level", function()
    local events = { error = "error", warn = "waiting", info = "bound", debug = "not_taken", trace = "pdu" }
    for level, kept in pairs { trace = 5, debug = 4, info = 3, warn = 2, error = 1 } do
      local list, write = records { level = level }
      for _, each in ipairs { "trace", "debug", "info", "warn", "error" } do write(events[each]) end
      assert.equal(kept, #list, level)
      for _, record in ipairs(list) do assert.equal(record.event, events[record.level]) end
    end
  end)

  it("hands a function every record but PDUs, with time and fields", function()
    local list, write = records()
    write("not_taken", { code = "timeout" })
    write("bound", nil, { id = "0a1b2c3d", host = "mc:2775", system_id = "me" })
    write "pdu"
    assert.same({
      { time = 1700000000.9, level = "debug", event = "not_taken", code = "timeout" },
      { time = 1700000000.9, level = "info", event = "bound", session = "0a1b2c3d", peer = "mc:2775", system_id = "me" },
    }, list)
  end)

  it("knows no other events than those of its list", function()
    local _, write = records()
    assert.matches("log: unknown event 'bonud'", select(2, pcall(write, "bonud")))
    local list, write_own = records()
    write_own("warn", "sold_out", { reason = "x" }) -- but a program's own, with their level
    assert.same({ "warn", "sold_out", "x" }, { list[1].level, list[1].event, list[1].reason })
    for event, level in pairs(log.events) do
      assert.matches("^[%l_]+$", event)
      assert.truthy(("trace debug info warn error"):find(level, 1, true))
    end
  end)

  it("masks texts, numbers, both or neither", function()
    local fields = { to = "+49 176 1234567", from = "Shop", text = "Grüße", reason = "491761234567: barred", code = "1234567" }
    local function written(mask)
      local list, write = records { mask = mask, level = "debug" }
      write("not_taken", fields)
      return { list[1].to, list[1].from, list[1].text, list[1].reason, list[1].code }
    end
    local shown, hidden = "Grüße", "<7 octets>"
    local reason = "4917******67: barred"
    assert.same({ "+49 176 1234567", "Shop", hidden, fields.reason, "1234567" }, written(nil))
    assert.same({ "+49 176 1234567", "Shop", hidden, fields.reason, "1234567" }, written "texts")
    assert.same({ "+4917******67", "Shop", shown, reason, "1234567" }, written "numbers")
    assert.same({ "+4917******67", "Shop", hidden, reason, "1234567" }, written "all")
    assert.same({ "+49 176 1234567", "Shop", shown, fields.reason, "1234567" }, written(false))
    assert.equal("12345", log.mask "12345")
    assert.equal("4917*67", log.mask "4917567")
    assert.equal("", log.mask "")
  end)

  it("says what the option `log` may be", function()
    for _, value in ipairs { true, false, "debug", "trace", print, { level = "warn" }, {}, { format = "json", mask = "all" }, { mask = false } } do
      assert.is_true(log.kind.fits(value), tostring(value))
    end
    for _, value in ipairs { "loud", { level = "loud" }, 5, { format = "xml" }, { mask = "some" } } do
      assert.matches("expected", log.kind.explain(value).message)
    end
  end)

  it("writes to stderr from a level on, where only that is given", function()
    local text = to_stderr(function()
      for _, o in ipairs { "warn", true, { level = "error" } } do
        local write = log.writer(o, LOOP)
        for _, event in ipairs { "not_taken", "bound", "waiting", "error" } do write(event, { message = type(o) }) end
      end
    end)
    local levels = {}
    for level, kind in text:gmatch "Z level=(%l+) event=%S+ message=(%l+)\n" do levels[#levels + 1] = kind .. " " .. level end
    assert.same({ "string warn", "string error", "boolean info", "boolean warn", "boolean error", "table error" }, levels)
  end)

  it("writes one line for each event and peer in a second, and then how many more there were", function()
    mc.world(function(w)
      local lines = {}
      local write, _, _, close = log.writer({ write_line = function(text) lines[#lines + 1] = text:match "event=(.*)$" end, level = "trace" }, w.loop)
      local function many(count, peer)
        for i = 1, count do write("refused", { peer = peer, number = i }) end
      end
      many(5, "a")
      many(2, "b")
      write("bound", { peer = "a" })
      assert.same({ "refused peer=a number=1", "refused peer=b number=1", "bound peer=a" }, lines)
      w:sleep(1.5)
      assert.same({ "refused peer=a number=5 repeated=4", "refused peer=b number=2 repeated=1" }, { lines[4], lines[5] })
      many(1, "a")
      many(1, "c")
      assert.equal("refused peer=c number=1", lines[6])
      w:sleep(3)
      assert.equal("refused peer=a number=1 repeated=1", lines[7])
      many(1, "a")
      assert.equal("refused peer=a number=1", lines[8])
      for _ = 1, 3 do write("pdu", { peer = "a" }) end -- of level trace all are written
      assert.equal(11, #lines)
      for i = 1, 3000 do many(1, tostring(i)) end
      assert.equal(3011, #lines)
      many(2, "last")
      close()
      assert.equal("refused peer=last number=2 repeated=1", lines[3013])
    end)
  end)

  it("is nothing where nothing is asked for", function()
    assert.is_nil((log.writer(nil, LOOP)))
    assert.is_nil((log.writer(false, LOOP)))
  end)

  it("survives a function that fails", function()
    local text = to_stderr(function()
      log.writer(function() error "disk full" end, LOOP)("bound")
    end)
    assert.matches("smpp: the log function failed: .*disk full", text)
  end)

  it("has each of its events in docs/logging.md, with its level", function()
    local file = assert(io.open "docs/logging.md")
    local page = file:read "*a"
    file:close()
    local listed = {}
    for event, level in page:gmatch "\n| `([%l_]+)` | (%l+) |" do
      assert.equal(log.events[event], level, event)
      listed[event] = true
    end
    for event in pairs(log.events) do assert.is_true(listed[event], event) end
  end)
end)
