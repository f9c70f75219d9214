--- One attempt: connects to an MC and binds.
local explain = require "smpp.codec.explain"
local metrics = require("smpp.metrics").standard
local net = require "smpp.base.net"
local sessions = require "smpp.session"
local transports = require "smpp.transport"

local dialer = {}

--- Codes of failed connections -> label.
local RESULTS = { connect_failed = "failed", timeout = "timeout", tls = "tls" }

local function count(transport, message, code)
  if code ~= "closed" then
    local is_refused = code == "connect_failed" and message:find("refused", 1, true)
    metrics.connections:add(1, "client", transport and "ok" or is_refused and "refused" or RESULTS[code] or "failed")
  end
  return transport, message, code
end

local BINDS = { trx = 0x09, tx = 0x02, rx = 0x01 }

--- Connects, with the transport filters that the options name.
---@async
---@return smpp.Transport? transport
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "closed"
local function connect(o, host, attempt)
  if not o.chain then
    local chain, message, code = transports.chain("connect", o, o.filters)
    if not chain then return nil, message, code end
    if attempt.warn then chain:warn(attempt.warn) end
    o.chain = chain
  end
  return count(o.chain:connect(o.loop, {
    host = host.host, port = host.port, connect_timeout_s = o.connect_timeout_s or o.bind_timeout_s, timeout_s = o.bind_timeout_s,
  }, attempt))
end

--- Advice on a refused bind, for the error message.
local function bind_advice(o, row)
  local hints = {}
  local function blank(text) return text and (text:match("^%s") or text:match("%s$")) end
  if blank(o.password) then hints[#hints + 1] = "the password has leading or trailing white space" end
  if blank(o.system_id) then hints[#hints + 1] = "the system_id has leading or trailing white space" end
  if o.password and #o.password > 8 then hints[#hints + 1] = "the password is longer than 8 octets (3.4, 4.1.1)" end
  return ("%s: %s%s"):format(row.meaning, row.advice, #hints > 0 and "; note: " .. table.concat(hints, ", ") or "")
end

--- Creates a session from the client's options.
---@param o table
---@param transport smpp.Transport
---@param host string  as it was dialed
---@param own { owner: smpp.SessionOwner?, counters: smpp.Stats?, has_handlers: boolean?, session_init_s: number? }
---@return smpp.Session
function dialer.session(o, transport, host, own)
  local session = sessions.new {
    role = "esme", loop = o.loop, transport = transport, host = host, codec = o.codec, answer_timeout_s = o.answer_timeout_s,
    owner = own.owner, counters = own.counters, has_handlers = own.has_handlers, target = o.name,
    machine = {
      window = o.window, version = o.version, unchecked = o.unchecked, first_sequence = o.first_sequence,
      response_s = o.response_timeout_s, enquire_link_s = o.enquire_link_s,
      enquire_link_response_s = o.enquire_link_response_s, inactivity_s = o.inactivity_s, pdu_read_s = o.pdu_read_s,
      max_pdu_octets = o.max_pdu_octets, session_init_s = own.session_init_s or 0, tolerate = o.tolerate,
      require_sc_version = o.require_sc_version, max_unanswered = o.max_unanswered,
    },
  }
  if o.pdu then session:on("pdu", function(pdu, direction) o.pdu(pdu, direction, session) end) end
  return session
end

--- Why a bind was not answered, with what to check.
---@param pdu smpp.Pdu?  a malformed response
local function unanswered(o, message, code, pdu)
  message = message:gsub(", outcome unknown$", "")
  local tls = o.tls and "" or "a TLS port (then use smpps://), "
  if code == "timeout" and not pdu then
    return ("no response to the bind in %g s; possible causes: %snot an SMPP port, a firewall that drops the data"):format(o.bind_timeout_s, tls)
  elseif code == "connection_lost" then
    return ("%s before the bind was answered; possible causes: %snot an SMPP port, an IP address that may not connect"):format(message, tls)
  end
  return "bind: " .. message
end

--- Binds a session.
---@async
---@return smpp.Session?
---@return string? message
---@return string? code
function dialer.bind(o, session)
  local response, refused, status, pdu = session:request(BINDS[o.bind], {
    system_id = o.system_id or "", password = o.password or "", system_type = o.system_type,
    interface_version = o.version, addr_ton = o.addr_ton, addr_npi = o.addr_npi, address_range = o.address_range,
  }, o.bind_timeout_s)
  if response then
    session:identify { system_id = o.system_id, mc_system_id = response.system_id }
    return session
  end
  if status == "not_sent" then status = "connection_lost" end
  local cause, cause_code = session:cause()
  session:close()
  if cause_code and status == "connection_lost" then return nil, cause, cause_code end
  local row = explain.status(status)
  if row then
    return nil, ("%s refused the bind with %s (0x%02X), %s"):format(session.host, row.name, row.code, bind_advice(o, row)), row.name
  end
  return nil, ("%s: %s"):format(session.host, unanswered(o, refused, status, pdu)), status
end

---@class smpp.Attempt
---@field owner smpp.SessionOwner?  of the new session
---@field counters smpp.Stats?
---@field has_handlers boolean?
---@field warn fun(message: string)?  receives warnings, such as an unverified certificate
---@field made fun(session: smpp.Session)?  called before anything is sent or read
---@field cancel fun()?  set during the attempt: ends it at once, with "closed" or "connection_lost"

--- Connects to one host and, unless `o.bind` is false, binds.
---@async
---@param o table  options of the client, with loop
---@param host { host: string, port: integer }
---@param attempt smpp.Attempt
---@return smpp.Session?
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "connection_lost", "closed" or the status that refused the bind
function dialer.open(o, host, attempt)
  local transport, message, code = connect(o, host, attempt)
  if not transport then return nil, message, code end
  local session = dialer.session(o, transport, net.address(host.host, host.port), attempt)
  if attempt.made then attempt.made(session) end
  session:start()
  if o.bind == false then return session end
  attempt.cancel = function()
    attempt.cancel = nil
    session:close()
  end
  session, message, code = dialer.bind(o, session)
  attempt.cancel = nil
  return session, message, code
end

return dialer
