-- README: `smpp decode` never shows a password unless it is asked to.  Neither of a bind that is cut, wherever.
local cli = require "spec.support.cli"
local packets = require "spec.support.packets"
local smpp = require "smpp"

local PASSWORD = "s3cr3t!X"
local COMMANDS = { "bind_transceiver", "bind_transmitter", "bind_receiver", "outbind" }
local ENQUIRE_LINK = assert(smpp.encode { command = "enquire_link", sequence_number = 2 })
local LINK_OCTETS = 14 + 20 + 20 -- Ethernet, IPv4, TCP

local function bind(command)
  return assert(smpp.encode { command = command, sequence_number = 1, system_id = "smppclient1", password = PASSWORD, system_type = command ~= "outbind" and "VMS" or nil })
end

local function hex(octets) return (octets:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

--- Fails when any three octets of the password are in it: as text, or as hex with or without blanks.
local function lacks(text)
  local digits = text:lower():gsub("[ \n]", "")
  for i = 1, #PASSWORD - 2 do
    local piece = PASSWORD:sub(i, i + 2)
    if text:find(piece, 1, true) or digits:find(hex(piece), 1, true) then error(("'%s' of the password in: %s"):format(piece, text)) end
  end
end

local function decode(octets, option, ...)
  local words = { "decode", option, ... }
  words[#words + 1] = "-"
  local _, out, err = cli.run(words, { stdin = octets })
  return out .. err
end

--- A capture of an ESME's octets, each piece a packet of its own; hole: octets that are in none.
local function captured(pieces, snap)
  local conversation = packets.conversation()
  if not pieces.no_start then conversation:handshake() end
  for _, piece in ipairs(pieces) do
    if type(piece) == "number" then conversation.seq.esme = conversation.seq.esme + piece else conversation:send("esme", piece) end
  end
  return packets.pcap(conversation.packets, { snap = snap })
end

describe("a bind that is cut", function()
  for _, option in ipairs { "--alphabet=gsm7", "--json", "--brief", "-v" } do
    it("shows no password: smpp decode " .. option, function()
      for _, command in ipairs(COMMANDS) do
        local octets = bind(command)
        for at = 1, #octets do
          lacks(decode(octets:sub(1, at), option))
          lacks(decode(octets:sub(at), option))
          lacks(decode(hex(octets:sub(1, at)), option))
          lacks(decode(hex(octets:sub(at)), option))
          lacks(decode(ENQUIRE_LINK .. octets:sub(at) .. ENQUIRE_LINK, option))
        end
      end
    end)

    it("shows no password in captures: smpp decode " .. option, function()
      local octets = bind "bind_transceiver"
      for at = 1, #octets do
        lacks(decode(captured({ octets, ENQUIRE_LINK }, LINK_OCTETS + at), option))
        lacks(decode(captured { octets:sub(1, at), #octets - at, ENQUIRE_LINK, ENQUIRE_LINK }, option))
        lacks(decode(captured { no_start = true, octets:sub(at), ENQUIRE_LINK, ENQUIRE_LINK }, option))
        lacks(decode(captured { ENQUIRE_LINK, at, octets:sub(at), ENQUIRE_LINK, ENQUIRE_LINK }, option))
        lacks(decode(captured { "noise", octets:sub(1, at), ENQUIRE_LINK, ENQUIRE_LINK }, option))
      end
    end)
  end

  it("shows it where that is asked for", function()
    assert.truthy(decode(bind("outbind"):sub(1, -2), "--show-secrets"):find(PASSWORD, 1, true))
    assert.truthy(decode(bind("outbind"):sub(30), "--show-secrets"):find("cr3t!X", 1, true))
    assert.truthy(decode(captured { no_start = true, bind("outbind"):sub(20), ENQUIRE_LINK }, "--show-secrets"):find(PASSWORD, 1, true))
  end)
end)
