--- Cases: binds.
local BINDS = {
  trx = { "bind_transceiver", "3.4 4.1.5", "transceiver" }, tx = { "bind_transmitter", "3.4 4.1.1", "transmitter" },
  rx = { "bind_receiver", "3.4 4.1.3", "receiver" },
}
local ORDER = { "tx", "rx", "trx" }

return function(case)
  for _, how in ipairs(ORDER) do
    local command, section, word = BINDS[how][1], BINDS[how][2], BINDS[how][3]
    local optional = how == "trx" and { optional = true } or {}
    case("bind." .. word, section, "MUST",
      "Without a bind nothing else works; the ESME reads the MC's system_id from the answer.", optional, function(c)
      local response = c:answer_of(c:open(), command, c:bind_fields())
      c:expect_status(response, "ESME_ROK")
      c.t:check(response.command == command .. "_resp", "the answer is " .. response.command)
    end)
    case("bind." .. word .. "_sequence", "3.4 5.1.4", "MUST",
      "An ESME matches answers by sequence_number; with another one it waits for ever.", optional, function(c)
      local fields = c:bind_fields()
      fields.sequence_number = 0x12345678
      c:expect_status(c:answer_of(c:open(), command, fields), "ESME_ROK")
    end)
    case("bind." .. word .. "_wrong_password", section, "MUST",
      "Whoever knows a system_id could send at the owner's cost.", optional, function(c)
      c:refused(c:open(), command, c:bind_fields { password = "wrong" .. #c.password })
    end)
    case("bind." .. word .. "_wrong_password_status", "3.4 5.1.3", "SHOULD",
      "ESME_RINVPASWD tells the operator what to correct. Disputed: ESME_RBINDFAIL hides which half was wrong.", optional,
      function(c)
        local response = c:refused(c:open(), command, c:bind_fields { password = "wrong" .. #c.password })
        c:expect_one_of(response, { "ESME_RINVPASWD", "ESME_RBINDFAIL", "ESME_RINVSYSID" })
      end)
    case("bind." .. word .. "_unknown_system_id", section, "MUST", "A stranger must not be served.", optional, function(c)
      c:refused(c:open(), command, c:bind_fields { system_id = "nobody" .. #c.system_id })
    end)
    case("bind." .. word .. "_refused_then_right", "3.4 2.2", "SHOULD",
      "An ESME that corrects itself binds on the same connection; a new connection is as good.", optional, function(c)
      local esme = c:open()
      c:refused(esme, command, c:bind_fields { password = "wrong" .. #c.password })
      if esme:session().ended then esme = c:open() end
      local response = c:answer_or_end(esme, command, c:bind_fields())
      if not response then
        esme = c:open()
        response = c:answer_of(esme, command, c:bind_fields())
      end
      c:expect_status(response, "ESME_ROK")
    end)
    case("bind." .. word .. "_twice", "3.4 5.1.3", "MUST",
      "A second bind on a bound session would change what the session may do.", optional, function(c)
      local esme = c:bind(how)
      c:refused(esme, command, c:bind_fields())
    end)
    case("bind." .. word .. "_twice_status", "3.4 5.1.3", "SHOULD",
      "ESME_RALYBND says that the session is bound already; another status sends the operator to the password.", optional,
      function(c)
        local response = c:refused(c:bind(how), command, c:bind_fields())
        c:expect_one_of(response, { "ESME_RALYBND", "ESME_RINVBNDSTS" })
      end)
    for _, version in ipairs { { 0x33, "3.3" }, { 0x34, "3.4" }, { 0x50, "5.0" } } do
      if not (how == "trx" and version[1] == 0x33) then
        case(("bind.%s_version_%s"):format(word, version[2]:gsub("%.", "")), "3.4 5.2.4; 5.0 4.7.13", version[1] == 0x50 and "SHOULD" or "MUST",
          ("ESMEs of SMPP %s exist; the MC answers in the version that both know."):format(version[2]), optional, function(c)
            c:expect_status(c:answer_of(c:open(), command, c:bind_fields { interface_version = version[1] }), "ESME_ROK")
          end)
      end
    end
    if how ~= "trx" then
      case("bind." .. word .. "_no_tlv_to_33", "3.4 3.3.2", "MUST",
        "An ESME of SMPP 3.3 does not know optional parameters, and may take them for garbage.", function(c)
        local response = c:answer_of(c:open(), command, c:bind_fields { interface_version = 0x33 })
        c:expect_status(response, "ESME_ROK")
        c.t:check(#response:tlvs() == 0, "the answer has optional parameters")
      end)
    end
    case("bind." .. word .. "_sc_interface_version", "3.4 4.1.2", "SHOULD",
      "Without it an ESME cannot know whether it may use optional parameters.", optional, function(c)
      local response = c:answer_of(c:open(), command, c:bind_fields())
      c:expect_status(response, "ESME_ROK")
      c.t:check(response.sc_interface_version ~= nil, "sc_interface_version is missing")
    end)
    case("bind." .. word .. "_system_type", "3.4 5.2.3", "MUST",
      "Many ESMEs send a system_type of their own; most MCs ignore it.", optional, function(c)
      c:expect_status(c:answer_of(c:open(), command, c:bind_fields { system_type = "VMS" }), "ESME_ROK")
    end)
    case("bind." .. word .. "_octet_by_octet", "3.4 3.2", "ROBUST",
      "TCP may deliver any part of a PDU; who reads only whole segments fails on slow lines.", optional, function(c)
      local esme = c:open()
      local request = esme:send(command, c:bind_fields(), { split = 1 })
      c:expect_status(request:expect({}), "ESME_ROK")
    end)
  end

  case("bind.empty_system_id", "3.4 5.2.1", "ROBUST",
    "Field tests send it; it must be refused or accepted, not end the process.", function(c)
    c:any_answer(c:open(), "bind_transmitter", c:bind_fields { system_id = "", password = "" })
  end)
  case("bind.longest_system_id", "3.4 5.2.1", "ROBUST", "A system_id of 15 octets is the longest that is allowed.", function(c)
    c:any_answer(c:open(), "bind_transmitter", c:bind_fields { system_id = ("x"):rep(15) })
  end)
  case("bind.overlong_system_id", "3.4 5.2.1", "ROBUST", "More octets than the field may have must not overrun a buffer.", function(c)
    local body = ("x"):rep(200) .. "\0secret\0\0\52\0\0\0"
    c:any_answer_to(c:open(), c:pdu(0x02, 1, body), true)
  end)
  case("bind.no_terminator", "3.4 3.1", "ROBUST", "A C string without its NUL must not be read beyond the PDU.", function(c)
    c:any_answer_to(c:open(), c:pdu(0x02, 1, ("x"):rep(40)))
  end)
  case("bind.without_body", "3.4 3.2", "ROBUST", "A bind of a header alone has no fields to read.", function(c)
    c:any_answer_to(c:open(), c:pdu(0x09, 1, ""))
  end)
  case("bind.address_range", "3.4 5.2.7", "MUST", "ESMEs name the addresses that they serve; a pattern is not an error.", function(c)
    c:expect_status(c:answer_of(c:open(), "bind_receiver", c:bind_fields { addr_ton = 1, addr_npi = 1, address_range = "^49" }), "ESME_ROK")
  end)
  case("bind.two_sessions", "3.4 2.2", "SHOULD",
    "A transmitter and a receiver of one account are the usual pair.", { second_bind = true }, function(c)
    c:bind "tx"
    c:bind("rx", true)
  end)
end
