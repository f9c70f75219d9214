--- Matches delivery receipts with submitted messages.  A data structure: no I/O, no clock (`now` is an
--- argument), no callbacks.  Open messages live in a store of octets, by default a compact C map; processes may share one.
local core = require "smpp.core"
local keystore = require "smpp.receipt.keystore"
local message_id = require "smpp.receipt.message_id"
local schema = require "smpp.base.schema"
local kind = require "smpp.base.kind"
local pack = require "smpp.receipt.pack"
local random = require "smpp.base.random"

local number_of, open_part, end_part = core.receipt.number, core.receipt.open_part, core.receipt.end_part
local char = string.char

local tracker = {}

local Tracker = {}
Tracker.__index = Tracker
Tracker.__name = "smpp.receipt.tracker"

local MAX_PARTS = 255
local NO_STATE, OTHER_STATE = 255, 254
local NO_NUMBER = 0
local ENOUGH_DIGITS = 4 -- minimum that must agree
local MAX_UNMATCHED_OCTETS = 4096 -- of the receipts for one unknown id: what a map takes
local MAX_RECEIPT_OCTETS = 1024 -- of one of them
local MAX_TEXT_OCTETS = 160 -- to which a longer text is cut

--- The states of parts, one octet each in the record of a message.
local WAITING, ACCEPTED, DELIVERED, FAILED = "w", "a", "d", "f"

local store_kind, limit = kind.checked("a key store", keystore.wrong), kind.integer(1, 4294967295)

--- Options of `new`.
tracker.schema = schema.new {
  { "id_base", message_id.kind, "auto", "how ids in receipts are written, see above", 'id_base = "hex"' },
  { "ttl_s", kind.seconds, 48 * 3600, "how long a message stays open", "ttl_s = 86400" },
  { "limit", limit, nil, "open messages and parts; above it the oldest is given up, as expired", "limit = 100000", default_text = "none" },
  { "recent_s", kind.seconds, 600, "how long early receipts and finished ids are remembered", "recent_s = 60" },
  { "recent_limit", limit, 100000,
    "early receipts and finished ids; of a receipt over 1024 octets raw and the end of its text are not kept", "recent_limit = 1000" },
  { "seed", "string", nil, "8 unpredictable octets, against hash flooding by message ids", 'seed = ("x"):rep(8)', default_text = "the system's" },
  { "store", store_kind, nil, "of open messages", "store = keystore", default_text = "a map with ttl_s and limit" },
  { "recent", store_kind, nil, "of early receipts and finished ids", "recent = keystore", default_text = "a map with recent_s and recent_limit" },
}

---@class smpp.Outcome
---@field kind "result"|"part"|"intermediate"|"late"|"duplicate"|"expired"|"unclaimed"
---  result: the final result of the message.  part: one of several parts was delivered.  intermediate: a
---  state that is not final.  late: a part of a message that has its result.  duplicate: a repeated receipt.
---  expired: no result in time.  unclaimed: a receipt that no message has claimed; without a handle
---@field handle string|integer  as given to open() or accepted()
---@field part integer?          nil: all parts
---@field parts integer?         nil: late, and no longer known
---@field state string?          DELIVERED …; of a result: of all parts or of the first that failed; expired: the last known state
---@field delivered boolean?     of a result
---@field repeated boolean?      of intermediate: the state of the receipt before it
---@field err string?            of the receipt
---@field code string?           the status or failure code of a refused part
---@field reason "ttl"|"limit"|"reused"|nil  of expired; reused: its message_id was given to another message
---@field receipt smpp.Receipt?  the receipt it comes from
---@field learned "as-is"|"hex"|"dec"|nil  the rule for ids, if this receipt fixed it

---@class smpp.TrackerOptions
---@field id_base "auto"|"as-is"|"hex"|"dec"|nil  as-is: ids of receipts and responses are equal.  hex, dec: the base in
---  receipts, where responses have the other one.  auto (default): learns it
---@field ttl_s number?         how long a message stays open (48 hours)
---@field limit integer?        of open messages and parts; above it the oldest expires (no limit)
---@field recent_s number?      how long early receipts and finished ids are remembered (600)
---@field recent_limit integer? of those (100000)
---@field seed string?          8 unpredictable octets, for the maps (default: the system's)
---@field store smpp.KeyStore?     of open messages, instead of a map with `ttl_s` and `limit`
---@field recent smpp.KeyStore?    of early receipts and finished ids, instead of a map with `recent_s` and `recent_limit`

---@class smpp.Tracker

--- Makes a tracker, one for each message centre (ids are unique per message centre); all binds to it share it.
---@param o? smpp.TrackerOptions
---@return smpp.Tracker
function tracker.new(o)
  o = tracker.schema:fill(tracker.schema:check(o))
  local seed = o.seed or random.octets(8)
  local self = setmetatable({
    store = o.store or core.map.new(o.limit, o.ttl_s, seed),
    recent = o.recent or core.map.new(o.recent_limit, o.recent_s, seed),
    ids = message_id.new(o.id_base),
    gone = {}, -- outcomes that expire() has to report
    is_own = not (o.store or o.recent), -- nobody else puts anything into the stores
    is_usual = not (o.store or o.recent) and o.id_base ~= "as-is", -- C may open the only part of a message
    recent_s = o.recent_s,
    held_until = o.recent and math.huge or -math.huge, -- until when an early receipt may be in `recent`; one of others': always
  }, Tracker)
  self.ids.has_exact = not self.is_own
  return self
end

local function write_handle(handle)
  if type(handle) == "string" then return "s" .. handle end
  if type(handle) == "number" and handle % 1 == 0 then return ("n%.0f"):format(handle) end
  error("handle: expected a string or an integer, got " .. tostring(handle), 3)
end

local function read_handle(octets)
  return octets:sub(1, 1) == "s" and octets:sub(2) or tonumber(octets:sub(2))
end

--- Tests whether two such numbers are of one address; nil: unknown.
local function same_number(a, b)
  if a == NO_NUMBER or b == NO_NUMBER then return nil end
  if a == b then return true end
  local unit = 10 ^ ENOUGH_DIGITS
  if a < unit or b < unit then return false end
  while unit * 10 <= a and unit * 10 <= b do unit = unit * 10 end
  return a % unit == b % unit
end

--- An open part: last state, part, parts, number, handle.
local function write_part(entry, state)
  local rest = entry.number
  local d = rest % 256
  rest = (rest - d) / 256
  local c = rest % 256
  rest = (rest - c) / 256
  local b = rest % 256
  return char(state, entry.part, entry.parts, (rest - b) / 256, b, c, d) .. entry.handle
end

local function read_part(octets)
  local state, part, parts, a, b, c, d = octets:byte(1, 7)
  return {
    state = state, part = part, parts = parts, number = ((a * 256 + b) * 256 + c) * 256 + d, handle = octets:sub(8), octets = octets,
    ended = false,
  }
end

local function outcome(kind, entry, receipt)
  return {
    kind = kind, handle = read_handle(entry.handle), part = entry.part, parts = entry.parts,
    state = receipt and receipt.state, err = receipt and receipt.err, receipt = receipt,
  }
end

--- The outcome of an expired entry of the store; nil: another entry has it.
local function expired_outcome(key, value, reason)
  local entry
  if key:sub(1, 1) == "h" then
    if value:sub(1, 1) == FAILED then return nil end
    entry = { handle = key:sub(2), parts = #value - 1 }
  else
    entry = read_part(value)
    if entry.parts > 1 then return nil end
  end
  local out = outcome("expired", entry)
  out.state, out.reason = entry.state and core.receipt.state(entry.state) or nil, reason
  return out
end

function Tracker:put(key, value, now)
  while self.store:put(key, value, now) == false do
    local old_key, old_value = self.store:expire(math.huge)
    self.gone[#self.gone + 1] = expired_outcome(old_key or key, old_value or value, "limit")
    if not old_key then return end
  end
end

function Tracker:remember(key, value, now)
  while self.recent:put(key, value, now) == false do
    if not self.recent:expire(math.huge) then return end
  end
end

local function check_part(part, parts)
  if type(part) ~= "number" or part % 1 ~= 0 or part < 1 or part > parts then
    error(("part: expected 1 to %d, got %s"):format(parts, tostring(part)), 3)
  end
end

--- Announces a message of several parts, before the first is submitted.  One of a single part needs no open().
---@param handle string|integer  returned in its outcomes
---@param parts integer  1 to 255
---@param now number
function Tracker:open(handle, parts, now)
  local key = "h" .. write_handle(handle)
  if type(parts) ~= "number" or parts % 1 ~= 0 or parts < 1 or parts > MAX_PARTS then
    error("parts: expected 1 to 255, got " .. tostring(parts), 2)
  end
  if self.store:get(key) then error("duplicate handle: " .. tostring(handle) .. " is already open", 2) end
  if parts > 1 then self:put(key, WAITING .. WAITING:rep(parts), now) end
end

--- Is a message of several parts announced, and not ended?
---@param handle string|integer
---@return boolean
function Tracker:is_open(handle) return self.store:get("h" .. write_handle(handle)) ~= nil end

--- The record of a message of several parts: FAILED when that is its result already, then each part.
function Tracker:set_part(key, record, part, what, now)
  record = (what == FAILED and FAILED or record:sub(1, 1)) .. record:sub(2, part) .. what .. record:sub(part + 2)
  if record:find("[" .. WAITING .. ACCEPTED .. "]", 2) then
    self:put(key, record, now)
  else
    self.store:delete(key)
  end
  return record
end

--- Sets the state of a part that has ended; returns "result" if it decides the message.
function Tracker:finish(entry, ok, now)
  if entry.parts == 1 then return "result" end
  local key = "h" .. entry.handle
  local record = self.store:get(key)
  if not record then return "late" end
  local decided = record:sub(1, 1) == FAILED
  record = self:set_part(key, record, entry.part, ok and DELIVERED or FAILED, now)
  if decided then return "late" end
  return (not ok or not record:find("[^" .. DELIVERED .. "]", 2)) and "result" or "part"
end

--- Applies a receipt to its part.
function Tracker:apply(key, entry, receipt, now)
  if not receipt.final then
    local state = receipt.message_state or OTHER_STATE
    local out = outcome("intermediate", entry, receipt)
    out.repeated = entry.state == state and state ~= OTHER_STATE or nil
    entry.state = state
    self:put(key, write_part(entry, state), now)
    return out
  end
  self.store:delete(key)
  self:remember("d" .. key, entry.state == NO_STATE and entry.octets or write_part(entry, NO_STATE), now)
  local ok = receipt.state == "DELIVERED" or receipt.state == "ACCEPTED"
  local out = outcome(self:finish(entry, ok, now), entry, receipt)
  if out.kind == "result" then out.delivered = ok end
  return out
end

--- Finds the part of a receipt by one spelling of its id: an open part, or one that has ended recently.
---@param least number   how certain it must be: see Rule:weigh
---@param before number? only messages that were accepted by then
---@return table? entry, string? way, string? key, number? weight  nil where two are equally likely
local function find_by_id(self, id, number, least, before)
  local best, best_way, best_key, best_weight = nil, nil, nil, 0
  local found_exact = false
  for n = 1, math.huge do
    local key, way = self.ids:candidate(id, n)
    if key == nil then break end
    if way == "as-is" and found_exact then key = false end -- an exact match takes precedence over one that ignores case
    local open, since
    if key then open, since = self.store:get(key) end
    local value = open or key and self.recent:get("d" .. key)
    if value and not (before and since and since > before) then
      local entry = read_part(value)
      local weight = self.ids:weigh(id, key, way, same_number(number, entry.number)) or 0
      entry.ended = not open
      found_exact = found_exact or way == "as-is"
      if weight > best_weight then
        best, best_way, best_key, best_weight = entry, way, key, weight
      elseif weight == best_weight then
        best, best_way = nil, nil -- ambiguous: two messages
      end
      if self.ids:is_settled(best_weight) then break end
    end
  end
  if best_weight < least then best = nil end
  return best, best_way, best_key, best_weight
end

--- Finds the part of a receipt by its main id or by its other one; also returns the id that matched.
local function find_part(self, receipt, least, before)
  local number = number_of(receipt.source_addr)
  local entry, way, key, weight = find_by_id(self, receipt.id, number, least, before)
  local other = receipt.fields and receipt.fields.id
  if entry or not other or other == "" or other == receipt.id then return entry, way, key, receipt.id, weight end
  entry, way, key, weight = find_by_id(self, other, number, least, before)
  return entry, way, key, other, weight
end

--- The outcome of a receipt for a message that is known with enough certainty, or nil.
local function match(self, receipt, now, least, before)
  local entry, way, key, id, weight = find_part(self, receipt, least, before)
  local learned
  if not entry and way and weight >= 0.5 and weight < least then -- too uncertain to act on, but counts for learning the rule
    learned = self.ids:learn(id, way)
    if learned then entry, way, key, id = find_part(self, receipt, least, before) end
  end
  if not entry then return nil end
  if entry.ended then return outcome("duplicate", entry, receipt) end
  learned = self.ids:learn(id, way) or learned
  local out = self:apply(key, entry, receipt, now)
  out.learned = learned
  return out
end

--- A copy of a receipt for storage, cut to a limited size.
local function write_receipt(receipt)
  local octets = pack.write(receipt)
  if #octets <= MAX_RECEIPT_OCTETS then return octets end
  local fields = {}
  for key, value in pairs(receipt.fields or {}) do
    if #tostring(value) <= MAX_TEXT_OCTETS then fields[key] = value end
  end
  receipt = schema.merge(receipt, { fields = fields, tlvs = {} })
  receipt.raw = nil
  if receipt.text then receipt.text = receipt.text:sub(1, MAX_TEXT_OCTETS) end
  octets = pack.write(receipt)
  if #octets <= MAX_RECEIPT_OCTETS then return octets end
  return pack.write {
    kind = receipt.kind, id = receipt.id, state = receipt.state, message_state = receipt.message_state, final = receipt.final,
    err = receipt.err:sub(1, MAX_TEXT_OCTETS), err_code = receipt.err_code, submitted = receipt.submitted, done = receipt.done,
    source_addr = receipt.source_addr, destination_addr = receipt.destination_addr,
  }
end

--- Keeps a receipt whose response has not come yet, under each of its ids.
function Tracker:hold(receipt, now)
  local octets = write_receipt(receipt)
  local id, other = receipt.id, receipt.fields and receipt.fields.id
  local first = self.ids:early_key(id)
  self:hold_under(first, octets, now)
  if other and other ~= "" and self.ids:early_key(other) ~= first then self:hold_under(self.ids:early_key(other), octets, now) end
end

--- Appends a receipt; at the limit the oldest ones are dropped, since the last state counts.
function Tracker:hold_under(key, octets, now)
  self.held_until = math.max(self.held_until, now + self.recent_s)
  local unmatched = self.recent:get(key) or ""
  if unmatched:find(octets, 1, true) then return end -- a repeated receipt
  unmatched = unmatched .. octets
  while #unmatched > MAX_UNMATCHED_OCTETS do unmatched = unmatched:sub(pack.next(unmatched, 1)) end
  self:remember(key, unmatched, now)
end

--- Applies the unmatched receipts of a response's id.
function Tracker:release(id, now)
  local outcomes
  if now > self.held_until then return nil end
  for n = 1, math.huge do
    local key = self.ids:early_candidate(id, n)
    if key == nil then return outcomes end
    local unmatched = key and self.recent:get(key)
    if unmatched then
      local kept = {}
      for _, receipt in ipairs(pack.read_all(unmatched)) do
        local outcome_of_it = match(self, receipt, now, 1)
        if outcome_of_it then
          outcomes = outcomes or {}
          outcomes[#outcomes + 1] = outcome_of_it
        else
          kept[#kept + 1] = pack.write(receipt) -- for another response
        end
      end
      if kept[1] then self:remember(key, table.concat(kept), now) else self.recent:delete(key) end
    end
  end
end

--- Removes expired early receipts and finished ids.  A receipt that no response claimed is then matched with the only
--- candidate, which was too uncertain while a response could still come.
function Tracker:forget(now)
  while true do
    local key, value, since = self.recent:expire(now)
    if not key then return end
    if key:sub(1, 1) == "e" then
      for _, receipt in ipairs(pack.read_all(value)) do
        self.gone[#self.gone + 1] = match(self, receipt, now, 0.5, since or now) or { kind = "unclaimed", receipt = receipt }
      end
    end
  end
end

--- Records a submit_sm_resp: the part is open under its message_id.
---@param handle string|integer
---@param part integer  1 when there is one
---@param id string     of the submit_sm_resp
---@param now number
---@param to? string    destination address: without it no id of another base is recognised
---@return smpp.Outcome[]? outcomes  of early receipts; nil: none
---@return string? err
---@return string? code  "missing": a response without a message_id, so no receipt can match
function Tracker:accepted(handle, part, id, now, to)
  if self.is_usual and part == 1 and id and (type(handle) == "string" or (type(handle) == "number" and handle >= 0 and handle % 1 == 0
    and handle < 2 ^ 53)) and open_part(self.store, self.recent, id, handle, to, now) then
    return self:release(id, now)
  end
  self:forget(now)
  local entry = { state = NO_STATE, part = part, parts = 1, handle = write_handle(handle), number = number_of(to) }
  local record_key = "h" .. entry.handle
  local record = self.store:get(record_key)
  check_part(part, record and #record - 1 or MAX_PARTS)
  if part > 1 and not record then return nil end -- given up meanwhile
  entry.parts = record and #record - 1 or 1
  if not id or not id:find "[^%z]" then return nil, "missing message_id in the response", "missing" end
  if record then self:set_part(record_key, record, part, ACCEPTED, now) end

  local key, second = self.ids:keys(id)
  local reused = self.store:get(key)
  if reused and second then
    key, self.ids.has_exact = second, true
    reused = self.store:get(key)
  end
  if reused then
    self.store:delete(key)
    self.gone[#self.gone + 1] = expired_outcome(key, reused, "reused")
  end
  self:put(key, write_part(entry, NO_STATE), now)
  return self:release(id, now)
end

--- Records that a part was refused or not sent: the message has its result, unless another part failed before.
---@param handle string|integer
---@param part integer
---@param code string  "ESME_…" or another failure code
---@param now number
---@return smpp.Outcome outcome
function Tracker:refused(handle, part, code, now)
  local entry = { part = part, handle = write_handle(handle) }
  local record = self.store:get("h" .. entry.handle)
  check_part(part, record and #record - 1 or MAX_PARTS)
  entry.parts = record and #record - 1 or part == 1 and 1 or nil -- nil: given up meanwhile
  local out = outcome(self:finish(entry, false, now), entry)
  if out.kind == "result" then out.delivered = false end
  out.code = code
  return out
end

--- Matches a receipt.
---@param receipt smpp.Receipt  as receipt.parse() gives it; `source_addr` decides where ids are ambiguous
---@param now number
---@param none_due? boolean  no response is due that could claim the receipt later: it need not be kept
---@return smpp.Outcome? outcome
---@return string? err
---@return string? code  "missing": no open message has this id (it is kept for the response that may still come), or the
---  receipt has no state, as acknowledgements
function Tracker:receipt(receipt, now, none_due)
  if type(receipt) ~= "table" then error("receipt: expected a table, got " .. type(receipt), 2) end
  local id = receipt.id
  if not id or not receipt.state then return nil, "missing id or state (an acknowledgement, or a malformed receipt)", "missing" end
  self:forget(now)
  local out = match(self, receipt, now, 1)
  if out then return out end
  if not (none_due and self.is_own and self.store:count() == 0) then self:hold(receipt, now) end
  return nil, "unknown message id " .. id .. ": no open message", "missing"
end

--- Ends the only part of a message: a fast path with the same effect as `receipt`, for a final receipt, once it is certain that
--- ids of receipts and responses are spelled alike.
---@param id string  of the receipt
---@param now number
---@return integer|string|nil handle  its outcome is the result; nil: use `receipt`
function Tracker:finished(id, now)
  local ids = self.ids
  if not ids.is_sure or ids.has_exact then return nil end -- then its stores are its own
  return end_part(self.store, self.recent, id, now)
end

--- Tests whether no receipt can match: no message is open or was.
---@return boolean
function Tracker:is_empty() return self.is_own and self.store:count() == 0 and self.recent:count() == 0 end

--- Tests whether `expire` has outcomes to report now.
---@return boolean
function Tracker:has_outcomes() return self.gone[1] ~= nil end

--- Gives up expired messages and receipts.
---@param now number
---@return smpp.Outcome[] outcomes  of kind expired, oldest first, including those dropped at the limit since the last call; then
---  those of receipts that no response claimed (other kinds)
function Tracker:expire(now)
  local list = self.gone
  self.gone = {}
  while true do
    local key, value = self.store:expire(now)
    if not key then break end
    list[#list + 1] = expired_outcome(key, value, "ttl")
  end
  self:forget(now)
  for _, out in ipairs(self.gone) do list[#list + 1] = out end
  self.gone = {}
  return list
end

--- When to call expire() again.
---@return number? at  nil: nothing pending
function Tracker:next_expiry()
  if #self.gone > 0 then return 0 end
  local open, recent = self.store:next_expiry(), self.recent:next_expiry()
  if open and recent then return math.min(open, recent) end
  return open or recent
end

--- Open entries: one per part that awaits its receipt, one per message of several parts.
---@return integer
function Tracker:count() return self.store:count() end

--- The rule for ids in force, and whether it is learned, given, or not known yet ("auto").
---@return "auto"|"as-is"|"hex"|"dec" rule
---@return boolean learned
function Tracker:id_rule()
  if self.ids.learned then return self.ids.learned, true end
  return self.ids.rule, false
end

return tracker
