local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"

local RETRY = schema.new {
  { "attempts", kind.count, 10, "how often", "attempts = 3" },
  { "age_s", kind.seconds, 60, "how long", "age_s = 30" },
}
local S = schema.new {
  { "window", kind.window, 10, "requests that may await their response", "window = 50" },
  { "name", kind.text(5), nil, "a name", 'name = "x"' },
  { "password", "string", nil, "a password", 'password = "x"', secret = true },
  { "retry", kind.either("boolean", RETRY), nil, "again", "retry = false" },
  { "bind", kind.one_of("trx", "tx", "rx"), "trx", "what kind", 'bind = "rx"' },
  { "version", kind.either(kind.one_of("3.3", "3.4"), "number"), nil, "of SMPP", 'version = "3.4"' },
  { "allow", kind.list(kind.one_of("gsm7", "ucs2"), "encodings"), nil, "encodings", 'allow = { "ucs2" }' },
  { "weights", kind.map(kind.one_of("A", "B"), kind.percent, "percentages by name"), nil, "weights", "weights = { A = 1 }" },
  { "message", "function", nil, "a handler", "message = print" },
  { "loop", "table", nil, "an event loop", "loop = loop", program = true },
}

describe("smpp.base.schema", function()
  it("takes what its rows allow", function()
    for _, given in ipairs {
      {}, { window = 1, name = "abcde" }, { retry = true }, { retry = { attempts = 1 } }, { allow = { "gsm7", "ucs2" } }, { weights = { A = 0.5, B = 100 } },
      { message = print, loop = {} }, { version = "3.4" }, { version = 3.4 }, { allow = {} },
    } do
      assert.is_nil(S:problem(given))
      assert.equal(given, S:check(given))
    end
    assert.same({}, S:check(nil))
  end)

  -- what is given, path, message, the structured parts that matter
  local MISTAKES = {
    { { window = 0 }, "window", "window: expected an integer from 1 to 65535, got 0", { expected = "an integer from 1 to 65535", got = "0" } },
    { { window = 1.5 }, "window", "window: expected an integer from 1 to 65535, got 1.5" },
    { { window = 0 / 0 }, "window", "window: expected an integer from 1 to 65535, got " .. ("%.14g"):format(0 / 0) },
    { { window = "20" }, "window", "window: expected an integer from 1 to 65535, got '20'" },
    { { window = {} }, "window", "window: expected an integer from 1 to 65535, got a table" },
    { { windw = 1 }, "windw", "unknown option 'windw'; did you mean 'window'?", { suggestion = "window", unknown = true } },
    { { zzzzzz = 1 }, "zzzzzz", "unknown option 'zzzzzz'" },
    { { { window = 1 } }, nil, "expected name = value, got a table without a name" },
    { { name = "abcdef" }, "name", "name: expected a string of at most 5 octets, got 'abcdef'" },
    { { name = "a\n\27" .. ("x"):rep(200) }, "name", "name: expected a string of at most 5 octets, got 'a\\x0A\\x1B" .. ("x"):rep(57) .. "...'" },
    { { password = 12345678 }, "password", "password: expected a string, got a number" },
    { { retry = 5 }, "retry", "retry: expected true or false or a table of options, got 5" },
    { { retry = { attempts = 0 } }, "retry.attempts", "retry.attempts: expected an integer >= 1, got 0" },
    { { retry = { atempts = 3 } }, "retry.atempts", "unknown option 'retry.atempts'; did you mean 'retry.attempts'?", { suggestion = "retry.attempts" } },
    { { bind = "TRX" }, "bind", [[bind: expected one of "trx", "tx", "rx", got 'TRX'; did you mean 'trx'?]] },
    { { bind = 5 }, "bind", [[bind: expected one of "trx", "tx", "rx", got 5]] },
    { { allow = "gsm7" }, "allow", "allow: expected a list of encodings, got 'gsm7'" },
    { { allow = { "gsm7", "x" } }, "allow[2]", [[allow[2]: expected one of "gsm7", "ucs2", got 'x']] },
    { { allow = { a = "gsm7" } }, "allow", "allow: expected a list of encodings, got a table with named keys or holes" },
    { { weights = { A = 101 } }, "weights.A", "weights.A: expected a number from 0 to 100, got 101" },
    { { weights = { A = -1, B = -1 } }, "weights.A", "weights.A: expected a number from 0 to 100, got -1" },
    { { weights = { ["a b"] = 1 } }, "weights['a b']", [[weights['a b']: expected one of "A", "B", got 'a b']] },
    { { message = 5 }, "message", "message: expected a function, got 5" },
    { { windw = 1, bind = "x" }, "bind", [[bind: expected one of "trx", "tx", "rx", got 'x'; did you mean 'rx'?]] }, -- in the order of names
    { "x", nil, "expected a table of options, got 'x'" },
  }
  for i, case in ipairs(MISTAKES) do
    it(("finds mistake %d: %s"):format(i, case[3]:gsub("%c", "?")), function()
      local wrong = S:problem(case[1])
      assert.equal(case[3], wrong.message)
      assert.equal(case[2], wrong.path)
      for name, value in pairs(case[4] or {}) do assert.equal(value, wrong[name]) end
    end)
  end

  it("raises at the line of its caller's caller", function()
    local function api(o) S:check(o) end
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() api { windw = 1 } end)
    assert.is_false(ok)
    assert.equal(("schema_spec.lua:%d: unknown option 'windw'; did you mean 'window'?"):format(line), message:match "[^/]*$")
  end)

  it("names options that must be there", function()
    local need = schema.new { { "host", "string", nil, "", "", required = true }, { "port", kind.port, nil, "", "" } }
    assert.equal("host: missing", need:problem({ port = 1 }).message)
    assert.is_nil(need:problem { host = "h" })
    assert.equal("out.host: missing", schema.new({ { "out", need } }):problem({ out = {} }).message)
  end)

  it("never suggests the word itself", function()
    local mistake = require "smpp.base.mistake"
    assert.is_nil(mistake.unknown("message_id", { message_id = true }).suggestion)
  end)

  it("fills in defaults", function()
    assert.same({ window = 10, bind = "rx", name = "x" }, S:fill({ bind = "tx", name = "x" }, nil, { bind = "rx" }))
    assert.same({ attempts = 10, age_s = 60 }, RETRY:fill())
  end)

  it("joins and takes apart", function()
    local more = schema.new(S, { { "window", kind.integer(1, 5), 3 }, { "extra", "string" } })
    assert.equal(3, more.defaults.window)
    assert.equal("window: expected an integer from 1 to 5, got 6", more:problem({ window = 6 }).message)
    assert.equal(#S.rows + 1, #more.rows)
    assert.is_nil(S.by_name.extra)
    assert.same({ "bind", "window" }, { S:pick("bind", "window").rows[1][1], S:pick("bind", "window").rows[2][1] })
    assert.equal("unknown option 'bind'", S:without("bind"):problem({ bind = "rx" }).message)
  end)

  describe("reads texts:", function()
    for _, case in ipairs {
      { "window", "20", 20 }, { "window", "0x10", 16 }, { "name", "12", "12" }, { "bind", "rx", "rx" }, { "retry", "false", false }, { "retry", "true", true },
      { "retry.attempts", "3", 3 }, { "version", "3.4", "3.4" }, { "version", "5.5", 5.5 }, { "allow", "gsm7,ucs2", { "gsm7", "ucs2" } }, { "password", "1", "1" },
    } do
      it(case[1] .. "=" .. case[2], function() assert.same(case[3], (S:parse(case[1], case[2]))) end)
    end
    for _, case in ipairs {
      { "window", "x", "window: expected an integer from 1 to 65535, got 'x'" }, { "window", "0", "window: expected an integer from 1 to 65535, got 0" },
      { "window", "nan", "window: expected an integer from 1 to 65535, got" }, { "windw", "1", "unknown option 'windw'; did you mean 'window'?" },
      { "retry", "often", "retry: expected true or false or a table of options, got 'often'" },
      { "retry.attempts", "0", "retry.attempts: expected an integer >= 1, got 0" },
      { "retry.atempts", "1", "unknown option 'retry.atempts'; did you mean 'retry.attempts'?" }, { "window.x", "1", "unknown option 'window.x'" },
      { "message", "x", "message: expected a function, which cannot be given as text" }, { "loop", "x", "unknown option 'loop'" },
      { "allow", "gsm7,x", [[allow[2]: expected one of "gsm7", "ucs2", got 'x']] }, { "name", "abcdef", "name: expected a string of at most 5" },
    } do
      it(case[1] .. "=" .. case[2] .. " is a mistake", function()
        local value, wrong = S:parse(case[1], case[2])
        assert.is_nil(value)
        assert.equal(case[3], wrong.message:sub(1, #case[3]))
      end)
    end

    it("several, nested ones too", function()
      assert.same({ window = 5, retry = { attempts = 2, age_s = 1 } }, S:parse_all { window = "5", ["retry.attempts"] = "2", ["retry.age_s"] = "1" })
      local o, wrong = S:parse_all { window = "5", zzzzzz = "1" }
      assert.is_nil(o)
      assert.equal("zzzzzz", wrong.path)
    end)
  end)

  it("checks without making tables", function()
    local given = { window = 5, name = "x", retry = { attempts = 3 }, allow = { "gsm7" }, bind = "rx", version = "3.4" }
    S:check(given)
    local least = math.huge -- of several rounds: what LuaJIT compiles is memory, too
    for _ = 1, 5 do
      collectgarbage()
      collectgarbage "stop"
      local before = collectgarbage "count"
      for _ = 1, 1000 do S.fits(given) end
      least = math.min(least, collectgarbage "count" - before)
      collectgarbage "restart"
    end
    assert.is_true(least < 5, least) -- KiB; a table per check would be 40
  end)
end)
