--- A gateway as a process between carriers and a customer of this process: it can be killed, and started again on the same store.
--- What was answered, taken, delivered and acknowledged is counted by message, so that nothing can be lost unseen.
local shell = require "spec.support.shell"
local smpp = require "smpp"
local stores = require "smpp.store"
local task = require "smpp.base.task"

local process = {}

local START_S = 60   -- for a start, on a busy machine
local STALLED_S = 30 -- without progress: what is missing then is lost

local World = {}
local mt = { __index = World }

local function interpreter() return jit and "luajit" or "lua" .. _VERSION:match "%d%.%d" end

--- A carrier that takes what comes, with a receipt a little later.
local function carrier(self, name)
  local count, server = 0, nil
  server = assert(smpp.server { port = 0, accounts = { me = "x" }, submit_sm = function(session, pdu)
    count = count + 1
    local id, key = ("%s-%d"):format(name, count), pdu.short_message
    if count % 7 == 0 then smpp.sleep(0.05) end
    if not session:is_answerable(pdu) then return end
    self.taken[key] = (self.taken[key] or 0) + 1
    smpp.spawn(function()
      smpp.sleep(0.02)
      assert(server:deliver("me", { source_addr = pdu.destination_addr, destination_addr = pdu.source_addr, esm_class = 4,
        short_message = "id:" .. id .. " stat:DELIVRD err:000" }, { done = function(ok) if ok then self.acked[key] = true end end }))
    end)
    return id
  end, retry_s = 0.2 })
  server:on("error", function() end)
  return server
end

--- Makes carriers "a" and "b", a folder for the store, and the file of a gateway; starts nothing.
---@param loop smpp.Loop
---@param o { store: string?, environment: string?, url: string?, nodes: integer?, options: string? }  store: the arguments of the statement in the file;
---  environment: of the gateway, with FOLDER for the folder of the store, SEED for a number that differs from start to start; url: of an engine
---  that is the store of so many nodes; options: more of that store's
function process.new(loop, o)
  local self = setmetatable({
    loop = loop, folder = (shell.folder()), pids = {}, ports = {}, files = {}, customers = {}, starts = 0, url = o.url,
    taken = {}, answered = {}, got = {}, acked = {}, answers = 0, refused = {}, -- by the text of a message; answers with success
    sending = false, sent = 0,
  }, mt)
  self.data = self.folder .. "/data"
  self.environment = (o.environment or ""):gsub("FOLDER", self.data)
  shell.must("mkdir " .. self.data)
  self.carriers = { carrier(self, "a"), carrier(self, "b") }
  for i = 1, o.nodes or 1 do
    local probe = assert(smpp.server { port = 0 })
    self.ports[i], self.files[i] = probe.port, ("%s/gateway%s.lua"):format(self.folder, o.nodes and i or "")
    probe:close(0)
    local store = o.store or o.url and ('"%s", node = "n%d", lease_s = 2%s'):format(o.url, i, o.options or "") or '"data/gateway.db"'
    shell.write(self.files[i], ([[
      store { %s }
      listen { port = %d, accounts = { acme = "secret" } }
      carrier "a" { "smpp://me:x@127.0.0.1:%d", window = 20, reconnect = { fixed_s = 0.1 } }
      carrier "b" { "smpp://me:x@127.0.0.1:%d", window = 20, reconnect = { fixed_s = 0.1 } }
      route { via = balance { "a", "b" } }
    ]]):format(store, self.ports[i], self.carriers[1].port, self.carriers[2].port))
  end
  return self
end

--- Starts the gateway, or one of its nodes.
---@param i integer?
function World:start(i)
  i = i or 1
  self.starts = self.starts + 1
  self.pids[i] = shell.must(("LUA_PATH=%s LUA_CPATH=%s LUA=%s %s %s bin/smpp gateway %s >>%s/log 2>&1 & echo $!"):format(
    shell.quote(package.path), shell.quote(package.cpath), interpreter(), (self.environment:gsub("SEED", self.starts)), interpreter(), self.files[i], self.folder)):match "%d+"
end

--- kill -9; returns when the process is gone.
---@param i integer?  of a node
function World:kill(i)
  shell.kill(self.pids[i or 1])
  self.pids[i or 1] = nil
end

--- SIGTERM; returns when the process is gone.
---@param i integer
function World:stop(i)
  local pid = self.pids[i]
  local status = ("/proc/%s/status"):format(pid)
  shell.must("kill " .. pid)
  local since = self.loop:now()
  while select(2, shell.run(("[ -r %s ] && ! grep -q '^State:.Z' %s"):format(status, status))) == 0 do
    if self.loop:now() > since + START_S then error("a node does not end", 0) end
    smpp.sleep(0.05)
  end
  self.pids[i] = nil
end

--- Binds the customer, whose tasks send one message after another until `self.sending` is false.
---@param tasks integer
function World:send(tasks)
  self.sending = true
  for i, port in ipairs(self.customers[1] and {} or self.ports) do
    self.customers[i] = assert(smpp.connect { ("smpp://acme:secret@127.0.0.1:%d"):format(port), wait = true, window = 20, retry = false,
      reconnect = { fixed_s = 0.1 }, queue_limit = 100000, deliver_sm = function(pdu)
        local id = pdu.short_message:match "id:(%S+)"
        self.got[id] = (self.got[id] or 0) + 1
        return true
      end })
    self.customers[i]:on("error", function() end)
  end
  for n = 1, tasks do
    local customer = self.customers[n % #self.customers + 1]
    smpp.spawn(function()
      while self.sending do
        self.sent = self.sent + 1
        local key = "m" .. self.sent
        local response, _, code = customer:submit_sm {
          source_addr = "1", destination_addr = "49" .. self.sent, short_message = key, registered_delivery = 1,
        }
        if response then
          self.answered[key], self.answers = response.message_id, self.answers + 1
        else
          self.refused[code] = (self.refused[code] or 0) + 1
          smpp.sleep(0.02)
        end
      end
    end)
  end
end

--- Waits until so many more are answered with success.
function World:wait(n)
  local before, since = self.answers, self.loop:now()
  while self.answers < before + n and self.loop:now() < since + START_S do smpp.sleep(0.02) end
  if self.answers < before + n then
    error(("%d answers in %d s after start %d: %s"):format(self.answers - before, START_S, self.starts, shell.must(("tail -3 %s/log"):format(self.folder))), 0)
  end
end

--- What was answered and has not reached a carrier, or has no receipt, in words.
local function missing(self)
  local list = {}
  for key, id in pairs(self.answered) do
    if not self.taken[key] or not self.got[id] then
      list[#list + 1] = ("%s %s: taken %d times, %d receipts, carrier's receipt %s"):format(key, id, self.taken[key] or 0, self.got[id] or 0,
        self.acked[key] and "acknowledged" or "not acknowledged")
    end
  end
  table.sort(list)
  return list
end

--- Stops sending, waits as long as there is progress, and checks that nothing is missing, and that the store names what was sent twice.
---@return integer doubles
function World:check()
  self.sending = false
  local list, fewest, since
  repeat
    smpp.sleep(0.5)
    list = missing(self)
    if not fewest or #list < fewest then fewest, since = #list, self.loop:now() end
  until #list == 0 or self.loop:now() > since + STALLED_S
  for i in pairs(self.pids) do self:kill(i) end
  local doubles, twice, by_id = 0, {}, {}
  for key, id in pairs(self.answered) do by_id[id] = key end -- a final message in an engine has no text any more
  local store = assert(stores.open(self.url or "sqlite:" .. self.data .. "/gateway.db"))
  assert(stores.walk(store, { kind = "message", limit = 1000 }, function(record)
    if record.maybe_twice then twice[record.octets and assert(smpp.decode(record.octets)).short_message or by_id[record.id] or ""] = true end
  end))
  store:close()
  local unnamed
  for key, times in pairs(self.taken) do
    if times > 1 then
      doubles = doubles + 1
      if not twice[key] and self.answered[key] then unnamed = key end
    end
  end
  local failed = shell.must(("cat %s/log"):format(self.folder)):match "[^\n]*event=failed[^\n]*"
  self:close()
  if #list > 0 then
    error(("%d of %d are missing after %d s without progress, the first: %s"):format(#list, self.answers, STALLED_S,
      table.concat(list, "; ", 1, math.min(3, #list))), 0)
  end
  if unnamed then error(unnamed .. " was sent twice, and the store does not say so", 0) end
  if failed then error(failed, 0) end
  return doubles
end

--- Ends all; removes the folder.
function World:close()
  if self.closed then return end
  self.sending, self.closed = false, true
  for _, pid in pairs(self.pids) do shell.run("kill -9 " .. pid) end
  for _, one in ipairs(self.customers) do one:close(0) end
  for _, one in ipairs(self.carriers) do one:close(0) end
  shell.must("rm -r " .. self.folder)
end

--- Runs fn(world), and closes it.
---@param loop smpp.Loop
---@param o table  of `new`
---@param fn fun(world: table)
function process.run(loop, o, fn)
  local self = process.new(loop, o)
  local ok, err = task.pcall(fn, self)
  self:close()
  if not ok then error(err, 0) end
end

return process
