--- The options of `smpp sim` about HTTP, in a process of its own.
local http = require "smpp.http"
local shell = require "spec.support.shell"

local LUA = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

local function sim(options)
  return (shell.run(("LUA=%s bin/smpp sim --port 0 --for 0.01 %s 2>&1"):format(LUA, options)))
end

describe("smpp sim --http", function()
  setup(function()
    if not http.is_available() then shell.skip "no HTTP library: apt-get install libmicrohttpd-dev libcurl4-openssl-dev" end
  end)

  it("prints where the API is, and the address that opens the console, on loopback", function()
    local output = sim "--http 0"
    local port, console = output:match "^listening on 127.0.0.1:%d+\nhttp on http://127.0.0.1:(%d+)\nconsole on (%S+)\n"
    assert.is_string(port, output)
    assert.matches("^http://127.0.0.1:" .. port .. "/console/#token=" .. ("[%w_-]"):rep(43) .. "$", console)
    assert.matches('\n{"event":"http","url":"http://127.0.0.1:%d+"}\n{"event":"console","url":"http://127.0.0.1:%d+/console/#token=[%w_-]+"}\n', sim "--http 0 --json")
  end)

  it("takes the console's token from the command line or the environment; given there, the console is on elsewhere, too", function()
    assert.matches("/console/#token=given%-token\n", sim "--http 0 --console-token given-token")
    assert.matches("/console/#token=of%-the%-environment\n", (shell.run(("LUA=%s SMPP_CONSOLE_TOKEN=of-the-environment bin/smpp sim --port 0 --for 0.01 --http 0")
      :format(LUA))))
    local elsewhere = sim "--http 0.0.0.0:0"
    assert.matches("\nhttp token %x+\n", elsewhere)
    assert.is_nil(elsewhere:find("console on", 1, true))
    assert.matches("\nconsole on http://0.0.0.0:%d+/console/#token=given%-token\n", sim "--http 0.0.0.0:0 --console-token given-token")
    assert.matches("%-%-console%-token needs %-%-http", sim "--console-token x")
  end)
end)
