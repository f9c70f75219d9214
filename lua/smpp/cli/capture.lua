--- smpp decode of a capture: one line per PDU with its response time, and a summary.
local brief = require "smpp.cli.brief"
local content = require "smpp.receipt.content"
local exit = require "smpp.cli.exit"
local filter = require "smpp.cli.filter"
local json = require "smpp.codec.json"
local pcap = require "smpp.capture"
local may_hold = require("smpp.codec.secrets").may_hold
local show_octets = require("smpp.codec.stream").show_octets
local strings = require "smpp.base.strings"
local tally = require "smpp.cli.tally"

local capture = {}

local function time_of_day(time)
  local seconds = math.floor(time)
  return os.date("!%H:%M:%S", seconds) .. ("%.6f"):format(time - seconds):sub(2)
end

local function milliseconds(s)
  if s < 0.01 then return ("%.2f ms"):format(s * 1000) end
  if s < 1 then return ("%.0f ms"):format(s * 1000) end
  return ("%.2f s"):format(s)
end

--- Octets outside PDUs in which a password may stand.
local function is_hidden(item, show_secrets)
  return item.kind == "skipped" and not show_secrets and may_hold(item.octets, item.is_part)
end

local function text_object(item, c, secrets)
  local object = json.object({
    "packet", item.number, "time", os.date("!%Y-%m-%dT", math.floor(item.time)) .. time_of_day(item.time) .. "Z",
    "connection", item.connection, "from", item.from, "to", item.to,
  }, 10)
  if not item.pdu then
    local hidden = is_hidden(item, secrets)
    local value = item.octets
    if item.kind == "skipped" then value = json.hex(hidden and ("*"):rep(#value) or value) end
    json.add(object, item.kind, value)
    json.add(object, "reason", item.reason)
    if hidden then json.add(object, "hidden", json.list { "skipped" }) end
    return object
  end
  if item.latency_s then
    json.add(object, "latency_s", tonumber(("%.6f"):format(item.latency_s)))
    json.add(object, "request_packet", item.request.number)
  end
  json.add(object, "missing_octets", item.missing_octets)
  local pdu = json.pdu(item.pdu, secrets)
  if item.missing_octets then pdu.hex = json.hex(item.octets:sub(1, 4)) .. pdu.hex:sub(9) end -- its own command_length
  for _, name in ipairs(getmetatable(pdu).__jsonorder) do json.add(object, name, pdu[name]) end
  content.add_json(object, c)
  return object
end

local Printer = {}
Printer.__index = Printer

function Printer:line(item, words)
  local out = self.out
  local day = os.date("!%Y-%m-%d", math.floor(item.time))
  if day ~= self.day then
    self.day = day
    out:print(out:paint("dim", ("-- %s (UTC)"):format(day)))
  end
  local known = self.connections[item.connection]
  if not known then
    known = item.from
    self.connections[item.connection] = known
    out:print(out:paint("dim", ("-- connection %d: %s and %s"):format(item.connection, item.from, item.to)))
  end
  out:print(("%s %s %s  %s"):format(
    out:paint("dim", ("%6d %s"):format(item.number, time_of_day(item.time))),
    self.many and ("%3d"):format(item.connection) or ("%d"):format(item.connection),
    out:paint("yellow", item.from == known and "->" or "<-"), words))
end

--- Prints an item; before it the request that it answers, if a filter has left that out.
function Printer:item(item)
  local is_wanted = self.is_wanted
  if not is_wanted then
    if item.pdu then self.tally:add(item.pdu, true) end
    return self:show(item)
  end
  if not item.pdu then return end
  local request = item.request
  local shown = is_wanted(item.pdu, request and request.pdu, item.latency_s)
  self.tally:add(item.pdu, shown)
  item.shown = shown
  if not shown then return end
  if request and not request.shown then
    request.shown = true
    self:show(request)
  end
  self:show(item)
end

function Printer:show(item)
  self:write(item)
  self.out:flush()
end

function Printer:write(item)
  local out, options = self.out, self.options
  local c = item.pdu and content.of(item.pdu, options.alphabet)
  if out.json then return out:object(text_object(item, c, options.show_secrets)) end
  if item.kind == "missing" then
    return self:line(item, out:paint("yellow", ("%d octets are not in the capture"):format(item.octets)))
  elseif item.kind == "skipped" then
    local octets = is_hidden(item, options.show_secrets) and "hidden: a password may be among them" or show_octets(item.octets)
    return self:line(item, out:paint("yellow", ("%d octets: %s"):format(#item.octets, item.reason)) .. "  " .. octets)
  end
  local words = brief.line(out, item.pdu, c)
  if item.missing_octets then
    local missing = item.missing_octets
    words = words .. "  " .. out:paint("yellow", ("cut: %.0f of %.0f octets are missing"):format(missing, #item.octets + missing))
  end
  if item.latency_s then words = words .. "  " .. out:paint("dim", milliseconds(item.latency_s)) end
  self:line(item, words)
  if out.verbose then self.dump(out, item.pdu, c, options.show_secrets) end
end

local plural = strings.plural

local function latency_object(l)
  local function seconds(s) return tonumber(("%.6f"):format(s)) end
  return json.object { "count", l.count, "median_s", seconds(l.median_s), "p95_s", seconds(l.p95_s), "max_s", seconds(l.max_s) }
end

--- The last object: `event` tells it from those of PDUs.
local function summary_object(summary, counted, file)
  local object = json.object({ "event", "summary", "file", file, "packets", summary.packets, "connections", summary.connections }, 8)
  counted:add_json(object)
  json.add(object, "cut", summary.cut)
  json.add(object, "latency", tally.object_of(summary.latency, latency_object))
  json.add(object, "unanswered", #summary.unanswered)
  json.add(object, "unasked", summary.unasked)
  json.add(object, "missing_octets", summary.missing_octets)
  json.add(object, "retransmissions", summary.retransmissions)
  json.add(object, "other_connections", summary.other_connections)
  json.add(object, "skipped_packets", tally.object_of(summary.skipped))
  json.add(object, "problem", summary.problem)
  return object
end

local function note_summary(out, summary, counted)
  out:note("%s on %s, in %s%s", plural(summary.pdus + summary.cut, "PDU"), plural(summary.connections, "connection"),
    plural(summary.packets, "packet"), counted.shown < counted.pdus and (", %d selected by the filter"):format(counted.shown) or "")
  for _, line in ipairs(counted:lines()) do out:note("%s", line) end
  local commands = {}
  for command in pairs(summary.latency) do commands[#commands + 1] = command end
  table.sort(commands)
  for _, command in ipairs(commands) do
    local l = summary.latency[command]
    out:note("%s: %s answered, median %s, 95%% within %s, longest %s", command, plural(l.count, "request"), milliseconds(l.median_s),
      milliseconds(l.p95_s), milliseconds(l.max_s))
  end
  if #summary.unanswered > 0 then
    out:note("%s without a response:", plural(#summary.unanswered, "request"))
    for i, item in ipairs(summary.unanswered) do
      if i > 5 then
        out:note("   ...")
        break
      end
      out:note("   packet %d: %s #%.0f from %s", item.number, item.pdu.command, item.pdu.sequence_number, item.from)
    end
  end
  if summary.cut > 0 then out:note("%s only in part, cut by the capture", plural(summary.cut, "PDU")) end
  if summary.unasked > 0 then out:note("%s whose request is not in the capture", plural(summary.unasked, "response")) end
  if summary.missing_octets > 0 then out:note("%s of SMPP are not in the capture", plural(summary.missing_octets, "octet")) end
  if summary.retransmissions > 0 then out:note("%s", plural(summary.retransmissions, "TCP retransmission")) end
  local others = {}
  for why, count in pairs(summary.skipped) do others[#others + 1] = ("%s: %s"):format(plural(count, "packet"), why) end
  table.sort(others)
  if summary.other_connections > 0 then table.insert(others, 1, plural(summary.other_connections, "connection") .. " without SMPP") end
  if #others > 0 then out:note("not shown: %s", table.concat(others, "; ")) end
end

--- Shows a capture.
---@param read fun(n: integer): string?
---@param options table
---@param out smpp.CliOutput
---@param dump fun(out, pdu, content, secrets)  prints a PDU octet by octet
---@param name? string  of the file, where there are several
---@return integer exit_code
function capture.run(read, options, out, dump, name)
  local printer = setmetatable({
    out = out, options = options, dump = dump, connections = {}, day = nil,
    is_wanted = filter.of(options), tally = tally.new(),
  }, Printer)
  local ports
  for _, port in ipairs(options.port or {}) do
    ports = ports or {}
    ports[port] = true
  end
  local summary, message = pcap.read(read, function(item) printer:item(item) end, { ports = ports })
  if not summary then
    out:fail("%s", message)
    return exit.FAILED
  end
  if out.json then out:object(summary_object(summary, printer.tally, name)) else note_summary(out, summary, printer.tally) end
  if summary.problem then
    out:fail("%s", summary.problem)
    return exit.FAILED
  end
  if summary.pdus + summary.cut == 0 then
    out:fail "no SMPP in this capture"
    return exit.FAILED
  end
  return exit.DONE
end

return capture
