--- The requests of a capture as the messages of a load test: the same PDUs, at their times.
local capture = require "smpp.capture"

local replay = {}

local GZIP = "\31\139"

--- A function that reads the next octets of a file, which may be compressed with gzip.
local function reader(path)
  local file, message = io.open(path, "rb")
  if not file then return nil, message end
  if file:read(2) == GZIP then
    file:close()
    file, message = io.popen(("gzip -dc -- '%s'"):format((path:gsub("'", "'\\''"))))
    if not file then return nil, message end
  else
    file:seek "set"
  end
  return function(n) return file:read(n) end, file
end

---@class smpp.LoadReplay
---@field items { at_s: number, pdu: smpp.Pdu }[]
---@field skipped table<string, integer>  other PDUs, by command

--- Reads the requests of one side.
---@param path string
---@param command "submit_sm"|"deliver_sm"
---@return smpp.LoadReplay? self
---@return string? message
function replay.read(path, command)
  local read, file = reader(path)
  if not read then return nil, file end
  local items, skipped, first = {}, {}, nil
  local summary, message = capture.read(read, function(item)
    if item.kind ~= "pdu" then return end
    if item.pdu.command ~= command then
      skipped[item.pdu.command] = (skipped[item.pdu.command] or 0) + 1
      return
    end
    first = first or item.time
    items[#items + 1] = { at_s = math.max(0, item.time - first), pdu = item.pdu }
  end)
  file:close()
  if not summary then return nil, ("%s: %s"):format(path, message) end
  if #items == 0 then return nil, ("no %s in %s"):format(command, path) end
  table.sort(items, function(a, b) return a.at_s < b.at_s end)
  return { items = items, skipped = skipped }
end

local Source = {}
local SOURCE = { __index = Source, __name = "smpp.LoadSource" }

--- The messages; with `expand` (--to) each destination is replaced, equal ones by the same number.
---@param recorded smpp.LoadReplay
---@param expand (fun(n: integer): string)?
---@return smpp.LoadSource
function replay.source(recorded, expand)
  return setmetatable({ items = recorded.items, n = 0, expand = expand, numbers = {}, count = 0 }, SOURCE)
end

function Source:next()
  local item = self.items[self.n + 1]
  if not item then return nil, false end
  self.n = self.n + 1
  local pdu = item.pdu
  local wants = pdu.registered_delivery % 2 == 1
  if self.expand then
    local old = pdu.destination_addr
    if not self.numbers[old] then
      self.numbers[old] = self.expand(self.count)
      self.count = self.count + 1
    end
    pdu = pdu:totable()
    pdu.destination_addr, pdu.command, pdu.command_status, pdu.sequence_number = self.numbers[old], nil, nil, nil
  end
  return { pdu }, wants
end

local Schedule = {}
local SCHEDULE = { __index = Schedule, __name = "smpp.LoadSchedule" }

--- When they are due.
---@param recorded smpp.LoadReplay
---@param speed number  math.huge: all at once
---@return smpp.LoadSchedule
function replay.schedule(recorded, speed)
  local items = recorded.items
  return setmetatable({ items = items, speed = speed, n = 0, total = #items, ends_at = items[#items].at_s / speed }, SCHEDULE)
end

function Schedule:next()
  local item = self.items[self.n + 1]
  if not item then return nil end
  self.n = self.n + 1
  return item.at_s / self.speed
end

--- How many are due in the second around a time.
function Schedule:rate_at(at_s)
  if self.speed == math.huge then return 0 end
  local items, from, to = self.items, (at_s - 0.5) * self.speed, (at_s + 0.5) * self.speed
  local function first_at(time)
    local low, high = 1, #items + 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      if items[middle].at_s < time then low = middle + 1 else high = middle end
    end
    return low
  end
  return first_at(to) - first_at(from)
end

function Schedule:left() return #self.items - self.n end

return replay
