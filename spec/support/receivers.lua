local mc = require "spec.support.mc"

--- A server with the account a, and a function that binds receivers, which record the texts they receive.
return function(account, fn)
  mc.world(function(w)
    account.password = "secret"
    local server = w:server { accounts = { a = account, b = {} } }
    local function receiver(o)
      local got, fields = {}, { system_id = "a", type = "receiver" }
      fields.deliver_sm = function(_, pdu)
        got[#got + 1] = pdu.short_message
        if o and o.answer then return o.answer(pdu, #got) end
      end
      for name, value in pairs(o or {}) do fields[name] = value end
      fields.answer = nil
      return got, assert(w:bind(fields))
    end
    local function put(...)
      for _, text in ipairs { ... } do assert(server:deliver("a", { short_message = text })) end
    end
    fn(w, server, receiver, put)
    server:close()
  end)
end
