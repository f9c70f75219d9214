--- Reads captures: PDUs with their times and connections, and responses matched with requests.  The guide is docs/pcap.md.
local file = require "smpp.capture.file"
local link = require "smpp.capture.decap"
local net = require "smpp.base.net"
local octets = require "smpp.capture.octets"
local schemes = require("smpp.transport").schemes
local stream = require "smpp.codec.stream"
local tcp = require "smpp.capture.tcp"

local pcap = { is_capture = file.is_capture, source = octets.source }

local PORT, TLS_PORT = schemes.smpp.port, schemes.smpps.port
local GENERIC_NACK = require("smpp.codec.commands").ids.generic_nack

---@class smpp.CapturedPdu
---@field kind "pdu"|"cut"|"skipped"|"missing"  a PDU; a truncated one; malformed or other octets; a gap in the capture
---@field connection integer   which, from 1
---@field from string          host:port
---@field to string
---@field number integer       packet that completed it, as Wireshark counts
---@field time number          of that packet, seconds since 1970
---@field pdu? smpp.Pdu        cut: a view of the octets present, with their number as command_length
---@field missing_octets? integer  cut: how many of its octets the capture lacks
---@field request? smpp.CapturedPdu  of a response: its request
---@field latency_s? number    from that request to this response
---@field octets? string|integer  cut, skipped: the octets; missing: how many
---@field reason? string       skipped: the reason

---@class smpp.CaptureSummary
---@field packets integer
---@field connections integer  with SMPP on them
---@field pdus integer
---@field cut integer          PDUs truncated in the capture
---@field unanswered smpp.CapturedPdu[]  requests whose response is not in the capture
---@field unasked integer      responses whose request is not
---@field latency table<string, { count: integer, median_s: number, p95_s: number, max_s: number }>  by request command
---@field retransmissions integer  TCP segments without new octets
---@field missing_octets integer   in connections with SMPP
---@field other_connections integer  TCP without SMPP
---@field skipped table<string, integer>  packets without TCP: reason -> count
---@field problem? string      the error of a malformed or truncated file; the summary covers what was read before

---@class smpp.CaptureOptions
---@field ports? table<integer, boolean>  only connections to or from these; default: all that look like SMPP

local Reading = {}
Reading.__index = Reading

--- Connections are numbered when SMPP is found on them.
local function number_of(self, connection)
  local data = connection.data
  if not data.number then
    self.summary.connections = self.summary.connections + 1
    data.number = self.summary.connections
  end
  return data.number
end

local function item_of(self, connection, side, kind, packet)
  local sides = connection.sides
  local from, to = sides[side], sides[3 - side]
  return {
    kind = kind, connection = number_of(self, connection), number = packet.number, time = packet.time,
    from = net.address(from.host, from.port), to = net.address(to.host, to.port),
  }
end

--- Stores a request, or finds the request of a response: the oldest with its sequence_number, since some peers
--- reuse numbers.
local function pair(self, connection, side, item)
  local pdu, data = item.pdu, connection.data
  local sequence = pdu.sequence_number
  if pdu.command_id < GENERIC_NACK then
    if pdu.command == "alert_notification" or pdu.command == "outbind" then return end -- never answered
    local open = data.open[side]
    open[sequence] = open[sequence] or {}
    table.insert(open[sequence], item)
    data.waiting[#data.waiting + 1] = item
    return
  end
  local open, request = data.open[3 - side], nil
  for i, candidate in ipairs(open[sequence] or {}) do
    if pdu.command_id == GENERIC_NACK or candidate.pdu.command_id == pdu.command_id - GENERIC_NACK then
      request = table.remove(open[sequence], i)
      break
    end
  end
  if not request then
    self.summary.unasked = self.summary.unasked + 1
    return
  end
  if not open[sequence][1] then open[sequence] = nil end
  request.answered = true
  item.request, item.latency_s = request, math.max(0, item.time - request.time)
  local list = self.latencies[request.pdu.command] or {}
  self.latencies[request.pdu.command] = list
  list[#list + 1] = item.latency_s
end

--- Removes answered requests from time to time, so that memory does not grow with the length of the capture.
local function forget_answered(data)
  if #data.waiting < data.forget_at then return end
  local left = {}
  for _, item in ipairs(data.waiting) do
    if not item.answered then left[#left + 1] = item end
  end
  data.waiting, data.forget_at = left, #left * 2 + 1000
end

local function take_pdu(self, connection, side, pdu, packet, octets, missing)
  local data = connection.data
  data.told[side], data.hole[side], data.any[side] = nil, nil, true
  local item = item_of(self, connection, side, missing and "cut" or "pdu", packet)
  item.pdu, item.octets, item.missing_octets = pdu, octets, missing
  local counter = missing and "cut" or "pdus"
  self.summary[counter] = self.summary[counter] + 1
  pair(self, connection, side, item)
  forget_answered(data)
  self.fn(item)
end

local function looks_like(text)
  if text:find("^\22\3[\1-\4]") then return "TLS (encrypted)" end
  if text:find("^%u+ [^\r\n]- HTTP/1") or text:find("^HTTP/1") then return "HTTP" end
  return "not SMPP"
end

--- Reports skipped octets where SMPP was expected: on its port, or after a PDU.
local function take_skipped(self, connection, side, text, packet)
  local data, sides = connection.data, connection.sides
  local expected = data.number or self.ports or sides[1].port == PORT or sides[2].port == PORT
    or sides[1].port == TLS_PORT or sides[2].port == TLS_PORT
  if not expected or data.told[side] then return end
  data.told[side] = true
  local item = item_of(self, connection, side, "skipped", packet)
  item.octets = text
  if data.hole[side] or not sides[side].syn and not data.any[side] then
    item.is_part, item.reason = true, "truncated PDU: the capture has only a part of it"
  else
    item.reason = looks_like(text)
  end
  self.fn(item)
end

local function prepare(self, connection)
  local data = connection.data
  data.open, data.waiting, data.forget_at = { {}, {} }, {}, 1000
  data.told, data.hole, data.any = {}, {}, {} -- by side: skipped octets were reported, follow a gap, a PDU was seen
  data.streams = {}
  for side = 1, 2 do
    data.streams[side] = stream.new {
      pdu = function(pdu, packet) take_pdu(self, connection, side, pdu, packet) end,
      cut = function(pdu, text, missing, packet) take_pdu(self, connection, side, pdu, packet, text, missing) end,
      skipped = function(text, packet) take_skipped(self, connection, side, text, packet) end,
    }
  end
end

local function is_wanted(self, connection)
  local ports = self.ports
  return not ports or ports[connection.sides[1].port] or ports[connection.sides[2].port]
end

function Reading:data(connection, side, text, packet)
  if not is_wanted(self, connection) then return end
  if not connection.data.streams then prepare(self, connection) end
  connection.data.last = packet
  connection.data.streams[side]:feed(text, packet)
end

function Reading:missing(connection, side, count)
  local data = connection.data
  if not data.streams then return end
  data.streams[side]:lost(data.last)
  data.hole[side] = true
  if not data.number then return end
  self.summary.missing_octets = self.summary.missing_octets + count
  local item = item_of(self, connection, side, "missing", data.last)
  item.octets = count
  self.fn(item)
end

--- A connection has ended: what is left of its PDUs is incomplete.
---@param connection table
function Reading:closed(connection)
  local data = connection.data
  if not data.streams then
    if is_wanted(self, connection) then self.summary.other_connections = self.summary.other_connections + 1 end
    return
  end
  for side = 1, 2 do
    if data.streams[side].in_sync then data.hole[side] = true end -- an incomplete PDU
    data.streams[side]:lost(data.last)
  end
  if not data.number then self.summary.other_connections = self.summary.other_connections + 1 end
  for _, item in ipairs(data.waiting) do
    if not item.answered then self.summary.unanswered[#self.summary.unanswered + 1] = item end
  end
  data.waiting = {}
end

--- PDUs that Wireshark, or smpp.trace, exported: no TCP, but addresses.
local function take_exported(self, segment, packet)
  local a, b = segment.source .. " " .. segment.source_port, segment.destination .. " " .. segment.destination_port
  local key = a < b and a .. " " .. b or b .. " " .. a
  local connection = self.exported[key]
  if not connection then
    connection = {
      sides = {
        { host = segment.source, port = segment.source_port, next = 0 },
        { host = segment.destination, port = segment.destination_port, next = 0 },
      },
      first = a, data = {},
    }
    prepare(self, connection)
    self.exported[key] = connection
    self.exported_order[#self.exported_order + 1] = connection
  end
  if not is_wanted(self, connection) then return end
  connection.data.last = packet
  local octets_of = connection.data.streams[connection.first == a and 1 or 2]
  octets_of.in_sync = true -- each packet begins with a PDU
  octets_of:feed(segment.exported, packet)
  octets_of:lost(packet)
end

local function distribution(list)
  table.sort(list)
  local count = #list
  return {
    count = count, median_s = list[math.ceil(count / 2)], p95_s = list[math.ceil(count * 0.95)], max_s = list[count],
  }
end

--- Reads a capture (pcap, pcapng) and calls fn for each PDU in it, in the order of completion.
---@param read string|fun(n: integer): string?  the octets of the file, or a function that returns the next n
---@param fn fun(item: smpp.CapturedPdu)
---@param options? smpp.CaptureOptions
---@return smpp.CaptureSummary? summary  also of a truncated file: see `problem`
---@return string? message
---@return string? code  "truncated", "bad_value": not a capture
function pcap.read(read, fn, options)
  if type(read) == "string" then read = octets.source(read) end
  local source, message, code = file.open(read)
  if not source then return nil, message, code end
  local summary = {
    packets = 0, connections = 0, pdus = 0, cut = 0, unanswered = {}, unasked = 0, latency = {}, retransmissions = 0,
    missing_octets = 0, other_connections = 0, skipped = {},
  }
  local self = setmetatable({
    fn = fn, summary = summary, ports = options and options.ports, latencies = {}, exported = {}, exported_order = {},
  }, Reading)
  local streams = tcp.new {
    data = function(...) self:data(...) end,
    missing = function(...) self:missing(...) end,
    closed = function(...) self:closed(...) end,
  }
  while true do
    local packet
    packet, message = source:next()
    if not packet then break end
    summary.packets = packet.number
    local segment, why = link.segment(packet)
    if not segment then
      summary.skipped[why] = (summary.skipped[why] or 0) + 1
    elseif segment.exported then
      take_exported(self, segment, packet)
    else
      streams:add(segment, packet)
    end
  end
  summary.problem = message
  streams:finish()
  for _, connection in ipairs(self.exported_order) do self:closed(connection) end
  summary.retransmissions = streams.retransmissions
  for command, list in pairs(self.latencies) do summary.latency[command] = distribution(list) end
  return summary
end

return pcap
