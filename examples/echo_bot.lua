-- Answers every message with its own text, and stays bound until Ctrl-C.
local smpp = require "smpp"

smpp.run(function()
  local esme = assert(smpp.connect {
    arg[1] or "smpp://smppclient1:password@localhost",
    wait = true, -- keep trying if the message centre cannot be reached yet
    message = function(msg)
      print(msg.from .. " -> " .. msg.to .. ": " .. (msg.text or #msg.data .. " octets"))
      if msg.text then assert(msg:reply("You said: " .. msg.text)) end
    end,
  })
  esme:on("state", function(state, _, reason) print(state, reason or "") end)
  print("bound to " .. esme.session.mc_system_id)
end)
