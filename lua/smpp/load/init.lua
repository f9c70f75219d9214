--- Load tests: messages at a rate (open model) or through a window (closed model); latencies count from when a message was due, which
--- avoids coordinated omission.  docs/load.md is the guide.
local clients = require "smpp.client"
local client_options = require "smpp.client.options"
local commands = require "smpp.codec.commands"
local core = require "smpp.core"
local batches = require "smpp.load.batch"
local engines = require "smpp.load.engine"
local grammar = require "smpp.load.grammar"
local kind = require "smpp.base.kind"
local loops = require "smpp.loop"
local mc = require "smpp.load.mc"
local misbehave = require "smpp.load.misbehave"
local random = require "smpp.base.random"
local receipts = require "smpp.receipt"
local recorders = require "smpp.load.recorder"
local rules = require "smpp.load.rules"
local replays = require "smpp.load.replay"
local run = require "smpp.loop.run"
local schedules = require "smpp.load.schedule"
local schema = require "smpp.base.schema"
local singles = require "smpp.load.single"
local sources = require "smpp.load.source"
local task = require "smpp.base.task"

local load = { default_rate = 10, grammar = grammar, rules = rules, histogram = require "smpp.load.histogram" }

local words = kind.either("string", kind.list("string", "strings"))
local positive = kind.with_unit("s", kind.real(1e-3))

--- Options of a load test.
load.options = schema.new {
  { 1, kind.either("string", "table"), nil, "the message centre: a URL, or a table as smpp.connect takes it", '"smpp://me:secret@localhost"' },
  { "rate", kind.rate, nil, "open model: messages that are due per second, over all binds", "rate = 500", default_text = "10" },
  { "stages", "table", nil, "open model: points of a rate over time, linear between them",
    "stages = { { at_s = 0, rate = 100 }, { at_s = 60, rate = 5000 } }" },
  { "closed", "boolean", false, "closed model: a message leaves when the window has room", "closed = true" },
  { "window", kind.integer(0, 65535), nil, "requests in flight per bind; 0: no limit", "window = 50", default_text = "10 if closed, else 1000" },
  { "for_s", positive, nil, "how long messages are sent", "for_s = 60", default_text = "10, without count" },
  { "count", kind.count, nil, "how many messages are sent", "count = 10000" },
  { "arrival", kind.one_of("even", "poisson"), "even", "spacing of messages in the open model", 'arrival = "poisson"' },
  { "binds", kind.count, 1, "number of binds", "binds = 10" },
  { "listen", "table", nil, "be a message centre that pushes messages to whoever binds: options of smpp.server", "listen = { port = 2775 }" },
  { "wait_bind_s", kind.seconds, 60, "with listen: wait for the first bind", "wait_bind_s = 10" },
  { "on_listening", "function", nil, "with listen: called with host and port", "on_listening = function(host, port) print(port) end" },
  { "accounts", "table", nil, "accounts that the binds take in turn", 'accounts = { { system_id = "a", password = "x", share = 0.7 } }' },
  { "bind_rate", kind.rate, 100, "binds per second at the start", "bind_rate = 10" },
  { "warm_up_s", kind.seconds, 0, "traffic before it that counts in no figure", "warm_up_s = 5" },
  { "drain_s", kind.seconds, 10, "wait for answers after the last message", "drain_s = 30" },
  { "receipt_wait_s", kind.seconds, 30, "wait for receipts after the last message", "receipt_wait_s = 60" },
  { "response_timeout_s", kind.seconds, 10, "a message without an answer for so long is unknown", "response_timeout_s = 60" },
  { "max_late_s", positive, 60, "a generator so late gives up", "max_late_s = 10" },
  { "give_up_s", positive, 30, "without any bind for so long the test ends", "give_up_s = 60" },
  { "from", words, nil, 'source address, or patterns as "70%:49170[7]"', 'from = "Shop"' },
  { "to", words, "4917600[7]", "destination, or patterns: [7] random digits, [#7] a counter, [100-299] a range", 'to = "49176[#8]"' },
  { "text", "string", nil, "text of the messages", 'text = "Hello"', default_text = '"Hello from smpp load"' },
  { "texts", "table", nil, "texts, taken at random", 'texts = { "one", "two" }' },
  { "text_order", "boolean", false, "take texts in their order", "text_order = true" },
  { "length", words, nil, 'characters instead of texts, as "1-160" or { "20:70%", "300:30%" }', 'length = "1-160"' },
  { "encoding", words, nil, 'encodings and their shares, as { "gsm7:70%", "ucs2:30%" }', 'encoding = "ucs2"' },
  { "receipts", kind.either("boolean", kind.real(0, 1)), false,
    "ask for receipts and wait for them; with listen: the share of messages that are receipts", "receipts = true" },
  { "replay", "string", nil, "a capture whose submit_sm (with listen: deliver_sm) are sent again, at their times", 'replay = "traffic.pcapng"' },
  { "speed", kind.real(1e-3), 1, "how much faster than recorded; math.huge: at once", "speed = 2" },
  { "misbehave", misbehave.kind, nil, "what the client does wrong on purpose", 'misbehave = "slow-reader"' },
  { "fields", "table", nil, "more options of a message, as esme:send takes them: parameters and TLVs of submit_sm", "fields = { validity_s = 60 }" },
  { "script", "table", nil, "functions setup, message(n), answered, receipt, check, done",
    'script = { message = function(n) return { to = "491", text = "no. " .. n } end }', program = true },
  { "fail_if", words, nil, 'rules, as "p99 > 500ms", "errors > 0.1%"', 'fail_if = { "p99 > 500ms", "abort: errors > 5%" }' },
  { "seed", kind.number, nil, "seed of all that is random", "seed = 7" },
  { "on_second", "function", nil, "called with the row of each second", "on_second = function(row) print(row.sent) end" },
  { "loop", "table", nil, "event loop", "loop = loop", default_text = "the current one", program = true },
}
load.options.expected = "a table of options"

local UNLIMITED = 65535

--- Checks options that depend on one another; nil: they are right.
local function problem(o)
  if o.closed and (o.rate or o.stages) then return "closed: cannot be combined with rate or stages" end
  if o.stages and (o.rate or o.for_s) then return "stages: cannot be combined with rate or for_s" end
  local bind = type(o[1]) == "table" and o[1].bind or nil
  if bind == "rx" and not o.misbehave then return "bind: a receiver (rx) cannot send messages; expected trx, tx or tx+rx" end
  if o.misbehave and o.listen then return "misbehave: cannot be combined with listen" end
  if o.replay and (o.rate or o.stages or o.closed or o.script or o.warm_up_s > 0) then
    return "replay: cannot be combined with rate, stages, closed, script or warm_up_s"
  end
  if o.script and (o.text or o.texts or o.length) then return "script: cannot be combined with text, texts or length" end
  if o.script then
    local wrong = sources.problem(o.script)
    if wrong then return "script: " .. wrong end
  end
  for i, point in ipairs(o.stages or {}) do
    local before = o.stages[i - 1]
    if type(point) ~= "table" or type(point.at_s) ~= "number" or type(point.rate) ~= "number" or point.rate < 0
      or before and point.at_s < before.at_s then
      return ("stages[%d]: expected { at_s =, rate = } with times that do not fall"):format(i)
    end
  end
end

--- Reads and checks the options; a mistake is returned.
---@param given table
---@return table? o  with `client`, `rules` and the defaults
---@return string? message
function load.read(given)
  local wrong = load.options:problem(given)
  if wrong then return nil, wrong.message end
  local o = load.options:fill(given)
  if o[1] == nil and not o.listen then return nil, "missing URL" end
  if o.listen and o[1] ~= nil then return nil, "listen: cannot be combined with a URL" end
  wrong = problem(o)
  if wrong then return nil, wrong end
  if not o.closed and not o.stages and not o.replay then o.rate = o.rate or load.default_rate end
  if not o.for_s and not o.count and not o.stages and not o.replay then o.for_s = 10 end
  o.window = o.window or (o.closed and 10 or 1000)
  if o.window == 0 then o.window = UNLIMITED end
  o.loop = o.loop or loops.current()
  o.seed = o.seed or math.floor(o.loop:random() * 2 ^ 31)
  o.rules = {}
  for i, text in ipairs(type(o.fail_if) == "table" and o.fail_if or { o.fail_if }) do
    o.rules[i], wrong = rules.read(text)
    if wrong then return nil, wrong end
  end
  local of_target = type(o[1]) == "table" and o[1] or { o[1] or "smpp://mc@localhost" }
  local read
  read, wrong = client_options.read(of_target)
  if not read then return nil, wrong.message end
  o.target, o.client = of_target, read
  return o
end

--- Reads receipts of the client's peer.
local function receiver(self)
  local engine = self.engine
  local read = core.receipt.read
  return function(pdu)
    local id, state, final = read(pdu)
    if not id then
      if not receipts.is(pdu) then return end
      local receipt = receipts.parse(pdu)
      if not receipt then return end
      id, state, final = receipt.id, receipt.state, receipt.final
    end
    if not final then return end
    engine:receipt(id, state == "DELIVERED" or state == "ACCEPTED")
    if self.script and self.script.receipt then engine:call(self.script.receipt, { id = id, state = state }) end
  end
end

---@class smpp.LoadRun
---@field engine smpp.LoadEngine
---@field recorder smpp.LoadRecorder
---@field watch (fun(pdu: smpp.Pdu, direction: string, session: smpp.Session))?  sees each PDU; set before `bind`
local Run = {}
local RUN = { __index = Run, __name = "smpp.LoadRun" }

--- Prepares a test; nothing is sent yet.
---@param o table  of `read`
---@return smpp.LoadRun? run
---@return string? message
function load.prepare(o)
  local number = random.generator(o.seed)
  local source, wrong
  local recorded
  if o.script then
    source = sources.script(o.script, o.client, o.loop)
  elseif o.replay then
    recorded, wrong = replays.read(o.replay, o.listen and "deliver_sm" or "submit_sm")
    if not recorded then return nil, wrong, "no_messages" end
    local expand
    if o.to ~= load.options.defaults.to then
      expand, wrong = grammar.pattern(type(o.to) == "table" and o.to[1] or o.to)
      if not expand then return nil, "to: " .. wrong end
    end
    source = replays.source(recorded, expand and function(n) return expand(n, number) end)
  else
    -- Random numbers of its own, so that a batch draws the same.
    source, wrong = sources.new(o, o.client, o.loop, random.generator(o.seed + 1))
    if not source then return nil, wrong end
    if o.listen and o.receipts then source = mc.with_receipts(source, o.receipts == true and 1 or o.receipts, o.loop, number) end
  end
  local self = setmetatable({
    o = o, loop = o.loop, script = o.script, esmes = {}, links = {}, refused = {}, up = 0, engine = nil, recorder = nil,
    wrong = o.misbehave and misbehave.of(o.misbehave), interrupted = false, hurried = false, ended = nil, failed = nil,
  }, RUN)
  local schedule
  if recorded then
    schedule, self.skipped = replays.schedule(recorded, o.speed), recorded.skipped
  elseif not o.closed then
    local warm = o.warm_up_s
    local stages = o.stages
    if warm > 0 then
      stages = stages or { { at_s = 0, rate = o.rate }, { at_s = o.for_s or math.huge, rate = o.rate } }
      local shifted = { { at_s = 0, rate = stages[1].rate }, { at_s = warm, rate = stages[1].rate } }
      for _, point in ipairs(stages) do shifted[#shifted + 1] = { at_s = point.at_s + warm, rate = point.rate } end
      stages = shifted
    end
    schedule = schedules.new { rate = o.rate, stages = stages, for_s = o.for_s, arrival = o.arrival, random = number,
      count = o.count and o.count + math.floor(warm * (o.rate or stages and stages[1].rate or 0)) }
  end
  self.recorder = recorders.new {
    closed = o.closed, in_flight = function() return self.engine.open end, on_second = function(row) self:second(row) end,
    rate_at = schedule and function(at_s) return schedule:rate_at(at_s + o.warm_up_s) * self.engine.factor end,
  }
  local command = o.listen and "deliver_sm" or "submit_sm"
  self.engine = engines.new {
    loop = o.loop, recorder = self.recorder, schedule = schedule, count = o.count, for_s = o.for_s, warm_up_s = o.warm_up_s,
    max_late_s = o.max_late_s,
    sender = batches.of(source, { seed = o.seed + 1, command = command, codec = o.client.codec })
      or singles.new(source, commands.ids[command], o.script),
  }
  self.source = source
  return self
end

--- The current figures, for rules and the live view.
function Run:figures()
  local figures = self.recorder:figures(self.o.rate)
  local wall = self.cpu_began and self.loop:precise() - self.wall_began or 0
  figures.cpu = wall > 0 and (os.clock() - self.cpu_began) / wall or 0
  return figures
end

--- What a live view shows.
---@param bounds number[]  of its latencies, in seconds
---@return table
function Run:reading(bounds)
  local recorder, sessions = self.recorder, 0
  for _, link in ipairs(self.links) do
    if link.session then sessions = sessions + 1 end
  end
  local figures = recorder:counts()
  local limit = self.o.window < UNLIMITED and self.o.window * sessions or nil
  return {
    done = figures.answered + recorder.unknown, ok = figures.ok, errors = figures.answered - figures.ok + recorder.unknown + recorder.not_sent,
    statuses = figures.statuses, latency = { buckets = recorder:latencies():buckets(bounds), bounds = bounds }, window = self.engine.open,
    window_limit = limit, queue = self.engine:backlog(), sessions = sessions, total = self.o.count,
  }
end

--- A second is over: checks the rules with `abort:`, from the fifth second on.
function Run:second(row)
  if self.o.on_second then self.o.on_second(row) end
  if row.t_s < 4 then return end
  local figures
  for _, rule in ipairs(self.o.rules) do
    if rule.abort then
      figures = figures or self:figures()
      if rules.holds(rule, figures) then
        self.aborted = rule.text
        self.engine:stop "rule"
      end
    end
  end
end

--- Ends the test when there was no bind for `give_up_s`.
local function watch_binds(self)
  local o = self.o
  local function any()
    for _, link in ipairs(self.links) do
      if link.session then return true end
    end
  end
  self.lost_timer = o.loop:timer(function()
    if not any() then self.engine:stop "lost" end
  end, true)
  return function()
    if any() then self.lost_timer:stop() else self.lost_timer:start(o.give_up_s) end
  end
end

--- Options of the n-th bind.
local function options_of(self, n)
  local o = self.o
  local given = schema.merge(type(o.target) == "table" and o.target or {}, {
    window = o.window, response_timeout_s = o.response_timeout_s, loop = o.loop, deliver_sm = self.on_deliver, retry = false, binds = 1,
    pdu = self.watch,
  })
  local account = o.accounts and o.accounts[(n - 1) % #o.accounts + 1]
  if account then given.system_id, given.password = account.system_id, account.password end
  if self.wrong and self.wrong.options then self.wrong.options(given) end
  return given
end

--- Binds all; the first failure where none could.
---@async
---@return boolean? ok
---@return string? message
---@return string? code
function Run:bind()
  local o, why, code = self.o, nil, nil
  self.changed = watch_binds(self)
  local changed = self.changed
  if o.listen then
    local ok, message, its_code = mc.listen(self)
    if not ok then self:close() end
    return ok, message, its_code
  end
  self.on_deliver = receiver(self)
  local numbers, began = {}, o.loop:now()
  for n = 1, o.binds do numbers[n] = n end
  run.each(numbers, math.min(o.binds, 50), function(n)
    local due = began + (n - 1) / o.bind_rate
    if due > o.loop:now() then run.sleep(due - o.loop:now()) end
    if self.interrupted then return end
    local esme, message, its_code = clients.connect(options_of(self, n))
    if not esme then
      why, code = why or message, code or its_code
      local name = its_code or "closed"
      self.refused[name] = (self.refused[name] or 0) + 1
      return
    end
    local account = o.accounts and o.accounts[(n - 1) % #o.accounts + 1]
    local link = { session = esme.session, open = 0, limit = o.window, weight = account and account.share, credit = 0 }
    self.up, self.esmes[#self.esmes + 1], self.links[#self.links + 1] = self.up + 1, esme, link
    esme:on("state", function(state)
      link.session = esme.session
      if state == "bound" then self.recorder.reconnections = self.recorder.reconnections + 1 end
      if link.session then self.engine:add(link) end
      changed()
    end)
    esme:on("error", function(message_) self.last_error = message_ end)
    self.engine:add(link)
  end)
  if self.up > 0 then return true end
  self:close()
  return nil, why or "interrupted", code or "closed"
end

--- Frees its timers, and unbinds.
---@async
function Run:close()
  self.engine.timer:close()
  self.lost_timer:close()
  if self.server then self.server:close(1) end
  if #self.esmes == 0 then return end
  run.each(self.esmes, 50, function(esme)
    if self.wrong and self.wrong.close then self.wrong.close(esme) end
    esme:close(1)
  end)
end

--- Ends the test early: no more is sent, answers are awaited; the second call ends the wait, too.
function Run:interrupt()
  if self.interrupted then self.hurried = true end
  self.interrupted = true
  self.engine:stop "interrupted"
  if self.binder then task.wake_for(self.binder, mc) end
  if self.engine.waiter then task.wake_for(self.engine.waiter, self.engine) end
end

--- Sends, waits for the answers, closes; the result.
---@async
---@return table result
function Run:work()
  local o, engine = self.o, self.engine
  self.started_time = o.loop:time()
  self.cpu_began, self.wall_began = os.clock(), o.loop:precise()
  if o.script and o.script.setup then engine:call(o.script.setup) end
  if not engine.stopping then
    if self.wrong and self.wrong.start then
      self.wrong.start(self, function() return engine.stopping ~= nil end, function(n) return options_of(self, n) end)
    end
    engine:start()
    engine:wait()
  end
  self.ended = engine.stopping or "interrupted"
  engine:drain(o.drain_s, o.receipts and o.receipt_wait_s or o.script and o.receipt_wait_s or 0, function() return self.hurried end)
  local result = self:result()
  if o.script and o.script.done then engine:call(o.script.done, result) end
  result.failure = engine.failure ~= nil and tostring(engine.failure) or nil
  if result.failure then result.ended = "failed" end
  self:close()
  return result
end

local function when(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds)) end

--- What is tested: the URL without its password, or where it listens.
---@return string
function Run:target()
  local o = self.o
  if self.server then return ("%s:%d"):format(self.server.host, self.server.port) end
  local host = o.client.hosts[1]
  return ("%s://%s@%s:%d"):format(o.client.tls and "smpps" or "smpp", o.client.system_id or "", host.host, host.port)
end

--- Judges a result by rules.
---@param result table  gets fail_if and failed
---@param list smpp.LoadRule[]
function load.judge(result, list)
  result.fail_if, result.failed = {}, false
  for i, rule in ipairs(list) do
    local holds, value = rules.holds(rule, result)
    result.fail_if[i] = { rule = rule.text, holds = holds, value = value }
    result.failed = result.failed or holds
  end
end

--- The result: figures, rules, series.
---@return table
function Run:result()
  local o = self.o
  local series = self.recorder:close(self.loop:precise())
  local result = self:figures()
  result.version, result.role, result.model = require("smpp")._VERSION, o.listen and "mc" or "esme", o.closed and "closed" or "open"
  result.target, result.started = self:target(), when(self.started_time)
  result.interrupted = self.interrupted
  result.rate_target = o.rate
  result.stages, result.seed, result.warm_up = o.stages, o.seed, { sent = self.recorder.warm }
  result.skipped = self.skipped
  result.binds = { wanted = o.listen and self.up or o.binds, up = self.up, refused = self.refused }
  result.window.limit = o.window < UNLIMITED and o.window or nil
  result.series = series
  result.ended = self.ended
  result.script_s = self.source.spent_s
  result.trustworthy = not (result.sent > 0 and result.late.count > result.sent * 0.01) and self.ended ~= "late"
  load.judge(result, o.rules)
  return result
end

--- Runs a load test.
---@async
---@param given table  of load.options
---@return table? result  docs/load.md lists its keys
---@return string? message
---@return string? code  of the bind that failed, when none was bound
function load.run(given)
  local o, wrong = load.read(given)
  if not o then error(wrong, 2) end
  local test
  local code
  test, wrong, code = load.prepare(o)
  if not test and code then return nil, wrong, code end
  if not test then error(wrong, 2) end
  local ok, message, why = test:bind()
  if not ok then return nil, message, why end
  local result = test:work()
  if result.failure then error(result.failure, 0) end
  return result
end

return setmetatable(load, { __call = function(_, given) return load.run(given) end })
