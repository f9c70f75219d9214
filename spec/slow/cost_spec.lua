-- What a text from outside may cost.  Every function that is given octets by a peer, a file or a terminal gets 64 KiB of
-- one character, alone and with something around it.  Lua code is counted in instructions of the virtual machine, by its
-- hook.  What string patterns and C do is one instruction, so those have a limit in processor time that what is linear
-- (some milliseconds) never comes near and what is quadratic (billions of steps) always passes.
local core = require "smpp.core"
local smpp = require "smpp"

local SIZE = 65536 - 16       -- fits into a TLV with what stands around it
local INSTRUCTIONS = 400 * SIZE
local SECONDS = 3
local STEP = 10000            -- instructions from one call of the hook to the next

local FILLS = {
  blanks = " ", NULs = "\0", zeros = "0", commas = ",", quotes = '"', digits = "7", newlines = "\n", letters = "a",
  slashes = "/", colons = ":", brackets = "[", ["high octets"] = "\255", pairs = "0 ", ["quoted blanks"] = '" ', elements = "0,",
}

local SHAPES = {
  alone = function(fill) return fill end,
  ["something behind"] = function(fill) return fill .. "x" end,
  ["something around"] = function(fill) return "x" .. fill .. "x" end,
}

--- Runs fn; fails when it takes too much.
local function within_limits(what, fn)
  local instructions, started = 0, os.clock()
  local before = { debug.gethook() }
  debug.sethook(function()
    instructions = instructions + STEP
    if instructions > INSTRUCTIONS or os.clock() - started > SECONDS then
      debug.sethook()
      error(("%s: more than %d instructions or %d s"):format(what, INSTRUCTIONS, SECONDS), 0)
    end
  end, "", STEP)
  local ok, err = pcall(fn)
  debug.sethook(before[1], before[2], before[3])
  local seconds = os.clock() - started
  if not ok then error(what .. ": " .. tostring(err), 0) end
  if seconds > SECONDS then error(("%s: %.1f s"):format(what, seconds), 0) end
end

local function deliver(fields)
  fields.command, fields.sequence_number = "deliver_sm", 1
  return (assert(smpp.decode(assert(smpp.encode(fields)))))
end

local function lines_of(octets)
  local next_line = (octets .. "\n"):gmatch "([^\n]*)\n"
  return function() return next_line() end
end

local function all_rows(octets)
  local next_row = require("smpp.cli.rows").open(lines_of(octets))
  if not next_row then return end
  for line in next_row do
    if not line then break end
  end
end

local function capture_of(octets)
  local at = 1
  local function read(n)
    local piece = octets:sub(at, at + n - 1)
    at = at + #piece
    return piece ~= "" and piece or nil
  end
  require("smpp.capture").read(read, function() end)
end

local function le32(n) return string.char(n % 256, math.floor(n / 256) % 256, math.floor(n / 65536) % 256, 0) end

--- A capture file with one exported PDU, whose dissector has that name; and one of a TCP stream.
local function pcap_file(link, packet)
  return "\212\195\178\161\2\0\4\0" .. le32(0) .. le32(0) .. le32(262144) .. le32(link) .. le32(0) .. le32(0)
    .. le32(#packet) .. le32(#packet) .. packet
end

local silent = { write = function(self) return self end, read = function() return nil end, flush = function() return true end }

local READERS = {
  ["receipt.parse: receipted_message_id"] = function(octets)
    smpp.receipt.parse(deliver { esm_class = 4, short_message = "id:1 stat:DELIVRD", tlvs = { { 0x001E, octets } } })
  end,
  ["receipt.parse: the text"] = function(octets)
    for _, before in ipairs { "", "id:", "id:1 stat:DELIVRD err:", "id:1 stat:", "id:1 stat:DELIVRD text:" } do
      smpp.receipt.parse(before .. octets)
      smpp.receipt.parse(before .. octets, { untyped = true, esm_class = 0, data_coding = 8 })
    end
  end,
  ["receipt.parse: network_error_code"] = function(octets)
    smpp.receipt.parse(deliver { esm_class = 4, short_message = "id:1 stat:DELIVRD", tlvs = { { 0x0423, octets } } })
  end,
  ["tracker: message_id"] = function(octets)
    local tracker = require("smpp.receipt.tracker").new {}
    tracker:accepted("handle", 1, octets, 1, octets)
    tracker:receipt({ kind = "receipt", id = octets, final = true, state = "DELIVERED", err = octets, source_addr = octets, fields = {} }, 2)
  end,
  ["message_id"] = function(octets)
    local ids = require "smpp.receipt.message_id"
    ids.fold(octets)
    for _, name in ipairs { "auto", "as-is", "hex", "dec" } do
      local rule = ids.new(name)
      rule:keys(octets)
      for n = 1, 4 do rule:candidate(octets, n) end
    end
  end,
  ["PDUs for people"] = function(octets)
    for _, coding in ipairs { 3, 4, 8 } do tostring(deliver { message_payload = octets, data_coding = coding }) end
    local pdu = deliver { message_payload = octets, tlvs = { { 0x1400, octets:sub(-9000) } } }
    for _, read in ipairs { tostring, pdu.dump, pdu.totable, pdu.problems, pdu.layout } do read(pdu) end
    pdu:with { message_payload = octets .. "y" }
  end,
  ["PDUs of any octets"] = function(octets)
    for _, id in ipairs { 5, 0x103, 0x111, 0x80000021 } do
      local pdu = smpp.decode("\0\1\0\0" .. string.char(math.floor(id / 2 ^ 24), 0, math.floor(id / 256) % 256, id % 256)
        .. ("\0"):rep(7) .. "\1" .. octets:sub(1, 65520))
      if pdu then
        for _, read in ipairs { tostring, pdu.totable, pdu.problems, id < 0x103 and pdu.dump or nil } do read(pdu) end
      end
    end
    smpp.decode(octets)
  end,
  ["sessions"] = function(octets)
    local session, events = smpp.codec and smpp.codec.session or core.codec({}, smpp.none).session, {}
    local mc = session { role = "mc", now = 0 }
    mc:receive(octets, 0, events)
    mc:poll(events)
    mc = session { role = "mc", now = 0 }
    for i = 1, 4096 do mc:receive(octets:sub(i, i), 0, events) end
  end,
  ["codec.stream"] = function(octets)
    local stream = require "smpp.codec.stream"
    stream.show_octets(octets)
    stream.new { pdu = function() end }:feed(octets)
    local all = stream.new { pdu = function() end, skipped = function() end, cut = function() end }
    all:feed(octets)
    all:lost()
  end,
  ["text.ports"] = function(octets)
    local ports = require "smpp.text.ports"
    for _, port in ipairs { 2948, 9204, 9205 } do ports.read(port, octets) end
    for _, kind in ipairs { "\173", "\174", "\176", "\190" } do
      for _, before in ipairs { "", "\2\5\106\0\69\198\11", "<indication href=" } do ports.read(2948, "\1\6\1" .. kind .. before .. octets) end
    end
    ports.read(2948, "\1\6\1\173" .. ("<indication"):rep(5900))
    ports.read(2948, "\1\6\1\174\2\5\106\130\0" .. ("a"):rep(256) .. "\133\11" .. ("\131\0"):rep(32000))
  end,
  ["text.decode"] = function(octets)
    for name in pairs(core.text.encodings) do smpp.text.decode(octets, name) end
  end,
  ["text.split"] = function(octets)
    smpp.text.split(octets)
    smpp.text.measure(octets, { on_unmappable = "transliterate" })
    smpp.text.encode(octets, { encoding = "ucs2" })
  end,
  ["udh.decode"] = function(octets)
    smpp.udh.decode(octets)
    smpp.udh.decode("\255" .. octets)
  end,
  ["timestamp.parse"] = function(octets) smpp.timestamp.parse(octets) end,
  ["address"] = function(octets)
    local address = require "smpp.codec.address"
    for _, read in ipairs { address.source, address.destination } do
      read(octets)
      read("+" .. octets)
    end
    address.format(octets, 1)
  end,
  ["explain"] = function(octets)
    local explain = require "smpp.codec.explain"
    explain.status(octets)
    explain.value("service_type", octets)
  end,
  ["reassembly"] = function(octets)
    local reassembly = require("smpp.text.reassembly").new {}
    reassembly:add({ account = octets, source = { addr = octets }, destination = { addr = octets }, reference = 1, width = 8, total = 2,
      seq = 1, octets = octets }, 0)
  end,
  ["orders of the simulator"] = function(octets)
    local orders = require "smpp.simulator.directives"
    for _, before in ipairs { "", "sim:", "sim:a", "sim: delivered after", "sim: reject ", "sim: answer after ", "sim: reply ", "sim:a, " } do
      orders.read(before .. octets)
    end
  end,
  ["lists of mobile-originated messages"] = function(octets)
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local file = assert(io.open(path, "wb"))
    file:write(octets, "\n1,2,", octets, "\n", octets, ",", octets, ",", octets, "\n")
    file:close()
    require("smpp.simulator.mo").read_csv(path)
  end,
  ["rows"] = function(octets)
    all_rows(octets)
    all_rows("to,text\n" .. octets)
    all_rows("to,text\n" .. octets .. ",b\n" .. '"' .. octets)
    all_rows('{"to":"1"}\n{"to":' .. octets)
    require("smpp.cli.rows").template(octets)
    require("smpp.cli.rows").template("{" .. octets .. "}")
  end,
  ["JSON"] = function(octets)
    local json = require "smpp.codec.json"
    json.text(octets)
    json.hex(octets)
    json.decode(octets)
    json.encode(json.object { "name", octets })
  end,
  ["hex"] = function(octets)
    local input = require "smpp.cli.input"
    input.unhex(octets)
    input.unhex("0000  " .. octets)
    input.unhex(("\n"):rep(20000) .. octets:sub(1, 20000))
  end,
  ["smpp decode"] = function(octets)
    local main = require("smpp.cli").main
    local streams = { stdout = silent, stderr = silent, is_terminal = function() return false end, getenv = function() end }
    for _, options in ipairs { {}, { "--json" }, { "--brief" } } do
      local given = octets
      streams.stdin = { read = function(_, what)
        local n = type(what) == "number" and what or #given
        local piece = given:sub(1, n)
        given = given:sub(n + 1)
        return piece ~= "" and piece or what ~= 4 and "" or nil
      end }
      main({ "decode", options[1], options[1] and "-" or nil }, streams)
      given = deliver({ esm_class = 4, source_addr = "1", message_payload = "id:1 stat:DELIVRD " .. octets:sub(1, 65000) .. "x" }):octets()
      main({ "decode", options[1], options[1] and "-" or nil }, streams)
    end
  end,
  ["captures"] = function(octets)
    capture_of(octets)
    capture_of("\212\195\178\161" .. octets)
    local piece = octets:sub(1, 60000)
    capture_of(pcap_file(252, "\0\12" .. string.char(math.floor(#piece / 256), #piece % 256) .. piece))
    capture_of(pcap_file(1, piece))
  end,
  ["URLs"] = function(octets)
    local url = require "smpp.client.url"
    for _, before in ipairs { "", "smpp://", "smpp://a:b@", "smpp://a:b@h?x=", "smpp://[", "smpp://:" } do url.parse(before .. octets) end
  end,
  ["addresses of hosts"] = function(octets)
    local cidr = require "smpp.base.cidr"
    local set = cidr.set { "10.0.0.0/8" }
    set(octets)
    pcall(cidr.set, { octets })
    cidr.owner(octets)
  end,
  ["PROXY headers"] = function(octets)
    local proxy = require "smpp.transport.proxy"
    proxy.read(octets)
    proxy.read("PROXY TCP4 " .. octets)
    proxy.read("\13\10\13\10\0\13\10QUIT\10\33\17\255\255" .. octets)
  end,
  ["log lines"] = function(octets)
    require("smpp.base.log").line { time = 0, level = "info", event = "x", text = octets }
  end,
}

-- Slow ones, for which the shape that has most to try is enough.
local ONE_SHAPE = { ["PDUs for people"] = true, ["PDUs of any octets"] = true, ["smpp decode"] = true, rows = true, JSON = true }

describe("64 KiB of", function()
  local jit = rawget(_G, "jit")
  if jit then -- compiled code calls no hook
    setup(function() jit.off() end)
    teardown(function() jit.on() end)
  end
  for name, reader in pairs(READERS) do
    it("one character costs no more than their number: " .. name, function()
      for fill, character in pairs(FILLS) do
        for shape, around in pairs(SHAPES) do
          if not ONE_SHAPE[name] or shape == "something around" then
            local octets = around(character:rep(math.floor(SIZE / #character)))
            within_limits(("%s, %s, %s"):format(name, fill, shape), function() reader(octets) end)
          end
        end
      end
    end)
  end
end)
