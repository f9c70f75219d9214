--- Ids of the gateway, and what they mean: which carrier has the message, under which id, and who sent it.
local core = require "smpp.core"

local remember = core.relay.remember

local ids = {}

---@class smpp.GatewayIds
local Ids = {}
local mt = { __index = Ids, __name = "smpp.GatewayIds" }

---@param loop smpp.Loop
---@param limit integer
---@param ttl_s number
---@return smpp.GatewayIds
function ids.new(loop, limit, ttl_s)
  local time = loop:time()
  return setmetatable({
    loop = loop,
    prefix = ("%x"):format(math.floor(time * 1000)), -- ids of two processes differ by it
    count = 0,
    short = math.floor(time) * 64 % 0x100000000,     -- of SMPP 3.3, which has eight hexadecimal digits
    is_shared = false, first = 1, last = 0, spare = nil, -- numbers that no other node has, where nodes share a store
    refill = nil,
    map = core.map.new(limit, ttl_s, loop:random_octets(8)),
  }, mt)
end

local DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
local COUNTED, RANDOM = 15, 5 -- digits

local TWO = 36 * 36
local pairs_of_digits = {} -- number -> two digits
for i = 0, TWO - 1 do
  local high, low = math.floor(i / 36) + 1, i % 36 + 1
  pairs_of_digits[i] = DIGITS:sub(high, high) .. DIGITS:sub(low, low)
end

--- A number in base 36, of an odd number of digits.
local function base36(number, digits)
  if digits == 1 then return DIGITS:sub(number + 1, number + 1) end
  local low = number % TWO
  return base36((number - low) / TWO, digits - 2) .. pairs_of_digits[low]
end

local before, head = nil, nil -- all digits but the last two of the number before: numbers come one after another

--- The digits of a number that is counted.
local function counted(number)
  local low = number % TWO
  local high = (number - low) / TWO
  if high ~= before then before, head = high, base36(high, COUNTED - 2) end
  return head .. pairs_of_digits[low]
end

--- Ids are of numbers that no other node has.
---@param refill fun()  called when more are wanted; the answer is `lend`
function Ids:share(refill)
  self.is_shared, self.refill = true, refill
  refill()
end

--- Numbers that no other node has.
---@param first integer?  nil: the store is away; they are asked for again with the next id
---@param last integer?
function Ids:lend(first, last)
  if not first then
    self.is_asking = false
    return
  end
  if self.first > self.last then self.first, self.last = first, last else self.spare = { first, last } end
  self.is_asking = false
end

--- The next of them; nil: there is none.
local function number_of(self)
  if self.first > self.last and self.spare then self.first, self.last, self.spare = self.spare[1], self.spare[2], nil end
  if self.last - self.first < 500 and not self.spare and not self.is_asking then
    self.is_asking = true
    self.refill()
  end
  if self.first > self.last then return nil end
  self.first = self.first + 1
  return self.first - 1
end

--- An id of a number of its own, and 24 random bits.
local function shared_id(self, version)
  local number = number_of(self)
  local a, b, c = self.loop:random_octets(3):byte(1, 3)
  if version < 0x34 then return ("%08x"):format(number and number % 0x100000000 or (a * 65536 + b * 256 + c) * 256) end
  if number then return counted(number) .. base36(a * 65536 + b * 256 + c, RANDOM) end
  local list = { "z" } -- no number has it: the store is away
  for _ = 1, 4 do
    a, b, c = self.loop:random_octets(3):byte(1, 3)
    list[#list + 1] = base36(a * 65536 + b * 256 + c, RANDOM)
  end
  return table.concat(list):sub(1, COUNTED + RANDOM)
end

--- A new message_id.
---@param version integer  of the session
---@return string
function Ids:next(version)
  if self.is_shared then return shared_id(self, version) end
  if version < 0x34 then
    self.short = (self.short + 1) % 0x100000000
    return ("%08x"):format(self.short)
  end
  self.count = self.count + 1
  return ("%s%05x"):format(self.prefix, self.count)
end

local SEPARATOR = "\0" -- no C-octet string has one

--- Remembers where a message is; the oldest is forgotten where there is no room.
---@param id string
---@param carrier string
---@param response smpp.Pdu  of the carrier
---@param account string
---@param pdu smpp.Pdu  as the customer sent it
---@param sent_source string?  as the carrier got it; nil: as the customer sent it
---@param now number  of the loop
function Ids:remember(id, carrier, response, account, pdu, sent_source, now)
  remember(self.map, id, carrier, response, account, pdu, sent_source, now)
end

--- Where a message is; nil: unknown, or forgotten.
---@param id string
---@return { carrier: string, carrier_id: string, account: string, source: string, sent_source: string }?
function Ids:get(id)
  local map, now = self.map, self.loop:now()
  while map:expire(now) do end -- luacheck: ignore 542
  local value = map:get(id)
  if not value then return nil end
  local list, at = {}, 1
  for i = 1, 5 do
    local stop = value:find(SEPARATOR, at, true) or #value + 1
    list[i], at = value:sub(at, stop - 1), stop + 1
  end
  return { carrier = list[1], carrier_id = list[2], account = list[3], source = list[4], sent_source = list[5] }
end

-- ---- handles: what a carrier's tracker keeps of a message until its receipts have come ----

local FIELDS = {
  "id", "account", "source_addr", "source_addr_ton", "source_addr_npi", "destination_addr", "dest_addr_ton", "dest_addr_npi",
  "registered_delivery", "submitted", "books",
}
local NUMBERS = {
  source_addr_ton = true, source_addr_npi = true, dest_addr_ton = true, dest_addr_npi = true, registered_delivery = true, submitted = true,
}

--- The handle of a message: who sent it, from where to where, before rules changed it.
---@return string
---@param books string?  its key in the books; nil: it passes through
function ids.handle(id, account, source, source_ton, source_npi, destination, ton, npi, registered_delivery, submitted, books)
  return table.concat({
    id, account, source, source_ton, source_npi, destination, ton, npi, registered_delivery, ("%.0f"):format(submitted), books or "",
  }, SEPARATOR)
end

--- The handle of a message in the books.
---@param record table
---@param pdu smpp.Pdu  its octets
---@return string
function ids.handle_of(record, pdu)
  local handle = not record.dest_addr_ton and core.relay.handle(pdu, record.id, record.system_id, record.submitted, record.key)
  if handle then return handle end
  return ids.handle(record.id, record.system_id, pdu.source_addr, pdu.source_addr_ton, pdu.source_addr_npi, record.destination_addr,
    record.dest_addr_ton or pdu.dest_addr_ton or 0, record.dest_addr_npi or pdu.dest_addr_npi or 0, record.registered_delivery or 0,
    record.submitted, record.key)
end

--- What a handle says.
---@param handle string
---@return table
function ids.read_handle(handle)
  local out, at = {}, 1
  for _, name in ipairs(FIELDS) do
    local stop = handle:find(SEPARATOR, at, true) or #handle + 1
    local value = handle:sub(at, stop - 1)
    out[name], at = NUMBERS[name] and tonumber(value) or value, stop + 1
  end
  return out
end

return ids
