local cli = require "spec.support.cli"
local smpp = require "smpp"
local run = cli.run

local COMMANDS = { "send", "listen", "sim", "decode", "explain", "count" }

local has = cli.has

describe("smpp", function()
  it("helps", function()
    for _, words in ipairs { { "--help" }, { "-h" }, { "help" } } do
      local code, out, err = run(words)
      assert.equal(0, code)
      assert.equal("", err)
      for _, name in ipairs(COMMANDS) do has(out, "\n   " .. name .. " ") end
      has(out, "Exit codes")
    end
    for _, name in ipairs(COMMANDS) do
      for _, words in ipairs { { name, "--help" }, { name, "-h" }, { "help", name } } do
        local code, out = run(words)
        assert.equal(0, code)
        has(out, "Usage: smpp " .. name)
        has(out, "Examples:\n   smpp " .. name)
        for line in out:gmatch "[^\n]+" do assert.is_true(#line <= 110, line) end
      end
    end
    local code, out = run { "--version" }
    assert.equal(0, code)
    assert.equal("smpp " .. smpp._VERSION .. "\n", out)
  end)

  it("knows misuse: 2, and a hint on stderr", function()
    for _, words in ipairs { {}, { "nosuch" }, { "--nosuch" }, { "decode", "--nosuch" }, { "count", "--color", "pink", "x" } } do
      local code, out, err = run(words)
      assert.equal(2, code)
      assert.equal("", out)
      has(err, "--help")
    end
    has(select(3, run { "decode", "--verbos" }), "--verbose")
  end)

  it("names the option whose value is wrong", function()
    has(select(3, run { "sim", "--port", "x" }), "smpp: --port: invalid value 'x': expected an integer from 0 to 65535\n")
    has(select(3, run { "sim", "--account", "x" }), "smpp: --account x: expected ID:PASSWORD\n")
    has(select(3, run { "load", "smpp://x", "--rate", "many" }), "smpp: --rate: invalid rate 'many'")
    has(select(3, run { "load", "smpp://x", "--seed", "x" }), "smpp: --seed: invalid value 'x'\n")
  end)

  it("loads the command that is called and no other: a broken one breaks only itself", function()
    local module = "smpp.cli.count"
    local loaded, preload = package.loaded[module], package.preload[module]
    package.loaded[module], package.preload[module] = nil, function() error "broken" end
    local ok, failure = pcall(function()
      has(select(2, run { "--version" }), "smpp ")
      has(select(2, run { "--help" }), "\n   count                    Show what a text costs")
      has(select(2, run { "help", "explain" }), "Usage: smpp explain")
      assert.equal(0, (run { "explain", "submit_sm" }))
      assert.equal(2, (run { "explain", "--nonsense" }))
      assert.has_error(function() run { "count", "x" } end)
    end)
    package.loaded[module], package.preload[module] = loaded, preload
    assert(ok, failure)
  end)

  it("colours terminals that want it", function()
    local words = { "explain", "0x58" }
    local function colored(arguments, o) return (select(2, run(arguments, o))):find("\27[", 1, true) ~= nil end
    assert.is_false(colored(words))
    assert.is_true(colored(words, { terminal = true }))
    assert.is_false(colored(words, { terminal = true, env = { NO_COLOR = "1" } }))
    assert.is_true(colored(words, { terminal = true, env = { NO_COLOR = "" } }))
    assert.is_false(colored(words, { terminal = true, env = { TERM = "dumb" } }))
    assert.is_true(colored { "explain", "--color", "always", "0x58" })
    assert.is_true(colored({ "explain", "--color=always", "0x58" }, { env = { NO_COLOR = "1" } }))
    assert.is_false(colored({ "explain", "--color", "never", "0x58" }, { terminal = true }))
    assert.is_false(colored({ "explain", "--json", "0x58" }, { terminal = true }))
  end)

  it("colours do not change the words", function()
    local hex = "0000002d000000040000000000000001000100413100000134390000000000000001000000000005" .. "68656c6c6f"
    for _, words in ipairs { { "decode", hex }, { "decode", "-b", hex }, { "explain", "submit_sm" }, { "count", "h\226\130\172\226\128\166" } } do
      local _, plain = run(words)
      local _, painted = run(words, { terminal = true, env = { COLUMNS = "300" } })
      assert.not_equal(plain, painted)
      assert.equal(plain, (painted:gsub("\27%[%d*m", "")))
    end
  end)

  it("stops quietly when nobody reads any more", function()
    local closed = { write = function() return nil, "Broken pipe" end }
    local code = require("smpp.cli").main({ "explain", "submit_sm" }, { stdout = closed, stderr = closed, is_terminal = function() return false end })
    assert.equal(1, code)
  end)

  it("says that its output cannot be written, also at its end", function()
    for _, words in ipairs { { "explain", "submit_sm" }, { "--help" }, { "count", "x" }, { "decode", "0000001000000015000000000000000a" } } do
      local code, noted = nil, {}
      local full = { write = function() return true end, flush = function() return nil, "No space left on device", 28 end }
      local stderr = { write = function(_, ...) for _, text in ipairs { ... } do noted[#noted + 1] = text end end }
      code = require("smpp.cli").main(words, { stdout = full, stderr = stderr, is_terminal = function() return false end })
      assert.same({ 1, "smpp: cannot write to stdout: No space left on device\n" }, { code, table.concat(noted) }, words[1])
      full.flush = function() return nil, "Broken pipe", 32 end
      noted = {}
      code = require("smpp.cli").main(words, { stdout = full, stderr = stderr, is_terminal = function() return false end })
      assert.same({ 1, "" }, { code, table.concat(noted) }, words[1])
    end
  end)
end)
