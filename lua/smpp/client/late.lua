--- Messages whose receipts are late, as octets in a map of the C core: tables for each of them would be most of what a client with a million open
--- messages has, and most of its collector's work.  Whoever holds what `send` returned holds the message itself; one that nobody holds is made again
--- when somebody looks at it.
local core = require "smpp.core"
local sents = require "smpp.client.sent"

local late = {}

---@class smpp.LateMessages
local Late = {}
local mt = { __index = Late, __name = "smpp.LateMessages" }

local usual_text = core.text.usual
local char = string.char

-- What a message has that is written, and what is computed of that.
local KNOWN = {
  esme = true, first = true, words = true, message_id = true, handle = true, waiter = true, last_state = true,
  info = true, message_ids = true, parts = true,
}

--- Tests whether a message has one part of the usual kind, an id, no waits, and no fields of the program's.
local function is_plain(sent)
  if sent.waiter or not rawget(sent, "words") or not rawget(sent, "message_id") then return false end
  for name in pairs(sent) do
    if not KNOWN[name] then return false end
  end
  return true
end

-- No string but the text has a NUL: they are or were C-strings of a PDU.
local PATTERN = "^(%Z*)%z(%Z*)%z(%Z*)%z(%Z*)%z(......)(.*)$"

local function write(sent)
  local first = sent.first
  return sent.message_id .. "\0" .. first.source_addr .. "\0" .. first.destination_addr .. "\0" .. (sent.last_state or "") .. "\0"
    .. char(first.source_addr_ton, first.source_addr_npi, first.dest_addr_ton, first.dest_addr_npi, first.registered_delivery, first.data_coding or 0)
    .. sent.words
end

--- A message that was written, once more.
---@param client smpp.Client
---@param handle integer
---@param octets string
---@return smpp.Sent
function late.read(client, handle, octets)
  local message_id, source, destination, state, numbers, words = octets:match(PATTERN)
  local source_ton, source_npi, dest_ton, dest_npi, registered, data_coding = numbers:byte(1, 6)
  local sent = sents.new(client, { -- as the composer makes it
    source_addr = source, source_addr_ton = source_ton, source_addr_npi = source_npi,
    destination_addr = destination, dest_addr_ton = dest_ton, dest_addr_npi = dest_npi, short_message = usual_text { text = words },
    registered_delivery = registered, data_coding = data_coding ~= 0 and data_coding or nil,
  }, nil, words)
  sent.message_id, sent.handle, sent.waiter, sent.last_state = message_id, handle, false, state ~= "" and state or nil
  return sent
end

---@param client smpp.Client
---@return smpp.LateMessages
function late.new(client)
  return setmetatable({
    client = client,
    records = core.map.new(nil, nil, client.map_seed), -- handle -> octets
    held = setmetatable({}, { __mode = "v" }),         -- handle -> message that somebody holds, or that is not collected yet
  }, mt)
end

--- Puts a message.
---@param handle integer
---@param sent smpp.Sent
---@return boolean done  false: it has to stay as it is
function Late:put(handle, sent)
  if not (is_plain(sent) and self.records:put(tostring(handle), write(sent), 0)) then return false end
  self.held[handle] = sent
  sents.set_late(sent, true)
  return true
end

--- Takes a message out; nil: it is not here.
---@param handle integer
---@return smpp.Sent?
function Late:take(handle)
  local sent = self.held[handle]
  local octets = self.records:take(tostring(handle))
  if not sent then return octets and late.read(self.client, handle, octets) end
  self.held[handle] = nil
  sents.set_late(sent, false)
  return sent
end

--- Takes the octets of a message out that nobody holds, if it has this id.
---@param handle integer
---@param id string
---@return string? octets  of `read`; nil: use `take`
function Late:take_octets(handle, id)
  if self.held[handle] then return nil end
  local key = tostring(handle)
  local octets = self.records:take(key)
  if not octets or octets:byte(#id + 1) == 0 and octets:sub(1, #id) == id then return octets end
  self.records:put(key, octets, 0)
end

--- Takes a message out that only matters to who holds it; nil: nobody does.
---@param handle integer
---@return smpp.Sent?
function Late:drop(handle)
  if self.held[handle] then return self:take(handle) end
  self.records:delete(tostring(handle))
end

--- The handles of messages that somebody may hold.
---@return integer[]
function Late:handles()
  local list = {}
  for handle in pairs(self.held) do list[#list + 1] = handle end
  return list
end

--- Forgets all messages.
function Late:clear()
  self.records:clear()
  self.held = setmetatable({}, { __mode = "v" })
end

return late
