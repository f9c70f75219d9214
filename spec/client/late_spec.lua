local esme = require "spec.support.esme"
local property = require "spec.support.property"
local smpp = require "smpp"

local TO = "+491761234567"

local LEARNED = 40 -- receipts after which ids are certainly spelled alike

local function send(client, o)
  local message = { from = "Shop", to = TO, text = "Hello", receipt = true }
  for name, value in pairs(o or {}) do message[name] = value end
  return assert(client:send(message))
end

--- Runs fn(client, deliver) with a client for which a message is late when five have followed.  deliver(id, state): a receipt.
--- is_sure: receipts have taught it how ids are spelled.
local function with(fn, o, ids, is_sure)
  esme.run(function()
    local n = is_sure and -LEARNED or 0
    local server = esme.server { submit_sm = function()
      n = n + 1
      return n <= 0 and "w" .. -n or ids and ids(n) or "id" .. n
    end }
    local client = assert(esme.connect(o))
    local function deliver(id, state)
      assert(server.sessions[1]:deliver_sm { esm_class = 4, short_message = ("id:%s stat:%s err:000"):format(id, state or "DELIVRD") })
    end
    client.sender.young = 5
    for _ = 1, is_sure and LEARNED or 0 do deliver(send(client).message_id) end
    assert.equal(is_sure or false, client.sender.tracker ~= nil and client.sender.tracker.ids.is_sure)
    fn(client, deliver)
    assert.same({}, client.esme_errors)
    client:close()
    server:close()
  end)
end

local function send_others(client, n)
  for _ = 1, n or 5 do send(client) end
end

local function collect()
  collectgarbage()
  collectgarbage()
end

local function open_in_lua(client)
  local n = -1 -- the field `last`
  for _ in pairs(client.sender.book) do n = n + 1 end
  return n
end

--- What a program sees of a message.
local function shown(sent)
  return { sent.message_id, sent.message_ids, sent.parts, sent.info, sent.first, sent.last_state, tostring(sent), sent:asks_for_receipt() }
end

describe("smpp.client.late", function()
  it("makes a message again as it was (seeded)", function()
    local messages = {}
    property.holds(60, function(random)
      local function any(list) return list[random(#list)] end
      messages[#messages + 1] = {
        from = any { "Shop", "12345", "+4917699" }, to = any { TO, "491761234567", "8888" }, receipt = any { true, "failure", "intermediate" },
        text = any { "", "Hello", "Grüße\n[x]", "a\0b", "Привет", ("x"):rep(160) },
      }
    end)
    for _, is_sure in ipairs { false, true } do
      local by_id, seen = {}, 0
      with(function(client, deliver)
        for _, message in ipairs(messages) do
          local sent = send(client, message)
          by_id[sent.message_id] = shown(sent)
        end
        send_others(client)
        collect()
        assert.same({ 5 }, { open_in_lua(client) })
        for id, expected in pairs(by_id) do
          expected[6] = "UNDELIVERABLE"
          deliver(id, "UNDELIV")
          seen = seen + 1
        end
      end, { receipt = function(receipt)
        if not by_id[receipt.id] then return end
        if receipt.id:find "[02468]$" then assert.equal("UNDELIV", receipt.stat) end -- reads all fields
        local sent = assert(receipt.sent)
        assert.same({ receipt, sent }, { sent.done, receipt.sent })
        assert.same(by_id[receipt.id], shown(sent))
        assert.equal("UNDELIVERABLE", sent:receipt().state)
        by_id[receipt.id].is_seen = true
      end }, nil, is_sure)
      for id, expected in pairs(by_id) do assert.is_true(expected.is_seen, id) end
      assert.equal(#messages, seen)
    end
  end)

  it("is the message itself for whoever holds it, waits for it, or has set a field of it", function()
    for _, is_sure in ipairs { false, true } do
      with(function(client, deliver)
        local held, waited, overdue, state = send(client), send(client), send(client), nil
        local marked = send(client)
        send_others(client)
        marked.mine = "x"
        smpp.spawn(function() state = waited:receipt().state end)
        assert.equal("timeout", (select(3, overdue:receipt(1))))
        marked, waited = nil, nil
        collect()
        assert.same({ 5 + 2 }, { open_in_lua(client) })
        for i = 1, 4 do deliver("id" .. i) end
        smpp.sleep(0.1)
        assert.same({ "DELIVERED", "DELIVERED", "DELIVERED" }, { held.done.state, overdue.last_state, state })
        deliver "id9"
        assert.same({ 4, 4 }, { open_in_lua(client), client.sender.tracker:count() })
      end, { receipt = function(receipt)
        assert.equal(receipt.id == "id4" and "x" or nil, receipt.sent.mine)
      end }, nil, is_sure)
    end
  end)

  it("takes states that are not final, and ids that are written otherwise", function()
    for _, is_sure in ipairs { false, true } do
      local states = {}
      with(function(client, deliver)
        local held = send(client)
        send(client)
        send_others(client)
        collect()
        deliver("0000000001", "ACCEPTD")
        for _, id in ipairs { "1", "2" } do deliver(id, "ENROUTE") end
        assert.same({ 5, "ENROUTE" }, { open_in_lua(client), held.last_state })
        collect()
        for _, id in ipairs { "00001", "00002" } do deliver(id) end
        assert.same({ 5, "DELIVERED" }, { open_in_lua(client), held.last_state })
      end, { receipt = function(receipt)
        states[#states + 1] = receipt.sent and receipt.sent.message_id .. " " .. receipt.state .. " " .. receipt.sent.last_state or "none"
        if receipt.id:find "^w" then states = {} end
      end }, tostring, is_sure)
      assert.same({ "1 ENROUTE ENROUTE", "2 ENROUTE ENROUTE", "1 DELIVERED DELIVERED", "2 DELIVERED DELIVERED" }, { states[2], states[3], states[4], states[5] })
    end
  end)

  it("has the id of the response in its result", function()
    local seen
    with(function(client, deliver)
      send_others(client, 6)
      collect()
      deliver "ID1"
    end, { receipt = function(receipt)
      if receipt.id == "ID1" then seen = { receipt.sent.message_id, receipt.sent.done.id, receipt.sent.done.sent == receipt.sent } end
    end }, nil, true)
    assert.same({ "id1", "id1", true }, seen)
  end)

  it("leaves a message of several parts, and one of a shared tracker, as they are", function()
    with(function(client, deliver)
      local parts = send(client, { text = ("x"):rep(200) })
      local coded = send(client, { encoding = "ucs2" })
      send_others(client)
      assert.same({ 7 }, { open_in_lua(client) })
      for i = 1, 3 do deliver("id" .. i) end
      assert.same({ "DELIVERED", "DELIVERED" }, { parts.done.state, coded.done.state })
    end)
    with(function(client)
      send_others(client, 8)
      assert.same({ 8 }, { open_in_lua(client) })
    end, { tracker = smpp.tracker {} })
  end)

  it("ends with its client, and when its time is up", function()
    with(function(client)
      local held = send(client)
      send_others(client, 9)
      collect()
      smpp.sleep(20)
      assert.is_true(held.overdue)
      assert.same({ 0, 0, 0 }, { open_in_lua(client), client.sender.late.records:count(), client.sender.tracker:count() })
    end, { receipt_ttl_s = 10 })
    local held, sender
    with(function(client)
      held, sender = send(client), client.sender
      send_others(client, 9)
      collect()
    end)
    assert.equal("no receipt received", (select(2, held:receipt(1))))
    assert.equal(0, sender.late.records:count())
    held.mine = "x"
  end)

  it("takes few octets for an open message, however many there are", function()
    local function octets_of(count)
      local octets
      with(function(client)
        send_others(client, 100)
        collect()
        local before = collectgarbage "count"
        for _ = 1, count do client:send { from = "Shop", to = TO, text = "Your code is 481516, valid for 5 minutes", receipt = true } end
        collect()
        local sender = client.sender
        assert.is_true((collectgarbage "count" - before) * 1024 < 500000, count)
        octets = (sender.late.records:memory() + sender.tracker.store:memory()) / count
      end)
      return octets
    end
    for _, count in ipairs { 1000, 10000 } do
      local octets = octets_of(count)
      assert.is_true(octets < 330, octets)
    end
  end)
end)
