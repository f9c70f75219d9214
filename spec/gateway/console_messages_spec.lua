local cluster = require "spec.support.cluster"
local consoles = require "smpp.gateway.console"
local http_json = require "smpp.http.json"
local messages = require "smpp.gateway.console_messages"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"
local support_http = require "spec.support.gateway_http"

local submit = support.submit

local function watched(text, fn, o)
  support.stored(text, function(w)
    local console = consoles.new(w.gateway)
    local function call(name, values)
      local object, message, code, field = console:actions()[name][2](values or {})
      return object and http_json.read(http_json.write(object)), message, code, field
    end
    fn(w, call, console)
    console:close()
  end, o)
end

local function ids(found)
  local list = {}
  for i, one in ipairs(found.messages) do list[i] = one.id end
  return table.concat(list, " ")
end

--- What happened to a message, step by step.
local function life(one)
  local list = {}
  for i, step in ipairs(one.life) do list[i] = step.what end
  return table.concat(list, " ")
end

describe("smpp.gateway.console_messages", function()
  it("finds by id, by a number however it is written, and by text in any case, the newest first", function()
    watched(nil, function(w, call)
      local acme = w:customer()
      local one = submit(acme, { destination_addr = "4915112345", short_message = "Hello World", registered_delivery = 1 })
      local two = submit(acme, { source_addr = "Shop", destination_addr = "4420", short_message = "Goodbye", registered_delivery = 1 })
      smpp.sleep(1)
      assert.equal(two .. " " .. one, ids(call "messages"))
      assert.equal(one, ids(call("messages", { id = one })))
      assert.equal(two, ids(call("messages", { id = "a-2" })))
      assert.equal(one, ids(call("messages", { number = "+49 (151) 123-45" })))
      assert.equal(two, ids(call("messages", { number = "shop" })))
      assert.equal(one, ids(call("messages", { text = "hello w" })))
      assert.equal("", ids(call("messages", { text = "hello w", number = "44" })))
      assert.equal("", ids(call("messages", { account = "bank" })))
      assert.equal("", ids(call("messages", { id = "nosuch" })))
      local found = call("messages", { text = "%w[" })
      assert.same({ "", 2 }, { ids(found), found.looked })
      local message = call("messages", { id = one }).messages[1]
      assert.same({ "acme", "12345", "4915112345", "sent", "a", "Hello World" }, {
        message.account, message.from, message.to, message.state, message.carrier, message.text })
    end)
  end)

  it("finds the same at each of several nodes", function()
    cluster.run(nil, function(w)
      local acme, of_b = w:customer_of "a", w:customer_of "b"
      local list = {}
      for i = 1, 3 do
        list[i] = submit(i == 3 and of_b or acme, { destination_addr = "49151" .. i, short_message = "Hello " .. i, registered_delivery = 1 })
      end
      smpp.sleep(1)
      local both, lives = {}, {}
      for _, name in ipairs { "a", "b" } do
        local console = consoles.new(w.gateways[name])
        local function call(action, values) return http_json.read(http_json.write((console:actions()[action][2](values)))) end
        for _, values in ipairs { {}, { id = list[1] }, { id = "a-2" }, { number = "491513" }, { text = "hello 2" } } do
          both[#both + 1] = ids(call("messages", values))
        end
        lives[#lives + 1] = life(call("message", { id = list[2] }))
        console:close()
      end
      assert.equal(#list, select(2, both[1]:gsub("%S+", "")))
      assert.same({ list[1], list[3], list[2] }, { both[2], both[4], both[5] })
      for i = 1, 5 do assert.equal(both[i], both[5 + i]) end
      assert.same({ lives[1], true }, { lives[2], lives[1]:find "sent" ~= nil })
    end)
  end)

  it("goes on where a page ended, each message once", function()
    watched(nil, function(w, call)
      local acme, sent = w:customer(), {}
      for i = 1, 7 do table.insert(sent, 1, (submit(acme, { destination_addr = "49" .. i }))) end
      local seen, after = {}, nil
      repeat
        local found = call("messages", { limit = 3, after = after })
        for _, one in ipairs(found.messages) do seen[#seen + 1] = one.id end
        after = found.next
        submit(acme)
      until not after
      assert.same(sent, seen)
    end)
  end)

  it("looks at so many messages, and says so", function()
    local store
    watched(nil, function(w, call)
      local changes = {}
      for i = 1, messages.SCAN + 1 do
        changes[i] = { op = "add", kind = "message", record = {
          key = "k" .. i, id = "k" .. i, state = "DELIVERED", system_id = "acme", source_addr = "1", destination_addr = i == 1 and "777" or "2",
          submitted = i, done = i,
        } }
      end
      assert(stores.commit(w.store, changes))
      local found = call("messages", { number = "777" })
      assert.same({ "", messages.SCAN, true }, { ids(found), found.looked, found.next ~= nil })
      found = call("messages", { number = "777", after = found.next })
      assert.same({ "k1", 1 }, { ids(found), found.looked })
    end, { store = function()
      store = stores.memory { limit = 1e6, keep_final = 1e6 }
      function store:kill() end
      return store
    end })
  end)

  it("tells the life of a message, from its acceptance to the receipt, and why it went there", function()
    watched(nil, function(w, call)
      local acme = w:customer()
      local id = submit(acme, { registered_delivery = 1, short_message = "Hi there" })
      smpp.sleep(1)
      local one = call("message", { id = id })
      assert.same({ "accepted sent expires", "sent", "Hi there" }, { life(one), one.message.state, one.text })
      assert.equal('taken by a as "a-1"', one.life[2].words)
      assert.same({ "via a, then b", 5, true }, { one.why.decision.what, one.why.decision.line, one.why.steps[1].matched })
      assert.truthy(one.octets:find("486920746865726", 1, true))
      w:receipt(1, "a-1", { stat = "UNDELIV", text = "id:a-1 sub:001 dlvrd:000 submit date:2311142213 done date:2311142213 stat:UNDELIV err:011 text:Hi" })
      smpp.sleep(1)
      one = call("message", { id = id })
      assert.same({ "accepted sent undelivered", "undelivered" }, { life(one), one.message.state })
      assert.truthy(one.life[3].words:find "^undelivered: ")
      assert.is_true(one.life[3].time > one.life[1].time)
      assert.same({ nil, "not_found", "id" }, { call("message", { id = "no\27such" }), select(3, call("message", { id = "no\27such" })) })
      assert.is_nil(select(2, call("message", { id = "no\27such" })):find "\27")
    end)
  end)

  it("tells of refusals by their status, of retries, of what is held and of what is scheduled", function()
    local answer = "ESME_RINVDSTADR"
    watched(support.STORED_FILE:gsub('2001"', '2001", response_timeout_s = 2'):gsub('failover { "a", "b" }', '"a"'), function(w, call)
      local acme = w:customer()
      local refused = submit(acme)
      smpp.sleep(1)
      local one = call("message", { id = refused })
      assert.same({ "accepted refused", "refused" }, { life(one), one.message.state })
      assert.truthy(one.message.error:find "^ESME_RINVDSTADR: ")
      answer = "ESME_RMSGQFUL"
      local again = submit(acme)
      smpp.sleep(1.5)
      assert.same({ "accepted attempts expires", "queued" }, { life(call("message", { id = again })), call("message", { id = again }).message.state })
      answer = nil
      local held = submit(acme, { destination_addr = "492" })
      smpp.sleep(10)
      one = call("message", { id = held })
      assert.same({ "accepted held expires", "held" }, { life(one), one.message.state })
      local later = submit(acme, { schedule_delivery_time = "000000010000000R" })
      one = call("message", { id = later })
      assert.same({ "accepted scheduled expires", "scheduled" }, { life(one), one.message.state })
    end, { count = 1, carriers = { function()
      if answer then return nil, answer end
      smpp.sleep(5)
      return "late"
    end } })
  end)

  it("knows each destination of a submit_multi by itself", function()
    watched(nil, function(w, call)
      local acme = w:customer()
      local id = assert(acme:submit_multi { source_addr = "12345", short_message = "Hi", dest_address = {
        { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "491" }, { dest_addr_ton = 1, dest_addr_npi = 1, destination_addr = "492" },
      } }).message_id
      smpp.sleep(1)
      local found = call("messages", { id = id })
      assert.same({ 2, id, id }, { #found.messages, found.messages[1].id, found.messages[2].id })
      for _, one in ipairs(found.messages) do
        local shown = call("message", { id = one.key })
        assert.same({ one.to, "via a, then b" }, { shown.message.to, shown.why.decision.what })
      end
    end)
  end)

  it("shows binary content as hex, and other octets of peers as valid text", function()
    watched(nil, function(w, call)
      local acme = w:customer()
      local binary = submit(acme, { data_coding = 4, short_message = "\1\255" })
      local odd = submit(acme, { source_addr = "<b>\7", short_message = "<img src=x>", source_addr_ton = 5 })
      assert.equal("01ff", call("message", { id = binary }).text)
      assert.equal("<b>\7", call("message", { id = odd }).message.from)
    end)
  end)

  it("knows of a message that passed through what its id says", function()
    support.world(nil, function(w)
      local console = consoles.new(w.gateway)
      local id = submit(w:customer())
      local one = console:actions().message[2] { id = id }
      assert.same({ "acme", "12345", "a", "sent" }, { one.message.account, one.message.from, one.message.carrier, one.life[1].what })
      local found = console:actions().messages[2] { text = "Hi" }
      assert.same({ 0, 0, false }, { #found.messages, found.looked, found.is_stored })
      console:close()
    end)
  end)

  it("finds messages by HTTP, with the events that tell of them", support_http.world({ account = ', webhook = "http://127.0.0.1:1/"', http = ", allow_private = true, retry = { first_s = 60 }" },
    function(w)
      local console = consoles.new(w.gateway)
      local _, body = w:send { text = "By HTTP" }
      w:wait(body.id, "sent")
      local found = console:actions().messages[2] { text = "by http", number = "49176" }
      assert.same({ 1, body.id, "sent", "a" }, { #found.messages, found.messages[1].id, found.messages[1].state, found.messages[1].carrier })
      w:receipt "c-1"
      w:wait(body.id, "delivered")
      local one = console:actions().message[2] { id = body.id }
      assert.same({ "accepted sent delivered", 1, "receipt" }, { life(one), #one.events, one.events[1].type })
      assert.same({ "via a", true }, { one.why.decision.what, one.why.steps[1].matched })
      console:close()
    end))
end)
