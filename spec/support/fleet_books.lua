--- The books of spec.support.fleet: what all of its nodes, carriers and customers have said and got, and what has to be true of it.
local fields = require "smpp.store.valkey_fields"

local fleet_books = {}

local KEYS = "smpp:{gw}:"
local RESUMED_S = 1 -- a node that stood still, or was cut off from all, has so long to close its binds
local LATE_S = 6    -- and what has waited so long without a fault is late: lease_s + 1 s until a dead node is seen, and a few seconds

local function say(self, text, ...) error(("at %.3f: "):format(self.loop:now()) .. text:format(...), 0) end

-- ---- at every instant ----

--- Does this node count: it runs, and can say to its carriers what it wants?
local function counts(self, one)
  local now = self.loop:now()
  return not one.process.stopped and one.process.cut ~= true and now - one.process.resumed_at > RESUMED_S and now - one.whole_at > RESUMED_S
end

--- Binds at a carrier, as it sees them: all, but those of nodes that cannot close them.
local function check_binds(self, i, most)
  local count, of = 0, {}
  for _, session in ipairs(self.carriers[i].server.connections:list()) do
    local one = session.state:find "^BOUND" and self:node_of(session.peer.port)
    if one and counts(self, one) then count, of[#of + 1] = count + 1, one.name end
  end
  self.most_binds[i] = math.max(self.most_binds[i], count)
  if count > most then say(self, "carrier %d has %d of %d binds: of %s", i, count, most, table.concat(of, ", ")) end
end

--- Is a message kept, since it may have been taken (on_unknown = "hold")?
local function is_held(self, entry)
  local record = self.engine.data[KEYS .. "message:r:" .. entry.id]
  return record ~= nil and fields.read(entry.id, record.text).held ~= nil
end

--- What is answered goes out, also where its node is dead.
local function check_late(self)
  local now = self.loop:now()
  if now < self.looked_at + 0.25 then return end
  self.looked_at = now
  if self.troubles > 0 or self.engine.is_down or not next(self.nodes) then self.disturbed_at = math.max(self.disturbed_at, now) end
  local since = now - LATE_S
  if self.disturbed_at > since then return end
  for words, entry in pairs(self.sent) do
    if entry.id and not entry.seen and entry.answered_at < since and entry.due_at < since + self.engine.clock_ahead_s and not is_held(self, entry) then
      say(self, "%s (%s) is late: answered at %.3f, last fault at %.3f", words, entry.id, entry.answered_at, self.disturbed_at)
    end
  end
end

--- The credit of an account in the engine, in millionths.
local function credit_of(self)
  local record = self.engine.data[KEYS .. "counter:r:credit/acme"]
  return record and tonumber(record.text:match "^[^\n]*")
end

--- What holds at every instant.
---@param self table  the fleet
function fleet_books.check(self)
  if self.broken then say(self, "%s", self.broken) end
  for i, most in ipairs(self.BINDS) do check_binds(self, i, most) end
  check_late(self)
  local credit = credit_of(self)
  if credit and credit < 0 then say(self, "credit is below zero: %d", credit) end
end

--- A carrier has got a submit_sm: not from a node whose lease is over, as it has stood still since.
---@param self table
---@param session smpp.ServerSession
function fleet_books.submitted(self, session)
  local one = self:node_of(session.peer.port)
  if not one or one.process.is_suspended then return end -- it cannot know
  if one.process.stood_s > self.LEASE_S and session.bound_since < one.process.resumed_at - one.process.stood_s then
    self.broken = ("node %s sends on a bind that it had before it stood still for %.1f s"):format(one.name, one.process.stood_s)
  end
end

-- ---- in the end ----

--- Records of the engine.
local function records_of(self, kind)
  local all, before = {}, KEYS .. kind .. ":r:"
  for name, value in pairs(self.engine.data) do
    local key = name:sub(1, #before) == before and name:sub(#before + 1)
    if key then all[key] = fields.read(key, value.text) end
  end
  return all
end

--- What is not yet as it has to be in the end; nil: nothing.
---@param self table
---@return string?
function fleet_books.missing(self)
  for words, entry in pairs(self.sent) do
    if not entry.answered_at then return words .. " has no answer" end
    if entry.id and entry.taken == 0 and not entry.seen and not is_held(self, entry) then
      return ("%s (%s) was answered, and no carrier has it"):format(words, entry.id)
    end
    local may_lack = entry.through and self.may_forget -- its node may not have been able to tell the engine of it
    if entry.id and entry.told > 0 and not self.receipts[entry.id] and not may_lack then
      return ("%s (%s): its receipt was acknowledged, and its customer has none"):format(words, entry.id)
    end
    if entry.taken > entry.told then return ("%s (%s): %d receipts are not acknowledged"):format(words, tostring(entry.id), entry.taken - entry.told) end
  end
  for words, mo in pairs(self.mo) do
    if not mo.acknowledged then return words .. " is not acknowledged" end
    if mo.got == 0 then return words .. " was acknowledged, and its customer has not got it" end
  end
  for lane, run in pairs((self.engine.data[KEYS .. "lanes"] or { fields = {} }).fields) do -- those of the dead are anybody's
    if self.engine.data[KEYS .. "runs"].fields[run] then return ("lane %s is taken"):format(lane) end
  end
  for key, set in pairs(self.engine.data) do
    local place = key:match "^[^}]*}:(%l+):"
    if (place == "work" or place == "queue") and not key:find ":h:" then return ("%s has %s"):format(key, set.list[1][1]) end
  end
end

--- Credit: what it was, without what messages have cost that were not given back.
local function check_credit(self, records)
  local charged = 0
  for _, record in pairs(records) do
    if record.system_id == "acme" and record.state ~= "REJECTED" then charged = charged + (record.charged or 0) end
  end
  local left, whole = credit_of(self), self.plan.credit * 1000000
  if (left or whole) ~= whole - charged then say(self, "credit is %d, and messages have cost %d of %d", left or whole, charged, whole) end
end

--- The last look at the books.
---@param self table
function fleet_books.balance(self)
  local records, is_calm, of = records_of(self, "message"), not self.plan.faults[1], {}
  for key, record in pairs(records) do of[record.id or key] = record end
  for words, entry in pairs(self.sent) do
    local record = entry.id and of[entry.id]
    if entry.through and entry.taken > 1 then say(self, "%s was taken %d times", words, entry.taken) end
    if entry.id and not record and not entry.through then say(self, "%s (%s) is not in the books", words, entry.id) end
    if entry.taken > 1 and record and not record.maybe_twice then say(self, "%s (%s) was taken %d times, and is not marked", words, entry.id, entry.taken) end
    if entry.taken > 0 and entry.code == "ESME_RSUBMITFAIL" and not entry.through then say(self, "%s was refused, and taken", words) end
    local got = entry.id and self.receipts[entry.id] and self.receipts[entry.id].got or 0
    if got > 1 and is_calm then say(self, "%s (%s): %d receipts", words, entry.id, got) end
    if is_calm and entry.taken > 1 then say(self, "%s was taken %d times", words, entry.taken) end
  end
  for words, entry in pairs(is_calm and not self.plan.refuses and self.sent or {}) do
    for later, other in pairs(self.sent) do
      local is_behind = entry.ordered and entry.to == other.to and entry.id and other.id and entry.answered_at < other.asked_at
      if is_behind and not entry.is_later and not other.is_later and entry.taken_at > other.taken_at then say(self, "%s was taken after %s", words, later) end
    end
  end
  for words, mo in pairs(self.mo) do
    if mo.got > 1 and is_calm then say(self, "%s came %d times", words, mo.got) end
  end
  check_credit(self, records)
  for _, record in ipairs(self.records) do
    if record.event == "failed" then say(self, "node %s has failed: %s", record.of, record.reason) end
  end
end

return fleet_books
