--- Several gateways that are nodes on one engine, each a process of its own under virtual time, customers and carriers around them, and the books
--- of what all of them have said and got.  A plan says what happens, so that the same plan is the same run.
local books = require "spec.support.fleet_books"
local esme = require "spec.support.esme"
local faults = require "spec.support.fleet_faults"
local gateways = require "smpp.gateway"
local processes = require "spec.support.process_loop"
local run = require "smpp.loop.run"
local smpp = require "smpp"
local util = require "spec.support.util"

local fleet = { NODES = 3, FAULTS = faults.NAMES, MOMENTS = faults.MOMENTS }

local Fleet = { LEASE_S = 2, BINDS = { 2, 1 } }
local mt = { __index = Fleet }

local SETTLE_S = 60       -- until all books are balanced, when nothing fails any more
local NUMBERS = { acme = "12345", bank = "67890" }

local FILE = [[
store { "valkey://127.0.0.1", node = "%%s", lease_s = %d, %sretry = { first_s = 0.5, max_s = 2 } }
listen { port = %%d, accounts = { acme = { password = "secret", credit = %d }, bank = "hidden" } }
carrier "a" { "smpp://me:x@localhost:2001", binds = %d, window = 3, on_unknown = "%s", breaker = false, reconnect = { fixed_s = 0.5 } }
carrier "b" { "smpp://me:x@localhost:2002", order = "destination", binds = %d, window = 3, on_unknown = "%s", breaker = false, reconnect = { fixed_s = 0.5 } }
route { to = prefix "492", via = "b" }
route { to = prefix "494", via = "a" }
route { account = "bank", to = prefix "493", via = failover { "a", "b" }, through = true }
route { via = failover { "a", "b" } }
incoming { to = "67890", deliver = "bank" }
incoming { deliver = "acme" }
]]

-- ---- nodes ----

local function node_text(self, name, port)
  local plan, binds = self.plan, self.BINDS
  local durable = plan.durable and 'durable = "replica", wait_ms = 500, ' or ""
  return (FILE:format(self.LEASE_S, durable, plan.credit, binds[1], plan.on_unknown, binds[2], plan.on_unknown):gsub("%%s", name):gsub("%%d", port))
end

--- Starts the i-th node; under another name, where one is given.
function Fleet:start(i, name)
  local process = processes.new(self.loop)
  local one = { i = i, name = name or ("abc"):sub(i, i), process = process, port = 2774 + i, busy = false, whole_at = -math.huge }
  local gateway, message = gateways.new {
    path = "gateway.lua", text = node_text(self, one.name, one.port), watch_s = 0, loop = process,
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

--- The node that has a connection.
---@param port integer  at its end
---@return table?
function Fleet:node_of(port)
  for _, one in pairs(self.nodes) do
    if one.process.ports[port] then return one end
  end
end

-- ---- carriers ----

--- A carrier, which takes nearly everything, sends receipts, and sends them again until they are acknowledged.
function Fleet:carrier(i)
  local random, one = self.random, { name = ("ab"):sub(i, i), count = 0 }
  local function submit_sm(session, pdu)
    local entry = self.sent[pdu.short_message]
    entry.seen = true
    books.submitted(self, session)
    faults.moment(self, "submit", session.peer.port)
    local dice = random(self.plan.refuses and 8 or 1000000)
    if dice <= 4 then smpp.sleep(random(20) / 40) end
    if dice == 5 then return nil, "ESME_RTHROTTLED" end
    if dice == 6 then return nil, "ESME_RX_T_APPN" end
    if dice == 7 then return nil, "ESME_RINVDSTADR" end
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
  one.server:on("state", function(session, state)
    if state:find "^BOUND" then session.bound_since = self.loop:now() end
  end)
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
  local is_ordered = not is_through and item.of % 3 == 0 -- few destinations, for a carrier that wants an order
  local entry = { n = item.n, through = is_through, ordered = is_ordered, account = item.account, seen = false, taken = 0, told = 0 }
  local is_free = item.of % 3 == 1 -- for a carrier that wants no order: a node that takes it works on it at once
  entry.to = is_ordered and "492" .. item.n % 2 or (is_through and "493" or is_free and "494" or "491") .. 100000 + item.n
  self.sent[words], entry.is_later, entry.asked_at = entry, item.later_s ~= nil, self.loop:now()
  local list = self.customers[item.account]
  local response, _, code = list[(item.of - 1) % #list + 1]:submit_sm {
    source_addr = NUMBERS[item.account], destination_addr = entry.to, short_message = words,
    registered_delivery = 1, schedule_delivery_time = item.later_s and ("0000000000%02d000R"):format(item.later_s) or nil,
  }
  entry.id, entry.code, entry.answered_at = response and response.message_id, code, self.loop:now()
  entry.due_at = entry.answered_at + (item.later_s or 0) + self.most_ahead_s -- by the engine's clock
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

--- Runs a plan: { seed, credit, refuses, on_unknown, latency_s, customers = { acme = { node, … }, bank = … }, messages, incoming, faults }; each of these with `at`.
--- What the world looked like in the end.
---@param plan table
---@param watch (fun(fleet: table))?  called when all is settled
---@return table
function fleet.run(plan, watch)
  local self
  esme.run(function(loop)
    self = setmetatable({
      loop = loop, plan = plan, random = util.seeded(plan.seed), nodes = {}, carriers = {}, customers = { acme = {}, bank = {} }, records = {},
      sent = {}, receipts = {}, mo = {}, engines = 0, loses = false, ended = false, most_binds = { 0, 0 },
      armed = {}, lease_log = {},                 -- faults that wait for their moment; leases of the last seconds
      pending = 0, troubles = 0, may_forget = false,                  -- faults that will end; those of them that are more than a node that is down
      disturbed_at = loop:now(), looked_at = 0, most_ahead_s = 0,
      broken = nil,                               -- what a handler has found
    }, mt)
    if plan.latency_s > 0 then -- each way
      loop:on_link(function(link) link.a_to_b.latency_s, link.b_to_a.latency_s = plan.latency_s, plan.latency_s end)
    end
    fleet.last = self -- for a look at one that failed
    faults.open_engine(self, {})
    for i = 1, 2 do self:carrier(i) end
    for i = 1, fleet.NODES do
      self:start(i)
      smpp.sleep(0.13) -- their beats are not at the same instants
    end
    loop.watch = function() books.check(self) end
    smpp.sleep(1)
    for account, list in pairs(plan.customers) do
      for _, i in ipairs(list) do self:customer(account, i) end
    end
    happen(plan.faults, function(item) faults.begin(self, item) end)
    happen(plan.messages, function(item) self:submit(item) end)
    happen(plan.incoming, function(item) self:incoming(item.carrier, item.account, "mo" .. item.n) end)
    smpp.sleep(plan.lasts_s)
    self.armed = {}
    while self.pending > 0 do smpp.sleep(0.5) end
    local till, why = loop:now() + SETTLE_S, nil
    repeat
      smpp.sleep(1)
      why = books.missing(self)
    until not why or loop:now() > till
    if why then error(("at %.3f: %s"):format(loop:now(), why), 0) end
    smpp.sleep(3) -- what should not come
    books.balance(self)
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
