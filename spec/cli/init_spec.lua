local cli = require "spec.support.cli"
local exit = require "smpp.cli.exit"
local output = require "smpp.cli.output"
local smpp = require "smpp"
local run = cli.run

local COMMANDS = { "send", "listen", "sim", "decode", "explain", "count" }

local function has(text, part) assert(text:find(part, 1, true), ("'%s' not in:\n%s"):format(part, text)) end

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

  it("loads the command that is called and no other: a broken one breaks only itself", function()
    local module = "smpp.cli.count"
    local loaded, preload = package.loaded[module], package.preload[module]
    package.loaded[module], package.preload[module] = nil, function() error "broken" end
    local ok, failure = pcall(function()
      has(select(2, run { "--version" }), "smpp ")
      has(select(2, run { "--help" }), "\n   count                    Tell what a text costs")
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
      local _, painted = run(words, { terminal = true })
      assert.not_equal(plain, painted)
      assert.equal(plain, (painted:gsub("\27%[%d*m", "")))
    end
  end)

  it("stops quietly when nobody reads any more", function()
    local closed = { write = function() return nil, "Broken pipe" end }
    local code = require("smpp.cli").main({ "explain", "submit_sm" }, { stdout = closed, stderr = closed, is_terminal = function() return false end })
    assert.equal(1, code)
  end)

  it("maps failures to exit codes", function()
    assert.equal(4, exit.of "timeout")
    assert.equal(4, exit.of "connection_lost")
    assert.equal(3, exit.of "connect_failed")
    assert.equal(3, exit.of "tls")
    assert.equal(1, exit.of "ESME_RTHROTTLED")
    assert.equal(1, exit.of "not_sent")
    assert.equal(1, exit.of(nil))
  end)
end)

describe("smpp: output", function()
  it("knows the process's own streams, with and without luv", function()
    local out = output.new { stdin = io.tmpfile() }
    assert.is_false(out.is_terminal(out.stdin))
    assert.is_boolean(out.is_terminal(io.stdout))
    local streams = "smpp.loop.luv_stream"
    local loaded, preload = package.loaded[streams], package.preload[streams]
    package.loaded[streams], package.preload[streams] = nil, function() error "no luv here" end
    local ok, answer = pcall(out.is_terminal, io.stdin)
    package.loaded[streams], package.preload[streams] = loaded, preload
    assert.is_true(ok)
    assert.is_boolean(answer)
  end)

  it("keeps the progress line out of other lines, and off what is no terminal", function()
    local pieces = {}
    local file = { write = function(_, ...) pieces[#pieces + 1] = table.concat({ ... }) return true end }
    local out = output.new { stdout = file, stderr = file, is_terminal = function() return true end }
    out:show_progress "half"
    out:print "line"
    out:show_progress "more"
    out:note("note %d", 1)
    assert.equal("\rhalf\27[K\r\27[Kline\n\rmore\27[K\r\27[Knote 1\n", table.concat(pieces))
    pieces = {}
    out = output.new { stderr = file, is_terminal = function() return false end }
    out:show_progress "half"
    assert.same({}, pieces)
  end)
end)
