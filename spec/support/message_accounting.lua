--- Message accounting: a conversation whose connection is cut at some octet, and what must hold afterwards.
local smpp = require "smpp"
local world = require "spec.support.esme"

local run, peer, connect = world.run, world.peer, world.connect

local accounting = { MESSAGES = 100, WINDOW = 20 }

local MESSAGES = accounting.MESSAGES
local OUTCOMES = { response = true, refused = true, never_sent = true, unknown = true }

--- The outcome of a request, one of four.
local function outcome(response, code)
  if response then return "response" end
  if code:find "^ESME_" then return "refused" end
  if code == "timeout" or code == "connection_lost" then return "unknown" end
  if code == "closed" or code == "not_sent" then return "never_sent" end
end

--- A hundred submits, the first connection cut after so many octets of a direction; what the MC accepted, what the client reported.
---@return table seen  { told = { outcome }, taken = { times }, octets = { a_to_b, b_to_a }, left, stats }
function accounting.conversation(direction, octets, options)
  local seen = { told = {}, twice = 0, taken = {}, ids = {} }
  run(function(loop)
    local first
    loop:on_link(function(link)
      if first then return end
      first = link
      link.a_to_b.chunk, link.b_to_a.chunk = 333, 777 -- PDUs come in pieces
      if direction then link[direction]:cut_after(octets) end
    end)
    local mc
    mc = peer(loop, { submit_sm = function(session, pdu)
      local n = tonumber(pdu.short_message)
      seen.taken[n] = (seen.taken[n] or 0) + 1
      if n % 10 == 9 then
        seen.taken[n] = nil
        session:answer(pdu, { status = "ESME_RINVDSTADR" })
      else
        seen.ids[n] = seen.ids[n] or {}
        local id = #mc.pdus .. ""
        seen.ids[n][id] = true
        session:answer(pdu, { message_id = id })
      end
    end })
    local o = { window = accounting.WINDOW, reconnect = { min_s = 1, max_s = 2, jitter = 0 } }
    for name, value in pairs(options or {}) do o[name] = value end
    local esme = connect(o) or assert(connect(o)) -- the first bind may have been cut
    for i = 1, MESSAGES do
      local fields = { source_addr = "A", destination_addr = "491", short_message = tostring(i) }
      local function told(response, _, code)
        if seen.told[i] then seen.twice = seen.twice + 1 end
        seen.told[i] = outcome(response, code)
        if response and not seen.ids[i][response.message_id] then error("the answer of another message for " .. i) end
      end
      if i % 2 == 0 then
        assert(esme:submit_sm(fields, told))
      else
        smpp.spawn(function() told(esme:submit_sm(fields)) end)
      end
    end
    smpp.sleep(10)
    seen.left, seen.stats = esme:close(), esme:stats()
    seen.octets = { a_to_b = first.a_to_b.delivered, b_to_a = first.b_to_a.delivered }
    mc:close()
    smpp.sleep(1)
  end)
  return seen
end

--- Every message has one outcome, which agrees with what the MC received.
function accounting.balance(seen, at)
  local counts = { response = 0, refused = 0, never_sent = 0, unknown = 0 }
  for i = 1, MESSAGES do
    local told, taken = seen.told[i], seen.taken[i] or 0
    if not OUTCOMES[told] then error(("%s: message %d: told %s"):format(at, i, tostring(told))) end
    counts[told] = counts[told] + 1
    if taken > 0 and (told == "never_sent" or told == "refused") then
      error(("%s: message %d was taken %d times and is told to be %s"):format(at, i, taken, told))
    end
    if told == "response" and taken == 0 then error(("%s: message %d was not taken"):format(at, i)) end
  end
  if seen.twice > 0 then error(("%s: %d were told twice"):format(at, seen.twice)) end
  if #seen.left > 0 then error(("%s: %d left at the end"):format(at, #seen.left)) end
  return counts
end

--- Cuts after every `step`-th octet of a direction; returns the number of messages of unknown outcome.
function accounting.cut_everywhere(direction, step)
  local whole, unknown = accounting.conversation(), 0
  for octets = 0, whole.octets[direction] - 1, step do
    local at = ("cut after %d octets"):format(octets)
    local seen = accounting.conversation(direction, octets)
    local counts = accounting.balance(seen, at)
    -- Nothing is sent twice without on_unknown, and nothing is left: what is not unknown was answered.
    for i, times in pairs(seen.taken) do
      if times ~= 1 then error(("%s: message %d was sent %d times, unasked"):format(at, i, times)) end
    end
    if counts.never_sent > 0 then error(at .. ": not sent after the next bind") end
    if counts.unknown > accounting.WINDOW then error(at .. ": more unknown than the window holds") end
    if seen.stats.unknown ~= counts.unknown then error(at .. ": stats() says otherwise") end
    unknown = unknown + counts.unknown
  end
  return unknown
end

--- The same with on_unknown = "resend"; returns the number of messages that the MC accepted twice.
function accounting.cut_and_resend(direction, step)
  local whole, twice = accounting.conversation(), 0
  for octets = 0, whole.octets[direction] - 1, step do
    local at = ("cut after %d octets, resend"):format(octets)
    local seen = accounting.conversation(direction, octets, { on_unknown = "resend" })
    local counts = accounting.balance(seen, at)
    if counts.response ~= MESSAGES * 0.9 or counts.refused ~= MESSAGES * 0.1 then error(at .. ": not all were sent in the end") end
    for i, times in pairs(seen.taken) do
      if times > 2 then error(("%s: message %d was sent %d times for one cut"):format(at, i, times)) end
      twice = twice + times - 1
    end
  end
  return twice
end

return accounting
