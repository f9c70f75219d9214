local smpp = require "smpp"
local property = require "spec.support.property"
local support = require "spec.support.gateways"

local submit, world = support.submit, support.world

local function refuses(status) return function() return nil, status end end

describe("smpp.gateway.forward", function()
  it("answers when the carrier has answered, with an id of its own", function()
    world(nil, function(w)
      local acme, at = w:customer(), w.loop:now()
      local id = submit(acme)
      assert.equal(3, math.floor(w.loop:now() - at))
      assert.truthy(id:find "^%x+$" and #id == 16)
      assert.is_nil(id:find("carrier-id", 1, true))
      assert.not_equal(id, submit(acme))
    end, { carriers = { function()
      smpp.sleep(3)
      return "carrier-id"
    end } })
  end)

  it("gives SMPP 3.3 ids of eight hexadecimal digits", function()
    world(nil, function(w)
      local old = w:customer { version = "3.3" }
      assert.truthy(submit(old):find "^%x%x%x%x%x%x%x%x$")
    end)
  end)

  it("sends a permanent refusal back as it came", function()
    world(nil, function(w)
      local acme = w:customer()
      for _, status in ipairs { "ESME_RINVDSTADR", "ESME_RSUBMITFAIL", "0x00000401" } do
        w.carriers[1].answer = refuses(tonumber(status) or status)
        assert.equal(status, select(2, submit(acme)))
      end
      assert.equal(0, #w.carriers[2].got)
    end)
  end)

  it("tries the next carrier at once after a throttled or temporary refusal, and gives the last status back at the end", function()
    for _, status in ipairs { "ESME_RTHROTTLED", "ESME_RMSGQFUL", "ESME_RSYSERR", "ESME_RX_T_APPN", "ESME_RINVBNDSTS" } do
      world(nil, function(w)
        local acme, at = w:customer(), w.loop:now()
        w.carriers[1].answer = refuses(status)
        assert.truthy(submit(acme))
        assert.equal(1, #w.carriers[2].got)
        assert.is_true(w.loop:now() - at < 0.5)
        w.carriers[2].answer = refuses "ESME_RDELIVERYFAILURE"
        assert.equal("ESME_RDELIVERYFAILURE", select(2, submit(acme)))
      end)
    end
  end)

  it("passes over a carrier that backs off, and comes back to it", function()
    world(nil, function(w)
      local acme = w:customer()
      w.carriers[1].answer = function(_, _, n)
        if n == 1 then return nil, "ESME_RTHROTTLED" end
        return "ok"
      end
      assert.truthy(submit(acme))
      assert.truthy(submit(acme))
      assert.same({ 1, 2 }, { #w.carriers[1].got, #w.carriers[2].got })
      smpp.sleep(2)
      assert.truthy(submit(acme))
      assert.same({ 2, 2 }, { #w.carriers[1].got, #w.carriers[2].got })
    end)
  end)

  it("passes over a carrier that is down, and answers ESME_RSYSERR when none is left", function()
    world(nil, function(w)
      local acme = w:customer()
      w.carriers[1].server:close(0)
      smpp.sleep(0.1)
      assert.truthy(submit(acme))
      w.carriers[2].server:close(0)
      smpp.sleep(0.1)
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      w:carrier(1)
      smpp.sleep(70)
      assert.truthy(submit(acme))
    end)
  end)

  it("takes the next carrier when the connection is lost before a message that waits for the window was sent", function()
    world(support.FILE:gsub("2001\"", "2001\", window = 1"), function(w)
      local acme = w:customer()
      local results = {}
      for i = 1, 3 do smpp.spawn(function() results[i] = { submit(acme) } end) end
      smpp.sleep(0.1)
      assert.equal(1, #w.carriers[1].got)
      for _, session in ipairs(w.carriers[1].server.sessions) do session:reset "cut" end
      smpp.sleep(1)
      assert.equal("ESME_RSUBMITFAIL", results[1][2]) -- sent, its outcome is unknown
      assert.truthy(results[2][1] and results[3][1])
      assert.equal(2, #w.carriers[2].got)
      assert.same({ "a" }, w:logged("outcome_unknown", "carrier"))
    end, { carriers = { function() smpp.sleep(20) end } })
  end)

  it("does not send a message again whose outcome is unknown, unless the carrier's on_unknown says so", function()
    for _, resend in ipairs { false, true } do
      local text = support.FILE:gsub("2001\"", "2001\", response_timeout_s = 5" .. (resend and ", on_unknown = 'resend'" or ""))
      world(text, function(w)
        local acme, at = w:customer(), w.loop:now()
        local id, code = submit(acme)
        assert.equal(5, math.floor(w.loop:now() - at + 0.5))
        assert.same(resend and { true, 1 } or { false, 0 }, { id ~= nil, #w.carriers[2].got })
        if not resend then assert.equal("ESME_RSUBMITFAIL", code) end
      end, { carriers = { function() smpp.sleep(9) end } })
    end
  end)

  it("gives up a message that finds no room in time, and answers before the customer's time is up", function()
    world([[
      listen { port = 2775, accounts = { acme = "secret" } }
      gateway { queue_s = 3 }
      carrier "a" { "smpp://me:x@localhost:2001", window = 1, response_timeout_s = 20 }
      route { via = "a" }
    ]], function(w)
      local acme, at = w:customer(), w.loop:now()
      smpp.spawn(function() submit(acme) end)
      smpp.sleep(0.1)
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      assert.equal(3, math.floor(w.loop:now() - at))
      smpp.sleep(10)
    end, { count = 1, carriers = { function()
      smpp.sleep(8)
      return "x"
    end } })
  end)

  it("copies what the customer sent, octet by octet: text, header, every TLV in its order", function()
    local octets = {}
    for i = 0, 253 do octets[i + 1] = string.char(i) end
    world(nil, function(w)
      local acme = w:customer { version = "5.0" }
      local fields = {
        command = "submit_sm", service_type = "CMT", source_addr_ton = 5, source_addr = "Shop", dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491",
        esm_class = 0x40, protocol_id = 7, priority_flag = 2, schedule_delivery_time = "251231235959000+", validity_period = "000001000000000R",
        registered_delivery = 1, replace_if_present_flag = 1, data_coding = 4, sm_default_msg_id = 3, short_message = table.concat(octets),
        tlvs = { { 0x1401, "\0\1" }, { 0x0204, "\1\2" }, { 0x1400, "x" }, { 0x1401, "again" }, { 0x3FFF, "" } },
      }
      local pdu = assert(smpp.decode(assert(smpp.encode(fields))))
      assert.truthy(acme:submit_sm(pdu))
      assert.equal(pdu:octets():sub(17), w.carriers[1].got[1]:octets():sub(17))
      fields = { command = "data_sm", destination_addr = "491", message_payload = ("x"):rep(1000), tlvs = { { 0x1403, "1" } } }
      pdu = assert(smpp.decode(assert(smpp.encode(fields))))
      assert.truthy(acme:data_sm(pdu))
      assert.equal(pdu:octets():sub(17), w.carriers[1].got[2]:octets():sub(17))
    end, { server = { version = "5.0" } })
  end)

  it("changes what rules set, and no more", function()
    world(support.FILE:gsub("route.*", [[
      route { set = { source_addr = "777", source_addr_ton = "network_specific", user_message_reference = 5 } }
      route { via = "a" }
    ]]), function(w)
      local acme = w:customer()
      assert.truthy(submit(acme, { source_addr = "Shop", source_addr_ton = 5, tlvs = { { 0x1400, "keep" } } }))
      local got = w.carriers[1].got[1]
      assert.same({ "777", 3, "491", 5, "keep" }, { got.source_addr, got.source_addr_ton, got.destination_addr, got.user_message_reference, got:tlv(0x1400) })
    end)
  end)

  it("refuses what rules reject or do not match, and takes what they drop", function()
    world(support.FILE:gsub("route.*", [[
      route { to = "1", reject = "ESME_RX_R_APPN" }
      route { to = "2", drop = true }
      route { to = "3", via = "a" }
    ]]), function(w)
      local acme = w:customer()
      assert.equal("ESME_RX_R_APPN", select(2, submit(acme, { destination_addr = "1" })))
      assert.truthy(submit(acme, { destination_addr = "2" }))
      assert.equal("ESME_RINVDSTADR", select(2, submit(acme, { destination_addr = "4" })))
      assert.equal(0, #w.carriers[1].got + #w.carriers[2].got)
      assert.same({ "acme" }, w:logged("unmatched", "account"))
      assert.same({ drop = { acme = 1 }, refused = { acme = 2 } }, w.gateway:stats().counts)
    end)
  end)

  it("delivers messages to an account, as a deliver_sm", function()
    world(support.FILE:gsub("route.*", "route { to = '9', deliver = 'bank' }\nroute { via = 'a' }"), function(w)
      local acme, bank = w:customer(), w:customer { url = "smpp://bank:hidden@localhost:2775" }
      assert.truthy(submit(acme, { destination_addr = "9", esm_class = 0x43, short_message = "\0x", tlvs = { { 0x1400, "y" } } }))
      smpp.sleep(0.1)
      local got = bank.got[1]
      assert.same({ "deliver_sm", "12345", "9", 0x40, "\0x", "y" }, { got.command, got.source_addr, got.destination_addr, got.esm_class, got.short_message, got:tlv(0x1400) })
    end)
  end)

  it("sends copies, whose answers count for nothing", function()
    world(support.FILE:gsub("route.*", "route { copy = 'b' }\nroute { via = 'a' }"), function(w)
      local acme = w:customer()
      w.carriers[2].answer = refuses "ESME_RINVDSTADR"
      assert.truthy(submit(acme, { registered_delivery = 1 }))
      smpp.sleep(0.1)
      assert.same({ 1, 1, 1, 0 }, { #w.carriers[1].got, #w.carriers[2].got, w.carriers[1].got[1].registered_delivery, w.carriers[2].got[1].registered_delivery })
    end)
  end)

  it("decides each destination of a submit_multi by itself", function()
    world(support.FILE:gsub("route.*", [[
      route { to = prefix "49", via = "a" }
      route { to = prefix "44", via = "b", set = { protocol_id = 9 } }
      route { to = "7", reject = "ESME_RX_R_APPN" }
    ]]), function(w)
      local acme = w:customer()
      local function dest(address) return { dest_flag = 1, dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = address } end
      local response = assert(acme:submit_multi {
        source_addr = "12345", short_message = "Hi", registered_delivery = 1, dest_address = { dest "491", dest "441", dest "7", dest "33", dest "492" },
      })
      assert.same({ 2, 1 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.same({ "submit_sm", "441", "Hi", 9 }, { w.carriers[2].got[1].command, w.carriers[2].got[1].destination_addr, w.carriers[2].got[1].short_message, w.carriers[2].got[1].protocol_id })
      local refused = {}
      for i, one in ipairs(response.unsuccess_sme) do refused[i] = one.destination_addr .. " " .. smpp.status(one.error_status_code).name end
      assert.same({ "7 ESME_RX_R_APPN", "33 ESME_RINVDSTADR" }, refused)
      w:receipt(2, "b-1", { from = "441" })
      w:receipt(1, "a-2", { from = "492" })
      smpp.sleep(0.5)
      local from = { [acme.got[1].source_addr] = true, [acme.got[2].source_addr] = true }
      assert.same({ ["441"] = true, ["492"] = true }, from)
      assert.equal(response.message_id, acme.got[1].receipted_message_id or acme.got[1].short_message:match "id:(%S+)")
      local _, _, code = acme:submit_multi { short_message = "Hi", dest_address = { { dest_flag = 2, dl_name = "friends" } } }
      assert.equal("ESME_RINVDLNAME", code)
    end)
  end)

  it("has no receipt to wait for from a carrier that refused the first part", function()
    world([[
      gateway { remember_s = 300 }
      listen { port = 2775, accounts = { acme = "secret" } }
      carrier "a" { "smpp://me:x@localhost:2001", long = "concat_8bit" }
      carrier "b" { "smpp://me:x@localhost:2002", long = "sar" }
      route { via = failover { "a", "b" } }
    ]], function(w)
      local acme = w:customer()
      assert.truthy(submit(acme, { short_message = "", message_payload = ("Hello world. "):rep(30), registered_delivery = 1 }))
      assert.same({ 1, 3 }, { #w.carriers[1].got, #w.carriers[2].got })
      for i = 1, 3 do w:receipt(2, "b-" .. i) end
      smpp.sleep(600)
      assert.equal(1, #acme.got)
      assert.same({}, w:logged "no_receipt")
    end, { carriers = { function() return nil, "ESME_RSYSERR" end } })
  end)

  it("cuts a long text where the carrier says so, and gives one receipt for it", function()
    world([[
      listen { port = 2775, accounts = { acme = "secret" } }
      carrier "a" { "smpp://me:x@localhost:2001", long = "concat_8bit" }
      route { via = "a" }
    ]], function(w)
      local acme = w:customer()
      local words = ("Hello world. "):rep(30)
      local id = submit(acme, { short_message = "", message_payload = words, registered_delivery = 1 })
      assert.equal(3, #w.carriers[1].got)
      local joined = {}
      for i, pdu in ipairs(w.carriers[1].got) do
        assert.equal(0x40, pdu.esm_class)
        assert.is_nil(pdu.message_payload)
        joined[i] = (smpp.text.read(pdu))
      end
      assert.equal(words, table.concat(joined))
      for i = 1, 3 do
        w:receipt(1, "a-" .. i)
        smpp.sleep(0.2)
        assert.equal(i == 3 and 1 or 0, #acme.got)
      end
      assert.truthy(acme.got[1].short_message:find("id:" .. id, 1, true))
      assert.truthy(submit(acme, { short_message = "", message_payload = "short" }))
      assert.equal("short", w.carriers[1].got[4].message_payload)
    end, { count = 1 })
  end)

  it("asks for receipts that nobody wants where the carrier says so, and keeps them", function()
    world([[
      listen { port = 2775, accounts = { acme = "secret" } }
      carrier "a" { "smpp://me:x@localhost:2001", receipts = "always" }
      route { via = "a" }
    ]], function(w)
      local acme = w:customer()
      submit(acme)
      assert.equal(1, w.carriers[1].got[1].registered_delivery)
      w:receipt(1, "a-1")
      smpp.sleep(0.5)
      assert.equal(0, #acme.got)
      assert.equal(1, w.gateway:stats().counts.receipts.a)
      submit(acme, { registered_delivery = 2 })
      assert.equal(2, w.carriers[1].got[2].registered_delivery)
    end, { count = 1 })
  end)

  it("says why a message cannot be made as rules want it, and answers ESME_RSYSERR", function()
    world(support.FILE:gsub("route.*", "route { set = { short_message = function() return ('x'):rep(300) end }, via = 'a' }"), function(w)
      assert.equal("ESME_RSYSERR", select(2, submit(w:customer())))
      assert.equal(1, #w:logged "not_sent")
    end)
  end)

  it("keeps none of a rule's changes for the next message", function()
    world(support.FILE:gsub("route.*", "route { to = '1', set = { protocol_id = 1 } }\nroute { via = 'a' }"), function(w)
      local acme = w:customer()
      submit(acme, { destination_addr = "1" })
      submit(acme, { destination_addr = "2" })
      assert.same({ 1, 0 }, { w.carriers[1].got[1].protocol_id, w.carriers[1].got[2].protocol_id })
    end)
  end)

  it("asks each message anew what it is", function()
    world(support.FILE:gsub("route.*", [[
      route { from = "12345", text = "[02468]$", tag = "even" }
      route { tagged = "even", via = "b" }
      route { from = "777", set = { source_addr = "888" }, encoding = "ucs2" }
      route { via = "a" }
    ]]), function(w)
      local acme = w:customer()
      for i = 1, 60 do
        local from = ({ "12345", "777", "1", "2", "3" })[i % 5 + 1]
        local at = from == "12345" and i % 2 == 0 and 2 or 1
        local before = #w.carriers[at].got
        assert.truthy(submit(acme, { source_addr = from, short_message = "text " .. i }))
        local got = w.carriers[at].got[before + 1]
        assert.equal(from == "777" and "888" or from, got.source_addr)
        assert.equal(from == "777" and 8 or 0, got.data_coding)
        if from ~= "777" then assert.equal("text " .. i, got.short_message) end
      end
    end)
  end)

  -- What has been taken at the first attempt is spent: its memory serves other PDUs, of the gateway and of the programs in this spec.
  it("uses no PDU again that somebody has: whatever carriers do, each message is its own to the end", function()
    local KEEPS = [[
local seen = {}
local function keep(msg)
  seen[#seen + 1] = { msg.pdu, msg.pdu.short_message }
  for _, one in ipairs(seen) do assert(one[1].short_message == one[2], "another PDU") end
  return false
end
]]
    local function with(rule) return (support.FILE:gsub("route.*", KEEPS .. "route { " .. rule .. " }\n%0")) end
    local FILES = {
      support.FILE, with "copy = 'b'", with "call = keep", with "when = keep, drop = true",
      with "set = { protocol_id = function(msg) keep(msg) return 5 end }", with "set = { protocol_id = 5 }",
      (support.FILE:gsub('"smpp://[^}]*', '%0, window = 3, receipts = "always"')),
    }
    property.holds(25, function(random, case)
      local text = FILES[random(#FILES)]
      case.text = text
      local function answer(one)
        return function(_, pdu, n)
          local octets, what = pdu:octets(), random(8)
          table.insert(one.texts, pdu.short_message .. " " .. pdu.destination_addr)
          if what == 2 then smpp.sleep(random(5)) end
          if what == 3 then return nil, "ESME_RSYSERR" end
          if what == 4 then return nil, "ESME_RINVDSTADR" end
          if what == 5 and random(6) == 1 then smpp.sleep(40) end
          if what == 6 then smpp.sleep(0.01) end
          assert.equal(octets, pdu:octets())
          local id = one.name .. n
          one.ids[id] = pdu.short_message
          return id
        end
      end
      world(text, function(w)
        for i = 1, 2 do
          w.carriers[i].texts, w.carriers[i].ids = {}, {}
          w.carriers[i].answer = answer(w.carriers[i])
        end
        local customers, taken, open, count = { w:customer(), w:customer { "smpp://bank:hidden@localhost:2775" } }, {}, 0, 10 + random(40)
        local function send(i)
          local to = tostring(1000 + i)
          local id, code, response = submit(customers[i % 2 + 1], { short_message = "text " .. i, destination_addr = to, registered_delivery = i % 3 == 0 and 1 or 0 })
          taken[i] = { to = to, id = id, response = response, code = code }
          open = open - 1
        end
        for i = 1, count do
          open = open + 1
          smpp.spawn(send, i)
          if random(4) == 1 then smpp.sleep(random(3) / 10) end
        end
        while open > 0 do smpp.sleep(1) end
        local seen = {}
        for i, one in ipairs(taken) do
          if one.id then
            assert.is_nil(seen[one.id])
            seen[one.id] = true
            assert.equal(one.id, one.response.message_id)
            local place = assert(w.gateway.ids:get(one.id))
            local carrier = place.carrier == "a" and w.carriers[1] or w.carriers[2]
            assert.equal("text " .. i, carrier.ids[place.carrier_id])
            assert.same({ i % 2 == 0 and "acme" or "bank", "12345" }, { place.account, place.source })
          end
        end
        for i = 1, 2 do
          for n, pdu in ipairs(w.carriers[i].got) do
            local number = pdu.short_message:match "^text (%d+)$"
            assert.equal(w.carriers[i].texts[n], pdu.short_message .. " " .. pdu.destination_addr)
            assert.equal(("%d"):format(1000 + tonumber(number)), pdu.destination_addr:sub(1, 4))
          end
        end
        assert.same({}, w:logged "rule_failed")
      end)
    end)
  end)
end)
