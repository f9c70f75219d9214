-- Also the spec of the blocks of docs/bots.md about it.
local bot = require "smpp.bot"
local driver = require "smpp.bot.driver"
local shops = require "spec.support.shop"

local function number(i) return ("4917612345%02d"):format(i) end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = number(i) end
  return list
end

local function file_of(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

--- Runs a broadcast to its end; its counts that are not 0.
local function run(shop, list, words, o, time)
  local counts, at
  driver.run(shop, function()
    counts = shop:broadcast(list, words, o)
    at = shop.loop:now()
  end)
  driver.advance(shop.world, time or 3600)
  local found = {}
  for name, count in pairs(counts) do found[name] = count ~= 0 and count or nil end
  return found, at
end

describe("smpp.bot.broadcast", function()
  it("sends to each of a file once, at its pace, and counts", function()
    local shop = shops.new()
    local p, q = shop:test(number(1)), shop:test(number(2))
    local out = shop:test(number(3))
    out:says "stop":hears(bot.pattern "^You")
    local path = file_of(("name,number\nAnna,+%s\nBen,%s\nAnna again,%s\nOut,%s\nBad,none\n"):format(number(1), number(2), number(1), number(3)))
    local done = {}
    local counts, at = run(shop, path, "Hi {name} {{}", { rate_per_s = 0.5, progress = function(n, total) done[#done + 1] = n .. "/" .. total end })
    os.remove(path)
    assert.same({ total = 5, sent = 2, duplicate = 1, opted_out = 1, invalid = 1, parts = 2 }, counts)
    p:hears "Hi Anna {}":silent()
    q:hears "Hi Ben {}"
    out:silent()
    assert.same({ "5/5", 5 }, { done[#done], #done })
    assert.is_true(at >= 4, at)
    assert.equal(2, shops.count(shop, "broadcast"))
    shop:test_end()
  end)

  it("takes arrays, tables and iterators", function()
    local shop = shops.new()
    local p = shop:test(number(1))
    assert.equal(1, run(shop, { number(1) }, "a").sent)
    assert.equal(1, run(shop, { { to = number(1), offer = "cake" } }, "b {offer}").sent)
    local i = 0
    assert.equal(1, run(shop, function()
      i = i + 1
      return i == 1 and number(1) or nil
    end, "c").sent)
    p:hears "a":hears "b cake":hears "c"
  end)

  it("raises before anything is sent for an unknown column or file", function()
    local shop = shops.new()
    local p = shop:test { number = number(1), errors = true }
    for wanted, call in pairs {
      ["unknown column 'ofer'; did you mean 'offer'"] = function() shop:broadcast({ { number(1), offer = "x" } }, "{ofer}") end,
      ["without '}'"] = function() shop:broadcast({ number(1) }, "{x") end, ["nonexistent"] = function() shop:broadcast("/nonexistent", "x") end,
      ["did you mean 'dry_run'"] = function() shop:broadcast({}, "x", { dryrun = true }) end,
      ["expected a text"] = function() shop:broadcast({}, 5) end, ["item 1"] = function() shop:broadcast({ true }, "x") end,
    } do
      local ok, message
      driver.run(shop, function() ok, message = pcall(call) end)
      assert.is_false(ok)
      assert.truthy(message:find(wanted, 1, true), message)
      assert.truthy(message:find("broadcast_spec.lua", 1, true), message)
    end
    p:silent "1 min"
  end)

  it("only counts in a dry run", function()
    local shop = shops.new()
    local p = shop:test(number(1))
    assert.same({ total = 3, sent = 3, parts = 9 }, (run(shop, numbers(3), ("x"):rep(400), { dry_run = true })))
    p:silent "1 min"
  end)

  it("goes on where it ended: nobody twice, what was in flight is unknown", function()
    local path = shops.path()
    local shop = shops.new { store = path }
    shop:test(number(1))
    driver.run(shop, function() shop:broadcast(numbers(10), "x", { name = "n", rate_per_s = 1 }) end)
    driver.advance(shop.world, 4.5) -- five are sent; then it is killed
    shop.vault:put("b/n/" .. number(6), { outcome = "unknown", parts = 0 }, "broadcast") -- as if one was in flight
    shop = shops.new { store = path }
    local first, seventh = shop:test(number(1)), shop:test(number(7))
    assert.same({ total = 10, sent = 9, unknown = 1, parts = 9 }, (run(shop, numbers(10), "x", { name = "n" })))
    first:silent()
    seventh:hears "x"
    assert.same({ total = 10, sent = 9, unknown = 1, parts = 9 }, (run(shop, numbers(10), "x", { name = "n" })))
    seventh:silent()
    os.remove(path)
  end)

  it("counts receipts that come in time", function()
    local shop = shops.new()
    shop:test(number(1))
    assert.same({ total = 2, sent = 2, parts = 2, delivered = 2 }, (run(shop, numbers(2), "x", { receipt = true, receipts_within_s = 60 })))
  end)

  it("waits for the end of quiet hours, unless it is urgent", function()
    local shop = shops.new { quiet = "21:00-08:00" }
    local p = shop:test { number = number(1), at = "2025-01-01 22:00 UTC" }
    local counts, at = run(shop, { number(1) }, "x", {}, 12 * 3600)
    assert.same({ total = 1, sent = 1, parts = 1 }, counts)
    assert.equal(10 * 3600, at)
    p:hears "x"
    shop = shops.new { quiet = "21:00-08:00" }
    shop:test { number = number(1), at = "2025-01-01 22:00 UTC" }
    assert.equal(0, select(2, run(shop, { number(1) }, "x", { urgent = true })))
  end)
end)
