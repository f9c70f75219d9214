--- Messages of the books that wait in the store alone: for a carrier that is not available, or has enough of them in memory, and for their
--- time.  Of each carrier it is known behind which serial they are: that is where reading goes on when it wants more.
local figures = require "smpp.gateway.figures"
local sending = require "smpp.gateway.sending"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local parked = {}

---@class smpp.Parked
---@field behind table<string, integer>
local Parked = {}
local mt = { __index = Parked, __name = "smpp.Parked" }

local PAGE = 500          -- records read at a time: the room that a carrier has when it wants more
local RETRY_S = 1         -- pause before a failed search is tried again
local LOOK_S = 1          -- how often it is looked at whether something can go on
local SOON_S = 60         -- messages that are due within this time may come into memory
local PASS_S = 60         -- least time between passes over all, at which decisions are made anew
local PASS_SHARE = 10     -- and as a multiple of the time that the last one took
local PAUSE_S = 50e-6     -- behind a page of which nothing goes on, for each message that came meanwhile: those that come go before those that wait
local MOST_PAUSE_S = 0.02
local VAIN_S = 10         -- pause after a pass for a carrier that found only messages of others

---@param waiting smpp.Waiting
---@return smpp.Parked
function parked.new(waiting)
  local self
  self = setmetatable({
    waiting = waiting, books = waiting.books, gateway = waiting.gateway, loop = waiting.loop,
    behind = {},                  -- carrier -> serial behind which the store has messages for it that are not in memory
    due_at = nil, due_after = nil, -- when the next one is due or over, and the serial behind which it is
    last = 0,                     -- highest serial that was read
    reading = false,              -- a pass runs
    watched = false,              -- the timer runs
    passed_at = waiting.loop:now(), pass_s = 0, -- the last pass over all: its end, how long it took
    saving = 0,                   -- messages that a carrier has, and the store does not know it yet
    admitted = 0,                 -- how many were taken into memory
    first = nil,                  -- the serial before the first of an earlier run that waits for a carrier, whichever
    vain = {},                    -- carrier -> no pass for it before this time
    is_old = false,               -- the file was loaded again
  }, mt)
  self.timer = self.loop:timer(function()
    self.watched = false
    self:look()
  end, true)
  return self
end

---@private
function Parked:watch()
  if self.watched or self.books.closed then return end
  self.watched = true
  self.timer:start(LOOK_S)
end

--- Where a message goes that is accepted: nowhere but into the store.
---@return table?
function Parked:place() end -- luacheck: no self

--- The lane of a message, where nodes share the store.
---@return integer?
function Parked:lane() end -- luacheck: no self

--- A message was accepted that waits in the store.
---@param decision smpp.Decision
---@param record table
function Parked:accepted(decision, record)
  if record.state == "SCHEDULED" then return self:put_off(math.min(record.schedule, record.expires)) end
  self:put(decision.names)
  self:put_off(record.expires)
end

--- No carrier has taken a message: its entry stays in memory, for another attempt.
---@async
---@param entry table
---@param seconds number
function Parked:retry(entry, seconds)
  if entry.sending then
    self.books:commit(sending.changed(entry.key, { attempts = entry.attempts, maybe_twice = entry.maybe_twice }, { "sending" }))
    entry.sending = false
  end
  self.waiting:later(entry, seconds)
end

--- A message that was read cannot go on now.
---@param record table
---@param decision smpp.Decision?
---@param after integer  a serial before its own
function Parked:back(record, decision, after)
  self:put(decision and decision.names, after)
  self:put_off(decision and record.expires or self.loop:time(), after)
end

--- A message stays in the store: until one of these carriers wants it.
---@param names string[]?
---@param after integer?  a serial before its own
function Parked:put(names, after)
  after = after or self.last
  for i = 1, #(names or "") do
    local name = names[i]
    self.behind[name] = math.min(self.behind[name] or after, after)
  end
  self:watch()
end

--- A message stays in the store: until a time.
---@param at number  Unix time
---@param after integer?  a serial before its own
function Parked:put_off(at, after)
  after = after or self.last
  self.due_at, self.due_after = math.min(self.due_at or at, at), math.min(self.due_after or after, after)
  self:watch()
end

--- Was it on its way when an earlier process ended, perhaps taken?  Marks it; true: it is held, as `after_crash` says.
---@param self { gateway: smpp.Gateway, books: smpp.Books }
---@param record table
---@return boolean?
function parked.marked(self, record)
  if not record.sending then return record.held end -- what this process sends is in memory
  if sending.after_crash(self.gateway, record.part_ids and record.carrier or record.sending) == "hold" then record.held = true end
  if record.held or not record.maybe_twice then
    record.maybe_twice = true
    figures.maybe_twice:add(1)
    self.gateway:log("warn", "maybe_twice", { id = record.id, account = record.system_id })
    local change = { op = "change", kind = "message", key = record.key, from = "ENROUTE", set = { maybe_twice = true, held = record.held } }
    task.start(self.books.sink, self.books.commit, self.books, { change }) -- goes to the store before what follows
  end
  return record.held
end

--- Takes a message of the store into memory, if it can go on and there is room.  Does not wait: what was read is true for now only.
---@param is_first boolean?  of the pass at the start, for which the rules are not asked: there may be millions
local function take(self, record, is_first)
  local waiting = self.waiting
  if waiting.entries[record.key] then return end
  if record.carrier_id then
    if not self.books.restored then self.books:restore(record) end
    return
  end
  if record.joined then return end -- the first part has its text
  if record.join then return self.books.joining:add(record, record.serial - 1) end
  if record.part_ids and not self.books.restored then self.books:restore(record) end
  if record.held or parked.marked(self, record) then return waiting:keep(record) end
  local now, after = self.loop:time(), record.serial - 1
  local due = record.state == "SCHEDULED" and record.schedule or now
  if now < record.expires and due > now then
    if due > now + SOON_S then return self:put_off(math.min(due - SOON_S, record.expires), after) end
    local slot = waiting:reserve_scheduled()
    if not slot then return self:put_off(due, after) end
    return waiting:later(waiting:enter(record, slot), due - now)
  end
  if is_first then
    self.first = math.min(self.first or after, after)
    return self:put_off(record.expires, after)
  end
  local entry, decision = waiting:admit(record)
  if entry then
    self.admitted = self.admitted + 1
    return
  end
  self:back(record, decision, after)
end

--- Does one of these carriers want more?
local function wanting(self, names)
  for i = 1, #names do
    if self.waiting:wants(names[i]) then return true end
  end
  return false
end

--- A page has been read, so what it has of carriers' messages is known: each is put back where it stays in the store.
---@param from integer   the serial before its first
---@param till integer?  the serial of its last; nil: there are no more
local function seen(self, from, till)
  local behind = self.behind
  for name, serial in pairs(behind) do
    if serial >= from and not (till and serial >= till) then behind[name] = till end
  end
end

--- Reads messages behind a serial; with `names` until none of these carriers wants more, else to the end.
---@async
local function pass(self, after, names, is_first)
  local store, books = self.books.store, self.books
  while not books.closed do
    local accepted, admitted = books.accepted, self.admitted
    local list, words = stores.find(store, { kind = "message", open = true, after = after, limit = PAGE })
    if list then
      seen(self, after, list[PAGE] and list[PAGE].serial)
      for i = 1, #list do
        after = list[i].serial
        self.last = math.max(self.last, after)
        local ok, trace = pcall(take, self, list[i], is_first)
        if not ok then books.sink(trace) end -- one that cannot be read stops no other
      end
      if #list < PAGE then return end
      if names and not wanting(self, names) then return self:put(names, after) end
      local came = books.accepted - accepted
      if came > 0 and self.admitted == admitted then books:sleep(math.min(MOST_PAUSE_S, came * PAUSE_S)) end
    else
      self.gateway:log("error", "store_failed", { reason = words })
      books:sleep(RETRY_S)
    end
  end
end

--- Over all that waits in the store.
---@async
local function pass_all(self)
  local after, began = self.due_after or math.huge, self.loop:now()
  for _, serial in pairs(self.behind) do after = math.min(after, serial) end
  self.behind, self.due_at, self.due_after, self.is_old = {}, nil, nil, false
  if after < math.huge then pass(self, after) end
  self.passed_at = self.loop:now()
  self.pass_s = self.passed_at - began
end

--- For some carriers.
---@async
local function pass_for(self, after, names)
  local before, began = self.admitted, self.loop:now()
  for _, name in ipairs(names) do self.behind[name] = nil end
  pass(self, after, names)
  if self.admitted > before or not next(self.behind) then return end
  local now = self.loop:now()
  for _, name in ipairs(names) do self.vain[name] = now + math.max(VAIN_S, (now - began) * PASS_SHARE) end
end

--- Reads what can go on.
function Parked:look()
  if self.books.closed then return end
  if self.reading or not self.books.restored then return self:watch() end
  local now, names, after, is_empty = self.loop:now(), {}, math.huge, self.due_at == nil
  for name, serial in pairs(self.behind) do
    is_empty = false
    if self.waiting:wants(name) and now >= (self.vain[name] or 0) then
      names[#names + 1] = name
      after = math.min(after, serial)
    end
  end
  if is_empty then return end
  local idle_s = now - self.passed_at
  local all = self.is_old or (idle_s >= self.pass_s * PASS_SHARE and (idle_s >= PASS_S or (self.due_at and self.due_at <= self.loop:time())))
  if not all and #names == 0 then return self:watch() end
  self.reading = true
  task.start(function(trace)
    self.reading = false
    self.books.sink(trace)
  end, function()
    if all then pass_all(self) else pass_for(self, after, names) end
    self.reading = false
    self:look()
  end)
end

--- Reads all messages of earlier runs: what was on its way is marked, and trackers get to know what carriers have.
---@async
function Parked:start()
  self.reading = true
  pass(self, 0, nil, true)
  self.reading = false
  if not self.first then return end
  local names = {}
  for i, carrier in ipairs(self.gateway.carriers) do names[i] = carrier.name end
  self:put(names, self.first)
end

--- The file was loaded again: decisions are made anew.
function Parked:reloaded() self.is_old = true end

--- Stops reading.
function Parked:close() self.timer:close() end

return parked
