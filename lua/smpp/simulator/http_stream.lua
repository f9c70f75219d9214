--- What happens in a simulator, as server-sent events for its HTTP API.
local address = require "smpp.codec.address"
local codec = require "smpp.codec"
local content = require "smpp.receipt.content"
local dkjson = require "dkjson"
local fields = require "smpp.http.fields"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local logs = require "smpp.simulator.http_log"
local net = require "smpp.base.net"
local text = require "smpp.text"

local stream = {}

--- The names of the events.
stream.names = { "message", "final", "receipt", "mo", "session", "closed", "fault" }
for _, name in ipairs(stream.names) do stream.names[name] = true end

local function or_null(value)
  if value == nil then return dkjson.null end
  return value
end

--- A session for JSON.
---@param session smpp.Session
---@return table
function stream.session_json(session)
  return json.object({
    "id", session.id, "system_id", session.system_id, "bind", session.state, "peer", net.address(session.peer.host, session.peer.port),
    "version", ("%d.%d"):format(math.floor(session.version / 16), session.version % 16), "outstanding", session:unanswered(),
  }, 12)
end

--- The text or data of anything with the parameters of a deliver_sm.
local function content_of(o)
  return content.of { command = "deliver_sm", short_message = text.octets(o), data_coding = o.data_coding, esm_class = o.esm_class } or {}
end

-- What each event of the simulator tells; nil: nothing.
local TELLS = {}

function TELLS.message(self, message)
  local entry = self.log:get(message.id)
  return entry and logs.json(entry, true)
end

TELLS.final = TELLS.message

function TELLS.receipt(_, message, pdu, state)
  return json.object({ "id", message.id, "state", state, "system_id", message.system_id, "text", or_null(content_of(pdu).text) }, 8)
end

--- A message for an ESME, of the parameters of its deliver_sm.
---@param system_id string
---@param o table
---@return table
function stream.mo_json(system_id, o)
  local c = content_of(o)
  return json.object({
    "system_id", system_id, "from", address.format(o.source_addr or "", o.source_addr_ton),
    "to", address.format(o.destination_addr or "", o.dest_addr_ton),
    "text", or_null(c.text), "data", fields.base64(text.octets(o)), "encoding", or_null(c.coding and c.coding.encoding),
  }, 12)
end

function TELLS.mo(_, system_id, o) return stream.mo_json(system_id, o) end

function TELLS.session(_, session) return stream.session_json(session) end

function TELLS.closed(_, session, reason)
  local told = stream.session_json(session)
  json.add(told, "reason", reason)
  return told
end

function TELLS.fault(_, session, name, octets)
  local pdu = octets and codec.decode(octets)
  return json.object({
    "session", session.id, "system_id", or_null(session.system_id), "fault", name, "command", or_null(pdu and pdu.command),
    "sequence_number", or_null(pdu and pdu.sequence_number),
  }, 10)
end

--- Makes the feed when the first client comes: before, the events cost nothing.
---@param self { sim: smpp.Simulator, log: smpp.HttpLog, feed: smpp.HttpFeed? }
---@return smpp.HttpFeed
function stream.of(self)
  if self.feed then return self.feed end
  local feed = http.feed { loop = self.sim.loop }
  self.feed = feed
  for _, name in ipairs(stream.names) do
    self.sim:on(name, function(...)
      if not feed:is_wanted() then return end
      local told = TELLS[name](self, ...)
      if told then feed:publish(name, json.encode(told)) end
    end)
  end
  return feed
end

return stream
