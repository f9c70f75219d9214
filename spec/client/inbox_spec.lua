--- Long texts of phones through a client and a message centre that sends again what it got no answer for.
local property = require "spec.support.property"
local smpp = require "smpp"
local virtual = require "smpp.loop.virtual"

local function part(reference, total, seq, words)
  return {
    source_addr = "491700000000", source_addr_ton = 1, source_addr_npi = 1, destination_addr = "12345", esm_class = 0x40,
    short_message = "\5\0\3" .. string.char(reference, total, seq) .. words,
  }
end

--- Runs fn(world): a client and a message centre.  world.texts: what the handler was given; world.incomplete: sets given up.
---   world.handler(msg, n)  may be set;  world.cut()  cuts the connection;  world.send(pdu)  hands a PDU to the centre
local function with(o, fn)
  local loop = virtual.new { seed = o.seed or 1, limit_s = 10000000 }
  local world = { texts = {}, incomplete = {}, errors = {}, answers = {}, loop = loop }
  loop:on_link(function(line)
    world.line = line
    line.a_to_b.latency_s, line.b_to_a.latency_s = 0.05, 0.05
  end)
  function world.cut() world.line:cut() end
  smpp.run(function()
    local mc = assert(smpp.server {
      accounts = { me = "x" }, retry_s = o.retry_s or 5, max_attempts = 10000, keep_s = 10 * 86400, window = o.window or 1,
      enquire_link_s = 0,
    })
    local function open()
      local given = { "smpp://me:x@localhost", enquire_link_s = 0, message = function(msg)
        local n = #world.texts + 1
        world.texts[n] = msg.text
        if world.handler then return world.handler(msg, n) end
      end }
      for name, value in pairs(o.client or {}) do given[name] = value end
      world.esme = assert(smpp.connect(given))
      world.esme:on("error", function(err) table.insert(world.errors, err) end)
      world.esme:on("incomplete", function(set) table.insert(world.incomplete, set) end)
    end
    function world.restart()
      world.esme:close(0)
      open()
    end
    function world.send(pdu)
      assert(mc:deliver("me", pdu, { done = function(ok, code) world.answers[pdu.short_message:sub(7)] = ok or code end }))
    end
    open()
    fn(world)
    world.esme:close()
    mc:close(1)
  end, { loop = loop })
  assert.equal("nothing", loop:describe())
end

describe("smpp.client.inbox: a text whose last part", function()
  local function send_both(world)
    world.send(part(7, 2, 1, "ONE-1 "))
    world.send(part(7, 2, 2, "ONE-2"))
  end

  it("was refused for the moment comes to the handler again, whole", function()
    for _, refuse in ipairs {
      function() return nil, "ESME_RX_T_APPN" end, function(msg) msg:reject "ESME_RX_T_APPN" end, function() error "no" end,
      function() return nil, "ESME_RSYSERR" end,
    } do
      with({}, function(world)
        world.handler = function(msg, n)
          if n < 3 then return refuse(msg) end
        end
        send_both(world)
        smpp.sleep(60)
        assert.same({ "ONE-1 ONE-2", "ONE-1 ONE-2", "ONE-1 ONE-2" }, world.texts)
        assert.same({ ["ONE-1 "] = true, ["ONE-2"] = true }, world.answers)
        smpp.sleep(2 * 86400)
        assert.same({}, world.incomplete)
      end)
    end
  end)

  it("was acknowledged in vain is acknowledged again without the handler", function()
    with({}, function(world)
      world.handler = function(_, n)
        if n == 1 then smpp.sleep(0.01, world.cut) end
      end
      send_both(world)
      smpp.sleep(600)
      world.send(part(7, 2, 1, "TWO-1 "))
      world.send(part(7, 2, 2, "TWO-2"))
      smpp.sleep(2 * 86400)
      assert.same({ "ONE-1 ONE-2", "TWO-1 TWO-2" }, world.texts)
      assert.same({ ["ONE-1 "] = true, ["ONE-2"] = true, ["TWO-1 "] = true, ["TWO-2"] = true }, world.answers)
      assert.same({}, world.incomplete)
      assert.same({}, world.errors)
    end)
  end)

  it("was refused for good in vain is refused again without the handler", function()
    with({}, function(world)
      world.handler = function()
        smpp.sleep(0.01, world.cut)
        return nil, "ESME_RX_R_APPN"
      end
      send_both(world)
      smpp.sleep(60)
      assert.same({ "ONE-1 ONE-2" }, world.texts)
      assert.equal("ESME_RX_R_APPN", world.answers["ONE-2"])
    end)
  end)

  it("comes again while its handler is at work waits for that handler", function()
    with({}, function(world)
      world.handler = function()
        smpp.sleep(0.01, world.cut) -- and the message centre sends it again over the next session
        smpp.sleep(8)
      end
      send_both(world)
      smpp.sleep(6)
      assert.is_nil(world.answers["ONE-2"])
      smpp.sleep(60)
      assert.same({ "ONE-1 ONE-2" }, world.texts)
      assert.same({ ["ONE-1 "] = true, ["ONE-2"] = true }, world.answers)
    end)
  end)

  it("was handled too slowly to be answered runs its handler once", function()
    with({ client = { answer_timeout_s = 3 } }, function(world)
      world.handler = function() smpp.sleep(20) end
      send_both(world)
      smpp.sleep(120)
      assert.same({ "ONE-1 ONE-2" }, world.texts)
      assert.equal(true, world.answers["ONE-2"])
    end)
  end)

  it("was accepted by msg:accept() is not asked about again, whatever the handler does then", function()
    with({}, function(world)
      world.handler = function(msg)
        msg:accept()
        smpp.sleep(0.01, world.cut)
        smpp.sleep(1)
        error "too late"
      end
      send_both(world)
      smpp.sleep(60)
      assert.same({ "ONE-1 ONE-2" }, world.texts)
      assert.equal(true, world.answers["ONE-2"])
      assert.matches("inbox_spec.lua:%d+: too late.*in function", world.errors[1])
    end)
  end)

  it("is refused for a day is told of as refused", function()
    with({ retry_s = 3600 }, function(world)
      world.handler = function() return nil, "ESME_RX_T_APPN" end
      send_both(world)
      smpp.sleep(86400 + 1800)
      assert.equal("refused", world.incomplete[1].reason)
      assert.equal("ONE-2", world.incomplete[1].parts[2].octets)
    end)
  end)
end)

describe("smpp.client.inbox: a text whose parts are minutes apart", function()
  it("is joined and marked as suspicious, in the log, too", function()
    local log, seen = {}, {}
    local client = { log = { level = "warn", mask = "numbers", write = function(record)
      if record.event == "suspicious_message" then log[#log + 1] = record end
    end } }
    with({ client = client }, function(world)
      world.handler = function(msg) seen[#seen + 1] = { msg.text, msg.gap_s and math.floor(msg.gap_s + 0.5), msg.suspicious } end
      for reference, gap_s in ipairs { 119, 121 } do
        world.send(part(reference, 2, 1, "1 "))
        smpp.sleep(gap_s)
        world.send(part(reference, 2, 2, "2"))
        smpp.sleep(10)
      end
      world.send({ source_addr = "4", destination_addr = "5", short_message = "one part" })
      smpp.sleep(10)
    end)
    assert.same({ { "1 2", 119 }, { "1 2", 121, true }, { "one part" } }, seen)
    assert.equal(1, #log)
    assert.same({ "+4917******00", 2 }, { log[1].from, log[1].parts })
  end)
end)

describe("smpp.client.inbox: a message centre that sends again", function()
  -- Each text is another one; few references, so that they are used again; the connection is cut at random times, handlers
  -- refuse, raise, are slow, or the program is started anew and remembers nothing.
  local function world_of(random, case, restarts)
    with({ seed = random(1000), window = restarts and 1 or random(4), client = { answer_timeout_s = 5 } }, function(world)
      local expected, taken, refused = {}, {}, {}
      world.handler = function(msg)
        local what = random(8)
        if what == 1 then return nil, "ESME_RX_T_APPN" end
        if what == 2 then error "the handler failed" end
        if what == 3 then smpp.sleep(random(9)) end
        if what == 4 then smpp.sleep(0.04, world.cut) end
        if what == 5 then
          refused[msg.text] = true
          return nil, "ESME_RX_R_APPN"
        end
        if what == 6 then msg:accept() end
        taken[msg.text] = true
      end
      for n = 1, random(12) do
        local total, reference = random(3) + 1, random(2)
        local words = {}
        for seq = 1, total do words[seq] = ("%d.%d "):format(n, seq) end
        expected[table.concat(words)] = words
        local row = { "text " .. n, "reference " .. reference, "parts " .. total }
        case[n] = row
        for seq = 1, total do
          world.send(part(reference, total, seq, words[seq]))
          if random(6) == 1 then
            row[#row + 1] = "cut"
            world.cut()
          end
          smpp.sleep((random(5) - 1) / 10)
        end
        if restarts and random(3) == 1 then
          row[#row + 1] = "restart"
          world.restart()
        end
        smpp.sleep(restarts and 600 + random(3600) or ({ 30, 150, 600, 7200 })[random(4)])
      end
      world.handler = function(msg) taken[msg.text] = true end -- the rest is taken
      smpp.sleep(3 * 3600)
      for _, text in ipairs(world.texts) do assert.is_table(expected[text], "mixed: " .. text) end
      local told = {}
      for _, set in ipairs(world.incomplete) do
        for _, one in pairs(set.parts) do told[one.octets] = true end
      end
      for text, words in pairs(expected) do
        local known = taken[text] or refused[text]
        for _, word in ipairs(words) do
          assert.is_true(world.answers[word] == true or refused[text], "not answered: " .. word)
          assert.is_true(known or restarts and told[word] or false, "acknowledged and lost: " .. word)
        end
      end
    end)
  end

  it("gets every text to the handler, none mixed with another", function()
    property.holds(40, function(random, case) world_of(random, case, false) end, 1207)
  end)

  it("gets none mixed when the program is started anew, and what is lost is told", function()
    property.holds(30, function(random, case) world_of(random, case, true) end, 1208)
  end)
end)

describe("smpp.client.inbox: receipts that come before the program has its client", function()
  local receipts = require "smpp.receipt"

  --- A pool of two hosts, one of which does not answer; what was acknowledged, and what the program heard.
  local function pool(listen, o)
    local loop = virtual.new { seed = 1, limit_s = 1000000 }
    local acknowledged, heard, esme = 0, 0, nil
    smpp.run(function()
      loop:declare("a.example", { "10.0.0.1" })
      loop:declare("b.example", { "10.0.0.2" })
      loop:blackhole("b.example", 2775)
      local mc = assert(smpp.server { host = "10.0.0.1", accounts = { me = "x" } })
      for i = 1, 20 do
        mc:deliver("me", assert(receipts.deliver_sm {
          id = "id" .. i, state = "DELIVERED", submitted = 1700000000, done = 1700000001, source = { addr = "A", ton = 5, npi = 0 },
          destination = { addr = "491700000000", ton = 1, npi = 1 },
        }), { done = function(ok) acknowledged = acknowledged + (ok and 1 or 0) end })
      end
      local given = { hosts = { "a.example", "b.example" }, system_id = "me", password = "x", bind_timeout_s = o.bind_timeout_s }
      given.receipt = o.handler and function() heard = heard + 1 end
      esme = assert(smpp.pool(given))
      assert.equal(o.before or 0, acknowledged)
      esme:on("error", function() end)
      listen(esme, function() heard = heard + 1 end)
      smpp.sleep(300)
      esme:close()
      mc:close()
    end, { loop = loop })
    return { acknowledged, heard }
  end

  it("reach a listener that is added at once", function()
    local function at_once(esme, fn) esme:on("receipt", fn) end
    assert.same({ 20, 20 }, pool(at_once, { bind_timeout_s = 5 }))
    assert.same({ 20, 20 }, pool(at_once, { bind_timeout_s = 60 })) -- longer than a receipt may go unanswered
  end)

  it("are acknowledged when nobody listens, and handled at once by a handler", function()
    assert.same({ 20, 0 }, pool(function() end, { bind_timeout_s = 5 }))
    assert.same({ 20, 20 }, pool(function() end, { bind_timeout_s = 5, handler = true, before = 20 }))
  end)
end)

describe("smpp.client.inbox: byte order marks", function()
  it("go from each part, and FF FE turns round what follows", function()
    for _, row in ipairs {
      { "\254\255\0a\0b", "\254\255\0c\0d" }, { "\255\254a\0b\0", "\255\254c\0d\0" }, { "\255\254a\0b\0", "c\0d\0" },
      { "\0a\0b", "\255\254c\0d\0" }, { "\255\254a\0b\0", "\254\255\0c\0d" },
    } do
      with({}, function(world)
        for seq, octets in ipairs(row) do
          local pdu = part(7, 2, seq, octets)
          pdu.data_coding = 8
          world.send(pdu)
        end
        smpp.sleep(1)
        assert.same({ "abcd" }, world.texts)
      end)
    end
  end)
end)
