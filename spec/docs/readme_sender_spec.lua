-- The sender of README's "In production", run as it stands against message centres that fall over.
local program = require "spec.support.program"
local smpp = require "smpp"

local function sender()
  local file = assert(io.open "README.md")
  local text = file:read("*a"):match "\n## In production\n.-```lua\n(.-)```"
  file:close()
  return text
end

--- Files in memory: { name = text }.
local function files_of(contents)
  return function(name, mode)
    mode = mode or "r"
    if mode == "r" and not contents[name] then return nil, name .. ": No such file" end
    contents[name] = contents[name] or ""
    return {
      seek = function() end,
      lines = function() return contents[name]:gmatch "([^\n]*)\n" end,
      write = function(_, ...) contents[name] = contents[name] .. table.concat { ... } end,
      flush = function() end,
    }
  end
end

--- Runs the sender with two hosts; `night(world, hosts, open)` plays what happens to them.
local function run(contents, night)
  local taken, log, stderr = {}, {}, io.stderr
  io.stderr = { write = function(_, ...) log[#log + 1] = table.concat { ... } end } -- luacheck: ignore
  local function host(world, name)
    local mc
    mc = assert(smpp.server { host = name, port = 2775, loop = world.loop, submit_sm = function(_, pdu)
      local id = pdu.short_message:match "order (%d+)"
      if tonumber(id) % 50 == 0 then return nil, "ESME_RINVDSTADR" end
      smpp.sleep(0.2)
      if mc.busy then return nil, "ESME_RTHROTTLED" end
      taken[id] = (taken[id] or 0) + 1
      return name .. "-" .. id
    end })
    mc:on("error", function() end)
    return mc
  end
  local ok, err = pcall(program.run, sender(), "=production", {
    mc = { port = 2799 }, open = files_of(contents),
    beside = function(world)
      world.loop:declare("smsc1.example", { "10.0.0.1" })
      world.loop:declare("smsc2.example", { "10.0.0.2" })
      world.mc:close()
      night(world, function(n) return host(world, "10.0.0." .. n) end)
    end,
  })
  io.stderr = stderr -- luacheck: ignore
  if not ok then error(err, 0) end
  return taken, table.concat(log)
end

local function orders(n)
  local lines = {}
  for i = 1, n do lines[i] = ("%d\t+49176%07d\torder %d\n"):format(i, i, i) end
  return table.concat(lines)
end

--- id -> { fact = how often } from a journal.
local function facts_of(journal)
  local facts = {}
  for id, fact in journal:gmatch "([^\t\n]*)\t([^\t\n]*)[^\n]*\n" do
    facts[id] = facts[id] or {}
    facts[id][fact] = (facts[id][fact] or 0) + 1
  end
  return facts
end

describe("the sender of README", function()
  it("has 40 lines", function()
    local _, lines = sender():gsub("\n", "")
    assert.is_true(lines <= 40, lines .. " lines")
  end)

  it("lives through a bad night with its books in order, and ends at SIGTERM", function()
    local contents = { ["orders.tsv"] = orders(2000) }
    local taken, log = run(contents, function(world, open)
      smpp.sleep(3) -- nobody is there yet
      local one, two = open(1), open(2)
      smpp.sleep(5)
      one.busy = true
      smpp.sleep(3)
      one.busy = false
      for _, session in ipairs(two.sessions) do session:close() end
      smpp.sleep(5)
      one:close(0) -- maintenance
      smpp.sleep(20)
      one = open(1)
      smpp.sleep(60)
      world.loop:raise "SIGTERM"
      smpp.sleep(1)
      one:close()
      two:close()
    end)
    local facts, counts, unknown = facts_of(contents["journal.tsv"]), {}, 0
    for i = 1, 2000 do
      local of, n = facts[tostring(i)] or {}, 0
      for fact, times in pairs(of) do
        n, counts[fact] = n + times, (counts[fact] or 0) + times
      end
      assert.equal(1, n, "lines for order " .. i)
      local times = taken[tostring(i)] or 0
      assert.is_true(times <= 1, "order " .. i .. " was taken twice")
      if times == 1 then assert.is_truthy(of.taken or of.unknown, "order " .. i) end
      if of.taken then assert.equal(1, times) end
      unknown = unknown + (of.unknown or 0)
    end
    assert.equal(40, counts.refused)
    assert.is_true(unknown > 0 and unknown <= 80, unknown .. " unknown")
    assert.equal(2000, counts.taken + counts.refused + counts.unknown)
    for _, word in ipairs { "bind_up", "bind_down", "paused", "waiting", "closed" } do assert.truthy(log:find(" event=" .. word .. " ", 1, true), word) end
    assert.is_nil(log:find("+49176", 1, true))
  end)

  it("goes on after an interruption without sending anything twice that was settled", function()
    local contents = { ["orders.tsv"] = orders(600), ["journal.tsv"] = "7\treceipt\tDELIVERED\t0\n" } -- its own number 7
    local first = run(contents, function(world, open)
      local one, two = open(1), open(2)
      smpp.sleep(4)
      world.loop:raise "SIGTERM"
      smpp.sleep(1)
      one:close()
      two:close()
    end)
    local before = facts_of(contents["journal.tsv"])
    local second = run(contents, function(world, open)
      local one, two = open(1), open(2)
      smpp.sleep(30)
      world.loop:raise "SIGTERM"
      smpp.sleep(1)
      one:close()
      two:close()
    end)
    local sent_first, sent_second = 0, 0
    for i = 1, 600 do
      local id = tostring(i)
      sent_first, sent_second = sent_first + (first[id] or 0), sent_second + (second[id] or 0)
      if i % 50 ~= 0 then assert.equal(1, (first[id] or 0) + (second[id] or 0), "order " .. id) end
      if before[id] and before[id].taken then assert.is_nil(second[id]) end
    end
    assert.is_true(sent_first > 100 and sent_second > 100, sent_first .. " then " .. sent_second)
  end)
end)
