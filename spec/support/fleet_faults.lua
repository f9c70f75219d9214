--- What can go wrong with the nodes of spec.support.fleet, and when: at a time, or at a moment that matters, such as between the commit of a
--- message in the engine and its answer.
local models = require "spec.support.valkey_model"
local node_scripts = require "smpp.nodes.scripts"
local queues = require "smpp.store.valkey_queues"
local smpp = require "smpp"
local store_scripts = require "smpp.store.valkey_scripts"

local fleet_faults = {}

local ENGINE_PORT = 6379
local KEYS = "smpp:{gw}:"

-- Moments at the engine, by the script that a node has asked for; with `lost` it is not run.
local MOMENT_OF = {
  [store_scripts.shared_commit.text] = "commit", [store_scripts.finish.text] = "finish", [queues.scripts.take.text] = "take",
  [queues.scripts.bury.text] = "bury", [node_scripts.lease.text] = "lease", [node_scripts.beat.text] = "beat",
}
-- Those at a carrier: it has got a submit_sm, and has not answered it; and of both that may be lost.
fleet_faults.MOMENTS = { "commit", "finish", "take", "bury", "lease", "beat", "submit" }

local faults = {}

local function free(self, i)
  local one = self.nodes[i]
  return one and not one.busy and one
end

local FOUND_S = 5 -- after which nodes have found an engine that is back

--- A fault begins or ends: from now on, or later, nothing that takes time can be expected.
local function disturbed(self, for_s) self.disturbed_at = math.max(self.disturbed_at, self.loop:now() + (for_s or 0)) end

--- Ends what was begun by a fault, later, or at once where the plan ends first.
local function after(self, seconds, fn)
  self.pending = self.pending + 1
  smpp.spawn(function()
    smpp.sleep(seconds)
    fn()
    self.pending = self.pending - 1
    disturbed(self)
  end)
end

--- A node is as it should not be, for some time.
local function trouble(self, one, seconds, fn)
  one.busy, self.troubles = true, self.troubles + 1
  after(self, seconds, function()
    one.busy, self.troubles = false, self.troubles - 1
    fn()
  end)
end

--- kill -9.
function faults.crash(self, item)
  if not free(self, item.node) then return end
  self:kill(item.node)
  after(self, item.for_s, function() self:start(item.node, item.other and ("abc"):sub(item.node, item.node) .. self.loop.serial or nil) end)
end

--- SIGTERM.
function faults.leave(self, item)
  local one = free(self, item.node)
  if not one then return end
  trouble(self, one, 0, function()
    one.busy = true
    one.gateway:close()
    one.process:kill()
    self.nodes[item.node] = nil
    smpp.sleep(item.for_s)
    self:start(item.node)
  end)
end

local function stop(is_suspended)
  return function(self, item)
    local one = free(self, item.node)
    if not one then return end
    one.process:stop(is_suspended)
    trouble(self, one, item.for_s, function() one.process:go_on(self.random) end)
  end
end
faults.pause, faults.suspend = stop(false), stop(true)

local function cut(what)
  return function(self, item)
    local one = free(self, item.node)
    if not one then return end
    one.process:cut_off(what)
    trouble(self, one, item.for_s, function()
      one.whole_at = self.loop:now()
      one.process:cut_off(false)
    end)
  end
end
faults.cut_from_engine, faults.cut_off = cut(ENGINE_PORT), cut(true)

--- kill -9 of the engine, that has every octet on its disk.
function faults.engine(self, item)
  if self.engine.is_down then return end
  local old = self.engine
  old.is_down, self.troubles = true, self.troubles + 1
  old.close()
  after(self, item.for_s, function()
    self.troubles = self.troubles - 1
    fleet_faults.open_engine(self, old.data, old.clock_ahead_s)
  end)
end

--- Leases as they were some time ago; none, where that is too long ago.
local function restore_leases(self, data, ago_s)
  local till, rows = self.loop:now() - ago_s, nil
  for _, item in ipairs(self.lease_log) do
    if item.at <= till then rows = item.rows end
  end
  for key in pairs(data) do
    if key:find(KEYS .. "lease:", 1, true) == 1 then data[key] = nil end
  end
  for key, hash in pairs(rows or {}) do data[key] = hash end
end

--- A replica takes the engine's place: it has all messages, or, where answers wait for it, what it has got; and perhaps leases of some time ago.
function faults.failover(self, item)
  if self.engine.is_down then return end
  local old = self.engine
  old.is_down = true
  old.close()
  local data = self.replica and old.promote(self.replica) or old.copy()
  if item.other then restore_leases(self, data, item.for_s > 6 and math.huge or item.for_s / 4) end
  fleet_faults.open_engine(self, data, old.clock_ahead_s)
end

--- As this hash, without what is of a run.
local function without(hash, is_its)
  local copy = { kind = hash.kind, count = 0, fields = {} }
  for field, value in pairs(hash.fields) do
    if not is_its(field, value) then copy.fields[field], copy.count = value, copy.count + 1 end
  end
  return copy.count > 0 and copy or nil
end

--- A replica takes the engine's place that lacks the last writes: those by which a node has got its leases.  The node does not reach it for some
--- time, and holds what nobody else knows of.
function faults.behind(self, item)
  local one = free(self, item.node)
  local run = one and one.gateway.nodes and one.gateway.nodes.run
  if self.engine.is_down or not run then return end
  one.process:cut_off(ENGINE_PORT)
  trouble(self, one, item.for_s / 4, function() one.process:cut_off(false) end)
  local old = self.engine
  old.is_down = true
  old.close()
  local data = self.replica and old.promote(self.replica) or old.copy()
  for key, hash in pairs(data) do
    if key:find(KEYS .. "lease:", 1, true) == 1 then
      data[key] = without(hash, function(_, row) return row:find(run .. " ", 1, true) == 1 end)
    elseif key:find(KEYS .. "want:", 1, true) == 1 then
      data[key] = without(hash, function(its) return its == run end)
    end
  end
  fleet_faults.open_engine(self, data, old.clock_ahead_s)
end

--- The replica gets nothing for some time, or late; nothing is accepted meanwhile.
function faults.replica(self, item)
  local replica = self.replica
  if not replica then return end
  if item.other then
    replica.lag_s = item.for_s / 20
    return
  end
  replica.is_stopped, self.troubles = true, self.troubles + 1
  after(self, item.for_s, function() replica.is_stopped, self.troubles = false, self.troubles - 1 end)
end

function faults.clock(self, item)
  self.engine.clock_ahead_s = self.engine.clock_ahead_s + (item.other and -1 or 1) * item.for_s
  self.most_ahead_s = math.max(self.most_ahead_s, self.engine.clock_ahead_s)
end

function faults.carrier(self, item)
  for _, session in ipairs(self.carriers[item.node % 2 + 1].server.connections:list()) do session:reset "broken" end
end

--- A connection ends, and nothing else: for moments.
function faults.reply() end

--- Commands, or their replies, are lost now and then.
function faults.answers(self, item)
  self.loses, self.troubles = true, self.troubles + 1
  after(self, item.for_s, function() self.loses, self.troubles = false, self.troubles - 1 end)
end

fleet_faults.NAMES = {
  "crash", "crash", "leave", "pause", "suspend", "cut_from_engine", "cut_from_engine", "cut_off", "engine", "failover", "behind", "replica", "clock", "carrier",
  "answers",
}

--- A fault happens now.
local function strike(self, item)
  self.may_forget = true
  disturbed(self)
  faults[item.what](self, item)
  disturbed(self)
end

--- A fault of a plan: now, or at its moment.
---@param self table  the fleet
---@param item table  { what, node, for_s, other; moment, lost (true or "reply"), skip }
function fleet_faults.begin(self, item)
  if not item.moment then return strike(self, item) end
  table.insert(self.armed, item)
end

--- A moment of a node.
---@param self table
---@param name string
---@param port integer  of its connection
---@return boolean|"reply"|nil lost  what it asks for shall not happen; "reply": only its reply is lost
function fleet_faults.moment(self, name, port)
  local one = self:node_of(port)
  for i, item in ipairs(self.armed) do
    if one and item.moment == name and item.node == one.i then
      item.skip = item.skip - 1
      if item.skip > 0 then return end
      table.remove(self.armed, i)
      self.loop:defer(function() strike(self, item) end) -- before any answer of this turn can arrive
      return item.lost
    end
  end
end

local function note_leases(self)
  local rows = {}
  for key, hash in pairs(self.engine.data) do
    if key:find(KEYS .. "lease:", 1, true) == 1 then
      local copy = { kind = hash.kind, count = hash.count, fields = {} }
      for field, value in pairs(hash.fields) do copy.fields[field] = value end
      rows[key] = copy
    end
  end
  local log = self.lease_log
  log[#log + 1] = { at = self.loop:now(), rows = rows }
  if #log > 60 then table.remove(log, 1) end
end

--- An engine that begins, or takes another's place.
---@param self table
---@param data table
---@param clock_ahead_s number?
function fleet_faults.open_engine(self, data, clock_ahead_s)
  self.engines = self.engines + 1
  self.engine = models.new(self.loop, {
    data = data, info = { run_id = "run-" .. self.engines, master_replid = "replid-" .. self.engines },
    fate = function(_, transport, script)
      local moment = MOMENT_OF[script]
      if moment == "lease" then note_leases(self) end
      local lost = moment and fleet_faults.moment(self, moment, transport.peer.port)
      if lost then return lost == "reply" and "unanswered" or "lost" end
      local dice = self.loses and self.random(10)
      return dice == 1 and "lost" or dice == 2 and "unanswered" or nil
    end,
  })
  self.engine.clock_ahead_s = clock_ahead_s or 0
  disturbed(self, FOUND_S)
  self.replica = self.plan.durable and self.engine.replicate(0.01) or nil
end

return fleet_faults
