--- Room in the engine: new messages are refused from 90 % of its memory, or of max_waiting_octets, on, so that what was accepted can be finished.
--- They are taken again below 85 %.
local checks = require "smpp.nodes.checks"
local resp = require "smpp.valkey.resp"

local rooms = {}

---@class smpp.NodesRoom
---@field waiting integer  messages that are not final
---@field octets integer   theirs, and of what waits for customers
---@field why string?      why no new messages are taken
local Room = {}
local mt = { __index = Room, __name = "smpp.NodesRoom" }

local FULL, FREE = 0.90, 0.85
local LOOK_S = 1     -- between two looks
local REPEAT_S = 60  -- between two reports of a policy that would drop messages

---@param client smpp.ValkeyClient
---@param loop smpp.Loop
---@param place string       before keys
---@param max_octets integer  0: only the engine's memory counts
---@param tell fun(what: "full"|"free"|"unsafe", why: string)
---@return smpp.NodesRoom
function rooms.new(client, loop, place, max_octets, tell)
  local self = setmetatable({
    client = client, loop = loop, max_octets = max_octets, tell = tell,
    memory = 0,                -- what share of it is used
    waiting = 0, octets = 0,   -- as of the last look
    added = 0,                 -- octets that this node has added since
    is_looking = false,
    is_full = false, unsafe = nil, told_at = -math.huge, why = nil,
    closed = false,
  }, mt)
  self.count = assert(resp.command({ "HMGET", place .. "meta", "open", "waiting" }, 4))
  self.info = assert(resp.command({ "INFO", "memory" }, 2))
  self.timer = loop:timer(function() self:look() end, true)
  self.timer:start(LOOK_S)
  return self
end

--- Decides anew.
local function decide(self)
  local used, octets = self.memory, self.octets + self.added
  local waiting = self.max_octets > 0 and octets / self.max_octets or 0
  local share = math.max(used, waiting)
  local was_full = self.is_full
  if share >= FULL then self.is_full = true elseif share < FREE then self.is_full = false end
  if self.is_full == was_full then return end
  local why = waiting > used and ("%d octets wait, of %d (max_waiting_octets)"):format(octets, self.max_octets)
    or ("%.0f %% of the engine's memory is used"):format(used * 100)
  self.why = self.is_full and why or nil
  self.tell(self.is_full and "full" or "free", why)
end

--- Memory that counts for maxmemory.
local function read(self, text)
  local info = checks.info(text)
  local used, most = tonumber(info.used_memory) or 0, tonumber(info.maxmemory) or 0
  self.memory = most > 0 and (used - (tonumber(info.mem_not_counted_for_evict) or 0)) / most or 0
  local problem = checks.of_memory(info)
  self.unsafe = problem and problem.message
  if problem and self.loop:now() - self.told_at >= REPEAT_S then
    self.told_at = self.loop:now()
    self.tell("unsafe", problem.message)
  end
end

---@private
function Room:look()
  if self.closed then return end
  self.timer:start(LOOK_S)
  if self.client.state ~= "ready" or self.is_looking then return end
  local before = self.added
  self.is_looking = true
  self.client:send(self.info, function(text)
    if text then read(self, text) end
  end)
  self.client:send(self.count, function(list)
    self.is_looking = false
    if not list or self.closed then return end
    self.waiting, self.octets = tonumber(list[1]) or 0, tonumber(list[2]) or 0
    self.added = self.added - before -- what was added since the question may be counted twice, until the next look
    decide(self)
  end)
end

--- This node adds a message.
---@param octets integer
function Room:add(octets)
  self.added = self.added + octets
  if self.max_octets > 0 and not self.is_full then decide(self) end
end

--- May new messages be taken?  Else the status for the customer.
---@return string? status
function Room:refusal()
  if self.unsafe then return "ESME_RSYSERR" end
  return self.is_full and "ESME_RMSGQFUL" or nil
end

function Room:close()
  self.closed = true
  self.timer:close()
end

return rooms
