--- Plays a plan: clients and a message centre, or a gateway and several, against each other in virtual time, and what each saw.
local clients = require "smpp.client"
local faults = require "smpp.simulate.faults"
local loops = require "smpp.loop"
local relays = require "smpp.simulate.relay"
local run = require "smpp.loop.run"
local simulators = require "smpp.simulator"
local talks = require "smpp.simulate.talk"
local task = require "smpp.base.task"
local text = require "smpp.text"

local stage = {}

local PORT, SETTLE_S, LOOK_S = 2775, 900, 5
local TIMEOUT_S, RELAYED_S = 10, 60 -- of a client's requests; with a gateway, which waits for carriers itself
local VALID_S = 120 -- validity_period of messages that a gateway stores: one whose outcome is unknown ends then
local TAG, PART = "#%04d ", 153 -- characters of a part

--- The text of a message: its tag over and over, so that every part of it has one.
---@param number integer
---@param length integer
---@return string
function stage.text_of(number, length)
  local tag = TAG:format(number)
  if length > 160 and length % PART < 2 * #tag then length = length + 2 * #tag end -- no part without a whole tag
  return (tag:rep(math.ceil(length / #tag))):sub(1, math.max(length, #tag))
end

--- The number in a text or a part of one.
---@param words string
---@return integer?
function stage.number_of(words) return tonumber(words:match "#(%d%d%d%d) ") end

-- ---- what the parts see ----

local function books_of(list, session)
  local books = list[session]
  if not books then
    books = { count = 0 }
    list[session] = books
  end
  return books
end

--- The wire as who submits sees it: requests that wait for a response, by session.
local function watch_wire(self, side, session, pdu, direction)
  local books, number, now = books_of(side.sessions, session), pdu.sequence_number, self.loop:now()
  if pdu.command == "submit_sm" and direction == "out" then
    for other, at in pairs(books) do -- after its timeout a request does not count any more
      if other ~= "count" and now - at >= side.timeout_s - 0.001 then books[other], books.count = nil, books.count - 1 end
    end
    books[number], books.count = now, books.count + 1
    side.most = math.max(side.most, books.count)
    table.insert(side.submit_times, now)
  elseif direction == "in" and books[number] and (pdu.command == "submit_sm_resp" or pdu.command == "generic_nack") then
    books[number], books.count = nil, books.count - 1
  end
end

local function read(message)
  return text.read { short_message = message.octets, data_coding = message.data_coding, esm_class = message.esm_class }
end

--- A message centre has taken a message: of the bot, or of a client.
local function taken(self, mc, message)
  local words, info = read(message)
  if self.talks and message.source_addr == talks.NUMBER then
    return task.start(self.sink, function() self.talks:heard(mc, message.destination_addr, words) end)
  end
  local part = text.part({}, info.header)
  local client = message.system_id
  if self.relay then
    for i in ipairs(self.plan.clients) do
      if relays.number_of(i) == message.source_addr then client = "esme" .. i end
    end
  end
  table.insert(self.taken, { number = stage.number_of(words), part = part and part.seq or 1, id = message.id, at = self.loop:now(), client = client })
end

local function rule_of(self, message)
  local words = read(message)
  local number = stage.number_of(words)
  local planned = number and self.plan.messages[number]
  if not planned then return nil end
  if planned.refusals and planned.refusals > (self.refused[number] or 0) then
    self.refused[number] = (self.refused[number] or 0) + 1
    return { status = planned.status }
  end
  return { state = planned.state, after_s = planned.after_s }
end

-- ---- actors ----

--- Message centres: one for the clients, or those of a gateway.
local function open_centres(self)
  for i = 1, self.with and self.with.carriers or 1 do
    local mc = assert(simulators.new {
      port = self.with and PORT + i or PORT, rules = { function(message) return rule_of(self, message) end }, enquire_link_s = 5,
      enquire_link_response_s = 5, seed = i, response_timeout_s = 10,
    })
    self.centres[i] = mc
    self.ports[#self.ports + 1] = mc.port
    mc:on("message", function(message) taken(self, mc, message) end)
    mc:on("error", function() end)
    if self.with then
      self.carriers[i] = { id = "the gateway at carrier c" .. i, o = self.with, timeout_s = TIMEOUT_S, sessions = {}, submit_times = {}, most = 0 }
    else
      mc:on("final", function(message) self.states[message.id] = message.state end)
    end
  end
end

local function open_relay(self)
  if not self.with then return end
  local about = { port = PORT, ports = {}, accounts = { "bot" }, numbers = { { number = talks.NUMBER, id = "bot" } } }
  for i, port in ipairs(self.ports) do about.ports[i] = port end
  for i in ipairs(self.plan.clients) do
    about.accounts[#about.accounts + 1] = "esme" .. i
    table.insert(about.numbers, { number = relays.number_of(i), id = "esme" .. i })
  end
  function about.failed(message) table.insert(self.errors, message) end
  function about.pdu(i, session, pdu, direction) watch_wire(self, self.carriers[i], session, pdu, direction) end
  self.relay = relays.open(self.with, about)
  self.ports[#self.ports + 1] = PORT
end

--- Hands a message of a phone to a message centre, for an ESME or the gateway.
local function hand(self, fields, mc)
  if self.relay then fields.system_id = "gateway" end
  return (mc or self.centres[1]):deliver(fields)
end

local function open_client(self, i, o)
  local client = {
    number = i, id = "esme" .. i, o = o, texts = {}, receipts = {}, submit_times = {}, sessions = {}, most = 0, timeout_s = self.timeout_s,
  }
  self.clients[i] = client
  client.esme = assert(clients.connect {
    ("smpp://%s:secret@127.0.0.1:%d"):format(client.id, PORT), wait = true, window = o.window, binds = o.binds,
    order = o.order and "destination" or nil, rate_per_s = o.rate_per_s, on_unknown = o.resend and "resend" or nil,
    reconnect = { min_s = 0.5, max_s = 5 }, enquire_link_s = 5, enquire_link_response_s = 5, response_timeout_s = self.timeout_s,
    bind_timeout_s = 5, pdu = function(pdu, direction, session) watch_wire(self, client, session, pdu, direction) end,
    message = function(message) table.insert(client.texts, message.text or message.data) end,
    receipt = function(receipt)
      table.insert(client.receipts, { id = receipt.id, state = receipt.state, number = tonumber((receipt.text or ""):match "#(%d%d%d%d)") })
    end,
  })
  client.esme:on("error", function() end)
end

local function send(self, number, message)
  local client = self.clients[message.client]
  local result = { done = false, asked_at = self.loop:now() }
  self.results[number] = result
  local sent, _, code, partial = client.esme:send {
    from = self.relay and relays.number_of(message.client) or nil, to = ("+4917612340%02d"):format(message.to),
    text = stage.text_of(number, message.length), receipt = message.receipt, validity_s = self.relay and VALID_S or nil,
  }
  if result.done then result.twice = true end
  result.done, result.code = true, code
  result.ids = (sent or partial or {}).message_ids or {}
  result.accepted = sent ~= nil
end

local function reply(self, number, one)
  local client = self.clients[one.client]
  local words = stage.text_of(number, one.length)
  local ok = hand(self, {
    from = ("4917650000%02d"):format(one.from), to = self.relay and relays.number_of(one.client) or "12345", text = words, system_id = client.id,
  }, self.centres[one.from % #self.centres + 1])
  self.replied[number] = ok and { client = one.client, text = words } or nil
end

--- Calls of the plan at their times.
local function schedule(self, at, fn)
  self.pending = self.pending + 1
  task.start(self.sink, function()
    local left = self.started + at - self.loop:now()
    if left > 0 then run.sleep(left) end
    fn()
    self.pending = self.pending - 1
  end)
end

local function heal(self)
  for i = #self.healers, 1, -1 do
    local fn = self.healers[i]
    self.healers[i] = nil
    fn()
  end
  self.healed = true
  for _, link in ipairs(self.links) do
    link.a_to_b:cut_after(nil)
    link.b_to_a:cut_after(nil)
  end
end

local function count_waiting(self)
  local waiting = 0
  for _, mc in ipairs(self.centres) do
    for _, account in pairs(mc.server.accounts) do waiting = waiting + (account.outbox and account.outbox.count or 0) end
  end
  return waiting
end

--- What is not settled yet, in words; nil: nothing.
local function unsettled(self)
  if self.pending > 0 then return "calls have not returned" end
  for _, client in ipairs(self.clients) do
    if client.esme.state ~= "bound" then return client.id .. " is " .. client.esme.state end
  end
  if count_waiting(self) > 0 then return "receipts or messages wait in the message centre" end
  for _, mc in ipairs(self.centres) do
    for _, message in ipairs(mc:messages()) do
      if message.state == "ENROUTE" then return "messages without a final state" end
    end
  end
  return self.relay and self.relay:unsettled() or self.talks and self.talks:unsettled() or nil
end

--- The states of messages, by the ids that their senders know.
local function note_states(self)
  local relay = self.relay
  if not relay then return end
  for number, result in pairs(self.results) do
    for _, id in ipairs(result.ids or {}) do
      if relay.stored then self.states[id] = relay.kept[id] else self.states[id] = self.plan.messages[number].state end
    end
  end
end

---@class smpp.SimulateRecord  what everybody saw
---@field results table  number of a message -> what its `send` returned
---@field taken table[]  what the message centre took
---@field clients table[]
---@field errors string[]
---@field unsettled string?
---@field left string?   what was open at the end

--- Plays a plan on the current loop, which has to be a virtual one.
---@async
---@param plan smpp.SimulatePlan
---@return smpp.SimulateRecord
function stage.play(plan)
  local loop = loops.current()
  local self = {
    plan = plan, loop = loop, started = loop:now(), clients = {}, links = {},
    results = {}, taken = {}, refused = {}, replied = {}, errors = {}, healers = {}, pending = 0, latency_s = 0, chunk = nil, healed = false,
    unsettled = nil, left = nil, states = {}, centres = {}, ports = {}, carriers = {},
    with = (plan.gateways or {})[1], relay = nil, talks = nil,
  }
  self.timeout_s = self.with and RELAYED_S or TIMEOUT_S
  self.sink = function(trace)
    table.insert(self.errors, trace)
    self.pending = self.pending - 1
  end
  local before = {}
  for _, handle in ipairs(loop:handles()) do before[handle] = true end
  local of_loop, of_tasks = loop.on_error, task.on_error
  loop.on_error = function(trace) table.insert(self.errors, trace) end
  task.on_error = loop.on_error
  loop:on_link(function(link)
    table.insert(self.links, link)
    for _, direction in ipairs { link.a_to_b, link.b_to_a } do
      direction.latency_s, direction.chunk = self.latency_s, self.chunk or 65536
    end
  end)
  open_centres(self)
  open_relay(self)
  local bot = (plan.bots or {})[1]
  if bot then
    self.talks = talks.open(bot, {
      port = PORT, count = #plan.talks, timeout_s = self.timeout_s, valid_s = self.relay and VALID_S or nil,
      deliver = function(fields, mc) return hand(self, fields, mc) end,
      failed = function(message) table.insert(self.errors, message) end,
    })
  end
  for i, o in ipairs(plan.clients) do schedule(self, 0, function() open_client(self, i, o) end) end
  run.sleep(0.1)
  for number, message in ipairs(plan.messages) do
    schedule(self, message.at + 0.2, function() send(self, number, message) end)
  end
  for number, one in ipairs(plan.replies) do schedule(self, one.at + 0.2, function() reply(self, number, one) end) end
  for index, one in ipairs(bot and plan.talks or {}) do schedule(self, one.at + 0.2, function() self.talks:begin(index) end) end
  for _, fault in ipairs(plan.faults) do
    schedule(self, fault.at + 0.2, function()
      if self.healed then return end
      local undo = faults[fault.what](self, fault)
      if not undo then return end
      table.insert(self.healers, undo)
      run.sleep(fault.for_s)
      for i, other in ipairs(self.healers) do
        if other == undo then
          table.remove(self.healers, i)
          undo()
          break
        end
      end
    end)
  end
  run.sleep(plan.seconds + 0.3)
  heal(self)
  local deadline = loop:now() + SETTLE_S
  repeat
    run.sleep(LOOK_S)
    self.unsettled = unsettled(self)
  until not self.unsettled or loop:now() >= deadline
  for _, client in ipairs(self.clients) do client.stats = client.esme:stats() end
  self.waiting = count_waiting(self)
  for _, client in ipairs(self.clients) do client.unfinished = client.esme:close(10) end
  if self.talks then self.talks:close() end
  if self.relay then self.relay:close() end
  note_states(self)
  for _, mc in ipairs(self.centres) do mc:close(10) end
  run.sleep(10)
  loop.on_error, task.on_error = of_loop, of_tasks
  local open = {}
  for _, handle in ipairs(loop:handles()) do
    if not before[handle] then open[#open + 1] = handle.kind .. (handle.address and " " .. handle.address or "") end
  end
  self.left = #open > 0 and table.concat(open, ", ") or nil
  return self
end

return stage
