local async = require "spec.support.async"
local cli = require "spec.support.cli"
local core = require "smpp.core"
local notified = require "spec.support.notified"
local services = require "smpp.cli.service"
local shell = require "spec.support.shell"
local smpp = require "smpp"

--- Without STATUS, which differs.
local function changes(list)
  local left = {}
  for _, text in ipairs(list) do
    text = text:gsub("\n?STATUS=[^\n]*", "")
    if text ~= "" then left[#left + 1] = text end
  end
  return left
end

describe("smpp.cli.service", function()
  it("tells that the simulator listens, what it does, and that it stops", function()
    notified.with(false, function(address, read)
      cli.sim({ "--port", "0", "--for", "10" }, function() end, { env = { NOTIFY_SOCKET = address } })
      local list = read(2)
      assert.matches("^READY=1\nSTATUS=127.0.0.1:%d+: 0 sessions, 0 answered, 0 errors, 0 queued$", list[1])
      assert.same({ "READY=1", "STOPPING=1" }, changes(list))
    end)
  end)

  it("tells a status when it changes, once a second at most", function()
    notified.with(true, function(address, read)
      cli.sim({ "--port", "2775", "--for", "10" }, function()
        smpp.sleep(0.1)
        local esme = assert(smpp.connect "smpp://me:secret@localhost")
        for _ = 1, 5 do esme:send { to = "+4915112345678", text = "Hi" } end
        smpp.sleep(5)
        esme:close()
      end, { env = { NOTIFY_SOCKET = address } })
      local statuses = {}
      for _, text in ipairs(read(4)) do statuses[#statuses + 1] = text:match "STATUS=127.0.0.1:2775: (.*)" end
      assert.same({ "0 sessions, 0 answered, 0 errors, 0 queued", "1 sessions, 5 answered, 0 errors, 0 queued",
        "0 sessions, 5 answered, 0 errors, 0 queued" }, statuses)
    end)
  end)

  it("tells that a reload begins, with the time, and ends", function()
    notified.with(false, function(address, read)
      local path = cli.file "return { accounts = { me = 'secret' } }"
      cli.sim({ path, "--port", "0", "--for", "10" }, function(loop)
        smpp.sleep(3)
        assert.is_true(loop:raise "SIGHUP")
        smpp.sleep(1)
      end, { env = { NOTIFY_SOCKET = address } })
      os.remove(path)
      assert.same({ "READY=1", "RELOADING=1\nMONOTONIC_USEC=3000000", "READY=1", "STOPPING=1" }, changes(read(4)))
    end)
  end)

  it("tells that a receiver is bound, that it is not, and that a signal ends it", function()
    notified.with(false, function(address, read)
      cli.with_server({}, function(_, server, loop)
        smpp.spawn(function()
          cli.run({ "listen", "smpp://me:secret@localhost", "--for", "20" }, { env = { NOTIFY_SOCKET = address }, run = cli.inside })
        end)
        smpp.sleep(1)
        server:close(0)
        smpp.sleep(5)
        assert.is_true(loop:raise "SIGTERM")
        smpp.sleep(0.1)
        assert.same({ "READY=1", "STOPPING=1" }, changes(read(3)))
        local list = read(3)
        assert.equal("READY=1\nSTATUS=bound as me", list[1])
        assert.matches("STATUS=not bound: ", list[2])
        smpp.sleep(30)
      end)()
    end)
  end)

  it("tells nothing before it is bound, nor without NOTIFY_SOCKET", function()
    notified.with(false, function(address, read)
      async.virtual(function()
        local code = cli.run({ "listen", "smpp://me:secret@localhost" }, { env = { NOTIFY_SOCKET = address }, run = cli.inside })
        assert.equal(3, code)
      end)()
      cli.sim({ "--port", "0", "--for", "1" }, function() end, { env = { WATCHDOG_USEC = "100000" } })
      assert.same({}, read(0))
    end)
  end)

  it("shows that the loop runs, twice in the time of the watchdog, if it is meant", function()
    for pid, count in pairs { [tostring(core.process_id())] = 4, [""] = 4, ["1"] = 0 } do
      notified.with(false, function(address, read)
        cli.sim({ "--port", "0", "--for", "9" }, function() end, { env = { NOTIFY_SOCKET = address, WATCHDOG_USEC = "4000000", WATCHDOG_PID = pid } })
        local seen = 0
        for _, text in ipairs(read(count + 2)) do
          if text == "WATCHDOG=1" then seen = seen + 1 end
        end
        assert.equal(count, seen)
      end)
    end
  end)

  it("warns once when nobody listens, and goes on", function()
    for _, address in ipairs { "/nonexistent/notify", "vsock:2:1" } do
      local code, _, err = cli.sim({ "--port", "0", "--for", "5" }, function() end, { env = { NOTIFY_SOCKET = address, WATCHDOG_USEC = "1000000" } })
      assert.equal(0, code)
      assert.equal(1, select(2, err:gsub("NOTIFY_SOCKET", "")), err)
    end
  end)

  it("tells all that as a process, too", function()
    notified.with(false, function(address, read)
      local lua = jit and "luajit" or "lua" .. _VERSION:match "%d%.%d"
      local output = shell.run(("NOTIFY_SOCKET=%s WATCHDOG_USEC=200000 LUA=%s; export NOTIFY_SOCKET WATCHDOG_USEC LUA; bin/smpp sim --port 0 -q & "
        .. "sleep 1; kill -HUP $!; sleep 0.2; kill $!; wait $!; echo code=$?"):format(address, lua))
      assert.matches("code=130", output)
      local list, dogs = read(7), 0
      for i = #list, 1, -1 do
        if list[i] == "WATCHDOG=1" then
          dogs = dogs + 1
          table.remove(list, i)
        end
      end
      assert.is_true(dogs >= 3, dogs)
      list = changes(list)
      assert.matches("^RELOADING=1\nMONOTONIC_USEC=%d+$", list[2])
      assert.same({ 4, "READY=1", "READY=1", "STOPPING=1" }, { #list, list[1], list[3], list[4] })
    end)
  end)

  it("is nothing that has to be closed without a service manager", function()
    services.start({ getenv = function() end }, nil, {}):close()
  end)
end)
