--- Traces: PDUs as a pcapng file that Wireshark and tshark open as SMPP (and `smpp decode` reads).
--- There is no TCP in it: each packet is one PDU with its time, direction and addresses, as in Wireshark's "Export PDUs".
local blocks = require "smpp.capture.blocks"
local schema = require "smpp.base.schema"
local pdus = require "smpp.codec"
local secrets = require "smpp.codec.secrets"

---@class smpp.Trace
---@field pdus integer  number of PDUs written
local Trace = {}
local mt = { __index = Trace, __name = "smpp.Trace" }

local trace = {}

local LINKTYPE_EXPORTED = 252

local u32, option, address = blocks.u32, blocks.option, blocks.address

---@class smpp.TraceEnd
---@field host string  an IP address; a host name is not written
---@field port integer

local IPV4, IPV6, PORT = { source = 20, destination = 21 }, { source = 22, destination = 23 }, { source = 25, destination = 26 }

local function ends(source, destination)
  local out, from, to = {}, address(source.host), address(destination.host)
  if from and to and #from == #to then -- Wireshark requires both, of one family
    local tags = #from == 4 and IPV4 or IPV6
    out[#out + 1] = option(tags.source, from)
    out[#out + 1] = option(tags.destination, to)
  end
  out[#out + 1] = option(24, u32(2)) -- ports of TCP
  out[#out + 1] = option(PORT.source, u32(source.port))
  out[#out + 1] = option(PORT.destination, u32(destination.port))
  return table.concat(out)
end

--- Options of `new`.
trace.schema = schema.new { { "secrets", "boolean", false, "write passwords in clear, not as asterisks", "secrets = true" } }

--- Opens a trace.
---@param sink string|file*|table  a path, or anything with :write(octets)
---@param o? { secrets: boolean? }  secrets: passwords in clear, not as asterisks
---@return smpp.Trace? trace
---@return string? message
---@return string? code  "bad_value": the file cannot be written
function trace.new(sink, o)
  o = trace.schema:check(o)
  local file = sink
  if type(sink) == "string" then
    local opened, message = io.open(sink, "wb")
    if not opened then return nil, message, "bad_value" end
    file = opened
  end
  local self = setmetatable({
    file = file,
    owns_file = type(sink) == "string",
    show_secrets = o.secrets or false,
    pdus = 0,
  }, mt)
  file:write(blocks.section() .. blocks.interface(LINKTYPE_EXPORTED))
  return self
end

---@class smpp.TracedPdu
---@field time number              seconds since 1970
---@field from smpp.TraceEnd
---@field to smpp.TraceEnd
---@field direction? "in"|"out"    as seen by the writer
---@field comment? string          Wireshark shows it above the packet

--- Writes one PDU.
---@param pdu smpp.Pdu|string  a view, or octets, which are written unchanged if they are not a PDU
---@param about smpp.TracedPdu
function Trace:pdu(pdu, about)
  if not self.file then error("the trace is closed", 2) end
  local octets = pdu
  if type(pdu) ~= "string" then
    octets = pdu:octets()
  elseif not self.show_secrets then
    pdu = pdus.decode(octets) or octets
  end
  if not self.show_secrets and type(pdu) ~= "string" then octets = secrets.mask(pdu) end
  local packet = option(12, "smpp") .. ends(about.from, about.to) .. u32(0) .. octets
  self.file:write(blocks.packet(packet, about.time, { comment = about.comment, direction = about.direction }))
  self.pdus = self.pdus + 1
end

--- Our own end of a session: its port is known by the transport.
local function own_end(session)
  local host = session.peer.host
  if host ~= "::1" and not host:find("^127%.") then host = host:find(":", 1, true) and "::" or "0.0.0.0" end
  return { host = host, port = session.transport.local_port or 0 }
end

--- Writes a PDU received or sent on a session, with the current time.
---@param session smpp.Session
---@param pdu smpp.Pdu
---@param direction "in"|"out"
function Trace:record(session, pdu, direction)
  local own, incoming = own_end(session), direction == "in"
  self:pdu(pdu, {
    time = session.loop:time(), direction = direction,
    from = incoming and session.peer or own, to = incoming and own or session.peer,
  })
end

--- Writes all PDUs received and sent from now on.
---@param source smpp.Session|smpp.Client  a session, or a client
function Trace:follow(source)
  source:on("pdu", function(pdu, direction)
    local session = source.session or source
    if self.file and session.transport then self:record(session, pdu, direction) end -- nil: the connection was lost
  end)
end

--- Closes the trace, and the file if it was opened here.
function Trace:close()
  if self.owns_file and self.file then self.file:close() end
  self.file = nil
end

return trace
