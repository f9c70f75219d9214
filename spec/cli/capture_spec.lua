local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local packets = require "spec.support.packets"
local pdus = require "smpp.codec"
local util = require "spec.support.util"

local run, encode = cli.run, pdus.encode

local BIND = encode { command = "bind_transceiver", sequence_number = 1, system_id = "acme", password = "secret1", interface_version = 0x34 }
local SUBMIT = encode {
  command = "submit_sm", sequence_number = 2, source_addr_ton = 5, source_addr = "Test", dest_addr_ton = 1, dest_addr_npi = 1,
  destination_addr = "4915112345678", esm_class = 0x40, data_coding = 8, registered_delivery = 1,
  short_message = "\5\0\3\12\3\2\0H\0i\216\61\220\75",
}
local THROTTLED = encode { command = "submit_sm_resp", sequence_number = 2, status = "ESME_RTHROTTLED" }


local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

local has, lacks = cli.has, cli.lacks

describe("smpp.cli.capture", function()
  local function capture()
    local c = packets.conversation():handshake():send("esme", BIND)
      :send("mc", encode { command = "bind_transceiver_resp", sequence_number = 1, system_id = "mc" })
      :send("esme", SUBMIT):send("mc", THROTTLED):finish()
    return packets.pcap(c.packets)
  end

  it("shows PDUs, latencies, a summary", function()
    local path = cli.file(capture())
    local code, out, err = run { "decode", path }
    assert.equal(0, code)
    has(out, "-- 2023-11-14 (UTC)")
    has(out, "-- connection 1: 10.0.0.1:40000 and 10.0.0.2:2775")
    has(out, "1 ->  bind_transceiver #1  system_id=acme")
    has(out, "1 <-  submit_sm_resp #2 ESME_RTHROTTLED  1.00 ms")
    lacks(out, "0028  40")
    has(err, "4 PDUs on 1 connection, in 9 packets")
    has(err, "submit_sm: 1 request answered, median 1.00 ms")
    code, out = run { "decode", "-v", path }
    assert.equal(0, code)
    has(out, "0028  40")
    lacks(out, "secret1")
    os.remove(path)
  end)

  it("as JSON, from stdin", function()
    local code, out = run({ "decode", "--json" }, { stdin = capture() })
    assert.equal(0, code)
    local list = lines(out)
    assert.equal(5, #list)
    assert.equal("summary", dkjson.decode(list[5]).event)
    local last = assert(dkjson.decode(list[4]))
    assert.equal(88, last.command_status)
    assert.equal("10.0.0.2:2775", last.from)
    assert.equal("submit_sm_resp", last.command)
    assert.near(0.001, last.latency_s, 1e-5)
    assert.equal(6, last.request_packet)
    assert.truthy(last.time:find "^2023%-11%-14T22:13:20%.00%d+Z$")
    lacks(out, util.hex "secret1")
  end)

  it("hands on each PDU before it reads on", function()
    local octets, at, events = capture(), 1, {}
    local stdin = { read = function(_, n)
      local piece = at <= #octets and octets:sub(at, at + n - 1) or nil
      at = at + n
      if events[#events] ~= "read" then events[#events + 1] = "read" end
      return piece
    end }
    local stdout = { write = function(_, text) if text:find " #%d" then events[#events + 1] = "write" end return true end,
      flush = function() events[#events + 1] = "flush" return true end }
    local quiet = { write = function() return true end }
    require("smpp.cli").main({ "decode" }, { stdin = stdin, stdout = stdout, stderr = quiet, is_terminal = function() return false end })
    assert.equal("read" .. (" write flush read"):rep(4) .. " flush", table.concat(events, " "))
  end)

  it("cut at every octet ends with a word and 1, never with a crash", function()
    local octets = capture()
    for length = 4, #octets - 1 do
      local code, _, err = run({ "decode" }, { stdin = octets:sub(1, length) })
      assert.is_true(code == 0 or code == 1)
      assert.is_true(#err > 0)
    end
  end)

  it("shows PDUs that the snapshot length cut as far as they go", function()
    local message = assert(encode {
      command = "submit_sm", sequence_number = 7, source_addr = "Shop", destination_addr = "491761234567", short_message = ("text "):rep(20),
    })
    local answer = assert(encode { command = "submit_sm_resp", sequence_number = 7, message_id = "m" })
    local c = packets.conversation():handshake():send("esme", message):send("mc", answer):send("esme", message)
    local octets = packets.pcap(c.packets, { snap = 96 }) -- 42 octets of TCP
    local code, out, err = run({ "decode" }, { stdin = octets })
    assert.equal(0, code)
    has(out, "submit_sm #7  Shop > ")
    has(out, ("cut: %d of %d octets are missing"):format(#message - 42, #message))
    has(err, "3 PDUs on 1 connection")
    has(err, "2 PDUs only in part, cut by the capture")
    has(err, "submit_sm: 1 request answered")
    has(err, "1 request without a response")
    out = select(2, run({ "decode", "--json" }, { stdin = octets }))
    local cut = dkjson.decode(out:match "[^\n]+")
    assert.same({ "submit_sm", 7, "Shop", #message - 42 }, { cut.command, cut.sequence_number, cut.fields.source_addr, cut.missing_octets })
    assert.equal(message:sub(1, 42), util.unhex(cut.hex))
    assert.equal(1, (run({ "decode" }, { stdin = packets.pcap(c.packets, { snap = 60 }) }))) -- 6 octets: not even a header
  end)

  it("names ports, and says when there is no SMPP", function()
    local code, _, err = run({ "decode", "--port", "99" }, { stdin = capture() })
    assert.equal(1, code)
    has(err, "no SMPP in this capture")
    assert.equal(0, (run({ "decode", "--port", "99", "--port", "2775" }, { stdin = capture() })))
    assert.equal(2, (run({ "decode", "--port", "x" }, { stdin = capture() })))
  end)

  it("tells of holes and of what is not SMPP", function()
    local c = packets.conversation():handshake():send("esme", "GET / HTTP/1.1\r\n\r\n"):send("mc", THROTTLED)
    c.seq.mc = c.seq.mc + 5
    c:send("mc", THROTTLED)
    local code, out, err = run({ "decode" }, { stdin = packets.pcap(c.packets) })
    assert.equal(0, code)
    has(out, "18 octets: HTTP")
    has(out, "5 octets are not in the capture")
    has(err, "2 responses whose request is not in the capture")
    out = select(2, run({ "decode", "--json" }, { stdin = packets.pcap(c.packets) }))
    has(out, '"missing":5')
    has(out, '"reason":"HTTP"')
  end)
end)
