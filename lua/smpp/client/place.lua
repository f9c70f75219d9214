--- A place of a pool whose binds are opened one by one, by whoever has the right to them, and not longer than that: a lease of a gateway's node.
--- It is one bind, or a transmitter and a receiver.  `may_write` is asked before each write, so that a process that stood still sends nothing.
local binds = require "smpp.client.bind"
local filter = require "smpp.transport.filter"

local unpack = table.unpack or unpack -- luacheck: compat

local places = {}

---@class smpp.PlaceOwner
---@field may_bind fun(): boolean   the right lasts: asked when a bind was answered
---@field may_write fun(): boolean  octets may go out; asked once per turn of the loop
---@field up fun()?                 all of its binds stand
---@field down fun()?               they do not any more; it tries again
---@field failed fun(code: string?)?  an attempt has failed; it tries again

---@class smpp.Place
---@field number integer
---@field binds smpp.Bind[]
local Place = {}
local mt = { __index = Place, __name = "smpp.Place" }

local UNBIND_S = 3 -- for unbind_resp

-- ---- what may go out ----

local Guard = {}

--- false: none of them goes out; nor does what is queued in this process.
function Guard:write(octets)
  if self.may_write() then return self.inner:write(octets) end
  self.inner:reset()
  self.loop:defer(self.refused)
  return false
end

local guard = filter.class("guard", Guard)

--- The filters of a bind of a place.
local function filters_of(self, bind)
  return { function(inner)
    return guard(inner, { may_write = self.owner.may_write, refused = function()
      local session = bind.session or bind.previous -- one that is not bound yet
      if session then session:lost "the right to this bind has ended" end
    end })
  end }
end

-- ---- opening ----

local function add(self, kind)
  local pool, o, hosts = self.pool, self.pool.options, {}
  for i = 1, #o.hosts do hosts[i] = o.hosts[(self.number + i - 2) % #o.hosts + 1] end
  local bind = binds.new(pool.client, pool, kind, hosts)
  bind.place = self
  bind.options.filters = filters_of(self, bind)
  self.binds[#self.binds + 1] = bind
  pool.binds[#pool.binds + 1] = bind
  bind:begin()
end

local function open(self)
  local o = self.pool.options
  for _, kind in ipairs(o.bind == "tx+rx" and { "tx", "rx" } or { o.bind }) do add(self, kind) end
end

--- Opens a place; it tries until it is closed.
---@param pool smpp.BindPool  of `client.leased`
---@param number integer  of several hosts it prefers that one
---@param owner smpp.PlaceOwner
---@return smpp.Place
function places.open(pool, number, owner)
  local self = setmetatable({
    pool = pool, loop = pool.loop, number = number, owner = owner, binds = {},
    is_up = false,
    leaving = false,            -- it is being closed
    is_given = false, why = nil, -- on purpose; and why, for the log
    timer = nil, done = nil,    -- of closing
  }, mt)
  open(self)
  return self
end

-- ---- what its binds tell ----

--- May a bind that was answered be used?
---@return boolean
function Place:may_bind() return not self.leaving and self.owner.may_bind() end

--- A bind stands.
function Place:bind_up()
  for _, bind in ipairs(self.binds) do
    if not bind.session then return end
  end
  self.is_up = true
  if self.owner.up then self.owner.up() end
end

--- A bind has ended.
function Place:bind_down()
  if self.leaving then return self:check_closed() end
  if not self.is_up then return end
  self.is_up = false
  if self.owner.down then self.owner.down() end
end

--- An attempt has failed.
---@param code string?
function Place:bind_failed(code)
  if self.leaving then return self:check_closed() end
  if not self.pool.client.session and self.pool:takes_fall_back(code) then
    self:remove()
    return open(self)
  end
  if self.owner.failed then self.owner.failed(code) end
end

-- ---- closing ----

--- Its binds are the pool's no more.
---@private
function Place:remove()
  local pool, kept, is_own = self.pool, {}, {}
  for _, bind in ipairs(self.binds) do
    bind:stop()
    pool.client.counters:add(bind.counters)
    is_own[bind] = true
  end
  for _, bind in ipairs(pool.binds) do
    if not is_own[bind] then kept[#kept + 1] = bind end
  end
  pool.binds, self.binds = kept, {}
  pool:refresh()
end

---@private
function Place:check_closed()
  for _, bind in ipairs(self.binds) do
    if bind.session then return end
  end
  local done = self.done
  if self.timer then self.timer:close() end
  self.timer, self.done = nil, nil
  self:remove()
  if done then done() end
end

--- Closes it: nothing new is sent on it, unbind is, and after `most_s` the connection is reset.
---@private
function Place:leave(answers_s, most_s, why, done)
  self.leaving, self.why, self.done = true, why, done
  if self.timer then self.timer:close() end
  for _, bind in ipairs(self.binds) do
    bind.unbinding = true
    bind:stop()
  end
  self.pool:refresh()
  local function each(fn)
    for _, bind in ipairs { unpack(self.binds) } do
      if bind.session then fn(bind.session) end
    end
  end
  local function reset()
    each(function(session) session:reset "not unbound in time" end)
  end
  self.timer = self.loop:timer(reset)
  if most_s > 0 then
    self.timer:start(most_s)
    each(function(session) session:begin_unbind(answers_s) end)
  else
    reset()
  end
  if self.timer then self:check_closed() end
end

--- Closes it within so many seconds, without waiting for anything: the right to it has ended.
---@param close_s number  0: at once
---@param why string?
function Place:drop(close_s, why)
  self.is_given = false
  self:leave(0, close_s, why)
end

--- Closes it when all that it has sent is answered.
---@param timeout_s number  for the answers
---@param done fun()
---@param why string?
function Place:drain(timeout_s, done, why)
  self.is_given = true
  self:leave(timeout_s, timeout_s + UNBIND_S, why, done)
end

return places
