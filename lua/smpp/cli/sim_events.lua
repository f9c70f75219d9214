--- The output of `smpp sim`: a line or an object for each bind, message, receipt and fault; a summary at the end.
local address = require "smpp.codec.address"
local commands = require "smpp.codec.commands"
local content = require "smpp.receipt.content"
local explain = require "smpp.codec.explain"
local json = require "smpp.codec.json"
local message_state = require "smpp.codec.message_state"
local net = require "smpp.base.net"
local smpp = require "smpp"
local shown = require "smpp.base.shown"
local strings = require "smpp.base.strings"

local sim_events = {}

--- The names of the events that there are as JSON.
sim_events.names = { bind = true, refused = true, closed = true, message = true, receipt = true, mo = true, fault = true, reloaded = true }

local TYPES = { BOUND_TX = "tx", BOUND_RX = "rx", BOUND_TRX = "trx" }

local function or_dash(word) return word and word ~= "" and shown.text(word) or "-" end

local function peer_of(session) return net.address(session.peer.host, session.peer.port) end

local function pack(...) return { n = select("#", ...), ... } end
local unpack = table.unpack or unpack -- luacheck: compat

--- The system_id and address of a session.
---@param session smpp.Session
---@return string
function sim_events.who(session) return or_dash(session.system_id) .. " " .. peer_of(session) end

--- Prints an event: as words, or with its fields as JSON.
local function say(self, style, event, words, fields)
  local out, time = self.out, self.time or self.mc.loop:time()
  if out.json then
    local list = { "event", event, "time", os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(time)) }
    for i = 1, fields.n do list[4 + i] = fields[i] end
    return out:object(json.object(list, 4 + fields.n))
  end
  out:print(("%s %s %s"):format(out:paint("dim", os.date("!%H:%M:%S", math.floor(time))), out:paint(style, ("%-8s"):format(event)), words))
end

--- Addresses and text of anything with the parameters of a submit_sm, as words and as fields for JSON.
local function describe(self, o, octets)
  local c = content.of { command = "submit_sm", short_message = octets, data_coding = o.data_coding, esm_class = o.esm_class }
  local from = address.format(o.source_addr or "", o.source_addr_ton)
  local to = address.format(o.destination_addr or "", o.dest_addr_ton)
  local words = c and content.words(c) or '""'
  if c and c.part then words = ("%s part %d/%d"):format(words, c.part.seq, c.part.total) end
  return ("%s > %s  %s"):format(or_dash(from), or_dash(to), self.out:paint("bold", words)), {
    "from", json.text(from), "to", json.text(to), "text", c and c.text, "data", c and c.data and json.hex(c.data),
    "encoding", c and c.coding.encoding, n = 10,
  }
end

--- The fields of a message with others in front.
local function with(fields, ...)
  local list = pack(...)
  for i = 1, fields.n do list[list.n + i] = fields[i] end
  list.n = list.n + fields.n
  return list
end

-- ---- events ----

local ON = {}

function ON.session(self, session)
  local version = ("%d.%d"):format(math.floor(session.version / 16), session.version % 16)
  say(self, "green", "bind", ("%s as %s from %s, SMPP %s"):format(or_dash(session.system_id), TYPES[session.state] or session.state,
    peer_of(session), version),
    pack("system_id", or_dash(session.system_id), "bind", TYPES[session.state], "peer", peer_of(session), "version", session.version))
end

function ON.refused(self, session, system_id, status, reason, request)
  if request then -- a message is shown with its text
    if commands.roles.submit[request.command_id] then return end
    return say(self, "red", "refused", ("%s  %s #%.0f: %s, %s"):format(or_dash(system_id), request.command, request.sequence_number, status, reason),
      pack("what", "request", "system_id", json.text(or_dash(system_id)), "command", request.command,
        "sequence_number", request.sequence_number, "status", status, "reason", reason))
  end
  local name = type(status) == "number" and explain.status(status).name or status
  say(self, "red", "refused", ("%s from %s: %s%s"):format(or_dash(system_id), peer_of(session), name, reason and ", " .. reason or ""),
    pack("what", "bind", "system_id", json.text(system_id), "peer", peer_of(session), "status", name, "reason", reason))
end

function ON.closed(self, session, reason)
  say(self, "yellow", "closed", ("%s from %s: %s"):format(or_dash(session.system_id), peer_of(session), reason),
    pack("system_id", or_dash(session.system_id), "peer", peer_of(session), "reason", reason))
end

function ON.message(self, message)
  local words, fields = describe(self, message, message.octets)
  say(self, "cyan", "message", ("%s  %s"):format(message.id, words),
    with(fields, "message_id", message.id, "system_id", message.system_id, "registered_delivery", message.registered_delivery))
end

function ON.receipt(self, message, _, state)
  say(self, "blue", "receipt", ("%s  %s"):format(message.id, state), pack("message_id", message.id, "state", state))
end

function ON.mo(self, system_id, pdu)
  local words, fields = describe(self, pdu, smpp.text.octets(pdu))
  say(self, "cyan", "mo", ("to %s  %s"):format(or_dash(system_id), words), with(fields, "system_id", system_id))
end

function ON.fault(self, session, name, octets)
  local pdu = octets and smpp.decode(octets)
  local words = pdu and ("  %s #%.0f"):format(pdu.command, pdu.sequence_number) or ""
  say(self, "magenta", "fault", ("%s  %s%s"):format(or_dash(session.system_id), name, words),
    pack("system_id", or_dash(session.system_id), "fault", name, "command", pdu and pdu.command,
      "sequence_number", pdu and pdu.sequence_number))
end

function ON.reloaded(self, path) say(self, "green", "reloaded", path, pack("file", json.text(path))) end

-- What there is much of, and does not change any more.
local MANY = { message = true, receipt = true, mo = true }

--- Prints an event, or leaves it to the live view whether its line is made.
local function show(self, fn, ...)
  local view = self.out.view
  if not view or not view.is_visible then return fn(self, ...) end
  local arguments, time = pack(...), self.mc.loop:time()
  view:later(function()
    self.time = time
    fn(self, unpack(arguments, 1, arguments.n))
    self.time = nil
  end)
end

--- A message that was refused: its request and the status.
local function refused_message(self, session, request, status)
  if not commands.roles.submit[request.command_id] then return end
  local row = explain.status(status)
  if row.code == 0 then return end
  self.refused_messages = self.refused_messages + 1
  if self.quiet then return end
  local words, fields = describe(self, request, smpp.text.octets(request))
  say(self, "red", "refused", ("%s  %s: %s"):format(or_dash(session.system_id), words, row.name),
    with(fields, "what", "message", "system_id", or_dash(session.system_id), "command", request.command, "status", row.name))
end

---@class smpp.SimEvents  counts of the events so far
local Events = {}
local mt = { __index = Events, __name = "smpp.SimEvents" }

--- Follows a simulator from its start.
---@param mc smpp.Simulator
---@param out smpp.CliOutput
---@param quiet? boolean  no lines, only warnings
---@return smpp.SimEvents
function sim_events.follow(mc, out, quiet)
  local self = setmetatable({ mc = mc, out = out, quiet = quiet, refused_messages = 0 }, mt)
  if not quiet then
    for _, name in ipairs { "session", "refused", "closed", "message", "receipt", "mo", "fault", "reloaded" } do
      local on = ON[name]
      mc:on(name, MANY[name] and function(...) show(self, on, ...) end or function(...) on(self, ...) end)
    end
  end
  mc:on("error", function(problem) out:note("%s %s", out:paint_note("yellow", "warning:"), (problem:gsub("^warning: ", ""))) end)
  mc:on("rejected", function(session, request, status) refused_message(self, session, request, status) end)
  mc:on("refused", function(session, _, status, _, request)
    if request then refused_message(self, session, request, status) end
  end)
  return self
end

local NAMES = { "binds", "refused_binds", "messages", "receipts", "refused_messages", "mo", "faults" }

--- Prints the summary.
function Events:summary()
  local c, out = self.mc.counts, self.out
  local counts = {
    binds = c.sessions, refused_binds = c.refused_binds, messages = c.messages, receipts = c.receipts,
    refused_messages = self.refused_messages, mo = c.mo, faults = c.faults,
  }
  local states, words, left = {}, {}, c.messages
  for _, state in ipairs(message_state.finals) do
    local count = self.mc.states[state]
    if count then
      states[#states + 1], states[#states + 2] = state, count
      words[#words + 1] = ("%d %s"):format(count, state)
      left = left - count
    end
  end
  if left > 0 then
    states[#states + 1], states[#states + 2] = "ENROUTE", left
    words[#words + 1] = ("%d ENROUTE"):format(left)
  end
  local list, line = { "event", "summary" }, {}
  for i, name in ipairs(NAMES) do
    list[2 * i + 1], list[2 * i + 2] = name, counts[name]
    local word, count = name:gsub("_", " "):gsub("s$", "")
    line[i] = count == 1 and strings.plural(counts[name], word) or ("%d %s"):format(counts[name], word)
  end
  list[#list + 1], list[#list + 2] = "states", json.object(states)
  if out.json then return out:object(json.object(list)) end
  if words[1] then out:print("states: " .. table.concat(words, ", ")) end
  out:print(table.concat(line, ", "))
end

return sim_events
