--- Events of the C session (smpp.core, `session_events`), acted on in their order: requests go to `incoming`, ends of our
--- requests to `outgoing`, all else to the session.  A part of a session.
local core = require "smpp.core"
local endings = require "smpp.session.ending"
local outgoing = require "smpp.session.outgoing"
local stream = require "smpp.codec.stream"

local machine_events = {}

local KINDS = core.session_events
local REQUEST, RESPONSE, TIMEOUT, LOST = KINDS.request.kind, KINDS.response.kind, KINDS.timeout.kind, KINDS.lost.kind
local ACCEPTED, UNSENT = KINDS.accepted.kind, KINDS.unsent.kind
local STATE, WINDOW, STRAY, MALFORMED, CLOSE = KINDS.state.kind, KINDS.window.kind, KINDS.stray.kind, KINDS.malformed.kind, KINDS.close.kind

local SLOTS = {} -- kind -> number of slots of an event, its kind included
for _, event in pairs(KINDS) do SLOTS[event.kind] = #event + 1 end

-- Free arrays for events, shared by all sessions: an array per session would keep the PDUs of its last turn alive, and
-- push the heap of a thousand sessions out of the CPU caches.  Nested turns take one array each.
local free, free_count = {}, 0

--- Takes an array for the events of one turn; `process` frees it.
---@return table slots
function machine_events.take_slots()
  if free_count == 0 then return {} end
  free_count = free_count - 1
  return free[free_count + 1]
end

--- How many octets of malformed data may be shown.  Before a bind succeeded the data may hold a password: behind the 16 octets
--- of the header, or anywhere when a PDU before it was invalid.
local function showable(session)
  if session.is_bound then return 48 end
  return (session.stray_count > 0 or session.refused_binds > 0) and 0 or 16
end

--- Malformed data: the connection ends.  TLS on the plain port is the usual cause, and gets a message of its own.
local function report_malformed(session, octets, reason)
  if reason == "looks like TLS" and not session.is_bound then
    local cause = session.role == "esme" and session.host .. " speaks TLS: use smpps://" or "TLS ClientHello on the plain port"
    endings.of(session):set_cause(cause, "tls")
    return session:report(cause, "malformed")
  end
  session:report(("malformed SMPP data (%s); closing the connection: %s"):format(
    reason or "invalid command_length", stream.show_octets(octets, showable(session))), "malformed")
end

--- Acts on events, and on those that follow from them.
---@param session smpp.Session
---@param slots table     from take_slots
---@param n integer       slots in use
---@param more boolean?   the C session has more events than it returned
function machine_events.process(session, slots, n, more)
  local requests = session.incoming
  session.processing = true
  repeat
    local i = 1
    while i <= n do
      local kind, at = slots[i], i
      if kind == ACCEPTED then
        i = outgoing.accepted(session, slots, i, n)
      elseif kind == REQUEST then
        i = requests:serve(slots, i, n)
      else
        local size = SLOTS[kind]
        if not size then error("internal error: unknown session event " .. tostring(kind)) end
        i = i + size
        if kind == RESPONSE then
          if i <= n and slots[i] == STATE then -- the task that waits for its bind_resp must find the session bound
            session:on_state(slots[i + 1], slots[i + 2], slots[i + 3])
            i = i + SLOTS[STATE]
          end
          local reason = slots[at + 4]
          if reason then
            outgoing.malformed(session, slots[at + 2], slots[at + 1], reason, slots[at + 5], slots[at + 6], slots[at + 7])
          else
            outgoing.complete(session, slots[at + 2], slots[at + 1], slots[at + 3], slots[at + 5])
          end
        elseif kind == TIMEOUT then
          outgoing.timed_out(session, slots[at + 1], slots[at + 2], slots[at + 3], slots[at + 4])
        elseif kind == LOST then
          local waiter, sent, command_id, fields = slots[at + 1], slots[at + 2], slots[at + 3], slots[at + 4]
          slots[at + 1], slots[at + 4] = false, false -- there may be many, and the array stays
          outgoing.lost(session, waiter, sent, command_id, fields)
        elseif kind == UNSENT then
          local waiter = slots[at + 1]
          slots[at + 1], slots[at + 2] = false, false
          outgoing.unsent(session, waiter)
        elseif kind == STATE then
          session:on_state(slots[at + 1], slots[at + 2], slots[at + 3])
        elseif kind == WINDOW then
          local owner = session.owner
          if owner.on_room then owner:on_room(session) end
        elseif kind == STRAY then
          session.stray_count = session.stray_count + 1
          if slots[at + 3] ~= 0 then session:note_refused(slots[at + 1], slots[at + 3], slots[at + 2]) end
          session:emit("stray", slots[at + 1], slots[at + 2])
        elseif kind == MALFORMED then
          report_malformed(session, slots[at + 1], slots[at + 2])
        elseif kind == CLOSE then
          endings.of(session):finish(slots[at + 1])
        end
      end
    end
    local again = more or session.again
    session.again = false
    if again then n, more = session.machine:poll(slots) end
  until not again
  session.processing = false
  local batch_ended = session.batch_ended
  if batch_ended then
    batch_ended(session)
    session.read_at = false
  end
  free_count = free_count + 1
  free[free_count] = slots
end

return machine_events
