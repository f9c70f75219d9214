--- `smpp sim --control -`: the simulator is driven over stdin and stdout, one object of JSON per line.
local content = require "smpp.receipt.content"
local dkjson = require "dkjson"
local exit = require "smpp.cli.exit"
local faults = require "smpp.simulator.faults"
local json = require "smpp.codec.json"
local kind = require "smpp.base.kind"
local loops = require "smpp.loop"
local message_state = require "smpp.codec.message_state"
local mistake = require "smpp.base.mistake"
local net = require "smpp.base.net"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local settings = require "smpp.simulator.settings"
local sim_events = require "smpp.cli.sim_events"
local task = require "smpp.base.task"
local testing = require "smpp.testing"

local sim_control = {}

local MOST_OCTETS = 1048576 -- of a line
local MOST_PENDING = 1048576 -- octets that wait for the reader; then events are dropped
local DELIVER_S = 60 -- for the acknowledgement of a message
local FLUSH_S = 5

local object, list = json.object, json.list

---@class smpp.SimControl
local Control = {}
local mt = { __index = Control, __name = "smpp.SimControl" }

-- ---- out ----

--- A line of output.
local function put(self, value)
  local line = json.encode(value) .. "\n"
  if self.writer then return self.writer:write(line) end
  self.out.stdout:write(line)
  if self.out.stdout.flush then self.out.stdout:flush() end
end

--- An event, unless the reader is too slow.
local function event(self, value)
  local pending = self.writer and self.writer:pending() or self.pending and self.pending() or 0
  if pending > (self.lost > 0 and MOST_PENDING / 2 or MOST_PENDING) then
    self.lost = self.lost + 1
    return
  end
  if self.lost > 0 then
    put(self, object { "event", "lost", "count", self.lost })
    self.lost = 0
  end
  put(self, value)
end

local function reply(self, id, result) put(self, object { "id", id, "ok", true, "result", result or object {} }) end

local function refuse(self, id, code, message) put(self, object { "id", id, "ok", false, "code", code, "message", message }) end

-- ---- what can be asked ----

local state_kind = kind.checked("a message state", function(value)
  if type(value) ~= "string" then return "expected the name of a message state" end
  for _, name in ipairs(message_state.names or {}) do
    if name == value then return nil end
  end
  if not value:find "^%u+$" then return ("expected the name of a message state, got '%s'"):format(value) end
end)
local fault_kind = kind.one_of((table.unpack or unpack)(faults.names)) -- luacheck: compat

local function at(self) return math.floor((self.mc.sim.loop:now() - self.mc.started) * 1e6 + 0.5) / 1e6 end

local function message_json(message)
  return object({
    "id", message.id, "from", message.from, "to", message.to, "text", message.text, "data", message.data and json.hex(message.data),
    "system_id", message.system_id, "state", message.state, "parts", message.parts, "receipt", message.receipt, "at_s", message.at_s,
  }, 20)
end

local function session_of(self, number)
  for _, session in ipairs(self.mc.sim.server.sessions) do
    if session.owner.serial == number then return session end
  end
  return nil, "bad_value", ("no such session: %d"):format(number)
end

local DO = {}

DO.ping = { {}, function() return object {} end }

DO.messages = { { { "filter", testing.filter } }, function(self, o)
  local out = {}
  for i, message in ipairs(self.mc:messages(o.filter)) do out[i] = message_json(message) end
  return object { "messages", list(out) }
end }

DO.await = { { { "filter", testing.filter }, { "within_s", kind.seconds } }, function(self, o)
  local message, err, code = self.mc:await(o.filter, o.within_s)
  if not message then return nil, code, err end
  return object { "message", message_json(message) }
end }

DO.pdus = { { { "since", kind.integer(0) }, { "limit", kind.integer(1, 10000) } }, function(self, o)
  local out = {}
  for _, entry in ipairs(self.mc:pdus()) do
    if entry.number > (o.since or 0) and #out < (o.limit or 1000) then
      local pdu = json.pdu(entry.pdu)
      content.add_json(pdu, content.of(entry.pdu))
      out[#out + 1] = object({ "number", entry.number, "at_s", entry.at_s, "direction", entry.direction, "system_id", entry.system_id,
        "pdu", pdu }, 10)
    end
  end
  return object { "pdus", list(out) }
end }

DO.sessions = { {}, function(self)
  local out = {}
  for i, session in ipairs(self.mc.sim.server.sessions) do
    out[i] = object({ "session", session.owner.serial, "system_id", session.system_id, "state", session.state,
      "peer", net.address(session.peer.host, session.peer.port) }, 8)
  end
  return object { "sessions", list(out) }
end }

local function unhex(word)
  if #word % 2 == 1 or word:find "%X" then return nil end
  return (word:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

DO.deliver = {
  { { "from", "string" }, { "to", "string" }, { "text", "string" }, { "data", "string" }, { "system_id", "string" } },
  function(self, o)
    local token, key = task.need(), {}
    local fields = schema.merge(o)
    if o.data then
      fields.data = unhex(o.data)
      if not fields.data then return nil, "bad_value", "data: expected pairs of hex digits" end
    end
    local settled
    fields.done = function(ok, code)
      settled = { ok, code }
      task.wake_for(token, key)
    end
    local ok, message, code = self.mc.sim:deliver(fields)
    if not ok then return nil, code, message end
    local timer = self.mc.sim.loop:timer(function() task.wake_for(token, key) end, true)
    timer:start(DELIVER_S)
    if not settled then task.wait(key) end
    timer:close()
    if not settled then return nil, "timeout", ("not acknowledged within %d s"):format(DELIVER_S) end
    return object { "status", settled[1] and "ESME_ROK" or settled[2] or "unknown" }
  end,
}

DO.receipt = {
  { { "message_id", "string", required = true }, { "state", state_kind, required = true }, { "error", kind.integer(0, 0xFFFF) } },
  function(self, o)
    local ok, message, code = self.mc.sim:receipt(o.message_id, o.state, o.error)
    if not ok then return nil, code, message end
    return object {}
  end,
}

DO.reset = { {}, function(self)
  self.mc:reset()
  return object {}
end }

DO.fault = { { { "name", fault_kind, required = true }, { "count", kind.count } }, function(self, o)
  self.mc.sim:fault(o.name, o.count)
  return object {}
end }

DO.unbind = { { { "session", kind.count, required = true } }, function(self, o)
  local session, code, message = session_of(self, o.session)
  if not session then return nil, code, message end
  self.mc.sim:drop(session, "unbind")
  return object {}
end }

DO.drop = { { { "session", kind.count, required = true }, { "how", kind.one_of("close", "reset") } }, function(self, o)
  local session, code, message = session_of(self, o.session)
  if not session then return nil, code, message end
  self.mc.sim:drop(session, o.how or "close")
  return object {}
end }

DO.refuse = { { { "seconds", kind.seconds, required = true } }, function(self, o)
  self.mc.sim.server:refuse(o.seconds)
  return object {}
end }

DO.stats = { {}, function(self)
  local counts, pairs_of = self.mc.sim.counts, {}
  for _, name in ipairs { "sessions", "refused_binds", "messages", "refused", "receipts", "mo", "faults" } do
    pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = name, counts[name]
  end
  local states = {}
  for _, name in ipairs(message_state.finals) do
    if self.mc.sim.states[name] then states[#states + 1], states[#states + 2] = name, self.mc.sim.states[name] end
  end
  pairs_of[#pairs_of + 1], pairs_of[#pairs_of + 2] = "states", object(states)
  return object(pairs_of)
end }

DO.events = { { { "on", kind.list("string", "names of events"), required = true } }, function(self, o)
  local wanted = {}
  for _, name in ipairs(o.on) do
    if not sim_events.names[name] then
      local like = mistake.similar(name, sim_events.names)
      return nil, "unknown_field", ("unknown event '%s'%s"):format(name, like and ("; did you mean '%s'?"):format(like) or "")
    end
    wanted[name] = true
  end
  self.wanted = wanted
  return object {}
end }

DO.close = { {}, function(self)
  self.closing = true
  return object {}
end }

-- `set` takes the options of the simulator themselves.
DO.set = { nil, function(self, o)
  local changes = {}
  for name, value in pairs(o) do
    if value == dkjson.null then value = self.mc.sim.default end
    changes[name] = value
  end
  local ok, message, code = self.mc:set(changes)
  if not ok then return nil, code, message end
  return object {}
end }

for _, entry in pairs(DO) do
  if entry[1] then entry[1] = schema.new(entry[1]) end
end
sim_control.commands = DO

--- What is wrong with the arguments of a request.
local function problem_of(entry, o)
  if entry[1] then return entry[1]:problem(o) end
  local plain = {}
  for name, value in pairs(o) do
    if value ~= dkjson.null then plain[name] = value elseif not settings.own.by_name[name] then return mistake.unknown(name, settings.own.by_name) end
  end
  return settings.own:problem(plain)
end

local function perform(self, id, entry, o)
  local ok, result, code, message = task.pcall(entry[2], self, o)
  if not ok then return refuse(self, id, "bad_value", (tostring(result):gsub("^[^\n:]+:%d+: ", ""))) end
  if not result then return refuse(self, id, code or "failed", message or "failed") end
  reply(self, id, result)
end

--- Handles one line.
local function handle(self, line)
  local request = json.decode(line, dkjson.null)
  local id = type(request) == "table" and request.id
  if type(id) ~= "string" and type(id) ~= "number" then
    return refuse(self, dkjson.null, "bad_value", type(request) ~= "table" and "not an object of JSON" or "id: expected a string or a number")
  end
  local entry = type(request["do"]) == "string" and DO[request["do"]]
  if not entry then
    local name = request["do"]
    local like = type(name) == "string" and mistake.similar(name, DO)
    return refuse(self, id, "unknown_field", ("unknown do '%s'%s"):format(tostring(name), like and ("; did you mean '%s'?"):format(like) or ""))
  end
  local o = {}
  for name, value in pairs(request) do
    if name ~= "id" and name ~= "do" then o[name] = value end
  end
  local wrong = problem_of(entry, o)
  if wrong then return refuse(self, id, wrong.unknown and "unknown_field" or "bad_value", wrong.message) end
  if request["do"] == "await" then return task.start(self.sink, perform, self, id, entry, o) end
  perform(self, id, entry, o)
end

-- ---- in ----

--- Splits pieces into lines; a line that is too long is reported once, and dropped.
local function take(self, piece)
  self.buffer = self.buffer .. piece
  while true do
    local stop = self.buffer:find("\n", 1, true)
    if not stop then break end
    local line = self.buffer:sub(1, stop - 1)
    self.buffer = self.buffer:sub(stop + 1)
    if self.dropping then
      self.dropping = false
    elseif #line > MOST_OCTETS then
      table.insert(self.queue, false)
    elseif line:find "%S" then
      table.insert(self.queue, line)
    end
  end
  if #self.buffer > MOST_OCTETS then
    if not self.dropping then table.insert(self.queue, false) end
    self.dropping, self.buffer = true, ""
  end
end

--- Reads from now on; `wake` is called when there is something to do.
local function read(self, stream, wake)
  local function next_piece()
    stream:read(function(piece)
      if not piece or piece == "" then
        self.ended = true
      else
        take(self, piece)
        next_piece()
      end
      wake()
    end)
  end
  next_piece()
end

--- An output for sim_events that gives objects.
local function events_output(self)
  return {
    json = true,
    object = function(_, value)
      if not self.wanted[value.event] then return end
      json.add(value, "at_s", at(self))
      event(self, value)
    end,
    note = function(_, format, ...) self.out:note(format, ...) end,
    paint_note = function(_, _, words) return words end,
    paint = function(_, _, words) return words end,
  }
end

--- Serves the requests until the end of stdin, `close` or a signal.
---@async
---@param mc smpp.Simulator
---@param out smpp.CliOutput
---@param stream smpp.Stream?  default: stdin
---@return integer exit_code
function sim_control.serve(mc, out, stream)
  local loop = loops.current()
  local self = setmetatable({
    mc = testing.of(mc), out = out, wanted = {}, lost = 0,
    writer = out.stdout == io.stdout and loop.open_writer and loop:open_writer(1) or nil,
    pending = out.stdout.pending, -- of a test
    buffer = "", queue = {}, dropping = false, ended = false, closing = false,
    sink = function(trace) out:note("%s", trace) end,
  }, mt)
  put(self, object { "event", "listening", "host", mc.host, "port", mc.port, "control", 1 })
  sim_events.follow(mc, events_output(self))
  local token = task.need()
  local function wake() task.wake_for(token, self) end
  stream = stream or loop:open_stream "-"
  if not stream then
    out:fail "--control - needs a pipe or a terminal as stdin"
    return exit.USAGE
  end
  read(self, stream, wake)
  while not self.closing do
    local line = table.remove(self.queue, 1)
    if line == false then
      refuse(self, dkjson.null, "too_long", ("a line has at most %d octets"):format(MOST_OCTETS))
    elseif line then
      handle(self, line)
    elseif self.ended then
      break
    else
      task.wait(self)
    end
  end
  stream:close()
  self.mc:close(1)
  if self.writer then
    local deadline = loop:now() + FLUSH_S
    while self.writer:pending() > 0 and not self.writer.broken and loop:now() < deadline do run.sleep(0.01) end
    self.writer:close()
  end
  return exit.DONE
end

--- Says why there is no simulator.
---@param out smpp.CliOutput
---@param message string
function sim_control.failed(out, message)
  out:object(object { "event", "error", "code", "connect_failed", "message", message })
end

return sim_control
