local property = require "spec.support.property"
local route = require "smpp.route"
local routes = require "spec.support.routes"

local w = routes.words { ["p.csv"] = "1\n21\n3\n" }

describe("smpp.route", function()
  it("keeps the order of the file, whatever index a rule is in", function()
    local function lines(list, message)
      local rules = routes.compile(list)
      return rules:decide(routes.message(message), routes.state()).line
    end
    local list = {
      { to = w.prefix "4915", text = "x", drop = true }, { account = "acme", text = "y", drop = true }, { from = "7", drop = true },
      { text = "z", drop = true }, { to = w.prefix "49", account = "acme", drop = true }, { to = "491", drop = true }, { drop = true },
    }
    assert.equal(1, lines(list, { destination_addr = "49151", short_message = "x", account = "acme" }))
    assert.equal(2, lines(list, { destination_addr = "49151", short_message = "yz", account = "acme", source_addr = "7" }))
    assert.equal(3, lines(list, { destination_addr = "49151", short_message = "z", source_addr = "7" }))
    assert.equal(4, lines(list, { destination_addr = "49151", short_message = "z" }))
    assert.equal(5, lines(list, { destination_addr = "49151", account = "acme" }))
    assert.equal(6, lines(list, { destination_addr = "491" }))
    assert.equal(7, lines(list, { destination_addr = "44" }))
  end)

  it("decides as reading the rules one after the other does", function()
    local digits = { "1", "2", "21", "3", "211", "Shop" }
    property.holds(150, function(random, case)
      local function number() return digits[random(#digits)] end
      local function spec()
        local kind = random(6)
        if kind == 1 then return number() end
        if kind == 2 then return { number(), number() } end
        if kind == 3 then return w.prefix { number(), number() } end
        if kind == 4 then return w.prefixes "p.csv" end
        if kind == 5 then return { number(), w.short() } end
        return w.pattern "1$"
      end
      local list = {}
      for i = 1, random(12) do
        local rule = { line = i }
        if random(2) == 2 then rule.to = spec() end
        if random(3) == 3 then rule.from = spec() end
        if random(3) == 3 then rule.account = random(2) == 1 and "a" or { "a", "b" } end
        if random(4) == 4 then rule.text = "x" end
        local action = random(4)
        if action == 1 then rule.set = { destination_addr = number() } elseif action == 2 then rule.tag = "t" else rule.drop = true end
        if random(5) == 5 then rule.tagged = "t" end
        list[i] = rule
      end
      local o = { account = ({ "a", "b", "c" })[random(3)], destination_addr = number(), source_addr = number(), short_message = random(2) == 1 and "x" or "y" }
      case.rules, case.message = list, o
      local rules = route.compile(list, {}) -- with its mistakes: what is covered stays
      local a, b = routes.message(o), routes.message(o)
      local decision, explained = rules:decide(a, routes.state()), rules:explain(b, routes.state())
      assert(decision.line == explained.line, ("line %s, explained as %s"):format(tostring(decision.line), tostring(explained.line)))
      assert(a.to == b.to)
    end)
  end)

  it("decides, explains and counts the same with rules that are compiled when a message meets them", function()
    local digits, carriers = { "1", "2", "21", "211" }, { "a", "b", "c" }
    property.holds(150, function(random, case)
      local function spec() return random(2) == 1 and digits[random(#digits)] or w.prefix { digits[random(#digits)], digits[random(#digits)] } end
      local plain, whole = {}, {}
      for i = 1, random(12) do
        local rule = { line = i, via = carriers[random(3)], else_next = random(2) == 1 or nil, through = random(4) == 1 or nil }
        if random(3) > 1 then rule.to = spec() end
        if random(3) == 3 then rule.from = spec() end
        plain[i], whole[i] = rule, { when = function() return true end }
        for name, value in pairs(rule) do whole[i][name] = value end
      end
      local up = { a = random(2) == 1, b = random(2) == 1, c = random(2) == 1 }
      case.rules, case.up = plain, up
      local function run(list)
        local rules, out, state = route.compile(list, {}), {}, routes.state()
        state.matched, state.available = { route = {} }, function(name) return up[name] end
        for _, to in ipairs(digits) do
          local o = { destination_addr = to, source_addr = digits[#digits] }
          local before, steps = rules:explain(routes.message(o), state)
          local decision = rules:decide(routes.message(o), state)
          out[#out + 1] = ("%s %s %s %s %d"):format(tostring(decision.line), tostring(before.line), decision.carriers and decision.carriers[1] or decision.action,
            tostring(decision.through), #steps)
        end
        rules:each_matched(state.matched.route, function(count, line) out[#out + 1] = ("%d in %s"):format(count, tostring(line)) end)
        return table.concat(out, "; ")
      end
      local a, b = run(plain), run(whole)
      assert(a == b, a .. "\n" .. b)
    end)
  end)

  it("keeps a plain rule as the file has it until a message meets it", function()
    local list, n = {}, 5000
    for i = 1, n do list[i] = { line = i, to = w.prefix(("49%05d"):format(i)), via = "a" } end
    collectgarbage()
    collectgarbage()
    local before = collectgarbage "count"
    local rules, problems = route.compile(list, {})
    collectgarbage()
    collectgarbage()
    local each = (collectgarbage "count" - before) * 1024 / n
    assert.equal(0, #problems)
    assert.is_true(each < 100, ("%.0f octets for each rule"):format(each))
    assert.equal(17, rules:decide(routes.message { destination_addr = "49000171" }, routes.state()).line)
  end)

  it("explains each rule up to the one that decides", function()
    local rules = routes.compile {
      { to = w.prefix "44", drop = true }, { account = "acme", to = w.prefix { "49", "43" }, set = { protocol_id = 1 } }, { tag = "a", text = "^x" },
      { via = w.failover { "a", "b" }, else_next = true, text = "Hi" }, { to = w.prefix "49", via = "a" }, { drop = true },
    }
    local state = routes.state { available = function() return false end }
    local decision, steps = rules:explain(routes.message { account = "acme", destination_addr = "491" }, state)
    assert.same({ action = "via", line = 5, carriers = {}, names = { "a" } }, decision)
    assert.same({
      { line = 1, matched = false, why = "to: expected prefix 44, got '491'" },
      { line = 2, matched = true, why = "account is acme, to is prefix 49 or 43 -> set protocol_id = 1" },
      { line = 3, matched = false, why = "text: expected '^x', got 'Hi'" },
      { line = 4, matched = true, why = "text is 'Hi' -> via failover of a, b, none of which is available: the next rule" },
      { line = 5, matched = true, why = "to is prefix 49 -> via a, none of which is available" },
    }, steps)
    decision, steps = rules:explain(routes.message { destination_addr = "1", short_message = "no" }, routes.state())
    assert.same({ "drop", 6, "no condition -> drop" }, { decision.action, #steps, steps[6].why })
  end)

  it("lists rules in words, and counts those that are left out", function()
    local rules = route.compile {
      { line = 1, to = "1", account = "acme", reject = "ESME_RINVDSTADR" }, { line = 2, set = { protocol_id = 1 }, via = "a" }, { line = 3, tag = "x" },
      { line = 4, drop = true },
    }
    local list = {}
    assert.equal(1, rules:each(3, function(i, line, conditions, does) list[i] = ("%d: %s -> %s"):format(line, conditions, does) end))
    assert.same({ "1: account is acme, to is 1 -> reject 'ESME_RINVDSTADR'", "2: no condition -> set protocol_id = 1; via a", "3: no condition -> tag x" }, list)
    assert.equal(0, rules:each(4, function() end))
  end)

  it("can be asked by a function of a rule", function()
    local inner = routes.compile { { to = "1", drop = true } }
    local rules
    rules = routes.compile {
      { when = function(msg) return msg.text == "ask" and rules:decide(routes.message { destination_addr = "2", short_message = "no" }, routes.state()).line == 2 end, drop = true },
      { to = "2", drop = true }, { when = function() return inner:decide(routes.message { destination_addr = "1" }, routes.state()).line == 1 end, drop = true },
    }
    assert.equal(1, rules:decide(routes.message { short_message = "ask" }, routes.state()).line)
    assert.equal(3, rules:decide(routes.message {}, routes.state()).line)
  end)

  it("compiles what is right beside what is wrong, and says which line is", function()
    local rules, problems = route.compile({ { line = 3, file = "f", drop = 1 }, { line = 5, to = "1", drop = true } }, {})
    assert.same({ { line = 3, file = "f", severity = "error", message = "drop: expected true, got 1" } }, problems)
    assert.equal(5, rules:decide(routes.message { destination_addr = "1" }, routes.state()).line)
  end)

  it("has no I/O and no clock", function()
    for _, name in ipairs { "init", "actions", "choose", "clock", "covered", "csv", "matchers", "message", "number", "words" } do
      local file = assert(io.open(("lua/smpp/route/%s.lua"):format(name)))
      local source = file:read "*a"
      file:close()
      assert.is_nil(source:find "io%.%w")
      assert.is_nil(source:find "os%.time" or source:find "os%.clock" or source:find "math%.random" or source:find "os%.date%(%s*%)")
    end
  end)

  it("holds many prefixes in less than 150 octets each", function()
    local lines = {}
    for i = 1, 100000 do lines[i] = ("%07d"):format(i * 97 % 10000000) end
    local words = routes.words { ["big.csv"] = table.concat(lines, "\n") }
    local rules = routes.compile { { to = words.prefixes "big.csv", drop = true } }
    assert.equal("drop", rules:decide(routes.message { destination_addr = lines[77777] .. "1" }, routes.state()).action)
    assert.equal("reject", rules:decide(routes.message { destination_addr = "9999999" }, routes.state()).action)
    assert.is_true(rules.to.trie:memory() < 150 * 100000)
  end)
end)
