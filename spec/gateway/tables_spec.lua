local cli = require "spec.support.cli"
local late = require "spec.support.late_store"
local property = require "spec.support.property"
local smpp = require "smpp"
local support = require "spec.support.gateways"

local submit = support.submit

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

--- Runs fn(world, path) with a gateway whose file names a table of that content.
local function with_table(content, text, fn, o)
  local path = cli.file(content)
  support.world(text:gsub("FILE", path), function(w) fn(w, path) end, o)
  os.remove(path)
end

local RULES = [[
listen { port = 2775, accounts = { acme = "secret" } }
carrier "a" { "smpp://me:x@localhost:2001" }
carrier "b" { "smpp://me:x@localhost:2002" }
route { rate = { n = 2, per_s = 3600 }, reject = "ESME_RTHROTTLED" }
route { to = prefixes "FILE", via = "b" }
route { via = "a" }
]]

describe("smpp.gateway.tables", function()
  it("are read again alone: sessions, binds and rates stay", function()
    with_table("44\n", RULES, function(w, path)
      local acme = w:customer()
      submit(acme)
      local rules, carriers, id = w.gateway.route, w.gateway.carriers, acme.session.id
      write(path, "44\n49\n")
      assert.is_true(w.gateway:reload())
      assert.same({ path }, w:logged("table_loaded", "file"))
      assert.same({}, w:logged "loaded")
      assert.is_true(w.gateway.route ~= rules and w.gateway.carriers == carriers)
      submit(acme)
      assert.same({ 1, 1 }, { #w.carriers[1].got, #w.carriers[2].got })
      assert.same({ nil, "ESME_RTHROTTLED" }, { submit(acme) }) -- the third: the rate has gone on
      assert.same({ "bound", id }, { acme.state, acme.session.id })
      assert.is_true(w.gateway:reload()) -- nothing has changed: the file is loaded, as SIGHUP asks
      assert.same({ "loaded" }, w:logged "loaded")
    end)
  end)

  it("are seen to change, also in the middle and with the same size", function()
    local many = {}
    for i = 1, 4000 do many[i] = tostring(440000 + i) end
    local content = table.concat(many, "\n")
    with_table(content, RULES, function(w, path)
      w.gateway.options.watch_s = 2
      w.gateway.timer:start(2)
      smpp.sleep(3)
      assert.same({}, w:logged "table_loaded")
      write(path, (content:gsub("442000", "491000")))
      smpp.sleep(3)
      assert.same({ path }, w:logged("table_loaded", "file"))
      local acme = w:customer()
      submit(acme, { destination_addr = "491000" })
      assert.equal(1, #w.carriers[2].got)
    end)
  end)

  it("with mistakes change nothing, and say where: too long, unreadable, a rule that never gets a message", function()
    local incoming = 'incoming { to = prefixes "FILE", drop = true }\nincoming { to = prefix "4512", drop = true, tag = "x" }\n'
    with_table("44\n", RULES .. incoming, function(w, path)
      local acme = w:customer()
      local rules = w.gateway.route
      local function refused(pattern)
        local ok, message, code = w.gateway:reload()
        assert.same({ nil, "bad_value" }, { ok, code })
        assert.matches(pattern, message)
        local list = w:logged("not_loaded", "reason")
        local found = false
        for _, reason in ipairs(list) do found = found or reason:find(pattern) ~= nil end
        assert.is_true(found, pattern)
        assert.equal(rules, w.gateway.route)
        submit(acme, { destination_addr = "44" })
      end
      write(path, ("4"):rep(22) .. "\n")
      refused(":1: prefix longer than 21 characters")
      os.remove(path)
      refused "cannot read the table"
      write(path, "44\n45\n")
      refused "covered by the rule in line 7"
      assert.equal(2, #w.carriers[2].got) -- 44 as before; the third is beyond the rate
      write(path, "46\n")
      assert.is_true(w.gateway:reload())
    end)
  end)

  it("route what waits in the store anew", function()
    with_table("44\n", 'store "x.db"\n' .. RULES, function(w, path)
      local acme = w:customer()
      submit(acme)
      smpp.sleep(5)
      assert.equal(0, #w.carriers[2].got) -- a is not there
      write(path, "44\n49\n")
      assert.is_true(w.gateway:reload())
      smpp.sleep(60)
      assert.equal(1, #w.carriers[2].got)
    end, { carriers = { false }, store = function(loop) return late.new(loop) end })
  end)

  it("of prices and of accounts: credit goes on at the new price", function()
    local text = [[
listen { port = 2775, accounts = { acme = { password = "secret", credit = 10, prices = "FILE" } } }
carrier "a" { "smpp://me:x@localhost:2001" }
route { via = "a" }
]]
    with_table("prefix,price\n49,1\n", text, function(w, path)
      local acme = w:customer()
      submit(acme)
      write(path, "prefix,price\n49,2.5\n")
      assert.is_true(w.gateway:reload())
      submit(acme)
      assert.equal(6500000, w.gateway.customers.acme.balance)
      write(path, "prefix,price\n49,-1\n")
      local ok, message = w.gateway:reload()
      assert.is_nil(ok)
      assert.matches(":2: expected a prefix and a price", message)
      submit(acme)
      assert.equal(4000000, w.gateway.customers.acme.balance)
    end, { count = 1 })
    with_table("12345\n", text:gsub('prices = "FILE"', 'from = listed "FILE"'), function(w, path)
      local acme = w:customer()
      assert.truthy(submit(acme))
      write(path, "777\n")
      assert.is_true(w.gateway:reload())
      assert.same({ nil, "ESME_RINVSRCADR" }, { submit(acme) })
    end, { count = 1 })
  end)

  it("give credit back to the account as it is when the message is refused, not as it was", function()
    local text = [[
listen { port = 2775, accounts = { acme = { password = "secret", credit = 10, prices = "FILE" } } }
carrier "a" { "smpp://me:x@localhost:2001" }
route { via = "a" }
]]
    with_table("prefix,price\n49,1\n", text, function(w, path)
      local acme, result = w:customer(), nil
      smpp.spawn(function() result = { submit(acme) } end)
      smpp.sleep(0.5)
      write(path, "prefix,price\n49,2\n")
      assert.is_true(w.gateway:reload())
      smpp.sleep(2)
      assert.same({ nil, "ESME_RINVDSTADR" }, result)
      assert.equal(10000000, w.gateway.customers.acme.balance)
    end, { count = 1, carriers = { function()
      smpp.sleep(1)
      return nil, "ESME_RINVDSTADR"
    end } })
  end)

  it("that change at random moments never leave a message between two tables", function()
    property.holds(10, function(random, case)
      with_table("44\n", (RULES:gsub("route { rate[^\n]*\n", "")), function(w, path)
        local acme, now = w:customer(), "44\n"
        case.steps = {}
        for _ = 1, random(8) do
          local content = ({ "44\n", "49\n", ("4"):rep(22) .. "\n", "44\n49\n", "" })[random(5)]
          local to = ({ "441", "491", "331" })[random(3)]
          table.insert(case.steps, { content, to })
          write(path, content)
          w.gateway:reload()
          if #content < 22 then now = content end
          local before = #w.carriers[2].got
          assert(submit(acme, { destination_addr = to }))
          assert.equal(now:find(to:sub(1, 2), 1, true) and 1 or 0, #w.carriers[2].got - before)
        end
        assert.equal("bound", acme.state)
      end)
    end)
  end)
end)
