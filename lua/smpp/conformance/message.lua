--- Cases: messages, their fields, and questions about them.  They need a number to submit to, but for those that are malformed.
local function submit(c, esme, fields, o)
  return c:answer_of(esme, "submit_sm", c:message(fields), o)
end

return function(case)
  local one = { submits = 1 }
  local function accepted(id, section, level, why, fields)
    case("message." .. id, section, level, why, one, function(c)
      local response = submit(c, c:bind "tx", fields)
      c:expect_status(response, "ESME_ROK")
      c.t:check(response.message_id ~= nil and response.message_id ~= "", "the answer has no message_id")
    end)
  end
  local NOT_ALL = "Not every carrier has it, and then refuses it; an ESME that uses it needs it."
  accepted("plain", "3.4 4.4.1; 3.4 4.4.2", "MUST", "The message_id is what receipts and queries refer to.", {})
  accepted("empty_text", "3.4 5.2.21", "SHOULD", "An empty text is allowed; some use it as a ping.", { short_message = "" })
  accepted("longest_short_message", "3.4 5.2.22", "MUST", "254 octets are the longest short_message.", { short_message = ("x"):rep(254) })
  accepted("payload", "3.4 5.3.2.32", "SHOULD",
    "message_payload carries what short_message cannot.", { short_message = "", message_payload = ("x"):rep(300) })
  accepted("latin1", "3.4 5.2.19", "SHOULD", NOT_ALL, { data_coding = 3, short_message = "Gr\252\223e" })
  accepted("binary", "3.4 5.2.19", "SHOULD", NOT_ALL, { data_coding = 4, short_message = "\0\1\2\255" })
  accepted("ucs2", "3.4 5.2.19", "MUST", "Most of the world does not write in GSM 03.38.", { data_coding = 8, short_message = "\4\22\0H" })
  accepted("udh", "3.4 5.2.12", "MUST",
    "Long texts go out in parts with a user data header.", { esm_class = 0x40, short_message = "\5\0\3\1\1\1hello" })
  accepted("sar", "3.4 5.3.2.22", "SHOULD",
    "The other way to send parts.", { sar_msg_ref_num = 1, sar_total_segments = 1, sar_segment_seqnum = 1 })
  accepted("alphanumeric_source", "3.4 5.2.5", "SHOULD", NOT_ALL, { source_addr_ton = 5, source_addr_npi = 0, source_addr = "TestApp" })
  accepted("no_source", "3.4 4.4.1", "SHOULD",
    "The MC fills in a source address that is NULL.", { source_addr_ton = 0, source_addr_npi = 0, source_addr = "" })
  for priority = 0, 3 do
    accepted(("priority_%d"):format(priority), "3.4 5.2.14", "SHOULD", "All four are valid.", { priority_flag = priority })
  end
  accepted("validity_relative", "3.4 7.1.1", "SHOULD",
    "A one-time code is worthless after five minutes.", { validity_period = "000000000500000R" })
  accepted("unknown_tlv", "3.4 3.3.1", "MUST",
    "Forward compatibility: what is not known has to be ignored.", { tlvs = { { 0x1234, "abc" } } })
  accepted("vendor_tlv", "3.4 3.3.1", "MUST", "Vendors add parameters of their own.", { tlvs = { { 0x1400, "abc" }, { 0x3FFF, "" } } })
  accepted("user_message_reference", "3.4 5.3.2.17", "MUST", "An ESME's own number of the message.", { user_message_reference = 4711 })
  accepted("protocol_id", "3.4 5.2.13", "SHOULD",
    "GSM's protocol identifier, here short message type 0's neighbour.", { protocol_id = 0x41 })
  accepted("registered_delivery", "3.4 5.2.17", "MUST", "Who asks for a receipt must not be refused.", { registered_delivery = 1 })

  case("message.ids_differ", "3.4 5.2.23", "MUST", "Two messages with one id have one receipt.", { submits = 2 }, function(c)
    local esme = c:bind "tx"
    local a, b = submit(c, esme, {}), submit(c, esme, {})
    c:expect_status(a, "ESME_ROK")
    c:expect_status(b, "ESME_ROK")
    c.t:check(a.message_id ~= b.message_id, "both are " .. tostring(a.message_id))
  end)
  case("message.same_twice", "3.4 5.2.23", "MUST", "The same text twice is two messages.", { submits = 2 }, function(c)
    local esme = c:bind "tx"
    local a, b = submit(c, esme, { short_message = "again" }), submit(c, esme, { short_message = "again" })
    c:expect_status(a, "ESME_ROK")
    c:expect_status(b, "ESME_ROK")
    c.t:check(a.message_id ~= b.message_id, "both are " .. tostring(a.message_id))
  end)
  for _, count in ipairs { 2, 5, 10 } do
    case(("message.window_%d"):format(count), "3.4 2.8", "MUST",
      "Whoever waits for each answer sends a tenth: several requests may be under way.", { submits = count }, function(c)
      local esme, requests = c:bind "tx", {}
      for i = 1, count do requests[i] = esme:send("submit_sm", c:message {}) end
      for i = 1, count do
        local response = requests[i]:expect({})
        c:expect_one_of(response, { "ESME_ROK", "ESME_RTHROTTLED", "ESME_RMSGQFUL" })
      end
    end)
  end
  case("message.transceiver", "3.4 2.3", "MUST", "A transceiver submits like a transmitter.", { submits = 1, optional = true }, function(c)
    c:expect_status(submit(c, c:bind "trx", {}), "ESME_ROK")
  end)
  case("message.split", "3.4 3.2", "ROBUST", "A message may come in any pieces.", { submits = 1 }, function(c)
    local request = c:bind("tx"):send("submit_sm", c:message {}, { split = 1 })
    c:expect_status(request:expect({}), "ESME_ROK")
  end)
  case("message.query", "3.4 4.8", "SHOULD", "An ESME without receipts asks.", { submits = 1 }, function(c)
    local esme = c:bind "tx"
    local sent = submit(c, esme, {})
    c:expect_status(sent, "ESME_ROK")
    local fields = c:message {}
    local response = c:answer_of(esme, "query_sm", {
      message_id = sent.message_id, source_addr = fields.source_addr,
      source_addr_ton = fields.source_addr_ton, source_addr_npi = fields.source_addr_npi,
    })
    c:offered(response)
    c:expect_status(response, "ESME_ROK")
    c.t:equal(response.message_id, sent.message_id)
  end)

  -- Refusals that need no number: what is sent cannot be routed.
  local function refused(id, section, level, why, fields, statuses)
    case("message." .. id, section, level, why, { malformed = true }, function(c)
      local response = c:refused(c:bind "tx", "submit_sm", fields)
      if statuses then c:expect_one_of(response, statuses) end
    end)
  end
  refused("no_destination", "3.4 5.2.9", "MUST",
    "A message without a destination cannot be delivered, and must not be charged.", { short_message = "x" })
  refused("no_destination_status", "3.4 5.1.3", "SHOULD",
    "ESME_RINVDSTADR names the field.", { short_message = "x" }, { "ESME_RINVDSTADR" })
  for _, item in ipairs {
    { "query_sm", "3.4 4.8", { "ESME_RQUERYFAIL", "ESME_RINVMSGID" } }, { "cancel_sm", "3.4 4.9", { "ESME_RCANCELFAIL", "ESME_RINVMSGID" } },
    { "replace_sm", "3.4 4.10", { "ESME_RREPLACEFAIL", "ESME_RINVMSGID" } },
  } do
    local command = item[1]
    case("message." .. command .. "_unknown_id", item[2], "MUST",
      "An id that the MC never gave has no message.", { malformed = true }, function(c)
      c:refused(c:bind "tx", command, { message_id = "no-such-id", source_addr = "1" })
    end)
    case("message." .. command .. "_unknown_id_status", "3.4 5.1.3", "SHOULD",
      "The status says which operation failed, and why.", { malformed = true }, function(c)
      local response = c:refused(c:bind "tx", command, { message_id = "no-such-id", source_addr = "1" })
      c:offered(response)
      c:expect_one_of(response, item[3])
    end)
  end
  -- Octets that are no valid submit_sm.
  local HEAD = "\0\1\1" .. "1\0" .. "\1\1"
  for _, item in ipairs {
    { "without_body", "", "A submit_sm of a header alone has no fields to read." },
    { "cut_in_address", HEAD .. "49", "An address without its NUL must not be read beyond the PDU." },
    { "sm_length_too_long", HEAD .. "\0" .. "\0\0\0\0\0\0\0\0\0\200abc",
      "sm_length says more than there is; who believes it reads what is behind the PDU." },
    { "overlong_destination", "\0\1\1\0\1\1" .. ("1"):rep(100) .. "\0\0\0\0\0\0\0\0\0\0\0",
      "An address longer than its field must not overrun a buffer." },
    { "truncated_tlv", HEAD .. "\0" .. "\0\0\0\0\0\0\0\0\0\0" .. "\4\36\0\100ab",
      "A TLV that says it is longer than the PDU must not be read beyond it." },
    { "half_tlv", HEAD .. "\0" .. "\0\0\0\0\0\0\0\0\0\0" .. "\4", "An octet behind the last field is no TLV." },
  } do
    case("message.malformed_" .. item[1], "3.4 3.2; 3.4 4.4.1", "ROBUST", item[3], { malformed = true }, function(c)
      local esme = c:bind "tx"
      local response = c:raw_answer(esme, c:pdu(0x04, 8, item[2]), 8)
      -- An octet too many may be forgiven; fields that are missing may not.
      if response and item[1] ~= "half_tlv" then c.t:check(response.command_status ~= 0, "the answer is ESME_ROK") end
      c:lives_on()
    end)
  end
end
