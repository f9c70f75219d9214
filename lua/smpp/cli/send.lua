--- smpp send: one message, many, or a file of messages.
local batch = require "smpp.cli.batch"
local bulk = require "smpp.cli.bulk"
local content = require "smpp.receipt.content"
local convert = require "smpp.cli.convert"
local decode = require "smpp.cli.decode"
local dial = require "smpp.cli.dial"
local dry_run = require "smpp.cli.dry_run"
local exit = require "smpp.cli.exit"
local explain = require "smpp.codec.explain"
local failures = require "smpp.cli.failures"
local fields = require "smpp.cli.fields"
local gates = require "smpp.cli.gate"
local input = require "smpp.cli.input"
local json = require "smpp.codec.json"
local live = require "smpp.cli.live"
local metrics_flag = require "smpp.cli.metrics_flag"
local numbers = require "smpp.cli.live_numbers"
local outcome_style = require("smpp.cli.output").outcome_style
local pdus = require "smpp.codec"
local shown = require "smpp.base.shown"
local sources = require "smpp.cli.live_sources"

local send = {
  description = "Binds to a message centre, sends, and reports the result. Long texts are split into parts; the cheapest encoding that "
    .. "holds the text is used. With --receipt it waits for the delivery receipt.",
  epilog = [[
Examples:
   smpp send smpp://me:secret@localhost --from Test --to +4915112345678 "Hello 👋"
   mc=smpp://me:secret@localhost
   smpp send $mc --from Test --to +4915112345678 --receipt --wait 60 "Hello"
   date | smpp send smpp://me@localhost --password-file pw --to 12345 -
   smpp send $mc --from Test --to 12345 --count 1000 --window 100 "Load"
   smpp send $mc --from Shop --file numbers.csv --text "Hello {name}" --rate 50

]] .. "--file takes CSV whose first line names the columns, or JSON lines: a column (or key) 'to', optionally 'from' and 'text'; "
    .. "{name} in the text is the value of that column. The result of each row is written to FILE.result.jsonl at once; "
    .. "--resume continues an interrupted run.",
}

--- The command's arguments and options.
---@param command table  of argparse
function send.define(command)
  dial.define_url(command)
  command:argument("text", "The message, UTF-8; - reads it from stdin."):args "?"
  command:group("Message",
    command:option("--from", "Source address: a number, a short code, or a name of up to 11 characters."):argname "ADDRESS",
    command:option("--to", "Destination address; may be given more than once."):count "*":argname "ADDRESS",
    command:option("--data", "Binary content in hex, instead of a text."):argname "HEX",
    command:option("--encoding", "Use this encoding, not the cheapest one."):choices(decode.alphabets()):argname "NAME",
    command:option("--long", "How a text of several parts is sent.")
      :choices({ "concat_8bit", "concat_16bit", "sar", "payload", "refuse" }):argname "HOW",
    command:flag("--flash", "Flash message: shown at once, not stored."),
    command:option("--validity", "Validity period in seconds."):convert(convert.seconds):argname "S",
    command:option("--set", "Any field or TLV of submit_sm by its name; octets also as hex:0A0B, its_session_info as SESSION,SEQUENCE[,end].")
      :count "*":argname "NAME=VALUE",
    command:option("--tlv", "A TLV by its tag or name: 0x1400=abc, 0x1400=hex:616263."):count "*":argname "TAG=VALUE")
  command:group("Receipts, rates",
    command:flag("--receipt", "Ask for a delivery receipt and wait for it."),
    command:option("--wait", "Seconds to wait for each receipt.", "30"):convert(convert.seconds):argname "S",
    command:option("--count", "Send each message N times.", "1"):convert(convert.number(1, nil, true)):argname "N",
    command:option("--window", "Maximum number of messages without a response (10)."):convert(convert.number(1, 65535, true)):argname "W",
    command:option("--rate", "Maximum number of messages per second."):convert(convert.number(1e-6, 1e9)):argname "R")
  bulk.define(command)
  metrics_flag.define(command)
  live.define(command)
  dial.define(command)
end

--- The options of esme:send but to and text; nil and an error message.
local function message_of(options, codec)
  local message = {
    from = options.from, receipt = options.receipt or nil, encoding = options.encoding, long = options.long, flash = options.flash,
    validity_s = options.validity,
  }
  local why
  for _, word in ipairs(options.set) do
    why = why or fields.set(message, codec, word)
  end
  for _, word in ipairs(options.tlv) do
    why = why or fields.tlv(message, codec, word)
  end
  if why then return nil, why end
  if options.data then
    local octets
    octets, why = input.unhex(options.data)
    if not octets then return nil, "--data: " .. why end
    message.data = octets
  end
  return message
end

--- The text to send; nil and an error message when it is missing.
local function text_of(options, out)
  local text = options.text or options.template
  if options.data then
    if text then return nil, "a text and --data cannot be combined" end
    return nil
  end
  if not text then return nil, "missing text: give it as an argument, - reads it from stdin" end
  if text ~= "-" then return text end
  return ((out.stdin:read "*a" or ""):gsub("\r?\n$", ""))
end

local function seconds_since(loop, start) return ("%.1f s"):format(loop:now() - start) end

local function accepted_object(item, result)
  return json.object({ "event", "accepted", "to", item.to, "message_id", result.sent.message_id,
    "message_ids", json.list(result.sent.message_ids), "encoding", result.sent.info and result.sent.info.encoding }, 10)
end

local function failed_object(item, result)
  return json.object({ "event", result.status, "to", item.to, "code", result.code, "message", result.message,
    "message_ids", result.sent and #result.sent.message_ids > 0 and json.list(result.sent.message_ids) or nil }, 10)
end

--- Reports a failed message, with what to check.
local function tell_failure(out, item, result)
  local row = explain.status(result.code or "")
  local advice = row and row.advice and ("\n      advice: " .. row.advice) or ""
  out:fail("%s: %s%s", item.to, result.message or result.code, advice)
  local through = result.sent and #result.sent.message_ids or 0
  if through > 0 then out:note("      %d of its parts were accepted before: %s", through, table.concat(result.sent.message_ids, " ")) end
end

local function printer(out, loop, many)
  local start = loop:now()
  local function on_result(item, result)
    if out.json then
      return out:object((result.status == "accepted" and accepted_object or failed_object)(item, result))
    end
    if result.status ~= "accepted" then
      if not many then tell_failure(out, item, result) end
    elseif not many then
      local sent = result.sent
      local parts = #sent.parts > 1 and (" (%d parts)"):format(#sent.parts) or ""
      out:print(("%s %s %s%s"):format(out:paint(outcome_style "accepted", "accepted"), table.concat(sent.message_ids, " "), item.to, parts))
    end
  end
  local function on_receipt(item, sent, receipt, err, code)
    if out.json then
      if receipt then
        local object = content.receipt_json(receipt)
        local line = json.object { "event", "receipt", "to", item.to, "message_id", sent.message_id }
        for _, key in ipairs { "state", "final", "err", "done" } do json.add(line, key, object[key]) end
        return out:object(line)
      end
      return out:object(json.object({ "event", "no_receipt", "to", item.to, "message_id", sent.message_id, "code", code }, 10))
    end
    if many then return end
    if not receipt then return out:fail("%s: %s", item.to, err) end
    local words = ("%s %s %s after %s"):format(
      out:paint(outcome_style(receipt.state), receipt.state), sent.message_id, item.to, seconds_since(loop, start))
    if receipt.err ~= "" and receipt.err ~= "000" then words = words .. ", err " .. receipt.err end
    out:print(words)
  end
  return on_result, on_receipt
end

--- The items of a text for some recipients, `count` times each.
local function items_of(message, text, options)
  local n, total = 0, #options.to * options.count
  return function()
    if n >= total then return nil end
    n = n + 1
    local item, to = {}, options.to[(n - 1) % #options.to + 1]
    for name, value in pairs(message) do item[name] = value end
    item.to, item.text = to, text
    return { message = item, to = to, line = n }
  end, total
end

--- The exit code; rows that an earlier run left refused or of unknown outcome count.
local function exit_of(plan)
  local counts, held = plan.counts, plan.held or { refused = 0, unknown = 0 }
  if counts.refused + counts.not_sent + counts.undelivered + held.refused > 0 or plan.changed then return exit.FAILED end
  if counts.unknown + counts.no_receipt + held.unknown > 0 then return exit.UNKNOWN end
  return exit.DONE
end

--- The live view of a run: its keys act on the gate before the messages, and on the client's rate.
local function view_of(esme, options, out, plan, gate)
  return live.start(out, esme.loop, options, plan.many, {
    title = "smpp send", subject = (esme.system_id or "") .. " " .. (esme:stats().links[1].host or ""), read = sources.batch(esme, plan),
    pause = function(paused) gate:pause(paused) end,
    quit = function()
      plan.quit = true
      gate:shut()
    end,
    change = function(factor, measured)
      local rate = math.max(0.01, (esme:stats().rate_per_s or math.max(measured, 1)) * factor)
      esme:set_rate(rate)
      return ("rate %s/s"):format(numbers.of_rate(rate))
    end,
  })
end

--- A message that was not accepted, as a line of the live view.
local function view_failure(out, item, result)
  out.view:take(out:paint(outcome_style(result.status), result.status) .. (" %s: %s"):format(shown.text(item.to), shown.text(result.code or "")))
end

--- Binds, sends, reports the results.
local function work(options, out, plan, follow)
  local esme, code, trace = dial.connect(options, out, { window = options.window, rate_per_s = options.rate },
    { reconnect = plan.many, retry = plan.many and { attempts = 10, age_s = 300 } })
  if not esme then return code end
  follow(esme)
  esme:on("error", function(message) out:note("%s %s", out:paint_note("yellow", "warning:"), message) end)
  local gate = gates.new()
  esme:on("state", function(state)
    if state ~= "closing" and state ~= "closed" then return end
    gate:shut()
    if plan.stop then plan.stop() end
  end)
  local counts = plan.counts
  local view = view_of(esme, options, out, plan, gate)
  local bar = not view.is_on and bulk.progress(out, esme.loop, plan) or view
  local on_result, on_receipt = printer(out, esme.loop, plan.many)
  batch.run(esme, gate:wrap(plan.next_item), {
    window = plan.connect_options.window, wait_s = options.receipt and options.wait or nil, counts = counts,
    on_result = function(item, result)
      if plan.on_result then plan.on_result(item, result) end
      if plan.many and result.status ~= "accepted" then
        failures.add_result(plan.failures, item, result)
        if view.is_visible then view_failure(out, item, result) end
      end
      on_result(item, result)
    end,
    on_receipt = function(item, sent, receipt, err, code)
      if plan.on_receipt then plan.on_receipt(item, sent, receipt) end
      if plan.many then failures.add_receipt(plan.failures, item, sent, receipt) end
      on_receipt(item, sent, receipt, err, code)
    end,
  })
  bar:close()
  if plan.find_missing then plan.find_missing() end
  esme:close()
  if trace then trace:close() end
  return exit_of(plan)
end

--- The plan of the run; nil and an exit code, the error has been printed.
local function plan_of(options, out)
  local function wrong(message)
    out:fail("%s", message)
    out:note "try: smpp send --help"
    return nil, exit.USAGE
  end
  local given, read = dial.read(options, out, { window = options.window })
  if not given then return wrong(read) end
  local message, why = message_of(options, read.codec or pdus.codec)
  if not message then return wrong(why) end
  if read.bind == "rx" then return wrong "a receiver (bind rx) cannot send" end
  if options.file then
    if options.text then return wrong "unexpected text argument: with --file the text is given by --text" end
    local plan
    plan, why = bulk.plan(options, out, message)
    if not plan then return wrong(why) end
    plan.connect_options = read
    return plan
  end
  if options.metrics then return wrong "--metrics is for runs with --file" end
  if #options.to == 0 then return wrong "missing --to" end
  for _, to in ipairs(options.to) do
    if not to:find "%S" then return wrong "empty --to" end
  end
  local text
  text, why = text_of(options, out)
  if why then return wrong(why) end
  local next_item, total = items_of(message, text, options)
  return { next_item = next_item, total = total, many = total > 1, counts = batch.counts(), failures = failures.new(), connect_options = read }
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function send.run(options, out)
  local plan, usage = plan_of(options, out)
  if not plan then return usage end
  if options.dry_run then return dry_run.run(plan, options, out) end
  out.live = true
  local code, _, interrupted = out.run(function()
    return metrics_flag.serve(options, out, "client", function(follow) return work(options, out, plan, follow) end)
  end)
  out:settle()
  if plan.close then plan.close() end
  if plan.quit and not plan.exhausted and plan.counts.done < (plan.total or math.huge) then interrupted = "interrupted" end
  if plan.many then bulk.summary(out, plan) end
  if plan.journal and plan.journal.wrong then
    out:fail("%s: stopped: without its result file a run cannot be resumed", plan.journal.wrong)
    code = exit.FAILED
  end
  if interrupted == "interrupted" then
    out:note "interrupted"
    bulk.tell_how_to_resume(out, plan, options)
    return exit.INTERRUPTED
  end
  if plan.many and code ~= exit.USAGE then bulk.tell_how_to_resume(out, plan, options) end
  return code
end

return send
