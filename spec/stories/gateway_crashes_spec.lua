-- kill -9 at any moment: what was answered with success reaches a carrier, what was acknowledged to a carrier reaches its customer,
-- and doubles are only among what was on its way, which the books name.
local late = require "spec.support.late_store"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local FILE = [[
store "x.db"
listen { port = 2775, accounts = { acme = "secret" } }
carrier "a" { "smpp://me:x@localhost:2001", window = 3 }
carrier "b" { "smpp://me:x@localhost:2002", window = 3 }
route { via = balance { "a", "b" } }
incoming { deliver = "acme" }
]]

--- A run that is killed after its n-th call of the store, and goes on.
local function story(n)
  local state = n * 7919 % 2147483647
  local function random(most)
    state = state * 16807 % 2147483647
    return state % most + 1
  end
  local taken, answered, acked, order = {}, {}, {}, {}
  local function carrier(name)
    return function(session, pdu, number)
      local dice = random(10)
      if dice == 1 then return nil, "ESME_RTHROTTLED" end
      if dice == 2 then return nil, "ESME_RX_T_APPN" end
      if dice <= 5 then smpp.sleep(random(20) / 20) end
      if not session:is_answerable(pdu) then return end
      local key = pdu.short_message
      taken[key] = (taken[key] or 0) + 1
      local id = ("%s-%d"):format(name, number)
      order[#order + 1] = { id = id, key = key, name = name, to = pdu.destination_addr }
      return id
    end
  end
  support.world(FILE, function(w)
    local got, mo = {}, {}
    local function collect(pdu)
      local id = pdu.short_message:match "id:(%S+)"
      if id then got[id] = (got[id] or 0) + 1 else mo[pdu.short_message] = (mo[pdu.short_message] or 0) + 1 end
      return true
    end
    local acme = w:customer { window = 5, deliver_sm = collect }
    local deadline, sent = w.store.calls + n, 0
    local told = 0
    --- Receipts for what the carriers have, and now and then an MO; one that is not acknowledged comes again.
    local function receipts()
      while order[told + 1] do
        told = told + 1
        local one = order[told]
        smpp.spawn(function()
          for _ = 1, 30 do
            local session = w.carriers[one.name == "a" and 1 or 2].server.sessions[1]
            local response = session and session:deliver_sm {
              source_addr = one.to, destination_addr = "12345", esm_class = 4, short_message = "id:" .. one.id .. " stat:DELIVRD err:000",
            }
            if response then
              acked[one.key] = true
              return
            end
            smpp.sleep(3)
          end
        end)
        if told % 4 == 0 then
          local words = "mo " .. told
          smpp.spawn(function()
            for _ = 1, 30 do
              local session = w.carriers[1].server.sessions[1]
              if session and session:deliver_sm { source_addr = "49", destination_addr = "12345", short_message = words } then
                mo[words] = mo[words] or 0
                return
              end
              smpp.sleep(3)
            end
          end)
        end
      end
    end
    local is_killed = false
    while sent < 40 or not is_killed and sent < 400 do
      sent = sent + 1
      local key = "m" .. sent
      acme:submit_sm({ source_addr = "12345", destination_addr = "49" .. sent, short_message = key, registered_delivery = 1 }, function(response)
        if response then answered[key] = response.message_id end
      end)
      if random(2) == 1 then smpp.sleep(random(10) / 50) end
      receipts()
      if not is_killed and w.store.calls >= deadline then
        is_killed = true
        local inner = w:kill()
        w:start(late.new(w.loop, { inner = inner }))
        acme = w:customer { window = 5, deliver_sm = collect }
      end
    end
    for _ = 1, 40 do
      smpp.sleep(5)
      receipts()
    end
    local count, twice = 0, {}
    assert(stores.walk(w.store, { kind = "message" }, function(record)
      local pdu = assert(smpp.decode(record.octets))
      if record.maybe_twice then twice[pdu.short_message] = true end
      assert(stores.is_final(record.state), ("%s is %s"):format(pdu.short_message, record.state))
    end))
    for key, id in pairs(answered) do
      count = count + 1
      assert(taken[key], key .. " was answered with success and no carrier took it")
      assert(got[id], ("the receipt of %s (%s) was %s and did not reach the customer"):format(key, id, acked[key] and "acknowledged" or "not sent"))
    end
    assert(count > 20, count .. " were answered")
    for key, times in pairs(taken) do assert(times == 1 or twice[key], key .. " was sent twice, and the books do not say so") end
    for words, times in pairs(mo) do assert(times >= 1, words .. " was acknowledged and did not reach the customer") end
    assert(is_killed)
    assert.same({}, w:logged "failed")
  end, { carriers = { carrier "a", carrier "b" }, store = function(loop) return late.new(loop, { delay = function() return random(10) / 200 end }) end })
end

describe("a gateway that is killed", function()
  for n = 1, 91, 6 do
    it(("loses nothing that was answered, killed after call %d of its store"):format(n), function() story(n) end)
  end
end)
