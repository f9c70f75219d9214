--- Records of what became of messages (CDR): one line of JSON each, in files whose names have the date.
local core = require "smpp.core"

local records = {}

---@class smpp.CallRecords
local Records = {}
local mt = { __index = Records, __name = "smpp.CallRecords" }

---@param pattern string  as of strftime: "cdr-%Y%m%d.jsonl"
---@return smpp.CallRecords
function records.new(pattern) return setmetatable({ pattern = pattern, path = nil, handle = nil }, mt) end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quoted(value)
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "boolean" then return tostring(value) end
  if not core.text.is_utf8(value) then value = core.text.shown(value, "plain") end
  return '"' .. value:gsub('[%c"\\]', function(c) return ESCAPES[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local FIELDS = { "id", "account", "from", "to", "submitted", "done", "state", "error", "carrier", "carrier_id", "charged", "maybe_twice" }

--- One record as a line.
---@param values table
---@return string
function records.line(values)
  local list = {}
  for _, name in ipairs(FIELDS) do
    if values[name] ~= nil then list[#list + 1] = ('"%s":%s'):format(name, quoted(values[name])) end
  end
  return "{" .. table.concat(list, ",") .. "}\n"
end

--- Writes the record of a message that is final.
---@param now number  Unix time
---@param record table
---@param state string
---@param o { err: string?, set: table? }
function Records:write(now, record, state, o)
  local path = os.date(self.pattern, math.floor(now))
  if path ~= self.path then
    if self.handle then self.handle:close() end
    self.path, self.handle = path, io.open(path, "ab")
  end
  if not self.handle then
    self.path = nil
    return
  end
  local set = o.set or {}
  self.handle:write(records.line {
    id = record.id, account = record.system_id, from = record.source_addr, to = record.destination_addr, submitted = record.submitted, done = now,
    state = state, error = o.err, carrier = set.carrier or record.carrier, carrier_id = set.carrier_id or record.carrier_id,
    charged = not o.refund and record.charged and record.charged / 1000000 or nil, maybe_twice = set.maybe_twice or record.maybe_twice,
  })
  self.handle:flush()
end

function Records:close()
  if self.handle then self.handle:close() end
  self.handle = nil
end

return records
