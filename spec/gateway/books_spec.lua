local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local FILE = support.STORED_FILE
local submit, world, kept = support.submit, support.both, support.kept

local function state_of(pdu) return pdu.short_message:match "stat:(%S+)" end

describe("smpp.gateway.books", function()
  it("answers when the message is in the books, and sends it then", function()
    world(nil, function(w)
      local acme, at = w:customer(), w.loop:now()
      local id = submit(acme, { registered_delivery = 1 })
      assert.is_true(w.loop:now() - at < 1)
      assert.equal("ENROUTE", kept(w, id).state)
      smpp.sleep(6)
      assert.equal(1, #w.carriers[1].got)
      assert.same({ "ENROUTE", "a", "slow-1" }, { kept(w, id).state, kept(w, id).carrier, kept(w, id).carrier_id })
      w:receipt(1, "slow-1")
      smpp.sleep(1)
      assert.equal("DELIVERED", kept(w, id).state)
      assert.same({ "DELIVRD" }, { state_of(acme.got[1]) })
      assert.truthy(acme.got[1].short_message:find("id:" .. id, 1, true))
      assert.equal(0, w.gateway.books.waiting.count)
    end, { carriers = { function(_, _, n)
      smpp.sleep(5)
      return "slow-" .. n
    end } })
  end)

  it("answers ESME_RMSGQFUL when the books are full and ESME_RSYSERR when they fail, and goes on when they work", function()
    local failing = false
    world(nil, function(w)
      local acme = w:customer()
      assert.truthy(submit(acme))
      smpp.sleep(1)
      failing = true
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      failing = false
      smpp.sleep(2)
      assert.truthy(submit(acme))
      smpp.sleep(1)
      assert.equal(2, #w.carriers[1].got)
    end, { store = function(loop) return late.new(loop, { fails = function(method) return failing and method == "commit" end }) end })
    world(nil, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function() return nil, "ESME_RSYSERR" end
      w.carriers[2].answer = w.carriers[1].answer
      assert.truthy(submit(acme))
      assert.equal("ESME_RMSGQFUL", select(2, submit(acme)))
      w.carriers[1].answer = nil
      smpp.sleep(10)
      assert.truthy(submit(acme))
    end, { store = function(loop) return late.new(loop, { inner = stores.memory { limit = 1 } }) end })
  end)

  it("ends a message with the receipt that the customer asked for: refused for good, or its validity is over", function()
    world(nil, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function() return nil, "ESME_RINVDSTADR" end
      local refused = submit(acme, { registered_delivery = 1 })
      smpp.sleep(1)
      assert.equal("REJECTED", kept(w, refused).state)
      assert.same({ "REJECTD", refused, "491", "12345" },
        { state_of(acme.got[1]), acme.got[1].receipted_message_id, acme.got[1].source_addr, acme.got[1].destination_addr })
      w.carriers[1].answer = function() return nil, "ESME_RSYSERR" end
      w.carriers[2].answer = w.carriers[1].answer
      local expired = submit(acme, { registered_delivery = 1, validity_period = "000000000100000R" })
      local silent = submit(acme, { validity_period = "000000000100000R" })
      smpp.sleep(120)
      assert.same({ "EXPIRED", "EXPIRED" }, { kept(w, expired).state, kept(w, silent).state })
      assert.equal(2, #acme.got)
      assert.same({ "EXPIRED", expired }, { state_of(acme.got[2]), acme.got[2].receipted_message_id })
      local sent = w.carriers[1].got[#w.carriers[1].got]
      assert.is_true(sent.validity_period < "000000000100000R") -- less the time it waited
    end)
  end)

  it("goes on after a crash: what waits is sent, what was on its way is sent again and marked, receipts find their messages", function()
    world(FILE:gsub("route.*", 'route { to = "2", via = "b" }\nroute { via = "a" }'), function(w)
      local acme = w:customer()
      local taken = submit(acme, { registered_delivery = 1 })
      smpp.sleep(1)
      w.carriers[1].answer = function(_, _, n)
        if n == 2 then smpp.sleep(1000) end
        return "again-" .. n
      end
      local flying = submit(acme, { registered_delivery = 1, short_message = "flying" })
      local waiting = submit(acme, { registered_delivery = 1, destination_addr = "2", short_message = "waiting" })
      smpp.sleep(3)
      local inner = w:kill()
      assert.equal(2, #w.carriers[1].got)
      w:carrier(2)
      w:start(support.reborn(w, inner))
      smpp.sleep(5)
      assert.same({ 3, "flying" }, { #w.carriers[1].got, w.carriers[1].got[3].short_message })
      assert.same({ 1, "waiting" }, { #w.carriers[2].got, w.carriers[2].got[1].short_message })
      assert.same({ true, "again-3" }, { kept(w, flying).maybe_twice, kept(w, flying).carrier_id })
      assert.is_nil(kept(w, waiting).maybe_twice)
      assert.is_nil(kept(w, taken).maybe_twice)
      assert.same({ flying }, w:logged("maybe_twice", "id"))
      acme = w:customer()
      w:receipt(1, "a-1")
      w:receipt(1, "again-3")
      w:receipt(2, "b-1", { from = "2" })
      smpp.sleep(2)
      local ids = {}
      for _, pdu in ipairs(acme.got) do ids[pdu.short_message:match "id:(%S+)"] = state_of(pdu) end
      assert.same({ [taken] = "DELIVRD", [flying] = "DELIVRD", [waiting] = "DELIVRD" }, ids)
      assert.same({}, w:logged "failed")
    end, { carriers = { nil, false } })
  end)

  it("gives a receipt again to the customer when the first could not be kept", function()
    local failing = false
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1 })
      smpp.sleep(1)
      failing = true
      local session = w.carriers[1].server.sessions[1]
      local fields = { source_addr = "491", destination_addr = "12345", esm_class = 4, short_message = "id:a-1 stat:DELIVRD err:000" }
      assert.equal("ESME_RX_T_APPN", select(3, session:deliver_sm(fields)))
      failing = false
      smpp.sleep(2)
      assert(session:deliver_sm(fields))
      assert(session:deliver_sm(fields))
      smpp.sleep(1)
      assert.same({ "DELIVERED", 1 }, { kept(w, id).state, #acme.got })
    end, { store = function(loop) return late.new(loop, { fails = function(method) return failing and method == "commit" end }) end })
  end)

  it("answers query_sm, cancel_sm and replace_sm of messages that wait, and passes them on for others", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1, schedule_delivery_time = "000000010000000R" })
      local function ask(command, fields)
        fields.message_id, fields.source_addr = fields.message_id or id, "12345"
        local response, _, code = acme[command](acme, fields)
        return response and (response.message_state or "ESME_ROK") or code
      end
      assert.equal(0, ask("query_sm", {}))
      assert.equal("ESME_ROK", ask("replace_sm", { short_message = "new text", registered_delivery = 1 }))
      smpp.sleep(3700)
      assert.equal("new text", w.carriers[1].got[1].short_message)
      w.carriers[1].answer = function(_, pdu) return pdu.command == "query_sm" and { message_state = 1, message_id = "a-1" } or nil, "ESME_RCANCELFAIL" end
      assert.equal(1, ask("query_sm", {}))
      assert.equal("ESME_RCANCELFAIL", ask("cancel_sm", {}))
      local other = submit(acme, { registered_delivery = 1, schedule_delivery_time = "000000010000000R" })
      assert.equal("ESME_ROK", ask("cancel_sm", { message_id = other }))
      assert.equal("ESME_RCANCELFAIL", ask("cancel_sm", { message_id = other }))
      smpp.sleep(4000)
      assert.equal("DELETED", kept(w, other).state)
      assert.equal(1, #acme.got)
      assert.equal("DELETED", state_of(acme.got[1]))
      assert.equal("ESME_RINVMSGID", ask("query_sm", { message_id = "x" }))
    end)
  end)

  it("passes through where a rule says so", function()
    world(FILE:gsub("route.*", "route { to = '1', via = 'a', through = true }\nroute { via = 'a' }"), function(w)
      local acme = w:customer()
      w.carriers[1].answer = function() return nil, "ESME_RINVDSTADR" end
      assert.equal("ESME_RINVDSTADR", select(2, submit(acme, { destination_addr = "1" })))
      assert.truthy(submit(acme, { destination_addr = "2" }))
    end)
  end)

  it("keeps credit in the books, and gives it back for what is refused for good", function()
    world([[
      store "x.db"
      listen { port = 2775, accounts = { acme = { password = "secret", credit = 3 } } }
      carrier "a" { "smpp://me:x@localhost:2001" }
      route { via = "a" }
    ]], function(w)
      local acme = w:customer()
      assert.truthy(submit(acme))
      w.carriers[1].answer = function() return nil, "ESME_RINVDSTADR" end
      assert.truthy(submit(acme))
      smpp.sleep(1)
      assert.equal("2000000", stores.get(w.store, "counter", "credit/acme").state)
      w.carriers[1].answer = nil
      local inner = w:kill()
      w:start(support.reborn(w, inner))
      acme = w:customer()
      assert.truthy(submit(acme))
      assert.truthy(submit(acme))
      assert.equal("ESME_RSUBMITFAIL", select(2, submit(acme)))
    end, { count = 1 })
  end)

  it("forgets final messages after keep_s, and writes a record of each", function()
    local path = os.tmpname()
    world(FILE:gsub('"x.db"', ('"x.db", keep_s = 3600, record = %q'):format(path)), function(w)
      local id = submit(w:customer())
      smpp.sleep(10)
      assert.truthy(kept(w, id))
      smpp.sleep(3 * 3600)
      assert.is_nil(kept(w, id))
    end)
    local file = assert(io.open(path))
    local line = file:read "*l"
    file:close()
    os.remove(path)
    local record = require("dkjson").decode(line)
    assert.same({ "acme", "12345", "491", "ACCEPTED", "a", "a-1" }, { record.account, record.from, record.to, record.state, record.carrier, record.carrier_id })
  end)

  it("gives up a message whose receipt never comes: the customer gets one with the state UNKNOWN", function()
    world(nil, function(w)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1 })
      smpp.sleep(47 * 3600)
      assert.equal("ENROUTE", kept(w, id).state)
      smpp.sleep(2 * 3600)
      assert.equal("UNKNOWN", kept(w, id).state)
      assert.same({ 1, "UNKNOWN" }, { #acme.got, state_of(acme.got[1]) })
    end, { quiet = true })
  end)

  it("takes each destination of a submit_multi by itself, over a crash, too", function()
    world(FILE:gsub("route.*", 'route { to = "1", via = "a" }\nroute { to = "2", via = "b" }\nroute { to = "4", via = "b" }'), function(w)
      local acme = w:customer()
      local function dest(address) return { dest_flag = 1, dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = address } end
      local response = assert(acme:submit_multi {
        source_addr = "12345", short_message = "Hi", registered_delivery = 1, dest_address = { dest "1", dest "2", dest "3", dest "4" },
      })
      assert.same({ 1, "3" }, { #response.unsuccess_sme, response.unsuccess_sme[1].destination_addr })
      smpp.sleep(1)
      assert.same({ 1, "1", "Hi" }, { #w.carriers[1].got, w.carriers[1].got[1].destination_addr, w.carriers[1].got[1].short_message })
      local inner = w:kill()
      w:carrier(2)
      w:start(support.reborn(w, inner))
      acme = w:customer()
      smpp.sleep(10)
      assert.equal(2, #w.carriers[2].got)
      w:receipt(1, "a-1", { from = "1" })
      w:receipt(2, "b-1", { from = w.carriers[2].got[1].destination_addr })
      w:receipt(2, "b-2", { from = w.carriers[2].got[2].destination_addr })
      smpp.sleep(2)
      local from = {}
      for _, pdu in ipairs(acme.got) do
        from[pdu.source_addr] = true
        assert.equal(response.message_id, pdu.short_message:match "id:(%S+)")
      end
      assert.same({ ["1"] = true, ["2"] = true, ["4"] = true }, from)
    end, { carriers = { nil, false } })
  end)

  it("keeps MO and receipts in the books until the customer has them", function()
    world(FILE .. "incoming { deliver = 'acme' }", function(w)
      local acme = w:customer()
      submit(acme, { registered_delivery = 1 })
      smpp.sleep(1)
      acme:close()
      smpp.sleep(0.5)
      local session = w.carriers[1].server.sessions[1]
      assert(session:deliver_sm { source_addr = "49", destination_addr = "12345", short_message = "MO" })
      assert(session:deliver_sm { source_addr = "491", destination_addr = "12345", esm_class = 4, short_message = "id:a-1 stat:DELIVRD err:000" })
      local inner = w:kill()
      w:start(support.reborn(w, inner))
      acme = w:customer()
      smpp.sleep(2)
      assert.same({ "MO", "DELIVRD" }, { acme.got[1].short_message, state_of(acme.got[2]) })
      smpp.sleep(1)
      assert.equal(0, #assert(stores.find(w.store, { kind = "outbound" })))
    end)
  end)

  it("continue from a backup that was made while the gateway ran", function()
    local has = pcall(require, "smpp.sqlite")
    if not has then return end
    local name = os.tmpname()
    os.remove(name)
    local copy = name .. ".copy"
    local function open(loop, path) return late.new(loop, { inner = assert(stores.open("sqlite:" .. path, { loop = loop, threads = false })) }) end
    local ids, taken = {}, false
    local function carriers() return { function(_, _, n) return taken and "a-" .. n or nil, not taken and "ESME_RSYSERR" or nil end, false } end
    world(nil, function(w)
      local acme = w:customer()
      for i = 1, 5 do ids[i] = submit(acme, { registered_delivery = 1 }) end
      smpp.sleep(1)
      local db = assert(require("smpp.sqlite").open(name))
      assert(db:exec(("VACUUM INTO '%s'"):format(copy)))
      db:close()
      submit(acme)
    end, { store = function(loop) return open(loop, name) end, carriers = carriers() })
    taken = true
    world(nil, function(w)
      w:customer()
      smpp.sleep(70)
      assert.equal(5, #w.carriers[1].got)
      for i = 1, 5 do assert.equal("a-" .. i, kept(w, ids[i]).carrier_id) end
    end, { store = function(loop) return open(loop, copy) end, carriers = carriers() })
    for _, path in ipairs { name, copy } do
      for _, suffix in ipairs { "", "-wal", "-shm" } do os.remove(path .. suffix) end
    end
  end)
end)
