--- smpp conformance: tests a message centre against the standard.
local clients = require "smpp.conformance.client"
local conformance = require "smpp.conformance"
local convert = require "smpp.cli.convert"
local exit = require "smpp.cli.exit"
local json = require "smpp.codec.json"
local output = require "smpp.cli.conformance_output"
local tls_flags = require "smpp.cli.tls_flags"

local command = {
  has_json_file = true, -- its --json takes a file
  description = [[
Tests a message centre: cases of the standard, each with its section, its level
(MUST, SHOULD, ROBUST) and why it matters. docs/conformance.md lists them.
Nothing is submitted without --submit-to, or broadcast without --broadcast-to.]],
  epilog = [[
Examples:
   smpp conformance smpp://me:secret@localhost
   smpp conformance smpp://me@smsc.example --submit-to +491761234567 --json report.json
   smpp conformance smpp://me:secret@localhost --only 'bind.*' --strict
   smpp conformance --client 'node client.js {host} {port} {system_id} {password} {from} {to} {text}'
   smpp conformance --list

Exit codes: 0 no MUST and no robustness case failed; 1 one did; 2 usage; 3 nothing
could be tested.]],
}

--- The command's arguments and options.
---@param parser table  of argparse
function command.define(parser)
  parser:argument("url", "smpp[s]://ID:PASSWORD@HOST[:PORT]."):args "?"
  parser:option("--client", "Test an ESME: a command that binds, submits one message, unbinds and ends."):argname "CMD"
  parser:option("--client-receipt", "The same, and waits for the receipt."):argname "CMD"
  parser:option("--client-many", "Sends {count} messages with at most {window} unanswered."):argname "CMD"
  parser:option("--client-listen", "Receives for {seconds}."):argname "CMD"
  parser:option("--client-keepalive", "The same, with an enquire_link every second or two."):argname "CMD"
  parser:option("--patience", "Time limit of each step of a client, in seconds.", "35"):convert(convert.seconds):argname "S"
  parser:option("--second", "A second account, for cases that need two binds."):argname "URL"
  parser:option("--submit-to", "The only number that messages are submitted to (required for loopback, too)."):argname "NUMBER"
  parser:option("--broadcast-to", "The only area (an alias) of broadcasts (SMPP 5.0): scheduled in an hour, and cancelled."):argname "AREA"
  parser:option("--receipts", "Whether the message centre sends receipts: yes, no or auto.", "auto"):choices { "yes", "no", "auto" }
  parser:option("--receipt-wait", "Time limit for a receipt, in seconds.", "30"):convert(convert.seconds):argname "S"
  parser:option("--timeout", "Time limit for a response, in seconds.", "5"):convert(convert.seconds):argname "S"
  parser:option("--only", "Run only cases that match, such as bind.*."):count "*":argname "GLOB"
  parser:option("--skip", "Do not run cases that match."):count "*":argname "GLOB"
  parser:option("--level", "Run only cases of this level."):choices { "MUST", "SHOULD", "ROBUST" }
  parser:option("--jobs", "Number of cases that run in parallel.", "4"):convert(convert.number(1, 64, true)):argname "N"
  parser:option("--max-binds", "Largest number of binds at the same time."):convert(convert.number(1, 64, true)):argname "N"
  parser:flag("--strict", "Treat warnings as failures.")
  parser:option("--json", "Write the report as JSON."):target "json_file":argname "FILE"
  parser:option("--junit", "Write the report as JUnit's XML."):argname "FILE"
  parser:option("--html", "Write the report as an HTML page."):argname "FILE"
  parser:flag("--list", "List the cases, and run none.")
  tls_flags.define(parser)
end

local function list_cases(list, out)
  for _, case in ipairs(list) do
    local notes = case.submits > 0 and ("  submits %d"):format(case.submits) or ""
    if case.broadcasts then notes = ("  broadcasts %d"):format(case.broadcasts) end
    out:print(("%-44s %-7s %s%s%s"):format(case.id, case.level, case.section, notes, case.malformed and "  malformed" or ""))
  end
end

local function write(path, text, out)
  local file, message = io.open(path, "wb")
  if not file then
    out:fail("%s", message)
    return false
  end
  file:write(text)
  file:close()
  return true
end

--- The reports, and the exit code.
local function finish(report, options, out)
  output.summary(out, report)
  local ok = true
  if options.json_file then ok = write(options.json_file, json.encode(report) .. "\n", out) and ok end
  if options.junit then ok = write(options.junit, output.junit(report), out) and ok end
  if options.html then ok = write(options.html, output.html(report), out) and ok end
  if not ok then return exit.USAGE end
  local summary = report.summary
  return (summary.fail > 0 or options.strict and summary.warn > 0) and exit.FAILED or exit.DONE
end

local KINDS = { "receipt", "many", "listen", "keepalive" }

local function commands_of(options)
  local commands = { plain = options.client }
  for _, kind in ipairs(KINDS) do commands[kind] = options["client_" .. kind] end
  return commands
end

--- What is wrong with the commands, nil: nothing.
local function unknown_in(commands)
  for _, command_line in pairs(commands) do
    local name = clients.unknown(command_line)
    if name then return ("unknown placeholder {%s}"):format(name) end
  end
end

--- Tests an ESME.
local function test_client(list, commands, options, out)
  local report
  out.live = true
  local _, _, interrupted = out.run(function()
    report = conformance.run_client(list, {
      commands = commands, patience_s = options.patience, timeout_s = options.timeout, jobs = options.jobs,
      done = function(result) output.case(out, result) end,
    })
  end)
  if interrupted == "interrupted" then return exit.INTERRUPTED end
  local code, summary = finish(report, options, out), report.summary
  local is_tested = summary.pass + summary.fail + summary.warn > 0
  for _, case in ipairs(not is_tested and report.cases or {}) do
    if not case.detail:find "^needs %-" then code = exit.UNREACHABLE end -- the program is not installed
  end
  return code
end

--- Runs the command.
---@param options table  as argparse gives them
---@param out smpp.CliOutput
---@return integer exit_code
function command.run(options, out)
  local commands = commands_of(options)
  local list = conformance.select { only = options.only, skip = options.skip, level = options.level, role = next(commands) and "esme" or "smsc" }
  if #list == 0 then
    out:fail "no case matches"
    return exit.USAGE
  end
  if options.list then
    list_cases(list, out)
    return exit.DONE
  end
  local unknown = unknown_in(commands)
  if unknown or options.url and next(commands) then
    out:fail("%s", unknown or "a URL or --client, not both")
    return exit.USAGE
  end
  if next(commands) then return test_client(list, commands, options, out) end
  if not options.url then
    out:fail "missing URL of the message centre"
    return exit.USAGE
  end
  if options.submit_to and not options.submit_to:find "^%+?%d+$" then
    out:fail("--submit-to %s: expected a number", options.submit_to)
    return exit.USAGE
  end
  if options.broadcast_to and not options.broadcast_to:find "^[%w_. -]+$" then
    out:fail("--broadcast-to %s: expected the alias of an area", options.broadcast_to)
    return exit.USAGE
  end
  local tls, wrong = tls_flags.read(options, out)
  if wrong then
    out:fail("%s", wrong)
    return exit.USAGE
  end
  local url = options.url
  if not url:find "//[^/@]*:[^/@]*@" and out.getenv "SMPP_PASSWORD" then
    url = url:gsub("^(%a+://[^@/:]*)", "%1:" .. out.getenv "SMPP_PASSWORD":gsub("%%", "%%%%"), 1)
  end
  out.live = true
  local report, message, code
  local _, _, interrupted = out.run(function()
    report, message, code = conformance.run(list, {
      url = url, second = options.second, submit_to = options.submit_to, broadcast_to = options.broadcast_to, receipts = options.receipts,
      receipt_wait_s = options.receipt_wait, timeout_s = options.timeout, jobs = math.min(options.jobs, options.max_binds or options.jobs),
      tls = next(tls or {}) and tls or nil,
      done = function(result) output.case(out, result) end,
    })
  end)
  if interrupted == "interrupted" then return exit.INTERRUPTED end
  if not report then
    out:fail("%s", message)
    return code == "bad_value" and exit.USAGE or exit.UNREACHABLE
  end
  return finish(report, options, out)
end

return command
