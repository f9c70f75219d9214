local esme = require "spec.support.esme"
local smpp = require "smpp"

local LONG = ("x"):rep(400) -- three parts

describe("smpp.client.sender", function()
  it("sends the parts in their order, one after the other, and stops at the first that is refused", function()
    esme.run(function()
      local waiting, most, seqs = 0, 0, {}
      local server = esme.server { submit_sm = function(_, pdu)
        waiting = waiting + 1
        most = math.max(most, waiting)
        smpp.sleep(0.1)
        waiting = waiting - 1
        seqs[#seqs + 1] = pdu.short_message:byte(6)
        if #seqs == 5 then return nil, "ESME_RINVDSTADR" end
        return "id" .. #seqs
      end }
      local client = assert(esme.connect())
      assert.same({ "id1", "id2", "id3" }, assert(client:send { to = "+491761234567", text = LONG }).message_ids)
      local none, message, code, partial = client:send { to = "+491761234567", text = LONG }
      assert.same({ nil, "ESME_RINVDSTADR", { "id4" } }, { none, code, partial.message_ids })
      assert.matches("^part 2 of 3: ESME_RINVDSTADR", message)
      assert.same({ 1, 2, 3, 1, 2 }, seqs)
      assert.equal(1, most)
      client:close()
      server:close()
    end)
  end)

  it("keeps nothing of a message whose receipts have come, or that was refused", function()
    esme.run(function()
      local n = 0
      local server = esme.server { submit_sm = function()
        n = n + 1
        if n == 3 then return nil, "ESME_RINVDSTADR" end
        return "id" .. n
      end }
      local client = assert(esme.connect())
      local sender = client.sender
      local function book()
        local list = {}
        for handle in pairs(sender.book) do
          if handle ~= "last" then list[#list + 1] = handle end
        end
        return #list
      end
      local sent = assert(client:send { to = "+491761234567", text = "Hello", receipt = true })
      assert(client:send { to = "+491761234567", text = "Hello" })
      assert.is_nil((client:send { to = "+491761234567", text = "Hello", receipt = true }))
      assert.same({ 1, 1, 0 }, { book(), sender.tracker:count(), sender.due })
      assert(server.sessions[1]:deliver_sm { esm_class = 4, short_message = "id:id1 stat:DELIVRD err:000" })
      assert.equal("DELIVERED", sent:receipt(1).state)
      assert.same({ 0, 0 }, { book(), sender.tracker:count() })
      client:close()
      server:close()
    end)
  end)

  it("raises on an invalid message at the line of the program, and returns what its contents cause", function()
    esme.run(function()
      local server = esme.server { submit_sm = function() return "id" end }
      local client = assert(esme.connect())
      local ok, message = pcall(function() client:send { to = "+491761234567", txt = "Hello" } end)
      assert.is_false(ok)
      assert.matches("^spec/client/sender_spec.lua:%d+: unknown option 'txt'; did you mean 'text'%?", message)
      local codes = {}
      assert.is_true(client:send({ to = "Alice", text = "Hello" }, function(_, _, code) codes[1] = code end))
      codes[2] = select(3, client:send { to = "+491761234567", text = "Ж", encoding = "gsm7" })
      assert.same({ "bad_value", "unmappable" }, codes)
      client:close()
      server:close()
    end)
  end)
end)
