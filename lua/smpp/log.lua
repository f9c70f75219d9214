--- One structured line per change.  Numbers and texts of messages never get here unless somebody asks for them.
local log = {}

local LEVELS = { debug = 1, info = 2, warn = 3, error = 4 }

local function value_text(value)
  local text = tostring(value)
  if text:find '[%s="%c]' then return '"' .. text:gsub('[%c"\\]', function(c) return ("\\x%02x"):format(c:byte()) end) .. '"' end
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

--- A number or an address with all but its last three characters hidden.
---@param address string
---@return string
function log.mask(address) return ("*"):rep(math.max(0, #address - 3)) .. address:sub(-3) end

--- Makes a writer of records.
---@param o true|string|function|{ level: string?, write: fun(record: table)? }|nil  true: info and above to stderr; a level;
---  a function that gets every record; nil or false: nothing
---@param loop smpp.Loop  for the time
---@return fun(level: string, event: string, fields: table?)? write  nil: nobody wants any
function log.writer(o, loop)
  if not o then return nil end
  local least, sink = LEVELS.info, function(record) io.stderr:write(log.line(record), "\n") end
  if type(o) == "function" then
    least, sink = 1, o
  elseif type(o) == "table" then
    least, sink = LEVELS[o.level or "info"], o.write or sink
  elseif type(o) == "string" then
    least = LEVELS[o]
  end
  if not least then error("log: level debug, info, warn or error expected", 3) end
  return function(level, event, fields)
    if LEVELS[level] < least then return end
    local record = { time = loop:time(), level = level, event = event }
    for name, value in pairs(fields or {}) do record[name] = value end
    sink(record)
  end
end

return log
