local late = require "spec.support.late_store"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local FILE = support.STORED_FILE
local submit, world, kept = support.submit, support.both, support.kept

describe("smpp.gateway.waiting", function()
  it("tries again after 1, 2, 4 … seconds until a carrier takes it", function()
    world(nil, function(w)
      local acme, times = w:customer(), {}
      local function refuse()
        times[#times + 1] = math.floor(w.loop:now())
        if #times > 8 then return "taken" end
        return nil, "ESME_RX_T_APPN"
      end
      w.carriers[1].answer, w.carriers[2].answer = refuse, refuse
      local start = w.loop:now()
      local id = submit(acme)
      smpp.sleep(60)
      for i, at in ipairs(times) do times[i] = at - math.floor(start) end
      assert.same({ 0, 0, 1, 1, 3, 3, 7, 7, 15 }, times)
      assert.equal("ACCEPTED", kept(w, id).state)
    end)
  end)

  it("sends what waits as soon as a carrier is there", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme)
      smpp.sleep(100)
      local at = w.loop:now()
      w:carrier(1)
      while #w.carriers[1].got == 0 do smpp.sleep(0.5) end
      assert.is_true(w.loop:now() - at <= 61)
      smpp.sleep(1)
      assert.equal("ACCEPTED", kept(w, id).state)
    end, { carriers = { false, false } })
  end)

  it("holds messages until their schedule_delivery_time, and gives up after 48 hours without a validity", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme, { schedule_delivery_time = "000000010000000R" })
      assert.equal("SCHEDULED", kept(w, id).state)
      smpp.sleep(3500)
      assert.equal(0, #w.carriers[1].got)
      smpp.sleep(200)
      assert.same({ 1, "" }, { #w.carriers[1].got, w.carriers[1].got[1].schedule_delivery_time })
      assert.equal("ACCEPTED", kept(w, id).state)
      w.carriers[1].answer = function() return nil, "ESME_RSYSERR" end
      w.carriers[2].answer = w.carriers[1].answer
      id = submit(acme)
      smpp.sleep(47 * 3600)
      assert.equal("ENROUTE", kept(w, id).state)
      smpp.sleep(2 * 3600)
      assert.equal("EXPIRED", kept(w, id).state)
      assert.equal("ESME_RINVSCHED", select(2, submit(acme, { schedule_delivery_time = "999999999999999+" })))
    end, { quiet = true })
  end)

  it("waits no longer than the account or a rule allows, and as long as a rule says", function()
    world([[
      store "x.db"
      listen { port = 2775, accounts = { acme = { password = "secret", max_validity_s = 7200 } } }
      carrier "a" { "smpp://me:x@localhost:2001" }
      route { to = "1", set = { validity_period = "000000000500000R" } }
      route { to = "2", set = { schedule_delivery_time = "000000010000000R" } }
      route { via = "a" }
    ]], function(w)
      local acme = w:customer()
      local long, short = submit(acme), submit(acme, { destination_addr = "1" })
      smpp.sleep(200)
      assert.equal("ENROUTE", kept(w, short).state)
      smpp.sleep(200)
      assert.same({ "EXPIRED", "ENROUTE" }, { kept(w, short).state, kept(w, long).state })
      smpp.sleep(7000)
      assert.equal("EXPIRED", kept(w, long).state)
      w:carrier(1)
      local later = submit(acme, { destination_addr = "2" })
      smpp.sleep(3500)
      assert.same({ "SCHEDULED", 0 }, { kept(w, later).state, #w.carriers[1].got })
      smpp.sleep(200)
      assert.same({ "ACCEPTED", 1, "" }, { kept(w, later).state, #w.carriers[1].got, w.carriers[1].got[1].schedule_delivery_time })
    end, { count = 1, carriers = { false } })
  end)

  it("routes what waits anew when the file was loaded again, or its carrier stays away", function()
    world([[
      store "x.db"
      listen { port = 2775, accounts = { acme = "secret" } }
      carrier "a" { "smpp://me:x@localhost:2001" }
      carrier "b" { "smpp://me:x@localhost:2002" }
      route { via = "a" }
    ]], function(w)
      local acme = w:customer()
      local id = submit(acme)
      smpp.sleep(5)
      w.gateway.options.text = w.text:gsub('via = "a"', 'set = { protocol_id = 7 }, via = "b"')
      assert.is_true(w.gateway:reload())
      smpp.sleep(20)
      assert.same({ 1, 7 }, { #w.carriers[2].got, w.carriers[2].got[1].protocol_id })
      assert.equal("b", kept(w, id).carrier)
    end, { carriers = { false } })
  end)

  it("never sends a message again whose outcome is unknown: a receipt settles it", function()
    world(FILE:gsub("2001\"", "2001\", response_timeout_s = 3"), function(w)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1, destination_addr = "4917612345", short_message = "Hello there" })
      smpp.sleep(20)
      assert.same({ 1, 0, true }, { #w.carriers[1].got, #w.carriers[2].got, kept(w, id).held })
      w:receipt(1, "whatever", { from = "4917699999", text = "id:whatever stat:DELIVRD err:000 text:Hello there" }) -- of another
      smpp.sleep(1)
      assert.equal(0, #acme.got)
      w:receipt(1, "lost-7", { from = "4917612345", text = "id:lost-7 stat:DELIVRD err:000 text:Hello" })
      smpp.sleep(1)
      assert.same({ "DELIVERED", 1 }, { kept(w, id).state, #acme.got })
      assert.truthy(acme.got[1].short_message:find("id:" .. id, 1, true))
      local two, three = submit(acme, { registered_delivery = 1, short_message = "x" }), submit(acme, { registered_delivery = 1, short_message = "x" })
      smpp.sleep(20)
      w:receipt(1, "lost-8", { from = "491", text = "id:lost-8 stat:DELIVRD err:000 text:x" }) -- two fit: neither is guessed
      smpp.sleep(1)
      assert.equal(1, #acme.got)
      smpp.sleep(49 * 3600)
      assert.same({ "UNKNOWN", "UNKNOWN" }, { kept(w, two).state, kept(w, three).state })
      assert.equal(3, #acme.got)
    end, { carriers = { function() smpp.sleep(9) end }, quiet = true })
  end)

  it("takes a receipt that overtakes its response for that of the message on its way, not for that of a held one like it", function()
    world(FILE:gsub("2001\"", "2001\", response_timeout_s = 3"), function(w)
      local acme = w:customer()
      local held = submit(acme, { registered_delivery = 1 })
      smpp.sleep(5)
      assert.is_true(kept(w, held).held)
      local flying = submit(acme, { registered_delivery = 1 })
      smpp.sleep(1)
      w:receipt(1, "second", { text = "id:second stat:DELIVRD err:000 text:Hi" })
      smpp.sleep(20)
      assert.same({ "ENROUTE", "DELIVERED", 1 }, { kept(w, held).state, kept(w, flying).state, #acme.got })
      assert.truthy(acme.got[1].short_message:find("id:" .. flying, 1, true))
    end, { carriers = { function(_, _, n)
      smpp.sleep(n == 1 and 100 or 2)
      return "second"
    end } })
  end)

  it("goes on holding it after a crash", function()
    world(FILE:gsub("2001\"", "2001\", response_timeout_s = 3"), function(w)
      local id = submit(w:customer(), { registered_delivery = 1, short_message = "Hello there" })
      smpp.sleep(20)
      local inner = w:kill()
      w:start(support.reborn(w, inner))
      local acme = w:customer()
      smpp.sleep(60)
      assert.equal(1, #w.carriers[1].got + #w.carriers[2].got)
      w:receipt(1, "lost-7", { text = "id:lost-7 stat:DELIVRD err:000 text:Hello" })
      smpp.sleep(1)
      assert.same({ "DELIVERED", 1 }, { kept(w, id).state, #acme.got })
      assert.same({}, w:logged "failed")
    end, { carriers = { function() smpp.sleep(9) end } })
  end)

  it("sends it again, or gives it up, where the carrier's on_unknown says so", function()
    for policy, expected in pairs { resend = "ACCEPTED", fail = "UNDELIVERABLE" } do
      world(FILE:gsub("2001\"", "2001\", response_timeout_s = 3, on_unknown = '" .. policy .. "'"), function(w)
        local id = submit(w:customer())
        smpp.sleep(20)
        assert.equal(expected, kept(w, id).state)
        assert.equal(policy == "resend" and 1 or 0, #w.carriers[2].got)
        if policy == "resend" then assert.is_true(kept(w, id).maybe_twice) end
      end, { carriers = { function() smpp.sleep(9) end } })
    end
  end)

  it("keeps which carrier has it when the receipt is stored before", function()
    local failing = false
    world(nil, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function()
        failing = true
        return "early"
      end
      local id = submit(acme, { registered_delivery = 1 })
      smpp.sleep(0.2)
      failing = false
      w:receipt(1, "early")
      smpp.sleep(0.2)
      assert.same({ "DELIVERED", "a", "early" }, { kept(w, id).state, kept(w, id).carrier, kept(w, id).carrier_id })
      smpp.sleep(3)
      assert.equal(0, w.gateway.books.waiting.count)
    end, { store = function(loop) return late.new(loop, { fails = function(method) return failing and method == "commit" end }) end })
  end)

  it("marks what was on its way when it was killed, even if the store fails then and its carrier comes later", function()
    local failing = false
    world(nil, function(w)
      local id = submit(w:customer(), { registered_delivery = 1 })
      smpp.sleep(1)
      local inner = w:kill()
      w.carriers[1].server:close(0)
      failing = true
      w:start(support.reborn(w, inner, { fails = function(method) return failing and method == "commit" end }))
      smpp.sleep(2)
      w:carrier(2, function()
        smpp.spawn(function()
          smpp.sleep(0.2)
          failing = false
          w:receipt(2, "again")
        end)
        return "again"
      end)
      smpp.sleep(10)
      assert.same({ "DELIVERED", true, "again" }, { kept(w, id).state, kept(w, id).maybe_twice, kept(w, id).carrier_id })
    end, { carriers = { function() smpp.sleep(1000) end, false } })
  end)
end)
