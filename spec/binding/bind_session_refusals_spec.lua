--- What a refusal has behind its header, for each command, whoever refuses: nothing for binds and submit_sm and to peers of
--- 5.0, else the mandatory parameters, empty (3.4, 4.1; many implementations cannot read the others without).
local pdus = require "smpp.codec"
local util = require "spec.support.util"

-- request, who sends it, the body of a refusal below 5.0 in hex
local TABLE = [[
  bind_transmitter    esme  -
  bind_receiver       esme  -
  bind_transceiver    esme  -
  submit_sm           esme  -
  submit_multi        esme  0000
  query_sm            esme  613700000700
  cancel_sm           esme  -
  replace_sm          esme  -
  deliver_sm          mc    00
  data_sm             esme  00
  data_sm             mc    00
  broadcast_sm        esme  00
  query_broadcast_sm  esme  00
  cancel_broadcast_sm esme  -
  param_retrieve      esme  00
  query_last_msgs     esme  00
  query_msg_details   esme  00000000000000000000000000000700
]]

local STATUS = 0x65

--- A session of `role` at `version` whose peer is bound, and one that makes what the peer sends.
local function bound(role, version)
  local bind = version == 0x33 and { 0x02, "bind_transmitter" } or { 0x09, "bind_transceiver" }
  local fields = { system_id = "a", password = "b", interface_version = version }
  local sessions = {}
  local slots = {}
  for _, one in ipairs { "esme", "mc" } do
    sessions[one] = pdus.codec.session { role = one, now = 0, version = version, unchecked = one ~= role, max_unanswered = 1 }
  end
  local esme, mc = sessions.esme, sessions.mc
  esme:request(bind[1], fields, 1, 0)
  mc:receive(esme:output(), 0, slots)
  for _, slot in pairs(slots) do
    if type(slot) == "userdata" then mc:respond(slot, { system_id = "mc", sc_interface_version = version > 0x33 and version or nil }, 0) end
  end
  esme:receive(mc:output(), 0, {})
  return sessions[role], sessions[role == "mc" and "esme" or "mc"]
end

local REQUIRED = {
  broadcast_sm = { broadcast_area_identifier = "\0x", broadcast_content_type = "\1\0\1", broadcast_rep_num = 3, broadcast_frequency_interval = "\8\0\5" },
}

--- The octets of a request.
local function request(name, number, change)
  local fields = { command = name, sequence_number = number }
  for key, value in pairs(REQUIRED[name] or {}) do fields[key] = value end
  if name == "query_sm" then fields.message_id = "a7" end
  for key, value in pairs(change or {}) do fields[key] = value end
  return assert(pdus.encode(fields))
end

local function body_of(octets)
  local pdu = assert(pdus.decode(octets))
  assert.not_equal(0, pdu.command_status)
  assert.equal(#octets, pdu.command_length)
  for _, problem in ipairs(pdu:problems()) do assert.not_equal("fault", problem.severity) end
  return util.hex(octets:sub(17)), pdu
end

describe("bind_session: refusals", function()
  for line in TABLE:gmatch "%S[^\n]+" do
    local name, sender, want = line:match "^(%S+)%s+(%S+)%s+(%S+)"
    it(("of %s from the %s have the body of their version"):format(name, sender), function()
      for _, version in ipairs { 0x33, 0x34, 0x50 } do
        for _, way in ipairs { "answer", "respond" } do
          local s = bound(sender == "esme" and "mc" or "esme", version)
          local slots, pdu = {}, nil
          s:receive(request(name, 70), 0, slots)
          for _, slot in pairs(slots) do
            if type(slot) == "userdata" and s:is_answerable(slot) then pdu = slot end
          end
          if pdu and way == "answer" then assert(s:answer(pdu, STATUS, nil, 0)) end
          if pdu and way == "respond" then assert(s:respond(pdu, { status = STATUS }, 0)) end
          local body = body_of(s:output()) -- without pdu: the session has refused it itself
          local expected = (version == 0x50 or want == "-") and "" or want
          if name == "query_sm" and way == "respond" and pdu and expected ~= "" then expected = "00000700" end
          assert.equal(expected, body, ("%s 0x%02x %s"):format(name, version, way))
        end
      end
    end)
  end
end)
