local events = require "smpp.base.events"
local pcap = require "smpp.capture"
local pdus = require "smpp.codec"
local shell = require "spec.support.shell"
local trace = require "smpp.capture.writer"
local util = require "spec.support.util"

local HERE, THERE = { host = "127.0.0.1", port = 2775 }, { host = "10.1.2.3", port = 40000 }

--- A sink in memory.
local function memory()
  local pieces = {}
  return { write = function(_, ...) for i = 1, select("#", ...) do pieces[#pieces + 1] = (select(i, ...)) end end },
    function() return table.concat(pieces) end
end

local function read(octets)
  local items = {}
  assert(pcap.read(octets, function(item) items[#items + 1] = item end))
  return items
end

local function write(pdu, about, o)
  local sink, written = memory()
  local t = assert(trace.new(sink, o))
  t:pdu(pdu, about or { time = 1.5, from = HERE, to = THERE })
  t:close()
  return written()
end

local BIND = pdus.encode { command = "bind_transmitter", sequence_number = 1, system_id = "acme", password = "secret" }
local LINK = pdus.encode { command = "enquire_link", sequence_number = 5 }

describe("smpp.capture.writer", function()
  it("is read again as it was written", function()
    local items = read(write(LINK, { time = 1700000000.123457, from = HERE, to = THERE, direction = "out", comment = "a word" }))
    assert.equal(1, #items)
    assert.equal(LINK, items[1].pdu:octets())
    assert.equal("127.0.0.1:2775", items[1].from)
    assert.equal("10.1.2.3:40000", items[1].to)
    assert.near(1700000000.123457, items[1].time, 1e-6)
  end)

  it("keeps every golden vector, octet for octet", function()
    local sink, written = memory()
    local t, list = assert(trace.new(sink, { secrets = true })), {}
    for _, name in ipairs { "pdu.jsonl", "pdu_extra.jsonl" } do
      for _, vector in ipairs(util.vectors(name)) do
        list[#list + 1] = vector.hex
        t:pdu(util.unhex(vector.hex), { time = #list, from = HERE, to = THERE })
      end
    end
    assert.equal(#list, t.pdus)
    local items = read(written())
    assert.equal(#list, #items)
    for i, item in ipairs(items) do
      assert.equal(list[i], util.hex(item.pdu:octets()))
      assert.equal(i, item.time)
    end
  end)

  it("hides passwords unless told to show them", function()
    local view = pdus.decode(BIND)
    for _, pdu in ipairs { BIND, view } do
      local octets = write(pdu)
      assert.is_nil(octets:find("secret", 1, true))
      assert.equal("******", read(octets)[1].pdu.password)
      assert.equal("acme", read(octets)[1].pdu.system_id)
      assert.equal(BIND, read(write(pdu, nil, { secrets = true }))[1].pdu:octets())
    end
  end)

  it("knows IPv4, IPv6 and, without an address, names", function()
    local function from(host, other)
      return read(write(LINK, { time = 0, from = { host = host, port = 1 }, to = { host = other, port = 2 } }))[1].from
    end
    assert.equal("1.2.3.4:1", from("1.2.3.4", "5.6.7.8"))
    for _, host in ipairs { "::1", "2001:db8::5:0:1", "fe80::", "::", "1:2:3:4:5:6:7:8", "0:0:1::" } do
      assert.equal("[" .. host .. "]:1", from(host, "::1"))
    end
    for _, host in ipairs { "smsc.example", "300.1.1.1", "1:2:3", "1:2:3:4:5:6:7:8:9", "12345::", "" } do
      assert.equal(":1", from(host, "::1"))
      assert.equal(":1", from(host, "1.2.3.4"))
    end
    assert.equal(":1", from("1.2.3.4", "::1"))
    -- tags as Wireshark numbers them: 20, 21 are IPv4, 22, 23 IPv6
    assert.truthy(write(LINK):find("%z\20%z\4\127%z%z\1%z\21%z\4\10\1\2\3"))
    local six = { time = 0, from = { host = "::1", port = 1 }, to = { host = "::2", port = 2 } }
    assert.truthy(write(LINK, six):find("%z\22%z\16" .. ("%z"):rep(15) .. "\1%z\23%z\16" .. ("%z"):rep(15) .. "\2"))
  end)

  it("follows a session", function()
    local Source = {}
    events.mixin(Source, { "pdu", "error" })
    local source = setmetatable({
      listeners = {}, peer = THERE, transport = { local_port = 2775 }, loop = { time = function() return 3.25 end },
    }, { __index = Source })
    local sink, written = memory()
    local t = assert(trace.new(sink))
    t:follow(source)
    source:emit("pdu", pdus.decode(LINK), "in")
    source:emit("pdu", pdus.decode(pdus.encode { command = "enquire_link_resp", sequence_number = 5 }), "out")
    t:close()
    source:emit("pdu", pdus.decode(LINK), "in") -- after the end: no word
    local items = read(written())
    assert.equal(2, #items)
    assert.equal("10.1.2.3:40000 0.0.0.0:2775", items[1].from .. " " .. items[1].to)
    assert.equal("0.0.0.0:2775 10.1.2.3:40000", items[2].from .. " " .. items[2].to)
    assert.equal(items[1], items[2].request)
    assert.equal(3.25, items[1].time)
  end)

  it("of a path that cannot be written fails, after its end raises", function()
    local t, message, code = trace.new("/nowhere/at/all.pcapng")
    assert.is_nil(t)
    assert.is_string(message)
    assert.equal("bad_value", code)
    local sink = memory()
    t = assert(trace.new(sink))
    t:close()
    t:close()
    assert.has_error(function() t:pdu(LINK, { time = 0, from = HERE, to = THERE }) end, "the trace is closed")
    assert.has_error(function() trace.new(sink, { secret = true }) end)
  end)

  it("is SMPP to tshark", function()
    shell.need "tshark"
    local path = os.tmpname()
    local t, list = assert(trace.new(path)), util.vectors("pdu.jsonl")
    for i, vector in ipairs(list) do
      t:pdu(util.unhex(vector.hex), { time = i, from = HERE, to = THERE, direction = "in", comment = vector.name })
    end
    t:close()
    local pipe = io.popen("tshark -r " .. path .. " -T fields -E separator=, -e smpp.sequence_number -e smpp.command_id "
      .. "-e smpp.password -e exported_pdu.ipv4_src -e exported_pdu.dst_port -e frame.comment -e _ws.malformed 2>/dev/null")
    local lines = {}
    for line in pipe:lines() do lines[#lines + 1] = line end
    pipe:close()
    os.remove(path)
    assert.equal(#list, #lines)
    for i, vector in ipairs(list) do
      local id = pdus.decode(util.unhex(vector.hex)).command_id
      local password = (vector.fields.password or ""):gsub(".", "*")
      local fields, malformed = lines[i]:match("^(.*,)(.-)$")
      if malformed == "_ws.malformed" then fields, malformed = fields:match("^(.*,)(.-),$") end
      assert.equal(("%d,0x%08x,%s,127.0.0.1,40000,%s,"):format(vector.sequence_number, id, password, vector.name), fields)
      -- tshark 4.0 advances one octet after broadcast_rep_num, and takes what follows a port for WSP
      if vector.command ~= "broadcast_sm" and malformed ~= "[Malformed Packet: WSP]" then assert.equal("", malformed) end
    end
  end)
end)
