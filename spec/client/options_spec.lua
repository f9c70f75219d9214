local settings = require "smpp.client.options"
local smpp = require "smpp"

local function read(url, o)
  local given = { url }
  for name, value in pairs(o or {}) do given[name] = value end
  given.loop = given.loop or {}
  return settings.read(given)
end

describe("smpp.client.options", function()
  it("come from the defaults, the profile, the URL and the table, each over the one before", function()
    local o = assert(read "smpp://me:secret@h")
    assert.same({ 10, 30, 1000, 10, "me", 0x34, "trx" }, { o.window, o.enquire_link_s, o.queue_limit, o.bind_timeout_s, o.system_id, o.version, o.bind })
    assert.same({ min_s = 1, max_s = 60, stable_s = 60, jitter = 0.5 }, o.reconnect)
    assert.same({ attempts = 10, age_s = 60, min_s = 1, max_s = 30 }, o.retry)
    o = assert(read("smpp://h?window=20&profile=gatewayapi", { enquire_link_s = 5 }))
    assert.same({ 20, 5, 30 }, { o.window, o.enquire_link_s, o.reconnect.fixed_s })
    o = assert(read("smpp://h?window=20", { profile = { window = 30, enquire_link_s = 7 } }))
    assert.same({ 20, 7 }, { o.window, o.enquire_link_s })
    assert.equal(40, read("smpp://h?window=20", { window = 40 }).window)
  end)

  it("of a URL are of the kinds of the options", function()
    local o = assert(read "smpp://h?system_type=0123&wait=true&retry.attempts=3&allow=gsm7,ucs2&version=5.0&reconnect=false&log=warn&addr_ton=1&on_unknown=resend")
    assert.same({ "0123", true, { attempts = 3, age_s = 60, min_s = 1, max_s = 30 }, { "gsm7", "ucs2" }, 0x50, false, "warn", 1, "resend" },
      { o.system_type, o.wait, o.retry, o.allow, o.version, o.reconnect, o.log, o.addr_ton, o.on_unknown })
    assert.is_true(assert(read "smpp://h?wait").wait)
  end)

  it("keep a window that adapts under a window that was asked for", function()
    assert.same({ min = 1, max = 100, start = 10 }, read("smpp://h", { adaptive = true }).adaptive)
    assert.same({ min = 1, max = 30, start = 10 }, read("smpp://h?window=30", { adaptive = true }).adaptive)
    assert.same({ min = 2, max = 50, start = 10 }, read("smpp://h?window=30", { adaptive = { min = 2, max = 50 } }).adaptive)
  end)

  -- options beside the URL, or the URL itself; the path; the message
  for _, case in ipairs {
    { { windw = 3 }, "windw", "unknown option 'windw'; did you mean 'window'?" },
    { { window = 0 }, "window", "window: expected an integer from 1 to 65535, got 0" },
    { { retry = { atempts = 3 } }, "retry.atempts", "unknown option 'retry.atempts'; did you mean 'retry.attempts'?" },
    { { retry = { attempts = 0 } }, "retry.attempts", "retry.attempts: expected an integer >= 1, got 0" },
    { { reconnect = { jitter = 2 } }, "reconnect.jitter", "reconnect.jitter: expected a number from 0 to 1, got 2" },
    { { adaptive = { max = 0 } }, "adaptive.max", "adaptive.max: expected an integer from 1 to 65535, got 0" },
    { { reassembly = { max_set = 1 } }, "reassembly.max_set", "unknown option 'reassembly.max_set'; did you mean 'reassembly.max_sets'?" },
    { { version = "3.5" }, "version", "version: expected 3.3, 3.4 or 5.0, got '3.5'" },
    { { version = "3.3", bind = "trx" }, "bind", 'bind: SMPP 3.3 does not support bind_transceiver: use "tx+rx"' },
    { { password = 1234 }, "password", "password: expected a string, got a number" },
    { { profile = "gatewayapy" }, "profile", "profile: unknown profile 'gatewayapy', did you mean 'gatewayapi'?; there are default, gatewayapi, node-smpp, strict" },
    { { profile = { tolerate = { overlnog = true } } }, "profile.tolerate.overlnog",
      "unknown option 'profile.tolerate.overlnog'; did you mean 'profile.tolerate.overlong'?" },
    { { tlvs = { { tag = 0x1400 } } }, "tlvs[1].name", "tlvs[1].name: missing" },
    { "smpp://h?window=0", "window", "window: expected an integer from 1 to 65535, got 0" },
    { "smpp://h?window=ten", "window", "window: expected an integer from 1 to 65535, got 'ten'" },
    { "smpp://h?windw=1", "windw", "unknown option 'windw'; did you mean 'window'?" },
    { "smpp://h?message=x", "message", "message: expected a function, which cannot be given as text" },
    { "smpp://h?loop=x", "loop", "unknown option 'loop'" },
    { "http://h", nil, "invalid URL 'http://h': expected smpp://system_id:password@host:2775" },
  } do
    it("have this mistake: " .. case[3], function()
      local is_url = type(case[1]) == "string"
      local o, wrong = read(is_url and case[1] or "smpp://me@h", not is_url and case[1] or nil)
      assert.is_nil(o)
      assert.equal(case[3], wrong.message)
      assert.equal(case[2], wrong.path)
    end)
  end

  it("say what is missing", function()
    assert.equal("missing host: give a URL, host = or hosts =", select(2, settings.read({})).message)
    assert.equal("expected a URL or a table of options, got nil", select(2, settings.read(nil)).message)
    assert.matches("^hosts%[2%]: ", select(2, settings.read { hosts = { "a", "b:0" } }).message)
  end)

  it("raise where the call stands, also when gsub's second value came along", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() smpp.connect { "smpp://h", windw = 1 } end)
    assert.is_false(ok)
    assert.equal(("options_spec.lua:%d: unknown option 'windw'; did you mean 'window'?"):format(line), message:match "[^/]*$")
    for _, name in ipairs { "connect", "pool", "open" } do
      ok, message = pcall(function() smpp[name](("smpp://x"):gsub("x", "h")) end)
      assert.is_false(ok)
      assert.equal(("options_spec.lua:%d: %s: argument 2: expected a callback function, got 1"):format(line + 4, name), message:match "[^/]*$")
    end
  end)
end)
