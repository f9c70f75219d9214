--- Cases: an ESME, of which each case runs a fresh process against a scripted message centre.
local REFUSED = "A message that was refused must not be reported as sent."
local PIECES = "TCP may deliver any part of a PDU."
local NOT_KNOWN = "Optional parameters that are not known are ignored."
local ANY_ID = "The message_id is the MC's own: any string of up to 64 octets."

--- Cases that bind, submit one message, and end: id, section, level, reason, and what is `answer`ed to the bind and to the submit_sm;
--- `ended`: the exit code.
local EXCHANGES = {
  { "binds", "3.4 2.2; 3.4 4.1", "MUST", "An ESME that sends before it is bound is refused everywhere." },
  { "refused_rinvdstadr", "3.4 5.1.3", "MUST", REFUSED, submit = { "ESME_RINVDSTADR" }, ended = "not 0" },
  { "refused_rsubmitfail", "3.4 5.1.3", "MUST", REFUSED, submit = { "ESME_RSUBMITFAIL" }, ended = "not 0" },
  { "refused_rinvsrcadr", "3.4 5.1.3", "MUST", REFUSED, submit = { "ESME_RINVSRCADR" }, ended = "not 0" },
  { "refused_rinvmsglen", "3.4 5.1.3", "MUST", REFUSED, submit = { "ESME_RINVMSGLEN" }, ended = "not 0" },
  { "bind_resp_octets", "3.4 3.2", "ROBUST", PIECES, bind = { nil, { split = 1 } } },
  { "submit_sm_resp_octets", "3.4 3.2", "ROBUST", PIECES, submit = { nil, { split = 1 } } },
  { "bind_resp_unknown_tlv", "3.4 3.3.1", "ROBUST", NOT_KNOWN, bind = { { tlvs = { { 0x1400, "abc" } } } } },
  { "submit_sm_resp_unknown_tlv", "3.4 3.3.1", "ROBUST", NOT_KNOWN, submit = { { message_id = "1", tlvs = { { 0x1400, "abc" } } } } },
  { "congestion_state", "5.0 4.8.4.18", "ROBUST", "An MC of SMPP 5.0 says so that it is full; the message was taken all the same.",
    submit = { { message_id = "1", congestion_state = 100 } } },
  { "message_id_empty", "3.4 5.2.23", "ROBUST", ANY_ID, submit = { { message_id = "" } } },
  { "message_id_longest", "3.4 5.2.23", "ROBUST", ANY_ID, submit = { { message_id = ("x"):rep(64) } } },
  { "message_id_0", "3.4 5.2.23", "ROBUST", ANY_ID, submit = { { message_id = "0" } } },
  { "message_id_abcdef0123456789", "3.4 5.2.23", "ROBUST", ANY_ID, submit = { { message_id = "ABCDEF0123456789" } } },
  { "message_id_a_b_c_d", "3.4 5.2.23", "ROBUST", ANY_ID, submit = { { message_id = "a-b_c.d" } } },
  { "late_answer", "3.4 7.2", "MUST", "Carriers answer after seconds when they are busy.", submit = { nil, { after_s = 2 } } },
}

return function(case)
  local function plain(id, section, level, why, fn) case("esme." .. id, section, level, why, fn) end

  for _, row in ipairs(EXCHANGES) do
    local bind, submit = row.bind or {}, row.submit or {}
    plain(row[1], row[2], row[3], row[4], function(c)
      c:start()
      c:bind_request():answer(bind[1], bind[2])
      c:submitted():answer(submit[1], submit[2])
      c:ended(row.ended or 0)
    end)
  end
  plain("credentials", "3.4 5.2.1; 3.4 5.2.2", "MUST", "The account is what the operator was given, octet for octet.", function(c)
    c:start()
    local bind = c:bind_request()
    c.t:equal({ bind.system_id, bind.password }, { c.system_id, c.password })
  end)
  plain("interface_version", "3.4 5.2.4", "SHOULD", "The MC answers in the version that the ESME says.", function(c)
    c:start()
    local version = c:bind_request().interface_version
    c.t:check(version == 0x33 or version == 0x34 or version == 0x50, ("interface_version is 0x%02X"):format(version))
  end)
  plain("sequence_not_0", "3.4 5.1.4", "MUST", "Numbers begin at 1; 0 is that of a generic_nack without a request.", function(c)
    c:start()
    c.t:check(c:bind_request().sequence_number ~= 0, "sequence_number is 0")
  end)
  plain("sequence_rises", "3.4 5.1.4", "SHOULD", "A number that is used again while it waits cannot be matched.", function(c)
    c:start()
    local first = c:bound().pdu.sequence_number
    c.t:check(c:submitted().sequence_number ~= first, "the same number twice")
  end)
  plain("status_0_in_requests", "3.4 5.1.3", "MUST", "command_status of a request must be NULL.", function(c)
    c:start()
    c:bound()
    c.t:equal(c:submitted().pdu.command_status, 0)
  end)
  plain("destination", "3.4 5.2.9", "MUST", "A number goes out as it was given, without a plus.", function(c)
    c:start()
    c:bound()
    c.t:equal(c:submitted().destination_addr, (c.to:gsub("^%+", "")))
  end)
  plain("text", "3.4 5.2.22", "MUST", "What arrives is what was written.", function(c)
    c:start()
    c:bound()
    c.t:equal(c:text_of(c:submitted().pdu), c.text)
  end)
  plain("unbinds", "3.4 4.2", "SHOULD", "Without unbind the MC does not know whether the ESME ended or was lost.", function(c)
    c:start()
    c:bound()
    c:submitted():answer()
    c:unbind_request()
  end)
  for _, status in ipairs { "ESME_RINVPASWD", "ESME_RINVSYSID", "ESME_RBINDFAIL" } do
    plain("bind_refused_" .. status:sub(6):lower(), "3.4 5.1.3", "MUST", "An ESME that is not bound must not submit, and has to say so.", function(c)
      c:start()
      c:bind_request():answer(status)
      c:never_submits(0.5)
      c:ended "not 0"
    end)
  end
  plain("bind_nacked", "3.4 4.3", "ROBUST", "An MC that does not know the bind answers generic_nack.", function(c)
    c:start()
    local bind = c:bind_request()
    bind.session:write { command = "generic_nack", status = "ESME_RINVCMDID", sequence_number = bind.sequence_number }
    c:never_submits(0.3)
  end)
  plain("throttled", "3.4 5.1.3", "SHOULD", "Who repeats at once after ESME_RTHROTTLED is throttled for longer.", function(c)
    c:start()
    c:bound()
    c:submitted():answer "ESME_RTHROTTLED"
    c:never_submits(0.3)
  end)
  plain("joined", "3.4 3.2", "ROBUST", "Two PDUs in one segment are two PDUs.", function(c)
    c:start()
    local bind = c:bind_request()
    bind.session:write {
      { command = bind.pdu.command .. "_resp", sequence_number = bind.sequence_number, system_id = "mc" },
      { command = "enquire_link", sequence_number = 1 },
    }
    c:submitted():answer()
    c:ended(0)
  end)
  plain("answers_enquire_link", "3.4 4.11", "MUST", "An MC that gets no answer takes the line for dead.", function(c)
    c:start()
    c:bound()
    local submit = c:submitted()
    submit.session:send("enquire_link"):expect "ESME_ROK"
    submit:answer()
    c:ended(0)
  end)
  plain("answers_unbind", "3.4 4.2", "MUST", "An MC that shuts down waits for unbind_resp.", function(c)
    c:start()
    c:bound()
    local submit = c:submitted()
    submit:answer(nil, { after_s = 0.1 })
    submit.session:send("unbind"):expect "ESME_ROK"
  end)
  plain("unknown_command", "3.4 4.3", "SHOULD", "What is not understood is answered with generic_nack.", function(c)
    c:start()
    c:bound()
    local submit = c:submitted()
    submit.session:write(c:pdu(0x00000010, 99, ""))
    local nack = c.smsc:expect("generic_nack", { sequence_number = 99 }, { any = true })
    c.t:check(nack.command_status ~= 0, "the answer is ESME_ROK")
    submit:answer()
    c:ended(0)
  end)
  plain("unasked_response", "3.4 3.2", "ROBUST", "A response that comes twice or too late is no reason to fail.", function(c)
    c:start()
    c:bound()
    local submit = c:submitted()
    submit.session:write { command = "submit_sm_resp", sequence_number = 4711, message_id = "other" }
    submit:answer()
    c:ended(0)
  end)
  plain("answer_twice", "3.4 3.2", "ROBUST", "A response that comes twice is no reason to fail.", function(c)
    c:start()
    c:bound()
    c:submitted():answer { message_id = "1" }:answer({ message_id = "1" }, { again = true })
    c:ended(0)
  end)
  plain("bind_resp_without_tlv", "3.4 4.1.2", "MUST", "sc_interface_version is optional.", function(c)
    c:start()
    local bind = c:bind_request()
    bind.session:write { command = bind.pdu.command .. "_resp", sequence_number = bind.sequence_number, system_id = "mc" }
    c:submitted():answer()
    c:ended(0)
  end)
  plain("closed_before_bind_resp", "3.4 2.2", "ROBUST", "A connection that ends must not look like success, nor hang.", function(c)
    c:start()
    c:bind_request().session:close()
    c.smsc:stop()
    c:ended "not 0"
  end)
  plain("reset_after_submit", "3.4 2.2", "ROBUST", "The outcome is unknown: it must not look like success.", function(c)
    c:start()
    c:bound()
    c:submitted().session:reset()
    c.smsc:stop()
    c:ended "not 0"
  end)
  plain("garbage", "3.4 3.2", "ROBUST", "Malformed data that is not SMPP must not hang or crash the ESME.", function(c)
    c:start()
    c:bind_request().session:write "HTTP/1.1 400 Bad Request\r\n\r\n"
    c.smsc:stop()
    c:ended "not 0"
  end)
  plain("huge_length", "3.4 3.2", "ROBUST", "Who allocates what command_length says runs out of memory.", function(c)
    c:start()
    c:bind_request():answer(nil, { raw = { command_length = 0x7FFFFFFF } })
    c:ended "not 0"
  end)
  plain("deliver_sm_meanwhile", "3.4 4.6", "SHOULD", "A transceiver gets messages at any time, and answers them.", function(c)
    c:start()
    local bind = c:bound()
    local submit = c:submitted()
    if bind.pdu.command ~= "bind_transceiver" then c.t:skip "bound as a transmitter" end
    local request = submit.session:send("deliver_sm", { source_addr = "1", destination_addr = "2", short_message = "hi" })
    c.t:check(request:expect({ command_status = function() return true end }, { within_s = 15 }), "no answer")
    submit:answer()
    c:ended(0)
  end)

  local function receipt(id, section, level, why, fn) case("esme.receipt_" .. id, section, level, why, { client = "receipt" }, fn) end
  local function delivered(id)
    return {
      source_addr = "491761234567", esm_class = 4,
      short_message = ("id:%s sub:001 dlvrd:001 submit date:2401010000 done date:2401010001 stat:DELIVRD err:000 text:"):format(id),
    }
  end
  receipt("acknowledged", "3.4 4.6", "MUST", "A receipt without deliver_sm_resp is sent again and again.", function(c)
    c:start "receipt"
    c:bound()
    local submit = c:submitted()
    c.t:check((submit.registered_delivery or 0) % 4 ~= 0, "no receipt was asked for")
    submit:answer { message_id = "r1" }
    submit.session:send("deliver_sm", delivered "r1"):expect "ESME_ROK"
    c:ended(0)
  end)
  receipt("early", "3.4 4.6", "ROBUST", "A fast carrier's receipt overtakes the answer to the submit.", function(c)
    c:start "receipt"
    c:bound()
    local submit = c:submitted()
    submit.session:send("deliver_sm", delivered "r1")
    c.t:pause(0.05)
    submit:answer { message_id = "r1" }
    c:ended(0)
  end)
  receipt("tlv", "3.4 5.3.2.12", "SHOULD", "Some carriers write a text that nobody reads, and the TLVs.", function(c)
    c:start "receipt"
    c:bound()
    local submit = c:submitted()
    submit:answer { message_id = "r1" }
    submit.session:send("deliver_sm", {
      source_addr = "491761234567", esm_class = 4, receipted_message_id = "r1", message_state = 2,
    }):expect "ESME_ROK"
    c:ended(0)
  end)

  case("esme.many_all", "3.4 2.8", "MUST", "Every message is sent once.", { client = "many" }, function(c)
    c:start("many", { count = 20, window = 5 })
    c:bound()
    c.smsc:on("submit_sm"):answer(function() return { message_id = "x" } end)
    c:ended(0)
    c.t:equal(c:count_submits(), 20)
  end)
  case("esme.many_window", "3.4 2.8", "SHOULD", "More requests under way than agreed are refused by many MCs.", { client = "many" }, function(c)
    c:start("many", { count = 10, window = 3 })
    c:bound()
    local first = c.smsc:expect("submit_sm", { times = 3 })
    c:never_submits(0.5)
    for _, submit in ipairs(first) do submit:answer() end
    c.smsc:on("submit_sm"):answer()
    c:ended(0)
  end)

  local function listen(id, section, level, why, fn) case("esme.listen_" .. id, section, level, why, { client = "listen" }, fn) end
  listen("deliver_sm", "3.4 4.6", "MUST", "A message that is not acknowledged comes again.", function(c)
    c:start("listen", { seconds = 2 })
    local session = c:bound().session
    session:send("deliver_sm", { source_addr = "491", destination_addr = "1", short_message = "hi" }):expect "ESME_ROK"
  end)
  listen("parts", "3.4 4.6", "MUST", "Each part is acknowledged, or the MC does not send the next.", function(c)
    c:start("listen", { seconds = 2 })
    local session = c:bound().session
    for i = 1, 3 do
      session:send("deliver_sm", {
        source_addr = "491", destination_addr = "1", esm_class = 0x40, short_message = "\5\0\3\7\3" .. string.char(i) .. "part",
      }):expect "ESME_ROK"
    end
  end)
  listen("enquire_link", "3.4 4.11", "MUST", "A receiver is silent for hours: the MC asks whether it lives.", function(c)
    c:start("listen", { seconds = 2 })
    c:bound().session:send("enquire_link"):expect "ESME_ROK"
  end)
  case("esme.keepalive", "3.4 4.11", "SHOULD", "Firewalls drop lines on which nothing passes.", { client = "keepalive" }, function(c)
    c:start("keepalive", { seconds = 6 })
    c:bound()
    c.smsc:expect("enquire_link", {}, { within_s = 4, any = true }):answer()
  end)
end
