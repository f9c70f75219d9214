local late = require "spec.support.late_store"
local mc = require "spec.support.mc"
local reassembly = require "smpp.text.reassembly"
local stores = require "smpp.store"

describe("smpp.server.parts", function()
  local LONG = ("long "):rep(100)

  local function stored(store) return #assert(stores.find(store, { kind = "outbound" })) end

  it("are delivered in order, and reported as one message", function()
    mc.world(function(w)
      local server, got, results = w:server { accounts = { a = "secret" } }, {}, {}
      local function deliver()
        return server:deliver("a", { from = "1", to = "2", text = LONG }, { done = function(...) results[#results + 1] = { ... } end })
      end
      assert.is_true(deliver())
      assert.equal(4, server.outbound.waiting)
      local refused = false
      w:bind { system_id = "a", deliver_sm = function(_, pdu)
        got[#got + 1] = pdu.short_message
        if refused and #got % 4 == 2 then return nil, "ESME_RX_R_APPN" end
      end }
      w:sleep(1)
      assert.same({ 4, { { true } } }, { #got, results })
      for i, octets in ipairs(got) do assert.equal(i, octets:byte(6)) end
      assert.is_function(reassembly.new)
      refused = true
      assert.is_true(deliver())
      w:sleep(1)
      assert.same({ false, "ESME_RX_R_APPN" }, results[2])
      server:close()
    end)
  end)

  it("are taken together or not at all", function()
    mc.world(function(w)
      for _, o in ipairs { { queue_limit = 3 }, { max_waiting = 3 }, { store = stores.memory { max_octets = 900 } } } do
        o.accounts = { a = "secret" }
        local server = w:server(o)
        local ok, _, code = server:deliver("a", { from = "1", to = "2", text = LONG })
        assert.same({ nil, "queue_full", 0, 0 }, { ok, code, server.outbound.waiting, stored(server.store) })
        server:close()
      end
      local store, results = late.new(w.loop, { fails = function(method) return method == "commit" end }), {}
      local server = w:server { accounts = { a = "secret" }, store = store }
      assert.is_true(server:deliver("a", { from = "1", to = "2", text = LONG }, {
        stored = function(ok, _, code) results[#results + 1] = { "stored", ok, code } end,
        done = function(ok, code) results[#results + 1] = { "done", ok, code } end,
      }))
      w:sleep(1)
      assert.same({ { "stored", nil, "store_failed" }, { "done", false, "store_failed" } }, results)
      assert.equal(0, server.outbound.waiting)
      server:close()
    end)
  end)
end)
