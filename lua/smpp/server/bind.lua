--- The answer to a bind: who it is, whether it may, and which version both speak.
local accounts = require "smpp.server.accounts"
local cidr = require "smpp.base.cidr"
local commands = require "smpp.codec.commands"

local bind = {}

local ids = commands.ids
local KIND = { [ids.bind_receiver] = "rx", [ids.bind_transmitter] = "tx", [ids.bind_transceiver] = "trx" }

--- The account behind a bind; nil: status, reason.
local function find(server, session, pdu)
  local system_id = pdu.system_id
  if server.authenticate then
    local result, status = server.authenticate(session, pdu)
    if not result then return nil, status or "ESME_RBINDFAIL", "refused by authenticate" end
    local given = type(result) == "table" and accounts.check(system_id, result, 0) or server.no_limits
    return server:account(system_id, given), false
  end
  if not server.accounts_given then return server:account(system_id, server.no_limits), false end
  local account = server.accounts[system_id]
  if not account then return nil, "ESME_RINVSYSID", "no such account" end
  return account, pdu.password
end

local function refused(server, session, pdu, status, reason)
  session.failed_binds = (session.failed_binds or 0) + 1
  server:emit("refused", session, pdu.system_id, status, reason)
  if session.failed_binds >= server.options.max_failed_binds then
    session:answer(pdu, nil, status)
    session:leave(0) -- not bound: the connection closes behind the answer
  end
  return nil, status
end

--- Handler of the three binds.
---@param server smpp.Server
---@return fun(session: smpp.Connection, pdu: smpp.Pdu)
function bind.handler(server)
  local o = server.options
  return function(session, pdu)
    local kind = KIND[pdu.command_id]
    if kind == "trx" and o.version < 0x34 then return refused(server, session, pdu, "ESME_RINVCMDID", "no transceivers in 3.3") end
    local account, password, reason = find(server, session, pdu)
    if session.state == "CLOSED" or not session.core:is_answerable(pdu) then -- gone, or answered, while authenticate waited
      return account and server:forget(account)
    end
    if not account then return refused(server, session, pdu, password, reason) end
    local status
    status, reason = account:refusal(kind, session.peer.host, password)
    if status then
      server:forget(account)
      return refused(server, session, pdu, status, reason)
    end
    session.system_id, session.place, session.address_range = pdu.system_id, account, pdu.address_range
    account:apply(session)
    local asked = pdu.interface_version
    local answer = { system_id = o.system_id }
    if asked >= 0x34 and o.version >= 0x34 then -- what it is served as: 3.4 or 5.0
      answer.sc_interface_version = math.min(asked < 0x50 and 0x34 or 0x50, o.version)
    end
    return answer
  end
end

--- A check for max_connections_per_address: the limit does not hold for this host.
bind.is_local = cidr.set { "127.0.0.0/8", "::1" }

return bind
