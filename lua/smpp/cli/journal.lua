--- The result file: one record per event of each row, written at once, read again by --resume.
--- JSON lines { line, to, status, … }; status is "sending" before a message goes out, then "accepted", "refused",
--- "unknown", "not_sent" or "invalid"; a receipt is a record of its own ("receipt").
local json = require "smpp.codec.json"

---@class smpp.Journal
local Journal = {}
local mt = { __index = Journal, __name = "smpp.Journal" }

local journal = {}

local FIELDS = { "line", "to", "status", "code", "message", "message_id", "message_ids", "state", "err" }

--- The last status of each line, receipts aside.  A truncated record is ignored.
local function read(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  local known, number = {}, 0
  for line in file:lines() do
    number = number + 1
    local record = json.decode(line)
    if type(record) == "table" and type(record.line) == "number" and type(record.status) == "string" then
      if record.status ~= "receipt" then known[record.line] = { status = record.status, to = record.to } end
    elseif number == 1 then
      file:close()
      return nil, path .. ": not a result file of smpp send"
    end
  end
  file:close()
  return known
end

--- The last octet of a file, "" when it is empty; nil when it does not exist.
local function last_octet(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local size = file:seek "end"
  local last = size == 0 and "" or (file:seek("set", size - 1) and file:read(1))
  file:close()
  return last
end

--- Opens the file of results.
---@param path string
---@param resume boolean
---@return smpp.Journal? journal
---@return string? message
function journal.open(path, resume)
  local last = last_octet(path)
  if last and last ~= "" and not resume then return nil, path .. " already exists: --resume continues that run, --result names another file" end
  if resume and not last then return nil, path .. ": nothing to resume" end
  local known, wrong = {}, nil
  if last and last ~= "" then known, wrong = read(path) end
  if not known then return nil, wrong end
  local file, message = io.open(path, "ab")
  if not file then return nil, message end
  file:setvbuf "no" -- LuaJIT's flush may not tell that it failed
  if last and last:find "[^\n]" then file:write "\n" end -- a record was cut
  return setmetatable({
    path = path,
    file = file,
    known = known, -- line number -> { status, to }
    wrong = nil,   -- why no more records can be written
  }, mt)
end

--- Opens the results of an earlier run read-only, for a dry run.
---@param path string?
---@param resume boolean
---@return smpp.Journal? journal
---@return string? message
function journal.peek(path, resume)
  local known = {}
  if resume then
    local wrong
    if not path or not last_octet(path) then return nil, (path or "--result") .. ": nothing to resume" end
    known, wrong = read(path)
    if not known then return nil, wrong end
  end
  return setmetatable({ path = path, file = nil, known = known, wrong = nil, is_read_only = true }, mt)
end

--- Writes one record at once: a row that was answered must not be sent again after a crash.
---@param record table
---@return boolean written  false: stop sending, the results can no longer be recorded
function Journal:write(record)
  if not self.file then return self.is_read_only or false end
  local list, count = {}, 0
  for _, name in ipairs(FIELDS) do
    list[count + 1], list[count + 2] = name, record[name]
    count = count + 2
  end
  local ok, message = self.file:write(json.encode(json.object(list, count)) .. "\n")
  if not ok then self.wrong = ("%s: %s"):format(self.path, message) end
  return not self.wrong
end

--- The status of a line in an earlier run, or nil; "sending" counts as unknown.
---@param line integer
---@return string? status
---@return string? to
function Journal:status(line)
  local entry = self.known[line]
  if not entry then return nil end
  return entry.status == "sending" and "unknown" or entry.status, entry.to
end

--- The highest line number of an earlier run; 0: none.
---@return integer
function Journal:last_line()
  local last = 0
  for line in pairs(self.known) do last = math.max(last, line) end
  return last
end

function Journal:close()
  if self.file then self.file:close() end
  self.file = nil
end

return journal
