--- A hundred thousand messages of one peer through our message centre, each with its receipt: none is lost, none comes
--- twice.
local json = require "dkjson"
local kannel = require "spec.support.kannel"
local node = require "spec.support.node"
local peers = require "spec.support.peers"
local smpp = require "smpp"

local COUNT, LIMIT_S = 100000, 300

--- The destination of the nth message.
local function number(n) return ("49%07d"):format(n) end

--- Runs fn(simulator, ids) with a message centre; afterwards each number had one message, whose id is in ids, and nothing
--- is left.
local function with(system_id, fn)
  peers.run(function()
    local simulator = assert(smpp.simulator { port = 0, accounts = { [system_id] = { password = "secret" } }, deliver_after_s = 0.1 })
    local ids, errors, other, repeated = {}, {}, 0, 0
    simulator:on("error", function(message) table.insert(errors, message) end)
    simulator:on("final", function(message)
      local to = message.destination_addr
      if ids[to] then repeated = repeated + 1 end
      ids[to] = message.id
      if message.state ~= "DELIVERED" then other = other + 1 end
    end)
    fn(simulator, ids)
    assert.same({ sessions = 0, unanswered = 0, unacknowledged = 0, waiting = 0 }, simulator:close(5))
    assert.same({}, errors)
    assert.same({ 0, 0 }, { other, repeated })
    for n = 1, COUNT do
      if not ids[number(n)] then error(number(n) .. " had no message") end
    end
    assert.same({ COUNT, COUNT, 0 }, { simulator.counts.messages, simulator.counts.receipts, simulator.counts.refused })
  end, LIMIT_S)
end

describe(("%d messages with receipts go through our message centre"):format(COUNT), function()
  it("from node-smpp", function()
    node.need()
    with("node", function(simulator)
      local result
      local push = peers.start("node-smpp", { "node", node.folder .. "push.js", ("%d"):format(simulator.port), ("%d"):format(COUNT), "100" },
        function(line) result = line end)
      peers.wait("node-smpp to end", function() return push.exited end, LIMIT_S)
      assert.equal("exit code 0", push.exited)
      assert.same({ answered = COUNT, refused = 0, delivered = COUNT, repeated = 0, strangers = 0 }, json.decode(result))
    end)
  end)

  it("from Kannel", function()
    peers.need("bearerbox", "kannel")
    with("kannel", function(simulator, ids)
      local box = kannel.start { port = simulator.port, bind = "trx" }
      peers.wait("Kannel to bind", function() return #simulator.server.sessions == 1 end)
      local EACH, asked = 200, 0
      smpp.each(function()
        if asked == COUNT then return nil end
        asked = asked + EACH
        return asked
      end, 4, function(last)
        local list = {}
        for n = last - EACH + 1, last do list[#list + 1] = number(n) end
        -- Kannel puts in for %p whom the receipt comes from
        local status, words = box:sendsms {
          from = "1234", to = table.concat(list, " "), text = "hello", ["dlr-mask"] = 3, ["dlr-url"] = box:dlr_url "%p",
        }
        assert.equal(202, status, words)
      end)
      peers.wait("Kannel to tell of all receipts", function() return #box.web >= COUNT end, LIMIT_S)
      local told, wrong = {}, {}
      for _, visit in ipairs(box.web) do
        local receipt = visit.query -- type 1: delivered
        if receipt.type ~= "1" or receipt.id ~= ids[receipt.name] or told[receipt.name] then table.insert(wrong, receipt) end
        told[receipt.name] = true
      end
      assert.same({}, wrong)
      assert.equal(COUNT, #box.web)
      box:shutdown()
      peers.wait("the end of its session", function() return #simulator.server.sessions == 0 end)
    end)
  end)
end)
