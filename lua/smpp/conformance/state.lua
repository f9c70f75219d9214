--- Cases: which request is allowed in which state (3.4, 2.3), and what ends a session.
local REQUESTS = {
  { "submit_sm", "3.4 4.4", { destination_addr = "1", short_message = "x" } },
  { "submit_multi", "3.4 4.5", { dest_address = { { dest_flag = 1, destination_addr = "1" } } } },
  { "data_sm", "3.4 4.7", { destination_addr = "1" } }, { "query_sm", "3.4 4.8", { message_id = "1" } },
  { "cancel_sm", "3.4 4.9", { message_id = "1" } },
  { "replace_sm", "3.4 4.10", { message_id = "1", short_message = "x" } },
}

return function(case)
  for _, item in ipairs(REQUESTS) do
    local command, section, fields = item[1], item[2], item[3]
    case("state.open_" .. command, "3.4 2.2; " .. section, "MUST",
      "Before a bind nobody knows who pays: the request must be refused.", function(c)
      c:refused_or_closed(c:open(), command, fields)
    end)
    case("state.open_" .. command .. "_status", "3.4 5.1.3", "SHOULD", "ESME_RINVBNDSTS says what is missing: a bind.", function(c)
      local response = c:refused_or_closed(c:open(), command, fields)
      if response then c:expect_one_of(response, { "ESME_RINVBNDSTS" }) end
    end)
    if command ~= "data_sm" then
      case("state.receiver_" .. command, "3.4 2.3; " .. section, "MUST",
        "A receiver may not submit: carriers sell the directions apart.", function(c)
        c:refused_or_closed(c:bind "rx", command, fields)
      end)
      case("state.receiver_" .. command .. "_status", "3.4 5.1.3", "SHOULD",
        "ESME_RINVBNDSTS says that another kind of bind is needed.", function(c)
        local response = c:refused_or_closed(c:bind "rx", command, fields)
        if response then c:expect_one_of(response, { "ESME_RINVBNDSTS", "ESME_RINVCMDID" }) end
      end)
    end
    case("state.unbound_" .. command, "3.4 2.2; 3.4 4.2", "MUST",
      "After unbind the session is over: what is taken then has no owner.", function(c)
      local esme = c:bind "tx"
      c:expect_status(c:answer_of(esme, "unbind", {}), "ESME_ROK")
      if esme:session().ended then return end
      c:refused_or_closed(esme, command, fields)
    end)
  end
  for _, how in ipairs { "tx", "rx", "trx" } do
    local optional = how == "trx" and { optional = true } or {}
    case("state.enquire_link_" .. how, "3.4 4.11", "MUST",
      "An ESME that gets no answer takes the line for dead and binds again.", optional, function(c)
      c:expect_status(c:answer_of(c:bind(how), "enquire_link", {}), "ESME_ROK")
    end)
    case("state.unbind_" .. how, "3.4 4.2", "MUST",
      "Without unbind_resp an ESME does not know whether its last messages were taken.", optional, function(c)
      c:expect_status(c:answer_of(c:bind(how), "unbind", {}), "ESME_ROK")
    end)
    case("state.unbind_closes_" .. how, "3.4 2.2", "SHOULD",
      "A connection that stays open after unbind uses up descriptors. Disputed: who closes first.", optional, function(c)
      local esme = c:bind(how)
      c:expect_status(c:answer_of(esme, "unbind", {}), "ESME_ROK")
      esme:expect_closed(c.timeout_s)
    end)
    case("state.rebind_" .. how, "3.4 2.2", "MUST", "An ESME that reconnects must get in again at once.", optional, function(c)
      c:expect_status(c:answer_of(c:bind(how), "unbind", {}), "ESME_ROK")
      c:bind(how)
    end)
    case("state.rebind_after_reset_" .. how, "3.4 2.2", "ROBUST",
      "A line that breaks must not leave the account bound for ever.", optional, function(c)
      c:bind(how):reset()
      c.t:pause(0.1)
      c:bind(how)
    end)
  end
  for _, number in ipairs { 1, 2, 255, 65536, 0x7FFFFFFE, 0x7FFFFFFF } do
    case(("state.sequence_%d"):format(number), "3.4 5.1.4", "MUST",
      "All numbers from 1 to 0x7FFFFFFF are valid; some MCs count in 16 bits.", function(c)
      c:expect_status(c:answer_of(c:bind "tx", "enquire_link", { sequence_number = number }), "ESME_ROK")
    end)
  end
  case("state.sequence_falls", "3.4 5.1.4", "MUST", "Sequence numbers wrap around; a lower one is no error.", function(c)
    local esme = c:bind "tx"
    c:expect_status(c:answer_of(esme, "enquire_link", { sequence_number = 1000 }), "ESME_ROK")
    c:expect_status(c:answer_of(esme, "enquire_link", { sequence_number = 5 }), "ESME_ROK")
  end)
  case("state.sequence_again", "3.4 5.1.4", "ROBUST", "An ESME that restarts its numbers must still be answered.", function(c)
    local esme = c:bind "tx"
    c:expect_status(c:answer_of(esme, "enquire_link", { sequence_number = 7 }), "ESME_ROK")
    c:expect_status(c:answer_of(esme, "enquire_link", { sequence_number = 7 }), "ESME_ROK")
  end)
end
