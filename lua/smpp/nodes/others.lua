--- The other nodes: their records, who of them lives, and what their configurations have otherwise.
local configuration = require "smpp.nodes.configuration"
local scripts = require "smpp.nodes.scripts"
local sightings = require "smpp.nodes.sightings"

local others = {}

local MOST_NAMES = 1000 -- of runs that are remembered

---@class smpp.OtherNodes
---@field records table<string, table>  by name, of the last reply; also this node's own
local Others = {}
local mt = { __index = Others, __name = "smpp.OtherNodes" }

---@param nodes smpp.Nodes
---@return smpp.OtherNodes
function others.new(nodes)
  return setmetatable({
    nodes = nodes, loop = nodes.loop,
    seen = sightings.new(nodes.lease_s + 1),
    records = {},
    is_known = false,           -- a reply has come
    names = {},                 -- run -> name, also of the dead
    configurations = {},        -- hash -> parts
    told = {}, differing = {},  -- name -> the two hashes that were compared last; true; also of nodes that are gone
  }, mt)
end

local function record_of(list)
  local record = {}
  for i = 1, #list, 2 do record[list[i]] = list[i + 1] end
  return record
end

--- Compares the records with those of the last beat.
---@param list table[]  { name, fields and values }
---@return table? own  the record of this node
function Others:read(list)
  local nodes, now, before, records = self.nodes, self.loop:now(), self.records, {}
  for _, pair in ipairs(list) do
    local name, record = pair[1], record_of(pair[2])
    if record.run then
      records[name], record.name = record, name
      self.names[record.run] = name
      if name ~= nodes.name then
        self.seen:note(name, record.run .. " " .. record.beat, now)
        if not before[name] or before[name].run ~= record.run then nodes:emit("joined", name, record.run) end
        if self.seen:is_dead(name, now) then self:bury(record) end
      end
    end
  end
  self.records, self.is_known = records, true
  self:prune()
  for name, record in pairs(before) do
    if not records[name] and name ~= nodes.name then
      local age_s = self.seen:age_s(name, now)
      self.seen:note(name, nil, now)
      if not record.is_buried then nodes:emit(age_s and age_s > nodes.lease_s and "dead" or "left", name, record.run) end
    end
  end
  self:compare_configurations()
  return records[nodes.name]
end

--- Forgets runs and names that are long gone, and configurations that no node has.
---@private
function Others:prune()
  local count, has = 0, { [self.nodes.config.hash] = true }
  for _ in pairs(self.names) do count = count + 1 end
  if count > MOST_NAMES then
    local told, differing = self.told, self.differing
    self.names, self.told, self.differing = {}, {}, {}
    for name, record in pairs(self.records) do
      self.names[record.run], self.told[name], self.differing[name] = name, told[name], differing[name]
    end
  end
  for _, record in pairs(self.records) do has[record.config] = true end
  for hash in pairs(self.configurations) do
    if not has[hash] then self.configurations[hash] = nil end
  end
end

---@private
function Others:bury(record)
  local nodes = self.nodes
  if nodes.engine:is_frozen(self.loop:now()) then return end
  record.is_buried = true
  nodes:emit("dead", record.name, record.run)
  nodes:ask(scripts.bury, function() nodes:tick() end, record.name, record.run, record.beat)
end

--- The name of the node of a run, also of a dead one.
---@param run string
---@return string?
function Others:name_of(run) return self.names[run] end

--- Is this the run of a node that lives, and is not about to leave?
---@param run string
---@return boolean
function Others:is_live(run)
  local name = self.names[run]
  local record = name and self.records[name]
  return record ~= nil and record.run == run and record.state == "live" and not self.seen:is_dead(name, self.loop:now())
end

--- All nodes, by name.
---@return { name: string, run: string, state: "live"|"draining"|"dead", beat_s: number, config: string, version: string, address: string,
---  started: number, is_self: boolean }[]
function Others:list()
  local list, now = {}, self.loop:now()
  for name, record in pairs(self.records) do
    local is_self = name == self.nodes.name
    list[#list + 1] = {
      name = name, run = record.run, config = record.config, version = record.version, address = record.address, started = tonumber(record.started),
      is_self = is_self, beat_s = is_self and now - self.nodes.sent_at or self.seen:age_s(name, now) or 0,
      state = not is_self and self.seen:is_dead(name, now) and "dead" or record.state,
    }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- ---- configurations ----

--- Lets the others have this node's configuration.
function Others:put_configuration()
  local config = self.nodes.config
  if config.hash == "" then return end
  self.configurations[config.hash] = config.parts
  self.nodes.engine:command(nil, "SET", self.nodes.place .. "config:" .. config.hash, configuration.write(config.parts))
end

--- Tells, once for each change, what other nodes have otherwise.
function Others:compare_configurations()
  local nodes = self.nodes
  for name, record in pairs(self.records) do
    local key = (record.config or "") .. " " .. nodes.config.hash
    if name ~= nodes.name and self.told[name] ~= key and record.config ~= "" then
      self.told[name] = key
      self:with_configuration(record.config, function(parts)
        if not parts then -- it is not there yet
          self.told[name] = nil
          return
        end
        local list = configuration.differences(nodes.config.parts, parts)
        if list[1] or self.differing[name] then nodes:emit("differs", name, list) end
        self.differing[name] = list[1] and true or nil
      end)
    end
  end
end

---@private
function Others:with_configuration(hash, done)
  local nodes = self.nodes
  if hash == nodes.config.hash then return done(nodes.config.parts) end
  if self.configurations[hash] then return done(self.configurations[hash]) end
  nodes.engine:command(function(text)
    if not text then return done(nil) end
    self.configurations[hash] = configuration.read(text)
    done(self.configurations[hash])
  end, "GET", nodes.place .. "config:" .. hash)
end

--- The smallest of a number over the configurations of the live nodes; those without it do not count.
---@param part string   as in the parts of a configuration: "carrier a: rate_per_s"
---@param own number?   of this node
---@return number?
function Others:least(part, own)
  for _, record in pairs(self.records) do
    local parts = self:is_live(record.run) and self.configurations[record.config]
    local number = parts and tonumber(parts[part])
    if number and (not own or number < own) then own = number end
  end
  return own
end

return others
