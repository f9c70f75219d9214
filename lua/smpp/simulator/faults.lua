--- Fault injection: a transport filter that drops, delays, repeats and corrupts responses.
local filter = require "smpp.transport.filter"
local rows = require("smpp.codec.commands").rows
local latency = require "smpp.simulator.latency"

local faults = {}

-- Faults are drawn in this order, so that a seed gives the same result on every Lua.
local ORDER = {
  "drop", "delay", "duplicate", "reorder", "wrong_sequence", "wrong_length", "unknown_command", "half_pdu", "close", "reset",
  "unbind", "silence",
}

--- Responses without faults: those to binds, enquire_link and unbind.
local function is_answer(octets, at)
  local a, b, c, d = octets:byte(at + 4, at + 7)
  if a ~= 128 then return false end
  local command = rows[b * 65536 + c * 256 + d]
  return command and not command.roles.session
end

local function u32(octets, at)
  local a, b, c, d = octets:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

local function put_u32(octets, at, n)
  return octets:sub(1, at - 1)
    .. string.char(math.floor(n / 16777216) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
    .. octets:sub(at + 4)
end

---@class smpp.FaultyTransport: smpp.Filter
local Faulty = {}

local function pick(self)
  local settings, random = self.simulator.settings.faults, self.simulator.random
  for _, name in ipairs(ORDER) do
    local percent = settings[name]
    if percent and percent > 0 and random() * 100 < percent then return name end
  end
end

local function flush_reordered(self)
  if not self.reordered then return end
  local pdu = self.reordered
  self.reordered = nil
  self.inner:write(pdu)
end

--- Fault name -> function that writes one response with that fault.
local DO = {
  drop = function() end,
  delay = function(self, pdu)
    local simulator = self.simulator
    local s = latency.draw(simulator.settings.faults.delay_s or 5, simulator.random)
    simulator.timers:add(simulator.loop:now() + s, function() self.inner:write(pdu) end)
  end,
  duplicate = function(self, pdu) self.inner:write(pdu .. pdu) end,
  reorder = function(self, pdu) -- after the next response, or one second late
    if self.reordered then
      self.inner:write(pdu)
      return flush_reordered(self)
    end
    self.reordered = pdu
    local simulator = self.simulator
    simulator.timers:add(simulator.loop:now() + 1, function()
      if self.reordered == pdu then flush_reordered(self) end
    end)
  end,
  wrong_sequence = function(self, pdu) self.inner:write(put_u32(pdu, 13, (u32(pdu, 13) + 1000000) % 0x80000000)) end,
  wrong_length = function(self, pdu) self.inner:write(put_u32(pdu, 1, #pdu + 3)) end,
  unknown_command = function(self, pdu) self.inner:write(put_u32(pdu, 5, 0x8000BADD)) end,
  half_pdu = function(self, pdu)
    self.inner:write(pdu:sub(1, math.floor(#pdu / 2)))
    self.silent = true
  end,
  close = function(self) self.simulator:later(function() self.session:close() end) end,
  reset = function(self)
    self.inner:reset()
    self.silent = true
    self.simulator:later(function() self.session:lost "reset (fault injection)" end)
  end,
  unbind = function(self, pdu)
    self.inner:write(pdu)
    self.simulator:later(function() self.session:unbind(0) end)
  end,
  silence = function(self) self.silent = true end,
}

--- The names of all faults; the same as keys.
faults.names, faults.by_name = ORDER, DO

local function write_pdu(self, pdu)
  local sequence = u32(pdu, 13)
  local name = self.planned[sequence]
  self.planned[sequence] = nil
  name = name or self.simulator:take_fault() or pick(self)
  if not name then
    self.inner:write(pdu)
    return flush_reordered(self)
  end
  self.simulator:on_fault(self.session, name, pdu)
  DO[name](self, pdu)
end

function Faulty:write(octets)
  if self.silent or self.simulator.settings.silent then return end
  local simulator = self.simulator
  if next(self.planned) == nil and next(simulator.settings.faults) == nil and not self.reordered and not simulator.next_faults[1] then
    return self.inner:write(octets)
  end
  local at, from = 1, 1
  while at <= #octets and not self.silent do
    local length = u32(octets, at)
    if is_answer(octets, at) then
      if at > from then self.inner:write(octets:sub(from, at - 1)) end
      write_pdu(self, octets:sub(at, at + length - 1))
      from = at + length
    end
    at = at + length
  end
  if from <= #octets and not self.silent then self.inner:write(octets:sub(from)) end
end

--- Plans a fault for the response to one request.
---@param sequence_number integer
---@param name string
function Faulty:plan(sequence_number, name) self.planned[sequence_number] = name end

--- Sets the session of this transport.
---@param session smpp.Session
function Faulty:set_session(session) self.session = session end

local new = filter.class("faulty", Faulty)

--- The filter of a simulator, for a server's `filters`.
---@param simulator smpp.Simulator
---@return fun(inner: smpp.Transport): smpp.FaultyTransport
function faults.filter(simulator)
  return function(inner)
    return new(inner, {
      simulator = simulator,
      session = nil,             -- set when there is one
      planned = {},              -- sequence_number of a request -> fault of its response
      reordered = nil,           -- a response to be written after the next one
      silent = false,            -- silence: nothing is written any more
    })
  end
end

return faults
