-- One text to many numbers, as fast as the window allows.  Numbers come from a file, one per line, or are generated.
local smpp = require "smpp"

--- An iterator over the messages: only those in flight are in memory.
local function messages(path)
  local numbers = path and io.lines(path)
  local n = 0
  return function()
    n = n + 1
    local number = numbers and numbers()
    if not path and n <= 1000 then number = ("+49176%07d"):format(n) end
    if number then return { from = "TestApp", to = number, text = "The shop opens at ten." } end
  end
end

smpp.run(function()
  local esme = assert(smpp.connect { "smpp://smppclient1:password@localhost", window = 50 })
  local counts = esme:send_all(messages(arg[1]), function(message, sent, err)
    if not sent then print(message.to, err) end
  end)
  print(("%d sent, %d failed"):format(counts.sent, counts.failed))
  for code, n in pairs(counts.codes) do print(code, n) end
end)
