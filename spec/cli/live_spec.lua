local async = require "spec.support.async"
local cli = require "spec.support.cli"
local exit = require "smpp.cli.exit"
local live = require "smpp.cli.live"
local output = require "smpp.cli.output"
local screens = require "spec.support.screen"
local smpp = require "smpp"

local ENV = { LANG = "C.UTF-8", TERM = "xterm" }

--- `smpp sim` on a terminal of this size, beside fn(screen, terminal, loop).
local function sim(words, fn, env)
  local screen, terminal = screens.new(), nil
  local o = { env = env or ENV, terminal = true, stdout = screen, prepare = function(loop) terminal = loop:terminal(80, 20) end }
  table.insert(words, "--port")
  table.insert(words, "2775")
  local code, _, err = cli.sim(words, function(loop) fn(screen, terminal, loop) end, o)
  return code, screen, err
end

local function message(n)
  local esme = assert(smpp.connect { "smpp://me:secret@localhost", retry = false, reconnect = false })
  for _ = 1, n or 1 do esme:send { to = "+4915112345678", text = "Hi" } end
  return esme
end

describe("smpp.cli.live: smpp sim", function()
  it("is redrawn in place, follows the size, and leaves the screen as it was", function()
    local code, screen = sim({ "--refuse", "RSYSERR=100", "--for", "20" }, function(screen, terminal)
      smpp.sleep(0.1)
      assert.is_true(screen.is_alternate and terminal.raw and not screen.cursor and not screen.wraps)
      local esme = message(3)
      smpp.sleep(2)
      cli.has(screen:text(), "smpp sim  127.0.0.1:2775")
      cli.has(screen:text(), "ESME_RSYSERR 3")
      cli.has(screen:text(), "sessions  1  (1 trx)")
      cli.has(screen:text(), "refused  me")
      assert.equal(20, select(2, screen:text():gsub("\n", "")) + 1)
      terminal:resize(60, 12)
      assert.equal(12, select(2, screen:text():gsub("\n", "")) + 1)
      esme:close()
    end)
    assert.equal(exit.DONE, code)
    assert.is_true(screen:is_restored())
    cli.has(screen:text(), "listening on 127.0.0.1:2775\n")
    cli.has(screen:text(), "1 bind, 0 refused binds, 0 messages")
    cli.lacks(screen:text(), "quit")
  end)

  it("ends gracefully with q", function()
    local ended_at
    local code, screen = sim({ "--for", "100" }, function(_, terminal, loop)
      smpp.sleep(3)
      terminal:press "q"
      smpp.sleep(0.1)
      ended_at = loop:now()
    end)
    assert.equal(exit.DONE, code)
    assert.is_true(screen:is_restored() and ended_at < 4)
    cli.has(screen:text(), "0 binds")
  end)

  it("pauses what it sends with p, not what it answers", function()
    sim({ "--for", "60", "--deliver-after", "0.1" }, function(screen, terminal)
      local receipts = 0
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", receipt = function() receipts = receipts + 1 end })
      terminal:press "p"
      assert(esme:send { to = "+4915112345678", text = "Hi", receipt = true })
      smpp.sleep(5)
      cli.has(screen:text(), "paused")
      cli.has(screen:text(), "p resume")
      cli.has(screen:text(), "queue     1")
      assert.equal(0, receipts)
      terminal:press "p"
      smpp.sleep(1)
      assert.equal(1, receipts)
      esme:close()
    end)
  end)

  it("changes its latency with + and -", function()
    sim({ "--for", "60", "--latency", "0.1" }, function(screen, terminal, loop)
      local esme = message(0)
      local function took()
        local start = loop:now()
        esme:send { to = "+4915112345678", text = "Hi" }
        return loop:now() - start
      end
      terminal:press "+"
      cli.has(screen:text(), "latency 120 ms")
      local slow = took()
      terminal:press "-"
      terminal:press "-"
      cli.has(screen:text(), "latency 83 ms")
      assert.is_true(took() < 0.1 and slow > 0.115)
      terminal:press "*"
      cli.has(screen:text(), "latency 167 ms")
      terminal:press "/"
      terminal:press "/"
      cli.has(screen:text(), "latency 42 ms")
      terminal:press "?"
      cli.has(screen:text(), "* /   latency doubled or halved")
      terminal:press "?"
      terminal:press "x"
      esme:close()
    end)
  end)

  it("makes the lines of the messages that it draws, with their own time, and no others", function()
    local address = require "smpp.codec.address"
    local format, count = address.format, 0
    address.format = function(...)
      count = count + 1
      return format(...)
    end
    local ok, failure = smpp.pcall(sim, { "--for", "60", "--deliver-after", "50" }, function(screen, _, loop)
      local esme, time = message(0), nil
      for i = 1, 1000 do esme:submit_sm({ destination_addr = "4915112345678", short_message = tostring(i) }, nil, function() end) end
      time = os.date("!%H:%M:%S", math.floor(loop:time()))
      smpp.sleep(2.1)
      cli.has(screen:text(), time .. ' message  1000')
      cli.has(screen:text(), '"1000"')
      esme:close()
    end)
    address.format = format
    assert(ok, failure)
    assert.is_true(count > 0 and count < 200, count)
  end)

  it("has help behind ?", function()
    sim({ "--for", "60" }, function(screen, terminal)
      smpp.sleep(1)
      terminal:press "?"
      cli.has(screen:text(), "requests are still answered")
      terminal:press "?"
      cli.lacks(screen:text(), "requests are still answered")
    end)
  end)

  it("gives the screen back while it is suspended, and takes none in the background", function()
    local _, screen = sim({ "--for", "60" }, function(screen, terminal)
      smpp.sleep(1)
      terminal:suspend()
      assert.is_true(screen:is_restored())
      terminal.foreground = false
      terminal:resume()
      smpp.sleep(3)
      assert.is_true(screen:is_restored() and not terminal.raw)
      local esme = message(1)
      cli.has(screen:text(), "message  1") -- printed as without a view
      esme:close()
      terminal.foreground = true
      smpp.sleep(1)
      assert.is_true(screen.is_alternate and terminal.raw)
    end)
    assert.is_true(screen:is_restored())
  end)

  it("shows no view with --no-live, --json, -v, -q, or when it is no terminal", function()
    for _, flags in ipairs { { "--no-live" }, { "--json" }, { "-v" }, { "-q" } } do
      table.insert(flags, "--for")
      table.insert(flags, "2")
      local _, screen, err = sim(flags, function(screen) assert.is_true(screen:is_restored()) end)
      cli.lacks(table.concat(screen.writes), "\27[?")
      cli.lacks(err, "rate=")
    end
    local code, out, err = cli.sim({ "--port", "0", "--for", "3" }, function() end)
    assert.equal(exit.DONE, code)
    cli.lacks(out .. err, "rate=")
  end)

  it("writes a line a second to stderr where it cannot draw", function()
    local function lines_of(err)
      local n = 0
      for line in err:gmatch "[^\n]+" do
        assert.matches("^%d%d:%d%d:%d%d rate=[%d.]+ ok=%d+ errors=%d+ p50=%S+ p99=%S+ window=%d+ queue=%d+ sessions=%d+$", line)
        n = n + 1
      end
      return n
    end
    local _, out, err = cli.sim({ "--port", "0", "--for", "3.5", "--live" }, function() end)
    assert.equal(3, lines_of(err))
    cli.lacks(out, "rate=")
    local _, json, json_err = cli.sim({ "--port", "0", "--for", "3.5", "--live", "--json" }, function() end)
    assert.equal(3, lines_of(json_err))
    assert.equal(2, #cli.objects(json))
    local _, screen, dumb = sim({ "--for", "3.5" }, function() end, { TERM = "dumb" })
    assert.equal(3, lines_of(dumb))
    cli.lacks(table.concat(screen.writes), "\27")
  end)

  it("has no colours with NO_COLOR, and no line drawing without UTF-8", function()
    local _, screen = sim({ "--for", "2" }, function() smpp.sleep(1) end, { LANG = "C", NO_COLOR = "1" })
    local all = table.concat(screen.writes)
    cli.has(all, "\27[?1049h")
    assert.is_nil(all:find "\27%[[%d;]*m")
    assert.is_nil(all:find "[\128-\255]")
  end)

  it("restores the screen when the program raises", function()
    local screen, terminal = screens.new(), nil
    async.virtual(function(loop)
      terminal = loop:terminal(80, 20)
      local ok = smpp.pcall(cli.run, { "sim", "--port", "0", "--for", "5" }, { env = ENV, terminal = true, stdout = screen, run = function(fn)
        smpp.spawn(function()
          smpp.sleep(1)
          assert.is_true(screen.is_alternate)
        end)
        fn()
        error "boom"
      end })
      assert.is_false(ok)
    end)()
    assert.is_true(screen:is_restored() and not terminal.raw)
  end)

  it("shows warnings in the view, and on stderr once it is left", function()
    local _, _, err = sim({ "--for", "5" }, function(screen)
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", retry = false, reconnect = false })
      esme:send { to = "+4915112345678", text = "sim: nonsense" }
      smpp.sleep(1)
      cli.has(screen:text(), "warning:")
      esme:close()
    end)
    cli.has(err, "unknown \"sim:\" directive")
  end)
end)

describe("smpp.cli.live", function()
  it("restores the screen when the command raises while it is visible", function()
    local screen = screens.new()
    async.virtual(function(loop)
      loop:terminal(80, 20)
      local out = output.new { stdout = screen, stderr = screen, getenv = function(name) return ENV[name] end, is_terminal = function() return true end }
      out:set_color "auto"
      live.start(out, loop, {}, true, { title = "x", quit = function() end, read = function()
        return { done = 0, ok = 0, errors = 0, statuses = {}, latency = { buckets = { 0 }, bounds = {} }, window = 0, queue = 0, sessions = 0 }
      end })
      assert.is_true(screen.is_alternate)
      out:settle()
      out:settle()
      assert.is_true(screen:is_restored())
    end)()
  end)

  it("sends with a rate, a pause and an end that the keys change", function()
    cli.with_simulator({ accounts = { me = "secret" } }, function(_, loop)
      local screen, terminal = screens.new(), loop:terminal(80, 20)
      local code
      smpp.spawn(function()
        code = cli.send({ "smpp://me:secret@localhost", "--to", "+4915112345678", "--count", "1000", "--rate", "10", "Hi" },
          { env = ENV, terminal = true, stdout = screen })
      end)
      smpp.sleep(3.5)
      cli.has(screen:text(), "smpp send  me localhost:2775")
      cli.has(screen:text(), "of 1,000")
      terminal:press "+"
      cli.has(screen:text(), "rate 12/s")
      terminal:press "p"
      smpp.sleep(2)
      local counted = screen:text():match "sent +(%d+) of"
      smpp.sleep(5)
      assert.equal(counted, screen:text():match "sent +(%d+) of")
      terminal:press "p"
      smpp.sleep(3)
      assert.is_true(tonumber(screen:text():match "sent +(%d+) of") > tonumber(counted))
      terminal:press "q"
      smpp.sleep(2)
      assert.equal(exit.INTERRUPTED, code)
      assert.is_true(screen:is_restored())
      assert.matches("%d+ accepted", screen:text())
    end)()
  end)

  it("shows what was refused of a file, in red", function()
    cli.with_simulator({ accounts = { me = "secret" }, refusals = { ESME_RINVDSTADR = 100 } }, function(_, loop)
      local screen = screens.new()
      loop:terminal(80, 20)
      local path = cli.file "to,text\n491761234567,a\n491761234568,b\n"
      smpp.spawn(function()
        cli.send({ "smpp://me:secret@localhost", "--file", path, "--rate", "0.5" }, { env = ENV, terminal = true, stdout = screen })
      end)
      smpp.sleep(1.5)
      cli.has(screen:text(), "refused 491761234567: ESME_RINVDSTADR")
      assert.truthy(table.concat(screen.writes):find("\27[31mESME_RINVDSTADR", 1, true))
      smpp.sleep(3)
      assert.is_true(screen:is_restored())
      os.remove(path)
      os.remove(path .. ".result.jsonl")
    end)()
  end)

  it("counts what a receiver gets", function()
    cli.with_simulator({ accounts = { me = "secret" } }, function(mc, loop)
      local screen, code = screens.new(), nil
      loop:terminal(80, 20)
      smpp.spawn(function()
        code = cli.run({ "listen", "smpp://me:secret@localhost", "--live", "--for", "5" }, { env = ENV, terminal = true, stdout = screen, run = cli.inside })
      end)
      smpp.sleep(0.5)
      mc:deliver { from = "491761234567", to = "12345", text = "Hello", system_id = "me" }
      smpp.sleep(2)
      cli.has(screen:text(), "ESME_ROK 1")
      cli.has(screen:text(), '"Hello"')
      smpp.sleep(4)
      assert.equal(exit.DONE, code)
      assert.is_true(screen:is_restored())
    end)()
  end)
end)
