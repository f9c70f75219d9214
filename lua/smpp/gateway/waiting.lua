--- Messages of the books that wait, in memory: those that are being sent, wait for their next attempt or their time, or are held since
--- their outcome is unknown.  Each carrier has room for some of them; the others stay in the store (smpp.gateway.parked).
local backoffs = require "smpp.base.backoff"
local codec = require "smpp.codec"
local message = require "smpp.route.message"
local parked = require "smpp.gateway.parked"
local route = require "smpp.route"
local sending = require "smpp.gateway.sending"
local shared = require "smpp.gateway.shared"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local text = require "smpp.text"

local changed = sending.changed

local waiting = {}

---@class smpp.Waiting
---@field count integer  messages in memory
local Waiting = {}
local mt = { __index = Waiting, __name = "smpp.Waiting" }

local DAY_S = 86400
local ROOM = 1000         -- most entries in memory for one carrier, and of those that are not due
local WINDOWS = 8         -- or so many windows of the carrier: while some are at the carrier others are being written to the store
local MOST, FEW = 4000, 20000 -- but not more, nor with more entries in all
local LOW = 2             -- of this share of them, more are read
local NONE = "\0"         -- the slot of messages that need no carrier
local SCHEDULED = "\1"    -- of those that are not due

---@param books smpp.Books
---@return smpp.Waiting
function waiting.new(books)
  local self = setmetatable({
    gateway = books.gateway, books = books, loop = books.loop,
    entries = {}, count = 0,      -- in memory: key -> entry
    slots = {},                   -- carrier -> how many of them are for it
    held = {},                    -- key -> entry whose outcome is unknown (on_unknown = "hold")
    generation = 0,               -- counts reloads: decisions of older generations are made again
    parked = nil,                 -- those in the store
  }, mt)
  self.parked = (books.is_shared and shared or parked).new(self)
  return self
end

--- How many entries a carrier may have.
local function room(self, carrier) return self.count < FEW and math.min(MOST, math.max(ROOM, carrier.window * WINDOWS)) or ROOM end

--- The slot that a message takes in memory, nil: there is none for it now.
---@param decision smpp.Decision
---@param account string
---@return string?
function Waiting:slot(decision, account)
  local slots = self.slots
  if decision.action ~= "via" then return (slots[NONE] or 0) < ROOM and NONE or nil end
  local customer, by_name, list = self.gateway.customers[account], self.gateway.by_name, decision.carriers
  for i = 1, #list do
    local name = list[i]
    local carrier = by_name[name]
    if carrier and (slots[name] or 0) < room(self, carrier) and (not customer or not customer.carriers or customer.carriers[name])
      and carrier:available() then
      return name
    end
  end
  return nil
end

--- Takes a slot for a message that is accepted now; nil: it waits in the store.
---@param decision smpp.Decision
---@param account string
---@return string?
function Waiting:reserve(decision, account)
  local slot = self:slot(decision, account)
  if not slot or self.parked.behind[slot] then return nil end -- others wait longer
  self.slots[slot] = (self.slots[slot] or 0) + 1
  return slot
end

--- Takes a slot for a message that is not due.
---@return string?
function Waiting:reserve_scheduled()
  local used = self.slots[SCHEDULED] or 0
  if used >= ROOM then return nil end
  self.slots[SCHEDULED] = used + 1
  return SCHEDULED
end

--- Gives a slot back.
---@param slot string?
function Waiting:release(slot)
  if not slot then return end
  local used = self.slots[slot] - 1
  self.slots[slot] = used
  if self.parked.behind[slot] and self:wants(slot) then self.parked:look() end
end

--- Is more wanted for a carrier: it is available, and few of its messages are in memory?
---@param name string
---@return boolean
function Waiting:wants(name)
  local carrier = self.gateway.by_name[name]
  return carrier ~= nil and (self.slots[name] or 0) < room(self, carrier) / LOW and (carrier:available())
end

--- Adds an entry: the message is in memory from now on.
---@param record table
---@param slot string?  that was taken for it
---@param msg smpp.RouteMessage?
---@param decision smpp.Decision?
---@return table entry
function Waiting:enter(record, slot, msg, decision)
  local entry = {
    record = record, key = record.key, msg = msg, decision = decision, generation = decision and self.generation or nil,
    sending = record.sending or false, attempts = record.attempts or 0, slot = slot, maybe_twice = record.maybe_twice,
    is_for_others = false, unsaved = record.maybe_twice and { maybe_twice = true } or nil, -- fields that the store may not have yet
  }
  self.entries[record.key], self.count = entry, self.count + 1
  return entry
end

--- Adds an entry, and sends it.
function Waiting:begin(record, slot, msg, decision)
  local entry = self:enter(record, slot, msg, decision)
  task.start(self.books.sink, self.run, self, entry)
end

--- Adds an entry that was read from the store, if there is a slot for it.
---@param record table
---@return table? entry
---@return smpp.Decision? decision  nil: its validity is over
function Waiting:admit(record)
  local decided = { record = record }
  if self.books:time() < record.expires then self:decide(decided) end
  local slot = self:slot(decided.decision or {}, record.system_id)
  if not slot then return nil, decided.decision end
  self.slots[slot] = (self.slots[slot] or 0) + 1
  local entry = self:enter(record, slot, decided.msg, decided.decision)
  self:later(entry, 0)
  return entry
end

--- Removes an entry.
local function leave(self, entry)
  if self.entries[entry.key] ~= entry then return end
  self.entries[entry.key], self.count = nil, self.count - 1
  if entry.timer then entry.timer:close() end
  self:release(entry.slot)
  local lane = entry.record.lane
  if lane then self.parked:left(lane) end
end

--- A carrier has bound again (bind_up): retries the waiting messages now, the oldest first.
function Waiting:kick()
  local list, count = {}, 0
  for _, entry in pairs(self.entries) do
    if not entry.busy and not entry.record.held and entry.record.state ~= "SCHEDULED" then
      count = count + 1
      list[count] = entry
    end
  end
  table.sort(list, function(a, b)
    local x, y = a.record.submitted, b.record.submitted
    if x ~= y then return x < y end
    return a.key < b.key
  end)
  for i = 1, count do self:later(list[i], 0) end
  self.parked:look(true)
end

--- Runs an entry again after so many seconds.
function Waiting:later(entry, seconds)
  if self.books.closed then return end
  entry.timer = entry.timer or self.loop:timer(function() task.start(self.books.sink, self.run, self, entry) end)
  entry.timer:start(math.max(0, seconds))
end

--- Takes an entry's message out of memory.
---@param entry table
function Waiting:leave(entry) leave(self, entry) end

--- Ends a held message.
---@param entry table
function Waiting:settled(entry)
  self.held[entry.key] = nil
  leave(self, entry)
end

-- ---- out ----

--- Routes the message of an entry anew.
---@param entry table
function Waiting:decide(entry)
  local record = entry.record
  local pdu = entry.msg and entry.msg.pdu or assert(codec.decode(record.octets))
  local destination = pdu.command == "submit_multi" and {
    dest_addr_ton = record.dest_addr_ton, dest_addr_npi = record.dest_addr_npi, destination_addr = record.destination_addr,
  } or nil
  local msg = route.message {
    account = record.system_id, bind = record.bound, pdu = pdu,
    peer_text = entry.msg and entry.msg.peer_text or self.gateway:peer_text(record.system_id),
    destination = destination, id = record.id, to = destination and destination.destination_addr, to_ton = destination and destination.dest_addr_ton,
    is_counted = true, tags = record.tags and message.tags(record.tags),
  }
  if record.admitted then message.set(msg, record.admitted) end
  entry.msg, entry.decision, entry.generation = msg, self.gateway.route:decide(msg, self.gateway:route_state()), self.generation
  if record.part_ids then entry.decision = { action = "via", carriers = { record.carrier } } end -- it gets the rest, too
end

--- Makes an entry final; tries again while the books or the customer's queue cannot take it.
---@async
---@param entry table
---@param state string
---@param o table  as of Books:finish
---@return boolean? ok
function Waiting:conclude(entry, state, o)
  o.pdu, o.guard = entry.msg and entry.msg.pdu, o.guard or "mine"
  local n = 0
  local ok
  while true do
    local done, words, code = self.books:finish(entry.key, entry.record, state, o)
    ok = done
    if ok or stores.is_lost(code) or self.books.closed then break end
    n = n + 1
    self.gateway:log("warn", "not_finished", { id = entry.record.id, reason = words })
    self.books:sleep(backoffs.delay_s(n, 1, 60))
  end
  self.held[entry.key] = nil
  leave(self, entry)
  return ok
end

--- The next step of an entry.
---@async
local function step(self, entry)
  local record, now = entry.record, self.books:time()
  if record.held then
    if now >= record.expires then self:conclude(entry, "UNKNOWN", {}) end
    return
  end
  if now >= record.expires then
    self:conclude(entry, "EXPIRED", { from = record.state, refund = false })
    return
  end
  if record.state == "SCHEDULED" then
    if record.schedule > now then
      self:later(entry, record.schedule - now)
      return
    end
    local ok = self.books:commit(changed(entry.key, { state = "ENROUTE", sending = true }, nil, "SCHEDULED"))
    if not ok then return leave(self, entry) end
    record.state, entry.sending = "ENROUTE", true
  end
  if not entry.decision or entry.generation ~= self.generation then self:decide(entry) end
  local decision = entry.decision
  if decision.action == "via" then
    if sending.attempt(self, entry) then return end
    entry.decision, entry.waits_for = nil, decision -- other carriers may be there by then
    if entry.is_for_others then return self.parked:retry(entry, 0) end -- the bind was lost first; another node may have one
    entry.attempts = entry.attempts + 1
    local retry = self.books.o.retry
    local pause_s = math.min(backoffs.delay_s(entry.attempts, retry.first_s, retry.max_s), math.max(0, record.expires - self.books:time()))
    self.parked:retry(entry, pause_s)
  elseif decision.action == "drop" then
    self:conclude(entry, "ACCEPTED", { receipt = false })
  else
    self:conclude(entry, "REJECTED", { err = "000", refund = true })
  end
end

--- Takes the next step of an entry: sends it, waits, or makes it final.
---@async
function Waiting:run(entry)
  if self.books.closed or self.entries[entry.key] ~= entry or entry.busy then return end
  entry.busy = true
  if entry.cancelled then return leave(self, entry) end
  step(self, entry)
  entry.busy = false
end

-- ---- held messages ----

--- Holds a message of an earlier run.
---@param record table
function Waiting:keep(record)
  local entry = self:enter(record)
  self.held[record.key] = entry
  entry.text = (text.read((assert(codec.decode(record.octets)))))
  self:later(entry, record.expires - self.loop:time())
end

local DIGITS = 8 -- last digits of two addresses that must agree

--- Does a receipt of an unknown id fit a message: its carrier, destination, text and day?
local function fits(entry, carrier, receipt)
  local record = entry.record
  if record.carrier and record.carrier ~= carrier.name then return false end
  local sent_to = entry.msg and entry.msg.to or record.destination_addr
  if sent_to:sub(-DIGITS) ~= (receipt.source_addr or ""):sub(-DIGITS) then return false end
  local words = receipt.text
  if words and words ~= "" then
    local own = entry.text or (text.read(entry.msg.pdu))
    if own:sub(1, #words) ~= words and words:sub(1, #own) ~= own then return false end
  end
  return not (receipt.submitted and math.abs(receipt.submitted - record.submitted) > DAY_S)
end

--- A receipt of an unknown id: settles the only held message that it fits, unless one on its way fits, too: its response may follow.
---@async
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@return table? entry
function Waiting:claim(carrier, receipt)
  local found
  for _, entry in pairs(self.held) do
    if fits(entry, carrier, receipt) then
      if found then return nil end -- ambiguous: it fits two
      found = entry
    end
  end
  if found and self:is_sending(carrier, receipt) then return nil end
  return found
end

--- Is a message on its way that a receipt fits?
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@return boolean
function Waiting:is_sending(carrier, receipt)
  if carrier.outstanding == 0 then return false end
  for _, entry in pairs(self.entries) do
    if entry.busy and entry.msg and not entry.record.held and fits(entry, carrier, receipt) then return true end
  end
  return false
end

--- Does a receipt of an unknown id fit a held message that was read from the store?
---@param record table
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@return boolean
function Waiting:fits(record, carrier, receipt) -- luacheck: no self
  return fits({ record = record, text = (text.read((assert(codec.decode(record.octets))))) }, carrier, receipt)
end

--- The file was reloaded: waiting messages are routed again.
function Waiting:reloaded()
  self.generation = self.generation + 1
  self.parked:reloaded()
end

--- Closes; waiting messages stay in the store.
function Waiting:close()
  self.parked:close()
  for _, entry in pairs(self.entries) do
    if entry.timer then entry.timer:close() end
  end
end

return waiting
