--- Predefined behaviours: sets of options by name.
local kind = require "smpp.base.kind"

local behaviours = {}

---@class smpp.Behaviour
---@field settings table         options of the simulator; options of the user take precedence
---@field server table?          options of its server
---@field long string?           how long texts are sent to ESMEs
---@field commands table<string, true>?  the requests it supports, default all
---@field admit (fun(sim: smpp.Simulator, message: smpp.Message, pdu: smpp.Pdu): string?)?
---@field receipt (fun(sim: smpp.Simulator, message: smpp.Message, pdu: table): table?)?

---@type table<string, smpp.Behaviour>
local ready = {
  healthy = { settings = {} },
  slow = { settings = { latency_s = { normal = { 2, 0.5 } }, deliver_after_s = { uniform = { 5, 60 } } } },
  flaky = {
    settings = {
      latency_s = { spikes = { 0.02, 3, 5 } },
      outcomes = { DELIVERED = 80, UNDELIVERABLE = 10, EXPIRED = 5, REJECTED = 5 },
      refusals = { ESME_RSYSERR = 2, ESME_RMSGQFUL = 2 },
      faults = { drop = 1, delay = 2, duplicate = 1, reorder = 2, wrong_sequence = 0.2, close = 0.1, reset = 0.1, unbind = 0.1 },
    },
  },
  throttling = { settings = { throttle = { rate_per_s = 10, on_s = 10, off_s = 10 }, refusals = { ESME_RMSGQFUL = 2 } } },
  -- Accepts connections and never answers.
  dead = { settings = { silent = true }, server = { enquire_link_s = 0, bind_timeout_s = 0 } },
}

--- A behaviour by its name.
---@param name string
---@return smpp.Behaviour?
function behaviours.get(name)
  if name == "gatewayapi" then return require "smpp.simulator.gatewayapi" end
  return ready[name]
end

--- The names of all behaviours, sorted.
---@return string[]
function behaviours.names()
  local names = { "gatewayapi" }
  for name in pairs(ready) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- The kind of the option `behaviour`.
behaviours.kind = kind.one_of((table.unpack or unpack)(behaviours.names())) -- luacheck: compat

return behaviours
