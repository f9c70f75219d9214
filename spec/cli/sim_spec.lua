local async = require "spec.support.async"
local cli = require "spec.support.cli"
local dkjson = require "dkjson"
local smpp = require "smpp"

local function has(text, part) assert(text:find(part, 1, true), ("'%s' not in:\n%s"):format(part, text)) end
local function lacks(text, part) assert(not text:find(part, 1, true), ("'%s' in:\n%s"):format(part, text)) end

local function lines(text)
  local list = {}
  for line in text:gmatch "[^\n]+" do list[#list + 1] = line end
  return list
end

--- Runs `smpp sim` beside `fn`, under virtual time; what it gave.
local function sim(words, fn)
  local results
  async.virtual(function()
    local running = true
    smpp.spawn(function()
      table.insert(words, 1, "sim")
      results = { cli.run(words, { run = cli.inside }) }
      running = false
    end)
    fn()
    for _ = 1, 100 do
      if running then smpp.sleep(0.5) end
    end
  end)()
  return (table.unpack or unpack)(results) -- luacheck: compat
end

local function talk()
  local esme = assert(smpp.connect "smpp://me:secret@127.0.0.1")
  local sent = assert(esme:send { from = "Shop", to = "+49151", text = "Hello \240\159\145\139", receipt = true })
  assert.equal("DELIVERED", assert(sent:receipt(10)).state)
  assert(esme:send { to = "491", data = "\1\2" })
  esme:close()
end

describe("smpp sim", function()
  it("says where it listens, what happens, what there was", function()
    local code, out, err = sim({ "--for", "10" }, talk)
    assert.equal(0, code)
    assert.equal("", err)
    local list = lines(out)
    assert.equal("listening on 127.0.0.1:2775", list[1])
    assert.truthy(list[2]:find "^22:13:20 bind     me as trx from 127%.0%.0%.1:%d+, SMPP 3%.4$")
    assert.equal('22:13:20 message  1  Shop > +49151  "Hello \240\159\145\139"', list[3])
    assert.equal("22:13:21 receipt  1  DELIVERED", list[4])
    assert.equal("22:13:21 message  2  - > 491  2 octets of data", list[5])
    assert.truthy(list[6]:find "^22:13:21 closed   me from 127%.0%.0%.1:%d+: unbound$")
    assert.equal("1 binds, 0 refused binds, 2 messages, 1 receipts", list[7])
  end)

  it("as JSON", function()
    local _, out = sim({ "--json", "--for", "10", "-v", "--deliver-after", "0.5" }, talk)
    local list = {}
    for i, line in ipairs(lines(out)) do list[i] = assert(dkjson.decode(line)) end
    assert.same({ event = "listening", host = "127.0.0.1", port = 2775 }, list[1])
    local by = {}
    for _, object in ipairs(list) do by[object.event] = by[object.event] or object end
    assert.equal("Hello \240\159\145\139", by.message.text)
    assert.equal("me", by.bind.system_id)
    assert.equal("DELIVERED", by.receipt.state)
    assert.equal(2, by.summary.messages)
    assert.equal("bind_transceiver", by.pdu.command)
    assert.same({ "password" }, by.pdu.hidden)
  end)

  it("lets in whom it knows, and shows no passwords", function()
    local code, out, err = sim({ "--port", "99", "-a", "me:a:b", "--account", "you:x", "--for", "10", "-v" }, function()
      assert(smpp.connect "smpp://me:a%3Ab@127.0.0.1:99"):close()
      assert(smpp.connect "smpp://you:x@127.0.0.1:99"):close()
      assert.is_nil((smpp.connect "smpp://me:geheim@127.0.0.1:99"))
      assert.is_nil((smpp.connect "smpp://he:x@127.0.0.1:99"))
    end)
    assert.equal(0, code)
    has(out, "listening on 127.0.0.1:99\n")
    assert.truthy(out:find "refused  me from 127%.0%.0%.1:%d+: ESME_R")
    assert.truthy(out:find "refused  he from 127%.0%.0%.1:%d+: ESME_RINVSYSID")
    has(out, "2 binds, 2 refused binds, 0 messages, 0 receipts")
    has(err, "bind_transceiver #1")
    for _, text in ipairs { out, err } do
      lacks(text, "geheim")
      lacks(text, "a:b")
    end
  end)

  it("writes a trace", function()
    local path = os.tmpname()
    sim({ "--for", "10", "--trace", path }, talk)
    local file = io.open(path, "rb")
    local octets = file:read "*a"
    file:close()
    os.remove(path)
    local code, out = cli.run({ "decode" }, { stdin = octets })
    assert.equal(0, code)
    has(out, "bind_transceiver #1")
    has(out, "receipt id 1, DELIVERED")
    lacks(octets, "secret")
  end)

  it("of a port that is taken is 3, of what is no option 2", function()
    async.virtual(function()
      local other = assert(smpp.server {})
      local code, out, err = cli.run({ "sim" }, { run = cli.inside })
      assert.equal(3, code)
      assert.equal("", out)
      has(err, "2775")
      other:close()
    end)()
    for _, words in ipairs { { "--port", "x" }, { "--port", "70000" }, { "--account", "nocolon" }, { "--account", ":x" }, { "--trace", "/no/such/file" },
      { "--account", "muchtoolongasystemid:x" }, { "--for", "soon" }, { "extra" } } do
      table.insert(words, 1, "sim")
      local code, _, err = cli.run(words, { run = function(fn) return smpp.run(fn, { signals = false }) end })
      assert.equal(2, code)
      lacks(err, "traceback")
    end
  end)
end)
