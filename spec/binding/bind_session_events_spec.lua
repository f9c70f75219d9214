local bound = require "spec.support.bound"
local core = require "smpp.core"
local pdus = require "smpp.codec"
local property = require "spec.support.property"

local RESPONSE, ACCEPTED = core.session_events.response.kind, core.session_events.accepted.kind

local WAITER, FIELDS = {}, { destination_addr = "1" }

--- The slots of the event that an answer to a submit_sm makes: kind, pdu, waiter …
local function answered_with(answer)
  local esme = bound.esme()
  answer.sequence_number = esme:request(0x04, FIELDS, WAITER, 0)
  local slots = {}
  local n = esme:receive(pdus.encode(answer), 0, slots)
  slots[2] = slots[2].command
  assert.equal(n, #slots)
  return slots
end

describe("bind_session_events: the event of a response", function()
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
    local _, slots = bound.esme()
    assert.same({ RESPONSE, "the bind", 0 }, { slots[1], slots[3], slots[4] })
  end)
end)

describe("bind_session_events: requests that come in one chunk", function()
  local REQUEST = core.session_events.request.kind

  --- A stream of requests in chunks of any size, of which nobody keeps the strings; polled, ticked, or fed with the next before all were taken.
  local function in_turns(random, case)
    local mc, slots = bound.mc()
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
    local mc, slots = bound.mc()
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
