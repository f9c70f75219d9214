local commands = require "smpp.codec.commands"
local esme = require "spec.support.esme"
local pdus = require "smpp.codec"
local smpp = require "smpp"
require "smpp.session" -- whose methods no command may replace

--- Names of the standard's commands with a role, in order.
local function with(role)
  local names = {}
  for id in pairs(commands.roles[role]) do
    if id <= 0x1FF then names[#names + 1] = commands.rows[id].name end
  end
  table.sort(names)
  return table.concat(names, " ")
end

describe("smpp.codec.commands", function()
  it("knows ids by name and rows by id", function()
    assert.equal(0x04, commands.ids.submit_sm)
    assert.equal(0x80000103, commands.ids.data_sm_resp)
    assert.equal("submit_sm", commands.rows[0x04].name)
    assert.equal(0x80000004, commands.rows[0x04].response_id)
    assert.is_nil(commands.ids.spec_probe)
  end)

  it("lists requests, and neither responses nor generic_nack", function()
    for _, command in ipairs(commands.requests) do assert.is_true(command.id < 0x80000000, command.name) end
    assert.equal("bind_receiver", commands.requests[1].name)
  end)

  it("says what each command is for the layers above", function()
    assert.equal("bind_receiver bind_transceiver bind_transmitter", with "bind")
    assert.equal("bind_receiver bind_transceiver bind_transmitter enquire_link outbind unbind", with "session")
    assert.equal("broadcast_sm data_sm submit_multi submit_sm", with "submit")
    assert.equal("broadcast_sm data_sm submit_multi submit_sm", with "message_id")
    assert.equal("broadcast_sm data_sm submit_multi submit_sm", with "limited")
    assert.equal("data_sm submit_sm", with "ordered")
    assert.equal("data_sm submit_multi submit_sm", with "defaults")
    assert.equal("broadcast_sm data_sm deliver_sm replace_sm submit_multi submit_sm", with "text")
    assert.equal("alert_notification outbind", with "unanswered")
  end)
end)

local PROBE = {
  name = "spec_probe", id = 0x000102F1,
  parameters = {
    { name = "probe_id", type = "cstring", max = 17 }, { name = "depth", type = "int2" }, { name = "blob", type = "octets" },
    { name = "dest_addr_ton", type = "int1" }, { name = "at", type = "time" },
  },
  response = { { name = "message_id", type = "cstring", max = 65 }, { name = "result", type = "int1" } },
  roles = { "message_id", "limited", "ordered" },
}

local function codec(...) return assert(pdus.codec_of { commands = { PROBE, ... } }) end

--- path, reason and suggestion of the error of a declaration behind PROBE
local function refused(path, reason, declaration, suggestion)
  local made, wrong = pdus.codec_of { commands = { PROBE, declaration } }
  assert.is_nil(made)
  assert.same({ "commands[2]" .. path, reason, suggestion }, { wrong.path, wrong.reason, wrong.suggestion })
end

describe("smpp.codec.commands: a vendor's command", function()
  it("is encoded and decoded as its parameters say", function()
    local c = codec()
    local octets = assert(c.encode {
      command = "spec_probe", sequence_number = 4, probe_id = "abc", depth = 513, blob = "xy", dest_addr_ton = "international",
    })
    assert.equal("\0\0\0\27\0\1\2\241\0\0\0\0\0\0\0\4abc\0\2\1\2xy\1\0", octets)
    local pdu = c.decode(octets)
    assert.same({ "spec_probe", "abc", 513, "xy", 1, "" }, { pdu.command, pdu.probe_id, pdu.depth, pdu.blob, pdu.dest_addr_ton, pdu.at })
    assert.equal('spec_probe #4 probe_id="abc" depth=513 blob="xy" dest_addr_ton=1', tostring(pdu))
    assert.matches("command_id  spec_probe", pdu:dump())
    assert.matches("dest_addr_ton  1 %(international%)", pdu:dump())
    assert.same({}, pdu:problems())
    assert.equal(octets, c.encode(pdu:totable()))
    assert.equal("new", pdu:with({ probe_id = "new" }).probe_id)
  end)

  it("is unknown to every other codec, and its names are, too", function()
    local octets = assert(codec().encode { command = "spec_probe", probe_id = "abc" })
    local pdu = smpp.decode(octets)
    assert.equal("0x000102F1", pdu.command)
    assert.has_error(function() return pdu.probe_id end)
    assert.is_nil((smpp.encode { command = "spec_probe" }))
    assert.is_nil(pdus.codec.commands.ids.spec_probe)
  end)

  it("is decoded from every cut, and never past its end", function()
    local c = codec()
    local octets = assert(c.encode { command = "spec_probe", probe_id = "abc", blob = ("b"):rep(255) })
    for length = 16, #octets - 1 do
      local head = "\0\0" .. string.char(math.floor(length / 256), length % 256)
      local pdu = assert(c.decode(head .. octets:sub(5, length)))
      assert.is_true(#pdu:problems() > 0, length)
      assert.is_string(pdu:dump())
    end
  end)

  it("keeps the limits of its parameters", function()
    local c = codec()
    local _, message, code = c.encode { command = "spec_probe", probe_id = ("a"):rep(17) }
    assert.same({ "spec_probe: probe_id: 17 octets, at most 16", "too_long" }, { message, code })
    _, message = c.encode { command = "spec_probe", depth = 65536 }
    assert.equal("spec_probe: depth: 65536, at most 65535", message)
    assert.is_nil((c.encode { command = "spec_probe", at = "later" }))
  end)

  it("is refused with the reason", function()
    refused(".name", "duplicate command 'spec_probe' (0x00010202): already declared as spec_probe (0x000102F1)", { name = "spec_probe", id = 0x00010202 })
    refused(".id", "duplicate command 'other_sm' (0x000102F1): already declared as spec_probe (0x000102F1)", { name = "other_sm", id = 0x000102F1 })
    refused(".name", "duplicate command 'submit_sm' (0x00010205): already declared as submit_sm (0x00000004)", { name = "submit_sm", id = 0x00010205 })
    refused(".id", "reserved for the standard: 0x00010200 to 0x000102FF are for vendors", { name = "other_sm", id = 0x150 })
    refused(".id", "expected the command_id of a request: 0x00010200 to 0x000102FF are for vendors", { name = "other_sm", id = 0x800102F3 })
    refused(".id", "missing", { name = "other_sm" })
    refused(".parameters[1].type", [[expected one of "int1", "int2", "int4", "cstring", "octets", "time", "dest_address", "unsuccess_sme", "message_ids", ]]
      .. "got 'int3'; did you mean 'int1'?", { name = "other_sm", id = 0x10205, parameters = { { name = "x", type = "int3" } } })
    refused("", "other_sm: duplicate parameter 'x'",
      { name = "other_sm", id = 0x10205, parameters = { { name = "x", type = "int1" }, { name = "x", type = "int1" } } })
    refused("", "other_sm: dest_address: invalid type cstring: in SMPP this parameter is a list of addresses",
      { name = "other_sm", id = 0x10205, parameters = { { name = "dest_address", type = "cstring" } } })
    refused("", "invalid parameter name 'sequence_number': reserved, every PDU has it",
      { name = "other_sm", id = 0x10205, parameters = { { name = "sequence_number", type = "int4" } } })
    refused(".name", "invalid command name 'request': sessions have a method of that name", { name = "request", id = 0x10205 })
    refused(".paramters", "unknown option", { name = "other_sm", id = 0x10205, paramters = {} }, "commands[2].parameters")
    local many = {}
    for i = 1, 19 do many[i] = { name = "x" .. i, type = "int1" } end
    refused("", "other_sm: more than 18 parameters", { name = "other_sm", id = 0x10205, parameters = many })
  end)

  it("that is invalid is a structured error of every option that takes one, with its path", function()
    local profile = require "smpp.profile"
    local wrong = { { name = "other_sm", id = 0x10205, paramters = {} } }
    local function error_of(fn, ...)
      local ok, message = pcall(fn, ...)
      assert.is_false(ok)
      return (message:gsub("^.-%.lua:%d+: ", ""))
    end
    local expected = "unknown option 'commands[1].paramters'; did you mean 'commands[1].parameters'?"
    local in_profile = "unknown option 'profile.commands[1].paramters'; did you mean 'profile.commands[1].parameters'?"
    assert.equal("commands[1].parameters", select(2, profile.read { commands = wrong }).suggestion)
    assert.equal(expected, error_of(smpp.connect, { "smpp://h", commands = wrong }))
    assert.equal(in_profile, error_of(smpp.connect, { "smpp://h", profile = { commands = wrong } }))
    assert.equal(in_profile, error_of(smpp.server, { profile = { commands = wrong } }))
    assert.equal(in_profile, error_of(smpp.simulator, { profile = { commands = wrong } }))
    assert.equal("unknown option 'paramters'; did you mean 'parameters'?", error_of(smpp.declare_command, wrong[1]))
    assert.equal("commands: expected a list of commands, got 5", error_of(smpp.connect, { "smpp://h", commands = 5 }))
    assert.equal("commands: expected a list of commands, got a table with named keys or holes", error_of(smpp.connect, { "smpp://h", commands = wrong[1] }))
    assert.equal("spec_probe: expected a function, got 5", error_of(smpp.server, { profile = { commands = { PROBE } }, spec_probe = 5 }))
    assert.equal("spec_probe: expected a function, got 5", error_of(smpp.simulator, { profile = { commands = { PROBE } }, spec_probe = 5 }))
    assert.equal("spec_probe: expected a function, got 5", error_of(smpp.connect, { "smpp://h", commands = { PROBE }, spec_probe = 5 }))
  end)

  it("there are at most 64 of a codec", function()
    local list = {}
    for i = 1, 64 do list[i] = { name = "c" .. i .. "_sm", id = 0x10300 - i } end
    local c = pdus.codec_of { commands = list }
    for i = 1, 64 do assert.equal("c" .. i .. "_sm_resp", c.decode(c.encode { command = "c" .. i .. "_sm_resp" }).command) end
    list[65] = { name = "one_more", id = 0x10400 }
    local _, wrong = pdus.codec_of { commands = list }
    assert.same({ "commands[65]", "one_more: more than 64 commands" }, { wrong.path, wrong.reason })
  end)

  it("goes through client and server: method, handler, window, answers", function()
    esme.run(function()
      local got = {}
      local server = esme.server {
        profile = { commands = { PROBE } },
        spec_probe = function(session, pdu)
          got[#got + 1] = pdu.depth
          if pdu.depth == 7 then return nil, "ESME_RSYSERR" end
          if pdu.depth == 8 then return { message_id = "m", result = 9 } end
          return session.system_id
        end,
      }
      local client = assert(esme.connect { profile = { commands = { PROBE } }, order = "destination" })
      local response = assert(client:spec_probe { probe_id = "q", depth = 1 })
      assert.same({ "spec_probe_resp", "me", 0 }, { response.command, response.message_id, response.result })
      assert.equal(9, client:spec_probe({ depth = 8 }).result)
      local _, _, code = client:spec_probe { depth = 7 }
      assert.equal("ESME_RSYSERR", code)
      assert.same({ 1, 8, 7 }, got)
      client:close()
      server:close()
    end)
  end)

  it("is answered ESME_RINVCMDID where a server has no handler, and generic_nack where it does not know it", function()
    esme.run(function()
      local server = esme.server { profile = { commands = { PROBE } } }
      local plain = esme.server { port = 2776 }
      local client = assert(esme.connect { profile = { commands = { PROBE } } })
      local _, message, code = client:spec_probe {}
      assert.equal("ESME_RINVCMDID", code)
      assert.is_nil(message:find("generic_nack", 1, true))
      client:close()
      client = assert(esme.connect { "smpp://me:secret@127.0.0.1:2776", profile = { commands = { PROBE } } })
      _, message, code = client:spec_probe {}
      assert.equal("ESME_RINVCMDID", code)
      assert.matches("generic_nack", message)
      client:close()
      server:close()
      plain:close()
    end)
  end)

  it("has lists, as submit_multi and its response have them", function()
    local MANY = {
      name = "spec_many", id = 0x000102F4,
      parameters = {
        { name = "dest_address", type = "dest_address" }, { name = "copies", type = "dest_address", max = 2 },
        { name = "old_ids", type = "message_ids" }, { name = "depth", type = "int1" },
      },
      response = { { name = "message_id", type = "cstring" }, { name = "unsuccess_sme", type = "unsuccess_sme" } },
    }
    local c = assert(pdus.codec_of { commands = { MANY } })
    local long_id = ("9"):rep(64)
    local octets = assert(c.encode {
      command = "spec_many", number_of_dests = 2, dest_address = { { destination_addr = "491", dest_addr_ton = "international" }, { dl_name = "all" } },
      copies = { { destination_addr = "7" } }, old_ids = { "1", long_id }, depth = 3,
    })
    assert.equal("\2\1\1\0" .. "491\0\2all\0" .. "\1\1\0\0" .. "7\0" .. "\2" .. "1\0" .. long_id .. "\0\3", octets:sub(17))
    local pdu = c.decode(octets)
    assert.same({ 2, "all", "7", long_id, 3 }, {
      pdu.number_of_dests, pdu.dest_address[2].dl_name, pdu.copies[1].destination_addr, pdu.old_ids[2], pdu.depth,
    })
    assert.same({}, pdu:problems())
    assert.equal(octets, c.encode(pdu:totable()))
    assert.equal("one", pdu:with({ old_ids = { "one" } }).old_ids[1])
    assert.matches('copies={ 0/0 "7" } old_ids={ "1", "999', tostring(pdu))
    assert.matches("copies  { 0/0 \"7\" }", pdu:dump())
    for length = 16, #octets - 1 do
      local cut = assert(c.decode("\0\0\0" .. string.char(length) .. octets:sub(5, length)))
      assert.is_true(#cut:problems() > 0, length)
      assert.is_string(cut:dump())
    end
    local _, message, code = c.encode { command = "spec_many", copies = { { destination_addr = "1" }, { destination_addr = "2" }, { dl_name = "x" } } }
    assert.same({ "spec_many: copies: 3 entries, at most 2", "too_long" }, { message, code })
    _, message = c.encode { command = "spec_many", old_ids = { ("9"):rep(65) } }
    assert.equal("spec_many: old_ids: 65 octets, at most 64", message)
    _, _, code = c.encode { command = "spec_many", copies = { { addr = "1" } } }
    assert.equal("bad_value", code)
    esme.run(function()
      local got
      local server = esme.server {
        profile = { commands = { MANY } },
        spec_many = function(_, request)
          got = request
          return { message_id = "m", unsuccess_sme = { { destination_addr = "491", error_status_code = "ESME_RINVDSTADR" } } }
        end,
      }
      local client = assert(esme.connect { profile = { commands = { MANY } } })
      local response = assert(client:spec_many { dest_address = { { destination_addr = "491" } }, copies = { { dl_name = "x" } }, old_ids = { "5" } })
      assert.same({ "491", "x", "5" }, { got.dest_address[1].destination_addr, got.copies[1].dl_name, got.old_ids[1] })
      assert.same({ "m", 1, 11 }, { response.message_id, response.no_unsuccess, response.unsuccess_sme[1].error_status_code })
      client:close()
      server:close()
    end)
  end)

  it("from an MC, without a response, reaches the client's handler", function()
    local NOTE = { name = "note_sm", id = 0x00010203, from = "mc", response = false, parameters = { { name = "note", type = "cstring" } } }
    esme.run(function()
      local notes = {}
      local server = esme.server { profile = { commands = { NOTE } } }
      local client = assert(esme.connect { profile = { commands = { NOTE } }, note_sm = function(pdu) notes[#notes + 1] = pdu.note end })
      assert.is_true(server.sessions[1]:note_sm { note = "one" })
      smpp.sleep(1)
      assert.same({ "one" }, notes)
      local sent, _, code = client:note_sm { note = "two" } -- an ESME does not send it
      assert.same({ nil, "not_sent" }, { sent, code })
      client:close()
      server:close()
    end)
  end)

  it("of the Lua state is one of the clients and servers with a profile, too, which may replace it", function()
    local other_lua = require "spec.support.other_lua"
    local out = other_lua [[
      local smpp = require "smpp"
      smpp.declare_command { name = "wide_sm", id = 0x00010211, parameters = { { name = "x", type = "int1" } } }
      smpp.declare_tlv { tag = 0x1450, name = "wide_tlv", type = "int1" }
      smpp.declare_tlv { tag = 0x1451, name = "other_tlv", type = "int1" }
      smpp.run(function()
        for _, profile in ipairs { "gatewayapi", { tlvs = { { tag = 0x1451, name = "mine", type = "cstring" } } },
            { commands = { { name = "mine_sm", id = 0x00010212 } } },
            { commands = { { name = "wide_sm", id = 0x00010213, parameters = { { name = "x", type = "int1" } } } } } } do
          local server = assert(smpp.server { profile = profile, wide_sm = function(_, pdu)
            print(pdu.command, ("%X"):format(pdu.command_id), pdu.x, pdu.wide_tlv, pcall(function() return pdu.mine end))
            return true
          end })
          local esme = assert(smpp.connect { "smpp://me:secret@localhost", profile = profile })
          assert(esme:wide_sm { x = 1, wide_tlv = 2, tlvs = { { 0x1451, "a\0" } } })
          esme:close()
          server:close()
        end
      end, { loop = require("smpp.loop.virtual").new() })
    ]]
    local lines = {}
    for line in out:gmatch "[^\n]+" do lines[#lines + 1] = line:gsub("\t", " "):gsub("false .*", "false") end
    assert.same({ "wide_sm 10211 1 2 false", "wide_sm 10211 1 2 true a", "wide_sm 10211 1 2 false", "wide_sm 10213 1 2 false" }, lines)
  end)

  it("of the Lua state adds methods to sessions that there are", function()
    esme.run(function()
      local server = esme.server {}
      local client = assert(esme.connect())
      smpp.declare_command { name = "late_sm", id = 0x000102FE, parameters = { { name = "x", type = "int1" } } }
      local _, _, code = client:late_sm { x = 1 }
      assert.equal("ESME_RINVCMDID", code)
      client:close()
      server:close()
    end)
  end)
end)
