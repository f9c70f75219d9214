--- A process that is stopped while answers come, as with SIGSTOP, Ctrl-Z, or a machine that is suspended.
local shell = require "spec.support.shell"

local LUA = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"

local CLIENT = [[
package.path, package.cpath = %q, %q
local smpp = require "smpp"
smpp.run(function()
  local esme = assert(smpp.connect { "smpp://me:secret@127.0.0.1:%s", response_timeout_s = 0.8 })
  local function said(what) return function(response, _, code) print(what, response and "answered" or code) end end
  smpp.sleep(0.05)
  esme:submit_sm({ destination_addr = "4915112345678", short_message = "x" }, said "submit_sm")
  print "sent"
  io.stdout:flush()
  smpp.sleep(1.5)
  print(esme.state)
  esme:close()
end)
]]

describe("smpp.loop.luv: a process that is stopped", function()
  it("reads the answers that came meanwhile before it takes them for missing", function()
    local folder, remove = shell.folder()
    local file = assert(io.open(folder .. "/client.lua", "w"))
    file:write((CLIENT:format(package.path, package.cpath, "PORT")))
    file:close()
    local output, code = shell.run(([[
      export LUA=%s
      cd=%s
      bin/smpp sim --port 0 --for 90 --set latency_s=0.3 >$cd/sim 2>&1 & sim=$!
      wait_for listening $cd/sim
      port=$(sed -n 's/^listening on 127.0.0.1://p' $cd/sim)
      sed -i "s/PORT/$port/" $cd/client.lua
      $LUA $cd/client.lua >$cd/out 2>&1 & client=$!
      wait_for sent $cd/out
      sleep 0.1; kill -STOP $client; sleep 1.5; kill -CONT $client
      wait $client; cat $cd/out; kill -INT $sim; wait $sim
    ]]):format(LUA, folder))
    remove()
    assert.equal("sent\nsubmit_sm\tanswered\nbound\n", output, code)
  end)
end)
