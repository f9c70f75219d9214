--- The end of a session: unbind, close, or the end of its transport.  A part of a session, made when the end begins.
---
---   begun (unbind was called, or the transport has ended) → over (the C session has ended, its octets are written) → closed
local alarms = require "smpp.session.alarms"
local task = require "smpp.base.task"

---@class smpp.SessionEnding
local Ending = {
  is_over = false,              -- the C session has ended
  is_unbinding = false,         -- this side has begun to unbind
}
local mt = { __index = Ending, __name = "smpp.SessionEnding" }

local ending = {}

local FLUSH_S = 1 -- for the last octets

--- The end of a session; begins it.
---@param session smpp.Session
---@return smpp.SessionEnding
function ending.of(session)
  if not session.ending then
    session.ending = setmetatable({
      session = session,
      cause = nil, code = nil,  -- why the transport ended; "tls": TLS failed
      waiter = nil,             -- the task in unbind()
    }, mt)
  end
  return session.ending
end

--- Sets why the transport is going to end.
---@param cause string
---@param code string?
function Ending:set_cause(cause, code) self.cause, self.code = cause, code or self.code end

--- The transport has ended.
---@param message? string  error of the transport; nil: closed by the peer
---@param code? string  "tls": TLS failed
function Ending:lost(message, code)
  local session = self.session
  if not message and session.machine:info().inside_pdu then message = "truncated: closed by the peer inside a PDU" end
  session.machine:lost(message and "connection lost" or "closed by the peer")
  self:set_cause(message or self.cause or (session.state ~= "UNBOUND" and "closed by the peer")
    or (self.is_unbinding and "unbound" or "unbound by the peer"), code == "tls" and code or nil)
  session:poll()
end

--- The C session has ended: pending output is written, then the transport closes.
---@param reason? string
function Ending:finish(reason)
  local session = self.session
  if self.is_over or session.closed then return end
  self.is_over, session.end_reason = true, self.cause or reason or "closed"
  session:flush_later()
end

--- Closes the transport, after pending output.
function Ending:close_transport()
  local session = self.session
  if session.closed then return end
  session.closed = true
  session.incoming:close()
  alarms.clear(session)
  session.transport:close_after_flush(FLUSH_S)
  session:emit("closed", session.end_reason)
  local owner, waiter = session.owner, self.waiter
  if owner.on_closed then owner:on_closed(session, session.end_reason) end
  self.waiter = nil
  if waiter then task.wake(waiter, true) end
end

--- Starts to unbind.
---@param timeout_s number  for pending responses
function Ending:begin_unbind(timeout_s)
  local session = self.session
  self.is_unbinding = true
  session.machine:unbind(timeout_s, session.loop:now())
  session:poll()
  session:touch()
end

--- Waits for the end, if the caller is a task; one task can wait.
---@async
function Ending:await()
  local token = task.current()
  if not token or self.waiter then return end
  self.waiter = token
  task.wait()
end

return ending
