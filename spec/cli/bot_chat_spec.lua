local cli = require "spec.support.cli"

local FILE = [[
local bot = require "smpp.bot"
local shop = bot.new { "smpp://me:secret@localhost", number = "12345" }
shop:hear("ORDER", function(chat)
  local what = chat:ask("What?", { within_s = 600 })
  chat:say("%s\nis ordered.", what)
end)
shop:hear("*100#", function(chat) chat:say("Code %d.", chat:choose("Menu", { { "a", value = 1 }, { "b", value = 2 } })) end)
shop:hear("BAD", function() error "oops" end)
shop:hear("TELL", function(chat) shop:send(chat.rest, "told") end)
shop:every("1 h", function() shop:send("+10000000001", "an hour") end)
shop:otherwise(function(chat) chat:say("%s", chat.text) end)
shop:run()
]]

--- What a conversation of these lines shows.
local function talk(text, o)
  local path = cli.file(FILE)
  local code, out, err = cli.run({ "bot", path, "--chat" }, { stdin = text, terminal = o and o.terminal })
  os.remove(path)
  return out, err, code
end

describe("smpp.cli.bot_chat", function()
  it("is a conversation, settled line by line, to the end of stdin", function()
    local out, _, code = talk "hello\norder\nPizza\n"
    assert.equal("< hello\n< What?\n< Pizza\n  is ordered.\n", out)
    assert.equal(0, code)
  end)

  it("has several subscribers, then with their numbers", function()
    assert.equal("< What?\n< +49171: What?\n< +10000000001: A\n  is ordered.\n< +49171: B\n  is ordered.\n",
      (talk "order\n/as +49 171\norder\n/as 10000000001\nA\n/as 49171\nB\n"))
    assert.equal("< +491761234567: told\n", (talk "TELL +491761234567\n"))
  end)

  it("dials, answers in the session, and hangs up", function()
    assert.equal("< Menu\n  1. a\n  2. b\n< Code 2.\n< x\n", (talk "/dial *100#\n2\nx\n"))
    assert.equal("< Menu\n  1. a\n  2. b\n< 2\n", (talk "/dial *100#\n/hangup\n2\n"))
  end)

  it("lets time pass", function()
    assert.equal("< What?\n< x\n< an hour\n", (talk "order\n/wait 11 min\nx\n/wait 50 min\n"))
  end)

  it("sends a slash, ends at /quit, and says what it does not know", function()
    local out, err = talk "//as\n/foo\n/wait long\n/dial 100\n/as me\n/hangup\n/quit\nnot said\n"
    assert.equal("< /as\n", out)
    cli.has(err, "unknown command /foo")
    cli.has(err, "/as: expected a number")
    cli.has(err, "/wait: expected a time such as \"10 min\", got 'long'")
    cli.has(err, "/dial: expected a code such as *100#, got '100'")
    cli.has(err, "/hangup: no session")
  end)

  it("logs the errors of handlers, and goes on", function()
    local out, err = talk "bad\nx\n"
    assert.equal("< Sorry, something went wrong. Please try again later.\n< x\n", out)
    cli.has(err, "handler failed")
    cli.has(err, "oops")
  end)

  it("has a prompt in a terminal only", function()
    assert.equal("> < x\n> ", (talk("x\n", { terminal = true })):gsub("\27%[[%d;]*m", ""))
  end)
end)
