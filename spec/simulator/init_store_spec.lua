local esme = require "spec.support.esme"
local smpp = require "smpp"

if not pcall(require, "smpp.sqlite") then return end

describe("smpp.simulator: with a store in a file", function()
  it("goes on with its messages and receipts after a restart", function()
    local path = os.tmpname()
    os.remove(path)
    esme.run(function()
      local sim = assert(smpp.simulator { accounts = { me = "secret" }, deliver_after_s = 10, store = path })
      local client = esme.connect()
      local sent = assert(client:send { from = "Shop", to = "+491761234567", text = "Hello", receipt = true })
      client:close()
      sim:close()
      sim = assert(smpp.simulator { accounts = { me = "secret" }, deliver_after_s = 10, store = path })
      local receipts = {}
      client = esme.connect { receipt = function(receipt) table.insert(receipts, receipt.id .. " " .. receipt.state) end }
      assert.equal(1, assert(client:query_sm { message_id = sent.message_id, source_addr = "Shop", source_addr_ton = 5 }).message_state)
      smpp.sleep(20)
      assert.same({ sent.message_id .. " DELIVERED" }, receipts)
      local other = assert(client:send { from = "Shop", to = "+491761234567", text = "Hello" })
      assert.not_equal(sent.message_id, other.message_id)
      client:close()
      sim:close()
    end)
    for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
  end)

  it("is refused with a file that cannot be one", function()
    esme.run(function()
      local sim, message, code = smpp.simulator { port = 0, store = "/nonexistent/x.db" }
      assert.is_nil(sim)
      assert.truthy(message:find("/nonexistent/x.db", 1, true))
      assert.equal("store_failed", code)
    end)
  end)
end)
