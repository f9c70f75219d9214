local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local loops = require "smpp.loop"
local output = require "smpp.cli.output"
local pcap = require "smpp.capture"
local shell = require "spec.support.shell"
local smpp = require "smpp"

local function sink()
  local self = { text = "" }
  function self:write(...)
    self.text = self.text .. table.concat { ... }
    return true
  end
  return self
end

--- Calls dial.connect with these options beside a simulator that knows me:secret; what it returned, and stderr.
local function connect(options, env, extra)
  local results, err = nil, sink()
  cli.with_simulator({ accounts = { me = "secret" } }, function()
    local out = output.new { stdout = sink(), stderr = err, getenv = function(name) return (env or {})[name] end, is_terminal = function() return false end }
    out:set_color "never"
    local esme, code = dial.connect(options, out, extra or { retry = false })
    results = { esme and esme.state, code }
    if esme then esme:close() end
    out:settle()
  end)()
  return results, err.text
end

describe("smpp.cli.dial", function()
  it("takes the password from the URL, else a file, else the environment", function()
    local path = cli.file "secret\r\nmore\n"
    assert.same({ "bound" }, (connect { url = "smpp://me:secret@127.0.0.1" }))
    assert.same({ "bound" }, (connect { url = "smpp://me@127.0.0.1", password_file = path }))
    assert.same({ "bound" }, (connect({ url = "smpp://me@127.0.0.1" }, { SMPP_PASSWORD = "secret" })))
    assert.same({ "bound" }, (connect({ url = "smpp://me:secret@127.0.0.1", password_file = "/nonexistent" }, { SMPP_PASSWORD = "no" })))
    os.remove(path)
  end)

  it("says what is wrong with its options: 2", function()
    local empty = cli.file ""
    for _, options in ipairs {
      { url = "smpp://me@" }, { url = "smpp://me@127.0.0.1", password_file = "/nonexistent" }, { url = "smpp://me@127.0.0.1", password_file = empty },
      { url = "smpp://me:secret@127.0.0.1", trace = "/nonexistent/x.pcapng" }, { url = "smpp://me:secret@127.0.0.1?widnow=5" },
    } do
      local results, err = connect(options)
      assert.same({ nil, exit.USAGE }, results)
      cli.has(err, "smpp: ")
      cli.lacks(err, "traceback")
    end
    os.remove(empty)
  end)

  it("tells what to check when the peer says nothing, or hangs up: 3", function()
    local function beside(accept, url)
      local results, err = nil, sink()
      async.virtual(function(loop)
        local listener = assert(loop:listen({ host = "127.0.0.1", port = 2775 }, accept))
        local out = output.new { stdout = sink(), stderr = err, getenv = function() end, is_terminal = function() return false end }
        out:set_color "never"
        results = { dial.connect({ url = url }, out, { retry = false }) }
        out:settle()
        listener:close()
      end)()
      assert.same({ nil, exit.UNREACHABLE }, results)
      cli.lacks(err.text, "outcome unknown")
      return err.text
    end
    local transport
    local text = beside(function(t)
      transport = t
      t:start(function() end, function() t:close() end)
    end, "smpp://me:pw@127.0.0.1?bind_timeout_s=3")
    cli.has(text, "127.0.0.1:2775: no response to the bind in 3 s\n")
    cli.has(text, "possible causes: a TLS port (then use smpps://), not an SMPP port, a firewall that drops the data")
    transport:close()
    text = beside(function(t) t:close() end, "smpp://me:pw@127.0.0.1")
    cli.has(text, "before the bind was answered\n")
    cli.has(text, "possible causes: ")
  end)

  it("tells why a bind was refused, with advice, and no password: 3", function()
    local results, err = connect { url = "smpp://me:wrong-one@127.0.0.1" }
    assert.same({ nil, exit.UNREACHABLE }, results)
    cli.has(err, "ESME_RINVPASWD")
    cli.has(err, "advice: ")
    cli.lacks(err, "wrong-one")
    assert.same({ nil, exit.UNREACHABLE }, (connect { url = "smpp://me:secret@127.0.0.1:1" }))
  end)

  it("warns of blanks around a password", function()
    local _, err = connect({ url = "smpp://me@127.0.0.1" }, { SMPP_PASSWORD = "secret " })
    cli.has(err, "blank")
  end)

  it("answers SIGUSR1 without --trace with a line, and goes on", function()
    local code, _, err = cli.sim({ "--for", "1" }, function() loops.current():raise "SIGUSR1" end)
    assert.equal(0, code)
    assert.equal("SIGUSR1: no trace to stop or start: no --trace was given\n", err)
  end)

  it("writes a trace, which SIGUSR1 stops and goes on with", function()
    local folder, remove = shell.folder()
    local path = folder .. "/x.pcapng"
    local function commands_in(name)
      local file, list = assert(io.open(name, "rb")), {}
      pcap.read(pcap.source(file), function(item) list[#list + 1] = item.pdu and item.pdu.command end)
      file:close()
      return table.concat(list, " ")
    end
    local code, _, err = cli.sim({ "--for", "20", "--trace", path }, function()
      local function connect_and_close()
        smpp.connect("smpp://me:secret@127.0.0.1"):close()
        smpp.sleep(0.1)
      end
      connect_and_close()
      loops.current():raise "SIGUSR1"
      connect_and_close()
      loops.current():raise "SIGUSR1"
      local esme = smpp.connect "smpp://me:secret@127.0.0.1"
      esme:send { to = "491761234567", text = "x" }
      esme:close()
    end)
    assert.equal(0, code)
    assert.equal(("trace %s stopped (SIGUSR1 goes on)\ntrace %s goes on\n"):format(path, path), err)
    local session = "bind_transceiver bind_transceiver_resp %sunbind unbind_resp"
    assert.equal(session:format "", commands_in(folder .. "/x.1.pcapng"))
    assert.equal(session:format "submit_sm submit_sm_resp ", commands_in(path))
    remove()
  end)
end)
