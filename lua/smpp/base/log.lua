--- Structured logging, one line per event.  Phone numbers are masked unless `show` is set; message texts are never logged.
local kind = require "smpp.base.kind"
local schema = require "smpp.base.schema"
local shown = require "smpp.base.shown"

local log = {}

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

local function value_text(value)
  local text = tostring(value)
  if text == "" or text:find '[^!#-<>-~]' then return shown.quote(text) end -- white space, quotes, equals signs, non-ASCII octets
  return text
end

--- A record as one line: time level event name=value ..., names in order of the alphabet.
---@param record { time: number, level: string, event: string }
---@return string
function log.line(record)
  local names = {}
  for name in pairs(record) do
    if name ~= "time" and name ~= "level" and name ~= "event" then names[#names + 1] = name end
  end
  table.sort(names)
  local parts = { os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(record.time)), record.level, record.event }
  for _, name in ipairs(names) do parts[#parts + 1] = name .. "=" .. value_text(record[name]) end
  return table.concat(parts, " ")
end

local level = kind.one_of("debug", "info", "warn", "error")

--- The option `log`.
log.kind = kind.either("boolean", level, "function", schema.new {
  { "level", level, "info", "minimum level that is written", 'level = "warn"' },
  { "write", "function", nil, "gets the records instead of stderr", "write = function(record) end" },
  { "show", "boolean", false, "phone numbers are not masked", "show = true" },
})

--- A number or an address with all but its last three characters hidden.
---@param address string
---@return string
function log.mask(address) return ("*"):rep(math.max(0, #address - 3)) .. address:sub(-3) end

--- Makes a writer of records.
---@param o true|string|function|{ level: string?, write: fun(record: table)?, show: boolean? }|nil  true: info and above to
---  stderr; a level; a function that gets every record; show: phone numbers are not masked; nil or false: no log
---@param loop smpp.Loop  for the time
---@return fun(level: string, event: string, fields: table?)? write  nil: logging is off
---@return fun(address: string): string show  masks
function log.writer(o, loop)
  if not o then return nil, log.mask end
  local least, sink, show = LEVELS.info, function(record) io.stderr:write(log.line(record), "\n") end, log.mask
  if type(o) == "function" then
    least, sink = 1, o
  elseif type(o) == "table" then
    least, sink = LEVELS[o.level or "info"], o.write or sink
    if o.show then show = tostring end
  elseif type(o) == "string" then
    least = LEVELS[o]
  end
  return function(level, event, fields)
    if LEVELS[level] < least then return end
    local record = { time = loop:time(), level = level, event = event }
    for name, value in pairs(fields or {}) do record[name] = value end
    local ok, err = pcall(sink, record)
    if not ok then io.stderr:write("smpp: the log function failed: ", shown.text(err), "\n") end
  end, show
end

return log
