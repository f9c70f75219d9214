local cluster = require "spec.support.cluster"
local codec = require "smpp.codec"
local route = require "smpp.route"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local submit = support.submit

local RULES = [[
gateway { unknown_receipts = true, remember_s = 60 }
route { via = failover { "a", "b" }, through = true }
]]
local FILE = cluster.FILE:gsub("route.*", RULES)

local function text_of(list)
  local out = {}
  for i, pdu in ipairs(list) do out[i] = pdu.short_message:match "stat:(%S+)" end
  return out
end

--- A receipt that reaches a node, at its bind to a carrier: the code of its refusal.
local function tell(w, name, id, stat)
  local sessions = w.carriers[1].server.sessions
  assert.truthy(w.gateways[name].by_name.a:available())
  local _, _, status = sessions[#sessions]:deliver_sm {
    source_addr = "491", destination_addr = "12345", esm_class = 4, short_message = ("id:%s stat:%s err:000 text:Hi"):format(id, stat or "DELIVRD"),
  }
  return status
end

--- Node b alone gets what carrier a sends.
local function hand_over(w)
  w:crash "a"
  smpp.sleep(8)
end

local function run(fn, o) cluster.run(o and o.text or FILE, fn, o) end

describe("smpp.gateway.through", function()
  it("finds the customer of a receipt at another node than the one that sent the message, once", function()
    run(function(w)
      local acme = w:customer_of "a"
      local id = assert(submit(acme, { registered_delivery = 1 }))
      hand_over(w)
      local other = w:customer_of "b"
      assert.is_nil(tell(w, "b", "a-1"))
      assert.is_nil(tell(w, "b", "a-1"))
      assert.is_nil(tell(w, "b", "a-1", "UNDELIV"))
      smpp.sleep(1)
      assert.same({ "DELIVRD" }, text_of(other.got))
      assert.equal(id, other.got[1].short_message:match "id:(%S+)")
      assert.same({}, w:logged "unknown_receipt")
      assert.same({}, w:logged "failed")
    end)
  end)

  it("tells each state on the way, and nothing that nobody asked for", function()
    run(function(w)
      local acme = w:customer_of "a"
      assert(submit(acme, { registered_delivery = 17 }))
      assert(submit(acme, { registered_delivery = 2 }))
      hand_over(w)
      local other = w:customer_of "b"
      for _, stat in ipairs { "ENROUTE", "DELIVRD" } do assert.is_nil(tell(w, "b", "a-1", stat)) end
      assert.is_nil(tell(w, "b", "a-2"))
      smpp.sleep(1)
      assert.same({ "ENROUTE", "DELIVRD" }, text_of(other.got))
    end)
  end)

  it("gives one receipt for a message that was cut, when the last of its parts is delivered", function()
    run(function(w)
      local acme = w:customer_of "a"
      assert(submit(acme, { registered_delivery = 1, message_payload = ("x"):rep(400), short_message = "" }))
      assert.equal(3, #w.carriers[1].got)
      hand_over(w)
      local other = w:customer_of "b"
      for _, id in ipairs { "a-3", "a-1" } do assert.is_nil(tell(w, "b", id)) end
      smpp.sleep(1)
      assert.same({}, text_of(other.got))
      assert.is_nil(tell(w, "b", "a-2"))
      smpp.sleep(1)
      assert.same({ "DELIVRD" }, text_of(other.got))
    end, { text = FILE:gsub('%"a" { "smpp', '"a" { long = "concat_8bit", "smpp') })
  end)

  it("ends what was told to have failed, though a carrier has a part of it", function()
    local text = FILE:gsub('%"a" { "smpp', '"a" { long = "concat_8bit", "smpp')
    run(function(w)
      w.carriers[1].answer = function(_, _, n)
        if n > 1 then return nil, "ESME_RINVDSTADR" end
        return "a-1"
      end
      local acme = w:customer_of "a"
      assert.equal("ESME_RSUBMITFAIL", select(2, submit(acme, { registered_delivery = 1, message_payload = ("x"):rep(400), short_message = "" })))
      hand_over(w)
      local other = w:customer_of "b"
      assert.is_nil(tell(w, "b", "a-1"))
      smpp.sleep(1)
      assert.same({}, text_of(other.got))
    end, { text = text })
  end)

  it("waits with a receipt that is faster than what the engine was told", function()
    run(function(w)
      w.carriers[1].answer = function()
        smpp.spawn(function() w:receipt(1, "early") end)
        smpp.sleep(0.3)
        return "early"
      end
      local acme = w:customer_of "a"
      assert(submit(acme, { registered_delivery = 1 }))
      smpp.sleep(3)
      assert.same({ "DELIVRD" }, text_of(acme.got))
    end)
  end)

  it("passes query_sm on from any node, for its account alone", function()
    run(function(w)
      local acme, other, bank = w:customer_of "a", w:customer_of "b", w:customer_of("b", { as = "bank:hidden" })
      local id = assert(submit(acme))
      w.carriers[1].answer = function(_, pdu) return { message_id = pdu.message_id, message_state = 1, final_date = "", error_code = 7 } end
      assert.equal(7, assert(other:query_sm { message_id = id, source_addr = "12345" }).error_code)
      assert.equal("a-1", w.carriers[1].got[2].message_id)
      assert.equal("ESME_RINVMSGID", select(3, bank:query_sm { message_id = id, source_addr = "12345" }))
      assert.equal("ESME_RINVMSGID", select(3, other:query_sm { message_id = "nothing", source_addr = "12345" }))
    end, { text = FILE:gsub('%"a" { "smpp', '"a" { binds = 2, "smpp') })
  end)

  it("tells each destination of a submit_multi", function()
    run(function(w)
      local acme = w:customer_of "a"
      assert(acme:submit_multi { source_addr = "12345", short_message = "Hi", registered_delivery = 1, dest_address = {
        { dest_flag = 1, destination_addr = "491" }, { dest_flag = 1, destination_addr = "492" },
      } })
      hand_over(w)
      local other = w:customer_of "b"
      for i = 1, 2 do assert.is_nil(tell(w, "b", "a-" .. i, i == 1 and "DELIVRD" or "UNDELIV")) end
      smpp.sleep(1)
      assert.same({ "DELIVRD", "UNDELIV" }, text_of(other.got))
      assert.same({ "491", "492" }, { other.got[1].source_addr, other.got[2].source_addr })
    end)
  end)

  it("tells what came by HTTP, when its record is there, and no bind", function()
    run(function(w)
      local octets = assert(codec.encode {
        command = "submit_sm", source_addr = "12345", destination_addr = "491", short_message = "Hi", registered_delivery = 1,
      })
      local msg = route.message { account = "acme", bind = "http", pdu = codec.decode(octets), id = "h1", http = { id = "h1" } }
      assert.equal("h1", w.gateways.a.forward:take({ version = 0x34 }, msg))
      hand_over(w)
      local other, told, is_kept = w:customer_of "b", {}, false
      w.gateways.b.http = { book = { shared_receipt = function(_, id, part_id, receipt)
        told[#told + 1] = table.concat({ id, part_id, receipt.state }, " ")
        return is_kept or nil
      end } }
      assert.equal("ESME_RX_T_APPN", tell(w, "b", "a-1"))
      is_kept = true
      assert.is_nil(tell(w, "b", "a-1"))
      assert.is_nil(tell(w, "b", "a-1"))
      w.gateways.b.http = nil
      smpp.sleep(1)
      assert.same({ { "h1 h1 DELIVERED", "h1 h1 DELIVERED" }, {} }, { told, text_of(other.got) })
    end)
  end)

  it("gives up a receipt that does not come", function()
    run(function(w)
      local acme = w:customer_of "a"
      assert(submit(acme, { registered_delivery = 1 }))
      assert(submit(acme))
      smpp.sleep(130)
      assert.same({ "UNKNOWN" }, text_of(acme.got))
      assert.equal(1, #w:logged "no_receipt")
      assert.is_nil((stores.get(w.gateways.a.store, "id", "a\0ia-1")))
    end)
  end)

  it("refuses messages while the engine is away, and answers what the carrier has taken meanwhile", function()
    run(function(w)
      local acme = w:customer_of "a"
      w.carriers[1].answer = function()
        w.engine.close()
        return "taken"
      end
      local since = w.loop:now()
      assert.truthy(submit(acme, { registered_delivery = 1 }))
      assert.is_true(w.loop:now() - since <= 3)
      assert.equal("ESME_RSYSERR", select(2, submit(acme)))
      assert.equal(1, #w.carriers[1].got)
    end, { names = { "a" } })
  end)
end)
