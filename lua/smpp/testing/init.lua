--- A message centre for the tests of an application: it listens on a free port, and can be asked which messages it got.
--- `smpp sim --control -` is the same over lines of JSON.
local address = require "smpp.codec.address"
local net = require "smpp.base.net"
local run = require "smpp.loop.run"
local schema = require "smpp.base.schema"
local settings = require "smpp.simulator.settings"
local simulators = require "smpp.simulator"
local task = require "smpp.base.task"
local text = require "smpp.text"

local testing = {}

local unpack = table.unpack or unpack -- luacheck: compat
local function pack(...) return { n = select("#", ...), ... } end

local PDUS = 10000 -- that are kept

---@class smpp.TestMessage  a whole text: parts are joined
---@field id string          of its first part
---@field from string
---@field to string
---@field text string?       UTF-8
---@field data string?       octets that are no text
---@field system_id string
---@field state string       ENROUTE until it is final
---@field parts integer
---@field receipt boolean    a receipt was asked for
---@field at_s number        since the message centre was started

---@class smpp.TestCentre
---@field host string
---@field port integer
---@field url table  mc.url: a URL for smpp.connect; mc.url(id): of an account, as a string
---@field sim smpp.Simulator
local Mc = {}
local mt = { __index = Mc, __name = "smpp.TestCentre" }
function mt:__tostring() return "message centre " .. net.address(self.host, self.port) end

-- ---- whole texts ----

--- The content of joined parts: text, or octets.
local function content_of(first, octets)
  local meaning = text.data_coding(first.coding)
  if meaning.encoding == "binary" or meaning.compressed or first.ports then return nil, octets end
  return (text.decode(octets, first.coding, first.how))
end

local function state_of(self, ids)
  local state
  for _, id in ipairs(ids) do
    local one = self.states[id] or "ENROUTE"
    if not state or state == "DELIVERED" then state = one end
  end
  return state
end

local function publish(self, whole)
  table.insert(self.whole, whole)
  local waiting = {}
  for i, waiter in ipairs(self.waiters) do waiting[i] = waiter end
  for _, waiter in ipairs(waiting) do waiter() end
end

--- A submitted message: a whole text, or a part of one.
local function take(self, message)
  local fields = { short_message = message.octets, data_coding = message.data_coding, esm_class = message.esm_class }
  local octets, header = text.body(fields)
  local _, info = text.read(fields)
  local piece = {
    octets = info.octets or octets, coding = message.data_coding or 0, ports = header and header.ports,
    how = { locking = header and header.locking, single = header and header.single },
  }
  local part = text.part({
    sar_msg_ref_num = message.sar_msg_ref_num, sar_total_segments = message.sar_total_segments, sar_segment_seqnum = message.sar_segment_seqnum,
  }, header)
  local from = address.format(message.source_addr or "", message.source_addr_ton)
  local to = address.format(message.destination_addr or "", message.dest_addr_ton)
  local whole = {
    id = message.id, from = from, to = to, system_id = message.system_id, parts = 1, ids = { message.id },
    receipt = (message.registered_delivery or 0) % 4 ~= 0, at_s = self.sim.loop:now() - self.started,
  }
  if not part or part.total <= 1 then
    whole.text, whole.data = content_of(piece, piece.octets)
    return publish(self, whole)
  end
  local key = table.concat({ message.system_id, from, to, part.reference, part.total, tostring(part.width) }, "\0")
  local set = self.sets[key] or { count = 0 }
  self.sets[key] = set
  if set[part.seq] then return end
  set[part.seq], set.count = { piece = piece, whole = whole }, set.count + 1
  if set.count < part.total then return end
  self.sets[key] = nil
  local pieces, ids = {}, {}
  for i = 1, part.total do pieces[i], ids[i] = set[i].piece.octets, set[i].whole.id end
  local first = set[1].whole
  first.parts, first.ids = part.total, ids
  first.text, first.data = content_of(set[1].piece, table.concat(pieces))
  publish(self, first)
end

local FILTER = schema.new { { "from", "string" }, { "to", "string" }, { "text", "string" }, { "system_id", "string" }, { "state", "string" } }
testing.filter = FILTER -- for the command line

local function same_number(a, b) return a == b or a:gsub("^%+", "") == b:gsub("^%+", "") end

--- A copy for the program, with the state of now.
local function shown(self, whole)
  local copy = {}
  for name, value in pairs(whole) do
    if name ~= "ids" and name ~= "awaited" then copy[name] = value end
  end
  copy.state = state_of(self, whole.ids)
  return copy
end

local function fits(self, filter, whole)
  local copy = shown(self, whole)
  if type(filter) == "function" then return filter(copy) and copy end
  for name, value in pairs(filter or {}) do
    if name == "to" or name == "from" then
      if not same_number(copy[name], value) then return nil end
    elseif copy[name] ~= value then
      return nil
    end
  end
  return copy
end

local function check(filter)
  if filter ~= nil and type(filter) ~= "function" then FILTER:check(filter, 3) end
end

--- The whole texts that it got, oldest first.
---@param filter? table|fun(message: smpp.TestMessage): any  from, to, text, system_id, state are equal (numbers with or without +)
---@return smpp.TestMessage[]
function Mc:messages(filter)
  check(filter)
  local list = {}
  for _, whole in ipairs(self.whole) do
    list[#list + 1] = fits(self, filter, whole) or nil
  end
  return list
end

--- The oldest text that matches and that no `await` has returned yet; those that came before count, too.
---@async
---@param filter? table|fun(message: smpp.TestMessage): any
---@param seconds? number  default 5
---@return smpp.TestMessage? message
---@return string? err
---@return string? code  "timeout"
function Mc:await(filter, seconds)
  check(filter)
  local token, limit = task.need(2), seconds or 5
  local function find()
    for _, whole in ipairs(self.whole) do
      local copy = not whole.awaited and fits(self, filter, whole)
      if copy then
        whole.awaited = true
        return copy
      end
    end
  end
  local found = find()
  if found then return found end
  local key = {}
  local function look() task.wake_for(token, key) end
  local timer = self.sim.loop:timer(look, true)
  local deadline = self.sim.loop:now() + limit
  timer:start(limit)
  table.insert(self.waiters, look)
  repeat
    task.wait(key)
    found = find()
  until found or self.sim.loop:now() >= deadline or self.closed
  timer:close()
  for i, other in ipairs(self.waiters) do
    if other == look then table.remove(self.waiters, i) break end
  end
  if found then return found end
  return nil, ("no such message within %g s"):format(limit), "timeout"
end

--- The last PDUs, oldest first.
---@return { number: integer, at_s: number, direction: "in"|"out", system_id: string?, pdu: smpp.Pdu }[]
function Mc:pdus()
  local list = {}
  for i = self.first_pdu, self.last_pdu do list[#list + 1] = self.all_pdus[i] end
  return list
end

--- Sends a message to an ESME, like a phone; as `sim:deliver`.
---@param o table
---@return boolean? ok
---@return string? message
---@return string? code
function Mc:deliver(o) return self.sim:deliver(o) end

--- Changes options; as `sim:set`.
---@param changes table
---@return boolean? ok
---@return string? message
---@return string? code
function Mc:set(changes) return self.sim:set(changes) end

--- As it was started: no messages, no PDUs, counts of 0, the options and random numbers of the beginning.
function Mc:reset()
  self.whole, self.sets, self.all_pdus, self.first_pdu, self.last_pdu = {}, {}, {}, self.last_pdu + 1, self.last_pdu
  self.sim:reset(self.given)
end

--- Closes it.
---@async
---@param seconds? number  default 0
function Mc:close(seconds)
  if self.closed then return end
  self.closed = true
  for _, waiter in ipairs(self.waiters) do waiter() end
  self.sim:close(seconds or 0)
end

local opened -- those of the running testing.run

--- Follows a simulator.
---@param sim smpp.Simulator
---@return smpp.TestCentre
function testing.of(sim)
  local self = setmetatable({
    sim = sim, host = sim.host, port = sim.port, started = sim.loop:now(), closed = false,
    whole = {}, sets = {}, states = {}, waiters = {},
    all_pdus = {}, first_pdu = 1, last_pdu = 0,
    given = schema.merge(sim.given),
    url = nil,
  }, mt)
  local function url_of(_, id)
    local accounts = sim.server.accounts or {}
    if not id then
      for name in pairs(accounts) do
        if not id or name < id then id = name end
      end
    end
    local given = accounts[id or ""] and accounts[id].given
    local host = self.host == "0.0.0.0" and "127.0.0.1" or self.host
    return ("smpp://%s:%s@%s"):format(id or "me", given and given.password or "secret", net.address(host, self.port))
  end
  local words = { __call = url_of, __tostring = function() return url_of() end }
  words.__concat = function(a, b) return tostring(a) .. tostring(b) end
  self.url = setmetatable({ url_of() }, words)
  sim:on("message", function(message) take(self, message) end)
  sim:on("final", function(message)
    self.states[message.id] = message.state
    for _, waiter in ipairs(self.waiters) do waiter() end
  end)
  sim:on("pdu", function(session, pdu, direction)
    self.last_pdu = self.last_pdu + 1
    self.all_pdus[self.last_pdu] = {
      number = self.last_pdu, at_s = sim.loop:now() - self.started, direction = direction, system_id = session.system_id, pdu = pdu,
    }
    if self.last_pdu - self.first_pdu >= PDUS then
      self.all_pdus[self.first_pdu] = nil
      self.first_pdu = self.first_pdu + 1
    end
  end)
  return self
end

--- Starts a message centre on a free port.
---@param o? table  options of smpp.simulator
---@return smpp.TestCentre? mc
---@return string? message
---@return string? code
function testing.smsc(o)
  o = schema.merge({ port = 0 }, o)
  local wrong = settings.schema:problem(o)
  if wrong then error(wrong.message, 2) end
  local sim, message, code = simulators.new(o)
  if not sim then return nil, message, code end
  local mc = testing.of(sim)
  if opened then table.insert(opened, mc) end
  return mc
end

--- smpp.run for code outside of a task; message centres that are open at the end are closed.
---@param fn fun(): ...
---@param o? table  of smpp.run
---@return any ...  what fn returned
function testing.run(fn, o)
  local outer, list = opened, {}
  opened = list
  local function work()
    local results
    local ok, err = task.traced_pcall(function() results = pack(fn()) end)
    for i = #list, 1, -1 do list[i]:close() end
    if not ok then error(err, 0) end
    return unpack(results, 1, results.n)
  end
  local results = pack(pcall(run.run, work, o))
  opened = outer
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

return testing
