--- How the message_id of a receipt relates to that of the submit_sm_resp.  They should be equal; some message centres
--- write one in hex and the other in decimal, pad with zeros or blanks, or change case.
local core = require "smpp.core"
local kind = require "smpp.base.kind"

local rebase = core.receipt.rebase

local message_id = {}

local Rule = {}
Rule.__index = Rule
Rule.__name = "smpp.receipt.message_id"

local ENOUGH = 3 -- so many receipts that agree fix the rule
local MOST = 10 -- and at most so many that disagree change it
local DISTINCT = 5 -- digits: unrelated ids of this length are rarely equal
local CERTAIN = 8 -- digits: ids of this length in use at one time do not collide in two bases: 0x12345678 is 25 times 12345678

--- Ways to read a receipt's id under each rule.  dec: the receipt's id is decimal, that of the response hexadecimal.
local WAYS = {
  ["as-is"] = { "exact" }, hex = { "hex", "exact", "fold" }, dec = { "dec", "exact", "fold" },
  auto = { "exact", "fold", "dec", "hex" },
}

--- The id in lower case, without leading zeros, trailing NULs and blanks; a UUID without its hyphens.
---@type fun(id: string): folded: string, digits: boolean
message_id.fold = core.receipt.fold

local fold, trim = core.receipt.fold, core.receipt.trim

--- The names of the rules, as options have them.
message_id.kind = kind.one_of("auto", "as-is", "hex", "dec")

---@class smpp.MessageIdRule
---@field rule "auto"|"as-is"|"hex"|"dec"
---@field learned "as-is"|"hex"|"dec"|nil  with auto: the rule derived from the receipts so far
---@field has_exact boolean  messages may stand under the second key of `keys`; settable
---@field is_sure boolean  learned from many receipts in a row: ids are spelled alike, and another receipt changes nothing

--- Makes a rule.  hex, dec: the base of ids in receipts, where submit_sm_resp has the other one.
---@param rule "auto"|"as-is"|"hex"|"dec"
---@return smpp.MessageIdRule
function message_id.new(rule)
  return setmetatable({ rule = rule, learned = nil, leading = nil, score = 0, has_exact = true, is_sure = false }, Rule)
end

--- The keys under which a submit_sm_resp's id may be stored: the first that is free.
---@param id string
---@return string key, string? second
function Rule:keys(id)
  if self.rule == "as-is" then return "=" .. trim(id), nil end
  return "i" .. (fold(id)), "=" .. trim(id)
end

--- The key under which an early receipt with this id waits for its response.
---@param id string
---@return string
function Rule:early_key(id) return "e" .. (self.rule == "as-is" and trim(id) or fold(id)) end

--- The n-th key under which receipts for a response's id may wait.
---@param id string
---@param n integer  from 1
---@return string|false|nil key  false: no such key, try the next; nil: there is no n-th
function Rule:early_candidate(id, n)
  if n == 1 then return self:early_key(id) end
  if n > 3 or self.rule == "as-is" then return nil end
  local folded = fold(id)
  local other = rebase(folded, n == 2 and "dec" or "hex")
  return other and other ~= folded and "e" .. other or false
end

--- The n-th key under which the message of a receipt's id may be found.
---@param id string
---@param n integer  from 1
---@return string|false|nil key  false: no key in this way, try the next; nil: there is no n-th
---@return "as-is"|"hex"|"dec"|nil way
function Rule:candidate(id, n)
  local way = WAYS[self.rule][n]
  if way == "exact" then
    return (self.rule == "as-is" or self.has_exact) and "=" .. trim(id), "as-is"
  end
  if not way then return nil end
  local folded = fold(id)
  if way == "fold" then return "i" .. folded, "as-is" end
  local other = rebase(folded, way == "dec" and "hex" or "dec")
  return other and other ~= folded and "i" .. other or false, way
end

--- The confidence of a match between a receipt and a message found under a key.  An id of decimal digits can be read in both bases, so
--- equality proves a match only where the rule says so; a conversion proves one only with the same destination address.
---@param id string   of the receipt
---@param key string  where the message was found
---@param way "as-is"|"hex"|"dec"
---@param same_number boolean?  the receipt comes from the address that the message went to; nil: not known
---@return number? weight  3: certain, 2, 1: less so; 0.5: only when no response claims the receipt; nil: no match
function Rule:weigh(id, key, way, same_number)
  local folded, digits = fold(id)
  local is_ambiguous = digits and #folded > 1
  local rule = self.rule == "auto" and self.learned or self.rule
  if way == "as-is" then
    if rule == "as-is" or not is_ambiguous then return 3 end
    if same_number then return 2 end
    if rule == "auto" then return (same_number == nil or #folded >= CERTAIN) and 1 or #folded >= DISTINCT and 0.5 or nil end
    return nil -- the id of another message, in the base that the rule names
  end
  if self.rule ~= "auto" then return 3 end
  if not same_number then return nil end
  if rule == way then return 3 end
  if rule == "auto" and key:find("%a", 2) then return 2 end
  if rule ~= "as-is" and not is_ambiguous then return 2 end
  return 0.5
end

--- Tests whether no later key of `candidate` can find a message with the same certainty.
---@param weight number  of that one
---@return boolean
function Rule:is_settled(weight)
  return weight == 3 and self.rule == "auto" and (self.learned == nil or self.learned == "as-is")
end

--- Counts a match.  Returns the rule if this match fixed or changed it.
---@param id string  of the receipt
---@param way "as-is"|"hex"|"dec"
---@return "as-is"|"hex"|"dec"|nil learned
function Rule:learn(id, way)
  if self.rule ~= "auto" then return nil end
  local folded, digits = fold(id)
  if digits and #folded == 1 then return nil end -- a single digit is the same in both bases
  if self.leading == way then
    self.score = math.min(self.score + 1, MOST)
  elseif self.score <= 1 then
    self.leading, self.score = way, 1
  else
    self.score = self.score - 1
  end
  local is_new = self.score >= ENOUGH and self.learned ~= self.leading
  if is_new then self.learned = self.leading end
  self.is_sure = self.score == MOST and self.learned == "as-is"
  return is_new and self.learned or nil
end

return message_id
