-- A request with a timeout and a callback never timed out.
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

describe("a request with a timeout and a callback", function()
  it("calls it once: at the timeout, or with the response that came before", function()
    local loop, calls = virtual.new(), {}
    smpp.run(function()
      local server = assert(smpp.server { port = 2775, authenticate = function() return true end, submit_sm = function(_, pdu)
        smpp.sleep(pdu.sequence_number == 2 and 8 or 1)
        return "id"
      end })
      local esme = assert(smpp.open "smpp://127.0.0.1")
      assert(esme:bind_transceiver { system_id = "me", interface_version = 0x34 })
      for i = 1, 2 do
        esme:submit_sm({ destination_addr = "1" }, 3, function(resp, _, code)
          calls[#calls + 1] = { i, math.floor(loop:now() + 0.5), resp and resp.message_id or code }
        end)
      end
      smpp.sleep(20)
      esme:close()
      server:close()
    end, { loop = loop })
    assert.same({ { 2, 1, "id" }, { 1, 3, "timeout" } }, calls)
  end)
end)
