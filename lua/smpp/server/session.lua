--- The owner of a session of a server (smpp.SessionOwner), and the server's state of that session.
local backoffs = require "smpp.base.backoff"
local explain = require "smpp.codec.explain"

---@class smpp.ServerSession : smpp.SessionOwner
---@field account smpp.Account?  set before a bind is answered with success
---@field serial integer?  in the order of binds, once bound
---@field backoff smpp.Backoff?  congested: no receipts and MO messages before its end
local ServerSession = {
  unbound_refusals = 0,         -- requests refused before a bind
  reserved_in = nil,            -- smpp.Account that counts it with other servers
}
local mt = { __index = ServerSession, __name = "smpp.ServerSession" }

local owners = { class = ServerSession }

local BOUND = { BOUND_TX = true, BOUND_RX = true, BOUND_TRX = true }

local MAX_UNBOUND_REFUSALS = 3 -- reported per session

---@param server smpp.Server
---@return smpp.ServerSession
function owners.new(server)
  return setmetatable({ server = server, account = nil, serial = nil, backoff = nil }, mt)
end

local OK = { [0] = true, ESME_ROK = true }

--- A handler, or the checks before it, answered a request with a status.
local function note_status(server, session, pdu, status)
  if OK[status] or server.codec.commands.roles.bind[pdu.command_id] then return end -- refused binds: server/bind.lua
  server.rejected = server.rejected + 1
  if server.write_log then
    server:log("rejected", session, {
      command = pdu.command, sequence_number = pdu.sequence_number, status = (explain.status(status) or {}).name or status,
    })
  end
  if server.listeners.rejected then server:emit("rejected", session, pdu, status) end
end

function ServerSession:on_request(session, pdu, command_id)
  local handler = (self.account or self.server).handlers[command_id]
  if not handler then
    session:note_refused(pdu, "ESME_RINVCMDID", "no handler for it")
    return nil, "ESME_RINVCMDID"
  end
  local result, status = handler(session, pdu)
  if result == nil then
    local server = self.server
    if status ~= nil then
      note_status(server, session, pdu, status)
    elseif server.codec.commands.roles.message_id[command_id] then
      return server.message_id(session, pdu)
    end
  end
  return result, status
end

--- Before a bind the peer is not authenticated: only the first refusals are reported.
function ServerSession:on_request_refused(session, pdu, status, reason)
  if not self.serial then
    self.unbound_refusals = self.unbound_refusals + 1
    if self.unbound_refusals > MAX_UNBOUND_REFUSALS then return end
  end
  self.server:log_refused("refused", session, {
    command = pdu.command, sequence_number = pdu.sequence_number, status = status, reason = reason,
  })
  self.server:emit("refused", session, session.system_id, status, reason, pdu)
end

function ServerSession:on_state(session, to, from, reason)
  local server, account = self.server, self.account
  if BOUND[to] then
    self.serial = server.connections:add_bound(session)
    account.binds[#account.binds + 1] = session
  elseif BOUND[from] then
    server.connections:remove_bound(session)
    server.outbound.dispatch:leave(session)
  end
  server:emit("state", session, to, from, reason)
  if BOUND[to] then
    server.counters.binds = server.counters.binds + 1
    server:log("bound", session, {
      bind = to, version = ("%X"):format(session.version), tls = session.tls and session.tls.version,
      tls_resumed = session.tls and session.tls.resumed,
    })
    server:emit("session", session)
  end
  if to == "BOUND_RX" or to == "BOUND_TRX" then server.outbound.dispatch:join(session) end
end

--- The window has room again.
function ServerSession:on_room()
  if self.account then self.server.outbound.dispatch:pump(self.account) end
end

function ServerSession:on_closed(session, reason)
  local server = self.server
  server.connections:remove(session)
  self:release()
  if self.account then server:forget(self.account) end
  if self.serial then
    server:log("closed", session, { reason = reason })
    server:emit("closed", session, reason)
  end
  if server.shutdown and server.connections.count == 0 then server.shutdown:finish() end
end

--- Handlers that failed or took too long, by the code of the error: the request was answered with ESME_RSYSERR.
local FAILED = { handler_failed = true, answer_timeout = true }

--- Other errors of a session that are in the log.
local LOGGED = { late_result = true, malformed = true }

--- Errors of a peer that is not bound go through the reporter's rate limit.
function ServerSession:on_error(session, message, code)
  local server = self.server
  if LOGGED[code] then
    local cause, cause_code = session:cause()
    server:log_refused(cause_code == "tls" and "tls_failed" or code, session, { reason = cause, message = message })
  end
  if code == "malformed" and not session.is_bound then return server.reporter:report(code, message, session) end
  if FAILED[code] then
    server.rejected = server.rejected + 1
    server:log(code, session, { message = message })
  end
  if FAILED[code] or LOGGED[code] then return server:emit_logged(message, session) end
  server:emit("error", message, session)
end

--- It is not counted with other servers any more.
function ServerSession:release()
  local account = self.reserved_in
  self.reserved_in = nil
  if account then account:release() end
end

--- The ESME is authenticated.
---@param account smpp.Account
function ServerSession:set_account(account) self.account = account end

--- The receiver is congested: backs off for one second, doubling up to 30.
---@return number? until  nil: backing off already
function ServerSession:back_off(now)
  local backoff = self.backoff or backoffs.new()
  self.backoff = backoff
  return backoff:start(now) and backoff.ends_at
end

---@return boolean
function ServerSession:is_backing_off(now) return self.backoff ~= nil and self.backoff:is_active(now) end

--- The receiver accepted a message: the next back-off starts with one second again.
function ServerSession:recovered()
  if self.backoff then self.backoff:recovered() end
end

return owners
