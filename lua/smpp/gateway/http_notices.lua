--- What becomes of messages by HTTP, told: to webhooks when it is wanted, and to the DLR URLs of Kannel's and Jasmin's interfaces.  An event
--- is written in the commit of what it tells of.
local stores = require "smpp.store"
local styles = require "smpp.gateway.http_styles"

local notices = {}

---@class smpp.HttpNotices
local Notices = {}
local mt = { __index = Notices, __name = "smpp.HttpNotices" }

local TOLD_MAX = 10000 -- messages whose end, or bits of a DLR, were told, that are remembered

---@param api smpp.HttpApi
---@return smpp.HttpNotices
function notices.new(api)
  local self = setmetatable({
    gateway = api.gateway, book = api.book, webhooks = api.webhooks,
    ending = {},                -- parts whose end is being written
    told = {}, told_count = 0,  -- id of a message of several parts -> true: its end was told; of one with a DLR URL -> bits
  }, mt)
  function self.book.on_receipt(record, receipt) self:receipt(record, receipt) end
  return self
end

--- Does the sender want to be told?
local function is_wanted(record, what)
  if record.receipt == false then return false end
  return what.final and (record.receipt ~= "failure" or what.failed) or record.receipt == "intermediate"
end

local function remember(self, id, value)
  if not self.told[id] then
    if self.told_count >= TOLD_MAX then self.told, self.told_count = {}, 0 end
    self.told_count = self.told_count + 1
  end
  self.told[id] = value
end

--- The events of the bits of a DLR that are due.
---@param self smpp.HttpNotices
---@param changes smpp.Change[]  gets what is to be written with them
---@return { entries: table[], id: string, before: any }? notice
local function dlr(self, changes, record, what, is_over, parts)
  local told = self.told[record.id] or record.told or 0
  local due = styles.due(record.dlr, what, is_over, parts, told)
  if not due[1] then return nil end
  local notice = { entries = {}, id = record.id, before = told }
  for _, bit in ipairs(due) do
    what.bit, told = bit, told + bit
    local more, entries = self.webhooks:draft(record, what)
    for _, change in ipairs(more) do changes[#changes + 1] = change end
    for _, entry in ipairs(entries) do notice.entries[#notice.entries + 1] = entry end
  end
  record.told = told
  remember(self, record.id, told)
  if self.book:is_written(record) then changes[#changes + 1] = { op = "change", kind = "value", key = record.key, set = { told = told } } end
  return notice
end

--- The commit of a notice is over.
local function done(self, notice, ok)
  if not notice then return end
  if ok then self.webhooks:put(notice.entries) else self.told[notice.id] = notice.before end
end

--- The fields of a part as the books will have it.
local function part_of(message, set, state)
  local part = {}
  for _, source in ipairs { message, set } do
    for name, value in pairs(source) do part[name] = value end
  end
  part.state = state
  return part
end

--- A part of a message is about to be final in the books: adds the events of the message's end to the same commit.
---@async
---@param changes smpp.Change[]
---@param message table  of the books
---@param state string
---@param set table      fields that it gets
---@param receipt smpp.Receipt?  that ends it
---@return table? notice  for `ended` after the commit; nil: nothing is told
function Notices:ends(changes, message, state, set, receipt)
  self.ending[message.id] = part_of(message, set, state) -- for the end of another part, until this one is written
  local record = self.book:record(message.http_id)
  if not record then return nil end
  local what, is_over, parts = self.book:outcome(record, self.ending)
  if record.dlr then
    what.receipt = receipt
    return dlr(self, changes, record, what, is_over, parts)
  end
  if not is_over or not is_wanted(record, what) or self.told[record.id] then return nil end
  if record.part_list[2] then remember(self, record.id, true) end -- two parts may end at the same time
  local more, entries = self.webhooks:draft(record, what)
  for _, change in ipairs(more) do changes[#changes + 1] = change end
  return { entries = entries, id = record.id }
end

--- The commit of an end, or of `sent`, is over.
---@param message table   of the books
---@param notice table?   of `ends`
---@param ok boolean?
function Notices:ended(message, notice, ok)
  self.ending[message.id] = nil
  done(self, notice, ok)
end

--- Commits changes of its own, with their events.
---@async
local function commit(self, record, changes, notice)
  local ok, message = stores.commit(self.book.store, changes)
  if not ok then self.gateway:log("error", "store_failed", { account = record.account, reason = message }) end
  self.webhooks:put(notice.entries) -- without the store's knowledge, too: it has not happened again
end

--- Tells of a state on the way, or of the end of a message that passed through, if it is wanted.
---@async
local function tell(self, record, what, is_over, parts)
  local changes, notice = {}, nil
  if record.dlr then
    notice = dlr(self, changes, record, what, is_over, parts)
  elseif is_wanted(record, what) then
    local more, entries = self.webhooks:draft(record, what)
    changes, notice = more, entries[1] and { entries = entries }
  end
  if notice then commit(self, record, changes, notice) end
end

--- Tells of a state on the way of a message in the books, if it is wanted.
---@async
---@param http_id string
---@param receipt smpp.Receipt
---@param carrier string?
function Notices:goes_on(http_id, receipt, carrier)
  local record = self.book:record(http_id)
  if not record then return end
  local what, parts, _ = { carrier = carrier }, {}, nil
  if record.dlr then
    what, _, parts = self.book:outcome(record)
  end
  what.state, what.final = receipt.state == "ACCEPTED" and "accepted" or "sent", false
  what.receipt, what.is_on_its_way = receipt, true
  tell(self, record, what, false, parts)
end

--- A receipt of a message that passed through.
---@async
---@private
function Notices:receipt(record, receipt)
  local what, is_over, parts = self.book:outcome(record)
  if not receipt.final then what.final, what.is_on_its_way = false, true end
  what.receipt = receipt
  if is_over or not receipt.final or record.dlr then tell(self, record, what, is_over, parts) end
end

local INTERMEDIATE = 0x10 -- registered_delivery: intermediate notifications (3.4, 5.2.17)

--- A carrier has taken a part: adds to its commit the events that the message is sent, if that is wanted and it was the last part.
---@async
---@param changes smpp.Change[]
---@param message table  of the books
---@param set table      fields that it gets
---@return table? notice  for `ended`
function Notices:sent(changes, message, set)
  if not message.http_dlr and (message.registered_delivery or 0) < INTERMEDIATE then return nil end
  self.ending[message.id] = part_of(message, set, message.state)
  local record = self.book:record(message.http_id)
  if not record then return nil end
  local what, is_over, parts = self.book:outcome(record, self.ending)
  if record.dlr then return dlr(self, changes, record, what, is_over, parts) end
  if what.state ~= "sent" or not is_wanted(record, what) then return nil end
  local more, entries = self.webhooks:draft(record, what)
  for _, change in ipairs(more) do changes[#changes + 1] = change end
  return { entries = entries, id = record.id }
end

--- All parts of a message have passed through: the events of a DLR that are due, for the commit of its record.
---@async
---@param record table
---@param changes smpp.Change[]  gets them
---@return smpp.Change[] changes
---@return table? notice  for `passed_on`
function Notices:passed(record, changes)
  local what, is_over, parts = self.book:outcome(record)
  return changes, dlr(self, changes, record, what, is_over, parts)
end

--- The commit of a record that passed through is over.
---@param notice table
function Notices:passed_on(notice) done(self, notice, true) end

return notices
