--- The commands of this Lua state: ids by name, rows by id, and what each is for the layers above (the `roles` of
--- csrc/tables/commands.tsv).  `commands.roles.submit[id]` costs two table accesses, one where `roles.submit` is a local.
local core = require "smpp.core"

local RESPONSE = 0x80000000

--- The roles of commands.tsv; and `unanswered`: a request that has no response.
local ROLES = { "bind", "session", "submit", "text", "message_id", "ordered", "limited", "defaults", "unanswered" }

---@class smpp.Command
---@field name string
---@field id integer
---@field response_id integer?  nil of a request: it is never answered
---@field versions string[]  "3.3", "3.4", "5.0"
---@field esme_sends_in integer  set of states: 1 OPEN, 2 OUTBOUND, 4 BOUND_TX, 8 BOUND_RX, 16 BOUND_TRX, 32 UNBOUND
---@field mc_sends_in integer
---@field roles table<string, true>
---@field params { name: string, kind: string, values: string, max: integer[] }[]

---@class smpp.Commands
---@field ids table<string, integer>  name -> command_id
---@field rows table<integer, smpp.Command>  command_id -> row
---@field requests smpp.Command[]
---@field roles table<string, table<integer, true>>  role -> command_id -> true
local Commands = {}
local mt = { __index = Commands, __name = "smpp.Commands" }

--- Those of the standard.
---@return smpp.Commands
function Commands.new()
  local self = setmetatable({ ids = {}, rows = {}, requests = {}, roles = {} }, mt)
  for _, role in ipairs(ROLES) do self.roles[role] = {} end
  for _, row in ipairs(core.protocol.commands()) do self:add(row) end
  return self
end

--- Adds a command.
---@param row smpp.Command
function Commands:add(row)
  self.ids[row.name], self.rows[row.id] = row.id, row
  if row.id >= RESPONSE then return end
  self.requests[#self.requests + 1] = row
  for role in pairs(row.roles) do self.roles[role][row.id] = true end
  if not row.response_id then self.roles.unanswered[row.id] = true end
end

return Commands.new()
