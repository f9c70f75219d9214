local cluster = require "spec.support.cluster"
local few = require "spec.support.few"
local property = require "spec.support.property"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"

local FILE = [[
store { "x.db" }
listen { port = 2775, accounts = { acme = { password = "secret", credit = 100 } } }
carrier "a" { "smpp://me:x@localhost:2001", long = "payload" }
route { via = "a" }
]]

local submit = support.submit

local function kept(w, id) return (stores.get(w.store, "message", id)) end

local function world(fn, o)
  o = o or {}
  o.count = 1
  support.both(FILE, fn, o)
end

local function restart(w) w:start(support.reborn(w, w:kill())) end

--- The parts of a text as fields of submit_sm.
local function parts_of(words, reference, o)
  local kind = o and o.udh or "concat_8bit"
  local parts, info = smpp.text.split(words, { udh = kind, reference = reference })
  local list = {}
  for i, part in ipairs(parts) do
    local fields = { short_message = part.octets, esm_class = info.esm_class, data_coding = info.data_coding, registered_delivery = 1 }
    if kind == "sar" then fields.sar_msg_ref_num, fields.sar_total_segments, fields.sar_segment_seqnum = reference, #parts, i end
    list[i] = fields
  end
  return list
end

local WORDS = ("Hello world. "):rep(30) -- three parts

describe("smpp.gateway.joining", function()
  it("joins the parts of a customer for a carrier that wants whole texts; each part gets its receipt", function()
    for _, kind in ipairs { "concat_8bit", "concat_16bit", "sar" } do
      world(function(w)
        local acme, ids = w:customer(), {}
        local parts = parts_of(WORDS, 7, { udh = kind })
        for _, i in ipairs { 3, 1, 2 } do ids[i] = assert(support.submit(acme, parts[i])) end
        smpp.sleep(1)
        local got = w.carriers[1].got
        assert.equal(1, #got)
        assert.same({ WORDS, 0, "", nil }, { got[1].message_payload, got[1].esm_class, got[1].short_message, got[1].sar_total_segments })
        w:receipt(1, "a-1")
        smpp.sleep(1)
        local seen = {}
        for _, pdu in ipairs(acme.got) do seen[pdu.short_message:match "id:(%S+)"] = pdu.short_message:match "stat:(%S+)" end
        assert.equal(3, #acme.got)
        for i = 1, 3 do
          assert.equal("DELIVRD", seen[ids[i]])
          assert.same({ "DELIVERED", "a", "a-1" }, { kept(w, ids[i]).state, kept(w, ids[i]).carrier, kept(w, ids[i]).carrier_id })
        end
      end)
    end
  end)

  it("sends parts as they are when the others do not come, or are other texts", function()
    world(function(w)
      local acme, parts = w:customer(), parts_of(WORDS, 7)
      support.submit(acme, parts[1])
      support.submit(acme, parts[3])
      support.submit(acme, parts_of(("Other text. "):rep(30), 7)[1]) -- the same reference
      smpp.sleep(1)
      assert.equal(1, #w.carriers[1].got)
      smpp.sleep(95)
      assert.equal(3, #w.carriers[1].got)
      assert.equal(0x40, w.carriers[1].got[2].esm_class)
      assert.equal(0, w.gateway.books.joining.count)
    end)
  end)

  it("takes a cancelled part out, and leaves others alone", function()
    world(function(w)
      local acme, parts = w:customer(), parts_of(WORDS, 7)
      local id = support.submit(acme, parts[1])
      support.submit(acme, parts[2])
      assert.is_true(acme:cancel_sm { message_id = id, source_addr = "12345" } ~= nil)
      support.submit(acme, parts[3])
      smpp.sleep(w.gateway.books.is_shared and 95 or 1) -- nodes wait for another part 1
      assert.equal(2, #w.carriers[1].got)
      assert.equal("DELETED", kept(w, id).state)
      assert.truthy(support.submit(acme, { short_message = "short" }))
      smpp.sleep(1)
      assert.equal(3, #w.carriers[1].got)
    end)
  end)

  it("does not take what was read of a part before it went on", function()
    world(function(w)
      local acme, parts = w:customer(), parts_of(WORDS, 7)
      local id = support.submit(acme, parts[1])
      local record, joining = kept(w, id), w.gateway.books.joining
      smpp.spawn(function() joining:give_up(record.join) end)
      joining:add(record, 0) -- as a page of the store that was read before says
      smpp.sleep(200)
      assert.same({ 1, 0 }, { #w.carriers[1].got, joining.count })
      assert.is_nil(next(joining.leaving))
    end)
  end)

  it("gives the credit of all parts back when the whole is refused for good", function()
    world(function(w)
      local acme = w:customer()
      for _, fields in ipairs(parts_of(WORDS, 7)) do support.submit(acme, fields) end
      assert.equal(97000000, support.credit(w))
      smpp.sleep(1)
      assert.same({ 1, 3 }, { #w.carriers[1].got, #acme.got })
      assert.equal(100000000, support.credit(w))
    end, { carriers = { function() return nil, "ESME_RINVDSTADR" end } })
  end)

  it("loses no part and gives one receipt for each, over crashes", function()
    property.holds(10, function(random, case)
      case.steps = {}
      world(function(w)
        local got = {}
        local function customer() return w:customer { deliver_sm = function(pdu)
          local id = pdu.short_message:match "id:(%S+)"
          got[id] = (got[id] or 0) + 1
          return true
        end } end
        local acme, ids, texts, killed = customer(), {}, {}, false
        for n = 1, random(3) do
          local words = (("text %d, "):format(n)):rep(20 + 20 * random(3))
          local parts = parts_of(words, n, { udh = ({ "concat_8bit", "sar" })[random(2)] })
          texts[n] = { words = words, count = #parts, missing = random(4) == 1 and #parts > 1 }
          for i = texts[n].missing and 2 or 1, #parts do
            ids[#ids + 1] = assert(support.submit(acme, parts[i]))
            table.insert(case.steps, n .. "/" .. i)
            if random(4) == 1 then
              smpp.sleep(random(10) / 100)
              table.insert(case.steps, "kill")
              restart(w)
              acme = customer()
            end
          end
        end
        smpp.sleep(150)
        local whole = {}
        for i, pdu in ipairs(w.carriers[1].got) do
          whole[(smpp.text.read(pdu))] = true
          w:receipt(1, "a-" .. i)
          if random(6) == 1 then
            killed = true
            restart(w)
            acme = customer()
          end
        end
        smpp.sleep(100)
        for _, id in ipairs(ids) do
          assert.equal("DELIVERED", kept(w, id).state)
          assert(got[id] and (got[id] == 1 or killed), "receipts of " .. id)
        end
        for n, one in ipairs(texts) do
          if not one.missing then assert(whole[one.words], "text " .. n) end
        end
        acme:close(1)
      end)
    end)
  end)
end)

describe("smpp.gateway.joining: two nodes", function()
  local FILE = cluster.FILE:gsub('("smpp://me:x@localhost:2001",)', '%1 long = "payload",')

  local function part(n, total, reference, words)
    return { esm_class = 64, short_message = ("\5\0\3%c%c%c%s"):format(reference, total, n, words), registered_delivery = 1 }
  end

  local function texts(w)
    local list = {}
    for i, pdu in ipairs(w.carriers[1].got) do list[i] = pdu.message_payload or pdu.short_message end
    table.sort(list)
    return list
  end

  it("join a text whose parts reach both, at the same time", function()
    cluster.run(FILE, function(w)
      local binds, ids = { w:customer_of("a", { window = 20 }), w:customer_of("b", { window = 20 }) }, {}
      for reference = 1, 5 do
        for n = 1, 3 do
          smpp.spawn(function() ids[#ids + 1] = assert(submit(binds[(n + reference) % 2 + 1], part(n, 3, reference, reference .. "-" .. n .. ";"))) end)
        end
      end
      smpp.sleep(3)
      local expected = {}
      for reference = 1, 5 do expected[reference] = ("%d-1;%d-2;%d-3;"):format(reference, reference, reference) end
      assert.same(expected, texts(w))
      for i = 1, 5 do w:receipt(1, "a-" .. i) end
      smpp.sleep(1)
      assert.equal(15, #binds[1].got + #binds[2].got)
      for _, id in ipairs(ids) do assert.equal("DELIVERED", w:kept(id).state) end
      assert.same({}, w:logged "failed")
    end)
  end)

  it("send parts as they are after a minute, though the node that took them is dead", function()
    cluster.run(FILE, function(w)
      local acme = w:customer_of "a"
      assert(submit(acme, part(1, 3, 9, "one")))
      assert(submit(acme, part(1, 3, 9, "another")))
      assert(submit(acme, part(3, 3, 9, "three")))
      w:crash "a"
      smpp.sleep(50)
      local before = #w.carriers[1].got
      smpp.sleep(15)
      assert.same({ 1, 3 }, { before, #w.carriers[1].got }) -- two of the same number: one of them went alone
    end)
  end)

  it("join what a dead node was about to join", function()
    cluster.run(FILE, function(w)
      local acme = w:customer_of "a"
      assert(submit(acme, part(1, 2, 9, "one, ")))
      local taken
      w.gateways.a.books.joining.came = function(_, list) taken = #list end
      assert(submit(acme, part(2, 2, 9, "two")))
      smpp.sleep(0.2)
      assert.equal(2, taken)
      w:crash "a"
      w:join "b"
      smpp.sleep(10)
      assert.same({ "one, two" }, texts(w))
    end, { names = { "a" } })
  end)

  it("lose no part and join what has come, whichever node takes which, and one dies", function()
    property.holds(tonumber(os.getenv "SMPP_NODE_RUNS") or few(6, 3), function(random, case)
      case.texts, case.crash_at = {}, random(3) == 1 and random(30) / 10 or nil
      for reference = 1, random(5) do
        local total, parts = random(3) + 1, {}
        for n = 1, total do parts[n] = { at = random(30) / 10, bind = random(2), lost = random(8) == 1 } end
        case.texts[reference] = parts
      end
      cluster.run(FILE, function(w)
        local binds = { w:customer_of("a", { window = 50 }), w:customer_of("b", { window = 50 }) }
        local answered, taken = {}, {}
        for reference, parts in ipairs(case.texts) do
          for n, one in ipairs(parts) do
            local words = ("<%d.%d>"):format(reference, n)
            if not one.lost then
              smpp.spawn(function()
                smpp.sleep(one.at)
                if submit(binds[one.bind], part(n, #parts, reference, words)) then answered[words] = { reference = reference } end
              end)
            end
          end
        end
        if case.crash_at then
          smpp.sleep(case.crash_at)
          w:crash "a"
        end
        smpp.sleep(110)
        local got = w.carriers[1].got
        for _, pdu in ipairs(w.carriers[2].got) do got[#got + 1] = pdu end -- where the other is away
        for _, pdu in ipairs(got) do
          local text = pdu.message_payload or pdu.short_message
          for words in text:gmatch "<[%d.]+>" do taken[words] = (taken[words] or 0) + 1 end
          local first = text:match "<(%d+)"
          local _, count = text:gsub("<", "")
          local whole = count == #case.texts[tonumber(first)]
          if pdu.message_payload and not whole then error("joined without all parts: " .. text, 0) end
        end
        for words in pairs(answered) do
          if not taken[words] then error(words .. " was answered, and no carrier has it", 0) end
          if taken[words] > 1 and not case.crash_at then error(words .. " was sent twice", 0) end
        end
        for reference, parts in ipairs(case.texts) do
          local all, joined = not case.crash_at, false
          for n in ipairs(parts) do all = all and answered[("<%d.%d>"):format(reference, n)] end
          for _, pdu in ipairs(got) do joined = joined or (pdu.message_payload or ""):find(("<%d.1>"):format(reference), 1, true) end
          if all and not joined then error(("text %d came whole, and was not joined"):format(reference), 0) end
        end
        assert.same({}, w:logged "failed")
      end)
    end, 12)
  end)
end)
