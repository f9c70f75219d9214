-- Sends one message and waits for its receipt.  First, in another terminal: smpp sim
local smpp = require "smpp"

smpp.run(function()
  local esme = assert(smpp.connect(arg[1] or "smpp://smppclient1:password@localhost"))
  local sent = assert(esme:send { from = "TestApp", to = "+491761234567", text = "Hello World! 👋", receipt = true })
  print("accepted as", sent.message_id)

  local receipt, message, code = sent:receipt(10) -- waits up to 10 seconds
  if receipt then
    print("and now", receipt.state)
  else
    print("no receipt yet", message, code)
    print("the message centre says", smpp.explain("message_state", assert(sent:query()).message_state))
  end
end)
