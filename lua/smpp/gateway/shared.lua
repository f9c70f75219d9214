--- Messages of the books where nodes share a store.  What a node does not work on is in queues of the store, from which any node takes what
--- it has room for: messages by the carriers that may have them, receipts and messages for customers by their account, events of webhooks.
--- It has the interface of smpp.gateway.parked, which is for a store of one's own.
local core = require "smpp.core"
local gateway_ids = require "smpp.gateway.ids"
local joining = require "smpp.gateway.joining"
local lanes = require "smpp.gateway.lanes"
local parked = require "smpp.gateway.parked"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local shared = {}

---@class smpp.SharedQueues
local Shared = {}
local mt = { __index = Shared, __name = "smpp.SharedQueues" }

local POLL_S = 0.5        -- queues are looked at so often, though nobody has told of something new
local BACK_S = 1          -- before what could not go on is taken again
local LOW = 500           -- entries of a carrier in memory: with fewer, more are taken
local AHEAD = 100         -- the same for receipts and messages of an account
local EXPIRE_S = 30       -- how often old ids are looked for
local IDLE_S = 20
local PASS_S = 60         -- least time between passes over all that is due, at which decisions are made anew
local PASS_SHARE = 10     -- and as a multiple of the time that the last one took
local SET_PARTS = 100     -- of texts that are taken in one call
local NONE = "*"          -- the carrier of messages that need none
local KNOWN, KNOWN_S = 100000, 600 -- messages of this node that carriers have, kept here for their receipts, and for how long
local DIGITS = 8          -- of a destination, in the names of queues of held messages
local NOWHERE = { "none" }

shared.NOWHERE = NOWHERE

---@param waiting smpp.Waiting
---@return smpp.SharedQueues
function shared.new(waiting)
  local self
  self = setmetatable({
    waiting = waiting, books = waiting.books, gateway = waiting.gateway, store = waiting.books.store, loop = waiting.loop,
    is_shared = true,
    behind = {},                  -- carrier -> true: its queue may have messages
    last = 0,
    saving = 0,                   -- messages that a carrier has, and the store does not know it yet
    known = nil,                  -- key of an id of a carrier -> handle of the message; the store may know better
    sets = {},                    -- queue of the parts of a text -> how many there are of it; they may be complete
    is_taking = false, again = false, early = false,
    found_at = waiting.loop:now(), expired_at = waiting.loop:now(),
    pass_at = nil, pass_began = 0, passed_at = waiting.loop:now(), pass_s = 0, -- the pass that runs; the last one: its end, how long it took
  }, mt)
  self:forget_known()
  self.timer = self.loop:timer(function()
    self:pass(false)
    self:give_back()
    self:look()
    self:expire()
    local idle_s = self.loop:now() - self.found_at
    self.timer:start(idle_s > IDLE_S and self.store.idle_poll_s or POLL_S) -- a store in virtual time may want fewer
  end, true)
  self.lanes = lanes.new(self.gateway, self.loop, function() self:look() end)
  self.on_taken = function(list, more, code) task.start(self.books.sink, self.taken, self, list, more, code) end
  return self
end

-- ---- places ----

--- The queue of messages with a decision.
local function queue_of(decision, record, sort)
  local names = decision and decision.action == "via" and (decision.names or decision.carriers)
  return (record.lane and "l:" .. record.lane or sort or "m") .. ":" .. (names and names[1] and table.concat(names, ",") or NONE)
end

--- The lane of a message: it has to wait for those before it, wherever they are.
---@param decision smpp.Decision
---@param msg smpp.RouteMessage
---@return integer?
function Shared:lane(decision, msg) return self.lanes:of(decision, msg.to) end

--- This node has a message of a lane no more.
---@param lane integer
function Shared:left(lane) self.lanes:left(lane) end

--- Where a message goes that is accepted.
---@param decision smpp.Decision
---@param record table
---@param is_here boolean  this node works on it
---@return table place
function Shared:place(decision, record, is_here) -- luacheck: no self
  if record.join then return joining.place(record) end
  local is_later = record.state == "SCHEDULED"
  local due = is_later and record.schedule or record.lane and 0 or record.submitted -- 0: the engine's time
  return { is_here and "work" or "queue", home = queue_of(decision, record, is_later and "s" or "m"), due = due, over = record.expires }
end

--- Where a message goes that has been something else.
---@param record table
---@param decision smpp.Decision
---@return table place
function Shared:place_of(record, decision)
  return { "queue", home = queue_of(decision, record), due = self.books:time(), over = record.expires }
end

--- A message was accepted that this node does not work on.
---@param decision smpp.Decision
---@param record table
function Shared:accepted(decision, record)
  if record.join then return self:woken(joining.queue_of(record)) end
  for _, name in ipairs(decision.names or {}) do self.behind[name] = true end
end

local function changed(entry, set, clear, place)
  return { op = "change", kind = "message", key = entry.key, from = entry.record.state, set = set, clear = clear, guard = "mine", place = place }
end

--- No carrier has taken a message: it goes back into the queue, for another attempt.
---@async
---@param entry table
---@param seconds number
---@return boolean
function Shared:retry(entry, seconds)
  local record, now = entry.record, self.books:time()
  local place = { "queue", home = queue_of(record.part_ids and { action = "via", carriers = { record.carrier } } or entry.waits_for, record),
    due = now + seconds, over = record.expires }
  self.books:commit { changed(entry, { attempts = entry.attempts, maybe_twice = entry.maybe_twice }, { "sending" }, place) }
  self.waiting:leave(entry)
  return true
end

--- The outcome of a message is unknown: it is held where receipts find it, and ends when its validity does.
---@async
function Shared:hold(entry, carrier)
  local record = entry.record
  local to = entry.msg and entry.msg.to or record.destination_addr
  local place = { "queue", home = ("h:%s:%s"):format(carrier and carrier.name or NONE, to:sub(-DIGITS)), due = 0, over = record.expires }
  self.books:commit { changed(entry, { carrier = carrier and carrier.name, held = true, maybe_twice = entry.maybe_twice }, { "sending" }, place) }
  self.waiting:leave(entry)
end

--- A message that was taken cannot go on here.
function Shared:back(record, decision)
  local place = { "queue", home = queue_of(decision, record), due = self.books:time() + BACK_S, over = record.expires }
  task.start(self.books.sink, function()
    self.books:commit { changed({ key = record.key, record = record }, nil, nil, place) }
    if record.lane then self.lanes:left(record.lane) end
  end)
end

-- ---- taking ----

local function receivers_of(gateway, fn)
  for _, server in ipairs(gateway.servers) do
    for name, account in pairs(server.accounts) do
      if #account.receivers > 0 then fn(server, name, account) end
    end
  end
end

--- Wishes for texts whose parts may be complete: as many as come in one call.
local function wish_sets(self, list)
  local room = SET_PARTS
  for queue, total in pairs(self.sets) do
    if total <= room then
      list[#list + 1], room, self.sets[queue] = { what = "set", name = queue, room = total }, room - total, nil
    else
      self.again = true
    end
  end
end

--- What this node has room for.
local function wishes_of(self)
  local list, waiting = {}, self.waiting
  wish_sets(self, list)
  for _, carrier in ipairs(self.gateway.carriers) do
    local room = LOW - (waiting.slots[carrier.name] or 0)
    if room > 0 and carrier:available() then list[#list + 1] = { what = "carrier", name = carrier.name, room = room } end
  end
  list[#list + 1] = { what = "carrier", name = NONE, room = LOW }
  receivers_of(self.gateway, function(_, name, account)
    local room = AHEAD - (account.outbox and account.outbox.count or 0)
    if room > 0 then list[#list + 1] = { what = "queue", name = "o:" .. name, room = room } end
  end)
  local webhooks = self.gateway.http and self.gateway.http.webhooks
  if webhooks and webhooks:room() > 0 then list[#list + 1] = { what = "queue", name = "e", room = webhooks:room() } end
  return list
end

--- Takes what can go on.
---@param early boolean?  messages that wait for another attempt, too
function Shared:look(early)
  if self.books.closed or not self.store.run then return end
  self.early = self.early or early or false
  if self.is_taking then
    self.again = true
    return
  end
  self.is_taking, self.again = true, false
  local wishes = wishes_of(self)
  self.wished = wishes
  early, self.early = self.early, false
  self.store.queues:take(wishes, { early = early, all = self.pass_at, free = self.lanes:free() }, self.on_taken)
end

--- A message that was taken from a queue; true: it stays, or goes back by itself.
---@async
local function stays(self, record)
  local waiting = self.waiting
  if waiting.entries[record.key] or stores.is_final(record.state) then return nil end
  if record.sending and parked.marked(self, record) then
    self:hold({ key = record.key, record = record, maybe_twice = record.maybe_twice },
      { name = record.part_ids and record.carrier or record.sending })
    return nil
  end
  local entry, decision = waiting:admit(record)
  if not entry then self:back(record, decision) end
  return true
end

---@async
local function enter(self, record)
  local lane = record.lane
  if lane then self.lanes:took(lane) end
  if not stays(self, record) and lane then self.lanes:left(lane) end
end

local ENTER = {
  message = enter,
  outbound = function(self, record)
    local server = self.gateway:server_of(record.system_id)
    if server then server.outbound:take_back(record) end
  end,
  value = function(self, record)
    local http = self.gateway.http
    if http and record.value then http.webhooks:enter(record) end
  end,
}

---@async
---@private
function Shared:taken(list, more)
  self.is_taking = false
  if self.books.closed then return end
  if list and list[1] then self.found_at = self.loop:now() end
  if not list then return end -- the store is away: the next poll
  for _, wish in ipairs(self.wished) do
    if wish.what == "carrier" then self.behind[wish.name] = more or nil end
    if wish.what == "set" and more then self.sets[wish.name] = wish.room end -- perhaps there was no room for it
  end
  local parts
  for i = 1, #list do
    local record = list[i].record
    if record.join then
      parts = parts or {}
      parts[#parts + 1] = record
    else
      local ok, trace = pcall(task.start, self.books.sink, ENTER[list[i].kind], self, record)
      if not ok then self.books.sink(trace) end
    end
  end
  if parts then task.start(self.books.sink, self.books.joining.came, self.books.joining, parts) end
  if self.pass_at and not more then -- all have been looked at
    self.passed_at = self.loop:now()
    self.pass_s, self.pass_at = self.passed_at - self.pass_began, nil
  end
  if more or self.again then self:look() end
end

--- Takes what is due of all carriers, to decide anew: other rules may hold by now, or other carriers be there.
---@private
function Shared:pass(is_due)
  local now = self.loop:now()
  if self.pass_at or not (is_due or now - self.passed_at >= math.max(PASS_S, self.pass_s * PASS_SHARE)) then return end
  self.pass_at, self.pass_began = self.books:time(), now
end

--- Takes held messages that a receipt may be of.
---@async
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@return table[] records
function Shared:held_for(carrier, receipt)
  local token, out = task.need(), {}
  local digits = (receipt.source_addr or ""):sub(-DIGITS)
  self.store.queues:take({
    { what = "queue", name = ("h:%s:%s"):format(carrier.name, digits), room = AHEAD },
    { what = "queue", name = ("h:%s:%s"):format(NONE, digits), room = AHEAD },
  }, {}, function(list) task.wake_for(token, out, list or {}) end)
  for _, one in ipairs(task.wait(out)) do
    if one.kind == "message" and one.record.held then out[#out + 1] = one.record else ENTER[one.kind](self, one.record) end
  end
  return out
end

-- ---- ids ----

--- The key of the record of an id of a carrier.
local function id_key(carrier, key) return carrier.name .. "\0" .. key end

--- The change that remembers the id of a message; nil: it has none.
---@param carrier smpp.Carrier
---@param id string
---@param o { message: string?, part: integer?, of: string? }  of: the key of a message that passed through (smpp.gateway.through)
---@return smpp.Change?
function Shared:id_change(carrier, id, o)
  if id == "" then return nil end
  return { op = "add", kind = "id", replaces = true, record = {
    key = id_key(carrier, (carrier.tracker.ids:keys(id))), message = o.message, part = o.part, of = o.of, since = self.books:time(),
  } }
end

---@private
function Shared:forget_known() self.known = core.map.new(KNOWN, KNOWN_S, self.loop:random_octets(8)) end

--- A carrier has given this node's message an id: its receipt may come to this node.
---@param carrier smpp.Carrier
---@param id string
---@param handle string
---@param record table  as the store has it when that has been committed
function Shared:sent(carrier, id, handle, record)
  local known, now = self.known, self.loop:now()
  while known:expire(now) do end -- luacheck: ignore 542
  local key, kept = id_key(carrier, (carrier.tracker.ids:keys(id))), #handle .. ":" .. handle .. self.store:rest(record)
  while known:put(key, kept, now) == false do
    if not known:expire(math.huge) then return end
  end
end

--- The message of a receipt, where this node has sent it, and was not asked before; the store may know better: see the guard.
---@param carrier smpp.Carrier
---@param id string  of the receipt
---@return string? handle
---@return string? guard  of the change that ends the message: its id is still its own
---@return string? rest   what the store has of the message when it is final, but what the end adds
function Shared:finished(carrier, id)
  local ids = carrier.tracker.ids
  if ids.rule ~= "auto" and ids.rule ~= "as-is" then return nil end -- another spelling goes first
  local key = id_key(carrier, (ids:keys(id)))
  local kept = self.known:get(key)
  if not kept then return nil end
  self.known:delete(key)
  local _, stop, size = kept:find "^(%d+):"
  return kept:sub(stop + 1, stop + size), "id:" .. key, kept:sub(stop + size + 1)
end

--- What a receipt's id means: its record, and the message.
---@async
---@param carrier smpp.Carrier
---@param receipt smpp.Receipt
---@return table? id  nil: nothing; false: the store cannot be read
---@return table? message  or what is known of one that passed through
function Shared:resolve(carrier, receipt)
  local keys, rule, n = {}, carrier.tracker.ids, 0
  while true do
    n = n + 1
    local key = rule:candidate(receipt.id or "", n)
    if key == nil then break end
    if key and key:sub(1, 1) == (rule.rule == "as-is" and "=" or "i") then keys[#keys + 1] = id_key(carrier, key) end
  end
  local token, key = task.need(), {}
  self.store.queues:resolve(keys, function(...) task.wake_for(token, key, ...) end)
  local id, message, code = task.wait(key)
  if not id then return code and false or nil end
  return id, message
end

--- Gives up a page of them; then the next one, unless it ends with the same id as the last one: that could not be given up now.
local function give_up(self, last)
  self.store.queues:old_ids(self.books:time() - self.gateway.settings.remember_s, function(list)
    local left = list and #list or 0
    local ends_with = left > 0 and list[left].key
    for _, one in ipairs(list or {}) do
      task.start(self.books.sink, function()
        if one.message == "" then
          self.gateway.through:forget(one.key)
        else
          self.gateway:log("warn", "no_receipt", { carrier = one.key:match "^[^%z]*", id = one.message })
          self.books:forgotten(one.message, self.gateway.settings.unknown_receipts)
        end
        left = left - 1
        if left == 0 and ends_with ~= last and not self.books.closed then give_up(self, ends_with) end
      end)
    end
  end)
end

--- Gives up messages whose receipt has not come for `remember_s`.
function Shared:expire()
  local now = self.loop:now()
  if now - self.expired_at < EXPIRE_S or not self.store.run then return end
  self.expired_at = now
  give_up(self, nil)
end

--- Something is new in a queue: is it for this node?
---@param queue string
function Shared:woken(queue)
  local sort, rest = queue:match "^(%l):?(.*)$"
  if sort == "h" then return end
  if sort == "j" then self.sets[queue] = tonumber(rest:match "^%d+") end
  if sort == "o" then
    local server = self.gateway:server_of(rest)
    local account = server and server.accounts[rest]
    if not account or #account.receivers == 0 then return end
  end
  self:look()
end

-- ---- life ----

--- Starts.
---@async
function Shared:start()
  self.timer:start(POLL_S)
  self:look()
end

--- Gives back what waits here for accounts without a receiver here.
---@private
function Shared:give_back()
  for _, server in ipairs(self.gateway.servers) do
    for _, account in pairs(server.accounts) do
      if #account.receivers == 0 and account.outbox then server.outbound:give_back(account) end
    end
  end
end

--- The node has a new life: what it had is no longer its own.
function Shared:forget()
  for _, entry in pairs(self.waiting.entries) do self.waiting:leave(entry) end
  self.is_taking, self.again, self.sets = false, false, {}
  self:forget_known()
  self.lanes:forget()
end

--- Nothing of these: decisions are made anew when messages are taken.
function Shared:reloaded()
  self:pass(true)
  self:look()
end

function Shared:put() end
function Shared:put_off() end

function Shared:close()
  self.timer:close()
  self.lanes:close()
end

shared.handle_of = gateway_ids.handle_of

return shared
