local async = require "spec.support.async"
local cli = require "spec.support.cli"
local loops = require "smpp.loop"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local FILE = [[
local bot = require "smpp.bot"
local shop = bot.new { "smpp://me:secret@localhost:2775", number = "12345" OPTIONS }
shop:otherwise(function(chat) chat:say("You said: %s", chat.text) end)
shop:run()
]]

local function file(options) return cli.file((FILE:gsub("OPTIONS", options or ""))) end

--- Runs it on a virtual loop beside a message centre until a signal.
local function until_signal(signal, o)
  local loop = virtual.new { limit_s = 100000 }
  local previous = loops.set(loop)
  local path = file()
  local code, out, err
  local heard = {}
  loop:timer(function()
    smpp.spawn(function()
      local mc = assert(smpp.simulator { loop = loop, accounts = o and o.accounts })
      mc:on("message", function(message) heard[#heard + 1] = message.octets end)
      smpp.sleep(100)
      if mc.server.sessions[1] then mc:deliver { from = "491761234567", to = "12345", text = "Hi" } end
      smpp.sleep(1)
      if signal then loop:raise(signal) end
      smpp.sleep(1)
      mc:close(0)
    end)
  end):start(0)
  local ok, failure = pcall(function() code, out, err = cli.run { "bot", path } end)
  loops.set(previous)
  os.remove(path)
  assert(ok, failure)
  return code, out, err, heard
end

describe("smpp bot", function()
  it("runs the bot of a file, says where it is bound, and ends at SIGTERM and SIGINT", function()
    local code, out, err, heard = until_signal "SIGTERM"
    assert.equal(0, code)
    assert.equal("bound to localhost:2775 as me\n", out)
    assert.same({ "You said: Hi" }, heard)
    cli.has(err, "no store: opt-outs")
    assert.equal(130, (until_signal "SIGINT"))
  end)

  it("ends with 3 when the bind is refused for good", function()
    local code, out, err = until_signal(nil, { accounts = { other = "x" } })
    assert.same({ 3, "" }, { code, out })
    cli.has(err, "bind refused")
  end)

  it("ends with 2 for a broken file, and says where", function()
    for text, wanted in pairs { ["local x ="] = ":1: ", ["error 'oops'"] = ":1: oops", ["return 5"] = "no bot: the file does not call bot.new", [(FILE:gsub("OPTIONS", ", numbr = 1"))] = ":2: unknown option" } do
      local path = cli.file(text)
      local code, _, err = cli.run { "bot", path }
      os.remove(path)
      assert.equal(2, code)
      assert.equal(path, err:sub(1, #path))
      cli.has(err, wanted)
    end
    assert.equal(2, (cli.run { "bot", "/nonexistent.lua" }))
    assert.equal(2, (cli.run { "bot" }))
  end)

  it("only checks a file", function()
    local path = file()
    local code, out, err = cli.run { "bot", path, "--check" }
    assert.same({ 0, path .. ": ok\n", "" }, { code, out, err })
    os.remove(path)
  end)

  it("ends with 1 when its store cannot be opened", async.virtual(function()
    local path = file ', store = "/nonexistent/x"'
    local code, _, err = cli.run({ "bot", path }, { run = cli.inside })
    assert.equal(1, code)
    cli.has(err, "/nonexistent/x")
    os.remove(path)
  end))
end)
