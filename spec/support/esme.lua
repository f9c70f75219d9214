--- For specs of the client: virtual time, well-behaved message centres, and scripted ones.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local esme = {}

local unpack = table.unpack or unpack -- luacheck: compat

esme.URL = "smpp://me:secret@127.0.0.1:2775"

--- Runs fn(loop) as the main task under virtual time until nothing is left to do; fails on any error, and on open handles.
---@param o? table  of smpp.loop.virtual
function esme.run(fn, o)
  local loop = virtual.new(o or { seed = 1, limit_s = 1000000 })
  local failure
  loop.on_error = function(trace) failure = failure or trace end
  local results = { smpp.run(function() return fn(loop) end, { loop = loop, signals = false }) }
  if failure then error(failure, 0) end
  if loop:describe() ~= "nothing" then error("left open: " .. loop:describe(), 0) end
  return unpack(results)
end

--- A server that accepts everything; `seen.submits` are its requests.
---@return smpp.Server server
---@return table seen
function esme.server(o)
  o = o or {}
  o.port = o.port or 2775
  local seen = { submits = {} }
  o.submit_sm = o.submit_sm or function(_, pdu)
    table.insert(seen.submits, pdu)
    return tostring(#seen.submits)
  end
  local server = assert(smpp.server(o))
  server:on("error", function() end)
  return server, seen
end

--- An ESME on 127.0.0.1:2775 whose errors are collected in `esme_errors`, and its changes of state in `changes`.
function esme.connect(o)
  o = o or {}
  o[1] = o[1] or not (o.host or o.hosts) and esme.URL or nil
  local client, message, code = (o.binds and smpp.pool or smpp.connect)(o)
  if not client then return nil, message, code end
  return esme.watch(client)
end

--- Collects errors and changes of state: `changes` are { state, from, reason, at }.
function esme.watch(client)
  client.esme_errors, client.changes = {}, {}
  client:on("error", function(message) table.insert(client.esme_errors, message) end)
  client:on("state", function(state, from, reason)
    table.insert(client.changes, { state = state, from = from, reason = reason, at = client.loop:now() })
  end)
  return client
end

function esme.submit(client, fields, ...) return client:submit_sm(fields or { destination_addr = "491" }, ...) end

-- ---- a scripted message centre ----

---@class spec.Peer
local Peer = {}
local PEER = { __index = Peer }

local Session = {}
local SESSION = { __index = Session }

--- Sends a PDU.
function Session:send(pdu) self.transport:write(assert(smpp.encode(pdu))) end

--- Sends raw octets.
function Session:write(octets) self.transport:write(octets) end

--- The usual answer to a request.
function Session:answer(pdu, fields)
  local response = { command = pdu.command .. "_resp", sequence_number = pdu.sequence_number }
  for name, value in pairs(fields or {}) do response[name] = value end
  if pdu.command:find "^bind" and not response.status then response.system_id = response.system_id or "peer" end
  self:send(response)
end

--- Listens; calls `o[command](session, pdu)` for each received PDU, or else answers it, and `o.accepted(session)` for each
--- connection.  false instead of a function: no answer.
---@param o? table
---@return spec.Peer  { sessions, open, most_open, attempts = { time }, pdus }
function esme.peer(loop, o)
  o = o or {}
  local self = setmetatable({ sessions = {}, open = 0, most_open = 0, attempts = {}, pdus = {} }, PEER)
  self.listener = assert(loop:listen({ host = o.host or "127.0.0.1", port = o.port or 2775 }, function(transport)
    local session = setmetatable({ transport = transport, rest = "", open = true }, SESSION)
    table.insert(self.sessions, session)
    table.insert(self.attempts, loop:now())
    self.open = self.open + 1
    self.most_open = math.max(self.most_open, self.open)
    local function closed()
      if not session.open then return end
      session.open, self.open = false, self.open - 1
      transport:close()
    end
    session.close = closed
    if o.accepted then o.accepted(session) end
    transport:start(function(octets)
      session.rest = session.rest .. octets
      while session.open do
        local pdu, next_at = smpp.decode(session.rest)
        if not pdu then break end
        session.rest = session.rest:sub(next_at)
        table.insert(self.pdus, pdu)
        local handler = o[pdu.command]
        if handler then
          handler(session, pdu)
        elseif handler == nil and pdu.command_id < 0x80000000 then
          session:answer(pdu, pdu.command == "submit_sm" and { message_id = tostring(#self.pdus) } or nil)
        end
      end
    end, closed)
  end))
  return self
end

--- Received PDUs of one command.
function Peer:count(command)
  local n = 0
  for _, pdu in ipairs(self.pdus) do n = n + (pdu.command == command and 1 or 0) end
  return n
end

--- Stops listening and closes all connections.
function Peer:close()
  self.listener:close()
  for _, session in ipairs(self.sessions) do session.close() end
end

return esme
