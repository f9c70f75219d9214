-- Random calls of the binding with arguments nobody should pass, while finalizers change what is being read: tables are
-- emptied, sessions get octets and are closed, maps are cleared, records removed.  Calls may raise; the process lives, and under
-- AddressSanitizer nothing is read or written that is not ours.
local core = require "smpp.core"
local kinds = require "smpp.store.kinds"
local property = require "spec.support.property"
local smpp = require "smpp"

local ROUNDS, CALLS = 30, 150
local INFINITY, NAN = math.huge, 0 / 0

local codec = core.codec({}, smpp.none)
local other_codec = core.codec({ anything = function() end }, smpp.none)
codec.declare(0x1400, "vendor_thing", "int4")
other_codec.declare(0x1400, "other_thing", "cstring")

local RECORD = core.record(kinds.names)
local commands, tlvs = core.protocol.commands(), core.protocol.tlvs()
local encodings = {}
for name in pairs(core.text.encodings) do encodings[#encodings + 1] = name end
table.sort(encodings)

--- What a case works on: views, sessions, maps and records that earlier calls made, tables under attack, octets off the wire.
local function new_world(random)
  local world = { views = {}, sessions = {}, maps = {}, records = {}, live = {}, wire = {} }
  local value

  local function any(list) return list[random(#list)] end

  local function octets(most)
    local t = {}
    for i = 1, random(most or 40) do t[i] = string.char(random(256) - 1) end
    return table.concat(t)
  end

  local function number()
    return any { 0, 1, -1, 255, 256, 65535, 65536, 2 ^ 31, 2 ^ 32 - 1, 2 ^ 32, 2 ^ 53, 2 ^ 63, -2 ^ 63, 1e308, INFINITY, -INFINITY, NAN, 0.5, random(100) }
  end

  local function list()
    local t = {}
    for i = 1, random(5) - 1 do
      t[i] = any { { dest_addr_ton = number(), dest_addr_npi = 1, destination_addr = octets(25) }, { dl_name = octets(22) }, octets(9), number(),
        { 0x1400, octets() }, { tag = any(tlvs).name, octets = octets(70) }, { any(tlvs).tag, octets(300) }, smpp.none }
    end
    if random(30) == 1 then t[2 ^ random(60)] = t[1] end
    return t
  end

  function value()
    local kind = random(12)
    if kind <= 3 then return number() end
    if kind <= 6 then return octets() end
    if kind == 7 then return list() end
    if kind == 8 then return any(world.views) end
    if kind == 9 then return any(world.sessions) end
    if kind == 10 then return smpp.none end
    if kind == 11 then return ("x"):rep(random(3) * 3000) end
    return any { true, io.stdout, print }
  end

  local function fields(command)
    local t = {}
    for _, param in ipairs(command.params) do
      local kind = param.kind
      if random(3) > 1 then
        if random(4) == 1 then t[param.name] = value()
        elseif kind:find "^int" then t[param.name] = random(200)
        elseif kind == "dest_address" or kind == "unsuccess_sme" or kind == "message_ids" then t[param.name] = list()
        else t[param.name] = octets(any { 3, 9, 20, 300 }) end
      end
    end
    for _ = 1, random(3) - 1 do t[any(tlvs).name] = random(2) == 1 and value() or octets(60) end
    if random(5) == 1 then t.tlvs = list() end
    if random(9) == 1 then t[any { "command_length", "sm_length", "trailing", "padding", "command_id", "status", "vendor_thing", "nonsense" }] = value() end
    world.live[random(8)] = t
    return t
  end

  local function view(v)
    if v and core.is_pdu(v) then world.views[#world.views % 40 + 1] = v end
  end

  --- Something that strikes while the binding takes memory.
  local function arm()
    local function strike()
      for k in pairs(world.live[random(8)] or {}) do
        local t = world.live[random(8)]
        if t and random(2) == 1 then t[k] = nil end
      end
      if random(3) == 1 then collectgarbage() end
      local session, map, records = any(world.sessions), any(world.maps), any(world.records)
      if session and random(4) == 1 then
        pcall(any { session.close, session.output, session.lost, function(s) s:receive(octets(), 1, {}) end, function(s) s:poll {} end }, session)
      end
      if map and random(2) == 1 then
        pcall(any { map.clear, function(m) m:put(octets(4), octets(), 1) end, function(m) m:delete(octets(4)) end, function(m) m:expire(1e9) end }, map)
      end
      if records and random(2) == 1 then
        for key = 1, 9 do pcall(records.commit, records, { { op = "remove", kind = "message", key = tostring(key) } }) end
      end
    end
    local newproxy = rawget(_G, "newproxy")
    if newproxy then getmetatable(newproxy(true)).__gc = strike else setmetatable({}, { __gc = strike }) end
  end

  local function take_events(session, chunk)
    local events = {}
    for i = 1, session:receive(chunk, random(1000), events) do view(events[i]) end
  end

  local calls = {
    function()
      local command = any(commands)
      local t = fields(command)
      t.command = command.name
      local out = codec.encode(t, any { 0x33, 0x34, 0x50 })
      if type(out) == "string" then
        world.wire[#world.wire % 60 + 1] = out
        view((codec.decode(out)))
      end
    end,
    function()
      local out = any(world.wire)
      local at = random(#out)
      out = out:sub(1, at - 1) .. octets(4) .. out:sub(at + 4)
      view((other_codec.decode(out, 1, any { 70000, value() }, random(2) == 1)))
    end,
    function()
      local v = any(world.views)
      v[any { "octets", "tlvs", "totable", "layout", "problems" }](v)
    end,
    function() local _ = any(world.views)[any { any(tlvs).name, value() }] end,
    function() any(world.views):tlv(value()) end,
    function() view((any(world.views):with(fields(any(commands))))) end,
    function() any(world.views).octets(value()) end,
    function()
      local session = any { codec, other_codec }.session { role = any { "mc", "esme" }, now = 0, window = random(20), max_unanswered = random(10),
        max_pdu_octets = random(3) == 1 and random(200) + 16 or nil, unchecked = random(2) == 1, response_s = any { 0, 1, INFINITY } }
      world.sessions[#world.sessions % 12 + 1] = session
    end,
    function() take_events(any(world.sessions), any(world.wire) or octets()) end,
    function() take_events(any(world.sessions), octets(4) .. (any(world.wire) or "")) end,
    function() any(world.sessions):tick(number(), {}) end,
    function()
      local command = any(commands)
      any(world.sessions):request(command.id, any { fields(command), value() }, any { random(100), number() }, random(1000))
    end,
    function() any(world.sessions):forward(any(world.views), any { fields(any(commands)), value() }, random(99), random(1000)) end,
    function() any(world.sessions):answer(any(world.views), any { number(), "ESME_ROK", octets() }, any { octets(70), value() }, random(1000)) end,
    function() any(world.sessions):respond(any(world.views), fields(any(commands)), random(1000)) end,
    function() any(world.sessions):unbind(number(), number()) end,
    function() any(world.sessions):set_window(number()) end,
    function() any(world.sessions).receive(value(), value(), value(), value()) end,
    function() world.maps[#world.maps % 6 + 1] = core.map.new(any { 0, 3, number() }, any { 1, INFINITY, 0, number() }, octets(12)) end,
    function() any(world.maps):put(any { octets(4), value() }, value(), any { random(10), number() }) end,
    function() any(world.maps):expire(number()) end,
    function()
      local encoding, read = any(encodings), octets(any { 10, 400, 3000 })
      local words = core.text.decode(read, encoding, random(20) - 1, random(20) - 1, random(7) - 1, any { 0, 3, 2 ^ 31 })
      core.text.encode(any { words, read }, encoding, random(14) - 1, random(14) - 1, random(7) - 1)
      core.text.cut(words, encoding, random(14) - 1, 0, any { 0, 1, 5, 153, 2 ^ 40 }, random(2) == 1, read)
    end,
    function() core.text.shown(octets(300), any { "plain", "quoted", "lines", "styled", octets(4) }) end,
    function() core.iconv.decode(octets(500), any { "shift_jis", "iso-2022-jp", "euc-jp", "euc-kr" }) end,
    function() core.udh.decode(string.char(random(255)) .. octets(300)) end,
    function() core.udh.encode { { iei = random(256) - 1, octets = octets(20), data = octets(300) }, any { { name = "concat_8bit", ref = number() }, value() } } end,
    function() core.receipt.scan(any { octets(300), "id:" .. octets() .. " stat:" .. octets(9) }, number(), number()) end,
    function() core.timestamp.read(any { octets(16), "991231235959948+" }, number(), number(), true) end,
    function() core.suggest(octets(60), { [octets(60)] = 1, [random(9)] = 3, abc = 4 }) end,
    function() codec.declare(number(), octets(), any { "int1", "cstring", "zzz" }) end,
    function() RECORD.read(octets(60)) end,
    function() world.records[#world.records % 3 + 1] = RECORD.records(kinds.kinds, kinds.over, octets(8)) end,
    function()
      local key = tostring(random(9))
      any(world.records):commit { any {
        { op = "add", kind = any { "message", "id", octets(4) }, record = { key = key, state = any { "ENROUTE", "DELIVERED", value() }, text = octets(2000) } },
        { op = any { "change", "remove" }, kind = "message", key = key, set = any { { state = "EXPIRED" }, value() }, drafted = any { true, nil } },
      } }
    end,
    function() any(world.records):find { kind = any { "message", "id" }, open = any { true, nil }, after = number(), limit = number(), system_id = value() } end,
    function() any(world.records):draft_due(tostring(random(9)), number(), number(), any { true, false }) end,
  }
  return function()
    arm()
    pcall(any(calls))
  end
end

describe("random calls of the binding", function()
  it("leave the process alive and what is good good", function()
    property.holds(ROUNDS, function(random)
      local call = new_world(random)
      for _ = 1, CALLS do call() end
      collectgarbage()
      local octets = assert(smpp.encode { command = "submit_sm", short_message = "hello", sequence_number = 7 })
      assert.equal(octets, smpp.decode(octets):octets())
    end)
  end)
end)
