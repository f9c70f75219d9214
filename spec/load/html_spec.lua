local histograms = require "smpp.load.histogram"
local html = require "smpp.load.html"

local function page(o)
  local histogram = histograms.new()
  for i = 1, 1000 do histogram:record(i / 1000) end
  local result = {
    target = "smpp://me@h:2775", started = "2026-01-01T00:00:00Z", model = "open", version = "1", duration_s = 10, rate = 100, rate_target = 100,
    sent = 1000, answered = 1000, ok = 990, errors = 10, due = 1000, unknown = 0, not_sent = 0, reconnections = 0, late = { count = 0 },
    waited = { count = 0 }, cpu = 0.1, latency_s = histogram:summary(), statuses = { ESME_ROK = 990, ESME_RSYSERR = 10 }, trustworthy = true,
    interrupted = false, fail_if = {}, series = {},
  }
  for i = 1, 10 do result.series[i] = { t_s = i - 1, target = 100, sent = 100, answered = 100, errors = 1, p50 = 0.5, p99 = 0.99, max = 1 } end
  for key, value in pairs(o or {}) do result[key] = value end
  return html.page(result, { { "--text", "<b>&</b>" } }, histogram)
end

local function has(text, part) assert(text:find(part, 1, true), part .. " not in the page") end

describe("smpp.load.html", function()
  it("opens with the verdict", function()
    has(page(), "no rule was given")
    has(page { fail_if = { { rule = "p99 > 1s", holds = false } } }, '<p class="verdict good">passed')
    has(page { fail_if = { { rule = "p99 > 1s", holds = true, value = 2 } } }, '<p class="verdict bad">failed: p99 &gt; 1s')
    has(page { trustworthy = false }, "the generator was the bottleneck")
    has(page { interrupted = true }, "interrupted")
    has(page { ended = "lost" }, "ended early: all binds were lost")
    has(page { failure = "x.lua:1: <bang>", ended = "failed" }, "ended early: x.lua:1: &lt;bang&gt;")
    local text = page()
    assert.is_true(text:find("<h2>Options", 1, true) < text:find("<h2>Messages", 1, true))
  end)

  it("has curves, and the values as text", function()
    local text = page()
    local _, curves = text:gsub("<svg ", "")
    assert.equal(3, curves)
    for _, part in ipairs { "990", "ESME_RSYSERR", "500 ms", "99.9 %", "100/s of 100/s" } do has(text, part) end
  end)

  it("shows foreign text as text", function()
    has(page(), "&lt;b&gt;&amp;&lt;/b&gt;")
    has(page { target = "smpp://<script>@h" }, "smpp://&lt;script&gt;@h")
    assert.is_nil(page { target = "smpp://<script>@h" }:find("<script", 1, true))
  end)

  it("draws a day of seconds with as many points as there are pixels", function()
    local series = {}
    for i = 1, 86400 do series[i] = { t_s = i - 1, target = 100, sent = 1, answered = i == 5000 and 999 or 1, errors = 0, p50 = 0.5, p99 = 0.9, max = 1 } end
    local text = page { series = series }
    assert.is_true(#text < 200000, #text)
    has(text, "1000") -- the axis of the one high second
  end)

  it("is there without an answer", function()
    local empty = histograms.new()
    local text = page { latency_s = empty:summary(), series = {}, statuses = {} }
    has(text, "–")
  end)
end)
