--- The connections of a server, bound or not: makes their sessions, counts them by address, knows which are bound.
local cidr = require "smpp.base.cidr"
local connection = require "smpp.session"

---@class smpp.Connections
---@field count integer
---@field bound smpp.Connection[]  in order of bind
local Connections = {}
local mt = { __index = Connections, __name = "smpp.Connections" }

local sessions = { class = Connections }

local BOUND = { BOUND_TX = true, BOUND_RX = true, BOUND_TRX = true }

---@param server smpp.Server
---@return smpp.Connections
function sessions.new(server)
  return setmetatable({
    server = server,
    numbers = {}, last_number = 0,  -- session -> its number in the order of arrival
    count = 0,
    per_address = {},               -- whose (smpp.base.cidr) -> count
    bound = {}, last_serial = 0,    -- serial: a session's number in the order of binds
  }, mt)
end

--- The connections of an address, or of its IPv6 network.
---@param host string
---@return integer
function Connections:count_of(host) return self.per_address[cidr.owner(host)] or 0 end

--- Speaks SMPP over a transport as this server.
---@param transport smpp.Transport
---@return smpp.Connection session
function Connections:serve(transport)
  local server = self.server
  local o = server.options
  local session = connection.new {
    role = "mc",
    loop = server.loop,
    transport = server.wrap and server.wrap(transport) or transport,
    codec = server.codec,
    handlers = server.handlers,
    load = server.load,
    answer_timeout_s = o.answer_timeout_s,
    message_id = server.give_id,
    session = {
      version = o.version, window = o.window, max_unanswered = o.max_unanswered, max_pdu_octets = o.max_pdu_octets,
      enquire_link_s = o.enquire_link_s, enquire_link_response_s = o.enquire_link_response_s, inactivity_s = o.inactivity_s,
      session_init_s = o.bind_timeout_s, pdu_read_s = o.pdu_read_s, response_s = o.response_timeout_s, tolerate = o.tolerate,
    },
  }
  self:add(session)
  session.state_changed = function(to, from, reason) self:on_state(session, to, from, reason) end
  session.on_closed = function(reason) self:on_closed(session, reason) end
  session.listeners.error = { function(message) server:emit("error", message, session) end }
  if server.listeners.pdu then server:trace(session) end
  server:emit("connection", session)
  session:start()
  return session
end

---@private
function Connections:add(session)
  local owner = cidr.owner(session.peer.host)
  self.last_number = self.last_number + 1
  self.numbers[session] = self.last_number
  self.count = self.count + 1
  self.per_address[owner] = (self.per_address[owner] or 0) + 1
end

---@private
function Connections:remove(session)
  local owner = cidr.owner(session.peer.host)
  self.numbers[session] = nil
  self.count = self.count - 1
  local left = self.per_address[owner] - 1
  self.per_address[owner] = left > 0 and left or nil
end

--- Removes a session from a list that is in the order of serials.
local function remove_bound(list, session)
  local low, high = 1, #list
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle].serial < session.serial then low = middle + 1 else high = middle end
  end
  if list[low] == session then table.remove(list, low) end
end

---@private
function Connections:on_state(session, to, from, reason)
  local account, server = session.place, self.server
  if BOUND[to] then
    self.last_serial = self.last_serial + 1
    session.serial = self.last_serial
    self.bound[#self.bound + 1] = session
    account.binds[#account.binds + 1] = session
  elseif BOUND[from] then
    remove_bound(self.bound, session)
    remove_bound(account.binds, session)
    server.delivery:leave(session)
  end
  server:emit("state", session, to, from, reason)
  if BOUND[to] then server:emit("session", session) end
  if to == "BOUND_RX" or to == "BOUND_TRX" then server.delivery:join(session) end
end

---@private
function Connections:on_closed(session, reason)
  local server = self.server
  self:remove(session)
  if session.place then server:forget(session.place) end
  if session.serial then server:emit("closed", session, reason) end
  if server.shutdown and self.count == 0 then server.shutdown:finish() end
end

--- All of them, in the order of arrival.
---@return smpp.Connection[]
function Connections:list()
  local list, numbers = {}, self.numbers
  for session in pairs(numbers) do list[#list + 1] = session end
  table.sort(list, function(a, b) return numbers[a] < numbers[b] end)
  return list
end

return sessions
