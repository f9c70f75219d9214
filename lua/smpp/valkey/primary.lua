--- Finds the engine that takes writes, and opens a connection to it.
local connections = require "smpp.valkey.connection"
local follow = require "smpp.valkey.follow"
local net = require "smpp.base.net"
local options = require "smpp.valkey.options"
local slots = require "smpp.valkey.slots"
local task = require "smpp.base.task"

local unpack = table.unpack or unpack -- luacheck: compat

local primary = {}

--- A text without the password: old engines repeat the arguments of a command that they do not know.
local function hidden(text, password)
  if not password or password == "" then return text end
  local at, stop = text:find(password, 1, true)
  if not at then return text end
  return text:sub(1, at - 1) .. "***" .. hidden(text:sub(stop + 1), password)
end

--- Says who we are, in the highest version of RESP that both know.
local function greet(connection, o, password)
  if o.protocol == 3 then
    local words = { "HELLO", "3" }
    if password then words = { "HELLO", "3", "AUTH", o.user or "default", password } end
    words[#words + 1], words[#words + 2] = "SETNAME", o.client_name
    local reply, message, code = connection:call(unpack(words))
    if reply then
      connection.protocol, connection.mode = 3, reply.mode
      return true
    end
    if code ~= "NOPROTO" and code ~= "ERR" then return nil, message, code end -- ERR: Redis before 6 does not know HELLO
  end
  if password then
    local words = o.user and { "AUTH", o.user, password } or { "AUTH", password }
    local reply, message, code = connection:call(unpack(words))
    if not reply then return nil, message, code end
  end
  local reply, message, code = connection:call("CLIENT", "SETNAME", o.client_name)
  return reply and true, message, code
end

local function prepare(connection, o, password, wants_role)
  local ok, message, code = greet(connection, o, password)
  if ok and o.db ~= 0 then ok, message, code = connection:call("SELECT", o.db) end
  if not ok then return nil, message, code end
  if not wants_role then return true end
  local role
  role, message, code = connection:call "ROLE"
  if not role then return nil, message, code end
  return true, nil, nil, role[1]
end

--- Opens a connection to one host.
---@async
---@param self smpp.ValkeyClient
---@param host { host: string, port: integer }
---@param o table        credentials and db
---@param wants_role boolean
---@return smpp.ValkeyConnection? connection
---@return string? message
---@return string? code
---@return string? role  "master", "slave" or "sentinel"
local function dial(self, host, o, wants_role)
  local address, attempt = net.address(host.host, host.port), {}
  local password, unread = options.password(o)
  if unread then return nil, unread, "password" end
  self.attempts[attempt] = true
  local transport, message, code = self.chain:connect(self.loop, {
    host = host.host, port = host.port, connect_timeout_s = o.connect_timeout_s, timeout_s = o.connect_timeout_s,
  }, attempt)
  if not transport then
    self.attempts[attempt] = nil
    return nil, message, code
  end
  local connection = connections.new(self.loop, transport, address, o)
  attempt.cancel = function() connection:close("closed", "closed") end
  local ok, why, failure, role = prepare(connection, o, password, wants_role)
  self.attempts[attempt] = nil
  if not ok then
    if not connection.is_closed then why = ("%s: %s"):format(address, hidden(why, password)) end
    connection:close("not ready", "closed")
    return nil, why, failure
  end
  return connection, nil, nil, role
end

--- Of several hosts the only one that says that it is a primary.  Two of them would be two sets of books: then none is used.
local function among(self, hosts)
  local token, key, left, found, failures = task.need(), {}, #hosts, {}, {}
  for i, host in ipairs(hosts) do
    task.spawn(function()
      local connection, message, code, role = dial(self, host, self.o, true)
      if role == "master" then
        found[#found + 1] = connection
      elseif connection then
        connection:close("not the primary", "closed")
        message, code = ("%s: not a primary, role %s"):format(connection.address, tostring(role)), "connect_failed"
      end
      failures[i] = { message, code }
      left = left - 1
      if left == 0 then task.wake_for(token, key) end
    end)
  end
  if left > 0 then task.wait(key) end
  if #found == 1 then return found[1] end
  if #found == 0 then return nil, unpack(failures[1], 1, 2) end
  local names, is_cluster = {}, found[1].mode == "cluster"
  for i, connection in ipairs(found) do
    names[i] = connection.address
    connection:close("one of several primaries", "closed")
  end
  table.sort(names)
  return nil, ("%d primaries: %s; none is used%s"):format(#names, table.concat(names, ", "), is_cluster and follow.HINT or ""),
    is_cluster and "cluster" or "two_primaries"
end

--- Asks the sentinels, in order.
local function by_sentinel(self)
  local o, message, code = self.o, nil, nil
  local credentials = { password = o.sentinel_password, protocol = o.protocol, client_name = o.client_name, db = 0, timeout_s = o.timeout_s,
    connect_timeout_s = o.connect_timeout_s, reply_octets = o.reply_octets }
  for _, host in ipairs(o.hosts) do
    local sentinel, why, failure = dial(self, host, credentials, false)
    message, code = message or why, code or failure
    if sentinel then
      local place
      place, why, failure = sentinel:call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", o.sentinel)
      sentinel:close("done", "closed")
      if place then return among(self, { { host = place[1], port = tonumber(place[2]) } }) end
      message, code = why or ("%s: the sentinel does not know '%s'"):format(sentinel.address, o.sentinel), failure or "connect_failed"
    end
  end
  return nil, message, code
end

-- ---- a cluster ----

local MOST_REDIRECTIONS = 5

local function address_of(place) return net.address(place.host, place.port) end

--- All known nodes: the one that is said to have the slot, those given, those learned; at the end those that did not answer last time.
local function known(self)
  local list, late, seen = {}, {}, {}
  local function add(place)
    local address = address_of(place)
    if seen[address] then return end
    seen[address] = true
    if self.silent[address] then late[#late + 1] = place else list[#list + 1] = place end
  end
  if self.hint then add(self.hint) end
  for _, place in ipairs(self.o.hosts) do add(place) end
  for _, place in ipairs(self.places) do add(place) end
  for _, place in ipairs(late) do list[#list + 1] = place end
  return list
end

--- What a node says about the cluster.
---@return { host: string, port: integer }? owner  of the slot
---@return string? message  it is in no cluster
local function learn(self, connection, host)
  local reply, message, code = connection:call("CLUSTER", "SLOTS")
  if not reply then
    if code == "ERR" then return nil, ("%s: no cluster: expected a URL like valkey://host (%s)"):format(connection.address, message) end
    return nil
  end
  local owner, places = slots.places(reply, self.slot, host)
  self.places = places
  return owner
end

-- Errors of a node that does not serve the slot; others, as NOPERM, say nothing about it.
local AWAY = {
  CLUSTERDOWN = true, LOADING = true, MASTERDOWN = true, TRYAGAIN = true, timeout = true, connection_lost = true, malformed = true, closed = true,
}

--- Does a node serve the slot?
---@return boolean? serves  nil: it does not say
---@return string? message
---@return string? code
---@return { host: string, port: integer }? place  that does
local function serves(self, connection, host)
  if connection.is_closed then return false, connection.address .. ": connection lost", "connection_lost" end
  local reply, message, code = connection:call("EXISTS", self.o.tag)
  if reply then return true end
  if code == "ASK" and not self.is_moving then return true end
  if code == "ASK" then return false, ("%s: slot %d is being moved (%s)"):format(connection.address, self.slot, message), code end
  if code == "MOVED" then return false, ("%s: %s"):format(connection.address, message), code, select(2, slots.redirection(message, host)) end
  if AWAY[code] then return false, ("%s: %s"):format(connection.address, message), code end
  return nil
end

--- Looks for the node that has the slot, from any node on.
local function in_cluster(self)
  local failed, message, code = {}, nil, nil
  local function note(why, failure)
    if not message then message, code = why, failure end
  end
  for _, place in ipairs(known(self)) do
    for _ = 1, MOST_REDIRECTIONS do
      local address = address_of(place)
      if failed[address] then break end
      local connection, why, failure = dial(self, place, self.o, false)
      if self.state == "closed" then return connection, why, failure end
      self.silent[address] = not connection or nil
      if not connection then
        failed[address] = true
        note(why, failure)
        break
      end
      local attempt = { cancel = function() connection:close("closed", "closed") end }
      self.attempts[attempt] = true
      local owner, no_cluster = learn(self, connection, place.host)
      local is_here, its_place
      is_here, why, failure, its_place = serves(self, connection, place.host)
      self.attempts[attempt] = nil
      if no_cluster then
        is_here, why, failure, its_place, owner = false, no_cluster, "cluster", nil, nil
      elseif is_here == nil then
        is_here = not owner or address_of(owner) == address
        why, failure = ("%s: it does not have slot %d"):format(address, self.slot), "connect_failed"
      end
      if is_here then
        self.is_moving, self.hint = false, nil
        return connection
      end
      connection:close("without the slot", "closed")
      if failure == "ASK" then return nil, why, failure end
      its_place = its_place or owner
      if not its_place or address_of(its_place) == address then
        note(why, failure)
        break
      end
      place = its_place
    end
  end
  self.hint = nil
  return nil, message or ("slot %d: too many redirections"):format(self.slot), code or "connect_failed"
end

--- Opens a connection to the primary.
---@async
---@param self smpp.ValkeyClient
---@return smpp.ValkeyConnection? connection
---@return string? message
---@return string? code  "connect_failed", "timeout", "tls", "two_primaries", "cluster" (the URL says none, or there is none), "closed",
--- or the first word of the engine's error
function primary.open(self)
  local o = self.o
  if o.cluster then return in_cluster(self) end
  if o.sentinel then return by_sentinel(self) end
  if #o.hosts > 1 then return among(self, o.hosts) end
  local connection, message, code = dial(self, o.hosts[1], o, false)
  return connection, message, code
end

primary.dial = dial

return primary
