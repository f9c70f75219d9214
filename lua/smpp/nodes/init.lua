--- Several nodes on one engine: who lives, who holds which bind of a carrier, and what is counted over all of them.  It knows no messages.
---
--- A node writes a beat; who sees the same beat for lease_s + 1 s on its own clock takes it for dead.  A life of a node is a run, 128 random bits:
--- whoever stood still for too long finds that his run has ended, gives up all that he had, and begins another.
local checks = require "smpp.nodes.checks"
local binds = require "smpp.nodes.binds"
local configuration = require "smpp.nodes.configuration"
local engines = require "smpp.nodes.engine"
local events = require "smpp.base.events"
local figures = require "smpp.nodes.figures"
local grants = require "smpp.nodes.grants"
local learners = require "smpp.nodes.learner"
local leases = require "smpp.nodes.leases"
local options = require "smpp.nodes.options"
local others = require "smpp.nodes.others"
local process = require "smpp.nodes.process"
local rooms = require "smpp.nodes.room"
local schema = require "smpp.base.schema"
local scripts = require "smpp.nodes.scripts"
local task = require "smpp.base.task"

---@class smpp.Nodes
---@field name string
---@field run string?     this life; nil: none yet
---@field state "joining"|"live"|"draining"|"closed"
---@field lease_s number
local Nodes = {}
local mt = { __index = Nodes, __name = "smpp.Nodes" }

events.mixin(Nodes, {
  "life", "died", "joined", "left", "dead", "orphans", "away", "back", "engine", "failover", "differs", "refused", "lease", "drain", "room", "error",
})

function mt:__tostring() return ("node %s %s"):format(self.name, self.state) end

local nodes = {
  schema = options.schema, of_url = options.of_url, check = checks.run, configuration = configuration.of,
  differences = configuration.differences, FORMAT = scripts.FORMAT,
}

local HOLD, CLOSE = 0.7, 0.1 -- of lease_s: a lease after its last renewal; its end after that.  With clocks that differ by 0.001 together < 1

local function random_hex(loop, octets)
  return (loop:random_octets(octets):gsub(".", function(octet) return ("%02x"):format(octet:byte()) end))
end

--- Joins the nodes of an engine; it goes on by itself, also where the engine is away.
---@param client smpp.ValkeyClient  made with wait = true; the caller closes it
---@param o { name: string, prefix: string?, lease_s: number?, durable: string?, max_waiting_octets: integer?,
---  version: string?, address: string?, config: smpp.NodeConfiguration?,
---  loop: smpp.Loop?, process: string?, has_ended: (fun(process: string): boolean)? }
---@return smpp.Nodes
function nodes.open(client, o)
  o = schema.merge({ prefix = "smpp", lease_s = 10, durable = "engine", max_waiting_octets = 0, version = "", address = "" }, o)
  local loop = o.loop or client.loop
  local self = setmetatable({
    client = client, loop = loop, name = o.name, place = o.prefix .. ":{gw}:", lease_s = o.lease_s, durable = o.durable,
    config = o.config or { hash = "", parts = {} },
    version = o.version, address = o.address, process = o.process or process.own(), has_ended = o.has_ended or process.has_ended,
    hold_s = HOLD * o.lease_s, close_s = math.min(1, CLOSE * o.lease_s),
    run = nil, state = "joining", beat = 0,
    sent_at = -math.huge,              -- when the last confirmed beat was sent
    gone = {},                         -- run -> true: lives that have certainly ended, so that their slots may be taken at once
    all_leases = {}, waiting = {},     -- by carrier; what waits for the end of one
    fence = 0,                         -- the highest seen
    clock_ahead_s = nil,               -- the engine's
    past = nil, first_try_at = nil, refusal = nil,
    busy = false,                      -- a call of the beat is under way
    timers = {}, listeners = {},
  }, mt)
  self.others, self.bind_counts = others.new(self), binds.new(self)
  self.room = rooms.new(client, loop, self.place, o.max_waiting_octets, function(what, why) self:emit("room", what, why) end)
  self.timer = loop:timer(function() self:tick() end, true)
  self.engine = engines.new(client, loop, o.lease_s, {
    connected = function() self:tick() end,
    emit = function(...) self:emit(...) end,
    frozen = function() self:froze() end,
  }, o.name)
  client:subscribe(self.place .. "leases", function(carrier)
    if self.all_leases[carrier] then self.all_leases[carrier]:ask() end
  end)
  client:subscribe(self.place .. "nodes", function() self:tick() end)
  figures.opened(self)
  self.engine:start()
  return self
end

--- Calls fn in `delay_s` seconds, unless this is closed before.
---@param delay_s number
---@param fn fun()
function Nodes:later(delay_s, fn)
  local timer
  timer = self.loop:timer(function()
    timer:close()
    self.timers[timer] = nil
    fn()
  end)
  self.timers[timer] = true
  timer:start(delay_s)
end

-- ---- the engine ----

--- Another engine, or this one after a restart: what was seen is old.
---@private
function Nodes:froze()
  self.others.seen:forget()
  for _, list in pairs(self.all_leases) do list.there.seen:forget() end
  self:later(self.lease_s, function()
    for _, list in pairs(self.all_leases) do list:ask() end
  end)
end

--- Can this life ask the engine?
---@return boolean
function Nodes:can_ask() return self.run ~= nil and self.engine:can_ask() end

--- Runs a script, with words in a row.
---@param script smpp.ValkeyScript
---@param done fun(reply: any, message: string?, code: string?)
---@param ... string|number
function Nodes:ask(script, done, ...)
  local words = { 1, self.place, ... }
  self.engine:run(script, words, #words, done)
end

-- ---- the beat ----

--- Once every lease_s/5, and whenever something has changed.
---@private
function Nodes:tick()
  if self.state == "closed" then return end
  self.timer:start(self.lease_s / 5)
  if self.client.state ~= "ready" or self.busy then return end
  self.busy = true
  if not self.engine.is_known then return self:look() end
  if not self.run then return self:join() end
  self:send_beat()
  for _, list in pairs(self.all_leases) do list:ask() end
end

---@private
function Nodes:look()
  self.engine:look(function(ok, message, code)
    self.busy = false
    if not ok then return self:failed(message, code) end
    if self.run then self.bind_counts:again() end
    self:tick()
  end)
end

---@private
function Nodes:join()
  local run, sent_at = random_hex(self.loop, 16), self.loop:now()
  local past = self.past or { run = "", beat = "" }
  self.first_try_at = self.first_try_at or sent_at
  self:ask(scripts.join, function(reply, message, code)
    self.busy = false
    if not reply then return self:failed(message, code) end
    if reply[1] == "joined" then return self:begin(run, sent_at, past.run) end
    if reply[1] == "other" then return self:meet(reply[2], reply[3], reply[4]) end
    if reply[1] == "format" then
      return self:refuse(("the engine has format %s, this program %d"):format(reply[2], scripts.FORMAT), "format")
    end
    self:refuse(("%s: the other nodes have %s"):format(reply[2], reply[3]), "settings")
  end, self.name, run, scripts.FORMAT, random_hex(self.loop, 8), self.lease_s, self.durable, past.run, past.beat,
    "version", self.version, "address", self.address, "config", self.config.hash, "process", self.process, "state", "live",
    "started", ("%.0f"):format(self.loop:time()))
end

--- The engine refuses what is asked: where that does not pass by itself, it is told.
---@private
function Nodes:failed(message, code)
  if not engines.passes(code) then self:refuse(message, "engine") end
end

--- It cannot join, now.
---@private
function Nodes:refuse(why, code)
  if self.refusal == why then return end
  self.refusal = why
  self:emit("refused", why, code)
end

--- There is a record of this name: of a life before, which is dead or will be seen so, or of another node.
---@private
function Nodes:meet(run, beat, its_process)
  local now = self.loop:now()
  local seen = self.others.seen
  seen:note(self.name, run .. " " .. beat, now)
  local has_ended = its_process ~= "" and self.has_ended(its_process)
  if has_ended or seen:is_dead(self.name, now) then
    self.past = { run = run, beat = beat }
    if has_ended then self.gone[run] = true end
    return self:tick()
  end
  for _, list in pairs(self.all_leases) do list:look() end
  if now - self.first_try_at >= self.lease_s and seen:age_s(self.name, now) < self.lease_s then
    self:refuse("another live node of this name", "duplicate")
  end
end

---@private
function Nodes:begin(run, sent_at, past)
  self.run, self.beat, self.sent_at, self.past, self.first_try_at, self.refusal = run, 0, sent_at, nil, nil, nil
  self.state = "live"
  self.others.names[run] = self.name
  if past ~= "" then self.others.names[past] = self.name end
  self.others.seen:note(self.name, nil, self.loop:now())
  self.others:put_configuration()
  self:emit("life", run)
  self.bind_counts:again()
  self:tick()
end

--- The engine does not know this run: it was taken for dead, or the engine has lost it.
---@param why string
function Nodes:died(why)
  local run = self.run
  if not run then return end
  for _, list in pairs(self.all_leases) do list:lose_all(why) end
  self.run, self.gone[run] = nil, true
  if self.state == "live" then self.state = "joining" end
  self:emit("died", why)
  self:tick()
end

---@private
function Nodes:send_beat()
  local run, sent_at = self.run, self.loop:now()
  local is_certain = self.others.is_known and not self.engine:is_frozen(sent_at) -- that this is the right engine
  self.beat = self.beat + 1
  self:ask(scripts.beat, function(reply)
    self.busy = false
    if not reply or self.run ~= run then return end
    if reply[1] == "dead" then return self:died "this run has ended in the engine" end
    self.sent_at = sent_at
    self.clock_ahead_s = tonumber(reply[3]) - self.loop:time()
    self:saw_fence(tonumber(reply[4]))
    self.engine:compare(reply[2])
    local orphans, first = {}, not self.others.is_known
    for _, one in ipairs(reply[5]) do
      if one ~= self.run then orphans[#orphans + 1] = one end
    end
    local own = self.others:read(reply[6])
    if own and own.drain == "1" and self.state == "live" then
      self:drain()
      self:emit "drain"
    end
    if first then
      for _, list in pairs(self.all_leases) do list:ask() end
    end
    if orphans[1] then self:emit("orphans", orphans) end
  end, self.name, run, self.beat, self.state, self.config.hash, is_certain and self.engine.id or "")
end

--- A higher fence than all before.
---@private
function Nodes:saw_fence(fence) if fence and fence > self.fence then self.fence = fence end end

-- ---- questions ----

--- May work be taken?  A node whose last confirmed beat was sent too long ago may be taken for dead.
---@param now number
---@return boolean
function Nodes:is_alive(now) return self.run ~= nil and now < self.sent_at + self.hold_s end

--- Is this the run of a node that lives, and is not about to leave?
---@param run string
---@return boolean
function Nodes:is_run_live(run) return run == self.run or self.others:is_live(run) end

--- All nodes, by name.
---@return table[]  as smpp.OtherNodes.list
function Nodes:nodes() return self.others:list() end

--- The smallest of a number over the configurations of the live nodes.
---@param part string   "carrier a: rate_per_s"
---@param own number?   of this node
---@return number?
function Nodes:least(part, own) return self.others:least(part, own) end

--- Sets the configuration, after a reload.
---@param config smpp.NodeConfiguration
function Nodes:set_configuration(config)
  self.config = config
  if self.run then self.others:put_configuration() end
  self.others:compare_configurations()
end

-- ---- what is shared ----

--- The binds of a carrier as leases, from now on.
---@param carrier string
---@param o smpp.LeaseCallbacks | { binds: integer }
---@return smpp.Leases
function Nodes:leases(carrier, o)
  if self.all_leases[carrier] then error(("leases of carrier '%s': they are there already"):format(carrier), 2) end
  local list = leases.new(self, carrier, o)
  self.all_leases[carrier] = list
  if self.others.is_known then list:ask() end
  return list
end

--- Calls fn when there are no leases of this carrier: at once, or when those that are being given back are.
---@param carrier string
---@param fn fun()
function Nodes:when_free(carrier, fn)
  local list = self.all_leases[carrier]
  if not list then return fn() end
  local waiting = self.waiting[list] or {}
  self.waiting[list] = waiting
  waiting[#waiting + 1] = fn
end

---@private
function Nodes:forget_leases(list)
  if self.all_leases[list.carrier] == list then self.all_leases[list.carrier] = nil end
  local waiting = self.waiting[list] or {}
  self.waiting[list] = nil
  if self.state == "closed" then return end
  for _, fn in ipairs(waiting) do fn() end
end

--- Counts binds of a customer over all nodes.
---@param account string
---@param count integer  how many this node has, with the one in question
---@param most integer?  over all nodes
---@param done fun(ok: boolean)  false: too many
function Nodes:count_binds(account, count, most, done) self.bind_counts:set(account, count, most, done) end

--- Binds of a customer over all nodes.
---@async
---@param account string
---@return integer? count  nil: the engine does not say
function Nodes:bound(account)
  local token, key = task.need(), {}
  self.bind_counts:read(account, function(count) task.wake_for(token, key, count) end)
  return (task.wait(key))
end

--- A rate over all nodes.
---@param key string        what it is of: "account:acme"
---@param rate_per_s number
---@param part string?  of configurations: "account acme: rate_per_s"
---@param burst number?
---@return smpp.Grants
function Nodes:grants(key, rate_per_s, part, burst) return grants.new(self, key, rate_per_s, part, burst) end

--- A rate over all nodes that they learn.
---@param key string
---@param o { min: number, max: number?, start: number? }
---@return smpp.Grants
---@return smpp.RateLearner
function Nodes:learned_grants(key, o)
  local learner = learners.new(self.loop, o)
  return grants.new(self, key, learner:start(), nil, nil, learner), learner
end

--- The work of a run that has ended is taken over.
---@param run string
function Nodes:settled(run)
  self.engine:command(nil, "SREM", self.place .. "orphans", run)
end

-- ---- the end ----

--- Takes nothing new: all leases are given back, drained.
---@param done? fun()
function Nodes:drain(done)
  if self.state ~= "closed" then self.state = "draining" end
  local left = 1
  local function finish()
    left = left - 1
    if left == 0 and done then done() end
  end
  local list = {}
  for _, one in pairs(self.all_leases) do list[#list + 1] = one end
  for _, one in ipairs(list) do
    left = left + 1
    one:stop(finish)
  end
  finish()
  self:tick()
end

--- Leaves, after `drain`: others learn it at once.
---@param done? fun()
function Nodes:leave(done)
  local function finish()
    self:close()
    if done then done() end
  end
  if not self:can_ask() then return finish() end
  self:ask(scripts.leave, finish, self.name, self.run)
end

--- Ends without a word to the engine: the others take this node for dead.
function Nodes:close()
  if self.state == "closed" then return end
  self.state = "closed"
  self.client:unsubscribe(self.place .. "leases")
  self.client:unsubscribe(self.place .. "nodes")
  local list = {}
  for _, one in pairs(self.all_leases) do list[#list + 1] = one end
  for _, one in ipairs(list) do one:close() end
  self.timer:close()
  self.room:close()
  self.engine:close()
  figures.closed(self)
  for timer in pairs(self.timers) do timer:close() end
end

return nodes
