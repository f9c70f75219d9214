--- The owner of a session: the one object that a session reports to.  Whoever creates a session passes its owner;
--- `Session:set_owner` replaces it.

--- An owner implements the methods it needs; the session skips absent ones.  on_request runs as a task and may wait; the
--- others must not wait.
---@class smpp.SessionOwner
---@field on_request (fun(self, session: smpp.Session, pdu: smpp.Pdu, command_id: integer): any, any)?  a request of the peer; the
---  result is the answer (docs/session.md, Handlers); LATER of smpp.session.incoming: session:answer gives it; absent: ESME_RINVCMDID
---@field on_response (fun(self, session: smpp.Session, pdu: smpp.Pdu, latency_s: number))|false|nil  a counted request of ours was answered
---@field on_request_refused (fun(self, session: smpp.Session, pdu: smpp.Pdu, status: string, reason: string))?  a request of the
---  peer was refused before any handler: malformed, not allowed in this state, unknown command, over a limit; absent: the
---  `refused` event
---@field on_refusal (fun(self, session: smpp.Session, status: table, pdu: smpp.Pdu, sent_at: number?))?  a response with a
---  command_status other than ESME_ROK; status: its row (smpp.explain); sent_at: loop time of the request, if counted
---@field on_outcome_unknown (fun(self, session: smpp.Session, command_id: integer, fields: table|smpp.Pdu, code: string))?
---  a counted request of ours ended with "timeout" or "connection_lost"
---@field on_room (fun(self, session: smpp.Session))?  the window was full and has room again
---@field on_state (fun(self, session: smpp.Session, to: string, from: string, reason: string?))?
---@field on_closed (fun(self, session: smpp.Session, reason: string))?  called once, and last
---@field on_error (fun(self, session: smpp.Session, message: string, code: string, pdu: smpp.Pdu?))?  code: "handler_failed",
---  "answer_timeout", "late_result", "malformed"; absent: the `error` event

local owner = {}

--- The owner of a session that was created without one.
---@type smpp.SessionOwner
owner.none = {}

--- An owner that answers requests with handlers, a table command_id -> fn(session, pdu).
---@param handlers table<integer, fun(session: smpp.Session, pdu: smpp.Pdu): any, any>
---@return smpp.SessionOwner
function owner.of_handlers(handlers)
  return { handlers = handlers, on_request = function(self, session, pdu, command_id)
    local handler = self.handlers[command_id]
    if not handler then
      session:note_refused(pdu, "ESME_RINVCMDID", "no handler for it")
      return nil, "ESME_RINVCMDID"
    end
    return handler(session, pdu)
  end }
end

return owner
