-- One-time login codes, sent with callbacks, for programs that do not run in a task.
local smpp = require "smpp"

local random = assert(io.open("/dev/urandom", "rb")) -- math.random is predictable
local function new_code()
  local a, b, c, d = random:read(4):byte(1, 4)
  return ("%06d"):format((((a * 256 + b) * 256 + c) * 256 + d) % 1000000)
end

local codes = {} -- number -> code
--- Checks a code; each code is valid once.
local function is_right(number, typed)
  local code = codes[number]
  codes[number] = nil
  return code ~= nil and typed == code
end

--- Sends a code; done(ok, reason).
local function send_code(esme, number, done)
  local code = new_code()
  esme:send({
    from = "Bank", to = number, text = code .. " is your code. It is good for five minutes.",
    validity_s = 300, priority = 1, long = "refuse",
  }, function(sent, err, failure)
    -- Outcome unknown: keep the code, the message may still arrive.
    if sent or failure == "timeout" or failure == "connection_lost" then codes[number] = code end
    done(sent ~= nil, err)
  end)
end

smpp.run(function()
  smpp.connect("smpp://smppclient1:password@localhost", function(esme, err)
    assert(esme, err)
    send_code(esme, "+491761234567", function(ok, reason)
      print(ok and "the code is on its way" or reason)
      print("logged in with a guess:", is_right("+491761234567", "123456"))
      esme:close()
    end)
  end)
end)
