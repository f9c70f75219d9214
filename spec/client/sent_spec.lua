local esme = require "spec.support.esme"
local smpp = require "smpp"

--- Runs fn(client, server, requests) with a server whose handlers of the named commands record their requests.
local function with(handlers, fn)
  esme.run(function()
    local requests, o = {}, {}
    for name, handler in pairs(handlers) do
      o[name] = function(session, pdu)
        requests[#requests + 1] = pdu
        return handler(session, pdu, requests)
      end
    end
    local server = esme.server(o)
    local client = assert(esme.connect())
    fn(client, server, requests)
    client:close()
    server:close()
  end)
end

local function counted(_, _, requests) return "id" .. #requests end
local function ok() return true end

describe("smpp.client.sent", function()
  it("has the ids of its parts, and computes what few programs read when it is asked", function()
    with({ submit_sm = counted }, function(client)
      local one = assert(client:send { from = "12345", to = "+491761234567", text = "Hello" })
      assert.is_nil(rawget(one, "parts"))
      assert.same({ "id1", { "id1" }, { { message_id = "id1" } }, "gsm7" }, { one.message_id, one.message_ids, one.parts, one.info.encoding })
      assert.same(rawget(one, "parts"), one.parts)
      assert.equal("sent id1 (1 part)", tostring(one))
      local two = assert(client:send { from = "12345", to = "+491761234567", text = ("x"):rep(200) })
      assert.same({ "id2", { "id2", "id3" }, 2 }, { two.message_id, two.message_ids, #two.parts })
    end)
  end)

  it("names the message in query_sm, cancel_sm and replace_sm", function()
    with({ submit_sm = counted, query_sm = ok, cancel_sm = ok, replace_sm = ok }, function(client, _, requests)
      local sent = assert(client:send { from = "12345", to = "+491761234567", text = ("x"):rep(200), receipt = true })
      assert(sent:query())
      assert(sent:cancel())
      assert(sent:replace "Grüße")
      local query, first, second, replace = requests[3], requests[4], requests[5], requests[6]
      assert.same({ "query_sm", "id1", "12345", 3, 0 },
        { query.command, query.message_id, query.source_addr, query.source_addr_ton, query.source_addr_npi })
      assert.same({ "cancel_sm", "id1", "491761234567", 1, 1 },
        { first.command, first.message_id, first.destination_addr, first.dest_addr_ton, first.dest_addr_npi })
      assert.equal("id2", second.message_id)
      assert.same({ "replace_sm", "id1", "Gr~\30e", 1 }, { replace.command, replace.message_id, replace.short_message, replace.registered_delivery })
      local none, _, code = sent:replace("Ж")
      assert.same({ nil, "unmappable" }, { none, code })
    end)
  end)

  it("waits for its receipt, for each waiter as long as that wants, and leaves nothing behind", function()
    with({ submit_sm = counted }, function(client, server)
      local sent = assert(client:send { to = "+491761234567", text = "Hello", receipt = true })
      local seen = {}
      for _, timeout_s in ipairs { 1, 2, 100 } do
        smpp.spawn(function()
          local receipt, _, code = sent:receipt(timeout_s)
          seen[#seen + 1] = receipt and receipt.state or code
        end)
      end
      smpp.sleep(5)
      assert.same({ "timeout", "timeout" }, seen)
      assert(server.sessions[1]:deliver_sm { esm_class = 4, short_message = "id:id1 stat:DELIVRD err:000" })
      smpp.sleep(1)
      assert.same({ "timeout", "timeout", "DELIVERED" }, seen)
      assert.equal("DELIVERED", sent:receipt().state)
      local plain = assert(client:send { to = "+491761234567", text = "Hello" })
      assert.equal("missing", (select(3, plain:receipt())))
    end)
  end)
end)
