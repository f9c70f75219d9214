local cluster = require "spec.support.cluster"
local codec = require("smpp.codec").codec
local few = require "spec.support.few"
local property = require "spec.support.property"
local late = require "spec.support.late_store"
local relay = require "smpp.gateway.relay"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

local TEXT = "id:%s sub:001 dlvrd:001 submit date:2311142213 done date:2311142214 stat:%s err:%s text:Hi"

describe("smpp.gateway.relay", function()
  it("leaves receipts to the general way where options of the carrier give them another form", function()
    assert.is_true(relay.is_usual {})
    assert.is_true(relay.is_usual { default_alphabet = "gsm7", zone_s = 3600 })
    for _, o in ipairs { { default_alphabet = "latin1" }, { states = {} }, { final = {} }, { untyped = true }, { encoding = "ucs2" },
      { read = print }, { err_rule = print } } do
      assert.is_false(relay.is_usual(o))
    end
  end)

  --- What the customer, and the log, have got of receipts; `general`: all take the general way.
  local function run(messages, general, kind)
    local out = { got = {}, counts = nil, relayed = 0, kept = {} }
    local stored, is_shared = kind ~= "through", kind == "shared"
    local function during(w)
      local carrier = w.gateway.by_name.a
      local function bind(o)
        if is_shared then return w:customer_of("a", o) end
        return w:customer(o)
      end
      local acme = bind()
      if general then carrier.has_usual_receipts = false end
      local known = is_shared and w.gateway.books.waiting.parked or carrier.tracker
      local finished = known.finished
      known.finished = function(...)
        local handle, guard, rest = finished(...)
        out.relayed = out.relayed + (handle and 1 or 0)
        return handle, guard, rest
      end
      for i, one in ipairs(messages) do
        submit(acme, { source_addr = "Shop", source_addr_ton = 5, destination_addr = "49170" .. i, registered_delivery = one.delivery })
        for _ = 1, one.times do
          w.carriers[1].server:deliver("me", {
            source_addr = "49170" .. i, destination_addr = "Shop", esm_class = 4, service_type = "x", data_coding = one.data_coding,
            short_message = TEXT:format("a-" .. i, one.stat, one.err), tlvs = one.tlvs, receipted_message_id = one.has_id and "a-" .. i or nil,
          })
        end
        if one.is_gone then acme:close() end
        smpp.sleep(1)
        if one.is_gone then acme = bind { deliver_sm = acme.deliver } end
      end
      for _, customer in ipairs(w.customers) do
        for _, pdu in ipairs(customer.got) do out.got[#out.got + 1] = codec.encode(pdu:totable()):sub(17) end
      end
      out.counts = w.gateway:stats().counts
      if is_shared then out.counts.receipts = nil end -- the general way counts two that come together as two
      for i, record in ipairs(w:logged "not_delivered") do out[i] = record end
      if not stored then return end
      stores.walk(w.gateway.store, { kind = "message" }, function(record)
        record.done = record.done and math.floor(record.done + 0.02) -- the general way reads the message before
        out.kept[#out.kept + 1] = record
      end)
    end
    if is_shared then
      cluster.run(nil, during, { names = { "a" } })
    else
      world(stored and support.STORED_FILE or nil, during, { store = stored and function(loop) return late.new(loop) end or nil })
    end
    return out
  end

  --- Both ways, for random receipts.
  local function agree(kind)
    local relayed = 0
    property.holds(few(12, 4), function(random, case)
      local function pick(...) return (select(random(select("#", ...)), ...)) end
      case.messages = {}
      for i = 1, 30 do
        case.messages[i] = {
          delivery = i <= 12 and 1 or pick(1, 1, 1, 2, 3, 17, 0), stat = i <= 12 and "DELIVRD" or pick("DELIVRD", "UNDELIV", "EXPIRED", "ACCEPTD", "ENROUTE", "ODD"),
          err = pick("000", "12", "0x1F"), data_coding = i > 12 and pick(0, 0, 3) or 0, has_id = random(2) == 1, times = pick(1, 1, 2),
          tlvs = pick({}, { { 0x1401, "own" } }), is_gone = random(15) == 1,
        }
      end
      local fast, general = run(case.messages, false, kind), run(case.messages, true, kind)
      relayed = relayed + fast.relayed
      fast.relayed, general.relayed = nil, nil
      local id = fast.got[1] and fast.got[1]:match "id:%w+ sub" -- the same time: the same ids
      assert.is_truthy(id)
      assert.same(general, fast)
    end)
    assert.is_true(relayed > few(50, 15), tostring(relayed))
  end

  it("does what the general way does (seeded)", function() agree "through" end)

  it("does so with a store (seeded)", function() agree "stored" end)

  it("does so where nodes share the store (seeded)", function() agree "shared" end)

  it("ends a stored message in one commit, without reading it", function()
    world(support.STORED_FILE, function(w)
      local acme = w:customer()
      local function one(i)
        local id = submit(acme, { registered_delivery = 1, destination_addr = "49" .. i })
        smpp.sleep(1)
        local before = w.store.calls
        w:receipt(1, "a-" .. i, { from = "49" .. i })
        smpp.sleep(1)
        return w.store.calls - before, support.kept(w, id)
      end
      for i = 1, 10 do one(i) end
      local calls, record = one(11)
      assert.same({ 2, "DELIVERED", 11 }, { calls, record.state, #acme.got }) -- it, and the receipt leaves the store
    end, { store = function(loop) return late.new(loop) end })
  end)

  it("refuses a receipt that cannot be stored; when it comes again it is", function()
    local is_broken = false
    world(support.STORED_FILE, function(w)
      local acme = w:customer()
      local id
      for i = 1, 11 do
        id = submit(acme, { registered_delivery = 1, destination_addr = "49" .. i })
        smpp.sleep(1)
        is_broken = i == 11
        w:receipt(1, "a-" .. i, { from = "49" .. i })
        smpp.sleep(1)
      end
      assert.same({ 10, "ENROUTE", 1 }, { #acme.got, stores.get(w.store.inner, "message", id).state, #w:logged "not_delivered" })
      is_broken = false
      smpp.sleep(100)
      assert.same({ 11, "DELIVERED" }, { #acme.got, support.kept(w, id).state })
    end, { store = function(loop) return late.new(loop, { fails = function(method) return is_broken and method == "commit" end }) end })
  end)

  it("leaves it to the general way that an account is gone, or its queue full", function()
    world(support.FILE:gsub('"secret"', '{ password = "secret", queue_limit = 3 }'), function(w)
      local acme = w:customer()
      local function one(i) submit(acme, { registered_delivery = 1, destination_addr = "49" .. i }) end
      for i = 1, 20 do
        one(i)
        if i < 15 then
          w:receipt(1, "a-" .. i, { from = "49" .. i })
          smpp.sleep(1)
        end
      end
      assert.equal(14, #acme.got)
      acme:close()
      local statuses = {}
      for i = 15, 20 do
        w.carriers[1].server:deliver("me", { source_addr = "49" .. i, esm_class = 4, short_message = TEXT:format("a-" .. i, "DELIVRD", "000") },
          { done = function(ok, code) statuses[#statuses + 1] = ok or code end })
      end
      smpp.sleep(1)
      assert.same({ true, true, true }, statuses) -- the others come again
      assert.equal(3, #w:logged "not_delivered")
    end)
  end)

  -- Receipts of carriers, and responses of customers to theirs, are spent: their memory serves other PDUs of this process.
  it("uses no PDU again that somebody has", function()
    for _, with in ipairs { support.world, support.both } do
      property.holds(4, function(random)
        local function answer(_, pdu)
          if random(6) == 1 then smpp.sleep(random(3)) end
          if random(12) == 1 then return nil, "ESME_RMSGQFUL" end
          return pdu.short_message:gsub("text ", "c-")
        end
        with(nil, function(w)
          local customers, ids, taken = {}, {}, {}
          for i = 1, 2 do
            local got = {}
            customers[i] = w:customer { ({ "smpp://acme:secret@localhost:2775", "smpp://bank:hidden@localhost:2775" })[i], deliver_sm = function(pdu)
              local kept = { pdu, pdu:octets() }
              if random(5) == 1 then smpp.sleep(0.5) end
              if random(9) == 1 then return nil, "ESME_RX_T_APPN" end
              got[#got + 1] = kept
              return true
            end }
            taken[i] = got
          end
          local count = 10 + random(20)
          for i = 1, count do
            smpp.spawn(function()
              ids[i] = submit(customers[i % 2 + 1], { short_message = "text " .. i, registered_delivery = 1, destination_addr = "49" .. i })
              if not ids[i] then return end
              if random(4) == 1 then smpp.sleep(random(5)) end
              for carrier = 1, 2 do w:receipt(carrier, "c-" .. i, { from = "49" .. i }) end
            end)
          end
          smpp.sleep(400)
          assert.is_true(#taken[1] + #taken[2] >= count / 2)
          for i = 1, 2 do
            for _, kept in ipairs(taken[i]) do
              local pdu = kept[1]
              assert.equal(kept[2], pdu:octets())
              local number = tonumber(pdu.source_addr:match "^49(%d+)$")
              assert.equal(i, number % 2 + 1)
              assert.equal(ids[number], pdu.short_message:match "^id:(%S+)")
            end
          end
        end, { carriers = { answer, answer } })
      end)
    end
  end)
end)
