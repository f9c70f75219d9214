local bound = require "spec.support.bound"
local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"

local FIELDS = { destination_addr = "1" }

describe("bind_session_request: requests in flight", function()
  --- Sends, answers, stops waiting, and ends, in any order, beside a model of what is in flight.
  local function in_any_order(random, case)
    local esme, slots = bound.esme { role = "esme", now = 0, window = 50, response_s = 10 }
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
    local esme, slots = bound.esme()
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

describe("bind_session_request: a request", function()
  it("may be the octets of a PDU, which get a new sequence_number", function()
    local esme, slots = pdus.codec.session { role = "esme", now = 0 }, {}
    local octets = pdus.encode { command = "submit_sm", sequence_number = 99, destination_addr = "1", short_message = "x" }
    assert.equal("not_sent", select(3, esme:request(0x04, octets, 1, 0)))
    esme:receive(pdus.encode { command = "bind_transceiver_resp", sequence_number = esme:request(0x09, bound.BIND, 1, 0), system_id = "mc" }, 0, slots)
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

describe("bind_session_request: ask", function()
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
      local asking, other = bound.esme(o), bound.esme(o)
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
      assert(coroutine.resume(co, bound.esme(), 0x04, { [name] = VALUES[name][1] }, co, 0))
      assert.equal("suspended", coroutine.status(co))
    end
  end)

  it("does nothing for a task that is not the coroutine that calls it, and for what has no response", function()
    local esme, other = bound.esme(), coroutine.create(function() end)
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
