--- A message as rules see it: where it comes from, its addresses, and what is read from its PDU when a rule asks.
local core = require "smpp.core"
local csv = require "smpp.route.csv"
local text = require "smpp.text"

local message = {}

---@class smpp.RouteMessage
---@field account string?   of the customer that sent it
---@field bind string?      "trx", "tx", "rx": how that is bound; "http": it came by HTTP
---@field carrier string?   that it came from (MO)
---@field from string       source address, without + and blanks
---@field to string         destination address
---@field from_ton integer
---@field to_ton integer
---@field pdu smpp.Pdu      as it came
---@field text string       decoded, behind the user data header
---@field coding string     encoding of the text
---@field length integer    of the text, in characters
---@field parts integer     of the long message that it is a part of, or needs
---@field is_counted boolean?  it has been routed before, and counts for no rate again
---@field tags table<string, boolean>
---@field given_tags string[]?  those that it came with
---@field is_extended boolean?  it has fields that messages do not have from the start
---@field is_spent boolean?  a carrier took it at the first attempt: nobody keeps it, or its PDU
---@field is_shown boolean?  a function of the rules has seen it, and may have kept it, and its PDU
---@field changes table|false|nil  fields that rules have set
---@field long string?       how rules have its parts marked
---@field encoding string?   that rules have asked for
---@field copies string[]|false|nil  to whom rules have it copied

local addresses = core.relay.addresses

local lazy = {}

-- What a message of a session has from the start (smpp.gateway.forward): a table of sixteen.  Only one that has got no more serves again.
local OWN = {
  account = true, bind = true, pdu = true, peer_text = true, from = true, from_ton = true, to = true, to_ton = true, mark = true, place = true,
  changes = true, destination = true, id = true, copies = true, is_spent = true, is_extended = true,
}

local mt = {
  __name = "smpp.RouteMessage",
  __newindex = function(self, name, value)
    if not OWN[name] then rawset(self, "is_extended", true) end
    rawset(self, name, value)
  end,
  __index = function(self, name)
    local read = lazy[name]
    return read and read(self)
  end,
}

local BODY = { short_message = true, message_payload = true, data_coding = true, esm_class = true }

local function read_text(self)
  local pdu = self.pdu
  if self.is_rewritten then pdu = pdu:with(self.changes) or pdu end
  local words, info = text.read(pdu, self.peer_text)
  self.text, self.coding, self.header = words, info.encoding, info.header or false
end

function lazy:text()
  read_text(self)
  return rawget(self, "text")
end

function lazy:coding()
  read_text(self)
  return rawget(self, "coding")
end

function lazy:length()
  local count = 0
  for _ in self.text:gmatch "[^\128-\191]" do count = count + 1 end
  self.length = count
  return count
end

function lazy:parts()
  local words = self.text
  local part = text.part(self.pdu, rawget(self, "header") or nil)
  local payload = self.pdu.message_payload
  self.parts = part and part.total or payload and payload ~= "" and text.measure(words).parts or 1
  return self.parts
end

function lazy:tags()
  self.tags = {}
  return self.tags
end

--- The set of a list of tags.
---@param list string[]
---@return table<string, boolean>
function message.tags(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

--- Makes one of a PDU: of a submit_sm, data_sm, deliver_sm, or for one destination of a submit_multi.
---@param o { pdu: smpp.Pdu, account: string?, bind: string?, carrier: string?, peer_text: table?, to: string?, to_ton: integer? }  is used
---@return smpp.RouteMessage
function message.new(o)
  local from, from_ton, to, to_ton = addresses(o.pdu)
  o.from, o.from_ton = from, from_ton
  if not o.to then o.to, o.to_ton = to, to_ton end
  return setmetatable(o, mt)
end

--- Sets fields for the rules behind, and for the carrier.
---@param self smpp.RouteMessage
---@param fields table  numbers for TON
---@return boolean moved  source or destination is another one: other rules may match
function message.set(self, fields)
  local changes = self.changes or {}
  self.changes = changes
  local moved = false
  for name, value in pairs(fields) do
    changes[name] = value
    if BODY[name] then
      self.is_rewritten, self.text, self.coding, self.length, self.parts, self.header = true, nil, nil, nil, nil, nil
    elseif name == "source_addr" or name == "destination_addr" then
      local short = name == "source_addr" and "from" or "to"
      moved = moved or self[short] ~= csv.plain(value)
      self[short] = csv.plain(value)
    elseif name == "source_addr_ton" or name == "dest_addr_ton" then
      self[name == "source_addr_ton" and "from_ton" or "to_ton"] = value
    end
  end
  return moved
end

return message
