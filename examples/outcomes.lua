-- A simulated message centre with failures: some messages are undeliverable, some are refused, some are delayed.
-- A seed makes every run the same; under the virtual loop the delays take no real time.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

smpp.run(function()
  local mc = assert(smpp.simulator {
    outcomes = { DELIVERED = 80, UNDELIVERABLE = 15, EXPIRED = 5 }, -- weights
    deliver_after_s = { uniform = { 1, 30 } },
    rules = {
      { destination = "^4999", status = "ESME_RINVDSTADR" },
      { text = "slow", state = "DELIVERED", after_s = 3600 },
    },
  })
  local esme = assert(smpp.connect { "smpp://me:secret@localhost", window = 20 })

  local states = {}
  smpp.each({ "slow", "fast", "wrong" }, 3, function(kind)
    for i = 1, 50 do
      local to = kind == "wrong" and "+499912345" or ("+49176%05d"):format(i)
      local sent, _, code = esme:send { from = "Test", to = to, text = kind, receipt = true }
      local state = sent and assert(sent:receipt(7200)).state or code
      states[kind .. " " .. state] = (states[kind .. " " .. state] or 0) + 1
    end
  end)
  for _, kind in ipairs { "slow DELIVERED", "fast DELIVERED", "fast UNDELIVERABLE", "fast EXPIRED", "wrong ESME_RINVDSTADR" } do
    print(kind, states[kind] or 0)
  end
  esme:close()
  mc:close()
end, { loop = virtual.new { seed = 42 } })
