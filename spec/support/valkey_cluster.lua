--- A model of a cluster for the virtual loop: engines at 127.0.0.1, 127.0.0.2, …, of which one has the slots that are used.
local engines = require "spec.support.valkey"
local models = require "spec.support.valkey_model"
local slots = require "smpp.valkey.slots"

local cluster = {}

local KEYLESS = {}
for word in ("WAIT WAITAOF INFO PING SUBSCRIBE UNSUBSCRIBE PUBLISH CONFIG COMMAND SCRIPT TIME CLUSTER ASKING"):gmatch "%S+" do KEYLESS[word] = true end

local known = {} -- slots of hash tags and keys

local function slot_of(key)
  local tag = key:match "{(..-)}" or key
  known[tag] = known[tag] or slots.of(key)
  return known[tag]
end

--- Makes it.  { count = 3, tag = "gw", latency_s }: one slot, of this tag, is at `owner`, a number; all others are at the last node.
--- It has `nodes`, each as of spec.support.valkey_model; `is_down`: CLUSTERDOWN; `tells(words, i)`: may be set, and sees each command of a node.
---@param loop smpp.VirtualLoop
---@param o table?
---@return table
function cluster.new(loop, o)
  o = o or {}
  local self = { nodes = {}, owner = 1, to = nil, is_down = false, tells = nil, count = o.count or 3, slot = slots.of(o.tag or "gw") }
  local asking = setmetatable({}, { __mode = "k" })

  local function host(i) return "127.0.0." .. i end

  local function ranges()
    local function range(from, to, i)
      local list = { from, to, { host(i), 6379, "id" .. i } }
      if self.replica and i == self.owner then list[4] = { host(self.replica), 6379, "id" .. self.replica } end
      return list
    end
    return engines.reply { range(0, self.slot - 1, self.count), range(self.slot, self.slot, self.owner), range(self.slot + 1, 16383, self.count) }
  end

  local function refusal(i, words, transport)
    if self.tells then self.tells(words, i) end
    local name, was_asking = words[1], asking[transport]
    asking[transport] = name == "ASKING" or nil
    if name == "ASKING" then return "+OK\r\n" end
    if name == "CLUSTER" then return ranges() end
    if KEYLESS[name] then return nil end
    if self.is_down then return "-CLUSTERDOWN The cluster is down\r\n" end
    local key = (name == "EVAL" or name == "EVALSHA") and words[4] or words[2]
    local slot = slot_of(key)
    local owner = slot == self.slot and self.owner or self.count
    if slot == self.slot and i == self.to and was_asking then return nil end
    if i ~= owner then return ("-MOVED %d %s:6379\r\n"):format(slot, host(owner)) end
    if slot == self.slot and self.to and not self.nodes[i].data[key] then return ("-ASK %d %s:6379\r\n"):format(slot, host(self.to)) end
  end

  for i = 1, self.count do
    self.nodes[i] = models.new(loop, {
      host = host(i), refusal = function(words, transport) return refusal(i, words, transport) end, fate = o.fate,
      info = { run_id = "run-" .. i, master_replid = "replid-" .. i },
    })
    self.nodes[i].info.redis_mode = "cluster"
    table.insert(self.nodes[i].info_names, "redis_mode")
  end

  --- Begins to move the slot: from now on its keys go one by one.
  function self.move(to) self.to = to end

  --- Moves some of the keys.
  function self.move_keys(match)
    local from, to = self.nodes[self.owner].data, self.nodes[self.to].data
    local keys = {}
    for key in pairs(from) do
      if slot_of(key) == self.slot and key:find(match) then keys[#keys + 1] = key end
    end
    for _, key in ipairs(keys) do
      if to[key] then error("the key is at both: " .. key, 0) end
      to[key], from[key] = from[key], nil
    end
  end

  --- Ends it, all keys are there.
  function self.moved()
    self.move_keys ""
    self.owner, self.to = self.to, nil
  end

  --- The owner dies, and what a replica of it has is another node's.
  function self.die(replica, successor, after_s)
    local old = self.owner
    self.nodes[old].close()
    local timer
    timer = loop:timer(function()
      timer:close()
      self.nodes[successor].data, self.owner = self.nodes[old].promote(replica), successor
    end)
    timer:start(after_s)
  end

  function self.close()
    for _, node in ipairs(self.nodes) do node.close() end
  end
  return self
end

return cluster
