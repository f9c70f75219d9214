-- A message centre and an ESME in one process: sends three messages, prints every PDU and the receipts.
local smpp = require "smpp"

local colour = require("luv").guess_handle(1) == "tty" and not os.getenv "NO_COLOR" and os.getenv "TERM" ~= "dumb"
local function paint(code, text) return colour and ("\27[%sm%s\27[0m"):format(code, text) or text end

smpp.run(function()
  local mc = assert(smpp.simulator { port = 0, accounts = { smppclient1 = { password = "password" } } })
  print(paint(1, "a message centre listens on 127.0.0.1:" .. mc.port))

  local esme = assert(smpp.connect("smpp://smppclient1:password@127.0.0.1:" .. mc.port))
  print(paint(1, "an ESME is bound to it as smppclient1"))
  esme:on("pdu", function(pdu, direction)
    local arrow = direction == "out" and paint(36, "ESME -> MC ") or paint(33, "ESME <- MC ")
    print(arrow .. tostring(pdu))
  end)

  local texts = {
    "Hello World!",
    "Grüße aus dem Zug 🚂👋",
    "One text, three parts: " .. ("SMPP carries at most 140 octets in one short message, so a long text travels in parts. "):rep(4),
  }
  local waiting = {}
  for _, text in ipairs(texts) do
    local cost = assert(smpp.text.measure(text))
    print(paint(1, ("\nsending %d characters as %s: %d part%s"):format(cost.units, cost.encoding, cost.parts, cost.parts > 1 and "s" or "")))
    waiting[#waiting + 1] = assert(esme:send { from = "TestApp", to = "+491761234567", text = text, receipt = true })
  end

  print(paint(1, "\nall accepted; waiting for the receipts"))
  for i, sent in ipairs(waiting) do
    local receipt = assert(sent:receipt(10))
    print(paint("1;32", ("message %d (%s): %s"):format(i, table.concat(sent.message_ids, ", "), receipt.state)))
  end
  esme:close()
  mc:close()
end)
