--- Messages that are being handled (turns), and detection of duplicates: a message centre that did not get our deliver_sm_resp sends
--- the message again.
---
--- A turn is one message: open until its handler waits for the subscriber or has ended, then settled, which answers the
--- message centre.  A turn that was refused meanwhile (ESME_RX_T_APPN after answer_timeout_s), or that lost its bind before
--- the answer was sent or perhaps on its way, is missed: the same octets from the same addresses are its repeat.
local core = require "smpp.core"
local pdus = require "smpp.codec"
local task = require "smpp.base.task"

local read = core.reply.read

local turns = {}

local REMEMBERED_S = 600 -- a missed turn
local IN_FLIGHT_S = 10   -- an answer that was written so shortly before the end of its bind may be lost
local RING = 1000        -- last answers of a bind that are remembered for that
local ROUNDING_S = 1e-6  -- 31.038 + 10 - 31.038 is less than 10

---@class smpp.BotTurns
local Turns = {}
local TURNS = { __index = Turns }

---@class smpp.BotTurn
---@field ok boolean?  settled: to be acknowledged
local Turn = {
  ok = nil,                    -- of a settled one: true: acknowledge; false: ESME_RX_T_APPN
  missed = false, forget_at = nil, answered_at = nil,
  pdu = nil,                   -- the request to answer
  token = nil, others = nil,   -- the task that answers, where one waits; those that answer repeats
  again = nil,                 -- what failed, to be tried again at a repeat: fn() -> ok
  older = nil,
}
local TURN = { __index = Turn }

---@param loop smpp.Loop
---@return smpp.BotTurns
function turns.new(loop)
  return setmetatable({
    loop = loop,
    by_key = {},               -- addresses and octets -> turn that is open or missed; `older`: another with these
    kept = {}, first = 1, last = 0, -- missed turns in the order in which they are forgotten
    rings = setmetatable({}, { __mode = "k" }), -- session -> { at, n, times, turns or PDUs... }: the last that were answered
    next_late = math.huge,     -- before it no chat of smpp.bot.quick is late
    has_lost = false,          -- a bind has ended since the rings were last checked
  }, TURNS)
end

-- Fields that few turns have are set only where they change: a turn is a table of eight.

local function enter(self, turn)
  local by_key, key = self.by_key, turn.key
  local older = by_key[key]
  if older then turn.older = older end
  by_key[key] = turn
end

local function leave(self, turn)
  local by_key, key, older = self.by_key, turn.key, turn.older
  local other = by_key[key]
  if other == turn then
    by_key[key] = older
  else
    while other and other.older ~= turn do other = other.older end
    if other then other.older = older end
  end
  if older then turn.older = nil end
end

local function keep(self, turn)
  turn.missed, turn.forget_at = true, self.loop:now() + REMEMBERED_S
  self.last = self.last + 1
  self.kept[self.last] = turn
end

local function forget(self, now)
  while self.first <= self.last do
    local turn = self.kept[self.first]
    if turn.forget_at > now then return end
    self.kept[self.first] = nil
    self.first = self.first + 1
    if turn.missed then leave(self, turn) end
  end
end

--- A bind has ended: what it answered last may not have arrived.
function Turns:lost() self.has_lost = true end

--- What a message is known by when it comes again.
---@param source string
---@param destination string
---@param octets string  text or data
---@return string
local function key_of(source, destination, octets) return source .. "\0" .. destination .. "\0" .. octets end
turns.key = key_of

--- The same of the PDU of a usual message (core.reply.read).
---@param pdu smpp.Pdu
---@return string
function turns.key_of(pdu)
  local source, _, text = read(pdu)
  return key_of(source, pdu.destination_addr, text)
end

local source_of = pdus.codec.selector("source_addr", "source_addr_ton", "source_addr_npi")

--- The sender of a PDU, as an address to send to.
---@param pdu smpp.Pdu
---@return table
function turns.source_of(pdu)
  local addr, ton, npi = source_of(pdu)
  return { addr = addr, ton = ton, npi = npi }
end

--- A remembered answer may not have arrived.
local function lose(self, turn, answered_at)
  if type(turn) == "userdata" then
    local key = turns.key_of(turn)
    turn = setmetatable({ turns = self, key = key, session = nil, at = answered_at, timeout_s = 0, ok = true, answered_at = answered_at }, TURN)
  end
  enter(self, turn)
  keep(self, turn)
end

local function look_for_lost(self, now)
  self.has_lost = false
  for session, ring in pairs(self.rings) do
    if session.closed then
      self.rings[session] = nil
      for i = 1, ring.n do
        if ring.times[i] >= now - IN_FLIGHT_S then lose(self, ring[i], ring.times[i]) end
      end
    end
  end
end

--- Can a session answer no more?  After an unbind it may stay connected for a while.
local function is_over(session) return session.closed or session.state == "UNBOUND" end

--- Has the session answered for a turn, because its time is over?
local function is_late(now, at, timeout_s) return now - at >= timeout_s - ROUNDING_S end
turns.is_late = is_late

local function is_missed(turn, now)
  if turn.ok ~= nil then return turn.missed end
  return is_over(turn.session) or is_late(now, turn.at, turn.timeout_s)
end

--- Tests whether a message that arrives now may be a repeat, but for those that are being handled.
---@param now number
---@return boolean
function Turns:may_repeat(now)
  if self.has_lost then look_for_lost(self, now) end
  if self.first <= self.last then forget(self, now) end
  return self.first <= self.last
end

--- Tests whether there is a turn of such a message.
---@param key string
---@return boolean
function Turns:is_known(key) return self.by_key[key] ~= nil end

--- The turn of a message that arrived before, and is no repeat.
---@param key string
---@param session smpp.Session
---@param timeout_s number
---@param at number
---@return smpp.BotTurn
function Turns:adopt(key, session, timeout_s, at)
  local turn = setmetatable({
    turns = self, key = key, session = session, at = at, timeout_s = timeout_s, ok = nil, pdu = nil, answered_at = nil,
  }, TURN)
  enter(self, turn)
  return turn
end

--- The turn of a message that has arrived.
---@param session smpp.Session
---@param key string  its addresses and octets
---@param timeout_s number  answer_timeout_s
---@param now? number
---@return smpp.BotTurn turn
---@return boolean repeated  of a message that was handled, or is being handled
function Turns:open(session, key, timeout_s, now)
  now = now or self.loop:now()
  self:may_repeat(now)
  local turn = self.by_key[key]
  while turn do
    if is_missed(turn, now) then
      turn.session, turn.at, turn.timeout_s = session, now, timeout_s
      if turn.pdu then turn.pdu = nil end -- it was refused or lost
      return turn, true
    end
    turn = turn.older
  end
  return self:adopt(key, session, timeout_s, now), false
end

--- The last answers of a session.
---@param session smpp.Session
---@return table ring
function Turns:ring_of(session)
  local ring = self.rings[session]
  if not ring then
    ring = { n = 0, at = 0, times = {} }
    self.rings[session] = ring
  end
  return ring
end

--- Remembers what is answered now until that must have arrived.
---@param ring table  of ring_of
---@param turn smpp.BotTurn|smpp.Pdu  of a usual message: its PDU
---@param now number
function turns.note(ring, turn, now)
  local at = ring.at % RING + 1
  if at > ring.n then ring.n = at end
  ring.at, ring[at], ring.times[at] = at, turn, now
end

--- Remembers an answer until it must have arrived.
local function answered(turn)
  local self, session = turn.turns, turn.session
  local now = self.loop:now()
  turn.answered_at = now
  if is_over(session) or is_late(now, turn.at, turn.timeout_s) then
    if not turn.missed then keep(self, turn) end
    return
  end
  leave(self, turn)
  if turn.missed then turn.missed = false end
  turns.note(self:ring_of(session), turn, now)
end

--- Is the answer an acknowledgement that arrives in time?  Later the session has answered already (answer_timeout_s).
local function is_in_time(turn) return turn.ok and not is_late(turn.answered_at, turn.at, turn.timeout_s) and not is_over(turn.session) end

--- The message is handled: it can be answered.
---@param ok boolean
---@param again? fun(): boolean  of one that is refused: what is tried at its repeat
function Turn:settle(ok, again)
  if self.ok ~= nil then return end
  self.ok = ok
  if again then self.again = again end
  if ok then answered(self) else keep(self.turns, self) end
  local pdu, token, others = self.pdu, self.token, self.others
  if pdu then
    self.pdu = nil
    self.session:answer(pdu, nil, not is_in_time(self) and "ESME_RX_T_APPN" or nil)
  end
  if token then
    self.token, self.others = nil, nil
    task.wake_for(token, self)
    for i = 1, others and #others or 0 do task.wake_for(others[i], self) end
  end
end

--- The answer to the message centre, as a handler returns it.
---@async
---@return true? ok
---@return string? status
function Turn:answer()
  local session, at, timeout_s = self.session, self.at, self.timeout_s
  if self.ok == nil then
    local token = task.need()
    if not self.token then
      self.token = token
    else
      self.others = self.others or {}
      self.others[#self.others + 1] = token
    end
    task.wait(self)
  elseif self.ok == false and self.again then
    self.ok = self.again()
    if self.ok then answered(self) end
  elseif self.missed then
    answered(self)
  end
  if self.ok and not is_late(self.answered_at, at, timeout_s) and not is_over(session) then return true end
  return nil, "ESME_RX_T_APPN"
end

return turns
