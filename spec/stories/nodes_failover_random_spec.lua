-- Two nodes of a gateway on a model of an engine with a replica that lags, stands, and takes the engine's place amid traffic, in virtual time: with
-- durable = "replica" nothing is lost that was answered, to customers and to carriers, and nobody's credit is wrong.
local cluster = require "spec.support.cluster"
local few = require "spec.support.few"
local models = require "spec.support.valkey_model"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"
local util = require "spec.support.util"

local ROUNDS, CREDIT = 3, 1000

local FILE = cluster.FILE:gsub("lease_s = 2", 'lease_s = 2, durable = "replica", wait_ms = 400, retry = { first_s = 0.5, max_s = 2 }')
  :gsub('acme = "secret"', ('acme = { password = "secret", credit = %d }'):format(CREDIT))

--- Sends a receipt for what a carrier takes, until it is acknowledged.
local function carrier(w, i, books)
  local one = w.carriers[i]
  function one.answer(_, pdu, n)
    local id, key = ("%s-%d"):format(one.name, n), pdu.short_message
    books.taken[key] = (books.taken[key] or 0) + 1
    smpp.spawn(function()
      smpp.sleep(0.1)
      while not books.over do
        local session = one.server.sessions[1]
        local ok = session and session:deliver_sm {
          source_addr = pdu.destination_addr, destination_addr = pdu.source_addr, esm_class = 4, short_message = ("id:%s stat:DELIVRD err:000"):format(id),
        }
        if ok then
          books.told[key] = true
          return
        end
        smpp.sleep(0.5)
      end
    end)
    return id
  end
end

--- The engine is gone at once; its replica, with what it has got, takes its place.
local function failover(w, n)
  w.engine.close()
  w.engine = models.new(w.loop, { data = w.engine.promote(w.replica), info = { run_id = "run-" .. n, master_replid = "replid-" .. n } })
  w.replica = w.engine.replicate(0.02)
end

--- What was answered, or acknowledged, and is not as it has to be yet.
local function missing(books)
  for key, id in pairs(books.answered) do
    if not books.taken[key] then return key .. " was answered, and no carrier has it" end
    if not books.told[key] then return key .. ": its receipt is not acknowledged" end
    if not books.got[id] then return ("%s: the receipt of %s was acknowledged, and its customer has none"):format(key, id) end
  end
end

local function run(seed)
  local random = util.random(seed)
  cluster.run(FILE, function(w)
    local books = { taken = {}, told = {}, answered = {}, got = {}, over = false, answers = 0, refused = 0 }
    for i = 1, 2 do carrier(w, i, books) end
    local running, n = true, 0
    for _, name in ipairs { "a", "b" } do
      local acme = w:customer_of(name, { window = 50, reconnect = { fixed_s = 0.3 }, deliver_sm = function(pdu)
        local id = pdu.short_message:match "id:(%S+)"
        books.got[id] = (books.got[id] or 0) + 1
        return true
      end })
      for _ = 1, 4 do
        smpp.spawn(function()
          while running do
            n = n + 1
            local key = "m" .. n
            local id = support.submit(acme, { short_message = key, registered_delivery = 1 })
            if id then books.answered[key], books.answers = id, books.answers + 1 else books.refused = books.refused + 1 end
            smpp.sleep(random(20) / 100)
          end
        end)
      end
    end
    for round = 1, ROUNDS do
      for _ = 1, 6 do
        smpp.sleep(random(10) / 10)
        local dice = random(3)
        if dice == 1 then w.replica.is_stopped = not w.replica.is_stopped elseif dice == 2 then w.replica.lag_s = random(30) / 100 else w.engine.drop() end
      end
      failover(w, round + 1)
      smpp.sleep(5)
    end
    running = false
    local till, why = w.loop:now() + 60, nil
    repeat
      smpp.sleep(1)
      why = missing(books)
    until not why or w.loop:now() > till
    books.over = true
    assert(not why, why)
    assert.is_true(books.answers > 100, books.answers)
    local charged, store = 0, w.gateways.a.store
    assert(stores.walk(store, { kind = "message" }, function(record)
      charged = charged + (record.charged or 0)
      assert(stores.is_final(record.state), record.key .. " is " .. record.state)
    end))
    assert.equal(CREDIT * 1000000 - charged, tonumber(stores.get(store, "counter", "credit/acme").state))
    local kept = 0
    for key, times in pairs(books.taken) do
      local record = books.answered[key] and w:kept(books.answered[key])
      if record then kept = kept + 1 end
      if record and times > 1 then assert.is_true(record.maybe_twice, ("%s was taken %d times, and is not marked"):format(key, times)) end
    end
    assert.equal(books.answers, kept)
    assert.same({}, w:logged "failed")
  end, { lag_s = 0.02 })
end

describe("nodes whose engine fails over to a replica that was behind", function()
  for seed = 1, tonumber(os.getenv "NODE_STORIES") or few(2, 1) do
    it(("lose nothing that was answered; seed %d"):format(seed), function() run(seed) end)
  end
end)
