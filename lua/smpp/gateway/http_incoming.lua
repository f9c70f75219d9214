--- Messages from phones (MO) for accounts with a webhook: long ones are joined first.  Parts wait in the book, so that each can be
--- acknowledged when it has come; what is not whole after five minutes is told with the numbers of the missing parts.
local codec = require "smpp.codec"
local stores = require "smpp.store"
local task = require "smpp.base.task"
local text = require "smpp.text"

local incoming = {}

---@class smpp.HttpIncoming
local Incoming = {}
local mt = { __index = Incoming, __name = "smpp.HttpIncoming" }

local WHOLE_S = 300 -- the parts of a message come within this time
local LOOK_S = 30
local PAGE = 100
local INTERNATIONAL = 1 -- TON (3.4, 5.2.5)
local GROUP = "http-parts"

---@param api smpp.HttpApi
---@return smpp.HttpIncoming
function incoming.new(api)
  local self
  self = setmetatable({
    api = api, gateway = api.gateway, loop = api.loop, store = api.book.store,
    locks = {},             -- key of a long message -> tasks that wait for it
    timer = nil, closed = false,
  }, mt)
  self.timer = api.loop:timer(function() task.start(api.gateway.forward.sink, self.look, self) end)
  self.timer:start(LOOK_S)
  return self
end

-- One part of a long message at a time.
local function lock(self, key)
  local waiting = self.locks[key]
  if not waiting then
    self.locks[key] = {}
    return
  end
  waiting[#waiting + 1] = task.need()
  task.wait(waiting)
end

local function unlock(self, key)
  local waiting = self.locks[key]
  local token = table.remove(waiting, 1)
  if token then task.wake_for(token, waiting) else self.locks[key] = nil end
end

local function part_key(key, n) return ("http-part/%s/%d"):format(key, n) end

--- The text of the parts that have come: of their octets together, since a character may be cut.
local function joined(list, peer_text)
  local octets, words, first, is_plain = {}, {}, list[1], true
  for i, one in ipairs(list) do
    local header = one.info.header
    octets[i], words[i] = one.info.octets, one.words
    is_plain = is_plain and one.pdu.data_coding == first.pdu.data_coding and not (header and (header.locking or header.single))
  end
  if not is_plain then return table.concat(words) end
  return (text.decode(table.concat(octets), first.pdu.data_coding or 0, peer_text))
end

local function tlvs_of(pdu)
  local named = {}
  for _, tlv in ipairs(pdu:tlvs()) do
    named[#named + 1] = { tlv.name or ("0x%04X"):format(tlv.tag), tlv.octets }
  end
  return named
end

--- The octets of the parts behind their headers.
local function octets_of(list)
  local octets = {}
  for i, one in ipairs(list) do octets[i] = one.info.octets end
  return table.concat(octets)
end

--- The user data header of a message, as it came.
local function udh_of(one)
  if not one.info.header then return nil end
  local octets = text.octets(one.pdu)
  return octets:sub(1, 1 + octets:byte())
end

--- Adds the events of a message, and removes its parts, in one commit.
---@async
local function tell(self, account, list, total, more, carrier_name, peer_text)
  local first, missing, have = list[1].pdu, {}, {}
  for _, one in ipairs(list) do have[one.n] = true end
  for n = 1, total do
    if not have[n] then missing[#missing + 1] = n end
  end
  local words = joined(list, peer_text)
  local is_binary = list[1].info.encoding == "binary"
  local changes, entries = self.api.webhooks:draft_message(account, {
    from = first.source_addr, to = first.destination_addr, text = not is_binary and words or nil, data = is_binary and words or nil,
    encoding = list[1].info.encoding, parts = total, missing = missing[1] and missing or nil, carrier = carrier_name, tlvs = tlvs_of(first),
    octets = octets_of(list), udh = total == 1 and udh_of(list[1]) or nil, data_coding = first.data_coding, protocol_id = first.protocol_id,
    priority = first.priority_flag, validity = first.validity_period ~= "" and first.validity_period or nil,
    is_international = first.source_addr_ton == INTERNATIONAL,
  })
  for _, change in ipairs(more) do changes[#changes + 1] = change end
  local ok, message, code = stores.commit(self.store, changes)
  if code == "conflict" then return true end -- another node has told of it
  if not ok then
    self.gateway:log("error", "store_failed", { account = account, reason = message })
    return nil
  end
  self.api.webhooks:put(entries)
  return true
end

local function read(pdu, peer_text)
  local words, info = text.read(pdu, peer_text)
  local part = text.part(pdu, info.header)
  return { pdu = pdu, words = words, info = info, part = part, n = part and part.seq or 1 }
end

--- The parts in the book, and the changes that remove them.
---@async
local function others_of(self, key, total, peer_text)
  local list, removals = {}, {}
  for n = 1, total do
    local kept = stores.get(self.store, "value", part_key(key, n))
    if kept then
      list[#list + 1] = read(assert(codec.decode(kept.octets)), peer_text)
      removals[#removals + 1] = { op = "remove", kind = "value", key = kept.key }
    end
  end
  return list, removals
end

--- The change that keeps a part.
local function addition(self, account, carrier, one, key)
  return { op = "add", kind = "value", record = {
    key = part_key(key, one.n), group = GROUP, created = self.loop:time(), part_of = key, total = one.part.total, account = account,
    carrier = carrier.name, octets = one.pdu:octets(),
  } }
end

--- Takes a part where nodes share the store: the others may come to other nodes at the same time.  It is kept first; who then sees all of them
--- tells, and one commit can remove them.
---@async
local function take_shared(self, account, carrier, one, key)
  local ok, message, code = stores.commit(self.store, { addition(self, account, carrier, one, key) })
  if not ok and code ~= "duplicate" then
    self.gateway:log("error", "store_failed", { account = account, reason = message })
    return nil
  end
  local list, removals = others_of(self, key, one.part.total, carrier.peer_text)
  if #list < one.part.total then return true end
  return tell(self, account, list, one.part.total, removals, carrier.name, carrier.peer_text)
end

--- Takes a message for an account: true when it is in the book.
---@async
---@param account string
---@param carrier smpp.Carrier
---@param pdu smpp.Pdu
---@return boolean? ok
function Incoming:take(account, carrier, pdu)
  local peer_text = carrier.peer_text
  local one = read(pdu, peer_text)
  local part = one.part
  if not part or part.total < 2 or part.seq < 1 or part.seq > part.total then return tell(self, account, { one }, 1, {}, carrier.name, peer_text) end
  local key = self.api.library.sha256(table.concat({ account, pdu.source_addr, pdu.destination_addr, part.width, part.reference, part.total }, "\0"))
  if self.store.shared then return take_shared(self, account, carrier, one, key) end
  lock(self, key)
  local list, removals = others_of(self, key, part.total, peer_text)
  local ok
  local is_repeated = false
  for _, other in ipairs(list) do is_repeated = is_repeated or other.n == part.seq end
  if is_repeated then
    ok = true
  elseif #list + 1 == part.total then
    table.insert(list, part.seq, one)
    ok = tell(self, account, list, part.total, removals, carrier.name, peer_text)
  else
    local message
    ok, message = stores.commit(self.store, { addition(self, account, carrier, one, key) })
    if not ok then self.gateway:log("error", "store_failed", { account = account, reason = message }) end
  end
  unlock(self, key)
  return ok
end

--- Tells of long messages whose parts have not come in time.
---@async
---@private
function Incoming:look()
  while not self.closed do
    local list, done = stores.find(self.store, { kind = "value", group = GROUP, limit = PAGE }) or {}, 0
    for _, kept in ipairs(list) do
      if kept.created > self.loop:time() - WHOLE_S then break end
      local carrier = self.gateway.by_name[kept.carrier]
      lock(self, kept.part_of)
      local parts, removals = others_of(self, kept.part_of, kept.total, carrier and carrier.peer_text)
      local ok = not parts[1] or tell(self, kept.account, parts, kept.total, removals, kept.carrier, carrier and carrier.peer_text)
      unlock(self, kept.part_of)
      if not ok then break end
      done = done + 1
    end
    if done < PAGE then break end
  end
  if not self.closed then self.timer:start(LOOK_S) end
end

function Incoming:close()
  self.closed = true
  self.timer:close()
end

return incoming
