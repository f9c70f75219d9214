-- A gateway as a process on a disk that loses power, is full or fails (spec/c/faulty_disk.c): nothing that it answered with success
-- is lost, and it goes on by itself.
local async = require "spec.support.async"
local process = require "spec.support.gateway_process"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local has_sqlite = pcall(require, "smpp.sqlite")

local LOSSES = tonumber(os.getenv "LOSSES") or 3

local function faulty(fn)
  return async.luv(function(loop)
    if not has_sqlite then return end
    shell.need "cc"
    local folder, remove = shell.folder()
    local library = folder .. "/faulty_disk.so"
    shell.must("cc -std=c99 -O1 -shared -fPIC -o " .. library .. " spec/c/faulty_disk.c -ldl")
    process.run(loop, { environment = ("LD_PRELOAD=%s FAULTY_DISK=FOLDER FAULTY_DISK_SEED=SEED"):format(library) }, function(w)
      shell.must(("mkdir %s.durable"):format(w.data))
      w:start()
      w:send(20)
      w:wait(50)
      fn(w)
    end)
    remove()
  end, 120 + 10 * LOSSES)
end

--- The machine is off and on again: the store is what had reached the disk.
local function lose_power(w)
  w:kill()
  shell.must(("cd %s; mv data lost; cp -r data.durable data; rm -r lost"):format(w.folder))
end

local function fault(w, name) shell.must(("touch %s.%s"):format(w.data, name)) end

local function mend(w, name) shell.must(("rm %s.%s"):format(w.data, name)) end

--- Waits until the customer was refused so often more; the statuses.
local function refused(w, n)
  w.refused = {}
  local since, count = w.loop:now(), nil
  repeat
    smpp.sleep(0.05)
    count = 0
    for _, times in pairs(w.refused) do count = count + times end
  until count >= n or w.loop:now() > since + 30
  assert.is_true(count >= n, count .. " were refused")
  return w.refused
end

local function only_these(statuses)
  for status in pairs(statuses) do
    assert(status == "ESME_RMSGQFUL" or status == "ESME_RSYSERR", "refused with " .. status)
  end
end

describe("a gateway on a faulty disk", function()
  it(("loses nothing that it answered when the power fails, %d times"):format(LOSSES), faulty(function(w)
    for i = 1, LOSSES do
      smpp.sleep(i % 5 * 0.05)
      lose_power(w)
      w:start()
      w:wait(50)
    end
    w:check()
  end))

  it("refuses what comes while the disk is full, and goes on when there is room", faulty(function(w)
    fault(w, "full")
    only_these(refused(w, 40))
    mend(w, "full")
    w:wait(50)
    fault(w, "full")
    refused(w, 20)
    w:kill()
    w:start()
    smpp.sleep(1)
    mend(w, "full")
    w:wait(50)
    w:check()
  end))

  it("refuses what comes while the disk fails, and goes on when it works", faulty(function(w)
    fault(w, "sync")
    only_these(refused(w, 40))
    local answers = w.answers
    refused(w, 20)
    assert.equal(answers, w.answers) -- what is not on the disk is not answered with success
    lose_power(w)
    mend(w, "sync")
    w:start()
    w:wait(50)
    fault(w, "read")
    smpp.sleep(1)
    mend(w, "read")
    w:wait(50)
    w:check()
  end))
end)
