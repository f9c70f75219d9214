local cluster = require "spec.support.cluster"
local json = require "smpp.codec.json"
local metrics = require "smpp.metrics"
local models = require "spec.support.valkey_model"
local query = require "smpp.gateway.http_query"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit = support.submit

describe("smpp.gateway.node", function()
  it("counts what may be sent twice, has its name on all metrics, and shows accounts as all nodes have them", function()
    local text = cluster.FILE:gsub('"secret"', '{ password = "secret", credit = 25, price = 0.5 }'):gsub("reconnect =", "binds = 2, reconnect =")
    local before = metrics.get "smpp_maybe_twice"
    cluster.run(text, function(w)
      local acme = w:customer_of "b"
      assert.truthy(submit(acme))
      w:customer_of "b"
      local function account()
        local api = { gateway = w.gateways.a, rates = {}, webhooks = { entries = {} } }
        return json.decode(query.account(api, { account = "acme" }).body)
      end
      local one = account()
      assert.same({ 24.5, 2 }, { one.credit, one.binds })
      for _, carrier in ipairs(w.carriers) do
        carrier.answer = function() smpp.sleep(30) end
      end
      assert.truthy(submit(acme))
      smpp.sleep(0.5) -- a carrier has it, and does not answer
      assert.truthy(metrics.text():find('smpp_maybe_twice_total{node="', 1, true))
      for _, carrier in ipairs(w.carriers) do carrier.answer = nil end
      w:crash "b"
      smpp.sleep(10)
      one = account()
      assert.same({ 24, 0 }, { one.credit, one.binds })
      assert.equal(before + 1, metrics.get "smpp_maybe_twice")
    end)
    assert.falsy(metrics.text():find('smpp_maybe_twice_total{node="', 1, true))
  end)

  it("refuses messages while the engine is away, and goes on by itself", function()
    cluster.run(nil, function(w)
      local acme = w:customer_of "a"
      assert.truthy(submit(acme))
      w.engine.close()
      local since = w.loop:now()
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      assert.is_true(w.loop:now() - since <= 3)
      smpp.sleep(130)
      assert.same({ 3, 0 }, { #w:logged "store_away", #w:logged "store_back" }) -- at once, and each minute
      assert.is_true(#w:logged "store_failed" < 5)
      w.engine = models.new(w.loop, { data = w.engine.data })
      smpp.sleep(20)
      assert.equal(1, #w:logged "store_back")
      assert.truthy(submit(acme))
      smpp.sleep(1)
      assert.equal(2, #w.carriers[1].got)
    end, { names = { "a" } })
  end)

  it("is refused where another of its name lives, and where the engine drops what it likes", function()
    cluster.run(nil, function(w)
      w.ports.c = 2790
      local text = w.text
      w.text = text:gsub('"%%s"', '"a"')
      local other, why = w:join "c", nil
      other:on("refused", function(words) why = words end)
      smpp.sleep(10)
      assert.equal("another live node of this name", why)
      w.text = text
    end, { names = { "a" } })
    cluster.run(nil, function(w)
      w.engine.info.maxmemory, w.engine.info.maxmemory_policy = "1000000", "allkeys-lru"
      local why
      w:join("d"):on("refused", function(words) why = words end)
      smpp.sleep(3)
      assert.truthy(why:find "noeviction")
    end, { names = { "a" } })
  end)

  it("is the life of credit and quota, too: no node spends what another has spent", function()
    local text = cluster.FILE:gsub('"secret"', '{ password = "secret", credit = 25 }')
    cluster.run(text, function(w)
      local taken, refused = 0, {}
      for _, name in ipairs { "a", "b" } do
        local acme = w:customer_of(name, { window = 50 })
        for _ = 1, 20 do
          smpp.spawn(function()
            local id, code = submit(acme)
            if id then taken = taken + 1 else refused[code] = (refused[code] or 0) + 1 end
          end)
        end
      end
      smpp.sleep(5)
      assert.same({ 25, { ESME_RSUBMITFAIL = 15 } }, { taken, refused })
      assert.equal("0", stores.get(w.gateways.a.store, "counter", "credit/acme").state)
    end)
  end)

  it("acknowledges a receipt that is final already, and refuses one that it cannot write, since others have what it had", function()
    cluster.run(cluster.FILE, function(w)
      local id = assert(submit(w:customer_of "a", { registered_delivery = 1 }))
      smpp.sleep(1)
      local refused_as
      for _, gateway in pairs(w.gateways) do
        local store, commit = gateway.store, gateway.store.commit
        function store:commit(changes, done, context)
          if refused_as and changes[1].kind == "message" then return done(nil, "refused", refused_as, context) end
          return commit(self, changes, done, context)
        end
      end
      local function tell()
        return (select(3, w.carriers[1].server.sessions[1]:deliver_sm {
          source_addr = "1", destination_addr = "2", esm_class = 4, short_message = "id:a-1 stat:DELIVRD err:000",
        }))
      end
      refused_as = "taken_over"
      assert.equal("ESME_RX_T_APPN", tell())
      refused_as = "conflict"
      assert.is_nil(tell())
      refused_as = nil
      assert.is_nil(tell())
      assert.equal("DELIVERED", stores.get(w.gateways.a.store, "message", id).state)
    end)
  end)

  it("answers when a replica has the message, and refuses it where none has it in time", function()
    local text = cluster.FILE:gsub("lease_s = 2", 'lease_s = 2, durable = "replica", wait_ms = 300')
    cluster.run(text, function(w)
      local acme, since = w:customer_of "a", w.loop:now()
      local id = assert(submit(acme, { registered_delivery = 1 }))
      assert.is_true(w.loop:now() - since >= 0.05)
      w.engine.promote(w.replica)
      assert.truthy(w.replica.data["smpp:{gw}:message:r:" .. id])
      smpp.sleep(1)
      assert.equal(1, #w.carriers[1].got)
      w.replica.is_stopped = true
      since = w.loop:now()
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      assert.is_true(w.loop:now() - since < 1)
      smpp.sleep(0.5)
      assert.is_true(metrics.get("smpp_store_errors", { node = "a", error = "replicas" }) >= 1)
      local session = w.carriers[1].server.sessions[1]
      local function tell(id_of_carrier)
        return (select(3, session:deliver_sm { source_addr = "1", destination_addr = "2", esm_class = 4,
          short_message = ("id:%s stat:DELIVRD err:000"):format(id_of_carrier) }))
      end
      local told
      smpp.spawn(function() told = tell "a-1" or "ESME_ROK" end)
      smpp.sleep(3)
      assert.is_true(told ~= "ESME_ROK", "a receipt was acknowledged that no replica has")
      assert.is_true(tell "a-1" ~= nil, "a receipt was acknowledged again that no replica has")
      local answer, _, code = acme:query_sm { message_id = id, source_addr = "1" }
      assert.same({ nil, "ESME_RSYSERR" }, { answer, code })
      w.replica.is_stopped = false
      smpp.sleep(1)
      assert.is_nil(tell "a-1")
      assert.equal("DELIVERED", w:kept(id).state)
      smpp.sleep(1)
      assert.same({ 1, 1 }, { #w.carriers[1].got, #acme.got })
      assert.same({}, w:logged "failed")
    end, { names = { "a" }, lag_s = 0.05 })
  end)

  it("does not start beside nodes whose answers mean something else", function()
    cluster.run(nil, function(w)
      local why, code
      w.text = w.text:gsub("lease_s = 2", 'lease_s = 2, durable = "replica"')
      w.ports.c = 2790
      w:join("c"):on("refused", function(...) why, code = ... end)
      smpp.sleep(3)
      assert.same({ "durable: the other nodes have engine", "settings" }, { why, code })
    end, { names = { "a" } })
  end)

  it("refuses messages from 90 % of max_waiting_octets on, wherever the others came from, and takes them again when some are final", function()
    local text = cluster.FILE:gsub("lease_s = 2", "lease_s = 2, max_waiting_octets = 10000")
    cluster.run(text, function(w)
      local a, b = w:customer_of "a", w:customer_of "b"
      for i = 1, 2 do w.carriers[i].answer = function() return nil, "ESME_RSYSERR" end end
      local ids, code = {}, nil
      repeat
        local id
        id, code = submit(#ids % 2 == 0 and a or b, { short_message = ("x"):rep(100) })
        if id then ids[#ids + 1] = id end
        smpp.sleep(#ids % 5 == 0 and 1 or 0)
      until code or #ids > 100
      assert.equal("ESME_RMSGQFUL", code)
      local octets = w.gateway.nodes.room.octets
      assert.is_true(octets > 8000 and octets < 10000, octets)
      smpp.sleep(1.5)
      for _, acme in ipairs { a, b } do assert.equal("ESME_RMSGQFUL", select(2, submit(acme))) end
      assert.is_true(#w:logged "store_full" >= 1)
      for i = 1, 2 do w.carriers[i].answer = nil end
      smpp.sleep(130) -- they go out
      for _, acme in ipairs { a, b } do assert.truthy(submit(acme)) end
      assert.is_true(#w:logged "store_room" >= 1)
      smpp.sleep(5)
      assert.same({ 0, 0 }, { w.gateway.nodes.room.waiting, w.gateway.nodes.room.octets })
      assert.same({}, w:logged "failed")
    end)
  end)
end)
