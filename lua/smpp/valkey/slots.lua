--- Slots of a cluster: which of its 16,384 parts a key is in, and what nodes say of who has them.
local slots = {}

local SLOTS = 16384
local POLYNOMIAL = 0x1021 -- CRC16 as XMODEM has it

local function xor(a, b)
  local out, bit = 0, 1
  while a > 0 or b > 0 do
    if a % 2 ~= b % 2 then out = out + bit end
    a, b, bit = math.floor(a / 2), math.floor(b / 2), bit * 2
  end
  return out
end

local function crc16(octets)
  local crc = 0
  for i = 1, #octets do
    crc = xor(crc, octets:byte(i) * 256)
    for _ = 1, 8 do
      local high = crc >= 0x8000
      crc = crc * 2 % 0x10000
      if high then crc = xor(crc, POLYNOMIAL) end
    end
  end
  return crc
end

--- The slot of a key: of its hash tag, if it has one.
---@param key string
---@return integer
function slots.of(key)
  local open = key:find("{", 1, true)
  local close = open and key:find("}", open + 1, true)
  if close and close > open + 1 then key = key:sub(open + 1, close - 1) end
  return crc16(key) % SLOTS
end

--- Reads what MOVED and ASK say.
---@param text string
---@param sender string  the host that says it: where it names none, it means itself
---@return integer? slot  nil: it says nothing
---@return { host: string, port: integer }? place
function slots.redirection(text, sender)
  local slot, host, port = text:match "^%u+ (%d+) (.*):(%d+)$"
  if not slot then return tonumber(text:match "^%u+ (%d+)") end
  host = host:match "^%[(.*)%]$" or host
  return tonumber(slot), host ~= "?" and { host = host ~= "" and host or sender, port = tonumber(port) } or nil
end

--- Reads a reply to CLUSTER SLOTS.
---@param reply any
---@param slot integer
---@param sender string
---@return { host: string, port: integer }? owner  of the slot
---@return { host: string, port: integer }[] places  of all nodes, those of this slot first
function slots.places(reply, slot, sender)
  local owner, list, seen = nil, {}, {}
  local function add(range, has_slot)
    for i = 3, #range do
      local host, port = range[i][1], tonumber(range[i][2])
      if host == "" or not host then host = sender end
      if host ~= "?" and port then
        local place, name = { host = host, port = port }, host .. " " .. port
        if has_slot and i == 3 then owner = place end
        if not seen[name] then seen[name], list[#list + 1] = true, place end
      end
    end
  end
  for _, wanted in ipairs { true, false } do
    for _, range in ipairs(type(reply) == "table" and reply or {}) do
      local has_slot = slot >= range[1] and slot <= range[2]
      if has_slot == wanted then add(range, has_slot) end
    end
  end
  return owner, list
end

return slots
