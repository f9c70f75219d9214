--- The sessions of a server, bound or not: creates them, counts them by address, lists the bound ones.
local cidr = require "smpp.base.cidr"
local owners = require "smpp.server.session"
local metrics = require("smpp.metrics").standard
local sessions = require "smpp.session"

---@class smpp.ServerSessions
---@field count integer
---@field bound smpp.Session[]  in order of bind
local ServerSessions = {}
local mt = { __index = ServerSessions, __name = "smpp.ServerSessions" }

local connections = { class = ServerSessions }

---@param server smpp.Server
---@return smpp.ServerSessions
function connections.new(server)
  return setmetatable({
    server = server,
    numbers = {}, last_number = 0,  -- session -> its number in the order of connecting
    count = 0,
    per_address = {},               -- smpp.base.cidr.owner -> number of connections
    bound = {}, last_serial = 0,    -- serial: a session's number in the order of binds
  }, mt)
end

--- The number of connections of an address, or of its IPv6 network.
---@param host string
---@return integer
function ServerSessions:count_of(host) return self.per_address[cidr.owner(host)] or 0 end

--- Starts a session on a transport.
---@param transport smpp.Transport
---@return smpp.Session session
function ServerSessions:serve(transport)
  local server = self.server
  local o = server.options
  local session = sessions.new {
    role = "mc",
    loop = server.loop,
    transport = transport,
    owner = owners.new(server),
    codec = server.codec,
    counters = server.counters,
    load = server.load,
    answer_timeout_s = o.answer_timeout_s,
    machine = {
      version = o.version, window = o.window, max_unanswered = o.max_unanswered, max_pdu_octets = o.max_pdu_octets,
      enquire_link_s = o.enquire_link_s, enquire_link_response_s = o.enquire_link_response_s, inactivity_s = o.inactivity_s,
      session_init_s = o.bind_timeout_s, pdu_read_s = o.pdu_read_s, response_s = o.response_timeout_s, tolerate = o.tolerate,
    },
  }
  metrics.connections:add(1, "server", "ok")
  self:add(session)
  if server.listeners.pdu then server:trace(session) end
  server:write_pdus(session)
  server:emit("connection", session)
  session:start()
  return session
end

---@private
function ServerSessions:add(session)
  local owner = cidr.owner(session.peer.host)
  self.last_number = self.last_number + 1
  self.numbers[session] = self.last_number
  self.count = self.count + 1
  self.per_address[owner] = (self.per_address[owner] or 0) + 1
end

--- A session has ended.
function ServerSessions:remove(session)
  local owner = cidr.owner(session.peer.host)
  self.numbers[session] = nil
  self.count = self.count - 1
  local left = self.per_address[owner] - 1
  self.per_address[owner] = left > 0 and left or nil
end

--- A session is bound.
---@return integer serial
function ServerSessions:add_bound(session)
  self.last_serial = self.last_serial + 1
  self.bound[#self.bound + 1] = session
  return self.last_serial
end

--- Removes a session from a list sorted by serial.
local function remove_from(list, session)
  local low, high, serial = 1, #list, session.owner.serial
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle].owner.serial < serial then low = middle + 1 else high = middle end
  end
  if list[low] == session then table.remove(list, low) end
end

--- A session is no longer bound.
function ServerSessions:remove_bound(session)
  remove_from(self.bound, session)
  remove_from(session.owner.account.binds, session)
end

--- All sessions, in the order of connecting.
---@return smpp.Session[]
function ServerSessions:list()
  local list, numbers = {}, self.numbers
  for session in pairs(numbers) do list[#list + 1] = session end
  table.sort(list, function(a, b) return numbers[a] < numbers[b] end)
  return list
end

return connections
