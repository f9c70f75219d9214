-- smpp load against other implementations: node-smpp as the message centre, Kannel as the ESME.
local kannel = require "spec.support.kannel"
local load = require "smpp.load"
local node = require "spec.support.node"
local peers = require "spec.support.peers"
local smpp = require "smpp"

local function balanced(r)
  assert.equal(r.sent, r.answered + r.unknown)
  assert.equal(r.answered, r.latency_s.count)
  assert.equal(r.errors, r.answered - r.ok + r.unknown + r.not_sent)
end

describe("smpp load against node-smpp", function()
  local function with(fn)
    node.need()
    peers.run(function()
      local mc = node.listen()
      local arrived = {} -- destination -> how often
      fn(("smpp://lua:secret@127.0.0.1:%d"):format(mc.port), mc, function()
        for _, pdu in ipairs(mc.pdus) do
          if pdu.command == "submit_sm" then arrived[pdu.destination_addr] = (arrived[pdu.destination_addr] or 0) + 1 end
        end
        mc.pdus = {}
        return arrived
      end)
      assert.same({}, mc.errors)
    end)
  end

  for name, o in pairs {
    ["in batches"] = {}, ["one by one"] = { length = "20-20" },
  } do
    it("at a rate, " .. name, function()
      with(function(url, _, arrived)
        local r = assert(load.run { url, rate = 200, for_s = 2, binds = 2, to = "49176[#5]", length = o.length })
        balanced(r)
        assert.same({ 400, 400 }, { r.sent, r.ok })
        assert.near(2, r.duration_s, 0.2)
        local count = 0
        for to, times in pairs(arrived()) do
          count = count + 1
          assert.equal(1, times, to)
        end
        assert.equal(400, count)
      end)
    end)
  end

  it("through a window, with refusals that are counted", function()
    with(function(url, mc)
      mc:answer("submit_sm", { command_status = 0x58 })
      local r = assert(load.run { url, closed = true, window = 20, count = 500, fail_if = "errors > 1%" })
      balanced(r)
      assert.same({ ESME_RTHROTTLED = 500 }, r.statuses)
      assert.same({ 500, 0, 500 }, { r.throttled, r.ok, r.errors })
      assert.is_true(r.failed)
      assert.is_true(r.window.max <= 20)
    end)
  end)

  it("that does not answer: unknown", function()
    with(function(url, mc)
      mc:answer("submit_sm", nil)
      local r = assert(load.run { url, rate = 50, count = 10, response_timeout_s = 0.5, drain_s = 5 })
      balanced(r)
      assert.same({ 10, 0, 10 }, { r.sent, r.answered, r.unknown })
    end)
  end)
end)

describe("smpp load --listen with Kannel bound to it", function()
  it("pushes MO, which Kannel gives to its service", function()
    peers.need("bearerbox", "kannel")
    peers.run(function()
      local port, result
      smpp.spawn(function()
        result = assert(load.run { listen = { port = 0, accounts = { kannel = { password = "secret" } } }, rate = 25, for_s = 2, from = "49176[#5]", to = "12345",
          text = "load", on_listening = function(_, bound) port = bound end })
      end)
      peers.wait("the listener", function() return port end)
      local box = kannel.start { port = port, bind = "trx" }
      peers.wait("the end of the test", function() return result end, 40)
      balanced(result)
      assert.same({ "mc", 50, 50 }, { result.role, result.sent, result.ok })
      local seen = {}
      for i = 0, 49 do seen[("49176%05d"):format(i)] = true end
      for _ = 1, 50 do
        local query = box:visit "/mo"
        local from = query.from:gsub("^%+", "")
        assert.is_true(seen[from], from)
        assert.equal("load", query.text)
        seen[from] = nil
      end
      assert.is_nil(next(seen))
    end)
  end)
end)
