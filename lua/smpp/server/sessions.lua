--- The connections of a server, bound or not: makes their sessions, counts them by address, knows which are bound.
local cidr = require "smpp.base.cidr"
local owners = require "smpp.server.session"
local sessions = require "smpp.session"

---@class smpp.Connections
---@field count integer
---@field bound smpp.Session[]  in order of bind
local Connections = {}
local mt = { __index = Connections, __name = "smpp.Connections" }

local connections = { class = Connections }

---@param server smpp.Server
---@return smpp.Connections
function connections.new(server)
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
---@return smpp.Session session
function Connections:serve(transport)
  local server = self.server
  local o = server.options
  local session = sessions.new {
    role = "mc",
    loop = server.loop,
    transport = transport,
    owner = owners.new(server),
    codec = server.codec,
    load = server.load,
    answer_timeout_s = o.answer_timeout_s,
    machine = {
      version = o.version, window = o.window, max_unanswered = o.max_unanswered, max_pdu_octets = o.max_pdu_octets,
      enquire_link_s = o.enquire_link_s, enquire_link_response_s = o.enquire_link_response_s, inactivity_s = o.inactivity_s,
      session_init_s = o.bind_timeout_s, pdu_read_s = o.pdu_read_s, response_s = o.response_timeout_s, tolerate = o.tolerate,
    },
  }
  self:add(session)
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

--- A connection has ended.
function Connections:remove(session)
  local owner = cidr.owner(session.peer.host)
  self.numbers[session] = nil
  self.count = self.count - 1
  local left = self.per_address[owner] - 1
  self.per_address[owner] = left > 0 and left or nil
end

--- A session is bound.
---@return integer serial
function Connections:add_bound(session)
  self.last_serial = self.last_serial + 1
  self.bound[#self.bound + 1] = session
  return self.last_serial
end

--- Removes a session from a list that is in the order of serials.
local function remove_from(list, session)
  local low, high, serial = 1, #list, session.owner.serial
  while low < high do
    local middle = math.floor((low + high) / 2)
    if list[middle].owner.serial < serial then low = middle + 1 else high = middle end
  end
  if list[low] == session then table.remove(list, low) end
end

--- A session is bound no longer.
function Connections:remove_bound(session)
  remove_from(self.bound, session)
  remove_from(session.owner.account.binds, session)
end

--- All of them, in the order of arrival.
---@return smpp.Session[]
function Connections:list()
  local list, numbers = {}, self.numbers
  for session in pairs(numbers) do list[#list + 1] = session end
  table.sort(list, function(a, b) return numbers[a] < numbers[b] end)
  return list
end

return connections
