--- Structured logging, one line per event (docs/logging.md): logfmt, JSON, or for journald.  What it has of peers is escaped,
--- texts and numbers are masked as an option says.
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"
local shown = require "smpp.base.shown"

local log = {}

local LEVELS = { trace = 1, debug = 2, info = 3, warn = 4, error = 5 }
local PRIORITIES = { trace = 7, debug = 7, info = 6, warn = 4, error = 3 } -- of syslog, for journald

--- The events of the library and the levels that they have; docs/logging.md says what each means.
log.events = {
  -- clients
  connecting = "info", bound = "info", waiting = "warn", closing = "info", closed = "info",
  bind_up = "info", bind_down = "warn", bind_closed = "info", bind_failed = "warn", gave_up = "error", fallback = "warn", bind_resp_sequence = "warn",
  paused = "warn", rate_adapted = "info", not_taken = "debug", ids_learned = "info", suspicious_message = "warn", tls_warning = "warn",
  -- servers
  listening = "info", stopped = "info", reloaded = "info", reload_failed = "error",
  connection_refused = "warn", connection_failed = "warn", tls_failed = "warn", malformed = "warn",
  refused_bind = "warn", rejected = "warn",
  -- both
  refused = "warn", handler_failed = "error", answer_timeout = "error", late_result = "warn", pdu = "trace", error = "error",
  trace_started = "info", trace_stopped = "info", trace_failed = "error",
  -- gateways
  breaker_closed = "info", breaker_open = "warn", carrier_changed = "info", carrier_error = "error", carrier_refused = "error",
  carrier_removed = "info", carrier_reopened = "info",
  console_sent = "info", failed = "error", http_refused = "warn", late_response = "warn", loaded = "info",
  loop_refused = "warn", lost = "warn", malformed_receipt = "warn", maybe_twice = "warn", needs_restart = "warn",
  no_receipt = "warn", not_converted = "warn", not_delivered = "warn", not_finished = "warn", not_loaded = "error",
  not_sent = "error", outcome_unknown = "warn", receipt_lost = "error", reply_failed = "warn", rule_failed = "error",
  server_error = "error", store_failed = "error", table_loaded = "info", unbound = "info", undelivered = "warn",
  config_differs = "warn", node_dead = "warn", node_ended = "error", node_joined = "info", node_left = "info", node_refused = "error",
  lease_given = "info", lease_lost = "warn", lease_taken = "info",
  store_away = "error", store_back = "info", store_engine = "info", store_failover = "warn", store_full = "warn", store_room = "info",
  store_warning = "warn",
  unknown_receipt = "warn", unmatched = "info", webhook_again = "info", webhook_dead = "warn",
  -- bots, which have some of those of gateways, too
  no_store = "warn", wrong_number = "warn", sender_dropped = "warn", not_heard = "info",
  dialogue_done = "debug", dialogue_ended = "info", message_not_sent = "warn", question_not_sent = "warn",
  opted_out = "info", opted_in = "info", loop_suspected = "warn", memory_not_written = "error", opt_out_not_written = "error",
  held_dropped = "info", broadcast_started = "info", broadcast_ended = "info", schedule_skipped = "warn",
}

local FIRST = { "time", "level", "event", "session", "role", "peer", "system_id" } -- the order of a line; message is its last
local IS_PLACED = { message = true }
for _, name in ipairs(FIRST) do IS_PLACED[name] = true end

local MOST_OCTETS = 1024 -- of a value

-- ---- masks ----

local NUMBERS = { from = true, to = true, number = true }
local TEXTS = { text = true }
local SENTENCES = { message = true, reason = true }

--- A number with all but its first four and last two digits hidden.
local function hidden(digits)
  local count = #digits
  return count <= 6 and digits or digits:sub(1, 4) .. ("*"):rep(count - 6) .. digits:sub(-2)
end

--- A number or an address with all but the first four and the last two digits hidden; shorter ones, as short codes, are not.
---@param address string
---@return string
function log.mask(address)
  return (tostring(address):gsub("%d[%d ()%-]*", function(digits) return #digits > 6 and hidden((digits:gsub("%D", ""))) or digits end))
end

--- The value of a field as the mask leaves it.
local function masked(name, value, numbers, texts)
  if texts and TEXTS[name] then return ("<%d octets>"):format(#tostring(value)) end
  if numbers and (NUMBERS[name] or SENTENCES[name]) then return log.mask(tostring(value)) end
  return value
end

-- ---- lines ----

--- What may change how a terminal or an editor shows a line: U+0080 to U+009F, bidirectional and invisible characters.
local UNSEEN = { "\194[\128-\159]", "\216\156", "\226\128[\139-\143\168-\174]", "\226\129[\160-\175]", "\239\187\191" }

local function codepoint(character)
  local first, second, third = character:byte(1, 3)
  return third and (first % 16 * 64 + second % 64) * 64 + third % 64 or first % 32 * 64 + second % 64
end

local SHORT = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- The octets of a text as JSON and logfmt quote them: valid UTF-8 without control characters.
local function quoted(text)
  if #text > MOST_OCTETS then
    local cut = MOST_OCTETS - 3
    while cut > 0 and text:byte(cut + 1) >= 128 and text:byte(cut + 1) < 192 do cut = cut - 1 end
    text = text:sub(1, cut) .. "…"
  end
  if text:find '[%c"\\\127-\255]' then
    text = text:gsub('[%c"\\\127]', function(octet) return SHORT[octet] or ("\\u%04X"):format(octet:byte()) end)
    if text:find "[\128-\255]" then
      text = shown.repaired(text)
      for _, pattern in ipairs(UNSEEN) do
        text = text:gsub(pattern, function(character) return ("\\u%04X"):format(codepoint(character)) end)
      end
    end
  end
  return '"' .. text .. '"'
end

--- The fields of a record in their order: calls fn(name, value) for each.
local function each(record, fn)
  local names = {}
  for name in pairs(record) do
    if not IS_PLACED[name] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(FIRST) do
    if record[name] ~= nil then fn(name, record[name]) end
  end
  for _, name in ipairs(names) do fn(name, record[name]) end
  if record.message ~= nil then fn("message", record.message) end
end

--- RFC 3339, UTC, in milliseconds.
local function stamp(time)
  local ms = math.floor(time * 1000 + 0.5)
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(ms / 1000)) .. (".%03dZ"):format(ms % 1000)
end

local function logfmt_value(value)
  local text = type(value) == "number" and ("%.14g"):format(value) or tostring(value)
  return text:find "^[%w._:+/-]+$" and #text <= MOST_OCTETS and text or quoted(text)
end

local function logfmt(record, prefix)
  local parts = {}
  each(record, function(name, value)
    if name == "time" then
      if prefix then return end
      value = stamp(value)
    end
    parts[#parts + 1] = name .. "=" .. logfmt_value(value)
  end)
  return (prefix or "") .. table.concat(parts, " ")
end

--- The forms of a line: name -> fn(record).
log.formats = {
  logfmt = function(record) return logfmt(record) end,
  journal = function(record) return logfmt(record, ("<%d>"):format(PRIORITIES[record.level])) end,
  json = function(record)
    local parts = {}
    each(record, function(name, value)
      if name == "time" then value = stamp(value) end
      local is_plain = type(value) == "boolean" or type(value) == "number" and value == value and math.abs(value) < math.huge
      parts[#parts + 1] = ('"%s":%s'):format(name, is_plain and (type(value) == "number" and ("%.14g"):format(value) or tostring(value))
        or quoted(tostring(value)))
    end)
    return "{" .. table.concat(parts, ",") .. "}"
  end,
}

--- A record as one line.
---@param record { time: number, level: string, event: string }
---@param format? "logfmt"|"json"|"journal"
---@return string
function log.line(record, format) return log.formats[format or "logfmt"](record) end

--- The fields of the event `pdu`.
---@param pdu smpp.Pdu
---@param direction "in"|"out"
---@return table
function log.of_pdu(pdu, direction)
  return {
    direction = direction, command = pdu.command, sequence_number = pdu.sequence_number, status = pdu.status, octets = pdu.command_length,
  }
end

-- ---- options ----

local level = kind.one_of("error", "warn", "info", "debug", "trace")

--- The option `log`.
log.kind = kind.either("boolean", level, "function", schema.new {
  { "level", level, "info", "minimum level that is written", 'level = "warn"' },
  { "format", kind.one_of("logfmt", "json", "journal"), "logfmt", "form of the lines", 'format = "json"' },
  { "mask", kind.either("boolean", kind.one_of("numbers", "texts", "all")), "texts", "what is hidden; false: nothing", 'mask = "all"' },
  { "write", "function", nil, "gets the records instead of stderr", "write = function(record) end" },
  { "write_line", "function", nil, "gets the lines instead of stderr", "write_line = function(line) end" },
})

-- ---- writing ----

local REPEAT_S = 1
local MOST_KEYS = 1000

--- A function that writes lines, one for each event and peer in a second; the rest are counted, and told by the next.  Another
--- writes at once what is still counted.
local function limited(loop, write)
  local rows, count, timer = {}, 0, nil -- "event\0peer" -> { at, omitted, record }
  local function flush(is_last)
    local now, left, keys = loop:now(), false, {}
    for key in pairs(rows) do keys[#keys + 1] = key end
    table.sort(keys)
    for _, key in ipairs(keys) do
      local row = rows[key]
      if now - row.at >= REPEAT_S or is_last then
        if row.omitted > 0 then
          row.record.repeated = row.omitted
          row.at, row.omitted, left = now, 0, true
          write(row.record)
          row.record = nil
        else
          rows[key], count = nil, count - 1
        end
      else
        left = left or row.omitted > 0
      end
    end
    if not timer then return end
    if left and not is_last then return timer:start(REPEAT_S) end
    timer:close()
    timer = nil
  end
  return function(record)
    if record.level == "trace" then return write(record) end
    local key, now = record.event .. "\0" .. tostring(record.peer or ""), loop:now()
    local row = rows[key]
    if row and now - row.at < REPEAT_S then
      row.omitted, row.record = row.omitted + 1, record
      timer = timer or loop:timer(function() flush(false) end)
      if row.omitted == 1 then timer:start(REPEAT_S - (now - row.at)) end
      return
    end
    if not row then
      if count >= MOST_KEYS then rows, count = {}, 0 end
      row, count = { at = now, omitted = 0, record = nil }, count + 1
      rows[key] = row
    end
    if row.omitted > 0 then record.repeated = row.omitted end
    row.at, row.omitted, row.record = now, 0, nil
    write(record)
  end, function() flush(true) end
end

--- Makes a writer of records: write(event, fields, session) of an event of the list, or write(level, event, fields) of another.
---@param o true|string|function|table|nil  true: info and above to stderr; a level; a function that gets every record
---  but those of level trace; or the options above; nil or false: no log
---@param loop smpp.Loop  for the time
---@param common? table  fields of every record
---@return (fun(event: string, fields: table|string|nil, session: smpp.Session|table|nil))? write  nil: logging is off
---@return fun(value: any): string show  how a program writes a number itself: the mask follows
---@return string? level  the lowest that is written
---@return (fun())? close  writes at once what would be told by the next line
function log.writer(o, loop, common)
  if not o then return nil, tostring end
  local given = type(o) == "table" and o or {}
  local least = type(o) == "function" and "debug" or type(o) == "string" and o or given.level or "info"
  local mask = given.mask
  if mask == nil then mask = "texts" end
  local numbers, texts = mask == "numbers" or mask == "all" or mask == true, mask == "texts" or mask == "all" or mask == true
  local sink, close = type(o) == "function" and o or given.write, nil
  if not sink then
    local format = log.formats[given.format or "logfmt"]
    local write_line = given.write_line or function(line) io.stderr:write(line, "\n") end
    sink, close = limited(loop, function(record) write_line(format(record)) end)
  end
  local least_number = LEVELS[least]
  return function(event, fields, session)
    local record_level = log.events[event]
    if type(fields) == "string" then -- level, event, fields: an event of the program's own
      record_level, event, fields, session = event, fields, session, nil
    elseif not record_level then
      error(("log: unknown event '%s'"):format(tostring(event)), 2)
    end
    if LEVELS[record_level] < least_number then return end
    local record = { time = loop:time(), level = record_level, event = event }
    for name, value in pairs(common or {}) do record[name] = value end
    if session then record.session, record.peer, record.system_id = session.id, session.host, session.system_id or record.system_id end
    for name, value in pairs(fields or {}) do record[name] = masked(name, value, numbers, texts) end
    local ok, err = pcall(sink, record)
    if not ok then io.stderr:write("smpp: the log function failed: ", shown.text(err), "\n") end
  end, tostring, least, close or function() end
end

return log
