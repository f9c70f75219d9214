--- Several gateways that are nodes on one engine, each a process of its own under virtual time, customers and carriers around them, and the books
--- of what all of them have said and got.  A plan says what happens, so that the same plan is the same run.
local esme = require "spec.support.esme"
local fields = require "smpp.store.valkey_fields"
local gateways = require "smpp.gateway"
local models = require "spec.support.valkey_model"
local processes = require "spec.support.process_loop"
local run = require "smpp.loop.run"
local smpp = require "smpp"
local util = require "spec.support.util"

local fleet = { NODES = 3, LEASE_S = 2, BINDS = { 2, 1 }, CREDIT = 15 }

local Fleet = {}
local mt = { __index = Fleet }

local ENGINE_PORT = 6379
local KEYS = "smpp:{gw}:"
local SETTLE_S = 60       -- until all books are balanced, when nothing fails any more
local RESUMED_S = 1       -- a node that stood still has so long to close its binds
local NUMBERS = { acme = "12345", bank = "67890" }

local FILE = [[
store { "valkey://127.0.0.1", node = "%%s", lease_s = %d, retry = { first_s = 0.5, max_s = 2 } }
listen { port = %%d, accounts = { acme = { password = "secret", credit = %d }, bank = "hidden" } }
carrier "a" { "smpp://me:x@localhost:2001", binds = %d, window = 3, reconnect = { fixed_s = 0.5 } }
carrier "b" { "smpp://me:x@localhost:2002", binds = %d, window = 3, reconnect = { fixed_s = 0.5 } }
route { to = prefix "492", via = "b" }
route { account = "bank", to = prefix "493", via = failover { "a", "b" }, through = true }
route { via = failover { "a", "b" } }
incoming { to = "67890", deliver = "bank" }
incoming { deliver = "acme" }
]]

-- ---- nodes ----

local function node_text(name, port)
  return (FILE:format(fleet.LEASE_S, fleet.CREDIT, fleet.BINDS[1], fleet.BINDS[2]):gsub("%%s", name):gsub("%%d", port))
end

--- Starts the i-th node; under another name, where one is given.
function Fleet:start(i, name)
  local process = processes.new(self.loop)
  local one = { i = i, name = name or ("abc"):sub(i, i), process = process, port = 2774 + i }
  local gateway, message = gateways.new {
    path = "gateway.lua", text = node_text(one.name, one.port), watch_s = 0, loop = process,
    log = function(record)
      record.at, record.of = self.loop:now(), one.name
      self.records[#self.records + 1] = record
    end,
  }
  if not gateway then error(message, 0) end
  run.closed(gateway) -- it ends with its process
  one.gateway = gateway
  self.nodes[i] = one
end

--- kill -9.
function Fleet:kill(i)
  self.nodes[i].process:kill()
  self.nodes[i] = nil
end

-- ---- carriers ----

--- A carrier, which takes nearly everything, sends receipts, and sends them again until they are acknowledged.
function Fleet:carrier(i)
  local random, one = self.random, { name = ("ab"):sub(i, i), count = 0 }
  local function submit_sm(session, pdu)
    local entry = self.sent[pdu.short_message]
    entry.seen = true
    local dice = random(self.plan.refuses and 8 or 1000000)
    if dice <= 4 then smpp.sleep(random(20) / 40) end
    if dice == 5 then return nil, "ESME_RTHROTTLED" end
    if dice == 6 then return nil, "ESME_RX_T_APPN" end
    one.count = one.count + 1
    entry.taken = entry.taken + 1
    entry.taken_at = entry.taken_at or self.loop:now()
    local id = ("%s-%d"):format(one.name, one.count)
    smpp.spawn(function()
      smpp.sleep(0.05 + random(20) / 10)
      self:tell(one, {
        source_addr = pdu.destination_addr, destination_addr = pdu.source_addr, esm_class = 4, short_message = ("id:%s stat:DELIVRD err:000"):format(id),
      }, function() entry.told = entry.told + 1 end)
    end)
    if not session:is_answerable(pdu) then return end
    return id
  end
  one.server = assert(smpp.server { port = 2000 + i, accounts = { me = "x" }, submit_sm = submit_sm, response_timeout_s = 3 })
  one.server:on("error", function() end)
  self.carriers[i] = one
end

--- Sends a deliver_sm to any bind until it is acknowledged.
---@async
function Fleet:tell(carrier, pdu, done)
  while not self.ended do
    local sessions = carrier.server.sessions
    local session = sessions[1] and sessions[self.random(#sessions)]
    if session and session:deliver_sm(pdu) then return done() end
    smpp.sleep(0.5)
  end
end

--- An MO.
function Fleet:incoming(i, account, words)
  self.mo[words] = { account = account, acknowledged = false, got = 0 }
  self:tell(self.carriers[i], { source_addr = "49777", destination_addr = NUMBERS[account], short_message = words }, function()
    self.mo[words].acknowledged = true
  end)
end

-- ---- customers ----

--- A customer's bind at a node, that comes again.
function Fleet:customer(account, i)
  local password = account == "acme" and "secret" or "hidden"
  local client = assert(smpp.connect {
    ("smpp://%s:%s@localhost:%d"):format(account, password, 2774 + i), reconnect = { fixed_s = 0.5 }, response_timeout_s = 10, window = 20,
    deliver_sm = function(pdu)
      local id = pdu.esm_class ~= 0 and pdu.short_message:match "id:(%S+)"
      if id then
        self.receipts[id] = self.receipts[id] or { account = account, got = 0 }
        self.receipts[id].got = self.receipts[id].got + 1
        if self.receipts[id].account ~= account then error("a receipt for another account") end
      else
        local mo = self.mo[pdu.short_message]
        if mo.account ~= account then error("an MO for another account") end
        mo.got = mo.got + 1
      end
      return true
    end,
  })
  client:on("error", function() end)
  table.insert(self.customers[account], client)
end

--- Submits one message: what it was answered stands in the books.
---@async
function Fleet:submit(item)
  local words = "m" .. item.n
  local is_through = item.account == "bank" and item.of % 4 == 0
  local entry = { n = item.n, through = is_through, account = item.account, seen = false, taken = 0, told = 0, later_s = item.later_s }
  self.sent[words] = entry
  local list = self.customers[item.account]
  local response, _, code = list[(item.of - 1) % #list + 1]:submit_sm {
    source_addr = NUMBERS[item.account], destination_addr = (is_through and "493" or item.of % 3 == 0 and "492" or "491") .. 100000 + item.n, short_message = words,
    registered_delivery = 1, schedule_delivery_time = item.later_s and ("0000000000%02d000R"):format(item.later_s) or nil,
  }
  entry.id, entry.code, entry.answered_at = response and response.message_id, code, self.loop:now()
end

-- ---- faults ----

local faults = {}

local function free(self, i)
  local one = self.nodes[i]
  self.may_forget = true
  return one and not one.busy and one
end

--- Ends what was begun by a fault, later, or at once where the plan ends first.
local function after(self, seconds, fn)
  self.pending = self.pending + 1
  smpp.spawn(function()
    smpp.sleep(seconds)
    fn()
    self.pending, self.calm_at = self.pending - 1, self.loop:now()
  end)
end

function faults.crash(self, item)
  if not free(self, item.node) then return end
  self:kill(item.node)
  self.crashed_at = self.loop:now()
  after(self, item.for_s, function() self:start(item.node, item.other and ("abc"):sub(item.node, item.node) .. self.loop.serial or nil) end)
end

function faults.leave(self, item)
  local one = free(self, item.node)
  if not one then return end
  one.busy = true
  after(self, 0, function()
    one.gateway:close()
    one.process:kill()
    self.nodes[item.node] = nil
    smpp.sleep(item.for_s)
    self:start(item.node)
  end)
end

function faults.pause(self, item)
  local one = free(self, item.node)
  if not one then return end
  one.busy = true
  one.process:stop()
  after(self, item.for_s, function()
    one.busy = false
    one.process:go_on()
  end)
end

local function cut(what)
  return function(self, item)
    local one = free(self, item.node)
    if not one then return end
    one.busy = true
    one.process:cut_off(what)
    after(self, item.for_s, function()
      one.busy = false
      one.process:cut_off(false)
    end)
  end
end
faults.cut_from_engine, faults.cut_off = cut(ENGINE_PORT), cut(true)

--- kill -9 of the engine, that has every octet on its disk.
function faults.engine(self, item)
  if self.engine.is_down then return end
  local old = self.engine
  old.is_down = true
  old.close()
  after(self, item.for_s, function()
    self.engines = self.engines + 1
    self:open_engine(old.data, old.clock_ahead_s)
  end)
end

function faults.clock(self, item) self.engine.clock_ahead_s = self.engine.clock_ahead_s + (item.other and -1 or 1) * item.for_s end

function faults.carrier(self, item)
  for _, session in ipairs(self.carriers[item.node % 2 + 1].server.connections:list()) do session:reset "broken" end
end

function faults.answers(self, item)
  self.loses = true
  after(self, item.for_s, function() self.loses = false end)
end

fleet.FAULTS = { "crash", "leave", "pause", "cut_from_engine", "cut_off", "engine", "clock", "carrier", "answers" }

function Fleet:open_engine(data, clock_ahead_s)
  self.engine = models.new(self.loop, {
    data = data, info = { run_id = "run-" .. self.engines, master_replid = "replid-" .. self.engines },
    fate = function()
      if not self.loses then return nil end
      local dice = self.random(10)
      return dice == 1 and "lost" or dice == 2 and "unanswered" or nil
    end,
  })
  self.engine.clock_ahead_s = clock_ahead_s or 0
end

-- ---- books ----

local function say(self, text, ...) error(("at %.3f: "):format(self.loop:now()) .. text:format(...), 0) end

--- Binds of a carrier, of the nodes that run.
local function binds_of(self, name)
  local count = 0
  for _, one in pairs(self.nodes) do
    local carrier = one.gateway.by_name[name]
    if carrier and not one.process.stopped and self.loop:now() - one.process.resumed_at > RESUMED_S then
      carrier.client.pool:each_session(function(session)
        if session.state and session.state:find "^BOUND" then count = count + 1 end
      end)
    end
  end
  return count
end

--- A counter, in millionths.
local function credit_of(record) return tonumber(record.text:match "^[^\n]*") end

--- What holds at every instant.
function Fleet:check()
  for i, most in ipairs(fleet.BINDS) do
    local count = binds_of(self, ("ab"):sub(i, i))
    self.most_binds[i] = math.max(self.most_binds[i] or 0, count)
    if count > most then say(self, "carrier %d has %d of %d binds", i, count, most) end
  end
  local credit = self.engine.data[KEYS .. "counter:r:credit/acme"]
  if credit and credit_of(credit) < 0 then say(self, "credit is below zero: %s", credit.text) end
end

--- Records of the engine.
local function records_of(self, kind)
  local all, before = {}, KEYS .. kind .. ":r:"
  for name, value in pairs(self.engine.data) do
    local key = name:sub(1, #before) == before and name:sub(#before + 1)
    if key then all[key] = fields.read(key, value.text) end
  end
  return all
end

--- What is not yet as it has to be in the end; nil: nothing.
local function missing(self)
  for words, entry in pairs(self.sent) do
    if not entry.answered_at then return words .. " has no answer" end
    if entry.id and entry.taken == 0 and not entry.seen then return ("%s (%s) was answered, and no carrier has it"):format(words, entry.id) end
    local may_lack = entry.through and self.may_forget -- its node may not have been able to tell the engine of it
    if entry.id and entry.told > 0 and not self.receipts[entry.id] and not may_lack then return ("%s (%s): its receipt was acknowledged, and its customer has none"):format(words, entry.id) end
    if entry.taken > entry.told then return ("%s (%s): %d receipts are not acknowledged"):format(words, tostring(entry.id), entry.taken - entry.told) end
  end
  for words, mo in pairs(self.mo) do
    if not mo.acknowledged then return words .. " is not acknowledged" end
    if mo.got == 0 then return words .. " was acknowledged, and its customer has not got it" end
  end
  for key, set in pairs(self.engine.data) do
    local place = key:match "^[^}]*}:(%l+):"
    if (place == "work" or place == "queue") and not key:find ":h:" then return ("%s has %s"):format(key, set.list[1][1]) end
  end
end

--- The last look at the books.
function Fleet:balance()
  local records, charged, is_calm = records_of(self, "message"), 0, not self.plan.faults[1]
  local of = {}
  for key, record in pairs(records) do
    if record.system_id == "acme" then charged = charged + (record.charged or 0) end
    of[record.id or key] = record
  end
  for words, entry in pairs(self.sent) do
    local record = entry.id and of[entry.id]
    if entry.through and entry.taken > 1 then say(self, "%s was taken %d times", words, entry.taken) end
    if entry.id and not record and not entry.through then say(self, "%s (%s) is not in the books", words, entry.id) end
    if entry.taken > 1 and record and not record.maybe_twice then say(self, "%s (%s) was taken %d times, and is not marked", words, entry.id, entry.taken) end
    if entry.taken > 0 and entry.code == "ESME_RSUBMITFAIL" and not entry.through then say(self, "%s was refused, and taken", words) end
    local got = entry.id and self.receipts[entry.id] and self.receipts[entry.id].got or 0
    if got > 1 and is_calm then say(self, "%s (%s): %d receipts", words, entry.id, got) end
    if is_calm and entry.taken > 1 then say(self, "%s was taken %d times", words, entry.taken) end
  end
  for words, mo in pairs(self.mo) do
    if mo.got > 1 and is_calm then say(self, "%s came %d times", words, mo.got) end
  end
  local credit = self.engine.data[KEYS .. "counter:r:credit/acme"]
  local left = credit and credit_of(credit) or fleet.CREDIT * 1000000
  if left ~= fleet.CREDIT * 1000000 - charged then say(self, "credit is %d, and messages have cost %d", left, charged) end
  for _, record in ipairs(self.records) do
    if record.event == "failed" then say(self, "node %s has failed: %s", record.of, record.reason) end
  end
end

-- ---- a run ----

local function happen(list, fn)
  for _, item in ipairs(list) do
    smpp.spawn(function()
      smpp.sleep(item.at)
      fn(item)
    end)
  end
end

--- Runs a plan: { seed, refuses, customers = { acme = { node, … }, bank = … }, messages, incoming, faults }; each of these with `at`.
--- What the world looked like in the end.
---@param plan table
---@param watch (fun(fleet: table))?  called when all is settled
---@return table
function fleet.run(plan, watch)
  local self
  esme.run(function(loop)
    self = setmetatable({
      loop = loop, plan = plan, random = util.seeded(plan.seed), nodes = {}, carriers = {}, customers = { acme = {}, bank = {} }, records = {},
      sent = {}, receipts = {}, mo = {}, engines = 1, pending = 0, may_forget = false, calm_at = 0, loses = false, ended = false, most_binds = {},
    }, mt)
    self:open_engine {}
    for i = 1, 2 do self:carrier(i) end
    for i = 1, fleet.NODES do self:start(i) end
    loop.watch = function() self:check() end
    smpp.sleep(1)
    for account, list in pairs(plan.customers) do
      for _, i in ipairs(list) do self:customer(account, i) end
    end
    happen(plan.faults, function(item) faults[item.what](self, item) end)
    happen(plan.messages, function(item) self:submit(item) end)
    happen(plan.incoming, function(item) self:incoming(item.carrier, item.account, "mo" .. item.n) end)
    smpp.sleep(plan.lasts_s)
    while self.pending > 0 do smpp.sleep(0.5) end
    local till, why = loop:now() + SETTLE_S, nil
    repeat
      smpp.sleep(1)
      why = missing(self)
    until not why or loop:now() > till
    if why then say(self, "%s", why) end
    smpp.sleep(3) -- what should not come
    self:balance()
    if watch then watch(self) end
    loop.watch, self.ended = nil, true
    for _, list in pairs(self.customers) do
      for _, client in ipairs(list) do client:close(0) end
    end
    for i = 1, fleet.NODES do self:kill(i) end
    for _, one in ipairs(self.carriers) do one.server:close(0) end
    self.engine.close()
  end, { seed = plan.seed, limit_s = 100000 })
  return self
end

return fleet
