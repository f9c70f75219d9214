-- Each status of the tables: the request that a message centre answers with it, or why none is.
local mc = require "spec.support.mc"
local simulator = require "smpp.simulator"
local smpp = require "smpp"
local util = require "spec.support.util"

local CENTRE = {
  version = "5.0", queue_size = 3, deliver_after_s = 5,
  accounts = {
    a = { password = "secret" }, b = {}, far = { addresses = { "192.0.2.0/24" } }, full = { max_binds = 1 },
    slow = { rate_per_s = 1, burst = 1 },
  },
  checks = { data_coding = { 0, 8 }, service_types = { "", "CMT" }, default_messages = 0 },
}

local FIVE = { system_id = "a", interface_version = 0x50, version = 0x50 }

--- The status of a request's answer, of an ESME that is bound so.
local function ask(command, fields, o)
  return function(w)
    local esme = assert(w:bind(o or FIVE))
    local response, _, code = esme[command](esme, fields)
    return response and "ESME_ROK" or code
  end
end

local function submit(fields, o)
  fields.destination_addr = fields.destination_addr or "491"
  return ask("submit_sm", fields, o)
end

local function refused_bind(o)
  return function(w)
    local esme, _, code = w:bind(o)
    return esme and "ESME_ROK" or code
  end
end

--- The answer to a PDU in which some octets stand for others, of a peer that is bound, or not.
local function damaged(pdu, from, to, is_bound)
  return function(w)
    pdu.sequence_number = 7
    local octets = assert(smpp.encode(pdu))
    local first, last = assert(octets:find(from, 5, true))
    octets = octets:sub(5, first - 1) .. to .. octets:sub(last + 1)
    octets = "\0\0\0" .. string.char(#octets + 4) .. octets
    if is_bound then
      octets = smpp.encode { command = "bind_transceiver", sequence_number = 1, system_id = "b", interface_version = 0x50 } .. octets
    end
    local answers, at = w:talk(octets), 1
    while true do
      local answer
      answer, at = assert(smpp.decode(answers, at))
      if answer.sequence_number == 7 then return answer.status end
    end
  end
end

local LONG = ("9"):rep(30)
local THREE = { system_id = "a", interface_version = 0x33, version = 0x33, type = "transmitter" }
local BROADCAST = {
  source_addr = "1", broadcast_area_identifier = "\0town", broadcast_content_type = "\1\0\1", broadcast_rep_num = 1,
  broadcast_frequency_interval = "\8\0\5",
}
local function broadcast(name, value)
  local fields = {}
  for key, given in pairs(BROADCAST) do fields[key] = given end
  fields[name] = value
  return ask("broadcast_sm", fields)
end

-- Status -> the request that gets it: fn(world) -> status.
local CAUSES = {
  ESME_ROK = submit {},
  ESME_RINVMSGLEN = submit { short_message = "x", message_payload = "y" },
  ESME_RINVCMDLEN = damaged({ command = "query_sm" }, "\7\0\0\0\0", "\7", true),
  ESME_RINVCMDID = damaged({ command = "enquire_link" }, "\21", "\22"),
  ESME_RINVBNDSTS = submit({}, { system_id = "a", type = "receiver", unchecked = true }),
  ESME_RALYBND = function(w)
    assert(w:bind({ system_id = "full" }))
    return refused_bind { system_id = "full" }(w)
  end,
  ESME_RINVPRTFLG = submit { priority_flag = 9 },
  ESME_RINVREGDLVFLG = submit { registered_delivery = 32 },
  ESME_RSYSERR = function(w)
    local other = w:server({ port = 2776, submit_sm = function() error "oops" end }, simulator.new)
    local status = submit({}, { system_id = "b" })(w)
    other:close(0)
    return status
  end,
  ESME_RINVSRCADR = damaged({ command = "submit_sm", source_addr = "x", destination_addr = "491" }, "x", LONG, true),
  ESME_RINVDSTADR = submit { destination_addr = "letters" },
  ESME_RINVMSGID = ask("query_sm", { message_id = "none" }),
  ESME_RBINDFAIL = refused_bind { system_id = "far" },
  ESME_RINVPASWD = refused_bind { system_id = "a", password = "wrong" },
  ESME_RINVSYSID = refused_bind { system_id = "nobody" },
  ESME_RCANCELFAIL = ask("cancel_sm", { source_addr = "1", destination_addr = "2" }),
  ESME_RREPLACEFAIL = function(w)
    local esme = w:bind(FIVE)
    local id = esme:submit_sm({ destination_addr = "491", source_addr = "1" }).message_id
    return select(3, esme:replace_sm { message_id = id, source_addr = "2", short_message = "x" })
  end,
  ESME_RMSGQFUL = function(w)
    local esme = w:bind(FIVE)
    for _ = 1, 3 do assert(esme:submit_sm { destination_addr = "491" }) end
    return select(3, esme:submit_sm { destination_addr = "491" })
  end,
  ESME_RINVSERTYP = submit { service_type = "VMN" },
  ESME_RINVNUMDESTS = ask("submit_multi", { short_message = "x", dest_address = {} }),
  ESME_RINVDLNAME = ask("submit_multi", { short_message = "x", dest_address = { { dl_name = "foes" } } }),
  ESME_RINVDESTFLAG = damaged({ command = "submit_multi", dest_address = { { destination_addr = "491" } } }, "\1\1\0\0", "\1\7\0\0", true),
  ESME_RINVESMCLASS = submit { esm_class = 4 },
  ESME_RINVSRCTON = submit { source_addr_ton = 9 },
  ESME_RINVSRCNPI = submit { source_addr_npi = 99 },
  ESME_RINVDSTTON = submit { dest_addr_ton = 9 },
  ESME_RINVDSTNPI = submit { dest_addr_npi = 99 },
  ESME_RINVSYSTYP = damaged({ command = "bind_transmitter", system_id = "a", system_type = "x" }, "x", LONG),
  ESME_RINVREPFLAG = submit { replace_if_present_flag = 2 },
  ESME_RINVNUMMSGS = ask("query_last_msgs", { num_messages = 101 }, THREE),
  ESME_RTHROTTLED = function(w)
    local esme = w:bind({ system_id = "slow" })
    assert(esme:submit_sm { destination_addr = "491" })
    return select(3, esme:submit_sm { destination_addr = "491" })
  end,
  ESME_RINVSCHED = submit { schedule_delivery_time = "991399000000000+" },
  ESME_RINVEXPIRY = submit { validity_period = "000101000000000+" },
  ESME_RINVDFTMSGID = submit { sm_default_msg_id = 1 },
  ESME_RQUERYFAIL = function(w)
    local esme = w:bind(FIVE)
    local id = esme:submit_sm({ destination_addr = "491", source_addr = "1" }).message_id
    return select(3, esme:query_sm { message_id = id, source_addr = "2" })
  end,
  ESME_RINVTLVSTREAM = damaged({ command = "submit_sm", short_message = "the end" }, "the end", "the end\2\4\255", true),
  ESME_RINVTLVLEN = submit { tlvs = { { 0x0204, "1" } } },
  ESME_RMISSINGTLV = ask("broadcast_sm", { source_addr = "1" }),
  ESME_RDELIVERYFAILURE = submit { esm_class = 2, validity_period = "000000000002000R" },
  ESME_RINVDCS = submit { data_coding = 4 },
  ESME_RINVSRCADDRSUBUNIT = submit { source_addr_subunit = 9 },
  ESME_RINVDSTADDRSUBUNIT = submit { dest_addr_subunit = 9 },
  ESME_RINVBCASTFREQINT = broadcast("broadcast_frequency_interval", "\1\0\1"),
  ESME_RINVBCASTAREAFMT = broadcast("broadcast_area_identifier", "\9town"),
  ESME_RINVBCASTCNTTYPE = broadcast("broadcast_content_type", "\9\0\1"),
  ESME_RINVBCASTMSGCLASS = broadcast("broadcast_message_class", 9),
  ESME_RINVBCASTCHANIND = broadcast("broadcast_channel_indicator", 9),
  ESME_RBCASTQUERYFAIL = function(w)
    local esme = w:bind(FIVE)
    local id = esme:broadcast_sm(BROADCAST).message_id
    return select(3, esme:query_broadcast_sm { message_id = id, source_addr = "2" })
  end,
  ESME_RBCASTCANCELFAIL = function(w)
    local esme = w:bind(FIVE)
    local id = esme:broadcast_sm(BROADCAST).message_id
    w:sleep(10)
    return select(3, esme:cancel_broadcast_sm { message_id = id, source_addr = "1" })
  end,
}

local OF_33, OF_ESMES = "reserved since 3.4, and 3.3 prints no numbers", "ESMEs answer with it, message centres do not"
local OF_SERVICES = "only a service knows; its handler, or `refusals` of a simulator, answers with it"
-- Status -> why no message centre answers with it by itself.
local NEVER = {
  ["0x00000009"] = OF_33, ["0x00000012"] = OF_33, ["0x00000046"] = OF_33, ["0x00000047"] = OF_33, ["0x00000056"] = OF_33, ["0x00000057"] = OF_33,
  ESME_RX_T_APPN = OF_ESMES, ESME_RX_P_APPN = OF_ESMES, ESME_RX_R_APPN = OF_ESMES,
  ESME_RINVSUBREP = "replacing is supported everywhere",
  ESME_RCNTSUBDL = "lists are supported: one that is unknown is ESME_RINVDLNAME",
  ESME_RSUBMITFAIL = "there is always a reason",
  ESME_RTLVNOTALLWD = "a TLV that is not expected is ignored (3.4, 3.3)",
  ESME_RINVTLVVAL = "a value that is reserved is taken for the default (3.4, 3.3)",
  ESME_RUNKNOWNERR = "what goes wrong in the server is ESME_RSYSERR",
  ESME_RSERTYPUNAUTH = OF_SERVICES, ESME_RPROHIBITED = OF_SERVICES, ESME_RSERTYPUNAVAIL = OF_SERVICES, ESME_RSERTYPDENIED = OF_SERVICES,
  ESME_RINVBCASTALIAS_NAME = OF_SERVICES, ESME_RINVNUMBCAST_AREAS = OF_SERVICES, ESME_RBCASTFAIL = OF_SERVICES,
  ESME_RINVBCAST_REP = "any number is allowed", ESME_RINVBCASTSRVGRP = OF_SERVICES,
}

describe("command_status of a response:", function()
  local known = {}
  for _, row in ipairs(util.tsv "statuses.tsv") do
    local name = row.name ~= "-" and row.name or row.code
    known[name] = true
    it(name .. (CAUSES[name] and " is the answer to what deserves it" or " is nobody's by itself"), function()
      assert.is_true((CAUSES[name] == nil) ~= (NEVER[name] == nil), "neither caused nor explained, or both")
      if not CAUSES[name] then return end
      mc.world(function(w)
        local o = {}
        for key, value in pairs(CENTRE) do o[key] = value end
        local centre = w:server(o, simulator.new)
        assert.equal(name, CAUSES[name](w, centre))
        centre:close(0)
      end)
    end)
  end

  it("is one of the tables", function()
    for _, list in ipairs { CAUSES, NEVER } do
      for name in pairs(list) do assert.is_true(known[name], name) end
    end
  end)

  it("of any name or number can be a handler's", function()
    mc.world(function(w)
      local status
      local server = w:server { submit_sm = function() return nil, status end }
      local esme = w:bind()
      for _, row in ipairs(util.tsv "statuses.tsv") do
        for _, given in ipairs { tonumber(row.code), row.name ~= "-" and row.name or tonumber(row.code) } do
          status = given
          local response, _, code, refused = esme:submit_sm { destination_addr = "491" }
          assert.equal(tonumber(row.code), (response or refused).command_status)
          assert.equal(row.code == "0x00000000", code == nil)
        end
      end
      server:close()
    end)
  end)
end)
