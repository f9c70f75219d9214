--- Traces of what runs: the PDUs of all sessions of a client, pool or server as TCP in pcapng files, which make a ring, on and off
--- while it runs.  PDUs of TLS sessions are written in plain, on the port of the session; passwords as asterisks.
local blocks = require "smpp.capture.blocks"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local secrets = require "smpp.codec.secrets"
local segments = require "smpp.capture.segments"

local ring = {}

local LINKTYPE_RAW = 101 -- IPv4 or IPv6
local FLUSH_S = 1        -- what was written is in the file after this long,
local BUFFER_OCTETS = 65536 -- or when it is so much
local MOST_PENDING = 10000 -- requests of a number whose responses are written, too

--- The options of a trace.
ring.options = schema.new {
  { "file", "string", nil, "path of the newest file; older ones are FILE.1.pcapng, FILE.2.pcapng, …", 'file = "smpp.pcapng"', required = true },
  { "max_octets", kind.octets, 104857600, "size at which the next file begins", "max_octets = 10485760" },
  { "max_s", kind.seconds, nil, "age at which the next file begins", "max_s = 3600", default_text = "no limit" },
  { "files", kind.count, 5, "number of files that are kept", "files = 24" },
  { "session", "string", nil, "only this session: its id, or the system_id", 'session = "me"', default_text = "all" },
  { "number", "string", nil, "only PDUs from or to this number, and the responses to them", 'number = "491761234567"', default_text = "all" },
  { "secrets", "boolean", false, "passwords in clear, not as asterisks", "secrets = true" },
}

--- The option `trace`.
ring.kind = kind.either("string", ring.options)

---@class smpp.Capture
---@field file string
---@field pdus integer    PDUs written
---@field is_on boolean
---@field session string?  may be changed while it runs
---@field number string?
local Capture = {}
local mt = { __index = Capture, __name = "smpp.Capture" }

--- "x.pcapng", 1 -> "x.1.pcapng"
local function numbered(path, n)
  local stem, ending = path:match "^(.*)(%.[^./]+)$"
  return ("%s.%d%s"):format(stem or path, n, ending or "")
end

local function only_digits(address) return (tostring(address or ""):gsub("%D", ""):gsub("^00", "")) end

--- Makes a trace, which is on.
---@param given string|table  a path, or the options above
---@param loop smpp.Loop
---@param tell fun(event: "trace_started"|"trace_stopped"|"trace_failed", file: string, message: string?)?
---@return smpp.Capture? capture
---@return string? message
---@return string? code  "bad_value": the file cannot be written
function ring.new(given, loop, tell)
  local wrong = kind.problem(ring.kind, given)
  if wrong then mistake.raise(mistake.inside(wrong, "trace"), 2) end
  local o = ring.options:fill(type(given) == "string" and { file = given } or given)
  local self = setmetatable({
    file = o.file, max_octets = o.max_octets, max_s = o.max_s, files = o.files, session = o.session, number = o.number,
    show_secrets = o.secrets,
    loop = loop, tell = tell or function() end,
    out = nil, octets = 0, since = 0,       -- the open file
    pieces = {}, count = 0, buffered = 0,   -- what is not written yet
    is_on = false, pdus = 0,
    streams = setmetatable({}, { __mode = "k" }), -- session -> its TCP streams and pending requests
    is_dirty = false, timer = nil,
    signal = nil,                           -- toggles
  }, mt)
  self.timer = loop:timer(function() self:flush() end)
  local ok, message = self:start()
  if not ok then
    self.timer:close()
    return nil, message, "bad_value"
  end
  return self
end

-- ---- the files ----

--- An error of the file: the trace stops, and what is traced goes on.
local function fail(self, message)
  if not self.is_on then return end
  self.is_on, self.is_dirty = false, false
  self.timer:stop()
  if self.out then self.out:close() end
  self.out = nil
  self.tell("trace_failed", self.file, message)
end

--- Writes what is buffered.  The buffer is ours and not stdio's, which may lose an error: LuaJIT calls fwrite again after one.
---@return boolean? ok
local function put(self)
  if self.count == 0 then return true end
  local octets = table.concat(self.pieces, "", 1, self.count)
  self.pieces, self.count, self.buffered = {}, 0, 0
  local ok, message = self.out:write(octets)
  if not ok then fail(self, message) end
  return ok
end

local function write(self, octets)
  local n = self.count + 1
  self.count, self.pieces[n] = n, octets
  self.octets, self.buffered = self.octets + #octets, self.buffered + #octets
  if self.buffered >= BUFFER_OCTETS then return put(self) end
  if self.is_dirty then return end
  self.is_dirty = true
  self.timer:start(FLUSH_S)
end

--- Begins a file.
local function open(self)
  local out, message = io.open(self.file, "wb")
  if not out then return nil, message end
  out:setvbuf "no"
  self.out, self.octets, self.since = out, 0, self.loop:now()
  self.pieces, self.count, self.buffered = {}, 0, 0
  local head = blocks.section() .. blocks.interface(LINKTYPE_RAW)
  local ok
  ok, message = out:write(head)
  if not ok then
    out:close()
    self.out = nil
    return nil, message
  end
  self.octets = #head
  for _, traced in pairs(self.streams) do traced.keys = nil end -- in each file again
  return true
end

--- Moves each file to the next number; the last one goes.
local function shift(self)
  if self.files > 1 then
    os.remove(numbered(self.file, self.files - 1))
    for n = self.files - 2, 1, -1 do os.rename(numbered(self.file, n), numbered(self.file, n + 1)) end
    os.rename(self.file, numbered(self.file, 1))
  end
end

local function rotate(self)
  if not put(self) then return end
  self.out:close()
  shift(self)
  local ok, message = open(self)
  if not ok then fail(self, message) end
end

--- Writes what is buffered.
function Capture:flush()
  self.is_dirty = false
  if not self.out or not put(self) then return end
  if self.max_s and self.loop:now() - self.since >= self.max_s then rotate(self) end
end

-- ---- on and off ----

--- Begins to write, in a new file; an earlier one becomes FILE.1.pcapng.
---@return boolean? ok
---@return string? message
---@return string? code  "bad_value"
function Capture:start()
  if self.is_on then return true end
  local old = io.open(self.file, "rb")
  if old then
    old:close()
    if self.pdus > 0 then shift(self) end -- of this run; a file of an earlier run is replaced
  end
  local ok, message = open(self)
  if not ok then return nil, message, "bad_value" end
  self.is_on = true
  self.tell("trace_started", self.file)
  return true
end

--- Stops writing; `start` goes on.
function Capture:stop()
  if not self.is_on or not put(self) then return end
  self.is_on, self.is_dirty = false, false
  self.timer:stop()
  self.out:close()
  self.out = nil
  self.tell("trace_stopped", self.file)
end

--- Stops, or starts again.
---@return boolean? ok
---@return string? message
function Capture:toggle()
  if self.is_on then
    self:stop()
    return true
  end
  return self:start()
end

--- Toggles when the process gets a signal; what goes wrong then is told as any failure.
---@param name string
function Capture:toggle_on(name)
  self.signal = self.loop:signal(name, function()
    local ok, message = self:toggle()
    if not ok then self.tell("trace_failed", self.file, message) end
  end)
end

--- Stops for good.
function Capture:close()
  if self.signal then self.signal:close() end
  self.signal = nil
  self:stop()
  self.timer:close()
end

-- ---- PDUs ----

--- Tests whether a PDU, or the request that it answers, is from or to the number.
local function is_of_number(self, traced, pdu, direction)
  local wanted, id = only_digits(self.number), pdu.command_id
  if id >= 0x80000000 then
    local key = (direction == "in" and "out" or "in") .. pdu.sequence_number
    local found = traced.pending[key]
    if found then traced.pending[key], traced.pending_count = nil, traced.pending_count - 1 end
    return found == true
  end
  local found = false
  for name, value in pdu:fields() do
    if name == "source_addr" or name == "destination_addr" then found = found or only_digits(value) == wanted end
    if name == "dest_address" and type(value) == "table" then
      for _, one in ipairs(value) do found = found or only_digits(one.destination_addr) == wanted end
    end
  end
  if found then
    if traced.pending_count >= MOST_PENDING then traced.pending, traced.pending_count = {}, 0 end
    traced.pending[direction .. pdu.sequence_number], traced.pending_count = true, traced.pending_count + 1
  end
  return found
end

local function traced_of(self, session)
  local traced = self.streams[session]
  if not traced then
    traced = { streams = segments.new(session), comment = "session " .. session.id, pending = {}, pending_count = 0, keys = nil }
    self.streams[session] = traced
  end
  return traced
end

--- The lines of the key log of a session that are not in this file yet.
local function write_keys(self, session, traced)
  if not session.tls then return end
  local lines = require("smpp.transport.tls").secrets_of(session.tls)
  if not lines or lines == traced.keys then return end
  traced.keys = lines
  write(self, blocks.tls_keys(lines))
end

--- Writes a PDU of a session, unless the trace is off or it is of another session or number.
---@param session smpp.Session
---@param pdu smpp.Pdu
---@param direction "in"|"out"
function Capture:record(session, pdu, direction)
  if not self.is_on then return end
  local only = self.session
  if only and session.id ~= only and session.system_id ~= only then return end
  local traced = traced_of(self, session)
  if self.number and not is_of_number(self, traced, pdu, direction) then return end
  if self.octets >= self.max_octets or (self.max_s and self.loop:now() - self.since >= self.max_s) then
    rotate(self)
    if not self.is_on then return end
  end
  write_keys(self, session, traced)
  local octets = self.show_secrets and pdu:octets() or secrets.mask(pdu)
  local time = self.loop:time()
  for _, packet in ipairs(traced.streams:packets(octets, direction)) do
    if not self.is_on then return end
    write(self, blocks.packet(packet, time, { comment = traced.comment, direction = direction }))
  end
  self.pdus = self.pdus + 1
end

--- Writes all PDUs of a session from now on.
---@param session smpp.Session
function Capture:follow(session)
  session:on("pdu", function(pdu, direction) self:record(session, pdu, direction) end)
end

return ring
