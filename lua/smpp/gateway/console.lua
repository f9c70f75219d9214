--- The console of a gateway: what it shows, and what can be done there.  The page and its login are smpp.console; here is what it asks for.
local actions = require "smpp.gateway.console_actions"
local codec = require "smpp.codec"
local console = require "smpp.console"
local messages = require "smpp.gateway.console_messages"
local message = require "smpp.route.message"
local nodes = require "smpp.gateway.console_nodes"
local question = require "smpp.gateway.question"
local route = require "smpp.route"
local samples = require "smpp.gateway.console_samples"
local states = require "smpp.gateway.console_state"
local waiting = require "smpp.gateway.console_waiting"

local consoles = {}

-- Modules of the page (lua/smpp/gateway/console): views in the order of the tabs, and what they share.
local VIEWS = { "overview.js", "carriers.js", "nodes.js", "accounts.js", "messages.js", "routing.js", "waiting.js", "webhooks.js", "file.js" }
local FILES = { "parts.js", "message.js", "gateway.css" }

local ONE_NODE = {} -- the views of a gateway that is one of no others
for _, name in ipairs(VIEWS) do
  if name ~= "nodes.js" then ONE_NODE[#ONE_NODE + 1] = name end
end

local STATE_S = 0.4 -- figures are read no more often, however many pages are open

---@class smpp.GatewayConsole
---@field gateway smpp.Gateway
---@field samples smpp.ConsoleSamples
local Console = {}
local mt = { __index = Console, __name = "smpp.GatewayConsole" }

---@param gateway smpp.Gateway
---@return smpp.GatewayConsole
function consoles.new(gateway)
  return setmetatable({
    gateway = gateway, loop = gateway.loop, started = gateway.loop:time(),
    samples = samples.new(gateway),
    read_at = -math.huge, last = nil, -- the last state
    nodes_read = nil,                 -- what the engine has, and since when
    files = nil, pages = {},
  }, mt)
end

--- What all views show.
---@return table
function Console:state()
  local now = self.loop:now()
  if now - self.read_at >= STATE_S then self.last, self.read_at = states.read(self), now end
  return self.last
end

--- The page for one address.
---@param o { host: string, names: string[]?, is_secure: boolean, token: string? }
---@return smpp.Console? page
---@return string? message
---@return string? code
function Console:page(o)
  local message
  if not self.files then self.files, message = console.files("console", VIEWS, FILES) end
  if not self.files then return nil, message, "missing" end
  local store = self.gateway.config.store
  local page, wrong, code = console.new {
    title = "Gateway", loop = self.loop, host = o.host, names = o.names, is_secure = o.is_secure, token = o.token, files = self.files,
    views = store and store.url and VIEWS or ONE_NODE,
    state = function() return self:state() end, feeds = { history = function(after) return self.samples:after(after) end },
    actions = self:actions(),
  }
  self.pages[#self.pages + 1] = page
  return page, wrong, code
end

--- The gateway is one of several nodes, and this is its name.
---@param name string
function Console:named(name)
  for _, page in ipairs(self.pages) do page.title = "Gateway " .. name end
end

--- Decides about a message as the rules and carriers are now, without a trace.
---@param msg smpp.RouteMessage
---@return smpp.Decision decision
---@return smpp.RouteStep[] steps
function Console:explain(msg)
  local gateway, state = self.gateway, self.gateway:route_state()
  local rules = msg.carrier and gateway.incoming or gateway.route
  return rules:explain(msg, {
    time = self.loop:time(), now = self.loop:now(), counters = {}, available = state.available, outstanding = state.outstanding,
    on_error = state.on_error,
  })
end

--- The same for a message of the books.
---@param record table
---@return smpp.Decision? decision  nil: it cannot be read
---@return smpp.RouteStep[]? steps
function Console:explain_record(record)
  local pdu = codec.decode(record.octets or "")
  if not pdu then return nil end
  local destination = record.dest_addr_ton and {
    dest_addr_ton = record.dest_addr_ton, dest_addr_npi = record.dest_addr_npi, destination_addr = record.destination_addr,
  } or nil
  local msg = route.message {
    account = record.system_id, bind = record.bound, pdu = pdu, id = record.id,
    peer_text = self.gateway:peer_text(record.system_id), destination = destination, to = destination and destination.destination_addr,
    to_ton = destination and destination.dest_addr_ton,
  }
  if record.admitted then message.set(msg, record.admitted) end
  return self:explain(msg)
end

--- What the page can ask for, and do: name -> { rows, function }.
---@return table<string, table>
function Console:actions()
  local function done(...)
    self.read_at = -math.huge -- it may have changed what is shown
    return ...
  end
  local function of(rows, fn) return { rows, function(values) return done(fn(self, values)) end } end
  return {
    accounts = of(states.account_rows, states.accounts), rules = of({}, states.rules), waiting = of({}, waiting.read),
    nodes = of({}, nodes.read),
    messages = of(messages.rows, messages.find),
    message = of(messages.one_rows, function(_, values)
      return messages.one(self, values, function(found)
        if found.record then return actions.explained(self:explain_record(found.record)) end
        local msg = found.asked and question.of(found.asked, self.gateway.config)
        return msg and actions.explained(self:explain(msg))
      end)
    end),
    explain = of(actions.explain_rows, actions.explain), carrier = of(actions.carrier_rows, actions.carrier),
    send = of(actions.send_rows, actions.send), reload = of({}, actions.reload),
    events = of(actions.event_rows, actions.events), retry = of(actions.retry_rows, actions.retry),
  }
end

--- Ends.
function Console:close() self.samples:close() end

return consoles
