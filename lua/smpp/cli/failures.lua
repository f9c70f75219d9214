--- The messages of smpp send that were not delivered, and the reasons.
local json = require "smpp.codec.json"
local outcome_style = require("smpp.cli.output").outcome_style
local shown = require "smpp.base.shown"

local failures = {}

local MOST = 10 -- that are shown one by one

---@class smpp.Failures
---@field reasons table<string, integer>  "ESME_RINVDSTADR", "UNDELIVERABLE err 069" -> how many
---@field first { line: integer, to: string, reason: string, style: string, message: string? }[]  the first of them
---@field count integer
---@field distinct integer  reasons so far

---@return smpp.Failures
function failures.new() return { reasons = {}, first = {}, count = 0, distinct = 0 } end

local MOST_REASONS = 100 -- err is what a carrier writes there

local function add(self, item, reason, outcome, message)
  self.count = self.count + 1
  if not self.reasons[reason] then
    if self.distinct >= MOST_REASONS then reason = "other" end
    self.distinct = self.distinct + 1
  end
  self.reasons[reason] = (self.reasons[reason] or 0) + 1
  if #self.first < MOST then
    self.first[#self.first + 1] = { line = item.line, to = item.to, reason = reason, style = outcome_style(outcome), message = message }
  end
end

--- A message that was not accepted.
---@param self smpp.Failures
---@param item table
---@param result smpp.BatchResult
function failures.add_result(self, item, result)
  add(self, item, result.code or result.status, result.status, result.message)
end

--- A receipt that does not say DELIVERED, or none in time.
---@param self smpp.Failures
---@param item table
---@param sent smpp.Sent
---@param receipt smpp.Receipt?
function failures.add_receipt(self, item, sent, receipt)
  if not receipt then
    return add(self, item, sent.last_state and "no receipt, last state " .. sent.last_state or "no receipt", "no_receipt")
  end
  if receipt.state == "DELIVERED" then return end
  local err = receipt.err ~= "" and receipt.err ~= "000" and " err " .. receipt.err or ""
  add(self, item, receipt.state .. err, receipt.state)
end

local function sorted(reasons)
  local names = {}
  for name in pairs(reasons) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if reasons[a] ~= reasons[b] then return reasons[a] > reasons[b] end
    return a < b
  end)
  return names
end

--- The reasons with their counts, and the first messages.
---@param out smpp.CliOutput
---@param self smpp.Failures
---@param path string?  of the result file, where they come from one with lines
function failures.print(out, self, path)
  if self.count == 0 then return end
  local words = {}
  for i, reason in ipairs(sorted(self.reasons)) do words[i] = ("%d %s"):format(self.reasons[reason], shown.text(reason)) end
  out:note("not delivered: %s", table.concat(words, ", "))
  for _, one in ipairs(self.first) do
    local what = one.message or one.reason
    if not what:find(one.reason, 1, true) then what = one.reason .. ": " .. what end
    out:note("   %s%s: %s", path and ("line %d, "):format(one.line) or "", shown.text(one.to), out:paint_note(one.style, shown.text(what)))
  end
  if self.count > #self.first then out:note("   %d more%s", self.count - #self.first, path and ": see " .. path or "") end
end

--- For --json: reason -> how many.
---@param self smpp.Failures
---@return table
function failures.object(self)
  local list = {}
  for i, reason in ipairs(sorted(self.reasons)) do list[2 * i - 1], list[2 * i] = json.text(reason), self.reasons[reason] end
  return json.object(list)
end

return failures
