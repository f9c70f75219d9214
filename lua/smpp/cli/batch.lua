--- Sends many messages: keeps the window full, waits for receipts, reports each outcome once.
--- Rate, throttling and reconnection are the client's.
local smpp = require "smpp"
local task = require "smpp.base.task"

local batch = {}

local UNKNOWN = { timeout = true, connection_lost = true }

---@class smpp.BatchResult
---@field status "accepted"|"refused"|"unknown"|"not_sent"
---@field code string?
---@field message string?
---@field sent smpp.Sent?

---@class smpp.BatchCounts
---@field done integer
---@field accepted integer
---@field refused integer
---@field unknown integer   no answer: sent, perhaps
---@field not_sent integer  the text or an address cannot be sent, or it was too late
---@field parts integer     accepted ones
---@field codes table<string, integer>  of what was not accepted
---@field in_flight integer
---@field delivered integer
---@field undelivered integer
---@field no_receipt integer  not in time

local Batch = {}
Batch.__index = Batch

--- Can the client still send?
local function is_open(esme) return esme.state ~= "closing" and esme.state ~= "closed" end

local function await_receipt(self, item, sent)
  local counts = self.counts
  self.awaited = self.awaited + 1
  task.start(self.sink, function()
    local receipt, err, code = sent:receipt(self.wait_s)
    if not receipt then
      counts.no_receipt = counts.no_receipt + 1
    elseif receipt.state == "DELIVERED" then
      counts.delivered = counts.delivered + 1
    else
      counts.undelivered = counts.undelivered + 1
    end
    if self.on_receipt then self.on_receipt(item, sent, receipt, err, code) end
    self.awaited = self.awaited - 1
    if self.awaited == 0 and self.waiter then task.wake_for(self.waiter, self) end
  end)
end

local function result_of(sent, err, code, partial)
  if sent then return { status = "accepted", sent = sent } end
  local status = "not_sent"
  local begun = partial and #partial.message_ids > 0 and (code == "closed" or code == "not_sent")
  if UNKNOWN[code] or begun then status = "unknown" elseif code and code:find "^ESME_" or code and code:find "^0x" then status = "refused" end
  return { status = status, code = code, message = err, sent = partial }
end

local function work(self, item)
  local counts = self.counts
  counts.in_flight = counts.in_flight + 1
  local result = result_of(self.esme:send(item.message))
  counts.in_flight, counts.done = counts.in_flight - 1, counts.done + 1
  counts[result.status] = counts[result.status] + 1
  if result.status == "accepted" then
    counts.parts = counts.parts + #result.sent.parts
  else
    local code = result.code or "failed"
    counts.codes[code] = (counts.codes[code] or 0) + 1
  end
  if self.on_result then self.on_result(item, result) end
  if result.status == "accepted" and self.wait_s then await_receipt(self, item, result.sent) end
end

--- Sends all items.
---@async
---@param esme smpp.Client
---@param next_item fun(): { message: table }?  nil at the end
---@param o { window: integer, wait_s: number?, counts: smpp.BatchCounts?,
---  on_result: fun(item, result: smpp.BatchResult)?, on_receipt: fun(item, sent, receipt?, err?, code?)? }
---  wait_s: receipts are awaited, each so long
---@return smpp.BatchCounts
function batch.run(esme, next_item, o)
  local self = setmetatable({
    esme = esme,
    wait_s = o.wait_s,
    on_result = o.on_result,
    on_receipt = o.on_receipt,
    counts = o.counts or batch.counts(),
    awaited = 0,  -- receipts that are awaited
    waiter = nil, -- the task that waits for the last of them
    sink = function(trace) esme:emit("error", trace) end,
  }, Batch)
  smpp.each(function()
    if not is_open(esme) then return nil end
    return next_item()
  end, o.window, function(item) work(self, item) end)
  if self.awaited > 0 then
    self.waiter = task.need()
    task.wait(self)
  end
  return self.counts
end

---@return smpp.BatchCounts
function batch.counts()
  return {
    done = 0, accepted = 0, refused = 0, unknown = 0, not_sent = 0, parts = 0, codes = {}, in_flight = 0,
    delivered = 0, undelivered = 0, no_receipt = 0,
  }
end

--- The codes of what was not accepted, most frequent first.
---@param counts smpp.BatchCounts
---@return string  "ESME_RTHROTTLED 3, timeout 1", or nothing
function batch.code_words(counts)
  local codes = {}
  for code in pairs(counts.codes) do codes[#codes + 1] = code end
  table.sort(codes, function(a, b)
    if counts.codes[a] ~= counts.codes[b] then return counts.codes[a] > counts.codes[b] end
    return a < b
  end)
  for i, code in ipairs(codes) do codes[i] = ("%s %d"):format(code, counts.codes[code]) end
  return table.concat(codes, ", ")
end

return batch
