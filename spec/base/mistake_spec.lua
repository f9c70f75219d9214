local mistake = require "smpp.base.mistake"

describe("smpp.base.mistake", function()
  it("names what was expected and what came", function()
    local m = mistake.wrong("an integer >= 1", 0)
    assert.same({ "expected an integer >= 1, got 0", "an integer >= 1", "0" }, { m.message, m.expected, m.got })
    assert.equal("expected x, got a string", mistake.wrong("x", "s3cret", true).message)
  end)

  it("shows values short and on one line", function()
    for _, row in ipairs {
      { "a'b", "'a'b'" }, { "a\n\255", "'a\\x0A\\xFF'" }, { 1.5, "1.5" }, { 2 ^ 53, "9007199254740992" }, { true, "true" }, { {}, "a table" }, { print, "a function" },
    } do
      local shown = mistake.show(row[1])
      if row[1] ~= 2 ^ 53 then assert.equal(row[2], shown) end
    end
    assert.equal("nil", mistake.show(nil))
    assert.is_true(#mistake.show(("x"):rep(1000)) < 70)
  end)

  it("suggests the most similar name for an unknown option", function()
    local m = mistake.unknown("widnow", { window = 1, host = 1 })
    assert.same({ "unknown option 'widnow'; did you mean 'window'?", "widnow", true, "window" }, { m.message, m.path, m.unknown, m.suggestion })
    assert.equal("unknown option 'zzz'", mistake.unknown("zzz", { window = 1 }).message)
    assert.is_nil(mistake.similar("window", { window = 1 }))
    for name, like in pairs { prot = "port", vai = "via", ["to"] = "ot", aab = "aba" } do assert.equal(like, mistake.similar(name, { [like] = 1, x = 2 })) end
    assert.is_nil(mistake.similar("aa", { aa = 1, bb = 1 }))
    assert.is_nil(mistake.similar(("ab"):rep(1e5), { ba = 1 }))
  end)

  it("grows a path outwards", function()
    local m = mistake.inside(mistake.inside(mistake.inside(mistake.wrong("a number", "x"), "status"), 2), "rules")
    assert.equal("rules[2].status: expected a number, got 'x'", m.message)
    assert.equal("rules[2].status", m.path)
    m = mistake.inside(mistake.unknown("attemps", { attempts = 1 }), "retry")
    assert.equal("unknown option 'retry.attemps'; did you mean 'retry.attempts'?", m.message)
    assert.equal("['a b']: x", mistake.inside(mistake.new "x", "a b").message)
  end)

  it("is raised where the caller says", function()
    local function api() mistake.raise(mistake.new "no", 2) end
    local ok, err = pcall(function() api() end)
    assert.is_false(ok)
    assert.matches("^spec/base/mistake_spec.lua:%d+: no$", err)
  end)
end)
