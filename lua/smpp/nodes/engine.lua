--- The engine as nodes see it: is it there, and is it still the same?  One that has taken another's place, or has started again, may be behind:
--- then nothing is taken for lease_s.
local checks = require "smpp.nodes.checks"
local figures = require "smpp.nodes.figures"
local resp = require "smpp.valkey.resp"

local engines = {}

---@class smpp.NodesEngine
---@field is_known boolean  of this connection it is known which engine it leads to
---@field is_away boolean
---@field id string?        of the engine: run_id and master_replid
local Engine = {}
local mt = { __index = Engine, __name = "smpp.NodesEngine" }

local AWAY_S = 1        -- without a connection: then the engine is away
local REPEAT_S = 60     -- between two reports of that

-- Codes of errors that pass.
local PASSING = {
  connection_lost = true, timeout = true, malformed = true, not_sent = true, closed = true, queue_full = true, LOADING = true, READONLY = true,
  MASTERDOWN = true, BUSY = true, CLUSTERDOWN = true, TRYAGAIN = true, MOVED = true, ASK = true, MISCONF = true,
  NOREPLICAS = true,
}

---@class smpp.NodesEngineOwner  what is told
---@field connected fun()             a connection stands; `look` is next
---@field emit fun(name: string, ...)  "away", "back", "engine", "failover"
---@field frozen fun()                 another engine: rows may be old

---@param client smpp.ValkeyClient
---@param loop smpp.Loop
---@param lease_s number
---@param owner smpp.NodesEngineOwner
---@param name string  of the node, in metrics
---@return smpp.NodesEngine
function engines.new(client, loop, lease_s, owner, name)
  local self = setmetatable({
    client = client, loop = loop, lease_s = lease_s, owner = owner, name = name,
    id = nil, is_known = false, address = nil,
    frozen_until = -math.huge,
    away_at = nil, is_away = false, why = nil,
    closed = false,
  }, mt)
  self.timer = loop:timer(function() self:tell_away() end)
  client:on("ready", function() self:connected() end)
  client:on("lost", function(why) self:disconnected(why) end)
  client:on("failed", function(why) self:disconnected(why) end)
  return self
end

--- Begins with the connection that there is, or none.
function Engine:start()
  if self.client.state == "ready" then return self:connected() end
  self:disconnected(self.client.failure or "no connection yet")
end

---@private
function Engine:connected()
  if self.closed then return end
  self.is_known = false
  self.owner.connected()
end

---@private
function Engine:disconnected(why)
  if self.closed then return end
  self.is_known, self.why = false, why
  if self.away_at then return end
  self.away_at = self.loop:now()
  self.timer:start(AWAY_S)
end

---@private
function Engine:tell_away()
  self.is_away = true
  self.owner.emit("away", self.why)
  self.timer:start(REPEAT_S)
end

--- It answers.
---@private
function Engine:answers()
  if not self.away_at then return end
  local since, was_away = self.away_at, self.is_away
  self.away_at, self.is_away = nil, false
  self.timer:stop()
  if was_away then self.owner.emit("back", self.loop:now() - since) end
end

--- Reads INFO: it says which engine this is.
---@param done fun(ok: boolean?, message: string?, code: string?)
function Engine:look(done)
  local address = self.client.address
  self.client:send(assert(resp.command({ "INFO" }, 1)), function(text, message, code)
    if self.closed then return end
    if not text then return done(nil, message, code) end
    self:answers()
    local info = checks.info(text)
    local id = ("%s/%s"):format(info.run_id or "", info.master_replid or "")
    if self.id and self.id ~= id then
      self:freeze()
      figures.failovers:add(1, self.name)
      self.owner.emit("failover", self.address, address)
    end
    local is_new = self.id ~= id
    self.id, self.is_known, self.address = id, true, address
    if is_new then self.owner.emit("engine", self.address, (checks.version(info))) end
    done(true)
  end)
end

--- What others know as the engine; it may not be this one, in a life that began after a failover.
---@param id string  "": they know none
function Engine:compare(id)
  if id ~= "" and id ~= self.id and not self:is_frozen(self.loop:now()) then self:freeze() end
end

---@private
function Engine:freeze()
  self.frozen_until = self.loop:now() + self.lease_s
  self.owner.frozen()
end

--- Takes nothing from others, nor what seems to be free.
---@param now number
---@return boolean
function Engine:is_frozen(now) return now < self.frozen_until end

--- May anything be sent?  Never into a queue: another engine could get it.
---@return boolean
function Engine:can_ask() return self.is_known and self.client.state == "ready" end

local NOT_QUEUED = 0 -- the time until which a script may wait for a connection, or follow its slot to another engine

--- Runs a script, whatever it is for; `done(reply)`: nil where there is none.
---@param script smpp.ValkeyScript
---@param words (string|number)[]
---@param count integer
---@param done fun(reply: any, message: string?, code: string?)
function Engine:run(script, words, count, done)
  local began = self.loop:now()
  assert(self.client:run(script, words, count, function(reply, message, code)
    if self.closed then return end
    if reply then
      figures.round_trips:observe(self.loop:now() - began, self.name)
      self:answers()
    else
      figures.errors:add(1, self.name, code or "none")
    end
    done(reply, message, code)
  end, nil, NOT_QUEUED))
end

--- Sends a command; `done(reply)`: nil where there is none.
---@param done fun(reply: any)?
---@param ... string|number
function Engine:command(done, ...)
  local words = { ... }
  self.client:send(assert(resp.command(words, #words)), function(reply)
    if done and not self.closed then done(reply) end
  end)
end

--- Does an error pass by itself?
---@param code string?
---@return boolean
function engines.passes(code) return PASSING[code] or false end

--- Ends it; the client stays.
function Engine:close()
  self.closed = true
  self.timer:close()
end

return engines
