-- Limits that two nodes count together: gateways with nodes beside a model of an engine, and one carrier.
local buckets = require "smpp.base.bucket"
local gateways = require "smpp.gateway"
local models = require "spec.support.valkey_model"
local nodes = require "smpp.nodes"
local run = require("spec.support.esme").run
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local FILE = [[
listen { port = %d, accounts = { acme = { password = "secret", max_binds = 3 }, wide = { password = "secret", window = 1000 }, slow = { password = "secret", rate_per_s = 20, window = 1000 } } }
carrier "a" { "smpp://me:x@localhost:2001", binds = 2, window = 1000%s }
%s
route { via = "a" }
]]

--- Runs fn(world) beside two nodes; `carrier`: further options of it; `rules`: before that of all messages.
local function world(fn, carrier, rules)
  run(function(loop)
    local self = { loop = loop, times = {}, list = {} }
    self.engine = models.new(loop, {})
    self.mc = assert(smpp.server { host = "127.0.0.1", port = 2001, submit_sm = function()
      if self.refuses and self.refuses() then return nil, "ESME_RTHROTTLED" end
      self.times[#self.times + 1] = loop:now()
      return tostring(#self.times)
    end })
    for i, name in ipairs { "a", "b" } do
      local client = assert(valkey.connect { "valkey://127.0.0.1", wait = true })
      local one = { client = client, nodes = nodes.open(client, { name = name, process = "" }) }
      one.gateway = assert(gateways.new {
        path = "gateway.lua", text = FILE:format(2774 + i, carrier or "", rules or ""), watch_s = 0, nodes = one.nodes, log = function() end,
      })
      self.list[i] = one
    end
    smpp.sleep(8)
    fn(self)
    for _, one in ipairs(self.list) do
      one.gateway:close(1)
      one.nodes:close()
      one.client:close()
    end
    self.mc:close(0)
    self.engine.close()
  end)
end

local function bind(port, account)
  local esme, _, code = smpp.connect { ("smpp://%s:secret@127.0.0.1:%d"):format(account or "acme", port), reconnect = false, window = 1000 }
  return esme or code
end

--- A session of "slow", or another account, which does not back off as a client does.
local function open(port, account)
  local session = assert(smpp.open(("smpp://127.0.0.1:%d"):format(port)))
  assert(session:bind_transceiver { system_id = account or "slow", password = "secret", interface_version = 0x34 })
  return session
end

--- Submits as fast as a node answers, for so long; how many were accepted.
local function submit(esme, for_s, pause_s)
  local accepted, refused, ends_at = 0, 0, esme.loop:now() + for_s
  while esme.loop:now() < ends_at do
    local response, _, code = esme:submit_sm { source_addr = "1", destination_addr = "491", short_message = "x" }
    if response then accepted = accepted + 1 else refused = refused + 1 end
    if code and code ~= "ESME_RTHROTTLED" then error(code, 0) end
    smpp.sleep(pause_s)
  end
  return accepted, refused
end

describe("smpp.gateway.limits", function()
  it("max_binds is of all nodes together", function()
    world(function(self)
      local first, second, third = bind(2775), bind(2776), bind(2776)
      assert.is_table(third)
      assert.equal("ESME_RALYBND", bind(2775))
      assert.equal("ESME_RALYBND", bind(2776))
      second:close()
      smpp.sleep(0.1)
      local fourth = bind(2775)
      assert.is_table(fourth)
      assert.equal("ESME_RALYBND", bind(2776))
      for _, esme in ipairs { first, third, fourth } do esme:close() end
      smpp.sleep(0.1)
      assert.is_nil(self.engine.data["smpp:{gw}:binds:acme"])
    end)
  end)

  it("the smaller number counts where files differ", function()
    world(function(self)
      local function config(most) return nodes.configuration { ["account acme"] = { max_binds = most } } end
      self.list[1].nodes:set_configuration(config(3))
      self.list[2].nodes:set_configuration(config(1))
      smpp.sleep(5)
      local first = bind(2775)
      assert.is_table(first)
      assert.equal("ESME_RALYBND", bind(2775))
      first:close()
    end)
  end)

  it("a bind that ends before it is answered counts no more", function()
    world(function(self)
      self.engine.stand_still(true)
      local session = assert(smpp.open "smpp://acme:secret@127.0.0.1:2775")
      smpp.spawn(function() session:bind_transceiver { system_id = "acme", password = "secret" } end)
      smpp.sleep(0.2)
      session:reset "x"
      smpp.sleep(0.2)
      self.engine.stand_still(false)
      smpp.sleep(0.5)
      assert.is_nil(self.engine.data["smpp:{gw}:binds:acme"])
      local list = {}
      for i = 1, 3 do list[i] = bind(2775) end
      assert.is_table(list[3])
      for _, esme in ipairs(list) do esme:close() end
    end)
  end)

  it("binds are taken while the engine is away, within what was known", function()
    world(function(self)
      local first, second = bind(2775), bind(2776)
      self.engine.close()
      smpp.sleep(0.5)
      local third = bind(2776)
      assert.is_table(third)
      local codes = { bind(2776) }
      assert.equal("ESME_RALYBND", codes[1])
      for _, esme in ipairs { first, second, third } do esme:close() end
    end)
  end)

  it("a rate of the rules is of all nodes together, for each key", function()
    world(function(self)
      local counts = { 0, 0 }
      for i = 1, 2 do
        local esme = open(2774 + i, "acme")
        smpp.spawn(function()
          local ends_at = self.loop:now() + 10
          while self.loop:now() < ends_at do
            for to = 1, 2 do
              if esme:submit_sm { source_addr = "1", destination_addr = "49" .. to, short_message = "x" } then counts[to] = counts[to] + 1 end
            end
            smpp.sleep(0.01)
          end
        end)
      end
      smpp.sleep(11)
      for to = 1, 2 do
        local most = 20 * 10 + 2 + 2
        assert.is_true(counts[to] >= 190 and counts[to] <= most, counts[to])
      end
      assert.equal(counts[1] + counts[2], #self.times)
    end, nil, 'route { rate = { n = 20, by = "to" }, reject = "ESME_RTHROTTLED" }')
  end)

  it("a rate of the rules for a longer time gives all of it at once, and then no more", function()
    world(function()
      local count, list = 0, { open(2775, "acme"), open(2776, "acme") }
      for _ = 1, 10 do
        for _, esme in ipairs(list) do
          if esme:submit_sm { source_addr = "1", destination_addr = "491", short_message = "x" } then count = count + 1 end
        end
      end
      assert.equal(12, count)
      smpp.sleep(5.1)
      for _ = 1, 2 do
        if list[2]:submit_sm { source_addr = "1", destination_addr = "491", short_message = "x" } then count = count + 1 end
      end
      assert.equal(13, count)
    end, nil, 'route { rate = { n = 12, per_s = 60 }, reject = "ESME_RTHROTTLED" }')
  end)

  it("a rate of the rules that cannot be asked refuses for now, whatever the rule would do", function()
    world(function(self)
      local esme = bind(2775)
      self.engine.close()
      smpp.sleep(0.5)
      local _, _, code = esme:submit_sm { source_addr = "1", destination_addr = "491", short_message = "x" }
      assert.equal("ESME_RSYSERR", code)
      assert.equal(0, #self.times)
      esme:close()
    end, nil, 'route { rate = { n = 12, per_s = 60 }, drop = true }')
  end)

  it("rates of the rules keep nothing of keys that are not in use", function()
    world(function(self)
      local limits, msg = self.list[1].gateway.limits, {}
      for i = 1, 3000 do assert.is_false(limits:is_beyond(msg, "r", "key" .. i, 1, 1)) end
      assert.is_true(limits.matched_count <= 1000)
      assert.same({ false, true }, { limits:is_beyond(msg, "r", "k", 1, 3600), limits:is_beyond(msg, "r", "k", 1, 3600) })
    end)
  end)

  it("the rate of an account is of all nodes together", function()
    world(function()
      local one, two = open(2775), open(2776)
      local counts = { 0, 0 }
      for i, esme in ipairs { one, two } do
        smpp.spawn(function() counts[i] = submit(esme, 10, 0.02) end)
      end
      smpp.sleep(11)
      local total = counts[1] + counts[2]
      assert.is_true(total >= 190 and total <= 20 * 10 + 2 + 2, total)
      assert.is_true(counts[1] > 40 and counts[2] > 40)
      local accepted, refused = submit(one, 5, 0.1) -- half of it: nothing is refused
      assert.equal(0, refused)
      assert.is_true(accepted > 40)
      one:close()
      two:close()
    end)
  end)

  it("a rate that adapts is learned together: at the limit of the carrier, with few refusals", function()
    world(function(self)
      local limit = buckets.new(100, 20, self.loop:now())
      local began, refused, counts = self.loop:now(), 0, { 0, 0 }
      function self.refuses()
        if limit:take(self.loop:now()) == 0 then return false end
        if self.loop:now() - began > 20 then refused = refused + 1 end
        return true
      end
      for i = 1, 2 do
        for _ = 1, 3 do
          local session = open(2774 + i, "wide")
          for _ = 1, 40 do
            smpp.spawn(function()
              while self.loop:now() - began < 80 do
                local response = session:submit_sm { source_addr = "1", destination_addr = "491", short_message = "x" }
                if response and self.loop:now() - began > 20 then counts[i] = counts[i] + 1 end
                if not response then smpp.sleep(0.1) end
              end
            end)
          end
        end
      end
      smpp.sleep(85)
      local total = counts[1] + counts[2]
      assert.is_true(total >= 60 * 90 and total <= 60 * 100 + 20, total)
      assert.is_true(refused < 0.03 * total, refused)
      for i = 1, 2 do assert.is_true(counts[i] > 0.2 * total, counts[i]) end
    end, ', rate_per_s = "adaptive"')
  end)

  it("the rate of a carrier is of all nodes together", function()
    world(function(self)
      local list = { bind(2775), bind(2776) }
      for _, esme in ipairs(list) do
        for _ = 1, 150 do
          smpp.spawn(function() esme:submit_sm({ source_addr = "1", destination_addr = "491", short_message = "x" }, 60) end)
        end
      end
      smpp.sleep(11)
      local first, within = self.times[1], 0
      for _, at in ipairs(self.times) do within = within + (at - first <= 5 and 1 or 0) end
      assert.equal(300, #self.times)
      assert.is_true(within <= 40 * 5 + 4 + 2 * 2 and within >= 40 * 5 * 0.95, within)
      for _, esme in ipairs(list) do esme:close() end
    end, ", rate_per_s = 40")
  end)
end)
