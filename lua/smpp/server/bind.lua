--- Answers binds: authentication, and the SMPP version of the session.
local ids = require("smpp.codec.commands").ids

local bind = {}

local KIND = { [ids.bind_receiver] = "rx", [ids.bind_transmitter] = "tx", [ids.bind_transceiver] = "trx" }

local function refused(server, session, pdu, status, reason)
  local count = session:count_refused_bind()
  server.refused_binds = server.refused_binds + 1
  server:log_refused("refused_bind", session, { system_id = pdu.system_id, status = status, reason = reason })
  server:emit("refused", session, pdu.system_id, status, reason)
  if count >= server.options.max_failed_binds then
    session:answer(pdu, nil, status)
    session:begin_unbind(0) -- not bound: the connection is closed after the answer
  end
  return nil, status
end

--- Handler of the three binds.
---@param server smpp.Server
---@return fun(session: smpp.Session, pdu: smpp.Pdu)
function bind.handler(server)
  local o, directory = server.options, server.directory
  return function(session, pdu)
    local kind = KIND[pdu.command_id]
    if o.refuse_bind then
      local status, reason = o.refuse_bind(session, pdu)
      if status then return refused(server, session, pdu, status, reason or "refused by refuse_bind") end
    end
    if kind == "trx" and o.version < 0x34 then
      return refused(server, session, pdu, "ESME_RINVCMDID", "bind_transceiver is not supported by SMPP 3.3")
    end
    local account, password, cause = directory:find(session, pdu)
    if not session:is_answerable(pdu) then -- the session ended, or the bind was answered, while authenticate waited
      return account and directory:forget(account)
    end
    if not account then return refused(server, session, pdu, password, cause) end
    local status, reason = account:refusal(kind, session, password)
    if status then
      directory:forget(account)
      return refused(server, session, pdu, status, reason)
    end
    if o.limits then
      local fits = account:reserve(session)
      if not session:is_answerable(pdu) then
        session.owner:release()
        return directory:forget(account)
      end
      if not fits then
        directory:forget(account)
        return refused(server, session, pdu, "ESME_RALYBND", "too many binds over all servers")
      end
    end
    session.owner:set_account(account)
    if directory.is_fixed then session:set_metrics_label(account.system_id) end
    session:identify { system_id = pdu.system_id, address_range = pdu.address_range }
    account:apply(session)
    local asked = pdu.interface_version
    local answer = { system_id = o.system_id }
    if asked >= 0x34 and o.version >= 0x34 then -- version of the session: 3.4 or 5.0
      answer.sc_interface_version = math.min(asked < 0x50 and 0x34 or 0x50, o.version)
    end
    return answer
  end
end

return bind
