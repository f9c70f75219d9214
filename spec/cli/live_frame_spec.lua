local columns = require "smpp.base.columns"
local frame = require "smpp.cli.live_frame"

local function plain(_, text) return text end

local function state(more)
  local s = { title = "smpp sim", subject = "127.0.0.1:2775", paused = false, keys = { "q", "quit", "?", "help" }, events = {}, unicode = true }
  for name, value in pairs(more or {}) do s[name] = value end
  return s
end

local function numbers(more)
  local r = {
    done = 1000, ok = 990, errors = 10, statuses = { ESME_ROK = 990, ESME_RTHROTTLED = 7, ESME_RSYSERR = 3 }, window = 3, window_limit = 10, queue = 1234,
    sessions = 2, session_words = "(1 trx, 1 rx)",
  }
  for name, value in pairs(more or {}) do r[name] = value end
  local rates = {}
  for i = 1, 60 do rates[i] = i end
  return { reading = r, rate = 4812, peak = 5000, rates = rates, p50_s = 0.002, p99_s = 0.012, at = 3700, started = 0 }
end

local function picture(...) return table.concat(frame.lines(...), "\n") end

describe("smpp.cli.live_frame", function()
  it("fits into every size", function()
    for _, unicode in ipairs { true, false } do
      for _, width in ipairs { 1, 10, 40, 55, 56, 60, 80, 100, 200 } do
        for _, height in ipairs { 1, 2, 5, 9, 16, 24, 60 } do
          local events = {}
          for i = 1, 100 do events[i] = ("line %d 漢字👋"):format(i):rep(5) end
          local lines = frame.lines(state { unicode = unicode, events = events }, numbers { total = 2000 }, width, height, plain)
          assert.is_true(#lines <= height, ("%dx%d: %d lines"):format(width, height, #lines))
          for _, line in ipairs(lines) do assert.is_true(columns.count(line) <= width, ("%dx%d: '%s'"):format(width, height, line)) end
          if height >= 9 then assert.equal(height, #lines) end
        end
      end
    end
  end)

  it("shows the numbers at 60, 80 and 200 columns", function()
    for _, width in ipairs { 60, 80, 200 } do
      local text = picture(state(), numbers { total = 2000 }, width, 24, plain)
      for _, part in ipairs {
        "smpp sim", "127.0.0.1:2775", "1:01:40", "4,812/s", "peak 5,000/s", "1,000 of 2,000   50 %", "1 s left", "p50 2.0 ms  p99 12 ms", "3 of 10 ███",
        "990", "1,234", "10  1 %", "2  (1 trx, 1 rx)", "ESME_ROK 990   ESME_RTHROTTLED 7   ESME_RSYSERR 3", "q quit   ? help", "█",
      } do
        assert.truthy(text:find(part, 1, true), width .. ": " .. part .. "\n" .. text)
      end
    end
  end)

  it("has errors in red, and only errors", function()
    local function marked(style, text) return ("<%s %s>"):format(style, text) end
    local text = picture(state(), numbers(), 200, 24, marked)
    assert.truthy(text:find("<bold_red 10  1 %>", 1, true))
    assert.truthy(text:find("<red ESME_RTHROTTLED 7>", 1, true))
    assert.truthy(text:find("<green ESME_ROK 990>", 1, true))
    assert.is_nil(picture(state(), numbers { errors = 0, statuses = { ESME_ROK = 1 } }, 200, 24, marked):find "red")
  end)

  it("has the last events, or the help, below", function()
    local events = {}
    for i = 1, 50 do events[i] = "event " .. i end
    local text = picture(state { events = events }, numbers(), 80, 16, plain)
    assert.truthy(text:find "event 50\n" and not text:find "event 1\n")
    text = picture(state { events = events, help = { "first", "second" } }, numbers(), 80, 16, plain)
    assert.truthy(text:find "first\n second\n" and not text:find "event")
    assert.truthy(picture(state { paused = true }, numbers(), 80, 16, plain):find "paused")
  end)

  it("draws a line of a minute, the newest right", function()
    local signs = { "a", "b", "c", "d" }
    local function line(rates, width) return frame.sparkline(rates, width, 4, signs) end
    assert.equal("   abcd", line({ 1, 2, 3, 4 }, 60):sub(-7))
    assert.equal(" a d", line({ 0, 0.1, 0, 4 }, 60):sub(-4))
    local rates = {}
    for i = 1, 60 do rates[i] = i % 2 == 0 and 4 or 0 end
    assert.equal(("d"):rep(30), line(rates, 30)) -- each stands for two seconds, and shows the higher
    assert.equal((" "):rep(10), frame.sparkline({}, 10, 0, signs))
  end)

  it("does without Unicode", function()
    assert.is_nil(picture(state { unicode = false }, numbers { total = 2000 }, 80, 24, plain):find "[\128-\255]")
  end)

  it("escapes statuses and addresses of peers", function()
    assert.is_nil(picture(state { subject = "a\27[2Jb" }, numbers { statuses = { ["x\27[2J"] = 1 } }, 80, 24, plain):find "\27")
  end)
end)
