local cli = require "spec.support.cli"
local record = require "smpp.scenario.record"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

--- Records what `fn(esme, sim)` does with a simulator; the octets of a capture.
local function recorded(options, fn, connect)
  local pieces = {}
  smpp.run(function()
    local sim = assert(smpp.simulator(options))
    local trace = smpp.trace.new({ write = function(_, ...) pieces[#pieces + 1] = table.concat { ... } end }, { secrets = true })
    sim:on("pdu", function(session, pdu, direction)
      local own = { host = "127.0.0.1", port = 2775 }
      local out = direction == "out"
      trace:pdu(pdu, { time = sim.loop:time(), from = out and own or session.peer, to = out and session.peer or own })
    end)
    local o = { "smpp://me:topsecret@localhost" }
    for name, value in pairs(connect or {}) do o[name] = value end
    local esme = assert(smpp.connect(o))
    fn(esme, sim)
    esme:close()
    sim:close(0)
  end, { loop = virtual.new() })
  return table.concat(pieces)
end

local function talk(esme, sim)
  local sent = assert(esme:send { from = "Shop", to = "+491761234567", text = ("Grüße Ж "):rep(20), receipt = true })
  assert.equal("DELIVERED", sent:receipt(10).state)
  sim:deliver { from = "491761234567", to = "12345", text = 'a "quoted" answer', system_id = "me" }
  smpp.sleep(3)
  esme:query_sm { message_id = sent.message_id, source_addr = "Shop", source_addr_ton = 5 }
  esme:submit_sm { destination_addr = "" }
  esme:enquire_link()
end

local function run(lua, ...)
  local path = cli.file(lua)
  local code, out = cli.run { "test", path, ... }
  os.remove(path)
  return code, out
end

describe("smpp.scenario.record", function()
  local capture = recorded({}, talk)

  for _, side in ipairs { "esme", "smsc" } do
    it("writes the part of the " .. side .. ", which passes on both clocks", function()
      local lua, warnings = record.write(capture, { side = side, name = "x.pcap", pace = 0.05 })
      assert.same({}, warnings)
      for line in lua:gmatch "[^\n]+" do assert.is_true(#line <= 120, line) end
      cli.lacks(lua, "topsecret")
      for _, clock in ipairs { "--virtual", "--json" } do
        local code, out = run(lua, clock)
        assert.equal(0, code, out .. lua)
      end
    end)
  end

  it("fails where the other side differs", function()
    local lua = record.write(capture, { side = "esme", name = "x.pcap" })
    local code, out = run((lua:gsub("t:sim {", "t:sim { outcomes = { UNDELIVERABLE = 1 },")), "--virtual")
    assert.equal(1, code, out)
    cli.has(out, 'state = "DELIVERED"')
    lua = record.write(capture, { side = "smsc", name = "x.pcap" })
    code, out = run((lua:gsub('bind = "trx"', 'bind = "tx"')), "--virtual")
    assert.equal(1, code, out)
  end)

  it("keeps pauses, and message ids as variables", function()
    local lua = record.write(capture, { side = "esme", name = "x.pcap" })
    cli.has(lua, "id[1] = r[2]:expect({")
    cli.has(lua, "scenario.receipt { id = id[1], state = \"DELIVERED\" }")
    cli.has(lua, "t:pause(3)")
    cli.has(lua, "message_id = scenario.any")
    assert.truthy(lua:find 'password = "secret"')
    assert.is_nil((record.write(capture, { side = "esme", name = "x", pace = 0 })):find("t:pause", 1, true))
  end)

  it("says what is cut, and what holds no SMPP", function()
    local cut = recorded({}, talk):sub(1, 28 + 20 + 40) -- the head of the file, and no whole packet
    assert.same({ nil, "no SMPP PDUs found" }, { record.write(cut, { side = "esme", name = "x" }) })
    local pieces, first = {}, true
    local trace = smpp.trace.new { write = function(_, ...) pieces[#pieces + 1] = table.concat { ... } end }
    smpp.capture.read(capture, function(item)
      if item.pdu and not first then trace:pdu(item.pdu, { time = item.time, from = { host = item.from:match "^(.*):", port = tonumber(item.from:match "%d+$") }, to = { host = item.to:match "^(.*):", port = tonumber(item.to:match "%d+$") } }) end
      first = false
    end)
    local lua, warnings = record.write(table.concat(pieces), { side = "esme", name = "x" })
    assert.same({ "connection 1 is cut: only what is whole is written" }, warnings)
    cli.has(lua, "-- connection 1 is cut")
    assert.truthy((rawget(_G, "loadstring") or load)(lua))
  end)

  it("writes octets where no fields give them", function()
    local pieces = {}
    local trace = smpp.trace.new({ write = function(_, ...) pieces[#pieces + 1] = table.concat { ... } end }, { secrets = true })
    local a, b = { host = "127.0.0.1", port = 40000 }, { host = "127.0.0.1", port = 2775 }
    local time = 1700000000
    local function put(from, to, octets)
      time = time + 0.01
      trace:pdu(octets, { time = time, from = from, to = to })
    end
    put(a, b, smpp.encode { command = "bind_transceiver", sequence_number = 1, system_id = "me", password = "x", interface_version = 0x34 })
    put(b, a, smpp.encode { command = "bind_transceiver_resp", sequence_number = 1, system_id = "smppsim" })
    local odd = smpp.encode { command = "enquire_link", sequence_number = 2 }
    put(a, b, "\0\0\0\20" .. odd:sub(5) .. "\1\2\3\4")
    local lua = record.write(table.concat(pieces), { side = "esme", name = "x" })
    cli.has(lua, "esme:write(")
    cli.has(lua, "\\000\\000\\000\\020")
  end)

  it("has an actor for each connection", function()
    local octets = recorded({}, function(esme) assert(esme:send { to = "+491", text = "x" }) end, { bind = "tx+rx" })
    for _, side in ipairs { "esme", "smsc" } do
      local lua = record.write(octets, { side = side, name = "x" })
      cli.has(lua, side == "esme" and "local esme2 = " or "local client2 = ")
      if side == "esme" then
        local code, out = run(lua, "--virtual")
        assert.equal(0, code, out)
      end
      local one = record.write(octets, { side = side, name = "x", connection = 2 })
      cli.lacks(one, "Connection 1:")
    end
  end)
end)
