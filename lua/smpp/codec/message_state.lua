--- The states of messages (5.0, 4.7.15), by name.
local core = require "smpp.core"

local message_state = {}

local OPEN = { SCHEDULED = true, ENROUTE = true }

--- Their names, in the order of their numbers.
---@type string[]
message_state.names = {}

--- The final states, in the same order.
---@type string[]
message_state.finals = {}

--- name -> true if it is final
---@type table<string, boolean>
message_state.final = {}

for i, value in ipairs(core.protocol.values().message_state) do
  local name = value.name:upper()
  message_state.names[i] = name
  if not OPEN[name] then
    message_state.finals[#message_state.finals + 1] = name
    message_state.final[name] = true
  end
end

return message_state
