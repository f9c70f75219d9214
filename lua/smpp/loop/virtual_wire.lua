--- A connection in memory: two transports and the two directions between them, each with its faults.
--- Octets go from the sender's backlog, when the direction has room, into flight, and from there, when they are due
--- and the receiver reads, in chunks to the receiver.  An end of any kind travels behind the octets and is seen, as
--- with a socket, only by an end that reads.
local net = require "smpp.base.net"

local link_module = {}

local LOST = "connection reset by peer"

---@class smpp.WireDirection
---@field chunk number|fun(): number     most octets per delivery; default 65536
---@field latency_s number|fun(): number default 0: delivered in the next turn
---@field octets_per_s number?           bandwidth; nil: no limit
---@field capacity number                octets in flight or unread before the sender's pending octets grow; 262144
---@field delivered number               octets delivered so far
local Direction = {}
local DIRECTION = { __index = Direction, __name = "smpp.WireDirection" }

---@class smpp.VirtualTransport: smpp.Transport
local Transport = {}
local TRANSPORT = { __index = Transport, __name = "smpp.Transport" }
function TRANSPORT:__tostring() return "memory " .. self.address end

---@class smpp.Wire
---@field a smpp.Transport  the end that connected
---@field b smpp.Transport  the end that listened
---@field a_to_b smpp.WireDirection
---@field b_to_a smpp.WireDirection
---@field host string       where `a` connected to
---@field port integer
local Wire = {}
local WIRE = { __index = Wire, __name = "smpp.Wire" }

local function value_of(setting) return type(setting) == "function" and setting() or setting end

local function direction_of(loop)
  local self = setmetatable({
    loop = loop,
    chunk = 65536,
    latency_s = 0,
    octets_per_s = nil, busy_until = 0,      -- with a bandwidth: when the octets before are through
    capacity = 262144,
    delivered = 0,
    link = nil, sender = nil, receiver = nil,
    backlog = {}, oldest = 1, newest = 0,    -- written, not in flight
    backlog_octets = 0,                      -- the result of transport:pending()
    flight = {}, first = 1, last = 0,        -- segments { octets, due }
    flying = 0,                              -- octets in flight
    closed_to_writes = false,
    ending = nil, ending_due = 0,            -- "eof" or "reset", behind all octets
    over = false,                            -- the receiver has seen the end, or has closed
    stalled = false,
    limit = nil,                             -- the connection is reset when this many octets were delivered
    corruptor = nil,
    scheduled = false,
  }, DIRECTION)
  self.on_due = function()
    self.scheduled = false
    self:deliver()
  end
  return self
end

---@private
function Direction:latency() return value_of(self.latency_s) end

--- Moves octets from the backlog into flight while there is room.
---@private
function Direction:fill()
  local backlog = self.backlog
  while self.oldest <= self.newest and self.flying < self.capacity do
    local octets, room = backlog[self.oldest], self.capacity - self.flying
    if #octets > room then
      backlog[self.oldest], octets = octets:sub(room + 1), octets:sub(1, room)
    else
      backlog[self.oldest] = nil
      self.oldest = self.oldest + 1
    end
    self.last = self.last + 1
    local starts = self.loop:now()
    if self.octets_per_s then
      self.busy_until = math.max(self.busy_until, starts) + #octets / self.octets_per_s
      starts = self.busy_until
    end
    self.flight[self.last] = { octets = octets, due = starts + self:latency() }
    self.flying = self.flying + #octets
    self.backlog_octets = self.backlog_octets - #octets
  end
end

---@private
function Direction:send(octets)
  if self.closed_to_writes or self.over or octets == "" then return end
  self.newest = self.newest + 1
  self.backlog[self.newest] = octets
  self.backlog_octets = self.backlog_octets + #octets
  self:fill()
  self:schedule()
end

--- Sends the end, after the octets in flight and (unless it is a reset) the pending ones.
---@private
function Direction:finish(how)
  if self.ending == "reset" or self.ending == how then return end
  self.closed_to_writes, self.ending = true, how
  if how == "reset" then self:drop() end
  self.ending_due = math.max(self.loop:now(), how == "reset" and 0 or self.busy_until) + self:latency()
  self:schedule()
end

--- Drops all octets in flight.
---@private
function Direction:drop()
  self:drop_backlog()
  self.flight, self.first, self.last, self.flying = {}, 1, 0, 0
end

---@private
function Direction:drop_backlog()
  self.backlog, self.oldest, self.newest, self.backlog_octets = {}, 1, 0, 0
  self.sender:update()
end

--- Schedules the next delivery, if octets are due and the receiver reads.
---@private
function Direction:schedule()
  if self.scheduled or self.over then return end
  if not (self.receiver.closed or self.receiver:is_reading()) then return end
  local segment, due = self.flight[self.first]
  if segment then
    due = segment.due
  elseif self.ending and self.backlog_octets == 0 then
    due = self.ending_due
  else
    return
  end
  self.scheduled = true
  self.loop:after(due - self.loop:now(), self.on_due)
end

--- Removes the due octets from flight, at most a chunk, and not beyond `limit`.
---@private
function Direction:take()
  local room = math.max(math.floor(value_of(self.chunk)), 1)
  if self.limit then room = math.min(room, self.limit - self.delivered) end
  local now, pieces = self.loop:now(), {}
  while room > 0 and self.first <= self.last and self.flight[self.first].due <= now do
    local segment = self.flight[self.first]
    local octets = segment.octets
    if #octets > room then
      segment.octets, octets = octets:sub(room + 1), octets:sub(1, room)
    else
      self.flight[self.first] = nil
      self.first = self.first + 1
    end
    room = room - #octets
    pieces[#pieces + 1] = octets
  end
  local octets = table.concat(pieces)
  self.flying = self.flying - #octets
  self.delivered = self.delivered + #octets
  return octets
end

---@private
function Direction:deliver()
  local receiver = self.receiver
  if self.stalled or self.over then return end
  if receiver.closed then
    self.over = true
    return self:drop()
  end
  if not receiver:is_reading() then return end
  if self.first <= self.last then
    local octets = self:take()
    if self.corruptor then octets = self.corruptor(octets) end
    local had_backlog = self.backlog_octets > 0
    self:fill()
    if had_backlog and self.backlog_octets == 0 then self.sender:drained() end
    if octets ~= "" then self.loop.guard(receiver.on_data, octets) end
    if self.limit and self.delivered >= self.limit then return self.link:cut() end
  elseif self.ending and self.ending_due <= self.loop:now() then
    self.over = true
    receiver:finish(self.ending == "reset" and LOST or nil)
  end
  self:schedule()
end

--- Resets the connection, for both ends, after exactly `octets` octets of this direction were delivered; nil: no limit.
---@param octets integer?
function Direction:cut_after(octets)
  self.limit = octets
  if octets and self.delivered >= octets then self.loop:post(function() self.link:cut() end) end
end

--- Nothing arrives any more, not even an end; octets stay in flight.
function Direction:stall() self.stalled = true end

--- Ends a stall.
function Direction:resume()
  self.stalled = false
  self:schedule()
end

--- Passes each delivery through `fn`, which may change it; nil: removes the function.
---@param fn (fun(octets: string): string)?
function Direction:corrupt(fn) self.corruptor = fn end

--- The receiver sees an orderly end after what is under way; what the sender still writes is lost.
function Direction:half_close() self:finish("eof") end

--- Resets the connection at once: octets in flight are lost, and each end sees a reset as soon as it reads.
function Wire:cut()
  for _, direction in ipairs { self.a_to_b, self.b_to_a } do
    direction.stalled = false
    direction:finish("reset")
    direction.ending_due, direction.scheduled = self.loop:now(), false -- a delivery may be scheduled for later
    direction:schedule()
  end
end

local function transport_of(loop, peer, local_port)
  local self = setmetatable({
    loop = loop,
    kind = "transport",
    address = net.address(peer.host, peer.port),
    peer = peer,
    local_port = local_port,
    outgoing = nil, incoming = nil,
    on_data = nil, on_close = nil, on_drain = nil,
    paused = false, shut = false, ended = false, closed = false, lingering = false,
  }, TRANSPORT)
  loop:opened(self)
  return self
end

---@private
function Transport:is_reading() return self.on_data ~= nil and not (self.paused or self.ended or self.closed) end

--- The transport keeps the loop alive until the peer's end was seen or, closed after a flush, all went out.
---@private
function Transport:update()
  local unsent = self.outgoing.backlog_octets > 0
  local open = not self.ended and not self.lingering
  self.loop:keep(self, not self.closed and (open or unsent))
end

---@private
function Transport:drained()
  self:update()
  if self.closed then return end
  if self.lingering and self.ended then return self:close() end
  if self.on_drain then self.loop:post(function()
    if not self.closed and self.on_drain then self.on_drain() end
  end) end
end

---@private
function Transport:finish(message)
  self.ended = true
  self:update()
  if message then self:close() end
  self.loop.guard(self.on_close, message, message and "connection_lost")
end

function Transport:start(on_data, on_close)
  self.on_data, self.on_close = on_data, on_close
  self.incoming:schedule()
end

function Transport:write(octets)
  if self.closed or self.shut then return end
  self.outgoing:send(octets)
  self:update()
end

function Transport:pending() return self.closed and 0 or self.outgoing.backlog_octets end

function Transport:pause() self.paused = true end

function Transport:resume()
  self.paused = false
  self.incoming:schedule()
end

function Transport:shutdown()
  if self.closed or self.shut then return end
  self.shut = true
  self.outgoing:finish("eof")
end

local function leave(self, how)
  if self.closed then return end
  self.closed = true
  if self.timer then self.timer:close() end
  self.outgoing:drop_backlog()
  self.outgoing:finish(how)
  self.outgoing:schedule() -- an end that was queued behind the backlog
  self.incoming:schedule() -- octets that arrive now are dropped
  self:update()
  self.loop:forget(self)
end

function Transport:close() leave(self, "eof") end
function Transport:reset() leave(self, "reset") end

function Transport:close_after_flush(timeout_s)
  if self.closed or self.lingering then return end
  self:shutdown()
  if self.ended and self:pending() == 0 then return self:close() end
  self.lingering = true
  self.timer = self.loop:timer(function() self:close() end)
  self.timer:start(timeout_s or 5)
  self.on_drain, self.paused = nil, false
  self:start(function() end, function() if self:pending() == 0 then self:close() end end)
  self:update()
end

--- Two ends that are connected: `from` connects to `to`.
---@param loop smpp.VirtualLoop
---@param from { host: string, port: integer }
---@param to { host: string, port: integer }
---@return smpp.Wire
function link_module.new(loop, from, to)
  local link = setmetatable({ loop = loop, host = to.host, port = to.port }, WIRE)
  link.a, link.b = transport_of(loop, to, from.port), transport_of(loop, from, to.port)
  link.a_to_b, link.b_to_a = direction_of(loop), direction_of(loop)
  for _, ends in ipairs { { link.a, link.a_to_b, link.b }, { link.b, link.b_to_a, link.a } } do
    local sender, direction, receiver = ends[1], ends[2], ends[3]
    direction.link, direction.sender, direction.receiver = link, sender, receiver
    sender.outgoing, receiver.incoming = direction, direction
  end
  link.a:update()
  link.b:update()
  return link
end

return link_module
