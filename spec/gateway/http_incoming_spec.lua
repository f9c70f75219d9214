local codec = require "smpp.codec"
local core = require "smpp.core"
local engine_store = require "spec.support.engine_store"
local incoming = require "smpp.gateway.http_incoming"
local async = require "spec.support.async"
local http = require "smpp.http"
local json = require "smpp.codec.json"
local smpp = require "smpp"
local support = require "spec.support.gateway_http"

--- A world whose account acme has a webhook for messages; `got` are the events.
local function world(o, fn)
  return function()
    o.http, o.account = ", allow_private = true", ', webhook = { url = "http://127.0.0.1:1/", events = { "message" } }, secret = "whsec-1"'
    o.rules = 'route { via = "a" }\nincoming { to = "555", deliver = "bank" }\nincoming { deliver = "acme" }'
    support.world(o, function(w, loop)
      local got = {}
      local hook = assert(http.serve { port = 0, routes = { { "POST", "/", function(request)
        got[#got + 1] = json.decode(request.body, json.null)
        return { status = 204 }
      end } } })
      w.gateway.options.text = w.text:gsub("http://127.0.0.1:1/", hook.url .. "/")
      assert(w.gateway:reload())
      fn(w, got, loop)
      hook:close(0)
    end)()
  end
end

local function mo(w, fields)
  local o = { source_addr = "491761234567", source_addr_ton = 1, destination_addr = "12345", short_message = "Hi" }
  for name, value in pairs(fields) do o[name] = value end
  assert(w.carrier:deliver("me", o))
end

for _, store in ipairs { false, true } do
  describe("smpp.gateway.http_incoming, " .. (store and "stored" or "in memory") .. ":", function()
    it("tells of a message", world({ store = store }, function(w, got)
      mo(w, { user_message_reference = 7, short_message = "Gr\126\126e" })
      async.wait_until(function() return got[1] end)
      local event = got[1]
      assert.same({ "message", "acme", "491761234567", "12345", "Grüüe", "gsm7", 1, "a" }, {
        event.type, event.account, event.from, event.to, event.text, event.encoding, event.parts, event.carrier,
      })
      assert.same({ hex = "0007" }, event.tlvs.user_message_reference)
      assert.is_nil(event.missing)
      mo(w, { data_coding = 4, short_message = "\0\255" })
      async.wait_until(function() return got[2] end)
      assert.same({ "AP8=", "binary" }, { got[2].data, got[2].encoding })
      assert.is_nil(got[2].text)
    end))

    it("joins a long message, whatever the order of its parts, each once", world({ store = store }, function(w, got)
      local parts = assert(smpp.text.split(("Grüße 👋 "):rep(20), { udh = "concat_8bit", reference = 7 }))
      assert.is_true(#parts > 2)
      for _, i in ipairs { 2, 1, 2, #parts } do
        mo(w, { esm_class = 0x40, data_coding = 8, short_message = parts[i].octets })
        smpp.sleep(0.01)
      end
      for i = 3, #parts - 1 do mo(w, { esm_class = 0x40, data_coding = 8, short_message = parts[i].octets }) end
      async.wait_until(function() return got[1] end)
      smpp.sleep(0.02)
      assert.same({ 1, ("Grüße 👋 "):rep(20), #parts }, { #got, got[1].text, got[1].parts })
    end))
  end)
end

describe("smpp.gateway.http_incoming", function()
  it("tells what is missing of a long message", world({ store = true }, function(w, got)
    local parts = assert(smpp.text.split(("long "):rep(80), { udh = "concat_8bit", reference = 9 }))
    for _, i in ipairs { 1, 3 } do mo(w, { esm_class = 0x40, short_message = parts[i].octets }) end
    smpp.sleep(0.05)
    local incoming = w.gateway.http.incoming
    incoming:look()
    assert.equal(0, #got)
    local time = w.loop.time
    w.loop.time = function() return time(w.loop) + 301 end
    incoming:look()
    w.loop.time = nil
    async.wait_until(function() return got[1] end)
    assert.same({ 2 }, got[1].missing)
    assert.equal(parts[1].text .. parts[3].text, got[1].text)
    incoming:look()
    smpp.sleep(0.02)
    assert.equal(1, #got)
  end))

  it("leaves the messages of other accounts to their binds", world({}, function(w, got)
    local by_bind = {}
    local esme = assert(smpp.connect { ("smpp://bank:hidden@127.0.0.1:%d"):format(w.gateway.servers[1].port), deliver_sm = function(pdu)
      by_bind[#by_bind + 1] = pdu
      return true
    end })
    mo(w, { destination_addr = "555" })
    async.wait_until(function() return by_bind[1] end)
    assert.equal(0, #got)
    esme:close()
  end))
end)

describe("smpp.gateway.http_incoming: two nodes", function()
  --- What it needs of an API, on an engine: what is told stands in `told`.
  local function of(loop, store, told)
    local webhooks, count = {}, 0
    function webhooks.draft_message(_, account, fields)
      count = count + 1
      return { { op = "add", kind = "value", record = { key = ("event/%s/%d"):format(store.run, count), value = fields.text } } }, { account, fields }
    end
    function webhooks.put(_, entries) told[#told + 1] = entries[2] end
    local gateway = { forward = {}, by_name = {}, log = function(_, _, event, o) error(event .. o.reason) end }
    return incoming.new { gateway = gateway, loop = loop, book = { store = store }, webhooks = webhooks, library = { sha256 = core.sha256 } }
  end

  local function part(n, words)
    return codec.decode(assert(codec.encode {
      command = "deliver_sm", source_addr = "491", destination_addr = "12345", esm_class = 64, short_message = ("\5\0\3\7\3%c%s"):format(n, words),
    }))
  end

  it("tell once of a message whose parts reach both, in any order, at once, and twice", async.virtual(function(loop)
    local a = engine_store.new(loop)
    local b = engine_store.new(loop, { engine = a.engine })
    local told, carrier = {}, { name = "a" }
    local list = { of(loop, a, told), of(loop, b, told) }
    for _, order in ipairs { { 1, 2, 3 }, { 3, 1, 2 }, { 2, 2, 1, 3 } } do
      local answers = 0
      for i, n in ipairs(order) do
        smpp.spawn(function()
          assert.is_true(list[i % 2 + 1]:take("acme", carrier, part(n, "part " .. n .. ";")))
          answers = answers + 1
        end)
      end
      smpp.sleep(1)
      assert.equal(#order, answers)
    end
    assert.equal(3, #told)
    for _, one in ipairs(told) do assert.same({ "part 1;part 2;part 3;", 3, nil }, { one.text, one.parts, one.missing }) end
    assert.is_true(list[1]:take("acme", carrier, part(2, "two;")))
    smpp.sleep(400)
    assert.same({ 4, "two;", { 1, 3 } }, { #told, told[4].text, told[4].missing })
    for _, one in ipairs(list) do one:close() end
    a.kill()
    b.kill()
    a.engine.close()
  end))
end)
