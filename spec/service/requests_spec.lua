local mc = require "spec.support.mc"
local property = require "spec.support.property"
local simulator = require "smpp.simulator"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local function submit(fields)
  local pdu = { source_addr = "1234", destination_addr = "491761234567", dest_addr_ton = 1, short_message = "Hello World" }
  for name, value in pairs(fields or {}) do pdu[name] = value end
  return pdu
end

--- A simulator and an ESME, and no error.
local function with(options, fn, bind) mc.simulated(options, fn, bind, { no_errors = true }) end

local function status_of(_, _, code) return code end

local YEAR = "231114" -- the virtual loop starts on 2023-11-14 22:13:20 UTC

describe("smpp.service.requests: the simulator", function()
  it("gives ids and sends a receipt after a second", function()
    with({}, function(w, sim, esme, got)
      assert.equal("1", esme:submit_sm(submit { registered_delivery = 1, user_message_reference = 77 }).message_id)
      assert.equal("2", esme:submit_sm(submit()).message_id)
      w:sleep(0.9)
      assert.equal(0, #got)
      w:sleep(0.2)
      assert.equal(1, #got)
      local pdu = got[1]
      assert.equal(4, pdu.esm_class)
      assert.equal("491761234567", pdu.source_addr)
      assert.equal(1, pdu.source_addr_ton)
      assert.equal("1234", pdu.destination_addr)
      assert.equal("id:1 sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:DELIVRD err:000 text:Hello World", pdu.short_message)
      assert.equal("1", pdu.receipted_message_id)
      assert.equal(2, pdu.message_state)
      assert.equal(77, pdu.user_message_reference)
      assert.equal(2, sim.counts.messages)
      assert.equal(1, sim.counts.receipts)
    end)
  end)

  it("keeps the same of a message and sends the same receipt whether or not somebody looks at its messages", function()
    property.holds(60, function(random, case)
      local list, results = {}, {}
      for i = 1, random(4) do
        local text = {}
        for j = 1, random(30) do text[j] = string.char(random(256) - 1) end
        list[i] = submit {
          service_type = ({ "", "CMT" })[random(2)], source_addr_ton = random(3) - 1, registered_delivery = ({ 0, 1, 0x11, 2 })[random(4)],
          esm_class = ({ 0, 0x40, 3, 2 })[random(4)], data_coding = ({ 0, 8, 3, 4, 0xF1 })[random(5)], priority_flag = random(4) - 1,
          protocol_id = random(256) - 1, replace_if_present_flag = random(2) - 1, short_message = table.concat(text),
          user_message_reference = ({ nil, 7 })[random(2)], ussd_service_op = ({ nil, 2 })[random(2)],
          validity_period = ({ "", "000000000010000R" })[random(2)], schedule_delivery_time = ({ "", "000000000005000R" })[random(2)],
        }
        if random(4) == 1 then list[i].message_payload, list[i].short_message = list[i].short_message, nil end
      end
      case.list = list
      for i, is_seen in ipairs { false, true } do
        with({ deliver_after_s = 2, checks = { digits = false } }, function(w, sim, esme, got)
          if is_seen then
            for _, name in ipairs { "message", "final" } do sim:on(name, function() end) end
          end
          for _, fields in ipairs(list) do esme:submit_sm(fields, function() end) end
          w:sleep(1)
          local open = sim:messages()
          w:sleep(20)
          local receipts = {}
          for j, pdu in ipairs(got) do receipts[j] = pdu:octets():sub(17) end
          results[i] = { open, sim:messages(), receipts, sim.states }
        end)
      end
      assert.same(results[2], results[1])
      assert.equal(#list, #results[1][2])
    end)
  end)

  it("answers a message that asks for a reply from its destination, also without a receipt and with nobody looking", function()
    with({}, function(w, _, esme, got)
      esme:submit_sm(submit { short_message = "sim: reply hello" })
      w:sleep(2)
      assert.equal(1, #got)
      assert.same({ "491761234567", "1234", "hello" }, { got[1].source_addr, got[1].destination_addr, got[1].short_message })
    end)
  end)

  it("counts ids from where it is told, behind a prefix", function()
    with({ message_id_prefix = "A-", first_message_id = 99 }, function(_, _, esme)
      assert.equal("A-99", esme:submit_sm(submit()).message_id)
      assert.equal("A-100", esme:data_sm({ destination_addr = "491761234567", message_payload = "x" }).message_id)
    end)
  end)

  it("sends a 3.3 ESME receipts without TLVs", function()
    with({}, function(w, _, esme, got)
      esme:submit_sm(submit { registered_delivery = 1 })
      w:sleep(2)
      assert.is_nil(got[1]) -- a transmitter
      local rx = w:bind { type = "receiver", interface_version = 0x33, deliver_sm = function(_, pdu) table.insert(got, pdu) end }
      assert.equal("BOUND_RX", rx.state)
      w:sleep(1)
      assert.matches("^id:1 ", got[1].short_message)
      assert.equal(0, #got[1]:tlvs())
    end, { type = "transmitter", interface_version = 0x33 })
  end)

  it("heeds registered_delivery, every value of it, for each outcome", function()
    local NUMBER = { DELIVERED = 2, UNDELIVERABLE = 5, EXPIRED = 3, DELETED = 4, ACCEPTED = 6, UNKNOWN = 7, REJECTED = 8, SKIPPED = 9 }
    for state, number in pairs(NUMBER) do
      with({ outcomes = { [state] = 1 }, version = "5.0" }, function(w, _, esme, got)
        for flag = 0, 31 do
          assert(esme:submit_sm(submit { registered_delivery = flag }))
          w:sleep(3)
          local which = flag % 4 -- bits 1-0: 1 any final state, 2 failure, 3 success; 3-2 ask the destination; 4 on the way
          local wanted = {}
          if flag >= 16 then wanted[1] = 1 end
          if which == 1 or which == 2 and state ~= "DELIVERED" or which == 3 and state == "DELIVERED" then wanted[#wanted + 1] = number end
          for i, pdu in ipairs(got) do
            assert.equal(pdu.message_state == 1 and 0x20 or 0x04, pdu.esm_class)
            if pdu.message_state == 1 then assert.matches("stat:ENROUTE", pdu.short_message) end
            got[i] = pdu.message_state
          end
          assert.same(wanted, got, ("%s 0x%02X"):format(state, flag))
          for i = #got, 1, -1 do got[i] = nil end
        end
      end, { interface_version = 0x50, version = 0x50 })
    end
  end)

  it("sends receipts for what came in a data_sm and a submit_multi, too", function()
    with({}, function(w, _, esme, got)
      assert(esme:data_sm { source_addr = "1234", destination_addr = "4900", registered_delivery = 0x11, message_payload = "x" })
      w:sleep(3)
      assert.same({ 1, 2 }, { got[1].message_state, got[2].message_state })
      assert(esme:submit_multi { source_addr = "1234", registered_delivery = 2, short_message = "x", dest_address = { { destination_addr = "1" } } })
      w:sleep(3)
      assert.equal(2, #got)
    end)
  end)

  it("lets messages of a higher priority go first where several are due", function()
    with({}, function(w, sim, esme, got)
      local final = {}
      sim:on("final", function(message) final[#final + 1] = message.priority_flag .. message.octets end)
      local function send(priority, text)
        esme:submit_sm(submit {
          priority_flag = priority, short_message = text, registered_delivery = 1, schedule_delivery_time = YEAR .. "221420000+",
        }, function() end)
      end
      for i, priority in ipairs { 0, 3, 1, 0, 3, 2 } do send(priority, tostring(i)) end
      w:sleep(70)
      assert.same({ "32", "35", "26", "13", "01", "04" }, final)
      assert.matches("text:2$", got[1].short_message)
      assert.matches("text:4$", got[6].short_message)
    end)
  end)

  describe("asked with query_sm", function()
    it("tells the state, and the date when it is final", function()
      with({ deliver_after_s = 10 }, function(w, _, esme)
        local id = esme:submit_sm(submit()).message_id
        local answer = esme:query_sm { message_id = id, source_addr = "1234" }
        assert.same({ id, 1, "", 0 }, { answer.message_id, answer.message_state, answer.final_date, answer.error_code })
        w:sleep(11)
        answer = esme:query_sm { message_id = id, source_addr = "1234" }
        assert.same({ 2, "231114221330000+" }, { answer.message_state, answer.final_date })
      end)
    end)

    it("knows neither strange ids nor other accounts' messages", function()
      with({}, function(w, _, esme)
        local id = esme:submit_sm(submit()).message_id
        local other = w:bind { system_id = "other" }
        assert.equal("ESME_RINVMSGID", status_of(esme:query_sm { message_id = "99", source_addr = "1234" }))
        assert.equal("ESME_RINVMSGID", status_of(other:query_sm { message_id = id, source_addr = "1234" }))
        assert.equal("ESME_RQUERYFAIL", status_of(esme:query_sm { message_id = id, source_addr = "999" }))
      end)
    end)
  end)

  describe("asked with cancel_sm", function()
    it("deletes one message, with its receipt, and only once", function()
      with({}, function(w, _, esme, got)
        local id = esme:submit_sm(submit { registered_delivery = 1 }).message_id
        assert.is_truthy(esme:cancel_sm { message_id = id, source_addr = "1234" })
        w:sleep(2)
        assert.equal(1, #got)
        assert.equal(4, got[1].message_state)
        assert.matches("stat:DELETED", got[1].short_message)
        assert.equal(4, esme:query_sm({ message_id = id, source_addr = "1234" }).message_state)
        assert.equal("ESME_RCANCELFAIL", status_of(esme:cancel_sm { message_id = id, source_addr = "1234" }))
      end)
    end)

    it("fails for delivered and strange ones", function()
      with({}, function(w, _, esme)
        local id = esme:submit_sm(submit()).message_id
        assert.equal("ESME_RCANCELFAIL", status_of(esme:cancel_sm { message_id = id, source_addr = "9" }))
        assert.equal("ESME_RCANCELFAIL", status_of(esme:cancel_sm { message_id = id, source_addr = "1234", destination_addr = "5" }))
        assert.equal("ESME_RINVMSGID", status_of(esme:cancel_sm { message_id = "nope", source_addr = "1234" }))
        w:sleep(2)
        assert.equal("ESME_RCANCELFAIL", status_of(esme:cancel_sm { message_id = id, source_addr = "1234" }))
      end)
    end)

    it("deletes a scheduled one, and nobody else's", function()
      with({}, function(w, _, esme)
        local id = esme:submit_sm(submit { schedule_delivery_time = "000000000100000R" }).message_id
        local other = w:bind { system_id = "other" }
        assert.equal("ESME_RINVMSGID", status_of(other:cancel_sm { message_id = id, source_addr = "1234" }))
        assert.equal("ESME_RCANCELFAIL", status_of(other:cancel_sm { source_addr = "1234", destination_addr = "491761234567" }))
        assert.equal("ESME_RINVMSGID", status_of(other:replace_sm { message_id = id, source_addr = "1234", short_message = "x" }))
        assert.equal("ESME_RREPLACEFAIL", status_of(esme:replace_sm { message_id = id, source_addr = "9", short_message = "x" }))
        assert.equal(0, esme:query_sm({ message_id = id, source_addr = "1234" }).message_state)
        assert.is_truthy(esme:cancel_sm { message_id = id, source_addr = "1234" })
        w:sleep(100)
        assert.equal(4, esme:query_sm({ message_id = id, source_addr = "1234" }).message_state)
      end)
    end)

    it("deletes all between two addresses, of a service_type or of any", function()
      with({ deliver_after_s = 60 }, function(_, _, esme)
        local ids = {}
        for i, service in ipairs { "", "CMT", "CMT", "VMN" } do ids[i] = esme:submit_sm(submit { service_type = service }).message_id end
        local elsewhere = esme:submit_sm(submit { destination_addr = "4900" }).message_id
        local between = { source_addr = "1234", destination_addr = "491761234567", dest_addr_ton = 1, service_type = "CMT" }
        assert.is_truthy(esme:cancel_sm(between))
        local function state(id) return esme:query_sm({ message_id = id, source_addr = "1234" }).message_state end
        assert.same({ 1, 4, 4, 1, 1 }, { state(ids[1]), state(ids[2]), state(ids[3]), state(ids[4]), state(elsewhere) })
        assert.equal("ESME_RCANCELFAIL", status_of(esme:cancel_sm(between)))
        between.service_type = ""
        assert.is_truthy(esme:cancel_sm(between))
        assert.same({ 4, 4, 1 }, { state(ids[1]), state(ids[4]), state(elsewhere) })
      end)
    end)
  end)

  describe("asked with replace_sm", function()
    it("replaces text and registered_delivery", function()
      with({ deliver_after_s = 5 }, function(w, _, esme, got)
        local id = esme:submit_sm(submit()).message_id
        assert.is_truthy(esme:replace_sm { message_id = id, source_addr = "1234", registered_delivery = 1, short_message = "Other" })
        w:sleep(6)
        assert.matches("text:Other$", got[1].short_message)
        assert.equal("ESME_RREPLACEFAIL", status_of(esme:replace_sm { message_id = id, source_addr = "1234", short_message = "x" }))
        assert.equal("ESME_RINVMSGID", status_of(esme:replace_sm { message_id = "9", source_addr = "1234", short_message = "x" }))
      end)
    end)

    it("replaces the schedule, and keeps it where none is given", function()
      with({}, function(w, _, esme)
        local id = esme:submit_sm(submit { schedule_delivery_time = "000000000010000R" }).message_id
        local function state() return esme:query_sm({ message_id = id, source_addr = "1234" }).message_state end
        assert.is_truthy(esme:replace_sm { message_id = id, source_addr = "1234", short_message = "x" })
        assert.equal(0, state())
        assert.is_truthy(esme:replace_sm {
          message_id = id, source_addr = "1234", short_message = "x", schedule_delivery_time = "000000000100000R",
        })
        w:sleep(30)
        assert.equal(0, state())
        w:sleep(31)
        assert.equal(2, state())
        assert.equal("ESME_RINVSCHED", status_of(esme:replace_sm { message_id = esme:submit_sm(submit()).message_id, source_addr = "1234", schedule_delivery_time = "231314221420000+" }))
      end)
    end)
  end)

  it("replaces what is present", function()
    with({ deliver_after_s = 5 }, function(w, sim, esme, got)
      local first = esme:submit_sm(submit { registered_delivery = 1 }).message_id
      local other = esme:submit_sm(submit { registered_delivery = 1, service_type = "CMT" }).message_id
      local second = esme:submit_sm(submit { registered_delivery = 1, replace_if_present_flag = 1 }).message_id
      w:sleep(6)
      assert.same({ other, second }, { got[1].receipted_message_id, got[2].receipted_message_id })
      assert.equal("DELETED", sim:messages({ id = first })[1].state)
    end)
  end)

  it("replaces what is present for each destination of a submit_multi, and nothing when the new one is refused", function()
    with({ deliver_after_s = 5, queue_size = 4 }, function(_, sim, esme)
      local function multi(flag, ...)
        local to = {}
        for i, number in ipairs { ... } do to[i] = { destination_addr = number } end
        return esme:submit_multi { source_addr = "1", short_message = "x", replace_if_present_flag = flag, dest_address = to }
      end
      local function state(key) return sim:messages({ key = key })[1].state end
      multi(0, "4900", "4911")
      assert.same({}, multi(1, "4911", "4922").unsuccess_sme)
      assert.same({ "ENROUTE", "DELETED", "ENROUTE", "ENROUTE" }, { state "1", state "1/2", state "2", state "2/2" })
      esme:submit_sm { source_addr = "1", destination_addr = "4933" }
      assert.equal("ESME_RMSGQFUL", status_of(esme:submit_sm { source_addr = "1", destination_addr = "4900", replace_if_present_flag = 1 }))
      assert.equal("ENROUTE", state "1")
    end)
  end)

  it("counts a validity_period from now, one that is not given from the schedule, and heeds the new ones of replace_sm", function()
    with({ validity_s = 60, deliver_after_s = 1000 }, function(w, _, esme)
      local function state(id) return esme:query_sm({ message_id = id, source_addr = "1234" }).message_state end
      local plain = esme:submit_sm(submit()).message_id
      local later = esme:submit_sm(submit { schedule_delivery_time = "000000000130000R" }).message_id
      local late = esme:submit_sm(submit { schedule_delivery_time = "000000000130000R", validity_period = "000000000140000R" }).message_id
      local put_off = esme:submit_sm(submit { schedule_delivery_time = "000000000030000R", validity_period = "000000000040000R" }).message_id
      assert.is_truthy(esme:replace_sm { message_id = put_off, source_addr = "1234", schedule_delivery_time = "000000000300000R", short_message = "x" })
      w:sleep(39)
      assert.same({ 1, 0, 0, 0 }, { state(plain), state(later), state(late), state(put_off) })
      w:sleep(2)
      assert.equal(3, state(put_off)) -- its validity ended first
      w:sleep(20)
      assert.equal(3, state(plain))
      w:sleep(30)
      assert.same({ 1, 1 }, { state(later), state(late) })
      w:sleep(10)
      assert.same({ 1, 3 }, { state(later), state(late) })
      w:sleep(50)
      assert.equal(3, state(later))
    end)
  end)

  it("keeps scheduled messages back and expires those whose validity ends first", function()
    with({}, function(w, _, esme, got)
      local id = esme:submit_sm(submit { registered_delivery = 1, schedule_delivery_time = YEAR .. "221420000+" }).message_id
      local function state() return esme:query_sm({ message_id = id, source_addr = "1234" }).message_state end
      assert.equal(0, state())
      w:sleep(59)
      assert.equal(0, state())
      w:sleep(1.5)
      assert.equal(1, state())
      w:sleep(1)
      assert.equal(2, state())
      assert.equal(1, #got)
    end)
    with({ deliver_after_s = 100 }, function(w, _, esme, got)
      esme:submit_sm(submit { registered_delivery = 1, validity_period = "000000000010000R" })
      w:sleep(9)
      assert.equal(0, #got)
      w:sleep(2)
      assert.matches("stat:EXPIRED", got[1].short_message)
      assert.equal(3, got[1].message_state)
    end)
    with({ deliver_after_s = 100 }, function(w, _, esme, got) -- the notification would come later
      esme:submit_sm(submit { registered_delivery = 0x11, validity_period = "000000000010000R" })
      w:sleep(11)
      assert.same({ 1, 3 }, { #got, got[1].message_state })
      w:sleep(200)
      assert.equal(1, #got)
    end)
  end)

  it("says so when a receipt is lost because too many wait", function()
    mc.world(function(w)
      local sim = w:server({ queue_limit = 1 }, simulator.new)
      local esme = w:bind { type = "transmitter" }
      for _ = 1, 2 do assert(esme:submit_sm(submit { registered_delivery = 1 })) end
      w:sleep(2)
      assert.same({ "receipt of 2 lost: queue full: 1 message queued for esme1 (queue_limit)" }, w.errors)
      sim:close()
    end)
  end)

  it("refuses times that are none even without checks", function()
    with({ checks = false }, function(_, _, esme)
      assert.equal("ESME_RINVSCHED", status_of(esme:submit_sm(submit { schedule_delivery_time = "abcdefghijklmnop" })))
      assert.equal("ESME_RINVEXPIRY", status_of(esme:submit_sm(submit { validity_period = "abcdefghijklmnop" })))
      assert.equal("ESME_RINVSCHED", status_of(esme:submit_multi { schedule_delivery_time = "abcdefghijklmnop", dest_address = { { destination_addr = "1" } } }))
      local id = esme:submit_sm(submit { source_addr_ton = 9 }).message_id
      assert.equal("ESME_RINVEXPIRY", status_of(esme:replace_sm { message_id = id, source_addr = "1234", validity_period = "abcdefghijklmnop" }))
    end)
  end)

  it("answers what only 3.3 has", function()
    with({ params = { colour = "red" }, deliver_after_s = 5 }, function(w, _, esme)
      assert.equal("red", esme:param_retrieve({ param_name = "colour" }).param_value)
      assert.equal(0x31, select(4, esme:param_retrieve { param_name = "taste" }).command_status)
      for i = 1, 4 do esme:submit_sm(submit { short_message = "text " .. i, source_addr = i == 2 and "9" or "1234" }) end
      w:bind({ system_id = "other" }):submit_sm(submit())
      esme:submit_multi { source_addr = "1234", dest_address = { { destination_addr = "1" }, { destination_addr = "2" } } }
      assert.same({ "6", "4", "3" }, esme:query_last_msgs({ source_addr = "1234", num_messages = 3 }).message_id)
      assert.same({ "2" }, esme:query_last_msgs({ source_addr = "9", num_messages = 100 }).message_id)
      for _, count in ipairs { 0, 101 } do
        assert.equal("ESME_RINVNUMMSGS", status_of(esme:query_last_msgs { source_addr = "9", num_messages = count }))
      end
      local details = esme:query_msg_details { message_id = "3", source_addr = "1234", sm_length = 4 }
      assert.same({ "3", "text", 1, "", 1 }, { details.message_id, details.short_message, details.message_state, details.final_date, #details.dest_address })
      w:sleep(6)
      details = esme:query_msg_details { message_id = "6", source_addr = "1234", sm_length = 160 }
      assert.same({ 2, "231114221325000+", "2" }, { details.message_state, details.final_date, details.dest_address[2].destination_addr })
      assert.equal("ESME_RINVMSGID", status_of(esme:query_msg_details { message_id = "5", source_addr = "1234" })) -- the other's
      assert.equal("ESME_RQUERYFAIL", status_of(esme:query_msg_details { message_id = "3", source_addr = "9" }))
    end, { interface_version = 0x33, version = 0x33, type = "transmitter" })
  end)

  it("says so when an id is none that a receipt could carry", function()
    mc.world(function(w)
      local sim = w:server({ message_id = function() return "a b" end }, simulator.new)
      assert.equal("a b", w:bind():submit_sm(submit { registered_delivery = 1 }).message_id)
      w:sleep(2)
      assert.same({ "cannot create the receipt of a b: invalid message id 'a b': expected 1 to 64 characters, no white space" }, w.errors)
      sim:close()
    end)
  end)

  it("waits for the outcome in transaction mode", function()
    with({ deliver_after_s = 7 }, function(w, _, esme)
      local before = w.loop:now()
      assert.equal("1", esme:submit_sm(submit { esm_class = 2 }).message_id)
      assert.equal(7, w.loop:now() - before)
      local result
      task.spawn(function() result = status_of(esme:submit_sm(submit { esm_class = 2 })) end)
      w:sleep(0.1)
      assert.is_truthy(esme:cancel_sm { message_id = "2", source_addr = "1234" })
      w:sleep(0.1)
      assert.equal("ESME_RDELIVERYFAILURE", result)
    end)
  end)

  it("sends to many, and to the members of distribution lists", function()
    with({ lists = { friends = { "4911", "4922" }, nobody = {} } }, function(w, _, esme, got)
      local answer = esme:submit_multi { source_addr = "1234", registered_delivery = 1, short_message = "hi", dest_address = {
        { dest_addr_ton = 1, destination_addr = "4900" }, { dl_name = "friends" }, { destination_addr = "" },
      } }
      assert.equal("1", answer.message_id)
      assert.equal(1, #answer.unsuccess_sme)
      assert.equal(0x0B, answer.unsuccess_sme[1].error_status_code)
      w:sleep(2)
      local to = {}
      assert.same({ 1, 1 }, { got[1].source_addr_ton, got[2].source_addr_ton })
      for i, pdu in ipairs(got) do
        to[i] = pdu.source_addr
        assert.equal("1", pdu.receipted_message_id)
      end
      assert.same({ "4900", "4911", "4922" }, to)
      assert.equal(2, esme:query_sm({ message_id = "1", source_addr = "1234" }).message_state)
      assert.equal("ESME_RINVDLNAME", status_of(esme:submit_multi { short_message = "x", dest_address = { { dl_name = "foes" } } }))
      assert.equal("ESME_RINVNUMDESTS", status_of(esme:submit_multi { short_message = "x", dest_address = { { dl_name = "nobody" } } }))
    end)
  end)

  it("says of each destination of a submit_multi what is wrong with it", function()
    with({ queue_size = 2, latency_s = 0.1, undeliverable = {} }, function(_, sim, esme)
      local answer = esme:submit_multi { source_addr = "1", short_message = "hi", dest_address = {
        { dest_addr_ton = 7, destination_addr = "4900" }, { dest_addr_npi = 5, destination_addr = "4911" }, { destination_addr = "49x" },
        { dest_addr_ton = 1, destination_addr = "4922" }, { destination_addr = "4933" }, { destination_addr = "4944" } } }
      local refused = {}
      for i, entry in ipairs(answer.unsuccess_sme) do refused[i] = ("%s %X"):format(entry.destination_addr, entry.error_status_code) end
      assert.same({ "4900 50", "4911 51", "49x B", "4944 14" }, refused)
      assert.equal(2, #sim:messages())
    end)
  end)

  it("cancels a submit_multi as a whole or one destination of it", function()
    with({ deliver_after_s = 9 }, function(w, _, esme, got)
      esme:submit_multi { source_addr = "1", registered_delivery = 1, short_message = "hi", dest_address = {
        { destination_addr = "4900" }, { destination_addr = "4911" }, { destination_addr = "4922" } } }
      assert.is_truthy(esme:cancel_sm { message_id = "1", source_addr = "1", destination_addr = "4911" })
      w:sleep(1)
      assert.same({ 1, "4911" }, { #got, got[1].source_addr })
      assert.equal(1, esme:query_sm({ message_id = "1", source_addr = "1" }).message_state)
      assert.is_truthy(esme:cancel_sm { message_id = "1", source_addr = "1", destination_addr = "4900" })
      assert.equal(1, esme:query_sm({ message_id = "1", source_addr = "1" }).message_state) -- the third is on its way
      assert.is_truthy(esme:cancel_sm { message_id = "1", source_addr = "1" })
      w:sleep(1)
      assert.equal(3, #got)
      assert.equal(4, esme:query_sm({ message_id = "1", source_addr = "1" }).message_state)
    end)
  end)

  it("asks and replaces what is left of a submit_multi", function()
    with({ deliver_after_s = 9 }, function(w, sim, esme)
      esme:submit_multi { source_addr = "1", short_message = "hi", dest_address = { { destination_addr = "4900" }, { destination_addr = "4911" } } }
      assert.is_truthy(esme:cancel_sm { message_id = "1", source_addr = "1", destination_addr = "4911" })
      assert.equal(1, esme:query_sm({ message_id = "1", source_addr = "1" }).message_state)
      assert.is_truthy(esme:replace_sm { message_id = "1", source_addr = "1", short_message = "other" })
      w:sleep(20)
      local first, second = sim:messages({ key = "1" })[1], sim:messages({ key = "1/2" })[1]
      assert.same({ "DELIVERED", "other", "DELETED", "hi" }, { first.state, first.octets, second.state, second.octets })
    end)
  end)

  it("broadcasts, tells of it and cancels it", function()
    with({ version = "5.0", deliver_after_s = 5 }, function(w, _, esme)
      local fields = {
        source_addr = "1", message_payload = "hear ye", broadcast_area_identifier = "\0town", broadcast_content_type = "\1\0\1",
        broadcast_rep_num = 3, broadcast_frequency_interval = "\8\0\5", user_message_reference = 300,
      }
      local id = esme:broadcast_sm(fields).message_id
      local answer = esme:query_broadcast_sm { message_id = id, source_addr = "1" }
      assert.same({ id, 1, "\0town", 0, 300 }, { answer.message_id, answer.message_state, answer.broadcast_area_identifier,
        answer.broadcast_area_success, answer.user_message_reference })
      w:sleep(6)
      answer = esme:query_broadcast_sm { message_id = id, source_addr = "1" }
      assert.same({ 2, 100 }, { answer.message_state, answer.broadcast_area_success })
      assert.matches("^231114221325000%+", answer.broadcast_end_time)
      assert.equal("ESME_RBCASTCANCELFAIL", status_of(esme:cancel_broadcast_sm { message_id = id, source_addr = "1" }))
      id = esme:broadcast_sm(fields).message_id
      fields.user_message_reference = 301
      local other_id = esme:broadcast_sm(fields).message_id
      assert.equal(id, esme:query_broadcast_sm({ source_addr = "1", user_message_reference = 300 }).message_id)
      assert.is_truthy(esme:cancel_broadcast_sm { message_id = id, source_addr = "1" })
      assert.equal(1, esme:query_broadcast_sm({ message_id = other_id, source_addr = "1" }).message_state)
      assert.equal(4, esme:query_broadcast_sm({ message_id = id, source_addr = "1" }).message_state)
      assert.equal("ESME_RINVMSGID", status_of(esme:query_broadcast_sm { message_id = "77", source_addr = "1" }))
      assert.equal("ESME_RBCASTQUERYFAIL", status_of(esme:query_broadcast_sm { message_id = id, source_addr = "2" }))
      assert.equal("ESME_RBCASTCANCELFAIL", status_of(esme:cancel_broadcast_sm { message_id = id, source_addr = "2" }))
      local other = w:bind { system_id = "other", interface_version = 0x50, version = 0x50 }
      assert.equal("ESME_RINVMSGID", status_of(other:query_broadcast_sm { message_id = id, source_addr = "1" }))
      assert.equal("ESME_RQUERYFAIL", status_of(esme:query_sm { message_id = id, source_addr = "1" }))
    end, { interface_version = 0x50, version = 0x50 })
  end)

  it("replaces a broadcast that is not over, and cancels all of a source, a service and a kind", function()
    with({ version = "5.0", deliver_after_s = 5 }, function(w, _, esme)
      local function broadcast(o)
        local fields = {
          source_addr = "1", message_payload = "hear ye", broadcast_area_identifier = "\0town", broadcast_content_type = "\1\0\1",
          broadcast_rep_num = 3, broadcast_frequency_interval = "\8\0\5",
        }
        for name, value in pairs(o or {}) do fields[name] = value end
        return esme:broadcast_sm(fields)
      end
      local function state(id) return esme:query_broadcast_sm({ message_id = id, source_addr = "1" }).message_state end
      local first = broadcast().message_id
      local second = broadcast({ message_id = first, replace_if_present_flag = 1 }).message_id
      assert.same({ 4, 1 }, { state(first), state(second) })
      w:sleep(6)
      assert.equal(1, state(broadcast({ message_id = second, replace_if_present_flag = 1 }).message_id))
      assert.equal(2, state(second)) -- what was delivered stays so
      assert.equal("ESME_RINVMSGID", status_of(broadcast { message_id = "77", replace_if_present_flag = 1 }))
      w:sleep(6)
      local ids = {}
      for i, o in ipairs { { service_type = "CBS" }, { broadcast_content_type = "\1\0\2" }, {} } do ids[i] = broadcast(o).message_id end
      assert.is_truthy(esme:cancel_broadcast_sm { source_addr = "1", service_type = "CBS" })
      assert.same({ 4, 1, 1 }, { state(ids[1]), state(ids[2]), state(ids[3]) })
      assert.is_truthy(esme:cancel_broadcast_sm { source_addr = "1", broadcast_content_type = "\1\0\2" })
      assert.same({ 4, 4, 1 }, { state(ids[1]), state(ids[2]), state(ids[3]) })
      assert.is_truthy(esme:cancel_broadcast_sm { source_addr = "1" })
      assert.equal(4, state(ids[3]))
      assert.equal("ESME_RBCASTCANCELFAIL", status_of(esme:cancel_broadcast_sm { source_addr = "1" }))
    end, { interface_version = 0x50, version = 0x50 })
  end)

  it("gives messages without a validity_period that of validity_s", function()
    with({ validity_s = 60, deliver_after_s = 600 }, function(w, sim, esme)
      esme:submit_sm(submit())
      esme:submit_sm(submit { validity_period = "000000020000000R" })
      w:sleep(61)
      local list = sim:messages()
      assert.same({ "EXPIRED", "ENROUTE" }, { list[1].state, list[2].state })
    end)
  end)

  it("tells a 3.3 ESME its params", function()
    with({ params = { version = "1.7", [""] = 5 } }, function(_, _, esme)
      assert.equal("1.7", esme:param_retrieve({ param_name = "version" }).param_value)
      assert.equal("5", esme:param_retrieve({ param_name = "" }).param_value)
      assert.equal("0x00000031", status_of(esme:param_retrieve { param_name = "nosuch" }))
    end, { type = "transmitter", version = 0x33, interface_version = 0x33 })
  end)

  it("keeps its messages in the store that it is given, whose limit holds", function()
    local store = stores.memory { limit = 2 }
    with({ store = store, deliver_after_s = 60 }, function(_, sim, esme)
      assert.is_truthy(esme:submit_sm(submit()))
      assert.is_truthy(esme:submit_sm(submit()))
      assert.equal("ESME_RMSGQFUL", status_of(esme:submit_sm(submit())))
      sim:set { queue_size = 10 } -- of a store of its own
      assert.equal("ESME_RMSGQFUL", status_of(esme:submit_sm(submit())))
      assert.equal("1", stores.get(store, "message", "1").id)
      assert.equal("1", sim:messages()[1].id)
    end)
  end)

  it("counts octets, too", function()
    with({ queue_octets = 20000, deliver_after_s = 60 }, function(_, _, esme)
      local taken, text = 0, ("x"):rep(4000)
      while esme:submit_sm(submit { message_payload = text, short_message = "" }) do taken = taken + 1 end
      assert.equal(4, taken)
      assert.equal("ESME_RMSGQFUL", status_of(esme:submit_sm(submit { message_payload = text, short_message = "" })))
    end)
  end)

  it("goes on with ids, messages and receipts after a restart", function()
    local store = stores.memory()
    with({ store = store, deliver_after_s = 60 }, function(w, _, esme)
      assert.equal("1", esme:submit_sm(submit { registered_delivery = 1 }).message_id)
      w:sleep(10)
    end)
    with({ store = store, deliver_after_s = 5 }, function(w, sim, esme, got)
      assert.equal("1001", esme:submit_sm(submit()).message_id) -- a block of ids begins
      w:sleep(61)
      assert.equal("DELIVERED", sim:messages({ id = "1" })[1].state)
      assert.same({ 1, "1" }, { #got, got[1].receipted_message_id })
    end)
  end)

  it("takes latency_s for all that carries a message", function()
    with({ latency_s = 3, lists = { all = { "1" } }, deliver_after_s = 9 }, function(w, _, esme)
      local function took(name, fields)
        local before = w.loop:now()
        esme[name](esme, fields)
        return w.loop:now() - before
      end
      local area = { message_payload = "x", broadcast_area_identifier = "\0town", broadcast_content_type = "\1\0\1", broadcast_rep_num = 3,
        broadcast_frequency_interval = "\8\0\5" }
      assert.same({ 3, 3, 3, 3, 0, 0 }, {
        took("submit_sm", submit()), took("data_sm", { destination_addr = "1" }), took("broadcast_sm", area),
        took("submit_multi", { short_message = "x", dest_address = { { dl_name = "all" } } }), took("query_sm", { message_id = "1" }),
        took("enquire_link", {}),
      })
    end, { version = 0x50, interface_version = 0x50 })
  end)

  it("refuses a message above its queue_size", function()
    with({ queue_size = 2, deliver_after_s = 3 }, function(w, sim, esme)
      assert(esme:submit_sm(submit()) and esme:submit_sm(submit()))
      assert.equal("ESME_RMSGQFUL", status_of(esme:submit_sm(submit())))
      w:sleep(4)
      assert.is_truthy(esme:submit_sm(submit()))
      sim:set { queue_size = 1 }
      assert.equal("ESME_RMSGQFUL", status_of(esme:submit_sm(submit())))
    end)
  end)
end)
