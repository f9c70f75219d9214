--- smpp send --file: reads rows as messages, shows progress, writes the result of each row to a file.
local batch = require "smpp.cli.batch"
local charset = require "smpp.cli.charset"
local failures = require "smpp.cli.failures"
local journal = require "smpp.cli.journal"
local json = require "smpp.codec.json"
local lines = require "smpp.cli.lines"
local rows = require "smpp.cli.rows"
local task = require "smpp.base.task"

local bulk = {}

--- The options of a file of recipients.
---@param command table  of argparse
function bulk.define(command)
  command:group("A file of recipients",
    command:option("--file", "Recipients, as CSV or JSON lines; - reads stdin."):hidden_name "-f":argname "FILE",
    command:option("--text", "With --file: the text; {name} is the value of a column."):target "template":argname "TEXT",
    command:option("--charset", "Character set of FILE; auto detects UTF-8, UTF-16 and Windows-1252 (Latin-1).", "auto")
      :choices(charset.names):argname "NAME",
    command:flag("--dry-run", "Send nothing and do not connect: count messages and parts, list invalid rows."),
    command:option("--result", "Write the result of each row here (default: FILE.result.jsonl)."):argname "FILE",
    command:flag("--resume", "Continue an interrupted run: rows that were answered are not sent again."),
    command:option("--resend", "With --resume: also send rows that were refused, or whose outcome is unknown."):count "*"
      :choices({ "refused", "unknown" }):argname "WHAT")
end

--- The text and addresses of a row.
local function message_of(plan, row)
  local message = {}
  for name, value in pairs(plan.message) do message[name] = value end
  message.to = row.to
  if not message.to or message.to == "" then return nil, "no recipient" end
  if row.from and row.from ~= "" then message.from = row.from end
  if message.data then return message end
  local fill = plan.fill
  if row.text and row.text ~= "" then
    local wrong
    fill, wrong = rows.template(row.text)
    if not fill then return nil, "text: " .. wrong end
  end
  if not fill then return nil, "no text: the row has none, and --text is missing" end
  local text, missing = fill(row)
  if not text then return nil, missing end
  message.text = text
  return message
end

local function invalid(plan, line, row, wrong)
  local counts = plan.counts
  counts.done, counts.not_sent = counts.done + 1, counts.not_sent + 1
  counts.codes.invalid = (counts.codes.invalid or 0) + 1
  plan.journal:write { line = line, to = row and row.to, status = "invalid", message = wrong }
  if plan.on_invalid then return plan.on_invalid(line, row, wrong) end
  if #plan.invalid < 5 then plan.invalid[#plan.invalid + 1] = ("line %d: %s"):format(line, wrong) end
end

--- Does the result of an earlier run settle this row, so that it is not sent?
local function is_settled(plan, line, to)
  local status, earlier = plan.journal:status(line)
  if not status then return false end
  if earlier ~= to then
    plan.changed = plan.changed or line
    return true
  end
  if status == "accepted" then
    plan.skipped = plan.skipped + 1
    return true
  end
  if status == "unknown" or status == "refused" then
    if plan.resend[status] then return false end
    plan.held[status] = plan.held[status] + 1
    return true
  end
  return false -- it was invalid or never left
end

--- fn, called by one task at a time: a row may have several lines, and a pipe may have to be waited for at each.
local function in_turn(fn)
  local busy, waiting = false, {}
  return function()
    while busy do
      waiting[#waiting + 1] = task.need()
      task.wait(waiting)
    end
    busy = true
    local item = fn()
    busy = false
    if waiting[1] then task.wake_for(table.remove(waiting, 1), waiting) end
    return item
  end
end

local function next_of(plan)
  return in_turn(function()
    while true do
      local line, row, wrong = plan.next_row()
      if not line then
        plan.exhausted = not plan.stopped
        return nil
      end
      plan.last_line = line
      if not row then
        invalid(plan, line, nil, wrong)
      elseif is_settled(plan, line, row.to) then
        if plan.total then plan.total = plan.total - 1 end
      else
        local message
        message, wrong = message_of(plan, row)
        if message then
          if not plan.journal:write { line = line, to = row.to, status = "sending" } then return nil end
          return { message = message, to = row.to, line = line }
        end
        invalid(plan, line, row, wrong)
      end
    end
  end)
end

local function unknown_column(names, known)
  for _, name in ipairs(names or {}) do
    if known and not known[name] and not known[name:lower()] then return name end
  end
end

--- The plan of a run with --file.
---@return table? plan  next_item, total, counts …
---@return string? message
function bulk.plan(options, out, message)
  local plan = {
    many = true, message = message, counts = batch.counts(), invalid = {}, skipped = 0, changed = nil,
    failures = failures.new(),
    held = { unknown = 0, refused = 0 }, -- results of an earlier run that --resume leaves alone
    stopped = false,                     -- closed before the end of the file
    last_line = 0,                       -- that was read
    resend = {},
  }
  for _, what in ipairs(options.resend) do plan.resend[what] = true end
  if #options.to > 0 or options.count ~= 1 then return nil, "--to and --count cannot be used with --file, which names the recipients" end
  local wrong, names, known
  if options.template then
    if message.data then return nil, "--text and --data cannot be combined" end
    plan.fill, wrong, names = rows.template(options.template)
    if not plan.fill then return nil, "--text: " .. wrong end
  end
  local result = options.result or options.file ~= "-" and options.file .. ".result.jsonl"
  if not result and not options.dry_run then return nil, "--file - needs --result FILE" end
  local following, close
  following, close, plan.total = lines.open(options.file, out.stdin, {
    charset = options.charset,
    on_not_utf8 = function(line)
      if plan.not_utf8 then return end
      plan.not_utf8 = line
      out:note("%s: not UTF-8 in line %d: read as Windows-1252; --charset NAME says what the file is in",
        options.file == "-" and "stdin" or options.file, line)
    end,
  })
  if not following then return nil, close end
  plan.stop = function()
    plan.stopped = true
    close()
  end
  plan.next_row, wrong, known = rows.open(following)
  if not plan.next_row then return nil, ("%s: %s"):format(options.file, wrong) end
  local missing = unknown_column(names, known)
  if missing then return nil, ("--text: the file has no column '%s'"):format(missing) end
  if known and not known.text and not plan.fill and not message.data then return nil, "missing text: give --text, or a column 'text'" end
  plan.journal, wrong = (options.dry_run and journal.peek or journal.open)(result, options.resume)
  if not plan.journal then return nil, wrong end
  if plan.total and known then plan.total = plan.total - 1 end
  plan.next_item = next_of(plan)
  plan.find_missing = function()
    if not plan.exhausted or plan.changed then return end
    local last = plan.journal:last_line()
    if last > plan.last_line then plan.missing_line, plan.changed = last, last end
  end
  plan.on_result = function(item, r)
    local ids = r.sent and r.sent.message_ids
    plan.journal:write {
      line = item.line, to = item.to, status = r.status, code = r.code, message = r.message,
      message_id = r.sent and r.sent.message_id, message_ids = ids and #ids > 1 and json.list(ids) or nil,
    }
  end
  plan.on_receipt = function(item, sent, receipt)
    if receipt then
      plan.journal:write {
        line = item.line, to = item.to, status = "receipt", message_id = sent.message_id, state = receipt.state, err = receipt.err,
      }
    end
  end
  plan.close = function()
    plan.journal:close()
    close()
  end
  return plan
end

local function duration(s)
  if s < 100 then return ("%d s"):format(math.ceil(s)) end
  if s < 6000 then return ("%d min"):format(math.ceil(s / 60)) end
  return ("%.1f h"):format(s / 3600)
end

local REFRESH_S = 0.2

--- The progress line on a terminal: rows done, rate, in flight, refused by status, time left.
---@param loop smpp.Loop
---@param plan { counts: smpp.BatchCounts, total: integer? }  total: of those that are to be sent, as far as known
function bulk.progress(out, loop, plan)
  local start, counts = loop:now(), plan.counts
  if not out.is_terminal(out.stderr) or plan.total == 1 then return { close = function() end } end
  local timer
  local function show()
    local elapsed, total = loop:now() - start, plan.total
    local rate = elapsed > 0 and counts.done / elapsed or 0
    local words = { total and ("%d of %d"):format(counts.done, total) or ("%d done"):format(counts.done), ("%.0f/s"):format(rate),
      ("%d in flight"):format(counts.in_flight) }
    local codes = batch.code_words(counts)
    if codes ~= "" then words[#words + 1] = out:paint_note("red", codes) end
    if total and rate > 0 and total > counts.done then words[#words + 1] = duration((total - counts.done) / rate) .. " left" end
    out:show_progress(table.concat(words, "  "))
    timer:start(REFRESH_S)
  end
  timer = loop:timer(show)
  timer:start(REFRESH_S)
  return {
    close = function()
      timer:close()
      out:clear_progress()
    end,
  }
end

--- Tells that the file is not that of the earlier run.
function bulk.tell_change(out, plan)
  if plan.missing_line then
    out:fail("input file changed since the earlier run: line %d is missing", plan.missing_line)
  elseif plan.changed then
    out:fail("input file changed since the earlier run: line %d has another recipient", plan.changed)
  end
end

--- Prints the summary of a run.
function bulk.summary(out, plan)
  local counts = plan.counts
  local held = plan.held or { unknown = 0, refused = 0 }
  if out.json then
    local codes, list = {}, {}
    for code in pairs(counts.codes) do codes[#codes + 1] = code end
    table.sort(codes)
    for _, code in ipairs(codes) do
      list[#list + 1] = code
      list[#list + 1] = counts.codes[code]
    end
    out:object(json.object({
      "event", "summary", "done", counts.done, "accepted", counts.accepted, "refused", counts.refused, "unknown", counts.unknown,
      "not_sent", counts.not_sent, "parts", counts.parts, "delivered", counts.delivered, "undelivered", counts.undelivered,
      "no_receipt", counts.no_receipt, "codes", json.object(list), "in_flight", counts.in_flight > 0 and counts.in_flight or nil,
      "skipped", plan.skipped, "failures", failures.object(plan.failures), "changed_line", plan.changed,
      "held_unknown", held.unknown > 0 and held.unknown or nil, "held_refused", held.refused > 0 and held.refused or nil,
    }, 34))
  else
    local words = { ("%d accepted"):format(counts.accepted) }
    if counts.parts > counts.accepted then words[1] = words[1] .. (" (%d parts)"):format(counts.parts) end
    for _, name in ipairs { "refused", "unknown", "not_sent", "delivered", "undelivered", "no_receipt" } do
      if counts[name] > 0 then words[#words + 1] = ("%d %s"):format(counts[name], (name:gsub("_", " "))) end
    end
    local codes = batch.code_words(counts)
    out:print(table.concat(words, ", ") .. (codes ~= "" and " (" .. codes .. ")" or ""))
  end
  for _, line in ipairs(plan.invalid or {}) do out:note("%s", line) end
  if not out.json then failures.print(out, plan.failures, plan.journal and plan.journal.path) end
  if counts.in_flight > 0 then out:note("%d without a response yet: outcome unknown", counts.in_flight) end
  if (plan.skipped or 0) > 0 then out:note("%d accepted by an earlier run, not sent again", plan.skipped) end
  if held.refused > 0 then out:note("%d refused in an earlier run, not sent again (--resend refused sends them)", held.refused) end
  if held.unknown > 0 then
    out:note("%d of an earlier run with unknown outcome, not sent again (--resend unknown sends them, perhaps twice)", held.unknown)
  end
  bulk.tell_change(out, plan)
end

--- Tells how to resume a run that ended before the end of its file.
function bulk.tell_how_to_resume(out, plan, options)
  local counts = plan.counts
  if not options.file or plan.exhausted or counts.done + counts.in_flight == 0 then return end
  out:note("to send the rest: the same command%s; what was sent is in %s", options.resume and "" or " with --resume", plan.journal.path)
  if counts.unknown + counts.in_flight > 0 then
    out:note "with --resend unknown also the messages whose outcome is unknown, which may then arrive twice"
  end
end

return bulk
