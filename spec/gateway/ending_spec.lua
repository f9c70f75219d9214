local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local FILE = 'store { "x.db", record = "%s" }\n' .. support.FILE:gsub('"secret"', '{ password = "secret", credit = 10, queue_limit = 9 }')

local function kept(w, id) return (stores.get(w.store, "message", id)) end

local function outbound(w)
  local list = assert(stores.find(w.store, { kind = "outbound", limit = 10 }))
  return #list
end

describe("smpp.gateway.ending", function()
  it("writes state, receipt and credit in one commit, or nothing, and a record of it", function()
    local path = os.tmpname()
    local failing = false
    support.world(FILE:format(path), function(w)
      local acme = w:customer()
      local id = support.submit(acme, { registered_delivery = 1 })
      assert.equal(9000000, w.gateway.customers.acme.balance)
      local record = kept(w, id)
      acme:close()
      smpp.sleep(1)
      failing = true
      local ok, _, code = w.gateway.books:finish(id, record, "REJECTED", { refund = true, err = "011" })
      assert.same({ nil, "store_failed" }, { ok, code })
      failing = false
      assert.same({ "ENROUTE", 0, 9000000 }, { kept(w, id).state, outbound(w), w.gateway.customers.acme.balance })
      assert.is_true(w.gateway.books:finish(id, record, "REJECTED", { refund = true, err = "011" }))
      assert.same({ "REJECTED", 1, 10000000 }, { kept(w, id).state, outbound(w), w.gateway.customers.acme.balance })
      ok, _, code = w.gateway.books:finish(id, record, "DELIVERED", {})
      assert.same({ nil, "conflict", 1 }, { ok, code, outbound(w) })
    end, { carriers = { function() return nil, "ESME_RSYSERR" end, false }, store = function(loop)
      return late.new(loop, { fails = function(method) return failing and method == "commit" end })
    end })
    local file = assert(io.open(path))
    local record = require("dkjson").decode(file:read "*a")
    file:close()
    os.remove(path)
    assert.same({ "REJECTED", "011", "acme" }, { record.state, record.error, record.account })
    assert.is_nil(record.charged)
  end)

  it("waits with the end of a message when the customer's queue is full", function()
    support.both(FILE:format("x"):gsub(', record = "x"', ""):gsub("queue_limit = 9", "queue_limit = 1"), function(w)
      local acme, ids = w:customer(), {}
      for i = 1, 2 do ids[i] = support.submit(acme, { registered_delivery = 1 }) end
      acme:close()
      smpp.sleep(1)
      local books = w.gateway.books
      assert.is_true(books:finish(ids[1], kept(w, ids[1]), "EXPIRED", {}))
      local ok, _, code = books:finish(ids[2], kept(w, ids[2]), "EXPIRED", {})
      assert.same({ nil, "queue_full", "ENROUTE" }, { ok, code, kept(w, ids[2]).state })
    end, { carriers = { function() return nil, "ESME_RSYSERR" end, false } })
  end)
end)
