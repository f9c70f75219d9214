-- Ten thousand damaged PDUs, in two thousand conversations with a live message centre over real sockets: it goes on
-- serving, raises nothing, holds neither descriptor nor session, and its memory is what it was.
local connection = require "smpp.session"
local few = require "spec.support.few"
local loops = require "smpp.loop"
local simulator = require "smpp.simulator"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local util = require "spec.support.util"

local COUNT, PER_CONNECTION = few(10000, 4000), 5
local SEED = tonumber(os.getenv("SMPP_SEED")) or 20231114

local corpus, requests = {}, {}
for _, vector in ipairs(util.vectors "pdu.jsonl") do
  local octets = util.unhex(vector.hex)
  corpus[#corpus + 1] = octets
  if octets:byte(5) == 0 and not vector.command:find "bind" then requests[#requests + 1] = octets end
end

local BIND = require("smpp.codec").encode {
  command = "bind_transceiver", sequence_number = 1, system_id = "fuzz", interface_version = 0x50,
}

local function set_length(octets)
  local n = #octets
  return string.char(math.floor(n / 16777216), math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256) .. octets:sub(5)
end

--- Damage inside a PDU, whose length stays true: what follows is still read.  `pick(n)` is a number from 1 to n.
local INSIDE = {
  function(pdu, pick) -- some octets behind the header are others
    for _ = 1, pick(8) do
      local at = 16 + pick(math.max(#pdu - 16, 1))
      pdu = pdu:sub(1, at - 1) .. string.char(pick(256) - 1) .. pdu:sub(at + 1)
    end
    return set_length(pdu)
  end,
  function(pdu, pick) -- one octet is one of those that matter
    local at, octet = 16 + pick(math.max(#pdu - 16, 1)), ({ 0, 1, 127, 128, 255 })[pick(5)]
    return set_length(pdu:sub(1, at - 1) .. string.char(octet) .. pdu:sub(at + 1))
  end,
  function(pdu, pick) return set_length(pdu:sub(1, 16 + pick(math.max(#pdu - 16, 1)) - 1)) end,  -- cut, and it says so
  function(pdu, pick) return set_length(pdu .. string.char(pick(256) - 1):rep(pick(300))) end,   -- trailing octets
  function(pdu, pick) -- two halves of different PDUs
    local other = corpus[pick(#corpus)]
    return set_length(pdu:sub(1, 16 + pick(#pdu)) .. other:sub(16 + pick(#other)))
  end,
  function(pdu, pick) return pdu:sub(1, 4) .. corpus[pick(#corpus)]:sub(5, 8) .. pdu:sub(9) end, -- another command
  function(pdu) return pdu:sub(1, 16) .. pdu:sub(17):gsub("%z", "\255") end,
  function(pdu, pick) return pdu:rep(pick(4)) end,
}

--- Damage after which nobody knows where the next PDU begins.
local ACROSS = {
  function(pdu, pick) -- one octet is another
    local at = pick(#pdu)
    return pdu:sub(1, at - 1) .. string.char(pick(256) - 1) .. pdu:sub(at + 1)
  end,
  function(pdu, pick) return pdu:sub(1, pick(#pdu)) end,                                         -- cut in the stream
  function(pdu, pick) return pdu .. corpus[pick(#corpus)]:sub(1, pick(40)) end,                  -- glued to a piece of another
  function(pdu, pick) return string.char(0, pick(3) - 1, pick(256) - 1, pick(256) - 1) .. pdu:sub(5) end, -- a wrong length
}

local function descriptors()
  local handle = io.popen("ls /proc/self/fd 2>/dev/null | wc -l")
  local count = tonumber(handle:read("*a"))
  handle:close()
  return count
end

describe("server: malformed input", function()
  it("goes on serving (seed " .. SEED .. ")", function()
    local loop, pick = loops.current(), util.random(SEED)
    local sim = assert(simulator.new { port = 0, version = "5.0", queue_limit = 5, deliver_after_s = 0.01, discard_after_s = 0.05, loop = loop })
    local errors = {}
    sim:on("error", function(message)
      if not message:find "malformed SMPP data" and not message:find "^receipt of %S+ lost: queue full" then errors[#errors + 1] = message end
    end)
    local alive = setmetatable({}, { __mode = "k" })
    sim.server:on("connection", function(session) alive[session] = true end)
    local before, early, late, answered

    local function transport()
      local token = task.current()
      loop:connect({ host = "127.0.0.1", port = sim.port }, function(t, message) task.wake(token, t, message) end)
      return assert(task.wait())
    end

    -- Sends a batch and waits until the centre has closed, or has read all and answered the enquire_link behind it; then
    -- what leaves it in the middle of a PDU, or nowhere.
    local function attack(batch, last)
      local t, token, over, tail = transport(), task.current(), false, ""
      t:start(function(chunk)
        tail = tail:sub(-15) .. chunk
        if tail:find("\128\0\0\21\0\0\0\0\90\90\90\90", 1, true) then task.wake_for(token, t) end
      end, function()
        over = true
        task.wake_for(token, t)
      end)
      t:write(BIND .. table.concat(batch) .. util.unhex "00000010 00000015 00000000 5a5a5a5a")
      local timer = loop:timer(function() task.wake_for(token, t, "no answer for 5 s") end)
      timer:start(5)
      assert.is_nil(not over and task.wait(t) or nil)
      timer:close()
      t:write(last)
      t:close()
    end

    local function serves()
      local esme = connection.new { role = "esme", loop = loop, transport = transport(), machine = {} }
      esme:start()
      assert(esme:bind_transceiver { system_id = "good" })
      local id = assert(esme:submit_sm { destination_addr = "491761234567", short_message = "still there?" }).message_id
      esme:unbind()
      return id
    end

    --- What it holds when no message waits for its time any more, and the final ones are discarded.
    local function memory_of_idle()
      for _, message in ipairs(sim:messages()) do
        if not stores.is_final(message.state) then sim.lifecycle:finish(message, "DELETED", 0, true) end
      end
      local timer, token = nil, task.current()
      timer = loop:timer(function() task.wake(token) end, true)
      timer:start(1.1)
      task.wait()
      timer:close()
      if jit then jit.flush() end -- compiled code keeps objects that it was made for, here thousands of messages
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end

    local failure
    task.start(function(trace)
      failure = trace
      sim:close(0)
    end, function()
      serves()
      before = descriptors()
      local sent = 0
      while sent < COUNT do
        local batch = {}
        for i = 1, PER_CONNECTION do
          local from = pick(4) > 1 and requests or corpus
          local damage = i == PER_CONNECTION and ACROSS or INSIDE
          batch[i] = damage[pick(#damage)](from[pick(#from)], pick)
        end
        attack(batch, table.remove(batch))
        sent = sent + PER_CONNECTION
        if sent == COUNT / 4 then early = memory_of_idle() end
      end
      answered = serves()
      late = memory_of_idle()
      local held = 0
      for _ in pairs(alive) do held = held + 1 end
      assert.is_true(held <= sim.server.outbound.waiting, held .. " sessions are still held") -- receipts know their bind
      local left = descriptors()
      sim:close(1)
      assert.is_true(left <= before, ("%d descriptors, %d before"):format(left, before))
    end)
    loop:run()
    if failure then error(failure, 0) end
    assert.is_truthy(answered)
    assert.same({}, errors)
    assert.is_true(late < early * 1.25 + 500, ("%.0f KiB in the end, %.0f KiB after a quarter"):format(late, early))
    assert.equal(0, sim.server.connections.count)
  end)
end)
