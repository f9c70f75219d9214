-- Benchmark of one code path from README, over one connection with window 100.  Arguments: PATH PORT COUNT WARM [OPEN]
-- Prints, for COUNT messages after WARM others: seconds, own CPU seconds.  The peer is bench/mc.lua or, for most paths,
-- refsink.  OPEN: number of messages that await their receipts before the measurement.
local smpp = require "smpp"
local loop = require("smpp.loop").current()

local path, port, count, warm, open = arg[1], tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4] or 0), tonumber(arg[5] or 0)

local WINDOW = 100
local TO = "+491761234567"
local TEXT = "Your code is 481516, valid for 5 minutes"
local UNICODE = ("Ваш код 481516, он действует пять минут. "):rep(4) -- 164 characters: three parts
assert(#TEXT == 40)

local function connect(o)
  o.host, o.port, o.system_id, o.password, o.window = "127.0.0.1", port, "bench", "bench", WINDOW
  return assert(smpp.connect(o))
end

--- Calls fn `count` times, with as many concurrent tasks as the window.
local function each(n, fn)
  local left = n
  smpp.each(function()
    if left == 0 then return nil end
    left = left - 1
    return left + 1
  end, WINDOW, fn)
end

--- Path -> what is done per message.
local sends = {
  submit_sm = function(esme)
    assert(esme:submit_sm {
      source_addr_ton = 5, source_addr = "TestApp", dest_addr_ton = 1, dest_addr_npi = 1,
      destination_addr = "491761234567", short_message = TEXT,
    })
  end,
  send = function(esme) assert(esme:send { from = "TestApp", to = TO, text = TEXT }) end,
  send_unicode = function(esme) assert(esme:send { from = "TestApp", to = TO, text = UNICODE }) end,
  send_receipt = function(esme) assert(assert(esme:send { from = "TestApp", to = TO, text = TEXT, receipt = true }):receipt(60)) end,
}

local function measure(run)
  if warm > 0 then run(warm) end
  local wall, cpu = loop:precise(), os.clock()
  run(count)
  print(("%.6f %.6f"):format(loop:precise() - wall, os.clock() - cpu))
  io.stdout:flush()
end

--- Waits until the peer has pushed so many messages.
local function receive(option)
  local received, done, wall, cpu = 0, false, nil, nil
  local function one()
    received = received + (path == "message_3" and 3 or 1)
    if not wall and received >= warm then wall, cpu = loop:precise(), os.clock() end
    if received >= warm + count then
      print(("%.6f %.6f"):format(loop:precise() - wall, os.clock() - cpu))
      io.stdout:flush()
      done = true
    end
  end
  local handlers = {
    deliver_sm = function(pdu) return #pdu.source_addr + #pdu.short_message > 0 and one() or nil end,
    message = function(msg) return #msg.text > 0 and one() or nil end,
    receipt = function(receipt) return receipt.state and one() or nil end,
  }
  local esme = connect { [option] = handlers[option] }
  while not done do smpp.sleep(0.01) end
  esme:close()
end

--- Answers each message: a handler of deliver_sm that submits, or a bot.  `dialogues`: a bot that asks; when all sleep, it prints
--- its resident memory in octets, too.
local function answer()
  local esme, answered, done, wall, cpu, shop = nil, 0, false, nil, nil, nil
  local function one()
    answered = answered + 1
    if not wall and answered >= warm then wall, cpu = loop:precise(), os.clock() end
    if answered < warm + count then return end
    if path ~= "dialogues" then print(("%.6f %.6f"):format(loop:precise() - wall, os.clock() - cpu)) end
    io.stdout:flush()
    done = true
  end
  if path == "answer" then
    esme = connect { deliver_sm = function(pdu, client)
      assert(client:submit_sm {
        source_addr_ton = 3, source_addr = pdu.destination_addr, dest_addr_ton = 1, dest_addr_npi = 1,
        destination_addr = pdu.source_addr, short_message = "You said: " .. pdu.short_message,
      })
      one()
    end }
  else
    require("smpp.cli.collector").for_bot(loop) -- as `smpp bot`
    shop = require("smpp.bot").new {
      { host = "127.0.0.1", port = port, system_id = "bench", password = "bench", window = WINDOW }, number = "12345", log = "error",
      texts = { restarted = false },
    }
    shop:otherwise(function(chat)
      if path == "dialogues" then
        one()
        chat:ask("What would you like?", { within_s = 86400 })
      end
      chat:say("You said: " .. chat.text)
      one()
    end)
    shop:start()
  end
  while not done do smpp.sleep(0.01) end
  if path == "dialogues" then
    for line in io.lines "/proc/self/status" do
      local kib = line:match "^VmHWM:%s*(%d+)"
      if kib then print(("%.6f %.6f %d"):format(loop:precise() - wall, os.clock() - cpu, kib * 1024)) end
    end
    os.exit(0)
  end
  if esme then esme:close() else shop:stop() end
end

smpp.run(function()
  if path == "answer" or path == "bot" or path == "dialogues" then return answer() end
  if not sends[path] then return receive(path:match "^message" or path) end
  local esme = connect { receipt = path == "send_receipt" and function() end or nil }
  if open > 0 then each(open, function() assert(esme:send { from = "TestApp", to = "+4999", text = "x", receipt = true }) end) end
  measure(function(n) each(n, function() sends[path](esme) end) end)
  esme:close()
end)
