local cluster = require "spec.support.cluster"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit = support.submit

local function state_of(pdu) return pdu.short_message:match "stat:(%S+)" end

local function receipt(w, i, id) return w:receipt(i, id) end

describe("smpp.gateway.shared: two nodes", function()
  it("are one gateway to a customer: a receipt that reaches one goes to the bind of the other", function()
    cluster.run(nil, function(w)
      local acme = w:customer_of "a"
      local id = assert(submit(acme, { registered_delivery = 1 }))
      assert.truthy(id:find "^[0-9a-z]+$")
      assert.equal(20, #id)
      smpp.sleep(1)
      local other = w:customer_of "b"
      acme:close()
      for _, session in ipairs(w.carriers[1].server.sessions) do session.counted = true end
      receipt(w, 1, "a-1")
      smpp.sleep(1)
      assert.same({ 1, "DELIVRD" }, { #other.got, state_of(other.got[1]) })
      assert.equal("DELIVERED", w:kept(id).state)
      assert.same({}, w:logged "failed")
    end)
  end)

  it("take over what a dead one had, and mark what was on its way", function()
    cluster.run(nil, function(w)
      local acme = w:customer_of "a"
      w.carriers[1].answer = function() smpp.sleep(1000) end
      local flying = assert(submit(acme, { registered_delivery = 1, short_message = "flying" }))
      local later = assert(submit(acme, { registered_delivery = 1, schedule_delivery_time = "000000000100000R" }))
      smpp.sleep(1)
      w:crash "a"
      w.carriers[1].answer = nil
      smpp.sleep(6)
      assert.same({ "flying", "flying" }, { w.carriers[1].got[1].short_message, w.carriers[1].got[2].short_message })
      assert.same({ true, "a" }, { w:kept(flying).maybe_twice, w:kept(flying).carrier })
      assert.same({ "a" }, w:logged("node_dead", "name"))
      smpp.sleep(70)
      assert.same({ "a-3", nil }, { w:kept(later).carrier_id, w:kept(later).maybe_twice })
      w:receipt(1, "a-2")
      smpp.sleep(1)
      local bound = w:customer_of "b"
      smpp.sleep(1)
      assert.equal(1, #bound.got)
      assert.same({}, w:logged "failed")
    end)
  end)

  --- Has a customer of a node send a message to carrier "a", which gives it an id: its own id, and the bind.
  local function sent_by(w, customer, given)
    local bind
    w.carriers[1].answer = function(session)
      bind = session
      return given
    end
    local id = assert(submit(customer, { registered_delivery = 1 }))
    smpp.sleep(1)
    return id, bind
  end

  local function tell(bind, id)
    local ok, _, code = bind:deliver_sm {
      source_addr = "491", destination_addr = "12345", esm_class = 4,
      short_message = ("id:%s sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:Hi"):format(id),
    }
    smpp.sleep(1)
    return ok and true or code
  end

  it("end a message that they have sent in one commit, without reading it", function()
    cluster.run(nil, function(w)
      local acme, queues, asked = w:customer_of "a", w.gateways.a.store.queues, 0
      local resolve = queues.resolve
      queues.resolve = function(...)
        asked = asked + 1
        return resolve(...)
      end
      local id, bind = sent_by(w, acme, "x1")
      assert.equal(true, tell(bind, "X1"))
      assert.same({ 0, "DELIVERED", 1 }, { asked, w:kept(id).state, #acme.got })
      assert.equal(true, tell(bind, "x1")) -- again
      assert.same({ 1, "DELIVERED", 1, 1 }, { asked, w:kept(id).state, #acme.got, w.gateway:stats().counts.receipts.a })
    end, { names = { "a" } })
  end)

  it("know a message by its id only while the id is not another's", function()
    cluster.run(cluster.FILE:gsub("reconnect", "binds = 2, reconnect"), function(w)
      smpp.sleep(5)
      local acme, bank = w:customer_of "a", w:customer_of("b", { as = "bank:hidden" })
      local first, bind = sent_by(w, acme, "x1")
      local second, other = sent_by(w, bank, "x1") -- the carrier uses it again
      assert.is_true(bind ~= other)
      assert.equal(true, tell(bind, "x1"))
      assert.same({ "ENROUTE", "DELIVERED" }, { w:kept(first).state, w:kept(second).state })
      assert.same({ 0, 1 }, { #acme.got, #bank.got })
    end)
  end)

  it("settle a message once, though both know it", function()
    cluster.run(cluster.FILE:gsub("reconnect", "binds = 2, reconnect"), function(w)
      smpp.sleep(5)
      local acme, bank = w:customer_of "a", w:customer_of("b", { as = "bank:hidden" })
      local id, bind = sent_by(w, acme, "x1")
      local _, other = sent_by(w, bank, "x2")
      assert.equal(true, tell(other, "x1"))
      assert.same({ "DELIVERED", 1 }, { w:kept(id).state, #acme.got })
      assert.equal(true, tell(bind, "x1"))
      assert.same({ 1, 0 }, { #acme.got, #bank.got })
      assert.same({}, w:logged "not_delivered")
    end)
  end)

  it("refuse a receipt of an id that neither knows, until neither could come to know it", function()
    cluster.run(nil, function(w)
      local session, since = w.carriers[1].server.sessions[1], w.loop:now()
      local function tell()
        local _, _, code = session:deliver_sm { source_addr = "1", destination_addr = "2", esm_class = 4, short_message = "id:nobody stat:DELIVRD err:000" }
        return code
      end
      assert.equal("ESME_RX_T_APPN", tell())
      assert.same({}, w:logged "unknown_receipt")
      smpp.sleep(since + 10 - w.loop:now())
      assert.is_nil(tell())
      assert.same({ "nobody" }, w:logged("unknown_receipt", "id"))
    end)
  end)

  it("end at once with SIGTERM: the other goes on with what waits", function()
    cluster.run(nil, function(w)
      for i = 1, 2 do w.carriers[i].answer = function() return nil, "ESME_RSYSERR" end end
      local acme = w:customer_of "a"
      local id = assert(submit(acme, { registered_delivery = 1 }))
      smpp.sleep(0.5)
      acme:close()
      local since = w.loop:now()
      w.gateways.a:close()
      assert.is_true(w.loop:now() - since < 3)
      w.gateways.a = nil
      for i = 1, 2 do w.carriers[i].answer = nil end
      smpp.sleep(5)
      assert.equal("a", w:kept(id).carrier)
      assert.is_nil(w:kept(id).maybe_twice)
      assert.same({ "a" }, w:logged("node_left", "name"))
    end)
  end)

  describe("where a write is refused, since the right to the bind has ended,", function()
    local HELD = cluster.FILE:gsub("reconnect =", 'binds = 2, on_unknown = "hold", after_crash = "hold", reconnect =')
      :gsub('failover { "a", "b" }', '"a"')

    --- The process has stood still until now: its leases are over, and it does not know it.
    local function stood_still(w, name, count)
      for _, lease in pairs(w.gateways[name].by_name.a.leasing.leases.held) do
        if count > 0 then lease.deadline, count = -math.huge, count - 1 end
      end
      assert(count == 0)
    end

    --- Submits at node a, and looks at what the carrier has got of it a second later.
    local function sends_once(w, attempts)
      local acme = w:customer_of("a", { window = 20 })
      local ids = {}
      for i = 1, 3 do
        smpp.spawn(function() ids[i] = submit(acme, { registered_delivery = 1, short_message = "m" .. i }) end)
      end
      smpp.sleep(1)
      local got = {}
      for i, pdu in ipairs(w.carriers[1].got) do got[i] = pdu.short_message end
      table.sort(got)
      assert.same({ "m1", "m2", "m3" }, got)
      for i = 1, 3 do
        local kept = w:kept(ids[i])
        assert.same({ "a", attempts, nil, nil }, { kept.carrier, kept.attempts, kept.held, kept.maybe_twice })
      end
      assert.same({}, w:logged "outcome_unknown")
      assert.same({}, w:logged "maybe_twice")
      assert.same({}, w:logged "failed")
    end

    it("another node sends it at once", function()
      cluster.run(HELD, function(w)
        smpp.sleep(3)
        stood_still(w, "a", 1)
        sends_once(w, 0) -- it was in the queue of the engine
      end)
    end)

    it("another bind of the node does", function()
      cluster.run(HELD, function(w)
        stood_still(w, "a", 1)
        sends_once(w, nil) -- it has not left the node
      end, { names = { "a" } })
    end)
  end)
end)
