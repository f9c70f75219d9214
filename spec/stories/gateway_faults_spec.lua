-- A gateway between customers and carriers that refuse, throttle, answer late or not at all, answer twice, lose their connection
-- and die: every message has one outcome, and the books of both sides agree.
local support = require "spec.support.gateways"
local smpp = require "smpp"

local FILE = [[
listen { port = 2775, accounts = { acme = "secret", bank = "hidden" } }
gateway { queue_s = 5 }
carrier "a" { "smpp://me:x@localhost:2001", window = 5, response_timeout_s = 5, binds = 2 }
carrier "b" { "smpp://me:x@localhost:2002", window = 5, response_timeout_s = 5 }
route { to = prefix "1", via = failover { "a", "b" } }
route { to = prefix "2", via = balance { "a", "b" } }
route { via = least { "a", "b" } }
]]

--- A small generator of its own, so that each seed is one story.
local function generator(seed)
  local state = seed * 7919 % 2147483647
  return function(n)
    state = state * 16807 % 2147483647
    return state % n + 1
  end
end

local PERMANENT, PASSING = { "ESME_RINVDSTADR", "ESME_RSUBMITFAIL" }, { "ESME_RTHROTTLED", "ESME_RSYSERR", "ESME_RMSGQFUL" }

local function story(seed)
  local random = generator(seed)
  local submitted, outcomes, taken, receipts = 0, {}, {}, 0
  local function carrier(name)
    return function(session, pdu, n)
      local dice = random(20)
      local key = pdu.short_message
      if dice == 1 then return nil, PERMANENT[random(2)] end
      if dice <= 3 then return nil, PASSING[random(3)] end
      if dice == 4 then
        session:reset "cut"
        return
      end
      if dice == 5 then smpp.sleep(random(9)) elseif dice <= 8 then smpp.sleep(random(20) / 10) end
      if not session:is_answerable(pdu) then return end
      taken[key] = (taken[key] or 0) + 1
      return ("%s-%d"):format(name, n)
    end
  end
  support.world(FILE, function(w)
    local customers = { w:customer { window = 20 }, w:customer { url = "smpp://bank:hidden@localhost:2775", window = 20 } }
    for i = 1, 120 do
      smpp.spawn(function()
        local key = ("m%d"):format(i)
        submitted = submitted + 1
        local id, code = support.submit(customers[i % 2 + 1], { destination_addr = tostring(random(3)) .. "00", short_message = key, registered_delivery = 1 })
        assert(not outcomes[key], "two outcomes of " .. key)
        outcomes[key] = id or code
        if id then
          for k = 1, 2 do
            for n, pdu in ipairs(w.carriers[k].got) do
              if pdu.short_message == key and taken[key] then
                w:receipt(k, ("%s-%d"):format(w.carriers[k].name, n), { from = pdu.destination_addr })
              end
            end
          end
        end
      end)
      if random(3) == 1 then smpp.sleep(random(10) / 20) end
      if i == 60 then w.carriers[2].server:close(0) end
      if i == 90 then w:carrier(2, carrier "b") end
    end
    smpp.sleep(300)
    local ok, known, refused = 0, {}, 0
    for key, outcome in pairs(outcomes) do
      if outcome:find "^ESME" then
        refused = refused + 1
      else
        ok = ok + 1
        assert(not known[outcome], "an id was given twice: " .. outcome)
        known[outcome] = key
        assert((taken[key] or 0) >= 1, key .. " was answered with success and no carrier took it")
      end
    end
    assert(ok + refused == submitted and submitted == 120, ("%d + %d of %d"):format(ok, refused, submitted))
    local stats = w.gateway:stats()
    local forwarded = 0
    for _, n in pairs(stats.counts.forwarded) do forwarded = forwarded + n end
    assert(forwarded == ok, ("the gateway forwarded %d, customers have %d"):format(forwarded, ok))
    for _, one in ipairs(stats.carriers) do
      assert(one.outstanding == 0, one.name .. " still has messages on the way")
      assert(one.sent == one.accepted + one.refused + one.unknown, one.name .. ": sums differ")
    end
    -- A message that was sent and not answered went to no other carrier: only these can have been taken without success.
    for key, count in pairs(taken) do
      if count > 1 then assert(outcomes[key], key) end
    end
    local seen = {}
    for i, customer in ipairs(customers) do
      for _, pdu in ipairs(customer.got) do
        local id = pdu.short_message:match "id:(%S+)"
        assert(known[id], "a receipt for an id that nobody was given: " .. tostring(id))
        assert(not seen[id], "two receipts for " .. id)
        assert(tonumber(known[id]:match "%d+") % 2 + 1 == i, "a receipt for another customer")
        seen[id], receipts = true, receipts + 1
      end
    end
    assert(ok > 40 and receipts > 20, ("%d ok, %d receipts"):format(ok, receipts))
  end, { carriers = { carrier "a", carrier "b" } })
end

describe("a gateway amid faults", function()
  for seed = 1, 12 do
    it("gives each message one outcome, with books that agree, seed " .. seed, function() story(seed) end)
  end
end)
