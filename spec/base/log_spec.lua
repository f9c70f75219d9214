local log = require "smpp.base.log"

local LOOP = { time = function() return 1700000000.9 end }

local function records(o)
  local list = {}
  local given = o
  if type(o) == "table" then o.write = function(record) list[#list + 1] = record end end
  if o == nil then given = function(record) list[#list + 1] = record end end
  local write, show = log.writer(given, LOOP)
  return list, write, show
end

describe("smpp.base.log", function()
  it("writes a record as one line: time, level, event, then names in order of the alphabet", function()
    assert.equal("2023-11-14T22:13:20Z warn waiting b=2 from=bound", log.line { time = 1700000000.9, level = "warn", event = "waiting", from = "bound", b = 2 })
  end)

  it("quotes values that would break the line", function()
    local line = log.line { time = 0, level = "info", event = "x", a = "two words", b = 'say "hi"\n', c = "k=v", d = "\\", e = "a\\ b" }
    assert.equal([[1970-01-01T00:00:00Z info x a="two words" b="say \"hi\"\n" c="k=v" d=\ e="a\\ b"]], line)
    assert.is_nil(line:find "%c")
  end)

  it("drops what is below its level", function()
    for level, kept in pairs { debug = 4, info = 3, warn = 2, error = 1 } do
      local list, write = records { level = level }
      for _, each in ipairs { "debug", "info", "warn", "error" } do write(each, "event") end
      assert.equal(kept, #list, level)
    end
  end)

  it("hands a function every record, with time and fields", function()
    local list, write = records()
    write("debug", "retry", { after_s = 2 })
    write("info", "bound")
    assert.same({ { time = 1700000000.9, level = "debug", event = "retry", after_s = 2 }, { time = 1700000000.9, level = "info", event = "bound" } }, list)
  end)

  it("masks all but the last three characters, unless it is to show them", function()
    assert.equal("*********567", log.mask "491511234567")
    assert.equal("12", log.mask "12")
    assert.equal("", log.mask "")
    assert.equal("*23", select(3, records {})("123"):gsub("^1", "*")) -- three or fewer are all shown
    assert.equal("491511234567", select(3, records { show = true })("491511234567"))
  end)

  it("says what the option `log` may be", function()
    for _, value in ipairs { true, false, "debug", "error", print, { level = "warn" }, {} } do assert.is_true(log.kind.fits(value), tostring(value)) end
    for _, value in ipairs { "loud", { level = "loud" }, 5 } do assert.matches("expected", log.kind.explain(value).message) end
  end)

  it("writes to stderr from a level on, where only that is given", function()
    local real, text = io.stderr, ""
    io.stderr = { write = function(_, ...) text = text .. table.concat { ... } end } -- luacheck: ignore 122
    local ok, err = pcall(function()
      for _, o in ipairs { "warn", true, { level = "error" } } do
        local write = log.writer(o, LOOP)
        for _, level in ipairs { "debug", "info", "warn", "error" } do write(level, tostring(type(o))) end
      end
    end)
    io.stderr = real -- luacheck: ignore 122
    assert(ok, err)
    local levels = {}
    for level, kind in text:gmatch "Z (%l+) (%l+)\n" do levels[#levels + 1] = kind .. " " .. level end
    assert.same({ "string warn", "string error", "boolean info", "boolean warn", "boolean error", "table error" }, levels)
  end)

  it("is nothing where nothing is asked for", function()
    local write, show = log.writer(nil, LOOP)
    assert.is_nil(write)
    assert.equal("*234", show "1234")
    assert.is_nil((log.writer(false, LOOP)))
  end)

  it("survives a function that fails", function()
    local real, text = io.stderr, ""
    io.stderr = { write = function(_, ...) text = text .. table.concat { ... } end } -- luacheck: ignore 122
    local ok = pcall(log.writer(function() error "disk full" end, LOOP), "info", "bound")
    io.stderr = real -- luacheck: ignore 122
    assert.is_true(ok)
    assert.matches("smpp: the log function failed: .*disk full", text)
  end)
end)
