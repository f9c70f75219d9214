local async = require "spec.support.async"
local load = require "smpp.load"
local replays = require "smpp.load.replay"
local smpp = require "smpp"

local URL = "smpp://me:secret@127.0.0.1:2775"

--- A capture of `count` submit_sm, one each 100 ms, with their responses and a deliver_sm; its path.
local function capture(count)
  local path = os.tmpname()
  local trace = assert(smpp.trace.new(path))
  local esme, mc = { host = "10.0.0.1", port = 40000 }, { host = "10.0.0.2", port = 2775 }
  for i = 1, count do
    local submit = assert(smpp.decode(assert(smpp.encode { command = "submit_sm", sequence_number = i, destination_addr = "49" .. (i % 3),
      short_message = "no. " .. i, registered_delivery = 1 })))
    trace:pdu(submit, { from = esme, to = mc, time = 1000 + i / 10 })
    local answer = assert(smpp.decode(assert(smpp.encode { command = "submit_sm_resp", sequence_number = i, message_id = "x" })))
    trace:pdu(answer, { from = mc, to = esme, time = 1000.01 + i / 10 })
  end
  local mo = assert(smpp.decode(assert(smpp.encode { command = "deliver_sm", sequence_number = 1, source_addr = "49", destination_addr = "12345",
    short_message = "MO" })))
  trace:pdu(mo, { from = mc, to = esme, time = 1000.2 })
  trace:close()
  return path
end

describe("smpp.load.replay", function()
  local function run(o, port)
    local seen, result = {}, nil
    async.virtual(function(loop)
      local server = assert(smpp.server { port = port or 2775, submit_sm = function(_, pdu)
        seen[#seen + 1] = { pdu.short_message, pdu.destination_addr, loop:now() }
        return "y"
      end })
      o[1] = URL
      result = assert(load.run(o))
      server:close()
    end, { seed = 1, limit_s = 1000 })()
    return seen, result
  end

  it("sends the requests of a side again, at their times", function()
    local path = capture(20)
    local seen, r = run { replay = path }
    assert.equal(20, #seen)
    assert.equal("no. 7", seen[7][1])
    assert.equal("491", seen[7][2])
    assert.near(0.6, seen[7][3] - seen[1][3], 0.005)
    assert.same({ submit_sm_resp = 20, deliver_sm = 1 }, r.skipped)
    assert.equal(20, r.ok)
    seen = run { replay = path, speed = 4 }
    assert.near(0.15, seen[7][3] - seen[1][3], 0.005)
    seen = run { replay = path, speed = math.huge }
    assert.near(0, seen[20][3] - seen[1][3], 0.005)
    os.remove(path)
  end)

  it("gives each destination another number, the same for the same", function()
    local path = capture(9)
    local seen = run { replay = path, to = "4917[#5]" }
    os.remove(path)
    assert.same({ "491700000", "491700001", "491700002", "491700000" }, { seen[1][2], seen[2][2], seen[3][2], seen[4][2] })
  end)

  it("reads files that gzip compressed", function()
    local path = capture(3)
    assert(os.execute("gzip -f " .. path))
    assert.equal(3, #assert(replays.read(path .. ".gz", "submit_sm")).items)
    os.remove(path .. ".gz")
  end)

  it("says when there is nothing to send", function()
    local path = capture(0)
    local recorded, message = replays.read(path, "submit_sm")
    assert.is_nil(recorded)
    assert.equal("no submit_sm in " .. path, message)
    assert.equal(1, #assert(replays.read(path, "deliver_sm")).items)
    os.remove(path)
    recorded, message = replays.read("/nonexistent", "submit_sm")
    assert.is_nil(recorded)
    assert.truthy(message:find "/nonexistent")
  end)
end)
