-- The command on a real pseudo-terminal, made by `script` of util-linux.
local shell = require "spec.support.shell"

local lua = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

--- Runs a shell script on a terminal, while another one writes keys; all that the terminal got.
local function on_terminal(program, keys)
  shell.need("script", "bsdutils")
  local folder, remove = shell.folder()
  shell.write(folder .. "/program", program)
  local build = os.getenv "SMPP_BUILD" or "build"
  local output = shell.run(([[
    F=%s; export F TERM=xterm LANG=C.UTF-8 HOME=$F LUA=%s SMPP_BUILD=%s SHELL=/bin/sh; unset NO_COLOR COLUMNS LC_ALL LC_CTYPE
    { %s
    } | script -qfec "stty cols 80 rows 24; sh $F/program; echo ended=\$?; stty -a | tr ';' '\n' | grep -w -e icanon -e echo" /dev/null | tee $F/out
  ]]):format(folder, shell.quote(lua), shell.quote(build), keys))
  remove()
  return output
end

local WAIT = "wait_for %s $F/out\n"

--- Is the screen as it was at the end, and did the view appear so many times?
local function is_restored(output, times)
  local entered, left = select(2, output:gsub("\27%[%?1049h", "")), select(2, output:gsub("\27%[%?1049l", ""))
  assert.same({ times, times }, { entered, left }, output)
  local rest = output:match "^.*\27%[%?1049l(.*)$"
  assert.is_nil(rest:find "\27%[%?25l")
  assert.truthy(output:find "\27%[%?7h\27%[%?25h\27%[%?1049l")
  local modes = " " .. output:match("ended=.-\n(.*)$"):gsub("%s+", " ")
  assert.truthy(modes:find(" icanon", 1, true) and not modes:find("-icanon", 1, true) and not modes:find(" -echo ", 1, true), modes)
end

describe("smpp.loop.luv_terminal", function()
  it("reads keys, and gives the terminal back at the end", function()
    local output = on_terminal("bin/smpp sim --port 0", WAIT:format "help" .. "printf '?'\n" .. WAIT:format "answered" .. "printf q\n" .. WAIT:format "ended=")
    assert.truthy(output:find "requests are still answered")
    assert.truthy(output:find "ended=0")
    is_restored(output, 1)
  end)

  it("handles Ctrl-C and a signal as without it", function()
    local output = on_terminal("set -m; bin/smpp sim --port 0", WAIT:format "help" .. "printf '\\003'\n" .. WAIT:format "ended=")
    assert.truthy(output:find "ended=130")
    is_restored(output, 1)
    output = on_terminal("bin/smpp sim --port 0 & echo $! > $F/pid; wait $!", "sleep 0.1\n" .. WAIT:format "listening" .. "kill $(cat $F/pid)\n" .. WAIT:format "ended=")
    assert.truthy(output:find "ended=130")
    assert.is_nil(output:find "1049h") -- started by a script with &
  end)

  it("gives the terminal back when it is suspended or quits", function()
    local suspended = [[
      set -m
      bin/smpp sim --port 0 --for 30
      echo stopped; stty -a | tr ';' '\n' | grep -w icanon
      fg %1 >/dev/null
    ]]
    local output = on_terminal(suspended, WAIT:format "help" .. "printf '\\032'\n" .. WAIT:format "stopped" .. "sleep 0.3; printf q; sleep 0.5; printf q\n"
      .. WAIT:format "ended=")
    assert.truthy(output:find "stopped%s+.*icanon")
    is_restored(output, 2)
    output = on_terminal("set -m; ulimit -c 0; bin/smpp sim --port 0", WAIT:format "help" .. "printf '\\034'\n" .. WAIT:format "ended=")
    assert.truthy(output:find "ended=131")
    is_restored(output, 1)
    output = on_terminal("set -m; bin/smpp sim --port 0 & echo $! >$F/pid; fg >/dev/null", WAIT:format "help" .. "kill -HUP $(cat $F/pid)\n"
      .. WAIT:format "ended=")
    assert.truthy(output:find "ended=129")
    is_restored(output, 1)
  end)

  it("gives the terminal back when the program raises", function()
    local output = on_terminal([[
      cat > $F/raise.lua <<'END'
        local task, live = require "smpp.base.task", require "smpp.cli.live"
        local start = live.start
        live.start = function(...)
          local view = start(...)
          error("boom")
        end
        arg = { [0] = "bin/smpp", "sim", "--port", "0" }
        os.exit(require("smpp.cli").main(arg))
END
      eval "$(make -s env LUA=$LUA)"; $LUA $F/raise.lua 2>&1
    ]], WAIT:format "ended=")
    if not output:find "boom" then error(output:gsub("\27", "^[")) end
    assert.truthy(output:find "ended=1")
    is_restored(output, 1)
  end)

  it("knows a size that changes", function()
    local output = on_terminal("(sleep 1.2; stty cols 50 rows 12 <$(tty)) & bin/smpp sim --port 0 --for 3", WAIT:format "ended=")
    assert.truthy(output:find(("─"):rep(80), 1, true))
    assert.truthy(output:find("\27%[K[^\n]*" .. ("─"):rep(50) .. "[^─]"), output)
    is_restored(output, 1)
  end)
end)
