local argparse = require "argparse"
local sim_options = require "smpp.cli.sim_options"

--- The options of smpp.simulator for words of the command line; nil, message.
local function read(words)
  local parser, message = argparse "smpp", nil
  parser:usage_max_width(100)
  function parser.error(_, text) message = text error("refused", 0) end
  sim_options.define(parser:command "sim")
  table.insert(words, 1, "sim")
  local ok, o = pcall(parser.parse, parser, words)
  if not ok then return nil, message or o end
  return sim_options.read(o)
end

describe("smpp.cli.sim_options", function()
  it("gives the simulator nothing that was not given", function() assert.same({}, assert(read {})) end)

  for _, case in ipairs {
    { { "--host", "::1", "--port", "0" }, { host = "::1", port = 0 } },
    { { "sim.lua" }, { file = "sim.lua" } },
    { { "--account", "me:se:cret", "--account", "you:" }, { accounts = { me = { password = "se:cret" }, you = { password = "" } } } },
    { { "--outbind", "me:x@[::1]:2776" }, { outbind = { host = "::1", port = 2776, system_id = "me", password = "x" } } },
    { { "--outbind", "10.0.0.1:2776", "--account", "a:b" },
      { accounts = { a = { password = "b" } }, outbind = { host = "10.0.0.1", port = 2776, account = "a" } } },
    { { "--state", "delivered=90,expired=10", "--state", "REJECTED" }, { outcomes = { DELIVERED = 90, EXPIRED = 10, REJECTED = 100 } } },
    { { "--deliver-after", "0.5-3", "--receipt-after", "2", "--latency", "normal:1,0.2" },
      { deliver_after_s = { uniform = { 0.5, 3 } }, receipt_after_s = 2, latency_s = { normal = { 1, 0.2 } } } },
    { { "--undeliverable", "491", "--undeliverable", "^4998", "--by-digit" }, { undeliverable = { "491", "^4998" }, by_digit = true } },
    { { "--throttle", "50", "--throttle-burst", "5" }, { throttle = { rate_per_s = 50, burst = 5 } } },
    { { "--refuse", "RSYSERR=2", "--fault", "half-pdu=1,drop=0.5" }, { refusals = { ESME_RSYSERR = 2 }, faults = { half_pdu = 1, drop = 0.5 } } },
    { { "--mo-file", "mo.csv", "--mo-rate", "0.5" }, { mo = { file = "mo.csv", per_minute = 30 } } },
    { { "--mo-file", "mo.csv" }, { mo = { file = "mo.csv", per_minute = 60 } } },
    { { "--loopback", "--esme-to-esme", "--seed", "7" }, { loopback = true, esme_to_esme = true, seed = 7 } },
    { { "--set", "queue_size=10", "--set", "throttle={ rate_per_s = 5 }", "--set", "mo.per_minute=6" },
      { queue_size = 10, throttle = { rate_per_s = 5 }, mo = { per_minute = 6 } } },
  } do
    it("reads " .. table.concat(case[1], " "), function() assert.same(case[2], assert(read(case[1]))) end)
  end

  for _, case in ipairs {
    { { "--port", "70000" }, "70000" },
    { { "--account", "me" }, "ID:PASSWORD", },
    { { "--account", "a_name_of_17_char:secret" }, "15" },
    { { "--outbind", "me:secret@host" }, "HOST:PORT" },
    { { "--state", "delivred" }, "did you mean 'DELIVERED'" },
    { { "--fault", "dropp=1" }, "did you mean 'drop'" },
    { { "--refuse", "RSYSERR" }, "PERCENT" },
    { { "--refuse", "NONSENSE=1" }, "command_status" },
    { { "--latency", "soon" }, "seconds" },
    { { "--mo-rate", "5" }, "--mo-file", },
    { { "--throttle-burst", "5" }, "--throttle", },
    { { "--set", "queue_size" }, "KEY=VALUE" },
    { { "--set", "queue_siez=1" }, "queue_size" },
    { { "--set", "rules={" }, "rules" },
  } do
    it("refuses " .. table.concat(case[1], " "), function()
      local given, message = read(case[1])
      assert.is_nil(given)
      assert.is_truthy(message:find(case[2], 1, true), message)
      assert.is_nil(message:find("secret", 1, true), message)
    end)
  end
end)
