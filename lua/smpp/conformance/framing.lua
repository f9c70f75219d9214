--- Cases: how PDUs come over TCP, unknown and malformed ones.
local UNKNOWN = { 0x0000000A, 0x00000010, 0x00000100, 0x000000FF, 0x0000FFFF, 0x00010100, 0x000102FF, 0x7FFFFFFF }
local RESPONSES = { 0x80000004, 0x80000005, 0x80000015, 0x80000000, 0x80000009, 0x80000103 }

return function(case)
  for _, id in ipairs(UNKNOWN) do
    local name = ("%08x"):format(id)
    case("framing.unknown_command_" .. name, "3.4 4.3", "MUST",
      "An ESME learns from generic_nack that an operation is not offered; without an answer it waits.", function(c)
      local esme = c:bind "tx"
      local response = c:raw_answer(esme, c:pdu(id, 77, ""), 77)
      c.t:check(response, "no answer")
      c.t:check(response.command_status ~= 0, "the answer is ESME_ROK")
    end)
    case("framing.unknown_command_" .. name .. "_goes_on", "3.4 4.3", "ROBUST",
      "One PDU that is not understood must not cost the session.", function(c)
      local esme = c:bind "tx"
      esme:write(c:pdu(id, 77, "abc\0"))
      c:expect_status(c:answer_of(esme, "enquire_link", {}), "ESME_ROK")
    end)
  end
  case("framing.unknown_command_status", "3.4 4.3; 3.4 5.1.3", "SHOULD",
    "generic_nack with ESME_RINVCMDID is what libraries look for.", function(c)
    local response = c:raw_answer(c:bind "tx", c:pdu(0x00000010, 77, ""), 77)
    c.t:check(response, "no answer")
    c.t:equal(response.command, "generic_nack")
    c:expect_one_of(response, { "ESME_RINVCMDID" })
  end)
  for _, id in ipairs(RESPONSES) do
    case(("framing.unasked_response_%08x"):format(id), "3.4 3.2", "ROBUST",
      "A response that comes twice or too late is no reason to end the session.", function(c)
      local esme = c:bind "tx"
      esme:write(c:pdu(id, 4711, ""))
      c:expect_status(c:answer_of(esme, "enquire_link", {}), "ESME_ROK")
    end)
  end
  for _, length in ipairs { 0, 1, 4, 15 } do
    case(("framing.length_%d"):format(length), "3.4 3.2", "ROBUST",
      "A command_length below 16 cannot be right; who believes it reads the same octets for ever.", function(c)
      local esme = c:bind "tx"
      esme:write({ command = "enquire_link", sequence_number = 9 }, { raw = { command_length = length } })
      c:lives_on()
    end)
  end
  for _, length in ipairs { 65536, 1048576, 0x7FFFFFFF, 0xFFFFFFFF } do
    case(("framing.length_%d"):format(length), "3.4 3.2", "ROBUST",
      "Who allocates what command_length says runs out of memory.", function(c)
      local esme = c:bind "tx"
      esme:write({ command = "enquire_link", sequence_number = 9 }, { raw = { command_length = length } })
      c:lives_on()
    end)
  end
  for _, item in ipairs {
    { "http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n" }, { "tls", "\22\3\1\2\0\1\0\1\252\3\3" .. ("\7"):rep(60) },
    { "zeros", ("\0"):rep(64) }, { "ones", ("\255"):rep(64) },
    { "text", ("hello world "):rep(20) }, { "one_octet", "\0" }, { "half_header", "\0\0\0\16\0\0\0" },
  } do
    case("framing.garbage_" .. item[1], "3.4 3.2", "ROBUST",
      "Scanners connect to every port; they must not disturb the bound ESMEs.", function(c)
      local esme = c:open()
      esme:write(item[2])
      c.t:pause(0.05)
      esme:close()
      c:lives_on()
    end)
    case("framing.garbage_bound_" .. item[1], "3.4 3.2", "ROBUST", "Garbage on one session must not reach the others.", function(c)
      local esme = c:bind "tx"
      esme:write(item[2])
      c.t:pause(0.05)
      esme:close()
      c:lives_on()
    end)
  end
  for _, sizes in ipairs { { 1 }, { 4 }, { 8 }, { 15 }, { 16 } } do
    case(("framing.split_at_%d"):format(sizes[1]), "3.4 3.2", "ROBUST", "TCP may cut anywhere, also inside of a header.", function(c)
      local esme = c:bind "tx"
      local request = esme:send("query_sm", { message_id = "none" }, { split = sizes })
      c.t:check(request:expect({}), "no answer")
    end)
  end
  case("framing.slow_octets", "3.4 3.2", "ROBUST", "A slow line delivers a PDU over some time; it is still one PDU.", function(c)
    local esme = c:bind "tx"
    esme:write({ command = "enquire_link", sequence_number = 5 }, { every_s = 0.02 })
    c:expect_status(c:answer_of(esme, "enquire_link", {}), "ESME_ROK")
  end)
  for _, count in ipairs { 2, 10, 50 } do
    case(("framing.joined_%d"):format(count), "3.4 3.2", "MUST",
      "Several PDUs in one segment are each answered; who reads one per segment loses the others.", function(c)
      local esme = c:bind "tx"
      local requests, pieces = {}, {}
      for i = 1, count do pieces[i] = { command = "enquire_link", sequence_number = 100 + i } end
      for i = 1, count do requests[i] = c:expects(esme, "enquire_link", 100 + i) end
      esme:write(pieces)
      for i = 1, count do c:expect_status(requests[i]:expect({}), "ESME_ROK") end
    end)
  end
  case("framing.half_close", "3.4 2.2", "ROBUST", "An ESME that is gone must not stay bound.", function(c)
    local esme = c:bind "tx"
    esme:half_close()
    esme:expect_closed(c.timeout_s)
  end)
  case("framing.reset_inside_pdu", "3.4 3.2", "ROBUST", "A connection that breaks inside of a PDU must not disturb the others.", function(c)
    local esme = c:bind "tx"
    esme:write "\0\0\0\60\0\0\0\4\0\0"
    esme:reset()
    c:lives_on()
  end)
  case("framing.connect_and_leave", "3.4 2.2", "ROBUST",
    "Load balancers connect and close all day to see whether the port is there.", function(c)
    for _ = 1, 10 do c:open():reset() end
    c:lives_on()
  end)
  case("framing.enquire_link_with_body", "3.4 4.11", "ROBUST",
    "Some ESMEs send octets behind the header; they belong to this PDU, not to the next.", function(c)
    local esme = c:bind "tx"
    esme:write(c:pdu(0x15, 6, "junk"))
    c:expect_status(c:answer_of(esme, "enquire_link", {}), "ESME_ROK")
  end)
  case("framing.nonzero_status_in_request", "3.4 5.1.3", "ROBUST",
    "command_status of a request is unused; some libraries leave rubbish in it.", function(c)
    local esme = c:bind "tx"
    local request = esme:send("enquire_link", {}, { raw = { command_status = 8 } })
    c:expect_status(request:expect({}), "ESME_ROK")
  end)
  case("framing.generic_nack_from_esme", "3.4 4.3", "ROBUST",
    "An ESME that did not understand something says so; nobody answers a generic_nack.", function(c)
    local esme = c:bind "trx"
    esme:write { command = "generic_nack", sequence_number = 0, status = "ESME_RINVCMDLEN" }
    c:expect_status(c:answer_of(esme, "enquire_link", {}), "ESME_ROK")
  end)
end
