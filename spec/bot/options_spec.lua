local bot = require "smpp.bot"
local options = require "smpp.bot.options"

local URL = "smpp://me:secret@localhost"

local function message(given)
  local ok, wrong = pcall(function() local shop = bot.new(given) return shop end)
  assert.is_false(ok)
  return wrong
end

describe("smpp.bot.options", function()
  it("takes a URL, options of smpp.connect, or several carriers", function()
    local o = options.read({ URL, window = 5 }, 1)
    assert.same({ URL, 5, true }, { o.carriers[1].given[1], o.carriers[1].given.window, o.carriers[1].given.wait })
    o = options.read({ { host = "mc.example", system_id = "me" }, wait = false }, 1)
    assert.same({ "mc.example", false }, { o.carriers[1].given.host, o.carriers[1].given.wait })
    o = options.read({ carriers = { b = URL, a = { host = "x", answer_timeout_s = 3 } } }, 1)
    assert.same({ "a", 3, "b", 10 }, { o.carriers[1].name, o.carriers[1].answer_timeout_s, o.carriers[2].name, o.carriers[2].answer_timeout_s })
    assert.equal(URL, options.read(URL, 1).carriers[1].given[1])
  end)

  it("raises at the line of bot.new, with a suggestion", function()
    for given, wanted in pairs {
      [{ URL, numbr = "1" }] = "did you mean 'number'", [{ URL, widnow = 1 }] = "did you mean 'window'", [{ URL, keywords = "Leave" }] = "did you mean 'leave'",
      [{ URL, quiet = "night" }] = "expected hours", [{ URL, texts = { stoped = "x" } }] = "did you mean", [{ URL, optout = true }] = "optout",
      [{ URL, loop = { repeat_ = 1 } }] = "loop", [{ URL, rate = { n = 0 } }] = "rate.n", [{ "http://x" }] = "", [{ URL, carriers = { a = URL } }] = "both",
      [{ carriers = {} }] = "at least one", [{ carriers = { a = { hots = "x" } } }] = "carriers.a: unknown option 'hots'", [{}] = "missing host",
      [{ URL, country = "0049" }] = "country", [{ URL, message = print }] = "message", [{ URL, ussd = { more = 5 } }] = "ussd",
    } do
      local wrong = message(given)
      assert.truthy(wrong:find("options_spec.lua", 1, true), wrong)
      assert.truthy(wrong:find(wanted, 1, true), wrong)
    end
  end)

  it("fills in the inner ones, and tells an event loop from protection against loops", function()
    local loop = require("smpp.loop.virtual").new()
    local o = options.read({ URL, loop = loop, rate = { n = 5 }, optout = { scope = "number" } }, 1)
    assert.equal(loop, o.event_loop)
    assert.same({ 4, 5, 3600, "number", "Cancelled." }, { o.loop.repeats, o.rate.n, o.rate.per_s, o.optout.scope, o.texts.cancelled })
    o = options.read({ URL, loop = false, rate = false, optout = false, texts = { cancelled = false } }, 1)
    assert.same({ false, false, false, false }, { o.loop, o.rate, o.optout, o.texts.cancelled })
    o = options.read({ URL, quiet = { "21:00-08:00 +01:00", "12:00-13:00" }, ussd = { release = 3, timeout_s = 60 } }, 1)
    assert.same({ 2, 3, 60 }, { #o.quiet, o.carriers[1].ussd.release, o.ussd.timeout_s })
  end)
end)
