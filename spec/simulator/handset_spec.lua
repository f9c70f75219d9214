local esme = require "spec.support.esme"
local handsets = require "smpp.simulator.handset"
local smpp = require "smpp"

local NUMBER = "491761234567"

--- A simulator with handsets and an ESME: fn(phone, esme, heard, got).
local function world(fn)
  esme.run(function()
    local sim = assert(smpp.simulator { port = 2775 })
    local heard, got = {}, {}
    local all = handsets.new(sim)
    function all.heard(message) table.insert(heard, message) end
    local client = assert(smpp.connect { esme.URL, message = function(msg) table.insert(got, msg) end })
    fn(all:phone(NUMBER), client, heard, got)
    client:close()
    sim:close(0)
  end)
end

describe("smpp.simulator.handset", function()
  it("sends texts of any length, and octets", function()
    world(function(phone, _, _, got)
      assert(phone:send { to = "12345", text = ("Grüße 👋 "):rep(30) })
      assert(phone:send { to = "12345", data = "\1\2", data_coding = 4 })
      smpp.sleep(1)
      assert.same({ ("Grüße 👋 "):rep(30), "+" .. NUMBER, "12345", "\1\2" }, { got[1].text, got[1].from, got[1].to, got[2].data })
    end)
  end)

  it("hears what was accepted for a number, parts joined", function()
    world(function(_, client, heard)
      assert(client:send { from = "Shop", to = "+" .. NUMBER, text = ("long "):rep(100) })
      assert(client:send { from = "12345", to = "+" .. NUMBER, data = "\1" })
      smpp.sleep(1)
      assert.same({ NUMBER, "Shop", ("long "):rep(100), "\1", 2 }, { heard[1].number, heard[1].from, heard[1].text, heard[2].data, #heard })
    end)
  end)

  it("dials, answers and hangs up", function()
    world(function(phone, client, heard, got)
      assert.is_nil((phone:answer "1"))
      assert(phone:dial "*100#")
      smpp.sleep(0.1)
      local pdu = got[1].pdu
      assert.same({ "*100#", "USSD", 1, "\1\0", "100" }, { got[1].text, pdu.service_type, pdu.ussd_service_op, pdu.its_session_info, pdu.destination_addr })
      assert(client:send { from = "100", to = "+" .. NUMBER, text = "Menu", service_type = "USSD", ussd_service_op = 2, its_session_info = "\1\0" })
      assert.same({ "Menu", 2, "\1\0" }, { heard[1].text, heard[1].op, heard[1].session })
      assert(phone:answer("1", { to = "100" }))
      smpp.sleep(0.1)
      pdu = got[2].pdu
      assert.same({ "1", 18, "\1\2" }, { got[2].text, pdu.ussd_service_op, pdu.its_session_info })
      assert(phone:hang_up())
      smpp.sleep(0.1)
      assert.equal("\1\3", got[3].pdu.its_session_info)
      assert.is_nil((phone:hang_up()))
    end)
  end)
end)
