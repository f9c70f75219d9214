local cluster = require "spec.support.cluster"
local few = require "spec.support.few"
local property = require "spec.support.property"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit = support.submit

local FILE = [[
store { "x.db" }
listen { port = 2775, accounts = { acme = "secret" } }
carrier "a" { "smpp://me:x@localhost:2001", long = "concat_8bit", response_timeout_s = 5 }
carrier "b" { "smpp://me:x@localhost:2002", long = "sar", response_timeout_s = 5 }
route { via = failover { "a", "b" } }
]]

local WORDS = ("Hello world. "):rep(30) -- three parts

local function kept(w, id) return (stores.get(w.store, "message", id)) end

local function state_of(pdu) return pdu.short_message:match "stat:(%S+)" end

--- The text of the parts that a carrier has got, by the reference.
local function joined(list)
  local sets = {}
  for _, pdu in ipairs(list) do
    local part = smpp.text.part(pdu, (select(2, smpp.text.body(pdu))))
    sets[part.reference] = sets[part.reference] or {}
    sets[part.reference][part.seq] = (smpp.text.read(pdu))
  end
  local out = {}
  for _, set in pairs(sets) do out[#out + 1] = table.concat(set) end
  return out
end

local function restart(w) w:start(support.reborn(w, w:kill())) end

local function world_of(fn, o)
  o = o or {}
  support.both(o.text or FILE, fn, o)
end

describe("smpp.gateway.sending", function()
  it("sends a long text in parts, and gives one receipt for it", function()
    world_of(function(w)
      local acme = w:customer()
      local id = submit(acme, { short_message = "", message_payload = WORDS, registered_delivery = 1 })
      smpp.sleep(1)
      assert.same({ WORDS }, joined(w.carriers[1].got))
      assert.same({ 3, "a-1", "a" }, { kept(w, id).parts, kept(w, id).carrier_id, kept(w, id).carrier })
      for i = 1, 3 do
        assert.equal(0, #acme.got)
        w:receipt(1, "a-" .. i)
        w:receipt(1, "a-1") -- again
        smpp.sleep(0.5)
      end
      assert.same({ 1, "DELIVRD" }, { #acme.got, state_of(acme.got[1]) })
      assert.truthy(acme.got[1].short_message:find("id:" .. id, 1, true))
      assert.equal("DELIVERED", kept(w, id).state)
      submit(acme, { short_message = "", message_payload = WORDS }) -- no receipt asked for
      smpp.sleep(1)
      assert.equal(6, #w.carriers[1].got)
      assert.equal(0, w.gateway.books.waiting.count)
    end)
  end)

  it("ends it with the first part that is not delivered", function()
    world_of(function(w)
      local acme = w:customer()
      local id = submit(acme, { short_message = "", message_payload = WORDS, registered_delivery = 1 })
      smpp.sleep(1)
      w:receipt(1, "a-2", { stat = "UNDELIV" })
      smpp.sleep(0.5)
      w:receipt(1, "a-1")
      w:receipt(1, "a-3")
      smpp.sleep(0.5)
      assert.same({ 1, "UNDELIV" }, { #acme.got, state_of(acme.got[1]) })
      assert.equal("UNDELIVERABLE", kept(w, id).state)
    end)
  end)

  it("goes to another carrier, in its form, as long as none has a part; then only to that one", function()
    local answers
    world_of(function(w)
      answers = { "ESME_RSYSERR" }
      local acme = w:customer()
      submit(acme, { short_message = "", message_payload = WORDS, registered_delivery = 1 })
      smpp.sleep(1)
      assert.same({ 1, 3, 1 }, { #w.carriers[1].got, #w.carriers[2].got, w.carriers[2].got[1].sar_segment_seqnum })
      answers = { "ok", "ESME_RSYSERR", "ESME_RTHROTTLED" }
      local id = submit(acme, { short_message = "", message_payload = WORDS, registered_delivery = 1 })
      smpp.sleep(0.5)
      assert.equal(1, #kept(w, id).part_ids)
      assert.equal("ESME_RCANCELFAIL", select(3, acme:cancel_sm { message_id = id, source_addr = "12345" }))
      smpp.sleep(20)
      assert.equal(3, #w.carriers[2].got)
      local list = joined(w.carriers[1].got)
      assert.is_true(list[1] == WORDS or list[2] == WORDS)
      for _, one in ipairs(kept(w, id).part_ids) do w:receipt(1, one) end
      for i = 1, 3 do w:receipt(2, "b-" .. i) end
      smpp.sleep(1)
      assert.same({ 2, "DELIVRD", "DELIVRD" }, { #acme.got, state_of(acme.got[1]), state_of(acme.got[2]) })
    end, { carriers = { function(_, _, n)
      local answer = table.remove(answers, 1) or "ok"
      if answer ~= "ok" then return nil, answer end
      return "a-" .. n
    end } })
  end)

  it("is refused for good with a part, or held without an answer", function()
    local answers
    world_of(function(w)
      local acme = w:customer()
      answers = { "ok", "ESME_RINVDSTADR" }
      local id = submit(acme, { short_message = "", message_payload = WORDS, registered_delivery = 1 })
      smpp.sleep(1)
      assert.same({ "REJECTED", "REJECTD" }, { kept(w, id).state, state_of(acme.got[1]) })
      answers = { "ok", "silence" }
      id = submit(acme, { short_message = "", message_payload = WORDS, registered_delivery = 1, validity_period = "000000010000000R" })
      smpp.sleep(20)
      assert.same({ true, "ENROUTE" }, { kept(w, id).held, kept(w, id).state })
      smpp.sleep(3700)
      assert.equal("UNKNOWN", kept(w, id).state)
      assert.same({}, w.carriers[2].got)
    end, { carriers = { function(_, _, n)
      local answer = table.remove(answers, 1) or "ok"
      if answer == "silence" then smpp.sleep(30) elseif answer ~= "ok" then return nil, answer end
      return "a-" .. n
    end } })
  end)

  it("refuses what the carrier's alphabet cannot have, and converts the rest", function()
    world_of(function(w)
      local acme = w:customer()
      submit(acme, { short_message = "\0 \123", data_coding = 0 }) -- GSM 7-bit
      smpp.sleep(1)
      assert.equal("@ \228", w.carriers[1].got[1].short_message)
      local id = submit(acme, { short_message = "\4\22", data_coding = 8, registered_delivery = 1 })
      smpp.sleep(1)
      assert.equal("ENROUTE", kept(w, id).state) -- UCS-2 means the same to it
      id = submit(acme, { short_message = "\4\22", data_coding = 8, service_type = "X", registered_delivery = 1 })
      smpp.sleep(1)
      assert.same({ "REJECTED", "REJECTD" }, { kept(w, id).state, state_of(acme.got[1]) })
      assert.same({ "a" }, w:logged("not_converted", "carrier"))
    end, { text = FILE:gsub('long = "concat_8bit"', 'default_alphabet = "latin1"', 1):gsub("route", 'route { service_type = "X", encoding = "latin1" }\nroute', 1) })
  end)

  it("loses no part and gives one receipt, whatever carriers answer, over crashes of the gateway", function()
    property.holds(few(12, 4), function(random, case)
      case.answers, case.kills = {}, {}
      local function answer(i, _, _, n)
        local what = ({ "ok", "ok", "ok", "ok", "ESME_RSYSERR", "ESME_RTHROTTLED", "slow" })[random(7)]
        table.insert(case.answers, i .. what)
        if what == "slow" then smpp.sleep(2) elseif what ~= "ok" then return nil, what end
        return ("%s-%d"):format(("ab"):sub(i, i), n)
      end
      local function carriers(i) return function(...) return answer(i, ...) end end
      world_of(function(w)
        local count, texts, got = random(4), {}, {}
        local function customer()
          return w:customer { deliver_sm = function(pdu)
            local id = pdu.short_message:match "id:(%S+)"
            got[id] = (got[id] or 0) + 1
            return true
          end }
        end
        local acme = customer()
        for i = 1, count do
          local words = (("text %d, "):format(i)):rep(20 + 30 * random(3))
          local id = submit(acme, { short_message = "", message_payload = words, registered_delivery = 1 })
          texts[id] = words
        end
        for _ = 1, random(3) - 1 do
          smpp.sleep(random(20) / 10)
          table.insert(case.kills, w.loop:now())
          restart(w)
          acme = customer()
        end
        smpp.sleep(200)
        local killed = false -- then the customer may get a receipt twice: its acknowledgement was in flight
        for id in pairs(texts) do
          local record = kept(w, id)
          if record.part_ids then
            assert.equal(record.parts, #record.part_ids)
            for _, one in ipairs(record.part_ids) do
              w:receipt(record.carrier == "a" and 1 or 2, one)
              if random(3) == 1 then
                smpp.sleep(random(2) == 1 and 0.5 or 0)
                killed = true
                restart(w)
                acme = customer()
              end
            end
          end
        end
        smpp.sleep(100)
        local all = {}
        for i = 1, 2 do
          for _, words in ipairs(joined(w.carriers[i].got)) do all[words] = true end
        end
        for id, words in pairs(texts) do
          assert(all[words], "lost")
          assert.equal("DELIVERED", kept(w, id).state)
          assert(got[id] and (got[id] == 1 or killed), "receipts")
        end
        acme:close(1)
      end, { carriers = { carriers(1), carriers(2) } })
    end)
  end)
end)

describe("smpp.gateway.sending: a node that was declared dead", function()
  --- Node b says that a is dead, as it does when a stands still.
  local function declare_dead(w)
    local others = w.gateways.b.node.nodes.others
    others:bury(others.records.a)
  end

  it("notes what a carrier has taken, while the message still waits: it is not sent again", function()
    for _, delivery in ipairs { 1, 0 } do
      cluster.run(nil, function(w)
        local acme = w:customer_of "a"
        w.carriers[1].answer = function()
          smpp.sleep(0.4)
          return "late"
        end
        local id = assert(submit(acme, { registered_delivery = delivery }))
        smpp.sleep(0.3)
        declare_dead(w)
        smpp.sleep(20)
        assert.equal(1, #w.carriers[1].got + #w.carriers[2].got)
        assert.same({ "late", delivery == 1 and "ENROUTE" or "ACCEPTED" }, { w:kept(id).carrier_id, w:kept(id).state })
        if delivery == 1 then
          w:receipt(1, "late")
          smpp.sleep(1)
          assert.same({ 1, "DELIVERED" }, { #acme.got, w:kept(id).state })
          assert.same({ "late" }, w:logged("late_response", "id"))
        end
        assert.same({}, w:logged "failed")
      end, { names = { "a", "b" } })
    end
  end)

  it("notes the id of what is being sent again: the receipt of the first one ends it", function()
    cluster.run(cluster.FILE:gsub('("smpp://me:x@localhost:2001",)', "%1 binds = 2,"), function(w)
      local acme, count = w:customer_of "a", 0
      w.carriers[1].answer = function()
        count = count + 1
        local n = count
        smpp.sleep(n == 1 and 0.4 or 20)
        return "id-" .. n
      end
      local commit = w.gateways.a.books.commit
      function w.gateways.a.books.commit(self, changes) -- its calls of the engine take long
        if changes[1].guard == "mine" and changes[1].set.carrier_id then smpp.sleep(6) end
        return commit(self, changes)
      end
      local id = assert(submit(acme, { registered_delivery = 1 }))
      smpp.sleep(0.3)
      for _, carrier in ipairs(w.gateways.a.carriers) do carrier:switch(true) end -- node b sends it again
      declare_dead(w)
      smpp.sleep(7)
      assert.equal(2, count)
      assert.is_nil(w:kept(id).carrier_id)
      w:receipt(1, "id-1")
      smpp.sleep(2)
      assert.same({ 1, "DELIVERED", true }, { #acme.got, w:kept(id).state, w:kept(id).maybe_twice })
      smpp.sleep(20)
      assert.same({}, w:logged "failed")
    end)
  end)
end)
