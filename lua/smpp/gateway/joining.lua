--- Parts of stored messages that are joined for carriers that want whole texts (long = "payload").  Each part is a message of its own in the
--- store, with its answer and its receipt; when all have come, the first carries the whole text, and the others end as it ends.
local codec = require "smpp.codec"
local core = require "smpp.core"
local schema = require "smpp.base.schema"
local sending = require "smpp.gateway.sending"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local text = require "smpp.text"

local joining = {}

---@class smpp.Joining
---@field count integer  parts that wait for others
---@field leaving table<string, boolean>  keys of parts that go on, until the store knows it: what was read of them before is old
local Joining = {}
local mt = { __index = Joining, __name = "smpp.Joining" }

local WAIT_S = 60     -- for the other parts; then those that came are sent as they are
local MOST = 10000    -- parts that wait at a time; others are sent as they are
local MOST_SHARED = 50 -- parts of a text where nodes share the store: a node takes them in one call
local UDHI = 0x40
local CONCAT = { [0x00] = true, [0x08] = true }

---@param books smpp.Books
---@return smpp.Joining
function joining.new(books)
  return setmetatable({ books = books, gateway = books.gateway, loop = books.loop, sets = {}, count = 0, leaving = {} }, mt)
end

--- The set that a part belongs to, as a key; nil: it is not to be joined.
---@param msg smpp.RouteMessage
---@param decision smpp.Decision
---@return string? key
---@return { total: integer, seq: integer }? part
function Joining:wanted(msg, decision)
  local names = self.books.is_shared and decision.names or decision.carriers -- shared: whichever carriers this node has a bind to
  local first = names and self.gateway.by_name[names[1]]
  local long = msg.long or first and first.own.long
  if long ~= "payload" or msg.destination or self.count >= MOST then return nil end
  local pdu = msg.pdu
  local part = text.part(pdu, (select(2, text.body(pdu, msg.peer_text))))
  if not part or part.total < 2 or part.seq < 1 or part.seq > part.total then return nil end
  if self.books.is_shared and part.total > MOST_SHARED then return nil end
  local key = ("%s\0%s\0%s\0%s/%d/%d/%d"):format(msg.account, pdu.source_addr or "", msg.to, part.width, part.reference, part.total,
    pdu.data_coding or 0)
  return key, part
end

-- ---- where nodes share the store ----

--- The queue in which the parts of a text wait, whichever nodes took them.
---@param record table  with `join`
---@return string
function joining.queue_of(record) return ("j:%d:%s"):format(record.join_total, core.sha256(record.join):sub(1, 16)) end

--- Where a part goes that was accepted: when it is due there, the others have not come in time.
---@param record table
---@return table place
function joining.place(record)
  return { "queue", home = joining.queue_of(record), due = record.submitted + WAIT_S, over = record.expires }
end

--- Parts that this node has taken: all of a text, or those whose time is over.
---@async
---@param list table[]  records
function Joining:came(list)
  local sets, order = {}, {}
  for _, record in ipairs(list) do
    local set = sets[record.join]
    if not set then
      set = { key = record.join, total = record.join_total, parts = {}, came = 0, after = nil, rest = {} }
      sets[record.join], order[#order + 1] = set, set
    end
    if set.parts[record.join_seq] then
      set.rest[#set.rest + 1] = record -- another text under this reference
    else
      set.parts[record.join_seq], set.came = record, set.came + 1
    end
  end
  local now = self.books:time()
  for _, set in ipairs(order) do
    for _, record in ipairs(set.rest) do self:alone(record) end
    if set.came == set.total then
      self:join(set)
    else
      for seq = 1, set.total do
        local record = set.parts[seq]
        if record and now >= math.min(record.submitted + WAIT_S - 1, record.expires) then
          self:alone(record)
        elseif record then
          local change = sending.changed(record.key, nil)[1]
          change.place = joining.place(record)
          self.books:commit { change }
        end
      end
    end
  end
end

--- A message that was a part, or has the text of all of them, goes the usual way.
---@async
---@param self smpp.Joining
---@param record table
---@param changes smpp.Change[]  the last is of this message
---@return boolean? ok
local function release(self, record, changes)
  local waiting = self.books.waiting
  if not self.books.is_shared then return (self.books:commit(changes)) end
  local decided = { record = record }
  waiting:decide(decided)
  changes[#changes].place = waiting.parked:place_of(record, decided.decision)
  local ok = self.books:commit(changes)
  waiting.parked:look()
  return ok
end

-- ---- sets in memory ----

--- A part is in the store, and waits for the others.
---@param record table  with `join`, the key of its set, `join_total` and `join_seq`
---@param after integer  a serial before its own
function Joining:add(record, after)
  if self.leaving[record.key] then return end
  local set = self.sets[record.join]
  if set and set.parts[record.join_seq] then
    if set.parts[record.join_seq].key ~= record.key then -- another text under this reference
      task.start(self.books.sink, self.alone, self, record, after)
    end
    return
  end
  if not set then
    local key = record.join
    set = { key = key, total = record.join_total, parts = {}, came = 0, after = after, timer = nil }
    set.timer = self.loop:timer(function() task.start(self.books.sink, self.give_up, self, key) end)
    set.timer:start(WAIT_S)
    self.sets[key] = set
  end
  set.parts[record.join_seq], set.came, self.count = record, set.came + 1, self.count + 1
  if set.came == set.total then task.start(self.books.sink, self.complete, self, set) end
end

local function take(self, set)
  self.sets[set.key] = nil
  self.count = self.count - set.came
  set.timer:close()
  for seq = 1, set.total do
    if set.parts[seq] then self.leaving[set.parts[seq].key] = true end
  end
end

--- Sends a part as it is.
---@async
function Joining:alone(record, after)
  local waiting = self.books.waiting
  self.leaving[record.key] = true
  local ok = release(self, record, sending.changed(record.key, {}, { "join" }))
  self.leaving[record.key] = nil
  if not ok or self.books.is_shared then return end -- it is final: cancelled; or it is in a queue
  record.join = nil
  local entry, decision = waiting:admit(record)
  if entry then return end
  waiting.parked:back(record, decision, after)
end

--- The other parts have not come in time.
---@async
function Joining:give_up(key)
  local set = self.sets[key]
  if not set or self.books.closed then return end
  take(self, set)
  for seq = 1, set.total do
    if set.parts[seq] then self:alone(set.parts[seq], set.after) end
  end
end

--- The PDU of the whole text; nil: the parts cannot be joined.
---@param list smpp.Pdu[]
---@return smpp.Pdu?
function joining.whole(list)
  local first, octets, delivery = list[1], {}, 0
  local _, header = text.body(first)
  for i, pdu in ipairs(list) do
    if pdu.data_coding ~= first.data_coding or pdu.command_id ~= first.command_id then return nil end
    octets[i] = (text.body(pdu))
    delivery = math.max(delivery, pdu.registered_delivery or 0)
  end
  local elements = {}
  for _, element in ipairs(header and header.elements or {}) do
    if not CONCAT[element.iei] then elements[#elements + 1] = string.char(element.iei, #element.octets) .. element.octets end
  end
  local kept, esm_class = table.concat(elements), first.esm_class or 0
  local has = math.floor(esm_class / UDHI) % 2 == 1
  local fields = {
    message_payload = (kept ~= "" and string.char(#kept) .. kept or "") .. table.concat(octets), registered_delivery = delivery,
    esm_class = esm_class - (has and kept == "" and UDHI or 0),
  }
  if first.command ~= "data_sm" then fields.short_message = "" end
  if first.sar_total_segments then
    fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = codec.none, codec.none, codec.none
  end
  return (first:with(fields))
end

--- All parts have come: the first carries the text of all.
---@async
function Joining:complete(set)
  if self.sets[set.key] ~= set then return end
  take(self, set)
  self:join(set)
end

--- The first part gets the text of all.
---@async
---@private
function Joining:join(set)
  self.books.has_unusual = true
  local list, leader, members = {}, set.parts[1], {}
  for seq = 1, set.total do list[seq] = assert(codec.decode(set.parts[seq].octets)) end
  local whole = joining.whole(list)
  local changes = {}
  for seq = 2, set.total do
    members[seq - 1] = set.parts[seq].key
    changes[seq - 1] = sending.changed(set.parts[seq].key, { joined = leader.key }, { "join" })[1]
    changes[seq - 1].place = { "none" } -- it ends with the first
  end
  local octets = whole and whole:octets()
  changes[#changes + 1] = sending.changed(leader.key, { octets = octets, members = members }, { "join" })[1]
  local ok = whole and release(self, schema.merge(leader, { octets = octets, members = members }), changes)
  for seq = 1, set.total do self.leaving[set.parts[seq].key] = nil end
  if not ok then -- one of them is final: cancelled
    for seq = 1, set.total do self:alone(set.parts[seq], set.after) end
    return
  end
  if self.books.is_shared then return end
  leader.octets, leader.members, leader.join = octets, members, nil
  local waiting = self.books.waiting
  local entry, decision = waiting:admit(leader)
  if entry then return end
  waiting.parked:back(leader, decision, set.after)
end

--- The other parts of a joined message that are not final.
---@async
---@param record table
---@return table[]? records  nil: the store cannot be read
function Joining:members(record)
  local list = {}
  for _, key in ipairs(record.members or {}) do
    local member, _, code = stores.get(self.books.store, "message", key)
    if not member and code ~= "missing" then return nil end
    if member and not stores.is_final(member.state) then list[#list + 1] = member end
  end
  return list
end

--- Forgets the parts: they are another node's.
function Joining:forget()
  self:close()
  self.sets, self.count, self.leaving = {}, 0, {}
end

function Joining:close()
  for _, set in pairs(self.sets) do set.timer:close() end
end

return joining
