local smpp = require "smpp"
local world = require "spec.support.esme"

local run, server, submit = world.run, world.server, world.submit

describe("smpp.client.outbind: listen_outbind", function()
  it("binds on the connection of an MC that it trusts, and on no other", function()
    run(function()
      local s, seen = server { port = 2776, system_id = "mc" }
      local bound, asked = {}, {}
      local listener = assert(smpp.listen_outbind {
        port = 2775, system_id = "me", password = "secret", bind = "trx",
        outbind = function(pdu) table.insert(asked, pdu.system_id .. ":" .. pdu.password) return pdu.password == "ours" end,
        bound = function(esme) table.insert(bound, esme) end,
      })
      assert(s:outbind { host = "127.0.0.1", port = 2775, password = "ours" })
      smpp.sleep(1)
      assert.equal(1, #bound)
      assert.equal("bound", bound[1].state)
      assert.equal("1", submit(bound[1]).message_id)
      assert.equal(1, #seen.submits)
      assert(s:outbind { host = "127.0.0.1", port = 2775, password = "theirs" })
      smpp.sleep(1)
      assert.same({ "mc:ours", "mc:theirs" }, asked)
      assert.equal(1, #s.sessions)
      s.sessions[1]:close()
      smpp.sleep(1)
      assert.equal("closed", bound[1].state)
      assert.equal(0, #listener.clients)
      assert(s:outbind { host = "127.0.0.1", port = 2775, password = "ours" })
      smpp.sleep(1)
      assert.equal(2, #bound)
      local why
      s:on("closed", function(_, reason) why = reason end)
      listener:close()
      smpp.sleep(1)
      assert.same({ "closed", "unbound" }, { bound[2].state, why })
      assert.is_nil(next(listener.waiting))
      assert.equal(0, #s.sessions)
      s:close()
    end)
  end)

  it("leaves nothing behind of callers that say nothing, or refuse the bind", function()
    run(function(loop)
      local clients = 0
      local listener = assert(smpp.listen_outbind {
        port = 2775, bind_timeout_s = 5, outbind = function() return true end, bound = function() clients = clients + 1 end,
      })
      local ends = 0
      local function call(on_data)
        loop:connect({ host = "127.0.0.1", port = 2775 }, function(transport)
          transport:start(function(octets) on_data(transport, octets) end, function()
            ends = ends + 1
            transport:close()
          end)
          if on_data ~= print then transport:write(smpp.encode { command = "outbind", sequence_number = 1, system_id = "mc" }) end
        end)
      end
      call(print)
      call(function(transport, octets)
        local pdu = smpp.decode(octets)
        if pdu.command == "bind_receiver" then
          transport:write(smpp.encode { command = "bind_receiver_resp", sequence_number = pdu.sequence_number, status = "ESME_RBINDFAIL" })
        end
      end)
      call(function() end) -- takes the bind and says nothing
      smpp.sleep(30)
      assert.same({ 3, 0 }, { ends, clients })
      call(print)
      smpp.sleep(1)
      listener:close()
      smpp.sleep(0.1)
      assert.equal(4, ends)
    end)
  end)

  it("listens on several addresses, and takes PROXY headers where an address asks for them", function()
    run(function(loop)
      local from = {}
      local listener = assert(smpp.listen_outbind {
        listen = { { port = 2775 }, { port = 2776, proxy_protocol = true } },
        outbind = function(_, session) from[#from + 1] = session.peer.host return false end,
      })
      assert.same({ 2775, 2776 }, { listener.addresses[1].port, listener.addresses[2].port })
      local function call(port, before)
        loop:connect({ host = "127.0.0.1", port = port }, function(transport)
          transport:start(function() end, function() transport:close() end)
          transport:write(before .. smpp.encode { command = "outbind", sequence_number = 1, system_id = "mc" })
        end)
      end
      call(2775, "")
      smpp.sleep(1)
      call(2776, "PROXY TCP4 192.0.2.7 192.0.2.1 4711 2776\r\n")
      smpp.sleep(1)
      assert.same({ "127.0.0.1", "192.0.2.7" }, from)
      listener:close()
      listener = assert(smpp.listen_outbind { port = 2777, proxy_protocol = { "10.0.0.0/8" }, outbind = function() return false end })
      assert.equal(2777, listener.port)
      listener:close()
      assert.has_error(function() smpp.listen_outbind { port = 2775, listen = { {} }, outbind = print } end, "listen or port, not both")
      assert.has_error(function() smpp.listen_outbind { listen = {}, outbind = print } end)
    end)
  end)

  it("is refused without a function that says whom to trust", function()
    run(function()
      assert.has_error(function() smpp.listen_outbind { port = 2775 } end, "outbind: expected a function (pdu, session) that returns true for a trusted MC")
      assert.has_error(function() smpp.listen_outbind { outbind = print, bind = "tx+rx" } end)
    end)
  end)
end)
