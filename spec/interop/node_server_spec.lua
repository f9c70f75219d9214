--- node-smpp 0.5.1 as the message centre of our client.
local node = require "spec.support.node"
local peers = require "spec.support.peers"
local smpp = require "smpp"

-- DCS 1 is IA5 in the standard; node-smpp 0.5.1 writes and reads GSM 03.38 in it.  With this our client does the same.
local NODE_CODINGS = { [1] = "gsm7" }

--- Runs fn(mc, connect, log) with node-smpp listening; connect(options) makes clients of ours that are closed in the end.
--- log: messages, receipts and errors of these clients.
local function with(fn)
  node.need()
  peers.run(function()
    local mc, clients = node.listen(), {}
    local log = { messages = {}, receipts = {}, errors = {}, states = {} }
    local function connect(options)
      local o = {
        host = "127.0.0.1", port = mc.port, system_id = "lua", password = "secret",
        message = function(message) table.insert(log.messages, message) end,
        reconnect = { fixed_s = 0.02 },
      }
      for name, value in pairs(options or {}) do o[name] = value end
      local esme, message, code = smpp.connect(o)
      if not esme then return nil, message, code end
      clients[#clients + 1] = esme
      esme:on("receipt", function(receipt) table.insert(log.receipts, receipt) end)
      esme:on("error", function(text) table.insert(log.errors, text) end)
      esme:on("state", function(state) table.insert(log.states, state) end)
      return esme
    end
    fn(mc, connect, log)
    for _, esme in ipairs(clients) do esme:close(2) end
  end)
end

local function wait_for(what, list, n)
  return peers.wait(what, function() return #list >= n and list[n] end)
end

describe("our client binds to node-smpp", function()
  for _, way in ipairs { { "tx", "bind_transmitter" }, { "rx", "bind_receiver" }, { "trx", "bind_transceiver" } } do
    local bind, command = way[1], way[2]
    it("as " .. bind .. ", in each version, and unbinds", function()
      with(function(mc, connect)
        for _, version in ipairs { "3.4", "5.0", "3.3" } do
          if bind ~= "trx" or version ~= "3.3" then
            -- node-smpp puts no sc_interface_version into its bind_resp unless told to; we then take the version we asked for.
            local esme = assert(connect { bind = bind, version = version, system_type = "VMA" })
            local pdu = mc:take(command)
            assert.same({ "lua", "secret", "VMA" }, { pdu.system_id, pdu.password, pdu.system_type })
            assert.equal(tonumber((version:gsub("%.", "")), 16), pdu.interface_version)
            assert.truthy(esme:enquire_link())
            mc:take "enquire_link"
            assert.equal(0, mc:request("enquire_link").command_status)
            assert.same({}, esme:close())
            mc:take "unbind"
            mc:wait_closed()
          end
        end
        assert.same({}, mc.errors)
      end)
    end)
  end

  it("and is told what refused it", function()
    with(function(mc, connect)
      for status, name in pairs { [0x0D] = "ESME_RBINDFAIL", [0x0E] = "ESME_RINVPASWD", [0x0F] = "ESME_RINVSYSID" } do
        mc:answer("bind_transceiver", { command_status = status })
        local esme, message, code = connect()
        assert.is_nil(esme)
        assert.equal(name, code)
        assert.truthy(message:find(name, 1, true))
      end
    end)
  end)
end)

describe("our client sends through node-smpp", function()
  local GSM = "Grüße @ £5 ^{}\\[~]| € ΔΩ"

  it("texts in each coding both sides know", function()
    with(function(mc, connect)
      local cases = {
        { GSM, 0 }, { "Größe ¼ þ", 3, encoding = "latin1" }, { "Привет, 世界", 8 }, { "Hello 👋🏽 👨‍👩‍👧", 8 }, { "", 0 },
        { GSM, 0, flash = true, coding = 0x10 }, { "Привет", 8, flash = true, coding = 0x18 },
      }
      local plain, adapted = assert(connect()), assert(connect { data_codings = NODE_CODINGS })
      for _, esme in ipairs { plain, adapted } do
        for _, case in ipairs(cases) do
          local sent = assert(esme:send { from = "Shop", to = "+491761", text = case[1], encoding = case.encoding, flash = case.flash })
          local pdu = mc:take "submit_sm"
          assert.equal(case.coding or esme == adapted and case[2] == 0 and 1 or case[2], pdu.data_coding)
          assert.equal(case[1], pdu.short_message.message)
          assert.same({ "Shop", 5, "491761", 1 }, { pdu.source_addr, pdu.source_addr_ton, pdu.destination_addr, pdu.dest_addr_ton })
          assert.is_truthy(sent.message_id:find "^%d+$")
        end
      end
    end)
  end)

  it("texts with national language tables", function()
    -- node-smpp reads a single shift table and a locking one with the same coder, so it reads what either writes alone.
    with(function(mc, connect)
      local esme = assert(connect())
      for _, case in ipairs { { "turkish", "ğış ŞİÇ Ğ" }, { "spanish", "á í ó ú ç Á" }, { "portuguese", "ãõ ÀÍÓÚ" } } do
        assert(esme:send { from = "1234", to = "+491761", text = case[2], language = case[1] })
        local pdu = mc:take "submit_sm"
        assert.equal(0, pdu.data_coding)
        assert.equal(0x40, pdu.esm_class)
        assert.equal(case[2], pdu.short_message.message)
      end
    end)
  end)

  it("long texts in every form", function()
    with(function(mc, connect)
      local esme = assert(connect())
      for _, words in ipairs { ("Long text. €"):rep(40), ("Emoji 👋🏽 "):rep(60) } do
        for _, long in ipairs { "concat_8bit", "concat_16bit", "sar", "payload" } do
          local sent = assert(esme:send { from = "1234", to = "+491761", text = words, long = long })
          local joined, total = {}, #sent.message_ids
          for i = 1, total do
            local pdu = mc:take "submit_sm"
            if long == "payload" then
              joined[i] = pdu.message_payload.message
            elseif long == "sar" then
              assert.same({ total, i }, { pdu.sar_total_segments, pdu.sar_segment_seqnum })
              joined[i] = pdu.short_message.message
            else
              local element = pdu.short_message.udh[1].hex -- node-smpp gives a list of the elements
              assert.equal(long == "concat_8bit" and "0003" or "0804", element:sub(1, 4))
              assert.equal(("%02x%02x"):format(total, i), element:sub(-4))
              joined[i] = pdu.short_message.message
            end
          end
          assert.equal(words, table.concat(joined), long)
          assert.equal(long == "payload", total == 1)
        end
      end
    end)
  end)

  it("octets, TLVs, times, and gets the statuses that refuse", function()
    with(function(mc, connect)
      local esme = assert(connect { profile = { tlvs = { { tag = 0x1400, name = "vendor_word", type = "cstring" } } } })
      local octets = {}
      for i = 0, 139 do octets[#octets + 1] = string.char((i * 7) % 256) end
      octets = table.concat(octets)
      assert(esme:send {
        from = "1234", to = "+491761", data = octets, user_message_reference = 513, vendor_word = "entity-7", source_port = 0x1234,
        dest_port = 7, callback_num = "\1\1\0014911", language_indicator = 1, validity_s = 3600, qos_time_to_live = 70000,
        tlvs = { { 0x1501, "unknown to both" } },
      })
      local pdu = mc:take "submit_sm"
      assert.equal(4, pdu.data_coding)
      assert.equal(node.octets(octets).hex, pdu.short_message.message.hex)
      assert.equal("entity-7", pdu.vendor_word)
      assert.same({ 513, 0x1234, 7, 1, 70000 },
        { pdu.user_message_reference, pdu.source_port, pdu.dest_port, pdu.language_indicator, pdu.qos_time_to_live })
      assert.same({ digit_mode = 1, ton = 1, npi = 1, number = "4911" }, pdu.callback_num[1])
      assert.equal(node.octets("unknown to both").hex, pdu["5377"].hex)
      assert.is_string(pdu.validity_period) -- it reads our period as a date

      for status, name in pairs { [0x58] = "ESME_RTHROTTLED", [0x0B] = "ESME_RINVDSTADR", [0x14] = "ESME_RMSGQFUL" } do
        mc:answer("submit_sm", { command_status = status })
        local response, _, code = esme:submit_sm { destination_addr = "491761", short_message = "no" }
        assert.is_nil(response)
        assert.equal(name, code)
      end
      mc:answer("submit_sm", {})
      assert(esme:send { from = "1234", to = "+491761", text = "yes" })
    end)
  end)

  it("every request an MC answers", function()
    with(function(mc, connect)
      local esme = assert(connect { version = "5.0" })
      mc:answer("query_sm", { message_id = "77", message_state = 2, error_code = 3, final_date = "261231235959000+" })
      local query = assert(esme:query_sm { message_id = "77", source_addr = "1234" })
      assert.same({ "77", 2, 3, "261231235959000+" }, { query.message_id, query.message_state, query.error_code, query.final_date })
      assert(esme:cancel_sm { message_id = "77", source_addr = "1234", destination_addr = "5" })
      assert(esme:replace_sm { message_id = "77", source_addr = "1234", short_message = "new" })
      assert.equal(node.octets("new").hex, mc:take("replace_sm").short_message.hex) -- no data_coding: no text
      mc:answer("submit_multi", { message_id = "m1", unsuccess_sme = { { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "493", error_status_code = 11 } } })
      local multi = assert(esme:submit_multi {
        short_message = "x", dest_address = { { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "492" }, { dl_name = "friends" } },
      })
      assert.same({ "m1", "493", 11 }, { multi.message_id, multi.unsuccess_sme[1].destination_addr, multi.unsuccess_sme[1].error_status_code })
      local list = mc:take("submit_multi").dest_address
      assert.same({ "492", "friends" }, { list[1].destination_addr, list[2].dl_name })
      assert(esme:data_sm { destination_addr = "5", message_payload = "data" })
      assert.equal("data", mc:take("data_sm").message_payload.message)
      assert(esme:broadcast_sm {
        message_id = "", broadcast_area_identifier = "\0London", broadcast_content_type = "\1\0\2", broadcast_rep_num = 3,
        broadcast_frequency_interval = "\9\0\1",
      })
      local broadcast = mc:take "broadcast_sm"
      assert.equal(3, broadcast.broadcast_rep_num)
      assert(esme:query_broadcast_sm { message_id = "1", source_addr = "1234" })
      assert(esme:cancel_broadcast_sm { message_id = "1", source_addr = "1234" })
      assert.same({}, mc.errors)
    end)
  end)
end)

describe("our client gets from node-smpp", function()
  it("texts in each coding both sides know, in parts, as payload, and octets", function()
    with(function(mc, connect, log)
      assert(connect { data_codings = NODE_CODINGS })
      local function deliver(fields)
        fields.source_addr, fields.source_addr_ton, fields.source_addr_npi = "491761", 1, 1
        fields.destination_addr = fields.destination_addr or "1234"
        local response = mc:request("deliver_sm", fields)
        assert.equal(0, response.command_status)
      end
      local cases = {
        { "Grüße @ €", 0 }, { "Grüße @ €", 1 }, { "Größe ¼", 3 }, { "Привет", 8 }, { "Hello 👋🏽", 8 }, { "what it likes: €" }, { "👋" },
      }
      for i, case in ipairs(cases) do
        deliver { short_message = case[1], data_coding = case[2] }
        local message = wait_for("message " .. i, log.messages, i)
        assert.equal(case[1], message.text)
        assert.equal("+491761", message.from)
        assert.equal("1234", message.to)
      end
      local n = #cases
      deliver { short_message = node.octets "\0\255\1", data_coding = 4 }
      assert.equal("\0\255\1", wait_for("octets", log.messages, n + 1).data)
      deliver { message_payload = ("payload 👋 "):rep(100), data_coding = 8 }
      assert.equal(("payload 👋 "):rep(100), wait_for("a payload", log.messages, n + 2).text)
      -- Parts in the wrong order, one of them twice; a pair of surrogates cut in two.
      local function part(i, octets)
        deliver { short_message = { udh = node.octets("\5\0\3\66\3" .. string.char(i)), message = node.octets(octets) }, data_coding = 8, esm_class = 0x40 }
      end
      part(3, "\0!")
      part(1, "\0A\216\61")
      part(1, "\0A\216\61")
      part(2, "\220\75\0B")
      assert.equal("A👋B!", wait_for("a message in parts", log.messages, n + 3).text)
      for i, words in ipairs { "first ", "second" } do
        deliver { short_message = words, data_coding = 0, sar_msg_ref_num = 7, sar_total_segments = 2, sar_segment_seqnum = i }
      end
      assert.equal("first second", wait_for("a message in SAR parts", log.messages, n + 4).text)
      deliver { short_message = { udh = node.octets "\3\37\1\1", message = "ğış ŞİÇ" }, data_coding = 0 }
      assert.equal("ğış ŞİÇ", wait_for("a Turkish message", log.messages, n + 5).text)
      assert.same({}, log.errors)
    end)
  end)

  it("an answer to what a handler refuses, and replies to what it replies", function()
    with(function(mc, connect)
      assert(connect { message = function(message)
        if message.text == "no" then return nil, "ESME_RX_R_APPN" end
        message:reply("You said: " .. message.text)
      end })
      local function deliver(words)
        return mc:request("deliver_sm", { source_addr = "491761", source_addr_ton = 1, destination_addr = "1234", short_message = words, data_coding = 0 })
      end
      assert.equal(0x66, deliver("no").command_status)
      assert.equal(0, deliver("yes").command_status)
      local reply = mc:take "submit_sm"
      assert.same({ "You said: yes", "491761", 1, "1234" },
        { reply.short_message.message, reply.destination_addr, reply.dest_addr_ton, reply.source_addr })
    end)
  end)

  it("receipts, by TLV, by text alone, of parts, and before the answer", function()
    with(function(mc, connect, log)
      local esme = assert(connect())
      local function receipt(id, state, words, tlvs)
        local fields = {
          esm_class = 4, data_coding = 0, source_addr = "491761", source_addr_ton = 1, destination_addr = "1234",
          short_message = ("id:%s sub:001 dlvrd:001 submit date:2611210507 done date:2611210507 stat:%s err:000 text:Hello"):format(id, words),
        }
        if tlvs then fields.receipted_message_id, fields.message_state = id, state end
        assert.equal(0, mc:request("deliver_sm", fields).command_status)
      end
      local one = assert(esme:send { from = "1234", to = "+491761", text = "Hello", receipt = true })
      assert.equal(1, mc:take("submit_sm").registered_delivery)
      receipt(one.message_id, 2, "DELIVRD", true)
      assert.equal("DELIVERED", assert(one:receipt(10)).state)

      local two = assert(esme:send { from = "1234", to = "+491761", text = "Hello", receipt = true })
      receipt(two.message_id, 5, "UNDELIV", false)
      assert.equal("UNDELIVERABLE", assert(two:receipt(10)).state)

      local long = assert(esme:send { from = "1234", to = "+491761", text = ("x"):rep(400), receipt = true })
      assert.equal(3, #long.message_ids)
      for i = 3, 1, -1 do receipt(long.message_ids[i], 2, "DELIVRD", true) end
      assert.equal("DELIVERED", assert(long:receipt(10)).state)

      -- The receipt overtakes the submit_sm_resp.
      mc:answer("submit_sm", nil)
      local quick
      smpp.spawn(function() quick = esme:send { from = "1234", to = "+491761", text = "quick", receipt = true } end)
      local pdu
      repeat pdu = mc:take "submit_sm" until pdu.short_message.message == "quick"
      receipt("early", 2, "DELIVRD", true)
      mc:tell { request = "submit_sm_resp", fields = { sequence_number = pdu.sequence_number, message_id = "early" } }
      peers.wait("the late answer", function() return quick end)
      assert.equal("DELIVERED", assert(quick:receipt(10)).state)
      assert.equal(6, #log.receipts)
      assert.same({}, log.errors)
    end)
  end)
end)

describe("our client stays bound", function()
  it("when node-smpp unbinds, drops the connection, or is started again on its port", function()
    with(function(mc, connect, log)
      local esme = assert(connect { enquire_link_s = 0.2 })
      mc:take "bind_transceiver"
      mc:take "enquire_link"
      -- After its unbind node-smpp leaves the connection open: we close it after five seconds, and bind again.
      assert.equal(0, mc:request("unbind").command_status)
      mc:take "bind_transceiver"
      mc:act "destroy"
      mc:take "bind_transceiver"
      peers.wait("our client to be bound", function() return esme.state == "bound" end)
      assert(esme:send { from = "1234", to = "+491761", text = "still here" })

      mc.process:stop()
      peers.wait("our client to see it", function() return esme.state ~= "bound" end)
      local waiting
      smpp.spawn(function() waiting = esme:send { from = "1234", to = "+491761", text = "while it is away" } end)
      local again = node.listen(mc.port)
      again:take "bind_transceiver"
      assert.equal("while it is away", again:take("submit_sm").short_message.message)
      peers.wait("the answer", function() return waiting end)
      assert.truthy(table.concat(log.states, " "):find "waiting connecting bound", 1, true)
    end)
  end)

  it("not, when node-smpp does not answer its enquire_link: it binds again", function()
    with(function(mc, connect)
      assert(connect { enquire_link_s = 0.1, enquire_link_response_s = 0.2 })
      mc:take "bind_transceiver"
      mc:answer("enquire_link", nil)
      mc:take "enquire_link"
      mc:take "bind_transceiver"
      mc:answer("enquire_link", {})
    end)
  end)
end)
