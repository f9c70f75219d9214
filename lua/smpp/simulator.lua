--- A message centre for tests: answers all that an ESME asks, gives ids, keeps messages, sends receipts.
--- Built on smpp.server; the guide is docs/simulator.md.
local events = require "smpp.events"
local loops = require "smpp.loop"
local messages = require "smpp.server.messages"
local options = require "smpp.options"
local requests = require "smpp.server.requests"
local server = require "smpp.server"
local stores = require "smpp.store"

---@class smpp.Simulator
---@field host string
---@field port integer
---@field server smpp.Server
local Simulator = {}
local mt = { __index = Simulator, __name = "smpp.Simulator" }

events.mixin(Simulator, { "log", "session", "closed", "state", "refused", "pdu", "error", "message", "receipt" })

function mt:__tostring() return "simulator " .. loops.address(self.host, self.port) end

local simulator = { class = Simulator }

local KNOWN = {
  deliver_after_s = options.seconds, message_id_prefix = "string", first_message_id = options.number(0, 1e15, true),
  checks = "table|boolean", lists = "table", params = "table", validity_s = options.seconds, store = "table",
  queue_size = options.number(1, 1e9, true),
}

--- Hands events of the server on.
local function relay(self, name)
  self.server:on(name, function(...) self:emit(name, ...) end)
end

--- Options of the server are options of the simulator, too.
local function split(given)
  local own, of_server = {}, {}
  for name, value in pairs(given) do
    if KNOWN[name] then own[name] = value else of_server[name] = value end
  end
  return options.check(own, KNOWN, 3), of_server
end

--- Starts a message centre.
---@param given? table  docs/simulator.md lists the options
---@return smpp.Simulator? simulator
---@return string? message
---@return string? code  "connect_failed": cannot listen there
function simulator.new(given)
  local o, of_server = split(given or {})
  local loop = of_server.loop or loops.current()
  local self = setmetatable({
    options = o,
    loop = loop,
    counts = { sessions = 0, refused_binds = 0, messages = 0, refused = 0, receipts = 0, lost_receipts = 0 },
    last_id = (o.first_message_id or 1) - 1,
    listeners = {},
  }, mt)
  self.requests = requests.new {
    loop = loop,
    next_id = function() return self:next_id() end,
    accepted = function(message) self:on_message(message) end,
    lists = o.lists, params = o.params, validity_s = o.validity_s,
  }
  for name, handler in pairs(self.requests:handlers()) do of_server[name] = of_server[name] or handler end
  of_server = options.merge({ system_id = "smppsim", queue_limit = 1000000, window = 100 }, of_server)
  if o.checks == nil or o.checks == true then of_server.checks = {} else of_server.checks = o.checks or nil end
  local message, code
  self.server, message, code = server.new(of_server)
  if not self.server then return nil, message, code end
  self.host, self.port = self.server.host, self.server.port
  self.life = messages.new {
    server = self.server,
    store = o.store or stores.memory { limit = o.queue_size },
    plan = function() return { state = "DELIVERED", after_s = o.deliver_after_s or 1 } end,
    receipt = function(m, fields) return self:on_receipt(m, fields) end,
  }
  self.requests.messages = self.life
  self.server.on_finished = function() self.life:close() end
  for _, name in ipairs { "session", "closed", "state", "refused", "error" } do relay(self, name) end
  return self
end

local on = Simulator.on
function Simulator:on(name, fn)
  on(self, name, fn)
  if name == "pdu" and #self.listeners.pdu == 1 then relay(self, "pdu") end
  return self
end

--- The next message_id: a counter behind the prefix, at most eight characters where 3.3 asks for that.
function Simulator:next_id()
  self.last_id = self.last_id + 1
  return ("%s%.0f"):format(self.options.message_id_prefix or "", self.last_id)
end

function Simulator:on_message(message)
  self.counts.messages = self.counts.messages + 1
  if self.listeners.message then self:emit("message", message) end
end

function Simulator:on_receipt(message, fields)
  self.counts.receipts = self.counts.receipts + 1
  if self.listeners.receipt then self:emit("receipt", message, fields) end
  return fields
end

--- Ends it, gracefully.
---@async
---@param timeout_s? number  default 10
---@return smpp.Left left
function Simulator:close(timeout_s) return self.server:close(timeout_s) end

return simulator
