-- A peer that sends everything in one go has not left anything unanswered: handlers answer before more is taken.
local smpp = require "smpp"
local task = require "smpp.base.task"
local virtual = require "smpp.loop.virtual"

local function u32(n) return string.char(math.floor(n / 16777216), math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256) end

--- What the server answers to octets that come in one piece: statuses by sequence_number.
local function answers(octets, o)
  local statuses, loop = {}, virtual.new { seed = 1 }
  smpp.run(function()
    o = o or {}
    o.port, o.submit_sm = 2775, o.submit_sm or function() return "1" end
    local server = assert(smpp.server(o))
    local token, rest = task.current(), ""
    loop:connect({ host = "127.0.0.1", port = 2775 }, function(transport) task.wake_for(token, loop, transport) end)
    local transport = task.wait(loop)
    transport:start(function(chunk)
      rest = rest .. chunk
      local position = 1
      while true do
        local pdu, following = smpp.decode(rest, position)
        if not pdu then break end
        statuses[pdu.sequence_number], position = pdu.status, following
      end
      rest = rest:sub(position)
    end, function() end)
    transport:write(octets)
    smpp.sleep(5)
    transport:close()
    server:close()
  end, { loop = loop })
  return statuses
end

local BIND = assert(smpp.encode { command = "bind_transceiver", system_id = "me", interface_version = 0x34, sequence_number = 1 })
local SUBMIT = assert(smpp.encode { command = "submit_sm", destination_addr = "491", short_message = "x" })

local function submits(from, to)
  local list = {}
  for i = from, to do list[#list + 1] = SUBMIT:sub(1, 12) .. u32(i) .. SUBMIT:sub(17) end
  return table.concat(list)
end

describe("requests in one chunk", function()
  it("are all taken, more than may stay unanswered", function()
    local statuses = answers(BIND .. submits(2, 3001))
    for i = 1, 3001 do assert.equal("ESME_ROK", statuses[i], "request " .. i) end
  end)

  it("are refused when they really stay unanswered", function()
    local statuses = answers(BIND .. submits(2, 31), { max_unanswered = 10, submit_sm = function()
      smpp.sleep(1)
      return "1"
    end })
    local throttled = 0
    for i = 2, 31 do
      if statuses[i] == "ESME_RTHROTTLED" then throttled = throttled + 1 end
    end
    assert.equal(20, throttled)
  end)
end)
