--- The gateway of a simulation: this toolkit's, between the clients and several message centres; through, or stored in memory.
local gateways = require "smpp.gateway"
local stores = require "smpp.store"

local relay = {}

---@class smpp.SimulateRelay
---@field gateway smpp.Gateway
---@field stored boolean
---@field resend boolean        carriers' on_unknown
---@field kept table<string, string>  id -> state in the store, at the end
local Relay = {}
local mt = { __index = Relay, __name = "smpp.SimulateRelay" }

--- The number of a client, to which its carriers' messages go.
---@param client integer
---@return string
function relay.number_of(client) return ("1000%d"):format(client) end

local FAILED = { failed = true, server_error = true, rule_failed = true } -- events of its log that are errors of this toolkit

--- The file of the gateway.
local function text_of(self)
  local o, names = self.o, {}
  local accounts, lines = {}, {}
  for _, id in ipairs(self.accounts) do accounts[#accounts + 1] = ('%s = "secret"'):format(id) end
  lines[1] = ("listen { port = %d, enquire_link_s = 5, enquire_link_response_s = 5, response_timeout_s = 10, accounts = { %s } }"):format(self.port,
    table.concat(accounts, ", "))
  if o.stored then lines[#lines + 1] = 'store { "memory", retry = { first_s = 1, max_s = 10 } }' end
  for i, port in ipairs(self.ports) do
    names[i] = ('"c%d"'):format(i)
    lines[#lines + 1] = ([[carrier "c%d" {
  "smpp://gateway:secret@127.0.0.1:%d", window = %d, binds = %d, response_timeout_s = 10, bind_timeout_s = 5, enquire_link_s = %d,
  enquire_link_response_s = 5, reconnect = { min_s = 0.5, max_s = 5 }%s
}]]):format(i, port, o.window, o.binds, 5 + self.reloads % 2, o.resend and ', on_unknown = "resend"' or "")
  end
  lines[#lines + 1] = ("route { via = failover { %s } }"):format(table.concat(names, ", "))
  for _, one in ipairs(self.numbers) do
    lines[#lines + 1] = ('incoming { to = "%s", deliver = "%s" }'):format(one.number, one.id)
  end
  return table.concat(lines, "\n") .. "\n"
end

--- Follows what its connections to carriers say; they are made after this turn of the loop.
local function watch(self)
  for i, carrier in ipairs(self.gateway.carriers) do
    carrier.client.options.pdu = function(pdu, direction, session) self.on_pdu(i, session, pdu, direction) end
  end
end

--- Starts it.
---@param o table  { window, binds, stored, resend } of the plan
---@param about { port: integer, ports: integer[], accounts: string[], numbers: { number: string, id: string }[],
---  failed: fun(message: string), pdu: fun(carrier: integer, session: table, pdu: smpp.Pdu, direction: string) }
---@return smpp.SimulateRelay
function relay.open(o, about)
  local self = setmetatable({
    o = o, port = about.port, ports = about.ports, accounts = about.accounts, numbers = about.numbers, stored = o.stored or false,
    resend = o.resend or false, reloads = 0, kept = {}, unknown = 0, store = o.stored and stores.memory() or nil,
    on_pdu = about.pdu,
  }, mt)
  self.gateway = assert(gateways.new {
    path = "gateway.lua", text = text_of(self), watch_s = 0, store = self.store,
    log = function(record)
      if FAILED[record.event] then about.failed(record.reason or record.event) end
      if record.event == "outcome_unknown" then self.unknown = self.unknown + 1 end
    end,
  })
  watch(self)
  return self
end

--- Loads the file again, in which an option of all carriers has changed: they are opened anew.
function Relay:reload()
  self.reloads = self.reloads + 1
  self.gateway.options.text = text_of(self)
  assert(self.gateway:reload())
  watch(self)
end

--- What is not settled yet, in words; nil: nothing.
---@async
---@return string?
function Relay:unsettled()
  for _, server in ipairs(self.gateway.servers) do
    for _, account in pairs(server.accounts) do
      if account.outbox and account.outbox.count > 0 then return "receipts or messages wait in the gateway" end
    end
  end
  for _, carrier in ipairs(self.gateway.carriers) do
    if carrier.outstanding > 0 then return "a carrier of the gateway has messages without an outcome" end
    if carrier.client.state ~= "bound" then return ("carrier %s of the gateway is %s"):format(carrier.name, carrier.client.state) end
  end
  if self.store and #stores.find(self.store, { kind = "message", open = true, limit = 1 }) > 0 then
    return "messages wait in the store of the gateway"
  end
end

--- Closes it, and reads what the store has kept.
---@async
function Relay:close()
  self.stats = {}
  for i, carrier in ipairs(self.gateway.carriers) do self.stats[i] = carrier.client:stats() end
  self.gateway:close(10)
  if not self.store then return end
  stores.walk(self.store, { kind = "message" }, function(record)
    self.kept[record.id] = record.state
    return true
  end)
end

return relay
