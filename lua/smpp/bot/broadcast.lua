--- One text to many subscribers: paced, each once, counted, and continued where it ended.
local address = require "smpp.codec.address"
local buckets = require "smpp.base.bucket"
local csv = require "smpp.bot.csv"
local hears = require "smpp.bot.hear"
local kind = require "smpp.base.kind"
local mistake = require "smpp.base.mistake"
local schema = require "smpp.base.schema"
local task = require "smpp.base.task"
local text = require "smpp.text"

local broadcast = { methods = {} }

local Bot = broadcast.methods

broadcast.schema = schema.new {
  { "rate_per_s", kind.rate, 10, "messages per second", "rate_per_s = 50" },
  { "from", "string", nil, "the sender", 'from = "Shop"', default_text = "the first number" },
  { "carrier", "string", nil, "by which they are sent", 'carrier = "one"', default_text = "the first" },
  { "dry_run", "boolean", false, "only count", "dry_run = true" },
  { "name", "string", nil, "with a store: goes on where a broadcast of this name ended", 'name = "christmas"' },
  { "progress", "function", nil, "called with the number of those done, and of all if it is known", "progress = print" },
  { "receipt", "boolean", false, "ask for receipts, and count them", "receipt = true" },
  { "receipts_within_s", kind.seconds, 0, "how long to wait for them", "receipts_within_s = 3600" },
  { "urgent", "boolean", false, "in quiet hours, too", "urgent = true" },
}

local COUNTS = { "total", "sent", "failed", "unknown", "opted_out", "duplicate", "invalid", "delivered", "undelivered", "parts" }

--- Checks that each column of a template is there.
local function check_columns(template, has, names, level)
  for _, name in ipairs(template.columns) do
    if not has(name) then
      local like = mistake.similar(name, names)
      error(("broadcast: unknown column '%s'%s"):format(name, like and ("; did you mean '%s'?"):format(like) or ""), level + 1)
    end
  end
end

--- The rows of a list, as an iterator, and how many there are, if that is known.
local function rows_of(list, template, level)
  local rows = list
  if type(list) == "function" then
    return function()
      local item = list()
      if item == nil then return nil end
      local row = csv.row(item) or error(("broadcast: expected numbers or tables, got a %s"):format(type(item)), 0)
      check_columns(template, function(name) return row[name] ~= nil end, row, 0)
      return row
    end
  elseif type(list) == "string" then
    local columns
    rows, columns = csv.read(list)
    if not rows then error("broadcast: " .. columns, level + 1) end
    local names = {}
    for _, name in ipairs(columns) do names[name] = true end
    check_columns(template, function(name) return names[name] end, names, level + 1)
  elseif type(list) == "table" then
    rows = {}
    for i, item in ipairs(list) do
      local row = csv.row(item) or error(("broadcast: item %d: expected a number or a table, got a %s"):format(i, type(item)), level + 1)
      check_columns(template, function(name) return row[name] ~= nil end, row, level + 1)
      rows[i] = row
    end
  else
    error(("broadcast: argument 1: expected a file, a list or an iterator, got a %s"):format(type(list)), level + 1)
  end
  local i = 0
  return function()
    i = i + 1
    return rows[i]
  end, #rows
end

local function key_of(o, digits) return ("b/%s/%s"):format(o.name, digits) end

--- What an earlier run of this name did with a number; in flight: unknown.
local function earlier(self, o, digits)
  if not o.name then return nil end
  local value, message, code = self.vault:get(key_of(o, digits))
  if value == nil and code ~= "missing" then error("broadcast: " .. tostring(message), 0) end
  return value
end

local function remember(self, o, digits, outcome, parts)
  if not o.name then return true end
  return self.vault:put(key_of(o, digits), { outcome = outcome, parts = parts }, "broadcast")
end

--- Sends one message; returns the outcome and its parts.
local function send(self, o, person, row, words)
  if o.dry_run then
    if self:is_out(person, hears.digits(o.from or "")) then return "opted_out" end
    local parts = text.split(words)
    return parts and "sent" or "failed", parts and #parts or 0
  end
  local ok, _, _, reason = self:may_send(person, hears.digits(o.from or ""))
  if not ok then return reason == "opted_out" and "opted_out" or "failed" end
  if not remember(self, o, person.key, "unknown", 0) then return "failed" end
  local message = { from = o.from, to = row.to_number, text = words, receipt = o.receipt or nil }
  local sent = self:transmit(self:carrier_of(o.carrier), message)
  local outcome = not sent and "failed" or sent.is_unknown and "unknown" or "sent"
  local parts = sent and #sent.message_ids or 0
  remember(self, o, person.key, outcome, parts)
  return outcome, parts, sent
end

--- Counts the receipts that come in time.
local function count_receipts(self, list, o, counts)
  local deadline = self.loop:now() + o.receipts_within_s
  for _, sent in ipairs(list) do
    local left = deadline - self.loop:now()
    local receipt = sent.done or left > 0 and sent:receipt(left) or nil
    if receipt then
      local name = receipt.state == "DELIVERED" and "delivered" or "undelivered"
      counts[name] = counts[name] + 1
    end
  end
end

--- Sends a text to all of a list, and waits for the end.
---@async
---@param list string|table|fun(): any  a CSV file, or an array or iterator of numbers or tables
---@param words string  a text with "{column}"
---@param o? table
---@return table<string, integer> counts  total, sent, failed, unknown, opted_out, duplicate, invalid, delivered, undelivered, parts
function Bot:broadcast(list, words, o)
  o = broadcast.schema:fill(broadcast.schema:check(o, 2))
  if type(words) ~= "string" then error(("broadcast: argument 2: expected a text, got a %s"):format(type(words)), 2) end
  if o.carrier and not self:carrier_of(o.carrier, true) then error(("broadcast: unknown carrier '%s'"):format(o.carrier), 2) end
  if self.state ~= "running" then error("broadcast: the bot is not running", 2) end
  local caller = task.need(2)
  local ok, template = pcall(csv.template, words)
  if not ok then error("broadcast: " .. template, 2) end
  local next_row, total = rows_of(list, template, 2)
  o.from = o.from or self.o.number and self.o.number[1]
  local counts, seen, sents = {}, {}, {}
  for _, name in ipairs(COUNTS) do counts[name] = 0 end
  self:log("broadcast_started", "broadcast begins", { name = o.name, total = total })
  local open, finished, done = 0, false, 0
  local pace = buckets.paced(o.rate_per_s, 1, self.loop:now())

  local function count(outcome, parts, sent)
    counts[outcome] = counts[outcome] + 1
    counts.parts = counts.parts + (parts or 0)
    if sent and o.receipt and outcome == "sent" then sents[#sents + 1] = sent end
    done = done + 1
    if o.progress then
      local went, trace = task.traced_pcall(o.progress, done, total)
      if not went then self:handler_failed(trace, trace) end
    end
  end
  local function one_done()
    open = open - 1
    if finished and open == 0 then task.wake_for(caller, count) end
  end
  local function work(row, person)
    count(send(self, o, person, row, template.fill(row)))
    one_done()
  end
  local function failed(trace, err)
    self:handler_failed(trace, err)
    counts.failed = counts.failed + 1
    one_done()
  end

  for row in next_row do
    counts.total = counts.total + 1
    local to = address.destination(self:subscriber(row.number))
    local digits = to and hears.digits(to.addr)
    local before = digits and not seen[digits] and earlier(self, o, digits)
    if not to then
      count "invalid"
    elseif seen[digits] then
      count "duplicate"
    elseif before then
      count(before.outcome, before.parts)
    else
      if not o.dry_run then
        local quiet = not o.urgent and self:quiet_until()
        while quiet do
          self:pause(quiet - self.loop:time())
          quiet = self:quiet_until()
        end
        local wait_s = pace:take(self.loop:now())
        while wait_s > 0 do
          self:pause(wait_s)
          wait_s = pace:take(self.loop:now())
        end
      end
      if self.state ~= "running" then break end
      row.to_number = self:subscriber(row.number)
      open = open + 1
      task.start(failed, work, row, self.people:get(digits))
    end
    if digits then seen[digits] = true end
  end
  finished = true
  if open > 0 then task.wait(count) end
  if o.receipt then count_receipts(self, sents, o, counts) end
  self:log("broadcast_ended", "broadcast ended", { name = o.name, total = counts.total, sent = counts.sent, failed = counts.failed })
  return counts
end

return broadcast
