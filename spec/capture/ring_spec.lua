local mc = require "spec.support.mc"
local pcap = require "smpp.capture"
local ring = require "smpp.capture.ring"
local smpp = require "smpp"
local shell = require "spec.support.shell"

local function exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- The PDUs in a file: { "command #sequence_number" ... }, and the summary.
local function read(path)
  local list, file = {}, assert(io.open(path, "rb"))
  local summary = assert(pcap.read(pcap.source(file), function(item)
    if item.kind == "pdu" then list[#list + 1] = ("%s #%d"):format(item.pdu.command, item.pdu.sequence_number) end
  end))
  file:close()
  return list, summary
end

local function octets_of(path)
  local file = assert(io.open(path, "rb"))
  local octets = file:read "*a"
  file:close()
  return octets
end

--- A server and a client of it with a trace; fn(world, esme, server, path).
local function traced(options, fn, server_options)
  local folder, remove = shell.folder()
  mc.world(function(w)
    local path, trace = folder .. "/x.pcapng", { file = folder .. "/x.pcapng" }
    for name, value in pairs(options) do trace[name] = value end
    local o = { submit_sm = function() return "1" end }
    for name, value in pairs(server_options or {}) do o[name] = value end
    local server = w:server(o)
    local esme = assert(smpp.connect { "smpp://me:secret@localhost", loop = w.loop, trace = trace, enquire_link_s = 0 })
    fn(w, esme, server, path)
    esme:close()
    server:close()
  end)
  remove()
end

local function submit(esme, to) assert(esme:submit_sm { destination_addr = to or "491761234567", short_message = "x" }) end

describe("smpp.capture.ring", function()
  it("writes what a client sends and receives, with the id of the session, and no password", function()
    traced({}, function(w, esme, _, path)
      submit(esme)
      w:sleep(1.5) -- not closed yet: what is older than a second is in the file
      assert.same({ "bind_transceiver #1", "bind_transceiver_resp #1", "submit_sm #2", "submit_sm_resp #2" }, (read(path)))
      local octets = octets_of(path)
      assert.truthy(octets:find("session " .. esme.session.id, 1, true))
      assert.is_nil(octets:find("secret", 1, true))
      assert.truthy(octets:find("\0******\0", 1, true))
      assert.equal(4, esme.capture.pdus)
    end)
    traced({ secrets = true }, function(_, esme, _, path)
      esme.capture:flush()
      assert.truthy(octets_of(path):find("\0secret\0", 1, true))
    end)
  end)

  it("writes what a server sees of all its sessions", function()
    local folder, remove = shell.folder()
    mc.world(function(w)
      local server = w:server { trace = folder .. "/s.pcapng", submit_sm = function() return "1" end }
      for _ = 1, 3 do
        local esme = assert(w:bind())
        esme:submit_sm { destination_addr = "1" }
        esme:unbind()
      end
      server:close()
      local list, summary = read(folder .. "/s.pcapng")
      assert.equal(3 * 6, #list)
      assert.equal(3, summary.connections)
    end)
    remove()
  end)

  it("shows what TLS carried in plain, on the port of the session, with the keys in the file", function()
    local made = assert(smpp.tls.self_signed())
    local folder, remove = shell.folder()
    mc.world(function(w)
      local server = w:server { port = 8775, tls = { cert = made.cert, key = made.key }, trace = folder .. "/s.pcapng", submit_sm = function() return "1" end }
      local esme = assert(smpp.connect {
        "smpps://me:secret@localhost", loop = w.loop, trace = folder .. "/c.pcapng", tls = { pin = made.pin, keylog = folder .. "/keys" },
      })
      submit(esme)
      esme:close()
      server:close()
      for _, name in ipairs { "/s.pcapng", "/c.pcapng" } do
        assert.same({
          "bind_transceiver #1", "bind_transceiver_resp #1", "submit_sm #2", "submit_sm_resp #2", "unbind #3", "unbind_resp #3",
        }, (read(folder .. name)))
        local file = assert(io.open(folder .. name, "rb"))
        local port
        pcap.read(pcap.source(file), function(item) port = port or item.to end)
        file:close()
        assert.matches(":8775$", port)
      end
      local octets, keys = octets_of(folder .. "/c.pcapng"), octets_of(folder .. "/keys")
      assert.truthy(octets:find("\0\0\0\10", 1, true))
      assert.truthy(octets:find(keys:match "CLIENT_TRAFFIC_SECRET_0 [^\n]+", 1, true))
      assert.is_nil(octets_of(folder .. "/s.pcapng"):find("TRAFFIC_SECRET", 1, true))
    end)
    remove()
  end)

  it("is a ring of files by their size", function()
    traced({ max_octets = 1000, files = 3 }, function(_, esme, _, path)
      for _ = 1, 50 do submit(esme) end
      esme.capture:stop()
      assert.is_true(exists(path) and exists((path:gsub("%.pcapng$", ".1.pcapng"))) and exists((path:gsub("%.pcapng$", ".2.pcapng"))))
      assert.is_false(exists((path:gsub("%.pcapng$", ".3.pcapng"))))
      local all = {}
      for _, name in ipairs { ".2.pcapng", ".1.pcapng", ".pcapng" } do
        local file = path:gsub("%.pcapng$", name)
        assert.is_true(#octets_of(file) < 1400)
        for _, words in ipairs((read(file))) do all[#all + 1] = words end
      end
      assert.equal("submit_sm_resp #51", all[#all])
      for i = 2, #all do assert.are_not.equal(all[i - 1], all[i]) end
    end)
  end)

  it("is a ring of files by their age", function()
    traced({ max_s = 60, files = 2 }, function(w, esme, _, path)
      submit(esme)
      w:sleep(90)
      submit(esme)
      w:sleep(2)
      assert.equal("submit_sm_resp #2", select(1, read((path:gsub("%.pcapng$", ".1.pcapng"))))[4])
      local list = read(path)
      assert.same({ "submit_sm #3", "submit_sm_resp #3" }, { list[#list - 1], list[#list] })
    end, { enquire_link_s = 0 })
  end)

  it("stops and starts while it runs, in a new file", function()
    traced({}, function(_, esme, _, path)
      esme.capture:stop()
      submit(esme)
      assert(esme.capture:start())
      assert(esme.capture:start()) -- again: nothing happens
      submit(esme)
      esme.capture:toggle()
      assert.is_false(esme.capture.is_on)
      submit(esme)
      assert.same({ "submit_sm #3", "submit_sm_resp #3" }, (read(path)))
      assert.equal("bind_transceiver #1", read((path:gsub("%.pcapng$", ".1.pcapng")))[1])
    end)
  end)

  it("toggles on a signal", function()
    local folder, remove = shell.folder()
    mc.world(function(w)
      local told = {}
      local capture = assert(ring.new(folder .. "/x.pcapng", w.loop, function(event) told[#told + 1] = event end))
      capture:toggle_on "SIGUSR1"
      w.loop:raise "SIGUSR1"
      w:sleep(1)
      w.loop:raise "SIGUSR1"
      w:sleep(1)
      capture:close()
      assert.same({ "trace_started", "trace_stopped", "trace_started", "trace_stopped" }, told)
    end)
    remove()
  end)

  it("writes one number only: what is from or to it, and the responses to that", function()
    traced({ number = "+49 176 1234567" }, function(_, esme, _, path)
      submit(esme, "491761234567")
      submit(esme, "491761234568")
      assert(esme:submit_sm { source_addr = "00491761234567", destination_addr = "1" })
      assert(esme:submit_multi { dest_address = { { destination_addr = "1" }, { destination_addr = "491761234567" } } })
      esme.capture:stop()
      assert.same({
        "submit_sm #2", "submit_sm_resp #2", "submit_sm #4", "submit_sm_resp #4", "submit_multi #5", "submit_multi_resp #5",
      }, (read(path)))
    end, { submit_multi = function() return "m" end })
  end)

  it("writes one session only, by its id or system_id", function()
    local folder, remove = shell.folder()
    mc.world(function(w)
      local server = w:server { trace = { file = folder .. "/x.pcapng", session = "one" }, submit_sm = function() return "1" end }
      local one, two = assert(w:bind { system_id = "one" }), assert(w:bind { system_id = "two" })
      one:submit_sm { destination_addr = "1" }
      two:submit_sm { destination_addr = "2" }
      server.capture.session = server.sessions[2].id
      one:submit_sm { destination_addr = "1" }
      two:submit_sm { destination_addr = "2" }
      one:close()
      two:close()
      server:close()
      local list, summary = read(folder .. "/x.pcapng")
      assert.equal(2, summary.connections)
      assert.same({ -- the bind_resp of one, when the session had its name, and what the server sends two at its end
        "bind_transceiver_resp #1", "submit_sm #2", "submit_sm_resp #2", "submit_sm #3", "submit_sm_resp #3", "unbind #1",
      }, list)
    end)
    remove()
  end)

  it("stops when the file cannot be written, with one error; traffic goes on", function()
    local file = io.open("/dev/full", "wb")
    if not file then return pending "no /dev/full" end
    file:close()
    mc.world(function(w)
      local errors = {}
      local server = w:server { submit_sm = function() return "1" end }
      local _, message, code = smpp.connect { "smpp://me:secret@localhost", loop = w.loop, trace = "/dev/full" }
      assert.equal("bad_value", code)
      assert.matches("^trace: ", message)
      local esme = assert(smpp.connect { "smpp://me:secret@localhost", loop = w.loop, trace = "/dev/null" })
      esme:on("error", function(text) errors[#errors + 1] = text end)
      esme.capture.out:close()
      esme.capture.out = assert(io.open("/dev/full", "wb"))
      for _ = 1, 200 do submit(esme) end
      w:sleep(2)
      for _ = 1, 200 do submit(esme) end
      assert.equal(1, #errors)
      assert.matches("^trace /dev/null: .*[Nn]o space", errors[1])
      assert.is_false(esme.capture.is_on)
      esme:close()
      server:close()
    end)
  end)

  it("is there for smpp.open and listen_outbind, too", function()
    local folder, remove = shell.folder()
    mc.world(function(w)
      local server = w:server { submit_sm = function() return "1" end }
      local session = assert(smpp.open { host = "localhost", port = 2775, loop = w.loop, trace = folder .. "/o.pcapng" })
      assert(session:bind_transceiver { system_id = "me", password = "secret" })
      session:unbind()
      w:sleep(1)
      assert.same({ "bind_transceiver #1", "bind_transceiver_resp #1", "unbind #2", "unbind_resp #2" }, (read(folder .. "/o.pcapng")))
      local listener = assert(smpp.listen_outbind {
        port = 2776, system_id = "me", password = "secret", loop = w.loop, outbind = function() return true end, message = function() end,
        trace = folder .. "/l.pcapng",
      })
      assert(server:outbind { host = "127.0.0.1", port = 2776 })
      w:sleep(1)
      listener:close()
      server:close()
      assert.same({ "bind_receiver #1", "bind_receiver_resp #1", "unbind #2", "unbind_resp #2" }, (read(folder .. "/l.pcapng")))
    end)
    remove()
  end)

  it("says that a file cannot be opened, and what is wrong with its options", function()
    mc.world(function(w)
      local o = { "smpp://me:secret@localhost", loop = w.loop, trace = "/nonexistent/x.pcapng" }
      local _, message, code = smpp.connect(o)
      assert.equal("bad_value", code)
      assert.matches("nonexistent", message)
      _, message, code = smpp.server { loop = w.loop, trace = "/nonexistent/x.pcapng" }
      assert.equal("bad_value", code)
      assert.matches("nonexistent", message)
      o.trace = { fil = "x" }
      assert.matches("trace.fil'.*did you mean", select(2, pcall(smpp.connect, o)))
      o.trace = { max_s = 1 }
      assert.matches("missing", select(2, pcall(smpp.connect, o)))
    end)
  end)
end)
