--- TCP reassembly: duplicate, reordered, overlapping and missing segments become the octet stream of each side.
local tcp = {}

---@class smpp.CapturedConnection
---@field sides table  [1] the side that opened the connection or was seen first, [2] the other: { host, port }
---@field data table   the user's own

local Tcp = {}
local mt = { __index = Tcp, __name = "smpp.CapturedTcp" }

-- A hole is given up when this much lies behind it, or the peer has acknowledged beyond it in more packets than this:
-- the capture missed it.  (Packets may stand a little out of order in a capture.)
local PENDING_OCTETS, PENDING_SEGMENTS, PATIENCE = 1048576, 512, 3

--- a - b of sequence numbers, modulo 2^32.
local function difference(a, b)
  local d = (a - b) % 4294967296
  return d >= 2147483648 and d - 4294967296 or d
end

---@class smpp.CapturedTcpEvents
---@field data fun(connection: smpp.CapturedConnection, side: integer, octets: string, packet: smpp.CapturedPacket)
---@field missing fun(connection: smpp.CapturedConnection, side: integer, octets: integer)
---@field closed fun(connection: smpp.CapturedConnection)

---@param events smpp.CapturedTcpEvents
function tcp.new(events)
  return setmetatable({
    events = events,
    connections = {},    -- key of the four addresses -> the connection, the latest
    order = {},          -- all that are open, as they began
    retransmissions = 0, -- segments without new octets
  }, mt)
end

local function side_of(host, port)
  return {
    host = host, port = port,
    next = nil,                                           -- the next expected sequence number
    syn = nil,                                            -- of its SYN
    pending = {}, pending_octets = 0, acked_packets = 0,  -- out-of-order segments
    fin = false,
  }
end

local function key_of(host, port, other_host, other_port) return host .. " " .. port .. " " .. other_host .. " " .. other_port end

local function find(self, segment)
  local forth = key_of(segment.source, segment.source_port, segment.destination, segment.destination_port)
  local connection = self.connections[forth]
  if connection then return connection, connection.forth == forth and 1 or 2, forth end
  return nil, 1, forth
end

local function open(self, segment, forth)
  local back = key_of(segment.destination, segment.destination_port, segment.source, segment.source_port)
  local connection = {
    sides = { side_of(segment.source, segment.source_port), side_of(segment.destination, segment.destination_port) },
    forth = forth, closed = false, data = {},
  }
  self.connections[forth], self.connections[back] = connection, connection
  self.order[#self.order + 1] = connection
  return connection
end

--- Delivers the new octets of a segment.
local function deliver(self, connection, index, seq, payload, cut, packet)
  local side = connection.sides[index]
  local known = difference(side.next, seq)
  if known < #payload then
    side.next = (seq + #payload) % 4294967296
    self.events.data(connection, index, payload:sub(known + 1), packet)
  end
  local missing = difference((seq + #payload + cut) % 4294967296, side.next)
  if cut > 0 and missing > 0 then -- the packet was truncated by the snap length
    side.next = (side.next + missing) % 4294967296
    self.events.missing(connection, index, missing)
  end
end

--- Delivers pending segments that are now in order; with `anyway` also those after a gap.
local function continue(self, connection, index, anyway)
  local side = connection.sides[index]
  local pending = side.pending
  while pending[1] do
    local first = pending[1]
    local ahead = difference(first.seq, side.next)
    if ahead > 0 then
      if not anyway then return end
      side.next = first.seq
      self.events.missing(connection, index, ahead)
      anyway = false
    end
    table.remove(pending, 1)
    side.pending_octets = side.pending_octets - #first.payload
    side.acked_packets = 0
    deliver(self, connection, index, first.seq, first.payload, first.cut, first.packet)
  end
end

local function give_up(self, connection, index)
  while connection.sides[index].pending[1] do continue(self, connection, index, true) end
end

local function close(self, connection)
  if connection.closed then return end
  connection.closed = true
  give_up(self, connection, 1)
  give_up(self, connection, 2)
  for i, other in ipairs(self.order) do
    if other == connection then
      table.remove(self.order, i)
      break
    end
  end
  self.events.closed(connection)
end

local function hold(side, segment, packet)
  local pending, at = side.pending, #side.pending + 1
  while at > 1 and difference(segment.seq, pending[at - 1].seq) < 0 do at = at - 1 end
  table.insert(pending, at, { seq = segment.seq, payload = segment.payload, cut = segment.cut, packet = packet })
  side.pending_octets = side.pending_octets + #segment.payload
end

local function take_payload(self, connection, index, segment, packet)
  local side = connection.sides[index]
  local seq = segment.syn and (segment.seq + 1) % 4294967296 or segment.seq
  side.next = side.next or seq
  local ahead = difference(seq, side.next)
  if ahead > 0 then
    hold(side, segment, packet)
    if side.pending_octets > PENDING_OCTETS or #side.pending > PENDING_SEGMENTS then
      continue(self, connection, index, true)
    end
    return
  end
  if ahead + #segment.payload + segment.cut <= 0 then
    if #segment.payload > 1 then self.retransmissions = self.retransmissions + 1 end -- one octet is a TCP keepalive
    return
  end
  deliver(self, connection, index, seq, segment.payload, segment.cut, packet)
  continue(self, connection, index, false)
end

--- Octets that the peer has acknowledged and the capture lacks are missing.
local function take_ack(self, connection, index, ack)
  local side = connection.sides[index]
  if not side.pending[1] or difference(ack, side.next) <= 0 then return end
  side.acked_packets = side.acked_packets + 1
  if side.acked_packets > PATIENCE then continue(self, connection, index, true) end
end

--- Adds the next segment of a capture.
---@param segment smpp.CapturedSegment
---@param packet smpp.CapturedPacket
function Tcp:add(segment, packet)
  local connection, index, forth = find(self, segment)
  local has_payload = segment.payload ~= "" or segment.cut > 0
  local first = connection and connection.sides[index]
  if connection and segment.syn and (connection.closed or first.next and first.syn ~= segment.seq) then
    close(self, connection) -- the ports are reused
    connection = nil
  end
  if not connection then
    if not segment.syn and not has_payload then return end
    connection = open(self, segment, forth)
    index = 1
    if segment.syn and segment.ack then -- its SYN was missed: the other side began
      connection.sides[1], connection.sides[2] = connection.sides[2], connection.sides[1]
      connection.forth, index = nil, 2
      connection.forth = key_of(segment.destination, segment.destination_port, segment.source, segment.source_port)
    end
  end
  local side = connection.sides[index]
  if segment.syn then
    side.syn = segment.seq
    side.next = side.next or (segment.seq + 1) % 4294967296
  end
  if segment.ack then take_ack(self, connection, 3 - index, segment.ack) end
  if has_payload then take_payload(self, connection, index, segment, packet) end
  if segment.fin then side.fin = true end
  if segment.rst or connection.sides[1].fin and connection.sides[2].fin then close(self, connection) end
end

--- The end of the capture: delivers pending segments after gaps, and closes all connections.
function Tcp:finish()
  while self.order[1] do close(self, self.order[1]) end
end

return tcp
