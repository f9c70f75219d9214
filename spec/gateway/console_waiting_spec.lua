local cluster = require "spec.support.cluster"
local consoles = require "smpp.gateway.console"
local http_json = require "smpp.http.json"
local smpp = require "smpp"
local stores = require "smpp.store"
local support = require "spec.support.gateways"
local waiting = require "smpp.gateway.console_waiting"

local submit = support.submit

--- What waits: the answer, its groups as one line, and the reason of each message by id.
local function read(console)
  local found = http_json.read(http_json.write(console:actions().waiting[2] {}))
  local groups, why = {}, {}
  for i, one in ipairs(found.groups) do groups[i] = ("%s %d"):format(one.group, one.count) end
  for _, one in ipairs(found.messages) do why[one.id] = one.why end
  return found, table.concat(groups, ", "), why
end

describe("smpp.gateway.console_waiting", function()
  it("has what waits at all nodes, at each of them", function()
    local file = cluster.FILE:gsub("route", 'route { to = "1", via = "none" }\nroute', 1):gsub("carrier", 'carrier "none" { "smpp://me:x@localhost:1" }\ncarrier', 1)
    cluster.run(file, function(w)
      w.carriers[1].answer = function() smpp.sleep(1000) end
      w.carriers[2].answer = w.carriers[1].answer
      local acme, reasons = w:customer_of "a", {}
      local down, busy = submit(acme, { destination_addr = "1" }), submit(acme, { destination_addr = "2" })
      local later = submit(acme, { schedule_delivery_time = "000000010000000R" })
      smpp.sleep(1)
      for _, name in ipairs { "a", "b" } do
        local console = consoles.new(w.gateways[name])
        local _, groups, why = read(console)
        assert.equal("parked 1, scheduled 1, sending 1", (groups:gsub("again", "parked")))
        assert.same({ "none: not bound", "held until its time" }, { (why[down]:gsub(";.*", "")), why[later] })
        reasons[why[busy]] = true
        console:close()
      end
      assert.is_true(reasons["another node works on it"])
      assert.truthy((reasons["a carrier has it now, and has not answered yet; or it waits for room in its window"]))
    end)
  end)

  it("says why each message waits", function()
    local silent = false
    support.stored(support.STORED_FILE:gsub('2001"', '2001", response_timeout_s = 2, on_unknown = "hold"')
      :gsub("route", 'route { to = "1", via = "b" }\nroute { to = "2", via = "a" }\nroute', 1), function(w)
      local console, acme = consoles.new(w.gateway), w:customer()
      local down = submit(acme, { destination_addr = "1" })
      local later = submit(acme, { schedule_delivery_time = "000000010000000R" })
      local sent = submit(acme, { destination_addr = "3", registered_delivery = 1 }) -- its receipt is awaited
      silent = true
      local held = submit(acme, { destination_addr = "2" })
      smpp.sleep(1)
      local busy = submit(acme, { destination_addr = "2" })
      smpp.sleep(1.5)
      local found, groups, why = read(console)
      assert.equal("held 1, parked 1, scheduled 1, sending 1", groups)
      assert.equal("b: not bound", why[down])
      assert.equal("held until its time", why[later])
      assert.truthy(why[held]:find "^a did not answer")
      assert.truthy(why[busy])
      assert.is_nil(why[sent])
      assert.same({ true, true }, { found.all, found.is_stored })
      w.gateway.by_name.a:switch(true)
      local off = submit(acme, { destination_addr = "2" })
      assert.equal("a: off", select(3, read(console))[off])
      console:close()
    end, { carriers = { function(_, _, n)
      if silent then smpp.sleep(20) end
      return "a-" .. n
    end, false } })
  end)

  it("counts attempts that failed", function()
    support.stored(support.STORED_FILE, function(w)
      local console = consoles.new(w.gateway)
      local id = submit(w:customer())
      smpp.sleep(4)
      local _, groups, why = read(console)
      assert.equal("again 1", groups)
      assert.equal("a: backing off; b: backing off; 3 attempts without success", why[id])
      console:close()
    end, { carriers = { function() return nil, "ESME_RMSGQFUL" end, function() return nil, "ESME_RMSGQFUL" end } })
  end)

  it("shows what customers have not taken", function()
    support.world(support.FILE .. 'incoming { deliver = "acme" }\n', function(w)
      local console = consoles.new(w.gateway)
      for _ = 1, 2 do assert(w.carriers[1].server:deliver("me", { source_addr = "491", destination_addr = "1", short_message = "Hi" })) end
      smpp.sleep(1)
      local found = read(console)
      assert.same({ false, 1, "acme", 2, "no bind that receives" }, {
        found.is_stored, #found.outbound, found.outbound[1].account, found.outbound[1].count, found.outbound[1].why })
      console:close()
    end)
  end)

  it("looks at so many messages, and says so", function()
    support.stored(nil, function(w)
      local changes = {}
      for i = 1, waiting.SCAN + 1 do
        changes[i] = { op = "add", kind = "message", record = {
          key = "k" .. i, id = "k" .. i, state = "SCHEDULED", system_id = "acme", source_addr = "1", destination_addr = "2", submitted = i,
          schedule = w.loop:time() + 1e6, expires = w.loop:time() + 2e6, octets = "",
        } }
      end
      assert(stores.commit(w.store, changes))
      local console = consoles.new(w.gateway)
      local found, groups = read(console)
      console:close()
      assert.same({ waiting.SCAN, false, 100, "scheduled " .. waiting.SCAN }, { found.looked, found.all, #found.messages, groups })
    end, { store = function()
      local store = stores.memory { limit = 1e6 }
      function store:kill() end
      return store
    end })
  end)
end)
