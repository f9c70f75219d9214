-- Two gateways as processes, one Redis, one carrier: kill -9, SIGSTOP, SIGTERM.  The carrier never has more binds of nodes that run than the file
-- says, and a node that stood still sends nothing on a bind that is another's.
local async = require "spec.support.async"
local loops = require "smpp.loop"
local shell = require "spec.support.shell"
local smpp = require "smpp"
local status = require "smpp.nodes.status"
local valkey = require "smpp.valkey"

local BINDS, LEASE_S = 2, 2

local FILE = [[
store { "valkey://127.0.0.1:%d", lease_s = %d, node = "%s" }
listen { host = "127.0.0.1", port = %d, accounts = { acme = "secret" } }
carrier "c" { "smpp://me:x@127.0.0.1:%d", binds = %d, reconnect = { fixed_s = 0.2 } }
route { via = "c" }
]]

local function interpreter() return jit and "luajit" or "lua" .. _VERSION:match "%d%.%d" end

local function wait(what, most_s, fn)
  local ends_at = loops.current():now() + most_s
  while not fn() do
    if loops.current():now() > ends_at then error("no " .. what .. " within " .. most_s .. " s", 0) end
    smpp.sleep(0.02)
  end
end

local World = {}
local WORLD = { __index = World }

local function free_port()
  local probe = assert(smpp.server { port = 0 })
  local port = probe.port
  probe:close(0)
  return port
end

--- Runs fn(world) beside an engine and a carrier; all processes are gone at the end.
local function world(fn)
  return async.luv(function()
    local self = setmetatable({ folder = (shell.folder()), nodes = {}, got = {}, most = 0 }, WORLD)
    self.mc = assert(smpp.server { host = "127.0.0.1", port = 0, submit_sm = function(session, pdu)
      self.got[#self.got + 1] = { session = session, text = pdu.short_message }
      local id = tostring(#self.got)
      if pdu.registered_delivery == 1 then
        smpp.spawn(function()
          smpp.sleep(0.02)
          assert(self.mc:deliver("me", { source_addr = pdu.destination_addr, destination_addr = pdu.source_addr, esm_class = 4,
            short_message = "id:" .. id .. " stat:DELIVRD err:000" }))
        end)
      end
      return id
    end, retry_s = 0.2 })
    self.mc:on("error", function() end)
    self.mc:on("session", function() self.most = math.max(self.most, #self.mc.sessions) end)
    self.engine_port = free_port()
    self.engine = shell.must(("unset LD_PRELOAD; redis-server --port %d --bind 127.0.0.1 --save '' --dir %s >/dev/null 2>&1 & echo $!"):format(
      self.engine_port, self.folder)):match "%d+"
    wait("engine", 10, function()
      self.client = valkey.connect(("valkey://127.0.0.1:%d"):format(self.engine_port))
      return self.client
    end)
    local ok, err = smpp.pcall(fn, self)
    self.client:close()
    for name in pairs(self.nodes) do self:signal(name, "KILL") end
    shell.must("kill -9 " .. self.engine)
    self.mc:close(0)
    if not ok then error(("%s\n%s"):format(tostring(err), shell.must(("tail -n 20 %s/*.log"):format(self.folder))), 0) end
    shell.must("rm -r " .. self.folder)
  end, 120)
end

function World:start(name)
  local one = self.nodes[name] or { port = free_port() }
  self.nodes[name] = one
  local path = ("%s/%s.lua"):format(self.folder, name)
  shell.write(path, FILE:format(self.engine_port, LEASE_S, name, one.port, self.mc.port, BINDS))
  one.pid = shell.must(("LUA_PATH=%s LUA_CPATH=%s LUA=%s %s bin/smpp gateway %s >>%s/%s.log 2>&1 & echo $!"):format(shell.quote(package.path),
    shell.quote(package.cpath), interpreter(), interpreter(), path, self.folder, name)):match "%d+"
end

function World:signal(name, signal) shell.must(("kill -%s %s 2>/dev/null; true"):format(signal, self.nodes[name].pid)) end

function World:has_ended(name)
  return shell.must(("grep -s '^State' /proc/%s/status; true"):format(self.nodes[name].pid)):find "^State:%s+[^Z]" == nil
end

--- Waits for so many binds, and that they stay.
function World:bound(count, most_s)
  wait(count .. " binds", most_s, function() return #self.mc.sessions == count end)
end

--- Waits until nodes have a share each, and the carrier their binds.
function World:shared(...)
  local names = { ... }
  wait("shares", 60, function()
    local read, binds = status.read(self.client, "smpp:{gw}:"), {}
    for _, one in ipairs(read and read.nodes or {}) do binds[one.node] = one.state == "live" and one.binds end
    for _, name in ipairs(names) do
      if binds[name] ~= BINDS / #names then return false end
    end
    return #self.mc.sessions == BINDS
  end)
end

local function customer(self, name)
  return assert(smpp.connect { ("smpp://acme:secret@127.0.0.1:%d"):format(self.nodes[name].port), wait = true, retry = false, reconnect = { fixed_s = 0.1 } })
end

local function submit(esme, text, wants_receipt)
  local response, message, code = esme:submit_sm({ source_addr = "1", destination_addr = "491", short_message = text,
    registered_delivery = wants_receipt and 1 or 0 }, 20)
  return response and response.message_id, code or message
end

describe("nodes as processes", function()
  setup(function() shell.need "redis-server" end)

  it("hand over binds at kill -9 and SIGTERM, and take them back", world(function(self)
    self:start "a"
    self:bound(BINDS, 20)
    self:start "b"
    self:shared("a", "b")
    local a = customer(self, "a")
    assert.is_truthy(submit(a, "one"))
    self:signal("b", "KILL")
    wait("end of binds", 5, function() return #self.mc.sessions < BINDS end)
    assert.equal(BINDS / 2, #self.mc.sessions)
    self:bound(BINDS, LEASE_S + 5)
    self:start "b" -- the same name
    self:shared("a", "b")
    local since = self.mc.loop:now()
    self:signal("b", "TERM")
    wait("end of b", 10, function() return self:has_ended "b" end)
    self:bound(BINDS, 3)
    assert.is_true(self.mc.loop:now() - since < 8)
    assert.is_truthy(submit(a, "two"))
    wait("two messages", 10, function() return #self.got == 2 end)
    assert.equal(BINDS, self.most)
    a:close()
  end))

  it("restart one after the other without an error answer to a customer with a bind at each", world(function(self)
    self:start "a"
    self:start "b"
    self:bound(BINDS, 60)
    local hosts = {}
    for i, name in ipairs { "a", "b" } do hosts[i] = "127.0.0.1:" .. self.nodes[name].port end
    local receipts = {}
    local function receipt(pdu)
      local id = pdu.short_message:match "id:(%S+)"
      receipts[id] = (receipts[id] or 0) + 1
      return true
    end
    local pool = assert(smpp.pool { deliver_sm = receipt, hosts = hosts, binds = 2, system_id = "acme", password = "secret", wait = true, retry = false, reconnect = { fixed_s = 0.1 } })
    local function is_whole() return pool:stats().bound == 2 end
    wait("two binds", 60, is_whole)
    local running, answered, ids, wrong, busy = true, 0, {}, {}, 5
    for i = 1, busy do
      smpp.spawn(function()
        for n = 1, math.huge do
          if not running then break end
          local id, why = submit(pool, ("m%d.%d"):format(i, n), true)
          if id then answered, ids[id] = answered + 1, true else wrong[#wrong + 1] = why end
          smpp.sleep(0.01)
        end
        busy = busy - 1
      end)
    end
    for _, name in ipairs { "a", "b", "a" } do
      local before = answered
      wait("traffic", 60, function() return answered > before + 50 end)
      self:signal(name, "TERM")
      wait("end of " .. name, 60, function() return self:has_ended(name) end)
      before = answered
      wait("traffic beside it", 60, function() return answered > before + 50 end)
      self:start(name)
      wait("two binds", 60, is_whole)
      self:bound(BINDS, 60)
    end
    running = false
    wait("the last answers", 60, function() return busy == 0 end)
    assert.same({}, wrong)
    wait("all messages", 60, function() return #self.got >= answered end)
    local times = {}
    for _, one in ipairs(self.got) do
      assert.is_nil(times[one.text], one.text)
      times[one.text] = true
    end
    assert.equal(answered, #self.got)
    assert.equal(BINDS, self.most)
    for id in pairs(ids) do
      wait("a receipt", 60, function() return receipts[id] end)
      assert.equal(1, receipts[id])
    end
    pool:close()
  end))

  it("send nothing after they stood still: their binds are closed first", world(function(self)
    self:start "a"
    self:bound(BINDS, 20)
    self:start "b"
    self:shared("a", "b")
    local a, b = customer(self, "a"), customer(self, "b")
    for i = 1, 4 do assert.is_truthy(submit(i % 2 == 0 and a or b, "m" .. i)) end
    wait("four messages", 10, function() return #self.got == 4 end)
    local old = {}
    for _, session in ipairs(self.mc.sessions) do old[session] = true end
    self:signal("b", "STOP")
    local late
    smpp.spawn(function() late = { submit(b, "late") } end) -- it lies in b's socket
    wait("binds of a beside the old ones", LEASE_S + 8, function() return #self.mc.sessions == BINDS + BINDS / 2 end)
    local count, since = #self.got, self.mc.loop:now()
    self:signal("b", "CONT")
    wait("end of the old binds", 5, function() return #self.mc.sessions <= BINDS end)
    assert.is_true(self.mc.loop:now() - since < 1.5, self.mc.loop:now() - since)
    local of_b = {}
    for session in pairs(old) do of_b[session] = session:is_over() end
    wait("an answer", 25, function() return late end)
    self:shared("a", "b")
    for i = count + 1, #self.got do assert.is_falsy(of_b[self.got[i].session], self.got[i].text) end
    assert.is_truthy(submit(b, "again") or true)
    a:close()
    b:close()
  end))
end)
