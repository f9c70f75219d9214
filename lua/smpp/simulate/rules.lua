--- What must be true after a simulation: the invariants, each with the kind of its violation.

local rules = {}

local NEVER_SENT = { not_sent = true, queue_full = true, closed = true, bad_value = true, too_long = true }
local UNKNOWN = { timeout = true, connection_lost = true }

--- The kind of a seed that gives two runs.
rules.NONDETERMINISTIC = { kind = "nondeterministic", words = "two runs of a seed are the same" }

--- The invariants: kind, what it says, and a function that returns a message when it is broken.
---@type { kind: string, words: string, check: fun(record: smpp.SimulateRecord): string? }[]
rules.list = {}

local function rule(kind, words, check) table.insert(rules.list, { kind = kind, words = words, check = check }) end

rule("raised", "no error is raised", function(r) return r.errors[1] and r.errors[1]:match "^[^\n]*" end)

rule("unfinished", "each call returns, once", function(r)
  for number in ipairs(r.plan.messages) do
    local result = r.results[number]
    if not result or not result.done then return ("the send of message %d has not returned"):format(number) end
    if result.twice then return ("the send of message %d has returned twice"):format(number) end
  end
end)

rule("unsettled", "everything settles within 900 s after the last fault", function(r) return r.unsettled end)

--- number -> part -> times it was taken; number -> ids
local function takes_of(r)
  local takes, ids = {}, {}
  for _, one in ipairs(r.taken) do
    local number = one.number or 0
    takes[number] = takes[number] or {}
    takes[number][one.part] = (takes[number][one.part] or 0) + 1
    ids[one.id] = number
  end
  return takes, ids
end

--- May a message that a gateway has accepted end without being taken?  Only stored: its outcome is unknown, or a carrier refused it.
local function may_end(r, planned, id)
  local state = r.relay.stored and r.relay.kept[id]
  return state == "UNKNOWN" and not r.relay.resend or state == "REJECTED" and planned.refusals
end

rule("accepted_not_taken", "what was accepted was taken, under that id; by a gateway: or has ended, as its store says", function(r)
  local takes, ids = takes_of(r)
  for number, result in pairs(r.results) do
    for part, id in ipairs(result.ids or {}) do
      if r.relay then
        if not (takes[number] and takes[number][part]) and not may_end(r, r.plan.messages[number], id) then
          return ("part %d of message %d was accepted as %s, which no carrier took%s"):format(part, number, id,
            r.relay.kept[id] and "; the store says " .. r.relay.kept[id] or "")
        end
      elseif ids[id] ~= number then return ("message %d was accepted as %s, which the message centre %s"):format(number, id,
        ids[id] and "took as message " .. ids[id] or "never took")
      end
    end
  end
end)

rule("not_sent_taken", "what was not sent, or was refused, was not taken", function(r)
  local takes = takes_of(r)
  for number, result in pairs(r.results) do
    local parts = #(result.ids or {})
    local refused = result.code and result.code:find "^ESME_"
    if result.done and not result.accepted and parts == 0 and (NEVER_SENT[result.code] or refused) and takes[number] then
      local planned = r.plan.messages[number]
      local sent_again = r.plan.clients[planned.client].resend or r.relay and (r.relay.resend or not r.relay.stored and r.relay.unknown > 0)
      if not (sent_again and refused) then
        return ("message %d ended with %s, and was taken"):format(number, result.code)
      end
    end
  end
end)

rule("taken_twice", "nothing is taken twice, unless the client was told to send again what may have been lost", function(r)
  local takes = takes_of(r)
  for number, parts in pairs(takes) do
    local planned = r.plan.messages[number]
    for part, count in pairs(parts) do
      if count > 1 and planned and not r.plan.clients[planned.client].resend and not (r.relay and r.relay.resend) then
        return ("part %d of message %d was taken %d times"):format(part, number, count)
      end
    end
  end
end)

rule("unknown_message", "what is taken was sent", function(r)
  for _, one in ipairs(r.taken) do
    local planned = one.number and r.plan.messages[one.number]
    if not planned then return "the message centre took a text that nobody sent" end
    if one.client ~= "esme" .. planned.client then return ("message %d was taken from %s"):format(one.number, one.client) end
  end
end)

rule("window", "no more requests without an answer than the window allows", function(r)
  for _, list in ipairs { r.clients, r.carriers } do
    for _, side in ipairs(list) do
      if side.most > side.o.window then
        return ("%s had %d requests without an answer, its window is %d"):format(side.id, side.most, side.o.window)
      end
    end
  end
end)

rule("order", 'with order = "destination" messages to one destination are taken in their order, but for those of unknown outcome', function(r)
  local last = {}
  if r.relay and (r.relay.stored or r.relay.resend or #r.centres > 1) then return nil end -- several ways, or several attempts
  for _, one in ipairs(r.taken) do
    local planned = r.plan.messages[one.number or 0]
    local o = planned and r.plan.clients[planned.client]
    local unknown = UNKNOWN[(r.results[one.number] or {}).code] -- the next ones do not wait for it any longer, and it may be taken late
    if o and o.order and not o.resend and not planned.refusals and not unknown then
      local key = planned.client .. " " .. planned.to
      if last[key] and last[key] > one.number then
        return ("message %d was taken after message %d, to the same destination"):format(one.number, last[key])
      end
      last[key] = one.number
    end
  end
end)

rule("rate", "no more submits than rate_per_s allows, in any two seconds", function(r)
  for _, client in ipairs(r.clients) do
    local rate, times = client.o.rate_per_s, client.submit_times
    for i, at in ipairs(rate and times or {}) do
      local most = math.ceil(rate * 2) + 2
      if times[i + most] and times[i + most] - at < 2 then
        return ("%s sent %d submits in two seconds, rate_per_s is %d"):format(client.id, most + 1, rate)
      end
    end
  end
end)

rule("receipt_lost", "every receipt that was asked for arrives", function(r)
  for number, planned in ipairs(r.plan.messages) do
    local result = r.results[number]
    if planned.receipt and result and result.accepted and not r.unsettled then
      local client, got = r.clients[planned.client], {}
      for _, receipt in ipairs(client.receipts) do got[receipt.id] = true end
      for _, id in ipairs(result.ids) do
        if not got[id] and r.states[id] then return ("the receipt of %s, message %d, has not arrived"):format(id, number) end
      end
    end
  end
end)

--- May a receipt of a gateway say this state of a message?
local function may_say(r, planned, state)
  return state == planned.state or r.relay.stored and (state == "UNKNOWN" or state == "REJECTED" and planned.refusals ~= nil)
end

rule("receipt_wrong", "receipts say the state that the message has, to the client that sent it", function(r)
  local owner = {}
  for _, one in ipairs(r.taken) do owner[one.id] = one.client end
  for _, client in ipairs(r.clients) do
    for _, receipt in ipairs(client.receipts) do
      local planned = r.relay and r.plan.messages[receipt.number or 0]
      local its = r.relay and (planned and "esme" .. planned.client) or owner[receipt.id] -- carriers count ids by themselves
      if its ~= client.id then return ("%s got a receipt of %s, which is not its own"):format(client.id, tostring(receipt.id)) end
      local state = r.states[receipt.id]
      if state and receipt.state ~= state or r.relay and not may_say(r, planned, receipt.state) then
        return ("the receipt of %s says %s, the message is %s"):format(receipt.id, tostring(receipt.state), state or planned.state)
      end
    end
  end
end)

rule("reply_lost", "every message of a phone arrives", function(r)
  if r.unsettled then return nil end
  for number, one in pairs(r.replied) do
    local found
    for _, words in ipairs(r.clients[one.client].texts) do found = found or words == one.text end
    if not found then return ("the message %d of a phone has not arrived at esme%d"):format(number, one.client) end
  end
end)

rule("parts_mixed", "parts of different texts are never joined", function(r)
  local known = {}
  for _, one in pairs(r.replied) do known[one.text] = true end
  for _, client in ipairs(r.clients) do
    for _, words in ipairs(client.texts) do
      if not known[words] then return ("%s got a text that nobody sent: %s"):format(client.id, words:sub(1, 40)) end
    end
  end
end)

--- Does everybody on the way of a bot's texts send again what may have been lost?
local function bot_sends_again(r) return r.talks.resend and (not r.relay or r.relay.resend) end

rule("bot_silent", "a bot that sends again what may have been lost asks each phone that writes to it, and thanks it", function(r)
  if not r.talks or r.unsettled or not bot_sends_again(r) then return nil end
  for index in pairs(r.talks.begun) do
    local asked, ended = r.talks:count(index)
    if asked == 0 or ended == 0 then return ("phone %d got %d questions and %d thanks"):format(index, asked, ended) end
  end
end)

rule("bot_twice", "a bot says nothing twice, unless it sends again what may have been lost", function(r)
  if not r.talks or r.talks.resend or r.relay and r.relay.resend then return nil end
  for index in ipairs(r.talks.said) do
    local asked, ended = r.talks:count(index)
    local most = 1 + r.talks.repeats[index]
    if asked > most or ended > most then return ("phone %d got %d questions and %d thanks"):format(index, asked, ended) end
  end
end)

rule("bot_mixed", "a bot says to each phone what is meant for it", function(r) return r.talks and r.talks.wrong end)

rule("books", "queues and windows are empty at the end", function(r)
  if r.unsettled then return nil end
  local list = {}
  for _, client in ipairs(r.clients) do list[#list + 1] = { client.id, client.stats } end
  for i, stats in ipairs(r.relay and r.relay.stats or {}) do list[#list + 1] = { "carrier c" .. i .. " of the gateway", stats } end
  for _, item in ipairs(list) do
    local stats = item[2]
    if stats.queued ~= 0 or stats.queued_octets ~= 0 or stats.in_flight ~= 0 then
      return ("%s has %d queued (%d octets) and %d in flight"):format(item[1], stats.queued, stats.queued_octets, stats.in_flight)
    end
  end
end)

rule("left_open", "nothing is open at the end", function(r) return r.left and "left open: " .. r.left end)

--- The first invariant that is broken.
---@param record smpp.SimulateRecord
---@param only? table<string, boolean>  kinds
---@return string? kind
---@return string? message
function rules.check(record, only)
  for _, one in ipairs(rules.list) do
    if not only or only[one.kind] then
      local message = one.check(record)
      if message then return one.kind, message end
    end
  end
end

return rules
