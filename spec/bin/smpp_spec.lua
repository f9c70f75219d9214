--- The command as people run it: a process of its own, pipes and signals.
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local shell = require "spec.support.shell"

local LUA = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

local has = cli.has

--- Runs a script of the shell with $smpp, and $sim, $port, $url of a simulator that listens; what it printed.
local function script(text, o)
  local folder, remove = shell.folder()
  local output, code = shell.run(([[
    export LUA=%s
    dir=%s smpp=bin/smpp
    $smpp sim --port 0 --for 90 %s >$dir/sim 2>&1 & sim=$!
    wait_for listening $dir/sim
    port=$(sed -n 's/^listening on 127.0.0.1://p' $dir/sim)
    url=smpp://me:secret@127.0.0.1:$port
    { %s
    }
    kill -INT $sim 2>/dev/null; wait $sim; echo "sim ended with $?"; tail -n 1 $dir/sim
  ]]):format(LUA, folder, o or "", text))
  remove()
  assert.equal(0, code, output)
  return output
end

describe("bin/smpp", function()
  it("sends to bin/smpp sim; an interrupt ends that gracefully with 130", function()
    local output = script [[
      $smpp send $url --from Test --to +4915112345678 --receipt "Hello"; echo "send ended with $?"
      echo abc | $smpp send $url --to 491 -; echo "send ended with $?"]]
    has(output, "accepted 1 +4915112345678\nDELIVERED 1 +4915112345678 after ")
    has(output, "accepted 2 491\nsend ended with 0\n")
    has(output, "sim ended with 130\n2 binds, 0 refused binds, 2 messages, 1 receipt")
  end)

  it("interrupted in a batch it ends with 130, and every message is accounted for", function()
    local path = cli.file("to\n" .. ("4915123\n"):rep(200000))
    local output = script(([[
      $smpp send $url --file %s --text Hi --window 50 & send=$!
      wait_for accepted %s.result.jsonl
      kill -INT $send; wait $send; echo "send ended with $?"]]):format(path, path))
    has(output, "send ended with 130")
    has(output, "to send the rest: the same command with --resume")
    local sending, accepted, more = 0, 0, {}
    for line in io.lines(path .. ".result.jsonl") do
      local record = assert(dkjson.decode(line))
      if record.status == "sending" then sending = sending + 1 else more[record.status] = (more[record.status] or 0) + 1 end
      if record.status == "accepted" then accepted = accepted + 1 end
    end
    os.remove(path)
    os.remove(path .. ".result.jsonl")
    assert.is_true(accepted > 0 and accepted < 200000, output)
    local told = 0
    for _, count in pairs(more) do told = told + count end
    assert.is_true(sending - accepted <= 50) -- the others were not begun
    assert.equal(sending, told) -- each has an outcome, since it was closed gracefully
    has(output, accepted .. " accepted")
    assert.equal(accepted, tonumber(output:match "(%d+) messages"))
  end)

  it("sends what comes through a pipe when it comes, to the last line", function()
    local output = script [[
      accepted() { wait_for accepted $dir/$1 && echo "first was accepted" >&2; }
      { echo to; echo 491; accepted one; seq 4910001 4913000; } | $smpp send $url --file - --result $dir/one --text Hi
      mkfifo $dir/fifo
      { echo to; echo 491; accepted two; seq 4910001 4913000; } >$dir/fifo & $smpp send $url --file $dir/fifo --result $dir/two --text Hi
      { echo to; echo 491; printf 49; exec sleep 30; } >$dir/fifo & writer=$!
      $smpp send $url --file $dir/fifo --result $dir/three --text Hi & send=$!
      accepted three; kill -TERM $send; wait $send; echo "send ended with $?"; kill $writer
      tail -n 1 $dir/three]]
    local first = "first was accepted\n"
    has(output, first .. "3001 accepted\n" .. first .. "3001 accepted\n" .. first .. "1 accepted\n")
    has(output, "send ended with 130\n")
    has(output, '{"line":2,"to":"491","status":"accepted"') -- and no 49, whatever it would have been
  end)

  it("listens until it is interrupted", function()
    local output = script [[
      $smpp listen $url >$dir/listen 2>&1 & listen=$!
      wait_for waiting $dir/listen
      kill -INT $listen; wait $listen; echo "listen ended with $?"; cat $dir/listen]]
    has(output, "listen ended with 130\nbound as me, waiting for messages\nunbound\n")
    has(output, "1 bind,")
  end)

  it("ends when the reader of its output is gone", function()
    local output = shell.run(("export LUA=%s; yes 00000010000000150000000000000001 | head -n 5000 | bin/smpp decode -b - | head -n 1; echo done"):format(LUA))
    assert.equal("enquire_link #1\ndone\n", output)
  end)

  it("has no colours in a pipe, and its exit codes reach the shell", function()
    local output = shell.run(("export LUA=%s; bin/smpp explain 0x58; echo $?; bin/smpp explain nonsense; echo $?; bin/smpp; echo $?; "
      .. "bin/smpp send smpp://a:b@127.0.0.1:1 --to 1 x; echo $?"):format(LUA))
    assert.is_nil(output:find("\27", 1, true))
    has(output, "ESME_RTHROTTLED")
    has(output, "\n0\nsmpp: unknown name or number 'nonsense'")
    has(output, "\n1\nUsage")
    has(output, "\n2\nsmpp: ")
    assert.equal("3", output:match "(%d+)\n$")
  end)
end)
