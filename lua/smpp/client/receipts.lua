--- Receipts as a client gives them to the program.  Of the usual one a single call into C reads what decides; what few programs
--- look at is read from its PDU when they do.
local address = require "smpp.codec.address"
local core = require "smpp.core"
local late = require "smpp.client.late"
local parser = require "smpp.receipt"

local read = core.receipt.read

local receipts = {}

-- Options of reading receipts with which nothing is usual.
local SHAPING = { "encoding", "states", "final", "err_rule", "read" }

--- Fields that are read on first access, all at once.
local LATER = {}
for _, name in ipairs {
  "stat", "err_code", "network_error", "submitted", "done", "sub", "dlvrd", "text", "raw", "source_addr", "destination_addr", "fields", "tlvs",
  "from", "to", "ids", "read_all",
} do LATER[name] = true end

local function is_shaped(o)
  for _, name in ipairs(SHAPING) do
    if o[name] ~= nil then return true end
  end
  return o.default_alphabet ~= nil and o.default_alphabet ~= "gsm7"
end

local function add_addresses(receipt, pdu)
  receipt.from, receipt.to = address.format(pdu.source_addr, pdu.source_addr_ton), address.format(pdu.destination_addr, pdu.dest_addr_ton)
end

--- A receipt as `smpp.receipt` reads it, with addresses as people write them; octets and numbers only.
---@param pdu smpp.Pdu
---@param o smpp.ReceiptOptions
---@return smpp.Receipt? receipt
---@return string? message
---@return string? code
function receipts.parse(pdu, o)
  local receipt, message, code = parser.parse(pdu, o)
  if receipt then add_addresses(receipt, pdu) end
  return receipt, message, code
end

--- A function that reads usual receipts; nil: the options name something that is not.
---@param client smpp.Client
---@param o smpp.ReceiptOptions
---@return (fun(pdu: smpp.Pdu): string?, string, boolean, integer, string)? read  id, state, final, message_state, err; nothing: use `parse`
---@return fun(pdu: smpp.Pdu, id: string, state: string, final: boolean, number: integer, err: string): smpp.Receipt make
function receipts.reader(client, o)
  local mt = {}

  --- The message that is final by this receipt, of its octets.
  local function read_sent(self)
    local octets = rawget(self, "late")
    if not octets then return nil end
    local sent = late.read(client, self.handle, octets)
    sent.done, sent.last_state = self, self.state
    self.late, self.handle, self.sent = nil, nil, sent
    return sent
  end

  --- Makes it a table like those of `parse`.
  local function read_all(self)
    read_sent(self)
    setmetatable(self, nil)
    for name, value in pairs(receipts.parse(self.pdu, o)) do
      if self[name] == nil then self[name] = value end
    end
    if self.delivered ~= nil and self.sent then self.ids = self.sent.message_ids end
  end

  function mt.__index(self, key)
    if key == "sent" then return read_sent(self) end
    if not LATER[key] then return nil end
    if key == "read_all" then return read_all end
    read_all(self)
    return self[key]
  end

  --- Where Lua has it, `pairs` finds all fields.
  function mt.__pairs(self)
    read_all(self)
    return next, self, nil
  end

  local function make(pdu, id, state, final, number, err)
    return setmetatable({
      kind = "receipt", id = id, state = state, final = final, message_state = number, err = err, pdu = pdu, esme = client,
      sent = nil, part = nil, delivered = nil,
    }, mt)
  end

  return not is_shaped(o) and read or nil, make
end

return receipts
