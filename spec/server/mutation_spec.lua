-- Ten thousand damaged conversations against a live message centre, over real sockets: it goes on serving, raises
-- nothing, holds no descriptor, and its memory is what it was.
local connection = require "smpp.connection"
local loops = require "smpp.loop"
local simulator = require "smpp.simulator"
local task = require "smpp.task"
local util = require "spec.support.util"

local COUNT, PER_CONNECTION = 10000, 5
local SEED = tonumber(os.getenv("SMPP_SEED")) or 20231114

local corpus = {}
for _, vector in ipairs(util.vectors "pdu.jsonl") do corpus[#corpus + 1] = util.unhex(vector.hex) end

local BIND = require("smpp.pdu").encode {
  command = "bind_transceiver", sequence_number = 1, system_id = "fuzz", interface_version = 0x50,
}

local function set_length(octets)
  local n = #octets
  return string.char(math.floor(n / 16777216), math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256) .. octets:sub(5)
end

--- One kind of damage each; `pick(n)` is a number from 1 to n.
local MUTATIONS = {
  function(pdu, pick) -- one octet is another
    local at = pick(#pdu)
    return pdu:sub(1, at - 1) .. string.char(pick(256) - 1) .. pdu:sub(at + 1)
  end,
  function(pdu, pick) -- some octets behind the header are others
    for _ = 1, pick(8) do
      local at = 16 + pick(math.max(#pdu - 16, 1))
      pdu = pdu:sub(1, at - 1) .. string.char(pick(256) - 1) .. pdu:sub(at + 1)
    end
    return set_length(pdu)
  end,
  function(pdu, pick) return set_length(pdu:sub(1, 16 + pick(math.max(#pdu - 16, 1)) - 1)) end,  -- cut, and it says so
  function(pdu, pick) return pdu:sub(1, pick(#pdu)) end,                                         -- cut in the stream
  function(pdu, pick) return set_length(pdu .. string.char(pick(256) - 1):rep(pick(300))) end,   -- trailing octets
  function(pdu, pick) return pdu .. corpus[pick(#corpus)]:sub(1, pick(40)) end,                  -- glued to a piece of another
  function(pdu, pick) -- two halves of different PDUs
    local other = corpus[pick(#corpus)]
    return set_length(pdu:sub(1, 16 + pick(#pdu)) .. other:sub(16 + pick(#other)))
  end,
  function(pdu, pick) return string.char(0, pick(3) - 1, pick(256) - 1, pick(256) - 1) .. pdu:sub(5) end, -- a wrong length
  function(pdu, pick) return pdu:sub(1, 4) .. corpus[pick(#corpus)]:sub(5, 8) .. pdu:sub(9) end, -- another command
  function(pdu) return pdu:gsub("%z", "\255") end,
  function(pdu, pick) return pdu:rep(pick(4)) end,
}

local function descriptors()
  local handle = io.popen("ls /proc/self/fd 2>/dev/null | wc -l")
  local count = tonumber(handle:read("*a"))
  handle:close()
  return count
end

local function memory()
  collectgarbage()
  collectgarbage()
  return collectgarbage("count")
end

describe("a message centre under mutations", function()
  it("goes on serving (seed " .. SEED .. ")", function()
    local loop, pick = loops.current(), util.random(SEED)
    local sim = assert(simulator.new { port = 0, version = "5.0", queue_size = 500, queue_limit = 50, deliver_after_s = 0.01, discard_after_s = 0.05, loop = loop })
    local errors = {}
    sim:on("error", function(message)
      if not message:find "sent what is no SMPP" and not message:find "^the receipt of %S+ is lost" then errors[#errors + 1] = message end
    end)
    local before, early, late, answered

    local function transport()
      local token = task.current()
      loop:connect({ host = "127.0.0.1", port = sim.port }, function(t, message) task.wake(token, t, message) end)
      return assert(task.wait())
    end

    -- Sends a batch and waits until the centre has closed, or has read all and answered the enquire_link behind it.
    local function attack(batch)
      local t, token, over = transport(), task.current(), false
      local timer = loop:timer(function() task.wake_for(token, t) end)
      t:start(function(chunk)
        if chunk:find("\128\0\0\21\0\0\0\0\90\90\90\90", 1, true) then task.wake_for(token, t) end
      end, function()
        over = true
        task.wake_for(token, t)
      end)
      t:write(BIND)
      for _, octets in ipairs(batch) do t:write(octets) end
      t:write(util.unhex "00000010 00000015 00000000 5a5a5a5a")
      timer:start(0.004) -- the enquire_link may be inside a PDU that claims more
      if not over then task.wait(t) end
      timer:close()
      t:close()
    end

    local function serves()
      local esme = connection.new { role = "esme", loop = loop, transport = transport(), handlers = {}, session = {} }
      esme:start()
      assert(esme:bind_transceiver { system_id = "good" })
      local id = assert(esme:submit_sm { destination_addr = "491761234567", short_message = "still there?" }).message_id
      esme:unbind()
      return id
    end

    local failure
    task.start(function(trace) failure = trace end, function()
      serves()
      before = descriptors()
      local sent = 0
      while sent < COUNT do
        local batch = {}
        for i = 1, PER_CONNECTION do
          batch[i] = MUTATIONS[pick(#MUTATIONS)](corpus[pick(#corpus)], pick)
        end
        attack(batch)
        sent = sent + PER_CONNECTION
        if sent == COUNT / 4 then early = memory() end
      end
      answered = serves()
      local timer, token = nil, task.current()
      timer = loop:timer(function() task.wake(token) end, true)
      timer:start(0.2)
      task.wait()
      timer:close()
      late = memory()
      local left = descriptors()
      sim:close(1)
      assert.is_true(left <= before, ("%d descriptors, %d before"):format(left, before))
    end)
    loop:run()
    if failure then error(failure, 0) end
    assert.is_truthy(answered)
    assert.same({}, errors)
    assert.is_true(late < early * 1.25 + 500, ("%.0f KiB in the end, %.0f KiB after a quarter"):format(late, early))
    assert.equal(0, sim.server.connection_count)
  end)
end)
