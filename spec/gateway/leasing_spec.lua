-- A carrier whose binds are leases: nodes, gateway and carriers beside a model of an engine.
local gateways = require "smpp.gateway"
local log = require "smpp.base.log"
local models = require "spec.support.valkey_model"
local nodes = require "smpp.nodes"
local processes = require "spec.support.process_loop"
local run = require("spec.support.esme").run
local smpp = require "smpp"
local valkey = require "smpp.valkey"

local World = {}
local WORLD = { __index = World }

local FILE = [[
listen { port = %d, accounts = { acme = "secret" } }
carrier "a" { "smpp://me:x@localhost:2001", binds = %d, breaker = false }
route { via = "a" }
]]

--- Runs fn beside an engine and one carrier; `submit_sm`: as of smpp.server.
local function world(fn, o)
  o = o or {}
  run(function(loop)
    local self = setmetatable({ loop = loop, gateways = {}, submits = {} }, WORLD)
    self.engine = models.new(loop, {})
    self.mc = assert(smpp.server { host = "127.0.0.1", port = 2001, answer_timeout_s = 60, authenticate = o.authenticate, submit_sm = o.submit_sm or function(session)
      table.insert(self.submits, session)
      return tostring(#self.submits)
    end })
    self.mc:on("error", function() end)
    fn(self)
    for _, one in pairs(self.gateways) do self:stop(one) end
    self.mc:close(0)
    self.engine.close()
  end)
end

--- Starts a node with its gateway, in a process of its own.
function World:start(name, port, o)
  o = o or {}
  local one = { name = name, records = {}, process = processes.new(self.loop) }
  one.client = assert(valkey.connect { "valkey://127.0.0.1", wait = true, loop = one.process })
  one.nodes = nodes.open(one.client, { name = name, loop = one.process, process = "" })
  one.gateway = assert(gateways.new {
    path = "gateway.lua", text = FILE:format(port, o.binds or 2), watch_s = 0, nodes = one.nodes, loop = o.whole and one.process or self.loop,
    log = function(record) table.insert(one.records, record) end,
  })
  self.gateways[name] = one
  return one
end

--- As SIGTERM.
function World:stop(one)
  one.gateway:close(5)
  local left
  one.nodes:leave(function() left = true end)
  smpp.sleep(0.1)
  assert(left)
  one.client:close()
  self.gateways[one.name] = nil
  for _, record in ipairs(one.records) do assert.equal(record.level, log.events[record.event]) end
end

local function submit(port)
  local esme = assert(smpp.connect(("smpp://acme:secret@127.0.0.1:%d"):format(port)))
  local response, _, code = esme:submit_sm { source_addr = "1", destination_addr = "491", short_message = "x" }
  esme:close()
  return response and response.message_id or code
end

--- The ends of binds in the log of a node.
local function ends(one)
  local list = {}
  for _, record in ipairs(one.records) do
    if record.event == "bind_down" or record.event == "bind_closed" then
      list[#list + 1] = ("%s %s: %s"):format(record.level, record.event, record.reason)
    end
  end
  return list
end

describe("smpp.gateway.leasing", function()
  it("binds as often as the file says over all nodes", function()
    world(function(self)
      local a = self:start("a", 2775)
      smpp.sleep(2)
      assert.equal(2, #self.mc.sessions)
      local b = self:start("b", 2776)
      smpp.sleep(6)
      assert.equal(2, #self.mc.sessions)
      assert.same({ 1, 1 }, { a.gateway.carriers[1].leasing.leases.count, b.gateway.carriers[1].leasing.leases.count })
      assert.same({ "info bind_closed: lease given back: it is another node's share" }, ends(a))
      assert.is_string(submit(2775))
      assert.is_string(submit(2776))
      assert.equal(2, #self.submits)
    end)
  end)

  it("hands over at SIGTERM, when all is answered", function()
    world(function(self)
      local a = self:start("a", 2775)
      smpp.sleep(2)
      self:start("b", 2776)
      smpp.sleep(6)
      local answer
      smpp.spawn(function() answer = submit(2775) end)
      smpp.sleep(0.5)
      self:stop(a)
      assert.equal("info bind_closed: lease given back: closing", ends(a)[2])
      smpp.sleep(1)
      assert.is_nil(answer:find "^ESME")
      assert.equal(2, #self.mc.sessions)
      assert.equal(2, self.gateways.b.gateway.carriers[1].leasing.leases.count)
    end, { submit_sm = function()
      smpp.sleep(1)
      return "1"
    end })
  end)

  it("unbinds where the engine is away too long, and binds when it is back", function()
    world(function(self)
      local a = self:start("a", 2775)
      smpp.sleep(2)
      local data = self.engine.data
      self.engine.close()
      smpp.sleep(4)
      assert.equal(2, #self.mc.sessions)
      smpp.sleep(5)
      assert.equal(0, #self.mc.sessions)
      local lost = "warn bind_down: lease lost: not renewed in time"
      assert.same({ lost, lost }, ends(a))
      assert.equal("ESME_RSYSERR", submit(2775))
      self.engine = models.new(self.loop, { data = data })
      smpp.sleep(15)
      assert.equal(2, #self.mc.sessions)
    end)
  end)

  it("binds once the other's bind is over, where the carrier still counts it", function()
    local refused = 0
    world(function(self)
      self:start("a", 2775)
      smpp.sleep(2)
      refused = 5
      local b, given = self:start("b", 2776), 0
      b.nodes:on("lease", function(_, _, what) given = given + (what == "given" and 1 or 0) end)
      smpp.sleep(100)
      assert.equal(0, refused)
      assert.equal(0, given) -- it is no failure
      assert.equal(2, #self.mc.sessions)
    end, { authenticate = function()
      if refused == 0 then return true end
      refused = refused - 1
      return false, "ESME_RALYBND"
    end })
  end)

  it("gives a slot back where it cannot bind", function()
    world(function(self)
      self:start("a", 2775)
      smpp.sleep(2)
      local b = self:start("b", 2776)
      self.loop:refuse("127.0.0.1", 2001)
      smpp.sleep(20)
      self.loop:refuse("127.0.0.1", 2001, false)
      local most = b.gateway.carriers[1].leasing.leases.most
      assert.is_true(most == 0 or self.gateways.a.gateway.carriers[1].leasing.leases.count == 2)
      smpp.sleep(60)
      assert.equal(2, #self.mc.sessions)
    end)
  end)

  it("opens other leases when the file changes, after those before", function()
    world(function(self)
      local a = self:start("a", 2775)
      smpp.sleep(2)
      a.gateway.options.text = FILE:format(2775, 3)
      assert(a.gateway:reload())
      smpp.sleep(3)
      assert.equal(3, #self.mc.sessions)
      assert.equal(3, a.nodes.all_leases.a.binds)
      a.gateway.options.text = FILE:format(2775, 1)
      assert(a.gateway:reload())
      smpp.sleep(3)
      assert.equal(1, #self.mc.sessions)
    end)
  end)

  it("closes what a process that stood still had, before it sends another octet", function()
    world(function(self)
      local a = self:start("a", 2775, { whole = true })
      smpp.sleep(2)
      self:start("b", 2776)
      smpp.sleep(8)
      local of_a = a.gateway.carriers[1].client.session
      local session
      for _, one in ipairs(self.mc.sessions) do
        if one.peer.port == of_a.transport.inner.inner.local_port then session = one end
      end
      local esme = assert(smpp.connect "smpp://acme:secret@127.0.0.1:2775")
      smpp.sleep(0.1)
      a.process:stop()
      smpp.spawn(function() esme:submit_sm({ source_addr = "1", destination_addr = "491", short_message = "late" }, 60) end)
      smpp.sleep(30)
      assert.equal(2, self.gateways.b.gateway.carriers[1].leasing.leases.count)
      local got = {} -- by the carrier, on the bind that a has had all the time
      session:on("pdu", function(pdu) got[#got + 1] = pdu.command end)
      a.process:go_on()
      smpp.sleep(0.5)
      assert.same({}, got)
      assert.equal(0, #self.submits)
      assert.is_nil(a.gateway.carriers[1].client.session)
      smpp.sleep(10)
      esme:close(0)
    end)
  end)
end)
