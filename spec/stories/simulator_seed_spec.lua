-- A seed makes every run the same, octet for octet and to the millisecond: on each Lua, whatever order its tables have.
local mc = require "spec.support.mc"
local pdus = require "smpp.codec"
local simulator = require "smpp.simulator"
local util = require "spec.support.util"

local OPTIONS = {
  deliver_after_s = { normal = { 2, 1 } }, receipt_after_s = { checks = { 0.5, 60, 3 } }, latency_s = { spikes = { 0.02, 1.5, 20 } },
  outcomes = { DELIVERED = 50, UNDELIVERABLE = 20, EXPIRED = 10, REJECTED = 10, ENROUTE = 5, UNKNOWN = 5 },
  rules = { { destination = "7$", percent = 50, state = "SKIPPED", after_s = { uniform = { 1, 3 } } } }, undeliverable = { "^492" },
  refusals = { ESME_RSYSERR = 4, ESME_RMSGQFUL = 4, ESME_RSUBMITFAIL = 4 }, throttle = { rate_per_s = 8, burst = 3, on_s = 4, off_s = 3 },
  faults = { drop = 4, delay = 4, duplicate = 4, reorder = 4, wrong_sequence = 4, unknown_command = 4, delay_s = { uniform = { 0, 2 } } },
  mo = { messages = { "one", { text = ("long "):rep(50), from = "49" }, { text = "三" } }, per_minute = 40, random = true, destination = "1" },
}

--- All that a centre with this seed sends to two ESMEs that do the same each time: lines of when, to whom, what.
local function run(seed)
  local lines = {}
  mc.world(function(w)
    local given = { seed = seed, spread = "least_outstanding", esme_to_esme = true }
    for name, value in pairs(OPTIONS) do given[name] = value end
    local sim = w:server(given, simulator.new)
    local transports = {}
    for i = 1, 2 do
      local transport = w:transport()
      transports[i] = transport
      transport:start(function(octets)
        lines[#lines + 1] = ("%.3f %d %s"):format(w.loop:now(), i, util.hex(octets))
        for sequence in octets:gmatch "%z%z%z\5%z%z%z%z(....)" do -- each deliver_sm is acknowledged
          transport:write("\0\0\0\17\128\0\0\5\0\0\0\0" .. sequence .. "\0")
        end
      end, function() end)
      transport:write(pdus.encode {
        command = "bind_transceiver", sequence_number = 1, system_id = "esme" .. i, interface_version = 0x34,
        address_range = i == 2 and "^491" or "",
      })
    end
    for n = 1, 200 do
      transports[n % 2 + 1]:write(pdus.encode {
        command = "submit_sm", sequence_number = n + 1, source_addr = "12", destination_addr = ("49%d"):format(n * 7919 % 4000),
        registered_delivery = n % 3 == 0 and 0x11 or 1, short_message = n % 20 == 0 and "sim: unknown after 1s, reply yes" or "text " .. n,
      })
      w:sleep(0.1)
    end
    w:sleep(60)
    for _, transport in ipairs(transports) do transport:close() end
    for _, name in ipairs { "messages", "refused", "receipts", "mo", "faults" } do
      lines[#lines + 1] = ("%d %s"):format(sim.counts[name], name)
    end
    sim:close(1)
  end)
  return lines
end

--- Adler's checksum.
local function sum(lines)
  local a, b = 1, 0
  for _, line in ipairs(lines) do
    for i = 1, #line do
      a = (a + line:byte(i)) % 65521
      b = (b + a) % 65521
    end
  end
  return ("%04x%04x"):format(b, a)
end

describe("simulator: seed", function()
  it("makes every run the same", function()
    local first = run(42)
    assert.same(first, run(42))
    assert.equal("158 messages, 42 refused, 204 receipts, 91 mo, 38 faults", table.concat(first, ", ", #first - 4))
    assert.equal("8aac8265", sum(first)) -- new where what is sent, or drawn, is meant to change
    assert.are_not.equal(sum(first), sum(run(43)))
  end)
end)
