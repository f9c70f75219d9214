--- One attempt to reach an MC: connect, then bind.
local connection = require "smpp.session"
local explain = require "smpp.codec.explain"
local net = require "smpp.base.net"
local task = require "smpp.base.task"

local dialer = {}

local BINDS = { trx = 0x09, tx = 0x02, rx = 0x01 }
local VERSIONS = { ["3.3"] = 0x33, ["3.4"] = 0x34, ["5.0"] = 0x50, [0x33] = 0x33, [0x34] = 0x34, [0x50] = 0x50 }

--- The interface_version octet of "3.3", "3.4", "5.0" or the octet itself.
---@param version string|integer?
---@return integer? octet  nil: none of them
function dialer.version(version)
  if version == nil then return 0x34 end
  if type(version) == "number" and version < 10 then version = ("%.1f"):format(version) end
  return VERSIONS[version]
end

--- Connects the transport; waits.
---@return smpp.Transport? transport
---@return string? message
---@return string? code  "connect_failed", "tls", "closed"
local function connect(o, host, attempt)
  if o.tls then
    return nil, "TLS needs OpenSSL's part of this toolkit, which is not installed; use smpp:// or a TLS tunnel", "tls"
  end
  local token, key, request = task.need(2), {}, nil
  function attempt.cancel()
    attempt.cancel = nil
    request:cancel()
    task.wake_for(token, key, nil, "closed", "closed")
  end
  request = o.loop:connect({ host = host.host, port = host.port, timeout_s = o.connect_timeout_s or o.bind_timeout_s }, function(...)
    attempt.cancel = nil
    task.wake_for(token, key, ...)
  end)
  return task.wait(key)
end

--- What a user should look at when a bind is refused.
local function bind_advice(o, row)
  local hints = {}
  local function blank(text) return text and (text:match("^%s") or text:match("%s$")) end
  if blank(o.password) then hints[#hints + 1] = "the password begins or ends with a blank" end
  if blank(o.system_id) then hints[#hints + 1] = "the system_id begins or ends with a blank" end
  if o.password and #o.password > 8 then hints[#hints + 1] = "the password is longer than the standard's 8 octets" end
  return ("%s: %s%s"):format(row.meaning, row.advice, #hints > 0 and "; note: " .. table.concat(hints, ", ") or "")
end

--- Options of the connection that the client's options ask for.
---@return smpp.ConnectionOptions
function dialer.spec(o, transport)
  return {
    role = "esme", loop = o.loop, transport = transport, codec = o.codec, answer_timeout_s = o.answer_timeout_s,
    session = {
      window = o.window, version = o.version, unchecked = o.unchecked, first_sequence = o.first_sequence,
      response_s = o.response_timeout_s, enquire_link_s = o.enquire_link_s,
      enquire_link_response_s = o.enquire_link_response_s, inactivity_s = o.inactivity_s, pdu_read_s = o.pdu_read_s,
      max_pdu_octets = o.max_pdu_octets, session_init_s = 0, tolerate = o.tolerate,
      require_sc_version = o.require_sc_version, max_unanswered = o.max_unanswered,
    },
  }
end

--- Binds a connection.
---@async
---@return smpp.Connection?
---@return string? message
---@return string? code
function dialer.bind(o, conn)
  local response, refused, status = conn:request(BINDS[o.bind], {
    system_id = o.system_id or "", password = o.password or "", system_type = o.system_type,
    interface_version = o.version, addr_ton = o.addr_ton, addr_npi = o.addr_npi, address_range = o.address_range,
  }, o.bind_timeout_s)
  if response then
    conn.system_id = o.system_id
    conn.mc_system_id = response.system_id
    return conn
  end
  conn:close()
  local row = explain.status(status)
  if row then
    return nil, ("%s refused the bind with %s (0x%02X), %s"):format(conn.host, row.name, row.code, bind_advice(o, row)), row.name
  end
  return nil, ("%s: bind: %s"):format(conn.host, refused), status
end

---@class smpp.Attempt
---@field prepare (fun(spec: smpp.ConnectionOptions): smpp.ConnectionOptions)?  adds handlers and the like
---@field made fun(conn: smpp.Connection)?  called before anything is sent or read
---@field cancel fun()?  set while it lasts: ends it at once, with "closed" or "connection_lost"

--- Opens a connection to one host and, unless `o.bind` is false, binds it.
---@async
---@param o table  options of the client, with loop
---@param host { host: string, port: integer }
---@param attempt smpp.Attempt
---@return smpp.Connection?
---@return string? message
---@return string? code  "connect_failed", "tls", "timeout", "connection_lost", "closed" or the status that refused the bind
function dialer.open(o, host, attempt)
  local transport, message, code = connect(o, host, attempt)
  if not transport then return nil, message, code end
  local spec = dialer.spec(o, transport)
  local conn = connection.new(attempt.prepare and attempt.prepare(spec) or spec)
  conn.host = net.address(host.host, host.port)
  if o.pdu then conn:on("pdu", function(pdu, direction) o.pdu(pdu, direction, conn) end) end
  if attempt.made then attempt.made(conn) end
  conn:start()
  if o.bind == false then return conn end
  attempt.cancel = function()
    attempt.cancel = nil
    conn:close()
  end
  conn, message, code = dialer.bind(o, conn)
  attempt.cancel = nil
  return conn, message, code
end

return dialer
