--- PDUs as tshark dissects them: a capture goes through `tshark -T pdml`, whose fields are returned.
local peers = require "spec.support.peers"
local shell = require "spec.support.shell"
local trace = require "smpp.capture.writer"

local pdml = {}

local HERE, THERE = { host = "127.0.0.1", port = 40000 }, { host = "127.0.0.1", port = 2775 }

local ENTITIES = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }
local function unescape(value)
  return (value:gsub("&(%w+);", ENTITIES):gsub("&#x(%x+);", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function attributes(element)
  local list = {}
  for name, value in element:gmatch('(%w+)="([^"]*)"') do list[name] = unescape(value) end
  return list
end

---@class spec.Field
---@field name string     without "smpp."
---@field offset integer  in the PDU
---@field size integer
---@field show string
---@field showname string?
---@field hex string?     the octets it was read from
---@field is_masked boolean  only some bits of them

--- The fields of each PDU, in tshark's order; `protocols` and `malformed` beside them.
---@param list string[]  octets of PDUs
---@return (spec.Field[]|{ protocols: string, malformed: string? })[] packets  malformed: the protocol that is
function pdml.dissect(list)
  peers.need "tshark"
  local path = os.tmpname()
  local file = assert(trace.new(path, { secrets = true }))
  for i, octets in ipairs(list) do file:pdu(octets, { time = i, from = HERE, to = THERE }) end
  file:close()
  local text = shell.must("tshark -r " .. path .. " -T pdml 2>/dev/null")
  os.remove(path)
  local packets = {}
  for packet in text:gmatch "<packet>(.-)</packet>" do
    local fields = {
      protocols = packet:match 'name="frame.protocols".- show="([^"]*)"',
      malformed = packet:match "%[Malformed Packet: ([^%]]*)%]" or packet:find("Malformed", 1, true) and "something" or nil,
    }
    local start, body = packet:match '<proto name="smpp"[^>]- pos="(%d+)">(.*)'
    for element in (body or ""):gmatch '<field name="smpp%.[^>]*>' do
      local a = attributes(element)
      fields[#fields + 1] = {
        name = a.name:sub(6), offset = a.pos - start, size = tonumber(a.size), show = a.show, showname = a.showname,
        hex = a.unmaskedvalue or a.value, is_masked = a.unmaskedvalue ~= nil,
      }
    end
    packets[#packets + 1] = fields
  end
  return packets
end

return pdml
