local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local packets = require "spec.support.packets"
local pdus = require "smpp.codec"

local run, has, lacks, encode = cli.run, cli.has, cli.lacks, pdus.encode

local function submit(number, to)
  return encode { command = "submit_sm", sequence_number = number, source_addr = "1", dest_addr_ton = 1, dest_addr_npi = 1,
    destination_addr = to, short_message = "text" .. number }
end

local function answer(number, status)
  return encode { command = "submit_sm_resp", sequence_number = number, status = status, message_id = not status and "id" .. number or nil }
end

--- Six requests to 49151…, 49160…; every third is throttled, and answered last.
local function capture()
  local c = packets.conversation():handshake()
  for i = 1, 6 do c:send("esme", submit(i, (i % 2 == 1 and "49151" or "49160") .. i)) end
  for i = 1, 6 do c:send("mc", answer(i, i % 3 == 0 and "ESME_RTHROTTLED" or nil)) end
  return packets.pcap(c:finish().packets)
end

local function commands_of(out)
  local list = {}
  for name, number in out:gmatch "(submit_sm[%l_]*) #(%d+)" do list[#list + 1] = name .. " " .. number end
  return table.concat(list, ", ")
end

describe("smpp.cli.filter", function()
  local function decode(...)
    local code, out, err = run({ "decode", ... }, { stdin = capture() })
    assert.equal(0, code, err)
    return commands_of(out), err
  end

  it("--command takes exact names and *", function()
    assert.equal("submit_sm 1, submit_sm 2, submit_sm 3, submit_sm 4, submit_sm 5, submit_sm 6", (decode("--command", "submit_sm")))
    local shown, err = decode("--command", "bind_*", "--command", "unbind")
    assert.equal("", shown)
    has(err, "12 PDUs on 1 connection, in 17 packets, 0 selected by the filter")
    for _, word in ipairs { "0x000102AF", "0x000102af", "0x102AF" } do
      has(select(2, run { "decode", "-b", "--command", word, "00000010000102AF0000000000000001" }), "0x000102AF #1")
    end
    assert.same({ 2, "", "smpp: --command: unknown command 'submit_sn'; did you mean 'submit_sm'?\n" },
      { run({ "decode", "--command", "unbind", "--command", "submit_sn" }, { stdin = capture() }) })
  end)

  it("--status shows refused responses with their requests, by any of the status's names", function()
    for _, word in ipairs { "ESME_RTHROTTLED", "RTHROTTLED", "throttled", "0x58", "88", "error" } do
      local shown, err = decode("--status", word)
      assert.equal("submit_sm 3, submit_sm_resp 3, submit_sm 6, submit_sm_resp 6", shown)
      has(err, "submit_sm_resp: 2 of 6 ESME_RTHROTTLED")
    end
    assert.equal("submit_sm_resp 3, submit_sm_resp 6", (decode("--status", "error", "--command", "submit_sm_resp"):gsub("submit_sm %d, ", "")))
    local code, _, err = run({ "decode", "--status", "ESME_RTHROTLED" }, { stdin = capture() })
    assert.equal(2, code)
    has(err, "did you mean ESME_RTHROTTLED?")
  end)

  it("--to follows requests to their responses", function()
    assert.equal("submit_sm 3, submit_sm_resp 3", (decode("--to", "+491513")))
    assert.equal("submit_sm 2, submit_sm 4, submit_sm 6, submit_sm_resp 2, submit_sm_resp 4, submit_sm_resp 6", (decode("--to", "49160*")))
    assert.equal("", (decode("--to", "4916")))
  end)

  it("--slow takes durations, and needs times", function()
    assert.equal(12, select(2, decode("--slow", "1ms"):gsub("%d", "")))
    assert.equal("", (decode("--slow", "1.5s")))
    local code, _, err = run { "decode", "--slow", "fast", "00" }
    assert.equal(2, code)
    has(err, "invalid duration 'fast'")
    code, _, err = run { "decode", "--slow", "1s", "00000010000000150000000000000001" }
    assert.equal(2, code)
    has(err, "--slow needs a capture")
  end)

  it("works on PDUs that follow each other", function()
    local octets = submit(1, "49151") .. answer(1) .. submit(2, "49160") .. answer(2, "ESME_RTHROTTLED")
    local code, out, err = run({ "decode", "--brief", "--status", "error" }, { stdin = octets })
    assert.equal(0, code)
    assert.equal("submit_sm_resp 2", commands_of(out))
    has(err, "1 of 4 PDUs selected by the filter")
    has(err, "submit_sm_resp: 1 of 2 ESME_RTHROTTLED")
    out = select(2, run({ "decode", "--to", "49160" }, { stdin = octets }))
    has(out, "PDU 3, octets")
    lacks(out, "PDU 1")
  end)

  it("the last object of --json is a summary", function()
    local function last(octets, ...)
      local _, out = run({ "decode", "--json", ... }, { stdin = octets })
      return dkjson.decode(out:match "([^\n]+)\n$")
    end
    local summary = last(capture(), "--status", "error")
    assert.equal("summary", summary.event)
    assert.equal(12, summary.pdus)
    assert.equal(2, summary.shown)
    assert.same({ submit_sm_resp = { ESME_ROK = 4, ESME_RTHROTTLED = 2 } }, summary.statuses)
    assert.equal(6, summary.latency.submit_sm.count)
    summary = last(submit(1, "1") .. answer(1))
    assert.same({ event = "summary", pdus = 2, shown = 2, commands = { submit_sm = 1, submit_sm_resp = 1 },
      statuses = { submit_sm_resp = { ESME_ROK = 1 } } }, summary)
    assert.is_nil(last(submit(1, "1")).event)
  end)
end)
