--- Waits of a store in Valkey until replicas have what was committed (WAIT), or have it on their disks (WAITAOF).
---
--- WAIT stops its connection, and counts only what that connection has written.  So commits go over the store's connection and never stop; behind
--- them one of two others, in turn, runs a script that writes and looks whether the engine has the results of these commits, and WAITs for that
--- write: replicas read one stream, in which the commits are before it.  One WAIT is for all commits that were made since the last one.
---
--- A replica says at once what it has in its memory, but of its disk only what was there when it was asked, and once a second: what reaches it
--- together with the question counts a second later (a commit with Valkey 8.0 on loopback: 1,004 ms, instead of 8).  So WAITAOF is sent when the
--- script has been answered, and again and again.
local fields = require "smpp.store.valkey_fields"
local resp = require "smpp.valkey.resp"
local valkey = require "smpp.valkey"

local waits = {}

local MOST = 100    -- commits and records of one WAIT at most
local FULL = 100    -- with so many groups of commits that wait, and a WAIT that was not enough, no more are made that would be undone
local PAUSE_S = 0.1 -- after a failure
local STEP_MS, LONGEST_MS = 10, 100 -- of one WAITAOF: each is twice as long as the one before

--- How many commits; where the results of its run are and the number of each; kind and key of records.
--- Whether the results of each are there; the records.
local script = valkey.script [[#!lua flags=allow-oom
local P, call, count, out = KEYS[1], redis.call, tonumber(ARGV[1]), {}
call("HINCRBY", P .. "meta", "waits", 1)
for i = 1, count do out[i] = call("HEXISTS", P .. ARGV[2 * i], ARGV[2 * i + 1]) end
for i = 2 * count + 2, #ARGV, 2 do out[#out + 1] = call("GET", P .. ARGV[i] .. ":r:" .. ARGV[i + 1]) end
return out
]]

---@class smpp.StoreWaits
---@field why string?  why the last WAIT was not enough; nil: it was
---@field on_failure fun(code: string)?  called for each that was not: "replicas", or the code of the failure
local Waits = {}
local mt = { __index = Waits, __name = "smpp.StoreWaits" }

---@class smpp.StoreWaitsOptions
---@field clients smpp.ValkeyClient[]  that nobody else uses; their limit for a reply is longer than wait_ms.  The store closes them
---@field disk boolean     WAITAOF
---@field replicas integer
---@field wait_ms integer

---@class smpp.StoreWait  what waits: a call whose commits are made, or the reading of a record
---@field call smpp.ValkeyCall?
---@field value any         results of the commits, or what was taken
---@field kind string?
---@field key string?
---@field done fun(...)?
---@field context any
---@field till number      loop time: then it has failed, unless it is patient
---@field text string|false|nil  the record that was read, as the engine has it; false: none
---@field is_settled boolean  replicas have it
---@field is_over boolean     its caller knows

---@param store smpp.Store
---@param o smpp.StoreWaitsOptions
---@param calls { settled: function, unsettled: function, lost: function }
---@return smpp.StoreWaits
function waits.new(store, o, calls)
  local self
  self = setmetatable({
    store = store, loop = store.loop, calls = calls, disk = o.disk, replicas = o.replicas, wait_s = o.wait_ms / 1000,
    lanes = {},
    items = {}, first = 1, last = 0, looked = 1, -- in the order of the calls; up to `looked` their limits have passed
    todo = {}, todo_first = 1, todo_last = 0,    -- those that no WAIT is under way for
    lost = {},                                   -- those that the engine does not have any more
    is_deferred = false, why = nil, on_failure = nil,
    lacks = nil,                                 -- what the last WAITAOF said that is missing, while others follow
  }, mt)
  self.wait_command = assert(resp.command({ "WAIT", o.replicas, o.wait_ms }, 3))
  self.go_deferred = function()
    self.is_deferred = false
    self:go()
  end
  self.limit = self.loop:timer(function() self:expire() end)
  self.pause = self.loop:timer(function()
    local list = self.lost
    self.lost = {}
    for _, item in ipairs(list) do calls.lost(item.call) end
    self:go()
  end)
  for i, client in ipairs(o.clients) do
    self.lanes[i] = { client = client, items = nil, till = nil } -- of the items under way, and their limit
    client:on("ready", function() self:go() end)
  end
  return self
end

-- ---- what waits ----

local function add(self, item)
  item.till, item.is_settled, item.is_over = self.loop:now() + self.wait_s, false, false
  self.last, self.todo_last = self.last + 1, self.todo_last + 1
  self.items[self.last], self.todo[self.todo_last] = item, item
  if self.looked == self.last then self.limit:start(self.wait_s) end
  if self.is_deferred then return end
  self.is_deferred = true
  self.loop:defer(self.go_deferred)
end

--- A call whose commits the engine has made, or that has taken records: what a node works on, all replicas have as its work.
---@param call smpp.ValkeyCall
---@param value any
function Waits:add(call, value) add(self, { call = call, value = value }) end

--- Reads a record, as replicas have it.
---@param kind string
---@param key string
---@param done smpp.StoreGot
---@param context any
function Waits:read(kind, key, done, context) add(self, { kind = kind, key = key, done = done, context = context }) end

--- Ends the wait of an item.
local function succeed(self, item)
  item.is_over = true
  if item.call then return self.calls.settled(item.call, item.value) end
  if not item.text then return item.done(nil, "unknown key", "missing", item.context) end
  item.done(fields.read(item.key, item.text), nil, nil, item.context)
end

local function fail(self, item, words)
  item.is_over = true
  if item.call then return self.calls.unsettled(item.call, item.value, words or self:failure(), words ~= nil) end
  item.done(nil, words or self:failure(), "store_failed", item.context)
end

--- Would a commit only be made to be undone?
---@return string? message
function Waits:refusal() return self.why and self.last - self.first >= FULL and self:failure() or nil end

--- Why something fails now.
---@private
function Waits:failure() return "replicas: " .. (self.why or self.lacks or ("no answer within %.3g s"):format(self.wait_s)) end

--- Those whose limit has passed; patient ones have none.
---@private
function Waits:expire()
  local now = self.loop:now()
  while self.looked <= self.last do
    local item = self.items[self.looked]
    if item and not item.is_over and not (item.call and item.call.is_patient) then
      if item.till > now then return self.limit:start(item.till - now) end
      if item.is_settled then succeed(self, item) else fail(self, item) end
    end
    self.looked = self.looked + 1
  end
  self:complete()
end

--- Tells, in the order of the calls, of those that replicas have.
---@private
function Waits:complete()
  while self.first <= self.last do
    local item = self.items[self.first]
    if not item.is_over then
      if not item.is_settled then return end
      succeed(self, item)
    end
    self.items[self.first] = nil
    self.first = self.first + 1
    if self.looked < self.first then self.looked = self.first end
  end
end

-- ---- WAIT ----

local function again(self, item)
  if item.is_over then return end
  self.todo_last = self.todo_last + 1
  self.todo[self.todo_last] = item
end

--- How many it says are missing; nil: none.
local function lack(self, reply)
  local own, count = 1, reply
  if self.disk then own, count = reply[1], reply[2] end
  if own < 1 then return "the engine's own disk has not got it" end
  if count < self.replicas then return ("%d of %d have it within %.3g s"):format(count, self.replicas, self.wait_s) end
end

--- A WAIT has ended.  One that overtook its script, of which the engine did not know the hash, has waited for nothing.
local function waited(self, lane, reply, message, code)
  local items, answer = lane.items, lane.answer
  lane.items, lane.answer = nil, nil
  if not items then return end
  self.why = not reply and message or not answer and (lane.message or "a script was unknown") or lack(self, reply) or nil
  if self.why and self.on_failure then self.on_failure(reply and answer and "replicas" or code or lane.code or "NOSCRIPT") end
  for i, item in ipairs(items) do
    if self.why then
      again(self, item)
    elseif not item.call then
      item.is_settled, item.text = true, answer[i]
    elseif answer[i] == 1 then
      item.is_settled = true
    elseif not item.is_over then -- another engine, that never got it
      item.is_over = true
      self.lost[#self.lost + 1] = item
    end
  end
  self:complete()
  if self.why or self.lost[1] then return self.pause:start(PAUSE_S) end
  self:go()
end

--- Asks for the disks, in the turn of the loop in which the connection that wrote has answered: another has written nothing, and would be told that
--- all is there.
local function ask_disks(self, lane, items, step_ms)
  local most_ms = math.max(1, math.floor(math.min(step_ms, (lane.till - self.loop:now()) * 1000)))
  lane.client:send(assert(resp.command({ "WAITAOF", 1, self.replicas, most_ms }, 4)), function(reply, message, code)
    if lane.items ~= items then return end
    self.lacks = reply and lack(self, reply) or nil
    if self.lacks and self.loop:now() < lane.till then return ask_disks(self, lane, items, math.min(2 * step_ms, LONGEST_MS)) end
    waited(self, lane, reply, message, code)
  end)
end

--- What a lane asks for: commits before records.
local function take(self)
  local items, count, reads, read_count = {}, 0, {}, 0
  local words, n = { 1, self.store.place, 0 }, 3
  while self.todo_first <= self.todo_last and count + read_count < MOST do
    local item = self.todo[self.todo_first]
    self.todo[self.todo_first], self.todo_first = nil, self.todo_first + 1
    if not item.is_over and item.call then
      count = count + 1
      items[count], words[n + 1], words[n + 2] = item, item.call.search.results, item.call.search.number
      n = n + 2
    elseif not item.is_over then
      read_count = read_count + 1
      reads[read_count] = item
    end
  end
  words[3] = count
  for i = 1, read_count do
    local item = reads[i]
    items[count + i], words[n + 1], words[n + 2] = item, item.kind, item.key
    n = n + 2
  end
  return items, words, n
end

--- Begins with what waits, where a connection is free.
---@private
function Waits:go()
  for _, lane in ipairs(self.lanes) do
    if not lane.items and lane.client.state == "ready" and self.todo_first <= self.todo_last then
      local items, words, n = take(self)
      if not items[1] then return end
      lane.items, lane.answer, lane.message, lane.code = items, nil, nil, nil
      lane.till = self.loop:now() + self.wait_s
      assert(lane.client:run(script, words, n, function(answer, message, code)
        if lane.items ~= items then return end
        lane.answer, lane.message, lane.code = answer, message, code
        if not self.disk then return end
        if answer then ask_disks(self, lane, items, STEP_MS) else waited(self, lane, nil, message, code) end
      end, nil, 0)) -- not at another node of a cluster: WAIT would be at this one
      if not self.disk then
        lane.client:send(self.wait_command, function(reply, message, code)
          if lane.items == items then waited(self, lane, reply, message, code) end
        end)
      end
    end
  end
end

--- Ends; the clients, too.  What still waits has failed.
function Waits:close()
  self.limit:close()
  self.pause:close()
  for i = self.first, self.last do
    if not self.items[i].is_over then fail(self, self.items[i], "the store is closed") end
  end
  for _, item in ipairs(self.lost) do fail(self, item, "the store is closed") end
  for _, lane in ipairs(self.lanes) do
    lane.items = nil
    lane.client:close()
  end
end

return waits
