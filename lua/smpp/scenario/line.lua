--- One connection of an actor that speaks as the script says: octets in and out, PDUs in and out, and how it ended.
--- Nothing of a session is in here: no states, no timers, no answers but those of the script.
local arrivals = require "smpp.scenario.arrival"
local commands = require "smpp.codec.commands"
local kind = require "smpp.base.kind"
local pdus = require "smpp.codec"
local schema = require "smpp.base.schema"
local stream = require "smpp.codec.stream"

---@class smpp.ScenarioLine
---@field number integer    which connection of its actor, from 1
---@field system_id string? of the bind that was answered with ESME_ROK
---@field ended string?     "unbound", "closed" or "reset"
local Line = {}
local mt = { __index = Line, __name = "smpp.ScenarioLine" }
function mt:__tostring() return ("connection %d of %s"):format(self.number, self.actor.name) end

local line = {}

local RESPONSE = 0x80000000
local MOMENT_S = 1e-6

local u32_kind = kind.integer(0, 0xFFFFFFFF)
local raw = schema.new {
  { "command_length", u32_kind }, { "command_id", u32_kind }, { "sequence_number", u32_kind }, { "command_status", u32_kind },
}
local split = kind.either(kind.integer(1, 1), kind.list(kind.count, "sizes"))

--- Options of what is written.
line.write_options = schema.new { { "split", split }, { "every_s", kind.seconds }, { "raw", raw } }
line.answer_options = schema.new(line.write_options, { { "after_s", kind.seconds }, { "again", "boolean" } })

local AT = { command_length = 1, command_id = 5, command_status = 9, sequence_number = 13 }

local function u32(n)
  return string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
end

local function with_raw(octets, fields)
  for name, value in pairs(fields or {}) do
    local at = AT[name]
    octets = octets:sub(1, at - 1) .. u32(value) .. octets:sub(at + 4)
  end
  return octets
end

--- The pieces of octets that are written apart.
local function pieces_of(octets, how)
  if not how or octets == "" then return { octets } end
  local list, at = {}, 1
  if how == 1 then
    for i = 1, #octets do list[i] = octets:sub(i, i) end
    return list
  end
  for _, size in ipairs(how) do
    if at > #octets then break end
    list[#list + 1] = octets:sub(at, at + size - 1)
    at = at + size
  end
  if at <= #octets then list[#list + 1] = octets:sub(at) end
  return list
end

---@param world smpp.ScenarioWorld
---@param actor table  with `name`, and what it does: `arrived(line, pdu)`, `line_ended(line)`
---@param transport smpp.Transport  not started
---@param o { number: integer, own: { host: string, port: integer }, peer_name: (fun(): string), raw: boolean?, records: boolean }
---  raw: octets are kept for `read`; records: this end writes down what passes
---@return smpp.ScenarioLine
function line.new(world, actor, transport, o)
  local self = setmetatable({
    world = world, actor = actor, transport = transport, number = o.number, own = o.own, peer = transport.peer,
    name_of_peer = o.peer_name, records = o.records, raw = o.raw,
    next_sequence = 1, requests = {},    -- our requests that wait for a response, by sequence_number
    system_id = nil, was_unbound = false, ended = nil, end_taken = false,
    received = 0,                        -- octets
    buffer = "", changes = {},           -- raw: octets not read yet; who waits for octets or the end
    malformed = nil,                     -- why what came is no PDU
    queue = {}, queued = 0, writing = false, -- pieces to be written
    answer_options = line.answer_options,
  }, mt)
  local function incoming(pdu)
    local entry = self:note_in(pdu)
    if not self.raw then self.actor:arrived(self, pdu, entry) end
  end
  self.inbound = stream.new { pdu = incoming, skipped = o.raw and function() end or nil }
  self.outbound = stream.new { pdu = function(pdu) self:note_out(pdu) end, skipped = function() end }
  self.outbound.in_sync = true
  return self
end

local function note(self, from, to, pdu, auto)
  local own, peer = self.own, self.peer
  local incoming = to == self.actor.name
  return self.world:record(from, to, pdu, { auto = auto, from = incoming and peer or own, to = incoming and own or peer })
end

--- Writes down a PDU that came.
function Line:note_in(pdu) return self.records and note(self, self.name_of_peer(), self.actor.name, pdu) or nil end

function Line:note_out(pdu)
  if self.records then note(self, self.actor.name, self.name_of_peer(), pdu, self.answers_itself) end
end

--- Starts reading.
function Line:start()
  self.transport:start(function(octets) self:on_data(octets) end, function(message) self:on_close(message) end)
end

function Line:on_data(octets)
  if self.world.over then return end
  self.received = self.received + #octets
  if self.raw then self.buffer = self.buffer .. octets end
  self.inbound:feed(octets)
  if self.inbound.problem and not self.malformed then self.malformed = self.inbound.problem end
  self.world:changed(self.changes)
end

function Line:on_close(message)
  self:finish(message and "reset" or self.was_unbound and "unbound" or "closed")
  self.transport:close()
end

--- The connection has ended.
function Line:finish(how)
  if self.ended then return end
  self.ended = how
  self.world:changed(self.changes)
  for _, request in pairs(self.requests) do self.world:changed(request.changes) end
  self.actor:line_ended(self)
  self.world:changed(self.world.ends)
end

-- ---- writing ----

--- Lets what was written be delivered before the next piece: in virtual time a moment, else two turns of the loop.
local function rest(world, seconds, go_on)
  if seconds > 0 or world.clock == "virtual" then return world:later(math.max(seconds, MOMENT_S), go_on) end
  world.loop:defer(function() world.loop:defer(go_on) end)
end

local function pump(self)
  while self.queued > 0 do
    local item = table.remove(self.queue, 1)
    self.queued = self.queued - 1
    if not self.ended then
      self.answers_itself = item.auto
      self.transport:write(item.octets)
      if self.records and item.whole then self.outbound:feed(item.whole) end
      self.answers_itself = nil
    end
    if item.done then item.done() end
    if item.pause_s and self.queued > 0 then
      self.writing = true
      local function go_on()
        self.writing = false
        pump(self)
      end
      return rest(self.world, item.pause_s, go_on)
    end
  end
end

--- Queues octets, in pieces of which each is delivered on its own.
---@param octets string
---@param o? { split: any, every_s: number?, auto: boolean? }
---@param done? fun()
function Line:put(octets, o, done)
  o = o or {}
  local list = pieces_of(octets, o.split or o.every_s and 1 or nil)
  for i, piece in ipairs(list) do
    local is_last = i == #list
    self.queued = self.queued + 1
    self.queue[self.queued] = {
      octets = piece, whole = i == 1 and octets or nil, auto = o.auto, done = is_last and done or nil,
      pause_s = not is_last and (o.every_s or 0) or nil,
    }
  end
  if not self.writing then pump(self) end
end

--- The octets of what a script writes: octets, a PDU as a table or a view, or a list of those.
function Line:octets_of(data, fields)
  if type(data) == "string" then return data end
  if type(data) == "table" and data.command == nil and data[1] ~= nil then
    local list = {}
    for i, item in ipairs(data) do list[i] = self:octets_of(item) end
    return table.concat(list)
  end
  if type(data) == "table" then
    data = schema.merge(data)
    if data.status then data.command_status, data.status = data.status, nil end
    if data.sequence_number == nil then data.sequence_number = self:take_sequence() end
  elseif type(data) ~= "userdata" then
    self.world:misuse("expected octets, a PDU or a list of them, got " .. type(data))
  end
  local octets, message = pdus.encode(data)
  if not octets then self.world:misuse(message) end
  return with_raw(octets, fields)
end

function Line:take_sequence()
  local sequence = self.next_sequence
  self.next_sequence = sequence % 0x7FFFFFFF + 1
  return sequence
end

--- Writes octets, PDUs or a list of both; waits until they are written.
---@async
---@param data any
---@param o? table  split, every_s, raw
function Line:write(data, o)
  local world = self.world
  world:check_alive()
  world:check_options(line.write_options, o, "write")
  local waiter, done = {}, false
  self:put(self:octets_of(data, o and o.raw), o, function()
    done = true
    world:wake(waiter)
  end)
  while not done do world:suspend(3600, waiter) end
end

--- Sends a request.
---@param command string
---@param fields? table
---@param o? table  split, every_s, raw
---@return smpp.ScenarioRequest request
function Line:send(command, fields, o)
  local world = self.world
  world:check_alive()
  world:check_options(line.write_options, o, "send")
  if not commands.ids[command] then world:unknown("command", command, commands.ids) end
  local pdu = schema.merge(fields, { command = command })
  pdu.sequence_number = pdu.sequence_number or self:take_sequence()
  local octets = self:octets_of(pdu, o and o.raw)
  local sequence = o and o.raw and o.raw.sequence_number or pdu.sequence_number
  local request = arrivals.request(self, command, sequence, world:here())
  if command == "unbind" then request.unbinds = true end
  self.requests[sequence] = request
  self:put(octets, o)
  return request
end

--- A response came: to the request it belongs to.
---@return boolean taken  false: nobody asked for it
function Line:take_response(pdu)
  local request = self.requests[pdu.sequence_number]
  if not request or pdu.command_id < RESPONSE then return false end
  self.requests[pdu.sequence_number] = nil
  if request.unbinds and pdu.command == "unbind_resp" and pdu.command_status == 0 then self.was_unbound = true end
  request:answered(pdu)
  return true
end

-- ---- octets ----

--- Reads exactly so many octets, of a peer.
---@async
---@param n integer
---@param seconds? number
---@return string octets
function Line:read(n, seconds)
  local world = self.world
  local ok = world:await(seconds or world.within_s, self.changes, function() return #self.buffer >= n or self.ended end)
  if not ok or #self.buffer < n then
    world:abort { kind = "expect", actor = self.actor.name, message = ("expected %d octets, got %d%s"):format(n, #self.buffer,
      self.ended and ", then the connection was " .. self.ended or (" within %g s"):format(seconds or world.within_s)) }
  end
  local octets = self.buffer:sub(1, n)
  self.buffer = self.buffer:sub(n + 1)
  return octets
end

--- Reads one PDU, of a peer.
---@async
---@param seconds? number
---@return smpp.Pdu pdu
function Line:read_pdu(seconds)
  local head = self:read(4, seconds)
  local a, b, c, d = head:byte(1, 4)
  local length = ((a * 256 + b) * 256 + c) * 256 + d
  if length < 16 or length > 131072 then
    self.world:abort { kind = "expect", actor = self.actor.name, message = ("expected a PDU, got a command_length of %d"):format(length) }
  end
  local pdu, message = pdus.decode(head .. self:read(length - 4, seconds))
  return pdu or self.world:abort { kind = "expect", actor = self.actor.name, message = "expected a PDU: " .. message }
end

--- Waits for the end of the connection.
---@async
---@param seconds? number
---@return "unbound"|"closed"|"reset"
function Line:expect_closed(seconds)
  local world = self.world
  local limit = seconds or world.within_s
  world:check_alive()
  if not world:await(limit, self.changes, function() return self.ended end) then
    world:abort { kind = "expect", actor = self.actor.name, message = ("expected the end of the connection, it is open after %g s"):format(limit) }
  end
  self.end_taken = true
  return self.ended
end

--- Waits, and fails if anything comes.
---@async
---@param seconds number
function Line:expect_silence(seconds)
  local world, before = self.world, self.received
  world:check_alive()
  world:await(seconds, self.changes, function() return self.received > before end)
  if self.received > before then
    world:abort { kind = "never", actor = self.actor.name,
      message = ("expected silence for %g s, %d octets came"):format(seconds, self.received - before) }
  end
end

--- Resets the connection.
function Line:reset()
  self.world:check_alive()
  self.transport:reset()
  self:finish "reset"
end

--- Closes it orderly, after what was written.
function Line:close()
  self.world:check_alive()
  self:leave()
end

function Line:leave()
  self.transport:close_after_flush(1)
  self:finish(self.was_unbound and "unbound" or "closed")
end

--- Writes no more; the peer sees an end, and may go on.
function Line:half_close()
  self.world:check_alive()
  self.transport:shutdown()
end

--- Reads no more, until `resume`.
function Line:stall()
  self.world:check_alive()
  self.transport:pause()
end

--- Reads again.
function Line:resume()
  self.world:check_alive()
  self.transport:resume()
end

--- Ends it, whatever state it is in.
function Line:kill()
  self.transport:reset()
  self.ended = self.ended or "reset"
end

--- The next request of this connection; see the inbox.
---@async
function Line:expect(command, fields, o) return self.actor.inbox:expect(command, fields, o, self) end

return line
