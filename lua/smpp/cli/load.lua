--- smpp load: load tests of a message centre.
local convert = require "smpp.cli.convert"
local dial = require "smpp.cli.dial"
local exit = require "smpp.cli.exit"
local fields = require "smpp.cli.fields"
local live = require "smpp.cli.live"
local load = require "smpp.load"
local load_compare = require "smpp.cli.load_compare"
local load_report = require "smpp.cli.load_report"
local loops = require "smpp.loop"
local luafile = require "smpp.base.luafile"
local metrics = require "smpp.metrics"
local misbehave = require "smpp.load.misbehave"
local net = require "smpp.base.net"
local pdus = require "smpp.codec"
local schema = require "smpp.base.schema"
local find = require "smpp.load.find"
local targets = require "smpp.cli.targets"
local workers = require "smpp.cli.load_workers"

local grammar = load.grammar

local command_line = {
  description = "Load test of a message centre: sends at a rate (open model: latency counts from the time at which a message was due) "
    .. "or through a window (--closed), and reports latencies, statuses and errors. It warns when this program itself was the bottleneck.",
  epilog = [[
Examples:
   smpp load smpp://me:secret@localhost --rate 500 --for 60s
   smpp load smpp://me:secret@localhost --closed --window 50 --count 100000
   smpp load @staging --stages "0:100/s, 1m:5k/s, 5m:5k/s" --binds 4
   smpp load @staging --rate 200 --fail-if "p99 > 500ms" --fail-if "errors > 0.1%"
   smpp load @staging --rate 50 --to '49176[#8]' --length 1-300 --receipts
   smpp load @staging --find-limit
   smpp load --listen 2775 --rate 100 --receipts=30%
   smpp load @staging --replay traffic.pcapng --speed 2x --to '491760000[4]'
   smpp load @staging --script messages.lua --json > result.json
   smpp load compare before.json after.json

Durations are 90 (seconds), 250ms, 2m, 1m30s; rates 100, 5k, 30/m. In addresses
[7] is seven random digits, [#7] a counter, [100-299] a range. Exit codes: 0 done;
1 ended early; 2 usage; 3 no bind; 99 a rule of --fail-if holds; 130 interrupted.]],
}

local FAILED_RULE = 99

local function duration(word) return grammar.duration(word) end
local function duration_or_zero(word) return grammar.duration(word, { zero = true }) end
local function rate(word) return grammar.rate(word) end

local function speed(word)
  if word == "max" then return math.huge end
  local factor = tonumber(word:match "^([%d.]+)x?$" or "")
  if not factor or factor <= 0 then return grammar.error_at("speed", word, 1, "a factor above 0, as 2x, or max") end
  return factor
end

--- The command's arguments and options.
---@param command table  of argparse
function command_line.define(command)
  command:argument("url", "smpp://system_id:password@host:2775, or @NAME of `smpp targets`; or the word compare."):args "?"
  command:argument("files", "With compare: two results of --json."):args "*"
  command:group("Rate",
    command:option("--rate", "Open model: messages per second, over all binds together (10)."):convert(rate):argname "R",
    command:option("--for", "Send for so long (10s)."):target "duration":convert(duration):argname "TIME",
    command:option("--count", "Send so many messages."):convert(convert.number(1, nil, true)):argname "N",
    command:option("--stages", "Open model: points of a rate over time, linear between them: 0:100/s, 60s:5k/s.")
      :convert(grammar.stages):argname "LIST",
    command:option("--arrival", "Open model, spacing of messages: even (default) or poisson (random)."):choices { "even", "poisson" }:argname "HOW",
    command:flag("--closed", "Closed model: send whenever the window has room, as fast as answers come."),
    command:option("--window", "Most unanswered requests per bind (10 if closed, else 1000; 0: no limit).")
      :convert(convert.number(0, 65535, true)):argname "W",
    command:option("--find-limit", "Search the highest rate at which no rule of --fail-if holds, between two rates."):args "?":argname "FROM..TO",
    command:option("--step", "With --find-limit: time for each rate (10s)."):convert(duration):argname "TIME")
  command:group("Binds and time",
    command:option("--binds", "Number of binds (1)."):convert(convert.number(1, 100000, true)):argname "N",
    command:option("--accounts", "CSV file of system_id,password[,share]; the binds take the accounts in turn."):argname "FILE",
    command:option("--bind-rate", "Binds per second at the start (100)."):convert(rate):argname "R",
    command:option("--warm-up", "Send for so long before the measurement; not part of the results."):convert(duration_or_zero):argname "TIME",
    command:option("--drain", "Longest wait for answers after the last message (10s)."):convert(duration_or_zero):argname "TIME",
    command:option("--receipt-wait", "Longest wait for receipts after the last message (30s)."):convert(duration_or_zero):argname "TIME",
    command:option("--response-timeout", "Timeout of an answer (10s); the outcome of the message is then unknown."):convert(duration):argname "TIME",
    command:option("--max-late", "End the test when messages leave so much later than due (60s)."):convert(duration):argname "TIME",
    command:option("--give-up", "End the test after so long without any bind (30s)."):convert(duration):argname "TIME",
    command:option("--workers", "Use N processes, which share rate, count and binds."):convert(convert.number(1, 1000, true)):argname "N",
      command:option("--worker", "A part of another run."):hidden(true),
    command:option("--seed", "Seed of random numbers, to repeat a test."):convert(tonumber):argname "N")
  command:group("Messages",
    command:option("--from", "Source address or pattern; repeatable, with shares: 70%:PATTERN."):count "*":argname "PATTERN",
    command:option("--to", "Destination or pattern, as --from (4917600[7])."):count "*":argname "PATTERN",
    command:option("--text", "Text of the messages."):argname "TEXT",
    command:option("--text-file", "A file with one text per line, picked at random."):argname "FILE",
    command:flag("--text-order", "With --text-file: take the texts in order."),
    command:option("--length", "Generated texts of so many characters: 160, 1-160, 1-300:20%; repeatable."):count "*":argname "N[-M][:SHARE]",
    command:option("--encoding", "Encoding; repeatable, with shares: ucs2:30%."):count "*":argname "NAME[:SHARE]",
    command:option("--receipts", "Request receipts and wait for them; with --listen: their share of the messages, --receipts=30%.")
      :args "?":argname "SHARE",
    command:option("--set", "Any field or TLV of submit_sm; repeatable."):count "*":argname "NAME=VALUE",
    command:option("--script", "A Lua file that returns functions: message(n), optionally setup, answered, receipt, check, done."):argname "FILE")
  command:group("Other roles",
    command:option("--listen", "Act as the message centre: send deliver_sm to all ESMEs that bind."):argname "[HOST:]PORT",
    command:option("--wait-bind", "With --listen: longest wait for the first bind (60s)."):convert(duration):argname "TIME",
    command:option("--replay", "Send the submit_sm of a capture again (with --listen: deliver_sm), as timed there."):argname "FILE",
    command:option("--speed", "With --replay: how much faster, 2x, 0.5x or max."):convert(speed):argname "FACTOR",
    command:option("--misbehave", "Misbehave on purpose: " .. table.concat(misbehave.kind.values, ", ") .. ".")
      :choices(misbehave.kind.values):argname "HOW")
  command:group("Results",
    command:option("--fail-if", "Exit with 99 if the rule holds: \"p99 > 500ms\", \"errors > 0.1%\"; after abort: it also ends the test.")
      :count "*":argname "RULE",
    command:option("--csv", "Write a row per second as CSV."):argname "FILE",
    command:option("--html", "Write the report as an HTML page."):argname "FILE",
    command:flag("--service-time", "Also show the time from sending to the answer, without the wait before sending."),
    command:flag("-q --quiet", "No progress lines on stderr."),
    command:flag("--fail-on-worse", "With compare: exit with 99 if a figure is worse."))
  live.define(command)
  dial.define(command)
end

--- Accounts of a CSV file.
local function accounts_of(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local list, number = {}, 0
  for line in file:lines() do
    line, number = line:gsub("\r$", ""), number + 1
    local id, password, share = line:match "^([^,]*),([^,]*),?(.*)$"
    if id and id ~= "system_id" then
      list[#list + 1] = { system_id = id, password = password }
      local weight = share ~= "" and (grammar.share(share) or tonumber(share)) or nil
      if share ~= "" and not weight then
        file:close()
        return nil, ("%s: line %d: invalid share '%s': expected a number or a percentage"):format(path, number, share)
      end
      list[#list].share = weight
    end
  end
  file:close()
  if #list == 0 then return nil, path .. ": no account in it; expected lines of system_id,password" end
  return list
end

local function lines_of(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local list = {}
  for line in file:lines() do
    line = line:gsub("\r$", "")
    if line ~= "" then list[#list + 1] = line end
  end
  file:close()
  if #list == 0 then return nil, path .. ": no text in it" end
  return list
end

local function some(list) return list and list[1] and list or nil end

--- FROM..TO of --find-limit.
local function limits_of(word)
  if not word then return nil end
  if type(word) == "table" then word = word[1] end
  if not word then return {} end
  local from, to = word:match "^(.-)%.%.(.*)$"
  if not from then return grammar.error_at("limits", word, 1, "FROM..TO, two rates") end
  local limits, wrong = {}, nil
  if from ~= "" then limits.from, wrong = grammar.rate(from) end
  if to ~= "" and not wrong then limits.to, wrong = grammar.rate(to) end
  if wrong then return nil, wrong end
  return limits
end

--- Where --listen listens.
local function address_of(word)
  local host, port = word:match "^(.*):(%d+)$"
  port = tonumber(port or word:match "^%d+$")
  if not port or port > 65535 then return nil, ("invalid address '%s': expected [HOST:]PORT"):format(word) end
  return { host = host ~= "" and host or nil, port = port }
end

--- The value of --receipts: true, or a share ("30%").  A word after it that is not a share is the URL.
local function receipts_of(options)
  local word = options.receipts
  if type(word) == "table" then word = word[1] end
  if options.receipts == nil then return nil end
  if word == nil then return true end
  if not word:find "%%$" and not options.url then
    options.url = word
    return true
  end
  return grammar.share(word)
end

--- The options of smpp.load; nil and a message.
local function read(options, out)
  local receipts, why = receipts_of(options)
  if why then return nil, why end
  local given, client, target, listen
  if options.listen then
    if options.url then return nil, "--listen: cannot be combined with a URL" end
    listen, why = address_of(options.listen)
    if not listen then return nil, why end
    client = {}
  else
    if not options.url then return nil, "missing URL" end
    given, client, target = dial.read(options, out)
    if not given then return nil, client end
  end
  local o = {
    given, rate = options.rate, stages = options.stages, closed = options.closed, window = options.window, for_s = options.duration,
    count = options.count, arrival = options.arrival, binds = options.binds, bind_rate = options.bind_rate, warm_up_s = options.warm_up,
    drain_s = options.drain, receipt_wait_s = options.receipt_wait, response_timeout_s = options.response_timeout,
    max_late_s = options.max_late, give_up_s = options.give_up, seed = options.seed, from = some(options.from), to = some(options.to),
    text = options.text, text_order = options.text_order, length = some(options.length), encoding = some(options.encoding),
    receipts = receipts, listen = listen, wait_bind_s = options.wait_bind, replay = options.replay, speed = options.speed,
    misbehave = options.misbehave, fail_if = some(options.fail_if),
  }
  local wrong
  if options.accounts then
    o.accounts, wrong = accounts_of(options.accounts)
    if wrong then return nil, wrong end
  end
  if options.text_file then
    o.texts, wrong = lines_of(options.text_file)
    if wrong then return nil, wrong end
  end
  if options.set[1] then
    o.fields = {}
    for _, word in ipairs(options.set) do
      wrong = fields.set(o.fields, client.codec or pdus.codec, word)
      if wrong then return nil, wrong end
    end
  end
  if options.script then
    o.script, wrong = luafile.load(options.script)
    if wrong then return nil, wrong end
  end
  return o, target
end

local BOUNDS = metrics.registry.by_name.smpp_response_seconds.bounds

--- The live view of a test; nothing where none is wanted.
local function view_of(run, out, options)
  local o, engine = run.o, run.engine
  return live.start(out, o.loop, options, not options.find_limit, {
    title = "smpp load", subject = run:target(), read = function() return run:reading(BOUNDS) end,
    quit = function() run:interrupt() end, pause = function(paused) engine:pause(paused) end,
    change = not o.closed and function(factor)
      return ("rate x %.3g"):format(engine:change_rate(factor))
    end or nil,
  })
end

--- Runs one test; a live view shows it.
---@async
local function test(o, out, options, tell)
  local function on_listening(host, port) out:note("listening on %s", net.address(host, port)) end
  local checked, wrong = load.read(schema.merge(o, { on_second = tell, on_listening = o.listen and on_listening or nil }))
  if not checked then return nil, wrong, exit.USAGE end
  local run
  local failed
  run, wrong, failed = load.prepare(checked)
  if not run then return nil, wrong, failed and exit.FAILED or exit.USAGE end
  command_line.running = run
  run.watch = options.watch
  local ok, message, code = run:bind()
  if not ok then
    if run.interrupted then return nil, nil, exit.INTERRUPTED end
    if checked.listen then out:fail("%s", message) else dial.tell_refused(out, message, code) end
    return nil, nil, exit.UNREACHABLE
  end
  if run.up < checked.binds and not checked.listen then
    out:note("%s %d of %d binds are up", out:paint_note("yellow", "warning:"), run.up, checked.binds)
  end
  if options.worker then workers.wait(out) end
  local view = view_of(run, out, options)
  local result = run:work()
  view:close()
  return result
end

--- The exit code of a result.
local function exit_of(result)
  if result.interrupted then return exit.INTERRUPTED end
  if result.ended == "lost" or result.ended == "late" or result.failure then return exit.FAILED end
  if result.failed then return FAILED_RULE end
  return exit.DONE
end

local DEFAULT_RULES = { "p99 > 1s", "errors > 1%" }

--- --find-limit.
local function find_limit(o, limits, options, out)
  o = schema.merge(o, { for_s = options.step or 10, count = false, fail_if = o.fail_if or DEFAULT_RULES, drain_s = o.drain_s or 2 })
  o.count = nil
  local failed, interrupted
  local found = find.limit {
    from = limits.from, to = limits.to,
    attempt = function(per_s)
      local result, message, code = test(schema.merge(o, { rate = per_s }), out, options)
      if not result then
        failed = { message, code }
        return nil
      end
      interrupted = result.interrupted
      if interrupted then return nil end
      local why
      for _, rule in ipairs(result.fail_if) do
        if rule.holds then why = why or rule.rule end
      end
      local generator = not result.trustworthy
      return { ok = not why and not generator, why = why or generator and "the generator was the bottleneck" or nil,
        generator = generator and not why, p99 = result.latency_s.p99, errors = result.due > 0 and result.errors / result.due or 0 }
    end,
    tell = function(step)
      if not options.quiet then
        out:note("%-8s %s  p99 %s, errors %.2g %%", load_report.rate(step.rate), step.ok and "holds " or "breaks", load_report.time(step.p99),
          (step.errors or 0) * 100)
      end
    end,
  }
  if failed then return nil, failed[1], failed[2] end
  load_report.limit(out, found)
  return interrupted and exit.INTERRUPTED or exit.DONE
end

local function write_file(out, path, octets)
  local file, message = io.open(path, "wb")
  if not file then
    out:fail("%s", message)
    return false
  end
  local ok, why = file:write(octets)
  if ok then ok, why = file:close() else file:close() end
  if not ok then out:fail("%s: %s", path, why) end
  return ok
end

--- Why a file of results could not be written, nil: it can be.  Asked before the test rather than after an hour of it.
local function not_writable(path)
  if not path then return nil end
  local file, message = io.open(path, "ab")
  if not file then return message end
  file:close()
end

local function work(options, out)
  local o, target = read(options, out)
  if not o then
    out:fail("%s", target)
    return exit.USAGE
  end
  local limits, wrong = limits_of(options.find_limit)
  wrong = wrong or not_writable(options.csv) or not_writable(options.html)
  if wrong then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  if target then
    local password, message, failed = targets.password(target, loops.current())
    if message then
      out:fail("%s", message)
      return failed
    end
    o[1].password = password
  end
  if options.worker then
    local number, count = options.worker:match "^(%d+)/(%d+)$"
    wrong = workers.reduce(o, tonumber(number), tonumber(count))
    if wrong then
      out:fail("%s", wrong)
      return exit.USAGE
    end
  end
  if options.trace and options.workers and options.workers > 1 then
    out:fail "--trace: cannot be combined with --workers"
    return exit.USAGE
  end
  local of_trace
  -- PDUs of -v are lines on stderr, with --json, too: stdout has one object.
  options.watch, of_trace = dial.watch(options, setmetatable({ json = false }, { __index = out }))
  if options.trace and not options.watch then
    out:fail("%s", of_trace)
    return exit.USAGE
  end
  local loop = loops.current()
  local signals = {}
  for _, name in ipairs { "SIGINT", "SIGTERM" } do
    signals[#signals + 1] = loop:signal(name, function()
      if command_line.running then command_line.running:interrupt() end
      workers.interrupt()
    end)
  end
  local function done(...)
    for _, signal in ipairs(signals) do signal:close() end
    if of_trace then of_trace:close() end
    command_line.running = nil
    return ...
  end
  if limits then
    local code, message, failed = find_limit(o, limits, options, out)
    if not code and message then out:fail("%s", message) end
    return done(code or failed)
  end
  local quiet = options.quiet or options.no_live or live.is_wanted(options, out, true)
  local tell = not quiet and function(row) load_report.second(out, row, command_line.running) end or nil
  local result, message, code
  if options.workers and options.workers > 1 then
    local checked
    checked, message = load.read(o)
    message = message or workers.reduce(schema.merge(o, { stages = {} }), 1, options.workers)
    if message then code = exit.USAGE else result, code = workers.run(out, options.words, options.workers, checked) end
  else
    result, message, code = test(o, out, options, tell)
  end
  if not result then
    if message then out:fail("%s", message) end
    return done(code)
  end
  local shown = load_report.options_of(options)
  local written = not options.csv or write_file(out, options.csv, load_report.csv(result))
  if options.html then written = write_file(out, options.html, load_report.html(result, shown)) and written end
  load_report.warn(out, result)
  if out.json then out:object(load_report.json(result, shown, options.worker ~= nil)) else load_report.text(out, result, options.service_time) end
  code = exit_of(result)
  return done(code == exit.DONE and not written and exit.FAILED or code)
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function command_line.run(options, out)
  if options.url == "compare" then return load_compare.run(options.files, out, options.fail_on_worse) end
  if options.files[1] then
    out:fail("unexpected argument '%s'", options.files[1])
    out:note "try: smpp load --help"
    return exit.USAGE
  end
  return (out.run(function() return work(options, out) end, { signals = false }))
end

return command_line
