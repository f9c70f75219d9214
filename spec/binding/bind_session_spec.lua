local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"

local RESPONSE, ACCEPTED = core.session_events.response.kind, core.session_events.accepted.kind
local BIND = { system_id = "a", password = "b", system_type = "", interface_version = 0x34, address_range = "" }

local function bound(options)
  local esme, slots = pdus.codec.session(options or { role = "esme", now = 0 }), {}
  local sequence = esme:request(0x09, BIND, "the bind", 0)
  esme:receive(pdus.encode { command = "bind_transceiver_resp", sequence_number = sequence, system_id = "mc" }, 0, slots)
  return esme, slots
end

local WAITER, FIELDS = {}, { destination_addr = "1" }

--- The slots of the event that an answer to a submit_sm makes: kind, pdu, waiter …
local function answered_with(answer)
  local esme = bound()
  answer.sequence_number = esme:request(0x04, FIELDS, WAITER, 0)
  local slots = {}
  local n = esme:receive(pdus.encode(answer), 0, slots)
  slots[2] = slots[2].command
  assert.equal(n, #slots)
  return slots
end

describe("bind_session: the event of a response", function()
  it("carries the waiter; and command_status and fields unless it is an acceptance", function()
    assert.same({ ACCEPTED, "submit_sm_resp", WAITER, false }, answered_with { command = "submit_sm_resp", message_id = "x" })
    local slots = answered_with { command = "submit_sm_resp", status = "ESME_RTHROTTLED" }
    assert.same({ RESPONSE, "submit_sm_resp", WAITER, 0x58, false, false, 0x04, FIELDS }, slots)
    assert.equal(WAITER, slots[3])
    assert.equal(FIELDS, slots[8])
  end)

  it("never takes a generic_nack for an acceptance, nor a response that is malformed", function()
    local function start_of(answer)
      local slots = answered_with(answer)
      return { slots[1], slots[2], slots[4], slots[5] and true }
    end
    assert.same({ RESPONSE, "generic_nack", 3, false }, start_of { command = "generic_nack", status = "ESME_RINVCMDID" })
    assert.same({ RESPONSE, "generic_nack", 0xFF, false }, start_of { command = "generic_nack" })
    assert.same({ RESPONSE, "data_sm_resp", 0, true }, start_of { command = "data_sm_resp", message_id = "x" })
  end)

  it("is that of a response where the state changes, too", function()
    local _, slots = bound()
    assert.same({ RESPONSE, "the bind", 0 }, { slots[1], slots[3], slots[4] })
  end)
end)

describe("bind_session: requests in flight", function()
  --- Sends, answers, stops waiting, and ends, in any order, beside a model of what is in flight.
  local function in_any_order(random, case)
    local esme, slots = bound { role = "esme", now = 0, window = 50, response_s = 10 }
    local open, order, now = {}, {}, 0
    local function came(n)
      local i = 1
      while i <= n do
        local kind = slots[i]
        local names
        for _, event in pairs(core.session_events) do
          if event.kind == kind then names = event end
        end
        local event = {}
        for at, name in ipairs(names) do event[name] = slots[i + at] end
        if event.waiter ~= nil then
          local key = event.pdu and event.pdu.sequence_number or table.remove(order, 1)
          local one = open[key]
          if event.pdu then
            for at, sequence in ipairs(order) do
              if sequence == key then table.remove(order, at) break end
            end
          end
          assert.equal(one.waiter, event.waiter)
          if event.fields ~= nil then assert.equal(one.fields, event.fields) end
          open[key] = nil
        end
        i = i + #names + 1
      end
    end
    for step = 1, random(60) do
      local what = random(10)
      case[step] = what
      if what <= 5 then
        local waiter, fields = {}, { destination_addr = "1", short_message = "x" }
        local sequence, cookie = esme:request(0x04, fields, waiter, now)
        if sequence then
          open[sequence] = { waiter = waiter, fields = fields, cookie = cookie }
          order[#order + 1] = sequence
        end
      elseif what <= 8 and order[1] then
        local sequence = order[random(#order)]
        local answer = { command = "submit_sm_resp", sequence_number = sequence, message_id = "x" }
        if what == 8 then answer.status, answer.message_id = "ESME_RSYSERR", nil end
        came((esme:receive(pdus.encode(answer), now, slots)))
      elseif what == 9 and order[1] then
        local one = open[order[random(#order)]]
        assert.is_false(esme:stop_waiting(one.cookie, {}))
        assert.equal(one.waiter ~= false, esme:stop_waiting(one.cookie, one.waiter))
        one.waiter = false
      else
        now = now + random(6)
        came((esme:tick(now, slots)))
      end
      local waiting = 0
      for _, one in pairs(open) do waiting = waiting + (one.waiter and 1 or 0) end
      assert.equal(waiting, esme:waiting())
    end
    esme:lost()
    came((esme:poll(slots)))
    assert.is_nil(next(open))
    assert.equal(0, esme:waiting())
  end
  it("each give their waiter and fields back once, whatever happens", function() property.holds(300, in_any_order) end)

  it("are kept with whatever the waiter is; nil is nobody", function()
    local esme, slots = bound()
    for _, waiter in ipairs { 7, "text", print, true } do
      esme:receive(pdus.encode { command = "submit_sm_resp", sequence_number = esme:request(0x04, FIELDS, waiter, 0), message_id = "x" }, 0, slots)
      assert.equal(waiter, slots[3])
    end
    esme:receive(pdus.encode { command = "submit_sm_resp", sequence_number = esme:request(0x04, FIELDS, nil, 0), message_id = "x" }, 0, slots)
    assert.is_false(slots[3])
    for _, cookie in ipairs { 0, 1, 99, 2 ^ 32 - 1 } do assert.is_false(esme:stop_waiting(cookie, print)) end
    for _, wrong in ipairs { -1, 1.5, 2 ^ 32 } do assert.has_error(function() esme:stop_waiting(wrong, print) end) end
  end)
end)

describe("bind_session: a request", function()
  it("may be the octets of a PDU, which get a new sequence_number", function()
    local esme, slots = pdus.codec.session { role = "esme", now = 0 }, {}
    local octets = pdus.encode { command = "submit_sm", sequence_number = 99, destination_addr = "1", short_message = "x" }
    assert.equal("not_sent", select(3, esme:request(0x04, octets, 1, 0)))
    esme:receive(pdus.encode { command = "bind_transceiver_resp", sequence_number = esme:request(0x09, BIND, 1, 0), system_id = "mc" }, 0, slots)
    esme:output()
    assert.equal(2, (esme:request(0x04, octets, 7, 0)))
    assert.equal(octets:sub(1, 12) .. "\0\0\0\2" .. octets:sub(17), (esme:output()))
    for _, wrong in ipairs { "", octets:sub(1, 15), pdus.encode { command = "data_sm", sequence_number = 1 } } do
      assert.equal("bad_value", select(3, esme:request(0x04, wrong, 7, 0)))
    end
    for _, wrong in ipairs { octets .. "x", octets:sub(1, -2) } do assert.equal("bad_length", select(3, esme:request(0x04, wrong, 7, 0))) end
    assert.equal(1, esme:in_flight())
  end)
end)

describe("bind_session: a request that is spent", function()
  it("can be answered, and serves another after that", function()
    local codec = core.codec({}, {})
    local mc, slots = codec.session { role = "mc", now = 0 }, {}
    local function receive(fields)
      mc:receive(pdus.encode(fields), 0, slots)
      return slots[2]
    end
    codec.spend((codec.decode(pdus.encode { command = "unbind" })))
    local bind = receive { command = "bind_transceiver", sequence_number = 1, system_id = "a", interface_version = 0x34 }
    codec.spend(bind)
    assert.equal("a", bind.system_id)
    assert.is_true(mc:respond(bind, {}, 0))
    mc:poll(slots)
    assert.is_nil(bind.system_id)
    local before
    for i = 2, 5 do
      local pdu = receive { command = "submit_sm", sequence_number = i, destination_addr = tostring(i) }
      assert.is_true(rawequal(pdu, before or pdu))
      before = pdu
      assert.same({ i, tostring(i), true }, { pdu.sequence_number, pdu.destination_addr, mc:is_answerable(pdu) })
      codec.spend(pdu)
      assert.is_true(mc:is_answerable(pdu))
      assert.is_true(mc:answer(pdu, nil, "id", 0))
      assert.is_false(mc:is_answerable(pdu))
    end
    local kept = receive { command = "submit_sm", sequence_number = 6, destination_addr = "6" }
    assert.is_true(mc:answer(kept, nil, "id", 0))
    assert.equal("6", kept.destination_addr)
    codec.spend(kept) -- answered already
    assert.is_nil(kept.destination_addr)
    local stream = pdus.decode(mc:output(), 1)
    assert.equal("bind_transceiver_resp", stream.command)
  end)
end)

--- A session of an MC that is bound, with the octets of its bind_resp taken.
local function bound_mc(codec)
  local mc, slots = (codec or pdus.codec).session { role = "mc", now = 0 }, {}
  local bind = pdus.encode { command = "bind_transceiver", sequence_number = 1, system_id = "a", interface_version = 0x34 }
  mc:receive(bind, 0, slots)
  assert.is_true(mc:respond(slots[2], {}, 0))
  mc:poll(slots)
  mc:output()
  return mc, slots
end

describe("bind_session: requests that come in one chunk", function()
  local REQUEST = core.session_events.request.kind

  --- A stream of requests in chunks of any size, of which nobody keeps the strings; polled, ticked, or fed with the next before all were taken.
  local function in_turns(random, case)
    local mc, slots = bound_mc()
    mc:set_max_unanswered(100000)
    local parts, seen, sent = {}, 0, random(300)
    for i = 1, sent do
      parts[i] = pdus.encode { command = "submit_sm", sequence_number = i + 1, destination_addr = tostring(i), short_message = ("x"):rep(random(40)) }
    end
    local stream, more = table.concat(parts), false
    local function came(n, rest)
      for i = 1, n, 3 do
        seen = seen + 1
        assert.same({ REQUEST, seen + 1, tostring(seen) }, { slots[i], slots[i + 1].sequence_number, slots[i + 1].destination_addr })
      end
      more = rest
    end
    while stream ~= "" or more do
      local what = random(4)
      case[#case + 1] = what
      if what == 1 then collectgarbage() end
      if stream ~= "" and (what == 2 or not more) then
        local length = random(12000)
        came(mc:receive(stream:sub(1, length), 0, slots))
        stream = stream:sub(length + 1)
      elseif what == 3 then
        came(mc:tick(0, slots))
      else
        came(mc:poll(slots))
      end
    end
    assert.equal(sent, seen)
  end
  it("are handed over in turns, from the chunk, which the session keeps meanwhile", function() property.holds(60, in_turns) end)

  it("are not looked for in the chunk any more once the session has ended", function()
    local mc, slots = bound_mc()
    local submit_sm = pdus.encode { command = "submit_sm", sequence_number = 2, destination_addr = "1" }
    local n, more = mc:receive(submit_sm:rep(100), 0, slots)
    assert.same({ 64 * 3, true }, { n, more })
    mc:close()
    collectgarbage()
    n, more = mc:poll(slots)
    assert.same({ core.session_events.state.kind, false }, { slots[1], more })
    assert.equal(4, n)
  end)
end)

describe("bind_session: accept", function()
  local COMMANDS = { "submit_sm", "data_sm", "query_sm", "cancel_sm", "replace_sm", "submit_multi", "unbind", "alert_notification" }
  local RESULTS = { "id", "", ("x"):rep(64), ("x"):rep(65), "a\0b", true, false, 42, {}, print }

  --- Whether answer takes a result that means status 0, and the octets that it makes.
  local function answered(mc, pdu, result)
    local is_plain = result == nil or result == true or type(result) == "string"
    local ok = is_plain and mc:is_answerable(pdu) and mc:answer(pdu, nil, type(result) == "string" and result or nil, 5) or false
    return ok, mc:is_answerable(pdu), mc:unanswered(), mc:output() or ""
  end
  local function accepted(mc, pdu, result)
    local ok = mc:accept(pdu, result, 5)
    return ok, mc:is_answerable(pdu), mc:unanswered(), mc:output() or ""
  end

  it("does what answer does with a message_id or nothing, and nothing where that would refuse", function()
    property.holds(500, function(random, case)
      local worlds = {}
      for i = 1, 2 do worlds[i] = { bound_mc() } end
      local command, result, before = COMMANDS[random(#COMMANDS)], RESULTS[random(#RESULTS + 1)], random(4)
      case.command, case.result, case.before = command, tostring(result), before
      local outcomes = {}
      for i, world in ipairs(worlds) do
        local mc, slots = world[1], world[2]
        mc:receive(pdus.encode { command = command, sequence_number = 7 }, 0, slots)
        local pdu = type(slots[2]) == "userdata" and slots[2] or pdus.decode(pdus.encode { command = command, sequence_number = 7 })
        if before == 1 and mc:is_answerable(pdu) then mc:answer(pdu, "ESME_RSYSERR", nil, 1) end
        if before == 2 then pdu = pdus.decode(pdus.encode { command = command, sequence_number = 7 }) end -- not received by this session
        if before == 3 then mc:close() end
        outcomes[i] = { (i == 1 and answered or accepted)(mc, pdu, result) }
      end
      assert.same(outcomes[1], outcomes[2])
    end)
  end)

  it("makes a request that was spent serve another, and raises on what is no PDU", function()
    local codec = core.codec({}, {})
    local mc, slots = bound_mc(codec)
    codec.spend((codec.decode(pdus.encode { command = "unbind" })))
    mc:receive(pdus.encode { command = "submit_sm", sequence_number = 2, destination_addr = "2" }, 0, slots)
    codec.spend(slots[2])
    assert.is_true(mc:accept(slots[2], "id", 0))
    assert.is_nil(slots[2].destination_addr)
    assert.has_error(function() mc:accept({}, "id", 0) end)
  end)
end)

describe("bind_session: ask", function()
  local VALUES = { source_addr_ton = { 5, 256, "alphanumeric", -1 }, source_addr = { "me", ("7"):rep(21), 7, "a\0b" }, destination_addr = { "491", "" },
    short_message = { "text", ("x"):rep(255), true }, validity_period = { "", "020610233429000R", "soon" }, user_message_reference = { 7 },
    esm_class = { 0, { type = "udhi" } }, destination_adr = { "1" }, [1] = { "x" }, tlvs = { { { tag = 0x1400, octets = "o" } } },
    sequence_number = { 9 } }
  local NAMES = {}
  for name in pairs(VALUES) do NAMES[#NAMES + 1] = name end
  table.sort(NAMES, function(a, b) return tostring(a) < tostring(b) end)
  local USUAL = { source_addr_ton = true, source_addr = true, destination_addr = true, short_message = true, validity_period = true, esm_class = true }

  --- What a session has to send, and holds of its requests; and the event of the answer to the last one.
  local function after(session, sequence)
    local seen = { output = session:output(), in_flight = session:in_flight(), waiting = session:waiting() }
    if sequence then
      local slots = {}
      seen.n = session:receive(pdus.encode { command = "submit_sm_resp", sequence_number = sequence, status = 0x58 }, 1, slots)
      seen.status, seen.command_id, seen.fields, seen.waiter = slots[4], slots[7], slots[8], slots[3]
      seen.left = session:in_flight()
    end
    return seen
  end

  it("sends what request sends, and yields; or does nothing where the fields are not usual, or request fails", function()
    property.holds(500, function(random, case)
      local fields = {}
      for i = 1, random(4) do
        local name = NAMES[random(#NAMES)]
        fields[name] = VALUES[name][random(#VALUES[name])]
        case[i] = { name, fields[name] }
      end
      local given = fields
      if random(4) == 1 then
        given = pdus.encode { command = random(4) > 1 and "submit_sm" or "data_sm", sequence_number = 3, destination_addr = "1" }
        if random(2) == 1 then given = pdus.decode(given) end
      end
      local o = { role = "esme", now = 0, window = random(2) }
      local asking, other = bound(o), bound(o)
      if o.window == 1 and random(2) == 1 then
        for _, session in ipairs { asking, other } do session:request(0x04, FIELDS, 1, 0) end
      end
      local co = coroutine.create(function(self, ...) return "result", self:ask(...) end)
      local _, asked, result = assert(coroutine.resume(co, asking, 0x04, given, co, 0.5))
      local known, sequence = pcall(other.request, other, 0x04, given, co, 0.5)
      if coroutine.status(co) == "suspended" then
        assert.is_true(known)
        assert.is_nil(asked)
        assert.same(after(other, sequence), after(asking, sequence))
        local _, word, one, two = coroutine.resume(co, "one", "two")
        assert.same({ "result", "one", "two" }, { word, one, two })
      else
        assert.same({ "result", false }, { asked, result })
        local usual = given == fields
        for name, value in pairs(fields) do usual = usual and USUAL[name] and (name == "esm_class" and value == 0 or name == "source_addr_ton" and value == 5) end
        assert.is_true(not known or not sequence or not usual)
        if known and sequence then -- nothing was done: request can still do it
          assert.equal(sequence, (asking:request(0x04, given, co, 0.5)))
          assert.same(after(other, sequence), after(asking, sequence))
        else
          assert.same(after(other), after(asking))
        end
      end
    end)
  end)

  it("takes the usual fields", function()
    for name in pairs(USUAL) do
      local co = coroutine.create(function(self, ...) return self:ask(...) end)
      assert(coroutine.resume(co, bound(), 0x04, { [name] = VALUES[name][1] }, co, 0))
      assert.equal("suspended", coroutine.status(co))
    end
  end)

  it("does nothing for a task that is not the coroutine that calls it, and for what has no response", function()
    local esme, other = bound(), coroutine.create(function() end)
    esme:output()
    local function asks(...)
      local ok, result = coroutine.resume(coroutine.create(function(self, ...) return self:ask(...) end), esme, ...)
      assert.is_true(ok)
      assert.is_false(result)
    end
    for _, task in ipairs { other, false, 7, "task", {} } do asks(0x04, FIELDS, task, 0) end
    local function asks_itself(session, id, fields)
      local co = coroutine.create(function(self, ...) return self:ask(...) end)
      assert.same({ true, false }, { coroutine.resume(co, session, id, fields, co, 0) })
    end
    for _, fields in ipairs { true, 7, print, "" } do asks_itself(esme, 0x04, fields) end
    for _, id in ipairs { 0xFFFF, 0x80000004 } do asks_itself(esme, id, {}) end
    local mc = pdus.codec.session { role = "mc", now = 0, unchecked = true }
    asks_itself(mc, 0x102, {})
    assert.is_nil(esme:output())
    assert.is_nil(mc:output())
    assert.equal(0, esme:in_flight())
  end)
end)
