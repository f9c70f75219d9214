--- How the message_id of a receipt relates to that of the submit_sm_resp.  They should be equal; some message centres
--- write one in hex and the other in decimal, pad with zeros, or change case.
local core = require "smpp.core"

local rebase = core.receipt.rebase

local message_id = {}

local Rule = {}
Rule.__index = Rule
Rule.__name = "smpp.receipt.message_id"

local ENOUGH = 3 -- receipts that agree make a rule
local MOST = 10 -- and so many of another kind at most undo it
local DISTINCT = 5 -- digits that two unrelated ids hardly share

--- Ways to read a receipt's id under each rule, and under auto when one is learned.
local ORDER = {
  ["as-is"] = { "exact" }, hex = { "hex", "exact", "fold" }, dec = { "dec", "exact", "fold" },
  auto = { "exact", "fold", "dec", "hex" },
}
local LEARNED = { hex = { "hex", "exact", "fold", "dec" }, dec = { "dec", "exact", "fold", "hex" } }

--- The id in lower case, without leading zeros and trailing NULs.
---@param id string
---@return string
function message_id.fold(id) return (id:lower():match "^0*(.-)%z*$"):match "^.+" or "0" end

--- What is wrong with the name of a rule, or nil.
---@return string?
function message_id.check_rule(rule)
  if ORDER[rule] then return nil end
  return ('"auto", "as-is", "hex" or "dec" expected, got %s'):format(tostring(rule))
end

---@class smpp.MessageIdRule
---@field rule "auto"|"as-is"|"hex"|"dec"
---@field learned "as-is"|"hex"|"dec"|nil  with auto: what the receipts so far have shown

--- Makes a rule.  hex, dec: the base of ids in receipts, where submit_sm_resp has the other one.
---@param rule "auto"|"as-is"|"hex"|"dec"
---@return smpp.MessageIdRule
function message_id.new(rule)
  return setmetatable({ rule = rule, learned = nil, leading = nil, score = 0 }, Rule)
end

--- The keys under which a submit_sm_resp's id may be stored: the first that is free.
---@param id string
---@return string key, string? second
function Rule:keys(id)
  if self.rule == "as-is" then return "=" .. (id:match "^(.-)%z*$"), nil end
  return "i" .. message_id.fold(id), "=" .. (id:match "^(.-)%z*$")
end

--- The n-th likeliest key under which the message of a receipt's id may be found.
---@param id string
---@param n integer  from 1
---@return string|false|nil key  false: this way leads nowhere, the next may; nil: there is no n-th
---@return "as-is"|"hex"|"dec"|nil way
function Rule:candidate(id, n)
  local way = (self.rule == "auto" and LEARNED[self.learned] or ORDER[self.rule])[n]
  if way == "exact" then return "=" .. (id:match "^(.-)%z*$"), "as-is" end
  if way == "fold" then return "i" .. message_id.fold(id), "as-is" end
  if not way then return nil end
  local other = rebase(message_id.fold(id), way == "dec" and "hex" or "dec")
  return other and "i" .. other or false, way
end

--- May a message found this way be taken for the receipt's?
---@param id string
---@param way "as-is"|"hex"|"dec"
---@param same_number boolean?  the receipt's number is the message's; nil: not known
---@return boolean
function Rule:trusts(id, way, same_number)
  if self.rule ~= "auto" or same_number or #message_id.fold(id) >= DISTINCT then return true end
  if self.learned then return way == self.learned end
  return way == "as-is" and same_number == nil
end

--- Counts a match.  Returns the rule if this made it certain, or another one.
---@param id string  of the receipt
---@param way "as-is"|"hex"|"dec"
---@return "as-is"|"hex"|"dec"|nil learned
function Rule:learn(id, way)
  local fold = message_id.fold(id)
  if self.rule ~= "auto" or rebase(fold, "hex") == fold then return nil end -- a single digit tells nothing
  if self.leading == way then
    self.score = math.min(self.score + 1, MOST)
  elseif self.score <= 1 then
    self.leading, self.score = way, 1
  else
    self.score = self.score - 1
  end
  if self.score < ENOUGH or self.learned == self.leading then return nil end
  self.learned = self.leading
  return self.learned
end

return message_id
